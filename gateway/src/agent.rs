//! The gateway joined to a transport and a socket.

use crate::inbound::{DropReason, Gateway, Inbound, Settings, refusal};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use vesta_transport::{
    DatagramSocket, Flow, OfferError, Publication, SendOutcome, SinglePublisher, StreamCounts,
    StreamFault, StreamId, Subscription, Transport, TransportError,
};
use vesta_types::{EventSeq, RejectCounts, RejectReason, TimeNs};
use vesta_wire::client::Origin;
use vesta_wire::control::GatewayHello;
use vesta_wire::{EventLogError, EventReader, Message, WireError, encode, event, record};

/// Datagrams taken in one duty cycle.
const DATAGRAMS_PER_CYCLE: usize = 32;
/// Fragments of the event log taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 16;
/// Longer than any request, so that an oversized one is seen as such and not cut to fit.
const DATAGRAM_LEN_MAX: usize = 2_048;

/// Where the gateway's streams are.
#[derive(Clone, Debug)]
pub struct Links {
    /// Channel and stream of the commands, to write.
    pub orders: (String, StreamId),
    /// Channel and stream of the sequencer's way back, to read.
    pub back: (String, StreamId),
    /// Channel and stream of the event log, to read.
    pub event_log: (String, StreamId),
}

/// The ids of a gateway's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Commands.
    pub orders: StreamId,
    /// The sequencer's way back.
    pub back: StreamId,
    /// Events.
    pub event_log: StreamId,
}

