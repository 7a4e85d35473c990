//! Logs written by hand, and an engine to read them.

use vesta_engine::{ApplyError, Engine, SessionOwner, Settings};
use vesta_types::{
    AccountId, AuctionKind, Capacity, Epoch, GatewayId, InstrumentRules, KillScope, PriceTicks,
    QtyLots, SessionId, ShardId, Side, StpGroup, TradingState,
};
use vesta_wire::client::Origin;
use vesta_wire::event::EventFrame;
use vesta_wire::record::{
    self, CancelOrder, DefineInstrument, Kill, MassCancel, NewOrder, NewOrderExtended,
    ReplaceOrder, SetState, Stamp, Tick,
};
use vesta_wire::{Decimal, Message, Outbox, Symbol, encode, open_frame};
use zerocopy::IntoBytes;

/// Sessions 1 and 2 of gateway 1, four outcomes each.
pub fn engine() -> Rig {
    engine_with(&[(1, 1), (2, 1)], 4)
}

/// An engine of these (session, gateway).
pub fn engine_with(owners: &[(u32, u32)], outcomes_kept: u32) -> Rig {
    // Each may trade for account 5 and none, and use self-trade group 1.
    let owner = |&(session, gateway): &(u32, u32)| SessionOwner {
        accounts: [AccountId(0), AccountId(5)].into(),
        stp_groups: [StpGroup(1)].into(),
        ..SessionOwner::plain(SessionId(session), GatewayId(gateway))
    };
    let engine = Engine::new(Settings {
        shard: ShardId(1),
        epoch: Epoch(1),
        sessions: owners.iter().map(owner).collect(),
        outcomes_kept,
        capacity: Capacity {
            order_count_max: 64,
            level_count_max: 16,
            instrument_count_max: 4,
            session_count_max: 4,
        },
    });
    Rig { engine, outbox: Outbox::new(1, 1_408, 4_096) }
}

/// An engine and its output.
pub struct Rig {
    pub engine: Engine,
    outbox: Outbox<EventFrame>,
}

impl Rig {
    /// Applies one record and returns its events in bytes.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, ApplyError> {
        let outcome = self.engine.apply(bytes, &mut self.outbox);
        let events = drain(&mut self.outbox);
        outcome.map(|()| events)
    }

    /// Applies a log and returns its events in bytes.
    pub fn read_all(&mut self, log: &Log) -> Vec<Vec<u8>> {
        let read = |bytes: &Vec<u8>| self.read(bytes).expect("a good log");
        log.records.iter().flat_map(read).collect()
    }

    pub fn state_hash(&self) -> u64 {
        self.engine.state_hash()
    }
}

fn drain(outbox: &mut Outbox<EventFrame>) -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    let header = |first: u64, count: u16| EventFrame {
        first_event_seq: first.into(),
        shard: 1.into(),
        count: count.into(),
        reserved: [0; 10],
    };
    let offered = outbox.flush(header, |frame| {
        let (_, messages) = open_frame::<EventFrame>(frame).expect("a frame");
        events.extend(messages.map(|event| event.expect("an event").to_vec()));
        Ok::<(), ()>(())
    });
    offered.expect("taken");
    events
}

/// A command without its stamp and origin.
#[derive(Clone, Debug)]
pub struct Body(Vec<u8>);

pub fn body<M: Message>(message: &M) -> Body {
    let mut bytes = vec![0; M::LEN];
    encode(message, &mut bytes);
    Body(bytes)
}

pub fn new_order(name: u64, instrument: u32, side: Side, price: i64, qty: u64) -> Body {
    body(&plain(name, instrument, side, price, qty))
}

/// A limit order, good till cancelled, to be varied by struct update.
pub fn plain(name: u64, instrument: u32, side: Side, price: i64, qty: u64) -> NewOrder {
    NewOrder {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        client_order_id: name.into(),
        account: 0.into(),
        price: price.into(),
        qty: qty.into(),
        instrument: instrument.into(),
        stp_group: 0.into(),
        side: side as u8,
        order_type: 1,
        time_in_force: 1,
        flags: 0,
        post_only: 0,
        self_trade: 0,
        reserved: [0; 2],
    }
}

