//! `vesta.toml`, resolved once.
//!
//! ```text
//!   user's file --+                 +-- range and relation rules --+
//!                 +-- gaps filled --+                              +--> Config --> Channels (URIs)
//!   default file -+                 +-- lists resolved ------------+
//! ```
//!
//! The default file, which this crate carries, is the manual of every key. Nothing else changes a
//! value: there is no environment variable to forget. An error names the file, the key, the value,
//! the rule and the fix.

mod asked;
mod channels;
mod check;
mod choice;
mod error;
mod instrument;
mod lists;
mod nearest;
mod network;
mod places;
mod schedule;
mod section;
#[cfg(test)]
mod tests;
mod word;

use std::io::Read as _;
use std::net::SocketAddrV4;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vesta_types::{Capacity, Epoch, GatewayId, InstrumentId, Scale, ShardId};

pub use asked::StreamBuffers;
pub use channels::{Channel, Channels};
pub use choice::{
    CommitLevel, Datapath, Driver, FlowControl, Idle, LogLevel, Mode, RoleIdle, Threading, Via,
    XdpFallback, XdpZeroCopy,
};
pub use error::ConfigError;
pub use instrument::Instrument;
pub use lists::{Gateway, SESSION_COUNT_MAX, Session};
pub use network::Network;
pub use schedule::Scheduled;
pub use section::{
    BackStream, Consumer, Cores, Counters, Demo, Engine, GroupStream, Log, MdPublisher, MdRelay,
    Metrics, RoleIdles, Sequencer, SessionLimits, Shard, Streams, Transport, UnicastStream, Uring,
};

use error::Broken;
use instrument::RawInstrument;
use lists::{RawGateway, RawSession};
use schedule::RawScheduled;
use section::{HasPartial, Partial};

/// The default `vesta.toml`, as it is in the repository.
pub const DEFAULT_TOML: &str = include_str!("../../../vesta.toml");

/// Name of the default file in errors and at start.
const DEFAULT_NAME: &str = "vesta.toml (built-in default)";

/// Longest file that is read, bytes: hundreds of times what a big shard needs.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A decimal that counts units of 10^-8, as clients' numbers do.
#[must_use]
pub fn decimal_e8(units: i64) -> rust_decimal::Decimal {
    rust_decimal::Decimal::new(units, 8).normalize()
}

/// Everything that every role, the tools and the tuning are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What this set of instruments promises.
    pub shard: Shard,
    /// The sequencer.
    pub sequencer: Sequencer,
    /// Bounds of a client session.
    pub sessions: SessionLimits,
    /// The engine's capacities.
    pub engine: Engine,
    /// The market-data publisher.
    pub md_publisher: MdPublisher,
    /// The embedded Aeron driver.
    pub transport: Transport,
    /// How each role idles.
    pub idle: RoleIdles,
    /// Stream ids and places.
    pub streams: Streams,
    /// Who subscribes to market data.
    pub consumer: Consumer,
    /// What the tools add.
    pub demo: Demo,
    /// What everybody can look at.
    pub counters: Counters,
    /// What every process serves to Prometheus.
    pub metrics: Metrics,
    /// Where market data is passed on.
    pub md_relay: MdRelay,
    /// Which CPU each role stays on.
    pub cores: Cores,
    /// What is printed on stderr.
    pub log: Log,
    /// `[[instrument]]`, at least one, in the file's order.
    pub instrument_list: Vec<Instrument>,
    /// `[[gateway]]`, at least one, in the file's order.
    pub gateway_list: Vec<Gateway>,
    /// `[[session]]`, at least one, by id.
    pub session_list: Vec<Session>,
    /// `[[schedule]]`, in the order of time; may be empty.
    pub schedule: Vec<Scheduled>,
}

