//! What a role's loop does when a duty cycle found nothing to do.

use std::time::Duration;

/// The strategy, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Never give up the core: the lowest latency, for a core of one's own.
    Spin,
    /// Spin, then yield, then sleep ever longer: for cores that others share.
    Backoff {
        /// Idle cycles spent spinning before the first yield. Too high -> neighbours starve.
        spin_count: u32,
        /// Idle cycles spent yielding before the first sleep.
        yield_count: u32,
        /// The first sleep, in microseconds; doubles with each further idle cycle.
        sleep_min_us: u64,
        /// The longest sleep, in microseconds. Too high -> the first message after a quiet time
        /// waits this long.
        sleep_max_us: u64,
    },
    /// Sleep a fixed time on every idle cycle: for background work.
    Park {
        /// The sleep, in microseconds.
        sleep_us: u64,
    },
}

impl Default for Idle {
    /// Backs off to at most 100 us: a shared two-core machine stays usable, and latency stays
    /// below what a person or a test notices.
    fn default() -> Self {
        Self::Backoff { spin_count: 50, yield_count: 20, sleep_min_us: 10, sleep_max_us: 100 }
    }
}

/// A strategy at work: one per loop.
#[derive(Clone, Debug)]
pub struct Idler {
    strategy: Idle,
    idle_cycle_count: u32,
    sleep_us: u64,
}

impl Idler {
    /// An idler that has just been busy.
    #[must_use]
    pub fn new(strategy: Idle) -> Self {
        Self { strategy, idle_cycle_count: 0, sleep_us: 0 }
    }

    /// Called once per duty cycle with how much it did; returns at once when that is above 0.
    pub fn idle(&mut self, work_count: usize) {
        if work_count > 0 {
            self.idle_cycle_count = 0;
            self.sleep_us = 0;
            return;
        }
        match self.strategy {
            Idle::Spin => std::hint::spin_loop(),
            Idle::Park { sleep_us } => std::thread::sleep(Duration::from_micros(sleep_us)),
            Idle::Backoff { spin_count, yield_count, sleep_min_us, sleep_max_us } => {
                if self.idle_cycle_count < spin_count {
                    self.idle_cycle_count += 1;
                    std::hint::spin_loop();
                } else if self.idle_cycle_count < spin_count.saturating_add(yield_count) {
                    self.idle_cycle_count += 1;
                    std::thread::yield_now();
                } else {
                    self.sleep_us = self
                        .sleep_us
                        .saturating_mul(2)
                        .clamp(sleep_min_us, sleep_max_us.max(sleep_min_us));
                    std::thread::sleep(Duration::from_micros(self.sleep_us));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_goes_from_spinning_to_the_longest_sleep_and_work_resets_it() {
        let strategy =
            Idle::Backoff { spin_count: 2, yield_count: 1, sleep_min_us: 1, sleep_max_us: 3 };
        let mut idler = Idler::new(strategy);
        for _ in 0..3 {
            idler.idle(0);
            assert_eq!(idler.sleep_us, 0, "spins and yields first");
        }
        for expected in [1, 2, 3, 3] {
            idler.idle(0);
            assert_eq!(idler.sleep_us, expected);
        }
        idler.idle(1);
        assert_eq!((idler.idle_cycle_count, idler.sleep_us), (0, 0));
    }

    #[test]
    fn contradictory_sleeps_do_not_panic() {
        let strategy =
            Idle::Backoff { spin_count: 0, yield_count: 0, sleep_min_us: 5, sleep_max_us: 1 };
        let mut idler = Idler::new(strategy);
        idler.idle(0);
        assert_eq!(idler.sleep_us, 5);
    }
}
