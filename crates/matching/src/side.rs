//! One side of one book: price levels, ranked, each a queue of orders.
//!
//! ```text
//!   ranked   [ (key, level) ... (key, level) ]   sorted by key, the best at the END
//!   levels   [ {price, qty, order_count, head, tail} ... ]   a slab; freed ones are used again
//! ```
//!
//! The key is the price for bids and the negated price for asks, so that "better" is "greater" on
//! both sides and nothing below branches on the side. Most of the traffic is near the touch, so
//! inserting and removing levels moves only the few entries behind them.

use alloc::vec::Vec;

use vesta_types::{LevelView, PriceTicks, QtyLots, Side};

use crate::arena::{Arena, Order, OrderSlot};

/// Address of a level within its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelSlot(u32);

impl LevelSlot {
    /// No level.
    pub(crate) const NIL: Self = Self(u32::MAX);
}

/// How good a price is on its side: the greater, the sooner it trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(i64);

impl Key {
    /// Any price of the side is at least as good: what a market order accepts.
    pub(crate) const WORST: Self = Self(i64::MIN);
}

#[derive(Clone, Copy)]
struct Ranked {
    key: Key,
    level: LevelSlot,
}

struct Level {
    price: PriceTicks,
    /// Below 2^64: fewer than 2^24 orders of at most 2^40 lots.
    qty: QtyLots,
    /// 0 while the level is free.
    order_count: u32,
    /// The order that trades first.
    head: OrderSlot,
    tail: OrderSlot,
    /// Means something only while the level is free.
    next_free: LevelSlot,
}

pub(crate) struct BookSide {
    side: Side,
    ranked: Vec<Ranked>,
    levels: Vec<Level>,
    free_head: LevelSlot,
    level_count_max: u32,
}

impl BookSide {
    pub(crate) fn new(side: Side, level_count_max: u32) -> Self {
        Self {
            side,
            ranked: Vec::with_capacity(level_count_max as usize),
            levels: Vec::with_capacity(level_count_max as usize),
            free_head: LevelSlot::NIL,
            level_count_max,
        }
    }

    /// The rank of a price among this side's. The price is at most [`PriceTicks::MAX`] in size.
    pub(crate) fn key(&self, price: PriceTicks) -> Key {
        match self.side {
            Side::Buy => Key(price.0),
            Side::Sell => Key(-price.0),
        }
    }

    fn position(&self, price: PriceTicks) -> Result<usize, usize> {
        let key = self.key(price);
        self.ranked.binary_search_by(|ranked| ranked.key.cmp(&key))
    }

    fn level(&self, slot: LevelSlot) -> &Level {
        &self.levels[slot.0 as usize]
    }

    fn level_mut(&mut self, slot: LevelSlot) -> &mut Level {
        &mut self.levels[slot.0 as usize]
    }

    /// The order that trades next, if it is at `worst` or better.
    pub(crate) fn next_maker(&self, worst: Key) -> Option<OrderSlot> {
        let best = self.ranked.last()?;
        (best.key >= worst).then(|| self.level(best.level).head)
    }

    /// True when `qty` can be had at `worst` or better.
    pub(crate) fn holds(&self, qty: QtyLots, worst: Key) -> bool {
        let mut missing = qty;
        for ranked in self.ranked.iter().rev().take_while(|ranked| ranked.key >= worst) {
            let level = self.level(ranked.level);
            if level.qty >= missing {
                return true;
            }
            missing -= level.qty;
        }
        missing.is_zero()
    }

    /// True when an order at `price` needs a level that this side has no room for. `leaving` is
    /// the order itself where it is in a queue of this side that it leaves first.
    pub(crate) fn lacks_level(&self, price: PriceTicks, leaving: Option<&Order>) -> bool {
        if self.position(price).is_ok() {
            // Its own level is closed behind it at the most, which makes the room it needs.
            return false;
        }
        let closes_level = leaving.is_some_and(|order| self.level(order.level).order_count == 1);
        self.ranked.len() - usize::from(closes_level) == self.level_count_max as usize
    }

    /// Appends an order to the queue of its price, which is opened if need be.
    pub(crate) fn push(&mut self, arena: &mut Arena, slot: OrderSlot) {
        let Order { price, qty, level: old_level, side, .. } = arena[slot];
        assert_eq!(side, self.side, "order on the wrong side");
        assert_eq!(old_level, LevelSlot::NIL, "order in two queues");
        assert!(!qty.is_zero(), "nothing left to rest");
        let at = match self.position(price) {
            Ok(position) => self.ranked[position].level,
            Err(position) => self.open_level(position, price),
        };
        let level = self.level_mut(at);
        let tail = level.tail;
        level.tail = slot;
        if level.order_count == 0 {
            level.head = slot;
        }
        level.order_count += 1;
        level.qty += qty;
        let order = &mut arena[slot];
        order.level = at;
        order.prev = tail;
        order.next = OrderSlot::NIL;
        if let Some(tail) = tail.some() {
            debug_assert!(arena[tail].priority < arena[slot].priority, "stamps out of order");
            arena[tail].next = slot;
        }
    }

