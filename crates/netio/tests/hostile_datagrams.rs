//! A driver at work under datagrams of every frame type, from somebody who knows its ports, its
//! streams and even the session of its publisher: it does not end, does not grow, counts what it
//! dropped, and serves those who mean well. A binary of its own: it looks at the memory of the whole
//! process.

mod hostile;
mod support;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use hostile::{Known, Seeded, datagram};
use support::{
    Path, STREAM, datapaths, drive, drive_for, free_port, message, numbers, poll_into, settings,
    transport,
};
use vesta_netio::{AeronTransport, Clock, SourceNetwork, Threading};
use vesta_transport::{Duty, Flow, Input, Publication, Subscription, Transport};

/// Datagrams of one run. The fuzz target goes on for as long as it is let.
const DATAGRAMS: usize = 30_000;
/// Between two looks of the driver: fewer than a socket's buffer holds.
const BURST: usize = 50;
/// What the process may grow by: images that strangers are allowed, and room for the allocator.
const GROWTH_BYTES_MAX: usize = 24 << 20;

fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = text.split(' ').nth(1).expect("a field").parse().expect("a number");
    pages * 4096
}

/// A driver with a publication and a subscription by unicast, and another by MDC.
struct Target {
    transport: AeronTransport,
    settings: vesta_netio::DriverSettings,
}

impl Target {
    fn new(path: Path, sources: Vec<SourceNetwork>) -> Self {
        let mut settings = settings(path, Threading::Invoker);
        settings.publishers_max = 8;
        settings.gate.term_length_max = settings.term_buffer_bytes;
        settings.gate.sources = sources;
        Self { transport: transport(&settings), settings }
    }

    /// Lets the driver take in a burst: a few datagrams in each of its cycles.
    fn digest(&mut self) {
        for _ in 0..2 * BURST {
            self.transport.do_work().expect("the driver works on");
        }
    }

    /// Bytes of the files that the driver made.
    fn file_bytes(&self) -> u64 {
        let directory = self.transport.with_driver(|d| d.directory().to_owned()).expect("embedded");
        let mut bytes = 0;
        for place in [directory.clone(), directory.join("images"), directory.join("publications")] {
            for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
                bytes +=
                    entry.metadata().map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 });
            }
        }
        bytes
    }
}

/// One run against a driver on `path`, by the publisher's own session if it was `overheard`.
fn under_attack(path: Path, overheard: bool) {
    let mut target = Target::new(path, Vec::new());
    let (data_port, control_port) = (free_port(), free_port());
    let unicast = format!("aeron:udp?endpoint=127.0.0.1:{data_port}");
    let control = format!("control=127.0.0.1:{control_port}|control-mode=dynamic");
    let transport = &mut target.transport;
    let mut reader = transport.add_subscription(&unicast, STREAM).expect("a subscription");
    let mut publisher = transport.add_publication(&unicast, STREAM).expect("a publication");
    let to_many = format!("aeron:udp?{control}|fc=max");
    let fan_out = transport.add_publication(&to_many, STREAM).expect("a publication");
    let from_one = format!("aeron:udp?endpoint=127.0.0.1:0|{control}");
    let mut fan_in = transport.add_subscription(&from_one, STREAM).expect("a subscription");
    drive("connected", &mut [transport], || publisher.is_connected() && fan_out.is_connected());

    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let ports = [data_port, control_port].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let known = Known {
        stream_id: STREAM.0,
        session_id: if overheard { publisher.session_id() } else { 77 },
        initial_term_id: publisher.initial_term_id(),
        term_length: 64 * 1024,
    };
    let mut source = Seeded(if overheard { 1 } else { 2 });
    let mut seen = Vec::new();
    let (mut resident, mut files, mut sent, mut offered) = (0, 0, 0, 0_u64);
    let clock = Clock::new();
    while sent < DATAGRAMS {
        for _ in 0..BURST {
            let bytes = datagram(&mut source, known);
            // Also to where the publisher listens for status messages and NAKs.
            let _ = stranger.send_to(&bytes, ports[sent % 2]);
            sent += 1;
        }
        target.digest();
        poll_into(&mut reader, &mut seen);
        poll_into(&mut fan_in, &mut Vec::new());
        if publisher.offer(&message(offered)).is_ok() {
            offered += 1;
        }
        // Images that strangers are allowed have been made by then, and go again by time-out.
        if sent == DATAGRAMS / 3 {
            (resident, files) = (resident_bytes(), target.file_bytes());
        }
        assert!(clock.mono_ns() < support::PATIENCE_NS, "it takes too long");
    }
    let grown = resident_bytes().saturating_sub(resident);
    assert!(grown < GROWTH_BYTES_MAX, "grew by {grown} bytes");
    let log = vesta_netio::DriverSettings::log_bytes(target.settings.term_buffer_bytes);
    let bound = files + 2 * 8 * log;
    assert!(
        target.file_bytes() <= bound,
        "{} bytes of files, {bound} at most",
        target.file_bytes()
    );

    let dropped = target.transport.with_driver(|driver| driver.dropped()).expect("embedded");
    assert!(dropped.long_terms > 100, "{dropped:?}");
    assert!(target.transport.malformed_count() > 1_000, "{}", target.transport.malformed_count());
    if !overheard {
        // A stranger who can not name the session is in nobody's way.
        assert!(offered > 100, "{offered} messages were taken");
        drive("everything arrives", &mut [&mut target.transport], || {
            poll_into(&mut reader, &mut seen);
            numbers(&seen).iter().filter(|n| **n < offered).count() >= offered as usize
        });
    }
}

