//! The roles joined, on the simulated network: nothing lost, nothing twice, whatever the network
//! does; and who loses a stream that it needs says so.

mod appliance;

use appliance::checks::{Tally, check, check_feeds};
use appliance::{Appliance, Options};
use vesta_sim::SimConfig;
use vesta_wire::decode;
use vesta_wire::record::Tick;

const SECOND_NS: u64 = 1_000_000_000;
const SEEDS: u64 = 50;

/// Runs to the end; a second consumer joins in the middle.
fn run(options: Options) -> Appliance {
    let mut appliance = Appliance::start(options);
    let half = options.commands / 2;
    appliance.run_until(20 * SECOND_NS, "the first half", |a| {
        a.clients.iter().all(|client| client.answers.len() as u64 >= half)
    });
    appliance.join_feed();
    appliance.run_until(20 * SECOND_NS, "the end", Appliance::is_done);
    appliance
}

#[test]
fn whatever_the_network_does_nothing_is_lost_or_done_twice() {
    let mut tally = Tally::default();
    for seed in 0..SEEDS {
        println!("seed {seed}");
        tally += check(&run(Options::faulty(seed)));
    }
    println!("{SEEDS} seeds, {tally:?}");
    assert_eq!(tally.commands, SEEDS * 2 * 150);
    assert!(tally.trades > tally.commands / 10, "the flow trades");
    assert!(tally.resents > 0 && tally.refusals > 0, "the faults were met");
    assert!(tally.prints > tally.trades / 2, "consumers follow, and do not only load snapshots");
    assert!(tally.rejected < tally.commands / 2, "most commands do something");
    assert!(tally.moves.iter().all(|count| *count > SEEDS), "so do time and the schedule");
    assert!(tally.auction_trades > SEEDS, "auctions trade");
}

