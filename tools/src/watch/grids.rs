//! The tables of two looks.

use std::collections::BTreeSet;

use vesta_config::decimal_e8;
use vesta_hotmem::{Histogram, Kind, Touch};
use vesta_netio::{DriverReading, StreamPositions};

use super::grid::{Cell, Grid};
use super::look::{Look, Moved};

const ROLES: &[&str] = &[
    "role",
    "pid",
    "state",
    "cycles/s",
    "busy %",
    "done/s",
    "rejects",
    "drops",
    "queue",
    "hop p50",
    "hop p99",
    "hop p99.9",
    "age",
];
const STREAMS: &[&str] = &[
    "stream", "id", "role", "way", "msg/s", "bytes/s", "messages", "pressed", "readers", "naks",
    "window", "unread",
];
const DRIVERS: &[&str] = &[
    "driver",
    "sent/s",
    "received/s",
    "naks out",
    "naks in",
    "repairs",
    "over runs",
    "limits",
    "invalid",
    "errors",
    "cycle max",
];
const BOOKS: &[&str] = &["instrument", "bid qty", "bid", "ask", "ask qty", "spread"];

/// What a viewer shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Grids {
    /// One row for each role.
    pub roles: Grid,
    /// One row for each end of a stream.
    pub streams: Grid,
    /// One row for each media driver.
    pub drivers: Grid,
    /// One row for each instrument.
    pub books: Grid,
}

impl Grids {
    /// What `now` shows, with the rates since `before`.
    #[must_use]
    pub fn of(now: &Look, before: &Look) -> Self {
        let live: Vec<Moved<'_>> = now
            .roles
            .iter()
            .map(|role| Moved { now: role, before: now.before(role, before) })
            .collect();
        let grid = |title, columns| Grid { title, columns, rows: Vec::new() };
        let mut grids = Self {
            roles: grid("roles", ROLES),
            streams: grid("streams", STREAMS),
            drivers: grid("media drivers", DRIVERS),
            books: grid("top of the book", BOOKS),
        };
        for moved in live {
            grids.roles.rows.push(role_row(&moved, now.at_ns));
            if !moved.now.is_live {
                continue;
            }
            grids.streams.rows.extend(stream_rows(&moved, now.driver_of(moved.now)));
            let touches = moved.now.entries.iter().filter(|entry| entry.kind == Kind::Touch);
            grids
                .books
                .rows
                .extend(touches.filter_map(|entry| Some(book_row(&entry.scope, entry.touch()?))));
        }
        let seconds = now.at_ns.saturating_sub(before.at_ns) as f64 / 1e9;
        for driver in &now.drivers {
            let was = before.drivers.iter().find(|was| was.directory == driver.directory);
            let name = driver
                .directory
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            grids.drivers.rows.push(driver_row(
                name,
                &driver.reading,
                was.map(|was| &was.reading),
                seconds,
            ));
        }
        grids
    }

    /// Each table, in the order of the screen.
    #[must_use]
    pub const fn all(&self) -> [&Grid; 4] {
        [&self.roles, &self.streams, &self.drivers, &self.books]
    }
}

fn role_row(moved: &Moved<'_>, now_ns: u64) -> Vec<Cell> {
    let role = moved.now;
    let state = match (role.is_live, moved.value("", "ready")) {
        (false, _) => "dead",
        (true, Some(1)) => "ready",
        (true, _) => "waiting",
    };
    let cycles = moved.rate("", "duty_cycles");
    let busy = if cycles > 0.0 { moved.rate("", "duty_cycles_busy") / cycles * 100.0 } else { 0.0 };
    let rejects = moved.sum(|entry| matches!(entry.scope.as_str(), "rejected" | "refused"));
    let drops = moved.sum(|entry| entry.scope.is_empty() && entry.name.starts_with("dropped"));
    let queue = match (moved.value("", "outbox"), moved.value("", "reports_waiting")) {
        (Some(bytes), _) => Cell::bytes(bytes as f64),
        (None, waiting) => Cell::maybe(waiting, Cell::count),
    };
    // What the role is for, where it tells several.
    let done = ["records_applied", "records", "forwarded", "events", "relayed"];
    let done = done.into_iter().find(|name| moved.value("", name).is_some());
    let done = done.map_or(0.0, |name| moved.rate("", name));
    let hop = Histogram::summary(&moved.buckets("hop"));
    let age_ns = now_ns.saturating_sub(role.published_ns);
    vec![
        Cell::text(role.role.as_str()),
        Cell::count(u64::from(role.process.pid)),
        Cell::text(state),
        Cell::short(cycles),
        Cell::number(format!("{busy:.1}"), busy),
        Cell::short(done),
        Cell::short(rejects as f64),
        Cell::short(drops as f64),
        queue,
        Cell::duration(hop.p50_ns),
        Cell::duration(hop.p99_ns),
        Cell::duration(hop.p999_ns),
        Cell::duration(age_ns),
    ]
}

