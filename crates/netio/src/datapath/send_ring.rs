//! Sending through io_uring: a ring of its own per agent thread, empty between calls.
//!
//! The caller's vectors may lie on its stack, so every request must have ended on return. They do:
//! a send that must not wait is done, or refused, inside the submit. The ring is apart from the
//! one that receives so that its completions are only ever of the sends just made, and so that
//! requests that the kernel did not take can be forgotten with it.

use std::io;
use std::os::fd::RawFd;

use io_uring::{IoUring, opcode, types};

/// Aeron sends at most this many datagrams in one call (its own limit for a vector).
const BATCH_MAX: usize = 64;
/// For a completion that is not there on return from the submit, which should not happen.
const WAIT_MAX: usize = 3;
const WAIT_SEC: u64 = 1;

pub(super) struct SendRing {
    /// `None` once it broke and no new one was to be had.
    ring: Option<IoUring>,
    headers: Box<[libc::msghdr; BATCH_MAX]>,
}

/// What became of a batch: the datagrams sent before the first that was not.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) count: usize,
    pub(super) bytes: usize,
    /// Why the next was not sent.
    pub(super) error: Option<io::Error>,
}

impl SendRing {
    /// A ring for the calling thread.
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: all-zero is a valid `msghdr`.
        let headers = Box::new(unsafe { std::mem::zeroed() });
        Ok(Self { ring: Some(new_ring()?), headers })
    }

    /// Sends each vector as a datagram on `socket`, to `address` unless it is connected.
    ///
    /// # Errors
    /// When the ring broke; nothing is in flight then.
    ///
    /// # Safety
    /// The vectors and the address must be readable for the call.
    pub(super) unsafe fn send(
        &mut self,
        socket: RawFd,
        address: *mut libc::sockaddr_storage,
        address_len: libc::socklen_t,
        vectors: &mut [libc::iovec],
    ) -> io::Result<Sent> {
        let ring = self.ring.as_mut().ok_or_else(|| io::Error::other("the ring is broken"))?;
        let count = vectors.len().min(BATCH_MAX);
        for (index, vector) in vectors[..count].iter_mut().enumerate() {
            let header = &mut self.headers[index];
            header.msg_name = address.cast();
            header.msg_namelen = address_len;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            let entry = opcode::SendMsg::new(types::Fd(socket), &raw const *header)
                .flags(libc::MSG_DONTWAIT as u32)
                .build()
                .user_data(index as u64);
            // SAFETY: what the request refers to is readable for this call, and it does not
            // outlive the call: it ends in the submit, or goes with the ring, below.
            let pushed = unsafe { ring.submission().push(&entry) };
            assert!(pushed.is_ok(), "the queue is empty between calls and has room for a batch");
        }
        // What was not taken is still queued, and refers to the caller's memory: it must never be
        // submitted, so it goes with its ring.
        let (taken, error) = match ring.submit() {
            Ok(taken) if taken == count => (taken, None),
            Ok(taken) => (taken, Some(io::Error::from_raw_os_error(libc::EAGAIN))),
            Err(error) => (0, Some(error)),
        };
        let mut results = [0; BATCH_MAX];
        collect(ring, &mut results, taken);
        if let Some(error) = &error {
            self.ring = new_ring().ok();
            // Out of memory for requests: a later send may go through. EINTR: nothing was done.
            let transient = [libc::EAGAIN, libc::ENOMEM, libc::EINTR, libc::EBUSY];
            if !error.raw_os_error().is_some_and(|code| transient.contains(&code)) {
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
        }

        let mut sent = Sent::default();
        for &result in &results[..taken] {
            match usize::try_from(result) {
                Ok(bytes) => {
                    sent.count += 1;
                    sent.bytes += bytes;
                }
                Err(_) => {
                    sent.error = Some(io::Error::from_raw_os_error(-result));
                    return Ok(sent);
                }
            }
        }
        sent.error = error.map(|_| io::Error::from_raw_os_error(libc::EAGAIN));
        Ok(sent)
    }
}

/// Takes `expected` completions.
///
/// # Panics
/// When one does not come: its request refers to the caller's memory, so returning would let the
/// kernel send what is there by then.
fn collect(ring: &mut IoUring, results: &mut [i32; BATCH_MAX], expected: usize) {
    let mut seen = 0;
    for attempt in 0..=WAIT_MAX {
        for entry in ring.completion() {
            results[entry.user_data() as usize] = entry.result();
            seen += 1;
        }
        if seen == expected {
            return;
        }
        if attempt < WAIT_MAX {
            let wait = types::Timespec::new().sec(WAIT_SEC);
            let arguments = types::SubmitArgs::new().timespec(&wait);
            // A time-out is one attempt less.
            let _ = ring.submitter().submit_with_args(expected - seen, &arguments);
        }
    }
    panic!("{} of {expected} sends did not end in {WAIT_MAX} s", expected - seen);
}

fn new_ring() -> io::Result<IoUring> {
    IoUring::builder().setup_single_issuer().setup_submit_all().build(BATCH_MAX as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use crate::datapath::skip_without_uring;

    fn vectors(datagrams: &mut [Vec<u8>]) -> Vec<libc::iovec> {
        datagrams
            .iter_mut()
            .map(|d| libc::iovec { iov_base: d.as_mut_ptr().cast(), iov_len: d.len() })
            .collect()
    }

    #[test]
    fn a_batch_goes_out_in_order_and_nothing_is_in_flight_on_return() {
        if skip_without_uring() {
            return;
        }
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        sender.connect(receiver.local_addr().expect("bound")).expect("connected");
        let mut ring = SendRing::new().expect("a ring");
        for round in 0..10 {
            let mut datagrams: Vec<Vec<u8>> = (0..16).map(|n| vec![n + round; 8]).collect();
            // SAFETY: the datagrams outlive the call.
            let sent = unsafe {
                let mut vectors = vectors(&mut datagrams);
                ring.send(sender.as_raw_fd(), std::ptr::null_mut(), 0, &mut vectors)
            }
            .expect("the ring works");
            assert_eq!((sent.count, sent.bytes), (16, 128));
            // Overwritten at once: what arrives is what was there during the call.
            let kept = datagrams.clone();
            datagrams.iter_mut().for_each(|d| d.fill(255));
            for expected in kept {
                let mut buffer = [0; 16];
                let len = receiver.recv(&mut buffer).expect("arrives");
                assert_eq!(&buffer[..len], expected);
            }
        }
    }

    #[test]
    fn what_can_not_be_sent_is_reported_after_what_was() {
        if skip_without_uring() {
            return;
        }
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        sender.connect(receiver.local_addr().expect("bound")).expect("connected");
        let mut ring = SendRing::new().expect("a ring");
        let mut datagrams = vec![vec![1; 8], vec![2; 70_000], vec![3; 8]];
        // SAFETY: the datagrams outlive the call.
        let sent = unsafe {
            let mut vectors = vectors(&mut datagrams);
            ring.send(sender.as_raw_fd(), std::ptr::null_mut(), 0, &mut vectors)
        }
        .expect("the ring works");
        assert_eq!((sent.count, sent.bytes), (1, 8));
        assert_eq!(sent.error.and_then(|e| e.raw_os_error()), Some(libc::EMSGSIZE));
    }
}
