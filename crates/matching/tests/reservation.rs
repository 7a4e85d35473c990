//! The seam in front of the book is asked before an order is accepted, and told of all that becomes of
//! it.

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use vesta_matching::{Matcher, Reservation};
use vesta_model::Model;
use vesta_types::*;

use common::{Generator, Seeded, Step};

/// Lots, of whom they are and what they are for. Each session has so many; an order reserves as many
/// as are open of it, and they come back when it trades or goes.
#[derive(Default)]
struct Ledger {
    free: BTreeMap<SessionId, u64>,
    reserved: BTreeMap<OrderId, (SessionId, u64)>,
    reserved_in_all: u128,
    settled: u128,
    released: u128,
    refused_count: u64,
    /// What was asked for again: orders that were replaced.
    asked_again_count: u64,
}

/// What a session has, in lots of an instrument whose orders have ten at most.
const BALANCE: u64 = 45;

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Ledger>>);

impl Ledger {
    /// Takes so much more from a session, if it has it.
    fn take(&mut self, session: SessionId, qty: u64) -> bool {
        let free = self.free.entry(session).or_insert(BALANCE);
        let Some(left) = free.checked_sub(qty) else {
            self.refused_count += 1;
            return false;
        };
        *free = left;
        self.reserved_in_all += u128::from(qty);
        true
    }

    fn give_back(&mut self, order_id: OrderId, qty: u64) {
        let (session, reserved) = self.reserved.get_mut(&order_id).expect("it was reserved for");
        *reserved = reserved.checked_sub(qty).expect("no more than was reserved");
        *self.free.get_mut(session).expect("a session that reserved") += qty;
        if *reserved == 0 {
            self.reserved.remove(&order_id);
        }
    }
}

impl Reservation for Shared {
    fn reserve(&mut self, order_id: OrderId, order: &NewOrder) -> bool {
        let mut ledger = self.0.borrow_mut();
        let is_taken = ledger.take(order.session, order.qty.0);
        if is_taken {
            let before = ledger.reserved.insert(order_id, (order.session, order.qty.0));
            assert_eq!(before, None, "each order is reserved for once");
        }
        is_taken
    }

    fn reserve_again(&mut self, order_id: OrderId, _: PriceTicks, qty: QtyLots) -> bool {
        let mut ledger = self.0.borrow_mut();
        ledger.asked_again_count += 1;
        let (session, reserved) = ledger.reserved[&order_id];
        if qty.0 < reserved {
            ledger.released += u128::from(reserved - qty.0);
            ledger.give_back(order_id, reserved - qty.0);
            return true;
        }
        let is_taken = ledger.take(session, qty.0 - reserved);
        if is_taken {
            ledger.reserved.insert(order_id, (session, qty.0));
        }
        is_taken
    }

    fn settle(&mut self, fill: &Executed) {
        let mut ledger = self.0.borrow_mut();
        for party in [fill.taker, fill.maker] {
            ledger.settled += u128::from(fill.qty.0);
            ledger.give_back(party.order_id, fill.qty.0);
        }
    }

    fn release(&mut self, order_id: OrderId, qty: QtyLots) {
        let mut ledger = self.0.borrow_mut();
        ledger.released += u128::from(qty.0);
        ledger.give_back(order_id, qty.0);
    }
}

/// One of them, beside a model that is told of nothing that was refused.
struct Reserved {
    ledger: Shared,
    matcher: Matcher<Shared>,
    model: Model,
    events: Vec<Event>,
    expected: Vec<Event>,
}

