//! **Guards of a new order**: for what it is rejected, first reason first.

use vesta_types::{
    AuctionKind, ClientOrderId, NewOrder, OrderType, PegReference, PostOnly, PriceTicks, QtyLots,
    RejectReason, SessionId, TimeInForce, TimeNs, TradingState,
};

use crate::Model;
use crate::book::{Book, behind, distance, is_acceptable};
use crate::orders::{is_undisplayed, may_stay};

/// Fails with the reason when the condition holds.
pub(crate) fn reject_if(condition: bool, reason: RejectReason) -> Result<(), RejectReason> {
    if condition { Err(reason) } else { Ok(()) }
}

impl Model {
    /// The first guard that rejects the order; else the price that it gets, which is another than
    /// asked for only when it is post-only and repriced.
    pub(crate) fn check_new(&self, new: &NewOrder) -> Result<PriceTicks, RejectReason> {
        use RejectReason as R;
        let open_order_max = *self.sessions.get(&new.session).ok_or(R::UnknownSession)?;
        let book = self.books.get(&new.instrument).ok_or(R::UnknownInstrument)?;
        let rests = new.time_in_force.may_rest();

        reject_if(new.client_order_id == ClientOrderId(0), R::InvalidClientOrderId)?;
        reject_if(self.is_killed(new), R::KillSwitch)?;
        reject_if(!is_admitted(book, new), R::NotInThisState)?;
        reject_if(new.order_type == OrderType::Market && rests, R::MarketMustBeImmediate)?;
        let is_post_only = new.post_only != PostOnly::Off;
        let is_resting_limit = new.order_type == OrderType::Limit && rests;
        reject_if(is_post_only && !is_resting_limit, R::PostOnlyMustRest)?;
        reject_if(!goes_together(new), R::InvalidCombination)?;
        check_price_and_qty(book, new.order_type, new.price, new.qty)?;
        reject_if(!has_good_stop(book, new), R::InvalidStop)?;
        reject_if(!has_good_peg(book, new), R::InvalidPeg)?;
        reject_if(!new.display_qty.is_zero() && new.display_qty >= new.qty, R::InvalidDisplayQty)?;
        reject_if(!new.qty.may_show(new.display_qty), R::InvalidDisplayQty)?;
        reject_if(new.min_qty > new.qty, R::InvalidMinQty)?;
        reject_if(
            match new.time_in_force {
                TimeInForce::Gtd => new.expires <= self.time,
                _ => new.expires != TimeNs(0),
            },
            R::InvalidExpiry,
        )?;
        let needs_budget = new.time_in_force == TimeInForce::FokBudget;
        reject_if(needs_budget != (new.budget != 0), R::InvalidBudget)?;
        check_tick_and_band(book, new.order_type, new.price, new.stop_price)?;
        check_notional(book, [new.price, new.stop_price], new.qty)?;

        let name = (new.session, new.client_order_id);
        reject_if(self.names.contains_key(&name), R::DuplicateClientOrderId)?;
        let open_orders = self.open_order_count(new.session);
        reject_if(may_stay(new) && open_orders >= open_order_max as usize, R::OpenOrderLimit)?;
        let price = self.post_only_price(new)?;
        let order_count_max = self.capacity.order_count_max as usize;
        reject_if(may_stay(new) && self.orders.len() >= order_count_max, R::OrderCapacity)?;
        reject_if(
            is_resting_limit
                && !is_undisplayed(new)
                && book.lacks_level(new.side, price, self.capacity.level_count_max),
            R::LevelCapacity,
        )?;
        // `reservation_refused`: the seam of a shard without reservations never says no.
        Ok(price)
    }

    /// **kill_switch**: true when one is engaged that keeps the order out.
    pub(crate) fn is_killed(&self, terms: &NewOrder) -> bool {
        self.killed_all
            || self.killed_sessions.contains(&terms.session)
            || self.killed_accounts.contains(&terms.account)
            || self.book(terms.instrument).killed
    }

    fn open_order_count(&self, session: SessionId) -> usize {
        let names = (session, ClientOrderId(0))..=(session, ClientOrderId(u64::MAX));
        self.names.range(names).count()
    }

    /// **post_only**: the price that an order with these terms gets in continuous trading.
    pub(crate) fn post_only_price(&self, terms: &NewOrder) -> Result<PriceTicks, RejectReason> {
        if terms.post_only == PostOnly::Off {
            return Ok(terms.price);
        }
        let book = self.book(terms.instrument);
        // Makers come best first, so the first eligible one has the best price.
        let maker = book
            .makers(terms.side.opposite())
            .map(|order_id| &self.orders[&order_id])
            .take_while(|maker| is_acceptable(terms.side, Some(terms.price), maker.queue_price))
            .find(|maker| self.is_eligible(maker, terms.qty));
        let Some(maker) = maker else { return Ok(terms.price) };
        let best = maker.queue_price;
        reject_if(terms.post_only == PostOnly::Reject, RejectReason::PostOnlyWouldCross)?;
        let step = u64::from(book.rules.tick_step(best));
        let price = book.round_away(terms.side, behind(terms.side, best, step));
        reject_if(!book.is_in_range(price), RejectReason::PostOnlyWouldCross)?;
        Ok(price)
    }
}

