//! The trickiest rules, with figures worked out by hand. (Every scenario of
//! `crates/matching/tests/scenarios` is run on the model as well.)

mod auctions;
mod random;
mod stops;
mod trading;

use vesta_types::{
    AuctionKind, CancelReason, Capacity, ClientOrderId, Command, Event, InstrumentId,
    InstrumentRules, NewOrder, OrderType, PriceTicks, QtyLots, SessionId, SetState, Side,
    TimeInForce, TradingState,
};

use crate::Model;

const X: InstrumentId = InstrumentId(1);
const S: SessionId = SessionId(1);

struct Desk {
    model: Model,
    name_last: u64,
    events: Vec<Event>,
}

fn rules() -> InstrumentRules {
    InstrumentRules::new(PriceTicks(1_000), QtyLots(1_000))
}

fn desk(rules: InstrumentRules) -> Desk {
    desk_with(rules, 100)
}

fn desk_with(rules: InstrumentRules, level_count_max: u32) -> Desk {
    let capacity = Capacity {
        order_count_max: 100,
        level_count_max,
        instrument_count_max: 1,
        session_count_max: 1,
    };
    let mut model = Model::new(capacity);
    model.define(X, rules).expect("an instrument");
    model.define_session(S, 100).expect("a session");
    Desk { model, name_last: 0, events: Vec::new() }
}

fn limit(side: Side, price: i64, qty: u64) -> NewOrder {
    NewOrder::limit(S, ClientOrderId(0), X, side, PriceTicks(price), QtyLots(qty))
}

fn stop(side: Side, trigger: i64, qty: u64) -> NewOrder {
    let stop_price = PriceTicks(trigger);
    NewOrder { order_type: OrderType::Stop, stop_price, ..limit(side, 0, qty) }
}

fn stop_limit(side: Side, trigger: i64, price: i64, qty: u64) -> NewOrder {
    NewOrder {
        order_type: OrderType::StopLimit,
        price: PriceTicks(price),
        ..stop(side, trigger, qty)
    }
}

fn market(side: Side, qty: u64) -> NewOrder {
    let time_in_force = TimeInForce::Ioc;
    NewOrder { order_type: OrderType::Market, time_in_force, ..limit(side, 0, qty) }
}

impl Desk {
    /// Sends an order under the next name, 1, 2, 3, ... (and so each order has its name as id,
    /// unless one is rejected), and returns what happened.
    fn send(&mut self, order: NewOrder) -> String {
        self.name_last += 1;
        let client_order_id = ClientOrderId(self.name_last);
        self.apply(Command::New(NewOrder { client_order_id, ..order }))
    }

    fn set(&mut self, state: TradingState, auction: AuctionKind) -> String {
        self.apply(Command::SetState(SetState { instrument: X, state, auction }))
    }

    fn apply(&mut self, command: Command) -> String {
        self.events.clear();
        self.model.apply(&command, &mut self.events);
        self.events.iter().map(short).collect::<Vec<_>>().join(" ")
    }

    /// The displayed queue of a side: order@price:displayed/open.
    fn shown(&self, side: Side) -> String {
        let text = |order: vesta_types::state_hash::LiveOrder| {
            let (id, price) = (order.order_id, order.queue_price);
            format!("{id}@{price}:{}/{}", order.displayed, order.terms.qty)
        };
        self.model.orders(X, side).map(text).collect::<Vec<_>>().join(" ")
    }
}

/// An event in few characters; the rest of it is for the scenarios to look at.
fn short(event: &Event) -> String {
    match event {
        Event::Accepted(e) => format!("ok{}", e.order_id),
        Event::Rejected(e) => format!("no:{}", e.reason),
        Event::Executed(e) => {
            format!("{}x{}:{}@{}", e.taker.order_id, e.maker.order_id, e.qty, e.price)
        }
        Event::Rested(e) => format!("rest{}@{}:{}/{}", e.order_id, e.price, e.displayed, e.qty),
        Event::Cancelled(e) => format!("gone{}:{}:{}", e.order_id, e.qty, e.reason),
        Event::Replaced(e) => format!("repl{}@{}:{}", e.order_id, e.price, e.qty),
        Event::Triggered(e) => format!("trig{}@{}", e.order_id, e.stop_price),
        Event::Repriced(e) => format!("peg{}:{}>{}", e.order_id, e.old_price, e.price),
        Event::SelfTradePrevented(e) => {
            format!("{}-{}:{}", e.taker.order_id, e.maker.order_id, e.qty)
        }
        Event::StateChanged(e) => format!("={}", e.state),
        Event::Indicative(e) => {
            let side = e.imbalance_side.map_or("", Side::name);
            format!("ind{}@{}+{}{side}", e.qty, e.price, e.imbalance)
        }
    }
}

#[test]
fn the_shorthand_is_readable() {
    let mut desk = desk(rules());
    assert_eq!(desk.send(limit(Side::Buy, 100, 5)), "ok1 rest1@100:5/5");
    assert_eq!(desk.send(market(Side::Sell, 7)), "ok2 2x1:5@100 gone2:2:immediate_or_cancel");
    assert_eq!(desk.events.len(), 3);
    assert!(matches!(&desk.events[2], Event::Cancelled(e)
        if e.reason == CancelReason::ImmediateOrCancel && e.price == PriceTicks(0)));
}
