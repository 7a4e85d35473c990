//! **Continuous trading**: what an aggressor meets, and what becomes of it.

use std::collections::BTreeSet;

use vesta_types::state_hash::LiveOrder;
use vesta_types::{
    BandAction, CancelReason, Event, Executed, IcebergRefresh, InstrumentId, NewOrder, OrderId,
    OrderType, PriceTicks, QtyLots, SelfTrade, SelfTradeDecides, SelfTradePrevented, Side,
    StpGroup, TimeInForce, TradingState,
};

use crate::book::{behind, distance, is_acceptable};
use crate::orders::{cancelled, is_undisplayed, party, take_off, tip};
use crate::{Model, Run};

/// How far an aggressor may go.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    limit: Option<PriceTicks>,
    protection: Option<PriceTicks>,
    /// What the dynamic band is around; 0 for no band.
    band_base: PriceTicks,
}

/// Why an aggressor went no further: **bounds**.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    NothingOpen,
    SelfTrade,
    NoMaker,
    Band,
    Protection,
    MatchLimit,
}

/// What a **dry_run** got.
#[derive(Clone, Copy, Debug)]
struct Got {
    qty: QtyLots,
    notional: i128,
}

impl Model {
    /// An aggressor acts: it trades what it can within `limit`, and the rest of it rests or goes.
    pub(crate) fn act(
        &mut self,
        mut order: LiveOrder,
        limit: Option<PriceTicks>,
        run: &mut Run<'_>,
    ) {
        order.displayed = QtyLots::ZERO;
        let terms = order.terms;
        let price = limit.unwrap_or(PriceTicks(0));
        let protection = self.protection(&terms, limit);
        let bounds = Bounds { limit, protection, band_base: run.band_base };

        // **fill_or_kill**, **fill_or_kill_budget**
        if matches!(terms.time_in_force, TimeInForce::Fok | TimeInForce::FokBudget) {
            let got = self.dry_run(&order, bounds, run.matches);
            let budget = i128::from(terms.budget);
            let is_in_budget = terms.time_in_force == TimeInForce::Fok
                || is_acceptable_sum(&terms, got.notional, budget);
            if got.qty < terms.qty || !is_in_budget {
                run.events.push(cancelled(&order, price, CancelReason::FillOrKill));
                return;
            }
        }
        // **all_or_none_arrival**
        if terms.all_or_none && self.dry_run(&order, bounds, run.matches).qty < terms.qty {
            self.rest(order, price, run.events);
            return;
        }
        // **minimum_quantity_arrival**; a replace may have left less open than the minimum.
        let min_qty = terms.min_qty.min(terms.qty);
        if !min_qty.is_zero() && self.dry_run(&order, bounds, run.matches).qty < min_qty {
            if terms.time_in_force == TimeInForce::Ioc {
                run.events.push(cancelled(&order, price, CancelReason::MinimumQuantity));
            } else {
                self.rest(order, price, run.events);
            }
            return;
        }

        let end = self.walk(&mut order, bounds, run);
        let may_rest = matches!(terms.order_type, OrderType::Limit | OrderType::Pegged)
            && terms.time_in_force.may_rest();
        let reason = match end {
            End::NothingOpen => return,
            End::SelfTrade => Some(CancelReason::SelfTrade),
            End::Protection => Some(CancelReason::MarketProtection),
            End::MatchLimit => Some(CancelReason::MatchLimit),
            // **dynamic_band**
            End::Band => match self.book(terms.instrument).rules.dynamic_band_action {
                BandAction::Cancel => Some(CancelReason::PriceBand),
                BandAction::Interrupt => {
                    // **volatility_interruption**
                    let state = TradingState::VolatilityInterruption;
                    self.change_state(terms.instrument, state, None, run.events);
                    (!may_rest).then_some(CancelReason::PriceBand)
                }
            },
            // **remainder**
            End::NoMaker => (!may_rest).then_some(CancelReason::ImmediateOrCancel),
        };
        // **stops_act_in_turn**: a stop-limit was not asked for its level on arrival; every other
        // order was, and has one.
        let book = self.book(terms.instrument);
        let level_count_max = self.capacity.level_count_max;
        let lacks_level =
            !is_undisplayed(&terms) && book.lacks_level(terms.side, price, level_count_max);
        let reason = reason.or(lacks_level.then_some(CancelReason::LevelCapacity));
        match reason {
            Some(reason) => run.events.push(cancelled(&order, price, reason)),
            None => self.rest(order, price, run.events),
        }
    }

