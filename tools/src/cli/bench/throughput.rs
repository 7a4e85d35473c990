//! `vesta bench throughput`: sequenced orders per second through the network path, nothing lost.
//!
//! ```text
//!   generator --10--> sequencer --20--> engine --30--> generator: every event_seq, every answer
//! ```

use super::super::{Context, Failure, Verdict};
use super::throughput_clients::{self, FromClients};
use super::{Common, failure};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;
use vesta_config::{Config, Datapath};
use vesta_netio::StopFlag;
use vesta_tools::bench::generate::{
    BATCH, FRAGMENTS_PER_CYCLE, GenerateEnd, GenerateJob, SAMPLE_EVERY, Tally,
};
use vesta_tools::bench::intervals::IntervalCounts;
use vesta_tools::bench::machine::{About, Header};
use vesta_tools::bench::network::{Network, Place, can_make_namespaces, loopback};
use vesta_tools::bench::report::{Interval, Report, Series};
use vesta_tools::bench::sysctl::Raised;
use vesta_tools::bench::venue::{self, Role, RoleJob, START_MAX};
use vesta_tools::bench::worker::Worker;
use vesta_tools::bench::{BenchError, Job};
use vesta_workload::Scenario;

/// A datapath that takes over a network interface has none on loopback.
const NOT_ON_LOOPBACK: &str = "xdp";
/// That of jumbo frames, which loopback carries whole.
const LOOPBACK_MTU_BYTES: u32 = 8_928;
/// The longest datagram on a link of 1500 bytes, as `vesta.toml` has it.
const VETH_MTU_BYTES: u32 = 1_408;
/// What a process moves each time that it is let run, where cores are shared: 1 MiB of commands is a few
/// milliseconds of work. With less, most of the time goes into handing the core on; with more, what is
/// in flight leaves the second-level cache.
const WINDOW_BYTES: u32 = 1 << 20;
/// Least share of orders that trade.
const TRADING_SHARE_MIN: f64 = 0.3;
/// The goal of the design, orders per second.
const GOAL_PER_S: f64 = 1e6;

#[derive(Debug, Args)]
pub struct ThroughputArgs {
    #[command(flatten)]
    pub common: Common,

    /// Seconds that are counted, of each datapath
    #[arg(long, default_value_t = 10.0, value_name = "S", value_parser = super::parse_seconds)]
    pub seconds: f64,

    /// Seconds before that
    #[arg(long, default_value_t = 2.0, value_name = "S", value_parser = super::parse_seconds)]
    warm_up: f64,

    /// Only this datapath; may be given several times. By default all that can be had here
    #[arg(long = "datapath", value_name = "NAME")]
    datapaths: Vec<String>,

    /// `lo`, or `veth`: each process a host of its own on a bridge. A datapath that loopback does not
    /// have is always on `veth`
    #[arg(long, default_value = "lo", value_name = "NAME", value_parser = ["lo", "veth"])]
    link: String,

    /// Longest datagram, bytes of UDP payload: `transport.mtu_bytes`. By default 8928 on loopback, which
    /// carries jumbo frames, and 1408 on veth
    #[arg(long, value_name = "N")]
    mtu_bytes: Option<u32>,

    /// What a reader admits to be in flight to it, bytes: `transport.receiver_window_bytes`, with socket
    /// buffers and terms to match. By default 1 MiB, or the configuration's if that is more: on cores that
    /// are shared, a process moves so much each time it is let run. net.core.rmem_max is raised for it
    /// meanwhile, where that is needed and this process may; otherwise it is as much as the kernel grants
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4_096..=1 << 26))]
    window_bytes: Option<u32>,

    /// Which order flow: a scenario of `vesta bench matching`
    #[arg(long, default_value_t = Scenario::Normal, value_name = "NAME")]
    scenario: Scenario,
}

/// Where the processes are.
pub struct Hosts {
    link: &'static str,
    /// Also the client's and the gateway's.
    pub generator: Place,
    pub sequencer: Place,
    pub engine: Place,
    /// Keeps them there.
    _network: Option<Network>,
}

