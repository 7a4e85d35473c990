//! A book as the public sees it: orders by id, levels, queue priority. Nobody's session.
//!
//! ```text
//!   orders: order_id -> (side, price, qty, place)       place: dense count of entries
//!   side:   key -> Level { qty, queue: place -> order_id }
//!   key:    price for asks, -price for bids, so that the best level is always the first
//! ```

use std::collections::BTreeMap;
use vesta_types::{OrderId, PriceTicks, QtyLots, Side};

/// A resting order, as the public sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookOrder {
    /// The order.
    pub order_id: OrderId,
    /// Its side.
    pub side: Side,
    /// Its price in ticks.
    pub price: PriceTicks,
    /// Its open quantity in lots.
    pub qty: QtyLots,
}

/// The total of one price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Its price in ticks.
    pub price: PriceTicks,
    /// The open quantity of all orders, in lots; 0 when the level is gone.
    pub qty: QtyLots,
    /// How many orders; 0 when the level is gone.
    pub order_count: u32,
}

/// A message that does not fit the book: something was missed, or the sender is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// An order was added that is there already.
    #[error("order {0} is in the book already")]
    DuplicateOrder(OrderId),
    /// A message names an order that is not there.
    #[error("order {0} is not in the book")]
    UnknownOrder(OrderId),
    /// More was taken off an order than it has, or its remainder is not what the message says.
    #[error("order {order_id} has {has} lots open, which does not fit the message")]
    WrongQuantity {
        /// The order.
        order_id: OrderId,
        /// What it has.
        has: QtyLots,
    },
    /// An order at a price below 1 tick, or of no lots.
    #[error("order {0} has no valid price or quantity")]
    InvalidOrder(OrderId),
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    side: Side,
    price: PriceTicks,
    qty: QtyLots,
    place: u64,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    qty: u64,
    orders: BTreeMap<u64, OrderId>,
}

/// One instrument's book.
#[derive(Clone, Debug, Default)]
pub struct MarketBook {
    orders: BTreeMap<OrderId, Resting>,
    sides: [BTreeMap<i64, Queue>; 2],
    places: u64,
}

const fn key(side: Side, price: PriceTicks) -> i64 {
    match side {
        Side::Buy => -price.0,
        Side::Sell => price.0,
    }
}

const fn level(side: Side, key: i64, queue_qty: u64, order_count: u32) -> Level {
    let price = match side {
        Side::Buy => PriceTicks(-key),
        Side::Sell => PriceTicks(key),
    };
    Level { price, qty: QtyLots(queue_qty), order_count }
}

impl MarketBook {
    /// An order enters at the end of its level's queue. Returns the level's new total.
    ///
    /// # Errors
    /// When it is there already, or is none; the book is unchanged.
    pub fn add(&mut self, order: BookOrder) -> Result<Level, BookError> {
        let BookOrder { order_id, side, price, qty } = order;
        if price.0 < 1 || price > PriceTicks::MAX || qty.is_zero() || qty > QtyLots::MAX {
            return Err(BookError::InvalidOrder(order_id));
        }
        if self.orders.contains_key(&order_id) {
            return Err(BookError::DuplicateOrder(order_id));
        }
        self.places += 1;
        let place = self.places;
        self.orders.insert(order_id, Resting { side, price, qty, place });
        let queue = self.sides[side.index()].entry(key(side, price)).or_default();
        queue.orders.insert(place, order_id);
        queue.qty += qty.0;
        Ok(level(side, key(side, price), queue.qty, queue.orders.len() as u32))
    }

