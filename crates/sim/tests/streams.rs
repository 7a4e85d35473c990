//! The faults of simulated streams, and that a seed decides them.

use vesta_sim::{
    FlowControl, SimConfig, SimNetwork, SimPublication, SimSubscription, SimTransport,
};
use vesta_transport::{
    Duty, Flow, Input, OfferError, Publication, StreamId, Subscription, Transport,
};

const STEP_NS: u64 = 10_000;
const CHANNEL: &str = "sim:streams";
const STREAM: StreamId = StreamId(20);

/// A publisher node and a reader node on one stream, and what the reader was given.
struct Pair {
    network: SimNetwork,
    publisher: SimTransport,
    reader: SimTransport,
    publication: SimPublication,
    subscription: SimSubscription,
    seen: Vec<String>,
}

impl Pair {
    fn joined(config: SimConfig) -> Self {
        let network = SimNetwork::new(config);
        let (mut publisher, mut reader) = (network.add_node(), network.add_node());
        let publication = publisher.add_publication(CHANNEL, STREAM).expect("simulated");
        let subscription = reader.add_subscription(CHANNEL, STREAM).expect("simulated");
        let mut pair =
            Self { network, publisher, reader, publication, subscription, seen: Vec::new() };
        pair.run_ms(10);
        assert_eq!(pair.seen, ["joined 0"]);
        pair.seen.clear();
        pair
    }

    fn now_ns(&self) -> u64 {
        self.network.clock().now_ns()
    }

    /// One step of both nodes, without polling.
    fn step(&mut self) {
        // A killed node reports an error: that is what the test wanted.
        let _ = self.publisher.do_work();
        let _ = self.reader.do_work();
        self.network.clock().advance(STEP_NS);
    }

    fn poll(&mut self) {
        let seen = &mut self.seen;
        self.subscription.poll(100, &mut |input| {
            seen.push(describe(input));
            Flow::Taken
        });
    }

    fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms * 1_000_000 / STEP_NS {
            self.step();
            self.poll();
        }
    }

    fn offer(&mut self, number: u8) {
        self.publication.offer(&[number]).expect("connected and not full");
    }
}

fn describe(input: Input<'_>) -> String {
    match input {
        Input::Joined { position, .. } => format!("joined {position}"),
        Input::Fragment(fragment) => format!("message {}", fragment.bytes[0]),
        Input::Lost { position, end_of_stream, .. } => {
            format!("lost {position} end_of_stream={end_of_stream}")
        }
    }
}

/// A busy run with loss, a cut and a kill; returns the network's trace and what was delivered.
fn eventful_run(seed: u64) -> (u64, Vec<String>) {
    let mut pair = Pair::joined(SimConfig { seed, loss_ppm: 50_000, ..SimConfig::default() });
    for number in 0..100 {
        pair.offer(number);
        pair.run_ms(1);
        if number == 50 {
            pair.network.cut_off(pair.reader.node(), pair.now_ns() + 3_000_000);
        }
    }
    pair.network.kill(pair.publisher.node());
    pair.run_ms(300);
    (pair.network.trace_hash(), pair.seen)
}

#[test]
fn the_same_seed_is_the_same_run() {
    let (trace, seen) = eventful_run(1);
    assert_eq!((trace, seen.clone()), eventful_run(1));

    let (other_trace, other_seen) = eventful_run(2);
    assert_ne!(trace, other_trace, "another seed, and yet the same packets at the same times");
    assert_eq!(seen, other_seen, "the faults of a network may not change what is delivered");
    assert_eq!(seen.len(), 101);
}

#[test]
fn lost_data_is_repaired_later_and_holds_back_only_its_own_image() {
    let config = SimConfig { loss_ppm: 300_000, repair_ns: 2_000_000, ..SimConfig::default() };
    let mut pair = Pair::joined(config);
    let mut waits_ns = Vec::new();
    for number in 0..50 {
        let offered_ns = pair.now_ns();
        pair.offer(number);
        while pair.seen.len() <= usize::from(number) {
            pair.step();
            pair.poll();
        }
        waits_ns.push(pair.now_ns() - offered_ns);
    }
    let repaired = waits_ns.iter().filter(|&&wait_ns| wait_ns > 2_000_000).count();
    assert!((5..25).contains(&repaired), "30 % of 50 came out as {repaired}");
    let all: Vec<_> = (0..50).map(|number| format!("message {number}")).collect();
    assert_eq!(pair.seen, all);
}

#[test]
fn streams_overtake_one_another() {
    let mut pair = Pair::joined(SimConfig { latency_max_ns: 400_000, ..SimConfig::default() });
    let other_stream = StreamId(21);
    let mut other = pair.publisher.add_publication(CHANNEL, other_stream).expect("simulated");
    let mut others = pair.reader.add_subscription(CHANNEL, other_stream).expect("simulated");
    pair.run_ms(10);

    let mut overtaken = 0;
    for number in 0..50 {
        pair.offer(number);
        pair.step();
        other.offer(&[number]).expect("connected and not full");
        // Whether the later one is there when the earlier one is not yet.
        for _ in 0..100 {
            pair.step();
            pair.poll();
            let is_first_here = pair.seen.len() > usize::from(number);
            let arrived = others.poll(10, &mut |_| Flow::Taken) > 0;
            overtaken += u32::from(arrived && !is_first_here);
        }
    }
    assert!(overtaken > 5, "{overtaken} of 50 overtaken");
}