impl Config {
    /// Reads the file, or the built-in default.
    ///
    /// # Errors
    /// When the file can not be read, is not TOML, has an unknown key, or breaks a rule.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let file = path.display().to_string();
        let text =
            read(path).map_err(|cause| ConfigError::Unreadable { file: file.clone(), cause })?;
        Self::parse(&text, &file)
    }

    /// Resolves the text of a file; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`load`](Self::load), but for the reading.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        let user = Raw::read(text, name)?;
        let defaults = Raw::read(DEFAULT_TOML, DEFAULT_NAME)?;
        user.or(defaults).resolve().map_err(|broken| broken.of(name))
    }

    /// The resolved configuration as a `vesta.toml` with every key, which parses to an equal one.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(&Printed::from(self)).expect("plain tables and lists always print")
    }

    /// The resolved configuration as one JSON object, with the same keys.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Printed::from(self)).expect("plain tables and lists always print")
    }

    /// The shard's id.
    #[must_use]
    pub const fn shard_id(&self) -> ShardId {
        ShardId(self.shard.id)
    }

    /// The sequencer's epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch(self.sequencer.epoch)
    }

    /// What bounds the books of the engine.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        Capacity {
            order_count_max: self.engine.order_count_max,
            level_count_max: self.engine.level_count_max,
            instrument_count_max: self.engine.instrument_count_max,
            session_count_max: self.session_list.len() as u32,
        }
    }

    /// Every instrument, and the size of its tick and lot.
    pub fn scales(&self) -> impl Iterator<Item = (InstrumentId, Scale)> + '_ {
        self.instrument_list.iter().map(|instrument| (instrument.id, instrument.scale))
    }

    /// The gateway of that id.
    #[must_use]
    pub fn gateway(&self, id: GatewayId) -> Option<&Gateway> {
        self.gateway_list.iter().find(|gateway| gateway.id == id)
    }

    /// The key of the metrics' port, and where the process of `role` serves them; `gateway` is which,
    /// where it is one. `None` where it does not.
    #[must_use]
    pub fn metrics_place(
        &self,
        role: &str,
        gateway: Option<GatewayId>,
    ) -> Option<(String, SocketAddrV4)> {
        let own = self.gateway_list.iter().position(|known| Some(known.id) == gateway);
        let own =
            own.map(|i| (format!("gateway[{i}].metrics_port"), self.gateway_list[i].metrics_port));
        match own.filter(|(_, port)| *port != 0) {
            Some((key, port)) => {
                Some((key, SocketAddrV4::new(self.metrics.address.parse().ok()?, port)))
            }
            None => self.metrics.of(role).map(|(key, place)| (key.to_owned(), place)),
        }
    }

    /// The sessions of a gateway, by id.
    pub fn sessions_of(&self, gateway: GatewayId) -> impl Iterator<Item = &Session> {
        self.session_list.iter().filter(move |session| session.gateway == gateway)
    }

    /// The largest datagram of any stream, bytes of UDP payload, and the key that says it.
    #[must_use]
    pub fn datagram_max(&self) -> (String, u32) {
        let (own, common) = (self.streams.mtu_max_bytes(), self.transport.mtu_bytes);
        if own <= common {
            return ("transport.mtu_bytes".to_owned(), common);
        }
        let named = self.streams.buffers().into_iter().find(|stream| stream.mtu_bytes == own);
        (format!("streams.{}.mtu_bytes", named.map_or("?", |stream| stream.name)), own)
    }

    /// The key and value that `text`, the words of an error from below, is about, as
    /// `streams.orders.endpoint = "127.0.0.1:24010"`: those below know addresses, not keys.
    #[must_use]
    pub fn knob_in(&self, text: &str) -> Option<String> {
        places::knob_in(self, text)
    }

    /// The Aeron channels of every stream.
    #[must_use]
    pub const fn channels(&self) -> Channels<'_> {
        Channels::new(self)
    }
}

/// Reads a file of at most `FILE_BYTES_MAX`, so that a device or a log named by mistake is an
/// error and not the end of the machine's memory.
fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

impl Default for Config {
    fn default() -> Self {
        Self::parse(DEFAULT_TOML, DEFAULT_NAME).expect("the built-in default is tested")
    }
}

