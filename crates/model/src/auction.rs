//! **Auctions**: who takes part in an uncross, at what price, and who trades with whom.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use vesta_types::state_hash::{LiveOrder, OrderPhase};
use vesta_types::{
    AuctionKind, CancelReason, Event, Executed, HiddenPriority, Indicative, InstrumentId, NewOrder,
    OrderId, PriceTicks, QtyLots, Side, TimeInForce, TradingState,
};

use crate::Model;
use crate::book::{distance, is_acceptable};
use crate::orders::{is_undisplayed, limit_of, party, take_off};

/// What would trade at one price.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    price: PriceTicks,
    demand: QtyLots,
    supply: QtyLots,
}

impl Outcome {
    fn volume(&self) -> QtyLots {
        self.demand.min(self.supply)
    }

    fn imbalance(&self) -> u64 {
        self.demand.0.abs_diff(self.supply.0)
    }
}

/// A market order has no limit in an auction; one with a `price` has that.
fn auction_limit(order: &LiveOrder) -> Option<PriceTicks> {
    limit_of(&order.terms)
}

/// True for an auction-only order of that auction.
fn is_of(terms: &NewOrder, kind: Option<AuctionKind>) -> bool {
    match kind {
        Some(AuctionKind::Opening) => terms.time_in_force == TimeInForce::AtOpen,
        Some(AuctionKind::Closing) => terms.time_in_force == TimeInForce::AtClose,
        Some(AuctionKind::Volatility) | None => false,
    }
}

impl Model {
    /// **uncross**: which auction it would be just now.
    fn auction_kind(&self, instrument: InstrumentId) -> Option<AuctionKind> {
        let book = self.book(instrument);
        match book.state {
            TradingState::PreOpen => Some(AuctionKind::Opening),
            _ => book.auction,
        }
    }

    /// **uncross**: who takes part on one side, in the order of the row of **auction_allocation**.
    fn row(&self, instrument: InstrumentId, side: Side) -> Vec<LiveOrder> {
        let book = self.book(instrument);
        let kind = self.auction_kind(instrument);
        let displayed = book.displayed[side.index()].ids();
        let undisplayed = book.undisplayed[side.index()].ids();
        let for_auction = book.for_auction.values().copied();
        let ids = displayed.chain(undisplayed).chain(for_auction);
        let mut row: Vec<LiveOrder> = ids.map(|order_id| self.orders[&order_id]).collect();
        row.retain(|order| {
            let terms = &order.terms;
            let takes_part = if order.phase == OrderPhase::ForAuction {
                is_of(terms, kind)
            } else {
                let is_hidden_only = terms.hidden && !terms.all_or_none && terms.min_qty.is_zero();
                !is_undisplayed(terms) || is_hidden_only
            };
            takes_part && terms.side == side
        });
        row.sort_by_key(|order| {
            // A market order accepts any price: it stands before all limits. (`None` is below.)
            let rank = auction_limit(order).map(|limit| match side {
                Side::Buy => -limit.0,
                Side::Sell => limit.0,
            });
            let is_displayed = order.phase == OrderPhase::Queued && !is_undisplayed(&order.terms);
            let by_time = book.rules.hidden_priority == HiddenPriority::ByTime;
            (rank, Reverse(is_displayed || by_time), order.priority)
        });
        row
    }

    /// **auction_price**: what an uncross would do now; `None` when nothing would trade.
    fn auction_outcome(&self, instrument: InstrumentId) -> Option<Outcome> {
        let book = self.book(instrument);
        let [buys, sells] = Side::BOTH.map(|side| self.row(instrument, side));
        let reference =
            if book.last_price > PriceTicks(0) { book.last_price } else { book.reference_price };
        let reference = (reference > PriceTicks(0)).then_some(reference);

        let limits = buys.iter().chain(&sells).filter_map(auction_limit);
        let candidates: BTreeSet<PriceTicks> = limits.chain(reference).collect();
        let open = |row: &[LiveOrder], price| {
            let takes =
                |order: &&LiveOrder| is_acceptable(order.terms.side, auction_limit(order), price);
            row.iter().filter(takes).fold(QtyLots::ZERO, |sum, order| sum + order.terms.qty)
        };
        let mut left: Vec<Outcome> = candidates
            .into_iter()
            .map(|price| Outcome { price, demand: open(&buys, price), supply: open(&sells, price) })
            .collect();

        // 1. The greatest volume.
        let volume = left.iter().map(Outcome::volume).max()?;
        if volume.is_zero() {
            return None;
        }
        left.retain(|outcome| outcome.volume() == volume);
        // 2. The smallest imbalance.
        let imbalance = left.iter().map(Outcome::imbalance).min()?;
        left.retain(|outcome| outcome.imbalance() == imbalance);
        // 3. Market pressure. (They are in ascending order of price.)
        if left.iter().all(|outcome| outcome.demand > outcome.supply) {
            return left.last().copied();
        }
        if left.iter().all(|outcome| outcome.supply > outcome.demand) {
            return left.first().copied();
        }
        // 4. The nearest to the reference, of two the higher; without one, the highest.
        let far = |price| reference.map_or(0, |reference| distance(price, reference));
        left.into_iter().min_by_key(|outcome| (far(outcome.price), Reverse(outcome.price)))
    }

