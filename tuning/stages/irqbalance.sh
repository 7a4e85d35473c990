# shellcheck shell=bash
# irqbalance, where it runs, must not move interrupts onto the roles' CPUs, nor back onto them what the next stage
# moves away. It is told by an environment file of ours, which its unit reads last.
stage_irqbalance() {
    profile_is irqbalance on || { not_wanted irqbalance; return; }
    if ! has_tool irqbalance; then
        unsupported irqbalance "it is not installed: nobody moves interrupts"
        return
    fi
    has_hot_cpus || return 0
    knob text /etc/vesta/irqbalance.env "is:IRQBALANCE_BANNED_CPULIST=$HOT_CPUS" irqbalance
    knob text /etc/systemd/system/irqbalance.service.d/60-vesta.conf "is:# Written by vesta-tune (stage irqbalance).
[Service]
EnvironmentFile=/etc/vesta/irqbalance.env" irqbalance
}
