//! How orders enter and leave queues, and come to life and go. These are all that change a queue,
//! so that hash, counts and triggers always agree with the queues.

use vesta_types::state_hash::OrderPhase;
use vesta_types::{CancelReason, Event, IcebergRefresh, OrderType, PriceTicks, QtyLots, Rested};

use crate::arena::{Extra, Flags, NO_EXTRA, Order};
use crate::book::{BookIndex, List, NOT_FOLLOWED};
use crate::events::EventSink;
use crate::ladder::Ladder;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::names::Place;
use crate::reservation::Reservation;
use crate::safe_range::SafeRange;

/// A plain order that was ended, as it was.
pub(crate) struct Gone {
    pub(crate) order: Order,
    pub(crate) open: QtyLots,
}

impl Gone {
    pub(crate) fn displayed(&self) -> QtyLots {
        if self.order.flags.has(Flags::UNDISPLAYED) { QtyLots::ZERO } else { self.open }
    }
}

impl<R: Reservation> Matcher<R> {
    /// Makes an order live, in no queue yet. There is a free slot, and its names are unused.
    #[inline(always)]
    pub(crate) fn bring_to_life(&mut self, order: Order) -> NodeId {
        let Order { session, client_order_id, .. } = order;
        let slot = self.arena.next_slot();
        // The guards have seen one; and it is an index that nothing else checks.
        assert_ne!(slot, NodeId::NIL, "no free order slot");
        self.arena.take(&self.levels.links, slot);
        self.arena.put(slot, order);
        self.names.insert_client(slot, session, client_order_id);
        self.sessions.add_one(session);
        slot
    }

    /// Forgets an order that is in no queue any more.
    #[inline(always)]
    pub(crate) fn forget(&mut self, slot: NodeId) {
        if self.arena[slot].extra != NO_EXTRA {
            self.forget_extra(slot);
        }
        self.forget_plain(slot);
    }

    /// Takes an order out of the lists that only few are in, and its extra from it.
    #[cold]
    fn forget_extra(&mut self, slot: NodeId) {
        // Its hash takes the extra.
        self.unsettle(slot);
        let terms = self.arena.extra(slot).terms;
        if terms.expires.0 != 0 {
            self.expiries.remove(&mut self.arena, slot);
        }
        let book = self.arena[slot].book;
        if self.arena[slot].flags.has(Flags::PEGGED) {
            let list = self.unlisted(self.book(book).pegged, slot);
            self.book_mut(book).pegged = list;
        } else if terms.order_type.is_trailing() {
            let list = self.unlisted(self.book(book).trailing, slot);
            self.book_mut(book).trailing = list;
        }
        self.arena.remove_extra(slot);
    }

    /// What few orders have, and their places in the lists that only few are in.
    pub(crate) fn give_extra(&mut self, slot: NodeId, extra: Extra) {
        let at = self.arena.new_extra(extra);
        self.arena[slot].extra = at;
        let book = self.arena[slot].book;
        if extra.terms.expires.0 != 0 {
            self.expiries.insert(&mut self.arena, slot, extra.terms.expires);
        }
        if extra.terms.order_type == OrderType::Pegged {
            self.book_mut(book).pegged = self.listed(self.book(book).pegged, slot);
            // It is priced by the touches as they are. Where all others have followed these, it has.
            let book = self.book_mut(book);
            book.safe = SafeRange::NONE;
            if book.followed != book.touches() {
                book.followed = NOT_FOLLOWED;
            }
        } else if extra.terms.order_type.is_trailing() {
            self.book_mut(book).trailing = self.listed(self.book(book).trailing, slot);
        }
    }

    /// A list with one more order at its end: ids rise.
    fn listed(&mut self, list: List, slot: NodeId) -> List {
        self.arena.extra_mut(slot).list_prev = list.last;
        self.arena.extra_mut(slot).list_next = NodeId::NIL;
        match list.last.some() {
            Some(last) => self.arena.extra_mut(last).list_next = slot,
            None => return List { first: slot, last: slot },
        }
        List { last: slot, ..list }
    }

    /// A list without one of its orders.
    pub(crate) fn unlisted(&mut self, mut list: List, slot: NodeId) -> List {
        let Extra { list_next: next, list_prev: prev, .. } = *self.arena.extra(slot);
        match prev.some() {
            Some(prev) => self.arena.extra_mut(prev).list_next = next,
            None => list.first = next,
        }
        match next.some() {
            Some(next) => self.arena.extra_mut(next).list_prev = prev,
            None => list.last = prev,
        }
        list
    }

