# shellcheck shell=bash
# Flow steering: the shard's UDP ports go to the first receive queue by rule, whatever the card's hash says. With one
# queue there is nothing to steer.
stage_steering() {
    local port ports
    local -a queues
    profile_is steering on || { not_wanted "flow steering"; return; }
    has_nic || return 0
    queues=("$ROOT/sys/class/net/$NIC/queues"/rx-*)
    if ((${#queues[@]} < 2)); then
        unsupported "$NIC flow steering" "there is one receive queue: everything goes there"
        return
    fi
    stream_ports
    ports=$REPLY
    for port in $ports; do knob rule "$NIC $port 0" present; done
}
