//! The flow that is made up, command by command.

use super::market::Market;
use super::shape::{self, Due, Move};
use super::{FlowError, FlowSettings, REFERENCE_PRICE_MIN};
use std::collections::BTreeMap;
use vesta_model::Model;
use vesta_types::state_hash::LiveOrder;
use vesta_types::{
    Cancel, ClientOrderId, Command, Event, InstrumentId, MassCancel, NewOrder, OrderRef, OrderType,
    PostOnly, PriceTicks, QtyLots, Replace, SessionId, Side, TimeInForce,
};
use vesta_workload::random::Random;

/// Order flow in the likeness of a real day; it never ends.
///
/// Rejects are below 2 % of commands and deliberate: post-only orders that would trade, and cancels
/// that come too late. Executions are above 10 % of commands.
#[derive(Debug)]
pub struct Flow {
    random: Random,
    model: Model,
    events: Vec<Event>,
    markets: Vec<Market>,
    /// Where each instrument's market is.
    places: BTreeMap<InstrumentId, usize>,
    /// The market of the last command.
    current: usize,
    /// What the weights of the markets up to each one add up to.
    weights_upto: Vec<u64>,
    sessions: Vec<(SessionId, ClientOrderId)>,
    commands: u64,
    executions: u64,
}

/// What an order is to be; the session and its id come on top.
struct Terms {
    side: Side,
    order_type: OrderType,
    time_in_force: TimeInForce,
    post_only: PostOnly,
    price: PriceTicks,
    qty: QtyLots,
}

impl Flow {
    /// A flow from its first command on.
    ///
    /// # Errors
    /// [`FlowError`] names what can not be, and its range.
    pub fn new(settings: FlowSettings) -> Result<Self, FlowError> {
        let FlowSettings { seed, instruments, sessions, capacity } = settings;
        capacity.check().map_err(FlowError::Capacity)?;
        if instruments.is_empty() {
            return Err(FlowError::NoInstrument);
        }
        super::check_sessions(&sessions)?;
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
            model: super::model(capacity, &sessions)?,
            events: Vec::new(),
            markets: Vec::new(),
            places: BTreeMap::new(),
            current: 0,
            weights_upto: Vec::new(),
            sessions: sessions.into_iter().map(|id| (id, ClientOrderId(0))).collect(),
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
            flow.markets.push(Market::new(instrument, order_count_max));
            weight_sum += (1_000_000 / rank).max(1);
            flow.weights_upto.push(weight_sum);
        }
        Ok(flow)
    }

    fn choose_market(&mut self) -> usize {
        if !self.random.percent(shape::BURST_PERCENT) {
            let sum = self.weights_upto[self.weights_upto.len() - 1];
            let at = self.random.below(sum);
            self.current = self.weights_upto.partition_point(|upto| *upto <= at);
        }
        self.current
    }

    fn command(&mut self, at: usize) -> Command {
        self.markets[at].advance(&mut self.random);
        let commands = self.markets[at].commands;
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
            Move::AddAcross => self.add_across(at),
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

    /// The best price of a side.
    fn touch(&self, at: usize, side: Side) -> Option<PriceTicks> {
        self.model.best(self.markets[at].id(), side).map(|level| level.price)
    }

    /// A new order of any session.
    fn new_order(&mut self, at: usize, terms: Terms) -> Command {
        let place = self.random.below(self.sessions.len() as u64) as usize;
        let (session, last) = &mut self.sessions[place];
        last.0 += 1;
        let instrument = self.markets[at].id();
        let Terms { side, price, qty, .. } = terms;
        Command::New(NewOrder {
            order_type: terms.order_type,
            time_in_force: terms.time_in_force,
            post_only: terms.post_only,
            ..NewOrder::limit(*session, *last, instrument, side, price, qty)
        })
    }

    fn add(&mut self, at: usize, side: Side) -> Command {
        let opposite = self.touch(at, side.opposite());
        let market = &self.markets[at];
        let price = market.passive_price(side, opposite, &mut self.random);
        let qty = market.size(&mut self.random);
        // At the very edge of the instrument's prices there may be no room for a passive one.
        let would_cross = opposite.is_some_and(|opposite| match side {
            Side::Buy => price >= opposite,
            Side::Sell => price <= opposite,
        });
        let is_passive = !would_cross && self.random.percent(shape::POST_ONLY_PERCENT);
        let post_only = if is_passive { PostOnly::Reject } else { PostOnly::Off };
        let (order_type, time_in_force) = (OrderType::Limit, TimeInForce::Gtc);
        self.new_order(at, Terms { side, order_type, time_in_force, post_only, price, qty })
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
        let post_only = PostOnly::Off;
        self.new_order(at, Terms { side, order_type, time_in_force, post_only, price, qty })
    }

    fn add_across(&mut self, at: usize) -> Command {
        let side = self.any_side();
        let Some(price) = self.touch(at, side.opposite()) else { return self.add(at, side) };
        let qty = self.markets[at].size(&mut self.random);
        let (order_type, time_in_force) = (OrderType::Limit, TimeInForce::Gtc);
        let post_only = PostOnly::Reject;
        self.new_order(at, Terms { side, order_type, time_in_force, post_only, price, qty })
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
        let session = self.sessions[place].0;
        Command::MassCancel(MassCancel { session, account: None, instrument, side })
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
        let order = &order.terms;
        let target = OrderRef::Client(order.client_order_id);
        let NewOrder { session, instrument, side, .. } = *order;
        let stop_price = PriceTicks(0);
        let replace = |price, qty| {
            Command::Replace(Replace { session, instrument, target, price, qty, stop_price })
        };
        let opposite = self.touch(at, side.opposite());
        match (self.random.pick(&shape::DUES), opposite) {
            (Due::Reduce, _) if order.qty > QtyLots(1) => {
                replace(order.price, QtyLots(self.random.between(1, order.qty.0 - 1)))
            }
            (Due::Cross, Some(price)) if order.post_only == PostOnly::Off => {
                replace(price, order.qty)
            }
            (Due::Reprice, opposite) => {
                let market = &self.markets[at];
                let price = market.passive_price(side, opposite, &mut self.random);
                let resize = self.random.percent(40);
                let qty = if resize { market.size(&mut self.random) } else { order.qty };
                replace(price, qty)
            }
            _ => Command::Cancel(Cancel { session, instrument, target }),
        }
    }
}

impl Iterator for Flow {
    type Item = Command;

    /// The next command; there always is one.
    fn next(&mut self) -> Option<Command> {
        let at = self.choose_market();
        let command = self.command(at);
        self.commands += 1;
        self.events.clear();
        self.model.apply(&command, &mut self.events);
        for event in &self.events {
            // A mass cancel reaches several instruments; any other command, one.
            let at = match event {
                Event::Cancelled(cancelled) => self.places[&cancelled.instrument],
                _ => at,
            };
            self.executions += u64::from(matches!(event, Event::Executed(_)));
            self.markets[at].on_event(event, &mut self.random);
        }
        Some(command)
    }
}
