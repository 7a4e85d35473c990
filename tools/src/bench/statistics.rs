//! Figures over rounds. On a machine that speeds up and slows down, a ratio is taken within a round,
//! and the median over the rounds is told with its range.

use serde::Serialize;

/// A median, and between what it lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the rounds were above, half below.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of some figures; `None` of none.
    #[must_use]
    pub fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let at = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[at]
        } else {
            f64::midpoint(sorted[at - 1], sorted[at])
        };
        Some(Self { median, min, max })
    }

    /// Of the ratio of two figures within each round.
    ///
    /// # Panics
    /// When the two are not of the same rounds.
    #[must_use]
    pub fn of_ratios(above: &[f64], below: &[f64]) -> Option<Self> {
        assert_eq!(above.len(), below.len(), "figures of the same rounds");
        let ratios: Vec<f64> = above.iter().zip(below).map(|(a, b)| a / b).collect();
        Self::of(&ratios)
    }

    /// The range, as reports have it.
    #[must_use]
    pub const fn range(&self) -> [f64; 2] {
        [self.min, self.max]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_has_a_range_and_ratios_are_of_one_round() {
        assert_eq!(Spread::of(&[]), None);
        let three = Spread { median: 2.0, min: 1.0, max: 9.0 };
        assert_eq!(Spread::of(&[9.0, 1.0, 2.0]), Some(three));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).map(|s| s.median), Some(2.5));
        let ratios = Spread::of_ratios(&[10.0, 30.0, 2.0], &[10.0, 20.0, 1.0]);
        assert_eq!(ratios, Some(Spread { median: 1.5, min: 1.0, max: 2.0 }));
        assert_eq!(ratios.map(|ratios| ratios.range()), Some([1.0, 2.0]));
    }
}
