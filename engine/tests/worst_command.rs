//! The commands that make the most events, through the engine's agent, to a reader that is slow: the
//! outbox has room for all of them from the start.

#[allow(dead_code, reason = "shared with tests that use more of it")]
mod common;

use common::{Body, Log, body, extended, kill, new_order, set_state, tick};
use vesta_engine::{EngineAgent, Links, SessionOwner, Settings};
use vesta_sim::{SimClock, SimConfig, SimNetwork, SimTransport};
use vesta_transport::{
    Duty, Flow as Taking, Input, OfferError, Publication, StreamId, Subscription, Transport,
};
use vesta_types::{
    AuctionKind, CancelReason, Capacity, Epoch, GatewayId, IcebergRefresh, InstrumentRules,
    KillScope, OrderType, PegReference, PriceTicks, QtyLots, SessionId, ShardId, Side, TimeInForce,
    TradingState,
};
use vesta_wire::event::{
    OrderCancelled, OrderExecuted, OrderRepriced, OrderRested, OrderTriggered,
};
use vesta_wire::record::{LogFrame, NewOrderExtended};
use vesta_wire::{EventLogError, EventReader, FrameBuilder, Message, decode, peek};

const STEP_NS: u64 = 10_000;

/// As many as the shard has room for, but for the one that trades with all others.
const ORDER_COUNT_MAX: u32 = 1_024;

/// Enough tips for the highest limit there is.
const ICEBERG_COUNT: u64 = 67;
const TIP_COUNT: u64 = 1_000;

/// A log that is written, an engine that reads it, and somebody who reads what it says.
struct Rig {
    clock: SimClock,
    nodes: [SimTransport; 3],
    agent: EngineAgent<SimTransport>,
    /// Until the log is closed.
    input: Option<<SimTransport as Transport>::Publication>,
    events: <SimTransport as Transport>::Subscription,
    reader: EventReader,
}

impl Rig {
    fn start() -> Self {
        let network = SimNetwork::new(SimConfig::default());
        let mut nodes = [(); 3].map(|()| network.add_node());
        let [writer, engine, reader] = &mut nodes;
        let (input_log, event_log) = ("in".to_owned(), "out".to_owned());
        let (to, from) = (StreamId(20), StreamId(30));
        let input = writer.add_publication(&input_log, to).expect("it opens");
        let events = reader.add_subscription(&event_log, from).expect("it opens");
        let links = Links {
            input_log: (input_log, to),
            event_log: (event_log, from),
            event_readers_min: 1,
        };
        let settings = Settings {
            shard: ShardId(1),
            epoch: Epoch(1),
            sessions: vec![SessionOwner::plain(SessionId(1), GatewayId(1))],
            outcomes_kept: 4,
            capacity: Capacity {
                order_count_max: ORDER_COUNT_MAX,
                level_count_max: 64,
                instrument_count_max: 1,
                session_count_max: 1,
            },
        };
        let agent = EngineAgent::new(engine, &links, settings).expect("it opens");
        let reader = EventReader::default();
        Self { clock: network.clock(), nodes, agent, input: Some(input), events, reader }
    }

    /// Hands over the records, several to a frame, and takes the events until all have come. Returns
    /// how often each template came, and the last cancel.
    fn run(&mut self, log: &Log) -> (Vec<u64>, Option<OrderCancelled>) {
        self.run_to(log, End::StaysOpen)
    }

