//! The driver's side of the `uring` datapath: pollers and sends.
//!
//! Each agent thread has its own pair of rings per driver, made when that thread first needs it
//! (a ring belongs to the thread that made it) and dropped when its last poller is closed, or when
//! the thread ends. Aeron's own poller functions are still called: the driver walks the poller's
//! list of transports for other ends.
//!
//! A ring that can not be made or breaks is not worked around in silence: the driver's owner gets
//! it as an error from the next duty cycle.

use std::cell::RefCell;
use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;

use super::bindings::{Shared, state_of};
use super::receive_ring::{Arrival, ReceiveRing};
use super::send_ring::SendRing;
use crate::aeron::ffi::c;

/// Datagrams delivered in one poll. Too high -> a flood on one stream delays timers and sends;
/// Aeron's own poll takes about this many per socket.
const DELIVER_MAX: usize = 64;

/// An agent thread's rings for one driver.
struct Rings {
    /// Whose.
    owner: Arc<Shared>,
    receive: ReceiveRing,
    send: SendRing,
    /// Transports that want the media's timestamps, which come as control messages: polled the
    /// classic way.
    direct: Vec<(*mut c::aeron_udp_transport_poller_t, *mut c::aeron_udp_channel_transport_t)>,
}

/// Keeps rings in place, as pointers to them are taken.
struct Owned(NonNull<Rings>);

impl Owned {
    fn new(rings: Rings) -> Self {
        Self(NonNull::from(Box::leak(Box::new(rings))))
    }

