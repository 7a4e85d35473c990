//! The Aeron channel of each stream, for its writer and for its readers: the one place that knows
//! the syntax of Aeron's URIs. What holds for a whole process (MTU, buffers, timeouts) is given to
//! its media driver instead.

use std::net::SocketAddrV4;

use vesta_types::GatewayId;

use crate::{Config, FlowControl, GroupStream, Mode};

/// A channel and the stream on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Aeron URI.
    pub uri: String,
    /// Aeron stream id.
    pub stream_id: i32,
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
        unicast_publication(
            orders.endpoint,
            buffers(orders.term_length_bytes, orders.mtu_bytes),
            orders.id,
        )
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
        Some(unicast_publication(
            endpoint,
            buffers(back.term_length_bytes, back.mtu_bytes),
            back.id,
        ))
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
        self.group_publication(&self.config.streams.input_log)
    }

    /// An engine's end of `input_log`: with `tagged` flow control, a voter's carries the tag.
    #[must_use]
    pub fn input_log_subscription(&self) -> Channel {
        let stream = &self.config.streams.input_log;
        let mut channel = self.group_subscription(stream);
        if stream.flow_control == FlowControl::Tagged && self.config.engine.voter {
            let tag = self.config.transport.flow_control_group_tag;
            channel.uri.push_str(&format!("|gtag={tag}"));
        }
        channel
    }

    /// The engine's end of `event_log`.
    #[must_use]
    pub fn event_log_publication(&self) -> Channel {
        self.group_publication(&self.config.streams.event_log)
    }

    /// A gateway's or the md-publisher's end of `event_log`.
    #[must_use]
    pub fn event_log_subscription(&self) -> Channel {
        self.group_subscription(&self.config.streams.event_log)
    }

    /// The md-publisher's end of `market_data`.
    #[must_use]
    pub fn market_data_publication(&self) -> Channel {
        self.group_publication(&self.config.streams.market_data)
    }

    /// A consumer's end of `market_data`.
    #[must_use]
    pub fn market_data_subscription(&self) -> Channel {
        self.group_subscription(&self.config.streams.market_data)
    }

    /// The md-publisher's end of `snapshots`.
    #[must_use]
    pub fn snapshots_publication(&self) -> Channel {
        self.group_publication(&self.config.streams.snapshots)
    }

    /// A consumer's end of `snapshots`.
    #[must_use]
    pub fn snapshots_subscription(&self) -> Channel {
        self.group_subscription(&self.config.streams.snapshots)
    }

    /// The relay's end of `market_data`, for consumers that sign up with it. A consumer that is slow
    /// holds nobody back, whatever `flow_control` says of the publisher's end.
    #[must_use]
    pub fn relayed_market_data_publication(&self) -> Channel {
        let relay = &self.config.md_relay;
        self.relayed_publication(&self.config.streams.market_data, relay.market_data())
    }

    /// The relay's end of `snapshots`.
    #[must_use]
    pub fn relayed_snapshots_publication(&self) -> Channel {
        let relay = &self.config.md_relay;
        self.relayed_publication(&self.config.streams.snapshots, relay.snapshots())
    }

    /// A consumer's end of `market_data` at the relay.
    #[must_use]
    pub fn relayed_market_data_subscription(&self) -> Channel {
        let relay = &self.config.md_relay;
        signed_up(&self.config.streams.market_data, relay.market_data())
    }

    /// A consumer's end of `snapshots` at the relay.
    #[must_use]
    pub fn relayed_snapshots_subscription(&self) -> Channel {
        signed_up(&self.config.streams.snapshots, self.config.md_relay.snapshots())
    }

    fn relayed_publication(&self, stream: &GroupStream, control: SocketAddrV4) -> Channel {
        let (place, buffers) = (sign_up(control), stream.buffers());
        Channel { uri: format!("aeron:udp?{place}|{buffers}|fc=max"), stream_id: stream.id }
    }

    fn group_publication(&self, stream: &GroupStream) -> Channel {
        let transport = &self.config.transport;
        let (timeout_ms, tag) =
            (transport.flow_control_receiver_timeout_ms, transport.flow_control_group_tag);
        let flow_control = match stream.flow_control {
            FlowControl::Slowest => format!("min,t:{timeout_ms}ms"),
            // Without a voter the log stands still: it does not follow whoever else reads. One, because
            // flow control counts drivers, and `sequencer.input_readers_min` counts readers.
            FlowControl::Tagged => format!("tagged,g:{tag}/1,t:{timeout_ms}ms"),
            FlowControl::Fastest => "max".to_owned(),
        };
        let place = match transport.mode {
            Mode::Multicast => self.group(stream),
            Mode::Mdc => sign_up(stream.control),
        };
        let buffers = stream.buffers();
        let uri = format!("aeron:udp?{place}|{buffers}|fc={flow_control}");
        Channel { uri, stream_id: stream.id }
    }

    fn group_subscription(&self, stream: &GroupStream) -> Channel {
        match self.config.transport.mode {
            Mode::Multicast => {
                let uri = format!("aeron:udp?{}", self.group(stream));
                Channel { uri, stream_id: stream.id }
            }
            Mode::Mdc => signed_up(stream, stream.control),
        }
    }

    /// The readers' status messages are multicast too: they need the same reach as the data.
    fn group(&self, stream: &GroupStream) -> String {
        let transport = &self.config.transport;
        format!(
            "endpoint={}|interface={}|ttl={}",
            stream.group, transport.interface, transport.multicast_ttl
        )
    }
}

