//! The rules that values keep, alone and together. Each names the knob, says why, and how to mend
//! it.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use crate::error::Broken;
use crate::{Config, Datapath, Driver, FlowControl, Mode, places};

/// Aeron's shortest and longest term, bytes.
const TERM_LENGTH_BYTES: RangeInclusive<u32> = 64 << 10..=1 << 30;
/// Aeron aligns frames to this, bytes.
const FRAME_ALIGNMENT: u32 = 32;
/// The shortest MTU that carries the longest message with room to spare, and the longest that UDP
/// over IPv4 does, in whole alignments, bytes.
const MTU_BYTES: RangeInclusive<u32> = 512..=65_504;
/// What fits a frame of AF_XDP, in whole alignments, bytes: `netio` gives a frame 4,096 bytes, of
/// which headers and the kernel take 628.
const XDP_MTU_BYTES_MAX: u32 = 3_456;
/// `IFNAMSIZ` without the NUL.
const INTERFACE_NAME_BYTES_MAX: usize = 15;
/// Aeron's publications send a heartbeat every 100 ms when they have nothing else to send; a
/// shorter liveness than two of them would lose a publisher that is only quiet.
const IMAGE_LIVENESS_MS_MIN: u64 = 200;
/// `QtyLots::MAX` counts on fewer than 2^24 orders in a book, or a level's sum could overflow.
const ORDER_COUNT_MAX: u32 = (1 << 24) - 1;
/// Stored outcomes of all sessions, of 32 bytes each: beyond this the engine's table alone takes
/// 2 GiB.
const OUTCOME_COUNT_MAX: u64 = 1 << 26;
/// One day: longer intervals and timeouts are slips of the pen.
const MS_MAX: u64 = 86_400_000;

pub type Check = Result<(), Broken>;

/// Checks every rule.
pub fn rules(config: &Config) -> Check {
    roles(config)?;
    transport(config)?;
    streams(config)?;
    places::check(config)?;
    places::metrics(config)?;
    counters(config)?;
    cores(config)
}

fn counters(config: &Config) -> Check {
    let counters = &config.counters;
    let why = "0 would write them in every duty cycle, and above 10 s nobody sees a burst";
    within("counters.interval_ms", counters.interval_ms, 1..=10_000, why)?;
    if counters.directory.is_empty() || counters.directory.starts_with('/') {
        return Ok(());
    }
    Err(Broken::new(
        "counters.directory",
        format!("{:?}", counters.directory),
        "must be an absolute path, or empty for /dev/shm: tools that look must find it too",
        "start it with /",
    ))
}

/// Linux is built for 8,192 CPUs at most.
const CORE_MAX: usize = 8_191;

fn cores(config: &Config) -> Check {
    for (key, _, core) in config.cores.all() {
        let is_core = core.parse::<usize>().is_ok_and(|core| core <= CORE_MAX);
        if !core.is_empty() && !is_core {
            return Err(Broken::new(
                key,
                format!("{core:?}"),
                "must be the number of a CPU, or empty for none",
                "use one of those that `lscpu --extended` lists, in quotes",
            ));
        }
    }
    Ok(())
}

/// `value` lies in `range`; `why` says what its ends come from.
fn within<T: PartialOrd + Display + Copy>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
    why: &str,
) -> Check {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    let rule = format!("must be {low} to {high}{}{why}", if why.is_empty() { "" } else { ": " });
    let fix =
        if value < *low { format!("use {low} or more") } else { format!("use {high} or less") };
    Err(Broken::new(key, value, rule, fix))
}

/// `value` is at least that of another key.
fn at_least<T: PartialOrd + Display>(
    (key, value): (&str, T),
    (other_key, other): (&str, T),
    why: &str,
) -> Check {
    if value >= other {
        return Ok(());
    }
    Err(Broken::new(
        key,
        value,
        format!("must be at least {other_key} = {other}: {why}"),
        format!("raise {key} or lower {}", other_key.trim_start_matches("twice ")),
    ))
}

