//! The uncross: one price for all that can trade at it.

use vesta_types::{
    AuctionKind, CancelReason, Event, Executed, HiddenPriority, Indicative, Party, PriceTicks,
    QtyLots, Side, TradingState,
};

use crate::arena::Flags;
use crate::book::BookIndex;
use crate::events::EventSink;
use crate::ladder::{Key, Ladder};
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;

/// What is wanted and offered at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Crossing {
    price: PriceTicks,
    demand: u64,
    supply: u64,
}

impl Crossing {
    fn volume(&self) -> u64 {
        self.demand.min(self.supply)
    }

    fn imbalance(&self) -> u64 {
        self.demand.abs_diff(self.supply)
    }
}

/// The best candidates so far: all of them have the same volume and imbalance.
#[derive(Clone, Copy)]
struct Best {
    volume: u64,
    imbalance: u64,
    lowest: Crossing,
    highest: Crossing,
    /// The nearest to the reference, of two the higher.
    nearest: Crossing,
    all_buy: bool,
    all_sell: bool,
}

/// Where an order stands in its row: the market orders, then by price; then by queue; then by stamp.
type Standing = (Key, bool, u64);

/// The key that stands before every price.
const MARKET: Key = Key::MAX;

impl<R: Reservation> Matcher<R> {
    /// Trades what can be traded at one price, then lets the auction-only orders of the kind go.
    pub(crate) fn uncross(
        &mut self,
        index: BookIndex,
        kind: Option<AuctionKind>,
        sink: &mut impl EventSink,
    ) {
        if let Some(crossing) = self.auction_price(index, kind) {
            self.allocate(index, kind, crossing, sink);
            let book = self.book_mut(index);
            book.last_price = crossing.price;
            book.reference_price = crossing.price;
        }
        let queue = kind.and_then(|kind| self.book(index).auction_queue(kind));
        if let Some(queue) = queue {
            let mut gathered = core::mem::take(&mut self.gathered);
            gathered.extend(self.levels.links.queue(queue));
            self.gathered = gathered;
            self.sort_gathered();
            self.withdraw_gathered(CancelReason::AuctionRemainder, sink);
        }
    }

    /// The orders of a side that take part, in no order that means anything.
    fn participants(
        &self,
        index: BookIndex,
        side: Side,
        kind: Option<AuctionKind>,
    ) -> impl Iterator<Item = NodeId> {
        let book = self.book(index);
        let shown = book.displayed[side.index()].nodes(&self.levels);
        let sits_out = Flags::ALL_OR_NONE | Flags::MIN_QTY | Flags::PEGGED;
        let hidden = book.undisplayed[side.index()].nodes(&self.levels);
        let hidden = hidden.filter(move |&slot| !self.arena[slot].flags.has(sits_out));
        let queue = kind.and_then(|kind| book.auction_queue(kind));
        let only = queue.into_iter().flat_map(|queue| self.levels.links.queue(queue));
        let only = only.filter(move |&slot| self.arena[slot].flags.side() == side);
        shown.chain(hidden).chain(only)
    }

    /// The auction price, and what is wanted and offered at it; `None` when nothing would trade.
    fn auction_price(&mut self, index: BookIndex, kind: Option<AuctionKind>) -> Option<Crossing> {
        let book = self.book(index);
        let reference = match book.last_price {
            PriceTicks(0) => book.reference_price,
            last => last,
        };
        let mut row = core::mem::take(&mut self.gathered);
        let (mut demand, mut supply) = (0, 0);
        for side in Side::BOTH {
            row.extend(self.participants(index, side, kind));
        }
        row.sort_unstable_by_key(|&slot| self.arena[slot].price);
        // At the lowest price of all every buy is in, and of the sells only the market orders, which
        // stand in front with their price of 0.
        for &slot in &row {
            let order = &self.arena[slot];
            match order.flags.side() {
                Side::Buy => demand += self.open(slot),
                Side::Sell if order.price.0 == 0 => supply += self.open(slot),
                Side::Sell => {}
            }
        }
        let priced = row.iter().position(|&slot| self.arena[slot].price.0 != 0);
        let mut rest = &row[priced.unwrap_or(row.len())..];
        let mut reference_is_due = reference.0 != 0;
        let mut best: Option<Best> = None;
        // From each candidate to the next higher one.
        loop {
            let next = rest.first().map(|&slot| self.arena[slot].price);
            let due = reference_is_due && next.is_none_or(|next| reference <= next);
            let price = if due {
                reference
            } else if let Some(next) = next {
                next
            } else {
                break;
            };
            reference_is_due &= !due && price != reference;
            let same = rest.iter().take_while(|&&slot| self.arena[slot].price == price).count();
            let (here, above) = rest.split_at(same);
            let sum = |side: Side| -> u64 {
                let of = |slot: &&NodeId| self.arena[**slot].flags.side() == side;
                here.iter().filter(of).map(|&slot| self.open(slot)).sum()
            };
            supply += sum(Side::Sell);
            let crossing = Crossing { price, demand, supply };
            if crossing.volume() > 0 {
                best = Some(better(best, crossing, reference));
            }
            demand -= sum(Side::Buy);
            rest = above;
        }
        row.clear();
        self.gathered = row;
        best.map(|best| chosen(&best, reference))
    }