/// Where readers tell a publisher that they are there; it sends to wherever that came from.
fn sign_up(control: SocketAddrV4) -> String {
    format!("control={control}|control-mode=dynamic")
}

/// The end of a reader that signs up there.
fn signed_up(stream: &GroupStream, control: SocketAddrV4) -> Channel {
    let (endpoint, place) = (stream.reader_endpoint, sign_up(control));
    Channel { uri: format!("aeron:udp?endpoint={endpoint}|{place}"), stream_id: stream.id }
}

impl GroupStream {
    /// What its publication's buffers are like, as a part of a URI.
    #[must_use]
    pub fn buffers(&self) -> String {
        buffers(self.term_length_bytes, self.mtu_bytes)
    }
}

/// What a publication's buffers are like. Its readers hear of both from it.
fn buffers(term: u32, mtu: u32) -> String {
    match mtu {
        0 => format!("term-length={term}"),
        mtu => format!("term-length={term}|mtu={mtu}"),
    }
}

fn unicast_publication(endpoint: SocketAddrV4, buffers: String, stream_id: i32) -> Channel {
    let place = unicast_subscription(endpoint, stream_id).uri;
    Channel { uri: format!("{place}|{buffers}"), stream_id }
}

fn unicast_subscription(endpoint: SocketAddrV4, stream_id: i32) -> Channel {
    Channel { uri: format!("aeron:udp?endpoint={endpoint}"), stream_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(config: &Config) -> Vec<(i32, String)> {
        let channels = config.channels();
        let gateway = config.gateway_list[0].id;
        [
            channels.orders_publication(),
            channels.orders_subscription(),
            channels.sequencer_back_publication(gateway).expect("a gateway"),
            channels.sequencer_back_subscription(gateway).expect("a gateway"),
            channels.input_log_publication(),
            channels.input_log_subscription(),
            channels.event_log_publication(),
            channels.event_log_subscription(),
            channels.market_data_publication(),
            channels.market_data_subscription(),
            channels.snapshots_publication(),
            channels.snapshots_subscription(),
        ]
        .map(|channel| (channel.stream_id, channel.uri))
        .into()
    }

    #[test]
    fn the_default_channels_are_pinned() {
        let multicast = "|interface=127.0.0.1/32|ttl=1";
        let log = "|term-length=4194304|fc=min,t:5000ms";
        let market = "|term-length=4194304|fc=max";
        let expected = [
            (10, "127.0.0.1:24010|term-length=1048576".to_owned()),
            (10, "127.0.0.1:24010".to_owned()),
            (11, "127.0.0.1:24011|term-length=1048576".to_owned()),
            (11, "127.0.0.1:24011".to_owned()),
            (20, format!("239.86.1.21:24020{multicast}{log}")),
            (20, format!("239.86.1.21:24020{multicast}")),
            (30, format!("239.86.1.31:24030{multicast}{log}")),
            (30, format!("239.86.1.31:24030{multicast}")),
            (40, format!("239.86.1.41:24040{multicast}{market}")),
            (40, format!("239.86.1.41:24040{multicast}")),
            (41, format!("239.86.1.43:24041{multicast}{market}")),
            (41, format!("239.86.1.43:24041{multicast}")),
        ]
        .map(|(id, place)| (id, format!("aeron:udp?endpoint={place}")));
        assert_eq!(uris(&Config::default()), expected);
    }

    #[test]
    fn with_mdc_the_streams_to_many_are_sent_to_each() {
        let config = Config::parse("[transport]\nmode = \"mdc\"\n", "t").expect("a good file");
        let all = uris(&config);
        assert_eq!(all[..4], uris(&Config::default())[..4], "unicast streams stay as they are");
        let log = "term-length=4194304|fc=min,t:5000ms";
        let market = "term-length=4194304|fc=max";
        let expected: Vec<(i32, String)> =
            [(20, 20, log), (30, 30, log), (40, 40, market), (41, 41, market)]
                .into_iter()
                .flat_map(|(id, port, more)| {
                    let control = format!("control=127.0.0.1:241{port}|control-mode=dynamic");
                    [
                        (id, format!("aeron:udp?{control}|{more}")),
                        (id, format!("aeron:udp?endpoint=0.0.0.0:0|{control}")),
                    ]
                })
                .collect();
        assert_eq!(all[4..], expected);
    }

    #[test]
    fn a_relay_sends_to_who_signs_up_whatever_the_mode() {
        for mode in ["multicast", "mdc"] {
            let text = format!(
                "[transport]\nmode = \"{mode}\"\n[md_relay]\naddress = \"10.0.0.7\"\n\
                 [streams.market_data]\nflow_control = \"slowest\"\nterm_length_bytes = 8388608\n\
                 [streams.snapshots]\nreader_endpoint = \"0.0.0.0:7001\"\n"
            );
            let config = Config::parse(&text, "t").expect("a good file");
            let channels = config.channels();
            let sign_up = |port: u16| format!("control=10.0.0.7:{port}|control-mode=dynamic");
            let expected = [
                (40, format!("aeron:udp?{}|term-length=8388608|fc=max", sign_up(24340))),
                (41, format!("aeron:udp?{}|term-length=4194304|fc=max", sign_up(24341))),
                (40, format!("aeron:udp?endpoint=0.0.0.0:0|{}", sign_up(24340))),
                (41, format!("aeron:udp?endpoint=0.0.0.0:7001|{}", sign_up(24341))),
            ];
            let found = [
                channels.relayed_market_data_publication(),
                channels.relayed_snapshots_publication(),
                channels.relayed_market_data_subscription(),
                channels.relayed_snapshots_subscription(),
            ];
            assert_eq!(found.map(|channel| (channel.stream_id, channel.uri)), expected, "{mode}");
        }
    }

    #[test]
    fn flow_control_is_the_streams_own() {
        let text = "[streams.event_log]\nflow_control = \"fastest\"\n\
                    [streams.snapshots]\nflow_control = \"slowest\"\n";
        let config = Config::parse(text, "t").expect("a good file");
        let channels = config.channels();
        assert!(channels.event_log_publication().uri.ends_with("|fc=max"));
        assert!(channels.snapshots_publication().uri.ends_with("|fc=min,t:5000ms"));
    }

    #[test]
    fn a_tagged_input_log_waits_for_engines_that_vote() {
        let tagged = "[transport]\nflow_control_group_tag = 7\n\
                      [streams.input_log]\nflow_control = \"tagged\"\n";
        let ends = |text: &str| {
            let config = Config::parse(text, "t").expect("a good file");
            let channels = config.channels();
            (channels.input_log_publication().uri, channels.input_log_subscription().uri)
        };
        let (publication, voter) = ends(tagged);
        assert!(publication.ends_with("|fc=tagged,g:7/1,t:5000ms"), "{publication}");
        assert!(voter.ends_with("|ttl=1|gtag=7"), "{voter}");
        let (same, learner) = ends(&format!("{tagged}[engine]\nvoter = false\n"));
        assert_eq!(same, publication);
        assert!(!learner.contains("gtag"), "{learner}");
        // Without it nobody is told apart.
        assert!(!ends("").1.contains("gtag"));
    }

    #[test]
    fn a_stream_may_have_datagrams_of_its_own_length() {
        let text = "[streams.orders]\nmtu_bytes = 8928\n[streams.snapshots]\nmtu_bytes = 512\n";
        let config = Config::parse(text, "t").expect("a good file");
        assert_eq!(config.datagram_max(), ("streams.orders.mtu_bytes".to_owned(), 8928));
        assert_eq!(Config::default().datagram_max(), ("transport.mtu_bytes".to_owned(), 1408));
        let uris = uris(&config);
        let of = |id: i32| uris.iter().filter(move |(own, _)| *own == id).map(|(_, uri)| uri);
        assert!(of(10).any(|uri| uri.ends_with("|term-length=1048576|mtu=8928")), "{uris:?}");
        assert!(of(41).any(|uri| uri.ends_with("|term-length=4194304|mtu=512|fc=max")), "{uris:?}");
        assert_eq!(uris.iter().filter(|(_, uri)| uri.contains("mtu=")).count(), 2, "{uris:?}");
    }

    #[test]
    fn an_unknown_gateway_has_no_channel() {
        let config = Config::default();
        assert_eq!(config.channels().sequencer_back_publication(GatewayId(9)), None);
        assert_eq!(config.channels().sequencer_back_subscription(GatewayId(9)), None);
    }

    #[test]
    fn keys_reach_the_channels() {
        let config = Config::parse(
            "[transport]\ninterface = \"10.1.0.0/16\"\nmulticast_ttl = 3\n\
             flow_control_receiver_timeout_ms = 9000\n\
             [streams.input_log]\nid = 77\nterm_length_bytes = 8388608\n",
            "t",
        )
        .expect("a good file");
        let channel = config.channels().input_log_publication();
        assert_eq!(channel.stream_id, 77);
        assert_eq!(
            channel.uri,
            "aeron:udp?endpoint=239.86.1.21:24020|interface=10.1.0.0/16|ttl=3\
             |term-length=8388608|fc=min,t:9000ms"
        );
    }
}
