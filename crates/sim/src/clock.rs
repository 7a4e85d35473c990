//! Simulated time.

use std::cell::Cell;
use std::rc::Rc;

/// A clock that moves only when it is told to. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct SimClock {
    now_ns: Rc<Cell<u64>>,
}

impl SimClock {
    /// The time in nanoseconds since the simulation began.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }

    /// Moves the time forward.
    pub fn advance(&self, by_ns: u64) {
        self.now_ns.set(self.now_ns.get() + by_ns);
    }
}
