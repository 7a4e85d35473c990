//! The driver's side of the `xdp` datapath: pollers and sends.
//!
//! Aeron opens its sockets as ever: they reserve the ports, join the groups, and carry what does not
//! go by the rings. The program takes datagrams before they get there. So a poll looks at the rings
//! first, and at the sockets only while something is in them, which the watcher tells: a poll that
//! finds nothing makes no system call.

use std::ffi::c_int;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, PoisonError};

use super::headers::Outgoing;
use super::interface::{Interface, bound_address};
use super::path::{Path, Way};
use super::watcher::KernelSide;
use crate::aeron::ffi::c;
use crate::datapath::bindings::{TransportState, set_error, state_of};

/// Datagrams delivered in one poll. Too high -> a flood on one stream delays timers and sends.
const DELIVER_MAX: usize = 64;

/// Destinations that a transport remembers: the readers of one channel.
const PATH_COUNT_MAX: usize = 64;

/// The pollers of all drivers of the process: Aeron closes one without saying whose it is.
static POLLERS: Mutex<Vec<Polled>> = Mutex::new(Vec::new());

struct Polled {
    name: usize,
    interface: Arc<Interface>,
    side: Arc<KernelSide>,
}

/// What `xdp` knows of a transport.
pub(in crate::datapath) struct Transport {
    interface: Arc<Interface>,
    /// `None`: IPv6, another interface, or one that wants the media's timestamps: all of it goes by
    /// the kernel.
    endpoint: Option<Endpoint>,
    poller: Option<Arc<KernelSide>>,
    /// While it is received for.
    port: Option<u64>,
}

struct Endpoint {
    /// Where it receives: an address, a group, or none (any address).
    ip: Ipv4Addr,
    receive_port: u16,
    /// Where its datagrams come from; none: as the route prefers.
    source: Ipv4Addr,
    send_port: u16,
    type_of_service: u8,
    time_to_live: u8,
    multicast_time_to_live: u8,
    sends_groups_here: bool,
    /// The ways that it has sent on; a few at most.
    paths: Vec<Arc<Path>>,
}

impl Transport {
    /// Of a transport that was just opened with these addresses.
    ///
    /// # Safety
    /// `transport` is live; the addresses are null or live.
    pub(in crate::datapath) unsafe fn new(
        interface: &Arc<Interface>,
        transport: *const c::aeron_udp_channel_transport_t,
        bind_address: *const c::sockaddr_storage,
        multicast_interface: *const c::sockaddr_storage,
    ) -> Self {
        // SAFETY: as the caller promises.
        let endpoint = unsafe {
            let (fd, receive_fd) = ((*transport).fd, (*transport).recv_fd);
            let via = ip_of(multicast_interface);
            let wants_timestamps = (*transport).timestamp_flags != 0;
            ip_of(bind_address)
                .filter(|_| !wants_timestamps)
                .and_then(|ip| Endpoint::new(interface, fd, receive_fd, ip, via))
        };
        Self { interface: Arc::clone(interface), endpoint, poller: None, port: None }
    }
}

impl Endpoint {
    fn new(
        interface: &Interface,
        fd: RawFd,
        receive_fd: RawFd,
        ip: Ipv4Addr,
        via: Option<Ipv4Addr>,
    ) -> Option<Self> {
        let via = via.filter(|via| interface.has_address(*via));
        let is_here = match ip.is_multicast() {
            true => via.is_some(),
            false => ip.is_unspecified() || interface.has_address(ip),
        };
        if !is_here {
            return None;
        }
        // A socket for a group is bound to every address.
        let source = if ip.is_multicast() { via? } else { ip };
        let option = |name| byte_option(fd, name).unwrap_or(0);
        Some(Self {
            ip,
            receive_port: bound_address(receive_fd)?.port(),
            source,
            send_port: bound_address(fd)?.port(),
            type_of_service: option(libc::IP_TOS),
            time_to_live: option(libc::IP_TTL),
            multicast_time_to_live: option(libc::IP_MULTICAST_TTL),
            sends_groups_here: via.is_some(),
            paths: Vec::new(),
        })
    }

