//! Memory that the logs of a process's streams take, by its role.

use vesta_config::{Config, Mode};
use vesta_netio::DriverSettings;

/// Logs of one process: so many, with terms of so many bytes.
type Logs = Vec<(usize, u32)>;

/// Bytes of the logs that the driver of `role` will have once all of its streams are open, with one
/// publisher each: `gateway`, `sequencer`, `engine`, `md-publisher`, `consumer`, `md-relay`, `appliance` (the
/// first four in one process), `driver` (all of them); 0 for others, whose streams are not known
/// here.
#[must_use]
pub fn streams_bytes(config: &Config, role: &str) -> u64 {
    logs(config, role)
        .into_iter()
        .map(|(n, term)| n as u64 * DriverSettings::log_bytes(term as usize))
        .sum()
}

fn logs(config: &Config, role: &str) -> Logs {
    let s = &config.streams;
    let gateways = config.gateway_list.len();
    let orders = s.orders.term_length_bytes;
    let back = s.sequencer_back.term_length_bytes;
    let input = s.input_log.term_length_bytes;
    let event = s.event_log.term_length_bytes;
    let market = s.market_data.term_length_bytes;
    let snapshots = s.snapshots.term_length_bytes;
    match role {
        "gateway" => vec![(1, orders), (1, back), (1, event)],
        "sequencer" => vec![(gateways, orders), (gateways, back), (1, input)],
        "engine" => vec![(1, input), (1, event)],
        "md-publisher" => vec![(1, event), (1, market), (1, snapshots)],
        "consumer" => vec![(1, market), (1, snapshots)],
        // In, out, and what was ended a moment ago and still answers requests for repair.
        "md-relay" => vec![(3, market), (3, snapshots)],
        "appliance" | "driver" => {
            // Readers on one driver share one image, but with MDC each has a port of its own.
            let (input_readers, event_readers) = match config.transport.mode {
                Mode::Multicast => (1, 1),
                Mode::Mdc => (2, gateways + 1),
            };
            let consumers = usize::from(role == "driver");
            vec![
                (2 * gateways, orders),
                (2 * gateways, back),
                (1 + input_readers, input),
                (1 + event_readers, event),
                (1 + consumers, market),
                (1 + consumers, snapshots),
            ]
        }
        _ => Logs::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_takes_what_its_streams_need() {
        let config = Config::default();
        let mib = |role: &str| streams_bytes(&config, role).div_ceil(1 << 20);
        // Three terms each: 1 MiB for orders and back, 4 MiB for the others; and a page.
        assert_eq!((mib("gateway"), mib("sequencer")), (19, 19));
        assert_eq!((mib("engine"), mib("md-publisher"), mib("consumer")), (25, 37, 25));
        assert_eq!(mib("md-relay"), 6 * 12 + 1);
        assert_eq!(mib("appliance"), 6 + 6 + 24 + 24 + 12 + 12 + 1);
        assert_eq!(mib("driver"), mib("appliance") + 24);
        assert_eq!(mib("stranger"), 0);
        let mdc = Config::parse("[transport]\nmode = \"mdc\"\n", "t").expect("a good file");
        assert_eq!(
            streams_bytes(&mdc, "appliance") - streams_bytes(&config, "appliance"),
            2 * DriverSettings::log_bytes(4 << 20)
        );
    }
}
