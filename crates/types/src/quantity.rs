//! Fixed-point prices and quantities. Decimals exist only at the edges; in here all is integer.

use core::fmt;

/// A price in ticks of its instrument, `1..=PriceTicks::MAX` for a resting order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceTicks(pub i64);

impl PriceTicks {
    /// The largest price of any instrument. With [`QtyLots::MAX`] it bounds a notional by 2^88, so
    /// notionals are computed in 128 bits and can not overflow. Too low: instruments with a fine
    /// tick do not fit; too high: the negated key that ranks asks and the notional lose headroom.
    pub const MAX: Self = Self(1 << 48);

    /// Price times quantity, in ticks x lots.
    #[must_use]
    pub const fn notional(self, qty: QtyLots) -> i128 {
        // |price| <= 2^63 and qty < 2^64: the product is below 2^127 for every input.
        self.0 as i128 * qty.0 as i128
    }
}

impl fmt::Display for PriceTicks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A quantity in lots of its instrument, `1..=QtyLots::MAX` for an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QtyLots(pub u64);

impl QtyLots {
    /// No lots at all: a filled order's remainder.
    pub const ZERO: Self = Self(0);
    /// The largest quantity of one order. A book holds fewer than 2^24 orders, so the sum over a
    /// level or a side stays below 2^64 and is kept in a `u64`.
    pub const MAX: Self = Self(1 << 40);

    /// The most tips that one iceberg may have. A command can take them all, one execution each: too
    /// high, and one order makes one command of everybody wait; too low: large orders show their size.
    pub const TIP_COUNT_MAX: u64 = 1_000;

    /// True when an order of this open quantity may show so much at a time: 0 stands for all of it.
    #[must_use]
    pub const fn may_show(self, display_qty: Self) -> bool {
        // At most 2^64 x 1,000: in 128 bits.
        display_qty.0 == 0 || self.0 as u128 <= display_qty.0 as u128 * Self::TIP_COUNT_MAX as u128
    }

    /// The smaller of two quantities: what can trade between two orders.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.0 < other.0 { self } else { other }
    }

    /// True when nothing is left.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl core::ops::Add for QtyLots {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}

impl core::ops::Sub for QtyLots {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0 - rhs.0)
    }
}

impl core::ops::AddAssign for QtyLots {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl core::ops::SubAssign for QtyLots {
    fn sub_assign(&mut self, rhs: Self) {
        *self = *self - rhs;
    }
}

impl fmt::Display for QtyLots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_notional_fits() {
        assert_eq!(PriceTicks::MAX.notional(QtyLots::MAX), 1 << 88);
        assert!(PriceTicks(i64::MIN).notional(QtyLots(u64::MAX)) < 0);
    }

    #[test]
    #[should_panic(expected = "overflow")]
    fn a_quantity_never_goes_below_zero() {
        let _ = QtyLots(1) - QtyLots(2);
    }
}
