//! The fast book against the naive model: the same commands must give the same events, the same
//! hash and the same books.

mod common;
mod coverage;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Generator, Pair, Seeded};
use coverage::{Before, Coverage};

/// How many worlds the long run goes through.
const WORLD_COUNT: u64 = if cfg!(debug_assertions) { 10 } else { 600 };

/// How many steps each of them has.
const WORLD_STEP_COUNT: u64 = 2_000;

/// A seed of no meaning; any other shows every rule too.
const RUN_SEED: u64 = 20_261_121;

/// Runs a world for so many steps, or says at which step what went wrong.
fn run_world(
    seed: u64,
    step_count: u64,
    coverage: &mut Coverage,
) -> Result<Pair, (u64, Pair)> {
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
            return Err((step_index, pair));
        }
        pair.events.iter().for_each(|event| generator.saw(event));
    }
    Ok(pair)
}

#[test]
fn every_rule_fires_in_a_long_run() {
    let mut coverage = Coverage::new();
    for seed in RUN_SEED..RUN_SEED + WORLD_COUNT {
        if let Err((step_index, _)) = run_world(seed, WORLD_STEP_COUNT, &mut coverage) {
            // What the two agreed on before.
            if let Ok(pair) = run_world(seed, step_index, &mut coverage) {
                eprintln!("{}", pair.picture());
            }
            panic!("the two differ at step {step_index} of the world of seed {seed}");
        }
    }
    coverage.report();
}
