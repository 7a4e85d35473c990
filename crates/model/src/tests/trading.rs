//! Icebergs, self-trade prevention, conditions, bands, pegs and replaces.

use super::*;
use vesta_types::{
    BandAction, HiddenPriority, OrderRef, PegReference, PostOnly, Replace, SelfTrade,
    SelfTradeDecides, StpGroup, TickStep,
};

#[test]
fn a_sweep_through_an_iceberg() {
    let mut desk = desk(rules());
    desk.send(NewOrder { display_qty: QtyLots(3), ..limit(Side::Sell, 100, 8) });
    desk.send(limit(Side::Sell, 100, 2));
    // The tip, then the order behind it, then tip after tip: 3 + 2 + 3 + 1.
    assert_eq!(
        desk.send(limit(Side::Buy, 101, 9)),
        "ok3 3x1:3@100 rest1@100:3/5 3x2:2@100 3x1:3@100 rest1@100:2/2 3x1:1@100"
    );
    assert_eq!(desk.shown(Side::Sell), "1@100:1/1");
    assert_eq!(desk.send(limit(Side::Buy, 101, 2)), "ok4 4x1:1@100 rest4@101:1/1");
}

#[test]
fn self_trade_modes() {
    let own =
        |order: NewOrder, self_trade| NewOrder { stp_group: StpGroup(7), self_trade, ..order };
    for (mode, said, asks) in [
        (SelfTrade::CancelNewest, "ok3 gone3:6:self_trade", "1@100:4/4 2@100:4/4"),
        (SelfTrade::CancelOldest, "ok3 gone1:4:self_trade 3x2:4@100 rest3@100:2/2", ""),
        (SelfTrade::CancelBoth, "ok3 gone1:4:self_trade gone3:6:self_trade", "2@100:4/4"),
        (SelfTrade::Decrement, "ok3 3-1:4 3x2:2@100", "2@100:2/2"),
        // The instrument's own mode is cancel_newest.
        (SelfTrade::Default, "ok3 gone3:6:self_trade", "1@100:4/4 2@100:4/4"),
    ] {
        let mut desk = desk(rules());
        desk.send(own(limit(Side::Sell, 100, 4), SelfTrade::Decrement));
        desk.send(limit(Side::Sell, 100, 4));
        assert_eq!(desk.send(own(limit(Side::Buy, 100, 6), mode)), said, "{mode}");
        assert_eq!(desk.shown(Side::Sell), asks, "{mode}");
    }
    // The maker's word counts, if the instrument says so.
    let mut desk = desk(InstrumentRules { self_trade_decides: SelfTradeDecides::Maker, ..rules() });
    desk.send(own(limit(Side::Sell, 100, 4), SelfTrade::CancelOldest));
    assert_eq!(
        desk.send(own(limit(Side::Buy, 100, 6), SelfTrade::CancelBoth)),
        "ok2 gone1:4:self_trade rest2@100:6/6"
    );
}

#[test]
fn decrement_takes_tip_after_tip() {
    let mut desk = desk(rules());
    let own = |order: NewOrder| NewOrder {
        stp_group: StpGroup(7),
        self_trade: SelfTrade::Decrement,
        ..order
    };
    desk.send(own(NewOrder { display_qty: QtyLots(2), ..limit(Side::Sell, 100, 5) }));
    assert_eq!(
        desk.send(own(limit(Side::Buy, 100, 4))),
        "ok2 2-1:2 rest1@100:2/3 2-1:2 rest1@100:1/1"
    );
    let status = desk.model.status(X).expect("defined");
    assert_eq!(status.last_price, PriceTicks(0), "it is no trade");
}

#[test]
fn fill_or_kill_counts_what_it_would_get() {
    let mut desk = desk(rules());
    let own = |order: NewOrder| NewOrder { stp_group: StpGroup(7), ..order };
    let fok = |order: NewOrder| NewOrder { time_in_force: TimeInForce::Fok, ..order };
    desk.send(own(limit(Side::Sell, 100, 4)));
    desk.send(NewOrder { all_or_none: true, ..limit(Side::Sell, 100, 5) });
    desk.send(limit(Side::Sell, 101, 3));
    // 4 own ones: cancel_newest ends the walk. Without a group: 4, then not the 5, then 3.
    assert_eq!(desk.send(fok(own(limit(Side::Buy, 101, 5)))), "ok4 gone4:5:fill_or_kill");
    assert_eq!(desk.send(fok(limit(Side::Buy, 101, 8))), "ok5 gone5:8:fill_or_kill");
    assert_eq!(desk.send(fok(limit(Side::Buy, 101, 7))), "ok6 6x1:4@100 6x3:3@101");
    // By budget: 5 at 100 is 500.
    let by = |budget| NewOrder {
        time_in_force: TimeInForce::FokBudget,
        budget,
        ..limit(Side::Buy, 100, 5)
    };
    assert_eq!(desk.send(by(499)), "ok7 gone7:5:fill_or_kill");
    assert_eq!(desk.send(by(500)), "ok8 8x2:5@100");
}