/// The same with everything that an order may say.
pub fn extended(name: u64, side: Side, price: i64, qty: u64) -> NewOrderExtended {
    let plain = plain(name, 1, side, price, qty);
    NewOrderExtended {
        stamp: plain.stamp,
        origin: plain.origin,
        client_order_id: plain.client_order_id,
        account: plain.account,
        price: plain.price,
        qty: plain.qty,
        display_qty: 0.into(),
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
        time_in_force: plain.time_in_force,
        flags: plain.flags,
        post_only: plain.post_only,
        self_trade: plain.self_trade,
        peg: 0,
        reserved: 0,
    }
}

pub fn set_state(state: TradingState, auction: AuctionKind) -> Body {
    body(&SetState {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        instrument: 1.into(),
        state: state as u8,
        auction: auction as u8,
        reserved: [0; 2],
    })
}

pub fn kill(scope: KillScope, engaged: bool) -> Body {
    body(&Kill {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        target: scope.into(),
        engaged: u8::from(engaged),
        reserved: [0; 6],
    })
}

pub fn tick() -> Body {
    body(&Tick { stamp: Stamp::default(), origin: Origin::NONE })
}

pub fn cancel(name: u64, instrument: u32) -> Body {
    body(&CancelOrder {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        client_order_id: name.into(),
        order_id: 0.into(),
        instrument: instrument.into(),
        reserved: [0; 4],
    })
}

pub fn replace(name: u64, instrument: u32, price: i64, qty: u64) -> Body {
    body(&ReplaceOrder {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        client_order_id: name.into(),
        order_id: 0.into(),
        price: price.into(),
        qty: qty.into(),
        stop_price: 0.into(),
        instrument: instrument.into(),
        reserved: [0; 4],
    })
}

pub fn mass_cancel() -> Body {
    body(&MassCancel {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        account: 0.into(),
        instrument: 0.into(),
        side: 0,
        reserved: [0; 3],
    })
}

/// Records, numbered from 1 and 1,000 ns apart.
#[derive(Default)]
pub struct Log {
    pub records: Vec<Vec<u8>>,
}

impl Log {
    /// An instrument with prices to 1,000 and quantities to 100.
    pub fn define(&mut self, instrument: u32) -> &mut Self {
        self.define_with(instrument, &InstrumentRules::new(PriceTicks(1_000), QtyLots(100)))
    }

    /// An instrument with these rules.
    pub fn define_with(&mut self, instrument: u32, rules: &InstrumentRules) -> &mut Self {
        let definition = body(&DefineInstrument {
            stamp: Stamp::default(),
            origin: Origin::NONE,
            rules: rules.into(),
            symbol: Symbol::new("BTC-USD").expect("short"),
            instrument: instrument.into(),
            tick_size: Decimal { mantissa: 1.into(), exponent: -2 },
            lot_size: Decimal { mantissa: 1.into(), exponent: -4 },
            reserved: [0; 2],
        });
        self.push(&definition, 0, Origin::NONE)
    }

    /// A command of a session of gateway 1.
    pub fn command(&mut self, session: u32, client_seq: u64, command: &Body) -> &mut Self {
        self.push(command, 1, origin(session, client_seq, 1))
    }

    /// A record of the sequencer's own, or of the operator's.
    pub fn own(&mut self, record: &Body) -> &mut Self {
        self.push(record, 0, Origin::NONE)
    }

    /// The time of the record that comes next.
    pub fn next_time_ns(&self) -> u64 {
        1_000_000 + 1_000 * (self.records.len() as u64 + 1)
    }

    /// A command by any gateway and of any origin.
    pub fn push(&mut self, command: &Body, gateway: u32, origin: Origin) -> &mut Self {
        let seq = self.records.len() as u64 + 1;
        let stamp = Stamp {
            seq: seq.into(),
            time_ns: self.next_time_ns().into(),
            epoch: 1.into(),
            gateway: gateway.into(),
        };
        let mut bytes = command.0.clone();
        record::write_stamp(&mut bytes, &stamp);
        let prefix = record::PREFIX_LEN;
        bytes[prefix - size_of::<Origin>()..prefix].copy_from_slice(origin.as_bytes());
        self.records.push(bytes);
        self
    }

    pub fn last(&self) -> &[u8] {
        self.records.last().expect("a record")
    }
}

pub fn origin(session: u32, client_seq: u64, session_epoch: u32) -> Origin {
    Origin {
        client_seq: client_seq.into(),
        session: session.into(),
        session_epoch: session_epoch.into(),
    }
}
