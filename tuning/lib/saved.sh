# shellcheck shell=bash
# The values from before: one small file for each knob that was ever changed, written before the knob is.
#
#   /run/vesta-tune/saved/000007       what the next boot forgets by itself: most knobs
#   /var/lib/vesta-tune/saved/000003   what it does not: files of ours in /etc
#
#   vesta-tune saved 1
#   stage thp
#   kind choice
#   hook -
#   target /sys/kernel/mm/...          on one line: a line feed is \n, a backslash is doubled
#   prior madvise
#   sum 2837465123 117                 cksum of the lines above
#
# The first value stays: applying twice, or another profile, still leads back to where it began. Numbers go up over
# both places, and undo takes the highest first. A file that is not as it was written stops everything: undoing
# from what nobody wrote would be worse than not undoing.

RUN_STATE='' DISK_STATE=''
declare -A SAVED=()
SAVED_LAST=0

state_places() {
    RUN_STATE=$ROOT/run/vesta-tune DISK_STATE=$ROOT/var/lib/vesta-tune
    # For tests on a host that may be tuned itself.
    if [[ -n ${VESTA_TUNE_STATE:-} ]]; then
        RUN_STATE=$VESTA_TUNE_STATE/run DISK_STATE=$VESTA_TUNE_STATE/disk
    fi
}

# Says which entry is spoiled, and what to do.
spoiled() {
    refuse "saved state: $1: $2. Nothing was changed. Look at it; \`rm $1\` gives up the value from before"
}

