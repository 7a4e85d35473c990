//! Pegged orders: their price follows the touch.

use vesta_types::state_hash::OrderPhase;
use vesta_types::{Event, PegReference, PriceTicks, QtyLots, Repriced, Side};

use crate::arena::Order;
use crate::book::{BookIndex, NOT_FOLLOWED};
use crate::events::EventSink;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;
use crate::stops::rounded;
use crate::taker::Taker;

impl<R: Reservation> Matcher<R> {
    /// Where a pegged order belongs now; `None` where it has to be parked.
    fn pegged_price(&self, slot: NodeId) -> Option<PriceTicks> {
        let book = self.book(self.arena[slot].book);
        let terms = &self.arena.extra(slot).terms;
        let touch = match terms.peg? {
            PegReference::Primary => terms.side,
            PegReference::Market => terms.side.opposite(),
        };
        let touch = book.displayed[touch.index()].best_price()?.0;
        // Both are at most 2^48.
        let offset = terms.offset_ticks as i64;
        let cap = terms.price.0;
        let price = match terms.side {
            Side::Buy if cap != 0 => (touch - offset).min(cap),
            Side::Buy => touch - offset,
            Side::Sell => (touch + offset).max(cap),
        };
        if price < 1 || price > book.rules.price_max.0 {
            return None;
        }
        let price = rounded(&book.rules, terms.side, PriceTicks(price));
        (PriceTicks(1)..=book.rules.price_max).contains(&price).then_some(price)
    }

    /// A pegged order in no queue, that has come or was replaced, acts; in a call it only rests.
    pub(crate) fn act_pegged(&mut self, slot: NodeId, open: u64, sink: &mut impl EventSink) {
        let order = self.arena[slot];
        match self.pegged_price(slot) {
            None => self.park(slot, open),
            Some(price) => {
                self.arena[slot].price = price;
                if !self.is_continuous(order.book) {
                    return self.rest(slot, open, sink);
                }
                let session = self.sessions.at(order.session).id;
                let taker = Taker::of(&order, session, price, open);
                self.act_live(slot, taker, true, false, sink);
            }
        }
    }

    /// A pegged order that is in no queue has nothing to follow.
    pub(crate) fn park(&mut self, slot: NodeId, open: u64) {
        let order = &mut self.arena[slot];
        order.price = PriceTicks(0);
        order.level = NodeId::NIL;
        order.flags.set_phase(OrderPhase::Parked);
        self.levels.links[slot].qty = open;
        self.after_change(slot);
    }

    /// The pegged orders of a book follow the touch.
    #[inline(never)]
    pub(crate) fn follow_pegs(&mut self, index: BookIndex, sink: &mut impl EventSink) {
        let continuous = self.is_continuous(index);
        let book = self.book_mut(index);
        let touches = book.touches();
        if !continuous || touches == book.followed {
            if !continuous {
                book.followed = NOT_FOLLOWED;
            }
            return;
        }
        book.followed = touches;
        let mut at = self.book(index).pegged.first;
        while let Some(slot) = at.some() {
            at = self.arena.extra(slot).list_next;
            let Order { price: old_price, .. } = self.arena[slot];
            let price = self.pegged_price(slot);
            if price.unwrap_or_default() == old_price {
                continue;
            }
            let open = self.leave_queue(slot);
            match price {
                None => self.park(slot, open),
                Some(price) => {
                    self.arena[slot].price = price;
                    self.enter_book(slot, open);
                }
            }
            let order = &self.arena[slot];
            sink.event(Event::Repriced(Repriced {
                order_id: order.order_id,
                session: self.sessions.at(order.session).id,
                client_order_id: order.client_order_id,
                instrument: self.book(index).instrument,
                side: order.flags.side(),
                old_price,
                price: order.price,
                qty: QtyLots(open),
            }));
        }
    }
}
