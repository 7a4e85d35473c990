//! An interface in use by `xdp`: one per process, whoever of its drivers uses it.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use xdp::socket::XdpSocket;

use super::attach::{Mode, attach};
use super::bpf::Link as BpfLink;
use super::check::{Candidate, load};
use super::claims::Claims;
use super::counters::XdpCounters;
use super::demux::{Arrival, Demux, Poller, Port, Token, addresses_of};
use super::headers::{IP_HEADERS_BYTES, Mac, Outgoing};
use super::netlink::{Link, Netlink};
use super::queue::{BATCH_MAX, Queue, ZeroCopy, is_zero_copy, wake};
use super::settings::{XdpSettings, XdpUnavailable};
use super::watcher::Watcher;
use crate::ReceiveLoss;

/// All that the process has open, by network namespace and index.
static OPEN: Mutex<Vec<(u64, u32, Weak<Interface>)>> = Mutex::new(Vec::new());

/// Names of ports.
static NEXT_PORT: AtomicU64 = AtomicU64::new(0);

/// See the module. Dropping the last reference takes the program off and closes everything.
pub(crate) struct Interface {
    // In this order: no frame comes in any more, nobody looks at the rest, the sockets are closed,
    // and then their memory goes.
    _link: BpfLink,
    watcher: Watcher,
    claims: Arc<Claims>,
    sockets: Arc<Vec<XdpSocket>>,
    demux: Mutex<Demux>,
    counters: Arc<XdpCounters>,
    info: Link,
    mac: Mac,
    addresses: Vec<Ipv4Addr>,
    payload_bytes_max: usize,
    description: String,
}

impl std::fmt::Debug for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interface").field("name", &self.info.name).finish_non_exhaustive()
    }
}

