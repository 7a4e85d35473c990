//! Between the processes of a shard, beside the two logs: streams 10, 11 and 21.

use crate::layout::{messages, rule};
use zerocopy::little_endian::{U16, U32, U64};

messages! {
    /// A gateway introduces itself (stream 10): the first message on its stream.
    GatewayHello = 54, 8 {
        /// Who.
        0 gateway: U32,
        /// Zero.
        4 reserved: [u8; 4] where rule::zero,
    }
    /// A member holds the input log up to here (stream 21). Defined for later use.
    ReplicaAck = 55, 16 {
        /// All records up to this one.
        0 seq: U64,
        /// The epoch that the member has sealed to.
        8 epoch: U32,
        /// Who.
        12 member: U32,
    }
    /// Where the sequencer stands (stream 11): sent when a gateway joins, and on every change.
    SequencerStatus = 56, 24 {
        /// The record that comes next.
        0 next_seq: U64,
        /// The epoch that reigns.
        8 epoch: U32,
        /// The shard.
        12 shard: U32,
        /// The commit level in force.
        16 commit_level: u8 where rule::level,
        /// 1 when commands are taken.
        17 accepting: u8 where rule::flag,
        /// Zero.
        18 reserved: [u8; 6] where rule::zero,
    }
    /// The sequencer did not take a command (stream 11): it has no place in the log.
    SequencerRefusal = 57, 24 {
        /// Which command.
        0 client_seq: U64,
        /// The session.
        8 session: U32,
        /// The gateway that it came by.
        12 gateway: U32,
        /// Which rule was broken.
        16 reason: U16 where rule::reject_reason,
        /// Zero.
        18 reserved: [u8; 6] where rule::zero,
    }
}
