//! One event in, its public messages out.

use crate::book::{BookError, BookOrder, Level, MarketBook};
use std::collections::{BTreeMap, VecDeque};
use vesta_types::{
    CancelReason, EventSeq, InstrumentId, OrderId, PriceTicks, QtyLots, ShardId, Side, TimeNs,
};
use vesta_wire::event::{
    CommandAccepted, CommandRejected, EpochStarted, InstrumentDefined, OrderCancelled,
    OrderExecuted, OrderReplaced, OrderRested, Resent, StateHash,
};
use vesta_wire::md::{
    AddOrder, DeleteOrder, ExecuteOrder, Heartbeat, InstrumentInfo, MdFrame, PriceLevel,
    ReduceOrder, Trade,
};
use vesta_wire::{EventLogError, Message, Outbox, WireError, decode, event, peek};

/// What a publisher is made for.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The shard.
    pub shard: ShardId,
    /// Bytes of market data that may wait for the network before it is dropped: consumers that see
    /// the gap start again from a snapshot, and the venue is never slowed.
    pub pending_bytes_max: usize,
    /// Time between two rounds of snapshots, ns.
    pub snapshot_interval_ns: u64,
    /// Longest silence of stream 40, ns.
    pub heartbeat_interval_ns: u64,
}

/// The event log and the books disagree: publishing on would mislead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The event log can not be followed.
    #[error(transparent)]
    EventLog(#[from] EventLogError),
    /// An event does not fit the book.
    #[error("event {event_seq} does not fit the book: {error}")]
    Book {
        /// Which event.
        event_seq: EventSeq,
        /// Why not.
        error: BookError,
    },
    /// An event names an instrument that was not defined.
    #[error("event {event_seq} names instrument {instrument}, which was never defined")]
    UnknownInstrument {
        /// Which event.
        event_seq: EventSeq,
        /// The instrument.
        instrument: InstrumentId,
    },
}

/// An instrument and its book.
#[derive(Clone, Debug)]
pub(crate) struct Instrument {
    pub(crate) info: InstrumentInfo,
    pub(crate) book: MarketBook,
}

/// Up to which event the feed holds, once message `feed_seq` is out.
#[derive(Clone, Copy, Debug)]
struct Boundary {
    feed_seq: u64,
    event_seq: EventSeq,
    time: TimeNs,
}

/// The publisher proper: books, and messages that wait to leave.
#[derive(Debug)]
pub struct Publisher {
    settings: Settings,
    pub(crate) instruments: BTreeMap<InstrumentId, Instrument>,
    outbox: Outbox<MdFrame>,
    boundaries: VecDeque<Boundary>,
    /// The latest event that is reflected in what has left.
    watermark: Boundary,
    /// The latest event that is reflected in the books.
    applied: Boundary,
    dropped: u64,
}

impl Publisher {
    /// A publisher before the first event, whose frames have at most `frame_len_max` bytes.
    #[must_use]
    pub fn new(settings: Settings, frame_len_max: usize) -> Self {
        let start = Boundary { feed_seq: 0, event_seq: EventSeq(0), time: TimeNs(0) };
        Self {
            settings,
            instruments: BTreeMap::new(),
            outbox: Outbox::new(1, frame_len_max, 64 * 1024),
            boundaries: VecDeque::new(),
            watermark: start,
            applied: start,
            dropped: 0,
        }
    }

    /// Messages that were dropped because the network did not take them in time.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The latest message number given out; a snapshot holds everything up to it.
    #[must_use]
    pub const fn feed_seq(&self) -> u64 {
        self.outbox.next_number() - 1
    }

    /// The latest event that the books reflect.
    #[must_use]
    pub const fn event_seq(&self) -> EventSeq {
        self.applied.event_seq
    }

    /// Sequenced time of that event.
    #[must_use]
    pub const fn time(&self) -> TimeNs {
        self.applied.time
    }

