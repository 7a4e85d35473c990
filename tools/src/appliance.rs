//! All roles in one process, on one thread, with one media driver: what `vesta demo` and
//! `vesta replay --via appliance` trade against.

use crate::tap::{LogTap, Records};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use vesta_config::{Config, LogLevel};
use vesta_engine::EngineAgent;
use vesta_gateway::GatewayAgent;
use vesta_md_publisher::MdPublisherAgent;
use vesta_netio::{AeronTransport, Clock, Idler, StopFlag, UdpSocket};
use vesta_runner::{
    Agent, Metrics, RoleCounters, StartError, TellsDriver, describe_host, idle, open_transport, say,
};
use vesta_sequencer::SequencerAgent;
use vesta_transport::Duty;
use vesta_types::state_hash::{InstrumentStatus, LiveOrder};
use vesta_types::{InstrumentId, Side};

/// How long the end waits for what the engine has read and the tap has not, nanoseconds.
const TAP_WAIT_MAX_NS: u64 = 5_000_000_000;

/// What the engine holds at the end.
#[derive(Clone, Debug, Default)]
pub struct EngineState {
    /// Every displayed order, by instrument and side, in priority order.
    pub books: Vec<(InstrumentId, Side, Vec<LiveOrder>)>,
    /// What each instrument does.
    pub statuses: Vec<InstrumentStatus>,
    /// The records that were applied.
    pub records: Records,
    /// The hash of the books, undisplayed orders and waiting stops included.
    pub book_hash: u64,
    /// Name of the datapath that the roles ran on.
    pub datapath: String,
    /// What each role counted, in words.
    pub summaries: Vec<String>,
}

/// What the thread of the roles tells the others while it runs.
#[derive(Debug, Default)]
struct Shared {
    ready: AtomicBool,
    event_seq: AtomicU64,
    reported: AtomicU64,
}

/// Why a run ended without an outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not begin: a port, a key, the kernel. The text says which, and the fix.
    #[error("{0}")]
    NotStarted(String),
    /// It broke down on the way.
    #[error("{0}")]
    BrokeDown(String),
}

impl RunError {
    /// What kept it from beginning, with the key of `config` that it is about.
    pub fn not_started(config: &Config, error: impl Into<StartError>) -> Self {
        Self::NotStarted(error.into().with_knob(config).to_string())
    }
}

/// The roles, at work on a thread of their own.
#[derive(Debug)]
pub struct Appliance {
    thread: JoinHandle<Result<EngineState, RunError>>,
    stop: StopFlag,
    shared: Arc<Shared>,
}

impl Appliance {
    /// Starts all roles of the configuration's first gateway.
    #[must_use]
    pub fn start(config: &Config) -> Self {
        let (stop, shared) = (StopFlag::new(), Arc::new(Shared::default()));
        let thread = {
            let (mut config, stop, shared) = (config.clone(), stop.clone(), Arc::clone(&shared));
            // There is one gateway, and the md-publisher; and beside the engine there is a tap.
            config.engine.event_readers_min = 2;
            config.sequencer.input_readers_min = 2;
            std::thread::spawn(move || run(&config, &stop, &shared))
        };
        Self { thread, stop, shared }
    }

    /// True once orders are taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::Acquire)
    }

    /// True when the roles ended before they were told to.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// The latest event of the engine.
    #[must_use]
    pub fn event_seq(&self) -> u64 {
        self.shared.event_seq.load(Ordering::Acquire)
    }

    /// The latest event whose reports have been handed to the clients' sockets.
    #[must_use]
    pub fn reported(&self) -> u64 {
        self.shared.reported.load(Ordering::Acquire)
    }

    /// Ends the roles, and returns what the engine holds.
    ///
    /// # Errors
    /// Why a role did not start, or stopped before it was told to.
    pub fn finish(self) -> Result<EngineState, RunError> {
        self.stop.stop();
        match self.thread.join() {
            Ok(outcome) => outcome,
            Err(_) => {
                let text = "the thread of the roles panicked; its message is above";
                Err(RunError::BrokeDown(text.to_owned()))
            }
        }
    }
}

fn run(config: &Config, stop: &StopFlag, shared: &Shared) -> Result<EngineState, RunError> {
    let not_started = |e| RunError::not_started(config, e);
    let metrics = Metrics::serve(config, "demo", None).map_err(not_started)?;
    let mut roles = Roles::open(config).map_err(not_started)?;
    if let Some(metrics) = &metrics {
        say(config, LogLevel::Info, "appliance", &metrics.to_string());
    }
    let clock = Clock::new();
    let now = clock.utc_ns();
    let open = |role: &str| {
        // They are on one driver, whose counts would be there four times.
        let tells = if role == "gateway" { TellsDriver::Yes } else { TellsDriver::No };
        let counters = RoleCounters::open(config, role, &roles.transport, tells, now);
        if let Some(metrics) = &metrics {
            metrics.add(counters.source(config, role, &roles.transport));
        }
        counters
    };
    let mut counters = ["gateway", "sequencer", "engine", "md-publisher"].map(open);
    let mut idler = Idler::new(idle(config));
    let mut work = 0;
    while !stop.is_stopped() {
        work = roles.do_work(&clock, work, &mut counters).map_err(RunError::BrokeDown)?;
        if work > 0 {
            shared.event_seq.store(roles.engine.event_seq().0, Ordering::Release);
            shared.reported.store(roles.gateway.event_seq().0, Ordering::Release);
        }
        if roles.gateway.is_ready() && roles.sequencer.is_open() {
            shared.ready.store(true, Ordering::Release);
        }
        idler.idle(work);
    }
    roles.engine_state(&clock).map_err(RunError::BrokeDown)
}

