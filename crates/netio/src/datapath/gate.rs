//! What may come in: the one place that every datagram passes on its way to the driver, on every
//! datapath.
//!
//! Aeron checks that a frame is well-formed, and counts those that are not. What it takes for
//! granted is that whoever can send to a port means well: a set-up frame of any stranger makes it
//! map three terms of the length that the frame names, and a status message adds a reader for whom
//! a publisher waits, or to whom it sends. So here
//!
//! - datagrams from outside the list of sources are dropped,
//! - set-up frames that ask for longer terms than we ever use, or announce longer datagrams than we
//!   receive, are dropped,
//! - status messages of more readers than a publisher can have are dropped,
//!
//! and each is counted.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::bindings::state_of;
use crate::aeron::ffi::c;
use crate::clock::Clock;

/// Readers of one driver's publications. Too low -> readers are turned away; too high -> who makes
/// up readers makes each datagram of a multi-destination publication go out as often.
const READERS_MAX: usize = 1024;
/// Silence after which a reader is forgotten: Aeron's own for its list of destinations.
const READER_TIMEOUT_NS: u64 = 5_000_000_000;

/// Between two looks for readers to forget, once there are too many. Too low -> made-up readers cost
/// a walk through all each; too high -> a new reader waits for that much longer.
const FORGET_INTERVAL_NS: u64 = 1_000_000_000;

/// The offsets of the fields that are looked at, all little-endian.
mod at {
    pub const TYPE: usize = 6;
    pub const SETUP_TERM_LENGTH: usize = 28;
    pub const SETUP_MTU: usize = 32;
    pub const SM_RECEIVER_ID: usize = 28;
}
/// Frame types of Aeron's protocol.
const STATUS_MESSAGE: u16 = 0x03;
const SETUP: u16 = 0x05;
/// The same two with Aeron's (closed) transport security, which the open driver does not speak.
const ATS_SETUP: u16 = 0x09;

/// The addresses that begin like `address`, in `prefix_bits` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceNetwork {
    /// Any address of it.
    pub address: Ipv4Addr,
    /// 0 to 32; 0 stands for every address.
    pub prefix_bits: u8,
}

impl SourceNetwork {
    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix_bits.min(32))).unwrap_or(0)
    }

    fn has(self, source: Ipv4Addr) -> bool {
        (u32::from(source) ^ u32::from(self.address)) & self.mask() == 0
    }
}

/// What a driver lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateSettings {
    /// Who may send to us, besides this host's loopback; empty for everybody.
    pub sources: Vec<SourceNetwork>,
    /// Longest term of a publisher, bytes.
    pub term_length_max: usize,
}

/// Datagrams that were dropped at the gate, since the driver started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// From outside the list of sources.
    pub unlisted: u64,
    /// Set-up frames that name a longer term than is admitted, or none that is one.
    pub long_terms: u64,
    /// Set-up frames of publishers whose datagrams are longer than we receive, or none.
    pub long_mtus: u64,
    /// Status messages of readers beyond the number that is admitted.
    pub excess_readers: u64,
}

impl Dropped {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.unlisted + self.long_terms + self.long_mtus + self.excess_readers
    }

    /// Each with its name.
    pub fn named(self) -> impl Iterator<Item = (&'static str, u64)> {
        let Self { unlisted, long_terms, long_mtus, excess_readers } = self;
        [
            ("unlisted_sources", unlisted),
            ("long_terms", long_terms),
            ("long_mtus", long_mtus),
            ("excess_readers", excess_readers),
        ]
        .into_iter()
    }
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "not let in: {} datagrams from outside transport.allowed_sources, {} set-up frames above \
             transport.setup_term_length_max_bytes, {} set-up frames of publishers with longer datagrams \
             than transport.mtu_bytes and any streams.*.mtu_bytes here, {} status messages of readers \
             beyond {READERS_MAX}",
            self.unlisted, self.long_terms, self.long_mtus, self.excess_readers
        )
    }
}

