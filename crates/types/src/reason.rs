//! Why a command was rejected, and why an order was cancelled. The numbers are wire values: they
//! are never re-used and never change.

use core::fmt;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($(#[$vdoc:meta])* $variant:ident = $value:literal => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name { $($(#[$vdoc])* $variant = $value,)* }

        impl $name {
            /// Every reason there is, in wire order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable snake_case name that reports and `--json` use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The reason that a wire value names.
            #[must_use]
            pub const fn from_wire(value: $repr) -> Option<Self> {
                match value { $($value => Some(Self::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

reasons! {
    /// Why a command was rejected: by the engine, in the log, as the command's outcome; or refused
    /// at the edge (gateway, sequencer) by a message of its own that marks it `not_sequenced`, and
    /// then it may be sent again under the same `client_seq`. From 100 on only the edge says it.
    RejectReason: u16 {
        /// The instrument is not one of this shard's.
        UnknownInstrument = 1 => "unknown_instrument",
        /// The session is not one of this shard's.
        UnknownSession = 2 => "unknown_session",
        /// The session has been opened again since by another gateway.
        StaleSessionEpoch = 3 => "stale_session_epoch",
        /// `client_seq` skips ahead: an earlier command is missing. Leaves no state: send the
        /// missing one, then this one again.
        ClientSeqGap = 4 => "client_seq_gap",
        /// The outcome of this `client_seq` is older than the window that is kept. Not executed.
        OutcomeExpired = 5 => "outcome_expired",
        /// Price is zero, negative or above the instrument's limit; or a market order carries one.
        InvalidPrice = 6 => "invalid_price",
        /// Quantity is zero or above the instrument's limit.
        InvalidQuantity = 7 => "invalid_quantity",
        /// The `client_order_id` is 0.
        InvalidClientOrderId = 8 => "invalid_client_order_id",
        /// The `client_order_id` is that of a live order of the session.
        DuplicateClientOrderId = 9 => "duplicate_client_order_id",
        /// A market order that is neither IOC nor FOK.
        MarketMustBeImmediate = 10 => "market_must_be_immediate",
        /// Post-only combined with a market order, IOC or FOK.
        PostOnlyMustRest = 11 => "post_only_must_rest",
        /// A post-only order that would have traded.
        PostOnlyWouldCross = 12 => "post_only_would_cross",
        /// No live order of this session has that id.
        UnknownOrder = 13 => "unknown_order",
        /// Every order slot of the shard is taken.
        OrderCapacity = 14 => "order_capacity",
        /// Every price level of that side of the book is taken.
        LevelCapacity = 15 => "level_capacity",
        /// The instrument is defined already, with other values.
        InstrumentRedefined = 16 => "instrument_redefined",
        /// No room for one more instrument.
        InstrumentCapacity = 17 => "instrument_capacity",

        /// The datagram is shorter than its message.
        Truncated = 100 => "truncated",
        /// The datagram is longer than its message.
        Oversized = 101 => "oversized",
        /// No message has this template id.
        UnknownTemplate = 102 => "unknown_template",
        /// The schema id or version is not one that this gateway speaks.
        UnsupportedVersion = 103 => "unsupported_version",
        /// A field holds a value that its type does not name.
        InvalidField = 104 => "invalid_field",
        /// The price is not a whole number of ticks.
        OffTick = 105 => "off_tick",
        /// The quantity is not a whole number of lots.
        OffLot = 106 => "off_lot",
        /// The session is bound to another source address.
        SessionBoundElsewhere = 107 => "session_bound_elsewhere",
        /// More commands are unanswered than the session's window admits.
        WindowFull = 108 => "window_full",
        /// The shard takes no commands yet: a stream that it needs is not connected.
        NotReady = 109 => "not_ready",
        /// The path to the sequencer is full. Send again later.
        Overloaded = 110 => "overloaded",
        /// A record names another gateway than the one that sent it.
        WrongGateway = 111 => "wrong_gateway",
    }
}

reasons! {
    /// Why an order, or what was left of one, was cancelled.
    CancelReason: u8 {
        /// Its owner asked for it.
        Requested = 1 => "requested",
        /// Its owner's mass cancel named it.
        MassCancel = 2 => "mass_cancel",
        /// The remainder of an immediate-or-cancel order. It never rested.
        ImmediateOrCancel = 3 => "immediate_or_cancel",
        /// A fill-or-kill order that could not be filled whole. It never rested, nor traded.
        FillOrKill = 4 => "fill_or_kill",
    }
}

impl CancelReason {
    /// True when the order was in the book, so that market data must remove it.
    #[must_use]
    pub const fn was_resting(self) -> bool {
        matches!(self, Self::Requested | Self::MassCancel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_values_come_back() {
        for &reason in RejectReason::ALL {
            assert_eq!(RejectReason::from_wire(reason as u16), Some(reason));
        }
        for &reason in CancelReason::ALL {
            assert_eq!(CancelReason::from_wire(reason as u8), Some(reason));
        }
        assert_eq!(RejectReason::from_wire(0), None);
        assert_eq!(CancelReason::from_wire(0), None);
    }
}
