//! The guard ladders: what a command must satisfy before anything changes. The first broken rule
//! is the reason of the reject.

use vesta_types::state_hash::OrderPhase;
use vesta_types::{
    AuctionKind, ClientOrderId, InstrumentId, InstrumentRules, NewOrder, OrderId, OrderRef,
    OrderType, PegReference, PostOnly, PriceTicks, QtyLots, RejectReason, Replace, ReplaceShrink,
    Side, TimeInForce, TradingState,
};

use crate::arena::Flags;
use crate::book::{Book, BookIndex};
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::names::Place;
use crate::new_order::Admitted;
use crate::reservation::Reservation;
use crate::safe_range::SafeRange;
use crate::sessions::SessionIndex;
use crate::stops::rounded;
use crate::taker::Taker;

/// `Ok` when `holds`, else the reason.
#[inline(always)]
pub(crate) fn require(holds: bool, reason: RejectReason) -> Result<(), RejectReason> {
    if holds { Ok(()) } else { Err(reason) }
}

#[inline(always)]
fn is_within(price: PriceTicks, least: i64, rules: &InstrumentRules) -> bool {
    price.0 >= least && price.0 <= rules.price_max.0
}

#[inline(always)]
fn require_qty(qty: QtyLots, rules: &InstrumentRules) -> Result<(), RejectReason> {
    require(qty.0 >= 1 && qty.0 <= rules.qty_max.0, RejectReason::InvalidQuantity)
}

/// The least price field that an order of a type may have; the greatest is `price_max`.
fn least_price(order_type: OrderType) -> i64 {
    match order_type {
        OrderType::Limit | OrderType::StopLimit => 1,
        _ => 0,
    }
}

fn require_price_of(
    order_type: OrderType,
    price: PriceTicks,
    rules: &InstrumentRules,
) -> Result<(), RejectReason> {
    let is_good = match order_type.is_trailing() {
        true => price.0 == 0,
        false => is_within(price, least_price(order_type), rules),
    };
    require(is_good, RejectReason::InvalidPrice)
}

#[inline(always)]
fn is_on_tick(rules: &InstrumentRules, price: PriceTicks) -> bool {
    // Most instruments have one step for all prices: then there is nothing to look up, nor to divide.
    let [first, second, ..] = &rules.tick_steps;
    (first.ticks <= 1 && second.ticks == 0) || price.0 % i64::from(rules.tick_step(price)) == 0
}

/// Ticks, band and notional of an order with these prices (0 for none).
#[inline(always)]
pub(crate) fn require_limits(
    book: &Book,
    has_limit: bool,
    price: PriceTicks,
    trigger: PriceTicks,
    qty: QtyLots,
) -> Result<(), RejectReason> {
    let on_ticks = is_on_tick(&book.rules, price) && is_on_tick(&book.rules, trigger);
    require(on_ticks, RejectReason::OffTickSize)?;
    require_band_and_notional(book, has_limit, price, trigger, qty)
}

/// Band and notional of an order with these prices (0 for none).
#[inline(always)]
fn require_band_and_notional(
    book: &Book,
    has_limit: bool,
    price: PriceTicks,
    trigger: PriceTicks,
    qty: QtyLots,
) -> Result<(), RejectReason> {
    let rules = &book.rules;
    if rules.static_band_ticks != 0 && has_limit && book.reference_price.0 != 0 {
        let distance = price.0.abs_diff(book.reference_price.0);
        require(distance <= rules.static_band_ticks, RejectReason::OutsideStaticBand)?;
    }
    if rules.notional_max != 0 {
        let price = if price.0 != 0 {
            price
        } else if trigger.0 != 0 {
            trigger
        } else {
            book.last_price
        };
        // At most 2^48 x 2^40.
        let notional = price.0 as u128 * u128::from(qty.0);
        require(notional <= u128::from(rules.notional_max), RejectReason::NotionalLimit)?;
    }
    Ok(())
}

impl<R: Reservation> Matcher<R> {
    /// True when a [range](SafeRange) may be safe: it is one of continuous trading without kill switches, and
    /// of books where nobody follows who comes to rest.
    pub(crate) fn may_be_safe(&self, index: BookIndex) -> bool {
        self.is_continuous(index) && self.kills.count == 0 && !self.book(index).has_followers()
    }

