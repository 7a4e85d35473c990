# shellcheck shell=bash
# Kernel command line: what can only be said at boot. It is written as a drop-in of GRUB's, and takes effect with
# the next start: until then it is drift, marked "needs reboot". Nothing here ever reboots.
#
#   isolcpus=managed_irq,domain  the scheduler puts nobody on the roles' CPUs, and drivers keep queues off them
#   nohz_full                    no tick while one thread runs there
#   rcu_nocbs                    the kernel's deferred frees are done elsewhere
#   irqaffinity                  interrupts start out elsewhere
#   *.max_cstate                 CPUs do not sleep so deeply that waking takes microseconds
stage_cmdline() {
    local -a words=()
    local word dropin=/etc/default/grub.d/60-vesta.cfg
    profile_is cmdline on || { not_wanted "kernel command line"; return; }
    if [[ -n $HOT_CPUS ]]; then
        words+=("isolcpus=managed_irq,domain,$HOT_CPUS" "nohz_full=$HOT_CPUS" "rcu_nocbs=$HOT_CPUS" "irqaffinity=$HOUSE_CPUS")
    else
        has_hot_cpus || true
    fi
    profile cstate_max
    [[ $REPLY == keep ]] || words+=("processor.max_cstate=$REPLY" "intel_idle.max_cstate=$REPLY")
    # What costs safety or evidence stays as it is, unless the operator asks for it by name.
    ! profile_is mitigations off || words+=("mitigations=off")
    ! profile_is audit off || words+=("audit=0")
    if ((${#words[@]} == 0)); then
        # What an earlier vesta.toml wanted is taken away.
        [[ ! -e $ROOT$dropin ]] || knob text "$dropin" absent grub
        return
    fi
    if [[ -e $ROOT/etc/default/grub ]]; then
        # shellcheck disable=SC2016 # GRUB expands it
        knob text "$dropin" "is:# Written by vesta-tune (stage cmdline); \`vesta-tune undo --stage cmdline\` takes it away.
GRUB_CMDLINE_LINUX_DEFAULT=\"\$GRUB_CMDLINE_LINUX_DEFAULT ${words[*]}\"" grub
    else
        unsupported "$dropin" "there is no GRUB here: give the boot loader these: ${words[*]}"
    fi
    for word in "${words[@]}"; do knob cmdline "${word%%=*}" "$word"; done
}
