//! What the sequencer puts into the log by itself, as its stamped time passes: changes of trading
//! state by the schedule, and ticks.
//!
//! Nothing here looks at a clock: whoever asks says what time it is.

use std::collections::VecDeque;
use vesta_types::{AuctionKind, InstrumentId, TimeNs, TradingState};

/// A change of trading state at a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// How long after the first record, ns.
    pub after_ns: u64,
    /// Which instrument.
    pub instrument: InstrumentId,
    /// What it shall do.
    pub state: TradingState,
    /// For an auction call: which auction. Otherwise without meaning.
    pub auction: AuctionKind,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    State(Scheduled),
    Tick,
}

/// The timers of a sequencer; they stand still until [`start`](Self::start).
#[derive(Debug)]
pub(crate) struct Timers {
    /// In the order of time; the front is next.
    schedule: VecDeque<Scheduled>,
    /// 0 for no ticks.
    tick_interval_ns: u64,
    start: Option<TimeNs>,
    next_tick_ns: u64,
}

impl Timers {
    /// Entries of one time keep the order in which they are given.
    pub(crate) fn new(mut schedule: Vec<Scheduled>, tick_interval_ns: u64) -> Self {
        schedule.sort_by_key(|scheduled| scheduled.after_ns);
        Self { schedule: schedule.into(), tick_interval_ns, start: None, next_tick_ns: 0 }
    }

    /// The log begins now.
    pub(crate) fn start(&mut self, now: TimeNs) {
        assert!(self.start.is_none(), "a log begins once");
        self.start = Some(now);
        self.next_tick_ns = now.0.saturating_add(self.tick_interval_ns);
    }

    /// One thing that is due, the earliest entry of the schedule first, then a tick: so that what a
    /// change of state has to tell is told by the tick of the same moment. `None` when nothing is.
    pub(crate) fn pop_due(&mut self, now: TimeNs) -> Option<Due> {
        let start = self.start?;
        let passed_ns = now.0.saturating_sub(start.0);
        if let Some(scheduled) = self.schedule.pop_front_if(|s| s.after_ns <= passed_ns) {
            return Some(Due::State(scheduled));
        }
        if self.tick_interval_ns == 0 || now.0 < self.next_tick_ns {
            return None;
        }
        // Ticks that were missed are not made up for: one carries the time as well as many.
        let on_time = self.next_tick_ns.saturating_add(self.tick_interval_ns);
        self.next_tick_ns =
            if on_time > now.0 { on_time } else { now.0.saturating_add(self.tick_interval_ns) };
        Some(Due::Tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: TimeNs = TimeNs(1_700_000_000_000_000_000);

    fn at(after_ns: u64, state: TradingState) -> Scheduled {
        let (instrument, auction) = (InstrumentId(1), AuctionKind::Opening);
        Scheduled { after_ns, instrument, state, auction }
    }

    fn due(timers: &mut Timers, after_ns: u64) -> Vec<Due> {
        std::iter::from_fn(|| timers.pop_due(TimeNs(START.0 + after_ns))).collect()
    }

    fn started(schedule: Vec<Scheduled>, tick_interval_ns: u64) -> Timers {
        let mut timers = Timers::new(schedule, tick_interval_ns);
        assert_eq!(timers.pop_due(TimeNs(u64::MAX)), None, "not before the log begins");
        timers.start(START);
        timers
    }

    #[test]
    fn ticks_come_at_the_interval_and_are_not_made_up_for() {
        let mut timers = started(vec![], 100);
        for (after_ns, ticks) in
            [(0, 0), (99, 0), (100, 1), (100, 0), (199, 0), (205, 1), (299, 0), (300, 1), (999, 1)]
        {
            assert_eq!(due(&mut timers, after_ns), vec![Due::Tick; ticks], "{after_ns}");
        }
        assert_eq!(due(&mut timers, 1_098), []);
        assert_eq!(due(&mut timers, 1_099), [Due::Tick]);
    }

    #[test]
    fn no_interval_no_ticks() {
        let mut timers = started(vec![], 0);
        for after_ns in [0, 1, u64::MAX - START.0] {
            assert_eq!(due(&mut timers, after_ns), []);
        }
    }

    #[test]
    fn the_schedule_comes_in_the_order_of_time_each_once_before_the_tick() {
        use TradingState::{Close, Continuous, Halt, PreOpen};
        let (halt, open) = (at(200, Halt), at(100, Continuous));
        let (pre_open, close) = (at(0, PreOpen), at(200, Close));
        let mut timers = started(vec![halt, open, pre_open, close], 150);
        assert_eq!(due(&mut timers, 0), [Due::State(pre_open)]);
        assert_eq!(due(&mut timers, 99), []);
        assert_eq!(due(&mut timers, 100), [Due::State(open)]);
        assert_eq!(due(&mut timers, 250), [Due::State(halt), Due::State(close), Due::Tick]);
        assert_eq!(due(&mut timers, 299), []);
    }
}
