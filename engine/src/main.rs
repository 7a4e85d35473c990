//! `vesta-engine`: the engine role as a process.

use std::process::ExitCode;
use vesta_runner::NoArgs;

fn main() -> ExitCode {
    vesta_runner::role_main(
        "engine",
        "Applies the input log to the books and publishes the event log",
        |transport, config, _: &NoArgs| vesta_engine::run::open(transport, config),
    )
}
