//! The simulated network: the same [`Transport`](vesta_transport::Transport) contract as the real
//! one, on one thread, in simulated time, with seeded faults. Development only.
//!
//! The same seed and the same calls give the same run, to the last packet: nothing here reads a
//! clock, a thread or the order of a hash map. [`SimNetwork::trace_hash`] tells two runs apart.
//!
//! ```text
//!   SimPublication --offer--> Sender ==Fabric: latency, loss, cuts==> Receiver --poll--> SimSubscription
//!                               ^   heartbeat, setup, data ->   |
//!                               +---- <- elicit, status, leave -+
//!   SimTransport::do_work moves the packets of one node; SimClock moves the time of all.
//!   SimDatagrams: the clients' side, beside it, with loss, duplicates and reordering.
//! ```
//!
//! As on the real transport nothing moves without `do_work`: what a node had not sent when it is
//! killed is gone, and a node whose `do_work` is not called falls silent.

mod clock;
mod config;
mod datagrams;
mod fabric;
mod network;
mod random;
mod receiver;
mod sender;
mod transport;

pub use clock::SimClock;
pub use config::{DatagramFaults, FlowControl, SimConfig};
pub use datagrams::SimDatagrams;
pub use fabric::NodeId;
pub use network::SimNetwork;
pub use random::Random;
pub use transport::{SimPublication, SimSubscription, SimTransport};
