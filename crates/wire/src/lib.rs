//! Vesta's messages as bytes: the Rust side of `schema/vesta.xml`.
//!
//! ```text
//!   message   [SBE header 8][block, fixed size]
//!   frame     [SBE header 8][frame block][message][message]...   one Aeron fragment
//!
//!   SBE header: block_length u16 | template_id u16 | schema_id u16 | version u16, little-endian
//! ```
//!
//! A client's datagram is one message ([`client`]). The input log ([`record`]), the event log
//! ([`event`]) and market data ([`md`]) travel as frames. Bytes become a message only through
//! [`decode`], the one gate, which names the rule that they break.
#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod client;
mod command;
pub mod control;
pub mod event;
mod event_reader;
mod frame;
mod gate;
mod layout;
pub mod md;
pub mod record;
mod rules;

pub use command::command;
pub use event_reader::{EventLogError, EventReader};
pub use frame::{FrameBuilder, FrameMessage, Messages, Outbox, open_frame};
pub use gate::{WireError, decode, peek};
pub use layout::{
    Decimal, FieldLayout, Message, SCHEMA_ID, SCHEMA_VERSION, SbeHeader, Symbol, encode,
};
pub use rules::{Rules, TickStep};

/// How safe a command is when it is acknowledged. A sequenced setting of the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CommitLevel {
    /// The sequencer has it in memory. Single node and benchmarks only.
    Received = 1,
    /// In memory on a quorum of voters.
    Replicated = 2,
    /// That, and on stable storage on at least one.
    Journaled = 3,
}

impl CommitLevel {
    /// The level that a wire byte names.
    #[must_use]
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Received),
            2 => Some(Self::Replicated),
            3 => Some(Self::Journaled),
            _ => None,
        }
    }
}