    /// Trades the volume, row against row.
    fn allocate(
        &mut self,
        index: BookIndex,
        kind: Option<AuctionKind>,
        crossing: Crossing,
        sink: &mut impl EventSink,
    ) {
        let mut rows = core::mem::take(&mut self.gathered);
        for side in Side::BOTH {
            let row_start = rows.len();
            let takes_part = |slot: &NodeId| accepts(side, self.arena[*slot].price, crossing.price);
            rows.extend(self.participants(index, side, kind).filter(takes_part));
            rows[row_start..].sort_unstable_by_key(|&slot| self.standing(index, side, slot));
            if side == Side::Buy {
                rows.push(NodeId::NIL);
            }
        }
        let buy_count = rows.iter().position(|&slot| slot == NodeId::NIL).unwrap_or_default();
        let (mut buy_at, mut sell_at) = (0, buy_count + 1);
        let mut left = crossing.volume();
        while left > 0 {
            let (buy, sell) = (rows[buy_at], rows[sell_at]);
            let qty = self.open(buy).min(self.open(sell)).min(left);
            left -= qty;
            self.trade_id_last = self.trade_id_last.next();
            let executed = Executed {
                trade_id: self.trade_id_last,
                instrument: self.book(index).instrument,
                price: crossing.price,
                qty: QtyLots(qty),
                taker_side: Side::Buy,
                auction: true,
                taker: self.auction_party(buy, qty),
                maker: self.auction_party(sell, qty),
            };
            sink.event(Event::Executed(executed));
            self.reservation.settle(&executed);
            buy_at += usize::from(self.take_in_auction(buy, qty));
            sell_at += usize::from(self.take_in_auction(sell, qty));
            // All executions are at one price: trailing stops follow the first.
            if self.book(index).last_price != crossing.price || left == 0 {
                self.book_mut(index).last_price = crossing.price;
                self.follow_trade(index);
            }
        }
        // Only the last order of each row can be left; those before it are gone.
        for at in [buy_at, sell_at] {
            let Some(slot) = rows.get(at).copied().and_then(NodeId::some) else {
                continue;
            };
            if self.levels.links[slot].qty == 0 {
                self.refresh(slot, sink);
            }
        }
        rows.clear();
        self.gathered = rows;
    }

    fn standing(&self, index: BookIndex, side: Side, slot: NodeId) -> core::cmp::Reverse<Standing> {
        let order = &self.arena[slot];
        let ladder: &Ladder = &self.book(index).displayed[side.index()];
        let key = if order.price.0 == 0 { MARKET } else { ladder.key(order.price) };
        let by_time = self.book(index).rules.hidden_priority == HiddenPriority::ByTime;
        let is_shown = !self.displayed(slot).is_zero();
        // Greatest first: the smaller stamp is the greater here.
        core::cmp::Reverse((key, by_time || is_shown || key == MARKET, u64::MAX - order.priority))
    }

