//! A made-up workload, and a book so plain that it can be checked by reading it.

use vesta_engine_abi::Probe;
use vesta_engine_abi::abi::{
    BUY, CANCEL, CANCEL_ACK, CANCEL_REJECT, MODIFY, MODIFY_ACK, MODIFY_REJECT, Message, NEW,
    NO_ASK, NO_BID, ORDER_ACK, Order, Report, SELL, TRADE,
};

/// Orders around price 0, so that half of the prices are negative; ids that are used again as soon as
/// they are free, ids that were never issued, IOC orders, crossing modifies.
pub fn workload(message_count: u64) -> Vec<Message> {
    let mut state = 1_u64;
    // Knuth's MMIX generator, its upper bits.
    let mut below = move |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut book = NaiveBook::default();
    let mut messages = Vec::new();
    for sequence_number in 0..message_count {
        let order_id = below(300) * 1_000_003;
        let is_free = book.resting.iter().all(|order| order.order_id != order_id);
        let order = Order {
            order_id,
            sequence_number,
            price_ticks: below(21).cast_signed() - 10,
            quantity: 1 + below(9) as u32,
            side: if below(2) == 0 { BUY } else { SELL },
            ioc: 0,
            reserved: [0; 2],
        };
        let (kind, order) = match below(4) {
            0 | 1 if is_free => (NEW, Order { ioc: u8::from(below(5) == 0), ..order }),
            2 => (MODIFY, order),
            _ => (CANCEL, order),
        };
        let message = Message { kind, reserved: [0; 7], order };
        book.apply(&message);
        messages.push(message);
    }
    messages
}

/// Orders in order of arrival; the best maker is looked for among all of them.
#[derive(Default)]
pub struct NaiveBook {
    resting: Vec<Order>,
    pub reports: Vec<Report>,
}

impl NaiveBook {
    pub fn apply(&mut self, message: &Message) {
        let order = message.order;
        let at = self.resting.iter().position(|resting| resting.order_id == order.order_id);
        match (message.kind, at) {
            (NEW, None) => {
                self.report(ORDER_ACK, &order);
                self.enter(order);
            }
            (NEW, Some(_)) => {}
            (CANCEL, Some(at)) => {
                let gone = self.resting.remove(at);
                self.report(CANCEL_ACK, &Order { sequence_number: order.sequence_number, ..gone });
            }
            (CANCEL, None) => self.refuse(CANCEL_REJECT, &order),
            (_, Some(at)) => {
                let side = self.resting.remove(at).side;
                let order = Order { side, ..order };
                self.report(MODIFY_ACK, &order);
                self.enter(order);
            }
            (_, None) => self.refuse(MODIFY_REJECT, &order),
        }
    }

    fn enter(&mut self, mut taker: Order) {
        // How much better than another a price is for the taker.
        let cost = |price: i64| if taker.side == BUY { price } else { -price };
        while taker.quantity > 0 {
            let makers = self.resting.iter_mut().filter(|maker| {
                maker.side != taker.side && cost(maker.price_ticks) <= cost(taker.price_ticks)
            });
            // Of equals the first: it came first.
            let Some(maker) = makers.min_by_key(|maker| cost(maker.price_ticks)) else { break };
            let quantity = maker.quantity.min(taker.quantity);
            maker.quantity -= quantity;
            taker.quantity -= quantity;
            self.reports.push(Report {
                kind: TRADE,
                sequence_number: taker.sequence_number,
                price_ticks: maker.price_ticks,
                quantity,
                maker_order_id: maker.order_id,
                taker_order_id: taker.order_id,
                ..Report::default()
            });
            self.resting.retain(|order| order.quantity > 0);
        }
        match (taker.quantity, taker.ioc) {
            (0, _) => {}
            (_, 0) => self.resting.push(taker),
            _ => self.report(CANCEL_ACK, &taker),
        }
    }

    fn report(&mut self, kind: u8, order: &Order) {
        self.reports.push(Report {
            kind,
            side: order.side,
            sequence_number: order.sequence_number,
            order_id: order.order_id,
            price_ticks: order.price_ticks,
            quantity: order.quantity,
            ..Report::default()
        });
    }

    fn refuse(&mut self, kind: u8, named: &Order) {
        let Order { sequence_number, order_id, .. } = *named;
        self.reports.push(Report { kind, sequence_number, order_id, ..Report::default() });
    }

    pub fn probe(&self, latest: &Message) -> Probe {
        let prices =
            |side| self.resting.iter().filter(move |o| o.side == side).map(|o| o.price_ticks);
        let at_price =
            |o: &&Order| o.side == latest.order.side && o.price_ticks == latest.order.price_ticks;
        Probe {
            best_bid: prices(BUY).max().unwrap_or(NO_BID),
            best_ask: prices(SELL).min().unwrap_or(NO_ASK),
            depth: self.resting.iter().filter(at_price).map(|o| u64::from(o.quantity)).sum(),
        }
    }
}
