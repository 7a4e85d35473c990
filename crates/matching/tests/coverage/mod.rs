//! Counts how often each rule fired, and says which never did.

use std::collections::{BTreeMap, BTreeSet};

use vesta_model::Model;
use vesta_types::state_hash::RestingOrder;
use vesta_types::*;

use crate::common::CAPACITY;

/// Everything that has to happen at least once, besides every reason there is.
const RULES: &[&str] = &[
    "cancel.by_client_order_id",
    "cancel.by_order_id",
    "cancel.closes_level",
    "cancel.leaves_level",
    "cancel.unknown.dead",
    "cancel.unknown.foreign",
    "cancel.unknown.name",
    "cancel.unknown.never_issued",
    "cancel.unknown.of_another_instrument",
    "define.new",
    "define.same_again",
    "fok.filled_across_levels",
    "fok.killed_by_empty_side",
    "fok.killed_by_limit",
    "fok.killed_by_quantity",
    "mass_cancel.all",
    "mass_cancel.by_instrument",
    "mass_cancel.by_instrument_and_side",
    "mass_cancel.by_side",
    "mass_cancel.fits_none",
    "mass_cancel.fits_several",
    "mass_cancel.leaves_some",
    "mass_cancel.not_in_order_of_priority",
    "new.immediate_while_slots_are_full",
    "new.Limit.Fok.filled",
    "new.Limit.Fok.untouched",
    "new.Limit.Gtc.filled",
    "new.Limit.Gtc.partly_filled",
    "new.Limit.Gtc.untouched",
    "new.Limit.Ioc.filled",
    "new.Limit.Ioc.partly_filled",
    "new.Limit.Ioc.untouched",
    "new.Market.Fok.filled",
    "new.Market.Fok.untouched",
    "new.Market.Ioc.filled",
    "new.Market.Ioc.partly_filled",
    "new.Market.Ioc.untouched",
    "new.name_of_a_dead_order",
    "new.post_only.rested",
    "replace.alone_on_full_side",
    "replace.by_client_order_id",
    "replace.by_order_id",
    "replace.crosses.filled",
    "replace.crosses.partly_filled",
    "replace.grows_at_same_price",
    "replace.invalid_quantity.above",
    "replace.invalid_quantity.zero",
    "replace.moves",
    "replace.of_partly_filled",
    "replace.post_only.rested",
    "replace.same_again",
    "replace.shrinks_in_place",
    "replace.unknown.dead",
    "replace.unknown.foreign",
    "replace.unknown.name",
    "replace.unknown.never_issued",
    "replace.unknown.of_another_instrument",
    "trade.at_better_than_limit",
    "trade.buy_takes",
    "trade.maker_filled",
    "trade.maker_partly_filled",
    "trade.partly_filled_maker_goes_first_again",
    "trade.sell_takes",
    "trade.several_levels",
    "trade.several_makers_of_a_level",
    "trade.side_emptied",
    "trade.with_oneself",
];

/// Which rejects each kind of command has.
fn rejects() -> impl Iterator<Item = (&'static str, RejectReason)> {
    use RejectReason as Reason;
    let new = [
        Reason::UnknownInstrument,
        Reason::InvalidClientOrderId,
        Reason::MarketMustBeImmediate,
        Reason::PostOnlyMustRest,
        Reason::InvalidPrice,
        Reason::InvalidQuantity,
        Reason::DuplicateClientOrderId,
        Reason::PostOnlyWouldCross,
        Reason::OrderCapacity,
        Reason::LevelCapacity,
    ];
    let replace = [
        Reason::UnknownOrder,
        Reason::InvalidPrice,
        Reason::InvalidQuantity,
        Reason::PostOnlyWouldCross,
        Reason::LevelCapacity,
    ];
    let define = [
        Reason::UnknownInstrument,
        Reason::InvalidPrice,
        Reason::InvalidQuantity,
        Reason::InstrumentRedefined,
        Reason::InstrumentCapacity,
    ];
    let new = new.map(|reason| ("New", reason));
    let replace = replace.map(|reason| ("Replace", reason));
    let define = define.map(|reason| ("Define", reason));
    let others = [("Cancel", Reason::UnknownOrder), ("MassCancel", Reason::UnknownInstrument)];
    new.into_iter().chain(replace).chain(define).chain(others)
}

