//! The aggressor: within which bounds it trades, the walk through the makers, and what becomes of
//! the remainder.

use vesta_types::{
    AuctionKind, BandAction, CancelReason, Cancelled, Event, Executed, NewOrder, OrderId,
    OrderType, Party, PriceTicks, QtyLots, SelfTrade, SelfTradeDecides, SelfTradePrevented, Side,
    StpGroup, TimeInForce, TradeId, TradingState,
};
use vesta_types::{ClientOrderId, SessionId};

use crate::arena::{Flags, NO_EXTRA, Order};
use crate::book::BookIndex;
use crate::events::EventSink;
use crate::ladder::Key;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;

/// An order that acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taker {
    pub(crate) order_id: OrderId,
    pub(crate) client_order_id: ClientOrderId,
    pub(crate) session: SessionId,
    pub(crate) book: BookIndex,
    pub(crate) side: Side,
    /// Its own limit; 0 for none.
    pub(crate) limit: PriceTicks,
    /// What is open.
    pub(crate) qty: u64,
    pub(crate) stp_group: StpGroup,
    pub(crate) self_trade: SelfTrade,
    /// A market order, or a stop without limit: the instrument's protection applies.
    pub(crate) is_protected: bool,
    /// Makers with lower keys are out of bounds.
    pub(crate) worst: Key,
    /// Makers with higher keys are out of bounds.
    pub(crate) best: Key,
    /// The last undisplayed maker that was passed over: the walk goes on behind it, since who could
    /// not trade with what was open then can not trade with less.
    pub(crate) passed: NodeId,
    /// Those that were passed over and are not counted yet.
    pub(crate) passed_count: u32,
}

/// Why a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing is open any more.
    Filled,
    /// No maker is left within the bounds.
    Bounds,
    /// It was cancelled, by self-trade prevention or at the match limit, and that was said.
    Cancelled,
}

impl Taker {
    /// A new order that acts.
    #[inline(always)]
    pub(crate) fn arriving(new: &NewOrder, book: BookIndex, order_id: OrderId) -> Self {
        Self {
            order_id,
            client_order_id: new.client_order_id,
            session: new.session,
            book,
            side: new.side,
            limit: new.price,
            qty: new.qty.0,
            stp_group: new.stp_group,
            self_trade: new.self_trade,
            is_protected: new.order_type == OrderType::Market && new.price.0 == 0,
            worst: 1,
            best: Key::MAX,
            passed: NodeId::NIL,
            passed_count: 0,
        }
    }

    /// A live order that acts, within `limit`.
    pub(crate) fn of(order: &Order, session: SessionId, limit: PriceTicks, qty: u64) -> Self {
        Self {
            order_id: order.order_id,
            client_order_id: order.client_order_id,
            session,
            book: order.book,
            side: order.flags.side(),
            limit,
            qty,
            stp_group: order.stp_group,
            self_trade: order.flags.self_trade(),
            is_protected: false,
            worst: 1,
            best: Key::MAX,
            passed: NodeId::NIL,
            passed_count: 0,
        }
    }

    fn party(&self) -> Party {
        Party {
            order_id: self.order_id,
            session: self.session,
            client_order_id: self.client_order_id,
            leaves: QtyLots(self.qty),
            was_displayed: false,
            displayed: QtyLots::ZERO,
        }
    }

    pub(crate) fn cancelled<R>(&self, matcher: &Matcher<R>, reason: CancelReason) -> Event {
        Event::Cancelled(Cancelled {
            order_id: self.order_id,
            session: self.session,
            client_order_id: self.client_order_id,
            instrument: matcher.books[self.book.0].instrument,
            side: self.side,
            price: self.limit,
            qty: QtyLots(self.qty),
            displayed: QtyLots::ZERO,
            reason,
        })
    }
}

