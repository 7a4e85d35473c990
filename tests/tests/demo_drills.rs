//! `vesta demo`, `replay` and `inspect` as a user runs them: what they print, how they end, and the
//! drills that must turn the verdict.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vesta_tests::roles::{Places, command};
use vesta_tests::running::{Ended, Running, wait_for};
use vesta_tests::{binary, real_data, root};

/// `vesta` with `arguments`, at places of its own, in a folder of its own.
fn vesta(places: &Places, transport: &str, arguments: &[&str]) -> Command {
    let file = places.write(&places.config(transport, ""));
    let mut command = command("vesta", &file);
    command.current_dir(places.folder()).args(arguments);
    command
}

/// Runs it until it ends; nothing may be left behind, and nothing may panic.
fn run(transport: &str, arguments: &[&str]) -> Ended {
    let places = Places::claim();
    let ended = Running::start("vesta", vesta(&places, transport, arguments)).end();
    assert_clean(&places, &ended);
    ended
}

fn assert_clean(places: &Places, ended: &Ended) {
    let stderr = ended.stderr.join("\n");
    assert!(!stderr.contains("panic"), "{stderr}");
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

fn number(json: &Value, key: &str) -> u64 {
    json[key].as_u64().unwrap_or_else(|| panic!("{key} is no count: {json}"))
}

/// The object of the issue: every key, and the right type of each.
fn assert_complete(json: &Value) {
    for key in ["orders", "answered", "lost", "duplicated", "trades", "md_datagrams"] {
        number(json, key);
    }
    assert!(json["rate"].as_f64().is_some_and(|rate| rate > 0.0), "{json}");
    assert!(json["books_equal"].is_boolean() && json["model_equal"].is_boolean(), "{json}");
    assert!(json["datapath"].is_string(), "{json}");
    let rejected = json["rejected"].as_object().expect("an object");
    assert!(rejected.values().all(Value::is_u64), "{json}");
    let latency = ["p50", "p90", "p99", "p999", "max"].map(|p| number(&json["latency_ns"], p));
    assert!(latency[0] > 0 && latency.is_sorted(), "{json}");
}

/// Everything was answered once, and everybody agrees.
fn assert_holds(ended: &Ended, orders: u64) -> Value {
    let json = ended.json();
    assert_eq!(ended.code, Some(0), "{json}\n{}", ended.stderr.join("\n"));
    assert_complete(&json);
    assert_eq!((number(&json, "orders"), number(&json, "answered")), (orders, orders));
    assert_eq!((number(&json, "lost"), number(&json, "duplicated")), (0, 0), "{json}");
    assert_eq!((&json["books_equal"], &json["model_equal"]), (&true.into(), &true.into()));
    assert_eq!(json["verdict"], "OK");
    json
}

#[test]
fn demo_says_what_it_did() {
    let ended = run("", &["demo", "--orders", "20000", "--rate", "20000", "--json"]);
    let json = assert_holds(&ended, 20_000);
    let rejected: u64 =
        json["rejected"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    assert!(rejected <= 20_000 * 2 / 100, "at most 2 % are rejected: {json}");
    assert!(number(&json, "trades") >= 20_000 / 10, "at least 10 % trade: {json}");
    assert!(number(&json, "md_datagrams") > 0, "{json}");
    let table = ended.stdout.join("\n");
    for word in ["p99.9", "verdict: OK", "plot of all percentiles: vesta-latency.svg"] {
        assert!(table.contains(word), "no {word:?} in:\n{table}");
    }
}

/// Every stream to many goes to each of its readers by unicast; nothing else changes.
#[test]
fn demo_on_mdc() {
    for datapath in ["uring", "socket"] {
        let transport = format!("mode = \"mdc\"\ndatapath = \"{datapath}\"");
        let arguments = ["demo", "--orders", "10000", "--rate", "20000", "--json"];
        let json = assert_holds(&run(&transport, &arguments), 10_000);
        assert_eq!(
            (&json["datapath"], &json["consumer_datapath"]),
            (&datapath.into(), &datapath.into())
        );
    }
}

/// Aeron's own loss generator, which its driver takes from the environment, on every stream and on
/// what readers answer: frames of data, NAKs, status messages and set-up.
#[test]
fn demo_under_aerons_own_loss_generator() {
    for (rate, mode) in [("0.01", "mdc"), ("0.1", "multicast"), ("0.3", "mdc")] {
        let places = Places::claim();
        let arguments = ["demo", "--orders", "2000", "--rate", "2000", "--json"];
        let mut demo = vesta(&places, &format!("mode = \"{mode}\""), &arguments);
        demo.env("AERON_UDP_CHANNEL_INCOMING_INTERCEPTORS", "loss");
        let generator = format!("rate={rate}|recv-msg-mask=0x2e|seed=7");
        demo.env("AERON_UDP_CHANNEL_TRANSPORT_BINDINGS_LOSS_ARGS", generator);
        let ended = Running::start("vesta", demo).end();
        assert_clean(&places, &ended);
        assert_holds(&ended, 2_000);
    }
}

/// At a rate that a machine keeps which is busy with other tests.
#[test]
fn demo_keeps_the_rate() {
    let json =
        assert_holds(&run("", &["demo", "--orders", "4000", "--rate", "2000", "--json"]), 4_000);
    let rate = json["rate"].as_f64().expect("a number");
    assert!((0.95 * 2_000.0..1.01 * 2_000.0).contains(&rate), "{json}");
}

#[test]
fn demo_at_full_speed() {
    let ended = run("", &["demo", "--orders", "20000", "--rate", "max", "--json"]);
    assert_holds(&ended, 20_000);
    assert!(ended.stdout.join("\n").contains("saturated"), "the table says so");
}

/// The plot goes where it is asked to; one that can not be written is said, and changes no verdict.
#[test]
fn demo_writes_the_plot() {
    let places = Places::claim();
    let arguments = ["demo", "--orders", "500", "--json", "--plot", "here.svg"];
    let ended = Running::start("vesta", vesta(&places, "", &arguments)).end();
    assert_holds(&ended, 500);
    let plot = std::fs::read_to_string(places.folder().join("here.svg")).expect("a plot");
    assert!(plot.contains("<svg"), "it is a drawing");
    let ended = run("", &["demo", "--orders", "500", "--json", "--plot", "absent/there.svg"]);
    assert_holds(&ended, 500);
    assert!(ended.stdout.join("\n").contains("absent/there.svg can not be written"));
}

fn loses_everything(datapath: &str) {
    let datapath_key = format!("datapath = \"{datapath}\"");
    let arguments =
        ["demo", "--orders", "6000", "--md-loss", "1", "--md-loss-from", "0.5", "--json"];
    let ended = run(&datapath_key, &arguments);
    let json = ended.json();
    assert_eq!(ended.code, Some(1), "{json}");
    assert_complete(&json);
    // The venue did its work; the consumer could not.
    assert_eq!((number(&json, "answered"), number(&json, "lost")), (6_000, 0));
    assert_eq!((&json["books_equal"], &json["verdict"]), (&false.into(), &"FAIL".into()), "{json}");
    assert_eq!(json["datapath"], datapath);
    let text = ended.stdout.join("\n");
    assert!(text.contains("engine has"), "it says what differs:\n{text}");
}

#[test]
fn market_data_that_is_lost_from_half_way_on_fails_on_uring() {
    loses_everything("uring");
}

#[test]
fn market_data_that_is_lost_from_half_way_on_fails_on_socket() {
    loses_everything("socket");
}

fn loses_some(datapath: &str) {
    let datapath_key = format!("datapath = \"{datapath}\"");
    let arguments = ["demo", "--orders", "20000", "--md-loss", "0.01", "--json"];
    let json = assert_holds(&run(&datapath_key, &arguments), 20_000);
    assert_eq!(json["datapath"], datapath);
}

#[test]
fn market_data_that_is_lost_at_random_is_repaired_on_uring() {
    loses_some("uring");
}

#[test]
fn market_data_that_is_lost_at_random_is_repaired_on_socket() {
    loses_some("socket");
}

/// Ends within this time of a Ctrl-C, on a machine that is busy with other tests.
const INTERRUPT_MAX: Duration = Duration::from_secs(8);

/// Waits until the run is under way, for `pause` more, and interrupts it.
fn interrupt(arguments: &[&str], pause: Duration) -> Ended {
    let places = Places::claim();
    let mut running = Running::start("vesta", vesta(&places, "", arguments));
    running.wait_line("progress", |line| line.contains("orders/s").then_some(()));
    std::thread::sleep(pause);
    let kill = Command::new("kill").args(["-INT", &running.pid().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()), "it was there to be interrupted");
    let mut looks = 0;
    wait_for("the end after Ctrl-C", || {
        looks += 1;
        (!running.is_running()).then_some(())
    });
    // Each look takes 5 ms or more.
    assert!(Duration::from_millis(5) * looks < INTERRUPT_MAX, "{looks} looks");
    let ended = running.end();
    assert_clean(&places, &ended);
    ended
}

#[test]
fn demo_that_is_interrupted_says_so() {
    let ended = interrupt(&["demo", "--orders", "400000", "--json"], Duration::ZERO);
    let json = ended.json();
    assert_eq!(ended.code, Some(1), "{json}");
    assert_complete(&json);
    assert!(number(&json, "orders") < 400_000, "{json}");
    // What was sent before was answered, and is proven.
    assert_eq!(number(&json, "orders"), number(&json, "answered"), "{json}");
    assert_eq!((&json["books_equal"], &json["model_equal"]), (&true.into(), &true.into()));
    assert_eq!(json["verdict"], "FAIL");
    assert!(ended.stdout.join("\n").contains("interrupted before all commands were sent"));
}

#[test]
fn demo_that_waits_for_lost_market_data_can_be_interrupted() {
    let arguments = ["demo", "--orders", "25000", "--md-loss", "1", "--md-loss-from", "0.1"];
    let ended = interrupt(&arguments, Duration::from_secs(1));
    assert_eq!(ended.code, Some(1), "{:?}", ended.stdout);
}

#[test]
fn wrong_arguments_are_explained() {
    let cases: [(&[&str], &str); 14] = [
        (&["demo", "--rate", "0"], "a number of commands per second above 0, or `max`"),
        (&["demo", "--rate", "x"], "a number of commands per second above 0, or `max`"),
        (&["demo", "--rate=-5"], "a number of commands per second above 0, or `max`"),
        (&["demo", "--rate", "nan"], "a number of commands per second above 0, or `max`"),
        (&["demo", "--orders", "0"], "--orders 0: give 1 to"),
        (&["demo", "--orders", "many"], "invalid value 'many' for '--orders"),
        (&["demo", "--input", "foo"], "give `lobster:FILE`"),
        (&["demo", "--input", "lobster:"], "give `lobster:FILE`"),
        (&["demo", "--input", "lobster:absent.csv"], "absent.csv: No such file"),
        (&["demo", "--loop"], "--input <lobster:FILE>"),
        (&["demo", "--md-loss", "2"], "give a share from 0 to 1"),
        (&["replay", "--lobster", "absent.csv"], "--book <BOOK.csv>"),
        (&["replay", "--lobster", "absent.csv", "--book", "b"], "absent.csv: can not be read"),
        (&["inspect"], "config"),
    ];
    for (arguments, needle) in cases {
        let ended = run("", arguments);
        let stderr = ended.stderr.join("\n");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(needle), "{arguments:?}: {stderr}");
    }
}

#[test]
fn input_without_an_order_in_it() {
    let places = Places::claim();
    for (text, needle) in [("", "the file has no rows"), ("1,2,3\n", "3 columns")] {
        std::fs::write(places.folder().join("rows.csv"), text).expect("a file");
        let arguments = ["demo", "--input", "lobster:rows.csv"];
        let ended = Running::start("vesta", vesta(&places, "", &arguments)).end();
        let stderr = ended.stderr.join("\n");
        assert_eq!(ended.code, Some(2), "{stderr}");
        assert!(stderr.contains("rows.csv") && stderr.contains(needle), "{stderr}");
    }
}

/// Replays two small files of this text through the library and through the appliance.
fn replay_texts(messages: &str, book: &str) -> [Ended; 2] {
    ["matching", "appliance"].map(|via| {
        let places = Places::claim();
        std::fs::write(places.folder().join("m.csv"), messages).expect("a file");
        std::fs::write(places.folder().join("b.csv"), book).expect("a file");
        let arguments = ["replay", "--lobster", "m.csv", "--book", "b.csv", "--via", via, "--json"];
        let ended = Running::start("vesta", vesta(&places, "", &arguments)).end();
        assert_clean(&places, &ended);
        ended
    })
}

#[test]
fn recordings_that_are_broken_are_named() {
    let row = "34200.1,1,7,100,5853300,-1\n";
    let next = "34200.2,1,8,100,5853300,-1\n";
    let book = "5853300,100,5850000,100\n";
    let cases: [(String, String, &[&str]); 6] = [
        ("1,2,3\n".to_owned(), book.to_owned(), &["message file, line 1", "3 columns"]),
        (row.to_owned(), "1,2,3\n".to_owned(), &["orderbook file, line 1", "3 columns"]),
        ([row, next].concat(), book.to_owned(), &["row"]),
        (row.to_owned(), [book, book].concat(), &["row"]),
        (
            [row, "34200.2,1,8,many,5853300,-1\n"].concat(),
            [book, book].concat(),
            &["message file, line 2", "many"],
        ),
        (
            [row, next].concat(),
            [book, "5853300,100,x,100\n"].concat(),
            &["orderbook file, line 2", "x"],
        ),
    ];
    for (messages, book, needles) in cases {
        for ended in replay_texts(&messages, &book) {
            let stderr = ended.stderr.join("\n");
            assert_eq!(ended.code, Some(1), "{stderr}");
            for needle in needles {
                assert!(stderr.contains(needle), "no {needle:?} in:\n{stderr}");
            }
        }
    }
}

fn replay_real_day(test: &str, via: &str) {
    let Some(data) = real_data(test) else { return };
    let file = |name: &str| {
        let file = data.join("lobster").join(name).canonicalize().expect("a file of the data");
        file.display().to_string()
    };
    let messages = file("AAPL_level10_message.csv");
    let book = file("AAPL_level10_orderbook.csv");
    let arguments = ["replay", "--lobster", &messages, "--book", &book, "--via", via, "--json"];
    let ended = run("", &arguments);
    let json = ended.json();
    assert_eq!(ended.code, Some(0), "{json}");
    assert_eq!(number(&json, "rows"), 999);
    assert!(number(&json, "exact") >= 980, "{json}");
    assert_eq!(number(&json, "mismatched"), 0, "{json}");
    assert_eq!(number(&json, "executed_qty"), 4_730, "{json}");
    // The first row is the seed.
    assert_eq!(number(&json, "exact") + number(&json, "revealed"), 998, "{json}");
    for key in ["repairs", "executions"] {
        number(&json, key);
    }
}

#[test]
fn real_data_replays_through_the_library() {
    replay_real_day("real_data_replays_through_the_library", "matching");
}

#[test]
fn real_data_replays_through_the_appliance() {
    replay_real_day("real_data_replays_through_the_appliance", "appliance");
}

#[test]
fn real_data_is_input_of_the_demo() {
    let Some(data) = real_data("real_data_is_input_of_the_demo") else { return };
    let file = data.join("lobster/AAPL_level10_message.csv");
    let input = format!("lobster:{}", file.canonicalize().expect("a file of the data").display());
    // More than the file has: once it ends early, with --loop it begins again.
    let once = run("", &["demo", "--input", &input, "--orders", "5000", "--rate", "max", "--json"]);
    let sent = number(&once.json(), "orders");
    assert!((500..5_000).contains(&sent), "{}", once.json());
    assert_holds(&once, sent);
    let arguments =
        ["demo", "--input", &input, "--loop", "--orders", "5000", "--rate", "max", "--json"];
    assert_holds(&run("", &arguments), 5_000);
}

/// `vesta inspect config`, with the built-in default or a file.
fn inspected(arguments: &[&str]) -> String {
    let mut command = Command::new(binary("vesta"));
    command.args(["inspect", "config"]).args(arguments);
    let ended = Running::start("vesta", command).end();
    assert_eq!(ended.code, Some(0), "{:?}", ended.stderr);
    ended.stdout.join("\n")
}

/// The same value; of the entries of a list, the same keys at least: what an entry leaves out is
/// printed with its default.
fn assert_says(key: &str, printed: &toml::Value, manual: &toml::Value) {
    match (printed, manual) {
        (toml::Value::Array(printed), toml::Value::Array(manual)) => {
            assert_eq!(printed.len(), manual.len(), "{key}");
            for (printed, manual) in printed.iter().zip(manual) {
                for (name, value) in manual.as_table().expect("an entry") {
                    assert_eq!(&printed[name], value, "{key}.{name}");
                }
            }
        }
        _ => assert_eq!(printed, manual, "{key}"),
    }
}

#[test]
fn inspect_prints_the_configuration_resolved() {
    let text = inspected(&[]);
    let resolved: toml::Table = text.parse().expect("it is TOML");
    let default = root().join("vesta.toml");
    let default: toml::Table =
        std::fs::read_to_string(default).expect("the manual").parse().expect("it is TOML");
    // 0 readers are those that it stands for.
    let mut expected = default;
    expected["engine"]["event_readers_min"] = 2.into();
    // And 0 bytes of a term are the longest of ours.
    expected["transport"]["setup_term_length_max_bytes"] = (4 << 20).into();
    // And no interface for xdp is the one for all.
    expected["transport"]["xdp_interface"] = "127.0.0.1/32".into();
    for (key, value) in &expected {
        assert_says(key, &resolved[key], value);
    }

    // What comes out goes in again, and means the same.
    let places = Places::claim();
    let file = places.write(&text).display().to_string();
    assert_eq!(inspected(&["--config", &file]), text);

    let json = inspected(&["--json"]);
    assert_eq!(json.lines().count(), 1, "one object on one line");
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    let same: Value = serde_json::to_value(&resolved).expect("TOML is JSON too");
    assert_eq!(json, same);
}
