//! A side trace: when a process took a message, and when it handed one on, by the message's own
//! numbers. Joined after the run; no message carries anything for it.
//!
//! ```text
//!   agent <--poll---- TracedTransport <-- transport      entry: stream, in,  numbers, time
//!   agent ---offer--> TracedTransport --> transport      entry: stream, out, numbers, time
//! ```
//! It sits on the two seams that every agent has, `Transport` and `DatagramSocket`. Where nobody asks
//! for a trace the agents run on the transport itself, and it costs nothing. Time is the processor's
//! counter, which all cores of one machine share.

use super::BenchError;
use std::cell::RefCell;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use vesta_transport::{
    DatagramSocket, Duty, Flow, Input, OfferError, Publication, SendOutcome, StreamId,
    Subscription, Transport, TransportError,
};
use vesta_types::StreamPosition;
use vesta_wire::client::{AcceptedReport, Origin, RejectedReport};
use vesta_wire::event::EventFrame;
use vesta_wire::md::MdFrame;
use vesta_wire::record::{self, LogFrame};
use vesta_wire::{Message, SbeHeader, decode, event, open_frame, peek};
use zerocopy::FromBytes;

/// Bytes of an entry in a file.
const ENTRY_LEN: usize = 32;
/// Entries that fit: beyond, a trace is full and says so. 64 MiB.
const ENTRIES_MAX: usize = 1 << 21;
/// Clients' datagrams have no stream id.
pub const DATAGRAMS: u32 = 0;

/// Which way a message went, seen from the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// It was taken.
    In,
    /// It was handed on.
    Out,
}

/// A message at a seam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its stream; [`DATAGRAMS`] for a client's datagram.
    pub stream: u32,
    /// Which way.
    pub way: Way,
    /// `seq` of a record or of the record that an event or report is about; of a command that is not
    /// sequenced yet, and of market data, 0.
    pub seq: u64,
    /// Of a command [`command_key`]; of an event and of market data its `event_seq`.
    pub key: u64,
    /// When, in ticks of the processor's counter.
    pub ticks: u64,
}

/// One number for session and `client_seq`.
#[must_use]
pub const fn command_key(session: u32, client_seq: u64) -> u64 {
    (session as u64) << 40 | client_seq
}

/// A process's trace.
#[derive(Clone, Debug)]
pub struct Trace(Rc<RefCell<Vec<Entry>>>, quanta::Clock);

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl Trace {
    /// An empty one, its memory taken.
    #[must_use]
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(Vec::with_capacity(ENTRIES_MAX))), quanta::Clock::new())
    }

    /// Now, in ticks.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.1.raw()
    }

    fn add(&self, stream: u32, way: Way, seq: u64, key: u64, ticks: u64) {
        let mut entries = self.0.borrow_mut();
        if entries.len() < ENTRIES_MAX {
            entries.push(Entry { stream, way, seq, key, ticks });
        }
    }

    fn message(&self, stream: u32, way: Way, bytes: &[u8], ticks: u64) {
        let Ok(template_id) = peek(bytes).map(|header| header.template_id.get()) else { return };
        match template_id {
            LogFrame::TEMPLATE_ID => {
                let Ok((_, records)) = open_frame::<LogFrame>(bytes) else { return };
                for bytes in records.flatten() {
                    let key = record::origin(bytes).map_or(0, key_of);
                    let seq = record::stamp(bytes).map_or(0, |stamp| stamp.seq.get());
                    self.add(stream, way, seq, key, ticks);
                }
            }
            EventFrame::TEMPLATE_ID => {
                let Ok((_, events)) = open_frame::<EventFrame>(bytes) else { return };
                let mut last = 0;
                for stamp in events.flatten().filter_map(event::stamp) {
                    // The first event of a record stands for all of them.
                    if stamp.seq.get() != last {
                        last = stamp.seq.get();
                        self.add(stream, way, last, stamp.event_seq.get(), ticks);
                    }
                }
            }
            MdFrame::TEMPLATE_ID => {
                let front = bytes.get(..MdFrame::LEN).unwrap_or(bytes);
                if let Ok(frame) = decode::<MdFrame>(front) {
                    self.add(stream, way, 0, frame.event_seq.get(), ticks);
                }
            }
            _ => {
                if let Some(origin) = record::origin(bytes) {
                    self.add(stream, way, 0, key_of(origin), ticks);
                }
            }
        }
    }

    /// A client's datagram: a request by its key, a primary reply by `seq`.
    fn datagram(&self, way: Way, bytes: &[u8], ticks: u64) {
        let seq = match peek(bytes).map(|header| header.template_id.get()) {
            Ok(AcceptedReport::TEMPLATE_ID) => decode::<AcceptedReport>(bytes).map(|r| r.seq.get()),
            Ok(RejectedReport::TEMPLATE_ID) => decode::<RejectedReport>(bytes).map(|r| r.seq.get()),
            Ok(1..=9) => {
                let origin = bytes.get(SbeHeader::LEN..);
                let origin = origin.and_then(|rest| Origin::ref_from_prefix(rest).ok());
                if let Some((origin, _)) = origin {
                    self.add(DATAGRAMS, way, 0, key_of(origin), ticks);
                }
                return;
            }
            _ => return,
        };
        if let Ok(seq) = seq {
            self.add(DATAGRAMS, way, seq, 0, ticks);
        }
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// When that can not be written, or the trace was full.
    pub fn write(&self, path: &Path) -> Result<(), BenchError> {
        let entries = self.0.borrow();
        if entries.len() == ENTRIES_MAX {
            return Err(BenchError::BrokeDown(format!("a trace has {ENTRIES_MAX} entries: full")));
        }
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY_LEN);
        for Entry { stream, way, seq, key, ticks } in entries.iter() {
            bytes.extend(stream.to_le_bytes());
            bytes.extend(u32::from(*way == Way::Out).to_le_bytes());
            [seq, key, ticks].into_iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        }
        fs::write(path, bytes)
            .map_err(|error| BenchError::broke(&path.display().to_string(), error))
    }
}

