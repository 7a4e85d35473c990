//! The auction price by each of its four tie rules, and who gets what.

use super::*;
use vesta_types::{HiddenPriority, TimeNs};

/// An instrument in an opening call, with this reference price.
fn call(reference_price: i64) -> Desk {
    let mut desk = desk(InstrumentRules {
        reference_price: PriceTicks(reference_price),
        initial_state: TradingState::PreOpen,
        ..rules()
    });
    assert_eq!(desk.set(TradingState::AuctionCall, AuctionKind::Opening), "ok0 =auction_call");
    desk
}

fn indicative(desk: &mut Desk) -> String {
    desk.events.clear();
    desk.model.tick(TimeNs(1), &mut desk.events);
    desk.events.iter().map(short).collect::<Vec<_>>().join(" ")
}

#[test]
fn rule_1_the_greatest_volume() {
    let mut desk = call(0);
    // price  demand  supply  volume
    //   101      10      30      10
    //   100      20      30      20  <-
    //    99      20       5       5
    for order in [
        limit(Side::Buy, 101, 10),
        limit(Side::Buy, 100, 10),
        limit(Side::Sell, 99, 5),
        limit(Side::Sell, 100, 25),
    ] {
        desk.send(order);
    }
    assert_eq!(indicative(&mut desk), "ind20@100+10sell");
    assert_eq!(indicative(&mut desk), "", "it is told once");
    assert_eq!(
        desk.set(TradingState::Uncross, AuctionKind::Opening),
        "ok0 1x3:5@100 1x4:5@100 2x4:10@100 =continuous"
    );
    assert_eq!(desk.shown(Side::Sell), "4@100:10/10");
    let status = desk.model.status(X).expect("defined");
    assert_eq!((status.last_price, status.reference_price), (PriceTicks(100), PriceTicks(100)));
}

#[test]
fn rule_2_the_smallest_imbalance() {
    let mut desk = call(0);
    // price  demand  supply  volume  imbalance
    //   102      10      10      10          0  <-
    //   101      10      10      10          0  <- (not a candidate: nobody named it)
    //   100      14      10      10          4
    for order in [limit(Side::Buy, 102, 10), limit(Side::Buy, 100, 4), limit(Side::Sell, 100, 10)] {
        desk.send(order);
    }
    assert_eq!(indicative(&mut desk), "ind10@102+0");
}

#[test]
fn rule_3_market_pressure() {
    // At 100 and 103 demand is 12, supply 10: both volume 10, imbalance 2. The highest.
    let mut desk = call(100);
    desk.send(limit(Side::Buy, 103, 12));
    desk.send(limit(Side::Sell, 100, 10));
    assert_eq!(indicative(&mut desk), "ind10@103+2buy");
    // The other way round, the lowest, though the reference is the other.
    let mut desk = call(103);
    desk.send(limit(Side::Buy, 103, 10));
    desk.send(limit(Side::Sell, 100, 12));
    assert_eq!(indicative(&mut desk), "ind10@100+2sell");
}

#[test]
fn rule_4_the_nearest_to_the_reference() {
    for (reference, price) in [(0, 104), (99, 100), (101, 101), (102, 102), (103, 103), (110, 104)]
    {
        // Demand and supply are 10 from 100 to 104: the reference, where it is between.
        let mut desk = call(reference);
        desk.send(limit(Side::Buy, 104, 10));
        desk.send(limit(Side::Sell, 100, 10));
        assert_eq!(indicative(&mut desk), format!("ind10@{price}+0"), "reference {reference}");
    }
    // 99: 11 to 10; 100, the reference: 10 to 10; 101: 10 to 11. Imbalance goes before.
    let mut desk = call(100);
    desk.send(limit(Side::Buy, 101, 10));
    desk.send(limit(Side::Buy, 99, 1));
    desk.send(limit(Side::Sell, 99, 10));
    desk.send(limit(Side::Sell, 101, 1));
    assert_eq!(indicative(&mut desk), "ind10@100+0");
}

