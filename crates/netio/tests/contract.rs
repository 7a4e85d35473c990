//! The transport contract, held by the real Aeron on every datapath that this machine has.

mod support;

use std::time::Duration;

use support::{Path, STREAM, datapaths, multicast, settings, threadings, transport, unicast};
use vesta_netio::{AeronPublication, AeronTransport, Clock, DriverSettings, Threading};
use vesta_transport::contract::{Harness, Limits, Link, run_all};

struct AeronHarness {
    settings: DriverSettings,
    is_multicast: bool,
    clock: Clock,
}

impl AeronHarness {
    fn new(datapath: Path, threading: Threading, is_multicast: bool) -> Self {
        Self { settings: settings(datapath, threading), is_multicast, clock: Clock::new() }
    }
}

impl Harness for AeronHarness {
    type Transport = AeronTransport;

    fn publisher_side(&mut self) -> AeronTransport {
        transport(&self.settings)
    }

    fn reader_side(&mut self) -> AeronTransport {
        transport(&self.settings)
    }

    fn link(&mut self) -> Link {
        let channel = if self.is_multicast { multicast() } else { unicast() };
        Link { publication: channel.clone(), subscription: channel, stream: STREAM }
    }

    fn now_ns(&self) -> u64 {
        self.clock.mono_ns()
    }

    fn idle(&mut self) {
        std::thread::sleep(Duration::from_micros(50));
    }

    fn kill(&mut self, mut side: AeronTransport, publications: Vec<AeronPublication>) {
        side.crash_driver();
        drop(publications);
    }

    fn limits(&self) -> Limits {
        Limits {
            wait_max_ns: support::PATIENCE_NS,
            settle_ns: 200_000_000,
            // The publisher's log and the reader's.
            unread_bytes_max: 2 * self.settings.term_buffer_bytes,
            many_reader_nodes: self.is_multicast,
        }
    }
}

/// All set-ups side by side: the suite is mostly waiting for time-outs.
#[test]
fn the_contract_holds_on_every_datapath_threading_and_kind_of_channel() {
    let set_ups = datapaths().into_iter().flat_map(|datapath| {
        threadings().into_iter().flat_map(move |threading| {
            [false, true].map(|is_multicast| (datapath, threading, is_multicast))
        })
    });
    let runs = set_ups.map(|(datapath, threading, is_multicast)| {
        let channel = if is_multicast { "multicast" } else { "unicast" };
        let name = format!("{datapath:?}, {threading}, {channel}");
        let run = move || run_all(&mut AeronHarness::new(datapath, threading, is_multicast));
        let thread = std::thread::Builder::new().name(name.clone()).spawn(run);
        (name, thread.expect("a thread"))
    });
    // Panics are printed under the thread's name.
    let failed: Vec<String> = runs
        .collect::<Vec<_>>()
        .into_iter()
        .filter_map(|(name, thread)| thread.join().is_err().then_some(name))
        .collect();
    assert!(failed.is_empty(), "the contract does not hold on: {failed:?}");
}
