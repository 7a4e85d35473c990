#!/usr/bin/env bats
# The units under a real systemd, with the real roles: what is started, how it is shut in, and what starts again.

# What is missing here, as "name: why".
missing() {
    [[ $EUID -eq 0 ]] || { echo "not_root: namespaces want root"; return; }
    [[ -x $PROGRAMS/vesta && -x $PROGRAMS/vesta-engine ]] || { echo "vesta_unbuilt: VESTA_BIN names no program"; return; }
    [[ -x /lib/systemd/systemd ]] || { echo "no_systemd: there is none to boot"; return; }
    grep -q cgroup2 /proc/mounts || echo "no_cgroup2: systemd wants control groups of version 2"
}

setup_file() {
    local dir=${VESTA_BIN:-/nowhere/vesta}
    export PROGRAMS=${dir%/*} OUT=$BATS_FILE_TMPDIR/out MISSING
    MISSING=$(missing)
    [[ -z $MISSING ]] || return 0
    mkdir "$OUT"
    "$BATS_TEST_DIRNAME/tools/boot" "$PROGRAMS" "$BATS_TEST_DIRNAME/booted_script.bash" "$OUT" >"$OUT/console" 2>&1 || true
    [[ -s $OUT/script.log ]] || MISSING="no_namespaces: no systemd boots here: $(tail -n 1 "$OUT/console")"
}

setup() { [[ -z $MISSING ]] || skip "$MISSING"; }

# said NAME VALUE
said() {
    grep -q -x -F -- "$1 $2" "$OUT/script.log" || { echo "not so: $1 $2"; cat "$OUT"/script.log "$OUT"/vesta-*.log; return 1; }
}

@test "it went to the end" { said end reached; }

@test "on a host that is not tuned no role starts" {
    said untuned_tune failed
    said untuned_engine inactive
    grep -q '^drift' "$OUT/vesta-tune.log"
}

# Told to stop with the others. Where a peer's goodbye comes ahead of the signal, as on a busy machine, the role has
# ended for that reason, and says it.
was_stopped() {
    grep -q -x -F "stopped_vesta-$1@1 failed 1" "$OUT/script.log" &&
        tail -n 1 "$OUT/vesta-$1.log" | grep -q ': its publisher closed it$' && return
    said "stopped_vesta-$1@1" "inactive 0"
}

@test "all roles start, trade, and stop when they are told" {
    local role
    for role in sequencer engine md-publisher gateway; do
        said "active_vesta-$role@1" active
        was_stopped "$role"
    done
    said flow "verdict: OK"
}

@test "the tuning can not be stopped, or started anew, under the roles" {
    local role
    said restarted_tune 4
    said stopped_tune 4
    for role in sequencer engine md-publisher gateway; do said "after_restart_vesta-$role@1" active; done
}

@test "roles are shut in: user, rights, system calls; and io_uring is left to them" {
    said engine_user vesta
    said engine_CapEff 0000000000000000
    said engine_CapBnd 0000000000000000
    said engine_NoNewPrivs 1
    said engine_Seccomp 2
    said engine_slice vesta.slice
    grep -q 'vesta-engine: datapath ' "$OUT/vesta-engine.log"
    # Where this kernel has io_uring at all, the filter lets it by.
    [[ $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0) != 0 ]] ||
        grep -q 'vesta-engine: datapath uring: io_uring works here' "$OUT/vesta-engine.log"
}

@test "the file of another shard is refused" {
    said other_shard failed
    grep -q 'vesta.toml is not of shard 2' "$OUT/vesta-engine.log"
}

@test "an engine that was killed starts once more; one that ended by itself does not" {
    said killed_engine "1 failed 1"
    grep -q 'joined the input log late' "$OUT/vesta-engine.log"
}

@test "a sequencer never starts again by itself" {
    said killed_sequencer "0 failed"
}
