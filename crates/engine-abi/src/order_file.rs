//! Order files, in the format of the public generator: little endian.
//!
//! ```text
//!    0  magic    u64  "MEBW_001"        then `count` records of 40 bytes:
//!    8  version  u32  1                  0 kind u8   1 side u8   2 ioc u8   3 zero
//!   12  count    u32                     4 quantity u32          8 sequence_number u64
//!                                       16 order_id u64         24 price_ticks i64
//!                                       32 zero
//! ```

use crate::abi::{MODIFY, Message, NEW, Order, SELL};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// "MEBW_001", as the big end of a number.
const MAGIC: u64 = 0x4D45_4257_5F30_3031;
const VERSION: u32 = 1;
const HEADER_LEN: usize = 16;
const RECORD_LEN: usize = 40;

/// The most messages that a file may hold: the public harness's bound. A header that claims more is
/// taken for damage.
pub const MESSAGE_COUNT_MAX: usize = 100_000_000;

/// Why an order file can not be used.
#[derive(Debug, thiserror::Error)]
pub enum OrderFileError {
    /// The operating system refuses it.
    #[error("can not be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin as an order file does.
    #[error("not an order file: it does not begin with the magic number")]
    BadMagic,
    /// Of another version of the format.
    #[error("order file of version {0}, this reads version {VERSION}")]
    BadVersion(u32),
    /// No message, or more than [`MESSAGE_COUNT_MAX`].
    #[error("{0} messages: an order file has 1 to {MESSAGE_COUNT_MAX}")]
    BadCount(u64),
    /// Cut off, or followed by something else.
    #[error("{found} bytes, but {count} messages take {expected}")]
    BadLength {
        /// What the header says.
        count: usize,
        /// How long such a file is, in bytes.
        expected: usize,
        /// How long this one is, in bytes.
        found: usize,
    },
    /// A field holds what it must not.
    #[error("message {index}: {field} is {value}")]
    BadField {
        /// Which message, from 0.
        index: usize,
        /// Which of its fields.
        field: &'static str,
        /// What is in it.
        value: u8,
    },
}

/// The messages of an order file, in the order in which an engine gets them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFile {
    /// At least one.
    pub messages: Vec<Message>,
}

impl OrderFile {
    /// Reads a file whole.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, OrderFileError> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        Self::parse(&bytes)
    }

    /// The messages in the bytes of a file.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub fn parse(bytes: &[u8]) -> Result<Self, OrderFileError> {
        let (header, records) = bytes.split_at_checked(HEADER_LEN).unwrap_or((bytes, &[]));
        if header.len() < HEADER_LEN || u64_at(header, 0) != MAGIC {
            return Err(OrderFileError::BadMagic);
        }
        let version = u32_at(header, 8);
        if version != VERSION {
            return Err(OrderFileError::BadVersion(version));
        }
        let count = u32_at(header, 12) as usize;
        if !(1..=MESSAGE_COUNT_MAX).contains(&count) {
            return Err(OrderFileError::BadCount(count as u64));
        }
        if records.len() != count * RECORD_LEN {
            let expected = HEADER_LEN + count * RECORD_LEN;
            return Err(OrderFileError::BadLength { count, expected, found: bytes.len() });
        }
        let records = records.chunks_exact(RECORD_LEN).enumerate();
        let messages = records.map(|(index, record)| message(index, record));
        Ok(Self { messages: messages.collect::<Result<_, _>>()? })
    }

    /// Writes a file that this and the public harness read.
    ///
    /// # Errors
    /// [`OrderFileError::Io`], and [`OrderFileError::BadCount`] for no message or too many.
    pub fn write(&self, path: &Path) -> Result<(), OrderFileError> {
        let count = self.messages.len();
        if !(1..=MESSAGE_COUNT_MAX).contains(&count) {
            return Err(OrderFileError::BadCount(count as u64));
        }
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(&MAGIC.to_le_bytes())?;
        out.write_all(&VERSION.to_le_bytes())?;
        // Below 2^32: at most MESSAGE_COUNT_MAX.
        out.write_all(&(count as u32).to_le_bytes())?;
        for Message { kind, order, .. } in &self.messages {
            out.write_all(&[*kind, order.side, order.ioc, 0])?;
            out.write_all(&order.quantity.to_le_bytes())?;
            out.write_all(&order.sequence_number.to_le_bytes())?;
            out.write_all(&order.order_id.to_le_bytes())?;
            out.write_all(&order.price_ticks.to_le_bytes())?;
            out.write_all(&[0; 8])?;
        }
        Ok(out.flush()?)
    }
}

