//! One instrument: its rules, its state, and the queues of its orders.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;

use vesta_types::{
    AuctionKind, HiddenPriority, Indicative, InstrumentRules, OrderId, PriceTicks, Side,
    TradingState,
};

/// Orders by price, best first, and at one price by priority stamp.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// The side that finds high prices best, if it is `Buy`; else low ones.
    best_first: Side,
    /// By [`rank`], then by stamp.
    prices: BTreeMap<i64, BTreeMap<u64, OrderId>>,
}

/// A number that is smaller for a better price, as `side` sees it. Its own inverse.
fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

impl Queue {
    fn new(best_first: Side) -> Self {
        Self { best_first, prices: BTreeMap::new() }
    }

    pub(crate) fn insert(&mut self, price: PriceTicks, stamp: u64, order_id: OrderId) {
        let level = self.prices.entry(rank(self.best_first, price.0)).or_default();
        assert!(level.insert(stamp, order_id).is_none(), "a stamp was given twice");
    }

    pub(crate) fn remove(&mut self, price: PriceTicks, stamp: u64) {
        let key = rank(self.best_first, price.0);
        let level = self.prices.get_mut(&key).expect("the order's price has a queue");
        level.remove(&stamp).expect("the order is in its queue");
        if level.is_empty() {
            self.prices.remove(&key);
        }
    }

    pub(crate) fn level_count(&self) -> usize {
        self.prices.len()
    }

    pub(crate) fn count_at(&self, price: PriceTicks) -> usize {
        self.prices.get(&rank(self.best_first, price.0)).map_or(0, BTreeMap::len)
    }

    /// The orders at one price, with their stamps, in their order.
    pub(crate) fn at(&self, price: PriceTicks) -> impl Iterator<Item = (u64, OrderId)> + '_ {
        let level = self.prices.get(&rank(self.best_first, price.0));
        level.into_iter().flatten().map(|(stamp, order_id)| (*stamp, *order_id))
    }

    /// The best price; with `after`, the best that is worse than that.
    pub(crate) fn best_price(&self, after: Option<PriceTicks>) -> Option<PriceTicks> {
        let worse = after.map_or(i64::MIN, |after| rank(self.best_first, after.0) + 1);
        let (key, _) = self.prices.range(worse..).next()?;
        Some(PriceTicks(rank(self.best_first, *key)))
    }

    /// Its prices, best first.
    pub(crate) fn prices(&self) -> impl Iterator<Item = PriceTicks> + '_ {
        self.prices.keys().map(|key| PriceTicks(rank(self.best_first, *key)))
    }

    /// Its orders, first to last.
    pub(crate) fn ids(&self) -> impl Iterator<Item = OrderId> + '_ {
        self.prices.values().flat_map(|level| level.values().copied())
    }
}

/// One instrument.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) rules: InstrumentRules,
    pub(crate) state: TradingState,
    pub(crate) auction: Option<AuctionKind>,
    /// **last price**: of the latest execution, 0 before the first.
    pub(crate) last_price: PriceTicks,
    pub(crate) reference_price: PriceTicks,
    pub(crate) killed: bool,
    pub(crate) told: Option<Indicative>,
    /// Plain orders and the tips of icebergs, by side.
    pub(crate) displayed: [Queue; 2],
    /// Hidden, all-or-none, minimum-quantity and pegged orders, by side.
    pub(crate) undisplayed: [Queue; 2],
    /// Waiting stops by trigger: what is elected first is first.
    pub(crate) stops: [Queue; 2],
    /// Auction-only orders that wait for their auction, by stamp.
    pub(crate) for_auction: BTreeMap<u64, OrderId>,
    /// Of the waiting stops, the trailing ones.
    pub(crate) trailing: BTreeSet<OrderId>,
    /// Pegged orders, queued and parked.
    pub(crate) pegs: BTreeSet<OrderId>,
}

impl Book {
    pub(crate) fn new(rules: InstrumentRules) -> Self {
        let queues = || [Queue::new(Side::Buy), Queue::new(Side::Sell)];
        Self {
            rules,
            state: rules.initial_state,
            auction: None,
            last_price: PriceTicks(0),
            reference_price: rules.reference_price,
            killed: false,
            told: None,
            displayed: queues(),
            undisplayed: queues(),
            // **election**: buys by ascending, sells by descending trigger.
            stops: [Queue::new(Side::Sell), Queue::new(Side::Buy)],
            for_auction: BTreeMap::new(),
            trailing: BTreeSet::new(),
            pegs: BTreeSet::new(),
        }
    }

