//! What an aggressor looks at beside the makers that it meets, orders that it passes over and trailing
//! stops that follow it, counts in a cascade: **match_limit**. Worlds of chance are too small for that.

mod common;

use common::{Pair, Step};
use vesta_types::*;

/// What makes one match.
const LOOKS: u32 = InstrumentRules::LOOKS_PER_MATCH;
/// An initial order and four stops, each with one execution, and as many looks as make one match.
const MATCH_COUNT_MAX: u32 = 10;
const FIRST_ASK: i64 = 101;
const ASK_COUNT: i64 = 30;

struct Rig {
    pair: Pair,
    client_order_id: u64,
}

impl Rig {
    /// An instrument that last traded at 100, with an ask of one lot at each price from 101 on.
    fn new() -> Self {
        let pair = Pair::new(Capacity {
            order_count_max: 4_096,
            level_count_max: 4_096,
            instrument_count_max: 1,
            session_count_max: 1,
        });
        let mut rig = Self { pair, client_order_id: 0 };
        let rules = InstrumentRules {
            match_count_max: MATCH_COUNT_MAX,
            ..InstrumentRules::new(PriceTicks(10_000), QtyLots(1_000_000))
        };
        assert_eq!(rig.pair.step(&Step::Define(InstrumentId(1), rules)), Ok(()));
        assert_eq!(rig.pair.step(&Step::DefineSession(SessionId(1), 4_096)), Ok(()));
        for side in [Side::Sell, Side::Buy] {
            let order = rig.limit(side, 100, 1);
            rig.send(order);
        }
        for price in FIRST_ASK..FIRST_ASK + ASK_COUNT {
            let ask = rig.limit(Side::Sell, price, 1);
            rig.send(ask);
        }
        rig
    }

    fn limit(&mut self, side: Side, price: i64, qty: u64) -> NewOrder {
        self.client_order_id += 1;
        let client_order_id = ClientOrderId(self.client_order_id);
        let (price, qty) = (PriceTicks(price), QtyLots(qty));
        NewOrder::limit(SessionId(1), client_order_id, InstrumentId(1), side, price, qty)
    }

    fn send(&mut self, new: NewOrder) {
        self.pair.step(&Step::Apply(Command::New(new))).expect("no definition");
        assert!(!matches!(self.pair.events[0], Event::Rejected(_)), "{:?}", self.pair.events[0]);
    }

    /// Trailing stops that follow, and that nothing here reaches.
    fn trailing(&mut self, count: u32) {
        for _ in 0..count {
            let sell = self.limit(Side::Sell, 0, 1);
            let order_type = OrderType::TrailingStop;
            self.send(NewOrder { order_type, price: PriceTicks(0), trail_ticks: 50, ..sell });
        }
    }

    /// Orders at the first ask that want more than anybody has.
    fn all_or_none(&mut self, count: u32) {
        for _ in 0..count {
            let sell = self.limit(Side::Sell, FIRST_ASK, 1_000);
            self.send(NewOrder { all_or_none: true, ..sell });
        }
    }

    /// A buy stop of one lot at each ask, the first of which a buyer reaches: each reaches the next. How
    /// many acted, and whether the instrument has halted.
    fn cascade(&mut self) -> (usize, bool) {
        for trigger in FIRST_ASK..FIRST_ASK + ASK_COUNT {
            let stop = self.limit(Side::Buy, 0, 1);
            let (order_type, stop_price) = (OrderType::Stop, PriceTicks(trigger));
            self.send(NewOrder { order_type, stop_price, ..stop });
        }
        let buyer = self.limit(Side::Buy, FIRST_ASK, 1);
        self.send(buyer);
        self.pair.matcher.check_invariants();
        let count = |is: fn(&Event) -> bool| self.pair.events.iter().filter(|it| is(it)).count();
        let acted = count(|event| matches!(event, Event::Triggered(_)));
        (acted, count(|event| matches!(event, Event::StateChanged(_))) == 1)
    }
}

#[test]
fn a_cascade_without_looks_goes_to_the_match_limit() {
    assert_eq!(Rig::new().cascade(), (9, true));
}

#[test]
fn trailing_stops_that_follow_count_in_a_cascade() {
    let mut rig = Rig::new();
    rig.trailing(LOOKS);
    assert_eq!(rig.cascade(), (4, true));
}

#[test]
fn few_trailing_stops_do_not_count() {
    let mut rig = Rig::new();
    rig.trailing(LOOKS - 1);
    assert_eq!(rig.cascade(), (9, true));
}

#[test]
fn orders_that_are_passed_over_count_in_a_cascade() {
    let mut rig = Rig::new();
    rig.all_or_none(LOOKS);
    assert_eq!(rig.cascade(), (4, true));
}

#[test]
fn few_orders_that_are_passed_over_do_not_count() {
    let mut rig = Rig::new();
    rig.all_or_none(LOOKS - 1);
    assert_eq!(rig.cascade(), (9, true));
}

#[test]
fn both_are_added_up() {
    let mut rig = Rig::new();
    rig.trailing(LOOKS / 2);
    rig.all_or_none(LOOKS - LOOKS / 2);
    assert_eq!(rig.cascade(), (4, true));
}

/// Trailing stops follow an aggressor twice, however many prices it trades at, and its own looks do not
/// cut it.
#[test]
fn one_aggressor_is_followed_twice() {
    let mut rig = Rig::new();
    rig.trailing(2 * LOOKS);
    let buyer = rig.limit(Side::Buy, FIRST_ASK + 8, 9);
    rig.send(buyer);
    let fills = rig.pair.events.iter().filter(|event| matches!(event, Event::Executed(_)));
    assert_eq!(fills.count(), 9);
    assert_eq!(rig.pair.events.len(), 10, "accepted, and nothing cancelled");
}
