//! Any commands in any order: what must hold after each of them, whatever it was.

use std::collections::BTreeSet;

use vesta_types::state_hash::{LiveOrder, OrderPhase};
use vesta_types::{
    AccountId, AuctionKind, BandAction, Cancel, Capacity, ClientOrderId, Command, Event,
    HiddenPriority, IcebergRefresh, InstrumentId, InstrumentRules, Kill, KillScope, MassCancel,
    NewOrder, OrderId, OrderRef, OrderType, PegReference, PostOnly, PriceTicks, QtyLots, Replace,
    ReplaceShrink, SelfTrade, SelfTradeDecides, SessionId, SetState, Side, StopTrigger, StpGroup,
    TickStep, TimeInForce, TimeNs, TradingState,
};

use crate::Model;

/// xorshift64*: the same numbers on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % count
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("an index")]
    }
}

const INSTRUMENTS: [InstrumentId; 2] = [InstrumentId(1), InstrumentId(2)];

fn model() -> Model {
    let mut model = Model::new(Capacity {
        order_count_max: 30,
        level_count_max: 5,
        instrument_count_max: 2,
        session_count_max: 3,
    });
    let first = InstrumentRules {
        dynamic_band_ticks: 6,
        dynamic_band_action: BandAction::Interrupt,
        market_protection_ticks: 3,
        stop_cascade_max: 2,
        match_count_max: 3,
        ..InstrumentRules::new(PriceTicks(60), QtyLots(50))
    };
    let mut tick_steps = first.tick_steps;
    tick_steps[0] = TickStep { from: PriceTicks(20), ticks: 2 };
    tick_steps[1] = TickStep { from: PriceTicks(41), ticks: 5 };
    let second = InstrumentRules {
        tick_steps,
        reference_price: PriceTicks(30),
        static_band_ticks: 6,
        dynamic_band_ticks: 9,
        dynamic_band_action: BandAction::Cancel,
        self_trade: SelfTrade::Decrement,
        self_trade_decides: SelfTradeDecides::Maker,
        hidden_priority: HiddenPriority::ByTime,
        replace_shrink: ReplaceShrink::LosesPriority,
        stop_trigger: StopTrigger::Touch,
        iceberg_refresh: IcebergRefresh::KeepsPriority,
        initial_state: TradingState::PreOpen,
        ..InstrumentRules::new(PriceTicks(60), QtyLots(50))
    };
    model.define(INSTRUMENTS[0], first).expect("the first");
    model.define(INSTRUMENTS[1], second).expect("the second");
    for session in 1..=3 {
        model.define_session(SessionId(session), 12).expect("a session");
    }
    model
}

fn new_order(dice: &mut Dice, name: u64) -> NewOrder {
    use OrderType as T;
    let some = |dice: &mut Dice, odds: u64, max: u64| {
        if dice.one_in(odds) { 1 + dice.below(max) } else { 0 }
    };
    let side = dice.of(&Side::BOTH);
    let price = 22 + 2 * dice.below(9) as i64;
    let order_type = dice.of(&[
        T::Limit,
        T::Limit,
        T::Limit,
        T::Limit,
        T::Limit,
        T::Market,
        T::Stop,
        T::StopLimit,
        T::TrailingStop,
        T::TrailingStopLimit,
        T::Pegged,
    ]);
    let mut order = NewOrder {
        order_type,
        stp_group: StpGroup(dice.of(&[0, 0, 1, 2])),
        self_trade: dice.of(SelfTrade::ALL),
        account: AccountId(dice.below(3)),
        ..NewOrder::limit(
            SessionId(1 + dice.below(3) as u32),
            ClientOrderId(name),
            dice.of(&INSTRUMENTS),
            side,
            PriceTicks(price),
            QtyLots(1 + dice.below(30)),
        )
    };
    let rests = [TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Day, TimeInForce::Gtd];
    order.time_in_force = dice.of(&rests);
    match order_type {
        T::Limit => {
            if dice.one_in(3) {
                order.time_in_force = dice.of(TimeInForce::ALL);
            }
            match dice.below(10) {
                0 => order.hidden = true,
                1 => order.all_or_none = true,
                2 => order.min_qty = QtyLots(1 + dice.below(order.qty.0)),
                3 => order.display_qty = QtyLots(1 + dice.below(5)),
                4 => order.post_only = dice.of(PostOnly::ALL),
                _ => {}
            }
        }
        T::Market => {
            use TimeInForce as F;
            order.price = PriceTicks(if dice.one_in(2) { 0 } else { price });
            order.time_in_force = dice.of(&[F::Ioc, F::Fok, F::FokBudget, F::AtOpen, F::AtClose]);
            order.min_qty = QtyLots(some(dice, 4, 10));
        }
        T::Stop => {
            order.price = PriceTicks(if dice.one_in(2) { 0 } else { price });
            order.stop_price = PriceTicks(22 + 2 * dice.below(9) as i64);
        }
        T::StopLimit => order.stop_price = PriceTicks(22 + 2 * dice.below(9) as i64),
        T::TrailingStop | T::TrailingStopLimit => {
            order.price = PriceTicks(0);
            order.trail_ticks = 1 + dice.below(9);
            order.stop_price = PriceTicks(if dice.one_in(2) { 0 } else { price });
            if order_type == T::TrailingStopLimit {
                order.offset_ticks = dice.below(5);
            }
        }
        T::Pegged => {
            order.peg = Some(dice.of(PegReference::ALL));
            order.offset_ticks = dice.below(4);
            order.price = PriceTicks(if dice.one_in(2) { 0 } else { price });
        }
    }
    if order.time_in_force == TimeInForce::Gtd {
        order.expires = TimeNs(name + dice.below(400));
    }
    if order.time_in_force == TimeInForce::FokBudget {
        order.budget = 1 + dice.below(1_000);
    }
    order
}

