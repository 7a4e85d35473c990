//! The network as its users hold it, and the duty cycle of one node.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use vesta_transport::{StreamId, TransportError};

use crate::datagrams::DatagramFabric;
use crate::fabric::{Envelope, Fabric, NodeId, Packet, ReceiverId, SenderId};
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::{SimClock, SimConfig, SimDatagrams, SimTransport};

/// A simulated network. Clones are handles to the same one; for one thread.
#[derive(Clone, Debug)]
pub struct SimNetwork {
    pub(crate) state: Rc<RefCell<State>>,
}

impl SimNetwork {
    /// An empty network at time 0.
    ///
    /// # Panics
    /// When the settings contradict each other.
    #[must_use]
    pub fn new(config: SimConfig) -> Self {
        let fabric = Fabric::new(config);
        let datagrams = DatagramFabric::new(&config);
        let state = State {
            fabric,
            datagrams,
            senders: BTreeMap::new(),
            receivers: BTreeMap::new(),
            next_id: 1,
            next_image: 1,
        };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// The clock of every node; who holds it moves the time.
    #[must_use]
    pub fn clock(&self) -> SimClock {
        self.state.borrow().fabric.clock.clone()
    }

    /// Adds a node, and returns its transport. A node that is dropped is killed.
    #[must_use]
    pub fn add_node(&self) -> SimTransport {
        let node = self.state.borrow_mut().fabric.add_node();
        SimTransport::new(self.clone(), node)
    }

    /// Ends a node as a crash would: what it had not sent is gone, what is on its way arrives. Its
    /// publications refuse with `Closed`, its subscriptions deliver nothing more, its sockets are
    /// closed.
    pub fn kill(&self, node: NodeId) {
        let state = &mut *self.state.borrow_mut();
        state.fabric.kill(node);
        state.senders.retain(|_, sender| sender.node != node);
        state.receivers.retain(|_, receiver| receiver.node != node);
        state.datagrams.close_all(node);
    }

    /// Cuts a node off from all others until the time `until_ns` (`u64::MAX`: until it is
    /// [healed](Self::heal)). Streams stall, and go on where they were if it ends within the
    /// timeouts; otherwise images are lost and joined again, late. Datagrams sent meanwhile are lost.
    pub fn cut_off(&self, node: NodeId, until_ns: u64) {
        self.state.borrow_mut().fabric.cut_off(node, until_ns);
    }

    /// Ends a cut now.
    pub fn heal(&self, node: NodeId) {
        self.cut_off(node, 0);
    }

    /// Opens a datagram socket on `node`.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn bind(&self, node: NodeId, address: SocketAddr) -> Result<SimDatagrams, TransportError> {
        self.state.borrow_mut().datagrams.bind(node, address)?;
        Ok(SimDatagrams::new(self.clone(), node, address))
    }

    /// A hash over every packet and datagram that has arrived until now: equal for equal runs.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        let state = self.state.borrow();
        vesta_types::state_hash::hash_words(&[
            state.fabric.trace_hash(),
            state.datagrams.trace_hash(),
        ])
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) fabric: Fabric,
    pub(crate) datagrams: DatagramFabric,
    senders: BTreeMap<SenderId, Sender>,
    receivers: BTreeMap<ReceiverId, Receiver>,
    next_id: u64,
    next_image: i64,
}

impl State {
    pub(crate) fn add_sender(&mut self, node: NodeId, channel: &str, stream: StreamId) -> SenderId {
        let id = SenderId(self.take_id());
        self.senders.insert(id, Sender::new(id, node, channel, stream));
        id
    }

    pub(crate) fn add_receiver(
        &mut self,
        node: NodeId,
        channel: &str,
        stream: StreamId,
    ) -> ReceiverId {
        let id = ReceiverId(self.take_id());
        self.receivers.insert(id, Receiver::new(id, node, channel, stream));
        id
    }

    /// The sender and what it sends through; none once its node was killed.
    pub(crate) fn sender(&mut self, id: SenderId) -> Option<(&mut Sender, &mut Fabric)> {
        Some((self.senders.get_mut(&id)?, &mut self.fabric))
    }

    /// None once its node was killed.
    pub(crate) fn receiver(&mut self, id: ReceiverId) -> Option<&mut Receiver> {
        self.receivers.get_mut(&id)
    }

    /// One duty cycle of a node's driver: what has arrived, then what is to be sent.
    pub(crate) fn do_work(&mut self, node: NodeId) -> Result<usize, TransportError> {
        if self.fabric.is_killed(node) {
            return Err(TransportError(format!("node {} was killed", node.0)));
        }
        let arrived = self.fabric.take_arrived(node);
        let mut work = arrived.len();
        arrived.into_iter().for_each(|envelope| self.on_packet(envelope));

        for sender in self.senders.values_mut().filter(|sender| sender.node == node) {
            let audience: Vec<_> = self
                .receivers
                .iter()
                .filter(|(_, receiver)| receiver.is_of(sender.stream_key()))
                .map(|(&id, receiver)| (id, receiver.node))
                .collect();
            work += sender.do_work(&audience, &mut self.fabric);
        }
        self.senders.retain(|_, sender| sender.node != node || !sender.is_done(&self.fabric));
        for receiver in self.receivers.values_mut().filter(|receiver| receiver.node == node) {
            work += receiver.do_work(&mut self.fabric);
        }
        self.receivers.retain(|_, receiver| receiver.node != node || !receiver.is_closed);
        Ok(work)
    }

    fn on_packet(&mut self, envelope: Envelope) {
        let Envelope { from, sender, receiver, packet, .. } = envelope;
        match packet {
            Packet::Elicit { .. } | Packet::Status { .. } | Packet::Leave { .. } => {
                if let Some(state) = self.senders.get_mut(&sender) {
                    state.on_packet(from, receiver, &packet, &mut self.fabric);
                }
            }
            Packet::Heartbeat { .. }
            | Packet::Setup { .. }
            | Packet::Data { .. }
            | Packet::Gone { .. } => {
                if let Some(state) = self.receivers.get_mut(&receiver) {
                    let next_image = &mut self.next_image;
                    state.on_packet(from, sender, packet, next_image, &mut self.fabric);
                }
            }
        }
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }
}
