//! A market-data consumer: rebuilds books from streams 40 and 41, and from nothing else.
//!
//! ```text
//!   stream 40  -- in order --> apply, or keep while an instrument waits for its snapshot
//!   stream 41  -- snapshot of an instrument, up to feed_seq S --> load, then what was kept from S+1 on
//!
//!   an instrument:   Stale --snapshot--> Live --gap in feed_seq, or a message that does not fit--> Stale
//! ```
//! A stale instrument knows from which message on all of its messages are kept (`State::Stale`):
//! only a snapshot that reaches up to there joins without a hole.
//!
//! A book that may be stale says so: [`Consumer::is_live`].

use std::collections::{BTreeMap, VecDeque};
use vesta_md_publisher::{BookError, BookOrder, Level, MarketBook};
use vesta_types::{AuctionKind, InstrumentId, OrderId, PriceTicks, QtyLots, Side, TradingState};
use vesta_wire::md::{
    AddOrder, DeleteOrder, ExecuteOrder, Heartbeat, Indicative, InstrumentInfo, MdFrame,
    PriceLevel, ReduceOrder, SnapshotBegin, SnapshotEnd, SnapshotOrder, Trade, TradingStatus,
};
use vesta_wire::{Message, WireError, decode, open_frame, peek};

/// Bytes of incrementals kept for instruments that wait for a snapshot. Too low: a snapshot that
/// takes long to arrive finds that what follows it is gone, and the next one must be awaited.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a consumer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames and heartbeats of both streams.
    pub datagrams: u64,
    /// Messages of stream 40 applied or kept.
    pub messages: u64,
    /// Trade prints.
    pub trades: u64,
    /// Gaps in the feed.
    pub gaps: u64,
    /// Snapshots loaded.
    pub snapshots: u64,
    /// Messages that are none, or that did not fit the book.
    pub faults: u64,
}

/// One instrument, as a consumer knows it.
#[derive(Clone, Debug, Default)]
struct Instrument {
    info: Option<InstrumentInfo>,
    book: MarketBook,
    state: State,
    loading: Option<Loading>,
    status: Option<TradingStatus>,
    indicative: Option<Indicative>,
    last_trade: Option<(PriceTicks, QtyLots)>,
}

/// How an instrument's book stands to the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It may be wrong. All of the instrument's messages from `kept_from` on are kept, or were
    /// never sent; `None` until the feed is heard.
    Stale { kept_from: Option<u64> },
    /// It holds all messages up to this one.
    Live { holds: u64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Stale { kept_from: None }
    }
}

impl Instrument {
    const fn is_live(&self) -> bool {
        matches!(self.state, State::Live { .. })
    }
}

/// A snapshot that is arriving.
#[derive(Clone, Debug)]
struct Loading {
    feed_seq: u64,
    order_count: u32,
    book: MarketBook,
    status: Option<TradingStatus>,
    indicative: Option<Indicative>,
}

/// A consumer of one shard's market data.
#[derive(Debug)]
pub struct Consumer {
    instruments: BTreeMap<InstrumentId, Instrument>,
    /// The message of stream 40 that comes next; `None` before the first.
    next: Option<u64>,
    /// Messages of stream 40, for instruments that are stale.
    kept: VecDeque<(u64, Vec<u8>)>,
    kept_bytes: usize,
    kept_bytes_max: usize,
    watermark: u64,
    counters: Counters,
    /// Every trade print heard, where they are wanted.
    prints: Option<Vec<Trade>>,
}

impl Consumer {
    /// A consumer of these instruments; messages of others are skipped.
    #[must_use]
    pub fn new(instruments: &[InstrumentId]) -> Self {
        Self {
            instruments: instruments.iter().map(|&id| (id, Instrument::default())).collect(),
            next: None,
            kept: VecDeque::new(),
            kept_bytes: 0,
            kept_bytes_max: KEPT_BYTES_MAX,
            watermark: 0,
            counters: Counters::default(),
            prints: None,
        }
    }

