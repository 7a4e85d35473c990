#!/usr/bin/env bats
# The contract of vesta-tune, on a fake root: what each action does and leaves alone, exit codes, refusals.

load fake

setup() { make_root; }

@test "help, list and wrong words" {
    run "$TUNE" --help
    [ "$status" -eq 0 ]
    [[ $output == *"Exit status: 0"* ]]
    run "$TUNE" --list
    [ "$status" -eq 0 ]
    # A file for each stage, and a stage for each file.
    [ "$(sort <<<"$output")" = "$(cd "$TUNE_DIR/stages" && printf '%s\n' *.sh | sed 's/\.sh$//' | sort)" ]
    local words
    for words in "" "tune" "check apply" "check --stage" "check --stage --json" "check --stage nowhere" "check --fast" \
        "check --root /nowhere" "check --config /nowhere.toml" "check --profile nowhere" "check --profile ../x"; do
        # shellcheck disable=SC2086 # words
        run "$TUNE" $words
        [ "$status" -eq 2 ]
        [[ $output == "vesta-tune: "* ]]
    done
    run "$TUNE" check --stage nowhere
    [[ $output == *"there is no stage 'nowhere'"*hugepages* ]]
}

@test "check changes nothing and needs no rights" {
    chmod -R a+rX "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." 2>/dev/null || true
    find "$ROOT" -printf '%p %T@ %i\n' | grep -v -e fake/log -e ' fake$' | sort >"$BATS_TEST_TMPDIR/files"
    run tune check
    [ "$status" -eq 1 ]
    [[ $output == *" 0 error"* ]]
    run tune plan
    [ "$status" -eq 1 ]
    [[ $output == *"fix: "* ]]
    find "$ROOT" -printf '%p %T@ %i\n' | grep -v -e fake/log -e ' fake$' | sort | diff "$BATS_TEST_TMPDIR/files" -
    [ ! -e "$ROOT/run/vesta-tune" ]
    refute grep -E -e '-(L|G|K|C|N) |link set|route (add|del)|^mount|^systemctl|^update-grub' "$ROOT/fake/log"
}

@test "check as a user without rights says the same" {
    [ "$(id -u)" -eq 0 ] || skip "not_root: this is a user without rights already"
    command -v setpriv >/dev/null || skip "setpriv_absent: there is no setpriv"
    # The checkout may be where others can not look.
    cp -r "$TUNE_DIR" "$BATS_TEST_TMPDIR/tuning"
    chmod -R a+rX "$BATS_TEST_TMPDIR"
    chmod a+w "$ROOT/fake/log"
    local dir=$BATS_TEST_TMPDIR
    while [ "$dir" != / ]; do chmod a+x "$dir"; dir=$(dirname "$dir"); done
    tune check >"$BATS_TEST_TMPDIR/root.out" || true
    run setpriv --reuid 65534 --regid 65534 --clear-groups "$BATS_TEST_TMPDIR/tuning/vesta-tune" check --root "$ROOT"
    [ "$status" -eq 1 ]
    diff "$BATS_TEST_TMPDIR/root.out" - <<<"$output"
}

@test "apply, apply again, check, undo: the second time changes nothing; every value comes back, last one first" {
    run tune apply
    # The command line waits for a reboot: that is drift, and no error.
    [ "$status" -eq 1 ]
    [ "$(states | grep -v unsupported)" = "cmdline drift" ]
    [[ $output =~ ([0-9]+)" changed" ]]
    [ "${BASH_REMATCH[1]}" -gt 60 ]
    snapshot >"$BATS_TEST_TMPDIR/applied"
    find "$ROOT"/{run,var/lib}/vesta-tune | sort >"$BATS_TEST_TMPDIR/state"
    run tune apply
    [ "$status" -eq 1 ]
    [[ $output == *"; 0 changed" ]]
    snapshot | diff "$BATS_TEST_TMPDIR/applied" -
    find "$ROOT"/{run,var/lib}/vesta-tune | sort | diff "$BATS_TEST_TMPDIR/state" -
    put proc/cmdline "BOOT_IMAGE=/vmlinuz quiet $(sed -n 's/.*_DEFAULT \(.*\)"/\1/p' "$ROOT/etc/default/grub.d/60-vesta.cfg")"
    run tune check
    [ "$status" -eq 0 ]
    put proc/cmdline 'BOOT_IMAGE=/vmlinuz root=/dev/nvme0n1p1 quiet'

    find "$ROOT"/{run,var/lib}/vesta-tune/saved -name '0*' -printf '%f\n' | sort -r >"$BATS_TEST_TMPDIR/saved"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/saved")" -gt 60 ]
    : >"$ROOT/fake/log"
    run tune undo
    [ "$status" -eq 0 ]
    assert_as_before
    [ -z "$(find "$ROOT"/{run,var/lib}/vesta-tune -type f)" ]
    # Of two knobs the one that was applied later is undone first.
    local first last
    first=$(grep -n -- '-C eth1' "$ROOT/fake/log" | head -n 1 | cut -d : -f 1)
    last=$(grep -n -- '-L eth1' "$ROOT/fake/log" | head -n 1 | cut -d : -f 1)
    [ "$first" -lt "$last" ]
    run tune undo
    [ "$status" -eq 0 ]
    [[ $output == "undo: 0 ok"*"0 brought back" ]]
}

