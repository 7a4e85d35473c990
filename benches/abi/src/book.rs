//! The matcher, spoken to in the ABI's words: all that this library knows of Vesta's own.
//!
//! | the ABI's | is here |
//! |---|---|
//! | order id, any `u64` | `ClientOrderId`, one higher, of the one session: 0 is none. The matcher's own index finds it; an id is free again when its order is gone. |
//! | price, signed ticks | `PriceTicks`, [`PRICE_OFFSET`] higher: those begin at 1 |
//! | new order | `NewOrder`, GTC or IOC |
//! | modify: leaves and enters again | `Replace`, on an instrument whose orders lose their place by any replace |
//!
//! The ABI has no word for a new order that is refused: not for a price that the matcher can not
//! hold, a quantity of 0, the id of an order that rests, or want of room. It is not reported, as it
//! is not in force.

use crate::output::{About, Output, Trade};
use vesta_engine_abi::abi::{
    CANCEL_ACK, CANCEL_REJECT, Cancel, MODIFY_ACK, MODIFY_REJECT, ORDER_ACK, Order, SELL,
};
use vesta_matching::{Capacity, EventSink, Matcher, Unfinished};
use vesta_types::{
    self as types, ClientOrderId, Event, InstrumentId, InstrumentRules, NewOrder, OrderRef,
    PriceTicks, QtyLots, Replace, ReplaceShrink, SessionId, Side, StpGroup, TickStep, TimeInForce,
    TimeNs,
};

/// Half of the prices that the matcher holds are below the ABI's 0. A workload within 2^47 ticks of
/// 0 fits, on either side.
const PRICE_OFFSET: i64 = PriceTicks::MAX.0 / 2;

/// The public workloads, of a million new orders, rest at most 26,345 orders at a time. Too low: new
/// orders are refused, which the report hash shows. Too high: the indices are sparser than they need
/// be, and miss the cache for it.
const CAPACITY: Capacity = Capacity {
    order_count_max: 1 << 17,
    level_count_max: 1 << 17,
    instrument_count_max: 1,
    session_count_max: 1,
};

const INSTRUMENT: InstrumentId = InstrumentId(1);
const SESSION: SessionId = SessionId(1);

/// Every rule is in force, as far out as it may be: ticks, bands, notional, protection, the
/// limit of open orders, time. None of them says no to a public workload, but each is asked.
fn rules() -> InstrumentRules {
    let mut rules = InstrumentRules::new(PriceTicks::MAX, QtyLots(u32::MAX.into()));
    rules.notional_max = u64::MAX;
    rules.tick_steps[0] = TickStep { from: PriceTicks(1), ticks: 1 };
    rules.reference_price = PriceTicks(PRICE_OFFSET);
    rules.static_band_ticks = PRICE_OFFSET as u64;
    rules.dynamic_band_ticks = PRICE_OFFSET as u64;
    rules.market_protection_ticks = PRICE_OFFSET as u64;
    rules.match_count_max = InstrumentRules::MATCH_COUNT_MAX;
    rules.replace_shrink = ReplaceShrink::LosesPriority;
    rules
}

pub(crate) struct Book {
    matcher: Matcher,
    message_count: u64,
}

impl Book {
    pub(crate) fn new() -> Self {
        let mut matcher = Matcher::new(CAPACITY);
        let defined = matcher.define(INSTRUMENT, rules());
        assert_eq!(defined, Ok(()), "the limits are within the matcher's");
        let defined = matcher.define_session(SESSION, CAPACITY.order_count_max);
        assert_eq!(defined, Ok(()), "there is room for one session");
        Self { matcher, message_count: 0 }
    }

    /// Sequenced time passes with every message, as the engine has it.
    #[inline(always)]
    fn time_passes(&mut self) {
        // At a billion a second it is full in 584 years.
        self.message_count = self.message_count.wrapping_add(1);
        self.matcher.advance_to(TimeNs(self.message_count), &mut Silence);
    }

    #[inline(always)]
    pub(crate) fn new_order(&mut self, order: &Order, output: &mut Output) {
        self.time_passes();
        if let Err(unfinished) =
            self.matcher.begin_new(&new_order(order), &mut OfNew { order, output })
        {
            self.finish_new(order, unfinished, output);
        }
    }

    #[inline(never)]
    fn finish_new(&mut self, order: &Order, unfinished: Unfinished, output: &mut Output) {
        self.matcher.finish_new(&new_order(order), unfinished, &mut OfNew { order, output });
    }

    #[inline(always)]
    pub(crate) fn cancel(&mut self, cancel: &Cancel, output: &mut Output) {
        let mut sink = OfCancel { cancel, output };
        self.time_passes();
        let target = OrderRef::Client(client_order_id(cancel.order_id));
        let cancel = types::Cancel { session: SESSION, instrument: INSTRUMENT, target };
        self.matcher.apply_cancel(&cancel, &mut sink);
    }

    #[inline(always)]
    pub(crate) fn modify(&mut self, modify: &Order, output: &mut Output) {
        let mut sink = OfModify { modify, output };
        self.time_passes();
        let replace = Replace {
            session: SESSION,
            instrument: INSTRUMENT,
            target: OrderRef::Client(client_order_id(modify.order_id)),
            price: price(modify.price_ticks),
            qty: QtyLots(modify.quantity.into()),
            stop_price: PriceTicks(0),
        };
        self.matcher.apply_replace(&replace, &mut sink);
    }

    /// The best price of a side, in the ABI's ticks.
    pub(crate) fn best(&self, side: Side) -> Option<i64> {
        self.matcher.best(INSTRUMENT, side).map(|level| price_ticks(level.price))
    }