fn roles(config: &Config) -> Check {
    let Config { shard, sequencer, sessions, engine, md_publisher, .. } = config;
    within("shard.id", shard.id, 1..=u32::MAX, "0 means none")?;
    within("sequencer.epoch", sequencer.epoch, 1..=u32::MAX, "0 means none")?;
    within("sequencer.clock_jump_max_ms", sequencer.clock_jump_max_ms, 1..=MS_MAX, "")?;
    let why = "without a reader nothing can be published";
    within("sequencer.input_readers_min", sequencer.input_readers_min, 1..=64, why)?;
    within("sequencer.tick_interval_ms", sequencer.tick_interval_ms, 0..=MS_MAX, "")?;
    within("sessions.window", sessions.window, 1..=1 << 20, "")?;
    within("sessions.cancel_reserve", sessions.cancel_reserve, 0..=1 << 20, "")?;
    let session_count = config.session_list.len() as u64;
    let outcomes = u64::from(sessions.outcome_count()) * session_count;
    if outcomes > OUTCOME_COUNT_MAX {
        return Err(Broken::new(
            "sessions.window",
            sessions.window,
            format!(
                "with cancel_reserve = {} and {session_count} sessions the engine would keep \
                 {outcomes} outcomes, and {OUTCOME_COUNT_MAX} is its limit",
                sessions.cancel_reserve
            ),
            "lower window or cancel_reserve, or list fewer sessions",
        ));
    }
    let why = "the sum of a level's quantities counts on fewer than 2^24 orders";
    within("engine.order_count_max", engine.order_count_max, 1..=ORDER_COUNT_MAX, why)?;
    within("engine.level_count_max", engine.level_count_max, 1..=1 << 20, "")?;
    within("engine.instrument_count_max", engine.instrument_count_max, 1..=4096, "")?;
    within("engine.event_readers_min", engine.event_readers_min, 0..=64, "")?;
    for (list, len) in [
        ("instrument", config.instrument_list.len()),
        ("gateway", config.gateway_list.len()),
        ("session", config.session_list.len()),
    ] {
        if len == 0 {
            let rule = format!("there is nothing to run without an [[{list}]]");
            let fix = format!("add an [[{list}]], or leave the key out to get the default ones");
            return Err(Broken::new(list, "[]", rule, fix));
        }
    }
    at_least(
        ("engine.instrument_count_max", engine.instrument_count_max as usize),
        ("the number of [[instrument]] entries", config.instrument_list.len()),
        "each takes one slot",
    )?;
    let interval = md_publisher.snapshot_interval_ms;
    within("md_publisher.snapshot_interval_ms", interval, 10..=MS_MAX, "")?;
    let interval = md_publisher.heartbeat_interval_ms;
    within("md_publisher.heartbeat_interval_ms", interval, 1..=MS_MAX, "")?;
    let stall = config.consumer.stall_max_ms;
    within("consumer.stall_max_ms", stall, 1..=MS_MAX, "")?;
    at_least(
        ("consumer.stall_max_ms", stall),
        ("twice md_publisher.heartbeat_interval_ms", 2 * interval),
        "one late heartbeat is no stall",
    )?;
    let bytes = md_publisher.pending_bytes_max;
    within("md_publisher.pending_bytes_max", bytes, 1 << 16..=1 << 30, "")?;
    for (i, gateway) in config.gateway_list.iter().enumerate() {
        let key = format!("gateway[{i}].receive_buffer_bytes");
        within(&key, gateway.receive_buffer_bytes, 4096..=1 << 30, "")?;
        let why = "whoever supervises it would kill it first";
        within(&format!("gateway[{i}].drain_max_ms"), gateway.drain_max_ms, 0..=10_000, why)?;
    }
    Ok(())
}

