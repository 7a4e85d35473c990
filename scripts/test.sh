#!/usr/bin/env bash
# Every check that continuous integration makes, as stages with their times; called by `make test`,
# after scripts/setup.sh. `scripts/test.sh STAGE...` runs only those, and `--list` names them.
#
# Goes on after a failed stage, and exits 1 at the end if one failed or a test was skipped that
# tests/allowed-skips.toml does not admit. What each stage wrote is in <target>/test-logs.
#
# All stages that need Aeron use one profile and one selection of packages (--release --workspace):
# another would make cargo build Aeron's C code, which takes most of a minute, a second time. The
# pure crates are tested once more in the dev profile, for the debug assertions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
logs=$target/test-logs
# A test may run for long, but not for ever: seconds for one stage.
readonly STAGE_MAX_S=900
readonly SKIPS=tests/allowed-skips.toml
readonly PURE=(vesta-types vesta-wire vesta-matching vesta-model vesta-transport vesta-config
    vesta-sequencer vesta-engine vesta-gateway vesta-md-publisher)
readonly STAGES=(fmt shell deny clippy pure fuzz build test debug loom miri doc instructions
    namespaces demo infra)

# Setup has fetched everything: a stage that wants the network is a mistake.
export CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never
export PATH=$PWD/target/tools/bin:$PATH
export VESTA_DATA=${VESTA_DATA:-$PWD/../shared/data}

packages=()
for name in "${PURE[@]}"; do packages+=(-p "$name"); done

stage_fmt() { cargo fmt --all --check; }

# Parts of vesta-tune only make sense as one program, as which the stage infra looks at them.
stage_shell() {
    git ls-files -z '*.sh' .ci/run ':!tuning/lib' ':!tuning/stages' | xargs -0 shellcheck
}

stage_deny() { cargo-deny --offline --locked check --hide-inclusion-graph bans licenses sources; }

stage_clippy() {
    cargo clippy --release --locked --workspace --all-targets --all-features -- -D warnings
}

# The state machines without their runners: what the simulator will run.
stage_pure() {
    cargo clippy --release --locked "${packages[@]}" --no-default-features --lib -- -D warnings
}

# The fuzz target, a workspace of its own: that it compiles. What it runs, byte strings through the
# decoder of the property tests, vesta-matching's tests do. Nothing is linked, so libFuzzer itself need not
# be compiled: its build script takes the name of a library instead.
stage_fuzz() {
    CUSTOM_LIBFUZZER_PATH=/nowhere/libFuzzer.a cargo check --locked --manifest-path fuzz/Cargo.toml \
        --target-dir "$target/fuzz"
}

stage_build() { cargo build --release --locked --workspace --bins; }

# Unit, model and integration tests. The namespaces tests have a stage of their own.
stage_test() {
    cargo test --release --locked --no-fail-fast --workspace --tests -- \
        --show-output --skip netns_
}

stage_debug() {
    cargo test --locked --no-fail-fast "${packages[@]}" --no-default-features --tests -- \
        --show-output
}

# The ring, through every order in which its two sides can meet. The flag goes to all that is
# compiled, so that it is built apart.
stage_loom() {
    CARGO_TARGET_DIR=$target/loom RUSTFLAGS='--cfg loom' \
        cargo test --release --locked -p vesta-hotmem --lib loom_ -- --show-output
}

has_miri() { cargo +nightly miri --version >/dev/null 2>&1; }

# What of the shared memory an interpreter that checks every access can run.
stage_miri() {
    if ! has_miri; then
        echo "SKIP miri: it comes with nightly toolchains only, and there is none (rustup toolchain" \
            "install nightly --component miri)"
        return
    fi
    CARGO_TARGET_DIR=$target/miri cargo +nightly miri test --locked -p vesta-hotmem --lib miri_
}

# Doc examples, and links in the documentation that lead nowhere.
stage_doc() {
    cargo test --release --locked --no-fail-fast --workspace --doc -- --show-output
    RUSTDOCFLAGS='-D warnings' cargo doc --release --locked --workspace --no-deps
}

counts_instructions() { command -v valgrind >/dev/null && [[ $(uname -m) == x86_64 ]]; }

