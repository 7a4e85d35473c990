#!/usr/bin/env bash
# Every check of what is around the product: the tuning of hosts, terraform/ and deploy/. `make test-infra`; it wants
# scripts/infra/setup.sh to have run, and root for the tuning's real knobs.
#
# Prints what each part prints, and on the last line the sum:
# {"ok":..,"skipped":..,"failed":..,"knobs_real":..}. Exits 1 if one failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly LOGS=${VESTA_INFRA_WORK:-target/infra}/logs
# terraform mostly waits for its own timers, so the others run beside it, one after the other.
readonly PARTS=(terraform tuning deploy)
readonly PART_MAX_S=800

pids=()
stop() {
    # `timeout` hands the signal on to all that it started.
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
    exit 130
}
trap stop INT TERM

# What waits longest is started first, and at a better priority than those beside it.
start() { nice -n "$([[ $1 == terraform ]] && echo 0 || echo 10)" timeout --kill-after=10 "$PART_MAX_S" "scripts/infra/$1.sh" >"$LOGS/part-$1.log" 2>&1 </dev/null & }

# One number of the last line of a part; nothing where there is no such line.
number() { sed -n -E "\$s/^\{.*\"$2\":([0-9]+)[,}].*/\1/p" "$LOGS/part-$1.log"; }

ok=0 skipped=0 failed=0 knobs=0
# report PART CODE
report() {
    local part=$1 code=$2 fails
    printf '== %s\n' "$part"
    sed '$ { /^{"ok":/d }' "$LOGS/part-$part.log"
    fails=$(number "$part" failed)
    # One that did not come to its end has failed, whatever it counted.
    if [[ -z $fails ]] || ((code != 0 && fails == 0)); then
        echo "FAILED $part: it ended with status $code"
        fails=$((${fails:-0} + 1))
    fi
    failed=$((failed + fails))
    ok=$((ok + $(number "$part" ok || true) + 0))
    skipped=$((skipped + $(number "$part" skipped || true) + 0))
    knobs=$((knobs + $(number "$part" knobs_real || true) + 0))
}

mkdir -p "$LOGS"
declare -A codes
start terraform
terraform_pid=$!
for part in "${PARTS[@]:1}"; do
    start "$part"
    pids=("$terraform_pid" $!)
    codes[$part]=0
    wait $! || codes[$part]=$?
done
pids=("$terraform_pid")
codes[terraform]=0
wait "$terraform_pid" || codes[terraform]=$?

for part in "${PARTS[@]}"; do report "$part" "${codes[$part]}"; done
printf '{"ok":%d,"skipped":%d,"failed":%d,"knobs_real":%d}\n' "$ok" "$skipped" "$failed" "$knobs"
((failed == 0))
