//! What every message is made of, and the macro that declares one.

use zerocopy::little_endian::{I64, U16};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The `id` of `schema/vesta.xml`: tells our messages from anybody else's SBE.
pub const SCHEMA_ID: u16 = 0x5645;
/// The `version` of `schema/vesta.xml`. Raised when a field is added; an unknown one is refused,
/// since a fixed block of another size can not be read safely.
pub const SCHEMA_VERSION: u16 = 1;

/// The standard SBE message header.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct SbeHeader {
    /// Bytes of the block that follows.
    pub block_length: U16,
    /// Which message.
    pub template_id: U16,
    /// [`SCHEMA_ID`].
    pub schema_id: U16,
    /// [`SCHEMA_VERSION`].
    pub version: U16,
}

const _: () = assert!(size_of::<SbeHeader>() == SbeHeader::LEN);

impl SbeHeader {
    /// Bytes of a header.
    pub const LEN: usize = 8;

    /// The header of message `M`.
    #[must_use]
    pub fn of<M: Message>() -> Self {
        Self {
            block_length: U16::new(M::BLOCK_LENGTH),
            template_id: U16::new(M::TEMPLATE_ID),
            schema_id: U16::new(SCHEMA_ID),
            version: U16::new(SCHEMA_VERSION),
        }
    }
}

/// Clients' prices and quantities count units of 10^-8: what most venues quote digital assets in.
/// Coarser: such prices do not fit; finer: a price of 10^11 would overflow 64 bits.
pub const DECIMAL_EXPONENT: i8 = -8;

/// A decimal number, `mantissa` x 10^`exponent`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Decimal {
    /// The digits.
    pub mantissa: I64,
    /// The power of ten, -18..=0.
    pub exponent: i8,
}

impl Decimal {
    /// A decimal that counts units of 10^-8, as clients' numbers do.
    #[must_use]
    pub const fn e8(mantissa: i64) -> Self {
        Self { mantissa: I64::new(mantissa), exponent: DECIMAL_EXPONENT }
    }
}

/// An instrument's ticker: ASCII, padded with zero bytes at the end.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct Symbol(pub [u8; 16]);

impl Symbol {
    /// The symbol of a ticker of at most 16 bytes; `None` for a longer one.
    #[must_use]
    pub fn new(ticker: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        bytes.get_mut(..ticker.len())?.copy_from_slice(ticker.as_bytes());
        Some(Self(bytes))
    }

    /// The ticker, without its padding; empty when it is not text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        core::str::from_utf8(&self.0[..len]).unwrap_or("")
    }
}

/// Where a field of a block lies; compared with the schema by a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// Name, in snake case (camel case in the schema).
    pub name: &'static str,
    /// Bytes from the start of the block.
    pub offset: usize,
    /// Bytes that it takes.
    pub size: usize,
}

/// A message of the schema: a fixed block of little-endian fields.
pub trait Message:
    FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + core::fmt::Debug
{
    /// `id` of the message in the schema.
    const TEMPLATE_ID: u16;
    /// `name` of the message in the schema.
    const NAME: &'static str;
    /// Bytes of the block.
    const BLOCK_LENGTH: u16;
    /// Bytes of the message: header and block.
    const LEN: usize = SbeHeader::LEN + Self::BLOCK_LENGTH as usize;
    /// The fields, in order.
    const FIELDS: &'static [FieldLayout];

    /// Checks every rule that the type of a field can not express, and names the first field that
    /// breaks one.
    ///
    /// # Errors
    /// The name of the field.
    fn check(&self) -> Result<(), &'static str>;
}

/// Writes header and block of `message` to the front of `buffer`, and returns the bytes written.
///
/// # Panics
/// When `buffer` is shorter than `M::LEN`: buffers are sized by the writer, so that is our bug.
pub fn encode<'a, M: Message>(message: &M, buffer: &'a mut [u8]) -> &'a mut [u8] {
    let out = &mut buffer[..M::LEN];
    out[..SbeHeader::LEN].copy_from_slice(SbeHeader::of::<M>().as_bytes());
    out[SbeHeader::LEN..].copy_from_slice(message.as_bytes());
    out
}