    pub(crate) fn is_continuous(&self) -> bool {
        self.state == TradingState::Continuous
    }

    /// The *touch*: the best displayed price of a side.
    pub(crate) fn touch(&self, side: Side) -> Option<PriceTicks> {
        self.displayed[side.index()].best_price(None)
    }

    /// Every order of one side's two queues, in trading order: **price_time_priority**.
    pub(crate) fn makers(&self, side: Side) -> impl Iterator<Item = OrderId> + '_ {
        let next = move |after: Option<PriceTicks>| {
            let shown = self.displayed[side.index()].best_price(after);
            let hidden = self.undisplayed[side.index()].best_price(after);
            match (shown, hidden) {
                (Some(a), Some(b)) => Some(if is_better(side, a, b) { a } else { b }),
                (a, b) => a.or(b),
            }
        };
        let prices = successors(next(None), move |price| next(Some(*price)));
        prices.flat_map(move |price| self.makers_at(side, price))
    }

    /// The orders of one side at one price, in trading order.
    fn makers_at(&self, side: Side, price: PriceTicks) -> Vec<OrderId> {
        let shown = self.displayed[side.index()].at(price);
        let hidden = self.undisplayed[side.index()].at(price);
        // **hidden_after_displayed**
        let mut row: Vec<(u64, OrderId)> = shown.chain(hidden).collect();
        if self.rules.hidden_priority == HiddenPriority::ByTime {
            // **hidden_by_time**
            row.sort_unstable();
        }
        row.into_iter().map(|(_, order_id)| order_id).collect()
    }

    /// True when one more displayed level is needed for `price`, and there is none left.
    pub(crate) fn lacks_level(&self, side: Side, price: PriceTicks, level_count_max: u32) -> bool {
        let queue = &self.displayed[side.index()];
        queue.count_at(price) == 0 && queue.level_count() >= level_count_max as usize
    }

    /// True for a price that the tick-size table has, and for 0.
    pub(crate) fn is_on_tick(&self, price: PriceTicks) -> bool {
        price.0 % i64::from(self.rules.tick_step(price)) == 0
    }

    /// Rounded to a multiple of the step at `price`: a buy's price down, a sell's up.
    pub(crate) fn round_away(&self, side: Side, price: PriceTicks) -> PriceTicks {
        let step = i64::from(self.rules.tick_step(price));
        let down = price.0.div_euclid(step) * step;
        match side {
            Side::Buy => PriceTicks(down),
            Side::Sell if down == price.0 => price,
            Side::Sell => PriceTicks(down + step),
        }
    }

    pub(crate) fn is_in_range(&self, price: PriceTicks) -> bool {
        price >= PriceTicks(1) && price <= self.rules.price_max
    }
}

/// True when an order of this side with price `a` trades before one with price `b`.
pub(crate) fn is_better(side: Side, a: PriceTicks, b: PriceTicks) -> bool {
    rank(side, a.0) < rank(side, b.0)
}

/// **limit_order**: true when an order of this side, with this limit if any, may trade at `price`.
pub(crate) fn is_acceptable(side: Side, limit: Option<PriceTicks>, price: PriceTicks) -> bool {
    limit.is_none_or(|limit| match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    })
}

/// How far two prices are from each other, in ticks.
pub(crate) fn distance(a: PriceTicks, b: PriceTicks) -> u64 {
    a.0.abs_diff(b.0)
}

/// `price`, moved by so many ticks to what suits the other side: a buy's price down, a sell's up.
/// What is moved out of range is for the caller to see.
pub(crate) fn behind(side: Side, price: PriceTicks, ticks: u64) -> PriceTicks {
    // No price and no distance is above 2^48.
    let ticks = i64::try_from(ticks).expect("a distance in ticks");
    match side {
        Side::Buy => PriceTicks(price.0 - ticks),
        Side::Sell => PriceTicks(price.0 + ticks),
    }
}
