#!/usr/bin/env bash
# Every check of terraform/, without a cloud; called by `make test-infra` after scripts/infra/setup.sh.
# `terraform.sh CHECK...` runs only those, and `--list` names them.
#
# Prints a line per check, and on the last line {"ok":..,"skipped":..,"failed":..}, where each run of
# `terraform test` and each mutation counts as one. Logs are in target/infra/logs. Exits 1 if one failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/infra/lib.sh
source scripts/infra/lib.sh
# shellcheck source=scripts/infra/checks.sh
source scripts/infra/checks.sh

readonly PART=terraform TREE=$infra_work/terraform TOOLS=$PWD/target/tools
# In the order in which they are started. The moto check mostly waits, so it begins.
readonly CHECKS=(fmt style documents scripts rotate moto tests_a tests_b validate checkov mutations)
readonly NEED_TERRAFORM=(fmt moto tests_a tests_b validate mutations)
# Of scripts/infra/mutations.sh, those that cost little; all of them are run by hand.
readonly QUICK_MUTATIONS=(module-budgets-deleted any-instance-type redis-in-the-clear)
readonly VESTA=${VESTA_BIN:-${CARGO_TARGET_DIR:-target}/release/vesta}
readonly CHECK_MAX_S=600

check_fmt() { terraform fmt -check -recursive -diff terraform; }

check_style() {
    python3 scripts/infra/style.py
    # The lock file names one machine's platforms: it stays out.
    if git ls-files | grep -E '\.terraform\.lock\.hcl$|\.tfstate'; then
        echo "these must not be in git"
        return 1
    fi
}

check_documents() { python3 scripts/infra/documents.py --check; }

