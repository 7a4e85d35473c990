# shellcheck shell=bash
# Run by a systemd of its own (tools/boot); says "NAME VALUE" lines, which booted.bats looks at.
ROLES=(vesta-sequencer@1 vesta-engine@1 vesta-md-publisher@1 vesta-gateway@1)
say() { printf '%s %s\n' "$1" "$2"; }
of() { systemctl show "$1" -p "$2" --value; }
# Waits until a unit is in a state, ten seconds at most.
until_is() {
    local tries=0
    until [[ $(of "$1" ActiveState) == "$2" ]]; do
        ((++tries < 100)) || return 1
        sleep 0.1
    done
}
ready() {
    local tries=0
    until [[ $(grep -c ': ready$' "/var/log/$1.log") -ge $2 ]]; do
        ((++tries < 100)) || return 1
        sleep 0.1
    done
}

# The kernel's settings are read-only here, so the tuning can not succeed.
systemctl start vesta-engine@1 2>/dev/null
say untuned_tune "$(of vesta-tune ActiveState)"
say untuned_engine "$(of vesta-engine@1 ActiveState)"

mkdir -p /run/systemd/system/vesta-tune.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/true\n' >/run/systemd/system/vesta-tune.service.d/tuned.conf
printf '[transport]\nidle = "backoff"\n' >/etc/vesta/vesta.toml
systemctl daemon-reload
systemctl reset-failed
systemctl start "${ROLES[@]}"
ready vesta-gateway 1
for role in "${ROLES[@]}"; do say "active_$role" "$(of "$role" ActiveState)"; done
engine=$(of vesta-engine@1 MainPID)
for word in CapEff CapBnd NoNewPrivs Seccomp; do say "engine_$word" "$(awk -v word="$word:" '$1 == word { print $2 }' "/proc/$engine/status")"; done
say engine_user "$(stat -c %U "/proc/$engine")"
say engine_slice "$(of vesta-engine@1 Slice)"
say flow "$(vesta --config /etc/vesta/vesta.toml flow --orders 200 --rate 1000 2>&1 | grep -o 'verdict: .*')"

# What they all require can not be pulled away under them.
systemctl restart vesta-tune 2>/dev/null
say restarted_tune $?
systemctl stop vesta-tune 2>/dev/null
say stopped_tune $?
for role in "${ROLES[@]}"; do say "after_restart_$role" "$(of "$role" ActiveState)"; done

systemctl start vesta-engine@2 2>/dev/null
say other_shard "$(of vesta-engine@2 ActiveState)"

# Killed from outside: once more, and then it finds that it is too late.
kill -9 "$engine"
until_is vesta-engine@1 failed
sleep 3
until_is vesta-engine@1 failed
say killed_engine "$(of vesta-engine@1 NRestarts) $(of vesta-engine@1 ActiveState) $(of vesta-engine@1 ExecMainStatus)"

systemctl stop "${ROLES[@]}"
systemctl reset-failed
systemctl start "${ROLES[@]}"
ready vesta-gateway 2
kill -9 "$(of vesta-sequencer@1 MainPID)"
until_is vesta-sequencer@1 failed
sleep 3
say killed_sequencer "$(of vesta-sequencer@1 NRestarts) $(of vesta-sequencer@1 ActiveState)"

systemctl stop "${ROLES[@]}"
systemctl reset-failed
systemctl start "${ROLES[@]}"
ready vesta-gateway 3
systemctl stop "${ROLES[@]}"
for role in "${ROLES[@]}"; do say "stopped_$role" "$(of "$role" ActiveState) $(of "$role" ExecMainStatus)"; done
say end reached