#[test]
fn conditions_wait_and_overlap() {
    let mut desk = desk(rules());
    desk.send(limit(Side::Sell, 100, 4));
    let all = NewOrder { all_or_none: true, ..limit(Side::Buy, 101, 6) };
    assert_eq!(desk.send(all), "ok2 rest2@101:0/6", "above an ask that is too small for it");
    // A sell of 5 passes it over; one of 7 trades with it first.
    assert_eq!(desk.send(limit(Side::Sell, 100, 5)), "ok3 rest3@100:5/5");
    assert_eq!(desk.send(limit(Side::Sell, 99, 7)), "ok4 4x2:6@101 rest4@99:1/1");
    let least = NewOrder { min_qty: QtyLots(6), ..limit(Side::Buy, 99, 8) };
    assert_eq!(desk.send(least), "ok5 rest5@99:0/8");
    let ioc = NewOrder { time_in_force: TimeInForce::Ioc, ..least };
    assert_eq!(desk.send(ioc), "ok6 gone6:8:minimum_quantity");
    let more = NewOrder { time_in_force: TimeInForce::Ioc, price: PriceTicks(100), ..least };
    assert_eq!(desk.send(more), "ok7 7x4:1@99 7x1:4@100 7x3:3@100");
}

#[test]
fn hidden_orders_by_time() {
    for (hidden_priority, said) in [
        (HiddenPriority::AfterDisplayed, "ok3 3x2:2@100 3x1:1@100"),
        (HiddenPriority::ByTime, "ok3 3x1:2@100 3x2:1@100"),
    ] {
        let mut desk = desk(InstrumentRules { hidden_priority, ..rules() });
        desk.send(NewOrder { hidden: true, ..limit(Side::Sell, 100, 2) });
        desk.send(limit(Side::Sell, 100, 2));
        assert_eq!(desk.send(limit(Side::Buy, 100, 3)), said);
    }
}

#[test]
fn post_only_behind_the_makers() {
    let mut tick_steps = rules().tick_steps;
    tick_steps[0] = TickStep { from: PriceTicks(100), ticks: 5 };
    let mut desk = desk(InstrumentRules { tick_steps, ..rules() });
    desk.send(limit(Side::Sell, 100, 4));
    let order = NewOrder { post_only: PostOnly::Reject, ..limit(Side::Buy, 105, 4) };
    assert_eq!(desk.send(order), "no:post_only_would_cross");
    // 100 less 5 is 95, where the step is 1.
    let order = NewOrder { post_only: PostOnly::Reprice, ..order };
    assert_eq!(desk.send(order), "ok2 rest2@95:4/4");
    assert_eq!(desk.send(limit(Side::Sell, 101, 4)), "no:off_tick_size");
}

#[test]
fn bands_and_protection() {
    let mut desk = desk(InstrumentRules {
        dynamic_band_ticks: 5,
        dynamic_band_action: BandAction::Cancel,
        market_protection_ticks: 2,
        ..rules()
    });
    desk.send(limit(Side::Buy, 100, 1));
    desk.send(limit(Side::Sell, 100, 1));
    for price in [101, 103, 105, 106] {
        desk.send(limit(Side::Sell, price, 1));
    }
    assert_eq!(
        desk.send(market(Side::Buy, 4)),
        "ok7 7x3:1@101 7x4:1@103 gone7:2:market_protection"
    );
    // The last price is 103 by now: the band reaches from 98 to 108.
    desk.send(limit(Side::Sell, 109, 1));
    assert_eq!(desk.send(limit(Side::Buy, 110, 4)), "ok9 9x5:1@105 9x6:1@106 gone9:2:price_band");
}

#[test]
fn pegs_follow_and_park() {
    let mut desk = desk(rules());
    let peg = NewOrder {
        order_type: OrderType::Pegged,
        peg: Some(PegReference::Primary),
        offset_ticks: 1,
        ..limit(Side::Buy, 0, 5)
    };
    assert_eq!(desk.send(peg), "ok1", "parked");
    assert_eq!(desk.send(limit(Side::Buy, 100, 5)), "ok2 rest2@100:5/5 peg1:0>99");
    assert_eq!(desk.send(limit(Side::Buy, 102, 5)), "ok3 rest3@102:5/5 peg1:99>101");
    assert_eq!(desk.send(limit(Side::Sell, 101, 7)), "ok4 4x3:5@102 4x1:2@101 peg1:101>99");
    assert_eq!(desk.send(limit(Side::Sell, 100, 5)), "ok5 5x2:5@100 peg1:99>0");
    let parked = desk.model.order(S, OrderRef::Client(ClientOrderId(1))).expect("it is live");
    // Stamps: the bid 1, the peg 2, the bid 3, the peg 4 and 5; parking takes none.
    assert_eq!((parked.priority, parked.terms.qty), (5, QtyLots(3)));
}

#[test]
fn replaces_keep_or_lose_their_place() {
    let mut desk = desk(rules());
    let replace = |price, qty| {
        Command::Replace(Replace {
            session: S,
            instrument: X,
            target: OrderRef::Client(ClientOrderId(1)),
            price: PriceTicks(price),
            qty: QtyLots(qty),
            stop_price: PriceTicks(0),
        })
    };
    desk.send(NewOrder { display_qty: QtyLots(4), ..limit(Side::Sell, 100, 9) });
    desk.send(limit(Side::Sell, 100, 5));
    // The reserve shrinks first, then the tip.
    assert_eq!(desk.apply(replace(100, 5)), "ok1 repl1@100:5");
    assert_eq!(desk.shown(Side::Sell), "1@100:4/5 2@100:5/5");
    assert_eq!(desk.apply(replace(100, 3)), "ok1 repl1@100:3");
    assert_eq!(desk.shown(Side::Sell), "1@100:3/3 2@100:5/5");
    // The same quantity is no smaller one.
    assert_eq!(desk.apply(replace(100, 3)), "ok1 repl1@100:3 rest1@100:3/3");
    assert_eq!(desk.shown(Side::Sell), "2@100:5/5 1@100:3/3");
    // It trades where it crosses.
    desk.send(limit(Side::Buy, 98, 2));
    assert_eq!(desk.apply(replace(97, 8)), "ok1 repl1@97:8 1x3:2@98 rest1@97:4/6");
}