fn key_of(origin: &Origin) -> u64 {
    command_key(origin.session.get(), origin.client_seq.get())
}

/// Reads what [`Trace::write`] wrote.
///
/// # Errors
/// When the file can not be read.
pub fn read(path: &Path) -> Result<Vec<Entry>, BenchError> {
    let bytes =
        fs::read(path).map_err(|error| BenchError::broke(&path.display().to_string(), error))?;
    let number = |entry: &[u8], at: usize| {
        entry.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |b| u64::from_le_bytes(*b))
    };
    let entries = bytes.chunks_exact(ENTRY_LEN).map(|entry| {
        let place = number(entry, 0);
        Entry {
            stream: place as u32,
            way: if place >> 32 == 0 { Way::In } else { Way::Out },
            seq: number(entry, 8),
            key: number(entry, 16),
            ticks: number(entry, 24),
        }
    });
    Ok(entries.collect())
}

/// A transport whose messages are traced.
pub struct TracedTransport<T> {
    inner: T,
    trace: Trace,
}

impl<T> TracedTransport<T> {
    /// Traces `inner`.
    pub const fn new(inner: T, trace: Trace) -> Self {
        Self { inner, trace }
    }
}

/// One end of a stream that is traced.
pub struct Traced<P> {
    inner: P,
    stream: u32,
    trace: Trace,
}

impl<T: Duty> Duty for TracedTransport<T> {
    fn do_work(&mut self) -> Result<usize, TransportError> {
        self.inner.do_work()
    }
}

impl<T: Transport> Transport for TracedTransport<T> {
    type Publication = Traced<T::Publication>;
    type Subscription = Traced<T::Subscription>;

    fn add_publication(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<Self::Publication, TransportError> {
        let inner = self.inner.add_publication(channel, stream)?;
        Ok(Traced { inner, stream: stream.0.unsigned_abs(), trace: self.trace.clone() })
    }

    fn add_subscription(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<Self::Subscription, TransportError> {
        let inner = self.inner.add_subscription(channel, stream)?;
        Ok(Traced { inner, stream: stream.0.unsigned_abs(), trace: self.trace.clone() })
    }
}

impl<P: Publication> Publication for Traced<P> {
    fn offer(&mut self, message: &[u8]) -> Result<StreamPosition, OfferError> {
        let taken = self.inner.offer(message)?;
        let ticks = self.trace.ticks();
        self.trace.message(self.stream, Way::Out, message, ticks);
        Ok(taken)
    }

    fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    fn reader_count(&self) -> usize {
        self.inner.reader_count()
    }

    fn message_len_max(&self) -> usize {
        self.inner.message_len_max()
    }

    fn fragment_len_max(&self) -> usize {
        self.inner.fragment_len_max()
    }
}

impl<S: Subscription> Subscription for Traced<S> {
    fn poll(&mut self, limit: usize, handler: &mut dyn FnMut(Input<'_>) -> Flow) -> usize {
        let Self { inner, stream, trace } = self;
        inner.poll(limit, &mut |input| {
            let (ticks, fragment) = (trace.ticks(), input);
            let flow = handler(input);
            if let (Input::Fragment(fragment), Flow::Taken) = (fragment, flow) {
                trace.message(*stream, Way::In, fragment.bytes, ticks);
            }
            flow
        })
    }
}

/// A socket whose datagrams are traced.
#[derive(Debug)]
pub struct TracedSocket<D> {
    inner: D,
    trace: Trace,
}

impl<D> TracedSocket<D> {
    /// Traces `inner`.
    pub const fn new(inner: D, trace: Trace) -> Self {
        Self { inner, trace }
    }
}

impl<D: DatagramSocket> DatagramSocket for TracedSocket<D> {
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let received = self.inner.receive(buffer)?;
        let ticks = self.trace.ticks();
        self.trace.datagram(Way::In, buffer.get(..received.0).unwrap_or(buffer), ticks);
        Some(received)
    }

    fn send(&mut self, datagram: &[u8], to: SocketAddr) -> SendOutcome {
        let ticks = self.trace.ticks();
        let outcome = self.inner.send(datagram, to);
        if outcome == SendOutcome::Sent {
            self.trace.datagram(Way::Out, datagram, ticks);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_comes_back_from_its_file_and_a_full_one_says_so() {
        let path = std::env::temp_dir().join(format!("vesta-trace-{}", std::process::id()));
        let trace = Trace::new();
        trace.add(20, Way::Out, 7, command_key(3, 9), 100);
        trace.add(DATAGRAMS, Way::In, 0, 5, 101);
        trace.write(&path).expect("written");
        let entries = read(&path).expect("read");
        assert_eq!(*trace.0.borrow(), entries);
        assert_eq!((entries[0].key, entries[1].way), ((3 << 40) | 9, Way::In));
        for _ in 0..ENTRIES_MAX {
            trace.add(1, Way::In, 0, 0, 0);
        }
        assert!(trace.write(&path).is_err());
        fs::remove_file(&path).expect("removed");
    }
}
