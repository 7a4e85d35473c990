# shellcheck shell=bash
# The quiet-host report: what the host takes from a thread that never sleeps, measured by `vesta bench jitter`
# before it was tuned and after, as a table. What is measured while nothing is applied counts as before, and is
# kept; what is measured while something is, as after.

report_seconds() {
    REPLY=${VESTA_TUNE_REPORT_S:-10}
    [[ $REPLY =~ ^[0-9]{1,4}(\.[0-9]{1,3})?$ ]] || refuse "VESTA_TUNE_REPORT_S=$REPLY: seconds are a number"
}

# Sets REPLY to the program: told, beside the release, or on the path.
find_vesta() {
    local candidate
    for candidate in "${VESTA_BIN:-}" "$TUNE_HOME/../bin/vesta" "$TUNE_HOME/../../../bin/vesta"; do
        if [[ -n $candidate && -x $candidate ]]; then
            REPLY=$(readlink -f -- "$candidate")
            return
        fi
    done
    REPLY=$(command -v vesta) || refuse "there is no vesta to measure with: VESTA_BIN=/path/to/vesta says where it is"
}

# Sets REPLY to the CPUs that are switched on, as 0,1,2: by name, because what a login shell may run on lacks those that
# isolcpus keeps free, which are the ones that matter. A container may have fewer for good.
cpus_to_measure() {
    local cpu mine=''
    if ! value_read /sys/devices/system/cpu/online || ! cpus_of "$REPLY"; then
        refuse "the kernel does not list its CPUs: ${WHY:-$REPLY}"
    fi
    for cpu in $REPLY; do
        if [[ -n $ROOT ]] || ! has_tool taskset || taskset -c "$cpu" true 2>/dev/null; then mine+=,$cpu; fi
    done
    REPLY=${mine#,}
}

# Runs the measurement and sets REPLY to its last line, the JSON object.
measure_jitter() {
    local vesta out said seconds online
    find_vesta
    vesta=$REPLY
    report_seconds
    seconds=$REPLY
    cpus_to_measure
    online=$REPLY
    out=$(mktemp -d)
    note "measuring for $seconds s with $vesta bench jitter ..."
    if ! said=$("$vesta" bench jitter --json --seconds "$seconds" --cores "$online" --out "$out/jitter" 2>"$out/said"); then
        said=$(tail -n 1 "$out/said")
        rm -rf -- "$out"
        refuse "vesta bench jitter failed: $said"
    fi
    rm -rf -- "$out"
    REPLY=${said##*$'\n'}
    [[ $REPLY == '{'*'"cores":['* ]] || refuse "vesta bench jitter said no JSON that is known here: ${REPLY:0:80}"
}

# What the file of a measurement holds for each core, a line each:
# core lost_us_per_s worst_us p99_us gaps_from_10_us
jitter_rows() {
    # One core's object has one object in it; each begins at its own "core" or goes with what came before.
    tr '{}' '\n\n' <"$1" | tr ',' '\n' | awk -F : '
        { gsub(/["\[\] ]/, "", $1); gsub(/["\]\[ ]/, "", $2) }
        # A core is told once all its figures are there: keys may be in any order.
        $1 == "core" { core = $2 } $1 == "lost_us_per_s" { lost = $2 }
        $1 == "worst_ns" { worst = $2 } $1 == "p99" { p99 = $2 } $1 == "10000" { long = $2 }
        core != "" && lost != "" && worst != "" && p99 != "" && long != "" {
            printf "%d %.1f %.1f %.1f %d\n", core, lost, worst / 1000, p99 / 1000, long
            core = lost = worst = p99 = long = ""
        }' | sort -n
}

# keep_measurement before|after JSON: where it may be written; else it is only shown.
keep_measurement() {
    mkdir -p -- "$DISK_STATE" 2>/dev/null && printf '%s\n' "$2" 2>/dev/null >"$DISK_STATE/jitter-$1.json.new" &&
        mv -f -- "$DISK_STATE/jitter-$1.json.new" "$DISK_STATE/jitter-$1.json"
}

report() {
    local when=before measured work before after
    ! has_saved || when=after
    measure_jitter
    measured=$REPLY
    work=$(mktemp -d)
    printf '%s\n' "$measured" >"$work/$when"
    keep_measurement "$when" "$measured" 2>/dev/null ||
        note "it is not kept for the other half of the table: $DISK_STATE can not be written (root can)"
    # What is measured now, beside what was kept of the other.
    [[ $when == before || ! -r $DISK_STATE/jitter-before.json ]] || cp -- "$DISK_STATE/jitter-before.json" "$work/before"
    for when in before after; do
        [[ ! -e $work/$when ]] || jitter_rows "$work/$when" >"$work/$when.rows"
        [[ -s $work/$when.rows || ! -e $work/$when ]] || refuse "vesta bench jitter names its figures otherwise than this table knows"
    done
    if ((JSON)); then
        before=null after=null
        [[ ! -e $work/before ]] || before=$(<"$work/before")
        [[ ! -e $work/after ]] || after=$(<"$work/after")
        json_string "$HOT_CPUS"
        printf '{"action":"report","hot_cpus":%s,"before":%s,"after":%s}\n' "$REPLY" "$before" "$after"
    else
        report_host
        report_table "$work"
    fi
    rm -rf -- "$work"
}

# The head without which figures are worth nothing.
report_host() {
    local key value
    printf '\n'
    for key in kernel/osrelease:kernel sys/devices/system/cpu/online:CPUs sys/devices/system/cpu/isolated:isolated \
        sys/devices/system/cpu/nohz_full:nohz_full sys/devices/system/cpu/cpu0/cpufreq/scaling_governor:governor \
        sys/devices/system/cpu/smt/control:SMT sys/kernel/mm/transparent_hugepage/enabled:THP; do
        value=${key%%:*}
        [[ $value != kernel/* ]] || value=proc/sys/$value
        value_read "/$value" || REPLY=-
        printf '%-10s %s\n' "${key##*:}" "${REPLY:-none}"
    done
    printf '%-10s %s\n' 'of roles' "${HOT_CPUS:-none}" profile "$PROFILE"
}

report_table() {
    local work=$1
    touch "$work/before.rows" "$work/after.rows"
    printf '\n%-8s %21s %21s %21s %21s\n' '' 'lost us in 1 s' 'worst us' 'p99 of gaps us' 'gaps from 10 us on'
    printf '%-8s %10s %10s %10s %10s %10s %10s %10s %10s\n' core before after before after before after before after
    awk -v hot=" $(cpus_of "$HOT_CPUS" && printf '%s' "$REPLY") " '
        FILENAME ~ /before.rows$/ { b[$1] = $0 } FILENAME ~ /after.rows$/ { a[$1] = $0 }
        { if (!($1 in known)) { known[$1] = 1; order[++n] = $1 } }
        END {
            for (i = 1; i <= n; i++) {
                core = order[i]
                split("- - - - -", x, " "); if (core in b) split(b[core], x, " ")
                split("- - - - -", y, " "); if (core in a) split(a[core], y, " ")
                printf "%-8s", core (index(hot, " " core " ") ? " role" : "")
                for (j = 2; j <= 5; j++) printf " %10s %10s", x[j], y[j]
                printf "\n"
            }
        }' "$work/before.rows" "$work/after.rows"
    [[ -s $work/after.rows ]] || printf '\nNothing is applied: this is the host before. Apply, then report again.\n'
}