    /// **market_protection**: how far an order without a limit may trade, as it begins to act.
    fn protection(&self, terms: &NewOrder, limit: Option<PriceTicks>) -> Option<PriceTicks> {
        let book = self.book(terms.instrument);
        let ticks = book.rules.market_protection_ticks;
        if ticks == 0 || limit.is_some() {
            return None;
        }
        let makers = terms.side.opposite();
        book.touch(makers).map(|touch| behind(makers, touch, ticks))
    }

    /// **dry_run**: the same walk in a copy of everything, which is then thrown away.
    fn dry_run(&self, order: &LiveOrder, bounds: Bounds, matches: u32) -> Got {
        let mut copy = self.clone();
        let mut events = Vec::new();
        let mut run = Run::new(&mut events, bounds.band_base, matches);
        copy.walk(&mut order.clone(), bounds, &mut run);
        let mut got = Got { qty: QtyLots::ZERO, notional: 0 };
        for event in events {
            if let Event::Executed(fill) = event {
                got.qty += fill.qty;
                got.notional += fill.price.notional(fill.qty);
            }
        }
        got
    }

    /// Trades an aggressor with one eligible maker after the other: **price_time_priority**.
    fn walk(&mut self, taker: &mut LiveOrder, bounds: Bounds, run: &mut Run<'_>) -> End {
        let instrument = taker.terms.instrument;
        let side = taker.terms.side;
        let mut passed = BTreeSet::new();
        loop {
            if taker.terms.qty.is_zero() {
                return End::NothingOpen;
            }
            run.looks += self.pass_over(taker, bounds, &mut passed);
            let Some(maker) = self.next_maker(taker, bounds.limit) else { return End::NoMaker };
            let price = maker.queue_price;
            if self.is_outside_band(instrument, price, bounds.band_base) {
                return End::Band;
            }
            if !is_acceptable(side, bounds.protection, price) {
                return End::Protection;
            }
            // **match_limit**
            if run.matches >= self.book(instrument).rules.match_count_max {
                return End::MatchLimit;
            }
            run.matches += 1;
            match self.self_trade(&taker.terms, &maker.terms) {
                None => {
                    self.fill(taker, maker, run.events, false);
                    self.after_execution(instrument, price, run);
                }
                // **cancel_newest**
                Some(SelfTrade::CancelNewest) => return End::SelfTrade,
                // **cancel_oldest**
                Some(SelfTrade::CancelOldest) => {
                    self.cancel_live(maker.order_id, CancelReason::SelfTrade, run.events);
                }
                // **cancel_both**
                Some(SelfTrade::CancelBoth) => {
                    self.cancel_live(maker.order_id, CancelReason::SelfTrade, run.events);
                    return End::SelfTrade;
                }
                // **decrement**
                Some(SelfTrade::Decrement) => self.fill(taker, maker, run.events, true),
                Some(SelfTrade::Default) => panic!("the rules of an instrument name no default"),
            }
        }
    }

    /// **match_limit**: the undisplayed makers within the bounds that come before the first eligible one of
    /// them. How many of them were not `passed` before.
    fn pass_over(&self, taker: &LiveOrder, bounds: Bounds, passed: &mut BTreeSet<OrderId>) -> u32 {
        let terms = &taker.terms;
        let makers = terms.side.opposite();
        let book = self.book(terms.instrument);
        let band = Some(book.rules.dynamic_band_ticks)
            .filter(|ticks| *ticks != 0 && bounds.band_base != PriceTicks(0))
            .map(|ticks| behind(makers, bounds.band_base, ticks));
        let limits = [bounds.limit, bounds.protection, band];
        let undisplayed = book.makers(makers).map(|order_id| self.orders[&order_id]);
        undisplayed
            .filter(|maker| is_undisplayed(&maker.terms))
            .take_while(|maker| {
                limits.iter().all(|limit| is_acceptable(terms.side, *limit, maker.queue_price))
            })
            .take_while(|maker| !self.is_eligible(maker, terms.qty))
            .map(|maker| u32::from(passed.insert(maker.order_id)))
            .sum()
    }

    /// The first eligible maker within the limit.
    fn next_maker(&self, taker: &LiveOrder, limit: Option<PriceTicks>) -> Option<LiveOrder> {
        let terms = &taker.terms;
        self.book(terms.instrument)
            .makers(terms.side.opposite())
            .map(|order_id| self.orders[&order_id])
            .take_while(|maker| is_acceptable(terms.side, limit, maker.queue_price))
            .find(|maker| self.is_eligible(maker, terms.qty))
    }

