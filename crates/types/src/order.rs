//! What an order says of itself: side, type, time in force, and how it shows and protects itself.

use crate::{PriceTicks, QtyLots};

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $value:literal => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $value,)* }

        impl $name {
            /// Every value, in wire order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The value that a wire byte names.
            #[must_use]
            pub const fn from_wire(byte: u8) -> Option<Self> {
                match byte { $($value => Some(Self::$variant),)* _ => None }
            }

            /// The stable snake_case name that configuration and reports use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value of that [`name`](Self::name).
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use wire_enum;

wire_enum! {
    /// The side of the book that an order is on.
    Side {
        /// Buys: rests among the bids.
        Buy = 1 => "buy",
        /// Sells: rests among the asks.
        Sell = 2 => "sell",
    }
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
}

wire_enum! {
    /// How an order is priced, and when it comes into play.
    OrderType {
        /// Trades at its price or better.
        Limit = 1 => "limit",
        /// Trades at any price, or within its protection limit (the price field; 0 for none).
        Market = 2 => "market",
        /// Waits for its trigger, then is a market order, immediate or cancel.
        Stop = 3 => "stop",
        /// Waits for its trigger, then is a limit order.
        StopLimit = 4 => "stop_limit",
        /// A stop whose trigger follows the last trade at a distance, in its favour only.
        TrailingStop = 5 => "trailing_stop",
        /// A trailing stop that becomes a limit order, at a distance from its trigger.
        TrailingStopLimit = 6 => "trailing_stop_limit",
        /// Its price follows the touch; not displayed.
        Pegged = 7 => "pegged",
    }
}

impl OrderType {
    /// True for the four that wait for a trigger.
    #[must_use]
    pub const fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::TrailingStop | Self::TrailingStopLimit)
    }

    /// True for the two whose trigger moves.
    #[must_use]
    pub const fn is_trailing(self) -> bool {
        matches!(self, Self::TrailingStop | Self::TrailingStopLimit)
    }
}

wire_enum! {
    /// How long an order lives.
    TimeInForce {
        /// Good till cancelled: the remainder rests.
        Gtc = 1 => "gtc",
        /// Immediate or cancel: the remainder is cancelled.
        Ioc = 2 => "ioc",
        /// Fill or kill by quantity: all of it at once, or nothing.
        Fok = 3 => "fok",
        /// Rests until the instrument closes.
        Day = 4 => "day",
        /// Rests until its expiry time.
        Gtd = 5 => "gtd",
        /// For the opening auction only.
        AtOpen = 6 => "at_open",
        /// For the closing auction only.
        AtClose = 7 => "at_close",
        /// Fill or kill by budget: all of it at once for no more (a sell: no less) than the budget.
        FokBudget = 8 => "fok_budget",
    }
}

impl TimeInForce {
    /// True for those whose remainder stays in the book: GTC, DAY, GTD.
    #[must_use]
    pub const fn may_rest(self) -> bool {
        matches!(self, Self::Gtc | Self::Day | Self::Gtd)
    }

    /// True for those that wait for an auction.
    #[must_use]
    pub const fn is_auction_only(self) -> bool {
        matches!(self, Self::AtOpen | Self::AtClose)
    }
}

wire_enum! {
    /// What a post-only order does that would trade on arrival.
    PostOnly {
        /// It is not post-only.
        Off = 0 => "off",
        /// It is rejected.
        Reject = 1 => "reject",
        /// It is priced one tick behind what it would have traded with.
        Reprice = 2 => "reprice",
    }
}

wire_enum! {
    /// What happens instead of a trade between two orders of one group.
    SelfTrade {
        /// The instrument's default.
        Default = 0 => "default",
        /// The aggressor's remainder is cancelled.
        CancelNewest = 1 => "cancel_newest",
        /// The resting order is cancelled, the aggressor goes on.
        CancelOldest = 2 => "cancel_oldest",
        /// Both are cancelled.
        CancelBoth = 3 => "cancel_both",
        /// The smaller quantity comes off both, without a trade.
        Decrement = 4 => "decrement",
    }
}

wire_enum! {
    /// What the price of a pegged order follows.
    PegReference {
        /// The best displayed price of its own side.
        Primary = 1 => "primary",
        /// The best displayed price of the other side.
        Market = 2 => "market",
    }
}

wire_enum! {
    /// What an instrument does and admits just now.
    TradingState {
        /// Orders are collected; nothing trades.
        PreOpen = 1 => "pre_open",
        /// Orders are collected for an auction; its indicative price is told.
        AuctionCall = 2 => "auction_call",
        /// The auction trades; a command only, never a state that lasts.
        Uncross = 3 => "uncross",
        /// Orders trade as they come.
        Continuous = 4 => "continuous",
        /// An auction call that a price move brought about.
        VolatilityInterruption = 5 => "volatility_interruption",
        /// Orders may be cancelled, nothing else.
        Halt = 6 => "halt",
        /// The day is over: orders may be cancelled, nothing else.
        Close = 7 => "close",
    }
}

impl TradingState {
    /// True where orders are collected, and the book may be crossed.
    #[must_use]
    pub const fn is_call(self) -> bool {
        matches!(self, Self::PreOpen | Self::AuctionCall | Self::VolatilityInterruption)
    }
}

wire_enum! {
    /// Which auction a call is for.
    AuctionKind {
        /// Leads to continuous trading; at-the-open orders take part.
        Opening = 1 => "opening",
        /// Leads to the close; at-the-close orders take part.
        Closing = 2 => "closing",
        /// Leads back to continuous trading.
        Volatility = 3 => "volatility",
    }
}

/// A price level of one side of a book, as an observer sees it: displayed orders only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// Its price, in ticks.
    pub price: PriceTicks,
    /// The displayed quantity of all its orders, in lots; at least 1.
    pub qty: QtyLots,
    /// How many orders it has; at least 1.
    pub order_count: u32,
}
