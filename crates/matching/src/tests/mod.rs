//! The rules of the crate's front page, each by name. What is expected is worked out by hand, and
//! the naive model is held to it as well: the two must not share a misreading.

mod capacity;
mod leaving;
mod new_order;
mod rejects;
mod replace;

use std::vec::Vec;

use vesta_model::Model;
use vesta_types::*;

use crate::{Capacity, Matcher};

pub(crate) const ANN: SessionId = SessionId(1);
pub(crate) const BOB: SessionId = SessionId(2);
pub(crate) const CAT: SessionId = SessionId(3);

/// A matcher, the model beside it, and what they said.
pub(crate) struct Rig {
    pub(crate) matcher: Matcher,
    model: Model,
    /// Of the last command.
    pub(crate) events: Vec<Event>,
}

/// A fill as tests state it: maker, price, quantity.
pub(crate) type Fill = (u64, i64, u64);

impl Rig {
    pub(crate) fn with_capacity(order_count_max: u32, level_count_max: u32) -> Self {
        let capacity = Capacity { order_count_max, level_count_max, instrument_count_max: 2 };
        let (mut matcher, mut model) = (Matcher::new(capacity), Model::new(capacity));
        let limits = Limits { price_max: PriceTicks(1000), qty_max: QtyLots(100) };
        for instrument in [InstrumentId(1), InstrumentId(2)] {
            assert_eq!(matcher.define(instrument, limits), Ok(()));
            assert_eq!(model.define(instrument, limits), Ok(()));
        }
        Self { matcher, model, events: Vec::new() }
    }

    pub(crate) fn new() -> Self {
        Self::with_capacity(64, 16)
    }

    pub(crate) fn apply(&mut self, command: Command) -> &mut Self {
        self.events.clear();
        self.matcher.apply(&command, &mut self.events);
        self.matcher.check_invariants();
        let mut modelled = Vec::new();
        self.model.apply(&command, &mut modelled);
        assert_eq!(self.events, modelled, "book and model");
        assert_eq!(self.matcher.state_hash(), self.model.state_hash());
        let is_primary = |e: &&Event| matches!(e, Event::Accepted(_) | Event::Rejected(_));
        assert_eq!(self.events.iter().filter(is_primary).count(), 1, "one primary reply");
        assert!(self.events.first().as_ref().is_some_and(is_primary), "and it comes first");
        self
    }

    pub(crate) fn new_order(&mut self, order: NewOrder) -> &mut Self {
        self.apply(Command::New(order))
    }

    /// A limit order that rests; returns its id.
    pub(crate) fn rest(&mut self, order: NewOrder) -> OrderId {
        self.new_order(order);
        match self.events[..] {
            [Event::Accepted(accepted), Event::Rested(_)] => accepted.order_id,
            _ => panic!("did not just rest: {:?}", self.events),
        }
    }

    pub(crate) fn cancel(&mut self, session: SessionId, target: OrderRef) -> &mut Self {
        let instrument = InstrumentId(1);
        self.apply(Command::Cancel(Cancel { session, instrument, target }))
    }

    pub(crate) fn replace(
        &mut self,
        session: SessionId,
        target: OrderRef,
        price: i64,
        qty: u64,
    ) -> &mut Self {
        let (instrument, price, qty) = (InstrumentId(1), PriceTicks(price), QtyLots(qty));
        self.apply(Command::Replace(Replace { session, instrument, target, price, qty }))
    }

    /// The last command's reason of reject; `None` when it was accepted.
    pub(crate) fn reason(&self) -> Option<RejectReason> {
        match self.events[0] {
            Event::Rejected(rejected) => {
                assert_eq!(self.events.len(), 1, "a reject has no effects");
                Some(rejected.reason)
            }
            _ => None,
        }
    }

    pub(crate) fn fills(&self) -> Vec<Fill> {
        let fill = |event: &Event| match event {
            Event::Executed(x) => Some((x.maker.order_id.0, x.price.0, x.qty.0)),
            _ => None,
        };
        self.events.iter().filter_map(fill).collect()
    }

    pub(crate) fn cancels(&self) -> Vec<(u64, u64, CancelReason)> {
        let cancelled = |event: &Event| match event {
            Event::Cancelled(x) => Some((x.order_id.0, x.qty.0, x.reason)),
            _ => None,
        };
        self.events.iter().filter_map(cancelled).collect()
    }

    /// Ids of the resting orders of a side of instrument 1, in priority order.
    pub(crate) fn queue(&self, side: Side) -> Vec<u64> {
        self.matcher.orders(InstrumentId(1), side).map(|order| order.order_id.0).collect()
    }

    /// (price, quantity, orders) of a side of instrument 1, best first.
    pub(crate) fn levels(&self, side: Side) -> Vec<(i64, u64, u32)> {
        let levels = self.matcher.levels(InstrumentId(1), side);
        levels.map(|level| (level.price.0, level.qty.0, level.order_count)).collect()
    }
}

/// A GTC limit order for instrument 1.
pub(crate) fn limit(session: SessionId, client: u64, side: Side, price: i64, qty: u64) -> NewOrder {
    NewOrder {
        session,
        client_order_id: ClientOrderId(client),
        instrument: InstrumentId(1),
        side,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        price: PriceTicks(price),
        qty: QtyLots(qty),
    }
}

pub(crate) fn buy(session: SessionId, client: u64, price: i64, qty: u64) -> NewOrder {
    limit(session, client, Side::Buy, price, qty)
}

pub(crate) fn sell(session: SessionId, client: u64, price: i64, qty: u64) -> NewOrder {
    limit(session, client, Side::Sell, price, qty)
}

pub(crate) fn market(order: NewOrder, time_in_force: TimeInForce) -> NewOrder {
    NewOrder { order_type: OrderType::Market, time_in_force, price: PriceTicks(0), ..order }
}

pub(crate) fn immediate(order: NewOrder, time_in_force: TimeInForce) -> NewOrder {
    NewOrder { time_in_force, ..order }
}

pub(crate) fn post_only(order: NewOrder) -> NewOrder {
    NewOrder { post_only: true, ..order }
}

pub(crate) fn by_client(id: u64) -> OrderRef {
    OrderRef::Client(ClientOrderId(id))
}
