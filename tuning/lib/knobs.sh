# shellcheck shell=bash
# Kinds of knobs that are files. Each kind K has four functions, all of one TARGET:
#
#   K_read TARGET          sets REPLY to what it is now; returns 1 where this host has no such thing
#                          (WHY says so), 2 where it can not be looked at
#   K_same NOW WANT        is that as it should be?
#   K_write TARGET VALUE   makes it so; returns 1 with WHY when it can not, 3 where the kernel keeps
#                          the thing for itself, which is nobody's fault
#   K_fix TARGET WANT      sets REPLY to the command that does the same, to be run as root
#
# What undo writes is what K_read gave, and then it must be read again exactly. Kinds of devices are in
# devices.sh.

WHY=''

# ---- files of one value ----

value_read() {
    local path=$ROOT$1 said
    WHY=''
    if [[ ! -e $path ]]; then
        WHY="this kernel or driver has no $1"
        return 1
    fi
    # Read by the shell itself: a card has hundreds of these. An empty value may be one that can not be read.
    whole_file "$path" && [[ -n $REPLY ]] && return
    said=$({ cat -- "$path" >/dev/null; } 2>&1) && { REPLY=''; return; }
    # Attributes that a driver does not have are there, and say so when read.
    case $said in
    *'not supported'* | *'Invalid argument'* | *'No such device'* | *'No such file'*)
        WHY="the driver has no $1"
        return 1
        ;;
    esac
    WHY="can not read $1: ${said##*: }"
    return 2
}

# Sets REPLY to what a file holds, without the line feeds at its end; fails where it can not be opened.
whole_file() {
    REPLY=''
    { IFS= read -r -d '' REPLY <"$1" || true; } 2>/dev/null
    while [[ $REPLY == *$'\n' ]]; do REPLY=${REPLY%$'\n'}; done
}

value_write() {
    local path=$ROOT$1 said
    if said=$({ printf '%s\n' "$2" >"$path"; } 2>&1); then return 0; fi
    WHY="the kernel refuses '$2' for $1: ${said##*: }"
    return 1
}

value_fix() { REPLY="echo $2 >$ROOT$1"; }

# file: exactly that value.
file_read() { value_read "$@"; }
file_same() { [[ $1 == "$2" ]]; }
file_write() { value_write "$@"; }
file_fix() { value_fix "$@"; }

