//! Events of the matching core become events of the log: numbered, stamped, in bytes.

use crate::sessions::{Outcome, Sessions};
use vesta_matching::EventSink;
use vesta_types::{
    Accepted, Cancel, Cancelled, ClientOrderId, ClientSeq, Command, Event, EventSeq, Executed,
    GatewayId, Indicative, OrderId, OrderRef, Party, RejectReason, Rejected, Replace, Replaced,
    Repriced, Rested, SelfTradePrevented, Seq, SessionId, Side, StateChanged, TimeNs, Triggered,
};
use vesta_wire::event::{
    self, CommandAccepted, CommandRejected, EventFrame, EventStamp, FillParty, IndicativeChanged,
    OrderCancelled, OrderExecuted, OrderReplaced, OrderRepriced, OrderRested, OrderTriggered,
    TradingStateChanged,
};
use vesta_wire::{Message, Outbox};

/// The output of an engine: events in bytes, numbered densely from 1.
pub(crate) type EventOutbox = Outbox<EventFrame>;

/// Where the record that is being applied stands, and whose command it is: of the sequencer's own
/// records and of the operator's both are 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) seq: Seq,
    pub(crate) time: TimeNs,
    pub(crate) gateway: GatewayId,
    pub(crate) client_seq: ClientSeq,
}

/// What must come first.
#[derive(Clone, Copy, Debug)]
enum Reply {
    /// What time causes has no reply.
    None,
    /// The primary reply of a command.
    Awaited,
    /// It came.
    Given(Outcome),
}

/// The sink that the events of one command go into, or those of the time that a record brought.
pub(crate) struct Encoder<'a> {
    outbox: &'a mut EventOutbox,
    sessions: &'a Sessions,
    cause: Cause,
    reply: Reply,
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

impl<'a> Encoder<'a> {
    /// A sink for a command: its primary reply, and what it causes.
    pub(crate) const fn of_command(
        outbox: &'a mut EventOutbox,
        sessions: &'a Sessions,
        cause: &Cause,
    ) -> Self {
        Self { outbox, sessions, cause: *cause, reply: Reply::Awaited }
    }

    /// A sink for what is due by the time of a record.
    pub(crate) const fn of_time(
        outbox: &'a mut EventOutbox,
        sessions: &'a Sessions,
        cause: &Cause,
    ) -> Self {
        Self { outbox, sessions, cause: *cause, reply: Reply::None }
    }

    /// The outcome of the command whose events went into this.
    ///
    /// # Panics
    /// When it had no primary reply: that is our bug.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.reply {
            Reply::Given(outcome) => outcome,
            reply => panic!("every command has a primary reply: {reply:?}"),
        }
    }

    fn gateway(&self, session: SessionId) -> u32 {
        self.sessions.gateway(session).0
    }

    fn reply(&mut self, outcome: Outcome) {
        let is_first = matches!(self.reply, Reply::Awaited);
        assert!(is_first, "a command has exactly one primary reply, and time has none");
        self.reply = Reply::Given(outcome);
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
            displayed: e.displayed.0.into(),
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
            displayed: party.displayed.0.into(),
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
            auction: u8::from(e.auction),
            taker_was_displayed: u8::from(e.taker.was_displayed),
            maker_was_displayed: u8::from(e.maker.was_displayed),
        });
    }

    fn prevented(&mut self, e: &SelfTradePrevented) {
        let (taker, maker) = (self.party(&e.taker), self.party(&e.maker));
        emit(self.outbox, &self.cause, |stamp| event::SelfTradePrevented {
            stamp,
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            taker,
            maker,
            instrument: e.instrument.0.into(),
            taker_side: e.taker_side as u8,
            taker_was_displayed: u8::from(e.taker.was_displayed),
            maker_was_displayed: u8::from(e.maker.was_displayed),
            reserved: 0,
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
            displayed: e.displayed.0.into(),
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
            old_displayed: e.old_displayed.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            displayed: e.displayed.0.into(),
            instrument: e.instrument.0.into(),
            session: e.session.0.into(),
            gateway: gateway.into(),
            side: e.side as u8,
            priority_kept: u8::from(e.priority_kept),
            reserved: [0; 2],
        });
    }

    fn triggered(&mut self, e: &Triggered) {
        let gateway = self.gateway(e.session);
        emit(self.outbox, &self.cause, |stamp| OrderTriggered {
            stamp,
            order_id: e.order_id.0.into(),
            client_order_id: e.client_order_id.0.into(),
            stop_price: e.stop_price.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            instrument: e.instrument.0.into(),
            session: e.session.0.into(),
            gateway: gateway.into(),
            side: e.side as u8,
            reserved: [0; 3],
        });
    }

    fn repriced(&mut self, e: &Repriced) {
        let gateway = self.gateway(e.session);
        emit(self.outbox, &self.cause, |stamp| OrderRepriced {
            stamp,
            order_id: e.order_id.0.into(),
            client_order_id: e.client_order_id.0.into(),
            old_price: e.old_price.0.into(),
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            instrument: e.instrument.0.into(),
            session: e.session.0.into(),
            gateway: gateway.into(),
            side: e.side as u8,
            reserved: [0; 3],
        });
    }

    fn state_changed(&mut self, e: &StateChanged) {
        emit(self.outbox, &self.cause, |stamp| TradingStateChanged {
            stamp,
            instrument: e.instrument.0.into(),
            state: e.state as u8,
            auction: e.auction.map_or(0, |auction| auction as u8),
            reserved: [0; 2],
        });
    }

    fn indicative(&mut self, e: &Indicative) {
        emit(self.outbox, &self.cause, |stamp| IndicativeChanged {
            stamp,
            price: e.price.0.into(),
            qty: e.qty.0.into(),
            imbalance: e.imbalance.0.into(),
            instrument: e.instrument.0.into(),
            imbalance_side: wire_side(e.imbalance_side),
            reserved: [0; 3],
        });
    }
}

impl EventSink for Encoder<'_> {
    #[inline(always)]
    fn event(&mut self, event: Event) {
        let primary = matches!(event, Event::Accepted(_) | Event::Rejected(_));
        let is_due = primary || !matches!(self.reply, Reply::Awaited);
        assert!(is_due, "the primary reply comes first: {event:?}");
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
            Event::Triggered(e) => self.triggered(&e),
            Event::Repriced(e) => self.repriced(&e),
            Event::SelfTradePrevented(e) => self.prevented(&e),
            Event::StateChanged(e) => self.state_changed(&e),
            Event::Indicative(e) => self.indicative(&e),
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
        Command::MassCancel(_) | Command::Kill(_) | Command::SetState(_) => {
            (ClientOrderId(0), OrderId(0))
        }
    };
    let (command, session) = (command.kind(), command.session());
    Rejected { command, session, client_order_id, order_id, reason }
}
