//! The md-publisher as a process: from the configuration to an agent.

use crate::{LegCounters, Links, MdPublisherAgent, RelayAgent, RelayLink, RelayLinks, Settings};
use std::error::Error;
use vesta_config::Config;
use vesta_netio::AeronTransport;
use vesta_runner::{Agent, CounterSink, Scope, StartError, Touch, Unit, link, tell_in, tell_out};
use vesta_transport::Transport;
use vesta_types::{Side, TimeNs};

/// What the configuration makes an md-publisher for.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    Settings {
        shard: config.shard_id(),
        pending_bytes_max: config.md_publisher.pending_bytes_max as usize,
        snapshot_interval_ns: config.md_publisher.snapshot_interval_ms * 1_000_000,
        heartbeat_interval_ns: config.md_publisher.heartbeat_interval_ms * 1_000_000,
    }
}

/// Where the configuration puts its streams.
#[must_use]
pub fn links(config: &Config) -> Links {
    let channels = config.channels();
    Links {
        event_log: link(channels.event_log_subscription()),
        market_data: link(channels.market_data_publication()),
        snapshots: link(channels.snapshots_publication()),
    }
}

/// Opens an md-publisher's streams.
///
/// # Errors
/// When one can not be opened.
pub fn open(transport: &mut AeronTransport, config: &Config) -> Result<Box<dyn Agent>, StartError> {
    Ok(Box::new(MdPublisherAgent::new(transport, &links(config), settings(config))?))
}

/// Where the configuration puts a relay's streams.
#[must_use]
pub fn relay_links(config: &Config) -> RelayLinks {
    let channels = config.channels();
    let hop = |from, to: vesta_config::Channel| RelayLink { from: link(from), to: to.uri };
    RelayLinks {
        market_data: hop(
            channels.market_data_subscription(),
            channels.relayed_market_data_publication(),
        ),
        snapshots: hop(channels.snapshots_subscription(), channels.relayed_snapshots_publication()),
    }
}

/// Opens a relay's streams.
///
/// # Errors
/// When one can not be opened.
pub fn open_relay(
    transport: &mut AeronTransport,
    config: &Config,
) -> Result<RelayAgent<AeronTransport>, StartError> {
    Ok(RelayAgent::new(transport, &relay_links(config))?)
}

impl<T: Transport> Agent for RelayAgent<T> {
    fn do_work(&mut self, _now: TimeNs) -> Result<usize, Box<dyn Error>> {
        Ok(Self::do_work(self)?)
    }

    fn is_ready(&self) -> bool {
        self.is_joined()
    }

    fn summary(&self) -> String {
        let [(_, market_data, _), (_, snapshots, _)] = self.legs();
        format!(
            "passed on {} messages of market data and {} of snapshots; dropped {}, unheard {}; lost \
             the publisher {} times",
            market_data.output.messages,
            snapshots.output.messages,
            market_data.dropped + snapshots.dropped,
            market_data.unheard + snapshots.unheard,
            market_data.losses
        )
    }

    /// A relay looks at no stamp.
    fn latest(&self) -> Option<TimeNs> {
        None
    }

    fn tell(&self, sink: &mut dyn CounterSink) {
        for (name, (stream, counts, is_joined)) in
            ["market_data", "snapshots"].into_iter().zip(self.legs())
        {
            let scope = Scope::stream(name, stream.0);
            tell_in(sink, scope, &counts.input);
            tell_out(sink, scope, &counts.output);
            for (name, count) in [
                ("losses", counts.losses),
                ("feed_gaps", counts.feed_gaps),
                ("dropped", counts.dropped),
                ("unheard", counts.unheard),
                ("ignored", counts.ignored),
            ] {
                sink.counter(scope, name, Unit::Count, count);
            }
            sink.gauge(scope, "joined", Unit::Count, u64::from(is_joined));
        }
        let rivals = self.legs().map(|(_, counts, _)| counts.rivals).iter().sum();
        sink.counter(Scope::ROLE, "rival_publishers", Unit::Count, rivals);
        let sum = |of: fn(&LegCounters) -> u64| self.legs().iter().map(|(_, c, _)| of(c)).sum();
        sink.counter(Scope::ROLE, "relayed", Unit::Count, sum(|counts| counts.output.messages));
        sink.counter(Scope::ROLE, "dropped_messages", Unit::Count, sum(|counts| counts.dropped));
    }
}

impl<T: Transport> Agent for MdPublisherAgent<T> {
    fn do_work(&mut self, now: TimeNs) -> Result<usize, Box<dyn Error>> {
        Ok(Self::do_work(self, now)?)
    }

    fn is_ready(&self) -> bool {
        self.has_engine()
    }

    fn summary(&self) -> String {
        let c = self.counters();
        format!(
            "published {} frames, {} snapshot frames, {} heartbeats; dropped {} messages",
            c.frames, c.snapshot_frames, c.heartbeats, c.dropped
        )
    }

    fn latest(&self) -> Option<TimeNs> {
        Self::latest(self)
    }

    fn tell(&self, sink: &mut dyn CounterSink) {
        let (counts, streams) = (self.counters(), self.streams());
        let publisher = self.publisher();
        tell_in(sink, Scope::stream("event_log", streams.event_log.0), &counts.event_log);
        tell_out(sink, Scope::stream("market_data", streams.market_data.0), &counts.market_data);
        tell_out(sink, Scope::stream("snapshots", streams.snapshots.0), &counts.snapshots);
        for (name, count) in [
            ("events", publisher.event_seq().0),
            ("feed_messages", publisher.feed_seq()),
            ("heartbeats", counts.heartbeats),
            ("dropped_messages", counts.dropped),
            ("rival_publishers", self.rivals()),
        ] {
            sink.counter(Scope::ROLE, name, Unit::Count, count);
        }
        sink.gauge(Scope::ROLE, "outbox", Unit::Bytes, publisher.pending_bytes() as u64);
        for (info, book) in publisher.books() {
            let best = |side| {
                let level = book.levels(side).next().unwrap_or_default();
                (level.price.0.unsigned_abs(), level.qty.0)
            };
            let ((bid_ticks, bid_lots), (ask_ticks, ask_lots)) =
                (best(Side::Buy), best(Side::Sell));
            sink.touch(
                info.symbol.as_str(),
                Touch {
                    bid_ticks,
                    bid_lots,
                    ask_ticks,
                    ask_lots,
                    tick_e8: info.tick_size.mantissa.get().unsigned_abs(),
                    lot_e8: info.lot_size.mantissa.get().unsigned_abs(),
                },
            );
        }
    }
}
