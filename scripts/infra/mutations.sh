#!/usr/bin/env bash
# Breaks the infrastructure on purpose, one way at a time, in copies of the tree, and wants a test to turn red
# each time. `mutations.sh` runs all, `mutations.sh NAME...` those, `mutations.sh --list` names them.
#
# Exit code 0 when every mutation was noticed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/infra/lib.sh
source scripts/infra/lib.sh

# name | test that has to notice | file | what is done to it (python: `text` is the file's)
# shellcheck disable=SC2016 # what is done is python's, not the shell's
readonly MUTATIONS='
nat-gateway-more | tier_dev | tiers.json | text.replace("\"nat_gateways\": 1", "\"nat_gateways\": 2", 1)
images-kept | tier_dev | tiers.json | text.replace("\"images_kept\": 10", "\"images_kept\": 11", 1)
engine-type | tier_dev | tiers.json | text.replace("m5zn.metal", "z1d.metal", 1)
module-budgets-deleted | tier_dev | main.tf | drop(text, "module \"budgets\"")
module-multicast-deleted | tier_dev | main.tf | drop(text, "module \"multicast\"")
module-mdc-off | tier_dev | main.tf | text.replace("create                       = var.create_hot_path && var.transport_mode == \"mdc\"", "create = false", 1)
standbys-gone | tier_dev | tiers.json | text.replace("\"standby_per_shard\": 1", "\"standby_per_shard\": 0", 1)
waf-off | tier_medium | main.tf | text.replace("create_waf          = local.tier.waf", "create_waf = false", 1)
nodes-fewer | tier_medium | tiers.json | text.replace("\"desired\": 6", "\"desired\": 5", 1)
replicas-fewer | tier_high | tiers.json | text.replace("\"replicas\": 4", "\"replicas\": 3", 1)
placement-spread | module_engine | modules/engine/main.tf | text.replace("strategy = \"cluster\"", "strategy = \"spread\"", 1)
any-instance-type | module_engine | modules/engine/main.tf | text.replace("condition     = data.aws_ec2_instance_type.this[each.value.instance_type].bare_metal", "condition     = data.aws_ec2_instance_type.this[each.value.instance_type].bare_metal || true", 1)
untuned-host | module_engine | modules/engine/templates/user-data.sh.tftpl | text.replace("vesta-tune check --profile", "true --profile", 1)
cores-of-nobody | module_engine | modules/engine/templates/vesta.toml.tftpl | text.replace("${cores.engine}", "", 1)
hot-interface-gone | module_engine | modules/engine/main.tf | drop(text, "resource \"aws_network_interface_attachment\" \"hot\"")
redis-in-the-clear | module_cache | modules/cache/main.tf | text.replace("transit_encryption_mode    = \"required\"", "transit_encryption_mode    = \"preferred\"", 1)
redis-key-of-another | module_cache | modules/cache/main.tf | text.replace("kms_key_id                 = var.kms_key_arn", "", 1)
redis-for-all | module_cache | modules/cache/main.tf | text.replace("from_port                    = 6379", "from_port                    = 0", 1)
database-key-of-another | module_database | modules/database/main.tf | text.replace("  kms_key_id            = var.kms_key_arn", "  kms_key_id            = \"arn:aws:kms:us-east-1:123456789012:key/2\"", 1)
clusters-uneven | tier_high | tiers.json | text.replace("\"desired\": 5", "\"desired\": 4", 1).replace("\"desired\": 5", "\"desired\": 6", 1)
waf-of-other-rules | tier_medium | modules/edge/waf.tf | text.replace("AWSManagedRulesSQLiRuleSet", "AWSManagedRulesLinuxRuleSet", 1)
waf-that-counts | tier_medium | modules/edge/waf.tf | text.replace("none {}", "count {}", 1)
secrets-of-one-kind | tier_medium | tiers.json | text.replace("\"encryption-futures\"", "\"jwt-more-futures\"", 1)
flow-logs-gone | module_network | modules/network/main.tf | drop(text, "resource \"aws_flow_log\" \"this\"")
lock-weaker | module_storage | modules/storage/variables.tf | text.replace("default     = \"COMPLIANCE\"", "default     = \"GOVERNANCE\"", 1)
latency-alarm-late | module_observability | modules/observability/alarms.tf | text.replace("threshold = 10,", "threshold = 20,", 1)
'

# Applies a mutation; fails if it changes nothing, so that one that no longer fits is noticed.
mutate() {
    python3 - "$1" "$2" <<'PYTHON'
import re, sys

def drop(text, head):
    """Without the block that begins with `head`."""
    return re.sub(r"^" + re.escape(head) + r" \{\n.*?^\}\n", "", text, count=1, flags=re.M | re.S)

path, expression = sys.argv[1:]
text = open(path).read()
changed = eval(expression, {"text": text, "drop": drop})
if changed == text:
    sys.exit(f"the mutation changes nothing in {path}")
open(path, "w").write(changed)
PYTHON
}

# One mutation, in a process of its own.
one() {
    local tree=$1 wanted=$2 name test file expression copy
    while IFS='|' read -r name test file expression; do
        name=${name// /} test=${test// /} file=${file// /}
        [[ $name == "$wanted" ]] || continue
        copy=$infra_work/mutants/$name
        rm -rf "$copy"
        mkdir -p "$infra_work/mutants"
        cp -r "$tree" "$copy"
        mutate "$copy/$file" "${expression# }" >"$copy.log" 2>&1 || {
            printf 'FAILED %-26s %s\n' "$name" "$(tail -n 1 "$copy.log")"
            return 1
        }
        if terraform -chdir="$copy" test -no-color -filter="tests/$test.tftest.hcl" >"$copy.log" 2>&1; then
            printf 'FAILED %-26s %s stays green\n' "$name" "$test"
            return 1
        fi
        # Red for another reason than the mutation would prove nothing.
        if ! grep -qE 'Test assertion failed|Missing expected failure|Reference to undeclared' "$copy.log"; then
            printf 'FAILED %-26s %s is red for another reason: %s\n' "$name" "$test" "$copy.log"
            return 1
        fi
        printf 'red    %-26s %s\n' "$name" "$test"
        rm -rf "$copy"
        return 0
    done <<<"$MUTATIONS"
    echo "no mutation is called '$wanted'" >&2
    return 2
}

names() { awk -F '|' 'NF > 2 { gsub(/ /, "", $1); print $1 }' <<<"$MUTATIONS"; }

tree=
case ${1:-} in
--list)
    names
    exit 0
    ;;
--one)
    infra_cli_config
    one "$2" "$3"
    exit
    ;;
--tree)
    tree=$2
    shift 2
    ;;
esac

if ! command -v terraform >/dev/null; then
    echo "SKIP mutations: there is no terraform on PATH"
    exit 0
fi
mkdir -p "$infra_work"
infra_cli_config
if [[ -z $tree ]]; then
    tree=$infra_work/mutants/origin
    infra_tree "$tree"
fi
wanted=("$@")
((${#wanted[@]} > 0)) || mapfile -t wanted < <(names)
printf '%s\n' "${wanted[@]}" | xargs -P "${VESTA_INFRA_JOBS:-2}" -I{} "$0" --one "$tree" {}
echo "${#wanted[@]} mutations, each noticed"