    /// The way to `to`, and the headers for it; or that there is none, and whether that is for want
    /// of the neighbour's address.
    fn way(&mut self, interface: &Interface, to: SocketAddrV4) -> Result<Outgoing, Detour> {
        let is_group = to.ip().is_multicast();
        let time_to_live = if is_group { self.multicast_time_to_live } else { self.time_to_live };
        // 0 keeps a datagram on this host.
        if time_to_live == 0 || (is_group && !self.sends_groups_here) {
            return Err(Detour::ByRule);
        }
        let path = match self.paths.iter().find(|path| path.destination == *to.ip()) {
            Some(path) => path,
            None => {
                if self.paths.len() >= PATH_COUNT_MAX {
                    self.paths.clear();
                }
                self.paths.push(interface.watcher().path(*to.ip()).ok_or(Detour::ByRule)?);
                self.paths.last().ok_or(Detour::ByRule)?
            }
        };
        let mac_to = match path.way() {
            Way::Ring(mac) => mac,
            Way::Kernel => return Err(Detour::ByRule),
            Way::Unknown => return Err(Detour::NeighbourUnknown),
        };
        let source = if self.source.is_unspecified() { path.source() } else { self.source };
        if source.is_unspecified() {
            return Err(Detour::ByRule);
        }
        Ok(Outgoing {
            mac_from: interface.mac(),
            mac_to,
            from: SocketAddrV4::new(source, self.send_port),
            to,
            type_of_service: self.type_of_service,
            time_to_live,
        })
    }
}

/// Why a datagram goes by the kernel.
enum Detour {
    ByRule,
    NeighbourUnknown,
}

/// The IPv4 address in `address`.
///
/// # Safety
/// `address` is null or live.
unsafe fn ip_of(address: *const c::sockaddr_storage) -> Option<Ipv4Addr> {
    // SAFETY: as the caller promises.
    unsafe { socket_address(address).map(|address| *address.ip()) }
}

/// # Safety
/// `address` is null or live.
unsafe fn socket_address(address: *const c::sockaddr_storage) -> Option<SocketAddrV4> {
    // SAFETY: as the caller promises; a storage is large enough and aligned for any address.
    unsafe {
        let family = c_int::from(address.as_ref()?.ss_family);
        let address = &*address.cast::<libc::sockaddr_in>();
        (family == libc::AF_INET).then(|| {
            let ip = Ipv4Addr::from(address.sin_addr.s_addr.to_ne_bytes());
            SocketAddrV4::new(ip, u16::from_be(address.sin_port))
        })
    }
}

fn byte_option(socket: RawFd, name: c_int) -> Option<u8> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the value is writable for its length.
    let result = unsafe {
        let value = (&raw mut value).cast();
        libc::getsockopt(socket, libc::IPPROTO_IP, name, value, &raw mut length)
    };
    if result == 0 { u8::try_from(value).ok() } else { None }
}

/// Begins to receive on a transport.
///
/// # Safety
/// `transport` is live, was opened by our `init` and has this `state`; both it and the poller stay
/// where they are until they are forgotten.
pub(in crate::datapath) unsafe fn begin(
    poller: *mut c::aeron_udp_transport_poller_t,
    transport: *mut c::aeron_udp_channel_transport_t,
    state: &mut TransportState,
) {
    let loss = state.receive_loss();
    let shared = Arc::clone(&state.shared);
    let Some(xdp) = &mut state.xdp else { return };
    let interface = &xdp.interface;
    // SAFETY: as the caller promises.
    match unsafe { kernel_side(interface, poller) } {
        Ok(side) => xdp.poller = Some(side),
        Err(error) => shared.fail(format!("xdp can not watch the driver's sockets: {error}")),
    }
    if let Some(endpoint) = &xdp.endpoint {
        let (name, token) = (poller as usize, transport as usize);
        match interface.add(endpoint.ip, endpoint.receive_port, name, token, loss) {
            Ok(port) => xdp.port = port,
            Err(error) => shared.fail(format!("xdp can not take a socket's datagrams: {error}")),
        }
    }
}

