//! `vesta bench chain`: the whole way of an order at rising rates, hop by hop.

use super::super::{Context, Failure, Verdict};
use super::{Common, failure};
use clap::Args;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use vesta_config::Config;
use vesta_netio::StopFlag;
use vesta_tools::bench::chain::{self, ConsumeJob, Hop, Traces};
use vesta_tools::bench::load::{LoadEnd, LoadJob};
use vesta_tools::bench::machine::{About, Header};
use vesta_tools::bench::network::{Network, Place, can_make_namespaces, loopback};
use vesta_tools::bench::report::{Interval, Report, Series};
use vesta_tools::bench::venue::{self, Role, RoleJob};
use vesta_tools::bench::worker::Worker;
use vesta_tools::bench::{BenchError, Job};
use vesta_tools::latency::Latency;

/// All that run at a time: four roles, client, consumer.
const PROCESSES: usize = 6;
/// The roles, readers first.
const ROLES: [Role; 4] = [Role::MdPublisher, Role::Gateway, Role::Engine, Role::Sequencer];
/// A rate is sustained when the answers keep up with it, this far.
const SUSTAINED_SHARE: f64 = 0.97;
/// The knee is the last rate before p99 is this many times that of the lowest rate.
const KNEE_FACTOR: u64 = 3;
/// A run ends by itself when its answers do, which are awaited so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub struct ChainArgs {
    #[command(flatten)]
    common: Common,

    /// Orders per second, in ascending steps; the first that is not sustained is the last
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "1000,2000,5000,10000,20000,40000,60000,80000,100000,150000,200000",
        value_parser = super::parse_rate
    )]
    rates: Vec<f64>,

    /// Seconds that are recorded at each rate
    #[arg(long, default_value_t = 3.0, value_name = "S", value_parser = super::parse_seconds)]
    seconds: f64,

    /// Seconds before that
    #[arg(long, default_value_t = 1.0, value_name = "S", value_parser = super::parse_seconds)]
    warm_up: f64,

    /// `transport.datapath`; by default that of the configuration
    #[arg(long, value_name = "NAME")]
    datapath: Option<String>,
}

/// What was found at one rate.
struct Step {
    rate: f64,
    load: LoadEnd,
    hops: Vec<Hop>,
}

impl Step {
    fn achieved(&self) -> f64 {
        self.load.recorded as f64 * 1e9 / self.load.duration_ns.max(1) as f64
    }

    fn is_whole(&self) -> bool {
        self.load.answered == self.load.sent
    }

    fn is_sustained(&self) -> bool {
        self.is_whole() && self.achieved() >= SUSTAINED_SHARE * self.rate
    }

    fn latency(&self) -> Latency {
        self.load.latency()
    }
}

