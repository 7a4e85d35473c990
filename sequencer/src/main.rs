//! `vesta-sequencer`: the sequencer role as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    vesta_runner::role_main(
        "sequencer",
        "Puts the commands of all gateways in one order and publishes the input log",
        |transport, config, _| vesta_sequencer::run::open(transport, config),
    )
}
