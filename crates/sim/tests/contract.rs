//! The transport contract, held by the simulated network: without faults, and with many.

use vesta_sim::{FlowControl, SimConfig, SimNetwork, SimPublication, SimTransport};
use vesta_transport::StreamId;
use vesta_transport::contract::{Harness, Limits, Link, run_all};

/// Simulated time per idle step, in nanoseconds: below the latency, so that packets are seen one
/// by one.
const IDLE_NS: u64 = 10_000;

struct SimHarness {
    network: SimNetwork,
    config: SimConfig,
    links: i32,
}

impl SimHarness {
    fn new(config: SimConfig) -> Self {
        Self { network: SimNetwork::new(config), config, links: 0 }
    }
}

impl Harness for SimHarness {
    type Transport = SimTransport;

    fn publisher_side(&mut self) -> SimTransport {
        self.network.add_node()
    }

    fn reader_side(&mut self) -> SimTransport {
        self.network.add_node()
    }

    fn link(&mut self) -> Link {
        self.links += 1;
        let channel = "sim:contract".to_owned();
        Link { publication: channel.clone(), subscription: channel, stream: StreamId(self.links) }
    }

    fn now_ns(&self) -> u64 {
        self.network.clock().now_ns()
    }

    fn idle(&mut self) {
        self.network.clock().advance(IDLE_NS);
    }

    fn kill(&mut self, side: SimTransport, publications: Vec<SimPublication>) {
        self.network.kill(side.node());
        drop(publications);
    }

    fn limits(&self) -> Limits {
        Limits {
            wait_max_ns: 1_000_000_000,
            settle_ns: 10_000_000,
            unread_bytes_max: self.config.window_bytes as usize,
            many_reader_nodes: true,
        }
    }
}

vesta_transport::contract_tests!(SimHarness::new(SimConfig {
    message_len_max: 16 << 10,
    ..SimConfig::default()
}));

/// As long as the longest that interop sends.
#[test]
fn the_contract_holds_for_messages_of_64_kib() {
    let config =
        SimConfig { window_bytes: 256 << 10, message_len_max: 64 << 10, ..SimConfig::default() };
    run_all(&mut SimHarness::new(config));
}

#[test]
fn the_contract_holds_under_loss_and_latency_for_many_seeds() {
    for seed in 0..20 {
        let config = SimConfig {
            seed,
            window_bytes: 32 << 10,
            message_len_max: 16 << 10,
            loss_ppm: 20_000,
            latency_max_ns: 500_000,
            flow_control: if seed % 2 == 0 { FlowControl::Slowest } else { FlowControl::Fastest },
            ..SimConfig::default()
        };
        println!("seed {seed}");
        run_all(&mut SimHarness::new(config));
    }
}
