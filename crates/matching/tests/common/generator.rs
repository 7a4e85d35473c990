//! A source of steps in a small world, so that orders meet, ids are used again, capacities run out,
//! and every invalid value comes up.

use vesta_types::*;

use super::moods::{MOODS, Mood};
use super::source::Source;
use super::world::{INSTRUMENT_COUNT_MAX, Instrument, SESSION_COUNT, World};

/// What is done to the books.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Define an instrument.
    Define(InstrumentId, InstrumentRules),
    /// Define a session.
    DefineSession(SessionId, u32),
    /// Tell the time.
    Advance(TimeNs),
    /// Tell the time, and ask for indicative prices.
    Tick(TimeNs),
    /// Apply a command.
    Apply(Command),
}

/// How many of the orders that were accepted last are remembered.
const RECENT_COUNT: usize = 48;

/// How many kill switches are remembered, to be released.
const KILL_COUNT: usize = 8;

/// The source of steps. The same choices give the same steps, given the same answers.
pub struct Generator<S> {
    pub(super) source: S,
    pub(super) world: World,
    pub(super) time: TimeNs,
    pub(super) states: [(TradingState, Option<AuctionKind>); INSTRUMENT_COUNT_MAX],
    mood_index: usize,
    step_count: u64,
    order_id_last: OrderId,
    /// Orders that were accepted lately, with the quantity then or after the last replace.
    recent: [Option<Accepted>; RECENT_COUNT],
    accepted_count: usize,
    killed: [Option<KillScope>; KILL_COUNT],
    /// So many accounts are still to be killed, or released, one after the other.
    burst: Option<(bool, u64)>,
}

impl<S: Source> Generator<S> {
    /// Draws a world first.
    pub fn new(mut source: S) -> Self {
        source.next_step();
        let world = World::draw(&mut source);
        let states = world.instruments.map(|instrument| (instrument.rules.initial_state, None));
        Self {
            source,
            world,
            time: TimeNs(0),
            states,
            mood_index: 0,
            step_count: 0,
            order_id_last: OrderId(0),
            recent: [None; RECENT_COUNT],
            accepted_count: 0,
            killed: [None; KILL_COUNT],
            burst: None,
        }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn mood(&self) -> &'static Mood {
        &MOODS[self.mood_index]
    }

    /// What came of the last step: later steps refer to it.
    pub fn saw(&mut self, event: &Event) {
        match event {
            Event::Accepted(accepted) if accepted.command == CommandKind::New => {
                self.order_id_last = accepted.order_id;
                let time_in_force = accepted.terms.map(|terms| terms.1);
                if time_in_force.is_some_and(|it| it.may_rest() || it.is_auction_only()) {
                    self.recent[self.accepted_count % RECENT_COUNT] = Some(*accepted);
                    self.accepted_count += 1;
                }
            }
            Event::Accepted(accepted) if accepted.command == CommandKind::Replace => {
                for recent in self.recent.iter_mut().flatten() {
                    if recent.order_id == accepted.order_id {
                        (recent.price, recent.qty) = (accepted.price, accepted.qty);
                    }
                }
            }
            Event::Cancelled(it) => self.gone(it.order_id),
            Event::Executed(fill) => {
                for party in [fill.taker, fill.maker] {
                    if party.leaves.is_zero() {
                        self.gone(party.order_id);
                    }
                }
            }
            Event::StateChanged(changed) => {
                let at = changed.instrument.0 as usize - 1;
                if let Some(state) = self.states.get_mut(at) {
                    *state = (changed.state, changed.auction);
                }
            }
            _ => {}
        }
    }

    /// Forgets an order that is gone; but some dead ones are named all the same.
    fn gone(&mut self, order_id: OrderId) {
        for recent in &mut self.recent {
            if recent.is_some_and(|it| it.order_id == order_id) && !order_id.0.is_multiple_of(8) {
                *recent = None;
            }
        }
    }

