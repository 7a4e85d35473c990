//! How a live order is found by its names.
//!
//! ```text
//!   client ids   near [ slot ]     buckets of 16 in 1 MiB: an id's own place, or any of its bucket
//!                far  Index        those whose bucket was full
//!   order ids    near [ slot+1 ]   a ring over the latest ids, of settled orders
//!                far  Index        those that have lived for a whole turn of the ring
//! ```
//!
//! Ids are mostly handed out in sequence, so neighbours in time are neighbours in memory, and a
//! look-up is one access. Ids without order cost no more while the live ones are few enough for the
//! near table, which is small. Ids that fall on a full bucket, by
//! chance or by malice, cost what a hash table costs, and nothing more.

use vesta_types::{ClientOrderId, OrderId};

use crate::arena::Arena;
use crate::index::{Index, KeyHash};
use crate::links::NodeId;
use crate::memory::Table;
use crate::sessions::SessionIndex;

/// An odd number without pattern (the golden ratio): keeps the ids of neighbouring sessions apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Entries of the near table of client ids: 1 MiB. Too low: orders that stay are in the own places of later ids,
/// whose orders then take the longer way; too high: ids that come in no sequence miss the second-level cache.
const NEAR_MAX: usize = 1 << 18;
/// Entries of a bucket: one cache line.
const BUCKET: u32 = 16;
/// In an entry of the near table of client ids: an order of this place is, or was, elsewhere: in another
/// place of the bucket, or in the far table.
const ELSEWHERE: u32 = 1 << 31;
/// An entry of the near table of client ids without an order; slots are far below.
const NO_SLOT: u32 = ELSEWHERE - 1;

/// Which orders of a bucket's ids are not in their own places.
#[derive(Clone, Copy, Debug)]
struct Elsewhere {
    /// By entry of the bucket, four bits: which one would have been the own place of the order in it.
    homes: u64,
    /// The entries that are in the place of another id, a bit for each.
    ways: u32,
    /// How many orders are in the far table.
    far_count: u32,
}

impl Elsewhere {
    const NOTHING: Self = Self { homes: 0, ways: 0, far_count: 0 };

    /// The entry at `way` holds an order whose own place is `home`.
    const fn put(&mut self, way: u32, home: u32) {
        self.homes = self.homes & !(0xf << (4 * way)) | (home as u64) << (4 * way);
        self.ways |= 1 << way;
    }

    /// The entries that hold orders whose own place is `home`.
    fn of(self, home: u32) -> impl Iterator<Item = u32> {
        let is_its = move |way: &u32| (self.homes >> (4 * way)) as u32 & 0xf == home;
        let others = |ways: &u32| Some(ways & ways.wrapping_sub(1));
        let ways = core::iter::successors(Some(self.ways), others);
        ways.take_while(|&ways| ways != 0).map(u32::trailing_zeros).filter(is_its)
    }
}

pub(crate) struct Names {
    client_near: Table<u32>,
    /// Its length less one: a power of two.
    client_mask: u32,
    client_far: Index,
    /// By bucket: which orders are not in their own places.
    elsewhere: Table<Elsewhere>,
    order_near: Table<u32>,
    /// Its length less one: a power of two.
    order_mask: u64,
    order_far: Index,
}

fn client_hash(session: SessionIndex, id: ClientOrderId) -> KeyHash {
    KeyHash::of(&[u64::from(session.0), id.0])
}

fn order_hash(id: OrderId) -> KeyHash {
    KeyHash::of(&[id.0])
}

/// Where an order is, or is to be, found by its client's id: its own place, or elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    /// Another place of the bucket, or the far table.
    pub(crate) const ELSEWHERE: Self = Self(u32::MAX);
}

/// True when the order at `slot` is the session's, and has that name.
#[inline(always)]
fn is_named(arena: &Arena, slot: u32, session: SessionIndex, id: ClientOrderId) -> bool {
    let order = &arena[NodeId(slot)];
    order.client_order_id == id && order.session == session
}

