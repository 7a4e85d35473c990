//! The prices of a [ladder](crate::ladder) near its best: a bitmap of three levels, and how it moves.
//!
//! The two lower levels, a bit for each price and one for each page, are exact. The highest says where to
//! look: a word without pages may still have its bit, until a search comes by, which passes each word once.

use alloc::boxed::Box;

use crate::ladder::{Key, Ladder, Levels, Near};
use crate::links::{NodeId, PAGE_SHIFT, PAGE_TICKS, PageId};

/// Pages of the window: what two levels of 64 bits reach.
const WINDOW_PAGES: u64 = 64 * 64;
/// Prices of the window.
pub(crate) const WINDOW_TICKS: u64 = WINDOW_PAGES * PAGE_TICKS;
/// Where in the window the page that it moves for is put: most orders are behind the best price.
const WINDOW_LEAD: u64 = WINDOW_PAGES / 4 * 3;
/// After so many empty pages that could not be kept, the ladder at hand gives back all of its own: a walk
/// through its window, some 2 us.
const IDLE_WALK_INTERVAL: u32 = 256;

pub(crate) struct Window {
    /// Which words may have pages.
    top: u64,
    /// Which pages have orders.
    words: [u64; 64],
    /// Which prices have orders.
    bits: [u64; WINDOW_PAGES as usize],
    /// Page ids; 0 for none.
    pages: [u32; WINDOW_PAGES as usize],
}

impl Window {
    pub(crate) fn empty() -> Box<Self> {
        const PAGES: usize = WINDOW_PAGES as usize;
        Box::new(Self { top: 0, words: [0; 64], bits: [0; PAGES], pages: [0; PAGES] })
    }

    /// The page of a place in the window, if it has one.
    #[inline(always)]
    pub(crate) fn page(&self, at: u64) -> Option<PageId> {
        let page = self.pages[(at >> PAGE_SHIFT) as usize];
        (page != 0).then_some(PageId(page))
    }

    /// True when a price has orders.
    #[inline(always)]
    pub(crate) fn has(&self, at: u64) -> bool {
        self.bits[(at >> PAGE_SHIFT) as usize] >> (at & (PAGE_TICKS - 1)) & 1 != 0
    }

    /// A price has orders now. True when it is the first of its page.
    #[inline(always)]
    pub(crate) fn set(&mut self, at: u64) -> bool {
        let page = at >> PAGE_SHIFT;
        let bits = &mut self.bits[page as usize];
        let was_idle = *bits == 0;
        *bits |= 1 << (at & (PAGE_TICKS - 1));
        self.words[(page >> 6) as usize] |= 1 << (page & 63);
        self.top |= 1 << (page >> 6);
        was_idle
    }

    /// A price has no more orders. True when it was the last of its page.
    #[inline(always)]
    pub(crate) fn clear(&mut self, at: u64) -> bool {
        let page = at >> PAGE_SHIFT;
        let bits = &mut self.bits[page as usize];
        *bits &= !(1 << (at & (PAGE_TICKS - 1)));
        let is_idle = *bits == 0;
        // Computed, not branched on, as in `set`.
        self.words[(page >> 6) as usize] &= !(u64::from(is_idle) << (page & 63));
        is_idle
    }

    /// The highest place below `at` (at most the window's size) that has orders.
    pub(crate) fn below(&self, at: u64) -> Option<u64> {
        let (page, tick) = (at >> PAGE_SHIFT, at & (PAGE_TICKS - 1));
        if page < WINDOW_PAGES {
            let bits = self.bits[page as usize] & below_bit(tick);
            if bits != 0 {
                return Some(page << PAGE_SHIFT | last_bit(bits));
            }
        }
        let word = page >> 6;
        if word < 64
            && let Some(at) = self.last_in(word, below_bit(page & 63))
        {
            return Some(at);
        }
        let mut words = if word < 64 { self.top & below_bit(word) } else { self.top };
        while words != 0 {
            let word = last_bit(words);
            if let Some(at) = self.last_in(word, u64::MAX) {
                return Some(at);
            }
            words &= !(1 << word);
        }
        None
    }