    /// An order as it stands after a fill of an uncross, which takes from the tip first.
    fn auction_party(&self, slot: NodeId, qty: u64) -> Party {
        let order = &self.arena[slot];
        let shown = self.displayed(slot);
        let leaves = self.open(slot) - qty;
        let mut displayed = shown.0.saturating_sub(qty);
        if displayed == 0 && !shown.is_zero() && leaves > 0 && self.tips_stay(order.book) {
            displayed = leaves.min(self.arena.extra(slot).terms.display_qty.0);
        }
        Party {
            order_id: order.order_id,
            session: self.sessions.at(order.session).id,
            client_order_id: order.client_order_id,
            leaves: QtyLots(leaves),
            was_displayed: !shown.is_zero(),
            displayed: QtyLots(displayed),
        }
    }

    /// Takes a fill off an order. True when it is gone.
    fn take_in_auction(&mut self, slot: NodeId, qty: u64) -> bool {
        self.before_change(slot);
        let level = self.arena[slot].level;
        let from_tip = self.levels.links[slot].qty.min(qty);
        self.levels.links[slot].qty -= from_tip;
        self.levels.links[level].qty -= from_tip;
        if qty > from_tip {
            self.arena.extra_mut(slot).reserve -= qty - from_tip;
        }
        let is_gone = self.open(slot) == 0;
        if is_gone {
            self.leave_queue(slot);
            self.forget(slot);
        } else if self.levels.links[slot].qty == 0 && self.tips_stay(self.arena[slot].book) {
            self.refresh_in_place(slot);
        } else {
            self.after_change(slot);
        }
        is_gone
    }

    /// Tells what an uncross would do now, if it is a call and that has changed.
    pub(crate) fn tell_indicative(&mut self, index: BookIndex, sink: &mut impl EventSink) {
        let (state, auction) = (self.book(index).state, self.book(index).auction);
        if !matches!(state, TradingState::AuctionCall | TradingState::VolatilityInterruption) {
            return;
        }
        let crossing = self.auction_price(index, auction);
        let book = self.book(index);
        let none = Crossing { price: PriceTicks(0), demand: 0, supply: 0 };
        let crossing = crossing.unwrap_or(none);
        let indicative = Indicative {
            instrument: book.instrument,
            price: crossing.price,
            qty: QtyLots(crossing.volume()),
            imbalance: QtyLots(crossing.imbalance()),
            imbalance_side: match crossing.demand.cmp(&crossing.supply) {
                core::cmp::Ordering::Greater => Some(Side::Buy),
                core::cmp::Ordering::Less => Some(Side::Sell),
                core::cmp::Ordering::Equal => None,
            },
        };
        if book.told != Some(indicative) {
            self.book_mut(index).told = Some(indicative);
            sink.event(Event::Indicative(indicative));
        }
    }
}

/// True when an order of that side and price (0: market) trades at the auction price.
fn accepts(side: Side, price: PriceTicks, auction: PriceTicks) -> bool {
    price.0 == 0
        || match side {
            Side::Buy => price >= auction,
            Side::Sell => price <= auction,
        }
}

/// The better of what was best and one more candidate, at a higher price.
fn better(best: Option<Best>, found: Crossing, reference: PriceTicks) -> Best {
    let (volume, imbalance) = (found.volume(), found.imbalance());
    let alone = Best {
        volume,
        imbalance,
        lowest: found,
        highest: found,
        nearest: found,
        all_buy: found.demand > found.supply,
        all_sell: found.supply > found.demand,
    };
    let Some(best) = best else { return alone };
    if (volume, core::cmp::Reverse(imbalance)) > (best.volume, core::cmp::Reverse(best.imbalance)) {
        return alone;
    }
    if (volume, imbalance) != (best.volume, best.imbalance) {
        return best;
    }
    let distance = |crossing: &Crossing| crossing.price.0.abs_diff(reference.0);
    let is_nearer = distance(&found) <= distance(&best.nearest);
    Best {
        highest: found,
        nearest: if is_nearer { found } else { best.nearest },
        all_buy: best.all_buy && alone.all_buy,
        all_sell: best.all_sell && alone.all_sell,
        ..best
    }
}

fn chosen(best: &Best, reference: PriceTicks) -> Crossing {
    if best.all_buy || reference.0 == 0 && !best.all_sell {
        best.highest
    } else if best.all_sell {
        best.lowest
    } else {
        best.nearest
    }
}
