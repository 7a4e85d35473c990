# shellcheck shell=bash
# NAPI deferral and busy-poll, which belong together: while threads poll the card (transport.uring.busy_poll_us), its
# interrupts are put off, so that the two do not race. Where nobody polls, nothing is put off: an interface whose
# interrupts wait for a timer answers that much later.
stage_napi() {
    local poll_us defer=0 flush_ns=0
    setting_number transport.uring.busy_poll_us
    poll_us=$REPLY
    knob file /proc/sys/net/core/busy_poll "$poll_us"
    knob file /proc/sys/net/core/busy_read "$poll_us"
    has_nic || return 0
    if ((poll_us > 0)); then
        profile napi_defer_hard_irqs
        defer=$REPLY
        profile gro_flush_timeout_ns
        flush_ns=$REPLY
    fi
    knob file "/sys/class/net/$NIC/napi_defer_hard_irqs" "$defer"
    knob file "/sys/class/net/$NIC/gro_flush_timeout" "$flush_ns"
}
