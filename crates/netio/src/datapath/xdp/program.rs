//! The program that the interface runs on every frame: what is ours goes to our ring, all else to
//! the kernel, as if we were not there.
//!
//! ```text
//!   Ethernet, with a priority tag or none  ->  IPv4 without options, no fragment  ->  UDP
//!       -> (destination address, port) is in the table of our sockets
//!       -> the queue that it came in on has a ring of ours              else: PASS
//! ```
//!
//! So ARP, ICMP, IGMP, TCP, IPv6, the UDP of others, fragments (which only the kernel puts together
//! again) and frames of a VLAN (another interface's) never wait for us. A frame that is cut short or
//! lies about its lengths is not judged here: it is passed, or it is refused and counted where it is
//! received.

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::AsRawFd;

use super::assembler::{Assembler, Instruction, Label, Register, Width};
use super::bpf::{Map, Program, XDP_PASS};

/// How the kernel names it: by this we know our own, in `bpftool` and in a later start.
pub(super) const NAME: &str = "vesta_redirect";
/// Sockets of one process on one interface; a venue uses some ten.
const ADDRESS_COUNT_MAX: u32 = 1024;

/// Helpers of the kernel (`enum bpf_func_id`).
const MAP_LOOKUP: i32 = 1;
const REDIRECT_MAP: i32 = 51;

/// `struct xdp_md`.
const DATA: i16 = 0;
const DATA_END: i16 = 4;
const RX_QUEUE_INDEX: i16 = 16;

/// Where things are in an untagged frame.
const ETHER_TYPE: i16 = 12;
const TAG: i16 = 14;
const TAGGED_ETHER_TYPE: i16 = 16;
const TAG_BYTES: i32 = 4;
const IP_VERSION_AND_LENGTH: i16 = 14;
const IP_FRAGMENT: i16 = 20;
const IP_PROTOCOL: i16 = 23;
const IP_DESTINATION: i16 = 30;
const UDP_DESTINATION: i16 = 36;
const HEADERS_BYTES: i32 = 42;

/// A key: address and port as they are on the wire, and two bytes of nothing.
pub(super) type Key = [u8; 8];

/// The key of a socket.
pub(super) fn key_of(address: SocketAddrV4) -> Key {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    [a, b, c, d, high, low, 0, 0]
}

/// The program and its tables, loaded.
#[derive(Debug)]
pub(super) struct Redirect {
    pub(super) program: Program,
    addresses: Map,
    rings: Map,
}

impl Redirect {
    /// Loads it for an interface with `queue_count` receive queues. It does nothing yet: attach it.
    pub(super) fn load(queue_count: u32) -> io::Result<Self> {
        let addresses = Map::hash("vesta_addresses", size_of::<Key>(), 4, ADDRESS_COUNT_MAX)?;
        let rings = Map::of_xdp_sockets("vesta_rings", queue_count)?;
        let code = assemble(addresses.as_raw_fd(), rings.as_raw_fd());
        let program = Program::load_xdp(NAME, &code)?;
        Ok(Self { program, addresses, rings })
    }

    /// Takes what is for `key` from now on.
    pub(super) fn take(&self, key: Key) -> io::Result<()> {
        self.addresses.set(&key, &[1, 0, 0, 0])
    }

    /// Leaves it to the kernel again.
    pub(super) fn leave(&self, key: Key) -> io::Result<()> {
        self.addresses.remove(&key)
    }

    /// What comes in on `queue` goes to the AF_XDP `socket`, which is bound to that queue.
    pub(super) fn set_ring(&self, queue: u32, socket: &impl AsRawFd) -> io::Result<()> {
        self.rings.set(&queue.to_ne_bytes(), &socket.as_raw_fd().to_ne_bytes())
    }
}

/// A program that takes nothing.
#[cfg(test)]
pub(super) fn pass_all() -> Vec<Instruction> {
    let mut code = Assembler::default();
    code.set(Register::R0, XDP_PASS);
    code.exit();
    code.finish()
}

/// A 16-bit number of the wire as a load of two bytes sees it.
const fn wire(value: u16) -> i32 {
    value.to_be() as i32
}