    /// The guards that a plain order in continuous trading may break before those of
    /// [`new_plain`](Self::new_plain). Its neighbours do not have to ask them again.
    pub(crate) fn admit_unsafe(
        &mut self,
        new: &NewOrder,
        index: BookIndex,
    ) -> Result<(), RejectReason> {
        use RejectReason as Reason;
        require(new.client_order_id != ClientOrderId(0), Reason::InvalidClientOrderId)?;
        let book = &self.books[index.0];
        require(is_within(new.price, 1, &book.rules), Reason::InvalidPrice)?;
        require_qty(new.qty, &book.rules)?;
        require_limits(book, true, new.price, PriceTicks(0), new.qty)?;
        self.books[index.0].safe = SafeRange::around(book, new.price);
        Ok(())
    }

    /// The guards of any new order in any state, but for its reservation.
    pub(crate) fn admit_new(
        &mut self,
        new: &NewOrder,
        session: SessionIndex,
        index: BookIndex,
    ) -> Result<Admitted, RejectReason> {
        use RejectReason as Reason;
        require(new.client_order_id != ClientOrderId(0), Reason::InvalidClientOrderId)?;
        require(!self.is_killed(session, new.account, index), Reason::KillSwitch)?;
        let book = self.book(index);
        admit_terms(book, new)?;
        self.admit_fields(book, new)?;
        let has_limit = matches!(new.order_type, OrderType::Limit | OrderType::StopLimit);
        require_limits(book, has_limit, new.price, new.stop_price, new.qty)?;
        let namesake = self.names.by_client(&self.arena, session, new.client_order_id);
        require(namesake.is_none(), Reason::DuplicateClientOrderId)?;
        let may_stay = new.time_in_force.may_rest() || new.time_in_force.is_auction_only();
        let owner = self.sessions.at(session);
        require(!may_stay || owner.open_left > 0, Reason::OpenOrderLimit)?;
        let price = match new.post_only {
            PostOnly::Off => new.price,
            _ => {
                let arriving = Taker::arriving(new, index, self.order_id_last);
                self.admit_post_only(arriving, new.post_only)?
            }
        };
        if may_stay {
            require(self.arena.next_slot() != NodeId::NIL, Reason::OrderCapacity)?;
            if is_for_display(new) {
                let ladder = &self.book(index).displayed[new.side.index()];
                require(!self.lacks_level(ladder, price), Reason::LevelCapacity)?;
            }
        }
        Ok(Admitted { session, book: index, price })
    }

    /// The fields that only some orders have, and the price and quantity of any.
    #[inline(never)]
    fn admit_fields(&self, book: &Book, new: &NewOrder) -> Result<(), RejectReason> {
        use RejectReason as Reason;
        let rules = &book.rules;
        let ticks_max = rules.price_max.0 as u64;
        require_price_of(new.order_type, new.price, rules)?;
        require_qty(new.qty, rules)?;
        let stop_is_good = match new.order_type {
            OrderType::Stop | OrderType::StopLimit => {
                is_within(new.stop_price, 1, rules) && new.trail_ticks == 0
            }
            OrderType::TrailingStop | OrderType::TrailingStopLimit => {
                (1..=ticks_max).contains(&new.trail_ticks)
                    && is_within(new.stop_price, 0, rules)
                    && (new.stop_price.0 != 0 || book.last_price.0 != 0)
            }
            _ => new.stop_price.0 == 0 && new.trail_ticks == 0,
        };
        require(stop_is_good, Reason::InvalidStop)?;
        let peg_is_good = match (new.order_type, new.peg) {
            (OrderType::Pegged, Some(PegReference::Primary)) => new.offset_ticks <= ticks_max,
            (OrderType::Pegged, Some(PegReference::Market)) => {
                (1..=ticks_max).contains(&new.offset_ticks)
            }
            (OrderType::TrailingStopLimit, None) => new.offset_ticks <= ticks_max,
            (OrderType::Pegged, None) => false,
            (_, peg) => peg.is_none() && new.offset_ticks == 0,
        };
        require(peg_is_good, Reason::InvalidPeg)?;
        let display_is_good = (new.display_qty.is_zero() || new.display_qty < new.qty)
            && new.qty.may_show(new.display_qty);
        require(display_is_good, Reason::InvalidDisplayQty)?;
        require(new.min_qty <= new.qty, Reason::InvalidMinQty)?;
        let expiry_is_good = match new.time_in_force {
            TimeInForce::Gtd => new.expires > self.time,
            _ => new.expires.0 == 0,
        };
        require(expiry_is_good, Reason::InvalidExpiry)?;
        let has_budget = new.time_in_force == TimeInForce::FokBudget;
        require((new.budget != 0) == has_budget, Reason::InvalidBudget)
    }

