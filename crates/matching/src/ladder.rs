//! One set of queues of one side, by price: what is displayed, what is not, or what waits for a
//! trigger.
//!
//! ```text
//!   top: 64 bits --> words: 64 x 64 bits --> window: 4096 page ids --> page: 64 bits, 64 queues
//!                                            [base ................ base + 4096)
//!   far: the pages below base, in a tree
//! ```
//!
//! A *key* ranks prices: the price itself, or for the side where lower is better the price
//! mirrored, so that greater is better everywhere and nothing below branches on the side. The window
//! covers 262,144 prices and moves so that the best price is always in it: what is above its end
//! makes it move up, and when it runs empty it moves down. All else is in the tree. So finding a
//! price near the best takes one load, the next best after the best has gone three bit scans, and
//! whoever quotes far away pays for it himself.

use alloc::boxed::Box;
#[cfg(test)]
use alloc::vec::Vec;

use vesta_types::PriceTicks;

use crate::far::{FarNodes, Ref};
use crate::links::{Links, NodeId, PAGE_SHIFT, PAGE_TICKS, PageId};

/// Pages of the window: what three levels of 64 bits reach.
const WINDOW_PAGES: u64 = 64 * 64;
/// Where in the window the page that it moves for is put: most orders are behind the best price.
const WINDOW_LEAD: u64 = WINDOW_PAGES / 4 * 3;
/// Empty pages that all ladders together keep, 1 KiB each. Too low: pages come and go near the touch;
/// too high: memory.
const IDLE_PAGES_MAX: u32 = 8192;
/// Of so many orders one idle page is kept, so that small books, too, come to know what happens when no
/// more are: tests compare small ones.
const ORDERS_PER_IDLE_PAGE: u32 = 8;
/// After so many empty pages that could not be kept, the ladder at hand gives back all of its own: a walk
/// through its window, some 2 us.
const IDLE_WALK_INTERVAL: u32 = 256;
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
    best_key: Key,
    /// What turns a price into a key: `price ^ flip` plus `MIRROR` where `flip` is all ones.
    flip: u64,
    level_count: u32,
    far: Ref,
    base: u64,
    top: u64,
    window: Box<Window>,
}

struct Window {
    /// Which pages have orders.
    words: [u64; 64],
    /// Page ids; 0 for none.
    pages: [u32; WINDOW_PAGES as usize],
}

/// What the ladders of a shard share.
pub(crate) struct Levels {
    pub(crate) links: Links,
    pub(crate) far: FarNodes,
    /// Pages in windows that are kept although they are empty: near the touch they are soon wanted again.
    idle_count: u32,
    /// How many are kept at most.
    idle_max: u32,
    /// Pages that were given back because too many were kept.
    refused_count: u32,
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
            idle_count: 0,
            idle_max,
            refused_count: 0,
        }
    }
}

impl Ladder {
    pub(crate) fn new(rank: Rank) -> Self {
        Self {
            best_key: 0,
            flip: if rank == Rank::LowFirst { u64::MAX } else { 0 },
            level_count: 0,
            far: Ref::NONE,
            base: 0,
            top: 0,
            window: Box::new(Window { words: [0; 64], pages: [0; WINDOW_PAGES as usize] }),
        }
    }

    /// The key of a price in `1..=PriceTicks::MAX`.
    #[inline(always)]
    pub(crate) fn key(&self, price: PriceTicks) -> Key {
        // For the mirrored: !price + MIRROR + 1 = MIRROR - price.
        (price.0 as u64 ^ self.flip).wrapping_add(self.flip & (MIRROR + 1))
    }

    /// The key that the price of this one has on the other side: whoever is there, and has at least
    /// this, is met.
    #[inline(always)]
    pub(crate) fn mirrored(key: Key) -> Key {
        MIRROR - key
    }

    /// The price of a key.
    #[inline(always)]
    pub(crate) fn price(&self, key: Key) -> PriceTicks {
        PriceTicks((key ^ self.flip).wrapping_add(self.flip & (MIRROR + 1)) as i64)
    }

