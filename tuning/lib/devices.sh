# shellcheck shell=bash
# Kinds of knobs that ethtool and ip reach. The four functions of a kind are explained in knobs.sh.

# Runs ethtool and keeps what it prints in REPLY. What a driver does not have is "unsupported".
ethtool_says() {
    local said code=0
    if ! has_tool ethtool; then
        WHY="there is no ethtool here (Debian package ethtool)"
        return 1
    fi
    said=$(tool ethtool "$@" 2>&1) || code=$?
    if ((code == 0)); then
        REPLY=$said
        return 0
    fi
    WHY="ethtool $*: ${said##*: }"
    case $said in
    *'not supported'* | *'No such device'*) return 1 ;;
    *) return 2 ;;
    esac
}

# Runs ethtool to change something.
ethtool_does() {
    local said
    said=$(tool ethtool "$@" 2>&1) && return
    WHY="ethtool $*: ${said##*$'\n'}"
    return 1
}

# Sets REPLY to the number after "NAME:" in the part of an answer that is "Pre-set maximums" or "Current".
ethtool_figure() {
    local answer=$1 part=$2 name=$3 line now=''
    REPLY=''
    while IFS= read -r line; do
        case $line in
        'Pre-set maximums:'*) now=max ;;
        'Current hardware settings:'*) now=current ;;
        *)
            if [[ $now == "$part" && ${line,,} =~ ^"$name":[[:space:]]*([0-9]+) ]]; then
                REPLY=${BASH_REMATCH[1]}
                return 0
            fi
            ;;
        esac
    done <<<"$answer"
    return 1
}

# ring, channel: TARGET is "DEV NAME", as "eth0 rx". Where less is possible than is wanted, the most is wanted:
# stages ask `most_of` before.
figure_read() {
    local letter=$1 dev=${2% *} name=${2##* }
    WHY=''
    ethtool_says "-$letter" "$dev" || return
    if ! ethtool_figure "$REPLY" current "$name"; then
        WHY="$dev has no $name setting"
        return 1
    fi
}
# most_of LETTER DEV NAME: sets REPLY to the most that is possible; 0 where it can not be set.
most_of() {
    WHY=''
    ethtool_says "-$1" "$2" || return
    ethtool_figure "$REPLY" max "$3" || REPLY=0
}
ring_read() { figure_read g "$1"; }
ring_same() { [[ $1 == "$2" ]]; }
ring_write() { ethtool_does -G "${1% *}" "${1##* }" "$2"; }
ring_fix() { REPLY="ethtool -G ${1% *} ${1##* } $2"; }
channel_read() { figure_read l "$1"; }
channel_same() { [[ $1 == "$2" ]]; }
channel_write() { ethtool_does -L "${1% *}" "${1##* }" "$2"; }
channel_fix() { REPLY="ethtool -L ${1% *} ${1##* } $2"; }

# feature: an offload, on or off. TARGET is "DEV NAME", the name as `ethtool -K` takes it.
feature_line() {
    case $1 in
    gro) REPLY=generic-receive-offload ;;
    gso) REPLY=generic-segmentation-offload ;;
    tso) REPLY=tcp-segmentation-offload ;;
    lro) REPLY=large-receive-offload ;;
    ntuple) REPLY=ntuple-filters ;;
    rx) REPLY=rx-checksumming ;;
    tx) REPLY=tx-checksumming ;;
    sg) REPLY=scatter-gather ;;
    *) REPLY=$1 ;;
    esac
}
feature_read() {
    local dev=${1% *} name=${1##* } wanted
    WHY=''
    feature_line "$name"
    wanted=$REPLY
    ethtool_says -k "$dev" || return
    if [[ ! $'\n'$REPLY =~ $'\n'[[:space:]]*"$wanted": ]]; then
        WHY="$dev has no $name"
        return 1
    fi
    [[ $'\n'$REPLY =~ $'\n'[[:space:]]*"$wanted":[[:space:]]*(on|off)([^$'\n']*) ]] || return 2
    REPLY=${BASH_REMATCH[1]}
    FEATURE_FIXED=0
    # "[requested on]" is a feature that waits for another.
    [[ ${BASH_REMATCH[2]} != *'[fixed]'* ]] || FEATURE_FIXED=1
}
feature_same() {
    [[ $1 != "$2" ]] || return 0
    # The driver does not let anybody change it: then it is what it is.
    ((FEATURE_FIXED == 0)) || { UNCHANGEABLE="the driver has it fixed"; return 1; }
    return 1
}
feature_write() { ethtool_does -K "${1% *}" "${1##* }" "$2"; }
feature_fix() { REPLY="ethtool -K ${1% *} ${1##* } $2"; }

# coalesce: TARGET is "DEV NAME", the name as `ethtool -C` takes it.
coalesce_read() {
    local dev=${1% *} name=${1##* }
    WHY=''
    ethtool_says -c "$dev" || return
    case $name in
    adaptive-rx) [[ $REPLY =~ 'Adaptive RX:'[[:space:]]*([a-z0-9/]+) ]] || BASH_REMATCH=('' n/a) ;;
    adaptive-tx) [[ $REPLY =~ 'Adaptive RX:'[^$'\n']*'TX:'[[:space:]]*([a-z0-9/]+) ]] || BASH_REMATCH=('' n/a) ;;
    *) [[ $'\n'$REPLY =~ $'\n'"$name":[[:space:]]*([0-9a-z/]+) ]] || BASH_REMATCH=('' n/a) ;;
    esac
    REPLY=${BASH_REMATCH[1]}
    [[ $REPLY != n/a ]] || {
        WHY="$dev has no $name"
        return 1
    }
}
coalesce_same() { [[ $1 == "$2" ]]; }
coalesce_write() { ethtool_does -C "${1% *}" "${1##* }" "$2"; }
coalesce_fix() { REPLY="ethtool -C ${1% *} ${1##* } $2"; }

