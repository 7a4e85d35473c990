//! The engine: a pure function from the input log to the event log.
//!
//! ```text
//!   stream 20 --LogFrame--> EngineAgent --record--> Engine --time, Command--> matching::Matcher
//!   stream 30 <-EventFrame- EngineAgent <-event---- Encoder <--Event------'
//! ```
//!
//! [`Engine`] sees no socket and no clock: time is what the sequencer stamped. [`EngineAgent`] joins
//! it to any [`Transport`](vesta_transport::Transport), real or simulated.

mod agent;
mod apply;
mod encoder;
mod room;
#[cfg(feature = "run")]
pub mod run;
mod sessions;

pub use agent::{Counters, EngineAgent, EngineStop, Links};
pub use apply::{ApplyCounters, ApplyError, Engine, Settings};
pub use sessions::{Admission, Outcome, Row, SessionOwner, Sessions};