    fn serves(&self, shared: &Arc<Shared>) -> bool {
        // SAFETY: live until `self` is dropped; only read here.
        Arc::ptr_eq(unsafe { &(*self.0.as_ptr()).owner }, shared)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: from a box, in `new`, and dropped once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

thread_local! {
    static RINGS: RefCell<Vec<Owned>> = const { RefCell::new(Vec::new()) };
}

/// The calling thread's rings for `shared`, made if need be; `None` after a failure, which is
/// noted in `shared`.
fn rings(shared: &Arc<Shared>) -> Option<NonNull<Rings>> {
    RINGS.with_borrow_mut(|all| {
        if let Some(owned) = all.iter().find(|owned| owned.serves(shared)) {
            return Some(owned.0);
        }
        if shared.has_failed() {
            return None;
        }
        let made = ReceiveRing::new(shared.mtu_bytes).and_then(|receive| {
            let send = SendRing::new()?;
            let owner = Arc::clone(shared);
            Ok(Owned::new(Rings { owner, receive, send, direct: Vec::new() }))
        });
        match made {
            Ok(owned) => {
                let rings = owned.0;
                all.push(owned);
                Some(rings)
            }
            Err(error) => {
                shared.fail(format!("the uring datapath can not make its rings: {error}"));
                None
            }
        }
    })
}

/// Stops receiving on a transport, where this thread does so at all.
///
/// # Safety
/// `transport` is live, and was opened by our `init`.
pub(super) unsafe fn forget(transport: *mut c::aeron_udp_channel_transport_t) {
    // SAFETY: as the caller promises; the state is not reached by anyone else meanwhile, as a
    // transport belongs to one agent thread.
    let Some(state) = (unsafe { state_of(transport) }) else { return };
    let slot = state.slot.take();
    // Not `rings`: that would make some, on whatever thread closes the driver.
    // On a thread that is ending they are gone already.
    let found = RINGS.try_with(|all| {
        all.borrow().iter().find(|owned| owned.serves(&state.shared)).map(|owned| owned.0)
    });
    if let Ok(Some(mut rings)) = found {
        // SAFETY: the rings are this thread's, and no reference to them is held by the functions
        // that the driver can call this from.
        let rings = unsafe { rings.as_mut() };
        if let Some(slot) = slot {
            rings.receive.remove(slot);
        }
        rings.direct.retain(|(_, direct)| *direct != transport);
    }
}

pub(super) unsafe extern "C" fn poller_close(
    poller: *mut c::aeron_udp_transport_poller_t,
) -> c_int {
    // On a thread that is ending they are gone already; on another than the agent's, which has
    // ended by then, there are none of this poller.
    let _ = RINGS.try_with(|all| {
        all.borrow_mut().retain_mut(|owned| {
            // SAFETY: as in `forget`.
            let rings = unsafe { owned.0.as_mut() };
            rings.direct.retain(|(owner, _)| *owner != poller);
            !(rings.receive.serves(poller as usize) && rings.receive.remove_poller(poller as usize))
        });
    });
    // SAFETY: the driver closes a poller that it opened.
    unsafe { c::aeron_udp_transport_poller_close(poller) }
}

pub(super) unsafe extern "C" fn poller_add(
    poller: *mut c::aeron_udp_transport_poller_t,
    transport: *mut c::aeron_udp_channel_transport_t,
) -> c_int {
    // SAFETY: the driver passes a live poller and a transport opened by our `init`; both stay
    // where they are until `poller_remove` or `poller_close`.
    unsafe {
        let result = c::aeron_udp_transport_poller_add(poller, transport);
        if result < 0 {
            return result;
        }
        if let Some(state) = state_of(transport)
            && let Some(mut rings) = rings(&state.shared)
        {
            let rings = rings.as_mut();
            if (*transport).timestamp_flags != 0 {
                rings.direct.push((poller, transport));
            } else {
                let socket = (*transport).recv_fd;
                state.slot = Some(rings.receive.add(poller as usize, transport as usize, socket));
            }
        }
        result
    }
}

pub(super) unsafe extern "C" fn poller_remove(
    poller: *mut c::aeron_udp_transport_poller_t,
    transport: *mut c::aeron_udp_channel_transport_t,
) -> c_int {
    // SAFETY: the driver passes what it passed to `poller_add`.
    unsafe {
        forget(transport);
        c::aeron_udp_transport_poller_remove(poller, transport)
    }
}

pub(super) unsafe extern "C" fn poller_poll(
    poller: *mut c::aeron_udp_transport_poller_t,
    message_vector: *mut c::mmsghdr,
    vector_length: usize,
    bytes_received: *mut i64,
    on_datagram: c::aeron_udp_transport_recv_func_t,
    receive_directly: c::aeron_udp_channel_transport_recvmmsg_func_t,
    client: *mut std::ffi::c_void,
) -> c_int {
    // SAFETY: the driver passes a live poller with its list of transports, each opened by our
    // `init`. The rings are this thread's, and stay until the poller is closed, which nothing
    // called from here does. `on_datagram` may send, and add and remove transports, which use the
    // rings: so no reference to them is held across it.
    unsafe {
        if (*poller).transports.length == 0 {
            return 0;
        }
        let first = (*(*poller).transports.array).transport;
        let (Some(state), Some(on_datagram)) = (state_of(first), on_datagram) else { return 0 };
        let shared = Arc::as_ptr(&state.shared);
        let Some(mut rings) = rings(&state.shared) else { return 0 };

        let mut work_count = 0;
        let waiting = rings.as_mut().receive.turn(poller as usize);
        for _ in 0..waiting.min(DELIVER_MAX) {
            let Some(arrival) = rings.as_mut().receive.next(poller as usize) else { break };
            let (payload, length, source) = rings.as_mut().receive.parts(&arrival);
            let transport = arrival.token as *mut c::aeron_udp_channel_transport_t;
            on_datagram(
                (*transport).data_paths,
                transport,
                client,
                (*transport).dispatch_clientd,
                (*transport).destination_clientd,
                payload,
                length,
                source.cast(),
                std::ptr::null_mut(),
            );
            *bytes_received += i64::try_from(length).unwrap_or(0);
            work_count += 1;
            give_back(rings, arrival);
        }
        if let Some((token, error)) = rings.as_mut().receive.take_error() {
            log_error(token as *mut c::aeron_udp_channel_transport_t, &error, &*shared);
        }
        if !rings.as_ref().direct.is_empty()
            && let Some(receive_directly) = receive_directly
        {
            for index in 0..rings.as_ref().direct.len() {
                let Some(&(owner, transport)) = rings.as_ref().direct.get(index) else { break };
                if owner == poller {
                    let received = receive_directly(
                        transport,
                        message_vector,
                        vector_length,
                        bytes_received,
                        Some(on_datagram),
                        client,
                    );
                    work_count += received.max(0);
                }
            }
        }
        work_count
    }
}

/// # Safety
/// `rings` is live and not borrowed.
unsafe fn give_back(mut rings: NonNull<Rings>, arrival: Arrival) {
    // SAFETY: as the caller promises.
    unsafe { rings.as_mut() }.receive.give_back(arrival);
}

/// Into the driver's distinct error log, where its other errors are; or, if it is of no
/// transport, to the driver's owner: the ring itself is broken.
///
/// # Safety
/// `transport` is null or live.
unsafe fn log_error(
    transport: *mut c::aeron_udp_channel_transport_t,
    error: &std::io::Error,
    shared: &Shared,
) {
    let text = format!("uring receive: {error}");
    if transport.is_null() {
        shared.fail(text);
    } else if let Ok(text) = std::ffi::CString::new(text) {
        let code = error.raw_os_error().unwrap_or(libc::EIO);
        // SAFETY: the transport's error log is the driver's, which outlives it; the text is
        // copied.
        unsafe {
            c::aeron_distinct_error_log_record((*transport).error_log, code, text.as_ptr());
        }
    }
}

pub(super) unsafe extern "C" fn send(
    data_paths: *mut c::aeron_udp_channel_data_paths_t,
    transport: *mut c::aeron_udp_channel_transport_t,
    address: *mut c::sockaddr_storage,
    vectors: *mut c::iovec,
    vector_count: usize,
    bytes_sent: *mut i64,
) -> c_int {
    // SAFETY: the driver passes a live transport, and vectors and an address that are readable
    // for the call; `c::iovec` and `libc::iovec` are the same C struct.
    unsafe {
        let Some((mut rings, shared)) =
            state_of(transport).and_then(|state| Some((rings(&state.shared)?, &state.shared)))
        else {
            return c::aeron_udp_channel_transport_send(
                data_paths,
                transport,
                address,
                vectors,
                vector_count,
                bytes_sent,
            );
        };
        let (address, address_len) = if (*transport).connected_address.is_null() {
            let is_v6 = c_int::from((*address).ss_family) == libc::AF_INET6;
            let len = if is_v6 {
                size_of::<libc::sockaddr_in6>()
            } else {
                size_of::<libc::sockaddr_in>()
            };
            (address.cast(), len as libc::socklen_t)
        } else {
            (std::ptr::null_mut(), 0)
        };
        let vectors = std::slice::from_raw_parts_mut(vectors.cast::<libc::iovec>(), vector_count);
        match rings.as_mut().send.send((*transport).fd, address, address_len, vectors) {
            Ok(sent) => {
                *bytes_sent += i64::try_from(sent.bytes).unwrap_or(0);
                match sent.error.and_then(|error| error.raw_os_error()) {
                    // Full, or a peer is not there: the driver comes again.
                    None
                    | Some(libc::EAGAIN | libc::ECONNREFUSED | libc::EINTR | libc::ENOBUFS) => {}
                    Some(_) if sent.count > 0 => {}
                    Some(code) => {
                        set_error(code);
                        return -1;
                    }
                }
                c_int::try_from(sent.count).unwrap_or(c_int::MAX)
            }
            Err(error) => {
                shared.fail(format!("uring send: {error}"));
                set_error(error.raw_os_error().unwrap_or(libc::EIO));
                -1
            }
        }
    }
}

/// Leaves the error where the driver looks for the text of a failed send.
fn set_error(code: c_int) {
    // SAFETY: all strings are static and NUL-terminated, and the format takes no argument.
    unsafe {
        c::aeron_err_set(
            code,
            c"send".as_ptr(),
            c"uring.rs".as_ptr(),
            0,
            c"failed to send through io_uring".as_ptr(),
        );
    }
}
