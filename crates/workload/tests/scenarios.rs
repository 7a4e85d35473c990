//! Each scenario against the matching core: that what the notes predict is what happens, that it is
//! what its name says, and that a seed stays the same commands.

mod figures;

use figures::Figures;
use vesta_types::state_hash::hash_words;
use vesta_workload::{Class, FlatKind, Scenario, Workload};

const COUNT: usize = 300_000;

fn run(scenario: Scenario) -> (Workload, Figures) {
    let workload = Workload::generate(scenario, 1, COUNT);
    let figures = Figures::of(&workload);
    (workload, figures)
}

#[test]
fn show() {
    for scenario in Scenario::ALL {
        let (_, figures) = run(scenario);
        println!("{scenario}: {figures:?}");
    }
}
