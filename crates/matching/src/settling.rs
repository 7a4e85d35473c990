//! What is done for an order only once it has lived for a while.
//!
//! ```text
//!   notes    [ slots that were touched, each once ]      a ring of 4,096, or fewer in a small book
//!   marks    what of this an order has                   in the order
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

use crate::arena::{NO_EXTRA, Order};
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;
use crate::sessions::SessionIndex;

/// Notes that are kept. Smaller: more orders are settled that would soon have been gone; larger:
/// whoever asks waits longer, some 80 us with this many.
const NOTES_MAX: usize = 4096;

/// Of so many slots one may be noted, so that in small books, too, notes are pushed out: what happens
/// then is seen by every test that compares small books.
const SLOTS_PER_NOTE: usize = 4;

/// What has been done for an order. In the order's own cache line, which whoever asks has at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    pub(crate) const NONE: Self = Self(0);
    /// The slot is noted. Stays with the slot when its order goes.
    const NOTED: Self = Self(1);
    /// The order is in its session's ring, and found by its id.
    const LINKED: Self = Self(2);
    /// The order is part of the sum, as it stands.
    const HASHED: Self = Self(4);
    const SETTLED: Self = Self(Self::LINKED.0 | Self::HASHED.0);

    /// True for any of these.
    #[inline(always)]
    const fn has(self, marks: Self) -> bool {
        self.0 & marks.0 != 0
    }

    const fn with(self, marks: Self) -> Self {
        Self(self.0 | marks.0)
    }

    const fn without(self, marks: Self) -> Self {
        Self(self.0 & !marks.0)
    }
}

pub(crate) struct Settling {
    /// Over the orders that are hashed.
    sum: u64,
    /// Oldest first, from `next` on around; NIL where there is none yet. A power of two.
    notes: Box<[NodeId]>,
    /// Where the next note goes.
    next: usize,
}

impl Settling {
    pub(crate) fn new(order_count_max: u32) -> Self {
        let notes_max = (order_count_max as usize / SLOTS_PER_NOTE).clamp(1, NOTES_MAX);
        let notes = vec![NodeId::NIL; notes_max.next_power_of_two()].into_boxed_slice();
        Self { sum: 0, notes, next: 0 }
    }

    /// How many notes there are: without a gap in front of `next`.
    fn count(&self) -> usize {
        let is_none = |back: &usize| self.notes[self.place_before(*back)] == NodeId::NIL;
        let places = self.notes.len();
        (1..=places).find(is_none).map_or(places, |back| back - 1)
    }

    /// The place of the note that was taken so many before the next one.
    fn place_before(&self, back: usize) -> usize {
        self.next.wrapping_sub(back) & (self.notes.len() - 1)
    }

    /// Takes a note in the place of the oldest.
    #[inline(always)]
    fn replace_oldest(&mut self, note: NodeId) -> Option<NodeId> {
        let at = self.next & (self.notes.len() - 1);
        self.next = at + 1;
        core::mem::replace(&mut self.notes[at], note).some()
    }

    /// Whose note goes next.
    #[inline(always)]
    fn oldest(&self) -> NodeId {
        self.notes[self.next & (self.notes.len() - 1)]
    }

    fn noted(&self) -> impl Iterator<Item = NodeId> {
        self.notes.iter().filter_map(|note| note.some())
    }
}

impl<R: Reservation> Matcher<R> {
    /// To be called before a live order changes.
    #[inline(always)]
    pub(crate) fn before_change(&mut self, slot: NodeId) {
        if self.arena[slot].marks.has(Marks::HASHED) {
            self.unhash(slot);
        }
    }

    #[inline(never)]
    fn unhash(&mut self, slot: NodeId) {
        self.take_from_sum(slot);
    }

