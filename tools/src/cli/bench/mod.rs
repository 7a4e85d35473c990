//! `vesta bench`: measured comparisons, both sides in one run.

mod abi;
mod abi_pass;
mod abi_report;
mod chain;
mod jitter;
mod link;
mod matching;
mod matching_pass;
mod rings;
mod throughput;
mod throughput_clients;
mod wire;

use super::{Context, Failure, Verdict};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use vesta_config::Datapath;
use vesta_netio::probe;
use vesta_tools::bench::network::{Link, Network, can_make_namespaces, loopback};
use vesta_tools::bench::worker::{cores, pinnable_cores};
use vesta_tools::bench::{BenchError, run_worker};

#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Compare matching engines behind the C ABI of the public matching-engine-benchmark
    Abi(abi::AbiArgs),
    /// Measure the matching core alone, on seeded scenarios
    Matching(matching::MatchingArgs),
    /// Time one order in, one event out, beside an Aeron echo and raw UDP, on every datapath
    Wire(wire::WireArgs),
    /// Compare the datapaths themselves: messages per second, and round trips, between two processes
    Link(link::LinkArgs),
    /// Flood sequencer and engine, each a process, and check every event, on every datapath
    Throughput(throughput::ThroughputArgs),
    /// Time the whole way of an order, hop by hop, at rising rates
    Chain(chain::ChainArgs),
    /// Find what the host takes from a spinning thread, on each core
    Jitter(jitter::JitterArgs),
    /// Measure rings between two threads, and the codec
    Rings(rings::RingsArgs),
    /// One pass over one engine, in a process of its own; `abi` starts these
    #[command(hide = true)]
    AbiPass(abi_pass::AbiPassArgs),
    /// One job of a measurement, in a process of its own; the others start these
    #[command(hide = true)]
    Worker,
}

/// What every measurement of the data path takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Where the report goes; by default target/bench/NAME-DATE
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Names the order flow: the same seed gives the same orders
    #[arg(long, default_value_t = 42, value_name = "N")]
    pub seed: u64,

    /// Cores to use, as 0,1 or 0-3,5, isolated ones too; by default those that the scheduler gives this
    /// process
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_range)]
    cores: Vec<RangeInclusive<usize>>,
}

/// Refuses a core that is not there, or not for this process, and says which are.
fn may_use(flag: &str, core: usize) -> Result<(), Failure> {
    let there = pinnable_cores().map_err(failure)?;
    if there.contains(&core) {
        return Ok(());
    }
    let count = there.len();
    Err(Failure::CannotStart(format!(
        "{flag} {core}: this process may use {count} cores, {there:?}: name one of them"
    )))
}

/// A core, or several as the kernel writes them.
fn parse_range(text: &str) -> Result<RangeInclusive<usize>, String> {
    // Of the widest mask that the kernel has.
    const CORES_MAX: usize = 1 << 16;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<usize>().ok().filter(|core| *core < CORES_MAX);
    match number(first).zip(number(last)) {
        Some((first, last)) if first <= last => Ok(first..=last),
        _ => Err("give cores as 0 or 0-3".to_owned()),
    }
}

impl Common {
    /// The cores to use, at least one.
    fn cores(&self) -> Result<Vec<usize>, Failure> {
        if self.cores.is_empty() {
            return cores().map_err(failure);
        }
        let cores: Vec<usize> = self.cores.iter().cloned().flatten().collect();
        for &core in &cores {
            may_use("--cores", core)?;
        }
        Ok(cores)
    }

    /// A core for each of two processes; on one core they share it, unpinned.
    fn two_cores(&self) -> Result<[Option<usize>; 2], Failure> {
        Ok(match self.cores()?.as_slice() {
            [first, second, ..] => [Some(*first), Some(*second)],
            _ => [None, None],
        })
    }
}

pub fn bench(context: &Context, args: &BenchArgs) -> Result<Verdict, Failure> {
    match &args.what {
        What::Abi(args) => abi::abi(context, args),
        What::Matching(args) => matching::matching(context, args),
        What::Wire(args) => wire::wire(context, args),
        What::Link(args) => link::link(context, args),
        What::Throughput(args) => throughput::throughput(context, args),
        What::Chain(args) => chain::chain(context, args),
        What::Jitter(args) => jitter::jitter(context, args),
        What::Rings(args) => rings::rings(context, args),
        What::AbiPass(args) => abi_pass::abi_pass(args),
        What::Worker => match run_worker() {
            Ok(()) | Err(BenchError::Interrupted) => Ok(Verdict::Holds),
            Err(error) => Err(failure(error)),
        },
    }
}

fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::CannotStart(reason) => Failure::CannotStart(reason),
        error => Failure::BrokeDown(error.to_string()),
    }
}

/// A core, as the head of a report names it.
fn core(core: Option<usize>) -> String {
    core.map_or_else(|| "unpinned".to_owned(), |core| format!("on core {core}"))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && (1.0..=1e7).contains(&rate) => Ok(rate),
        _ => Err("give a number per second from 1 to 10000000".to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds from 0.01 to 600".to_owned()),
    }
}