impl Hosts {
    fn new(datapath: Datapath, args: &ThroughputArgs) -> Result<Self, BenchError> {
        if args.link == "veth" || datapath.name() == NOT_ON_LOOPBACK {
            can_make_namespaces().map_err(BenchError::CannotStart)?;
            let network = Network::lan(PROCESSES.len())?;
            let [generator, sequencer, engine] = [0, 1, 2].map(|number| network.place(number));
            return Ok(Self {
                link: "veth",
                generator,
                sequencer,
                engine,
                _network: Some(network),
            });
        }
        let network = match can_make_namespaces() {
            Ok(()) => Some(Network::pair()?),
            Err(_) => None,
        };
        let place = network.as_ref().map_or_else(loopback, Network::loopback);
        let [generator, sequencer] = [place.clone(), place.clone()];
        Ok(Self { link: "lo", generator, sequencer, engine: place, _network: network })
    }

    fn mtu_bytes(&self, args: &ThroughputArgs) -> u32 {
        let by_default = if self.link == "lo" { LOOPBACK_MTU_BYTES } else { VETH_MTU_BYTES };
        args.mtu_bytes.unwrap_or(by_default)
    }
}

/// What was found of one datapath.
struct Found {
    datapath: &'static str,
    link: &'static str,
    mtu_bytes: u32,
    begin: Tally,
    end: Tally,
    last: Tally,
    /// One in some orders, timed, between begin and end.
    answers: Vec<IntervalCounts>,
    /// By process.
    cpu_ns: [Option<u64>; 3],
}

const PROCESSES: [&str; 3] = ["generator", "sequencer", "engine"];

pub fn throughput(context: &Context, args: &ThroughputArgs) -> Result<Verdict, Failure> {
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let (datapaths, skipped) = super::datapaths(&args.datapaths)?;
    let cores = args.common.cores()?;
    let layout = layout(&cores);
    let idle = if cores.len() >= PROCESSES.len() { "spinning" } else { "backing off" };
    let pinned = PROCESSES.iter().zip(layout);
    let pinned: Vec<_> = pinned.map(|(name, c)| format!("{name} {}", super::core(c))).collect();
    let (window_bytes, limits) = window(context, args)?;
    let header = Header::new(About {
        bench: "throughput",
        pinning: format!("{}, {idle} when idle", pinned.join(", ")),
        warm_up: format!("{} s of each datapath", args.warm_up),
        seed: args.common.seed.to_string(),
        settings: format!(
            "{} s, window of {window_bytes} bytes ({limits}), terms to match, {BATCH} records offered and \
             {FRAGMENTS_PER_CYCLE} fragments taken in a cycle at most, {} datagrams a send, scenario {}, \
             level received",
            args.seconds, context.config.transport.messages_per_send, args.scenario
        ),
        configuration: super::configuration(),
    });
    let mut report = Report::create(args.common.out.as_deref(), header).map_err(failure)?;
    let (mut all, mut from_clients) = (Vec::new(), Vec::new());
    for datapath in datapaths {
        let hosts = Hosts::new(datapath, args).map_err(failure)?;
        let config =
            config(context, args, &hosts, datapath, cores.len(), window_bytes).map_err(failure)?;
        report.configuration(format!("throughput-{datapath}"), config.to_toml());
        all.push(measure(&config, args, &hosts, datapath, layout, &stop).map_err(failure)?);
        let found = throughput_clients::measure(&config, args, &hosts, datapath, &cores, &stop);
        from_clients.push(found.map_err(failure)?);
    }
    drop(limits);
    report.text(&table(&all));
    from_clients.iter().for_each(|found| report.text(&found.line()));
    let mut wrongs: Vec<String> = all.iter().flat_map(Found::wrongs).collect();
    wrongs.extend(from_clients.iter().filter_map(FromClients::wrong));
    wrongs.iter().for_each(|wrong| report.text(&format!("wrong: {wrong}")));
    for found in &all {
        let reached = if found.orders_per_s() >= GOAL_PER_S { "reached" } else { "missed" };
        report.text(&format!("{}: goal of {GOAL_PER_S} orders/s {reached}", found.datapath));
    }
    plot(&mut report, &all, &from_clients);
    let holds = wrongs.is_empty() && !all.is_empty();
    let verdict = if holds { "OK" } else { "FAIL" };
    report.text(&format!("verdict: {verdict}"));
    let result = json!({
        "datapaths": all.iter().map(Found::in_json).collect::<Vec<_>>(),
        "from_clients": from_clients.iter().map(FromClients::in_json).collect::<Vec<_>>(),
        "goal_per_s": GOAL_PER_S,
        "window_bytes": window_bytes,
        "scenario": args.scenario.name(),
        "skipped": skipped,
        "wrong": wrongs,
        "verdict": verdict,
    });
    report.finish(&result).map_err(failure)?;
    if context.json {
        println!("{result}");
    }
    Ok(if holds { Verdict::Holds } else { Verdict::Fails })
}