/// Why a gateway stops.
#[derive(Debug, thiserror::Error)]
pub enum GatewayStop {
    /// A stream that it reads ended.
    #[error(transparent)]
    Stream(#[from] StreamFault),
    /// The event log can not be followed.
    #[error(transparent)]
    EventLog(#[from] EventLogError),
    /// The sequencer sent what is not a message.
    #[error("a message of the sequencer breaks its rules: {0}")]
    Sequencer(WireError),
}

/// What a gateway counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received.
    pub datagrams: u64,
    /// Commands sent to the sequencer.
    pub forwarded: u64,
    /// Datagrams refused with a report.
    pub refused: u64,
    /// Datagrams too short to be answered.
    pub runts: u64,
    /// Reports that came here, where none belong.
    pub strays: u64,
    /// Reports sent.
    pub reports: u64,
    /// Reports that the network refused.
    pub reports_dropped: u64,
    /// Datagrams refused with a report, by reason.
    pub refused_by: RejectCounts,
    /// Clients' datagrams.
    pub clients_in: StreamCounts,
    /// Reports to clients.
    pub clients_out: StreamCounts,
    /// Messages of stream 10.
    pub orders: StreamCounts,
    /// Messages of stream 11.
    pub back: StreamCounts,
    /// Frames of stream 30.
    pub event_log: StreamCounts,
}

impl Counters {
    const fn sent(&mut self, report: &[u8]) {
        self.reports += 1;
        self.clients_out.received(report);
    }
}

/// The gateway role on a transport and a socket.
pub struct GatewayAgent<T: Transport, D: DatagramSocket> {
    gateway: Gateway,
    socket: D,
    orders: T::Publication,
    greeted: bool,
    back: T::Subscription,
    events: T::Subscription,
    sequencer: SinglePublisher,
    engine: SinglePublisher,
    reader: EventReader,
    outgoing: Outgoing,
    counters: Counters,
    latest: Option<TimeNs>,
    is_draining: bool,
    streams: Streams,
    datagram: Box<[u8; DATAGRAM_LEN_MAX]>,
}

/// Reports that the socket's buffer had no room for; no event is read while any waits.
#[derive(Default)]
struct Outgoing {
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Outgoing {
    fn send<D: DatagramSocket>(
        &mut self,
        socket: &mut D,
        counters: &mut Counters,
        to: SocketAddr,
        report: &[u8],
    ) {
        if !self.waiting.is_empty() {
            self.waiting.push_back((to, report.to_vec()));
            return;
        }
        match socket.send(report, to) {
            SendOutcome::Sent => counters.sent(report),
            SendOutcome::Full => self.waiting.push_back((to, report.to_vec())),
            SendOutcome::Refused => counters.reports_dropped += 1,
        }
    }

    fn flush<D: DatagramSocket>(&mut self, socket: &mut D, counters: &mut Counters) -> usize {
        let mut sent = 0;
        while let Some((to, report)) = self.waiting.front() {
            match socket.send(report, *to) {
                SendOutcome::Full => break,
                SendOutcome::Sent => counters.sent(report),
                SendOutcome::Refused => counters.reports_dropped += 1,
            }
            self.waiting.pop_front();
            sent += 1;
        }
        sent
    }
}

impl<T: Transport, D: DatagramSocket> GatewayAgent<T, D> {
    /// Opens the streams of a gateway; its clients come by `socket`.
    ///
    /// # Errors
    /// When a stream can not be opened.
    pub fn new(
        transport: &mut T,
        links: &Links,
        socket: D,
        settings: Settings,
    ) -> Result<Self, TransportError> {
        Ok(Self {
            gateway: Gateway::new(settings),
            socket,
            orders: transport.add_publication(&links.orders.0, links.orders.1)?,
            greeted: false,
            back: transport.add_subscription(&links.back.0, links.back.1)?,
            events: transport.add_subscription(&links.event_log.0, links.event_log.1)?,
            sequencer: SinglePublisher::new("sequencer's stream to the gateway", false),
            engine: SinglePublisher::new("event log", true),
            reader: EventReader::default(),
            outgoing: Outgoing::default(),
            counters: Counters::default(),
            latest: None,
            is_draining: false,
            streams: Streams {
                orders: links.orders.1,
                back: links.back.1,
                event_log: links.event_log.1,
            },
            datagram: Box::new([0; DATAGRAM_LEN_MAX]),
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

    /// Reports that wait for room in the socket's buffer.
    #[must_use]
    pub fn reports_waiting(&self) -> usize {
        self.outgoing.waiting.len()
    }

    /// Publishers of the streams that it reads that were ignored, because there was one already.
    #[must_use]
    pub const fn rivals(&self) -> u64 {
        self.sequencer.rivals() + self.engine.rivals()
    }

    /// When what the latest duty cycle reported first was sequenced; `None` when it reported nothing.
    #[must_use]
    pub const fn latest(&self) -> Option<TimeNs> {
        self.latest
    }

    /// The latest event whose reports have been sent; 0 before the first.
    #[must_use]
    pub fn event_seq(&self) -> EventSeq {
        EventSeq(self.reader.next().0 - 1)
    }

    /// From here on every command is refused ([`RejectReason::NotReady`]). How long to wait for the
    /// answers to those before.
    pub const fn drain(&mut self) -> Duration {
        self.is_draining = true;
        self.gateway.settings.drain_max
    }

    /// Commands that were passed on and whose answers have not left. One that the sequencer could not tell
    /// us that it refused stays among them.
    #[must_use]
    pub fn open(&self) -> u64 {
        let unanswered = self.counters.forwarded.saturating_sub(self.gateway.answered);
        unanswered + self.reports_waiting() as u64
    }

    /// True when commands can go to the sequencer and their outcomes come back, and it is not to end.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_draining
            && self.engine.is_joined()
            && self.sequencer.is_joined()
            && self.orders.is_connected()
            && self.greeted
            && self.gateway.is_admitting()
    }

    /// One duty cycle; returns how much was done.
    ///
    /// # Errors
    /// When the gateway can not go on.
    pub fn do_work(&mut self) -> Result<usize, GatewayStop> {
        self.greet();
        let mut work = self.outgoing.flush(&mut self.socket, &mut self.counters);
        work += self.poll_events()?;
        work += self.poll_sequencer()?;
        work += self.poll_clients();
        Ok(work)
    }

    /// Tells a sequencer that appears who we are, before any command: it must know whom it loses.
    fn greet(&mut self) {
        if !self.orders.is_connected() {
            self.greeted = false;
        } else if !self.greeted {
            let gateway = self.gateway.settings.gateway;
            let hello = GatewayHello { gateway: gateway.0.into(), reserved: [0; 4] };
            let mut bytes = [0; GatewayHello::LEN];
            self.greeted = self.orders.offer(encode(&hello, &mut bytes)).is_ok();
        }
    }

    fn poll_events(&mut self) -> Result<usize, GatewayStop> {
        let Self { gateway, socket, events, engine, reader, outgoing, counters, latest, .. } = self;
        let mut stop = None;
        *latest = None;
        let taken = events.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if stop.is_some() || !outgoing.waiting.is_empty() {
                return Flow::Retry;
            }
            let outcome = match engine.admit(input) {
                Ok(None) => Ok(()),
                Err(fault) => Err(fault.into()),
                Ok(Some(fragment)) => {
                    counters.event_log.received(fragment.bytes);
                    reader
                        .read(fragment.bytes, |_, event| {
                            if latest.is_none() {
                                *latest = event::stamp(event).map(|s| TimeNs(s.time_ns.get()));
                            }
                            gateway
                                .on_event(event, &mut |to, report| {
                                    outgoing.send(socket, counters, to, report);
                                })
                                .map_err(EventLogError::from)
                        })
                        .map_err(GatewayStop::from)
                }
            };
            stop = outcome.err();
            Flow::Taken
        });
        stop.map_or(Ok(taken), Err)
    }

