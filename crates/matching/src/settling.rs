//! What is done for an order only once it has lived for a while.
//!
//! ```text
//!   notes    [ slots that were touched, each once ]      a ring of 1,024, or fewer in a small book
//!   settled  an order that is in its session's ring, found by the engine's id, and in the hash
//! ```
//!
//! Most orders leave soon after they came, and a maker is often hit several times in a row. So an
//! order that enters or changes is only noted. It is settled when its note is pushed out by later ones,
//! or when somebody asks for what only settled orders have: a mass cancel, a look-up by the engine's
//! id. An order that is gone by then costs nothing of all that, and slots are used again last freed,
//! first used, so that most new orders find their slot noted already. The state hash alone never
//! settles: it adds up what is noted.

use alloc::boxed::Box;
use alloc::vec;

use vesta_types::state_hash::order_hash;
use vesta_types::{OrderId, OrderRef, SessionId};

use crate::arena::NO_EXTRA;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::memory::Table;
use crate::reservation::Reservation;
use crate::sessions::SessionIndex;

/// Notes that are kept. Smaller: more orders are settled that would soon have been gone; larger:
/// whoever asks waits longer, some 20 us with this many.
const NOTES_MAX: usize = 1024;

/// Of so many slots one may be noted, so that in small books, too, notes are pushed out: what happens
/// then is seen by every test that compares small books.
const SLOTS_PER_NOTE: usize = 4;

/// The slot is noted. Stays with the slot when its order goes.
const NOTED: u8 = 1;
/// The order is in its session's ring, and found by its id.
const LINKED: u8 = 2;
/// The order is part of the sum, as it stands.
const HASHED: u8 = 4;

pub(crate) struct Settling {
    /// Over the orders that are hashed.
    sum: u64,
    /// A power of two.
    notes: Box<[NodeId]>,
    oldest: usize,
    count: usize,
    marks: Table<u8>,
}

impl Settling {
    pub(crate) fn new(order_count_max: u32) -> Self {
        let notes_max = (order_count_max as usize / SLOTS_PER_NOTE).clamp(1, NOTES_MAX);
        Self {
            sum: 0,
            notes: vec![NodeId::NIL; notes_max.next_power_of_two()].into_boxed_slice(),
            oldest: 0,
            count: 0,
            marks: Table::touched(order_count_max as usize, 0),
        }
    }

    /// True when the sum contains the order at `slot`: it must be taken out before it changes.
    #[inline(always)]
    fn is_hashed(&self, slot: NodeId) -> bool {
        self.marks[slot.0] & HASHED != 0
    }

    /// True when an order that goes leaves something behind.
    #[inline(always)]
    fn is_settled(&self, slot: NodeId) -> bool {
        self.marks[slot.0] & (HASHED | LINKED) != 0
    }

    #[inline(always)]
    fn is_noted(&self, slot: NodeId) -> bool {
        self.marks[slot.0] & NOTED != 0
    }

    fn push(&mut self, slot: NodeId) {
        self.marks[slot.0] |= NOTED;
        let at = (self.oldest + self.count) & (self.notes.len() - 1);
        self.notes[at] = slot;
        self.count += 1;
    }

    fn pop(&mut self) -> Option<NodeId> {
        if self.count == 0 {
            return None;
        }
        let slot = self.notes[self.oldest];
        self.oldest = (self.oldest + 1) & (self.notes.len() - 1);
        self.count -= 1;
        self.marks[slot.0] &= !NOTED;
        Some(slot)
    }

    fn noted(&self) -> impl Iterator<Item = NodeId> {
        (0..self.count).map(|i| self.notes[(self.oldest + i) & (self.notes.len() - 1)])
    }
}

impl<R: Reservation> Matcher<R> {
    /// To be called before a live order changes.
    #[inline(always)]
    pub(crate) fn before_change(&mut self, slot: NodeId) {
        if self.settling.is_hashed(slot) {
            self.unhash(slot);
        }
    }

    #[inline(never)]
    fn unhash(&mut self, slot: NodeId) {
        let hash = self.hash_of(slot);
        self.settling.marks[slot.0] &= !HASHED;
        self.settling.sum = self.settling.sum.wrapping_sub(hash);
    }

