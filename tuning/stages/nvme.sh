# shellcheck shell=bash
# Queues of NVMe disks, where logs and snapshots go: no scheduler in front of a device that has its own, no throttling
# of writes for the sake of readers, and a completion is handled on the CPU that asked for it.
stage_nvme() {
    local dir seen=0
    profile_is nvme on || { not_wanted NVMe; return; }
    for dir in "$ROOT"/sys/block/nvme*/queue; do
        seen=1
        knob choice "${dir#"$ROOT"}/scheduler" none
        knob file "${dir#"$ROOT"}/rq_affinity" 2
        knob file "${dir#"$ROOT"}/wbt_lat_usec" 0
    done
    ((seen)) || unsupported NVMe "there is no NVMe disk"
}
