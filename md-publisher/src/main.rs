//! `vesta-md-publisher`: the md-publisher role as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    vesta_runner::role_main(
        "md-publisher",
        "Turns the event log into public market data",
        |transport, config, _| vesta_md_publisher::run::open(transport, config),
    )
}
