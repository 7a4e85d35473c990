# shellcheck shell=bash
# A fake root: the files of a metal host with 6 cores of two threads each on two NUMA nodes, a management interface
# (eth0, with the default route) and one for the streams (eth1). Files are files: what a kernel would do with a value
# is tested for real, in real_host.bats and real_net.bats.

TUNE_DIR=$(cd "$BATS_TEST_DIRNAME/.." && pwd -P)
TUNE=$TUNE_DIR/vesta-tune

# put PATH VALUE: a file of the fake root.
put() {
    mkdir -p "$ROOT/${1%/*}"
    printf '%s\n' "$2" >"$ROOT/$1"
}
get() { cat "$ROOT/$1"; }

# It is made once for a file of tests, and copied for each.
make_root() {
    local made=$BATS_FILE_TMPDIR/root
    unset SSH_CONNECTION VESTA_TUNE_STATE VESTA_TUNE_REPORT_S
    if [[ ! -e $made ]]; then
        ROOT=$made.new
        mkdir -p "$ROOT"
        root_cpus
        root_kernel
        root_net
        root_files
        root_tools
        snapshot >"$made.values"
        mv "$ROOT" "$made"
    fi
    ROOT=$BATS_TEST_TMPDIR/root
    cp -a "$made" "$ROOT"
    VALUES_BEFORE=$made.values
}

# CPUs 0-5 are the first threads of their cores, 6-11 the second ones.
root_cpus() {
    local cpu node state
    put sys/devices/system/cpu/online 0-11
    put sys/devices/system/cpu/smt/control on
    for cpu in {0..11}; do
        put "sys/devices/system/cpu/cpu$cpu/cpufreq/scaling_governor" powersave
        put "sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list" "$((cpu % 6)),$((cpu % 6 + 6))"
        for state in 0:0 1:2 2:133; do
            put "sys/devices/system/cpu/cpu$cpu/cpuidle/state${state%:*}/latency" "${state#*:}"
            put "sys/devices/system/cpu/cpu$cpu/cpuidle/state${state%:*}/disable" 0
        done
    done
    for node in 0 1; do
        put "sys/devices/system/node/node$node/hugepages/hugepages-2048kB/nr_hugepages" 0
    done
    put sys/devices/system/node/node0/cpulist 0-2,6-8
    put sys/devices/system/node/node1/cpulist 3-5,9-11
}

root_kernel() {
    local path irq
    put proc/cmdline 'BOOT_IMAGE=/vmlinuz root=/dev/nvme0n1p1 quiet'
    put proc/filesystems $'nodev\ttmpfs\nnodev\thugetlbfs\nnodev\tcgroup2'
    put proc/mounts $'/dev/nvme0n1p1 / ext4 rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0'
    put sys/kernel/mm/transparent_hugepage/enabled 'always [madvise] never'
    put sys/kernel/mm/transparent_hugepage/defrag 'always defer defer+madvise [madvise] never'
    put sys/kernel/mm/transparent_hugepage/shmem_enabled 'always within_size advise [never] deny force'
    put sys/kernel/mm/transparent_hugepage/khugepaged/defrag 1
    put sys/kernel/mm/ksm/run 1
    put proc/sys/kernel/numa_balancing 1
    put proc/sys/kernel/sched_rt_runtime_us 950000
    put proc/sys/kernel/watchdog_cpumask 0-11
    put proc/sys/vm/stat_interval 1
    put proc/irq/default_smp_affinity fff
    for irq in 24 25 26; do put "proc/irq/$irq/smp_affinity_list" 0-11; done
    # One that is already where it should be.
    put proc/irq/27/smp_affinity_list 1
    for path in cpumask writeback/cpumask; do put "sys/devices/virtual/workqueue/$path" fff; done
    put sys/fs/cgroup/cgroup.controllers 'cpuset cpu io memory pids'
    # A file keeps what was written last, so what a kernel would add or make is there.
    put sys/fs/cgroup/cgroup.subtree_control 'cpuset cpu memory'
    put sys/fs/cgroup/vesta.slice/cpuset.cpus ''
    put sys/fs/cgroup/vesta.slice/cpuset.cpus.partition member
    put sys/block/nvme0n1/queue/scheduler '[mq-deadline] none'
    put sys/block/nvme0n1/queue/rq_affinity 1
    put sys/block/nvme0n1/queue/wbt_lat_usec 2000
}

