//! The flow that is made up, command by command.

use super::market::Market;
use super::shape::{self, Due, Move};
use super::{FlowError, FlowSettings, REFERENCE_PRICE_MIN, SessionFlow};
use std::collections::BTreeMap;
use vesta_model::Model;
use vesta_types::state_hash::{LiveOrder, OrderPhase};
use vesta_types::{
    AccountId, Cancel, ClientOrderId, Command, Event, InstrumentId, MassCancel, NewOrder, OrderRef,
    OrderType, PostOnly, PriceTicks, QtyLots, Replace, SelfTrade, SessionId, Side, TimeNs,
    TradingState,
};
use vesta_workload::random::Random;

/// Order flow in the likeness of a real day; it never ends.
///
/// Rejects are below 2 % of commands and deliberate: post-only orders that would trade, and cancels
/// that come too late. Executions are above 10 % of commands.
#[derive(Debug)]
pub struct Flow {
    pub(super) random: Random,
    pub(super) model: Model,
    pub(super) events: Vec<Event>,
    pub(super) markets: Vec<Market>,
    /// Where each instrument's market is.
    places: BTreeMap<InstrumentId, usize>,
    /// The market of the last command.
    current: usize,
    /// What the weights of the markets up to each one add up to.
    weights_upto: Vec<u64>,
    /// Who trades, and the last name that each gave an order.
    sessions: Vec<(SessionFlow, ClientOrderId)>,
    pub(super) interval_ns: u64,
    pub(super) commands: u64,
    executions: u64,
}

impl Flow {
    /// A flow from its first command on.
    ///
    /// # Errors
    /// [`FlowError`] names what can not be, and its range.
    pub fn new(settings: FlowSettings) -> Result<Self, FlowError> {
        let FlowSettings { seed, instruments, sessions, capacity, interval_ns } = settings;
        capacity.check().map_err(FlowError::Capacity)?;
        if instruments.is_empty() {
            return Err(FlowError::NoInstrument);
        }
        let ids: Vec<SessionId> = sessions.iter().map(|session| session.id).collect();
        super::check_sessions(&ids)?;
        if let Some(session) = sessions.iter().find(|session| session.accounts.is_empty()) {
            return Err(FlowError::NoAccount(session.id));
        }
        // A side can not have more levels than the book has orders, so this bounds both.
        let share = capacity.order_count_max as usize / instruments.len();
        let order_count_max =
            shape::ORDERS_MAX.min(share as u32 / 2).min(capacity.level_count_max / 2);
        if u64::from(order_count_max) < shape::OPENING_COMMANDS {
            return Err(FlowError::TooSmall {
                orders: capacity.order_count_max,
                levels: capacity.level_count_max,
                instruments: instruments.len(),
            });
        }
        let mut flow = Self {
            random: Random::new(seed),
            model: super::model(capacity, &ids)?,
            events: Vec::new(),
            markets: Vec::new(),
            places: BTreeMap::new(),
            current: 0,
            weights_upto: Vec::new(),
            sessions: sessions.into_iter().map(|session| (session, ClientOrderId(0))).collect(),
            interval_ns,
            commands: 0,
            executions: 0,
        };
        let mut weight_sum = 0;
        for (rank, instrument) in (1..).zip(instruments) {
            let id = instrument.id;
            flow.model
                .define(id, instrument.rules)
                .map_err(|reason| FlowError::Instrument { id, reason })?;
            let (price, price_max) = (
                instrument.reference_price,
                instrument.rules.price_max.0.saturating_sub(REFERENCE_PRICE_MIN),
            );
            if price.0 < REFERENCE_PRICE_MIN || price.0 > price_max {
                return Err(FlowError::ReferencePrice { id, price, price_max });
            }
            if flow.places.insert(id, flow.markets.len()).is_some() {
                return Err(FlowError::InstrumentTwice(id));
            }
            let market = Market::new(instrument, order_count_max);
            if instrument.opening.is_some() {
                let call = market.set_state(TradingState::AuctionCall);
                flow.model.apply(&call, &mut flow.events);
                // What is to be collected comes first: it has little time.
                flow.current = flow.markets.len();
            }
            flow.markets.push(market);
            weight_sum += (1_000_000 / rank).max(1);
            flow.weights_upto.push(weight_sum);
        }
        Ok(flow)
    }

