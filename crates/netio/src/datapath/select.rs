//! Which datapath: what the configuration wants, and what the kernel can do.

use std::fmt;

use super::Datapath;
use super::probe_uring::probe_uring;

/// What the configuration asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatapathChoice {
    /// `uring` where the kernel has it, else `socket`.
    Auto,
    /// This one, or do not start.
    Require(Datapath),
}

/// The datapath that a driver uses. Its `Display` is the start-up line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// Which.
    pub datapath: Datapath,
    /// Why that one.
    pub reason: String,
}

impl fmt::Display for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "datapath {}: {}", self.datapath, self.reason)
    }
}

/// Setting it to 1 makes [`probe`] report that io_uring is disabled: for operators who want to
/// rule it out without touching a configuration, and for tests.
pub(super) const DISABLE_VARIABLE: &str = "VESTA_DISABLE_IO_URING";

/// Why io_uring can not be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UringUnavailable {
    /// The environment says no.
    #[error("disabled by the environment (VESTA_DISABLE_IO_URING=1)")]
    DisabledByEnvironment,
    /// The kernel has none, or not these flags (DEFER_TASKRUN came with 6.1).
    #[error("the kernel is too old: io_uring with DEFER_TASKRUN needs Linux 6.1 ({0})")]
    TooOld(String),
    /// It is there, and closed to us.
    #[error(
        "the kernel refuses it: {0} (a seccomp profile, or the sysctl kernel.io_uring_disabled)"
    )]
    Refused(String),
    /// Not enough memory that may be locked, or descriptors.
    #[error("no resources for a ring: {0} (see `ulimit -l` and `ulimit -n`)")]
    NoResources(String),
    /// Set up, but it does not do what it must.
    #[error("it does not work: {0}")]
    Broken(String),
}

/// The configured datapath is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "datapath = \"uring\" is configured, but io_uring can not be used here: {reason}. Allow it, or \
     set datapath = \"auto\" (or \"socket\")"
)]
pub struct DatapathError {
    /// Why not.
    pub reason: UringUnavailable,
}

/// Tries io_uring for real: a ring with our flags, a ring of buffers, and a datagram received
/// over loopback.
///
/// # Errors
/// A typed reason why it can not be used.
pub fn probe() -> Result<(), UringUnavailable> {
    if std::env::var_os(DISABLE_VARIABLE).is_some_and(|value| value == "1") {
        return Err(UringUnavailable::DisabledByEnvironment);
    }
    probe_uring()
}

/// Chooses the datapath.
///
/// # Errors
/// When the configuration insists on `uring` and [`probe`] fails.
pub fn select(choice: DatapathChoice) -> Result<Selected, DatapathError> {
    let selected = |datapath, reason: String| Ok(Selected { datapath, reason });
    match choice {
        DatapathChoice::Require(Datapath::Socket) => {
            selected(Datapath::Socket, "configured".to_owned())
        }
        DatapathChoice::Require(Datapath::Uring) => match probe() {
            Ok(()) => selected(Datapath::Uring, "configured, and the kernel has it".to_owned()),
            Err(reason) => Err(DatapathError { reason }),
        },
        DatapathChoice::Auto => match probe() {
            Ok(()) => selected(Datapath::Uring, "io_uring works here".to_owned()),
            Err(reason) => {
                selected(Datapath::Socket, format!("io_uring can not be used: {reason}"))
            }
        },
    }
}
