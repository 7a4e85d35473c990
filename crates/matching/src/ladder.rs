//! One set of queues of one side, by price: what is displayed, what is not, or what waits for a
//! trigger.
//!
//! ```text
//!   top: 64 bits --> words: 64 x 64 bits --> window: 4096 x { 64 bits, page }    page: 64 queues
//!                                            [base ................ base + 4096)
//!   far: the pages below base, in a tree
//! ```
//!
//! A *key* ranks prices: the price itself, or for the side where lower is better the price
//! mirrored, so that greater is better everywhere and nothing below branches on the side. The
//! [window](crate::window) covers 262,144 prices and moves so that the best price is always in it: what
//! is above its end makes it move up, and when it runs empty it moves down. All else is in the tree. So
//! whoever quotes far away pays for it himself.
//!
//! When the best queue closes, the next best is mostly known: orders that better the best go first more
//! often than not.

#[cfg(test)]
use alloc::vec::Vec;

use alloc::boxed::Box;

use vesta_types::PriceTicks;

use crate::far::{FarNodes, Ref};
use crate::links::{Links, NodeId, PAGE_SHIFT, PAGE_TICKS, PageId};
use crate::window::{WINDOW_TICKS, Window};

/// Empty pages that all ladders together keep, 1 KiB each. Too low: pages come and go near the touch;
/// too high: memory.
const IDLE_PAGES_MAX: u32 = 8192;
/// Of so many orders one idle page is kept, so that small books, too, come to know what happens when no
/// more are: tests compare small ones.
const ORDERS_PER_IDLE_PAGE: u32 = 8;
/// Mirrored keys of 1..=`PriceTicks::MAX` are in that range again.
const MIRROR: u64 = PriceTicks::MAX.0 as u64 + 1;

/// How good a price is: the greater, the sooner its turn. From 1; 0 stands for "none".
pub(crate) type Key = u64;

/// How keys follow from prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// The highest price first.
    HighFirst,
    /// The lowest price first.
    LowFirst,
}

/// Its size is a power of two, so that finding one of a pair is a shift.
#[repr(align(64))]
pub(crate) struct Ladder {
    /// The key of the best queue, which is in the window; 0 when all is empty.
    pub(crate) best_key: Key,
    /// The key of the next best queue, or 0: not known.
    pub(crate) next_key: Key,
    /// What turns a price into a key: `(price ^ flip) + shift`.
    flip: u64,
    shift: u64,
    /// The first key of the window, a multiple of 64.
    pub(crate) base: Key,
    pub(crate) window: Box<Window>,
    /// Queues with orders, in the window and beyond it. None beyond it without one in it.
    pub(crate) near_count: u32,
    pub(crate) far_count: u32,
    pub(crate) far: Ref,
}

/// A price in the window that has a page.
#[derive(Clone, Copy)]
pub(crate) struct Near {
    pub(crate) key: Key,
    /// Its place in the window.
    pub(crate) at: u64,
    pub(crate) page: PageId,
}

impl Near {
    #[inline(always)]
    pub(crate) fn level(self) -> NodeId {
        self.page.level(self.at)
    }
}

/// What the ladders of a shard share.
pub(crate) struct Levels {
    pub(crate) links: Links,
    pub(crate) far: FarNodes,
    /// How many more pages of windows may be kept although they are empty: near the touch they are soon
    /// wanted again. Below 0 for a moment.
    pub(crate) idle_left: i32,
    /// Pages that were given back because too many were kept.
    pub(crate) refused_count: u32,
}

impl Levels {
    /// Each level has an order, and each page that is not idle a level: so there are never more
    /// pages than orders, and those that are idle.
    pub(crate) fn new(order_count_max: u32, fixed_count: u32) -> Self {
        let idle_max = (order_count_max / ORDERS_PER_IDLE_PAGE).min(IDLE_PAGES_MAX);
        let page_count_max = order_count_max + idle_max;
        let first_page = Links::first_page(order_count_max, fixed_count);
        Self {
            links: Links::new(order_count_max, fixed_count, page_count_max),
            far: FarNodes::new(first_page.0 + page_count_max),
            idle_left: idle_max as i32,
            refused_count: 0,
        }
    }
}