    /// Applies one event of the log, and queues what the public learns of it.
    ///
    /// # Errors
    /// When the event does not fit: the books can not be trusted any more.
    pub fn on_event(&mut self, event_seq: EventSeq, bytes: &[u8]) -> Result<(), PublishError> {
        let malformed = |error: WireError| PublishError::from(EventLogError::from(error));
        match peek(bytes).map_err(malformed)?.template_id.get() {
            OrderRested::TEMPLATE_ID => {
                self.rested(event_seq, decode(bytes).map_err(malformed)?)?
            }
            OrderExecuted::TEMPLATE_ID => {
                self.executed(event_seq, decode(bytes).map_err(malformed)?)?;
            }
            OrderCancelled::TEMPLATE_ID => {
                self.cancelled(event_seq, decode(bytes).map_err(malformed)?)?;
            }
            OrderReplaced::TEMPLATE_ID => {
                self.replaced(event_seq, decode(bytes).map_err(malformed)?)?;
            }
            InstrumentDefined::TEMPLATE_ID => self.defined(decode(bytes).map_err(malformed)?),
            // Between a session and the venue; the public learns nothing.
            CommandAccepted::TEMPLATE_ID
            | CommandRejected::TEMPLATE_ID
            | Resent::TEMPLATE_ID
            | StateHash::TEMPLATE_ID
            | EpochStarted::TEMPLATE_ID => {}
            template => return Err(malformed(WireError::UnknownTemplate(template))),
        }
        let time = event::stamp(bytes).map_or(0, |stamp| stamp.time_ns.get());
        self.applied = Boundary { feed_seq: self.feed_seq(), event_seq, time: TimeNs(time) };
        match self.boundaries.back_mut() {
            _ if self.outbox.is_empty() => self.watermark = self.applied,
            // An event without messages: boundaries are then never more than messages that wait.
            Some(last) if last.feed_seq == self.applied.feed_seq => *last = self.applied,
            _ => self.boundaries.push_back(self.applied),
        }
        if self.outbox.pending_bytes() > self.settings.pending_bytes_max {
            self.discard();
        }
        Ok(())
    }

    /// Drops everything that waits: consumers will see the gap.
    fn discard(&mut self) {
        self.dropped += self.outbox.discard();
        self.nothing_waits();
    }

    fn nothing_waits(&mut self) {
        self.boundaries.clear();
        self.watermark = self.applied;
    }

    /// Sends what waits, frame by frame; `offer` sends. Returns the frames sent.
    ///
    /// # Errors
    /// `offer`'s first error; what it refused stays queued.
    pub fn flush<E>(&mut self, offer: impl FnMut(&[u8]) -> Result<(), E>) -> Result<usize, E> {
        let Self { outbox, boundaries, settings, watermark, .. } = self;
        let mut last = *watermark;
        let mut ahead = boundaries.iter().peekable();
        let header = |first: u64, count: u16| {
            let end = first + u64::from(count) - 1;
            // An event whose messages go on in the next frame is not reflected yet.
            while let Some(boundary) = ahead.next_if(|b| b.feed_seq <= end) {
                last = *boundary;
            }
            MdFrame {
                feed_seq: first.into(),
                event_seq: last.event_seq.0.into(),
                time_ns: last.time.0.into(),
                shard: settings.shard.0.into(),
                count: count.into(),
                reserved: [0; 2],
            }
        };
        let sent = outbox.flush(header, offer);
        if self.outbox.is_empty() {
            self.nothing_waits();
        } else {
            let gone = self.outbox.next_number() - self.outbox.queued();
            while let Some(boundary) = self.boundaries.front().filter(|b| b.feed_seq < gone) {
                self.watermark = *boundary;
                self.boundaries.pop_front();
            }
        }
        sent
    }

    /// Nobody listens: what waits is sent to nobody.
    pub fn flush_to_nobody(&mut self) {
        self.outbox.discard();
        self.nothing_waits();
    }

