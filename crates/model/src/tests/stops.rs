//! Stops: election, cascades, trailing, and what they do in a band.

use super::*;
use vesta_types::{BandAction, OrderRef, Replace};

#[test]
fn a_stop_cascade() {
    let mut desk = desk(rules());
    desk.send(limit(Side::Buy, 100, 5));
    desk.send(limit(Side::Buy, 99, 5));
    desk.send(limit(Side::Buy, 97, 5));
    // Waits: there is no last price yet.
    assert_eq!(desk.send(stop(Side::Sell, 99, 5)), "ok4");
    assert_eq!(desk.send(stop(Side::Sell, 100, 4)), "ok5");
    assert_eq!(desk.send(stop_limit(Side::Sell, 100, 98, 3)), "ok6");
    // 7 trades one at 100: that elects 5 and 6, both at 100, by stamp. 5 sells 4 at 100. 6 sells 3
    // at 99, which elects 4: 2 at 99, 3 at 97.
    assert_eq!(
        desk.send(limit(Side::Sell, 100, 1)),
        "ok7 7x1:1@100 trig5@100 5x1:4@100 trig6@100 6x2:3@99 trig4@99 4x2:2@99 4x3:3@97"
    );
    assert_eq!(desk.shown(Side::Buy), "3@97:2/2");
}

#[test]
fn buys_are_elected_before_sells_and_by_trigger() {
    let mut desk = desk(rules());
    desk.send(limit(Side::Buy, 100, 1));
    for order in [
        stop(Side::Sell, 100, 1),
        stop(Side::Sell, 101, 1),
        stop(Side::Buy, 100, 1),
        stop(Side::Buy, 99, 1),
    ] {
        desk.send(order);
    }
    assert_eq!(
        desk.send(limit(Side::Sell, 100, 1)),
        "ok6 6x1:1@100 trig5@99 gone5:1:immediate_or_cancel trig4@100 gone4:1:immediate_or_cancel \
         trig3@101 gone3:1:immediate_or_cancel trig2@100 gone2:1:immediate_or_cancel"
    );
}

#[test]
fn a_cascade_too_long_halts() {
    let mut desk = desk(InstrumentRules { stop_cascade_max: 1, ..rules() });
    desk.send(limit(Side::Buy, 100, 10));
    desk.send(stop(Side::Sell, 100, 2));
    desk.send(stop(Side::Sell, 100, 3));
    assert_eq!(desk.send(limit(Side::Sell, 100, 1)), "ok4 4x1:1@100 trig2@100 2x1:2@100 =halt");
    // Stamps: 1 to 3 on arrival, and 4 for the stop that waits again.
    let waits = desk.model.order(S, OrderRef::Client(ClientOrderId(3))).expect("it waits");
    assert_eq!((waits.priority, waits.terms.stop_price), (4, PriceTicks(100)));
    assert_eq!(
        desk.set(TradingState::Continuous, AuctionKind::Opening),
        "ok0 =continuous trig3@100 3x1:3@100"
    );
}

#[test]
fn a_trailing_stop_rises_with_the_price_and_never_falls() {
    let mut desk = desk(rules());
    let trade = |desk: &mut Desk, price| {
        desk.send(limit(Side::Buy, price, 1));
        desk.send(limit(Side::Sell, price, 1))
    };
    trade(&mut desk, 100);
    let trailing = NewOrder {
        order_type: OrderType::TrailingStopLimit,
        stop_price: PriceTicks(0),
        trail_ticks: 5,
        offset_ticks: 2,
        ..limit(Side::Sell, 0, 4)
    };
    assert_eq!(desk.send(trailing), "ok3");
    let trigger = |desk: &Desk| {
        let order = desk.model.order(S, OrderRef::Client(ClientOrderId(3))).expect("it is live");
        (order.terms.stop_price.0, order.priority)
    };
    // Stamps: 1 for the bid, 2 for the stop, 3 for the next bid.
    assert_eq!(trigger(&desk), (95, 2));
    trade(&mut desk, 103);
    assert_eq!(trigger(&desk), (98, 4));
    trade(&mut desk, 99);
    assert_eq!(trigger(&desk), (98, 4));
    assert_eq!(
        trade(&mut desk, 98),
        "ok9 9x8:1@98 trig3@98 rest3@96:4/4",
        "a limit order at its trigger less 2"
    );
}

#[test]
fn a_stop_replaced_to_a_reached_trigger_acts_at_once() {
    let mut desk = desk(rules());
    desk.send(limit(Side::Buy, 100, 9));
    desk.send(limit(Side::Sell, 100, 1));
    desk.send(stop(Side::Sell, 90, 5));
    let replace = Replace {
        session: S,
        instrument: X,
        target: OrderRef::Client(ClientOrderId(3)),
        price: PriceTicks(0),
        qty: QtyLots(6),
        stop_price: PriceTicks(100),
    };
    assert_eq!(desk.apply(Command::Replace(replace)), "ok3 repl3@0:6 trig3@100 3x1:6@100");
}

#[test]
fn an_interruption_sends_elected_stops_back() {
    let mut desk = desk(InstrumentRules {
        dynamic_band_ticks: 5,
        dynamic_band_action: BandAction::Interrupt,
        ..rules()
    });
    desk.send(limit(Side::Buy, 100, 1));
    desk.send(limit(Side::Sell, 100, 1));
    desk.send(limit(Side::Sell, 104, 2));
    desk.send(limit(Side::Sell, 106, 2));
    desk.send(stop(Side::Buy, 104, 1));
    // 104 is within 5 of 100, 106 is not: the rest of the bid rests, in a crossed book, and the
    // stop waits. Stamps: 1 to 3 for makers, 4 for the stop, 5 for the bid, 6 for the stop again.
    assert_eq!(
        desk.send(limit(Side::Buy, 107, 3)),
        "ok6 6x3:2@104 =volatility_interruption rest6@107:1/1"
    );
    let waits = desk.model.order(S, OrderRef::Client(ClientOrderId(5))).expect("it waits");
    assert_eq!(waits.priority, 6);
    // 106, 107, and the last price 104 are candidates: at the first two 1 trades and 1 more is on
    // offer, so it is the lower. The stop is elected, and 106 is within 5 of 104, the price before.
    assert_eq!(
        desk.set(TradingState::Uncross, AuctionKind::Volatility),
        "ok0 6x4:1@106 =continuous trig5@104 5x4:1@106"
    );
}

#[test]
fn a_stop_limit_without_a_level_is_cancelled() {
    let mut desk = desk_with(rules(), 1);
    desk.send(limit(Side::Sell, 200, 1));
    desk.send(limit(Side::Buy, 100, 2));
    desk.send(NewOrder { time_in_force: TimeInForce::Ioc, ..limit(Side::Sell, 100, 1) });
    assert_eq!(desk.send(limit(Side::Sell, 150, 1)), "no:level_capacity");
    assert_eq!(
        desk.send(stop_limit(Side::Sell, 100, 150, 1)),
        "ok4 trig4@100 gone4:1:level_capacity"
    );
    assert_eq!(desk.send(stop_limit(Side::Sell, 100, 200, 1)), "ok5 trig5@100 rest5@200:1/1");
}
