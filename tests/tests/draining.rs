//! A gateway that is told to end answers what it has passed on, refuses what is new, and waits no longer than it
//! may.

use vesta_tests::client::{Client, bytes};
use vesta_tests::roles::{Places, Venue};
use vesta_tests::running::{Ended, signal};
use vesta_types::RejectReason;

/// Commands that are on their way when the gateway is told to end.
const OPEN: u64 = 50;

/// A venue whose gateway has passed on [`OPEN`] commands of a client, to an engine that stands still.
fn with_open_commands(drain_max_ms: u32) -> (Venue, Client) {
    let places = Places::claim();
    let gateway = places.gateway();
    let config = places.config("", "");
    let buffer = "receive_buffer_bytes = 212992\n";
    assert_eq!(config.matches(buffer).count(), 1, "that of the gateway");
    let drain = format!("{buffer}drain_max_ms = {drain_max_ms}\n");
    let venue = Venue::start_from(places, &config.replace(buffer, &drain));
    let client = Client::new(gateway, 1);
    // The first is answered: all are there.
    client.ask(&bytes(&client.order(1))).accepted();
    signal(venue.role("engine"), "STOP");
    for client_seq in 2..2 + OPEN {
        client.send(&bytes(&client.order(client_seq)));
    }
    // A datagram that the gateway answers by itself comes after those in front of it.
    let refusal = client.ask(&bytes(&client.order(1_000_000))).refusal();
    assert_eq!(refusal, RejectReason::WindowFull);
    (venue, client)
}

fn told(ended: &Ended, words: &str) -> bool {
    ended.stderr.iter().any(|line| line.contains(words))
}

#[test]
fn what_was_passed_on_is_answered_and_what_is_new_is_refused() {
    let (mut venue, client) = with_open_commands(10_000);
    let mut gateway = venue.take("gateway");
    gateway.terminate();
    // Refused as soon as it has heard; until then it passes on, too.
    let mut next = 2 + OPEN;
    let refused = loop {
        client.send(&bytes(&client.order(next)));
        client.send(&bytes(&client.order(1_000_000)));
        let first = client.hear();
        if first.refusal() == RejectReason::NotReady {
            assert_eq!(client.hear().refusal(), RejectReason::NotReady, "and so is all else");
            break next;
        }
        assert_eq!(first.refusal(), RejectReason::WindowFull, "it was passed on");
        next += 1;
    };
    assert!(gateway.is_running(), "it waits for answers");
    signal(venue.role("engine"), "CONT");
    for client_seq in 2..refused {
        let accepted = *client.hear().accepted();
        assert_eq!(accepted.client_seq.get(), client_seq, "each once, in order");
    }
    let ended = gateway.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let words = format!("told to end: the last {} commands are answered", refused - 2);
    assert!(told(&ended, &words), "no {words:?}: {ended:#?}");
}

#[test]
fn it_waits_no_longer_than_it_may() {
    let (mut venue, _client) = with_open_commands(300);
    let gateway = venue.take("gateway");
    gateway.terminate();
    let ended = gateway.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let words = format!("told to end with {OPEN} commands unanswered");
    assert!(told(&ended, &words), "no {words:?}: {ended:#?}");
    signal(venue.role("engine"), "CONT");
}

#[test]
fn with_nothing_open_it_ends_at_once() {
    let mut venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 1);
    client.ask(&bytes(&client.order(1))).accepted();
    let gateway = venue.take("gateway");
    gateway.terminate();
    let ended = gateway.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!told(&ended, "told to end"), "{ended:#?}");
}
