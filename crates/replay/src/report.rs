//! What a check found.

use crate::lobster::Message;
use crate::venue::Level;
use core::fmt;
use vesta_types::{PriceTicks, QtyLots, RejectReason, Side};

/// How a row of the orderbook file compares with the venue's book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Equal, every visible level.
    Exact,
    /// Equal but for levels that have just come into view, and could not have been known.
    Revealed,
    /// Different where everything was known.
    Mismatched,
}

/// The first difference of a row that can not be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The data row, from 1; a header is not counted.
    pub row: u64,
    /// The message of that row.
    pub message: Message,
    /// Which side.
    pub side: Side,
    /// Which level, from 1, the best.
    pub level: usize,
    /// What the file shows there.
    pub expected: Option<Level>,
    /// What the venue's book shows there.
    pub found: Option<Level>,
    /// A rejection among the answers to this row's commands.
    pub rejected: Option<RejectReason>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Shown(Option<Level>);
        impl fmt::Display for Shown {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Some(Level { price, qty }) = self.0 else { return f.write_str("nothing") };
                write!(f, "{qty} at {}", Dollars(price))
            }
        }
        let side = match self.side {
            Side::Buy => "bid",
            Side::Sell => "ask",
        };
        let Self { row, message, level, expected, found, .. } = self;
        let (expected, found) = (Shown(*expected), Shown(*found));
        write!(
            f,
            "row {row}, {side} level {level}: the file shows {expected}, the book {found}; "
        )?;
        write!(f, "after {:?}", message.event)?;
        match self.rejected {
            Some(reason) => write!(f, ", which the venue rejected: {reason}"),
            None => Ok(()),
        }
    }
}

/// A price of a file, 10^-4 dollars, as people write it.
struct Dollars(PriceTicks);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let price = self.0.0;
        write!(f, "{}.{:04}", price / 10_000, price % 10_000)
    }
}

/// What a check found. `exact + revealed + mismatched` is `rows - 1`: the first row is the seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Data rows of the orderbook file; a header is not one.
    pub rows: u64,
    /// Rows that are [`Class::Exact`].
    pub exact: u64,
    /// Rows that are [`Class::Revealed`].
    pub revealed: u64,
    /// Rows that are [`Class::Mismatched`].
    pub mismatched: u64,
    /// Commands that brought revealed levels into the book, or took stale ones out.
    pub repairs: u64,
    /// Fills on messages of type 4 after the seed.
    pub executions: u64,
    /// Quantity of those fills, in shares.
    pub executed_qty: QtyLots,
    /// What the file says that it is: the sum of the sizes of the type 4 messages after the seed.
    pub executed_qty_expected: QtyLots,
    /// Commands that the venue rejected: of a right book none.
    pub rejected: u64,
    /// The first row that is mismatched.
    pub first_mismatch: Option<Mismatch>,
}

impl Report {
    /// True when the venue's book was right all the way.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.mismatched == 0
            && self.rejected == 0
            && self.executed_qty == self.executed_qty_expected
    }

    /// The counts as one JSON object, as `vesta replay --json` prints it.
    #[must_use]
    pub fn json(&self) -> String {
        let Self { rows, exact, revealed, mismatched, repairs, executions, executed_qty, .. } =
            self;
        format!(
            "{{\"rows\":{rows},\"exact\":{exact},\"revealed\":{revealed},\
             \"mismatched\":{mismatched},\"repairs\":{repairs},\"executions\":{executions},\
             \"executed_qty\":{executed_qty}}}"
        )
    }
}
