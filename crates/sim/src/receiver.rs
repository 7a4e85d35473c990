//! A subscription's side in its node: its images, their buffers and their ends.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use vesta_transport::{Fragment, ImageId, Input, StreamId};
use vesta_types::StreamPosition;

use crate::SimConfig;
use crate::config::framed_len;
use crate::fabric::{Envelope, Fabric, NodeId, Packet, ReceiverId, SenderId};

/// A sender's stream as one receiver has it.
///
/// ```text
///   join position <= position (consumed) <= received position <= sender's position
///                                |---- buffer ----|
/// ```
#[derive(Debug)]
struct Image {
    id: ImageId,
    sender_node: NodeId,
    attempt: u64,
    is_join_taken: bool,
    position: i64,
    received_position: i64,
    buffer: VecDeque<(i64, Rc<[u8]>)>,
    heard_ns: u64,
    /// Fell a window behind: a hole that nobody repairs.
    is_overrun: bool,
    /// Set when nothing more comes; true for an end in good order.
    end: Option<bool>,
    stated_position: i64,
    next_status_ns: u64,
}

/// What a poll is to deliver next, owned, so that a handler may use the network meanwhile.
#[derive(Clone, Debug)]
pub(crate) enum Ready {
    Joined { image: ImageId, position: StreamPosition },
    Fragment { image: ImageId, position: StreamPosition, bytes: Rc<[u8]> },
    Lost { image: ImageId, position: StreamPosition, end_of_stream: bool },
}

