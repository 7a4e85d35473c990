# shellcheck shell=bash
# Multicast on the streams' interface: as many memberships as the streams have groups, one version of IGMP that the
# switch's querier speaks, a reverse-path filter that does not drop what comes in on a second interface
# (2: the source must be reachable by some interface), and routes for tools that do not name an interface.
stage_multicast() {
    local network
    setting transport.mode
    if [[ $REPLY != multicast ]]; then
        unsupported multicast "transport.mode = \"$REPLY\": no multicast is used"
        return
    fi
    stream_group_count
    # Some for the host itself, and for tools that read along.
    knob least /proc/sys/net/ipv4/igmp_max_memberships $((REPLY + 16))
    has_nic || return 0
    profile igmp_version
    [[ $REPLY == keep ]] || knob file "/proc/sys/net/ipv4/conf/$NIC/force_igmp_version" "$REPLY"
    profile rp_filter
    [[ $REPLY == keep ]] || knob file "/proc/sys/net/ipv4/conf/$NIC/rp_filter" "$REPLY"
    profile_is multicast_route on || return 0
    stream_networks
    for network in $REPLY; do knob route "$NIC $network" present; done
}