/// The agents, on one transport.
struct Roles {
    sequencer: SequencerAgent<AeronTransport>,
    engine: EngineAgent<AeronTransport>,
    gateway: GatewayAgent<AeronTransport, UdpSocket>,
    md_publisher: MdPublisherAgent<AeronTransport>,
    /// For the check at the end.
    tap: LogTap<AeronTransport>,
    /// Last, so that it outlives the streams on it.
    transport: AeronTransport,
}

impl Roles {
    /// 1. the media driver; 2. the roles in the order of the data path.
    fn open(config: &Config) -> Result<Self, StartError> {
        describe_host(config, "appliance");
        let mut transport = open_transport(config, "appliance")?;
        let gateway = vesta_gateway::run::open_agent(&mut transport, config, None)?;
        let sequencer = SequencerAgent::new(
            &mut transport,
            &vesta_sequencer::run::links(config),
            vesta_sequencer::run::settings(config),
        )?;
        let engine = EngineAgent::new(
            &mut transport,
            &vesta_engine::run::links(config),
            vesta_engine::run::settings(config),
        )?;
        let md_publisher = MdPublisherAgent::new(
            &mut transport,
            &vesta_md_publisher::run::links(config),
            vesta_md_publisher::run::settings(config),
        )?;
        let input_log = vesta_engine::run::links(config).input_log;
        let tap = LogTap::new(&mut transport, &input_log)?;
        Ok(Self { sequencer, engine, gateway, md_publisher, tap, transport })
    }

    /// One duty cycle of everything, in the order of the data path.
    fn do_work(
        &mut self,
        clock: &Clock,
        work_before: usize,
        counters: &mut [RoleCounters; 4],
    ) -> Result<usize, String> {
        let mut work = self.transport.do_work().map_err(|e| e.to_string())?;
        let now = clock.utc_ns();
        for (counters, (_, role)) in counters.iter_mut().zip(self.agents()) {
            counters.turn(now, work_before, role, &self.transport);
        }
        work += self.gateway.do_work().map_err(|e| format!("gateway: {e}"))?;
        work += self.sequencer.do_work(now).map_err(|e| format!("sequencer: {e}"))?;
        work += self.engine.do_work().map_err(|e| format!("engine: {e}"))?;
        work += self.md_publisher.do_work(now).map_err(|e| format!("md-publisher: {e}"))?;
        work += self.tap.do_work().map_err(|e| format!("tap: {e}"))?;
        Ok(work)
    }

    fn agents(&self) -> [(&'static str, &dyn Agent); 4] {
        [
            ("gateway", &self.gateway),
            ("sequencer", &self.sequencer),
            ("engine", &self.engine),
            ("md-publisher", &self.md_publisher),
        ]
    }

    fn engine_state(&mut self, clock: &Clock) -> Result<EngineState, String> {
        let applied = self.engine.engine().next_seq().0 - 1;
        // What the engine has read comes to us, too: by MDC on a way of our own, where it may have been lost and
        // is yet to be repaired.
        let deadline_ns = clock.mono_ns() + TAP_WAIT_MAX_NS;
        while (self.tap.records().times.len() as u64) < applied && clock.mono_ns() < deadline_ns {
            self.transport.do_work().map_err(|e| format!("transport: {e}"))?;
            self.tap.do_work().map_err(|e| format!("tap: {e}"))?;
        }
        let mut records = self.tap.records().clone();
        records.truncate(applied);
        let matcher = self.engine.engine().matcher();
        let books = matcher
            .instruments()
            .flat_map(|(id, _)| Side::BOTH.map(|side| (id, side)))
            .map(|(id, side)| (id, side, matcher.orders(id, side).collect()))
            .collect();
        let roles = self.agents();
        let summaries = roles.iter().map(|(name, role)| format!("{name} {}", role.summary()));
        let statuses = matcher.instruments().filter_map(|(id, _)| matcher.status(id)).collect();
        Ok(EngineState {
            books,
            statuses,
            records,
            book_hash: matcher.state_hash(),
            datapath: self.transport.datapath().unwrap_or_default(),
            summaries: summaries.collect(),
        })
    }
}
