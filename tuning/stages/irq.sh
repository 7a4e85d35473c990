# shellcheck shell=bash
# Interrupts away from the roles' CPUs: those that there are, and those to come. Managed ones, which a driver spreads
# over all CPUs by itself, refuse; they are counted apart, and isolcpus=managed_irq is what helps there.
stage_irq() {
    local path
    profile_is irq house || { not_wanted interrupts; return; }
    has_hot_cpus || return 0
    mask_of "$HOUSE_CPUS"
    knob mask /proc/irq/default_smp_affinity "$REPLY"
    for path in "$ROOT"/proc/irq/[0-9]*/smp_affinity_list; do
        knob irq "${path#"$ROOT"}" "$HOUSE_CPUS"
    done
}
