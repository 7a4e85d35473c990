//! `vesta driver`: the media driver as a process of its own.

use super::{Context, Failure, Verdict};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use vesta_config::Threading;
use vesta_netio::{Clock, Idle, Idler, StopFlag};
use vesta_runner::{DriverCounters, GateWatch, Metrics, describe_driver, host_driver, role_idle};
use vesta_tools::appliance::RunError;

/// A driver that has threads of its own only wants to be looked after.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Runs until Ctrl-C or SIGTERM.
pub fn driver(context: &Context) -> Result<Verdict, Failure> {
    let config = &context.config;
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let metrics = Metrics::serve(config, "driver", None);
    let metrics = metrics.map_err(|e| RunError::not_started(config, e))?;
    let mut driver = host_driver(config).map_err(|e| RunError::not_started(config, e))?;
    describe_driver(config, "driver", &driver);
    let idle = match config.transport.threading {
        Threading::Invoker => role_idle(config, "driver"),
        _ => Idle::Park { sleep_us: LOOK_INTERVAL.as_micros() as u64 },
    };
    let mut idler = Idler::new(idle);
    let mut gate = GateWatch::default();
    let clock = Clock::new();
    let mut counters = DriverCounters::open(config, &driver, clock.utc_ns());
    if let Some(metrics) = &metrics {
        metrics.add(counters.source(config, &driver));
        eprintln!("vesta driver: {metrics}");
    }
    eprintln!("vesta driver: ready");
    let (mut failure, mut work_before) = (None, 0);
    while failure.is_none() && !stop.is_stopped() {
        gate.look(config, "driver", || driver.dropped());
        counters.turn(clock.utc_ns(), work_before, &driver);
        match driver.do_work() {
            Ok(work) => {
                work_before = work;
                idler.idle(work);
            }
            Err(error) => failure = Some(error.to_string()),
        }
    }
    let dropped = driver.dropped();
    if dropped.total() > 0 {
        eprintln!("vesta driver: {dropped}");
    }
    if context.json {
        let value = json!({
            "directory": driver.directory().display().to_string(),
            "datapath": driver.datapath().datapath.to_string(),
            "dropped": dropped.named().collect::<BTreeMap<_, _>>(),
        });
        println!("{value}");
    }
    failure
        .map_or(Ok(Verdict::Holds), |reason| Err(Failure::BrokeDown(format!("driver: {reason}"))))
}
