//! How a live order is found by its names.
//!
//! ```text
//!   client ids   near [ slot+1 ]   buckets of 16 in 512 KiB: an id's own place, or any of its bucket
//!                far  Index        those whose bucket was full
//!   order ids    near [ slot+1 ]   a ring over the latest ids
//!                far  Index        those that have lived for a whole turn of the ring
//! ```
//!
//! Ids are mostly handed out in sequence, so neighbours in time are neighbours in memory, and a
//! look-up is one access. Ids without order cost no more while the live ones are few enough for the
//! near table, which stays in the cache because it is small. Ids that fall on a full bucket, by
//! chance or by malice, cost what a hash table costs, and nothing more.

use alloc::boxed::Box;

use vesta_types::{ClientOrderId, OrderId};

use crate::arena::Arena;
use crate::index::{Index, KeyHash};
use crate::links::NodeId;
use crate::memory::touched;
use crate::sessions::SessionIndex;

/// An odd number without pattern (the golden ratio): spreads a multiplied id over the high bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Entries of the near table of client ids: 512 KiB, which a core's second-level cache holds. Too low:
/// more live orders are looked up in the far one; too high: ids without order miss the cache.
const NEAR_MAX: usize = 1 << 17;
/// Entries of a bucket: one cache line.
const BUCKET: usize = 16;

pub(crate) struct Names {
    client_near: Box<[u32]>,
    /// By bucket: which of its entries are not in the place of their own id.
    displaced: Box<[u16]>,
    client_far: Index,
    order_near: Box<[u32]>,
    order_far: Index,
}

fn client_hash(session: SessionIndex, id: ClientOrderId) -> KeyHash {
    KeyHash::of(&[u64::from(session.0), id.0])
}

fn order_hash(id: OrderId) -> KeyHash {
    KeyHash::of(&[id.0])
}

impl Names {
    pub(crate) fn new(order_count_max: u32) -> Self {
        // Twice as many places as orders: with ids in sequence few places are taken.
        let place_count = (order_count_max as usize * 2).next_power_of_two();
        let near_count = place_count.clamp(BUCKET, NEAR_MAX);
        Self {
            client_near: touched(near_count, 0),
            displaced: touched(near_count / BUCKET, 0),
            client_far: Index::new(order_count_max),
            order_near: touched(place_count, 0),
            order_far: Index::new(order_count_max),
        }
    }

    /// The place of a client's id.
    #[inline(always)]
    fn place(&self, session: SessionIndex, id: ClientOrderId) -> usize {
        let moved = id.0.wrapping_add(u64::from(session.0).wrapping_mul(SPREAD));
        moved as usize & (self.client_near.len() - 1)
    }

    /// The session's own live order of that name.
    #[inline(always)]
    pub(crate) fn by_client(
        &self,
        arena: &Arena,
        session: SessionIndex,
        id: ClientOrderId,
    ) -> Option<NodeId> {
        let is_it = |slot: u32| {
            let order = &arena[NodeId(slot)];
            order.client_order_id == id && order.session == session
        };
        let at = self.place(session, id);
        let is_hit = |entry: u32| entry != 0 && is_it(entry - 1);
        if is_hit(self.client_near[at]) {
            return Some(NodeId(self.client_near[at] - 1));
        }
        // An order is elsewhere only if its own place was taken when it came.
        if self.displaced[at / BUCKET] == 0 && self.client_far.count() == 0 {
            return None;
        }
        let start = at & !(BUCKET - 1);
        let bucket = &self.client_near[start..start + BUCKET];
        if let Some(&entry) = bucket.iter().find(|&&entry| is_hit(entry)) {
            return Some(NodeId(entry - 1));
        }
        self.client_far.get(client_hash(session, id), is_it).map(NodeId)
    }

    /// The place in its bucket that holds `entry`, but for its own one.
    #[cold]
    fn other_place(&self, at: usize, entry: u32) -> Option<usize> {
        let start = at & !(BUCKET - 1);
        let bucket = &self.client_near[start..start + BUCKET];
        bucket.iter().position(|&other| other == entry).map(|way| start + way)
    }

    /// The live order of that id.
    #[inline(always)]
    pub(crate) fn by_order_id(&self, arena: &Arena, id: OrderId) -> Option<NodeId> {
        let is_it = |slot: u32| arena[NodeId(slot)].order_id == id;
        let entry = self.order_near[id.0 as usize & (self.order_near.len() - 1)];
        if entry != 0 && is_it(entry - 1) {
            return Some(NodeId(entry - 1));
        }
        if self.order_far.count() == 0 {
            return None;
        }
        self.order_far.get(order_hash(id), is_it).map(NodeId)
    }

    /// Names a live order. Neither name is in use.
    #[inline(always)]
    pub(crate) fn insert(
        &mut self,
        arena: &Arena,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
        id: OrderId,
    ) {
        let at = self.place(session, client);
        let entry = slot.0 + 1;
        if self.client_near[at] == 0 {
            self.client_near[at] = entry;
        } else if let Some(free) = self.other_place(at, 0) {
            self.client_near[free] = entry;
            self.displaced[free / BUCKET] |= 1 << (free % BUCKET);
        } else {
            self.client_far.insert(client_hash(session, client), slot.0);
        }
        let at = id.0 as usize & (self.order_near.len() - 1);
        let entry = &mut self.order_near[at];
        let old = *entry;
        *entry = slot.0 + 1;
        if old != 0 {
            let old = NodeId(old - 1);
            self.order_far.insert(order_hash(arena[old].order_id), old.0);
        }
    }

    /// Forgets the names of a live order.
    #[inline(always)]
    pub(crate) fn remove(
        &mut self,
        slot: NodeId,
        session: SessionIndex,
        client: ClientOrderId,
        id: OrderId,
    ) {
        let at = self.place(session, client);
        let entry = slot.0 + 1;
        if self.client_near[at] == entry {
            self.client_near[at] = 0;
        } else if let Some(taken) = self.other_place(at, entry) {
            self.client_near[taken] = 0;
            self.displaced[taken / BUCKET] &= !(1 << (taken % BUCKET));
        } else {
            self.client_far.remove(client_hash(session, client), slot.0);
        }
        let at = id.0 as usize & (self.order_near.len() - 1);
        let entry = &mut self.order_near[at];
        if *entry == slot.0 + 1 {
            *entry = 0;
        } else {
            self.order_far.remove(order_hash(id), slot.0);
        }
    }
}