impl Ladder {
    pub(crate) fn new(rank: Rank) -> Self {
        Self {
            best_key: 0,
            next_key: 0,
            // For the mirrored: !price + MIRROR + 1 = MIRROR - price.
            flip: if rank == Rank::LowFirst { u64::MAX } else { 0 },
            shift: if rank == Rank::LowFirst { MIRROR + 1 } else { 0 },
            base: 0,
            window: Window::empty(),
            near_count: 0,
            far_count: 0,
            far: Ref::NONE,
        }
    }

    /// The key of a price in `1..=PriceTicks::MAX`.
    #[inline(always)]
    pub(crate) fn key(&self, price: PriceTicks) -> Key {
        (price.0 as u64 ^ self.flip).wrapping_add(self.shift)
    }

    /// The key that the price of this one has on the other side: whoever is there, and has at least
    /// this, is met.
    #[inline(always)]
    pub(crate) fn mirrored(key: Key) -> Key {
        // No key is greater.
        MIRROR.wrapping_sub(key)
    }

    /// The price of a key.
    #[inline(always)]
    pub(crate) fn price(&self, key: Key) -> PriceTicks {
        PriceTicks((key ^ self.flip).wrapping_add(self.shift) as i64)
    }

    /// The key of the best queue; 0 when there is none.
    #[inline(always)]
    pub(crate) fn best_key(&self) -> Key {
        self.best_key
    }

    /// The best queue, if its key is at least `worst` (from 1).
    #[inline(always)]
    pub(crate) fn best(&self, worst: Key) -> Option<NodeId> {
        (self.best_key >= worst).then(|| self.near_level(self.best_key))
    }

    /// The best price.
    pub(crate) fn best_price(&self) -> Option<PriceTicks> {
        (self.best_key != 0).then(|| self.price(self.best_key))
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.best_key == 0
    }

    #[inline(always)]
    pub(crate) fn level_count(&self) -> u32 {
        // At most one for each order.
        self.near_count.wrapping_add(self.far_count)
    }

    /// The key of a queue of any ladder.
    #[inline(always)]
    pub(crate) fn key_of(links: &Links, level: NodeId) -> Key {
        let (page, tick) = PageId::of(level);
        links.page(page).key << PAGE_SHIFT | tick
    }

    /// The queue of a key, if it has orders.
    #[inline(always)]
    pub(crate) fn find(&self, levels: &Levels, key: Key) -> Option<NodeId> {
        if key.wrapping_sub(self.base) < WINDOW_TICKS {
            return self.has_near(key).then(|| self.near_level(key));
        }
        let page = levels.far.find(self.far, &levels.links, key >> PAGE_SHIFT)?;
        let is_used = levels.links.page(page).bits >> (key & (PAGE_TICKS - 1)) & 1 != 0;
        is_used.then(|| page.level(key))
    }

    /// Appends an order to the queue of a key; returns the queue.
    #[inline(always)]
    pub(crate) fn push(&mut self, levels: &mut Levels, node: NodeId, key: Key, qty: u64) -> NodeId {
        match self.near(key) {
            Some(near) => {
                self.push_near(levels, node, near, qty);
                near.level()
            }
            None => self.push_afar(levels, node, key, qty),
        }
    }

    /// Where a key is, if it is in the window, and has a page.
    #[inline(always)]
    pub(crate) fn near(&self, key: Key) -> Option<Near> {
        let at = key.wrapping_sub(self.base);
        if at >= WINDOW_TICKS {
            return None;
        }
        self.window.page(at).map(|page| Near { key, at, page })
    }