# rule: datagrams to a UDP port go to one receive queue. TARGET is "DEV PORT QUEUE".
# Sets RULE_ID to the card's number of the rule, too.
rule_read() {
    local dev port queue line id='' udp=0 to=''
    read -r dev port queue <<<"$1"
    WHY='' RULE_ID=''
    ethtool_says -n "$dev" || return
    while IFS= read -r line; do
        case $line in
        *'Filter: '*) id=${line##*: } udp=0 to='' ;;
        *'Rule Type: UDP over IPv4'*) udp=1 ;;
        *'Dest port: '*)
            to=${line#*Dest port: }
            to=${to%% *}
            ;;
        *'Action: Direct to queue '*)
            ((!udp)) || [[ $to != "$port" || ${line##* } != "$queue" ]] || RULE_ID=$id
            ;;
        esac
    done <<<"$REPLY"
    if [[ -n $RULE_ID ]]; then REPLY=present; else REPLY=absent; fi
}
rule_same() { [[ $1 == "$2" ]]; }
rule_write() {
    local dev port queue
    read -r dev port queue <<<"$1"
    if [[ $2 == present ]]; then
        ethtool_does -N "$dev" flow-type udp4 dst-port "$port" action "$queue"
    else
        rule_read "$1" || return 1
        [[ -z $RULE_ID ]] || ethtool_does -N "$dev" delete "$RULE_ID"
    fi
}
rule_fix() {
    local dev port queue
    read -r dev port queue <<<"$1"
    REPLY="ethtool -N $dev flow-type udp4 dst-port $port action $queue"
}

# mtu: at least that. TARGET is the interface.
mtu_read() { value_read "/sys/class/net/$1/mtu"; }
mtu_same() { least_same "$@"; }
mtu_write() {
    local said
    said=$(tool ip link set dev "$1" mtu "$2" 2>&1) && return
    WHY="ip link set dev $1 mtu $2: ${said##*: }"
    return 1
}
mtu_fix() { REPLY="ip link set dev $1 mtu $2"; }

# route: TARGET is "DEV NETWORK".
route_read() {
    local dev=${1% *} network=${1##* } said
    WHY=''
    if ! said=$(tool ip -o -4 route show "$network" dev "$dev" 2>&1); then
        WHY="ip route show: $said"
        return 2
    fi
    if [[ -n $said ]]; then REPLY=present; else REPLY=absent; fi
}
route_same() { [[ $1 == "$2" ]]; }
route_write() {
    local dev=${1% *} network=${1##* } said verb=add
    [[ $2 == present ]] || verb=del
    said=$(tool ip -4 route "$verb" "$network" dev "$dev" scope link 2>&1) && return
    WHY="ip route $verb $network dev $dev: ${said##*: }"
    return 1
}
route_fix() { REPLY="ip -4 route add ${1##* } dev ${1% *} scope link"; }
