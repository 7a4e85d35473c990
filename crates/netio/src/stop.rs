//! Ctrl-C and `kill`: a flag that the loops look at, so that they unwind and `Drop` cleans up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// Set once by a signal or by [`stop`](Self::stop); never cleared. Clones share one flag.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that only [`stop`](Self::stop) sets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that SIGINT and SIGTERM set too. The handlers only store to it.
    ///
    /// # Errors
    /// When the operating system refuses a handler.
    pub fn on_signals() -> io::Result<Self> {
        let flag = Self::default();
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag.0))?;
        }
        Ok(flag)
    }

    /// Asks every loop that looks at this flag to end.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// True once somebody asked to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_sets_the_flag_and_its_clones() -> io::Result<()> {
        let flag = StopFlag::on_signals()?;
        let clone = flag.clone();
        assert!(!clone.is_stopped());
        signal_hook::low_level::raise(SIGTERM)?;
        assert!(flag.is_stopped() && clone.is_stopped());
        Ok(())
    }

    #[test]
    fn a_flag_can_be_set_by_hand() {
        let flag = StopFlag::new();
        let clone = flag.clone();
        flag.stop();
        assert!(clone.is_stopped());
    }
}
