//! The seam in front of the book: who keeps balances, margin or positions is asked before an order
//! is accepted, and told what became of it.
//!
//! A reservation is part of the replicated state of its shard: it must be as pure as the matcher.
//! Without one ([`NoReservation`]) all of this compiles to nothing.

use vesta_types::{Executed, NewOrder, OrderId, PriceTicks, QtyLots};

/// Asked before, settled after.
pub trait Reservation {
    /// A new order that every other guard has let by. False rejects it
    /// (`ReservationRefused`), and then nothing may have been reserved.
    fn reserve(&mut self, order_id: OrderId, order: &NewOrder) -> bool;

    /// A replace of a live order, to this price and open quantity. False rejects it, and then what
    /// was reserved before still is.
    fn reserve_again(&mut self, order_id: OrderId, price: PriceTicks, qty: QtyLots) -> bool;

    /// A fill of two orders, each of them reserved for.
    fn settle(&mut self, fill: &Executed);

    /// So much of an order will not trade any more: it was cancelled, or came off to prevent a
    /// self-trade.
    fn release(&mut self, order_id: OrderId, qty: QtyLots);
}

/// Nothing is reserved: every order passes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReservation;

impl Reservation for NoReservation {
    #[inline(always)]
    fn reserve(&mut self, _: OrderId, _: &NewOrder) -> bool {
        true
    }

    #[inline(always)]
    fn reserve_again(&mut self, _: OrderId, _: PriceTicks, _: QtyLots) -> bool {
        true
    }

    #[inline(always)]
    fn settle(&mut self, _: &Executed) {}

    #[inline(always)]
    fn release(&mut self, _: OrderId, _: QtyLots) {}
}
