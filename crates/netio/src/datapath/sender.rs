//! Sending what Aeron hands over in one call: as few messages, in as few system calls, as the
//! kernel allows.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use super::counters::Block;
use super::options::UDP_SEGMENT;
use super::segments::{Run, first_run};
use super::send_direct;
use super::send_ring::SendRing;
use super::settings::{SendVia, UringSettings};

/// Aeron sends at most this many datagrams in one call (its own limit for a vector).
pub(super) const BATCH_MAX: usize = 64;
/// A control message with the length of a segment.
const CONTROL_LEN: usize = 24;
const _: () = assert!(size_of::<libc::cmsghdr>() + size_of::<usize>() <= CONTROL_LEN);

/// An agent thread's way out, for one driver.
pub(super) struct Sender {
    /// `None`: by system calls of their own.
    ring: Option<SendRing>,
    messages: Box<Messages>,
    gso: bool,
    counts: Arc<Block>,
}

/// What goes to the kernel in one call. Boxed, as its fields point to each other.
struct Messages {
    headers: [libc::mmsghdr; BATCH_MAX],
    vectors: [libc::iovec; BATCH_MAX],
    controls: [[usize; CONTROL_LEN / size_of::<usize>()]; BATCH_MAX],
    runs: [Run; BATCH_MAX],
}

/// Where to.
#[derive(Clone, Copy)]
pub(super) struct Destination {
    pub(super) socket: RawFd,
    /// Null where the socket is connected.
    pub(super) address: *mut libc::sockaddr_storage,
    pub(super) address_len: libc::socklen_t,
}

/// What became of it: the datagrams sent before the first that was not.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) count: usize,
    pub(super) bytes: usize,
    /// Why the next was not sent.
    pub(super) error: Option<io::Error>,
}

impl Sender {
    /// For the calling thread.
    pub(super) fn new(settings: &UringSettings, counts: Arc<Block>) -> io::Result<Self> {
        let ring = match settings.send {
            SendVia::Ring => Some(SendRing::new()?),
            SendVia::Direct => None,
        };
        // SAFETY: all-zero is valid: null pointers and numbers.
        let messages = Box::new(unsafe { std::mem::zeroed() });
        Ok(Self { ring, messages, gso: settings.gso, counts })
    }

    /// Sends each vector as a datagram. `gso_refused` is the socket's: set, and counted, when the
    /// kernel refuses to send several datagrams as one on its route (an interface without the
    /// checksum offload that this needs, or datagrams longer than the interface's MTU).
    ///
    /// # Errors
    /// When the ring broke; nothing is in flight then.
    ///
    /// # Safety
    /// The vectors and the address must be readable for the call.
    pub(super) unsafe fn send(
        &mut self,
        to: Destination,
        vectors: &[libc::iovec],
        gso_refused: &mut bool,
    ) -> io::Result<Sent> {
        let mut sent = Sent::default();
        while sent.count < vectors.len() {
            let rest = &vectors[sent.count..];
            let count = self.messages.prepare(to, rest, self.gso && !*gso_refused);
            let headers = &mut self.messages.headers[..count];
            self.counts.send_calls.add(1);
            // SAFETY: the headers were just made to point to what the caller says is readable.
            let (taken, error) = unsafe {
                match &mut self.ring {
                    Some(ring) => ring.send(to.socket, headers)?,
                    None => send_direct::send(to.socket, headers),
                }
            };
            for run in &self.messages.runs[..taken] {
                sent.count += run.count;
                sent.bytes += run.bytes;
                if run.count > 1 {
                    self.counts.gso_sends.add(1);
                    self.counts.gso_segments.add(run.count as u64);
                }
            }
            match error {
                None if taken > 0 => {}
                None => break,
                Some(error) => {
                    let was_run = self.messages.runs[taken.min(count - 1)].count > 1;
                    if was_run && is_refusal(&error) {
                        *gso_refused = true;
                        self.counts.gso_fallbacks.add(1);
                        continue;
                    }
                    self.counts.send_errors.add(1);
                    sent.error = Some(error);
                    break;
                }
            }
        }
        self.counts.datagrams_sent.add(sent.count as u64);
        Ok(sent)
    }
}