impl Reserved {
    fn new(capacity: Capacity) -> Self {
        let ledger = Shared::default();
        Self {
            matcher: Matcher::with_reservation(capacity, ledger.clone()),
            ledger,
            model: Model::new(capacity),
            events: Vec::new(),
            expected: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        self.events.clear();
        self.expected.clear();
        match step {
            Step::Define(instrument, rules) => {
                assert_eq!(
                    self.matcher.define(*instrument, *rules),
                    self.model.define(*instrument, *rules)
                );
            }
            Step::DefineSession(session, open_order_max) => {
                assert_eq!(
                    self.matcher.define_session(*session, *open_order_max),
                    self.model.define_session(*session, *open_order_max)
                );
            }
            Step::Advance(time) => {
                self.matcher.advance_to(*time, &mut self.events);
                self.model.advance_to(*time, &mut self.expected);
            }
            Step::Tick(time) => {
                self.matcher.tick(*time, &mut self.events);
                self.model.tick(*time, &mut self.expected);
            }
            Step::Apply(command) => self.apply(command),
        }
        assert_eq!(self.events, self.expected, "{step:?}");
        // A refusal has changed nothing, or this would differ, and everything after it.
        assert_eq!(self.matcher.state_hash(), self.model.state_hash(), "{step:?}");
        let ledger = self.ledger.0.borrow();
        let open =
            self.model.live_orders().map(|it| (it.order_id, (it.terms.session, it.terms.qty.0)));
        assert!(open.eq(ledger.reserved.iter().map(|(id, it)| (*id, *it))), "{step:?}");
    }

    fn apply(&mut self, command: &Command) {
        let refused_count = self.ledger.0.borrow().refused_count;
        self.matcher.apply(command, &mut self.events);
        if self.ledger.0.borrow().refused_count == refused_count {
            return self.model.apply(command, &mut self.expected);
        }
        let [Event::Rejected(rejected)] = self.events[..] else { panic!("one reject, no more") };
        assert_eq!(rejected.reason, RejectReason::ReservationRefused);
        // The model would have accepted it: every other guard comes first.
        let mut unaware = self.model.clone();
        let mut events = Vec::new();
        unaware.apply(command, &mut events);
        assert!(matches!(events[0], Event::Accepted(_)), "{command:?}");
        self.expected.push(Event::Rejected(rejected));
    }
}

#[test]
fn what_is_reserved_is_settled_or_released() {
    let mut sums = Ledger::default();
    for seed in 0..if cfg!(debug_assertions) { 10 } else { 100 } {
        let mut generator = Generator::new(Seeded::new(seed));
        let mut reserved = Reserved::new(generator.world().capacity);
        for _ in 0..1_500 {
            let step = generator.step().expect("a seed has no end");
            reserved.step(&step);
            reserved.events.iter().for_each(|event| generator.saw(event));
        }
        let all = Kill { scope: KillScope::All, engaged: true };
        reserved.step(&Step::Apply(Command::Kill(all)));
        let ledger = reserved.ledger.0.take();
        assert!(ledger.reserved.is_empty());
        assert_eq!(ledger.reserved_in_all, ledger.settled + ledger.released);
        assert!(ledger.free.values().all(|free| *free == BALANCE));
        sums.settled += ledger.settled;
        sums.released += ledger.released;
        sums.refused_count += ledger.refused_count;
        sums.asked_again_count += ledger.asked_again_count;
    }
    assert!(sums.settled > 0 && sums.released > 0);
    assert!(sums.refused_count > 100 && sums.asked_again_count > 100);
}

#[test]
fn a_refused_order_leaves_no_trace() {
    let capacity = Capacity {
        order_count_max: 4,
        level_count_max: 4,
        instrument_count_max: 1,
        session_count_max: 1,
    };
    let mut reserved = Reserved::new(capacity);
    let rules = InstrumentRules::new(PriceTicks(100), QtyLots(100));
    reserved.step(&Step::Define(InstrumentId(1), rules));
    reserved.step(&Step::DefineSession(SessionId(1), 4));
    let order = |name: u64, qty: u64| {
        let name = ClientOrderId(name);
        let (price, qty) = (PriceTicks(10), QtyLots(qty));
        NewOrder::limit(SessionId(1), name, InstrumentId(1), Side::Buy, price, qty)
    };
    reserved.step(&Step::Apply(Command::New(order(1, 40))));
    let hash = reserved.matcher.state_hash();
    reserved.step(&Step::Apply(Command::New(order(2, 6))));
    let refused = Rejected {
        command: CommandKind::New,
        session: SessionId(1),
        client_order_id: ClientOrderId(2),
        order_id: OrderId(0),
        reason: RejectReason::ReservationRefused,
    };
    assert_eq!(reserved.events, [Event::Rejected(refused)]);
    let more = |qty: u64| {
        Command::Replace(Replace {
            session: SessionId(1),
            instrument: InstrumentId(1),
            target: OrderRef::Client(ClientOrderId(1)),
            price: PriceTicks(10),
            qty: QtyLots(qty),
            stop_price: PriceTicks(0),
        })
    };
    reserved.step(&Step::Apply(more(46)));
    let refused =
        Rejected { command: CommandKind::Replace, client_order_id: ClientOrderId(1), ..refused };
    assert_eq!(reserved.events, [Event::Rejected(refused)]);
    assert_eq!(reserved.matcher.state_hash(), hash);
    // The next id is the one that the refused order did not get.
    reserved.step(&Step::Apply(Command::New(order(2, 5))));
    let Some(Event::Accepted(accepted)) = reserved.events.first() else { panic!("it fits") };
    assert_eq!(accepted.order_id, OrderId(2));
}
