//! Buffers that the kernel picks from when a datagram arrives.
//!
//! ```text
//!   ring   [ addr len id ][ addr len id ] ...    count entries of 16 bytes, shared with the kernel;
//!                    ^tail: our write position, in the first entry's spare bytes
//!   data   [ buffer 0 ][ buffer 1 ] ...          count x stride bytes
//!
//!   one buffer, once filled by a multishot recvmsg:
//!          | io_uring_recvmsg_out 16 | source address 128 | payload ...            |
//! ```
//!
//! A buffer is either the kernel's (offered in the ring) or ours (a [`Filled`], until it is given
//! back). The memory may be freed only when no request that can pick from it is left: whoever owns
//! the requests owns this, and leaks it where it can not be sure.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::{Submitter, types};

/// Room for any address, as Aeron copies a whole `sockaddr_storage`.
pub(super) const NAME_LEN: usize = size_of::<libc::sockaddr_storage>();
/// `io_uring_recvmsg_out`: name length, control length, payload length, flags.
const OUT_LEN: usize = 16;
/// Before the payload. A multiple of 16: Aeron reads its headers as structs in place.
const HEAD_LEN: usize = OUT_LEN + NAME_LEN;
const _: () = assert!(HEAD_LEN.is_multiple_of(16));

/// Buffers start on cache lines.
const STRIDE_ALIGN: usize = 64;

pub(super) struct ProvidedBuffers {
    ring: Mapping,
    data: Mapping,
    count: u16,
    stride: usize,
    tail: u16,
    /// How many are ours now.
    filled_count: u16,
}

/// A buffer that a datagram was received into, and that is to be given back.
#[derive(Debug)]
#[must_use = "give it back, or the kernel runs out of buffers"]
pub(super) struct Filled {
    id: u16,
    pub(super) payload_len: usize,
    /// The datagram did not fit.
    pub(super) is_truncated: bool,
}

impl ProvidedBuffers {
    /// `count` buffers (a power of two up to 32,768) for datagrams of up to `payload_len_max`.
    pub(super) fn new(count: u16, payload_len_max: usize) -> io::Result<Self> {
        assert!(count.is_power_of_two());
        let stride = (HEAD_LEN + payload_len_max).next_multiple_of(STRIDE_ALIGN);
        let ring = Mapping::new(usize::from(count) * size_of::<types::BufRingEntry>())?;
        let data = Mapping::new(usize::from(count) * stride)?;
        let mut this = Self { ring, data, count, stride, tail: 0, filled_count: count };
        (0..count).for_each(|id| this.offer(id));
        Ok(this)
    }

    /// Tells a ring's kernel side about the buffers.
    ///
    /// # Safety
    /// `self` must stay where the kernel can use it until the group is unregistered or the ring
    /// is closed, and no request is in flight.
    pub(super) unsafe fn register(&self, submitter: &Submitter<'_>, group: u16) -> io::Result<()> {
        let address = self.ring.base() as u64;
        // SAFETY: the mapping is page-aligned and as long as `count` entries; it outlives the
        // requests by this function's own contract.
        unsafe { submitter.register_buf_ring_with_flags(address, self.count, group, 0) }
    }

    /// False when every buffer is ours: a receive would fail.
    pub(super) fn any_offered(&self) -> bool {
        self.filled_count < self.count
    }

    /// Takes over a buffer that a completion names, with `len` bytes written to it.
    ///
    /// # Panics
    /// When the kernel names a buffer that does not exist, or says it wrote beyond one: memory is
    /// corrupt, and going on would spread it.
    pub(super) fn take(&mut self, id: u16, len: usize) -> Filled {
        assert!(
            id < self.count && len <= self.stride && len >= HEAD_LEN,
            "buffer {id}, {len} bytes"
        );
        self.filled_count += 1;
        // SAFETY: inside the buffer (asserted above), 4-byte aligned as buffers are 64-byte
        // aligned, and written by the kernel before it posted the completion.
        let flags = unsafe { self.buffer(id).add(12).cast::<u32>().read() };
        Filled {
            id,
            payload_len: len - HEAD_LEN,
            is_truncated: flags & libc::MSG_TRUNC as u32 != 0,
        }
    }

    /// A failed or empty completion may still carry a buffer: straight back with it.
    pub(super) fn return_unused(&mut self, id: u16) {
        assert!(id < self.count, "buffer {id}");
        self.filled_count += 1;
        self.offer(id);
    }

    /// Where the payload and its source address are. Valid until [`give_back`](Self::give_back).
    pub(super) fn parts(&self, filled: &Filled) -> (*mut u8, usize, *mut libc::sockaddr_storage) {
        let buffer = self.buffer(filled.id);
        // SAFETY: both offsets are inside the buffer, as `take` asserted.
        unsafe { (buffer.add(HEAD_LEN), filled.payload_len, buffer.add(OUT_LEN).cast()) }
    }

    /// Lets the kernel have it again.
    pub(super) fn give_back(&mut self, filled: Filled) {
        self.offer(filled.id);
    }

    fn buffer(&self, id: u16) -> *mut u8 {
        debug_assert!(id < self.count);
        // SAFETY: `id` is below `count` wherever one is made, so this is inside the mapping.
        unsafe { self.data.base().add(usize::from(id) * self.stride) }
    }

    fn offer(&mut self, id: u16) {
        let address = self.buffer(id) as u64;
        let base = self.ring.base().cast::<types::BufRingEntry>();
        let index = usize::from(self.tail & (self.count - 1));
        // SAFETY: `index` is below `count`, so the entry is inside the mapping. The kernel reads
        // entries only below the tail, which the release store moves after they are written; the
        // entry's spare bytes, where the tail is, are not touched by the setters.
        unsafe {
            let entry = &mut *base.add(index);
            entry.set_addr(address);
            entry.set_len(self.stride as u32);
            entry.set_bid(id);
            self.tail = self.tail.wrapping_add(1);
            let tail = types::BufRingEntry::tail(base).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
        self.filled_count -= 1;
    }
}

/// Anonymous, page-aligned memory.
pub(super) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

impl Mapping {
    pub(super) fn new(len: usize) -> io::Result<Self> {
        // Populated now: no page fault when the first datagrams arrive.
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: asks for new memory; no existing mapping is touched.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { base, len })
    }

    /// Where it begins.
    pub(super) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and unmapped once.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
