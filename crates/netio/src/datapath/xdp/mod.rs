//! AF_XDP under Aeron: datagrams go between the interface's driver and Aeron, past the kernel's UDP
//! stack.
//!
//! ```text
//!   NIC --> program --ours--> receive ring --> demux --> inbox of the poller --> Aeron
//!              |                                                     Aeron --> transmit ring --> NIC
//!              '--all else--> the kernel's stack --> Aeron's own sockets ^ (what the ring can not)
//!
//!   settings            what it is told, and why it may not be had
//!   check               what can be known of an interface before
//!   interface           all of it together: one per process and interface
//!     assembler, program, bpf, attach     which frames are ours, decided before the kernel sees them
//!     claims                              and which of them are left to others of this host
//!     umem, queue                         frames, and the rings that they go round in
//!     demux, headers                      from frames to the sockets of each poller
//!     path, watcher, netlink, nic         routes and neighbours, found by a thread beside the agents
//!   glue                the functions of Aeron's table
//! ```

mod assembler;
mod attach;
mod bpf;
mod check;
mod claims;
mod counters;
mod demux;
mod glue;
mod headers;
mod interface;
mod netlink;
mod nic;
mod path;
mod program;
mod queue;
mod settings;
#[cfg(test)]
mod tests;
mod umem;
mod watcher;

pub use check::XdpReport;
pub use counters::{Count, XdpCounters};
pub(super) use glue::{Transport, begin, forget, forget_poller, poller_poll, send};
pub(crate) use interface::Interface;
pub use queue::ZeroCopy;
pub use settings::{XdpFallback, XdpSettings, XdpUnavailable};
