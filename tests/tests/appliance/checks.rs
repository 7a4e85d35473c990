//! What must hold when all is quiet: judged from the bytes of the two logs, by the naive model.

use super::client::{self, Fill};
use super::{ACCOUNT, Appliance, CAPACITY, INSTRUMENTS, OPEN_ORDER_MAX, STP_GROUP, session_id};
use std::collections::BTreeMap;
use vesta_md_publisher::BookOrder;
use vesta_model::Model;
use vesta_types::{
    ClientOrderId, Command, Event, Executed, InstrumentId, OrderId, Party, PriceTicks, QtyLots,
    RejectReason, SessionId, Side, TimeNs, TradeId,
};
use vesta_wire::event::{
    CommandAccepted, CommandRejected, FillParty, IndicativeChanged, InstrumentDefined,
    OrderCancelled, OrderExecuted, OrderReplaced, OrderRepriced, OrderRested, OrderTriggered,
    Resent, SelfTradePrevented, TradingStateChanged,
};
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
    /// Stops triggered, pegs moved, self-trades prevented, states changed, indicative prices told.
    pub moves: [u64; 5],
    pub auction_trades: u64,
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
        for (sum, more) in self.moves.iter_mut().zip(other.moves) {
            *sum += more;
        }
        self.auction_trades += other.auction_trades;
        self.prints += other.prints;
    }
}

/// Checks a run that is done.
pub fn check(appliance: &Appliance) -> Tally {
    assert_eq!(appliance.stops(), [], "nobody stopped");
    let (model, modelled) = replay(&appliance.tap.role().records);
    let Modelled { outcomes, trades, others } = engine_says(&appliance.tap.role().events);
    let differs = outcomes.iter().zip(&modelled.outcomes).find(|(ours, models)| ours != models);
    assert_eq!(differs, None, "every command once, with the model's outcome");
    assert_eq!(outcomes.len(), modelled.outcomes.len(), "and no other");
    let differs = trades.iter().zip(&modelled.trades).find(|(ours, models)| ours != models);
    assert_eq!(differs, None, "the model's trades, one by one");
    assert_eq!(trades.len(), modelled.trades.len(), "and as many");
    assert_eq!(others, modelled.others, "and all else that it says, by template");
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
        moves: [
            OrderTriggered::TEMPLATE_ID,
            OrderRepriced::TEMPLATE_ID,
            SelfTradePrevented::TEMPLATE_ID,
            TradingStateChanged::TEMPLATE_ID,
            IndicativeChanged::TEMPLATE_ID,
        ]
        .map(|template| others.get(&template).copied().unwrap_or(0)),
        auction_trades: trades.iter().filter(|trade| trade.auction).count() as u64,
    }
}

#[derive(Default)]
struct Modelled {
    outcomes: Outcomes,
    trades: Vec<Executed>,
    /// How often each other thing happened, by template of its event.
    others: BTreeMap<u16, u64>,
}

impl Modelled {
    fn take(&mut self, events: &[Event]) {
        for event in events {
            let template = match event {
                Event::Executed(executed) => {
                    self.trades.push(*executed);
                    continue;
                }
                Event::Accepted(_) | Event::Rejected(_) => continue,
                Event::Rested(_) => OrderRested::TEMPLATE_ID,
                Event::Cancelled(_) => OrderCancelled::TEMPLATE_ID,
                Event::Replaced(_) => OrderReplaced::TEMPLATE_ID,
                Event::Triggered(_) => OrderTriggered::TEMPLATE_ID,
                Event::Repriced(_) => OrderRepriced::TEMPLATE_ID,
                Event::SelfTradePrevented(_) => SelfTradePrevented::TEMPLATE_ID,
                Event::StateChanged(_) => TradingStateChanged::TEMPLATE_ID,
                Event::Indicative(_) => IndicativeChanged::TEMPLATE_ID,
            };
            *self.others.entry(template).or_default() += 1;
        }
    }
}