    /// The price of a post-only order that arrives, or is replaced: its own, or one behind whom it
    /// would trade with.
    #[cold]
    fn admit_post_only(
        &self,
        arriving: Taker,
        post_only: PostOnly,
    ) -> Result<PriceTicks, RejectReason> {
        let book = self.book(arriving.book);
        let makers = &book.displayed[arriving.side.opposite().index()];
        let mut taker = Taker { worst: makers.key(arriving.limit), ..arriving };
        let Some(maker) = self.next_maker(&mut taker) else {
            return Ok(arriving.limit);
        };
        require(post_only == PostOnly::Reprice, RejectReason::PostOnlyWouldCross)?;
        let met = self.arena[maker].price;
        let step = i64::from(book.rules.tick_step(met));
        let behind = match arriving.side {
            Side::Buy => met.0 - step,
            Side::Sell => met.0 + step,
        };
        let is_good = |price| is_within(price, 1, &book.rules);
        require(is_good(PriceTicks(behind)), RejectReason::PostOnlyWouldCross)?;
        let behind = rounded(&book.rules, arriving.side, PriceTicks(behind));
        require(is_good(behind), RejectReason::PostOnlyWouldCross)?;
        Ok(behind)
    }

    /// The order that a cancel or replace is for: live, the session's own, and of the instrument.
    pub(crate) fn admit_target(
        &mut self,
        session: SessionIndex,
        instrument: InstrumentId,
        target: OrderRef,
    ) -> Result<NodeId, RejectReason> {
        let found = match target {
            OrderRef::Client(id) => self.names.by_client(&self.arena, session, id),
            OrderRef::Order(id) => self.target_by_order_id(session, id),
        };
        let Some(slot) = found else { return Err(RejectReason::UnknownOrder) };
        if self.book(self.arena[slot].book).instrument != instrument {
            return Err(RejectReason::UnknownOrder);
        }
        Ok(slot)
    }

    /// The order that a cancel or replace is for, and the place of its name, if it names its client's id. `None`
    /// for any other, which [`admit_target`](Self::admit_target) may find.
    #[inline(always)]
    pub(crate) fn target_by_client<const ANYWHERE: bool>(
        &self,
        session: SessionIndex,
        instrument: InstrumentId,
        target: OrderRef,
    ) -> Option<(NodeId, Place)> {
        let OrderRef::Client(id) = target else { return None };
        let found = self.names.find::<ANYWHERE>(&self.arena, session, id);
        found.filter(|&(slot, _)| self.book(self.arena[slot].book).instrument == instrument)
    }

    fn target_by_order_id(&mut self, session: SessionIndex, id: OrderId) -> Option<NodeId> {
        self.settle_all();
        let slot = self.names.by_order_id(&self.arena, id);
        slot.filter(|&slot| self.arena[slot].session == session)
    }

    /// The guards of a replace of any order in any state. Its price from then on.
    pub(crate) fn admit_replace(
        &mut self,
        replace: &Replace,
        session: SessionIndex,
        slot: NodeId,
    ) -> Result<PriceTicks, RejectReason> {
        use RejectReason as Reason;
        let order = &self.arena[slot];
        let (flags, index) = (order.flags, order.book);
        let extra = self.arena.extra_of(slot);
        require(!self.is_killed(session, order.account, index), Reason::KillSwitch)?;
        let book = self.book(index);
        let is_open = book.state == TradingState::Continuous || book.state.is_call();
        require(is_open, Reason::NotInThisState)?;
        let order_type = extra.map_or(OrderType::Limit, |extra| extra.terms.order_type);
        require_price_of(order_type, replace.price, &book.rules)?;
        require_qty(replace.qty, &book.rules)?;
        let display_qty = extra.map_or(QtyLots::ZERO, |extra| extra.terms.display_qty);
        require(replace.qty.may_show(display_qty), Reason::InvalidDisplayQty)?;
        let is_plain_stop = matches!(order_type, OrderType::Stop | OrderType::StopLimit);
        let stop_is_good = replace.stop_price.0 == 0
            || (is_plain_stop && is_within(replace.stop_price, 1, &book.rules));
        require(stop_is_good, Reason::InvalidStop)?;
        let on_tick = is_on_tick(&book.rules, replace.stop_price);
        require(on_tick && is_on_tick(&book.rules, replace.price), Reason::OffTickSize)?;
        let trigger = match (replace.stop_price, extra) {
            (PriceTicks(0), Some(extra)) if order_type.is_trailing() => {
                let shrinks = replace.qty.0 < self.open(slot)
                    && book.rules.replace_shrink == ReplaceShrink::KeepsPriority;
                let stays = shrinks || book.last_price.0 == 0;
                if stays { extra.terms.stop_price } else { self.trailed(slot) }
            }
            (PriceTicks(0), Some(extra)) => extra.terms.stop_price,
            (given, _) => given,
        };
        // The trigger in force may be off the ticks (it trails): only the notional asks for it.
        let has_limit = matches!(order_type, OrderType::Limit | OrderType::StopLimit);
        require_band_and_notional(book, has_limit, replace.price, trigger, replace.qty)?;
        let is_post_only = flags.has(Flags::POST_ONLY_REJECT | Flags::POST_ONLY_REPRICE);
        let mut price = replace.price;
        if is_post_only && book.state == TradingState::Continuous {
            let reprices = flags.has(Flags::POST_ONLY_REPRICE);
            let post_only = if reprices { PostOnly::Reprice } else { PostOnly::Reject };
            let taker = Taker::of(order, replace.session, price, replace.qty.0);
            price = self.admit_post_only(taker, post_only)?;
        }
        let is_displayed = flags.phase() == OrderPhase::Queued && !flags.has(Flags::UNDISPLAYED);
        if is_displayed && self.lacks_level_after_leaving(slot, price) {
            return Err(Reason::LevelCapacity);
        }
        let order_id = self.arena[slot].order_id;
        let reserved = self.reservation.reserve_again(order_id, price, replace.qty);
        require(reserved, Reason::ReservationRefused)?;
        Ok(price)
    }

