//! The md-publisher joined to a transport.

use crate::publisher::{PublishError, Publisher, Settings};
use crate::snapshots::SnapshotRound;
use vesta_transport::{
    Flow, OfferError, Publication, SinglePublisher, StreamCounts, StreamFault, StreamId,
    Subscription, Transport, TransportError,
};
use vesta_types::TimeNs;
use vesta_wire::md::Heartbeat;
use vesta_wire::{EventReader, Message, encode};

/// Fragments of the event log taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 16;

/// Where the md-publisher's streams are.
#[derive(Clone, Debug)]
pub struct Links {
    /// Channel and stream of the event log, to read.
    pub event_log: (String, StreamId),
    /// Channel and stream of the incrementals, to write.
    pub market_data: (String, StreamId),
    /// Channel and stream of the snapshots, to write.
    pub snapshots: (String, StreamId),
}

/// The ids of an md-publisher's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Events.
    pub event_log: StreamId,
    /// What changes.
    pub market_data: StreamId,
    /// Whole books.
    pub snapshots: StreamId,
}

/// Why an md-publisher stops.
#[derive(Debug, thiserror::Error)]
pub enum MdStop {
    /// The event log ended.
    #[error(transparent)]
    Stream(#[from] StreamFault),
    /// The event log can not be followed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Market data can not be written any more.
    #[error("market data can not be written: {0}")]
    Output(OfferError),
}

/// What an md-publisher counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames of stream 40.
    pub frames: u64,
    /// Frames of stream 41.
    pub snapshot_frames: u64,
    /// Heartbeats.
    pub heartbeats: u64,
    /// Messages dropped because consumers were too slow.
    pub dropped: u64,
    /// Frames of stream 30.
    pub event_log: StreamCounts,
    /// Frames and heartbeats of stream 40.
    pub market_data: StreamCounts,
    /// Frames of stream 41.
    pub snapshots: StreamCounts,
}

/// The md-publisher role on a transport.
pub struct MdPublisherAgent<T: Transport> {
    settings: Settings,
    publisher: Publisher,
    round: SnapshotRound,
    events: T::Subscription,
    market_data: T::Publication,
    snapshots: T::Publication,
    engine: SinglePublisher,
    reader: EventReader,
    /// When stream 40 last said something, and up to which event.
    spoke: (TimeNs, u64),
    counters: Counters,
    latest: Option<TimeNs>,
    streams: Streams,
}

impl<T: Transport> MdPublisherAgent<T> {
    /// Opens the streams of an md-publisher.
    ///
    /// # Errors
    /// When one can not be opened.
    pub fn new(
        transport: &mut T,
        links: &Links,
        settings: Settings,
    ) -> Result<Self, TransportError> {
        let events = transport.add_subscription(&links.event_log.0, links.event_log.1)?;
        let market_data = transport.add_publication(&links.market_data.0, links.market_data.1)?;
        let snapshots = transport.add_publication(&links.snapshots.0, links.snapshots.1)?;
        Ok(Self {
            settings,
            publisher: Publisher::new(settings, market_data.fragment_len_max()),
            round: SnapshotRound::new(settings.snapshot_interval_ns, snapshots.fragment_len_max()),
            events,
            market_data,
            snapshots,
            engine: SinglePublisher::new("event log", true),
            reader: EventReader::default(),
            spoke: (TimeNs(0), 0),
            counters: Counters::default(),
            latest: None,
            streams: Streams {
                event_log: links.event_log.1,
                market_data: links.market_data.1,
                snapshots: links.snapshots.1,
            },
        })
    }

