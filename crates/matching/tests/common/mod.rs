//! A seeded source of commands that stays in a small world, so that orders meet, ids are used
//! again, capacities run out, and every invalid value comes up.

use vesta_types::state_hash::hash_words;
use vesta_types::*;

/// Small enough for all three limits to be met again and again.
pub const CAPACITY: Capacity =
    Capacity { order_count_max: 32, level_count_max: 5, instrument_count_max: 3 };

/// Highest price of every instrument.
pub const PRICE_MAX: i64 = 12;

/// Largest quantity of every instrument.
pub const QTY_MAX: u64 = 10;

/// Instruments 1 to 3 are defined by the first steps.
const DEFINED_COUNT: u64 = CAPACITY.instrument_count_max as u64;

/// What is done to the books.
#[derive(Clone, Debug)]
pub enum Step {
    /// Define an instrument.
    Define(InstrumentId, Limits),
    /// Apply a command.
    Apply(Command),
}

/// The mood of the market: it decides what comes up often.
#[derive(Clone, Copy)]
enum Mood {
    /// Mostly quotes that do not cross, so that the books fill up.
    Quoting,
    /// Anything that is valid.
    Trading,
    /// Mostly cancels and replaces.
    Revising,
    /// One command in a few breaks a rule.
    Careless,
}

const MOODS: [Mood; 4] = [Mood::Quoting, Mood::Trading, Mood::Revising, Mood::Careless];

/// How many steps a mood lasts: enough to fill the books from empty.
const MOOD_STEP_COUNT: u64 = 150;

/// How many of the orders that rested last are remembered.
const RECENT_COUNT: usize = 16;