# read_entry FILE: sets ENTRY_STAGE, ENTRY_KIND, ENTRY_HOOK, ENTRY_TARGET, ENTRY_PRIOR.
read_entry() {
    local file=$1 body sum
    local -a lines
    mapfile -t lines 2>/dev/null <"$file" || spoiled "$file" "it can not be read"
    [[ ${lines[0]:-} == 'vesta-tune saved 1' ]] || spoiled "$file" "it does not begin as an entry does"
    ((${#lines[@]} == 7)) || spoiled "$file" "it has ${#lines[@]} lines and not 7"
    printf -v body '%s\n' "${lines[@]:0:6}"
    sum=$(cksum <<<"$body")
    [[ ${lines[6]} == "sum $sum" ]] || spoiled "$file" "its checksum is wrong"
    ENTRY_STAGE=${lines[1]#stage } ENTRY_KIND=${lines[2]#kind } ENTRY_HOOK=${lines[3]#hook }
    printf -v ENTRY_TARGET %b "${lines[4]#target }"
    printf -v ENTRY_PRIOR %b "${lines[5]#prior }"
    declare -F "${ENTRY_KIND}_write" >/dev/null || spoiled "$file" "there is no kind '$ENTRY_KIND'"
}

# Reads all entries: SAVED has the file of each "kind target".
load_saved() {
    local file number
    SAVED=() SAVED_LAST=0
    for file in "$RUN_STATE"/saved/[0-9]* "$DISK_STATE"/saved/[0-9]*; do
        number=${file##*/}
        [[ $number =~ ^[0-9]{6}$ ]] || continue
        read_entry "$file"
        SAVED["$ENTRY_KIND $ENTRY_TARGET"]=$file
        ((10#$number <= SAVED_LAST)) || SAVED_LAST=$((10#$number))
    done
}

# Sets REPLY to a text on one line, as `printf %b` turns it back.
one_line() {
    REPLY=${1//\\/\\\\}
    REPLY=${REPLY//$'\n'/\\n}
}

# save KIND TARGET PRIOR HOOK: before the first write to a knob. Returns 1 with WHY where it can not be kept.
save() {
    local kind=$1 target=$2 prior=$3 hook=${4:--} place=$RUN_STATE number body said
    [[ -z ${SAVED["$kind $target"]:-} ]] || return 0
    # What is on a disk is still there after the next boot, and so must be the value from before.
    [[ $kind != text ]] || place=$DISK_STATE
    printf -v number '%06d' $((SAVED_LAST + 1))
    one_line "$target"
    printf -v body '%s\n' 'vesta-tune saved 1' "stage $STAGE" "kind $kind" "hook $hook" "target $REPLY"
    one_line "$prior"
    body+="prior $REPLY"$'\n'
    said=$({ { [[ -d $place/saved ]] || mkdir -p -- "$place/saved"; } &&
        printf '%ssum %s\n' "$body" "$(cksum <<<"$body")" >"$place/saved/.new" &&
        { [[ $place == "$RUN_STATE" ]] || sync -- "$place/saved/.new"; } &&
        mv -f -- "$place/saved/.new" "$place/saved/$number"; } 2>&1) || {
        WHY="the value from before can not be saved: ${said##*: }"
        return 1
    }
    SAVED_LAST=$((SAVED_LAST + 1))
    SAVED["$kind $target"]=$place/saved/$number
}

# Sets REPLY to all entries' files, the highest number first.
saved_files() {
    local file
    REPLY=$(for file in "$RUN_STATE"/saved/[0-9]* "$DISK_STATE"/saved/[0-9]*; do
        printf '%s %s\n' "${file##*/}" "$file"
    done | sort -r | cut -d ' ' -f 2-)
}

has_saved() { compgen -G "$RUN_STATE/saved/[0-9]*" >/dev/null || compgen -G "$DISK_STATE/saved/[0-9]*" >/dev/null; }

# ---- interrupts that refused ----

# Remembered until the next boot, so that check, which writes nothing, knows them.
remember_refusal() {
    is_refused "$1" && return
    mkdir -p -- "$RUN_STATE" && printf '%s\n' "$1" >>"$RUN_STATE/refused"
}
is_refused() { [[ -r $RUN_STATE/refused ]] && grep -q -x -F -- "$1" "$RUN_STATE/refused"; }
forget_refusal() {
    is_refused "$1" || return 0
    grep -v -x -F -- "$1" "$RUN_STATE/refused" >"$RUN_STATE/refused.new" || true
    mv -f -- "$RUN_STATE/refused.new" "$RUN_STATE/refused"
}

# ---- commands that are due ----

# A file that takes effect through a command is half done until the command ran, whenever this ends.
hook_is_due() { [[ -n $1 && -e $DISK_STATE/due/$1 ]]; }
hook_due() { [[ -z $1 || $1 == - ]] || { mkdir -p -- "$DISK_STATE/due" && : >"$DISK_STATE/due/$1"; }; }

# Runs what is due; each failure is an error of its own, and stays due.
run_hooks() {
    local file hook
    for file in "$DISK_STATE"/due/*; do
        hook=${file##*/}
        WHY=''
        if declare -F "hook_$hook" >/dev/null && "hook_$hook"; then
            rm -f -- "$file"
        else
            stage_command "$ACTION"
            result error "$hook" '' '' "${WHY:-there is no hook of this name}" "$REPLY"
        fi
    done
}

# ---- one at a time ----

# The kernel gives a lock to one, and takes it from who dies. The file goes with who had it: a process that waited for
# it meanwhile may have got the lock of a file that is no longer there, and then opens it anew.
LOCK=''
take_lock() {
    local lock=$RUN_STATE/lock pid said
    mkdir -p -- "$RUN_STATE" 2>/dev/null && [[ -w $RUN_STATE ]] ||
        refuse "$ACTION changes the host: it wants root (can not write $RUN_STATE)"
    chmod 0755 -- "$RUN_STATE"
    command -v flock >/dev/null || refuse "there is no flock here (Debian package util-linux)"
    until [[ -n $LOCK ]]; do
        said=$({ : >>"$lock"; } 2>&1) || refuse "can not take $lock: ${said##*: }"
        exec {LOCK_FD}>>"$lock"
        if ! flock -n "$LOCK_FD"; then
            pid=''
            { read -r pid <"$lock"; } 2>/dev/null || true
            # One that was killed may have left a tool at work, which ends soon.
            if [[ -n $pid && -d /proc/$pid ]] || ! flock -w 5 "$LOCK_FD"; then
                refuse "another vesta-tune is at work here: process ${pid:-unknown}"
            fi
        fi
        if [[ /proc/$BASHPID/fd/$LOCK_FD -ef $lock ]]; then
            LOCK=$lock
        else
            exec {LOCK_FD}>&-
        fi
    done
    printf '%s\n' "$BASHPID" >"$lock"
}
drop_lock() { [[ -z $LOCK ]] || rm -f -- "$LOCK"; }
