//! The check at the end of a run: what clients and consumers were told, against the naive model.
//!
//! The model is fed with the commands in the order that the venue says it gave them (`seq`), with the
//! times of the records, with the records that no client asked for (ticks, changes of state), and with
//! nothing else of the venue's. Its replies, trades and books must be what was reported.

use crate::appliance::EngineState;
use crate::client::{Answer, Fill};
use crate::consumer::Consumer;
use crate::exercised::Exercised;
use crate::tap::Own;
use std::collections::BTreeMap;
use vesta_config::Config;
use vesta_md_publisher::BookOrder;
use vesta_model::Model;
use vesta_types::{Command, Event, Executed, InstrumentId, OrderId, Scale, Side};
use vesta_wire::md::Trade;

/// Differences named at most; more are counted.
const NAMED_MAX: usize = 10;

/// What differs, in words.
#[derive(Clone, Debug, Default)]
pub struct Differences {
    named: Vec<String>,
    count: u64,
}

impl Differences {
    fn add(&mut self, difference: impl FnOnce() -> String) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(difference());
        }
    }

    /// True when nothing differs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first few, and how many more there are.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.named.clone();
        let more = self.count - lines.len() as u64;
        if more > 0 {
            lines.push(format!("... and {more} more"));
        }
        lines
    }
}

/// Everything that a run was told.
#[derive(Debug)]
pub struct Told<'a> {
    /// The commands, by tag.
    pub commands: &'a [Command],
    /// The outcome of each, by tag.
    pub answers: &'a [Option<Answer>],
    /// Every fill that clients were told of.
    pub fills: &'a [Fill],
    /// Every trade print of the public feed.
    pub prints: &'a [Trade],
    /// True when the feed had no gap, so that every trade must be among them.
    pub prints_complete: bool,
    /// How many cancellations clients were told of.
    pub cancelled: u64,
    /// How many replacements clients were told of.
    pub replaced: u64,
    /// How often clients were told that an order was triggered, repriced, or reduced by self-trade
    /// prevention.
    pub moved: u64,
    /// What the engine holds at the end.
    pub engine: &'a EngineState,
}

/// Compares what was told with what the naive model makes of the same commands; and says which
/// rules that was a test of.
#[must_use]
pub fn against_model(config: &Config, told: &Told<'_>) -> (Differences, Exercised) {
    let mut differences = Differences::default();
    let (model, trades, exercised) = run_model(config, told, &mut differences);
    compare_trades(config, &trades, told, &mut differences);
    if model.state_hash() != told.engine.book_hash {
        differences.add(|| {
            let (ours, theirs) = (model.state_hash(), told.engine.book_hash);
            format!("state hash: engine {theirs:016x}, model {ours:016x}")
        });
    }
    for (instrument, side, orders) in &told.engine.books {
        let ours: Vec<_> = model.orders(*instrument, *side).collect();
        if *orders != ours {
            differences.add(|| {
                let (theirs, ours) = (orders.len(), ours.len());
                format!("book {instrument} {side:?}: engine has {theirs} orders, model {ours}, or others")
            });
        }
    }
    (differences, exercised)
}

