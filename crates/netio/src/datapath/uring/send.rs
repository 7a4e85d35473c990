//! What Aeron wants sent.

use std::ffi::{CStr, c_int};
use std::io::Error;

use super::super::bindings::{set_error, state_of};
use super::super::sender::Destination;
use super::rings;
use crate::aeron::ffi::c;

const FAILED: &CStr = c"failed to send through the uring datapath";

pub(in super::super) unsafe extern "C" fn send(
    data_paths: *mut c::aeron_udp_channel_data_paths_t,
    transport: *mut c::aeron_udp_channel_transport_t,
    address: *mut c::sockaddr_storage,
    vectors: *mut c::iovec,
    vector_count: usize,
    bytes_sent: *mut i64,
) -> c_int {
    // SAFETY: the driver passes a live transport, and vectors and an address that are readable
    // for the call; `c::iovec` and `libc::iovec` are the same C struct. The rings are this
    // thread's, and nothing called from here uses them.
    unsafe {
        let Some((mut rings, state)) =
            state_of(transport).and_then(|state| Some((rings(&state.shared)?, state)))
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
            (address.cast(), address_len(c_int::from((*address).ss_family)))
        } else {
            (std::ptr::null_mut(), 0)
        };
        let to = Destination { socket: (*transport).fd, address, address_len };
        let vectors = std::slice::from_raw_parts(vectors.cast::<libc::iovec>(), vector_count);
        match rings.as_mut().send.send(to, vectors, &mut state.gso_refused) {
            Ok(sent) => {
                *bytes_sent += i64::try_from(sent.bytes).unwrap_or(0);
                match sent.error.and_then(|error| error.raw_os_error()) {
                    // Full, or a peer is not there: the driver comes again.
                    None
                    | Some(libc::EAGAIN | libc::ECONNREFUSED | libc::EINTR | libc::ENOBUFS) => {}
                    Some(_) if sent.count > 0 => {}
                    Some(code) => {
                        set_error(&Error::from_raw_os_error(code), c"send", FAILED);
                        return -1;
                    }
                }
                c_int::try_from(sent.count).unwrap_or(c_int::MAX)
            }
            Err(error) => {
                state.shared.fail(format!("uring send: {error}"));
                set_error(&error, c"send", FAILED);
                -1
            }
        }
    }
}

fn address_len(family: c_int) -> libc::socklen_t {
    let len = if family == libc::AF_INET6 {
        size_of::<libc::sockaddr_in6>()
    } else {
        size_of::<libc::sockaddr_in>()
    };
    len as libc::socklen_t
}
