//! Receiving through io_uring: one ring per agent thread, and the sockets in two sets.
//!
//! *Cold* ones have a multishot `recvmsg`. With `DEFER_TASKRUN` the kernel moves a datagram into a
//! buffer only when this thread enters it; until then it raises the task-run flag in shared memory.
//! So an idle poll reads a few words and makes no system call, however many cold sockets there are,
//! and a busy one enters once for all.
//!
//! That path costs more per datagram than asking does. So a busy socket becomes *hot*: its
//! multishot receive is ended, and it is asked in every cycle (`hot`), until it is quiet again.
//!
//! A socket may be closed only once its slot is free: an armed request holds the port.

mod hot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::sync::Arc;

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use super::buffers::{Filled, NAME_LEN, ProvidedBuffers};
use super::counters::Block;
use super::hot_buffers::Received;
use super::napi;
use super::settings::UringSettings;
use super::slots::{Poller, SlotId, Slots, State, Token, Traffic};
use hot::HotSet;

/// Buffers per thread: more than a window of full datagrams. When they run out the kernel's socket
/// buffers take over, so too low costs system calls, and too high costs cache.
const BUFFER_COUNT_MAX: u16 = 256;
const BUFFER_COUNT_MIN: u16 = 64;
/// Bytes of all buffers, where that leaves enough of them: jumbo datagrams get fewer.
const BUFFER_BYTES_MAX: usize = 4 << 20;
/// Requests pushed between two submits: one per socket, receives of hot ones, and cancels.
const SUBMISSION_ENTRIES: u32 = 64;
/// A completion per buffer, plus one per request that ends: never overflows.
const COMPLETION_ENTRIES: u32 = 1024;
const GROUP: u16 = 0;
/// `user_data` of cancel requests. That of multishot ones is their slot's, below `HOT`; that of
/// receives of hot sockets is `HOT` and their buffer.
const CANCEL: u64 = u64::MAX;
const HOT: u64 = 1 << 63;
/// A cancel is answered within microseconds; 200 x 10 ms is for a machine that stalls.
const CANCEL_WAIT_MAX: usize = 200;
const CANCEL_WAIT_NS: u32 = 10_000_000;
/// How long the kernel's thread spins (`sqpoll`) before it sleeps and wants to be woken, in ms.
const SQPOLL_IDLE_MS: u32 = 1_000;
const GETEVENTS: u32 = 1;

/// One datagram, or several that came in one receive.
pub(super) struct Arrival {
    pub(super) slot: SlotId,
    pub(super) token: Token,
    place: Place,
}

enum Place {
    Provided(Filled),
    Hot(Received),
}

/// Where an arrival's datagrams are: one after the other, of `segment` bytes each, the last of
/// what is left.
pub(super) struct Parts {
    pub(super) payload: *mut u8,
    pub(super) len: usize,
    pub(super) segment: usize,
    pub(super) source: *mut libc::sockaddr_storage,
}

pub(super) struct ReceiveRing {
    ring: IoUring,
    /// Dropped only when no request is in flight; see `Drop`.
    buffers: ManuallyDrop<ProvidedBuffers>,
    hot: ManuallyDrop<HotSet>,
    /// The template of every multishot request: where the source address goes. Read by the kernel
    /// when a request is armed, and boxed so that it stays put.
    header: Box<libc::msghdr>,
    slots: Slots,
    payload_len_max: usize,
    idle_count: usize,
    /// Requests that the kernel has, cancels left out.
    in_flight_count: usize,
    queues: Vec<(Poller, VecDeque<Arrival>)>,
    /// The last error of a receive that is nobody's fault but ours or the kernel's, for the log.
    error: Option<(Token, io::Error)>,
    counts: Arc<Block>,
}