impl<R: Reservation> Matcher<R> {
    /// Sets the bounds within which a taker trades now: its limit, its protection, the band.
    #[inline(always)]
    pub(crate) fn set_bounds(&self, taker: &mut Taker) {
        let book = self.book(taker.book);
        let makers = &book.displayed[taker.side.opposite().index()];
        taker.worst = self.limit_key(taker);
        taker.best = Key::MAX;
        let rules = &book.rules;
        if taker.is_protected && rules.market_protection_ticks != 0 && !makers.is_empty() {
            let protection = makers.best_key().saturating_sub(rules.market_protection_ticks);
            taker.worst = taker.worst.max(protection);
        }
        if rules.dynamic_band_ticks != 0 && book.band_base.0 != 0 {
            let base = makers.key(book.band_base);
            taker.worst = taker.worst.max(base.saturating_sub(rules.dynamic_band_ticks));
            taker.best = base + rules.dynamic_band_ticks;
        }
    }

    /// Trades with one maker after the other, as far as the bounds go.
    #[inline(always)]
    pub(crate) fn trade(&mut self, taker: &mut Taker, sink: &mut impl EventSink) -> Ended {
        let makers = taker.side.opposite().index();
        loop {
            let book = self.book(taker.book);
            let maker = if book.undisplayed[makers].is_empty() {
                let key = book.displayed[makers].best_key();
                if key < taker.worst || key > taker.best {
                    return Ended::Bounds;
                }
                let level = book.displayed[makers].near_level(key);
                self.levels.links[level].next
            } else {
                let next = self.next_maker(taker);
                let passed = core::mem::take(&mut taker.passed_count);
                self.look_count = self.look_count.saturating_add(passed);
                match next {
                    Some(maker) => maker,
                    None => return Ended::Bounds,
                }
            };
            if self.match_count >= self.book(taker.book).rules.match_count_max {
                return self.cut(taker, CancelReason::MatchLimit, sink);
            }
            self.match_count += 1;
            if taker.stp_group.0 != 0 && self.arena[maker].stp_group == taker.stp_group {
                if let Some(ended) = self.prevent(taker, maker, sink) {
                    return ended;
                }
                continue;
            }
            self.fill(taker, maker, sink);
            if taker.qty == 0 {
                return Ended::Filled;
            }
        }
    }

    /// One execution.
    #[inline(always)]
    fn fill(&mut self, taker: &mut Taker, maker: NodeId, sink: &mut impl EventSink) {
        let price = self.arena[maker].price;
        let offered = self.levels.links[maker].qty;
        let qty = offered.min(taker.qty);
        taker.qty -= qty;
        self.trade_id_last = TradeId(self.trade_id_last.0.wrapping_add(1));
        let party = self.maker_party(maker, qty);
        let executed = Executed {
            trade_id: self.trade_id_last,
            instrument: self.book(taker.book).instrument,
            price,
            qty: QtyLots(qty),
            taker_side: taker.side,
            auction: false,
            taker: taker.party(),
            maker: party,
        };
        sink.event(Event::Executed(executed));
        self.reservation.settle(&executed);
        self.take_from(maker, qty, sink);
        let book = self.book_mut(taker.book);
        // At the last price again nothing is reached, and nothing follows, that has not before.
        let moves = price != book.last_price;
        book.last_price = price;
        let reaches = price.0 >= book.buy_trigger || price.0 <= book.sell_trigger;
        if moves && (reaches || !book.trailing.is_empty()) {
            self.follow_execution(taker.book);
        }
    }

    /// A maker as it stands when `qty` of what it offers has gone.
    #[inline(always)]
    fn maker_party(&self, maker: NodeId, qty: u64) -> Party {
        let order = &self.arena[maker];
        let offered = self.levels.links[maker].qty;
        let was_displayed = !order.flags.has(Flags::UNDISPLAYED);
        let mut displayed = if was_displayed { offered - qty } else { 0 };
        if offered == qty && order.flags.has(Flags::ICEBERG) && self.tips_stay(order.book) {
            displayed = self.next_tip(maker);
        }
        Party {
            order_id: order.order_id,
            session: self.sessions.at(order.session).id,
            client_order_id: order.client_order_id,
            leaves: QtyLots(offered - qty + self.arena.reserve(maker)),
            was_displayed,
            displayed: QtyLots(displayed),
        }
    }