/// Applies the log: the answered commands, and what no client asked for. Returns the model, its
/// trades, and what was exercised.
fn run_model(
    config: &Config,
    told: &Told<'_>,
    differences: &mut Differences,
) -> (Model, Vec<Executed>, Exercised) {
    let mut model = Model::new(config.capacity());
    for instrument in &config.instrument_list {
        if let Err(reason) = model.define(instrument.id, instrument.rules) {
            differences.add(|| format!("the model refuses {}: {reason}", instrument.symbol));
        }
    }
    for session in &config.session_list {
        if let Err(reason) = model.define_session(session.id, session.open_order_max) {
            differences.add(|| format!("the model refuses session {}: {reason}", session.id));
        }
    }
    let answered = told.answers.iter().zip(told.commands);
    let answered = answered.filter_map(|(answer, command)| Some((answer.as_ref()?, command)));
    let mut answered: BTreeMap<u64, (&Answer, &Command)> =
        answered.map(|pair| (pair.0.seq, pair)).collect();
    let own: BTreeMap<u64, Own> = told.engine.records.own.iter().copied().collect();
    let mut trades = Vec::new();
    let mut events = Vec::new();
    let mut counts = Counts::default();
    let mut exercised = Exercised::default();
    for (seq, time) in (1..).zip(&told.engine.records.times) {
        events.clear();
        model.advance_to(*time, &mut events);
        match own.get(&seq) {
            Some(Own::Tick) => model.tick(*time, &mut events),
            Some(Own::Command(command)) => model.apply(command, &mut events),
            None => {}
        }
        if let Some((answer, command)) = answered.remove(&seq) {
            let caused = events.len();
            model.apply(command, &mut events);
            compare_answer(answer, command, events.get(caused), differences);
        }
        exercised.add(&events);
        for event in &events {
            counts.add(event);
            if let Event::Executed(e) = event {
                trades.push(*e);
            }
        }
    }
    for (seq, (answer, command)) in answered {
        differences.add(|| format!("no record {seq} in the log: {answer:?} to {command:?}"));
    }
    for (what, theirs, ours) in [
        ("cancellations", told.cancelled, counts.cancelled),
        ("replacements", told.replaced, counts.replaced),
        ("triggers, new prices and prevented self-trades", told.moved, counts.moved),
    ] {
        if theirs != ours {
            differences.add(|| format!("{what}: clients were told of {theirs}, model {ours}"));
        }
    }
    (model, trades, exercised)
}

/// What owners of orders must have been told, beside replies and trades: each event once.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    cancelled: u64,
    replaced: u64,
    moved: u64,
}

impl Counts {
    fn add(&mut self, event: &Event) {
        match event {
            Event::Cancelled(_) => self.cancelled += 1,
            Event::Replaced(_) => self.replaced += 1,
            Event::Triggered(_) | Event::Repriced(_) => self.moved += 1,
            // Its two orders are told apart.
            Event::SelfTradePrevented(_) => self.moved += 2,
            Event::Accepted(_)
            | Event::Rejected(_)
            | Event::Rested(_)
            | Event::Executed(_)
            | Event::StateChanged(_)
            | Event::Indicative(_) => {}
        }
    }
}

/// The model's primary reply to a command must be what its client was answered.
fn compare_answer(
    answer: &Answer,
    command: &Command,
    reply: Option<&Event>,
    differences: &mut Differences,
) {
    let ours = match reply {
        Some(Event::Accepted(e)) => (None, e.order_id),
        Some(Event::Rejected(e)) => (Some(e.reason), e.order_id),
        _ => (None, OrderId(0)),
    };
    if ours != (answer.rejected, OrderId(answer.order_id)) {
        differences.add(|| {
            let (rejected, order_id) = (answer.rejected, answer.order_id);
            format!(
                "record {}: the venue answered {rejected:?} for order {order_id}, the model {:?} \
                 for order {}; {command:?}",
                answer.seq, ours.0, ours.1
            )
        });
    }
}

/// How often a trade was told, and to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tellings {
    taker: u32,
    maker: u32,
    public: u32,
}

