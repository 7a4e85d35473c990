//! The tables on a terminal.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Table, TableState};

use super::controls::{Controls, Shown};
use super::grid::{Cell, Grid};
use super::grids::Grids;
use super::look::Look;

/// Border, head and border of a table.
const FRAME_ROWS: u16 = 3;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, look: &Look, grids: &Grids, controls: &Controls) {
    let area = frame.area();
    let rows = |grid: &Grid| u16::try_from(grid.rows.len()).unwrap_or(u16::MAX).max(1);
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(area);
    frame.render_widget(Paragraph::new(title(look, controls)), head);
    frame.render_widget(Paragraph::new(help()), foot);

    let wanted = grids.all().map(|grid| rows(grid).saturating_add(FRAME_ROWS));
    let places = share(body, wanted);
    for (index, place) in places.into_iter().enumerate() {
        let grid = controls.arranged(index, grids);
        table(frame, place, &grid, controls.shown[index], controls.focus == index);
    }
}

/// Gives each table what it wants, from the top; what is left over goes to the streams, of which there
/// are most, and where there is not enough the last ones get less.
fn share(body: Rect, wanted: [u16; 4]) -> [Rect; 4] {
    let least = FRAME_ROWS + 1;
    let mut left = body.height;
    let mut heights = [0; 4];
    for (n, (height, wanted)) in heights.iter_mut().zip(wanted).enumerate() {
        let behind = (heights_behind(n) as u16) * least;
        let room = left.saturating_sub(behind);
        *height = wanted.min(room.max(left.min(least)));
        left -= *height;
    }
    heights[1] += left;
    let mut top = body.y;
    heights.map(|height| {
        let place = Rect { y: top, height, ..body };
        top += height;
        place
    })
}

/// How many tables are below one.
const fn heights_behind(index: usize) -> usize {
    3 - index
}

fn title(look: &Look, controls: &Controls) -> Line<'static> {
    let live = look.roles.iter().filter(|role| role.is_live).count();
    let what = match live {
        0 => format!("no role runs here: there are no counters in {}", look.directory.display()),
        1 => "1 role".to_owned(),
        _ => format!("{live} roles"),
    };
    let paused = if controls.paused { ", paused" } else { "" };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    Line::styled(format!("vesta top: {what}{paused}"), bold)
}

fn help() -> Line<'static> {
    Line::from("q quit  tab table  up/down row  left/right sort by  r reverse  p pause")
}

fn table(frame: &mut Frame<'_>, place: Rect, grid: &Grid, shown: Shown, has_focus: bool) {
    if place.height == 0 {
        return;
    }
    let reverse = Style::new().add_modifier(Modifier::REVERSED);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let is_number = |column: usize| {
        grid.rows.iter().any(|row| row.get(column).is_some_and(|cell| cell.number.is_some()))
    };
    let aligned = |column: usize, text: String| {
        let side = if is_number(column) { Alignment::Right } else { Alignment::Left };
        Text::from(text).alignment(side)
    };
    let head = grid.columns.iter().enumerate().map(|(column, name)| {
        let mark = match shown.sort {
            Some(sort) if sort == column && shown.reversed => "^",
            Some(sort) if sort == column => "v",
            _ => "",
        };
        aligned(column, format!("{name}{mark}"))
    });
    let cells = |row: &[Cell]| {
        let cells = row.iter().enumerate();
        Row::new(cells.map(|(column, cell)| aligned(column, cell.text.clone())).collect::<Vec<_>>())
    };
    let widths = grid.columns.iter().enumerate().map(|(column, name)| {
        let cells = grid.rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0);
        // One more, for the mark of the sorted column.
        Constraint::Length(u16::try_from(longest.max(name.len() + 1)).unwrap_or(u16::MAX))
    });
    let border = if has_focus { bold } else { Style::new() };
    let block = Block::new().borders(Borders::ALL).border_style(border).title(grid.title);
    let table = Table::new(grid.rows.iter().map(|row| cells(row)), widths)
        .header(Row::new(head.collect::<Vec<_>>()).style(bold))
        .block(block)
        .column_spacing(1)
        .row_highlight_style(if has_focus { reverse } else { Style::new() });
    let row = shown.row.min(grid.rows.len().saturating_sub(1));
    let mut state = TableState::new().with_selected((!grid.rows.is_empty()).then_some(row));
    frame.render_stateful_widget(table, place, &mut state);
}
