#!/usr/bin/env bats
# What may go wrong on the way: writes that do not hold, interruptions, a spoiled state, a boot in between; on a fake root.

load fake

setup() { make_root; }

# ONLY gets the words that choose these stages.
only() {
    local stage
    ONLY=()
    for stage in "$@"; do ONLY+=(--stage "$stage"); done
}

@test "a write that does not stick is an error, with its command, and the others are applied" {
    put fake/cards/eth1.stuck rx-usecs
    run tune apply --stage coalescing
    [ "$status" -eq 2 ]
    [[ $output == *"error"*"eth1 rx-usecs"*"the write did not stick"* ]]
    [[ $output == *"fix: ethtool -C eth1 rx-usecs 0"* ]]
    [ "$(get fake/cards/eth1.c.tx-usecs)" = 0 ]
    tune undo
    assert_as_before_without fake/cards/eth1.stuck
}

@test "a write that is refused is an error" {
    mkdir -p "$ROOT/etc/security/limits.d/60-vesta.conf"
    run tune apply --stage limits
    [ "$status" -eq 2 ]
    [[ $output == *"can not"*"60-vesta.conf"* ]]
}

@test "an interrupt that refuses is counted apart, and check knows it" {
    chattr +i "$ROOT/proc/irq/25/smp_affinity_list" 2>/dev/null || skip "no_immutable_files: this file system has no files that refuse"
    run tune apply --stage irq
    chattr -i "$ROOT/proc/irq/25/smp_affinity_list"
    [ "$status" -eq 0 ]
    [[ $output == *"1 unsupported, 0 error"* ]]
    run tune check --stage irq
    [ "$status" -eq 0 ]
    [[ $output == *"/proc/irq/25/smp_affinity_list"*"the kernel manages it"* ]]
    # Once it takes the write it is like the others.
    run tune apply --stage irq
    [[ $output == *"0 unsupported, 0 error; 1 changed"* ]]
    tune undo
    assert_as_before
}

@test "what the kernel lacks is unsupported, and no failure" {
    rm -r "$ROOT/sys/kernel/mm/ksm" "$ROOT/proc/sys/kernel/numa_balancing"
    put fake/cards/eth1.without $'c\ng\nl'
    rm "$ROOT/usr/sbin/chronyd" "$ROOT/usr/sbin/irqbalance"
    put sys/fs/cgroup/cgroup.controllers 'cpu memory'
    only thp numa channels rings coalescing irqbalance cpuset time
    run tune apply "${ONLY[@]}"
    [ "$status" -eq 0 ]
    [[ $output == *" 0 error"* ]]
    local stage
    for stage in thp numa coalescing rings channels time irqbalance cpuset; do
        [[ $(states) == *"$stage unsupported"* ]]
    done
    run tune apply --stage numa
    [ "$status" -eq 0 ]
}

@test "interrupted between two writes: undo brings back what was, apply goes on" {
    # The card's tool stops the run in the middle, as Ctrl-C does.
    local signal
    for signal in INT TERM HUP KILL; do
        mv "$ROOT/usr/sbin/ethtool" "$ROOT/usr/sbin/ethtool.real"
        # shellcheck disable=SC2016 # it is the script that expands
        printf '#!/usr/bin/env bash\n[[ $1 != -C ]] || { kill -%s "$(<%q)"; sleep 0.1; }\nexec "$0.real" "$@"\n' \
            "$signal" "$ROOT/run/vesta-tune/lock" >"$ROOT/usr/sbin/ethtool"
        chmod +x "$ROOT/usr/sbin/ethtool"
        only thp numa limits coalescing workqueue
        run tune apply "${ONLY[@]}"
        [ "$status" -ne 0 ]
        if [ "$signal" != KILL ]; then
            [ "$status" -eq 2 ]
            [[ $output == *"interrupted in stage coalescing after "*"undo"* ]]
            [ ! -e "$ROOT/run/vesta-tune/lock" ]
        fi
        mv "$ROOT/usr/sbin/ethtool.real" "$ROOT/usr/sbin/ethtool"
        # Half of it is done.
        [ "$(get proc/sys/kernel/numa_balancing)" = 0 ]
        [ "$(get proc/sys/vm/stat_interval)" = 1 ]
        run tune undo
        [ "$status" -eq 0 ]
        assert_as_before
    done
}

