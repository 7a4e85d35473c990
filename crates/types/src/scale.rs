//! Between what clients write and what the book counts: units of 10^-8 <-> ticks and lots.

use crate::{PriceTicks, QtyLots, RejectReason};

/// Size of an instrument's tick and lot, in the 10^-8 units that clients' prices and quantities
/// count.
///
/// Whole multiples only: a value between two ticks is a reject, never rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    tick_e8: i64,
    lot_e8: i64,
}

impl Scale {
    /// The scale of an instrument; `None` unless both sizes are above 0.
    #[must_use]
    pub const fn new(tick_e8: i64, lot_e8: i64) -> Option<Self> {
        if tick_e8 > 0 && lot_e8 > 0 { Some(Self { tick_e8, lot_e8 }) } else { None }
    }

    /// One tick, 10^-8 of the quote currency, from 1.
    #[must_use]
    pub const fn tick_e8(self) -> i64 {
        self.tick_e8
    }

    /// One lot, 10^-8 of the base currency, from 1.
    #[must_use]
    pub const fn lot_e8(self) -> i64 {
        self.lot_e8
    }

    /// A client's price in ticks, `1..=PriceTicks::MAX`. The instrument's own, lower limit is the
    /// book's to check. Not for a market order, whose price is 0 on both sides.
    ///
    /// # Errors
    /// `InvalidPrice` for one that is zero, negative, or above `PriceTicks::MAX` ticks; `OffTick`
    /// for one that is not a whole number of ticks.
    pub const fn price_ticks(self, price_e8: i64) -> Result<PriceTicks, RejectReason> {
        if price_e8 <= 0 {
            return Err(RejectReason::InvalidPrice);
        }
        if price_e8 % self.tick_e8 != 0 {
            return Err(RejectReason::OffTick);
        }
        let ticks = price_e8 / self.tick_e8;
        if ticks > PriceTicks::MAX.0 {
            return Err(RejectReason::InvalidPrice);
        }
        Ok(PriceTicks(ticks))
    }

    /// A client's quantity in lots, `1..=QtyLots::MAX`. The instrument's own, lower limit is the
    /// book's to check.
    ///
    /// # Errors
    /// `InvalidQuantity` for one that is zero, negative, or above `QtyLots::MAX` lots; `OffLot` for
    /// one that is not a whole number of lots.
    pub const fn qty_lots(self, qty_e8: i64) -> Result<QtyLots, RejectReason> {
        if qty_e8 <= 0 {
            return Err(RejectReason::InvalidQuantity);
        }
        if qty_e8 % self.lot_e8 != 0 {
            return Err(RejectReason::OffLot);
        }
        let lots = (qty_e8 / self.lot_e8).unsigned_abs();
        if lots > QtyLots::MAX.0 {
            return Err(RejectReason::InvalidQuantity);
        }
        Ok(QtyLots(lots))
    }

    /// A client's distance between two prices in ticks, `0..=PriceTicks::MAX`; 0 stands for none.
    ///
    /// # Errors
    /// `InvalidPrice` for one that is negative, or above `PriceTicks::MAX` ticks; `OffTick` for one
    /// that is not a whole number of ticks.
    pub const fn distance_ticks(self, distance_e8: i64) -> Result<u64, RejectReason> {
        if distance_e8 == 0 {
            return Ok(0);
        }
        match self.price_ticks(distance_e8) {
            Ok(ticks) => Ok(ticks.0.unsigned_abs()),
            Err(reason) => Err(reason),
        }
    }

    /// A client's amount of the quote currency in ticks x lots, rounded down, or up where `up` says
    /// so: a whole number of ticks x lots is at most (at least) the amount exactly when it is at
    /// most (at least) what this returns. `None` for a negative one, and for one of 2^64 and more.
    #[must_use]
    pub const fn notional(self, amount_e8: i64, up: bool) -> Option<u64> {
        if amount_e8 < 0 {
            return None;
        }
        // One tick x lot is tick x lot units of 10^-16. Both below are under 2^127: 2^63 x 10^8 is
        // under 2^90, and a product of two positive i64 under 2^126.
        let amount = amount_e8 as u128 * 100_000_000;
        let unit = self.tick_e8 as u128 * self.lot_e8 as u128;
        let count = if up { amount.div_ceil(unit) } else { amount / unit };
        if count <= u64::MAX as u128 { Some(count as u64) } else { None }
    }

