//! How much a shard's matching core may hold.

use core::fmt;

/// How much a shard's matching core may hold. All of it is allocated at start, and beyond it comes
/// a typed reject, never more memory. The fast book and the naive model take the same limits,
/// because what they reject is part of what they answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Resting orders of the whole shard, `1..=`[`ORDER_COUNT_MAX`](Self::ORDER_COUNT_MAX). Beyond
    /// it: [`RejectReason::OrderCapacity`](crate::RejectReason::OrderCapacity).
    pub order_count_max: u32,
    /// Displayed price levels per side of each book, `1..=`[`LEVEL_COUNT_MAX`](Self::LEVEL_COUNT_MAX). Beyond
    /// it: [`RejectReason::LevelCapacity`](crate::RejectReason::LevelCapacity).
    pub level_count_max: u32,
    /// Instruments, `1..=`[`INSTRUMENT_COUNT_MAX`](Self::INSTRUMENT_COUNT_MAX). Beyond it:
    /// [`RejectReason::InstrumentCapacity`](crate::RejectReason::InstrumentCapacity).
    pub instrument_count_max: u32,
    /// Sessions, `1..=`[`SESSION_COUNT_MAX`](Self::SESSION_COUNT_MAX). Beyond it:
    /// [`RejectReason::SessionCapacity`](crate::RejectReason::SessionCapacity).
    pub session_count_max: u32,
}

impl Capacity {
    /// Fewer than 2^24 orders: with [`QtyLots::MAX`](crate::QtyLots::MAX) the quantity of a whole
    /// side then stays below 2^64. Higher: that sum, and so a level's quantity, could overflow.
    pub const ORDER_COUNT_MAX: u32 = (1 << 24) - 1;
    /// A level holds at least one order, so more levels than orders would never be used.
    pub const LEVEL_COUNT_MAX: u32 = Self::ORDER_COUNT_MAX;
    /// Each instrument reserves address space for both of its sides. A shard is one core's work:
    /// more instruments than this belong on several shards.
    pub const INSTRUMENT_COUNT_MAX: u32 = 1 << 16;
    /// What one `vesta.toml` may list.
    pub const SESSION_COUNT_MAX: u32 = 1 << 20;
    /// Accounts whose kill switch may be engaged at a time; it is a list that is walked.
    pub const KILLED_ACCOUNT_COUNT_MAX: usize = 64;

    /// Says whether every limit is in its range.
    ///
    /// # Errors
    /// [`CapacityError`] names the first that is not, and its range.
    pub const fn check(&self) -> Result<(), CapacityError> {
        let limits = [
            ("order_count_max", self.order_count_max, Self::ORDER_COUNT_MAX),
            ("level_count_max", self.level_count_max, Self::LEVEL_COUNT_MAX),
            ("instrument_count_max", self.instrument_count_max, Self::INSTRUMENT_COUNT_MAX),
            ("session_count_max", self.session_count_max, Self::SESSION_COUNT_MAX),
        ];
        let mut i = 0;
        while i < limits.len() {
            let (name, value, value_max) = limits[i];
            if value == 0 || value > value_max {
                return Err(CapacityError { name, value, value_max });
            }
            i += 1;
        }
        Ok(())
    }
}

// The sum of a side's quantities is kept in a u64.
const _: () =
    assert!(Capacity::ORDER_COUNT_MAX as u128 * crate::QtyLots::MAX.0 as u128 <= u64::MAX as u128);

/// A limit of [`Capacity`] that is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityError {
    /// Which limit.
    pub name: &'static str,
    /// What it was.
    pub value: u32,
    /// What it may be at most; at least it may be 1.
    pub value_max: u32,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, must be 1..={}", self.name, self.value, self.value_max)
    }
}

impl core::error::Error for CapacityError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_range_is_named() {
        let good = Capacity {
            order_count_max: 1,
            level_count_max: 1,
            instrument_count_max: 1,
            session_count_max: 1,
        };
        assert_eq!(good.check(), Ok(()));
        let many = Capacity { order_count_max: 1 << 24, ..good };
        let error = many.check().expect_err("one too many");
        assert_eq!(error.to_string(), "order_count_max is 16777216, must be 1..=16777215");
        let none = Capacity { instrument_count_max: 0, ..good };
        assert_eq!(none.check().map_err(|e| e.name), Err("instrument_count_max"));
    }
}
