//! The gate: bytes become a message here or nowhere.

use crate::layout::{Message, SCHEMA_ID, SCHEMA_VERSION, SbeHeader};
use vesta_types::RejectReason;
use zerocopy::FromBytes;

/// The rule that a message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Too short for its header or its block.
    #[error("{len} bytes, but the message has {need}")]
    Truncated {
        /// Bytes there are.
        len: usize,
        /// Bytes there must be.
        need: usize,
    },
    /// Bytes follow the block.
    #[error("{len} bytes, but the message has only {need}")]
    Oversized {
        /// Bytes there are.
        len: usize,
        /// Bytes there must be.
        need: usize,
    },
    /// Not a message that is expected here.
    #[error("template {0} is not expected here")]
    UnknownTemplate(u16),
    /// Another schema, another version of it, or a block of another size than this version's.
    #[error("schema {schema_id} version {version} is not supported")]
    UnsupportedVersion {
        /// Schema in the header.
        schema_id: u16,
        /// Version in the header.
        version: u16,
    },
    /// The header's block length is not this version's.
    #[error("a block of {block_length} bytes, but version {SCHEMA_VERSION} has {need}")]
    BlockLength {
        /// Length in the header.
        block_length: u16,
        /// Length of the block in this version.
        need: u16,
    },
    /// A field holds a value that has no meaning.
    #[error("field `{0}` holds a value that has no meaning")]
    InvalidField(&'static str),
}

impl WireError {
    /// The reason that a client is told.
    #[must_use]
    pub const fn reject_reason(&self) -> RejectReason {
        match self {
            Self::Truncated { .. } => RejectReason::Truncated,
            Self::Oversized { .. } => RejectReason::Oversized,
            Self::UnknownTemplate(_) => RejectReason::UnknownTemplate,
            Self::UnsupportedVersion { .. } | Self::BlockLength { .. } => {
                RejectReason::UnsupportedVersion
            }
            Self::InvalidField(_) => RejectReason::InvalidField,
        }
    }
}

/// Reads the header of the message at the front of `bytes`, of any known version of our schema.
///
/// # Errors
/// [`WireError::Truncated`] or [`WireError::UnsupportedVersion`].
#[inline]
pub fn peek(bytes: &[u8]) -> Result<&SbeHeader, WireError> {
    let (header, _) = SbeHeader::ref_from_prefix(bytes)
        .map_err(|_| WireError::Truncated { len: bytes.len(), need: SbeHeader::LEN })?;
    let (schema_id, version) = (header.schema_id.get(), header.version.get());
    if schema_id != SCHEMA_ID || version != SCHEMA_VERSION {
        return Err(WireError::UnsupportedVersion { schema_id, version });
    }
    Ok(header)
}

/// Reads `bytes` as exactly one message `M`, and checks every rule of its fields.
///
/// # Errors
/// The first rule that the bytes break.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<&M, WireError> {
    let header = peek(bytes)?;
    if header.template_id.get() != M::TEMPLATE_ID {
        return Err(WireError::UnknownTemplate(header.template_id.get()));
    }
    if header.block_length.get() != M::BLOCK_LENGTH {
        let block_length = header.block_length.get();
        return Err(WireError::BlockLength { block_length, need: M::BLOCK_LENGTH });
    }
    if bytes.len() > M::LEN {
        return Err(WireError::Oversized { len: bytes.len(), need: M::LEN });
    }
    let message = M::ref_from_bytes(&bytes[SbeHeader::LEN..])
        .map_err(|_| WireError::Truncated { len: bytes.len(), need: M::LEN })?;
    message.check().map_err(WireError::InvalidField)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Decimal, Symbol};
    use crate::md::{DeleteOrder, InstrumentInfo};
    use crate::rules::Rules;
    use vesta_types::{InstrumentId, InstrumentRules, PriceTicks, QtyLots};

    fn good() -> [u8; DeleteOrder::LEN] {
        let mut bytes = [0; DeleteOrder::LEN];
        let message = DeleteOrder {
            order_id: 7.into(),
            instrument: InstrumentId(1).0.into(),
            reserved: [0; 4],
        };
        crate::encode(&message, &mut bytes);
        bytes
    }

    #[test]
    fn a_good_message_passes() {
        assert_eq!(decode::<DeleteOrder>(&good()).map(|m| m.order_id.get()), Ok(7));
    }

    #[test]
    fn every_truncation_is_named() {
        for len in 0..DeleteOrder::LEN {
            let error = decode::<DeleteOrder>(&good()[..len]).unwrap_err();
            assert!(matches!(error, WireError::Truncated { .. }), "{len}: {error}");
        }
    }

    #[test]
    fn an_instrument_that_nobody_can_price_is_refused() {
        let decimal = |mantissa: i64, exponent| Decimal { mantissa: mantissa.into(), exponent };
        let symbol = |ticker| Symbol::new(ticker).expect("at most 16 letters");
        let good = InstrumentInfo {
            rules: (&InstrumentRules::new(PriceTicks(1), QtyLots(1))).into(),
            symbol: symbol("BTC-USD"),
            instrument: 1.into(),
            tick_size: decimal(1, -2),
            lot_size: decimal(1, -18),
            reserved: [0; 2],
        };
        assert_eq!(good.check(), Ok(()));
        for tick_size in [decimal(0, 0), decimal(-1, 0), decimal(1, 1), decimal(1, -19)] {
            assert_eq!(InstrumentInfo { tick_size, ..good }.check(), Err("tick_size"));
        }
        let rules = Rules { qty_max: 0.into(), ..good.rules };
        assert_eq!(InstrumentInfo { rules, ..good }.check(), Err("rules"));
        for ticker in ["", "A B", "A\0B", "\u{e4}"] {
            let symbol = symbol(ticker);
            assert_eq!(InstrumentInfo { symbol, ..good }.check(), Err("symbol"), "{ticker:?}");
        }
    }

    #[test]
    fn every_broken_rule_is_named() {
        let change = |at: usize, value: u8| {
            let mut bytes = good().to_vec();
            bytes[at] = value;
            decode::<DeleteOrder>(&bytes).copied().unwrap_err()
        };
        assert!(matches!(change(0, 99), WireError::BlockLength { block_length: 99, .. }));
        assert_eq!(change(2, 99), WireError::UnknownTemplate(99));
        assert!(matches!(change(4, 0), WireError::UnsupportedVersion { .. }));
        assert!(matches!(change(6, 9), WireError::UnsupportedVersion { version: 9, .. }));
        assert_eq!(change(DeleteOrder::LEN - 1, 1), WireError::InvalidField("reserved"));
        let mut long = good().to_vec();
        long.push(0);
        assert!(matches!(decode::<DeleteOrder>(&long), Err(WireError::Oversized { .. })));
    }
}