    /// The next step; `None` when there is nothing left to make it of.
    pub fn step(&mut self) -> Option<Step> {
        let step_index = self.step_count as usize;
        self.step_count += 1;
        // First of all the world is defined.
        if let Some(instrument) = self.world.traded().get(step_index) {
            return Some(Step::Define(instrument.id, instrument.rules));
        }
        let session_index = step_index - self.world.instrument_count;
        if let Some(open_order_max) = self.world.open_order_max.get(session_index) {
            return Some(Step::DefineSession(SessionId(session_index as u32 + 1), *open_order_max));
        }
        if !self.source.next_step() {
            return None;
        }
        if self.step_count.is_multiple_of(S::MOOD_STEP_COUNT) {
            self.mood_index = self.source.below(MOODS.len() as u64) as usize;
        }
        Some(self.any())
    }

    fn any(&mut self) -> Step {
        if let Some((engaged, left)) = self.burst {
            self.burst = (left > 0).then(|| (engaged, left - 1));
            if left == 0 && engaged {
                self.burst = Some((false, 70));
            }
            let scope = KillScope::Account(AccountId(1_000 + left));
            return Step::Apply(Command::Kill(Kill { scope, engaged }));
        }
        // Trading goes on soon.
        let at = self.source.below(self.world.instrument_count as u64) as usize;
        let state = self.states[at].0;
        let one_in = match state {
            TradingState::Halt | TradingState::Close => 4,
            _ => self.mood().resume_one_in,
        };
        if state != TradingState::Continuous && self.source.one_in(one_in) {
            return Step::Apply(Command::SetState(self.resume(at)));
        }
        if self.killed.iter().any(Option::is_some) && self.source.one_in(8) {
            return Step::Apply(Command::Kill(self.release()));
        }
        match self.source.weighted(&self.mood().steps) {
            0 => Step::Apply(Command::New(self.new_order())),
            1 => {
                let (session, instrument, target) = self.target();
                Step::Apply(Command::Cancel(Cancel { session, instrument, target }))
            }
            2 => Step::Apply(Command::Replace(self.replace())),
            3 => Step::Apply(Command::MassCancel(self.mass_cancel())),
            4 => Step::Apply(Command::Kill(self.kill())),
            5 => Step::Apply(Command::SetState(self.set_state())),
            6 => self.time(),
            _ => self.define(),
        }
    }

    fn is_flawed(&mut self) -> bool {
        let one_in = self.mood().flaw_one_in;
        self.source.one_in(one_in)
    }

    /// An instrument, and now and then one that is not there.
    fn instrument_id(&mut self) -> InstrumentId {
        if self.is_flawed() {
            return InstrumentId(self.source.pick(&[0, 9]));
        }
        InstrumentId(self.source.below(self.world.instrument_count as u64) as u32 + 1)
    }

    /// An order, and who names it: live as a rule, or dead, foreign, of another instrument, not yet
    /// issued.
    fn target(&mut self) -> (SessionId, InstrumentId, OrderRef) {
        let recent = self.recent_order();
        let Some(recent) = recent.filter(|_| !self.is_flawed()) else {
            let session = self.source.pick(&[0, 9, 1, 2, 3, 4]);
            let by_name = OrderRef::Client(ClientOrderId(self.source.below(31)));
            let past = self.source.below(50);
            let by_id = OrderRef::Order(OrderId((self.order_id_last.0 + 2).saturating_sub(past)));
            let target = self.source.pick(&[by_name, by_id, OrderRef::Order(OrderId(u64::MAX))]);
            return (SessionId(session), self.instrument_id(), target);
        };
        let by_name = OrderRef::Client(recent.client_order_id);
        let target = self.source.pick(&[by_name, OrderRef::Order(recent.order_id)]);
        (recent.session, recent.instrument, target)
    }

    fn recent_order(&mut self) -> Option<Accepted> {
        let at = self.source.below(RECENT_COUNT as u64) as usize;
        // The nearest to a place.
        let (before, from) = self.recent.split_at(at);
        from.iter().chain(before).copied().find(Option::is_some).flatten()
    }

