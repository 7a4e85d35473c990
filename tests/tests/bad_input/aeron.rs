//! Hostile bytes at the ports of the Aeron streams: unicast ends, multicast groups, and the groups
//! in which status messages travel. Frames are built by hand, from the protocol's layouts:
//!
//! ```text
//!   0            4       5       6    8
//!   | length i32 | version | flags | type u16 | ...
//!   data    | term offset | session | stream | term | reserved 8 | payload
//!   nak     | session | stream | term | term offset | length
//!   status  | session | stream | term | term offset | window | receiver id 8
//!   setup   | term offset | session | stream | initial term | active term | term length | mtu | ttl
//! ```

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};
use vesta_sim::Random;
use vesta_tests::client::{Client, bytes, trade};
use vesta_tests::roles::{Places, Venue};

const DATA: u16 = 1;
const NAK: u16 = 2;
const STATUS: u16 = 3;
const SETUP: u16 = 5;
/// The highest type that the protocol names, and a few beyond.
const TYPE_MAX: u16 = 12;

/// Random frames for each place: some thousands in all.
const FRAMES_PER_PLACE: usize = 700;
/// After so many datagrams the roles get a turn, or the kernel drops most of them unread.
const BURST: usize = 50;

/// Sends from loopback to hosts and groups alike.
fn sender() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("a socket");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a free port");
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).expect("loopback");
    socket
}

/// Where Aeron listens, each with its stream: the hosts, the groups, and the groups of status
/// messages, which have the next address.
fn places(places: &Places) -> Vec<(i32, SocketAddrV4)> {
    let mut all = vec![(10, places.orders()), (11, places.back())];
    for (stream, group) in places.groups() {
        let status = Ipv4Addr::from(u32::from(*group.ip()) + 1);
        all.extend([(stream, group), (stream, SocketAddrV4::new(status, group.port()))]);
    }
    all
}

fn frame(length: i32, kind: u16, version: u8, flags: u8, words: &[i32], more: usize) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend([version, flags]);
    bytes.extend(kind.to_le_bytes());
    for word in words {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(bytes.len() + more, 0x5a);
    bytes
}

/// Whatever breaks a rule of the protocol, one at a time; and well-formed frames of a publisher and
/// a reader that do not exist.
fn crafted(stream: i32) -> Vec<Vec<u8>> {
    let session = 0x7e57;
    let lengths = [i32::MIN, -1, 0, 1, 7, 8, 23, 31, 33, 40, 1_408, 65_536, i32::MAX];
    let mut frames = vec![Vec::new(), vec![0; 1], vec![0; 7], vec![0xff; 8]];
    let setup = |term_offset, initial, active, term_length, mtu| {
        [term_offset, session, stream, initial, active, term_length, mtu, 0]
    };
    let bodies: [(u16, Vec<i32>, usize); 4] = [
        (DATA, vec![0, session, stream, 3, 0, 0], 32),
        (NAK, vec![session, stream, 3, 0, 64], 0),
        (STATUS, vec![session, stream, 3, 0, 1 << 16, 1, 1], 0),
        (SETUP, setup(0, 3, 3, 1 << 16, 1_408).into(), 0),
    ];
    for (kind, words, more) in &bodies {
        let whole = frame(0, *kind, 0, 0, words, *more);
        for length in lengths {
            frames.push(frame(length, *kind, 0, 0xc0, words, *more));
        }
        for len in 0..whole.len() {
            frames.push(whole[..len].to_vec());
        }
        for version in [1, 0x7f, 0xff] {
            frames.push(frame(whole.len() as i32, *kind, version, 0, words, *more));
        }
        // Odd numbers in every field, one at a time.
        for at in 0..words.len() {
            for value in [i32::MIN, -1, 0, 1, i32::MAX] {
                let mut words = words.clone();
                // A term length of a gigabyte would be well-formed: Aeron then maps that much.
                words[at] = value;
                frames.push(frame(whole.len() as i32, *kind, 0, 0xff, &words, *more));
            }
        }
    }
    // Terms that are no power of two, too short, negative; an MTU of nothing and too long.
    for (term_length, mtu) in [
        (65_535, 1_408),
        (32, 1_408),
        (-65_536, 1_408),
        (1 << 16, 0),
        (1 << 16, -32),
        (1 << 16, 1 << 20),
    ] {
        frames.push(frame(40, SETUP, 0, 0, &setup(0, 3, 3, term_length, mtu), 0));
    }
    // A publisher that nobody knows: it sets up, sends, and is never heard of again.
    frames.push(frame(40, SETUP, 0, 0, &setup(0, 3, 3, 1 << 16, 1_408), 0));
    for term_offset in [0, 64, 1, -64, 1 << 16, i32::MAX] {
        frames.push(frame(64, DATA, 0, 0xc0, &[term_offset, session, stream, 3, 0, 0], 32));
    }
    frames
}

/// Noise, some of it with the header of a frame in front.
fn noise(random: &mut Random, stream: i32) -> Vec<u8> {
    let len = random.between(0, 1_500) as usize;
    let mut bytes: Vec<u8> = (0..len).map(|_| random.next_u64() as u8).collect();
    if len >= 40 && random.chance(700_000) {
        bytes[..4].copy_from_slice(&(len as i32).to_le_bytes());
        bytes[4] = 0;
        let kind = random.between(0, u64::from(TYPE_MAX)) as u16;
        bytes[6..8].copy_from_slice(&kind.to_le_bytes());
        let at = if kind == DATA || kind == SETUP { 16 } else { 12 };
        if random.chance(500_000) {
            bytes[at..at + 4].copy_from_slice(&stream.to_le_bytes());
        }
        if kind == SETUP {
            // Well-formed it would have Aeron map three terms of up to a gigabyte.
            bytes[28..32].copy_from_slice(&(1i32 << 16).to_le_bytes());
        }
    }
    bytes
}

fn attack(transport: &str) {
    let mut venue = Venue::start_with(transport, "");
    let gateway = venue.places().gateway();
    let (sender, places) = (sender(), places(venue.places()));
    let witness = Client::new(gateway, 30);
    let mut random = Random::new(0xae20);
    let mut client_seq = 0;
    for (stream, place) in places {
        let noise = (0..FRAMES_PER_PLACE).map(|_| noise(&mut random, stream));
        let frames: Vec<_> = crafted(stream).into_iter().chain(noise).collect();
        for burst in frames.chunks(BURST) {
            for frame in burst {
                sender.send_to(frame, &place.into()).expect("loopback takes any datagram");
            }
            client_seq += 1;
            let heard = witness.ask(&bytes(&witness.order(client_seq)));
            assert_eq!(heard.accepted().client_seq.get(), client_seq);
        }
    }
    // Time to give up the publisher that never existed.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    venue.assert_alive();
    trade(gateway);
    let _ = venue.end();
}

/// Short, so that the test sees what becomes of a forged publisher that goes silent; longer than a
/// busy machine keeps a role waiting.
const IMAGE_LIVENESS: &str = "image_liveness_timeout_ms = 2000\n";

#[test]
fn hostile_bytes_at_the_aeron_ports_on_uring() {
    attack(IMAGE_LIVENESS);
}

#[test]
fn hostile_bytes_at_the_aeron_ports_on_socket() {
    attack(&format!("{IMAGE_LIVENESS}datapath = \"socket\"\n"));
}
