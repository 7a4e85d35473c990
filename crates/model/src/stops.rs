//! **Stops**: how they wait, trail, are elected and act.

use vesta_types::state_hash::LiveOrder;
use vesta_types::{
    Event, InstrumentId, InstrumentRules, NewOrder, OrderId, OrderType, PriceTicks, Side,
    StopTrigger, TradingState, Triggered,
};

use crate::book::{Book, behind, is_better};
use crate::orders::limit_of;
use crate::{Model, Run};

/// **stop_order**: true when the price that a stop of this side waits for has reached its trigger.
fn is_reached(book: &Book, side: Side, trigger: PriceTicks) -> bool {
    let price = match book.rules.stop_trigger {
        // **stop_by_last_trade**
        StopTrigger::LastTrade => Some(book.last_price).filter(|last| *last != PriceTicks(0)),
        // **stop_by_touch**
        StopTrigger::Touch => book.touch(side),
    };
    price.is_some_and(|price| match side {
        Side::Buy => price >= trigger,
        Side::Sell => price <= trigger,
    })
}

/// **trailing_stop**: the trigger of a trailing stop, now that the last price is what it is.
pub(crate) fn followed(book: &Book, terms: &NewOrder) -> PriceTicks {
    if book.last_price == PriceTicks(0) {
        return terms.stop_price;
    }
    // A sell's trigger is below the last price, and rises; a buy's is above, and falls.
    let makers = terms.side.opposite();
    let at_distance = behind(makers, book.last_price, terms.trail_ticks);
    let at_distance = at_distance.clamp(PriceTicks(1), book.rules.price_max);
    let is_first = terms.stop_price == PriceTicks(0);
    let is_nearer = is_better(makers, at_distance, terms.stop_price);
    if is_first || is_nearer { at_distance } else { terms.stop_price }
}

/// The limit of a stop once it is triggered, `None` for none.
fn limit_when_triggered(book: &Book, terms: &NewOrder) -> Option<PriceTicks> {
    if terms.order_type != OrderType::TrailingStopLimit {
        return limit_of(terms);
    }
    // **trailing_stop_limit**
    let makers = terms.side.opposite();
    let limit = behind(makers, terms.stop_price, terms.offset_ticks);
    let limit = limit.clamp(PriceTicks(1), book.rules.price_max);
    let rounded = book.round_away(makers, limit);
    Some(if book.is_in_range(rounded) { rounded } else { limit })
}

impl Model {
    /// A stop that arrived, or was replaced: it acts at once or waits.
    pub(crate) fn stop_arrives(&mut self, mut order: LiveOrder, run: &mut Run<'_>) {
        let book = self.book(order.terms.instrument);
        if order.terms.order_type.is_trailing() {
            order.terms.stop_price = followed(book, &order.terms);
        }
        // **trigger_on_arrival**
        let is_reached = is_reached(book, order.terms.side, order.terms.stop_price);
        if book.is_continuous() && is_reached {
            self.set_off(order, run);
        } else {
            self.wait(order);
        }
    }

    /// What follows each execution in continuous trading. Trailing stops follow an aggressor's first one at
    /// another price than the last before triggers are looked at.
    pub(crate) fn after_execution(
        &mut self,
        instrument: InstrumentId,
        price: PriceTicks,
        run: &mut Run<'_>,
    ) {
        let book = self.book_mut(instrument);
        let moves = book.last_price != price;
        book.last_price = price;
        if moves && !run.followed {
            run.followed = true;
            run.looks += self.trailing_stops_follow(instrument);
        } else if moves {
            run.is_follow_due = true;
        }
        if self.book(instrument).rules.stop_trigger == StopTrigger::LastTrade {
            self.elect(instrument, run);
        }
    }

    /// **trailing_stop**: those that wait follow the last price, in ascending `order_id`. How many wait.
    pub(crate) fn trailing_stops_follow(&mut self, instrument: InstrumentId) -> u32 {
        let trailing: Vec<OrderId> = self.book(instrument).trailing.iter().copied().collect();
        let waiting = trailing.len() as u32;
        for order_id in trailing {
            let mut order = self.orders[&order_id];
            let trigger = followed(self.book(instrument), &order.terms);
            if trigger != order.terms.stop_price {
                self.leave_queue(&order);
                order.terms.stop_price = trigger;
                self.wait(order);
            }
        }
        waiting
    }

    /// **trailing_stop**, **match_limit**: an aggressor is done, remainder included.
    fn aggressor_is_done(&mut self, instrument: InstrumentId, run: &mut Run<'_>) {
        if run.is_follow_due {
            run.looks += self.trailing_stops_follow(instrument);
        }
        (run.followed, run.is_follow_due) = (false, false);
        run.matches += std::mem::take(&mut run.looks) / InstrumentRules::LOOKS_PER_MATCH;
    }

    /// **election**: stops whose trigger is reached leave their queue, buys first.
    pub(crate) fn elect(&mut self, instrument: InstrumentId, run: &mut Run<'_>) {
        for side in Side::BOTH {
            let book = self.book(instrument);
            let waiting = book.stops[side.index()].ids().map(|order_id| self.orders[&order_id]);
            let reached: Vec<LiveOrder> =
                waiting.take_while(|stop| is_reached(book, side, stop.terms.stop_price)).collect();
            for order in reached {
                self.leave_queue(&order);
                run.elected.push(order.order_id);
            }
        }
    }

    /// **stops_act_in_turn**: the elected act, first elected first, and may elect more.
    pub(crate) fn stops_act(&mut self, instrument: InstrumentId, run: &mut Run<'_>) {
        loop {
            self.aggressor_is_done(instrument, run);
            if !self.book(instrument).is_continuous() {
                break;
            }
            let rules = self.book(instrument).rules;
            if rules.stop_trigger == StopTrigger::Touch {
                // **stop_by_touch**: whenever an aggressor is done.
                self.elect(instrument, run);
            }
            if run.elected.is_empty() {
                break;
            }
            if run.set_off >= rules.stop_cascade_max || run.matches >= rules.match_count_max {
                // **stop_cascade_halts**
                self.change_state(instrument, TradingState::Halt, None, run.events);
                break;
            }
            let order = self.forget(run.elected.remove(0));
            self.set_off(order, run);
        }
        // No longer continuous: who did not act waits again, with a new stamp.
        for order_id in std::mem::take(&mut run.elected) {
            let order = self.orders[&order_id];
            self.wait(order);
        }
    }

    /// A stop that is in no queue is triggered, and acts.
    fn set_off(&mut self, mut order: LiveOrder, run: &mut Run<'_>) {
        run.set_off += 1;
        let terms = order.terms;
        let limit = limit_when_triggered(self.book(terms.instrument), &terms);
        run.events.push(Event::Triggered(Triggered {
            order_id: order.order_id,
            session: terms.session,
            client_order_id: terms.client_order_id,
            instrument: terms.instrument,
            side: terms.side,
            stop_price: terms.stop_price,
            price: limit.unwrap_or(PriceTicks(0)),
            qty: terms.qty,
        }));
        if matches!(terms.order_type, OrderType::StopLimit | OrderType::TrailingStopLimit) {
            // **stop_limit**: a limit order from here on.
            order.terms = NewOrder {
                order_type: OrderType::Limit,
                price: limit.expect("a stop-limit has a limit"),
                stop_price: PriceTicks(0),
                trail_ticks: 0,
                offset_ticks: 0,
                ..terms
            };
        }
        // A stop without a limit acts as a market order: nothing of it rests.
        self.act(order, limit, run);
    }
}
