//! Which process: a pid is used again, the pair of pid and start time is not.

use std::fs;

/// A process, for as long as the machine is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessId {
    /// The pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
}

/// Linux has pids below 2^22.
const PID_BITS: u32 = 22;

impl ProcessId {
    /// The calling process.
    #[must_use]
    pub fn current() -> Self {
        let pid = std::process::id();
        Self { pid, start_time: start_time(pid).unwrap_or(0) }
    }

    /// True while it runs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }

    /// As one word that is never 0.
    pub(crate) fn to_word(self) -> u64 {
        (self.start_time << PID_BITS) | u64::from(self.pid)
    }

    pub(crate) fn from_word(word: u64) -> Option<Self> {
        let pid = (word & ((1 << PID_BITS) - 1)) as u32;
        (pid != 0).then_some(Self { pid, start_time: word >> PID_BITS })
    }
}

/// When process `pid` started, in clock ticks since boot; `None` if there is no such process.
#[must_use]
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state ...": the name may hold anything, also ")". The start time is field 22,
    // the 20th after the name.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_live_and_a_recycled_pid_is_another_process() {
        let us = ProcessId::current();
        assert!(us.is_alive());
        assert!(!ProcessId { start_time: us.start_time + 1, ..us }.is_alive());
        assert_eq!(ProcessId::from_word(us.to_word()), Some(us));
        assert_eq!(ProcessId::from_word(0), None);
    }
}
