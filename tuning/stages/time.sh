# shellcheck shell=bash
# Time: chrony, from a PTP hardware clock where there is one. The sequencer stamps the time and halts when its clock
# jumps forward (sequencer.clock_jump_max_ms), so steps are for the first moments after boot only.
stage_time() {
    local source dir=/etc/chrony/conf.d device scale='' leap=''
    if profile_is time off; then
        not_wanted time
        return
    fi
    if ! has_tool chronyd; then
        unsupported chrony "it is not installed (Debian package chrony)"
        return
    fi
    if [[ ! -d $ROOT$dir ]]; then
        unsupported "$dir" "this chrony reads no such directory"
        return
    fi
    if profile_is time phc; then
        profile phc_device
        device=$REPLY
        if [[ ! -e $ROOT$device ]]; then
            unsupported "$device" "there is no PTP hardware clock of this name: see \`ethtool -T\`, and phc_device in /etc/vesta/tune.conf"
            return
        fi
        if profile_is phc_scale tai; then scale=' tai' leap=$'\nleapsectz right/UTC'; fi
        source="refclock PHC $device poll 0 dpoll -2 offset 0 prefer$scale$leap"
    else
        source="server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4"
    fi
    knob text "$dir/60-vesta.conf" "is:# Written by vesta-tune (stage time).
$source
# Steps at the first three updates only: later the clock is slewed.
makestep 0.1 3
maxslewrate 500
rtcsync" chrony
}
