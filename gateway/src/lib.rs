//! The gateway: where clients' datagrams enter, and where their reports leave.
//!
//! ```text
//!   UDP       --&[u8]--> Gateway: request -> blank record --> stream 10
//!   stream 30 --event--> Gateway: event -> report ----------> UDP
//!   stream 11 --status, refusal--> Gateway
//! ```
//!
//! Nothing here is durable: what matters of a session is the engine's. [`Gateway`] sees no socket;
//! [`GatewayAgent`] joins it to any [`Transport`](vesta_transport::Transport) and
//! [`DatagramSocket`](vesta_transport::DatagramSocket).

mod agent;
mod convert;
mod inbound;
mod reports;
#[cfg(feature = "run")]
pub mod run;
mod sessions;

pub use agent::{Counters, GatewayAgent, GatewayStop, Links, Streams};
pub use inbound::{DropReason, Gateway, Inbound, Settings};
