//! The installed binaries as processes of their own, on multicast and on MDC between network
//! namespaces.
//!
//! ```text
//!   core: sequencer, engine, md-publisher     edge: gateway     outside: clients, consumers
//! ```
//!
//! Everything that one process tells another crosses a bridge: nothing here is on loopback.

mod hosts;
mod relay;
mod site;
mod trouble;

use std::collections::BTreeSet;

use serde_json::Value;
use vesta_tests::netns::can_make_namespaces;
use vesta_tests::running::wait_for;

use site::{ROLES, Site, Venue, books_at_end_of, books_of, settled, wait_event};

#[test]
fn netns_books_are_equal() {
    if can_make_namespaces("netns_books_are_equal") {
        books_are_equal("multicast");
    }
}

#[test]
fn netns_books_are_equal_on_mdc() {
    if can_make_namespaces("netns_books_are_equal_on_mdc") {
        books_are_equal("mdc");
    }
}

fn books_are_equal(mode: &str) {
    let site = Site::new(mode);
    // Consumers first: a feed may come up after those who read it.
    let mut steady = site.consumer("steady consumer", &[]);
    let mut doomed = site.consumer("doomed consumer", &[]);
    let mut venue = Venue::start(&site);
    for role in &venue.roles {
        let lines = role.stderr();
        let datapath = lines.iter().find(|line| line.contains(": datapath "));
        let datapath = datapath.unwrap_or_else(|| panic!("{} names no datapath", role.name()));
        assert!(datapath.contains(": datapath uring: "), "{datapath}");
    }

    let mut flow = site.flow(20_000, 4_000, 1);
    wait_event(&mut doomed, 2_000);
    let doomed_pid = doomed.pid();
    doomed.kill();
    site.assert_left_behind(doomed_pid);
    let mut restarted = site.consumer("restarted consumer", &[]);
    wait_event(&mut restarted, 1);
    site.assert_cleared(doomed_pid);
    let mut late = site.consumer("late consumer", &[]);
    wait_event(&mut late, 1);
    assert!(flow.is_running(), "both are to join while orders flow: make the flow longer");

    let event = settled(flow)["event_seq"].as_u64().expect("a number");
    for consumer in [&mut steady, &mut restarted, &mut late] {
        wait_event(consumer, event);
    }
    // By now all is quiet; and whoever comes after that has the same books.
    let after = site.consumer("consumer after the end", &["--until-event", &event.to_string()]);
    let after = books_at_end_of(after);
    let [steady, restarted, late] = [steady, restarted, late].map(books_of);
    for (name, said) in [("restarted", &restarted), ("late", &late), ("after the end", &after)] {
        assert_eq!(said["event_seq"], steady["event_seq"], "{name}");
        assert_eq!(said["books"], steady["books"], "{name}");
    }
    for said in [&steady, &restarted, &late, &after] {
        assert_eq!(said["live"], Value::from(true), "{said}");
    }
    assert_eq!(steady["gaps"], Value::from(0), "{steady}");
    assert!(steady["trades"].as_u64() > late["trades"].as_u64(), "{steady}\n{late}");

    // The engine's own count has what no feed shows, too: hidden orders, and stops that wait. When everyone was asked to end, nothing is left behind.
    let books = steady["books"].as_array().expect("a list");
    let resting: u64 = books.iter().filter_map(|book| book["orders"].as_u64()).sum();
    assert!(resting > 0, "empty books are equal too");
    for role in &mut venue.roles {
        assert!(role.is_running(), "{}", role.name());
    }
    let engine = venue.shut_down();
    let counted = engine.split_once(" orders rest,").expect("a count").0;
    let counted = counted.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
    assert!(counted.is_some_and(|live| live > resting), "{resting} in books; {engine}");
    assert_eq!(site.driver_files(), BTreeSet::new());
}

/// Who ends when a role is killed, and what is in the reason that each gives: for those that read
/// from it, the stream that fell silent; for those that read from these in turn, the stream that
/// they lost. Whoever is not listed goes on.
struct Loss {
    killed: &'static str,
    ends: &'static [(&'static str, &'static [&'static str])],
}

const LOSSES: [Loss; 4] = [
    Loss {
        killed: "sequencer",
        ends: &[
            ("engine", &["lost the input log: its publisher went silent"]),
            // The engine notices at the same time, and may be the first to be gone.
            (
                "gateway",
                &[
                    "lost the sequencer's stream to the gateway: its publisher went silent",
                    "lost the event log",
                ],
            ),
            ("md-publisher", &["lost the event log"]),
            ("consumer", &["lost the market data"]),
        ],
    },
    Loss {
        killed: "engine",
        ends: &[
            ("gateway", &["lost the event log: its publisher went silent"]),
            ("md-publisher", &["lost the event log: its publisher went silent"]),
            ("sequencer", &["gateway 1: lost the orders"]),
            ("consumer", &["lost the market data"]),
        ],
    },
    Loss {
        killed: "gateway",
        ends: &[
            ("sequencer", &["gateway 1: lost the orders: its publisher went silent"]),
            ("engine", &["lost the input log"]),
            ("md-publisher", &["lost the event log"]),
            ("consumer", &["lost the market data"]),
        ],
    },
    Loss {
        killed: "md-publisher",
        ends: &[("consumer", &["lost the market data: its publisher went silent"])],
    },
];

#[test]
fn netns_who_reads_from_a_killed_role_exits_with_the_reason() {
    if !can_make_namespaces("netns_who_reads_from_a_killed_role_exits_with_the_reason") {
        return;
    }
    let site = Site::new("multicast");
    for Loss { killed, ends } in LOSSES {
        let mut venue = Venue::start(&site);
        let mut consumer = site.consumer("consumer", &[]);
        wait_event(&mut consumer, 1);
        let event = settled(site.flow(200, 2_000, 1))["event_seq"].as_u64().expect("a number");
        wait_event(&mut consumer, event);

        let role = venue.take(killed);
        let pid = role.pid();
        role.kill();
        site.assert_left_behind(pid);
        venue.roles.push(consumer);
        // All at one time: they end one after the other, in an order of their own.
        wait_for(&format!("the readers of a killed {killed} to end"), || {
            let running = venue.roles.iter_mut().filter_map(|role| {
                let runs = role.is_running();
                runs.then(|| role.name().to_owned())
            });
            let running: Vec<String> = running.collect();
            let done = !ends.iter().any(|(name, _)| running.iter().any(|role| role == name));
            done.then_some(())
        });
        for (name, reasons) in ends {
            let ended = venue.take(name).end();
            assert_eq!(ended.code, Some(1), "{name} after kill -9 of {killed}: {ended:#?}");
            assert!(
                reasons.iter().any(|reason| ended.reason().contains(reason)),
                "{name} after kill -9 of {killed}: {ended:#?}"
            );
        }

        if !venue.roles.is_empty() {
            // The venue trades without it; on sessions that have not traded.
            settled(site.flow(200, 2_000, 11));
            venue.shut_down();
        }
        // Who ended with a reason left nothing behind; what the killed one left goes at the next
        // start of anything.
        let (_, host) = ROLES.iter().find(|(name, _)| *name == killed).expect("a role");
        let mut next = site.role(killed, host);
        let removed = format!("left behind by process {pid},");
        next.wait_line(&removed, |line| line.contains(&removed).then_some(()));
        next.terminate();
        assert_eq!(next.end().code, Some(0));
        assert_eq!(site.driver_files(), BTreeSet::new(), "after kill -9 of {killed}");
    }
}
