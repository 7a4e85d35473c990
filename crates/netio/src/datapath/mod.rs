//! How datagrams reach Aeron: chosen by configuration and by probing the kernel.
//!
//! ```text
//!   select, probe_uring     which one, and why
//!   bindings                the table of functions that the driver calls
//!     uring                 ours: rings per agent thread
//!       receive_ring        cold sockets: multishot recvmsg into provided buffers
//!         hot               hot sockets: asked in every cycle, through the ring or directly
//!       sender, segments    batches, and bursts as one (UDP GSO)
//!         send_ring         through a ring, done on return
//!         send_direct       by system calls of their own
//!     counters              what all of it did
//!     xdp                   ours: AF_XDP rings per interface, and the program that fills them
//!     gate                  what may come in, on every datapath
//!     loss                  a drill: drop at random in the kernel, under either datapath
//! ```

mod bindings;
mod buffers;
mod counters;
mod gate;
mod hot_buffers;
mod loss;
mod napi;
mod options;
mod probe_uring;
mod receive_ring;
mod segments;
mod select;
mod send_direct;
mod send_ring;
mod sender;
mod settings;
mod slots;
mod uring;
mod xdp;

pub(crate) use bindings::DriverBindings;
pub use counters::{DatapathCounters, DatapathCounts};
pub use gate::{Dropped, GateSettings, SourceNetwork};
pub use loss::ReceiveLoss;
pub use select::{DatapathChoice, DatapathError, Selected, UringUnavailable, probe, select};
pub use settings::{HotReceive, SendVia, UringSettings};
pub(crate) use xdp::Interface as XdpInterface;
pub use xdp::{Count, XdpCounters, XdpFallback, XdpReport, XdpSettings, XdpUnavailable, ZeroCopy};

use std::fmt;

/// A way to receive and send datagrams under Aeron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datapath {
    /// Our bindings: io_uring, UDP GSO and GRO. Not kernel bypass.
    Uring,
    /// Our bindings: AF_XDP. Past the kernel's UDP stack, on one interface.
    Xdp,
    /// Aeron's own: `recvmmsg` and `sendmmsg`.
    Socket,
}

impl fmt::Display for Datapath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uring => "uring",
            Self::Xdp => "xdp",
            Self::Socket => "socket",
        })
    }
}

/// For tests that need the real thing: true, and a word why, where it is not to be had.
#[cfg(test)]
fn skip_without_uring() -> bool {
    match probe() {
        Ok(()) => false,
        Err(reason) => {
            eprintln!("SKIP uring: {reason}");
            true
        }
    }
}
