//! The consumer against hand-made streams: what it is missing, and what it makes of nonsense.

use super::*;
use vesta_wire::FrameBuilder;

const BTC: u32 = 1;
const ETH: u32 = 2;
const BUY: u8 = 1;

/// A frame of stream 40 (or 41, with `first` 0) whose events are numbered like its messages.
struct Frame(FrameBuilder<MdFrame>);

impl Frame {
    fn new() -> Self {
        Self(FrameBuilder::new(1_408))
    }

    fn with<M: Message>(mut self, message: &M) -> Self {
        self.0.push(message);
        self
    }

    fn bytes(mut self, first: u64) -> Vec<u8> {
        let count = self.0.count();
        let header = MdFrame {
            feed_seq: first.into(),
            event_seq: (first + u64::from(count)).saturating_sub(1).into(),
            time_ns: 0.into(),
            shard: 1.into(),
            count: count.into(),
            reserved: [0; 2],
        };
        self.0.finish(&header).to_vec()
    }
}

fn add(instrument: u32, order_id: u64) -> AddOrder {
    AddOrder {
        order_id: order_id.into(),
        price: 100.into(),
        qty: 5.into(),
        instrument: instrument.into(),
        side: BUY,
        reserved: [0; 3],
    }
}

fn delete(instrument: u32, order_id: u64) -> DeleteOrder {
    DeleteOrder { order_id: order_id.into(), instrument: instrument.into(), reserved: [0; 4] }
}

fn level(instrument: u32, qty: u64, order_count: u32) -> PriceLevel {
    PriceLevel {
        price: 100.into(),
        qty: qty.into(),
        order_count: order_count.into(),
        instrument: instrument.into(),
        side: BUY,
        reserved: [0; 7],
    }
}

fn heartbeat(next: u64) -> Vec<u8> {
    let message = Heartbeat {
        next_feed_seq: next.into(),
        event_seq: next.saturating_sub(1).into(),
        time_ns: 0.into(),
        shard: 1.into(),
        reserved: [0; 4],
    };
    let mut bytes = vec![0; Heartbeat::LEN];
    vesta_wire::encode(&message, &mut bytes);
    bytes
}

fn begin(instrument: u32, feed_seq: u64, order_count: u32) -> SnapshotBegin {
    SnapshotBegin {
        feed_seq: feed_seq.into(),
        event_seq: feed_seq.into(),
        order_count: order_count.into(),
        instrument: instrument.into(),
        reserved: [0; 8],
    }
}

fn end(instrument: u32, feed_seq: u64, order_count: u32) -> SnapshotEnd {
    SnapshotEnd {
        feed_seq: feed_seq.into(),
        order_count: order_count.into(),
        instrument: instrument.into(),
    }
}

fn resting(instrument: u32, order_id: u64) -> SnapshotOrder {
    SnapshotOrder {
        order_id: order_id.into(),
        price: 100.into(),
        qty: 5.into(),
        instrument: instrument.into(),
        side: BUY,
        reserved: [0; 3],
    }
}

/// A whole snapshot of `instrument` that holds all up to `feed_seq`.
fn snapshot(instrument: u32, feed_seq: u64, orders: &[u64]) -> Vec<u8> {
    let order_count = orders.len() as u32;
    let mut frame = Frame::new().with(&begin(instrument, feed_seq, order_count));
    for &order_id in orders {
        frame = frame.with(&resting(instrument, order_id));
    }
    frame.with(&end(instrument, feed_seq, order_count)).bytes(0)
}

fn consumer(instruments: &[u32]) -> Consumer {
    let ids: Vec<_> = instruments.iter().map(|&id| InstrumentId(id)).collect();
    Consumer::new(&ids)
}

