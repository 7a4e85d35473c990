# shellcheck shell=bash
# Coalescing off: the card tells of a datagram at once, and does not wait for a second one. It costs an interrupt for
# each datagram at low rates; at high rates NAPI polls anyhow.
stage_coalescing() {
    local word list
    profile coalescing
    list=$REPLY
    [[ -n ${list// /} ]] || { not_wanted coalescing; return; }
    has_nic || return 0
    for word in $list; do knob coalesce "$NIC ${word%=*}" "${word#*=}"; done
}
