//! The operating system's clocks. Nothing else in the workspace reads them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use vesta_types::TimeNs;

/// Reads time for the runners, once per duty cycle; state machines are handed the value.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose monotone time counts from now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads clocks")]
    #[allow(clippy::new_without_default, reason = "a default that reads a clock would surprise")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// UTC, in nanoseconds since the Unix epoch. It may step when the host's clock is set; 0 if
    /// the host believes to live before 1970.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads clocks")]
    pub fn utc_ns(&self) -> TimeNs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        TimeNs(saturating_ns(since))
    }

    /// Nanoseconds since this clock was made; never goes back.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads clocks")]
    pub fn mono_ns(&self) -> u64 {
        saturating_ns(Instant::now().duration_since(self.started))
    }
}

/// The year 2554 is the end of it.
fn saturating_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A point in time after which waiting is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    clock: Clock,
    after_ns: u64,
}

impl Deadline {
    pub(crate) fn after(duration: Duration) -> Self {
        Self { clock: Clock::new(), after_ns: saturating_ns(duration) }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.clock.mono_ns() >= self.after_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_is_of_this_century_and_mono_never_goes_back() {
        let clock = Clock::new();
        assert!(clock.utc_ns().0 > 1_577_836_800_000_000_000, "after 2020");
        let first = clock.mono_ns();
        assert!(clock.mono_ns() >= first);
    }

    #[test]
    fn a_deadline_is_over_when_its_time_has_come() {
        assert!(!Deadline::after(Duration::from_secs(3_600)).is_over());
        assert!(Deadline::after(Duration::ZERO).is_over());
    }
}