impl Names {
    pub(crate) fn new(order_count_max: u32) -> Self {
        // Twice as many places as orders: with ids in sequence few places are taken.
        let place_count = (order_count_max as usize * 2).next_power_of_two();
        let near_count = place_count.clamp(BUCKET as usize, NEAR_MAX);
        Self {
            client_near: Table::touched(near_count, NO_SLOT),
            client_mask: near_count as u32 - 1,
            client_far: Index::new(order_count_max),
            elsewhere: Table::touched(near_count / BUCKET as usize, Elsewhere::NOTHING),
            order_near: Table::touched(place_count, 0),
            order_mask: place_count as u64 - 1,
            order_far: Index::new(order_count_max),
        }
    }

    /// The place of a client's id.
    #[inline(always)]
    pub(crate) fn place(&self, session: SessionIndex, id: ClientOrderId) -> u32 {
        let moved = id.0.wrapping_add(u64::from(session.0).wrapping_mul(SPREAD));
        moved as u32 & self.client_mask
    }

    /// The place of the engine's id.
    #[inline(always)]
    fn order_place(&self, id: OrderId) -> u32 {
        (id.0 & self.order_mask) as u32
    }

    /// The session's own live order of that name.
    #[inline(never)]
    pub(crate) fn by_client(
        &self,
        arena: &Arena,
        session: SessionIndex,
        id: ClientOrderId,
    ) -> Option<NodeId> {
        let is_it = |slot: u32| slot != NO_SLOT && is_named(arena, slot, session, id);
        let at = self.place(session, id);
        let own = self.slot_in(at);
        if is_it(own) {
            return Some(NodeId(own));
        }
        // An order is elsewhere only if its own place was taken when it came, which the place says.
        if self.client_near[at] & ELSEWHERE == 0 {
            return None;
        }
        let elsewhere = self.elsewhere[at / BUCKET];
        let slots = elsewhere.of(at % BUCKET).map(|way| self.slot_in(at - at % BUCKET + way));
        if let Some(slot) = slots.into_iter().find(|&slot| is_it(slot)) {
            return Some(NodeId(slot));
        }
        if elsewhere.far_count == 0 {
            return None;
        }
        self.client_far.get(client_hash(session, id), is_it).map(NodeId)
    }

    /// The session's own live order of that name, and its place; if not `ANYWHERE`, only if it is in its own.
    #[inline(always)]
    pub(crate) fn find<const ANYWHERE: bool>(
        &self,
        arena: &Arena,
        session: SessionIndex,
        id: ClientOrderId,
    ) -> Option<(NodeId, Place)> {
        let at = self.place(session, id);
        let entry = self.client_near[at];
        if entry < NO_SLOT && is_named(arena, entry, session, id) {
            return Some((NodeId(entry), Place(at)));
        }
        let elsewhere = if ANYWHERE { self.by_client(arena, session, id) } else { None };
        elsewhere.map(|slot| (slot, Place::ELSEWHERE))
    }

    /// The place for a new order of that name; `None` when the name is in use, and, if not `ANYWHERE`, when its
    /// own place can not be had.
    #[inline(always)]
    pub(crate) fn place_for<const ANYWHERE: bool>(
        &self,
        arena: &Arena,
        session: SessionIndex,
        id: ClientOrderId,
    ) -> Option<Place> {
        let at = self.place(session, id);
        // It is free, and nobody is elsewhere for it.
        if self.client_near[at] == NO_SLOT {
            return Some(Place(at));
        }
        let is_free = ANYWHERE && self.by_client(arena, session, id).is_none();
        is_free.then_some(Place::ELSEWHERE)
    }

    /// Gives a live order its client's name, in the place that was [found for it](Self::place_for).
    #[inline(always)]
    pub(crate) fn take_place<const ANYWHERE: bool>(
        &mut self,
        place: Place,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        if ANYWHERE && place == Place::ELSEWHERE {
            self.insert_client(slot, session, client);
        } else {
            self.client_near[place.0] = slot.0;
        }
    }

