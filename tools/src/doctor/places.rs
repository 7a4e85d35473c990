//! Where files are made: room, and whether it is memory.

use super::finding::{Finding, State};
use super::transport::TransportReport;
use std::io;
use std::path::{Path, PathBuf};
use vesta_config::{Config, Driver};
use vesta_netio::{DriverDirectory, FreeSpace};
use vesta_runner::{driver_settings, shared_directory};

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
        let shared = shared_directory(config);
        let drivers = match (config.transport.driver, &config.transport.driver_directory_parent) {
            (Driver::Shared, _) => shared.parent().unwrap_or(&shared).to_owned(),
            (Driver::Embedded, parent) if parent.is_empty() => DriverDirectory::default_parent(),
            (Driver::Embedded, parent) => PathBuf::from(parent),
        };
        let look = |path: &Path| (path.to_owned(), FreeSpace::at(path));
        Self { drivers: look(&drivers), counters: look(config.counters.directory()) }
    }
}

/// Bytes that drivers take that are yet to start: those of all roles of `config`, each as a process
/// on this host, or the one that they share.
pub(super) fn driver_bytes(config: &Config) -> u64 {
    let of = |role: &str| {
        let settings = driver_settings(config, role);
        settings.base_bytes() as u64 + settings.streams_bytes
    };
    match config.transport.driver {
        Driver::Shared => of("driver"),
        Driver::Embedded => {
            let gateways = config.gateway_list.len() as u64 * of("gateway");
            gateways + of("sequencer") + of("engine") + of("md-publisher")
        }
    }
}

/// What came of it.
pub(super) fn findings(
    config: &Config,
    transport: &TransportReport,
    places: &Places,
) -> Vec<Finding> {
    let t = &config.transport;
    let mut findings = Vec::new();
    // A driver that serves has taken what it takes.
    if !transport.has_driver() {
        let knob = match t.driver {
            Driver::Shared => format!("transport.driver_directory = \"{}\"", t.driver_directory),
            Driver::Embedded => {
                format!("transport.driver_directory_parent = \"{}\"", t.driver_directory_parent)
            }
        };
        findings.push(place("driver directory", &places.drivers, driver_bytes(config), knob));
    }
    if config.counters.enabled {
        let knob = format!("counters.directory = \"{}\"", config.counters.directory);
        // Four roles and a driver that they share, 196 KiB each.
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
