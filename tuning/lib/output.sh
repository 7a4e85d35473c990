# shellcheck shell=bash
# What the user and other programs get to read. Results are collected, so that --json can tell them
# as one object, and printed as they come otherwise.

COUNT_OK=0 COUNT_DRIFT=0 COUNT_UNSUPPORTED=0 COUNT_ERROR=0 COUNT_CHANGED=0
RESULTS_JSON=''

# Sets REPLY to the text as a JSON string.
json_string() {
    local text=$1 out='' i char code
    if [[ $text != *[\\\"[:cntrl:]]* ]]; then
        REPLY="\"$text\""
        return
    fi
    for ((i = 0; i < ${#text}; i++)); do
        char=${text:i:1}
        case $char in
        '"' | \\) out+="\\$char" ;;
        $'\n') out+='\n' ;;
        $'\t') out+='\t' ;;
        [[:cntrl:]])
            printf -v code '\\u%04x' "'$char"
            out+=$code
            ;;
        *) out+=$char ;;
        esac
    done
    REPLY="\"$out\""
}

# One line of a value that may have many, short enough for a table.
in_brief() {
    local text=${1//$'\n'/ / }
    ((${#text} <= 60)) || text="${text:0:57}..."
    REPLY=$text
}

# result STATE KNOB NOW WANT WHY FIX: one finding. NOW and WANT are values; each of the four may be empty.
result() {
    local state=$1 knob=$2 now=$3 want=$4 why=$5 fix=$6 line
    case $state in
    ok) COUNT_OK=$((COUNT_OK + 1)) ;;
    drift) COUNT_DRIFT=$((COUNT_DRIFT + 1)) ;;
    unsupported) COUNT_UNSUPPORTED=$((COUNT_UNSUPPORTED + 1)) ;;
    error) COUNT_ERROR=$((COUNT_ERROR + 1)) ;;
    esac
    if ((JSON)); then
        result_json "$@"
        return
    fi
    in_brief "$now"
    line=$REPLY
    if [[ $state != ok && -n $want ]]; then
        in_brief "$want"
        line="${line:+now $line, }wants $REPLY"
    fi
    [[ -z $why ]] || line="${line:+$line: }$why"
    printf '%-11s  %-10s  %-44s %s\n' "$state" "$STAGE" "$knob" "$line"
    [[ -z $fix || $state == ok ]] || printf '%-11s  %-10s  fix: %s\n' '' '' "$fix"
}

result_json() {
    local name out='' value
    for name in stage state knob now want why fix; do
        if [[ $name == stage ]]; then value=$STAGE; else value=$1; shift; fi
        json_string "$value"
        out+="${out:+,}\"$name\":$REPLY"
    done
    RESULTS_JSON+="${RESULTS_JSON:+,}{$out}"
}

# A note for people only.
note() { ((JSON)) || printf '%s\n' "$*"; }

# The end of every action: counts, and the exit status that follows from them.
finish() {
    local exit_status=0 profile
    ((COUNT_DRIFT == 0)) || exit_status=1
    ((COUNT_ERROR == 0)) || exit_status=2
    if ((JSON)); then
        json_string "$PROFILE"
        profile=$REPLY
        printf '{"action":"%s","profile":%s,"ok":%d,"drift":%d,"unsupported":%d,"error":%d,"changed":%d,"results":[%s]}\n' \
            "$ACTION" "$profile" "$COUNT_OK" "$COUNT_DRIFT" "$COUNT_UNSUPPORTED" "$COUNT_ERROR" "$COUNT_CHANGED" "$RESULTS_JSON"
    else
        printf '%s: %d ok, %d drift, %d unsupported, %d error' "$ACTION" "$COUNT_OK" "$COUNT_DRIFT" "$COUNT_UNSUPPORTED" "$COUNT_ERROR"
        case $ACTION in
        apply) printf '; %d changed' "$COUNT_CHANGED" ;;
        undo) printf '; %d brought back' "$COUNT_CHANGED" ;;
        esac
        printf '\n'
    fi
    exit "$exit_status"
}

# Ends the program: nothing was done, or nothing more is.
refuse() {
    if ((JSON)); then
        json_string "$*"
        printf '{"action":"%s","refused":%s,"results":[%s]}\n' "$ACTION" "$REPLY" "$RESULTS_JSON"
    fi
    printf 'vesta-tune: %s\n' "$*" >&2
    exit 2
}