/// Declares messages: the struct, its template, the offset of each field (asserted at compile
/// time), and the rules of its fields.
macro_rules! messages {
    ($(
        $(#[$doc:meta])*
        $name:ident = $template:literal, $length:literal {
            $( $(#[$fdoc:meta])* $offset:literal $field:ident: $ty:ty $(where $rule:expr)?, )*
        }
    )*) => {
        $(
            $(#[$doc])*
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq,
                zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
                zerocopy::KnownLayout, zerocopy::Unaligned,
            )]
            #[repr(C)]
            pub struct $name {
                $( $(#[$fdoc])* pub $field: $ty, )*
            }

            const _: () = {
                assert!(size_of::<$name>() == $length, "block length");
                $( assert!(core::mem::offset_of!($name, $field) == $offset, "field offset"); )*
            };

            impl $crate::layout::Message for $name {
                const TEMPLATE_ID: u16 = $template;
                const NAME: &'static str = stringify!($name);
                const BLOCK_LENGTH: u16 = $length;
                const FIELDS: &'static [$crate::layout::FieldLayout] = &[$(
                    $crate::layout::FieldLayout {
                        name: stringify!($field),
                        offset: $offset,
                        size: size_of::<$ty>(),
                    },
                )*];

                fn check(&self) -> Result<(), &'static str> {
                    $($(
                        let holds: fn(&$ty) -> bool = $rule;
                        if !holds(&self.$field) {
                            return Err(stringify!($field));
                        }
                    )?)*
                    Ok(())
                }
            }
        )*

        /// Every message of this module: template, name, block length and fields.
        pub const CATALOGUE: &[(u16, &str, u16, &[$crate::layout::FieldLayout])] = &[$((
            <$name as $crate::layout::Message>::TEMPLATE_ID,
            <$name as $crate::layout::Message>::NAME,
            <$name as $crate::layout::Message>::BLOCK_LENGTH,
            <$name as $crate::layout::Message>::FIELDS,
        ),)*];
    };
}
pub(crate) use messages;

/// Rules that several messages share.
pub(crate) mod rule {
    use super::{Decimal, Symbol};
    use crate::CommitLevel;
    use vesta_types::{
        AuctionKind, CancelReason, CommandKind, OrderType, PegReference, PostOnly, PriceTicks,
        QtyLots, RejectReason, SelfTrade, Side, TimeInForce, TradingState,
    };
    use zerocopy::little_endian::{I64, U16, U64};

    pub(crate) fn side(byte: &u8) -> bool {
        Side::from_wire(*byte).is_some()
    }
    /// 0 stands for "both" or "none".
    pub(crate) fn side_or_none(byte: &u8) -> bool {
        *byte == 0 || side(byte)
    }
    pub(crate) fn order_type(byte: &u8) -> bool {
        OrderType::from_wire(*byte).is_some()
    }
    pub(crate) fn order_type_or_none(byte: &u8) -> bool {
        *byte == 0 || order_type(byte)
    }
    pub(crate) fn time_in_force(byte: &u8) -> bool {
        TimeInForce::from_wire(*byte).is_some()
    }
    pub(crate) fn time_in_force_or_none(byte: &u8) -> bool {
        *byte == 0 || time_in_force(byte)
    }
    pub(crate) fn command(byte: &u8) -> bool {
        CommandKind::from_wire(*byte).is_some()
    }
    pub(crate) fn level(byte: &u8) -> bool {
        CommitLevel::from_wire(*byte).is_some()
    }
    pub(crate) fn flag(byte: &u8) -> bool {
        *byte <= 1
    }
    /// Bit 0 is hidden, bit 1 all-or-none; the others are not assigned yet.
    pub(crate) fn order_flags(byte: &u8) -> bool {
        *byte & !3 == 0
    }
    pub(crate) fn post_only(byte: &u8) -> bool {
        PostOnly::from_wire(*byte).is_some()
    }
    pub(crate) fn self_trade(byte: &u8) -> bool {
        SelfTrade::from_wire(*byte).is_some()
    }
    pub(crate) fn peg_or_none(byte: &u8) -> bool {
        *byte == 0 || PegReference::from_wire(*byte).is_some()
    }
    pub(crate) fn trading_state(byte: &u8) -> bool {
        TradingState::from_wire(*byte).is_some()
    }
    pub(crate) fn auction(byte: &u8) -> bool {
        AuctionKind::from_wire(*byte).is_some()
    }
    /// 0 stands for "no call".
    pub(crate) fn auction_or_none(byte: &u8) -> bool {
        *byte == 0 || auction(byte)
    }
    pub(crate) fn reject_reason(value: &U16) -> bool {
        RejectReason::from_wire(value.get()).is_some()
    }
    /// 0 stands for "accepted".
    pub(crate) fn reject_reason_or_none(value: &U16) -> bool {
        value.get() == 0 || reject_reason(value)
    }
    pub(crate) fn cancel_reason(byte: &u8) -> bool {
        CancelReason::from_wire(*byte).is_some()
    }
    /// Reserved bytes are zero, so that a later version can give them a meaning.
    pub(crate) fn zero<const N: usize>(bytes: &[u8; N]) -> bool {
        *bytes == [0; N]
    }
    /// As [`zero`], for one byte.
    pub(crate) fn zero_byte(byte: &u8) -> bool {
        *byte == 0
    }
    /// A quantity in lots that an order can have.
    pub(crate) fn qty(value: &U64) -> bool {
        value.get() > 0 && qty_or_none(value)
    }
    /// 0 stands for "nothing".
    pub(crate) fn qty_or_none(value: &U64) -> bool {
        value.get() <= QtyLots::MAX.0
    }
    /// A price in ticks that an order can have.
    pub(crate) fn price(value: &I64) -> bool {
        value.get() > 0 && price_or_none(value)
    }
    /// 0 stands for "none", as of a market order.
    pub(crate) fn price_or_none(value: &I64) -> bool {
        (0..=PriceTicks::MAX.0).contains(&value.get())
    }
    /// A tick or lot size: more than nothing, and with an exponent that every reader can scale by.
    pub(crate) fn increment(decimal: &Decimal) -> bool {
        decimal.mantissa.get() > 0 && (-18..=0).contains(&decimal.exponent)
    }
    /// Visible ASCII, then nothing but padding.
    pub(crate) fn symbol(symbol: &Symbol) -> bool {
        let len = symbol.as_str().len();
        let (ticker, padding) = symbol.0.split_at(len);
        len > 0 && ticker.iter().all(u8::is_ascii_graphic) && padding.iter().all(|&b| b == 0)
    }
}
