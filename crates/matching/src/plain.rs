//! The way of plain orders: limit orders with nothing special, in continuous trading. They are most of
//! all orders, and no rule is left out for them; but most rules have nothing to say to them, and need not
//! be asked ([`SafeRange`](crate::safe_range::SafeRange)).

use vesta_types::{
    CancelReason, Cancelled, ClientOrderId, Event, NewOrder, QtyLots, RejectReason, Replace,
    ReplaceShrink, Rested, TimeInForce,
};

use crate::admit::require;
use crate::arena::{Flags, NO_EXTRA, Order};
use crate::book::BookIndex;
use crate::events::EventSink;
use crate::ladder::{Key, Ladder, Near};
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::names::Place;
use crate::new_order::is_plain;
use crate::replace::{accepted, replaced};
use crate::reservation::Reservation;
use crate::sessions::SessionIndex;
use crate::settling::Marks;
use crate::taker::{Ended, Taker};

/// A new order that could not be carried out at once, and how far it got. It is good for that order, and for
/// the next call: what the guards have let by is not asked again.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfinished(u8);

impl Unfinished {
    /// Nothing is known of it.
    pub(crate) const GUARDS: Self = Self(0);
    /// The guards have let it by; its reservation has not been asked for.
    pub(crate) const ADMITTED: Self = Self(1);
    /// Its reservation was refused.
    pub(crate) const REFUSED: Self = Self(2);
}

impl<R: Reservation> Matcher<R> {
    /// A plain new order for which all is at hand: session, instrument, a place for its name (its own, if not
    /// `ANYWHERE`), a page for its price, and that meets nobody. Of any other nothing has been done, and
    /// [`finish_new`](Self::finish_new) does it.
    ///
    /// Whatever is rare leads out of here, so that nothing has to be kept across a call.
    #[inline(always)]
    pub(crate) fn new_at_once<const ANYWHERE: bool>(
        &mut self,
        new: &NewOrder,
        sink: &mut impl EventSink,
    ) -> Result<(), Unfinished> {
        let session = self.sessions.find_near(new.session).ok_or(Unfinished::GUARDS)?;
        let index = self.find_book_near(new.instrument).ok_or(Unfinished::GUARDS)?;
        let book = self.book(index);
        let is_safe = is_plain(new) && book.safe.has(new.price, new.qty);
        if !is_safe || new.client_order_id == ClientOrderId(0) {
            return Err(Unfinished::GUARDS);
        }
        let place = self.names.place_for::<ANYWHERE>(&self.arena, session, new.client_order_id);
        let place = place.ok_or(Unfinished::GUARDS)?;
        let may_rest = new.time_in_force.may_rest();
        let ladder = &book.displayed[new.side.index()];
        let slot = self.arena.next_slot();
        if may_rest
            && (self.sessions.at(session).open_left == 0
                || slot == NodeId::NIL
                || ladder.level_count() >= self.capacity.level_count_max)
        {
            return Err(Unfinished::GUARDS);
        }
        let key = ladder.key(new.price);
        let makers = new.side.opposite().index();
        let touch = book.displayed[makers].best_key().max(book.undisplayed[makers].best_key());
        let meets = touch >= Ladder::mirrored(key);
        if meets {
            return Err(Unfinished::ADMITTED);
        }
        if !may_rest {
            if !self.reserve(new) {
                return Err(Unfinished::REFUSED);
            }
            sink.event(self.accepted(new, new.price));
            sink.event(self.dropped_plain(new));
            self.reservation.release(self.order_id_last, new.qty);
            return Ok(());
        }
        let near = ladder.near(key).ok_or(Unfinished::GUARDS)?;
        if !self.reserve(new) {
            return Err(Unfinished::REFUSED);
        }
        // First all that is done, then what is said: a sink may be a function elsewhere, across which
        // nothing stays in registers.
        self.rest_plain::<ANYWHERE>(new, (session, index), slot, new.qty.0, Ok((place, near)));
        sink.event(self.accepted(new, new.price));
        sink.event(self.rested_plain(new, new.qty));
        Ok(())
    }

