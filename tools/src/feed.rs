//! A consumer joined to the network: its own media driver, given only channels and instruments.

use crate::consumer::Consumer;
use vesta_config::{Config, Driver};
use vesta_netio::{AeronSubscription, AeronTransport, ReceiveLoss};
use vesta_runner::{StartError, driver_settings, link, open_with};
use vesta_transport::{Duty, Flow, ImageId, Input, Subscription, Transport, TransportError};
use vesta_types::InstrumentId;

/// Fragments of each stream taken in one duty cycle.
const FRAGMENTS_PER_CYCLE: usize = 64;

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

/// A consumer on a media driver of its own.
#[derive(Debug)]
pub struct Feed {
    source: Source,
    /// Of a relay: the latest life of each stream. What another says is of the past.
    market_data_image: Option<ImageId>,
    snapshots_image: Option<ImageId>,
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
            source,
            market_data_image: None,
            snapshots_image: None,
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
        let Self { consumer, market_data, snapshots, transport, source, .. } = self;
        let (feed_image, snapshots_image) =
            (&mut self.market_data_image, &mut self.snapshots_image);
        let follows = *source == Source::Relay;
        let mut work = transport.do_work()?;
        let heard = consumer.counters().datagrams;
        let mut lost = None;
        work += market_data.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            match input {
                Input::Joined { image, .. } => {
                    *feed_image = Some(image);
                    consumer.on_feed_break();
                }
                Input::Fragment(fragment) if follows && *feed_image != Some(fragment.image) => {}
                Input::Fragment(fragment) => consumer.on_market_data(fragment.bytes),
                Input::Lost { image, .. } if follows => {
                    if *feed_image == Some(image) {
                        consumer.on_feed_break();
                    }
                }
                Input::Lost { end_of_stream, .. } => lost = Some(end_of_stream),
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
            match input {
                Input::Joined { image, .. } => *snapshots_image = Some(image),
                Input::Fragment(fragment)
                    if follows && *snapshots_image != Some(fragment.image) => {}
                Input::Fragment(fragment) => consumer.on_snapshot(fragment.bytes),
                Input::Lost { .. } => {}
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