impl ReceiveRing {
    /// A ring for the calling thread, for datagrams of up to `payload_len_max` bytes.
    pub(super) fn new(
        payload_len_max: usize,
        settings: &UringSettings,
        counts: Arc<Block>,
    ) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.setup_submit_all().setup_cqsize(COMPLETION_ENTRIES);
        if settings.sqpoll {
            builder.setup_sqpoll(SQPOLL_IDLE_MS);
        } else {
            builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
        }
        let ring = builder.build(SUBMISSION_ENTRIES)?;
        if settings.busy_poll_us > 0 {
            // A kernel without it was warned of at start; hot sockets are polled without it, too.
            let _ = napi::register(&ring, settings.busy_poll_us);
        }
        let fitting = BUFFER_BYTES_MAX / payload_len_max.max(1);
        let count = u16::try_from(fitting).unwrap_or(u16::MAX);
        let count = count.clamp(BUFFER_COUNT_MIN, BUFFER_COUNT_MAX).next_power_of_two();
        let buffers = ManuallyDrop::new(ProvidedBuffers::new(count, payload_len_max)?);
        // SAFETY: `Drop` frees the buffers only after the last request has ended; an early return
        // below leaks them at worst (`ManuallyDrop`).
        unsafe { buffers.register(&ring.submitter(), GROUP)? };
        // SAFETY: all-zero is a valid `msghdr`: no name, no vector, no control.
        let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        header.msg_namelen = NAME_LEN as libc::socklen_t;
        Ok(Self {
            ring,
            buffers,
            hot: ManuallyDrop::new(HotSet::new(settings)?),
            header,
            slots: Slots::default(),
            payload_len_max,
            idle_count: 0,
            in_flight_count: 0,
            queues: Vec::new(),
            error: None,
            counts,
        })
    }

    /// Receives from `socket` for `poller` from its next turn on.
    pub(super) fn add(
        &mut self,
        poller: Poller,
        token: Token,
        socket: RawFd,
        traffic: Traffic,
    ) -> SlotId {
        if !self.queues.iter().any(|(known, _)| *known == poller) {
            let queue = VecDeque::with_capacity(usize::from(BUFFER_COUNT_MAX));
            self.queues.push((poller, queue));
        }
        self.idle_count += 1;
        self.slots.add(poller, token, socket, traffic)
    }

    /// Stops receiving; after this the socket may be closed, and nothing of it is delivered.
    pub(super) fn remove(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let token = slot.token;
        match slot.state {
            State::Free | State::Cancelling => {}
            State::Idle => {
                slot.state = State::Free;
                self.idle_count -= 1;
            }
            State::Armed | State::Promoting => {
                slot.state = State::Cancelling;
                self.hot.forget(id);
                self.cancel(id);
            }
            State::Hot | State::Cooling { .. } => {
                slot.state = State::Free;
                self.hot.forget(id);
                self.await_hot_requests();
            }
        }
        for index in 0..self.queues.len() {
            // In order, and once: `retain` can not hand over what it drops.
            for _ in 0..self.queues[index].1.len() {
                let Some(arrival) = self.queues[index].1.pop_front() else { break };
                if arrival.slot == id {
                    self.give_back(arrival);
                } else {
                    self.queues[index].1.push_back(arrival);
                }
            }
        }
        // Noted now or before: whoever logs it would look at what the token stands for.
        if self.error.as_ref().is_some_and(|(owner, _)| *owner == token) {
            self.error = None;
        }
    }

    /// Stops everything of `poller`. True when no poller is left.
    pub(super) fn remove_poller(&mut self, poller: Poller) -> bool {
        self.slots.ids_of(Some(poller)).into_iter().for_each(|id| self.remove(id));
        self.queues.retain(|(known, _)| *known != poller);
        self.queues.is_empty()
    }

    /// True if it serves `poller`.
    pub(super) fn serves(&self, poller: Poller) -> bool {
        self.queues.iter().any(|(known, _)| *known == poller)
    }

    /// True while what `id` received is wanted: until it is removed.
    pub(super) fn is_live(&self, id: SlotId) -> bool {
        self.slots.get(id).is_some_and(|slot| slot.state != State::Free)
    }

    /// Takes in what has arrived, for every poller; [`next`](Self::next) hands it out.
    pub(super) fn turn(&mut self, poller: Poller) {
        self.tend_hot();
        if self.idle_count > 0 && self.buffers.any_offered() {
            self.arm();
        }
        let has_cancels = self.push_promotions();
        self.push_hot(poller);
        let submission = self.ring.submission();
        let (pushed, wants_us) = (submission.len(), submission.taskrun());
        drop(submission);
        if pushed > 0 || wants_us {
            self.enter(pushed as u32, wants_us || has_cancels);
        } else if self.ring.completion().is_empty() {
            return;
        }
        self.reap();
        self.settle_batches(poller);
    }

    /// The next that came for `poller`; to be given back. `None`: ask again after a turn.
    pub(super) fn next(&mut self, poller: Poller) -> Option<Arrival> {
        let queue = self.queues.iter_mut().find(|(known, _)| *known == poller)?;
        // First what the ring took, as it came first.
        queue.1.pop_front().or_else(|| self.receive_directly(poller))
    }

    /// Where it is. Valid until it is given back.
    pub(super) fn parts(&self, arrival: &Arrival) -> Parts {
        match &arrival.place {
            Place::Provided(filled) => {
                let (payload, len, source) = self.buffers.parts(filled);
                Parts { payload, len, segment: len, source }
            }
            Place::Hot(received) => {
                let (payload, source) = self.hot.buffers.parts(received);
                Parts { payload, len: received.len, segment: received.segment, source }
            }
        }
    }

    /// Lets the kernel have its buffer again.
    pub(super) fn give_back(&mut self, arrival: Arrival) {
        match arrival.place {
            Place::Provided(filled) => self.buffers.give_back(filled),
            Place::Hot(received) => self.hot.buffers.give_back(received),
        }
    }

    /// The last error that a receive met, and whose it was.
    pub(super) fn take_error(&mut self) -> Option<(Token, io::Error)> {
        self.error.take()
    }

    fn arm(&mut self) {
        for (id, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.state == State::Idle) {
            let header = &raw const *self.header;
            let entry = opcode::RecvMsgMulti::new(types::Fd(slot.socket), header, GROUP)
                .build()
                .user_data(id.user_data());
            // SAFETY: the header is boxed and outlives the ring; the buffers outlive the request
            // (`Drop`); the socket is open until `remove`.
            if unsafe { self.ring.submission().push(&entry) }.is_err() {
                // Full: the rest at the next turn.
                return;
            }
            slot.state = State::Armed;
            slot.is_marked = false;
            self.idle_count -= 1;
            self.in_flight_count += 1;
        }
    }

    fn push(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: what the entry refers to is of this ring, which frees it only after the request
        // has ended, or it refers to nothing.
        unsafe { self.ring.submission().push(entry) }.is_ok()
    }

    /// Hands over what was pushed, and lets the kernel do the receives that it deferred to us.
    /// What the kernel did not take stays in the queue and goes with the next.
    fn enter(&mut self, pushed: u32, run_tasks: bool) {
        self.counts.receive_calls.add(1);
        if self.ring.params().is_setup_sqpoll() {
            // Only wakes the kernel's thread, where it sleeps.
            if let Err(error) = self.ring.submit() {
                self.note_error(0, error);
            }
            return;
        }
        let flags = if run_tasks { GETEVENTS } else { 0 };
        // SAFETY: waits for nothing and passes no argument.
        let result =
            unsafe { self.ring.submitter().enter::<libc::sigset_t>(pushed, 0, flags, None) };
        if let Err(error) = result
            && ![Some(libc::EINTR), Some(libc::EBUSY)].contains(&error.raw_os_error())
        {
            self.note_error(0, error);
        }
    }

    fn reap(&mut self) {
        let mut arrived = 0;
        loop {
            let Some(entry) = self.ring.completion().next() else { break };
            arrived += usize::from(self.on_completion(&entry));
        }
        if arrived == 0 {
            self.counts.receive_calls_empty.add(1);
        }
    }

    /// True if it brought a datagram.
    fn on_completion(&mut self, entry: &cqueue::Entry) -> bool {
        match entry.user_data() {
            CANCEL => false,
            data if data & HOT != 0 => self.on_hot_completion((data & !HOT) as u16, entry.result()),
            _ => self.on_cold_completion(entry),
        }
    }

    fn on_cold_completion(&mut self, entry: &cqueue::Entry) -> bool {
        let id = SlotId::from_user_data(entry.user_data());
        let Some(slot) = self.slots.get_mut(id) else {
            unreachable!("a slot is free only after its last completion")
        };
        let is_wanted = matches!(slot.state, State::Armed | State::Promoting);
        let (poller, token, state) = (slot.poller, slot.token, slot.state);
        if !cqueue::more(entry.flags()) {
            self.in_flight_count -= 1;
            match state {
                State::Armed => {
                    slot.state = State::Idle;
                    self.idle_count += 1;
                }
                // Its last datagram may be in this very completion: it is queued below, before any
                // that the hot set receives.
                State::Promoting => self.make_hot(id),
                _ => slot.state = State::Free,
            }
        }
        match (usize::try_from(entry.result()), cqueue::buffer_select(entry.flags())) {
            (Ok(len), Some(buffer)) if is_wanted => {
                let filled = self.buffers.take(buffer, len);
                if filled.is_truncated || filled.payload_len > self.payload_len_max {
                    self.buffers.give_back(filled);
                    self.note_oversized(token);
                    return true;
                }
                self.note_busy(id);
                self.enqueue(poller, Arrival { slot: id, token, place: Place::Provided(filled) });
                return true;
            }
            (_, Some(buffer)) => self.buffers.return_unused(buffer),
            (Ok(_), None) => {}
            (Err(_), None) => self.on_error(token, -entry.result()),
        }
        false
    }

    fn has_queued(&self, poller: Poller) -> bool {
        self.queues.iter().any(|(known, queue)| *known == poller && !queue.is_empty())
    }

    fn enqueue(&mut self, poller: Poller, arrival: Arrival) {
        match self.queues.iter_mut().find(|(known, _)| *known == poller) {
            Some((_, queue)) => queue.push_back(arrival),
            None => self.give_back(arrival),
        }
    }

    /// What a receive met.
    fn on_error(&mut self, token: Token, code: i32) {
        match code {
            // As we asked; nothing there; a signal came.
            libc::ECANCELED | libc::EAGAIN | libc::EINTR => {}
            // Armed again once buffers are back.
            libc::ENOBUFS => self.counts.buffers_exhausted.add(1),
            // An ICMP message after a send on this socket: a peer went away, or its host or
            // network, or a datagram was too long for the path. The stream's own time-outs decide.
            libc::ECONNREFUSED
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENOPROTOOPT
            | libc::EPROTO
            | libc::EMSGSIZE => self.counts.receive_errors.add(1),
            _ => {
                self.counts.receive_errors.add(1);
                self.note_error(token, io::Error::from_raw_os_error(code));
            }
        }
    }

    fn note_oversized(&mut self, token: Token) {
        self.counts.oversized_drops.add(1);
        let text = "a datagram longer than transport.mtu_bytes and any streams.*.mtu_bytes was \
                    dropped: give every host of this network the same";
        self.note_error(token, io::Error::other(text));
    }

    fn note_error(&mut self, token: Token, error: io::Error) {
        self.error = Some((token, error));
    }

    /// Ends an armed request, and waits until the kernel has let go of the socket.
    fn cancel(&mut self, id: SlotId) {
        let entry = opcode::AsyncCancel::new(id.user_data()).build().user_data(CANCEL);
        let mut is_pushed = false;
        for _ in 0..CANCEL_WAIT_MAX {
            is_pushed = is_pushed || self.push(&entry);
            if !self.wait_for_one() {
                return;
            }
            if !self.slots.get(id).is_some_and(|slot| slot.state == State::Cancelling) {
                return;
            }
        }
        self.note_error(0, io::Error::other("a receive could not be cancelled"));
    }

    /// Receives of hot sockets end in the turn that pushes them; this is for one that did not.
    fn await_hot_requests(&mut self) {
        for _ in 0..CANCEL_WAIT_MAX {
            if self.hot.in_flight_count() == 0 || !self.wait_for_one() {
                return;
            }
        }
        self.note_error(0, io::Error::other("a receive of a hot socket did not end"));
    }

    /// Submits, waits for a completion, and takes in what is there. False when the ring is broken.
    fn wait_for_one(&mut self) -> bool {
        let wait = types::Timespec::new().nsec(CANCEL_WAIT_NS);
        let arguments = types::SubmitArgs::new().timespec(&wait);
        self.counts.receive_calls.add(1);
        let result = self.ring.submitter().submit_with_args(1, &arguments);
        let is_broken = match result {
            Ok(_) => false,
            Err(error) => match error.raw_os_error() {
                Some(libc::ETIME | libc::EINTR | libc::EBUSY) => false,
                _ => {
                    self.note_error(0, error);
                    true
                }
            },
        };
        self.reap();
        !is_broken
    }
}

impl Drop for ReceiveRing {
    fn drop(&mut self) {
        self.slots.ids_of(None).into_iter().for_each(|id| self.remove(id));
        if self.in_flight_count == 0 && self.hot.in_flight_count() == 0 {
            // SAFETY: no request is left that could write to the buffers, they are dropped once,
            // and nothing uses them after this. The kernel side keeps only the pages it pinned.
            unsafe {
                ManuallyDrop::drop(&mut self.buffers);
                ManuallyDrop::drop(&mut self.hot);
            }
        }
        // Else they are leaked: the kernel may still write to them.
    }
}
