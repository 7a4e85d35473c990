# shellcheck shell=bash
# The kernel's own work away from the roles' CPUs: unbound work queues, writeback, the watchdog of stuck CPUs; and
# the counters of virtual memory are folded less often.
stage_workqueue() {
    local mask
    profile_is workqueue house || { not_wanted "work queues"; return; }
    if has_hot_cpus; then
        mask_of "$HOUSE_CPUS"
        mask=$REPLY
        knob mask /sys/devices/virtual/workqueue/cpumask "$mask"
        knob mask /sys/devices/virtual/workqueue/writeback/cpumask "$mask"
        knob list /proc/sys/kernel/watchdog_cpumask "$HOUSE_CPUS"
    fi
    profile stat_interval_s
    [[ $REPLY == keep ]] || knob least /proc/sys/vm/stat_interval "$REPLY"
}
