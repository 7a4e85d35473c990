//! From the configuration to the settings of driver, client and loop.

use crate::streams::streams_bytes;
use std::path::PathBuf;
use vesta_config::{
    Channel, Config, Datapath as ConfigDatapath, Idle as ConfigIdle, Network, RoleIdle,
    Threading as ConfigThreading, Transport, Uring as ConfigUring, Via,
    XdpFallback as ConfigFallback, XdpZeroCopy,
};
use vesta_netio::{
    ClientSettings, Datapath, DatapathChoice, DriverSettings, GateSettings, HotReceive, Idle,
    SendVia, SharedIdle, SourceNetwork, Threading, UringSettings, XdpFallback, XdpSettings,
    ZeroCopy,
};
use vesta_transport::StreamId;

/// Idle cycles spent spinning before a back-off gives up the core, and yielding before it sleeps:
/// some microseconds each, which bridges the gap between two messages of a busy stream.
const SPIN_COUNT: u32 = 50;
const YIELD_COUNT: u32 = 20;
/// The first sleep of a back-off, in microseconds.
const SLEEP_MIN_US: u64 = 10;

/// Settings of the embedded driver of `role`.
#[must_use]
pub fn driver_settings(config: &Config, role: &str) -> DriverSettings {
    let t = &config.transport;
    let parent = &t.driver_directory_parent;
    DriverSettings {
        directory_parent: (!parent.is_empty()).then(|| PathBuf::from(parent)),
        streams_bytes: streams_bytes(config, role),
        threading: match t.threading {
            ConfigThreading::Invoker => Threading::Invoker,
            ConfigThreading::Shared => Threading::Shared(shared_idle(config)),
            ConfigThreading::Dedicated => Threading::Dedicated(shared_idle(config)),
        },
        datapath: match t.datapath {
            ConfigDatapath::Auto => DatapathChoice::Auto,
            ConfigDatapath::Uring => DatapathChoice::Require(Datapath::Uring),
            ConfigDatapath::Xdp => DatapathChoice::Require(Datapath::Xdp),
            ConfigDatapath::Socket => DatapathChoice::Require(Datapath::Socket),
        },
        uring: uring_settings(&t.uring),
        xdp: xdp_settings(t),
        term_buffer_sparse_file: t.sparse_files,
        mtu_bytes: t.mtu_bytes as usize,
        channel_mtu_max_bytes: config.streams.mtu_max_bytes() as usize,
        messages_per_send: t.messages_per_send,
        socket_receive_buffer_bytes: t.socket_receive_buffer_bytes as usize,
        socket_send_buffer_bytes: t.socket_send_buffer_bytes as usize,
        initial_window_bytes: t.receiver_window_bytes as usize,
        image_liveness_timeout_ms: t.image_liveness_timeout_ms,
        publication_linger_ms: t.publication_linger_timeout_ms,
        publication_connection_timeout_ms: t.publication_connection_timeout_ms,
        status_message_interval_ms: t.status_message_interval_ms,
        flow_control_receiver_timeout_ms: t.flow_control_receiver_timeout_ms,
        nak_multicast_backoff_max_us: t.nak_backoff_us,
        client_liveness_timeout_ms: t.driver_timeout_ms,
        publishers_max: t.publishers_max as usize,
        gate: GateSettings {
            sources: t.allowed_sources.iter().map(source).collect(),
            term_length_max: t.setup_term_length_max_bytes as usize,
        },
        // Timeouts are met with this precision; half of the shortest keeps them honest.
        timer_interval_ms: (t.status_message_interval_ms / 2).clamp(1, 100),
        ..DriverSettings::new(role)
    }
}

fn uring_settings(uring: &ConfigUring) -> UringSettings {
    UringSettings {
        hot_receive: match uring.hot_receive {
            Via::Ring => HotReceive::Ring,
            Via::Direct => HotReceive::Direct,
        },
        hot_sockets_max: uring.hot_sockets_max as usize,
        hot_quiet_us: uring.hot_quiet_us,
        gro: uring.gro,
        send: match uring.send {
            Via::Ring => SendVia::Ring,
            Via::Direct => SendVia::Direct,
        },
        gso: uring.gso,
        busy_poll_us: uring.busy_poll_us,
        sqpoll: uring.sqpoll,
    }
}

fn xdp_settings(t: &Transport) -> XdpSettings {
    XdpSettings {
        interface: t.xdp_interface.clone(),
        queue_count: t.xdp_queue_count,
        zero_copy: match t.xdp_zero_copy {
            XdpZeroCopy::Auto => ZeroCopy::Auto,
            XdpZeroCopy::Require => ZeroCopy::Require,
            XdpZeroCopy::Off => ZeroCopy::Off,
        },
        fallback: match t.xdp_fallback {
            ConfigFallback::Exit => XdpFallback::Exit,
            ConfigFallback::Socket => XdpFallback::Socket,
        },
    }
}

fn source(network: &Network) -> SourceNetwork {
    SourceNetwork { address: network.address, prefix_bits: network.prefix_bits }
}

/// Settings of the Aeron client of `role`.
#[must_use]
pub fn client_settings(config: &Config, role: &str) -> ClientSettings {
    ClientSettings {
        name: format!("vesta-{role}"),
        pre_touch_mapped_memory: config.transport.pre_touch,
        driver_timeout_ms: config.transport.driver_timeout_ms,
        ..ClientSettings::default()
    }
}

/// What a loop does when there is nothing to do: `transport.idle`.
#[must_use]
pub fn idle(config: &Config) -> Idle {
    strategy(config, config.transport.idle)
}

/// The same for the loop of `role`, for which `[idle]` may say otherwise.
#[must_use]
pub fn role_idle(config: &Config, role: &str) -> Idle {
    strategy(config, role_idle_word(config, role))
}

/// Its word in the configuration.
pub fn role_idle_word(config: &Config, role: &str) -> ConfigIdle {
    let roles = &config.idle;
    let own = match role {
        "gateway" => roles.gateway,
        "sequencer" => roles.sequencer,
        "engine" => roles.engine,
        "md-publisher" => roles.md_publisher,
        "driver" => roles.driver,
        _ => RoleIdle::Default,
    };
    own.or(config.transport.idle)
}

fn strategy(config: &Config, idle: ConfigIdle) -> Idle {
    let sleep_max_us = config.transport.idle_park_max_us;
    match idle {
        ConfigIdle::Spin => Idle::Spin,
        ConfigIdle::Backoff => Idle::Backoff {
            spin_count: SPIN_COUNT,
            yield_count: YIELD_COUNT,
            sleep_min_us: SLEEP_MIN_US,
            sleep_max_us,
        },
        ConfigIdle::Park => Idle::Park { sleep_us: sleep_max_us },
    }
}

fn shared_idle(config: &Config) -> SharedIdle {
    match config.transport.idle {
        ConfigIdle::Spin => SharedIdle::Spin,
        ConfigIdle::Backoff | ConfigIdle::Park => SharedIdle::Backoff {
            spin_count: SPIN_COUNT,
            yield_count: YIELD_COUNT,
            sleep_min_us: SLEEP_MIN_US,
            sleep_max_us: config.transport.idle_park_max_us,
        },
    }
}

/// A channel of the configuration, as the roles' agents take it.
#[must_use]
pub fn link(channel: Channel) -> (String, StreamId) {
    (channel.uri, StreamId(channel.stream_id))
}
