//! The generator's own book: limit orders by price and time, and nothing else. Plain on purpose; it
//! shares no code with the matching core that it predicts.

use std::collections::{BTreeMap, VecDeque};
use vesta_types::{ClientOrderId, PriceTicks, SessionId, Side};

/// An order's number, from 1.
pub(crate) type Number = u32;

/// An order, live or gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) session: SessionId,
    pub(crate) client_order_id: ClientOrderId,
    pub(crate) side: Side,
    pub(crate) price: PriceTicks,
    /// What is open, in lots; 0 when it is gone.
    pub(crate) open: u64,
}

/// What an aggressor got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) qty: u64,
    pub(crate) fills: u16,
    /// The last maker that was filled whole.
    pub(crate) filled_last: Option<Number>,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    /// By number, less one.
    orders: Vec<Order>,
    /// By side; by price, a buy's negated: the best comes first.
    sides: [BTreeMap<i64, VecDeque<Number>>; 2],
    live_count: u32,
}

const fn key(side: Side, price: PriceTicks) -> i64 {
    match side {
        Side::Buy => -price.0,
        Side::Sell => price.0,
    }
}

impl Book {
    /// How many orders rest.
    pub(crate) const fn live_count(&self) -> u32 {
        self.live_count
    }

    /// An order that was added, by its number.
    pub(crate) fn order(&self, number: Number) -> &Order {
        &self.orders[number as usize - 1]
    }

    /// The best price of a side.
    pub(crate) fn best(&self, side: Side) -> Option<PriceTicks> {
        self.sides[side.index()].keys().next().map(|key| PriceTicks(key.abs()))
    }

    /// The orders of a side, in the order in which they would trade.
    pub(crate) fn makers(&self, side: Side) -> impl Iterator<Item = &Order> {
        self.sides[side.index()].values().flatten().map(|&number| self.order(number))
    }

    /// Gives an order its number. It does not rest yet.
    pub(crate) fn add(&mut self, order: Order) -> Number {
        self.orders.push(order);
        self.orders.len() as Number
    }

    /// Lets an order trade with the other side, within its price.
    pub(crate) fn take(&mut self, number: Number) -> Got {
        let Order { side, price, open, .. } = *self.order(number);
        let opposite = side.opposite();
        // Of two keys, those of the makers within the price are not above it.
        let key_max = key(opposite, price);
        let mut got = Got::default();
        while got.qty < open
            && let Some(mut level) = self.sides[opposite.index()].first_entry()
            && *level.key() <= key_max
        {
            let queue = level.get_mut();
            let Some(&maker) = queue.front() else { unreachable!("an empty level") };
            let maker_open = &mut self.orders[maker as usize - 1].open;
            let qty = (*maker_open).min(open - got.qty);
            *maker_open -= qty;
            got.qty += qty;
            got.fills += 1;
            if *maker_open == 0 {
                got.filled_last = Some(maker);
                self.live_count -= 1;
                queue.pop_front();
                if queue.is_empty() {
                    level.remove();
                }
            }
        }
        self.orders[number as usize - 1].open -= got.qty;
        got
    }

    /// Puts what is open of an order at the end of its queue; false when nothing is.
    pub(crate) fn rest(&mut self, number: Number) -> bool {
        let Order { side, price, open, .. } = *self.order(number);
        if open == 0 {
            return false;
        }
        self.sides[side.index()].entry(key(side, price)).or_default().push_back(number);
        self.live_count += 1;
        true
    }

    /// Takes a resting order out of its queue. Its price and quantity may be set anew.
    pub(crate) fn remove(&mut self, number: Number) -> &mut Order {
        let Order { side, price, .. } = *self.order(number);
        let key = key(side, price);
        let queue = self.sides[side.index()].get_mut(&key).expect("a resting order has a level");
        let place = queue.iter().position(|&other| other == number).expect("it is in its queue");
        queue.remove(place);
        if queue.is_empty() {
            self.sides[side.index()].remove(&key);
        }
        self.live_count -= 1;
        &mut self.orders[number as usize - 1]
    }
}