/// What kernels say to a segmented send that the route can not carry.
fn is_refusal(error: &io::Error) -> bool {
    let codes = [libc::EINVAL, libc::EIO, libc::EOPNOTSUPP, libc::EMSGSIZE, libc::ENOPROTOOPT];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

impl Messages {
    /// Makes messages of `vectors`, and says how many.
    fn prepare(&mut self, to: Destination, vectors: &[libc::iovec], gso: bool) -> usize {
        let mut rest = vectors;
        let mut count = 0;
        while count < BATCH_MAX
            && let Some(run) = first_run(rest, gso)
        {
            self.vectors[count] = libc::iovec { iov_base: rest[0].iov_base, iov_len: run.bytes };
            let header = &mut self.headers[count].msg_hdr;
            header.msg_name = to.address.cast();
            header.msg_namelen = to.address_len;
            header.msg_iov = &raw mut self.vectors[count];
            header.msg_iovlen = 1;
            (header.msg_control, header.msg_controllen) = (std::ptr::null_mut(), 0);
            if run.count > 1 {
                header.msg_control = (&raw mut self.controls[count]).cast();
                header.msg_controllen = CONTROL_LEN;
                set_segment(header, run.segment as u16);
            }
            self.runs[count] = run;
            rest = &rest[run.count..];
            count += 1;
        }
        count
    }
}

/// Writes the control message that tells the kernel where to cut.
fn set_segment(header: &mut libc::msghdr, segment: u16) {
    // SAFETY: the control buffer is ours, aligned for the header of a message, and has room for
    // one with a u16 (asserted above).
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = libc::IPPROTO_UDP;
        (*message).cmsg_type = UDP_SEGMENT;
        (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as usize;
        libc::CMSG_DATA(message).cast::<u16>().write_unaligned(segment);
        header.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as u32) as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    use crate::datapath::counters::DatapathCounters;
    use crate::datapath::skip_without_uring;

    /// A way of sending, with what it counts.
    fn senders(gso: bool) -> Vec<(Sender, DatapathCounters)> {
        let ways = if skip_without_uring() {
            vec![SendVia::Direct]
        } else {
            vec![SendVia::Direct, SendVia::Ring]
        };
        ways.into_iter()
            .map(|send| {
                let counters = DatapathCounters::default();
                let settings = UringSettings { send, gso, ..UringSettings::default() };
                (Sender::new(&settings, counters.block()).expect("a sender"), counters)
            })
            .collect()
    }

    fn sockets() -> (UdpSocket, UdpSocket) {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        receiver.set_nonblocking(true).expect("non-blocking");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        sender.connect(receiver.local_addr().expect("bound")).expect("connected");
        (receiver, sender)
    }

    fn send(sender: &mut Sender, socket: &UdpSocket, vectors: &[libc::iovec]) -> Sent {
        let to = Destination {
            socket: socket.as_raw_fd(),
            address: std::ptr::null_mut(),
            address_len: 0,
        };
        // SAFETY: the tests keep what they send until this returns.
        unsafe { sender.send(to, vectors, &mut false) }.expect("the ring works")
    }

    /// Vectors of these lengths in `memory`, one after the other.
    fn cut(memory: &mut [u8], lengths: &[usize]) -> Vec<libc::iovec> {
        let mut rest = memory;
        let mut vectors = Vec::new();
        for &len in lengths {
            let (datagram, behind) = rest.split_at_mut(len);
            vectors.push(libc::iovec { iov_base: datagram.as_mut_ptr().cast(), iov_len: len });
            rest = behind;
        }
        vectors
    }

    fn received(socket: &UdpSocket) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let mut buffer = vec![0; 70_000];
        while let Ok(len) = socket.recv(&mut buffer) {
            all.push(buffer[..len].to_vec());
        }
        all
    }

    #[test]
    fn datagrams_arrive_as_they_were_cut_with_gso_and_without() {
        for gso in [false, true] {
            for (mut sender, counters) in senders(gso) {
                let (receiver, socket) = sockets();
                let mut memory: Vec<u8> = (0..8_000).map(|n| (n / 7) as u8).collect();
                let kept = memory.clone();
                let lengths = [64, 64, 64, 32, 96, 1_408, 1_408, 1_408, 700, 1, 1];
                let sent = send(&mut sender, &socket, &cut(&mut memory, &lengths));
                assert!(sent.error.is_none());
                assert_eq!((sent.count, sent.bytes), (11, lengths.iter().sum::<usize>()));
                // Overwritten at once: what arrives is what was there during the call.
                memory.fill(255);
                let mut expected = Vec::new();
                let mut at = 0;
                for len in lengths {
                    expected.push(kept[at..at + len].to_vec());
                    at += len;
                }
                assert_eq!(received(&receiver), expected, "gso {gso}");
                let counts = counters.snapshot();
                assert_eq!((counts.datagrams_sent, counts.send_calls), (11, 1));
                let runs = if gso { (3, 4 + 4 + 2) } else { (0, 0) };
                assert_eq!((counts.gso_sends, counts.gso_segments), runs);
            }
        }
    }

    #[test]
    fn what_can_not_be_sent_is_reported_after_what_was() {
        for (mut sender, _) in senders(true) {
            let (receiver, socket) = sockets();
            let mut memory = vec![7; 80_000];
            let sent = send(&mut sender, &socket, &cut(&mut memory, &[8, 70_000, 8]));
            assert_eq!((sent.count, sent.bytes), (1, 8));
            assert_eq!(sent.error.and_then(|e| e.raw_os_error()), Some(libc::EMSGSIZE));
            assert_eq!(received(&receiver)[0], [7; 8]);
        }
    }

    #[test]
    fn a_socket_that_can_not_segment_falls_back_once_and_sends_all() {
        for (mut sender, counters) in senders(true) {
            let (receiver, socket) = sockets();
            // Without UDP checksums the kernel refuses to segment: EIO.
            let on: libc::c_int = 1;
            // SAFETY: the option is an int, which outlives the call.
            let result = unsafe {
                libc::setsockopt(
                    socket.as_raw_fd(),
                    libc::SOL_SOCKET,
                    libc::SO_NO_CHECK,
                    (&raw const on).cast(),
                    size_of::<libc::c_int>() as libc::socklen_t,
                )
            };
            assert_eq!(result, 0);
            let to = Destination {
                socket: socket.as_raw_fd(),
                address: std::ptr::null_mut(),
                address_len: 0,
            };
            let mut memory = vec![1; 1_000];
            let vectors = cut(&mut memory, &[100; 10]);
            let mut refused = false;
            for _ in 0..2 {
                // SAFETY: the memory outlives the call.
                let sent = unsafe { sender.send(to, &vectors, &mut refused) }.expect("works");
                assert_eq!(sent.count, 10);
            }
            assert!(refused);
            assert_eq!(received(&receiver), vec![vec![1; 100]; 20]);
            let counts = counters.snapshot();
            assert_eq!((counts.gso_fallbacks, counts.gso_sends, counts.send_errors), (1, 0, 0));
        }
    }
}
