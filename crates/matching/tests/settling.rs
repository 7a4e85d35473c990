//! Orders that are settled while they act: a command that touches more orders than there are notes for
//! pushes out the note of the very order that acts, which is in no queue at that time.

use vesta_matching::{Capacity, Matcher};
use vesta_types::*;

/// More than the notes that the matcher keeps.
const MANY: u64 = 1_100;

struct Rig {
    matcher: Matcher,
    events: Vec<Event>,
    client_order_id: u64,
}

impl Rig {
    fn new() -> Self {
        let mut matcher = Matcher::new(Capacity {
            order_count_max: 10_000,
            level_count_max: 10_000,
            instrument_count_max: 1,
            session_count_max: 1,
        });
        let rules = InstrumentRules {
            stop_cascade_max: 2_000,
            ..InstrumentRules::new(PriceTicks(10_000), QtyLots(1_000_000))
        };
        assert_eq!(matcher.define(InstrumentId(1), rules), Ok(()));
        assert_eq!(matcher.define_session(SessionId(1), 10_000), Ok(()));
        Self { matcher, events: Vec::new(), client_order_id: 0 }
    }

    fn limit(&mut self, side: Side, price: i64, qty: u64) -> NewOrder {
        self.client_order_id += 1;
        let client_order_id = ClientOrderId(self.client_order_id);
        let (price, qty) = (PriceTicks(price), QtyLots(qty));
        NewOrder::limit(SessionId(1), client_order_id, InstrumentId(1), side, price, qty)
    }

    fn stop(&mut self, trigger: i64) -> NewOrder {
        let order_type = OrderType::Stop;
        let stop_price = PriceTicks(trigger);
        NewOrder { order_type, stop_price, price: PriceTicks(0), ..self.limit(Side::Buy, 1, 1) }
    }

    fn apply(&mut self, command: Command) {
        self.events.clear();
        self.matcher.apply(&command, &mut self.events);
        assert!(!matches!(self.events[0], Event::Rejected(_)), "{:?}", self.events[0]);
    }

    fn new_order(&mut self, new: NewOrder) {
        self.apply(Command::New(new));
    }

    /// Bids that nobody trades with: they push out all notes.
    fn push_out_notes(&mut self) {
        for _ in 0..MANY {
            let bid = self.limit(Side::Buy, 1, 1);
            self.new_order(bid);
        }
    }
}

/// A bid that is replaced so that it trades with the first tips of many icebergs.
fn replaced_through_icebergs(open: u64) -> Rig {
    let mut rig = Rig::new();
    for _ in 0..MANY {
        let iceberg = NewOrder { display_qty: QtyLots(1), ..rig.limit(Side::Sell, 1000, 2) };
        rig.new_order(iceberg);
    }
    rig.push_out_notes();
    let bid = rig.limit(Side::Buy, 900, 5);
    rig.new_order(bid);
    rig.apply(Command::Replace(Replace {
        session: SessionId(1),
        instrument: InstrumentId(1),
        target: OrderRef::Client(bid.client_order_id),
        price: PriceTicks(1000),
        qty: QtyLots(open),
        stop_price: PriceTicks(0),
    }));
    rig.matcher.check_invariants();
    rig
}

#[test]
fn a_replaced_order_that_rests_is_hashed_as_it_rests() {
    replaced_through_icebergs(3 * MANY);
}

#[test]
fn the_slot_of_a_replaced_order_that_was_filled_is_as_good_as_new() {
    let mut rig = replaced_through_icebergs(MANY);
    // It takes the slot, acts at once, and goes.
    let stop = rig.stop(500);
    rig.new_order(stop);
    assert!(matches!(rig.events[1], Event::Triggered(_)));
    rig.matcher.check_invariants();
}

#[test]
fn a_stop_that_elects_many_others_leaves_nothing_behind() {
    let mut rig = Rig::new();
    for (price, qty) in [(1000, 1), (1001, 1), (1002, 1_000_000)] {
        let ask = rig.limit(Side::Sell, price, qty);
        rig.new_order(ask);
    }
    for trigger in std::iter::once(1000).chain(std::iter::repeat_n(1001, MANY as usize)) {
        let stop = rig.stop(trigger);
        rig.new_order(stop);
    }
    rig.push_out_notes();
    let bid = rig.limit(Side::Buy, 1000, 1);
    rig.new_order(bid);
    let triggered = rig.events.iter().filter(|event| matches!(event, Event::Triggered(_))).count();
    assert_eq!(triggered as u64, MANY + 1);
    rig.matcher.check_invariants();
    for _ in 0..3 {
        let stop = rig.stop(500);
        rig.new_order(stop);
        rig.matcher.check_invariants();
    }
}
