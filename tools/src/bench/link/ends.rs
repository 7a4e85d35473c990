//! The two ends: what they do, and what they tell.

use super::{End, Length, Measurement};
use crate::bench::worker::{Parent, pin};
use crate::bench::{BenchError, venue};
use crate::latency::{Counts, Latency};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vesta_netio::{AeronPublication, AeronSubscription, AeronTransport, Clock, DatapathCounts};
use vesta_transport::{Duty, Flow, Input, Publication, Subscription, Transport};

/// How long two processes may take to find each other, and a message to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Offered in one go, so that the driver is never without.
const BURST_BYTES: usize = 64 << 10;
/// Fragments taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 256;
/// A message's number.
const NUMBER_LEN: usize = 8;

/// What the first end sent, while it was counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// Messages.
    pub messages: u64,
    /// Bytes of each.
    pub length: usize,
    /// For how long its process was on a core, ns.
    pub cpu_ns: Option<u64>,
    /// Datagrams that its driver sent, and the calls that it took; 0 where it does not count.
    pub datagrams: u64,
    /// See there.
    pub calls: u64,
}

/// What arrived at the second end, while it was counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arrived {
    /// Messages.
    pub messages: u64,
    /// Of those the ones that were not the next, or not whole.
    pub wrong: u64,
    /// How long it was counted, ns.
    pub duration_ns: u64,
    /// For how long its process was on a core, ns.
    pub cpu_ns: Option<u64>,
    /// Datagrams that its driver received, and the calls that it took; 0 where it does not count.
    pub datagrams: u64,
    /// See there.
    pub calls: u64,
}

/// How long round trips took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Back {
    /// From offering a message until it was back.
    pub counts: Counts,
    /// Bytes of each.
    pub length: usize,
    /// When recording began, UTC, ns.
    pub began_ns: u64,
    /// How long it was, ns.
    pub duration_ns: u64,
    /// Messages that came back changed.
    pub wrong: u64,
}

/// The end that begins: it tells the parent what it [`Sent`], or what came [`Back`].
///
/// # Errors
/// When a stream can not be opened or fails.
pub fn first(parent: &Parent, end: &End) -> Result<(), BenchError> {
    let mut ends = Ends::open(end, 0)?;
    ends.wait_for(parent, |ends| ends.out.is_connected())?;
    match end.measurement {
        Measurement::Stream => {
            let sent = ends.publish(parent, end)?;
            parent.tell(&sent);
        }
        Measurement::RoundTrips => {
            let back = ends.ping(parent, end)?;
            parent.tell(&back);
        }
    }
    Ok(())
}

/// The end that receives, until it is told to end; of a stream it tells the parent what [`Arrived`].
///
/// # Errors
/// When a stream can not be opened or fails.
pub fn second(parent: &Parent, end: &End) -> Result<(), BenchError> {
    let mut ends = Ends::open(end, 1)?;
    parent.tell(&"ready");
    match end.measurement {
        Measurement::Stream => {
            let arrived = ends.receive(parent, end)?;
            parent.tell(&arrived);
            while !parent.stop().is_stopped() {
                ends.cycle(|_| {})?;
            }
            Ok(())
        }
        Measurement::RoundTrips => ends.pong(parent),
    }
}

struct Ends {
    transport: AeronTransport,
    out: AeronPublication,
    inward: AeronSubscription,
    clock: Clock,
}

impl Ends {
    fn open(end: &End, own: usize) -> Result<Self, BenchError> {
        pin(end.core)?;
        let config = end.config(own)?;
        let role = ["bench-first", "bench-second"][own];
        let mut transport = venue::embed(&config, role)?;
        let channels = end.channels(&config, own);
        let failed = |error| venue::not_started(&config, error);
        let (uri, id) = &channels.inward;
        let inward = transport.add_subscription(uri, *id).map_err(failed)?;
        let (uri, id) = &channels.out;
        let out = transport.add_publication(uri, *id).map_err(failed)?;
        Ok(Self { transport, out, inward, clock: Clock::new() })
    }