    /// The highest place that has orders, of a word's pages in a mask.
    #[inline(always)]
    fn last_in(&self, word: u64, mask: u64) -> Option<u64> {
        let pages = self.words[word as usize] & mask;
        (pages != 0).then(|| {
            let page = word << 6 | last_bit(pages);
            page << PAGE_SHIFT | last_bit(self.bits[page as usize])
        })
    }

    /// For tests: panics when a price is not to be found. How many have orders.
    pub(crate) fn check_invariants(&self) -> u32 {
        let mut count = 0;
        for (page, &bits) in self.bits.iter().enumerate() {
            assert!(bits == 0 || self.pages[page] != 0, "orders without a page");
            assert_eq!(self.words[page >> 6] >> (page & 63) & 1 != 0, bits != 0, "which pages");
            assert!(bits == 0 || self.top >> (page >> 6) & 1 != 0, "a word that is not found");
            count += bits.count_ones();
        }
        count
    }
}

impl Ladder {
    /// True when a key, in the window or not, has orders in it.
    #[inline(always)]
    pub(crate) fn has_near(&self, key: Key) -> bool {
        let at = key.wrapping_sub(self.base);
        at < WINDOW_TICKS && self.window.has(at)
    }

    /// The queue of a key in the window that has orders.
    #[inline(always)]
    pub(crate) fn near_level(&self, key: Key) -> NodeId {
        let at = key.wrapping_sub(self.base);
        PageId(self.window.pages[(at >> PAGE_SHIFT) as usize]).level(key)
    }

    /// Looks up the best queue, in the window, which has one.
    #[inline(never)]
    pub(crate) fn search(&mut self) {
        let window = &mut *self.window;
        loop {
            let word = last_bit(window.top);
            if let Some(at) = window.last_in(word, u64::MAX) {
                // Both are below 2^49.
                self.best_key = self.base.wrapping_add(at);
                return;
            }
            window.top &= !(1 << word);
        }
    }

    /// Appends an order to a queue that is not in the window, or whose page is not.
    #[inline(never)]
    pub(crate) fn push_afar(
        &mut self,
        levels: &mut Levels,
        node: NodeId,
        key: Key,
        qty: u64,
    ) -> NodeId {
        let page = self.open_page(levels, key >> PAGE_SHIFT);
        let at = key.wrapping_sub(self.base);
        if at < WINDOW_TICKS {
            self.push_near(levels, node, Near { key, at, page }, qty);
            return page.level(key);
        }
        let (level, bit) = (page.level(key), 1 << (key & (PAGE_TICKS - 1)));
        let header = levels.links.page_mut(page);
        let is_new = header.bits & bit == 0;
        header.bits |= bit;
        if is_new {
            levels.links.start(level, node, qty);
            self.far_count += 1;
            self.next_key = 0;
        } else {
            levels.links.append(level, node, qty);
        }
        level
    }

    /// A queue of a far page has been closed; the best is in the window.
    #[cold]
    #[inline(never)]
    pub(crate) fn close_far(&mut self, levels: &mut Levels, level: NodeId) {
        self.far_count -= 1;
        self.next_key = 0;
        let (page, tick) = PageId::of(level);
        let header = levels.links.page_mut(page);
        header.bits &= !(1 << tick);
        if header.bits == 0 {
            levels.far.remove(&mut self.far, &levels.links, page);
            levels.links.free_page(page);
        }
    }

    /// A queue has been closed, and the window is empty, or too many empty pages are kept.
    #[cold]
    #[inline(never)]
    pub(crate) fn close_last(&mut self, levels: &mut Levels, level: NodeId) {
        if levels.idle_left < 0 {
            self.refuse_page(levels, PageId::of(level).0);
        }
        if self.near_count == 0 {
            self.best_key = 0;
            self.refill(levels);
        } else {
            self.search();
        }
    }

