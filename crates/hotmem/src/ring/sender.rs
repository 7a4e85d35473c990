//! The writing end.

use super::frame::{Header, frame_words, message_len_max, store};
use super::{POSITION_MAX, RingFault, RingShared};
use crate::sync::Ordering;

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// No room: the receiver is behind. Nothing was written; push again later.
    #[error("the ring is full")]
    Full,
    /// A message has 1 to [`Sender::message_len_max`] bytes.
    #[error("a message of {len} bytes; 1 to {len_max} go into this ring")]
    Length {
        /// Bytes offered.
        len: usize,
        /// Bytes admitted.
        len_max: usize,
    },
    /// The receiver is broken.
    #[error(transparent)]
    Fault(#[from] RingFault),
}

/// The writing end of a ring: one, used by one thread.
#[derive(Debug)]
pub struct Sender<S: RingShared> {
    shared: S,
    /// Ours: what was pushed. It is never read back from where the other side could have written.
    tail: u64,
    /// Of it, what was published.
    published: u64,
    /// The receiver's, as last seen.
    head: u64,
}

impl<S: RingShared> Sender<S> {
    /// Goes on where the shared counters are.
    ///
    /// # Errors
    /// When they can not be.
    pub(super) fn new(shared: S) -> Result<Self, RingFault> {
        let tail = shared.tail().load(Ordering::Acquire);
        let mut sender = Self { shared, tail, published: tail, head: 0 };
        if tail > POSITION_MAX {
            return Err(RingFault::Tail { tail, head: 0, capacity: sender.capacity() });
        }
        sender.head = sender.look(tail.saturating_sub(sender.capacity()))?;
        Ok(sender)
    }

    fn capacity(&self) -> u64 {
        self.shared.words().len() as u64
    }

    /// Longest message, in bytes: a little under half of the ring.
    #[must_use]
    pub fn message_len_max(&self) -> usize {
        message_len_max(self.shared.words().len())
    }

    /// Words that were published and not taken yet, as far as is known without a look.
    #[must_use]
    pub const fn waiting_words_max(&self) -> u64 {
        self.published.saturating_sub(self.head)
    }

    /// The receiver's counter, which must lie between what was seen before and what was published.
    fn look(&self, at_least: u64) -> Result<u64, RingFault> {
        // Acquire: what the receiver read before it moved on is read before we write over it.
        let head = self.shared.head().load(Ordering::Acquire);
        if head < at_least || head > self.published {
            let (tail, capacity) = (self.published, self.capacity());
            return Err(RingFault::Head { head, tail, capacity });
        }
        Ok(head)
    }

    /// Appends a message; the receiver sees it after the next [`publish`](Self::publish).
    ///
    /// # Errors
    /// When it has no room, is of no length that fits, or the receiver is broken.
    pub fn push(&mut self, message: &[u8]) -> Result<(), PushError> {
        let (len, len_max) = (message.len(), self.message_len_max());
        if len == 0 || len > len_max {
            return Err(PushError::Length { len, len_max });
        }
        let capacity = self.shared.words().len();
        let index = (self.tail & (capacity as u64 - 1)) as usize;
        let frame = frame_words(len);
        // What is left up to the end of the ring, where a frame does not wrap.
        let left = capacity - index;
        let padding = if frame > left { left } else { 0 };
        let tail = self.tail + (padding + frame) as u64;
        if tail - self.head > capacity as u64 {
            self.head = self.look(self.head)?;
            if tail - self.head > capacity as u64 {
                return Err(PushError::Full);
            }
        }
        let words = self.shared.words();
        let start = if padding > 0 {
            self.shared.will_write(index..index + 1);
            words[index].store(Header::Padding.to_word(), Ordering::Relaxed);
            0
        } else {
            index
        };
        self.shared.will_write(start..start + frame);
        words[start].store(Header::Message { len }.to_word(), Ordering::Relaxed);
        store(&words[start + 1..start + frame], message);
        self.tail = tail;
        Ok(())
    }

    /// Shows the receiver everything that was pushed. What is not published when the sender ends is
    /// lost.
    pub fn publish(&mut self) {
        if self.published != self.tail {
            self.published = self.tail;
            // Release: who sees the counter sees the frames in front of it.
            self.shared.tail().store(self.tail, Ordering::Release);
        }
    }
}
