//! The memory that we share with the interface, in frames of one size.
//!
//! ```text
//!   frame, 2048 or 4096 bytes:  | 256 the kernel's | 6 | headers 42 | payload ...
//! ```
//!
//! The six bytes put a received payload on a multiple of 16: Aeron reads its headers in place.
//!
//! A frame is in one place at a time: free, on a ring of the kernel's, or in the hands of whoever
//! has its [`Frame`]. One that is lost on the way is never used again, which costs memory and
//! nothing else; so losing one is a bug that debug builds stop at.

use std::io;
use std::mem::ManuallyDrop;

use xdp::umem::{FrameSize, UmemCfgBuilder};
use xdp::{Packet, Umem};

use super::headers::HEADERS_BYTES;

/// `XDP_PACKET_HEADROOM`: the kernel's part of every frame.
const KERNEL_BYTES: usize = 256;
/// Puts the payload of an untagged frame on a multiple of 16.
const ALIGN_BYTES: usize = 6;
const _: () = assert!((KERNEL_BYTES + ALIGN_BYTES + HEADERS_BYTES).is_multiple_of(16));
/// What a frame holds besides the payload: a priority tag may come in too.
const OVERHEAD_BYTES: usize = KERNEL_BYTES + ALIGN_BYTES + HEADERS_BYTES + 4;
/// `struct skb_shared_info`, which the kernel keeps at the end of a buffer that it receives into.
const KERNEL_TAIL_BYTES: usize = 320;

const SMALL_BYTES: usize = 2048;
const LARGE_BYTES: usize = 4096;
const HUGE_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Longest datagram, UDP payload, that fits the largest frame: 3,468 bytes.
pub(super) const PAYLOAD_BYTES_MAX: usize = LARGE_BYTES - OVERHEAD_BYTES - KERNEL_TAIL_BYTES;

/// Frames, and who has how many is counted by the owner.
pub(super) struct Memory {
    umem: Umem,
    base: *const u8,
    bytes: usize,
}

// SAFETY: the base is that of memory that the umem owns, and is only compared and measured.
unsafe impl Send for Memory {}

/// A frame in our hands.
#[must_use = "give it back, or it is never used again"]
pub(super) struct Frame(ManuallyDrop<Packet>);

// SAFETY: a frame points into a mapping that outlives it (the owner of the `Memory` sees to it), and
// nobody else has this one.
unsafe impl Send for Frame {}

impl Frame {
    pub(super) fn new(packet: Packet) -> Self {
        Self(ManuallyDrop::new(packet))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    pub(super) fn into_packet(self) -> Packet {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: taken once, as `this` is neither dropped nor used again.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        debug_assert!(std::thread::panicking(), "a frame was not given back");
    }
}

impl Memory {
    /// `frame_count` frames for datagrams of up to `payload_bytes_max`, touched now, in huge pages
    /// where the kernel has them.
    pub(super) fn map(frame_count: u32, payload_bytes_max: usize) -> io::Result<Self> {
        let small = payload_bytes_max + OVERHEAD_BYTES + KERNEL_TAIL_BYTES <= SMALL_BYTES;
        let frame_bytes = if small { SMALL_BYTES } else { LARGE_BYTES };
        let builder = UmemCfgBuilder {
            frame_size: if small { FrameSize::TwoK } else { FrameSize::FourK },
            head_room: ALIGN_BYTES as u32,
            frame_count,
            ..UmemCfgBuilder::default()
        };
        let config = builder.build().map_err(io::Error::other)?;
        let mut umem = Umem::map(config)?;
        let bytes = frame_count as usize * frame_bytes;
        // SAFETY: the packet is given back before the umem can end.
        let first = unsafe { umem.alloc() }.ok_or(io::ErrorKind::OutOfMemory)?;
        // The first frame is at the start of the mapping.
        let base = first.as_ptr().wrapping_sub(KERNEL_BYTES + ALIGN_BYTES);
        umem.free_packet(first);
        let this = Self { umem, base, bytes };
        this.touch();
        Ok(this)
    }

    /// Asks for huge pages and has every page there before the first frame is: no page fault later.
    fn touch(&self) {
        let base = self.base.cast_mut();
        // SAFETY: the mapping is ours, writable and this long; nothing is in it yet. Without huge
        // pages (an error here) it is what it was.
        unsafe {
            libc::madvise(base.cast(), self.bytes, libc::MADV_HUGEPAGE);
            for at in (0..self.bytes).step_by(LARGE_BYTES) {
                base.add(at).write_volatile(0);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How much of it lies in huge pages, as the kernel tells.
    pub(super) fn huge_bytes(&self) -> usize {
        huge_bytes(self.base as usize, self.bytes)
    }

    pub(super) fn umem(&mut self) -> &mut Umem {
        &mut self.umem
    }

    pub(super) fn umem_ref(&self) -> &Umem {
        &self.umem
    }

    /// A free frame, empty.
    pub(super) fn take(&mut self) -> Option<Packet> {
        // SAFETY: whoever has the packet gives it back before this ends (see the module).
        unsafe { self.umem.alloc() }
    }

    pub(super) fn give_back(&mut self, frame: Frame) {
        self.umem.free_packet(frame.into_packet());
    }
}

/// What `/proc` says of huge pages in the mappings that lie in a range.
fn huge_bytes(base: usize, bytes: usize) -> usize {
    let Ok(text) = std::fs::read_to_string("/proc/thread-self/smaps") else { return 0 };
    let mut is_inside = false;
    let mut sum = 0;
    for line in text.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-')
            && let (Ok(from), Ok(to)) =
                (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
        {
            is_inside = from < base + bytes && to > base;
        } else if is_inside && first == "AnonHugePages:" {
            let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok());
            sum += kib.unwrap_or(0) * 1024;
        }
    }
    // The kernel may have joined ours with a neighbour's mapping.
    sum.min(bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_many_as_asked_for_and_come_back() -> io::Result<()> {
        let mut memory = Memory::map(4, 1408)?;
        let frames: Vec<Frame> = (0..4).filter_map(|_| memory.take()).map(Frame::new).collect();
        assert_eq!(frames.len(), 4);
        assert!(memory.take().is_none());
        let places: Vec<_> = frames.iter().map(|frame| frame.bytes().as_ptr() as usize).collect();
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] == SMALL_BYTES), "{places:?}");
        assert!(places.iter().all(|place| (place + HEADERS_BYTES).is_multiple_of(16)));
        frames.into_iter().for_each(|frame| memory.give_back(frame));
        assert_eq!(memory.umem().allocatable(), 4);
        Ok(())
    }

    #[test]
    fn the_frame_size_follows_the_datagrams() -> io::Result<()> {
        for (payload_bytes, frame_bytes) in
            [(1408, SMALL_BYTES), (1420, SMALL_BYTES), (1421, LARGE_BYTES), (3456, LARGE_BYTES)]
        {
            let mut memory = Memory::map(1, payload_bytes)?;
            assert_eq!(memory.bytes(), frame_bytes, "{payload_bytes}");
            let mut frame = Frame::new(memory.take().expect("one"));
            assert_eq!(frame.bytes_mut().len(), 0);
            memory.give_back(frame);
        }
        assert_eq!(PAYLOAD_BYTES_MAX, 3468);
        Ok(())
    }
}
