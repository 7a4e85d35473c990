# shellcheck shell=bash
# What is done with a knob. Stages only say which knobs there are; here is what becomes of one under plan,
# check and apply, and how undo goes back.

STAGE='' UNCHANGEABLE=''

# Sets REPLY to the command that does ACTION for the stage at hand, as this one was called.
stage_command() {
    local command="vesta-tune $1" word
    [[ -z $STAGE || $STAGE == - ]] || command+=" --stage $STAGE"
    [[ -z $PROFILE ]] || command+=" --profile $PROFILE"
    for word in config:"$CONFIG_ASKED" root:"$ROOT"; do
        [[ -z ${word#*:} ]] || printf -v command '%s --%s %q' "$command" "${word%%:*}" "${word#*:}"
    done
    REPLY=$command
}

# Findings of a stage that are about no knob.
unsupported() { result unsupported "$1" '' '' "$2" ''; }
failed() { result error "$1" '' '' "$2" "$3"; }

# knob KIND TARGET WANT [HOOK]: one thing that should be so. With a hook, a command makes it take effect.
knob() {
    local kind=$1 target=$2 want=$3 hook=${4:-} now code=0 fix
    UNCHANGEABLE='' FEATURE_FIXED=0
    "${kind}_read" "$target" || code=$?
    case $code in
    0) now=$REPLY ;;
    1)
        result unsupported "$target" '' "$want" "$WHY" ''
        return
        ;;
    *)
        "${kind}_fix" "$target" "$want"
        result error "$target" '' "$want" "$WHY" "$REPLY"
        return
        ;;
    esac
    if "${kind}_same" "$now" "$want" && ! hook_is_due "$hook"; then
        result ok "$target" "$now" "$want" '' ''
        return
    fi
    if [[ -n $UNCHANGEABLE ]]; then
        result unsupported "$target" "$now" "$want" "$UNCHANGEABLE" ''
        return
    fi
    "${kind}_fix" "$target" "$want"
    fix=$REPLY
    if [[ $ACTION == apply ]]; then
        apply_knob "$kind" "$target" "$now" "$want" "$hook" "$fix"
    elif is_refused "$kind $target"; then
        result unsupported "$target" "$now" "$want" "the kernel manages it, and refused" ''
    else
        result drift "$target" "$now" "$want" "$(drift_note "$kind")" "$fix"
    fi
}

drift_note() { [[ $1 != cmdline ]] || printf 'needs reboot'; }

apply_knob() {
    local kind=$1 target=$2 now=$3 want=$4 hook=$5 fix=$6 code=0 knew=0
    if [[ $kind == cmdline ]]; then
        result drift "$target" "$now" "$want" "needs reboot" "$fix"
        return
    fi
    [[ -z ${SAVED["$kind $target"]:-} ]] || knew=1
    if ! save "$kind" "$target" "$now" "$hook"; then
        result error "$target" "$now" "$want" "$WHY" "$fix"
        return
    fi
    hook_due "$hook"
    "${kind}_write" "$target" "$want" || code=$?
    if ((code == 3)); then
        # Nothing changed, so there is nothing to bring back.
        ((knew)) || { rm -f -- "${SAVED["$kind $target"]}"; unset "SAVED[$kind $target]"; }
        remember_refusal "$kind $target"
        result unsupported "$target" "$now" "$want" "the kernel manages it, and refused" ''
        return
    elif ((code != 0)); then
        result error "$target" "$now" "$want" "$WHY" "$fix"
        return
    fi
    [[ $kind != irq ]] || forget_refusal "$kind $target"
    "${kind}_read" "$target" || REPLY=''
    if "${kind}_same" "$REPLY" "$want"; then
        COUNT_CHANGED=$((COUNT_CHANGED + 1))
        in_brief "$now"
        result ok "$target" "$want" "$want" "was $REPLY" ''
    else
        result error "$target" "$REPLY" "$want" "the write did not stick" "$fix"
    fi
}

# ---- the actions ----

