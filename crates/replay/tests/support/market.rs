//! A made-up market that writes LOBSTER files: a whole book, nastier than a real day.
//!
//! The whole book is simulated; the files show its best N levels. As in the real files, a message
//! is written only when it changed what they show (a hidden execution, a cross or a halt always
//! is), so what happens behind the window stays unseen, until the window moves there.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use vesta_types::Side;

/// A small random source with a seed: SplitMix64.
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        // Two rounds, so that neighbouring seeds are not the same sequence, shifted.
        let mut random = Self(seed ^ 0x5645_5354);
        Self(random.next().wrapping_mul(random.next() | 1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in `percent` of all cases.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// 0, 1, 2, ... each half as likely as the one before, up to `max`.
    fn geometric(&mut self, max: u64) -> u64 {
        u64::from(self.next().trailing_zeros()).min(max)
    }
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Only messages that change what the files show, as LOBSTER does.
    Window,
    /// Every message: as when somebody cuts columns off a deep orderbook file.
    Everything,
}

/// A day to be made up.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// Another seed, another day.
    pub seed: u64,
    /// Levels that the files show.
    pub depth: usize,
    /// Rows to write.
    pub rows: usize,
    /// Which messages are written.
    pub filter: Filter,
    /// Orders in the whole book, both sides, that the flow drifts towards: few leave sides empty,
    /// many leave most of the book out of sight.
    pub crowd: usize,
    /// Whether the files begin with a header row.
    pub header: bool,
}

/// Both files of a day, and what is in them.
pub struct Files {
    /// The message file.
    pub messages: String,
    /// The orderbook file.
    pub orderbook: String,
    /// Sum of the sizes of the type 4 rows, the first row not among them.
    pub executed_qty: u64,
    /// How often a side was empty.
    pub empty_sides: usize,
}

/// A tick of a cent, in 10^-4 dollars.
const TICK: i64 = 100;

#[derive(Default)]
struct QueueAtPrice {
    total: u64,
    /// Order id and open shares, the oldest first.
    orders: VecDeque<(i64, u64)>,
}

type Window = [Vec<(i64, u64)>; 2];

struct Market {
    random: Random,
    sides: [BTreeMap<i64, QueueAtPrice>; 2],
    order_count: usize,
    /// Where the market is when a side is empty.
    reference: i64,
    mood: Mood,
    last_id: i64,
    dead_ids: Vec<i64>,
    time_ns: u64,
    out: Writer,
}

/// What the flow is like for a while.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// As on a quiet day.
    Calm,
    /// Aggressors on one side, one after the other: the touch runs away.
    Run(Side),
    /// Mostly deletes: the book grows thin, and sides may be left empty.
    Thin,
    /// Much happens far from the touch, unseen.
    Deep,
}

struct Writer {
    day: Day,
    shown: Window,
    started: bool,
    rows: usize,
    messages: String,
    orderbook: String,
    executed_qty: u64,
    empty_sides: usize,
}

impl Writer {
    fn write(&mut self, time_ns: u64, message: (u8, i64, u64, i64, i8), window: Window) {
        if !self.started || self.rows == self.day.rows {
            return;
        }
        let (kind, id, size, price, direction) = message;
        if self.day.filter == Filter::Window && kind < 5 && window == self.shown {
            return;
        }
        self.shown = window;
        self.rows += 1;
        if kind == 4 && self.rows > 1 {
            self.executed_qty += size;
        }
        let (s, ns) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000);
        let line = writeln!(self.messages, "{s}.{ns:09},{kind},{id},{size},{price},{direction}");
        line.expect("a string takes all");
        for at in 0..self.day.depth {
            let [bids, asks] = &self.shown;
            let (ask, ask_size) = asks.get(at).unwrap_or(&(9_999_999_999, 0));
            let (bid, bid_size) = bids.get(at).unwrap_or(&(-9_999_999_999, 0));
            let comma = if at == 0 { "" } else { "," };
            let line = write!(self.orderbook, "{comma}{ask},{ask_size},{bid},{bid_size}");
            line.expect("a string takes all");
        }
        self.orderbook.push('\n');
        self.empty_sides += self.shown.iter().filter(|side| side.is_empty()).count();
    }

    fn header(&mut self) {
        if self.day.header {
            self.messages.push_str("time,type,order_id,size,price,direction\n");
            let names = (1..=self.day.depth)
                .map(|n| format!("ask_price_{n},ask_size_{n},bid_price_{n},bid_size_{n}"));
            self.orderbook.push_str(&names.collect::<Vec<_>>().join(","));
            self.orderbook.push('\n');
        }
    }
}

