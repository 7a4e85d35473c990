//! Vesta's vocabulary: identifiers, fixed-point prices and quantities, commands and events.
//!
//! Everything here is plain data. No socket, clock, thread or allocation is in reach, so that the
//! matching core, its naive model and every role speak of the same things in the same words.
#![cfg_attr(not(test), no_std)]

mod command;
mod event;
mod ids;
mod order;
mod quantity;
mod reason;
mod scale;
pub mod state_hash;

pub use command::{Cancel, Command, CommandKind, MassCancel, NewOrder, OrderRef, Replace};
pub use event::{Accepted, Cancelled, Event, Executed, Party, Rejected, Replaced, Rested};
pub use ids::{
    ClientOrderId, ClientSeq, Epoch, EventSeq, FeedSeq, GatewayId, InstrumentId, OrderId, Seq,
    SessionEpoch, SessionId, ShardId, StreamPosition, TimeNs, TradeId,
};
pub use order::{Limits, OrderType, Side, TimeInForce};
pub use quantity::{PriceTicks, QtyLots};
pub use reason::{CancelReason, RejectReason};
pub use scale::Scale;
