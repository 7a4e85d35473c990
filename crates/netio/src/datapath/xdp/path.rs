//! How a destination is reached: by our ring, or by the kernel.
//!
//! By the kernel go datagrams for ourselves (this host's addresses, and groups that somebody on this
//! host has joined: a frame on our ring never comes back to this host), those that leave by another
//! interface, and those to a neighbour whose Ethernet address is not known: the kernel asks for it
//! and keeps the datagram until the answer. Nothing is lost for want of an address.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::claims::Membership;
use super::headers::Mac;
use super::netlink::Netlink;

/// A way to a destination. Senders read it with every datagram; the watcher keeps it up to date.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) destination: Ipv4Addr,
    /// [`UNKNOWN`], [`KERNEL`], or [`RING`] and an Ethernet address.
    way: AtomicU64,
    /// The source address that the route prefers, for sockets that are bound to none.
    source: AtomicU32,
}

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Not known yet: by the kernel, which finds out.
    Unknown,
    /// By the kernel.
    Kernel,
    /// By the ring, to this Ethernet address.
    Ring(Mac),
}

const UNKNOWN: u64 = 0;
const KERNEL: u64 = 1 << 62;
const RING: u64 = 1 << 63;

impl Path {
    pub(super) fn new(destination: Ipv4Addr) -> Self {
        let source = AtomicU32::new(Ipv4Addr::UNSPECIFIED.to_bits());
        Self { destination, way: AtomicU64::new(UNKNOWN), source }
    }

    pub(super) fn way(&self) -> Way {
        // Acquire: with the source that was set before it.
        match self.way.load(Ordering::Acquire) {
            UNKNOWN => Way::Unknown,
            KERNEL => Way::Kernel,
            ring => {
                let [_, _, mac @ ..] = ring.to_be_bytes();
                Way::Ring(Mac(mac))
            }
        }
    }

    pub(super) fn source(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.source.load(Ordering::Relaxed))
    }

    fn set(&self, way: Way) {
        let word = match way {
            Way::Unknown => UNKNOWN,
            Way::Kernel => KERNEL,
            Way::Ring(Mac([a, b, c, d, e, f])) => {
                RING | u64::from_be_bytes([0, 0, a, b, c, d, e, f])
            }
        };
        self.way.store(word, Ordering::Release);
    }

    /// Finds the way anew. `joined`: the groups that this host is a member of on the interface.
    /// `confirm`: have the kernel make sure that the neighbour is still where it was.
    pub(super) fn resolve(
        &self,
        netlink: &mut Netlink,
        interface: u32,
        joined: &[Membership],
        confirm: bool,
    ) {
        let to = self.destination;
        if to.is_multicast() {
            let is_local = joined.iter().any(|known| known.group == to);
            return self.set(if is_local { Way::Kernel } else { Way::Ring(Mac::of_group(to)) });
        }
        // Without a route the kernel is the one to say so.
        let Ok(route) = netlink.route(to) else { return self.set(Way::Kernel) };
        if !route.is_unicast || route.interface != interface {
            return self.set(Way::Kernel);
        }
        let source = route.source.unwrap_or(Ipv4Addr::UNSPECIFIED);
        self.source.store(source.to_bits(), Ordering::Relaxed);
        let next_hop = route.gateway.unwrap_or(to);
        let mac = netlink.neighbour(interface, next_hop);
        if confirm || mac.is_none() {
            // A refusal shows as a way that stays unknown, and is counted with every send.
            let _ = netlink.use_neighbour(interface, next_hop);
        }
        self.set(mac.map_or(Way::Unknown, Way::Ring));
    }
}

/// The groups that sockets of this host have joined on the interface.
pub(super) fn joined_groups(interface: u32) -> std::io::Result<Vec<Membership>> {
    std::fs::read_to_string("/proc/thread-self/net/igmp").map(|text| groups_in(&text, interface))
}

/// ```text
/// Idx  Device    : Count Querier  Group    Users Timer    Reporter
/// 2    eth0      :     2      V3
///                                 150156EF     1 0:00000000          0
/// ```
fn groups_in(text: &str, interface: u32) -> Vec<Membership> {
    let mut is_ours = false;
    let mut groups = Vec::new();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if !line.starts_with(char::is_whitespace) {
            is_ours = first.parse() == Ok(interface);
        } else if is_ours && let Ok(group) = u32::from_str_radix(first, 16) {
            // Printed as a number of this machine from bytes of the wire.
            let group = Ipv4Addr::from(group.to_ne_bytes());
            let socket_count = words.next().and_then(|users| users.parse().ok()).unwrap_or(0);
            groups.push(Membership { group, socket_count });
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_what_was_set() {
        let path = Path::new(Ipv4Addr::LOCALHOST);
        assert_eq!(path.way(), Way::Unknown);
        for way in [Way::Ring(Mac([0xff; 6])), Way::Ring(Mac([0; 6])), Way::Kernel, Way::Unknown] {
            path.set(way);
            assert_eq!(path.way(), way);
        }
    }

    #[test]
    fn groups_are_read_by_interface() {
        let text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
                    1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
                    2\teth0      :     2      V3\n\t\t\t\t150156EF     3 0:00000000\t\t0\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n";
        let joined = |group: [u8; 4], socket_count| {
            let group = Ipv4Addr::from(group);
            Membership { group, socket_count }
        };
        let expected = [joined([239, 86, 1, 21], 3), joined([224, 0, 0, 1], 1)];
        assert_eq!(groups_in(text, 2), expected);
        assert_eq!(groups_in(text, 1), expected[1..]);
        assert!(groups_in(text, 3).is_empty());
    }
}
