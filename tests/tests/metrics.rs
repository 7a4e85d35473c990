//! What real processes serve to Prometheus and to a supervisor.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use vesta_tests::metrics::{Scrape, get};
use vesta_tests::roles::{Places, ROLES, Venue, command};
use vesta_tests::running::{Running, wait_for};

/// What every scrape must be: of this role alone, with everything under a name of its own.
fn assert_sound(scrape: &Scrape, roles: &[&str]) {
    for sample in scrape.samples.keys() {
        let is_ours = |role: &&str| sample.contains(&format!("role=\"{role}\""));
        assert!(roles.iter().any(is_ours), "whose is {sample}?");
        assert!(sample.contains("shard=\"1\""), "{sample}");
        assert!(!sample.starts_with("vesta_other"), "it has no metric: {sample}");
    }
    for role in roles {
        let role = format!("role=\"{role}\"");
        let build = scrape.all("vesta_build_info", &[&role]);
        assert_eq!(build.len(), 1, "{build:?}");
        for label in ["version=\"", "commit=\"", "datapath=\""] {
            assert!(build[0].0.contains(label) && build[0].1 == 1.0, "{build:?}");
        }
        assert_eq!(scrape.value("vesta_ready", &[&role]), 1.0);
        assert!(scrape.value("vesta_counters_age_seconds", &[&role]) < 60.0);
        assert_eq!(scrape.value("vesta_counters_left_out", &[&role]), 0.0);
    }
}

/// What only grows has not shrunk.
fn assert_grown(before: &Scrape, after: &Scrape) {
    for (sample, was) in &before.samples {
        let Some(is) = after.samples.get(sample) else { continue };
        assert!(!after.only_grows(sample) || is >= was, "{sample} fell from {was} to {is}");
    }
}

#[test]
fn each_role_serves_what_it_counts() {
    const ORDERS: u64 = 2_000;
    let places = Places::claim();
    let metrics = places.metrics();
    let mut venue = Venue::start_on(places, "", &metrics);
    let places = venue.places();
    let config = places.folder().join("vesta.toml");
    let scrape = |role: &str| Scrape::of(places.metrics_of(role));
    // A role says that it is ready, and writes it with its next numbers.
    let before = ROLES.map(|role| {
        wait_for("a role to count that it is ready", || {
            let scrape = scrape(role);
            (scrape.all("vesta_ready", &[]).iter().any(|(_, n)| *n == 1.0)).then_some(scrape)
        })
    });
    for (role, scrape) in ROLES.iter().zip(&before) {
        assert_sound(scrape, &[role]);
        let health = |path| get(places.metrics_of(role), path).expect("it listens");
        assert_eq!(health("/healthz"), (200, "ready\n".to_owned()));
        assert_eq!(health("/livez"), (200, "alive\n".to_owned()));
        assert_eq!(health("/").0, 404);
    }

    // Meanwhile others keep connections open, and send what is no request.
    let crowd: Vec<TcpStream> = (0..100)
        .filter_map(|n| {
            let mut stream = TcpStream::connect(places.metrics_of(ROLES[n % 4])).ok()?;
            let _ = stream.write_all(&[n as u8; 300]);
            Some(stream)
        })
        .collect();
    let mut flow = command("vesta", &config);
    flow.args(["flow", "--orders", &ORDERS.to_string(), "--json"]).current_dir(places.folder());
    let flow = Running::start("flow", flow).end();
    assert_eq!(flow.code, Some(0), "{:?}", flow.stderr);
    let answered = flow.json()["answered"].as_u64().expect("a number") as f64;

    // Written within counters.interval_ms, and served anew after 0.1 s.
    let after = wait_for("all of the flow to be counted", || {
        let after = ROLES.map(scrape);
        let events = [0, 2, 3].map(|n| after[n].value("vesta_events_total", &[]));
        (events[0] > 0.0 && events.iter().all(|count| *count == events[0])).then_some(after)
    });
    drop(crowd);
    let [gateway, sequencer, engine, publisher] = &after;
    for ((role, before), after) in ROLES.iter().zip(&before).zip(&after) {
        assert_sound(after, &[role]);
        assert_grown(before, after);
        assert!(after.value("vesta_hop_seconds_count", &[]) > 0.0, "{role}");
        assert!(after.value("vesta_hop_seconds_sum", &[]) > 0.0, "{role}");
        let buckets = after.all("vesta_hop_seconds_bucket", &["le=\"+Inf\""]);
        assert_eq!(buckets[0].1, after.value("vesta_hop_seconds_count", &[]), "{role}");
        assert!(after.value("vesta_driver_received_bytes_total", &[]) > 0.0, "{role}");
    }
    let forwarded = gateway.value("vesta_forwarded_total", &[]);
    assert_eq!(forwarded, answered);
    assert_eq!(sequencer.value("vesta_sequenced_total", &[]), forwarded);
    let orders = ["stream=\"orders\"", "stream_id=\"10\""];
    assert_eq!(
        // And that it is there, which it says before it takes any.
        gateway.value("vesta_stream_sent_messages_total", &orders) + 1.0,
        sequencer.value("vesta_stream_received_messages_total", &orders),
    );
    assert_eq!(
        engine.value("vesta_stream_sent_bytes_total", &["stream=\"event_log\""]),
        publisher.value("vesta_stream_received_bytes_total", &["stream=\"event_log\""]),
    );
    assert_eq!(engine.value("vesta_stream_receivers", &["stream=\"event_log\""]), 2.0);
    assert!(engine.value("vesta_stream_window_left_bytes", &["stream=\"event_log\""]) > 0.0);
    let rejected = engine.value("vesta_rejected_total", &[]);
    let by_reason =
        engine.all("vesta_rejected_by_reason_total", &[]).iter().map(|(_, n)| n).sum::<f64>();
    assert_eq!(rejected, by_reason);
    assert!(!publisher.all("vesta_book_price", &["side=\"bid\""]).is_empty());

    // They are the numbers that `inspect counters` shows.
    let mut inspect = command("vesta", &config);
    inspect.args(["inspect", "counters", "--json"]);
    let json = Running::start("inspect", inspect).end().json();
    let role = json["roles"].as_array().expect("a list").iter().find(|r| r["role"] == "engine");
    let counters = role.expect("it runs")["counters"].as_array().expect("a list");
    let is_trades = |c: &&Value| c["name"] == "trades" && c["scope"] == "";
    let trades = counters.iter().find(is_trades).expect("told")["value"].as_u64();
    assert_eq!(trades.map(|n| n as f64), Some(engine.value("vesta_trades_total", &[])));
    let served: Vec<_> = ROLES.map(|role| venue.places().metrics_of(role)).into();
    venue.assert_alive();
    let _ = venue.end();
    for place in served {
        assert_eq!(get(place, "/metrics"), None, "the port goes with the process");
    }
}