pub fn chain(context: &Context, args: &ChainArgs) -> Result<Verdict, Failure> {
    if let Some([low, high]) = args.rates.array_windows().find(|[low, high]| low >= high) {
        return Err(Failure::CannotStart(format!(
            "--rates {low},{high}: must ascend, as the first that is not sustained is the last"
        )));
    }
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let network = match can_make_namespaces() {
        Ok(()) => Some(Network::pair().map_err(failure)?),
        Err(_) => None,
    };
    let place = network.as_ref().map_or_else(loopback, Network::loopback);
    let cores = args.common.cores()?;
    let shared = cores.len() < PROCESSES;
    let pinning = if shared {
        format!(
            "{PROCESSES} processes share {} cores, unpinned, backing off when idle",
            cores.len()
        )
    } else {
        format!("{PROCESSES} processes on cores {cores:?}, one each, spinning")
    };
    let config = config(context, args, &place, cores.len()).map_err(failure)?;
    let header = Header::new(About {
        bench: "chain",
        pinning,
        warm_up: format!("{} s at each rate", args.warm_up),
        seed: args.common.seed.to_string(),
        settings: format!(
            "{} s at each rate, loopback, transport.datapath {}, scenario normal, level received",
            args.seconds, config.transport.datapath
        ),
        configuration: super::configuration(),
    });
    let mut report = Report::create(args.common.out.as_deref(), header).map_err(failure)?;
    report.configuration("chain", config.to_toml());
    let mut steps: Vec<Step> = Vec::new();
    for &rate in &args.rates {
        let step = measure(&config, args, &place, &cores, rate, report.directory(), &stop);
        let step = step.map_err(failure)?;
        eprintln!("vesta bench chain: {rate}/s, {:.0}/s answered", step.achieved());
        let is_last = !step.is_sustained();
        steps.push(step);
        if is_last {
            break;
        }
    }
    drop(network);
    let knee = knee(&steps);
    report.text(&summary(&steps, knee, shared));
    for step in &steps {
        report.text(&hop_table(step));
        let mut series = Series::new(format!("rate-{}", step.rate), step.rate);
        series.intervals.extend(step.load.intervals.iter().map(Interval::from));
        report.series(series);
    }
    let names = steps.iter().map(|step| format!("rate-{}", step.rate)).collect();
    report.plot("client to client, from when an order was due", names);
    report.text(&format!("\n{}", report.table()));
    // That a rate is too high is a finding; that the lowest one is, or that answers are missing, is not.
    let holds = steps.first().is_some_and(Step::is_whole)
        && steps.iter().take(steps.len().saturating_sub(1)).all(Step::is_whole);
    let verdict = if holds { "OK" } else { "FAIL" };
    report.text(&format!("verdict: {verdict}"));
    let result = json!({
        "steps": steps.iter().map(in_json).collect::<Vec<_>>(),
        "knee": knee.map(|at| steps[at].rate),
        "sustained": sustained(&steps),
        "cores": cores.len(),
        "processes": PROCESSES,
        "shared": shared,
        "verdict": verdict,
    });
    report.finish(&result).map_err(failure)?;
    if context.json {
        println!("{result}");
    }
    Ok(if holds { Verdict::Holds } else { Verdict::Fails })
}

fn config(
    context: &Context,
    args: &ChainArgs,
    place: &Place,
    cores: usize,
) -> Result<Config, BenchError> {
    let mut config = context.config.clone();
    let by_default = config.transport.datapath.name().to_owned();
    venue::move_to(&mut config, place, args.datapath.as_deref().unwrap_or(&by_default))?;
    venue::choose_idle(&mut config, PROCESSES, cores);
    config.engine.event_readers_min = 2;
    config.sequencer.input_readers_min = 1;
    Ok(config)
}

fn measure(
    config: &Config,
    args: &ChainArgs,
    place: &Place,
    cores: &[usize],
    rate: f64,
    directory: &Path,
    stop: &StopFlag,
) -> Result<Step, BenchError> {
    let text = config.to_toml();
    let mut free = (cores.len() >= PROCESSES).then(|| cores.iter().copied());
    let mut core = || free.as_mut().and_then(Iterator::next);
    let trace = |name: &str| chain::file(directory, name);
    let mut consumer = Worker::start(
        "consumer",
        &place.host,
        &Job::Consume(ConsumeJob { config: text.clone(), core: core(), trace: trace("consumer") }),
    )?;
    consumer.hear(venue::START_MAX, stop)?;
    let mut roles = Vec::new();
    for role in ROLES {
        let trace = Some(trace(role.name()));
        roles.push(venue::start(
            RoleJob { role, config: text.clone(), core: core(), trace },
            place,
        )?);
    }
    venue::await_ready(&mut roles.iter_mut().collect::<Vec<_>>(), stop)?;
    let mut client = Worker::start(
        "client",
        &place.host,
        &Job::Load(LoadJob {
            config: text,
            core: core(),
            rate: Some(rate),
            warm_up_s: args.warm_up,
            seconds: args.seconds,
            seed: args.common.seed,
            trace: Some(trace("client")),
        }),
    )?;
    let span = Duration::from_secs_f64(args.seconds + args.warm_up);
    let load: LoadEnd = client.hear_as(span + PATIENCE, stop)?;
    client.end()?;
    roles.iter_mut().for_each(Worker::tell_to_end);
    for role in roles {
        role.end()?;
    }
    consumer.end()?;
    let traces = Traces::read(directory)?;
    let hops = chain::hops(&traces, &load.due_ticks, config);
    for name in chain::FILES {
        let _ = std::fs::remove_file(trace(name));
    }
    Ok(Step { rate, load, hops })
}

