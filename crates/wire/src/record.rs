//! The input log: records in a total order, and the frame that carries them.
//!
//! A record has the same bytes on stream 10 (where the stamp is the gateway's blank), on stream 20,
//! and on disk.
//!
//! ```text
//!   [SBE header 8][stamp 24: seq, time_ns, epoch, gateway][origin 16][body]
//!   length, template and version are the SBE header's
//! ```

use crate::client::Origin;
use crate::layout::{Decimal, SbeHeader, Symbol, messages, rule};
use zerocopy::little_endian::{I64, U16, U32, U64};
use zerocopy::{FromBytes, IntoBytes};

/// What the sequencer puts on a record: its place and time.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::Immutable,
    zerocopy::KnownLayout,
    zerocopy::Unaligned,
)]
#[repr(C)]
pub struct Stamp {
    /// Position in the input log; 0 until sequenced.
    pub seq: U64,
    /// Sequenced time, ns since the Unix epoch; 0 until sequenced.
    pub time_ns: U64,
    /// The sequencer's epoch; 0 until sequenced.
    pub epoch: U32,
    /// The gateway that the command came by; 0 for the sequencer's own records.
    pub gateway: U32,
}

const _: () = assert!(size_of::<Stamp>() == 24);

/// Bytes in front of every record's body: header, stamp, origin.
pub const PREFIX_LEN: usize = SbeHeader::LEN + 24 + 16;

/// The stamp of a record in bytes; `None` when they are too short.
#[must_use]
pub fn stamp(record: &[u8]) -> Option<&Stamp> {
    let (stamp, _) = Stamp::ref_from_prefix(record.get(SbeHeader::LEN..)?).ok()?;
    Some(stamp)
}

/// The origin of a record in bytes; `None` when they are too short.
#[must_use]
pub fn origin(record: &[u8]) -> Option<&Origin> {
    let (origin, _) = Origin::ref_from_prefix(record.get(SbeHeader::LEN + 24..)?).ok()?;
    Some(origin)
}

/// Writes `stamp` over the stamp of a record in bytes.
///
/// # Panics
/// When the bytes do not hold one: they passed the gate before.
pub fn write_stamp(record: &mut [u8], stamp: &Stamp) {
    record[SbeHeader::LEN..SbeHeader::LEN + 24].copy_from_slice(stamp.as_bytes());
}

