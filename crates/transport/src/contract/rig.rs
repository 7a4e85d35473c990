//! What the clauses are written with: the nodes of one test, waits with deadlines, and a reader
//! that checks what must hold in every clause.

use std::collections::BTreeMap;

use vesta_types::StreamPosition;

use super::{Harness, Link};
use crate::{
    Duty, Flow, Fragment, ImageId, Input, OfferError, Publication, Subscription, Transport,
};

pub(super) type Pub<H> = <<H as Harness>::Transport as Transport>::Publication;
pub(super) type Sub<H> = <<H as Harness>::Transport as Transport>::Subscription;

/// Inputs per poll where the clause does not care.
const POLL_LIMIT: usize = 16;

/// The nodes of one clause. Declared first in a clause, so that it outlives its streams.
pub(super) struct Rig<'h, H: Harness> {
    pub(super) harness: &'h mut H,
    clause: &'static str,
    publishers: Vec<H::Transport>,
    readers: Vec<H::Transport>,
    pub(super) link: Link,
}

impl<'h, H: Harness> Rig<'h, H> {
    /// One publisher side, one reader side and a fresh link.
    pub(super) fn new(harness: &'h mut H, clause: &'static str) -> Self {
        let link = harness.link();
        let publishers = vec![harness.publisher_side()];
        let readers = vec![harness.reader_side()];
        Self { harness, clause, publishers, readers, link }
    }

    /// A publication on the first publisher side.
    pub(super) fn publication(&mut self) -> Pub<H> {
        self.publishers[0]
            .add_publication(&self.link.publication, self.link.stream)
            .unwrap_or_else(|error| panic!("{}: no publication: {error}", self.clause))
    }

    /// A publication on a publisher side of its own.
    pub(super) fn publication_elsewhere(&mut self) -> Pub<H> {
        let mut side = self.harness.publisher_side();
        let publication = side
            .add_publication(&self.link.publication, self.link.stream)
            .unwrap_or_else(|error| panic!("{}: no publication: {error}", self.clause));
        self.publishers.push(side);
        publication
    }

    /// A reader on the first reader side.
    pub(super) fn reader(&mut self) -> Reader<Sub<H>> {
        let subscription = self.readers[0]
            .add_subscription(&self.link.subscription, self.link.stream)
            .unwrap_or_else(|error| panic!("{}: no subscription: {error}", self.clause));
        Reader::new(subscription)
    }

    /// A second reader: on a side of its own where the transport admits that.
    pub(super) fn reader_elsewhere(&mut self) -> Reader<Sub<H>> {
        if self.harness.limits().many_reader_nodes {
            let side = self.harness.reader_side();
            self.readers.insert(0, side);
        }
        self.reader()
    }

    /// A publication and its reader, joined and connected, with nothing sent yet.
    pub(super) fn joined(&mut self) -> (Pub<H>, Reader<Sub<H>>) {
        let reader = self.reader();
        let publication = self.publication();
        let (publication, mut readers) = self.connect(publication, vec![reader]);
        (publication, readers.remove(0))
    }

    /// Waits until every reader has joined `publication` (and no other), and it is connected.
    pub(super) fn connect(
        &mut self,
        publication: Pub<H>,
        mut readers: Vec<Reader<Sub<H>>>,
    ) -> (Pub<H>, Vec<Reader<Sub<H>>>) {
        self.until("the readers to join and the publication to connect", || {
            readers.iter_mut().for_each(Reader::poll);
            publication.is_connected() && readers.iter().all(|reader| reader.joined().len() == 1)
        });
        (publication, readers)
    }

    /// Ends the first publisher side as a crash would.
    pub(super) fn kill_publisher(&mut self, publication: Pub<H>) {
        let side = self.publishers.remove(0);
        self.harness.kill(side, vec![publication]);
    }

    /// One duty cycle of every node, then a moment of idling.
    pub(super) fn turn(&mut self) {
        for side in self.publishers.iter_mut().chain(&mut self.readers) {
            if let Err(error) = side.do_work() {
                panic!("{}: the transport failed: {error}", self.clause);
            }
        }
        self.harness.idle();
    }

