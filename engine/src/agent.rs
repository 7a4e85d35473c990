//! The engine joined to a transport: input log in, event log out.

use crate::apply::{ApplyError, Engine, Settings};
use crate::encoder::EventOutbox;
use crate::room::record_bytes_max;
use vesta_transport::{
    Flow, Input, OfferError, Publication, SinglePublisher, StreamCounts, StreamFault, StreamId,
    Subscription, Transport, TransportError,
};
use vesta_types::{EventSeq, ShardId, TimeNs};
use vesta_wire::event::EventFrame;
use vesta_wire::record::LogFrame;
use vesta_wire::{WireError, open_frame};

/// Fragments taken from the input log in one duty cycle: enough to batch, few enough that the
/// driver, which shares the thread, is not kept waiting for more than some tens of microseconds.
const FRAGMENTS_PER_CYCLE: usize = 16;

/// With so much output waiting no more records are applied: the readers of the event log set the pace.
/// One record may go beyond it, by [`record_bytes_max`] at most.
const PENDING_BYTES_HIGH: usize = 64 * 1024;

/// Where the engine's streams are.
#[derive(Clone, Debug)]
pub struct Links {
    /// Channel and stream of the input log, to read.
    pub input_log: (String, StreamId),
    /// Channel and stream of the event log, to write.
    pub event_log: (String, StreamId),
    /// Readers of the event log that must have joined before the first record is applied: there is
    /// no replay yet, so who is not there misses what is published.
    pub event_readers_min: usize,
}

/// Why an engine stops.
#[derive(Debug, thiserror::Error)]
pub enum EngineStop {
    /// The input log ended.
    #[error(transparent)]
    Stream(#[from] StreamFault),
    /// The input log can not be followed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A frame of the input log is not one.
    #[error("a frame of the input log breaks the rules of its message: {0}")]
    Frame(WireError),
    /// Another shard's sequencer writes where ours should.
    #[error(
        "the input log is of shard {found}, but this engine serves shard {expected}: give each shard \
         a group of its own in [streams.input_log]"
    )]
    WrongShard {
        /// The shard that is served.
        expected: ShardId,
        /// The frame's.
        found: ShardId,
    },
    /// The event log can not be written any more.
    #[error("the event log can not be written: {0}")]
    Output(OfferError),
}

/// What an engine counts, beside what its state says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames of stream 20.
    pub input_log: StreamCounts,
    /// Frames of stream 30.
    pub event_log: StreamCounts,
}

/// The engine role on a transport.
pub struct EngineAgent<T: Transport> {
    engine: Engine,
    input: T::Subscription,
    output: T::Publication,
    publisher: SinglePublisher,
    outbox: EventOutbox,
    readers_min: usize,
    streams: (StreamId, StreamId),
    open: bool,
    counters: Counters,
    latest: Option<TimeNs>,
}

impl<T: Transport> EngineAgent<T> {
    /// Opens the streams of an engine.
    ///
    /// # Errors
    /// When one can not be opened.
    pub fn new(
        transport: &mut T,
        links: &Links,
        settings: Settings,
    ) -> Result<Self, TransportError> {
        let input = transport.add_subscription(&links.input_log.0, links.input_log.1)?;
        let output = transport.add_publication(&links.event_log.0, links.event_log.1)?;
        // What has left makes room only once it is the larger part: so much again may be in front. The
        // operating system backs what is used.
        let room = 2 * PENDING_BYTES_HIGH + record_bytes_max(&settings.capacity);
        let outbox = EventOutbox::new(1, output.fragment_len_max(), room);
        Ok(Self {
            engine: Engine::new(settings),
            input,
            output,
            publisher: SinglePublisher::new("input log", true),
            outbox,
            readers_min: links.event_readers_min,
            streams: (links.input_log.1, links.event_log.1),
            open: false,
            counters: Counters::default(),
            latest: None,
        })
    }

    /// The engine's state, to read.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The latest event; 0 before the first.
    #[must_use]
    pub const fn event_seq(&self) -> EventSeq {
        EventSeq(self.outbox.next_number() - 1)
    }

