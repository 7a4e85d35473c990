//! Good-till-date orders, by when they expire.
//!
//! A binary heap in one array, whose entries know their orders and whose orders know their entries
//! (`Extra::heap_at`), so that an order that goes early takes its entry along: the heap never holds
//! more than what lives.

use alloc::vec::Vec;

use vesta_types::{CancelReason, OrderId, TimeNs};

use crate::arena::Arena;
use crate::book::BookIndex;
use crate::events::EventSink;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    expires: TimeNs,
    order_id: OrderId,
    slot: u32,
}

pub(crate) struct Expiries {
    heap: Vec<Entry>,
    /// When the first expires; `TimeNs(u64::MAX)` when nothing does.
    pub(crate) next: TimeNs,
}

impl Expiries {
    pub(crate) fn new(order_count_max: u32) -> Self {
        Self { heap: Vec::with_capacity(order_count_max as usize), next: TimeNs(u64::MAX) }
    }

    pub(crate) fn insert(&mut self, arena: &mut Arena, slot: NodeId, expires: TimeNs) {
        let order_id = arena[slot].order_id;
        self.heap.push(Entry { expires, order_id, slot: slot.0 });
        self.rise(arena, self.heap.len() - 1);
        self.set_next();
    }

    pub(crate) fn remove(&mut self, arena: &mut Arena, slot: NodeId) {
        let at = arena.extra(slot).heap_at as usize;
        debug_assert_eq!(self.heap[at].slot, slot.0);
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            let at = self.rise(arena, at);
            self.sink(arena, at);
        }
        self.set_next();
    }

    fn set_next(&mut self) {
        self.next = self.heap.first().map_or(TimeNs(u64::MAX), |entry| entry.expires);
    }

    fn first(&self) -> Option<NodeId> {
        self.heap.first().map(|entry| NodeId(entry.slot))
    }

    fn tell(&self, arena: &mut Arena, at: usize) {
        arena.extra_mut(NodeId(self.heap[at].slot)).heap_at = at as u32;
    }

    fn rise(&mut self, arena: &mut Arena, mut at: usize) -> usize {
        while at > 0 && self.heap[at] < self.heap[(at - 1) / 2] {
            let parent = (at - 1) / 2;
            self.heap.swap(at, parent);
            self.tell(arena, at);
            at = parent;
        }
        self.tell(arena, at);
        at
    }

    fn sink(&mut self, arena: &mut Arena, mut at: usize) {
        loop {
            let children = 2 * at + 1..(2 * at + 3).min(self.heap.len());
            let Some(child) = children.min_by_key(|&child| self.heap[child]) else {
                return;
            };
            if self.heap[at] < self.heap[child] {
                return;
            }
            self.heap.swap(at, child);
            self.tell(arena, at);
            self.tell(arena, child);
            at = child;
        }
    }

    pub(crate) fn check_invariants(&self, arena: &Arena) {
        for (at, entry) in self.heap.iter().enumerate() {
            assert!(at == 0 || self.heap[(at - 1) / 2] < *entry, "a heap");
            let extra = arena.extra(NodeId(entry.slot));
            assert_eq!((extra.heap_at, extra.terms.expires), (at as u32, entry.expires));
            assert_eq!(arena[NodeId(entry.slot)].order_id, entry.order_id);
        }
    }
}

impl<R: Reservation> Matcher<R> {
    /// Time goes on: cancels every order whose time is up. To be called before each command with
    /// the command's sequenced time. Time never falls: an earlier one changes nothing.
    #[inline]
    pub fn advance_to(&mut self, time: TimeNs, sink: &mut impl EventSink) {
        self.time = self.time.max(time);
        if self.time >= self.expiries.next {
            self.expire(sink);
        }
    }

    #[cold]
    fn expire(&mut self, sink: &mut impl EventSink) {
        while self.time >= self.expiries.next
            && let Some(slot) = self.expiries.first()
        {
            self.withdraw(slot, CancelReason::Expired, sink);
        }
        self.follow_all_pegs(sink);
    }

    /// Time goes on, and the indicative prices of auctions that are being called are told, where they
    /// have changed. To be called for each tick of the log.
    pub fn tick(&mut self, time: TimeNs, sink: &mut impl EventSink) {
        self.advance_to(time, sink);
        for index in 0..self.books.len() {
            self.tell_indicative(BookIndex(index as u32), sink);
        }
    }

    /// Pegged orders of all instruments follow their touch.
    pub(crate) fn follow_all_pegs(&mut self, sink: &mut impl EventSink) {
        for index in 0..self.books.len() {
            self.follow_pegs(BookIndex(index as u32), sink);
        }
    }
}
