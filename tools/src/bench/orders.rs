//! Order flow without end, as records: a seeded workload that leaves the book as it found it, again
//! and again.
//!
//! ```text
//!   Workload (commands) + a cancel for whatever still rests = a pass
//!   pass n   the same records; client_seq goes on, client_order_id has n in its upper half
//! ```
//! What the records do is therefore known, and costs nothing while it is measured.

use vesta_config::Config;
use vesta_matching::{EventSink, Matcher};
use vesta_types::{
    Cancel, Command, Event, GatewayId, InstrumentId, OrderRef, Replace, SessionId, Side,
};
use vesta_wire::client::Origin;
use vesta_wire::record::{CancelOrder, NewOrder, ReplaceOrder, Stamp};
use vesta_wire::{Message, encode};
use vesta_workload::{CAPACITY, INSTRUMENT, SESSION_COUNT, Scenario, Workload};

/// A pass has fewer client order ids: they are numbered within it.
const PASS_SHIFT: u32 = 32;
/// The epoch of a session until the log opens sessions.
const SESSION_EPOCH: u32 = 1;
/// The longest record of the flow, bytes.
pub const RECORD_LEN_MAX: usize = NewOrder::LEN;

/// A record whose stamp is blank but for its gateway.
#[derive(Clone, Copy, Debug)]
enum Record {
    New(NewOrder),
    Cancel(CancelOrder),
    Replace(ReplaceOrder),
}

/// Counts what a pass does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassCounts {
    /// Commands.
    pub commands: u64,
    /// New orders.
    pub orders: u64,
    /// Orders that traded, as maker or taker, each once.
    pub traded: u64,
    /// Fills.
    pub fills: u64,
}

/// The flow.
#[derive(Clone, Debug)]
pub struct OrderFlow {
    records: Vec<Record>,
    counts: PassCounts,
    at: usize,
    pass: u64,
    client_seqs: [u64; SESSION_COUNT as usize],
    bytes: [u8; RECORD_LEN_MAX],
}

impl OrderFlow {
    /// A flow for the first instrument of a configuration, with its first 16 sessions, all of its
    /// first gateway. About `commands` of them are a pass.
    ///
    /// # Errors
    /// When the configuration has no such sessions, or its instrument is too narrow.
    pub fn new(
        config: &Config,
        scenario: Scenario,
        seed: u64,
        commands: usize,
    ) -> Result<Self, String> {
        let gateway = config.gateway_list.first().ok_or("there is no [[gateway]]")?.id;
        let sessions: Vec<SessionId> =
            config.sessions_of(gateway).map(|s| s.id).take(SESSION_COUNT as usize).collect();
        if sessions.len() < SESSION_COUNT as usize {
            return Err(format!(
                "the flow needs {SESSION_COUNT} sessions on gateway {gateway}: give [[session]] a count"
            ));
        }
        let instrument = config.instrument_list.first().ok_or("there is no [[instrument]]")?;
        let Workload { mut commands, rules, .. } = Workload::generate(scenario, seed, commands);
        if instrument.rules.price_max < rules.price_max || instrument.rules.qty_max < rules.qty_max
        {
            return Err(format!(
                "the flow has prices up to {} ticks and quantities up to {} lots, which is more \
                 than {} admits",
                rules.price_max, rules.qty_max, instrument.symbol
            ));
        }
        let counts = close(&mut commands, &instrument.rules);
        let names = Names { sessions: &sessions, gateway, instrument: instrument.id };
        let records = commands.iter().filter_map(|command| names.record(command)).collect();
        Ok(Self {
            records,
            counts,
            at: 0,
            pass: 0,
            client_seqs: [0; SESSION_COUNT as usize],
            bytes: [0; RECORD_LEN_MAX],
        })
    }

    /// What each pass does.
    #[must_use]
    pub const fn counts(&self) -> PassCounts {
        self.counts
    }

    /// Records of a pass.
    #[must_use]
    pub fn pass_len(&self) -> usize {
        self.records.len()
    }

    /// The next record, in bytes.
    #[inline]
    pub fn next_record(&mut self) -> &mut [u8] {
        let Self { records, client_seqs, bytes, pass, .. } = self;
        let upper = *pass << PASS_SHIFT;
        let mut origin = |of: &Origin| {
            // In the flow sessions are numbered from 0, and client_seq has the number.
            let client_seq = &mut client_seqs[of.client_seq.get() as usize];
            *client_seq += 1;
            Origin { client_seq: (*client_seq).into(), ..*of }
        };
        let len = match &records[self.at] {
            Record::New(new) => {
                let client_order_id = (new.client_order_id.get() | upper).into();
                let new = NewOrder { origin: origin(&new.origin), client_order_id, ..*new };
                encode(&new, bytes).len()
            }
            Record::Cancel(cancel) => {
                let client_order_id = (cancel.client_order_id.get() | upper).into();
                let origin = origin(&cancel.origin);
                encode(&CancelOrder { origin, client_order_id, ..*cancel }, bytes).len()
            }
            Record::Replace(replace) => {
                let client_order_id = (replace.client_order_id.get() | upper).into();
                let origin = origin(&replace.origin);
                encode(&ReplaceOrder { origin, client_order_id, ..*replace }, bytes).len()
            }
        };
        self.at += 1;
        if self.at == self.records.len() {
            self.at = 0;
            self.pass += 1;
        }
        &mut self.bytes[..len]
    }
}

