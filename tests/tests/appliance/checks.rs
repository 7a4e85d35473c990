//! What must hold when all is quiet: judged from the bytes of the two logs, by the naive model.

use super::client::Fill;
use super::{Appliance, CAPACITY, INSTRUMENTS};
use std::collections::BTreeMap;
use vesta_md_publisher::BookOrder;
use vesta_model::Model;
use vesta_types::{
    Cancel, ClientOrderId, Command, Event, Executed, InstrumentId, Limits, MassCancel, NewOrder,
    OrderId, OrderRef, OrderType, Party, PriceTicks, QtyLots, RejectReason, Replace, SessionId,
    Side, TimeInForce, TradeId,
};
use vesta_wire::event::{CommandAccepted, CommandRejected, FillParty, OrderExecuted};
use vesta_wire::{Message, decode, md, peek, record};

/// By session and `client_seq`: `None` for accepted.
type Outcomes = BTreeMap<(SessionId, u64), Option<RejectReason>>;

/// How much a run was worth.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub commands: u64,
    pub trades: u64,
    pub fills_told: u64,
    pub resents: u64,
    pub refusals: u64,
    pub rejected: u64,
    /// Trades that consumers saw print.
    pub prints: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.commands += other.commands;
        self.trades += other.trades;
        self.fills_told += other.fills_told;
        self.resents += other.resents;
        self.refusals += other.refusals;
        self.rejected += other.rejected;
        self.prints += other.prints;
    }
}

/// Checks a run that is done.
pub fn check(appliance: &Appliance) -> Tally {
    assert_eq!(appliance.stops(), [], "nobody stopped");
    let (model, modelled) = replay(&appliance.tap.role().records);
    let (outcomes, trades) = engine_says(&appliance.tap.role().events);
    assert_eq!(outcomes, modelled.outcomes, "every command once, with the model's outcome");
    assert_eq!(trades, modelled.trades, "the model's trades");
    let matcher = appliance.engine.role().engine().matcher();
    matcher.check_invariants();
    assert_eq!(matcher.state_hash(), model.state_hash());
    check_clients(appliance, &outcomes, &trades);
    check_feeds(appliance);
    check_privacy(appliance);
    Tally {
        commands: outcomes.len() as u64,
        trades: trades.len() as u64,
        fills_told: appliance.clients.iter().map(|c| c.fills.len() as u64).sum(),
        resents: appliance.clients.iter().map(|c| c.resents).sum(),
        refusals: appliance.clients.iter().map(|c| c.refusals).sum(),
        prints: appliance.feeds.iter().map(|f| f.consumer.counters().trades).sum(),
        rejected: outcomes.values().flatten().count() as u64,
    }
}

struct Modelled {
    outcomes: Outcomes,
    trades: Vec<Executed>,
}

/// What the naive model makes of the input log, each `client_seq` once and in order. Also holds the
/// sequencer to its stamps.
fn replay(records: &[Vec<u8>]) -> (Model, Modelled) {
    let mut model = Model::new(CAPACITY);
    let mut said = Modelled { outcomes: Outcomes::new(), trades: Vec::new() };
    let mut last = BTreeMap::<SessionId, u64>::new();
    let mut time_ns = 0;
    for (n, bytes) in (1..).zip(records) {
        let stamp = record::stamp(bytes).expect("a stamp");
        assert_eq!((stamp.seq.get(), stamp.epoch.get()), (n, 1), "dense, and of one epoch");
        assert!(stamp.time_ns.get() >= time_ns, "time ran backwards at {n}");
        time_ns = stamp.time_ns.get();
        let Some(command) = command(bytes, &mut model) else { continue };
        let client_seq = record::origin(bytes).expect("an origin").client_seq.get();
        let last = last.entry(command.session()).or_default();
        if client_seq != *last + 1 {
            continue;
        }
        *last = client_seq;
        let mut events = Vec::new();
        model.apply(&command, &mut events);
        let outcome = match events[0] {
            Event::Accepted(_) => None,
            Event::Rejected(rejected) => Some(rejected.reason),
            other => panic!("a primary reply comes first, not {other:?}"),
        };
        said.outcomes.insert((command.session(), client_seq), outcome);
        said.trades.extend(events.iter().filter_map(|event| match event {
            Event::Executed(executed) => Some(*executed),
            _ => None,
        }));
    }
    (model, said)
}

