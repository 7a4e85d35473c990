//! What went over a stream, as one end of it counted.

use crate::{OfferError, Publication};
use vesta_types::StreamPosition;

/// Messages and bytes of one end of a stream. Plain numbers: whoever has a counters file reads them
/// now and then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Messages sent or received: frames, where the stream has frames of records.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Offers that were refused because a reader was behind. Always 0 at the reading end.
    pub back_pressured: u64,
}

impl StreamCounts {
    /// Counts a message that was received.
    pub const fn received(&mut self, message: &[u8]) {
        self.messages += 1;
        self.bytes += message.len() as u64;
    }

    /// Offers `message`, and counts what comes of it.
    ///
    /// # Errors
    /// Those of [`Publication::offer`].
    pub fn offer<P: Publication>(
        &mut self,
        publication: &mut P,
        message: &[u8],
    ) -> Result<StreamPosition, OfferError> {
        let outcome = publication.offer(message);
        match outcome {
            Ok(_) => self.received(message),
            Err(OfferError::BackPressured) => self.back_pressured += 1,
            Err(_) => {}
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Answers(Vec<Result<StreamPosition, OfferError>>);

    impl Publication for Answers {
        fn offer(&mut self, _: &[u8]) -> Result<StreamPosition, OfferError> {
            self.0.pop().expect("an answer for each offer")
        }
        fn is_connected(&self) -> bool {
            true
        }
        fn reader_count(&self) -> usize {
            1
        }
        fn message_len_max(&self) -> usize {
            100
        }
        fn fragment_len_max(&self) -> usize {
            100
        }
    }

    #[test]
    fn only_what_was_taken_counts() {
        let mut publication = Answers(vec![
            Err(OfferError::NotConnected),
            Err(OfferError::BackPressured),
            Ok(StreamPosition(64)),
        ]);
        let mut counts = StreamCounts::default();
        assert!(counts.offer(&mut publication, b"seven b").is_ok());
        assert_eq!(counts.offer(&mut publication, b"x"), Err(OfferError::BackPressured));
        assert_eq!(counts.offer(&mut publication, b"x"), Err(OfferError::NotConnected));
        assert_eq!(counts, StreamCounts { messages: 1, bytes: 7, back_pressured: 1 });
    }
}
