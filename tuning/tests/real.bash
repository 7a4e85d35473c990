# shellcheck shell=bash
# Knobs of this machine, for real: each is applied, checked and undone, and read by `cat` or the system's own tools
# at each step, never by what is tested. The machine is left as it was found, also when a test fails.

TUNE_DIR=$(cd "$BATS_TEST_DIRNAME/.." && pwd -P)

# A copy with a profile of its own, so that nothing in /etc decides what is tested.
make_real() {
    [[ $EUID -eq 0 ]] || skip "not_root: changing knobs wants root"
    unset SSH_CONNECTION
    one_at_a_time
    export VESTA_TUNE_STATE=$BATS_TEST_TMPDIR/state
    cp -r "$TUNE_DIR" "$BATS_TEST_TMPDIR/tuning"
    TUNE=$BATS_TEST_TMPDIR/tuning/vesta-tune
    CONF=$BATS_TEST_TMPDIR/vesta.toml
    sed -E -e 's/^(idle_latency_max_us)=.*/\1=0/' -e 's/^(rt_throttle)=.*/\1=off/' -e 's/^(governor)=.*/\1=performance/' \
        -e 's/^(nvme)=.*/\1=on/' -e 's/^(coalescing)=.*/\1="rx-frames=8"/' -e 's/^(steering)=.*/\1=on/' \
        -e 's/^(napi_defer_hard_irqs)=.*/\1=2/' -e 's/^(gro_flush_timeout_ns)=.*/\1=20000/' \
        "$TUNE_DIR/profiles/lab-veth.conf" >"$BATS_TEST_TMPDIR/tuning/profiles/real.conf"
    FOUND=$BATS_TEST_TMPDIR/found
    : >"$FOUND"
    # One core for a role, as long as there are two.
    settings '[transport]'
}

# Two tests that change this machine would take each other's values for those that were found; also those of another
# checkout. The lock goes with the processes of the test, however they end.
one_at_a_time() {
    exec 9>/run/vesta-tune-tests.lock
    flock --wait 200 9
}

# settings LINE...: the vesta.toml of a test.
settings() {
    local core=''
    (($(nproc) < 2)) || core=1
    printf '%s\n' '[cores]' "engine = \"$core\"" "$@" >"$CONF"
}

# --force: roles that other tests run meanwhile are none of ours. NS is the namespace, where there is one.
tune() { in_ns "$TUNE" "$@" --profile real --config "$CONF" --force; }
in_ns() { if [[ -n ${NS:-} ]]; then ip netns exec "$NS" "$@"; else "$@"; fi; }

# What to say goes to the list of knobs, which the runner prints, and to the terminal.
say() {
    printf '%s\n' "$*" >>"${VESTA_TUNE_KNOBS:-/dev/null}"
    printf '# %s\n' "$*" >&3
}
knob_skips() { say "SKIP tuning_knob_$1: $2"; }

# value PATH: of a file; the chosen one where there is a choice.
value() {
    local text
    text=$(in_ns cat "$1" 2>/dev/null) || return 1
    case $1 in
    */transparent_hugepage/* | */scheduler) text=$(sed -E 's/.*\[([^]]*)\].*/\1/' <<<"$text") ;;
    esac
    printf '%s' "$text"
}
# shellcheck disable=SC2016 # the inner shell expands
set_value() { in_ns bash -c 'printf "%s\n" "$1" >"$2"' - "$2" "$1"; }

# prove STAGE NAME:PATH:WANTED[:DISTURBED]...: the knobs of one stage at once. A knob that is as wanted already is
# disturbed first.
prove() {
    local stage=$1 word name path wanted disturbed
    shift
    local -a names=() paths=() wants=() befores=()
    for word in "$@"; do
        IFS=: read -r name path wanted disturbed <<<"$word"
        if ! in_ns test -e "$path"; then
            knob_skips "$name" "there is no $path here"
            continue
        fi
        # In front, so that the first one that was disturbed is the last one that is mended.
        printf '%s\t%s\n%s' "$path" "$(value "$path")" "$(cat "$FOUND")" >"$FOUND.new"
        mv "$FOUND.new" "$FOUND"
        if [[ -n $disturbed ]] && ! set_value "$path" "$disturbed" 2>/dev/null; then
            knob_skips "$name" "the kernel takes no other value here"
            continue
        fi
        names+=("$name") paths+=("$path") wants+=("$wanted") befores+=("$(value "$path")")
    done
    if ((${#names[@]} == 0)); then return 0; fi
    through "$stage" "${paths[@]}"
    local i
    for i in "${!names[@]}"; do
        [[ ${NOW[i]} == "${wants[i]}" ]] || { echo "${paths[i]}: ${NOW[i]} and not ${wants[i]}"; return 1; }
        [[ ${NOW[i]} != "${befores[i]}" ]] || { echo "${paths[i]}: it was so before"; return 1; }
        [[ ${AFTER[i]} == "${befores[i]}" ]] || { echo "${paths[i]}: ${AFTER[i]} and not ${befores[i]}"; return 1; }
        say "KNOB ${names[i]}: ${befores[i]} -> ${NOW[i]} -> ${AFTER[i]}  ($stage, ${paths[i]})"
    done
    mend
}

# through STAGE PATH...: check, apply, check, undo; NOW and AFTER get what the paths hold after apply and undo. A path
# with a blank is a command whose output counts.
# shellcheck disable=SC2154 # status and output are what bats' `run` leaves
through() {
    local stage=$1 path
    shift
    run tune check --stage "$stage"
    echo "$output"
    [[ $status -eq 1 ]]
    run tune apply --stage "$stage"
    echo "$output"
    [[ $status -eq 0 ]]
    NOW=()
    for path in "$@"; do NOW+=("$(seen "$path")"); done
    run tune check --stage "$stage"
    echo "$output"
    [[ $status -eq 0 ]]
    run tune undo
    echo "$output"
    [[ $status -eq 0 ]]
    AFTER=()
    for path in "$@"; do AFTER+=("$(seen "$path")"); done
}
seen() {
    if [[ $1 == *' '* ]]; then
        in_ns bash -c "$1"
    else
        value "$1"
    fi
}

# prove_by STAGE NAME COMMAND WANTED: the same for what a command tells.
prove_by() {
    local stage=$1 name=$2 command=$3 wanted=$4 before
    before=$(seen "$command")
    through "$stage" "$command"
    [[ ${NOW[0]} == "$wanted" ]] || { echo "$command: ${NOW[0]} and not $wanted"; return 1; }
    [[ $before != "$wanted" ]] || { echo "$command: it was so before"; return 1; }
    [[ ${AFTER[0]} == "$before" ]] || { echo "$command: ${AFTER[0]} and not $before"; return 1; }
    say "KNOB $name: ${before:-none} -> ${NOW[0]} -> ${AFTER[0]:-none}  ($stage)"
}

# Brings back what was found, whatever has happened since.
mend() {
    local path found
    [[ -e ${FOUND:-/nowhere} ]] || return 0
    while IFS=$'\t' read -r path found; do
        [[ -n $path ]] || continue
        [[ $(value "$path") == "$found" ]] || set_value "$path" "$found" || echo "$path is not as it was: $found"
    done <"$FOUND"
    : >"$FOUND"
}

# The last word of each test, also of one that failed: by the tool, and then by hand.
put_back() {
    [[ $EUID -eq 0 ]] || return 0
    # What was found is not known yet where the lock was never had.
    [[ -n ${FOUND:-} ]] || return 0
    [[ ! -e ${VESTA_TUNE_STATE:-/nowhere} ]] || tune undo >/dev/null 2>&1 || true
    mend
}
