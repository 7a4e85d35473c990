//! A consumer joined to the network: its own media driver, given only channels and instruments.

use crate::consumer::Consumer;
use vesta_config::{Config, Driver};
use vesta_netio::{AeronSubscription, AeronTransport, ReceiveLoss};
use vesta_runner::{StartError, driver_settings, link, open_with};
use vesta_transport::{Duty, Flow, ImageId, Input, Subscription, Transport, TransportError};
use vesta_types::InstrumentId;

/// Fragments of each stream taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 64;
/// Lives of a relay's stream that are known at a time; further ones are not listened to. A relay that
/// comes back has two for as long as its old one is not missed, the rest are strangers.
const LIVES_MAX: usize = 16;

/// Why a feed ended.
#[derive(Debug, thiserror::Error)]
pub enum FeedStop {
    /// The md-publisher is gone.
    #[error(
        "lost the market data: {}",
        if *.end_of_stream { "its publisher closed it" } else { "its publisher went silent (no heartbeat within the image liveness timeout)" }
    )]
    Lost {
        /// True when it said goodbye.
        end_of_stream: bool,
    },
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// Whom a feed comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The md-publisher. When it is gone, the feed ends.
    Publisher,
    /// A relay (`md_relay` of the configuration), which may go and come back at any time: the feed goes
    /// on with its next life.
    Relay,
}

/// Whose messages of a stream are taken.
#[derive(Debug)]
struct Lives {
    source: Source,
    /// Of a relay: the lives that there are, in the order in which they came. The latest is listened to;
    /// when it is gone, the latest that is left: it was a stranger, or a relay that has two for a while.
    images: Vec<ImageId>,
}

/// What an input means to a consumer.
#[derive(Debug, PartialEq, Eq)]
enum Heard<'a> {
    /// Another life is listened to from here on, or none.
    Break,
    Message(&'a [u8]),
    /// The feed ends.
    Over {
        end_of_stream: bool,
    },
    Nothing,
}

impl Lives {
    const fn of(source: Source) -> Self {
        Self { source, images: Vec::new() }
    }

    fn hear<'a>(&mut self, input: Input<'a>) -> Heard<'a> {
        if self.source == Source::Publisher {
            return match input {
                Input::Joined { .. } => Heard::Break,
                Input::Fragment(fragment) => Heard::Message(fragment.bytes),
                Input::Lost { end_of_stream, .. } => Heard::Over { end_of_stream },
            };
        }
        let latest = self.images.last().copied();
        match input {
            Input::Joined { image, .. } if self.images.len() < LIVES_MAX => {
                self.images.push(image);
                Heard::Break
            }
            Input::Fragment(fragment) if latest == Some(fragment.image) => {
                Heard::Message(fragment.bytes)
            }
            Input::Lost { image, .. } => {
                self.images.retain(|known| *known != image);
                if latest == Some(image) { Heard::Break } else { Heard::Nothing }
            }
            Input::Joined { .. } | Input::Fragment(_) => Heard::Nothing,
        }
    }
}

/// A consumer on a media driver of its own.
#[derive(Debug)]
pub struct Feed {
    market_data_lives: Lives,
    snapshots_lives: Lives,
    consumer: Consumer,
    market_data: AeronSubscription,
    snapshots: AeronSubscription,
    transport: AeronTransport,
    /// When stream 40 last said something, monotonic ns, and how long it may be silent.
    heard_ns: u64,
    stall_max_ns: u64,
}

impl Feed {
    /// Joins the market data of the configuration, from `source`; with `droppable` its sockets can be made
    /// to drop datagrams.
    ///
    /// # Errors
    /// When driver or streams can not be opened.
    pub fn join(
        config: &Config,
        role: &str,
        source: Source,
        droppable: bool,
    ) -> Result<Self, StartError> {
        if droppable && config.transport.driver == Driver::Shared {
            let text = "the sockets of a shared driver are not the consumer's to drop from: set \
                        transport.driver = \"embedded\", or leave --md-loss away";
            return Err(StartError::Argument(text.to_owned()));
        }
        let settings = vesta_netio::DriverSettings {
            receive_loss: droppable,
            ..driver_settings(config, role)
        };
        let mut transport = open_with(config, role, settings)?;
        let channels = config.channels();
        let (market_data, snapshots) = match source {
            Source::Publisher => {
                (channels.market_data_subscription(), channels.snapshots_subscription())
            }
            Source::Relay => (
                channels.relayed_market_data_subscription(),
                channels.relayed_snapshots_subscription(),
            ),
        };
        let (channel, stream) = link(market_data);
        let market_data = transport.add_subscription(&channel, stream)?;
        let (channel, stream) = link(snapshots);
        let snapshots = transport.add_subscription(&channel, stream)?;
        let instruments: Vec<InstrumentId> = config.instrument_list.iter().map(|i| i.id).collect();
        Ok(Self {
            market_data_lives: Lives::of(source),
            snapshots_lives: Lives::of(source),
            consumer: Consumer::new(&instruments),
            market_data,
            snapshots,
            transport,
            heard_ns: 0,
            stall_max_ns: config.consumer.stall_max_ms * 1_000_000,
        })
    }