impl Interface {
    /// Opens the interface, or joins who has it open in this process.
    pub(crate) fn open(
        settings: &XdpSettings,
        mtu_bytes: usize,
    ) -> Result<Arc<Self>, XdpUnavailable> {
        let (mut netlink, info, ours) = Candidate::find(settings, mtu_bytes)?;
        let namespace = namespace().map_err(|source| XdpUnavailable::Other {
            interface: info.name.clone(),
            what: "no network namespace",
            source,
        })?;

        // Held until it is open: two drivers that start at once share it.
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, _, interface)| interface.strong_count() > 0);
        let known = open.iter().find(|(n, index, _)| (*n, *index) == (namespace, info.index));
        if let Some(known) = known.and_then(|(_, _, interface)| interface.upgrade()) {
            if known.payload_bytes_max < mtu_bytes {
                return Err(XdpUnavailable::SmallerFrames {
                    interface: info.name.clone(),
                    open_bytes: known.payload_bytes_max,
                });
            }
            return Ok(known);
        }
        let interface =
            Arc::new(Self::start(settings, mtu_bytes, &mut netlink, info.clone(), ours)?);
        open.push((namespace, info.index, Arc::downgrade(&interface)));
        Ok(interface)
    }

    fn start(
        settings: &XdpSettings,
        mtu_bytes: usize,
        netlink: &mut Netlink,
        info: Link,
        addresses: Vec<Ipv4Addr>,
    ) -> Result<Self, XdpUnavailable> {
        let Candidate { mac, queue_count, has, driver } = Candidate::of(settings, &info)?;
        let failed = |what| {
            let interface = info.name.clone();
            move |source: io::Error| match source.kind() {
                io::ErrorKind::PermissionDenied => XdpUnavailable::NotPermitted { what, source },
                _ => XdpUnavailable::Other { interface, what, source },
            }
        };
        let redirect = load(&info, has)?;
        let (link, mode, replaced) = attach(netlink, &info, &redirect)?;
        let (mut queues, mut sockets) = (Vec::new(), Vec::new());
        for index in 0..queue_count {
            let opened = Queue::open(info.index, index, mtu_bytes, settings.zero_copy);
            let (queue, socket) = opened.map_err(|source| match source.raw_os_error() {
                Some(libc::EOPNOTSUPP | libc::EINVAL)
                    if settings.zero_copy == ZeroCopy::Require =>
                {
                    let (interface, driver) = (info.name.clone(), driver.clone());
                    XdpUnavailable::NoZeroCopy { interface, driver }
                }
                Some(libc::EBUSY) => XdpUnavailable::Occupied {
                    interface: info.name.clone(),
                    by: format!("another AF_XDP socket on queue {index}"),
                },
                _ => failed("an AF_XDP socket can not be opened")(source),
            })?;
            redirect.set_ring(index, &socket).map_err(failed("a ring can not be entered"))?;
            queues.push(queue);
            sockets.push(socket);
        }
        let description = describe(&Described {
            info: &info,
            driver: &driver,
            mode: &mode,
            is_zero_copy: is_zero_copy(&sockets[0]),
            queues: &queues,
            has,
            replaced,
            mtu_bytes,
        });
        let counters = Arc::new(XdpCounters::default());
        let sockets = Arc::new(sockets);
        let (watched, counted) = (Arc::clone(&sockets), Arc::clone(&counters));
        let claims = Arc::new(Claims::new(redirect));
        let claimed = Arc::clone(&claims);
        let watcher = Watcher::start(info.index, &info.name, claimed, watched, counted)
            .map_err(failed("the watcher can not be started"))?;
        Ok(Self {
            _link: link,
            watcher,
            claims,
            sockets,
            demux: Mutex::new(Demux::new(mac, queues)),
            counters,
            info,
            mac,
            addresses,
            payload_bytes_max: mtu_bytes,
            description,
        })
    }

    /// How it is used: for the start-up line.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    pub(crate) fn counters(&self) -> &Arc<XdpCounters> {
        &self.counters
    }

    pub(super) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    /// True for an address of the interface.
    pub(super) fn has_address(&self, ip: Ipv4Addr) -> bool {
        self.addresses.contains(&ip)
    }

    /// Receives for a socket that is bound to `ip` and `port` (for a group: its address) from now on;
    /// the port's name, or `None` where nothing for it comes in on this interface.
    pub(super) fn add(
        &self,
        ip: Ipv4Addr,
        port: u16,
        poller: Poller,
        token: Token,
        loss: Option<ReceiveLoss>,
    ) -> io::Result<Option<u64>> {
        let addresses = addresses_of(ip, port, &self.addresses);
        if addresses.is_empty() {
            return Ok(None);
        }
        let id = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        self.lock().add(Port { id, poller, token, loss, addresses: addresses.clone() });
        for (count, address) in addresses.iter().enumerate() {
            if let Err(error) = self.claims.add(*address) {
                addresses[..count].iter().for_each(|claimed| self.claims.remove(*claimed));
                let _ = self.lock().remove(id);
                return Err(error);
            }
        }
        Ok(Some(id))
    }

    /// Leaves it to the kernel again; nothing is delivered for it after this.
    pub(super) fn remove(&self, id: u64) {
        let removed = self.lock().remove(id);
        self.leave(removed);
    }

    pub(super) fn remove_poller(&self, poller: Poller) {
        let removed = self.lock().remove_poller(poller);
        self.leave(removed);
    }

    fn leave(&self, ports: impl IntoIterator<Item = Port>) {
        for address in ports.into_iter().flat_map(|port| port.addresses) {
            self.claims.remove(address);
        }
    }

    /// Takes in what has come, and gives out the next datagram for `poller`. Where another thread is
    /// at it, there is none for now: what that one takes in for us is there at the next poll.
    pub(super) fn poll(&self, poller: Poller) -> Option<Arrival> {
        let mut demux = match self.demux.try_lock() {
            Ok(demux) => demux,
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        demux.receive(poller, &self.counters);
        demux.next(poller)
    }

    /// Gives a datagram back, and takes the next.
    pub(super) fn exchange(&self, poller: Poller, done: Arrival) -> Option<Arrival> {
        self.counters.datagrams_received.one();
        let mut demux = self.lock();
        demux.give_back(done);
        demux.next(poller)
    }

    /// Gives the last one back.
    pub(super) fn give_back(&self, done: Arrival) {
        self.counters.datagrams_received.one();
        self.lock().give_back(done);
    }

    /// True if a datagram of so many bytes may go by the ring: in one piece.
    pub(super) fn fits(&self, payload_bytes: usize) -> bool {
        payload_bytes <= self.payload_bytes_max
            && payload_bytes + IP_HEADERS_BYTES <= self.info.mtu_bytes
    }

    pub(super) fn mac(&self) -> Mac {
        self.mac
    }

    /// Sends datagrams with the same headers; returns how many were put on the ring.
    ///
    /// # Errors
    /// When the ring is dead.
    pub(super) fn send(&self, headers: &Outgoing, payloads: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut sent = 0;
        for batch in payloads.chunks(BATCH_MAX) {
            let mut demux = self.lock();
            let queue = demux.sending();
            queue.reap();
            let before = sent;
            for payload in batch {
                let Some(mut packet) = queue.take() else { break };
                let total = super::headers::HEADERS_BYTES + payload.len();
                if packet.adjust_tail(i32::try_from(total).unwrap_or(i32::MAX)).is_err() {
                    debug_assert!(false, "the caller asked whether it fits");
                    queue.give_back(super::umem::Frame::new(packet));
                    break;
                }
                headers.write(&mut packet, payload);
                queue.push(packet);
                sent += 1;
            }
            let wake_up = queue.send();
            drop(demux);
            // Outside the lock: in copy mode the kernel sends within the call.
            if wake_up {
                self.counters.kicks.one();
                wake(self.sending_socket())?;
            }
            if sent - before < batch.len() {
                break;
            }
        }
        self.counters.sends.add(usize::from(sent > 0));
        self.counters.datagrams_sent.add(sent);
        self.counters.sends_refused.add(payloads.len() - sent);
        Ok(sent)
    }

    fn sending_socket(&self) -> RawFd {
        self.sockets[0].as_raw_fd()
    }

    fn lock(&self) -> MutexGuard<'_, Demux> {
        self.demux.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Described<'a> {
    info: &'a Link,
    driver: &'a str,
    mode: &'a Mode,
    is_zero_copy: bool,
    queues: &'a [Queue],
    has: u32,
    replaced: bool,
    mtu_bytes: usize,
}

