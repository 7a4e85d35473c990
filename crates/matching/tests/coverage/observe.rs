//! What fired in a step: read off the command, the events, and the model before and after.

use vesta_model::Model;
use vesta_types::state_hash::{InstrumentStatus, LiveOrder, OrderPhase};
use vesta_types::*;

use super::{Fired, Tag};
use crate::common::Step;

/// The model before a step.
pub struct Before {
    orders: Vec<LiveOrder>,
    statuses: Vec<InstrumentStatus>,
}

/// A step, seen from outside.
struct View<'a> {
    before: &'a Before,
    events: &'a [Event],
    after: &'a Model,
    fired: Fired,
    /// The order of the command, before it.
    own: Option<LiveOrder>,
}

impl Before {
    pub fn new(model: &Model) -> Self {
        Self {
            orders: model.live_orders().collect(),
            statuses: model.instruments().filter_map(|(id, _)| model.status(id)).collect(),
        }
    }

    fn order(&self, order_id: OrderId) -> Option<&LiveOrder> {
        let at = self.orders.binary_search_by_key(&order_id, |order| order.order_id);
        at.ok().map(|at| &self.orders[at])
    }

    fn status(&self, instrument: InstrumentId) -> Option<&InstrumentStatus> {
        self.statuses.iter().find(|status| status.instrument == instrument)
    }

    /// What fired in the step that led from here to `after`.
    pub fn fired(
        &self,
        step: &Step,
        said: Result<(), RejectReason>,
        events: &[Event],
        after: &Model,
    ) -> Fired {
        let mut view = View { before: self, events, after, fired: Fired::default(), own: None };
        view.fired.add(Tag::StateHash);
        match step {
            Step::Define(instrument, _) => {
                let is_known = self.status(*instrument).is_some();
                view.fired.add_if(said.is_ok() && is_known, Tag::DefinedAgain);
                view.fired.add_if(said == Err(RejectReason::InstrumentCapacity), Tag::Bounded);
            }
            Step::DefineSession(..) => {
                view.fired.add_if(said == Err(RejectReason::SessionCapacity), Tag::Bounded);
            }
            Step::Advance(_) | Step::Tick(_) => view.time(),
            Step::Apply(command) => view.command(command),
        }
        view.after_any();
        view.fired
    }
}

/// True when an order of this side, with this limit (0: none), takes that price.
fn takes(side: Side, limit: PriceTicks, price: PriceTicks) -> bool {
    limit == PriceTicks(0)
        || match side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        }
}

