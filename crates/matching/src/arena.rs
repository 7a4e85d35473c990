//! Where orders live: one allocation, addressed by `u32`.
//!
//! ```text
//!   level queue     head --next--> . --next--> tail       (prev the other way, NIL at both ends)
//!   session list    first --session_next--> ... --> first (a ring, in ascending order_id)
//!   free list       free_head --next--> ... --> NIL       (last freed, first used: it is cached)
//! ```

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use vesta_types::state_hash::RestingOrder;
use vesta_types::{ClientOrderId, InstrumentId, OrderId, PriceTicks, QtyLots, SessionId, Side};

use crate::book::BookIndex;
use crate::side::LevelSlot;

/// Address of an order in the [`Arena`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrderSlot(pub(crate) u32);

impl OrderSlot {
    /// No order.
    pub(crate) const NIL: Self = Self(u32::MAX);

    /// `None` for [`NIL`](Self::NIL).
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::NIL).then_some(self)
    }
}

/// An order: what its owner said of it, what is open of it, and where it is linked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// 0 while the slot is free.
    pub(crate) order_id: OrderId,
    pub(crate) client_order_id: ClientOrderId,
    /// 0 for a market order, which never gets into the arena.
    pub(crate) price: PriceTicks,
    /// What is open.
    pub(crate) qty: QtyLots,
    /// Of its last entry into a queue; 0 before the first.
    pub(crate) priority: u64,
    pub(crate) session: SessionId,
    pub(crate) instrument: InstrumentId,
    pub(crate) book: BookIndex,
    /// [`LevelSlot::NIL`] while it is in no queue: on arrival, and between leaving a queue and
    /// resting again.
    pub(crate) level: LevelSlot,
    pub(crate) next: OrderSlot,
    pub(crate) prev: OrderSlot,
    pub(crate) session_next: OrderSlot,
    pub(crate) session_prev: OrderSlot,
    pub(crate) side: Side,
    pub(crate) post_only: bool,
}

// Ten orders in nine cache lines is what the intrusive links cost. Larger: someone added a field.
const _: () = assert!(size_of::<Order>() == 80);

impl Order {
    pub(crate) fn view(&self) -> RestingOrder {
        RestingOrder {
            order_id: self.order_id,
            session: self.session,
            client_order_id: self.client_order_id,
            instrument: self.instrument,
            side: self.side,
            post_only: self.post_only,
            price: self.price,
            qty: self.qty,
            priority: self.priority,
        }
    }
}

pub(crate) struct Arena {
    slots: Vec<Order>,
    free_head: OrderSlot,
    count: u32,
    count_max: u32,
}

impl Arena {
    pub(crate) fn new(count_max: u32) -> Self {
        Self {
            slots: Vec::with_capacity(count_max as usize),
            free_head: OrderSlot::NIL,
            count: 0,
            count_max,
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count == self.count_max
    }

    /// Takes a slot for an order. There must be one.
    pub(crate) fn insert(&mut self, order: Order) -> OrderSlot {
        assert!(!self.is_full(), "no free order slot");
        assert_ne!(order.order_id, OrderId(0), "0 marks a free slot");
        let slot = match self.free_head.some() {
            Some(slot) => {
                self.free_head = self.slots[slot.0 as usize].next;
                self.slots[slot.0 as usize] = order;
                slot
            }
            None => {
                // Below count_max <= 2^24, and within the capacity reserved at the start.
                let slot = OrderSlot(self.slots.len() as u32);
                self.slots.push(order);
                slot
            }
        };
        self.count += 1;
        slot
    }

    /// Gives a slot back.
    pub(crate) fn remove(&mut self, slot: OrderSlot) {
        let order = &mut self.slots[slot.0 as usize];
        assert_ne!(order.order_id, OrderId(0), "freed twice");
        debug_assert_eq!(order.level, LevelSlot::NIL, "freed while in a queue");
        order.order_id = OrderId(0);
        order.next = self.free_head;
        self.free_head = slot;
        self.count -= 1;
    }

    /// Slots that were ever used: live ones and those on the free list.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (OrderSlot, &Order)> {
        (0..).map(OrderSlot).zip(&self.slots)
    }
}

impl Index<OrderSlot> for Arena {
    type Output = Order;
    fn index(&self, slot: OrderSlot) -> &Order {
        let order = &self.slots[slot.0 as usize];
        debug_assert_ne!(order.order_id, OrderId(0), "stale slot");
        order
    }
}

impl IndexMut<OrderSlot> for Arena {
    fn index_mut(&mut self, slot: OrderSlot) -> &mut Order {
        let order = &mut self.slots[slot.0 as usize];
        debug_assert_ne!(order.order_id, OrderId(0), "stale slot");
        order
    }
}
