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
use crate::rules::{self, Rules};
use vesta_types::{AccountId, InstrumentId, KillScope, SessionId};
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
#[inline]
#[must_use]
pub fn stamp(record: &[u8]) -> Option<&Stamp> {
    let (stamp, _) = Stamp::ref_from_prefix(record.get(SbeHeader::LEN..)?).ok()?;
    Some(stamp)
}

/// The origin of a record in bytes; `None` when they are too short.
#[inline]
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

/// The kind of thing that a kill switch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KillScopeKind {
    /// Everything.
    All = 1,
    /// A session.
    Session = 2,
    /// An account.
    Account = 3,
    /// An instrument.
    Instrument = 4,
}

impl KillScopeKind {
    /// The kind that a wire byte names.
    #[must_use]
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::All),
            2 => Some(Self::Session),
            3 => Some(Self::Account),
            4 => Some(Self::Instrument),
            _ => None,
        }
    }
}

/// Whom or what a kill switch is for, as a record carries it.
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
pub struct KillTarget {
    /// The session, account or instrument; 0 for everything.
    pub id: U64,
    /// Which of those: a [`KillScopeKind`].
    pub kind: u8,
}

const _: () = assert!(size_of::<KillTarget>() == 9);

impl From<KillScope> for KillTarget {
    fn from(scope: KillScope) -> Self {
        let (kind, id) = match scope {
            KillScope::All => (KillScopeKind::All, 0),
            KillScope::Session(session) => (KillScopeKind::Session, u64::from(session.0)),
            KillScope::Account(account) => (KillScopeKind::Account, account.0),
            KillScope::Instrument(instrument) => {
                (KillScopeKind::Instrument, u64::from(instrument.0))
            }
        };
        Self { id: id.into(), kind: kind as u8 }
    }
}

impl KillTarget {
    /// The scope, if these bytes name one: in a record that passed the gate they do.
    #[must_use]
    pub fn scope(&self) -> Option<KillScope> {
        let id = self.id.get();
        let short = u32::try_from(id).ok();
        match KillScopeKind::from_wire(self.kind)? {
            KillScopeKind::All => (id == 0).then_some(KillScope::All),
            KillScopeKind::Session => short.map(|id| KillScope::Session(SessionId(id))),
            KillScopeKind::Account => Some(KillScope::Account(AccountId(id))),
            KillScopeKind::Instrument => short.map(|id| KillScope::Instrument(InstrumentId(id))),
        }
    }