    /// The key of the best queue; 0 when there is none.
    #[inline(always)]
    pub(crate) fn best_key(&self) -> Key {
        self.best_key
    }

    /// The best queue, if its key is at least `worst` (from 1).
    #[inline(always)]
    pub(crate) fn best(&self, worst: Key) -> Option<NodeId> {
        (self.best_key >= worst).then(|| self.best_level())
    }

    /// The best queue of a ladder that has one.
    #[inline(always)]
    fn best_level(&self) -> NodeId {
        let at = (self.best_key >> PAGE_SHIFT).wrapping_sub(self.base);
        PageId(self.window.pages[at as usize]).level(self.best_key)
    }

    /// The best price.
    pub(crate) fn best_price(&self) -> Option<PriceTicks> {
        (self.best_key != 0).then(|| self.price(self.best_key))
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.best_key == 0
    }

    pub(crate) fn level_count(&self) -> u32 {
        self.level_count
    }

    /// The key of a queue of any ladder.
    #[inline(always)]
    pub(crate) fn key_of(links: &Links, level: NodeId) -> Key {
        let (page, tick) = PageId::of(level);
        links.page(page).key << PAGE_SHIFT | tick
    }

    #[inline(always)]
    fn page(&self, levels: &Levels, page_key: u64) -> Option<PageId> {
        let at = page_key.wrapping_sub(self.base);
        if at < WINDOW_PAGES {
            let page = self.window.pages[at as usize];
            (page != 0).then_some(PageId(page))
        } else if page_key < self.base {
            levels.far.find(self.far, &levels.links, page_key)
        } else {
            None
        }
    }

    /// The queue of a key, if it has orders.
    #[inline(always)]
    pub(crate) fn find(&self, levels: &Levels, key: Key) -> Option<NodeId> {
        let page = self.page(levels, key >> PAGE_SHIFT)?;
        let tick = key & (PAGE_TICKS - 1);
        let is_used = levels.links.page(page).bits >> tick & 1 != 0;
        is_used.then(|| page.level(tick))
    }

    /// Appends an order to the queue of a key; returns the queue.
    #[inline(always)]
    pub(crate) fn push(&mut self, levels: &mut Levels, node: NodeId, key: Key, qty: u64) -> NodeId {
        let page_key = key >> PAGE_SHIFT;
        let at = page_key.wrapping_sub(self.base);
        let page = if at < WINDOW_PAGES && self.window.pages[at as usize] != 0 {
            PageId(self.window.pages[at as usize])
        } else {
            self.open_page(levels, page_key)
        };
        let header = levels.links.page_mut(page);
        let bits = header.bits;
        header.bits = bits | 1 << (key & (PAGE_TICKS - 1));
        let at = page_key.wrapping_sub(self.base);
        // Computed, not branched on: whether a price is new, or the best, is what no predictor knows.
        if at < WINDOW_PAGES {
            self.window.words[(at >> 6) as usize] |= 1 << (at & 63);
            self.top |= 1 << (at >> 6);
            // Counted when it ran empty.
            levels.idle_count = levels.idle_count.wrapping_sub(u32::from(bits == 0));
        }
        let level = page.level(key);
        let was_empty = levels.links.append(level, node, qty);
        // At most one for each order.
        self.level_count = self.level_count.wrapping_add(u32::from(was_empty));
        self.best_key = self.best_key.max(key);
        level
    }

    /// Takes an order out of its queue.
    #[inline(always)]
    pub(crate) fn unlink(&mut self, levels: &mut Levels, level: NodeId, node: NodeId) {
        if levels.links.remove(level, node) {
            self.close(levels, level);
        }
    }