fn describe(d: &Described<'_>) -> String {
    const MIB: usize = 1024 * 1024;
    let mode = match d.mode {
        Mode::Native => "native program".to_owned(),
        Mode::Generic(why) => format!("generic program, as the driver has no native one ({why})"),
    };
    let copies = if d.is_zero_copy { "zero-copy" } else { "copy mode" };
    let bytes: usize = d.queues.iter().map(|queue| queue.memory().bytes()).sum();
    let huge: usize = d.queues.iter().map(|queue| queue.memory().huge_bytes()).sum();
    let mut text = format!(
        "{} ({}): {mode}, {copies}, wake-up on need, {} of {} receive queues, {} MiB of frames, ",
        d.info.name,
        d.driver,
        d.queues.len(),
        d.has,
        bytes / MIB,
    );
    match huge {
        0 => text.push_str(
            "in normal pages (huge ones: set /sys/kernel/mm/transparent_hugepage/enabled to madvise)",
        ),
        _ if huge < bytes => text.push_str(&format!("{} MiB of it in huge pages", huge / MIB)),
        _ => text.push_str("in huge pages"),
    }
    if d.mtu_bytes + IP_HEADERS_BYTES > d.info.mtu_bytes {
        text.push_str(&format!(
            "; datagrams above {} bytes go by the kernel in fragments, as the link's MTU is {}: lower \
             transport.mtu_bytes",
            d.info.mtu_bytes.saturating_sub(IP_HEADERS_BYTES),
            d.info.mtu_bytes
        ));
    }
    if d.replaced {
        text.push_str("; a stale program of ours was replaced");
    }
    text
}

/// The network namespace of the calling thread.
fn namespace() -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata("/proc/thread-self/ns/net")?.ino())
}

/// The address that a socket is bound to.
pub(super) fn bound_address(socket: RawFd) -> Option<SocketAddrV4> {
    // SAFETY: all-zero is a valid address, which outlives the call.
    unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        let mut length = size_of::<libc::sockaddr_in>() as u32;
        let result = libc::getsockname(socket, (&raw mut address).cast(), &raw mut length);
        let is_v4 = i32::from(address.sin_family) == libc::AF_INET;
        (result == 0 && is_v4).then(|| {
            let ip = Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes());
            SocketAddrV4::new(ip, u16::from_be(address.sin_port))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_used_is_refused_with_the_knob() {
        let refused = |interface: &str, mtu_bytes| {
            let settings =
                XdpSettings { interface: interface.to_owned(), ..XdpSettings::default() };
            Interface::open(&settings, mtu_bytes).expect_err("refused").to_string()
        };
        assert!(refused("lo", 1408).contains("loopback"), "{}", refused("lo", 1408));
        assert!(refused("nothing0", 1408).contains("transport.xdp_interface = \"nothing0\""));
        assert!(refused("lo", 8928).contains("transport.mtu_bytes = 8928"));
    }
}
