//! What the kernel can do for a datapath: asked by trying, because a version says little.

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

use super::files::Files;
use crate::datapath::probe;

/// Whether it is there: `Err` says why not.
pub type Ability = Result<(), String>;

/// What the kernel can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelReport {
    /// Its release, as `uname -r` says it.
    pub release: String,
    /// io_uring, with all that the datapath needs, tried out.
    pub io_uring: Ability,
    /// The sysctl that switches io_uring off, where it is not 0.
    pub io_uring_disabled: Option<u64>,
    /// Several datagrams in one send (UDP_SEGMENT).
    pub gso: Ability,
    /// Several datagrams in one receive (UDP_GRO).
    pub gro: Ability,
    /// A socket says which NAPI instance it receives from (SO_INCOMING_NAPI_ID).
    pub napi_id: Ability,
    /// AF_XDP sockets.
    pub xdp: Ability,
}

const SO_INCOMING_NAPI_ID: c_int = 56;

impl KernelReport {
    pub(super) fn probe(files: &Files) -> Self {
        let release = files.text("/proc/sys/kernel/osrelease");
        let disabled = files.number("/proc/sys/kernel/io_uring_disabled");
        Self {
            release: release.unwrap_or_else(|| "unknown".to_owned()),
            io_uring: probe().map_err(|why| why.to_string()),
            io_uring_disabled: disabled.filter(|&value| value > 0),
            gso: with_udp(|fd| option_set(fd, libc::SOL_UDP, libc::UDP_SEGMENT, 1_400)),
            gro: with_udp(|fd| option_set(fd, libc::SOL_UDP, libc::UDP_GRO, 1)),
            napi_id: with_udp(|fd| option_get(fd, libc::SOL_SOCKET, SO_INCOMING_NAPI_ID)),
            xdp: xdp(),
        }
    }
}

impl fmt::Display for KernelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abilities = [
            ("io_uring", &self.io_uring),
            ("GSO", &self.gso),
            ("GRO", &self.gro),
            ("NAPI id", &self.napi_id),
            ("AF_XDP", &self.xdp),
        ];
        let names = |there: bool| {
            let some = abilities.iter().filter(|(_, able)| able.is_ok() == there);
            some.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        };
        write!(f, "Linux {} with {}", self.release, names(true))?;
        match names(false).as_str() {
            "" => Ok(()),
            missing => write!(f, ", without {missing}"),
        }
    }
}

fn with_udp(ask: impl FnOnce(c_int) -> io::Result<()>) -> Ability {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).map_err(|error| error.to_string())?;
    ask(socket.as_raw_fd()).map_err(|error| error.to_string())
}

fn option_set(fd: c_int, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let len = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the socket is open, and the value is an int that outlives the call.
    let result = unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn option_get(fd: c_int, level: c_int, name: c_int) -> io::Result<()> {
    let (mut value, mut len) = (0, size_of::<c_int>() as libc::socklen_t);
    let place: *mut c_int = &raw mut value;
    // SAFETY: the socket is open; the kernel writes at most `len` bytes into the int.
    let result = unsafe { libc::getsockopt(fd, level, name, place.cast(), &raw mut len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn xdp() -> Ability {
    // SAFETY: takes no pointer; what it opens is closed at once.
    unsafe {
        let fd = libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
        if fd < 0 {
            let error = io::Error::last_os_error();
            return Err(match error.raw_os_error() {
                Some(libc::EPERM) => "needs root, or CAP_NET_RAW and CAP_NET_ADMIN".to_owned(),
                _ => error.to_string(),
            });
        }
        libc::close(fd);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::Made;
    use super::*;

    #[test]
    fn this_kernel_is_named_and_its_abilities_are_told_apart() {
        let report = KernelReport::probe(&Files::of_host());
        assert_ne!(report.release, "unknown");
        let line = report.to_string();
        for (name, able) in [("GSO", &report.gso), ("AF_XDP", &report.xdp)] {
            let (with, without) = line.split_once(", without").unwrap_or((&line, ""));
            assert!(if able.is_ok() { with } else { without }.contains(name), "{line}");
        }
    }

    #[test]
    fn a_switch_that_is_off_is_no_finding() {
        for (value, expected) in [("0\n", None), ("2\n", Some(2))] {
            let file = ("proc/sys/kernel/io_uring_disabled", value);
            let made = Made::new(&format!("uring-{}", value.trim()), &[file]);
            let report = KernelReport::probe(&made.files());
            assert_eq!(report.io_uring_disabled, expected);
            assert_eq!(report.release, "unknown");
        }
    }
}
