//! Looking at a running venue: its counters, the live view of them, and what is said of the host.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vesta_tests::roles::{Places, ROLES, Venue, command};
use vesta_tests::running::{Ended, Running, wait_for};
use vesta_tests::{binary, root};

fn run(mut command: Command, arguments: &[&str]) -> Ended {
    command.args(arguments);
    Running::start("vesta", command).end()
}

fn vesta(config: &Path, arguments: &[&str]) -> Ended {
    run(command("vesta", config), arguments)
}

fn config_of(venue: &Venue) -> PathBuf {
    venue.places().folder().join("vesta.toml")
}

/// The counters of a role, as `inspect counters --json` prints them.
fn role<'a>(json: &'a Value, name: &str) -> &'a Value {
    let roles = json["roles"].as_array().expect("a list");
    roles.iter().find(|role| role["role"] == name).unwrap_or_else(|| panic!("no {name} in {json}"))
}

fn value_of(role: &Value, scope: &str, name: &str) -> Option<u64> {
    let counters = role["counters"].as_array().expect("a list");
    let is_it = |c: &&Value| c["scope"] == scope && c["name"] == name;
    counters.iter().find(is_it)?["value"].as_u64()
}

fn value(role: &Value, scope: &str, name: &str) -> u64 {
    value_of(role, scope, name).unwrap_or_else(|| panic!("no {scope} {name}: {role}"))
}

#[test]
fn every_role_counts_what_it_did() {
    const ORDERS: u64 = 3_000;
    let mut venue = Venue::start();
    let config = config_of(&venue);
    let flow = vesta(&config, &["flow", "--orders", &ORDERS.to_string(), "--json"]);
    assert_eq!(flow.code, Some(0), "{:?}", flow.stderr);
    let look = || {
        let ended = vesta(&config, &["inspect", "counters", "--json"]);
        assert_eq!(ended.code, Some(0), "{:?}", ended.stderr);
        ended.json()
    };
    // What was counted last is written within counters.interval_ms.
    let json = wait_for("the last events to be counted", || {
        let json = look();
        let events = ROLES.map(|name| match name {
            "sequencer" => None,
            _ => Some(value(role(&json, name), "", "events")),
        });
        let events: Vec<_> = events.into_iter().flatten().collect();
        let done = events[0] > 0 && events.iter().all(|count| *count == events[0]);
        done.then_some(json)
    });
    venue.assert_alive();
    let forwarded = value(role(&json, "gateway"), "", "forwarded");
    assert!(forwarded >= ORDERS, "{forwarded} of {ORDERS}");
    assert_eq!(
        value(role(&json, "sequencer"), "orders", "messages_in"),
        forwarded + 1,
        "and hello"
    );
    assert_eq!(value(role(&json, "sequencer"), "", "sequenced"), forwarded);
    let records = value(role(&json, "sequencer"), "", "records");
    let applied = value(role(&json, "engine"), "", "records_applied");
    assert!(applied >= forwarded && applied <= records, "{applied} of {records}");
    assert_eq!(
        value(role(&json, "engine"), "event_log", "messages_out"),
        value(role(&json, "md-publisher"), "event_log", "messages_in"),
    );
    assert_eq!(
        value(role(&json, "engine"), "event_log", "bytes_out"),
        value(role(&json, "gateway"), "event_log", "bytes_in"),
    );
    for name in ROLES {
        let role = role(&json, name);
        assert_eq!((&role["live"], value(role, "", "ready")), (&true.into(), 1), "{name}");
        assert!(value(role, "", "duty_cycles") >= value(role, "", "duty_cycles_busy"), "{name}");
        assert_eq!(value(role, "gate", "unlisted_sources"), 0, "{name}: each has a driver");
        let hop = role["counters"].as_array().expect("a list").iter().find(|c| c["name"] == "hop");
        assert!(hop.expect("told")["count"].as_u64() > Some(0), "{name}");
    }
    // The books, as the public sees them, and where the streams stand, from Aeron's own counters.
    let counters = role(&json, "md-publisher")["counters"].as_array().expect("a list");
    let touches: Vec<_> = counters.iter().filter(|c| c["kind"] == "touch").collect();
    assert_eq!(touches.len(), 4, "{touches:?}");
    let drivers = json["drivers"].as_array().expect("a list");
    assert_eq!(drivers.len(), ROLES.len());
    let position = |key: &str| {
        let streams = drivers.iter().flat_map(|d| d["streams"].as_array().expect("a list"));
        let mut found = streams.filter(|s| s["stream"] == 30).filter_map(|s| s[key].as_i64());
        found.next().expect("somebody has it")
    };
    assert!(position("published") > 0 && position("published") == position("read"));
    // Nor are files left behind, which this checks.
    let _ = venue.end();
}