/// What the naive model makes of the input log, each `client_seq` once and in order. Also holds the
/// sequencer to its stamps.
fn replay(records: &[Vec<u8>]) -> (Model, Modelled) {
    let mut model = Model::new(CAPACITY);
    for n in 0..2 {
        model.define_session(session_id(n), OPEN_ORDER_MAX).expect("room for two");
    }
    let mut said = Modelled::default();
    let mut last = BTreeMap::<SessionId, u64>::new();
    let mut time = TimeNs(0);
    for (n, bytes) in (1..).zip(records) {
        let stamp = record::stamp(bytes).expect("a stamp");
        assert_eq!((stamp.seq.get(), stamp.epoch.get()), (n, 1), "dense, and of one epoch");
        assert!(stamp.time_ns.get() >= time.0, "time ran backwards at {n}");
        time = TimeNs(stamp.time_ns.get());
        let mut events = Vec::new();
        model.advance_to(time, &mut events);
        match vesta_wire::command(bytes).expect("a good record") {
            None => apply_own(bytes, time, &mut model, &mut events),
            Some(command) if command.session() == SessionId(0) => {
                model.apply(&command, &mut events);
            }
            Some(command) => {
                let client_seq = record::origin(bytes).expect("an origin").client_seq.get();
                let last = last.entry(command.session()).or_default();
                if client_seq == *last + 1 {
                    *last = client_seq;
                    let outcome = outcome(&command, &mut model, &mut events);
                    said.outcomes.insert((command.session(), client_seq), outcome);
                }
            }
        }
        said.take(&events);
    }
    (model, said)
}

/// A record of the sequencer's own that is no command.
fn apply_own(bytes: &[u8], time: TimeNs, model: &mut Model, events: &mut Vec<Event>) {
    if decode::<record::Tick>(bytes).is_ok() {
        model.tick(time, events);
        return;
    }
    let r = decode::<record::DefineInstrument>(bytes).expect("a tick or a definition");
    let rules = r.rules.get().expect("good rules");
    model.define(InstrumentId(r.instrument.get()), rules).expect("a good definition");
}

/// What the model makes of a command that the session table lets by: the session's rights come first.
fn outcome(command: &Command, model: &mut Model, events: &mut Vec<Event>) -> Option<RejectReason> {
    if let Command::New(order) = command {
        if ![0, ACCOUNT].contains(&order.account.0) {
            return Some(RejectReason::AccountNotAllowed);
        }
        if ![0, STP_GROUP].contains(&order.stp_group.0) {
            return Some(RejectReason::StpGroupNotAllowed);
        }
    }
    let caused = events.len();
    model.apply(command, events);
    match events[caused] {
        Event::Accepted(_) => None,
        Event::Rejected(rejected) => Some(rejected.reason),
        other => panic!("a primary reply comes first, not {other:?}"),
    }
}

/// What the event log says. A gap leaves no state, so it is no outcome.
fn engine_says(events: &[Vec<u8>]) -> Modelled {
    let Modelled { mut outcomes, mut trades, mut others } = Modelled::default();
    let mut reply = |session: u32, client_seq: u64, outcome| {
        if session == 0 {
            return; // the schedule's
        }
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
                    auction: e.auction == 1,
                    taker: party(&e.taker, e.taker_was_displayed),
                    maker: party(&e.maker, e.maker_was_displayed),
                });
            }
            InstrumentDefined::TEMPLATE_ID | Resent::TEMPLATE_ID => {}
            template => *others.entry(template).or_default() += 1,
        }
    }
    Modelled { outcomes, trades, others }
}

fn party(party: &FillParty, was_displayed: u8) -> Party {
    Party {
        order_id: OrderId(party.order_id.get()),
        session: SessionId(party.session.get()),
        client_order_id: ClientOrderId(party.client_order_id.get()),
        leaves: QtyLots(party.leaves.get()),
        was_displayed: was_displayed == 1,
        displayed: QtyLots(party.displayed.get()),
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
            let status = matcher.status(instrument).expect("defined");
            let told = feed.consumer.status(instrument);
            assert_eq!(told, Some((status.state, status.auction)), "instrument {instrument}");
            assert_eq!(feed.consumer.indicative(instrument), status.told);
            for side in Side::BOTH {
                let ours: Vec<_> = book.orders(side).collect();
                let engines: Vec<_> = matcher
                    .orders(instrument, side)
                    .map(|order| BookOrder {
                        order_id: order.order_id,
                        side,
                        price: order.queue_price,
                        qty: order.displayed,
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
            let is_marked = matches!(word >> 12, 0x5e551 | 0x6a7e1);
            assert!(!is_marked, "{word:x} in market data");
        }
        for window in fragment.windows(8) {
            let name = window.iter().rev().fold(0, |name, byte| name << 8 | u64::from(*byte));
            assert!(!client::NAMES.contains(&name), "{name:x} in market data");
        }
    }
    assert!(messages > 0, "the premise: there was market data");
}