/// The highest rate that was sustained, and its place.
fn sustained(steps: &[Step]) -> Option<f64> {
    steps.iter().filter(|step| step.is_sustained()).map(|step| step.rate).next_back()
}

fn knee(steps: &[Step]) -> Option<usize> {
    let limit = steps.first()?.latency().summary().p99_ns.saturating_mul(KNEE_FACTOR);
    let is_flat = |step: &&Step| step.is_sustained() && step.latency().summary().p99_ns <= limit;
    steps.iter().take_while(is_flat).count().checked_sub(1)
}

fn summary(steps: &[Step], knee: Option<usize>, shared: bool) -> String {
    let mut text = format!(
        "{:>10} {:>12} {:>9} {:>10} {:>10} {:>8}\n",
        "rate /s", "answered /s", "sent", "p50 us", "p99 us", "resent"
    );
    for (at, step) in steps.iter().enumerate() {
        let s = step.latency().summary();
        let mark = match (step.is_sustained(), knee == Some(at)) {
            (_, true) => "  <- the knee",
            (false, _) => "  not sustained",
            (true, false) => "",
        };
        text.push_str(&format!(
            "{:>10.0} {:>12.0} {:>9} {:>10.1} {:>10.1} {:>8}{mark}\n",
            step.rate,
            step.achieved(),
            step.load.sent,
            s.p50_ns as f64 / 1e3,
            s.p99_ns as f64 / 1e3,
            step.load.resent,
        ));
    }
    if shared {
        text.push_str(
            "Processes share cores: each hop holds a wake-up, and waits for who has the core. With a core \
             for each, the same run spins.\n",
        );
    }
    text
}

fn hop_table(step: &Step) -> String {
    let mut text = format!(
        "\nhops at {:.0}/s, us\n{:<26} {:>9} {:>9} {:>9} {:>9} {:>10}\n",
        step.rate, "hop", "count", "p50", "p90", "p99", "worst"
    );
    for hop in &step.hops {
        let s = hop.latency.summary();
        text.push_str(&format!(
            "{:<26} {:>9} {:>9.2} {:>9.2} {:>9.2} {:>10.1}\n",
            hop.name,
            hop.latency.count(),
            s.p50_ns as f64 / 1e3,
            s.p90_ns as f64 / 1e3,
            s.p99_ns as f64 / 1e3,
            s.max_ns as f64 / 1e3,
        ));
    }
    text
}

fn in_json(step: &Step) -> Value {
    let percentiles = |latency: &Latency| {
        let s = latency.summary();
        json!({
            "count": latency.count(), "p50": s.p50_ns, "p90": s.p90_ns, "p99": s.p99_ns,
            "p99_9": s.p999_ns, "p99_99": s.p9999_ns, "max": s.max_ns,
        })
    };
    json!({
        "rate": step.rate,
        "answered_per_s": step.achieved(),
        "sent": step.load.sent,
        "answered": step.load.answered,
        "late": step.load.late,
        "resent": step.load.resent,
        "sustained": step.is_sustained(),
        "client_to_client": percentiles(&step.latency()),
        "hops": step.hops.iter().map(|hop| json!({
            "hop": hop.name, "ns": percentiles(&hop.latency),
        })).collect::<Vec<_>>(),
    })
}