@test "a value that can not be saved is not changed" {
    # As on a full disk: the folder of what was is not to be had.
    mkdir -p "$ROOT/run/vesta-tune"
    : >"$ROOT/run/vesta-tune/saved"
    run tune apply --stage numa
    [ "$status" -eq 2 ]
    [[ $output == *"the value from before can not be saved"* ]]
    assert_as_before
    rm "$ROOT/run/vesta-tune/saved"
    tune apply --stage numa
    [ "$(get proc/sys/kernel/numa_balancing)" = 0 ]
}

@test "a spoiled value from before stops apply and undo, with nothing changed" {
    tune apply --stage numa --stage thp
    snapshot >"$BATS_TEST_TMPDIR/applied"
    local entry how
    entry=$(grep -l numa_balancing "$ROOT"/run/vesta-tune/saved/*)
    cp "$entry" "$BATS_TEST_TMPDIR/entry"
    for how in 's/prior 1/prior 2/' '7d' '1s/saved/gone/' 's/^kind file/kind nothing/' d; do
        sed -i "$how" "$entry"
        run tune undo
        [ "$status" -eq 2 ]
        [[ $output == *"saved state: $entry: "*"Nothing was changed"* ]]
        run tune apply
        [ "$status" -eq 2 ]
        snapshot | diff "$BATS_TEST_TMPDIR/applied" -
        # It is no matter to check.
        run tune check --stage numa
        [ "$status" -eq 0 ]
        cp "$BATS_TEST_TMPDIR/entry" "$entry"
    done
    tune undo
    assert_as_before
}

@test "a value that can not be brought back is an error, and is not forgotten" {
    tune apply --stage coalescing
    put fake/cards/eth1.stuck rx-usecs
    run tune undo
    [ "$status" -eq 2 ]
    [[ $output == *"the value from before did not stick"* ]]
    rm "$ROOT/fake/cards/eth1.stuck"
    run tune undo
    [ "$status" -eq 0 ]
    [[ $output == *"1 brought back" ]]
    assert_as_before
}

@test "what is gone when undo comes is counted apart, and forgotten" {
    tune apply --stage irq
    rm -r "$ROOT/proc/irq/25"
    run tune undo
    [ "$status" -eq 0 ]
    [[ $output == *"1 unsupported"*"it is no longer there"* || $output == *"it is no longer there"*"1 unsupported"* ]]
    [ -z "$(ls "$ROOT/run/vesta-tune/saved")" ]
}

@test "a command that makes a file take effect is run again until it works" {
    put fake/fails update-grub
    run tune apply --stage cmdline
    [ "$status" -eq 2 ]
    [[ $output == *"update-grub failed"* ]]
    # The file is right, but not in force.
    run tune check --stage cmdline
    [[ $output == "drift"*"60-vesta.cfg"* ]]
    rm "$ROOT/fake/fails"
    : >"$ROOT/fake/log"
    run tune apply --stage cmdline
    [ "$status" -eq 1 ]
    grep -q -x 'update-grub ' "$ROOT/fake/log"
    : >"$ROOT/fake/log"
    run tune apply --stage cmdline
    refute grep -q update-grub "$ROOT/fake/log"
    tune undo
    grep -q -x 'update-grub ' "$ROOT/fake/log"
    assert_as_before
}

@test "after a boot: what it forgot is applied again, what it kept can still be undone" {
    only cmdline numa limits irqbalance time
    tune apply "${ONLY[@]}" || true
    # A boot empties /run and gives the kernel's values back; files in /etc stay.
    rm -r "$ROOT/run/vesta-tune"
    put proc/sys/kernel/numa_balancing 1
    run tune check --stage numa
    [ "$status" -eq 1 ]
    tune apply --stage numa
    tune undo
    [ ! -e "$ROOT/etc/default/grub.d/60-vesta.cfg" ]
    [ ! -e "$ROOT/etc/chrony/conf.d/60-vesta.conf" ]
    [ "$(get proc/sys/kernel/numa_balancing)" = 1 ]
}

@test "one at a time; a lock that a dead process left is taken over" {
    local lock=$ROOT/run/vesta-tune/lock
    put run/vesta-tune/lock $$
    exec 7>>"$lock"
    flock -n 7
    run tune apply --stage numa
    [ "$status" -eq 2 ]
    [[ $output == *"another vesta-tune is at work here: process $$"* ]]
    # What is written there is for people: a process of this number may be anybody by now.
    exec 7>&-
    run tune apply --stage numa
    [ "$status" -eq 0 ]
    [ ! -e "$lock" ]
}

@test "of several that find the lock of a dead process one works, and never two at a time" {
    local n codes=()
    mv "$ROOT/usr/sbin/ethtool" "$ROOT/usr/sbin/ethtool.real"
    # shellcheck disable=SC2016 # it is the script that expands
    printf '%s\n' '#!/usr/bin/env bash' 'mkdir "${0%/*}/../../fake/inside" || echo two >>"${0%/*}/../../fake/two"' \
        '"$0.real" "$@"' 'code=$?' 'rmdir "${0%/*}/../../fake/inside"' 'exit $code' >"$ROOT/usr/sbin/ethtool"
    chmod +x "$ROOT/usr/sbin/ethtool"
    # Above what the kernel gives to any process.
    put run/vesta-tune/lock 4194305
    for n in 1 2 3 4 5 6; do
        tune apply --stage coalescing >"$BATS_TEST_TMPDIR/out.$n" 2>&1 3>&- &
        codes+=($!)
    done
    local worked=0 refused=0 code
    for n in "${codes[@]}"; do
        code=0
        wait "$n" || code=$?
        case $code in
        0) worked=$((worked + 1)) ;;
        2) refused=$((refused + 1)) ;;
        esac
    done
    cat "$BATS_TEST_TMPDIR"/out.*
    [ ! -e "$ROOT/fake/two" ]
    [ "$worked" -ge 1 ]
    [ $((worked + refused)) -eq 6 ]
    [ "$(grep -l 'at work here' "$BATS_TEST_TMPDIR"/out.* | wc -l)" -eq "$refused" ]
    rm "$ROOT/usr/sbin/ethtool"
    mv "$ROOT/usr/sbin/ethtool.real" "$ROOT/usr/sbin/ethtool"
    tune undo
    assert_as_before
}

@test "a file that was there already comes back to the last byte, with its mode" {
    local file=$ROOT/etc/security/limits.d/60-vesta.conf text
    mkdir -p "${file%/*}"
    for text in '\n\n# ours\n\n\n' '# ours, \\n and %%s' '\n' ''; do
        # shellcheck disable=SC2059 # escapes are meant
        printf "$text" >"$file"
        chmod 0600 "$file"
        cp -p "$file" "$BATS_TEST_TMPDIR/before"
        tune apply --stage limits
        grep -q '^@vesta - memlock unlimited$' "$file"
        [ "$(stat -c %a "$file")" = 600 ]
        tune undo
        cmp "$file" "$BATS_TEST_TMPDIR/before"
        [ "$(stat -c %a "$file")" = 600 ]
    done
    rm "$file"
    tune apply --stage limits
    [ "$(stat -c %a "$file")" = 644 ]
    tune undo
    [ ! -e "$file" ]
}

# The same as assert_as_before, but for one file.
assert_as_before_without() {
    diff <(unbracketed <"$VALUES_BEFORE") <(snapshot | grep -v "^./$1:" | unbracketed)
}