/// A consumer of BTC that was there from the start, with order 1 in the book and message 2 next.
fn live() -> Consumer {
    let mut consumer = consumer(&[BTC]);
    consumer.on_market_data(&heartbeat(1));
    consumer.on_snapshot(&snapshot(BTC, 0, &[]));
    consumer.on_market_data(&Frame::new().with(&add(BTC, 1)).bytes(1));
    assert_eq!(ids(&consumer, BTC), Some(vec![1]));
    consumer
}

/// The orders of a book that is known to be right; `None` for one that may be wrong.
fn ids(consumer: &Consumer, instrument: u32) -> Option<Vec<u64>> {
    let entry = &consumer.instruments[&InstrumentId(instrument)];
    entry.is_live().then(|| entry.book.orders(Side::Buy).map(|o| o.order_id.0).collect())
}

#[test]
fn a_gap_makes_stale_and_a_snapshot_makes_live_again() {
    let mut consumer = live();
    consumer.on_market_data(&Frame::new().with(&add(BTC, 3)).bytes(3));
    assert_eq!((ids(&consumer, BTC), consumer.counters().gaps), (None, 1));
    consumer.on_market_data(&Frame::new().with(&add(BTC, 4)).bytes(4));
    consumer.on_snapshot(&snapshot(BTC, 3, &[1, 2, 3]));
    assert_eq!(ids(&consumer, BTC), Some(vec![1, 2, 3, 4]));
    consumer.on_market_data(&Frame::new().with(&delete(BTC, 2)).bytes(5));
    assert_eq!(ids(&consumer, BTC), Some(vec![1, 3, 4]));
    assert_eq!(consumer.event_seq(), 5);
}

#[test]
fn a_heartbeat_ahead_is_a_gap() {
    let mut consumer = live();
    consumer.on_market_data(&heartbeat(2));
    assert!(consumer.is_live(), "that is what comes next anyway");
    consumer.on_market_data(&heartbeat(3));
    assert_eq!((consumer.is_live(), consumer.counters().gaps), (false, 1));
    consumer.on_snapshot(&snapshot(BTC, 1, &[1]));
    assert!(!consumer.is_live(), "message 2 is in neither");
    consumer.on_snapshot(&snapshot(BTC, 2, &[1, 2]));
    assert!(consumer.is_live());
}

fn status(state: TradingState, auction: Option<AuctionKind>) -> TradingStatus {
    TradingStatus {
        instrument: BTC.into(),
        state: state as u8,
        auction: auction.map_or(0, |auction| auction as u8),
        reserved: [0; 2],
    }
}

fn indicative(price: i64) -> Indicative {
    Indicative {
        price: price.into(),
        qty: 5.into(),
        imbalance: 2.into(),
        instrument: BTC.into(),
        imbalance_side: BUY,
        reserved: [0; 3],
    }
}

#[test]
fn what_an_instrument_does_is_followed() {
    let call = (TradingState::AuctionCall, Some(AuctionKind::Opening));
    let halt = (TradingState::Halt, None);
    let id = InstrumentId(BTC);
    let price = |consumer: &Consumer| consumer.indicative(id).map(|told| told.price.0);
    let mut consumer = live();
    assert_eq!((consumer.status(id), price(&consumer)), (None, None), "nobody said");
    let frame = Frame::new().with(&status(call.0, call.1)).with(&indicative(7));
    consumer.on_market_data(&frame.bytes(2));
    assert_eq!((consumer.status(id), price(&consumer)), (Some(call), Some(7)));
    consumer.on_market_data(&Frame::new().with(&indicative(8)).bytes(4));
    assert_eq!(price(&consumer), Some(8));
    consumer.on_market_data(&Frame::new().with(&status(halt.0, halt.1)).bytes(5));
    assert_eq!((consumer.status(id), price(&consumer)), (Some(halt), None), "the call is over");
    // A snapshot says it, too.
    consumer.on_market_data(&heartbeat(9));
    assert_eq!(consumer.status(id), None, "it may be another by now");
    let snapshot = Frame::new()
        .with(&begin(BTC, 8, 1))
        .with(&status(call.0, call.1))
        .with(&indicative(9))
        .with(&resting(BTC, 1))
        .with(&end(BTC, 8, 1));
    consumer.on_snapshot(&snapshot.bytes(0));
    assert_eq!((consumer.status(id), price(&consumer)), (Some(call), Some(9)));
    assert_eq!(consumer.counters().faults, 0);
}