fn command(dice: &mut Dice, model: &Model, name: u64) -> Command {
    let session = SessionId(1 + dice.below(3) as u32);
    let instrument = dice.of(&INSTRUMENTS);
    let live: Vec<LiveOrder> = model.live_orders().collect();
    match dice.below(100) {
        kind @ 60..94 if !live.is_empty() && !dice.one_in(20) => {
            let order = dice.of(&live);
            let terms = order.terms;
            let target = if dice.one_in(2) {
                OrderRef::Order(order.order_id)
            } else {
                OrderRef::Client(terms.client_order_id)
            };
            let (session, instrument) = (terms.session, terms.instrument);
            if kind < 72 {
                return Command::Cancel(Cancel { session, instrument, target });
            }
            let near = |dice: &mut Dice, price: PriceTicks| {
                let step = PriceTicks(dice.of(&[0, 0, 0, 2, 4, -2, -4]));
                if price.0 == 0 { price } else { PriceTicks(price.0 + step.0) }
            };
            Command::Replace(Replace {
                session,
                instrument,
                target,
                price: near(dice, terms.price),
                qty: QtyLots((terms.qty.0 + dice.below(8)).saturating_sub(4)),
                stop_price: if order.phase == OrderPhase::Waiting && dice.one_in(2) {
                    near(dice, terms.stop_price)
                } else {
                    PriceTicks(0)
                },
            })
        }
        60 => Command::Cancel(Cancel {
            session,
            instrument,
            target: OrderRef::Client(ClientOrderId(name)),
        }),
        0..94 => Command::New(new_order(dice, name)),
        94 => Command::MassCancel(MassCancel {
            session,
            account: dice.one_in(2).then_some(AccountId(1)),
            instrument: Some(instrument),
            side: Some(dice.of(&Side::BOTH)),
        }),
        95 if dice.one_in(3) => Command::Kill(Kill {
            scope: match dice.below(4) {
                0 => KillScope::All,
                1 => KillScope::Session(session),
                2 => KillScope::Account(AccountId(dice.below(3))),
                _ => KillScope::Instrument(instrument),
            },
            engaged: dice.one_in(5),
        }),
        _ => {
            let is_closed = model.books[&instrument].state == TradingState::Close;
            let usual = if is_closed { TradingState::PreOpen } else { TradingState::Continuous };
            let state = if dice.one_in(4) { dice.of(TradingState::ALL) } else { usual };
            Command::SetState(SetState { instrument, state, auction: dice.of(AuctionKind::ALL) })
        }
    }
}

/// Every live order is where its phase says, once; and stamps are given once.
fn check_queues(model: &Model) {
    let mut queued = BTreeSet::new();
    for instrument in INSTRUMENTS {
        for side in Side::BOTH {
            let shown: Vec<LiveOrder> = model.orders(instrument, side).collect();
            let hidden: Vec<LiveOrder> = model.undisplayed(instrument, side).collect();
            assert!(shown.iter().all(|order| !order.displayed.is_zero()));
            assert!(shown.iter().all(|order| order.displayed <= order.terms.qty));
            assert!(hidden.iter().all(|order| order.displayed.is_zero()));
            for order in shown.iter().chain(&hidden) {
                assert_eq!(order.phase, OrderPhase::Queued);
                assert_eq!((order.terms.instrument, order.terms.side), (instrument, side));
                assert!(queued.insert(order.order_id));
            }
            let book = &model.books[&instrument];
            for order_id in book.stops[side.index()].ids() {
                assert_eq!(model.orders[&order_id].phase, OrderPhase::Waiting);
                assert!(queued.insert(order_id));
            }
        }
        for order_id in model.books[&instrument].for_auction.values() {
            assert_eq!(model.orders[order_id].phase, OrderPhase::ForAuction);
            assert!(queued.insert(*order_id));
        }
    }
    let mut stamps = BTreeSet::new();
    for order in model.live_orders() {
        let is_parked = order.phase == OrderPhase::Parked;
        assert!(queued.contains(&order.order_id) != is_parked, "{order:?}");
        assert!(!order.terms.qty.is_zero() && order.priority <= model.priority_last);
        assert!(order.priority == 0 || stamps.insert(order.priority));
        let name = OrderRef::Client(order.terms.client_order_id);
        assert_eq!(model.order(order.terms.session, name), Some(order));
    }
    assert_eq!(model.names.len(), model.orders.len());
}

