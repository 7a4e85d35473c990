//! From the rings to the sockets: whose frame it is, and where it waits until that one polls.
//!
//! Several drivers, each with a poller for its senders and one for its receivers, on one thread or on
//! several, share the rings of an interface. Whoever polls takes in what has come for all, and puts
//! what is another's into that one's inbox.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::counters::XdpCounters;
use super::headers::{Incoming, Mac, Refused, parse};
use super::queue::{BATCH_MAX, HELD_MAX, Queue};
use super::umem::Frame;
use crate::ReceiveLoss;

/// What one poller may leave lying, in datagrams: half of all, so that it can not starve the rest.
pub(super) const INBOX_MAX: usize = HELD_MAX / 2;

/// Who polls: an opaque name.
pub(super) type Poller = usize;
/// Whose datagram it is: an opaque name that came with the socket.
pub(super) type Token = usize;

/// An address and port as one number.
pub(super) fn number_of(address: SocketAddrV4) -> u64 {
    u64::from(address.ip().to_bits()) << 16 | u64::from(address.port())
}

/// A socket that is received for.
pub(super) struct Port {
    /// Names it; unique for ever.
    pub(super) id: u64,
    pub(super) poller: Poller,
    pub(super) token: Token,
    pub(super) loss: Option<ReceiveLoss>,
    /// What it is known by.
    pub(super) addresses: Vec<SocketAddrV4>,
}

/// A datagram that waits for its reader; to be given back.
#[must_use = "give it back, or its frame is never used again"]
pub(super) struct Arrival {
    port: u64,
    queue: usize,
    frame: Frame,
    datagram: Incoming,
    pub(super) token: Token,
}

impl Arrival {
    pub(super) fn from(&self) -> SocketAddrV4 {
        self.datagram.from
    }

    /// For Aeron, which may write to it.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        let at = self.datagram.payload_at;
        &mut self.frame.bytes_mut()[at..][..self.datagram.payload_bytes]
    }
}

struct Inbox {
    poller: Poller,
    arrivals: VecDeque<Arrival>,
}

/// The rings of an interface, and who reads from them.
pub(super) struct Demux {
    mac: Mac,
    queues: Vec<Queue>,
    /// The address of each port, and which port; searched from the front, as there are few.
    lines: Vec<(u64, usize)>,
    ports: Vec<Port>,
    inboxes: Vec<Inbox>,
    held: usize,
    random: u64,
}