#[test]
fn market_orders_first_and_the_remainder_goes() {
    let mut desk = call(50);
    let at_open = |order: NewOrder| NewOrder { time_in_force: TimeInForce::AtOpen, ..order };
    assert_eq!(desk.send(limit(Side::Buy, 60, 10)), "ok1 rest1@60:10/10");
    assert_eq!(desk.send(at_open(market(Side::Buy, 8))), "ok2");
    assert_eq!(desk.send(at_open(limit(Side::Buy, 70, 4))), "ok3");
    // A market order with a price goes no further than that.
    let priced = NewOrder { price: PriceTicks(40), ..market(Side::Buy, 5) };
    assert_eq!(desk.send(at_open(priced)), "ok4");
    assert_eq!(desk.send(limit(Side::Sell, 60, 15)), "ok5 rest5@60:15/15");
    // 60: 22 to 15; 70: 12 to 15; 50 and 40: nothing is sold.
    assert_eq!(
        desk.set(TradingState::Uncross, AuctionKind::Opening),
        "ok0 2x5:8@60 3x5:4@60 1x5:3@60 gone4:5:auction_remainder =continuous"
    );
    assert_eq!(desk.shown(Side::Buy), "1@60:7/7");
}

#[test]
fn tip_first_then_reserve_then_a_new_tip() {
    let mut desk = call(0);
    let iceberg = NewOrder { display_qty: QtyLots(3), ..limit(Side::Sell, 100, 10) };
    desk.send(iceberg);
    desk.send(NewOrder { hidden: true, ..limit(Side::Sell, 100, 5) });
    desk.send(limit(Side::Sell, 100, 5));
    desk.send(limit(Side::Buy, 100, 2));
    desk.send(limit(Side::Buy, 100, 5));
    assert_eq!(
        desk.set(TradingState::Continuous, AuctionKind::Opening),
        "ok0 4x1:2@100 5x1:5@100 rest1@100:3/3 =continuous"
    );
    let Event::Executed(first) = desk.events[1] else { panic!("a fill") };
    assert_eq!((first.maker.was_displayed, first.maker.displayed), (true, QtyLots(1)));
    let Event::Executed(second) = desk.events[2] else { panic!("a fill") };
    assert_eq!((second.maker.was_displayed, second.maker.displayed), (true, QtyLots(0)));
    assert!(first.auction && second.auction);
    assert_eq!(desk.shown(Side::Sell), "3@100:5/5 1@100:3/3");
}

#[test]
fn hidden_orders_after_displayed_ones_or_by_time() {
    for (hidden_priority, trades) in [
        (HiddenPriority::AfterDisplayed, "3x2:5@100 3x1:1@100"),
        (HiddenPriority::ByTime, "3x1:5@100 3x2:1@100"),
    ] {
        let initial_state = TradingState::PreOpen;
        let mut desk = desk(InstrumentRules { hidden_priority, initial_state, ..rules() });
        desk.send(NewOrder { hidden: true, ..limit(Side::Sell, 100, 5) });
        desk.send(limit(Side::Sell, 100, 5));
        desk.send(limit(Side::Buy, 100, 6));
        let said = desk.set(TradingState::Continuous, AuctionKind::Opening);
        assert_eq!(said, format!("ok0 {trades} =continuous"));
    }
}

#[test]
fn a_closing_auction_closes() {
    let mut desk = desk(rules());
    let at_close = NewOrder { time_in_force: TimeInForce::AtClose, ..market(Side::Sell, 4) };
    assert_eq!(desk.send(at_close), "ok1");
    desk.send(NewOrder { time_in_force: TimeInForce::Day, ..limit(Side::Buy, 90, 10) });
    desk.send(limit(Side::Buy, 80, 10));
    desk.set(TradingState::AuctionCall, AuctionKind::Closing);
    assert_eq!(
        desk.set(TradingState::Uncross, AuctionKind::Closing),
        "ok0 2x1:4@90 =close gone2:6:expired"
    );
    assert_eq!(desk.shown(Side::Buy), "3@80:10/10");
}
