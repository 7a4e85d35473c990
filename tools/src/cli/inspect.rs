//! `vesta inspect`: tools that never modify anything.

use super::{Context, Failure, Verdict};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use vesta_netio::Clock;
use vesta_tools::watch::{Look, to_json, to_text};

#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the resolved configuration, every value included
    Config,
    /// Print the counters of every role on this host, and of their media drivers, once
    Counters(CountersArgs),
}

/// Whose counters.
#[derive(Debug, Args)]
pub struct CountersArgs {
    /// Where the counters files are; by default where the configuration has them
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
}

impl CountersArgs {
    /// The folder to look into.
    pub fn directory<'a>(&'a self, context: &'a Context) -> &'a Path {
        self.directory.as_deref().unwrap_or_else(|| context.config.counters.directory())
    }

    /// Looks at everything there.
    pub fn look(&self, context: &Context, clock: &Clock) -> Result<Look, Failure> {
        let directory = self.directory(context);
        Look::take(directory, clock.utc_ns().0).map_err(|error| {
            Failure::CannotStart(format!(
                "{} can not be read: {error}; see --directory, and counters.directory",
                directory.display()
            ))
        })
    }
}

pub fn inspect(context: &Context, args: &InspectArgs) -> Result<Verdict, Failure> {
    match &args.what {
        What::Config if context.json => println!("{}", context.config.to_json()),
        What::Config => print!("{}", context.config.to_toml()),
        What::Counters(args) => return counters(context, args),
    }
    Ok(Verdict::Holds)
}

fn counters(context: &Context, args: &CountersArgs) -> Result<Verdict, Failure> {
    let look = args.look(context, &Clock::new())?;
    if context.json {
        println!("{}", to_json(&look));
    } else {
        print!("{}", to_text(&look));
    }
    if look.roles.iter().any(|role| role.is_live) {
        return Ok(Verdict::Holds);
    }
    eprintln!("vesta: no role that runs has counters in {}", look.directory.display());
    Ok(Verdict::Fails)
}
