//! Events of the matching core become events of the log: numbered, stamped, in bytes.

use crate::sessions::{Outcome, Sessions};
use vesta_matching::EventSink;
use vesta_types::{
    Accepted, Cancel, Cancelled, ClientOrderId, ClientSeq, Command, Event, EventSeq, Executed,
    GatewayId, OrderId, OrderRef, Party, RejectReason, Rejected, Replace, Replaced, Rested, Seq,
    SessionId, Side, TimeNs,
};
use vesta_wire::event::{
    CommandAccepted, CommandRejected, EventFrame, EventStamp, FillParty, OrderCancelled,
    OrderExecuted, OrderReplaced, OrderRested,
};
use vesta_wire::{Message, Outbox};

/// The output of an engine: events in bytes, numbered densely from 1.
pub(crate) type EventOutbox = Outbox<EventFrame>;

/// Where the record that is being applied stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) seq: Seq,
    pub(crate) time: TimeNs,
    pub(crate) gateway: GatewayId,
    pub(crate) client_seq: ClientSeq,
}

/// The sink that one command's events go into.
pub(crate) struct Encoder<'a> {
    pub(crate) outbox: &'a mut EventOutbox,
    pub(crate) sessions: &'a Sessions,
    pub(crate) cause: Cause,
    /// The command's primary reply, once it came.
    pub(crate) outcome: Option<Outcome>,
}

/// Numbers an event, stamps it, and queues it.
pub(crate) fn emit<M: Message>(
    outbox: &mut EventOutbox,
    cause: &Cause,
    event: impl FnOnce(EventStamp) -> M,
) -> EventSeq {
    let event_seq = outbox.next_number();
    let stamp = EventStamp {
        event_seq: event_seq.into(),
        seq: cause.seq.0.into(),
        time_ns: cause.time.0.into(),
    };
    EventSeq(outbox.push(&event(stamp)))
}

fn wire_side(side: Option<Side>) -> u8 {
    side.map_or(0, |side| side as u8)
}

impl Encoder<'_> {
    fn gateway(&self, session: SessionId) -> u32 {
        self.sessions.gateway(session).0
    }

    fn reply(&mut self, outcome: Outcome) {
        assert!(self.outcome.is_none(), "a command has exactly one primary reply");
        self.outcome = Some(outcome);
    }

    fn accepted(&mut self, e: &Accepted) {
        self.reply(Outcome {
            seq: self.cause.seq,
            command: e.command,
            client_order_id: e.client_order_id,
            order_id: e.order_id,
            rejected: None,
        });
        let (order_type, time_in_force) =
            e.terms.map_or((0, 0), |(order_type, tif)| (order_type as u8, tif as u8));
        emit(self.outbox, &self.cause, |stamp| CommandAccepted {
            stamp,
            client_seq: self.cause.client_seq.0.into(),
            client_order_id: e.client_order_id.0.into(),
            order_id: e.order_id.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            instrument: e.instrument.0.into(),
            session: e.session.0.into(),
            gateway: self.cause.gateway.0.into(),
            command: e.command as u8,
            side: wire_side(e.side),
            order_type,
            time_in_force,
            reserved: [0; 8],
        });
    }

    /// Also for the engine's own rejections, which consume no `client_seq`.
    pub(crate) fn rejected(outbox: &mut EventOutbox, cause: &Cause, e: &Rejected) {
        emit(outbox, cause, |stamp| CommandRejected {
            stamp,
            client_seq: cause.client_seq.0.into(),
            client_order_id: e.client_order_id.0.into(),
            order_id: e.order_id.0.into(),
            session: e.session.0.into(),
            gateway: cause.gateway.0.into(),
            reason: (e.reason as u16).into(),
            command: e.command as u8,
            reserved: [0; 5],
        });
    }

    fn rested(&mut self, e: &Rested) {
        let gateway = self.gateway(e.session);
        emit(self.outbox, &self.cause, |stamp| OrderRested {
            stamp,
            order_id: e.order_id.0.into(),
            client_order_id: e.client_order_id.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            instrument: e.instrument.0.into(),
            session: e.session.0.into(),
            gateway: gateway.into(),
            side: e.side as u8,
            reserved: [0; 3],
        });
    }

    fn party(&self, party: &Party) -> FillParty {
        FillParty {
            order_id: party.order_id.0.into(),
            client_order_id: party.client_order_id.0.into(),
            leaves: party.leaves.0.into(),
            session: party.session.0.into(),
            gateway: self.gateway(party.session).into(),
        }
    }

    fn executed(&mut self, e: &Executed) {
        let (taker, maker) = (self.party(&e.taker), self.party(&e.maker));
        emit(self.outbox, &self.cause, |stamp| OrderExecuted {
            stamp,
            trade_id: e.trade_id.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            taker,
            maker,
            instrument: e.instrument.0.into(),
            taker_side: e.taker_side as u8,
            reserved: [0; 3],
        });
    }

    fn cancelled(&mut self, e: &Cancelled) {
        let gateway = self.gateway(e.session);
        emit(self.outbox, &self.cause, |stamp| OrderCancelled {
            stamp,
            order_id: e.order_id.0.into(),
            client_order_id: e.client_order_id.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            instrument: e.instrument.0.into(),
            session: e.session.0.into(),
            gateway: gateway.into(),
            side: e.side as u8,
            reason: e.reason as u8,
            reserved: [0; 2],
        });
    }

    fn replaced(&mut self, e: &Replaced) {
        let gateway = self.gateway(e.session);
        emit(self.outbox, &self.cause, |stamp| OrderReplaced {
            stamp,
            order_id: e.order_id.0.into(),
            client_order_id: e.client_order_id.0.into(),
            old_price: e.old_price.0.into(),
            old_qty: e.old_qty.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            instrument: e.instrument.0.into(),
            session: e.session.0.into(),
            gateway: gateway.into(),
            side: e.side as u8,
            priority_kept: u8::from(e.priority_kept),
            reserved: [0; 2],
        });
    }
}

impl EventSink for Encoder<'_> {
    fn event(&mut self, event: Event) {
        let primary = matches!(event, Event::Accepted(_) | Event::Rejected(_));
        assert!(primary || self.outcome.is_some(), "the primary reply comes first: {event:?}");
        match event {
            Event::Accepted(e) => self.accepted(&e),
            Event::Rejected(e) => {
                self.reply(Outcome {
                    seq: self.cause.seq,
                    command: e.command,
                    client_order_id: e.client_order_id,
                    order_id: e.order_id,
                    rejected: Some(e.reason),
                });
                Self::rejected(self.outbox, &self.cause, &e);
            }
            Event::Executed(e) => self.executed(&e),
            Event::Rested(e) => self.rested(&e),
            Event::Cancelled(e) => self.cancelled(&e),
            Event::Replaced(e) => self.replaced(&e),
        }
    }
}

/// The engine's own refusal of a command that the books never saw.
pub(crate) const fn refusal(command: &Command, reason: RejectReason) -> Rejected {
    let (client_order_id, order_id) = match command {
        Command::New(c) => (c.client_order_id, OrderId(0)),
        Command::Cancel(Cancel { target, .. }) | Command::Replace(Replace { target, .. }) => {
            match *target {
                OrderRef::Client(id) => (id, OrderId(0)),
                OrderRef::Order(id) => (ClientOrderId(0), id),
            }
        }
        Command::MassCancel(_) => (ClientOrderId(0), OrderId(0)),
    };
    let (command, session) = (command.kind(), command.session());
    Rejected { command, session, client_order_id, order_id, reason }
}