    /// The hash of a live order as it stands.
    #[inline(always)]
    fn hash_of(&self, slot: NodeId) -> u64 {
        let order = &self.arena[slot];
        if order.extra == NO_EXTRA {
            let place = (self.sessions.at(order.session).id.0, self.book(order.book).instrument.0);
            self.arena.plain_hash(slot, place, self.levels.links[slot].qty)
        } else {
            order_hash(&self.view_of(slot))
        }
    }

    /// To be called after an order has come or changed.
    #[inline(always)]
    pub(crate) fn after_change(&mut self, slot: NodeId) {
        if !self.settling.is_noted(slot) {
            self.note(slot);
        }
    }

    #[inline(never)]
    fn note(&mut self, slot: NodeId) {
        if self.settling.count == self.settling.notes.len() {
            self.settle_oldest();
        }
        self.settling.push(slot);
    }

    fn settle_oldest(&mut self) {
        let Some(slot) = self.settling.pop() else { return };
        if !self.arena.is_live(slot) {
            return;
        }
        if self.settling.marks[slot.0] & LINKED == 0 {
            self.link(slot);
        }
        if !self.settling.is_hashed(slot) {
            let hash = self.hash_of(slot);
            self.settling.sum = self.settling.sum.wrapping_add(hash);
        }
        self.settling.marks[slot.0] |= LINKED | HASHED;
    }

    fn link(&mut self, slot: NodeId) {
        let order = &self.arena[slot];
        let (session, order_id) = (order.session, order.order_id);
        self.names.insert_order(&self.arena, slot, order_id);
        let owner = self.sessions.at_mut(session);
        self.arena.ring_append(owner.first, slot);
        if owner.first == NodeId::NIL {
            owner.first = slot;
        }
    }

    /// Settles every order.
    #[inline(never)]
    pub(crate) fn settle_all(&mut self) {
        while self.settling.count > 0 {
            self.settle_oldest();
        }
    }

    /// An order goes that was taken out of its queue, and out of the sum.
    #[inline(always)]
    pub(crate) fn unsettle(&mut self, slot: NodeId, session: SessionIndex, order_id: OrderId) {
        if self.settling.is_settled(slot) {
            self.unlink_settled(slot, session, order_id);
        }
    }

    #[inline(never)]
    fn unlink_settled(&mut self, slot: NodeId, session: SessionIndex, order_id: OrderId) {
        debug_assert!(!self.settling.is_hashed(slot), "an order that goes has changed before");
        self.settling.marks[slot.0] &= !LINKED;
        self.names.remove_order(slot, order_id);
        let next = self.arena.ring_remove(slot);
        let owner = self.sessions.at_mut(session);
        if owner.first == slot {
            owner.first = if next == slot { NodeId::NIL } else { next };
        }
    }

    /// The sum of the hashes of all live orders.
    pub(crate) fn hash_of_orders(&self) -> u64 {
        let unhashed = self.settling.noted().filter(|&slot| !self.settling.is_hashed(slot));
        unhashed
            .filter(|&slot| self.arena.is_live(slot))
            .map(|slot| self.hash_of(slot))
            .fold(self.settling.sum, u64::wrapping_add)
    }

    /// The session's own live order of that name, for observers.
    pub(crate) fn find_order(&self, session: SessionId, target: OrderRef) -> Option<NodeId> {
        let session = self.sessions.find(session)?;
        let slot = match target {
            OrderRef::Client(id) => self.names.by_client(&self.arena, session, id),
            OrderRef::Order(id) => self.names.by_order_id(&self.arena, id).or_else(|| {
                self.settling
                    .noted()
                    .find(|&slot| id != OrderId(0) && self.arena[slot].order_id == id)
            }),
        };
        slot.filter(|&slot| self.arena[slot].session == session)
    }

    /// For tests.
    pub(crate) fn check_settling(&self) {
        for slot in self.arena.live() {
            let is_noted = self.settling.is_noted(slot);
            assert!(is_noted || self.settling.marks[slot.0] == LINKED | HASHED, "or it is settled");
            if self.settling.marks[slot.0] & LINKED != 0 {
                let next = self.arena.ring_next(slot);
                assert_eq!(self.arena.ring_prev(next), slot, "rings both ways");
                assert_eq!(self.arena[next].session, self.arena[slot].session, "one session's");
            }
        }
    }
}
