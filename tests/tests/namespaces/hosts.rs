//! What becomes of a venue over several hosts when a link goes down, a process is stopped, a network
//! has another MTU, or a publisher comes back: each drill says what must follow.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use vesta_tests::netns::can_make_namespaces;
use vesta_tests::running::{Ended, signal};

use crate::site::{FAR, OUTSIDE, Site, Venue, books_of, equal_books, settled, wait_event};

#[test]
fn netns_links_and_stops() {
    if can_make_namespaces("netns_links_and_stops") {
        drills("multicast");
    }
}

#[test]
fn netns_links_and_stops_on_mdc() {
    if can_make_namespaces("netns_links_and_stops_on_mdc") {
        drills("mdc");
    }
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// A consumer that ended by itself says that the feed was lost.
fn assert_lost(ended: &Ended) {
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.reason().contains("lost the market data"), "{ended:#?}");
}

fn drills(mode: &str) {
    let site = Site::new(mode);
    let mut venue = Venue::start(&site);
    let mut session = 1;
    // Each flow has sessions of its own.
    let mut flow = || {
        session += 10;
        site.flow(2_000, 1_000, session)
    };
    let event_of = |said: Value| said["event_seq"].as_u64().expect("a number");

    let pair = || {
        let mut pair = [FAR, OUTSIDE].map(|host| site.consumer_on(host, host, &[]));
        for consumer in &mut pair {
            wait_event(consumer, 1);
        }
        pair
    };

    // Down for less than the liveness: what was missed is repaired, or made up for by a snapshot.
    let consumers = pair();
    let trading = flow();
    site.lan.change(FAR, "link set eth0 down");
    pause(1_000);
    site.lan.change(FAR, "link set eth0 up");
    site.lan.change(FAR, "route replace 224.0.0.0/4 dev eth0");
    settled(trading);
    equal_books(consumers);

    // Down for longer: it says that it lost the feed, and the venue has not noticed.
    let mut far = site.consumer_on(FAR, "far consumer", &[]);
    wait_event(&mut far, 1);
    let trading = flow();
    site.lan.change(FAR, "link set eth0 down");
    assert_lost(&far.end());
    site.lan.change(FAR, "link set eth0 up");
    site.lan.change(FAR, "route replace 224.0.0.0/4 dev eth0");
    settled(trading);

    // A reader of market data that is stopped for 3 s: nobody waits for it. It follows again, or it
    // says that it lost the feed.
    let [mut far, steady] = pair();
    let trading = flow();
    signal(&far, "STOP");
    pause(3_000);
    signal(&far, "CONT");
    settled(trading);
    pause(200);
    if far.is_running() {
        equal_books([far, steady]);
    } else {
        assert_lost(&far.end());
    }

    // A reader of the log that is stopped for less than the liveness: everybody waits for it, and
    // every command is answered.
    let trading = flow();
    pause(300);
    let gateway = venue.role("gateway");
    signal(gateway, "STOP");
    pause(2_000);
    signal(gateway, "CONT");
    let event = event_of(settled(trading));

    // Datagrams that do not fit a link: who sits behind it never shows books that are not the
    // venue's.
    site.lan.change(FAR, "link set eth0 mtu 576");
    let far = site.consumer_on(FAR, "consumer behind a narrow link", &[]);
    settled(flow());
    pause(500);
    let narrow = books_of(far);
    site.lan.change(FAR, "link set eth0 mtu 1500");
    let event_far = narrow["event_seq"].as_u64().unwrap_or(0);
    assert!(narrow["live"] == false || event_far >= event, "{narrow}");

    // A publisher that comes back is another one: its readers end, with the reason, and it must not
    // run on half a log.
    let mut far = site.consumer_on(FAR, "far consumer", &[]);
    wait_event(&mut far, event);
    venue.take("md-publisher").kill();
    let again = site.role("md-publisher", crate::site::CORE);
    assert_lost(&far.end());
    let again = again.end();
    assert_eq!(again.code, Some(1), "{again:#?}");
    assert!(again.reason().contains("joined the event log late"), "{again:#?}");
    settled(flow());

    // Stopped for longer, and a publisher too: who reads from it says that it lost it.
    signal(venue.role("gateway"), "STOP");
    let sequencer = venue.take("sequencer").end();
    signal(venue.role("gateway"), "CONT");
    assert_eq!(sequencer.code, Some(1), "{sequencer:#?}");
    assert!(sequencer.reason().contains("gateway 1: lost the orders"), "{sequencer:#?}");
    for role in venue.roles {
        let ended = role.end();
        assert!(ended.reason().contains("lost the "), "{ended:#?}");
    }
    assert_eq!(site.driver_files(), BTreeSet::new());
}
