//! A role's counters: what its agent and its loop count, written to its file now and then.

use crate::BUILD;
use crate::metrics::RoleSource;
use crate::process::{Agent, say};
use crate::transport::shared_directory;
use std::path::Path;
use vesta_config::{Config, LogLevel};
use vesta_hotmem::{CounterSink, CountersFile, Histogram, Scope, Unit, remove_stale};
use vesta_netio::{AeronTransport, Datapath, MediaDriver, XdpCounters};
use vesta_transport::StreamCounts;
use vesta_types::TimeNs;

/// A counters file, where the configuration wants one, and when it is to be written.
#[derive(Debug)]
struct Published {
    file: Option<CountersFile>,
    interval_ns: u64,
    due: TimeNs,
}

impl Published {
    /// Makes the file of `role`, whose driver has its files in `driver`, after removing what dead
    /// processes left. A role works without it as well: where it can not be made, that is said, and
    /// no more.
    fn open(config: &Config, role: &str, driver: &Path, now: TimeNs) -> Self {
        Self {
            file: config.counters.enabled.then(|| create(config, role, driver, now)).flatten(),
            interval_ns: config.counters.interval_ms * 1_000_000,
            due: now,
        }
    }

    /// True once the time has come.
    fn is_due(&self, now: TimeNs) -> bool {
        now >= self.due
    }

    /// Writes what `tell` tells.
    fn write(&mut self, now: TimeNs, tell: impl FnOnce(&mut dyn CounterSink)) {
        self.due = TimeNs(now.0 + self.interval_ns);
        if let Some(file) = &mut self.file {
            file.publish(now.0, |sink| tell(sink));
        }
    }
}

/// Whose driver it is of which a file tells: roles of one process share theirs, and one tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TellsDriver {
    /// This one tells.
    Yes,
    /// Another does.
    No,
}

/// The counters of one role, and its file.
#[derive(Debug)]
pub struct RoleCounters {
    published: Published,
    tells_driver: TellsDriver,
    turns: u64,
    turns_busy: u64,
    hop: Histogram,
}

impl RoleCounters {
    /// Opens the file of `role`, whose streams are on `transport`.
    #[must_use]
    pub fn open(
        config: &Config,
        role: &str,
        transport: &AeronTransport,
        tells_driver: TellsDriver,
        now: TimeNs,
    ) -> Self {
        let path = |driver: &MediaDriver| driver.directory().to_owned();
        let driver = transport.with_driver(path).unwrap_or_else(|| shared_directory(config));
        Self {
            published: Published::open(config, role, &driver, now),
            tells_driver,
            turns: 0,
            turns_busy: 0,
            hop: Histogram::default(),
        }
    }

    /// Where they are written; `None` when they are not.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.published.file.as_ref().map(CountersFile::path)
    }

    /// What metrics are made of: the counters of `role`, whose streams are on `transport`.
    #[must_use]
    pub fn source(&self, config: &Config, role: &str, transport: &AeronTransport) -> RoleSource {
        let has_driver = transport.with_driver(|_| ()).is_some();
        RoleSource {
            role: role.to_owned(),
            shard: config.shard.id,
            counters: self.path().map(Path::to_owned),
            tells_driver: has_driver && self.tells_driver == TellsDriver::Yes,
            datapath: transport.datapath().unwrap_or_else(|| "unknown".to_owned()),
        }
    }

    /// Once per turn of the loop, at `now`, when the driver has sent what the turn before made:
    /// `work` is how much that was. The clock is read for the turn that begins anyway.
    pub fn turn<A: Agent + ?Sized>(
        &mut self,
        now: TimeNs,
        work: usize,
        agent: &A,
        transport: &AeronTransport,
    ) {
        self.turns += 1;
        if work > 0 {
            self.turns_busy += 1;
            if let Some(stamped) = agent.latest() {
                self.hop.record(now.0.saturating_sub(stamped.0));
            }
        }
        if self.published.is_due(now) {
            self.publish(now, agent, transport);
        }
    }

    /// Writes them now.
    pub fn publish<A: Agent + ?Sized>(
        &mut self,
        now: TimeNs,
        agent: &A,
        transport: &AeronTransport,
    ) {
        let Self { published, tells_driver, turns, turns_busy, hop } = self;
        published.write(now, |sink| {
            tell_turns(sink, *turns, *turns_busy);
            sink.gauge(Scope::ROLE, "ready", Unit::Count, u64::from(agent.is_ready()));
            sink.histogram(Scope::ROLE, "hop", hop);
            sink.counter(Scope::ROLE, "hop_sum", Unit::Nanoseconds, hop.sum_ns());
            agent.tell(sink);
            if *tells_driver == TellsDriver::Yes {
                transport.with_driver(|driver| tell_driver(sink, driver));
            }
        });
    }
}

