//! The sequencer: puts the commands of all gateways of a shard into one order, with one clock.
//!
//! ```text
//!   stream 10 --blank record--> SequencerAgent --&[u8]--> Sequencer: Validated -> Sequenced
//!   stream 20 <----LogFrame---- SequencerAgent <----------'
//!   stream 11 <-status, refusal-'
//! ```
//!
//! As its time passes it sequences ticks and the scheduled changes of trading state by itself.
//! [`Sequencer`] is handed the time; [`SequencerAgent`] joins it to any
//! [`Transport`](vesta_transport::Transport), real or simulated.

mod agent;
mod order;
#[cfg(feature = "run")]
pub mod run;
mod stamper;
mod timers;

pub use agent::{Counters, GatewayLink, Links, SequencerAgent, SequencerStop, Streams};
pub use order::{LogOutbox, Refusal, Sequencer, Settings, Validated};
pub use stamper::{ClockJump, Stamper};
pub use timers::Scheduled;
