//! A process that is a client: orders over UDP, each at its own time, and their answers.

use super::BenchError;
use super::intervals::{IntervalCounts, IntervalRecorder};
use super::trace::{Trace, TracedSocket};
use super::worker::{Parent, pin};
use crate::client::{Client, Report};
use crate::latency::Latency;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use vesta_config::Config;
use vesta_netio::{Clock, Idler, UdpSocket};
use vesta_runner::idle;
use vesta_transport::DatagramSocket;
use vesta_types::{Command, StpGroup};
use vesta_workload::{Scenario, Workload};

/// Commands in flight, over all sessions: their reports must fit the socket's buffer.
const IN_FLIGHT_MAX: usize = 256;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Commands of a run without a rate, for each second of it.
const COMMANDS_PER_S_MAX: f64 = 500_000.0;

/// What the process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadJob {
    /// The configuration, as TOML.
    pub config: String,
    /// The core to stay on.
    pub core: Option<usize>,
    /// Orders per second; `None` for as fast as answers come.
    pub rate: Option<f64>,
    /// Before anything is recorded, s.
    pub warm_up_s: f64,
    /// Recorded, s.
    pub seconds: f64,
    /// Of the flow.
    pub seed: u64,
    /// Where its trace goes, if it is to keep one.
    pub trace: Option<PathBuf>,
}

/// What was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadEnd {
    /// Latencies from the time at which an order was due, of those recorded, by the second of the
    /// answer. Without a rate an order is due when there is room for it.
    pub intervals: Vec<IntervalCounts>,
    /// From the first recorded order's time to the last recorded answer, ns.
    pub duration_ns: u64,
    /// Orders that were recorded.
    pub recorded: u64,
    /// Orders sent, warm-up included.
    pub sent: u64,
    /// Of these, answered.
    pub answered: u64,
    /// Orders that went after the next one was due: the client or the window held them back.
    pub late: u64,
    /// Datagrams that were sent again.
    pub resent: u64,
    /// Traced: of each recorded order, when it was due, and which `seq` it became.
    pub due_ticks: Vec<(u64, u64)>,
}

impl LoadEnd {
    /// All latencies.
    #[must_use]
    pub fn latency(&self) -> Latency {
        let mut whole = Latency::new();
        self.intervals.iter().for_each(|interval| whole.add(&Latency::from(&interval.counts)));
        whole
    }
}

/// Sends, and tells the parent what was found.
///
/// # Errors
/// When there is no socket, or answers are missing.
pub fn run(parent: &Parent, job: &LoadJob) -> Result<(), BenchError> {
    pin(job.core)?;
    let config = Config::parse(&job.config, "bench")
        .map_err(|error| BenchError::not_started("configuration", error))?;
    let none = || BenchError::CannotStart("the configuration has no [[gateway]]".to_owned());
    let gateway = config.gateway_list.first().ok_or_else(none)?;
    let bind = SocketAddr::V4(config.demo.client_bind);
    let socket = UdpSocket::bind(bind, gateway.receive_buffer_bytes as usize)
        .map_err(|error| BenchError::not_started("client", error))?;
    let to = SocketAddr::V4(gateway.listen);
    let trace = job.trace.as_ref().map(|_| Trace::new());
    match &trace {
        None => {
            let client = Client::new(socket, to, config.scales(), IN_FLIGHT_MAX);
            parent.tell(&Load::new(&config, job, client, None).run(parent)?);
        }
        Some(trace) => {
            let socket = TracedSocket::new(socket, trace.clone());
            let client = Client::new(socket, to, config.scales(), IN_FLIGHT_MAX);
            parent.tell(&Load::new(&config, job, client, Some(trace.clone())).run(parent)?);
        }
    }
    if let (Some(trace), Some(path)) = (trace, &job.trace) {
        trace.write(path)?;
    }
    Ok(())
}

struct Load<D> {
    client: Client<D>,
    commands: Vec<Command>,
    clock: Clock,
    idler: Idler,
    interval_ns: f64,
    warm_up: usize,
    rate: Option<f64>,
    end_ns: u64,
    trace: Option<Trace>,
}

