# shellcheck shell=bash
# Transparent hugepages and KSM off: both have the kernel move and merge pages behind everybody's back, and a thread
# that touches such a page waits. With datapath "xdp" it is "madvise" and not "never": its frames ask for
# hugepages, once, at start, and nobody else gets them.
stage_thp() {
    local want dir=/sys/kernel/mm/transparent_hugepage
    profile thp
    want=$REPLY
    if [[ $want == keep ]]; then
        not_wanted "transparent hugepages"
        return
    fi
    if [[ $want == auto ]]; then
        setting transport.datapath
        if [[ $REPLY == xdp ]]; then want=madvise; else want=never; fi
    fi
    knob choice "$dir/enabled" "$want"
    knob choice "$dir/defrag" "$want"
    knob choice "$dir/shmem_enabled" never
    knob file "$dir/khugepaged/defrag" 0
    knob file /sys/kernel/mm/ksm/run 0
}
