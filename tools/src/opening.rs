//! The opening auction that `vesta demo` adds to its venue: which instrument opens, and when.
//!
//! ```text
//!   first record      CALL_AFTER_MS                 uncross
//!   |--- pre-open ----|------- auction call --------|---- continuous ...
//!                     | the flow starts
//!                     command 0 .... collect_until .... opens_at ....
//! ```

use crate::flow;
use vesta_config::{Config, Scheduled};
use vesta_types::{AuctionKind, InstrumentId, TradingState};

/// When the auction is called, from the venue's first record on. The flow starts with the call, and
/// the consumer must have its first snapshots by then. Too low: on a busy machine the call passes
/// before anybody is there to send orders; too high: every demo waits that long.
const CALL_AFTER_MS: u64 = 1_500;
/// Commands until the uncross is over, at least, where the run has twice as many; and the time, s,
/// that they take at least, and at most. Fewer: too little to trade in the auction. Shorter: the
/// uncross may miss its pause on a machine that stutters. Longer: a slow flow collects for minutes.
const OPENING_COMMANDS_MIN: f64 = 1_000.0;
const OPENING_SECONDS_MIN: f64 = 0.4;
const OPENING_SECONDS_MAX: f64 = 10.0;
/// Commands in which orders are collected, at most: a quarter of them is for the instrument, which
/// takes no more than some two hundred anyway.
const COLLECT_COMMANDS_MAX: u64 = 1_000;

/// An opening auction in the course of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What opens.
    pub instrument: InstrumentId,
    /// From this command on none is for it.
    pub collect_until: usize,
    /// This command, and those after it, must not be sent before it trades continuously.
    pub opens_at: usize,
    /// The uncross, from the call on, ms.
    uncross_after_ms: u64,
}

impl Opening {
    /// As the flow wants to know it.
    #[must_use]
    pub const fn in_commands(&self) -> flow::Opening {
        flow::Opening { collect_until: self.collect_until as u64, opens_at: self.opens_at as u64 }
    }

    /// The uncross, from the call on, ns.
    #[must_use]
    pub const fn uncross_after_ns(&self) -> u64 {
        self.uncross_after_ms * 1_000_000
    }
}

/// Gives the second instrument of `config` an opening auction, for a run of `orders` commands at that
/// rate per second. `None` when the configuration has a schedule of its own, or an instrument that is
/// not open from the start, or only one instrument: something must trade meanwhile.
pub fn plan(config: &mut Config, orders: u64, rate: f64) -> Option<Opening> {
    let list = &mut config.instrument_list;
    let are_open = list.iter().all(|i| i.rules.initial_state == TradingState::Continuous);
    if !config.schedule.is_empty() || !are_open || list.len() < 2 {
        return None;
    }
    let instrument = list[1].id;
    list[1].rules.initial_state = TradingState::PreOpen;
    let most = (rate * OPENING_SECONDS_MAX).max(1.0);
    let wanted = (rate * OPENING_SECONDS_MIN).max(OPENING_COMMANDS_MIN).min(most);
    let opens_at = (wanted as u64).min(orders / 2);
    let collect_until = (opens_at / 2).min(COLLECT_COMMANDS_MAX);
    // In the middle of the pause, so that neither end meets it on a machine that stutters.
    let uncross_s = (collect_until + opens_at) as f64 / 2.0 / rate;
    let uncross_after_ms = (uncross_s.min(OPENING_SECONDS_MAX) * 1e3) as u64;
    let entry = |after_ms, state, auction| Scheduled {
        instrument: Some(instrument),
        after_ms: CALL_AFTER_MS + after_ms,
        state,
        auction,
    };
    config.schedule = vec![
        entry(0, TradingState::AuctionCall, Some(AuctionKind::Opening)),
        entry(uncross_after_ms, TradingState::Uncross, None),
    ];
    let (collect_until, opens_at) = (collect_until as usize, opens_at as usize);
    Some(Opening { instrument, collect_until, opens_at, uncross_after_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_length_and_rate_leave_time_for_the_auction() {
        for orders in [1, 2, 100, 2_000, 200_000, 50_000_000] {
            for rate in [0.001, 1.0, 2_000.0, 20_000.0, 40_000.0, 1e7] {
                let mut config = Config::default();
                let opening = plan(&mut config, orders, rate).expect("an opening");
                let Opening { collect_until, opens_at, .. } = opening;
                assert!(collect_until <= opens_at && opens_at as u64 <= orders / 2);
                let uncross_s = opening.uncross_after_ns() as f64 / 1e9;
                assert!(uncross_s <= 10.0, "{orders} at {rate}: after {uncross_s} s");
                // What comes out is a configuration.
                let again = Config::parse(&config.to_toml(), "test").expect("a configuration");
                assert_eq!(again, config);
            }
        }
    }

    #[test]
    fn who_has_a_schedule_or_one_instrument_is_left_alone() {
        let mut config = Config::default();
        plan(&mut config, 1_000, 1_000.0).expect("an opening");
        let planned = config.clone();
        assert_eq!(plan(&mut config, 1_000, 1_000.0), None);
        assert_eq!(config, planned);
        let mut one = Config::default();
        one.instrument_list.truncate(1);
        assert_eq!(plan(&mut one.clone(), 1_000, 1_000.0), None);
        let mut closed = Config::default();
        closed.instrument_list[3].rules.initial_state = TradingState::PreOpen;
        assert_eq!(plan(&mut closed, 1_000, 1_000.0), None);
        one.instrument_list.clear();
        assert_eq!(plan(&mut one, 1_000, 1_000.0), None);
    }
}
