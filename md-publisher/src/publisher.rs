//! One event in, its public messages out.

use crate::book::{BookError, BookOrder, Level, MarketBook};
use std::collections::{BTreeMap, VecDeque};
use vesta_types::{
    EventSeq, IcebergRefresh, InstrumentId, OrderId, PriceTicks, QtyLots, ShardId, Side, TimeNs,
};
use vesta_wire::event::{
    CommandAccepted, CommandRejected, EpochStarted, FillParty, IndicativeChanged,
    InstrumentDefined, OrderCancelled, OrderExecuted, OrderReplaced, OrderRepriced, OrderRested,
    OrderTriggered, Resent, SelfTradePrevented, StateHash, TradingStateChanged,
};
use vesta_wire::md::{
    AddOrder, DeleteOrder, ExecuteOrder, Heartbeat, Indicative, InstrumentInfo, MdFrame,
    PriceLevel, ReduceOrder, Trade, TradingStatus,
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

/// An instrument, what it does just now, and its book: displayed orders only.
#[derive(Clone, Debug)]
pub(crate) struct Instrument {
    pub(crate) info: InstrumentInfo,
    pub(crate) status: TradingStatus,
    /// What was last told of the auction that is being called.
    pub(crate) indicative: Option<Indicative>,
    pub(crate) book: MarketBook,
}

/// What came off a displayed order.
struct Taken {
    side: Side,
    gone: QtyLots,
    /// It shows its next tip in its place.
    refreshed: bool,
    /// Its level's new total.
    level: Level,
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
            SelfTradePrevented::TEMPLATE_ID => {
                self.prevented(event_seq, decode(bytes).map_err(malformed)?)?;
            }
            TradingStateChanged::TEMPLATE_ID => {
                self.state_changed(event_seq, decode(bytes).map_err(malformed)?)?;
            }
            IndicativeChanged::TEMPLATE_ID => {
                self.indicative(event_seq, decode(bytes).map_err(malformed)?)?;
            }
            InstrumentDefined::TEMPLATE_ID => self.defined(decode(bytes).map_err(malformed)?),
            // Between a session and the venue, or about what is not displayed: stops that wait and
            // pegged orders. The public learns nothing.
            CommandAccepted::TEMPLATE_ID
            | CommandRejected::TEMPLATE_ID
            | OrderTriggered::TEMPLATE_ID
            | OrderRepriced::TEMPLATE_ID
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

    /// Bytes of messages that have not left yet.
    #[must_use]
    pub const fn pending_bytes(&self) -> usize {
        self.outbox.pending_bytes()
    }

    /// The instruments, by id: what is known of each, and its book.
    pub fn books(&self) -> impl Iterator<Item = (&InstrumentInfo, &MarketBook)> {
        self.instruments.values().map(|instrument| (&instrument.info, &instrument.book))
    }

    /// True while messages wait to leave.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.outbox.is_empty()
    }

    fn instrument(
        &mut self,
        event_seq: EventSeq,
        instrument: u32,
    ) -> Result<&mut Instrument, PublishError> {
        let instrument = InstrumentId(instrument);
        let unknown = PublishError::UnknownInstrument { event_seq, instrument };
        self.instruments.get_mut(&instrument).ok_or(unknown)
    }

    fn defined(&mut self, e: &InstrumentDefined) {
        let info = InstrumentInfo {
            rules: e.rules,
            symbol: e.symbol,
            instrument: e.instrument,
            tick_size: e.tick_size,
            lot_size: e.lot_size,
            reserved: [0; 2],
        };
        let status = TradingStatus {
            instrument: e.instrument,
            state: e.rules.initial_state,
            auction: 0,
            reserved: [0; 2],
        };
        let (indicative, book) = (None, MarketBook::default());
        self.instruments.entry(InstrumentId(e.instrument.get())).or_insert(Instrument {
            info,
            status,
            indicative,
            book,
        });
    }

    fn state_changed(
        &mut self,
        event_seq: EventSeq,
        e: &TradingStateChanged,
    ) -> Result<(), PublishError> {
        let status = TradingStatus {
            instrument: e.instrument,
            state: e.state,
            auction: e.auction,
            reserved: [0; 2],
        };
        let instrument = self.instrument(event_seq, e.instrument.get())?;
        instrument.status = status;
        // What was told of one call says nothing of the next.
        instrument.indicative = None;
        self.outbox.push(&status);
        Ok(())
    }

    fn indicative(
        &mut self,
        event_seq: EventSeq,
        e: &IndicativeChanged,
    ) -> Result<(), PublishError> {
        let indicative = Indicative {
            price: e.price,
            qty: e.qty,
            imbalance: e.imbalance,
            instrument: e.instrument,
            imbalance_side: e.imbalance_side,
            reserved: [0; 3],
        };
        self.instrument(event_seq, e.instrument.get())?.indicative = Some(indicative);
        self.outbox.push(&indicative);
        Ok(())
    }

    fn rested(&mut self, event_seq: EventSeq, e: &OrderRested) -> Result<(), PublishError> {
        let instrument = self.instrument(event_seq, e.instrument.get())?;
        if e.displayed.get() == 0 {
            return Ok(());
        }
        let side = Side::from_wire(e.side).unwrap_or(Side::Buy);
        let order = BookOrder {
            order_id: OrderId(e.order_id.get()),
            side,
            price: PriceTicks(e.price.get()),
            qty: QtyLots(e.displayed.get()),
        };
        let fits = |error| PublishError::Book { event_seq, error };
        let level = instrument.book.add(order).map_err(fits)?;
        self.outbox.push(&AddOrder {
            order_id: e.order_id,
            price: e.price,
            qty: e.displayed,
            instrument: e.instrument,
            side: e.side,
            reserved: [0; 3],
        });
        self.level(e.instrument.get(), side, &level);
        Ok(())
    }

    /// A displayed order shows `displayed` from now on, less than before. Returns its side, what is
    /// gone, and its level's new total.
    fn shrink(
        &mut self,
        event_seq: EventSeq,
        instrument: u32,
        order_id: OrderId,
        displayed: QtyLots,
    ) -> Result<(Side, QtyLots, Level), PublishError> {
        let fits = |error| PublishError::Book { event_seq, error };
        let book = &mut self.instrument(event_seq, instrument)?.book;
        let was = book.order(order_id).ok_or(BookError::UnknownOrder(order_id)).map_err(fits)?;
        if displayed >= was.qty {
            return Err(fits(BookError::WrongQuantity { order_id, has: was.qty }));
        }
        let gone = was.qty - displayed;
        let (_, level) = book.reduce(order_id, gone, displayed).map_err(fits)?;
        Ok((was.side, gone, level))
    }

    /// A fill, or one that was prevented, came out of a displayed order. An iceberg may give more
    /// than it shows, but only in an auction.
    fn take(
        &mut self,
        event_seq: EventSeq,
        instrument: u32,
        party: &FillParty,
        (qty, is_auction): (QtyLots, bool),
    ) -> Result<Taken, PublishError> {
        let fits = |error| PublishError::Book { event_seq, error };
        let order_id = OrderId(party.order_id.get());
        let displayed = QtyLots(party.displayed.get());
        let Instrument { info, book, .. } = self.instrument(event_seq, instrument)?;
        let was = book.order(order_id).ok_or(BookError::UnknownOrder(order_id)).map_err(fits)?;
        let wrong = BookError::WrongQuantity { order_id, has: was.qty };
        if qty > was.qty && !is_auction {
            return Err(fits(wrong));
        }
        let gone = was.qty.min(qty);
        let tips_stay = info.rules.iceberg_refresh == IcebergRefresh::KeepsPriority as u8;
        let refreshed = tips_stay && gone == was.qty && !displayed.is_zero();
        let (_, level) = if refreshed {
            book.refresh(order_id, gone, displayed)
        } else {
            book.reduce(order_id, gone, displayed)
        }
        .map_err(fits)?;
        Ok(Taken { side: was.side, gone, refreshed, level })
    }

    fn executed(&mut self, event_seq: EventSeq, e: &OrderExecuted) -> Result<(), PublishError> {
        let (instrument, qty) = (e.instrument.get(), QtyLots(e.qty.get()));
        self.instrument(event_seq, instrument)?;
        let is_auction = e.auction == 1;
        for (party, was_displayed) in
            [(&e.taker, e.taker_was_displayed), (&e.maker, e.maker_was_displayed)]
        {
            if was_displayed == 0 {
                continue;
            }
            let taken = self.take(event_seq, instrument, party, (qty, is_auction))?;
            self.outbox.push(&ExecuteOrder {
                order_id: party.order_id,
                trade_id: e.trade_id,
                qty: taken.gone.0.into(),
                leaves: party.displayed,
                instrument: e.instrument,
                refreshed: u8::from(taken.refreshed),
                reserved: [0; 3],
            });
            self.level(instrument, taken.side, &taken.level);
        }
        self.outbox.push(&Trade {
            trade_id: e.trade_id,
            time_ns: e.stamp.time_ns,
            price: e.price,
            qty: e.qty,
            instrument: e.instrument,
            // In an auction nobody is the aggressor, although the log needs a taker.
            aggressor_side: if is_auction { 0 } else { e.taker_side },
            auction: e.auction,
            reserved: [0; 2],
        });
        Ok(())
    }

    fn prevented(
        &mut self,
        event_seq: EventSeq,
        e: &SelfTradePrevented,
    ) -> Result<(), PublishError> {
        let (instrument, qty) = (e.instrument.get(), QtyLots(e.qty.get()));
        self.instrument(event_seq, instrument)?;
        for (party, was_displayed) in
            [(&e.taker, e.taker_was_displayed), (&e.maker, e.maker_was_displayed)]
        {
            if was_displayed == 1 {
                let taken = self.take(event_seq, instrument, party, (qty, false))?;
                let (order_id, displayed) = (party.order_id.get(), party.displayed.get());
                self.shrunk(instrument, OrderId(order_id), &taken, QtyLots(displayed));
                self.level(instrument, taken.side, &taken.level);
            }
        }
        Ok(())
    }

    fn cancelled(&mut self, event_seq: EventSeq, e: &OrderCancelled) -> Result<(), PublishError> {
        self.instrument(event_seq, e.instrument.get())?;
        if e.displayed.get() == 0 {
            return Ok(());
        }
        self.delete(event_seq, e.instrument.get(), OrderId(e.order_id.get()), e.displayed.get())
    }

    fn replaced(&mut self, event_seq: EventSeq, e: &OrderReplaced) -> Result<(), PublishError> {
        let (instrument, order_id) = (e.instrument.get(), OrderId(e.order_id.get()));
        self.instrument(event_seq, instrument)?;
        let (before, displayed) = (e.old_displayed.get(), QtyLots(e.displayed.get()));
        if before == 0 {
            return Ok(());
        }
        if e.priority_kept == 0 {
            // It leaves its queue; when it enters one again, an OrderRested says so.
            return self.delete(event_seq, instrument, order_id, before);
        }
        if displayed.0 == before {
            // An iceberg that shrank in its reserve.
            return Ok(());
        }
        let (side, gone, level) = self.shrink(event_seq, instrument, order_id, displayed)?;
        let taken = Taken { side, gone, refreshed: false, level };
        self.shrunk(instrument, order_id, &taken, displayed);
        self.level(instrument, side, &taken.level);
        Ok(())
    }

    /// Says that an order shows less, without a trade; at nothing left, that it is gone.
    fn shrunk(&mut self, instrument: u32, order_id: OrderId, taken: &Taken, displayed: QtyLots) {
        if displayed.is_zero() {
            self.deleted(instrument, order_id);
            return;
        }
        self.outbox.push(&ReduceOrder {
            order_id: order_id.0.into(),
            qty: taken.gone.0.into(),
            leaves: displayed.0.into(),
            instrument: instrument.into(),
            refreshed: u8::from(taken.refreshed),
            reserved: [0; 3],
        });
    }

    fn deleted(&mut self, instrument: u32, order_id: OrderId) {
        self.outbox.push(&DeleteOrder {
            order_id: order_id.0.into(),
            instrument: instrument.into(),
            reserved: [0; 4],
        });
    }

    /// An order that shows `displayed` leaves the book.
    fn delete(
        &mut self,
        event_seq: EventSeq,
        instrument: u32,
        order_id: OrderId,
        displayed: u64,
    ) -> Result<(), PublishError> {
        let (side, gone, level) = self.shrink(event_seq, instrument, order_id, QtyLots::ZERO)?;
        if gone.0 != displayed {
            let error = BookError::WrongQuantity { order_id, has: gone };
            return Err(PublishError::Book { event_seq, error });
        }
        self.deleted(instrument, order_id);
        self.level(instrument, side, &level);
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
