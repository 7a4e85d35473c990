//! A process that floods the orders stream, and checks the event log: what goes in comes out, once,
//! in order.
//!
//! ```text
//!   OrderFlow --batch--> stream 10 --> sequencer --20--> engine --30--> every event_seq, each answer
//! ```

use super::BenchError;
use super::intervals::{IntervalCounts, IntervalRecorder};
use super::orders::OrderFlow;
use super::venue::embed;
use super::worker::{Parent, pin};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;
use vesta_config::Config;
use vesta_netio::{AeronPublication, AeronSubscription, AeronTransport, Clock, Idler};
use vesta_runner::{StartError, idle, link};
use vesta_transport::{Duty, Flow, Input, Publication, Subscription, Transport};
use vesta_types::GatewayId;
use vesta_wire::control::{GatewayHello, SequencerRefusal, SequencerStatus};
use vesta_wire::event::{CommandAccepted, CommandRejected, OrderExecuted};
use vesta_wire::{EventLogError, EventReader, Message, decode, encode, peek};
use vesta_workload::Scenario;

/// Commands of a pass: their records fit the second-level cache.
const PASS_COMMANDS: usize = 8_192;
/// Fragments of the event log taken in one duty cycle.
pub const FRAGMENTS_PER_CYCLE: usize = 64;
/// Records offered in one duty cycle, at most.
pub const BATCH: usize = 256;
/// Of so many commands one is timed. A power of two. Too low -> the clock is a part of what is measured.
pub const SAMPLE_EVERY: u64 = 32;
/// How long the last answers may take, and the roles to find each other.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GenerateJob {
    /// The configuration, as TOML.
    pub config: String,
    /// The core to stay on.
    pub core: Option<usize>,
    /// Name of the scenario.
    pub scenario: String,
    /// Of the flow.
    pub seed: u64,
}

/// What is counted from one word of the parent to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Monotonic time, ns.
    pub at_ns: u64,
    /// Commands sent.
    pub sent: u64,
    /// Commands answered.
    pub answered: u64,
    /// Of these, refused.
    pub rejected: u64,
    /// New orders that were accepted.
    pub orders: u64,
    /// Orders that traded, each once.
    pub traded: u64,
    /// Fills.
    pub fills: u64,
    /// Commands that the sequencer refused.
    pub refused: u64,
    /// The last event.
    pub event_seq: u64,
}

/// What is told at the end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GenerateEnd {
    /// With everything answered, or given up.
    pub tally: Tally,
    /// From when a command was taken by its stream until it was answered, by the second, between the
    /// first two words; one in [`SAMPLE_EVERY`].
    pub answers: Vec<IntervalCounts>,
}

/// Floods until told to stop. A word of the parent asks for a [`Tally`]; its third word ends the
/// flood: a [`GenerateEnd`] then comes when everything is answered, or nothing more comes.
///
/// # Errors
/// When a stream can not be opened or fails, or the event log has a gap.
pub fn run(parent: &Parent, job: &GenerateJob) -> Result<(), BenchError> {
    pin(job.core)?;
    let config = Config::parse(&job.config, "bench")
        .map_err(|error| BenchError::not_started("configuration", error))?;
    let scenario: Scenario =
        job.scenario.parse().map_err(|error| BenchError::not_started("--scenario", error))?;
    let flow = OrderFlow::new(&config, scenario, job.seed, PASS_COMMANDS)
        .map_err(BenchError::CannotStart)?;
    let mut generator = Generator::new(&config, flow)?;
    generator.introduce(parent)?;
    parent.tell(&"ready");
    let mut idler = Idler::new(idle(&config));
    let mut words = 0;
    while words < 3 {
        if parent.stop().is_stopped() {
            return Err(BenchError::Interrupted);
        }
        if parent.has_spoken() {
            words += 1;
            match words {
                1 => generator.timing.begin(&generator.clock),
                2 => generator.timing.end(&generator.clock),
                _ => break,
            }
            parent.tell(&generator.tally());
        }
        let work = generator.cycle()? + generator.offer();
        idler.idle(work);
    }
    generator.drain(parent, &mut idler)?;
    let (tally, answers) = (generator.tally(), std::mem::take(&mut generator.timing.answers));
    parent.tell(&GenerateEnd { tally, answers });
    Ok(())
}