    /// Takes so much of what it offers off a maker: it stays, is gone, or shows its next tip.
    #[inline(always)]
    fn take_from(&mut self, maker: NodeId, qty: u64, sink: &mut impl EventSink) {
        if qty < self.levels.links[maker].qty {
            self.reduce(maker, qty);
        } else if self.arena[maker].flags.has(Flags::ICEBERG) {
            self.take_tip(maker, qty, sink);
        } else {
            let order = self.arena[maker];
            // The maker behind it is soon met, and nobody may have touched it for long. (Where that is none, this
            // is the queue, and nothing comes of it.)
            self.arena.prefetch(self.levels.links[maker].next);
            if order.extra == NO_EXTRA {
                self.end_plain::<true>(maker, None);
            } else {
                self.leave_ladder(maker, &order);
                self.forget(maker);
            }
        }
    }

    #[cold]
    fn take_tip(&mut self, maker: NodeId, qty: u64, sink: &mut impl EventSink) {
        self.before_change(maker);
        let level = self.arena[maker].level;
        self.levels.links[maker].qty -= qty;
        self.levels.links[level].qty -= qty;
        if self.open(maker) == 0 {
            self.leave_queue(maker);
            self.forget(maker);
        } else if self.tips_stay(self.arena[maker].book) {
            self.refresh_in_place(maker);
        } else {
            self.refresh(maker, sink);
        }
    }

    /// Two orders of one group have met. `None` when the taker goes on.
    #[cold]
    #[inline(never)]
    fn prevent(
        &mut self,
        taker: &mut Taker,
        maker: NodeId,
        sink: &mut impl EventSink,
    ) -> Option<Ended> {
        match self.instruction(taker, maker) {
            SelfTrade::CancelOldest => {
                self.withdraw(maker, CancelReason::SelfTrade, sink);
                None
            }
            SelfTrade::Decrement => {
                let qty = self.levels.links[maker].qty.min(taker.qty);
                taker.qty -= qty;
                let party = self.maker_party(maker, qty);
                sink.event(Event::SelfTradePrevented(SelfTradePrevented {
                    instrument: self.book(taker.book).instrument,
                    price: self.arena[maker].price,
                    qty: QtyLots(qty),
                    taker_side: taker.side,
                    taker: taker.party(),
                    maker: party,
                }));
                self.reservation.release(taker.order_id, QtyLots(qty));
                self.reservation.release(party.order_id, QtyLots(qty));
                self.take_from(maker, qty, sink);
                (taker.qty == 0).then_some(Ended::Filled)
            }
            instruction => {
                if instruction == SelfTrade::CancelBoth {
                    self.withdraw(maker, CancelReason::SelfTrade, sink);
                }
                Some(self.cut(taker, CancelReason::SelfTrade, sink))
            }
        }
    }

    /// Cancels a taker on its way, and says so.
    #[cold]
    #[inline(never)]
    fn cut(&mut self, taker: &Taker, reason: CancelReason, sink: &mut impl EventSink) -> Ended {
        self.drop_remainder(taker, reason, sink);
        Ended::Cancelled
    }

    /// What the one whose instruction counts wants.
    pub(crate) fn instruction(&self, taker: &Taker, maker: NodeId) -> SelfTrade {
        let rules = &self.book(taker.book).rules;
        let given = match rules.self_trade_decides {
            SelfTradeDecides::Taker => taker.self_trade,
            SelfTradeDecides::Maker => self.arena[maker].flags.self_trade(),
        };
        if given == SelfTrade::Default { rules.self_trade } else { given }
    }

