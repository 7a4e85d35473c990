//! The public ABI's structs, as its header `matching_engine_api.h` lays them out.
//!
//! ```text
//!   Message, 40 bytes                             Report, 64 bytes: one cache line
//!    0  kind        0 new, 1 cancel, 2 modify      0  kind            8  sequence_number
//!    8  Order ──┐                                  1  side           16  order_id
//!               v                                                    24  price_ticks
//!   Order, 32 bytes: new_order_t and modify_t                        32  quantity
//!    0  order_id           16  price_ticks                           40  maker_order_id
//!    8  sequence_number    24  quantity                              48  taker_order_id
//!                          28  side   29  ioc
//! ```
//!
//! The header has a struct for each kind of message. `new_order_t` and `modify_t` have the same
//! layout, but that a modify has padding where a new order has `ioc`, and `cancel_t` is the first 16
//! bytes of either. One struct therefore does for the three, and no union has to be read.

use core::ffi::{c_int, c_void};
use core::mem::{offset_of, size_of};

/// A new order or a modify; a cancel is its first two fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Order {
    /// The order, by the client's id. Ids may be used again once the order is gone.
    pub order_id: u64,
    /// Unique to the message; reports repeat it.
    pub sequence_number: u64,
    /// Price in ticks, signed. A modify's is the new one; a cancel's means nothing.
    pub price_ticks: i64,
    /// Quantity in lots. A modify's is the new open quantity; a cancel's means nothing.
    pub quantity: u32,
    /// [`BUY`] or [`SELL`].
    pub side: u8,
    /// 1 when what does not trade at once is cancelled. New orders only.
    pub ioc: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

/// A cancel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Cancel {
    /// The order, by the client's id.
    pub order_id: u64,
    /// Unique to the message; reports repeat it.
    pub sequence_number: u64,
}

/// One message of a workload: an element of what `engine_on_batch` takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Message {
    /// [`NEW`], [`CANCEL`] or [`MODIFY`].
    pub kind: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// What the message says.
    pub order: Order,
}

impl Message {
    /// The message as a cancel reads it.
    #[must_use]
    #[inline(always)]
    pub const fn as_cancel(&self) -> *const Cancel {
        (&raw const self.order).cast()
    }
}

/// [`Message::kind`] of a new order.
pub const NEW: u8 = 0;
/// [`Message::kind`] of a cancel.
pub const CANCEL: u8 = 1;
/// [`Message::kind`] of a modify.
pub const MODIFY: u8 = 2;

/// [`Order::side`] of a buy.
pub const BUY: u8 = 0;
/// [`Order::side`] of a sell.
pub const SELL: u8 = 1;

/// One report of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Report {
    /// One of the constants below, from [`ORDER_ACK`] to [`MODIFY_REJECT`].
    pub kind: u8,
    /// The order's side; 0 where the kind has none.
    pub side: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// Of the message that caused it: a trade has the taker's.
    pub sequence_number: u64,
    /// The order concerned; 0 for a trade.
    pub order_id: u64,
    /// In ticks; of a trade the maker's.
    pub price_ticks: i64,
    /// In lots.
    pub quantity: u32,
    /// Zero.
    pub reserved2: u32,
    /// Trades only.
    pub maker_order_id: u64,
    /// Trades only.
    pub taker_order_id: u64,
    /// Zero.
    pub reserved3: u64,
}

/// A new order is in force: one each.
pub const ORDER_ACK: u8 = 0;
/// A fill.
pub const TRADE: u8 = 1;
/// An order, or the rest of an IOC order, is gone.
pub const CANCEL_ACK: u8 = 2;
/// A modify is in force.
pub const MODIFY_ACK: u8 = 3;
/// A cancel of an order that does not rest.
pub const CANCEL_REJECT: u8 = 4;
/// A modify of an order that does not rest.
pub const MODIFY_REJECT: u8 = 5;

/// The queue that an engine puts its reports into, as a table of functions.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Transport {
    /// Makes a queue with room for that many reports; null when it can not.
    pub create: unsafe extern "C" fn(capacity: u32) -> *mut c_void,
    /// Puts one report in: 1 when it went in, 0 when there is no room.
    pub push: unsafe extern "C" fn(handle: *mut c_void, report: *const Report) -> c_int,
    /// Takes up to `max` reports out; how many.
    pub drain: unsafe extern "C" fn(handle: *mut c_void, out: *mut Report, max: u32) -> u32,
    /// Makes visible what `push` has held back.
    pub flush: unsafe extern "C" fn(handle: *mut c_void),
    /// Frees what `create` made.
    pub destroy: unsafe extern "C" fn(handle: *mut c_void),
}

/// `engine_query_best_bid` of a book without bids.
pub const NO_BID: i64 = i64::MIN;
/// `engine_query_best_ask` of a book without asks.
pub const NO_ASK: i64 = i64::MAX;

// The sizes that the header asserts, and the offsets that its field order gives on a 64-bit machine.
const _: () = {
    assert!(size_of::<Order>() == 32);
    assert!(offset_of!(Order, sequence_number) == 8 && offset_of!(Order, price_ticks) == 16);
    assert!(offset_of!(Order, quantity) == 24 && offset_of!(Order, side) == 28);
    assert!(offset_of!(Order, ioc) == 29);
    assert!(size_of::<Cancel>() == 16);
    assert!(offset_of!(Cancel, order_id) == offset_of!(Order, order_id));
    assert!(offset_of!(Cancel, sequence_number) == offset_of!(Order, sequence_number));
    assert!(size_of::<Message>() == 40 && offset_of!(Message, order) == 8);
    assert!(size_of::<Report>() == 64);
    assert!(offset_of!(Report, side) == 1 && offset_of!(Report, sequence_number) == 8);
    assert!(offset_of!(Report, order_id) == 16 && offset_of!(Report, price_ticks) == 24);
    assert!(offset_of!(Report, quantity) == 32 && offset_of!(Report, maker_order_id) == 40);
    assert!(offset_of!(Report, taker_order_id) == 48);
    assert!(size_of::<Transport>() == 5 * size_of::<usize>());
};
