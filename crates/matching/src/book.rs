//! The book of one instrument.

use vesta_types::state_hash::{InstrumentStatus, status_hash};
use vesta_types::{
    AuctionKind, Indicative, InstrumentId, InstrumentRules, PriceTicks, Side, StopTrigger,
    TradingState,
};

use crate::ladder::{Key, Ladder, Rank};
use crate::links::NodeId;
use crate::safe_range::SafeRange;

/// Which of the matcher's books: a position in the order of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BookIndex(pub(crate) u32);

/// No touch has such keys.
pub(crate) const NOT_FOLLOWED: [Key; 2] = [Key::MAX; 2];

/// Sentinels that every book has beside its ladders.
pub(crate) const FIXED_PER_BOOK: u32 = 3;

/// The queues of a book, without an instrument yet: allocated at start, used at definition.
pub(crate) struct BlankBook {
    displayed: [Ladder; 2],
    undisplayed: [Ladder; 2],
    stops: [Ladder; 2],
}

fn pair(ranks: [Rank; 2]) -> [Ladder; 2] {
    ranks.map(Ladder::new)
}

impl BlankBook {
    pub(crate) fn new() -> Self {
        // Buys by the highest price, sells by the lowest; but of buy stops the lowest trigger is
        // reached first.
        let by_price = [Rank::HighFirst, Rank::LowFirst];
        let by_trigger = [Rank::LowFirst, Rank::HighFirst];
        Self { displayed: pair(by_price), undisplayed: pair(by_price), stops: pair(by_trigger) }
    }

    /// `first_fixed`: the first of [`FIXED_PER_BOOK`] empty queues.
    pub(crate) fn define(
        self,
        instrument: InstrumentId,
        rules: InstrumentRules,
        first_fixed: u32,
    ) -> Book {
        Book {
            instrument,
            rules,
            state: rules.initial_state,
            is_killed: false,
            safe: SafeRange::NONE,
            last_price: PriceTicks(0),
            band_base: PriceTicks(0),
            reference_price: rules.reference_price,
            auction: None,
            told: None,
            displayed: self.displayed,
            undisplayed: self.undisplayed,
            stops: self.stops,
            buy_trigger: i64::MAX,
            sell_trigger: 0,
            awaits_touch: false,
            follow: Follow::Idle,
            iceberg_count: [0; 2],
            elected: NodeId(first_fixed),
            for_opening: NodeId(first_fixed + 1),
            for_closing: NodeId(first_fixed + 2),
            trailing: List::EMPTY,
            pegged: List::EMPTY,
            followed: NOT_FOLLOWED,
        }
    }
}

/// How far trailing stops have followed the aggressor that acts. Its prices go one way: those that would follow
/// each of its executions are out of its reach until it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Nobody acts, or has traded at another price than the last.
    Idle,
    /// They followed the first execution at another price, which is the last as yet.
    Done,
    /// There was one at yet another price.
    Due,
}

/// A list of orders in ascending id, linked through their extras.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) first: NodeId,
    pub(crate) last: NodeId,
}

impl List {
    const EMPTY: Self = Self { first: NodeId::NIL, last: NodeId::NIL };

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first == NodeId::NIL
    }
}

/// Its size is a power of two, so that finding one in their table is a shift.
#[repr(align(1024))]
pub(crate) struct Book {
    pub(crate) instrument: InstrumentId,
    pub(crate) rules: InstrumentRules,
    pub(crate) state: TradingState,
    pub(crate) is_killed: bool,
    pub(crate) safe: SafeRange,
    /// 0 before the first trade.
    pub(crate) last_price: PriceTicks,
    /// The last price as the command found it: what the dynamic band is around.
    pub(crate) band_base: PriceTicks,
    pub(crate) reference_price: PriceTicks,
    pub(crate) auction: Option<AuctionKind>,
    pub(crate) told: Option<Indicative>,
    pub(crate) displayed: [Ladder; 2],
    pub(crate) undisplayed: [Ladder; 2],
    /// By trigger; the best is the one that is reached first.
    pub(crate) stops: [Ladder; 2],
    /// The lowest trigger of a waiting buy stop that a trade may reach; `i64::MAX` when there is none.
    pub(crate) buy_trigger: i64,
    /// The highest trigger of a waiting sell stop that a trade may reach; 0 when there is none.
    pub(crate) sell_trigger: i64,
    /// Stops wait, and for the touch.
    pub(crate) awaits_touch: bool,
    /// How far trailing stops have followed the aggressor that acts.
    pub(crate) follow: Follow,
    /// Icebergs in the displayed queues of a side: their reserve is in no level's sum.
    pub(crate) iceberg_count: [u32; 2],
    /// Stops whose trigger was reached and that did not act yet.
    pub(crate) elected: NodeId,
    /// Auction-only orders, by the auction.
    pub(crate) for_opening: NodeId,
    pub(crate) for_closing: NodeId,
    pub(crate) trailing: List,
    pub(crate) pegged: List,
    /// The touches that all pegged orders have followed, by key; [`NOT_FOLLOWED`] when they have not.
    pub(crate) followed: [Key; 2],
}

