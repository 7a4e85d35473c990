//! The end that sends and times: open loop, from the time at which each order was due.

use super::replies::Script;
use super::{End, Side, Subject, raw};
use crate::bench::worker::{Parent, pin};
use crate::bench::{BenchError, venue};
use crate::latency::{Counts, Latency};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vesta_netio::{AeronPublication, AeronSubscription, AeronTransport, Clock};
use vesta_transport::{Duty, Flow, Input, Publication, Subscription, Transport};
use vesta_types::TimeNs;
use vesta_wire::event::{self, EventFrame};
use vesta_wire::{EventLogError, EventReader, Message, decode, peek};

/// How long two processes may take to find each other, and the last answer to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Fragments taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 16;
/// How long the last datagram may take where datagrams may be lost.
const LAST_MAX: Duration = Duration::from_secs(1);
/// Orders that may be on their way: beyond, the loop would not be open. A power of two.
const IN_FLIGHT_MAX: usize = 1 << 16;

/// What a probe found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// Latencies.
    pub counts: Counts,
    /// When recording began, UTC.
    pub began_ns: u64,
    /// How long it was, ns.
    pub duration_ns: u64,
    /// Answers that were not what they should be.
    pub wrong: u64,
    /// Datagrams without an answer: only of raw UDP, which nobody repairs.
    pub lost: u64,
}

/// When each order is due, and what came of it: the same for all that is timed.
pub(super) struct Schedule {
    clock: Clock,
    interval_ns: f64,
    began_ns: u64,
    warm_up: u64,
    total: u64,
    sent: u64,
    /// The number after that of the last answer.
    answered: u64,
    answers: u64,
    may_lose: bool,
    recorded_from: TimeNs,
    latency: Latency,
    deadline_ns: u64,
}

impl Schedule {
    pub(super) fn new(side: &Side) -> Self {
        let clock = Clock::new();
        let orders = |ms: u64| (side.rate * ms as f64 / 1e3).ceil() as u64;
        let warm_up = orders(side.warm_up_ms);
        let span = Duration::from_millis(side.warm_up_ms + side.measure_ms) + PATIENCE;
        Self {
            clock,
            interval_ns: 1e9 / side.rate,
            began_ns: 0,
            warm_up,
            total: warm_up + orders(side.measure_ms).max(1),
            sent: 0,
            answered: 0,
            answers: 0,
            may_lose: side.subject == Subject::Raw,
            recorded_from: TimeNs(0),
            latency: Latency::new(),
            deadline_ns: span.as_nanos() as u64,
        }
    }

    pub(super) fn begin(&mut self) {
        self.began_ns = self.clock.mono_ns();
        self.deadline_ns += self.began_ns;
        let warm_up_ns = (self.warm_up as f64 * self.interval_ns) as u64;
        self.recorded_from = TimeNs(self.clock.utc_ns().0 + warm_up_ns);
    }

    /// When order `number`, from 0, is due.
    fn due_ns(&self, number: u64) -> u64 {
        self.began_ns + (number as f64 * self.interval_ns) as u64
    }

    /// The number of the next order, when it is due by now.
    pub(super) fn due(&self) -> Option<u64> {
        let is_due = self.sent < self.total && self.clock.mono_ns() >= self.due_ns(self.sent);
        let has_room = self.sent - self.answered < IN_FLIGHT_MAX as u64;
        (is_due && has_room).then_some(self.sent)
    }

    /// The order that was due has gone.
    pub(super) fn sent(&mut self) {
        self.sent += 1;
    }

    /// Order `number` is answered. Answers come in order.
    pub(super) fn answered(&mut self, number: u64) {
        let now = self.clock.mono_ns();
        self.answered = number + 1;
        self.answers += 1;
        if number >= self.warm_up {
            self.latency.record(now.saturating_sub(self.due_ns(number)));
        }
    }

    /// True when all are answered.
    ///
    /// # Errors
    /// When it is told to stop, or the answers do not come.
    pub(super) fn is_done(&self, parent: &Parent) -> Result<bool, BenchError> {
        if self.answered >= self.total {
            return Ok(true);
        }
        if parent.stop().is_stopped() {
            return Err(BenchError::Interrupted);
        }
        let now = self.clock.mono_ns();
        let last_ns = self.due_ns(self.total) + LAST_MAX.as_nanos() as u64;
        if self.may_lose && self.sent == self.total && now > last_ns {
            return Ok(true);
        }
        if now > self.deadline_ns {
            let Self { total, sent, answered, .. } = self;
            let text =
                format!("of {total} orders {sent} were sent and {answered} answered in time");
            return Err(BenchError::BrokeDown(text));
        }
        Ok(false)
    }

    pub(super) fn found(&self, wrong: u64) -> Found {
        Found {
            counts: self.latency.counts(),
            began_ns: self.recorded_from.0,
            duration_ns: ((self.total - self.warm_up) as f64 * self.interval_ns) as u64,
            wrong,
            lost: self.sent - self.answers,
        }
    }
}

