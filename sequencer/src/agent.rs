//! The sequencer joined to a transport: gateways in, input log out, word back to the gateways.

use crate::order::{LogOutbox, Sequencer, Settings, Validated};
use crate::stamper::ClockJump;
use std::collections::BTreeMap;
use vesta_transport::{
    Flow, Fragment, ImageId, Input, OfferError, Publication, StreamCounts, StreamFault, StreamId,
    Subscription, Transport, TransportError,
};
use vesta_types::{GatewayId, RejectCounts, TimeNs};
use vesta_wire::control::{GatewayHello, SequencerRefusal, SequencerStatus};
use vesta_wire::{CommitLevel, Message, decode, encode, record};

/// Commands taken in one duty cycle over all gateways. Too low -> the driver's system calls of a cycle,
/// some microseconds, are shared by few; too high -> the first of a burst waits for the last, some ten
/// nanoseconds each, and the driver for all of them.
const FRAGMENTS_PER_CYCLE: usize = 256;

/// With so much of the log waiting no more commands are taken: the slowest engine sets the pace,
/// Aeron's window passes it on to the gateways, and they refuse their clients.
const PENDING_BYTES_HIGH: usize = 64 * 1024;

/// Refusals that wait for one gateway at most; beyond that they are dropped and counted, and the
/// client sends again.
const REFUSALS_MAX: usize = 1_024;

/// The way back to one gateway.
#[derive(Clone, Debug)]
pub struct GatewayLink {
    /// Which gateway.
    pub gateway: GatewayId,
    /// Channel and stream of the way back, to write.
    pub back: (String, StreamId),
}

/// Where the sequencer's streams are.
#[derive(Clone, Debug)]
pub struct Links {
    /// Channel and stream of the gateways' commands, to read.
    pub orders: (String, StreamId),
    /// Channel and stream of the input log, to write.
    pub input_log: (String, StreamId),
    /// Readers of the input log that must have joined before the first record.
    pub input_readers_min: usize,
    /// The gateways of the shard.
    pub gateways: Vec<GatewayLink>,
}

/// The ids of a sequencer's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Commands.
    pub orders: StreamId,
    /// The log.
    pub input_log: StreamId,
    /// The way back to each gateway.
    pub back: StreamId,
}

/// Why a sequencer stops.
#[derive(Debug, thiserror::Error)]
pub enum SequencerStop {
    /// A gateway is gone. Until gateway loss is sequenced nobody could say what becomes of the
    /// orders of its sessions, so the shard stops.
    #[error("gateway {gateway}: {fault}")]
    GatewayLost {
        /// Which one.
        gateway: GatewayId,
        /// What happened to its stream.
        fault: StreamFault,
    },
    /// The clock leapt.
    #[error(transparent)]
    Clock(#[from] ClockJump),
    /// The input log can not be written any more.
    #[error("the input log can not be written: {0}")]
    Output(OfferError),
}

/// What a sequencer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands that got a place in the log.
    pub sequenced: u64,
    /// Ticks and changes of trading state that it sequenced by itself.
    pub own: u64,
    /// Commands that were refused.
    pub refused: u64,
    /// Messages from whoever is no gateway of this shard.
    pub unknown_gateways: u64,
    /// Refusals that a gateway did not take in time.
    pub refusals_dropped: u64,
    /// Commands that were refused, by reason.
    pub refused_by: RejectCounts,
    /// Messages of stream 10.
    pub orders: StreamCounts,
    /// Frames of stream 20.
    pub input_log: StreamCounts,
    /// Messages of stream 11, to all gateways.
    pub back: StreamCounts,
}

/// The way back to one gateway, and what waits for it.
struct Back<P> {
    publication: P,
    status_due: bool,
    refusals: Vec<SequencerRefusal>,
}

/// The sequencer role on a transport.
pub struct SequencerAgent<T: Transport> {
    sequencer: Sequencer,
    orders: T::Subscription,
    log: T::Publication,
    back: BTreeMap<GatewayId, Back<T::Publication>>,
    /// Which gateway speaks on which image: its first message says it, and it stays.
    speakers: BTreeMap<ImageId, GatewayId>,
    outbox: LogOutbox,
    readers_min: usize,
    open: bool,
    counters: Counters,
    latest: Option<TimeNs>,
    streams: Streams,
}

