//! What the matching core answers. Every command gets exactly one primary reply, [`Accepted`] or
//! [`Rejected`], before any other event that it causes. What time alone causes (expiry, the
//! indicative price) has none.

use crate::{
    AuctionKind, CancelReason, ClientOrderId, CommandKind, InstrumentId, OrderId, OrderType,
    PriceTicks, QtyLots, RejectReason, SessionId, Side, TimeInForce, TradeId, TradingState,
};

/// One event of the matching core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The command is in force.
    Accepted(Accepted),
    /// The command changed nothing.
    Rejected(Rejected),
    /// Two orders traded.
    Executed(Executed),
    /// An order entered the book, at the end of its level's queue.
    Rested(Rested),
    /// An order, or its remainder, is gone without trading.
    Cancelled(Cancelled),
    /// An order's price or open quantity changed.
    Replaced(Replaced),
    /// A stop order's trigger was reached: from here on it acts.
    Triggered(Triggered),
    /// The price of a pegged order followed its reference.
    Repriced(Repriced),
    /// Two orders of one group met: the smaller quantity came off both, without a trade.
    SelfTradePrevented(SelfTradePrevented),
    /// An instrument is in another trading state.
    StateChanged(StateChanged),
    /// What an auction would do now.
    Indicative(Indicative),
}

/// Primary reply: the command is in force, and its effects follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What is replied to.
    pub command: CommandKind,
    /// Whose command it was.
    pub session: SessionId,
    /// The order concerned; 0 where there is none.
    pub client_order_id: ClientOrderId,
    /// The order concerned: the new id for a new order; 0 where there is none.
    pub order_id: OrderId,
    /// The order's instrument; otherwise the one that the command names, or 0.
    pub instrument: InstrumentId,
    /// The order's side; for a mass cancel the one it names, if any.
    pub side: Option<Side>,
    /// As the order was given; `None` unless the command is a new order.
    pub terms: Option<(OrderType, TimeInForce)>,
    /// New and replace: the price asked for (0 for none; that of a post-only order that was
    /// repriced is the new one). Otherwise 0.
    pub price: PriceTicks,
    /// New and replace: the open quantity asked for. Cancel: the open quantity that goes.
    /// Otherwise 0.
    pub qty: QtyLots,
}

/// Primary reply: the command changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What is replied to.
    pub command: CommandKind,
    /// Whose command it was.
    pub session: SessionId,
    /// The order as the command named it; 0 where it did not.
    pub client_order_id: ClientOrderId,
    /// The order as the command named it; 0 where it did not.
    pub order_id: OrderId,
    /// Which rule was broken.
    pub reason: RejectReason,
}

/// One side of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// The order.
    pub order_id: OrderId,
    /// Its owner.
    pub session: SessionId,
    /// Its owner's name for it.
    pub client_order_id: ClientOrderId,
    /// What is left open of it after this fill, in lots; an iceberg's reserve included.
    pub leaves: QtyLots,
    /// True when the fill came out of a displayed order: market data must take it off.
    pub was_displayed: bool,
    /// What is displayed of it after this fill, in lots; 0 when it was not displayed, or when the tip
    /// is gone ([`Rested`] follows if there is another). With
    /// [`IcebergRefresh::KeepsPriority`](crate::IcebergRefresh::KeepsPriority) a tip that is gone is
    /// followed at once, in its place: this is the next one then.
    pub displayed: QtyLots,
}

/// One fill between an aggressor (taker) and a resting order (maker). In an auction there is no
/// aggressor: the buy order stands as taker, the sell order as maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// This fill's id.
    pub trade_id: TradeId,
    /// What traded.
    pub instrument: InstrumentId,
    /// The maker's price, or the auction's, in ticks.
    pub price: PriceTicks,
    /// How much traded, in lots.
    pub qty: QtyLots,
    /// The aggressor's side; in an auction buy.
    pub taker_side: Side,
    /// True for a fill of an uncross.
    pub auction: bool,
    /// The aggressor.
    pub taker: Party,
    /// The resting order.
    pub maker: Party,
}