macro_rules! raw {
    (
        tables { $($table:ident: $type:ty,)* }
        lists { $($list:ident: $item:ty,)* }
        lists_that_may_be_empty { $($maybe:ident: $maybe_item:ty,)* }
    ) => {
        /// A file as written: any table, key or list may be missing.
        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Raw {
            $($table: <$type as HasPartial>::Partial,)*
            $($list: Option<Vec<$item>>,)*
            $($maybe: Option<Vec<$maybe_item>>,)*
        }

        impl Raw {
            fn or(self, defaults: Self) -> Self {
                Self {
                    $($table: self.$table.or(defaults.$table),)*
                    $($list: self.$list.or(defaults.$list),)*
                    $($maybe: self.$maybe.or(defaults.$maybe),)*
                }
            }

            fn tables(
                self,
            ) -> Result<(($($type,)*), ($(Vec<$item>,)*), ($(Vec<$maybe_item>,)*)), String> {
                Ok((
                    ($(self.$table.whole().map_err(|key| format!("{}.{key}", stringify!($table)))?,)*),
                    ($(self.$list.ok_or(stringify!($list))?,)*),
                    ($(self.$maybe.unwrap_or_default(),)*),
                ))
            }
        }

        /// A resolved configuration in the shape of a file.
        #[derive(Serialize)]
        struct Printed<'a> {
            $($table: &'a $type,)*
            $($list: Vec<$item>,)*
            $(#[serde(skip_serializing_if = "Vec::is_empty")] $maybe: Vec<$maybe_item>,)*
        }
    };
}

raw! {
    tables {
        shard: Shard,
        sequencer: Sequencer,
        sessions: SessionLimits,
        engine: Engine,
        md_publisher: MdPublisher,
        transport: Transport,
        idle: RoleIdles,
        streams: Streams,
        consumer: Consumer,
        demo: Demo,
        counters: Counters,
        metrics: Metrics,
        md_relay: MdRelay,
        cores: Cores,
        log: Log,
    }
    lists {
        instrument: RawInstrument,
        gateway: RawGateway,
        session: RawSession,
    }
    lists_that_may_be_empty {
        schedule: RawScheduled,
    }
}

impl Raw {
    fn read(text: &str, name: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|cause| ConfigError::Malformed {
            file: name.to_owned(),
            cause: nearest::shorten(cause.to_string().trim_end()),
        })
    }

    fn resolve(self) -> Result<Config, Broken> {
        let (tables, lists, (schedule,)) = self.tables().map_err(|key| {
            Broken::new(key, "nothing", "the default file must have every key", "report this")
        })?;
        let (
            shard,
            sequencer,
            sessions,
            engine,
            md_publisher,
            transport,
            idle,
            streams,
            consumer,
            demo,
            counters,
            metrics,
            md_relay,
            cores,
            log,
        ) = tables;
        let (instrument, gateway, session) = lists;
        let instrument_list = instrument::instruments(&instrument)?;
        let gateway_list = lists::gateways(&gateway)?;
        let session_list = lists::sessions(&session, &gateway_list, engine.order_count_max)?;
        let schedule = schedule::schedule(&schedule, &instrument_list)?;
        let mut config = Config {
            shard,
            sequencer,
            sessions,
            engine,
            md_publisher,
            transport,
            idle,
            streams,
            consumer,
            demo,
            counters,
            metrics,
            md_relay,
            cores,
            log,
            instrument_list,
            gateway_list,
            session_list,
            schedule,
        };
        check::rules(&config)?;
        if config.transport.xdp_interface.is_empty() {
            config.transport.xdp_interface.clone_from(&config.transport.interface);
        }
        if config.engine.event_readers_min == 0 {
            config.engine.event_readers_min = config.gateway_list.len() as u32 + 1;
        }
        if config.transport.setup_term_length_max_bytes == 0 {
            config.transport.setup_term_length_max_bytes = config.streams.term_length_max_bytes();
        }
        Ok(config)
    }
}

impl<'a> From<&'a Config> for Printed<'a> {
    fn from(config: &'a Config) -> Self {
        Self {
            shard: &config.shard,
            sequencer: &config.sequencer,
            sessions: &config.sessions,
            engine: &config.engine,
            md_publisher: &config.md_publisher,
            transport: &config.transport,
            idle: &config.idle,
            streams: &config.streams,
            consumer: &config.consumer,
            demo: &config.demo,
            counters: &config.counters,
            metrics: &config.metrics,
            md_relay: &config.md_relay,
            cores: &config.cores,
            log: &config.log,
            instrument: config.instrument_list.iter().map(RawInstrument::from).collect(),
            gateway: config.gateway_list.iter().map(RawGateway::from).collect(),
            session: lists::session_runs(&config.session_list),
            schedule: config.schedule.iter().map(RawScheduled::from).collect(),
        }
    }
}
