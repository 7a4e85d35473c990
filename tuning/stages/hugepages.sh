# shellcheck shell=bash
# Hugepages of 2 MiB, set aside on the NUMA node of each role's CPU, and the file system of them. One takes one entry
# of the TLB where plain pages take 512; set aside, they are there when a role starts, and are never swapped.
#
# How many: the orders' memory that an engine touches at start (124 bytes each), the outcomes that it keeps for each
# session (32 bytes each), and at least 64 pages, which is what `vesta doctor` asks for.
stage_hugepages() {
    local pages node wanted=0 cpulist cpu path
    profile hugepages
    pages=$REPLY
    [[ $pages != keep ]] || { not_wanted hugepages; return; }
    if [[ $pages == auto ]]; then
        hugepages_needed
        pages=$REPLY
    fi
    for path in "$ROOT"/sys/devices/system/node/node[0-9]*; do
        value_read "${path#"$ROOT"}/cpulist" || continue
        cpulist=$REPLY
        # Where no role has a CPU of its own, the first node is as good as any.
        if [[ -z $HOT_CPUS ]]; then
            ((wanted == 0)) || continue
        else
            cpus_of "$HOT_CPUS"
            node=0
            for cpu in $REPLY; do ! is_within "$cpu" "$cpulist" || node=1; done
            ((node)) || continue
        fi
        knob least "${path#"$ROOT"}/hugepages/hugepages-2048kB/nr_hugepages" "$pages"
        wanted=$((wanted + 1))
    done
    # Kernels without NUMA have one pool.
    ((wanted > 0)) || knob least /proc/sys/vm/nr_hugepages "$pages"
    # A place for it is made, and undone, only where there is none.
    if mount_read 'hugetlbfs /dev/hugepages' && [[ $REPLY == absent ]]; then knob dir /dev/hugepages present; fi
    knob mount 'hugetlbfs /dev/hugepages' present
}

hugepages_needed() {
    local orders outcomes sessions=0 path bytes
    setting_number engine.order_count_max
    orders=$REPLY
    setting_number sessions.window
    outcomes=$REPLY
    setting_number sessions.cancel_reserve
    outcomes=$((outcomes + REPLY))
    for path in "${!SETTINGS[@]}"; do
        [[ $path != session.*.count ]] || { setting_number "$path"; sessions=$((sessions + REPLY)); }
    done
    # The built-in default has 100 sessions.
    ((sessions > 0)) || sessions=100
    bytes=$((orders * 124 + sessions * outcomes * 32))
    REPLY=$(((bytes + (1 << 21) - 1) >> 21))
    ((REPLY >= 64)) || REPLY=64
}