    /// The ids of its streams.
    #[must_use]
    pub const fn streams(&self) -> Streams {
        self.streams
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// True while an engine's event log is joined.
    #[must_use]
    pub const fn has_engine(&self) -> bool {
        self.engine.is_joined()
    }

    /// Publishers of the event log that were ignored, because there was one already.
    #[must_use]
    pub const fn rivals(&self) -> u64 {
        self.engine.rivals()
    }

    /// When what the latest duty cycle applied first was sequenced; `None` when it applied nothing.
    #[must_use]
    pub const fn latest(&self) -> Option<TimeNs> {
        self.latest
    }

    /// The publisher's state, to read.
    #[must_use]
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// One duty cycle at time `now`; returns how much was done.
    ///
    /// # Errors
    /// When the md-publisher can not go on.
    pub fn do_work(&mut self, now: TimeNs) -> Result<usize, MdStop> {
        let polled = self.poll_events();
        // Also when it is the last cycle: what was applied before the fault is good.
        let mut work = self.flush(now)?;
        work += polled?;
        work += self.snapshot(now)?;
        self.counters.dropped = self.publisher.dropped();
        Ok(work)
    }

    fn poll_events(&mut self) -> Result<usize, MdStop> {
        let Self { publisher, events, engine, reader, counters, latest, .. } = self;
        let mut stop = None;
        *latest = None;
        let taken = events.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if stop.is_some() {
                return Flow::Retry;
            }
            let outcome = match engine.admit(input) {
                Ok(Some(fragment)) => {
                    counters.event_log.received(fragment.bytes);
                    let read = reader.read(fragment.bytes, |event_seq, event| {
                        publisher.on_event(event_seq, event)
                    });
                    latest.get_or_insert(publisher.time());
                    read.map_err(MdStop::from)
                }
                Ok(None) => Ok(()),
                Err(fault) => Err(fault.into()),
            };
            stop = outcome.err();
            Flow::Taken
        });
        stop.map_or(Ok(taken), Err)
    }

    fn flush(&mut self, now: TimeNs) -> Result<usize, MdStop> {
        if !self.market_data.is_connected() {
            self.publisher.flush_to_nobody();
            return Ok(0);
        }
        let Self { publisher, market_data, counters, .. } = self;
        let outcome = publisher.flush(|frame| {
            counters.market_data.offer(market_data, frame)?;
            counters.frames += 1;
            Ok(())
        });
        let sent = tolerate(outcome)?;
        let event_seq = self.publisher.heartbeat().event_seq.get();
        if sent > 0 {
            self.spoke = (now, event_seq);
        } else if !self.publisher.is_waiting() && self.is_silent(now, event_seq) {
            return self.heartbeat(now);
        }
        Ok(sent)
    }

    /// Silence is over when the interval is, and a little earlier when there was an event without
    /// public messages: consumers that follow a command then need not wait for long.
    fn is_silent(&self, now: TimeNs, event_seq: u64) -> bool {
        let silent_ns = now.0.saturating_sub(self.spoke.0.0);
        let due_ns = if event_seq == self.spoke.1 {
            self.settings.heartbeat_interval_ns
        } else {
            self.settings.heartbeat_interval_ns / 10
        };
        silent_ns >= due_ns
    }

    fn heartbeat(&mut self, now: TimeNs) -> Result<usize, MdStop> {
        let heartbeat = self.publisher.heartbeat();
        let mut bytes = [0; Heartbeat::LEN];
        let (counts, bytes) = (&mut self.counters.market_data, encode(&heartbeat, &mut bytes));
        let offered = counts.offer(&mut self.market_data, bytes).map(|_| 1);
        let sent = tolerate(offered)?;
        if sent > 0 {
            self.counters.heartbeats += 1;
            self.spoke = (now, heartbeat.event_seq.get());
        }
        Ok(sent)
    }

    fn snapshot(&mut self, now: TimeNs) -> Result<usize, MdStop> {
        if !self.snapshots.is_connected() {
            self.round.cancel();
            return Ok(0);
        }
        self.round.advance(now, &self.publisher);
        let Self { round, snapshots, counters, settings, .. } = self;
        let outcome = round.flush(settings.shard, |frame| {
            counters.snapshots.offer(snapshots, frame)?;
            counters.snapshot_frames += 1;
            Ok(())
        });
        tolerate(outcome)
    }
}

/// Slow or absent consumers are no fault of ours.
fn tolerate(outcome: Result<usize, OfferError>) -> Result<usize, MdStop> {
    match outcome {
        Err(OfferError::BackPressured | OfferError::NotConnected) => Ok(0),
        other => other.map_err(MdStop::Output),
    }
}
