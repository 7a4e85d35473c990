//! Which prices and quantities no guard of a plain order refuses.

use vesta_types::{InstrumentRules, PriceTicks, QtyLots};

use crate::book::Book;

/// A range of prices in which any order up to a quantity passes the guards of price, quantity, ticks,
/// static band and notional. It is worked out from a good order, for its neighbours: whatever is
/// within it needs no more than three comparisons. Whoever is not within it asks the guards.
///
/// It is empty in any state but continuous trading and while a kill switch is engaged, so that an order
/// that is within it passes those guards, too. So it has to be forgotten whenever any of these changes.
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
        if step.ticks != 1 {
            least = i64::MAX;
        } else {
            least = step.from.0;
        }
    }
    (least <= price.0).then_some((least, greatest))
}
