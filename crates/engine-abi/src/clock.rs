//! The clock around a measured stretch of code.
//!
//! On x86-64 it is the time-stamp counter, fenced on both sides, so that nothing of the stretch
//! runs outside of it and nothing else inside: some tens of ns for a pair of readings. Its rate is
//! taken from the operating system's clock over the whole pass. Elsewhere it is the operating system's
//! clock itself.

use std::time::Instant;

/// A reading, in units of unknown length: see [`Rate`].
#[derive(Clone, Copy, Debug)]
pub struct Ticks(u64);

impl Ticks {
    /// Now: nothing before it is still under way, nothing after it has begun.
    #[cfg(target_arch = "x86_64")]
    #[must_use]
    #[inline(always)]
    pub fn now() -> Self {
        use core::arch::x86_64::{_mm_lfence, _rdtsc};
        // SAFETY: every x86-64 processor has both instructions; they touch no memory.
        unsafe {
            _mm_lfence();
            let ticks = _rdtsc();
            _mm_lfence();
            Self(ticks)
        }
    }

    /// Now.
    #[cfg(not(target_arch = "x86_64"))]
    #[must_use]
    #[inline(always)]
    pub fn now() -> Self {
        use std::sync::OnceLock;
        static START: OnceLock<Instant> = OnceLock::new();
        let start = *START.get_or_init(instant);
        // 2^64 ns are 584 years.
        Self(instant().duration_since(start).as_nanos() as u64)
    }

    /// From `earlier` to this, in ticks. A counter that ran back, as it may between the cores of a
    /// broken machine, gives 0.
    #[must_use]
    #[inline(always)]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// How long a tick is.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    ticks: Ticks,
    instant: Instant,
}

impl Rate {
    /// Begins to compare the two clocks.
    #[must_use]
    pub fn start() -> Self {
        Self { ticks: Ticks::now(), instant: instant() }
    }

    /// Nanoseconds per tick, over all the time since the start: at least some milliseconds, or else
    /// the reading itself is too coarse.
    #[must_use]
    pub fn ns_per_tick(&self) -> f64 {
        let elapsed_ns = instant().duration_since(self.instant).as_nanos() as f64;
        let ticks = Ticks::now().since(self.ticks);
        elapsed_ns / (ticks.max(1) as f64)
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is about nothing but time")]
fn instant() -> Instant {
    Instant::now()
}