    /// The time of the next command, from the first one on.
    pub(super) const fn now(&self) -> TimeNs {
        TimeNs(self.commands.saturating_mul(self.interval_ns))
    }

    fn choose_market(&mut self) -> usize {
        let is_first = self.commands == 0;
        if !is_first && !self.random.percent(shape::BURST_PERCENT) {
            let sum = self.weights_upto[self.weights_upto.len() - 1];
            let at = self.random.below(sum);
            self.current = self.weights_upto.partition_point(|upto| *upto <= at);
        }
        // With all of them waiting for their opening there is no other choice than the one made.
        let count = self.markets.len();
        let mut next = (self.current..count).chain(0..self.current);
        let other = next.find(|at| !self.markets[*at].is_pausing(self.commands));
        self.current = other.unwrap_or(self.current);
        self.current
    }

    fn command(&mut self, at: usize) -> Command {
        self.markets[at].advance(&mut self.random);
        let commands = self.markets[at].commands;
        if !self.is_continuous(at) {
            // Before its opening, or where the venue's own rules have stopped it.
            return self.collect(at, commands);
        }
        if commands <= shape::OPENING_COMMANDS {
            return self.add(at, Side::BOTH[(commands % 2) as usize]);
        }
        if let Some(order) = self.due_order(at) {
            return self.on_due(at, &order);
        }
        match self.random.pick(&shape::MOVES) {
            Move::Add if self.lags() && self.random.percent(shape::CATCH_UP_PERCENT) => {
                self.take(at)
            }
            Move::Add => {
                let side = self.any_side();
                self.add(at, side)
            }
            Move::Take => self.take(at),
            Move::AddAcross => self.add_across(at, PostOnly::Reject),
            Move::AddRepriced => self.add_across(at, PostOnly::Reprice),
            Move::CancelLate => self.cancel_late(at),
            Move::MassCancel => self.mass_cancel(at),
        }
    }

    /// True while too little has traded.
    const fn lags(&self) -> bool {
        self.executions * 100 < self.commands * shape::EXECUTIONS_PERCENT_MIN
    }

    fn any_side(&mut self) -> Side {
        self.random.pick(&[(1, Side::Buy), (1, Side::Sell)])
    }

    /// The best displayed price of a side.
    fn touch(&self, at: usize, side: Side) -> Option<PriceTicks> {
        self.model.best(self.markets[at].id(), side).map(|level| level.price)
    }

    /// The best price of a side at which anything is queued, shown or not: who would rest may not
    /// reach it.
    fn edge(&self, at: usize, side: Side) -> Option<PriceTicks> {
        let unseen = self.model.undisplayed(self.markets[at].id(), side).next();
        let prices = [self.touch(at, side), unseen.map(|order| order.queue_price)];
        let prices = prices.into_iter().flatten();
        match side {
            Side::Buy => prices.max(),
            Side::Sell => prices.min(),
        }
    }

    /// An order as one of any session.
    pub(super) fn give(&mut self, order: NewOrder) -> Command {
        let place = self.random.below(self.sessions.len() as u64) as usize;
        let account = self.any_account(place);
        let (session, last) = &mut self.sessions[place];
        last.0 += 1;
        let order = NewOrder { session: session.id, client_order_id: *last, account, ..order };
        let groups = session.stp_groups.len();
        if groups == 0 || !self.random.percent(shape::STP_PERCENT) {
            return Command::New(order);
        }
        let stp_group = session.stp_groups[place % groups];
        let self_trade = SelfTrade::ALL[self.random.below(SelfTrade::ALL.len() as u64) as usize];
        Command::New(NewOrder { stp_group, self_trade, ..order })
    }

