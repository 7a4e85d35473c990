//! `vesta demo`: the whole appliance, a client and a consumer, and the proof that nothing was lost.
//!
//! ```text
//!   thread "roles"   driver A: gateway, sequencer, engine, md-publisher
//!   this thread      client over UDP; driver B: consumer
//! ```

use crate::appliance::Appliance;
use crate::client::{Answer, Client, Fill, Report};
use crate::feed::Feed;
use crate::latency::Latency;
use crate::verify::{self, Told};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use vesta_config::{Config, Instrument};
use vesta_netio::{Clock, Idler, ReceiveLoss, StopFlag, UdpSocket};
use vesta_runner::idle;
use vesta_types::{Command, Side};

/// Commands in flight at most. What comes back for them, some two reports each, must fit into the
/// client socket's buffer as an unconfigured kernel grants it (about 550 datagrams).
const IN_FLIGHT_MAX: usize = 192;
/// How long the roles may take to find each other.
const READY_MAX: Duration = Duration::from_secs(30);
/// How long the last answers, and the last market data, may take when nothing moves any more.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// At which rate commands are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Commands per second, each at its own time, whatever the venue does (open loop).
    PerSecond(f64),
    /// As fast as answers come back: latency is then that of a full venue.
    Max,
}

/// What a run is to do.
#[derive(Debug)]
pub struct Plan {
    /// The commands, in the order in which they are sent.
    pub commands: Vec<Command>,
    /// How fast.
    pub rate: Rate,
    /// Share of the consumer's datagrams to drop, 0 to 1.
    pub md_loss: f64,
    /// From which share of the commands on, 0 to 1.
    pub md_loss_from: f64,
}

/// What a run found.
#[derive(Debug)]
pub struct Outcome {
    /// Commands sent.
    pub orders: u64,
    /// Commands that have exactly one outcome.
    pub answered: u64,
    /// Rejected commands, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Commands without an outcome.
    pub lost: u64,
    /// Outcomes beyond the first.
    pub duplicated: u64,
    /// Datagrams sent again, and refusals at the edge.
    pub resent: (u64, u64),
    /// Trades.
    pub trades: u64,
    /// What differs between the consumer's books and the engine's.
    pub books: verify::Differences,
    /// What differs between venue and model.
    pub model: verify::Differences,
    /// Name of the datapath, and why it was chosen.
    pub datapath: (String, String),
    /// Commands answered per second.
    pub rate: f64,
    /// Datagrams of market data that the consumer got.
    pub md_datagrams: u64,
    /// From the intended time of sending to the outcome.
    pub latency: Latency,
    /// True when it was ended by Ctrl-C.
    pub interrupted: bool,
    /// What each role counted.
    pub summaries: Vec<String>,
}

impl Outcome {
    /// True when all that was asked for holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.lost == 0
            && self.duplicated == 0
            && self.answered == self.orders
            && self.books.is_empty()
            && self.model.is_empty()
            && !self.interrupted
    }
}

/// A run under way.
struct Run<'a> {
    config: &'a Config,
    plan: &'a Plan,
    clock: Clock,
    client: Client<UdpSocket>,
    feed: Feed,
    appliance: &'a Appliance,
    loss: Option<ReceiveLoss>,
    answers: Vec<Option<Answer>>,
    fills: Vec<Fill>,
    latency: Latency,
    /// When each command was meant to be sent, monotonic ns.
    intended_ns: Vec<u64>,
    /// Monotonic times, ns: the first command's, the last answer's.
    started_ns: u64,
    answered_ns: u64,
    said_ns: u64,
    said_answered: u64,
    progress: bool,
}

/// Runs `plan` against a fresh appliance; with `progress` a line a second goes to stderr.
///
/// # Errors
/// When the appliance does not start or breaks down; what a run merely finds is in its outcome.
pub fn run(
    config: &Config,
    plan: &Plan,
    stop: &StopFlag,
    progress: bool,
) -> Result<Outcome, String> {
    let appliance = Appliance::start(config);
    let worked = drive(config, plan, stop, &appliance, progress);
    match (worked, appliance) {
        (Ok(finished), appliance) => finished.conclude(config, plan, appliance),
        // The roles' own reason says more than what their end did to us.
        (Err(error), appliance) => Err(match appliance.finish() {
            Err(reason) => reason,
            Ok(_) => error,
        }),
    }
}

/// What the run leaves for the verdict.
struct Finished {
    answers: Vec<Option<Answer>>,
    fills: Vec<Fill>,
    latency: Latency,
    feed: Feed,
    counters: crate::client::Counters,
    sent: usize,
    seconds: f64,
    interrupted: bool,
}

