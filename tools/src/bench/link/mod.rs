//! `vesta bench link`: what two media drivers make of a link, with nothing of Vesta between them.
//!
//! ```text
//!   first                                        second
//!   core 0    --numbered messages, a burst-->    core 1   a stream: how many arrive in a second
//!             --one message---------------->              round trips: how long until it is back
//!             <-the same--------------------
//! ```
//!
//! Both are in invoker mode, with one loop: driver, client. The streams are those of `vesta.toml`, there
//! the input log and back the event log, so that buffers, windows and flow control are those of the roles.

mod ends;
pub mod plan;

pub use ends::{Arrived, Back, Sent, first, second};

use super::network::Place;
use super::worker::Host;
use super::{BenchError, venue};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use vesta_config::{Config, GroupStream, Mode};
use vesta_runner::link as channel;
use vesta_transport::StreamId;

/// How messages find the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// To its address.
    Unicast,
    /// To a group.
    Multicast,
    /// To each reader that signed up, one datagram each.
    Mdc,
}

impl Delivery {
    /// All.
    pub const ALL: [Self; 3] = [Self::Unicast, Self::Multicast, Self::Mdc];

    /// As arguments and output have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Multicast => "multicast",
            Self::Mdc => "mdc",
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Length {
    /// So many bytes, 8 at least: its number.
    Bytes(usize),
    /// The longest that goes in one datagram.
    Datagram,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measurement {
    /// As many messages as the two can move.
    Stream,
    /// One message there and back, again and again.
    RoundTrips,
}

/// One end of a measurement: a job for a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// What is measured.
    pub measurement: Measurement,
    /// The configuration, as TOML.
    pub config: String,
    /// As `transport.datapath` names it.
    pub datapath: String,
    /// Datagrams that the sender gathers for one send.
    pub messages_per_send: u32,
    /// How messages find the reader.
    pub delivery: Delivery,
    /// How long they are.
    pub length: Length,
    /// Addresses of the first and the second end.
    pub addresses: [Ipv4Addr; 2],
    /// The interface of multicast.
    pub interface: String,
    /// The core to stay on.
    pub core: Option<usize>,
    /// How long nothing is counted, ms.
    pub warm_up_ms: u64,
    /// How long it is, ms.
    pub measure_ms: u64,
}

/// Where readers of MDC sign up, for the stream there and the one back.
const CONTROL_PORTS: [u16; 2] = [25_071, 25_072];

/// The two streams as one end has them: what it writes, and what it reads.
struct Channels {
    out: (String, StreamId),
    inward: (String, StreamId),
}

impl End {
    /// The configuration of the end with that index.
    fn config(&self, own: usize) -> Result<Config, BenchError> {
        let interface = self.interface.clone();
        let place = Place { host: Host::Here, address: self.addresses[own], interface };
        let mut config = venue::configure(&self.config, &place, &self.datapath)?;
        config.transport.messages_per_send = self.messages_per_send;
        if self.delivery == Delivery::Mdc {
            config.transport.mode = Mode::Mdc;
            let streams = &mut config.streams;
            for (at, stream) in
                [&mut streams.input_log, &mut streams.event_log].into_iter().enumerate()
            {
                stream.control = SocketAddrV4::new(self.addresses[at], CONTROL_PORTS[at]);
                stream.reader_endpoint = SocketAddrV4::new(self.addresses[1 - at], 0);
            }
        }
        Ok(config)
    }

    fn channels(&self, config: &Config, own: usize) -> Channels {
        let (there, back) = (&config.streams.input_log, &config.streams.event_log);
        let unicast = |to: usize, stream: &GroupStream, is_writer: bool| {
            let written = is_writer.then_some(stream);
            venue::unicast(self.addresses[to], stream.group.port(), stream.id, written)
        };
        let of = config.channels();
        match (self.delivery, own) {
            (Delivery::Unicast, 0) => {
                Channels { out: unicast(1, there, true), inward: unicast(0, back, false) }
            }
            (Delivery::Unicast, _) => {
                Channels { out: unicast(0, back, true), inward: unicast(1, there, false) }
            }
            (_, 0) => Channels {
                out: channel(of.input_log_publication()),
                inward: channel(of.event_log_subscription()),
            },
            (..) => Channels {
                out: channel(of.event_log_publication()),
                inward: channel(of.input_log_subscription()),
            },
        }
    }
}
