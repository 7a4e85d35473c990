//! The sections of `vesta.toml` that are plain tables. `vesta.toml` itself is their manual; here
//! stand their types. Each is declared once and becomes two structs: the resolved one, and a
//! partial one for what a user's file says, whose gaps the default file fills.

use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use crate::choice::{
    CommitLevel, Datapath, Driver, FlowControl, Idle, LogLevel, Mode, RoleIdle, Threading, Via,
    XdpFallback, XdpZeroCopy,
};
use crate::network::Network;

/// A table of which any key may be missing.
pub trait Partial: Sized {
    /// The table with every key.
    type Whole;

    /// Fills the gaps from `defaults`.
    fn or(self, defaults: Self) -> Self;

    /// The whole table, or the name of a key that is still missing.
    fn whole(self) -> Result<Self::Whole, String>;
}

/// A key whose value is whole or absent.
macro_rules! leaf {
    ($($type:ty),* $(,)?) => {$(
        impl Partial for Leaf<$type> {
            type Whole = $type;
            fn or(self, defaults: Self) -> Self {
                Self(self.0.or(defaults.0))
            }
            fn whole(self) -> Result<$type, String> {
                self.0.ok_or_else(String::new)
            }
        }
        impl HasPartial for $type {
            type Partial = Leaf<$type>;
        }
    )*};
}

/// A type with a form in which parts may be missing.
pub trait HasPartial {
    /// That form.
    type Partial: Partial<Whole = Self> + Default;
}

/// The partial form of a single value.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Leaf<T>(Option<T>);

impl<T> Default for Leaf<T> {
    fn default() -> Self {
        Self(None)
    }
}

leaf!(
    bool,
    u16,
    u32,
    u64,
    i32,
    String,
    Ipv4Addr,
    SocketAddrV4,
    CommitLevel,
    Mode,
    Datapath,
    Threading,
    Via,
    XdpZeroCopy,
    XdpFallback,
    Idle,
    LogLevel,
    FlowControl,
    Driver,
    RoleIdle,
    Vec<Network>,
);

macro_rules! sections {
    ($(
        $(#[$doc:meta])*
        $name:ident / $partial:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type,)* }

        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $partial { $($field: <$type as HasPartial>::Partial,)* }

        impl HasPartial for $name {
            type Partial = $partial;
        }

        impl Partial for $partial {
            type Whole = $name;
            fn or(self, defaults: Self) -> Self {
                Self { $($field: self.$field.or(defaults.$field),)* }
            }
            fn whole(self) -> Result<$name, String> {
                Ok($name { $($field: self.$field.whole().map_err(|key| {
                    if key.is_empty() { stringify!($field).to_owned() }
                    else { format!("{}.{key}", stringify!($field)) }
                })?,)* })
            }
        }
    )*};
}