# least: a number that must not be lower.
least_read() { value_read "$@"; }
least_same() { [[ $1 =~ ^[0-9]{1,18}$ && $2 =~ ^[0-9]{1,18}$ ]] && ((10#$1 >= 10#$2)); }
least_write() { value_write "$@"; }
least_fix() { value_fix "$@"; }

# choice: one word of several, the chosen one in brackets.
choice_read() {
    value_read "$1" || return
    [[ $REPLY =~ \[([^]]*)\] ]] || return 0
    REPLY=${BASH_REMATCH[1]}
}
choice_same() { [[ $1 == "$2" ]]; }
choice_write() { value_write "$@"; }
choice_fix() { value_fix "$@"; }

# mask: a set of CPUs in hexadecimal. The kernel writes as many digits as it likes.
mask_read() { value_read "$@"; }
mask_same() {
    local now=${1//,/} want=${2//,/}
    shopt -s extglob
    now=${now##*(0)} want=${want##*(0)}
    [[ ${now,,} == "${want,,}" ]]
}
mask_write() { value_write "$@"; }
mask_fix() { value_fix "$@"; }

# list: a set of CPUs as 1,4-6.
list_read() { value_read "$@"; }
list_same() {
    [[ -n $1 ]] || return 1
    is_within "$1" "$2" && is_within "$2" "$1"
}
list_write() { value_write "$@"; }
list_fix() { value_fix "$@"; }

# irq: the CPUs that an interrupt may go to: any of those that it should. The kernel keeps the affinity
# of some for itself (those that a driver has it manage, one for each CPU): they refuse with EIO, and that is
# remembered until the next boot, because only a write tells.
irq_read() { value_read "$@"; }
irq_same() { is_within "$1" "$2"; }
irq_write() {
    value_write "$@" && return
    case $WHY in
    *'Input/output error'* | *'Operation not permitted'* | *'Invalid argument'* | *'No space left'*) return 3 ;;
    esac
    return 1
}
irq_fix() { value_fix "$@"; }

# member: a word that a list of words must hold, as in cgroup.subtree_control. TARGET is "PATH WORD".
member_read() {
    local path=${1% *} word=${1##* }
    value_read "$path" || return
    if [[ " ${REPLY//$'\n'/ } " == *" $word "* ]]; then REPLY=present; else REPLY=absent; fi
}
member_same() { [[ $1 == "$2" ]]; }
member_write() {
    local sign=+
    [[ $2 == present ]] || sign=-
    value_write "${1% *}" "$sign${1##* }"
}
member_fix() { REPLY="echo +${1##* } >$ROOT${1% *}"; }

# ---- whole files of ours ----

# text: a file with exactly this content, or none. Values are "absent", "is:CONTENT" of a file that ends in a line feed,
# which the value leaves out, and "raw:CONTENT" of one that does not. A file that was there keeps its mode and owner.
text_read() {
    local path=$ROOT$1
    WHY=''
    if [[ ! -e $path ]]; then
        REPLY=absent
    elif [[ ! -f $path || ! -r $path ]]; then
        WHY="can not read $1: it is no file that this user may read"
        return 2
    else
        # Every blank line counts, as undo brings back what was.
        REPLY=''
        IFS= read -r -d '' REPLY <"$path" || true
        if [[ $REPLY == *$'\n' ]]; then REPLY=is:${REPLY%$'\n'}; else REPLY=raw:$REPLY; fi
    fi
}
text_same() { [[ $1 == "$2" ]]; }
text_write() {
    local path=$ROOT$1 said end=$'\n'
    [[ $2 != raw:* ]] || end=''
    if [[ $2 == absent ]]; then
        said=$(rm -f -- "$path" 2>&1) && return
    else
        # Beside it first: half a file is never seen, whenever this ends.
        said=$( { mkdir -p -- "${path%/*}" && printf '%s%s' "${2#*:}" "$end" >"$path.vesta-tune" &&
            chmod 0644 -- "$path.vesta-tune" && as_it_was "$path" && mv -f -- "$path.vesta-tune" "$path"; } 2>&1) && return
        rm -f -- "$path.vesta-tune" 2>/dev/null || true
    fi
    WHY="can not write $1: ${said##*: }"
    return 1
}
# Gives what is to be put in the place of a file that file's owner and mode.
as_it_was() { [[ ! -e $1 ]] || { chown --reference="$1" -- "$1.vesta-tune" && chmod --reference="$1" -- "$1.vesta-tune"; }; }
text_fix() { stage_command apply; }

# A knob that is a file of ours and takes effect through a command has a hook of this name.
# A hook returns 1 with WHY when the command fails; where there is no such command there is nothing to do.
hook_grub() {
    local said
    if has_tool update-grub; then
        said=$(tool update-grub 2>&1) && return
    elif has_tool grub2-mkconfig; then
        said=$(tool grub2-mkconfig -o "$ROOT/boot/grub2/grub.cfg" 2>&1) && return
    else
        return 0
    fi
    WHY="update-grub failed: ${said##*$'\n'}"
    return 1
}

hook_irqbalance() { restart_unit irqbalance.service; }
hook_chrony() { restart_unit chrony.service; }

# A slice is there from its start on.
hook_slice() {
    local said
    has_tool systemctl && [[ -d $ROOT/run/systemd/system ]] || return 0
    said=$(tool systemctl daemon-reload 2>&1 && tool systemctl start vesta.slice 2>&1) && return
    WHY="systemctl start vesta.slice failed: ${said##*$'\n'}"
    return 1
}

restart_unit() {
    local said
    has_tool systemctl && [[ -d $ROOT/run/systemd/system ]] || return 0
    said=$(tool systemctl daemon-reload 2>&1 && tool systemctl try-restart "$1" 2>&1) && return
    WHY="systemctl try-restart $1 failed: ${said##*$'\n'}"
    return 1
}

# ---- directories ----

# dir: a directory that is there or not (a control group is made by mkdir).
dir_read() {
    WHY=''
    if [[ -d $ROOT$1 ]]; then REPLY=present; else REPLY=absent; fi
}
dir_same() { [[ $1 == "$2" ]]; }
dir_write() {
    local said
    if [[ $2 == present ]]; then
        said=$(mkdir -- "$ROOT$1" 2>&1) && return
    else
        said=$(rmdir -- "$ROOT$1" 2>&1) && return
    fi
    WHY="${said##*: } ($1)"
    return 1
}
dir_fix() { REPLY="mkdir $ROOT$1"; }

# ---- what only a new start changes ----

# cmdline: a parameter of the kernel that runs. TARGET is its name. Nothing can write it: the stage's other knob
# writes what the next start reads.
cmdline_read() {
    local words word
    value_read /proc/cmdline || return
    words=$REPLY
    REPLY=absent
    for word in $words; do
        # The last one counts.
        [[ ${word%%=*} != "$1" ]] || REPLY=$word
    done
}
cmdline_same() { [[ $1 == "$2" ]]; }
cmdline_write() { return 4; }
cmdline_fix() { REPLY='reboot'; }

# ---- mounts ----

# mount: whether a file system of this type is mounted. TARGET is "TYPE PATH"; elsewhere is as good.
mount_read() {
    local type=${1%% *} path=${1#* } mounted at=''
    WHY=''
    if ! grep -q -w -- "$type" "$ROOT/proc/filesystems" 2>/dev/null; then
        WHY="this kernel has no $type"
        return 1
    fi
    REPLY=absent
    while read -r _ at mounted _; do
        [[ $mounted != "$type" ]] || REPLY=present
        [[ $mounted == "$type" || $at != "$path" ]] || WHY="something else is mounted on $path"
    done <"$ROOT/proc/mounts"
}
mount_same() { [[ $1 == "$2" ]]; }
mount_write() {
    local type=${1%% *} path=${1#* } said
    if [[ $2 == present ]]; then
        said=$({ mkdir -p -- "$ROOT$path" && tool mount -t "$type" "$type" "$ROOT$path"; } 2>&1) && return
    else
        said=$(tool umount "$ROOT$path" 2>&1) && return
    fi
    WHY="mount of $type on $path: ${said##*: }"
    return 1
}
mount_fix() { REPLY="mkdir -p $ROOT${1#* } && mount -t ${1%% *} ${1%% *} $ROOT${1#* }"; }
