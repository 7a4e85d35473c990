//! What the machine takes from a thread that never gives up its core: gaps between two readings of
//! the processor's counter.
//!
//! ```text
//!   read read read ........ read read      a gap: interrupt, other process, hypervisor, ...
//! ```

use super::BenchError;
use super::intervals::IntervalRecorder;
use super::report::{Interval, Series};
use super::worker::pin;
use crate::latency::Latency;
use std::time::Duration;
use vesta_netio::{Clock, StopFlag};

/// Readings between two looks at the stop flag and the clock of the wall.
const READINGS_PER_LOOK: u32 = 4_096;

/// What was found on one core.
#[derive(Clone, Debug)]
pub struct CoreGaps {
    /// Which.
    pub core: usize,
    /// For how long, ns.
    pub duration_ns: u64,
    /// Gaps of the threshold and above, by the second.
    pub intervals: Vec<Interval>,
    /// Time in all that they took, ns.
    pub lost_ns: u64,
    /// What two readings are apart at least, ns: gaps are that much longer than what was taken.
    pub floor_ns: f64,
}

impl CoreGaps {
    /// The gaps as a series: gaps in a second are its rate.
    #[must_use]
    pub fn series(&self) -> Series {
        let per_s = self.all().count() as f64 * 1e9 / self.duration_ns.max(1) as f64;
        let mut series = Series::new(format!("core-{}", self.core), per_s);
        series.intervals.clone_from(&self.intervals);
        series
    }

    /// All gaps.
    #[must_use]
    pub fn all(&self) -> Latency {
        let mut all = Latency::new();
        self.intervals.iter().for_each(|interval| all.add(&interval.latency));
        all
    }
}

/// Watches each core for as long, all at once: a thread of its own on each.
///
/// # Errors
/// When a core can not be had, or `stop` is set.
pub fn watch(
    cores: &[usize],
    threshold_ns: u64,
    span: Duration,
    stop: &StopFlag,
) -> Result<Vec<CoreGaps>, BenchError> {
    let threads: Vec<_> = cores
        .iter()
        .map(|&core| {
            let stop = stop.clone();
            std::thread::spawn(move || watch_one(core, threshold_ns, span, &stop))
        })
        .collect();
    let panicked = |_| BenchError::BrokeDown("a watching thread panicked".to_owned());
    threads.into_iter().map(|thread| thread.join().map_err(panicked)?).collect()
}

fn watch_one(
    core: usize,
    threshold_ns: u64,
    span: Duration,
    stop: &StopFlag,
) -> Result<CoreGaps, BenchError> {
    pin(Some(core))?;
    // It compares the counter with the clock when it is made.
    let counter = quanta::Clock::new();
    let clock = Clock::new();
    let one_ns = (0..1_000).map(|_| counter.delta_as_nanos(0, 1 << 20)).max().unwrap_or(1);
    let ticks_per_ns = f64::from(1 << 20) / one_ns as f64;
    let threshold = (threshold_ns as f64 * ticks_per_ns) as u64;
    let (mut lost, mut least) = (0_u64, u64::MAX);
    let start_ns = clock.mono_ns();
    let mut recorder = IntervalRecorder::new(start_ns, clock.utc_ns().0);
    let mut last = counter.raw();
    while u128::from(clock.mono_ns() - start_ns) < span.as_nanos() {
        if stop.is_stopped() {
            return Err(BenchError::Interrupted);
        }
        for _ in 0..READINGS_PER_LOOK {
            let now = counter.raw();
            let gap = now.saturating_sub(last);
            last = now;
            if gap >= threshold {
                recorder.record(clock.mono_ns(), (gap as f64 / ticks_per_ns) as u64);
                lost += gap;
                // What recording takes is not the machine's doing.
                last = counter.raw();
            }
            least = least.min(gap);
        }
    }
    let duration_ns = clock.mono_ns() - start_ns;
    Ok(CoreGaps {
        core,
        duration_ns,
        intervals: recorder.finish(start_ns + duration_ns).iter().map(Interval::from).collect(),
        lost_ns: (lost as f64 / ticks_per_ns) as u64,
        floor_ns: least as f64 / ticks_per_ns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::worker::cores;

    #[test]
    fn gaps_add_up_and_are_not_below_the_threshold() {
        let core = *cores().expect("Linux knows").last().expect("a core");
        let span = Duration::from_millis(60);
        let found = watch(&[core], 300, span, &StopFlag::new()).expect("watched");
        let gaps = &found[0];
        assert!(gaps.duration_ns >= 60_000_000);
        assert!(gaps.floor_ns < 300.0, "two readings are near: {}", gaps.floor_ns);
        assert!(gaps.lost_ns <= gaps.duration_ns, "{gaps:?}");
        let all = gaps.all();
        let histogram = all.histogram();
        assert!(histogram.is_empty() || histogram.min() >= 299, "{}", histogram.min());
        // A threshold of a second: nothing is so long, but nothing is missed for it either.
        let none = watch(&[core], 1_000_000_000, span, &StopFlag::new()).expect("watched");
        assert_eq!((none[0].lost_ns, none[0].all().count()), (0, 0));
    }
}
