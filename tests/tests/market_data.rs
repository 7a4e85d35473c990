//! Engine, md-publisher and consumer without a network between them: at every watermark that a
//! consumer reaches, its books are the ones that the engine had after that event.

use std::collections::BTreeMap;
use vesta_engine::{Engine, SessionOwner, Settings};
use vesta_md_publisher::{BookOrder, Publisher};
use vesta_sim::Random;
use vesta_tools::consumer::Consumer;
use vesta_types::{
    AuctionKind, Capacity, Epoch, GatewayId, InstrumentId, InstrumentRules, PriceTicks, QtyLots,
    SessionId, ShardId, Side, TradingState,
};
use vesta_wire::client::{FLAG_HIDDEN, Origin};
use vesta_wire::event::EventFrame;
use vesta_wire::md::{MdFrame, PriceLevel, SnapshotBegin, SnapshotEnd};
use vesta_wire::record::{
    CancelOrder, DefineInstrument, NewOrder, NewOrderExtended, ReplaceOrder, SetState, Stamp,
};
use vesta_wire::{Decimal, EventReader, Message, Outbox, Symbol, decode, encode, open_frame};

const INSTRUMENTS: [InstrumentId; 2] = [InstrumentId(1), InstrumentId(2)];

fn engine() -> Engine {
    Engine::new(Settings {
        shard: ShardId(1),
        epoch: Epoch(1),
        sessions: vec![SessionOwner::plain(SessionId(1), GatewayId(1))],
        outcomes_kept: 4,
        capacity: Capacity {
            order_count_max: 64,
            level_count_max: 16,
            instrument_count_max: 2,
            session_count_max: 1,
        },
    })
}

fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; M::LEN];
    encode(message, &mut bytes);
    bytes
}

/// Every so many records one is the sequencer's own.
const OWN_EVERY: u64 = 20;

/// Record `seq`: first the definitions, then commands 1, 2, ... of session 1.
fn record(random: &mut Random, seq: u64) -> Vec<u8> {
    let is_definition = seq <= INSTRUMENTS.len() as u64;
    // Now and then a call, and its end, in which the book may be crossed.
    let is_own = seq.is_multiple_of(OWN_EVERY);
    let (gateway, session) = if is_definition || is_own { (0, 0) } else { (1, 1) };
    let commands = (seq - seq / OWN_EVERY).saturating_sub(INSTRUMENTS.len() as u64);
    let client_seq = if session == 0 { 0 } else { commands };
    let stamp =
        Stamp { seq: seq.into(), time_ns: seq.into(), epoch: 1.into(), gateway: gateway.into() };
    let origin = Origin {
        client_seq: client_seq.into(),
        session: session.into(),
        session_epoch: session.into(),
    };
    if is_definition {
        return bytes(&DefineInstrument {
            stamp,
            origin,
            rules: (&InstrumentRules::new(PriceTicks(100), QtyLots(50))).into(),
            symbol: Symbol::new("X").expect("short"),
            instrument: (seq as u32).into(),
            tick_size: Decimal { mantissa: 1.into(), exponent: 0 },
            lot_size: Decimal { mantissa: 1.into(), exponent: 0 },
            reserved: [0; 2],
        });
    }
    if is_own {
        let nth = seq / OWN_EVERY;
        let calls = nth % 4 < 2;
        let state = if calls { TradingState::AuctionCall } else { TradingState::Uncross };
        return bytes(&SetState {
            stamp,
            origin,
            instrument: (1 + nth as u32 % 2).into(),
            state: state as u8,
            auction: AuctionKind::Volatility as u8,
            reserved: [0; 2],
        });
    }
    let instrument = (random.between(1, 2) as u32).into();
    let name = random.between(1, 30).into();
    let price = (random.between(45, 55) as i64).into();
    let qty = random.between(1, 20).into();
    let plain = NewOrder {
        stamp,
        origin,
        client_order_id: name,
        account: 0.into(),
        price,
        qty,
        instrument,
        stp_group: 0.into(),
        side: random.between(1, 2) as u8,
        order_type: 1,
        time_in_force: random.between(1, 2) as u8,
        flags: 0,
        post_only: 0,
        self_trade: 0,
        reserved: [0; 2],
    };
    match random.between(0, 9) {
        0..4 => bytes(&plain),
        4 => bytes(&NewOrder { time_in_force: 1, flags: FLAG_HIDDEN, ..plain }),
        5 => bytes(&iceberg(&plain, random.between(1, 5))),
        6..8 => bytes(&CancelOrder {
            stamp,
            origin,
            client_order_id: name,
            order_id: 0.into(),
            instrument,
            reserved: [0; 4],
        }),
        _ => bytes(&ReplaceOrder {
            stamp,
            origin,
            client_order_id: name,
            order_id: 0.into(),
            price,
            qty,
            stop_price: 0.into(),
            instrument,
            reserved: [0; 4],
        }),
    }
}

fn iceberg(plain: &NewOrder, tip: u64) -> NewOrderExtended {
    NewOrderExtended {
        stamp: plain.stamp,
        origin: plain.origin,
        client_order_id: plain.client_order_id,
        account: plain.account,
        price: plain.price,
        qty: (plain.qty.get() + tip).into(),
        display_qty: tip.into(),
        min_qty: 0.into(),
        stop_price: 0.into(),
        trail_ticks: 0.into(),
        offset_ticks: 0.into(),
        expires_ns: 0.into(),
        budget: 0.into(),
        instrument: plain.instrument,
        stp_group: plain.stp_group,
        side: plain.side,
        order_type: plain.order_type,
        time_in_force: 1,
        flags: 0,
        post_only: 0,
        self_trade: 0,
        peg: 0,
        reserved: 0,
    }
}

