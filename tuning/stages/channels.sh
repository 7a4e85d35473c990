# shellcheck shell=bash
# Channels of the card: few queues, few interrupts, few places where a datagram can wait. With datapath "xdp"
# and a transport.xdp_queue_count, that many. Those of veth and some cards are apart for each direction.
stage_channels() {
    local want count name found=0
    profile channels
    want=$REPLY
    setting transport.datapath
    if [[ $REPLY == xdp ]]; then
        setting_number transport.xdp_queue_count
        ((REPLY == 0)) || want=$REPLY
    fi
    [[ $want != keep ]] || { not_wanted channels; return; }
    has_nic || return 0
    for name in combined rx tx; do
        if ! most_of l "$NIC" "$name"; then
            unsupported "$NIC channels" "$WHY"
            return
        fi
        count=$REPLY
        ((count > 0)) || continue
        found=1
        if [[ $want != max ]] && ((want < count)); then count=$want; fi
        knob channel "$NIC $name" "$count"
        # Where they can be combined, the others stay at none.
        [[ $name != combined ]] || break
    done
    ((found)) || unsupported "$NIC channels" "the card has one queue and no more"
}
