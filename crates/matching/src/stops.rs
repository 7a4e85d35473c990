//! Stops: they wait for their trigger, are elected when an execution reaches it, and act one after
//! the other when the order that elected them is done.

use vesta_types::state_hash::OrderPhase;
use vesta_types::{
    CancelReason, Event, InstrumentRules, OrderType, PriceTicks, Side, StopTrigger, TradingState,
    Triggered,
};

use crate::arena::{Flags, Order};
use crate::book::{BookIndex, Follow};
use crate::events::EventSink;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;
use crate::taker::{Ended, Taker};

impl<R: Reservation> Matcher<R> {
    /// A stop that has come, or was replaced: acts at once where its trigger is reached, else waits.
    pub(crate) fn arrive_stop(&mut self, slot: NodeId, open: u64, sink: &mut impl EventSink) {
        let Order { book, flags, .. } = self.arena[slot];
        let last = self.book(book).last_price;
        let terms = self.arena.extra(slot).terms;
        if terms.order_type.is_trailing() && last.0 != 0 {
            let trigger = self.trailed(slot);
            self.arena.extra_mut(slot).terms.stop_price = trigger;
        }
        let trigger = self.arena.extra(slot).terms.stop_price;
        let reached = self.book(book).trigger_price(flags.side());
        let is_reached = reached.0 != 0
            && match flags.side() {
                Side::Buy => reached >= trigger,
                Side::Sell => reached <= trigger,
            };
        if is_reached && self.is_continuous(book) {
            // Named as waiting while it acts: it is in no queue.
            self.arena[slot].flags.set_phase(OrderPhase::Waiting);
            self.act_stop(slot, open, sink);
        } else {
            self.wait_for_trigger(slot, open);
        }
    }

    /// Puts a stop at the end of its trigger's queue.
    fn wait_for_trigger(&mut self, slot: NodeId, open: u64) {
        let priority = self.next_priority();
        let trigger = self.arena.extra(slot).terms.stop_price;
        let Order { book, flags, .. } = self.arena[slot];
        let book = &mut self.books[book.0];
        let ladder = &mut book.stops[flags.side().index()];
        let key = ladder.key(trigger);
        let level = ladder.push(&mut self.levels, slot, key, open);
        book.set_triggers();
        let order = &mut self.arena[slot];
        order.level = level;
        order.priority = priority;
        order.flags.set_phase(OrderPhase::Waiting);
        order.flags.set(Flags::ELECTED, false);
        self.after_change(slot);
    }

    /// Where the trigger of a trailing stop is after the last trade.
    pub(crate) fn trailed(&self, slot: NodeId) -> PriceTicks {
        let Order { book, flags, .. } = self.arena[slot];
        let (last, rules) = (self.book(book).last_price.0, &self.book(book).rules);
        let terms = &self.arena.extra(slot).terms;
        // Both are at most 2^48.
        let distance = terms.trail_ticks as i64;
        let old = terms.stop_price.0;
        PriceTicks(match flags.side() {
            Side::Sell => old.max((last - distance).max(1)),
            Side::Buy => {
                let trigger = (last + distance).min(rules.price_max.0);
                if old == 0 { trigger } else { old.min(trigger) }
            }
        })
    }

    /// After an execution at another price: trailing stops follow, if it is the aggressor's first such one;
    /// then the stops that it reaches are elected. (Those that wait for the touch are elected when the
    /// aggressor is done.)
    #[inline(never)]
    pub(crate) fn follow_execution(&mut self, index: BookIndex) {
        let book = self.book_mut(index);
        if book.follow == Follow::Idle {
            book.follow = Follow::Done;
            self.look_at_trailing(index);
        } else {
            book.follow = Follow::Due;
        }
        if self.book(index).rules.stop_trigger == StopTrigger::LastTrade {
            self.elect(index);
        }
    }

    /// Stops whose trigger is reached are elected.
    #[inline(never)]
    pub(crate) fn elect(&mut self, index: BookIndex) {
        for side in Side::BOTH {
            let price = self.book(index).trigger_price(side);
            if price.0 == 0 {
                continue;
            }
            let ladder = &self.book(index).stops[side.index()];
            let reached = ladder.key(price);
            while let Some(level) = self.book(index).stops[side.index()].best(reached) {
                let slot = self.levels.links[level].next;
                self.elect_one(index, slot);
            }
        }
    }

    /// An aggressor is done, or nobody acted: trailing stops follow its last execution, and what was looked
    /// at counts for those that act now.
    fn end_of_aggressor(&mut self, index: BookIndex) {
        let book = self.book_mut(index);
        if core::mem::replace(&mut book.follow, Follow::Idle) == Follow::Due {
            self.look_at_trailing(index);
        }
        let looks = core::mem::take(&mut self.look_count);
        self.match_count += looks / InstrumentRules::LOOKS_PER_MATCH;
    }

    fn look_at_trailing(&mut self, index: BookIndex) {
        let looks = self.follow_trade(index);
        self.look_count = self.look_count.saturating_add(looks);
    }

    /// Trailing stops follow the last trade, in ascending id. How many wait.
    pub(crate) fn follow_trade(&mut self, index: BookIndex) -> u32 {
        let mut waiting = 0;
        let mut at = self.book(index).trailing.first;
        while let Some(slot) = at.some() {
            at = self.arena.extra(slot).list_next;
            if self.arena[slot].flags.has(Flags::ELECTED) || self.arena[slot].level == NodeId::NIL {
                continue;
            }
            waiting += 1;
            let trigger = self.trailed(slot);
            if trigger != self.arena.extra(slot).terms.stop_price {
                let open = self.leave_queue(slot);
                self.arena.extra_mut(slot).terms.stop_price = trigger;
                self.wait_for_trigger(slot, open);
            }
        }
        waiting
    }