/// The source. The same seed gives the same steps, given the same answers.
pub struct Generator {
    seed: u64,
    draw_count: u64,
    step_count: u64,
    mood: Mood,
    order_id_last: OrderId,
    /// Orders that rested lately: most are live.
    recent: [Option<Rested>; RECENT_COUNT],
    rested_count: usize,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            draw_count: 0,
            step_count: 0,
            mood: Mood::Quoting,
            order_id_last: OrderId(0),
            recent: [None; RECENT_COUNT],
            rested_count: 0,
        }
    }

    /// What came of the last step: later steps refer to it.
    pub fn saw(&mut self, event: &Event) {
        match event {
            Event::Accepted(accepted) => {
                self.order_id_last = self.order_id_last.max(accepted.order_id);
            }
            Event::Rested(rested) => {
                self.recent[self.rested_count % RECENT_COUNT] = Some(*rested);
                self.rested_count += 1;
            }
            _ => {}
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.draw_count += 1;
        hash_words(&[self.seed, self.draw_count]) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// The next step.
    pub fn step(&mut self) -> Step {
        if self.step_count.is_multiple_of(MOOD_STEP_COUNT) {
            self.mood = self.pick(&MOODS);
        }
        self.step_count += 1;
        if self.step_count <= DEFINED_COUNT || self.one_in(500) {
            return self.define();
        }
        let new_weight = match self.mood {
            Mood::Quoting => 90,
            Mood::Trading | Mood::Careless => 60,
            Mood::Revising => 25,
        };
        Step::Apply(match self.below(100) {
            weight if weight < new_weight => Command::New(self.new_order()),
            99 => Command::MassCancel(self.mass_cancel()),
            weight if weight % 3 == 0 => {
                let (session, target) = self.target();
                let instrument = self.instrument_of(target);
                Command::Cancel(Cancel { session, instrument, target })
            }
            _ => Command::Replace(self.replace()),
        })
    }

    fn is_careless(&mut self) -> bool {
        matches!(self.mood, Mood::Careless) && self.one_in(8)
    }

    fn define(&mut self) -> Step {
        let is_first = self.step_count <= DEFINED_COUNT;
        let instrument = if is_first { self.step_count } else { self.below(5) };
        let good = Limits { price_max: PriceTicks(PRICE_MAX), qty_max: QtyLots(QTY_MAX) };
        let limits = match if is_first { 0 } else { self.below(8) } {
            1 => Limits { price_max: self.pick(&[PriceTicks(0), PriceTicks(i64::MAX)]), ..good },
            2 => Limits { qty_max: self.pick(&[QtyLots(0), QtyLots(u64::MAX)]), ..good },
            3 => Limits { qty_max: QtyLots(QTY_MAX + 1), ..good },
            _ => good,
        };
        // Other limits are for those that are defined already.
        let instrument = if limits.qty_max.0 == QTY_MAX + 1 { 1 } else { instrument };
        Step::Define(InstrumentId(instrument as u32), limits)
    }

    fn instrument(&mut self) -> InstrumentId {
        let unknown = self.is_careless();
        InstrumentId(if unknown { self.pick(&[0, 9]) } else { self.below(3) as u32 + 1 })
    }

    /// Four that trade all the time, and now and then one that does not.
    fn session(&mut self) -> SessionId {
        SessionId(if self.one_in(50) { 7 } else { self.below(4) as u32 + 1 })
    }

    fn client_order_id(&mut self) -> ClientOrderId {
        let invalid = self.is_careless();
        ClientOrderId(if invalid { 0 } else { self.below(14) + 1 })
    }

    fn side(&mut self) -> Side {
        self.pick(&Side::BOTH)
    }

    fn price(&mut self, quoting: Option<Side>) -> PriceTicks {
        if self.is_careless() {
            return PriceTicks(self.pick(&[0, -1, PRICE_MAX + 1, i64::MIN, i64::MAX]));
        }
        let half = PRICE_MAX as u64 / 2;
        PriceTicks(match quoting {
            Some(Side::Buy) => 1 + self.below(half) as i64,
            Some(Side::Sell) => 1 + (half + self.below(half)) as i64,
            None => 1 + self.below(PRICE_MAX as u64) as i64,
        })
    }

    fn qty(&mut self) -> QtyLots {
        let invalid = self.is_careless();
        let faults = [0, 0, QTY_MAX + 1, u64::MAX];
        QtyLots(if invalid { self.pick(&faults) } else { self.below(QTY_MAX) + 1 })
    }

    fn new_order(&mut self) -> NewOrder {
        let side = self.side();
        let is_quote = matches!(self.mood, Mood::Quoting) && !self.one_in(20);
        let (mut order_type, mut time_in_force) = (OrderType::Limit, TimeInForce::Gtc);
        if !is_quote && self.one_in(2) {
            time_in_force = self.pick(&[TimeInForce::Ioc, TimeInForce::Fok]);
            order_type = self.pick(&[OrderType::Limit, OrderType::Limit, OrderType::Market]);
        }
        if self.is_careless() {
            order_type = OrderType::Market;
        }
        let priceless = order_type == OrderType::Market && !self.is_careless();
        let may_rest = time_in_force == TimeInForce::Gtc;
        NewOrder {
            session: self.session(),
            client_order_id: self.client_order_id(),
            instrument: self.instrument(),
            side,
            order_type,
            time_in_force,
            post_only: if may_rest { self.one_in(5) } else { self.is_careless() },
            price: if priceless { PriceTicks(0) } else { self.price(is_quote.then_some(side)) },
            qty: self.qty(),
        }
    }

    /// Ids of the engine: live, dead, foreign and not yet issued; or names.
    fn target(&mut self) -> (SessionId, OrderRef) {
        let recent = self.recent[self.below(RECENT_COUNT as u64) as usize];
        match (self.below(4), recent) {
            (0, _) | (_, None) => (self.session(), OrderRef::Client(self.client_order_id())),
            (1, _) => {
                let id = (self.order_id_last.0 + 2).saturating_sub(self.below(70));
                (self.session(), OrderRef::Order(OrderId(id)))
            }
            (2, Some(recent)) => (recent.session, OrderRef::Client(recent.client_order_id)),
            (_, Some(recent)) => (recent.session, OrderRef::Order(recent.order_id)),
        }
    }

    fn replace(&mut self) -> Replace {
        let (session, target) = self.target();
        let instrument = self.instrument_of(target);
        let named = self.recent_order(target);
        let (mut price, mut qty) = (self.price(None), self.qty());
        if let Some(named) = named {
            if self.one_in(2) {
                price = named.price;
            }
            if self.one_in(4) {
                qty = named.qty;
            }
        }
        Replace { session, instrument, target, price, qty }
    }

    fn recent_order(&self, target: OrderRef) -> Option<Rested> {
        let is_target = |recent: &&Rested| match target {
            OrderRef::Order(id) => id == recent.order_id,
            OrderRef::Client(id) => id == recent.client_order_id,
        };
        self.recent.iter().flatten().find(is_target).copied()
    }

    /// The target's, mostly.
    fn instrument_of(&mut self, target: OrderRef) -> InstrumentId {
        match self.recent_order(target) {
            Some(recent) if !self.one_in(20) => recent.instrument,
            _ => self.instrument(),
        }
    }

    fn mass_cancel(&mut self) -> MassCancel {
        MassCancel {
            session: self.session(),
            instrument: if self.one_in(2) { Some(self.instrument()) } else { None },
            side: if self.one_in(2) { Some(self.side()) } else { None },
        }
    }
}
