//! The relay: market data taken where it can be had, and passed on to whoever signs up.
//!
//! ```text
//!   stream 40 --the publisher's image--> Leg --the same messages, in order--> a publication of our own
//!   stream 41 -------------------------> Leg -------------------------------> another
//! ```
//! Nothing of a message is changed. One life of the publisher is one life of our publication: when the
//! publisher is lost, ours ends with it, and consumers know that what comes next need not follow on what
//! came before. A message that none of the consumers has room for is dropped, and they see the gap in
//! `feed_seq`, as they would with the md-publisher itself: nobody is waited for.

use vesta_transport::{
    Flow, ImageId, Input, OfferError, StreamCounts, StreamId, Subscription, Transport,
    TransportError,
};
use vesta_wire::md::{Heartbeat, MdFrame};
use vesta_wire::{Message, decode, open_frame, peek};

/// Fragments of each stream taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 64;

/// One stream: where it comes from, and where it goes to. Its id stays what it is.
#[derive(Clone, Debug)]
pub struct RelayLink {
    /// Channel and stream to read.
    pub from: (String, StreamId),
    /// Channel to write.
    pub to: String,
}

/// Where a relay's streams are.
#[derive(Clone, Debug)]
pub struct RelayLinks {
    /// What changes.
    pub market_data: RelayLink,
    /// Whole books.
    pub snapshots: RelayLink,
}

/// Why a relay stops.
#[derive(Debug, thiserror::Error)]
#[error("{stream} can not be passed on: {source}")]
pub struct RelayStop {
    stream: &'static str,
    source: OfferError,
}

/// What a relay counts of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegCounters {
    /// Messages of the publisher.
    pub input: StreamCounts,
    /// Messages passed on.
    pub output: StreamCounts,
    /// Times that the publisher was lost.
    pub losses: u64,
    /// Gaps in the numbers of the feed, as it came.
    pub feed_gaps: u64,
    /// Messages not passed on, as no consumer had room for them.
    pub dropped: u64,
    /// Messages not passed on, as nobody was signed up.
    pub unheard: u64,
    /// Messages of publishers that came while there was one: not passed on, also if theirs is the next
    /// life, of whose numbers the feed's gaps know nothing then.
    pub ignored: u64,
    /// Publishers that came while there was one.
    pub rivals: u64,
}

/// One stream of a relay.
struct Leg<T: Transport> {
    name: &'static str,
    link: RelayLink,
    input: T::Subscription,
    output: T::Publication,
    /// The publishers that there are, in the order in which they came: the first is passed on. A second
    /// one is a stranger, or the one that takes its place before its end was noticed.
    publishers: Vec<ImageId>,
    /// The publisher was lost, and ours has yet to end.
    is_over: bool,
    feed: FeedNumbers,
    counters: LegCounters,
}

impl<T: Transport> Leg<T> {
    fn open(
        transport: &mut T,
        name: &'static str,
        link: &RelayLink,
    ) -> Result<Self, TransportError> {
        // Ours first: a port that is taken is the likelier fault.
        let output = transport.add_publication(&link.to, link.from.1)?;
        let input = transport.add_subscription(&link.from.0, link.from.1)?;
        Ok(Self {
            name,
            link: link.clone(),
            input,
            output,
            publishers: Vec::new(),
            is_over: false,
            feed: FeedNumbers::default(),
            counters: LegCounters::default(),
        })
    }

