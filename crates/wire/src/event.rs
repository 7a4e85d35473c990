//! The event log: what the engine made of the input log, and the frame that carries it.
//!
//! Event bytes are a function of the input log alone: every engine of a shard makes the same ones.

use crate::layout::{Decimal, SbeHeader, Symbol, messages, rule};
use crate::rules::{self, Rules};
use zerocopy::FromBytes;
use zerocopy::little_endian::{I64, U16, U32, U64};

/// Where an event stands.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::Immutable,
    zerocopy::KnownLayout,
    zerocopy::Unaligned,
)]
#[repr(C)]
pub struct EventStamp {
    /// Position in the event log.
    pub event_seq: U64,
    /// The record that caused it.
    pub seq: U64,
    /// When that was sequenced, ns since the Unix epoch.
    pub time_ns: U64,
}

const _: () = assert!(size_of::<EventStamp>() == 24);

/// The stamp of an event in bytes; `None` when they are too short.
#[must_use]
pub fn stamp(event: &[u8]) -> Option<&EventStamp> {
    let (stamp, _) = EventStamp::ref_from_prefix(event.get(SbeHeader::LEN..)?).ok()?;
    Some(stamp)
}

/// One side of a fill, as event bytes carry it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::Immutable,
    zerocopy::KnownLayout,
    zerocopy::Unaligned,
)]
#[repr(C)]
pub struct FillParty {
    /// The order.
    pub order_id: U64,
    /// Its owner's name for it.
    pub client_order_id: U64,
    /// What is left open of it after the fill, in lots; an iceberg's reserve included.
    pub leaves: U64,
    /// What is still displayed of it after the fill, in lots.
    pub displayed: U64,
    /// Its owner.
    pub session: U32,
    /// The gateway that its owner is reached by.
    pub gateway: U32,
}

const _: () = assert!(size_of::<FillParty>() == 40);

/// What a party has left, and shows of it, are quantities.
fn party(party: &FillParty) -> bool {
    rule::qty_or_none(&party.leaves) && rule::qty_or_none(&party.displayed)
}

