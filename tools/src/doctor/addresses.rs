//! Whose the addresses are at which roles are reached: a process can only open those of its own host.

use super::finding::{Finding, State};
use crate::bench::worker::pinnable_cores;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use vesta_config::{Config, Mode};

/// A process that opens addresses of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `vesta-gateway`, any of them.
    Gateway,
    /// `vesta-sequencer`.
    Sequencer,
    /// `vesta-engine`.
    Engine,
    /// `vesta-md-publisher`.
    MdPublisher,
    /// `vesta md relay`.
    MdRelay,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Gateway, Self::Sequencer, Self::Engine, Self::MdPublisher, Self::MdRelay];

    /// Its name, as in `vesta-engine`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Sequencer => "sequencer",
            Self::Engine => "engine",
            Self::MdPublisher => "md-publisher",
            Self::MdRelay => "md-relay",
        }
    }

    /// The places that it opens, each with its key; of gateways, those of each.
    fn places(self, config: &Config) -> Vec<Vec<(String, SocketAddrV4)>> {
        let s = &config.streams;
        let is_mdc = config.transport.mode == Mode::Mdc;
        let control =
            |name: &str, at: SocketAddrV4| is_mdc.then(|| (format!("streams.{name}.control"), at));
        match self {
            Self::Gateway => {
                let of = |(i, g): (usize, &vesta_config::Gateway)| {
                    vec![
                        (format!("gateway[{i}].listen"), g.listen),
                        (format!("gateway[{i}].back_endpoint"), g.back_endpoint),
                    ]
                };
                config.gateway_list.iter().enumerate().map(of).collect()
            }
            Self::Sequencer => {
                let orders = ("streams.orders.endpoint".to_owned(), s.orders.endpoint);
                let input = control("input_log", s.input_log.control);
                vec![std::iter::once(orders).chain(input).collect()]
            }
            Self::Engine => vec![control("event_log", s.event_log.control).into_iter().collect()],
            Self::MdPublisher => {
                let market_data = control("market_data", s.market_data.control);
                let snapshots = control("snapshots", s.snapshots.control);
                vec![market_data.into_iter().chain(snapshots).collect()]
            }
            Self::MdRelay => {
                let key = "md_relay.address".to_owned();
                vec![vec![(key, config.md_relay.market_data())]]
            }
        }
    }
}

/// What this host has, and what is to run on it.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// Those of the configuration's addresses that are this host's.
    pub local: BTreeSet<Ipv4Addr>,
    /// CPUs to which a thread can be pinned.
    pub cores: BTreeSet<usize>,
    /// The roles that are to run here, where somebody said.
    pub roles: BTreeSet<Role>,
}

impl Here {
    /// Looks which addresses of `config` are this host's, and which CPUs can be had.
    #[must_use]
    pub fn of(config: &Config, roles: impl IntoIterator<Item = Role>) -> Self {
        let all = Role::ALL.into_iter().flat_map(|role| role.places(config)).flatten();
        let metrics = config.metrics.address.parse().ok();
        let addresses = all.map(|(_, place)| *place.ip()).chain(metrics);
        let local = addresses.filter(|address| is_local(*address)).collect();
        // Where the kernel lets nobody ask, no role can be pinned either.
        let cores = pinnable_cores().unwrap_or_default().into_iter().collect();
        Self { local, cores, roles: roles.into_iter().collect() }
    }

    fn has(&self, place: SocketAddrV4) -> bool {
        place.ip().is_unspecified() || self.local.contains(place.ip())
    }
}

/// True for an address to which a socket can be bound. Other faults are not about whose it is.
fn is_local(address: Ipv4Addr) -> bool {
    let bound = UdpSocket::bind((address, 0));
    !bound.is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

/// What was found: a role that is to run here, by what was said or because it has an address of this host,
/// and could not open another.
pub(super) fn findings(config: &Config, here: &Here) -> Vec<Finding> {
    let mut findings = Vec::new();
    for role in Role::ALL {
        let sets = role.places(config);
        let is_mine = |set: &&Vec<(String, SocketAddrV4)>| {
            here.roles.contains(&role) || set.iter().any(|(_, place)| here.has(*place))
        };
        // Of several gateways those of other hosts are no concern of this one.
        let is_elsewhere = |set: &&Vec<(String, SocketAddrV4)>| {
            sets.len() > 1 && !set.iter().any(|(_, place)| here.has(*place))
        };
        for set in sets.iter().filter(is_mine).filter(|set| !is_elsewhere(set)) {
            findings.extend(set.iter().map(|(key, place)| owned(role, key, *place, here)));
        }
        if here.roles.contains(&role) && sets.len() > 1 && sets.iter().all(|set| is_elsewhere(&set))
        {
            let why = "none of the configured ones has an address of this host";
            findings
                .push(Finding::ok("address", role.name()).but(State::Fail, why).knob("gateway"));
        }
    }
    if let Ok(address) = config.metrics.address.parse() {
        let finding = Finding::ok("metrics", format!("served at {address}"));
        let knob = format!("metrics.address = \"{address}\"");
        findings.push(if here.has(SocketAddrV4::new(address, 0)) {
            finding.knob(knob)
        } else {
            let why =
                "no process starts: it is no address of this host; \"0.0.0.0\" is all of them";
            finding.but(State::Fail, why).fix("ip -br addr", "iproute2").knob(knob)
        });
    }
    findings
}

fn owned(role: Role, key: &str, place: SocketAddrV4, here: &Here) -> Finding {
    let name = role.name();
    let finding = Finding::ok("address", format!("{name} at {place}"));
    let knob = format!("{key} = \"{place}\"");
    if here.has(place) {
        return finding.knob(knob);
    }
    let why = format!(
        "{} is not this host's, and the {name} can only open an address of its own host: name one, or \
         run it where that is",
        place.ip()
    );
    finding.but(State::Fail, why).fix("ip -br addr", "iproute2").knob(knob)
}