    /// The open quantity at a price of the ABI.
    pub(crate) fn depth_at(&self, price_ticks: i64, side: Side) -> u64 {
        self.matcher.depth_at(INSTRUMENT, side, price(price_ticks)).0
    }
}

/// A new order in the matcher's words.
#[inline(always)]
fn new_order(order: &Order) -> NewOrder {
    let side = if order.side == SELL { Side::Sell } else { Side::Buy };
    let (id, price) = (client_order_id(order.order_id), price(order.price_ticks));
    let qty = QtyLots(order.quantity.into());
    NewOrder {
        time_in_force: if order.ioc == 0 { TimeInForce::Gtc } else { TimeInForce::Ioc },
        // Every order has another owner, so that none is kept from trading, but all are asked.
        stp_group: StpGroup((order.sequence_number as u32).wrapping_add(1)),
        ..NewOrder::limit(SESSION, id, INSTRUMENT, side, price, qty)
    }
}

/// 0, which the matcher refuses, for the one that has none.
#[inline(always)]
fn client_order_id(order_id: u64) -> ClientOrderId {
    ClientOrderId(order_id.wrapping_add(1))
}

/// The ABI's id of an order: that of a live one is never 0.
#[inline(always)]
fn order_id(id: ClientOrderId) -> u64 {
    id.0.wrapping_sub(1)
}

/// One that the matcher refuses for one that it can not hold: the sum wraps around to far below 1.
#[inline(always)]
fn price(price_ticks: i64) -> PriceTicks {
    PriceTicks(price_ticks.wrapping_add(PRICE_OFFSET))
}

#[inline(always)]
fn price_ticks(price: PriceTicks) -> i64 {
    // Both are at most 2^48.
    price.0.wrapping_sub(PRICE_OFFSET)
}

/// A quantity of one order: the limits of the instrument keep it within the ABI's.
#[inline(always)]
fn quantity(qty: QtyLots) -> u32 {
    qty.0 as u32
}

#[inline(always)]
fn side_byte(side: Side) -> u8 {
    side.index() as u8
}

#[inline(always)]
fn trade(sequence_number: u64, fill: &types::Executed) -> Trade {
    Trade {
        sequence_number,
        price_ticks: price_ticks(fill.price),
        quantity: quantity(fill.qty),
        maker_order_id: order_id(fill.maker.client_order_id),
        taker_order_id: order_id(fill.taker.client_order_id),
    }
}

/// What becomes of a new order.
struct OfNew<'a> {
    order: &'a Order,
    output: &'a mut Output,
}

impl EventSink for OfNew<'_> {
    #[inline(always)]
    fn event(&mut self, event: Event) {
        let &Order { order_id, sequence_number, price_ticks, side, .. } = self.order;
        let about =
            |kind, quantity| About { kind, side, sequence_number, order_id, price_ticks, quantity };
        match event {
            Event::Accepted(_) => self.output.about(about(ORDER_ACK, self.order.quantity)),
            Event::Executed(fill) => self.output.trade(trade(sequence_number, &fill)),
            // The rest of an IOC order.
            Event::Cancelled(rest) => self.output.about(about(CANCEL_ACK, quantity(rest.qty))),
            _ => {}
        }
    }
}

/// What becomes of a cancel.
struct OfCancel<'a> {
    cancel: &'a Cancel,
    output: &'a mut Output,
}

impl OfCancel<'_> {
    #[inline(always)]
    fn refuse(&mut self) {
        self.output.about(refused(
            CANCEL_REJECT,
            self.cancel.order_id,
            self.cancel.sequence_number,
        ));
    }
}

impl EventSink for OfCancel<'_> {
    #[inline(always)]
    fn event(&mut self, event: Event) {
        let &Cancel { order_id, sequence_number } = self.cancel;
        match event {
            Event::Cancelled(gone) => self.output.about(About {
                kind: CANCEL_ACK,
                side: side_byte(gone.side),
                sequence_number,
                order_id,
                price_ticks: price_ticks(gone.price),
                quantity: quantity(gone.qty),
            }),
            Event::Rejected(_) => self.refuse(),
            _ => {}
        }
    }
}

/// What becomes of a modify.
struct OfModify<'a> {
    modify: &'a Order,
    output: &'a mut Output,
}

impl OfModify<'_> {
    #[inline(always)]
    fn refuse(&mut self) {
        self.output.about(refused(
            MODIFY_REJECT,
            self.modify.order_id,
            self.modify.sequence_number,
        ));
    }
}

impl EventSink for OfModify<'_> {
    #[inline(always)]
    fn event(&mut self, event: Event) {
        let &Order { order_id, sequence_number, price_ticks, quantity, .. } = self.modify;
        match event {
            Event::Replaced(order) => {
                let side = side_byte(order.side);
                let kind = MODIFY_ACK;
                self.output.about(About {
                    kind,
                    side,
                    sequence_number,
                    order_id,
                    price_ticks,
                    quantity,
                });
            }
            Event::Executed(fill) => self.output.trade(trade(sequence_number, &fill)),
            Event::Rejected(_) => self.refuse(),
            _ => {}
        }
    }
}

/// A refusal says which order was named, and no more: there may be none.
#[inline(always)]
fn refused(kind: u8, order_id: u64, sequence_number: u64) -> About {
    About { kind, side: 0, sequence_number, order_id, price_ticks: 0, quantity: 0 }
}

/// Hears nothing.
struct Silence;

impl EventSink for Silence {
    #[inline(always)]
    fn event(&mut self, _event: Event) {}
}
