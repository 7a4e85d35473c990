//! The tables of looks that are made up, and what is drawn of them, sign by sign.

use std::path::PathBuf;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use vesta_hotmem::{CounterSink, CountersFile, Histogram, Reading, Scope, Touch, Unit};

use super::{Cell, Controls, Grids, Key, Look, draw, to_json, to_text};

/// A look at roles that count what they are told to.
struct Venue(PathBuf);

impl Venue {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("watch-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn role(&self, role: &str) -> CountersFile {
        CountersFile::create(&self.0, role, "0.1.0", PathBuf::new().as_path(), 0).expect("a file")
    }

    fn look(&self, at_ns: u64) -> Look {
        let mut look = Look::take(&self.0, at_ns).expect("a folder");
        // Golden output has no pid of this run.
        look.roles.iter_mut().for_each(|role: &mut Reading| role.process.pid = 4_242);
        look
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn engine(sink: &mut dyn CounterSink, messages: u64, hop_ns: u64) {
    let mut hop = Histogram::default();
    (0..messages).for_each(|_| hop.record(hop_ns));
    sink.counter(Scope::ROLE, "duty_cycles", Unit::Count, 10 * messages);
    sink.counter(Scope::ROLE, "duty_cycles_busy", Unit::Count, messages);
    sink.counter(Scope::ROLE, "records_applied", Unit::Count, 2 * messages);
    sink.gauge(Scope::ROLE, "ready", Unit::Count, 1);
    sink.histogram(Scope::ROLE, "hop", &hop);
    for (scope, way) in [("input_log", "in"), ("event_log", "out")] {
        let scope = Scope::stream(scope, if way == "in" { 20 } else { 30 });
        sink.counter(scope, &format!("messages_{way}"), Unit::Messages, messages);
        sink.counter(scope, &format!("bytes_{way}"), Unit::Bytes, 100 * messages);
    }
    sink.counter(Scope::stream("event_log", 30), "back_pressured", Unit::Count, 3);
    sink.gauge(Scope::ROLE, "outbox", Unit::Bytes, 2_048);
    sink.counter(Scope::named("rejected"), "price_band", Unit::Count, 7);
}

fn md_publisher(sink: &mut dyn CounterSink) {
    sink.counter(Scope::ROLE, "dropped_messages", Unit::Count, 5);
    let touch = Touch {
        bid_ticks: 6_430_001,
        bid_lots: 15_000,
        ask_ticks: 6_430_101,
        ask_lots: 250,
        tick_e8: 1_000_000,
        lot_e8: 10_000,
    };
    sink.touch("BTC-USD", touch);
    sink.touch("ETH-USD", Touch { bid_ticks: 0, ask_ticks: 0, ..touch });
}

/// Two looks, a second apart.
fn looks(venue: &Venue) -> (Look, Look, [CountersFile; 2]) {
    let (mut one, mut two) = (venue.role("engine"), venue.role("md-publisher"));
    one.publish(1_000_000_000, |sink| engine(sink, 1_000, 2_000));
    two.publish(1_000_000_000, |sink| md_publisher(sink));
    let before = venue.look(1_000_000_000);
    one.publish(2_000_000_000, |sink| engine(sink, 3_500, 2_000));
    two.publish(1_900_000_000, |sink| md_publisher(sink));
    (before, venue.look(2_000_000_000), [one, two])
}

fn screen(look: &Look, grids: &Grids, controls: &Controls, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a backend");
    terminal.draw(|frame| draw(frame, look, grids, controls)).expect("it draws");
    let buffer = terminal.backend().buffer().clone();
    let rows = buffer.content().chunks(usize::from(width));
    let line = |row: &[ratatui::buffer::Cell]| -> String {
        let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.trim_end().to_owned() + "\n"
    };
    rows.map(line).collect()
}

#[test]
fn a_venue_on_the_screen() {
    let venue = Venue::new("screen");
    let (before, now, _files) = looks(&venue);
    let grids = Grids::of(&now, &before);
    let shown = screen(&now, &grids, &Controls::default(), 120, 23);
    let expected = include_str!("screen.txt");
    assert_eq!(shown, expected, "got:\n{shown}");
}

#[test]
fn keys_choose_table_row_and_order() {
    let venue = Venue::new("keys");
    let (before, now, _files) = looks(&venue);
    let grids = Grids::of(&now, &before);
    let mut controls = Controls::default();
    let names = |controls: &Controls| -> Vec<String> {
        controls.arranged(0, &grids).rows.iter().map(|row| row[0].text.clone()).collect()
    };
    assert_eq!(names(&controls), ["engine", "md-publisher"]);
    // By name, and the other way round.
    assert!(controls.press(Key::Right, &grids) && controls.press(Key::Reverse, &grids));
    assert_eq!(names(&controls), ["md-publisher", "engine"]);
    // By the age of what they say, to the left of the first column: the older first.
    assert!(controls.press(Key::Reverse, &grids) && controls.press(Key::Left, &grids));
    assert_eq!(names(&controls), ["md-publisher", "engine"]);
    for _ in 0..5 {
        assert!(controls.press(Key::Down, &grids));
    }
    assert_eq!(controls.shown[0].row, 1, "not beyond the last");
    assert!(controls.press(Key::Next, &grids) && controls.focus == 1);
    assert!(controls.press(Key::Pause, &grids) && controls.paused);
    assert!(!controls.press(Key::Quit, &grids));
}

#[test]
fn roles_come_and_go() {
    let venue = Venue::new("go");
    let nobody = venue.look(1);
    assert!(
        screen(&nobody, &Grids::of(&nobody, &nobody), &Controls::default(), 100, 30)
            .contains("no role runs here")
    );
    let (before, now, files) = looks(&venue);
    // The engine is killed: its file stays, without its lock; and comes again as another process.
    let killed = venue.0.join("vesta-engine-1.counters");
    std::fs::copy(files[0].path(), &killed).expect("a copy");
    drop(files);
    let after = venue.look(3_000_000_000);
    assert_eq!(after.roles.len(), 1, "what ended in good order is gone");
    let grids = Grids::of(&after, &now);
    assert_eq!(grids.roles.rows[0][2], Cell::text("dead"));
    assert!(grids.streams.rows.is_empty());
    assert_eq!(grids.roles.rows[0][3].text, "0", "no rate of a process that was not there");
    let mut again = before;
    again.roles.iter_mut().for_each(|role| role.process.start_time += 1);
    let row = &Grids::of(&now, &again).streams.rows[0];
    assert_eq!(row[4].text, "0", "a rate over two processes would mean nothing: {row:?}");
}

#[test]
fn any_size_of_terminal_is_survived() {
    let venue = Venue::new("sizes");
    let (before, now, _files) = looks(&venue);
    let grids = Grids::of(&now, &before);
    for (width, height) in [(1, 1), (2, 3), (10, 5), (40, 9), (80, 16), (300, 100)] {
        screen(&now, &grids, &Controls::default(), width, height);
    }
}

#[test]
fn once_for_a_program_and_once_for_a_person() {
    let venue = Venue::new("once");
    let (_, now, _files) = looks(&venue);
    let json = to_json(&now);
    let engine = &json["roles"][0];
    assert_eq!((&engine["role"], &engine["live"]), (&"engine".into(), &true.into()));
    let counters = engine["counters"].as_array().expect("a list");
    let find = |scope: &str, name: &str| {
        let is_it = |c: &&serde_json::Value| c["scope"] == scope && c["name"] == name;
        counters.iter().find(is_it).expect("told")
    };
    assert_eq!(find("input_log", "messages_in")["value"], 3_500);
    assert_eq!(find("input_log", "messages_in")["stream"], 20);
    assert_eq!(find("", "hop")["p99"], 2_047);
    assert_eq!(find("rejected", "price_band")["value"], 7);
    assert_eq!(json["roles"][1]["counters"][1]["bid"]["ticks"], 6_430_001);
    let text = to_text(&now);
    assert!(text.contains("engine (process 4242), 0.1.0"), "{text}");
    assert!(text.contains("input_log (20) messages_in"), "{text}");
}

#[test]
fn numbers_are_short_and_say_their_unit() {
    let short = [0.0, 7.0, 999.4, 1_000.0, 12_345.0, 1_234_567.0].map(|v| Cell::short(v).text);
    assert_eq!(short, ["0", "7", "999", "1.00k", "12.3k", "1.23M"]);
    let durations = [0, 999, 1_023, 45_678, 3_000_000_000].map(|ns| Cell::duration(ns).text);
    assert_eq!(durations, ["-", "999 ns", "1.02 us", "45.7 us", "3.00 s"]);
    assert_eq!(Cell::bytes(1_536.0).text, "1.50 KiB");
}
