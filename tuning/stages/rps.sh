# shellcheck shell=bash
# RPS, RFS and XPS: which CPU carries a datagram through the stack. On a card whose interrupts are where they should
# be, RPS only adds a hop, so it is off; on an interface with one queue in a laboratory it keeps the work off the
# roles' CPUs. XPS has the other CPUs' transmit queues and locks stay theirs.
stage_rps() {
    local path
    has_nic || return 0
    for path in "$ROOT/sys/class/net/$NIC/queues"/rx-*/rps_cpus; do cpus_of_queue rps "${path#"$ROOT"}"; done
    for path in "$ROOT/sys/class/net/$NIC/queues"/tx-*/xps_cpus; do cpus_of_queue xps "${path#"$ROOT"}"; done
    rfs
}

# cpus_of_queue KEY PATH
cpus_of_queue() {
    profile "$1"
    case $REPLY in
    keep) return 0 ;;
    off) knob mask "$2" 0 ;;
    house)
        if [[ -z $HOUSE_CPUS ]]; then
            unsupported "$2" "no role has a CPU of its own: any CPU is as good"
            return 0
        fi
        mask_of "$HOUSE_CPUS"
        knob mask "$2" "$REPLY"
        ;;
    esac
}

# The table of flows, and each queue's share of it; the kernel rounds up to powers of two.
rfs() {
    local entries share=1 path
    local -a queues
    profile rfs_entries
    entries=$REPLY
    [[ $entries != keep ]] || return 0
    knob file /proc/sys/net/core/rps_sock_flow_entries "$entries"
    queues=("$ROOT/sys/class/net/$NIC/queues"/rx-*/rps_flow_cnt)
    while ((share * ${#queues[@]} < entries)); do share=$((share * 2)); done
    ((entries > 0)) || share=0
    for path in "${queues[@]}"; do knob file "${path#"$ROOT"}" "$share"; done
}
