//! How many instructions the matching core takes for a command, by class: on the scenario `lobster`,
//! and on `lobster-long`, where orders live long. `scripts/test.sh instructions` runs it, which is
//! `cargo bench -p vesta-instructions`.
//!
//! On a machine with neighbours a time says little; the number of instructions is the same in each
//! run, to a few in a million. Callgrind counts those of [`counted`], all that it calls included,
//! for [`COUNTED`] commands of a class, spread evenly over the scenario; all other commands are
//! applied without being counted. So an `Instructions` of 800,000 is 400 for each command.
//!
//! It is built for the baseline CPU, not for this one: valgrind does not know every instruction that
//! a new CPU has. Instructions do not see cache misses and mispredicted branches: `vesta bench
//! matching` does.
//!
//! # When it fails
//! A class takes 5 % more instructions than [`BOUNDS`] says. Find out why; if it is worth it, put
//! the new number there, in the commit that causes it. When a change makes a class cheaper, lower its
//! number, or else the next loss goes unseen.
#![allow(missing_docs, reason = "gungraun's macros make public modules and functions")]

use gungraun::{
    Callgrind, EntryPoint, EventKind, LibraryBenchmarkConfig, library_benchmark,
    library_benchmark_group, main,
};
use std::hint::black_box;
use vesta_matching::{EventSink, Matcher};
use vesta_types::{Command, Event, TimeNs};
use vesta_workload::{CAPACITY, Class, INSTRUMENT, Scenario, Workload};

use Scenario::{Lobster, LobsterLong};

/// Instructions for one command, time included: [`counted`]. Rust 1.95, release profile with
/// overflow checks, x86-64 baseline.
const BOUNDS: [(Scenario, Class, u64); 6] = [
    (Lobster, Class::New, 315),
    (Lobster, Class::Taker, 609),
    (Lobster, Class::Cancel, 207),
    (Lobster, Class::Replace, 319),
    (LobsterLong, Class::New, 384),
    (LobsterLong, Class::Cancel, 228),
];
/// By how much a class may exceed its bound, in percent. Less: another version of a compiler or
/// allocator would do it; more: a loss that can be felt passes.
const SLACK_PERCENT: u64 = 5;

/// Commands that are counted of each class.
const COUNTED: usize = 2_000;
/// Commands of the scenario: enough for so many of the rarest class, few enough for valgrind, which
/// is some 50 times slower than the machine.
const COMMANDS: usize = 80_000;
/// Commands before the first that is counted, in which the book fills up.
const WARM_UP: usize = 20_000;
const SEED: u64 = 1;

/// Takes events and keeps none; but each is made, in memory.
struct Nobody;

impl EventSink for Nobody {
    #[inline(always)]
    fn event(&mut self, event: Event) {
        black_box(&event);
    }
}

pub struct Run {
    matcher: Matcher,
    workload: Workload,
    /// For each command, whether it is counted.
    is_counted: Vec<bool>,
}

/// A matcher with an empty book, and a plan.
fn ready(scenario: Scenario, class: Class) -> Run {
    let workload = Workload::generate(scenario, SEED, COMMANDS);
    let mut matcher = Matcher::new(CAPACITY);
    matcher.define(INSTRUMENT, workload.rules).expect("an instrument that can be defined");
    for (session, open_order_max) in workload.sessions() {
        matcher.define_session(session, open_order_max).expect("room for the session");
    }
    let is_of_class = |at: &usize| workload.notes[*at].class == class;
    let of_class: Vec<usize> = (WARM_UP..COMMANDS).filter(is_of_class).collect();
    assert!(of_class.len() >= COUNTED, "{} of class {}", of_class.len(), class.name());
    let mut is_counted = vec![false; COMMANDS];
    for nth in 0..COUNTED {
        is_counted[of_class[nth * of_class.len() / COUNTED]] = true;
    }
    Run { matcher, workload, is_counted }
}

/// What valgrind counts: the engine's work for one record, but for the codec.
#[inline(never)]
fn counted(matcher: &mut Matcher, time: TimeNs, command: &Command) {
    matcher.advance_to(time, &mut Nobody);
    matcher.apply(command, &mut Nobody);
}

/// The same, under another name: two functions of equal code would become one.
#[inline(never)]
fn passed_over(matcher: &mut Matcher, time: TimeNs, command: &Command) {
    matcher.advance_to(time, &mut Nobody);
    matcher.apply(black_box(command), &mut Nobody);
}

fn config(scenario: Scenario, class: Class) -> LibraryBenchmarkConfig {
    let bound = BOUNDS.iter().find(|bound| (bound.0, bound.1) == (scenario, class));
    let bound = bound.expect("each benchmark has a bound").2;
    let limit = bound * COUNTED as u64 * (100 + SLACK_PERCENT) / 100;
    let mut callgrind = Callgrind::default();
    callgrind
        .entry_point(EntryPoint::Custom("*::counted".to_owned()))
        .hard_limits([(EventKind::Ir, limit)]);
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}

#[library_benchmark]
#[bench::new(args = (ready(Lobster, Class::New)), config = config(Lobster, Class::New))]
#[bench::taker(args = (ready(Lobster, Class::Taker)), config = config(Lobster, Class::Taker))]
#[bench::cancel(args = (ready(Lobster, Class::Cancel)), config = config(Lobster, Class::Cancel))]
#[bench::replace(args = (ready(Lobster, Class::Replace)), config = config(Lobster, Class::Replace))]
fn lobster(run: Run) -> Run {
    follow(run)
}

#[library_benchmark]
#[bench::new(args = (ready(LobsterLong, Class::New)), config = config(LobsterLong, Class::New))]
#[bench::cancel(args = (ready(LobsterLong, Class::Cancel)), config = config(LobsterLong, Class::Cancel))]
fn lobster_long(run: Run) -> Run {
    follow(run)
}

fn follow(run: Run) -> Run {
    let Run { mut matcher, workload, is_counted } = run;
    for (at, (command, is_counted)) in workload.commands.iter().zip(&is_counted).enumerate() {
        let time = TimeNs(at as u64 + 1);
        if *is_counted {
            counted(&mut matcher, time, command);
        } else {
            passed_over(&mut matcher, time, command);
        }
    }
    // Given back, so that dropping it is not part of the benchmark.
    Run { matcher, workload, is_counted }
}

library_benchmark_group!(name = instructions, benchmarks = [lobster, lobster_long]);
main!(library_benchmark_groups = instructions);