    fn poll_sequencer(&mut self) -> Result<usize, GatewayStop> {
        let Self { gateway, socket, back, sequencer, outgoing, counters, .. } = self;
        let mut stop = None;
        let taken = back.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if stop.is_some() || !outgoing.waiting.is_empty() {
                return Flow::Retry;
            }
            let outcome = match sequencer.admit(input) {
                Ok(None) => Ok(()),
                Err(fault) => Err(fault.into()),
                Ok(Some(fragment)) => {
                    counters.back.received(fragment.bytes);
                    gateway
                        .on_sequencer(fragment.bytes, &mut |to, report| {
                            outgoing.send(socket, counters, to, report);
                        })
                        .map_err(GatewayStop::Sequencer)
                }
            };
            stop = outcome.err();
            Flow::Taken
        });
        stop.map_or(Ok(taken), Err)
    }

    fn poll_clients(&mut self) -> usize {
        let ready = self.is_ready();
        let mut taken = 0;
        // While reports wait no datagram is taken: what is owed goes first, and the queue is bounded.
        while taken < DATAGRAMS_PER_CYCLE && self.outgoing.waiting.is_empty() {
            let Some((len, from)) = self.socket.receive(&mut self.datagram[..]) else { break };
            taken += 1;
            self.counters.datagrams += 1;
            let datagram = &self.datagram[..len.min(DATAGRAM_LEN_MAX)];
            self.counters.clients_in.received(datagram);
            let refused = match self.gateway.on_datagram(from, datagram, ready) {
                Inbound::Forward(record) => {
                    match forward(&mut self.orders, &mut self.counters.orders, record) {
                        Ok(()) => {
                            self.counters.forwarded += 1;
                            continue;
                        }
                        Err(report) => report,
                    }
                }
                Inbound::Refuse(report) => report,
                Inbound::Drop(DropReason::Runt) => {
                    self.counters.runts += 1;
                    continue;
                }
                Inbound::Drop(DropReason::Report) => {
                    self.counters.strays += 1;
                    continue;
                }
            };
            self.counters.refused += 1;
            if let Some(reason) = RejectReason::from_wire(refused.reason.get()) {
                self.counters.refused_by.count(reason);
            }
            let mut bytes = [0; vesta_wire::client::RefusedReport::LEN];
            let report = encode(&refused, &mut bytes);
            self.outgoing.send(&mut self.socket, &mut self.counters, from, report);
        }
        taken
    }
}

/// Offers a record to the sequencer; what it does not take is refused to the client at once, who
/// decides whether to ask again.
fn forward<P: Publication>(
    orders: &mut P,
    counts: &mut StreamCounts,
    record: &[u8],
) -> Result<(), vesta_wire::client::RefusedReport> {
    let reason = match counts.offer(orders, record) {
        Ok(_) => return Ok(()),
        Err(OfferError::BackPressured) => RejectReason::Overloaded,
        Err(OfferError::NotConnected | OfferError::Closed | OfferError::TooLong { .. }) => {
            RejectReason::NotReady
        }
    };
    let blank = Origin { client_seq: 0.into(), session: 0.into(), session_epoch: 0.into() };
    Err(refusal(record::origin(record).unwrap_or(&blank), reason))
}
