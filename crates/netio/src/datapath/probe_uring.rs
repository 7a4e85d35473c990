//! Whether io_uring works here, by using it: many kernels have it and refuse it.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::counters::DatapathCounters;
use super::receive_ring::ReceiveRing;
use super::sender::{Destination, Sender};
use super::slots::Traffic;
use super::{SendVia, UringSettings, UringUnavailable};

const MESSAGE: &[u8] = b"vesta datapath probe";
/// Loopback delivers at once; the rest is for a machine that stalls.
const WAIT_MAX: usize = 1_000;
const WAIT_STEP: Duration = Duration::from_millis(1);

/// Sends a datagram over loopback by one ring and receives it by the other.
pub(super) fn probe_uring() -> Result<(), UringUnavailable> {
    let settings = UringSettings { send: SendVia::Ring, ..UringSettings::default() };
    let counts = DatapathCounters::default().block();
    let mut receive_ring =
        ReceiveRing::new(MESSAGE.len(), &settings, Arc::clone(&counts)).map_err(refusal)?;
    let mut send_ring = Sender::new(&settings, counts).map_err(refusal)?;
    let broken = |error: io::Error| UringUnavailable::Broken(error.to_string());
    let receiver = loopback_socket().map_err(broken)?;
    let sender = loopback_socket().map_err(broken)?;
    sender.connect(receiver.local_addr().map_err(broken)?).map_err(broken)?;

    let poller = 0;
    receive_ring.add(poller, 0, receiver.as_raw_fd(), Traffic::Data);
    receive_ring.turn(poller);
    let mut message = MESSAGE.to_vec();
    let vectors = [libc::iovec { iov_base: message.as_mut_ptr().cast(), iov_len: message.len() }];
    let to =
        Destination { socket: sender.as_raw_fd(), address: std::ptr::null_mut(), address_len: 0 };
    // SAFETY: the message outlives the call; the socket is connected, so there is no address.
    let sent = unsafe { send_ring.send(to, &vectors, &mut false).map_err(broken)? };
    if let Some(error) = sent.error {
        return Err(broken(error));
    }
    for _ in 0..WAIT_MAX {
        receive_ring.turn(poller);
        if let Some(arrival) = receive_ring.next(poller) {
            let parts = receive_ring.parts(&arrival);
            // SAFETY: readable until the buffer is given back, below.
            let received = unsafe { std::slice::from_raw_parts(parts.payload, parts.len) };
            let is_whole = received == MESSAGE;
            receive_ring.give_back(arrival);
            let why = || UringUnavailable::Broken("a datagram arrived mangled".to_owned());
            return if is_whole { Ok(()) } else { Err(why()) };
        }
        if let Some((_, error)) = receive_ring.take_error() {
            return Err(match error.raw_os_error() {
                // Multishot recvmsg came with 6.0.
                Some(libc::EINVAL) => UringUnavailable::TooOld("no multishot recvmsg".to_owned()),
                _ => broken(error),
            });
        }
        std::thread::sleep(WAIT_STEP);
    }
    Err(UringUnavailable::Broken("a datagram over loopback did not arrive".to_owned()))
}

fn loopback_socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What a refused ring means.
fn refusal(error: io::Error) -> UringUnavailable {
    match error.raw_os_error() {
        Some(libc::EINVAL) => UringUnavailable::TooOld("it does not know the flags".to_owned()),
        Some(libc::ENOSYS) => UringUnavailable::TooOld(
            "there is no such system call, or a seccomp profile hides it".to_owned(),
        ),
        Some(libc::EPERM | libc::EACCES) => {
            let sysctl = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
            UringUnavailable::Refused(match sysctl.as_deref().map(str::trim) {
                Ok("0") | Err(_) => error.to_string(),
                Ok(value) => format!("{error}; kernel.io_uring_disabled = {value}"),
            })
        }
        Some(libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
            UringUnavailable::NoResources(error.to_string())
        }
        _ => UringUnavailable::Broken(error.to_string()),
    }
}
