//! A thread beside the agents that does what would cost them system calls: it hears of changes to
//! routes and neighbours, looks up new destinations, reads the kernel's drop counters, and waits for
//! datagrams that come by the kernel's sockets.
//!
//! It sleeps nearly always: it wakes for a change, for a new destination, for the first datagram on a
//! quiet socket, and four times a second.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use xdp::socket::XdpSocket;

use super::claims::Claims;
use super::counters::XdpCounters;
use super::netlink::{CHANGES, Netlink};
use super::path::{Path, joined_groups};
use crate::Clock;
use crate::core::leave_starters_core;

/// Between two looks at what the kernel does not tell of by itself: who joined a group.
const LOOK_MS: i32 = 250;
/// Looks from one confirmation of the neighbours to the next: 5 s, well within the 30 s and more for
/// which the kernel takes a neighbour's word.
const LOOKS_PER_CONFIRMATION: u32 = 20;
/// Destinations at a time; those beyond go by the kernel. A venue has tens, and a stranger who forges
/// source addresses may not grow our memory.
const PATH_COUNT_MAX: usize = 1024;
/// Events taken in one go.
const EVENT_COUNT: usize = 16;

/// Names of events; pollers have higher ones.
const CHANGE: u64 = 0;
const CALL: u64 = 1;
const POLLER_FIRST: u64 = 2;

/// The kernel's sockets of one poller of the driver.
#[derive(Debug)]
pub(super) struct KernelSide {
    /// Something is there to be read.
    is_ready: AtomicBool,
    /// Polls in a row that found nothing.
    quiet_count: AtomicUsize,
    id: u64,
    /// The poller's own set of its sockets.
    epoll: RawFd,
    watched: Arc<Watched>,
}

impl KernelSide {
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Tells of a poll of the sockets that found `count` datagrams.
    pub(super) fn on_polled(&self, count: usize) {
        /// Polls until a socket counts as quiet. Too low -> the next datagram waits for a thread to
        /// wake; too high -> polls that find nothing make system calls for that much longer.
        const QUIET_MAX: usize = 64;
        if count > 0 {
            self.quiet_count.store(0, Ordering::Relaxed);
            return;
        }
        let quiet = self.quiet_count.load(Ordering::Relaxed) + 1;
        self.quiet_count.store(quiet, Ordering::Relaxed);
        if quiet >= QUIET_MAX {
            self.quiet_count.store(0, Ordering::Relaxed);
            self.is_ready.store(false, Ordering::Release);
            // What came since the last poll is seen by this, and wakes the thread again.
            if self.watched.arm(libc::EPOLL_CTL_MOD, self.epoll, self.id).is_err() {
                self.is_ready.store(true, Ordering::Release);
            }
        }
    }
}

/// What the thread and its users share.
#[derive(Debug)]
struct Watched {
    interface: u32,
    claims: Arc<Claims>,
    epoll: OwnedFd,
    /// Rings to call the thread.
    call: OwnedFd,
    stop: AtomicBool,
    paths: Mutex<Vec<Arc<Path>>>,
    pollers: Mutex<Vec<Arc<KernelSide>>>,
    next_id: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread; ended and joined on drop.
#[derive(Debug)]
pub(super) struct Watcher {
    watched: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts it, in the network namespace of the calling thread.
    pub(super) fn start(
        interface: u32,
        name: &str,
        claims: Arc<Claims>,
        sockets: Arc<Vec<XdpSocket>>,
        counters: Arc<XdpCounters>,
    ) -> io::Result<Self> {
        let ask = Netlink::open(0)?;
        let changes = Netlink::open(CHANGES)?;
        // SAFETY: both make new descriptors, which are then ours.
        let (epoll, call) = unsafe {
            let epoll = owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            (epoll, owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?)
        };
        let watched = Arc::new(Watched {
            interface,
            claims,
            epoll,
            call,
            stop: AtomicBool::new(false),
            paths: Mutex::default(),
            pollers: Mutex::default(),
            next_id: AtomicU64::new(POLLER_FIRST),
        });
        watched.add(libc::EPOLL_CTL_ADD, changes.as_raw_fd(), libc::EPOLLIN, CHANGE)?;
        watched.add(libc::EPOLL_CTL_ADD, watched.call.as_raw_fd(), libc::EPOLLIN, CALL)?;
        let shared = Arc::clone(&watched);
        let thread = std::thread::Builder::new()
            .name(format!("xdp-{name}"))
            .spawn(move || run(&shared, ask, changes, &sockets, &counters))?;
        Ok(Self { watched, thread: Some(thread) })
    }

    /// The way to `destination`: known one moment after it was first asked for. `None` where there
    /// are too many already.
    pub(super) fn path(&self, destination: Ipv4Addr) -> Option<Arc<Path>> {
        let mut paths = lock(&self.watched.paths);
        if let Some(path) = paths.iter().find(|path| path.destination == destination) {
            return Some(Arc::clone(path));
        }
        if paths.len() >= PATH_COUNT_MAX {
            return None;
        }
        let path = Arc::new(Path::new(destination));
        paths.push(Arc::clone(&path));
        self.watched.call();
        Some(path)
    }

