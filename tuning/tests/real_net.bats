#!/usr/bin/env bats
# Knobs of an interface, for real: a veth pair and a tap in a network namespace, and a veth pair on the host for what
# namespaces do not have.

load real

setup() {
    make_real
    NS=vesta-tune-$$
    PAIR=vtn$(($$ % 100000))
    ip netns add "$NS"
    in_ns ip link add v0 numtxqueues 4 numrxqueues 4 type veth peer name v1 numtxqueues 4 numrxqueues 4
    in_ns ip addr add 198.18.7.1/24 dev v0
    in_ns ip link set v0 up
    in_ns ip link set v1 up
    settings '[transport]' 'interface = "198.18.7.1/32"'
}

teardown() {
    put_back
    # The links go with the namespace.
    [ -z "${NS:-}" ] || ip netns del "$NS" 2>/dev/null || true
    [ -z "${PAIR:-}" ] || ip link del "${PAIR}a" 2>/dev/null || true
}

@test "MTU" {
    settings '[transport]' 'interface = "198.18.7.0/24"' 'mtu_bytes = 2048'
    prove mtu mtu:/sys/class/net/v0/mtu:2076
}

@test "channels, each direction" {
    prove_by channels channels_rx "ethtool -l v0 | awk '/^RX:/ { n = \$2 } END { print n }'" 1
    prove_by channels channels_tx "ethtool -l v0 | awk '/^TX:/ { n = \$2 } END { print n }'" 1
}

@test "offloads: GRO, GSO, TSO" {
    in_ns ethtool -K v0 gso off tso off gro off
    local name
    for name in generic-receive generic-segmentation tcp-segmentation; do
        prove_by offloads "offload_$name" "ethtool -k v0 | awk '/^$name-offload:/ { print \$2 }'" on
    done
}

@test "coalescing" {
    in_ns ip tuntap add dev tap0 mode tap
    in_ns ip addr add 198.18.8.1/24 dev tap0
    settings '[transport]' 'interface = "198.18.8.1/32"'
    in_ns ethtool -C tap0 rx-frames 4
    prove_by coalescing coalescing_rx_frames "ethtool -c tap0 | awk '/^rx-frames:/ { print \$2 }'" 8
}

@test "NAPI deferral, while threads poll" {
    settings '[transport]' 'interface = "198.18.7.1/32"' '[transport.uring]' 'busy_poll_us = 50'
    prove napi napi_defer_hard_irqs:/sys/class/net/v0/napi_defer_hard_irqs:2 \
        gro_flush_timeout:/sys/class/net/v0/gro_flush_timeout:20000
}

@test "NAPI deferral is taken away where nobody polls" {
    prove napi gro_flush_timeout_off:/sys/class/net/v0/gro_flush_timeout:0:50000
}

@test "RPS, XPS and each queue's share of RFS" {
    (($(nproc) >= 2)) || skip "one_cpu: there is one CPU, and it is the system's"
    local mask=1 queues=/sys/class/net/v0/queues
    [ "$(nproc)" -eq 2 ] || mask=$(value $queues/rx-0/rps_cpus | sed 's/.*/-/')
    if [ "$mask" = - ]; then
        # More CPUs, more digits: only that it changes and comes back is compared.
        prove_by rps rps_cpus "tr -d 0, <$queues/rx-0/rps_cpus | wc -c | awk '{ print (\$1 > 1) }'" 1
    else
        prove rps "rps_cpus:$queues/rx-0/rps_cpus:1" "xps_cpus:$queues/tx-3/xps_cpus:1" "rfs_queue_share:$queues/rx-3/rps_flow_cnt:256"
    fi
}

@test "multicast: IGMP version, reverse-path filter, memberships, route" {
    local conf=/proc/sys/net/ipv4
    prove multicast "igmp_version:$conf/conf/v0/force_igmp_version:3:2" "rp_filter:$conf/conf/v0/rp_filter:2:1" \
        "igmp_max_memberships:$conf/igmp_max_memberships:20:5"
    prove_by multicast multicast_route "ip -4 route show 239.86.1.0/24 | sed 's/ *$//'" "239.86.1.0/24 dev v0 scope link"
}

