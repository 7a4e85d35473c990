//! Plain datagrams with the faults of a real network.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use vesta_transport::{DatagramSocket, SendOutcome, TransportError};
use vesta_types::state_hash::hash_words;

use crate::fabric::NodeId;
use crate::{DatagramFaults, Random, SimConfig, SimNetwork};

/// The longest UDP payload over IPv4: 65,535 less 20 bytes of IP and 8 of UDP header.
const DATAGRAM_LEN_MAX: usize = 65_507;

/// A bound socket of a simulated node. Dropping it closes it. A datagram to an address that nobody
/// is bound to is `Sent`, and lost, as over a real network.
#[derive(Debug)]
pub struct SimDatagrams {
    network: SimNetwork,
    node: NodeId,
    address: SocketAddr,
}

impl SimDatagrams {
    pub(crate) fn new(network: SimNetwork, node: NodeId, address: SocketAddr) -> Self {
        Self { network, node, address }
    }

    /// Where it is bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl DatagramSocket for SimDatagrams {
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let state = &mut *self.network.state.borrow_mut();
        let now_ns = state.fabric.now_ns();
        let (from, bytes) = state.datagrams.receive(self.node, self.address, now_ns)?;
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        Some((bytes.len(), from))
    }

    fn send(&mut self, datagram: &[u8], to: SocketAddr) -> SendOutcome {
        let state = &mut *self.network.state.borrow_mut();
        let now_ns = state.fabric.now_ns();
        let is_cut =
            state.datagrams.node_at(to).is_some_and(|node| state.fabric.is_cut(self.node, node));
        if state.fabric.is_killed(self.node) || datagram.len() > DATAGRAM_LEN_MAX {
            return SendOutcome::Refused;
        }
        state.datagrams.send(self.address, to, datagram, is_cut, now_ns)
    }
}

impl Drop for SimDatagrams {
    fn drop(&mut self) {
        self.network.state.borrow_mut().datagrams.close(self.node, self.address);
    }
}

#[derive(Debug)]
struct Socket {
    node: NodeId,
    /// Source and bytes, by arrival and then by order of sending.
    inbox: BTreeMap<(u64, u64), (SocketAddr, Vec<u8>)>,
}

/// Every socket, and what is on its way to it. It has a random source of its own, so that a
/// client's datagrams do not change what befalls the streams.
#[derive(Debug)]
pub(crate) struct DatagramFabric {
    faults: DatagramFaults,
    random: Random,
    sockets: BTreeMap<SocketAddr, Socket>,
    sent_count: u64,
    trace: u64,
}

impl DatagramFabric {
    pub(crate) fn new(config: &SimConfig) -> Self {
        // Any constant does that makes it another sequence than that of the streams.
        let random = Random::new(config.seed ^ 0x6461_7461_6772_616d);
        let faults = config.datagrams;
        Self { faults, random, sockets: BTreeMap::new(), sent_count: 0, trace: 0 }
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        self.trace
    }

    pub(crate) fn bind(&mut self, node: NodeId, address: SocketAddr) -> Result<(), TransportError> {
        if self.sockets.contains_key(&address) {
            return Err(TransportError(format!("address {address} is taken")));
        }
        self.sockets.insert(address, Socket { node, inbox: BTreeMap::new() });
        Ok(())
    }

    pub(crate) fn node_at(&self, address: SocketAddr) -> Option<NodeId> {
        self.sockets.get(&address).map(|socket| socket.node)
    }

    /// Only the socket's own node: the address may have been taken by another since.
    pub(crate) fn close(&mut self, node: NodeId, address: SocketAddr) {
        if self.node_at(address) == Some(node) {
            self.sockets.remove(&address);
        }
    }

    pub(crate) fn close_all(&mut self, node: NodeId) {
        self.sockets.retain(|_, socket| socket.node != node);
    }

    fn send(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        is_cut: bool,
        now_ns: u64,
    ) -> SendOutcome {
        if self.random.chance(self.faults.full_ppm) {
            return SendOutcome::Full;
        }
        let copies = 1 + u32::from(self.random.chance(self.faults.duplicate_ppm));
        for _ in 0..copies {
            let is_lost = self.random.chance(self.faults.loss_ppm) || is_cut;
            let latency_ns =
                self.random.between(self.faults.latency_min_ns, self.faults.latency_max_ns);
            let Some(socket) = self.sockets.get_mut(&to) else { continue };
            if !is_lost && socket.inbox.len() < self.faults.queue_max {
                let key = (now_ns + latency_ns, self.sent_count);
                socket.inbox.insert(key, (from, bytes.to_vec()));
            }
            self.sent_count += 1;
        }
        SendOutcome::Sent
    }

    fn receive(
        &mut self,
        node: NodeId,
        address: SocketAddr,
        now_ns: u64,
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let socket = self.sockets.get_mut(&address).filter(|socket| socket.node == node)?;
        let first = socket.inbox.first_entry().filter(|first| first.key().0 <= now_ns)?;
        let (_, serial) = *first.key();
        let (from, bytes) = first.remove();
        let arrival = [self.trace, now_ns, serial, u64::from(address.port()), bytes.len() as u64];
        self.trace = hash_words(&arrival);
        Some((from, bytes))
    }
}
