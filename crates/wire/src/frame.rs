//! Frames: several messages in one Aeron fragment, behind a frame message of their own.

use crate::event::EventFrame;
use crate::gate::{WireError, decode, peek};
use crate::layout::{Message, SbeHeader, encode};
use crate::md::MdFrame;
use crate::record::LogFrame;
use alloc::vec::Vec;
use zerocopy::IntoBytes;

/// A message that stands in front of others in a frame, and says how many there are.
pub trait FrameMessage: Message {
    /// Messages in the frame.
    fn count(&self) -> u16;
}

impl FrameMessage for LogFrame {
    fn count(&self) -> u16 {
        self.count.get()
    }
}

impl FrameMessage for EventFrame {
    fn count(&self) -> u16 {
        self.count.get()
    }
}

impl FrameMessage for MdFrame {
    fn count(&self) -> u16 {
        self.count.get()
    }
}

/// Packs messages behind a frame message `H`. Allocates once, at construction.
#[derive(Debug)]
pub struct FrameBuilder<H: Message> {
    buffer: Vec<u8>,
    len_max: usize,
    count: u16,
    header: core::marker::PhantomData<H>,
}

impl<H: Message> FrameBuilder<H> {
    /// A builder of frames of at most `len_max` bytes: the publication's longest fragment.
    ///
    /// # Panics
    /// When `len_max` does not hold the frame message and one message of 256 bytes.
    #[must_use]
    pub fn new(len_max: usize) -> Self {
        assert!(len_max >= H::LEN + 256, "a fragment of {len_max} bytes is too short for a frame");
        let mut buffer = Vec::with_capacity(len_max);
        buffer.resize(H::LEN, 0);
        Self { buffer, len_max, count: 0, header: core::marker::PhantomData }
    }

    /// How many messages the frame holds.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// True while the frame holds no message.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// True when a message of `len` bytes still fits.
    #[must_use]
    pub fn fits(&self, len: usize) -> bool {
        self.buffer.len() + len <= self.len_max && self.count < u16::MAX
    }

    /// Appends a message that is in bytes already, header included.
    ///
    /// # Panics
    /// When it does not fit: ask [`fits`](Self::fits) first.
    pub fn push_bytes(&mut self, message: &[u8]) {
        assert!(self.fits(message.len()), "the frame is full");
        self.buffer.extend_from_slice(message);
        self.count += 1;
    }

    /// Appends a message.
    ///
    /// # Panics
    /// As [`push_bytes`](Self::push_bytes).
    pub fn push<M: Message>(&mut self, message: &M) {
        assert!(self.fits(M::LEN), "the frame is full");
        self.buffer.extend_from_slice(SbeHeader::of::<M>().as_bytes());
        self.buffer.extend_from_slice(message.as_bytes());
        self.count += 1;
    }

    /// Writes the frame message and returns the whole frame; it stays until [`clear`](Self::clear),
    /// so that it can be offered again.
    pub fn finish(&mut self, header: &H) -> &[u8] {
        encode(header, &mut self.buffer);
        &self.buffer
    }

    /// Empties the frame.
    pub fn clear(&mut self) {
        self.buffer.truncate(H::LEN);
        self.count = 0;
    }
}

/// Opens a frame: its frame message, and the messages behind it.
///
/// # Errors
/// The first rule that the frame message breaks. Each message is checked when it is reached.
pub fn open_frame<H: FrameMessage>(bytes: &[u8]) -> Result<(&H, Messages<'_>), WireError> {
    let front = bytes.get(..H::LEN).unwrap_or(bytes);
    let header = decode::<H>(front)?;
    Ok((header, Messages { rest: &bytes[H::LEN..], left: header.count() }))
}

/// The messages of a frame, each as its bytes (header included), in order. Ends after an error.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    left: u16,
}

impl<'a> Messages<'a> {
    fn stop(&mut self, error: WireError) -> Option<Result<&'a [u8], WireError>> {
        (self.rest, self.left) = (&[], 0);
        Some(Err(error))
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<&'a [u8], WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let len = self.rest.len();
        if self.left == 0 {
            return match len {
                0 => None,
                _ => self.stop(WireError::Oversized { len, need: 0 }),
            };
        }
        let header = match peek(self.rest) {
            Ok(header) => header,
            Err(error) => return self.stop(error),
        };
        let need = SbeHeader::LEN + usize::from(header.block_length.get());
        if len < need {
            return self.stop(WireError::Truncated { len, need });
        }
        let (message, rest) = self.rest.split_at(need);
        self.rest = rest;
        self.left -= 1;
        Some(Ok(message))
    }
}

/// A queue of messages that are numbered densely and leave packed in frames: the output of every
/// role that writes a log or a feed.
///
/// ```text
///   queue  [....gone....|message n|message n+1|...]   head = n's first byte
///   frame  [frame message, first = n][message n]..[message m]   offered until it is taken
/// ```
#[derive(Debug)]
pub struct Outbox<H: Message> {
    queue: Vec<u8>,
    head: usize,
    first: u64,
    queued: u64,
    frame: FrameBuilder<H>,
    /// Bytes from `head` on that are in the frame already: one that was refused is offered again, and
    /// takes in what has come meanwhile, instead of being made anew.
    framed: usize,
}

