//! How a live order is found by its names.
//!
//! ```text
//!   client ids   near [ tag:32 slot+1:32 ]   one place per id: its low bits, moved by its session
//!                far  Index                  those whose place was taken
//!   order ids    near [ slot+1 ]             a ring over the latest ids
//!                far  Index                  those that have lived for a whole turn of the ring
//! ```
//!
//! Ids are mostly handed out in sequence, so neighbours in time are neighbours in memory, and a
//! look-up is one access. Ids that fall on a taken place, by chance or by malice, cost what a hash
//! table costs, and nothing more.

use alloc::boxed::Box;
use alloc::vec;

use vesta_types::{ClientOrderId, OrderId};

use crate::arena::Arena;
use crate::index::{Index, KeyHash};
use crate::links::NodeId;
use crate::sessions::SessionIndex;

/// An odd number without pattern (the golden ratio): spreads a multiplied id over the high bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

pub(crate) struct Names {
    client_near: Box<[u64]>,
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
        Self {
            client_near: vec![0; place_count].into_boxed_slice(),
            client_far: Index::new(order_count_max),
            order_near: vec![0; place_count].into_boxed_slice(),
            order_far: Index::new(order_count_max),
        }
    }

    /// The place of a client's id, and the tag that tells it from others of that place.
    #[inline(always)]
    fn place(&self, session: SessionIndex, id: ClientOrderId) -> (usize, u64) {
        let moved = id.0.wrapping_add(u64::from(session.0).wrapping_mul(SPREAD));
        let tag = moved.wrapping_mul(SPREAD) & 0xffff_ffff_0000_0000;
        (moved as usize & (self.client_near.len() - 1), tag)
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
        let (at, tag) = self.place(session, id);
        let entry = self.client_near[at];
        if entry != 0 && (entry ^ tag) >> 32 == 0 {
            let slot = entry as u32 - 1;
            if is_it(slot) {
                return Some(NodeId(slot));
            }
        }
        if self.client_far.count() == 0 {
            return None;
        }
        self.client_far.get(client_hash(session, id), is_it).map(NodeId)
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
        let (at, tag) = self.place(session, client);
        let entry = &mut self.client_near[at];
        if *entry == 0 {
            *entry = tag | u64::from(slot.0 + 1);
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
        let (at, tag) = self.place(session, client);
        let entry = &mut self.client_near[at];
        if *entry == tag | u64::from(slot.0 + 1) {
            *entry = 0;
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