fn transport(config: &Config) -> Check {
    let t = &config.transport;
    interface(&t.interface)?;
    within("transport.multicast_ttl", t.multicast_ttl, 1..=255, "it is one byte of the IP header")?;
    if !t.driver_directory_parent.is_empty() && !t.driver_directory_parent.starts_with('/') {
        return Err(Broken::new(
            "transport.driver_directory_parent",
            format!("{:?}", t.driver_directory_parent),
            "must be an absolute path, or empty for one of the process's own",
            "start it with /",
        ));
    }
    if !t.driver_directory.is_empty() && !t.driver_directory.starts_with('/') {
        return Err(Broken::new(
            "transport.driver_directory",
            format!("{:?}", t.driver_directory),
            "must be an absolute path, or empty for /dev/shm/vesta-driver",
            "start it with /",
        ));
    }
    within("transport.driver_wait_max_ms", t.driver_wait_max_ms, 0..=MS_MAX, "")?;
    let why = "a driver and its clients show signs of life every half second";
    within("transport.driver_timeout_ms", t.driver_timeout_ms, 1_000..=MS_MAX, why)?;
    within("transport.publishers_max", t.publishers_max, 1..=10_000, "")?;
    mtu("transport.mtu_bytes", t.mtu_bytes)?;
    let why = "one is Aeron's least, and 64 its most";
    within("transport.messages_per_send", t.messages_per_send, 1..=64, why)?;
    let uring = &t.uring;
    let why = "each is asked in every cycle";
    within("transport.uring.hot_sockets_max", uring.hot_sockets_max, 0..=64, why)?;
    let why = "a shorter one goes with every gap between two messages";
    within("transport.uring.hot_quiet_us", uring.hot_quiet_us, 100..=10_000_000, why)?;
    let why = "so long would nothing else be done";
    within("transport.uring.busy_poll_us", uring.busy_poll_us, 0..=1_000, why)?;
    xdp(config)?;
    let receive_buffer = ("transport.socket_receive_buffer_bytes", t.socket_receive_buffer_bytes);
    let send_buffer = ("transport.socket_send_buffer_bytes", t.socket_send_buffer_bytes);
    let window = ("transport.receiver_window_bytes", t.receiver_window_bytes);
    let (mtu_key, mtu) = config.datagram_max();
    let mtu = (mtu_key.as_str(), mtu);
    for (key, bytes) in [receive_buffer, send_buffer, window] {
        within(key, bytes, 4096..=1 << 30, "")?;
    }
    at_least(send_buffer, mtu, "one datagram must fit")?;
    at_least(window, mtu, "one datagram must fit")?;
    at_least(
        receive_buffer,
        window,
        "a publisher may send a whole window at once, and what does not fit the socket is lost",
    )?;

    for (key, ms) in [
        ("transport.status_message_interval_ms", t.status_message_interval_ms),
        ("transport.flow_control_receiver_timeout_ms", t.flow_control_receiver_timeout_ms),
        ("transport.publication_connection_timeout_ms", t.publication_connection_timeout_ms),
        ("transport.publication_linger_timeout_ms", t.publication_linger_timeout_ms),
    ] {
        within(key, ms, 1..=MS_MAX, "")?;
    }
    let liveness = ("transport.image_liveness_timeout_ms", t.image_liveness_timeout_ms);
    let why = "a quiet publisher sends a heartbeat every 100 ms";
    within(liveness.0, liveness.1, IMAGE_LIVENESS_MS_MIN..=MS_MAX, why)?;
    let status = (
        "twice transport.status_message_interval_ms",
        t.status_message_interval_ms.saturating_mul(2),
    );
    let why = "one lost status message must not look like the end of a reader";
    let connection =
        ("transport.publication_connection_timeout_ms", t.publication_connection_timeout_ms);
    at_least(liveness, status, why)?;
    at_least(connection, status, why)?;
    let receiver_timeout =
        ("transport.flow_control_receiver_timeout_ms", t.flow_control_receiver_timeout_ms);
    at_least(
        receiver_timeout,
        liveness,
        "a reader of a log that stalls for less than the liveness must still hold the publisher \
         back, or it is overrun and loses its place",
    )?;
    let why = "0 makes every reader ask at once, and above 10 ms a loss stalls the venue";
    within("transport.nak_backoff_us", t.nak_backoff_us, 1..=10_000, why)?;
    within("transport.idle_park_max_us", t.idle_park_max_us, 1..=10_000, "")?;
    if t.idle_park_max_us > t.status_message_interval_ms.saturating_mul(1000) {
        return Err(Broken::new(
            "transport.idle_park_max_us",
            t.idle_park_max_us,
            format!(
                "must be at most transport.status_message_interval_ms = {} ms: the thread that \
                 sleeps is the one that sends status messages",
                t.status_message_interval_ms
            ),
            "lower it, or raise transport.status_message_interval_ms",
        ));
    }
    if t.sparse_files && t.pre_touch {
        return Err(Broken::new(
            "transport.pre_touch",
            true,
            "contradicts transport.sparse_files = true: touching every page takes the memory that \
             sparse files save",
            "set one of the two to false",
        ));
    }
    Ok(())
}

fn mtu(key: &str, bytes: u32) -> Check {
    within(key, bytes, MTU_BYTES, "the longest message must fit, and UDP carries no more")?;
    if bytes.is_multiple_of(FRAME_ALIGNMENT) {
        return Ok(());
    }
    Err(Broken::new(
        key,
        bytes,
        format!("must be a multiple of {FRAME_ALIGNMENT}, to which Aeron aligns its frames"),
        format!("use {}", bytes / FRAME_ALIGNMENT * FRAME_ALIGNMENT),
    ))
}

