//! How a live order is found by its names.
//!
//! ```text
//!   client ids   near [ slot ]     buckets of 16 in 512 KiB: an id's own place, or any of its bucket
//!                far  Index        those whose bucket was full
//!   order ids    near [ slot+1 ]   a ring over the latest ids, of settled orders
//!                far  Index        those that have lived for a whole turn of the ring
//! ```
//!
//! Ids are mostly handed out in sequence, so neighbours in time are neighbours in memory, and a
//! look-up is one access. Ids without order cost no more while the live ones are few enough for the
//! near table, which stays in the cache because it is small. Ids that fall on a full bucket, by
//! chance or by malice, cost what a hash table costs, and nothing more.

use vesta_types::{ClientOrderId, OrderId};

use crate::arena::Arena;
use crate::index::{Index, KeyHash};
use crate::links::NodeId;
use crate::memory::Table;
use crate::sessions::SessionIndex;

/// An odd number without pattern (the golden ratio): keeps the ids of neighbouring sessions apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Entries of the near table of client ids: 512 KiB, which a core's second-level cache holds. Too low:
/// more live orders are looked up in the far one; too high: ids without order miss the cache.
const NEAR_MAX: usize = 1 << 17;
/// Entries of a bucket: one cache line.
const BUCKET: u32 = 16;
/// An entry of the near table of client ids without an order.
const NO_SLOT: u32 = u32::MAX;

/// Where else than in their own places the ids of a bucket have orders: the lower half has a bit for each
/// entry of the bucket that is in the place of another id, the upper half counts orders in the far table.
/// At the most that it can say the count stays, and the bucket is searched for ever when it need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Elsewhere(u32);

impl Elsewhere {
    const NOWHERE: Self = Self(0);
    const ONE_FAR: u32 = 1 << BUCKET;
    const FAR_MAX: u32 = u32::MAX >> BUCKET;

    const fn far_count(self) -> u32 {
        self.0 >> BUCKET
    }

    const fn add_far(&mut self) {
        if self.far_count() < Self::FAR_MAX {
            self.0 += Self::ONE_FAR;
        }
    }

    const fn remove_far(&mut self) {
        if self.far_count() < Self::FAR_MAX {
            self.0 -= Self::ONE_FAR;
        }
    }
}

pub(crate) struct Names {
    client_near: Table<u32>,
    /// Its length less one: a power of two.
    client_mask: u32,
    /// By bucket: whether orders of its ids are anywhere but in their own places.
    elsewhere: Table<Elsewhere>,
    client_far: Index,
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
            elsewhere: Table::touched(near_count / BUCKET as usize, Elsewhere::NOWHERE),
            client_far: Index::new(order_count_max),
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
    #[inline(always)]
    pub(crate) fn by_client(
        &self,
        arena: &Arena,
        session: SessionIndex,
        id: ClientOrderId,
    ) -> Option<NodeId> {
        let at = self.place(session, id);
        let entry = self.client_near[at];
        if entry != NO_SLOT && is_named(arena, entry, session, id) {
            return Some(NodeId(entry));
        }
        // An order is elsewhere only if its own place was taken when it came.
        if self.elsewhere[at / BUCKET] == Elsewhere::NOWHERE {
            return None;
        }
        self.by_client_elsewhere(arena, session, id)
    }

    /// The place of a name that is not in use: for [`insert_client`](Self::insert_client). `None` when the
    /// session has a live order of that name.
    #[inline(always)]
    pub(crate) fn place_of_unused(
        &self,
        arena: &Arena,
        session: SessionIndex,
        id: ClientOrderId,
    ) -> Option<u32> {
        let in_use = self.by_client(arena, session, id).is_some();
        (!in_use).then(|| self.place(session, id))
    }

    /// Which order is most likely that of a client's id: not compared with it.
    #[inline(always)]
    pub(crate) fn likely(&self, session: SessionIndex, id: ClientOrderId) -> Option<NodeId> {
        NodeId(self.client_near[self.place(session, id)]).some()
    }

    #[cold]
    #[inline(never)]
    fn by_client_elsewhere(
        &self,
        arena: &Arena,
        session: SessionIndex,
        id: ClientOrderId,
    ) -> Option<NodeId> {
        let is_it = |slot: u32| is_named(arena, slot, session, id);
        let (_, bucket) = self.bucket(self.place(session, id));
        if let Some(&entry) = bucket.iter().find(|&&entry| entry != NO_SLOT && is_it(entry)) {
            return Some(NodeId(entry));
        }
        self.client_far.get(client_hash(session, id), is_it).map(NodeId)
    }

    /// The bucket that a place is in: its first place, and its entries.
    fn bucket(&self, at: u32) -> (u32, &[u32]) {
        let start = at & !(BUCKET - 1);
        let entries = &self.client_near.as_slice()[start as usize..(start + BUCKET) as usize];
        (start, entries)
    }

    /// The first place of a bucket that holds `entry`: asked for when the id's own place does not.
    fn other_place(&self, at: u32, entry: u32) -> Option<u32> {
        let (start, bucket) = self.bucket(at);
        bucket.iter().position(|&other| other == entry).map(|way| start + way as u32)
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

    /// Gives a live order its client's name, which is not in use, and whose place this is.
    #[inline(always)]
    pub(crate) fn insert_client(
        &mut self,
        at: u32,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        debug_assert_eq!(at, self.place(session, client));
        if self.client_near[at] == NO_SLOT {
            self.client_near[at] = slot.0;
        } else {
            self.insert_elsewhere(at, slot, session, client);
        }
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

    /// The place of a client's id is taken.
    #[cold]
    #[inline(never)]
    fn insert_elsewhere(
        &mut self,
        at: u32,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        if let Some(free) = self.other_place(at, NO_SLOT) {
            self.client_near[free] = slot.0;
            self.elsewhere[at / BUCKET].0 |= 1 << (free % BUCKET);
        } else {
            self.elsewhere[at / BUCKET].add_far();
            self.client_far.insert(client_hash(session, client), slot.0);
        }
    }

    #[cold]
    #[inline(never)]
    fn remove_elsewhere(
        &mut self,
        at: u32,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
    ) {
        if let Some(taken) = self.other_place(at, slot.0) {
            self.client_near[taken] = NO_SLOT;
            self.elsewhere[at / BUCKET].0 &= !(1 << (taken % BUCKET));
        } else {
            self.elsewhere[at / BUCKET].remove_far();
            self.client_far.remove(client_hash(session, client), slot.0);
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