impl Ready {
    pub(crate) fn input(&self) -> Input<'_> {
        match *self {
            Self::Joined { image, position } => Input::Joined { image, position },
            Self::Fragment { image, position, ref bytes } => {
                Input::Fragment(Fragment { image, position, bytes })
            }
            Self::Lost { image, position, end_of_stream } => {
                Input::Lost { image, position, end_of_stream }
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Receiver {
    id: ReceiverId,
    pub(crate) node: NodeId,
    channel: String,
    stream: StreamId,
    images: BTreeMap<SenderId, Image>,
    /// Images that have ended, by sender: the next one's attempt.
    attempts: BTreeMap<SenderId, u64>,
    /// Senders still to be told that an image has ended.
    leaves: Vec<(SenderId, NodeId, u64)>,
    pub(crate) is_closed: bool,
    polls: usize,
}

impl Receiver {
    pub(crate) fn new(id: ReceiverId, node: NodeId, channel: &str, stream: StreamId) -> Self {
        Self {
            id,
            node,
            channel: channel.to_owned(),
            stream,
            images: BTreeMap::new(),
            attempts: BTreeMap::new(),
            leaves: Vec::new(),
            is_closed: false,
            polls: 0,
        }
    }

    pub(crate) fn is_of(&self, (channel, stream): (&str, StreamId)) -> bool {
        self.channel == channel && self.stream == stream
    }

    /// `next_image` numbers the images of the whole network.
    pub(crate) fn on_packet(
        &mut self,
        from: NodeId,
        sender: SenderId,
        packet: Packet,
        next_image: &mut i64,
        fabric: &mut Fabric,
    ) {
        let now_ns = fabric.now_ns();
        let next_attempt = self.attempts.get(&sender).copied().unwrap_or(0);
        let has_image = self.images.contains_key(&sender);
        // An image that has ended, but is not taken yet, gets nothing more, and comes before the
        // sender's next one.
        let image = self.images.get_mut(&sender).filter(|image| image.end.is_none());
        match packet {
            Packet::Heartbeat { position, end_of_stream } => match image {
                Some(image) => image.on_heartbeat(position, end_of_stream, now_ns),
                None if end_of_stream || has_image => {}
                None => {
                    let packet = Packet::Elicit { attempt: next_attempt };
                    fabric.post(self.envelope(from, sender, packet));
                }
            },
            Packet::Setup { attempt, position } => {
                if attempt == next_attempt && !has_image {
                    let id = ImageId(*next_image);
                    *next_image += 1;
                    self.images.insert(sender, Image::new(id, from, attempt, position, now_ns));
                }
            }
            Packet::Data { attempt, position, bytes } => {
                if let Some(image) = image.filter(|image| image.attempt == attempt) {
                    image.on_data(position, bytes, &fabric.config, now_ns);
                }
            }
            Packet::Gone { attempt } => {
                if let Some(image) = image.filter(|image| image.attempt == attempt) {
                    image.end = Some(false);
                }
            }
            Packet::Elicit { .. } | Packet::Status { .. } | Packet::Leave { .. } => {
                unreachable!("only senders get {packet:?}")
            }
        }
    }

    /// Ends what has fallen silent, and states how far it is. Returns how many packets it sent.
    pub(crate) fn do_work(&mut self, fabric: &mut Fabric) -> usize {
        let now_ns = fabric.now_ns();
        if self.is_closed {
            let images = self.images.iter();
            self.leaves.extend(images.map(|(&s, image)| (s, image.sender_node, image.attempt)));
        }
        let mut posts: Vec<_> = std::mem::take(&mut self.leaves)
            .into_iter()
            .map(|(sender, node, attempt)| self.envelope(node, sender, Packet::Leave { attempt }))
            .collect();
        for (&sender, image) in &mut self.images {
            if image.end.is_some() || self.is_closed {
                continue;
            }
            if now_ns - image.heard_ns > fabric.config.liveness_timeout_ns {
                image.end = Some(false);
                continue;
            }
            if image.stated_position == image.position && now_ns < image.next_status_ns {
                continue;
            }
            image.stated_position = image.position;
            image.next_status_ns = now_ns + fabric.config.heartbeat_ns;
            let packet = Packet::Status { attempt: image.attempt, position: image.position };
            let (from, to, receiver) = (self.node, image.sender_node, self.id);
            posts.push(Envelope { from, to, sender, receiver, packet });
        }
        let sent = posts.len();
        posts.into_iter().for_each(|envelope| fabric.post(envelope));
        sent
    }

    /// The senders to poll now, each time beginning with another, so that none starves.
    pub(crate) fn begin_poll(&mut self) -> Vec<SenderId> {
        let mut senders: Vec<_> = self.images.keys().copied().collect();
        if !senders.is_empty() {
            let first = self.polls % senders.len();
            senders.rotate_left(first);
        }
        self.polls = self.polls.wrapping_add(1);
        senders
    }

    /// What is to be delivered next of `sender`'s image.
    pub(crate) fn ready(&self, sender: SenderId) -> Option<Ready> {
        self.images.get(&sender)?.ready()
    }

    /// Moves past what [`ready`](Self::ready) said.
    pub(crate) fn take(&mut self, sender: SenderId) {
        let Some(image) = self.images.get_mut(&sender) else { return };
        if !image.is_join_taken {
            image.is_join_taken = true;
        } else if let Some((position, _)) = image.buffer.pop_front() {
            image.position = position;
        } else if let Some(image) = self.images.remove(&sender) {
            self.attempts.insert(sender, image.attempt + 1);
            self.leaves.push((sender, image.sender_node, image.attempt));
        }
    }

    fn envelope(&self, to: NodeId, sender: SenderId, packet: Packet) -> Envelope {
        Envelope { from: self.node, to, sender, receiver: self.id, packet }
    }
}

impl Image {
    fn new(id: ImageId, sender_node: NodeId, attempt: u64, position: i64, now_ns: u64) -> Self {
        Self {
            id,
            sender_node,
            attempt,
            is_join_taken: false,
            position,
            received_position: position,
            buffer: VecDeque::new(),
            heard_ns: now_ns,
            is_overrun: false,
            end: None,
            stated_position: position,
            next_status_ns: now_ns,
        }
    }

    fn on_heartbeat(&mut self, position: i64, end_of_stream: bool, now_ns: u64) {
        if self.is_overrun {
            return;
        }
        self.heard_ns = now_ns;
        // A heartbeat may overtake data: the end counts once all before it is here.
        if end_of_stream && position == self.received_position {
            self.end = Some(true);
        }
    }

    fn on_data(&mut self, position: i64, bytes: Rc<[u8]>, config: &SimConfig, now_ns: u64) {
        if self.is_overrun || position - self.position > config.window_bytes {
            self.is_overrun = true;
            return;
        }
        let begin = position - framed_len(bytes.len(), config.fragment_len_max);
        assert_eq!(begin, self.received_position, "a hole in an image");
        self.heard_ns = now_ns;
        self.received_position = position;
        self.buffer.push_back((position, bytes));
    }

    fn ready(&self) -> Option<Ready> {
        let (image, position) = (self.id, StreamPosition(self.position));
        if !self.is_join_taken {
            return Some(Ready::Joined { image, position });
        }
        if let Some((after, bytes)) = self.buffer.front() {
            let position = StreamPosition(*after);
            return Some(Ready::Fragment { image, position, bytes: Rc::clone(bytes) });
        }
        self.end.map(|end_of_stream| Ready::Lost { image, position, end_of_stream })
    }
}
