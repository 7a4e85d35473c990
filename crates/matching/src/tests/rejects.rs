//! The first broken rule is the reason, and a reject changes nothing.

use super::*;
use RejectReason as Reason;

fn reason_of(order: NewOrder) -> Option<Reason> {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    let before = rig.matcher.state_hash();
    let reason = rig.new_order(order).reason();
    assert!(reason.is_none() || rig.matcher.state_hash() == before, "a reject changes nothing");
    reason
}

#[test]
fn each_rule_of_a_new_order_has_its_reason() {
    let good = buy(BOB, 1, 99, 5);
    assert_eq!(reason_of(good), None);
    let cases = [
        (NewOrder { instrument: InstrumentId(9), ..good }, Reason::UnknownInstrument),
        (NewOrder { instrument: InstrumentId(0), ..good }, Reason::UnknownInstrument),
        (buy(BOB, 0, 99, 5), Reason::InvalidClientOrderId),
        (market(good, TimeInForce::Gtc), Reason::MarketMustBeImmediate),
        (post_only(market(good, TimeInForce::Ioc)), Reason::PostOnlyMustRest),
        (post_only(immediate(good, TimeInForce::Ioc)), Reason::PostOnlyMustRest),
        (post_only(immediate(good, TimeInForce::Fok)), Reason::PostOnlyMustRest),
        (buy(BOB, 1, 0, 5), Reason::InvalidPrice),
        (buy(BOB, 1, -1, 5), Reason::InvalidPrice),
        (buy(BOB, 1, i64::MIN, 5), Reason::InvalidPrice),
        (buy(BOB, 1, 1001, 5), Reason::InvalidPrice),
        (buy(BOB, 1, i64::MAX, 5), Reason::InvalidPrice),
        (immediate(buy(BOB, 1, 0, 5), TimeInForce::Ioc), Reason::InvalidPrice),
        (NewOrder { price: PriceTicks(1), ..market(good, TimeInForce::Ioc) }, Reason::InvalidPrice),
        (buy(BOB, 1, 99, 0), Reason::InvalidQuantity),
        (buy(BOB, 1, 99, 101), Reason::InvalidQuantity),
        (buy(BOB, 1, 99, u64::MAX), Reason::InvalidQuantity),
        (buy(ANN, 1, 99, 5), Reason::DuplicateClientOrderId),
        (post_only(buy(BOB, 1, 100, 5)), Reason::PostOnlyWouldCross),
    ];
    for (order, reason) in cases {
        assert_eq!(reason_of(order), Some(reason), "{order:?}");
    }
}

#[test]
fn the_limits_themselves_are_admitted() {
    assert_eq!(reason_of(buy(BOB, 1, 1, 1)), None);
    assert_eq!(reason_of(buy(BOB, 1, 1000, 100)), None);
}

#[test]
fn the_first_broken_rule_is_the_reason() {
    // Breaks every rule but capacity; mending one after the other brings up the next.
    let mut order = NewOrder {
        instrument: InstrumentId(9),
        client_order_id: ClientOrderId(0),
        post_only: true,
        price: PriceTicks(-1),
        qty: QtyLots(0),
        ..market(buy(ANN, 0, 0, 0), TimeInForce::Gtc)
    };
    assert_eq!(reason_of(order), Some(Reason::UnknownInstrument));
    order.instrument = InstrumentId(1);
    assert_eq!(reason_of(order), Some(Reason::InvalidClientOrderId));
    order.client_order_id = ClientOrderId(1);
    assert_eq!(reason_of(order), Some(Reason::MarketMustBeImmediate));
    order.time_in_force = TimeInForce::Ioc;
    assert_eq!(reason_of(order), Some(Reason::PostOnlyMustRest));
    order.time_in_force = TimeInForce::Gtc;
    order.order_type = OrderType::Limit;
    assert_eq!(reason_of(order), Some(Reason::InvalidPrice));
    order.price = PriceTicks(100);
    assert_eq!(reason_of(order), Some(Reason::InvalidQuantity));
    order.qty = QtyLots(1);
    assert_eq!(reason_of(order), Some(Reason::DuplicateClientOrderId));
    order.client_order_id = ClientOrderId(2);
    assert_eq!(reason_of(order), Some(Reason::PostOnlyWouldCross));
    order.price = PriceTicks(99);
    assert_eq!(reason_of(order), None);
}

