//! `vesta-md-publisher`: the md-publisher role as a process.

use std::process::ExitCode;
use vesta_runner::NoArgs;

fn main() -> ExitCode {
    vesta_runner::role_main(
        "md-publisher",
        "Turns the event log into public market data",
        |transport, config, _: &NoArgs| vesta_md_publisher::run::open(transport, config),
    )
}