    fn run_to(&mut self, log: &Log, end: End) -> (Vec<u64>, Option<OrderCancelled>) {
        let mut has_ended = false;
        let mut frames = frames(log).into_iter().peekable();
        let (mut counts, mut cancelled) = (vec![0; 128], None);
        let record_count = log.records.len() as u64;
        for _ in 0..2_000_000 {
            self.clock.advance(STEP_NS);
            for node in &mut self.nodes {
                node.do_work().expect("it lives");
            }
            while let Some(frame) = frames.peek() {
                match self.input.as_mut().expect("not closed yet").offer(frame) {
                    Ok(_) => drop(frames.next()),
                    Err(OfferError::BackPressured | OfferError::NotConnected) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            // Its driver goes on for a while after it has ended.
            let worked = if has_ended { Ok(0) } else { self.agent.do_work() };
            match worked {
                Ok(_) => {}
                Err(_) if end == End::Closes && self.input.is_none() => has_ended = true,
                Err(error) => panic!("{error}"),
            }
            let Self { events, reader, .. } = self;
            // One frame in a step: the engine is always ahead.
            events.poll(1, &mut |input| {
                if let Input::Fragment(fragment) = input {
                    let read = reader.read(fragment.bytes, |_, event| {
                        let template = peek(event)?.template_id.get();
                        counts[usize::from(template)] += 1;
                        if template == OrderCancelled::TEMPLATE_ID {
                            cancelled = Some(*decode::<OrderCancelled>(event)?);
                        }
                        Ok::<(), EventLogError>(())
                    });
                    read.expect("no event is missing");
                }
                Taking::Taken
            });
            let is_applied = self.agent.engine().next_seq().0 > record_count;
            if is_applied && end == End::Closes {
                self.input = None;
            }
            let is_over = is_applied && (end == End::StaysOpen || has_ended);
            if is_over && self.reader.next() > self.agent.event_seq() {
                return (counts, cancelled);
            }
        }
        panic!("not done: {:?}", self.agent.engine().next_seq());
    }
}

/// What becomes of the writer of the log when all of it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    StaysOpen,
    /// It closes its stream, while most events still wait to leave.
    Closes,
}

fn frames(log: &Log) -> Vec<Vec<u8>> {
    let mut builder = FrameBuilder::<LogFrame>::new(1_376);
    let mut frames = Vec::new();
    let mut first = 1;
    let mut finish = |builder: &mut FrameBuilder<LogFrame>| {
        let header = LogFrame {
            commit_seq: 0.into(),
            first_seq: first.into(),
            epoch: 1.into(),
            shard: 1.into(),
            count: builder.count().into(),
            reserved: [0; 6],
        };
        frames.push(builder.finish(&header).to_vec());
        first += u64::from(builder.count());
        builder.clear();
    };
    for record in &log.records {
        if !builder.fits(record.len()) {
            finish(&mut builder);
        }
        builder.push_bytes(record);
    }
    finish(&mut builder);
    frames
}

/// A log whose commands are all of the one session.
#[derive(Default)]
struct Flow {
    log: Log,
    name: u64,
}

impl Flow {
    fn give(&mut self, make: impl FnOnce(u64) -> Body) {
        self.name += 1;
        let command = make(self.name);
        self.log.command(1, self.name, &command);
    }

