//! Reading the event log: each event once, none left out.

use crate::event::{self, EventFrame};
use crate::frame::open_frame;
use crate::gate::WireError;
use vesta_types::EventSeq;

/// The event log can not be followed from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventLogError {
    /// A frame or an event is not one.
    #[error("the event log breaks the rules of its messages: {0}")]
    Malformed(#[from] WireError),
    /// Events are missing.
    #[error("the event log skips from {expected} to {found}: events are missing")]
    Gap {
        /// The event that had to come.
        expected: EventSeq,
        /// The one that came.
        found: EventSeq,
    },
}

/// Where a reader of the event log stands. Engines emit identical bytes, and an engine that takes
/// over repeats some: duplicates are dropped by their number.
#[derive(Clone, Copy, Debug)]
pub struct EventReader {
    next: EventSeq,
}

impl Default for EventReader {
    fn default() -> Self {
        Self { next: EventSeq(1) }
    }
}

impl EventReader {
    /// The event that comes next.
    #[must_use]
    pub const fn next(&self) -> EventSeq {
        self.next
    }

    /// Hands each event of a frame that was not seen yet to `handler`, in order.
    ///
    /// # Errors
    /// When events are missing or malformed; the events in front of the fault were handed over.
    /// `handler`'s own error ends the frame too.
    pub fn read<E: From<EventLogError>>(
        &mut self,
        frame: &[u8],
        mut handler: impl FnMut(EventSeq, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (_, messages) = open_frame::<EventFrame>(frame).map_err(EventLogError::from)?;
        for message in messages {
            let message = message.map_err(EventLogError::from)?;
            let stamp =
                event::stamp(message).ok_or(EventLogError::Malformed(WireError::Truncated {
                    len: message.len(),
                    need: 32,
                }))?;
            let found = EventSeq(stamp.event_seq.get());
            if found < self.next {
                continue;
            }
            if found > self.next {
                return Err(EventLogError::Gap { expected: self.next, found }.into());
            }
            handler(found, message)?;
            self.next = found.next();
        }
        Ok(())
    }
}