#[test]
fn a_crossed_book_is_no_fault() {
    // In a call orders are collected, and nothing trades.
    let mut consumer = live();
    let ask = AddOrder { side: 2, price: 90.into(), ..add(BTC, 2) };
    consumer.on_market_data(&Frame::new().with(&ask).bytes(2));
    let book = consumer.book(InstrumentId(BTC)).expect("it is followed");
    let best = |side| book.levels(side).next().map(|level| level.price.0);
    assert_eq!((best(Side::Buy), best(Side::Sell)), (Some(100), Some(90)));
    assert!(consumer.is_live());
}

#[test]
fn repeated_messages_are_dropped() {
    let mut consumer = live();
    consumer.on_market_data(&Frame::new().with(&add(BTC, 1)).bytes(1));
    let both = Frame::new().with(&add(BTC, 1)).with(&add(BTC, 2)).bytes(1);
    consumer.on_market_data(&both);
    consumer.on_market_data(&both);
    assert_eq!(ids(&consumer, BTC), Some(vec![1, 2]));
    assert_eq!(consumer.counters().faults, 0);
}

#[test]
fn a_snapshot_older_than_what_is_kept_is_not_loaded() {
    let mut consumer = consumer(&[BTC]);
    consumer.on_market_data(&Frame::new().with(&add(BTC, 12)).bytes(12));
    consumer.on_snapshot(&snapshot(BTC, 10, &[1]));
    assert_eq!(ids(&consumer, BTC), None, "message 11 is missing");
    consumer.on_snapshot(&snapshot(BTC, 11, &[1]));
    assert_eq!(ids(&consumer, BTC), Some(vec![1, 12]));
}

#[test]
fn a_snapshot_ahead_of_the_feed_swallows_what_it_holds() {
    let mut consumer = consumer(&[BTC]);
    consumer.on_market_data(&Frame::new().with(&add(BTC, 5)).bytes(5));
    consumer.on_snapshot(&snapshot(BTC, 7, &[5, 6, 7]));
    assert_eq!(ids(&consumer, BTC), Some(vec![5, 6, 7]));
    for n in 6..=8 {
        consumer.on_market_data(&Frame::new().with(&add(BTC, n)).bytes(n));
    }
    assert_eq!(ids(&consumer, BTC), Some(vec![5, 6, 7, 8]));
    assert_eq!(consumer.counters().faults, 0);
}

#[test]
fn a_snapshot_before_the_feed_is_heard_is_not_loaded() {
    let mut consumer = consumer(&[BTC]);
    consumer.on_snapshot(&snapshot(BTC, 7, &[1]));
    assert!(!consumer.is_live(), "whether more came since is not known");
}

#[test]
fn a_quiet_instrument_becomes_live_although_others_are_busy() {
    for followed in [&[BTC, ETH][..], &[ETH]] {
        let mut consumer = consumer(followed);
        consumer.on_market_data(&heartbeat(1));
        consumer.on_snapshot(&snapshot(BTC, 0, &[]));
        for n in 1..=50 {
            consumer.on_market_data(&Frame::new().with(&add(BTC, n)).bytes(n));
        }
        // A snapshot is always some messages behind the feed when it comes.
        consumer.on_snapshot(&snapshot(ETH, 20, &[900]));
        assert_eq!(ids(&consumer, ETH), Some(vec![900]));
        assert!(consumer.is_live());
    }
}