    /// `qty` lots of an order are gone, and `leaves` are left; at 0 the order is gone too. Returns
    /// the order as it was, and the level's new total.
    ///
    /// # Errors
    /// When the order or its quantity is another than the message believes; the book is unchanged.
    pub fn reduce(
        &mut self,
        order_id: OrderId,
        qty: QtyLots,
        leaves: QtyLots,
    ) -> Result<(BookOrder, Level), BookError> {
        let resting = *self.orders.get(&order_id).ok_or(BookError::UnknownOrder(order_id))?;
        if qty.0.checked_add(leaves.0) != Some(resting.qty.0) {
            return Err(BookError::WrongQuantity { order_id, has: resting.qty });
        }
        let Resting { side, price, place, .. } = resting;
        let was = BookOrder { order_id, side, price, qty: resting.qty };
        let key = key(side, price);
        let levels = &mut self.sides[side.index()];
        let queue = levels.get_mut(&key).ok_or(BookError::UnknownOrder(order_id))?;
        queue.qty -= qty.0;
        if leaves.is_zero() {
            queue.orders.remove(&place);
            self.orders.remove(&order_id);
        } else {
            self.orders.insert(order_id, Resting { qty: leaves, ..resting });
        }
        let total = level(side, key, queue.qty, queue.orders.len() as u32);
        if queue.orders.is_empty() {
            levels.remove(&key);
        }
        Ok((was, total))
    }

    /// All that an order showed, `qty` lots, is gone, and it shows `leaves` in its place at once: the next
    /// tip of an iceberg. Returns the order as it was, and the level's new total.
    ///
    /// # Errors
    /// As [`reduce`](Self::reduce), and when nothing is shown; the book is unchanged.
    pub fn refresh(
        &mut self,
        order_id: OrderId,
        qty: QtyLots,
        leaves: QtyLots,
    ) -> Result<(BookOrder, Level), BookError> {
        let was = self.order(order_id).ok_or(BookError::UnknownOrder(order_id))?;
        if leaves.is_zero() || leaves > QtyLots::MAX || qty != was.qty {
            return Err(BookError::WrongQuantity { order_id, has: was.qty });
        }
        let key = key(was.side, was.price);
        let queue = self.sides[was.side.index()].get_mut(&key);
        let queue = queue.ok_or(BookError::UnknownOrder(order_id))?;
        queue.qty = queue.qty - qty.0 + leaves.0;
        let total = level(was.side, key, queue.qty, queue.orders.len() as u32);
        if let Some(resting) = self.orders.get_mut(&order_id) {
            resting.qty = leaves;
        }
        Ok((was, total))
    }