/// Who follows price levels alone: side by side, price by price, quantity and number of orders.
type Levels = BTreeMap<(u32, u8, i64), (u64, u32)>;

fn follow_levels(levels: &mut Levels, frame: &[u8]) {
    let (_, messages) = open_frame::<MdFrame>(frame).expect("a frame");
    for message in messages {
        let Ok(m) = decode::<PriceLevel>(message.expect("a message")) else { continue };
        let key = (m.instrument.get(), m.side, m.price.get());
        match m.qty.get() {
            0 => levels.remove(&key),
            qty => levels.insert(key, (qty, m.order_count.get())),
        };
    }
}

fn engines_levels(engine: &Engine) -> Levels {
    let mut levels = Levels::new();
    for (id, side) in sides() {
        for level in engine.matcher().levels(id, side) {
            let key = (id.0, side as u8, level.price.0);
            levels.insert(key, (level.qty.0, level.order_count));
        }
    }
    levels
}

type Books = Vec<Vec<BookOrder>>;

fn engines_books(engine: &Engine) -> Books {
    let side = |(id, side)| {
        engine
            .matcher()
            .orders(id, side)
            .map(|o| BookOrder {
                order_id: o.order_id,
                side,
                price: o.queue_price,
                qty: o.displayed,
            })
            .collect()
    };
    sides().map(side).collect()
}

fn consumers_books(consumer: &Consumer) -> Books {
    let side = |(id, side)| consumer.book(id).expect("followed").orders(side).collect();
    sides().map(side).collect()
}

fn sides() -> impl Iterator<Item = (InstrumentId, Side)> {
    INSTRUMENTS.into_iter().flat_map(|id| Side::BOTH.map(|side| (id, side)))
}

#[test]
fn at_every_watermark_the_consumer_has_the_engines_books() {
    let (mut compared, mut trades) = (0, 0);
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let (mut engine, mut reader) = (engine(), EventReader::default());
        let mut outbox = Outbox::<EventFrame>::new(1, 1_376, 4_096);
        let settings = vesta_md_publisher::Settings {
            shard: ShardId(1),
            pending_bytes_max: 1 << 20,
            snapshot_interval_ns: 1,
            heartbeat_interval_ns: 1,
        };
        // Frames of a few messages, so that events are split over them.
        let mut publisher = Publisher::new(settings, 300);
        let mut consumer = Consumer::new(&INSTRUMENTS);
        consumer.on_market_data(&bytes(&publisher.heartbeat()));
        for id in INSTRUMENTS {
            consumer.on_snapshot(&empty_snapshot(id));
        }
        // By the last message of each record: its last event, and the engine's books.
        let (mut books, mut levels) = (BTreeMap::new(), Levels::new());
        for seq in 1..=400 {
            engine.apply(&record(&mut random, seq), &mut outbox).expect("a good record");
            let header = |first: u64, count: u16| EventFrame {
                first_event_seq: first.into(),
                shard: 1.into(),
                count: count.into(),
                reserved: [0; 10],
            };
            let flushed = outbox.flush(header, |frame| {
                reader.read(frame, |event_seq, event| publisher.on_event(event_seq, event))
            });
            flushed.expect("every event fits");
            let books_now = (engines_books(&engine), engines_levels(&engine));
            let after = (publisher.event_seq().0, books_now);
            books.insert(publisher.feed_seq(), after);
            // Some frames leave now, others later: the consumer stands between any two.
            let mut room = random.between(0, 3);
            let _ = publisher.flush(|frame| {
                if room == 0 {
                    return Err(());
                }
                room -= 1;
                consumer.on_market_data(frame);
                follow_levels(&mut levels, frame);
                let (header, _) = open_frame::<MdFrame>(frame).expect("a frame");
                let out = header.feed_seq.get() + u64::from(header.count.get()) - 1;
                if let Some((event_seq, (books, by_level))) = books.get(&out) {
                    // Beyond it can be what the next record begins with, and nobody is told.
                    assert!(consumer.event_seq() >= *event_seq, "seed {seed}, record {seq}");
                    assert_eq!(&consumers_books(&consumer), books, "seed {seed}, record {seq}");
                    assert_eq!(&levels, by_level, "seed {seed}, record {seq}");
                    compared += 1;
                }
                Ok(())
            });
        }
        let rest = publisher.flush(|frame| {
            consumer.on_market_data(frame);
            Ok::<(), ()>(())
        });
        rest.expect("taken");
        consumer.on_market_data(&bytes(&publisher.heartbeat()));
        assert_eq!(consumers_books(&consumer), engines_books(&engine), "seed {seed}");
        assert_eq!(consumer.event_seq(), publisher.event_seq().0);
        assert!(consumer.is_live());
        assert_eq!((consumer.counters().faults, consumer.counters().gaps), (0, 0));
        trades += consumer.counters().trades;
    }
    println!("{compared} watermarks, {trades} trades");
    assert!(compared > 1_000 && trades > 1_000, "{compared}, {trades}");
}

fn empty_snapshot(id: InstrumentId) -> Vec<u8> {
    let mut frame = vesta_wire::FrameBuilder::<MdFrame>::new(400);
    let (feed_seq, order_count, instrument) = (0.into(), 0.into(), id.0.into());
    let reserved = [0; 8];
    let event_seq = 0.into();
    frame.push(&SnapshotBegin { feed_seq, event_seq, order_count, instrument, reserved });
    frame.push(&SnapshotEnd { feed_seq, order_count, instrument });
    let header = MdFrame {
        feed_seq,
        event_seq,
        time_ns: 0.into(),
        shard: 1.into(),
        count: 2.into(),
        reserved: [0; 2],
    };
    frame.finish(&header).to_vec()
}