/// In continuous trading the displayed book is never crossed.
fn check_not_crossed(model: &Model) {
    for instrument in INSTRUMENTS {
        let status = model.status(instrument).expect("defined");
        if status.state == TradingState::Continuous {
            let [bid, ask] = Side::BOTH.map(|side| model.best(instrument, side));
            if let (Some(bid), Some(ask)) = (bid, ask) {
                assert!(bid.price < ask.price, "{instrument}: {bid:?} {ask:?}");
            }
        }
    }
}

/// Who was live and is no more was filled or cancelled, and who is live was never told gone.
fn check_nobody_is_lost(before: &BTreeSet<OrderId>, model: &Model, events: &[Event]) {
    let mut gone = BTreeSet::new();
    for event in events {
        let parties = match event {
            Event::Cancelled(e) => {
                assert!(gone.insert(e.order_id), "gone twice: {e:?}");
                continue;
            }
            Event::Executed(e) => [e.taker, e.maker],
            Event::SelfTradePrevented(e) => [e.taker, e.maker],
            _ => continue,
        };
        for party in parties {
            assert!(!party.leaves.is_zero() || gone.insert(party.order_id), "gone twice");
        }
    }
    let mut expected = before.clone();
    for event in events {
        if let Event::Accepted(e) = event
            && e.terms.is_some()
        {
            expected.insert(e.order_id);
        }
    }
    let expected: BTreeSet<OrderId> = expected.difference(&gone).copied().collect();
    let live: BTreeSet<OrderId> = model.live_orders().map(|order| order.order_id).collect();
    assert_eq!(expected, live, "{events:?}");
}

#[test]
fn what_must_hold_after_any_command() {
    let mut seen = BTreeSet::new();
    for seed in 1..=4 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed);
        let mut model = model();
        for i in 1..=5_000 {
            let mut events = Vec::new();
            let live = |model: &Model| model.live_orders().map(|order| order.order_id).collect();
            let before: BTreeSet<OrderId> = live(&model);
            if dice.one_in(4) {
                model.tick(TimeNs(i), &mut events);
            } else {
                model.advance_to(TimeNs(i), &mut events);
            }
            check_nobody_is_lost(&before, &model, &events);

            let command = command(&mut dice, &model, i);
            let before: BTreeSet<OrderId> = live(&model);
            let hash = model.state_hash();
            events.clear();
            model.apply(&command, &mut events);
            let is_reply =
                |event: &&Event| matches!(event, Event::Accepted(_) | Event::Rejected(_));
            assert!(events.first().as_ref().is_some_and(is_reply), "{command:?}");
            assert_eq!(events.iter().filter(is_reply).count(), 1, "{command:?}");
            if let Some(Event::Rejected(e)) = events.first() {
                assert_eq!((events.len(), model.state_hash()), (1, hash), "{command:?}");
                seen.insert(e.reason.name());
            }
            for event in &events {
                seen.insert(match event {
                    Event::Cancelled(e) => e.reason.name(),
                    Event::StateChanged(e) => e.state.name(),
                    Event::Executed(e) if e.auction => "auction",
                    Event::Executed(_) => "executed",
                    Event::Triggered(_) => "triggered",
                    Event::Repriced(_) => "repriced",
                    Event::SelfTradePrevented(_) => "decremented",
                    Event::Replaced(e) if e.priority_kept => "kept",
                    _ => "other",
                });
            }
            check_queues(&model);
            check_not_crossed(&model);
            check_nobody_is_lost(&before, &model, &events);
        }
    }
    for what in [
        "open_order_limit",
        "off_tick_size",
        "outside_static_band",
        "auction",
        "executed",
        "triggered",
        "repriced",
        "decremented",
        "kept",
        "price_band",
        "market_protection",
        "volatility_interruption",
        "halt",
        "self_trade",
        "fill_or_kill",
        "minimum_quantity",
        "auction_remainder",
        "post_only_would_cross",
        "level_capacity",
    ] {
        assert!(seen.contains(what), "{what} never happened: {seen:?}");
    }
}
