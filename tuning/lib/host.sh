# shellcheck shell=bash
# What this host is: its CPUs, its interfaces, who runs on it. Nothing here changes anything.

# Runs one of the system's tools. Below a --root only the tool that is there is run: this host's
# would look at, and change, this host.
tool() {
    local name=$1 path
    shift
    if [[ -z $ROOT ]]; then
        "$name" "$@"
        return
    fi
    for path in "$ROOT/usr/sbin/$name" "$ROOT/usr/bin/$name" "$ROOT/sbin/$name" "$ROOT/bin/$name"; do
        if [[ -x $path ]]; then
            "$path" "$@"
            return
        fi
    done
    return 127
}

has_tool() {
    local dir
    if [[ -z $ROOT ]]; then
        command -v "$1" >/dev/null
        return
    fi
    for dir in usr/sbin usr/bin sbin bin; do
        [[ ! -x $ROOT/$dir/$1 ]] || return 0
    done
    return 1
}

# ---- sets of CPUs, as the kernel writes them: 1,4-6 ----

# Sets REPLY to the CPUs of a list, one by one; fails on what is no list.
cpus_of() {
    local part first last cpu
    local -a cpus=()
    local -a parts
    IFS=, read -r -a parts <<<"$1"
    for part in "${parts[@]}"; do
        [[ $part =~ ^([0-9]{1,5})(-([0-9]{1,5}))?$ ]] || return 1
        first=$((10#${BASH_REMATCH[1]})) last=$((10#${BASH_REMATCH[3]:-${BASH_REMATCH[1]}}))
        for ((cpu = first; cpu <= last; cpu++)); do cpus+=("$cpu"); done
    done
    REPLY=${cpus[*]}
}

# Sets REPLY to the list of the CPUs that are given, in the kernel's order and form.
list_of() {
    local cpu start='' last='' out=''
    local -a sorted
    mapfile -t sorted < <((($# == 0)) || printf '%s\n' "$@" | sort -n -u)
    for cpu in "${sorted[@]}" end; do
        if [[ -n $last && $cpu == $((last + 1)) ]]; then
            last=$cpu
            continue
        fi
        if [[ -n $last ]]; then
            out+="${out:+,}$start"
            ((last == start)) || out+="-$last"
        fi
        start=$cpu last=$cpu
    done
    REPLY=$out
}

# Sets REPLY to the list as a mask in hexadecimal: groups of 32 bits, as sysfs takes it.
mask_of() {
    local cpu word highest=0 out='' i
    local -a words=()
    cpus_of "$1" || return 1
    for cpu in $REPLY; do
        word=$((cpu / 32))
        ((word <= highest)) || highest=$word
        words[word]=$((${words[word]:-0} | 1 << cpu % 32))
    done
    for ((i = highest; i >= 0; i--)); do
        if [[ -z $out ]]; then
            printf -v out '%x' "${words[i]:-0}"
        else
            printf -v out '%s,%08x' "$out" "${words[i]:-0}"
        fi
    done
    REPLY=$out
}

# is_within LIST LIST: every CPU of the first is in the second.
is_within() {
    local cpu all
    cpus_of "$2" || return 1
    all=" $REPLY "
    cpus_of "$1" || return 1
    for cpu in $REPLY; do
        [[ $all == *" $cpu "* ]] || return 1
    done
}

# ---- which CPUs are whose ----

# All are lists, and empty where no role has a CPU of its own: then there is nothing to isolate.
#   ROLE_CPUS   those that vesta.toml gives to roles
#   HOT_CPUS    and the second threads of their cores, if SMT stays on: who works there slows the first
#   HOUSE_CPUS  all others that are switched on, CPU 0 always among them
# Where the profile has SMT off, second threads count as gone already: what is written today has to be right
# after the next boot, too, which begins with SMT on.
ROLE_CPUS='' HOT_CPUS='' HOUSE_CPUS=''

find_cpus() {
    local online entry key core cpu siblings file
    local -a roles=() hot=() house=()
    value_read /sys/devices/system/cpu/online || refuse "$WHY: is that a Linux host?"
    cpus_of "$REPLY" || refuse "the kernel lists its CPUs as '$REPLY'"
    online=" $REPLY "
    for entry in "${CORES[@]}"; do
        # Whatever the value is, the key behind it is known.
        core=${entry%% cores.*} key=${entry#"$core "} file=${key#* } key=${key%% *}
        [[ $core =~ ^[0-9]{1,5}$ ]] || refuse "$key = \"$core\" in $file: a CPU is a number"
        core=$((10#$core))
        ((core != 0)) || refuse "$key = \"0\" in $file: CPU 0 is the system's: interrupts and the kernel's own work have to go somewhere. Give the role another one"
        [[ $online == *" $core "* ]] || refuse "$key = \"$core\" in $file: there is no such CPU that is switched on:$online"
        roles+=("$core")
    done
    ((${#roles[@]} > 0)) || return 0
    list_of "${roles[@]}"
    ROLE_CPUS=$REPLY
    siblings_of "${roles[@]}"
    siblings=" $REPLY "
    for cpu in $online; do
        if [[ " ${roles[*]} " == *" $cpu "* ]]; then
            hot+=("$cpu")
        elif profile_is smt off; then
            ! is_first_thread "$cpu" || house+=("$cpu")
        elif ((cpu == 0)) || [[ $siblings != *" $cpu "* ]]; then
            house+=("$cpu")
        else
            hot+=("$cpu")
        fi
    done
    ((${#house[@]} > 0)) || refuse "[cores] in ${CONFIG:-/etc/vesta} takes all CPUs ($ROLE_CPUS): at least CPU 0 is the system's"
    list_of "${hot[@]}"
    HOT_CPUS=$REPLY
    list_of "${house[@]}"
    HOUSE_CPUS=$REPLY
}

# The kernel keeps the first thread of a core when SMT goes off. A sibling that is off is in no list.
is_first_thread() {
    value_read "/sys/devices/system/cpu/cpu$1/topology/thread_siblings_list" || return 0
    [[ ${REPLY%%[,-]*} == "$1" ]]
}

# Sets REPLY to all threads of the cores of these CPUs.
siblings_of() {
    local cpu all=''
    for cpu in "$@"; do
        value_read "/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list" || continue
        ! cpus_of "$REPLY" || all+=" $REPLY"
    done
    REPLY=$all
}

# For stages that move things away from the roles' CPUs.
has_hot_cpus() {
    [[ -z $HOT_CPUS ]] || return 0
    unsupported "[cores]" "no role has a CPU of its own in ${CONFIG:-the built-in defaults}: there is nothing to keep free"
    return 1
}

# ---- interfaces ----

# Sets REPLY to the interfaces that an operator may be connected through, which no stage may touch: those of the
# default routes, those of SSH sessions, and whatever is above or below one of them.
management_interfaces() {
    local found
    default_interfaces
    found=$REPLY
    session_interfaces
    # shellcheck disable=SC2086 # names
    related_interfaces $found $REPLY
}

# Sets REPLY to the interfaces of all default routes of both families, through several gateways, too. A cloud's DHCP gives
# a second card a route of its own with a higher metric: that one counts unless host.env names the card for the
# streams, and so says that it is no way in.
default_interfaces() {
    local family line rest metric best i found='' hot=${HOST_ENV[VESTA_HOT_INTERFACE]:-}
    local -a devs metrics
    for family in -4 -6; do
        devs=() metrics=() best=''
        while read -r line; do
            [[ $line == default\ * ]] || continue
            metric=0 rest=$line
            [[ ! $line =~ ' metric '([0-9]+) ]] || metric=${BASH_REMATCH[1]}
            if [[ -z $best ]] || ((metric < best)); then best=$metric; fi
            while [[ $rest =~ ' dev '([^ ]+)(.*) ]]; do
                devs+=("${BASH_REMATCH[1]}") metrics+=("$metric") rest=${BASH_REMATCH[2]}
            done
        done < <(tool ip -o "$family" route show default 2>/dev/null)
        for i in "${!devs[@]}"; do
            if [[ ${devs[i]} != "$hot" ]] || ((metrics[i] == best)); then found+=" ${devs[i]}"; fi
        done
    done
    REPLY=${found# }
}

# Sets REPLY to the interfaces of SSH sessions: of this one, of which sudo keeps no word, and so of all that are open.
session_interfaces() {
    local server='' line found='' address
    local -a addresses=()
    read -r _ _ server _ <<<"${SSH_CONNECTION:-}"
    [[ -z $server ]] || addresses=("$server")
    while read -r line; do
        # Bytes that wait, twice, this end, the other end, and for root the program; sshd may have another port.
        read -r _ _ address _ <<<"$line"
        [[ $address != *:22 && $line != *'("sshd'* ]] || addresses+=("${address%:*}")
    done < <(tool ss -H -t -n -p state established 2>/dev/null)
    for address in "${addresses[@]}"; do
        address=${address#[} address=${address%]} address=${address#::ffff:}
        if interface_with "${address%\%*}"; then found+=" $REPLY"; fi
    done
    REPLY=${found# }
}

# Sets REPLY to these interfaces and all that are tied to them, whether below (the cards of a bond, a bridge or a VLAN)
# or above: what is done to one of them can cut off the others.
related_interfaces() {
    local dev path
    local -a queue=("$@")
    local -A seen=()
    while ((${#queue[@]} > 0)); do
        dev=${queue[0]} queue=("${queue[@]:1}")
        [[ -z ${seen["$dev"]:-} ]] || continue
        seen["$dev"]=1
        for path in "$ROOT/sys/class/net/$dev"/{lower,upper}_*; do
            path=${path##*/}
            queue+=("${path#*er_}")
        done
    done
    REPLY=${!seen[*]}
}

# interface_with WHAT: sets REPLY to the interface that has this address, or one of this network.
interface_with() {
    local what=$1 dev
    if [[ $what == */* ]]; then
        dev=$(tool ip -o -4 addr show to "$what" 2>/dev/null | head -n 1)
    else
        dev=$(tool ip -o addr show to "$what" 2>/dev/null | head -n 1)
    fi
    dev=${dev#*: }
    dev=${dev%% *}
    REPLY=${dev%%@*}
    [[ -n $REPLY ]]
}

# Sets REPLY to the interface of the streams: what the host was told at its first boot, else that of vesta.toml.
hot_interface() {
    local address
    if [[ -n ${HOST_ENV[VESTA_HOT_INTERFACE]:-} ]]; then
        REPLY=${HOST_ENV[VESTA_HOT_INTERFACE]}
        return
    fi
    setting transport.datapath
    if [[ $REPLY == xdp ]]; then
        setting transport.xdp_interface
        [[ -z $REPLY || ! -d $ROOT/sys/class/net/$REPLY ]] || return 0
    fi
    if [[ -z ${REPLY:-} || $REPLY != *.*.*.* ]]; then setting transport.interface; fi
    address=${REPLY%/32}
    interface_with "$address" && return
    REPLY=$address
    return 1
}

# What stages of the card begin with: NIC is it, or a finding says why there is none that may be touched. What was
# found the first time holds for all stages of a run.
NIC='' NIC_STATE='' NIC_WHY='' NIC_FIX=''
has_nic() {
    [[ -n $NIC_STATE ]] || find_nic
    case $NIC_STATE in
    unsupported) unsupported "$NIC" "$NIC_WHY" ;;
    error) failed "$NIC" "$NIC_WHY" "$NIC_FIX" ;;
    *) return 0 ;;
    esac
    return 1
}

find_nic() {
    local found=1
    hot_interface || found=0
    NIC=$REPLY NIC_STATE=error
    if ((!found)); then
        NIC_WHY="no interface has this address" NIC_FIX="ip -br addr; then mend transport.interface in ${CONFIG:-vesta.toml}"
        return
    fi
    if [[ $NIC == lo ]]; then
        NIC_STATE=unsupported NIC_WHY="the streams are on loopback, which is no card"
        return
    fi
    if [[ ! -d $ROOT/sys/class/net/$NIC ]]; then
        NIC_WHY="there is no interface of this name"
        NIC_FIX="ip -br link; then mend VESTA_HOT_INTERFACE in /etc/vesta/host.env, or transport.interface"
        return
    fi
    management_interfaces
    if [[ " $REPLY " == *" $NIC "* ]]; then
        NIC_WHY="refused: it is the management interface (default route or SSH session), or tied to it. Streams want one of their own"
        NIC_FIX="printf 'VESTA_HOT_INTERFACE=%s\\n' SECOND_INTERFACE >>$ROOT/etc/vesta/host.env"
        return
    fi
    NIC_STATE=ok
}

# ---- roles ----

# Sets REPLY to "name (process N)" of a Vesta role that runs here; fails when none does.
running_role() {
    local dir comm words
    for dir in "$ROOT"/proc/[0-9]*; do
        # The process may be gone by now.
        read -r comm 2>/dev/null <"$dir/comm" || continue
        # The kernel keeps 15 characters of a name.
        case $comm in
        vesta-gateway | vesta-sequencer | vesta-engine | vesta-md-publis*)
            REPLY="$comm (process ${dir##*/})"
            return 0
            ;;
        vesta)
            # Options of all commands may stand before and between the words.
            words=$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline") || continue
            if [[ $words =~ ' '(driver|demo|'md '([^ ]+' ')*relay)' ' ]]; then
                REPLY="vesta ${BASH_REMATCH[1]} (process ${dir##*/})"
                return 0
            fi
            ;;
        esac
    done
    return 1
}
