//! The table of functions through which the driver reaches its sockets.
//!
//! A copy of Aeron's own table, with the functions of ours that are wanted, lives in a
//! [`DriverBindings`], whose first field it is: the driver's context points to the table, and so
//! `init` finds the driver's state behind it. A transport finds it through `bindings_clientd`,
//! which Aeron leaves to the bindings.

use std::ffi::{CStr, c_int};
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock};

use super::counters::DatapathCounters;
use super::gate::{self, Gate};
use super::settings::UringSettings;
use super::slots::SlotId;
use super::{Datapath, Dropped, GateSettings, ReceiveLoss, uring, xdp};
use crate::aeron::ffi::c;

/// Our table for one driver.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct DriverBindings {
    table: c::aeron_udp_channel_transport_bindings_t,
    shared: Arc<Shared>,
}

/// What every transport of a driver refers to.
#[derive(Debug)]
pub(super) struct Shared {
    receive_loss: Option<ReceiveLoss>,
    /// What every datagram passes that comes in.
    pub(super) gate: Gate,
    /// The datapath's own poll, which the gate calls.
    pub(super) poll: gate::Poll,
    /// Longest datagram of any stream, in bytes.
    pub(super) datagram_max_bytes: usize,
    pub(super) uring: UringSettings,
    pub(super) counters: DatapathCounters,
    /// The interface, where the datapath is `xdp`.
    interface: Option<Arc<xdp::Interface>>,
    /// Why the datapath can not go on.
    failure: OnceLock<String>,
}

impl Shared {
    /// The first failure is the one that is told.
    pub(super) fn fail(&self, why: String) {
        self.failure.get_or_init(|| why);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }
}

/// What hangs on a transport's `bindings_clientd`. Used by the agent thread that has the
/// transport, and by nobody else until that has given it up.
pub(super) struct TransportState {
    pub(super) shared: Arc<Shared>,
    /// It gets data; else the status messages and NAKs of a sender.
    pub(super) is_receiver: bool,
    /// Where the ring receives for it, once it does.
    pub(super) slot: Option<SlotId>,
    /// The kernel would not segment for it.
    pub(super) gso_refused: bool,
    /// Where the datapath is `xdp`.
    pub(super) xdp: Option<xdp::Transport>,
}

impl TransportState {
    /// The drill that drops what this transport receives, if it is one of those that it acts on.
    pub(super) fn receive_loss(&self) -> Option<ReceiveLoss> {
        self.shared.receive_loss.clone().filter(|_| self.is_receiver)
    }
}

/// The state of a transport that our `init` opened.
///
/// # Safety
/// `transport` is live, and its state is not referred to elsewhere while this is.
pub(super) unsafe fn state_of<'a>(
    transport: *mut c::aeron_udp_channel_transport_t,
) -> Option<&'a mut TransportState> {
    // SAFETY: the pointer is null or what `init` put there, until `close` takes it off.
    unsafe { (*transport).bindings_clientd.cast::<TransportState>().as_mut() }
}

impl DriverBindings {
    /// `None` when Aeron has no table of its own to copy.
    pub(crate) fn new(
        datapath: Datapath,
        datagram_max_bytes: usize,
        uring: &UringSettings,
        receive_loss: Option<ReceiveLoss>,
        gate: GateSettings,
        interface: Option<Arc<xdp::Interface>>,
    ) -> Option<Box<Self>> {
        // SAFETY: the name is that of a table linked in statically; Aeron returns a pointer to a
        // static, which is copied.
        let mut table = unsafe {
            c::aeron_udp_channel_transport_bindings_load_media(c"default".as_ptr()).as_ref()
        }
        .copied()?;
        table.init_func = Some(init);
        table.close_func = Some(close);
        match datapath {
            Datapath::Socket => {}
            Datapath::Uring => install(&mut table, Some(uring::send), Some(uring::poller_poll)),
            Datapath::Xdp => install(&mut table, Some(xdp::send), Some(xdp::poller_poll)),
        }
        let poll = table.poller_poll_func.replace(gate::poller_poll)?;
        let mut uring = uring.clone();
        // The filter sees coalesced datagrams as one, and would drop them together: a network
        // does not.
        uring.gro &= receive_loss.is_none();
        let shared = Arc::new(Shared {
            receive_loss,
            gate: Gate::new(gate, datagram_max_bytes),
            poll,
            datagram_max_bytes,
            uring,
            counters: DatapathCounters::default(),
            interface,
            failure: OnceLock::new(),
        });
        Some(Box::new(Self { table, shared }))
    }

