# shellcheck shell=bash
# NUMA balancing off: it unmaps pages now and then to see who touches them, which is a fault for who does. Roles
# have their CPU and take their memory near it at start, so there is nothing to balance.
stage_numa() {
    profile_is numa_balancing off || { not_wanted "NUMA balancing"; return; }
    knob file /proc/sys/kernel/numa_balancing 0
}
