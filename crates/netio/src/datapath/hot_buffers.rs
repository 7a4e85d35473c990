//! Buffers for receives that are done, or refused, within one system call.
//!
//! ```text
//!   data      [ 64 KiB ][ 64 KiB ] ...       one receive each: one datagram, or several that the
//!                                            kernel coalesced, all of one length but the last
//!   headers   [ msghdr, source address, control message with that length ] ...
//! ```
//!
//! A buffer is free, the kernel's (a request for it was pushed) or ours (a [`Received`], until it
//! is given back). As with the provided ones, memory may be freed only when no request is in
//! flight: whoever owns the requests owns this.

use std::io;
use std::os::fd::RawFd;

use super::buffers::{Mapping, NAME_LEN};
use super::options::UDP_GRO;

/// A UDP datagram's longest, which coalesced ones do not exceed either, up to the next page.
const PAYLOAD_LEN: usize = 64 * 1024;
/// Room for one control message with an int, and some: what does not fit is left out, and told.
const CONTROL_LEN: usize = 64;

/// A cache line for each field that the kernel writes to.
#[repr(C, align(64))]
struct Head {
    header: libc::msghdr,
    vector: libc::iovec,
    /// `cmsghdr` wants the alignment of a `usize`.
    control: [usize; CONTROL_LEN / size_of::<usize>()],
    source: libc::sockaddr_storage,
}

pub(super) struct HotBuffers {
    /// What the vectors of `heads` point to.
    _data: Mapping,
    heads: Box<[Head]>,
    free: Vec<u16>,
    with_control: bool,
}

/// A buffer with what came in one receive, to be given back.
#[derive(Debug)]
#[must_use = "give it back, or there will be none left"]
pub(super) struct Received {
    index: u16,
    /// Bytes.
    pub(super) len: usize,
    /// Bytes of each datagram but the last, which may be shorter; equal to `len` where there is
    /// but one.
    pub(super) segment: usize,
    /// Not all of it fitted.
    pub(super) is_truncated: bool,
}

impl HotBuffers {
    /// `count` buffers, all free; `coalesced` if receives may bring several datagrams.
    pub(super) fn new(count: u16, coalesced: bool) -> io::Result<Self> {
        let data = Mapping::new(usize::from(count) * PAYLOAD_LEN)?;
        // SAFETY: all-zero is a valid `Head`: null pointers, numbers and bytes.
        let mut heads: Box<[Head]> = (0..count).map(|_| unsafe { std::mem::zeroed() }).collect();
        for (index, head) in heads.iter_mut().enumerate() {
            // SAFETY: inside the mapping, which has `count` times this length.
            head.vector.iov_base = unsafe { data.base().add(index * PAYLOAD_LEN) }.cast();
            head.vector.iov_len = PAYLOAD_LEN;
            head.header.msg_iov = &raw mut head.vector;
            head.header.msg_iovlen = 1;
            head.header.msg_name = (&raw mut head.source).cast();
            if coalesced {
                head.header.msg_control = (&raw mut head.control).cast();
            }
        }
        Ok(Self { _data: data, heads, free: (0..count).rev().collect(), with_control: coalesced })
    }

    /// Takes a free buffer for a request, and where its header is.
    pub(super) fn lend(&mut self) -> Option<(u16, *mut libc::msghdr)> {
        let index = self.free.pop()?;
        let head = &mut self.heads[usize::from(index)];
        // The last receive wrote lengths and flags.
        head.header.msg_namelen = NAME_LEN as libc::socklen_t;
        head.header.msg_controllen = if self.with_control { CONTROL_LEN } else { 0 };
        head.header.msg_flags = 0;
        Some((index, &raw mut head.header))
    }

    /// Takes over a lent buffer in which a receive has put `len` bytes.
    ///
    /// # Panics
    /// When the kernel says that it wrote more than there is room for.
    pub(super) fn take(&mut self, index: u16, len: usize) -> Received {
        assert!(len <= PAYLOAD_LEN, "buffer {index}, {len} bytes");
        let header = &self.heads[usize::from(index)].header;
        let segment = if self.with_control { coalesced_len(header) } else { None };
        Received {
            index,
            len,
            segment: segment.filter(|&segment| segment > 0).unwrap_or(len),
            is_truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        }
    }

    /// A lent buffer that was not used.
    pub(super) fn return_unused(&mut self, index: u16) {
        self.free.push(index);
    }

    pub(super) fn give_back(&mut self, received: Received) {
        self.free.push(received.index);
    }

    /// Where the payload and its source address are. Valid until [`give_back`](Self::give_back).
    pub(super) fn parts(&self, received: &Received) -> (*mut u8, *mut libc::sockaddr_storage) {
        let head = &self.heads[usize::from(received.index)];
        (head.vector.iov_base.cast(), (&raw const head.source).cast_mut())
    }

    /// One receive by a system call of its own. `WouldBlock` when nothing is there.
    pub(super) fn receive(&mut self, socket: RawFd) -> io::Result<Received> {
        let (index, header) = self.lend().ok_or(io::ErrorKind::WouldBlock)?;
        // SAFETY: the header and what it points to are ours, and stay for the call.
        let result = unsafe { libc::recvmsg(socket, header, libc::MSG_DONTWAIT) };
        match usize::try_from(result) {
            Ok(len) => Ok(self.take(index, len)),
            Err(_) => {
                let error = io::Error::last_os_error();
                self.return_unused(index);
                Err(error)
            }
        }
    }
}

/// The length of the datagrams that the kernel coalesced, where it did.
fn coalesced_len(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the header's control buffer is ours, as long as it says, and was filled by the
    // kernel; the macros stay inside it.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header).as_ref()?;
        let is_len = message.cmsg_level == libc::IPPROTO_UDP
            && message.cmsg_type == UDP_GRO
            && message.cmsg_len >= libc::CMSG_LEN(size_of::<libc::c_int>() as u32) as usize;
        let len = libc::CMSG_DATA(message).cast::<libc::c_int>();
        is_len.then(|| usize::try_from(len.read_unaligned()).ok())?
    }
}