    /// An amount in ticks x lots as clients count it, 10^-8 of the quote currency, rounded down;
    /// `None` for one that does not fit.
    #[must_use]
    pub const fn notional_e8(self, notional: u64) -> Option<i64> {
        let unit = self.tick_e8 as u128 * self.lot_e8 as u128;
        let Some(amount) = (notional as u128).checked_mul(unit) else { return None };
        let amount_e8 = amount / 100_000_000;
        if amount_e8 <= i64::MAX as u128 { Some(amount_e8 as i64) } else { None }
    }

    /// A price as clients count it, 10^-8.
    ///
    /// # Panics
    /// When it does not fit: the configuration bounds every instrument's prices so that they do,
    /// and the book admits no other.
    #[must_use]
    pub const fn price_e8(self, price: PriceTicks) -> i64 {
        match self.checked_price_e8(price) {
            Some(price_e8) => price_e8,
            None => panic!("a price above its instrument's limit"),
        }
    }

    /// A price as clients count it, 10^-8; `None` for one that came from outside and does not fit.
    #[must_use]
    pub const fn checked_price_e8(self, price: PriceTicks) -> Option<i64> {
        price.0.checked_mul(self.tick_e8)
    }

    /// A quantity as clients count it, 10^-8.
    ///
    /// # Panics
    /// As [`price_e8`](Self::price_e8).
    #[must_use]
    pub const fn qty_e8(self, qty: QtyLots) -> i64 {
        match self.checked_qty_e8(qty) {
            Some(qty_e8) => qty_e8,
            None => panic!("a quantity above its instrument's limit"),
        }
    }

