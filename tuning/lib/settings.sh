# shellcheck shell=bash
# Where values come from: what the shard needs from vesta.toml, so that engine and host can not disagree;
# what kind of host it is from a profile, and from /etc/vesta/tune.conf, which wins; what is known of this one
# host from /etc/vesta/host.env. None of the files is run: they are read as data.

declare -A SETTINGS=() PROFILE_VALUES=() HOST_ENV=()
# The CPUs that [cores] gives to roles, "CPU KEY FILE" each: of all shards of this host.
CORES=()

# Every key of a profile, and what it may be (an extended regular expression of the whole value).
declare -rA PROFILE_KEYS=(
    [cmdline]='on|off' [cstate_max]='keep|[0-9]' [idle_latency_max_us]='keep|[0-9]{1,6}'
    [governor]='keep|performance' [smt]='keep|off' [hugepages]='keep|auto|[0-9]{1,6}'
    [thp]='keep|auto|never|madvise' [numa_balancing]='keep|off'
    [socket_buffer_min_bytes]='[0-9]{1,10}' [backlog_min]='[0-9]{1,7}'
    [limits]='on|off' [mtu]='keep|auto' [channels]='keep|max|[0-9]{1,3}' [rings]='keep|max'
    [offloads]='([a-z0-9-]+=(on|off) ?)*' [coalescing]='([a-z-]+=(on|off|[0-9]{1,6}) ?)*'
    [steering]='on|off' [napi_defer_hard_irqs]='[0-9]{1,4}' [gro_flush_timeout_ns]='[0-9]{1,9}'
    [rps]='keep|off|house' [xps]='keep|off|house' [rfs_entries]='keep|[0-9]{1,6}'
    [igmp_version]='keep|[023]' [rp_filter]='keep|[012]' [multicast_route]='on|off'
    [irqbalance]='on|off' [irq]='keep|house' [workqueue]='keep|house' [stat_interval_s]='keep|[0-9]{1,3}'
    [cpuset]='on|off' [nvme]='on|off' [time]='off|phc|amazon' [phc_device]='/dev/[a-z0-9_]+' [phc_scale]='utc|tai'
    [mitigations]='keep|off' [audit]='keep|off' [rt_throttle]='keep|off'
)

