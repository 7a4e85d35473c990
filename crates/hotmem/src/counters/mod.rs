//! A file of named numbers that a hot thread writes and anybody reads.
//!
//! ```text
//!   role's state machines        plain counters, no clock, no file
//!        |  now and then: CountersFile::publish(|sink| ...)
//!        v
//!   vesta-<role>-<pid>.counters  mapped by its writer: stores, no system call
//!        |  Reading::of
//!        v
//!   vesta top, vesta inspect counters, whoever else
//! ```
//!
//! The file is locked while its owner lives, so that a reader knows the living from the dead, also
//! from another container that shares the memory, and the next start of any role removes what a
//! killed one left.

mod files;
mod histogram;
mod layout;
mod reading;
#[cfg(test)]
mod tests;
mod writer;

pub use files::{Removed, remove_stale};
pub use histogram::{BUCKET_COUNT, Histogram, Summary, bucket_limit_ns};
pub use reading::{Entry, Reading};
pub use writer::CountersFile;

/// What a number is of. Part of the layout: numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Unit {
    /// Whatever its name says, one by one.
    Count = 1,
    /// Messages.
    Messages = 2,
    /// Bytes.
    Bytes = 3,
    /// Nanoseconds.
    Nanoseconds = 4,
    /// Ticks and lots: of a touch.
    Ticks = 5,
}

/// How a number moves. Part of the layout: numbers never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Only grows: its rate is of interest.
    Counter = 1,
    /// Goes up and down.
    Gauge = 2,
    /// The buckets of a [`Histogram`], each a counter.
    Histogram = 3,
    /// The six numbers of a [`Touch`], each a gauge.
    Touch = 4,
}

macro_rules! numbered {
    ($name:ident { $($variant:ident $text:literal,)* }) => {
        impl $name {
            /// The word that tables and JSON use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            fn from_number(number: u32) -> Option<Self> {
                [$(Self::$variant,)*].into_iter().find(|known| *known as u32 == number)
            }
        }
    };
}

numbered!(Unit { Count "count", Messages "messages", Bytes "bytes", Nanoseconds "ns", Ticks "ticks", });
numbered!(Kind { Counter "counter", Gauge "gauge", Histogram "histogram", Touch "touch", });

/// What a counter is about: a stream, or something else that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The stream's name, a symbol, a reason: at most 48 bytes, the rest is cut off.
    pub name: &'a str,
    /// Aeron stream id; 0 for what is no stream.
    pub stream: i32,
}

impl<'a> Scope<'a> {
    /// The role itself.
    pub const ROLE: Scope<'static> = Scope { name: "", stream: 0 };

    /// Something that is no stream.
    #[must_use]
    pub const fn named(name: &'a str) -> Self {
        Self { name, stream: 0 }
    }

    /// A stream.
    #[must_use]
    pub const fn stream(name: &'a str, stream: i32) -> Self {
        Self { name, stream }
    }
}

/// The best prices of a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// Best bid, in ticks; 0: none.
    pub bid_ticks: u64,
    /// Displayed there, in lots.
    pub bid_lots: u64,
    /// Best ask, in ticks; 0: none.
    pub ask_ticks: u64,
    /// Displayed there, in lots.
    pub ask_lots: u64,
    /// A tick, in units of 10^-8 of the quote currency.
    pub tick_e8: u64,
    /// A lot, in units of 10^-8 of the base currency.
    pub lot_e8: u64,
}

impl Touch {
    const fn to_values(self) -> [u64; 6] {
        let Self { bid_ticks, bid_lots, ask_ticks, ask_lots, tick_e8, lot_e8 } = self;
        [bid_ticks, bid_lots, ask_ticks, ask_lots, tick_e8, lot_e8]
    }

    pub(crate) const fn from_values(values: [u64; 6]) -> Self {
        let [bid_ticks, bid_lots, ask_ticks, ask_lots, tick_e8, lot_e8] = values;
        Self { bid_ticks, bid_lots, ask_ticks, ask_lots, tick_e8, lot_e8 }
    }
}

/// Who is told the numbers of a role. Telling the same ones in the same order is the fast path; a
/// new one may come at any time.
pub trait CounterSink {
    /// A number, or as many as its kind has.
    fn put(&mut self, kind: Kind, unit: Unit, scope: Scope<'_>, name: &str, values: &[u64]);

    /// A number that only grows.
    fn counter(&mut self, scope: Scope<'_>, name: &str, unit: Unit, value: u64) {
        self.put(Kind::Counter, unit, scope, name, &[value]);
    }

    /// A number that goes up and down.
    fn gauge(&mut self, scope: Scope<'_>, name: &str, unit: Unit, value: u64) {
        self.put(Kind::Gauge, unit, scope, name, &[value]);
    }

    /// How long something took.
    fn histogram(&mut self, scope: Scope<'_>, name: &str, histogram: &Histogram) {
        self.put(Kind::Histogram, Unit::Nanoseconds, scope, name, histogram.buckets());
    }

    /// The best prices of the instrument `symbol`.
    fn touch(&mut self, symbol: &str, touch: Touch) {
        self.put(Kind::Touch, Unit::Ticks, Scope::named(symbol), "touch", &touch.to_values());
    }
}
