//! The check's own account of what it has resting at the venue, kept by the venue's reports.

use crate::lobster::is_beyond;
use crate::venue::{Action, Effect, Owner, Request};
use std::collections::BTreeMap;
use vesta_types::{ClientOrderId, CommandKind, PriceTicks, QtyLots, Side};

#[derive(Clone, Copy, Debug)]
struct Resting {
    owner: Owner,
    side: Side,
    price: PriceTicks,
    open: QtyLots,
    /// The file's id of a named order.
    file_id: Option<i64>,
}

/// Every open order, by order and by level.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    last_id: u64,
    orders: BTreeMap<ClientOrderId, Resting>,
    /// The orders of each level of each side, the oldest first.
    levels: [BTreeMap<PriceTicks, Vec<ClientOrderId>>; 2],
    /// The open order that a file's id was last given to.
    names: BTreeMap<i64, ClientOrderId>,
}

impl Ledger {
    /// An id that no order has had.
    pub(crate) const fn next_id(&mut self) -> ClientOrderId {
        self.last_id += 1;
        ClientOrderId(self.last_id)
    }

    /// Takes in what the venue made of `requests`. `file_id` is the file's name for the new order
    /// among them that has a name.
    pub(crate) fn absorb(
        &mut self,
        requests: &[Request],
        effects: &[Effect],
        file_id: Option<i64>,
    ) {
        for &effect in effects {
            match effect {
                Effect::Accepted { id, command: CommandKind::New } => {
                    let new = requests.iter().find(|request| request.id == id);
                    if let Some(request) = new {
                        self.open(request, file_id);
                    }
                }
                Effect::Accepted { .. } | Effect::Rejected { .. } => {}
                Effect::Executed { id, leaves, .. } => self.set_open(id, leaves),
                Effect::Cancelled { id } => self.set_open(id, QtyLots::ZERO),
                Effect::Replaced { id, qty } => self.set_open(id, qty),
            }
        }
    }

    fn open(&mut self, request: &Request, file_id: Option<i64>) {
        let &Request { owner, id, action } = request;
        let Action::New { side, price, qty, .. } = action else { return };
        let file_id = file_id.filter(|_| owner == Owner::Named);
        self.orders.insert(id, Resting { owner, side, price, open: qty, file_id });
        self.levels[side.index()].entry(price).or_default().push(id);
        if let Some(file_id) = file_id {
            // An id that is used again means the new order from here on. The old one stays in its
            // level, where others' reductions can take from it.
            self.names.insert(file_id, id);
        }
    }

    /// What is left open of an order, as a report says. A report of an order that is not open is
    /// of no use here: if the book differs for it, a row will tell.
    fn set_open(&mut self, id: ClientOrderId, left: QtyLots) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.open = left;
        if !left.is_zero() {
            return;
        }
        let Resting { side, price, file_id, .. } = *order;
        self.orders.remove(&id);
        let levels = &mut self.levels[side.index()];
        if let Some(queue) = levels.get_mut(&price) {
            queue.retain(|&other| other != id);
            if queue.is_empty() {
                levels.remove(&price);
            }
        }
        if let Some(name) = file_id
            && self.names.get(&name) == Some(&id)
        {
            self.names.remove(&name);
        }
    }

    fn queue(&self, side: Side, price: PriceTicks) -> &[ClientOrderId] {
        self.levels[side.index()].get(&price).map_or(&[], Vec::as_slice)
    }

    fn level_qty(&self, side: Side, price: PriceTicks) -> QtyLots {
        let open = |id| self.orders[id].open;
        self.queue(side, price).iter().map(open).fold(QtyLots::ZERO, |sum, open| sum + open)
    }

    /// Takes `qty` out of a level: from the order that the file calls `file_id` as far as that
    /// goes, then from anonymous orders, then from the others, the newest first.
    ///
    /// The named order may hold less than the file says, because the file does not show the queue
    /// and an earlier execution met another order of the level than it did in the market.
    pub(crate) fn reduce(
        &self,
        (side, price): (Side, PriceTicks),
        qty: QtyLots,
        file_id: Option<i64>,
        requests: &mut Vec<Request>,
    ) {
        let queue = self.queue(side, price);
        // A name counts only at its own level: an id may have been given to another order since.
        let named = file_id.and_then(|name| self.names.get(&name)).filter(|id| queue.contains(id));
        let is = |id: &ClientOrderId, owner| self.orders[id].owner == owner;
        let newest = || queue.iter().rev().filter(|id| Some(*id) != named);
        let anonymous = newest().filter(|id| is(id, Owner::Anonymous));
        let others = newest().filter(|id| is(id, Owner::Named));
        let mut rest = qty;
        for id in named.into_iter().chain(anonymous).chain(others) {
            if rest.is_zero() {
                break;
            }
            let order = &self.orders[id];
            let taken = order.open.min(rest);
            rest -= taken;
            let left = order.open - taken;
            let action =
                if left.is_zero() { Action::Cancel } else { Action::Replace { price, qty: left } };
            requests.push(Request { owner: order.owner, id: *id, action });
        }
    }

    /// Makes `side` hold exactly `shown` between two prices: beyond `from`, up to `to` and with it
    /// (all the rest when `to` is `None`). First everything that has to go, then what comes.
    pub(crate) fn repair(
        &mut self,
        side: Side,
        (from, to): (PriceTicks, Option<PriceTicks>),
        shown: &[crate::venue::Level],
        requests: &mut Vec<Request>,
    ) {
        let in_zone = |price: PriceTicks| {
            is_beyond(side, price, from) && to.is_none_or(|to| !is_beyond(side, price, to))
        };
        let prices = self.levels[side.index()].keys().copied();
        for price in prices.filter(|&price| in_zone(price)).collect::<Vec<_>>() {
            let held = self.level_qty(side, price);
            let wanted = shown
                .iter()
                .find(|level| level.price == price)
                .map_or(QtyLots::ZERO, |level| level.qty);
            if held > wanted {
                self.reduce((side, price), held - wanted, None, requests);
            }
        }
        for level in shown.iter().filter(|level| in_zone(level.price)) {
            let held = self.level_qty(side, level.price);
            if held < level.qty {
                requests.push(self.adopt(side, level.price, level.qty - held));
            }
        }
    }

    /// An anonymous order for what the file shows to be resting.
    pub(crate) const fn adopt(&mut self, side: Side, price: PriceTicks, qty: QtyLots) -> Request {
        Request {
            owner: Owner::Anonymous,
            id: self.next_id(),
            action: Action::New {
                side,
                price,
                qty,
                time_in_force: vesta_types::TimeInForce::Gtc,
                post_only: true,
            },
        }
    }
}
