//! How long something took, in buckets that grow with the value: four to each doubling, so that a
//! bucket is at most a quarter wide.

/// The first bucket holds everything below this: 2^6 ns.
const LOW_BITS: u32 = 6;
/// Four buckets to a doubling.
const STEP_BITS: u32 = 2;
/// The last bucket begins a little below 2^34 ns, 17 s, and holds everything above.
const HIGH_BITS: u32 = 34;

/// Buckets of a histogram.
pub const BUCKET_COUNT: usize = ((HIGH_BITS - LOW_BITS) << STEP_BITS) as usize;

/// Counts of durations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKET_COUNT],
    sum_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKET_COUNT], sum_ns: 0 }
    }
}

impl Histogram {
    /// Counts one duration, in nanoseconds.
    pub fn record(&mut self, ns: u64) {
        self.buckets[bucket(ns)] += 1;
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// All durations together, in nanoseconds; at most 2^64 - 1, 584 years.
    #[must_use]
    pub const fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The counts, shortest first.
    #[must_use]
    pub const fn buckets(&self) -> &[u64; BUCKET_COUNT] {
        &self.buckets
    }

    /// What the counts of buckets say, as of a [`Reading`](super::Reading).
    #[must_use]
    pub fn summary(buckets: &[u64]) -> Summary {
        let count = buckets.iter().fold(0, |sum: u64, n| sum.saturating_add(*n));
        let at = |per_mille: u64| {
            // As exact as a quarter of a doubling is: more than u64 would be needed for nothing.
            let rank = (u128::from(count) * u128::from(per_mille)).div_ceil(1_000) as u64;
            let mut seen = 0_u64;
            let found = buckets.iter().position(|n| {
                seen = seen.saturating_add(*n);
                seen >= rank.max(1)
            });
            found.map_or(0, bucket_limit_ns)
        };
        let worst = buckets.iter().rposition(|&n| n > 0).map_or(0, bucket_limit_ns);
        Summary { count, p50_ns: at(500), p99_ns: at(990), p999_ns: at(999), worst_ns: worst }
    }
}

/// Percentiles, each the upper end of the bucket that it lies in; 0 where nothing was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many were counted.
    pub count: u64,
    /// Half took no longer.
    pub p50_ns: u64,
    /// Of a hundred, 99 took no longer.
    pub p99_ns: u64,
    /// Of a thousand, 999 took no longer.
    pub p999_ns: u64,
    /// None took longer, unless it is the last bucket's.
    pub worst_ns: u64,
}

fn bucket(ns: u64) -> usize {
    if ns < 1 << LOW_BITS {
        return 0;
    }
    let bits = ns.ilog2();
    let step = (ns >> (bits - STEP_BITS)) & ((1 << STEP_BITS) - 1);
    let index = (u64::from(bits - LOW_BITS) << STEP_BITS) + step + 1;
    (index as usize).min(BUCKET_COUNT - 1)
}

/// The longest duration that bucket `index` counts, ns.
#[must_use]
pub const fn bucket_limit_ns(index: usize) -> u64 {
    let (doubling, step) = (index >> STEP_BITS, (index & ((1 << STEP_BITS) - 1)) as u64);
    let base = 1_u64 << (doubling as u32 + LOW_BITS);
    base + step * (base >> STEP_BITS) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bucket_is_at_most_a_quarter_wide(bits in 6_u32..34, noise in any::<u64>()) {
            let ns = (1 << bits) | (noise & ((1 << bits) - 1));
            let index = bucket(ns);
            if index < BUCKET_COUNT - 1 {
                prop_assert!(ns <= bucket_limit_ns(index));
                prop_assert!(bucket_limit_ns(index - 1) < ns);
                prop_assert!(bucket_limit_ns(index) <= ns + ns / 4);
            }
        }
    }

    #[test]
    fn percentiles_are_upper_ends() {
        let mut histogram = Histogram::default();
        for _ in 0..990 {
            histogram.record(1_000);
        }
        for _ in 0..10 {
            histogram.record(1_000_000);
        }
        assert_eq!(histogram.sum_ns(), 990 * 1_000 + 10 * 1_000_000);
        let summary = Histogram::summary(histogram.buckets());
        assert_eq!(summary.count, 1_000);
        assert_eq!((summary.p50_ns, summary.p99_ns), (1_023, 1_023));
        assert_eq!((summary.p999_ns, summary.worst_ns), (1_048_575, 1_048_575));
        assert_eq!(Histogram::summary(&[]), Summary::default());
        histogram.record(u64::MAX);
        assert_eq!(histogram.buckets()[BUCKET_COUNT - 1], 1);
    }
}