    /// Bytes that the outbox has asked for: as many as at the start, however much one record makes.
    #[must_use]
    pub fn outbox_room_bytes(&self) -> usize {
        self.outbox.room_bytes()
    }

    /// The ids of input log and event log.
    #[must_use]
    pub const fn streams(&self) -> (StreamId, StreamId) {
        self.streams
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Bytes of events that have not left yet.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.outbox.pending_bytes()
    }

    /// Publishers of the input log that were ignored, because there was one already.
    #[must_use]
    pub const fn rivals(&self) -> u64 {
        self.publisher.rivals()
    }

    /// When what the latest duty cycle applied first was sequenced; `None` when it applied nothing.
    #[must_use]
    pub const fn latest(&self) -> Option<TimeNs> {
        self.latest
    }

    /// True once the readers of the event log were there and records are applied.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// One duty cycle; returns how much was done.
    ///
    /// # Errors
    /// When the engine can not go on. What it published before is good.
    pub fn do_work(&mut self) -> Result<usize, EngineStop> {
        if !self.open {
            if self.output.reader_count() < self.readers_min {
                return Ok(0);
            }
            self.open = true;
        }
        let mut work = self.flush()?;
        let polled = self.poll();
        // Also when it is the last cycle: the events of what was applied before the fault are good,
        // and somebody waits for them.
        work += self.flush()?;
        work += polled?;
        Ok(work)
    }

    fn poll(&mut self) -> Result<usize, EngineStop> {
        let Self { engine, input, publisher, output, outbox, counters, latest, .. } = self;
        // The loss of the log ends the engine: not before its events have left, while somebody reads.
        let has_readers = output.reader_count() > 0;
        let mut stop = None;
        *latest = None;
        let taken = input.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            let ends = matches!(input, Input::Lost { .. });
            if stop.is_some() || (ends && has_readers && outbox.pending_bytes() > 0) {
                return Flow::Retry;
            }
            let outcome = match publisher.admit(input) {
                Ok(Some(fragment)) => {
                    let before = engine.next_seq();
                    let applied = apply_frame(engine, fragment.bytes, outbox);
                    // A frame that comes again is counted then.
                    if matches!(applied, Ok(Flow::Taken)) {
                        counters.input_log.received(fragment.bytes);
                    }
                    if engine.next_seq() != before {
                        latest.get_or_insert(engine.time());
                    }
                    applied
                }
                Ok(None) => Ok(Flow::Taken),
                Err(fault) => Err(fault.into()),
            };
            outcome.unwrap_or_else(|error| {
                stop = Some(error);
                Flow::Taken
            })
        });
        stop.map_or(Ok(taken), Err)
    }

    fn flush(&mut self) -> Result<usize, EngineStop> {
        let shard = self.engine.shard();
        let header = |first: u64, count: u16| EventFrame {
            first_event_seq: first.into(),
            shard: shard.0.into(),
            count: count.into(),
            reserved: [0; 10],
        };
        let (output, counts) = (&mut self.output, &mut self.counters.event_log);
        match self.outbox.flush(header, |frame| counts.offer(output, frame).map(drop)) {
            Ok(frames) => Ok(frames),
            // Readers are slow, or gone for now: their image liveness decides what becomes of them.
            Err(OfferError::BackPressured | OfferError::NotConnected) => Ok(0),
            Err(error) => Err(EngineStop::Output(error)),
        }
    }
}

/// Applies the records of a frame, as far as there is room for their events. The frame is to come again
/// then, and what was applied of it is known.
fn apply_frame(
    engine: &mut Engine,
    bytes: &[u8],
    outbox: &mut EventOutbox,
) -> Result<Flow, EngineStop> {
    let (frame, records) = open_frame::<LogFrame>(bytes).map_err(EngineStop::Frame)?;
    let found = ShardId(frame.shard.get());
    if found != engine.shard() {
        return Err(EngineStop::WrongShard { expected: engine.shard(), found });
    }
    for record in records {
        if outbox.pending_bytes() >= PENDING_BYTES_HIGH {
            return Ok(Flow::Retry);
        }
        engine.apply(record.map_err(EngineStop::Frame)?, outbox)?;
    }
    Ok(Flow::Taken)
}
