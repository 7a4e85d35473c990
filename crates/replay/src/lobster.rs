//! LOBSTER's files: a message file, and an orderbook file of as many rows.
//!
//! ```text
//!   message    time_s, type, order_id, size, price, direction [, more]
//!   orderbook  ask_price_1, ask_size_1, bid_price_1, bid_size_1, ask_price_2, ...   (N levels)
//! ```
//!
//! Either may have a header row. Prices are dollars x 10,000. A level that is not there has size 0
//! (and the price 9999999999, or that below zero).

use crate::venue::Level;
use std::io::BufRead;
use vesta_types::{PriceTicks, QtyLots, Side};

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{file} file, line {line}: {fault}")]
pub struct LobsterError {
    /// `message` or `orderbook`.
    pub file: &'static str,
    /// The line, from 1, a header among them.
    pub line: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Not the columns there must be.
    #[error("{found} columns, expected {expected}")]
    Columns {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: &'static str,
    },
    /// Rows of one orderbook file differ in depth.
    #[error("{found} levels, but the rows before have {depth}")]
    Depth {
        /// Levels of this row.
        found: usize,
        /// Levels of the rows before.
        depth: usize,
    },
    /// A field is not what its column must hold.
    #[error("{column} `{text}` is not {expected}")]
    Field {
        /// Which column.
        column: &'static str,
        /// What it holds.
        text: String,
        /// What it must hold.
        expected: &'static str,
    },
    /// A level is behind one that is not there, or not worse than the one before it.
    #[error("{side:?} level {level} is out of order")]
    LevelOrder {
        /// Which side.
        side: Side,
        /// Which level, from 1.
        level: usize,
    },
    /// The file ends here, but the other has more rows.
    #[error("the file ends, but the other one has more rows")]
    RowCount,
    /// No row at all.
    #[error("the file has no rows")]
    Empty,
}

/// An order as a message shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The exchange's id; any number, and it may be seen again for another order.
    pub order_id: i64,
    /// The *resting* order's side.
    pub side: Side,
    /// Its price, in 10^-4 dollars.
    pub price: PriceTicks,
    /// Shares that the message is about, not 0.
    pub qty: QtyLots,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Type 1: a new limit order.
    New(Order),
    /// Type 2: part of an order is gone.
    PartialCancel(Order),
    /// Type 3: what was left of an order is gone.
    Delete(Order),
    /// Type 4: a visible order traded.
    Execution(Order),
    /// Type 5: a hidden order traded.
    HiddenExecution,
    /// Type 6: a cross trade, as in an auction.
    CrossTrade,
    /// Type 7: trading was halted, or goes on.
    Halt,
}

/// A row of the message file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Nanoseconds after midnight, exchange time.
    pub time_ns: u64,
    /// What happened.
    pub event: Event,
}

/// A row of the orderbook file: the book after the message of the same row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    sides: [Vec<Level>; 2],
    depth: usize,
}

impl Row {
    /// The visible levels of a side, the best first.
    #[must_use]
    pub fn levels(&self, side: Side) -> &[Level] {
        &self.sides[side.index()]
    }

    /// Levels that a side can show, from 1: the N of a level-N file.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The price of a side's last level when it shows as many as it can: beyond it there may be
    /// more. `None` when everything is visible.
    #[must_use]
    pub fn edge(&self, side: Side) -> Option<PriceTicks> {
        let levels = self.levels(side);
        if levels.len() < self.depth { None } else { levels.last().map(|level| level.price) }
    }
}

/// Reads a file line by line; skips a header and blank lines.
struct Lines<R> {
    file: &'static str,
    reader: R,
    line: u64,
    text: String,
    seen_row: bool,
}

impl<R: BufRead> Lines<R> {
    const fn new(file: &'static str, reader: R) -> Self {
        Self { file, reader, line: 0, text: String::new(), seen_row: false }
    }

    fn fail(&self, fault: impl Into<Fault>) -> LobsterError {
        LobsterError { file: self.file, line: self.line, fault: fault.into() }
    }

    /// Reads on to the next row; false at the end of the file.
    fn advance(&mut self) -> Result<bool, LobsterError> {
        loop {
            self.text.clear();
            self.line += 1;
            let read = self.reader.read_line(&mut self.text);
            if read.map_err(|error| self.fail(error))? == 0 {
                return if self.seen_row { Ok(false) } else { Err(self.fail(Fault::Empty)) };
            }
            if self.line == 1 && self.text.starts_with('\u{feff}') {
                self.text.remove(0);
            }
            let first = self.text.split(',').next().unwrap_or("").trim();
            let header = self.line == 1 && first.parse::<f64>().is_err();
            if !self.text.trim().is_empty() && !header {
                self.seen_row = true;
                return Ok(true);
            }
        }
    }
}

fn field_fault(column: &'static str, text: &str, expected: &'static str) -> Fault {
    Fault::Field { column, text: text.trim().to_string(), expected }
}

/// A whole number; tools that keep columns as decimals write `100.0`, which is one too.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    whole.parse().ok()
}

/// Seconds with decimals, as nanoseconds. What lies beyond nine decimals is cut off.
fn seconds_as_ns(text: &str) -> Option<u64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = &fraction[..fraction.len().min(9)];
    let nanos = if digits.is_empty() { 0 } else { digits.parse::<u64>().ok()? };
    let scale = 10_u64.pow(9 - u32::try_from(digits.len()).ok()?);
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos * scale)
}

fn price(column: &'static str, text: &str) -> Result<PriceTicks, Fault> {
    integer(text)
        .map(PriceTicks)
        .filter(|price| price.0 > 0 && *price <= PriceTicks::MAX)
        .ok_or_else(|| field_fault(column, text, "a price in dollars x 10000"))
}