sections! {
    /// `[shard]`: what this set of instruments promises.
    Shard / ShardPartial {
        /// The shard's id, from 1.
        id: u32,
        /// When a command counts as acknowledged.
        commit_level: CommitLevel,
    }

    /// `[sequencer]`.
    Sequencer / SequencerPartial {
        /// The reign of this sequencer, from 1; raised by the operator on every restart.
        epoch: u32,
        /// A forward jump of the clock above this halts the sequencer, ms.
        clock_jump_max_ms: u64,
        /// Readers of the input log that must have joined before the first record.
        input_readers_min: u32,
        /// From one tick to the next, ms; 0 for none.
        tick_interval_ms: u64,
    }

    /// `[sessions]`: bounds of a client session, the same in gateway and engine.
    SessionLimits / SessionLimitsPartial {
        /// Unanswered commands of any kind that a session may have.
        window: u32,
        /// Unanswered commands on top of `window` that only cancels and mass cancels may take.
        cancel_reserve: u32,
    }

    /// `[engine]`: capacities, all taken at start.
    Engine / EnginePartial {
        /// Resting orders of the shard.
        order_count_max: u32,
        /// Price levels of one side of one book.
        level_count_max: u32,
        /// Instruments of the shard.
        instrument_count_max: u32,
        /// Readers of the event log that must have joined before the first record is applied. In
        /// the file 0 stands for "every gateway and the md-publisher"; here it is that number.
        event_readers_min: u32,
        /// True: it carries the group tag where the input log's flow control is `tagged`.
        voter: bool,
    }

    /// `[md_publisher]`.
    MdPublisher / MdPublisherPartial {
        /// From one snapshot of all books to the next, ms.
        snapshot_interval_ms: u64,
        /// Longest silence of the feed, ms.
        heartbeat_interval_ms: u64,
        /// Bytes that may wait for the network before they are dropped and consumers see a gap.
        pending_bytes_max: u32,
    }

    /// `[transport]`: the embedded Aeron media driver of every process.
    Transport / TransportPartial {
        /// How one stream reaches many readers.
        mode: Mode,
        /// Address, or address/prefix, of the interface for multicast.
        interface: String,
        /// Routers that a multicast datagram may cross, plus one.
        multicast_ttl: u16,
        /// Who receives and sends the datagrams.
        datapath: Datapath,
        /// The interface of `xdp`: its name, or as `interface`. In the file empty stands for
        /// `interface`; here it is that.
        xdp_interface: String,
        /// Receive queues that `xdp` takes; 0 stands for all.
        xdp_queue_count: u32,
        /// Whether `xdp` copies frames.
        xdp_zero_copy: XdpZeroCopy,
        /// What is done where `xdp` is not to be had.
        xdp_fallback: XdpFallback,
        /// Where the driver's agents run.
        threading: Threading,
        /// Whose media driver a process uses.
        driver: Driver,
        /// Directory of the shared driver; empty stands for `/dev/shm/vesta-driver`.
        driver_directory: String,
        /// How long a process waits for the shared driver to appear, ms.
        driver_wait_max_ms: u64,
        /// Silence after which a client takes its driver for dead, and a driver a client, ms.
        driver_timeout_ms: u64,
        /// Where the driver's directory `vesta-<role>-<pid>` is made; empty stands for `/dev/shm`.
        driver_directory_parent: String,
        /// Largest datagram, bytes of UDP payload, of streams that do not say otherwise.
        mtu_bytes: u32,
        /// Datagrams that a stream's sender hands to the kernel at once.
        messages_per_send: u32,
        /// Who may send to us; empty stands for everybody. This host always may.
        allowed_sources: Vec<Network>,
        /// Longest term that a publisher elsewhere may make us take memory for, bytes. In the file 0
        /// stands for the longest of the streams; here it is that number.
        setup_term_length_max_bytes: u32,
        /// Publishers of one stream whose images a driver takes.
        publishers_max: u32,
        /// SO_RCVBUF, bytes.
        socket_receive_buffer_bytes: u32,
        /// SO_SNDBUF, bytes.
        socket_send_buffer_bytes: u32,
        /// What a reader admits to be in flight to it, bytes.
        receiver_window_bytes: u32,
        /// From one status message of a reader to the next, ms.
        status_message_interval_ms: u64,
        /// A reader silent for this long no longer holds the publisher back, ms.
        flow_control_receiver_timeout_ms: u64,
        /// What the readers carry for whom a stream with `tagged` flow control waits.
        flow_control_group_tag: u32,
        /// A publisher silent for this long is lost, ms.
        image_liveness_timeout_ms: u64,
        /// A publication without a status message for this long has no reader, ms.
        publication_connection_timeout_ms: u64,
        /// How long a closed publication answers requests for repair, ms.
        publication_linger_timeout_ms: u64,
        /// Longest random wait before a reader asks for a repair on multicast, us.
        nak_backoff_us: u64,
        /// True: log buffers take memory as they are touched.
        sparse_files: bool,
        /// True: log buffers are touched when they are made.
        pre_touch: bool,
        /// What the thread does when there is nothing to do.
        idle: Idle,
        /// Longest sleep of `backoff` and `park`, us.
        idle_park_max_us: u64,
        /// How the datapath `uring` does it.
        uring: Uring,
    }

    /// `[transport.uring]`.
    Uring / UringPartial {
        /// How busy sockets are received from.
        hot_receive: Via,
        /// Sockets of one thread that may be busy at once.
        hot_sockets_max: u32,
        /// A busy socket without a datagram for this long is busy no more, us.
        hot_quiet_us: u64,
        /// Several datagrams in one receive.
        gro: bool,
        /// How datagrams are sent.
        send: Via,
        /// Several datagrams in one send.
        gso: bool,
        /// How long a receive that finds nothing polls the network card, us; 0 for not at all.
        busy_poll_us: u32,
        /// A thread of the kernel receives.
        sqpoll: bool,
    }

    /// `[idle]`: what the loop of each role does when there is nothing to do.
    RoleIdles / RoleIdlesPartial {
        /// `vesta-gateway`.
        gateway: RoleIdle,
        /// `vesta-sequencer`.
        sequencer: RoleIdle,
        /// `vesta-engine`.
        engine: RoleIdle,
        /// `vesta-md-publisher`.
        md_publisher: RoleIdle,
        /// `vesta driver`, with `threading = "invoker"`.
        driver: RoleIdle,
    }

    /// `[streams]`: ids, places and buffers.
    Streams / StreamsPartial {
        /// Gateways to sequencer.
        orders: UnicastStream,
        /// Sequencer to each gateway; the place is the gateway's `back_endpoint`.
        sequencer_back: BackStream,
        /// Sequencer to engines.
        input_log: GroupStream,
        /// Engine to gateways and md-publisher.
        event_log: GroupStream,
        /// md-publisher to consumers: what changed.
        market_data: GroupStream,
        /// md-publisher to consumers: whole books.
        snapshots: GroupStream,
    }

    /// A stream to one reader.
    UnicastStream / UnicastStreamPartial {
        /// Aeron stream id.
        id: i32,
        /// Where the reader listens.
        endpoint: SocketAddrV4,
        /// Bytes of one of the three terms of a log buffer.
        term_length_bytes: u32,
        /// Largest datagram of it, bytes of UDP payload; 0 stands for `transport.mtu_bytes`.
        mtu_bytes: u32,
    }

    /// A stream to one reader each, at the place that the reader's own table names.
    BackStream / BackStreamPartial {
        /// Aeron stream id.
        id: i32,
        /// Bytes of one of the three terms of a log buffer.
        term_length_bytes: u32,
        /// Largest datagram of it, bytes of UDP payload; 0 stands for `transport.mtu_bytes`.
        mtu_bytes: u32,
    }

    /// A stream to many readers.
    GroupStream / GroupStreamPartial {
        /// Aeron stream id.
        id: i32,
        /// The multicast group and port. Aeron wants the last octet odd, and takes the next address
        /// for status messages.
        group: SocketAddrV4,
        /// With `mdc`: where readers sign up with the publisher, an address of its host.
        control: SocketAddrV4,
        /// With `mdc`: where a reader receives; 0.0.0.0 and port 0 stand for whatever fits.
        reader_endpoint: SocketAddrV4,
        /// Whom the publisher waits for.
        flow_control: FlowControl,
        /// Bytes of one of the three terms of a log buffer.
        term_length_bytes: u32,
        /// Largest datagram of it, bytes of UDP payload; 0 stands for `transport.mtu_bytes`.
        mtu_bytes: u32,
    }

    /// `[consumer]`: who subscribes to market data.
    Consumer / ConsumerPartial {
        /// Silence of the feed after which its books count as stale, ms.
        stall_max_ms: u64,
    }

    /// `[demo]`: what the tools add as a client.
    Demo / DemoPartial {
        /// Where the client's UDP socket is bound; port 0 takes a free one.
        client_bind: SocketAddrV4,
    }

    /// `[counters]`: what everybody can look at.
    Counters / CountersPartial {
        /// True: each role writes its counters into a file.
        enabled: bool,
        /// Where the files are made; empty stands for `/dev/shm`.
        directory: String,
        /// From one writing to the next, ms.
        interval_ms: u64,
    }

    /// `[metrics]`: what every process serves to Prometheus.
    Metrics / MetricsPartial {
        /// IPv4 address at which every process serves; empty: none does.
        address: String,
        /// TCP port of `vesta-gateway`; 0: it does not serve. The same holds for the others.
        gateway_port: u16,
        /// Of `vesta-sequencer`.
        sequencer_port: u16,
        /// Of `vesta-engine`.
        engine_port: u16,
        /// Of `vesta-md-publisher`.
        md_publisher_port: u16,
        /// Of `vesta driver`.
        driver_port: u16,
        /// Of `vesta md relay`.
        md_relay_port: u16,
        /// Of `vesta demo`, whose roles share a process.
        demo_port: u16,
    }

    /// `[md_relay]`: where `vesta md relay` passes market data on.
    MdRelay / MdRelayPartial {
        /// Address of its host at which consumers sign up.
        address: Ipv4Addr,
        /// UDP port at which they sign up for changes.
        market_data_port: u16,
        /// UDP port at which they sign up for whole books.
        snapshots_port: u16,
    }

    /// `[cores]`: which CPU the thread of each role stays on. Empty: wherever the kernel puts it.
    Cores / CoresPartial {
        /// Of a gateway.
        gateway: String,
        /// Of the sequencer.
        sequencer: String,
        /// Of the engine.
        engine: String,
        /// Of the md-publisher.
        md_publisher: String,
    }

    /// `[log]`: what is printed on stderr.
    Log / LogPartial {
        /// The least grave line that is printed.
        level: LogLevel,
    }
}