/// Each trade of the model must have been told once to each of its owners, and printed once, with
/// the same figures; and no other.
fn compare_trades(
    config: &Config,
    trades: &[Executed],
    told: &Told<'_>,
    differences: &mut Differences,
) {
    let scales: BTreeMap<InstrumentId, Scale> = config.scales().collect();
    let mut expected: BTreeMap<u64, (&Executed, Tellings)> =
        trades.iter().map(|e| (e.trade_id.0, (e, Tellings::default()))).collect();
    for fill in told.fills {
        let Some((e, tellings)) = expected.get_mut(&fill.trade_id) else {
            differences.add(|| format!("trade {}: {fill:?}, unknown to the model", fill.trade_id));
            continue;
        };
        let party = if fill.maker { &e.maker } else { &e.taker };
        *(if fill.maker { &mut tellings.maker } else { &mut tellings.taker }) += 1;
        let ours = scales.get(&e.instrument).map(|scale| Fill {
            order_id: party.order_id.0,
            client_order_id: party.client_order_id.0,
            session: party.session,
            instrument: e.instrument,
            price_e8: scale.price_e8(e.price),
            qty_e8: scale.qty_e8(e.qty),
            leaves_e8: scale.qty_e8(party.leaves),
            auction: e.auction,
            ..*fill
        });
        if ours != Some(*fill) {
            differences.add(|| format!("trade {}: told {fill:?}, model {ours:?}", fill.trade_id));
        }
    }
    for print in told.prints {
        let trade_id = print.trade_id.get();
        let theirs = (
            InstrumentId(print.instrument.get()),
            print.price.get(),
            print.qty.get(),
            print.aggressor_side,
            print.auction,
        );
        let ours = expected.get_mut(&trade_id).map(|(e, tellings)| {
            tellings.public += 1;
            let side = if e.auction { 0 } else { e.taker_side as u8 };
            (e.instrument, e.price.0, e.qty.0, side, u8::from(e.auction))
        });
        if ours != Some(theirs) {
            differences.add(|| format!("trade {trade_id}: printed {theirs:?}, model {ours:?}"));
        }
    }
    for (trade_id, (_, tellings)) in &expected {
        // A consumer whose feed had a gap has books again from a snapshot, but not the prints.
        let public = if told.prints_complete { 1 } else { tellings.public.min(1) };
        if *tellings != (Tellings { taker: 1, maker: 1, public }) {
            differences.add(|| {
                format!(
                    "trade {trade_id}: told {} times to its taker, {} times to its maker, printed \
                     {} times",
                    tellings.taker, tellings.maker, tellings.public
                )
            });
        }
    }
}

/// Compares the books that a consumer rebuilt with the engine's, order by order, and what it was told
/// of the instruments.
#[must_use]
pub fn books(engine: &EngineState, consumer: &Consumer) -> Differences {
    let mut differences = Differences::default();
    if !consumer.is_live() {
        differences
            .add(|| "the consumer's books are stale: its feed stopped or has a gap".to_owned());
    }
    for (instrument, side, orders) in &engine.books {
        let theirs = consumer.book(*instrument).map(|book| side_of(book.orders(*side)));
        let ours = side_of(orders.iter().map(|order| BookOrder {
            order_id: order.order_id,
            side: order.terms.side,
            price: order.queue_price,
            qty: order.displayed,
        }));
        if theirs.as_ref() != Some(&ours) {
            differences.add(|| describe(*instrument, *side, theirs.as_deref(), &ours));
        }
    }
    for status in &engine.statuses {
        let ours = (Some(status.state), status.auction, status.told);
        let theirs = consumer.status(status.instrument);
        let theirs = (
            theirs.map(|(state, _)| state),
            theirs.and_then(|(_, auction)| auction),
            consumer.indicative(status.instrument),
        );
        if ours != theirs {
            let instrument = status.instrument;
            differences
                .add(|| format!("instrument {instrument}: engine {ours:?}, told {theirs:?}"));
        }
    }
    differences
}

fn side_of(orders: impl Iterator<Item = BookOrder>) -> Vec<BookOrder> {
    orders.collect()
}

