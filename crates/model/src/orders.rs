//! Live orders: how they enter and leave their queues, and the events that tell of it.

use vesta_types::state_hash::{LiveOrder, OrderPhase};
use vesta_types::{
    CancelReason, Cancelled, Event, InstrumentId, NewOrder, OrderId, OrderType, Party, PriceTicks,
    QtyLots, Rested, TimeInForce,
};

use crate::Model;
use crate::book::Book;

/// True for an order that rests undisplayed.
pub(crate) fn is_undisplayed(terms: &NewOrder) -> bool {
    terms.hidden
        || terms.all_or_none
        || terms.min_qty > QtyLots::ZERO
        || terms.order_type == OrderType::Pegged
}

/// An order **may stay** unless it is IOC, FOK or FokBudget.
pub(crate) fn may_stay(terms: &NewOrder) -> bool {
    !matches!(terms.time_in_force, TimeInForce::Ioc | TimeInForce::Fok | TimeInForce::FokBudget)
}

/// The limit in `terms.price`, where 0 stands for none.
pub(crate) fn limit_of(terms: &NewOrder) -> Option<PriceTicks> {
    (terms.price != PriceTicks(0)).then_some(terms.price)
}

/// What is shown of an order that enters the displayed queue: of an **iceberg** its tip.
pub(crate) fn tip(terms: &NewOrder) -> QtyLots {
    if terms.display_qty.is_zero() { terms.qty } else { terms.qty.min(terms.display_qty) }
}

/// One side of a fill that has been taken off `order`, of which `shown` was displayed before.
pub(crate) fn party(order: &LiveOrder, shown: QtyLots) -> Party {
    Party {
        order_id: order.order_id,
        session: order.terms.session,
        client_order_id: order.terms.client_order_id,
        leaves: order.terms.qty,
        was_displayed: shown > QtyLots::ZERO,
        displayed: order.displayed,
    }
}

/// Takes a fill off an order: from a tip first, then from the reserve.
pub(crate) fn take_off(order: &mut LiveOrder, qty: QtyLots) {
    order.terms.qty -= qty;
    order.displayed -= order.displayed.min(qty);
}

impl Model {
    pub(crate) fn book(&self, instrument: InstrumentId) -> &Book {
        &self.books[&instrument]
    }

    pub(crate) fn book_mut(&mut self, instrument: InstrumentId) -> &mut Book {
        self.books.get_mut(&instrument).expect("its instrument is defined")
    }

    /// The next **priority stamp**.
    fn stamp(&mut self) -> u64 {
        self.priority_last += 1;
        self.priority_last
    }

    /// Writes a live order down; its place in a queue is the caller's affair.
    pub(crate) fn store(&mut self, order: LiveOrder) {
        self.orders.insert(order.order_id, order);
    }

    /// An order becomes live, or is again after it acted.
    fn enlist(&mut self, order: LiveOrder) {
        let LiveOrder { order_id, terms, .. } = order;
        self.names.insert((terms.session, terms.client_order_id), order_id);
        if terms.time_in_force == TimeInForce::Gtd {
            self.expiries.insert((terms.expires, order_id));
        }
        if terms.order_type == OrderType::Pegged {
            self.book_mut(terms.instrument).pegs.insert(order_id);
        }
        self.store(order);
    }

    /// Takes an order out of its queue, and out of the live ones.
    pub(crate) fn remove(&mut self, order_id: OrderId) -> LiveOrder {
        let order = self.orders[&order_id];
        self.leave_queue(&order);
        self.forget(order_id)
    }

    /// Takes an order that is in no queue out of the live ones.
    pub(crate) fn forget(&mut self, order_id: OrderId) -> LiveOrder {
        let order = self.orders.remove(&order_id).expect("the order is live");
        let terms = &order.terms;
        self.names.remove(&(terms.session, terms.client_order_id));
        self.expiries.remove(&(terms.expires, order_id));
        self.book_mut(terms.instrument).pegs.remove(&order_id);
        order
    }