    /// Appends an order to a queue in the window, on a page that there is.
    #[inline(always)]
    pub(crate) fn push_near(&mut self, levels: &mut Levels, node: NodeId, near: Near, qty: u64) {
        if self.window.has(near.at) {
            levels.links.append(near.level(), node, qty);
            return;
        }
        let was_idle = self.window.set(near.at);
        // It was taken off when it ran empty.
        levels.idle_left = levels.idle_left.wrapping_add(i32::from(was_idle));
        // An empty queue is not read, for it may not have been touched for long.
        levels.links.start(near.level(), node, qty);
        // At most one for each order.
        self.near_count = self.near_count.wrapping_add(1);
        self.next_key = if near.key > self.best_key { self.best_key } else { 0 };
        self.best_key = self.best_key.max(near.key);
    }

    /// Takes an order out of the queue of a key.
    #[inline(always)]
    pub(crate) fn unlink(&mut self, levels: &mut Levels, key: Key, level: NodeId, node: NodeId) {
        debug_assert_eq!(Self::key_of(&levels.links, level), key);
        // A queue that closes is left as it is: whoever comes to it next starts it anew.
        if levels.links.is_alone(node) {
            self.close(levels, key, level);
        } else {
            levels.links.remove(level, node);
        }
    }

    /// Closes a queue whose last order has gone.
    #[inline(always)]
    fn close(&mut self, levels: &mut Levels, key: Key, level: NodeId) {
        let at = key.wrapping_sub(self.base);
        if at >= WINDOW_TICKS {
            return self.close_far(levels, level);
        }
        let is_idle = self.window.clear(at);
        levels.idle_left = levels.idle_left.wrapping_sub(i32::from(is_idle));
        // Counted when it got its first order.
        self.near_count = self.near_count.wrapping_sub(1);
        let next_key = core::mem::take(&mut self.next_key);
        if self.near_count == 0 || levels.idle_left < 0 {
            return self.close_last(levels, level);
        }
        if key == self.best_key {
            self.best_key = next_key;
            if next_key == 0 {
                self.search();
            }
        }
    }

    /// The best queue with a key below `key`.
    pub(crate) fn below(&self, levels: &Levels, key: Key) -> Option<(Key, NodeId)> {
        if key > self.base {
            let near = self.window.below((key - self.base).min(WINDOW_TICKS));
            if let Some(at) = near {
                let key = self.base + at;
                return Some((key, self.near_level(key)));
            }
        }
        if self.far_count == 0 {
            return None;
        }
        let links = &levels.links;
        let page_key = key >> PAGE_SHIFT;
        if let Some(page) = levels.far.find(self.far, links, page_key) {
            let bits = links.page(page).bits & ((1 << (key & (PAGE_TICKS - 1))) - 1);
            if bits != 0 {
                return Some(last_of(page, page_key, bits));
            }
        }
        let page = levels.far.before(self.far, links, page_key)?;
        let header = links.page(page);
        Some(last_of(page, header.key, header.bits))
    }