    /// True when a displayed order can not move to a price for want of a level, even after it has
    /// left its own.
    #[inline(always)]
    pub(crate) fn lacks_level_after_leaving(&self, slot: NodeId, price: PriceTicks) -> bool {
        let order = &self.arena[slot];
        let ladder = self.book(order.book).ladder(order.flags.side(), false);
        let links = &self.levels.links;
        let is_alone = || links[order.level].next == links[order.level].prev;
        self.lacks_level(ladder, price)
            && !(is_alone() && ladder.level_count() == self.capacity.level_count_max)
    }

    pub(crate) fn admit_instrument(
        &self,
        instrument: InstrumentId,
    ) -> Result<BookIndex, RejectReason> {
        self.find_book(instrument).ok_or(RejectReason::UnknownInstrument)
    }
}

/// True for a limit order that goes to the displayed queue.
fn is_for_display(new: &NewOrder) -> bool {
    new.order_type == OrderType::Limit
        && new.time_in_force.may_rest()
        && !Flags::of(new).has(Flags::UNDISPLAYED)
}

/// What the trading state admits, and what goes together.
#[inline(never)]
fn admit_terms(book: &Book, new: &NewOrder) -> Result<(), RejectReason> {
    use OrderType as Type;
    use RejectReason as Reason;
    let (order_type, tif) = (new.order_type, new.time_in_force);
    let is_limit = order_type == Type::Limit;
    let is_post_only = new.post_only != PostOnly::Off;
    let state_admits = match book.state {
        TradingState::Continuous => tif != TimeInForce::AtOpen,
        TradingState::PreOpen
        | TradingState::AuctionCall
        | TradingState::VolatilityInterruption => {
            let opens = book.state == TradingState::PreOpen
                || (book.state == TradingState::AuctionCall
                    && book.auction == Some(AuctionKind::Opening));
            let time_is_good = tif.may_rest()
                || tif == TimeInForce::AtClose
                || (tif == TimeInForce::AtOpen && opens);
            time_is_good && !is_post_only && order_type != Type::Pegged
        }
        TradingState::Uncross | TradingState::Halt | TradingState::Close => false,
    };
    require(state_admits, Reason::NotInThisState)?;
    let must_be_immediate = order_type == Type::Market && tif.may_rest();
    require(!must_be_immediate, Reason::MarketMustBeImmediate)?;
    let may_be_post_only = is_limit && tif.may_rest();
    require(!is_post_only || may_be_post_only, Reason::PostOnlyMustRest)?;

    let (has_display, has_min) = (!new.display_qty.is_zero(), !new.min_qty.is_zero());
    let rests_as_limit = is_limit && tif.may_rest();
    let is_good = (rests_as_limit || !(new.hidden || new.all_or_none || has_display))
        && (!has_min
            || rests_as_limit
            || (tif == TimeInForce::Ioc && matches!(order_type, Type::Limit | Type::Market)))
        && !(has_display && (new.hidden || new.all_or_none || has_min))
        && !(new.all_or_none && has_min)
        && !(is_post_only && (new.all_or_none || has_min))
        && (tif.may_rest() || matches!(order_type, Type::Limit | Type::Market));
    require(is_good, Reason::InvalidCombination)
}
