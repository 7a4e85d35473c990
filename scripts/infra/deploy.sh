#!/usr/bin/env bash
# Every check of deploy/, without a cluster, a registry or Docker; called by `make test-infra` after
# scripts/infra/setup.sh. `deploy.sh CHECK...` runs only those, and `--list` names them.
#
# Prints a line per check, and on the last line {"ok":..,"skipped":..,"failed":..}, where each test and each
# mutation counts as one. Logs are in target/infra/logs. Exits 1 if one failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/infra/lib.sh
source scripts/infra/lib.sh
# shellcheck source=scripts/infra/checks.sh
source scripts/infra/checks.sh

readonly PART=deploy
# Has the reader of YAML and the schemas of Kubernetes.
readonly PYTHON=$PWD/target/tools/kubernetes-validate/bin/python
# Each is deploy/tests/test_NAME.py; the longest first. `mutations` is that many runs of the others.
readonly CHECKS=(docker mutations shard kubernetes argocd schemas config gateway rules tiers objects)
readonly CHECK_MAX_S=300

export PYTHONDONTWRITEBYTECODE=1
# Those that run the product look for it here.
VESTA_BIN=${VESTA_BIN:-${CARGO_TARGET_DIR:-target}/release/vesta}
export VESTA_BIN

run_check() {
    cd deploy/tests
    if [[ $1 == mutations ]]; then
        "$PYTHON" mutations.py
    else
        "$PYTHON" -m unittest -v "test_$1"
    fi
}

ok=0 skipped=0 failed=0
report() {
    local check=$1 log code ms ran fails skips passes
    log=$(log_of "$check")
    read -r code ms <"$(result_of "$check")"
    # unittest says "Ran N tests", and then "FAILED (failures=1, errors=2, skipped=3)" or "OK (skipped=3)".
    ran=$(sed -n -E 's/^Ran ([0-9]+) tests? in .*/\1/p' "$log")
    fails=$(sed -n -E '/^FAILED \(/ { s/skipped=[0-9]+//; s/[^0-9]+/ /g; p; }' "$log" | awk '{ for (i = 1; i <= NF; i++) n += $i } END { print n + 0 }')
    skips=$(sed -n -E 's/^(OK|FAILED) \(.*skipped=([0-9]+).*/\2/p' "$log")
    if [[ $check == mutations ]]; then
        ran=$(grep -cE '^(red|FAILED) ' "$log" || true)
        fails=$(grep -c '^FAILED ' "$log" || true)
    fi
    ran=${ran:-0} skips=${skips:-0}
    ((code == 0 || fails > 0)) || fails=1
    # A name that changed must not turn a check into one that tests nothing.
    ((ran > 0 || fails > 0)) || fails=1
    passes=$((ran - skips - fails))
    ((passes >= 0)) || passes=0
    ok=$((ok + passes)) failed=$((failed + fails))
    print_line "$check" "$ms" "$passes" "$fails" ''
    if ((skips > 0)); then
        skipped=$((skipped + 1))
        printf 'SKIP deploy_%s: %s\n' "$check" "$(sed -n -E "s/.*\.\.\. skipped ['\"](.*)['\"]$/\1/p" "$log" | sort -u | head -n 1)"
    fi
    grep '^waits: ' "$log" | sed 's/^/       /' || true
    print_log_if "$fails" "$log"
}

choose_checks "$@"
if [[ ! -x $PYTHON ]]; then
    echo "the tools are not there: scripts/infra/setup.sh" >&2
    exit 2
fi

trap 'kill $(jobs -p) 2>/dev/null || true; exit 130' INT TERM
mkdir -p "$LOGS"
rm -f "$LOGS/$PART"-*.result
run_checks "$(nproc)" "${wanted[@]}"
for check in "${wanted[@]}"; do report "$check"; done
printf '{"ok":%d,"skipped":%d,"failed":%d}\n' "$ok" "$skipped" "$failed"
((failed == 0))
