//! How datagrams reach Aeron: chosen by configuration and by probing the kernel.

mod bindings;
mod loss;
mod probe_uring;
mod select;

pub(crate) use bindings::DriverBindings;
pub use loss::ReceiveLoss;
pub use select::{DatapathChoice, DatapathError, Selected, UringUnavailable, probe, select};

use std::fmt;

/// A way to receive and send datagrams under Aeron.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datapath {
    /// Our bindings: io_uring, multishot receive into provided buffers.
    Uring,
    /// Aeron's own: `recvmmsg` and `sendmmsg`.
    Socket,
}

impl fmt::Display for Datapath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uring => "uring",
            Self::Socket => "socket",
        })
    }
}
