//! What a stream may be told of its own, at the roles: whom its publisher waits for, and how long its
//! datagrams are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use vesta_config::Config;
use vesta_netio::{AeronTransport, ClientSettings, DriverSettings, SharedIdle, Threading};
use vesta_tests::roles::{Places, ROLES, command};
use vesta_tests::running::{Running, terminate, wait_for};
use vesta_transport::{Duty, Flow, StreamId, Subscription, Transport};

/// Input-log records of so many orders are several windows.
const ORDERS: &str = "6000";

/// The text of a configuration in which streams have more keys: their name, and a line.
fn with_keys(places: &Places, keys: &[(&str, &str)]) -> String {
    keys.iter().fold(places.config("", ""), |text, (stream, line)| {
        let table = format!("[streams.{stream}]\n");
        assert!(text.contains(&table), "{text}");
        text.replace(&table, &format!("{table}{line}\n"))
    })
}

fn start(file: &Path) -> Vec<Running> {
    let start = |role: &str| Running::start(role, command(&format!("vesta-{role}"), file));
    let mut roles: Vec<_> = ROLES.into_iter().map(start).collect();
    for role in &mut roles {
        role.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
    }
    roles
}

fn end(roles: Vec<Running>, places: &Places) {
    terminate(&roles.iter().collect::<Vec<_>>());
    for role in roles {
        let ended = role.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
    }
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

fn flow(file: &Path, places: &Places) -> Running {
    let mut flow = command("vesta", file);
    flow.args(["--json", "flow", "--orders", ORDERS, "--rate", "max"]).current_dir(places.folder());
    Running::start("client", flow)
}

fn all_are_answered(flow: Running) {
    let ended = flow.end();
    let said = ended.json();
    assert_eq!(ended.code, Some(0), "{said}");
    assert_eq!((said["answered"].to_string().as_str(), &said["lost"]), (ORDERS, &0.into()));
}

/// A reader of the input log that takes nothing until it is told to.
struct SlowReader {
    transport: AeronTransport,
    reader: <AeronTransport as Transport>::Subscription,
}

impl SlowReader {
    fn new(config: &Config, places: &Places) -> Self {
        let mut settings = DriverSettings::new("slow");
        settings.directory_parent = Some(places.drivers());
        settings.initial_window_bytes = config.transport.receiver_window_bytes as usize;
        // It tells of itself whatever this test's thread does.
        settings.threading = Threading::Shared(SharedIdle::Backoff {
            spin_count: 1,
            yield_count: 1,
            sleep_min_us: 50,
            sleep_max_us: 1_000,
        });
        let mut transport =
            AeronTransport::embed(&settings, ClientSettings::default()).expect("a transport");
        let channel = config.channels().input_log_subscription();
        let reader = transport.add_subscription(&channel.uri, StreamId(channel.stream_id));
        Self { transport, reader: reader.expect("a subscription") }
    }

    /// Keeps its client alive, and reads so many fragments; how many there were.
    fn work(&mut self, limit: usize) -> usize {
        self.transport.do_work().expect("the transport works");
        self.reader.poll(limit, &mut |_| Flow::Taken)
    }
}

/// How often the sequencer found its window full.
fn back_pressured(file: &Path) -> u64 {
    let mut inspect = command("vesta", file);
    inspect.args(["inspect", "counters", "--json"]);
    let json: Value = Running::start("inspect", inspect).end().json();
    let roles = json["roles"].as_array().expect("a list").iter();
    let counters = roles.filter(|role| role["role"] == "sequencer").flat_map(|role| {
        role["counters"].as_array().expect("a list").iter().filter(|counter| {
            counter["name"] == "back_pressured"
                && counter["scope"].as_str().is_some_and(|scope| scope.contains("input_log"))
        })
    });
    counters.filter_map(|counter| counter["value"].as_u64()).sum()
}

#[test]
fn a_sequencer_waits_for_a_slow_reader_that_votes_and_for_no_other() {
    for voter in [false, true] {
        let places = Places::claim();
        // The slow reader is the first, and must not open the log for an engine that comes later: with the
        // tag it is one of two that are awaited, and without it is not counted.
        let readers_min = if voter { 2 } else { 1 };
        let text = with_keys(&places, &[("input_log", "flow_control = \"tagged\"")]);
        let text = format!("{text}[sequencer]\ninput_readers_min = {readers_min}\n");
        let config = Config::parse(&format!("{text}[engine]\nvoter = {voter}\n"), "slow");
        let file = places.write(&text);
        let mut slow = SlowReader::new(&config.expect("a good file"), &places);
        let roles = start(&file);
        wait_for("the slow reader to join", || (slow.work(1) > 0).then_some(()));

        let mut flow = flow(&file, &places);
        if voter {
            // Nothing moves any more, and does once it reads.
            wait_for("the sequencer to be held up", || {
                slow.work(0);
                (back_pressured(&file) > 10).then_some(())
            });
            std::thread::sleep(Duration::from_millis(200));
            assert!(flow.is_running(), "the sequencer did not wait: {:?}", flow.stderr());
            wait_for("the flow to end", || {
                while slow.work(256) > 0 {}
                (!flow.is_running()).then_some(())
            });
        } else {
            wait_for("the flow to end", || {
                slow.work(0);
                (!flow.is_running()).then_some(())
            });
        }
        all_are_answered(flow);
        drop(slow);
        end(roles, &places);
    }
}

/// Every stream has datagrams of another length, and one is longer than transport.mtu_bytes.
#[test]
fn a_venue_whose_streams_have_mtus_of_their_own() {
    let places = Places::claim();
    let keys = [
        ("orders", "mtu_bytes = 512"),
        ("sequencer_back", "mtu_bytes = 1024"),
        ("input_log", "mtu_bytes = 8928"),
        ("event_log", "mtu_bytes = 4096"),
        ("snapshots", "mtu_bytes = 2048"),
    ];
    let file = places.write(&with_keys(&places, &keys));
    let roles = start(&file);
    all_are_answered(flow(&file, &places));

    // A reader that was not told says which knobs differ.
    let other = places.folder().join("other.toml");
    std::fs::write(&other, places.config("", "")).expect("written");
    let mut engine = Running::start("engine", command("vesta-engine", &other));
    engine.wait_line("why it hears nothing", |line| {
        line.contains("longer datagrams than transport.mtu_bytes and any streams.*.mtu_bytes here")
            .then_some(())
    });
    engine.terminate();
    let _ = engine.end();
    end(roles, &places);
}
