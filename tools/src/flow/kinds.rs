//! The kinds of orders that are to rest, or wait: everything beyond the plain limit order.

use super::generator::Flow;
use super::shape::{self, Kind};
use vesta_types::{
    NewOrder, OrderType, PegReference, PostOnly, PriceTicks, QtyLots, Side, TimeInForce, TimeNs,
};

impl Flow {
    /// `order`, a passive limit order good till cancelled, as one of the kinds that there are; where
    /// it can not be of the kind that was drawn, as it is.
    pub(super) fn vary(&mut self, at: usize, order: NewOrder) -> NewOrder {
        match self.random.pick(&shape::KINDS) {
            Kind::Plain if self.random.percent(shape::POST_ONLY_PERCENT) => {
                NewOrder { post_only: PostOnly::Reject, ..order }
            }
            Kind::Plain => order,
            Kind::Day => NewOrder { time_in_force: TimeInForce::Day, ..order },
            Kind::Gtd if self.interval_ns > 0 => {
                let (low, high) = shape::GTD_LIFE_NS.into_inner();
                let expires = TimeNs(self.now().0 + self.random.between(low, high));
                NewOrder { time_in_force: TimeInForce::Gtd, expires, ..order }
            }
            Kind::Iceberg => self.iceberg(at, order),
            Kind::Hidden => NewOrder { hidden: true, ..order },
            Kind::AllOrNone => NewOrder { all_or_none: true, ..order },
            Kind::MinimumQuantity => {
                NewOrder { min_qty: QtyLots(order.qty.0.div_ceil(2)), ..order }
            }
            Kind::Pegged => self.pegged(order),
            Kind::Stop => self.stop(at, order, self.last_price(at)),
            Kind::Trailing => self.trailing(at, order),
            Kind::Gtd => order,
        }
    }

    pub(super) fn iceberg(&mut self, at: usize, order: NewOrder) -> NewOrder {
        let (low, high) = shape::ICEBERG_SIZES;
        let qty = order.qty.0.saturating_mul(self.random.between(low, high));
        let qty = qty.min(self.markets[at].settings.rules.qty_max.0);
        let display_qty = QtyLots((qty / self.random.between(low, high)).max(1));
        let qty = QtyLots(qty);
        if display_qty < qty { NewOrder { qty, display_qty, ..order } } else { order }
    }

    fn pegged(&mut self, order: NewOrder) -> NewOrder {
        let (low, high) = shape::PEG_TICKS;
        NewOrder {
            order_type: OrderType::Pegged,
            price: PriceTicks(0),
            peg: Some(self.random.pick(&[(2, PegReference::Primary), (1, PegReference::Market)])),
            offset_ticks: self.random.between(low, high),
            ..order
        }
    }

    /// A price beyond `price`, in the direction in which it is worse for the order: up for a buy.
    fn beyond(
        &mut self,
        at: usize,
        side: Side,
        price: PriceTicks,
        ticks: (u64, u64),
    ) -> PriceTicks {
        let ticks = self.random.between(ticks.0, ticks.1).cast_signed();
        self.markets[at].clamped(match side {
            Side::Buy => price.0 + ticks,
            Side::Sell => price.0 - ticks,
        })
    }

    /// The trigger and limit of a stop, beyond `last`.
    pub(super) fn trigger(
        &mut self,
        at: usize,
        side: Side,
        last: PriceTicks,
    ) -> (PriceTicks, PriceTicks) {
        let trigger = self.beyond(at, side, last, shape::TRIGGER_TICKS);
        (trigger, self.beyond(at, side, trigger, shape::LIMIT_TICKS))
    }

    /// A stop or stop-limit, if there is a price that it can wait for to move.
    pub(super) fn stop(
        &mut self,
        at: usize,
        order: NewOrder,
        last: Option<PriceTicks>,
    ) -> NewOrder {
        let Some(last) = last else { return order };
        let (stop_price, limit) = self.trigger(at, order.side, last);
        if self.random.percent(shape::STOP_LIMIT_PERCENT) {
            NewOrder { order_type: OrderType::StopLimit, price: limit, stop_price, ..order }
        } else {
            NewOrder { order_type: OrderType::Stop, price: PriceTicks(0), stop_price, ..order }
        }
    }

    fn trailing(&mut self, at: usize, order: NewOrder) -> NewOrder {
        if self.last_price(at).is_none() {
            return order;
        }
        let ticks_max = self.markets[at].settings.rules.price_max.0.unsigned_abs();
        let (low, high) = shape::TRIGGER_TICKS;
        let trail_ticks = self.random.between(low, high).min(ticks_max);
        let order = NewOrder { price: PriceTicks(0), trail_ticks, ..order };
        if self.random.percent(shape::STOP_LIMIT_PERCENT) {
            let (low, high) = shape::LIMIT_TICKS;
            let offset_ticks = self.random.between(low, high).min(ticks_max);
            NewOrder { order_type: OrderType::TrailingStopLimit, offset_ticks, ..order }
        } else {
            NewOrder { order_type: OrderType::TrailingStop, ..order }
        }
    }

    /// The price of the last trade, once there was one.
    pub(super) fn last_price(&self, at: usize) -> Option<PriceTicks> {
        let last = self.model.status(self.markets[at].id())?.last_price;
        (last != PriceTicks(0)).then_some(last)
    }
}