fn describe(
    instrument: InstrumentId,
    side: Side,
    theirs: Option<&[BookOrder]>,
    ours: &[BookOrder],
) -> String {
    let theirs = theirs.unwrap_or_default();
    let at = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    let order = |orders: &[BookOrder]| match orders.get(at) {
        Some(o) => format!("order {} ({} lots at {} ticks)", o.order_id, o.qty, o.price),
        None => "none".to_owned(),
    };
    format!(
        "instrument {instrument}, {}: engine has {} orders, consumer {}; they differ from place {} \
         on: {} there, {} here",
        match side {
            Side::Buy => "bids",
            Side::Sell => "asks",
        },
        ours.len(),
        theirs.len(),
        at + 1,
        order(ours),
        order(theirs),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_types::{ClientOrderId, NewOrder, PriceTicks, QtyLots, SessionId, TimeNs, TradeId};

    const LOT_E8: i64 = 10_000;
    const TICK_E8: i64 = 1_000_000;

    /// A run of two commands: a sell of 5 lots that rests, and a buy of 3 that trades with it.
    struct Run {
        commands: Vec<Command>,
        answers: Vec<Option<Answer>>,
        fills: Vec<Fill>,
        prints: Vec<Trade>,
        cancelled: u64,
        moved: u64,
        engine: EngineState,
    }

    fn run() -> Run {
        let config = Config::default();
        let order = |session: u32, side, qty| {
            Command::New(NewOrder::limit(
                SessionId(session),
                ClientOrderId(1),
                config.instrument_list[0].id,
                side,
                PriceTicks(100),
                QtyLots(qty),
            ))
        };
        let commands = vec![order(1, Side::Sell, 5), order(2, Side::Buy, 3)];
        let answer =
            |n: u64| Some(Answer { tag: n - 1, seq: n, event_seq: n, order_id: n, rejected: None });
        let fill = |order_id: u64, maker, leaves: i64| Fill {
            trade_id: 1,
            event_seq: 4,
            order_id,
            client_order_id: 1,
            session: SessionId(order_id as u32),
            instrument: config.instrument_list[0].id,
            price_e8: 100 * TICK_E8,
            qty_e8: 3 * LOT_E8,
            leaves_e8: leaves * LOT_E8,
            maker,
            auction: false,
        };
        let print = Trade {
            trade_id: TradeId(1).0.into(),
            time_ns: 0.into(),
            price: 100.into(),
            qty: 3.into(),
            instrument: config.instrument_list[0].id.0.into(),
            aggressor_side: Side::Buy as u8,
            auction: 0,
            reserved: [0; 2],
        };
        let mut run = Run {
            commands,
            answers: vec![answer(1), answer(2)],
            fills: vec![fill(1, true, 2), fill(2, false, 0)],
            prints: vec![print],
            cancelled: 0,
            moved: 0,
            engine: EngineState::default(),
        };
        run.engine.records.times = vec![TimeNs(1); 2];
        let model = run_model(&config, &told(&run), &mut Differences::default()).0;
        run.engine.book_hash = model.state_hash();
        run
    }

    fn told(run: &Run) -> Told<'_> {
        Told {
            commands: &run.commands,
            answers: &run.answers,
            fills: &run.fills,
            prints: &run.prints,
            prints_complete: true,
            cancelled: run.cancelled,
            replaced: 0,
            moved: run.moved,
            engine: &run.engine,
        }
    }

    #[test]
    fn a_run_that_was_told_right_has_no_difference() {
        let run = run();
        let (differences, exercised) = against_model(&Config::default(), &told(&run));
        assert_eq!(exercised, Exercised::default());
        assert!(differences.is_empty(), "{:?}", differences.lines());
    }

    #[test]
    fn everything_that_is_told_wrong_is_a_difference() {
        type Wrong = (&'static str, fn(&mut Run));
        let wrongs: [Wrong; 15] = [
            ("both reports are lost", |run| run.fills.clear()),
            ("the taker's report is lost", |run| run.fills.truncate(1)),
            ("a report comes twice", |run| run.fills.push(run.fills[0])),
            ("the print is lost", |run| run.prints.clear()),
            ("the print comes twice", |run| run.prints.push(run.prints[0])),
            ("the wrong remainder", |run| run.fills[0].leaves_e8 = 0),
            ("the wrong price", |run| run.fills[1].price_e8 += TICK_E8),
            ("the wrong price in public", |run| run.prints[0].price = 101.into()),
            ("a cancellation of nothing", |run| run.cancelled = 1),
            ("a trigger of nothing", |run| run.moved = 1),
            ("an auction in public", |run| run.prints[0].auction = 1),
            ("a record that is not there", |run| run.engine.records.times.truncate(1)),
            ("a halt that nobody was told of", |run| {
                let halt = Command::SetState(vesta_types::SetState {
                    instrument: InstrumentId(1),
                    state: vesta_types::TradingState::Halt,
                    auction: vesta_types::AuctionKind::Opening,
                });
                run.engine.records.own.push((1, Own::Command(halt)));
            }),
            ("another book", |run| run.engine.book_hash ^= 1),
            ("another order id", |run| {
                if let Some(answer) = &mut run.answers[1] {
                    answer.order_id = 9;
                }
            }),
        ];
        for (what, wrong) in wrongs {
            let mut run = run();
            wrong(&mut run);
            let (differences, _) = against_model(&Config::default(), &told(&run));
            assert!(!differences.is_empty(), "{what}");
        }
    }
}