#[test]
fn a_driver_outlives_hostile_datagrams() {
    for path in datapaths() {
        for overheard in [false, true] {
            under_attack(path, overheard);
        }
        strangers_are_not_let_in(path);
        messages_that_never_end_hold_no_poll(path);
    }
}

/// A frame of a stranger's stream, whose session and first term are known.
fn frame(kind: u16, flags: u8, len: usize, term_offset: usize) -> Vec<u8> {
    let mut frame = vec![0; len];
    let words = [len as u32, 0, term_offset as u32, 5, STREAM.0 as u32, 0];
    for (at, word) in words.iter().enumerate() {
        frame[4 * at..4 * at + 4].copy_from_slice(&word.to_le_bytes());
    }
    frame[5] = flags;
    frame[6..8].copy_from_slice(&kind.to_le_bytes());
    frame
}

/// A stream of first fragments without a last: a poll takes some of them and returns, and what comes
/// after them is still read.
fn messages_that_never_end_hold_no_poll(path: Path) {
    const TERM_LENGTH: u32 = 256 << 10;
    /// Of a frame with one byte, aligned.
    const FRAME_LEN: usize = 64;
    const FRAMES_PER_DATAGRAM: usize = 22;
    // More of them than one poll takes, and less than the window.
    const FLOOD: usize = 80 * FRAMES_PER_DATAGRAM;
    let mut settings = settings(path, Threading::Invoker);
    settings.initial_window_bytes = 128 << 10;
    let mut driven = transport(&settings);
    let port = free_port();
    let channel = format!("aeron:udp?endpoint=127.0.0.1:{port}");
    let mut reader = driven.add_subscription(&channel, STREAM).expect("a subscription");
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let send = |bytes: &[u8]| {
        stranger.send_to(bytes, ("127.0.0.1", port)).expect("sent");
    };

    let mut setup = frame(0x05, 0, 40, 0);
    setup[28..32].copy_from_slice(&TERM_LENGTH.to_le_bytes());
    setup[32..36].copy_from_slice(&1408_u32.to_le_bytes());
    drive("joined", &mut [&mut driven], || {
        send(&setup);
        reader.poll(1, &mut |_| Flow::Taken) == 1
    });
    // What waits behind those set-ups must not be lost: nobody would repair it.
    drive_for(Duration::from_millis(100), &mut [&mut driven]);
    let one = |nth: usize, flags: u8| {
        let mut one = frame(0x01, flags, 33, nth * FRAME_LEN);
        one.resize(FRAME_LEN, 0);
        one
    };
    for first in (0..FLOOD).step_by(FRAMES_PER_DATAGRAM) {
        let frames = (first..first + FRAMES_PER_DATAGRAM).flat_map(|nth| one(nth, 0x80));
        send(&frames.collect::<Vec<_>>());
        for _ in 0..4 {
            driven.do_work().expect("the driver works on");
        }
    }
    send(&one(FLOOD, 0xc0));
    drive_for(Duration::from_millis(50), &mut [&mut driven]);

    let (mut polls, mut messages) = (0, 0);
    drive("what comes after them is read", &mut [&mut driven], || {
        polls += 1;
        reader.poll(4, &mut |input| {
            messages += usize::from(matches!(input, Input::Fragment(_)));
            Flow::Taken
        });
        messages > 0
    });
    assert_eq!(messages, 1);
    assert!(polls > 1, "one poll took {FLOOD} fragments");
}

/// With a list of sources, nothing of anybody else reaches the driver. Loopback is always let in: the
/// stranger is this host under another address of its own.
fn strangers_are_not_let_in(path: Path) {
    let Some(stranger) = other_address_of_this_host() else {
        eprintln!(
            "no other address than loopback's: the list of sources is tested by its unit alone"
        );
        return;
    };
    let SocketAddr::V4(own) = stranger.local_addr().expect("bound") else { return };
    // Its neighbour is listed, and it is not.
    let neighbour = (u32::from(*own.ip()) ^ 1).into();
    let list = vec![SourceNetwork { address: neighbour, prefix_bits: 32 }];
    let mut target = Target::new(path, list);
    let port = free_port();
    let channel = format!("aeron:udp?endpoint=0.0.0.0:{port}");
    let _reader = target.transport.add_subscription(&channel, STREAM).expect("a subscription");
    let to = SocketAddr::from((*own.ip(), port));
    let known =
        Known { stream_id: STREAM.0, session_id: 1, initial_term_id: 0, term_length: 65_536 };
    let mut source = Seeded(3);
    let before = target.file_bytes();
    for _ in 0..20 {
        for _ in 0..BURST {
            stranger.send_to(&datagram(&mut source, known), to).expect("sent");
        }
        target.digest();
    }
    let dropped = || target.transport.with_driver(|driver| driver.dropped()).expect("embedded");
    assert_eq!(dropped().unlisted, 1_000);
    assert_eq!((target.transport.malformed_count(), target.file_bytes()), (0, before));
}

/// A socket at an address of this host that is not loopback's.
fn other_address_of_this_host() -> Option<UdpSocket> {
    // Connecting sends nothing: it asks the routing table.
    let probe = UdpSocket::bind("0.0.0.0:0").ok()?;
    probe.connect("192.0.2.1:9").ok()?;
    let address = probe.local_addr().ok()?.ip();
    (!address.is_loopback()).then(|| UdpSocket::bind((address, 0)).ok())?
}