fn drive(
    config: &Config,
    plan: &Plan,
    stop: &StopFlag,
    appliance: &Appliance,
    progress: bool,
) -> Result<Finished, String> {
    let gateway = config.gateway_list.first().ok_or("the configuration has no [[gateway]]")?;
    let socket = UdpSocket::bind(
        SocketAddr::V4(config.demo.client_bind),
        gateway.receive_buffer_bytes as usize,
    )
    .map_err(|error| error.to_string())?;
    let scales = config.instrument_list.iter().map(|i| (i.id, i.scale));
    let client = Client::new(socket, SocketAddr::V4(gateway.listen), scales, IN_FLIGHT_MAX);
    let mut feed =
        Feed::join(config, "consumer", plan.md_loss > 0.0).map_err(|error| error.to_string())?;
    feed.consumer_mut().record_prints();
    let loss = feed.receive_loss();
    let mut run = Run {
        config,
        plan,
        clock: Clock::new(),
        client,
        feed,
        appliance,
        loss,
        answers: vec![None; plan.commands.len()],
        fills: Vec::new(),
        latency: Latency::new(),
        intended_ns: Vec::with_capacity(plan.commands.len()),
        started_ns: 0,
        answered_ns: 0,
        said_ns: 0,
        said_answered: 0,
        progress,
    };
    run.await_ready(stop)?;
    let sent = run.trade(stop)?;
    run.await_market_data()?;
    let seconds = run.answered_ns.saturating_sub(run.started_ns) as f64 / 1e9;
    Ok(Finished {
        answers: run.answers,
        fills: run.fills,
        latency: run.latency,
        feed: run.feed,
        counters: run.client.counters(),
        sent,
        seconds,
        interrupted: sent < plan.commands.len(),
    })
}

