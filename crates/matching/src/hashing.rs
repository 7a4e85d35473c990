//! The state hash, kept up to date without hashing orders that come and go.
//!
//! ```text
//!   settled   the sum over the orders that were hashed as they stand
//!   pending   [ slots that were touched since, each once ]      a ring of 1,024
//! ```
//!
//! Most orders leave soon after they came, and a maker is often hit several times in a row. So an
//! order that enters or changes is only noted; it is hashed when its note is pushed out by later
//! ones, or when somebody asks for the hash. An order that is gone by then costs nothing.

use alloc::boxed::Box;

use crate::links::NodeId;
use crate::memory::Table;

/// Notes that are kept. Smaller: more orders are hashed that would soon have been gone; larger: whoever
/// asks for the hash waits longer, about 10 us with this many.
const PENDING_MAX: usize = 1024;

/// The order is noted.
const PENDING: u8 = 1;
/// The order is part of the settled sum, as it stands.
const SETTLED: u8 = 2;

pub(crate) struct Hashing {
    settled: u64,
    pending: Box<[NodeId; PENDING_MAX]>,
    oldest: usize,
    count: usize,
    /// By slot; stays with the slot when its order goes.
    marks: Table<u8>,
}

impl Hashing {
    pub(crate) fn new(order_count_max: u32) -> Self {
        Self {
            settled: 0,
            pending: Box::new([NodeId::NIL; PENDING_MAX]),
            oldest: 0,
            count: 0,
            marks: Table::touched(order_count_max as usize, 0),
        }
    }

    /// True when the sum contains the order at `slot`: it must be taken out before it changes.
    #[inline(always)]
    pub(crate) fn is_settled(&self, slot: NodeId) -> bool {
        self.marks[slot.0] & SETTLED != 0
    }

    /// Takes a settled order, which is about to change or go, out of the sum.
    pub(crate) fn unsettle(&mut self, slot: NodeId, hash: u64) {
        self.marks[slot.0] &= !SETTLED;
        self.settled = self.settled.wrapping_sub(hash);
    }

    /// The order at `slot` is new or has changed. True when that is still to be
    /// [noted](Self::push_note).
    #[inline(always)]
    pub(crate) fn note(&self, slot: NodeId) -> bool {
        self.marks[slot.0] & PENDING == 0
    }

    /// Notes that the order at `slot` is new or has changed. Returns the slot whose note was pushed
    /// out, if it is still to be [settled](Self::settle): when it holds a live order.
    pub(crate) fn push_note(&mut self, slot: NodeId) -> Option<NodeId> {
        self.marks[slot.0] |= PENDING;
        let pushed_out = if self.count == PENDING_MAX { self.push_out() } else { None };
        self.pending[(self.oldest + self.count) % PENDING_MAX] = slot;
        self.count += 1;
        pushed_out
    }

    fn push_out(&mut self) -> Option<NodeId> {
        let slot = self.pending[self.oldest % PENDING_MAX];
        self.oldest = (self.oldest + 1) % PENDING_MAX;
        self.count -= 1;
        let mark = &mut self.marks[slot.0];
        *mark &= !PENDING;
        (*mark & SETTLED == 0).then_some(slot)
    }

    /// Adds an order, as it stands, to the sum.
    pub(crate) fn settle(&mut self, slot: NodeId, hash: u64) {
        self.marks[slot.0] |= SETTLED;
        self.settled = self.settled.wrapping_add(hash);
    }

    /// The sum over all live orders.
    pub(crate) fn sum(&self, hash: impl Fn(NodeId) -> Option<u64>) -> u64 {
        let noted = (0..self.count).map(|i| self.pending[(self.oldest + i) % PENDING_MAX]);
        noted
            .filter(|slot| self.marks[slot.0] & SETTLED == 0)
            .filter_map(hash)
            .fold(self.settled, u64::wrapping_add)
    }
}
