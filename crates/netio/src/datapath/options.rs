//! What a socket is told, beyond what Aeron tells it.

use std::io;
use std::os::fd::RawFd;

/// From the kernel's `udp.h`; the `libc` crate does not have them.
pub(super) const UDP_SEGMENT: libc::c_int = 103;
pub(super) const UDP_GRO: libc::c_int = 104;

/// Lets the kernel hand over several datagrams in one receive, or not.
pub(super) fn set_gro(socket: RawFd, on: bool) -> io::Result<()> {
    set(socket, libc::IPPROTO_UDP, UDP_GRO, libc::c_int::from(on))
}

/// Polls the interface for up to `budget_us` in each receive that finds nothing, where there is
/// one to poll: false when the socket's last datagram came from no such interface (loopback).
pub(super) fn set_busy_poll(socket: RawFd, budget_us: u32) -> io::Result<bool> {
    if get(socket, libc::SOL_SOCKET, libc::SO_INCOMING_NAPI_ID)? == 0 {
        return Ok(false);
    }
    let budget_us = libc::c_int::try_from(budget_us).unwrap_or(libc::c_int::MAX);
    set(socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, budget_us)?;
    Ok(true)
}

/// True when a datagram waits on `socket`; it stays there.
pub(super) fn has_datagram(socket: RawFd) -> bool {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: reads into nothing.
    unsafe { libc::recv(socket, std::ptr::null_mut(), 0, flags) >= 0 }
}

fn set(
    socket: RawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is an int that outlives the call; the kernel copies it. A descriptor that
    // is no socket is an error, not a fault.
    let result = unsafe { libc::setsockopt(socket, level, option, (&raw const value).cast(), len) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn get(socket: RawFd, level: libc::c_int, option: libc::c_int) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel writes at most an int, to an int.
    let result =
        unsafe { libc::getsockopt(socket, level, option, (&raw mut value).cast(), &raw mut len) };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