    /// Watches the kernel's sockets of a poller, whose own epoll set is `epoll`.
    pub(super) fn watch(&self, epoll: RawFd) -> io::Result<Arc<KernelSide>> {
        let id = self.watched.next_id.fetch_add(1, Ordering::Relaxed);
        let watched = Arc::clone(&self.watched);
        let is_ready = AtomicBool::new(false);
        let quiet_count = AtomicUsize::new(0);
        let side = Arc::new(KernelSide { is_ready, quiet_count, id, epoll, watched });
        // Known before it can be told of.
        lock(&self.watched.pollers).push(Arc::clone(&side));
        self.watched.arm(libc::EPOLL_CTL_ADD, epoll, id).inspect_err(|_| self.unwatch(id))?;
        Ok(side)
    }

    /// Ends that, while the poller's set is still open.
    pub(super) fn forget(&self, side: &KernelSide) {
        // An error: it was not in the set.
        let _ = self.watched.add(libc::EPOLL_CTL_DEL, side.epoll, 0, side.id);
        self.unwatch(side.id);
    }

    fn unwatch(&self, id: u64) {
        lock(&self.watched.pollers).retain(|side| side.id != id);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.watched.stop.store(true, Ordering::Release);
        self.watched.call();
        if let Some(thread) = self.thread.take() {
            // It panicked: that was printed.
            let _ = thread.join();
        }
    }
}

impl Watched {
    fn call(&self) {
        let one = 1_u64;
        // SAFETY: reads eight bytes. It fails only if the thread is called already.
        unsafe { libc::write(self.call.as_raw_fd(), (&raw const one).cast(), size_of::<u64>()) };
    }

    /// Waits for one event, after which it is to be armed again.
    fn arm(&self, how: libc::c_int, fd: RawFd, id: u64) -> io::Result<()> {
        self.add(how, fd, libc::EPOLLIN | libc::EPOLLONESHOT, id)
    }

    fn add(&self, how: libc::c_int, fd: RawFd, events: libc::c_int, id: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: id };
        // SAFETY: the event outlives the call.
        match unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), how, fd, &raw mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// # Safety
/// `fd` is negative, or a descriptor that nobody else owns.
unsafe fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    match fd {
        // SAFETY: as the caller promises.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn run(
    watched: &Watched,
    mut ask: Netlink,
    mut changes: Netlink,
    sockets: &[XdpSocket],
    counters: &XdpCounters,
) {
    // Else, where the role is pinned, this would wake on the CPU that it spins on. If the others
    // were taken away meanwhile, it does.
    let _ = leave_starters_core();
    let clock = Clock::new();
    let (mut looked_ns, mut looks) = (clock.mono_ns(), 0);
    // The kernel counts from when a socket was made.
    let mut drops_before = (0, 0);
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENT_COUNT];
    while !watched.stop.load(Ordering::Acquire) {
        // SAFETY: writes at most so many events.
        let count = unsafe {
            let epoll = watched.epoll.as_raw_fd();
            libc::epoll_wait(epoll, events.as_mut_ptr(), EVENT_COUNT as i32, LOOK_MS)
        };
        let count = usize::try_from(count).unwrap_or(0);
        let now_ns = clock.mono_ns();
        let is_due = now_ns.saturating_sub(looked_ns) >= LOOK_MS as u64 * 1_000_000;
        let mut resolve = is_due;
        for event in &events[..count] {
            match event.u64 {
                CHANGE => resolve |= changes.heard(),
                CALL => {
                    let mut number = 0_u64;
                    // SAFETY: writes eight bytes.
                    unsafe {
                        let call = watched.call.as_raw_fd();
                        libc::read(call, (&raw mut number).cast(), size_of::<u64>());
                    }
                    resolve = true;
                }
                id => {
                    let pollers = lock(&watched.pollers);
                    if let Some(side) = pollers.iter().find(|side| side.id == id) {
                        side.is_ready.store(true, Ordering::Release);
                    }
                }
            }
        }
        if is_due {
            looked_ns = now_ns;
            looks += 1;
            drops_before = count_drops(sockets, counters, drops_before);
        }
        let confirm = looks >= LOOKS_PER_CONFIRMATION;
        if confirm {
            looks = 0;
        }
        if resolve {
            resolve_all(watched, &mut ask, confirm);
        }
    }
}

fn resolve_all(watched: &Watched, ask: &mut Netlink, confirm: bool) {
    let paths = {
        let mut paths = lock(&watched.paths);
        // Those that no socket sends on any more.
        paths.retain(|path| Arc::strong_count(path) > 1);
        paths.clone()
    };
    // Where the kernel does not say who joined, nobody's datagrams may be kept from the kernel.
    let Ok(joined) = joined_groups(watched.interface) else { return };
    watched.claims.review(&joined);
    for path in paths {
        path.resolve(ask, watched.interface, &joined, confirm);
    }
}

/// Takes over what the kernel dropped since the last time.
fn count_drops(sockets: &[XdpSocket], counters: &XdpCounters, before: (u64, u64)) -> (u64, u64) {
    let mut now = (0, 0);
    for socket in sockets {
        let Ok(statistics) = socket.statistics() else { return before };
        now.0 += statistics.rx_ring_full;
        now.1 += statistics.rx_fill_ring_empty_descs + statistics.rx_dropped;
    }
    counters.drops_ring_full.add((now.0 - before.0) as usize);
    counters.drops_no_buffer.add((now.1 - before.1) as usize);
    now
}
