//! From a shape and a seed to commands.

use crate::book::{Book, Number, Order};
use crate::fair::{Fair, Mood};
use crate::random::Random;
use crate::shape::{self, Shape};
use crate::{CAPACITY, Class, INSTRUMENT, Note, SESSION_COUNT};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use vesta_types::{
    Cancel, ClientOrderId, Command, NewOrder, OrderRef, PriceTicks, QtyLots, Replace, SessionId,
    Side, StpGroup, TimeInForce,
};

/// A side that has no order left, and an aggressor that finds nothing, are rare; a new order from
/// nobody in particular fills the gap.
pub(crate) struct Generator {
    shape: &'static Shape,
    random: Random,
    fair: Fair,
    book: Book,
    /// When the owner of an order does something about it. Orders that are gone stay until then.
    due: BinaryHeap<Reverse<(u64, Number)>>,
    /// The last client order id of each session.
    ids: [u64; SESSION_COUNT as usize],
    /// The order that was filled last, until a late cancel has used it.
    filled_last: Option<Number>,
    command: u64,
}

/// What an order is to be.
struct Terms {
    side: Side,
    price: i64,
    qty: u64,
    is_ioc: bool,
}

impl Generator {
    pub(crate) fn new(shape: &'static Shape, seed: u64) -> Self {
        Self {
            shape,
            random: Random::new(seed),
            fair: Fair::new(shape.path, shape.reference_price),
            book: Book::default(),
            due: BinaryHeap::new(),
            ids: [0; SESSION_COUNT as usize],
            filled_last: None,
            command: 0,
        }
    }

    pub(crate) fn run(mut self, count: usize) -> (Vec<Command>, Vec<Note>) {
        (0..count).map(|_| self.step()).unzip()
    }

    fn step(&mut self) -> (Command, Note) {
        let mood = self.fair.advance(&mut self.random);
        self.command += 1;
        if self.command <= self.shape.opening as u64 {
            let side = Side::BOTH[(self.command % 2) as usize];
            return self.add(side);
        }
        if let Some(number) = self.pop_due() {
            return self.on_due(number);
        }
        if self.random.below(1000) < self.shape.cancel_late_per_mille
            && let Some(number) = self.filled_last.take()
        {
            return self.cancel(number);
        }
        let take_per_mille = match mood {
            Mood::Falling => shape::FALLING_TAKE_PER_MILLE,
            Mood::Calm | Mood::Rising => self.shape.take_per_mille,
        };
        if self.random.below(1000) < take_per_mille {
            return self.take(mood);
        }
        let side = self.any_side();
        self.add(side)
    }

    fn any_side(&mut self) -> Side {
        self.random.pick(&[(1, Side::Buy), (1, Side::Sell)])
    }

    fn size(&mut self) -> u64 {
        if self.random.percent(shape::ROUND_PERCENT) {
            self.random.pick(&shape::ROUND_SIZES)
        } else {
            self.random.draw(&shape::ODD_SIZES)
        }
    }

    /// The price of an order that is to rest.
    fn passive_price(&mut self, side: Side) -> i64 {
        if self.random.percent(self.shape.improve_percent)
            && let (Some(bid), Some(ask)) = (self.book.best(Side::Buy), self.book.best(Side::Sell))
            && ask.0.abs_diff(bid.0) > self.shape.spread_min
        {
            return match side {
                Side::Buy => bid.0 + 1,
                Side::Sell => ask.0 - 1,
            };
        }
        let distance = self.random.draw(&self.shape.distance).cast_signed();
        let opposite = if self.shape.may_cross { None } else { self.book.best(side.opposite()) };
        let fair = self.fair.ticks();
        match (side, opposite) {
            (Side::Buy, None) => fair - distance,
            (Side::Buy, Some(ask)) => (fair - distance).min(ask.0 - 1),
            (Side::Sell, None) => fair + distance,
            (Side::Sell, Some(bid)) => (fair + distance).max(bid.0 + 1),
        }
    }

    fn new_order(&mut self, terms: &Terms) -> (Command, Note) {
        let Terms { side, qty, is_ioc, .. } = *terms;
        let price = PriceTicks(terms.price.clamp(1, self.shape.reference_price.0 * 2));
        let place = self.random.below(u64::from(SESSION_COUNT)) as usize;
        self.ids[place] += 1;
        let session = SessionId(place as u32 + 1);
        let client_order_id = ClientOrderId(self.ids[place]);
        let number = self.book.add(Order { session, client_order_id, side, price, open: qty });
        let limit =
            NewOrder::limit(session, client_order_id, INSTRUMENT, side, price, QtyLots(qty));
        let command = Command::New(NewOrder {
            time_in_force: if is_ioc { TimeInForce::Ioc } else { TimeInForce::Gtc },
            // Every order has another owner, so that none is kept from trading, but all are asked.
            stp_group: StpGroup(number),
            ..limit
        });
        let fills = self.act(number, is_ioc);
        let class = if fills > 0 || is_ioc { Class::Taker } else { Class::New };
        (command, Note { class, fills, order: number })
    }

