//! The Aeron channel of each stream, for its writer and for its readers: the one place that knows
//! the syntax of Aeron's URIs. What holds for a whole process (MTU, buffers, timeouts) is given to
//! its media driver instead.

use std::net::SocketAddrV4;

use vesta_types::GatewayId;

use crate::{Config, GroupStream};

/// A channel and the stream on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Aeron URI.
    pub uri: String,
    /// Aeron stream id.
    pub stream_id: i32,
}

/// Who holds a publisher back.
enum FlowControl {
    /// The slowest reader that still sends status messages. For the logs: without replay, a reader
    /// that loses its place loses the log.
    Slowest,
    /// Nobody: the fastest reader sets the pace, and one that can not follow loses its image. For
    /// market data: a consumer must never slow the venue.
    Fastest,
}

/// Builds the channels of a [`Config`].
#[derive(Clone, Copy, Debug)]
pub struct Channels<'a> {
    config: &'a Config,
}

impl<'a> Channels<'a> {
    pub(crate) const fn new(config: &'a Config) -> Self {
        Self { config }
    }

    /// A gateway's end of `orders`.
    #[must_use]
    pub fn orders_publication(&self) -> Channel {
        let orders = &self.config.streams.orders;
        unicast_publication(orders.endpoint, orders.term_length_bytes, orders.id)
    }

    /// The sequencer's end of `orders`.
    #[must_use]
    pub fn orders_subscription(&self) -> Channel {
        let orders = &self.config.streams.orders;
        unicast_subscription(orders.endpoint, orders.id)
    }

    /// The sequencer's end of `sequencer_back` to a gateway; `None` for an unknown one.
    #[must_use]
    pub fn sequencer_back_publication(&self, gateway: GatewayId) -> Option<Channel> {
        let back = &self.config.streams.sequencer_back;
        let endpoint = self.config.gateway(gateway)?.back_endpoint;
        Some(unicast_publication(endpoint, back.term_length_bytes, back.id))
    }

    /// A gateway's end of `sequencer_back`; `None` for an unknown one.
    #[must_use]
    pub fn sequencer_back_subscription(&self, gateway: GatewayId) -> Option<Channel> {
        let back = &self.config.streams.sequencer_back;
        let endpoint = self.config.gateway(gateway)?.back_endpoint;
        Some(unicast_subscription(endpoint, back.id))
    }

    /// The sequencer's end of `input_log`.
    #[must_use]
    pub fn input_log_publication(&self) -> Channel {
        self.group_publication(&self.config.streams.input_log, FlowControl::Slowest)
    }

    /// An engine's end of `input_log`.
    #[must_use]
    pub fn input_log_subscription(&self) -> Channel {
        self.group_subscription(&self.config.streams.input_log)
    }

    /// The engine's end of `event_log`.
    #[must_use]
    pub fn event_log_publication(&self) -> Channel {
        self.group_publication(&self.config.streams.event_log, FlowControl::Slowest)
    }

    /// A gateway's or the md-publisher's end of `event_log`.
    #[must_use]
    pub fn event_log_subscription(&self) -> Channel {
        self.group_subscription(&self.config.streams.event_log)
    }

    /// The md-publisher's end of `market_data`.
    #[must_use]
    pub fn market_data_publication(&self) -> Channel {
        self.group_publication(&self.config.streams.market_data, FlowControl::Fastest)
    }

    /// A consumer's end of `market_data`.
    #[must_use]
    pub fn market_data_subscription(&self) -> Channel {
        self.group_subscription(&self.config.streams.market_data)
    }

    /// The md-publisher's end of `snapshots`.
    #[must_use]
    pub fn snapshots_publication(&self) -> Channel {
        self.group_publication(&self.config.streams.snapshots, FlowControl::Fastest)
    }

    /// A consumer's end of `snapshots`.
    #[must_use]
    pub fn snapshots_subscription(&self) -> Channel {
        self.group_subscription(&self.config.streams.snapshots)
    }

    fn group_publication(&self, stream: &GroupStream, flow_control: FlowControl) -> Channel {
        let transport = &self.config.transport;
        let flow_control = match flow_control {
            FlowControl::Slowest => {
                format!("min,t:{}ms", transport.flow_control_receiver_timeout_ms)
            }
            FlowControl::Fastest => "max".to_owned(),
        };
        let place = self.group_subscription(stream).uri;
        let term = stream.term_length_bytes;
        let uri = format!("{place}|term-length={term}|fc={flow_control}");
        Channel { uri, stream_id: stream.id }
    }

    fn group_subscription(&self, stream: &GroupStream) -> Channel {
        let transport = &self.config.transport;
        // The readers' status messages are multicast too: they need the same reach as the data.
        let uri = format!(
            "aeron:udp?endpoint={}|interface={}|ttl={}",
            stream.group, transport.interface, transport.multicast_ttl
        );
        Channel { uri, stream_id: stream.id }
    }
}

fn unicast_publication(endpoint: SocketAddrV4, term: u32, stream_id: i32) -> Channel {
    let place = unicast_subscription(endpoint, stream_id).uri;
    Channel { uri: format!("{place}|term-length={term}"), stream_id }
}

fn unicast_subscription(endpoint: SocketAddrV4, stream_id: i32) -> Channel {
    Channel { uri: format!("aeron:udp?endpoint={endpoint}"), stream_id }
}
