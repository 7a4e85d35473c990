//! The live orders of a shard, and the three ways to find them: by the engine's id, by the
//! owner's id, and by owner.

use vesta_types::{ClientOrderId, OrderId, OrderRef, SessionId};

use crate::arena::{Arena, Order, OrderSlot};
use crate::index::{Index, KeyHash};

pub(crate) struct Orders {
    pub(crate) arena: Arena,
    by_order_id: Index,
    by_client_order_id: Index,
    /// To the first of the session's ring, which is its oldest live order.
    by_session: Index,
}

fn order_id_hash(order_id: OrderId) -> KeyHash {
    KeyHash::of(&[order_id.0])
}

fn client_order_id_hash(session: SessionId, id: ClientOrderId) -> KeyHash {
    KeyHash::of(&[u64::from(session.0), id.0])
}

fn session_hash(session: SessionId) -> KeyHash {
    KeyHash::of(&[u64::from(session.0)])
}

impl Orders {
    pub(crate) fn new(order_count_max: u32) -> Self {
        Self {
            arena: Arena::new(order_count_max),
            by_order_id: Index::new(order_count_max),
            by_client_order_id: Index::new(order_count_max),
            by_session: Index::new(order_count_max),
        }
    }

    /// The session's own live order of that name.
    pub(crate) fn find(&self, session: SessionId, target: OrderRef) -> Option<OrderSlot> {
        let slot = match target {
            OrderRef::Client(id) => {
                self.by_client_order_id.get(client_order_id_hash(session, id), |slot| {
                    let order = &self.arena[OrderSlot(slot)];
                    order.client_order_id == id && order.session == session
                })
            }
            OrderRef::Order(id) => self
                .by_order_id
                .get(order_id_hash(id), |slot| self.arena[OrderSlot(slot)].order_id == id),
        };
        slot.map(OrderSlot).filter(|&slot| self.arena[slot].session == session)
    }

    /// The session's oldest live order.
    pub(crate) fn first_of(&self, session: SessionId) -> Option<OrderSlot> {
        let is_session = |slot| self.arena[OrderSlot(slot)].session == session;
        self.by_session.get(session_hash(session), is_session).map(OrderSlot)
    }

    /// Makes an order live. Its ids are unused, and there is a free slot.
    pub(crate) fn insert(&mut self, order: Order) -> OrderSlot {
        let Order { order_id, session, client_order_id, .. } = order;
        let first = self.first_of(session);
        let slot = self.arena.insert(order);
        self.by_order_id.insert(order_id_hash(order_id), slot.0);
        self.by_client_order_id.insert(client_order_id_hash(session, client_order_id), slot.0);
        match first {
            None => {
                self.by_session.insert(session_hash(session), slot.0);
                self.link_session(slot, slot);
            }
            Some(first) => {
                // Order ids rise with time, so appending keeps the ring sorted by them.
                let last = self.arena[first].session_prev;
                debug_assert!(self.arena[last].order_id < order_id, "ring out of order");
                self.link_session(last, slot);
                self.link_session(slot, first);
            }
        }
        slot
    }

    /// Forgets an order that is in no queue any more.
    pub(crate) fn remove(&mut self, slot: OrderSlot) {
        let Order { order_id, session, client_order_id, session_prev, session_next, .. } =
            self.arena[slot];
        self.by_order_id.remove(order_id_hash(order_id), slot.0);
        self.by_client_order_id.remove(client_order_id_hash(session, client_order_id), slot.0);
        if session_next == slot {
            self.by_session.remove(session_hash(session), slot.0);
        } else {
            if self.first_of(session) == Some(slot) {
                self.by_session.redirect(session_hash(session), slot.0, session_next.0);
            }
            self.link_session(session_prev, session_next);
        }
        self.arena.remove(slot);
    }

    fn link_session(&mut self, earlier: OrderSlot, later: OrderSlot) {
        self.arena[earlier].session_next = later;
        self.arena[later].session_prev = earlier;
    }

    /// Walks everything and panics where an order is not found under its names, or a session's
    /// ring is broken.
    pub(crate) fn check_invariants(&self) {
        let (mut live_count, mut ring_count) = (0, 0);
        for (slot, order) in self.arena.iter().filter(|(_, order)| order.order_id != OrderId(0)) {
            let Order { session, order_id, client_order_id, .. } = *order;
            live_count += 1;
            assert_eq!(self.find(session, OrderRef::Order(order_id)), Some(slot));
            assert_eq!(self.find(session, OrderRef::Client(client_order_id)), Some(slot));
            let first = self.first_of(session).expect("a session with orders is indexed");
            let next = &self.arena[order.session_next];
            assert_eq!((next.session, next.session_prev), (session, slot));
            assert!(next.order_id > order_id || order.session_next == first, "ring sorted");
            ring_count += u32::from(first == slot);
        }
        assert_eq!(live_count, self.arena.count());
        assert_eq!(live_count, self.by_order_id.count());
        assert_eq!(live_count, self.by_client_order_id.count());
        assert_eq!(ring_count, self.by_session.count(), "one ring per session");
    }
}
