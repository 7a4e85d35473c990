//! What the matcher says: where events go, and how each is made.

use alloc::vec::Vec;

use vesta_types::{
    Accepted, CancelReason, Cancelled, ClientOrderId, Command, CommandKind, Event, InstrumentId,
    OrderId, OrderRef, PriceTicks, QtyLots, RejectReason, Rejected, SessionId,
};

use crate::arena::Order;
use crate::matcher::Matcher;

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

/// The primary reply to an operator's command.
pub(crate) fn accepted_of_operator(command: CommandKind, instrument: InstrumentId) -> Event {
    Event::Accepted(Accepted {
        command,
        session: SessionId(0),
        client_order_id: ClientOrderId(0),
        order_id: OrderId(0),
        instrument,
        side: None,
        terms: None,
        price: PriceTicks(0),
        qty: QtyLots::ZERO,
    })
}

impl<R> Matcher<R> {
    /// The end of an order that has left its queue, where so much was open and displayed.
    #[inline(always)]
    pub(crate) fn cancelled(
        &self,
        order: &Order,
        qty: QtyLots,
        displayed: QtyLots,
        reason: CancelReason,
    ) -> Event {
        Event::Cancelled(Cancelled {
            order_id: order.order_id,
            session: self.sessions.at(order.session).id,
            client_order_id: order.client_order_id,
            instrument: self.books[order.book.0].instrument,
            side: order.flags.side(),
            price: order.price,
            qty,
            displayed,
            reason,
        })
    }
}

/// The primary reply to a command that changed nothing, with the ids that it named.
pub(crate) fn rejected(command: &Command, reason: RejectReason) -> Event {
    let target = match command {
        Command::New(new) => Some(OrderRef::Client(new.client_order_id)),
        Command::Cancel(cancel) => Some(cancel.target),
        Command::Replace(replace) => Some(replace.target),
        Command::MassCancel(_) | Command::Kill(_) | Command::SetState(_) => None,
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