/// A record as a command; a definition goes to the model at once.
fn command(bytes: &[u8], model: &mut Model) -> Option<Command> {
    let session = SessionId(record::origin(bytes)?.session.get());
    let target = |client: u64, engine: u64| match client {
        0 => OrderRef::Order(OrderId(engine)),
        name => OrderRef::Client(ClientOrderId(name)),
    };
    Some(match peek(bytes).ok()?.template_id.get() {
        record::DefineInstrument::TEMPLATE_ID => {
            let r = decode::<record::DefineInstrument>(bytes).ok()?;
            let (price_max, qty_max) = (PriceTicks(r.price_max.get()), QtyLots(r.qty_max.get()));
            let limits = Limits { price_max, qty_max };
            model.define(InstrumentId(r.instrument.get()), limits).expect("a good definition");
            return None;
        }
        record::NewOrder::TEMPLATE_ID => {
            let r = decode::<record::NewOrder>(bytes).ok()?;
            Command::New(NewOrder {
                session,
                client_order_id: ClientOrderId(r.client_order_id.get()),
                instrument: InstrumentId(r.instrument.get()),
                side: Side::from_wire(r.side)?,
                order_type: OrderType::from_wire(r.order_type)?,
                time_in_force: TimeInForce::from_wire(r.time_in_force)?,
                post_only: r.flags == 1,
                price: PriceTicks(r.price.get()),
                qty: QtyLots(r.qty.get()),
            })
        }
        record::CancelOrder::TEMPLATE_ID => {
            let r = decode::<record::CancelOrder>(bytes).ok()?;
            let target = target(r.client_order_id.get(), r.order_id.get());
            Command::Cancel(Cancel {
                session,
                instrument: InstrumentId(r.instrument.get()),
                target,
            })
        }
        record::ReplaceOrder::TEMPLATE_ID => {
            let r = decode::<record::ReplaceOrder>(bytes).ok()?;
            Command::Replace(Replace {
                session,
                instrument: InstrumentId(r.instrument.get()),
                target: target(r.client_order_id.get(), r.order_id.get()),
                price: PriceTicks(r.price.get()),
                qty: QtyLots(r.qty.get()),
            })
        }
        record::MassCancel::TEMPLATE_ID => {
            let r = decode::<record::MassCancel>(bytes).ok()?;
            let instrument = Some(InstrumentId(r.instrument.get())).filter(|id| id.0 != 0);
            Command::MassCancel(MassCancel { session, instrument, side: Side::from_wire(r.side) })
        }
        template => panic!("the sequencer let template {template} pass"),
    })
}

/// What the event log says. A gap leaves no state, so it is no outcome.
fn engine_says(events: &[Vec<u8>]) -> (Outcomes, Vec<Executed>) {
    let (mut outcomes, mut trades) = (Outcomes::new(), Vec::new());
    let mut reply = |session: u32, client_seq: u64, outcome| {
        let before = outcomes.insert((SessionId(session), client_seq), outcome);
        assert_eq!(before, None, "{client_seq} of {session:x} was executed twice");
    };
    for bytes in events {
        match peek(bytes).expect("an event").template_id.get() {
            CommandAccepted::TEMPLATE_ID => {
                let e = decode::<CommandAccepted>(bytes).expect("whole");
                reply(e.session.get(), e.client_seq.get(), None);
            }
            CommandRejected::TEMPLATE_ID => {
                let e = decode::<CommandRejected>(bytes).expect("whole");
                let reason = RejectReason::from_wire(e.reason.get()).expect("a reason");
                if reason != RejectReason::ClientSeqGap {
                    reply(e.session.get(), e.client_seq.get(), Some(reason));
                }
            }
            OrderExecuted::TEMPLATE_ID => {
                let e = decode::<OrderExecuted>(bytes).expect("whole");
                trades.push(Executed {
                    trade_id: TradeId(e.trade_id.get()),
                    instrument: InstrumentId(e.instrument.get()),
                    price: PriceTicks(e.price.get()),
                    qty: QtyLots(e.qty.get()),
                    taker_side: Side::from_wire(e.taker_side).expect("a side"),
                    taker: party(&e.taker),
                    maker: party(&e.maker),
                });
            }
            _ => {}
        }
    }
    (outcomes, trades)
}

