//! The fast book against the naive model: the same commands must give the same events, the same
//! hash and the same books.

mod common;
mod coverage;

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use common::{Generator, Pair, STEP_BYTES, Seeded, Source, run_bytes};
use coverage::{Before, Coverage};

/// How many worlds the long run goes through. Without optimization it is too slow to show everything.
const WORLD_COUNT: u64 = if cfg!(debug_assertions) { 40 } else { 1_200 };

/// How many steps each of them has.
const WORLD_STEP_COUNT: u64 = 2_000;

/// A seed of no meaning.
const RUN_SEED: u64 = 20_261_121;

/// Runs a world for so many steps, or says at which step what went wrong.
fn run_world(seed: u64, step_count: u64, coverage: &mut Coverage) -> Result<Pair, u64> {
    let mut generator = Generator::new(Seeded::new(seed));
    let mut pair = Pair::new(generator.world().capacity);
    for step_index in 0..step_count {
        let step = generator.step().expect("a seed has no end");
        let before = Before::new(&pair.model);
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            let said = pair.step(&step);
            let fired = before.fired(&step, said, &pair.expected, &pair.model);
            coverage.step(&step, said, &fired);
            coverage.events(&pair.expected);
            // Walking everything costs as much as some ten steps.
            if step_index % 16 == 0 {
                pair.check();
            }
        }));
        if stepped.is_err() {
            return Err(step_index);
        }
        pair.events.iter().for_each(|event| generator.saw(event));
    }
    Ok(pair)
}

/// What the environment says instead: to look further for differences than there is time for in a test.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().expect("a number"))
}

#[test]
fn every_rule_fires_in_a_long_run() {
    let mut coverage = Coverage::new();
    let first = setting("VESTA_SEED", RUN_SEED);
    for seed in first..first + setting("VESTA_WORLDS", WORLD_COUNT) {
        if let Err(step_index) = run_world(seed, WORLD_STEP_COUNT, &mut coverage) {
            // What the two agreed on before.
            if let Ok(pair) = run_world(seed, step_index, &mut coverage) {
                eprintln!("{}", pair.picture());
            }
            panic!("the two differ at step {step_index} of the world of seed {seed}");
        }
    }
    coverage.report(!cfg!(debug_assertions));
}

/// How many byte strings are replayed, as the fuzz target would.
const REPLAY_COUNT: u64 = if cfg!(debug_assertions) { 300 } else { 4_000 };

#[test]
fn bytes_of_no_meaning_give_the_same_answers() {
    for seed in 0..REPLAY_COUNT {
        let mut source = Seeded::new(RUN_SEED ^ seed << 32);
        let step_count = source.below(150) as usize;
        let bytes: Vec<u8> = (0..step_count * STEP_BYTES / 8)
            .flat_map(|_| source.below(u64::MAX).to_le_bytes())
            .collect();
        if catch_unwind(|| run_bytes(&bytes)).is_err() {
            panic!("the two differ on the bytes of {seed}");
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(debug_assertions) { 64 } else { 2_000 },
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

/// A step's bytes. Most numbers are small: shrunk, they are what is usual.
fn step_bytes() -> impl Strategy<Value = [u8; STEP_BYTES]> {
    prop::array::uniform32(any::<u8>())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_commands_give_the_same_answers(
        world in step_bytes(),
        steps in prop::collection::vec(step_bytes(), 1..150),
    ) {
        let mut bytes = world.to_vec();
        bytes.extend(steps.iter().flatten());
        run_bytes(&bytes);
    }
}
