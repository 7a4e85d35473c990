//! Vesta's vocabulary: identifiers, fixed-point prices and quantities, commands and events.
//!
//! Everything here is plain data. No socket, clock, thread or allocation is in reach, so that the
//! matching core, its naive model and every role speak of the same things in the same words.
#![cfg_attr(not(test), no_std)]

mod capacity;
mod command;
mod event;
mod ids;
mod order;
mod quantity;
mod reason;
mod reject_counts;
mod rules;
mod scale;
pub mod state_hash;

pub use capacity::{Capacity, CapacityError};
pub use command::{
    Cancel, Command, CommandKind, Kill, KillScope, MassCancel, NewOrder, OrderRef, Replace,
    SetState,
};
pub use event::{
    Accepted, Cancelled, Event, Executed, Indicative, Party, Rejected, Replaced, Repriced, Rested,
    SelfTradePrevented, StateChanged, Triggered,
};
pub use ids::{
    AccountId, ClientOrderId, ClientSeq, Epoch, EventSeq, FeedSeq, GatewayId, InstrumentId,
    OrderId, Seq, SessionEpoch, SessionId, ShardId, StpGroup, StreamPosition, TimeNs, TradeId,
};
pub use order::{
    AuctionKind, LevelView, OrderType, PegReference, PostOnly, SelfTrade, Side, TimeInForce,
    TradingState,
};
pub use quantity::{PriceTicks, QtyLots};
pub use reason::{CancelReason, RejectReason};
pub use reject_counts::RejectCounts;
pub use rules::{
    BandAction, HiddenPriority, IcebergRefresh, InstrumentRules, ReplaceShrink, SelfTradeDecides,
    StopTrigger, TickStep,
};
pub use scale::Scale;