    fn any_account(&mut self, place: usize) -> AccountId {
        let accounts = &self.sessions[place].0.accounts;
        let at = self.random.below(accounts.len() as u64) as usize;
        let may_be_none = accounts.contains(&AccountId(0));
        let account = accounts[at];
        let is_for_one = self.random.percent(shape::ACCOUNT_PERCENT);
        if may_be_none && !is_for_one { AccountId(0) } else { account }
    }

    fn add(&mut self, at: usize, side: Side) -> Command {
        let opposite = self.edge(at, side.opposite());
        let market = &self.markets[at];
        let price = market.passive_price(side, opposite, &mut self.random);
        let qty = market.size(&mut self.random);
        let order = market.order(side, price, qty);
        // At the very edge of the instrument's prices there may be no room for a passive one.
        let would_cross = opposite.is_some_and(|opposite| match side {
            Side::Buy => price >= opposite,
            Side::Sell => price <= opposite,
        });
        let is_first = market.commands <= shape::OPENING_COMMANDS;
        let order = if would_cross || is_first { order } else { self.vary(at, order) };
        self.give(order)
    }

    /// The side of an aggressor: what trades is mostly what brings the touch back to fair value.
    fn aggressor_side(&mut self, at: usize) -> Side {
        let (Some(bid), Some(ask)) = (self.touch(at, Side::Buy), self.touch(at, Side::Sell)) else {
            return self.any_side();
        };
        let too_low = self.markets[at].fair() - (bid.0 + ask.0) / 2;
        let buys = (50 + 4 * too_low).clamp(5, 95).unsigned_abs();
        self.random.pick(&[(buys, Side::Buy), (100 - buys, Side::Sell)])
    }

    fn take(&mut self, at: usize) -> Command {
        let side = self.aggressor_side(at);
        let wanted = self.random.pick(&shape::MAKERS_WANTED);
        let mut qty = QtyLots::ZERO;
        let mut last = None;
        for maker in self.model.orders(self.markets[at].id(), side.opposite()).take(wanted) {
            qty += maker.displayed;
            last = Some(maker);
        }
        let Some(last) = last else { return self.add(at, side) };
        if self.random.percent(shape::PARTIAL_PERCENT) {
            // Of the last maker only a part.
            qty = qty - last.displayed + QtyLots(self.random.between(1, last.displayed.0));
        }
        if self.random.percent(shape::GREEDY_PERCENT) {
            qty += self.markets[at].size(&mut self.random);
        }
        let (order_type, time_in_force) = self.random.pick(&shape::AGGRESSORS);
        let price = match order_type {
            OrderType::Market => PriceTicks(0),
            _ => last.queue_price,
        };
        let qty = qty.min(self.markets[at].settings.rules.qty_max);
        let order = self.markets[at].order(side, price, qty);
        self.give(NewOrder { order_type, time_in_force, ..order })
    }

    fn add_across(&mut self, at: usize, post_only: PostOnly) -> Command {
        let side = self.any_side();
        let Some(price) = self.touch(at, side.opposite()) else { return self.add(at, side) };
        let qty = self.markets[at].size(&mut self.random);
        let order = self.markets[at].order(side, price, qty);
        self.give(NewOrder { post_only, ..order })
    }

    fn cancel_late(&mut self, at: usize) -> Command {
        match self.markets[at].filled_last.take() {
            Some((session, id)) => Command::Cancel(Cancel {
                session,
                instrument: self.markets[at].id(),
                target: OrderRef::Client(id),
            }),
            None => self.take(at),
        }
    }

    fn mass_cancel(&mut self, at: usize) -> Command {
        let place = self.random.below(self.sessions.len() as u64) as usize;
        let side = self.random.pick(&[(1, None), (1, Some(Side::Buy)), (1, Some(Side::Sell))]);
        // Everywhere, now and then.
        let instrument = (!self.random.percent(10)).then(|| self.markets[at].id());
        let account = Some(self.any_account(place)).filter(|account| *account != AccountId(0));
        let session = self.sessions[place].0.id;
        Command::MassCancel(MassCancel { session, account, instrument, side })
    }