    /// Keeps every trade print from now on, for [`take_prints`](Self::take_prints).
    pub fn record_prints(&mut self) {
        self.prints.get_or_insert_default();
    }

    /// The trade prints heard since the last call, also those that came while a book was stale.
    pub fn take_prints(&mut self) -> Vec<Trade> {
        self.prints.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// True when every book is known to be up to date with the feed.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.instruments.values().all(Instrument::is_live)
    }

    /// All events of the venue up to this one are reflected, where the books are live.
    #[must_use]
    pub const fn event_seq(&self) -> u64 {
        self.watermark
    }

    /// An instrument's book; `None` for one that is not followed.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<&MarketBook> {
        Some(&self.instruments.get(&instrument)?.book)
    }

    /// What an instrument is, once a round of snapshots has said it.
    #[must_use]
    pub fn info(&self, instrument: InstrumentId) -> Option<&InstrumentInfo> {
        self.instruments.get(&instrument)?.info.as_ref()
    }

    /// Price and quantity of an instrument's last trade.
    #[must_use]
    pub fn last_trade(&self, instrument: InstrumentId) -> Option<(PriceTicks, QtyLots)> {
        self.instruments.get(&instrument)?.last_trade
    }

    /// What an instrument does just now, and in a call the auction that is called, where its book is
    /// live.
    #[must_use]
    pub fn status(&self, instrument: InstrumentId) -> Option<(TradingState, Option<AuctionKind>)> {
        let status = self.instruments.get(&instrument).filter(|i| i.is_live())?.status?;
        Some((TradingState::from_wire(status.state)?, AuctionKind::from_wire(status.auction)))
    }

    /// What was last told of the auction that is being called, where the book is live.
    #[must_use]
    pub fn indicative(&self, instrument: InstrumentId) -> Option<vesta_types::Indicative> {
        let told = self.instruments.get(&instrument).filter(|i| i.is_live())?.indicative?;
        Some(vesta_types::Indicative {
            instrument,
            price: PriceTicks(told.price.get()),
            qty: QtyLots(told.qty.get()),
            imbalance: QtyLots(told.imbalance.get()),
            imbalance_side: Side::from_wire(told.imbalance_side),
        })
    }

    /// The instruments that are followed.
    pub fn instruments(&self) -> impl Iterator<Item = InstrumentId> + '_ {
        self.instruments.keys().copied()
    }

    /// The publisher's stream is new or gone: what follows need not follow on what came before, nor
    /// does a snapshot that was on its way.
    pub fn on_feed_break(&mut self) {
        self.next = None;
        self.watermark = 0;
        self.start_again(None);
        for instrument in self.instruments.values_mut() {
            instrument.loading = None;
        }
    }

    /// A fragment of stream 40.
    pub fn on_market_data(&mut self, bytes: &[u8]) {
        self.counters.datagrams += 1;
        let outcome = match peek(bytes).map(|header| header.template_id.get()) {
            Ok(MdFrame::TEMPLATE_ID) => self.on_frame(bytes),
            Ok(Heartbeat::TEMPLATE_ID) => self.on_heartbeat(bytes),
            Ok(template) => Err(WireError::UnknownTemplate(template)),
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            self.counters.faults += 1;
        }
    }

    fn on_heartbeat(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let heartbeat: &Heartbeat = decode(bytes)?;
        let next = heartbeat.next_feed_seq.get();
        self.expect(next);
        self.watermark = self.watermark.max(heartbeat.event_seq.get());
        Ok(())
    }

    /// Message `feed_seq` is the next one that is to be had.
    fn expect(&mut self, feed_seq: u64) {
        if self.next.is_some_and(|expected| expected >= feed_seq) {
            return;
        }
        self.counters.gaps += u64::from(self.next.is_some());
        self.next = Some(feed_seq);
        self.start_again(self.next);
    }

    fn on_frame(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let (frame, messages) = open_frame::<MdFrame>(bytes)?;
        let first = frame.feed_seq.get();
        // Numbers at the very end of their range are nobody's: the publisher counts from 1.
        if first.checked_add(u64::from(frame.count.get()) + 1).is_none() {
            return Err(WireError::InvalidField("feed_seq"));
        }
        for (feed_seq, message) in (first..).zip(messages) {
            let message = message?;
            self.expect(feed_seq);
            if self.next == Some(feed_seq) {
                self.next = Some(feed_seq + 1);
                self.on_message(feed_seq, message);
            }
        }
        self.watermark = self.watermark.max(frame.event_seq.get());
        Ok(())
    }

    fn on_message(&mut self, feed_seq: u64, message: &[u8]) {
        self.counters.messages += 1;
        if let (Some(prints), Ok(print)) = (&mut self.prints, decode::<Trade>(message)) {
            prints.push(*print);
        }
        let Some(id) = instrument_of(message) else {
            // Nobody knows which book it was about.
            self.counters.faults += 1;
            self.start_again(Some(feed_seq + 1));
            return;
        };
        let Some(instrument) = self.instruments.get_mut(&id) else { return };
        match instrument.state {
            // In the snapshot already.
            State::Live { holds } if feed_seq <= holds => {}
            State::Live { .. } => instrument.take(feed_seq, message, &mut self.counters),
            State::Stale { .. } => self.keep(feed_seq, message),
        }
    }

    fn keep(&mut self, feed_seq: u64, message: &[u8]) {
        self.kept_bytes += message.len();
        self.kept.push_back((feed_seq, message.to_vec()));
        while self.kept_bytes > self.kept_bytes_max {
            let Some((gone_seq, gone)) = self.kept.pop_front() else { break };
            self.kept_bytes -= gone.len();
            let loser = instrument_of(&gone).and_then(|id| self.instruments.get_mut(&id));
            if let Some(Instrument { state: State::Stale { kept_from }, .. }) = loser {
                *kept_from = (*kept_from).max(Some(gone_seq + 1));
            }
        }
    }

    /// Everything is stale, and nothing that was kept follows on what will come, from message
    /// `kept_from` on.
    fn start_again(&mut self, kept_from: Option<u64>) {
        for instrument in self.instruments.values_mut() {
            instrument.state = State::Stale { kept_from };
        }
        self.kept.clear();
        self.kept_bytes = 0;
    }

    /// A fragment of stream 41.
    pub fn on_snapshot(&mut self, bytes: &[u8]) {
        self.counters.datagrams += 1;
        let Ok((_, messages)) = open_frame::<MdFrame>(bytes) else {
            self.counters.faults += 1;
            return;
        };
        for message in messages {
            if message.and_then(|message| self.on_snapshot_message(message)).is_err() {
                self.counters.faults += 1;
            }
        }
    }

    fn on_snapshot_message(&mut self, message: &[u8]) -> Result<(), WireError> {
        match peek(message)?.template_id.get() {
            InstrumentInfo::TEMPLATE_ID => {
                let info: &InstrumentInfo = decode(message)?;
                if let Some(entry) = self.entry(info.instrument.get()) {
                    entry.info = Some(*info);
                }
            }
            SnapshotBegin::TEMPLATE_ID => {
                let begin: &SnapshotBegin = decode(message)?;
                if let Some(entry) = self.entry(begin.instrument.get()) {
                    // A live book has no use for a snapshot.
                    entry.loading = (!entry.is_live()).then(|| Loading {
                        feed_seq: begin.feed_seq.get(),
                        order_count: begin.order_count.get(),
                        book: MarketBook::default(),
                        status: None,
                        indicative: None,
                    });
                }
            }
            TradingStatus::TEMPLATE_ID => {
                let status: &TradingStatus = decode(message)?;
                let loading = self.entry(status.instrument.get()).and_then(|e| e.loading.as_mut());
                if let Some(loading) = loading {
                    loading.status = Some(*status);
                }
            }
            Indicative::TEMPLATE_ID => {
                let told: &Indicative = decode(message)?;
                let loading = self.entry(told.instrument.get()).and_then(|e| e.loading.as_mut());
                if let Some(loading) = loading {
                    loading.indicative = Some(*told);
                }
            }
            SnapshotOrder::TEMPLATE_ID => {
                let order: &SnapshotOrder = decode(message)?;
                let Some(entry) = self.entry(order.instrument.get()) else { return Ok(()) };
                let Some(loading) = entry.loading.as_mut() else { return Ok(()) };
                let added = book_order(
                    order.order_id.get(),
                    order.side,
                    order.price.get(),
                    order.qty.get(),
                );
                let is_more = loading.book.order_count() >= loading.order_count as usize;
                if is_more || loading.book.add(added).is_err() {
                    entry.loading = None;
                    self.counters.faults += 1;
                }
            }
            SnapshotEnd::TEMPLATE_ID => {
                let end: &SnapshotEnd = decode(message)?;
                self.load(end);
            }
            template => return Err(WireError::UnknownTemplate(template)),
        }
        Ok(())
    }

    fn entry(&mut self, instrument: u32) -> Option<&mut Instrument> {
        self.instruments.get_mut(&InstrumentId(instrument))
    }

    /// A snapshot is whole: load it, if what was kept follows on it without a gap.
    fn load(&mut self, end: &SnapshotEnd) {
        let Self { instruments, kept, counters, .. } = self;
        let id = InstrumentId(end.instrument.get());
        let Some(instrument) = instruments.get_mut(&id) else { return };
        let Some(loading) = instrument.loading.take() else { return };
        // Begin and end are of one snapshot, and all of it came.
        let is_whole = loading.feed_seq == end.feed_seq.get()
            && loading.order_count == end.order_count.get()
            && loading.book.order_count() == loading.order_count as usize;
        let State::Stale { kept_from: Some(kept_from) } = instrument.state else { return };
        if !is_whole || kept_from > loading.feed_seq.saturating_add(1) {
            return;
        }
        instrument.book = loading.book;
        instrument.status = loading.status;
        instrument.indicative = loading.indicative;
        instrument.state = State::Live { holds: loading.feed_seq };
        counters.snapshots += 1;
        for (feed_seq, message) in kept.iter().filter(|(n, _)| *n > loading.feed_seq) {
            if instrument.is_live() && instrument_of(message) == Some(id) {
                instrument.take(*feed_seq, message, counters);
            }
        }
        if self.is_live() {
            self.kept.clear();
            self.kept_bytes = 0;
        }
    }
}