    /// An order leaves without trading. Returns it as it was, and the level's new total.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove(&mut self, order_id: OrderId) -> Result<(BookOrder, Level), BookError> {
        let qty = self.orders.get(&order_id).ok_or(BookError::UnknownOrder(order_id))?.qty;
        self.reduce(order_id, qty, QtyLots::ZERO)
    }

    /// An order that rests here.
    #[must_use]
    pub fn order(&self, order_id: OrderId) -> Option<BookOrder> {
        let Resting { side, price, qty, .. } = *self.orders.get(&order_id)?;
        Some(BookOrder { order_id, side, price, qty })
    }

    /// How many orders rest here.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// The total of one price; nothing, where no order rests.
    #[must_use]
    pub fn level(&self, side: Side, price: PriceTicks) -> Level {
        if price.0 < 1 {
            return Level { price, ..Level::default() };
        }
        self.sides[side.index()].get(&key(side, price)).map_or(
            Level { price, ..Level::default() },
            |queue| Level {
                price,
                qty: QtyLots(queue.qty),
                order_count: queue.orders.len() as u32,
            },
        )
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.sides[side.index()]
            .iter()
            .map(move |(&key, queue)| level(side, key, queue.qty, queue.orders.len() as u32))
    }

    /// The orders of a side, best price first and in queue priority within a level.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = BookOrder> + '_ {
        self.sides[side.index()]
            .values()
            .flat_map(|queue| queue.orders.values())
            .filter_map(|&order_id| self.order(order_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: u64, side: Side, price: i64, qty: u64) -> BookOrder {
        BookOrder { order_id: OrderId(id), side, price: PriceTicks(price), qty: QtyLots(qty) }
    }

    #[test]
    fn best_first_and_queue_order_kept() {
        let mut book = MarketBook::default();
        for (id, side, price) in [
            (1, Side::Buy, 10),
            (2, Side::Buy, 12),
            (3, Side::Buy, 12),
            (4, Side::Sell, 15),
            (5, Side::Sell, 14),
        ] {
            book.add(order(id, side, price, 5)).unwrap();
        }
        let ids = |side| book.orders(side).map(|o| o.order_id.0).collect::<Vec<_>>();
        assert_eq!(ids(Side::Buy), [2, 3, 1]);
        assert_eq!(ids(Side::Sell), [5, 4]);
        let best = book.levels(Side::Buy).next().unwrap();
        assert_eq!((best.price.0, best.qty.0, best.order_count), (12, 10, 2));
    }

    #[test]
    fn a_level_goes_with_its_last_order() {
        let mut book = MarketBook::default();
        book.add(order(1, Side::Sell, 9, 5)).unwrap();
        let (_, level) = book.reduce(OrderId(1), QtyLots(2), QtyLots(3)).unwrap();
        assert_eq!((level.qty.0, level.order_count), (3, 1));
        let (was, level) = book.remove(OrderId(1)).unwrap();
        assert_eq!((was.qty.0, level.qty.0, level.order_count), (3, 0, 0));
        assert_eq!(book.levels(Side::Sell).count(), 0);
    }

    #[test]
    fn a_tip_that_stays_keeps_its_place() {
        let mut book = MarketBook::default();
        for (id, qty) in [(1, 3), (2, 5)] {
            book.add(order(id, Side::Sell, 9, qty)).unwrap();
        }
        let (was, level) = book.refresh(OrderId(1), QtyLots(3), QtyLots(2)).unwrap();
        assert_eq!((was.qty.0, level.qty.0, level.order_count), (3, 7, 2));
        let orders: Vec<_> = book.orders(Side::Sell).map(|o| (o.order_id.0, o.qty.0)).collect();
        assert_eq!(orders, [(1, 2), (2, 5)]);
        for (id, qty, leaves) in [(1, 1, 2), (1, 3, 2), (1, 2, 0), (3, 2, 2), (1, 2, u64::MAX)] {
            let wrong = book.refresh(OrderId(id), QtyLots(qty), QtyLots(leaves));
            assert!(wrong.is_err(), "{id} {qty} {leaves}");
        }
        assert_eq!(book.level(Side::Sell, PriceTicks(9)).qty, QtyLots(7), "nothing has changed");
    }

    #[test]
    fn what_does_not_fit_is_named_and_changes_nothing() {
        let mut book = MarketBook::default();
        book.add(order(1, Side::Buy, 9, 5)).unwrap();
        assert_eq!(book.add(order(1, Side::Buy, 9, 5)), Err(BookError::DuplicateOrder(OrderId(1))));
        assert_eq!(book.add(order(2, Side::Buy, 0, 5)), Err(BookError::InvalidOrder(OrderId(2))));
        assert_eq!(book.remove(OrderId(3)), Err(BookError::UnknownOrder(OrderId(3))));
        let wrong = book.reduce(OrderId(1), QtyLots(6), QtyLots(0));
        assert_eq!(wrong, Err(BookError::WrongQuantity { order_id: OrderId(1), has: QtyLots(5) }));
        let wrong = book.reduce(OrderId(1), QtyLots(u64::MAX), QtyLots(6));
        assert!(wrong.is_err(), "a sum that overflows is no match");
        assert_eq!(book.order(OrderId(1)).unwrap().qty, QtyLots(5));
    }

    #[test]
    fn what_is_no_price_has_no_level() {
        let mut book = MarketBook::default();
        book.add(order(1, Side::Buy, 9, 5)).unwrap();
        for price in [i64::MIN, -1, 0, i64::MAX] {
            for side in Side::BOTH {
                assert_eq!(book.level(side, PriceTicks(price)).order_count, 0, "{price}");
            }
        }
    }
}
