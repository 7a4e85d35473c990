//! An AF_XDP socket on one queue of the interface: four rings and the frames that go round them.
//!
//! ```text
//!   free --post--> fill ring --(a frame comes in)--> receive ring --receive--> ours --> free
//!   free --take--> ours --send--> transmit ring --(it went out)--> completion ring --reap--> free
//! ```
//!
//! The kernel sleeps where it may: a ring's flag says when it wants to be woken (`NEED_WAKEUP`). In
//! copy mode it wants that for every send, and never to receive.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use xdp::nic::NicIndex;
use xdp::slab::{HeapSlab, Slab};
use xdp::socket::{BindFlags, SocketError, XdpSocket, XdpSocketBuilder};
use xdp::{Packet, RingConfig, RingConfigBuilder, WakableRings};

use super::umem::{Frame, Memory};

/// Frames that wait to be filled. A burst longer than this overruns us, as it would a socket's
/// buffer: twice the default window of 128 KiB in the smallest datagrams that Aeron packs.
const POSTED_MAX: usize = 2048;
/// Frames on their way out. Too low -> sends are refused in a burst.
const SENDING_MAX: usize = 1024;
/// The rest are received frames that their reader has not looked at.
pub(super) const HELD_MAX: usize = 1024;
const FRAME_COUNT: usize = POSTED_MAX + SENDING_MAX + HELD_MAX;
/// Frames taken from or put on a ring in one go.
pub(super) const BATCH_MAX: usize = 64;

/// The kernel lets go of a queue 15 to 20 ms after its last socket was closed.
const BIND_RETRY_COUNT: usize = 40;
const BIND_RETRY: Duration = Duration::from_millis(5);

/// Whether frames go between interface and memory without a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroCopy {
    /// Where the driver can.
    #[default]
    Auto,
    /// Or the datapath is not to be had.
    Require,
    /// Never.
    Off,
}

pub(super) struct Queue {
    rings: WakableRings,
    fill_flags: RingFlags,
    transmit_flags: RingFlags,
    memory: Memory,
    received: HeapSlab,
    to_send: HeapSlab,
    posted: usize,
    sending: usize,
    socket: RawFd,
}

// SAFETY: the packets in the slabs point into `memory`, which goes where they go, and the mapped
// flags are the process's, not a thread's.
unsafe impl Send for Queue {}

