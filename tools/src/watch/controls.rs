//! What keys do: which table, which column it is sorted by, and how far down it is.

use super::grid::Grid;
use super::grids::Grids;

/// A key that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The end.
    Quit,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// Sort by the column to the left.
    Left,
    /// Sort by the column to the right.
    Right,
    /// The other way round.
    Reverse,
    /// The next table.
    Next,
    /// Stop and go on.
    Pause,
}

/// How each table is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Sorted by this column; `None`: as it came.
    pub sort: Option<usize>,
    /// Smallest first, or from Z.
    pub reversed: bool,
    /// The row that is marked.
    pub row: usize,
}

/// What the user chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Controls {
    /// The table that keys go to.
    pub focus: usize,
    /// How each is shown.
    pub shown: [Shown; 4],
    /// True while nothing new is read.
    pub paused: bool,
}

impl Controls {
    /// Takes a key; false when it was the last.
    pub fn press(&mut self, key: Key, grids: &Grids) -> bool {
        let grid = grids.all()[self.focus];
        let shown = &mut self.shown[self.focus];
        let columns = grid.columns.len();
        match key {
            Key::Quit => return false,
            Key::Pause => self.paused = !self.paused,
            Key::Next => self.focus = (self.focus + 1) % self.shown.len(),
            Key::Reverse => shown.reversed = !shown.reversed,
            Key::Up => shown.row = shown.row.saturating_sub(1),
            Key::Down => shown.row = (shown.row + 1).min(grid.rows.len().saturating_sub(1)),
            Key::Right => shown.sort = Some(shown.sort.map_or(0, |column| (column + 1) % columns)),
            Key::Left => {
                let last = columns - 1;
                shown.sort =
                    Some(shown.sort.map_or(last, |column| column.checked_sub(1).unwrap_or(last)));
            }
        }
        true
    }

    /// The table `index`, in the order that was chosen.
    #[must_use]
    pub fn arranged(&self, index: usize, grids: &Grids) -> Grid {
        let mut grid = grids.all()[index].clone();
        let Shown { sort, reversed, .. } = self.shown[index];
        match sort {
            Some(column) => grid.sort(column, reversed),
            None if reversed => grid.rows.reverse(),
            None => {}
        }
        grid
    }
}
