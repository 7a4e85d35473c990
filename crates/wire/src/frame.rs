//! Frames: several messages in one Aeron fragment, behind a frame message of their own.

use crate::gate::{WireError, decode, peek};
use crate::layout::{Message, SbeHeader, encode};
use alloc::vec::Vec;
use zerocopy::IntoBytes;

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
pub fn open_frame<H: Message>(bytes: &[u8]) -> Result<(&H, Messages<'_>), WireError> {
    let front = bytes.get(..H::LEN).unwrap_or(bytes);
    let header = decode::<H>(front)?;
    Ok((header, Messages { rest: &bytes[H::LEN..] }))
}

/// The messages of a frame, each as its bytes (header included), in order. Ends after an error.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<&'a [u8], WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let header = match peek(self.rest) {
            Ok(header) => header,
            Err(error) => {
                self.rest = &[];
                return Some(Err(error));
            }
        };
        let need = SbeHeader::LEN + usize::from(header.block_length.get());
        if self.rest.len() < need {
            let len = self.rest.len();
            self.rest = &[];
            return Some(Err(WireError::Truncated { len, need }));
        }
        let (message, rest) = self.rest.split_at(need);
        self.rest = rest;
        Some(Ok(message))
    }
}
