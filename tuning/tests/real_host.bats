#!/usr/bin/env bats
# Knobs of the host itself, for real.

load real

setup() { make_real; }
teardown() { put_back; }

@test "transparent hugepages and KSM" {
    local dir=/sys/kernel/mm/transparent_hugepage
    prove thp "thp_enabled:$dir/enabled:never:madvise" "thp_defrag:$dir/defrag:never:madvise" \
        "thp_shmem:$dir/shmem_enabled:never:advise" "khugepaged_defrag:$dir/khugepaged/defrag:0:1" \
        ksm:/sys/kernel/mm/ksm/run:0:1
}

@test "transparent hugepages stay for those who ask with datapath xdp" {
    local dir=/sys/kernel/mm/transparent_hugepage
    settings '[transport]' 'datapath = "xdp"'
    prove thp "thp_enabled_xdp:$dir/enabled:madvise:always"
}

@test "NUMA balancing" {
    prove numa numa_balancing:/proc/sys/kernel/numa_balancing:0:1
}

@test "hugepages of a node, and their file system" {
    local pages=/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages count
    # Two more than there are, so that those in use stay.
    count=$(($(value "$pages") + 2))
    sed -i "s/^hugepages=.*/hugepages=$count/" "$BATS_TEST_TMPDIR/tuning/profiles/real.conf"
    if grep -q -w hugetlbfs /proc/mounts; then
        knob_skips hugetlbfs_mount "it is mounted here already"
        prove hugepages "hugepages_node0:$pages:$count"
    elif ! grep -q -w hugetlbfs /proc/filesystems; then
        skip "no_hugetlbfs: this kernel has none"
    else
        prove hugepages "hugepages_node0:$pages:$count"
        prove_by hugepages hugetlbfs_mount "grep -c -w hugetlbfs /proc/mounts; true" 1
    fi
}

@test "socket buffers and backlog" {
    local core=/proc/sys/net/core receive send
    # Above what there is: nobody gets less meanwhile.
    receive=$(($(value $core/rmem_max) + 4194304)) send=$(($(value $core/wmem_max) + 4194304))
    settings '[transport]' "socket_receive_buffer_bytes = $receive" "socket_send_buffer_bytes = $send"
    prove sockets "rmem_max:$core/rmem_max:$receive" "wmem_max:$core/wmem_max:$send" \
        "netdev_max_backlog:$core/netdev_max_backlog:4096:1000"
}

@test "busy-poll of sockets" {
    settings '[transport.uring]' 'busy_poll_us = 50'
    prove napi busy_poll:/proc/sys/net/core/busy_poll:50 busy_read:/proc/sys/net/core/busy_read:50
}

@test "work queues, writeback, watchdog, counters of memory" {
    local all house mask
    (($(nproc) >= 2)) || skip "one_cpu: there is one CPU, and it is the system's"
    all=$(value /sys/devices/system/cpu/online)
    house=$(house_cpus)
    mask=$(house_mask)
    prove workqueue "workqueue_cpumask:/sys/devices/virtual/workqueue/cpumask:$mask" \
        "writeback_cpumask:/sys/devices/virtual/workqueue/writeback/cpumask:$mask" \
        "watchdog_cpumask:/proc/sys/kernel/watchdog_cpumask:$house:$all" vm_stat_interval:/proc/sys/vm/stat_interval:10:1
}

@test "affinity of interrupts, and of those to come" {
    local path moved=0 apart=0 house mask
    (($(nproc) >= 2)) || skip "one_cpu: there is one CPU, and it is the system's"
    house=$(house_cpus)
    mask=$(house_mask)
    local -a list=(/proc/irq/default_smp_affinity /proc/irq/[0-9]*/smp_affinity_list)
    local -a before=()
    for path in "${list[@]}"; do
        before+=("$(value "$path")")
        printf '%s\t%s\n' "$path" "${before[-1]}" >>"$FOUND"
    done
    through irq "${list[@]}"
    [ "${NOW[0]}" = "$mask" ]
    local i
    for i in "${!list[@]}"; do
        [ "${AFTER[i]}" = "${before[i]}" ]
        [ "${NOW[i]}" != "${before[i]}" ] || { apart=$((apart + 1)); continue; }
        ((i == 0)) || [ "${NOW[i]}" = "$house" ]
        moved=$((moved + 1))
    done
    [ "$moved" -gt 1 ]
    say "KNOB irq_default_affinity: ${before[0]} -> ${NOW[0]} -> ${AFTER[0]}  (irq)"
    say "KNOB irq_affinity: ${before[1]} -> ${NOW[1]} -> ${AFTER[1]}  (irq, $((moved - 1)) interrupts; $apart as they should be, or managed)"
}