const fn direction(side: Side) -> i8 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}

/// Steps before the files begin, so that they begin in the middle of something.
const WARM_UP_STEPS: usize = 12_000;

impl Day {
    /// Makes the day up.
    ///
    /// # Panics
    /// When the flow is too far from the window to fill the files: the test is wrong then.
    pub fn write(self) -> Files {
        let out = Writer {
            day: self,
            shown: Window::default(),
            started: false,
            rows: 0,
            messages: String::new(),
            orderbook: String::new(),
            executed_qty: 0,
            empty_sides: 0,
        };
        let mut market = Market {
            random: Random::new(self.seed),
            sides: Default::default(),
            order_count: 0,
            reference: 500 * TICK,
            mood: Mood::Calm,
            last_id: 10_000,
            dead_ids: Vec::new(),
            time_ns: 34_200_000_000_000,
            out,
        };
        for step in 0..WARM_UP_STEPS + 300 * self.rows {
            if step == WARM_UP_STEPS {
                market.out.started = true;
                market.out.header();
            }
            market.step();
            if market.out.rows == self.rows {
                let Writer { messages, orderbook, executed_qty, empty_sides, .. } = market.out;
                return Files { messages, orderbook, executed_qty, empty_sides };
            }
        }
        panic!("only {} of {} rows came about", market.out.rows, self.rows);
    }
}

impl Market {
    fn best(&self, side: Side) -> Option<i64> {
        let prices = &self.sides[side.index()];
        match side {
            Side::Buy => prices.last_key_value().map(|(&price, _)| price),
            Side::Sell => prices.first_key_value().map(|(&price, _)| price),
        }
    }

    fn window(&self) -> Window {
        let depth = self.out.day.depth;
        let show = |(&price, level): (&i64, &QueueAtPrice)| (price, level.total);
        [
            self.sides[0].iter().rev().take(depth).map(show).collect(),
            self.sides[1].iter().take(depth).map(show).collect(),
        ]
    }

    fn tell(&mut self, kind: u8, id: i64, size: u64, price: i64, side: Side) {
        let gap = [30_000, 2_000_000, 400_000_000][self.random.geometric(2) as usize];
        self.time_ns += self.random.below(gap);
        if self.out.started {
            let window = self.window();
            self.out.write(self.time_ns, (kind, id, size, price, direction(side)), window);
        }
    }

    fn step(&mut self) {
        if self.random.below(150) == 0 {
            self.mood = match self.random.below(10) {
                0..=4 => Mood::Calm,
                5 => Mood::Run(Side::Buy),
                6 => Mood::Run(Side::Sell),
                7 => Mood::Thin,
                _ => Mood::Deep,
            };
        }
        let side = if self.random.chance(50) { Side::Buy } else { Side::Sell };
        let crowded = self.order_count > self.out.day.crowd;
        match (self.mood, self.random.below(1000)) {
            (_, 0) => self.jump(side),
            (_, 1..3) if !crowded => self.add(side),
            (_, 3..5) => self.tell(6, -1, 1_000, self.reference, side),
            (_, 5..7) => self.tell(7, 0, 0, -1, Side::Sell),
            (_, 7..45) => self.tell(5, 0, 90, self.reference + 50, side),
            (_, 45..70) => self.reduce_partly(side),
            (Mood::Run(taker), 70..470) => self.aggress(taker),
            (Mood::Thin, 70..600) => self.delete(side),
            (_, 70..200) => self.aggress(side),
            (_, 200..360) => self.delete(side),
            (_, 360..900) if crowded => self.delete(side),
            _ => self.add(side),
        }
    }

    fn fresh_id(&mut self) -> i64 {
        if !self.dead_ids.is_empty() && self.random.chance(4) {
            let at = self.random.below(self.dead_ids.len() as u64) as usize;
            return self.dead_ids.swap_remove(at);
        }
        self.last_id += 1 + self.random.geometric(9) as i64;
        self.last_id
    }

    fn size(&mut self) -> u64 {
        match self.random.below(10) {
            0..=4 => 100,
            5 => 200 + 100 * self.random.geometric(20),
            6 => 1,
            _ => 1 + self.random.below(150),
        }
    }

    fn insert(&mut self, side: Side, price: i64, size: u64) {
        let id = self.fresh_id();
        let level = self.sides[side.index()].entry(price).or_default();
        level.orders.push_back((id, size));
        level.total += size;
        self.order_count += 1;
        self.tell(1, id, size, price, side);
    }

