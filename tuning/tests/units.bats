#!/usr/bin/env bats
# The units: what systemd says of them, when roles start again, and that everybody who names them agrees.

DIR=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
UNITS=$DIR/tuning/systemd
ROLES=(vesta-sequencer@ vesta-engine@ vesta-md-publisher@ vesta-gateway@)

# in_unit UNIT KEY: all values of a key, a line each.
in_unit() { sed -n "s/^$2=//p" "$UNITS/$1.service"; }

# The units, with programs that are there: whether the paths are right is another test's matter.
runnable() {
    mkdir -p "$BATS_TEST_TMPDIR/units"
    cp "$UNITS"/*.service "$UNITS"/*.slice "$BATS_TEST_TMPDIR/units/"
    sed -i -E 's#^(ExecStart=-?)/usr/local/s?bin/[^ ]+#\1/bin/true#' "$BATS_TEST_TMPDIR"/units/*.service
    sed -i '/^Documentation=/d' "$BATS_TEST_TMPDIR"/units/*.service
}

@test "systemd understands every line" {
    runnable
    local role
    for role in "${ROLES[@]}"; do mv "$BATS_TEST_TMPDIR/units/$role.service" "$BATS_TEST_TMPDIR/units/${role}1.service"; done
    run systemd-analyze verify --man=no "$BATS_TEST_TMPDIR"/units/*
    echo "$output"
    [ "$status" -eq 0 ]
    # It says on stderr what it does not understand, and goes on; other units of the host are not ours.
    [ "$(grep -c -E 'vesta|units/' <<<"$output")" -eq 0 ]
}

@test "roles are shut in: the exposure that systemd reckons is 2.0 or less" {
    runnable
    local role
    for role in "${ROLES[@]}"; do
        run systemd-analyze security --offline=true --no-pager --threshold=20 "$BATS_TEST_TMPDIR/units/$role.service"
        [ "$status" -eq 0 ] || { tail -n 1 <<<"$output"; return 1; }
        echo "# ${lines[-1]}" >&3
    done
    run systemd-analyze security --offline=true --no-pager "$BATS_TEST_TMPDIR/units/vesta-tune.service"
    echo "# ${lines[-1]}" >&3
    # The drop-in for xdp gives what it says, and no more.
    [ "$(sed -n 's/^CapabilityBoundingSet=//p' "$UNITS/xdp.conf")" = "CAP_NET_ADMIN CAP_NET_RAW CAP_BPF CAP_IPC_LOCK" ]
}

@test "no role starts on a host that is not tuned" {
    local role
    for role in "${ROLES[@]}"; do
        [ "$(in_unit "$role" Requires)" = vesta-tune.service ]
        [[ " $(in_unit "$role" After) " == *" vesta-tune.service "* ]]
        [ "$(in_unit "$role" LimitMEMLOCK)" = infinity ]
        # isolcpus takes CPUs out of what a process is born with.
        [ -n "$(in_unit "$role" CPUAffinity)" ]
    done
    [ "$(in_unit vesta-tune ExecStart | xargs)" = "-/usr/local/sbin/vesta-tune apply /usr/local/sbin/vesta-tune check" ]
    [ "$(in_unit vesta-tune Type)" = oneshot ]
    # What all require is not stopped by hand: that would stop them all.
    [ "$(in_unit vesta-tune RefuseManualStop)" = yes ]
}

@test "who starts again, and when" {
    [ "$(in_unit vesta-sequencer@ Restart)" = no ]
    [ "$(in_unit vesta-engine@ Restart)" = on-abnormal ]
    # By its own decision, by operator's fault, by panic, by any crash: never again by itself.
    local status
    for status in 1 2 101 SIGABRT SIGSEGV SIGBUS SIGILL SIGFPE; do
        [[ " $(in_unit vesta-engine@ RestartPreventExitStatus) " == *" $status "* ]]
    done
    [[ " $(in_unit vesta-engine@ RestartPreventExitStatus) " != *SIGKILL* ]]
    local role
    for role in vesta-md-publisher@ vesta-gateway@; do
        [ "$(in_unit $role Restart)" = on-failure ]
        [ "$(in_unit $role RestartPreventExitStatus)" = 2 ]
    done
    # Nobody loops.
    for role in "${ROLES[@]}"; do
        [ "$(in_unit "$role" StartLimitBurst)" -le 5 ]
        [ "$(in_unit "$role" StartLimitIntervalSec)" -ge 60 ]
    done
    # The statuses are those of the code.
    [ ! -e "$DIR/crates/runner/src/process.rs" ] || grep -q 'Exit::Stopped => 1' "$DIR/crates/runner/src/process.rs"
    [ ! -e "$DIR/crates/runner/src/process.rs" ] || grep -q 'Exit::NotStarted => 2' "$DIR/crates/runner/src/process.rs"
}

@test "a unit of one shard refuses the file of another" {
    local vesta=${VESTA_BIN:-$DIR/${CARGO_TARGET_DIR:-target}/release/vesta} command role
    [ -x "$vesta" ] || skip "vesta_unbuilt: VESTA_BIN names no program"
    printf '[shard]\nid = 7\n' >"$BATS_TEST_TMPDIR/seven.toml"
    export VESTA_CONFIG=$BATS_TEST_TMPDIR/seven.toml
    for role in "${ROLES[@]}"; do
        # As systemd hands it to the shell.
        command=$(in_unit "$role" ExecStartPre | sed -E "s#^/bin/sh -c '(.*)'\$#\1#; s#/usr/local/bin/vesta#$vesta#; s#[$][$]#\$#g")
        run sh -c "${command//%i/7}"
        [ "$status" -eq 0 ]
        run sh -c "${command//%i/1}"
        [ "$status" -eq 2 ]
        [[ $output == *"seven.toml is not of shard 1"* ]]
    done
}

@test "installed: the tool runs from its link, units name what is installed, and uninstall leaves nothing" {
    local dest=$BATS_TEST_TMPDIR/dest
    make -s -C "$DIR" install-tuning DESTDIR="$dest" PREFIX=/opt/v >/dev/null
    local place
    # In bin, too: sbin is not on the path of a user, who may check.
    for place in sbin bin; do
        [ "$("$dest/opt/v/$place/vesta-tune" --list)" = "$("$DIR/tuning/vesta-tune" --list)" ]
    done
    [ -x "$dest/opt/v/lib/vesta/tuning/vesta-tune" ]
    local part
    for part in lib stages profiles README.md; do diff -r "$DIR/tuning/$part" "$dest/opt/v/lib/vesta/tuning/$part"; done
    [ ! -e "$dest/opt/v/lib/vesta/tuning/tests" ]
    # shellcheck disable=SC2016 # systemd expands it
    grep -q -x 'ExecStart=/opt/v/bin/vesta-engine --config ${VESTA_CONFIG}' "$dest/opt/v/lib/systemd/system/vesta-engine@.service"
    grep -q -x 'ExecStart=/opt/v/sbin/vesta-tune check' "$dest/opt/v/lib/systemd/system/vesta-tune.service"
    run grep -r /usr/local "$dest/opt/v/lib/systemd"
    [ "$status" -eq 1 ]
    make -s -C "$DIR" uninstall DESTDIR="$dest" PREFIX=/opt/v >/dev/null
    [ -z "$(find "$dest" -type f -o -type l)" ]
}

@test "what terraform puts on a host, and what is here, agree" {
    local template=$DIR/terraform/modules/engine/templates/user-data.sh.tftpl unit
    [ -e "$template" ] || skip "no_checkout: terraform/ is not beside it"
    # Every unit that it names is here, but for its own.
    while read -r unit; do [ -e "$UNITS/$unit.service" ]; done < <(grep -o 'vesta-[a-z-]*@' "$template" | sort -u)
    grep -q 'Before=vesta-tune.service ' "$template"
    grep -q 'RequiredBy=vesta-tune.service' "$template"
    # The same holds for its own, which the roles require, too.
    [ "$(sed -n "/^cat .*vesta-host-ready.service /,/^UNIT/p" "$template" | grep -c -x RefuseManualStop=yes)" -eq 1 ]
    grep -q 'VESTA_TUNE_PROFILE=' "$template"
    grep -q '/opt/vesta/tuning/systemd' "$template"
}
