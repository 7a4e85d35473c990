//! One pass of one scenario through the matching core, in this process.
//!
//! Commands lie in one array. [`CHUNK_LEN`] of them at a time are copied into a small buffer, which
//! is then in the first-level cache; only what is done with a chunk is measured, not the copying.
//! Each command is one step of the engine without its codec: time passes, the command is applied,
//! and each event is made in memory. The matcher of a pass is new, and has touched its memory.

use std::hint::black_box;
use vesta_engine_abi::{Rate, Ticks, allocation_count};
use vesta_matching::{EventSink, Matcher};
use vesta_types::{Command, Event, TimeNs};
use vesta_workload::{CAPACITY, CHUNK_LEN, Class, HotChunk, INSTRUMENT, Workload};

/// What a pass over all commands took.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// Nanoseconds per command.
    pub ns_per_op: f64,
    /// Allocations from the first command to the last; `None` when nobody counts them.
    pub allocations: Option<u64>,
}

/// How long single commands took, in nanoseconds; each includes two readings of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// How many there were, from 1.
    pub count: usize,
    /// Half of them took no longer.
    pub p50_ns: f64,
    /// 99 in 100 took no longer.
    pub p99_ns: f64,
    /// 999 in 1000 took no longer.
    pub p999_ns: f64,
    /// None took longer.
    pub max_ns: f64,
}

/// Percentiles over all commands, and by class.
#[derive(Clone, Debug)]
pub struct Latency {
    /// All commands.
    pub all: Percentiles,
    /// The classes that occurred.
    pub classes: Vec<(Class, Percentiles)>,
    /// What two readings of the clock, one right after the other, are apart: the median.
    pub clock_ns: f64,
}

/// What a pass that is not timed has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fills.
    pub trades: u64,
    /// Commands that were refused.
    pub rejected: u64,
}

/// Takes events and keeps none; but each is made, in memory.
struct Nobody;

impl EventSink for Nobody {
    #[inline(always)]
    fn event(&mut self, event: Event) {
        black_box(&event);
    }
}

impl EventSink for Counts {
    fn event(&mut self, event: Event) {
        match event {
            Event::Executed(_) => self.trades += 1,
            Event::Rejected(_) => self.rejected += 1,
            _ => {}
        }
    }
}

/// A matcher with the workload's instrument and sessions, and an empty book.
fn matcher_for(workload: &Workload) -> Matcher {
    let mut matcher = Matcher::new(CAPACITY);
    let defined = matcher.define(INSTRUMENT, workload.rules);
    assert_eq!(defined, Ok(()), "a workload's rules are within the matcher's");
    for (session, open_order_max) in workload.sessions() {
        let defined = matcher.define_session(session, open_order_max);
        assert_eq!(defined, Ok(()), "there is room for a workload's sessions");
    }
    matcher
}

/// Time passes with every command, as the engine has it.
fn time(at: usize) -> TimeNs {
    TimeNs(at as u64 + 1)
}

#[inline(always)]
fn step(matcher: &mut Matcher, at: usize, command: &Command) {
    matcher.advance_to(time(at), &mut Nobody);
    matcher.apply(command, &mut Nobody);
}

/// Runs the workload once, without a clock, and holds each command to what its note says.
///
/// # Errors
/// The first command that did something else.
pub fn check(workload: &Workload) -> Result<Counts, String> {
    let mut matcher = matcher_for(workload);
    let mut counts = Counts::default();
    for (at, (command, note)) in workload.commands.iter().zip(&workload.notes).enumerate() {
        let before = counts;
        matcher.advance_to(time(at), &mut counts);
        matcher.apply(command, &mut counts);
        let fills = counts.trades - before.trades;
        let refused = counts.rejected != before.rejected && note.class != Class::Cancel;
        if fills != u64::from(note.fills) || refused {
            let what = if refused { "was refused".to_owned() } else { format!("filled {fills}") };
            return Err(format!("command {at} {what}, expected {} fills: {command:?}", note.fills));
        }
    }
    Ok(counts)
}

/// Calls `each` for every command, in chunks; the ticks that took.
#[inline(always)]
fn run_chunks(commands: &[Command], mut each: impl FnMut(usize, &Command)) -> u64 {
    let mut hot = HotChunk::new();
    let (mut ticks, mut at) = (0, 0);
    for chunk in commands.chunks(CHUNK_LEN) {
        let chunk = hot.load(chunk);
        let begin = Ticks::now();
        for command in chunk {
            each(at, command);
            at += 1;
        }
        ticks += Ticks::now().since(begin);
    }
    ticks
}

/// How many commands ahead [`look_ahead`] looks: an access to memory takes as long as a few of them.
const AHEAD: usize = 4;

/// Nanoseconds per command where the matcher is told of each command [`AHEAD`] commands before.
#[inline(never)]
pub fn look_ahead(workload: &Workload) -> f64 {
    let mut matcher = matcher_for(workload);
    let mut hot = HotChunk::new();
    let rate = Rate::start();
    let (mut ticks, mut at) = (0, 0);
    for chunk in workload.commands.chunks(CHUNK_LEN) {
        let chunk = hot.load(chunk);
        let begin = Ticks::now();
        for (i, command) in chunk.iter().enumerate() {
            if let Some(coming) = chunk.get(i + AHEAD) {
                matcher.look_ahead(coming);
            }
            step(&mut matcher, at, command);
            at += 1;
        }
        ticks += Ticks::now().since(begin);
    }
    ticks as f64 * rate.ns_per_tick() / workload.commands.len() as f64
}