/// From here on only the edge says it.
const EDGE_FROM: u16 = 100;

/// Those that come from in front of the matching core.
const NOT_OURS: [RejectReason; 4] = [
    RejectReason::UnknownSession,
    RejectReason::StaleSessionEpoch,
    RejectReason::ClientSeqGap,
    RejectReason::OutcomeExpired,
];

/// What has to be known of the books before a command, to say what it did.
pub struct Before {
    slots_are_full: bool,
    target: Option<RestingOrder>,
    target_exists: bool,
    target_is_alone: bool,
    target_side_is_full: bool,
    opposite_qty: QtyLots,
    session_orders: Vec<RestingOrder>,
}

impl Before {
    pub fn new(model: &Model, command: &Command) -> Self {
        let target_ref = match command {
            Command::Cancel(cancel) => Some(cancel.target),
            Command::Replace(replace) => Some(replace.target),
            _ => None,
        };
        let target = target_ref.and_then(|target| model.order(command.session(), target));
        let orders = || {
            let instruments = model.instruments();
            let sides = instruments.flat_map(|(id, _)| Side::BOTH.map(|side| (id, side)));
            sides.flat_map(|(id, side)| model.orders(id, side))
        };
        let named = |id| move |order: RestingOrder| OrderRef::Order(order.order_id) == id;
        let (mut is_alone, mut is_full) = (false, false);
        if let Some(order) = target {
            let levels: Vec<_> = model.levels(order.instrument, order.side).collect();
            is_alone = levels.iter().any(|l| l.price == order.price && l.order_count == 1);
            is_full = levels.len() == CAPACITY.level_count_max as usize;
        }
        let opposite_qty = match command {
            Command::New(new) => model
                .levels(new.instrument, new.side.opposite())
                .fold(QtyLots::ZERO, |sum, level| sum + level.qty),
            _ => QtyLots::ZERO,
        };
        let session_orders = match command {
            Command::MassCancel(mass) => orders().filter(|o| o.session == mass.session).collect(),
            _ => Vec::new(),
        };
        Self {
            slots_are_full: model.order_count() == CAPACITY.order_count_max,
            target,
            target_exists: target_ref.is_some_and(|id| orders().any(named(id))),
            target_is_alone: is_alone,
            target_side_is_full: is_full,
            opposite_qty,
            session_orders,
        }
    }
}

/// The counts.
pub struct Coverage {
    counts: BTreeMap<String, u64>,
    names_used: BTreeSet<(SessionId, ClientOrderId)>,
    /// Filled in part while others were queued behind them.
    partly_filled: BTreeSet<OrderId>,
    order_id_last: OrderId,
}

impl Coverage {
    pub fn new() -> Self {
        let rejects = rejects().map(|(kind, reason)| format!("{kind}.rejected.{reason}"));
        let cancels = CancelReason::ALL.iter().map(|reason| format!("cancelled.{reason}"));
        let rules = RULES.iter().map(|rule| (*rule).to_owned());
        Self {
            counts: rules.chain(rejects).chain(cancels).map(|rule| (rule, 0)).collect(),
            names_used: BTreeSet::new(),
            partly_filled: BTreeSet::new(),
            order_id_last: OrderId(0),
        }
    }

    fn hit(&mut self, rule: impl AsRef<str>) {
        let rule = rule.as_ref();
        *self.counts.get_mut(rule).unwrap_or_else(|| panic!("{rule} is not on the list")) += 1;
    }

    fn hit_if(&mut self, holds: bool, rule: &str) {
        if holds {
            self.hit(rule);
        }
    }

    pub fn defined(&mut self, was_known: bool, outcome: Result<(), RejectReason>) {
        match outcome {
            Err(reason) => self.hit(format!("Define.rejected.{reason}")),
            Ok(()) => self.hit(if was_known { "define.same_again" } else { "define.new" }),
        }
    }

