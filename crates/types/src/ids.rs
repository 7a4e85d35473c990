//! One newtype per counter, so that a sequence of one log is never passed for that of another.

use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name(u64));

        impl $name {
            /// The value after this one.
            ///
            /// # Panics
            /// At `u64::MAX`: at a billion a second that is 584 years away, so reaching it means
            /// that a counter was corrupted.
            #[must_use]
            pub const fn next(self) -> Self {
                match self.0.checked_add(1) {
                    Some(next) => Self(next),
                    None => panic!("counter exhausted"),
                }
            }
        }
    };
}

counter!(/// Position of a record in a shard's input log. Dense from 1; assigned by the sequencer.
    Seq);
counter!(/// Position of an event in a shard's event log. Dense from 1; assigned by the engine.
    EventSeq);
counter!(/// Position of a command within a client session on one shard. Dense from 1; assigned by the client.
    ClientSeq);
counter!(/// Position of a message in a market-data feed. Dense from 1; assigned by the md-publisher.
    FeedSeq);
counter!(/// An order as the engine knows it. Dense from 1 per shard, never re-used; 0 means "none".
    OrderId);
counter!(/// A fill as the engine knows it. Dense from 1 per shard, never re-used; 0 means "none".
    TradeId);

id!(/// An order as its client knows it: any value but 0, unique among the session's live orders.
    ClientOrderId(u64));
id!(/// The reign of one sequencer. Raised on every change of sequencer or of voters.
    Epoch(u32));
id!(/// A client's trading session. Never re-used; 0 means "none".
    SessionId(u32));
id!(/// The reign of one gateway over a session: commands of an older one are refused.
    SessionEpoch(u32));
id!(/// A gateway process.
    GatewayId(u32));
id!(/// A tradable instrument; 0 means "none" or, in a mass cancel, "all".
    InstrumentId(u32));
id!(/// A set of instruments with one sequencer and its engines.
    ShardId(u32));
id!(/// Sequenced time: nanoseconds since the Unix epoch, UTC. Only the sequencer makes one.
    TimeNs(u64));
id!(/// Byte position in an Aeron stream; not a message count.
    StreamPosition(i64));
id!(/// The account that an order trades for; 0 means "none".
    AccountId(u64));
id!(/// Orders of one group never trade with each other; 0 means "none".
    StpGroup(u32));
