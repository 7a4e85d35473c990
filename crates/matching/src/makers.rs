//! Who trades next where not all is displayed, and what an aggressor would get.

use alloc::vec::Vec;

use vesta_types::{HiddenPriority, SelfTrade};

use crate::arena::Flags;
use crate::ladder::{Key, Ladder};
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;
use crate::taker::Taker;

/// What a dry run gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Got {
    /// In lots.
    pub(crate) qty: u64,
    /// In ticks x lots.
    pub(crate) notional: u128,
}

/// A dry run on its way.
struct DryRun {
    open: u64,
    got: Got,
    /// Makers that may still be met, where that may matter: where no maker is an own one, each match
    /// takes a lot at least, and an aggressor of few lots can not come to the limit.
    matches_left: Option<u32>,
    ended: bool,
    /// Of use within a level.
    icebergs: Vec<NodeId>,
}

impl<R: Reservation> Matcher<R> {
    /// The maker that the taker trades with next, if it is within the bounds.
    #[inline(never)]
    pub(crate) fn next_maker(&self, taker: &mut Taker) -> Option<NodeId> {
        let book = self.book(taker.book);
        let makers = taker.side.opposite().index();
        let shown_key = book.displayed[makers].best_key();
        let undisplayed = self.next_undisplayed(taker, &book.undisplayed[makers]);
        let (key, maker) = match undisplayed {
            Some((key, slot)) if key >= shown_key => {
                let shown = book.displayed[makers].best(key).map(|level| self.first_of(level));
                match shown {
                    Some(shown) if self.goes_first(taker, shown, slot) => (key, shown),
                    _ => (key, slot),
                }
            }
            _ => {
                let level = book.displayed[makers].best(1)?;
                (shown_key, self.first_of(level))
            }
        };
        (key >= taker.worst && key <= taker.best).then_some(maker)
    }

    fn first_of(&self, level: NodeId) -> NodeId {
        self.levels.links[level].next
    }

    /// True when a displayed maker trades before an undisplayed one at the same price.
    fn goes_first(&self, taker: &Taker, displayed: NodeId, undisplayed: NodeId) -> bool {
        self.book(taker.book).rules.hidden_priority == HiddenPriority::AfterDisplayed
            || self.arena[displayed].priority < self.arena[undisplayed].priority
    }

    /// The best undisplayed maker that is eligible, and its key.
    fn next_undisplayed(&self, taker: &mut Taker, ladder: &Ladder) -> Option<(Key, NodeId)> {
        let links = &self.levels.links;
        let (mut level, mut at) = match taker.passed.some() {
            Some(passed) => {
                let level = self.arena[passed].level;
                (level, links.after(level, passed))
            }
            None => {
                let level = ladder.best(taker.worst)?;
                (level, links.first(level))
            }
        };
        loop {
            while let Some(slot) = at {
                if self.is_eligible(slot, taker.qty) {
                    return Some((Ladder::key_of(links, level), slot));
                }
                taker.passed = slot;
                taker.passed_count += 1;
                at = links.after(level, slot);
            }
            let (key, below) = ladder.below(&self.levels, Ladder::key_of(links, level))?;
            if key < taker.worst {
                return None;
            }
            (level, at) = (below, links.first(below));
        }
    }

    /// True unless the maker is passed over by an aggressor with so much open.
    pub(crate) fn is_eligible(&self, maker: NodeId, open: u64) -> bool {
        let flags = self.arena[maker].flags;
        let offered = self.levels.links[maker].qty;
        if flags.has(Flags::ALL_OR_NONE) {
            return open >= offered;
        }
        if flags.has(Flags::MIN_QTY) {
            let least = self.arena.extra(maker).terms.min_qty.0.min(offered);
            return open.min(offered) >= least;
        }
        true
    }

    /// What the taker would get if it acted now.
    pub(crate) fn dry_run(&mut self, taker: &Taker) -> Got {
        let matches_left = self.book(taker.book).rules.match_count_max - self.match_count;
        let may_end = taker.stp_group.0 != 0 || taker.qty > matches_left.into();
        let mut run = DryRun {
            open: taker.qty,
            got: Got::default(),
            matches_left: may_end.then_some(matches_left),
            ended: false,
            icebergs: core::mem::take(&mut self.gathered),
        };
        self.run_dry(taker, &mut run);
        run.icebergs.clear();
        self.gathered = run.icebergs;
        run.got
    }

    fn run_dry(&self, taker: &Taker, run: &mut DryRun) {
        let book = self.book(taker.book);
        let makers = taker.side.opposite().index();
        let [shown, other] = [&book.displayed[makers], &book.undisplayed[makers]];
        // Without reserves, undisplayed orders and own orders, a level's sum is what it offers.
        let is_simple =
            run.matches_left.is_none() && book.iceberg_count[makers] == 0 && other.is_empty();
        let (mut next_shown, mut next_other) =
            (shown.iter(&self.levels).next(), other.iter(&self.levels).next());
        loop {
            let key_of = |next: Option<(Key, NodeId)>| next.map_or(0, |(key, _)| key);
            let key = key_of(next_shown).max(key_of(next_other));
            // Keys are from 1.
            if key < taker.worst || run.open == 0 || run.ended {
                break;
            }
            let at = |next: Option<(Key, NodeId)>| next.filter(|n| n.0 == key).map(|n| n.1);
            let price = shown.price(key).0 as u128;
            let levels = (at(next_shown), at(next_other));
            if key > taker.best {
                // Beyond the band on the better side: who is passed over there ends nothing.
                let is_eligible = |slot| self.is_eligible(slot, run.open);
                if levels.0.is_some()
                    || levels.1.is_some_and(|level| self.levels.links.queue(level).any(is_eligible))
                {
                    break;
                }
                next_other = other.below(&self.levels, key);
                continue;
            }
            if is_simple && let Some(level) = levels.0 {
                run.take(self.levels.links[level].qty, price);
            } else {
                self.dry_run_level(taker, levels, price, run);
            }
            if levels.0.is_some() {
                next_shown = shown.below(&self.levels, key);
            }
            if levels.1.is_some() {
                next_other = other.below(&self.levels, key);
            }
        }
    }

