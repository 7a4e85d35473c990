#!/usr/bin/env bats
# Where values come from: vesta.toml as vesta itself reads it, profiles, tune.conf, host.env.

load fake

setup() { make_root; }

toml() { awk -f "$TUNE_DIR/lib/toml.awk" "$1"; }

# What vesta makes of a file, as the reader prints it.
resolved() {
    python3 - "$1" <<'END'
import sys, tomllib
def walk(path, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            walk(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            walk(f"{path}.{n}", inner)
    else:
        print(f"{path}\t{str(value).lower() if isinstance(value, bool) else value}")
walk("", tomllib.load(open(sys.argv[1], "rb")))
END
}

@test "the reader reads the manual itself as Python's does" {
    [ -e "$TUNE_DIR/../vesta.toml" ] || skip "no_checkout: vesta.toml is not beside it"
    toml "$TUNE_DIR/../vesta.toml" | sort >"$BATS_TEST_TMPDIR/ours"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -gt 100 ]
    resolved "$TUNE_DIR/../vesta.toml" | sort | diff "$BATS_TEST_TMPDIR/ours" -
}

@test "the reader knows what a user may write" {
    printf '%s\n' 'top.a = 1_000 # a comment' '"quo.ted" = '"'x # y'" '[ transport ]' 'interface="10.0.0.0/24"' \
        'uring = { busy_poll_us = 50, hot_receive = "ring" }' 'allowed_sources = [ # many' '  "10.0.0.1",' '  "a\"b\\c",' ']' \
        '[[gateway]]' 'id = 1' '[[gateway]]' 'id = 2' 'nested = [{ from = "1" }, { from = "2" }]' '[gateway.more]' 'on = true' \
        >"$BATS_TEST_TMPDIR/x.toml"
    printf 'last = -5' >>"$BATS_TEST_TMPDIR/x.toml"
    toml "$BATS_TEST_TMPDIR/x.toml" | sort >"$BATS_TEST_TMPDIR/ours"
    resolved "$BATS_TEST_TMPDIR/x.toml" | sort | diff "$BATS_TEST_TMPDIR/ours" -
    # Lines may end as on other systems.
    sed 's/$/\r/' "$BATS_TEST_TMPDIR/x.toml" >"$BATS_TEST_TMPDIR/crlf.toml"
    toml "$BATS_TEST_TMPDIR/crlf.toml" | sort | diff "$BATS_TEST_TMPDIR/ours" -
}

@test "what it can not read is refused, with the line" {
    local text
    for text in 'a = """x"""' 'a = "x' 'a =' 'a' '[x' 'a = 1 b = 2' 'a = [1' 'a = yes' 'a = "\u00e9"'; do
        printf '# first\n%s\n' "$text" >"$ROOT/etc/vesta/vesta.toml"
        run tune check
        [ "$status" -eq 2 ]
        [[ $output == *"vesta.toml: line "[23]": "* ]]
    done
}

@test "values are those that vesta itself resolves" {
    local vesta=${VESTA_BIN:-$TUNE_DIR/../${CARGO_TARGET_DIR:-target}/release/vesta}
    [ -x "$vesta" ] || skip "vesta_unbuilt: VESTA_BIN names no program"
    local config path value
    printf '%s\n' '[transport]' 'mode = "mdc"' 'interface = "10.0.0.0/24"' 'mtu_bytes = 8896' \
        'uring = { busy_poll_us = 25 }' '[cores]' 'engine = "3"' '[streams.input_log]' 'control = "10.0.0.5:24120"' \
        '[[gateway]]' 'id = 7' 'listen = "0.0.0.0:24001"' 'back_endpoint = "10.0.0.9:24011"' 'receive_buffer_bytes = 4194304' \
        '[[session]]' 'first = 1' 'count = 5' 'gateway = 7' >"$BATS_TEST_TMPDIR/mine.toml"
    : >"$BATS_TEST_TMPDIR/none.toml"
    for config in none mine; do
        "$vesta" inspect config --config "$BATS_TEST_TMPDIR/$config.toml" >"$BATS_TEST_TMPDIR/resolved.toml"
        toml "$BATS_TEST_TMPDIR/resolved.toml" >"$BATS_TEST_TMPDIR/resolved"
        # The defaults, with the file over them, as lib/settings.sh does it.
        awk 'NR == FNR { if ($0 !~ /^#/ && NF) value[$1] = $2; next } { path = $1; sub(/^[^\t]*\t/, ""); value[path] = $0 }
            END { for (path in value) print path "\t" value[path] }' \
            "$TUNE_DIR/lib/defaults" <(toml "$BATS_TEST_TMPDIR/$config.toml") >"$BATS_TEST_TMPDIR/ours"
        while IFS=$'\t' read -r path value; do
            # vesta puts what "" stands for.
            [ "$path" != transport.xdp_interface ] || continue
            grep -q -x -F -- "$path"$'\t'"$value" "$BATS_TEST_TMPDIR/resolved" || {
                echo "$config: $path is '$value' here; vesta: $(grep -F "$path" "$BATS_TEST_TMPDIR/resolved")"
                return 1
            }
        done <"$BATS_TEST_TMPDIR/ours"
    done
}

@test "the settings that docs/deploying.md writes for a server are read by vesta, and tune it" {
    local manual=$TUNE_DIR/../docs/deploying.md vesta=${VESTA_BIN:-$TUNE_DIR/../${CARGO_TARGET_DIR:-target}/release/vesta}
    [ -e "$manual" ] || skip "no_checkout: docs/ is not beside it"
    # shellcheck disable=SC2016 # the manual's variable
    sed -n '/^sudo tee .etc.vesta.vesta.toml/,/^EOF/ { /^sudo tee/d; /^EOF/d; s/\$HOT_ADDRESS/10.0.0.5/; p; }' "$manual" \
        >"$ROOT/etc/vesta/vesta.toml"
    grep -q '^engine = "3"$' "$ROOT/etc/vesta/vesta.toml"
    run tune check
    [ "$status" -eq 1 ]
    [[ $output == *"nohz_full=2-5:"* && $output == *" 0 error" ]]
    [ -x "$vesta" ] || skip "vesta_unbuilt: VESTA_BIN names no program"
    "$vesta" --config "$ROOT/etc/vesta/vesta.toml" inspect config >/dev/null
}

@test "the defaults are those of the manual" {
    [ -e "$TUNE_DIR/../vesta.toml" ] || skip "no_checkout: vesta.toml is not beside it"
    toml "$TUNE_DIR/../vesta.toml" >"$BATS_TEST_TMPDIR/manual"
    local path value
    while read -r path value; do
        [[ -n $path && $path != '#'* ]] || continue
        grep -q -x -F -- "$path"$'\t'"$value" "$BATS_TEST_TMPDIR/manual" || { echo "$path $value"; return 1; }
    done <"$TUNE_DIR/lib/defaults"
}

@test "values follow vesta.toml" {
    put etc/vesta/vesta.toml '[engine]
order_count_max = 4000000
[transport]
interface = "10.0.0.0/24"
mtu_bytes = 8896
socket_receive_buffer_bytes = 100000000
socket_send_buffer_bytes = 90000000
[[session]]
first = 1
count = 1000
[[gateway]]
id = 1
receive_buffer_bytes = 200000000'
    run tune check
    [[ $output == *"rmem_max"*"wants 200000000"* ]]
    [[ $output == *"wmem_max"*"wants 90000000"* ]]
    [[ $output == *"eth1"*"wants 8924"* ]]
    # 4,000,000 x 124 and 1,000 x 1,280 x 32 bytes, in pages of 2 MiB.
    [[ $output == *"nr_hugepages now 0, wants 257"* ]]
    # Without [cores] nothing is isolated, and that is said.
    [ "$(grep -c 'no role has a CPU of its own' <<<"$output")" -ge 4 ]
    put etc/vesta/vesta.toml '[transport]
mode = "mdc"
interface = "10.0.0.5/32"
datapath = "xdp"
xdp_interface = "eth1"
xdp_queue_count = 3'
    run tune check
    [[ $output == *"eth1 combined"*"wants 3"* ]]
    [[ $output == *"transparent_hugepage/enabled"*"madvise"* ]]
    [[ $output == *"no multicast is used"* ]]
    # No thread polls, so nothing is put off.
    [[ $output == *"ok"*"gro_flush_timeout"* ]]
    # The first boot's word about the interface is the last one.
    put etc/vesta/host.env 'VESTA_HOT_INTERFACE="eth9"'
    run tune check --stage mtu
    [ "$status" -eq 2 ]
    [[ $output == *"eth9"*"no interface of this name"* ]]
    put etc/vesta/host.env ''
    put etc/vesta/vesta.toml $'[transport]\ninterface = "172.16.0.1/32"'
    run tune check --stage mtu
    [ "$status" -eq 2 ]
    [[ $output == *"172.16.0.1"*"no interface has this address"* ]]
    rm "$ROOT/etc/vesta/vesta.toml"
    run tune check --stage mtu --config "$TUNE_DIR/tests/nothing"
    [ "$status" -eq 2 ]
}

@test "siblings of a role's CPU are isolated with it, unless SMT goes off; the second thread is no place for a role" {
    run tune check --profile colo --stage cmdline
    [[ $output == *"nohz_full=2-4:"* && $output == *"irqaffinity=0-1,5:"* ]]
    run tune check --profile ena-virtual --stage cmdline
    [[ $output == *"nohz_full=2-4,8-10"* && $output == *"irqaffinity=0-1,5-7,11"* ]]
    put etc/vesta/vesta.toml $'[cores]\nengine = "8"'
    run tune check --profile colo --stage cpu
    [ "$status" -eq 2 ]
    [[ $output == *"CPU 8 of [cores] is the second thread of CPU 2"* ]]
    # CPU 0 stays the system's, even where a role has its sibling.
    put etc/vesta/vesta.toml $'[cores]\nengine = "6"'
    run tune check --profile ena-virtual --stage irq
    [[ $output == *"wants 0-5,7-11"* ]]
}

@test "several shards on one host: the CPUs of all are kept free" {
    put etc/vesta/shard-7.env 'VESTA_CONFIG=/etc/vesta/vesta.toml'
    put etc/vesta/shard-8.env $'# the second one\nVESTA_CONFIG="/etc/vesta/eight.toml"'
    put etc/vesta/shard-9.env 'OTHER=1'
    put etc/vesta/eight.toml $'[transport]\nmtu_bytes = 9000\n[cores]\nengine = "5"\nmd_publisher = ""'
    run tune check --profile colo --stage cmdline
    [ "$status" -eq 1 ]
    [[ $output == *"nohz_full=2-5:"* && $output == *"irqaffinity=0-1:"* ]]
    # The command that mends it sees the same.
    run tune check --profile colo --stage cmdline --json
    [[ $output != *--config* ]]
    # All else follows the one file.
    run tune check --profile colo --stage mtu
    [[ $output != *90[0-9][0-9]* ]]
    # Who names a file means that one.
    run tune check --profile colo --stage cmdline --config "$ROOT/etc/vesta/vesta.toml"
    [[ $output == *"nohz_full=2-4:"* && $output == *"--config $ROOT/etc/vesta/vesta.toml"* ]]
    put etc/vesta/eight.toml $'[cores]\nengine = "0"'
    run tune check
    [ "$status" -eq 2 ]
    [[ $output == *'cores.engine = "0" in '*"eight.toml: CPU 0 is the system's"* ]]
    rm "$ROOT/etc/vesta/eight.toml"
    run tune check
    [ "$status" -eq 2 ]
    [[ $output == *"shard-8.env: can not read "*"/etc/vesta/eight.toml"* ]]
}

@test "profiles: all are whole; tune.conf and host.env; what is asked for by name" {
    local name
    for name in ena-metal ena-virtual colo lab-veth; do
        run tune check --profile "$name"
        [ "$status" -eq 1 ]
        [[ $output == *" 0 error" ]]
    done
    # Safety stays on in every one of them.
    [ "$(grep -E -h '^(mitigations|audit|rt_throttle)=' "$TUNE_DIR"/profiles/*.conf | sort -u | xargs)" = "audit=keep mitigations=keep rt_throttle=keep" ]
    run tune check
    refute grep -E 'mitigations|audit|sched_rt' <<<"$output"
    put etc/vesta/tune.conf $'# ours\nmitigations=off\naudit=off\nrt_throttle=off\nthp=madvise'
    run tune check
    [[ $output == *"mitigations=off: needs reboot"* && $output == *"audit=0: needs reboot"* && $output == *"sched_rt_runtime_us"*"wants -1"* ]]
    [[ $output == *"ok"*"transparent_hugepage/enabled"* ]]
    put etc/vesta/host.env 'VESTA_TUNE_PROFILE=lab-veth'
    run tune check --json
    [[ $output == *'"profile":"lab-veth"'* ]]
    local bad
    for bad in 'thp=sometimes' 'fast=yes' 'thp' 'coalescing="rx-usecs=0; reboot"' 'phc_device=/dev/../etc/passwd'; do
        put etc/vesta/tune.conf "$bad"
        run tune check
        [ "$status" -eq 2 ]
        [[ $output == *"tune.conf"* ]]
    done
}

@test "files of settings are data: nothing in them is run" {
    put etc/vesta/tune.conf "thp=\$(touch $BATS_TEST_TMPDIR/ran)"
    run tune check
    [ "$status" -eq 2 ]
    put etc/vesta/tune.conf ''
    put etc/vesta/host.env "VESTA_HOT_INTERFACE=\`touch $BATS_TEST_TMPDIR/ran\`"
    run tune check
    [ "$status" -eq 2 ]
    put etc/vesta/host.env ''
    put etc/vesta/vesta.toml "[cores]
engine = \"a[\$(touch $BATS_TEST_TMPDIR/ran)]\""
    run tune check
    [ "$status" -eq 2 ]
    put etc/vesta/vesta.toml "[transport]
mtu_bytes = 0x[\$(touch $BATS_TEST_TMPDIR/ran)]"
    run tune check
    [ "$status" -eq 2 ]
    [ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "report: before, then after, as one table" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    # It stands for the program; the figures are a run's of 2 cores.
    cat >"$BATS_TEST_TMPDIR/bin/vesta" <<'END'
#!/usr/bin/env bash
# By name all CPUs that are on, the isolated ones among them, whatever this process may run on.
[[ "$*" == "bench jitter --json --seconds 3 --cores 0,1,2,3,4,5,6,7,8,9,10,11 --out "* ]] || { echo "not so: $*" >&2; exit 2; }
echo "a table"
lost=900.5
[[ ! -e $VESTA_TUNED ]] || lost=12.25
echo '{"cores":[{"core":0,"floor_ns":0.38,"from_ns":{"1000":29,"10000":16,"100000":10,"50000":11},"gaps":29,"lost_us_per_s":884180.9,"p50":26047,"p99":44064,"seconds":3.2,"worst_ns":44064703},{"core":3,"floor_ns":0.38,"from_ns":{"1000":33,"10000":7,"100000":8,"50000":8},"gaps":33,"lost_us_per_s":'$lost',"p50":5707,"p99":6407,"seconds":3.2,"worst_ns":77311}],"threshold_ns":1000,"verdict":"OK"}'
END
    chmod +x "$BATS_TEST_TMPDIR/bin/vesta"
    export VESTA_BIN=$BATS_TEST_TMPDIR/bin/vesta VESTA_TUNE_REPORT_S=3 VESTA_TUNED=$BATS_TEST_TMPDIR/tuned
    run tune report
    [ "$status" -eq 0 ]
    [[ $output == *"3 role"*"900.5          -"*"77.3          -"*"6.4          -"*" 7          -"* ]]
    [[ $output == *"this is the host before"* ]]
    tune apply --stage numa
    touch "$VESTA_TUNED"
    run tune report
    [ "$status" -eq 0 ]
    [[ $output == *"3 role"*"900.5       12.2"* ]]
    run tune report --json
    python3 -c 'import json, sys
r = json.loads(sys.argv[1])
assert r["before"]["cores"][1]["lost_us_per_s"] == 900.5 and r["after"]["cores"][1]["lost_us_per_s"] == 12.25 and r["hot_cpus"] == "2-4"' "${lines[-1]}"
    printf '#!/bin/sh\necho oh >&2\nexit 3\n' >"$VESTA_BIN"
    run tune report
    [ "$status" -eq 2 ]
    [[ $output == *"vesta bench jitter failed: oh"* ]]
}
