#!/usr/bin/env bash
# How the checks of one part (terraform, tuning, deploy) are run side by side; to be sourced, after lib.sh, by the
# script of the part. That has
#
#   PART         its name, which stands in front of its logs and lines
#   CHECKS       what there is, in the order in which it is started
#   CHECK_MAX_S  how long one may take: long on a busy machine, but not for ever
#   run_check    runs one, in a process of its own
#   report       reads what came of one, counts it and prints a line

# shellcheck disable=SC2034,SC2154 # what the part has, and what it reads

LOGS=$infra_work/logs
readonly LOGS

now_ms() { date +%s%3N; }

# Where the output of a check is; its exit code and time are beside it.
log_of() { printf '%s/%s-%s.log' "$LOGS" "$PART" "$1"; }
result_of() { printf '%s/%s-%s.result' "$LOGS" "$PART" "$1"; }

# choose_checks ARGUMENT...: sets `wanted`. Does what --list and --inner ask for, and ends then.
choose_checks() {
    local check
    case ${1:-} in
    --list)
        printf '%s\n' "${CHECKS[@]}"
        exit 0
        ;;
    --inner)
        run_check "$2"
        exit 0
        ;;
    esac
    wanted=("$@")
    ((${#wanted[@]} > 0)) || wanted=("${CHECKS[@]}")
    for check in "${wanted[@]}"; do
        if [[ " ${CHECKS[*]} " != *" $check "* ]]; then
            echo "no check is called '$check': ${CHECKS[*]}" >&2
            exit 2
        fi
    done
}

# True for a check that is let come to its end when the run is stopped.
must_end() { false; }

# start_check CHECK COMMAND...: the command runs the check, in the background.
start_check() {
    local check=$1 begin code
    shift
    (
        begin=$(now_ms)
        code=0
        # `timeout` hands a signal on to all that it started.
        timeout --kill-after=10 "$CHECK_MAX_S" "$@" >"$(log_of "$check")" 2>&1 </dev/null &
        if must_end "$check"; then trap '' TERM; else trap 'kill -TERM $! 2>/dev/null; exit 143' TERM; fi
        wait $! || code=$?
        echo "$code $(($(now_ms) - begin))" >"$(result_of "$check")"
    ) &
}

# How a check is run; a part may say more.
command_of() { COMMAND=("$0" --inner "$1"); }

# run_checks LIMIT CHECK...: so many at a time; returns when all have ended.
run_checks() {
    local limit=$1 check
    shift
    for check in "$@"; do
        while (($(jobs -rp | wc -l) >= limit)); do wait -n || true; done
        command_of "$check"
        start_check "$check" "${COMMAND[@]}"
    done
    wait
}

# print_line CHECK MS PASSES FAILS WORDS: what came of a check, and the end of its log where it failed.
print_line() {
    local check=$1 ms=$2 passes=$3 fails=$4 words=$5 verdict=ok
    ((fails == 0)) || verdict=FAILED
    printf '%-6s %s %-12s %3d.%d s  %d passed, %d failed%s\n' "$verdict" "$PART" "$check" \
        $((ms / 1000)) $((ms % 1000 / 100)) "$passes" "$fails" "$words"
}

print_log_if() {
    local fails=$1 log=$2
    ((fails > 0)) || return 0
    printf -- '---- from %s ----\n' "$log"
    tail -n 60 "$log"
    printf -- '----\n'
}