impl Instrument {
    /// Applies message `feed_seq`, which follows on what the book holds; one that does not fit makes
    /// the book stale.
    fn take(&mut self, feed_seq: u64, message: &[u8], counters: &mut Counters) {
        match self.apply(message) {
            Ok(trades) => {
                counters.trades += u64::from(trades);
                self.state = State::Live { holds: feed_seq };
            }
            Err(_) => {
                counters.faults += 1;
                self.state = State::Stale { kept_from: Some(feed_seq + 1) };
            }
        }
    }

    /// So many lots of an order are gone, and it shows so many from now on.
    fn shows(
        &mut self,
        order_id: OrderId,
        (qty, leaves): (QtyLots, QtyLots),
        refreshed: u8,
    ) -> Result<(), Misfit> {
        if refreshed == 1 {
            self.book.refresh(order_id, qty, leaves)?;
        } else {
            self.book.reduce(order_id, qty, leaves)?;
        }
        Ok(())
    }

    /// Applies one message of stream 40; returns 1 for a trade print.
    fn apply(&mut self, message: &[u8]) -> Result<u8, Misfit> {
        match peek(message)?.template_id.get() {
            AddOrder::TEMPLATE_ID => {
                let m: &AddOrder = decode(message)?;
                let order = book_order(m.order_id.get(), m.side, m.price.get(), m.qty.get());
                self.book.add(order)?;
            }
            ExecuteOrder::TEMPLATE_ID => {
                let m: &ExecuteOrder = decode(message)?;
                let (qty, leaves) = (QtyLots(m.qty.get()), QtyLots(m.leaves.get()));
                self.shows(OrderId(m.order_id.get()), (qty, leaves), m.refreshed)?;
            }
            ReduceOrder::TEMPLATE_ID => {
                let m: &ReduceOrder = decode(message)?;
                let (qty, leaves) = (QtyLots(m.qty.get()), QtyLots(m.leaves.get()));
                self.shows(OrderId(m.order_id.get()), (qty, leaves), m.refreshed)?;
            }
            DeleteOrder::TEMPLATE_ID => {
                let m: &DeleteOrder = decode(message)?;
                self.book.remove(OrderId(m.order_id.get()))?;
            }
            PriceLevel::TEMPLATE_ID => self.check_level(decode(message)?)?,
            TradingStatus::TEMPLATE_ID => {
                self.status = Some(*decode(message)?);
                // What was told of one call says nothing of the next.
                self.indicative = None;
            }
            Indicative::TEMPLATE_ID => self.indicative = Some(*decode(message)?),
            Trade::TEMPLATE_ID => {
                let m: &Trade = decode(message)?;
                self.last_trade = Some((PriceTicks(m.price.get()), QtyLots(m.qty.get())));
                return Ok(1);
            }
            template => return Err(WireError::UnknownTemplate(template).into()),
        }
        Ok(0)
    }