# Instructions per command in the matching core, within the bounds that are recorded there.
stage_instructions() {
    if ! counts_instructions; then
        echo "SKIP instructions: no valgrind, or another CPU than x86-64, for which the bounds are"
        return
    fi
    # Valgrind does not know all instructions of this machine's CPU: build for the baseline.
    env -u RUSTFLAGS GUNGRAUN_COLOR=never cargo bench --locked -p vesta-instructions
}

# Real processes on multicast between network namespaces: one at a time, they share the machine.
stage_namespaces() {
    cargo test --release --locked --no-fail-fast --workspace --tests -- \
        --show-output --test-threads=1 netns_
}

# The whole appliance on real order flow. What it prints on its last line is checked by its own
# exit code: 0 only when every answer came once and all the books agree.
stage_demo() {
    local input=$VESTA_DATA/lobster/AAPL_level10_message.csv
    if [[ ! -f $input ]]; then
        echo "SKIP real_data_demo: $input (VESTA_DATA) is not there"
        return
    fi
    "$target/release/vesta" demo --input "lobster:$input" --loop --orders 50000 --json
}

# What is around the product: tuning, terraform/ and deploy/. Its last line is its count.
stage_infra() { scripts/infra/test.sh; }

now_ms() { date +%s%3N; }

seconds() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# True where a temporary file can be made to refuse writes.
can_be_immutable() {
    local file code=0
    file=$(mktemp)
    chattr +i "$file" 2>/dev/null || code=1
    chattr -i "$file" 2>/dev/null || true
    rm -f "$file"
    return "$code"
}

# The condition that an entry of allowed-skips.toml names.
holds() {
    case $1 in
    data-absent) [[ ! -d $VESTA_DATA ]] ;;
    not-root) ((EUID != 0)) ;;
    no-ipv6) ! grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null ;;
    not-counted) ! counts_instructions ;;
    aeronmd-unset) [[ -z ${VESTA_AERONMD:-} ]] ;;
    no-miri) ! has_miri ;;
    terraform-absent) ! command -v terraform >/dev/null ;;
    always) true ;;
    no-cpuidle) ! grep -q -v -x 0 /sys/devices/system/cpu/cpu1/cpuidle/state*/latency 2>/dev/null ;;
    one-cpu) (($(nproc) < 2)) ;;
    hugetlbfs-mounted) grep -q -w hugetlbfs /proc/mounts ;;
    no-immutable) ! can_be_immutable ;;
    no-governor) [[ ! -e /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor ]] ;;
    no-nvme) ! compgen -G '/sys/block/nvme*' >/dev/null ;;
    no-cpuset) ! grep -qsw cpuset /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup/unified/cgroup.controllers ;;
    not-built) [[ ! -x ${VESTA_BIN:-$target/release/vesta} ]] ;;
    *)
        echo "$SKIPS: nobody knows the condition '$1'" >&2
        return 1
        ;;
    esac
}

# Reads the entries, each as "name condition".
allowed_skips() {
    awk -F '"' '/^\[\[skip\]\]/ { name = "" } /^name *=/ { name = $2 }
        /^when *=/ { if (name != "") print name, $2 }' "$SKIPS"
}

skip_is_allowed() {
    local pattern condition
    while read -r pattern condition; do
        # shellcheck disable=SC2053 # the right side is a pattern, on purpose
        if [[ $1 == $pattern ]] && holds "$condition"; then return 0; fi
    done < <(allowed_skips)
    return 1
}

