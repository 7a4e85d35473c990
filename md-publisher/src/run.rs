//! The md-publisher as a process: from the configuration to an agent.

use crate::{Links, MdPublisherAgent, Settings};
use std::error::Error;
use vesta_config::Config;
use vesta_netio::AeronTransport;
use vesta_runner::{Agent, StartError, link};
use vesta_transport::Transport;
use vesta_types::TimeNs;

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
}
