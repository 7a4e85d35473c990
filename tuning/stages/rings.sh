# shellcheck shell=bash
# Rings of the card as long as they get: a burst that is longer than the ring is lost in the card. Memory is all it
# costs, as long as whoever empties them is not late.
stage_rings() {
    local name
    profile_is rings max || { not_wanted rings; return; }
    has_nic || return 0
    for name in rx tx; do
        if ! most_of g "$NIC" "$name"; then
            unsupported "$NIC rings" "$WHY"
            return
        fi
        if ((REPLY > 0)); then
            knob ring "$NIC $name" "$REPLY"
        else
            unsupported "$NIC $name" "its length can not be set"
        fi
    done
}
