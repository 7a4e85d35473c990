//! The faults of simulated datagrams, and that a seed decides them.

use std::net::SocketAddr;

use vesta_sim::{DatagramFaults, SimConfig, SimDatagrams, SimNetwork, SimTransport};
use vesta_transport::{DatagramSocket, SendOutcome};

struct Pair {
    network: SimNetwork,
    nodes: [SimTransport; 2],
    client: SimDatagrams,
    server: SimDatagrams,
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn pair(seed: u64, datagrams: DatagramFaults) -> Pair {
    let network = SimNetwork::new(SimConfig { seed, datagrams, ..SimConfig::default() });
    let nodes = [network.add_node(), network.add_node()];
    let client = network.bind(nodes[0].node(), address(1)).expect("free");
    let server = network.bind(nodes[1].node(), address(2)).expect("free");
    Pair { network, nodes, client, server }
}

impl Pair {
    /// What has arrived at the server by now.
    fn received(&mut self) -> Vec<u16> {
        let mut buffer = [0; 64];
        let mut numbers = Vec::new();
        while let Some((len, from)) = self.server.receive(&mut buffer) {
            assert_eq!((len, from), (2, address(1)));
            numbers.push(u16::from_le_bytes([buffer[0], buffer[1]]));
        }
        numbers
    }

    /// Sends 1,000 numbers, a microsecond apart, and returns what arrives, in its order.
    fn run(&mut self) -> Vec<u16> {
        for number in 0..1_000_u16 {
            self.client.send(&number.to_le_bytes(), address(2));
            self.network.clock().advance(1_000);
        }
        self.network.clock().advance(1_000_000);
        self.received()
    }
}

#[test]
fn without_faults_everything_arrives_after_its_latency() {
    let mut pair = pair(0, DatagramFaults::default());
    assert_eq!(pair.client.send(&7_u16.to_le_bytes(), address(2)), SendOutcome::Sent);
    pair.network.clock().advance(19_999);
    assert_eq!(pair.received(), [0; 0]);
    pair.network.clock().advance(1);
    assert_eq!(pair.received(), [7]);
    assert_eq!(pair.run(), (0..1_000).collect::<Vec<_>>());
}

#[test]
fn the_same_seed_is_the_same_run() {
    let faults = DatagramFaults {
        loss_ppm: 100_000,
        duplicate_ppm: 100_000,
        full_ppm: 50_000,
        latency_max_ns: 200_000,
        ..DatagramFaults::default()
    };
    let run = |seed| {
        let mut pair = pair(seed, faults);
        let received = pair.run();
        (received, pair.network.trace_hash())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn loss_loses_and_nothing_else() {
    let mut pair = pair(3, DatagramFaults { loss_ppm: 100_000, ..DatagramFaults::default() });
    let received = pair.run();
    assert!((850..950).contains(&received.len()), "10 % loss left {}", received.len());
    assert!(received.is_sorted_by(|a, b| a < b));
}

#[test]
fn duplicates_arrive_twice() {
    let faults = DatagramFaults { duplicate_ppm: 100_000, ..DatagramFaults::default() };
    let mut received = pair(4, faults).run();
    assert!((1_050..1_150).contains(&received.len()), "10 % twice made {}", received.len());
    received.dedup();
    assert_eq!(received, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn a_spread_of_latency_reorders() {
    let faults = DatagramFaults { latency_max_ns: 100_000, ..DatagramFaults::default() };
    let mut received = pair(5, faults).run();
    assert!(!received.is_sorted());
    received.sort_unstable();
    assert_eq!(received, (0..1_000).collect::<Vec<_>>());
}

#[test]
fn a_full_buffer_sends_nothing_and_says_so() {
    let mut pair = pair(6, DatagramFaults { full_ppm: 1_000_000, ..DatagramFaults::default() });
    assert_eq!(pair.client.send(&[0; 2], address(2)), SendOutcome::Full);
    pair.network.clock().advance(1_000_000);
    assert_eq!(pair.received(), [0; 0]);
}

#[test]
fn a_receiver_that_does_not_read_loses_what_does_not_fit() {
    let mut pair = pair(7, DatagramFaults { queue_max: 10, ..DatagramFaults::default() });
    assert_eq!(pair.run(), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_datagram_that_does_not_fit_says_its_whole_length() {
    let mut pair = pair(8, DatagramFaults::default());
    pair.client.send(&[1, 2, 3, 4], address(2));
    pair.network.clock().advance(1_000_000);
    let mut buffer = [0; 2];
    assert_eq!(pair.server.receive(&mut buffer), Some((4, address(1))));
    assert_eq!(buffer, [1, 2]);
    assert_eq!(pair.server.receive(&mut buffer), None, "the rest came as another datagram");
    assert_eq!(pair.client.send(&[0; 65_508], address(2)), SendOutcome::Refused);
}

#[test]
fn cuts_kills_and_closed_sockets_lose_datagrams() {
    let mut pair = pair(9, DatagramFaults::default());
    let reader = pair.nodes[1].node();
    pair.network.cut_off(reader, u64::MAX);
    assert_eq!(pair.client.send(&1_u16.to_le_bytes(), address(2)), SendOutcome::Sent);
    pair.network.heal(reader);
    pair.client.send(&2_u16.to_le_bytes(), address(2));
    pair.network.clock().advance(1_000_000);
    assert_eq!(pair.received(), [2]);

    assert_eq!(pair.client.send(&[0; 2], address(99)), SendOutcome::Sent);
    assert!(pair.network.bind(reader, address(1)).is_err(), "bound a taken address");

    pair.client.send(&3_u16.to_le_bytes(), address(2));
    pair.network.kill(reader);
    pair.network.clock().advance(1_000_000);
    assert_eq!(pair.received(), [0; 0]);
    assert_eq!(pair.server.send(&[0; 2], address(1)), SendOutcome::Refused);
    // The dead node's handle, dropped later, may not close the socket that took its address.
    let node = pair.nodes[0].node();
    let mut successor = pair.network.bind(node, address(2)).expect("free again");
    drop(pair.server);
    pair.client.send(&[4, 0], address(2));
    pair.network.clock().advance(1_000_000);
    assert_eq!(successor.receive(&mut [0; 2]), Some((2, address(1))));
}