    /// Closes a queue whose last order has gone.
    #[inline(always)]
    fn close(&mut self, levels: &mut Levels, level: NodeId) {
        // Counted when it got its first order.
        self.level_count = self.level_count.wrapping_sub(1);
        let (page, tick) = PageId::of(level);
        let header = levels.links.page_mut(page);
        header.bits &= !(1 << tick);
        let is_idle = header.bits == 0;
        let at = header.key.wrapping_sub(self.base);
        if at >= WINDOW_PAGES {
            return self.close_far(levels, page);
        }
        // As above: the bitmaps are brought up to date and the best is looked up, whether it was this
        // queue or not.
        let word = &mut self.window.words[(at >> 6) as usize];
        *word &= !(u64::from(is_idle) << (at & 63));
        self.top &= !(u64::from(*word == 0) << (at >> 6));
        // At most one for each page.
        levels.idle_count = levels.idle_count.wrapping_add(u32::from(is_idle));
        if levels.idle_count > levels.idle_max || self.top == 0 {
            return self.close_last(levels, page);
        }
        self.look_up_best(levels);
    }

    /// Looks up which queue is the best, in a window that has one.
    #[inline(always)]
    fn look_up_best(&mut self, levels: &Levels) {
        let page = PageId(self.window.pages[self.highest() as usize]);
        let header = levels.links.page(page);
        self.best_key = header.key << PAGE_SHIFT | last_bit(header.bits);
    }

    /// A queue of a far page has been closed; the best is in the window.
    #[cold]
    #[inline(never)]
    fn close_far(&mut self, levels: &mut Levels, page: PageId) {
        if levels.links.page(page).bits == 0 {
            levels.far.remove(&mut self.far, &levels.links, page);
            levels.links.free_page(page);
        }
    }

    /// A queue has been closed, and the window is empty, or too many empty pages are kept.
    #[cold]
    #[inline(never)]
    fn close_last(&mut self, levels: &mut Levels, page: PageId) {
        if levels.idle_count > levels.idle_max && levels.links.page(page).bits == 0 {
            self.refuse_page(levels, page);
        }
        if self.top == 0 && !self.refill(levels) {
            self.best_key = 0;
            return;
        }
        self.look_up_best(levels);
    }

    /// Gives an empty page of the window back: too many are kept.
    #[cold]
    fn refuse_page(&mut self, levels: &mut Levels, page: PageId) {
        let at = levels.links.page(page).key - self.base;
        self.window.pages[at as usize] = 0;
        levels.links.free_page(page);
        levels.idle_count -= 1;
        levels.refused_count = levels.refused_count.wrapping_add(1);
        if levels.refused_count.is_multiple_of(IDLE_WALK_INTERVAL) {
            self.give_idle_back(levels);
        }
    }

    /// A page for prices that have none: empty, and counted as idle until it has an order.
    #[inline(never)]
    fn open_page(&mut self, levels: &mut Levels, page_key: u64) -> PageId {
        if page_key < self.base {
            if let Some(page) = levels.far.find(self.far, &levels.links, page_key) {
                return page;
            }
            if self.top != 0 {
                let page = levels.links.take_page(page_key);
                levels.far.insert(&mut self.far, &levels.links, page);
                return page;
            }
        }
        if page_key.wrapping_sub(self.base) >= WINDOW_PAGES {
            self.move_window(levels, page_key.saturating_sub(WINDOW_LEAD));
        }
        let page = levels.links.take_page(page_key);
        self.window.pages[(page_key - self.base) as usize] = page.0;
        levels.idle_count += 1;
        page
    }

    /// Gives back the empty pages of the window.
    #[cold]
    fn give_idle_back(&mut self, levels: &mut Levels) {
        for at in 0..WINDOW_PAGES as usize {
            let page = PageId(self.window.pages[at]);
            if page.0 != 0 && levels.links.page(page).bits == 0 {
                self.window.pages[at] = 0;
                levels.links.free_page(page);
                levels.idle_count -= 1;
            }
        }
    }

    /// The highest place of the window that has a page.
    #[inline(always)]
    fn highest(&self) -> u64 {
        let word = last_bit(self.top);
        word << 6 | last_bit(self.window.words[word as usize])
    }

