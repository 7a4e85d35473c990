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
        /// Price is zero where it must not be, negative or above the instrument's limit; or given where
        /// the order has none.
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
        /// Rules of an instrument that contradict themselves.
        InvalidRules = 18 => "invalid_rules",
        /// Terms of an order that do not go together.
        InvalidCombination = 19 => "invalid_combination",
        /// The price is not one of the instrument's tick-size table.
        OffTickSize = 20 => "off_tick_size",
        /// The price is too far from the reference price.
        OutsideStaticBand = 21 => "outside_static_band",
        /// Price times quantity is above the instrument's limit.
        NotionalLimit = 22 => "notional_limit",
        /// The session has as many live orders as it may have.
        OpenOrderLimit = 23 => "open_order_limit",
        /// A trigger or trailing distance that is missing, out of range, or given in vain.
        InvalidStop = 24 => "invalid_stop",
        /// A display quantity that is not below the quantity, or below a thousandth of it.
        InvalidDisplayQty = 25 => "invalid_display_qty",
        /// A minimum quantity above the quantity, or given in vain.
        InvalidMinQty = 26 => "invalid_min_qty",
        /// An expiry that is missing, past, or given in vain.
        InvalidExpiry = 27 => "invalid_expiry",
        /// A budget that is missing, or given in vain.
        InvalidBudget = 28 => "invalid_budget",
        /// A peg that is missing, out of range, or given in vain.
        InvalidPeg = 29 => "invalid_peg",
        /// The instrument's trading state does not admit the command.
        NotInThisState = 30 => "not_in_this_state",
        /// No such change of trading state.
        InvalidTransition = 31 => "invalid_transition",
        /// A kill switch is engaged.
        KillSwitch = 32 => "kill_switch",
        /// Every place for a killed account is taken.
        KillCapacity = 33 => "kill_capacity",
        /// The session may not trade for that account.
        AccountNotAllowed = 34 => "account_not_allowed",
        /// The session may not use that self-trade group.
        StpGroupNotAllowed = 35 => "stp_group_not_allowed",
        /// The reservation that the order needs was refused.
        ReservationRefused = 36 => "reservation_refused",
        /// Every session slot of the shard is taken, or the session is defined with other limits.
        SessionCapacity = 37 => "session_capacity",

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
        /// The remainder of an immediate-or-cancel or market order.
        ImmediateOrCancel = 3 => "immediate_or_cancel",
        /// A fill-or-kill order that could not be filled whole. It never rested, nor traded.
        FillOrKill = 4 => "fill_or_kill",
        /// Its time is up: GTD at its expiry, DAY and auction orders at the close.
        Expired = 5 => "expired",
        /// It met an order of its own self-trade group.
        SelfTrade = 6 => "self_trade",
        /// The next fill would have been outside the dynamic band.
        PriceBand = 7 => "price_band",
        /// The remainder of a market order, at the edge of its protection.
        MarketProtection = 8 => "market_protection",
        /// What an auction-only order did not get in its auction.
        AuctionRemainder = 9 => "auction_remainder",
        /// A kill switch named it.
        KillSwitch = 10 => "kill_switch",
        /// No price level was left for its remainder.
        LevelCapacity = 11 => "level_capacity",
        /// Its minimum quantity could not be had at once. It never rested, nor traded.
        MinimumQuantity = 12 => "minimum_quantity",
        /// Its command had met as many orders as one command of the instrument may.
        MatchLimit = 13 => "match_limit",
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
