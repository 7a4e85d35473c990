//! What an order says of itself: side, type, time in force; and the limits of an instrument.

use crate::{PriceTicks, QtyLots};

/// The side of the book that an order is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// Buys: rests among the bids.
    Buy = 1,
    /// Sells: rests among the asks.
    Sell = 2,
}

impl Side {
    /// Both sides, in the order in which anything that spans them is done.
    pub const BOTH: [Self; 2] = [Self::Buy, Self::Sell];

    /// The side that this one trades with.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// 0 for buy, 1 for sell: an index into a pair.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize - 1
    }

    /// The side that a wire byte names.
    #[must_use]
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Buy),
            2 => Some(Self::Sell),
            _ => None,
        }
    }
}

/// How an order is priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OrderType {
    /// Trades at its price or better.
    Limit = 1,
    /// Trades at any price; its price field is 0. Always IOC or FOK.
    Market = 2,
}

impl OrderType {
    /// The type that a wire byte names.
    #[must_use]
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Limit),
            2 => Some(Self::Market),
            _ => None,
        }
    }
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TimeInForce {
    /// Good till cancelled: the remainder rests.
    Gtc = 1,
    /// Immediate or cancel: the remainder is cancelled.
    Ioc = 2,
    /// Fill or kill: all of it at once, or nothing.
    Fok = 3,
}

impl TimeInForce {
    /// The time in force that a wire byte names.
    #[must_use]
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Gtc),
            2 => Some(Self::Ioc),
            3 => Some(Self::Fok),
            _ => None,
        }
    }
}

/// What an instrument admits. Part of its definition, and so part of the input log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Highest price of an order, in ticks, `1..=PriceTicks::MAX`; the lowest is 1.
    pub price_max: PriceTicks,
    /// Largest quantity of an order, in lots, `1..=QtyLots::MAX`; the smallest is 1.
    pub qty_max: QtyLots,
}

/// A price level of one side of a book, as an observer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// Its price, in ticks.
    pub price: PriceTicks,
    /// The open quantity of all its orders, in lots; at least 1.
    pub qty: QtyLots,
    /// How many orders it has; at least 1.
    pub order_count: u32,
}
