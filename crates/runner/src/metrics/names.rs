//! The names by which Prometheus knows what is counted: the whole list, each with its help and with what
//! it shows of the counters file. `docs/operating.md` has the same table; a test holds the two together.

use vesta_hotmem::Kind;

/// What the numbers of a metric are of, in Prometheus' base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Whatever its name says, one by one.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds, counted in nanoseconds.
    Seconds,
}

/// Where a number of the counters file is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The role itself.
    Role,
    /// A stream: its name becomes the label `stream`, its id `stream_id`.
    Stream,
    /// Numbers that have names of their own, such as reasons.
    Named(&'static str),
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name without its unit, and without the `_total` of a counter.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it is of.
    pub of: Of,
    /// Labels beside `role` and `shard`, which all have.
    pub labels: &'static [&'static str],
    /// The numbers of the counters file that it shows. A name that ends with `*` stands for all that
    /// begin so; what `*` stands for becomes the label. Empty: it is made elsewhere.
    pub from: &'static [(Scope, &'static str)],
    /// One sentence, without its full stop.
    pub help: &'static str,
}

impl Metric {
    /// Its unit, where it has one.
    #[must_use]
    pub const fn unit(&self) -> Option<&'static str> {
        match self.of {
            Of::Count => None,
            Of::Bytes => Some("bytes"),
            Of::Seconds => Some("seconds"),
        }
    }
}

const ROLE: Scope = Scope::Role;
const STREAM: Scope = Scope::Stream;
const DATAPATH: Scope = Scope::Named("datapath");
const STREAM_LABELS: &[&str] = &["stream", "stream_id"];

const fn metric(
    name: &'static str,
    kind: Kind,
    of: Of,
    labels: &'static [&'static str],
    from: &'static [(Scope, &'static str)],
    help: &'static str,
) -> Metric {
    Metric { name, kind, of, labels, from, help }
}

/// Where in [`METRICS`] the metric of that name is.
///
/// # Panics
/// When there is none: the name is ours.
#[must_use]
pub fn place_of(name: &str) -> usize {
    let found = METRICS.iter().position(|metric| metric.name == name);
    found.unwrap_or_else(|| panic!("no metric is called {name}"))
}