    pub fn applied(&mut self, before: &Before, command: &Command, events: &[Event], after: &Model) {
        match events[0] {
            Event::Rejected(rejected) => self.rejected(before, command, &rejected),
            Event::Accepted(accepted) => match command {
                Command::New(new) => {
                    self.order_id_last = accepted.order_id;
                    self.new_order(before, new, events);
                }
                Command::Cancel(_) => {
                    self.named(command);
                    self.hit_if(before.target_is_alone, "cancel.closes_level");
                    self.hit_if(!before.target_is_alone, "cancel.leaves_level");
                }
                Command::Replace(_) => {
                    self.named(command);
                    self.replace(before, events);
                }
                Command::MassCancel(mass) => self.mass_cancel(before, mass, events),
            },
            _ => panic!("no primary reply"),
        }
        self.trades(command, events, after);
        for event in events {
            if let Event::Cancelled(cancelled) = event {
                self.hit(format!("cancelled.{}", cancelled.reason));
            }
        }
    }

    fn named(&mut self, command: &Command) {
        match command {
            Command::Cancel(Cancel { target: OrderRef::Client(_), .. }) => {
                self.hit("cancel.by_client_order_id");
            }
            Command::Cancel(_) => self.hit("cancel.by_order_id"),
            Command::Replace(Replace { target: OrderRef::Client(_), .. }) => {
                self.hit("replace.by_client_order_id");
            }
            Command::Replace(_) => self.hit("replace.by_order_id"),
            Command::New(_) | Command::MassCancel(_) => {}
        }
    }

    fn rejected(&mut self, before: &Before, command: &Command, rejected: &Rejected) {
        self.hit(format!("{:?}.rejected.{}", rejected.command, rejected.reason));
        let (kind, target) = match command {
            Command::Cancel(cancel) => ("cancel", cancel.target),
            Command::Replace(replace) => ("replace", replace.target),
            Command::New(_) | Command::MassCancel(_) => return,
        };
        if rejected.reason == RejectReason::UnknownOrder {
            let why = match target {
                _ if before.target.is_some() => "of_another_instrument",
                OrderRef::Client(_) => "name",
                OrderRef::Order(_) if before.target_exists => "foreign",
                OrderRef::Order(id) if id > self.order_id_last || id.0 == 0 => "never_issued",
                OrderRef::Order(_) => "dead",
            };
            self.hit(format!("{kind}.unknown.{why}"));
        }
        if rejected.reason == RejectReason::InvalidQuantity
            && let Command::Replace(replace) = command
        {
            let which = if replace.qty.is_zero() { "zero" } else { "above" };
            self.hit(format!("replace.invalid_quantity.{which}"));
        }
    }

    fn new_order(&mut self, before: &Before, new: &NewOrder, events: &[Event]) {
        let filled = fills(events).fold(QtyLots::ZERO, |sum, fill| sum + fill.qty);
        let outcome = match filled {
            QtyLots::ZERO => "untouched",
            filled if filled == new.qty => "filled",
            _ => "partly_filled",
        };
        self.hit(format!("new.{:?}.{:?}.{outcome}", new.order_type, new.time_in_force));
        let is_new_name = self.names_used.insert((new.session, new.client_order_id));
        self.hit_if(!is_new_name, "new.name_of_a_dead_order");
        self.hit_if(new.post_only, "new.post_only.rested");
        self.hit_if(before.slots_are_full, "new.immediate_while_slots_are_full");
        if new.time_in_force == TimeInForce::Fok {
            let is_killed = filled.is_zero();
            let is_enough = before.opposite_qty >= new.qty;
            let is_empty = before.opposite_qty.is_zero();
            self.hit_if(is_killed && is_enough, "fok.killed_by_limit");
            self.hit_if(is_killed && is_empty, "fok.killed_by_empty_side");
            self.hit_if(is_killed && !is_empty && !is_enough, "fok.killed_by_quantity");
            self.hit_if(level_count(events) > 1, "fok.filled_across_levels");
        }
    }

    fn replace(&mut self, before: &Before, events: &[Event]) {
        let (Event::Replaced(replaced), Some(target)) = (events[1], before.target) else {
            panic!("accepted, but not replaced");
        };
        let same_price = replaced.price == replaced.old_price;
        let is_partly_filled = self.partly_filled.contains(&target.order_id);
        self.hit_if(is_partly_filled, "replace.of_partly_filled");
        if replaced.priority_kept {
            return self.hit("replace.shrinks_in_place");
        }
        let makes_room = before.target_is_alone && before.target_side_is_full && !same_price;
        self.hit_if(makes_room, "replace.alone_on_full_side");
        let rested = matches!(events.last(), Some(Event::Rested(_)));
        self.hit_if(target.post_only && rested, "replace.post_only.rested");
        self.hit(match (fills(events).count() > 0, rested) {
            (true, true) => "replace.crosses.partly_filled",
            (true, false) => "replace.crosses.filled",
            (false, _) if !same_price => "replace.moves",
            (false, _) if replaced.qty == replaced.old_qty => "replace.same_again",
            (false, _) => "replace.grows_at_same_price",
        });
        self.partly_filled.remove(&target.order_id);
    }

