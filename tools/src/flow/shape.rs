//! What real flow looks like, as numbers. Where nothing else is said they follow a whole day of one
//! liquid share: adds 48 % of messages, deletes 32 %, executions 16 %; spread 6/13/21 ticks and add
//! size 8/100/200 at p10/p50/p90; 61 % of executions of odd lots; fills per aggressor one 76 %, two
//! 16 %, three 4 %, more 4 %.

use vesta_types::{OrderType, TimeInForce};
use vesta_workload::random::Quantiles;

/// How long an order at fair value rests before its owner takes it out or changes it, in commands of
/// its instrument. Half go within a handful of commands, and the last in a hundred thousand.
pub(super) const LIFE_COMMANDS: Quantiles = Quantiles::new(&[
    (0, 1),
    (1_000, 2),
    (2_500, 3),
    (5_000, 10),
    (7_500, 50),
    (9_000, 200),
    (9_700, 900),
    (9_900, 6_000),
    (9_990, 40_000),
    (10_000, 200_000),
]);

/// With every this many ticks away from fair value an order lives its time once more: what is far
/// off is left alone, and makes the book deep. Fewer ticks: deeper books.
pub(super) const LIFE_AGAIN_TICKS: u64 = 16;
/// No order lives longer, in commands of its instrument. It bounds the depth of a book, and the
/// memory for due dates.
pub(super) const LIFE_COMMANDS_MAX: u64 = 200_000;

/// How far from fair value a passive order is placed, in ticks. Too near: the spread is narrower
/// than a real one; too far: levels stand alone.
pub(super) const DISTANCE_TICKS: Quantiles = Quantiles::new(&[
    (0, 3),
    (1_000, 5),
    (3_000, 9),
    (5_000, 14),
    (7_000, 28),
    (9_000, 90),
    (9_800, 300),
    (10_000, 900),
]);

/// Round sizes, in lots.
pub(super) const ROUND_SIZES: [(u64, u64); 5] =
    [(780, 100), (150, 200), (40, 300), (20, 500), (10, 1_000)];
/// Percent of orders of a round size.
pub(super) const ROUND_PERCENT: u64 = 58;
/// The other sizes, in lots.
pub(super) const ODD_SIZES: Quantiles = Quantiles::new(&[
    (0, 1),
    (1_500, 5),
    (3_500, 25),
    (6_000, 60),
    (8_000, 99),
    (9_800, 400),
    (9_990, 2_000),
    (10_000, 33_570),
]);

/// How many resting orders an aggressor is after.
pub(super) const MAKERS_WANTED: [(u64, usize); 6] =
    [(76, 1), (16, 2), (4, 3), (2, 4), (1, 6), (1, 9)];

/// Percent of aggressors that want only a part of the last order that they are after.
pub(super) const PARTIAL_PERCENT: u64 = 35;

/// What aggressors look like.
pub(super) const AGGRESSORS: [(u64, (OrderType, TimeInForce)); 5] = [
    (50, (OrderType::Limit, TimeInForce::Ioc)),
    (20, (OrderType::Limit, TimeInForce::Gtc)),
    (16, (OrderType::Market, TimeInForce::Ioc)),
    (11, (OrderType::Limit, TimeInForce::Fok)),
    (3, (OrderType::Market, TimeInForce::Fok)),
];
/// Percent of aggressors that want more than there is at their price: a good-till-cancelled order's
/// remainder rests, an immediate one's is cancelled, and a fill-or-kill order does not trade.
pub(super) const GREEDY_PERCENT: u64 = 12;

/// Percent of passive orders that are post-only.
pub(super) const POST_ONLY_PERCENT: u64 = 25;

/// What is done where no resting order is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// An order that rests.
    Add,
    /// An order that trades.
    Take,
    /// A post-only order that would trade, and is rejected.
    AddAcross,
    /// A post-only order that would trade, and is priced behind what it would have traded with.
    AddRepriced,
    /// A cancel that comes too late: its order has just been filled. Rejected.
    CancelLate,
    /// All of one session's orders in the instrument, or those of one side.
    MassCancel,
}

/// A take for about five adds; the two moves that are rejected come to well below 1 %.
pub(super) const MOVES: [(u64, Move); 6] = [
    (8_090, Move::Add),
    (1_700, Move::Take),
    (70, Move::AddAcross),
    (60, Move::AddRepriced),
    (70, Move::CancelLate),
    (10, Move::MassCancel),
];

/// What an order is that is to rest. A recording shows none of them by name; their shares are made
/// up, so that each kind meets the others within some thousands of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A limit order, good till cancelled; some are post-only.
    Plain,
    /// A limit order, good until the close.
    Day,
    /// A limit order that expires.
    Gtd,
    /// Shows a part of itself.
    Iceberg,
    /// Shows nothing.
    Hidden,
    /// Trades whole, or not.
    AllOrNone,
    /// Trades not less than half of itself.
    MinimumQuantity,
    /// Follows its own side, or the other one.
    Pegged,
    /// A stop, or a stop-limit.
    Stop,
    /// The same, with a trigger that follows.
    Trailing,
}

