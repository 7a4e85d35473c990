//! Seeded order flow for measurements: one instrument, all commands in memory before the first is
//! given to anybody.
//!
//! ```text
//!   Scenario, seed, count ── Generator ──> Workload: commands [Command; N], rules, sessions
//!                             |      ^                  |            '─ flat ──> order file
//!                       fair value   own plain book     '─ HotChunk ──> who is measured
//! ```
//!
//! The generator keeps a plain book of its own (`book.rs`), so that it knows what rests, what trades
//! and what is refused without asking the engine that will be measured. What it says of each
//! command ([`Note`]) is therefore a prediction, and `tests/scenarios.rs` holds the matching core to
//! it. It draws integers only: a scenario and a seed are the same commands on every machine.
//!
//! All commands are limit orders (good till cancelled or immediate-or-cancel), cancels and replaces:
//! what the public benchmark's order files can carry, so that other engines can be given the same.

mod book;
mod chunk;
mod fair;
mod generator;
pub mod random;
mod scenario;
mod shape;

pub use chunk::{CHUNK_LEN, HotChunk};
pub use scenario::Scenario;

use vesta_types::{
    Capacity, Command, InstrumentId, InstrumentRules, PriceTicks, QtyLots, ReplaceShrink,
    SessionId, Side, TickStep,
};

/// The one instrument.
pub const INSTRUMENT: InstrumentId = InstrumentId(1);

/// Sessions that trade, from 1, each as busy as the next.
pub const SESSION_COUNT: u32 = 16;

/// What every scenario fits into. `static` rests some 60,000 orders, the others fewer. Too low: new
/// orders are refused, and the notes are wrong; too high: the matcher's tables are sparser than they
/// need be, and miss the cache for it.
pub const CAPACITY: Capacity = Capacity {
    order_count_max: 1 << 17,
    level_count_max: 1 << 17,
    instrument_count_max: 1,
    session_count_max: SESSION_COUNT,
};

/// Kinds of commands that cost differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A new order that rests without having traded.
    New,
    /// A new order that trades, or is immediate-or-cancel.
    Taker,
    /// A cancel, refused or not.
    Cancel,
    /// A replace, whether it trades or not.
    Replace,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::New, Self::Taker, Self::Cancel, Self::Replace];

    /// As output names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Taker => "taker",
            Self::Cancel => "cancel",
            Self::Replace => "replace",
        }
    }
}

/// What there is to know of a command beside itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which kind it is.
    pub class: Class,
    /// Fills that it sets off.
    pub fills: u16,
    /// The order that it is about: new orders are numbered from 1 as they come. As none is refused,
    /// that is also its [`OrderId`](vesta_types::OrderId).
    pub order: u32,
}

/// A scenario, ready to be run.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Which one.
    pub scenario: Scenario,
    /// What it was seeded with.
    pub seed: u64,
    /// The commands, in order.
    pub commands: Vec<Command>,
    /// One for each command.
    pub notes: Vec<Note>,
    /// The rules of [`INSTRUMENT`].
    pub rules: InstrumentRules,
}

/// One command as an order file has it: an order has a number of its own, and there are no sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flat {
    /// What it is.
    pub kind: FlatKind,
    /// The number of its order: see [`Note::order`].
    pub order: u64,
    /// Its side; of a cancel or replace, that of its order.
    pub side: Side,
    /// In ticks; 0 for a cancel.
    pub price: PriceTicks,
    /// In lots, of a replace the new open quantity; 0 for a cancel.
    pub qty: QtyLots,
}

/// Kinds of [`Flat`] commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlatKind {
    /// A limit order, good till cancelled.
    New,
    /// A limit order, immediate or cancel.
    NewIoc,
    /// A cancel.
    Cancel,
    /// A replace, which gives up its place in the queue.
    Modify,
}

impl Workload {
    /// Makes the commands of a scenario.
    ///
    /// # Panics
    /// When `count` is not in `1..=`[`COUNT_MAX`](Self::COUNT_MAX).
    #[must_use]
    pub fn generate(scenario: Scenario, seed: u64, count: usize) -> Self {
        assert!((1..=Self::COUNT_MAX).contains(&count), "a workload of {count} commands");
        let shape = scenario.shape();
        let (commands, notes) = generator::Generator::new(shape, seed).run(count);
        Self { scenario, seed, commands, notes, rules: rules(shape.reference_price) }
    }

    /// The most commands: 100 bytes each in memory, and orders are numbered by `u32`.
    pub const COUNT_MAX: usize = 50_000_000;

    /// The sessions, and how many orders each may have live: never fewer than it wants.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, u32)> + use<> {
        (1..=SESSION_COUNT).map(|id| (SessionId(id), CAPACITY.order_count_max))
    }

    /// The commands as an order file has them.
    pub fn flat(&self) -> impl Iterator<Item = Flat> {
        let mut sides: Vec<Side> = Vec::new();
        self.commands.iter().zip(&self.notes).map(move |(command, note)| {
            let order = u64::from(note.order);
            match command {
                Command::New(new) => {
                    sides.push(new.side);
                    let is_ioc = new.time_in_force == vesta_types::TimeInForce::Ioc;
                    let kind = if is_ioc { FlatKind::NewIoc } else { FlatKind::New };
                    Flat { kind, order, side: new.side, price: new.price, qty: new.qty }
                }
                Command::Replace(replace) => Flat {
                    kind: FlatKind::Modify,
                    order,
                    side: sides[note.order as usize - 1],
                    price: replace.price,
                    qty: replace.qty,
                },
                _ => Flat {
                    kind: FlatKind::Cancel,
                    order,
                    side: sides[note.order as usize - 1],
                    price: PriceTicks(0),
                    qty: QtyLots::ZERO,
                },
            }
        })
    }
}

/// Every rule is in force, wide enough to say no to no scenario, but each is asked: ticks, bands,
/// notional, protection. Self-trade groups are in the orders, the limit of open orders in the
/// sessions. A replace always loses its place, as order files have it.
fn rules(reference_price: PriceTicks) -> InstrumentRules {
    let price_max = PriceTicks(reference_price.0 * 2);
    let mut rules = InstrumentRules::new(price_max, QtyLots(1 << 20));
    rules.notional_max = (price_max.0.unsigned_abs()) << 20;
    rules.tick_steps[0] = TickStep { from: PriceTicks(1), ticks: 1 };
    rules.reference_price = reference_price;
    rules.static_band_ticks = reference_price.0.unsigned_abs();
    rules.dynamic_band_ticks = reference_price.0.unsigned_abs();
    rules.market_protection_ticks = reference_price.0.unsigned_abs();
    rules.match_count_max = InstrumentRules::MATCH_COUNT_MAX;
    rules.replace_shrink = ReplaceShrink::LosesPriority;
    rules
}
