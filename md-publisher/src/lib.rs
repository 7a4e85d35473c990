//! The md-publisher: the event log becomes public market data, and nobody learns who traded.
//!
//! ```text
//!   stream 30 --event--> Publisher --AddOrder, ExecuteOrder, ..., PriceLevel, Trade--> stream 40
//!                           |
//!                       MarketBook --SnapshotBegin, SnapshotOrder.., SnapshotEnd----> stream 41
//! ```
//!
//! [`RelayAgent`] passes both streams on, unchanged, to consumers whom the publisher does not reach.
//!
//! [`MarketBook`] is also what consumers rebuild: it knows orders by their public id only.

mod agent;
mod book;
mod publisher;
mod relay;
#[cfg(feature = "run")]
pub mod run;
mod snapshots;

pub use agent::{Counters, Links, MdPublisherAgent, MdStop, Streams};
pub use book::{BookError, BookOrder, Level, MarketBook};
pub use publisher::{PublishError, Publisher, Settings};
pub use relay::{LegCounters, RelayAgent, RelayLink, RelayLinks, RelayStop};