/// Kinds of orders that are to rest. GTD orders are rare for a reason: where the venue's clock is
/// ahead of ours they are all rejected, and rejects must still stay below 2 %.
pub(super) const KINDS: [(u64, Kind); 10] = [
    (735, Kind::Plain),
    (60, Kind::Day),
    (10, Kind::Gtd),
    (80, Kind::Iceberg),
    (30, Kind::Hidden),
    (6, Kind::AllOrNone),
    (8, Kind::MinimumQuantity),
    (6, Kind::Pegged),
    (55, Kind::Stop),
    (10, Kind::Trailing),
];

/// How long a GTD order lives, ns. Shorter: those that a busy machine sends late are rejected;
/// longer: none expires in a short run.
pub(super) const GTD_LIFE_NS: std::ops::RangeInclusive<u64> = 150_000_000..=600_000_000;
/// How many times the usual size an iceberg has, and into how many tips it is cut.
pub(super) const ICEBERG_SIZES: (u64, u64) = (2, 8);
/// How far from the last price a trigger is set, in ticks. Nearer: most stops act, and the market
/// runs away; farther: none does.
pub(super) const TRIGGER_TICKS: (u64, u64) = (12, 120);
/// How far beyond its trigger the limit of a stop-limit is, in ticks.
pub(super) const LIMIT_TICKS: (u64, u64) = (0, 20);
/// How far a pegged order stays behind what it follows, in ticks.
pub(super) const PEG_TICKS: (u64, u64) = (3, 30);
/// Percent of stops that have a limit.
pub(super) const STOP_LIMIT_PERCENT: u64 = 40;

/// Percent of orders that name their session's self-trade group, where it has one. With two houses
/// every hundredth fill or so is prevented.
pub(super) const STP_PERCENT: u64 = 16;
/// Percent of orders for an account, where the session may also trade without one.
pub(super) const ACCOUNT_PERCENT: u64 = 30;

/// What is done before the opening. Nothing of it depends on whether the auction is over: that the
/// flow can not know for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collect {
    /// An order that will rest after the auction.
    Away,
    /// A limit order near fair value: half of them cross.
    Near,
    /// The same, of which a part shows.
    Iceberg,
    /// The same, unseen.
    Hidden,
    /// At the open, with a limit.
    AtOpen,
    /// At the open, at any price.
    AtOpenMarket,
    /// A stop-limit, which the auction price may trigger.
    Stop,
    /// An order is taken back.
    Cancel,
}

/// What is done before the opening. The two kinds at the open would be rejected afterwards: few.
pub(super) const COLLECTS: [(u64, Collect); 8] = [
    (30, Collect::Away),
    (44, Collect::Near),
    (8, Collect::Iceberg),
    (4, Collect::Hidden),
    (4, Collect::AtOpen),
    (3, Collect::AtOpenMarket),
    (3, Collect::Stop),
    (4, Collect::Cancel),
];

/// Reach of the prices near fair value, in ticks.
pub(super) const NEAR_TICKS: i64 = 20;
/// Most commands of an instrument before its opening. The uncross reports all its fills at once, some
/// hundred with this many orders, and they must fit into the clients' sockets beside the rest (512
/// datagrams each, as an unconfigured kernel grants).
pub(super) const COLLECT_MAX: u64 = 240;

/// While there were fewer executions than this, in percent of commands, one add in four becomes a
/// take. Only short runs, whose books have just opened, need it; a demo promises 10 %.
pub(super) const EXECUTIONS_PERCENT_MIN: u64 = 13;
/// Percent of adds that become takes meanwhile.
pub(super) const CATCH_UP_PERCENT: u64 = 25;

/// What becomes of an order that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It is cancelled.
    Cancel,
    /// It moves to another price.
    Reprice,
    /// It shrinks, and keeps its place.
    Reduce,
    /// It moves across the spread and trades.
    Cross,
}

/// Replaces are rarer on real venues than here, and a part cancelled rarer still (0.03 %): a demo is
/// to show them.
pub(super) const DUES: [(u64, Due); 4] =
    [(840, Due::Cancel), (100, Due::Reprice), (40, Due::Reduce), (20, Due::Cross)];

/// Percent of commands that go to the instrument of the command before: bursts of ten on average.
pub(super) const BURST_PERCENT: u64 = 90;

/// Commands with which each book opens: adds on both sides in turn. Fewer: early aggressors find
/// nothing to trade with; more: a short run has few trades.
pub(super) const OPENING_COMMANDS: u64 = 12;

/// Fractions of a tick in which fair value is kept: fine enough for a pull of 1/8192.
pub(super) const FAIR_UNITS_PER_TICK: i64 = 1 << 16;
/// Reach of fair value's step at each command of the instrument: half a tick.
pub(super) const FAIR_STEP_UNITS: i64 = FAIR_UNITS_PER_TICK / 2;
/// One step in this many is a jump of up to [`FAIR_JUMP_TICKS`]: news.
pub(super) const FAIR_JUMP_EVERY: u64 = 500;
/// Reach of a jump, in ticks.
pub(super) const FAIR_JUMP_TICKS: i64 = 32;
/// Each step takes fair value this fraction of the way back to the reference price. With the steps
/// above it stays within some 60 ticks of it.
pub(super) const FAIR_PULL: i64 = 8_192;

/// Resting orders of one instrument beyond which the oldest due date is brought forward. A flow left
/// to itself stays far below.
pub(super) const ORDERS_MAX: u32 = 4_000;
