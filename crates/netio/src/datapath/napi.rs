//! Asking a ring to poll the network card itself while it waits: the kernel's thread does
//! (`sqpoll`), and whoever sleeps in the ring. Hot sockets do it without a ring
//! (`options::set_busy_poll`).

use std::io;
use std::os::fd::AsRawFd;

use io_uring::IoUring;

/// `IORING_REGISTER_NAPI`, since Linux 6.9; the `io-uring` crate has no call for it.
const REGISTER_NAPI: libc::c_uint = 27;

/// The kernel's `struct io_uring_napi`.
#[repr(C)]
#[derive(Default)]
struct Napi {
    busy_poll_us: u32,
    prefer_busy_poll: u8,
    operation: u8,
    pad: [u8; 2],
    parameter: u32,
    reserved: u32,
}

const _: () = assert!(size_of::<Napi>() == 16);

/// Whether this kernel can do it.
///
/// # Errors
/// Why not.
pub(super) fn probe() -> io::Result<()> {
    register(&IoUring::new(2)?, 1)
}

/// Turns it on for the cards that the ring's sockets receive from, wherever the ring waits.
///
/// # Errors
/// When the kernel has no such thing.
pub(super) fn register(ring: &IoUring, busy_poll_us: u32) -> io::Result<()> {
    let mut napi = Napi { busy_poll_us, prefer_busy_poll: 1, ..Napi::default() };
    // SAFETY: the kernel reads the struct, and writes the former settings to it, within the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            REGISTER_NAPI,
            &raw mut napi,
            1_u32,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
