//! `vesta-gateway`: the gateway role as a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    vesta_runner::role_main(
        "gateway",
        "Takes clients' orders over UDP and reports back what becomes of them",
        |transport, config, args| vesta_gateway::run::open(transport, config, args.gateway),
    )
}