run_action() {
    local -a stages=("${STAGES[@]}")
    state_places
    load_host_env
    if [[ -z $PROFILE ]]; then PROFILE=${HOST_ENV[VESTA_TUNE_PROFILE]:-colo}; fi
    # What was saved says by itself what it was about: undo must work where the configuration no longer does.
    if [[ $ACTION != undo ]]; then
        load_profile
        load_config
    fi
    # The table's order holds, whatever the order of the options.
    if ((${#WANTED_STAGES[@]} > 0)); then
        stages=()
        for STAGE in "${STAGES[@]}"; do
            [[ " ${WANTED_STAGES[*]} " != *" $STAGE "* ]] || stages+=("$STAGE")
        done
    fi
    STAGE=-
    case $ACTION in
    plan | check)
        find_cpus
        run_stages "${stages[@]}"
        ;;
    apply)
        find_cpus
        begin_change
        run_stages "${stages[@]}"
        ;;
    undo)
        begin_change
        undo_all
        ;;
    report)
        find_cpus
        report
        return
        ;;
    esac
    finish
}

run_stages() {
    for STAGE in "$@"; do
        # shellcheck source=/dev/null
        source "$TUNE_HOME/stages/$STAGE.sh"
        "stage_$STAGE"
        [[ $ACTION != apply ]] || run_hooks
    done
}

# Before anything is changed.
begin_change() {
    [[ -n $ROOT || -n ${VESTA_TUNE_STATE:-} ]] || ((EUID == 0)) || refuse "$ACTION changes the host: it wants root"
    if ((!FORCE)) && running_role; then
        refuse "$REPLY runs on this host, and a change under it can stall it. Stop it first, or say --force"
    fi
    take_lock
    trap drop_lock EXIT
    trap 'interrupted' INT TERM HUP
    load_saved
}

# The value from before is saved ahead of each write, so this can come at any time.
interrupted() {
    trap '' INT TERM HUP
    stage_command undo
    printf '\nvesta-tune: interrupted in stage %s after %d changes. "%s" brings back what was, "apply" goes on\n' \
        "$STAGE" "$COUNT_CHANGED" "${REPLY/ --stage $STAGE/}" >&2
    exit 2
}

undo_all() {
    local file
    local -a files
    saved_files
    mapfile -t files <<<"$REPLY"
    for file in "${files[@]}"; do
        [[ -n $file ]] || continue
        read_entry "$file"
        STAGE=$ENTRY_STAGE
        ((${#WANTED_STAGES[@]} == 0)) || [[ " ${WANTED_STAGES[*]} " == *" $STAGE "* ]] || continue
        undo_entry "$file" "$ENTRY_KIND" "$ENTRY_TARGET" "$ENTRY_PRIOR" "$ENTRY_HOOK"
    done
    STAGE=-
    run_hooks
    ((${#WANTED_STAGES[@]} > 0)) || rm -f -- "$RUN_STATE/refused"
}

# An entry goes once its value is back, or what it was about is no longer there.
undo_entry() {
    local file=$1 kind=$2 target=$3 prior=$4 hook=$5 now code=0
    "${kind}_read" "$target" || code=$?
    now=$REPLY
    ((code == 0)) || now=''
    if ((code == 1)); then
        rm -f -- "$file"
        result unsupported "$target" '' "$prior" "it is no longer there: $WHY" ''
        return
    fi
    if ((code == 0)) && [[ $now == "$prior" ]]; then
        rm -f -- "$file"
        result ok "$target" "$prior" "$prior" "as before" ''
        return
    fi
    stage_command undo
    local fix=$REPLY
    hook_due "$hook"
    if ! "${kind}_write" "$target" "$prior"; then
        result error "$target" "$now" "$prior" "$WHY" "$fix"
        return
    fi
    "${kind}_read" "$target" || REPLY=''
    if [[ $REPLY != "$prior" ]]; then
        result error "$target" "$REPLY" "$prior" "the value from before did not stick" "$fix"
        return
    fi
    rm -f -- "$file"
    COUNT_CHANGED=$((COUNT_CHANGED + 1))
    in_brief "$now"
    result ok "$target" "$prior" "$prior" "was $REPLY" ''
}
