//! The book of one instrument.

use vesta_types::{InstrumentId, Limits, PriceTicks, Side};

use crate::side::{BookSide, Key};

/// Which of the matcher's books: a position in the order of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BookIndex(pub(crate) u32);

/// Both sides of a book, without an instrument yet: allocated at start, used at definition.
pub(crate) struct BlankBook([BookSide; 2]);

impl BlankBook {
    pub(crate) fn new(level_count_max: u32) -> Self {
        Self(Side::BOTH.map(|side| BookSide::new(side, level_count_max)))
    }

    pub(crate) fn define(self, instrument: InstrumentId, limits: Limits) -> Book {
        Book { instrument, limits, sides: self.0 }
    }
}

pub(crate) struct Book {
    pub(crate) instrument: InstrumentId,
    pub(crate) limits: Limits,
    sides: [BookSide; 2],
}

impl Book {
    pub(crate) fn side(&self, side: Side) -> &BookSide {
        &self.sides[side.index()]
    }

    pub(crate) fn side_mut(&mut self, side: Side) -> &mut BookSide {
        &mut self.sides[side.index()]
    }

    /// The worst rank, among the makers of the opposite side, that a taker of `side` with this
    /// limit accepts.
    pub(crate) fn worst_key(&self, side: Side, limit: PriceTicks) -> Key {
        self.side(side.opposite()).key(limit)
    }

    /// True when an order at `price` would trade on arrival.
    pub(crate) fn crosses(&self, side: Side, price: PriceTicks) -> bool {
        self.side(side.opposite()).next_maker(self.worst_key(side, price)).is_some()
    }

    /// True when the best bid is at or above the best ask, which may never last.
    pub(crate) fn is_crossed(&self) -> bool {
        let bid = self.side(Side::Buy).levels().next();
        bid.is_some_and(|bid| self.crosses(Side::Buy, bid.price))
    }
}