    /// The window has run empty: moves it to the best of the far pages. False when there are none.
    #[cold]
    #[inline(never)]
    fn refill(&mut self, levels: &mut Levels) -> bool {
        let Some(page) = levels.far.last(self.far) else {
            return false;
        };
        let page_key = levels.links.page(page).key;
        self.move_window(levels, page_key.saturating_sub(WINDOW_LEAD));
        true
    }

    /// Moves the window, and every page to where it belongs then.
    #[cold]
    fn move_window(&mut self, levels: &mut Levels, base: u64) {
        self.give_idle_back(levels);
        while self.top != 0 {
            let at = self.highest();
            let page = PageId(self.window.pages[at as usize]);
            self.window.pages[at as usize] = 0;
            let word = &mut self.window.words[(at >> 6) as usize];
            *word &= !(1 << (at & 63));
            self.top &= !(u64::from(*word == 0) << (at >> 6));
            levels.far.insert(&mut self.far, &levels.links, page);
        }
        self.base = base;
        while let Some(page) = levels.far.last(self.far) {
            let page_key = levels.links.page(page).key;
            if page_key < base {
                return;
            }
            levels.far.remove(&mut self.far, &levels.links, page);
            let at = page_key - base;
            self.window.pages[at as usize] = page.0;
            self.window.words[(at >> 6) as usize] |= 1 << (at & 63);
            self.top |= 1 << (at >> 6);
        }
    }

    /// The best queue with a key below `key`.
    pub(crate) fn below(&self, levels: &Levels, key: Key) -> Option<(Key, NodeId)> {
        let links = &levels.links;
        let page_key = key >> PAGE_SHIFT;
        if let Some(page) = self.page(levels, page_key) {
            let bits = links.page(page).bits & ((1 << (key & (PAGE_TICKS - 1))) - 1);
            if bits != 0 {
                let tick = u64::from(63 - bits.leading_zeros());
                return Some((page_key << PAGE_SHIFT | tick, page.level(tick)));
            }
        }
        if page_key > self.base {
            let at = (page_key - self.base).min(WINDOW_PAGES);
            if let Some(at) = self.place_below(at) {
                return last_of(links, PageId(self.window.pages[at as usize]));
            }
        }
        let page = levels.far.before(self.far, links, page_key.min(self.base))?;
        last_of(links, page)
    }

    /// The highest place below `at` (at most the window's size) that has a page.
    fn place_below(&self, at: u64) -> Option<u64> {
        let mask = |bits: u64| (1_u64 << bits) - 1;
        let word = at >> 6;
        if word < 64 {
            let bits = self.window.words[word as usize] & mask(at & 63);
            if bits != 0 {
                return Some(word << 6 | u64::from(63 - bits.leading_zeros()));
            }
        }
        let words = if word < 64 { self.top & mask(word) } else { self.top };
        (words != 0).then(|| {
            let word = u64::from(63 - words.leading_zeros());
            word << 6 | u64::from(63 - self.window.words[word as usize].leading_zeros())
        })
    }

    /// Keys and queues, best first.
    pub(crate) fn iter<'a>(
        &'a self,
        levels: &'a Levels,
    ) -> impl Iterator<Item = (Key, NodeId)> + 'a {
        let first = (self.best_key != 0).then(|| (self.best_key, self.best_level()));
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
        assert_eq!(self.level_count, level_count);
        order_count
    }
}

/// The highest bit of a map that is not empty.
#[inline(always)]
fn last_bit(bits: u64) -> u64 {
    debug_assert_ne!(bits, 0);
    // What 63 less so many would be, and never below 0, so that there is nothing to check.
    u64::from(63 ^ bits.leading_zeros()) & 63
}

#[inline(always)]
fn last_of(links: &Links, page: PageId) -> Option<(Key, NodeId)> {
    let header = links.page(page);
    let tick = 63_u32.checked_sub(header.bits.leading_zeros())?;
    Some((header.key << PAGE_SHIFT | u64::from(tick), page.level(u64::from(tick))))
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
                        ladder.unlink(&mut levels, level, node);
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
