//! Every capacity is bounded, and its exhaustion is a typed reject.

use super::*;
use RejectReason::{LevelCapacity, OrderCapacity, PostOnlyWouldCross};

#[test]
fn order_slots() {
    let mut rig = Rig::with_capacity(2, 8);
    rig.rest(sell(ANN, 1, 100, 5));
    rig.rest(sell(ANN, 2, 101, 5));
    assert_eq!(rig.new_order(buy(BOB, 1, 90, 5)).reason(), Some(OrderCapacity));
    let would_fill = rig.new_order(buy(BOB, 1, 100, 5)).reason();
    assert_eq!(would_fill, Some(OrderCapacity), "even if it would not need the slot");
    rig.new_order(immediate(buy(BOB, 1, 100, 5), TimeInForce::Ioc));
    assert_eq!(rig.fills(), [(1, 100, 5)], "an immediate order needs none");
    rig.rest(buy(BOB, 1, 90, 5));
}

#[test]
fn levels_of_a_side() {
    let mut rig = Rig::with_capacity(8, 2);
    rig.rest(sell(ANN, 1, 100, 5));
    rig.rest(sell(ANN, 2, 101, 5));
    assert_eq!(rig.new_order(sell(BOB, 1, 102, 5)).reason(), Some(LevelCapacity));
    rig.rest(sell(BOB, 1, 101, 5));
    rig.rest(buy(BOB, 2, 90, 5));
    rig.rest(NewOrder { instrument: InstrumentId(2), ..sell(BOB, 3, 102, 5) });
    rig.rest(buy(BOB, 4, 89, 5));
    let would_fill = rig.new_order(buy(CAT, 1, 100, 5)).reason();
    assert_eq!(would_fill, Some(LevelCapacity), "even if it would not need the level");
    let asked_first = rig.new_order(post_only(buy(CAT, 1, 100, 5))).reason();
    assert_eq!(asked_first, Some(PostOnlyWouldCross));
}

#[test]
fn levels_of_a_side_at_replace() {
    let mut rig = Rig::with_capacity(8, 2);
    rig.rest(sell(ANN, 1, 100, 5));
    rig.rest(sell(ANN, 2, 101, 5));
    rig.rest(sell(BOB, 1, 101, 5));
    let shared = rig.replace(ANN, by_client(2), 102, 5).reason();
    assert_eq!(shared, Some(LevelCapacity), "Bob keeps 101 open");
    rig.replace(ANN, by_client(1), 102, 5);
    assert_eq!(rig.levels(Side::Sell), [(101, 10, 2), (102, 5, 1)], "100 made room for 102");
    rig.replace(ANN, by_client(1), 102, 9);
    rig.replace(ANN, by_client(1), 101, 5);
    assert_eq!(rig.queue(Side::Sell), [2, 3, 1]);
}

#[test]
fn slots_and_levels_come_back() {
    let mut rig = Rig::with_capacity(3, 3);
    for round in 0..1000 {
        for client in 1..=3 {
            rig.rest(sell(ANN, client, 100 + round % 7 + client as i64, 5));
        }
        assert_eq!(rig.new_order(sell(ANN, 4, 100, 5)).reason(), Some(OrderCapacity));
        match round % 3 {
            0 => rig.new_order(market(buy(BOB, 1, 0, 15), TimeInForce::Fok)),
            1 => rig.apply(Command::MassCancel(MassCancel {
                session: ANN,
                instrument: None,
                side: None,
            })),
            _ => {
                rig.cancel(ANN, by_client(2));
                rig.cancel(ANN, by_client(1));
                rig.cancel(ANN, by_client(3))
            }
        };
        assert_eq!((rig.matcher.order_count(), rig.matcher.state_hash()), (0, 0));
    }
}

#[test]
fn more_levels_than_orders_are_never_needed() {
    let mut rig = Rig::with_capacity(2, Capacity::LEVEL_COUNT_MAX);
    rig.rest(sell(ANN, 1, 100, 5));
    rig.rest(sell(ANN, 2, 101, 5));
    assert_eq!(rig.new_order(sell(ANN, 3, 102, 5)).reason(), Some(OrderCapacity));
    rig.replace(ANN, by_client(1), 103, 5);
    assert_eq!(rig.queue(Side::Sell), [2, 1]);
}

#[test]
#[should_panic(expected = "level_count_max is 0, must be 1..=16777215")]
fn a_capacity_out_of_range_is_named() {
    let _ =
        Matcher::new(Capacity { order_count_max: 1, level_count_max: 0, instrument_count_max: 1 });
}
