//! A new order's way: guards, reply, action, remainder.

use vesta_types::state_hash::OrderPhase;
use vesta_types::{
    Accepted, AuctionKind, CancelReason, CommandKind, Event, NewOrder, OrderId, OrderType,
    PostOnly, PriceTicks, QtyLots, RejectReason, TimeInForce,
};

use crate::admit::require;
use crate::arena::{Extra, Flags, NO_EXTRA, Order};
use crate::book::BookIndex;
use crate::events::EventSink;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::plain::Unfinished;
use crate::reservation::Reservation;
use crate::sessions::SessionIndex;
use crate::settling::Marks;
use crate::taker::{Ended, Taker};

/// What the guards of a new order found.
#[derive(Clone, Copy)]
pub(crate) struct Admitted {
    pub(crate) session: SessionIndex,
    pub(crate) book: BookIndex,
    /// Its price, of a post-only order that was repriced the new one.
    pub(crate) price: PriceTicks,
}

impl<R: Reservation> Matcher<R> {
    /// An order that could not be carried out at once.
    #[inline(always)]
    pub(crate) fn new_unfinished(
        &mut self,
        new: &NewOrder,
        unfinished: Unfinished,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        if unfinished == Unfinished::ADMITTED
            && let Some(session) = self.sessions.find_near(new.session)
            && let Some(index) = self.find_book_near(new.instrument)
        {
            return self.act_plain(new, session, index, sink);
        }
        if unfinished == Unfinished::GUARDS {
            self.new_anywhere(new, sink)
        } else {
            self.new_at_length(new, unfinished, sink)
        }
    }

    /// An order whose name can not have its own place, or that is not plain.
    #[inline(never)]
    fn new_anywhere(
        &mut self,
        new: &NewOrder,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        match self.new_at_once::<true>(new, sink) {
            Ok(()) => Ok(()),
            Err(Unfinished::GUARDS) => self.new_at_length(new, Unfinished::GUARDS, sink),
            Err(unfinished) => self.new_unfinished(new, unfinished, sink),
        }
    }

    /// Any order, in any state.
    #[inline(never)]
    fn new_at_length(
        &mut self,
        new: &NewOrder,
        unfinished: Unfinished,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let session = self.find_session(new.session)?;
        let index = self.admit_instrument(new.instrument)?;
        require(unfinished != Unfinished::REFUSED, RejectReason::ReservationRefused)?;
        // The same rules hold for all orders; for most of them most rules have nothing to say.
        if is_plain(new) && self.may_be_safe(index) {
            self.new_plain(new, session, index, sink)
        } else {
            self.new_special(new, session, index, sink)
        }
    }

    /// The primary reply for the order that has the last id.
    #[inline(always)]
    pub(crate) fn accepted(&self, new: &NewOrder, price: PriceTicks) -> Event {
        Event::Accepted(Accepted {
            command: CommandKind::New,
            session: new.session,
            client_order_id: new.client_order_id,
            order_id: self.order_id_last,
            instrument: new.instrument,
            side: Some(new.side),
            terms: Some((new.order_type, new.time_in_force)),
            price,
            qty: new.qty,
        })
    }

    /// An order that is not plain, or comes when orders are not.
    fn new_special(
        &mut self,
        new: &NewOrder,
        session: SessionIndex,
        index: BookIndex,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let admitted = self.admit_new(new, session, index)?;
        require(self.reserve(new), RejectReason::ReservationRefused)?;
        sink.event(self.accepted(new, admitted.price));
        self.begin_action(index);
        self.arrive(new, &admitted, sink);
        self.settle_book(index, sink);
        Ok(())
    }

    /// Limit and market orders.
    fn act_on_arrival(&mut self, new: &NewOrder, admitted: &Admitted, sink: &mut impl EventSink) {
        let may_rest = new.time_in_force.may_rest();
        if !self.is_continuous(admitted.book) {
            self.rest_new(new, admitted, new.qty.0, sink);
            return;
        }
        let mut taker = Taker::arriving(new, admitted.book, self.order_id_last);
        taker.limit = admitted.price;
        self.set_bounds(&mut taker);
        match self.may_trade(&taker, new) {
            Ok(true) => {}
            Ok(false) => return self.rest_new(new, admitted, taker.qty, sink),
            Err(reason) => return self.drop_remainder(&taker, reason, sink),
        }
        if self.trade(&mut taker, sink) != Ended::Bounds {
            return;
        }
        match self.at_bounds(&mut taker, may_rest, sink) {
            None => self.rest_new(new, admitted, taker.qty, sink),
            Some(reason) => self.drop_remainder(&taker, reason, sink),
        }
    }

