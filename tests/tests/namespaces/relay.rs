//! Market data in pods that multicast does not reach: `vesta md relay` on their node.
//!
//! ```text
//!   core: md-publisher --multicast--> far: relay --unicast, routed--> pods: consumers
//! ```

use serde_json::Value;
use vesta_tests::netns::can_make_namespaces;
use vesta_tests::running::{Running, signal};

use crate::site::{FAR, Site, Venue, equal_books, settled, wait_event};

const PODS: [&str; 2] = ["pod1", "pod2"];

fn relay(site: &Site) -> Running {
    let mut command = site.program(FAR, "vesta");
    command.args(["--json", "md", "relay", "--address", &site.lan.address(FAR)]);
    Running::start("relay", command)
}

fn is_ready(line: &str) -> Option<()> {
    line.ends_with(": ready").then_some(())
}

/// A consumer in a pod has said so many times that its books are STALE, and that they are live.
fn wait_state(pod: &mut Running, state: &str, times: usize) {
    let line = format!("vesta md: books are {state} at event ");
    vesta_tests::running::wait_for(&format!("{} to be {state}", pod.name()), || {
        assert!(pod.is_running(), "{} ended: {:#?}", pod.name(), pod.stderr());
        let said = pod.stderr().iter().filter(|said| said.starts_with(&line)).count();
        (said >= times).then_some(())
    });
}

#[test]
fn netns_pods_have_the_books_of_the_venue() {
    if !can_make_namespaces("netns_pods_have_the_books_of_the_venue") {
        return;
    }
    let mut site = Site::new("multicast");
    for pod in PODS {
        site.lan.add_pod(pod, FAR);
    }
    let node = site.lan.address(FAR);
    // In any order: the pods and their relay before the venue.
    let mut pods = PODS.map(|pod| site.consumer_on(pod, pod, &["--relay", &node]));
    let first = relay(&site);
    pods[0].wait_line("what it waits for", |line| {
        line.contains("nothing heard on stream 40: waits for a relay at ").then_some(())
    });
    let venue = Venue::start(&site);
    let mut direct = site.consumer_on(FAR, "direct", &[]);
    for consumer in pods.iter_mut().chain([&mut direct]) {
        wait_event(consumer, 1);
    }

    // One pod stands still: the other is not slowed, and the first catches up.
    let flow = site.flow(4_000, 2_000, 1);
    wait_event(&mut pods[0], 500);
    signal(&pods[0], "STOP");
    let event = settled(flow)["event_seq"].as_u64().expect("a number");
    wait_event(&mut pods[1], event);
    wait_event(&mut direct, event);
    signal(&pods[0], "CONT");
    wait_event(&mut pods[0], event);

    // The relay dies while orders flow, and another takes its place: the pods stay.
    let flow = site.flow(3_000, 1_500, 11);
    first.kill();
    let mut second = relay(&site);
    second.wait_line("ready", is_ready);
    let event = settled(flow)["event_seq"].as_u64().expect("a number");
    for pod in &mut pods {
        wait_event(pod, event);
        wait_state(pod, "live", 2);
    }
    let [one, two] = pods;
    let books = equal_books([one, two, direct]);
    assert_eq!(books["live"], Value::from(true), "{books}");
    let orders = books["books"].as_array().expect("a list").iter();
    assert!(orders.filter_map(|book| book["orders"].as_u64()).sum::<u64>() > 0, "{books}");

    second.terminate();
    let ended = second.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let said = ended.json();
    assert_eq!(said["market_data"]["feed_gaps"], Value::from(0), "{said}");
    assert_eq!(said["market_data"]["dropped"], Value::from(0), "{said}");
    assert!(said["market_data"]["passed_on"].as_u64() > Some(100), "{said}");
    venue.shut_down();
    let files = site.driver_files();
    // Only what the killed relay left, which the next start of a role would have removed.
    assert!(files.iter().all(|file| file.contains("md-relay")), "{files:?}");
}
