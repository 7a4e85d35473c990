//! The seam between Vesta's roles and the network.
//!
//! Everything above this trait is a state machine that runs the same on the real Aeron transport
//! (`netio`) and on the simulated one (`sim`); [`contract`] is the suite that holds the two to the
//! same behaviour. Nothing here knows a socket, a clock or a thread.
//!
//! ```text
//!   role (engine, sequencer, ...)          sans-I/O: do_work(now)
//!        |  Publication::offer        ^ Subscription::poll
//!        v                            |
//!   Transport: netio::AeronTransport  |  sim::SimTransport
//! ```

pub mod contract;
mod counts;
mod datagram;
mod single;

pub use counts::StreamCounts;
pub use datagram::{DatagramSocket, SendOutcome};
pub use single::{SinglePublisher, StreamFault};

use vesta_types::StreamPosition;

/// The number of a stream on its channel; the defaults are in `vesta.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub i32);

/// One publisher's life on a stream, as one subscription sees it: the publisher restarts, the id
/// changes. Two subscriptions may name the same life differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(pub i64);

/// One in-order message of one image.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Which publisher's life it belongs to.
    pub image: ImageId,
    /// Position in the stream after this message: what its offer returned.
    pub position: StreamPosition,
    /// The message.
    pub bytes: &'a [u8],
}

/// What a subscription delivers, in order within an image.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A publisher has appeared; its messages follow, from `position` on. Above 0 it was joined
    /// late, and earlier messages are not to be had from this stream.
    Joined {
        /// The publisher's life.
        image: ImageId,
        /// Where in its stream we joined.
        position: StreamPosition,
    },
    /// A message.
    Fragment(Fragment<'a>),
    /// A publisher is gone, or out of reach for longer than the image liveness timeout, after all
    /// of its messages that could be had were delivered. The last input of its image. A publisher
    /// that was only out of reach is joined again, late, after it is back.
    Lost {
        /// The publisher's life.
        image: ImageId,
        /// The last position delivered.
        position: StreamPosition,
        /// True when the publisher closed its stream in good order and all of it was delivered.
        end_of_stream: bool,
    },
}

/// What a handler did with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Done with it: the position moves past it.
    Taken,
    /// No room downstream: deliver nothing more in this poll, and the same input again in a
    /// following one, before anything else of its image. Other images may go on meanwhile.
    Retry,
}

/// Why an offer was not taken. Nothing of the message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The window to the slowest reader that counts is full: offer again later.
    #[error("back-pressured")]
    BackPressured,
    /// Nobody reads the stream.
    #[error("no reader is connected")]
    NotConnected,
    /// The publication is closed, or its position space is exhausted: it will never take another.
    #[error("the publication is closed")]
    Closed,
    /// The message is longer than [`Publication::message_len_max`].
    #[error("a message of {len} bytes is above the limit of {len_max}")]
    TooLong {
        /// Bytes offered.
        len: usize,
        /// Bytes admitted.
        len_max: usize,
    },
}

/// The longest message that any publication takes and any subscription puts together, in bytes. A
/// reader keeps room for one of each publisher.
/// Too low -> what peers say in one message is dropped; too high -> what a stranger may make a reader
/// keep.
pub const MESSAGE_LEN_MAX: usize = 1 << 20;

/// The writing end of a stream.
///
/// Dropping it closes the stream in good order: what was taken is still sent, then the readers see
/// [`Input::Lost`] with `end_of_stream`. It takes the transport's [`Duty::do_work`] to get there.
pub trait Publication {
    /// Appends one message of 1 byte or more, all of it or nothing, and returns the position after
    /// it. Transient term rotation is retried inside; every other refusal is the caller's to
    /// handle. A message above [`fragment_len_max`](Self::fragment_len_max) travels as several
    /// fragments, which the readers put together again: to them it is one message.
    ///
    /// Taken is not delivered: what is taken between the last reader's going and its being noticed
    /// is lost.
    fn offer(&mut self, message: &[u8]) -> Result<StreamPosition, OfferError>;

    /// True while at least one reader is connected. A reader that dies is noticed only after the
    /// transport's connection timeout.
    fn is_connected(&self) -> bool;

    /// How many readers the flow control counts now, of which several on the publisher's own driver
    /// count each; where it does not count, 1 while connected.
    fn reader_count(&self) -> usize;

    /// The longest message that [`offer`](Self::offer) takes, in bytes: [`MESSAGE_LEN_MAX`] or what
    /// the stream's buffers admit, if that is less.
    fn message_len_max(&self) -> usize;

    /// The longest message that travels as one fragment, in bytes: in one datagram, without a copy
    /// at the reader. What Vesta's roles say is made to fit it.
    fn fragment_len_max(&self) -> usize;
}

/// The reading end of a stream, over all of its publishers. Dropping it leaves the stream.
pub trait Subscription {
    /// Delivers up to `limit` inputs and returns how many were taken. Within an image inputs come
    /// in order, none twice, none left out. The handler may answer [`Flow::Retry`], which ends the
    /// poll. Who joined in the middle of a message of several fragments does not get that one.
    fn poll(&mut self, limit: usize, handler: &mut dyn FnMut(Input<'_>) -> Flow) -> usize;
}

/// What drives a transport when nobody else does.
pub trait Duty {
    /// One duty cycle of the transport's own agents (driver, client conductor); returns how much
    /// it did. A transport that has threads of its own returns 0.
    ///
    /// # Errors
    /// When the transport can not go on; the text names the cause.
    fn do_work(&mut self) -> Result<usize, TransportError>;
}

/// The transport itself failed, as opposed to one stream of it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// Opens streams. Channels are Aeron URIs: the simulated transport takes them as opaque names.
pub trait Transport: Duty {
    /// The writing ends that it makes.
    type Publication: Publication;
    /// The reading ends that it makes.
    type Subscription: Subscription;

    /// Opens the writing end of `stream` on `channel`, for this writer alone.
    ///
    /// # Errors
    /// When the channel can not be opened (bad URI, port taken, interface missing); the text names
    /// the channel and the cause.
    fn add_publication(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<Self::Publication, TransportError>;

    /// Opens the reading end of `stream` on `channel`.
    ///
    /// # Errors
    /// As for [`add_publication`](Self::add_publication).
    fn add_subscription(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<Self::Subscription, TransportError>;
}
