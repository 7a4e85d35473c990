//! The interface that the configuration names.

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

use super::files::Files;

/// An interface, and the NIC behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceReport {
    /// Its name.
    pub name: String,
    /// The address by which it was found.
    pub address: Option<Ipv4Addr>,
    /// True for `lo`.
    pub is_loopback: bool,
    /// True when it is switched on and has a carrier.
    pub is_up: bool,
    /// True when it does multicast; loopback does without saying so.
    pub has_multicast: bool,
    /// Longest IP packet, bytes.
    pub mtu_bytes: u64,
    /// Megabits per second, where it says.
    pub speed_mbit: Option<u64>,
    /// The driver; `None` for what has none, such as loopback.
    pub driver: Option<String>,
    /// Queues to receive.
    pub receive_queues: usize,
    /// Queues to send.
    pub send_queues: usize,
    /// Descriptors of a queue to receive, and how many it could have.
    pub receive_ring: Option<(u32, u32)>,
    /// The NUMA node that it is at.
    pub numa_node: Option<u64>,
}

/// No interface fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no interface has an address in {wanted}; there are {found}")]
pub struct NoInterface {
    /// The address, or address/prefix.
    pub wanted: String,
    /// Those that there are.
    pub found: String,
}

/// A name, an address and flags, as `getifaddrs` lists them.
type Listed = (String, Ipv4Addr, libc::c_uint);

impl InterfaceReport {
    pub(super) fn probe(files: &Files, wanted: &str) -> Result<Self, NoInterface> {
        let listed = list().unwrap_or_default();
        let found = listed.iter().find(|(_, address, _)| is_in(*address, wanted));
        let Some((name, address, flags)) = found else {
            let all = listed.iter().map(|(name, address, _)| format!("{name} {address}"));
            let found = all.collect::<Vec<_>>().join(", ");
            return Err(NoInterface { wanted: wanted.to_owned(), found });
        };
        let has = |flag: libc::c_int| flags & flag.cast_unsigned() != 0;
        let folder = format!("/sys/class/net/{name}");
        let queues = files.names(&format!("{folder}/queues"));
        let count = |kind: &str| queues.iter().filter(|queue| queue.starts_with(kind)).count();
        Ok(Self {
            name: name.clone(),
            address: Some(*address),
            is_loopback: has(libc::IFF_LOOPBACK),
            is_up: has(libc::IFF_UP) && has(libc::IFF_RUNNING),
            has_multicast: has(libc::IFF_MULTICAST) || has(libc::IFF_LOOPBACK),
            mtu_bytes: files.number(&format!("{folder}/mtu")).unwrap_or(0),
            // -1 where it does not know.
            speed_mbit: files.number(&format!("{folder}/speed")),
            driver: ethtool_driver(name)
                .or_else(|| files.link_name(&format!("{folder}/device/driver"))),
            receive_queues: count("rx-"),
            send_queues: count("tx-"),
            receive_ring: ethtool_ring(name),
            numa_node: files.number(&format!("{folder}/device/numa_node")),
        })
    }
}

impl fmt::Display for InterfaceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface {}", self.name)?;
        if let Some(address) = self.address {
            write!(f, " ({address})")?;
        }
        write!(f, ": driver {}, ", self.driver.as_deref().unwrap_or("none"))?;
        write!(f, "MTU {}, ", self.mtu_bytes)?;
        write!(f, "queues {} in and {} out", self.receive_queues, self.send_queues)?;
        if let Some(speed) = self.speed_mbit {
            write!(f, ", {speed} Mbit/s")?;
        }
        Ok(())
    }
}

/// True when `address` lies in `wanted`, an address or address/prefix.
fn is_in(address: Ipv4Addr, wanted: &str) -> bool {
    let (network, prefix) = wanted.split_once('/').unwrap_or((wanted, "32"));
    let (Ok(network), Ok(prefix)) = (network.parse::<Ipv4Addr>(), prefix.parse::<u32>()) else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix)).unwrap_or(0);
    network.to_bits() & mask == address.to_bits() & mask
}

