//! One role as a process of its own.

use crate::BUILD;
use crate::counters::{RoleCounters, TellsDriver};
use crate::host::{Driver, describe_host, describe_thread, pin};
use crate::metrics::Metrics;
use crate::settings::role_idle;
use crate::transport::{open_transport, shared_directory};
use clap::{Args, CommandFactory, FromArgMatches, Parser};
use std::error::Error;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use vesta_config::{Config, ConfigError, LogLevel};
use vesta_hotmem::CounterSink;
use vesta_netio::{
    AeronTransport, Clock, DriverError, Dropped, Idler, MediaDriver, StopFlag, UdpError,
};
use vesta_transport::{Duty, TransportError};
use vesta_types::{GatewayId, TimeNs};

/// A role at work: what the loop calls.
pub trait Agent {
    /// One duty cycle at time `now`; returns how much was done.
    ///
    /// # Errors
    /// Why the role can not go on.
    fn do_work(&mut self, now: TimeNs) -> Result<usize, Box<dyn Error>>;

    /// True once the role does what it is for; said once, on stderr.
    fn is_ready(&self) -> bool;

    /// Told to end: it takes nothing new from here on. How long the loop goes on for what is
    /// [`open`](Self::open), at most.
    fn drain(&mut self) -> Duration {
        Duration::ZERO
    }

    /// What it owes somebody: commands whose answers have not been passed on, and the like.
    fn open(&self) -> u64 {
        0
    }

    /// What it counted, in one line of words, for the log.
    fn summary(&self) -> String;

    /// The sequenced time of what the latest duty cycle did first; `None` when it did nothing that
    /// has one. What lies between it and the end of that cycle is the role's hop latency.
    fn latest(&self) -> Option<TimeNs>;

    /// Tells what it counted, for its counters file.
    fn tell(&self, sink: &mut dyn CounterSink);
}

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The driver.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A stream.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The clients' socket.
    #[error(transparent)]
    Udp(#[from] UdpError),
    /// Signal handlers.
    #[error("signal handlers can not be installed: {0}")]
    Signals(std::io::Error),
    /// An argument.
    #[error("{0}")]
    Argument(String),
    /// The CPU that the role is to stay on.
    #[error(
        "the role can not stay on CPU {core}: {source}; this process may use {allowed:?}. Name one of \
         them, or none"
    )]
    Core {
        /// The CPU.
        core: usize,
        /// Those that there are.
        allowed: Vec<usize>,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The port of its metrics.
    #[error("{key} = {}: metrics can not be served at {place}: {source}; {}", .place.port(), metrics_fix(.source))]
    Metrics {
        /// The key of the port.
        key: String,
        /// Where.
        place: SocketAddrV4,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Any of these, with the key of the configuration that it is about.
    #[error("{knob}: {source}")]
    Knob {
        /// The key and its value.
        knob: String,
        /// What happened.
        source: Box<Self>,
    },
}

fn metrics_fix(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::AddrNotAvailable => {
            "set metrics.address to an address of this host, \"0.0.0.0\", or \"\" for no metrics"
        }
        _ => "give this process a port that is free, or 0 for no metrics",
    }
}

impl StartError {
    /// Names the key of `config` that the error is about, where there is one: whoever is told of an
    /// address should not have to look for where it was configured.
    #[must_use]
    pub fn with_knob(self, config: &Config) -> Self {
        let knob = match &self {
            Self::Transport(_) | Self::Udp(_) => config.knob_in(&self.to_string()),
            Self::Driver(DriverError::Settings(text)) if text.contains("initial_window_bytes") => {
                let window = config.transport.receiver_window_bytes;
                Some(format!("transport.receiver_window_bytes = {window}"))
            }
            Self::Driver(
                DriverError::InUse { .. } | DriverError::NotOurs { .. } | DriverError::NoDriver(_),
            ) => {
                let directory = shared_directory(config);
                Some(format!("transport.driver_directory = \"{}\"", directory.display()))
            }
            Self::Driver(DriverError::Directory { .. } | DriverError::NoSpace { .. }) => {
                let parent = &config.transport.driver_directory_parent;
                Some(format!("transport.driver_directory_parent = \"{parent}\""))
            }
            _ => None,
        };
        match knob {
            Some(knob) => Self::Knob { knob, source: Box::new(self) },
            None => self,
        }
    }
}

/// What a role is told on its command line: what every role takes, and its own.
#[derive(Debug, Parser)]
#[command(version = BUILD)]
struct RoleArgs<Own: OwnArgs> {
    /// The configuration file; without it the built-in default, which `vesta inspect config` prints
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    own: Own,
}