/// All that there are, in the order of the document.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &{
    use Kind::{Counter, Gauge, Histogram};
    use Of::{Bytes, Count, Seconds};
    [
    // Every process.
    metric("vesta_ready", Gauge, Count, &[], &[(ROLE, "ready")],
        "1 once the role does what it is for: its streams are joined, and it would take work"),
    metric("vesta_start_time", Gauge, Seconds, &[], &[],
        "When the role started, in seconds since 1970"),
    metric("vesta_counters_age", Gauge, Seconds, &[], &[],
        "How long ago the role wrote its numbers: above a second it hangs, or the host has stopped it"),
    metric("vesta_counters_left_out", Gauge, Count, &[], &[],
        "Numbers that had no room in the counters file"),
    metric("vesta_duty_cycles", Counter, Count, &[], &[(ROLE, "duty_cycles")],
        "Turns of the role's loop"),
    metric("vesta_duty_cycles_busy", Counter, Count, &[], &[(ROLE, "duty_cycles_busy")],
        "Turns of the loop that found something to do"),
    metric("vesta_hop", Histogram, Seconds, &[], &[(ROLE, "hop"), (ROLE, "hop_sum")],
        "From the sequencer's stamp to the end of the turn in which the role handled the message"),

    metric("vesta_other", Gauge, Count, &["scope", "counter"], &[],
        "A number of the counters file that has no metric of its own"),

    // Streams.
    metric("vesta_stream_received_messages", Counter, Count, STREAM_LABELS, &[(STREAM, "messages_in")],
        "Messages taken from a stream: frames, where it has frames of records"),
    metric("vesta_stream_received", Counter, Bytes, STREAM_LABELS, &[(STREAM, "bytes_in")],
        "Their bytes"),
    metric("vesta_stream_sent_messages", Counter, Count, STREAM_LABELS, &[(STREAM, "messages_out")],
        "Messages put on a stream"),
    metric("vesta_stream_sent", Counter, Bytes, STREAM_LABELS, &[(STREAM, "bytes_out")],
        "Their bytes"),
    metric("vesta_stream_back_pressured", Counter, Count, STREAM_LABELS, &[(STREAM, "back_pressured")],
        "Offers to a stream that were refused because a reader was behind"),
    metric("vesta_stream_rival_publishers", Counter, Count, &[], &[(ROLE, "rival_publishers")],
        "Publishers of the role's one-publisher streams that were ignored, as there was one already"),
    metric("vesta_stream_naks", Gauge, Count, STREAM_LABELS, &[],
        "Requests for repair that the stream sent or got; of the publications and images that there are now"),
    metric("vesta_stream_at_window", Gauge, Count, STREAM_LABELS, &[],
        "Times that the stream's sender stood at its readers' window; of the publications that there are now"),
    metric("vesta_stream_receivers", Gauge, Count, STREAM_LABELS, &[],
        "Receivers that the stream's flow control counts; only where it counts (flow_control slowest or tagged; then the voters)"),
    metric("vesta_stream_window_left", Gauge, Bytes, STREAM_LABELS, &[],
        "How far the publisher may still go before its readers' window is full"),
    metric("vesta_stream_unsent", Gauge, Bytes, STREAM_LABELS, &[],
        "Offered, and not sent yet"),
    metric("vesta_stream_unread", Gauge, Bytes, STREAM_LABELS, &[],
        "Received, and not taken by the role yet"),
    metric("vesta_mdc_destinations", Gauge, Count, &["control"], &[],
        "Receivers that are signed up with an MDC publication of this process's driver, by its control address"),

    // What roles do.
    metric("vesta_forwarded", Counter, Count, &[], &[(ROLE, "forwarded")],
        "Commands that the gateway passed on to the sequencer"),
    metric("vesta_refused", Counter, Count, &[], &[(ROLE, "refused")],
        "Commands refused at the edge, by gateway or sequencer, and not sequenced"),
    metric("vesta_refused_by_reason", Counter, Count, &["reason"], &[(Scope::Named("refused"), "*")],
        "The same by reason; a reason appears when it is first given"),
    metric("vesta_rejected", Counter, Count, &[], &[(ROLE, "rejected")],
        "Commands that the engine rejected"),
    metric("vesta_rejected_by_reason", Counter, Count, &["reason"], &[(Scope::Named("rejected"), "*")],
        "The same by reason; a reason appears when it is first given"),
    metric("vesta_dropped", Counter, Count, &["what"], &[(ROLE, "dropped_*")],
        "What was dropped: runts (datagrams too short to be answered), strays (reports sent to a gateway), \
         reports (the network refused them), unknown_gateways (orders of theirs), refusals (the gateway did \
         not take them in time), messages (market data, as consumers were too slow)"),
    metric("vesta_reports", Counter, Count, &[], &[(ROLE, "reports")],
        "Reports that the gateway sent to clients"),
    metric("vesta_reports_waiting", Gauge, Count, &[], &[(ROLE, "reports_waiting")],
        "Reports that wait for room in the clients' socket"),
    metric("vesta_sequenced", Counter, Count, &[], &[(ROLE, "sequenced")],
        "Commands that the sequencer stamped"),
    metric("vesta_own_records", Counter, Count, &[], &[(ROLE, "own_records")],
        "Records that the sequencer made itself: ticks, changes of state, definitions"),
    metric("vesta_records", Counter, Count, &[], &[(ROLE, "records")],
        "Records of the input log"),
    metric("vesta_records_applied", Counter, Count, &[], &[(ROLE, "records_applied")],
        "Records that the engine applied"),
    metric("vesta_events", Counter, Count, &[], &[(ROLE, "events")],
        "Events: made by the engine, handled by gateway and md-publisher"),
    metric("vesta_trades", Counter, Count, &[], &[(ROLE, "trades")],
        "Trades"),
    metric("vesta_resent", Counter, Count, &[], &[(ROLE, "resent")],
        "Commands that came again and were answered with their first outcome"),
    metric("vesta_orders_resting", Gauge, Count, &[], &[(ROLE, "orders_resting")],
        "Orders in the books, stops that wait included"),
    metric("vesta_gateways", Gauge, Count, &[], &[(ROLE, "gateways")],
        "Gateways that have introduced themselves to the sequencer"),
    metric("vesta_outbox", Gauge, Bytes, &[], &[(ROLE, "outbox")],
        "What waits to be put on the role's log or feed"),
    metric("vesta_feed_messages", Counter, Count, &[], &[(ROLE, "feed_messages")],
        "Messages of the feed"),
    metric("vesta_heartbeats", Counter, Count, &[], &[(ROLE, "heartbeats")],
        "Heartbeats of the feed"),
    metric("vesta_book_price", Gauge, Count, &["instrument", "side"], &[],
        "Best displayed price, in quote currency; absent while the side is empty"),
    metric("vesta_book_quantity", Gauge, Count, &["instrument", "side"], &[],
        "Displayed at that price, in base currency"),

    // vesta md relay.
    metric("vesta_relayed_messages", Counter, Count, &[], &[(ROLE, "relayed")],
        "Messages that the relay passed on, of both streams"),
    metric("vesta_relay_joined", Gauge, Count, STREAM_LABELS, &[(STREAM, "joined")],
        "1 while the stream's publisher is there"),
    metric("vesta_relay_losses", Counter, Count, STREAM_LABELS, &[(STREAM, "losses")],
        "Times that the publisher was lost; consumers are told by the end of their stream"),
    metric("vesta_relay_feed_gaps", Counter, Count, STREAM_LABELS, &[(STREAM, "feed_gaps")],
        "Gaps in the numbers of the feed as it came to the relay"),
    metric("vesta_relay_dropped_messages", Counter, Count, STREAM_LABELS, &[(STREAM, "dropped")],
        "Messages not passed on, as all consumers were behind by a window: they see a gap"),
    metric("vesta_relay_ignored_messages", Counter, Count, STREAM_LABELS, &[(STREAM, "ignored")],
        "Messages of a second publisher, not passed on while the first was there; consumers never have them"),
    metric("vesta_relay_unheard_messages", Counter, Count, STREAM_LABELS, &[(STREAM, "unheard")],
        "Messages not passed on, as nobody was signed up"),

    // Datapath uring.
    metric("vesta_datapath_datagrams_received", Counter, Count, &[], &[(DATAPATH, "datagrams_received")],
        "Datagrams handed to Aeron"),
    metric("vesta_datapath_datagrams_sent", Counter, Count, &[], &[(DATAPATH, "datagrams_sent")],
        "Datagrams that the kernel, or the card's ring, took to send"),
    metric("vesta_datapath_receive_calls", Counter, Count, &[], &[(DATAPATH, "receive_calls")],
        "uring: system calls made to receive"),
    metric("vesta_datapath_receive_calls_empty", Counter, Count, &[], &[(DATAPATH, "receive_calls_empty")],
        "uring: those of them that brought no datagram"),
    metric("vesta_datapath_polls_empty", Counter, Count, &[], &[(DATAPATH, "polls_empty")],
        "uring: duty cycles of a poller that found nothing"),
    metric("vesta_datapath_promotions", Counter, Count, &[], &[(DATAPATH, "promotions")],
        "uring: sockets that became hot"),
    metric("vesta_datapath_demotions", Counter, Count, &[], &[(DATAPATH, "demotions")],
        "uring: sockets that became cold again"),
    metric("vesta_datapath_buffers_exhausted", Counter, Count, &[], &[(DATAPATH, "buffers_exhausted")],
        "uring: receives that found no free buffer"),
    metric("vesta_datapath_receive_errors", Counter, Count, &[], &[(DATAPATH, "receive_errors")],
        "uring: errors that a receive met, such as port unreachable"),
    metric("vesta_datapath_oversized_drops", Counter, Count, &[], &[(DATAPATH, "oversized_drops")],
        "uring: datagrams dropped because they were longer than the MTU"),
    metric("vesta_datapath_gro_receives", Counter, Count, &[], &[(DATAPATH, "gro_receives")],
        "uring: receives of several datagrams at once (UDP GRO)"),
    metric("vesta_datapath_gro_segments", Counter, Count, &[], &[(DATAPATH, "gro_segments")],
        "uring: datagrams in them"),
    metric("vesta_datapath_napi_sockets", Counter, Count, &[], &[(DATAPATH, "napi_sockets")],
        "uring: sockets whose interface the receiving thread polls itself"),
    metric("vesta_datapath_send_calls", Counter, Count, &[], &[(DATAPATH, "send_calls")],
        "uring: system calls made to send"),
    metric("vesta_datapath_send_errors", Counter, Count, &[], &[(DATAPATH, "send_errors")],
        "uring: sends that failed, or that the kernel had no room for"),
    metric("vesta_datapath_gso_sends", Counter, Count, &[], &[(DATAPATH, "gso_sends")],
        "uring: sends of several datagrams at once (UDP GSO)"),
    metric("vesta_datapath_gso_segments", Counter, Count, &[], &[(DATAPATH, "gso_segments")],
        "uring: datagrams in them"),
    metric("vesta_datapath_gso_fallbacks", Counter, Count, &[], &[(DATAPATH, "gso_fallbacks")],
        "uring: sockets that send one by one, as their route refused UDP GSO"),

    // Datapath xdp.
    metric("vesta_datapath_sends", Counter, Count, &[], &[(DATAPATH, "sends")],
        "xdp: sends that put at least one datagram on a ring"),
    metric("vesta_datapath_kicks", Counter, Count, &[], &[(DATAPATH, "kicks")],
        "xdp: system calls for the transmit ring"),
    metric("vesta_datapath_fill_kicks", Counter, Count, &[], &[(DATAPATH, "fill_kicks")],
        "xdp: system calls for the fill ring"),
    metric("vesta_datapath_kernel_received", Counter, Count, &[], &[(DATAPATH, "kernel_received")],
        "xdp: datagrams that came through the kernel's sockets"),
    metric("vesta_datapath_kernel_sent", Counter, Count, &[], &[(DATAPATH, "kernel_sent")],
        "xdp: datagrams sent through the kernel's sockets"),
    metric("vesta_datapath_neighbour_misses", Counter, Count, &[], &[(DATAPATH, "neighbour_misses")],
        "xdp: datagrams sent through the kernel as the neighbour's address was not known"),
    metric("vesta_datapath_dropped", Counter, Count, &["reason"], &[(DATAPATH, "drops_*")],
        "xdp: frames dropped, by reason"),
    metric("vesta_datapath_sends_refused", Counter, Count, &[], &[(DATAPATH, "sends_refused")],
        "xdp: datagrams not sent, as frames or ring were full"),

    // The media driver, where this process has it.
    metric("vesta_gate_dropped", Counter, Count, &["reason"], &[(Scope::Named("gate"), "*")],
        "What the gate in front of the driver kept out: unlisted_sources, long_terms, long_mtus, excess_readers"),
    metric("vesta_driver_sent", Counter, Bytes, &[], &[],
        "Sent by the driver, all streams together"),
    metric("vesta_driver_received", Counter, Bytes, &[], &[],
        "Received by the driver"),
    metric("vesta_driver_naks_sent", Counter, Count, &[], &[],
        "Requests for repair sent, by readers"),
    metric("vesta_driver_naks_received", Counter, Count, &[], &[],
        "Requests for repair received, by publishers"),
    metric("vesta_driver_retransmits_sent", Counter, Count, &[], &[],
        "Repairs sent"),
    metric("vesta_driver_flow_control_over_runs", Counter, Count, &[], &[],
        "Datagrams dropped because a reader's window was full"),
    metric("vesta_driver_flow_control_under_runs", Counter, Count, &[], &[],
        "Datagrams that were old"),
    metric("vesta_driver_invalid_packets", Counter, Count, &[], &[],
        "Datagrams that were none of Aeron's"),
    metric("vesta_driver_sender_limits", Counter, Count, &[], &[],
        "Times that a publication stood at its window"),
    metric("vesta_driver_short_sends", Counter, Count, &[], &[],
        "Sends that the kernel took only a part of"),
    metric("vesta_driver_loss_gap_fills", Counter, Count, &[], &[],
        "Gaps that a reader gave up"),
    metric("vesta_driver_errors", Counter, Count, &[], &[],
        "Errors in the driver's log"),
    metric("vesta_driver_cycle_max", Gauge, Seconds, &["agent"], &[],
        "The longest duty cycle of an agent of the driver since its start: what a busy host took from it"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The name that a query uses; a histogram has `_bucket`, `_sum` and `_count` behind it.
    fn full_name(metric: &Metric) -> String {
        let unit = metric.unit().map_or(String::new(), |unit| format!("_{unit}"));
        let total = if metric.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", metric.name)
    }

    #[test]
    fn names_are_good_and_their_own() {
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let names: BTreeSet<String> = METRICS.iter().map(full_name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(is_name(metric.name) && metric.name.starts_with("vesta_"), "{metric:?}");
            assert!(!metric.name.ends_with("_total") && !metric.help.ends_with('.'), "{metric:?}");
            // OpenMetrics would have them escaped, which the encoder does not.
            assert!(!metric.help.contains(['"', '\\', '\n']), "{metric:?}");
            assert_eq!(&METRICS[place_of(metric.name)], metric);
            // A label for what `*` stands for.
            let stars = metric.from.iter().filter(|(_, name)| name.ends_with('*')).count();
            assert!(stars == 0 || metric.labels.len() == 1, "{metric:?}");
        }
        assert_eq!(
            full_name(&METRICS[place_of("vesta_stream_sent")]),
            "vesta_stream_sent_bytes_total"
        );
        assert_eq!(full_name(&METRICS[place_of("vesta_hop")]), "vesta_hop_seconds");
    }

    /// What Aeron counts of a publication or an image goes with it: the sum over those that there are falls
    /// then, which to a query is a counter that began again, from as much as is left.
    #[test]
    fn what_goes_with_its_publication_is_no_counter() {
        let is_of_now = |m: &&Metric| m.labels == STREAM_LABELS && m.from.is_empty();
        let of_now: Vec<_> = METRICS.iter().filter(is_of_now).collect();
        assert_eq!(of_now.len(), 6, "{of_now:?}");
        assert!(of_now.iter().all(|metric| metric.kind == Kind::Gauge), "{of_now:?}");
    }

    /// What an operator reads is what there is: each metric has its line in the document.
    #[test]
    fn the_document_has_them_all() {
        const DOCUMENT: &str = include_str!("../../../../docs/operating.md");
        let kind = |metric: &Metric| metric.kind.name();
        let missing: Vec<String> = METRICS
            .iter()
            .map(|m| {
                let labels = m.labels.join(", ");
                format!("| `{}` | {} | {labels} | {} |", full_name(m), kind(m), m.help)
            })
            .filter(|line| !DOCUMENT.contains(line))
            .collect();
        assert!(missing.is_empty(), "docs/operating.md lacks:\n{}", missing.join("\n"));
    }
}