/// The ends of streams that a role has, in the order in which it tells them.
fn stream_rows(moved: &Moved<'_>, driver: Option<&DriverReading>) -> Vec<Vec<Cell>> {
    let mut told = BTreeSet::new();
    let mut rows = Vec::new();
    for entry in &moved.now.entries {
        for (way, messages, bytes) in
            [("in", "messages_in", "bytes_in"), ("out", "messages_out", "bytes_out")]
        {
            if entry.name != messages || !told.insert((entry.scope.as_str(), way)) {
                continue;
            }
            let positions = match (driver, entry.stream) {
                (Some(driver), 1..) => driver.positions(entry.stream),
                _ => StreamPositions::default(),
            };
            let pressed = moved.value(&entry.scope, "back_pressured").filter(|_| way == "out");
            let bytes_of = |bytes: i64| Cell::bytes(bytes as f64);
            let (window, readers) = match way {
                "out" => (positions.window_left(), positions.readers),
                _ => (None, None),
            };
            let is_aeron = driver.is_some() && entry.stream > 0;
            rows.push(vec![
                Cell::text(entry.scope.as_str()),
                match entry.stream {
                    1.. => Cell::count(u64::from(entry.stream.unsigned_abs())),
                    _ => Cell::text("-"),
                },
                Cell::text(moved.now.role.as_str()),
                Cell::text(way),
                Cell::short(moved.rate(&entry.scope, messages)),
                Cell::bytes(moved.rate(&entry.scope, bytes)),
                Cell::short(entry.value() as f64),
                Cell::maybe(pressed, Cell::count),
                Cell::maybe(readers, |readers| Cell::count(readers.unsigned_abs())),
                Cell::maybe(is_aeron.then_some(positions.naks), |n| Cell::count(n.unsigned_abs())),
                Cell::maybe(window, bytes_of),
                Cell::maybe(positions.unread().filter(|_| way == "in"), bytes_of),
            ]);
        }
    }
    rows
}

fn driver_row(
    name: String,
    now: &DriverReading,
    before: Option<&DriverReading>,
    seconds: f64,
) -> Vec<Cell> {
    let counts = now.counts();
    let was = before.map(DriverReading::counts);
    let rate = |now: u64, was: Option<u64>| match was {
        Some(was) if seconds > 0.0 => now.saturating_sub(was) as f64 / seconds,
        _ => 0.0,
    };
    let cycle_max = counts
        .conductor_cycle_max_ns
        .max(counts.sender_cycle_max_ns)
        .max(counts.receiver_cycle_max_ns);
    vec![
        Cell::text(name),
        Cell::bytes(rate(counts.bytes_sent, was.map(|was| was.bytes_sent))),
        Cell::bytes(rate(counts.bytes_received, was.map(|was| was.bytes_received))),
        Cell::count(counts.naks_sent),
        Cell::count(counts.naks_received),
        Cell::count(counts.retransmits_sent),
        Cell::count(counts.flow_control_over_runs),
        Cell::short(counts.sender_limits as f64),
        Cell::count(counts.invalid_packets),
        Cell::count(counts.errors),
        Cell::duration(cycle_max),
    ]
}

fn book_row(symbol: &str, touch: Touch) -> Vec<Cell> {
    // Whatever the file says: what is no number of ours is not shown as one.
    let decimal = |units: u64, size_e8: u64| {
        let e8 = units.checked_mul(size_e8).and_then(|e8| i64::try_from(e8).ok())?;
        Some(Cell::number(decimal_e8(e8).to_string(), e8 as f64 / 1e8))
    };
    let price = |ticks: u64| {
        Cell::maybe((ticks > 0).then(|| decimal(ticks, touch.tick_e8)).flatten(), |cell| cell)
    };
    let lots = |lots: u64| {
        Cell::maybe((lots > 0).then(|| decimal(lots, touch.lot_e8)).flatten(), |cell| cell)
    };
    let spread = match (touch.bid_ticks, touch.ask_ticks) {
        (1.., 1..) => decimal(touch.ask_ticks.saturating_sub(touch.bid_ticks), touch.tick_e8),
        _ => None,
    };
    vec![
        Cell::text(symbol),
        lots(touch.bid_lots),
        price(touch.bid_ticks),
        price(touch.ask_ticks),
        lots(touch.ask_lots),
        Cell::maybe(spread, |cell| cell),
    ]
}
