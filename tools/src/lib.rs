//! What the `vesta` command is made of: a client, a market-data consumer, order flow, reports.
//!
//! ```text
//!   flow ----------> client --UDP--> gateway ... md-publisher --multicast--> consumer
//!   (seeded, or a        |                                                      |
//!    LOBSTER file)       '--- reports --> verify <--- books --------------------'
//! ```

pub mod appliance;
pub mod bench;
pub mod client;
pub mod consumer;
pub mod demo;
pub mod doctor;
pub mod exercised;
pub mod feed;
pub mod flow;
pub mod latency;
pub mod opening;
pub mod plot;
pub mod tap;
pub mod trader;
pub mod venues;
pub mod verify;
pub mod watch;
