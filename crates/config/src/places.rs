//! Addresses and ports: what each key wants of them, which can not be open at one time, and which key an
//! error from below is about.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::check::Check;
use crate::error::Broken;
use crate::{Config, Mode};

/// What kind of address a key wants.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A multicast group.
    Group,
    /// An address of one host, that others send to.
    Host,
    /// An address of this host, or 0.0.0.0 for all of them.
    Bind,
    /// The same, with a port or 0 for any that is free.
    Reader,
    /// An address of the host of a relay, which many shards do not have: in the way of addresses only.
    Relay,
}

/// Every place that a process may open, with its key.
fn all_places(config: &Config) -> Vec<(String, SocketAddrV4, Kind)> {
    let s = &config.streams;
    let mut places = vec![("streams.orders.endpoint".to_owned(), s.orders.endpoint, Kind::Host)];
    for (name, stream) in [
        ("input_log", &s.input_log),
        ("event_log", &s.event_log),
        ("market_data", &s.market_data),
        ("snapshots", &s.snapshots),
    ] {
        let key = |key: &str| format!("streams.{name}.{key}");
        match config.transport.mode {
            Mode::Multicast => places.push((key("group"), stream.group, Kind::Group)),
            Mode::Mdc => {
                places.push((key("control"), stream.control, Kind::Host));
                places.push((key("reader_endpoint"), stream.reader_endpoint, Kind::Reader));
            }
        }
    }
    for (i, gateway) in config.gateway_list.iter().enumerate() {
        places.push((format!("gateway[{i}].listen"), gateway.listen, Kind::Bind));
        places.push((format!("gateway[{i}].back_endpoint"), gateway.back_endpoint, Kind::Host));
    }
    let relay = &config.md_relay;
    places.push(("md_relay.market_data_port".to_owned(), relay.market_data(), Kind::Relay));
    places.push(("md_relay.snapshots_port".to_owned(), relay.snapshots(), Kind::Relay));
    places
}

/// The key and value of what `text`, the words of an error, is about: an address, or the interface.
pub fn knob_in(config: &Config, text: &str) -> Option<String> {
    let client = ("demo.client_bind".to_owned(), config.demo.client_bind, Kind::Bind);
    let mut places = all_places(config);
    places.push(client);
    let interface = &config.transport.interface;
    if text.contains("interface matches") && text.contains(interface) {
        return Some(format!("transport.interface = \"{interface}\""));
    }
    // Not 127.0.0.1:2401 in the place of 127.0.0.1:24010, nor 10.0.0.1 in that of 110.0.0.1.
    let names = |place: &str| {
        text.match_indices(place).any(|(at, _)| {
            let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            let (before, after) = (&text[..at], &text[at + place.len()..]);
            !digit(before.chars().next_back()) && !digit(after.chars().next())
        })
    };
    // A channel may name two places, of which the cause is about one.
    let is_cause = |place: &str| text.contains(&format!("UDP {place} is taken"));
    let (key, place, _) = places
        .iter()
        .find(|(_, place, _)| is_cause(&place.to_string()))
        .or_else(|| places.iter().find(|(_, place, _)| names(&place.to_string())))?;
    Some(format!("{key} = \"{place}\""))
}

/// Every place is of its kind, and no two are in each other's way.
pub fn check(config: &Config) -> Check {
    let places = all_places(config);
    for (i, (key, place, kind)) in places.iter().enumerate() {
        address(key, *place, *kind)?;
        if place.port() == 0 && *kind == Kind::Reader {
            continue;
        }
        if place.port() == 0 {
            let rule = "must have a port, because others send there";
            return Err(Broken::new(key, place, rule, "use 1024 to 65535"));
        }
        for (other_key, other, other_kind) in &places[..i] {
            if other.port() == 0 {
                continue;
            }
            distinct((key, *place, *kind), (other_key, *other, *other_kind))?;
        }
    }
    address("demo.client_bind", config.demo.client_bind, Kind::Bind)
}