/// The watched sockets of a poller, which are watched from the first one on.
///
/// # Safety
/// `poller` is live.
unsafe fn kernel_side(
    interface: &Arc<Interface>,
    poller: *mut c::aeron_udp_transport_poller_t,
) -> std::io::Result<Arc<KernelSide>> {
    let mut pollers = POLLERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = pollers.iter().find(|known| known.name == poller as usize) {
        return Ok(Arc::clone(&known.side));
    }
    // SAFETY: as the caller promises; the poller's own set of sockets is open as long as it is.
    let side = interface.watcher().watch(unsafe { (*poller).fd })?;
    let (interface, name) = (Arc::clone(interface), poller as usize);
    pollers.push(Polled { name, interface, side: Arc::clone(&side) });
    Ok(side)
}

/// Stops receiving on a transport, where that is done at all.
///
/// # Safety
/// `transport` is live, and was opened by our `init`.
pub(in crate::datapath) unsafe fn forget(transport: *mut c::aeron_udp_channel_transport_t) {
    // SAFETY: as the caller promises; the state is not reached by anyone else meanwhile, as a
    // transport belongs to one agent thread.
    if let Some(xdp) = unsafe { state_of(transport) }.and_then(|state| state.xdp.as_mut())
        && let Some(port) = xdp.port.take()
    {
        xdp.interface.remove(port);
    }
}

/// A poller is being closed. Its transports may be closed already: only its name is used.
pub(in crate::datapath) fn forget_poller(poller: usize) {
    let closed = {
        let mut pollers = POLLERS.lock().unwrap_or_else(PoisonError::into_inner);
        let place = pollers.iter().position(|known| known.name == poller);
        place.map(|place| pollers.swap_remove(place))
    };
    if let Some(closed) = closed {
        closed.interface.watcher().forget(&closed.side);
        closed.interface.remove_poller(closed.name);
    }
}

pub(in crate::datapath) unsafe extern "C" fn poller_poll(
    poller: *mut c::aeron_udp_transport_poller_t,
    message_vector: *mut c::mmsghdr,
    vector_length: usize,
    bytes_received: *mut i64,
    on_datagram: c::aeron_udp_transport_recv_func_t,
    receive_directly: c::aeron_udp_channel_transport_recvmmsg_func_t,
    client: *mut std::ffi::c_void,
) -> c_int {
    // SAFETY: the driver passes a live poller with its list of transports, each opened by our
    // `init`. `on_datagram` may send, and add and remove transports: what is used after it, the
    // interface and the poller's other side, is held by references of our own.
    unsafe {
        if (*poller).transports.length == 0 {
            return 0;
        }
        let first = (*(*poller).transports.array).transport;
        let Some(xdp) = state_of(first).and_then(|state| state.xdp.as_ref()) else { return 0 };
        let (Some(deliver), Some(side)) = (on_datagram, xdp.poller.as_ref()) else { return 0 };
        let (interface, name) = (Arc::as_ptr(&xdp.interface), poller as usize);
        let is_ready = side.is_ready();

        let mut work_count = 0;
        let mut next = (*interface).poll(name);
        if next.is_some() {
            // A transport that is removed meanwhile may be the last that holds it.
            let interface = Arc::clone(&xdp.interface);
            let mut source: c::sockaddr_storage = std::mem::zeroed();
            while let Some(mut arrival) = next {
                let transport = arrival.token as *mut c::aeron_udp_channel_transport_t;
                write_address(&mut source, arrival.from());
                let payload = arrival.payload();
                *bytes_received += i64::try_from(payload.len()).unwrap_or(0);
                deliver(
                    (*transport).data_paths,
                    transport,
                    client,
                    (*transport).dispatch_clientd,
                    (*transport).destination_clientd,
                    payload.as_mut_ptr(),
                    payload.len(),
                    &raw mut source,
                    std::ptr::null_mut(),
                );
                work_count += 1;
                if usize::try_from(work_count).is_ok_and(|count| count < DELIVER_MAX) {
                    next = interface.exchange(name, arrival);
                } else {
                    interface.give_back(arrival);
                    next = None;
                }
            }
        }
        if is_ready {
            work_count += poll_sockets(
                poller,
                message_vector,
                vector_length,
                bytes_received,
                on_datagram,
                receive_directly,
                client,
            );
        }
        work_count
    }
}

