//! `vesta bench wire`: one sequenced order in, one event out, between two processes.
//!
//! ```text
//!   probe                                  answer
//!   core 0   --stream 20: LogFrame------>  core 1   EngineAgent, or a plain echo of as many bytes
//!            <-stream 30: EventFrame-----
//!   raw:     <======= UDP datagrams =====>
//! ```
//!
//! Both have a media driver of their own in invoker mode, the settings of `vesta.toml`, and one
//! loop: driver, agent. The echo answers with the bytes that the engine would have needed, so that the
//! difference between the two is the engine's work.

pub mod answer;
pub mod plan;
pub mod probe;
mod raw;
mod replies;

use super::network::Place;
use super::worker::Host;
use super::{BenchError, venue};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use vesta_config::Config;
use vesta_netio::{AeronSubscription, AeronTransport};
use vesta_runner::link;
use vesta_transport::{StreamId, Transport};

/// Groups and ports of raw UDP, one for each end.
const RAW_GROUPS: [Ipv4Addr; 2] = [Ipv4Addr::new(239, 86, 87, 51), Ipv4Addr::new(239, 86, 87, 61)];
const RAW_PORTS: [u16; 2] = [25_051, 25_061];
/// Streams that an engine reads beside the input log, quiet while nothing goes wrong:
/// acknowledgements, seal and tail recovery, control, replay there and back.
const IDLE_STREAMS: [u16; 5] = [21, 22, 23, 50, 51];
const IDLE_PORT: u16 = 25_100;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// UDP sockets, received from without waiting.
    Raw,
    /// A plain Aeron echo.
    Echo,
    /// The engine.
    Engine,
}

/// One end of a measurement: a job for a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Side {
    /// What is timed.
    pub subject: Subject,
    /// The configuration, as TOML.
    pub config: String,
    /// As `transport.datapath` names it.
    pub datapath: String,
    /// Multicast, or unicast.
    pub multicast: bool,
    /// Endpoints that are read: 1, or up to 5 more that stay quiet.
    pub endpoints: usize,
    /// This end's address.
    pub own: Ipv4Addr,
    /// The other's.
    pub peer: Ipv4Addr,
    /// The interface of multicast.
    pub interface: String,
    /// The core to stay on.
    pub core: Option<usize>,
    /// Orders per second.
    pub rate: f64,
    /// How long nothing is recorded, ms.
    pub warm_up_ms: u64,
    /// How long it is, ms.
    pub measure_ms: u64,
    /// Of the order flow.
    pub seed: u64,
}

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Probe,
    Answer,
}

impl Side {
    /// The configuration of this end.
    fn config(&self) -> Result<Config, BenchError> {
        let place =
            Place { host: Host::Here, address: self.own, interface: self.interface.clone() };
        venue::configure(&self.config, &place, &self.datapath)
    }

    /// The input log, as its writer or its reader has it.
    fn input_log(&self, config: &Config, end: End) -> (String, StreamId) {
        let channels = config.channels();
        let (id, port) = (config.streams.input_log.id, config.streams.input_log.group.port());
        match (self.multicast, end) {
            (true, End::Probe) => link(channels.input_log_publication()),
            (true, End::Answer) => link(channels.input_log_subscription()),
            (false, End::Probe) => {
                venue::unicast(self.peer, port, id, Some(&config.streams.input_log))
            }
            (false, End::Answer) => venue::unicast(self.own, port, id, None),
        }
    }

    /// The event log, likewise.
    fn event_log(&self, config: &Config, end: End) -> (String, StreamId) {
        let channels = config.channels();
        let (id, port) = (config.streams.event_log.id, config.streams.event_log.group.port());
        match (self.multicast, end) {
            (true, End::Answer) => link(channels.event_log_publication()),
            (true, End::Probe) => link(channels.event_log_subscription()),
            (false, End::Answer) => {
                venue::unicast(self.peer, port, id, Some(&config.streams.event_log))
            }
            (false, End::Probe) => venue::unicast(self.own, port, id, None),
        }
    }

    /// Starts the media driver of this end.
    fn transport(&self, config: &Config, role: &str) -> Result<AeronTransport, BenchError> {
        venue::embed(config, role)
    }

    /// Endpoints that are read and stay quiet: each its own stream and port.
    fn idle_endpoints(
        &self,
        config: &Config,
        transport: &mut AeronTransport,
        end: End,
    ) -> Result<Vec<AeronSubscription>, BenchError> {
        let offset = if end == End::Probe { 0 } else { 100 };
        let quiet = IDLE_STREAMS.iter().take(self.endpoints.saturating_sub(1));
        quiet
            .map(|stream| {
                let port = IDLE_PORT + offset + stream;
                let (uri, id) = venue::unicast(self.own, port, i32::from(*stream), None);
                let failed = |error| venue::not_started(config, error);
                transport.add_subscription(&uri, id).map_err(failed)
            })
            .collect()
    }
}
