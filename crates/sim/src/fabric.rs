//! Nodes and the packets between them.

use std::collections::BTreeMap;
use std::rc::Rc;

use vesta_types::state_hash::hash_words;

use crate::{Random, SimClock, SimConfig};

/// A simulated host with one driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SenderId(pub(crate) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReceiverId(pub(crate) u64);

/// What travels between a sender and a receiver. `attempt` counts a receiver's images of one
/// sender, so that packets of an earlier one are known for what they are.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    // Sender -> receiver
    /// "I live, and have sent up to `position`."
    Heartbeat { position: i64, end_of_stream: bool },
    /// "Your image begins at `position`."
    Setup { attempt: u64, position: i64 },
    /// One message; `position` is after it.
    Data { attempt: u64, position: i64, bytes: Rc<[u8]> },
    /// "I do not know you any more": the image can not go on.
    Gone { attempt: u64 },
    // Receiver -> sender
    /// "I hear you, and have no image of you."
    Elicit { attempt: u64 },
    /// "I have consumed up to `position`."
    Status { attempt: u64, position: i64 },
    /// "Do not count me any more."
    Leave { attempt: u64 },
}

impl Packet {
    /// Kind and position, for the trace.
    fn words(&self) -> [u64; 2] {
        match *self {
            Self::Heartbeat { position, end_of_stream } => {
                [u64::from(end_of_stream), position as u64]
            }
            Self::Setup { position, .. } => [2, position as u64],
            Self::Data { position, .. } => [3, position as u64],
            Self::Gone { attempt } => [4, attempt],
            Self::Elicit { attempt } => [5, attempt],
            Self::Status { position, .. } => [6, position as u64],
            Self::Leave { attempt } => [7, attempt],
        }
    }

    /// Whether it is repaired when the network loses it; the others are sent again anyway.
    const fn is_repaired(&self) -> bool {
        matches!(self, Self::Setup { .. } | Self::Data { .. })
    }
}

/// A packet with its addresses.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) sender: SenderId,
    pub(crate) receiver: ReceiverId,
    pub(crate) packet: Packet,
}

#[derive(Debug, Default)]
struct Node {
    is_killed: bool,
    cut_until_ns: u64,
    /// Packets on their way here, by arrival and then by order of sending.
    inbox: BTreeMap<(u64, u64), Envelope>,
}

/// The network itself: who is alive, who is cut off, what is on its way.
#[derive(Debug)]
pub(crate) struct Fabric {
    pub(crate) config: SimConfig,
    pub(crate) clock: SimClock,
    random: Random,
    nodes: Vec<Node>,
    sent_count: u64,
    trace: u64,
}

impl Fabric {
    pub(crate) fn new(config: SimConfig) -> Self {
        config.check();
        let random = Random::new(config.seed);
        let clock = SimClock::default();
        Self { config, clock, random, nodes: Vec::new(), sent_count: 0, trace: config.seed }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        self.trace
    }

    pub(crate) fn add_node(&mut self) -> NodeId {
        self.nodes.push(Node::default());
        NodeId(self.nodes.len() - 1)
    }

    pub(crate) fn kill(&mut self, node: NodeId) {
        self.nodes[node.0].is_killed = true;
        self.nodes[node.0].inbox.clear();
    }

    pub(crate) fn is_killed(&self, node: NodeId) -> bool {
        self.nodes[node.0].is_killed
    }

    pub(crate) fn cut_off(&mut self, node: NodeId, until_ns: u64) {
        self.nodes[node.0].cut_until_ns = until_ns;
    }

    /// Whether nothing passes between the two now. A node always reaches itself.
    pub(crate) fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        let cut = |node: NodeId| self.now_ns() < self.nodes[node.0].cut_until_ns;
        a != b && (cut(a) || cut(b))
    }

    /// Sends a packet. `not_before_ns` is the arrival of the last packet that this one may not
    /// overtake, and becomes this one's.
    pub(crate) fn post_in_order(&mut self, envelope: Envelope, not_before_ns: &mut u64) {
        let latency_ns =
            self.random.between(self.config.latency_min_ns, self.config.latency_max_ns);
        let mut arrival_ns = (self.now_ns() + latency_ns).max(*not_before_ns);
        let is_lost = self.random.chance(self.config.loss_ppm);
        if is_lost && envelope.packet.is_repaired() {
            arrival_ns += self.config.repair_ns;
        }
        *not_before_ns = arrival_ns;
        let is_dropped =
            !envelope.packet.is_repaired() && (is_lost || self.is_cut(envelope.from, envelope.to));
        let to = &mut self.nodes[envelope.to.0];
        if !is_dropped && !to.is_killed {
            to.inbox.insert((arrival_ns, self.sent_count), envelope);
        }
        self.sent_count += 1;
    }

    /// Sends a packet that may overtake others.
    pub(crate) fn post(&mut self, envelope: Envelope) {
        self.post_in_order(envelope, &mut 0);
    }

    /// The packets that have arrived at `node`, in order. Those of a repaired kind wait while the
    /// path is cut; the others are lost then.
    pub(crate) fn take_arrived(&mut self, node: NodeId) -> Vec<Envelope> {
        let now_ns = self.now_ns();
        let due: Vec<_> = self.nodes[node.0]
            .inbox
            .range(..=(now_ns, u64::MAX))
            .filter(|(_, e)| !(e.packet.is_repaired() && self.is_cut(e.from, e.to)))
            .map(|(&key, _)| key)
            .collect();
        let inbox = &mut self.nodes[node.0].inbox;
        let mut arrived: Vec<_> = due.iter().filter_map(|key| inbox.remove(key)).collect();
        arrived.retain(|e| !self.is_cut(e.from, e.to));
        for e in &arrived {
            let [kind, position] = e.packet.words();
            let (from, to) = (e.from.0 as u64, e.to.0 as u64);
            let path = [from, to, e.sender.0, e.receiver.0];
            self.trace = hash_words(&[self.trace, now_ns, hash_words(&path), kind, position]);
        }
        arrived
    }
}