fn message(index: usize, record: &[u8]) -> Result<Message, OrderFileError> {
    let fields = [("kind", MODIFY), ("side", SELL), ("ioc", 1)];
    for ((field, value_max), &value) in fields.into_iter().zip(record) {
        if value > value_max {
            return Err(OrderFileError::BadField { index, field, value });
        }
    }
    let kind = record[0];
    let order = Order {
        order_id: u64_at(record, 16),
        sequence_number: u64_at(record, 8),
        price_ticks: u64_at(record, 24).cast_signed(),
        quantity: u32_at(record, 4),
        side: record[1],
        // A modify has padding here.
        ioc: if kind == NEW { record[2] } else { 0 },
        reserved: [0; 2],
    };
    Ok(Message { kind, reserved: [0; 7], order })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::CANCEL;

    fn header(count: u32) -> Vec<u8> {
        let words = [VERSION.to_le_bytes(), count.to_le_bytes()];
        [MAGIC.to_le_bytes().as_slice(), words.as_flattened()].concat()
    }

    fn one(record: [u8; RECORD_LEN]) -> Vec<u8> {
        [header(1).as_slice(), record.as_slice()].concat()
    }

    #[test]
    fn bytes_are_where_the_public_generator_puts_them() {
        let mut record = [0; RECORD_LEN];
        record[..4].copy_from_slice(&[2, 1, 1, 0]);
        record[4..8].copy_from_slice(&7_u32.to_le_bytes());
        record[8..16].copy_from_slice(&8_u64.to_le_bytes());
        record[16..24].copy_from_slice(&9_u64.to_le_bytes());
        record[24..32].copy_from_slice(&(-10_i64).to_le_bytes());
        let file = OrderFile::parse(&one(record)).expect("a good file");
        let order = Order {
            order_id: 9,
            sequence_number: 8,
            price_ticks: -10,
            quantity: 7,
            side: 1,
            ..Order::default()
        };
        assert_eq!(file.messages, [Message { kind: MODIFY, reserved: [0; 7], order }]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let path = std::env::temp_dir().join(format!("vesta-orders-{}", std::process::id()));
        let order = Order { order_id: u64::MAX, price_ticks: i64::MIN, ioc: 1, ..Order::default() };
        let new = Message { kind: NEW, reserved: [0; 7], order };
        let cancel = Message { kind: CANCEL, order: Order { ioc: 0, ..order }, ..new };
        let file = OrderFile { messages: vec![new, cancel] };
        file.write(&path).expect("a writable folder");
        let read = OrderFile::read(&path);
        std::fs::remove_file(&path).expect("it was just written");
        assert_eq!(read.expect("a good file"), file);
        assert!(matches!(OrderFile::read(&path), Err(OrderFileError::Io(_))), "it is gone");
        let empty = OrderFile { messages: Vec::new() };
        assert!(matches!(empty.write(&path), Err(OrderFileError::BadCount(0))));
    }

    #[test]
    fn damage_is_named() {
        use OrderFileError::*;
        let good = one([0; RECORD_LEN]);
        assert!(OrderFile::parse(&good).is_ok());
        for len in 0..HEADER_LEN {
            assert!(matches!(OrderFile::parse(&good[..len]), Err(BadMagic)), "{len} bytes");
        }
        for len in HEADER_LEN..good.len() {
            let error = OrderFile::parse(&good[..len]).expect_err("cut off");
            assert!(matches!(error, BadLength { count: 1, expected: 56, found } if found == len));
        }
        let long = [good.as_slice(), &[0]].concat();
        assert!(matches!(OrderFile::parse(&long), Err(BadLength { found: 57, .. })));
        assert!(matches!(OrderFile::parse(&header(0)), Err(BadCount(0))));
        assert!(matches!(OrderFile::parse(&header(u32::MAX)), Err(BadCount(_))));
        let mut other = good.clone();
        other[8] = 2;
        assert!(matches!(OrderFile::parse(&other), Err(BadVersion(2))));
        for (at, bad, name) in [(0, 3, "kind"), (1, 2, "side"), (2, 255, "ioc")] {
            let mut record = [0; RECORD_LEN];
            record[at] = bad;
            let error = OrderFile::parse(&one(record)).expect_err(name);
            assert_eq!(error.to_string(), format!("message 0: {name} is {bad}"));
        }
    }
}