    /// A quantity as clients count it, 10^-8; `None` for one that came from outside and does not
    /// fit.
    #[must_use]
    pub const fn checked_qty_e8(self, qty: QtyLots) -> Option<i64> {
        match qty.0.checked_mul(self.lot_e8.unsigned_abs()) {
            Some(qty_e8) if qty_e8 <= i64::MAX.unsigned_abs() => Some(qty_e8.cast_signed()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RejectReason::{InvalidPrice, InvalidQuantity, OffLot, OffTick};

    fn scale(tick_e8: i64, lot_e8: i64) -> Scale {
        Scale::new(tick_e8, lot_e8).expect("a scale")
    }

    #[test]
    fn sizes_are_positive() {
        for size in [0, -1, i64::MIN] {
            assert_eq!(Scale::new(size, 1), None);
            assert_eq!(Scale::new(1, size), None);
        }
    }

    #[test]
    fn prices_are_whole_ticks_or_rejected() {
        let cent = scale(1_000_000, 1);
        assert_eq!(cent.price_ticks(1_000_000), Ok(PriceTicks(1)));
        assert_eq!(cent.price_ticks(6_543_210_000_000), Ok(PriceTicks(6_543_210)));
        assert_eq!(cent.price_ticks(1_000_001), Err(OffTick));
        assert_eq!(cent.price_ticks(999_999), Err(OffTick));
        for price in [0, -1, -1_000_000, i64::MIN] {
            assert_eq!(cent.price_ticks(price), Err(InvalidPrice));
        }
        assert_eq!(cent.price_ticks(i64::MAX), Err(OffTick));
    }

    #[test]
    fn quantities_are_whole_lots_or_rejected() {
        let scale = scale(1, 10_000);
        assert_eq!(scale.qty_lots(10_000), Ok(QtyLots(1)));
        assert_eq!(scale.qty_lots(10_001), Err(OffLot));
        for qty in [0, -1, -10_000, i64::MIN] {
            assert_eq!(scale.qty_lots(qty), Err(InvalidQuantity));
        }
        assert_eq!(scale.qty_lots(i64::MAX), Err(OffLot));
    }

    #[test]
    fn too_many_ticks_or_lots_are_rejected() {
        let finest = scale(1, 1);
        assert_eq!(finest.price_ticks(PriceTicks::MAX.0), Ok(PriceTicks::MAX));
        assert_eq!(finest.price_ticks(PriceTicks::MAX.0 + 1), Err(InvalidPrice));
        assert_eq!(finest.price_ticks(i64::MAX), Err(InvalidPrice));
        assert_eq!(finest.qty_lots(1 << 40), Ok(QtyLots::MAX));
        assert_eq!(finest.qty_lots((1 << 40) + 1), Err(InvalidQuantity));
        assert_eq!(finest.qty_lots(i64::MAX), Err(InvalidQuantity));
    }

    #[test]
    fn what_is_converted_comes_back() {
        for size in [1, 7, 1_000_000, i64::MAX / 2, i64::MAX] {
            let scale = scale(size, size);
            for count in [1_i64, 2, 12_345, i64::MAX / size] {
                let Some(e8) = count.checked_mul(size) else { continue };
                if let Ok(price) = scale.price_ticks(e8) {
                    assert_eq!(price.0, count);
                    assert_eq!(scale.price_e8(price), e8);
                }
                if let Ok(qty) = scale.qty_lots(e8) {
                    assert_eq!(qty.0, count.unsigned_abs());
                    assert_eq!(scale.qty_e8(qty), e8);
                }
            }
        }
        assert_eq!(scale(i64::MAX, 1).price_ticks(i64::MAX), Ok(PriceTicks(1)));
        assert_eq!(scale(1, i64::MAX).qty_lots(i64::MAX), Ok(QtyLots(1)));
        assert_eq!(scale(1, 1).price_e8(PriceTicks(0)), 0);
        assert_eq!(scale(1, 1).qty_e8(QtyLots::ZERO), 0);
    }

    #[test]
    fn a_distance_is_a_whole_number_of_ticks_or_none() {
        let cent = scale(1_000_000, 1);
        assert_eq!(cent.distance_ticks(0), Ok(0));
        assert_eq!(cent.distance_ticks(5_000_000), Ok(5));
        assert_eq!(cent.distance_ticks(5_000_001), Err(OffTick));
        assert_eq!(cent.distance_ticks(-1_000_000), Err(InvalidPrice));
        assert_eq!(scale(1, 1).distance_ticks(PriceTicks::MAX.0 + 1), Err(InvalidPrice));
    }

    #[test]
    fn an_amount_is_rounded_to_where_nothing_changes_its_meaning() {
        // A cent times a ten-thousandth is 10^-6 of the quote currency: 100 units of 10^-8.
        let scale_1 = scale(1_000_000, 10_000);
        for (amount_e8, down, up) in [(0, 0, 0), (1, 0, 1), (100, 1, 1), (250, 2, 3)] {
            assert_eq!(scale_1.notional(amount_e8, false), Some(down), "{amount_e8}");
            assert_eq!(scale_1.notional(amount_e8, true), Some(up), "{amount_e8}");
        }
        assert_eq!(scale_1.notional_e8(3), Some(300));
        for up in [false, true] {
            assert_eq!(scale_1.notional(-1, up), None);
            assert_eq!(scale(1, 1).notional(i64::MAX, up), None, "2^64 and more");
            assert_eq!(scale(1, 1).notional(100_000_000_000, up), Some(10_000_000_000_000_000_000));
        }
        let coarse = scale(i64::MAX, i64::MAX);
        assert_eq!(coarse.notional(i64::MAX, true), Some(1));
        assert_eq!(coarse.notional(i64::MAX, false), Some(0));
        assert_eq!(coarse.notional_e8(u64::MAX), None, "beyond 128 bits");
        assert_eq!(coarse.notional_e8(1), None, "beyond 64 bits");
    }

    #[test]
    #[should_panic(expected = "above its instrument's limit")]
    fn a_price_that_does_not_fit_is_our_bug() {
        let _ = scale(i64::MAX, 1).price_e8(PriceTicks(2));
    }

    #[test]
    #[should_panic(expected = "above its instrument's limit")]
    fn a_quantity_that_does_not_fit_is_our_bug() {
        let _ = scale(1, i64::MAX).qty_e8(QtyLots(2));
    }
}
