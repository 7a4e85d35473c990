//! Questions to the kernel about interfaces, addresses, routes and neighbours (rtnetlink).
//!
//! ```text
//!   message:  | length 4 | type 2 | flags 2 | sequence 4 | port 4 | body of the type | attributes |
//!   attribute: | length 2 | type 2 | value, padded to 4 |
//! ```
//!
//! One socket, one question at a time. It belongs to the network namespace of the thread that opens
//! it, like everything else here.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::headers::Mac;

const HEADER_BYTES: usize = 16;
/// Enough for a part of any answer; the kernel cuts long ones into parts.
const ANSWER_BYTES: usize = 32 * 1024;
/// An answer that did not come within this is an error. The kernel answers within the call.
const ANSWER_MAX_S: i64 = 2;

/// Bodies, whose fields we set by place: `ifinfomsg`, `ifaddrmsg`, `rtmsg`, `ndmsg`.
const LINK_BODY_BYTES: usize = 16;
const ADDRESS_BODY_BYTES: usize = 8;
const ROUTE_BODY_BYTES: usize = 12;
const NEIGHBOUR_BODY_BYTES: usize = 12;

const LINK_MAC: u16 = 1;
const LINK_NAME: u16 = 3;
const LINK_MTU: u16 = 4;
const LINK_XDP: u16 = 43 | NESTED;
const NESTED: u16 = 1 << 15;
const XDP_FD: u16 = 1;
const XDP_ATTACHED: u16 = 2;
const XDP_FLAGS: u16 = 3;
const XDP_PROGRAM_ID: u16 = 4;
const ADDRESS_LOCAL: u16 = 2;
const ROUTE_DESTINATION: u16 = 1;
const ROUTE_INTERFACE: u16 = 4;
const ROUTE_GATEWAY: u16 = 5;
const ROUTE_SOURCE: u16 = 7;
const NEIGHBOUR_DESTINATION: u16 = 1;
const NEIGHBOUR_MAC: u16 = 2;

/// Ask the kernel to use a neighbour, as a datagram to it would: it resolves or confirms it.
const NEIGHBOUR_USE: u8 = 1;
/// States in which a neighbour's address may be used.
const NEIGHBOUR_VALID: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) mac: Option<Mac>,
    pub(super) mtu_bytes: usize,
    pub(super) is_up: bool,
    pub(super) is_loopback: bool,
    /// The XDP program on it, and in which mode it runs (`XDP_ATTACHED_*`).
    pub(super) program: Option<(u32, u8)>,
}

/// An IPv4 address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) interface: u32,
    pub(super) ip: Ipv4Addr,
}

/// Where the kernel would send a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// To another host: not to ourselves, and not to all.
    pub(super) is_unicast: bool,
    pub(super) interface: u32,
    pub(super) gateway: Option<Ipv4Addr>,
    pub(super) source: Option<Ipv4Addr>,
}

/// What there is to hear about: links, addresses, routes and neighbours that change.
pub(super) const CHANGES: u32 =
    (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV4_ROUTE | libc::RTMGRP_NEIGH)
        as u32;

/// A netlink socket.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    answer: Vec<u8>,
}