    /// What the datapath counts.
    pub(crate) fn counters(&self) -> &DatapathCounters {
        &self.shared.counters
    }

    /// What was not let in.
    pub(crate) fn dropped(&self) -> Dropped {
        self.shared.gate.dropped()
    }

    /// Why the datapath can not go on, if so.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.shared.failure.get().map(String::as_str)
    }

    /// For the driver's context; valid while `self` lives.
    pub(crate) fn table(&self) -> *mut c::aeron_udp_channel_transport_bindings_t {
        (&raw const *self).cast_mut().cast()
    }
}

/// Puts a datapath of ours in the place of Aeron's sends and polls; what else is done for a poller is
/// done in this file, for each of them.
fn install(
    table: &mut c::aeron_udp_channel_transport_bindings_t,
    send: c::aeron_udp_channel_transport_send_func_t,
    poll: c::aeron_udp_transport_poller_poll_func_t,
) {
    table.send_func = send;
    table.poller_poll_func = poll;
    table.poller_add_func = Some(poller_add);
    table.poller_remove_func = Some(poller_remove);
    table.poller_close_func = Some(poller_close);
}

unsafe extern "C" fn init(
    transport: *mut c::aeron_udp_channel_transport_t,
    bind_address: *mut c::sockaddr_storage,
    multicast_interface: *mut c::sockaddr_storage,
    connect_address: *mut c::sockaddr_storage,
    parameters: *mut c::aeron_udp_channel_transport_params_t,
    context: *mut c::aeron_driver_context_t,
    affinity: c::aeron_udp_channel_transport_affinity_t,
) -> c_int {
    use c::aeron_udp_channel_transport_affinity_en as kind;
    // SAFETY: the driver calls with what its own bindings would get; the table of its context is
    // the first field of the `DriverBindings` that installed it.
    unsafe {
        let result = c::aeron_udp_channel_transport_init(
            transport,
            bind_address,
            multicast_interface,
            connect_address,
            parameters,
            context,
            affinity,
        );
        if result < 0 {
            return result;
        }
        leave_port_group((*transport).recv_fd);
        // Aeron leaves its sockets to whatever program the process starts, which then holds the port.
        for socket in [(*transport).recv_fd, (*transport).fd] {
            libc::fcntl(socket, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        let bindings = (*context).udp_channel_transport_bindings.cast::<DriverBindings>();
        let shared = Arc::clone(&(*bindings).shared);
        let xdp = shared.interface.as_ref().map(|interface| {
            xdp::Transport::new(interface, transport, bind_address, multicast_interface)
        });
        let state = TransportState {
            shared,
            is_receiver: affinity == kind::AERON_UDP_CHANNEL_TRANSPORT_AFFINITY_RECEIVER,
            slot: None,
            gso_refused: false,
            xdp,
        };
        if state.is_receiver
            && let Some(loss) = &state.shared.receive_loss
            && let Err(error) = loss.on_open((*transport).recv_fd)
        {
            loss.on_close((*transport).recv_fd, || ());
            c::aeron_udp_channel_transport_close(transport);
            set_error(&error, c"init", c"can not attach the receive-loss filter");
            return -1;
        }
        (*transport).bindings_clientd = Box::into_raw(Box::new(state)).cast();
        result
    }
}

/// Keeps a multicast socket from getting what was sent to another.
///
/// Sockets that share a port by `SO_REUSEPORT` are a group to Linux, among which it may spread what
/// arrives. For multicast that is wrong, and yet it happens (seen on 6.18): early demultiplexing
/// finds the one socket that joined the datagram's group, and then the code that was made for
/// connection balancing picks *any* socket on that port instead. In Aeron the sender of a stream
/// and the readers of it share a port, with data and status messages on two groups: so on a host
/// with a sender and a reader of the same stream, datagrams from other hosts would reach the wrong
/// one of the two and be lost, for as long as both live.
///
/// `SO_REUSEADDR`, which Aeron sets as well, is all that is needed to share the port, so once the
/// socket is bound we take the other option back (`docs/decisions/0009-sockets-leave-their-ports-group.md`).
fn leave_port_group(socket: RawFd) {
    let off: c_int = 0;
    // SAFETY: the option is an int, which outlives the call. Without it (it can not fail on a UDP
    // socket) the socket is what Aeron made of it.
    unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_REUSEPORT,
            (&raw const off).cast(),
            size_of::<c_int>() as libc::socklen_t,
        );
    }
}