    /// Forgets the client's name of a live order, in the place where it was [found](Self::find).
    #[inline(always)]
    pub(crate) fn leave_place<const ANYWHERE: bool>(
        &mut self,
        place: Place,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        if ANYWHERE && place == Place::ELSEWHERE {
            self.remove_client(slot, session, client);
        } else {
            self.client_near[place.0] = NO_SLOT;
        }
    }

    /// Which order is most likely that of a client's id: not compared with it.
    #[inline(always)]
    pub(crate) fn likely(&self, session: SessionIndex, id: ClientOrderId) -> Option<NodeId> {
        let slot = self.client_near[self.place(session, id)] & !ELSEWHERE;
        (slot != NO_SLOT).then_some(NodeId(slot))
    }

    /// The slot in a place, or `NO_SLOT`.
    fn slot_in(&self, at: u32) -> u32 {
        self.client_near[at] & !ELSEWHERE
    }

    /// The first entry of the bucket of a place that holds `slot`.
    fn way_with(&self, at: u32, slot: u32) -> Option<u32> {
        (0..BUCKET).find(|way| self.slot_in(at - at % BUCKET + way) == slot)
    }

    /// The live order of that id.
    #[inline(always)]
    pub(crate) fn by_order_id(&self, arena: &Arena, id: OrderId) -> Option<NodeId> {
        let is_it = |slot: u32| arena[NodeId(slot)].order_id == id;
        let entry = self.order_near[self.order_place(id)];
        if entry != 0 && is_it(entry - 1) {
            return Some(NodeId(entry - 1));
        }
        if self.order_far.count() == 0 {
            return None;
        }
        self.order_far.get(order_hash(id), is_it).map(NodeId)
    }

    /// Gives a live order the engine's name, which is not in use.
    pub(crate) fn insert_order(&mut self, arena: &Arena, slot: NodeId, id: OrderId) {
        let at = self.order_place(id);
        let entry = &mut self.order_near[at];
        let old = *entry;
        *entry = slot.0 + 1;
        if old != 0 {
            self.move_far(arena, NodeId(old - 1));
        }
    }

    /// The place of an order's own id is needed for an id that is a whole turn of the ring later.
    #[cold]
    #[inline(never)]
    fn move_far(&mut self, arena: &Arena, old: NodeId) {
        self.order_far.insert(order_hash(arena[old].order_id), old.0);
    }

    /// Gives a live order its client's name, which is not in use.
    #[inline(never)]
    pub(crate) fn insert_client(
        &mut self,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        let at = self.place(session, client);
        let mark = self.client_near[at] & ELSEWHERE;
        if self.slot_in(at) == NO_SLOT {
            self.client_near[at] = mark | slot.0;
            return;
        }
        self.client_near[at] |= ELSEWHERE;
        if let Some(way) = self.way_with(at, NO_SLOT) {
            let free = at - at % BUCKET + way;
            self.client_near[free] = self.client_near[free] & ELSEWHERE | slot.0;
            self.elsewhere[at / BUCKET].put(way, at % BUCKET);
        } else {
            self.elsewhere[at / BUCKET].far_count += 1;
            self.client_far.insert(client_hash(session, client), slot.0);
        }
    }

    /// Forgets the client's name of a live order.
    #[inline(always)]
    pub(crate) fn remove_client(
        &mut self,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        let at = self.place(session, client);
        if self.client_near[at] == slot.0 {
            self.client_near[at] = NO_SLOT;
        } else {
            self.remove_elsewhere(at, slot, session, client);
        }
    }

    #[inline(never)]
    fn remove_elsewhere(
        &mut self,
        at: u32,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        if self.slot_in(at) == slot.0 {
            self.client_near[at] |= NO_SLOT;
            return;
        }
        let elsewhere = &mut self.elsewhere[at / BUCKET];
        let first = at - at % BUCKET;
        let near = &self.client_near;
        let is_it = |&way: &u32| near[first + way] & !ELSEWHERE == slot.0;
        if let Some(way) = elsewhere.of(at % BUCKET).find(is_it) {
            elsewhere.ways &= !(1 << way);
            self.client_near[first + way] |= NO_SLOT;
            self.unmark(at);
        } else {
            elsewhere.far_count -= 1;
            self.client_far.remove(client_hash(session, client), slot.0);
            // Nobody knows whose places these were.
            (first..first + BUCKET).for_each(|at| self.unmark(at));
        }
    }