# What hosts run at first boot, with every ${...} filled in.
check_scripts() {
    local template
    for template in terraform/modules/*/templates/*.sh.tftpl; do
        echo "$template"
        sed -E '/^%\{/d; s/\$\{[a-z0-9_]+\}/1/g' "$template" | shellcheck --shell=bash -
    done
}

check_rotate() { "$TOOLS/moto/bin/python" scripts/infra/test_rotate.py; }

check_validate() {
    terraform -chdir="$TREE/harness" init -no-color -backend=false
    terraform -chdir="$TREE/harness" validate -no-color
}

# Two halves of the test files, so that two cores have work; every file is in one of them.
half() {
    local nth=$1 index=0 file
    for file in "$TREE"/tests/{tier_high,tier_medium,tier_dev,tier_low,off,module_*}.tftest.hcl; do
        ((index++ % 2 == nth)) && printf -- '-filter=tests/%s\n' "$(basename "$file")"
    done
}

run_tests() {
    local filters count
    mapfile -t filters < <(half "$1")
    # Both halves together are all there are, or a new file would never be run.
    count=$(find "$TREE/tests" -maxdepth 1 -name '*.tftest.hcl' | wc -l)
    if (($(half 0 | wc -l) + $(half 1 | wc -l) != count)); then
        echo "of $count test files some are in no half"
        return 1
    fi
    terraform -chdir="$TREE" test -no-color "${filters[@]}"
}

check_tests_a() { run_tests 0; }
check_tests_b() { run_tests 1; }

check_checkov() {
    "$TOOLS/checkov/bin/checkov" -d terraform --framework terraform --compact --quiet --skip-download \
        --skip-path tests -o json >"$LOGS/checkov.json" || true
    python3 scripts/infra/checkov_baseline.py <"$LOGS/checkov.json"
}

check_mutations() { VESTA_INFRA_JOBS=1 scripts/infra/mutations.sh --tree "$TREE" "${QUICK_MUTATIONS[@]}"; }

server=
stop_server() { [[ -z $server ]] || kill "$server" 2>/dev/null || true; }

# output_of NAME PATH: of what the apply told.
output_of() {
    python3 -c "import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]]['value']$2, end='')" \
        "$LOGS/moto-outputs.json" "$1"
}

# Plan, apply, second plan and destroy of network and engine against a server that plays AWS.
check_moto() {
    local port dir=$TREE/tests/moto state=$infra_work/moto.tfstate
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    MOTO_IAM_LOAD_MANAGED_POLICIES=true "$TOOLS/moto/bin/moto_server" -H 127.0.0.1 -p "$port" >"$LOGS/moto_server.log" 2>&1 &
    server=$!
    trap stop_server EXIT
    local tries=0
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        ((++tries < 600)) || { echo "moto_server does not listen"; return 1; }
        sleep 0.1
    done
    export AWS_ENDPOINT_URL=http://127.0.0.1:$port
    rm -f "$state" "$state.backup"
    terraform -chdir="$dir" init -no-color

    echo "== a type that is not bare metal"
    if terraform -chdir="$dir" plan -no-color -state="$state" -var instance_type=m5.large >"$LOGS/moto-refused.log" 2>&1 ||
        ! grep -q 'm5.large is not bare metal' "$LOGS/moto-refused.log"; then
        cat "$LOGS/moto-refused.log"
        return 1
    fi
    echo "== plan and apply"
    terraform -chdir="$dir" plan -no-color -state="$state" -out="$infra_work/moto.plan" >"$LOGS/moto-plan.log"
    terraform -chdir="$dir" apply -no-color -parallelism=40 -state="$state" "$infra_work/moto.plan"
    terraform -chdir="$dir" output -no-color -json -state="$state" >"$LOGS/moto-outputs.json"
    grep -q '"cluster"' "$LOGS/moto-outputs.json" || { echo "m5zn.metal is not placeable?"; return 1; }

    echo "== second plan"
    terraform -chdir="$dir" plan -no-color -state="$state" -out="$infra_work/moto.plan" >"$LOGS/moto-plan2.log"
    terraform -chdir="$dir" show -json "$infra_work/moto.plan" | python3 scripts/infra/second_plan.py

    echo "== what hosts run, as they get it"
    output_of engine '["user_data"]["btc"]' >"$LOGS/first-boot.sh"
    shellcheck --shell=bash "$LOGS/first-boot.sh"
    # Their settings, put together as the script does it, are for the product itself to judge.
    {
        sed -n "/<<'VESTA_TOML'\$/,/^VESTA_TOML\$/ { //!p; }" "$LOGS/first-boot.sh"
        echo
        output_of streams '["btc"]'
    } >"$LOGS/vesta.toml"
    if [[ -x $VESTA ]]; then
        "$VESTA" inspect config --config "$LOGS/vesta.toml" >"$LOGS/vesta-resolved.toml"
        grep -q '^mode = "mdc"$' "$LOGS/vesta-resolved.toml"
        echo "read by vesta"
    else
        echo "not read by vesta, which is not built: $VESTA"
    fi

    echo "== destroy"
    # moto answers for a detached interface with nothing, and the provider asks it for two and a half minutes
    # whether that is meant. So the interface is detached as an operator would, and terraform finds it so.
    "$TOOLS/moto/bin/python" scripts/infra/detach.py
    terraform -chdir="$dir" destroy -no-color -auto-approve -parallelism=40 -state="$state"
    [[ -z $(terraform -chdir="$dir" state list -state="$state") ]] || { echo "something is left"; return 1; }
}

has_terraform() { command -v terraform >/dev/null; }

needs_terraform() { [[ " ${NEED_TERRAFORM[*]} " == *" $1 "* ]]; }

run_check() {
    ! has_terraform || infra_cli_config
    "check_$1"
}

# The check that waits gets a core when it wants one: it takes the longest.
command_of() { COMMAND=(nice -n "$([[ $1 == moto ]] && echo 0 || echo 10)" "$0" --inner "$1"); }

ok=0 skipped=0 failed=0
report() {
    local check=$1 log code ms passes fails
    if needs_terraform "$check" && ! has_terraform; then
        skipped=$((skipped + 1))
        printf 'SKIP terraform_%s: there is no terraform on PATH\n' "$check"
        return
    fi
    log=$(log_of "$check")
    read -r code ms <"$(result_of "$check")"
    # What a check counts for: its runs or mutations, or one.
    passes=$(grep -cE '^ +run "[^"]*"\.\.\. pass$|^red ' "$log" || true)
    fails=$(grep -cE '^ +run "[^"]*"\.\.\. (fail|skip)$|^FAILED ' "$log" || true)
    ((code == 0 && fails == 0)) || ((fails > 0)) || fails=1
    ((code != 0 || passes > 0)) || passes=1
    ok=$((ok + passes)) failed=$((failed + fails))
    print_line "$check" "$ms" "$passes" "$fails" "  $(tail -n 1 "$log" | cut -c1-60)"
    print_log_if "$fails" "$log"
}

choose_checks "$@"
trap 'kill $(jobs -p) 2>/dev/null || true; exit 130' INT TERM
mkdir -p "$LOGS"
rm -f "$LOGS/$PART"-*.result
if has_terraform; then
    infra_cli_config
    infra_tree "$TREE"
fi

runnable=()
for check in "${wanted[@]}"; do
    if has_terraform || ! needs_terraform "$check"; then runnable+=("$check"); fi
done
# As many at a time as there are cores, and one more for the check that waits.
run_checks $(($(nproc) + 1)) "${runnable[@]}"
for check in "${wanted[@]}"; do report "$check"; done
printf '{"ok":%d,"skipped":%d,"failed":%d}\n' "$ok" "$skipped" "$failed"
((failed == 0))