impl<D: DatagramSocket> Load<D> {
    fn new(config: &Config, job: &LoadJob, client: Client<D>, trace: Option<Trace>) -> Self {
        let per_s = job.rate.unwrap_or(COMMANDS_PER_S_MAX);
        let warm_up = (job.warm_up_s * per_s).ceil() as usize;
        let count = warm_up + (job.seconds * per_s).ceil() as usize;
        let count = count.clamp(1, Workload::COUNT_MAX);
        let mut commands = Workload::generate(Scenario::Normal, job.seed, count).commands;
        for command in &mut commands {
            if let Command::New(new) = command {
                // Each is of one order: they forbid nothing.
                new.stp_group = StpGroup(0);
            }
        }
        Self {
            client,
            commands,
            clock: Clock::new(),
            idler: Idler::new(idle(config)),
            interval_ns: 1e9 / per_s,
            warm_up: if job.rate.is_some() { warm_up } else { 0 },
            rate: job.rate,
            end_ns: ((job.warm_up_s + job.seconds) * 1e9) as u64,
            trace,
        }
    }

    fn run(mut self, parent: &Parent) -> Result<LoadEnd, BenchError> {
        let begin_ns = self.clock.mono_ns();
        let begin_ticks = self.trace.as_ref().map_or(0, Trace::ticks);
        let calibration = quanta::Clock::new();
        let ticks_per_ns = f64::from(1 << 20) / calibration.delta_as_nanos(0, 1 << 20) as f64;
        let warm_up_ns = (self.warm_up as f64 * self.interval_ns) as u64;
        let mut recorder =
            IntervalRecorder::new(begin_ns + warm_up_ns, self.clock.utc_ns().0 + warm_up_ns);
        let deadline_ns = begin_ns + self.end_ns + PATIENCE.as_nanos() as u64;
        let (mut recorded, mut late, mut answered) = (0, 0, 0);
        let (mut due_at, mut due_ticks, mut last_ns) = (Vec::new(), Vec::new(), begin_ns);
        loop {
            let now = self.clock.mono_ns();
            let over = self.rate.is_none() && now - begin_ns >= self.end_ns;
            let total = if over { due_at.len() } else { self.commands.len() };
            let mut work = 0;
            while due_at.len() < total && self.client.has_room() {
                let at = due_at.len();
                let due = match self.rate {
                    Some(_) => begin_ns + (at as f64 * self.interval_ns) as u64,
                    None => now,
                };
                if now < due {
                    break;
                }
                late += u64::from(now - due > self.interval_ns as u64);
                due_at.push(due);
                let sent = self.client.submit(now, &self.commands[at], at as u64);
                sent.map_err(|error| BenchError::broke("an order", error))?;
                work += 1;
            }
            let (warm_up, clock, traced) = (self.warm_up, &self.clock, self.trace.is_some());
            work += self.client.poll(now, &mut |report| {
                if let Report::Answer(answer) = report {
                    let (tag, now) = (answer.tag as usize, clock.mono_ns());
                    answered += 1;
                    if tag >= warm_up {
                        last_ns = now;
                        recorded += 1;
                        recorder.record(now, now.saturating_sub(due_at[tag]));
                        if traced {
                            let after_ns = (due_at[tag] - begin_ns) as f64;
                            let ticks = begin_ticks + (after_ns * ticks_per_ns) as u64;
                            due_ticks.push((answer.seq, ticks));
                        }
                    }
                }
            });
            if due_at.len() >= total && answered as usize >= due_at.len() {
                break;
            }
            if parent.stop().is_stopped() {
                return Err(BenchError::Interrupted);
            }
            if now > deadline_ns {
                break;
            }
            self.idler.idle(work);
        }
        Ok(LoadEnd {
            intervals: recorder.finish(last_ns),
            duration_ns: last_ns.saturating_sub(begin_ns + warm_up_ns),
            recorded,
            sent: due_at.len() as u64,
            answered,
            late,
            resent: self.client.counters().resent,
            due_ticks,
        })
    }
}