/// What has come by the kernel.
///
/// # Safety
/// As for `poller_poll`.
unsafe fn poll_sockets(
    poller: *mut c::aeron_udp_transport_poller_t,
    message_vector: *mut c::mmsghdr,
    vector_length: usize,
    bytes_received: *mut i64,
    on_datagram: c::aeron_udp_transport_recv_func_t,
    receive_directly: c::aeron_udp_channel_transport_recvmmsg_func_t,
    client: *mut std::ffi::c_void,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        // The deliveries before may have removed what was there.
        if (*poller).transports.length == 0 {
            return 0;
        }
        let first = (*(*poller).transports.array).transport;
        let Some(xdp) = state_of(first).and_then(|state| state.xdp.as_ref()) else { return 0 };
        let (interface, side) = (Arc::clone(&xdp.interface), xdp.poller.clone());
        let received = c::aeron_udp_transport_poller_poll(
            poller,
            message_vector,
            vector_length,
            bytes_received,
            on_datagram,
            receive_directly,
            client,
        );
        let count = usize::try_from(received).unwrap_or(0);
        interface.counters().kernel_received.add(count);
        if let Some(side) = side {
            side.on_polled(count);
        }
        received.max(0)
    }
}

fn write_address(to: &mut c::sockaddr_storage, address: SocketAddrV4) {
    // SAFETY: a storage is large enough and aligned for any address.
    let to = unsafe { &mut *(&raw mut *to).cast::<libc::sockaddr_in>() };
    to.sin_family = libc::AF_INET as u16;
    to.sin_port = address.port().to_be();
    to.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
}

pub(in crate::datapath) unsafe extern "C" fn send(
    data_paths: *mut c::aeron_udp_channel_data_paths_t,
    transport: *mut c::aeron_udp_channel_transport_t,
    address: *mut c::sockaddr_storage,
    vectors: *mut c::iovec,
    vector_count: usize,
    bytes_sent: *mut i64,
) -> c_int {
    // SAFETY: the driver passes a live transport, and vectors and an address that are readable
    // for the call; `c::iovec`, `libc::iovec` and `IoSlice` have one layout.
    unsafe {
        let payloads = std::slice::from_raw_parts(vectors.cast::<IoSlice<'_>>(), vector_count);
        let connected = (*transport).connected_address;
        let to = socket_address(if connected.is_null() { address } else { connected });
        if let Some(state) = state_of(transport)
            && let Some(xdp) = &mut state.xdp
        {
            match by_ring(xdp, to, payloads) {
                Ok(Some(sent)) => {
                    let bytes: usize = payloads[..sent].iter().map(|payload| payload.len()).sum();
                    *bytes_sent += i64::try_from(bytes).unwrap_or(0);
                    return c_int::try_from(sent).unwrap_or(c_int::MAX);
                }
                Ok(None) => {}
                Err(error) => {
                    state.shared.fail(format!("xdp send: {error}"));
                    set_error(&error, c"send", c"failed to send through AF_XDP");
                    return -1;
                }
            }
        }
        c::aeron_udp_channel_transport_send(
            data_paths,
            transport,
            address,
            vectors,
            vector_count,
            bytes_sent,
        )
    }
}

/// Sends by the ring where it may; `None` where the kernel is to, which is counted.
fn by_ring(
    xdp: &mut Transport,
    to: Option<SocketAddrV4>,
    payloads: &[IoSlice<'_>],
) -> std::io::Result<Option<usize>> {
    let interface = &xdp.interface;
    let way = match (&mut xdp.endpoint, to) {
        (Some(endpoint), Some(to)) => endpoint.way(interface, to),
        _ => Err(Detour::ByRule),
    };
    match way {
        Ok(headers) if payloads.iter().all(|payload| interface.fits(payload.len())) => {
            return interface.send(&headers, payloads).map(Some);
        }
        Err(Detour::NeighbourUnknown) => interface.counters().neighbour_misses.add(payloads.len()),
        _ => interface.counters().kernel_sent.add(payloads.len()),
    }
    Ok(None)
}
