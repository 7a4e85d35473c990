//! The guard ladders: what a command must satisfy before anything changes. The first broken rule
//! is the reason of the reject.

use vesta_types::{
    ClientOrderId, InstrumentId, Limits, MassCancel, NewOrder, OrderRef, OrderType, PriceTicks,
    QtyLots, RejectReason, Replace, SessionId, TimeInForce,
};

use crate::arena::OrderSlot;
use crate::book::BookIndex;
use crate::matcher::Matcher;

/// `Ok` when `holds`, else the reason.
fn require(holds: bool, reason: RejectReason) -> Result<(), RejectReason> {
    if holds { Ok(()) } else { Err(reason) }
}

fn require_price(price: PriceTicks, limits: &Limits) -> Result<(), RejectReason> {
    let range = PriceTicks(1)..=limits.price_max;
    require(range.contains(&price), RejectReason::InvalidPrice)
}

fn require_qty(qty: QtyLots, limits: &Limits) -> Result<(), RejectReason> {
    require((QtyLots(1)..=limits.qty_max).contains(&qty), RejectReason::InvalidQuantity)
}

/// Says whether an instrument may have these limits.
pub(crate) fn limits(limits: &Limits) -> Result<(), RejectReason> {
    require_price(limits.price_max, &Limits { price_max: PriceTicks::MAX, ..*limits })?;
    require_qty(limits.qty_max, &Limits { qty_max: QtyLots::MAX, ..*limits })
}

impl Matcher {
    /// The book that a new order is for.
    pub(crate) fn admit_new(&self, new: &NewOrder) -> Result<BookIndex, RejectReason> {
        use RejectReason as Reason;
        let index = self.admit_instrument(new.instrument)?;
        let book = self.book(index);
        let is_market = new.order_type == OrderType::Market;
        let may_rest = new.time_in_force == TimeInForce::Gtc;
        require(new.client_order_id != ClientOrderId(0), Reason::InvalidClientOrderId)?;
        require(!(is_market && may_rest), Reason::MarketMustBeImmediate)?;
        require(!new.post_only || may_rest, Reason::PostOnlyMustRest)?;
        match new.order_type {
            OrderType::Limit => require_price(new.price, &book.limits)?,
            OrderType::Market => require(new.price == PriceTicks(0), Reason::InvalidPrice)?,
        }
        require_qty(new.qty, &book.limits)?;
        let target = OrderRef::Client(new.client_order_id);
        let namesake = self.orders.find(new.session, target);
        require(namesake.is_none(), Reason::DuplicateClientOrderId)?;
        if new.post_only {
            require(!book.crosses(new.side, new.price), Reason::PostOnlyWouldCross)?;
        }
        if may_rest {
            require(!self.orders.arena.is_full(), Reason::OrderCapacity)?;
            let lacks_level = book.side(new.side).lacks_level(new.price, None);
            require(!lacks_level, Reason::LevelCapacity)?;
        }
        Ok(index)
    }

    /// The order that a cancel or replace is for: live, the session's own, and of the instrument.
    pub(crate) fn admit_target(
        &self,
        session: SessionId,
        instrument: InstrumentId,
        target: OrderRef,
    ) -> Result<OrderSlot, RejectReason> {
        let slot = self.orders.find(session, target);
        let is_named = |slot: &OrderSlot| self.orders.arena[*slot].instrument == instrument;
        slot.filter(is_named).ok_or(RejectReason::UnknownOrder)
    }

    /// The order that a replace is for.
    pub(crate) fn admit_replace(&self, replace: &Replace) -> Result<OrderSlot, RejectReason> {
        let slot = self.admit_target(replace.session, replace.instrument, replace.target)?;
        let order = &self.orders.arena[slot];
        let book = self.book(order.book);
        require_price(replace.price, &book.limits)?;
        require_qty(replace.qty, &book.limits)?;
        if order.post_only {
            let crosses = book.crosses(order.side, replace.price);
            require(!crosses, RejectReason::PostOnlyWouldCross)?;
        }
        let lacks_level = book.side(order.side).lacks_level(replace.price, Some(order));
        require(!lacks_level, RejectReason::LevelCapacity)?;
        Ok(slot)
    }

    /// Nothing but a known instrument is asked of a mass cancel that names one.
    pub(crate) fn admit_mass_cancel(&self, mass: &MassCancel) -> Result<(), RejectReason> {
        mass.instrument.map_or(Ok(()), |instrument| self.admit_instrument(instrument).map(drop))
    }

    fn admit_instrument(&self, instrument: InstrumentId) -> Result<BookIndex, RejectReason> {
        self.find_book(instrument).ok_or(RejectReason::UnknownInstrument)
    }
}
