//! Where live orders are kept, beside their [links](crate::links).
//!
//! ```text
//!   orders   [ Order: 64 bytes, one cache line ]        by slot, which is also the node
//!   rings    [ {next, prev, session} ]                  by slot: see `rings.rs`
//!   extras   [ Extra ]                                  by Order::extra: what few orders have
//! ```
//!
//! A plain order (limit, good till cancelled or for the day, shown whole or hidden) needs no
//! `Extra`. Slots are used again last freed, first used: they are in the cache.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use vesta_types::state_hash::{HashHead, LiveOrder, OrderPhase, kind_bits};
use vesta_types::{
    AccountId, ClientOrderId, NewOrder, OrderId, OrderType, PostOnly, PriceTicks, QtyLots,
    SelfTrade, Side, StpGroup, TimeInForce,
};

use crate::book::BookIndex;
use crate::links::{Links, NodeId};
use crate::memory::Table;
use crate::rings::Rings;
use crate::sessions::SessionIndex;
use crate::settling::Marks;

/// Where an order is, and how it differs from the plainest: its [`kind_bits`]. Set once, but for the
/// phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    pub(crate) const SELL: u16 = 1;
    /// In a queue that is not displayed, or bound for one.
    pub(crate) const UNDISPLAYED: u16 = 1 << 1;
    pub(crate) const HIDDEN: u16 = 1 << 2;
    pub(crate) const ALL_OR_NONE: u16 = 1 << 3;
    /// Has `Extra::terms.min_qty`.
    pub(crate) const MIN_QTY: u16 = 1 << 4;
    pub(crate) const ICEBERG: u16 = 1 << 5;
    pub(crate) const PEGGED: u16 = 1 << 6;
    pub(crate) const POST_ONLY_REJECT: u16 = 1 << 7;
    pub(crate) const POST_ONLY_REPRICE: u16 = 1 << 8;
    pub(crate) const DAY: u16 = 1 << 9;
    /// Among the stops that were elected and did not act yet.
    pub(crate) const ELECTED: u16 = 1 << 10; // The one bit that is not of its kind.
    /// The self-trade instruction, three bits.
    const SELF_TRADE_SHIFT: u32 = 11;
    /// The phase less one, two bits.
    const PHASE_SHIFT: u32 = 14;

    pub(crate) const fn of(terms: &NewOrder) -> Self {
        Self(kind_bits(terms, OrderPhase::Queued))
    }

    /// Those of a limit order with nothing special.
    #[inline(always)]
    pub(crate) const fn plain(side: Side, is_day: bool, self_trade: SelfTrade) -> Self {
        let side = side as u16 - 1;
        let day = if is_day { Self::DAY } else { 0 };
        Self(side | day | (self_trade as u16) << Self::SELF_TRADE_SHIFT)
    }

    #[inline(always)]
    pub(crate) const fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    #[inline(always)]
    pub(crate) const fn side(self) -> Side {
        if self.has(Self::SELL) { Side::Sell } else { Side::Buy }
    }

    pub(crate) fn set(&mut self, bit: u16, to: bool) {
        self.0 = if to { self.0 | bit } else { self.0 & !bit };
    }

    pub(crate) fn self_trade(self) -> SelfTrade {
        let byte = (self.0 >> Self::SELF_TRADE_SHIFT & 7) as u8;
        SelfTrade::from_wire(byte).expect("it was made from one")
    }

    pub(crate) fn phase(self) -> OrderPhase {
        match self.0 >> Self::PHASE_SHIFT {
            0 => OrderPhase::Queued,
            1 => OrderPhase::Waiting,
            2 => OrderPhase::ForAuction,
            _ => OrderPhase::Parked,
        }
    }

    pub(crate) fn set_phase(&mut self, phase: OrderPhase) {
        let mask = 3 << Self::PHASE_SHIFT;
        self.0 = self.0 & !mask | (phase as u16 - 1) << Self::PHASE_SHIFT;
    }

    fn post_only(self) -> PostOnly {
        if self.has(Self::POST_ONLY_REJECT) {
            PostOnly::Reject
        } else if self.has(Self::POST_ONLY_REPRICE) {
            PostOnly::Reprice
        } else {
            PostOnly::Off
        }
    }
}

/// No extra.
pub(crate) const NO_EXTRA: u32 = u32::MAX;

