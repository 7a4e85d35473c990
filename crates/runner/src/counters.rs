//! A role's counters: what its agent and its loop count, written to its file now and then.

use crate::BUILD;
use crate::process::{Agent, say};
use crate::transport::shared_directory;
use std::path::Path;
use vesta_config::{Config, LogLevel};
use vesta_hotmem::{CounterSink, CountersFile, Histogram, Scope, Unit, remove_stale};
use vesta_netio::{AeronTransport, Datapath, MediaDriver, XdpCounters};
use vesta_transport::StreamCounts;
use vesta_types::TimeNs;

/// The counters of one role, and its file, where the configuration wants one.
#[derive(Debug)]
pub struct RoleCounters {
    file: Option<CountersFile>,
    interval_ns: u64,
    due: TimeNs,
    turns: u64,
    turns_busy: u64,
    hop: Histogram,
}

impl RoleCounters {
    /// Makes the file of `role`, after removing what dead processes left. A role works without it as
    /// well: where it can not be made, that is said, and no more.
    #[must_use]
    pub fn open(config: &Config, role: &str, transport: &AeronTransport, now: TimeNs) -> Self {
        let interval_ns = config.counters.interval_ms * 1_000_000;
        let file = config.counters.enabled.then(|| Self::file(config, role, transport, now));
        Self {
            file: file.flatten(),
            interval_ns,
            due: now,
            turns: 0,
            turns_busy: 0,
            hop: Histogram::default(),
        }
    }

    fn file(
        config: &Config,
        role: &str,
        transport: &AeronTransport,
        now: TimeNs,
    ) -> Option<CountersFile> {
        let directory = config.counters.directory();
        for stale in remove_stale(directory) {
            let (path, bytes) = (stale.path.display(), stale.bytes);
            let text = format!("removed {path} ({bytes} bytes), whose process is dead");
            say(config, LogLevel::Warn, role, &text);
        }
        let path = |driver: &MediaDriver| driver.directory().to_owned();
        let driver = transport.with_driver(path).unwrap_or_else(|| shared_directory(config));
        match CountersFile::create(directory, role, BUILD, &driver, now.0) {
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

    /// Where they are written; `None` when they are not.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(CountersFile::path)
    }

    /// Once per turn of the loop, at `now`, when the driver has sent what the turn before made:
    /// `work` is how much that was. The clock is read for the turn that begins anyway.
    pub fn turn(
        &mut self,
        now: TimeNs,
        work: usize,
        agent: &dyn Agent,
        transport: &AeronTransport,
    ) {
        self.turns += 1;
        if work > 0 {
            self.turns_busy += 1;
            if let Some(stamped) = agent.latest() {
                self.hop.record(now.0.saturating_sub(stamped.0));
            }
        }
        if now >= self.due {
            self.publish(now, agent, transport);
        }
    }

    /// Writes them now.
    pub fn publish(&mut self, now: TimeNs, agent: &dyn Agent, transport: &AeronTransport) {
        self.due = TimeNs(now.0 + self.interval_ns);
        let Self { file, turns, turns_busy, hop, .. } = self;
        let Some(file) = file else { return };
        file.publish(now.0, |sink| {
            sink.counter(Scope::ROLE, "duty_cycles", Unit::Count, *turns);
            sink.counter(Scope::ROLE, "duty_cycles_busy", Unit::Count, *turns_busy);
            sink.gauge(Scope::ROLE, "ready", Unit::Count, u64::from(agent.is_ready()));
            sink.histogram(Scope::ROLE, "hop", hop);
            agent.tell(sink);
            transport.with_driver(|driver| tell_datapath(sink, driver));
        });
    }
}

/// Tells what the datapath of a driver did. `socket` is Aeron's own, and counts in the driver's file.
fn tell_datapath(sink: &mut dyn CounterSink, driver: &MediaDriver) {
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
