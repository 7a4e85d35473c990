//! Latencies by the second in which they ended: what an interval log is made of, and what shows that a
//! run was the same from its beginning to its end.

use super::report::Interval;
use crate::latency::{Counts, Latency};
use serde::{Deserialize, Serialize};
use vesta_types::TimeNs;

/// Length of an interval, ns.
const INTERVAL_NS: u64 = 1_000_000_000;

/// One interval, in a form that travels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalCounts {
    /// When it began, UTC ns.
    pub began_ns: u64,
    /// How long it was, ns.
    pub duration_ns: u64,
    /// What was recorded.
    pub counts: Counts,
}

impl From<&IntervalCounts> for Interval {
    fn from(interval: &IntervalCounts) -> Self {
        Self {
            began: TimeNs(interval.began_ns),
            duration_ns: interval.duration_ns,
            latency: Latency::from(&interval.counts),
        }
    }
}

/// Records, and begins a new interval with each second.
#[derive(Debug)]
pub struct IntervalRecorder {
    /// UTC less monotonic, ns.
    utc_offset_ns: u64,
    /// When the interval under way began, monotonic ns.
    begin_ns: u64,
    latency: Latency,
    done: Vec<IntervalCounts>,
}

impl IntervalRecorder {
    /// Begins at `now_ns`, which is `utc_ns` on the clock of the wall.
    #[must_use]
    pub fn new(now_ns: u64, utc_ns: u64) -> Self {
        let utc_offset_ns = utc_ns.saturating_sub(now_ns);
        Self { utc_offset_ns, begin_ns: now_ns, latency: Latency::new(), done: Vec::new() }
    }

    /// Records a latency that ended at `now_ns`.
    pub fn record(&mut self, now_ns: u64, latency_ns: u64) {
        // Seconds without anything are intervals, too.
        while now_ns >= self.begin_ns + INTERVAL_NS {
            self.cut(self.begin_ns + INTERVAL_NS);
        }
        self.latency.record(latency_ns);
    }

    fn cut(&mut self, end_ns: u64) {
        self.done.push(IntervalCounts {
            began_ns: self.begin_ns + self.utc_offset_ns,
            duration_ns: end_ns.saturating_sub(self.begin_ns),
            counts: self.latency.counts(),
        });
        self.latency = Latency::new();
        self.begin_ns = end_ns;
    }

    /// All intervals, the last one up to `end_ns`.
    #[must_use]
    pub fn finish(mut self, end_ns: u64) -> Vec<IntervalCounts> {
        while end_ns > self.begin_ns + INTERVAL_NS {
            self.cut(self.begin_ns + INTERVAL_NS);
        }
        self.cut(end_ns);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_is_an_interval_and_nothing_is_lost() {
        let begin = 7 * INTERVAL_NS + 5;
        let mut recorder = IntervalRecorder::new(begin, 1_700_000_000 * INTERVAL_NS);
        for (after_ns, latency) in
            [(0, 10), (INTERVAL_NS - 1, 20), (INTERVAL_NS, 30), (3 * INTERVAL_NS + 7, 40)]
        {
            recorder.record(begin + after_ns, latency);
        }
        let intervals = recorder.finish(begin + 3 * INTERVAL_NS + 100);
        let of = |interval: &IntervalCounts| Interval::from(interval).latency.count();
        assert_eq!(intervals.iter().map(of).collect::<Vec<_>>(), [2, 1, 0, 1]);
        let began: Vec<u64> = intervals.iter().map(|i| i.began_ns / INTERVAL_NS).collect();
        assert_eq!(began, [1_700_000_000, 1_700_000_001, 1_700_000_002, 1_700_000_003]);
        let lengths: Vec<u64> = intervals.iter().map(|i| i.duration_ns).collect();
        assert_eq!(lengths, [INTERVAL_NS, INTERVAL_NS, INTERVAL_NS, 100]);
    }
}
