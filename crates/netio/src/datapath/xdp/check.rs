//! What `xdp` finds out of an interface before it changes anything: for itself, and for who only asks.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;

use super::headers::{IP_HEADERS_BYTES, Mac};
use super::netlink::{Address, Link, Netlink};
use super::nic;
use super::program::Redirect;
use super::settings::{XdpSettings, XdpUnavailable};
use super::umem::PAYLOAD_BYTES_MAX;

/// An interface that can be used, as far as it says itself.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) mac: Mac,
    /// Receive queues to take.
    pub(super) queue_count: u32,
    /// Receive queues in use by its driver.
    pub(super) has: u32,
    pub(super) driver: String,
}

impl Candidate {
    /// The interface of the settings, and its addresses.
    pub(super) fn find(
        settings: &XdpSettings,
        mtu_bytes: usize,
    ) -> Result<(Netlink, Link, Vec<Ipv4Addr>), XdpUnavailable> {
        if mtu_bytes > PAYLOAD_BYTES_MAX {
            return Err(XdpUnavailable::MtuTooLarge { mtu_bytes });
        }
        let failed = |what| {
            move |source| XdpUnavailable::Other {
                interface: settings.interface.clone(),
                what,
                source,
            }
        };
        let mut netlink = Netlink::open(0).map_err(failed("no netlink socket"))?;
        let links = netlink.links().map_err(failed("the interfaces can not be read"))?;
        let addresses = netlink.addresses().map_err(failed("the addresses can not be read"))?;
        let Some(link) = find(&settings.interface, &links, &addresses) else {
            return Err(XdpUnavailable::NoInterface { wanted: settings.interface.clone() });
        };
        let ours = addresses.iter().filter(|address| address.interface == link.index);
        let ours = ours.map(|address| address.ip).collect();
        Ok((netlink, link.clone(), ours))
    }

    /// What is known of `link`, if it can be used.
    pub(super) fn of(settings: &XdpSettings, link: &Link) -> Result<Self, XdpUnavailable> {
        let interface = link.name.clone();
        if link.is_loopback {
            return Err(XdpUnavailable::Loopback { interface });
        }
        if !link.is_up {
            return Err(XdpUnavailable::Down { interface });
        }
        let Some(mac) = link.mac else { return Err(XdpUnavailable::NotEthernet { interface }) };
        let has = nic::receive_queue_count(&link.name).unwrap_or(1);
        let wanted = settings.queue_count;
        if wanted > has {
            return Err(XdpUnavailable::Queues { interface, wanted, has });
        }
        let queue_count = if wanted == 0 { has } else { wanted };
        let driver = nic::driver(&link.name).unwrap_or_else(|| "unknown".to_owned());
        Ok(Self { mac, queue_count, has, driver })
    }
}

/// An interface that `xdp` could use. Its `Display` says in what way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdpReport {
    /// Its name.
    pub interface: String,
    /// Its driver, or `unknown`.
    pub driver: String,
    /// Receive queues that would be taken.
    pub queue_count: u32,
    /// Receive queues that there are.
    pub queue_count_max: u32,
    /// Longest datagram that goes by the ring, bytes: what is longer goes by the kernel.
    pub payload_bytes_max: usize,
}

impl XdpReport {
    /// Looks at the interface of `settings` for datagrams of up to `mtu_bytes`, and tries whether
    /// the kernel takes the program from this process. Nothing is attached, and nobody is disturbed:
    /// whether the interface is taken just now, and whether its driver has zero-copy, stays open.
    ///
    /// # Errors
    /// What a driver would be refused with.
    pub fn probe(settings: &XdpSettings, mtu_bytes: usize) -> Result<Self, XdpUnavailable> {
        let (_, link, _) = Candidate::find(settings, mtu_bytes)?;
        let Candidate { queue_count, has, driver, .. } = Candidate::of(settings, &link)?;
        drop(load(&link, has)?);
        Ok(Self {
            interface: link.name,
            driver,
            queue_count,
            queue_count_max: has,
            payload_bytes_max: link.mtu_bytes.saturating_sub(IP_HEADERS_BYTES),
        })
    }
}

impl fmt::Display for XdpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { interface, driver, queue_count, queue_count_max, .. } = self;
        write!(f, "{interface} ({driver}): {queue_count} of {queue_count_max} receive queues")
    }
}

/// Loads the program for an interface with so many queues: the kernel wants CAP_BPF and
/// CAP_NET_ADMIN for it.
pub(super) fn load(link: &Link, queue_count: u32) -> Result<Redirect, XdpUnavailable> {
    const WHAT: &str = "the program can not be loaded";
    Redirect::load(queue_count).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => XdpUnavailable::NotPermitted { what: WHAT, source },
        _ => XdpUnavailable::Other { interface: link.name.clone(), what: WHAT, source },
    })
}