impl Queue {
    /// Binds to queue `index` of the interface.
    pub(super) fn open(
        interface: u32,
        index: u32,
        payload_bytes_max: usize,
        zero_copy: ZeroCopy,
    ) -> io::Result<(Self, XdpSocket)> {
        let memory = Memory::map(FRAME_COUNT as u32, payload_bytes_max)?;
        let mut retries = BIND_RETRY_COUNT;
        let (rings, fill_flags, transmit_flags, socket) = loop {
            let mut builder = XdpSocketBuilder::new().map_err(error_of)?;
            let (rings, mut flags) =
                builder.build_wakable_rings(memory.umem_ref(), ring_config()?).map_err(error_of)?;
            match zero_copy {
                ZeroCopy::Auto => {}
                ZeroCopy::Require => BindFlags::force_zerocopy(&mut flags),
                ZeroCopy::Off => BindFlags::force_copy(&mut flags),
            }
            let (fill_flags, transmit_flags) = RingFlags::map(builder.as_raw_fd())?;
            match builder.bind(NicIndex::new(interface), index, flags).map_err(error_of) {
                Ok(socket) => break (rings, fill_flags, transmit_flags, socket),
                Err(e) if e.raw_os_error() == Some(libc::EBUSY) && retries > 0 => {
                    retries -= 1;
                    std::thread::sleep(BIND_RETRY);
                }
                Err(error) => return Err(error),
            }
        };
        let mut this = Self {
            rings,
            fill_flags,
            transmit_flags,
            memory,
            received: HeapSlab::with_capacity(BATCH_MAX),
            to_send: HeapSlab::with_capacity(BATCH_MAX),
            posted: 0,
            sending: 0,
            socket: socket.as_raw_fd(),
        };
        this.post();
        Ok((this, socket))
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Takes what has come in off the ring, at most [`BATCH_MAX`] frames: [`next`](Self::next) has
    /// them one by one.
    pub(super) fn receive(&mut self) {
        if let Some(ring) = &mut self.rings.rx_ring {
            // SAFETY: the packets are handed on as frames, which come back before the memory goes.
            let count = unsafe { ring.recv(self.memory.umem_ref(), &mut self.received) };
            self.posted -= count;
        }
    }

    /// The next received frame.
    pub(super) fn next(&mut self) -> Option<Frame> {
        self.received.pop_back().map(Frame::new)
    }

    /// Takes a received frame back.
    pub(super) fn give_back(&mut self, frame: Frame) {
        self.memory.give_back(frame);
    }

    /// Offers free frames to be filled; true if the kernel was woken for it.
    pub(super) fn post(&mut self) -> bool {
        let wanted = POSTED_MAX - self.posted;
        // By whole batches: the ring's shared words change hands less often.
        if wanted < BATCH_MAX {
            return false;
        }
        // SAFETY: the memory outlives the socket: it is dropped after it (see `Interface`).
        let posted = unsafe { self.rings.fill_ring.enqueue(self.memory.umem(), wanted, false) };
        // Without a wake-up there is no system call that could fail.
        let posted = posted.unwrap_or(0);
        self.posted += posted;
        let wake = posted > 0 && self.fill_flags.needs_wakeup();
        if wake {
            // SAFETY: receives nothing; a failure leaves it to the next call.
            unsafe {
                libc::recv(self.socket, std::ptr::null_mut(), 0, libc::MSG_DONTWAIT);
            }
        }
        wake
    }

    /// An empty frame to send; `None` while too many are on their way out.
    pub(super) fn take(&mut self) -> Option<Packet> {
        if self.sending + self.to_send.len() >= SENDING_MAX || self.to_send.available() == 0 {
            return None;
        }
        self.memory.take()
    }

    /// A copy of a received frame, for a second reader.
    pub(super) fn copy_of(&mut self, frame: &Frame) -> Option<Frame> {
        let mut packet = self.memory.take()?;
        let length = i32::try_from(frame.bytes().len()).ok()?;
        if packet.adjust_tail(length).is_err() {
            self.memory.give_back(Frame::new(packet));
            return None;
        }
        packet.copy_from_slice(frame.bytes());
        Some(Frame::new(packet))
    }

    /// Puts a frame in line to be sent.
    pub(super) fn push(&mut self, packet: Packet) {
        let refused = self.to_send.push_front(packet);
        debug_assert!(refused.is_none(), "`take` left a place");
    }

    /// Puts the line on the ring; true if the kernel is to be [woken](wake) for it.
    pub(super) fn send(&mut self) -> bool {
        if let Some(ring) = &mut self.rings.tx_ring {
            // SAFETY: the memory outlives the socket: it is dropped after it (see `Interface`).
            let sent = unsafe { ring.send(&mut self.to_send, false) };
            self.sending += sent.unwrap_or(0);
        }
        // The ring has room for all that may be on its way, so that the line is empty now.
        debug_assert!(self.to_send.is_empty());
        self.transmit_flags.needs_wakeup()
    }

    /// Takes back what went out.
    pub(super) fn reap(&mut self) {
        if self.sending > 0 {
            let sending = self.sending;
            self.sending -= self.rings.completion_ring.dequeue(self.memory.umem(), sending);
        }
    }
}

/// Tells the kernel to look at the transmit ring of `socket`.
///
/// # Errors
/// When the socket is dead; what is only full is no error, as the frames stay on the ring.
pub(super) fn wake(socket: RawFd) -> io::Result<()> {
    /// The kernel takes 32 frames at a time and says EAGAIN when there are more.
    const ROUNDS_MAX: usize = 64;
    for _ in 0..ROUNDS_MAX {
        // SAFETY: sends nothing from memory.
        let result = unsafe {
            libc::sendto(socket, std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0)
        };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => {}
            // The interface is busy, full, or down for now: the frames wait.
            Some(libc::EBUSY | libc::ENOBUFS | libc::ENETDOWN) => return Ok(()),
            _ => return Err(error),
        }
    }
    Ok(())
}