/// Every IPv4 address of this host.
fn list() -> io::Result<Vec<Listed>> {
    let mut first = std::ptr::null_mut();
    // SAFETY: the out-pointer is valid for the call.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut listed = Vec::new();
    let mut next = first;
    // SAFETY: the list is as the C library made it, until it is freed below: each entry is whole, its
    // name NUL-terminated, and an address of family AF_INET is a `sockaddr_in`.
    unsafe {
        while let Some(entry) = next.as_ref() {
            next = entry.ifa_next;
            let is_ipv4 = entry
                .ifa_addr
                .as_ref()
                .is_some_and(|address| i32::from(address.sa_family) == libc::AF_INET);
            if is_ipv4 {
                let name = CStr::from_ptr(entry.ifa_name).to_string_lossy().into_owned();
                let address = entry.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned();
                let address = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
                listed.push((name, address, entry.ifa_flags));
            }
        }
        libc::freeifaddrs(first);
    }
    Ok(listed)
}

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}

/// `struct ethtool_ringparam`.
#[repr(C)]
#[derive(Default)]
struct RingParameters {
    command: u32,
    receive_max: u32,
    rest_max: [u32; 3],
    receive: u32,
    rest: [u32; 3],
}

const SIOCETHTOOL: libc::c_ulong = 0x8946;
const ETHTOOL_GDRVINFO: u32 = 3;
const ETHTOOL_GRINGPARAM: u32 = 0x10;
const _: () = assert!(size_of::<DriverInfo>() == 196 && size_of::<RingParameters>() == 36);

/// Asks the driver of an interface; `None` where there is none that answers.
fn ethtool<T>(name: &str, question: &mut T) -> Option<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).ok()?;
    let name = CString::new(name).ok()?;
    // SAFETY: zeros are a request; the name is copied with room for its end; `question` is one of the
    // structs of the commands above, which the kernel reads and writes within its size.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        let bytes = name.as_bytes_with_nul();
        if bytes.len() > request.ifr_name.len() {
            return None;
        }
        std::ptr::copy_nonoverlapping(
            bytes.as_ptr(),
            request.ifr_name.as_mut_ptr().cast(),
            bytes.len(),
        );
        request.ifr_ifru.ifru_data = std::ptr::from_mut(question).cast();
        let result = libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request);
        (result == 0).then_some(())
    }
}

fn ethtool_driver(name: &str) -> Option<String> {
    let mut info = DriverInfo { command: ETHTOOL_GDRVINFO, driver: [0; 32], rest: [0; 160] };
    ethtool(name, &mut info)?;
    let driver = CStr::from_bytes_until_nul(&info.driver).ok()?.to_str().ok()?;
    (!driver.is_empty()).then(|| driver.to_owned())
}

fn ethtool_ring(name: &str) -> Option<(u32, u32)> {
    let mut ring = RingParameters { command: ETHTOOL_GRINGPARAM, ..RingParameters::default() };
    ethtool(name, &mut ring)?;
    (ring.receive > 0).then_some((ring.receive, ring.receive_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_by_address_and_by_network() {
        for wanted in ["127.0.0.1", "127.0.0.1/32", "127.0.0.0/8"] {
            let report = InterfaceReport::probe(&Files::of_host(), wanted).expect("it is there");
            assert!(report.is_loopback && report.is_up && report.has_multicast, "{report:?}");
            assert_eq!(report.driver, None);
            assert!(report.mtu_bytes >= 1_500 && report.receive_queues >= 1);
            assert!(report.to_string().starts_with("interface lo (127.0.0.1): driver none, MTU "));
        }
    }

    #[test]
    fn what_is_missing_is_said_beside_what_is_there() {
        let wanted = "198.51.100.7";
        let error = InterfaceReport::probe(&Files::of_host(), wanted).expect_err("a test network");
        let text = error.to_string();
        assert!(text.contains(wanted) && text.contains("lo 127.0.0.1"), "{text}");
    }

    #[test]
    fn networks() {
        let address = Ipv4Addr::new(10, 1, 2, 3);
        for (wanted, is_it) in [
            ("10.1.2.3", true),
            ("10.1.2.4", false),
            ("10.1.0.0/16", true),
            ("10.2.0.0/16", false),
            ("0.0.0.0/0", true),
            ("eth0", false),
        ] {
            assert_eq!(is_in(address, wanted), is_it, "{wanted}");
        }
    }
}
