//! Sending through io_uring: a ring of its own per agent thread, empty between calls.
//!
//! The caller's vectors may lie on its stack, so every request must have ended on return. They do:
//! a send that must not wait is done, or refused, inside the submit. The ring is apart from the
//! one that receives so that its completions are only ever of the sends just made, and so that
//! requests that the kernel did not take can be forgotten with it.

use std::io;
use std::os::fd::RawFd;

use io_uring::{IoUring, opcode, types};

use super::sender::BATCH_MAX;

/// For a completion that is not there on return from the submit, which should not happen.
const WAIT_MAX: usize = 3;
const WAIT_SEC: u64 = 1;

/// The ring; `None` once it broke and no new one was to be had.
pub(super) struct SendRing(Option<IoUring>);

impl SendRing {
    /// A ring for the calling thread.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Some(new_ring()?)))
    }

    /// Sends the messages of `headers`, at most [`BATCH_MAX`]; how many were sent before the first
    /// that was not, and why that was not.
    ///
    /// # Errors
    /// When the ring broke; nothing is in flight then.
    ///
    /// # Safety
    /// What the headers refer to must be readable for the call.
    pub(super) unsafe fn send(
        &mut self,
        socket: RawFd,
        headers: &mut [libc::mmsghdr],
    ) -> io::Result<(usize, Option<io::Error>)> {
        let ring = self.0.as_mut().ok_or_else(|| io::Error::other("the ring is broken"))?;
        let count = headers.len();
        for (index, message) in headers.iter().enumerate() {
            let entry = opcode::SendMsg::new(types::Fd(socket), &raw const message.msg_hdr)
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
            self.0 = new_ring().ok();
            // Out of memory for requests: a later send may go through. EINTR: nothing was done.
            let transient = [libc::EAGAIN, libc::ENOMEM, libc::EINTR, libc::EBUSY];
            if !error.raw_os_error().is_some_and(|code| transient.contains(&code)) {
                return Err(io::Error::new(error.kind(), error.to_string()));
            }
        }
        let failed = results[..taken].iter().position(|&result| result < 0);
        Ok(match failed {
            Some(index) => (index, Some(io::Error::from_raw_os_error(-results[index]))),
            None => (taken, error.map(|_| io::Error::from_raw_os_error(libc::EAGAIN))),
        })
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