    /// Takes the mark off a place that has nobody elsewhere any more.
    fn unmark(&mut self, at: u32) {
        let elsewhere = self.elsewhere[at / BUCKET];
        if elsewhere.far_count == 0 && elsewhere.of(at % BUCKET).next().is_none() {
            self.client_near[at] &= !ELSEWHERE;
        }
    }

    /// Forgets the engine's name of a live order.
    pub(crate) fn remove_order(&mut self, slot: NodeId, id: OrderId) {
        let at = self.order_place(id);
        if self.order_near[at] == slot.0 + 1 {
            self.order_near[at] = 0;
        } else {
            self.order_far.remove(order_hash(id), slot.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Order;
    use std::collections::BTreeMap;
    use vesta_types::state_hash::hash_words;

    fn order(client_order_id: ClientOrderId) -> Order {
        Order { order_id: OrderId(1), client_order_id, ..Order::FREE }
    }

    /// Three ids for each place of one bucket, and more orders than it has entries.
    #[test]
    fn names_are_found_wherever_they_had_to_go() {
        const ORDER_COUNT: u32 = 40;
        let session = SessionIndex(0);
        let (mut arena, mut names) = (Arena::new(ORDER_COUNT), Names::new(ORDER_COUNT));
        let place_count = u64::from(names.client_mask) + 1;
        let ids: Vec<ClientOrderId> =
            (0..48).map(|n| ClientOrderId(n % 16 + (1 + n / 16) * place_count)).collect();
        let mut free: Vec<u32> = (0..ORDER_COUNT).collect();
        let mut map: BTreeMap<u64, u32> = BTreeMap::new();
        let (mut state, mut far_max) = (3, 0);
        for step in 0..20_000_u64 {
            state = hash_words(&[state, step]);
            let id = ids[(state % 48) as usize];
            // Fills up, and runs empty, in turns; empty at the end.
            let grows = step / 200 % 2 == 0;
            match map.get(&id.0).copied() {
                Some(slot) if !grows || state >> 40 & 1 == 0 => {
                    let (found, place) =
                        names.find::<true>(&arena, session, id).expect("it is there");
                    assert_eq!(found, NodeId(slot));
                    names.leave_place::<true>(place, found, session, id);
                    map.remove(&id.0);
                    free.push(slot);
                }
                None if grows && !free.is_empty() => {
                    let slot = free.pop().expect("not empty");
                    arena.put(NodeId(slot), order(id));
                    let place = names.place_for::<true>(&arena, session, id).expect("not in use");
                    names.take_place::<true>(place, NodeId(slot), session, id);
                    map.insert(id.0, slot);
                }
                _ => {}
            }
            far_max = far_max.max(names.client_far.count());
            for &id in &ids {
                let slot = map.get(&id.0).map(|&slot| NodeId(slot));
                assert_eq!(names.by_client(&arena, session, id), slot, "step {step}");
                let found = names.find::<true>(&arena, session, id).map(|(slot, _)| slot);
                assert_eq!(found, slot, "step {step}");
                let place = names.place_for::<true>(&arena, session, id);
                assert_eq!(place.is_none(), slot.is_some(), "step {step}");
            }
        }
        assert!(far_max > 10, "the bucket was full: {far_max}");
        for id in ids {
            if let Some(slot) = map.remove(&id.0) {
                names.remove_client(NodeId(slot), session, id);
            }
        }
        assert!(
            names.client_near.as_slice().iter().all(|&entry| entry == NO_SLOT),
            "no mark stays"
        );
        assert_eq!(names.client_far.count(), 0);
    }
}