@test "idle states of a role's CPU" {
    (($(nproc) >= 2)) || skip "one_cpu: there is one CPU, and it is the system's"
    local state
    state=$(grep -l -v -x 0 /sys/devices/system/cpu/cpu1/cpuidle/state*/latency 2>/dev/null | head -n 1 || true)
    if [ -z "$state" ]; then
        knob_skips cpu_idle_state "CPU 1 has no idle state that takes time to wake from"
        return 0
    fi
    prove cpu "cpu_idle_state:${state%/latency}/disable:1:0"
}

@test "throttle of real-time threads" {
    prove cpu rt_throttle:/proc/sys/kernel/sched_rt_runtime_us:-1:950000
}

@test "governor and queues of NVMe, where there are any" {
    local cpu=/sys/devices/system/cpu/cpu0/cpufreq queue
    if [ -e $cpu/scaling_governor ]; then
        grep -q performance $cpu/scaling_available_governors || skip "one_governor: this driver has no governor to choose"
        prove cpu "governor:$cpu/scaling_governor:performance:$(tr ' ' '\n' <$cpu/scaling_available_governors | grep -v -x -e performance -e '' | head -n 1)"
    fi
    queue=$(printf '%s\n' /sys/block/nvme*/queue | head -n 1)
    if [ -e "$queue/scheduler" ]; then
        prove nvme "nvme_rq_affinity:$queue/rq_affinity:2:1" "nvme_scheduler:$queue/scheduler:none:mq-deadline"
    fi
}

@test "what this machine does not let anybody change is said, and is no failure" {
    local stage
    for stage in cpu cpuset nvme; do
        run tune check --stage "$stage" --json
        [ "$status" -ne 2 ]
        python3 - "$output" >>"$BATS_TEST_TMPDIR/lacking" <<'END'
import json, sys
for row in json.loads(sys.argv[1])["results"]:
    if row["state"] == "unsupported":
        print({"control": "smt", "[cores]": "cores"}.get(knob := row["knob"].split("/")[-1].replace(" ", "_").lower(), knob) + "\t" + row["why"])
END
    done
    while IFS=$'\t' read -r name why; do
        # Left alone here: other programs of this machine work on those CPUs.
        [ "$name" != smt ] || why="switching it off takes CPUs from whoever else works here"
        knob_skips "$name" "$why"
    done <"$BATS_TEST_TMPDIR/lacking"
    # Nothing was touched, so nothing is saved.
    [ ! -e "$VESTA_TUNE_STATE" ]
}

@test "check without rights, on this host" {
    command -v setpriv >/dev/null || skip "setpriv_absent: there is no setpriv"
    local dir=$BATS_TEST_TMPDIR
    chmod -R a+rX "$BATS_TEST_TMPDIR"
    while [ "$dir" != / ]; do chmod a+x "$dir"; dir=$(dirname "$dir"); done
    run setpriv --reuid 65534 --regid 65534 --clear-groups "$TUNE" check --profile real --config "$CONF"
    [ "$status" -eq 1 ]
    [[ $output == *" 0 error" ]]
    run setpriv --reuid 65534 --regid 65534 --clear-groups env -u VESTA_TUNE_STATE "$TUNE" apply --profile real --config "$CONF" --stage thp
    [ "$status" -eq 2 ]
    [[ $output == *"wants root"* ]]
}

# All CPUs but the role's and the second thread of its core, unless that is CPU 0.
house_cpus() {
    python3 - <<'END'
def numbers(path):
    out = []
    for part in open(path).read().strip().split(","):
        first, _, last = part.partition("-")
        out += range(int(first), int(last or first) + 1)
    return out
cpus = "/sys/devices/system/cpu/"
try:
    hot = set(numbers(cpus + "cpu1/topology/thread_siblings_list")) | {1}
except OSError:
    hot = {1}
house = [cpu for cpu in numbers(cpus + "online") if cpu == 0 or cpu not in hot]
out, i = [], 0
while i < len(house):
    j = i
    while j + 1 < len(house) and house[j + 1] == house[j] + 1:
        j += 1
    out.append(str(house[i]) if i == j else f"{house[i]}-{house[j]}")
    i = j + 1
print(",".join(out))
END
}

# The same as a mask, with as many digits as this kernel writes.
house_mask() {
    python3 - "$(house_cpus)" "$(cat /proc/irq/default_smp_affinity)" <<'END'
import sys
mask = 0
for part in sys.argv[1].split(","):
    first, _, last = part.partition("-")
    for cpu in range(int(first), int(last or first) + 1):
        mask |= 1 << cpu
digits = len(sys.argv[2].strip().replace(",", ""))
text = f"{mask:0{digits}x}"
while "," in sys.argv[2] and len(text) % 8:
    text = "0" + text
print(",".join(text[max(0, len(text) - 8 * (i + 1)):len(text) - 8 * i] for i in reversed(range((len(text) + 7) // 8))).lstrip(","))
END
}
