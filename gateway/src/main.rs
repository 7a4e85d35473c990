//! `vesta-gateway`: the gateway role as a process.

use clap::Args;
use std::process::ExitCode;
use vesta_config::Config;
use vesta_runner::OwnArgs;
use vesta_types::GatewayId;

/// What a gateway takes besides what every role takes.
#[derive(Debug, Args)]
struct GatewayArgs {
    /// Which [[gateway]] of the configuration to be; the first one by default
    #[arg(long, value_name = "ID")]
    gateway: Option<u32>,
}

impl OwnArgs for GatewayArgs {
    fn gateway(&self, config: &Config) -> Option<GatewayId> {
        let first = config.gateway_list.first().map(|gateway| gateway.id);
        self.gateway.map(GatewayId).or(first)
    }
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