unsafe extern "C" fn poller_add(
    poller: *mut c::aeron_udp_transport_poller_t,
    transport: *mut c::aeron_udp_channel_transport_t,
) -> c_int {
    // SAFETY: the driver passes a live poller and a transport opened by our `init`; both stay where
    // they are until `poller_remove` or `poller_close`.
    unsafe {
        // Aeron's list of transports is kept as well: the driver walks it for other ends.
        let result = c::aeron_udp_transport_poller_add(poller, transport);
        if result >= 0
            && let Some(state) = state_of(transport)
        {
            match state.xdp {
                None => uring::begin(poller, transport, state),
                Some(_) => xdp::begin(poller, transport, state),
            }
        }
        result
    }
}

unsafe extern "C" fn poller_remove(
    poller: *mut c::aeron_udp_transport_poller_t,
    transport: *mut c::aeron_udp_channel_transport_t,
) -> c_int {
    // SAFETY: the driver passes what it passed to `poller_add`.
    unsafe {
        forget(transport);
        c::aeron_udp_transport_poller_remove(poller, transport)
    }
}

unsafe extern "C" fn poller_close(poller: *mut c::aeron_udp_transport_poller_t) -> c_int {
    uring::forget_poller(poller as usize);
    xdp::forget_poller(poller as usize);
    // SAFETY: the driver closes a poller that it opened.
    unsafe { c::aeron_udp_transport_poller_close(poller) }
}

/// Stops receiving on a transport, where a datapath of ours does so.
///
/// # Safety
/// `transport` is live, and was opened by our `init`.
unsafe fn forget(transport: *mut c::aeron_udp_channel_transport_t) {
    // SAFETY: as the caller promises.
    unsafe {
        uring::forget(transport);
        xdp::forget(transport);
    }
}

/// Leaves an error where the driver looks for the text of a call that failed.
pub(super) fn set_error(error: &std::io::Error, function: &CStr, text: &CStr) {
    let code = error.raw_os_error().unwrap_or(libc::EIO);
    // SAFETY: all strings are NUL-terminated and copied; the text goes in by a format of its own, so
    // that nothing in it is taken for one.
    unsafe {
        c::aeron_err_set(
            code,
            function.as_ptr(),
            c"netio".as_ptr(),
            0,
            c"%s".as_ptr(),
            text.as_ptr(),
        );
    }
}

unsafe extern "C" fn close(transport: *mut c::aeron_udp_channel_transport_t) -> c_int {
    // SAFETY: the driver closes a transport that `init` opened, once or again; the state is taken
    // off it, so that a second close finds none.
    unsafe {
        // The driver takes a transport from its poller first; where it did not, an armed receive
        // would hold the port.
        forget(transport);
        let state = std::mem::replace(&mut (*transport).bindings_clientd, std::ptr::null_mut());
        if state.is_null() {
            return c::aeron_udp_channel_transport_close(transport);
        }
        let state = Box::from_raw(state.cast::<TransportState>());
        match &state.shared.receive_loss {
            Some(loss) if state.is_receiver => loss
                .on_close((*transport).recv_fd, || c::aeron_udp_channel_transport_close(transport)),
            _ => c::aeron_udp_channel_transport_close(transport),
        }
    }
}