# Adds up one field ("passed", "failed" or "ignored") of cargo test's result lines in a log.
count() {
    sed -n -E "s/^test result: .* ([0-9]+) $1;.*/\\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

# One field ("ok", "failed", "skipped") of the line with which scripts/infra/test.sh ends.
count_infra() {
    sed -n -E "/\"knobs_real\":/ s/^\{.*\"$1\":([0-9]+).*/\\1/p" "$2" | awk '{ n = $1 } END { print n + 0 }'
}

child=
stop() {
    # `timeout` hands the signal on to all that it started.
    [[ -z $child ]] || kill -TERM "$child" 2>/dev/null || true
    exit 130
}
trap stop INT TERM

passed=0 failed=0 skipped=0
bad_stages=() bad_skips=() summary=()

run_stage() {
    local stage=$1 log=$logs/$1.log start end code=0 verdict=ok skip name
    printf '%-12s ' "$stage"
    start=$(now_ms)
    timeout --kill-after=10 "$STAGE_MAX_S" "$0" --inner "$stage" >"$log" 2>&1 </dev/null &
    child=$!
    wait "$child" || code=$?
    child=
    end=$(now_ms)

    local skips=()
    while IFS= read -r skip; do skips+=("$skip"); done \
        < <(sed -n -E 's/^(test .* \.\.\. | *)SKIP //p' "$log" | sort -u)
    for skip in "${skips[@]}"; do
        name=${skip%%: *}
        if ! skip_is_allowed "$name"; then
            bad_skips+=("$stage: $skip")
            verdict=FAILED
        fi
    done
    local stage_passed stage_failed ignored
    stage_passed=$(count passed "$log")
    stage_failed=$(count failed "$log")
    ignored=$(count ignored "$log")
    # To cargo a test that said SKIP has passed; a skip of a whole stage is no test of cargo's.
    local skipped_tests=$((${#skips[@]} < stage_passed ? ${#skips[@]} : stage_passed))
    if [[ $stage == infra ]]; then
        # Which counts for itself, and its skips apart.
        stage_passed=$(count_infra ok "$log")
        stage_failed=$(count_infra failed "$log")
        skipped_tests=0
    fi
    passed=$((passed + stage_passed - skipped_tests))
    failed=$((failed + stage_failed))
    skipped=$((skipped + ignored + ${#skips[@]}))
    if ((ignored > 0)); then
        bad_skips+=("$stage: $ignored ignored")
        verdict=FAILED
    fi

    # A name that changed must not turn a stage into one that tests nothing.
    if [[ " test debug loom namespaces infra " == *" $stage "* ]] &&
        ((stage_passed + stage_failed + ${#skips[@]} == 0)); then
        echo "stage $stage found no test to run" >>"$log"
        code=1
    fi
    if ((code == 124 || code == 137)); then
        echo "stage $stage took longer than $STAGE_MAX_S s" >>"$log"
    fi
    ((code == 0)) || verdict=FAILED
    [[ $verdict == ok ]] || bad_stages+=("$stage")
    printf '%-6s %7s s\n' "$verdict" "$(seconds $((end - start)))"
    summary+=("$(printf '%-12s %-6s %7s s  %d passed, %d failed, %d skipped' "$stage" "$verdict" \
        "$(seconds $((end - start)))" $((stage_passed - skipped_tests)) "$stage_failed" \
        $((ignored + ${#skips[@]})))")
    for skip in "${skips[@]}"; do printf '    SKIP %s\n' "$skip"; done
    if ((code != 0)); then
        printf -- '---- from %s ----\n' "$log"
        if [[ $stage == infra ]]; then
            sed -n '/^FAILED /,/^----$/p' "$log" | head -n 200
        elif ((stage_failed > 0)); then
            awk '/^failures:$/ { on = 1 } /^test result: FAILED/ { print; on = 0 } on' "$log" |
                head -n 200
        else
            tail -n 60 "$log"
        fi
        printf -- '----\n'
    fi
}

if [[ ${1:-} == --list ]]; then
    printf '%s\n' "${STAGES[@]}"
    exit 0
elif [[ ${1:-} == --inner ]]; then
    # One stage, in a process of its own: `set -e` holds inside it, and it can be stopped whole.
    "stage_$2"
    exit 0
fi

wanted=("$@")
((${#wanted[@]} > 0)) || wanted=("${STAGES[@]}")
for stage in "${wanted[@]}"; do
    if ! declare -F "stage_$stage" >/dev/null; then
        echo "no stage is called '$stage': ${STAGES[*]}" >&2
        exit 2
    fi
done

mkdir -p "$logs"
start=$(now_ms)
for stage in "${wanted[@]}"; do run_stage "$stage"; done

printf '\n'
printf '%s\n' "${summary[@]}"
printf '%-12s        %7s s\n' total "$(seconds $(($(now_ms) - start)))"
for skip in "${bad_skips[@]}"; do echo "not in $SKIPS, or its condition does not hold: $skip"; done
((${#bad_stages[@]} == 0)) || echo "failed: ${bad_stages[*]}; logs in $logs"
echo "$passed passed, $failed failed, $skipped skipped"
((${#bad_stages[@]} == 0))