impl Run<'_> {
    /// One duty cycle of client and consumer.
    fn cycle(&mut self) -> Result<usize, String> {
        if self.appliance.is_finished() {
            return Err("the roles ended".to_owned());
        }
        let now = self.clock.mono_ns();
        let Self { client, answers, fills, latency, intended_ns, answered_ns, .. } = self;
        let mut work = client.poll(now, &mut |report| match report {
            Report::Answer(answer) => {
                *answered_ns = now;
                let tag = answer.tag as usize;
                latency.record(now.saturating_sub(intended_ns[tag]));
                answers[tag] = Some(answer);
            }
            Report::Fill(fill) => fills.push(fill),
            Report::Cancelled(_) | Report::Replaced(_) => {}
        });
        // A lost feed is for the verdict: the books are then not what they should be.
        work += self.feed.do_work().unwrap_or(0);
        if self.progress && now.saturating_sub(self.said_ns) >= PROGRESS_INTERVAL.as_nanos() as u64
        {
            self.say_progress(now);
        }
        Ok(work)
    }

    /// Works until the venue takes orders and the consumer knows every instrument.
    fn await_ready(&mut self, stop: &StopFlag) -> Result<(), String> {
        let deadline = self.clock.mono_ns() + READY_MAX.as_nanos() as u64;
        let mut idler = Idler::new(idle(self.config));
        while !(self.appliance.is_ready() && self.feed.consumer().is_live()) {
            let work = self.cycle()?;
            if stop.is_stopped() {
                return Err("interrupted before the venue was ready".to_owned());
            }
            if self.clock.mono_ns() > deadline {
                return Err(format!("the venue was not ready within {READY_MAX:?}"));
            }
            idler.idle(work);
        }
        Ok(())
    }

    /// Sends every command at its time, and works until each is answered. Returns how many were
    /// sent.
    fn trade(&mut self, stop: &StopFlag) -> Result<usize, String> {
        let total = self.plan.commands.len();
        let loss_from = (self.plan.md_loss_from * total as f64) as usize;
        let mut idler = Idler::new(idle(self.config));
        self.started_ns = self.clock.mono_ns();
        (self.answered_ns, self.said_ns) = (self.started_ns, self.started_ns);
        let mut sent = 0;
        loop {
            let now = self.clock.mono_ns();
            let end = if stop.is_stopped() { sent } else { total };
            while sent < end && self.client.has_room() {
                let intended = match self.plan.rate {
                    // A full venue has no other time than now.
                    Rate::Max => now,
                    Rate::PerSecond(rate) => {
                        self.started_ns + (sent as f64 * 1e9 / rate) as u64
                    }
                };
                if now < intended {
                    break;
                }
                self.intended_ns.push(intended);
                if sent == loss_from
                    && let Some(loss) = &self.loss
                {
                    loss.set(self.plan.md_loss).map_err(|e| format!("--md-loss: {e}"))?;
                }
                self.client
                    .submit(now, &self.plan.commands[sent], sent as u64)
                    .map_err(|e| e.to_string())?;
                sent += 1;
            }
            let work = self.cycle()?;
            if sent >= end && self.client.unanswered() == 0 {
                return Ok(sent);
            }
            let silent_ns = self.clock.mono_ns().saturating_sub(self.answered_ns);
            if self.client.unanswered() > 0 && silent_ns > SILENCE_MAX.as_nanos() as u64 {
                // What is unanswered now is lost; the verdict says so.
                return Ok(sent);
            }
            idler.idle(work);
        }
    }

    /// Works until the consumer has everything that the engine said, or nothing more comes.
    fn await_market_data(&mut self) -> Result<(), String> {
        let mut idler = Idler::new(idle(self.config));
        let mut progress = (self.feed.consumer().counters().messages, self.clock.mono_ns());
        loop {
            let consumer = self.feed.consumer();
            if consumer.is_live() && consumer.event_seq() >= self.appliance.event_seq() {
                return Ok(());
            }
            let messages = consumer.counters().messages;
            let now = self.clock.mono_ns();
            if messages != progress.0 {
                progress = (messages, now);
            } else if now.saturating_sub(progress.1) > SILENCE_MAX.as_nanos() as u64 {
                return Ok(());
            }
            let work = self.cycle()?;
            idler.idle(work);
        }
    }

    fn say_progress(&mut self, now: u64) {
        let answered = self.client.counters().answered;
        let seconds = now.saturating_sub(self.said_ns) as f64 / 1e9;
        let rate = (answered - self.said_answered) as f64 / seconds;
        (self.said_ns, self.said_answered) = (now, answered);
        let tops: Vec<String> =
            self.config.instrument_list.iter().take(2).map(|i| self.top(i)).collect();
        eprintln!(
            "{:>9} of {} answered  {:>7.0} orders/s  {:>8} trades  {}",
            answered,
            self.plan.commands.len(),
            rate,
            self.feed.consumer().counters().trades,
            tops.join("  ")
        );
    }

    /// The touch of an instrument, as the consumer sees it.
    fn top(&self, instrument: &Instrument) -> String {
        let best = |side| {
            let level = self.feed.consumer().book(instrument.id)?.levels(side).next()?;
            let price = instrument.price_decimal(level.price);
            let qty = instrument.qty_decimal(level.qty);
            Some(format!("{qty} @ {price}"))
        };
        let side = |side| best(side).unwrap_or_else(|| "-".to_owned());
        format!("{} {} | {}", instrument.symbol, side(Side::Buy), side(Side::Sell))
    }
}

impl Finished {
    fn conclude(
        mut self,
        config: &Config,
        plan: &Plan,
        appliance: Appliance,
    ) -> Result<Outcome, String> {
        let engine = appliance.finish()?;
        let prints = self.feed.consumer_mut().take_prints();
        let told = Told {
            commands: &plan.commands,
            answers: &self.answers,
            fills: &self.fills,
            prints: &prints,
            engine: &engine,
        };
        let mut rejected = BTreeMap::new();
        for reason in self.answers.iter().flatten().filter_map(|answer| answer.rejected) {
            *rejected.entry(reason.name()).or_insert(0) += 1;
        }
        let mut trades: Vec<u64> = self.fills.iter().map(|fill| fill.trade_id).collect();
        trades.extend(prints.iter().map(|print| print.trade_id.get()));
        trades.sort_unstable();
        trades.dedup();
        let answered = self.answers.iter().flatten().count() as u64;
        let sent = self.sent as u64;
        Ok(Outcome {
            orders: sent,
            answered,
            rejected,
            lost: sent - answered,
            duplicated: self.counters.duplicated,
            resent: (self.counters.resent, self.counters.not_sequenced),
            trades: trades.len() as u64,
            books: verify::books(&engine, self.feed.consumer()),
            model: verify::against_model(config, &told),
            datapath: self.feed.describe(),
            rate: if self.seconds > 0.0 { answered as f64 / self.seconds } else { 0.0 },
            md_datagrams: self.feed.consumer().counters().datagrams,
            latency: self.latency,
            interrupted: self.interrupted,
            summaries: engine.summaries,
        })
    }
}