#[test]
fn an_instrument_that_did_not_fit_waits_for_a_snapshot_from_after_that() {
    let mut consumer = consumer(&[BTC, ETH]);
    consumer.on_market_data(&heartbeat(1));
    consumer.on_snapshot(&snapshot(BTC, 0, &[]));
    // ETH is stale all the time, so that messages are kept from 1 on, but not BTC's.
    for n in 1..=3 {
        let both = Frame::new().with(&add(ETH, 100 + n)).with(&add(BTC, n));
        consumer.on_market_data(&both.bytes(2 * n - 1));
    }
    consumer.on_market_data(&Frame::new().with(&delete(BTC, 77)).bytes(7));
    assert_eq!((ids(&consumer, BTC), consumer.counters().faults), (None, 1));
    consumer.on_snapshot(&snapshot(BTC, 2, &[1]));
    assert_eq!(ids(&consumer, BTC), None, "BTC's messages 4 and 6 were not kept");
    consumer.on_snapshot(&snapshot(BTC, 7, &[1, 2, 3]));
    consumer.on_snapshot(&snapshot(ETH, 0, &[]));
    assert_eq!(ids(&consumer, BTC), Some(vec![1, 2, 3]));
    assert_eq!(ids(&consumer, ETH), Some(vec![101, 102, 103]));
}

#[test]
fn foreign_instruments_are_skipped() {
    let mut consumer = live();
    consumer.on_market_data(&Frame::new().with(&add(9, 1)).with(&delete(9, 77)).bytes(2));
    consumer.on_snapshot(&snapshot(9, 3, &[5]));
    consumer.on_market_data(&Frame::new().with(&add(BTC, 2)).bytes(4));
    assert_eq!(ids(&consumer, BTC), Some(vec![1, 2]));
    assert!(consumer.book(InstrumentId(9)).is_none());
    assert_eq!((consumer.counters().faults, consumer.counters().gaps), (0, 0));
}

#[test]
fn a_published_level_that_is_wrong_is_detected() {
    for wrong in [level(BTC, 6, 1), level(BTC, 5, 2), level(BTC, 0, 0)] {
        let mut consumer = live();
        consumer.on_market_data(&Frame::new().with(&level(BTC, 5, 1)).bytes(2));
        assert!(consumer.is_live());
        consumer.on_market_data(&Frame::new().with(&wrong).bytes(3));
        assert_eq!((consumer.is_live(), consumer.counters().faults), (false, 1));
    }
}

#[test]
fn a_half_snapshot_is_not_loaded() {
    let whole = |frame: Frame| {
        let mut consumer = consumer(&[BTC]);
        consumer.on_market_data(&heartbeat(5));
        consumer.on_snapshot(&frame.bytes(0));
        consumer.is_live()
    };
    let frame = || Frame::new().with(&begin(BTC, 4, 2)).with(&resting(BTC, 1));
    assert!(whole(frame().with(&resting(BTC, 2)).with(&end(BTC, 4, 2))));
    assert!(!whole(frame().with(&end(BTC, 4, 2))), "one is missing");
    assert!(!whole(frame().with(&resting(BTC, 1)).with(&end(BTC, 4, 2))), "one came twice");
    let three = frame().with(&resting(BTC, 2)).with(&resting(BTC, 3));
    assert!(!whole(three.with(&end(BTC, 4, 2))), "one too many");
    assert!(!whole(frame().with(&resting(BTC, 2)).with(&end(BTC, 5, 2))), "another's end");
    assert!(!whole(Frame::new().with(&resting(BTC, 1)).with(&end(BTC, 4, 1))), "no beginning");
}