@test "another profile over it, or a value that somebody turned: undo still leads back to the beginning" {
    tune apply --stage channels --stage numa --stage time
    find "$ROOT"/{run,var/lib}/vesta-tune -type f | sort >"$BATS_TEST_TMPDIR/state"
    put proc/sys/kernel/numa_balancing 2
    tune apply --stage channels --stage numa --stage time --profile ena-metal
    [ "$(get proc/sys/kernel/numa_balancing)" = 0 ]
    [ "$(get fake/cards/eth1.l.combined)" = '8 4' ]
    # The first value is the one that is kept.
    find "$ROOT"/{run,var/lib}/vesta-tune -type f | sort | diff "$BATS_TEST_TMPDIR/state" -
    tune undo
    assert_as_before
}

@test "undo wants neither vesta.toml nor a profile: it works where a broken one stops everything else" {
    local file
    for file in etc/vesta/vesta.toml etc/vesta/tune.conf etc/vesta/host.env; do
        run tune apply
        [ "$status" -le 1 ]
        mkdir -p "$ROOT/etc/vesta"
        [[ ! -e $ROOT/$file ]] || cp "$ROOT/$file" "$ROOT/kept"
        case $file in
        *.toml) echo '[transport' >"$ROOT/$file" ;;
        *.conf) echo 'no_such_key=1' >"$ROOT/$file" ;;
        *.env) echo 'VESTA_TUNE_PROFILE=no-such-profile' >"$ROOT/$file" ;;
        esac
        # It stops check, as it should.
        run "$TUNE" check --root "$ROOT"
        [ "$status" -eq 2 ]
        run "$TUNE" undo --root "$ROOT"
        [ "$status" -eq 0 ]
        rm -f "$ROOT/$file"
        [[ ! -e $ROOT/kept ]] || mv "$ROOT/kept" "$ROOT/$file"
        assert_as_before
    done
}

@test "one stage: only its knobs, in apply and in undo" {
    run tune apply --stage numa --stage thp
    [ "$status" -eq 0 ]
    [ "$(awk 'NF > 2 && $1 == "ok" { print $2 }' <<<"$output" | uniq | xargs)" = "thp numa" ]
    tune undo --stage numa
    [ "$(get proc/sys/kernel/numa_balancing)" = 1 ]
    [ "$(get sys/kernel/mm/ksm/run)" = 0 ]
    tune undo
    assert_as_before
}

@test "each drift comes with the command that fixes it, and the command does" {
    # What the profile leaves to a command of ours is called by its name.
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    ln -s "$TUNE" "$BATS_TEST_TMPDIR/bin/vesta-tune"
    tune check --json | tail -n 1 >"$BATS_TEST_TMPDIR/json" || true
    python3 - "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/fixes" <<'END'
import json, sys
result = json.load(open(sys.argv[1]))
for row in result["results"]:
    if row["state"] == "drift":
        assert row["fix"], row
        if row["fix"] != "reboot":
            print(row["fix"])
END
    [ "$(wc -l <"$BATS_TEST_TMPDIR/fixes")" -gt 60 ]
    # Below --root the tools of the fake root stand for the host's.
    PATH=$BATS_TEST_TMPDIR/bin:$ROOT/usr/sbin:$PATH bash "$BATS_TEST_TMPDIR/fixes"
    run tune check
    [ "$(states | grep -v unsupported)" = "cmdline drift" ]
}