    /// Why the remainder of a taker that met its bounds may not rest; `None` where it may, if its
    /// time in force lets it. An interruption is begun, and said.
    #[inline(always)]
    pub(crate) fn at_bounds(
        &mut self,
        taker: &mut Taker,
        may_rest: bool,
        sink: &mut impl EventSink,
    ) -> Option<CancelReason> {
        let book = self.book(taker.book);
        let makers = taker.side.opposite().index();
        let limit = self.limit_key(taker);
        // Whoever is within the limit, and did not trade, is beyond the bounds, or passed over.
        if book.displayed[makers].best_key() >= limit
            || book.undisplayed[makers].best_key() >= limit
        {
            return self.beyond_bounds(taker, may_rest, sink);
        }
        (!may_rest).then_some(CancelReason::ImmediateOrCancel)
    }

    /// The least key of makers within a taker's own limit.
    #[inline(always)]
    fn limit_key(&self, taker: &Taker) -> Key {
        let makers = &self.book(taker.book).displayed[taker.side.opposite().index()];
        if taker.limit.0 == 0 { 1 } else { makers.key(taker.limit) }
    }

    #[inline(never)]
    fn beyond_bounds(
        &mut self,
        taker: &mut Taker,
        may_rest: bool,
        sink: &mut impl EventSink,
    ) -> Option<CancelReason> {
        let book = self.book(taker.book);
        let mut beyond = Taker { worst: self.limit_key(taker), best: Key::MAX, ..*taker };
        let Some(maker) = self.next_maker(&mut beyond) else {
            return (!may_rest).then_some(CancelReason::ImmediateOrCancel);
        };
        let (rules, base) = (book.rules, book.band_base);
        let distance = self.arena[maker].price.0.abs_diff(base.0);
        let has_band = rules.dynamic_band_ticks != 0 && base.0 != 0;
        if !has_band || distance <= rules.dynamic_band_ticks {
            return Some(CancelReason::MarketProtection);
        }
        if rules.dynamic_band_action == BandAction::Interrupt {
            let volatility = Some(AuctionKind::Volatility);
            self.change_state(taker.book, TradingState::VolatilityInterruption, volatility, sink);
            if may_rest {
                return None;
            }
        }
        Some(CancelReason::PriceBand)
    }

    /// True when a taker with these terms may trade on arrival, or why it is cancelled instead;
    /// `Ok(false)` where it rests without trading.
    #[inline(always)]
    pub(crate) fn may_trade(
        &mut self,
        taker: &Taker,
        terms: &NewOrder,
    ) -> Result<bool, CancelReason> {
        let tif = terms.time_in_force;
        let is_plain = !matches!(tif, TimeInForce::Fok | TimeInForce::FokBudget)
            && !terms.all_or_none
            && terms.min_qty.is_zero();
        if is_plain { Ok(true) } else { self.may_trade_at_once(taker, terms) }
    }

    #[inline(never)]
    fn may_trade_at_once(&mut self, taker: &Taker, terms: &NewOrder) -> Result<bool, CancelReason> {
        let got = self.dry_run(taker);
        match terms.time_in_force {
            TimeInForce::Fok | TimeInForce::FokBudget => {
                let budget = u128::from(terms.budget);
                let is_within = match (terms.time_in_force, taker.side) {
                    (TimeInForce::Fok, _) => true,
                    (_, Side::Buy) => got.notional <= budget,
                    (_, Side::Sell) => got.notional >= budget,
                };
                let is_good = got.qty == taker.qty && is_within;
                if is_good { Ok(true) } else { Err(CancelReason::FillOrKill) }
            }
            _ if terms.all_or_none => Ok(got.qty == taker.qty),
            tif => {
                let wanted = terms.min_qty.0.min(taker.qty);
                match got.qty >= wanted {
                    false if tif == TimeInForce::Ioc => Err(CancelReason::MinimumQuantity),
                    is_enough => Ok(is_enough),
                }
            }
        }
    }
}
