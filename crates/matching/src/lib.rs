//! The matching core of a shard: commands in, events out.
//!
//! A [`Matcher`] is a pure function of the commands that it was given: no clock, no random source,
//! no iteration over a hash table, no allocation after construction.
//!
//! The rules are in `docs/matching-rules.md`, each by name.
//!
//! # Structure
//! ```text
//!   Matcher ── admit                     guard ladders: the first broken rule
//!      │       new_order, replace        a command's way: guards, reply, action, remainder
//!      │       plain                     the same for limit orders with nothing special
//!      │       taker, makers             the walk through the makers, the dry run
//!      │       stops, pegs, auction      what follows from a trade, the touch, a call
//!      │       states, control, expiry   what the operator and time do
//!      │       rest                      all that changes a queue
//!      ├── Arena, Names, Sessions        live orders, and how they are found
//!      ├── Levels ── Links, FarNodes     queues through one array; pages of 64 prices
//!      ├── Book ── 6 x Ladder ── Window  displayed, undisplayed, stops; by side
//!      └── Settling, Expiries            what only orders that stay need; good-till-date
//! ```
//!
//! # Example
//! ```
//! use vesta_matching::{Capacity, Matcher};
//! use vesta_types::*;
//!
//! let mut matcher = Matcher::new(Capacity {
//!     order_count_max: 1000,
//!     level_count_max: 100,
//!     instrument_count_max: 1,
//!     session_count_max: 2,
//! });
//! matcher.define(InstrumentId(1), InstrumentRules::new(PriceTicks(10_000), QtyLots(500)))?;
//! matcher.define_session(SessionId(1), 10)?;
//! matcher.define_session(SessionId(2), 10)?;
//!
//! let sell = NewOrder::limit(
//!     SessionId(1),
//!     ClientOrderId(1),
//!     InstrumentId(1),
//!     Side::Sell,
//!     PriceTicks(101),
//!     QtyLots(5),
//! );
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
mod auction;
mod book;
mod control;
mod events;
mod expiry;
mod far;
mod index;
mod ladder;
mod links;
mod makers;
mod matcher;
mod memory;
mod names;
mod new_order;
mod pegs;
mod plain;
mod replace;
mod reservation;
mod rest;
mod rings;
mod safe_range;
mod sessions;
mod settling;
mod states;
mod stops;
mod taker;
mod view;
mod window;

pub use events::EventSink;
pub use matcher::Matcher;
pub use plain::Unfinished;
pub use reservation::{NoReservation, Reservation};
pub use vesta_types::{Capacity, LevelView};
