# shellcheck shell=bash
# A cpuset partition: the scheduler balances nobody onto the roles' CPUs, without a reboot. The group is the slice
# that the units run in (tuning/systemd); it needs control groups of version 2.
stage_cpuset() {
    local base='' at type group
    profile_is cpuset on || { not_wanted cpuset; return; }
    has_hot_cpus || return 0
    while read -r _ at type _; do
        [[ $type != cgroup2 ]] || { base=$at; break; }
    done <"$ROOT/proc/mounts"
    if [[ -z $base ]]; then
        unsupported cpuset "there are no control groups of version 2"
        return
    fi
    if ! value_read "$base/cgroup.controllers" || [[ " $REPLY " != *' cpuset '* ]]; then
        unsupported cpuset "the controller cpuset is not on $base (version 1 has it, or the container does not give it)"
        return
    fi
    group=$base/vesta.slice
    knob member "$base/cgroup.subtree_control cpuset" present
    knob dir "$group" present
    # Before apply has made the group, there is nothing in it to look at.
    if [[ ! -d $ROOT$group ]]; then
        stage_command apply
        result drift "$group/cpuset.cpus" '' "$HOT_CPUS" '' "$REPLY"
        return
    fi
    knob list "$group/cpuset.cpus" "$HOT_CPUS"
    knob file "$group/cpuset.cpus.partition" isolated
}