struct Generator {
    transport: AeronTransport,
    orders: AeronPublication,
    back: AeronSubscription,
    events: AeronSubscription,
    reader: EventReader,
    flow: OrderFlow,
    /// A record that there was no room for.
    waiting: bool,
    record: Vec<u8>,
    gateway: GatewayId,
    accepting: bool,
    clock: Clock,
    tally: Tally,
    seen: Seen,
    timing: Timing,
}

/// Times some of the commands. Answers come in the order of the commands, as one generator sends them.
#[derive(Debug, Default)]
struct Timing {
    /// Which command, and when its stream took it, monotonic ns.
    under_way: VecDeque<(u64, u64)>,
    recorder: Option<IntervalRecorder>,
    answers: Vec<IntervalCounts>,
}

impl Timing {
    fn begin(&mut self, clock: &Clock) {
        self.recorder = Some(IntervalRecorder::new(clock.mono_ns(), clock.utc_ns().0));
    }

    fn end(&mut self, clock: &Clock) {
        if let Some(recorder) = self.recorder.take() {
            self.answers = recorder.finish(clock.mono_ns());
        }
    }

    fn sent(&mut self, number: u64, clock: &Clock) {
        if number.is_multiple_of(SAMPLE_EVERY) {
            self.under_way.push_back((number, clock.mono_ns()));
        }
    }

    /// So many are answered.
    fn answered(&mut self, count: u64, clock: &Clock) {
        while let Some(&(number, sent_ns)) = self.under_way.front()
            && number < count
        {
            self.under_way.pop_front();
            if let Some(recorder) = &mut self.recorder {
                let now_ns = clock.mono_ns();
                recorder.record(now_ns, now_ns - sent_ns);
            }
        }
    }
}

impl Generator {
    fn new(config: &Config, flow: OrderFlow) -> Result<Self, BenchError> {
        let failed =
            |error: StartError| BenchError::CannotStart(error.with_knob(config).to_string());
        let none = || BenchError::CannotStart("the configuration has no [[gateway]]".to_owned());
        let gateway = config.gateway_list.first().ok_or_else(none)?.id;
        let channels = config.channels();
        let mut transport = embed(config, "bench-generator")?;
        let back = channels.sequencer_back_subscription(gateway).ok_or_else(none)?;
        let (uri, stream) = link(back);
        let back = transport.add_subscription(&uri, stream).map_err(|e| failed(e.into()))?;
        let (uri, stream) = link(channels.event_log_subscription());
        let events = transport.add_subscription(&uri, stream).map_err(|e| failed(e.into()))?;
        let (uri, stream) = link(channels.orders_publication());
        let orders = transport.add_publication(&uri, stream).map_err(|e| failed(e.into()))?;
        Ok(Self {
            transport,
            orders,
            back,
            events,
            reader: EventReader::default(),
            flow,
            waiting: false,
            record: Vec::new(),
            gateway,
            accepting: false,
            clock: Clock::new(),
            tally: Tally::default(),
            seen: Seen::default(),
            timing: Timing::default(),
        })
    }

    /// As a gateway does: says who it is, and waits for the word that commands are taken.
    fn introduce(&mut self, parent: &Parent) -> Result<(), BenchError> {
        let deadline_ns = self.clock.mono_ns() + PATIENCE.as_nanos() as u64;
        let mut greeted = false;
        let hello = GatewayHello { gateway: self.gateway.0.into(), reserved: [0; 4] };
        let mut bytes = [0; GatewayHello::LEN];
        encode(&hello, &mut bytes);
        while !(greeted && self.accepting) {
            greeted = greeted || self.orders.offer(&bytes).is_ok();
            self.cycle()?;
            if parent.stop().is_stopped() {
                return Err(BenchError::Interrupted);
            }
            if self.clock.mono_ns() > deadline_ns {
                let text = format!("the sequencer takes no commands after {PATIENCE:?}");
                return Err(BenchError::BrokeDown(text));
            }
        }
        Ok(())
    }

