//! **Pegged orders**: what they follow, and when.

use vesta_types::state_hash::{LiveOrder, OrderPhase};
use vesta_types::{
    Event, InstrumentId, NewOrder, OrderId, PegReference, PriceTicks, Repriced, Side,
};

use crate::book::{Book, behind};
use crate::orders::limit_of;
use crate::{Model, Run};

/// **pegged**: the price that a pegged order has now; `None` when it has nothing to follow.
fn peg_price(book: &Book, terms: &NewOrder) -> Option<PriceTicks> {
    let touch = match terms.peg.expect("a pegged order follows something") {
        PegReference::Primary => book.touch(terms.side),
        PegReference::Market => book.touch(terms.side.opposite()),
    };
    let price = behind(terms.side, touch?, terms.offset_ticks);
    let price = match (limit_of(terms), terms.side) {
        (None, _) => price,
        (Some(cap), Side::Buy) => price.min(cap),
        (Some(cap), Side::Sell) => price.max(cap),
    };
    let price = book.round_away(terms.side, price);
    book.is_in_range(price).then_some(price)
}

impl Model {
    /// A pegged order on arrival, or after a replace.
    pub(crate) fn peg_arrives(&mut self, order: LiveOrder, run: &mut Run<'_>) {
        let book = self.book(order.terms.instrument);
        let is_continuous = book.is_continuous();
        match peg_price(book, &order.terms) {
            None => self.park(order),
            Some(price) if is_continuous => self.act(order, Some(price), run),
            // Only a replace gets here: nothing trades in a call.
            Some(price) => self.rest(order, price, run.events),
        }
    }

    /// **pegs_follow**: in every instrument that trades, in the order of their definition.
    pub(crate) fn pegs_follow(&mut self, events: &mut Vec<Event>) {
        for i in 0..self.instruments.len() {
            let instrument = self.instruments[i];
            if self.book(instrument).is_continuous() {
                self.pegs_of_follow(instrument, events);
            }
        }
    }

    fn pegs_of_follow(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let pegs: Vec<OrderId> = self.book(instrument).pegs.iter().copied().collect();
        for order_id in pegs {
            let order = self.orders[&order_id];
            let old_price = match order.phase {
                OrderPhase::Queued => Some(order.queue_price),
                _ => None,
            };
            let price = peg_price(self.book(instrument), &order.terms);
            if price == old_price {
                continue;
            }
            self.leave_queue(&order);
            match price {
                Some(price) => {
                    self.enter_queue(order, price);
                }
                None => self.park(order),
            }
            events.push(Event::Repriced(Repriced {
                order_id,
                session: order.terms.session,
                client_order_id: order.terms.client_order_id,
                instrument,
                side: order.terms.side,
                old_price: old_price.unwrap_or(PriceTicks(0)),
                price: price.unwrap_or(PriceTicks(0)),
                qty: order.terms.qty,
            }));
        }
    }
}