impl<T: Transport> SequencerAgent<T> {
    /// Opens the streams of a sequencer.
    ///
    /// # Errors
    /// When one can not be opened.
    pub fn new(
        transport: &mut T,
        links: &Links,
        settings: Settings,
    ) -> Result<Self, TransportError> {
        let orders = transport.add_subscription(&links.orders.0, links.orders.1)?;
        let log = transport.add_publication(&links.input_log.0, links.input_log.1)?;
        let mut back = BTreeMap::new();
        for link in &links.gateways {
            let publication = transport.add_publication(&link.back.0, link.back.1)?;
            let refusals = Vec::with_capacity(REFUSALS_MAX);
            back.insert(link.gateway, Back { publication, status_due: true, refusals });
        }
        let outbox = LogOutbox::new(1, log.fragment_len_max(), 2 * PENDING_BYTES_HIGH);
        Ok(Self {
            sequencer: Sequencer::new(settings),
            orders,
            log,
            back,
            speakers: BTreeMap::new(),
            outbox,
            readers_min: links.input_readers_min,
            open: false,
            counters: Counters::default(),
            latest: None,
            streams: Streams {
                orders: links.orders.1,
                input_log: links.input_log.1,
                back: links.gateways.first().map_or(StreamId(0), |gateway| gateway.back.1),
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

    /// Bytes of the log that have not left yet.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.outbox.pending_bytes()
    }

    /// Gateways that have said who they are.
    #[must_use]
    pub fn gateway_count(&self) -> usize {
        self.speakers.len()
    }

    /// The time that the latest duty cycle stamped; `None` when it stamped nothing.
    #[must_use]
    pub const fn latest(&self) -> Option<TimeNs> {
        self.latest
    }

    /// The sequencer's state, to read.
    #[must_use]
    pub const fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// True once the readers of the log were there and commands are taken.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// One duty cycle at time `now`; returns how much was done.
    ///
    /// # Errors
    /// When the sequencer can not go on. What it published before is good.
    pub fn do_work(&mut self, now: TimeNs) -> Result<usize, SequencerStop> {
        let seq_before = self.sequencer.next_seq();
        self.latest = None;
        self.sequencer.observe(now)?;
        if !self.open {
            if self.log.reader_count() < self.readers_min {
                return Ok(0);
            }
            self.open = true;
            self.sequencer.begin(&mut self.outbox);
        }
        let mut work = self.flush_log()?;
        if self.outbox.pending_bytes() < PENDING_BYTES_HIGH {
            let fired = self.sequencer.fire(&mut self.outbox);
            self.counters.own += fired as u64;
            work += fired;
        }
        let polled = self.poll_orders();
        // Also when it is the last cycle: what has a place in the log belongs there.
        work += self.flush_log()?;
        work += polled?;
        if self.sequencer.next_seq() != seq_before {
            self.latest = Some(now);
        }
        work += self.flush_back();
        Ok(work)
    }

    fn poll_orders(&mut self) -> Result<usize, SequencerStop> {
        let Self { sequencer, orders, back, speakers, outbox, counters, .. } = self;
        let mut stop = None;
        let taken = orders.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if stop.is_some() || outbox.pending_bytes() >= PENDING_BYTES_HIGH {
                return Flow::Retry;
            }
            match input {
                Input::Joined { .. } => {}
                Input::Lost { image, end_of_stream, .. } => {
                    // Whoever never was a gateway of ours may go as it came.
                    if let Some(gateway) = speakers.remove(&image) {
                        let fault = StreamFault::Lost { stream: "orders", end_of_stream };
                        stop = Some(SequencerStop::GatewayLost { gateway, fault });
                    }
                }
                Input::Fragment(fragment) => {
                    counters.orders.received(fragment.bytes);
                    let speaker = speaker(speakers, &fragment);
                    let Some((speaker, back)) =
                        speaker.and_then(|id| Some((id, back.get_mut(&id)?)))
                    else {
                        counters.unknown_gateways += 1;
                        return Flow::Taken;
                    };
                    speakers.insert(fragment.image, speaker);
                    if decode::<GatewayHello>(fragment.bytes).is_ok() {
                        return Flow::Taken;
                    }
                    match Validated::new(fragment.bytes, speaker) {
                        Ok(command) => {
                            sequencer.sequence(&command, outbox);
                            counters.sequenced += 1;
                        }
                        Err(refusal) => {
                            counters.refused += 1;
                            counters.refused_by.count(refusal.reason);
                            if back.refusals.len() < REFUSALS_MAX {
                                back.refusals.push(refusal.message(speaker));
                            } else {
                                counters.refusals_dropped += 1;
                            }
                        }
                    }
                }
            }
            Flow::Taken
        });
        stop.map_or(Ok(taken), Err)
    }

    fn flush_log(&mut self) -> Result<usize, SequencerStop> {
        let Self { sequencer, outbox, log, counters, .. } = self;
        let counts = &mut counters.input_log;
        match outbox.flush(
            |first, count| sequencer.frame(first, count),
            |frame| counts.offer(log, frame).map(drop),
        ) {
            Ok(frames) => Ok(frames),
            Err(OfferError::BackPressured | OfferError::NotConnected) => Ok(0),
            Err(error) => Err(SequencerStop::Output(error)),
        }
    }

    /// Tells each gateway where the sequencer stands, once it listens, and what was refused.
    fn flush_back(&mut self) -> usize {
        let status = SequencerStatus {
            next_seq: self.sequencer.next_seq().0.into(),
            epoch: self.sequencer.settings().epoch.0.into(),
            shard: self.sequencer.settings().shard.0.into(),
            commit_level: CommitLevel::Received as u8,
            accepting: 1,
            reserved: [0; 6],
        };
        let (mut work, counts) = (0, &mut self.counters.back);
        for back in self.back.values_mut() {
            if !back.publication.is_connected() {
                // A gateway that comes (back) is told anew.
                back.status_due = true;
                continue;
            }
            if back.status_due && offer(&mut back.publication, counts, &status) {
                back.status_due = false;
                work += 1;
            }
            let publication = &mut back.publication;
            let sent = back.refusals.iter().take_while(|r| offer(publication, counts, *r)).count();
            back.refusals.drain(..sent);
            work += sent;
        }
        work
    }
}

/// The gateway that speaks on an image: who its first message says it is, unless that one speaks on
/// another image already.
fn speaker(speakers: &BTreeMap<ImageId, GatewayId>, fragment: &Fragment<'_>) -> Option<GatewayId> {
    if let Some(known) = speakers.get(&fragment.image) {
        return Some(*known);
    }
    let named = match decode::<GatewayHello>(fragment.bytes) {
        Ok(hello) => hello.gateway.get(),
        Err(_) => record::stamp(fragment.bytes)?.gateway.get(),
    };
    let named = GatewayId(named);
    speakers.values().all(|taken| *taken != named).then_some(named)
}

fn offer<M: Message, P: Publication>(
    publication: &mut P,
    counts: &mut StreamCounts,
    message: &M,
) -> bool {
    let mut bytes = [0; 64];
    const { assert!(M::LEN <= 64, "the scratch buffer holds every message of stream 11") };
    counts.offer(publication, encode(message, &mut bytes)).is_ok()
}