    fn replace(&mut self) -> Replace {
        let recent = self.recent_order();
        let (session, instrument, target) = self.target();
        // `target` drew another, or the same: look for it, to vary what it has.
        let is_it = |accepted: &&Accepted| {
            accepted.session == session
                && match target {
                    OrderRef::Client(id) => accepted.client_order_id == id,
                    OrderRef::Order(id) => accepted.order_id == id,
                }
        };
        let known = self.recent.iter().flatten().filter(is_it).max_by_key(|known| known.order_id);
        let known = known.copied().or(recent);
        let at = (instrument.0 as usize).clamp(1, self.world.instrument_count) - 1;
        let of: Instrument = self.world.instruments[at];
        let order_type = known.and_then(|known| known.terms).map_or(OrderType::Limit, |it| it.0);
        let priceless = match order_type {
            OrderType::TrailingStop | OrderType::TrailingStopLimit => true,
            OrderType::Limit | OrderType::StopLimit => false,
            OrderType::Market | OrderType::Stop | OrderType::Pegged => self.source.one_in(2),
        };
        let side = known.and_then(|known| known.side);
        let mut replace = Replace {
            session,
            instrument,
            target,
            price: if priceless { PriceTicks(0) } else { self.price(&of, side) },
            qty: self.qty(&of),
            stop_price: PriceTicks(0),
        };
        if let Some(known) = known {
            // The same price, and perhaps less, or the same quantity.
            match self.source.below(5) {
                0 => replace.price = known.price,
                1 => {
                    replace.price = known.price;
                    let less = self.source.below(2) + u64::from(of.unit > 1);
                    replace.qty = QtyLots(known.qty.0.saturating_sub(less).max(1));
                }
                2 => {
                    replace.price = known.price;
                    replace.qty = QtyLots(known.qty.0.div_ceil(2));
                }
                _ => {}
            }
        }
        let is_plain_stop = matches!(order_type, OrderType::Stop | OrderType::StopLimit);
        if is_plain_stop && self.source.one_in(2) {
            replace.stop_price = self.price(&of, side.map(Side::opposite));
        }
        if self.is_flawed() {
            let price_max = of.rules.price_max.0;
            match self.source.below(8) {
                0 => replace.price = PriceTicks(self.source.pick(&[0, -1, i64::MIN, i64::MAX])),
                1 => replace.price = PriceTicks(self.source.pick(&[price_max, price_max + 1])),
                2 => {
                    replace.qty = QtyLots(self.source.pick(&[0, of.rules.qty_max.0 + 1, u64::MAX]))
                }
                3 => {
                    let stops = [-1, price_max + 1, i64::MIN, i64::MAX];
                    replace.stop_price = PriceTicks(self.source.pick(&stops));
                }
                4 => replace.stop_price = self.grid_price(&of),
                5 => replace.price.0 = replace.price.0.saturating_add(1),
                6 => replace.stop_price.0 = replace.stop_price.0.saturating_add(1),
                _ => replace.qty = of.rules.qty_max,
            }
        }
        replace
    }

    fn mass_cancel(&mut self) -> MassCancel {
        let is_unknown = self.is_flawed();
        let some_account = AccountId(self.source.below(4));
        let some_instrument = self.instrument_id();
        MassCancel {
            session: if is_unknown { SessionId(9) } else { self.session() },
            account: self.source.pick(&[None, None, Some(some_account)]),
            instrument: self.source.pick(&[None, Some(some_instrument)]),
            side: self.source.pick(&[None, None, Some(Side::Buy), Some(Side::Sell)]),
        }
    }

    fn scope(&mut self) -> KillScope {
        let is_unknown = self.is_flawed();
        match self.source.below(7) {
            0 => KillScope::All,
            1 | 2 if is_unknown => KillScope::Session(SessionId(self.source.pick(&[0, 9]))),
            1 | 2 => KillScope::Session(self.session()),
            3 | 4 => KillScope::Instrument(self.instrument_id()),
            _ if is_unknown => KillScope::Account(AccountId(0)),
            _ => KillScope::Account(AccountId(self.source.below(4) + 1)),
        }
    }