    /// One duty cycle; `on_message` is handed what came.
    fn cycle(&mut self, mut on_message: impl FnMut(&[u8])) -> Result<(), BenchError> {
        self.transport.do_work().map_err(|error| BenchError::broke("transport", error))?;
        self.inward.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if let Input::Fragment(fragment) = input {
                on_message(fragment.bytes);
            }
            Flow::Taken
        });
        Ok(())
    }

    fn wait_for(
        &mut self,
        parent: &Parent,
        is_so: impl Fn(&Self) -> bool,
    ) -> Result<(), BenchError> {
        let began_ns = self.clock.mono_ns();
        while !is_so(self) {
            self.cycle(|_| {})?;
            self.look(parent, began_ns)?;
        }
        Ok(())
    }

    /// # Errors
    /// When told to stop, or when patience has run out.
    fn look(&self, parent: &Parent, began_ns: u64) -> Result<(), BenchError> {
        if parent.stop().is_stopped() {
            return Err(BenchError::Interrupted);
        }
        if u128::from(self.clock.mono_ns() - began_ns) > PATIENCE.as_nanos() {
            let text = format!("nothing came from the other end within {PATIENCE:?}");
            return Err(BenchError::BrokeDown(text));
        }
        Ok(())
    }

    fn message(&self, length: Length) -> Vec<u8> {
        let longest = self.out.fragment_len_max();
        let length = match length {
            Length::Bytes(bytes) => bytes.clamp(NUMBER_LEN, longest),
            Length::Datagram => longest,
        };
        vec![0x5a; length]
    }

    fn counts(&self) -> DatapathCounts {
        let counts = self.transport.with_driver(|driver| driver.datapath_counters().snapshot());
        counts.unwrap_or_default()
    }

    fn publish(&mut self, parent: &Parent, end: &End) -> Result<Sent, BenchError> {
        let mut message = self.message(end.length);
        let began_ns = self.clock.mono_ns();
        let warm_ns = began_ns + end.warm_up_ms * 1_000_000;
        let (mut number, mut counted) = (0_u64, None);
        // The parent speaks when the other end has counted.
        while !parent.has_spoken() {
            if counted.is_none() && self.clock.mono_ns() >= warm_ns {
                counted = Some((number, venue::cpu_ns(std::process::id()), self.counts()));
            }
            for _ in 0..(BURST_BYTES / message.len()).max(1) {
                message[..NUMBER_LEN].copy_from_slice(&number.to_le_bytes());
                if self.out.offer(&message).is_err() {
                    break;
                }
                number += 1;
            }
            self.cycle(|_| {})?;
            if parent.stop().is_stopped() {
                return Err(BenchError::Interrupted);
            }
        }
        let (before, cpu_before, counts_before) = counted.unwrap_or_default();
        let counts = self.counts().since(&counts_before);
        let cpu_ns =
            venue::cpu_ns(std::process::id()).zip(cpu_before).map(|(now, then)| now - then);
        Ok(Sent {
            messages: number - before,
            length: message.len(),
            cpu_ns,
            datagrams: counts.datagrams_sent,
            calls: counts.send_calls,
        })
    }

    fn receive(&mut self, parent: &Parent, end: &End) -> Result<Arrived, BenchError> {
        let (mut next, mut wrong) = (0_u64, 0_u64);
        let mut take = |bytes: &[u8]| {
            let number = bytes.first_chunk().map(|number| u64::from_le_bytes(*number));
            wrong += u64::from(number != Some(next));
            next = number.map_or(next, |number| number + 1);
        };
        let began_ns = self.clock.mono_ns();
        let (mut messages, mut started_ns, mut counted) = (0_u64, 0, None);
        loop {
            self.cycle(|bytes| {
                take(bytes);
                messages += 1;
            })?;
            let now = self.clock.mono_ns();
            if messages == 0 {
                self.look(parent, began_ns)?;
                started_ns = now;
                continue;
            }
            if parent.stop().is_stopped() {
                return Err(BenchError::Interrupted);
            }
            let Some((before, from_ns, cpu_before, counts_before)) = counted else {
                if now - started_ns >= end.warm_up_ms * 1_000_000 {
                    let cpu = venue::cpu_ns(std::process::id());
                    counted = Some((messages, self.clock.mono_ns(), cpu, self.counts()));
                }
                continue;
            };
            if now - from_ns >= end.measure_ms * 1_000_000 {
                let counts = self.counts().since(&counts_before);
                let cpu = venue::cpu_ns(std::process::id());
                return Ok(Arrived {
                    messages: messages - before,
                    wrong,
                    duration_ns: now - from_ns,
                    cpu_ns: cpu.zip(cpu_before).map(|(now, then)| now - then),
                    datagrams: counts.datagrams_received,
                    calls: counts.receive_calls - counts.receive_calls_empty,
                });
            }
        }
    }

    fn ping(&mut self, parent: &Parent, end: &End) -> Result<Back, BenchError> {
        let mut message = self.message(end.length);
        let (mut latency, mut number, mut wrong) = (Latency::new(), 0_u64, 0_u64);
        let (mut warm_ns, mut end_ns) = (u64::MAX, u64::MAX);
        let mut began = None;
        loop {
            message[..NUMBER_LEN].copy_from_slice(&number.to_le_bytes());
            let sent_ns = self.clock.mono_ns();
            // The first takes as long as the way back needs to be set up.
            if number == 1 {
                warm_ns = sent_ns + end.warm_up_ms * 1_000_000;
                end_ns = warm_ns + end.measure_ms * 1_000_000;
            }
            if sent_ns >= end_ns {
                break;
            }
            if began.is_none() && sent_ns >= warm_ns {
                began = Some((self.clock.utc_ns().0, sent_ns));
            }
            while self.out.offer(&message).is_err() {
                self.cycle(|_| {})?;
                self.look(parent, sent_ns)?;
            }
            let mut is_back = false;
            while !is_back {
                self.cycle(|bytes| {
                    is_back = true;
                    wrong += u64::from(bytes != message);
                })?;
                self.look(parent, sent_ns)?;
            }
            if began.is_some() {
                latency.record(self.clock.mono_ns() - sent_ns);
            }
            number += 1;
        }
        let (began_ns, from_ns) = began.unwrap_or_default();
        Ok(Back {
            counts: latency.counts(),
            length: message.len(),
            began_ns,
            duration_ns: end_ns.saturating_sub(from_ns),
            wrong,
        })
    }

    fn pong(&mut self, parent: &Parent) -> Result<(), BenchError> {
        let mut message = Vec::new();
        while !parent.stop().is_stopped() {
            self.cycle(|bytes| {
                message.clear();
                message.extend_from_slice(bytes);
            })?;
            if !message.is_empty() && self.out.offer(&message).is_ok() {
                message.clear();
            }
        }
        Ok(())
    }
}