/// What a role takes beside what every role takes.
pub trait OwnArgs: Args {
    /// Which gateway it is to be, if it is one.
    fn gateway(&self, _config: &Config) -> Option<GatewayId> {
        None
    }
}

/// For a role that takes no arguments of its own.
#[derive(Debug, Args)]
pub struct NoArgs {}

impl OwnArgs for NoArgs {}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was told to.
    Asked,
    /// The role stopped with a reason.
    Stopped,
    /// It could not start.
    NotStarted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Asked => 0,
            Exit::Stopped => 1,
            Exit::NotStarted => 2,
        })
    }
}

/// How long a process works on after it has closed its streams, at least. A closed publication says
/// so with its next heartbeat, which Aeron sends 100 ms after what it sent last. Shorter: readers
/// report a publisher that went silent, seconds later; longer: a stop takes that long.
const FAREWELL_MIN: Duration = Duration::from_millis(250);

/// Runs the role `name` (as in `engine`) as this process: `open` opens its streams.
pub fn role_main<Own: OwnArgs>(
    name: &str,
    about: &'static str,
    open: impl FnOnce(&mut AeronTransport, &Config, &Own) -> Result<Box<dyn Agent>, StartError>,
) -> ExitCode {
    let command = RoleArgs::<Own>::command().name(format!("vesta-{name}")).about(about);
    let args = match RoleArgs::<Own>::from_arg_matches(&command.get_matches()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let exit = match start(name, &args, open) {
        Err(error) => {
            eprintln!("vesta-{name}: {error}");
            Exit::NotStarted
        }
        Ok(Started { mut transport, mut agent, config, stop, metrics }) => {
            let outcome = run_until_stopped(
                name,
                &mut transport,
                agent.as_mut(),
                &config,
                &stop,
                metrics.as_ref(),
                |_, _| Ok(()),
            );
            let lingered = farewell(name, &mut transport, agent, &config);
            match outcome.and(lingered.map_err(Stopped::from)) {
                Ok(()) => Exit::Asked,
                Err(stopped) => {
                    eprintln!("vesta-{name}: {stopped}");
                    Exit::Stopped
                }
            }
        }
    };
    exit.into()
}

/// The end of a role: says what it counted, closes its streams, and works on for as long as it takes
/// its readers to hear of it.
///
/// # Errors
/// When the transport fails meanwhile.
pub fn farewell<A: Agent + ?Sized>(
    name: &str,
    transport: &mut AeronTransport,
    agent: Box<A>,
    config: &Config,
) -> Result<(), TransportError> {
    say(config, LogLevel::Info, name, &agent.summary());
    say_dropped(config, name, transport);
    drop(agent);
    // What we published stays readable for as long as it takes to hear that we are gone.
    let told = Duration::from_millis(2 * config.transport.status_message_interval_ms);
    transport.linger(told.max(FAREWELL_MIN))
}

/// A process before its first duty cycle.
struct Started {
    transport: AeronTransport,
    agent: Box<dyn Agent>,
    config: Config,
    stop: StopFlag,
    metrics: Option<Metrics>,
}

fn start<Own: OwnArgs>(
    name: &str,
    args: &RoleArgs<Own>,
    open: impl FnOnce(&mut AeronTransport, &Config, &Own) -> Result<Box<dyn Agent>, StartError>,
) -> Result<Started, StartError> {
    let config = Config::load(args.config.as_deref())?;
    let stop = StopFlag::on_signals().map_err(StartError::Signals)?;
    let from = args.config.as_ref().map_or("built-in default".into(), |p| p.display().to_string());
    say(&config, LogLevel::Info, name, &format!("{BUILD}; configuration: {from}"));
    say(&config, LogLevel::Debug, name, &format!("resolved configuration:\n{}", config.to_toml()));
    describe_host(&config, name);
    let metrics = Metrics::serve(&config, name, args.own.gateway(&config))?;
    if let Some(metrics) = &metrics {
        say(&config, LogLevel::Info, name, &metrics.to_string());
    }
    pin(&config, name, Driver::ToStart)?;
    let mut transport = open_transport(&config, name).map_err(|error| error.with_knob(&config))?;
    pin(&config, name, Driver::Started)?;
    describe_thread(&config, name);
    let agent = open(&mut transport, &config, &args.own).map_err(|e| e.with_knob(&config))?;
    say(
        &config,
        LogLevel::Info,
        name,
        &format!(
            "shard {}, epoch {}, commit level {}; streams are open",
            config.shard.id, config.sequencer.epoch, config.shard.commit_level
        ),
    );
    Ok(Started { transport, agent, config, stop, metrics })
}

/// Says once, and soon, that the driver's gate keeps something out: who waits for a stream that never
/// comes should not have to stop the process to learn why.
#[derive(Debug, Default)]
pub struct GateWatch {
    cycles: u32,
    is_told: bool,
}

impl GateWatch {
    /// Between two looks: a second or less of an idle loop that sleeps.
    const CYCLES: u32 = 1024;

    /// Looks now and then; to be called in every cycle of the loop.
    pub fn look(&mut self, config: &Config, name: &str, dropped: impl FnOnce() -> Dropped) {
        self.cycles = self.cycles.wrapping_add(1);
        if self.is_told || !self.cycles.is_multiple_of(Self::CYCLES) {
            return;
        }
        let dropped = dropped();
        if dropped.total() > 0 {
            self.is_told = true;
            say(config, LogLevel::Warn, name, &dropped.to_string());
        }
    }
}

/// Says what the driver's gate kept out, where it did.
fn say_dropped(config: &Config, name: &str, transport: &AeronTransport) {
    let dropped = transport.with_driver(MediaDriver::dropped).unwrap_or_default();
    if dropped.total() > 0 {
        say(config, LogLevel::Warn, name, &dropped.to_string());
    }
}

/// Prints a line on stderr where the configuration wants lines of this gravity; `name` is the
/// process without its `vesta-`.
pub fn say(config: &Config, level: LogLevel, name: &str, text: &str) {
    if level as u8 <= config.log.level as u8 {
        eprintln!("vesta-{name}: {text}");
    }
}

/// Why a role stopped before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The role's own reason.
    #[error("stopped: {0}")]
    Role(Box<dyn Error>),
    /// The transport failed.
    #[error("stopped: {0}")]
    Transport(#[from] TransportError),
}

/// The duty cycle: transport, role, idle, until the flag is set. What it counts is served by `metrics`;
/// `tend` opens and closes streams, for a role that does so while it runs.
///
/// # Errors
/// Why it ended before that.
pub fn run_until_stopped<A: Agent + ?Sized>(
    name: &str,
    transport: &mut AeronTransport,
    agent: &mut A,
    config: &Config,
    stop: &StopFlag,
    metrics: Option<&Metrics>,
    mut tend: impl FnMut(&mut A, &mut AeronTransport) -> Result<(), TransportError>,
) -> Result<(), Stopped> {
    let clock = Clock::new();
    let mut idler = Idler::new(role_idle(config, name));
    let mut announced = false;
    let mut gate = GateWatch::default();
    let mut counters =
        RoleCounters::open(config, name, transport, TellsDriver::Yes, clock.utc_ns());
    if let Some(metrics) = metrics {
        metrics.add(counters.source(config, name, transport));
    }
    let mut work = 0;
    let mut drain = None;
    loop {
        if stop.is_stopped() {
            let drain = drain.get_or_insert_with(|| Drain::begin(agent, &clock));
            if drain.is_over(agent, &clock) {
                drain.tell(config, name, agent);
                return Ok(());
            }
        }
        let moved = transport.do_work()?;
        let now = clock.utc_ns();
        counters.turn(now, work, agent, transport);
        let done = agent.do_work(now);
        if let (Some(drain), Err(error)) = (&drain, &done) {
            // It was to end anyway, and those it waits for have.
            say(config, LogLevel::Warn, name, &error.to_string());
            drain.tell(config, name, agent);
            return Ok(());
        }
        work = moved + done.map_err(Stopped::Role)?;
        tend(agent, transport)?;
        if !announced && agent.is_ready() {
            announced = true;
            say(config, LogLevel::Info, name, "ready");
        }
        gate.look(config, name, || transport.with_driver(MediaDriver::dropped).unwrap_or_default());
        idler.idle(work);
    }
}

/// The end of a loop: what is open is waited for, but not for ever.
struct Drain {
    began_open: u64,
    until_ns: u64,
}

impl Drain {
    fn begin<A: Agent + ?Sized>(agent: &mut A, clock: &Clock) -> Self {
        let until_ns = clock.mono_ns() + agent.drain().as_nanos() as u64;
        Self { began_open: agent.open(), until_ns }
    }

    fn is_over<A: Agent + ?Sized>(&self, agent: &A, clock: &Clock) -> bool {
        agent.open() == 0 || clock.mono_ns() >= self.until_ns
    }

    /// Says what came of it, where there was something.
    fn tell<A: Agent + ?Sized>(&self, config: &Config, name: &str, agent: &A) {
        let left = agent.open();
        if left > 0 {
            let text = format!("told to end with {left} commands unanswered");
            say(config, LogLevel::Warn, name, &text);
        } else if self.began_open > 0 {
            let text = format!("told to end: the last {} commands are answered", self.began_open);
            say(config, LogLevel::Info, name, &text);
        }
    }
}
