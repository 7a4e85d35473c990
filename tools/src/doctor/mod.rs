//! Whether this host is ready for what the configuration asks of it: `vesta doctor`.
//!
//! ```text
//!   Config + HostReport (netio) + TransportReport + Places + Here --examine--> Findings --> table or JSON
//! ```
//! A finding fails when a role would not start, or could not do what it is told; it warns of what
//! makes the venue slower or less steady than it could be. What only an appliance cares about is no
//! warning on a laptop: a host counts as one when its roles spin, or have CPUs of their own.

mod addresses;
mod finding;
mod host;
mod places;
#[cfg(test)]
mod tests;
mod transport;

pub use addresses::{Here, Role};
pub use finding::{Finding, Fix, State, to_json, to_text, worst};
pub use places::Places;
pub use transport::{SharedReport, TransportReport};

use vesta_config::{Config, Idle};
use vesta_netio::HostReport;

/// Everything that was found, in the order of the table.
#[must_use]
pub fn examine(
    config: &Config,
    host: &HostReport,
    transport: &TransportReport,
    places: &Places,
    here: &Here,
) -> Vec<Finding> {
    let mut findings = host::kernel(config, host);
    findings.extend(host::interface(config, host));
    findings.extend(transport::findings(config, transport));
    findings.extend(addresses::findings(config, here));
    findings.extend(host::cpus(config, host, here));
    findings.extend(host::memory(config, host));
    findings.extend(places::findings(config, transport, places));
    findings
}

/// True where latency comes before everything.
fn is_appliance(config: &Config) -> bool {
    config.transport.idle == Idle::Spin || pinned(config).next().is_some()
}

/// The roles that have a CPU, with key and CPU.
fn pinned(config: &Config) -> impl Iterator<Item = (&'static str, &'static str, usize)> + '_ {
    const ROLES: [&str; 4] = ["gateway", "sequencer", "engine", "md-publisher"];
    ROLES.into_iter().filter_map(|role| {
        let (key, core) = config.cores.of(role)?;
        Some((role, key, core))
    })
}