/// A live order. What it offers in its queue is in its node.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Order {
    /// 0 while the slot is free.
    pub(crate) order_id: OrderId,
    pub(crate) client_order_id: ClientOrderId,
    pub(crate) account: AccountId,
    /// The price at which it is queued, in ticks; of a stop, its limit or 0; 0 while parked.
    pub(crate) price: PriceTicks,
    /// Of its last entry into a queue; 0 before the first.
    pub(crate) priority: u64,
    /// The queue that it is in; NIL between leaving one and entering the next, and while parked.
    pub(crate) level: NodeId,
    pub(crate) session: SessionIndex,
    pub(crate) stp_group: StpGroup,
    /// Its place among the extras, or [`NO_EXTRA`].
    pub(crate) extra: u32,
    pub(crate) book: BookIndex,
    pub(crate) flags: Flags,
    /// What has been done for it: see [`settling`](crate::settling).
    pub(crate) marks: Marks,
}

// One line: an order that is touched costs one miss. Larger: someone added a field.
const _: () = assert!(size_of::<Order>() == 64);

/// What few orders have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    /// As given, but `order_type`, `price`, `stop_price`, `trail_ticks` and `offset_ticks` are those
    /// in force. `qty` is not kept up to date.
    pub(crate) terms: NewOrder,
    /// Of an iceberg: what is open beside what its node offers. Of an order that is in no queue of
    /// the book (waiting, for auction, parked): 0, its node has it all.
    pub(crate) reserve: u64,
    /// In the list of the book's pegged or trailing orders, by slot.
    pub(crate) list_next: NodeId,
    pub(crate) list_prev: NodeId,
    /// GTD: its place in the heap of expiries.
    pub(crate) heap_at: u32,
}

/// All live orders of a shard.
pub(crate) struct Arena {
    orders: Table<Order>,
    pub(crate) rings: Rings,
    extras: Vec<Extra>,
    /// The last freed, or the lowest; the others follow by their nodes.
    free: NodeId,
    free_extras: Vec<u32>,
}

impl Order {
    /// What is in a slot that was never taken.
    pub(crate) const FREE: Self = Self {
        order_id: OrderId(0),
        client_order_id: ClientOrderId(0),
        account: AccountId(0),
        price: PriceTicks(0),
        priority: 0,
        level: NodeId::NIL,
        session: SessionIndex(0),
        stp_group: StpGroup(0),
        extra: NO_EXTRA,
        book: BookIndex(0),
        flags: Flags(0),
        marks: Marks::NONE,
    };
}

impl Arena {
    pub(crate) fn new(count_max: u32) -> Self {
        let capacity = count_max as usize;
        Self {
            orders: Table::touched(capacity, Order::FREE),
            rings: Rings::new(count_max),
            extras: Vec::with_capacity(capacity),
            free: NodeId(0),
            free_extras: Vec::with_capacity(capacity),
        }
    }

    /// The slot that the next order gets; NIL when there is no more.
    #[inline(always)]
    pub(crate) fn next_slot(&self) -> NodeId {
        self.free
    }

    /// Takes the [next slot](Self::next_slot), which there is, for [`put`](Self::put).
    #[inline(always)]
    pub(crate) fn take(&mut self, links: &Links, slot: NodeId) {
        debug_assert!(slot == self.free && slot != NodeId::NIL, "the guards have seen one");
        self.free = links[slot].next;
    }

    /// Puts an order into the slot that was taken for it, whose marks it gets.
    #[inline(always)]
    pub(crate) fn put(&mut self, slot: NodeId, order: Order) {
        let marks = self.orders[slot.0].marks;
        self.orders[slot.0] = Order { marks, ..order };
    }

    /// Gives back the extra of an order that goes.
    pub(crate) fn remove_extra(&mut self, slot: NodeId) {
        self.free_extras.push(self[slot].extra);
    }

    /// Gives a slot back.
    #[inline(always)]
    pub(crate) fn remove(&mut self, links: &mut Links, slot: NodeId) {
        let order = &mut self.orders[slot.0];
        debug_assert_ne!(order.order_id, OrderId(0), "freed twice");
        order.order_id = OrderId(0);
        links[slot].next = self.free;
        self.free = slot;
    }

    /// See [`Table::prefetch`].
    #[inline(always)]
    pub(crate) fn prefetch(&self, slot: NodeId) {
        self.orders.prefetch(slot.0);
    }

    /// A place for what few orders have.
    pub(crate) fn new_extra(&mut self, extra: Extra) -> u32 {
        match self.free_extras.pop() {
            Some(at) => {
                self.extras[at as usize] = extra;
                at
            }
            None => {
                self.extras.push(extra);
                self.extras.len() as u32 - 1
            }
        }
    }