#[test]
fn nothing_survives_a_new_publisher() {
    let mut consumer = live();
    consumer.on_market_data(&heartbeat(3));
    consumer.on_snapshot(&Frame::new().with(&begin(BTC, 2, 1)).with(&resting(BTC, 1)).bytes(0));
    consumer.on_feed_break();
    assert_eq!((consumer.is_live(), consumer.event_seq()), (false, 0));
    consumer.on_market_data(&Frame::new().with(&add(BTC, 8)).bytes(1));
    consumer.on_snapshot(&Frame::new().with(&end(BTC, 2, 1)).bytes(0));
    assert!(!consumer.is_live(), "the snapshot began in the other's life");
    consumer.on_snapshot(&snapshot(BTC, 0, &[]));
    assert_eq!(ids(&consumer, BTC), Some(vec![8]));
    assert_eq!(consumer.event_seq(), 1);
}

#[test]
fn what_is_kept_is_bounded_and_what_went_is_known() {
    let mut consumer = consumer(&[BTC, ETH]);
    consumer.kept_bytes_max = 10 * AddOrder::LEN;
    consumer.on_market_data(&Frame::new().with(&add(ETH, 900)).bytes(1));
    for n in 2..=31 {
        consumer.on_market_data(&Frame::new().with(&add(BTC, n)).bytes(n));
        assert!(consumer.kept_bytes <= consumer.kept_bytes_max);
    }
    assert_eq!(consumer.kept.len(), 10);
    consumer.on_snapshot(&snapshot(BTC, 20, &[1]));
    assert_eq!(ids(&consumer, BTC), None, "message 21 went");
    consumer.on_snapshot(&snapshot(ETH, 0, &[]));
    assert_eq!(ids(&consumer, ETH), None, "message 1 went");
    consumer.on_snapshot(&snapshot(ETH, 1, &[900]));
    assert_eq!(ids(&consumer, ETH), Some(vec![900]), "none of its messages from 2 on went");
    consumer.on_snapshot(&snapshot(BTC, 21, &[1]));
    assert_eq!(ids(&consumer, BTC).map(|ids| ids.len()), Some(11));
    assert_eq!((consumer.kept.len(), consumer.kept_bytes), (0, 0));
}

#[test]
fn a_message_that_nobody_can_read_makes_every_book_stale() {
    let mut consumer = live();
    let mut bytes = Frame::new().with(&add(BTC, 2)).bytes(2);
    let last = bytes.len() - 1;
    bytes[last] = 1; // a reserved byte
    consumer.on_market_data(&bytes);
    assert_eq!((consumer.is_live(), consumer.counters().faults), (false, 1));
    consumer.on_snapshot(&snapshot(BTC, 2, &[1, 2]));
    assert!(consumer.is_live());
}

#[test]
fn garbage_is_counted_and_panics_nothing() {
    let good = Frame::new().with(&add(BTC, 2)).with(&level(BTC, 10, 2)).bytes(2);
    for len in 0..good.len() {
        let mut consumer = live();
        consumer.on_market_data(&good[..len]);
        consumer.on_snapshot(&good[..len]);
        assert!(consumer.counters().faults > 0, "{len}");
    }
    // Every byte, in turn, as wrong as it can be, on both streams.
    for stream in [good, snapshot(BTC, 9, &[1, 2]), heartbeat(7)] {
        for at in 0..stream.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = stream.clone();
                bytes[at] ^= flip;
                for mut consumer in [live(), consumer(&[BTC])] {
                    consumer.on_market_data(&bytes);
                    consumer.on_snapshot(&bytes);
                    consumer.on_market_data(&heartbeat(3));
                }
            }
        }
    }
}

#[test]
fn numbers_at_the_end_of_their_range_are_survived() {
    let mut one = Frame::new().with(&add(BTC, 2)).bytes(2);
    for first in [u64::MAX, u64::MAX - 1, u64::MAX - 2] {
        one[8..16].copy_from_slice(&first.to_le_bytes());
        let mut consumer = live();
        consumer.on_market_data(&one);
        consumer.on_market_data(&heartbeat(u64::MAX));
        consumer.on_snapshot(&snapshot(BTC, u64::MAX - 1, &[1]));
        consumer.on_snapshot(&snapshot(BTC, u64::MAX, &[1]));
    }
}
