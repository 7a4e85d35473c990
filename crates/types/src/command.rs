//! What the matching core is told to do.

use crate::{
    ClientOrderId, InstrumentId, OrderId, OrderType, PriceTicks, QtyLots, SessionId, Side,
    TimeInForce,
};

/// One command of one session. The sequencer has put it in order; the session table has let it by.
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
        }
    }

    /// The session that gave the command.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        match self {
            Self::New(c) => c.session,
            Self::Cancel(c) => c.session,
            Self::Replace(c) => c.session,
            Self::MassCancel(c) => c.session,
        }
    }
}

/// The kind of a command: what a reply replies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CommandKind {
    /// [`NewOrder`].
    New = 1,
    /// [`Cancel`].
    Cancel = 2,
    /// [`Replace`].
    Replace = 3,
    /// [`MassCancel`].
    MassCancel = 4,
}

impl CommandKind {
    /// The kind that a wire byte names.
    #[must_use]
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::New),
            2 => Some(Self::Cancel),
            3 => Some(Self::Replace),
            4 => Some(Self::MassCancel),
            _ => None,
        }
    }
}

/// A new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Whose it is.
    pub session: SessionId,
    /// Its owner's name for it; not 0, not that of another live order of the session.
    pub client_order_id: ClientOrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// What becomes of the remainder.
    pub time_in_force: TimeInForce,
    /// Reject rather than trade on arrival. Sticks to the order: a replace that would cross is
    /// rejected too.
    pub post_only: bool,
    /// Worst acceptable price in ticks, from 1; 0 for a market order.
    pub price: PriceTicks,
    /// Quantity in lots, from 1.
    pub qty: QtyLots,
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

/// Change an order's price or open quantity; it keeps both of its ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replace {
    /// Who asks; only its own orders are in reach.
    pub session: SessionId,
    /// The order's instrument: an order of another instrument is an unknown one, since a price in
    /// the wrong instrument's ticks must never reach it.
    pub instrument: InstrumentId,
    /// Which order.
    pub target: OrderRef,
    /// New price in ticks, from 1.
    pub price: PriceTicks,
    /// New *open* quantity in lots, from 1: what may still trade, not the total.
    pub qty: QtyLots,
}

/// Take all orders of a session out of the book that fit the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassCancel {
    /// Whose orders.
    pub session: SessionId,
    /// Only those of this instrument.
    pub instrument: Option<InstrumentId>,
    /// Only those of this side.
    pub side: Option<Side>,
}
