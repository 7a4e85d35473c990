//! `vesta md relay`: market data passed on, as a process of its own.

use super::{Context, Failure, Verdict};
use clap::Args;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use vesta_config::{Config, LogLevel};
use vesta_md_publisher::{LegCounters, run::open_relay};
use vesta_netio::StopFlag;
use vesta_runner::{
    BUILD, Metrics, StartError, Stopped, describe_host, farewell, open_transport,
    run_until_stopped, say,
};
use vesta_tools::appliance::RunError;

/// Its name where roles have theirs: in the log, in the counters, in `[metrics]`.
const NAME: &str = "md-relay";

/// Takes market data as any consumer does (multicast, or MDC), and passes it on to those who sign up with
/// `vesta md --relay ADDRESS`, in order and unchanged. Nobody is waited for: a consumer that is too slow
/// takes the next snapshot. It goes on when the md-publisher goes and comes back.
#[derive(Debug, Args)]
pub struct RelayArgs {
    /// Address of this host at which consumers sign up; by default md_relay.address
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Ipv4Addr>,
}

pub fn relay(context: &Context, args: &RelayArgs) -> Result<Verdict, Failure> {
    let mut config = context.config.clone();
    if let Some(address) = args.address {
        config.md_relay.address = address;
    }
    let address = config.md_relay.address;
    if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
        return Err(Failure::CannotStart(format!(
            "md relay: --address {address}: must be the address of this host at which consumers reach it"
        )));
    }
    let not_started = |error: StartError| RunError::not_started(&config, error);
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    say(&config, LogLevel::Info, NAME, BUILD);
    describe_host(&config, NAME);
    let metrics = Metrics::serve(&config, NAME, None).map_err(not_started)?;
    if let Some(metrics) = &metrics {
        say(&config, LogLevel::Info, NAME, &metrics.to_string());
    }
    let mut transport = open_transport(&config, NAME).map_err(not_started)?;
    let mut agent = Box::new(open_relay(&mut transport, &config).map_err(not_started)?);
    say(&config, LogLevel::Info, NAME, &places(&config));
    let outcome = run_until_stopped(
        NAME,
        &mut transport,
        agent.as_mut(),
        &config,
        &stop,
        metrics.as_ref(),
        |agent, transport| agent.tend(transport),
    );
    if context.json {
        let [market_data, snapshots] = agent.legs().map(|(_, counts, _)| leg_json(&counts));
        println!("{}", json!({ "market_data": market_data, "snapshots": snapshots }));
    }
    let lingered = farewell(NAME, &mut transport, agent, &config);
    match outcome.and(lingered.map_err(Stopped::from)) {
        Ok(()) => Ok(Verdict::Holds),
        Err(stopped) => Err(Failure::BrokeDown(format!("md relay: {stopped}"))),
    }
}

fn places(config: &Config) -> String {
    let (relay, channels) = (&config.md_relay, config.channels());
    format!(
        "passes on {} to who signs up at {}, and {} to who does at {}",
        channels.market_data_subscription().uri,
        relay.market_data(),
        channels.snapshots_subscription().uri,
        relay.snapshots()
    )
}

fn leg_json(counts: &LegCounters) -> Value {
    json!({
        "received": counts.input.messages,
        "passed_on": counts.output.messages,
        "bytes": counts.output.bytes,
        "dropped": counts.dropped,
        "unheard": counts.unheard,
        "ignored": counts.ignored,
        "losses": counts.losses,
        "feed_gaps": counts.feed_gaps,
    })
}
