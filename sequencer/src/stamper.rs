//! Sequenced time: never decreasing, never leaping.

use vesta_types::{Epoch, GatewayId, Seq, TimeNs};
use vesta_wire::record::Stamp;

/// The clock leapt forward by more than the bound. A stamp like that would expire orders that are
/// good, and could not be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock jumped forward by {} ms, above sequencer.clock_jump_max_ms = {}: check the time service of this host, then start again",
    .jump_ns / 1_000_000, .jump_max_ns / 1_000_000
)]
pub struct ClockJump {
    /// How far it leapt, ns.
    pub jump_ns: u64,
    /// How far it may, ns.
    pub jump_max_ns: u64,
}

/// Hands out places and times, in order.
#[derive(Debug)]
pub struct Stamper {
    epoch: Epoch,
    next: Seq,
    time: TimeNs,
    jump_max_ns: u64,
}

impl Stamper {
    /// A stamper whose first record is number 1 of `epoch`. Two looks at the clock may lie at most
    /// `jump_max_ns` apart.
    #[must_use]
    pub const fn new(epoch: Epoch, jump_max_ns: u64) -> Self {
        Self { epoch, next: Seq(1), time: TimeNs(0), jump_max_ns }
    }

    /// The record that comes next.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.next
    }

    /// The latest time seen: that of the next stamp.
    #[must_use]
    pub const fn time(&self) -> TimeNs {
        self.time
    }

    /// Looks at the clock: once per duty cycle, also when there is nothing to stamp. A clock that
    /// went back is held at the latest time seen.
    ///
    /// # Errors
    /// When it leapt.
    pub fn observe(&mut self, now: TimeNs) -> Result<(), ClockJump> {
        let jump_ns = now.0.saturating_sub(self.time.0);
        if self.time.0 != 0 && jump_ns > self.jump_max_ns {
            return Err(ClockJump { jump_ns, jump_max_ns: self.jump_max_ns });
        }
        self.time = self.time.max(now);
        Ok(())
    }

    /// The stamp of the next record.
    pub fn stamp(&mut self, gateway: GatewayId) -> Stamp {
        let stamp = Stamp {
            seq: self.next.0.into(),
            time_ns: self.time.0.into(),
            epoch: self.epoch.0.into(),
            gateway: gateway.0.into(),
        };
        self.next = self.next.next();
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_decreases_and_seq_is_dense() {
        let mut stamper = Stamper::new(Epoch(3), 1_000);
        for (n, (now, expected)) in [(500, 500), (400, 500), (1_500, 1_500)].into_iter().enumerate()
        {
            stamper.observe(TimeNs(now)).unwrap();
            let stamp = stamper.stamp(GatewayId(1));
            assert_eq!(stamp.seq.get(), n as u64 + 1);
            assert_eq!(stamp.time_ns.get(), expected);
            assert_eq!(stamp.epoch.get(), 3);
        }
    }

    #[test]
    fn a_leap_halts() {
        let mut stamper = Stamper::new(Epoch(1), 1_000);
        stamper.observe(TimeNs(1_700_000_000_000_000_000)).unwrap();
        let leap = stamper.observe(TimeNs(1_700_000_000_000_001_001)).unwrap_err();
        assert_eq!(leap, ClockJump { jump_ns: 1_001, jump_max_ns: 1_000 });
    }
}
