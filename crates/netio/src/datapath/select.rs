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

const DISABLE_VARIABLE: &str = "VESTA_DISABLE_IO_URING";

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
/// `VESTA_DISABLE_IO_URING=1` in the environment makes it fail without trying: for operators who
/// want io_uring ruled out whatever the configuration says, and for tests.
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
        // Whether it is to be had depends on the interface: the driver finds out as it opens it.
        DatapathChoice::Require(Datapath::Xdp) => selected(Datapath::Xdp, "configured".to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the calling thread one that may not use io_uring, as container runtimes do: their
    /// seccomp profiles answer EPERM.
    fn forbid_io_uring() {
        const NR_OFFSET: u32 = 0;
        let statement =
            |code: u32, jt: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf: 0, k };
        let is = |number: libc::c_long, jump: u8| {
            statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, jump, number as u32)
        };
        let answer = |what: u32| statement(libc::BPF_RET | libc::BPF_K, 0, what);
        let mut program = [
            statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, NR_OFFSET),
            is(libc::SYS_io_uring_setup, 3),
            is(libc::SYS_io_uring_enter, 2),
            is(libc::SYS_io_uring_register, 1),
            answer(libc::SECCOMP_RET_ALLOW),
            answer(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        ];
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: changes the calling thread alone, which the test ends; the kernel copies the
        // program.
        unsafe {
            assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
            let mode = libc::SECCOMP_MODE_FILTER;
            assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter), 0);
        }
    }

    #[test]
    fn a_kernel_that_refuses_io_uring_means_socket_or_a_typed_error() {
        let thread = std::thread::spawn(|| {
            forbid_io_uring();
            let reason = probe().expect_err("forbidden");
            assert!(matches!(reason, UringUnavailable::Refused(_)), "{reason:?}");

            let selected = select(DatapathChoice::Auto).expect("falls back");
            assert_eq!(selected.datapath, Datapath::Socket);
            let line = selected.to_string();
            assert!(line.starts_with("datapath socket: ") && line.contains("seccomp"), "{line}");

            let error = select(DatapathChoice::Require(Datapath::Uring)).expect_err("insists");
            assert_eq!(error.reason, reason);
            let text = error.to_string();
            assert!(text.contains("datapath = \"uring\"") && text.contains("auto"), "{text}");
        });
        thread.join().expect("no panic");
    }

    #[test]
    fn socket_needs_no_probe() {
        let selected = select(DatapathChoice::Require(Datapath::Socket)).expect("always there");
        assert_eq!(selected.to_string(), "datapath socket: configured");
    }

    #[test]
    fn auto_takes_uring_where_it_works() {
        if crate::datapath::skip_without_uring() {
            return;
        }
        let selected = select(DatapathChoice::Auto).expect("never fails");
        assert_eq!(selected.datapath, Datapath::Uring);
        assert!(selected.to_string().starts_with("datapath uring: "));
    }
}