/// The gate of one driver.
#[derive(Debug)]
pub(super) struct Gate {
    settings: GateSettings,
    /// Longest datagram that the datapath has room for, bytes. Of a publisher that may send longer ones
    /// a reader would hear nothing but the short ones.
    mtu_max: usize,
    unlisted: AtomicU64,
    long_terms: AtomicU64,
    long_mtus: AtomicU64,
    excess_readers: AtomicU64,
    clock: Clock,
    readers: Mutex<Readers>,
}

/// Who told of itself by status messages.
#[derive(Debug, Default)]
struct Readers {
    /// When each was heard last, monotonic ns.
    heard_ns: BTreeMap<i64, u64>,
    /// When it was last looked for some to forget.
    looked_ns: u64,
}

impl Readers {
    /// False for one too many.
    fn admit(&mut self, id: i64, now_ns: u64) -> bool {
        if let Some(heard) = self.heard_ns.get_mut(&id) {
            *heard = now_ns;
            return true;
        }
        let is_full = self.heard_ns.len() >= READERS_MAX;
        if is_full && now_ns.saturating_sub(self.looked_ns) >= FORGET_INTERVAL_NS {
            self.looked_ns = now_ns;
            self.heard_ns.retain(|_, heard| now_ns.saturating_sub(*heard) < READER_TIMEOUT_NS);
        }
        let has_room = self.heard_ns.len() < READERS_MAX;
        if has_room {
            self.heard_ns.insert(id, now_ns);
        }
        has_room
    }
}

impl Gate {
    pub(super) fn new(settings: GateSettings, mtu_max: usize) -> Self {
        Self {
            settings,
            mtu_max,
            unlisted: AtomicU64::new(0),
            long_terms: AtomicU64::new(0),
            long_mtus: AtomicU64::new(0),
            excess_readers: AtomicU64::new(0),
            clock: Clock::new(),
            readers: Mutex::default(),
        }
    }

    pub(super) fn dropped(&self) -> Dropped {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Dropped {
            unlisted: count(&self.unlisted),
            long_terms: count(&self.long_terms),
            long_mtus: count(&self.long_mtus),
            excess_readers: count(&self.excess_readers),
        }
    }