    /// **uncross**: the orders that a call collected trade with each other.
    pub(crate) fn uncross(&mut self, instrument: InstrumentId, events: &mut Vec<Event>) {
        let kind = self.auction_kind(instrument);
        if let Some(outcome) = self.auction_outcome(instrument) {
            self.auction_trades(instrument, outcome, events);
        }
        // **auction_only**: what is left goes, also when nothing traded.
        let mut left: Vec<OrderId> = self.book(instrument).for_auction.values().copied().collect();
        left.retain(|order_id| is_of(&self.orders[order_id].terms, kind));
        left.sort_unstable();
        for order_id in left {
            self.cancel_live(order_id, CancelReason::AuctionRemainder, events);
        }
    }

    /// **auction_allocation**
    fn auction_trades(
        &mut self,
        instrument: InstrumentId,
        outcome: Outcome,
        events: &mut Vec<Event>,
    ) {
        let price = outcome.price;
        let [buys, sells] = Side::BOTH.map(|side| {
            let mut row = self.row(instrument, side);
            row.retain(|order| is_acceptable(side, auction_limit(order), price));
            row.into_iter().map(|order| order.order_id).collect::<Vec<_>>()
        });
        let mut volume = outcome.volume();
        let (mut next_buy, mut next_sell) = (0, 0);
        while !volume.is_zero() {
            let mut buy = self.orders[&buys[next_buy]];
            let mut sell = self.orders[&sells[next_sell]];
            let qty = buy.terms.qty.min(sell.terms.qty).min(volume);
            volume -= qty;
            let shown = [buy.displayed, sell.displayed];
            take_off(&mut buy, qty);
            take_off(&mut sell, qty);
            self.show_next_tip_in_place(&mut buy, shown[0]);
            self.show_next_tip_in_place(&mut sell, shown[1]);
            self.trade_id_last = self.trade_id_last.next();
            events.push(Event::Executed(Executed {
                trade_id: self.trade_id_last,
                instrument,
                price,
                qty,
                taker_side: Side::Buy,
                auction: true,
                taker: party(&buy, shown[0]),
                maker: party(&sell, shown[1]),
            }));
            for (order, next) in [(buy, &mut next_buy), (sell, &mut next_sell)] {
                self.store(order);
                if order.terms.qty.is_zero() {
                    self.remove(order.order_id);
                    *next += 1;
                }
            }
            // **trailing_stop**: after every execution; none is elected before the resume.
            self.book_mut(instrument).last_price = price;
            self.trailing_stops_follow(instrument);
        }
        // **auction_refresh**: buys in the order of the row, then sells.
        for order_id in buys.into_iter().chain(sells) {
            if let Some(order) = self.orders.get(&order_id)
                && order.phase == OrderPhase::Queued
                && !is_undisplayed(&order.terms)
                && order.displayed.is_zero()
            {
                self.show_next_tip(order_id, events);
            }
        }
        // **auction_sets_prices**
        self.book_mut(instrument).reference_price = price;
    }

    /// **indicative**: what an uncross of each instrument would do, where it was not told last.
    pub(crate) fn tell_indicative(&mut self, events: &mut Vec<Event>) {
        for instrument in self.instruments.clone() {
            let state = self.book(instrument).state;
            let is_called =
                matches!(state, TradingState::AuctionCall | TradingState::VolatilityInterruption);
            if !is_called {
                continue;
            }
            let nothing =
                Outcome { price: PriceTicks(0), demand: QtyLots::ZERO, supply: QtyLots::ZERO };
            let outcome = self.auction_outcome(instrument).unwrap_or(nothing);
            let indicative = Indicative {
                instrument,
                price: outcome.price,
                qty: outcome.volume(),
                imbalance: QtyLots(outcome.imbalance()),
                imbalance_side: match outcome.demand.cmp(&outcome.supply) {
                    std::cmp::Ordering::Greater => Some(Side::Buy),
                    std::cmp::Ordering::Equal => None,
                    std::cmp::Ordering::Less => Some(Side::Sell),
                },
            };
            let book = self.book_mut(instrument);
            if book.told != Some(indicative) {
                book.told = Some(indicative);
                events.push(Event::Indicative(indicative));
            }
        }
    }
}