    /// Turns until `done`.
    ///
    /// # Panics
    /// After the harness's `wait_max_ns`.
    pub(super) fn until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        let wait_max_ns = self.harness.limits().wait_max_ns;
        let started_ns = self.harness.now_ns();
        while !done() {
            assert!(
                self.harness.now_ns() - started_ns <= wait_max_ns,
                "{}: waited {} ms for {what}",
                self.clause,
                wait_max_ns / 1_000_000
            );
            self.turn();
        }
    }

    /// Turns for the harness's `settle_ns`, calling `step` each time.
    pub(super) fn settle(&mut self, mut step: impl FnMut()) {
        let settle_ns = self.harness.limits().settle_ns;
        let started_ns = self.harness.now_ns();
        while self.harness.now_ns() - started_ns <= settle_ns {
            step();
            self.turn();
        }
    }

    /// Offers `bytes` until they are taken, while `readers` go on polling.
    pub(super) fn send(
        &mut self,
        publication: &mut Pub<H>,
        bytes: &[u8],
        readers: &mut [&mut Reader<Sub<H>>],
    ) -> Sent {
        let mut position = None;
        self.until("an offer to be taken", || {
            match publication.offer(bytes) {
                Ok(after) => position = Some(after),
                Err(OfferError::BackPressured) => {
                    readers.iter_mut().for_each(|reader| reader.poll());
                }
                Err(error) => panic!("a connected publication refused a message: {error}"),
            }
            position.is_some()
        });
        let position = position.expect("`until` ends only once it is set");
        Sent { position, bytes: bytes.to_vec() }
    }

    /// Sends `count` messages of mixed lengths, numbered from `first`.
    pub(super) fn send_many(
        &mut self,
        publication: &mut Pub<H>,
        first: usize,
        count: usize,
        readers: &mut [&mut Reader<Sub<H>>],
    ) -> Vec<Sent> {
        let len_max = publication.fragment_len_max();
        (first..first + count)
            .map(|number| {
                let bytes = message(number, 1 + (number * 97) % len_max.min(300));
                self.send(publication, &bytes, readers)
            })
            .collect()
    }

    /// Polls until the reader has as many messages as were sent.
    pub(super) fn until_read(&mut self, reader: &mut Reader<Sub<H>>, sent: &[Sent]) {
        self.until("every message to arrive", || {
            reader.poll();
            reader.fragments().count() >= sent.len()
        });
    }

    /// Polls until one image is lost.
    pub(super) fn until_lost(&mut self, reader: &mut Reader<Sub<H>>) {
        self.until("the image to be lost", || {
            reader.poll();
            !reader.lost().is_empty()
        });
    }
}

/// A message that was taken, and the position that the offer returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) position: StreamPosition,
    pub(super) bytes: Vec<u8>,
}

/// `len` bytes that name `number`, each of another value than in its neighbours.
pub(super) fn message(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|at| (number.wrapping_mul(167) ^ at.wrapping_mul(31) ^ (at >> 8)) as u8).collect()
}

/// An input, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Joined { image: ImageId, position: StreamPosition },
    Fragment { image: ImageId, message: Sent },
    Lost { image: ImageId, position: StreamPosition, end_of_stream: bool },
}

impl Seen {
    pub(super) fn keep(input: Input<'_>) -> Self {
        match input {
            Input::Joined { image, position } => Self::Joined { image, position },
            Input::Fragment(Fragment { image, position, bytes }) => {
                Self::Fragment { image, message: Sent { position, bytes: bytes.to_vec() } }
            }
            Input::Lost { image, position, end_of_stream } => {
                Self::Lost { image, position, end_of_stream }
            }
        }
    }
}

