//! One look at a poller's sockets.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use super::super::bindings::{Shared, state_of};
use super::super::receive_ring::Parts;
use super::{Rings, rings};
use crate::aeron::ffi::c;

/// Datagrams after which a poll takes no more from the ring. Too high -> a flood on one stream
/// delays timers and sends; Aeron's own poll takes about this many per socket.
const DELIVER_MAX: usize = 64;

/// Whom Aeron wants called with each datagram, and with what.
#[derive(Clone, Copy)]
struct Receiver {
    on_datagram: unsafe extern "C" fn(
        *mut c::aeron_udp_channel_data_paths_t,
        *mut c::aeron_udp_channel_transport_t,
        *mut c_void,
        *mut c_void,
        *mut c_void,
        *mut u8,
        usize,
        *mut c::sockaddr_storage,
        *mut c::timespec,
    ),
    client: *mut c_void,
}

pub(in super::super) unsafe extern "C" fn poller_poll(
    poller: *mut c::aeron_udp_transport_poller_t,
    message_vector: *mut c::mmsghdr,
    vector_length: usize,
    bytes_received: *mut i64,
    on_datagram: c::aeron_udp_transport_recv_func_t,
    receive_directly: c::aeron_udp_channel_transport_recvmmsg_func_t,
    client: *mut c_void,
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
        let receiver = Receiver { on_datagram, client };

        rings.as_mut().receive.turn(poller as usize);
        let mut work_count = 0;
        while work_count < DELIVER_MAX {
            let Some(arrival) = rings.as_mut().receive.next(poller as usize) else { break };
            let parts = rings.as_ref().receive.parts(&arrival);
            let transport = arrival.token as *mut c::aeron_udp_channel_transport_t;
            *bytes_received += i64::try_from(parts.len).unwrap_or(0);
            let is_wanted = || rings.as_ref().receive.is_live(arrival.slot);
            work_count += deliver(transport, &parts, receiver, is_wanted);
            rings.as_mut().receive.give_back(arrival);
        }
        let counts = &rings.as_ref().counts;
        if work_count == 0 {
            counts.polls_empty.add(1);
        } else {
            counts.datagrams_received.add(work_count as u64);
        }
        if let Some((token, error)) = rings.as_mut().receive.take_error() {
            log_error(token as *mut c::aeron_udp_channel_transport_t, &error, &*shared);
        }
        if !rings.as_ref().classic.is_empty()
            && let Some(receive_directly) = receive_directly
        {
            work_count += poll_classic(rings, poller, |transport| {
                receive_directly(
                    transport,
                    message_vector,
                    vector_length,
                    bytes_received,
                    Some(on_datagram),
                    client,
                )
            });
        }
        c_int::try_from(work_count).unwrap_or(c_int::MAX)
    }
}

/// Hands over each datagram of an arrival, for as long as the transport is there; how many.
///
/// # Safety
/// `transport` is live as long as `is_wanted` says so, which is so at the call; `parts` are
/// readable until this returns.
unsafe fn deliver(
    transport: *mut c::aeron_udp_channel_transport_t,
    parts: &Parts,
    receiver: Receiver,
    is_wanted: impl Fn() -> bool,
) -> usize {
    let mut at = 0;
    let mut count = 0;
    loop {
        let len = parts.segment.min(parts.len - at);
        // SAFETY: as the caller promises; `at + len` does not exceed the parts' length.
        unsafe {
            (receiver.on_datagram)(
                (*transport).data_paths,
                transport,
                receiver.client,
                (*transport).dispatch_clientd,
                (*transport).destination_clientd,
                parts.payload.add(at),
                len,
                parts.source.cast(),
                std::ptr::null_mut(),
            );
        }
        count += 1;
        at += len;
        if at >= parts.len || !is_wanted() {
            return count;
        }
    }
}

/// Polls the transports of `poller` that the rings do not serve; how much they did.
///
/// # Safety
/// As in `poller_poll`.
unsafe fn poll_classic(
    rings: NonNull<Rings>,
    poller: *mut c::aeron_udp_transport_poller_t,
    mut receive: impl FnMut(*mut c::aeron_udp_channel_transport_t) -> c_int,
) -> usize {
    let mut work_count = 0;
    let mut index = 0;
    // SAFETY: as the caller promises; the list is looked at anew each time, as it may change.
    while let Some(&(owner, transport)) = unsafe { rings.as_ref() }.classic.get(index) {
        if owner == poller {
            work_count += usize::try_from(receive(transport)).unwrap_or(0);
        }
        index += 1;
    }
    work_count
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
