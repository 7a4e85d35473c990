//! The fast book against the naive model: the same commands must give the same events, the same
//! hash and the same books.

mod common;

use common::{Generator, Pair, Seeded};

/// How many worlds the long run goes through.
const WORLD_COUNT: u64 = if cfg!(debug_assertions) { 10 } else { 150 };

/// How many steps each of them has.
const WORLD_STEP_COUNT: u64 = 2_000;

/// A seed of no meaning; any other shows every rule too.
const RUN_SEED: u64 = 20_261_121;

#[test]
fn every_rule_fires_in_a_long_run() {
    for world in 0..WORLD_COUNT {
        let mut generator = Generator::new(Seeded::new(RUN_SEED + world));
        let mut pair = Pair::new(generator.world().capacity);
        for step_index in 0..WORLD_STEP_COUNT {
            let step = generator.step().expect("a seed has no end");
            if std::env::var_os("TRACE").is_some() { eprintln!("{world} {step_index} {step:?}"); }
            let _ = pair.step(&step);
            pair.events.iter().for_each(|event| generator.saw(event));
            // Walking everything costs as much as some ten steps.
            if step_index % 16 == 0 {
                pair.check();
            }
        }
        pair.check();
    }
}