    fn elect_one(&mut self, index: BookIndex, slot: NodeId) {
        let open = self.leave_queue(slot);
        let elected = self.book(index).elected;
        self.levels.links.append(elected, slot, open);
        let order = &mut self.arena[slot];
        order.level = elected;
        order.flags.set(Flags::ELECTED, true);
        self.after_change(slot);
    }

    /// The elected stops act in turn, while trading is continuous and within the bounds.
    #[inline(never)]
    pub(crate) fn run_stops(&mut self, index: BookIndex, sink: &mut impl EventSink) {
        let elected = self.book(index).elected;
        let rules = &self.book(index).rules;
        let (stops_max, matches_max) = (rules.stop_cascade_max, rules.match_count_max);
        loop {
            self.end_of_aggressor(index);
            if !self.is_continuous(index) {
                break;
            }
            if self.book(index).awaits_touch {
                self.elect(index);
            }
            let Some(slot) = self.levels.links.first(elected) else { break };
            if self.triggered_count >= stops_max || self.match_count >= matches_max {
                self.change_state(index, TradingState::Halt, None, sink);
                break;
            }
            let open = self.leave_queue(slot);
            self.arena[slot].flags.set(Flags::ELECTED, false);
            self.act_stop(slot, open, sink);
        }
        while let Some(slot) = self.levels.links.first(elected) {
            let open = self.leave_queue(slot);
            self.wait_for_trigger(slot, open);
        }
    }

    /// A stop whose trigger is reached, and that is in no queue, becomes what it is to be, and acts.
    fn act_stop(&mut self, slot: NodeId, open: u64, sink: &mut impl EventSink) {
        self.triggered_count += 1;
        let terms = self.arena.extra(slot).terms;
        let is_limit =
            matches!(terms.order_type, OrderType::StopLimit | OrderType::TrailingStopLimit);
        let limit = self.limit_of(slot);
        let order = self.arena[slot];
        let session = self.sessions.at(order.session).id;
        sink.event(Event::Triggered(Triggered {
            order_id: order.order_id,
            session,
            client_order_id: order.client_order_id,
            instrument: terms.instrument,
            side: terms.side,
            stop_price: terms.stop_price,
            price: limit,
            qty: vesta_types::QtyLots(open),
        }));
        if terms.order_type.is_trailing() {
            let list = self.unlisted(self.book(order.book).trailing, slot);
            self.book_mut(order.book).trailing = list;
        }
        let extra = self.arena.extra_mut(slot);
        extra.terms.order_type = if is_limit { OrderType::Limit } else { OrderType::Market };
        extra.terms.price = limit;
        extra.terms.stop_price = PriceTicks(0);
        extra.terms.trail_ticks = 0;
        extra.terms.offset_ticks = 0;
        self.arena[slot].price = limit;
        self.arena[slot].flags.set_phase(OrderPhase::Queued);
        let mut taker = Taker::of(&order, session, limit, open);
        taker.is_protected = limit.0 == 0;
        self.act_live(slot, taker, is_limit, true, sink);
    }

    /// The limit of a stop that acts now, 0 for none.
    fn limit_of(&self, slot: NodeId) -> PriceTicks {
        let terms = &self.arena.extra(slot).terms;
        if terms.order_type != OrderType::TrailingStopLimit {
            return terms.price;
        }
        let rules = &self.book(self.arena[slot].book).rules;
        let offset = terms.offset_ticks as i64;
        let limit = match terms.side {
            Side::Sell => terms.stop_price.0 - offset,
            Side::Buy => terms.stop_price.0 + offset,
        };
        let limit = PriceTicks(limit.clamp(1, rules.price_max.0));
        // Away from the trigger: the limit may only give it more room.
        let rounded = rounded(rules, terms.side.opposite(), limit);
        let prices = PriceTicks(1)..=rules.price_max;
        if prices.contains(&rounded) { rounded } else { limit }
    }

    /// A live order in no queue acts as an aggressor and then rests, if it may.
    pub(crate) fn act_live(
        &mut self,
        slot: NodeId,
        mut taker: Taker,
        may_rest: bool,
        may_lack_level: bool,
        sink: &mut impl EventSink,
    ) {
        self.set_bounds(&mut taker);
        let reason = match self.trade(&mut taker, sink) {
            Ended::Filled | Ended::Cancelled => return self.forget(slot),
            Ended::Bounds => self.at_bounds(&mut taker, may_rest, sink),
        };
        let order = &self.arena[slot];
        let ladder = self.book(order.book).ladder(taker.side, false);
        let reason = reason.or_else(|| {
            let is_displayed = !order.flags.has(Flags::UNDISPLAYED);
            let lacks = may_lack_level && is_displayed && self.lacks_level(ladder, order.price);
            lacks.then_some(CancelReason::LevelCapacity)
        });
        match reason {
            None => self.rest(slot, taker.qty, sink),
            Some(reason) => {
                self.drop_remainder(&taker, reason, sink);
                self.forget(slot);
            }
        }
    }
}

/// A price rounded to the tick-size table, down for a buy and up for a sell.
pub(crate) fn rounded(
    rules: &vesta_types::InstrumentRules,
    side: Side,
    price: PriceTicks,
) -> PriceTicks {
    let step = i64::from(rules.tick_step(price));
    let below = price.0 - price.0 % step;
    match side {
        Side::Sell if below != price.0 => PriceTicks(below + step),
        _ => PriceTicks(below),
    }
}
