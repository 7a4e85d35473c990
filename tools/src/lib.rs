//! What the `vesta` command is made of: a client, a market-data consumer, order flow, reports.
//!
//! ```text
//!   flow ----------> client --UDP--> gateway ... md-publisher --multicast--> consumer
//!   (seeded, or a        |                                                      |
//!    LOBSTER file)       '--- reports --> verify <--- books --------------------'
//! ```

pub mod consumer;
pub mod flow;