fn assemble(addresses: i32, rings: i32) -> Vec<Instruction> {
    use Register::{R0, R1, R2, R3, R4, R5, R6, Stack};
    const ETHER_IPV4: u16 = 0x0800;
    const ETHER_VLAN: u16 = 0x8100;
    const VLAN_ID: u16 = 0x0fff;
    const IPV4_NO_OPTIONS: i32 = 0x45;
    /// More fragments, or an offset; not "don't fragment".
    const FRAGMENT: u16 = 0x3fff;
    const UDP: i32 = 17;

    let mut code = Assembler::default();
    let (mut pass, mut ip) = (Label::default(), Label::default());

    code.copy(R6, R1);
    code.load(Width::Word, R2, R1, DATA);
    code.load(Width::Word, R3, R1, DATA_END);
    code.copy(R4, R2);
    code.add(R4, HEADERS_BYTES);
    code.jump_if_above(R4, R3, &mut pass);
    code.load(Width::Half, R5, R2, ETHER_TYPE);
    code.jump_if_equal(R5, wire(ETHER_IPV4), &mut ip);
    code.jump_if_not(R5, wire(ETHER_VLAN), &mut pass);
    // A tag with VLAN 0 is a priority and nothing else.
    code.load(Width::Half, R5, R2, TAG);
    code.and(R5, wire(VLAN_ID));
    code.jump_if_not(R5, 0, &mut pass);
    code.load(Width::Half, R5, R2, TAGGED_ETHER_TYPE);
    code.jump_if_not(R5, wire(ETHER_IPV4), &mut pass);
    code.add(R2, TAG_BYTES);
    // The verifier wants the bound of the moved pointer, on both ways to here.
    code.copy(R4, R2);
    code.add(R4, HEADERS_BYTES);
    code.jump_if_above(R4, R3, &mut pass);
    code.place(ip);

    code.load(Width::Byte, R5, R2, IP_VERSION_AND_LENGTH);
    code.jump_if_not(R5, IPV4_NO_OPTIONS, &mut pass);
    code.load(Width::Half, R5, R2, IP_FRAGMENT);
    code.and(R5, wire(FRAGMENT));
    code.jump_if_not(R5, 0, &mut pass);
    code.load(Width::Byte, R5, R2, IP_PROTOCOL);
    code.jump_if_not(R5, UDP, &mut pass);

    // The key is made on the stack.
    code.load(Width::Word, R5, R2, IP_DESTINATION);
    code.store(Width::Word, Stack, -8, R5);
    code.load(Width::Half, R5, R2, UDP_DESTINATION);
    code.store(Width::Word, Stack, -4, R5);
    code.set_map(R1, addresses);
    code.copy(R2, Stack);
    code.add(R2, -8);
    code.call(MAP_LOOKUP);
    code.jump_if_equal(R0, 0, &mut pass);

    code.set_map(R1, rings);
    code.load(Width::Word, R2, R6, RX_QUEUE_INDEX);
    // The verdict where that queue has no ring of ours.
    code.set(R3, XDP_PASS);
    code.call(REDIRECT_MAP);
    code.exit();

    code.place(pass);
    code.set(R0, XDP_PASS);
    code.exit();
    code.finish()
}

#[cfg(test)]
mod tests {
    use super::super::bpf::XDP_REDIRECT;
    use super::super::headers::{Mac, Outgoing};
    use super::*;
    use xdp::socket::XdpSocketBuilder;

    const OURS: &str = "192.168.0.199:24010";

    /// The program with one address and one ring, or why it can not be had.
    fn loaded() -> Option<(Redirect, XdpSocketBuilder)> {
        let loaded = Redirect::load(1).and_then(|redirect| {
            let socket = XdpSocketBuilder::new().map_err(io::Error::other)?;
            redirect.take(key_of(OURS.parse().expect("an address")))?;
            redirect.set_ring(0, &socket)?;
            Ok((redirect, socket))
        });
        match loaded {
            Ok(loaded) => Some(loaded),
            Err(error) => {
                println!("SKIP xdp_program: {error} (needs root)");
                None
            }
        }
    }