    /// Driver, and what comes back.
    fn cycle(&mut self) -> Result<usize, BenchError> {
        let mut work =
            self.transport.do_work().map_err(|error| BenchError::broke("transport", error))?;
        let Self { events, reader, tally, seen, back, accepting, timing, clock, .. } = self;
        let mut outcome = Ok(());
        work += events.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if let Input::Fragment(fragment) = input
                && outcome.is_ok()
            {
                outcome = reader.read(fragment.bytes, |event_seq, event| {
                    tally.event_seq = event_seq.0;
                    count(event, tally, seen);
                    timing.answered(tally.answered, clock);
                    Ok::<(), EventLogError>(())
                });
            }
            Flow::Taken
        });
        outcome.map_err(|error| BenchError::broke("the event log", error))?;
        work += back.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if let Input::Fragment(fragment) = input {
                tally.refused += u64::from(decode::<SequencerRefusal>(fragment.bytes).is_ok());
                let status = decode::<SequencerStatus>(fragment.bytes);
                *accepting |= status.is_ok_and(|status| status.accepting == 1);
            }
            Flow::Taken
        });
        Ok(work)
    }

    fn offer(&mut self) -> usize {
        for sent in 0..BATCH {
            if !self.waiting {
                self.record.clear();
                self.record.extend_from_slice(self.flow.next_record());
                self.waiting = true;
            }
            if self.orders.offer(&self.record).is_err() {
                return sent;
            }
            self.waiting = false;
            self.timing.sent(self.tally.sent, &self.clock);
            self.tally.sent += 1;
        }
        BATCH
    }

    fn tally(&mut self) -> Tally {
        self.tally.at_ns = self.clock.mono_ns();
        self.tally
    }

    /// Waits for the answers that are on their way.
    fn drain(&mut self, parent: &Parent, idler: &mut Idler) -> Result<(), BenchError> {
        let deadline_ns = self.clock.mono_ns() + PATIENCE.as_nanos() as u64;
        let missing = |tally: &Tally| tally.answered + tally.refused < tally.sent;
        while missing(&self.tally) && self.clock.mono_ns() < deadline_ns {
            if parent.stop().is_stopped() {
                return Err(BenchError::Interrupted);
            }
            let work = self.cycle()?;
            idler.idle(work);
        }
        Ok(())
    }
}

fn count(event: &[u8], tally: &mut Tally, seen: &mut Seen) {
    match peek(event).map(|header| header.template_id.get()) {
        Ok(CommandAccepted::TEMPLATE_ID) => {
            tally.answered += 1;
            // Of a new order, and of nothing else, the type is told.
            let accepted = decode::<CommandAccepted>(event);
            tally.orders += u64::from(accepted.is_ok_and(|accepted| accepted.order_type != 0));
        }
        Ok(CommandRejected::TEMPLATE_ID) => {
            tally.answered += 1;
            tally.rejected += 1;
        }
        Ok(OrderExecuted::TEMPLATE_ID) => {
            tally.fills += 1;
            if let Ok(executed) = decode::<OrderExecuted>(event) {
                for party in [&executed.taker, &executed.maker] {
                    tally.traded += u64::from(seen.insert(party.order_id.get()));
                }
            }
        }
        _ => {}
    }
}

/// A set of dense numbers.
#[derive(Default)]
struct Seen(Vec<u64>);

impl Seen {
    /// True for a number that was not in it.
    fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = ((number / 64) as usize, 1_u64 << (number % 64));
        if word >= self.0.len() {
            self.0.resize((word + 1).next_power_of_two().max(1 << 16), 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_some_commands_is_timed_until_its_answer() {
        let (clock, mut timing) = (Clock::new(), Timing::default());
        timing.begin(&clock);
        let sent = 10 * SAMPLE_EVERY;
        (0..sent).for_each(|number| timing.sent(number, &clock));
        // The answer to number n is the one that makes it n + 1.
        timing.answered(SAMPLE_EVERY, &clock);
        assert_eq!(timing.under_way.len(), 9);
        timing.answered(SAMPLE_EVERY + 1, &clock);
        assert_eq!(timing.under_way.len(), 8);
        timing.answered(sent, &clock);
        timing.end(&clock);
        let counted =
            |interval: &IntervalCounts| interval.counts.counts.iter().map(|c| c.1).sum::<u64>();
        assert_eq!(timing.answers.iter().map(counted).sum::<u64>(), 10);
    }

    #[test]
    fn each_number_is_new_once() {
        let mut seen = Seen::default();
        let numbers = [1, 63, 64, 1, 10_000_000, 64, 10_000_000, 2];
        let new = numbers.map(|number| seen.insert(number));
        assert_eq!(new, [true, true, true, false, true, false, false, true]);
    }
}
