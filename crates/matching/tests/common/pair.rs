//! The fast book and the naive model, side by side.

use std::fmt::Debug;

use vesta_matching::Matcher;
use vesta_model::Model;
use vesta_types::state_hash::LiveOrder;
use vesta_types::*;

use super::generator::{Generator, Step};
use super::source::Bytes;

/// Both of them, and what each said to the last step.
pub struct Pair {
    pub matcher: Matcher,
    pub model: Model,
    pub events: Vec<Event>,
    pub expected: Vec<Event>,
}

impl Pair {
    pub fn new(capacity: Capacity) -> Self {
        Self {
            matcher: Matcher::new(capacity),
            model: Model::new(capacity),
            events: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// One step. What a definition says is handed back.
    ///
    /// # Panics
    /// When the two differ in what they say or in their hash.
    pub fn step(&mut self, step: &Step) -> Result<(), RejectReason> {
        self.events.clear();
        self.expected.clear();
        let (mut said, mut to_be_said) = (Ok(()), Ok(()));
        match step {
            Step::Define(instrument, rules) => {
                said = self.matcher.define(*instrument, *rules);
                to_be_said = self.model.define(*instrument, *rules);
            }
            Step::DefineSession(session, open_order_max) => {
                said = self.matcher.define_session(*session, *open_order_max);
                to_be_said = self.model.define_session(*session, *open_order_max);
            }
            Step::Advance(time) => {
                self.matcher.advance_to(*time, &mut self.events);
                self.model.advance_to(*time, &mut self.expected);
            }
            Step::Tick(time) => {
                self.matcher.tick(*time, &mut self.events);
                self.model.tick(*time, &mut self.expected);
            }
            Step::Apply(command) => {
                self.matcher.apply(command, &mut self.events);
                self.model.apply(command, &mut self.expected);
            }
        }
        assert_eq!(said, to_be_said, "answer to {step:?}");
        if self.events != self.expected {
            panic!("{}", self.difference(step));
        }
        let hashes = (self.matcher.state_hash(), self.model.state_hash());
        if hashes.0 != hashes.1 {
            eprintln!("hash after {step:?}, which said{}", list(&self.events));
            for order in self.model.live_orders() {
                let it = OrderRef::Order(order.order_id);
                let other = self.matcher.order(order.terms.session, it);
                if other != Some(order) {
                    eprintln!("the fast book: {other:?}\n    the model: {order:?}");
                }
            }
            self.check();
            panic!("the hash, but nothing that can be seen");
        }
        said
    }

    /// What the model holds, for whoever has to understand a difference.
    pub fn picture(&self) -> String {
        let instruments = self.model.instruments().map(|(instrument, rules)| {
            let rules = format!("\n{rules:?}\n{:?}", self.model.status(instrument));
            let of = self.model.live_orders().filter(|order| order.terms.instrument == instrument);
            rules + &of.map(|order| format!("\n    {}", brief(&order))).collect::<String>()
        });
        instruments.collect()
    }

    fn difference(&self, step: &Step) -> String {
        let same = self.events.iter().zip(&self.expected).take_while(|(a, b)| a == b).count();
        format!(
            "events of {step:?}\n  both:{}\n  the fast book:{}\n  the model:{}\n",
            list(&self.events[..same]),
            list(&self.events[same..]),
            list(&self.expected[same..]),
        )
    }

    /// Compares all that can be seen of the two.
    ///
    /// # Panics
    /// When they differ, or the fast book is not in order.
    pub fn check(&self) {
        let (matcher, model) = (&self.matcher, &self.model);
        assert!(matcher.instruments().eq(model.instruments()));
        for (instrument, _) in model.instruments() {
            assert_eq!(matcher.status(instrument), model.status(instrument));
            for side in Side::BOTH {
                let (a, b) = (matcher.orders(instrument, side), model.orders(instrument, side));
                same("displayed orders", a, b);
                let a = matcher.undisplayed(instrument, side);
                same("undisplayed orders", a, model.undisplayed(instrument, side));
                let (a, b) = (matcher.levels(instrument, side), model.levels(instrument, side));
                same("levels", a, b);
                assert_eq!(matcher.best(instrument, side), model.best(instrument, side));
                for level in model.levels(instrument, side) {
                    assert_eq!(matcher.depth_at(instrument, side, level.price), level.qty);
                }
            }
        }
        assert_eq!(matcher.order_count(), model.order_count());
        for order in model.live_orders() {
            let LiveOrder { order_id, terms, .. } = order;
            let by_id = OrderRef::Order(order_id);
            let by_name = OrderRef::Client(terms.client_order_id);
            assert_eq!(matcher.order(terms.session, by_id), Some(order));
            assert_eq!(matcher.order(terms.session, by_name), Some(order));
            let another = SessionId(terms.session.0 % 4 + 1);
            assert_eq!(matcher.order(another, by_id), None);
        }
        matcher.check_invariants();
    }
}

/// Runs what the bytes say: first a world, then steps, until they are used up.
///
/// # Panics
/// When the two differ.
pub fn run_bytes(bytes: &[u8]) {
    let mut generator = Generator::new(Bytes::new(bytes));
    let mut pair = Pair::new(generator.world().capacity);
    while let Some(step) = generator.step() {
        let _ = pair.step(&step);
        pair.events.iter().for_each(|event| generator.saw(event));
    }
    pair.check();
}

/// An order in a few words: what is not as usual.
fn brief(order: &LiveOrder) -> String {
    let LiveOrder { order_id, terms, phase, queue_price, displayed, priority } = order;
    let usual = NewOrder::limit(
        terms.session,
        terms.client_order_id,
        terms.instrument,
        terms.side,
        terms.price,
        terms.qty,
    );
    let (own, usual) = (format!("{terms:?}"), format!("{usual:?}"));
    let pairs = own.split(", ").zip(usual.split(", "));
    let others: Vec<&str> = pairs.filter(|(a, b)| a != b).map(|(a, _)| a).collect();
    format!(
        "o{order_id} s{}#{} {} {} @ {} {phase:?} at {queue_price} shown {displayed} stamp {priority} {}",
        terms.session,
        terms.client_order_id,
        terms.side,
        terms.qty,
        terms.price,
        others.join(" ")
    )
}

fn list(events: &[Event]) -> String {
    events.iter().map(|event| format!("\n    {event:?}")).collect()
}

fn same<T: Debug + PartialEq>(what: &str, a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) {
    let (a, b): (Vec<T>, Vec<T>) = (a.collect(), b.collect());
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a, b, "{what}");
    }
    assert_eq!(a.len(), b.len(), "{what}");
}
