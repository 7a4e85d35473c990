//! Order flow for the demo: commands in ticks and lots, in the order in which the venue is to
//! sequence them. Deterministic and without end, so that a run is named by its seed.
//!
//! ```text
//!            +-- due? cancel, replace <--- lifetimes ---+
//!   seed --> |                                          | events
//!            +-- else add, take, mass cancel --> Command --> Model (what rests, the touch)
//!            +-- before the opening: collect ---^
//! ```
//!
//! [`Flow`] is made up, in the likeness of a real day; [`LobsterFlow`] follows a recorded one. Both
//! apply each command that they give to the naive model, and so know which orders live. Orders are
//! named by `client_order_id`, unique and dense from 1 in each session, and never by the engine's
//! id: a command that is refused at the edge and sent again later would shift those.

mod generator;
mod kinds;
mod lobster;
mod market;
mod open;
mod shape;
#[cfg(test)]
mod tests;

pub use generator::Flow;
pub use lobster::{LobsterFlow, LobsterSettings, Skipped};
pub use open::{Opening, start_at};

use std::sync::Arc;
use vesta_model::Model;
use vesta_types::{
    AccountId, Capacity, CapacityError, InstrumentId, InstrumentRules, PriceTicks, RejectReason,
    SessionId, StpGroup,
};

/// What a [`Flow`] is made from.
#[derive(Clone, Debug)]
pub struct FlowSettings {
    /// Names the flow: the same settings and seed give the same commands. Any value.
    pub seed: u64,
    /// What is traded, the busiest first; at least one. The n-th gets 1/n of the commands of the
    /// first.
    pub instruments: Vec<InstrumentFlow>,
    /// Who trades; at least one, each as busy as the next.
    pub sessions: Vec<SessionFlow>,
    /// The venue's capacity. The flow stays below half of it.
    pub capacity: Capacity,
    /// The time from one command to the next, ns: by it orders expire. 0 for a flow without orders
    /// that do.
    pub interval_ns: u64,
}

/// One session of a [`Flow`].
#[derive(Clone, Debug)]
pub struct SessionFlow {
    /// Its id; only once.
    pub id: SessionId,
    /// The accounts that it may trade for, `AccountId(0)` for none; at least one.
    pub accounts: Arc<[AccountId]>,
    /// The self-trade groups that it may use. It always uses the same one, so that some sessions
    /// are of one house.
    pub stp_groups: Arc<[StpGroup]>,
}

/// One instrument of a [`Flow`].
#[derive(Clone, Copy, Debug)]
pub struct InstrumentFlow {
    /// Its id; not 0, and only once.
    pub id: InstrumentId,
    /// What the venue admits, and how its book behaves.
    pub rules: InstrumentRules,
    /// The price that the market stays around, in ticks, from [`REFERENCE_PRICE_MIN`] to
    /// that below `price_max`.
    pub reference_price: PriceTicks,
    /// Its opening auction; `None` when it trades from the start, or never.
    pub opening: Option<Opening>,
}

/// Lowest reference price, and the least distance from `price_max`, in ticks. Lower: there is no
/// room for two sides with some levels each.
pub const REFERENCE_PRICE_MIN: i64 = 16;

/// Settings that no flow can be made from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// No instrument.
    #[error("order flow needs at least one instrument")]
    NoInstrument,
    /// No session.
    #[error("order flow needs at least one session")]
    NoSession,
    /// Two instruments of the same id.
    #[error("instrument {0} is there twice")]
    InstrumentTwice(InstrumentId),
    /// A session that is there twice: its ids would be too.
    #[error("session {0} is there twice")]
    SessionTwice(SessionId),
    /// A session that may trade for no account, nor without one.
    #[error("session {0} has no account")]
    NoAccount(SessionId),
    /// A session that the venue would not define.
    #[error("session {id} can not be defined: {reason}")]
    Session {
        /// Which one.
        id: SessionId,
        /// Why.
        reason: RejectReason,
    },
    /// The capacity is none.
    #[error("{0}")]
    Capacity(CapacityError),
    /// The capacity is too small to trade in.
    #[error(
        "capacity for {orders} resting orders and {levels} levels is too small for order flow in {instruments} instruments"
    )]
    TooSmall {
        /// The venue's resting orders.
        orders: u32,
        /// The levels of a side.
        levels: u32,
        /// The instruments of the flow.
        instruments: usize,
    },
    /// An instrument that the venue would not define.
    #[error("instrument {id} can not be defined: {reason}")]
    Instrument {
        /// Which one.
        id: InstrumentId,
        /// Why.
        reason: RejectReason,
    },
    /// No room for a market around the reference price.
    #[error(
        "reference price of instrument {id} is {price} ticks, must be {REFERENCE_PRICE_MIN}..={price_max}"
    )]
    ReferencePrice {
        /// Which one.
        id: InstrumentId,
        /// What was asked for.
        price: PriceTicks,
        /// The highest that there is room for.
        price_max: i64,
    },
    /// A recording's tick is not above 0.
    #[error("the size of a tick is {0}, must be above 0")]
    TickSize(i64),
}

/// The model of a venue with that capacity, which lets these sessions trade.
fn model(capacity: Capacity, sessions: &[SessionId]) -> Result<Model, FlowError> {
    let session_count_max = sessions.len() as u32;
    let capacity = Capacity { session_count_max, ..capacity };
    capacity.check().map_err(FlowError::Capacity)?;
    let mut model = Model::new(capacity);
    for &id in sessions {
        let defined = model.define_session(id, capacity.order_count_max);
        defined.map_err(|reason| FlowError::Session { id, reason })?;
    }
    Ok(model)
}

/// Each session gives its own client order ids, so it must be there once.
fn check_sessions(sessions: &[SessionId]) -> Result<(), FlowError> {
    let mut sorted = sessions.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(FlowError::SessionTwice(pair[0])),
        None if sessions.is_empty() => Err(FlowError::NoSession),
        None => Ok(()),
    }
}