    fn is_good(&self) -> bool {
        self.scope().is_some()
    }
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
    /// A new order without anything that only [`NewOrderExtended`] has: what most orders are, and
    /// short for that reason.
    NewOrder = 21, 88 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// The client's name for the order.
        40 client_order_id: U64,
        /// The account that it trades for; 0 for none.
        48 account: U64,
        /// Limit price in ticks; 0 for none.
        56 price: I64,
        /// Quantity in lots.
        64 qty: U64,
        /// What to trade.
        72 instrument: U32,
        /// Orders of one group never trade with each other; 0 for none.
        76 stp_group: U32,
        /// Buy or sell.
        80 side: u8 where rule::side,
        /// How it is priced, and when it comes into play.
        81 order_type: u8 where rule::order_type,
        /// What becomes of the remainder.
        82 time_in_force: u8 where rule::time_in_force,
        /// Bit 0: hidden; bit 1: all-or-none.
        83 flags: u8 where rule::order_flags,
        /// What it does instead of trading on arrival.
        84 post_only: u8 where rule::post_only,
        /// What happens instead of a trade within its group.
        85 self_trade: u8 where rule::self_trade,
        /// Zero.
        86 reserved: [u8; 2] where rule::zero,
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
    /// Change an order's price, trigger or open quantity.
    ReplaceOrder = 23, 88 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// The order by the client's name, or 0.
        40 client_order_id: U64,
        /// The order by the engine's name, or 0.
        48 order_id: U64,
        /// New price in ticks; 0 for none.
        56 price: I64,
        /// New open quantity in lots.
        64 qty: U64,
        /// New trigger of a stop that waits, in ticks; 0 to leave it.
        72 stop_price: I64,
        /// The order's instrument.
        80 instrument: U32,
        /// Zero.
        84 reserved: [u8; 4] where rule::zero,
    }
    /// Take all of the session's orders out of the book that fit.
    MassCancel = 24, 56 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// Only those for this account, or 0 for all.
        40 account: U64,
        /// Only this instrument's, or 0 for all.
        48 instrument: U32,
        /// Only this side's, or 0 for both.
        52 side: u8 where rule::side_or_none,
        /// Zero.
        53 reserved: [u8; 3] where rule::zero,
    }
    /// An instrument of the shard. Sequenced before any command that names it.
    DefineInstrument = 25, 200 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero: the sequencer's own.
        24 origin: Origin,
        /// What it admits, and how its book behaves.
        40 rules: Rules where rules::are_good,
        /// Its ticker.
        160 symbol: Symbol where rule::symbol,
        /// Its id.
        176 instrument: U32,
        /// Size of a tick in quote currency.
        180 tick_size: Decimal where rule::increment,
        /// Size of a lot in base currency.
        189 lot_size: Decimal where rule::increment,
        /// Zero.
        198 reserved: [u8; 2] where rule::zero,
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
    /// Time passes, also on an idle market: orders expire by it, and indicative prices are told.
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
    /// A new order with everything that an order may say.
    NewOrderExtended = 35, 144 {
        /// Place and time.
        0 stamp: Stamp,
        /// Who, and which command.
        24 origin: Origin,
        /// The client's name for the order.
        40 client_order_id: U64,
        /// The account that it trades for; 0 for none.
        48 account: U64,
        /// Limit price in ticks; 0 for none.
        56 price: I64,
        /// Quantity in lots.
        64 qty: U64,
        /// Iceberg: the most that is displayed, in lots; 0 for all of it.
        72 display_qty: U64,
        /// Least quantity of its first fill, in lots; 0 for any.
        80 min_qty: U64,
        /// Stops: the trigger in ticks; trailing: 0 to start at its distance. Else 0.
        88 stop_price: I64,
        /// Trailing stops: distance of the trigger from the last price, in ticks. Else 0.
        96 trail_ticks: U64,
        /// Trailing stop-limit: distance of the limit from the trigger. Pegged: distance from the
        /// reference. In ticks. Else 0.
        104 offset_ticks: U64,
        /// GTD: when it expires, ns since the Unix epoch. Else 0.
        112 expires_ns: U64,
        /// Fill or kill by budget: in ticks x lots. Else 0.
        120 budget: U64,
        /// What to trade.
        128 instrument: U32,
        /// Orders of one group never trade with each other; 0 for none.
        132 stp_group: U32,
        /// Buy or sell.
        136 side: u8 where rule::side,
        /// How it is priced, and when it comes into play.
        137 order_type: u8 where rule::order_type,
        /// What becomes of the remainder.
        138 time_in_force: u8 where rule::time_in_force,
        /// Bit 0: hidden; bit 1: all-or-none.
        139 flags: u8 where rule::order_flags,
        /// What it does instead of trading on arrival.
        140 post_only: u8 where rule::post_only,
        /// What happens instead of a trade within its group.
        141 self_trade: u8 where rule::self_trade,
        /// What a pegged order follows; else 0.
        142 peg: u8 where rule::peg_or_none,
        /// Zero.
        143 reserved: u8 where rule::zero_byte,
    }
    /// A kill switch is thrown, or released: by the operator.
    Kill = 36, 56 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero, or the operator's.
        24 origin: Origin,
        /// Whom or what it is for.
        40 target: KillTarget where KillTarget::is_good,
        /// 1: orders in scope are cancelled, and none is admitted from now on. 0: admitted again.
        49 engaged: u8 where rule::flag,
        /// Zero.
        50 reserved: [u8; 6] where rule::zero,
    }
    /// An instrument shall go into another trading state: by the schedule, or by the operator.
    SetState = 37, 48 {
        /// Place and time.
        0 stamp: Stamp,
        /// All zero: the sequencer's own; or the operator's.
        24 origin: Origin,
        /// Which one.
        40 instrument: U32,
        /// What it shall do.
        44 state: u8 where rule::trading_state,
        /// For an auction call: which auction. Otherwise without meaning.
        45 auction: u8 where rule::auction,
        /// Zero.
        46 reserved: [u8; 2] where rule::zero,
    }
}