/// True if the bound socket goes without copies.
pub(super) fn is_zero_copy(socket: &XdpSocket) -> bool {
    let mut options: libc::xdp_options = libc::xdp_options { flags: 0 };
    // SAFETY: the option is this struct, which outlives the call.
    let result = unsafe {
        let mut length = size_of::<libc::xdp_options>() as u32;
        let value = (&raw mut options).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_XDP, libc::XDP_OPTIONS, value, &mut length)
    };
    result == 0 && options.flags & libc::XDP_OPTIONS_ZEROCOPY != 0
}

fn ring_config() -> io::Result<RingConfig> {
    let builder = RingConfigBuilder {
        rx_count: POSTED_MAX as u32,
        fill_count: POSTED_MAX as u32,
        tx_count: SENDING_MAX as u32,
        completion_count: SENDING_MAX as u32,
    };
    builder.build().map_err(io::Error::other)
}

/// The operating system's error in one of the crate's.
fn error_of(error: SocketError) -> io::Error {
    match error {
        SocketError::SocketCreation(inner)
        | SocketError::Bind(inner)
        | SocketError::SetSockOpt { inner, .. }
        | SocketError::GetSockOpt { inner, .. }
        | SocketError::RingMap { inner, .. } => inner,
    }
}

/// The flags of a ring that we produce for, which the crate does not show: its first page, mapped
/// once more.
struct RingFlags {
    page: NonNull<u8>,
    bytes: usize,
    at: usize,
}

impl RingFlags {
    /// Those of the fill and of the transmit ring.
    fn map(socket: RawFd) -> io::Result<(Self, Self)> {
        // SAFETY: all-zero is a valid value of this struct of numbers, which outlives the call.
        let offsets = unsafe {
            let mut offsets: libc::xdp_mmap_offsets = std::mem::zeroed();
            let mut length = size_of::<libc::xdp_mmap_offsets>() as u32;
            let value = (&raw mut offsets).cast();
            if libc::getsockopt(socket, libc::SOL_XDP, libc::XDP_MMAP_OFFSETS, value, &mut length)
                < 0
            {
                return Err(io::Error::last_os_error());
            }
            offsets
        };
        let fill = Self::of(socket, offsets.fr.flags, libc::XDP_UMEM_PGOFF_FILL_RING as i64)?;
        let transmit = Self::of(socket, offsets.tx.flags, libc::XDP_PGOFF_TX_RING)?;
        Ok((fill, transmit))
    }

    fn of(socket: RawFd, at: u64, ring: libc::off_t) -> io::Result<Self> {
        let at = at as usize;
        let bytes = at + size_of::<AtomicU32>();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: asks for a new mapping of a ring that the socket has.
        let page = unsafe {
            libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, socket, ring)
        };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let page = NonNull::new(page.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { page, bytes, at })
    }

    fn needs_wakeup(&self) -> bool {
        // SAFETY: inside the mapping, aligned as the kernel laid it out, and written by the kernel
        // as one word.
        let flags = unsafe { &*self.page.as_ptr().add(self.at).cast::<AtomicU32>() };
        flags.load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }
}

impl Drop for RingFlags {
    fn drop(&mut self) {
        // SAFETY: mapped in `of` with this length, and unmapped once.
        unsafe { libc::munmap(self.page.as_ptr().cast(), self.bytes) };
    }
}