    /// What to say in silence.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            next_feed_seq: self.outbox.next_number().into(),
            event_seq: self.watermark.event_seq.0.into(),
            time_ns: self.watermark.time.0.into(),
            shard: self.settings.shard.0.into(),
            reserved: [0; 4],
        }
    }

    /// True while messages wait to leave.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.outbox.is_empty()
    }

    fn book(
        &mut self,
        event_seq: EventSeq,
        instrument: u32,
    ) -> Result<&mut MarketBook, PublishError> {
        let instrument = InstrumentId(instrument);
        match self.instruments.get_mut(&instrument) {
            Some(entry) => Ok(&mut entry.book),
            None => Err(PublishError::UnknownInstrument { event_seq, instrument }),
        }
    }

    fn defined(&mut self, e: &InstrumentDefined) {
        let info = InstrumentInfo {
            price_max: e.price_max,
            qty_max: e.qty_max,
            symbol: e.symbol,
            instrument: e.instrument,
            tick_size: e.tick_size,
            lot_size: e.lot_size,
            reserved: [0; 2],
        };
        self.instruments
            .entry(InstrumentId(e.instrument.get()))
            .or_insert(Instrument { info, book: MarketBook::default() });
    }

    fn rested(&mut self, event_seq: EventSeq, e: &OrderRested) -> Result<(), PublishError> {
        let fits = |error| PublishError::Book { event_seq, error };
        let side = Side::from_wire(e.side).unwrap_or(Side::Buy);
        let order = BookOrder {
            order_id: OrderId(e.order_id.get()),
            side,
            price: PriceTicks(e.price.get()),
            qty: QtyLots(e.qty.get()),
        };
        let level = self.book(event_seq, e.instrument.get())?.add(order).map_err(fits)?;
        self.outbox.push(&AddOrder {
            order_id: e.order_id,
            price: e.price,
            qty: e.qty,
            instrument: e.instrument,
            side: e.side,
            reserved: [0; 3],
        });
        self.level(e.instrument.get(), side, &level);
        Ok(())
    }

    fn executed(&mut self, event_seq: EventSeq, e: &OrderExecuted) -> Result<(), PublishError> {
        let fits = |error| PublishError::Book { event_seq, error };
        let maker = OrderId(e.maker.order_id.get());
        let (qty, leaves) = (QtyLots(e.qty.get()), QtyLots(e.maker.leaves.get()));
        let book = self.book(event_seq, e.instrument.get())?;
        let (was, level) = book.reduce(maker, qty, leaves).map_err(fits)?;
        self.outbox.push(&ExecuteOrder {
            order_id: e.maker.order_id,
            trade_id: e.trade_id,
            qty: e.qty,
            leaves: e.maker.leaves,
            instrument: e.instrument,
            reserved: [0; 4],
        });
        self.level(e.instrument.get(), was.side, &level);
        self.outbox.push(&Trade {
            trade_id: e.trade_id,
            time_ns: e.stamp.time_ns,
            price: e.price,
            qty: e.qty,
            instrument: e.instrument,
            aggressor_side: e.taker_side,
            reserved: [0; 3],
        });
        Ok(())
    }

    fn cancelled(&mut self, event_seq: EventSeq, e: &OrderCancelled) -> Result<(), PublishError> {
        if CancelReason::from_wire(e.reason).is_some_and(CancelReason::was_resting) {
            self.delete(event_seq, e.instrument.get(), OrderId(e.order_id.get()))?;
        }
        Ok(())
    }

    fn replaced(&mut self, event_seq: EventSeq, e: &OrderReplaced) -> Result<(), PublishError> {
        let order_id = OrderId(e.order_id.get());
        if e.priority_kept == 0 {
            // It leaves its queue; when it enters one again, an OrderRested says so.
            return self.delete(event_seq, e.instrument.get(), order_id);
        }
        let fits = |error| PublishError::Book { event_seq, error };
        let gone = QtyLots(e.old_qty.get().saturating_sub(e.qty.get()));
        let book = self.book(event_seq, e.instrument.get())?;
        let (was, level) = book.reduce(order_id, gone, QtyLots(e.qty.get())).map_err(fits)?;
        self.outbox.push(&ReduceOrder {
            order_id: e.order_id,
            qty: gone.0.into(),
            leaves: e.qty,
            instrument: e.instrument,
            reserved: [0; 4],
        });
        self.level(e.instrument.get(), was.side, &level);
        Ok(())
    }

    fn delete(
        &mut self,
        event_seq: EventSeq,
        instrument: u32,
        order_id: OrderId,
    ) -> Result<(), PublishError> {
        let fits = |error| PublishError::Book { event_seq, error };
        let (was, level) = self.book(event_seq, instrument)?.remove(order_id).map_err(fits)?;
        self.outbox.push(&DeleteOrder {
            order_id: order_id.0.into(),
            instrument: instrument.into(),
            reserved: [0; 4],
        });
        self.level(instrument, was.side, &level);
        Ok(())
    }

    fn level(&mut self, instrument: u32, side: Side, level: &Level) {
        self.outbox.push(&PriceLevel {
            price: level.price.0.into(),
            qty: level.qty.0.into(),
            order_count: level.order_count.into(),
            instrument: instrument.into(),
            side: side as u8,
            reserved: [0; 7],
        });
    }
}

#[cfg(test)]
mod tests;
