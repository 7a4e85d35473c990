//! Replace: a live order gets another price, trigger or open quantity.

use vesta_types::state_hash::OrderPhase;
use vesta_types::{
    Accepted, CommandKind, Event, NewOrder, OrderType, PriceTicks, QtyLots, RejectReason, Replace,
    ReplaceShrink, Replaced,
};

use crate::arena::{Flags, NO_EXTRA, Order};
use crate::events::EventSink;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;
use crate::taker::Taker;

/// The primary reply to a replace that gives an order this price.
#[inline(always)]
pub(crate) fn accepted(replace: &Replace, order: &Order, price: PriceTicks) -> Event {
    Event::Accepted(Accepted {
        command: CommandKind::Replace,
        session: replace.session,
        client_order_id: order.client_order_id,
        order_id: order.order_id,
        instrument: replace.instrument,
        side: Some(order.flags.side()),
        terms: None,
        price,
        qty: replace.qty,
    })
}

/// What is said of a displayed order with so much open that left its queue.
#[inline(always)]
pub(crate) fn replaced(replace: &Replace, order: &Order, open: u64) -> Replaced {
    Replaced {
        order_id: order.order_id,
        session: replace.session,
        client_order_id: order.client_order_id,
        instrument: replace.instrument,
        side: order.flags.side(),
        old_price: order.price,
        old_qty: QtyLots(open),
        old_displayed: QtyLots(open),
        price: replace.price,
        qty: replace.qty,
        displayed: QtyLots::ZERO,
        priority_kept: false,
    }
}

impl<R: Reservation> Matcher<R> {
    #[inline(always)]
    pub(crate) fn replace(
        &mut self,
        replace: &Replace,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        match self.replace_at_once::<false>(replace, sink) {
            Some(outcome) => outcome,
            None => {
                core::hint::cold_path();
                // A copy, so that the command itself need not be in memory for most.
                let replace = *replace;
                self.replace_anywhere(&replace, sink)
            }
        }
    }

    /// A replace of an order whose name is not in its own place, or that is not plain.
    #[inline(never)]
    fn replace_anywhere(
        &mut self,
        replace: &Replace,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        match self.replace_at_once::<true>(replace, sink) {
            Some(outcome) => outcome,
            None => self.replace_at_length(replace, sink),
        }
    }

    /// A replace of any order, in any state.
    #[inline(never)]
    fn replace_at_length(
        &mut self,
        replace: &Replace,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let session = self.find_session(replace.session)?;
        let slot = self.admit_target(session, replace.instrument, replace.target)?;
        let price = self.admit_replace(replace, session, slot)?;
        let order = self.arena[slot];
        let rules = &self.book(order.book).rules;
        let old_open = self.open(slot);
        let (old_price, old_trigger) = self.price_and_trigger(slot);
        let new_trigger = match replace.stop_price {
            PriceTicks(0) => old_trigger,
            trigger => trigger,
        };
        let priority_kept = rules.replace_shrink == ReplaceShrink::KeepsPriority
            && (price, new_trigger) == (old_price, old_trigger)
            && replace.qty.0 < old_open;
        let old_displayed = self.displayed(slot);
        sink.event(accepted(replace, &order, price));
        if priority_kept {
            self.shrink(slot, old_open - replace.qty.0);
        } else {
            self.leave_queue(slot);
        }
        let displayed = if priority_kept { self.displayed(slot) } else { QtyLots::ZERO };
        sink.event(Event::Replaced(Replaced {
            old_price,
            old_displayed,
            price,
            displayed,
            priority_kept,
            ..replaced(replace, &order, old_open)
        }));
        self.begin_action(order.book);
        if !priority_kept {
            self.set_price_and_trigger(slot, price, new_trigger);
            self.act_again(slot, replace, sink);
        }
        self.settle_book(order.book, sink);
        Ok(())
    }

    /// An order that was replaced, and is in no queue, does as on arrival in its phase.
    fn act_again(&mut self, slot: NodeId, replace: &Replace, sink: &mut impl EventSink) {
        let order = self.arena[slot];
        let open = replace.qty.0;
        let is_pegged = order.flags.has(Flags::PEGGED);
        match order.flags.phase() {
            OrderPhase::Waiting => self.arrive_stop(slot, open, sink),
            OrderPhase::ForAuction => self.wait_for_auction(slot, open),
            _ if is_pegged => self.act_pegged(slot, open, sink),
            OrderPhase::Parked => unreachable!("only pegged orders are parked"),
            OrderPhase::Queued if !self.is_continuous(order.book) => {
                self.rest(slot, open, sink);
            }
            OrderPhase::Queued => {
                let taker = Taker::of(&order, replace.session, order.price, open);
                self.act_resting(slot, taker, sink);
            }
        }
    }

    fn act_resting(&mut self, slot: NodeId, mut taker: Taker, sink: &mut impl EventSink) {
        let flags = self.arena[slot].flags;
        if flags.has(Flags::ALL_OR_NONE | Flags::MIN_QTY) {
            self.set_bounds(&mut taker);
            let terms = NewOrder { qty: QtyLots(taker.qty), ..self.view_of(slot).terms };
            if self.may_trade(&taker, &terms) != Ok(true) {
                return self.rest(slot, taker.qty, sink);
            }
        }
        self.act_live(slot, taker, true, false, sink);
    }

    /// The price of an order as its owner gave it (of a pegged order the cap), and its trigger.
    #[inline(always)]
    pub(crate) fn price_and_trigger(&self, slot: NodeId) -> (PriceTicks, PriceTicks) {
        let order = &self.arena[slot];
        if order.extra == NO_EXTRA {
            return (order.price, PriceTicks(0));
        }
        let terms = &self.arena.extra(slot).terms;
        (terms.price, terms.stop_price)
    }

    #[inline(always)]
    fn set_price_and_trigger(&mut self, slot: NodeId, price: PriceTicks, trigger: PriceTicks) {
        let order = &mut self.arena[slot];
        if order.extra == NO_EXTRA {
            order.price = price;
            return;
        }
        if !order.flags.has(Flags::PEGGED) {
            order.price = price;
        }
        let terms = &mut self.arena.extra_mut(slot).terms;
        terms.price = price;
        if !matches!(terms.order_type, OrderType::TrailingStop | OrderType::TrailingStopLimit) {
            terms.stop_price = trigger;
        }
    }

    /// Takes so much off an order in place, of an iceberg from the reserve first.
    fn shrink(&mut self, slot: NodeId, by: u64) {
        let reserve = self.arena.reserve(slot);
        if reserve == 0 {
            return self.reduce(slot, by);
        }
        let from_reserve = reserve.min(by);
        self.before_change(slot);
        self.arena.extra_mut(slot).reserve -= from_reserve;
        if by > from_reserve {
            self.reduce(slot, by - from_reserve);
        } else {
            self.after_change(slot);
        }
    }
}
