//! The driver's side of the `uring` datapath: pollers and sends.
//!
//! Each agent thread has its own rings per driver, made when that thread first needs them (a ring
//! belongs to the thread that made it) and dropped when its last poller is closed, or when the
//! thread ends.
//!
//! A ring that can not be made or breaks is not worked around in silence: the driver's owner gets
//! it as an error from the next duty cycle.

mod poll;
mod send;

pub(super) use poll::poller_poll;
pub(super) use send::send;

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;

use super::bindings::{Shared, TransportState, state_of};
use super::counters::Block;
use super::receive_ring::ReceiveRing;
use super::sender::Sender;
use super::slots::Traffic;
use crate::aeron::ffi::c;

/// An agent thread's rings for one driver.
struct Rings {
    /// Whose.
    owner: Arc<Shared>,
    receive: ReceiveRing,
    send: Sender,
    counts: Arc<Block>,
    /// Transports that want the media's timestamps, which come as control messages: polled the
    /// classic way.
    classic: Vec<(*mut c::aeron_udp_transport_poller_t, *mut c::aeron_udp_channel_transport_t)>,
}

impl Rings {
    fn new(owner: &Arc<Shared>) -> std::io::Result<Self> {
        let counts = owner.counters.block();
        let receive =
            ReceiveRing::new(owner.datagram_max_bytes, &owner.uring, Arc::clone(&counts))?;
        let send = Sender::new(&owner.uring, Arc::clone(&counts))?;
        Ok(Self { owner: Arc::clone(owner), receive, send, counts, classic: Vec::new() })
    }
}

/// Keeps rings in place, as pointers to them are taken.
struct Owned(NonNull<Rings>);

impl Owned {
    fn new(rings: Rings) -> Self {
        Self(NonNull::from(Box::leak(Box::new(rings))))
    }

    fn owner(&self) -> *const Shared {
        // SAFETY: live until `self` is dropped; only read here.
        Arc::as_ptr(unsafe { &(*self.0.as_ptr()).owner })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        LAST.set((std::ptr::null(), None));
        // SAFETY: from a box, in `new`, and dropped once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

thread_local! {
    static RINGS: RefCell<Vec<Owned>> = const { RefCell::new(Vec::new()) };
    /// Those looked up last: a thread has one driver as a rule.
    static LAST: Cell<(*const Shared, Option<NonNull<Rings>>)> =
        const { Cell::new((std::ptr::null(), None)) };
}

/// The calling thread's rings for `shared`, made if need be; `None` after a failure, which is
/// noted in `shared`.
fn rings(shared: &Arc<Shared>) -> Option<NonNull<Rings>> {
    let (owner, last) = LAST.get();
    if std::ptr::eq(owner, Arc::as_ptr(shared)) {
        return last;
    }
    let found = RINGS.with_borrow_mut(|all| {
        if let Some(owned) = all.iter().find(|owned| owned.owner() == Arc::as_ptr(shared)) {
            return Some(owned.0);
        }
        if shared.has_failed() {
            return None;
        }
        match Rings::new(shared) {
            Ok(rings) => {
                let owned = Owned::new(rings);
                let rings = owned.0;
                all.push(owned);
                Some(rings)
            }
            Err(error) => {
                shared.fail(format!("the uring datapath can not make its rings: {error}"));
                None
            }
        }
    });
    if found.is_some() {
        LAST.set((Arc::as_ptr(shared), found));
    }
    found
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
        let owner = Arc::as_ptr(&state.shared);
        all.borrow().iter().find(|owned| owned.owner() == owner).map(|owned| owned.0)
    });
    if let Ok(Some(mut rings)) = found {
        // SAFETY: the rings are this thread's, and no reference to them is held by the functions
        // that the driver can call this from.
        let rings = unsafe { rings.as_mut() };
        if let Some(slot) = slot {
            rings.receive.remove(slot);
        }
        rings.classic.retain(|(_, classic)| *classic != transport);
    }
}

/// A poller is being closed.
pub(super) fn forget_poller(poller: usize) {
    // On a thread that is ending they are gone already; on another than the agent's, which has
    // ended by then, there are none of this poller.
    let _ = RINGS.try_with(|all| {
        all.borrow_mut().retain_mut(|owned| {
            // SAFETY: as in `forget`.
            let rings = unsafe { owned.0.as_mut() };
            rings.classic.retain(|(owner, _)| *owner as usize != poller);
            !(rings.receive.serves(poller) && rings.receive.remove_poller(poller))
        });
    });
}

/// Begins to receive on a transport.
///
/// # Safety
/// `transport` is live, was opened by our `init` and has this `state`; both it and the poller stay
/// where they are until they are forgotten.
pub(super) unsafe fn begin(
    poller: *mut c::aeron_udp_transport_poller_t,
    transport: *mut c::aeron_udp_channel_transport_t,
    state: &mut TransportState,
) {
    let Some(mut rings) = rings(&state.shared) else { return };
    // SAFETY: the rings are this thread's, and no reference to them is held by the functions that the
    // driver can call this from; the transport is as the caller promises.
    let (rings, wants_timestamps, socket) =
        unsafe { (rings.as_mut(), (*transport).timestamp_flags != 0, (*transport).recv_fd) };
    if wants_timestamps {
        rings.classic.push((poller, transport));
    } else {
        let traffic = if state.is_receiver { Traffic::Data } else { Traffic::Control };
        let (poller, token) = (poller as usize, transport as usize);
        state.slot = Some(rings.receive.add(poller, token, socket, traffic));
    }
}