    fn mass_cancel(&mut self, before: &Before, mass: &MassCancel, events: &[Event]) {
        self.hit(match (mass.instrument, mass.side) {
            (None, None) => "mass_cancel.all",
            (Some(_), None) => "mass_cancel.by_instrument",
            (None, Some(_)) => "mass_cancel.by_side",
            (Some(_), Some(_)) => "mass_cancel.by_instrument_and_side",
        });
        let count = events.len() - 1;
        self.hit_if(count == 0, "mass_cancel.fits_none");
        self.hit_if(count > 1, "mass_cancel.fits_several");
        self.hit_if(count > 0 && count < before.session_orders.len(), "mass_cancel.leaves_some");
        let priority = |event: &Event| match event {
            Event::Cancelled(x) => {
                before.session_orders.iter().find(|o| o.order_id == x.order_id).map(|o| o.priority)
            }
            _ => None,
        };
        let in_order = events.iter().filter_map(priority).is_sorted();
        self.hit_if(!in_order, "mass_cancel.not_in_order_of_priority");
    }

    fn trades(&mut self, command: &Command, events: &[Event], after: &Model) {
        let limit = match command {
            Command::New(new) => new.price,
            Command::Replace(replace) => replace.price,
            Command::Cancel(_) | Command::MassCancel(_) => return,
        };
        for fill in fills(events) {
            let is_buy = fill.taker_side == Side::Buy;
            self.hit(if is_buy { "trade.buy_takes" } else { "trade.sell_takes" });
            self.hit_if(fill.maker.session == fill.taker.session, "trade.with_oneself");
            let is_better = limit != PriceTicks(0) && fill.price != limit;
            self.hit_if(is_better, "trade.at_better_than_limit");
            let maker = fill.maker.order_id;
            if self.partly_filled.remove(&maker) {
                self.hit("trade.partly_filled_maker_goes_first_again");
            }
            if fill.maker.leaves.is_zero() {
                self.hit("trade.maker_filled");
            } else {
                self.hit("trade.maker_partly_filled");
                let level = after.best(fill.instrument, fill.taker_side.opposite());
                if level.is_some_and(|level| level.order_count > 1) {
                    self.partly_filled.insert(maker);
                }
            }
        }
        if let Some(fill) = fills(events).next() {
            let left = after.best(fill.instrument, fill.taker_side.opposite());
            self.hit_if(left.is_none(), "trade.side_emptied");
            let levels = level_count(events);
            self.hit_if(levels > 1, "trade.several_levels");
            self.hit_if(fills(events).count() > levels, "trade.several_makers_of_a_level");
        }
    }

    /// Prints every count.
    ///
    /// # Panics
    /// When one of them is zero, or a reason that is ours is on nobody's list.
    pub fn report(&self) {
        for (rule, count) in &self.counts {
            println!("{count:>9}  {rule}");
        }
        let never: Vec<_> = self.counts.iter().filter(|(_, count)| **count == 0).collect();
        assert!(never.is_empty(), "never fired: {never:?}");
        for reason in RejectReason::ALL {
            let is_ours = (*reason as u16) < EDGE_FROM && !NOT_OURS.contains(reason);
            let is_listed = rejects().any(|(_, listed)| listed == *reason);
            assert_eq!(is_ours, is_listed, "{reason}");
        }
    }
}

fn fills(events: &[Event]) -> impl Iterator<Item = &Executed> {
    events.iter().filter_map(|event| match event {
        Event::Executed(executed) => Some(executed),
        _ => None,
    })
}

fn level_count(events: &[Event]) -> usize {
    fills(events).map(|fill| fill.price).collect::<BTreeSet<_>>().len()
}
