//! `vesta bench abi`: engines side by side, behind one C ABI.
//!
//! ```text
//!   reports     null   A   B          hashes; A and B must agree
//!   round 1     null   A   B          each a process of its own, on the same core
//!   round 2     A   B   null          the first moves to the end: drift hits all alike
//!   ...
//!   latency     null   A   B          single calls, by class
//! ```
//!
//! How a pass measures is in `vesta_engine_abi`. A ratio is the median over rounds of the ratio
//! within the round: on a machine that speeds up and slows down, that of the medians means less.

use super::super::{Context, Failure, Verdict};
use super::abi_pass::{NULL, PassKind, read_orders};
use super::abi_report::{self, Comparison, Measured};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vesta_engine_abi::last_core;

/// More rounds than anybody would wait for.
const REPETITIONS_MAX: u32 = 1000;

#[derive(Debug, Args)]
pub struct AbiArgs {
    /// A shared library with an engine in it, for each engine once; the name is how output calls it,
    /// by default that of the file. An engine that only acknowledges, `null`, is always added
    #[arg(
        long = "engine",
        value_name = "[NAME=]FILE",
        value_parser = parse_engine,
        required_unless_present = "export"
    )]
    engines: Vec<EngineFile>,

    /// Order file of the public benchmark's generator
    #[arg(long, value_name = "FILE")]
    orders: PathBuf,

    /// Renumber orders in order of arrival, as a sequencer would
    #[arg(long)]
    dense_ids: bool,

    /// Rounds; each engine runs once in each
    #[arg(
        long,
        default_value_t = 11,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(REPETITIONS_MAX))
    )]
    repetitions: u32,

    /// Core to measure on; by default the last one that this process may use
    #[arg(long, value_name = "N")]
    core: Option<usize>,

    /// Write the orders, as the engines get them, to a file of the same format
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

/// An engine that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct EngineFile {
    name: String,
    path: PathBuf,
}

fn parse_engine(text: &str) -> Result<EngineFile, String> {
    let (name, path) = match text.split_once('=') {
        Some((name, path)) => (name.to_owned(), PathBuf::from(path)),
        None => (name_of(Path::new(text)), PathBuf::from(text)),
    };
    if name.is_empty() || path.as_os_str().is_empty() {
        return Err("wanted: a file, or NAME=FILE".to_owned());
    }
    Ok(EngineFile { name, path })
}

/// `libvesta_abi.so` is called `vesta_abi`, and `other_adapter.so` `other`.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let stem = stem.strip_prefix("lib").unwrap_or(&stem);
    stem.strip_suffix("_adapter").unwrap_or(stem).to_owned()
}

pub fn abi(context: &Context, args: &AbiArgs) -> Result<Verdict, Failure> {
    let orders = read_orders(&args.orders, args.dense_ids)?;
    if let Some(path) = &args.export {
        orders
            .write(path)
            .map_err(|error| Failure::BrokeDown(format!("{}: {error}", path.display())))?;
    }
    if args.engines.is_empty() {
        return Ok(Verdict::Holds);
    }
    let order_count = orders.messages.len();
    // The processes that measure read it themselves.
    drop(orders);
    let runner = Runner::new(args)?;
    let mut engines = runner.engines(&args.engines)?;
    for engine in &mut engines {
        let found = runner.run(engine, PassKind::Reports)?;
        engine.hash = text(&found, "hash")?;
        engine.book_hash = text(&found, "book_hash")?;
        engine.report_count = number(&found, "reports")? as u64;
    }
    for round in 0..args.repetitions {
        for turn in 0..engines.len() {
            let at = (round as usize + turn) % engines.len();
            let found = runner.run(&engines[at], PassKind::Throughput)?;
            let engine = &mut engines[at];
            engine.ns_per_op.push(number(&found, "ns_per_op")?);
            engine.prebuild_ns_per_op.push(number(&found, "prebuild_ns_per_op")?);
            let report_count = number(&found, "reports")? as u64;
            engine.is_repeatable &= report_count == engine.report_count;
        }
    }
    for engine in &mut engines {
        engine.classes = runner.run(engine, PassKind::Latency)?;
    }
    let comparison = Comparison {
        order_count,
        dense_ids: args.dense_ids,
        repetitions: args.repetitions,
        core: runner.core,
        engines,
    };
    Ok(abi_report::print(context, &comparison))
}

/// Starts the processes that measure.
struct Runner<'a> {
    program: PathBuf,
    args: &'a AbiArgs,
    core: usize,
}

impl<'a> Runner<'a> {
    fn new(args: &'a AbiArgs) -> Result<Self, Failure> {
        let cannot = |what: &str, error| Failure::CannotStart(format!("{what}: {error}"));
        let program = std::env::current_exe().map_err(|e| cannot("finding this program", e))?;
        let core = match args.core {
            Some(core) => {
                super::may_use("--core", core)?;
                core
            }
            None => last_core().map_err(|e| cannot("--core is needed: asking for cores", e))?,
        };
        Ok(Self { program, args, core })
    }

    /// The null engine, then those that were asked for.
    fn engines(&self, asked: &[EngineFile]) -> Result<Vec<Measured>, Failure> {
        let mut engines = vec![Measured::new(NULL, Path::new(NULL))];
        for EngineFile { name, path } in asked {
            if engines.iter().any(|engine| engine.name == *name) {
                return Err(Failure::CannotStart(format!(
                    "two engines are called {name}: give one another name, --engine NAME=FILE"
                )));
            }
            engines.push(Measured::new(name, path));
        }
        Ok(engines)
    }

    /// One pass in a process of its own; what its last line says.
    fn run(&self, engine: &Measured, pass: PassKind) -> Result<Value, Failure> {
        let pass_name = pass.to_possible_value().map(|v| v.get_name().to_owned());
        let pass_name = pass_name.unwrap_or_default();
        let mut command = Command::new(&self.program);
        command.args(["bench", "abi-pass", "--pass", &pass_name]);
        command.arg("--engine").arg(&engine.path).arg("--orders").arg(&self.args.orders);
        command.arg("--core").arg(self.core.to_string());
        if self.args.dense_ids {
            command.arg("--dense-ids");
        }
        let output =
            command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|error| {
                Failure::CannotStart(format!("{}: {error}", self.program.display()))
            })?;
        let what = || format!("{}: the pass `{pass_name}`", engine.name);
        match output.status.code() {
            Some(0) => {}
            // It has said why on stderr.
            Some(2) => return Err(Failure::CannotStart(format!("{} could not start", what()))),
            _ => return Err(Failure::BrokeDown(format!("{} ended: {}", what(), output.status))),
        }
        let stdout = String::from_utf8_lossy(&output.stdout);
        let last = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .map_err(|error| Failure::BrokeDown(format!("{} says nothing: {error}", what())))
    }
}

fn lacks(key: &str) -> Failure {
    Failure::BrokeDown(format!("a pass reported no {key}"))
}

fn number(found: &Value, key: &str) -> Result<f64, Failure> {
    found[key].as_f64().ok_or_else(|| lacks(key))
}

fn text(found: &Value, key: &str) -> Result<String, Failure> {
    found[key].as_str().map(str::to_owned).ok_or_else(|| lacks(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_have_names() {
        let name = |text| parse_engine(text).map(|engine| engine.name);
        assert_eq!(name("a/libvesta_abi.so").as_deref(), Ok("vesta_abi"));
        assert_eq!(name("other_adapter.so").as_deref(), Ok("other"));
        assert_eq!(name("old=a/libvesta_abi.so").as_deref(), Ok("old"));
        for bad in ["", "=x.so", "x="] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