    /// An order arrives: it trades, and what is left of it rests, or goes.
    fn act(&mut self, number: Number, is_ioc: bool) -> u16 {
        let got = self.book.take(number);
        self.filled_last = got.filled_last.or(self.filled_last);
        if !is_ioc && self.book.rest(number) {
            self.schedule(number);
        }
        // More would be refused.
        assert!(self.book.live_count() < CAPACITY.order_count_max, "the book is too deep");
        got.fills
    }

    fn schedule(&mut self, number: Number) {
        let price = self.book.order(number).price;
        let lives = 1 + price.0.abs_diff(self.fair.ticks()) / self.shape.life_again_ticks;
        let life = self.random.draw(&self.shape.life).saturating_mul(lives);
        self.due.push(Reverse((self.command + life, number)));
    }

    /// An order whose owner does something now.
    fn pop_due(&mut self) -> Option<Number> {
        while let Some(&Reverse((at, number))) = self.due.peek()
            && at <= self.command
        {
            self.due.pop();
            if self.book.order(number).open > 0 {
                return Some(number);
            }
        }
        None
    }

    fn add(&mut self, side: Side) -> (Command, Note) {
        let (price, qty) = (self.passive_price(side), self.size());
        self.new_order(&Terms { side, price, qty, is_ioc: false })
    }

    /// Mostly the side that brings the middle back to fair value.
    fn aggressor_side(&mut self, mood: Mood) -> Side {
        let buys = match (mood, self.book.best(Side::Buy), self.book.best(Side::Sell)) {
            (Mood::Falling, ..) => 100 - shape::FALLING_SELL_PERCENT,
            (_, Some(bid), Some(ask)) => {
                let too_low = self.fair.ticks() - i64::midpoint(bid.0, ask.0);
                (50 + self.shape.pull_percent * too_low).clamp(5, 95).unsigned_abs()
            }
            _ => 50,
        };
        self.random.pick(&[(buys, Side::Buy), (100 - buys, Side::Sell)])
    }

    fn take(&mut self, mood: Mood) -> (Command, Note) {
        let side = self.aggressor_side(mood);
        let wanted = match mood {
            Mood::Falling => self.random.pick(&shape::FALLING_MAKERS_WANTED),
            Mood::Calm | Mood::Rising => self.random.pick(self.shape.makers_wanted),
        };
        let (mut qty, mut last) = (0, None);
        for maker in self.book.makers(side.opposite()).take(wanted) {
            qty += maker.open;
            last = Some((maker.open, maker.price));
        }
        let Some((open, price)) = last else { return self.add(side) };
        if self.random.percent(shape::PARTIAL_PERCENT) {
            qty = qty - open + self.random.between(1, open);
        }
        if self.random.percent(shape::GREEDY_PERCENT) {
            qty += self.size();
        }
        let is_ioc = self.random.percent(shape::IOC_PERCENT);
        self.new_order(&Terms { side, price: price.0, qty, is_ioc })
    }

    fn on_due(&mut self, number: Number) -> (Command, Note) {
        if !self.random.percent(self.shape.replace_percent) {
            self.book.remove(number).open = 0;
            return self.cancel(number);
        }
        let Order { session, client_order_id, side, price, open } = *self.book.order(number);
        let (price, qty) = if open > 1 && self.random.percent(shape::REDUCE_PERCENT) {
            (price, self.random.between(1, open - 1))
        } else {
            let price = self.passive_price(side).clamp(1, self.shape.reference_price.0 * 2);
            (PriceTicks(price), open)
        };
        let order = self.book.remove(number);
        (order.price, order.open) = (price, qty);
        let fills = self.act(number, false);
        let command = Command::Replace(Replace {
            session,
            instrument: INSTRUMENT,
            target: OrderRef::Client(client_order_id),
            price,
            qty: QtyLots(qty),
            stop_price: PriceTicks(0),
        });
        (command, Note { class: Class::Replace, fills, order: number })
    }

    /// A cancel of an order that has left the book already, one way or the other.
    fn cancel(&self, number: Number) -> (Command, Note) {
        let Order { session, client_order_id, .. } = *self.book.order(number);
        let target = OrderRef::Client(client_order_id);
        let command = Command::Cancel(Cancel { session, instrument: INSTRUMENT, target });
        (command, Note { class: Class::Cancel, fills: 0, order: number })
    }
}