    /// The extra of an order that has one.
    pub(crate) fn extra(&self, slot: NodeId) -> &Extra {
        &self.extras[self[slot].extra as usize]
    }

    /// The extra of an order that has one.
    pub(crate) fn extra_mut(&mut self, slot: NodeId) -> &mut Extra {
        let at = self[slot].extra;
        &mut self.extras[at as usize]
    }

    /// The extra of an order, if it has one.
    pub(crate) fn extra_of(&self, slot: NodeId) -> Option<&Extra> {
        let at = self[slot].extra;
        (at != NO_EXTRA).then(|| &self.extras[at as usize])
    }

    /// What of an iceberg is open beside its tip; 0 for any other order.
    #[inline(always)]
    pub(crate) fn reserve(&self, slot: NodeId) -> u64 {
        if self[slot].flags.has(Flags::ICEBERG) { self.extra(slot).reserve } else { 0 }
    }

    /// Gathers the live orders of a session's [ring](Rings::gather).
    pub(crate) fn gather(&mut self, first: NodeId, gathered: &mut Vec<NodeId>) -> NodeId {
        let Self { rings, orders, .. } = self;
        rings.gather(first, |slot| orders[slot.0].order_id != OrderId(0), gathered)
    }

    /// Live slots, in no order that means anything.
    pub(crate) fn live(&self) -> impl Iterator<Item = NodeId> {
        let all = (0..).map(NodeId).zip(self.orders.as_slice());
        all.filter(|(_, order)| order.order_id != OrderId(0)).map(|(slot, _)| slot)
    }

    /// True when the slot holds a live order.
    pub(crate) fn is_live(&self, slot: NodeId) -> bool {
        self.orders[slot.0].order_id != OrderId(0)
    }

    /// The hash of an order that has no extra: what [`order_hash`](vesta_types::state_hash::order_hash)
    /// makes of its [`view`](Self::view), without making one.
    #[inline(always)]
    pub(crate) fn plain_hash(&self, slot: NodeId, place: (u32, u32), offered: u64) -> u64 {
        let order = &self[slot];
        let head = HashHead {
            order_id: order.order_id.0,
            place,
            client_order_id: order.client_order_id.0,
            kind: order.flags.0,
            stp_group: order.stp_group.0,
            price: order.price.0,
            qty: offered,
            priority: order.priority,
            account: order.account.0,
        };
        head.hash()
    }

    /// An order as its terms stand, but for those that the arena does not know: session,
    /// instrument and quantity.
    pub(crate) fn view(&self, slot: NodeId, of: &NewOrder, offered: u64) -> LiveOrder {
        let order = &self[slot];
        let phase = order.flags.phase();
        let is_queued = phase == OrderPhase::Queued;
        let plain = NewOrder {
            client_order_id: order.client_order_id,
            account: order.account,
            side: order.flags.side(),
            order_type: OrderType::Limit,
            time_in_force: match order.flags.has(Flags::DAY) {
                true => TimeInForce::Day,
                false => TimeInForce::Gtc,
            },
            post_only: order.flags.post_only(),
            hidden: order.flags.has(Flags::HIDDEN),
            all_or_none: order.flags.has(Flags::ALL_OR_NONE),
            stp_group: order.stp_group,
            self_trade: order.flags.self_trade(),
            price: order.price,
            ..*of
        };
        let terms = self.extra_of(slot).map_or(plain, |extra| NewOrder {
            session: of.session,
            instrument: of.instrument,
            ..extra.terms
        });
        let shown = is_queued && !order.flags.has(Flags::UNDISPLAYED);
        LiveOrder {
            order_id: order.order_id,
            terms: NewOrder { qty: QtyLots(offered + self.reserve(slot)), ..terms },
            phase,
            queue_price: if is_queued { order.price } else { PriceTicks(0) },
            displayed: QtyLots(if shown { offered } else { 0 }),
            priority: order.priority,
        }
    }
}

impl Index<NodeId> for Arena {
    type Output = Order;
    #[inline(always)]
    fn index(&self, slot: NodeId) -> &Order {
        &self.orders[slot.0]
    }
}

impl IndexMut<NodeId> for Arena {
    #[inline(always)]
    fn index_mut(&mut self, slot: NodeId) -> &mut Order {
        &mut self.orders[slot.0]
    }
}
