//! `vesta md relay` and its consumers, as processes on loopback.

use std::path::Path;

use serde_json::Value;
use vesta_tests::consumers::{books_at_end_of, equal_books, settled, wait_event};
use vesta_tests::metrics::{Scrape, get};
use vesta_tests::roles::{Places, Venue, command};
use vesta_tests::running::{Running, signal, terminate, wait_for};

/// Soon, so that the test is: publishers and relays that die are missed after a second.
const TIMEOUTS: &str = "image_liveness_timeout_ms = 1000\nflow_control_receiver_timeout_ms = 2000";

fn start(name: &str, file: &Path, arguments: &[&str]) -> Running {
    let mut command = command("vesta", file);
    command.arg("--json").args(arguments);
    command.current_dir(file.parent().expect("in a folder"));
    Running::start(name, command)
}

fn relay(file: &Path) -> Running {
    start("relay", file, &["md", "relay"])
}

fn consumer(name: &str, file: &Path, from_relay: bool) -> Running {
    let relay: &[&str] = if from_relay { &["--relay", "127.0.0.1"] } else { &[] };
    start(name, file, &[&["md", "--depth", "3"], relay].concat())
}

fn flow(file: &Path, first_session: u32) -> u64 {
    let first = first_session.to_string();
    let args = ["flow", "--orders", "2000", "--rate", "2000", "--first-session", &first];
    settled(start("client", file, &args))["event_seq"].as_u64().expect("a number")
}

/// How often a consumer said that its books are in that state.
fn said(consumer: &Running, state: &str) -> usize {
    let line = format!("vesta md: books are {state} at event ");
    consumer.stderr().iter().filter(|said| said.starts_with(&line)).count()
}

fn wait_said(consumer: &mut Running, state: &str, times: usize) {
    wait_for(&format!("{} to be {state} {times} times", consumer.name()), || {
        assert!(consumer.is_running(), "{} ended: {:#?}", consumer.name(), consumer.stderr());
        (said(consumer, state) >= times).then_some(())
    });
}

#[test]
fn books_from_a_relay_are_the_publishers() {
    let places = Places::claim();
    let more = format!("{}{}", places.metrics(), places.relay());
    let mut venue = Venue::start_on(places, TIMEOUTS, &more);
    let file = venue.places().folder().join("vesta.toml");
    let place = venue.places().metrics_of("md-relay");
    let first = relay(&file);
    let mut direct = consumer("direct", &file, false);
    let mut relayed = ["one", "two"].map(|name| consumer(name, &file, true));
    for consumer in relayed.iter_mut().chain([&mut direct]) {
        wait_event(consumer, 1);
    }
    let event = flow(&file, 1);
    for consumer in relayed.iter_mut().chain([&mut direct]) {
        wait_event(consumer, event);
    }
    // What it counts: everything passed on, to two who signed up for each stream.
    wait_for("the relay's counters", || {
        let scrape = Scrape::of(place);
        let market_data = ["stream=\"market_data\""];
        let of = |name: &str| scrape.value(name, &market_data);
        let unheard = of("vesta_relay_unheard_messages_total");
        let is_right = of("vesta_stream_received_messages_total")
            == of("vesta_stream_sent_messages_total") + unheard
            && of("vesta_stream_sent_messages_total") > 100.0
            && of("vesta_stream_sent_bytes_total") > 10_000.0
            && of("vesta_relay_feed_gaps_total") == 0.0
            && of("vesta_relay_dropped_messages_total") == 0.0
            && of("vesta_relay_joined") == 1.0;
        let signed_up = scrape.all("vesta_mdc_destinations", &[]);
        let all = signed_up.len() == 2 && signed_up.iter().all(|(_, count)| *count == 2.0);
        assert!(scrape.all("vesta_other", &[]).is_empty(), "{:?}", scrape.samples);
        (is_right && all).then_some(())
    });
    assert_eq!(get(place, "/healthz"), Some((200, "ready\n".to_owned())));

    // A consumer that stands still is in nobody's way, and follows again.
    signal(&relayed[0], "STOP");
    let event = flow(&file, 11);
    wait_event(&mut relayed[1], event);
    signal(&relayed[0], "CONT");
    wait_event(&mut relayed[0], event);

    // The relay is killed: consumers stay, know that their books may be old, and go on with the next.
    let live = relayed.each_ref().map(|consumer| said(consumer, "live"));
    let stale = relayed.each_ref().map(|consumer| said(consumer, "STALE"));
    first.kill();
    for (consumer, stale) in relayed.iter_mut().zip(stale) {
        wait_said(consumer, "STALE", stale + 1);
    }
    let mut second = relay(&file);
    second.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
    for (consumer, live) in relayed.iter_mut().zip(live) {
        wait_said(consumer, "live", live + 1);
    }
    let event = flow(&file, 21);
    for consumer in relayed.iter_mut().chain([&mut direct]) {
        wait_event(consumer, event);
    }
    let [one, two] = relayed;
    let books = equal_books([one, two, direct]);
    assert_eq!(books["live"], Value::from(true), "{books}");
    venue.assert_alive();

    second.terminate();
    let ended = second.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.json()["market_data"]["losses"], Value::from(0), "{ended:#?}");
    let _ = venue.end();
}