impl View<'_> {
    fn time(&mut self) {
        for event in self.events {
            match event {
                Event::Cancelled(_) => self.fired.add(Tag::Expires),
                Event::Indicative(it) => {
                    self.fired.add(Tag::Indicative);
                    self.fired.add_if(it.price == PriceTicks(0), Tag::IndicativeNone);
                }
                _ => {}
            }
        }
    }

    fn command(&mut self, command: &Command) {
        let replies = |event: &&Event| matches!(event, Event::Accepted(_) | Event::Rejected(_));
        assert_eq!(self.events.iter().filter(replies).count(), 1, "one primary reply");
        assert!(replies(&&self.events[0]), "the reply comes first");
        self.fired.add(Tag::PrimaryReply);
        match self.events[0] {
            Event::Rejected(rejected) => {
                assert_eq!(self.events.len(), 1, "a reject has no effect");
                self.rejected(rejected.reason);
            }
            Event::Accepted(accepted) => self.accepted(command, &accepted),
            _ => {}
        }
    }

    fn rejected(&mut self, reason: RejectReason) {
        use RejectReason as R;
        match reason {
            R::NotInThisState => self.fired.add(Tag::AdmissionByState),
            R::InvalidCombination => self.fired.add(Tag::WhatGoesTogether),
            R::PostOnlyWouldCross => self.fired.add(Tag::PostOnly),
            R::KillSwitch => self.fired.add(Tag::KillSwitch),
            R::OrderCapacity | R::LevelCapacity | R::OpenOrderLimit | R::KillCapacity => {
                self.fired.add(Tag::Bounded);
            }
            _ => {}
        }
    }

    fn accepted(&mut self, command: &Command, accepted: &Accepted) {
        let cancelled = self.events.iter().filter(|it| matches!(it, Event::Cancelled(_))).count();
        match command {
            Command::New(new) => {
                self.fired.add(Tag::OrderIds);
                let is_repriced = accepted.price != new.price;
                self.fired.add_if(is_repriced, Tag::PostOnly);
                self.fired.add_if(is_repriced, Tag::PostOnlyRepriced);
                self.order(LiveOrder {
                    order_id: accepted.order_id,
                    terms: NewOrder { price: accepted.price, ..*new },
                    phase: OrderPhase::Queued,
                    queue_price: PriceTicks(0),
                    displayed: QtyLots::ZERO,
                    priority: 0,
                });
                self.arrival(new);
            }
            Command::Replace(_) => {
                self.fired.add(Tag::Replace);
                if let Some(old) = self.before.order(accepted.order_id).copied() {
                    self.replaced(&old, accepted);
                }
            }
            Command::Cancel(_) => {
                self.fired.add(Tag::Cancel);
                if let Some(old) = self.before.order(accepted.order_id) {
                    let status = self.before.status(old.terms.instrument);
                    let is_in = |state| status.is_some_and(|status| status.state == state);
                    let is_waiting = old.phase == OrderPhase::Waiting;
                    let is_for_auction = old.phase == OrderPhase::ForAuction;
                    self.fired.add_if(is_waiting, Tag::CancelInAnyPhase);
                    self.fired.add_if(is_for_auction, Tag::CancelForAuction);
                    self.fired.add_if(old.phase == OrderPhase::Parked, Tag::CancelParked);
                    self.fired.add_if(is_in(TradingState::Halt), Tag::CancelInHalt);
                    self.fired.add_if(is_in(TradingState::Close), Tag::CancelAfterClose);
                }
            }
            Command::MassCancel(mass) => {
                self.fired.add(Tag::MassCancel);
                let filters =
                    [mass.account.is_some(), mass.instrument.is_some(), mass.side.is_some()];
                self.fired.add_if(filters[0], Tag::MassCancelAccount);
                self.fired.add_if(filters[1], Tag::MassCancelInstrument);
                self.fired.add_if(filters[2], Tag::MassCancelSide);
                self.fired.add_if(filters == [true; 3], Tag::MassCancelAll);
                self.fired.add_if(cancelled == 0, Tag::MassCancelNone);
                self.fired.add_if(cancelled > 1, Tag::MassCancelMany);
            }
            Command::Kill(kill) => {
                self.fired.add(Tag::KillSwitch);
                self.fired.add_if(!kill.engaged, Tag::Release);
                if kill.engaged && cancelled > 0 {
                    self.fired.add(match kill.scope {
                        KillScope::All => Tag::KillAll,
                        KillScope::Session(_) => Tag::KillSession,
                        KillScope::Account(_) => Tag::KillAccount,
                        KillScope::Instrument(_) => Tag::KillInstrument,
                    });
                }
                if let KillScope::Instrument(instrument) = kill.scope {
                    let was = self.before.status(instrument).is_some_and(|status| status.killed);
                    self.fired.add_if(was && kill.engaged, Tag::KillTwice);
                }
            }
            Command::SetState(set) => self.set_state(set),
        }
        if !matches!(command, Command::SetState(_)) {
            self.changes_by_trading();
        }
        self.fills();
    }

    /// The terms of the order of a new order or replace.
    fn order(&mut self, order: LiveOrder) {
        let terms = &order.terms;
        self.fired.add(match (terms.order_type, terms.peg) {
            (OrderType::Limit, _) => Tag::Limit,
            (OrderType::Market, _) => Tag::Market,
            (OrderType::Stop, _) => Tag::Stop,
            (OrderType::StopLimit, _) => Tag::StopLimit,
            (OrderType::TrailingStop, _) => Tag::TrailingStop,
            (OrderType::TrailingStopLimit, _) => Tag::TrailingStopLimit,
            (OrderType::Pegged, Some(PegReference::Market)) => Tag::PegMarket,
            (OrderType::Pegged, _) => Tag::PegPrimary,
        });
        self.fired.add(match terms.time_in_force {
            TimeInForce::Gtc => Tag::Gtc,
            TimeInForce::Ioc => Tag::Ioc,
            TimeInForce::Fok => Tag::Fok,
            TimeInForce::Day => Tag::Day,
            TimeInForce::Gtd => Tag::Gtd,
            TimeInForce::AtOpen => Tag::AtOpen,
            TimeInForce::AtClose => Tag::AtClose,
            TimeInForce::FokBudget => Tag::FokBudget,
        });
        self.fired.add_if(!terms.display_qty.is_zero(), Tag::Iceberg);
        self.fired.add_if(terms.hidden, Tag::Hidden);
        self.fired.add_if(terms.all_or_none, Tag::AllOrNone);
        self.fired.add_if(!terms.min_qty.is_zero(), Tag::MinQty);
        self.fired.add_if(terms.post_only == PostOnly::Reject, Tag::PostOnlyReject);
        self.fired.add_if(terms.post_only == PostOnly::Reprice, Tag::PostOnlyReprice);
        self.fired.add_if(terms.order_type == OrderType::Pegged, Tag::Pegged);
        self.own = Some(order);
    }

    fn state_before(&self, instrument: InstrumentId) -> Option<TradingState> {
        self.before.status(instrument).map(|status| status.state)
    }

    fn is_own(&self, order_id: OrderId) -> bool {
        self.own.is_some_and(|own| own.order_id == order_id)
    }

    fn arrival(&mut self, new: &NewOrder) {
        let state = self.state_before(new.instrument);
        if state.is_some_and(TradingState::is_call) {
            // It would have traded.
            let price = self.own.map_or(PriceTicks(0), |own| own.terms.price);
            let best = self.after.best(new.instrument, new.side.opposite());
            let is_limit = new.order_type == OrderType::Limit && new.time_in_force.may_rest();
            let crosses = best.is_some_and(|best| takes(new.side, price, best.price));
            return self.fired.add_if(is_limit && crosses, Tag::Collects);
        }
        let own = |event: &&Event| match event {
            Event::Executed(fill) => self.is_own(fill.taker.order_id),
            _ => false,
        };
        let has_fills = self.events.iter().any(|event| own(&event));
        match new.time_in_force {
            TimeInForce::Fok | TimeInForce::FokBudget => {
                let is_fok = new.time_in_force == TimeInForce::Fok;
                self.fired.add(Tag::DryRun);
                let (filled, killed) = if is_fok {
                    (Tag::FokFilled, Tag::FokKilled)
                } else {
                    (Tag::BudgetFilled, Tag::BudgetKilled)
                };
                self.fired.add(if has_fills { filled } else { killed });
                let past = self.events.iter().any(
                    |it| matches!(it, Event::Cancelled(it) if it.reason == CancelReason::SelfTrade),
                );
                self.fired.add_if(is_fok && has_fills && past, Tag::FokPastSelf);
                self.fired
                    .add_if(is_fok && !has_fills && self.is_beyond_limit(new), Tag::FokBeyondLimit);
                let levels = self.after.levels(new.instrument, new.side.opposite());
                let within = levels.filter(|level| takes(new.side, new.price, level.price));
                let sum = within.fold(QtyLots::ZERO, |sum, level| sum + level.qty);
                let is_simple = new.stp_group == StpGroup(0) && new.price != PriceTicks(0);
                let is_dear = !is_fok && !has_fills && is_simple && sum >= new.qty;
                self.fired.add_if(is_dear, Tag::BudgetTooDear);
            }
            _ => {}
        }
        if new.all_or_none {
            self.fired.add(Tag::DryRun);
            self.fired.add(Tag::AllOrNoneArrival);
            self.fired.add(if has_fills { Tag::AllOrNoneFilled } else { Tag::AllOrNoneRests });
        }
        if !new.min_qty.is_zero() {
            self.fired.add(Tag::DryRun);
            self.fired.add(Tag::MinQtyArrival);
            self.fired.add(if has_fills { Tag::MinQtyTrades } else { Tag::MinQtyRests });
        }
    }

    /// True when an order could have more at its price than it may meet.
    fn is_beyond_limit(&self, new: &NewOrder) -> bool {
        let rules = self.rules(new.instrument);
        let orders = self.after.orders(new.instrument, new.side.opposite());
        let within = orders.filter(|it| takes(new.side, new.price, it.queue_price));
        let (count, sum) = within.fold((0, 0), |(n, sum), it| (n + 1, sum + it.displayed.0));
        let is_simple = new.stp_group == StpGroup(0) && new.price != PriceTicks(0);
        let is_enough = sum >= new.qty.0;
        is_simple && is_enough && rules.is_some_and(|rules| count > rules.match_count_max)
    }

    fn replaced(&mut self, old: &LiveOrder, accepted: &Accepted) {
        self.order(LiveOrder {
            terms: NewOrder { price: accepted.price, qty: accepted.qty, ..old.terms },
            ..*old
        });
        let Some(Event::Replaced(replaced)) = self.events.get(1) else {
            panic!("accepted, but not replaced")
        };
        let is_kept = replaced.priority_kept;
        self.fired.add(if is_kept { Tag::KeepsPriority } else { Tag::LosesPriority });
        let is_iceberg = old.terms.qty > old.displayed && !old.displayed.is_zero();
        self.fired.add_if(is_kept && is_iceberg, Tag::ReplaceShrinksIceberg);
        let into_tip = is_kept && is_iceberg && replaced.displayed < replaced.old_displayed;
        self.fired.add_if(into_tip, Tag::ReplaceIntoTip);
        let is_trailing = old.terms.order_type.is_trailing();
        let is_stop = old.phase == OrderPhase::Waiting;
        self.fired.add_if(is_stop && is_trailing, Tag::ReplaceTrailing);
        let is_pegged = old.terms.order_type == OrderType::Pegged;
        self.fired.add_if(old.phase == OrderPhase::ForAuction, Tag::ReplaceForAuction);
        self.fired.add_if(is_pegged, Tag::ReplacePegged);
        let after = self.after.order(old.terms.session, OrderRef::Order(old.order_id));
        let is_moved = after.is_some_and(|after| after.terms.stop_price != old.terms.stop_price);
        self.fired.add_if(is_stop && !is_trailing && is_moved, Tag::ReplaceOfStop);
        let trades = self.events.iter().any(|event| matches!(event, Event::Executed(_)));
        self.fired.add_if(trades, Tag::ReplaceTrades);
    }

    fn set_state(&mut self, set: &SetState) {
        self.fired.add(Tag::Transitions);
        let before = self.before.status(set.instrument).copied();
        let Some(before) = before else { panic!("an unknown instrument was accepted") };
        let to = self.events.iter().find_map(|event| match event {
            Event::StateChanged(changed) => Some(changed.state),
            _ => None,
        });
        let uncrosses = before.state != TradingState::Continuous
            && (set.state == TradingState::Uncross || set.state == TradingState::Continuous);
        let fills: Vec<&Executed> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Executed(fill) if fill.auction => Some(fill),
                _ => None,
            })
            .collect();
        self.fired.add_if(uncrosses && fills.is_empty(), Tag::UncrossIdle);
        if !fills.is_empty() {
            self.fired.add(Tag::UncrossTrades);
            self.fired.add(Tag::AuctionPrice);
            self.fired.add_if(fills.len() > 1, Tag::AuctionAllocation);
            let after = self.after.status(set.instrument);
            let has_set = after.is_some_and(|it| it.reference_price != before.reference_price);
            self.fired.add_if(has_set, Tag::AuctionSetsPrices);
            self.fired.add_if(to == Some(TradingState::Close), Tag::AuctionCloses);
            self.fired.add_if(before.state == TradingState::Halt, Tag::AuctionFromHalt);
            let is_volatility = before.auction == Some(AuctionKind::Volatility);
            self.fired.add_if(is_volatility, Tag::AuctionVolatility);
        }
        for fill in fills {
            for party in [fill.taker, fill.maker] {
                let Some(order) = self.before.order(party.order_id).copied() else { continue };
                let is_for_auction = order.phase == OrderPhase::ForAuction;
                self.fired.add_if(is_for_auction, Tag::AuctionOnlyTrades);
                self.fired.add_if(order.terms.order_type == OrderType::Market, Tag::AuctionMarket);
                self.fired.add_if(order.terms.hidden, Tag::AuctionHidden);
                let is_iceberg = !order.terms.display_qty.is_zero();
                let is_beyond = is_iceberg && fill.qty > order.displayed;
                self.fired.add_if(is_beyond, Tag::AuctionIceberg);
                self.fired.add_if(self.tip_stays(&party, fill.qty), Tag::AuctionTipStays);
            }
        }
        // What comes before the change of state is the uncross.
        for event in self.events.iter().take_while(|it| !matches!(it, Event::StateChanged(_))) {
            self.fired.add_if(matches!(event, Event::Rested(_)), Tag::AuctionRefresh);
        }
        for event in self.events {
            match event {
                Event::Cancelled(it) if it.reason == CancelReason::Expired => {
                    self.fired.add(Tag::DayEnds);
                }
                Event::Triggered(_) => self.fired.add(Tag::OnResume),
                Event::StateChanged(it) if Some(it.state) != to => self.forced(it.state),
                _ => {}
            }
        }
        let trails = self.trailed();
        self.fired.add_if(trails && uncrosses, Tag::TrailsInUncross);
    }

    fn forced(&mut self, state: TradingState) {
        match state {
            TradingState::Halt => {
                self.fired.add(Tag::CascadeHalts);
                let matches =
                    self.events.iter().filter(|event| matches!(event, Event::Executed(_)));
                let rules = self.own.and_then(|own| self.rules(own.terms.instrument));
                let is_spent =
                    rules.is_some_and(|it| matches.count() >= it.match_count_max as usize);
                self.fired.add_if(is_spent, Tag::HaltsAtLimit);
            }
            TradingState::VolatilityInterruption => self.fired.add(Tag::Interruption),
            _ => panic!("trading alone does not lead to {state}"),
        }
    }

    fn changes_by_trading(&mut self) {
        for event in self.events {
            if let Event::StateChanged(changed) = event {
                self.forced(changed.state);
            }
        }
    }

    /// True when a trailing stop that was not replaced has another trigger.
    fn trailed(&self) -> bool {
        self.before.orders.iter().any(|old| {
            let order = || self.after.order(old.terms.session, OrderRef::Order(old.order_id));
            old.phase == OrderPhase::Waiting
                && old.terms.order_type.is_trailing()
                && !self.is_own(old.order_id)
                && order().is_some_and(|now| {
                    now.phase == OrderPhase::Waiting && now.terms.stop_price != old.terms.stop_price
                })
        })
    }

    /// The terms of an order that was live before, or came with the command.
    fn known(&self, order_id: OrderId) -> Option<LiveOrder> {
        let own = self.own.filter(|own| own.order_id == order_id);
        own.or_else(|| self.before.order(order_id).copied())
    }

    /// Follows the aggressors through the events of continuous trading.
    fn fills(&mut self) {
        // The order that acts, its limit (0: none), whether it is a stop that was elected.
        let mut taker = self.own.map(|own| (own, own.terms.price, false));
        let mut last_fill: Option<Executed> = None;
        let mut gone: Option<LiveOrder> = None;
        let mut set_off = 0;
        for (i, event) in self.events.iter().enumerate() {
            match event {
                Event::Triggered(it) => {
                    let Some(stop) = self.known(it.order_id) else { continue };
                    let arrives = self.is_own(it.order_id);
                    set_off += u32::from(!arrives);
                    self.triggered(&stop, arrives);
                    taker = Some((stop, it.price, true));
                    last_fill = None;
                }
                Event::Executed(fill) if !fill.auction => {
                    if let Some((order, limit, _)) = taker {
                        self.fill(fill, &order, limit, last_fill.as_ref(), i);
                    }
                    last_fill = Some(*fill);
                    let next = self.events.get(i + 1);
                    let is_tip = |next: &Event| match next {
                        Event::Rested(rested) => rested.order_id == fill.maker.order_id,
                        _ => false,
                    };
                    self.fired.add_if(next.is_some_and(is_tip), Tag::NextTip);
                    let stays = self.tip_stays(&fill.maker, fill.qty);
                    self.fired.add_if(stays, Tag::TipStays);
                    self.fired.add_if(stays || next.is_some_and(is_tip), Tag::AnIceberg);
                }
                Event::SelfTradePrevented(it) => {
                    self.fired.add(Tag::Decrement);
                    self.prevented(it.taker.order_id, it.maker.order_id);
                }
                Event::Cancelled(it) => {
                    let acts = taker.is_some_and(|taker| taker.0.order_id == it.order_id);
                    if acts {
                        let of_stop = taker.is_some_and(|taker| taker.2);
                        self.remainder(it, of_stop, gone.take());
                    } else if it.reason == CancelReason::SelfTrade {
                        gone = self.known(it.order_id);
                        if let (Some(maker), Some((taker, ..))) = (gone, taker) {
                            let is_both =
                                self.instruction(&taker, &maker) == Some(SelfTrade::CancelBoth);
                            self.fired.add_if(!is_both, Tag::CancelOldest);
                            self.prevented(taker.order_id, maker.order_id);
                        }
                    }
                    self.fired
                        .add_if(it.reason == CancelReason::AuctionRemainder, Tag::AuctionRemainder);
                }
                Event::Rested(it) => {
                    let acts = taker.is_some_and(|taker| taker.0.order_id == it.order_id);
                    self.fired.add_if(acts && last_fill.is_some(), Tag::Remainder);
                }
                _ => {}
            }
        }
        self.fired.add_if(set_off > 1, Tag::InTurn);
        self.passed_over();
    }

    fn triggered(&mut self, stop: &LiveOrder, arrives: bool) {
        let order_type = stop.terms.order_type;
        let is_limit = matches!(order_type, OrderType::StopLimit | OrderType::TrailingStopLimit);
        self.fired.add_if(is_limit, Tag::StopLimitActs);
        let is_trailing_limit = order_type == OrderType::TrailingStopLimit;
        self.fired.add_if(is_trailing_limit, Tag::TrailingStopLimitActs);
        if arrives {
            return self.fired.add(Tag::OnArrival);
        }
        self.fired.add(Tag::Election);
        let rules = self.rules(stop.terms.instrument);
        let by_touch = rules.is_some_and(|rules| rules.stop_trigger == StopTrigger::Touch);
        self.fired.add(if by_touch { Tag::ByTouch } else { Tag::ByLastTrade });
        self.fired.add(match order_type {
            OrderType::Stop => Tag::ElectedStop,
            OrderType::StopLimit => Tag::ElectedStopLimit,
            OrderType::TrailingStop => Tag::ElectedTrailing,
            _ => Tag::ElectedTrailingLimit,
        });
    }

    fn fill(
        &mut self,
        fill: &Executed,
        taker: &LiveOrder,
        limit: PriceTicks,
        last: Option<&Executed>,
        event_index: usize,
    ) {
        let order_type = taker.terms.order_type;
        self.fired.add_if(order_type == OrderType::Limit, Tag::LimitOrder);
        self.fired.add_if(order_type == OrderType::Market, Tag::MarketOrder);
        self.fired.add_if(limit != PriceTicks(0) && fill.price != limit, Tag::MakerPrice);
        if let Some(last) = last
            && last.maker.order_id != fill.maker.order_id
        {
            self.fired.add(Tag::PriceTime);
            self.fired.add_if(last.price != fill.price, Tag::TakesAllLevels);
        }
        let Some(maker) = self.known(fill.maker.order_id) else { return };
        self.fired.add_if(maker.terms.hidden, Tag::HiddenMaker);
        self.fired.add_if(maker.terms.all_or_none, Tag::AllOrNoneMaker);
        self.fired.add_if(!maker.terms.min_qty.is_zero(), Tag::MinQtyMaker);
        self.fired.add_if(maker.terms.order_type == OrderType::Pegged, Tag::PeggedMaker);
        let has_condition = maker.terms.all_or_none || !maker.terms.min_qty.is_zero();
        self.fired.add_if(has_condition, Tag::EligibleMaker);
        let now = self.after.order(maker.terms.session, OrderRef::Order(maker.order_id));
        let keeps = now.is_some_and(|now| now.priority == maker.priority);
        self.fired.add_if(keeps && !self.is_own(maker.order_id), Tag::KeepsPlace);
        self.of_two_queues(fill, &maker, event_index);
    }

    /// Which of the two queues of a price went first, where that was a choice.
    fn of_two_queues(&mut self, fill: &Executed, maker: &LiveOrder, event_index: usize) {
        let was_touched = |order_id| {
            self.events[..event_index].iter().any(|event| match event {
                Event::Executed(it) => it.maker.order_id == order_id,
                Event::SelfTradePrevented(it) => it.maker.order_id == order_id,
                Event::Cancelled(it) => it.order_id == order_id,
                _ => false,
            })
        };
        let undisplayed = maker.displayed.is_zero();
        let by_time = self
            .rules(fill.instrument)
            .is_some_and(|rules| rules.hidden_priority == HiddenPriority::ByTime);
        if undisplayed != by_time {
            return;
        }
        let has_other = self.before.orders.iter().any(|other| {
            let terms = &other.terms;
            terms.instrument == fill.instrument
                && terms.side != fill.taker_side
                && other.phase == OrderPhase::Queued
                && other.queue_price == fill.price
                && other.displayed.is_zero() != undisplayed
                && !was_touched(other.order_id)
                && !self.is_own(other.order_id)
                && terms.min_qty.is_zero()
                && !terms.all_or_none
                && (undisplayed || other.priority < maker.priority)
        });
        if has_other && maker.phase == OrderPhase::Queued {
            self.fired.add(if undisplayed { Tag::HiddenByTime } else { Tag::HiddenAfterDisplayed });
        }
    }

    /// True for an order of which a fill took the tip, and that shows the next one in its place.
    fn tip_stays(&self, party: &Party, qty: QtyLots) -> bool {
        let Some(order) = self.known(party.order_id) else { return false };
        let rules = self.rules(order.terms.instrument);
        let may_stay =
            rules.is_some_and(|rules| rules.iceberg_refresh == IcebergRefresh::KeepsPriority);
        let tip = order.terms.display_qty;
        // A tip that was hit in part showed both before.
        let is_next = !party.displayed.is_zero() && party.displayed + qty > tip;
        may_stay && !tip.is_zero() && party.was_displayed && is_next
    }

    fn rules(&self, instrument: InstrumentId) -> Option<InstrumentRules> {
        self.after.instruments().find(|(id, _)| *id == instrument).map(|(_, rules)| rules)
    }

    fn instruction(&self, taker: &LiveOrder, maker: &LiveOrder) -> Option<SelfTrade> {
        let rules = self.rules(taker.terms.instrument)?;
        let given = match rules.self_trade_decides {
            SelfTradeDecides::Taker => taker.terms.self_trade,
            SelfTradeDecides::Maker => maker.terms.self_trade,
        };
        Some(if given == SelfTrade::Default { rules.self_trade } else { given })
    }

    /// Two of a group met; whose instruction counted shows where they differ.
    fn prevented(&mut self, taker: OrderId, maker: OrderId) {
        self.fired.add(Tag::SelfTradePrevention);
        let (Some(taker), Some(maker)) = (self.known(taker), self.known(maker)) else { return };
        let Some(rules) = self.rules(taker.terms.instrument) else { return };
        if taker.terms.self_trade != maker.terms.self_trade {
            self.fired.add(match rules.self_trade_decides {
                SelfTradeDecides::Taker => Tag::TakerDecides,
                SelfTradeDecides::Maker => Tag::MakerDecides,
            });
        }
    }

    /// The remainder of an aggressor is gone.
    fn remainder(&mut self, it: &Cancelled, of_stop: bool, gone: Option<LiveOrder>) {
        self.fired.add(Tag::Bounds);
        match it.reason {
            CancelReason::ImmediateOrCancel => {
                self.fired.add(Tag::Unfilled);
                self.fired.add(Tag::Remainder);
            }
            CancelReason::MarketProtection => {
                self.fired.add(Tag::Protection);
                self.fired.add_if(of_stop, Tag::ProtectedStop);
            }
            CancelReason::PriceBand => {
                let rules = self.rules(it.instrument);
                let cancels =
                    rules.is_some_and(|rules| rules.dynamic_band_action == BandAction::Cancel);
                self.fired.add_if(cancels, Tag::BandCancels);
                self.fired.add_if(of_stop, Tag::StopCrossesBands);
            }
            CancelReason::SelfTrade => {
                let taker = self.known(it.order_id);
                let is_both = |maker: &LiveOrder| {
                    taker.is_some_and(|taker| {
                        self.instruction(&taker, maker) == Some(SelfTrade::CancelBoth)
                    })
                };
                let both = gone.is_some_and(|maker| is_both(&maker));
                self.fired.add(if both { Tag::CancelBoth } else { Tag::CancelNewest });
                self.fired.add(Tag::SelfTradePrevention);
            }
            CancelReason::MatchLimit => self.fired.add(Tag::MatchLimit),
            CancelReason::MinimumQuantity => self.fired.add(Tag::MinQtyMissed),
            CancelReason::LevelCapacity => self.fired.add(Tag::NoLevel),
            _ => {}
        }
    }

    /// Who was passed over: better than a fill, or within the limit of what rested, and still there.
    fn passed_over(&mut self) {
        let acted: Vec<(InstrumentId, Side, PriceTicks, QtyLots)> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Executed(it) if !it.auction => {
                    Some((it.instrument, it.taker_side, it.price, it.taker.leaves + it.qty))
                }
                Event::Rested(it)
                    if self.state_before(it.instrument)? == TradingState::Continuous =>
                {
                    Some((it.instrument, it.side, it.price, it.qty))
                }
                _ => None,
            })
            .collect();
        for (instrument, side, price, open) in acted {
            for maker in &self.before.orders {
                let terms = &maker.terms;
                let fits = terms.instrument == instrument
                    && terms.side != side
                    && maker.phase == OrderPhase::Queued
                    && takes(side, price, maker.queue_price)
                    && (terms.all_or_none || !terms.min_qty.is_zero());
                if !fits {
                    continue;
                }
                let now = self.after.order(terms.session, OrderRef::Order(maker.order_id));
                if now.is_none_or(|now| now.priority != maker.priority) {
                    continue;
                }
                let waits = terms.all_or_none && open < terms.qty;
                self.fired.add_if(waits, Tag::AllOrNoneWaits);
                let least = terms.min_qty.min(terms.qty);
                self.fired.add_if(open.min(terms.qty) < least, Tag::MinQtyWaits);
                self.fired.add(Tag::EligibleMaker);
            }
        }
    }

    /// What any step may lead to.
    fn after_any(&mut self) {
        for event in self.events {
            if let Event::Repriced(it) = event {
                self.fired.add(Tag::PegsFollow);
                self.fired.add_if(it.price == PriceTicks(0), Tag::PegParked);
            }
        }
        let trails = self.trailed();
        self.fired.add_if(trails, Tag::Trails);
        if self.events.is_empty() {
            return;
        }
        for (instrument, _) in self.after.instruments() {
            let status = self.after.status(instrument);
            if status.is_none_or(|status| status.state != TradingState::Continuous) {
                continue;
            }
            let bid = self.after.undisplayed(instrument, Side::Buy).next();
            let asks = [
                self.after.undisplayed(instrument, Side::Sell).next(),
                self.after.orders(instrument, Side::Sell).next(),
            ];
            let overlaps = asks
                .iter()
                .flatten()
                .any(|ask| bid.is_some_and(|bid| bid.queue_price >= ask.queue_price));
            self.fired.add_if(overlaps, Tag::MayOverlap);
        }
    }
}