@test "refused: the management interface, by default route and by SSH session" {
    put etc/vesta/host.env 'VESTA_HOT_INTERFACE=eth0'
    local stage
    for stage in mtu channels rings offloads coalescing steering napi rps multicast; do
        run tune apply --force --stage "$stage"
        [ "$status" -eq 2 ]
        [[ $output == *"eth0"*"refused: it is the management interface"* ]]
    done
    refute grep -E -e '-(L|G|K|C|N) |link set|route (add|del)' "$ROOT/fake/log"
    put etc/vesta/host.env 'VESTA_HOT_INTERFACE=eth1'
    run tune check --stage mtu
    [ "$status" -eq 1 ]
    SSH_CONNECTION='10.0.0.99 50000 10.0.0.5 22' run tune apply --stage mtu
    [ "$status" -eq 2 ]
    # sudo drops the variable: the sessions themselves tell. Of a program's own connections none does.
    put fake/sockets $'0 0 10.0.0.5:24001 10.0.0.9:40000 users:(("vesta-gateway",pid=7,fd=3))'
    run tune check --stage mtu
    [ "$status" -eq 1 ]
    local session
    for session in '0 0 10.0.0.5:22 10.0.0.99:50000' '0 0 [::ffff:10.0.0.5]:22 [::ffff:10.0.0.99]:50000' \
        '0 0 10.0.0.5%eth1:22 10.0.0.99:50000' '0 0 10.0.0.5:2222 10.0.0.99:50000 users:(("sshd",pid=8,fd=4))'; do
        put fake/sockets "$session"
        run tune apply --stage mtu
        [ "$status" -eq 2 ]
        [[ $output == *"refused: it is the management interface"* ]]
    done
}

@test "refused: any default route, of several, through several gateways, of either family" {
    put etc/vesta/host.env ''
    local routes
    for routes in $'default via 192.0.2.1 dev eth0 metric 300\ndefault via 10.0.0.1 dev eth1 metric 20' \
        $'default via 192.0.2.1 dev eth0 metric 20\ndefault via 10.0.0.1 dev eth1 metric 20' \
        $'default via 192.0.2.1 dev eth0 metric 20\ndefault via 10.0.0.1 dev eth1 metric 200' \
        $'default proto static \\\tnexthop via 192.0.2.1 dev eth0 weight 1 \\\tnexthop via 10.0.0.1 dev eth1 weight 1 '; do
        put fake/routes "$routes"
        rm -f "$ROOT/fake/routes6"
        run tune apply --stage mtu
        [ "$status" -eq 2 ]
        [[ $output == *"eth1"*"refused: it is the management interface"* ]]
        put fake/routes 'default via 192.0.2.1 dev eth0'
        put fake/routes6 "$routes"
        run tune apply --stage mtu
        [ "$status" -eq 2 ]
    done
    # The second card's own, which a cloud's DHCP gives, is none for who has named the card. The best one always is.
    rm "$ROOT/fake/routes6"
    put etc/vesta/host.env 'VESTA_HOT_INTERFACE=eth1'
    put fake/routes $'default via 192.0.2.1 dev eth0 metric 100\ndefault via 10.0.0.1 dev eth1 metric 200'
    run tune check --stage mtu
    [ "$status" -eq 1 ]
    put fake/routes $'default via 192.0.2.1 dev eth0 metric 100\ndefault via 10.0.0.1 dev eth1 metric 100'
    run tune check --stage mtu
    [ "$status" -eq 2 ]
    [ "$(get sys/class/net/eth1/mtu)" = 1400 ]
}

@test "refused: what is below or above the management interface" {
    local net=$ROOT/sys/class/net
    run tune check --stage mtu
    [ "$status" -eq 1 ]
    # A VLAN of the card is the way in, by its route and then by a session.
    put sys/class/net/eth1.7/mtu 1400
    ln -s ../eth1.7 "$net/eth1/upper_eth1.7"
    ln -s ../eth1 "$net/eth1.7/lower_eth1"
    run tune check --stage mtu
    [ "$status" -eq 1 ]
    put fake/routes 'default via 172.16.7.1 dev eth1.7'
    run tune apply --stage mtu
    [ "$status" -eq 2 ]
    put fake/routes 'default via 192.0.2.1 dev eth0'
    printf 'eth1.7 172.16.7.5/24\n' >>"$ROOT/fake/addresses"
    SSH_CONNECTION='172.16.7.9 50000 172.16.7.5 22' run tune apply --stage mtu
    [ "$status" -eq 2 ]
    # The card of a VLAN for streams is the way in.
    put etc/vesta/host.env 'VESTA_HOT_INTERFACE=eth1.7'
    put fake/routes 'default via 10.0.0.1 dev eth1'
    run tune apply --stage mtu
    [ "$status" -eq 2 ]
    # A bridge over a bond over the card.
    put etc/vesta/host.env 'VESTA_HOT_INTERFACE=eth1'
    put fake/routes 'default via 192.0.2.1 dev br0'
    put sys/class/net/bond0/mtu 1400
    put sys/class/net/br0/mtu 1400
    ln -s ../bond0 "$net/br0/lower_bond0"
    ln -s ../eth1 "$net/bond0/lower_eth1"
    run tune apply --stage mtu
    [ "$status" -eq 2 ]
    [[ $output == *"eth1"*"or tied to it"* ]]
    [ "$(get sys/class/net/eth1/mtu)" = 1400 ]
    rm "$net/bond0/lower_eth1"
    run tune check --stage mtu
    [ "$status" -eq 1 ]
}