/// The publisher goes: the relay stays, says that it is not ready, and tells its consumers, who stay too.
#[test]
fn a_lost_publisher_is_seen_through_the_relay() {
    let places = Places::claim();
    let more = format!("{}{}", places.metrics(), places.relay());
    let file = places.write(&places.config(TIMEOUTS, &more));
    let place = places.metrics_of("md-relay");
    let role = |name: &str| Running::start(name, command(&format!("vesta-{name}"), &file));
    let start_venue = || {
        let mut roles = ["gateway", "sequencer", "engine", "md-publisher"].map(role);
        for role in &mut roles {
            role.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
        }
        roles
    };
    let relay = relay(&file);
    let mut consumer = consumer("consumer", &file, true);
    consumer.wait_line("what it waits for", |line| {
        line.contains("nothing heard on stream 40: waits for a relay at 127.0.0.1:").then_some(())
    });
    let venue = start_venue();
    wait_event(&mut consumer, 1);
    flow(&file, 1);
    let health = || get(place, "/healthz").expect("it listens").0;
    wait_for("the relay to be ready", || (health() == 200).then_some(()));
    let stale = said(&consumer, "STALE");
    // A whole venue ends, and another begins, whose feed counts from 1 again.
    terminate(&venue.iter().collect::<Vec<_>>());
    for role in venue {
        let _ = role.end();
    }
    wait_said(&mut consumer, "STALE", stale + 1);
    wait_for("the relay to miss its publisher", || (health() == 503).then_some(()));
    let live = said(&consumer, "live");
    let venue = start_venue();
    wait_said(&mut consumer, "live", live + 1);
    flow(&file, 1);
    wait_for("the relay to be ready", || (health() == 200).then_some(()));
    consumer.terminate();
    let books = books_at_end_of(consumer);
    assert_eq!(books["live"], Value::from(true), "{books}");
    relay.terminate();
    let ended = relay.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.json()["market_data"]["losses"], Value::from(1), "{ended:#?}");
    terminate(&venue.iter().collect::<Vec<_>>());
    for role in venue {
        let _ = role.end();
    }
}

#[test]
fn a_relay_that_can_not_start_says_why() {
    let places = Places::claim();
    let file = places.write(&places.config("", &places.relay()));
    let ended = start("relay", &file, &["md", "relay", "--address", "0.0.0.0"]).end();
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.reason().contains("--address 0.0.0.0: must be the address"), "{ended:#?}");
    let mut first = relay(&file);
    first.wait_line("that it has started", |line| line.contains("passes on ").then_some(()));
    let ended = relay(&file).end();
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.reason().contains("md_relay.market_data_port = "), "{ended:#?}");
    first.terminate();
    assert_eq!(first.end().code, Some(0));
    let ended = start("flags", &file, &["md", "--depth", "2", "relay"]).end();
    assert_eq!(ended.code, Some(2), "flags of a consumer mean nothing to a relay: {ended:#?}");
}