impl<H: Message> Outbox<H> {
    /// An outbox whose first message has number `first`, that sends frames of at most
    /// `frame_len_max` bytes, with room for `capacity` bytes of messages before it allocates.
    #[must_use]
    pub fn new(first: u64, frame_len_max: usize, capacity: usize) -> Self {
        Self {
            queue: Vec::with_capacity(capacity),
            head: 0,
            first,
            queued: 0,
            frame: FrameBuilder::new(frame_len_max),
            framed: 0,
        }
    }

    /// The number that the next message gets.
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        self.first + self.queued
    }

    /// Messages that have not left yet.
    #[must_use]
    pub const fn queued(&self) -> u64 {
        self.queued
    }

    /// Bytes of messages that have not left yet.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.queue.len() - self.head
    }

    /// Bytes that the queue has asked for: `capacity`, unless more had to wait.
    #[must_use]
    pub fn room_bytes(&self) -> usize {
        self.queue.capacity()
    }

    /// True when everything has left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// Queues a message and returns its number.
    pub fn push<M: Message>(&mut self, message: &M) -> u64 {
        self.queue.extend_from_slice(SbeHeader::of::<M>().as_bytes());
        self.queue.extend_from_slice(message.as_bytes());
        self.number_last()
    }

    /// Queues a message that is in bytes already, header included, and returns its number.
    pub fn push_bytes(&mut self, message: &[u8]) -> u64 {
        self.queue.extend_from_slice(message);
        self.number_last()
    }

    /// As [`push_bytes`](Self::push_bytes); `change` is handed the copy that leaves.
    pub fn push_changed(&mut self, message: &[u8], change: impl FnOnce(&mut [u8])) -> u64 {
        let start = self.queue.len();
        self.queue.extend_from_slice(message);
        change(&mut self.queue[start..]);
        self.number_last()
    }

    fn number_last(&mut self) -> u64 {
        let number = self.next_number();
        self.queued += 1;
        number
    }

    /// Drops everything that is queued; the numbers are spent. Returns how many messages went.
    pub fn discard(&mut self) -> u64 {
        let dropped = self.queued;
        self.first += dropped;
        self.queued = 0;
        self.queue.clear();
        (self.head, self.framed) = (0, 0);
        self.frame.clear();
        dropped
    }

    /// Sends all that is queued, frame by frame. `header` makes the frame message from the number
    /// of the first message and their count; `offer` sends. Returns the frames sent.
    ///
    /// # Errors
    /// `offer`'s first error: the frame that it refused, and all behind it, stay queued.
    pub fn flush<E>(
        &mut self,
        mut header: impl FnMut(u64, u16) -> H,
        mut offer: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut sent = 0;
        while self.queued > 0 {
            let mut end = self.head + self.framed;
            while end < self.queue.len() {
                let len = message_len(&self.queue[end..]);
                if !self.frame.fits(len) {
                    break;
                }
                self.frame.push_bytes(&self.queue[end..end + len]);
                end += len;
            }
            let count = self.frame.count();
            assert!(count > 0, "every message fits a frame of its own");
            if let Err(error) = offer(self.frame.finish(&header(self.first, count))) {
                self.framed = end - self.head;
                self.reclaim();
                return Err(error);
            }
            sent += 1;
            (self.head, self.framed) = (end, 0);
            self.frame.clear();
            self.first += u64::from(count);
            self.queued -= u64::from(count);
        }
        self.queue.clear();
        self.head = 0;
        Ok(sent)
    }

    /// Under steady back-pressure the queue is never empty: what has left makes room here, once it
    /// is the larger part, so that each byte is moved at most once on average.
    fn reclaim(&mut self) {
        if self.head > self.queue.len() / 2 {
            self.queue.copy_within(self.head.., 0);
            self.queue.truncate(self.queue.len() - self.head);
            self.head = 0;
        }
    }
}