#[test]
fn a_role_that_waits_says_so() {
    let places = Places::claim();
    let file = places.write(&places.config("", &places.metrics()));
    let mut role = Running::start("engine", command("vesta-engine", &file));
    role.wait_line("where its metrics are", |line| {
        line.ends_with(&format!("metrics at http://{}/metrics", places.metrics_of("engine")))
            .then_some(())
    });
    role.wait_line("that it has started", |line| line.contains("streams are open").then_some(()));
    let health = |path| get(places.metrics_of("engine"), path).expect("it listens");
    wait_for("the first numbers", || health("/healthz").1.contains("waits for").then_some(()));
    assert_eq!(health("/healthz").0, 503);
    assert_eq!(health("/livez"), (200, "alive\n".to_owned()));
    let scrape = Scrape::of(places.metrics_of("engine"));
    assert_eq!(scrape.value("vesta_ready", &[]), 0.0);
    role.terminate();
    assert_eq!(role.end().code, Some(0));
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_port_that_is_taken_is_named_with_its_fix() {
    let places = Places::claim();
    let file = places.write(&places.config("", &places.metrics()));
    let taken = TcpListener::bind(places.metrics_of("engine")).expect("free until now");
    let ended = Running::start("engine", command("vesta-engine", &file)).end();
    assert_eq!(ended.code, Some(2));
    let port = places.metrics_of("engine").port();
    for part in [&format!("metrics.engine_port = {port}: "), "in use", "free, or 0 for no metrics"]
    {
        assert!(ended.reason().contains(part), "{}", ended.reason());
    }
    drop(taken);
    let text = places.metrics().replace("127.0.0.1", "198.51.100.7");
    let file = places.write(&places.config("", &text));
    let mut driver = command("vesta", &file);
    driver.arg("driver");
    let ended = Running::start("driver", driver).end();
    assert_eq!(ended.code, Some(2));
    for part in ["metrics.driver_port", "198.51.100.7", "set metrics.address"] {
        assert!(ended.reason().contains(part), "{}", ended.reason());
    }
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

fn start(name: &str, mut command: Command, arguments: &[&str]) -> Running {
    command.args(arguments);
    Running::start(name, command)
}

#[test]
fn the_driver_and_the_demo_serve_too() {
    let places = Places::claim();
    let directory = places.drivers().join("vesta-driver");
    let shared = format!("driver = \"shared\"\ndriver_directory = \"{}\"", directory.display());
    let file = places.write(&places.config(&shared, &places.metrics()));
    let mut driver = start("driver", command("vesta", &file), &["driver"]);
    driver.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
    let scrape = Scrape::of(places.metrics_of("driver"));
    assert_sound(&scrape, &["driver"]);
    assert_eq!(scrape.value("vesta_driver_errors_total", &[]), 0.0);
    // A role on it tells of its own streams, and not of the driver.
    let mut role = Running::start("engine", command("vesta-engine", &file));
    role.wait_line("that it has started", |line| line.contains("streams are open").then_some(()));
    let scrape = wait_for("its first numbers", || {
        let scrape = Scrape::of(places.metrics_of("engine"));
        (scrape.all("vesta_ready", &[]).len() == 1).then_some(scrape)
    });
    assert_eq!(scrape.all("vesta_driver_errors_total", &[]).len(), 0);
    assert_eq!(scrape.all("vesta_stream_sent_messages_total", &["event_log"]).len(), 1);
    for running in [role, driver] {
        running.terminate();
        assert_eq!(running.end().code, Some(0));
    }

    let file = places.write(&places.config("", &places.metrics()));
    let mut demo = command("vesta", &file);
    demo.current_dir(places.folder());
    // A minute's worth: it is ended long before.
    let demo = start("demo", demo, &["demo", "--orders", "6000", "--rate", "100"]);
    let place = places.metrics_of("demo");
    wait_for("the demo to be ready", || {
        get(place, "/healthz").filter(|(status, _)| *status == 200)
    });
    let scrape = Scrape::of(place);
    assert_sound(&scrape, &ROLES);
    assert_eq!(scrape.all("vesta_driver_errors_total", &[]).len(), 1, "they share one driver");
    demo.terminate();
    let _ = demo.end();
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}
