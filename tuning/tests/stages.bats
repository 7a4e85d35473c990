#!/usr/bin/env bats
# Every stage on a fake root: what it leaves behind, exactly.

load fake

setup() { make_root; }

# applied STAGE: applies it, and holds it to what every stage owes: check agrees, plan has nothing left, undo brings
# everything back. What it left is in LEFT meanwhile.
applied() {
    run tune apply --stage "$1" "${@:2}"
    echo "$output"
    [[ $status -eq 0 ]]
    [[ $output =~ ([1-9][0-9]*)" changed" ]]
    run tune check --stage "$1" "${@:2}"
    [[ $status -eq 0 ]]
    LEFT=$BATS_TEST_TMPDIR/left
    snapshot >"$LEFT"
    tune undo
    assert_as_before
}
left() { grep -q -x -F -- "./$1" "$LEFT" || { echo "not left: $1"; return 1; }; }

@test "cmdline" {
    run tune apply --stage cmdline
    [ "$status" -eq 1 ]
    [ "$(grep -c 'needs reboot' <<<"$output")" -eq 6 ]
    # shellcheck disable=SC2016 # GRUB expands it
    [ "$(tail -n 1 "$ROOT/etc/default/grub.d/60-vesta.cfg")" = \
        'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT isolcpus=managed_irq,domain,2-4 nohz_full=2-4 rcu_nocbs=2-4 irqaffinity=0-1,5 processor.max_cstate=1 intel_idle.max_cstate=1"' ]
    # A shell reads it as GRUB does.
    GRUB_CMDLINE_LINUX_DEFAULT=quiet
    # shellcheck source=/dev/null
    source "$ROOT/etc/default/grub.d/60-vesta.cfg"
    put proc/cmdline "root=x nohz_full=9 $GRUB_CMDLINE_LINUX_DEFAULT"
    run tune check --stage cmdline
    [ "$status" -eq 0 ]
    # The last word counts.
    put proc/cmdline "root=x $GRUB_CMDLINE_LINUX_DEFAULT nohz_full=9"
    run tune check --stage cmdline
    [ "$status" -eq 1 ]
    # It never reboots.
    refute grep -E 'reboot|shutdown|kexec' "$ROOT/fake/log"
    # No core is a role's any more: what was written goes.
    put etc/vesta/vesta.toml ''
    put etc/vesta/tune.conf 'cstate_max=keep'
    run tune apply --stage cmdline
    [ "$status" -eq 0 ]
    [ ! -e "$ROOT/etc/default/grub.d/60-vesta.cfg" ]
    # Without GRUB the operator is told the words.
    rm "$ROOT/etc/default/grub"
    put proc/cmdline root=x
    put etc/vesta/tune.conf ''
    run tune apply --stage cmdline
    [ "$status" -eq 1 ]
    [[ $output == *"there is no GRUB here: give the boot loader these: processor.max_cstate=1"* ]]
}

@test "cpu" {
    applied cpu
    left sys/devices/system/cpu/cpu0/cpufreq/scaling_governor:performance
    left sys/devices/system/cpu/cpu11/cpufreq/scaling_governor:performance
    left sys/devices/system/cpu/smt/control:off
    left sys/devices/system/cpu/cpu3/cpuidle/state2/disable:1
    # 2 us is short enough, and another CPU may sleep.
    left sys/devices/system/cpu/cpu3/cpuidle/state1/disable:0
    left sys/devices/system/cpu/cpu5/cpuidle/state2/disable:0
    left proc/sys/kernel/sched_rt_runtime_us:950000
    put sys/devices/system/cpu/smt/control notsupported
    run tune check --stage cpu
    [[ $output == *"no SMT to switch off"* ]]
}