fn party(party: &FillParty) -> Party {
    Party {
        order_id: OrderId(party.order_id.get()),
        session: SessionId(party.session.get()),
        client_order_id: ClientOrderId(party.client_order_id.get()),
        leaves: QtyLots(party.leaves.get()),
    }
}

/// Clients know what the engine decided, and nothing else. Reports of fills can be lost on the way
/// to them; on a calm network none is.
fn check_clients(appliance: &Appliance, outcomes: &Outcomes, trades: &[Executed]) {
    let is_calm = appliance.options.network.datagrams.loss_ppm == 0;
    for client in &appliance.clients {
        let told: Vec<_> = client.answers.iter().map(|(n, outcome)| (*n, *outcome)).collect();
        let of = |((session, n), outcome): (&(SessionId, u64), &Option<_>)| {
            (*session == client.session).then_some((*n, *outcome))
        };
        let decided: Vec<_> = outcomes.iter().filter_map(of).collect();
        assert_eq!(told, decided);
        assert!(decided.iter().map(|(n, _)| *n).eq(1..=decided.len() as u64), "contiguous");

        let mut fills = BTreeMap::new();
        for trade in trades {
            for (party, maker) in [(&trade.taker, false), (&trade.maker, true)] {
                if party.session == client.session {
                    fills.insert((trade.trade_id.0, maker), fill(trade, party, maker));
                }
            }
        }
        for (key, fill) in &client.fills {
            assert_eq!(fills.get(key), Some(fill), "a fill that never was");
        }
        assert!(!is_calm || client.fills.len() == fills.len(), "a fill was not told");
    }
}

fn fill(trade: &Executed, party: &Party, maker: bool) -> Fill {
    let (_, tick_e8, lot_e8) =
        *INSTRUMENTS.iter().find(|(id, ..)| *id == trade.instrument).expect("an instrument");
    let side = if maker { trade.taker_side.opposite() } else { trade.taker_side };
    Fill {
        trade_id: trade.trade_id.0,
        order_id: party.order_id.0,
        client_order_id: party.client_order_id.0,
        instrument: trade.instrument.0,
        price_e8: trade.price.0 * tick_e8,
        qty_e8: trade.qty.0 as i64 * lot_e8,
        leaves_e8: party.leaves.0 as i64 * lot_e8,
        side: side as u8,
        maker,
    }
}

/// Every consumer's books are the engine's, order by order and in priority.
pub fn check_feeds(appliance: &Appliance) {
    let matcher = appliance.engine.role().engine().matcher();
    for feed in &appliance.feeds {
        assert_eq!(feed.consumer.counters().faults, 0);
        for (instrument, ..) in INSTRUMENTS {
            let book = feed.consumer.book(instrument).expect("followed");
            for side in Side::BOTH {
                let ours: Vec<_> = book.orders(side).collect();
                let engines: Vec<_> = matcher
                    .orders(instrument, side)
                    .map(|order| BookOrder {
                        order_id: order.order_id,
                        side,
                        price: order.price,
                        qty: order.qty,
                    })
                    .collect();
                assert_eq!(ours, engines, "instrument {instrument}, {side:?}");
            }
        }
    }
}

/// The ids of sessions, gateways and clients' orders have marks; none is in what is published.
fn check_privacy(appliance: &Appliance) {
    let mut messages = 0;
    for fragment in &appliance.tap.role().public_bytes {
        let template = peek(fragment).expect("market data").template_id.get();
        if template == md::MdFrame::TEMPLATE_ID {
            let (_, inside) = vesta_wire::open_frame::<md::MdFrame>(fragment).expect("a frame");
            for message in inside {
                let message = message.expect("a message");
                let template = peek(message).expect("a header").template_id.get();
                assert!(md::CATALOGUE.iter().any(|entry| entry.0 == template), "{template}");
                messages += 1;
            }
        } else {
            assert_eq!(template, md::Heartbeat::TEMPLATE_ID);
        }
        for window in fragment.windows(4) {
            let word = u32::from_le_bytes([window[0], window[1], window[2], window[3]]);
            let is_marked = matches!(word >> 12, 0x5e551 | 0x6a7e1) || word >> 16 == 0xc0de;
            assert!(!is_marked, "{word:x} in market data");
        }
    }
    assert!(messages > 0, "the premise: there was market data");
}