/// The counters of the driver that others share, and its file.
#[derive(Debug)]
pub struct DriverCounters {
    published: Published,
    turns: u64,
    turns_busy: u64,
}

impl DriverCounters {
    /// Opens the file of `driver`, of role `driver`.
    #[must_use]
    pub fn open(config: &Config, driver: &MediaDriver, now: TimeNs) -> Self {
        let published = Published::open(config, "driver", driver.directory(), now);
        Self { published, turns: 0, turns_busy: 0 }
    }

    /// What metrics are made of.
    #[must_use]
    pub fn source(&self, config: &Config, driver: &MediaDriver) -> RoleSource {
        RoleSource {
            role: "driver".to_owned(),
            shard: config.shard.id,
            counters: self.published.file.as_ref().map(|file| file.path().to_owned()),
            tells_driver: true,
            datapath: driver.datapath().datapath.to_string(),
        }
    }

    /// Once per turn of the loop, at `now`; `work`: how much the turn before did, of which a driver with
    /// threads of its own says nothing.
    pub fn turn(&mut self, now: TimeNs, work: usize, driver: &MediaDriver) {
        self.turns += 1;
        self.turns_busy += u64::from(work > 0);
        let Self { published, turns, turns_busy } = self;
        if published.is_due(now) {
            published.write(now, |sink| {
                tell_turns(sink, *turns, *turns_busy);
                // It serves as soon as it is there.
                sink.gauge(Scope::ROLE, "ready", Unit::Count, 1);
                tell_driver(sink, driver);
            });
        }
    }
}

fn create(config: &Config, role: &str, driver: &Path, now: TimeNs) -> Option<CountersFile> {
    let directory = config.counters.directory();
    for stale in remove_stale(directory) {
        let (path, bytes) = (stale.path.display(), stale.bytes);
        let text = format!("removed {path} ({bytes} bytes), whose process is dead");
        say(config, LogLevel::Warn, role, &text);
    }
    match CountersFile::create(directory, role, BUILD, driver, now.0) {
        Ok(file) => {
            let text = format!("counters in {}", file.path().display());
            say(config, LogLevel::Info, role, &text);
            Some(file)
        }
        Err(error) => {
            let text = format!(
                "no counters: {} can not take them: {error} (counters.directory = \"{}\")",
                directory.display(),
                config.counters.directory
            );
            say(config, LogLevel::Warn, role, &text);
            None
        }
    }
}

fn tell_turns(sink: &mut dyn CounterSink, turns: u64, busy: u64) {
    sink.counter(Scope::ROLE, "duty_cycles", Unit::Count, turns);
    sink.counter(Scope::ROLE, "duty_cycles_busy", Unit::Count, busy);
}

/// Tells what the datapath of a driver did, and what its gate kept out. Aeron's own datapath,
/// `socket`, counts in the driver's file.
fn tell_driver(sink: &mut dyn CounterSink, driver: &MediaDriver) {
    match driver.datapath().datapath {
        Datapath::Uring => {
            tell_named(sink, "datapath", driver.datapath_counters().snapshot().named());
        }
        Datapath::Xdp => {
            let counts = driver.xdp_counters().into_iter().flat_map(XdpCounters::list);
            tell_named(sink, "datapath", counts);
        }
        Datapath::Socket => {}
    }
    tell_named(sink, "gate", driver.dropped().named());
}

/// Tells what went in over a stream.
pub fn tell_in(sink: &mut dyn CounterSink, scope: Scope<'_>, counts: &StreamCounts) {
    sink.counter(scope, "messages_in", Unit::Messages, counts.messages);
    sink.counter(scope, "bytes_in", Unit::Bytes, counts.bytes);
}

/// Tells what went out over a stream.
pub fn tell_out(sink: &mut dyn CounterSink, scope: Scope<'_>, counts: &StreamCounts) {
    sink.counter(scope, "messages_out", Unit::Messages, counts.messages);
    sink.counter(scope, "bytes_out", Unit::Bytes, counts.bytes);
    sink.counter(scope, "back_pressured", Unit::Count, counts.back_pressured);
}

/// Tells counts that have a name each, such as rejects by reason, under a scope of their own.
pub fn tell_named<'a>(
    sink: &mut dyn CounterSink,
    scope: &str,
    counts: impl Iterator<Item = (&'a str, u64)>,
) {
    for (name, count) in counts {
        sink.counter(Scope::named(scope), name, Unit::Count, count);
    }
}