    /// Takes an order out of the queue that it is in, if any.
    pub(crate) fn leave_queue(&mut self, order: &LiveOrder) {
        let LiveOrder { terms, queue_price, priority, .. } = *order;
        let book = self.book_mut(terms.instrument);
        let side = terms.side.index();
        match order.phase {
            OrderPhase::Queued if is_undisplayed(&terms) => {
                book.undisplayed[side].remove(queue_price, priority);
            }
            OrderPhase::Queued => book.displayed[side].remove(queue_price, priority),
            OrderPhase::Waiting => {
                book.stops[side].remove(terms.stop_price, priority);
                book.trailing.remove(&order.order_id);
            }
            OrderPhase::ForAuction => {
                book.for_auction.remove(&priority).expect("it is in the queue for auction");
            }
            OrderPhase::Parked => {}
        }
    }

    /// Puts an order at the end of the queue of `price`, displayed or not. An iceberg shows a tip.
    pub(crate) fn enter_queue(&mut self, mut order: LiveOrder, price: PriceTicks) -> LiveOrder {
        order.phase = OrderPhase::Queued;
        order.queue_price = price;
        order.priority = self.stamp();
        let is_undisplayed = is_undisplayed(&order.terms);
        order.displayed = if is_undisplayed { QtyLots::ZERO } else { tip(&order.terms) };
        let side = order.terms.side.index();
        let book = self.book_mut(order.terms.instrument);
        let queues = if is_undisplayed { &mut book.undisplayed } else { &mut book.displayed };
        queues[side].insert(price, order.priority, order.order_id);
        self.enlist(order);
        order
    }

    /// The same, and tells of it.
    pub(crate) fn rest(&mut self, order: LiveOrder, price: PriceTicks, events: &mut Vec<Event>) {
        let order = self.enter_queue(order, price);
        events.push(Event::Rested(Rested {
            order_id: order.order_id,
            session: order.terms.session,
            client_order_id: order.terms.client_order_id,
            instrument: order.terms.instrument,
            side: order.terms.side,
            price,
            qty: order.terms.qty,
            displayed: order.displayed,
        }));
    }

    /// Puts a stop at the end of the queue of its trigger.
    pub(crate) fn wait(&mut self, mut order: LiveOrder) {
        order.phase = OrderPhase::Waiting;
        order.queue_price = PriceTicks(0);
        order.displayed = QtyLots::ZERO;
        order.priority = self.stamp();
        let book = self.book_mut(order.terms.instrument);
        let queue = &mut book.stops[order.terms.side.index()];
        queue.insert(order.terms.stop_price, order.priority, order.order_id);
        if order.terms.order_type.is_trailing() {
            book.trailing.insert(order.order_id);
        }
        self.enlist(order);
    }

    /// Puts an auction-only order at the end of the queue of those.
    pub(crate) fn wait_for_auction(&mut self, mut order: LiveOrder) {
        order.phase = OrderPhase::ForAuction;
        order.queue_price = PriceTicks(0);
        order.displayed = QtyLots::ZERO;
        order.priority = self.stamp();
        self.book_mut(order.terms.instrument).for_auction.insert(order.priority, order.order_id);
        self.enlist(order);
    }

    /// Keeps a pegged order that has nothing to follow. It enters no queue, so its stamp stays.
    pub(crate) fn park(&mut self, mut order: LiveOrder) {
        order.phase = OrderPhase::Parked;
        order.queue_price = PriceTicks(0);
        order.displayed = QtyLots::ZERO;
        self.enlist(order);
    }

    /// Cancels a live order.
    pub(crate) fn cancel_live(
        &mut self,
        order_id: OrderId,
        reason: CancelReason,
        events: &mut Vec<Event>,
    ) {
        let order = self.remove(order_id);
        let price = match order.phase {
            OrderPhase::Queued => order.queue_price,
            OrderPhase::Waiting | OrderPhase::ForAuction => order.terms.price,
            OrderPhase::Parked => PriceTicks(0),
        };
        events.push(cancelled(&order, price, reason));
    }
}

/// Tells that `order`, with this price (0 for none), is gone.
pub(crate) fn cancelled(order: &LiveOrder, price: PriceTicks, reason: CancelReason) -> Event {
    Event::Cancelled(Cancelled {
        order_id: order.order_id,
        session: order.terms.session,
        client_order_id: order.terms.client_order_id,
        instrument: order.terms.instrument,
        side: order.terms.side,
        price,
        qty: order.terms.qty,
        displayed: order.displayed,
        reason,
    })
}
