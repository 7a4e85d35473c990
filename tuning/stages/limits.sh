# shellcheck shell=bash
# What a process of the group `vesta` may take: memory that stays in memory, real-time priority, files. The units of
# tuning/systemd have their own; this is for roles and tools that are started by hand.
stage_limits() {
    profile_is limits on || { not_wanted limits; return; }
    if [[ ! -d $ROOT/etc/security ]]; then
        unsupported /etc/security/limits.d "there is no pam_limits here"
        return
    fi
    knob text /etc/security/limits.d/60-vesta.conf "is:# Written by vesta-tune (stage limits).
@vesta - memlock unlimited
@vesta - rtprio 90
@vesta - nice -20
@vesta - nofile 1048576"
}