/// **admission_by_state**
fn is_admitted(book: &Book, new: &NewOrder) -> bool {
    let tif = new.time_in_force;
    match book.state {
        TradingState::Continuous => tif != TimeInForce::AtOpen,
        TradingState::PreOpen
        | TradingState::AuctionCall
        | TradingState::VolatilityInterruption => {
            let opens = book.state == TradingState::PreOpen
                || (book.state == TradingState::AuctionCall
                    && book.auction == Some(AuctionKind::Opening));
            let fits = tif.may_rest()
                || tif == TimeInForce::AtClose
                || (tif == TimeInForce::AtOpen && opens);
            fits && new.post_only == PostOnly::Off && new.order_type != OrderType::Pegged
        }
        TradingState::Halt | TradingState::Close => false,
        TradingState::Uncross => panic!("uncross is not a state that lasts"),
    }
}

/// **what_goes_together**
fn goes_together(new: &NewOrder) -> bool {
    let tif = new.time_in_force;
    let is_limit = new.order_type == OrderType::Limit;
    let is_market = new.order_type == OrderType::Market;
    let is_resting_limit = is_limit && tif.may_rest();
    let has_display = !new.display_qty.is_zero();
    let has_min = !new.min_qty.is_zero();
    let is_post_only = new.post_only != PostOnly::Off;
    let must_rest = new.order_type.is_stop() || new.order_type == OrderType::Pegged;
    let for_limit_or_market = tif.is_auction_only() || tif == TimeInForce::FokBudget;
    let is_ioc = tif == TimeInForce::Ioc;

    let is_bad = ((new.hidden || new.all_or_none || has_display) && !is_resting_limit)
        || (has_min && !(is_resting_limit || ((is_limit || is_market) && is_ioc)))
        || (has_display && (new.hidden || new.all_or_none || has_min))
        || (new.all_or_none && has_min)
        || (is_post_only && (new.all_or_none || has_min))
        || (must_rest && !tif.may_rest())
        || (for_limit_or_market && !(is_limit || is_market));
    !is_bad
}

/// Guards 9 and 10, which a replace has too.
pub(crate) fn check_price_and_qty(
    book: &Book,
    order_type: OrderType,
    price: PriceTicks,
    qty: QtyLots,
) -> Result<(), RejectReason> {
    let is_zero = price == PriceTicks(0);
    let is_good = match order_type {
        OrderType::Limit | OrderType::StopLimit => book.is_in_range(price),
        OrderType::Market | OrderType::Stop | OrderType::Pegged => {
            is_zero || book.is_in_range(price)
        }
        OrderType::TrailingStop | OrderType::TrailingStopLimit => is_zero,
    };
    reject_if(!is_good, RejectReason::InvalidPrice)?;
    reject_if(qty < QtyLots(1) || qty > book.rules.qty_max, RejectReason::InvalidQuantity)
}

fn has_good_stop(book: &Book, new: &NewOrder) -> bool {
    let is_zero = new.stop_price == PriceTicks(0);
    match new.order_type {
        OrderType::Stop | OrderType::StopLimit => {
            book.is_in_range(new.stop_price) && new.trail_ticks == 0
        }
        OrderType::TrailingStop | OrderType::TrailingStopLimit => {
            new.trail_ticks != 0
                && is_ticks(book, new.trail_ticks)
                && if is_zero {
                    book.last_price != PriceTicks(0)
                } else {
                    book.is_in_range(new.stop_price)
                }
        }
        OrderType::Limit | OrderType::Market | OrderType::Pegged => is_zero && new.trail_ticks == 0,
    }
}

fn has_good_peg(book: &Book, new: &NewOrder) -> bool {
    match (new.order_type, new.peg) {
        (OrderType::Pegged, Some(PegReference::Primary)) => is_ticks(book, new.offset_ticks),
        (OrderType::Pegged, Some(PegReference::Market)) => {
            is_ticks(book, new.offset_ticks) && new.offset_ticks != 0
        }
        (OrderType::TrailingStopLimit, None) => is_ticks(book, new.offset_ticks),
        (OrderType::Pegged, None) | (_, Some(_)) => false,
        (_, None) => new.offset_ticks == 0,
    }
}

/// True for a distance that is at most `price_max`.
fn is_ticks(book: &Book, ticks: u64) -> bool {
    i64::try_from(ticks).is_ok_and(|ticks| ticks <= book.rules.price_max.0)
}

/// Guards 17 and 18, which a replace has too.
pub(crate) fn check_tick_and_band(
    book: &Book,
    order_type: OrderType,
    price: PriceTicks,
    stop_price: PriceTicks,
) -> Result<(), RejectReason> {
    let is_on_tick = book.is_on_tick(price) && book.is_on_tick(stop_price);
    reject_if(!is_on_tick, RejectReason::OffTickSize)?;
    let band = book.rules.static_band_ticks;
    let reference = book.reference_price;
    reject_if(
        matches!(order_type, OrderType::Limit | OrderType::StopLimit)
            && band != 0
            && reference != PriceTicks(0)
            && distance(price, reference) > band,
        RejectReason::OutsideStaticBand,
    )
}

/// Guard 19, which a replace has too: the first of these prices that is not 0 counts, and after
/// them the last price.
pub(crate) fn check_notional(
    book: &Book,
    prices: [PriceTicks; 2],
    qty: QtyLots,
) -> Result<(), RejectReason> {
    let given = prices.into_iter().find(|price| *price != PriceTicks(0));
    let notional = given.unwrap_or(book.last_price).notional(qty);
    let notional_max = i128::from(book.rules.notional_max);
    reject_if(notional_max != 0 && notional > notional_max, RejectReason::NotionalLimit)
}
