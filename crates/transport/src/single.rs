//! Watching over a stream that has exactly one publisher: the input log, the event log.

use crate::{Fragment, ImageId, Input};
use vesta_types::StreamPosition;

/// What ends a reader of a stream. Gaps are never skipped, so there is no going on from here
/// without a replay: the process exits and says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The publisher is gone.
    #[error(
        "lost the {stream}: {}",
        if *.end_of_stream { "its publisher closed it" } else { "its publisher went silent (no heartbeat within the image liveness timeout)" }
    )]
    Lost {
        /// Which stream, in words.
        stream: &'static str,
        /// True when the publisher said goodbye.
        end_of_stream: bool,
    },
    /// We came after messages had been published that we can not have.
    #[error(
        "joined the {stream} late, at position {position}: what came before is not to be had; start this role before orders flow"
    )]
    JoinedLate {
        /// Which stream, in words.
        stream: &'static str,
        /// Bytes missed.
        position: StreamPosition,
    },
}

/// The one publisher of a stream, as its reader knows it: the first that appears.
///
/// Others are ignored and counted, whatever they send: a second sequencer that somebody starts by
/// mistake, or a stranger on the network, must not end a reader that is well.
#[derive(Debug)]
pub struct SinglePublisher {
    stream: &'static str,
    must_see_start: bool,
    image: Option<ImageId>,
    rivals: u64,
}

impl SinglePublisher {
    /// Watches over `stream` (its name in words). With `must_see_start` a reader that joins late
    /// is a fault: for streams that only make sense from their first message.
    #[must_use]
    pub const fn new(stream: &'static str, must_see_start: bool) -> Self {
        Self { stream, must_see_start, image: None, rivals: 0 }
    }

    /// True while the publisher is there.
    #[must_use]
    pub const fn is_joined(&self) -> bool {
        self.image.is_some()
    }

    /// Publishers that were ignored because there was one already.
    #[must_use]
    pub const fn rivals(&self) -> u64 {
        self.rivals
    }

    /// Takes what the subscription delivers; returns the messages of the one publisher.
    ///
    /// # Errors
    /// When the publisher is gone, or its start was missed and matters.
    pub fn admit<'a>(&mut self, input: Input<'a>) -> Result<Option<Fragment<'a>>, StreamFault> {
        match input {
            Input::Joined { .. } if self.image.is_some() => {
                self.rivals += 1;
                Ok(None)
            }
            Input::Joined { position, .. } if self.must_see_start && position.0 != 0 => {
                Err(StreamFault::JoinedLate { stream: self.stream, position })
            }
            Input::Joined { image, .. } => {
                self.image = Some(image);
                Ok(None)
            }
            Input::Fragment(fragment) => {
                Ok((self.image == Some(fragment.image)).then_some(fragment))
            }
            Input::Lost { image, .. } if self.image != Some(image) => Ok(None),
            Input::Lost { end_of_stream, .. } => {
                self.image = None;
                Err(StreamFault::Lost { stream: self.stream, end_of_stream })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: ImageId = ImageId(1);
    const STRANGER: ImageId = ImageId(2);

    const fn joined(image: ImageId, position: i64) -> Input<'static> {
        Input::Joined { image, position: StreamPosition(position) }
    }

    const fn said(image: ImageId) -> Input<'static> {
        Input::Fragment(Fragment { image, position: StreamPosition(64), bytes: b"message" })
    }

    const fn lost(image: ImageId) -> Input<'static> {
        Input::Lost { image, position: StreamPosition(64), end_of_stream: false }
    }

    #[test]
    fn a_second_publisher_is_ignored_whatever_it_does() {
        let mut publisher = SinglePublisher::new("input log", true);
        assert!(matches!(publisher.admit(joined(OURS, 0)), Ok(None)));
        for input in [joined(STRANGER, 0), said(STRANGER), lost(STRANGER), joined(STRANGER, 96)] {
            assert!(matches!(publisher.admit(input), Ok(None)), "{input:?}");
        }
        assert!(matches!(publisher.admit(said(OURS)), Ok(Some(_))));
        assert_eq!(publisher.rivals(), 2);
        let fault = StreamFault::Lost { stream: "input log", end_of_stream: false };
        assert_eq!(publisher.admit(lost(OURS)).err(), Some(fault));
        assert!(!publisher.is_joined());
    }

    #[test]
    fn a_late_join_is_a_fault_where_the_start_matters() {
        let late = |must_see_start| {
            SinglePublisher::new("event log", must_see_start).admit(joined(OURS, 96)).is_err()
        };
        assert_eq!((late(true), late(false)), (true, false));
    }
}
