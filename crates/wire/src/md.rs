//! Public market data: streams 40 (incrementals) and 41 (snapshots). Nobody's session is in it.
//!
//! Messages of stream 40 are numbered by `feed_seq`, dense; a consumer that sees a gap marks its
//! books stale and starts again from a snapshot, which says up to which `feed_seq` it holds.
//! Prices are ticks and quantities lots; [`InstrumentInfo`] on stream 41 says how big those are.

use crate::layout::{Decimal, Symbol, messages, rule};
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
    /// An order entered the book, last in its level's queue.
    AddOrder = 61, 32 {
        /// The order.
        0 order_id: U64,
        /// Price in ticks.
        8 price: I64 where rule::price,
        /// Open quantity in lots.
        16 qty: U64 where rule::qty,
        /// The instrument.
        24 instrument: U32,
        /// The side.
        28 side: u8 where rule::side,
        /// Zero.
        29 reserved: [u8; 3] where rule::zero,
    }
    /// A resting order traded; at nothing left it is gone.
    ExecuteOrder = 62, 40 {
        /// The resting order.
        0 order_id: U64,
        /// The fill.
        8 trade_id: U64,
        /// Quantity of the fill in lots.
        16 qty: U64 where rule::qty,
        /// What is left of the order in lots.
        24 leaves: U64,
        /// The instrument.
        32 instrument: U32,
        /// Zero.
        36 reserved: [u8; 4] where rule::zero,
    }
    /// A resting order shrank, and kept its place.
    ReduceOrder = 63, 32 {
        /// The order.
        0 order_id: U64,
        /// Quantity that is gone, in lots.
        8 qty: U64 where rule::qty,
        /// What is left of the order in lots.
        16 leaves: U64 where rule::qty,
        /// The instrument.
        24 instrument: U32,
        /// Zero.
        28 reserved: [u8; 4] where rule::zero,
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
        /// Total open quantity in lots; 0 when the level is gone.
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
        /// Sequenced time of the aggressor's command, ns since the Unix epoch.
        8 time_ns: U64,
        /// Price in ticks.
        16 price: I64 where rule::price,
        /// Quantity in lots.
        24 qty: U64 where rule::qty,
        /// The instrument.
        32 instrument: U32,
        /// The aggressor's side.
        36 aggressor_side: u8 where rule::side,
        /// Zero.
        37 reserved: [u8; 3] where rule::zero,
    }
    /// A snapshot of one instrument's book begins (stream 41). Its orders follow, best price first
    /// and in queue priority within a level, bids before asks.
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
        /// Open quantity in lots.
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
    InstrumentInfo = 71, 56 {
        /// Highest price in ticks.
        0 price_max: I64,
        /// Largest quantity of an order in lots.
        8 qty_max: U64 where rule::qty,
        /// Its ticker.
        16 symbol: Symbol where rule::symbol,
        /// Its id.
        32 instrument: U32,
        /// Size of a tick in quote currency.
        36 tick_size: Decimal where rule::increment,
        /// Size of a lot in base currency.
        45 lot_size: Decimal where rule::increment,
        /// Zero.
        54 reserved: [u8; 2] where rule::zero,
    }
}