fn qty(column: &'static str, text: &str) -> Result<QtyLots, Fault> {
    integer(text)
        .and_then(|qty| u64::try_from(qty).ok())
        .map(QtyLots)
        .filter(|qty| *qty <= QtyLots::MAX)
        .ok_or_else(|| field_fault(column, text, "a number of shares"))
}

/// Reads a message file.
pub struct Messages<R> {
    lines: Lines<R>,
}

impl<R: BufRead> Messages<R> {
    /// The messages that `reader` holds.
    pub const fn new(reader: R) -> Self {
        Self { lines: Lines::new("message", reader) }
    }

    fn parse(&self) -> Result<Message, Fault> {
        let mut columns = self.lines.text.split(',');
        let mut fields = [""; 6];
        for (found, field) in fields.iter_mut().enumerate() {
            *field = columns.next().ok_or(Fault::Columns { found, expected: "6 or more" })?;
        }
        let [time, kind, order_id, size, limit, direction] = fields;
        let time_ns = seconds_as_ns(time)
            .ok_or_else(|| field_fault("time", time, "a time in seconds after midnight"))?;
        let order = || {
            let qty = qty("size", size)?;
            if qty.is_zero() {
                return Err(field_fault("size", size, "a number of shares above 0"));
            }
            Ok(Order {
                order_id: integer(order_id)
                    .ok_or_else(|| field_fault("order_id", order_id, "a whole number"))?,
                side: match integer(direction) {
                    Some(1) => Side::Buy,
                    Some(-1) => Side::Sell,
                    _ => return Err(field_fault("direction", direction, "1 or -1")),
                },
                price: price("price", limit)?,
                qty,
            })
        };
        let event = match integer(kind) {
            Some(1) => Event::New(order()?),
            Some(2) => Event::PartialCancel(order()?),
            Some(3) => Event::Delete(order()?),
            Some(4) => Event::Execution(order()?),
            Some(5) => Event::HiddenExecution,
            Some(6) => Event::CrossTrade,
            Some(7) => Event::Halt,
            _ => return Err(field_fault("type", kind, "1 to 7")),
        };
        Ok(Message { time_ns, event })
    }
}

impl<R: BufRead> Iterator for Messages<R> {
    type Item = Result<Message, LobsterError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.lines.advance() {
            Ok(true) => Some(self.parse().map_err(|fault| self.lines.fail(fault))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Reads an orderbook file.
pub struct Rows<R> {
    lines: Lines<R>,
    depth: Option<usize>,
}

impl<R: BufRead> Rows<R> {
    /// The rows that `reader` holds.
    pub const fn new(reader: R) -> Self {
        Self { lines: Lines::new("orderbook", reader), depth: None }
    }

    fn parse(&mut self) -> Result<Row, Fault> {
        let fields: Vec<&str> = self.lines.text.trim_end().split(',').collect();
        if !fields.len().is_multiple_of(4) {
            return Err(Fault::Columns { found: fields.len(), expected: "4 for each level" });
        }
        let found = fields.len() / 4;
        let depth = *self.depth.get_or_insert(found);
        if found != depth {
            return Err(Fault::Depth { found, depth });
        }
        let mut row = Row { sides: Default::default(), depth };
        for (at, level) in fields.chunks_exact(4).enumerate() {
            row.push(Side::Sell, at, ("ask_price", level[0]), ("ask_size", level[1]))?;
            row.push(Side::Buy, at, ("bid_price", level[2]), ("bid_size", level[3]))?;
        }
        Ok(row)
    }
}

impl Row {
    /// Takes in level `at`, from 0, of a side.
    fn push(
        &mut self,
        side: Side,
        at: usize,
        (price_column, price_text): (&'static str, &str),
        (size_column, size): (&'static str, &str),
    ) -> Result<(), Fault> {
        let qty = qty(size_column, size)?;
        if qty.is_zero() {
            return Ok(());
        }
        let level = Level { price: price(price_column, price_text)?, qty };
        let levels = &mut self.sides[side.index()];
        let worse = levels.last().is_none_or(|last| is_beyond(side, level.price, last.price));
        if levels.len() != at || !worse {
            return Err(Fault::LevelOrder { side, level: at + 1 });
        }
        levels.push(level);
        Ok(())
    }
}

/// True when `price` is worse than `edge`: further from the touch of its side.
pub(crate) const fn is_beyond(side: Side, price: PriceTicks, edge: PriceTicks) -> bool {
    match side {
        Side::Buy => price.0 < edge.0,
        Side::Sell => price.0 > edge.0,
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<Row, LobsterError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.lines.advance() {
            Ok(true) => Some(self.parse().map_err(|fault| self.lines.fail(fault))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Both files, row by row.
pub struct Recording<M, B> {
    messages: Messages<M>,
    rows: Rows<B>,
}

impl<M: BufRead, B: BufRead> Recording<M, B> {
    /// What the two readers hold.
    pub const fn new(messages: M, orderbook: B) -> Self {
        Self { messages: Messages::new(messages), rows: Rows::new(orderbook) }
    }
}

impl<M: BufRead, B: BufRead> Iterator for Recording<M, B> {
    type Item = Result<(Message, Row), LobsterError>;

    fn next(&mut self) -> Option<Self::Item> {
        match (self.messages.next(), self.rows.next()) {
            (Some(Ok(message)), Some(Ok(row))) => Some(Ok((message, row))),
            (Some(Err(error)), _) | (_, Some(Err(error))) => Some(Err(error)),
            (None, Some(_)) => Some(Err(self.messages.lines.fail(Fault::RowCount))),
            (Some(_), None) => Some(Err(self.rows.lines.fail(Fault::RowCount))),
            (None, None) => None,
        }
    }
}