# read_pairs FILE ARRAY: KEY=VALUE lines into an associative array; quotes around a value are left out.
read_pairs() {
    local file=$1 line number=0
    local -n into=$2
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
        [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || refuse "$file, line $number: KEY=VALUE was expected: $line"
        # shellcheck disable=SC2034 # a name of the caller's array
        into[${BASH_REMATCH[1]}]=$(unquoted "${BASH_REMATCH[2]}")
    done <"$file"
}

unquoted() {
    local text=${1%"${1##*[![:space:]]}"}
    case $text in
    \"*\") text=${text#\"} text=${text%\"} ;;
    \'*\') text=${text#\'} text=${text%\'} ;;
    esac
    printf '%s' "$text"
}

load_host_env() {
    local file=$ROOT/etc/vesta/host.env
    [[ ! -r $file ]] || read_pairs "$file" HOST_ENV
}

# The profile, and over it what the operator of this host decided.
load_profile() {
    local file=$TUNE_HOME/profiles/$PROFILE.conf key own=$ROOT/etc/vesta/tune.conf names
    if [[ $PROFILE == */* || ! -r $file ]]; then
        names=$(cd -- "$TUNE_HOME/profiles" && printf '%s ' *.conf)
        refuse "there is no profile '$PROFILE': ${names//.conf/}"
    fi
    read_pairs "$file" PROFILE_VALUES
    for key in "${!PROFILE_KEYS[@]}"; do
        [[ -n ${PROFILE_VALUES[$key]+there} ]] || refuse "$file: $key is missing"
    done
    [[ ! -r $own ]] || read_pairs "$own" PROFILE_VALUES
    for key in "${!PROFILE_VALUES[@]}"; do
        [[ -n ${PROFILE_KEYS[$key]:-} ]] || refuse "profile $PROFILE or $own: there is no key '$key'"
        [[ ${PROFILE_VALUES[$key]} =~ ^(${PROFILE_KEYS[$key]})$ ]] ||
            refuse "profile $PROFILE or $own: $key=${PROFILE_VALUES[$key]}: it may be ${PROFILE_KEYS[$key]}"
    done
}

# Sets REPLY to the value of a key of the profile.
profile() { REPLY=${PROFILE_VALUES[$1]}; }

# profile_is KEY VALUE
profile_is() { [[ ${PROFILE_VALUES[$1]} == "$2" ]]; }

# Stages whose profile leaves the thing alone say so, and have nothing to do.
not_wanted() { unsupported "$1" "profile $PROFILE leaves it alone"; }

# vesta.toml over the built-in defaults.
load_config() {
    local path value candidate
    while read -r path value; do
        [[ -z $path || $path == '#'* ]] || SETTINGS[$path]=$value
    done <"$TUNE_HOME/lib/defaults"
    if [[ -z $CONFIG ]]; then
        # Beside the release (bin/, etc/, tuning/), or where `make install` puts it.
        for candidate in "$ROOT/etc/vesta/vesta.toml" "$TUNE_HOME/../etc/vesta.toml" "$TUNE_HOME/../../../etc/vesta.toml"; do
            [[ ! -r $candidate ]] || { CONFIG=$(readlink -f -- "$candidate"); break; }
        done
        [[ -z $CONFIG ]] || read_settings "$CONFIG" SETTINGS
        load_other_shards
        return
    fi
    [[ -f $CONFIG && -r $CONFIG ]] || refuse "--config: can not read $CONFIG"
    CONFIG=$(readlink -f -- "$CONFIG") CONFIG_ASKED=$CONFIG
    read_settings "$CONFIG" SETTINGS
}
# What was asked for by --config, and nothing where the place of the file decided.
CONFIG_ASKED=''

# read_settings FILE ARRAY: what a vesta.toml says into an associative array, and its [cores] to CORES.
read_settings() {
    local file=$1 path value said
    local -n settings=$2
    said=$(awk -f "$TUNE_HOME/lib/toml.awk" "$file" 2>/dev/null) ||
        refuse "$file: $(awk -f "$TUNE_HOME/lib/toml.awk" "$file" 2>&1 >/dev/null)"
    while IFS=$'\t' read -r path value; do
        [[ -n $path ]] || continue
        # shellcheck disable=SC2034 # a name of the caller's array
        settings[$path]=$value
        case $path in
        cores.gateway | cores.sequencer | cores.engine | cores.md_publisher) [[ -z $value ]] || CORES+=("$value $path $file") ;;
        esac
    done <<<"$said"
}

# Where a host has several shards, the units find the file of each in /etc/vesta/shard-N.env. What their roles spin on has
# to be kept free, too; all else that is tuned follows the one file.
load_other_shards() {
    local file config
    local -A environment others
    for file in "$ROOT"/etc/vesta/shard-*.env; do
        [[ -r $file ]] || continue
        environment=() others=()
        read_pairs "$file" environment
        config=${environment[VESTA_CONFIG]:-}
        [[ -n $config ]] || continue
        config=$ROOT$config
        [[ -f $config && -r $config ]] || refuse "$file: can not read $config"
        config=$(readlink -f -- "$config")
        [[ $config == "$CONFIG" ]] || read_settings "$config" others
    done
}

# Sets REPLY to the value at a path of vesta.toml, as in transport.mode; empty where there is none.
setting() { REPLY=${SETTINGS[$1]:-}; }

# Sets REPLY to a number of vesta.toml.
setting_number() {
    setting "$1"
    [[ $REPLY =~ ^[0-9]{1,12}$ ]] || refuse "${CONFIG:-built-in defaults}: $1 = $REPLY is no number"
    REPLY=$((10#$REPLY))
}

# Sets REPLY to the largest of the numbers at all paths that match a pattern; 0 where there are none.
setting_largest() {
    local path largest=0
    for path in "${!SETTINGS[@]}"; do
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $path == $1 ]] || continue
        setting_number "$path"
        ((REPLY <= largest)) || largest=$REPLY
    done
    REPLY=$largest
}

# Sets REPLY to the multicast networks (/24) that the streams are in.
stream_networks() {
    local path group
    REPLY=$(for path in "${!SETTINGS[@]}"; do
        [[ $path == streams.*.group ]] || continue
        group=${SETTINGS[$path]%:*}
        printf '%s.0/24\n' "${group%.*}"
    done | sort -u)
}

# Sets REPLY to how many groups a reader of all streams joins: those of data.
stream_group_count() {
    local path count=0
    for path in "${!SETTINGS[@]}"; do
        [[ $path != streams.*.group ]] || count=$((count + 1))
    done
    REPLY=$count
}

# Sets REPLY to the UDP ports at which this shard's datagrams arrive, in the mode that is configured.
stream_ports() {
    local path mode port pattern
    setting transport.mode
    mode=$REPLY
    pattern='streams.*.@(endpoint|group)'
    [[ $mode == multicast ]] || pattern='streams.*.@(endpoint|control|reader_endpoint)'
    shopt -s extglob
    REPLY=$(for path in "${!SETTINGS[@]}"; do
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $path == $pattern || $path == gateway.*.back_endpoint ]] || continue
        port=${SETTINGS[$path]##*:}
        [[ $port == 0 ]] || printf '%s\n' "$port"
    done | sort -n -u)
}