/// An order entered a queue of the book, at its end: on arrival, after a replace, or as the next tip
/// of an iceberg that loses its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rested {
    /// The order.
    pub order_id: OrderId,
    /// Its owner; market data never says.
    pub session: SessionId,
    /// Its owner's name for it.
    pub client_order_id: ClientOrderId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Its price, in ticks.
    pub price: PriceTicks,
    /// Its open quantity, in lots; an iceberg's reserve included.
    pub qty: QtyLots,
    /// What is displayed of it, in lots; 0 for an order that is not displayed.
    pub displayed: QtyLots,
}

/// An order, or what was left of it, is gone without trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// The order.
    pub order_id: OrderId,
    /// Its owner.
    pub session: SessionId,
    /// Its owner's name for it.
    pub client_order_id: ClientOrderId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Its price, in ticks; 0 for one without.
    pub price: PriceTicks,
    /// The open quantity that went, in lots.
    pub qty: QtyLots,
    /// What was displayed of it, in lots: market data must take it off. 0 when nothing was.
    pub displayed: QtyLots,
    /// Why.
    pub reason: CancelReason,
}

/// An order's price or open quantity changed.
///
/// With `priority_kept` it shrank in place. Without, it left its queue; executions may follow, and
/// [`Rested`] says that (and with what) it entered the book again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The order.
    pub order_id: OrderId,
    /// Its owner.
    pub session: SessionId,
    /// Its owner's name for it.
    pub client_order_id: ClientOrderId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Its price before, in ticks.
    pub old_price: PriceTicks,
    /// Its open quantity before, in lots.
    pub old_qty: QtyLots,
    /// What was displayed of it before, in lots.
    pub old_displayed: QtyLots,
    /// Its price from now on, in ticks.
    pub price: PriceTicks,
    /// Its open quantity from now on, in lots, before any execution that follows.
    pub qty: QtyLots,
    /// What is displayed of it from now on, in lots; 0 when it left its queue.
    pub displayed: QtyLots,
    /// True when it kept its place in the queue.
    pub priority_kept: bool,
}

/// A stop order's trigger was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triggered {
    /// The order.
    pub order_id: OrderId,
    /// Its owner.
    pub session: SessionId,
    /// Its owner's name for it.
    pub client_order_id: ClientOrderId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Its trigger when it was reached, in ticks.
    pub stop_price: PriceTicks,
    /// Its limit from here on, in ticks; 0 for none.
    pub price: PriceTicks,
    /// Its open quantity, in lots.
    pub qty: QtyLots,
}

/// The price of a pegged order followed its reference, to the end of the new price's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repriced {
    /// The order.
    pub order_id: OrderId,
    /// Its owner.
    pub session: SessionId,
    /// Its owner's name for it.
    pub client_order_id: ClientOrderId,
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Its price before, in ticks; 0 when it was parked.
    pub old_price: PriceTicks,
    /// Its price from now on, in ticks; 0 when it is parked: there is nothing to follow.
    pub price: PriceTicks,
    /// Its open quantity, in lots.
    pub qty: QtyLots,
}

/// Two orders of one group met, and the smaller quantity came off both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTradePrevented {
    /// Where.
    pub instrument: InstrumentId,
    /// The maker's price, in ticks.
    pub price: PriceTicks,
    /// How much came off each, in lots.
    pub qty: QtyLots,
    /// The aggressor's side.
    pub taker_side: Side,
    /// The aggressor.
    pub taker: Party,
    /// The resting order.
    pub maker: Party,
}

/// An instrument is in another trading state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChanged {
    /// Which one.
    pub instrument: InstrumentId,
    /// Its state from now on; never `Uncross`.
    pub state: TradingState,
    /// The auction that the state is a call for; `None` in any state but a call.
    pub auction: Option<AuctionKind>,
}

/// What an auction would do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indicative {
    /// Which instrument's.
    pub instrument: InstrumentId,
    /// Its price, in ticks; 0 when nothing would trade.
    pub price: PriceTicks,
    /// What would trade, in lots.
    pub qty: QtyLots,
    /// What would be left over at that price, in lots.
    pub imbalance: QtyLots,
    /// The side that it would be left over on; `None` when nothing would be.
    pub imbalance_side: Option<Side>,
}
