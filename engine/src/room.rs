//! How many bytes of events one record may make: what the outbox has room for.
//!
//! The bounds are those of `docs/matching-rules.md`, *What a command can cost*. By the time of a record
//! each live order expires or follows the touch, one event. By the record itself each order goes, or
//! follows, or is triggered and then rests or goes, two events, or it is filled in an uncross, one;
//! beyond that there is only what is met: `match_count_max` makers, with a fill and a next tip each.

use vesta_matching::Capacity;
use vesta_types::InstrumentRules;
use vesta_wire::Message;
use vesta_wire::event::{
    CommandAccepted, IndicativeChanged, InstrumentDefined, OrderCancelled, OrderExecuted,
    OrderReplaced, OrderRepriced, OrderRested, OrderTriggered, SelfTradePrevented,
    TradingStateChanged,
};

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// An event of an order that nobody is met by.
const ALONE: usize =
    max(max(OrderCancelled::LEN, OrderRepriced::LEN), max(OrderRested::LEN, OrderTriggered::LEN));

/// What a live order may come to beyond what is met, the time of the record included.
const ORDER: usize = ALONE + max(2 * ALONE, OrderExecuted::LEN);

/// One that is met: what comes off it, and its next tip.
const MATCH: usize = max(OrderExecuted::LEN, SelfTradePrevented::LEN) + OrderRested::LEN;

/// What an auction does to the last order of each row, which it may leave a part of.
const ROW_END: usize = OrderExecuted::LEN + OrderRested::LEN;

/// Once in a record: the reply, a replace, the order itself where it does not stay, an instrument's
/// definition, two changes of state.
const ONCE: usize = CommandAccepted::LEN
    + OrderReplaced::LEN
    + 2 * ALONE
    + InstrumentDefined::LEN
    + 2 * TradingStateChanged::LEN
    + 2 * ROW_END;

/// The most bytes of events that one record may make.
pub(crate) const fn record_bytes_max(capacity: &Capacity) -> usize {
    capacity.order_count_max as usize * ORDER
        + InstrumentRules::MATCH_COUNT_MAX as usize * MATCH
        + capacity.instrument_count_max as usize * IndicativeChanged::LEN
        + ONCE
}
