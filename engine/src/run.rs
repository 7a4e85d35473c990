//! The engine as a process: from the configuration to an agent.

use crate::{EngineAgent, Links, SessionOwner, Settings};
use std::error::Error;
use vesta_config::Config;
use vesta_netio::AeronTransport;
use vesta_runner::{
    Agent, CounterSink, Scope, StartError, Unit, link, tell_in, tell_named, tell_out,
};
use vesta_transport::Transport;
use vesta_types::TimeNs;

/// What the configuration makes an engine for.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    Settings {
        shard: config.shard_id(),
        epoch: config.epoch(),
        sessions: config
            .session_list
            .iter()
            .map(|session| SessionOwner {
                session: session.id,
                gateway: session.gateway,
                open_order_max: session.open_order_max,
                accounts: session.accounts.clone(),
                stp_groups: session.stp_groups.clone(),
            })
            .collect(),
        outcomes_kept: config.sessions.outcome_count(),
        capacity: config.capacity(),
    }
}

/// Where the configuration puts its streams.
#[must_use]
pub fn links(config: &Config) -> Links {
    let channels = config.channels();
    Links {
        input_log: link(channels.input_log_subscription()),
        event_log: link(channels.event_log_publication()),
        event_readers_min: config.engine.event_readers_min as usize,
    }
}

/// Opens an engine's streams.
///
/// # Errors
/// When one can not be opened.
pub fn open(transport: &mut AeronTransport, config: &Config) -> Result<Box<dyn Agent>, StartError> {
    Ok(Box::new(EngineAgent::new(transport, &links(config), settings(config))?))
}

impl<T: Transport> Agent for EngineAgent<T> {
    fn do_work(&mut self, _now: TimeNs) -> Result<usize, Box<dyn Error>> {
        // An engine knows no time but the sequencer's.
        Ok(Self::do_work(self)?)
    }

    fn is_ready(&self) -> bool {
        self.is_open()
    }

    fn summary(&self) -> String {
        let engine = self.engine();
        format!(
            "applied {} records, {} orders rest, state hash {:016x}",
            engine.next_seq().0 - 1,
            engine.matcher().order_count(),
            engine.state_hash()
        )
    }

    fn latest(&self) -> Option<TimeNs> {
        Self::latest(self)
    }

    fn tell(&self, sink: &mut dyn CounterSink) {
        let (engine, streams) = (self.engine(), self.counters());
        let counts = engine.counters();
        tell_in(sink, Scope::stream("input_log", self.streams().0.0), &streams.input_log);
        tell_out(sink, Scope::stream("event_log", self.streams().1.0), &streams.event_log);
        sink.counter(Scope::ROLE, "records_applied", Unit::Count, engine.next_seq().0 - 1);
        sink.counter(Scope::ROLE, "events", Unit::Count, self.event_seq().0);
        sink.counter(Scope::ROLE, "trades", Unit::Count, engine.matcher().trade_count());
        sink.counter(Scope::ROLE, "resent", Unit::Count, counts.resent);
        sink.counter(Scope::ROLE, "rejected", Unit::Count, counts.rejected.total());
        sink.counter(Scope::ROLE, "rival_publishers", Unit::Count, self.rivals());
        let orders = engine.matcher().order_count();
        sink.gauge(Scope::ROLE, "orders_resting", Unit::Count, u64::from(orders));
        sink.gauge(Scope::ROLE, "outbox", Unit::Bytes, self.pending_bytes() as u64);
        tell_named(sink, "rejected", counts.rejected.given().map(|(why, n)| (why.name(), n)));
    }
}