    /// True for a datagram that the driver may see. `source` is `None` where it is no IPv4 address.
    #[inline]
    fn admits(&self, source: Option<Ipv4Addr>, frame: &[u8]) -> bool {
        if !self.settings.sources.is_empty() && !self.is_listed(source) {
            self.unlisted.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let Some(kind) = frame.get(at::TYPE..).and_then(<[u8]>::first_chunk) else { return true };
        match u16::from_le_bytes(*kind) {
            SETUP | ATS_SETUP => self.admits_setup(frame),
            STATUS_MESSAGE => self.admits_reader(frame),
            _ => true,
        }
    }

    fn is_listed(&self, source: Option<Ipv4Addr>) -> bool {
        source.is_some_and(|source| {
            source.is_loopback() || self.settings.sources.iter().any(|network| network.has(source))
        })
    }

    /// A frame that is too short goes on: the driver counts it among what is malformed.
    fn admits_setup(&self, frame: &[u8]) -> bool {
        let limits = [
            (at::SETUP_TERM_LENGTH, self.settings.term_length_max, &self.long_terms),
            (at::SETUP_MTU, self.mtu_max, &self.long_mtus),
        ];
        limits.into_iter().all(|(at, max, dropped)| {
            let Some(length) = frame.get(at..).and_then(<[u8]>::first_chunk) else { return true };
            let fits = usize::try_from(i32::from_le_bytes(*length)).is_ok_and(|len| len <= max);
            if !fits {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            fits
        })
    }

    fn admits_reader(&self, frame: &[u8]) -> bool {
        let Some(id) = frame.get(at::SM_RECEIVER_ID..).and_then(<[u8]>::first_chunk) else {
            return true;
        };
        let id = i64::from_le_bytes(*id);
        let now_ns = self.clock.mono_ns();
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = readers.admit(id, now_ns);
        if !admitted {
            self.excess_readers.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }
}

type PollFunction = unsafe extern "C" fn(
    *mut c::aeron_udp_transport_poller_t,
    *mut c::mmsghdr,
    usize,
    *mut i64,
    c::aeron_udp_transport_recv_func_t,
    c::aeron_udp_channel_transport_recvmmsg_func_t,
    *mut c_void,
) -> c_int;

/// A poll under way: what the datapath's own poll hands to [`on_datagram`].
struct Passage<'a> {
    gate: &'a Gate,
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

/// In the place of the datapath's poll, which it calls: what that delivers goes through the gate.
pub(super) unsafe extern "C" fn poller_poll(
    poller: *mut c::aeron_udp_transport_poller_t,
    message_vector: *mut c::mmsghdr,
    vector_length: usize,
    bytes_received: *mut i64,
    deliver: c::aeron_udp_transport_recv_func_t,
    receive_directly: c::aeron_udp_channel_transport_recvmmsg_func_t,
    client: *mut c_void,
) -> c_int {
    // SAFETY: the driver passes a live poller with its list of transports, each opened by our
    // `init`. What their states share belongs to the `DriverBindings` too, which `MediaDriver` drops
    // after it closed the driver and so joined the threads that poll: it is borrowed from there for
    // the call, even if all transports are closed within it. (A count of its users would be written
    // to by every poll of every thread.) `passage` outlives the call.
    unsafe {
        if (*poller).transports.length == 0 {
            return 0;
        }
        let first = (*(*poller).transports.array).transport;
        let (Some(state), Some(on_datagram)) = (state_of(first), deliver) else { return 0 };
        let shared = &*Arc::as_ptr(&state.shared);
        let passage = Passage { gate: &shared.gate, on_datagram, client };
        (shared.poll)(
            poller,
            message_vector,
            vector_length,
            bytes_received,
            Some(self::on_datagram),
            receive_directly,
            (&raw const passage).cast_mut().cast(),
        )
    }
}

unsafe extern "C" fn on_datagram(
    data_paths: *mut c::aeron_udp_channel_data_paths_t,
    transport: *mut c::aeron_udp_channel_transport_t,
    passage: *mut c_void,
    endpoint: *mut c_void,
    destination: *mut c_void,
    payload: *mut u8,
    length: usize,
    source: *mut c::sockaddr_storage,
    media_timestamp: *mut c::timespec,
) {
    // SAFETY: `passage` is that of the poll that called this; a datapath delivers a payload that is
    // readable for its length, and where it came from.
    unsafe {
        let passage = &*passage.cast::<Passage<'_>>();
        let frame = std::slice::from_raw_parts(payload, length);
        if passage.gate.admits(ipv4(source), frame) {
            (passage.on_datagram)(
                data_paths,
                transport,
                passage.client,
                endpoint,
                destination,
                payload,
                length,
                source,
                media_timestamp,
            );
        }
    }
}

/// The IPv4 address of a socket address, also where it came in through an IPv6 socket.
///
/// # Safety
/// `source` is null or a socket address that is valid for its family.
unsafe fn ipv4(source: *const c::sockaddr_storage) -> Option<Ipv4Addr> {
    // SAFETY: as the caller promises; the family says which of the two it is.
    unsafe {
        match c_int::from(source.as_ref()?.ss_family) {
            libc::AF_INET => {
                let bits = (*source.cast::<libc::sockaddr_in>()).sin_addr.s_addr;
                Some(Ipv4Addr::from(u32::from_be(bits)))
            }
            libc::AF_INET6 => {
                let octets = (*source.cast::<libc::sockaddr_in6>()).sin6_addr.s6_addr;
                std::net::Ipv6Addr::from(octets).to_ipv4_mapped()
            }
            _ => None,
        }
    }
}

/// The datapath's own poll, behind the gate.
pub(super) type Poll = PollFunction;

#[cfg(test)]
mod tests {
    use super::*;

    const FRIEND: Option<Ipv4Addr> = Some(Ipv4Addr::new(10, 0, 0, 9));

    fn gate(sources: &[(Ipv4Addr, u8)]) -> Gate {
        let network =
            |&(address, prefix_bits): &(Ipv4Addr, u8)| SourceNetwork { address, prefix_bits };
        let sources = sources.iter().map(network).collect();
        Gate::new(GateSettings { sources, term_length_max: 1 << 22 }, 1408)
    }

    fn frame(kind: u16, word_at_28: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 40];
        frame[at::TYPE..][..2].copy_from_slice(&kind.to_le_bytes());
        frame[28..][..word_at_28.len()].copy_from_slice(word_at_28);
        frame
    }

    #[test]
    fn only_listed_sources_are_let_in_and_an_empty_list_means_all() {
        let listed = gate(&[(Ipv4Addr::new(10, 0, 0, 77), 24), (Ipv4Addr::new(192, 0, 2, 5), 32)]);
        let data = frame(0x01, &[]);
        assert!(listed.admits(FRIEND, &data));
        assert!(listed.admits(Some(Ipv4Addr::new(192, 0, 2, 5)), &data));
        assert!(listed.admits(Some(Ipv4Addr::LOCALHOST), &data));
        for stranger in [Some(Ipv4Addr::new(192, 0, 2, 6)), Some(Ipv4Addr::new(10, 0, 1, 9)), None]
        {
            assert!(!listed.admits(stranger, &data), "{stranger:?}");
        }
        assert_eq!(listed.dropped(), Dropped { unlisted: 3, ..Dropped::default() });
        assert!(gate(&[]).admits(Some(Ipv4Addr::new(192, 0, 2, 6)), &data));
        assert!(
            gate(&[(Ipv4Addr::UNSPECIFIED, 0)]).admits(Some(Ipv4Addr::new(192, 0, 2, 6)), &data)
        );
    }

    #[test]
    fn a_setup_frame_may_not_ask_for_more_than_our_longest_term_and_datagram() {
        let gate = gate(&[]);
        let ask = |bytes: i32| gate.admits(FRIEND, &frame(SETUP, &bytes.to_le_bytes()));
        assert!(ask(1 << 16) && ask(1 << 22));
        assert!(!ask(1 << 23) && !ask(1 << 30) && !ask(-1));
        assert_eq!(gate.dropped(), Dropped { long_terms: 3, ..Dropped::default() });
        let announce = |mtu: i32| {
            let mut frame = frame(SETUP, &(1_i32 << 16).to_le_bytes());
            frame[at::SETUP_MTU..][..4].copy_from_slice(&mtu.to_le_bytes());
            gate.admits(FRIEND, &frame)
        };
        assert!(announce(1408) && announce(64));
        assert!(!announce(1440) && !announce(-1));
        assert_eq!(gate.dropped().long_mtus, 2);
        assert!(gate.dropped().to_string().contains("2 set-up frames of publishers with longer"));
        // The driver counts what is malformed.
        assert!(gate.admits(FRIEND, &frame(SETUP, &[])[..20]));
        assert!(gate.admits(FRIEND, &[]));
    }

    #[test]
    fn made_up_readers_are_admitted_up_to_a_number_and_known_ones_for_good() {
        let gate = gate(&[]);
        let tell = |id: i64| gate.admits(FRIEND, &frame(STATUS_MESSAGE, &id.to_le_bytes()));
        for id in 0..READERS_MAX as i64 {
            assert!(tell(id));
        }
        for id in 0..10 {
            assert!(!tell(1_000_000 + id));
            assert!(tell(id));
        }
        assert_eq!(gate.dropped(), Dropped { excess_readers: 10, ..Dropped::default() });
    }
    #[test]
    fn readers_that_fell_silent_make_room_looked_for_once_a_second_at_most() {
        let mut readers = Readers::default();
        for id in 0..READERS_MAX as i64 {
            assert!(readers.admit(id, 0));
        }
        let silent_ns = READER_TIMEOUT_NS;
        // All but one are heard; that one is forgotten for the first newcomer.
        for id in 1..READERS_MAX as i64 {
            assert!(readers.admit(id, silent_ns - 1));
        }
        assert!(!readers.admit(1_000_000, silent_ns - 1));
        assert!(!readers.admit(1_000_001, silent_ns), "looked a moment ago");
        assert!(readers.admit(1_000_002, silent_ns - 1 + FORGET_INTERVAL_NS));
        assert!(!readers.admit(0, silent_ns - 1 + 2 * FORGET_INTERVAL_NS), "full again");
        // Then all of them.
        let later_ns = 2 * silent_ns + FORGET_INTERVAL_NS;
        assert!(readers.admit(0, later_ns));
        assert_eq!(readers.heard_ns.len(), 1);
    }
}