    /// Keys and queues, best first.
    pub(crate) fn iter<'a>(
        &'a self,
        levels: &'a Levels,
    ) -> impl Iterator<Item = (Key, NodeId)> + 'a {
        let best = self.best_key;
        let first = (best != 0).then(|| (best, self.near_level(best)));
        core::iter::successors(first, move |&(key, _)| self.below(levels, key))
    }

    /// All nodes, in the order of their turn.
    pub(crate) fn nodes<'a>(&'a self, levels: &'a Levels) -> impl Iterator<Item = NodeId> + 'a {
        self.iter(levels).flat_map(move |(_, level)| levels.links.queue(level))
    }

    /// Walks everything and panics where something is wrong. Returns how many orders there are.
    pub(crate) fn check_invariants(&self, levels: &Levels) -> u32 {
        let (mut level_count, mut order_count, mut above) = (0, 0, u64::MAX);
        for (key, level) in self.iter(levels) {
            assert!(key < above, "best first, no key twice");
            assert!(above != self.best_key || [0, key].contains(&self.next_key), "the next best");
            above = key;
            assert_eq!(Self::key_of(&levels.links, level), key);
            assert_eq!(self.find(levels, key), Some(level));
            assert_eq!(self.key(self.price(key)), key);
            let (mut qty, mut prev, mut count) = (0, level, 0);
            for node in levels.links.queue(level) {
                assert_eq!(levels.links[node].prev, prev, "links both ways");
                assert!(levels.links[node].qty > 0, "no order without quantity");
                qty += levels.links[node].qty;
                (prev, count) = (node, count + 1);
            }
            assert_eq!(levels.links[level].prev, prev);
            assert_eq!(levels.links[level].qty, qty, "a level's sum");
            assert!(count > 0, "no phantom level");
            level_count += 1;
            order_count += count;
        }
        assert_eq!(self.level_count(), level_count);
        assert_eq!(self.window.check_invariants(), self.near_count);
        assert_eq!(self.window.below(WINDOW_TICKS).map_or(0, |at| self.base + at), self.best_key);
        assert!(self.near_count > 0 || self.far_count == 0, "the best is near");
        order_count
    }
}

/// The last queue of a page that has these.
fn last_of(page: PageId, page_key: u64, bits: u64) -> (Key, NodeId) {
    let tick = u64::from(63 - bits.leading_zeros());
    (page_key << PAGE_SHIFT | tick, page.level(tick))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use vesta_types::state_hash::hash_words;

    /// Prices near each other, prices pages apart, and prices at both ends of what there is.
    fn price(state: u64) -> PriceTicks {
        let near = (state & 0xff) as i64;
        PriceTicks(match state >> 8 & 7 {
            0 => 1 + near,
            1 => PriceTicks::MAX.0 - near,
            2 => 1_000_000 + near * 70_000,
            3 => 1_000_000 + near * 64,
            _ => 1_000_000 + near,
        })
    }

    #[test]
    fn agrees_with_a_map_while_the_window_moves() {
        const ORDER_COUNT: u32 = 200;
        for rank in [Rank::HighFirst, Rank::LowFirst] {
            let mut levels = Levels::new(ORDER_COUNT, 0);
            let mut ladder = Ladder::new(rank);
            let mut map: BTreeMap<(Key, u64), (NodeId, NodeId)> = BTreeMap::new();
            let mut free: Vec<NodeId> = (0..ORDER_COUNT).map(NodeId).collect();
            let mut state = 7;
            for step in 0..60_000_u64 {
                state = hash_words(&[state, step]);
                // Fills up, and runs empty, in turns.
                let grows = step / 300 % 2 == 0;
                if free.is_empty() || (!map.is_empty() && (state >> 30) % 5 == 0) || !grows {
                    let victim = match state >> 33 & 1 {
                        0 => map.keys().next_back().copied(),
                        _ => map.keys().nth((state >> 34) as usize % map.len().max(1)).copied(),
                    };
                    if let Some(victim) = victim {
                        let (node, level) = map.remove(&victim).expect("it is there");
                        ladder.unlink(&mut levels, victim.0, level, node);
                        free.push(node);
                    }
                } else {
                    let node = free.pop().expect("not empty");
                    let key = ladder.key(price(state));
                    let level = ladder.push(&mut levels, node, key, 1 + step % 9);
                    map.insert((key, step), (node, level));
                }
                let best = map.keys().next_back().map_or(0, |&(key, _)| key);
                assert_eq!(ladder.best_key(), best, "step {step}");
                let probe = ladder.key(price(state >> 16));
                let below = map.range(..(probe, 0)).next_back().map(|(&(key, _), _)| key);
                assert_eq!(ladder.below(&levels, probe).map(|(key, _)| key), below);
                if step % 64 == 0 {
                    assert_eq!(ladder.check_invariants(&levels), map.len() as u32);
                }
            }
        }
    }
}
