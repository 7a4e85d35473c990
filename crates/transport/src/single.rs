//! Watching over a stream that has exactly one publisher: the input log, the event log.

use crate::ImageId;
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
    /// Two publishers write what only one may write.
    #[error("a second publisher appeared on the {stream}: only one may write it")]
    SecondPublisher {
        /// Which stream, in words.
        stream: &'static str,
    },
}

/// The one publisher of a stream, as its reader knows it.
#[derive(Debug)]
pub struct SinglePublisher {
    stream: &'static str,
    must_see_start: bool,
    image: Option<ImageId>,
}

impl SinglePublisher {
    /// Watches over `stream` (its name in words). With `must_see_start` a reader that joins late
    /// is a fault: for streams that only make sense from their first message.
    #[must_use]
    pub const fn new(stream: &'static str, must_see_start: bool) -> Self {
        Self { stream, must_see_start, image: None }
    }

    /// True while the publisher is there.
    #[must_use]
    pub const fn is_joined(&self) -> bool {
        self.image.is_some()
    }

    /// On [`Input::Joined`](crate::Input::Joined).
    ///
    /// # Errors
    /// When there is a publisher already, or when the start was missed and matters.
    pub fn on_joined(&mut self, image: ImageId, at: StreamPosition) -> Result<(), StreamFault> {
        if self.image.is_some() {
            return Err(StreamFault::SecondPublisher { stream: self.stream });
        }
        if self.must_see_start && at.0 != 0 {
            return Err(StreamFault::JoinedLate { stream: self.stream, position: at });
        }
        self.image = Some(image);
        Ok(())
    }

    /// On [`Input::Lost`](crate::Input::Lost): always a fault.
    pub fn on_lost(&mut self, end_of_stream: bool) -> StreamFault {
        self.image = None;
        StreamFault::Lost { stream: self.stream, end_of_stream }
    }
}
