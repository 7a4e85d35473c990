//! `vesta-gateway`: the gateway role as a process.

use clap::Args;
use std::process::ExitCode;

/// What a gateway takes besides what every role takes.
#[derive(Debug, Args)]
struct GatewayArgs {
    /// Which [[gateway]] of the configuration to be; the first one by default
    #[arg(long, value_name = "ID")]
    gateway: Option<u32>,
}

fn main() -> ExitCode {
    vesta_runner::role_main(
        "gateway",
        "Takes clients' orders over UDP and reports back what becomes of them",
        |transport, config, args: &GatewayArgs| {
            vesta_gateway::run::open(transport, config, args.gateway)
        },
    )
}