/// Nanoseconds per command, and the allocations.
#[inline(never)]
pub fn throughput(workload: &Workload) -> Throughput {
    let mut matcher = matcher_for(workload);
    let rate = Rate::start();
    // The place for the chunks is one allocation, and asking is one more.
    let before = allocation_count();
    let ticks = run_chunks(&workload.commands, |at, command| step(&mut matcher, at, command));
    let after = allocation_count();
    Throughput {
        ns_per_op: ticks as f64 * rate.ns_per_tick() / workload.commands.len() as f64,
        allocations: after.zip(before).map(|(after, before)| after - before - 2),
    }
}

/// Nanoseconds per command of a matcher that does nothing: what the loop itself costs.
#[inline(never)]
pub fn floor(workload: &Workload) -> f64 {
    let rate = Rate::start();
    let ticks = run_chunks(&workload.commands, |at, command| {
        black_box((at, command));
    });
    ticks as f64 * rate.ns_per_tick() / workload.commands.len() as f64
}

/// Reads the clock around each command.
#[inline(never)]
pub fn latency(workload: &Workload) -> Latency {
    let mut matcher = matcher_for(workload);
    let mut hot = HotChunk::new();
    let mut ticks: Vec<u64> = Vec::with_capacity(workload.commands.len());
    let rate = Rate::start();
    for chunk in workload.commands.chunks(CHUNK_LEN) {
        for command in hot.load(chunk) {
            let at = ticks.len();
            let begin = Ticks::now();
            step(&mut matcher, at, command);
            ticks.push(Ticks::now().since(begin));
        }
    }
    let mut clock: Vec<u64> = (0..10_001)
        .map(|_| {
            let begin = Ticks::now();
            Ticks::now().since(begin)
        })
        .collect();
    let ns_per_tick = rate.ns_per_tick();
    let of = |class: Class| {
        let of_class = ticks.iter().zip(&workload.notes).filter(|(_, note)| note.class == class);
        Percentiles::of(&mut of_class.map(|(ticks, _)| *ticks).collect::<Vec<_>>(), ns_per_tick)
            .map(|found| (class, found))
    };
    let classes = Class::ALL.into_iter().filter_map(of).collect();
    let all = Percentiles::of(&mut ticks, ns_per_tick);
    let clock = Percentiles::of(&mut clock, ns_per_tick);
    let (Some(all), Some(clock)) = (all, clock) else { unreachable!("a workload has commands") };
    Latency { all, classes, clock_ns: clock.p50_ns }
}

impl Percentiles {
    /// Of some ticks, in any order; `None` of none.
    fn of(ticks: &mut [u64], ns_per_tick: f64) -> Option<Self> {
        ticks.sort_unstable();
        let last = *ticks.last()?;
        // Nearest rank: the smallest that so many of 1000 do not exceed.
        let at = |per_mille: usize| {
            let rank = (ticks.len() * per_mille).div_ceil(1000);
            ticks[rank.saturating_sub(1)] as f64 * ns_per_tick
        };
        Some(Self {
            count: ticks.len(),
            p50_ns: at(500),
            p99_ns: at(990),
            p999_ns: at(999),
            max_ns: last as f64 * ns_per_tick,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_workload::Scenario;

    #[test]
    fn every_pass_gives_every_command() {
        let workload = Workload::generate(Scenario::Lobster, 3, 5_000);
        let counts = check(&workload).expect("notes that hold");
        let fills: u64 = workload.notes.iter().map(|note| u64::from(note.fills)).sum();
        assert_eq!(counts.trades, fills);
        let mut at_last = 0;
        run_chunks(&workload.commands, |at, command| {
            assert_eq!(*command, workload.commands[at]);
            at_last = at;
        });
        assert_eq!(at_last, 4_999);
        assert!(throughput(&workload).ns_per_op > 0.0);
        assert!(look_ahead(&workload) > 0.0);
        let found = latency(&workload);
        assert_eq!(found.all.count, 5_000);
        assert_eq!(found.classes.iter().map(|class| class.1.count).sum::<usize>(), 5_000);
    }

    #[test]
    fn a_wrong_note_is_named() {
        let mut workload = Workload::generate(Scenario::Lobster, 3, 5_000);
        workload.notes[4_321].fills += 1;
        let wrong = check(&workload).expect_err("a note that does not hold");
        assert!(wrong.starts_with("command 4321 filled"), "{wrong}");
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        assert_eq!(Percentiles::of(&mut [], 1.0), None);
        let mut ticks: Vec<u64> = (1..=1000).rev().collect();
        let found = Percentiles::of(&mut ticks, 0.5).expect("some");
        assert_eq!((found.p50_ns, found.p99_ns, found.p999_ns), (250.0, 495.0, 499.5));
        assert_eq!((found.count, found.max_ns), (1000, 500.0));
    }
}
