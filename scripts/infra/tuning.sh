#!/usr/bin/env bash
# Every check of tuning/; called by `make test-infra` after scripts/infra/setup.sh. `tuning.sh CHECK...` runs only
# those, and `--list` names them.
#
# Prints a line per check, a line per knob that was changed for real and brought back, and on the last line
# {"ok":..,"skipped":..,"failed":..,"knobs_real":..}, where each test counts as one. Logs are in target/infra/logs.
# Exits 1 if one failed, if a knob was left other than it was, or if fewer than 12 knobs were real.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/infra/lib.sh
source scripts/infra/lib.sh
# shellcheck source=scripts/infra/checks.sh
source scripts/infra/checks.sh

readonly PART=tuning TESTS=tuning/tests
# In the order in which they are started, the longest first.
readonly CHECKS=(booted contract stages interrupted real_net real_host settings shellcheck units runner)
readonly KNOBS_MIN=12
readonly CHECK_MAX_S=300
VESTA_BIN=${VESTA_BIN:-$(readlink -m "${CARGO_TARGET_DIR:-target}/release/vesta")}
export VESTA_BIN

# bats prints TAP: "ok 3 name", "ok 4 name # skip why", "not ok 5 name".
run_bats() {
    command -v bats >/dev/null || { echo "there is no bats on PATH: scripts/infra/setup.sh installs it"; return 1; }
    bats --tap "$TESTS/$1.bats"
}

# All of it, whatever it is called. The library is read as the program reads it: as one.
check_shellcheck() {
    local file
    local -a files
    for file in tuning/lib/*.sh; do
        grep -q "^source \"\$TUNE_HOME/lib/${file##*/}\"\$" tuning/vesta-tune || { echo "$file is sourced by nobody"; return 1; }
    done
    mapfile -t files < <(git ls-files -co --exclude-standard tuning scripts/infra/tuning.sh | while read -r file; do
        case $file in
        tuning/lib/*) ;;
        *.sh | *.bash | *.bats) printf '%s\n' "$file" ;;
        *) ! head -n 1 "$file" | grep -q -a '^#!.*sh$' || printf '%s\n' "$file" ;;
        esac
    done)
    ((${#files[@]} > 30))
    shellcheck -x "${files[@]}"
    echo "${#files[@]} files and the library"
}

# Each but one is a file of tests.
run_check() { if [[ $1 == shellcheck ]]; then check_shellcheck; else run_bats "$1"; fi; }

# What the tests may have changed on this machine, to be compared: values of the kernel, and what is named as theirs.
machine() {
    local file
    for file in /proc/irq/default_smp_affinity /proc/irq/[0-9]*/smp_affinity_list /proc/sys/net/core/{rmem_max,wmem_max} \
        /proc/sys/net/core/{netdev_max_backlog,busy_poll,busy_read,rps_sock_flow_entries} /proc/sys/kernel/{numa_balancing,watchdog_cpumask} \
        /proc/sys/kernel/sched_rt_runtime_us /proc/sys/vm/{stat_interval,nr_hugepages} /sys/kernel/mm/ksm/run \
        /sys/kernel/mm/transparent_hugepage/{enabled,defrag,shmem_enabled,khugepaged/defrag} \
        /sys/devices/virtual/workqueue/{cpumask,writeback/cpumask} /sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/disable; do
        [[ ! -r $file ]] || printf '%s %s\n' "$file" "$(<"$file")"
    done
    ip netns list | grep -o 'vesta-tune-[0-9]*' || true
    ip -o link | grep -o 'vtn[0-9]*[ab]' || true
    grep -w hugetlbfs /proc/mounts || true
    ls -d /run/vesta-tune /var/lib/vesta-tune /dev/hugepages 2>/dev/null || true
}

# What a run that was killed left behind goes first.
remove_leftovers() {
    local name
    ((EUID == 0)) || return 0
    for name in $(ip netns list | grep -o 'vesta-tune-[0-9]*' || true); do
        [[ -d /proc/${name##*-} ]] || ip netns del "$name" || true
    done
}

command_of() { COMMAND=(env "VESTA_TUNE_KNOBS=$LOGS/tuning-$1.knobs" "$0" --inner "$1"); }

# Those that change this machine bring back what was at their end: it takes seconds.
must_end() { [[ $1 == real_* ]]; }

interrupted() {
    trap '' INT TERM
    echo "interrupted: waiting for what changes this machine to bring back what was" >&2
    # shellcheck disable=SC2046 # process ids
    kill $(jobs -p) 2>/dev/null || true
    wait
    exit 130
}

ok=0 skipped=0 failed=0 knobs=0
report() {
    local check=$1 code ms passes fails log said=$LOGS/tuning-$1.knobs name
    log=$(log_of "$check")
    read -r code ms <"$(result_of "$check")"
    passes=$(grep -E '^ok [0-9]+ ' "$log" | grep -c -v ' # skip' || true)
    fails=$(grep -c -E '^not ok [0-9]+ ' "$log" || true)
    ((code == 0 || fails > 0)) || fails=1
    # A check that is no set of tests counts as one.
    ((code != 0 || passes > 0)) || grep -q '^1\.\.' "$log" || passes=1
    ok=$((ok + passes)) failed=$((failed + fails))
    print_line "$check" "$ms" "$passes" "$fails" ''
    if [[ -e $said ]]; then
        sed 's/^KNOB /  knob /; s/^SKIP /SKIP /' "$said"
        knobs=$((knobs + $(grep -c '^KNOB ' "$said" || true)))
        skipped=$((skipped + $(grep -c '^SKIP ' "$said" || true)))
    fi
    # A test that skipped as a whole says "name: why".
    while IFS= read -r name; do
        skipped=$((skipped + 1))
        printf 'SKIP tuning_%s\n' "$name"
    done < <(sed -n -E 's/^ok [0-9]+ .* # skip +//p' "$log" | sort -u)
    print_log_if "$fails" "$log"
}

choose_checks "$@"
trap interrupted INT TERM
mkdir -p "$LOGS"
rm -f "$LOGS"/tuning-*.{result,knobs,log}
# Of two runs on one machine, also from two checkouts, each would find what the other has just changed.
if ((EUID == 0)); then
    # Not in /run/lock, where anybody may have put something of this name. A test of this script has another.
    exec 8>"${VESTA_TUNE_RUN_LOCK:-/run/vesta-tune-run.lock}"
    flock --wait 600 8 || { echo "another run on this machine does not end" >&2; exit 1; }
fi
remove_leftovers
machine >"$LOGS/tuning-machine.before"
# As many at a time as there are cores, and one more, as some mostly wait.
run_checks $(($(nproc) + 1)) "${wanted[@]}"
for check in "${wanted[@]}"; do report "$check"; done
machine >"$LOGS/tuning-machine.after"
if ! diff "$LOGS/tuning-machine.before" "$LOGS/tuning-machine.after" >"$LOGS/tuning-machine.diff"; then
    failed=$((failed + 1))
    echo "FAILED tuning: this machine is not as it was found:"
    cat "$LOGS/tuning-machine.diff"
fi
is_wanted() { [[ " ${wanted[*]} " == *" $1 "* ]]; }
if is_wanted real_host && is_wanted real_net && ((EUID == 0 && knobs < KNOBS_MIN)); then
    failed=$((failed + 1))
    echo "FAILED tuning: $knobs knobs were real, and it wants $KNOBS_MIN"
fi
printf '{"ok":%d,"skipped":%d,"failed":%d,"knobs_real":%d}\n' "$ok" "$skipped" "$failed" "$knobs"
((failed == 0))
