//! The reading end.

use super::frame::{Header, frame_words, load, message_len_max};
use super::{POSITION_MAX, RingFault, RingShared};
use crate::sync::Ordering;

/// The reading end of a ring: one, used by one thread.
#[derive(Debug)]
pub struct Receiver<S: RingShared> {
    shared: S,
    /// Ours: what was taken. It is never read back from where the other side could have written.
    head: u64,
    /// The sender's, as last seen.
    tail: u64,
    /// A message is copied out before it is looked at: in shared memory it could change meanwhile.
    message: Box<[u8]>,
    fault: Option<RingFault>,
}

impl<S: RingShared> Receiver<S> {
    /// Goes on where the shared counters are.
    ///
    /// # Errors
    /// When they can not be.
    pub(super) fn new(shared: S) -> Result<Self, RingFault> {
        let head = shared.head().load(Ordering::Acquire);
        let message = vec![0; message_len_max(shared.words().len())].into_boxed_slice();
        let mut receiver = Self { shared, head, tail: head, message, fault: None };
        if head > POSITION_MAX {
            let capacity = receiver.shared.words().len() as u64;
            return Err(RingFault::Head { head, tail: head, capacity });
        }
        receiver.tail = receiver.look()?;
        Ok(receiver)
    }

    /// The sender's counter, which goes neither back nor beyond what fits.
    fn look(&self) -> Result<u64, RingFault> {
        // Acquire: the frames in front of the counter are there.
        let tail = self.shared.tail().load(Ordering::Acquire);
        let (head, capacity) = (self.head, self.shared.words().len() as u64);
        if tail < self.tail || tail - head > capacity {
            return Err(RingFault::Tail { tail, head, capacity });
        }
        Ok(tail)
    }

    /// Hands up to `limit` messages to `handler`, in order, and returns how many. The room that they
    /// took is given back at the end.
    ///
    /// # Errors
    /// When the sender wrote what can not be: then, and on every later call. The messages in front
    /// of it were handed over.
    pub fn poll(
        &mut self,
        limit: usize,
        mut handler: impl FnMut(&[u8]),
    ) -> Result<usize, RingFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let before = self.head;
        let taken = self.take(limit, &mut handler);
        if self.head != before {
            // Release: what was read is read before the sender may write over it.
            self.shared.head().store(self.head, Ordering::Release);
        }
        self.fault = taken.err();
        taken
    }

    fn take(&mut self, limit: usize, handler: &mut dyn FnMut(&[u8])) -> Result<usize, RingFault> {
        let mut taken = 0;
        while taken < limit {
            if self.head == self.tail {
                self.tail = self.look()?;
                if self.head == self.tail {
                    break;
                }
            }
            let words = self.shared.words();
            let index = (self.head & (words.len() as u64 - 1)) as usize;
            self.shared.will_read(index..index + 1);
            let header = words[index].load(Ordering::Relaxed);
            let broken = RingFault::Frame { position: self.head, header };
            // A frame ends within the ring and within what was published.
            let left = (words.len() - index).min((self.tail - self.head) as usize);
            match Header::from_word(header) {
                Some(Header::Padding) if left == words.len() - index => self.head += left as u64,
                Some(Header::Message { len })
                    if len <= self.message.len() && frame_words(len) <= left =>
                {
                    let frame = frame_words(len);
                    self.shared.will_read(index + 1..index + frame);
                    let message = &mut self.message[..len];
                    load(&words[index + 1..index + frame], message);
                    self.head += frame as u64;
                    taken += 1;
                    handler(message);
                }
                _ => return Err(broken),
            }
        }
        Ok(taken)
    }
}