/// A subscription that keeps what it takes, and asserts what holds for every reader: `Joined`
/// first and `Lost` last in each image's life, positions that grow, and a count that is true.
pub(super) struct Reader<S> {
    pub(super) subscription: S,
    pub(super) seen: Vec<Seen>,
    /// The position of each live image.
    live: BTreeMap<ImageId, StreamPosition>,
}

impl<S: Subscription> Reader<S> {
    fn new(subscription: S) -> Self {
        Self { subscription, seen: Vec::new(), live: BTreeMap::new() }
    }

    /// Takes what there is, up to a few.
    pub(super) fn poll(&mut self) {
        self.poll_with(POLL_LIMIT, |_| Flow::Taken);
    }

    /// Polls once, answering as `answer` does; keeps only what was taken. Returns the count.
    pub(super) fn poll_with(
        &mut self,
        limit: usize,
        mut answer: impl FnMut(&Seen) -> Flow,
    ) -> usize {
        let (seen, live) = (&mut self.seen, &mut self.live);
        let mut taken = 0;
        let mut ended = false;
        let count = self.subscription.poll(limit, &mut |input| {
            assert!(!ended, "an input after a Retry in the same poll: {input:?}");
            assert!(taken < limit, "an input above the limit of {limit}: {input:?}");
            let input = Seen::keep(input);
            let flow = answer(&input);
            match flow {
                Flow::Retry => ended = true,
                Flow::Taken => {
                    taken += 1;
                    check_life(live, &input);
                    seen.push(input);
                }
            }
            flow
        });
        assert_eq!(count, taken, "poll returned another count than it was told to take");
        count
    }

    /// The messages taken, of all images.
    pub(super) fn fragments(&self) -> impl Iterator<Item = &Sent> {
        self.seen.iter().filter_map(|seen| match seen {
            Seen::Fragment { message, .. } => Some(message),
            _ => None,
        })
    }

    /// The messages taken of one image.
    pub(super) fn fragments_of(&self, wanted: ImageId) -> Vec<Sent> {
        self.seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Fragment { image, message } if *image == wanted => Some(message.clone()),
                _ => None,
            })
            .collect()
    }

    /// Images joined, with their first position.
    pub(super) fn joined(&self) -> Vec<(ImageId, StreamPosition)> {
        self.seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Joined { image, position } => Some((*image, *position)),
                _ => None,
            })
            .collect()
    }

    /// Images lost, each with whether its stream had ended in good order.
    pub(super) fn lost(&self) -> Vec<(ImageId, bool)> {
        self.seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Lost { image, end_of_stream, .. } => Some((*image, *end_of_stream)),
                _ => None,
            })
            .collect()
    }

    /// Asserts that exactly `sent` has been taken, over all images.
    pub(super) fn assert_read(&self, sent: &[Sent]) {
        let read: Vec<Sent> = self.fragments().cloned().collect();
        assert_same(&read, sent);
    }
}

/// Asserts that what was read is what was sent, and names the first difference only.
pub(super) fn assert_same(read: &[Sent], sent: &[Sent]) {
    for (at, (read, sent)) in read.iter().zip(sent).enumerate() {
        assert_eq!(read, sent, "message {at} differs from what was sent");
    }
    assert_eq!(read.len(), sent.len(), "the number of messages differs from what was sent");
}

fn check_life(live: &mut BTreeMap<ImageId, StreamPosition>, input: &Seen) {
    match input {
        Seen::Joined { image, position } => {
            assert!(position.0 >= 0, "joined at a negative position: {input:?}");
            let before = live.insert(*image, *position);
            assert_eq!(before, None, "joined twice: {input:?}");
        }
        Seen::Fragment { image, message } => {
            let Some(at) = live.get_mut(image) else {
                panic!("a fragment of an image that is not joined: {input:?}")
            };
            assert!(message.position > *at, "position {at} does not grow: {input:?}");
            *at = message.position;
        }
        Seen::Lost { image, position, .. } => {
            let at = live.remove(image);
            assert_eq!(at, Some(*position), "lost at another position than delivered: {input:?}");
        }
    }
}
