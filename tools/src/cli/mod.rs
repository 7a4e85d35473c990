//! Raw arguments, resolved once into what each command needs.

mod bench;
mod demo;
mod doctor;
mod driver;
mod inspect;
mod md;
mod md_relay;
mod replay;
mod top;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use vesta_config::Config;
use vesta_tools::appliance::RunError;

/// Vesta: a kernel-bypass networked matching appliance.
#[derive(Debug, Parser)]
#[command(name = "vesta", version = vesta_runner::BUILD)]
struct Cli {
    /// The configuration file; without it the built-in default, which `vesta inspect config` prints
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print one JSON object as the last line of stdout
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole appliance in one process, trade, and check every answer
    Demo(demo::DemoArgs),
    /// Replay recorded order flow and compare the book with the recording after every message
    Replay(replay::ReplayArgs),
    /// Look at things without touching them
    Inspect(inspect::InspectArgs),
    /// Send order flow to a running gateway, and check that each command is answered once
    Flow(demo::FlowArgs),
    /// Subscribe to market data, rebuild the books and show them
    Md(md::MdArgs),
    /// Host the media driver that processes of this host share (transport.driver = "shared")
    Driver,
    /// Say whether this host is ready for what the configuration asks, and how to mend it
    Doctor(doctor::DoctorArgs),
    /// Watch the counters of the roles on this host, live
    Top(top::TopArgs),
    /// Measure, and compare with others
    Bench(bench::BenchArgs),
}

/// What is common to all commands.
struct Context {
    config: Config,
    json: bool,
}

/// How a command ended.
enum Verdict {
    /// What was asked for holds.
    Holds,
    /// It does not; the reasons were printed.
    Fails,
}

/// Why a command could not be tried, or broke down.
enum Failure {
    /// Wrong arguments or configuration, or something is missing on this machine: exit status 2.
    CannotStart(String),
    /// It broke down on the way: exit status 1.
    BrokeDown(String),
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::NotStarted(reason) => Self::CannotStart(reason),
            RunError::BrokeDown(reason) => Self::BrokeDown(reason),
        }
    }
}

pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match Config::load(cli.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("vesta: {error}");
            return ExitCode::from(2);
        }
    };
    let context = Context { config, json: cli.json };
    let outcome = match cli.command {
        Command::Demo(args) => demo::demo(context, &args),
        Command::Replay(args) => replay::replay(&context, &args),
        Command::Inspect(args) => inspect::inspect(&context, &args),
        Command::Flow(args) => demo::flow(context, &args),
        Command::Md(args) => md::md(&context, &args),
        Command::Driver => driver::driver(&context),
        Command::Doctor(args) => doctor::doctor(&context, &args),
        Command::Top(args) => top::top(&context, &args),
        Command::Bench(args) => bench::bench(&context, &args),
    };
    match outcome {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Fails) => ExitCode::FAILURE,
        Err(Failure::CannotStart(reason)) => {
            eprintln!("vesta: {reason}");
            ExitCode::from(2)
        }
        Err(Failure::BrokeDown(reason)) => {
            eprintln!("vesta: {reason}");
            ExitCode::FAILURE
        }
    }
}
