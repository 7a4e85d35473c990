//! The venue on a network that loses and doubles: every stream arrives complete and in order, or its
//! reader says that it lost it.

use serde_json::Value;
use vesta_tests::netns::{can_make_namespaces, has_nft};

use crate::site::{CORE, EDGE, FAR, OUTSIDE, Site, Venue, equal_books, settled, wait_event};

const HOSTS: [&str; 4] = [CORE, EDGE, OUTSIDE, FAR];

/// Rules for the bridge: of what Aeron sends, `lost` percent do not get in from any host, and
/// `doubled` percent go out twice to some other host. What clients send on plain UDP is left alone.
fn rules(lost: u32, doubled: u32) -> String {
    let chains = HOSTS.map(|from| {
        let clients = "    udp dport 24001 accept\n    udp sport 24001 accept\n";
        let aeron = "meta l4proto udp";
        let twice: String = HOSTS
            .iter()
            .filter(|to| **to != from && doubled > 0)
            .map(|to| format!("    {aeron} numgen random mod 100 < {doubled} dup to \"{to}\"\n"))
            .collect();
        let drop = match lost {
            0 => String::new(),
            _ => format!("    {aeron} numgen random mod 100 < {lost} drop\n"),
        };
        format!(
            "  chain from_{from} {{\n    type filter hook ingress device \"{from}\" priority 0;\n\
             {clients}{twice}{drop}  }}\n"
        )
    });
    format!("table netdev trouble {{\n{}}}", chains.concat())
}

fn trade_through(mode: &str, troubles: &[(u32, u32)]) {
    let site = Site::new(mode);
    let mut session = 1;
    for &(lost, doubled) in troubles {
        site.lan.bridge_rules("");
        let venue = Venue::start(&site);
        let mut consumers = [FAR, OUTSIDE].map(|host| site.consumer_on(host, host, &[]));
        for consumer in &mut consumers {
            wait_event(consumer, 1);
        }
        site.lan.bridge_rules(&rules(lost, doubled));
        let flow = site.flow(1_500, 1_000, session);
        session += 10;
        settled(flow);
        let far = equal_books(consumers);
        assert_eq!(far["live"], Value::from(true), "{lost} % lost, {doubled} % doubled: {far}");
        site.lan.bridge_rules("");
        venue.shut_down();
    }
}

#[test]
fn netns_lost_and_doubled() {
    let test = "netns_lost_and_doubled";
    if can_make_namespaces(test) && has_nft(test) {
        trade_through("multicast", &[(1, 1), (10, 10), (30, 30)]);
    }
}

#[test]
fn netns_lost_and_doubled_on_mdc() {
    let test = "netns_lost_and_doubled_on_mdc";
    if can_make_namespaces(test) && has_nft(test) {
        trade_through("mdc", &[(1, 30), (10, 0), (30, 10)]);
    }
}