    /// Takes an order out of its queue; a level without orders is closed.
    pub(crate) fn unlink(&mut self, arena: &mut Arena, slot: OrderSlot) {
        let Order { price, qty, level: at, prev, next, .. } = arena[slot];
        assert_ne!(at, LevelSlot::NIL, "order in no queue");
        if let Some(prev) = prev.some() {
            arena[prev].next = next;
        }
        if let Some(next) = next.some() {
            arena[next].prev = prev;
        }
        arena[slot].level = LevelSlot::NIL;
        let level = self.level_mut(at);
        debug_assert_eq!(level.price, price, "order in the wrong queue");
        if level.head == slot {
            level.head = next;
        }
        if level.tail == slot {
            level.tail = prev;
        }
        level.order_count -= 1;
        level.qty -= qty;
        if level.order_count == 0 {
            assert!(level.qty.is_zero(), "quantity without orders");
            self.close_level(at);
        }
    }

    /// Takes `by` lots, but not all, from an order that keeps its place.
    pub(crate) fn reduce(&mut self, arena: &mut Arena, slot: OrderSlot, by: QtyLots) {
        let order = &mut arena[slot];
        assert!(by < order.qty, "an order without quantity may not rest");
        order.qty -= by;
        let at = order.level;
        self.level_mut(at).qty -= by;
    }

    fn open_level(&mut self, position: usize, price: PriceTicks) -> LevelSlot {
        assert!(self.ranked.len() < self.level_count_max as usize, "no free level");
        let level = Level {
            price,
            qty: QtyLots::ZERO,
            order_count: 0,
            head: OrderSlot::NIL,
            tail: OrderSlot::NIL,
            next_free: LevelSlot::NIL,
        };
        let at = if self.free_head == LevelSlot::NIL {
            // Within the capacity reserved at the start: every level is ranked or free.
            self.levels.push(level);
            LevelSlot(self.levels.len() as u32 - 1)
        } else {
            let at = self.free_head;
            self.free_head = self.level(at).next_free;
            *self.level_mut(at) = level;
            at
        };
        self.ranked.insert(position, Ranked { key: self.key(price), level: at });
        at
    }

    fn close_level(&mut self, at: LevelSlot) {
        let position = self.position(self.level(at).price);
        let position = position.expect("an open level is ranked");
        debug_assert_eq!(self.ranked[position].level, at);
        self.ranked.remove(position);
        self.level_mut(at).next_free = self.free_head;
        self.free_head = at;
    }

    /// Levels, best first.
    pub(crate) fn levels(&self) -> impl Iterator<Item = LevelView> {
        self.ranked.iter().rev().map(|ranked| {
            let Level { price, qty, order_count, .. } = *self.level(ranked.level);
            LevelView { price, qty, order_count }
        })
    }

    /// Orders in the order in which they would trade.
    pub(crate) fn orders<'a>(&'a self, arena: &'a Arena) -> impl Iterator<Item = &'a Order> {
        self.ranked.iter().rev().flat_map(move |ranked| {
            let head = self.level(ranked.level).head.some();
            let slots = core::iter::successors(head, |&slot| arena[slot].next.some());
            slots.map(|slot| &arena[slot])
        })
    }

    /// Walks everything and panics where a link, a sum or the ranking is wrong. Returns how many
    /// orders there are.
    pub(crate) fn check_invariants(&self, arena: &Arena) -> u32 {
        assert!(self.ranked.len() <= self.level_count_max as usize);
        assert!(self.ranked.is_sorted_by(|a, b| a.key < b.key), "ranked: sorted, no price twice");
        let mut order_count = 0;
        for ranked in &self.ranked {
            let level = self.level(ranked.level);
            assert_eq!(ranked.key, self.key(level.price));
            let (mut qty, mut count, mut priority, mut prev) =
                (QtyLots::ZERO, 0, 0, OrderSlot::NIL);
            let mut at = level.head;
            while let Some(slot) = at.some() {
                let order = &arena[slot];
                assert_eq!((order.side, order.price), (self.side, level.price));
                assert_eq!((order.level, order.prev), (ranked.level, prev));
                assert!(order.priority > priority, "queue in order of entry");
                assert!(!order.qty.is_zero(), "no order without quantity");
                qty += order.qty;
                count += 1;
                assert!(count <= arena.count(), "queue is a ring");
                (priority, prev, at) = (order.priority, slot, order.next);
            }
            assert_eq!(level.tail, prev);
            assert_eq!((level.qty, level.order_count), (qty, count));
            assert!(count > 0, "no phantom level");
            order_count += count;
        }
        let mut free_count = 0;
        let mut at = self.free_head;
        while at != LevelSlot::NIL {
            assert_eq!(self.level(at).order_count, 0, "a free level has no orders");
            free_count += 1;
            assert!(free_count <= self.levels.len(), "free list is a ring");
            at = self.level(at).next_free;
        }
        assert_eq!(free_count + self.ranked.len(), self.levels.len(), "no level leaks");
        order_count
    }
}