@test "refused: CPU 0, all CPUs, and CPUs that are not there" {
    put etc/vesta/vesta.toml $'[cores]\nengine = "0"'
    run tune apply
    [ "$status" -eq 2 ]
    [[ $output == *'cores.engine = "0"'*"CPU 0 is the system's"* ]]
    put etc/vesta/vesta.toml $'[cores]\nengine = "12"'
    run tune apply
    [ "$status" -eq 2 ]
    [[ $output == *"no such CPU"* ]]
    put etc/vesta/vesta.toml $'[cores]\nengine = "1-3"'
    run tune apply
    [ "$status" -eq 2 ]
    put etc/vesta/vesta.toml $'[cores]\nengine = "3"\nsequencer = "4"'
    put sys/devices/system/cpu/online 3-4
    run tune apply
    [ "$status" -eq 2 ]
    [[ $output == *"takes all CPUs (3-4)"* ]]
    [ ! -e "$ROOT/run/vesta-tune/saved" ]
}

@test "refused: while a role runs, unless it is forced; check may always" {
    local name
    for name in vesta-gateway vesta-sequencer vesta-engine vesta-md-publis; do
        put proc/4711/comm "$name"
        run tune apply --stage numa
        [ "$status" -eq 2 ]
        [[ $output == *"$name"*"(process 4711) runs on this host"*"--force"* ]]
        run tune undo
        [ "$status" -eq 2 ]
    done
    [ "$(get proc/sys/kernel/numa_balancing)" = 1 ]
    run tune check --stage numa
    [ "$status" -eq 1 ]
    put proc/4711/comm vesta
    local words
    for words in '--config x driver' demo '--config x demo --loop' 'md relay' 'md --config x relay --to 10.0.0.9'; do
        # shellcheck disable=SC2086 # words
        printf '%s\0' vesta $words >"$ROOT/proc/4711/cmdline"
        run tune apply --stage numa
        [ "$status" -eq 2 ]
        [[ $output == *"vesta "*" (process 4711) runs on this host"* ]]
    done
    # What only looks on is in nobody's way.
    for words in top 'md --relay 127.0.0.1' md; do
        # shellcheck disable=SC2086 # words
        printf '%s\0' vesta $words >"$ROOT/proc/4711/cmdline"
        run tune apply --stage numa
        [ "$status" -eq 0 ]
        tune undo
    done
    put proc/4711/comm vesta-engine
    run tune apply --stage numa --force
    [ "$status" -eq 0 ]
    [ "$(get proc/sys/kernel/numa_balancing)" = 0 ]
}

@test "json: one object on the last line, with every finding" {
    run tune check --json
    [ "$status" -eq 1 ]
    [ "$(wc -l <<<"$output")" -eq 1 ]
    python3 - <<END
import json
r = json.loads(r'''$output''')
states = [row["state"] for row in r["results"]]
for state in ("ok", "drift", "unsupported", "error"):
    assert states.count(state) == r[state], state
assert r["action"] == "check" and r["profile"] == "colo" and r["error"] == 0 and r["drift"] > 60
assert all(row["fix"] for row in r["results"] if row["state"] == "drift")
assert {row["stage"] for row in r["results"]} == set("""$("$TUNE" --list | xargs)""".split())
END
    run tune apply --json --profile ena-virtual --stage thp
    python3 -c 'import json,sys; r = json.loads(sys.argv[1]); assert r["changed"] == 5 - 1 and r["profile"] == "ena-virtual", r' "$output"
    put proc/1/comm vesta-engine
    run tune undo --json
    [ "$status" -eq 2 ]
}