@test "cpu: with SMT off, and after a boot that begins with it on, nothing else drifts" {
    local cpu
    # IRQs and the command line would follow the CPUs that are there.
    tune apply || true
    put proc/cmdline "x $(sed -n 's/.*_DEFAULT \(.*\)"/\1/p' "$ROOT/etc/default/grub.d/60-vesta.cfg")"
    # What the kernel makes of "off".
    put sys/devices/system/cpu/online 0-5
    rm -r "$ROOT"/sys/devices/system/cpu/cpu{6..11}
    for cpu in {0..5}; do put "sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list" "$cpu"; done
    run tune check
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "hugepages" {
    applied hugepages
    # Roles are on both nodes.
    left sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages:64
    left sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages:64
    left 'proc/mounts:hugetlbfs /dev/hugepages hugetlbfs rw 0 0'
    [ ! -e "$ROOT/dev/hugepages" ]
    put etc/vesta/vesta.toml $'[cores]\nengine = "4"'
    tune apply --stage hugepages
    [ "$(get sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages)" = 0 ]
    # More than needed is no drift, and is not taken back.
    put sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages 512
    run tune check --stage hugepages
    [ "$status" -eq 0 ]
}

@test "thp and numa" {
    applied thp
    left sys/kernel/mm/transparent_hugepage/enabled:never
    left sys/kernel/mm/transparent_hugepage/defrag:never
    left sys/kernel/mm/transparent_hugepage/khugepaged/defrag:0
    left sys/kernel/mm/ksm/run:0
    applied numa
    left proc/sys/kernel/numa_balancing:0
}

@test "sockets and limits" {
    applied sockets
    left proc/sys/net/core/rmem_max:50000000
    left proc/sys/net/core/wmem_max:33554432
    left proc/sys/net/core/netdev_max_backlog:32768
    applied limits
    left 'etc/security/limits.d/60-vesta.conf:@vesta - memlock unlimited'
}

@test "mtu, channels, rings" {
    applied mtu
    left sys/class/net/eth1/mtu:1436
    left sys/class/net/eth0/mtu:1400
    applied channels
    left 'fake/cards/eth1.l.combined:8 2'
    left 'fake/cards/eth0.l.combined:8 8'
    applied rings
    left 'fake/cards/eth1.g.rx:4096 4096'
    left 'fake/cards/eth1.g.tx:4096 4096'
}

@test "offloads and coalescing" {
    put fake/cards/eth1.k.scatter-gather 'off [fixed]'
    snapshot >"$BATS_TEST_TMPDIR/before"
    # shellcheck disable=SC2034 # for assert_as_before
    VALUES_BEFORE=$BATS_TEST_TMPDIR/before
    applied offloads
    left fake/cards/eth1.k.large-receive-offload:off
    left fake/cards/eth1.k.generic-receive-offload:on
    left fake/cards/eth1.k.ntuple-filters:on
    left fake/cards/eth1.k.rx-gro-hw:on
    # What the driver has fixed is counted apart.
    left 'fake/cards/eth1.k.scatter-gather:off [fixed]'
    run tune check --stage offloads
    [[ $output == *"unsupported"*"eth1 sg"*"the driver has it fixed"* ]]
    applied coalescing
    left fake/cards/eth1.c.adaptive-rx:off
    left fake/cards/eth1.c.rx-usecs:0
}

@test "steering" {
    applied steering
    [ "$(grep '^./fake/cards/eth1.n' "$LEFT" | cut -d : -f 2 | sort | xargs)" = "24010 0 24020 0 24030 0 24040 0 24041 0" ]
    # A rule of somebody else's stays.
    put fake/cards/eth1.n.7 '9999 3'
    tune apply --stage steering
    tune undo
    [ "$(get fake/cards/eth1.n.7)" = '9999 3' ]
    [ "$(find "$ROOT/fake/cards" -name 'eth1.n.*' | wc -l)" -eq 1 ]
    rm -r "$ROOT"/sys/class/net/eth1/queues/rx-[123]
    run tune check --stage steering
    [ "$status" -eq 0 ]
    [[ $output == *"one receive queue"* ]]
}

@test "napi and rps" {
    applied napi
    left proc/sys/net/core/busy_poll:50
    left sys/class/net/eth1/napi_defer_hard_irqs:2
    left sys/class/net/eth1/gro_flush_timeout:20000
    left sys/class/net/eth0/gro_flush_timeout:0
    applied rps --profile lab-veth
    left sys/class/net/eth1/queues/rx-2/rps_cpus:8e3
    left sys/class/net/eth1/queues/tx-0/xps_cpus:8e3
    left sys/class/net/eth1/queues/rx-0/rps_flow_cnt:256
    left proc/sys/net/core/rps_sock_flow_entries:1024
}

@test "multicast" {
    applied multicast
    left proc/sys/net/ipv4/conf/eth1/force_igmp_version:3
    left proc/sys/net/ipv4/conf/eth1/rp_filter:2
    left proc/sys/net/ipv4/conf/eth0/rp_filter:1
    left 'fake/routes:239.86.1.0/24 dev eth1 scope link'
}

@test "irqbalance and irq" {
    applied irqbalance
    left etc/vesta/irqbalance.env:IRQBALANCE_BANNED_CPULIST=2-4
    left etc/systemd/system/irqbalance.service.d/60-vesta.conf:EnvironmentFile=/etc/vesta/irqbalance.env
    grep -q -x 'systemctl try-restart irqbalance.service' "$ROOT/fake/log"
    applied irq
    left proc/irq/default_smp_affinity:23
    left proc/irq/24/smp_affinity_list:0-1,5
    # Where it may stay, it stays.
    left proc/irq/27/smp_affinity_list:1
}

@test "workqueue, cpuset, nvme" {
    applied workqueue
    left sys/devices/virtual/workqueue/cpumask:23
    left sys/devices/virtual/workqueue/writeback/cpumask:23
    left proc/sys/kernel/watchdog_cpumask:0-1,5
    left proc/sys/vm/stat_interval:60
    applied cpuset
    left etc/systemd/system/vesta.slice.d/60-vesta.conf:AllowedCPUs=2-4
    grep -q -x 'systemctl start vesta.slice' "$ROOT/fake/log"
    left sys/fs/cgroup/vesta.slice/cpuset.cpus:2-4
    left sys/fs/cgroup/vesta.slice/cpuset.cpus.partition:isolated
    applied nvme
    left sys/block/nvme0n1/queue/scheduler:none
    left sys/block/nvme0n1/queue/rq_affinity:2
    left sys/block/nvme0n1/queue/wbt_lat_usec:0
}

@test "cpuset without systemd: the group and its controller are made where they are not there" {
    rm -r "$ROOT/run/systemd"
    rm -r "$ROOT/sys/fs/cgroup/vesta.slice"
    put sys/fs/cgroup/cgroup.subtree_control 'cpu memory'
    run tune check --stage cpuset
    [ "$status" -eq 1 ]
    [[ $output == *"echo +cpuset >$ROOT/sys/fs/cgroup/cgroup.subtree_control"* && $output == *"mkdir $ROOT/sys/fs/cgroup/vesta.slice"* ]]
    tune apply --stage cpuset || true
    # The file keeps what was asked for; a kernel would do it.
    [ "$(get sys/fs/cgroup/cgroup.subtree_control)" = +cpuset ]
    [ -d "$ROOT/sys/fs/cgroup/vesta.slice" ]
    # A partition that the kernel does not grant is an error, with its words.
    put sys/fs/cgroup/cgroup.subtree_control 'cpuset cpu memory'
    put sys/fs/cgroup/vesta.slice/cpuset.cpus 2-4
    rm -f "$ROOT/sys/fs/cgroup/vesta.slice/cpuset.cpus.partition"
    ln -s "$BATS_TEST_TMPDIR/partition" "$ROOT/sys/fs/cgroup/vesta.slice/cpuset.cpus.partition"
    echo 'isolated invalid (Cpu list in cpuset.cpus not exclusive)' >"$BATS_TEST_TMPDIR/partition"
    run tune check --stage cpuset
    [ "$status" -eq 1 ]
    [[ $output == *"not exclusive"* ]]
    # Roles with threads beside their own are not confined.
    local words
    for words in 'threading = "dedicated"' 'datapath = "xdp"' $'[metrics]\naddress = "10.0.0.5"'; do
        printf '%s\n' '[cores]' 'engine = "3"' '[transport]' "$words" >"$ROOT/etc/vesta/vesta.toml"
        run tune check --stage cpuset
        [ "$status" -eq 0 ]
        [[ $output == *"unsupported"*"another CPU"* || $output == *"unsupported"*"other CPUs"* ]]
    done
}

@test "time" {
    applied time
    left 'etc/chrony/conf.d/60-vesta.conf:refclock PHC /dev/ptp0 poll 0 dpoll -2 offset 0 prefer tai'
    left 'etc/chrony/conf.d/60-vesta.conf:makestep 0.1 3'
    grep -q -x 'systemctl try-restart chrony.service' "$ROOT/fake/log"
    applied time --profile ena-metal
    left 'etc/chrony/conf.d/60-vesta.conf:server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4'
    rm "$ROOT/dev/ptp0"
    run tune check --stage time
    [ "$status" -eq 0 ]
    [[ $output == *"no PTP hardware clock of this name"* ]]
}

@test "no stage names a file, a tool or a unit that it does not explain" {
    local file
    for file in "$TUNE_DIR"/stages/*.sh; do
        # A comment at the top says why.
        [ "$(sed -n '2p' "$file" | cut -c 1-2)" = '# ' ]
        grep -q "^stage_$(basename "$file" .sh)() {" "$file"
    done
}
