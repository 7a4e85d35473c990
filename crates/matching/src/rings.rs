//! The slots of each session, so that a mass cancel finds its orders.
//!
//! A session's ring has the slots of all its settled orders, and others that had one: a slot stays when its
//! order goes, for most are soon used again, mostly by the same session, and taking one out touches three lines
//! that nobody had for long. It moves when an order of another session settles there. Whoever walks a ring
//! asks who is live, and takes the others out, so that nobody passes them twice.

use alloc::vec::Vec;

use crate::links::NodeId;
use crate::memory::Table;
use crate::sessions::SessionIndex;

#[derive(Clone, Copy, Debug)]
struct Place {
    next: NodeId,
    prev: NodeId,
    session: SessionIndex,
}

impl Place {
    /// In no ring.
    const NONE: Self = Self { next: NodeId::NIL, prev: NodeId::NIL, session: SessionIndex::NONE };
}

pub(crate) struct Rings {
    /// By slot.
    places: Table<Place>,
}

impl Rings {
    pub(crate) fn new(order_count_max: u32) -> Self {
        Self { places: Table::touched(order_count_max as usize, Place::NONE) }
    }

    /// See [`Table::prefetch`].
    #[inline(always)]
    pub(crate) fn prefetch(&self, slot: NodeId) {
        self.places.prefetch(slot.0);
    }

    /// The session whose ring a slot is in, or [`SessionIndex::NONE`].
    #[inline(always)]
    pub(crate) fn session_of(&self, slot: NodeId) -> SessionIndex {
        self.places[slot.0].session
    }

    /// Links a slot, which is in no ring, into that of a session. `first`: a slot in that, or NIL.
    pub(crate) fn add(&mut self, first: NodeId, session: SessionIndex, slot: NodeId) {
        let at = slot.0;
        if first == NodeId::NIL {
            self.places[at] = Place { next: slot, prev: slot, session };
            return;
        }
        let mut places = self.places.as_mut();
        let last = places[first.0].prev;
        places[at] = Place { next: first, prev: last, session };
        places[last.0].next = slot;
        places[first.0].prev = slot;
    }

    /// Takes a slot out of its ring. Returns what comes after it; NIL if it was the only one.
    pub(crate) fn remove(&mut self, slot: NodeId) -> NodeId {
        let mut places = self.places.as_mut();
        let Place { next, prev, .. } = places[slot.0];
        places[prev.0].next = next;
        places[next.0].prev = prev;
        places[slot.0] = Place::NONE;
        if next == slot { NodeId::NIL } else { next }
    }

    /// Gathers the live slots of the ring of `first`, and takes the others out of it. Returns a slot that is left
    /// in it, or NIL.
    pub(crate) fn gather(
        &mut self,
        mut first: NodeId,
        is_live: impl Fn(NodeId) -> bool,
        gathered: &mut Vec<NodeId>,
    ) -> NodeId {
        // A first one that stays, so that the walk knows where it ends.
        while first != NodeId::NIL && !is_live(first) {
            first = self.remove(first);
        }
        let mut at = first;
        while at != NodeId::NIL {
            let next = self.places[at.0].next;
            if is_live(at) {
                gathered.push(at);
            } else {
                self.remove(at);
            }
            at = if next == first { NodeId::NIL } else { next };
        }
        first
    }

    /// For tests: the slot after one, which leads back to it.
    pub(crate) fn check_next(&self, slot: NodeId) -> NodeId {
        let next = self.places[slot.0].next;
        assert_eq!(self.places[next.0].prev, slot, "rings both ways");
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Each way in which the slots of a ring of up to five may be live.
    #[test]
    fn who_walks_a_ring_meets_the_live_and_drops_the_others() {
        for count in 0..=5_u32 {
            for live in 0..1_u32 << count {
                let mut rings = Rings::new(8);
                let first = if count == 0 { NodeId::NIL } else { NodeId(0) };
                for slot in 0..count {
                    let first = if slot == 0 { NodeId::NIL } else { first };
                    rings.add(first, SessionIndex(3), NodeId(slot));
                }
                let expected: Vec<NodeId> =
                    (0..count).filter(|slot| live >> slot & 1 != 0).map(NodeId).collect();
                let mut gathered = vec![];
                let left = rings.gather(first, |slot| live >> slot.0 & 1 != 0, &mut gathered);
                assert_eq!(gathered, expected, "{count} slots, {live:b}");
                assert_eq!(left.some(), expected.first().copied());
                // They are a ring, and the others in none.
                let after = |at: usize| expected[(at + 1) % expected.len()];
                for (at, &slot) in expected.iter().enumerate() {
                    assert_eq!(rings.check_next(slot), after(at));
                }
                for slot in (0..count).map(NodeId) {
                    let is_in = rings.session_of(slot) == SessionIndex(3);
                    assert_eq!(is_in, expected.contains(&slot));
                }
            }
        }
    }
}
