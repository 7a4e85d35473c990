//! What somebody meets who does it for the first time: a word on what is wrong, at once, and what to do.

use std::path::Path;

use vesta_tests::roles::{Places, Venue, command};
use vesta_tests::running::{Ended, Running};

fn start(file: &Path, arguments: &[&str]) -> Running {
    let mut command = command("vesta", file);
    command.args(arguments).current_dir(file.parent().expect("in a folder"));
    Running::start("vesta", command)
}

fn assert_says(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:#?}");
    for part in parts {
        assert!(ended.stderr.iter().any(|line| line.contains(part)), "no {part:?}: {ended:#?}");
    }
}

/// The second client of the same sessions is told so by the gateway's first answer.
#[test]
fn a_flow_stops_when_its_sessions_are_anothers() {
    let mut venue = Venue::start();
    let file = venue.places().folder().join("vesta.toml");
    let flow = |more: &[&str]| {
        start(
            &file,
            &[&["flow", "--orders", "300", "--rate", "max", "--plot", "p.svg"], more].concat(),
        )
    };
    assert_eq!(flow(&[]).end().code, Some(0));
    let plot = venue.places().folder().join("p.svg");
    std::fs::remove_file(&plot).expect("the first one made it");
    let ended = flow(&[]).end();
    let why = ["session_bound_elsewhere", "--first-session 5", "another client"];
    assert_says(&ended, 1, &why);
    assert!(!plot.exists() && ended.stdout.is_empty(), "{ended:#?}");
    assert_eq!(flow(&["--first-session", "5"]).end().code, Some(0));
    venue.assert_alive();
    let _ = venue.end();
}

#[test]
fn a_consumer_without_a_venue_says_what_it_waits_for() {
    let places = Places::claim();
    for (mode, parts) in [
        ("multicast", ["streams.market_data.group", "transport.interface"]),
        ("mdc", ["streams.market_data.control", "takes its readers at 127.0.0.1:"]),
    ] {
        let file = places.write(&places.config(&format!("mode = \"{mode}\""), ""));
        let mut consumer = start(&file, &["md"]);
        let line = consumer.wait_line("what it waits for", |line| {
            line.contains("nothing heard on stream 40: waits for").then(|| line.to_owned())
        });
        for part in parts {
            assert!(line.contains(part), "{line}");
        }
        consumer.terminate();
        assert_eq!(consumer.end().code, Some(0));
    }
}

#[test]
fn what_can_not_be_measured_is_refused_by_its_flag() {
    let places = Places::claim();
    let file = places.write(&places.config("", ""));
    for (arguments, parts) in [
        (
            &["bench", "matching", "--core", "8000"][..],
            ["--core 8000: this process may use", "name one"],
        ),
        (
            &["bench", "jitter", "--cores", "0,8000"],
            ["--cores 8000: this process may use", "name one"],
        ),
        (&["bench", "chain", "--rates", "5,3"], ["--rates 5,3: must ascend", "sustained"]),
        (&["bench", "chain", "--rates", "5,5"], ["--rates 5,5: must ascend", "sustained"]),
    ] {
        assert_says(&start(&file, arguments).end(), 2, &parts);
    }
}

#[test]
fn a_key_that_is_mistyped_is_answered_with_the_right_one() {
    let places = Places::claim();
    let file = places.write("[transport]\nmtu_byte = 1408\n");
    let ended = start(&file, &["inspect", "config"]).end();
    assert_says(&ended, 2, &["unknown field `mtu_byte`; did you mean `mtu_bytes`?", "line 2"]);
}

/// The address of another host where this one's must be.
#[test]
fn the_doctor_sees_an_address_that_a_role_can_not_open() {
    let places = Places::claim();
    let far = "198.51.100.7:24130";
    let control = places.controls()[1].1.to_string();
    let text = places.config("mode = \"mdc\"\ndatapath = \"socket\"", "").replace(&control, far);
    let file = places.write(&text);
    let elsewhere = start(&file, &["doctor"]).end();
    assert_eq!(elsewhere.code, Some(0), "the engine may run on another host: {elsewhere:#?}");
    let here = start(&file, &["doctor", "--role", "engine"]).end();
    let text = here.stdout.join("\n");
    assert_eq!(here.code, Some(1), "{text}");
    assert!(text.contains(&format!("key: streams.event_log.control = \"{far}\"")), "{text}");
    assert!(text.contains("198.51.100.7 is not this host's"), "{text}");
    let last = here.stdout.last().expect("a summary");
    assert!(last.ends_with(", 1 to mend") && last.contains(" ok, "), "{last}");
    let stranger = start(&file, &["doctor", "--role", "relayer"]).end();
    assert_says(&stranger, 2, &["gateway, sequencer, engine, md-publisher, md-relay"]);
}