    /// A resting order that is due.
    fn due_order(&mut self, at: usize) -> Option<LiveOrder> {
        let market = &mut self.markets[at];
        // What was filled or cancelled since is dropped; each name comes out once.
        while let Some((session, id)) = market.pop_due() {
            if let Some(order) = self.model.order(session, OrderRef::Client(id)) {
                return Some(order);
            }
        }
        None
    }

    fn on_due(&mut self, at: usize, order: &LiveOrder) -> Command {
        let terms = &order.terms;
        let target = OrderRef::Client(terms.client_order_id);
        let NewOrder { session, instrument, side, price, qty, .. } = *terms;
        let replace = |price, qty, stop_price| {
            Command::Replace(Replace { session, instrument, target, price, qty, stop_price })
        };
        let due = self.random.pick(&shape::DUES);
        if order.phase == OrderPhase::Waiting {
            return match (due, self.last_price(at)) {
                (Due::Reduce, _) if qty > QtyLots(1) => {
                    replace(price, QtyLots(self.random.between(1, qty.0 - 1)), PriceTicks(0))
                }
                (Due::Reprice | Due::Cross, Some(last)) if !terms.order_type.is_trailing() => {
                    let (stop_price, limit) = self.trigger(at, side, last);
                    let is_limited = terms.order_type == OrderType::StopLimit;
                    replace(if is_limited { limit } else { price }, qty, stop_price)
                }
                _ => take_back(terms),
            };
        }
        let is_limit = terms.order_type == OrderType::Limit;
        match (due, self.touch(at, side.opposite())) {
            (Due::Reduce, _) if qty > QtyLots(1) => {
                replace(price, QtyLots(self.random.between(1, qty.0 - 1)), PriceTicks(0))
            }
            (Due::Cross, Some(touch)) if is_limit && terms.post_only == PostOnly::Off => {
                replace(touch, qty, PriceTicks(0))
            }
            (Due::Reprice, _) if is_limit => {
                let edge = self.edge(at, side.opposite());
                let market = &self.markets[at];
                let price = market.passive_price(side, edge, &mut self.random);
                let resize = self.random.percent(40);
                let qty = if resize { market.size(&mut self.random) } else { qty };
                replace(price, qty, PriceTicks(0))
            }
            _ => take_back(terms),
        }
    }

    /// Takes in what the last command did, or time.
    fn take_in(&mut self) {
        for event in &self.events {
            let instrument = match event {
                Event::Executed(executed) => executed.instrument,
                Event::SelfTradePrevented(prevented) => prevented.instrument,
                Event::Cancelled(cancelled) => cancelled.instrument,
                _ => continue,
            };
            self.executions += u64::from(matches!(event, Event::Executed(_)));
            self.markets[self.places[&instrument]].on_event(event);
        }
        self.events.clear();
    }
}

const fn take_back(terms: &NewOrder) -> Command {
    let NewOrder { session, instrument, client_order_id, .. } = *terms;
    Command::Cancel(Cancel { session, instrument, target: OrderRef::Client(client_order_id) })
}

impl Iterator for Flow {
    type Item = Command;

    /// The next command; there always is one.
    fn next(&mut self) -> Option<Command> {
        self.model.advance_to(self.now(), &mut self.events);
        self.open_due();
        self.take_in();
        let at = self.choose_market();
        let command = self.command(at);
        self.commands += 1;
        self.model.apply(&command, &mut self.events);
        self.take_in();
        let (session, target) = match &command {
            Command::New(new) => (new.session, OrderRef::Client(new.client_order_id)),
            Command::Replace(replace) => (replace.session, replace.target),
            _ => return Some(command),
        };
        if let Some(order) = self.model.order(session, target) {
            self.markets[at].on_live(&order, &mut self.random);
        }
        Some(command)
    }
}
