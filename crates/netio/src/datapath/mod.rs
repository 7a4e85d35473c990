//! How datagrams reach Aeron: chosen by configuration and by probing the kernel.
//!
//! ```text
//!   select, probe_uring     which one, and why
//!   bindings                the table of functions that the driver calls
//!     uring                 ours: rings per agent thread
//!       receive_ring        multishot recvmsg into provided buffers
//!       send_ring           batches, done on return
//!     xdp                   ours: AF_XDP rings per interface, and the program that fills them
//!     loss                  a drill: drop at random in the kernel, under either datapath
//! ```

mod bindings;
mod buffers;
mod loss;
mod probe_uring;
mod receive_ring;
mod select;
mod send_ring;
mod uring;
mod xdp;

pub(crate) use bindings::DriverBindings;
pub use loss::ReceiveLoss;
pub use select::{DatapathChoice, DatapathError, Selected, UringUnavailable, probe, select};
pub(crate) use xdp::Interface as XdpInterface;
pub use xdp::{Count, XdpCounters, XdpFallback, XdpSettings, XdpUnavailable, ZeroCopy};

use std::fmt;

/// A way to receive and send datagrams under Aeron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datapath {
    /// Our bindings: io_uring, multishot receive into provided buffers. Not kernel bypass.
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