messages! {
    /// The frame around events on stream 30.
    EventFrame = 40, 24 {
        /// `event_seq` of the first event.
        0 first_event_seq: U64,
        /// The shard.
        8 shard: U32,
        /// Events in the frame.
        12 count: U16,
        /// Zero.
        14 reserved: [u8; 10] where rule::zero,
    }
    /// Primary reply: the command is in force.
    CommandAccepted = 41, 88 {
        /// Place and time.
        0 stamp: EventStamp,
        /// Which command.
        24 client_seq: U64,
        /// The order; 0 where the command names none.
        32 client_order_id: U64,
        /// The order; 0 where the command names none.
        40 order_id: U64,
        /// New and replace: the price asked for, in ticks.
        48 price: I64 where rule::price_or_none,
        /// New and replace: the quantity asked for; cancel: the quantity that goes; in lots.
        56 qty: U64 where rule::qty_or_none,
        /// The order's instrument, else the one that the command names; 0 for none.
        64 instrument: U32,
        /// The session.
        68 session: U32,
        /// The gateway that the session is reached by.
        72 gateway: U32,
        /// What is replied to.
        76 command: u8 where rule::command,
        /// The order's side; 0 for none.
        77 side: u8 where rule::side_or_none,
        /// Of a new order, else 0.
        78 order_type: u8 where rule::order_type_or_none,
        /// Of a new order, else 0.
        79 time_in_force: u8 where rule::time_in_force_or_none,
        /// Zero.
        80 reserved: [u8; 8] where rule::zero,
    }
    /// Primary reply: the command changed nothing.
    CommandRejected = 42, 64 {
        /// Place and time.
        0 stamp: EventStamp,
        /// Which command.
        24 client_seq: U64,
        /// The order as the command named it.
        32 client_order_id: U64,
        /// The order as the command named it.
        40 order_id: U64,
        /// The session.
        48 session: U32,
        /// The gateway that the command came by.
        52 gateway: U32,
        /// Which rule was broken.
        56 reason: U16 where rule::reject_reason,
        /// What is replied to.
        58 command: u8 where rule::command,
        /// Zero.
        59 reserved: [u8; 5] where rule::zero,
    }
    /// An order entered a queue of the book, at its end: on arrival, after a replace, or as the next tip
    /// of an iceberg.
    OrderRested = 43, 80 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its price in ticks.
        40 price: I64 where rule::price,
        /// Its open quantity in lots; an iceberg's reserve included.
        48 qty: U64 where rule::qty,
        /// What is displayed of it, in lots; 0 for an order that is not displayed.
        56 displayed: U64 where rule::qty_or_none,
        /// Its instrument.
        64 instrument: U32,
        /// Its owner.
        68 session: U32,
        /// The gateway that its owner is reached by.
        72 gateway: U32,
        /// Its side.
        76 side: u8 where rule::side,
        /// Zero.
        77 reserved: [u8; 3] where rule::zero,
    }
    /// Two orders traded.
    OrderExecuted = 44, 136 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The fill.
        24 trade_id: U64,
        /// The maker's price, or the auction's, in ticks.
        32 price: I64 where rule::price,
        /// How much traded, in lots.
        40 qty: U64 where rule::qty,
        /// The aggressor; in an auction the buy order.
        48 taker: FillParty where party,
        /// The resting order; in an auction the sell order.
        88 maker: FillParty where party,
        /// What traded.
        128 instrument: U32,
        /// The aggressor's side; in an auction buy.
        132 taker_side: u8 where rule::side,
        /// 1 for a fill of an auction.
        133 auction: u8 where rule::flag,
        /// 1 when the taker's quantity was displayed: only in an auction.
        134 taker_was_displayed: u8 where rule::flag,
        /// 1 when the maker's quantity was displayed.
        135 maker_was_displayed: u8 where rule::flag,
    }
    /// An order, or what was left of it, is gone without trading.
    OrderCancelled = 45, 80 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its price in ticks; 0 for one without.
        40 price: I64 where rule::price_or_none,
        /// The open quantity that went, in lots.
        48 qty: U64 where rule::qty,
        /// What was displayed of it, in lots; 0 when nothing was.
        56 displayed: U64 where rule::qty_or_none,
        /// Its instrument.
        64 instrument: U32,
        /// Its owner.
        68 session: U32,
        /// The gateway that its owner is reached by.
        72 gateway: U32,
        /// Its side.
        76 side: u8 where rule::side,
        /// Why.
        77 reason: u8 where rule::cancel_reason,
        /// Zero.
        78 reserved: [u8; 2] where rule::zero,
    }
    /// A live order's price, trigger or open quantity changed.
    OrderReplaced = 46, 104 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its price before, in ticks; 0 for none.
        40 old_price: I64 where rule::price_or_none,
        /// Its open quantity before, in lots.
        48 old_qty: U64 where rule::qty,
        /// What was displayed of it before, in lots.
        56 old_displayed: U64 where rule::qty_or_none,
        /// Its price from now on, in ticks; 0 for none.
        64 price: I64 where rule::price_or_none,
        /// Its open quantity from now on, in lots, before any execution that follows.
        72 qty: U64 where rule::qty,
        /// What is displayed of it from now on, in lots; 0 when it left its queue.
        80 displayed: U64 where rule::qty_or_none,
        /// Its instrument.
        88 instrument: U32,
        /// Its owner.
        92 session: U32,
        /// The gateway that its owner is reached by.
        96 gateway: U32,
        /// Its side.
        100 side: u8 where rule::side,
        /// 1 when it kept its place; 0 when it left its queue.
        101 priority_kept: u8 where rule::flag,
        /// Zero.
        102 reserved: [u8; 2] where rule::zero,
    }
    /// A `client_seq` was used again: the stored outcome of its first use. Private.
    Resent = 47, 72 {
        /// Place and time.
        0 stamp: EventStamp,
        /// Which command.
        24 client_seq: U64,
        /// The order of the first use.
        32 client_order_id: U64,
        /// The order of the first use.
        40 order_id: U64,
        /// The session.
        48 session: U32,
        /// The gateway that the session is reached by.
        52 gateway: U32,
        /// 0 for accepted, else why the first use was rejected.
        56 reason: U16 where rule::reject_reason_or_none,
        /// What the first use was.
        58 command: u8 where rule::command,
        /// Zero.
        59 reserved: [u8; 5] where rule::zero,
        /// The record of the first use.
        64 first_seq: U64,
    }
    /// The engine's state hash after record `stamp.seq`. Defined for later use.
    StateHash = 48, 32 {
        /// Place and time.
        0 stamp: EventStamp,
        /// Book and session table.
        24 state_hash: U64,
    }
    /// An instrument of the shard came into being.
    InstrumentDefined = 49, 184 {
        /// Place and time.
        0 stamp: EventStamp,
        /// What it admits, and how its book behaves.
        24 rules: Rules where rules::are_good,
        /// Its ticker.
        144 symbol: Symbol where rule::symbol,
        /// Its id.
        160 instrument: U32,
        /// Size of a tick in quote currency.
        164 tick_size: Decimal where rule::increment,
        /// Size of a lot in base currency.
        173 lot_size: Decimal where rule::increment,
        /// Zero.
        182 reserved: [u8; 2] where rule::zero,
    }
    /// A new epoch began: gateways send unanswered commands again. Defined for later use.
    EpochStarted = 50, 40 {
        /// Place and time.
        0 stamp: EventStamp,
        /// First record of the new epoch.
        24 start_seq: U64,
        /// The new epoch.
        32 epoch: U32,
        /// The commit level in force from here on.
        36 commit_level: u8 where rule::level,
        /// Zero.
        37 reserved: [u8; 3] where rule::zero,
    }
    /// The trigger of a stop was reached: from here on it acts.
    OrderTriggered = 51, 80 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its trigger when it was reached, in ticks.
        40 stop_price: I64 where rule::price,
        /// Its limit from here on, in ticks; 0 for none.
        48 price: I64 where rule::price_or_none,
        /// Its open quantity in lots.
        56 qty: U64 where rule::qty,
        /// Its instrument.
        64 instrument: U32,
        /// Its owner.
        68 session: U32,
        /// The gateway that its owner is reached by.
        72 gateway: U32,
        /// Its side.
        76 side: u8 where rule::side,
        /// Zero.
        77 reserved: [u8; 3] where rule::zero,
    }
    /// The price of a pegged order followed its reference.
    OrderRepriced = 52, 80 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its price before, in ticks; 0 when it had nothing to follow.
        40 old_price: I64 where rule::price_or_none,
        /// Its price from now on, in ticks; 0 when it has nothing to follow.
        48 price: I64 where rule::price_or_none,
        /// Its open quantity in lots.
        56 qty: U64 where rule::qty,
        /// Its instrument.
        64 instrument: U32,
        /// Its owner.
        68 session: U32,
        /// The gateway that its owner is reached by.
        72 gateway: U32,
        /// Its side.
        76 side: u8 where rule::side,
        /// Zero.
        77 reserved: [u8; 3] where rule::zero,
    }
    /// Two orders of one self-trade group met, and the smaller quantity came off both without a trade.
    SelfTradePrevented = 53, 128 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The maker's price in ticks.
        24 price: I64 where rule::price,
        /// How much came off each, in lots.
        32 qty: U64 where rule::qty,
        /// The aggressor.
        40 taker: FillParty where party,
        /// The resting order.
        80 maker: FillParty where party,
        /// Where.
        120 instrument: U32,
        /// The aggressor's side.
        124 taker_side: u8 where rule::side,
        /// 1 when the taker's quantity was displayed: never, an aggressor is in no queue.
        125 taker_was_displayed: u8 where rule::flag,
        /// 1 when the maker's quantity was displayed.
        126 maker_was_displayed: u8 where rule::flag,
        /// Zero.
        127 reserved: u8 where rule::zero_byte,
    }
    /// An instrument is in another trading state.
    TradingStateChanged = 58, 32 {
        /// Place and time.
        0 stamp: EventStamp,
        /// Which one.
        24 instrument: U32,
        /// Its state from now on; never `Uncross`.
        28 state: u8 where rule::trading_state,
        /// The auction that the state is a call for; 0 in any state but a call.
        29 auction: u8 where rule::auction_or_none,
        /// Zero.
        30 reserved: [u8; 2] where rule::zero,
    }
    /// What the auction that is being called would do now.
    IndicativeChanged = 59, 56 {
        /// Place and time.
        0 stamp: EventStamp,
        /// Its price in ticks; 0 when nothing would trade.
        24 price: I64 where rule::price_or_none,
        /// What would trade, in lots; many orders together, so not bounded like one.
        32 qty: U64,
        /// What would be left over at that price, in lots.
        40 imbalance: U64,
        /// Which instrument's.
        48 instrument: U32,
        /// The side that it would be left over on; 0 when nothing would be.
        52 imbalance_side: u8 where rule::side_or_none,
        /// Zero.
        53 reserved: [u8; 3] where rule::zero,
    }
}
