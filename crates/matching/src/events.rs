//! What the matcher says: where events go, and how each is made.

use alloc::vec::Vec;

use vesta_types::{
    Accepted, CancelReason, Cancelled, ClientOrderId, Command, CommandKind, Event, Executed,
    MassCancel, OrderId, OrderRef, OrderType, Party, PriceTicks, QtyLots, RejectReason, Rejected,
    Replaced, Rested, TimeInForce, TradeId,
};

use crate::arena::Order;

/// Takes the events of a command, in order, as they come about.
pub trait EventSink {
    /// One event. It is final: nothing that follows takes it back.
    fn event(&mut self, event: Event);
}

impl EventSink for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

/// What is said of an order, as it stands.
impl Order {
    /// The primary reply to a new order, as it was given.
    pub(crate) fn accepted_new(&self, order_type: OrderType, tif: TimeInForce) -> Event {
        Event::Accepted(Accepted {
            terms: Some((order_type, tif)),
            price: self.price,
            ..self.accepted(CommandKind::New)
        })
    }

    /// The primary reply to the cancel of a resting order.
    pub(crate) fn accepted_cancel(&self) -> Event {
        Event::Accepted(self.accepted(CommandKind::Cancel))
    }

    /// The primary reply to a replace, of an order as it shall be.
    pub(crate) fn accepted_replace(&self) -> Event {
        Event::Accepted(Accepted { price: self.price, ..self.accepted(CommandKind::Replace) })
    }

    fn accepted(&self, command: CommandKind) -> Accepted {
        Accepted {
            command,
            session: self.session,
            client_order_id: self.client_order_id,
            order_id: self.order_id,
            instrument: self.instrument,
            side: Some(self.side),
            terms: None,
            price: PriceTicks(0),
            qty: self.qty,
        }
    }

    /// What became of the order `old`.
    pub(crate) fn replaced(&self, old: &Self, priority_kept: bool) -> Event {
        Event::Replaced(Replaced {
            order_id: self.order_id,
            session: self.session,
            client_order_id: self.client_order_id,
            instrument: self.instrument,
            side: self.side,
            old_price: old.price,
            old_qty: old.qty,
            price: self.price,
            qty: self.qty,
            priority_kept,
        })
    }

    /// A fill of this taker by `maker`, both as they stand after it.
    pub(crate) fn executed(&self, maker: &Self, trade_id: TradeId, qty: QtyLots) -> Event {
        Event::Executed(Executed {
            trade_id,
            instrument: self.instrument,
            price: maker.price,
            qty,
            taker_side: self.side,
            taker: self.party(),
            maker: maker.party(),
        })
    }

    fn party(&self) -> Party {
        Party {
            order_id: self.order_id,
            session: self.session,
            client_order_id: self.client_order_id,
            leaves: self.qty,
        }
    }

    pub(crate) fn rested(&self) -> Event {
        Event::Rested(Rested {
            order_id: self.order_id,
            session: self.session,
            client_order_id: self.client_order_id,
            instrument: self.instrument,
            side: self.side,
            price: self.price,
            qty: self.qty,
        })
    }

    pub(crate) fn cancelled(&self, reason: CancelReason) -> Event {
        Event::Cancelled(Cancelled {
            order_id: self.order_id,
            session: self.session,
            client_order_id: self.client_order_id,
            instrument: self.instrument,
            side: self.side,
            price: self.price,
            qty: self.qty,
            reason,
        })
    }
}

/// The primary reply to a mass cancel, with its filter.
pub(crate) fn accepted_mass_cancel(mass: &MassCancel) -> Event {
    Event::Accepted(Accepted {
        command: CommandKind::MassCancel,
        session: mass.session,
        client_order_id: ClientOrderId(0),
        order_id: OrderId(0),
        instrument: mass.instrument.unwrap_or_default(),
        side: mass.side,
        terms: None,
        price: PriceTicks(0),
        qty: QtyLots::ZERO,
    })
}

/// The primary reply to a command that changed nothing, with the ids that it named.
pub(crate) fn rejected(command: &Command, reason: RejectReason) -> Event {
    let target = match command {
        Command::New(new) => Some(OrderRef::Client(new.client_order_id)),
        Command::Cancel(cancel) => Some(cancel.target),
        Command::Replace(replace) => Some(replace.target),
        Command::MassCancel(_) => None,
    };
    let (client_order_id, order_id) = match target {
        Some(OrderRef::Client(id)) => (id, OrderId(0)),
        Some(OrderRef::Order(id)) => (ClientOrderId(0), id),
        None => (ClientOrderId(0), OrderId(0)),
    };
    Event::Rejected(Rejected {
        command: command.kind(),
        session: command.session(),
        client_order_id,
        order_id,
        reason,
    })
}