    /// Puts a live order at the end of its price's queue, with so much open.
    #[inline(always)]
    pub(crate) fn enter_book(&mut self, slot: NodeId, open: u64) {
        // Settled while it acted, if that pushed its note out.
        self.before_change(slot);
        let priority = self.next_priority();
        let order = &mut self.arena[slot];
        order.priority = priority;
        order.flags.set_phase(OrderPhase::Queued);
        let Order { flags, price, book, .. } = *order;
        let mut offered = open;
        if flags.has(Flags::ICEBERG) {
            offered = self.show_tip(slot, open);
        }
        let ladder = self.books[book.0].ladder_mut(flags.side(), flags.has(Flags::UNDISPLAYED));
        let key = ladder.key(price);
        let level = ladder.push(&mut self.levels, slot, key, offered);
        self.arena[slot].level = level;
        self.after_change(slot);
    }

    /// Splits what is open of an iceberg into tip and reserve; returns the tip.
    #[cold]
    fn show_tip(&mut self, slot: NodeId, open: u64) -> u64 {
        let Order { book, flags, .. } = self.arena[slot];
        self.book_mut(book).iceberg_count[flags.side().index()] += 1;
        let extra = self.arena.extra_mut(slot);
        let tip = open.min(extra.terms.display_qty.0);
        extra.reserve = open - tip;
        tip
    }

    /// Puts a live order at the end of its price's queue, and says so.
    #[inline(always)]
    pub(crate) fn rest(&mut self, slot: NodeId, open: u64, sink: &mut impl EventSink) {
        self.enter_book(slot, open);
        sink.event(self.rested(slot));
    }

    #[inline(always)]
    fn rested(&self, slot: NodeId) -> Event {
        let order = &self.arena[slot];
        Event::Rested(Rested {
            order_id: order.order_id,
            session: self.sessions.at(order.session).id,
            client_order_id: order.client_order_id,
            instrument: self.book(order.book).instrument,
            side: order.flags.side(),
            price: order.price,
            qty: QtyLots(self.open(slot)),
            displayed: self.displayed(slot),
        })
    }

    /// Takes an order out of whatever queue it is in; returns what was open. It stays live.
    #[inline(always)]
    pub(crate) fn leave_queue(&mut self, slot: NodeId) -> u64 {
        self.before_change(slot);
        let open = self.open(slot);
        let Order { flags, book, .. } = self.arena[slot];
        if flags.phase() == OrderPhase::Queued {
            let order = self.arena[slot];
            self.leave_ladder(slot, &order);
            if flags.has(Flags::ICEBERG) {
                self.book_mut(book).iceberg_count[flags.side().index()] -= 1;
                self.arena.extra_mut(slot).reserve = 0;
            }
        } else {
            self.leave_other_queue(slot);
        }
        self.arena[slot].level = NodeId::NIL;
        open
    }

    /// Takes a queued order out of its price's queue. It keeps what it offers.
    #[inline(always)]
    pub(crate) fn leave_ladder(&mut self, slot: NodeId, order: &Order) {
        let &Order { flags, book, level, price, .. } = order;
        let ladder = self.books[book.0].ladder_mut(flags.side(), flags.has(Flags::UNDISPLAYED));
        let key = ladder.key(price);
        ladder.unlink(&mut self.levels, key, level, slot);
    }

    #[cold]
    fn leave_other_queue(&mut self, slot: NodeId) {
        let Order { flags, book, level, .. } = self.arena[slot];
        match flags.phase() {
            OrderPhase::Waiting if !flags.has(Flags::ELECTED) => {
                let book = &mut self.books[book.0];
                let key = Ladder::key_of(&self.levels.links, level);
                book.stops[flags.side().index()].unlink(&mut self.levels, key, level, slot);
                book.set_triggers();
            }
            OrderPhase::Waiting | OrderPhase::ForAuction => {
                self.levels.links.remove(level, slot);
            }
            OrderPhase::Queued | OrderPhase::Parked => {}
        }
    }