    #[inline(always)]
    fn take_from_sum(&mut self, slot: NodeId) {
        let hash = self.hash_of(slot);
        self.unmark(slot, Marks::HASHED);
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
            self.hash_of_special(slot)
        }
    }

    #[cold]
    #[inline(never)]
    fn hash_of_special(&self, slot: NodeId) -> u64 {
        order_hash(&self.view_of(slot))
    }

    /// To be called after an order has come or changed.
    #[inline(always)]
    pub(crate) fn after_change(&mut self, slot: NodeId) {
        if !self.arena[slot].marks.has(Marks::NOTED) {
            self.note(slot);
        }
    }

    #[inline(always)]
    fn unmark(&mut self, slot: NodeId, marks: Marks) {
        let order = &mut self.arena[slot];
        order.marks = order.marks.without(marks);
    }

    #[inline(never)]
    fn note(&mut self, slot: NodeId) {
        let order = &mut self.arena[slot];
        order.marks = order.marks.with(Marks::NOTED);
        let oldest = self.settling.replace_oldest(slot);
        // Who comes next, if nobody goes before, and whose note goes then: nobody may have touched them for long.
        let next = self.arena.next_slot();
        self.arena.prefetch(next);
        self.levels.links.prefetch(next);
        let next = self.settling.oldest();
        self.arena.prefetch(next);
        self.arena.rings.prefetch(next);
        self.levels.links.prefetch(next);
        if let Some(oldest) = oldest {
            self.settle(oldest);
        }
    }

    /// Settles an order whose note is taken away.
    #[inline(always)]
    fn settle(&mut self, slot: NodeId) {
        self.unmark(slot, Marks::NOTED);
        if !self.arena.is_live(slot) {
            return;
        }
        let marks = self.arena[slot].marks;
        if !marks.has(Marks::LINKED) {
            self.link(slot);
        }
        if !marks.has(Marks::HASHED) {
            let hash = self.hash_of(slot);
            self.settling.sum = self.settling.sum.wrapping_add(hash);
        }
        self.arena[slot].marks = Marks::SETTLED;
    }

    fn link(&mut self, slot: NodeId) {
        let order = &self.arena[slot];
        let (session, order_id) = (order.session, order.order_id);
        self.names.insert_order(&self.arena, slot, order_id);
        if self.arena.rings.session_of(slot) != session {
            self.move_to_ring(slot, session);
        }
    }

    /// The slot was another session's, or nobody's.
    #[inline(never)]
    fn move_to_ring(&mut self, slot: NodeId, session: SessionIndex) {
        let before = self.arena.rings.session_of(slot);
        if before != SessionIndex::NONE {
            let next = self.arena.rings.remove(slot);
            let owner = self.sessions.at_mut(before);
            if owner.first == slot {
                owner.first = next;
            }
        }
        let owner = self.sessions.at_mut(session);
        self.arena.rings.add(owner.first, session, slot);
        if owner.first == NodeId::NIL {
            owner.first = slot;
        }
    }

    /// Settles every order.
    #[inline(never)]
    pub(crate) fn settle_all(&mut self) {
        for back in (1..=self.settling.count()).rev() {
            let place = self.settling.place_before(back);
            let slot = core::mem::replace(&mut self.settling.notes[place], NodeId::NIL);
            self.settle(slot);
        }
    }

    /// To be called before an order goes: in a queue or out of it, but with what it offered.
    #[inline(always)]
    pub(crate) fn unsettle(&mut self, slot: NodeId) {
        if self.arena[slot].marks.has(Marks::SETTLED) {
            self.unlink_settled(slot);
        }
    }

    #[inline(never)]
    fn unlink_settled(&mut self, slot: NodeId) {
        let Order { order_id, marks, .. } = self.arena[slot];
        if marks.has(Marks::HASHED) {
            self.take_from_sum(slot);
        }
        self.unmark(slot, Marks::SETTLED);
        // Whatever is hashed is linked.
        self.names.remove_order(slot, order_id);
    }

    /// The sum of the hashes of all live orders.
    pub(crate) fn hash_of_orders(&self) -> u64 {
        let unhashed = self
            .settling
            .noted()
            .filter(|&slot| self.arena.is_live(slot) && !self.arena[slot].marks.has(Marks::HASHED));
        unhashed.map(|slot| self.hash_of(slot)).fold(self.settling.sum, u64::wrapping_add)
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
            let marks = self.arena[slot].marks;
            assert!(marks.has(Marks::NOTED) || marks == Marks::SETTLED, "or it is settled");
            if marks.has(Marks::LINKED) {
                let next = self.arena.rings.check_next(slot);
                let session = self.arena[slot].session;
                assert_eq!(self.arena.rings.session_of(slot), session, "in the session's ring");
                assert_eq!(self.arena.rings.session_of(next), session, "one session's");
            }
        }
    }
}