#[test]
fn a_post_only_order_that_does_not_cross_rests() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    let id = rig.rest(post_only(buy(BOB, 1, 99, 5)));
    let order = rig.matcher.order(BOB, OrderRef::Order(id)).expect("it rests");
    assert!(order.post_only);
}

#[test]
fn a_reject_repeats_the_ids_that_the_command_named() {
    let mut rig = Rig::new();
    let named = |rig: &Rig| match rig.events[0] {
        Event::Rejected(r) => (r.command, r.session, r.client_order_id.0, r.order_id.0),
        _ => panic!("not rejected"),
    };
    rig.new_order(buy(ANN, 7, 0, 5));
    assert_eq!(named(&rig), (CommandKind::New, ANN, 7, 0));
    rig.cancel(ANN, by_client(8));
    assert_eq!(named(&rig), (CommandKind::Cancel, ANN, 8, 0));
    rig.replace(BOB, OrderRef::Order(OrderId(9)), 1, 1);
    assert_eq!(named(&rig), (CommandKind::Replace, BOB, 0, 9));
    let instrument = Some(InstrumentId(9));
    rig.apply(Command::MassCancel(MassCancel { session: CAT, instrument, side: None }));
    assert_eq!(named(&rig), (CommandKind::MassCancel, CAT, 0, 0));
    assert_eq!(rig.reason(), Some(Reason::UnknownInstrument));
}

#[test]
fn a_client_order_id_can_be_used_again_after_its_order_is_dead() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    rig.rest(buy(BOB, 1, 90, 5));
    rig.new_order(buy(BOB, 2, 100, 5));
    assert_eq!(rig.fills().len(), 1, "filled");
    rig.rest(sell(ANN, 1, 100, 5));
    rig.cancel(ANN, by_client(1));
    rig.rest(sell(ANN, 1, 100, 5));
    assert_eq!(rig.new_order(sell(ANN, 1, 100, 5)).reason(), Some(Reason::DuplicateClientOrderId));
    rig.rest(buy(CAT, 1, 90, 5));
}

#[test]
fn an_instrument_is_defined_once() {
    let capacity = Capacity { order_count_max: 1, level_count_max: 1, instrument_count_max: 1 };
    let mut matcher = Matcher::new(capacity);
    let limits = Limits { price_max: PriceTicks(10), qty_max: QtyLots(10) };
    let define = |matcher: &mut Matcher, id, price_max, qty_max| {
        let limits = Limits { price_max: PriceTicks(price_max), qty_max: QtyLots(qty_max) };
        matcher.define(InstrumentId(id), limits)
    };
    assert_eq!(define(&mut matcher, 0, 10, 10), Err(Reason::UnknownInstrument));
    assert_eq!(define(&mut matcher, 5, 0, 10), Err(Reason::InvalidPrice));
    assert_eq!(define(&mut matcher, 5, (1 << 48) + 1, 10), Err(Reason::InvalidPrice));
    assert_eq!(define(&mut matcher, 5, 10, 0), Err(Reason::InvalidQuantity));
    assert_eq!(define(&mut matcher, 5, 10, (1 << 40) + 1), Err(Reason::InvalidQuantity));
    assert_eq!(define(&mut matcher, 5, 10, 10), Ok(()));
    assert_eq!(define(&mut matcher, 5, 10, 10), Ok(()), "the same again");
    assert_eq!(define(&mut matcher, 5, 11, 10), Err(Reason::InstrumentRedefined));
    assert_eq!(define(&mut matcher, 6, 10, 10), Err(Reason::InstrumentCapacity));
    assert_eq!(matcher.instruments().collect::<Vec<_>>(), [(InstrumentId(5), limits)]);
}