    fn add(&mut self, side: Side) {
        let away = if side == Side::Buy { -TICK } else { TICK };
        let (own, other) = (self.best(side), self.best(side.opposite()));
        let start = own.or(other.map(|price| price + away)).unwrap_or(self.reference);
        let kind = self.random.below(20) + if self.mood == Mood::Deep { 8 } else { 0 };
        let distance = match kind {
            // Inside the spread, as far as it goes.
            0..=3 => -(1 + self.random.geometric(8) as i64),
            4..=8 => 0,
            9..=16 => self.random.below(12) as i64,
            17..=24 => self.random.below(60) as i64,
            _ => self.random.below(4_000) as i64,
        };
        let mut price = start + distance * away;
        if let Some(other) = other {
            price = match side {
                Side::Buy => price.min(other - TICK),
                Side::Sell => price.max(other + TICK),
            };
        }
        if price > 0 {
            let size = self.size();
            self.insert(side, price, size);
        }
    }

    /// An order of the book, near the touch or anywhere.
    fn pick(&mut self, side: Side) -> Option<(i64, usize)> {
        let count = self.sides[side.index()].len() as u64;
        if count == 0 {
            return None;
        }
        let near = self.mood != Mood::Deep && self.random.chance(70);
        let rank = if near { self.random.geometric(count - 1) } else { self.random.below(count) };
        let mut levels = self.sides[side.index()].iter();
        let (&price, level) = match side {
            Side::Buy => levels.nth_back(rank as usize),
            Side::Sell => levels.nth(rank as usize),
        }?;
        let orders = level.orders.len() as u64;
        Some((price, self.random.below(orders) as usize))
    }

    /// Takes `qty` off an order, and returns its id.
    fn take(&mut self, side: Side, price: i64, at: usize, qty: u64) -> i64 {
        let levels = &mut self.sides[side.index()];
        let level = levels.get_mut(&price).expect("a level that was picked");
        level.total -= qty;
        let (id, open) = &mut level.orders[at];
        let id = *id;
        *open -= qty;
        if *open == 0 {
            level.orders.remove(at);
            self.order_count -= 1;
            self.dead_ids.push(id);
        }
        if level.total == 0 {
            levels.remove(&price);
            self.reference = price;
        }
        id
    }

    fn open(&self, side: Side, price: i64, at: usize) -> u64 {
        self.sides[side.index()][&price].orders[at].1
    }

    fn reduce_partly(&mut self, side: Side) {
        let Some((price, at)) = self.pick(side) else { return };
        let open = self.open(side, price, at);
        if open > 1 {
            let qty = 1 + self.random.below(open - 1);
            let id = self.take(side, price, at, qty);
            self.tell(2, id, qty, price, side);
        }
    }

    fn delete(&mut self, side: Side) {
        let Some((price, at)) = self.pick(side) else { return };
        let qty = self.open(side, price, at);
        let id = self.take(side, price, at, qty);
        self.tell(3, id, qty, price, side);
    }

    /// An aggressor: executions one by one, and sometimes a remainder that rests where it ended.
    fn aggress(&mut self, taker: Side) {
        let maker = taker.opposite();
        let mut left = match self.random.below(10) {
            0 => 100 * (1 + self.random.below(60)),
            _ => self.size(),
        };
        let mut last = None;
        while left > 0
            && let Some(price) = self.best(maker)
        {
            let qty = left.min(self.open(maker, price, 0));
            let id = self.take(maker, price, 0, qty);
            self.tell(4, id, qty, price, maker);
            left -= qty;
            last = Some(price);
            if self.best(maker) != last && self.random.chance(50) {
                break;
            }
        }
        if let Some(price) = last
            && left > 0
            && self.best(maker) != last
        {
            self.insert(taker, price, left);
        }
    }

    /// One side is withdrawn, all or most of it, and comes back elsewhere.
    fn jump(&mut self, side: Side) {
        let levels = self.sides[side.index()].len() as u64;
        let keep = match self.random.below(3) {
            0 => self.random.below(4),
            _ => self.random.below(levels + 1),
        } as usize;
        while self.sides[side.index()].len() > keep {
            let Some(price) = self.best(side) else { break };
            let qty = self.open(side, price, 0);
            let id = self.take(side, price, 0, qty);
            self.tell(3, id, qty, price, side);
        }
        for _ in 0..self.random.below(12) {
            self.add(side);
        }
    }
}