/// The datapaths that were asked for, or all that can be had here, and why the others can not.
fn datapaths(asked: &[String]) -> Result<(Vec<Datapath>, Vec<Value>), Failure> {
    if !asked.is_empty() {
        let known = |name: &String| {
            let found = Datapath::ALL.iter().find(|datapath| datapath.name() == name);
            let all: Vec<&str> = Datapath::ALL.iter().map(|datapath| datapath.name()).collect();
            found.copied().filter(|found| *found != Datapath::Auto).ok_or_else(|| {
                Failure::CannotStart(format!("--datapath {name}: give one of {}", all.join(", ")))
            })
        };
        return Ok((asked.iter().map(known).collect::<Result<_, _>>()?, Vec::new()));
    }
    let (mut had, mut skipped) = (Vec::new(), Vec::new());
    for &datapath in Datapath::ALL {
        match datapath {
            Datapath::Auto => {}
            Datapath::Uring => match probe() {
                Ok(()) => had.push(datapath),
                Err(reason) => {
                    println!("SKIP uring: {reason}");
                    skipped.push(json!({"datapath": "uring", "reason": reason.to_string()}));
                }
            },
            _ => had.push(datapath),
        }
    }
    Ok((had, skipped))
}

/// The links that were asked for, or those in `default`, and what keeps them there.
fn links(asked: &[String], default: &[&str]) -> Result<(Option<Network>, Vec<Link>), Failure> {
    let wanted = |name: &str| match asked {
        [] => default.contains(&name),
        asked => asked.iter().any(|link| link == name),
    };
    let mut links = Vec::new();
    let network = match can_make_namespaces() {
        Ok(()) => Some(Network::pair().map_err(failure)?),
        Err(reason) if asked.iter().any(|link| link == "veth") => {
            return Err(Failure::CannotStart(format!("--link veth: {reason}")));
        }
        Err(reason) => {
            if wanted("veth") {
                println!("SKIP veth: {reason}");
            }
            None
        }
    };
    if let Some(network) = network.as_ref().filter(|_| wanted("veth")) {
        links.push(Link { name: "veth", ends: [network.place(0), network.place(1)] });
    }
    // Where there is no other, better that than nothing.
    if wanted("lo") || links.is_empty() {
        let place = network.as_ref().map_or_else(loopback, Network::loopback);
        links.push(Link { name: "lo", ends: [place.clone(), place] });
    }
    Ok((network, links))
}

/// One round after the other, each told on stderr when it is done.
fn in_rounds(
    bench: &str,
    rounds: u32,
    mut round: impl FnMut(usize) -> Result<(), BenchError>,
) -> Result<(), Failure> {
    for number in 0..rounds as usize {
        round(number).map_err(failure)?;
        eprintln!("vesta bench {bench}: round {} of {rounds}", number + 1);
    }
    Ok(())
}

/// True unless a datapath that takes over a network interface has none on a link.
fn has(link: &Link, datapath: Datapath) -> bool {
    link.name != "lo" || datapath != Datapath::Xdp
}

/// The configuration, as the head of a report names it.
fn configuration() -> String {
    let mut args = std::env::args().skip_while(|arg| !arg.starts_with("--config"));
    match (args.next(), args.next()) {
        (Some(arg), _) if arg.contains('=') => arg.trim_start_matches("--config=").to_owned(),
        (Some(_), Some(file)) => file,
        _ => "built-in default".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use vesta_tools::bench::worker::pin;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        common: Common,
    }

    fn common(list: &str) -> Result<Common, clap::Error> {
        Line::try_parse_from(["bench", "--cores", list]).map(|line| line.common)
    }

    #[test]
    fn cores_are_listed_as_the_kernel_does() {
        let listed = |list: &str| {
            let ranges = common(list).map(|common| common.cores);
            ranges.map(|ranges| ranges.into_iter().flatten().collect::<Vec<_>>()).ok()
        };
        assert_eq!(listed("0-3,5"), Some(vec![0, 1, 2, 3, 5]));
        assert_eq!(listed("1,0"), Some(vec![1, 0]));
        assert_eq!(listed("2-2"), Some(vec![2]));
        for list in ["", "3-1", "0-", "-1", "a", "0,,1", "0-99999999", "1-2-3"] {
            assert_eq!(listed(list), None, "{list}");
        }
    }

    /// As from a login shell of a tuned host, which has none of the roles' cores.
    #[test]
    fn cores_outside_the_mask_are_measured_and_others_are_refused() {
        let all = pinnable_cores().expect("Linux knows");
        let words: Vec<String> = all.iter().map(ToString::to_string).collect();
        let (list, count) = (words.join(","), all.len());
        let (first, next) = (all[0], all.last().expect("one") + 1);
        std::thread::spawn(move || {
            pin(Some(first)).expect("it can be had");
            let of = |list: &str| common(list).expect("a list").cores();
            assert!(of(&list).is_ok_and(|cores| cores == all), "all can be had");
            let Err(Failure::CannotStart(why)) = of(&format!("{first},{next}")) else {
                panic!("there is no core {next}");
            };
            let expected = format!("--cores {next}: this process may use {count} cores, ");
            assert!(why.starts_with(&expected), "{why}");
        })
        .join()
        .expect("no panic");
    }
}