/// The demo's four roles share a driver, whose counts are in one of their files.
#[test]
fn what_roles_share_is_counted_once() {
    let places = Places::claim();
    let file = places.write(&places.config("datapath = \"auto\"", ""));
    let mut demo = command("vesta", &file);
    // A minute's worth: it is ended long before.
    demo.args(["demo", "--orders", "6000", "--rate", "100"]).current_dir(places.folder());
    let demo = Running::start("demo", demo);
    let roles = wait_for("the four to count", || {
        let json = vesta(&file, &["inspect", "counters", "--json"]).json();
        let roles = json["roles"].as_array().expect("a list").clone();
        let all = roles.iter().filter(|role| value_of(role, "", "ready").is_some()).count();
        (all == ROLES.len()).then_some(roles)
    });
    for scope in ["gate", "datapath"] {
        let has = |role: &&Value| {
            let counters = role["counters"].as_array().expect("a list");
            counters.iter().any(|counter| counter["scope"] == scope)
        };
        let names: Vec<_> = roles.iter().filter(has).map(|role| &role["role"]).collect();
        // Where io_uring is not to be had, the datapath counts in the driver's file.
        let is_right = names == ["gateway"] || (scope == "datapath" && names.is_empty());
        assert!(is_right, "{scope}: {names:?}");
    }
    demo.terminate();
    let _ = demo.end();
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

/// `vesta top` in a terminal; returns what it drew, and the line of the script.
fn top(config: &Path, keys: &str) -> (String, String) {
    let mut python = Command::new("python3");
    python.arg(root().join("tests/src/in_a_terminal.py")).arg(keys).arg(binary("vesta"));
    python.arg("--config").arg(config).args(["top", "--interval-ms", "50"]);
    let ended = Running::start("top", python).end();
    let line = ended.stdout.last().cloned().unwrap_or_default();
    (ended.stdout.join("\n"), line)
}

#[test]
fn the_live_view_gives_the_terminal_back() {
    let mut venue = Venue::start();
    let config = config_of(&venue);
    const SCREEN_ON: &str = "\u{1b}[?1049h";
    const SCREEN_OFF: &str = "\u{1b}[?1049l";
    // Keys, Ctrl-C, and a signal.
    for keys in ["\\t\\x1b[B\\x1b[C r pq", "\\x03", "TERM"] {
        let (drawn, line) = top(&config, keys);
        assert_eq!(line, "exit=0 restored=true", "{keys}: {drawn}");
        let (on, off) = (drawn.find(SCREEN_ON), drawn.rfind(SCREEN_OFF));
        assert!(on.is_some() && on < off, "{keys}: {drawn}");
        // Word by word: what is blank is not drawn.
        for word in ["vesta", "roles", "md-publisher", "input_log", "instrument"] {
            assert!(drawn.contains(word), "{keys}: no {word} in {drawn}");
        }
    }
    venue.assert_alive();
    let _ = venue.end();
}

#[test]
fn the_live_view_wants_a_terminal() {
    let places = Places::claim();
    let file = places.write(&places.config("", ""));
    let ended = vesta(&file, &["top"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.reason().contains("stdout is no terminal"), "{}", ended.reason());
    assert!(ended.reason().contains("vesta inspect counters"), "{}", ended.reason());
    let ended = vesta(&file, &["inspect", "counters", "--json"]);
    assert_eq!(ended.code, Some(1), "nobody runs");
    assert_eq!(ended.json()["roles"], Value::Array(Vec::new()));
    let ended = vesta(&file, &["inspect", "counters", "--directory", "/nowhere"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.reason().contains("/nowhere") && ended.reason().contains("--directory"));
}

#[test]
fn the_counters_of_a_killed_role_are_cleared_away_by_the_next() {
    let places = Places::claim();
    let file = places.write(&places.config("", ""));
    let counters = || {
        let left = places.leftovers().into_iter();
        left.filter(|path| path.extension().is_some_and(|ext| ext == "counters"))
            .collect::<Vec<_>>()
    };
    let started = |line: &str| line.contains("counters in").then_some(());
    let mut first = Running::start("engine", command("vesta-engine", &file));
    first.wait_line("where its counters are", started);
    first.kill();
    let left = counters();
    assert_eq!(left.len(), 1, "{left:?}");
    let mut second = Running::start("md-publisher", command("vesta-md-publisher", &file));
    second.wait_line("where its counters are", started);
    let lines = second.stderr().join("\n");
    assert!(lines.contains(&format!("removed {}", left[0].display())), "{lines}");
    second.terminate();
    assert_eq!(second.end().code, Some(0));
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn counters_can_be_switched_off() {
    let places = Places::claim();
    let text = places.config("", "").replace("[counters]", "[counters]\nenabled = false");
    let mut role = Running::start("engine", command("vesta-engine", &places.write(&text)));
    role.wait_line("that it has started", |line| line.contains("streams are open").then_some(()));
    role.terminate();
    let ended = role.end();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.stderr.iter().any(|line| line.contains("counters")), "{:?}", ended.stderr);
}

#[test]
fn a_role_says_what_the_host_is_and_stays_on_its_cpu() {
    let places = Places::claim();
    let text = format!("{}[cores]\nengine = \"0\"\n", places.config("", ""));
    let mut role = Running::start("engine", command("vesta-engine", &places.write(&text)));
    role.wait_line("that it has started", |line| line.contains("streams are open").then_some(()));
    let lines = role.stderr().join("\n");
    for needle in ["Linux ", "clock ", "rmem_max ", "interface lo (127.0.0.1)", "stays on CPU 0"] {
        assert!(lines.contains(needle), "no {needle:?} in {lines}");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", role.pid())).expect("it runs");
    assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
    role.terminate();
    assert_eq!(role.end().code, Some(0));

    let text = format!("{}[cores]\nengine = \"8000\"\n", places.config("", ""));
    let ended = Running::start("engine", command("vesta-engine", &places.write(&text))).end();
    assert_eq!(ended.code, Some(2));
    let reason = ended.reason();
    assert!(reason.contains("cores.engine = \"8000\"") && reason.contains("Name one"), "{reason}");
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn the_doctor_answers_by_its_exit_status() {
    let places = Places::claim();
    let text = places.config("datapath = \"socket\"", "");
    let ended = vesta(&places.write(&text), &["doctor", "--json"]);
    let json = ended.json();
    assert_eq!(ended.code, Some(0), "{json}");
    assert_eq!(json["fail"], 0, "{json}");
    // Loopback, which xdp refuses; and then sockets instead.
    for (fallback, code, state) in [("exit", 1, "fail"), ("socket", 0, "warn")] {
        let xdp = format!("datapath = \"xdp\"\nxdp_fallback = \"{fallback}\"");
        let ended = vesta(&places.write(&places.config(&xdp, "")), &["doctor", "--json"]);
        let json = ended.json();
        let list = json["findings"].as_array().expect("a list");
        let found = list.iter().find(|f| f["name"] == "xdp interface").expect("looked at");
        assert_eq!((ended.code, &found["state"]), (Some(code), &state.into()), "{json}");
    }
    // An interface that no host has.
    let text = places.config("interface = \"198.51.100.7\"", "");
    let file = places.write(&text);
    let ended = vesta(&file, &["doctor", "--json"]);
    assert_eq!((ended.code, &ended.json()["verdict"]), (Some(1), &"fail".into()));
    let ended = vesta(&file, &["doctor"]);
    let text = ended.stdout.join("\n");
    assert_eq!(ended.code, Some(1));
    assert!(text.contains("key: transport.interface = \"198.51.100.7\""), "{text}");
    assert!(text.contains("fix: ip -br addr (package iproute2)"), "{text}");
}