    fn frame() -> Vec<u8> {
        let headers = Outgoing {
            mac_from: Mac([2, 0, 0, 0, 0, 9]),
            mac_to: Mac([2, 0, 0, 0, 0, 1]),
            from: "192.168.0.1:40000".parse().expect("an address"),
            to: OURS.parse().expect("an address"),
            type_of_service: 0,
            time_to_live: 64,
        };
        let mut frame = vec![0; 42 + 32];
        headers.write(&mut frame, &[7; 32]);
        frame
    }

    fn tagged(tag: u16, inner: u16) -> Vec<u8> {
        let mut frame = frame();
        let [high, low] = tag.to_be_bytes();
        frame[12..14].copy_from_slice(&inner.to_be_bytes());
        frame.splice(12..12, [0x81, 0x00, high, low]);
        frame
    }

    #[test]
    fn xdp_program_takes_what_is_ours_and_passes_everything_else() {
        let Some((redirect, _socket)) = loaded() else { return };
        let verdict = |frame: &[u8]| redirect.program.test_run(frame).expect("it runs");
        let changed = |at: usize, bytes: &[u8]| {
            let mut frame = frame();
            frame[at..][..bytes.len()].copy_from_slice(bytes);
            frame
        };
        let ours = [
            ("a datagram to our socket", frame()),
            ("the same with a priority tag", tagged(0xe000, 0x0800)),
            ("may not be fragmented", changed(20, &[0x40, 0])),
            ("may be", changed(20, &[0, 0])),
            // Judged and counted where it is received.
            ("a length beyond its end", changed(16, &[0xff, 0xff])),
            ("a wrong checksum", changed(40, &[1, 2])),
        ];
        for (what, frame) in ours {
            assert_eq!(verdict(&frame), XDP_REDIRECT, "{what}");
        }
        let others = [
            ("another port", changed(36, &[0x5d, 0xcb])),
            ("another address", changed(33, &[198])),
            ("TCP", changed(23, &[6])),
            ("ICMP", changed(23, &[1])),
            ("IGMP", changed(23, &[2])),
            ("ARP", changed(12, &[0x08, 0x06])),
            ("IPv6", changed(12, &[0x86, 0xdd])),
            ("IP options", changed(14, &[0x46])),
            ("IP version 6 in IPv4", changed(14, &[0x65])),
            ("the first fragment", changed(20, &[0x20, 0])),
            ("a later fragment", changed(20, &[0, 1])),
            ("the last fragment", changed(20, &[0x1f, 0xff])),
            ("a frame of a VLAN", tagged(7, 0x0800)),
            ("two tags", tagged(0, 0x8100)),
            ("a tagged ARP", tagged(0, 0x0806)),
        ];
        for (what, frame) in others {
            assert_eq!(verdict(&frame), XDP_PASS as u32, "{what}");
        }
        // The kernel runs no frame below an Ethernet header.
        for length in 14..42 {
            assert_eq!(verdict(&frame()[..length]), XDP_PASS as u32, "cut to {length} bytes");
        }
        for length in 18..46 {
            let frame = &tagged(0, 0x0800)[..length];
            assert_eq!(verdict(frame), XDP_PASS as u32, "tagged, cut to {length} bytes");
        }
        assert_eq!(verdict(&frame()[..42]), XDP_REDIRECT, "no payload");
    }

    #[test]
    fn xdp_program_passes_what_was_left_and_what_has_no_ring() {
        let Some((redirect, socket)) = loaded() else { return };
        let verdict = || redirect.program.test_run(&frame()).expect("it runs");
        assert_eq!(verdict(), XDP_REDIRECT);
        redirect.leave(key_of(OURS.parse().expect("an address"))).expect("it was there");
        assert_eq!(verdict(), XDP_PASS as u32);
        redirect.take(key_of(OURS.parse().expect("an address"))).expect("room");
        assert_eq!(verdict(), XDP_REDIRECT);
        // The kernel takes a closed socket out of the table.
        drop(socket);
        assert_eq!(verdict(), XDP_PASS as u32);
    }
}