    /// Gives a page of the window back that has just run empty: too many are kept.
    #[cold]
    fn refuse_page(&mut self, levels: &mut Levels, page: PageId) {
        self.give_back(levels, page, levels.links.page(page).key - (self.base >> PAGE_SHIFT));
        levels.refused_count = levels.refused_count.wrapping_add(1);
        if levels.refused_count.is_multiple_of(IDLE_WALK_INTERVAL) {
            self.give_idle_back(levels);
        }
    }

    fn give_back(&mut self, levels: &mut Levels, page: PageId, at: u64) {
        self.window.pages[at as usize] = 0;
        levels.links.free_page(page);
        levels.idle_left += 1;
    }

    /// Gives back the empty pages of the window.
    #[cold]
    fn give_idle_back(&mut self, levels: &mut Levels) {
        for at in 0..WINDOW_PAGES {
            let page = PageId(self.window.pages[at as usize]);
            if page.0 != 0 && self.window.bits[at as usize] == 0 {
                self.give_back(levels, page, at);
            }
        }
    }

    /// A page for prices that have none in the window: one in it is empty, and idle until it has an order.
    fn open_page(&mut self, levels: &mut Levels, page_key: u64) -> PageId {
        let base = self.base >> PAGE_SHIFT;
        if page_key < base {
            if let Some(page) = levels.far.find(self.far, &levels.links, page_key) {
                return page;
            }
            if self.near_count != 0 {
                let page = levels.links.take_page(page_key);
                levels.far.insert(&mut self.far, &levels.links, page);
                return page;
            }
        }
        if page_key.wrapping_sub(base) >= WINDOW_PAGES {
            self.move_window(levels, page_key.saturating_sub(WINDOW_LEAD));
        }
        let page = levels.links.take_page(page_key);
        self.window.pages[(page_key - (self.base >> PAGE_SHIFT)) as usize] = page.0;
        levels.idle_left -= 1;
        page
    }

    /// The window has run empty: moves it to the best of the far pages, if there is one.
    fn refill(&mut self, levels: &mut Levels) {
        if let Some(page) = levels.far.last(self.far) {
            let page_key = levels.links.page(page).key;
            self.move_window(levels, page_key.saturating_sub(WINDOW_LEAD));
            self.search();
        }
    }

    /// Moves the window to another first page, and every page to where it belongs then.
    #[cold]
    fn move_window(&mut self, levels: &mut Levels, base: u64) {
        self.give_idle_back(levels);
        for at in 0..WINDOW_PAGES as usize {
            let page = PageId(core::mem::take(&mut self.window.pages[at]));
            if page.0 != 0 {
                levels.links.page_mut(page).bits = core::mem::take(&mut self.window.bits[at]);
                levels.far.insert(&mut self.far, &levels.links, page);
            }
        }
        self.window.words = [0; 64];
        self.window.top = 0;
        self.far_count += core::mem::take(&mut self.near_count);
        self.base = base << PAGE_SHIFT;
        while let Some(page) = levels.far.last(self.far) {
            let header = *levels.links.page(page);
            if header.key < base {
                return;
            }
            levels.links.page_mut(page).bits = 0;
            levels.far.remove(&mut self.far, &levels.links, page);
            let at = header.key - base;
            self.window.pages[at as usize] = page.0;
            self.window.bits[at as usize] = header.bits;
            self.window.words[(at >> 6) as usize] |= 1 << (at & 63);
            self.window.top |= 1 << (at >> 6);
            self.near_count += header.bits.count_ones();
            self.far_count -= header.bits.count_ones();
        }
    }
}

/// The bits below one of a map's 64.
#[inline(always)]
const fn below_bit(bit: u64) -> u64 {
    (1 << bit) - 1
}

/// The highest bit of a map that is not empty.
#[inline(always)]
fn last_bit(bits: u64) -> u64 {
    debug_assert_ne!(bits, 0);
    // What 63 less so many would be, and never below 0, so that there is nothing to check.
    u64::from(63 ^ bits.leading_zeros()) & 63
}