impl Book {
    /// The displayed or the other queues of a side.
    #[inline(always)]
    pub(crate) fn ladder(&self, side: Side, undisplayed: bool) -> &Ladder {
        let pair = if undisplayed { &self.undisplayed } else { &self.displayed };
        &pair[side.index()]
    }

    /// The displayed or the other queues of a side.
    #[inline(always)]
    pub(crate) fn ladder_mut(&mut self, side: Side, undisplayed: bool) -> &mut Ladder {
        let pair = if undisplayed { &mut self.undisplayed } else { &mut self.displayed };
        &mut pair[side.index()]
    }

    /// The displayed touch of both sides, by key; 0 where there is none.
    pub(crate) fn touches(&self) -> [Key; 2] {
        [0, 1].map(|side| self.displayed[side].best_key())
    }

    pub(crate) fn auction_queue(&self, kind: AuctionKind) -> Option<NodeId> {
        match kind {
            AuctionKind::Opening => Some(self.for_opening),
            AuctionKind::Closing => Some(self.for_closing),
            AuctionKind::Volatility => None,
        }
    }

    /// True when an order that comes to rest may move others: pegged ones, and stops that wait for a
    /// touch. Without a trade no other stop is elected.
    #[inline(always)]
    pub(crate) fn has_followers(&self) -> bool {
        !self.pegged.is_empty() || self.awaits_touch
    }

    /// Looks up again which trigger a trade would reach first.
    pub(crate) fn set_triggers(&mut self) {
        let [buys, sells] = &self.stops;
        if self.rules.stop_trigger == StopTrigger::Touch {
            self.awaits_touch = !(buys.is_empty() && sells.is_empty());
            self.safe = SafeRange::NONE;
            return;
        }
        self.buy_trigger = buys.best_price().map_or(i64::MAX, |price| price.0);
        self.sell_trigger = sells.best_price().map_or(0, |price| price.0);
    }

    /// The price that a side's stops wait for, just now; 0 when there is none.
    pub(crate) fn trigger_price(&self, side: Side) -> PriceTicks {
        match self.rules.stop_trigger {
            StopTrigger::LastTrade => self.last_price,
            StopTrigger::Touch => self.displayed[side.index()].best_price().unwrap_or_default(),
        }
    }

    /// True when the displayed touch of both sides would trade, which may not last in continuous
    /// trading.
    pub(crate) fn is_crossed(&self) -> bool {
        let [bids, asks] = &self.displayed;
        matches!((bids.best_price(), asks.best_price()), (Some(bid), Some(ask)) if bid >= ask)
    }

    /// True when a stop waits whose trigger is reached, which may not last in continuous trading.
    pub(crate) fn reaches_a_stop(&self) -> bool {
        let [buy, sell] = Side::BOTH.map(|side| self.trigger_price(side));
        let [buys, sells] = &self.stops;
        let is_at = |trigger: Option<PriceTicks>, reaches: &dyn Fn(PriceTicks) -> bool| {
            trigger.is_some_and(reaches)
        };
        (buy.0 != 0 && is_at(buys.best_price(), &|trigger| buy >= trigger))
            || (sell.0 != 0 && is_at(sells.best_price(), &|trigger| sell <= trigger))
    }

    pub(crate) fn status(&self) -> InstrumentStatus {
        InstrumentStatus {
            instrument: self.instrument,
            state: self.state,
            auction: self.auction,
            last_price: self.last_price,
            reference_price: self.reference_price,
            killed: self.is_killed,
            told: self.told,
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        status_hash(&self.status())
    }
}
