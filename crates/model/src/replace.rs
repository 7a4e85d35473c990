//! **replace**: another price, trigger or open quantity for a live order.

use vesta_types::state_hash::{LiveOrder, OrderPhase};
use vesta_types::{
    Accepted, CommandKind, Event, NewOrder, OrderType, PriceTicks, QtyLots, RejectReason, Replace,
    ReplaceShrink, Replaced, TradingState,
};

use crate::Model;
use crate::control::target_rejected;
use crate::guards::{check_notional, check_price_and_qty, check_tick_and_band, reject_if};
use crate::orders::is_undisplayed;
use crate::stops::followed;

impl Model {
    pub(crate) fn replace(&mut self, replace: &Replace, events: &mut Vec<Event>) {
        let (old, terms) = match self.check_replace(replace) {
            Ok(good) => good,
            Err(reason) => {
                let Replace { session, target, .. } = *replace;
                events.push(target_rejected(CommandKind::Replace, session, target, reason));
                return;
            }
        };
        let is_kept = self.keeps_priority(&old, &terms);
        let mut order = LiveOrder { terms, ..old };
        // Of an iceberg the reserve shrinks first, then the tip; of others all that is displayed.
        order.displayed = if is_kept { old.displayed.min(terms.qty) } else { QtyLots::ZERO };
        events.push(Event::Accepted(Accepted {
            command: CommandKind::Replace,
            session: terms.session,
            client_order_id: terms.client_order_id,
            order_id: order.order_id,
            instrument: terms.instrument,
            side: Some(terms.side),
            terms: None,
            price: terms.price,
            qty: terms.qty,
        }));
        events.push(Event::Replaced(Replaced {
            order_id: order.order_id,
            session: terms.session,
            client_order_id: terms.client_order_id,
            instrument: terms.instrument,
            side: terms.side,
            old_price: old.terms.price,
            old_qty: old.terms.qty,
            old_displayed: old.displayed,
            price: terms.price,
            qty: terms.qty,
            displayed: order.displayed,
            priority_kept: is_kept,
        }));
        if is_kept {
            self.store(order);
            return;
        }
        // **replace_loses_priority**
        self.remove(old.order_id);
        let mut run = self.run(terms.instrument, events);
        self.arrive(order, &mut run);
        self.stops_act(terms.instrument, &mut run);
    }

    /// The order and its terms after the replace, or the first rule that the replace breaks.
    fn check_replace(&self, replace: &Replace) -> Result<(LiveOrder, NewOrder), RejectReason> {
        use RejectReason as R;
        let old = self.target(replace.session, replace.instrument, replace.target)?;
        let book = self.book(replace.instrument);
        reject_if(self.is_killed(&old.terms), R::KillSwitch)?;
        let is_over = matches!(book.state, TradingState::Halt | TradingState::Close);
        reject_if(is_over, R::NotInThisState)?;
        let order_type = old.terms.order_type;
        check_price_and_qty(book, order_type, replace.price, replace.qty)?;
        reject_if(!replace.qty.may_show(old.terms.display_qty), R::InvalidDisplayQty)?;

        let gives_stop = replace.stop_price != PriceTicks(0);
        let may_give_stop = old.phase == OrderPhase::Waiting
            && matches!(order_type, OrderType::Stop | OrderType::StopLimit);
        let is_good = may_give_stop && book.is_in_range(replace.stop_price);
        reject_if(gives_stop && !is_good, R::InvalidStop)?;
        check_tick_and_band(book, order_type, replace.price, replace.stop_price)?;

        let stop_price = if gives_stop { replace.stop_price } else { old.terms.stop_price };
        let mut terms =
            NewOrder { price: replace.price, qty: replace.qty, stop_price, ..old.terms };
        // The trigger in force after the replace: a trailing one follows, unless it stays in place.
        let in_force = if order_type.is_trailing() && !self.keeps_priority(&old, &terms) {
            followed(book, &terms)
        } else {
            stop_price
        };
        check_notional(book, [terms.price, in_force], terms.qty)?;
        if book.is_continuous() {
            terms.price = self.post_only_price(&terms)?;
        }
        reject_if(self.lacks_level_after(&old, terms.price), R::LevelCapacity)?;
        Ok((old, terms))
    }

    /// **replace_keeps_priority**
    fn keeps_priority(&self, old: &LiveOrder, terms: &NewOrder) -> bool {
        self.book(terms.instrument).rules.replace_shrink == ReplaceShrink::KeepsPriority
            && terms.qty < old.terms.qty
            && terms.price == old.terms.price
            && terms.stop_price == old.terms.stop_price
    }

    /// True when a displayed order finds no level at `price`, even after it left its own.
    fn lacks_level_after(&self, old: &LiveOrder, price: PriceTicks) -> bool {
        if old.phase != OrderPhase::Queued || is_undisplayed(&old.terms) {
            return false;
        }
        let queue = &self.book(old.terms.instrument).displayed[old.terms.side.index()];
        let is_alone = queue.count_at(old.queue_price) == 1;
        let others = queue.level_count() - usize::from(is_alone);
        let is_new = price != old.queue_price && queue.count_at(price) == 0;
        is_new && others >= self.capacity.level_count_max as usize
    }
}
