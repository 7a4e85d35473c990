//! Events and views as scenarios state them: every field that has meaning, one event a line.
//!
//! Left out are a price of 0, what is shown where nothing is, and the instrument where it is 1 and
//! an order's.

use core::fmt::Write;

use vesta_types::state_hash::{InstrumentStatus, LiveOrder, OrderPhase};
use vesta_types::{Event, InstrumentId, LevelView, Party, PriceTicks, QtyLots, Side};

use crate::venue::Venue;

/// Collects the words of a line.
struct Line(String);

impl Line {
    fn new(first: &str) -> Self {
        Self(first.to_owned())
    }

    fn word(mut self, word: impl core::fmt::Display) -> Self {
        write!(self.0, " {word}").expect("a string takes all");
        self
    }

    fn when(self, is: bool, word: impl core::fmt::Display) -> Self {
        if is { self.word(word) } else { self }
    }

    fn price(self, price: PriceTicks) -> Self {
        self.when(price.0 != 0, format_args!("@ {price}"))
    }

    fn shown(self, displayed: QtyLots) -> Self {
        self.when(displayed.0 != 0, format_args!("shown {displayed}"))
    }

    fn instrument(self, instrument: InstrumentId) -> Self {
        self.when(instrument.0 != 1, format_args!("i{instrument}"))
    }

    fn party(self, role: &str, party: &Party) -> Self {
        let Party { order_id, session, client_order_id, leaves, was_displayed, displayed } = party;
        self.word(format_args!("{role} o{order_id} s{session}#{client_order_id} left {leaves}"))
            .when(*was_displayed || displayed.0 != 0, format_args!("shown {displayed}"))
            .when(!was_displayed && displayed.0 != 0, "(but it was not displayed)")
    }
}

/// `o1 s1#7 buy`: what every event about one order begins with.
macro_rules! of_order {
    ($first:literal, $event:ident) => {
        Line::new($first).word(format_args!(
            "o{} s{}#{} {}",
            $event.order_id, $event.session, $event.client_order_id, $event.side
        ))
    };
}

/// One event.
pub fn event(event: &Event) -> String {
    let line = match event {
        Event::Accepted(e) => {
            let has_order = e.order_id.0 != 0;
            let line = Line::new("accepted")
                .word(e.command)
                .when(has_order, format_args!("o{}", e.order_id))
                .word(format_args!("s{}", e.session));
            let mut line = if has_order {
                Line(format!("{}#{}", line.0, e.client_order_id))
            } else {
                line.when(e.client_order_id.0 != 0, format_args!("#{}", e.client_order_id))
            };
            if let Some(side) = e.side {
                line = line.word(side);
            }
            line = line.when(e.qty.0 != 0, e.qty).price(e.price);
            if let Some((order_type, time_in_force)) = e.terms {
                line = line.word(order_type).word(time_in_force);
            }
            let is_plain = if has_order { e.instrument.0 == 1 } else { e.instrument.0 == 0 };
            line.when(!is_plain, format_args!("i{}", e.instrument))
        }
        Event::Rejected(e) => Line::new("rejected")
            .word(e.command)
            .word(format_args!("s{}", e.session))
            .when(e.client_order_id.0 != 0, format_args!("#{}", e.client_order_id))
            .when(e.order_id.0 != 0, format_args!("o{}", e.order_id))
            .word(e.reason),
        Event::Executed(e) => Line::new("executed")
            .word(format_args!("t{} {} {} @ {}", e.trade_id, e.taker_side, e.qty, e.price))
            .when(e.auction, "auction")
            .party("taker", &e.taker)
            .party("maker", &e.maker)
            .instrument(e.instrument),
        Event::Rested(e) => of_order!("rested", e)
            .word(e.qty)
            .price(e.price)
            .shown(e.displayed)
            .instrument(e.instrument),
        Event::Cancelled(e) => of_order!("cancelled", e)
            .word(e.qty)
            .price(e.price)
            .shown(e.displayed)
            .word(e.reason)
            .instrument(e.instrument),
        Event::Replaced(e) => of_order!("replaced", e)
            .word(e.old_qty)
            .price(e.old_price)
            .shown(e.old_displayed)
            .word("->")
            .word(e.qty)
            .price(e.price)
            .shown(e.displayed)
            .word(if e.priority_kept { "kept" } else { "lost" })
            .instrument(e.instrument),
        Event::Triggered(e) => of_order!("triggered", e)
            .word(e.qty)
            .price(e.price)
            .word(format_args!("stop {}", e.stop_price))
            .instrument(e.instrument),
        Event::Repriced(e) => of_order!("repriced", e)
            .word(e.qty)
            .word(peg_price(e.old_price))
            .word("->")
            .word(peg_price(e.price))
            .instrument(e.instrument),
        Event::SelfTradePrevented(e) => Line::new("self_trade_prevented")
            .word(format_args!("{} {} @ {}", e.taker_side, e.qty, e.price))
            .party("taker", &e.taker)
            .party("maker", &e.maker)
            .instrument(e.instrument),
        Event::StateChanged(e) => {
            let line = Line::new("state").word(e.state);
            let line = e.auction.into_iter().fold(line, Line::word);
            line.instrument(e.instrument)
        }
        Event::Indicative(e) => {
            let mut line = Line::new("indicative").word(e.qty).price(e.price);
            if e.imbalance.0 != 0 || e.imbalance_side.is_some() {
                let side = e.imbalance_side.map_or("none", Side::name);
                line = line.word(format_args!("imbalance {side} {}", e.imbalance));
            }
            line.instrument(e.instrument)
        }
    };
    line.0
}