    fn kill(&mut self) -> Kill {
        if S::MOOD_STEP_COUNT > 1 && self.source.one_in(250) {
            // One after the other, beyond the capacity; then all of them are released.
            self.burst = Some((true, 70));
        }
        let (scope, engaged) = (self.scope(), !self.source.one_in(6));
        let free = self.killed.iter_mut().find(|killed| killed.is_none());
        match free {
            Some(free) if engaged => *free = Some(scope),
            _ => return Kill { scope, engaged: false },
        }
        Kill { scope, engaged }
    }

    fn release(&mut self) -> Kill {
        let engaged = self.killed.iter_mut().find(|killed| killed.is_some());
        let scope = engaged.and_then(Option::take).unwrap_or(KillScope::All);
        Kill { scope, engaged: false }
    }

    fn set_state(&mut self) -> SetState {
        let instrument = self.instrument_id();
        let state = self.source.pick(TradingState::ALL);
        let auction = self.source.pick(AuctionKind::ALL);
        SetState { instrument, state, auction }
    }

    /// What leads back to continuous trading.
    fn resume(&mut self, at: usize) -> SetState {
        let uncross = self.source.one_in(2);
        let state = match self.states[at].0 {
            TradingState::Close => TradingState::PreOpen,
            TradingState::AuctionCall | TradingState::VolatilityInterruption if uncross => {
                TradingState::Uncross
            }
            TradingState::Halt if uncross => TradingState::PreOpen,
            _ => TradingState::Continuous,
        };
        let instrument = self.world.instruments[at].id;
        SetState { instrument, state, auction: AuctionKind::Opening }
    }

    fn time(&mut self) -> Step {
        let time = match self.source.below(16) {
            0 => TimeNs(self.time.0.saturating_sub(5)),
            1 => self.time,
            _ => TimeNs(self.time.0 + self.source.below(8)),
        };
        self.time = self.time.max(time);
        if self.source.one_in(2) { Step::Advance(time) } else { Step::Tick(time) }
    }

    fn define(&mut self) -> Step {
        if self.source.one_in(3) {
            let session = self.source.below(7) as u32;
            let known = (session as usize).clamp(1, SESSION_COUNT) - 1;
            let same = self.world.open_order_max[known];
            return Step::DefineSession(SessionId(session), self.source.pick(&[same, same, 7]));
        }
        let at = self.source.below(self.world.instrument_count as u64) as usize;
        let Instrument { id, mut rules, .. } = self.world.instruments[at];
        let mut id = self.source.pick(&[id, id, id, InstrumentId(0), InstrumentId(7)]);
        if id == InstrumentId(7) && self.source.one_in(2) {
            id = InstrumentId(8);
        }
        let used = rules.tick_steps.iter().take_while(|step| step.ticks != 0).count();
        match self.source.below(16) {
            1 => rules.price_max = self.source.pick(&[PriceTicks(0), PriceTicks(i64::MAX)]),
            2 => rules.qty_max = self.source.pick(&[QtyLots(0), QtyLots(u64::MAX)]),
            3 => rules.reference_price = PriceTicks(rules.price_max.0 + 1),
            4 => rules.tick_steps[used % 4] = TickStep { from: PriceTicks(0), ticks: 1 },
            5 => rules.tick_steps[3] = TickStep { from: PriceTicks(1), ticks: 0 },
            6 => rules.static_band_ticks = u64::MAX,
            7 => rules.dynamic_band_ticks = u64::MAX,
            8 => rules.market_protection_ticks = (1 << 48) + 1,
            9 => rules.stop_cascade_max = 0,
            10 => rules.self_trade = SelfTrade::Default,
            11 => rules.initial_state = self.source.pick(TradingState::ALL),
            12 => rules.notional_max = rules.notional_max.wrapping_add(1),
            _ => {}
        }
        Step::Define(id, rules)
    }
}