    /// Any plain new order in continuous trading. The guards are those of [`admit_new`](Self::admit_new), but
    /// for what it can not break.
    pub(crate) fn new_plain(
        &mut self,
        new: &NewOrder,
        session: SessionIndex,
        index: BookIndex,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        use RejectReason as Reason;
        self.admit_unsafe(new, index)?;
        let namesake = self.names.by_client(&self.arena, session, new.client_order_id);
        require(namesake.is_none(), Reason::DuplicateClientOrderId)?;
        if new.time_in_force.may_rest() {
            require(self.sessions.at(session).open_left > 0, Reason::OpenOrderLimit)?;
            require(self.arena.next_slot() != NodeId::NIL, Reason::OrderCapacity)?;
            let ladder = &self.book(index).displayed[new.side.index()];
            require(!self.lacks_level(ladder, new.price), Reason::LevelCapacity)?;
        }
        self.act_plain(new, session, index, sink)
    }

    /// Asks for the reservation of a new order; if it is had, the order gets its id.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, new: &NewOrder) -> bool {
        let order_id = self.next_order_id();
        let reserved = self.reservation.reserve(order_id, new);
        if reserved {
            self.order_id_last = order_id;
        }
        reserved
    }

    /// A plain order that may meet a maker, and that the guards have let by.
    #[inline(never)]
    pub(crate) fn act_plain(
        &mut self,
        new: &NewOrder,
        session: SessionIndex,
        index: BookIndex,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        require(self.reserve(new), RejectReason::ReservationRefused)?;
        sink.event(self.accepted(new, new.price));
        self.begin_action(index);
        let mut taker = Taker::arriving(new, index, self.order_id_last);
        self.set_bounds(&mut taker);
        if self.trade(&mut taker, sink) == Ended::Bounds {
            match self.at_bounds(&mut taker, new.time_in_force.may_rest(), sink) {
                None => {
                    let key = self.book(index).displayed[new.side.index()].key(new.price);
                    // A guard has seen one; and it is an index that nothing else checks.
                    let slot = self.arena.next_slot();
                    assert_ne!(slot, NodeId::NIL, "no free order slot");
                    self.rest_plain::<true>(new, (session, index), slot, taker.qty, Err(key));
                    sink.event(self.rested_plain(new, QtyLots(taker.qty)));
                }
                Some(reason) => self.drop_remainder(&taker, reason, sink),
            }
        }
        self.settle_book(index, sink);
        Ok(())
    }

    /// Lets a plain order rest: what [`rest_new`](Self::rest_new) does, without asking what it is not. Given
    /// are the place for its name and that of its price, where they are known, else the key.
    #[inline(always)]
    fn rest_plain<const ANYWHERE: bool>(
        &mut self,
        new: &NewOrder,
        (session, book): (SessionIndex, BookIndex),
        slot: NodeId,
        open: u64,
        near: Result<(Place, Near), Key>,
    ) {
        self.sessions.add_one(session);
        self.arena.take(&self.levels.links, slot);
        let ladder = &mut self.books[book.0].displayed[new.side.index()];
        let level = match near {
            Ok((place, near)) => {
                self.names.take_place::<ANYWHERE>(place, slot, session, new.client_order_id);
                ladder.push_near(&mut self.levels, slot, near, open);
                near.level()
            }
            Err(key) => {
                self.names.insert_client(slot, session, new.client_order_id);
                ladder.push(&mut self.levels, slot, key, open)
            }
        };
        let priority = self.next_priority();
        let is_day = new.time_in_force == TimeInForce::Day;
        let order = Order {
            order_id: self.order_id_last,
            client_order_id: new.client_order_id,
            account: new.account,
            price: new.price,
            priority,
            level,
            session,
            stp_group: new.stp_group,
            extra: NO_EXTRA,
            book,
            flags: Flags::plain(new.side, is_day, new.self_trade),
            marks: Marks::NONE,
        };
        self.arena.put(slot, order);
        self.after_change(slot);
    }

    /// What is said when the plain order that came last rests.
    #[inline(always)]
    fn rested_plain(&self, new: &NewOrder, open: QtyLots) -> Event {
        Event::Rested(Rested {
            order_id: self.order_id_last,
            session: new.session,
            client_order_id: new.client_order_id,
            instrument: new.instrument,
            side: new.side,
            price: new.price,
            qty: open,
            displayed: open,
        })
    }

    /// What is said when the plain order that came last is immediate, and meets nobody.
    #[inline(always)]
    fn dropped_plain(&self, new: &NewOrder) -> Event {
        Event::Cancelled(Cancelled {
            order_id: self.order_id_last,
            session: new.session,
            client_order_id: new.client_order_id,
            instrument: new.instrument,
            side: new.side,
            price: new.price,
            qty: new.qty,
            displayed: QtyLots::ZERO,
            reason: CancelReason::ImmediateOrCancel,
        })
    }

    /// True when a plain order in continuous trading is to get a price and quantity that are good, and
    /// loses its place.
    #[inline(always)]
    pub(crate) fn is_plain_replace(&self, replace: &Replace, slot: NodeId) -> bool {
        let order = &self.arena[slot];
        let book = self.book(order.book);
        let special = Flags::UNDISPLAYED | Flags::POST_ONLY_REJECT | Flags::POST_ONLY_REPRICE;
        order.extra == NO_EXTRA
            && !order.flags.has(special)
            && replace.stop_price.0 == 0
            && book.safe.has(replace.price, replace.qty)
            && (replace.price != order.price
                || replace.qty.0 >= self.levels.links[slot].qty
                || book.rules.replace_shrink == ReplaceShrink::LosesPriority)
    }

    /// A [plain](Self::is_plain_replace) replace for which all is at hand. `None` for any other, of which
    /// nothing has been done.
    #[inline(always)]
    pub(crate) fn replace_at_once<const ANYWHERE: bool>(
        &mut self,
        replace: &Replace,
        sink: &mut impl EventSink,
    ) -> Option<Result<(), RejectReason>> {
        let (price, qty) = (replace.price, replace.qty);
        let session = self.sessions.find_near(replace.session)?;
        let (slot, _) =
            self.target_by_client::<ANYWHERE>(session, replace.instrument, replace.target)?;
        if !self.is_plain_replace(replace, slot) {
            return None;
        }
        let order = &self.arena[slot];
        let ladder = &self.book(order.book).displayed[order.flags.side().index()];
        if ladder.level_count() >= self.capacity.level_count_max {
            return None;
        }
        if !self.reservation.reserve_again(order.order_id, price, qty) {
            return Some(Err(RejectReason::ReservationRefused));
        }
        self.before_change(slot);
        let order = self.arena[slot];
        let open = self.levels.links[slot].qty;
        let side = order.flags.side();
        let book = &mut self.books[order.book.0];
        let makers = side.opposite().index();
        let touch = book.displayed[makers].best_key().max(book.undisplayed[makers].best_key());
        let ladder = &mut book.displayed[side.index()];
        let (old_key, key) = (ladder.key(order.price), ladder.key(price));
        ladder.unlink(&mut self.levels, old_key, order.level, slot);
        if touch >= Ladder::mirrored(key) {
            let live = &mut self.arena[slot];
            (live.price, live.level) = (price, NodeId::NIL);
            sink.event(accepted(replace, &order, price));
            sink.event(Event::Replaced(replaced(replace, &order, open)));
            self.take_again(slot, Taker::of(&order, replace.session, price, qty.0), sink);
            return Some(Ok(()));
        }
        let level = ladder.push(&mut self.levels, slot, key, qty.0);
        let priority = self.next_priority();
        let live = &mut self.arena[slot];
        (live.price, live.level, live.priority) = (price, level, priority);
        self.after_change(slot);
        sink.event(accepted(replace, &order, price));
        sink.event(Event::Replaced(replaced(replace, &order, open)));
        sink.event(Event::Rested(Rested {
            order_id: order.order_id,
            session: replace.session,
            client_order_id: order.client_order_id,
            instrument: replace.instrument,
            side,
            price,
            qty,
            displayed: qty,
        }));
        Some(Ok(()))
    }

    /// A plain order that was replaced, and meets a maker.
    #[inline(never)]
    fn take_again(&mut self, slot: NodeId, taker: Taker, sink: &mut impl EventSink) {
        let index = taker.book;
        self.begin_action(index);
        self.act_live(slot, taker, true, false, sink);
        self.settle_book(index, sink);
    }
}