    /// The level's total, as published, must be what the single orders add up to.
    fn check_level(&self, m: &PriceLevel) -> Result<(), Misfit> {
        let published = Level {
            price: PriceTicks(m.price.get()),
            qty: QtyLots(m.qty.get()),
            order_count: m.order_count.get(),
        };
        let side = side(m.side);
        let ours = self.book.level(side, published.price);
        if ours == published { Ok(()) } else { Err(Misfit::Level) }
    }
}

/// A message that is none, or does not fit the book.
#[derive(Debug, thiserror::Error)]
enum Misfit {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Book(#[from] BookError),
    #[error("the published total of a level is not what its orders add up to")]
    Level,
}

/// The gate has checked the byte; a default keeps this total.
fn side(byte: u8) -> Side {
    Side::from_wire(byte).unwrap_or(Side::Buy)
}

fn book_order(order_id: u64, side_byte: u8, price: i64, qty: u64) -> BookOrder {
    BookOrder {
        order_id: OrderId(order_id),
        side: side(side_byte),
        price: PriceTicks(price),
        qty: QtyLots(qty),
    }
}

/// The instrument that a message of stream 40 is about.
fn instrument_of(message: &[u8]) -> Option<InstrumentId> {
    let id = match peek(message).ok()?.template_id.get() {
        AddOrder::TEMPLATE_ID => decode::<AddOrder>(message).ok()?.instrument,
        ExecuteOrder::TEMPLATE_ID => decode::<ExecuteOrder>(message).ok()?.instrument,
        ReduceOrder::TEMPLATE_ID => decode::<ReduceOrder>(message).ok()?.instrument,
        DeleteOrder::TEMPLATE_ID => decode::<DeleteOrder>(message).ok()?.instrument,
        PriceLevel::TEMPLATE_ID => decode::<PriceLevel>(message).ok()?.instrument,
        Trade::TEMPLATE_ID => decode::<Trade>(message).ok()?.instrument,
        TradingStatus::TEMPLATE_ID => decode::<TradingStatus>(message).ok()?.instrument,
        Indicative::TEMPLATE_ID => decode::<Indicative>(message).ok()?.instrument,
        _ => return None,
    };
    Some(InstrumentId(id.get()))
}

#[cfg(test)]
mod tests;
