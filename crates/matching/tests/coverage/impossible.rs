//! Pairs that the rules make impossible, and why.

use super::Tag;
use Tag::*;

type Row = (&'static [Tag], &'static [Tag], &'static str);

const ROWS: &[Row] = &[];

/// Why the two never fire in one step; `None` where they may.
pub fn reason(a: Tag, b: Tag) -> Option<&'static str> {
    let fits = |row: &&Row| {
        (row.0.contains(&a) && row.1.contains(&b)) || (row.0.contains(&b) && row.1.contains(&a))
    };
    ROWS.iter().find(fits).map(|row| row.2)
}
