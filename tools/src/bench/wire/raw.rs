//! The floor: the same bytes through plain UDP sockets, with the same schedule.

use super::probe::Schedule;
use super::replies::Script;
use super::{RAW_GROUPS, RAW_PORTS, Side};
use crate::bench::BenchError;
use crate::bench::worker::Parent;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

/// What Aeron puts in front of a message, bytes, and to what it rounds up.
const AERON_HEADER_LEN: usize = 32;
const AERON_ALIGNMENT: usize = 32;
/// Longest datagram of ours.
const LEN_MAX: usize = 2_048;
/// Says that there is nobody yet to answer: sent until something comes back.
const HELLO: u64 = u64::MAX;
/// Looks at the socket between two hellos.
const HELLO_LOOKS: u32 = 20_000;

/// A socket of one end, and where the other end listens.
struct Ends {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Ends {
    /// `own` is this end's place among ports and groups.
    fn open(side: &Side, own: usize) -> Result<Self, BenchError> {
        Self::bind(side, own).map_err(|error| BenchError::not_started("raw UDP", error))
    }

    fn bind(side: &Side, own: usize) -> std::io::Result<Self> {
        let address =
            |host: Ipv4Addr, at: usize| SocketAddr::V4(SocketAddrV4::new(host, RAW_PORTS[at]));
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        let to = if side.multicast {
            socket.bind(&address(RAW_GROUPS[own], own).into())?;
            socket.join_multicast_v4(&RAW_GROUPS[own], &side.own)?;
            socket.set_multicast_if_v4(&side.own)?;
            socket.set_multicast_loop_v4(true)?;
            address(RAW_GROUPS[1 - own], 1 - own)
        } else {
            socket.bind(&address(side.own, own).into())?;
            address(side.peer, 1 - own)
        };
        socket.set_nonblocking(true)?;
        Ok(Self { socket: socket.into(), to })
    }

    fn send(&self, number: u64, len: usize, bytes: &mut [u8; LEN_MAX]) -> bool {
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        self.socket.send_to(&bytes[..len.min(LEN_MAX)], self.to).is_ok()
    }

    fn receive(&self, bytes: &mut [u8; LEN_MAX]) -> Result<Option<u64>, BenchError> {
        match self.socket.recv_from(bytes) {
            Ok((len, _)) if len >= 8 => {
                Ok(bytes.first_chunk().map(|number| u64::from_le_bytes(*number)))
            }
            Ok(_) => Ok(None),
            // The other end's port is not open yet: its host says so.
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(BenchError::broke("raw UDP", error)),
        }
    }
}

/// What a message takes on the wire under Aeron.
const fn on_wire(len: usize) -> usize {
    (len + AERON_HEADER_LEN).next_multiple_of(AERON_ALIGNMENT)
}

fn script(side: &Side) -> Result<Script, BenchError> {
    let config = side.config()?;
    let frame_len_max = config.transport.mtu_bytes as usize - AERON_HEADER_LEN;
    Script::new(&config, side.seed, frame_len_max)
}

/// Times datagrams there and back.
pub(super) fn probe(parent: &Parent, side: &Side) -> Result<(), BenchError> {
    let script = script(side)?;
    let ends = Ends::open(side, 0)?;
    let mut bytes = [0; LEN_MAX];
    let mut looks = 0_u32;
    while ends.receive(&mut bytes)? != Some(HELLO) {
        if looks.is_multiple_of(HELLO_LOOKS) {
            ends.send(HELLO, 8, &mut bytes);
        }
        looks += 1;
        if parent.stop().is_stopped() {
            return Err(BenchError::Interrupted);
        }
    }
    let first = script.definition_count() + 1;
    let len = |number: u64| on_wire(script.reply(first + number).record_frame_len);
    let mut schedule = Schedule::new(side);
    schedule.begin();
    while !schedule.is_done(parent)? {
        if let Some(number) = schedule.due()
            && ends.send(number, len(number), &mut bytes)
        {
            schedule.sent();
        }
        while let Some(number) = ends.receive(&mut bytes)? {
            if number != HELLO {
                schedule.answered(number);
            }
        }
    }
    parent.tell(&schedule.found(0));
    Ok(())
}

/// Answers each datagram.
pub(super) fn answer(parent: &Parent, side: &Side) -> Result<(), BenchError> {
    let script = script(side)?;
    let first = script.definition_count() + 1;
    let ends = Ends::open(side, 1)?;
    parent.tell(&"ready");
    let mut bytes = [0; LEN_MAX];
    while !parent.stop().is_stopped() {
        while let Some(number) = ends.receive(&mut bytes)? {
            let len = match number {
                HELLO => 8,
                _ => on_wire(script.reply(first + number).frame_len),
            };
            ends.send(number, len, &mut bytes);
        }
    }
    Ok(())
}