messages! {
    /// The frame around records on stream 20.
    LogFrame = 20, 32 {
        /// `seq` of the first record; of the next one when the frame has none.
        0 first_seq: U64,
        /// All records up to this one are committed.
        8 commit_seq: U64,
        /// The sequencer's epoch.
        16 epoch: U32,
        /// The shard.
        20 shard: U32,
        /// Records in the frame.
        24 count: U16,
        /// Zero.
        26 reserved: [u8; 6] where rule::zero,
    }
    /// A new order.
    NewOrder = 21, 72 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// The client's name for the order.
        40 client_order_id: U64,
        /// Limit price in ticks; 0 for a market order.
        48 price: I64,
        /// Quantity in lots.
        56 qty: U64,
        /// What to trade.
        64 instrument: U32,
        /// Buy or sell.
        68 side: u8 where rule::side,
        /// Limit or market.
        69 order_type: u8 where rule::order_type,
        /// What becomes of the remainder.
        70 time_in_force: u8 where rule::time_in_force,
        /// Bit 0: post-only.
        71 flags: u8 where rule::order_flags,
    }
    /// Take an order out of the book.
    CancelOrder = 22, 64 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// The order by the client's name, or 0.
        40 client_order_id: U64,
        /// The order by the engine's name, or 0.
        48 order_id: U64,
        /// The order's instrument.
        56 instrument: U32,
        /// Zero.
        60 reserved: [u8; 4] where rule::zero,
    }
    /// Change an order's price or open quantity.
    ReplaceOrder = 23, 80 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// The order by the client's name, or 0.
        40 client_order_id: U64,
        /// The order by the engine's name, or 0.
        48 order_id: U64,
        /// New price in ticks.
        56 price: I64,
        /// New open quantity in lots.
        64 qty: U64,
        /// The order's instrument.
        72 instrument: U32,
        /// Zero.
        76 reserved: [u8; 4] where rule::zero,
    }
    /// Take all of the session's orders out of the book that fit.
    MassCancel = 24, 48 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// Only this instrument's, or 0 for all.
        40 instrument: U32,
        /// Only this side's, or 0 for both.
        44 side: u8 where rule::side_or_none,
        /// Zero.
        45 reserved: [u8; 3] where rule::zero,
    }
    /// An instrument of the shard. Sequenced before any command that names it.
    DefineInstrument = 25, 96 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero: the sequencer's own.
        24 origin: Origin,
        /// Highest price in ticks.
        40 price_max: I64,
        /// Largest quantity of an order in lots.
        48 qty_max: U64 where rule::qty,
        /// Its ticker.
        56 symbol: Symbol where rule::symbol,
        /// Its id.
        72 instrument: U32,
        /// Size of a tick in quote currency.
        76 tick_size: Decimal where rule::increment,
        /// Size of a lot in base currency.
        85 lot_size: Decimal where rule::increment,
        /// Zero.
        94 reserved: [u8; 2] where rule::zero,
    }
    /// A session opens, or moves to another gateway. Defined for later use.
    SessionOpen = 26, 56 {
        /// Place and time; `gateway` is the session's owner from now on.
        0 stamp: Stamp,
        /// The session, and its new epoch.
        24 origin: Origin,
        /// How long after its gateway is lost its orders are cancelled, ns.
        40 cancel_grace_ns: U64,
        /// Most unanswered commands.
        48 window: U32,
        /// Zero.
        52 reserved: [u8; 4] where rule::zero,
    }
    /// A session ends for good. Defined for later use.
    SessionClose = 27, 40 {
        /// Place and time.
        0 stamp: Stamp,
        /// The session.
        24 origin: Origin,
    }
    /// A gateway's heartbeats stopped. Defined for later use.
    GatewayDown = 28, 48 {
        /// Place and time; `gateway` is the one that is down.
        0 stamp: Stamp,
        /// All zero: the sequencer's own.
        24 origin: Origin,
        /// How long its sessions' orders live on, ns.
        40 grace_ns: U64,
    }
    /// Time passes on an idle market. Defined for later use.
    Tick = 29, 40 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero: the sequencer's own.
        24 origin: Origin,
    }
    /// `commit_seq` advanced and no record is waiting: a frame of its own. Defined for later use.
    Commit = 30, 24 {
        /// All records up to this one are committed.
        0 commit_seq: U64,
        /// The sequencer's epoch.
        8 epoch: U32,
        /// The shard.
        12 shard: U32,
        /// Zero.
        16 reserved: [u8; 8] where rule::zero,
    }
    /// A new sequencer reigns. Defined for later use.
    EpochStart = 31, 56 {
        /// Place and time; `epoch` is the new one.
        0 stamp: Stamp,
        /// All zero: the sequencer's own.
        24 origin: Origin,
        /// First record of the new epoch.
        40 start_seq: U64,
        /// The commit level in force from here on.
        48 commit_level: u8 where rule::level,
        /// Zero.
        49 reserved: [u8; 7] where rule::zero,
    }
    /// An engine becomes the active one. Defined for later use.
    Activate = 32, 48 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero: the sequencer's own.
        24 origin: Origin,
        /// Which engine.
        40 engine: U32,
        /// Zero.
        44 reserved: [u8; 4] where rule::zero,
    }
    /// Trading stops. Defined for later use.
    Halt = 33, 48 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero, or the operator's.
        24 origin: Origin,
        /// Only this instrument, or 0 for all.
        40 instrument: U32,
        /// Zero.
        44 reserved: [u8; 4] where rule::zero,
    }
    /// New behaviour comes into force. Defined for later use.
    FeatureLevel = 34, 48 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero, or the operator's.
        24 origin: Origin,
        /// The level from here on.
        40 feature_level: U32,
        /// Zero.
        44 reserved: [u8; 4] where rule::zero,
    }
}