fn address(key: &str, place: SocketAddrV4, kind: Kind) -> Check {
    let ip = place.ip();
    match kind {
        Kind::Group if !ip.is_multicast() => Err(Broken::new(
            key,
            place,
            "must be a multicast group, because many read this stream",
            "use an address of 239.0.0.0/8 with an odd last octet",
        )),
        Kind::Group if ip.octets()[3].is_multiple_of(2) => {
            let [a, b, c, d] = ip.octets();
            Err(Broken::new(
                key,
                place,
                "the last octet of a group must be odd: Aeron sends data there, and status \
                 messages to the next address",
                format!("use {a}.{b}.{c}.{}:{}", d + 1, place.port()),
            ))
        }
        Kind::Host | Kind::Bind | Kind::Reader | Kind::Relay
            if ip.is_multicast() || ip.is_broadcast() =>
        {
            Err(Broken::new(
                key,
                place,
                "must be the address of one host, because one process reads there",
                "use an address of the host that the process runs on",
            ))
        }
        Kind::Host | Kind::Relay if ip.is_unspecified() => Err(Broken::new(
            key,
            place,
            "must name the host, because others send there",
            "use the address by which others reach it",
        )),
        _ => Ok(()),
    }
}

/// Two places can be open at the same time, and no reader of one gets what is meant for the other.
fn distinct(
    (key, place, kind): (&str, SocketAddrV4, Kind),
    (other_key, other, other_kind): (&str, SocketAddrV4, Kind),
) -> Check {
    if kind == Kind::Group && other_kind == Kind::Group && place.ip() == other.ip() {
        return Err(Broken::new(
            key,
            place,
            format!("is the group of {other_key} too, and each host would receive both"),
            "give each stream a group of its own",
        ));
    }
    let one_host = place.ip() == other.ip()
        || place.ip().is_unspecified()
        || other.ip().is_unspecified()
        || (kind == Kind::Group && other_kind != Kind::Relay)
        || (other_kind == Kind::Group && kind != Kind::Relay);
    if place.port() == other.port() && one_host {
        return Err(Broken::new(
            key,
            place,
            format!("the port is taken by {other_key} = {other}"),
            "choose a free port",
        ));
    }
    Ok(())
}

/// Where metrics are served: one address, and for each process of a host a port of its own.
pub fn metrics(config: &Config) -> Check {
    let metrics = &config.metrics;
    let is_host = |ip: Ipv4Addr| !ip.is_multicast() && !ip.is_broadcast();
    if !metrics.address.is_empty() && !metrics.address.parse().is_ok_and(is_host) {
        return Err(Broken::new(
            "metrics.address",
            format!("{:?}", metrics.address),
            "must be an IPv4 address of this host, 0.0.0.0 for all of them, or empty for none",
            "write it as \"0.0.0.0\" or \"127.0.0.1\", without a port",
        ));
    }
    if !metrics.address.is_empty() && !config.counters.enabled {
        return Err(Broken::new(
            "counters.enabled",
            false,
            format!(
                "must be true with metrics.address = {:?}: they are read from there",
                metrics.address
            ),
            "set it to true, or metrics.address to \"\"",
        ));
    }
    let of_roles = metrics.ports().map(|(key, _, port)| (key.to_owned(), port));
    let of_gateways = config.gateway_list.iter().enumerate();
    let of_gateways =
        of_gateways.map(|(i, g)| (format!("gateway[{i}].metrics_port"), g.metrics_port));
    let ports: Vec<_> =
        of_roles.into_iter().chain(of_gateways).filter(|(_, port)| *port != 0).collect();
    for (i, (key, port)) in ports.iter().enumerate() {
        // Gateways on hosts of their own may have the same: one that finds it taken says so.
        let is_gateway = |key: &str| key.contains("gateway");
        let clash = |(other, taken): &&(String, u16)| {
            taken == port && !(is_gateway(key) && is_gateway(other))
        };
        if let Some((other, _)) = ports[..i].iter().find(clash) {
            return Err(Broken::new(
                key,
                port,
                format!("is the port of {other} too, and both may run on one host"),
                "choose a free port, or 0 for a process that is not to serve metrics",
            ));
        }
    }
    Ok(())
}
