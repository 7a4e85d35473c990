//! A random source and the shapes that are drawn from it: integers only, so that a seed
//! means the same flow on every machine.

/// splitmix64 (Steele, Lea and Flood, 2014): one addition and one mix per number. Good enough to
/// shape a market; not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence that a seed names; any value.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..end`, evenly spread: the bias is below `end` / 2^64.
    ///
    /// # Panics
    /// When there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "an empty range");
        ((u128::from(self.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// A number in `low..=high`, evenly spread.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A number in `-reach..=reach`, evenly spread.
    pub fn around_zero(&mut self, reach: i64) -> i64 {
        self.below(2 * reach.unsigned_abs() + 1).cast_signed() - reach
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a few, each as often as its weight says.
    pub fn pick<T: Copy>(&mut self, weighted: &[(u64, T)]) -> T {
        let mut at = self.below(weighted.iter().map(|(weight, _)| weight).sum());
        for &(weight, choice) in weighted {
            if at < weight {
                return choice;
            }
            at -= weight;
        }
        unreachable!("a draw beyond the sum of the weights")
    }

    /// A number whose distribution the quantiles give.
    pub fn draw(&mut self, quantiles: &Quantiles) -> u64 {
        let share = self.below(Quantiles::WHOLE);
        let above = quantiles.0.partition_point(|(upto, _)| *upto <= share);
        let ((_, low), (_, high)) = (quantiles.0[above - 1], quantiles.0[above]);
        self.between(low, high)
    }
}

/// A distribution, as points (share of all draws below the value, in 1/10,000; the value): evenly
/// spread between two points. The first share is 0, the last 10,000, and neither column falls.
#[derive(Clone, Copy, Debug)]
pub struct Quantiles(&'static [(u64, u64)]);

impl Quantiles {
    const WHOLE: u64 = 10_000;

    /// A distribution; a constant of this type that is none does not compile.
    ///
    /// # Panics
    /// See there.
    #[must_use]
    pub const fn new(points: &'static [(u64, u64)]) -> Self {
        assert!(points.len() >= 2 && points[0].0 == 0);
        assert!(points[points.len() - 1].0 == Self::WHOLE);
        let mut i = 1;
        while i < points.len() {
            assert!(points[i - 1].0 < points[i].0 && points[i - 1].1 <= points[i].1);
            i += 1;
        }
        Self(points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_pinned() {
        // A seed names a flow: the sequence may not change. The values are those of the authors'
        // reference code for seed 0.
        let mut random = Random::new(0);
        assert_eq!(random.next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next_u64(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn draws_follow_their_quantiles() {
        const SHAPE: Quantiles =
            Quantiles::new(&[(0, 1), (5_000, 10), (9_000, 100), (10_000, 900)]);
        let mut random = Random::new(3);
        let mut draws: Vec<u64> = (0..100_000).map(|_| random.draw(&SHAPE)).collect();
        draws.sort_unstable();
        assert!(draws[0] == 1 && draws[99_999] <= 900);
        assert!((9..=11).contains(&draws[50_000]), "median {}", draws[50_000]);
        assert!((95..=110).contains(&draws[90_000]), "p90 {}", draws[90_000]);
    }

    #[test]
    fn weights_and_ranges_hold() {
        let mut random = Random::new(5);
        let mut heavy = 0;
        for _ in 0..10_000 {
            heavy += u32::from(random.pick(&[(1, false), (0, false), (3, true)]));
            assert!((-4..=4).contains(&random.around_zero(4)));
            assert!((3..=5).contains(&random.between(3, 5)));
        }
        assert!((7_300..7_700).contains(&heavy), "3 of 4 came out as {heavy} of 10,000");
    }
}