fn peg_price(price: PriceTicks) -> String {
    if price.0 == 0 { "parked".to_owned() } else { format!("@ {price}") }
}

/// One side of a book: its displayed levels, then its undisplayed queue, best price first.
pub fn book(venue: &impl Venue, instrument: InstrumentId, side: Side) -> Vec<String> {
    let displayed = venue.orders(instrument, side);
    let mut lines: Vec<String> = queues("level", &displayed, |order| order.displayed);
    let levels: Vec<String> = venue.levels(instrument, side).iter().map(level).collect();
    let seen: Vec<String> = displayed
        .chunk_by(|a, b| a.queue_price == b.queue_price)
        .map(|orders| {
            level(&LevelView {
                price: orders[0].queue_price,
                qty: orders.iter().fold(QtyLots::ZERO, |sum, order| sum + order.displayed),
                order_count: u32::try_from(orders.len()).expect("few orders"),
            })
        })
        .collect();
    if levels != seen {
        lines.push(format!("levels that its orders do not have: {levels:?}, they have {seen:?}"));
    }
    lines.extend(queues("hidden", &venue.undisplayed(instrument, side), |o| o.terms.qty));
    lines
}

fn level(level: &LevelView) -> String {
    format!("{} @ {} in {}", level.qty, level.price, level.order_count)
}

fn queues(word: &str, orders: &[LiveOrder], qty: fn(&LiveOrder) -> QtyLots) -> Vec<String> {
    let one = |order: &LiveOrder| format!("o{} {}", order.order_id, qty(order));
    orders
        .iter()
        .filter(|order| order.phase == OrderPhase::Queued)
        .collect::<Vec<_>>()
        .chunk_by(|a, b| a.queue_price == b.queue_price)
        .map(|queue| {
            let orders: Vec<String> = queue.iter().map(|order| one(order)).collect();
            format!("{word} {}: {}", queue[0].queue_price, orders.join(", "))
        })
        .collect()
}

/// An order as it lives, if it does.
pub fn order(order: Option<&LiveOrder>) -> String {
    let Some(order) = order else { return "order none".to_owned() };
    let terms = &order.terms;
    let phase = match order.phase {
        OrderPhase::Queued => "queued",
        OrderPhase::Waiting => "waiting",
        OrderPhase::ForAuction => "for_auction",
        OrderPhase::Parked => "parked",
    };
    Line::new("order")
        .word(format_args!("o{} s{}#{}", order.order_id, terms.session, terms.client_order_id))
        .word(format_args!("{} {}", terms.side, terms.qty))
        .price(terms.price)
        .word(format_args!("{} {}", terms.order_type, terms.time_in_force))
        .when(terms.stop_price.0 != 0, format_args!("stop {}", terms.stop_price))
        .word(phase)
        .price(order.queue_price)
        .shown(order.displayed)
        .word(format_args!("stamp {}", order.priority))
        .instrument(terms.instrument)
        .0
}

/// An instrument as it is.
pub fn status(status: Option<&InstrumentStatus>) -> String {
    let Some(status) = status else { return "status none".to_owned() };
    let line = Line::new("status").word(status.state);
    let line = status.auction.into_iter().fold(line, Line::word);
    line.word(format_args!("last {} reference {}", status.last_price, status.reference_price))
        .when(status.killed, "killed")
        .0
}
