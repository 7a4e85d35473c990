# shellcheck shell=bash
# A cpuset partition: the scheduler puts nobody else onto the roles' CPUs, and balances nothing there, without a
# reboot. The group is the slice that the units run in (tuning/systemd). It needs control groups of version 2.
#
# Everything in the group is confined to the roles' CPUs, so it is for roles of one thread: others (a driver with
# threads of its own, xdp, metrics) would have theirs beside a thread that spins. Those rely on isolcpus.
stage_cpuset() {
    local base='' at type group
    profile_is cpuset on || { not_wanted cpuset; return; }
    has_hot_cpus || return 0
    setting transport.threading
    if [[ $REPLY != invoker ]]; then
        unsupported cpuset "transport.threading = \"$REPLY\": a role has threads beside its own, which need other CPUs"
        return
    fi
    setting transport.datapath
    if [[ $REPLY == xdp ]]; then
        unsupported cpuset "transport.datapath = \"xdp\" has a thread beside the role's, which needs another CPU"
        return
    fi
    setting metrics.address
    if [[ -n $REPLY ]]; then
        unsupported cpuset "metrics.address is set: the thread that serves it needs another CPU than the role's"
        return
    fi
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
    if [[ -d $ROOT/run/systemd/system ]]; then
        # systemd owns the tree, and would take back what it has not been told.
        knob text /etc/systemd/system/vesta.slice.d/60-vesta.conf "is:# Written by vesta-tune (stage cpuset).
[Slice]
AllowedCPUs=$HOT_CPUS" slice
        [[ $ACTION != apply ]] || run_hooks
    else
        knob member "$base/cgroup.subtree_control cpuset" present
        knob dir "$group" present
    fi
    # Before apply has made the group, there is nothing in it to look at.
    if [[ ! -d $ROOT$group ]]; then
        stage_command apply
        result drift "$group/cpuset.cpus" '' "$HOT_CPUS" '' "$REPLY"
        return
    fi
    knob list "$group/cpuset.cpus" "$HOT_CPUS"
    knob file "$group/cpuset.cpus.partition" isolated
}
