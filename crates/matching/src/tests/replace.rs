//! Replace: new open quantity, same ids, priority only for a smaller quantity at the same price.

use super::*;
use RejectReason as Reason;

/// Ann's 1, Bob's 2, Cat's 3, all selling 10 at 100.
fn three() -> Rig {
    let mut rig = Rig::new();
    for session in [ANN, BOB, CAT] {
        rig.rest(sell(session, 1, 100, 10));
    }
    rig
}

fn replaced(rig: &Rig) -> Replaced {
    match rig.events[1] {
        Event::Replaced(replaced) => replaced,
        _ => panic!("not replaced: {:?}", rig.events),
    }
}

#[test]
fn a_smaller_quantity_at_the_same_price_keeps_priority() {
    let mut rig = three();
    let stamp = rig.matcher.order(ANN, by_client(1)).map(|order| order.priority);
    rig.replace(ANN, by_client(1), 100, 4);
    assert!(replaced(&rig).priority_kept);
    assert_eq!(rig.events.len(), 2, "it does not rest again");
    assert_eq!(rig.queue(Side::Sell), [1, 2, 3]);
    assert_eq!(rig.levels(Side::Sell), [(100, 24, 3)]);
    assert_eq!(rig.matcher.order(ANN, by_client(1)).map(|order| order.priority), stamp);
}

#[test]
fn anything_else_loses_priority() {
    for (price, qty) in [(100, 10), (100, 11), (101, 10), (99, 10), (99, 1)] {
        let mut rig = three();
        rig.replace(ANN, by_client(1), price, qty);
        let Replaced { priority_kept, old_price, old_qty, .. } = replaced(&rig);
        assert!(!priority_kept, "{price} {qty}");
        assert_eq!((old_price, old_qty), (PriceTicks(100), QtyLots(10)));
        assert!(matches!(rig.events[2], Event::Rested(r) if r.qty == QtyLots(qty)));
        let order = rig.matcher.order(ANN, by_client(1)).expect("still live");
        assert_eq!((order.order_id, order.priority), (OrderId(1), 4), "same id, new stamp");
        let expected = if price == 99 { [1, 2, 3] } else { [2, 3, 1] };
        assert_eq!(rig.queue(Side::Sell), expected, "{price} {qty}");
    }
}

#[test]
fn the_quantity_is_the_open_one() {
    let mut rig = three();
    rig.new_order(buy(BOB, 2, 100, 4));
    rig.replace(ANN, by_client(1), 100, 5);
    let Replaced { priority_kept, old_qty, qty, .. } = replaced(&rig);
    assert_eq!((old_qty, qty, priority_kept), (QtyLots(6), QtyLots(5), true));
    rig.replace(ANN, by_client(1), 100, 8);
    assert!(!replaced(&rig).priority_kept, "more than is open, though less than at first");
}

#[test]
fn a_replace_that_crosses_trades_first() {
    let mut rig = three();
    let bid = rig.rest(buy(BOB, 2, 90, 25));
    rig.replace(BOB, OrderRef::Order(bid), 100, 25);
    assert_eq!(rig.fills(), [(1, 100, 10), (2, 100, 10), (3, 100, 5)]);
    let Event::Executed(last) = rig.events[4] else { panic!("{:?}", rig.events) };
    assert_eq!(last.taker.order_id, bid, "the replaced order is the taker");
    assert_eq!((last.taker.leaves, last.taker_side), (QtyLots(0), Side::Buy));
    assert_eq!(rig.events.len(), 5, "nothing rests");
    assert_eq!(rig.matcher.order(BOB, OrderRef::Order(bid)), None);
    rig.rest(buy(BOB, 2, 90, 1));
}

#[test]
fn a_replace_that_crosses_rests_with_its_remainder() {
    let mut rig = three();
    let bid = rig.rest(buy(BOB, 2, 90, 1));
    rig.replace(BOB, by_client(2), 105, 35);
    assert_eq!(rig.fills().len(), 3);
    assert!(matches!(rig.events[..], [.., Event::Rested(r)] if r.order_id == bid));
    assert_eq!(rig.levels(Side::Buy), [(105, 5, 1)]);
    assert_eq!(rig.levels(Side::Sell), []);
    rig.cancel(BOB, OrderRef::Order(bid));
    assert_eq!(rig.cancels(), [(bid.0, 5, CancelReason::Requested)]);
}

#[test]
fn zero_and_other_invalid_values_are_rejected() {
    let mut rig = three();
    let cases = [
        (100, 0, Reason::InvalidQuantity),
        (100, 101, Reason::InvalidQuantity),
        (0, 5, Reason::InvalidPrice),
        (-1, 5, Reason::InvalidPrice),
        (1001, 5, Reason::InvalidPrice),
        (i64::MIN, 0, Reason::InvalidPrice),
    ];
    let before = rig.matcher.state_hash();
    for (price, qty, reason) in cases {
        assert_eq!(rig.replace(ANN, by_client(1), price, qty).reason(), Some(reason));
        assert_eq!(rig.matcher.state_hash(), before);
    }
    let nobody = rig.replace(ANN, by_client(9), 0, 0).reason();
    assert_eq!(nobody, Some(Reason::UnknownOrder), "asked first");
}

#[test]
fn post_only_sticks_to_the_order() {
    let mut rig = three();
    rig.rest(post_only(buy(BOB, 2, 90, 5)));
    let crossing = rig.replace(BOB, by_client(2), 100, 5).reason();
    assert_eq!(crossing, Some(Reason::PostOnlyWouldCross));
    rig.replace(BOB, by_client(2), 99, 5);
    assert_eq!(rig.levels(Side::Buy), [(99, 5, 1)]);
    let crossing = rig.replace(BOB, by_client(2), 101, 5).reason();
    assert_eq!(crossing, Some(Reason::PostOnlyWouldCross), "still, after a replace");
}
