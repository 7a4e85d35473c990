# shellcheck shell=bash
# How much a socket may hold: what vesta.toml asks for is granted only up to these. And how many datagrams may wait
# between the card and the stack.
stage_sockets() {
    local least
    profile socket_buffer_min_bytes
    least=$REPLY
    setting_number transport.socket_receive_buffer_bytes
    ((REPLY <= least)) || least=$REPLY
    setting_largest 'gateway.*.receive_buffer_bytes'
    ((REPLY <= least)) || least=$REPLY
    knob least /proc/sys/net/core/rmem_max "$least"

    profile socket_buffer_min_bytes
    least=$REPLY
    setting_number transport.socket_send_buffer_bytes
    ((REPLY <= least)) || least=$REPLY
    knob least /proc/sys/net/core/wmem_max "$least"

    profile backlog_min
    knob least /proc/sys/net/core/netdev_max_backlog "$REPLY"
}