/// The window, and what of the kernel's was raised for it.
fn window(context: &Context, args: &ThroughputArgs) -> Result<(u32, Raised), Failure> {
    let configured = context.config.transport.receiver_window_bytes;
    let wanted = args.window_bytes.unwrap_or(configured.max(WINDOW_BYTES));
    let limits = Raised::socket_buffers(u64::from(wanted));
    let granted = limits.granted().map_or(wanted, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
    if granted >= wanted {
        return Ok((wanted, limits));
    }
    if args.window_bytes.is_some() {
        return Err(Failure::CannotStart(format!(
            "--window-bytes {wanted}: the kernel grants {granted}, and this process may not raise that; \
             as root, sysctl -w net.core.rmem_max={wanted} net.core.wmem_max={wanted}"
        )));
    }
    println!(
        "window of {granted} bytes and not {wanted}: net.core.rmem_max or wmem_max is no more"
    );
    Ok((granted, limits))
}

/// Adds what was timed, and how steady it was.
fn plot(report: &mut Report, all: &[Found], from_clients: &[FromClients]) {
    let mut names = Vec::new();
    for found in all {
        let per_s: Vec<f64> = found.per_second();
        let (least, most) =
            per_s.iter().fold((f64::MAX, 0.0_f64), |(a, b), &x| (a.min(x), b.max(x)));
        if !per_s.is_empty() {
            report.text(&format!(
                "{}: {least:.0} to {most:.0} orders/s in single seconds",
                found.datapath
            ));
        }
        let mut series = Series::new(format!("{}-saturated", found.datapath), found.orders_per_s());
        series.intervals.extend(found.answers.iter().map(Interval::from));
        names.push(series.name.clone());
        report.series(series);
    }
    for found in from_clients {
        let series = found.series();
        names.push(series.name.clone());
        report.series(series);
    }
    report.text(
        "\nFrom when an order was taken until it was answered, at saturation: how deep the windows are, \
         and not a latency at a rate, which `vesta bench wire` and `chain` measure.",
    );
    report.text(&format!("\n{}", report.table()));
    report.plot("taken to answered, at saturation (closed loop)", names);
}

/// Cores of generator, sequencer, engine. On two cores the engine, which has most to do, has one for
/// itself.
fn layout(cores: &[usize]) -> [Option<usize>; 3] {
    match *cores {
        [a, b, c, ..] => [Some(a), Some(b), Some(c)],
        [a, b] => [Some(a), Some(a), Some(b)],
        _ => [None; 3],
    }
}

fn config(
    context: &Context,
    args: &ThroughputArgs,
    hosts: &Hosts,
    datapath: Datapath,
    cores: usize,
    window: u32,
) -> Result<Config, BenchError> {
    let mut config = context.config.clone();
    venue::move_to(&mut config, &hosts.generator, datapath.name())?;
    config.streams.orders.endpoint.set_ip(hosts.sequencer.address);
    venue::choose_idle(&mut config, PROCESSES.len(), cores);
    config.transport.mtu_bytes = hosts.mtu_bytes(args);
    let transport = &mut config.transport;
    transport.receiver_window_bytes = window;
    transport.socket_receive_buffer_bytes = transport.socket_receive_buffer_bytes.max(window);
    transport.socket_send_buffer_bytes = transport.socket_send_buffer_bytes.max(window);
    let term = (2 * window).next_power_of_two();
    let streams = &mut config.streams;
    for (length, mtu) in [
        (&mut streams.orders.term_length_bytes, &mut streams.orders.mtu_bytes),
        (&mut streams.sequencer_back.term_length_bytes, &mut streams.sequencer_back.mtu_bytes),
        (&mut streams.input_log.term_length_bytes, &mut streams.input_log.mtu_bytes),
        (&mut streams.event_log.term_length_bytes, &mut streams.event_log.mtu_bytes),
        (&mut streams.market_data.term_length_bytes, &mut streams.market_data.mtu_bytes),
        (&mut streams.snapshots.term_length_bytes, &mut streams.snapshots.mtu_bytes),
    ] {
        *length = term.max(*length);
        // The MTU that is measured, and told, is that of all.
        *mtu = 0;
    }
    config.transport.setup_term_length_max_bytes =
        config.transport.setup_term_length_max_bytes.max(config.streams.term_length_max_bytes());
    config.engine.event_readers_min = 1;
    config.sequencer.input_readers_min = 1;
    // What was changed must hold together: the processes read it as a file.
    Config::parse(&config.to_toml(), "bench")
        .map_err(|error| BenchError::not_started("--mtu-bytes", error))
}

fn measure(
    config: &Config,
    args: &ThroughputArgs,
    hosts: &Hosts,
    datapath: Datapath,
    [generator_core, sequencer_core, engine_core]: [Option<usize>; 3],
    stop: &StopFlag,
) -> Result<Found, BenchError> {
    let text = config.to_toml();
    let role = |role, core, place| {
        venue::start(RoleJob { role, config: text.clone(), core, trace: None }, place)
    };
    let mut engine = role(Role::Engine, engine_core, &hosts.engine)?;
    let mut sequencer = role(Role::Sequencer, sequencer_core, &hosts.sequencer)?;
    let job = Job::Generate(GenerateJob {
        config: text.clone(),
        core: generator_core,
        scenario: args.scenario.name().to_owned(),
        seed: args.common.seed,
    });
    let mut generator = Worker::start("generator", &hosts.generator.host, &job)?;
    venue::await_ready(&mut [&mut engine, &mut sequencer, &mut generator], stop)?;

    let pids = [generator.pid(), sequencer.pid(), engine.pid()];
    let mut ask = |wait: f64| -> Result<(Tally, [Option<u64>; 3]), BenchError> {
        sleep(wait, stop)?;
        generator.say(&"tally")?;
        let tally = generator.hear_as(START_MAX, stop)?;
        Ok((tally, pids.map(venue::cpu_ns)))
    };
    let (begin, cpu_begin) = ask(args.warm_up)?;
    let (end, cpu_end) = ask(args.seconds)?;
    generator.say(&"end")?;
    let GenerateEnd { tally: last, answers } = generator.hear_as(START_MAX, stop)?;
    let workers = [generator, sequencer, engine].map(|mut worker| {
        worker.tell_to_end();
        worker
    });
    for worker in workers {
        worker.end()?;
    }
    let mut cpu_ns = [None; 3];
    for (at, cpu) in cpu_ns.iter_mut().enumerate() {
        *cpu = cpu_end[at].zip(cpu_begin[at]).map(|(end, begin)| end - begin);
    }
    let mtu_bytes = config.transport.mtu_bytes;
    let (datapath, link) = (datapath.name(), hosts.link);
    Ok(Found { datapath, link, mtu_bytes, begin, end, last, answers, cpu_ns })
}

fn sleep(seconds: f64, stop: &StopFlag) -> Result<(), BenchError> {
    const STEP: Duration = Duration::from_millis(20);
    let steps = (seconds / STEP.as_secs_f64()).round() as u64;
    for _ in 0..steps {
        if stop.is_stopped() {
            return Err(BenchError::Interrupted);
        }
        std::thread::sleep(STEP);
    }
    Ok(())
}

impl Found {
    fn seconds(&self) -> f64 {
        (self.end.at_ns - self.begin.at_ns) as f64 / 1e9
    }

    /// Commands that were answered while it was counted.
    fn orders(&self) -> u64 {
        self.end.answered - self.begin.answered
    }

    fn orders_per_s(&self) -> f64 {
        self.orders() as f64 / self.seconds()
    }

    /// Orders answered in each whole second, from those that were timed.
    fn per_second(&self) -> Vec<f64> {
        let whole = self.answers.iter().filter(|interval| interval.duration_ns == 1_000_000_000);
        whole
            .map(|interval| {
                let timed: u64 = interval.counts.counts.iter().map(|(_, count)| count).sum();
                (timed * SAMPLE_EVERY) as f64
            })
            .collect()
    }

    /// Of the new orders, those that traded.
    fn trading_share(&self) -> f64 {
        let (begin, end) = (&self.begin, &self.end);
        (end.traded - begin.traded) as f64 / (end.orders - begin.orders).max(1) as f64
    }

    fn lost(&self) -> u64 {
        self.last.sent - self.last.answered
    }

    fn cpu_ns_per_order(&self) -> Option<f64> {
        let sum: Option<u64> = self.cpu_ns.iter().copied().sum();
        sum.map(|sum| sum as f64 / self.orders().max(1) as f64)
    }

    fn wrongs(&self) -> Vec<String> {
        let mut wrongs = Vec::new();
        let datapath = self.datapath;
        if self.lost() > 0 || self.last.refused > 0 {
            let (lost, refused) = (self.lost(), self.last.refused);
            wrongs.push(format!("{datapath}: {lost} commands lost, {refused} of them refused"));
        }
        if self.orders() == 0 {
            wrongs.push(format!("{datapath}: nothing was answered"));
        } else if self.trading_share() < TRADING_SHARE_MIN {
            let share = self.trading_share();
            wrongs.push(format!("{datapath}: only {share:.2} of the orders trade"));
        }
        wrongs
    }

    fn in_json(&self) -> Value {
        json!({
            "datapath": self.datapath,
            "link": self.link,
            "mtu_bytes": self.mtu_bytes,
            "seconds": self.seconds(),
            "orders": self.orders(),
            "trading_share": self.trading_share(),
            "orders_per_s": self.orders_per_s(),
            "orders_in_each_second": self.per_second(),
            "lost": self.lost(),
            "cpu_ns_per_order": self.cpu_ns_per_order(),
            "cpu_cores": PROCESSES.iter().zip(self.cpu_ns).map(|(name, cpu)| {
                ((*name).to_owned(), json!(cpu.map(|ns| ns as f64 / 1e9 / self.seconds())))
            }).collect::<serde_json::Map<_, _>>(),
            "events": self.end.event_seq - self.begin.event_seq,
            "fills": self.end.fills - self.begin.fills,
            "rejected": self.end.rejected - self.begin.rejected,
        })
    }
}

fn table(all: &[Found]) -> String {
    let mut table = format!(
        "{:<10} {:<5} {:>5} {:>12} {:>8} {:>6} {:>12} {:>14}   {}\n",
        "datapath",
        "link",
        "MTU",
        "orders/s",
        "trading",
        "lost",
        "events/s",
        "CPU ns/order",
        "cores in use"
    );
    for found in all {
        let per_s = |count: u64| count as f64 / found.seconds();
        let cores = PROCESSES.iter().zip(found.cpu_ns).filter_map(|(name, cpu)| {
            cpu.map(|ns| format!("{name} {:.2}", ns as f64 / 1e9 / found.seconds()))
        });
        table.push_str(&format!(
            "{:<10} {:<5} {:>5} {:>12.0} {:>8.2} {:>6} {:>12.0} {:>14.0}   {}\n",
            found.datapath,
            found.link,
            found.mtu_bytes,
            found.orders_per_s(),
            found.trading_share(),
            found.lost(),
            per_s(found.end.event_seq - found.begin.event_seq),
            found.cpu_ns_per_order().unwrap_or(f64::NAN),
            cores.collect::<Vec<_>>().join(", "),
        ));
    }
    table
}
