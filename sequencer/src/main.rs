//! `vesta-sequencer`: the sequencer role as a process.

use std::process::ExitCode;
use vesta_runner::NoArgs;

fn main() -> ExitCode {
    vesta_runner::role_main(
        "sequencer",
        "Puts the commands of all gateways in one order and publishes the input log",
        |transport, config, _: &NoArgs| vesta_sequencer::run::open(transport, config),
    )
}
