//! Checks a venue's book against recorded real order flow: `vesta replay --lobster`.
//!
//! ```text
//!   message file --> Message --+--> Requests --> Venue::submit --> Effects --> Ledger
//!                              |                                                 | what to reduce,
//!   orderbook file --> Row ----+--> compare <-- Venue::levels (public book)      | what to repair
//!                                     |                                          |
//!                                     +--> exact | revealed (repairs) | mismatched
//! ```
//!
//! [`lobster`] reads the files, [`Venue`] is what is checked (the matching library, or the running
//! appliance), and [`Check`] drives the one by the other. No clock and no network is in reach; what
//! is read comes from any [`std::io::BufRead`].

mod check;
mod ledger;
pub mod lobster;
mod report;
mod venue;

pub use check::{Check, CheckError, run};
pub use report::{Class, Mismatch, Report};
pub use venue::{Action, Effect, Level, Owner, Request, Sessions, Venue};
