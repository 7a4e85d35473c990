//! Which prices and quantities no guard of a plain order refuses.

use vesta_types::{InstrumentRules, PriceTicks, QtyLots, TradingState};

use crate::admit::require_limits;
use crate::book::Book;

/// A range of prices in which any order up to a quantity passes the guards of price, quantity, ticks,
/// static band and notional. It is worked out from a good order, for its neighbours: whatever is
/// within it needs no more than three comparisons. Whoever is not within it asks the guards.
///
/// It is empty in any state but continuous trading, while a kill switch is engaged, and while others follow
/// those that come to rest, so that an order that is within it need not ask for these, either. So it has to
/// be forgotten whenever any of these changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SafeRange {
    price_least: i64,
    price_count: u64,
    qty_max: u64,
}

impl SafeRange {
    /// No order is within it.
    pub(crate) const NONE: Self = Self { price_least: 1, price_count: 0, qty_max: 0 };

    #[inline(always)]
    pub(crate) const fn has(&self, price: PriceTicks, qty: QtyLots) -> bool {
        // Below the least wraps around to a number above any count, and so does no quantity.
        (price.0.wrapping_sub(self.price_least) as u64) < self.price_count
            && qty.0.wrapping_sub(1) < self.qty_max
    }

    /// The range around the price of an order that the guards have let by in continuous trading, without
    /// a kill switch.
    pub(crate) fn around(book: &Book, price: PriceTicks) -> Self {
        let rules = &book.rules;
        let Some((mut least, mut greatest)) = every_tick_around(rules, price) else {
            return Self::NONE;
        };
        greatest = greatest.min(rules.price_max.0);
        let reference = book.reference_price.0;
        if rules.static_band_ticks != 0 && reference != 0 {
            // Both are at most 2^48.
            let band = rules.static_band_ticks.min(PriceTicks::MAX.0 as u64) as i64;
            least = least.max(reference - band);
            greatest = greatest.min(reference + band);
        }
        let mut qty_max = rules.qty_max.0;
        if rules.notional_max != 0 {
            // Not further than twice the price, or else what may be had at a high price would decide for a
            // low one.
            greatest = greatest.min(price.0 * 2);
            qty_max = qty_max.min(rules.notional_max / greatest as u64);
        }
        debug_assert!((least..=greatest).contains(&price.0), "around a good price");
        Self { price_least: least, price_count: (greatest - least + 1) as u64, qty_max }
    }

    /// For tests: panics when an order is within it whom a guard would refuse.
    pub(crate) fn check_invariants(&self, book: &Book, kill_count: u32) {
        if self.price_count == 0 || self.qty_max == 0 {
            return;
        }
        let is_open = book.state == TradingState::Continuous && kill_count == 0;
        assert!(is_open, "nobody is safe from a state, nor from a kill switch");
        assert!(!book.has_followers(), "nobody follows");
        let greatest = self.price_least + (self.price_count - 1) as i64;
        assert!(self.price_least >= 1 && greatest <= book.rules.price_max.0);
        assert!(self.qty_max <= book.rules.qty_max.0);
        // Each guard says the same of all between two prices of which it says the same, but for that of the
        // ticks, which is asked where the table has an entry.
        let entries = book.rules.tick_steps.iter().map(|step| step.from.0);
        for price in entries.flat_map(|from| [from, from + 1]).chain([self.price_least, greatest]) {
            let (price, qty) = (PriceTicks(price), QtyLots(self.qty_max));
            let admitted = require_limits(book, true, price, PriceTicks(0), qty);
            assert!(!self.has(price, qty) || admitted.is_ok(), "{price}: {admitted:?}");
        }
    }
}

/// The prices around one, least and greatest, of which each is on a tick; `None` where the step is more
/// than one.
fn every_tick_around(rules: &InstrumentRules, price: PriceTicks) -> Option<(i64, i64)> {
    let (mut least, mut greatest) = (1, PriceTicks::MAX.0);
    for step in rules.tick_steps.iter().filter(|step| step.ticks != 0) {
        if step.from > price {
            greatest = step.from.0 - 1;
            break;
        }
        least = if step.ticks == 1 { step.from.0 } else { i64::MAX };
    }
    (least <= price.0).then_some((least, greatest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::BlankBook;
    use vesta_types::state_hash::hash_words;
    use vesta_types::{InstrumentId, TickStep};

    /// A book with small numbers, so that limits are near each other.
    fn book(seed: u64) -> Book {
        let random = |n: u64, below: u64| hash_words(&[seed, n]) % below;
        let mut rules = InstrumentRules::new(PriceTicks(50 + random(0, 50) as i64), QtyLots(20));
        let mut from = 1;
        for (n, step) in (10..).zip(&mut rules.tick_steps[..random(1, 5) as usize]) {
            from += 1 + random(n, 30) as i64;
            *step = TickStep { from: PriceTicks(from), ticks: 1 + random(n + 10, 2) as u32 };
        }
        rules.reference_price = PriceTicks(random(2, 50) as i64);
        rules.static_band_ticks = random(3, 3) * 15;
        rules.notional_max = random(4, 2) * 300;
        assert_eq!(rules.check(), Ok(()));
        BlankBook::new().define(InstrumentId(1), rules, 0)
    }

    #[test]
    fn whoever_is_within_it_passes_the_guards() {
        let (mut within, mut outside) = (0, 0);
        for seed in 0..400 {
            let book = book(seed);
            let orders = || (-1..=101).flat_map(|price| (0..=21).map(move |qty| (price, qty)));
            let passes = |price: i64, qty: u64| {
                (1..=book.rules.price_max.0).contains(&price)
                    && (1..=book.rules.qty_max.0).contains(&qty)
                    && require_limits(&book, true, PriceTicks(price), PriceTicks(0), QtyLots(qty))
                        .is_ok()
            };
            for around in (1..=100).filter(|&price| passes(price, 1)).step_by(7) {
                let safe = SafeRange::around(&book, PriceTicks(around));
                safe.check_invariants(&book, 0);
                for (price, qty) in orders() {
                    let is_safe = safe.has(PriceTicks(price), QtyLots(qty));
                    assert!(!is_safe || passes(price, qty), "seed {seed}: {qty} at {price}");
                    within += u32::from(is_safe);
                    outside += u32::from(!is_safe && passes(price, qty));
                }
            }
        }
        // Half of these books have ticks of two in places.
        assert!(within > 500_000, "few have to ask: {within} within, {outside} outside");
    }
}
