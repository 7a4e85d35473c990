//! Where files are made: room, and whether it is memory.

use super::finding::{Finding, State};
use std::io;
use std::path::{Path, PathBuf};
use vesta_config::Config;
use vesta_netio::{DriverDirectory, DriverSettings, FreeSpace};

/// What the file systems have left.
#[derive(Debug)]
pub struct Places {
    /// Where media drivers have their files.
    pub drivers: (PathBuf, io::Result<FreeSpace>),
    /// Where the counters are.
    pub counters: (PathBuf, io::Result<FreeSpace>),
}

impl Places {
    /// Looks where the configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let parent = &config.transport.driver_directory_parent;
        let drivers = match parent.as_str() {
            "" => DriverDirectory::default_parent(),
            path => PathBuf::from(path),
        };
        let look = |path: &Path| (path.to_owned(), FreeSpace::at(path));
        Self { drivers: look(&drivers), counters: look(config.counters.directory()) }
    }
}

/// Bytes that the drivers of all roles of `config` take, each as a process on this host.
pub(super) fn driver_bytes(config: &Config) -> u64 {
    let gateways = config.gateway_list.len() as u64;
    let streams = &config.streams;
    // Ends of a stream: its publications, and an image at each reader.
    let ends = [
        (streams.orders.term_length_bytes, 2 * gateways),
        (streams.sequencer_back.term_length_bytes, 2 * gateways),
        (streams.input_log.term_length_bytes, 2),
        (streams.event_log.term_length_bytes, 1 + gateways + 1),
        (streams.market_data.term_length_bytes, 1),
        (streams.snapshots.term_length_bytes, 1),
    ];
    let base = DriverSettings::new("doctor").base_bytes() as u64;
    let log = |term: u32| {
        let term_buffer_bytes = term as usize;
        let settings = DriverSettings { term_buffer_bytes, ..DriverSettings::new("doctor") };
        settings.stream_bytes() as u64
    };
    (3 + gateways) * base + ends.iter().map(|(term, count)| count * log(*term)).sum::<u64>()
}

/// What came of it.
pub(super) fn findings(config: &Config, places: &Places) -> Vec<Finding> {
    let parent = &config.transport.driver_directory_parent;
    let mut findings = Vec::new();
    let needed = driver_bytes(config);
    findings.push(place(
        "driver directory",
        &places.drivers,
        needed,
        format!("transport.driver_directory_parent = \"{parent}\""),
    ));
    if config.counters.enabled {
        let knob = format!("counters.directory = \"{}\"", config.counters.directory);
        // Four roles and a driver, 196 KiB each.
        let counters = place("counters", &places.counters, 5 * 200_704, knob);
        // A role works without them.
        let state = counters.state.min(State::Warn);
        findings.push(Finding { state, ..counters });
    }
    findings
}

fn place(
    name: &'static str,
    (path, space): &(PathBuf, io::Result<FreeSpace>),
    needed: u64,
    knob: String,
) -> Finding {
    let path = path.display();
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    match space {
        Err(error) => Finding::ok(name, path.to_string())
            .but(State::Fail, error.to_string())
            .fix(format!("mkdir -p {path}"), "coreutils")
            .knob(knob),
        Ok(space) => {
            let (free, wanted) = (mib(space.free_bytes), mib(needed));
            let text = format!("{path}: {free} MiB free, {wanted} MiB wanted by all roles");
            let finding = Finding::ok(name, text).knob(knob);
            if space.free_bytes < needed {
                let why = "roles do not start, or end when they touch what is not there";
                let size = mib(needed) * 2;
                finding
                    .but(State::Fail, why)
                    .fix(format!("mount -o remount,size={size}M {path}"), "mount")
            } else if !space.is_memory {
                finding.but(State::Warn, "it is no memory: a disk is on the path of every message")
            } else {
                finding
            }
        }
    }
}