fn xdp(config: &Config) -> Check {
    let t = &config.transport;
    within("transport.xdp_queue_count", t.xdp_queue_count, 0..=256, "0 takes all there are")?;
    let name = &t.xdp_interface;
    let is_name = (1..=INTERFACE_NAME_BYTES_MAX).contains(&name.len())
        && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace());
    if !name.is_empty() && !is_name && !is_interface(name) {
        return Err(Broken::new(
            "transport.xdp_interface",
            format!("{name:?}"),
            "must be the name of an interface, its IPv4 address, or its network as address/prefix",
            "write it as \"eth0\" or \"10.0.0.0/24\", or leave it empty for transport.interface",
        ));
    }
    let (key, longest) = config.datagram_max();
    if t.datapath == Datapath::Xdp && longest > XDP_MTU_BYTES_MAX {
        return Err(Broken::new(
            key,
            longest,
            format!(
                "must be at most {XDP_MTU_BYTES_MAX} with transport.datapath = \"xdp\": a datagram \
                 has to fit one of its frames"
            ),
            "lower it, or set transport.datapath = \"auto\"",
        ));
    }
    Ok(())
}

fn is_interface(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
    let address = address.parse::<Ipv4Addr>().ok().filter(|a| !a.is_multicast());
    let prefix = prefix.parse::<u8>().ok().filter(|&bits| bits <= 32);
    address.is_some() && prefix.is_some()
}

fn interface(text: &str) -> Check {
    if is_interface(text) {
        return Ok(());
    }
    Err(Broken::new(
        "transport.interface",
        format!("{text:?}"),
        "must be the IPv4 address of an interface, or its network as address/prefix",
        "write it as \"127.0.0.1/32\" or \"10.0.0.0/24\"",
    ))
}

fn streams(config: &Config) -> Check {
    let term_max = config.transport.setup_term_length_max_bytes;
    if term_max != 0 {
        let key = "transport.setup_term_length_max_bytes";
        within(key, term_max, TERM_LENGTH_BYTES, "Aeron's limits, or 0 for the longest of ours")?;
    }
    let streams = config.streams.buffers();
    for (i, stream) in streams.iter().enumerate() {
        let (name, id, term) = (stream.name, stream.id, stream.term_length_bytes);
        if stream.mtu_bytes != 0 {
            mtu(&format!("streams.{name}.mtu_bytes"), stream.mtu_bytes)?;
        }
        let key = format!("streams.{name}.id");
        within(&key, id, 1..=i32::MAX, "")?;
        if let Some(other) = streams[..i].iter().find(|other| other.id == id) {
            return Err(Broken::new(
                key,
                id,
                format!(
                    "is the id of streams.{} too, and a reader would take one for the other",
                    other.name
                ),
                "give each stream an id of its own",
            ));
        }
        let key = format!("streams.{name}.term_length_bytes");
        within(&key, term, TERM_LENGTH_BYTES, "Aeron's limits")?;
        if !term.is_power_of_two() {
            return Err(Broken::new(
                key,
                term,
                "must be a power of two, because Aeron masks positions with it",
                format!("use {}", term.next_power_of_two()),
            ));
        }
        if term_max != 0 && term > term_max {
            return Err(Broken::new(
                "transport.setup_term_length_max_bytes",
                term_max,
                format!("must be at least {key} = {term}, or its readers never hear it"),
                format!("raise it, or lower {key}"),
            ));
        }
        let window = config.transport.receiver_window_bytes;
        if window > term / 2 {
            return Err(Broken::new(
                "transport.receiver_window_bytes",
                window,
                format!(
                    "must be at most half of {key} = {term}: a publisher may not run further ahead \
                     of a reader"
                ),
                format!("lower it, or raise {key}"),
            ));
        }
    }
    let s = &config.streams;
    let is_shared = config.transport.driver == Driver::Shared;
    if s.input_log.flow_control == FlowControl::Tagged
        && is_shared
        && config.transport.mode == Mode::Multicast
    {
        return Err(Broken::new(
            "streams.input_log.flow_control",
            "\"tagged\"",
            "can not be had by multicast with transport.driver = \"shared\": readers that share a driver share \
             a socket, and the tag is that of the first of them",
            "use driver = \"embedded\", mode = \"mdc\", or flow_control = \"slowest\"",
        ));
    }
    for (name, stream) in
        [("event_log", &s.event_log), ("market_data", &s.market_data), ("snapshots", &s.snapshots)]
    {
        if stream.flow_control == FlowControl::Tagged {
            return Err(Broken::new(
                format!("streams.{name}.flow_control"),
                "\"tagged\"",
                "waits for voters, and only streams.input_log has any",
                "use \"slowest\" or \"fastest\"",
            ));
        }
    }
    Ok(())
}
