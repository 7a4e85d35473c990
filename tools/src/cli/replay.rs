//! `vesta replay`: recorded order flow against the book, row by row.

use super::{Context, Failure, Verdict};
use clap::{Args, ValueEnum};
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use vesta_netio::StopFlag;
use vesta_replay::lobster::Recording;
use vesta_replay::{Report, Venue};
use vesta_tools::venues::{ApplianceVenue, MatchingVenue, recorded};

/// Which venue the recording is replayed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Via {
    /// The matching library, called directly
    Matching,
    /// All roles: commands over UDP, books decoded from the market-data multicast
    Appliance,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// LOBSTER message file
    #[arg(long, value_name = "MSG.csv")]
    lobster: PathBuf,

    /// LOBSTER orderbook file of the same rows, of any depth
    #[arg(long, value_name = "BOOK.csv")]
    book: PathBuf,

    /// What to replay on
    #[arg(long, value_enum, default_value_t = Via::Matching)]
    via: Via,
}

pub fn replay(context: &Context, args: &ReplayArgs) -> Result<Verdict, Failure> {
    let open = |path: &PathBuf| {
        File::open(path).map(BufReader::new).map_err(|error| {
            Failure::CannotStart(format!("{}: can not be read: {error}", path.display()))
        })
    };
    let (messages, book) = (open(&args.lobster)?, open(&args.book)?);
    let recording = Recording::new(messages, book);
    let config = recorded(context.config.clone());
    let report = match args.via {
        Via::Matching => {
            check(recording, MatchingVenue::new(&config).map_err(Failure::CannotStart)?)?
        }
        Via::Appliance => {
            let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
            let mut venue = ApplianceVenue::start(&config, &stop)?;
            let checked = check(recording, &mut venue);
            // A role's own reason says more than what its end did to us.
            let ended = venue.finish().map_err(Failure::from);
            match checked {
                Ok(report) => {
                    ended?;
                    report
                }
                Err(failure) => return Err(ended.err().unwrap_or(failure)),
            }
        }
    };
    print_report(context, &report);
    Ok(if report.holds() { Verdict::Holds } else { Verdict::Fails })
}

type Files = Recording<BufReader<File>, BufReader<File>>;

fn check<V: Venue<Error = String>>(recording: Files, venue: V) -> Result<Report, Failure> {
    vesta_replay::run(recording, venue).map_err(|error| Failure::BrokeDown(error.to_string()))
}

fn print_report(context: &Context, report: &Report) {
    if let Some(mismatch) = &report.first_mismatch {
        eprintln!("first mismatch: {mismatch}");
    }
    if context.json {
        println!("{}", report.json());
        return;
    }
    println!("rows          {:>9}", report.rows);
    println!("  exact       {:>9}", report.exact);
    println!(
        "  revealed    {:>9}   levels came into view that nobody could have known",
        report.revealed
    );
    println!("  mismatched  {:>9}", report.mismatched);
    println!("repairs       {:>9}", report.repairs);
    println!(
        "executions    {:>9}   {} shares, {} recorded",
        report.executions, report.executed_qty, report.executed_qty_expected
    );
    println!("verdict: {}", if report.holds() { "OK" } else { "FAIL" });
}
