//! What the matching core is told to do.

use crate::order::wire_enum;
use crate::{
    AccountId, AuctionKind, ClientOrderId, InstrumentId, OrderId, OrderType, PegReference,
    PostOnly, PriceTicks, QtyLots, SelfTrade, SessionId, Side, StpGroup, TimeInForce, TimeNs,
    TradingState,
};

/// One command: of a session, or of the operator. The sequencer has put it in order; the session
/// table has let it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new order.
    New(NewOrder),
    /// Take an order out of the book.
    Cancel(Cancel),
    /// Change an order's price or open quantity.
    Replace(Replace),
    /// Take many orders out of the book.
    MassCancel(MassCancel),
    /// The operator's: stop someone, or something, from trading.
    Kill(Kill),
    /// The operator's: change what an instrument does.
    SetState(SetState),
}

impl Command {
    /// The kind of this command, as replies name it.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::New(_) => CommandKind::New,
            Self::Cancel(_) => CommandKind::Cancel,
            Self::Replace(_) => CommandKind::Replace,
            Self::MassCancel(_) => CommandKind::MassCancel,
            Self::Kill(_) => CommandKind::Kill,
            Self::SetState(_) => CommandKind::SetState,
        }
    }

    /// The session that gave the command; 0 for the operator.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        match self {
            Self::New(c) => c.session,
            Self::Cancel(c) => c.session,
            Self::Replace(c) => c.session,
            Self::MassCancel(c) => c.session,
            Self::Kill(_) | Self::SetState(_) => SessionId(0),
        }
    }
}

wire_enum! {
    /// The kind of a command: what a reply replies to.
    CommandKind {
        /// [`NewOrder`].
        New = 1 => "new",
        /// [`Cancel`].
        Cancel = 2 => "cancel",
        /// [`Replace`].
        Replace = 3 => "replace",
        /// [`MassCancel`].
        MassCancel = 4 => "mass_cancel",
        /// [`Kill`].
        Kill = 5 => "kill",
        /// [`SetState`].
        SetState = 6 => "set_state",
    }
}

/// A new order. What goes with what: `docs/matching-rules.md`.
///
/// Laid out so that what most orders leave out stands together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct NewOrder {
    /// Whose it is.
    pub session: SessionId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its owner's name for it; not 0, not that of another live order of the session.
    pub client_order_id: ClientOrderId,
    /// The account that it trades for; 0 for none.
    pub account: AccountId,
    /// Limit: worst acceptable price in ticks, from 1. Market and stop: protection limit, or 0.
    /// Stop-limit: the limit after the trigger. Pegged: worst price that it follows to, or 0.
    /// Trailing: 0.
    pub price: PriceTicks,
    /// Quantity in lots, from 1.
    pub qty: QtyLots,
    /// Orders of one group never trade with each other; 0 for none.
    pub stp_group: StpGroup,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced, and when it comes into play.
    pub order_type: OrderType,
    /// What becomes of the remainder.
    pub time_in_force: TimeInForce,
    /// What happens instead.
    pub self_trade: SelfTrade,
    /// What it does instead of trading on arrival.
    pub post_only: PostOnly,
    /// Rests without being displayed.
    pub hidden: bool,
    /// Trades its whole open quantity at once, or not at all.
    pub all_or_none: bool,
    /// Pegged: what it follows. Else none.
    pub peg: Option<PegReference>,
    /// Iceberg: the most that is displayed at a time, in lots, below `qty`; 0 for all of it.
    pub display_qty: QtyLots,
    /// Least quantity of a first or later fill, in lots; 0 for any.
    pub min_qty: QtyLots,
    /// Stops: the trigger in ticks, from 1; trailing: 0 to start at its distance. Else 0.
    pub stop_price: PriceTicks,
    /// Trailing stops: distance of the trigger from the best last trade, in ticks, from 1. Else 0.
    pub trail_ticks: u64,
    /// Trailing stop-limit: distance of the limit beyond the trigger. Pegged: distance behind the
    /// reference. In ticks. Else 0.
    pub offset_ticks: u64,
    /// GTD: when it expires. Else 0.
    pub expires: TimeNs,
    /// Fill or kill by budget: in ticks x lots, from 1. Else 0.
    pub budget: u64,
}

impl NewOrder {
    /// A limit order, good till cancelled, without anything special: to be varied by struct update.
    #[must_use]
    pub const fn limit(
        session: SessionId,
        client_order_id: ClientOrderId,
        instrument: InstrumentId,
        side: Side,
        price: PriceTicks,
        qty: QtyLots,
    ) -> Self {
        Self {
            session,
            client_order_id,
            account: AccountId(0),
            instrument,
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: PostOnly::Off,
            hidden: false,
            all_or_none: false,
            stp_group: StpGroup(0),
            self_trade: SelfTrade::Default,
            price,
            qty,
            display_qty: QtyLots::ZERO,
            min_qty: QtyLots::ZERO,
            stop_price: PriceTicks(0),
            trail_ticks: 0,
            offset_ticks: 0,
            peg: None,
            expires: TimeNs(0),
            budget: 0,
        }
    }
}

/// How a cancel or replace names its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// By the session's own id.
    Client(ClientOrderId),
    /// By the engine's id; the order must be the session's own.
    Order(OrderId),
}

/// Take one order out of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Who asks; only its own orders are in reach.
    pub session: SessionId,
    /// The order's instrument: an order of another instrument is an unknown one, since a price in
    /// the wrong instrument's ticks must never reach it.
    pub instrument: InstrumentId,
    /// Which order.
    pub target: OrderRef,
}

/// Change an order's price, trigger or open quantity; it keeps both of its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replace {
    /// Who asks; only its own orders are in reach.
    pub session: SessionId,
    /// The order's instrument: an order of another instrument is an unknown one, since a price in
    /// the wrong instrument's ticks must never reach it.
    pub instrument: InstrumentId,
    /// Which order.
    pub target: OrderRef,
    /// New price in ticks; what it means, and when it may be 0, as in the new order.
    pub price: PriceTicks,
    /// New *open* quantity in lots, from 1: what may still trade, not the total.
    pub qty: QtyLots,
    /// New trigger of a stop or stop-limit that still waits, in ticks; 0 to leave it.
    pub stop_price: PriceTicks,
}

/// Take all orders of a session out of the book that fit the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassCancel {
    /// Whose orders.
    pub session: SessionId,
    /// Only those for this account.
    pub account: Option<AccountId>,
    /// Only those of this instrument.
    pub instrument: Option<InstrumentId>,
    /// Only those of this side.
    pub side: Option<Side>,
}

/// Whom or what a kill switch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillScope {
    /// Everything.
    All,
    /// A session.
    Session(SessionId),
    /// An account, whichever session trades for it.
    Account(AccountId),
    /// An instrument.
    Instrument(InstrumentId),
}

/// Throw a kill switch, or release it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Whom or what it is for.
    pub scope: KillScope,
    /// True: cancel all orders in scope, and reject new ones and replaces from now on. False:
    /// admit them again.
    pub engaged: bool,
}

/// Change what an instrument does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetState {
    /// Which one.
    pub instrument: InstrumentId,
    /// What it shall do.
    pub state: TradingState,
    /// For `AuctionCall`: which auction. Otherwise without meaning.
    pub auction: AuctionKind,
}
