//! Between a client and its gateway: one message per UDP datagram.
//!
//! Prices and quantities are decimals here: an integer count of 10^-8 ([`DECIMAL_EXPONENT`]). They
//! are signed, so that a client's mistake arrives as what it is and gets a typed answer.

use crate::layout::{messages, rule};
use zerocopy::little_endian::{I64, U16, U32, U64};

pub use crate::layout::DECIMAL_EXPONENT;

/// Bit 0 of an order's `flags`: it rests without being displayed.
pub const FLAG_HIDDEN: u8 = 1;
/// Bit 1 of an order's `flags`: it trades its whole open quantity at once, or not at all.
pub const FLAG_ALL_OR_NONE: u8 = 2;

/// Which command of which session. At the front of everything that a client sends.
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
pub struct Origin {
    /// The session's count of commands, dense from 1.
    pub client_seq: U64,
    /// The session.
    pub session: U32,
    /// Under which gateway's reign.
    pub session_epoch: U32,
}

const _: () = assert!(size_of::<Origin>() == 16);

impl Origin {
    /// All zero: of a record that is nobody's command, but the sequencer's own.
    pub const NONE: Self =
        Self { client_seq: U64::ZERO, session: U32::ZERO, session_epoch: U32::ZERO };
}

messages! {
    /// A new order without anything that only [`NewOrderExtendedRequest`] has.
    NewOrderRequest = 1, 64 {
        /// Who, and which command.
        0 origin: Origin,
        /// The client's name for the order, not 0.
        16 client_order_id: U64,
        /// The account that it trades for; 0 for none.
        24 account: U64,
        /// Limit price, 10^-8; 0 for none.
        32 price: I64,
        /// Quantity, 10^-8.
        40 qty: I64,
        /// What to trade.
        48 instrument: U32,
        /// Orders of one group never trade with each other; 0 for none.
        52 stp_group: U32,
        /// Buy or sell.
        56 side: u8 where rule::side,
        /// How it is priced, and when it comes into play.
        57 order_type: u8 where rule::order_type,
        /// What becomes of the remainder.
        58 time_in_force: u8 where rule::time_in_force,
        /// Bit 0: hidden; bit 1: all-or-none.
        59 flags: u8 where rule::order_flags,
        /// What it does instead of trading on arrival.
        60 post_only: u8 where rule::post_only,
        /// What happens instead of a trade within its group.
        61 self_trade: u8 where rule::self_trade,
        /// Zero.
        62 reserved: [u8; 2] where rule::zero,
    }
    /// Take an order out of the book.
    CancelRequest = 2, 40 {
        /// Who, and which command.
        0 origin: Origin,
        /// The order by the client's name, or 0.
        16 client_order_id: U64,
        /// The order by the engine's name, or 0. Exactly one of the two is given.
        24 order_id: U64,
        /// The order's instrument.
        32 instrument: U32,
        /// Zero.
        36 reserved: [u8; 4] where rule::zero,
    }
    /// Change an order's price, trigger or open quantity.
    ReplaceRequest = 3, 64 {
        /// Who, and which command.
        0 origin: Origin,
        /// The order by the client's name, or 0.
        16 client_order_id: U64,
        /// The order by the engine's name, or 0. Exactly one of the two is given.
        24 order_id: U64,
        /// New price, 10^-8; 0 for none.
        32 price: I64,
        /// New open quantity, 10^-8.
        40 qty: I64,
        /// New trigger of a stop that waits, 10^-8; 0 to leave it.
        48 stop_price: I64,
        /// The order's instrument.
        56 instrument: U32,
        /// Zero.
        60 reserved: [u8; 4] where rule::zero,
    }
    /// Take all of the session's orders out of the book that fit.
    MassCancelRequest = 4, 32 {
        /// Who, and which command.
        0 origin: Origin,
        /// Only those for this account, or 0 for all.
        16 account: U64,
        /// Only this instrument's, or 0 for all.
        24 instrument: U32,
        /// Only this side's, or 0 for both.
        28 side: u8 where rule::side_or_none,
        /// Zero.
        29 reserved: [u8; 3] where rule::zero,
    }
    /// A new order with everything that an order may say.
    NewOrderExtendedRequest = 5, 120 {
        /// Who, and which command.
        0 origin: Origin,
        /// The client's name for the order, not 0.
        16 client_order_id: U64,
        /// The account that it trades for; 0 for none.
        24 account: U64,
        /// Limit price, 10^-8; 0 for none.
        32 price: I64,
        /// Quantity, 10^-8.
        40 qty: I64,
        /// Iceberg: the most that is displayed, 10^-8; 0 for all of it.
        48 display_qty: I64,
        /// Least quantity of its first fill, 10^-8; 0 for any.
        56 min_qty: I64,
        /// Stops: the trigger, 10^-8; trailing: 0 to start at its distance. Else 0.
        64 stop_price: I64,
        /// Trailing stops: distance of the trigger from the last price, 10^-8. Else 0.
        72 trail: I64,
        /// Trailing stop-limit: distance of the limit from the trigger. Pegged: distance from the
        /// reference. 10^-8. Else 0.
        80 offset: I64,
        /// GTD: when it expires, ns since the Unix epoch. Else 0.
        88 expires_ns: U64,
        /// Fill or kill by budget: in quote currency, 10^-8. Else 0.
        96 budget: I64,
        /// What to trade.
        104 instrument: U32,
        /// Orders of one group never trade with each other; 0 for none.
        108 stp_group: U32,
        /// Buy or sell.
        112 side: u8 where rule::side,
        /// How it is priced, and when it comes into play.
        113 order_type: u8 where rule::order_type,
        /// What becomes of the remainder.
        114 time_in_force: u8 where rule::time_in_force,
        /// Bit 0: hidden; bit 1: all-or-none.
        115 flags: u8 where rule::order_flags,
        /// What it does instead of trading on arrival.
        116 post_only: u8 where rule::post_only,
        /// What happens instead of a trade within its group.
        117 self_trade: u8 where rule::self_trade,
        /// What a pegged order follows; else 0.
        118 peg: u8 where rule::peg_or_none,
        /// Zero.
        119 reserved: u8 where rule::zero_byte,
    }

    /// Primary reply: the command is in force.
    AcceptedReport = 11, 80 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the command in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// Which command.
        24 client_seq: U64,
        /// The order; 0 for a mass cancel.
        32 client_order_id: U64,
        /// The order; 0 for a mass cancel.
        40 order_id: U64,
        /// Price asked for, 10^-8.
        48 price: I64,
        /// Quantity asked for; of a cancel the quantity that goes; 10^-8.
        56 qty: I64,
        /// The order's instrument.
        64 instrument: U32,
        /// The session.
        68 session: U32,
        /// What is replied to.
        72 command: u8 where rule::command,
        /// The order's side; 0 for none.
        73 side: u8 where rule::side_or_none,
        /// Of a new order, else 0.
        74 order_type: u8 where rule::order_type_or_none,
        /// Of a new order, else 0.
        75 time_in_force: u8 where rule::time_in_force_or_none,
        /// How safe the command is.
        76 commit_level: u8 where rule::level,
        /// Zero.
        77 reserved: [u8; 3] where rule::zero,
    }
    /// Primary reply: the command changed nothing.
    RejectedReport = 12, 56 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the command in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// Which command.
        24 client_seq: U64,
        /// The order as the command named it.
        32 client_order_id: U64,
        /// The order as the command named it.
        40 order_id: U64,
        /// The session.
        48 session: U32,
        /// Which rule was broken.
        52 reason: U16 where rule::reject_reason,
        /// What is replied to.
        54 command: u8 where rule::command,
        /// How safe the command is.
        55 commit_level: u8 where rule::level,
    }
    /// One of the session's orders traded.
    ExecutedReport = 13, 96 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the causing record in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// The fill.
        24 trade_id: U64,
        /// The order.
        32 client_order_id: U64,
        /// The order.
        40 order_id: U64,
        /// Price of the fill, 10^-8.
        48 price: I64,
        /// Quantity of the fill, 10^-8.
        56 qty: I64,
        /// What is left open of the order, 10^-8.
        64 leaves: I64,
        /// What is still displayed of it, 10^-8; 0 also when an iceberg's next tip is to follow.
        72 displayed: I64,
        /// The instrument.
        80 instrument: U32,
        /// The session.
        84 session: U32,
        /// The order's side.
        88 side: u8 where rule::side,
        /// 1 when the order was resting (maker), 0 when it was the aggressor (taker). In an auction,
        /// which has neither, 0 for the buy and 1 for the sell.
        89 maker: u8 where rule::flag,
        /// 1 for a fill of an auction.
        90 auction: u8 where rule::flag,
        /// How safe the command is.
        91 commit_level: u8 where rule::level,
        /// Zero.
        92 reserved: [u8; 4] where rule::zero,
    }
    /// One of the session's orders, or what was left of it, is gone.
    CancelledReport = 14, 72 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the causing record in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// The order.
        24 client_order_id: U64,
        /// The order.
        32 order_id: U64,
        /// The order's price, 10^-8; 0 for none.
        40 price: I64,
        /// Quantity that is gone, 10^-8.
        48 qty: I64,
        /// The instrument.
        56 instrument: U32,
        /// The session.
        60 session: U32,
        /// The order's side.
        64 side: u8 where rule::side,
        /// Why.
        65 reason: u8 where rule::cancel_reason,
        /// How safe the command is.
        66 commit_level: u8 where rule::level,
        /// Zero.
        67 reserved: [u8; 5] where rule::zero,
    }
    /// One of the session's orders has another price, trigger or open quantity.
    ReplacedReport = 15, 80 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the causing record in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// The order.
        24 client_order_id: U64,
        /// The order.
        32 order_id: U64,
        /// Price from now on, 10^-8; 0 for none.
        40 price: I64,
        /// Open quantity from now on, before any execution that follows, 10^-8.
        48 qty: I64,
        /// What is displayed of it from now on, 10^-8; 0 when it left its queue.
        56 displayed: I64,
        /// The instrument.
        64 instrument: U32,
        /// The session.
        68 session: U32,
        /// The order's side.
        72 side: u8 where rule::side,
        /// 1 when it kept its place in the queue.
        73 priority_kept: u8 where rule::flag,
        /// How safe the command is.
        74 commit_level: u8 where rule::level,
        /// Zero.
        75 reserved: [u8; 5] where rule::zero,
    }
    /// Refused at the edge: `not_sequenced`. No `client_seq` was consumed; it may be sent again.
    RefusedReport = 16, 16 {
        /// Which command; 0 when the datagram could not be read so far.
        0 client_seq: U64,
        /// The session; 0 when the datagram could not be read so far.
        8 session: U32,
        /// Which rule was broken.
        12 reason: U16 where rule::reject_reason,
        /// Zero.
        14 reserved: [u8; 2] where rule::zero,
    }
    /// A `client_seq` was used again: what became of its first use.
    ResentReport = 17, 64 {
        /// Position of this answer in the event log.
        0 event_seq: U64,
        /// Position of the repeated command in the input log.
        8 seq: U64,
        /// When that was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// Which command.
        24 client_seq: U64,
        /// The order of the first use.
        32 client_order_id: U64,
        /// The order of the first use.
        40 order_id: U64,
        /// The session.
        48 session: U32,
        /// 0 for accepted, else why the first use was rejected.
        52 reason: U16 where rule::reject_reason_or_none,
        /// What the first use was.
        54 command: u8 where rule::command,
        /// How safe the command is.
        55 commit_level: u8 where rule::level,
        /// Position of the first use in the input log.
        56 first_seq: U64,
    }
    /// The trigger of one of the session's stops was reached: from here on it acts.
    TriggeredReport = 18, 80 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the causing record in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// The order.
        24 client_order_id: U64,
        /// The order.
        32 order_id: U64,
        /// Its trigger when it was reached, 10^-8.
        40 stop_price: I64,
        /// Its limit from here on, 10^-8; 0 for none.
        48 price: I64,
        /// Its open quantity, 10^-8.
        56 qty: I64,
        /// The instrument.
        64 instrument: U32,
        /// The session.
        68 session: U32,
        /// The order's side.
        72 side: u8 where rule::side,
        /// How safe the causing record is.
        73 commit_level: u8 where rule::level,
        /// Zero.
        74 reserved: [u8; 6] where rule::zero,
    }
    /// The price of one of the session's pegged orders followed its reference.
    RepricedReport = 19, 80 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the causing record in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// The order.
        24 client_order_id: U64,
        /// The order.
        32 order_id: U64,
        /// Its price before, 10^-8; 0 when it had nothing to follow.
        40 old_price: I64,
        /// Its price from now on, 10^-8; 0 when it has nothing to follow.
        48 price: I64,
        /// Its open quantity, 10^-8.
        56 qty: I64,
        /// The instrument.
        64 instrument: U32,
        /// The session.
        68 session: U32,
        /// The order's side.
        72 side: u8 where rule::side,
        /// How safe the causing record is.
        73 commit_level: u8 where rule::level,
        /// Zero.
        74 reserved: [u8; 6] where rule::zero,
    }
    /// One of the session's orders met one of its self-trade group: a quantity came off it without
    /// a trade.
    SelfTradePreventedReport = 10, 88 {
        /// Position in the event log.
        0 event_seq: U64,
        /// Position of the causing record in the input log.
        8 seq: U64,
        /// When it was sequenced, ns since the Unix epoch.
        16 time_ns: U64,
        /// The order.
        24 client_order_id: U64,
        /// The order.
        32 order_id: U64,
        /// The maker's price, 10^-8.
        40 price: I64,
        /// What came off it, 10^-8.
        48 qty: I64,
        /// What is left open of it, 10^-8.
        56 leaves: I64,
        /// What is still displayed of it, 10^-8; 0 also when an iceberg's next tip is to follow.
        64 displayed: I64,
        /// The instrument.
        72 instrument: U32,
        /// The session.
        76 session: U32,
        /// The order's side.
        80 side: u8 where rule::side,
        /// How safe the causing record is.
        81 commit_level: u8 where rule::level,
        /// 1 when the order was resting (maker), 0 when it was the aggressor (taker).
        82 maker: u8 where rule::flag,
        /// Zero.
        83 reserved: [u8; 5] where rule::zero,
    }
}