    /// Takes a live order out of its queue for good, and says so.
    #[inline(always)]
    pub(crate) fn withdraw(
        &mut self,
        slot: NodeId,
        reason: CancelReason,
        sink: &mut impl EventSink,
    ) {
        if self.arena[slot].extra == NO_EXTRA {
            let gone = self.end_plain::<true>(slot, None);
            sink.event(self.cancelled(&gone.order, gone.open, gone.displayed(), reason));
            self.reservation.release(gone.order.order_id, gone.open);
            return;
        }
        let displayed = self.displayed(slot);
        let open = QtyLots(self.leave_queue(slot));
        sink.event(self.cancelled(&self.arena[slot], open, displayed, reason));
        self.reservation.release(self.arena[slot].order_id, open);
        self.forget(slot);
    }

    /// Ends an order without an extra, which is in a queue of the book, and whole. Given is the place of
    /// its name, where it is known.
    #[inline(always)]
    pub(crate) fn end_plain<const ANYWHERE: bool>(
        &mut self,
        slot: NodeId,
        place: Option<Place>,
    ) -> Gone {
        self.unsettle(slot);
        // Each table is looked up once: what is written might be anything, for all that a compiler knows.
        let Self { books, levels, names, sessions, arena, .. } = self;
        let order = arena[slot];
        let (side, undisplayed) = (order.flags.side(), order.flags.has(Flags::UNDISPLAYED));
        let ladder = books[order.book.0].ladder_mut(side, undisplayed);
        let open = QtyLots(levels.links[slot].qty);
        ladder.unlink(levels, ladder.key(order.price), order.level, slot);
        match place {
            Some(place) => {
                names.leave_place::<ANYWHERE>(place, slot, order.session, order.client_order_id)
            }
            None => names.remove_client(slot, order.session, order.client_order_id),
        }
        sessions.forget_one(order.session);
        arena.remove(&mut levels.links, slot);
        Gone { order, open }
    }

    /// Forgets an order that is in no queue and in no list any more.
    #[inline(always)]
    fn forget_plain(&mut self, slot: NodeId) {
        // Settled while it acted, if that pushed its note out.
        self.unsettle(slot);
        let Order { session, client_order_id, .. } = self.arena[slot];
        self.names.remove_client(slot, session, client_order_id);
        self.sessions.forget_one(session);
        self.arena.remove(&mut self.levels.links, slot);
    }

    /// Takes so much, but not all of what it offers, off an order that keeps its place.
    #[inline(always)]
    pub(crate) fn reduce(&mut self, slot: NodeId, by: u64) {
        self.before_change(slot);
        let level = self.arena[slot].level;
        self.levels.links[slot].qty -= by;
        if level != NodeId::NIL {
            self.levels.links[level].qty -= by;
        }
        debug_assert!(self.levels.links[slot].qty > 0, "an order without quantity");
        self.after_change(slot);
    }

    /// The next tip of an iceberg whose tip is gone, at the end of its queue.
    #[cold]
    pub(crate) fn refresh(&mut self, slot: NodeId, sink: &mut impl EventSink) {
        let open = self.leave_queue(slot);
        debug_assert!(open > 0);
        self.rest(slot, open, sink);
    }

    /// True where the next tip of an iceberg takes the place of the one that is gone.
    #[inline(always)]
    pub(crate) fn tips_stay(&self, index: BookIndex) -> bool {
        self.book(index).rules.iceberg_refresh == IcebergRefresh::KeepsPriority
    }

    /// What an iceberg shows next, when its tip is gone.
    pub(crate) fn next_tip(&self, slot: NodeId) -> u64 {
        let extra = self.arena.extra(slot);
        extra.reserve.min(extra.terms.display_qty.0)
    }

    /// The next tip of an iceberg whose tip is gone, in its place. The event that took the tip tells.
    #[cold]
    pub(crate) fn refresh_in_place(&mut self, slot: NodeId) {
        debug_assert_eq!(self.levels.links[slot].qty, 0);
        let tip = self.next_tip(slot);
        let level = self.arena[slot].level;
        self.arena.extra_mut(slot).reserve -= tip;
        self.levels.links[slot].qty = tip;
        self.levels.links[level].qty += tip;
        self.after_change(slot);
    }

    /// True when an order that enters the displayed queue of `price` needs a level that its side
    /// has no room for.
    #[inline(always)]
    pub(crate) fn lacks_level(&self, ladder: &Ladder, price: PriceTicks) -> bool {
        ladder.level_count() >= self.capacity.level_count_max
            && ladder.find(&self.levels, ladder.key(price)).is_none()
    }
}
