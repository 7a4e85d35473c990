//! What the tests of the real transport share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::UdpSocket;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use vesta_netio::{
    AeronSubscription, AeronTransport, ClientSettings, Clock, Datapath, DatapathChoice,
    DriverSettings, HotReceive, SendVia, SharedIdle, Threading, probe,
};
use vesta_transport::{Duty, Flow, ImageId, Input, StreamId, Subscription};

/// Other builds share the machine: what takes milliseconds may take seconds.
pub const PATIENCE_NS: u64 = 20_000_000_000;

pub const STREAM: StreamId = StreamId(7);

/// A datapath with its own variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Socket,
    /// As it is by default: direct calls for busy sockets and sends; bursts as one.
    UringDefault,
    /// All that can differ does: the ring for busy sockets and sends; datagrams one by one.
    UringRing,
    /// Between hosts only: the tests that want it have some (`hosts.rs`).
    Xdp,
}

impl From<Datapath> for Path {
    fn from(datapath: Datapath) -> Self {
        match datapath {
            Datapath::Socket => Self::Socket,
            Datapath::Uring => Self::UringDefault,
            Datapath::Xdp => Self::Xdp,
        }
    }
}

/// The datapaths that this machine has; says so when one is left out.
pub fn datapaths() -> Vec<Path> {
    match probe() {
        Ok(()) => vec![Path::Socket, Path::UringDefault, Path::UringRing],
        Err(reason) => {
            eprintln!("SKIP uring: {reason}");
            vec![Path::Socket]
        }
    }
}

pub fn threadings() -> [Threading; 3] {
    let idle =
        SharedIdle::Backoff { spin_count: 10, yield_count: 5, sleep_min_us: 20, sleep_max_us: 200 };
    [Threading::Invoker, Threading::Shared(idle), Threading::Dedicated(idle)]
}

/// Short time-outs and small terms.
pub fn settings(path: impl Into<Path>, threading: Threading) -> DriverSettings {
    let path = path.into();
    let mut settings = DriverSettings::new("test");
    settings.datapath = DatapathChoice::Require(match path {
        Path::Socket => Datapath::Socket,
        Path::UringDefault | Path::UringRing => Datapath::Uring,
        Path::Xdp => Datapath::Xdp,
    });
    if path == Path::UringRing {
        settings.uring.hot_receive = HotReceive::Ring;
        settings.uring.send = SendVia::Ring;
        (settings.uring.gso, settings.uring.gro) = (false, false);
    }
    settings.threading = threading;
    settings.term_buffer_bytes = 64 * 1024;
    settings.initial_window_bytes = 32 * 1024;
    settings.image_liveness_timeout_ms = 1_000;
    settings.publication_connection_timeout_ms = 1_000;
    settings.publication_linger_ms = 500;
    settings.timer_interval_ms = 20;
    settings
}

pub fn transport(settings: &DriverSettings) -> AeronTransport {
    AeronTransport::embed(settings, ClientSettings::default()).expect("a transport starts")
}

/// A port that was free a moment ago. Not one that the kernel would give to a socket which asks for
/// any: other tests' sockets do that meanwhile.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Other processes that run these tests begin elsewhere.
    let first = std::process::id().wrapping_mul(97);
    for _ in 0..10_000 {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (first.wrapping_add(u32::from(n)) % 20_000) as u16;
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}

pub fn unicast() -> String {
    format!("aeron:udp?endpoint=127.0.0.1:{}", free_port())
}

pub fn multicast() -> String {
    // Of the organisation-local scope, as the port alone tells streams of one group apart.
    format!("aeron:udp?endpoint=239.192.77.1:{}|interface=127.0.0.1|ttl=0", free_port())
}

/// Drives `transports` until `done` says so; panics when it takes too long.
pub fn drive(what: &str, transports: &mut [&mut AeronTransport], mut done: impl FnMut() -> bool) {
    let clock = Clock::new();
    while !done() {
        let work: usize =
            transports.iter_mut().map(|t| t.do_work().expect("the transport works")).sum();
        if work == 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
        assert!(clock.mono_ns() < PATIENCE_NS, "{what}: gave up after {PATIENCE_NS} ns");
    }
}

/// Drives `transports` for `duration`.
pub fn drive_for(duration: Duration, transports: &mut [&mut AeronTransport]) {
    let clock = Clock::new();
    drive("time passes", transports, || u128::from(clock.mono_ns()) > duration.as_nanos());
}

/// An input, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Joined(ImageId, i64),
    Message(ImageId, i64, Vec<u8>),
    Lost(ImageId, i64, bool),
}

pub fn keep(input: Input<'_>) -> Seen {
    match input {
        Input::Joined { image, position } => Seen::Joined(image, position.0),
        Input::Fragment(f) => Seen::Message(f.image, f.position.0, f.bytes.to_vec()),
        Input::Lost { image, position, end_of_stream } => {
            Seen::Lost(image, position.0, end_of_stream)
        }
    }
}

/// Polls once and keeps what comes.
pub fn poll_into(subscription: &mut AeronSubscription, seen: &mut Vec<Seen>) {
    subscription.poll(64, &mut |input| {
        seen.push(keep(input));
        Flow::Taken
    });
}

pub fn message(n: u64) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    bytes
}

/// The numbers in the messages of `seen`, in order.
pub fn numbers(seen: &[Seen]) -> Vec<u64> {
    seen.iter()
        .filter_map(|seen| match seen {
            Seen::Message(_, _, bytes) => bytes.first_chunk().map(|n| u64::from_le_bytes(*n)),
            _ => None,
        })
        .collect()
}