#[test]
fn on_a_calm_network_every_fill_is_told() {
    for gateways in [1, 2] {
        let tally = check(&run(Options { gateways, ..Options::calm(7) }));
        assert!(tally.fills_told >= tally.trades * 2 && tally.trades > 0, "{tally:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let hashes = |seed| {
        let appliance = run(Options::faulty(seed));
        let engine = appliance.engine.role().engine().state_hash();
        (appliance.tap.role().event_log_hash(), engine, appliance.network.trace_hash())
    };
    for seed in [3, 4, 5] {
        assert_eq!(hashes(seed), hashes(seed));
    }
    assert_ne!(hashes(3).0, hashes(4).0);
}

#[test]
fn a_partition_shorter_than_the_liveness_timeout_heals() {
    let liveness_ns = SimConfig::default().liveness_timeout_ns;
    for role in 0..4 {
        let mut appliance = Appliance::start(Options::faulty(100 + role));
        appliance.run_until(20 * SECOND_NS, "a third", |a| {
            a.clients.iter().all(|client| client.answers.len() >= 50)
        });
        let node = match role {
            0 => appliance.sequencer.node(),
            1 => appliance.engine.node(),
            2 => appliance.gateways[0].node(),
            _ => appliance.md_publisher.node(),
        };
        let until_ns = appliance.elapsed_ns() + liveness_ns / 2;
        appliance.network.cut_off(node, until_ns);
        let events = appliance.tap.role().events.len();
        appliance.run_for(liveness_ns / 4);
        if role < 2 {
            let went_on = appliance.tap.role().events.len() - events;
            assert!(went_on < 300, "the premise: role {role} is cut off, {went_on} events came");
            assert!(!appliance.is_done());
        }
        appliance.run_until(20 * SECOND_NS, "the end", Appliance::is_done);
        check(&appliance);
    }
}

/// Kills one role in the middle and waits until everybody noticed who will.
fn after_the_death_of(role: &str, exits: bool) -> Vec<(String, String)> {
    let mut appliance = Appliance::start(Options { exits, ..Options::calm(1) });
    appliance.run_until(SECOND_NS, "a third", |a| {
        a.clients.iter().all(|client| client.answers.len() >= 50)
    });
    assert_eq!(appliance.stops(), []);
    let node = match role {
        "sequencer" => appliance.sequencer.node(),
        "engine" => appliance.engine.node(),
        "gateway 0" => appliance.gateways[0].node(),
        "md-publisher" => appliance.md_publisher.node(),
        other => panic!("no role {other}"),
    };
    appliance.network.kill(node);
    appliance.run_for(SECOND_NS);
    if role == "md-publisher" {
        assert!(appliance.feeds.iter().all(|feed| !feed.consumer.is_live()), "stale, and says so");
    }
    let mut stops = appliance.stops();
    stops.sort();
    stops
}

const SILENT: &str = "its publisher went silent (no heartbeat within the image liveness timeout)";

fn stop(role: &str, reason: &str) -> (String, String) {
    (role.to_owned(), reason.to_owned())
}

#[test]
fn those_who_read_from_a_dead_role_stop_and_say_why() {
    // Roles that stop stand still here, so that what follows from their stopping is not seen.
    let lost_events = format!("lost the event log: {SILENT}");
    assert_eq!(
        after_the_death_of("engine", false),
        [
            stop("gateway 0", &lost_events),
            stop("gateway 1", &lost_events),
            stop("md-publisher", &lost_events),
        ]
    );
    let lost_back = format!("lost the sequencer's stream to the gateway: {SILENT}");
    assert_eq!(
        after_the_death_of("sequencer", false),
        [
            stop("engine", &format!("lost the input log: {SILENT}")),
            stop("gateway 0", &lost_back),
            stop("gateway 1", &lost_back),
        ]
    );
    let gateway = 0x6a7e_1000;
    assert_eq!(
        after_the_death_of("gateway 0", false),
        [stop("sequencer", &format!("gateway {gateway}: lost the orders: {SILENT}"))]
    );
    assert_eq!(after_the_death_of("md-publisher", false), []);
}

#[test]
fn a_role_that_exits_takes_its_readers_with_it() {
    let closed = "its publisher closed it";
    let stops = after_the_death_of("sequencer", true);
    assert_eq!(stops.len(), 4, "{stops:?}");
    assert!(stops.contains(&stop("md-publisher", &format!("lost the event log: {closed}"))));
}

#[test]
fn a_consumer_that_was_cut_off_for_long_comes_back() {
    let mut appliance = Appliance::start(Options::calm(2));
    appliance.run_until(SECOND_NS, "a third, seen by the consumer", |a| {
        let is_third = a.clients.iter().all(|client| client.answers.len() >= 50);
        is_third && a.feeds[0].consumer.counters().trades > 0
    });
    let node = appliance.feeds[0].node();
    let until_ns = appliance.elapsed_ns() + SECOND_NS;
    appliance.network.cut_off(node, until_ns);
    appliance.run_for(SECOND_NS);
    appliance.run_until(20 * SECOND_NS, "the end", Appliance::is_done);
    check_feeds(&appliance);
    let counters = appliance.feeds[0].consumer.counters();
    assert!(counters.snapshots >= 4, "each book was loaded again: {counters:?}");
}

#[test]
fn what_was_applied_before_the_log_ended_is_published() {
    for seed in 0..10 {
        let mut appliance = Appliance::start(Options { exits: false, ..Options::calm(seed) });
        appliance.run_until(SECOND_NS, "some orders", |a| {
            a.clients.iter().all(|client| client.answers.len() as u64 >= 20 + seed)
        });
        appliance.sequencer.exit();
        appliance.run_until(SECOND_NS, "the engine's stop", |a| a.engine.stop().is_some());
        appliance.run_for(SECOND_NS / 100);
        let applied = appliance.engine.role().engine().next_seq().0 - 1;
        let tap = appliance.tap.role();
        let events = appliance.engine.role().event_seq().0;
        assert_eq!(tap.events.len() as u64, events, "seed {seed}");
        // Every record has an event of its own but a tick, which may have none.
        let is_tick = |bytes: &Vec<u8>| decode::<Tick>(bytes).is_ok();
        let ticks = tap.records[..applied as usize].iter().rev().take_while(|r| is_tick(r)).count();
        let last = applied - ticks as u64;
        assert!((last..=applied).contains(&tap.last_cause()), "seed {seed}");
    }
}

#[test]
fn market_data_that_a_slow_consumer_held_up_is_dropped_and_the_gap_is_seen() {
    let mut options = Options { md_pending_bytes_max: 1_000, ..Options::calm(3) };
    options.network.window_bytes = 4_096;
    let mut appliance = Appliance::start(options);
    appliance.run_until(SECOND_NS, "a third, seen by the consumer", |a| {
        let is_third = a.clients.iter().all(|client| client.answers.len() >= 50);
        is_third && a.feeds[0].consumer.counters().trades > 0
    });
    // Too short for anybody to be given up: the publisher waits, and the venue does not.
    let node = appliance.feeds[0].node();
    let until_ns = appliance.elapsed_ns() + options.network.liveness_timeout_ns / 2;
    appliance.network.cut_off(node, until_ns);
    appliance.run_until(20 * SECOND_NS, "the end", Appliance::is_done);
    assert!(appliance.md_publisher.role().counters().dropped > 0, "the premise");
    let counters = appliance.feeds[0].consumer.counters();
    assert!(counters.gaps > 0 && counters.snapshots >= 4, "{counters:?}");
    check(&appliance);
}
