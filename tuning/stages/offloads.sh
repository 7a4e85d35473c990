# shellcheck shell=bash
# Offloads: LRO off (it changes what is received), GRO, GSO and checksums on: bursts are received and sent as one,
# and GSO wants the card to compute checksums.
stage_offloads() {
    local word list
    profile offloads
    list=$REPLY
    [[ -n ${list// /} ]] || { not_wanted offloads; return; }
    has_nic || return 0
    for word in $list; do knob feature "$NIC ${word%=*}" "${word#*=}"; done
}
