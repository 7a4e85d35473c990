//! Cancel, mass cancel, and what an order leaves behind.

use super::*;
use CancelReason::{MassCancel as Mass, Requested};

#[test]
fn a_cancel_names_its_order_by_either_id() {
    let mut rig = Rig::new();
    let first = rig.rest(sell(ANN, 1, 100, 5));
    let second = rig.rest(sell(ANN, 2, 100, 6));
    rig.cancel(ANN, by_client(1));
    let accepted = Accepted {
        command: CommandKind::Cancel,
        session: ANN,
        client_order_id: ClientOrderId(1),
        order_id: first,
        instrument: InstrumentId(1),
        side: Some(Side::Sell),
        terms: None,
        price: PriceTicks(0),
        qty: QtyLots(5),
    };
    assert_eq!(rig.events[0], Event::Accepted(accepted));
    assert_eq!(rig.cancels(), [(first.0, 5, Requested)]);
    rig.cancel(ANN, OrderRef::Order(second));
    assert_eq!(rig.cancels(), [(second.0, 6, Requested)]);
    assert_eq!(rig.matcher.order_count(), 0);
    assert_eq!(rig.matcher.state_hash(), 0);
}

#[test]
fn only_ones_own_live_orders_are_in_reach() {
    let mut rig = Rig::new();
    let id = rig.rest(sell(ANN, 1, 100, 5));
    let unknown = Some(RejectReason::UnknownOrder);
    assert_eq!(rig.cancel(BOB, OrderRef::Order(id)).reason(), unknown, "foreign");
    assert_eq!(rig.cancel(BOB, by_client(1)).reason(), unknown, "not a name of this session");
    assert_eq!(rig.replace(BOB, OrderRef::Order(id), 1, 1).reason(), unknown);
    assert_eq!(rig.matcher.order(BOB, OrderRef::Order(id)), None);
    assert_eq!(rig.cancel(ANN, OrderRef::Order(OrderId(0))).reason(), unknown);
    assert_eq!(rig.cancel(ANN, OrderRef::Order(OrderId(2))).reason(), unknown, "not yet issued");
    assert_eq!(rig.cancel(ANN, by_client(1)).reason(), None);
    assert_eq!(rig.cancel(ANN, by_client(1)).reason(), unknown, "dead");
    assert_eq!(rig.cancel(ANN, OrderRef::Order(id)).reason(), unknown, "dead");
    // The slot is used again; the old id must not lead to the new order.
    rig.rest(sell(ANN, 2, 100, 5));
    assert_eq!(rig.cancel(ANN, OrderRef::Order(id)).reason(), unknown, "stale");
}

#[test]
fn an_order_of_another_instrument_is_an_unknown_one() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    let (session, target) = (ANN, by_client(1));
    for instrument in [0, 2, 9].map(InstrumentId) {
        rig.apply(Command::Cancel(Cancel { session, instrument, target }));
        assert_eq!(rig.reason(), Some(RejectReason::UnknownOrder));
        let (price, qty) = (PriceTicks(1), QtyLots(1));
        rig.apply(Command::Replace(Replace { session, instrument, target, price, qty }));
        assert_eq!(rig.reason(), Some(RejectReason::UnknownOrder));
    }
    assert_eq!(rig.levels(Side::Sell), [(100, 5, 1)]);
}

#[test]
fn what_is_cancelled_is_what_is_open() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    rig.new_order(buy(BOB, 1, 100, 2));
    rig.cancel(ANN, by_client(1));
    assert_eq!(rig.cancels(), [(1, 3, Requested)]);
}

#[test]
fn no_level_outlives_its_last_order() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    rig.rest(sell(ANN, 2, 101, 5));
    rig.cancel(ANN, by_client(1));
    assert_eq!(rig.levels(Side::Sell), [(101, 5, 1)]);
    rig.new_order(buy(BOB, 1, 100, 5));
    assert_eq!(rig.fills(), [], "there is no phantom at 100");
    rig.new_order(buy(BOB, 2, 101, 5));
    assert_eq!(rig.levels(Side::Sell), []);
    assert_eq!(rig.matcher.best(InstrumentId(1), Side::Sell), None);
}

#[test]
fn a_cancel_from_the_middle_leaves_the_others_in_order() {
    let mut rig = Rig::new();
    for client in 1..=5 {
        rig.rest(buy(ANN, client, 100, client));
    }
    rig.cancel(ANN, by_client(3));
    assert_eq!(rig.queue(Side::Buy), [1, 2, 4, 5]);
    rig.cancel(ANN, by_client(1));
    rig.cancel(ANN, by_client(5));
    assert_eq!(rig.queue(Side::Buy), [2, 4]);
    assert_eq!(rig.levels(Side::Buy), [(100, 6, 2)]);
}

/// Ann: 1 sell, 2 buy, 4 sell of instrument 2. Bob: 3 sell. Order 1 is replaced last.
fn crowd() -> Rig {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    rig.rest(buy(ANN, 2, 90, 6));
    rig.rest(sell(BOB, 1, 100, 5));
    rig.rest(NewOrder { instrument: InstrumentId(2), ..sell(ANN, 3, 100, 7) });
    rig.replace(ANN, by_client(1), 101, 5);
    rig
}

fn mass(session: SessionId, instrument: Option<u32>, side: Option<Side>) -> Command {
    Command::MassCancel(MassCancel { session, instrument: instrument.map(InstrumentId), side })
}

#[test]
fn a_mass_cancel_goes_by_ascending_order_id() {
    let mut rig = crowd();
    rig.apply(mass(ANN, None, None));
    assert_eq!(rig.cancels(), [(1, 5, Mass), (2, 6, Mass), (4, 7, Mass)]);
    assert_eq!(rig.queue(Side::Sell), [3], "others' orders stay");
    rig.apply(mass(ANN, None, None));
    assert_eq!(rig.cancels(), [], "none is left, and that is no fault");
    assert_eq!(rig.reason(), None);
}

#[test]
fn a_mass_cancel_keeps_to_its_filter() {
    let cases: [(Option<u32>, Option<Side>, &[u64]); 5] = [
        (Some(1), None, &[1, 2]),
        (Some(2), None, &[4]),
        (None, Some(Side::Sell), &[1, 4]),
        (Some(1), Some(Side::Buy), &[2]),
        (Some(2), Some(Side::Buy), &[]),
    ];
    for (instrument, side, ids) in cases {
        let mut rig = crowd();
        rig.apply(mass(ANN, instrument, side));
        let accepted = Accepted {
            command: CommandKind::MassCancel,
            session: ANN,
            client_order_id: ClientOrderId(0),
            order_id: OrderId(0),
            instrument: InstrumentId(instrument.unwrap_or(0)),
            side,
            terms: None,
            price: PriceTicks(0),
            qty: QtyLots(0),
        };
        assert_eq!(rig.events[0], Event::Accepted(accepted));
        assert_eq!(rig.cancels().iter().map(|c| c.0).collect::<Vec<_>>(), ids);
        assert_eq!(rig.matcher.order_count() as usize, 4 - ids.len());
    }
}

#[test]
fn a_mass_cancel_of_an_unknown_instrument_is_rejected() {
    let mut rig = crowd();
    for instrument in [0, 9] {
        rig.apply(mass(ANN, Some(instrument), None));
        assert_eq!(rig.reason(), Some(RejectReason::UnknownInstrument));
    }
}