    /// The books.
    #[must_use]
    pub const fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// The books, to change what is kept of them.
    pub const fn consumer_mut(&mut self) -> &mut Consumer {
        &mut self.consumer
    }

    /// Name of the datapath in use.
    #[must_use]
    pub fn datapath(&self) -> String {
        self.transport.datapath().unwrap_or_default()
    }

    /// The handle that makes the sockets drop datagrams, where it was asked for.
    #[must_use]
    pub fn receive_loss(&self) -> Option<ReceiveLoss> {
        self.transport.with_driver(|driver| driver.receive_loss().cloned()).flatten()
    }

    /// One duty cycle at monotonic time `now_ns`; returns how much was done.
    ///
    /// # Errors
    /// When the feed is lost: the books are stale from then on.
    pub fn do_work(&mut self, now_ns: u64) -> Result<usize, FeedStop> {
        let Self { consumer, market_data, snapshots, transport, .. } = self;
        let (market_data_lives, snapshots_lives) =
            (&mut self.market_data_lives, &mut self.snapshots_lives);
        let mut work = transport.do_work()?;
        let heard = consumer.counters().datagrams;
        let mut lost = None;
        work += market_data.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            match market_data_lives.hear(input) {
                Heard::Break => consumer.on_feed_break(),
                Heard::Message(bytes) => consumer.on_market_data(bytes),
                Heard::Over { end_of_stream } => lost = Some(end_of_stream),
                Heard::Nothing => {}
            }
            Flow::Taken
        });
        // Aeron repairs loss, or stalls in silence: who waits for it must not trust its books.
        if consumer.counters().datagrams != heard {
            self.heard_ns = now_ns;
        } else if consumer.is_live() && now_ns.saturating_sub(self.heard_ns) > self.stall_max_ns {
            consumer.on_feed_break();
        }
        work += snapshots.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if let Heard::Message(bytes) = snapshots_lives.hear(input) {
                consumer.on_snapshot(bytes);
            }
            Flow::Taken
        });
        match lost {
            Some(end_of_stream) => {
                consumer.on_feed_break();
                Err(FeedStop::Lost { end_of_stream })
            }
            None => Ok(work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_transport::Fragment;
    use vesta_types::StreamPosition;

    const POSITION: StreamPosition = StreamPosition(0);

    fn joined(image: i64) -> Input<'static> {
        Input::Joined { image: ImageId(image), position: POSITION }
    }

    fn says(image: i64) -> Input<'static> {
        Input::Fragment(Fragment { image: ImageId(image), position: POSITION, bytes: b"said" })
    }

    fn lost(image: i64) -> Input<'static> {
        Input::Lost { image: ImageId(image), position: POSITION, end_of_stream: true }
    }

    const SAID: Heard<'static> = Heard::Message(b"said");

    #[test]
    fn a_stranger_at_a_relay_comes_and_goes_and_the_relay_is_heard_again() {
        let mut lives = Lives::of(Source::Relay);
        assert_eq!([joined(1), says(1)].map(|input| lives.hear(input)), [Heard::Break, SAID]);
        assert_eq!([joined(2), says(2)].map(|input| lives.hear(input)), [Heard::Break, SAID]);
        assert_eq!(lives.hear(says(1)), Heard::Nothing, "the latest alone");
        assert_eq!([lost(2), says(1)].map(|input| lives.hear(input)), [Heard::Break, SAID]);

        // The relay's next life comes before its old one is missed.
        assert_eq!([joined(3), lost(1)].map(|i| lives.hear(i)), [Heard::Break, Heard::Nothing]);
        assert_eq!([says(3), lost(3)].map(|i| lives.hear(i)), [SAID, Heard::Break]);
        assert_eq!(lives.hear(says(3)), Heard::Nothing, "nobody is left");
    }

    #[test]
    fn lives_beyond_the_limit_are_not_listened_to() {
        let mut lives = Lives::of(Source::Relay);
        let most = LIVES_MAX as i64;
        for image in 1..=most {
            assert_eq!(lives.hear(joined(image)), Heard::Break);
        }
        for input in [joined(most + 1), says(most + 1), lost(most + 1)] {
            assert_eq!(lives.hear(input), Heard::Nothing);
        }
        assert_eq!([says(most), lost(most)].map(|i| lives.hear(i)), [SAID, Heard::Break]);
        assert_eq!(lives.hear(says(most - 1)), SAID);
    }

    #[test]
    fn the_loss_of_the_publisher_ends_the_feed() {
        let mut lives = Lives::of(Source::Publisher);
        assert_eq!([joined(1), says(1)].map(|input| lives.hear(input)), [Heard::Break, SAID]);
        assert_eq!(lives.hear(lost(1)), Heard::Over { end_of_stream: true });
    }
}
