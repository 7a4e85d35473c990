//! How often each reason was given.

use crate::RejectReason;

/// Room for every reason by its number; those of the edge go up to 111.
const NUMBER_COUNT: usize = 128;

/// Counts by [`RejectReason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectCounts([u64; NUMBER_COUNT]);

impl Default for RejectCounts {
    fn default() -> Self {
        Self([0; NUMBER_COUNT])
    }
}

impl RejectCounts {
    /// Counts one.
    pub const fn count(&mut self, reason: RejectReason) {
        // Masked, so that no check is left of the index; see the test below.
        self.0[reason as usize % NUMBER_COUNT] += 1;
    }

    /// The reasons that were given, and how often.
    pub fn given(&self) -> impl Iterator<Item = (RejectReason, u64)> + '_ {
        let counts = RejectReason::ALL.iter().map(|&reason| (reason, self.0[reason as usize]));
        counts.filter(|(_, count)| *count > 0)
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_place_of_its_own() {
        let mut counts = RejectCounts::default();
        for (n, &reason) in RejectReason::ALL.iter().enumerate() {
            assert!((reason as usize) < NUMBER_COUNT, "{reason}");
            (0..=n).for_each(|_| counts.count(reason));
        }
        let given: Vec<_> = counts.given().collect();
        let expected: Vec<_> = RejectReason::ALL.iter().copied().zip(1..).collect();
        assert_eq!(given, expected);
        let all = RejectReason::ALL.len() as u64;
        assert_eq!(counts.total(), all * (all + 1) / 2);
    }
}