/// Bytes of the message at the front of `bytes`, which we wrote.
fn message_len(bytes: &[u8]) -> usize {
    SbeHeader::LEN + usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::md::DeleteOrder;

    fn header(first: u64, count: u16) -> MdFrame {
        MdFrame {
            feed_seq: first.into(),
            event_seq: 0.into(),
            time_ns: 0.into(),
            shard: 1.into(),
            count: count.into(),
            reserved: [0; 2],
        }
    }

    fn delete(order_id: u64) -> DeleteOrder {
        DeleteOrder { order_id: order_id.into(), instrument: 1.into(), reserved: [0; 4] }
    }

    #[test]
    fn messages_leave_in_order_and_survive_back_pressure() {
        let mut outbox = Outbox::<MdFrame>::new(1, 300, 1024);
        for id in 1..=50 {
            assert_eq!(outbox.push(&delete(id)), id);
        }
        let mut seen = Vec::new();
        let mut refuse = true;
        while !outbox.is_empty() {
            let _ = outbox.flush(header, |frame| {
                refuse = !refuse;
                if refuse {
                    return Err("back-pressured");
                }
                assert!(frame.len() <= 300);
                let (head, messages) = open_frame::<MdFrame>(frame).unwrap();
                assert_eq!(head.feed_seq.get(), seen.len() as u64 + 1);
                for message in messages {
                    seen.push(decode::<DeleteOrder>(message.unwrap()).unwrap().order_id.get());
                }
                Ok(())
            });
        }
        assert_eq!(seen, (1..=50).collect::<Vec<_>>());
        assert_eq!(outbox.next_number(), 51);
    }

    #[test]
    fn a_refused_frame_takes_in_what_has_come_meanwhile() {
        let mut outbox = Outbox::<MdFrame>::new(1, 300, 1024);
        outbox.push(&delete(1));
        assert_eq!(outbox.flush(header, |_| Err("back-pressured")), Err("back-pressured"));
        outbox.push(&delete(2));
        assert_eq!(outbox.flush(header, |_| Err("back-pressured")), Err("back-pressured"));
        let changed = outbox.push_changed(
            &{
                let mut bytes = [0; DeleteOrder::LEN];
                encode(&delete(9), &mut bytes);
                bytes
            },
            |bytes| {
                bytes[SbeHeader::LEN..SbeHeader::LEN + 8].copy_from_slice(&3_u64.to_le_bytes());
            },
        );
        assert_eq!(changed, 3);
        let mut frames = Vec::new();
        let sent = outbox.flush(header, |frame| {
            let (head, messages) = open_frame::<MdFrame>(frame).unwrap();
            let id = |message: &[u8]| decode::<DeleteOrder>(message).unwrap().order_id.get();
            frames.push((head.feed_seq.get(), messages.map(|m| id(m.unwrap())).collect()));
            Ok::<(), ()>(())
        });
        assert_eq!((sent, frames), (Ok(1), vec![(1, vec![1, 2, 3])]));
        // What was refused and then dropped is in no later frame.
        outbox.push(&delete(4));
        assert!(outbox.flush(header, |_| Err(())).is_err());
        assert_eq!((outbox.discard(), outbox.push(&delete(5))), (1, 5));
        let first = outbox.flush(header, |frame| {
            let (head, messages) = open_frame::<MdFrame>(frame).unwrap();
            assert_eq!((head.feed_seq.get(), messages.count()), (5, 1));
            Ok::<(), ()>(())
        });
        assert_eq!(first, Ok(1));
    }

    #[test]
    fn discarded_numbers_are_spent() {
        let mut outbox = Outbox::<MdFrame>::new(1, 300, 64);
        outbox.push(&delete(1));
        outbox.push(&delete(2));
        assert_eq!(outbox.discard(), 2);
        assert_eq!(outbox.push(&delete(3)), 3);
    }

    #[test]
    fn a_queue_that_never_empties_does_not_grow() {
        let mut outbox = Outbox::<MdFrame>::new(1, 300, 1024);
        let (mut pushed, mut seen) = (0, 0);
        for round in 0..10_000 {
            for _ in 0..10 {
                pushed += 1;
                outbox.push(&delete(pushed));
            }
            let mut room = if round == 0 { 0 } else { 1 };
            let _ = outbox.flush(header, |frame| {
                if room == 0 {
                    return Err(());
                }
                room -= 1;
                let (_, messages) = open_frame::<MdFrame>(frame).unwrap();
                for message in messages {
                    seen += 1;
                    assert_eq!(decode::<DeleteOrder>(message.unwrap()).unwrap().order_id, seen);
                }
                Ok(())
            });
            assert!(outbox.queued() > 0, "the premise: it never empties");
            assert_eq!(outbox.pending_bytes(), outbox.queued() as usize * DeleteOrder::LEN);
        }
        assert_eq!(seen + outbox.queued(), pushed);
        assert!(outbox.queue.capacity() <= 1024, "{} bytes", outbox.queue.capacity());
    }

    #[test]
    #[should_panic(expected = "too short for a frame")]
    fn a_frame_holds_any_message() {
        let _ = Outbox::<MdFrame>::new(1, MdFrame::LEN + 255, 0);
    }

    #[test]
    fn a_frame_cut_short_is_named() {
        let mut builder = FrameBuilder::<MdFrame>::new(400);
        builder.push(&delete(1));
        let bytes = builder.finish(&header(1, 1)).to_vec();
        for len in 0..bytes.len() {
            let whole = open_frame::<MdFrame>(&bytes[..len])
                .is_ok_and(|(_, mut messages)| messages.all(|m| m.is_ok()));
            assert!(!whole, "{len}");
        }
    }
}
