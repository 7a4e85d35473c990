//! The fast book against the naive model: the same commands must give the same events, the same
//! hash and the same books.

mod common;
mod coverage;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use vesta_matching::Matcher;
use vesta_model::Model;
use vesta_types::*;

use common::{CAPACITY, Generator, PRICE_MAX, QTY_MAX, Step};
use coverage::{Before, Coverage};

/// Both of them, and what has been seen.
struct Pair {
    matcher: Matcher,
    model: Model,
    coverage: Coverage,
    events: Vec<Event>,
    expected: Vec<Event>,
}

impl Pair {
    fn new() -> Self {
        Self {
            matcher: Matcher::new(CAPACITY),
            model: Model::new(CAPACITY),
            coverage: Coverage::new(),
            events: Vec::new(),
            expected: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        self.events.clear();
        self.expected.clear();
        match step {
            Step::Define(instrument, limits) => {
                let was_known = self.model.instruments().any(|(id, _)| id == *instrument);
                let outcome = self.matcher.define(*instrument, *limits);
                assert_eq!(outcome, self.model.define(*instrument, *limits));
                self.coverage.defined(was_known, outcome);
            }
            Step::Apply(command) => {
                let before = Before::new(&self.model, command);
                self.matcher.apply(command, &mut self.events);
                self.model.apply(command, &mut self.expected);
                assert_eq!(self.events, self.expected, "events of {command:?}");
                self.coverage.applied(&before, command, &self.events, &self.model);
            }
        }
        assert_eq!(self.matcher.state_hash(), self.model.state_hash(), "hash after {step:?}");
    }

    /// Compares all that can be seen of the two.
    fn check(&self) {
        let (matcher, model) = (&self.matcher, &self.model);
        matcher.check_invariants();
        assert_eq!(matcher.order_count(), model.order_count());
        assert!(matcher.instruments().eq(model.instruments()));
        for (instrument, _) in model.instruments() {
            for side in Side::BOTH {
                assert!(matcher.orders(instrument, side).eq(model.orders(instrument, side)));
                assert!(matcher.levels(instrument, side).eq(model.levels(instrument, side)));
                assert_eq!(matcher.best(instrument, side), model.best(instrument, side));
                for order in model.orders(instrument, side) {
                    let by_id = OrderRef::Order(order.order_id);
                    let by_name = OrderRef::Client(order.client_order_id);
                    assert_eq!(matcher.order(order.session, by_id), Some(order));
                    assert_eq!(matcher.order(order.session, by_name), Some(order));
                }
            }
        }
    }
}

/// How many steps the run that must show every rule has.
const RUN_STEP_COUNT: u32 = 200_000;

/// A seed of no meaning; any other shows every rule too.
const RUN_SEED: u64 = 20_261_121;

#[test]
fn every_rule_fires_in_a_long_run() {
    let mut pair = Pair::new();
    let mut generator = Generator::new(RUN_SEED);
    for step_index in 0..RUN_STEP_COUNT {
        pair.step(&generator.step());
        pair.events.iter().for_each(|event| generator.saw(event));
        // Walking everything costs as much as some ten steps.
        if step_index % 16 == 0 {
            pair.check();
        }
    }
    pair.check();
    pair.coverage.report();
}

fn any_price() -> impl Strategy<Value = PriceTicks> {
    let invalid = prop_oneof![Just(0), Just(-1), Just(PRICE_MAX + 1), any::<i64>()];
    prop_oneof![20 => 1..=PRICE_MAX, 1 => invalid].prop_map(PriceTicks)
}

fn any_qty() -> impl Strategy<Value = QtyLots> {
    let invalid = prop_oneof![Just(0), Just(QTY_MAX + 1), any::<u64>()];
    prop_oneof![20 => 1..=QTY_MAX, 1 => invalid].prop_map(QtyLots)
}

fn any_session() -> impl Strategy<Value = SessionId> {
    (1_u32..=3).prop_map(SessionId)
}

fn any_instrument() -> impl Strategy<Value = InstrumentId> {
    prop_oneof![20 => 1_u32..=2, 1 => Just(0), 1 => Just(9)].prop_map(InstrumentId)
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn any_target() -> impl Strategy<Value = (SessionId, InstrumentId, OrderRef)> {
    let by_name = (0_u64..12).prop_map(|id| OrderRef::Client(ClientOrderId(id)));
    let by_id = (0_u64..80).prop_map(|id| OrderRef::Order(OrderId(id)));
    (any_session(), any_instrument(), prop_oneof![by_name, by_id])
}

fn any_new_order() -> impl Strategy<Value = Command> {
    let terms = prop_oneof![
        10 => Just((OrderType::Limit, TimeInForce::Gtc)),
        2 => Just((OrderType::Limit, TimeInForce::Ioc)),
        2 => Just((OrderType::Limit, TimeInForce::Fok)),
        1 => Just((OrderType::Market, TimeInForce::Ioc)),
        1 => Just((OrderType::Market, TimeInForce::Fok)),
        1 => Just((OrderType::Market, TimeInForce::Gtc)),
    ];
    let who = (any_session(), 0_u64..12, any_instrument(), any_side());
    let what = (terms, prop::bool::weighted(0.1), any_price(), any_qty());
    (who, what).prop_map(|(who, what)| {
        let (session, client_order_id, instrument, side) = who;
        let ((order_type, time_in_force), post_only, price, qty) = what;
        let is_market = order_type == OrderType::Market;
        Command::New(NewOrder {
            session,
            client_order_id: ClientOrderId(client_order_id),
            instrument,
            side,
            order_type,
            time_in_force,
            post_only,
            // One market order in some forty carries a price.
            price: if is_market && price.0 > 0 { PriceTicks(0) } else { price },
            qty,
        })
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let cancel = any_target().prop_map(|(session, instrument, target)| {
        Command::Cancel(Cancel { session, instrument, target })
    });
    let replace = (any_target(), any_price(), any_qty()).prop_map(
        |((session, instrument, target), price, qty)| {
            Command::Replace(Replace { session, instrument, target, price, qty })
        },
    );
    let filter = (prop::option::of(any_instrument()), prop::option::of(any_side()));
    let mass_cancel = (any_session(), filter).prop_map(|(session, (instrument, side))| {
        Command::MassCancel(MassCancel { session, instrument, side })
    });
    let command = prop_oneof![60 => any_new_order(), 15 => cancel, 25 => replace, 1 => mass_cancel];
    let define = (0_u32..6, any_price(), any_qty()).prop_map(|(id, price_max, qty_max)| {
        Step::Define(InstrumentId(id), Limits { price_max, qty_max })
    });
    prop_oneof![50 => command.prop_map(Step::Apply), 1 => define]
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 300,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_commands_give_the_same_answers(steps in prop::collection::vec(any_step(), 1..200)) {
        let mut pair = Pair::new();
        let limits = Limits { price_max: PriceTicks(PRICE_MAX), qty_max: QtyLots(QTY_MAX) };
        for instrument in [1, 2] {
            pair.step(&Step::Define(InstrumentId(instrument), limits));
        }
        for step in &steps {
            pair.step(step);
            pair.check();
        }
    }
}