root_net() {
    local dev queue name
    for name in rmem_max wmem_max; do put "proc/sys/net/core/$name" 212992; done
    put proc/sys/net/core/netdev_max_backlog 1000
    for name in busy_poll busy_read rps_sock_flow_entries; do put "proc/sys/net/core/$name" 0; done
    put proc/sys/net/ipv4/igmp_max_memberships 20
    for dev in eth0 eth1; do
        put "sys/class/net/$dev/mtu" 1400
        put "sys/class/net/$dev/napi_defer_hard_irqs" 0
        put "sys/class/net/$dev/gro_flush_timeout" 0
        for queue in 0 1 2 3; do
            put "sys/class/net/$dev/queues/rx-$queue/rps_cpus" 0000
            put "sys/class/net/$dev/queues/rx-$queue/rps_flow_cnt" 0
            put "sys/class/net/$dev/queues/tx-$queue/xps_cpus" 0000
        done
        put "proc/sys/net/ipv4/conf/$dev/force_igmp_version" 0
        put "proc/sys/net/ipv4/conf/$dev/rp_filter" 1
        put "fake/cards/$dev" ''
        put "fake/cards/$dev.l.combined" '8 8'
        for name in rx tx; do put "fake/cards/$dev.g.$name" '4096 512'; done
        for name in large-receive-offload rx-gro-hw; do put "fake/cards/$dev.k.$name" on; done
        for name in generic-receive-offload generic-segmentation-offload tx-checksumming scatter-gather ntuple-filters; do
            put "fake/cards/$dev.k.$name" off
        done
        for name in adaptive-rx adaptive-tx; do put "fake/cards/$dev.c.$name" on; done
        for name in rx-usecs tx-usecs; do put "fake/cards/$dev.c.$name" 64; done
    done
    put fake/addresses $'lo 127.0.0.1/8\neth0 192.0.2.10/24\neth1 10.0.0.5/24'
    put fake/routes $'default via 192.0.2.1 dev eth0 proto dhcp metric 100\n10.0.0.0/24 dev eth1 scope link'
}

root_files() {
    mkdir -p "$ROOT"/{etc/security,etc/chrony/conf.d,run/systemd/system,dev,boot/grub,sys/fs/cgroup}
    put dev/ptp0 ''
    put etc/default/grub 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"'
    # Off by default: a partition is asked for by name.
    put etc/vesta/tune.conf cpuset=on
    put etc/vesta/host.env $'VESTA_ROLE=engine\nVESTA_SHARD=7'
    put etc/vesta/vesta.toml '[transport]
interface = "10.0.0.5/32"
socket_receive_buffer_bytes = 50000000
[transport.uring]
busy_poll_us = 50
[cores]
sequencer = "2"
engine = "3"
md_publisher = "4"'
}

root_tools() {
    local name
    mkdir -p "$ROOT/usr/sbin"
    for name in ethtool ip ss mount umount; do cp "$BATS_TEST_DIRNAME/tools/$name" "$ROOT/usr/sbin/"; done
    for name in update-grub systemctl chronyd irqbalance; do
        cp "$BATS_TEST_DIRNAME/tools/logged" "$ROOT/usr/sbin/$name"
    done
    : >"$ROOT/fake/log"
}

# Every value of the fake root, a line each, without what the tool keeps for itself and what is only noted.
snapshot() {
    (cd "$ROOT" && find . -type f -not -path './run/vesta-tune/*' -not -path './var/lib/vesta-tune/*' \
        -not -path ./fake/log -print0 | sort -z | xargs -0 grep -H '')
}

# Undone means that each value is what it was. The kernel shows a choice in brackets, a file does not.
assert_as_before() {
    diff <(unbracketed <"$VALUES_BEFORE") <(snapshot | unbracketed)
}
unbracketed() { sed -E 's/^([^:]*:).*\[([^]]*)\].*/\1\2/'; }

# tune ACTION...: as the tests call it; colo, because it has every stage.
tune() { "$TUNE" "$@" --root "$ROOT"; }

# In place of `!`, which a test does not fail by.
refute() { if "$@"; then return 1; fi; }

# The states that a run told, as "stage state", without those that were ok.
# shellcheck disable=SC2154 # output is what bats' `run` leaves
states() { awk '$1 ~ /^(drift|unsupported|error)$/ { print $2, $1 }' <<<"$output" | sort -u; }