    /// **eligible_maker**: true when a maker trades with an aggressor that has `open` open. Who does
    /// not is passed over: **all_or_none_waits**, **minimum_quantity_waits**.
    pub(crate) fn is_eligible(&self, maker: &LiveOrder, open: QtyLots) -> bool {
        let terms = &maker.terms;
        let is_whole = !terms.all_or_none || open >= terms.qty;
        let is_enough = open.min(terms.qty) >= terms.min_qty.min(terms.qty);
        is_whole && is_enough
    }

    /// **dynamic_band**: true for a price too far from the last one before the command.
    fn is_outside_band(
        &self,
        instrument: InstrumentId,
        price: PriceTicks,
        band_base: PriceTicks,
    ) -> bool {
        let band = self.book(instrument).rules.dynamic_band_ticks;
        band != 0 && band_base != PriceTicks(0) && distance(price, band_base) > band
    }

    /// **self_trade_prevention**: what happens instead of a fill; `None` when the two may trade.
    fn self_trade(&self, taker: &NewOrder, maker: &NewOrder) -> Option<SelfTrade> {
        if taker.stp_group == StpGroup(0) || taker.stp_group != maker.stp_group {
            return None;
        }
        let rules = &self.book(taker.instrument).rules;
        let instruction = match rules.self_trade_decides {
            // **taker_decides**
            SelfTradeDecides::Taker => taker.self_trade,
            // **maker_decides**
            SelfTradeDecides::Maker => maker.self_trade,
        };
        let is_default = instruction == SelfTrade::Default;
        Some(if is_default { rules.self_trade } else { instruction })
    }

    /// One fill at the **maker_price**, or with `is_prevented` a **decrement** in place of it.
    fn fill(
        &mut self,
        taker: &mut LiveOrder,
        mut maker: LiveOrder,
        events: &mut Vec<Event>,
        is_prevented: bool,
    ) {
        let shown = maker.displayed;
        let offered = if shown.is_zero() { maker.terms.qty } else { shown };
        let qty = taker.terms.qty.min(offered);
        take_off(taker, qty);
        take_off(&mut maker, qty);
        self.show_next_tip_in_place(&mut maker, shown);
        let instrument = taker.terms.instrument;
        let price = maker.queue_price;
        let taker_side = taker.terms.side;
        let (taker, maker_party) = (party(taker, QtyLots::ZERO), party(&maker, shown));
        events.push(if is_prevented {
            Event::SelfTradePrevented(SelfTradePrevented {
                instrument,
                price,
                qty,
                taker_side,
                taker,
                maker: maker_party,
            })
        } else {
            self.trade_id_last = self.trade_id_last.next();
            Event::Executed(Executed {
                trade_id: self.trade_id_last,
                instrument,
                price,
                qty,
                taker_side,
                auction: false,
                taker,
                maker: maker_party,
            })
        });
        // **partial_fill_keeps_place**
        self.store(maker);
        if maker.terms.qty.is_zero() {
            self.remove(maker.order_id);
        } else if !shown.is_zero() && maker.displayed.is_zero() {
            self.show_next_tip(maker.order_id, events);
        }
    }

    /// **tip_keeps_priority**: what an iceberg shows where `shown` is gone.
    pub(crate) fn show_next_tip_in_place(&self, order: &mut LiveOrder, shown: QtyLots) {
        let rules = &self.book(order.terms.instrument).rules;
        let is_gone = !shown.is_zero() && order.displayed.is_zero();
        if is_gone && rules.iceberg_refresh == IcebergRefresh::KeepsPriority {
            order.displayed = tip(&order.terms);
        }
    }

    /// **tip_loses_priority**: the next tip enters the end of the queue of its price.
    pub(crate) fn show_next_tip(&mut self, order_id: OrderId, events: &mut Vec<Event>) {
        let order = self.orders[&order_id];
        self.leave_queue(&order);
        self.rest(order, order.queue_price, events);
    }
}

/// True when a buy pays at most its budget, and a sell gets at least that.
fn is_acceptable_sum(terms: &NewOrder, notional: i128, budget: i128) -> bool {
    match terms.side {
        Side::Buy => notional <= budget,
        Side::Sell => notional >= budget,
    }
}
