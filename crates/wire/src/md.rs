//! Public market data: streams 40 (incrementals) and 41 (snapshots). Nobody's session is in it.
//!
//! Messages of stream 40 are numbered by `feed_seq`, dense; a consumer that sees a gap marks its
//! books stale and starts again from a snapshot, which says up to which `feed_seq` it holds.
//! Prices are ticks and quantities lots; [`InstrumentInfo`] on stream 41 says how big those are.

use crate::layout::{Decimal, Symbol, messages, rule};
use crate::rules::{self, Rules};
use zerocopy::little_endian::{I64, U16, U32, U64};

messages! {
    /// The frame around messages of streams 40 and 41.
    MdFrame = 60, 32 {
        /// `feed_seq` of the first message (stream 40); 0 on stream 41, which is not numbered.
        0 feed_seq: U64,
        /// All events up to this one are reflected up to the end of this frame.
        8 event_seq: U64,
        /// Sequenced time of that event, ns since the Unix epoch.
        16 time_ns: U64,
        /// The shard.
        24 shard: U32,
        /// Messages in the frame.
        28 count: U16,
        /// Zero.
        30 reserved: [u8; 2] where rule::zero,
    }
    /// An order, or the next tip of an iceberg, entered the book, last in its level's queue.
    AddOrder = 61, 32 {
        /// The order.
        0 order_id: U64,
        /// Price in ticks.
        8 price: I64 where rule::price,
        /// Displayed quantity in lots.
        16 qty: U64 where rule::qty,
        /// The instrument.
        24 instrument: U32,
        /// The side.
        28 side: u8 where rule::side,
        /// Zero.
        29 reserved: [u8; 3] where rule::zero,
    }
    /// A resting order traded; at nothing left it is gone, or an iceberg's next tip follows.
    ExecuteOrder = 62, 40 {
        /// The resting order.
        0 order_id: U64,
        /// The fill.
        8 trade_id: U64,
        /// What it took off the displayed quantity, in lots: in an auction an iceberg's fill may be
        /// larger.
        16 qty: U64 where rule::qty,
        /// What is displayed of it from now on, in lots: what is left, or the next tip.
        24 leaves: U64,
        /// The instrument.
        32 instrument: U32,
        /// 1 when all that was displayed is gone, and an iceberg shows its next tip in its place.
        36 refreshed: u8 where rule::flag,
        /// Zero.
        37 reserved: [u8; 3] where rule::zero,
    }
    /// A resting order shrank without a trade, and kept its place.
    ReduceOrder = 63, 32 {
        /// The order.
        0 order_id: U64,
        /// Quantity that is gone, in lots.
        8 qty: U64 where rule::qty,
        /// What is displayed of it from now on, in lots: what is left, or the next tip.
        16 leaves: U64 where rule::qty,
        /// The instrument.
        24 instrument: U32,
        /// 1 when all that was displayed is gone, and an iceberg shows its next tip in its place.
        28 refreshed: u8 where rule::flag,
        /// Zero.
        29 reserved: [u8; 3] where rule::zero,
    }
    /// An order left the book without trading.
    DeleteOrder = 64, 16 {
        /// The order.
        0 order_id: U64,
        /// The instrument.
        8 instrument: U32,
        /// Zero.
        12 reserved: [u8; 4] where rule::zero,
    }
    /// The new total of a price level; for consumers who do not follow single orders.
    PriceLevel = 65, 32 {
        /// Price in ticks.
        0 price: I64 where rule::price,
        /// Total displayed quantity in lots; 0 when the level is gone.
        8 qty: U64,
        /// Orders at the level; 0 when it is gone.
        16 order_count: U32,
        /// The instrument.
        20 instrument: U32,
        /// The side.
        24 side: u8 where rule::side,
        /// Zero.
        25 reserved: [u8; 7] where rule::zero,
    }
    /// A trade print.
    Trade = 66, 40 {
        /// The fill.
        0 trade_id: U64,
        /// Sequenced time of the causing record, ns since the Unix epoch.
        8 time_ns: U64,
        /// Price in ticks.
        16 price: I64 where rule::price,
        /// Quantity in lots.
        24 qty: U64 where rule::qty,
        /// The instrument.
        32 instrument: U32,
        /// The aggressor's side; 0 in an auction, which has none.
        36 aggressor_side: u8 where rule::side_or_none,
        /// 1 for a trade of an auction.
        37 auction: u8 where rule::flag,
        /// Zero.
        38 reserved: [u8; 2] where rule::zero,
    }
    /// A snapshot of one instrument's book begins (stream 41). Its [`TradingStatus`] follows, in a call
    /// its [`Indicative`] if one was told, then its orders, best price first and in queue priority within
    /// a level, bids before asks.
    SnapshotBegin = 67, 32 {
        /// It holds all messages of stream 40 up to this one.
        0 feed_seq: U64,
        /// It holds all events up to this one.
        8 event_seq: U64,
        /// Orders that follow.
        16 order_count: U32,
        /// The instrument.
        20 instrument: U32,
        /// Zero.
        24 reserved: [u8; 8] where rule::zero,
    }
    /// An order of the snapshot.
    SnapshotOrder = 68, 32 {
        /// The order.
        0 order_id: U64,
        /// Price in ticks.
        8 price: I64 where rule::price,
        /// Displayed quantity in lots.
        16 qty: U64 where rule::qty,
        /// The instrument.
        24 instrument: U32,
        /// The side.
        28 side: u8 where rule::side,
        /// Zero.
        29 reserved: [u8; 3] where rule::zero,
    }
    /// The snapshot is whole.
    SnapshotEnd = 69, 16 {
        /// As in its begin.
        0 feed_seq: U64,
        /// As in its begin.
        8 order_count: U32,
        /// The instrument.
        12 instrument: U32,
    }
    /// Nothing new (stream 40), in place of a frame: a consumer that is behind `next_feed_seq` has
    /// missed something.
    Heartbeat = 70, 32 {
        /// `feed_seq` of the message that comes next.
        0 next_feed_seq: U64,
        /// All events up to this one are reflected in the feed so far.
        8 event_seq: U64,
        /// Sequenced time of that event, ns since the Unix epoch.
        16 time_ns: U64,
        /// The shard.
        24 shard: U32,
        /// Zero.
        28 reserved: [u8; 4] where rule::zero,
    }
    /// What an instrument is (stream 41, with every round of snapshots).
    InstrumentInfo = 71, 160 {
        /// What it admits, and how its book behaves.
        0 rules: Rules where rules::are_good,
        /// Its ticker.
        120 symbol: Symbol where rule::symbol,
        /// Its id.
        136 instrument: U32,
        /// Size of a tick in quote currency.
        140 tick_size: Decimal where rule::increment,
        /// Size of a lot in base currency.
        149 lot_size: Decimal where rule::increment,
        /// Zero.
        158 reserved: [u8; 2] where rule::zero,
    }
    /// What an instrument does just now (streams 40 and 41).
    TradingStatus = 72, 8 {
        /// The instrument.
        0 instrument: U32,
        /// Its trading state; never `Uncross`.
        4 state: u8 where rule::trading_state,
        /// The auction that the state is a call for; 0 in any state but a call.
        5 auction: u8 where rule::auction_or_none,
        /// Zero.
        6 reserved: [u8; 2] where rule::zero,
    }
    /// What the auction that is being called would do now (streams 40 and 41). It holds until the
    /// next one, or the end of the call.
    Indicative = 73, 32 {
        /// Its price in ticks; 0 when nothing would trade.
        0 price: I64 where rule::price_or_none,
        /// What would trade, in lots.
        8 qty: U64,
        /// What would be left over at that price, in lots.
        16 imbalance: U64,
        /// The instrument.
        24 instrument: U32,
        /// The side that it would be left over on; 0 when nothing would be.
        28 imbalance_side: u8 where rule::side_or_none,
        /// Zero.
        29 reserved: [u8; 3] where rule::zero,
    }
}
