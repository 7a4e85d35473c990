//! The event log: what the engine made of the input log, and the frame that carries it.
//!
//! Event bytes are a function of the input log alone: every engine of a shard makes the same ones.

use crate::layout::{Decimal, SbeHeader, Symbol, messages, rule};
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
    /// What is left open of it after the fill, in lots.
    pub leaves: U64,
    /// Its owner.
    pub session: U32,
    /// The gateway that its owner is reached by.
    pub gateway: U32,
}

const _: () = assert!(size_of::<FillParty>() == 32);

/// What a party has left is a quantity.
fn party(party: &FillParty) -> bool {
    rule::qty_or_none(&party.leaves)
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
        /// The order; 0 for a mass cancel.
        32 client_order_id: U64,
        /// The order; 0 for a mass cancel.
        40 order_id: U64,
        /// New and replace: the price asked for, in ticks.
        48 price: I64 where rule::price_or_none,
        /// New and replace: the quantity asked for; cancel: the quantity that goes; in lots.
        56 qty: U64 where rule::qty_or_none,
        /// The order's instrument; 0 for none.
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
    /// An order entered the book at the end of its level's queue.
    OrderRested = 43, 72 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its price in ticks.
        40 price: I64 where rule::price,
        /// Its open quantity in lots.
        48 qty: U64 where rule::qty,
        /// Its instrument.
        56 instrument: U32,
        /// Its owner.
        60 session: U32,
        /// The gateway that its owner is reached by.
        64 gateway: U32,
        /// Its side.
        68 side: u8 where rule::side,
        /// Zero.
        69 reserved: [u8; 3] where rule::zero,
    }
    /// Two orders traded.
    OrderExecuted = 44, 120 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The fill.
        24 trade_id: U64,
        /// The maker's price in ticks.
        32 price: I64 where rule::price,
        /// How much traded, in lots.
        40 qty: U64 where rule::qty,
        /// The aggressor.
        48 taker: FillParty where party,
        /// The resting order.
        80 maker: FillParty where party,
        /// What traded.
        112 instrument: U32,
        /// The aggressor's side.
        116 taker_side: u8 where rule::side,
        /// Zero.
        117 reserved: [u8; 3] where rule::zero,
    }
    /// An order, or what was left of it, is gone without trading.
    OrderCancelled = 45, 72 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its price in ticks; 0 for a market order.
        40 price: I64 where rule::price_or_none,
        /// The open quantity that went, in lots.
        48 qty: U64 where rule::qty,
        /// Its instrument.
        56 instrument: U32,
        /// Its owner.
        60 session: U32,
        /// The gateway that its owner is reached by.
        64 gateway: U32,
        /// Its side.
        68 side: u8 where rule::side,
        /// Why; also says whether it rested.
        69 reason: u8 where rule::cancel_reason,
        /// Zero.
        70 reserved: [u8; 2] where rule::zero,
    }
    /// A resting order's price or open quantity changed.
    OrderReplaced = 46, 88 {
        /// Place and time.
        0 stamp: EventStamp,
        /// The order.
        24 order_id: U64,
        /// Its owner's name for it.
        32 client_order_id: U64,
        /// Its price before, in ticks.
        40 old_price: I64 where rule::price,
        /// Its open quantity before, in lots.
        48 old_qty: U64 where rule::qty,
        /// Its price from now on, in ticks.
        56 price: I64 where rule::price,
        /// Its open quantity from now on, in lots, before any execution that follows.
        64 qty: U64 where rule::qty,
        /// Its instrument.
        72 instrument: U32,
        /// Its owner.
        76 session: U32,
        /// The gateway that its owner is reached by.
        80 gateway: U32,
        /// Its side.
        84 side: u8 where rule::side,
        /// 1 when it kept its place; 0 when it left its queue.
        85 priority_kept: u8 where rule::flag,
        /// Zero.
        86 reserved: [u8; 2] where rule::zero,
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
    InstrumentDefined = 49, 80 {
        /// Place and time.
        0 stamp: EventStamp,
        /// Highest price in ticks.
        24 price_max: I64,
        /// Largest quantity of an order in lots.
        32 qty_max: U64 where rule::qty,
        /// Its ticker.
        40 symbol: Symbol where rule::symbol,
        /// Its id.
        56 instrument: U32,
        /// Size of a tick in quote currency.
        60 tick_size: Decimal where rule::increment,
        /// Size of a lot in base currency.
        69 lot_size: Decimal where rule::increment,
        /// Zero.
        78 reserved: [u8; 2] where rule::zero,
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
}