#[test]
fn a_kill_loses_what_was_not_sent_and_delivers_what_was() {
    let mut pair = Pair::joined(SimConfig::default());
    pair.offer(1);
    pair.step();
    pair.offer(2);
    pair.network.kill(pair.publisher.node());
    assert_eq!(pair.publication.offer(&[3]), Err(OfferError::Closed));
    assert!(!pair.publication.is_connected());
    assert!(pair.publisher.do_work().is_err());
    pair.run_ms(190);
    assert_eq!(pair.seen, ["message 1"], "lost before the liveness timeout");
    pair.run_ms(20);
    assert_eq!(pair.seen, ["message 1", "lost 64 end_of_stream=false"]);
}

#[test]
fn a_killed_reader_disconnects_after_the_connection_timeout() {
    let mut pair = Pair::joined(SimConfig::default());
    pair.network.kill(pair.reader.node());
    pair.run_ms(190);
    assert!(pair.publication.is_connected());
    pair.run_ms(20);
    assert!(!pair.publication.is_connected());
    assert_eq!(pair.publication.offer(&[1]), Err(OfferError::NotConnected));
    assert_eq!(pair.seen, [""; 0], "a dead node delivered something");
}

#[test]
fn a_short_cut_stalls_and_loses_nothing() {
    let mut pair = Pair::joined(SimConfig::default());
    pair.network.cut_off(pair.reader.node(), pair.now_ns() + 100_000_000);
    for number in 0..5 {
        pair.offer(number);
    }
    pair.run_ms(99);
    assert_eq!(pair.seen, [""; 0], "something came through the cut");
    pair.run_ms(10);
    assert_eq!(pair.seen, ["message 0", "message 1", "message 2", "message 3", "message 4"]);
    pair.run_ms(500);
    assert_eq!(pair.seen.len(), 5, "the stream did not go on as before");
}

#[test]
fn a_long_cut_loses_the_image_and_joins_again_late() {
    let mut pair = Pair::joined(SimConfig::default());
    pair.offer(1);
    pair.run_ms(1);
    pair.network.cut_off(pair.publisher.node(), u64::MAX);
    pair.offer(2);
    pair.run_ms(250);
    assert_eq!(pair.seen, ["message 1", "lost 64 end_of_stream=false"]);
    assert_eq!(pair.publication.offer(&[3]), Err(OfferError::NotConnected));

    pair.network.heal(pair.publisher.node());
    pair.run_ms(20);
    pair.offer(4);
    pair.run_ms(1);
    assert_eq!(pair.seen[2..], ["joined 128", "message 4"], "message 2 came after its image's end");
}

#[test]
fn a_cut_of_any_length_never_reorders_nor_hides_a_hole() {
    // Cuts of every length around both timeouts, under traffic: what is delivered only grows.
    for length_ms in (150..260).step_by(10) {
        let mut pair = Pair::joined(SimConfig { seed: length_ms, ..SimConfig::default() });
        pair.network.cut_off(pair.reader.node(), pair.now_ns() + length_ms * 1_000_000);
        let mut number = 0;
        for _ in 0..100 {
            if pair.publication.offer(&[number]).is_ok() {
                number += 1;
            }
            pair.run_ms(4);
        }
        let numbers: Vec<u8> = pair
            .seen
            .iter()
            .filter_map(|line| line.strip_prefix("message "))
            .map(|number| number.parse().expect("written by describe"))
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{length_ms} ms: {numbers:?}");
        assert_eq!(numbers.last(), Some(&(number - 1)), "{length_ms} ms: did not recover");
        let lost = pair.seen.iter().any(|line| line.starts_with("lost"));
        assert!(lost || numbers.len() == usize::from(number), "{length_ms} ms: a silent hole");
    }
}

#[test]
fn flow_control_decides_whether_a_reader_that_stalls_stops_the_stream() {
    for flow_control in [FlowControl::Slowest, FlowControl::Fastest] {
        let mut pair = Pair::joined(SimConfig { flow_control, ..SimConfig::default() });
        let mut fast_node = pair.network.add_node();
        let mut fast = fast_node.add_subscription(CHANNEL, STREAM).expect("simulated");
        let mut fast_count = 0;
        let mut taken = 0;
        for _ in 0..20_000 {
            taken += usize::from(pair.publication.offer(&[1; 1000]).is_ok());
            pair.step();
            fast_node.do_work().expect("alive");
            fast_count += fast.poll(10, &mut |_| Flow::Taken);
        }
        pair.run_ms(300);
        let is_lost = pair.seen.iter().any(|line| line.ends_with("end_of_stream=false"));
        match flow_control {
            FlowControl::Slowest => {
                assert!(taken < 80, "{taken} messages past a reader that stalls");
                assert!(!is_lost, "lost a reader that counts");
            }
            FlowControl::Fastest => {
                assert!(taken > 1_000 && fast_count > 1_000, "held up by the slow reader");
                assert!(is_lost, "a reader that was overrun kept its image");
                assert!(pair.seen.len() < 80, "more than a window was kept for it");
            }
        }
    }
}

#[test]
fn a_handler_may_offer_on_the_same_network() {
    let mut pair = Pair::joined(SimConfig::default());
    pair.offer(7);
    for _ in 0..100 {
        pair.step();
    }
    let publication = &mut pair.publication;
    let taken = pair.subscription.poll(1, &mut |_| {
        publication.offer(&[8]).expect("connected and not full");
        Flow::Taken
    });
    assert_eq!(taken, 1);
    pair.run_ms(1);
    assert_eq!(pair.seen, ["message 8"]);
}

#[test]
#[should_panic(expected = "no message fits the window")]
fn a_window_below_one_message_is_refused() {
    let _ = SimNetwork::new(SimConfig { window_bytes: 1_024, ..SimConfig::default() });
}
