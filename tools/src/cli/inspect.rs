//! `vesta inspect`: tools that never modify anything.

use super::{Context, Failure, Verdict};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the resolved configuration, every value included
    Config,
}

pub fn inspect(context: &Context, args: &InspectArgs) -> Result<Verdict, Failure> {
    match args.what {
        What::Config if context.json => println!("{}", context.config.to_json()),
        What::Config => print!("{}", context.config.to_toml()),
    }
    Ok(Verdict::Holds)
}
