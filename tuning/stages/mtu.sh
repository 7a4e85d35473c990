# shellcheck shell=bash
# MTU of the streams' interface: at least what transport.mtu_bytes needs with its headers (IPv4 20, UDP 8). Below it
# datagrams are cut into fragments, and one lost fragment loses all.
stage_mtu() {
    profile_is mtu auto || { not_wanted MTU; return; }
    has_nic || return 0
    setting_number transport.mtu_bytes
    knob mtu "$NIC" $((REPLY + 28))
}