@test "RFS of the host, with a pair of its own" {
    NS='' ip link add "${PAIR}a" type veth peer name "${PAIR}b"
    ip addr add 198.18.9.1/32 dev "${PAIR}a"
    ip netns del "$NS"
    NS=''
    settings '[transport]' 'interface = "198.18.9.1/32"'
    prove rps rps_sock_flow_entries:/proc/sys/net/core/rps_sock_flow_entries:1024
}

@test "what a virtual interface does not have is said, and is no failure" {
    local stage
    for stage in rings steering; do
        run tune check --stage "$stage"
        echo "$output"
        [ "$status" -eq 0 ]
        [[ $output =~ ^unsupported\ +$stage\ +v0\ .*"Operation not supported" ]]
        [[ ${lines[-1]} =~ ^"check: 0 ok, 0 drift, "[1-9][0-9]*" unsupported, 0 error"$ ]]
        run tune apply --stage "$stage"
        echo "$output"
        [ "$status" -eq 0 ]
        [[ ${lines[-1]} =~ ^"apply: 0 ok, 0 drift, "[1-9][0-9]*" unsupported, 0 error; 0 changed"$ ]]
    done
    knob_skips rings "veth has no rings"
    knob_skips flow_steering "veth has no ntuple filters"
}

@test "refused for real: the interface of the default route" {
    in_ns ip route add default via 198.18.7.2 dev v0
    run tune apply --stage offloads --stage channels --stage mtu
    [ "$status" -eq 2 ]
    [[ $output == *"refused: it is the management interface"* ]]
    [ "$(in_ns ethtool -k v0 | awk '/^generic-receive-offload:/ { print $2 }')" = off ]
    [ "$(in_ns ethtool -l v0 | awk '/^RX:/ { n = $2 } END { print n }')" = 4 ]
    # Through two gateways the route is written in another way.
    in_ns ip route del default
    run tune check --stage channels
    [ "$status" -eq 1 ]
    in_ns ip route add default nexthop via 198.18.7.2 dev v0 nexthop via 198.18.7.3 dev v0
    run tune apply --stage channels
    [ "$status" -eq 2 ]
    in_ns ip route del default
    # Of the other family, where this machine has it.
    if in_ns ip -6 addr add fd00:7::1/64 dev v0 nodad 2>/dev/null; then
        in_ns ip -6 route add default via fd00:7::2 dev v0
        run tune apply --stage channels
        [ "$status" -eq 2 ]
    fi
}

@test "refused for real: the port of a bridge that is the management interface" {
    in_ns ip link add br0 type bridge
    in_ns ip addr add 198.18.10.1/24 dev br0
    in_ns ip link set br0 up
    in_ns ip route add default via 198.18.10.2 dev br0
    run tune check --stage channels
    [ "$status" -eq 1 ]
    in_ns ip link set v0 master br0
    run tune apply --stage channels
    [ "$status" -eq 2 ]
    [[ $output == *"v0"*"or tied to it"* ]]
    [ "$(in_ns ethtool -l v0 | awk '/^RX:/ { n = $2 } END { print n }')" = 4 ]
}

@test "refused for real: the interface of an SSH session, of which sudo keeps no word" {
    in_ns ip link set lo up
    # Both ends are here: that one has port 22 is what counts.
    in_ns python3 - "$BATS_TEST_TMPDIR/up" 3>&- 9>&- <<'END' &
import socket, sys, time
here = socket.create_server(("198.18.7.1", 22))
there = socket.create_connection(("198.18.7.1", 22))
session, _ = here.accept()
open(sys.argv[1], "w").close()
time.sleep(30)
END
    local session=$!
    until [ -e "$BATS_TEST_TMPDIR/up" ] || ! kill -0 $session; do sleep 0.05; done
    run tune check --stage channels
    kill $session || true
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == *"v0"*"refused: it is the management interface"* ]]
}

@test "the system's tools are found by a user whose path does not lead to them" {
    # shellcheck disable=SC2153 # real.bash sets it
    run in_ns env PATH=/usr/bin:/bin "$TUNE" check --profile real --config "$CONF" --stage channels
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output =~ ^drift\ +channels\ +v0\  ]]
}
