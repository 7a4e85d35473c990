//! A publication's side in its node: window, readers, heartbeats, closing.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use vesta_transport::{OfferError, StreamId};
use vesta_types::StreamPosition;

use crate::FlowControl;
use crate::config::framed_len;
use crate::fabric::{Envelope, Fabric, NodeId, Packet, ReceiverId, SenderId};

/// A reader that a sender counts.
#[derive(Debug)]
struct Peer {
    node: NodeId,
    attempt: u64,
    /// How far it has consumed.
    position: i64,
    heard_ns: u64,
    /// Arrival of the last packet sent to it, which later ones may not overtake.
    not_before_ns: u64,
}

#[derive(Debug)]
pub(crate) struct Sender {
    id: SenderId,
    pub(crate) node: NodeId,
    channel: String,
    stream: StreamId,
    /// After the last message taken.
    position: i64,
    /// Taken, not sent yet; each with the position after it.
    unsent: VecDeque<(i64, Rc<[u8]>)>,
    peers: BTreeMap<ReceiverId, Peer>,
    next_heartbeat_ns: u64,
    closed_ns: Option<u64>,
}

impl Sender {
    pub(crate) fn new(id: SenderId, node: NodeId, channel: &str, stream: StreamId) -> Self {
        Self {
            id,
            node,
            channel: channel.to_owned(),
            stream,
            position: 0,
            unsent: VecDeque::new(),
            peers: BTreeMap::new(),
            next_heartbeat_ns: 0,
            closed_ns: None,
        }
    }

    pub(crate) fn reader_count(&self) -> usize {
        self.peers.len()
    }

    /// Where it publishes.
    pub(crate) fn stream_key(&self) -> (&str, StreamId) {
        (&self.channel, self.stream)
    }

    pub(crate) fn offer(
        &mut self,
        bytes: &[u8],
        fabric: &Fabric,
    ) -> Result<StreamPosition, OfferError> {
        assert!(!bytes.is_empty(), "an empty message is the caller's bug");
        let len_max = fabric.config.message_len_max;
        if bytes.len() > len_max {
            return Err(OfferError::TooLong { len: bytes.len(), len_max });
        }
        if self.closed_ns.is_some() || fabric.is_killed(self.node) {
            return Err(OfferError::Closed);
        }
        let consumed = self.peers.values().map(|peer| peer.position);
        let consumed = match fabric.config.flow_control {
            FlowControl::Slowest => consumed.min(),
            FlowControl::Fastest => consumed.max(),
        };
        let Some(consumed) = consumed else { return Err(OfferError::NotConnected) };
        let after = self.position + framed_len(bytes.len(), fabric.config.fragment_len_max);
        if after > consumed + fabric.config.window_bytes {
            return Err(OfferError::BackPressured);
        }
        self.position = after;
        self.unsent.push_back((after, bytes.into()));
        Ok(StreamPosition(after))
    }

    pub(crate) fn close(&mut self, now_ns: u64) {
        self.closed_ns = Some(now_ns);
        // Says so at once, not only at the next heartbeat.
        self.next_heartbeat_ns = now_ns;
    }

    /// True once a closed sender has nobody left to tell.
    pub(crate) fn is_done(&self, fabric: &Fabric) -> bool {
        self.closed_ns.is_some_and(|closed_ns| {
            let is_over = fabric.now_ns() - closed_ns > fabric.config.connection_timeout_ns;
            self.unsent.is_empty() && (self.peers.is_empty() || is_over)
        })
    }

    pub(crate) fn on_packet(
        &mut self,
        from: NodeId,
        receiver: ReceiverId,
        packet: &Packet,
        fabric: &mut Fabric,
    ) {
        let now_ns = fabric.now_ns();
        let known = self.peers.get(&receiver).map(|peer| peer.attempt);
        match *packet {
            Packet::Elicit { attempt } => {
                let is_repeated = known.is_some_and(|known| known >= attempt);
                if self.closed_ns.is_some() || is_repeated {
                    return;
                }
                // Its image begins behind what was sent, so that it misses nothing that follows.
                let position = self.sent_position(fabric.config.fragment_len_max);
                let peer =
                    Peer { node: from, attempt, position, heard_ns: now_ns, not_before_ns: 0 };
                self.peers.insert(receiver, peer);
                self.send_to_peer(receiver, Packet::Setup { attempt, position }, fabric);
            }
            Packet::Status { attempt, position } if known == Some(attempt) => {
                if let Some(peer) = self.peers.get_mut(&receiver) {
                    peer.position = peer.position.max(position);
                    peer.heard_ns = now_ns;
                }
            }
            Packet::Status { attempt, .. } => {
                fabric.post(self.envelope(from, receiver, Packet::Gone { attempt }));
            }
            Packet::Leave { attempt } if known == Some(attempt) => {
                self.peers.remove(&receiver);
            }
            Packet::Leave { .. } => {}
            Packet::Heartbeat { .. }
            | Packet::Setup { .. }
            | Packet::Data { .. }
            | Packet::Gone { .. } => unreachable!("only receivers get {packet:?}"),
        }
    }

    /// Sends what waits, and heartbeats to `audience`: every receiver of the stream. Returns how
    /// many packets it sent.
    pub(crate) fn do_work(
        &mut self,
        audience: &[(ReceiverId, NodeId)],
        fabric: &mut Fabric,
    ) -> usize {
        let now_ns = fabric.now_ns();
        let timeout_ns = fabric.config.connection_timeout_ns;
        self.peers.retain(|_, peer| now_ns - peer.heard_ns <= timeout_ns);

        let mut sent = 0;
        let receivers: Vec<_> = self.peers.keys().copied().collect();
        for (position, bytes) in std::mem::take(&mut self.unsent) {
            for &receiver in &receivers {
                let attempt = self.peers[&receiver].attempt;
                let packet = Packet::Data { attempt, position, bytes: Rc::clone(&bytes) };
                self.send_to_peer(receiver, packet, fabric);
                sent += 1;
            }
        }
        if now_ns >= self.next_heartbeat_ns {
            self.next_heartbeat_ns = now_ns + fabric.config.heartbeat_ns;
            let end_of_stream = self.closed_ns.is_some();
            for &(receiver, node) in audience {
                let packet = Packet::Heartbeat { position: self.position, end_of_stream };
                fabric.post(self.envelope(node, receiver, packet));
                sent += 1;
            }
        }
        sent
    }

    /// Where sending has got to: before the first message that waits.
    fn sent_position(&self, fragment_len_max: usize) -> i64 {
        match self.unsent.front() {
            Some((after, bytes)) => after - framed_len(bytes.len(), fragment_len_max),
            None => self.position,
        }
    }

    fn send_to_peer(&mut self, receiver: ReceiverId, packet: Packet, fabric: &mut Fabric) {
        let Some(peer) = self.peers.get(&receiver) else { return };
        let (node, mut not_before_ns) = (peer.node, peer.not_before_ns);
        fabric.post_in_order(self.envelope(node, receiver, packet), &mut not_before_ns);
        if let Some(peer) = self.peers.get_mut(&receiver) {
            peer.not_before_ns = not_before_ns;
        }
    }

    fn envelope(&self, to: NodeId, receiver: ReceiverId, packet: Packet) -> Envelope {
        Envelope { from: self.node, to, sender: self.id, receiver, packet }
    }
}
