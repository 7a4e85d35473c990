//! Trading on arrival, and what becomes of the remainder.

use super::*;
use CancelReason::{FillOrKill, ImmediateOrCancel};

#[test]
fn best_price_first_then_order_of_entry() {
    let mut rig = Rig::new();
    let far = rig.rest(sell(ANN, 1, 102, 5)).0;
    let first = rig.rest(sell(ANN, 2, 101, 5)).0;
    let second = rig.rest(sell(BOB, 1, 101, 5)).0;
    rig.new_order(buy(CAT, 1, 102, 12));
    assert_eq!(rig.fills(), [(first, 101, 5), (second, 101, 5), (far, 102, 2)]);
    assert_eq!(rig.levels(Side::Sell), [(102, 3, 1)]);
    assert_eq!(rig.levels(Side::Buy), []);
}

#[test]
fn a_sell_sweeps_bids_from_the_highest() {
    let mut rig = Rig::new();
    let low = rig.rest(buy(ANN, 1, 98, 5)).0;
    let high = rig.rest(buy(ANN, 2, 100, 5)).0;
    let middle = rig.rest(buy(ANN, 3, 99, 5)).0;
    rig.new_order(sell(BOB, 1, 98, 11));
    assert_eq!(rig.fills(), [(high, 100, 5), (middle, 99, 5), (low, 98, 1)]);
}

#[test]
fn trades_print_at_the_makers_price() {
    for (maker, taker, price) in [
        (sell(ANN, 1, 100, 1), buy(BOB, 1, 110, 1), 100),
        (buy(ANN, 1, 100, 1), sell(BOB, 1, 90, 1), 100),
    ] {
        let mut rig = Rig::new();
        let id = rig.rest(maker).0;
        rig.new_order(taker);
        assert_eq!(rig.fills(), [(id, price, 1)]);
    }
}

#[test]
fn a_limit_is_never_traded_through() {
    let mut rig = Rig::new();
    let near = rig.rest(sell(ANN, 1, 101, 5)).0;
    rig.rest(sell(ANN, 2, 102, 5));
    rig.new_order(buy(BOB, 1, 101, 8));
    assert_eq!(rig.fills(), [(near, 101, 5)]);
    assert_eq!(rig.levels(Side::Buy), [(101, 3, 1)], "the remainder rests");
    assert_eq!(rig.levels(Side::Sell), [(102, 5, 1)]);
}

#[test]
fn a_partly_filled_maker_keeps_its_place() {
    let mut rig = Rig::new();
    let first = rig.rest(sell(ANN, 1, 100, 10)).0;
    let second = rig.rest(sell(BOB, 1, 100, 10)).0;
    rig.new_order(buy(CAT, 1, 100, 4));
    assert_eq!(rig.queue(Side::Sell), [first, second]);
    rig.new_order(buy(CAT, 2, 100, 8));
    assert_eq!(rig.fills(), [(first, 100, 6), (second, 100, 2)]);
}

#[test]
fn the_whole_stream_of_a_partial_fill() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 7, 100, 3));
    rig.new_order(buy(BOB, 8, 101, 5));
    let taker = Party {
        order_id: OrderId(2),
        session: BOB,
        client_order_id: ClientOrderId(8),
        leaves: QtyLots(2),
    };
    let expected = [
        Event::Accepted(Accepted {
            command: CommandKind::New,
            session: BOB,
            client_order_id: ClientOrderId(8),
            order_id: OrderId(2),
            instrument: InstrumentId(1),
            side: Some(Side::Buy),
            terms: Some((OrderType::Limit, TimeInForce::Gtc)),
            price: PriceTicks(101),
            qty: QtyLots(5),
        }),
        Event::Executed(Executed {
            trade_id: TradeId(1),
            instrument: InstrumentId(1),
            price: PriceTicks(100),
            qty: QtyLots(3),
            taker_side: Side::Buy,
            taker,
            maker: Party {
                order_id: OrderId(1),
                session: ANN,
                client_order_id: ClientOrderId(7),
                leaves: QtyLots(0),
            },
        }),
        Event::Rested(Rested {
            order_id: OrderId(2),
            session: BOB,
            client_order_id: ClientOrderId(8),
            instrument: InstrumentId(1),
            side: Side::Buy,
            price: PriceTicks(101),
            qty: QtyLots(2),
        }),
    ];
    assert_eq!(rig.events, expected);
}

#[test]
fn an_ioc_remainder_never_rests() {
    let mut rig = Rig::new();
    let maker = rig.rest(sell(ANN, 1, 100, 3)).0;
    rig.new_order(immediate(buy(BOB, 1, 100, 5), TimeInForce::Ioc));
    assert_eq!(rig.fills(), [(maker, 100, 3)]);
    assert_eq!(rig.cancels(), [(2, 2, ImmediateOrCancel)]);
    assert_eq!(rig.matcher.order_count(), 0);
    assert_eq!(rig.matcher.order(BOB, by_client(1)), None);
    rig.new_order(immediate(buy(BOB, 1, 100, 5), TimeInForce::Ioc));
    assert_eq!(rig.cancels(), [(3, 5, ImmediateOrCancel)], "nothing to trade with");
}