    fn pass_on(&mut self) -> Result<usize, RelayStop> {
        let Self { input, output, publishers, is_over, feed, counters, .. } = self;
        let mut stop = None;
        let taken = input.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            // What comes after a loss belongs to the next life of ours.
            if *is_over || stop.is_some() {
                return Flow::Retry;
            }
            match input {
                Input::Joined { image, .. } => {
                    counters.rivals += u64::from(!publishers.is_empty());
                    publishers.push(image);
                }
                Input::Fragment(fragment) if publishers.first() == Some(&fragment.image) => {
                    counters.input.received(fragment.bytes);
                    counters.feed_gaps += u64::from(feed.is_gap(fragment.bytes));
                    match counters.output.offer(output, fragment.bytes) {
                        Ok(_) => {}
                        Err(OfferError::NotConnected) => counters.unheard += 1,
                        // A longer one is nobody's of ours, who all have one MTU.
                        Err(OfferError::BackPressured | OfferError::TooLong { .. }) => {
                            counters.dropped += 1;
                        }
                        Err(closed @ OfferError::Closed) => stop = Some(closed),
                    }
                }
                Input::Fragment(_) => counters.ignored += 1,
                Input::Lost { image, .. } => {
                    *is_over = publishers.first() == Some(&image);
                    publishers.retain(|known| *known != image);
                }
            }
            Flow::Taken
        });
        match stop {
            Some(source) => Err(RelayStop { stream: self.name, source }),
            None => Ok(taken),
        }
    }

    /// Ends our publication with the publisher's, and begins the next.
    fn tend(&mut self, transport: &mut T) -> Result<(), TransportError> {
        if self.is_over {
            self.output = transport.add_publication(&self.link.to, self.link.from.1)?;
            self.counters.losses += 1;
            self.feed = FeedNumbers::default();
            self.is_over = false;
        }
        Ok(())
    }

    const fn is_joined(&self) -> bool {
        !self.publishers.is_empty()
    }
}

/// Which message of the feed comes next; snapshots are not numbered.
#[derive(Debug, Default)]
struct FeedNumbers {
    next: Option<u64>,
}

impl FeedNumbers {
    /// True when messages are missing before this one. What is no message of ours is none of ours to
    /// judge: consumers do.
    fn is_gap(&mut self, bytes: &[u8]) -> bool {
        let numbers = match peek(bytes).map(|header| header.template_id.get()) {
            Ok(MdFrame::TEMPLATE_ID) => open_frame::<MdFrame>(bytes).ok().map(|(frame, _)| {
                let first = frame.feed_seq.get();
                (first, first.saturating_add(u64::from(frame.count.get())))
            }),
            Ok(Heartbeat::TEMPLATE_ID) => decode::<Heartbeat>(bytes).ok().map(|heartbeat| {
                let next = heartbeat.next_feed_seq.get();
                (next, next)
            }),
            _ => None,
        };
        let Some((first, next)) = numbers.filter(|(first, _)| *first > 0) else { return false };
        let is_gap = self.next.is_some_and(|expected| first > expected);
        self.next = self.next.max(Some(next));
        is_gap
    }
}

/// The relay on a transport.
pub struct RelayAgent<T: Transport> {
    market_data: Leg<T>,
    snapshots: Leg<T>,
}

impl<T: Transport> RelayAgent<T> {
    /// Opens the streams of a relay.
    ///
    /// # Errors
    /// When one can not be opened.
    pub fn new(transport: &mut T, links: &RelayLinks) -> Result<Self, TransportError> {
        Ok(Self {
            market_data: Leg::open(transport, "the market data", &links.market_data)?,
            snapshots: Leg::open(transport, "the snapshots", &links.snapshots)?,
        })
    }

    /// One duty cycle; returns how much was done.
    ///
    /// # Errors
    /// When a stream can not be written any more.
    pub fn do_work(&mut self) -> Result<usize, RelayStop> {
        // What changes first: it is what is waited for.
        Ok(self.market_data.pass_on()? + self.snapshots.pass_on()?)
    }

    /// After each duty cycle: ends what has to end, and begins anew. Nothing is passed on between the two.
    ///
    /// # Errors
    /// When a stream can not be opened again.
    pub fn tend(&mut self, transport: &mut T) -> Result<(), TransportError> {
        self.market_data.tend(transport)?;
        self.snapshots.tend(transport)
    }

    /// True while the publishers of both streams are there.
    #[must_use]
    pub const fn is_joined(&self) -> bool {
        self.market_data.is_joined() && self.snapshots.is_joined()
    }

    /// The id of each stream, with what was counted of it, and whether its publisher is there.
    pub fn legs(&self) -> [(StreamId, LegCounters, bool); 2] {
        [&self.market_data, &self.snapshots]
            .map(|leg| (leg.link.from.1, leg.counters, leg.is_joined()))
    }
}