/// Sends orders, and tells the parent what was [`Found`].
///
/// # Errors
/// When a stream can not be opened or fails, and when answers are missing.
pub fn run(parent: &Parent, side: &Side) -> Result<(), BenchError> {
    pin(side.core)?;
    if side.subject == Subject::Raw {
        return raw::probe(parent, side);
    }
    let config = side.config()?;
    let mut transport = side.transport(&config, "bench-probe")?;
    let _idle = side.idle_endpoints(&config, &mut transport, End::Probe)?;
    let (input, output) =
        (side.input_log(&config, End::Probe), side.event_log(&config, End::Probe));
    let input =
        transport.add_publication(&input.0, input.1).map_err(|e| venue::not_started(&config, e))?;
    let output = transport
        .add_subscription(&output.0, output.1)
        .map_err(|e| venue::not_started(&config, e))?;
    let script = Script::new(&config, side.seed, input.fragment_len_max())?;
    let shard = config.shard_id().0;
    let mut probe = Probe {
        transport,
        input,
        output,
        script,
        shard,
        clock: Clock::new(),
        frame: Vec::new(),
        answers: Answers::new(side.subject),
    };
    probe.introduce(parent)?;
    let mut schedule = Schedule::new(side);
    probe.time(parent, &mut schedule)?;
    parent.tell(&schedule.found(probe.answers.wrong));
    Ok(())
}

struct Probe {
    transport: AeronTransport,
    input: AeronPublication,
    output: AeronSubscription,
    script: Script,
    shard: u32,
    clock: Clock,
    frame: Vec<u8>,
    answers: Answers,
}

impl Probe {
    fn prepare(&mut self) {
        self.frame.clear();
        let time = self.clock.utc_ns();
        self.frame.extend_from_slice(self.script.frame(self.shard, time));
    }

    fn poll(&mut self, mut on_answer: impl FnMut(u64)) -> Result<(), BenchError> {
        self.transport.do_work().map_err(|error| BenchError::broke("transport", error))?;
        let Self { output, answers, script, .. } = self;
        let mut outcome = Ok(());
        output.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if let Input::Fragment(fragment) = input
                && outcome.is_ok()
            {
                outcome = answers.read(fragment.bytes, script, &mut on_answer);
            }
            Flow::Taken
        });
        outcome
    }

    /// Waits until both ends have found each other, and defines the instruments.
    fn introduce(&mut self, parent: &Parent) -> Result<(), BenchError> {
        let deadline_ns = self.clock.mono_ns() + PATIENCE.as_nanos() as u64;
        let definitions = self.script.definition_count();
        let (mut answered, mut sent) = (0, true);
        while answered < definitions {
            if sent && self.script.next_seq() <= definitions {
                self.prepare();
                sent = false;
            }
            sent = sent || self.input.offer(&self.frame).is_ok();
            self.poll(|_| answered += 1)?;
            if parent.stop().is_stopped() {
                return Err(BenchError::Interrupted);
            }
            if self.clock.mono_ns() > deadline_ns {
                let text = format!("the ends did not find each other within {PATIENCE:?}");
                return Err(BenchError::BrokeDown(text));
            }
        }
        Ok(())
    }

    fn time(&mut self, parent: &Parent, schedule: &mut Schedule) -> Result<(), BenchError> {
        let first = self.script.next_seq();
        // Made before it is due: a sequencer has its record, too, when it has the time.
        self.prepare();
        schedule.begin();
        while !schedule.is_done(parent)? {
            if schedule.due().is_some() && self.input.offer(&self.frame).is_ok() {
                schedule.sent();
                self.poll(|seq| schedule.answered(seq - first))?;
                self.prepare();
            } else {
                self.poll(|seq| schedule.answered(seq - first))?;
            }
        }
        Ok(())
    }
}

/// Reads answers, and holds them to what was foreseen.
struct Answers {
    subject: Subject,
    reader: EventReader,
    answered: u64,
    wrong: u64,
}

impl Answers {
    fn new(subject: Subject) -> Self {
        Self { subject, reader: EventReader::default(), answered: 0, wrong: 0 }
    }

    fn read(
        &mut self,
        bytes: &[u8],
        script: &Script,
        on_answer: &mut impl FnMut(u64),
    ) -> Result<(), BenchError> {
        let Self { subject, reader, answered, wrong } = self;
        if *subject == Subject::Echo {
            let header = bytes.get(..EventFrame::LEN).unwrap_or(bytes);
            let frame = decode::<EventFrame>(header)
                .map_err(|error| BenchError::broke("an echo", error))?;
            let seq = frame.first_event_seq.get();
            let len = script.reply(seq).frame_len;
            *wrong += u64::from(seq != *answered + 1 || bytes.len() != len);
            *answered = seq;
            on_answer(seq);
            return Ok(());
        }
        reader
            .read(bytes, |_, message| {
                let seq = event::stamp(message).map_or(0, |stamp| stamp.seq.get());
                // The first event of a record is its answer; the others are what it caused.
                if seq > *answered {
                    let template_id = peek(message).map_or(0, |header| header.template_id.get());
                    *wrong += u64::from(
                        seq != *answered + 1 || template_id != script.reply(seq).template_id,
                    );
                    *answered = seq;
                    on_answer(seq);
                }
                Ok::<(), EventLogError>(())
            })
            .map_err(|error| BenchError::broke("the event log", error))
    }
}
