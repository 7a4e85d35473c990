//! What the matching core answers. Every command gets exactly one primary reply, [`Accepted`] or
//! [`Rejected`], before any other event that it causes.

use crate::{
    CancelReason, ClientOrderId, CommandKind, InstrumentId, OrderId, OrderType, PriceTicks,
    QtyLots, RejectReason, SessionId, Side, TimeInForce, TradeId,
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
}

/// Primary reply: the command is in force, and its effects follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What is replied to.
    pub command: CommandKind,
    /// Whose command it was.
    pub session: SessionId,
    /// The order concerned; 0 for a mass cancel.
    pub client_order_id: ClientOrderId,
    /// The order concerned: the new id for a new order; 0 for a mass cancel.
    pub order_id: OrderId,
    /// The order's instrument; for a mass cancel the one it names, or 0.
    pub instrument: InstrumentId,
    /// The order's side; for a mass cancel the one it names, if any.
    pub side: Option<Side>,
    /// As the order was given; `None` unless the command is a new order.
    pub terms: Option<(OrderType, TimeInForce)>,
    /// New and replace: the price asked for (0 for market). Otherwise 0.
    pub price: PriceTicks,
    /// New and replace: the open quantity asked for. Cancel: the open quantity that goes.
    /// Mass cancel: 0.
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
    /// What is left open of it after this fill, in lots.
    pub leaves: QtyLots,
}

/// One fill between an aggressor (taker) and a resting order (maker).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// This fill's id.
    pub trade_id: TradeId,
    /// What traded.
    pub instrument: InstrumentId,
    /// The maker's price, in ticks.
    pub price: PriceTicks,
    /// How much traded, in lots.
    pub qty: QtyLots,
    /// The aggressor's side.
    pub taker_side: Side,
    /// The aggressor.
    pub taker: Party,
    /// The resting order.
    pub maker: Party,
}

/// An order entered the book at the end of its level's queue.
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
    /// Its open quantity, in lots.
    pub qty: QtyLots,
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
    /// Its price, in ticks; 0 for a market order.
    pub price: PriceTicks,
    /// The open quantity that went, in lots.
    pub qty: QtyLots,
    /// Why; also says whether it rested.
    pub reason: CancelReason,
}

/// A resting order's price or open quantity changed.
///
/// With `priority_kept` it shrank in place. Without, it left its level; executions may follow, and
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
    /// Its price from now on, in ticks.
    pub price: PriceTicks,
    /// Its open quantity from now on, in lots, before any execution that follows.
    pub qty: QtyLots,
    /// True when it kept its place in the queue.
    pub priority_kept: bool,
}
