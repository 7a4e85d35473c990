//! A table that can be sorted, whatever is in it.

use std::cmp::Ordering;

/// What a cell shows, and what it is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it shows.
    pub text: String,
    /// A number, which is shown to the right; `None` is text, or nothing.
    pub number: Option<f64>,
}

impl Cell {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: None }
    }

    /// A number as it is written.
    #[must_use]
    pub fn number(text: String, number: f64) -> Self {
        Self { text, number: Some(number) }
    }

    /// A count, in full.
    #[must_use]
    pub fn count(count: u64) -> Self {
        Self::number(count.to_string(), count as f64)
    }

    /// A number that may be missing.
    #[must_use]
    pub fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or_else(|| Self::text("-"), cell)
    }

    /// A large number, with three digits that count.
    #[must_use]
    pub fn short(value: f64) -> Self {
        Self::number(scaled(value, 1_000.0, ["", "k", "M", "G", "T"]), value)
    }

    /// Bytes.
    #[must_use]
    pub fn bytes(bytes: f64) -> Self {
        Self::number(scaled(bytes, 1_024.0, [" B", " KiB", " MiB", " GiB", " TiB"]), bytes)
    }

    /// Nanoseconds; nothing for 0, which no duration is.
    #[must_use]
    pub fn duration(ns: u64) -> Self {
        if ns == 0 {
            return Self::text("-");
        }
        let value = ns as f64;
        Self::number(scaled(value, 1_000.0, [" ns", " us", " ms", " s", " ks"]), value)
    }
}

fn scaled(value: f64, step: f64, units: [&str; 5]) -> String {
    let mut rest = value;
    let mut unit = 0;
    while rest.abs() >= step && unit < units.len() - 1 {
        rest /= step;
        unit += 1;
    }
    let digits = match rest.abs() {
        _ if unit == 0 && rest.fract() == 0.0 => 0,
        r if r < 9.995 => 2,
        r if r < 99.95 => 1,
        _ => 0,
    };
    format!("{rest:.digits$}{}", units[unit])
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Its name.
    pub title: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// Its rows: a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// Sorts by a column: numbers largest first, text from A; `reversed` the other way. Rows that are
    /// equal in it keep their order.
    pub fn sort(&mut self, column: usize, reversed: bool) {
        self.rows.sort_by(|a, b| {
            let order = match (a.get(column), b.get(column)) {
                (Some(a), Some(b)) => compare(a, b),
                _ => Ordering::Equal,
            };
            if reversed { order.reverse() } else { order }
        });
    }
}

fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a.number, b.number) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        // What has no number comes last.
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.text.cmp(&b.text),
    }
}