impl Demux {
    pub(super) fn new(mac: Mac, queues: Vec<Queue>) -> Self {
        Self {
            mac,
            queues,
            lines: Vec::new(),
            ports: Vec::new(),
            inboxes: Vec::new(),
            held: 0,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The queue that is sent from.
    pub(super) fn sending(&mut self) -> &mut Queue {
        &mut self.queues[0]
    }

    /// Receives for `port` from now on.
    pub(super) fn add(&mut self, port: Port) {
        let is_known = self.inboxes.iter().any(|inbox| inbox.poller == port.poller);
        if !is_known {
            let arrivals = VecDeque::with_capacity(INBOX_MAX);
            self.inboxes.push(Inbox { poller: port.poller, arrivals });
        }
        self.ports.push(port);
        self.index();
    }

    /// No longer; what waits for it is dropped. Returns it.
    pub(super) fn remove(&mut self, id: u64) -> Option<Port> {
        let place = self.ports.iter().position(|port| port.id == id)?;
        let port = self.ports.swap_remove(place);
        self.index();
        for at in 0..self.inboxes.len() {
            // In order, and each once.
            for _ in 0..self.inboxes[at].arrivals.len() {
                match self.inboxes[at].arrivals.pop_front() {
                    Some(arrival) if arrival.port == id => self.give_back(arrival),
                    Some(arrival) => self.inboxes[at].arrivals.push_back(arrival),
                    None => break,
                }
            }
        }
        Some(port)
    }

    /// Ends everything of `poller`; returns its ports.
    pub(super) fn remove_poller(&mut self, poller: Poller) -> Vec<Port> {
        let ids: Vec<u64> =
            self.ports.iter().filter(|port| port.poller == poller).map(|port| port.id).collect();
        let ports = ids.into_iter().filter_map(|id| self.remove(id)).collect();
        self.inboxes.retain(|inbox| inbox.poller != poller);
        ports
    }

    fn index(&mut self) {
        self.lines.clear();
        for (place, port) in self.ports.iter().enumerate() {
            self.lines.extend(port.addresses.iter().map(|address| (number_of(*address), place)));
        }
    }

    /// Takes in what has come, for every poller; unless `poller`, which asks, has a poll's worth in
    /// its inbox already: then the rings keep it for now, as they hold more than inboxes do.
    pub(super) fn receive(&mut self, poller: Poller, counters: &XdpCounters) {
        let inbox = self.inboxes.iter().find(|inbox| inbox.poller == poller);
        if inbox.is_some_and(|inbox| inbox.arrivals.len() >= BATCH_MAX) {
            return;
        }
        for queue in 0..self.queues.len() {
            self.queues[queue].receive();
            while let Some(frame) = self.queues[queue].next() {
                self.route(queue, frame, counters);
            }
            if self.queues[queue].post() {
                counters.fill_kicks.one();
            }
        }
    }

    /// The next datagram for `poller`.
    pub(super) fn next(&mut self, poller: Poller) -> Option<Arrival> {
        let inbox = self.inboxes.iter_mut().find(|inbox| inbox.poller == poller)?;
        inbox.arrivals.pop_front()
    }

    pub(super) fn give_back(&mut self, arrival: Arrival) {
        self.held -= 1;
        self.queues[arrival.queue].give_back(arrival.frame);
    }

    fn route(&mut self, queue: usize, frame: Frame, counters: &XdpCounters) {
        let datagram = match parse(frame.bytes(), self.mac) {
            Ok(datagram) => datagram,
            Err(refused) => {
                match refused {
                    Refused::Malformed => counters.drops_malformed.one(),
                    Refused::NotToUs => counters.drops_not_to_us.one(),
                    Refused::Checksum => counters.drops_checksum.one(),
                    Refused::Source => counters.drops_source.one(),
                }
                return self.queues[queue].give_back(frame);
            }
        };
        let number = number_of(datagram.to);
        let Some(first) = self.lines.iter().position(|(line, _)| *line == number) else {
            counters.drops_unknown_port.one();
            return self.queues[queue].give_back(frame);
        };
        // A group may have several readers in one process: all but one get a copy.
        for line in first + 1..self.lines.len() {
            if self.lines[line].0 == number {
                match self.queues[queue].copy_of(&frame) {
                    Some(copy) => self.put(self.lines[line].1, queue, copy, datagram, counters),
                    None => counters.drops_inbox_full.one(),
                }
            }
        }
        self.put(self.lines[first].1, queue, frame, datagram, counters);
    }

    fn put(
        &mut self,
        port: usize,
        queue: usize,
        frame: Frame,
        datagram: Incoming,
        counters: &XdpCounters,
    ) {
        if self.drops_for_drill(port) {
            counters.drops_drill.one();
            return self.queues[queue].give_back(frame);
        }
        let Port { id, poller, token, .. } = self.ports[port];
        let inbox = self.inboxes.iter_mut().find(|inbox| inbox.poller == poller);
        match inbox {
            Some(inbox) if self.held < HELD_MAX && inbox.arrivals.len() < INBOX_MAX => {
                self.held += 1;
                inbox.arrivals.push_back(Arrival { port: id, queue, frame, datagram, token });
            }
            _ => {
                counters.drops_inbox_full.one();
                self.queues[queue].give_back(frame);
            }
        }
    }

    fn drops_for_drill(&mut self, port: usize) -> bool {
        let Some(loss) = self.ports[port].loss.as_ref().map(ReceiveLoss::get) else { return false };
        // xorshift64: any noise will do.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / ((1_u64 << 53) as f64) < loss
    }
}

impl Drop for Demux {
    fn drop(&mut self) {
        for at in 0..self.inboxes.len() {
            while let Some(arrival) = self.inboxes[at].arrivals.pop_front() {
                self.give_back(arrival);
            }
        }
    }
}

/// The addresses by which a socket is known that is bound to `ip`: all of the interface's where that
/// is none.
pub(super) fn addresses_of(ip: Ipv4Addr, port: u16, ours: &[Ipv4Addr]) -> Vec<SocketAddrV4> {
    match ip.is_unspecified() {
        true => ours.iter().map(|ip| SocketAddrV4::new(*ip, port)).collect(),
        false if ip.is_multicast() || ours.contains(&ip) => vec![SocketAddrV4::new(ip, port)],
        false => Vec::new(),
    }
}