impl Netlink {
    /// `groups`: 0 to ask, [`CHANGES`] to listen.
    pub(super) fn open(groups: u32) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: makes a new descriptor, which is then ours.
        let socket = unsafe {
            let fd = libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        // SAFETY: all-zero is a valid address; it and the time-out outlive the calls.
        unsafe {
            let mut address: libc::sockaddr_nl = std::mem::zeroed();
            address.nl_family = libc::AF_NETLINK as u16;
            address.nl_groups = groups;
            let length = size_of::<libc::sockaddr_nl>() as u32;
            if libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) < 0 {
                return Err(io::Error::last_os_error());
            }
            let wait = libc::timeval { tv_sec: ANSWER_MAX_S, tv_usec: 0 };
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const wait).cast(),
                size_of::<libc::timeval>() as u32,
            );
        }
        Ok(Self { socket, sequence: 0, answer: vec![0; ANSWER_BYTES] })
    }

    /// All interfaces.
    pub(super) fn links(&mut self) -> io::Result<Vec<Link>> {
        let mut links = Vec::new();
        let question = Question::new(libc::RTM_GETLINK, &[0; LINK_BODY_BYTES]).dump();
        self.ask(question, |body| links.extend(link_of(body)))?;
        Ok(links)
    }

    /// The IPv4 addresses of all interfaces.
    pub(super) fn addresses(&mut self) -> io::Result<Vec<Address>> {
        let mut addresses = Vec::new();
        let mut body = [0; ADDRESS_BODY_BYTES];
        body[0] = libc::AF_INET as u8;
        let question = Question::new(libc::RTM_GETADDR, &body).dump();
        self.ask(question, |body| {
            let Some((head, rest)) = body.split_first_chunk::<ADDRESS_BODY_BYTES>() else { return };
            let interface = u32_at(head, 4);
            let ip = attribute(rest, ADDRESS_LOCAL).and_then(ip_of);
            addresses.extend(ip.map(|ip| Address { interface, ip }));
        })?;
        Ok(addresses)
    }

    /// How the kernel would reach `destination`; an error where it would not.
    pub(super) fn route(&mut self, destination: Ipv4Addr) -> io::Result<Route> {
        let mut body = [0; ROUTE_BODY_BYTES];
        body[0] = libc::AF_INET as u8;
        body[1] = 32;
        let question = Question::new(libc::RTM_GETROUTE, &body)
            .attribute(ROUTE_DESTINATION, &destination.octets());
        let mut route = None;
        self.ask(question, |body| {
            let Some((head, rest)) = body.split_first_chunk::<ROUTE_BODY_BYTES>() else { return };
            let Some(interface) = attribute(rest, ROUTE_INTERFACE) else { return };
            route = Some(Route {
                is_unicast: head[7] == libc::RTN_UNICAST,
                interface: u32_at(interface, 0),
                gateway: attribute(rest, ROUTE_GATEWAY).and_then(ip_of),
                source: attribute(rest, ROUTE_SOURCE).and_then(ip_of),
            });
        })?;
        route.ok_or_else(|| io::ErrorKind::NetworkUnreachable.into())
    }

    /// The Ethernet address of `ip` on the link, if the kernel knows a valid one.
    pub(super) fn neighbour(&mut self, interface: u32, ip: Ipv4Addr) -> Option<Mac> {
        let question = neighbour_question(libc::RTM_GETNEIGH, interface, ip, 0);
        let mut mac = None;
        let asked = self.ask(question, |body| {
            let Some((head, rest)) = body.split_first_chunk::<NEIGHBOUR_BODY_BYTES>() else {
                return;
            };
            let state = u16::from_ne_bytes([head[8], head[9]]);
            if state & NEIGHBOUR_VALID != 0 {
                mac = attribute(rest, NEIGHBOUR_MAC).and_then(mac_of);
            }
        });
        asked.ok().and(mac)
    }

    /// Has the kernel find `ip` on the link, or make sure that it is still there.
    pub(super) fn use_neighbour(&mut self, interface: u32, ip: Ipv4Addr) -> io::Result<()> {
        let flags = (libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE) as u16;
        let question = neighbour_question(libc::RTM_NEWNEIGH, interface, ip, NEIGHBOUR_USE);
        self.ask(question.flags(flags), |_| ())
    }

    /// Takes an XDP program off that no link holds. `flags`: `XDP_FLAGS_*_MODE`.
    pub(super) fn detach_program(&mut self, interface: u32, flags: u32) -> io::Result<()> {
        self.set_program(interface, -1, flags)
    }

    /// Puts the program behind a descriptor on an interface (or, with -1, none) until it is taken
    /// off: unlike a link it stays when we are gone, so this is not how we attach ours.
    pub(super) fn set_program(&mut self, interface: u32, fd: RawFd, flags: u32) -> io::Result<()> {
        let mut body = [0; LINK_BODY_BYTES];
        body[4..8].copy_from_slice(&interface.to_ne_bytes());
        let mut nested = Vec::new();
        push_attribute(&mut nested, XDP_FD, &fd.to_ne_bytes());
        push_attribute(&mut nested, XDP_FLAGS, &flags.to_ne_bytes());
        let question = Question::new(libc::RTM_SETLINK, &body)
            .flags(libc::NLM_F_ACK as u16)
            .attribute(LINK_XDP, &nested);
        self.ask(question, |_| ())
    }

    /// Takes in what was heard, without waiting; true if there was anything (or too much to tell).
    pub(super) fn heard(&mut self) -> bool {
        let mut any = false;
        loop {
            // SAFETY: the buffer is writable for its length.
            let received = unsafe {
                libc::recv(
                    self.socket.as_raw_fd(),
                    self.answer.as_mut_ptr().cast(),
                    self.answer.len(),
                    libc::MSG_DONTWAIT,
                )
            };
            match received {
                1.. => any = true,
                // The kernel dropped some: so there was something.
                _ if io::Error::last_os_error().raw_os_error() == Some(libc::ENOBUFS) => any = true,
                _ => return any,
            }
        }
    }

    /// Sends a question and hands the body of each message of the answer to `on_body`.
    fn ask(&mut self, question: Question, mut on_body: impl FnMut(&[u8])) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let message = question.finish(self.sequence);
        // SAFETY: the message is readable for its length.
        let sent = unsafe {
            libc::send(self.socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0)
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        loop {
            // SAFETY: the buffer is writable for its length.
            let received = unsafe {
                libc::recv(
                    self.socket.as_raw_fd(),
                    self.answer.as_mut_ptr().cast(),
                    self.answer.len(),
                    0,
                )
            };
            let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
            let mut rest = &self.answer[..received];
            while rest.len() >= HEADER_BYTES {
                let length = (u32_at(rest, 0) as usize).clamp(HEADER_BYTES, rest.len());
                let kind = u16::from_ne_bytes([rest[4], rest[5]]);
                let flags = u16::from_ne_bytes([rest[6], rest[7]]);
                let body = &rest[HEADER_BYTES..length];
                let is_ours = u32_at(rest, 8) == self.sequence;
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                match i32::from(kind) {
                    _ if !is_ours => {}
                    libc::NLMSG_DONE => return Ok(()),
                    libc::NLMSG_ERROR => {
                        return match u32_at(body, 0) as i32 {
                            0 => Ok(()),
                            code => Err(io::Error::from_raw_os_error(-code)),
                        };
                    }
                    _ => {
                        on_body(body);
                        if flags & libc::NLM_F_MULTI as u16 == 0 {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }
}

impl AsRawFd for Netlink {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// A message in the making.
struct Question(Vec<u8>);

impl Question {
    fn new(kind: u16, body: &[u8]) -> Self {
        let mut message = vec![0; HEADER_BYTES];
        message[4..6].copy_from_slice(&kind.to_ne_bytes());
        message[6..8].copy_from_slice(&(libc::NLM_F_REQUEST as u16).to_ne_bytes());
        message.extend(body);
        Self(message)
    }

    fn flags(mut self, flags: u16) -> Self {
        let all = flags | libc::NLM_F_REQUEST as u16;
        self.0[6..8].copy_from_slice(&all.to_ne_bytes());
        self
    }

    fn dump(self) -> Self {
        self.flags(libc::NLM_F_DUMP as u16)
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        push_attribute(&mut self.0, kind, value);
        self
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[0..4].copy_from_slice(&length.to_ne_bytes());
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.0
    }
}

fn neighbour_question(kind: u16, interface: u32, ip: Ipv4Addr, flags: u8) -> Question {
    let mut body = [0; NEIGHBOUR_BODY_BYTES];
    body[0] = libc::AF_INET as u8;
    body[4..8].copy_from_slice(&interface.to_ne_bytes());
    body[10] = flags;
    Question::new(kind, &body).attribute(NEIGHBOUR_DESTINATION, &ip.octets())
}

fn push_attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = (4 + value.len()) as u16;
    to.extend(length.to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
}

/// The value of the first attribute of `kind`, whether or not it is marked as nested.
fn attribute(mut attributes: &[u8], kind: u16) -> Option<&[u8]> {
    while attributes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([attributes[0], attributes[1]]));
        let found = u16::from_ne_bytes([attributes[2], attributes[3]]);
        let value = attributes.get(4..length)?;
        if found & !NESTED == kind & !NESTED {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

fn link_of(body: &[u8]) -> Option<Link> {
    let (head, rest) = body.split_first_chunk::<LINK_BODY_BYTES>()?;
    let flags = u32_at(head, 8) as i32;
    let name = attribute(rest, LINK_NAME)?;
    let xdp = attribute(rest, LINK_XDP);
    let id = xdp.and_then(|xdp| attribute(xdp, XDP_PROGRAM_ID)).map(|id| u32_at(id, 0));
    let mode = xdp.and_then(|xdp| attribute(xdp, XDP_ATTACHED)?.first().copied());
    Some(Link {
        index: u32_at(head, 4),
        name: String::from_utf8_lossy(name).trim_end_matches('\0').to_owned(),
        mac: attribute(rest, LINK_MAC).and_then(mac_of),
        mtu_bytes: attribute(rest, LINK_MTU).map_or(0, |mtu| u32_at(mtu, 0) as usize),
        is_up: flags & libc::IFF_UP != 0,
        is_loopback: flags & libc::IFF_LOOPBACK != 0,
        program: id.zip(mode),
    })
}

fn mac_of(bytes: &[u8]) -> Option<Mac> {
    bytes.try_into().ok().map(Mac)
}

fn ip_of(bytes: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

/// The number at `at`, or 0 where the bytes end before.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_of_the_loopback_interface() -> io::Result<()> {
        let mut netlink = Netlink::open(0)?;
        let links = netlink.links()?;
        let lo = links.iter().find(|link| link.is_loopback).expect("every namespace has one");
        assert_eq!((lo.name.as_str(), lo.index, lo.program), ("lo", 1, None));
        let route = netlink.route(Ipv4Addr::LOCALHOST)?;
        assert!(!route.is_unicast, "{route:?}");
        assert_eq!(route.interface, lo.index);
        assert_eq!(netlink.neighbour(lo.index, Ipv4Addr::new(198, 51, 100, 1)), None);
        Ok(())
    }

    #[test]
    fn attributes_are_found_and_a_cut_one_is_none() {
        let mut bytes = Vec::new();
        push_attribute(&mut bytes, 5, &[1]);
        push_attribute(&mut bytes, LINK_XDP, &[2, 3, 4, 5]);
        assert_eq!(attribute(&bytes, 5), Some(&[1][..]));
        assert_eq!(attribute(&bytes, 43), Some(&[2, 3, 4, 5][..]));
        assert_eq!(attribute(&bytes, 6), None);
        assert_eq!(attribute(&bytes[..bytes.len() - 1], 43), None);
        assert_eq!(attribute(&[0, 0, 5, 0, 1], 5), None, "a length of zero ends the walk");
    }
}
