//! The matching core of a shard: commands in, events out.
//!
//! A [`Matcher`] is a pure function of the commands that it was given: no clock, no random source,
//! no iteration over a hash table, no allocation after construction.
//!
//! # Rules
//! A **new order** is rejected for the first of these that holds:
//! 1. the instrument is not defined (`UnknownInstrument`);
//! 2. `client_order_id` is 0 (`InvalidClientOrderId`);
//! 3. it is a market order, but neither IOC nor FOK (`MarketMustBeImmediate`);
//! 4. it is post-only, but market, IOC or FOK (`PostOnlyMustRest`);
//! 5. the price of a limit order is not in `1..=price_max`, that of a market order not 0
//!    (`InvalidPrice`);
//! 6. the quantity is not in `1..=qty_max` (`InvalidQuantity`);
//! 7. a live order of the session has the `client_order_id` (`DuplicateClientOrderId`);
//! 8. it is post-only and would trade on arrival (`PostOnlyWouldCross`);
//! 9. it is GTC, and no order slot is free (`OrderCapacity`);
//! 10. it is GTC, its side has no level at its price and no room for one more (`LevelCapacity`).
//!
//! The capacities are checked before matching, even where the order would be filled whole: so the
//! reply never depends on what the order would have met.
//!
//! Otherwise it is **accepted**, with the next `order_id` (dense from 1 over the shard; rejected
//! orders take none). Then it trades: best price first, then by queue priority, at the maker's
//! price, one **execution** per maker, each with the next `trade_id` (dense from 1) and with what
//! is left of both orders. A limit is never traded through. Orders of one session trade with each
//! other like any others. What becomes of the remainder:
//! - **GTC** rests at the end of its price's queue;
//! - **IOC** is cancelled (`ImmediateOrCancel`), and so is that of a market order;
//! - **FOK** has none: where the whole quantity can not be had within the limit, nothing trades
//!   and the order is cancelled (`FillOrKill`).
//!
//! **Queue priority** is a stamp, dense from 1 over the shard, given at each entry into a queue; a
//! maker that is filled in part keeps it, and so its place. A level closes with its last order.
//!
//! A **cancel** of an order that is not live, not the session's own, or not of the instrument that
//! the cancel names, is rejected (`UnknownOrder`). Otherwise it is accepted, with the open quantity that goes, and the order is cancelled
//! (`Requested`).
//!
//! A **replace** carries the new price and the new *open* quantity; the order keeps both of its
//! ids and stays post-only if it was. It is rejected for the first of these that holds:
//! `UnknownOrder` (as for a cancel); `InvalidPrice`; `InvalidQuantity` (zero, too: that is a cancel);
//! `PostOnlyWouldCross` for a post-only order; `LevelCapacity` where the new price needs a level
//! and there is none even after the order has left its own. Otherwise it is accepted, then
//! replaced. A smaller quantity at the same price is taken off in place, priority kept. Anything
//! else, even the same price and quantity, leaves the queue, trades as an aggressor where it
//! crosses, and rests again with a new stamp.
//!
//! A **mass cancel** names a session, and may name an instrument (rejected if it is not defined:
//! `UnknownInstrument`) and a side. It is accepted, then each order that fits is cancelled
//! (`MassCancel`), in ascending `order_id`. It may fit none.
//!
//! A **reject** repeats the ids that the command named, and changes nothing.
//!
//! # Structure
//! ```text
//!   Matcher ── admit      guard ladders: the first broken rule
//!      ├── Orders         arena of orders; indices by order_id, by client_order_id, by session
//!      └── Book ─ 2 x BookSide    ranked levels, each a FIFO through the arena
//! ```
//!
//! # Example
//! ```
//! use vesta_matching::{Capacity, Matcher};
//! use vesta_types::*;
//!
//! let mut matcher =
//!     Matcher::new(Capacity { order_count_max: 1000, level_count_max: 100, instrument_count_max: 1 });
//! let limits = Limits { price_max: PriceTicks(10_000), qty_max: QtyLots(500) };
//! matcher.define(InstrumentId(1), limits)?;
//!
//! let sell = NewOrder {
//!     session: SessionId(1),
//!     client_order_id: ClientOrderId(1),
//!     instrument: InstrumentId(1),
//!     side: Side::Sell,
//!     order_type: OrderType::Limit,
//!     time_in_force: TimeInForce::Gtc,
//!     post_only: false,
//!     price: PriceTicks(101),
//!     qty: QtyLots(5),
//! };
//! let buy = NewOrder { session: SessionId(2), side: Side::Buy, price: PriceTicks(103), ..sell };
//!
//! let mut events = Vec::new();
//! matcher.apply(&Command::New(sell), &mut events);
//! matcher.apply(&Command::New(buy), &mut events);
//!
//! let Some(Event::Executed(fill)) = events.last() else { panic!("no fill") };
//! assert_eq!((fill.price, fill.qty), (PriceTicks(101), QtyLots(5)), "at the maker's price");
//! assert_eq!(matcher.order_count(), 0);
//! # Ok::<(), RejectReason>(())
//! ```
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod admit;
mod arena;
mod book;
mod events;
mod index;
mod matcher;
mod orders;
mod side;
#[cfg(test)]
mod tests;
mod view;

pub use events::EventSink;
pub use matcher::Matcher;
pub use vesta_types::{Capacity, LevelView};
