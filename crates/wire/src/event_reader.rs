//! Reading the event log: each event once, none left out.

use crate::event::{self, EventFrame, EventStamp};
use crate::frame::open_frame;
use crate::gate::WireError;
use crate::layout::SbeHeader;
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
                    need: SbeHeader::LEN + size_of::<EventStamp>(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StateHash;
    use crate::layout::Message;
    use crate::{FrameBuilder, encode};

    fn frame(events: &[u64]) -> Vec<u8> {
        let mut builder = FrameBuilder::<EventFrame>::new(1_024);
        for &event_seq in events {
            let (event_seq, seq, time_ns) = (event_seq.into(), 1.into(), 1.into());
            let stamp = EventStamp { event_seq, seq, time_ns };
            builder.push(&StateHash { stamp, state_hash: 0.into() });
        }
        let first = events.first().copied().unwrap_or(0);
        let count = (events.len() as u16).into();
        let header =
            EventFrame { first_event_seq: first.into(), shard: 1.into(), count, reserved: [0; 10] };
        builder.finish(&header).to_vec()
    }

    fn read(reader: &mut EventReader, frame: &[u8]) -> (Vec<u64>, Result<(), EventLogError>) {
        let mut seen = Vec::new();
        let outcome = reader.read(frame, |event_seq, _| {
            seen.push(event_seq.0);
            Ok(())
        });
        (seen, outcome)
    }

    #[test]
    fn each_event_once() {
        let mut reader = EventReader::default();
        assert_eq!(read(&mut reader, &frame(&[1, 2])), (vec![1, 2], Ok(())));
        assert_eq!(read(&mut reader, &frame(&[1, 2, 3])), (vec![3], Ok(())));
        assert_eq!(read(&mut reader, &frame(&[2])), (vec![], Ok(())));
        assert_eq!(reader.next(), EventSeq(4));
    }

    #[test]
    fn a_gap_is_never_skipped() {
        let mut reader = EventReader::default();
        let gap = EventLogError::Gap { expected: EventSeq(3), found: EventSeq(4) };
        assert_eq!(read(&mut reader, &frame(&[1, 2, 4])), (vec![1, 2], Err(gap)));
        assert_eq!(reader.next(), EventSeq(3));
        assert_eq!(read(&mut reader, &frame(&[3])), (vec![3], Ok(())));
    }

    #[test]
    fn what_is_no_frame_is_named_and_read_up_to_the_fault() {
        let whole = frame(&[1, 2]);
        for len in 0..whole.len() {
            let (seen, outcome) = read(&mut EventReader::default(), &whole[..len]);
            assert!(matches!(outcome, Err(EventLogError::Malformed(_))), "{len}");
            assert!(seen == [] as [u64; 0] || seen == [1]);
        }
        // A message that is too short to hold a stamp.
        let mut builder = FrameBuilder::<EventFrame>::new(1_024);
        let mut short = [0; StateHash::LEN];
        let stamp = EventStamp { event_seq: 1.into(), seq: 1.into(), time_ns: 1.into() };
        encode(&StateHash { stamp, state_hash: 0.into() }, &mut short);
        short[0] = 8;
        builder.push_bytes(&short[..16]);
        let header = EventFrame {
            first_event_seq: 1.into(),
            shard: 1.into(),
            count: 1.into(),
            reserved: [0; 10],
        };
        let bytes = builder.finish(&header).to_vec();
        let (_, outcome) = read(&mut EventReader::default(), &bytes);
        assert!(matches!(outcome, Err(EventLogError::Malformed(WireError::Truncated { .. }))));
    }

    #[test]
    fn the_handlers_error_leaves_the_event_unread() {
        let mut reader = EventReader::default();
        let fault = EventLogError::Malformed(WireError::UnknownTemplate(9));
        let refuse = |event_seq: EventSeq, _: &[u8]| {
            if event_seq.0 == 2 { Err(fault) } else { Ok(()) }
        };
        assert_eq!(reader.read(&frame(&[1, 2, 3]), refuse), Err(fault));
        assert_eq!(reader.next(), EventSeq(2));
    }
}