    /// Cancels what is left of an order that is in no queue, and not in the arena.
    pub(crate) fn drop_remainder(
        &mut self,
        taker: &Taker,
        reason: CancelReason,
        sink: &mut impl EventSink,
    ) {
        sink.event(taker.cancelled(self, reason));
        self.reservation.release(taker.order_id, QtyLots(taker.qty));
    }

    fn rest_new(
        &mut self,
        new: &NewOrder,
        admitted: &Admitted,
        open: u64,
        sink: &mut impl EventSink,
    ) {
        let slot = self.make_live(new, admitted, self.order_id_last);
        self.rest(slot, open, sink);
    }

    /// A live order in no queue yet.
    fn make_live(&mut self, new: &NewOrder, admitted: &Admitted, order_id: OrderId) -> NodeId {
        let order = Order {
            order_id,
            client_order_id: new.client_order_id,
            account: new.account,
            price: admitted.price,
            priority: 0,
            level: NodeId::NIL,
            session: admitted.session,
            stp_group: new.stp_group,
            extra: NO_EXTRA,
            book: admitted.book,
            flags: Flags::of(new),
            marks: Marks::NONE,
        };
        let slot = self.bring_to_life(order);
        if needs_extra(new) {
            let terms = NewOrder { price: admitted.price, ..*new };
            self.give_extra(
                slot,
                Extra {
                    terms,
                    reserve: 0,
                    list_next: NodeId::NIL,
                    list_prev: NodeId::NIL,
                    heap_at: 0,
                },
            );
        }
        slot
    }

    /// Everything but a plain limit order.
    fn arrive(&mut self, new: &NewOrder, admitted: &Admitted, sink: &mut impl EventSink) {
        if new.time_in_force.is_auction_only() {
            let slot = self.make_live(new, admitted, self.order_id_last);
            self.wait_for_auction(slot, new.qty.0);
            return;
        }
        match new.order_type {
            OrderType::Limit | OrderType::Market => self.act_on_arrival(new, admitted, sink),
            OrderType::Pegged => {
                let slot = self.make_live(new, admitted, self.order_id_last);
                self.act_pegged(slot, new.qty.0, sink);
            }
            _ => {
                let slot = self.make_live(new, admitted, self.order_id_last);
                self.arrive_stop(slot, new.qty.0, sink);
            }
        }
    }

    /// Puts an auction-only order at the end of its auction's queue.
    pub(crate) fn wait_for_auction(&mut self, slot: NodeId, open: u64) {
        let kind = match self.arena.extra(slot).terms.time_in_force {
            TimeInForce::AtOpen => AuctionKind::Opening,
            _ => AuctionKind::Closing,
        };
        let priority = self.next_priority();
        let book = self.arena[slot].book;
        let queue = self.book(book).auction_queue(kind).expect("of an auction that has one");
        self.levels.links.append(queue, slot, open);
        let order = &mut self.arena[slot];
        order.priority = priority;
        order.level = queue;
        order.flags.set_phase(OrderPhase::ForAuction);
        self.after_change(slot);
    }
}

/// True for an order with more terms than the arena keeps for all.
fn needs_extra(new: &NewOrder) -> bool {
    let is_plain_type = new.order_type == OrderType::Limit;
    let is_plain_time = matches!(new.time_in_force, TimeInForce::Gtc | TimeInForce::Day);
    !(is_plain_type && is_plain_time && new.display_qty.is_zero() && new.min_qty.is_zero())
}

/// True for a limit order with nothing special.
#[inline(always)]
pub(crate) fn is_plain(new: &NewOrder) -> bool {
    let special = new.display_qty.0
        | new.min_qty.0
        | new.stop_price.0 as u64
        | new.trail_ticks
        | new.offset_ticks
        | new.expires.0
        | new.budget;
    // Side by side in memory, and so compared at once.
    let kind = [
        new.order_type as u8,
        new.post_only as u8,
        u8::from(new.hidden),
        u8::from(new.all_or_none),
        new.peg.map_or(0, |peg| peg as u8),
    ];
    special == 0
        && kind == [OrderType::Limit as u8, PostOnly::Off as u8, 0, 0, 0]
        && matches!(new.time_in_force, TimeInForce::Gtc | TimeInForce::Ioc | TimeInForce::Day)
}