#[test]
fn fok_is_filled_whole_across_levels() {
    let mut rig = Rig::new();
    let a = rig.rest(sell(ANN, 1, 100, 3)).0;
    let b = rig.rest(sell(ANN, 2, 101, 3)).0;
    let c = rig.rest(sell(ANN, 3, 102, 3)).0;
    rig.new_order(immediate(buy(BOB, 1, 102, 8), TimeInForce::Fok));
    assert_eq!(rig.fills(), [(a, 100, 3), (b, 101, 3), (c, 102, 2)]);
    assert_eq!(rig.cancels(), []);
}

#[test]
fn fok_that_can_not_be_filled_whole_trades_nothing() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 3));
    rig.rest(sell(ANN, 2, 101, 3));
    rig.rest(sell(ANN, 3, 103, 90));
    let before = rig.matcher.state_hash();
    rig.new_order(immediate(buy(BOB, 1, 102, 7), TimeInForce::Fok));
    assert_eq!(rig.fills(), [], "the rest of the quantity is beyond the limit");
    assert_eq!(rig.cancels(), [(4, 7, FillOrKill)]);
    assert_eq!(rig.matcher.state_hash(), before);
    rig.new_order(immediate(buy(BOB, 1, 102, 6), TimeInForce::Fok));
    assert_eq!(rig.fills(), [(1, 100, 3), (2, 101, 3)], "exactly enough is enough");
}

#[test]
fn market_orders_ignore_price_and_never_rest() {
    let mut rig = Rig::new();
    let near = rig.rest(buy(ANN, 1, 100, 3)).0;
    let far = rig.rest(buy(ANN, 2, 1, 3)).0;
    rig.new_order(market(sell(BOB, 1, 0, 7), TimeInForce::Ioc));
    assert_eq!(rig.fills(), [(near, 100, 3), (far, 1, 3)]);
    assert_eq!(rig.cancels(), [(3, 1, ImmediateOrCancel)]);
    rig.rest(buy(ANN, 1, 1, 3));
    rig.new_order(market(sell(BOB, 1, 0, 4), TimeInForce::Fok));
    assert_eq!(rig.cancels(), [(5, 4, FillOrKill)]);
    rig.new_order(market(sell(BOB, 1, 0, 3), TimeInForce::Fok));
    assert_eq!(rig.fills(), [(4, 1, 3)]);
}

#[test]
fn market_orders_on_an_empty_book_are_cancelled() {
    let mut rig = Rig::new();
    rig.new_order(market(buy(ANN, 1, 0, 5), TimeInForce::Ioc));
    assert_eq!(rig.cancels(), [(1, 5, ImmediateOrCancel)]);
    rig.new_order(market(buy(ANN, 1, 0, 5), TimeInForce::Fok));
    assert_eq!(rig.cancels(), [(2, 5, FillOrKill)]);
}

#[test]
fn books_are_apart() {
    let mut rig = Rig::new();
    rig.rest(sell(ANN, 1, 100, 5));
    let other = NewOrder { instrument: InstrumentId(2), ..buy(BOB, 1, 100, 5) };
    rig.rest(other);
    assert_eq!(rig.matcher.best(InstrumentId(2), Side::Sell), None);
    let best = LevelView { price: PriceTicks(100), qty: QtyLots(5), order_count: 1 };
    assert_eq!(rig.matcher.best(InstrumentId(2), Side::Buy), Some(best));
    assert_eq!(rig.matcher.levels(InstrumentId(9), Side::Buy).count(), 0);
}

#[test]
fn orders_of_one_session_trade_with_each_other() {
    let mut rig = Rig::new();
    let maker = rig.rest(sell(ANN, 1, 100, 5)).0;
    rig.new_order(buy(ANN, 2, 100, 5));
    assert_eq!(rig.fills(), [(maker, 100, 5)]);
}

#[test]
fn ids_are_dense_and_only_accepted_orders_take_one() {
    let mut rig = Rig::new();
    assert_eq!(rig.rest(sell(ANN, 1, 100, 5)), OrderId(1));
    rig.new_order(sell(ANN, 1, 100, 5));
    assert_eq!(rig.reason(), Some(RejectReason::DuplicateClientOrderId));
    rig.new_order(immediate(buy(BOB, 1, 99, 5), TimeInForce::Ioc));
    assert_eq!(rig.cancels(), [(2, 5, ImmediateOrCancel)]);
    assert_eq!(rig.rest(sell(ANN, 2, 100, 5)), OrderId(3));
}