/// The interface that is called `wanted`, has that address, or an address in that network.
fn find<'a>(wanted: &str, links: &'a [Link], addresses: &[Address]) -> Option<&'a Link> {
    if let Some(link) = links.iter().find(|link| link.name == wanted) {
        return Some(link);
    }
    let (ip, bits) = wanted.split_once('/').unwrap_or((wanted, "32"));
    let (ip, bits) = (ip.parse::<Ipv4Addr>().ok()?, bits.parse::<u32>().ok()?);
    let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
    let inside = |address: &&Address| (address.ip.to_bits() ^ ip.to_bits()) & mask == 0;
    let address = addresses.iter().find(inside)?;
    links.iter().find(|link| link.index == address.interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str) -> Link {
        Link {
            index,
            name: name.to_owned(),
            mac: None,
            mtu_bytes: 1500,
            is_up: true,
            is_loopback: false,
            program: None,
        }
    }

    #[test]
    fn an_interface_is_found_by_name_address_or_network() {
        let links = [link(1, "lo"), link(2, "eth0"), link(7, "eth1")];
        let address = |interface, ip: &str| Address { interface, ip: ip.parse().expect("one") };
        let addresses = [address(1, "127.0.0.1"), address(2, "10.0.0.5"), address(7, "10.1.0.5")];
        let found = |wanted: &str| find(wanted, &links, &addresses).map(|link| link.index);
        assert_eq!(found("eth1"), Some(7));
        assert_eq!(found("10.0.0.5"), Some(2));
        assert_eq!(found("10.1.0.0/16"), Some(7));
        assert_eq!(found("0.0.0.0/0"), Some(1));
        for nothing in ["eth2", "10.2.0.0/16", "10.0.0.6", "10.0.0.0/33", "", "a/b"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_interface_is_refused_for_what_it_is() {
        let good = Link { mac: Some(Mac([2, 0, 0, 0, 0, 1])), ..link(9, "made-up0") };
        let of = |link: Link, queue_count| {
            let settings = XdpSettings { queue_count, ..XdpSettings::default() };
            Candidate::of(&settings, &link).map(|found| (found.queue_count, found.has))
        };
        // One that does not say how many queues it has, has one.
        assert_eq!(of(good.clone(), 0).expect("good"), (1, 1));
        assert_eq!(of(good.clone(), 1).expect("good"), (1, 1));
        let refused = |link, queue_count| of(link, queue_count).expect_err("not so");
        let loopback = refused(Link { is_loopback: true, ..good.clone() }, 0);
        assert!(matches!(loopback, XdpUnavailable::Loopback { .. }), "{loopback}");
        let down = refused(Link { is_up: false, ..good.clone() }, 0);
        assert!(matches!(down, XdpUnavailable::Down { .. }), "{down}");
        let no_mac = refused(link(9, "made-up0"), 0);
        assert!(matches!(no_mac, XdpUnavailable::NotEthernet { .. }), "{no_mac}");
        let queues = refused(good, 2);
        assert!(matches!(queues, XdpUnavailable::Queues { wanted: 2, has: 1, .. }), "{queues}");
    }

    /// The kernel's word on this process, by a thread that may do nothing.
    #[test]
    fn a_process_without_rights_is_told_which_it_lacks() {
        let thread = std::thread::spawn(|| {
            // Version 3, this thread; effective, permitted and inheritable: two words each, empty.
            let (header, none) = ([0x2008_0522_u32, 0], [0_u32; 6]);
            let (header, none) = (header.as_ptr(), none.as_ptr());
            // SAFETY: takes away from the calling thread alone, which ends with the test; both arrays
            // are of the size that this version reads, and are not written to.
            let result = unsafe { libc::syscall(libc::SYS_capset, header, none) };
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
            load(&link(9, "made-up0"), 1).map(drop).expect_err("refused")
        });
        let refused = thread.join().expect("no panic");
        assert!(matches!(refused, XdpUnavailable::NotPermitted { .. }), "{refused}");
        assert!(refused.to_string().contains("CAP_BPF"), "{refused}");
    }

    #[test]
    fn the_probe_refuses_what_a_driver_would() {
        let probe = |interface: &str, mtu_bytes| {
            let interface = interface.to_owned();
            XdpReport::probe(&XdpSettings { interface, ..XdpSettings::default() }, mtu_bytes)
        };
        let refused = probe("127.0.0.1/32", 1408).expect_err("loopback");
        assert!(matches!(refused, XdpUnavailable::Loopback { .. }), "{refused}");
        let refused = probe("nothing0", 1408).expect_err("none");
        assert!(matches!(refused, XdpUnavailable::NoInterface { .. }), "{refused}");
        let refused = probe("lo", 8928).expect_err("too long");
        assert!(matches!(refused, XdpUnavailable::MtuTooLarge { .. }), "{refused}");
    }
}