/// What a pass trades.
#[derive(Default)]
struct Fills {
    fills: u64,
    orders: std::collections::BTreeSet<u64>,
}

impl EventSink for Fills {
    fn event(&mut self, event: Event) {
        if let Event::Executed(executed) = event {
            self.fills += 1;
            self.orders.extend([executed.taker.order_id.0, executed.maker.order_id.0]);
        }
    }
}

/// Adds a cancel for each order that rests at the end, by the rules of the instrument that is traded:
/// by others, other orders would.
fn close(commands: &mut Vec<Command>, rules: &vesta_types::InstrumentRules) -> PassCounts {
    let mut matcher = Matcher::new(CAPACITY);
    let mut fills = Fills::default();
    matcher.define(INSTRUMENT, *rules).expect("the configuration has checked its rules");
    for session in 1..=SESSION_COUNT {
        let defined = matcher.define_session(SessionId(session), CAPACITY.order_count_max);
        defined.expect("there is room for the workload's sessions");
    }
    commands.iter().for_each(|command| matcher.apply(command, &mut fills));
    let resting = Side::BOTH.into_iter().flat_map(|side| matcher.orders(INSTRUMENT, side));
    let cancels = resting.map(|order| {
        let (session, id) = (order.terms.session, order.terms.client_order_id);
        let target = OrderRef::Client(id);
        Command::Cancel(Cancel { session, instrument: INSTRUMENT, target })
    });
    commands.extend(cancels.collect::<Vec<_>>());
    PassCounts {
        commands: commands.len() as u64,
        orders: commands.iter().filter(|c| matches!(c, Command::New(_))).count() as u64,
        traded: fills.orders.len() as u64,
        fills: fills.fills,
    }
}

/// Whose the records are.
struct Names<'a> {
    sessions: &'a [SessionId],
    gateway: GatewayId,
    instrument: InstrumentId,
}

impl Names<'_> {
    /// `client_seq` holds the number of the session, from 0, until the record is sent.
    fn record(&self, command: &Command) -> Option<Record> {
        let number = command.session().0.checked_sub(1)?;
        let origin = Origin {
            client_seq: u64::from(number).into(),
            session: self.sessions.get(number as usize)?.0.into(),
            session_epoch: SESSION_EPOCH.into(),
        };
        let stamp = Stamp { gateway: self.gateway.0.into(), ..Stamp::default() };
        let instrument = self.instrument.0.into();
        Some(match command {
            Command::New(new) => Record::New(NewOrder {
                stamp,
                origin,
                client_order_id: new.client_order_id.0.into(),
                account: new.account.0.into(),
                price: new.price.0.into(),
                qty: new.qty.0.into(),
                instrument,
                // The workload's groups are of one order each: they forbid nothing.
                stp_group: 0.into(),
                side: new.side as u8,
                order_type: new.order_type as u8,
                time_in_force: new.time_in_force as u8,
                flags: 0,
                post_only: new.post_only as u8,
                self_trade: new.self_trade as u8,
                reserved: [0; 2],
            }),
            Command::Cancel(Cancel { target: OrderRef::Client(id), .. }) => {
                Record::Cancel(CancelOrder {
                    stamp,
                    origin,
                    client_order_id: id.0.into(),
                    order_id: 0.into(),
                    instrument,
                    reserved: [0; 4],
                })
            }
            Command::Replace(replace) => {
                let Replace { target: OrderRef::Client(id), price, qty, .. } = replace else {
                    return None;
                };
                Record::Replace(ReplaceOrder {
                    stamp,
                    origin,
                    client_order_id: id.0.into(),
                    order_id: 0.into(),
                    price: price.0.into(),
                    qty: qty.0.into(),
                    stop_price: 0.into(),
                    instrument,
                    reserved: [0; 4],
                })
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_wire::{command, record};

    #[test]
    fn every_pass_is_the_same_and_leaves_nothing_behind() {
        let config = Config::default();
        let mut flow = OrderFlow::new(&config, Scenario::Normal, 7, 3_000).expect("a flow");
        let counts = flow.counts();
        assert_eq!(counts.commands, flow.pass_len() as u64);
        assert!(counts.traded > 100 && counts.fills > 50 && counts.orders > 1_000, "{counts:?}");
        let mut matcher = Matcher::new(config.capacity());
        matcher.define(config.instrument_list[0].id, config.instrument_list[0].rules).expect("it");
        for session in &config.session_list {
            matcher.define_session(session.id, session.open_order_max).expect("room");
        }
        let mut last = [0_u64; SESSION_COUNT as usize];
        for pass in 1..=3 {
            let mut fills = Fills::default();
            for _ in 0..flow.pass_len() {
                let bytes = flow.next_record();
                let origin = record::origin(bytes).expect("a record");
                let client_seq = &mut last[origin.session.get() as usize - 1];
                assert_eq!(origin.client_seq.get(), *client_seq + 1, "dense in each session");
                *client_seq += 1;
                let command = command(bytes).expect("a good record").expect("a command");
                matcher.apply(&command, &mut fills);
            }
            assert_eq!((fills.fills, fills.orders.len() as u64), (counts.fills, counts.traded));
            assert_eq!(matcher.order_count(), 0, "after pass {pass}");
        }
    }

    #[test]
    fn a_configuration_without_enough_sessions_is_named() {
        let mut config = Config::default();
        config.session_list.truncate(3);
        let error = OrderFlow::new(&config, Scenario::Normal, 7, 100).expect_err("too few");
        assert!(error.contains("16 sessions"), "{error}");
    }
}