    /// One price of a dry run: the displayed queue and the other one in their order; the later tips of
    /// icebergs where they would come up: at once, or after the queue, round by round.
    fn dry_run_level(
        &self,
        taker: &Taker,
        (shown, other): (Option<NodeId>, Option<NodeId>),
        price: u128,
        run: &mut DryRun,
    ) {
        let links = &self.levels.links;
        let by_time = self.book(taker.book).rules.hidden_priority == HiddenPriority::ByTime;
        let mut next_shown = shown.and_then(|level| links.first(level));
        let mut next_other = other.and_then(|level| links.first(level));
        let tips_stay = self.tips_stay(taker.book);
        let mut rounds_done = tips_stay;
        while run.open > 0 && !run.ended {
            let shown_first = match (next_shown, next_other) {
                (Some(a), Some(b)) => !by_time || self.arena[a].priority < self.arena[b].priority,
                (a, _) => a.is_some(),
            };
            if shown_first && let (Some(slot), Some(level)) = (next_shown, shown) {
                self.meet(taker, slot, links[slot].qty, price, run);
                if tips_stay && !self.is_absent(taker, slot) {
                    self.dry_run_reserve(taker, slot, price, run);
                }
                next_shown = links.after(level, slot);
                continue;
            }
            // Later tips are younger than every order here; only displayed ones come before the
            // others whatever their age.
            if !rounds_done && (!by_time || next_other.is_none()) {
                self.dry_run_tips(taker, shown, price, run);
                rounds_done = true;
                continue;
            }
            let (Some(slot), Some(level)) = (next_other, other) else {
                return;
            };
            if self.is_eligible(slot, run.open) {
                self.meet(taker, slot, links[slot].qty, price, run);
            }
            next_other = links.after(level, slot);
        }
    }

    /// The later tips of an iceberg, one after the other.
    fn dry_run_reserve(&self, taker: &Taker, slot: NodeId, price: u128, run: &mut DryRun) {
        let mut left = self.arena.reserve(slot);
        if run.matches_left.is_none() {
            return run.take(left, price);
        }
        while left > 0 && run.open > 0 && !run.ended {
            let tip = left.min(self.arena.extra(slot).terms.display_qty.0);
            self.meet(taker, slot, tip, price, run);
            left -= tip;
        }
    }

    /// The later tips of a level's icebergs: in the order of the queue, one each, again and again.
    fn dry_run_tips(&self, taker: &Taker, level: Option<NodeId>, price: u128, run: &mut DryRun) {
        let Some(level) = level else { return };
        let queue = self.levels.links.queue(level);
        let icebergs =
            queue.filter(|&slot| self.arena.reserve(slot) != 0 && !self.is_absent(taker, slot));
        if run.matches_left.is_none() {
            // At one price it does not matter whose lots come first.
            return run.take(icebergs.map(|slot| self.arena.reserve(slot)).sum(), price);
        }
        run.icebergs.clear();
        run.icebergs.extend(icebergs);
        // Who has no tip left drops out: the work is that of the matches.
        for round in 0.. {
            let mut kept = 0;
            for at in 0..run.icebergs.len() {
                if run.open == 0 || run.ended {
                    return;
                }
                let slot = run.icebergs[at];
                let tip = self.arena.extra(slot).terms.display_qty.0;
                let left = self.arena.reserve(slot) - round * tip;
                self.meet(taker, slot, left.min(tip), price, run);
                if left > tip {
                    run.icebergs[kept] = slot;
                    kept += 1;
                }
            }
            if kept == 0 {
                return;
            }
            run.icebergs.truncate(kept);
        }
    }

    /// True for a maker that self-trade prevention takes away at the first meeting.
    fn is_absent(&self, taker: &Taker, maker: NodeId) -> bool {
        self.is_own(taker, maker) && self.instruction(taker, maker) == SelfTrade::CancelOldest
    }

    fn is_own(&self, taker: &Taker, maker: NodeId) -> bool {
        taker.stp_group.0 != 0 && self.arena[maker].stp_group == taker.stp_group
    }

    fn meet(&self, taker: &Taker, maker: NodeId, offered: u64, price: u128, run: &mut DryRun) {
        if let Some(left) = &mut run.matches_left {
            if *left == 0 {
                run.ended = true;
                return;
            }
            *left -= 1;
        }
        if !self.is_own(taker, maker) {
            run.take(offered, price);
            return;
        }
        match self.instruction(taker, maker) {
            SelfTrade::CancelOldest => {}
            SelfTrade::Decrement => run.open -= run.open.min(offered),
            _ => run.ended = true,
        }
    }
}

impl DryRun {
    fn take(&mut self, offered: u64, price: u128) {
        let qty = offered.min(self.open);
        self.open -= qty;
        self.got.qty += qty;
        // At most 2^40 lots at 2^48 ticks in all.
        self.got.notional += price * u128::from(qty);
    }
}
