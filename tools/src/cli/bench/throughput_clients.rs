//! The second figure of `vesta bench throughput`: from clients' datagrams on.
//!
//! ```text
//!   client ~~> gateway --10--> sequencer --20--> engine --30--> gateway ~~> client
//! ```
//! The client has a bounded number of orders on their way, as clients have; so this figure is bounded
//! by the round trip, too, and there is no goal for it.

use super::throughput::{Hosts, ThroughputArgs};
use serde_json::{Value, json};
use std::time::Duration;
use vesta_config::{Config, Datapath};
use vesta_netio::StopFlag;
use vesta_tools::bench::load::{LoadEnd, LoadJob};
use vesta_tools::bench::report::{Interval, Series};
use vesta_tools::bench::venue::{self, Role, RoleJob};
use vesta_tools::bench::worker::Worker;
use vesta_tools::bench::{BenchError, Job};

/// Client, gateway, sequencer, engine.
const PROCESSES: usize = 4;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found of one datapath.
pub struct FromClients {
    datapath: &'static str,
    load: LoadEnd,
}

pub fn measure(
    config: &Config,
    args: &ThroughputArgs,
    hosts: &Hosts,
    datapath: Datapath,
    cores: &[usize],
    stop: &StopFlag,
) -> Result<FromClients, BenchError> {
    let mut config = config.clone();
    venue::choose_idle(&mut config, PROCESSES, cores.len());
    let text = config.to_toml();
    let mut free = (cores.len() >= PROCESSES).then(|| cores.iter().copied());
    let mut core = || free.as_mut().and_then(Iterator::next);
    let mut roles = Vec::new();
    let places = [
        (Role::Gateway, &hosts.generator),
        (Role::Engine, &hosts.engine),
        (Role::Sequencer, &hosts.sequencer),
    ];
    for (role, place) in places {
        let job = RoleJob { role, config: text.clone(), core: core(), trace: None };
        roles.push(venue::start(job, place)?);
    }
    venue::await_ready(&mut roles.iter_mut().collect::<Vec<_>>(), stop)?;
    let job = LoadJob {
        config: text,
        core: core(),
        rate: None,
        warm_up_s: 0.0,
        seconds: args.seconds,
        seed: args.common.seed,
        trace: None,
    };
    let mut client = Worker::start("client", &hosts.generator.host, &Job::Load(job))?;
    let load = client.hear_as(Duration::from_secs_f64(args.seconds) + PATIENCE, stop)?;
    client.end()?;
    roles.iter_mut().for_each(Worker::tell_to_end);
    for role in roles {
        role.end()?;
    }
    Ok(FromClients { datapath: datapath.name(), load })
}

impl FromClients {
    fn seconds(&self) -> f64 {
        self.load.duration_ns as f64 / 1e9
    }

    fn orders_per_s(&self) -> f64 {
        self.load.answered as f64 / self.seconds()
    }

    /// As a series: no rate was kept.
    pub fn series(&self) -> Series {
        let mut series = Series::new(format!("{}-clients", self.datapath), self.orders_per_s());
        series.intervals.extend(self.load.intervals.iter().map(Interval::from));
        series
    }

    fn lost(&self) -> u64 {
        self.load.sent - self.load.answered
    }

    pub fn wrong(&self) -> Option<String> {
        let lost = self.lost();
        (lost > 0 || self.load.answered == 0)
            .then(|| format!("{}: {lost} of the clients' orders lost", self.datapath))
    }

    pub fn line(&self) -> String {
        format!(
            "{:<10} {:>12.0} orders/s from clients' datagrams on, {} lost, {} sent again",
            self.datapath,
            self.orders_per_s(),
            self.lost(),
            self.load.resent
        )
    }

    pub fn in_json(&self) -> Value {
        json!({
            "datapath": self.datapath,
            "seconds": self.seconds(),
            "orders": self.load.answered,
            "orders_per_s": self.orders_per_s(),
            "lost": self.lost(),
            "resent": self.load.resent,
        })
    }
}