    /// Orders that fill the shard: they follow the touch, or wait, or expire.
    fn fill_up(&mut self, count: u64) {
        let peg = (OrderType::Pegged as u8, PegReference::Market as u8);
        for nth in 0..count {
            self.give(|name| {
                let order = extended(name, Side::Buy, 0, 1);
                body(&match nth % 3 {
                    // A stop that is triggered by the first fill, and rests.
                    0 => NewOrderExtended {
                        order_type: OrderType::StopLimit as u8,
                        price: 10.into(),
                        stop_price: 500.into(),
                        ..order
                    },
                    _ => NewOrderExtended {
                        order_type: peg.0,
                        peg: peg.1,
                        offset_ticks: 5.into(),
                        ..order
                    },
                })
            });
        }
    }
}

fn rules(refresh: IcebergRefresh) -> InstrumentRules {
    InstrumentRules {
        match_count_max: InstrumentRules::MATCH_COUNT_MAX,
        stop_cascade_max: ORDER_COUNT_MAX,
        iceberg_refresh: refresh,
        ..InstrumentRules::new(PriceTicks(1_000), QtyLots(1_000_000))
    }
}

fn count(counts: &[u64], template: u16) -> u64 {
    counts[usize::from(template)]
}

#[test]
fn an_order_that_meets_all_that_one_may() {
    for refresh in [IcebergRefresh::LosesPriority, IcebergRefresh::KeepsPriority] {
        let mut rig = Rig::start();
        let room = rig.agent.outbox_room_bytes();
        let mut flow = Flow::default();
        flow.log.define_with(1, &rules(refresh));
        for _ in 0..ICEBERG_COUNT {
            flow.give(|name| {
                let iceberg = extended(name, Side::Sell, 500, TIP_COUNT);
                body(&NewOrderExtended { display_qty: 1.into(), ..iceberg })
            });
        }
        flow.fill_up(600);
        let taken = ICEBERG_COUNT * TIP_COUNT;
        flow.give(|name| new_order(name, 1, Side::Buy, 500, taken));
        // In the same frame as that: they wait until there is room.
        for _ in 0..4 {
            flow.give(|name| new_order(name, 1, Side::Buy, 1, 1));
        }
        let (counts, cancelled) = rig.run(&flow.log);
        let met = u64::from(InstrumentRules::MATCH_COUNT_MAX);
        assert!(taken > met);
        assert_eq!(count(&counts, OrderExecuted::TEMPLATE_ID), met);
        let cancelled = cancelled.expect("it was cut");
        assert_eq!(cancelled.reason, CancelReason::MatchLimit as u8);
        assert_eq!(cancelled.qty.get(), taken - met);
        // Stops were elected, and none may act: the instrument halts.
        assert_eq!(count(&counts, OrderTriggered::TEMPLATE_ID), 0);
        if refresh == IcebergRefresh::LosesPriority {
            // Each tip but the last of an iceberg is followed by another.
            let gone = met / TIP_COUNT;
            assert!(count(&counts, OrderRested::TEMPLATE_ID) > met - gone);
        }
        assert_eq!(rig.agent.outbox_room_bytes(), room, "no more memory was asked for");
    }
}

#[test]
fn two_such_orders_in_one_frame() {
    let mut rig = Rig::start();
    let room = rig.agent.outbox_room_bytes();
    let mut flow = Flow::default();
    flow.log.define_with(1, &rules(IcebergRefresh::LosesPriority));
    for _ in 0..2 * ICEBERG_COUNT {
        flow.give(|name| {
            let iceberg = extended(name, Side::Sell, 500, TIP_COUNT);
            body(&NewOrderExtended { display_qty: 1.into(), ..iceberg })
        });
    }
    for _ in 0..2 {
        flow.give(|name| new_order(name, 1, Side::Buy, 500, ICEBERG_COUNT * TIP_COUNT));
    }
    let (counts, _) = rig.run(&flow.log);
    let met = 2 * u64::from(InstrumentRules::MATCH_COUNT_MAX);
    assert_eq!(count(&counts, OrderExecuted::TEMPLATE_ID), met);
    assert_eq!(count(&counts, OrderCancelled::TEMPLATE_ID), 2);
    assert_eq!(rig.agent.outbox_room_bytes(), room, "the second waited for the first to leave");
}

#[test]
fn the_end_of_the_log_waits_until_the_events_have_left() {
    let mut rig = Rig::start();
    let mut flow = Flow::default();
    flow.log.define_with(1, &rules(IcebergRefresh::LosesPriority));
    for _ in 0..ICEBERG_COUNT {
        flow.give(|name| {
            let iceberg = extended(name, Side::Sell, 500, TIP_COUNT);
            body(&NewOrderExtended { display_qty: 1.into(), ..iceberg })
        });
    }
    flow.give(|name| new_order(name, 1, Side::Buy, 500, ICEBERG_COUNT * TIP_COUNT));
    let (counts, _) = rig.run_to(&flow.log, End::Closes);
    let met = u64::from(InstrumentRules::MATCH_COUNT_MAX);
    assert_eq!(count(&counts, OrderExecuted::TEMPLATE_ID), met);
}

#[test]
fn a_command_that_every_order_follows() {
    let mut rig = Rig::start();
    let room = rig.agent.outbox_room_bytes();
    let mut flow = Flow::default();
    flow.log.define_with(1, &rules(IcebergRefresh::LosesPriority));
    flow.give(|name| new_order(name, 1, Side::Sell, 500, 10));
    flow.give(|name| new_order(name, 1, Side::Sell, 501, 10));
    flow.fill_up(900);
    // The first fill sets off every stop, the end of the level moves every pegged order.
    flow.give(|name| new_order(name, 1, Side::Buy, 500, 10));
    // All of them go at once.
    flow.log.own(&kill(KillScope::All, true));
    let (counts, _) = rig.run(&flow.log);
    assert_eq!(count(&counts, OrderTriggered::TEMPLATE_ID), 300);
    assert_eq!(count(&counts, OrderRepriced::TEMPLATE_ID), 600);
    assert_eq!(count(&counts, OrderCancelled::TEMPLATE_ID), 901);
    assert_eq!(rig.agent.outbox_room_bytes(), room, "no more memory was asked for");
}

#[test]
fn an_uncross_of_all_orders_there_can_be() {
    let mut rig = Rig::start();
    let room = rig.agent.outbox_room_bytes();
    let mut flow = Flow::default();
    flow.log.define_with(1, &rules(IcebergRefresh::LosesPriority));
    flow.log.own(&set_state(TradingState::AuctionCall, AuctionKind::Closing));
    let pairs = u64::from(ORDER_COUNT_MAX) / 2;
    for nth in 0..pairs {
        let tif = if nth % 2 == 0 { TimeInForce::AtClose } else { TimeInForce::Day };
        for side in Side::BOTH {
            flow.give(|name| {
                // Each is larger than one of the other side, so that all but the last meet two.
                let order = extended(name, side, 500, 2 + (nth + side.index() as u64) % 2);
                body(&NewOrderExtended { time_in_force: tif as u8, ..order })
            });
        }
    }
    flow.log.own(&tick());
    flow.log.own(&set_state(TradingState::Uncross, AuctionKind::Closing));
    let (counts, _) = rig.run(&flow.log);
    let fills = count(&counts, OrderExecuted::TEMPLATE_ID);
    assert!(fills > pairs && fills < 2 * pairs, "{fills}: each but the last ends an order");
    assert_eq!(rig.agent.engine().matcher().order_count(), 0);
    assert_eq!(rig.agent.outbox_room_bytes(), room, "no more memory was asked for");
}
