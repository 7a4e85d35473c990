#!/usr/bin/env bash
# Every measurement that `make bench` makes, after scripts/setup.sh: each part of the data path, the
# data path as processes (wire, link, throughput, chain, jitter, rings), the matching core on our own
# scenarios and, for longer than a test may take, against the naive model (proofs); and, where VESTA_MEB
# names a built copy of the public matching-engine-benchmark, the core in its unmodified harness and
# beside its engines.
#
# `scripts/bench.sh PART...` runs only those; PARTS below names them. Figures go to stdout, reports with
# plots to VESTA_BENCH_OUT (default <target>/bench/DATE); what they are worth depends on what else the
# machine does. docs/operating.md says how to read them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
vesta=$target/release/vesta
readonly SCENARIOS=(static normal swing-25 swing-40 flash-crash)
readonly PARTS=(jitter wire link throughput chain rings pipeline matching public proofs)
# Rounds of a comparison: VESTA_BENCH_ROUNDS.
rounds=${VESTA_BENCH_ROUNDS:-11}
# One run of the public harness, in seconds: its own alarm is at 120.
readonly HARNESS_MAX_S=150

export CARGO_NET_OFFLINE=true
export PATH=$PWD/target/tools/bin:$PATH

out=${VESTA_BENCH_OUT:-$target/bench/$(date -u +%Y%m%dT%H%M%SZ)}

# One measurement of the data path, its report in a directory of its own.
data_path() {
    local name=$1
    shift
    cargo build --release --locked --bin vesta
    "$vesta" bench "$name" "$@" --out "$out/$name" --json
}

part_jitter() { data_path jitter; }
part_wire() { data_path wire --rounds "$rounds"; }
part_link() { data_path link --rounds "$rounds"; }
part_throughput() { data_path throughput; }
part_chain() { data_path chain; }
part_rings() { data_path rings --rounds "$rounds"; }

part_pipeline() { cargo bench --locked -p vesta-benches --bench pipeline; }

part_matching() {
    cargo build --release --locked --bin vesta
    "$vesta" bench matching --repetitions "$rounds" --json
}

# The proofs of make test in their long form: the book against the naive model in other worlds, five times as
# many, and on what a fuzzer finds, where there is cargo-fuzz.
part_proofs() {
    VESTA_SEED=$(date -u +%Y%m%d000000) VESTA_WORLDS=6000 cargo test --release --locked -p vesta-matching \
        --test against_model -- every_rule_fires_in_a_long_run --nocapture
    if ! command -v cargo-fuzz >/dev/null; then
        echo "SKIP fuzz: there is no cargo-fuzz (cargo install cargo-fuzz)"
        return
    fi
    mkdir -p "$target/fuzz-corpus"
    cargo fuzz run -s none --target-dir "$target/fuzz" matching "$(realpath "$target/fuzz-corpus")" -- \
        -max_len=16384 -max_total_time=120
}

# Our core as a library behind the public C ABI, built for this machine.
build_adapter() {
    RUSTFLAGS='-C target-cpu=native' cargo rustc --locked --profile abi -p vesta-abi-adapter \
        --crate-type cdylib
}

# One run of the unmodified harness; prints what it says of speed and validity. With two cores it has to
# be told which is whose.
harness_run() {
    local scenario=$1 mode=$2 out cores=()
    (($(nproc) > 2)) || cores=(--matcher-core 0 --drainer-core 1)
    # It exits with more than 0 where its verdict is not VALID: the verdict is what is printed.
    out=$(cd "$VESTA_MEB" && timeout "$HARNESS_MAX_S" ./harness --engine "$adapter" \
        --scenario "$scenario" --mode "$mode" "${cores[@]}" 2>&1) || true
    printf '%-12s %-6s %s\n' "$scenario" "$mode" "$(grep -oE \
        'Throughput: +[0-9.]+ M|Status: \w+|State audit: \w+|Verdict: \w+' <<<"$out" | tr -s ' ' |
        paste -sd ' ')"
}

part_public() {
    if [[ -z ${VESTA_MEB:-} ]]; then
        echo "SKIP public_harness: VESTA_MEB names no built copy of the public matching-engine-benchmark"
        return
    elif [[ ! -x $VESTA_MEB/harness ]]; then
        echo "SKIP public_harness: there is no executable $VESTA_MEB/harness (VESTA_MEB)"
        return
    fi
    VESTA_MEB=$(realpath "$VESTA_MEB")
    build_adapter
    adapter=$(realpath "$target/abi/libvesta_abi.so")
    local scenario mode
    for scenario in "${SCENARIOS[@]}"; do
        for mode in perf audit; do harness_run "$scenario" "$mode"; done
    done

    cargo build --release --locked --bin vesta
    local engines=(--engine "vesta=$adapter") so orders ids
    for so in "$VESTA_MEB"/*_adapter.so; do
        [[ -e $so ]] || continue
        engines+=(--engine "$(basename "$so" _adapter.so)=$so")
    done
    for orders in "$VESTA_MEB"/orders_*_n1000000.bin; do
        [[ -e $orders ]] || continue
        for ids in '' --dense-ids; do
            echo "---- $(basename "$orders") $ids"
            # shellcheck disable=SC2086 # no argument where there is none
            "$vesta" bench abi "${engines[@]}" --orders "$orders" --repetitions "$rounds" $ids --json
        done
    done
}

wanted=("$@")
((${#wanted[@]} > 0)) || wanted=("${PARTS[@]}")
for part in "${wanted[@]}"; do
    if ! declare -F "part_$part" >/dev/null; then
        echo "no part is called '$part': ${PARTS[*]}" >&2
        exit 2
    fi
done
uname -srm
date -u +%F
git describe --always --dirty 2>/dev/null || true
for part in "${wanted[@]}"; do
    printf '\n==== %s\n' "$part"
    "part_$part"
done
