# shellcheck shell=bash
# CPUs that neither slow down nor sleep deeply nor share a core: the governor, SMT, idle states that take long to
# wake from (of the roles' CPUs, at run time; the command line has the same for good), and, only when asked
# for, the real-time throttle.
stage_cpu() {
    local path seen=0
    if profile_is governor performance; then
        for path in "$ROOT"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
            knob file "${path#"$ROOT"}" performance
            seen=1
        done
        ((seen)) || unsupported governor "the CPUs' speed is not this host's to choose"
    else
        not_wanted governor
    fi
    cpu_smt
    cpu_idle
    if profile_is rt_throttle off; then
        knob file /proc/sys/kernel/sched_rt_runtime_us -1
    fi
}

cpu_smt() {
    local control=/sys/devices/system/cpu/smt/control cpu cpus
    profile_is smt off || { not_wanted SMT; return; }
    if ! value_read "$control" || [[ $REPLY == not* ]]; then
        unsupported "$control" "this host has no SMT to switch off"
        return
    fi
    # Switched off for good, by the command line or firmware.
    [[ $REPLY != forceoff ]] || { result ok "$control" forceoff off '' ''; return; }
    cpus_of "$ROLE_CPUS"
    cpus=$REPLY
    for cpu in $cpus; do
        is_first_thread "$cpu" && continue
        failed "$control" "CPU $cpu of [cores] is the second thread of CPU ${REPLY%%[,-]*} and would go away with SMT" \
            "give the role CPU ${REPLY%%[,-]*} instead, in ${CONFIG:-vesta.toml}"
        return
    done
    knob file "$control" off
}

# An idle state tells how many microseconds waking from it takes.
cpu_idle() {
    local max cpu dir latency seen=0
    profile idle_latency_max_us
    max=$REPLY
    [[ $max != keep ]] || { not_wanted "idle states"; return; }
    has_hot_cpus || return 0
    cpus_of "$HOT_CPUS"
    for cpu in $REPLY; do
        for dir in "$ROOT/sys/devices/system/cpu/cpu$cpu/cpuidle"/state[0-9]*; do
            value_read "${dir#"$ROOT"}/latency" || continue
            latency=$REPLY
            [[ $latency =~ ^[0-9]+$ ]] || continue
            ((latency > max)) || continue
            knob file "${dir#"$ROOT"}/disable" 1
            seen=1
        done
    done
    ((seen)) || unsupported "idle states" "the roles' CPUs have none that take longer than $max us to wake from"
}
