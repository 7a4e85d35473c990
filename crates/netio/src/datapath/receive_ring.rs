//! Receiving through io_uring: one ring per agent thread, a multishot `recvmsg` per socket.
//!
//! With `DEFER_TASKRUN` the kernel moves a datagram into a buffer only when this thread enters it;
//! until then it raises the task-run flag in shared memory. So an idle poll reads two words and
//! makes no system call, however many sockets there are, and a busy one enters once for all.
//!
//! ```text
//!   slot:  Idle --arm--> Armed --(completion without MORE)--> Idle
//!                          |
//!                          +--remove--> Cancelling --(completion without MORE)--> Free
//! ```
//!
//! A socket may be closed only once its slot is free: an armed request holds the port.

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;

use io_uring::{IoUring, cqueue, opcode, types};

use super::buffers::{Filled, NAME_LEN, ProvidedBuffers};

/// Buffers per thread: more than a window of full datagrams. When they run out the kernel's socket
/// buffers take over, so too low costs system calls, and too high costs cache.
const BUFFER_COUNT: u16 = 256;
/// Requests pushed between two submits: one per socket, and cancels.
const SUBMISSION_ENTRIES: u32 = 64;
/// A completion per buffer, plus one per request that ends: never overflows.
const COMPLETION_ENTRIES: u32 = 1024;
const GROUP: u16 = 0;
/// `user_data` of cancel requests; slots use `generation << 32 | index`, with an index far below.
const CANCEL: u64 = u64::MAX;
/// A cancel is answered within microseconds; 200 x 10 ms is for a machine that stalls.
const CANCEL_WAIT_MAX: usize = 200;
const CANCEL_WAIT_NS: u32 = 10_000_000;

/// Who polls: an opaque name. Completions of one poller are kept while another reaps.
pub(super) type Poller = usize;
/// Whose datagram it is: an opaque name that the poller gave with the socket.
pub(super) type Token = usize;

/// A request's place; of use only to the ring that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId {
    index: u32,
    generation: u32,
}

impl SlotId {
    fn user_data(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    fn from_user_data(user_data: u64) -> Self {
        Self { index: user_data as u32, generation: (user_data >> 32) as u32 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// Wants to be armed.
    Idle,
    /// The kernel has the request.
    Armed,
    /// The kernel has the request and was told to end it.
    Cancelling,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    state: State,
    socket: RawFd,
    poller: Poller,
    token: Token,
}

/// A datagram, received.
pub(super) struct Arrival {
    slot: SlotId,
    pub(super) token: Token,
    pub(super) filled: Filled,
}

pub(super) struct ReceiveRing {
    ring: IoUring,
    /// Dropped only when no request is in flight; see `Drop`.
    buffers: ManuallyDrop<ProvidedBuffers>,
    /// The template of every request: where the source address goes. Read by the kernel when a
    /// request is armed, and boxed so that it stays put.
    header: Box<libc::msghdr>,
    slots: Vec<Slot>,
    idle_count: usize,
    in_flight_count: usize,
    queues: Vec<(Poller, VecDeque<Arrival>)>,
    /// The last error of a receive that is nobody's fault but ours or the kernel's, for the log.
    error: Option<(Token, io::Error)>,
}

impl ReceiveRing {
    /// A ring for the calling thread, for datagrams of up to `payload_len_max` bytes.
    pub(super) fn new(payload_len_max: usize) -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(COMPLETION_ENTRIES)
            .build(SUBMISSION_ENTRIES)?;
        let buffers = ManuallyDrop::new(ProvidedBuffers::new(BUFFER_COUNT, payload_len_max)?);
        // SAFETY: `Drop` frees the buffers only after the last request has ended; an early return
        // below leaks them at worst (`ManuallyDrop`).
        unsafe { buffers.register(&ring.submitter(), GROUP)? };
        // SAFETY: all-zero is a valid `msghdr`: no name, no vector, no control.
        let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        header.msg_namelen = NAME_LEN as libc::socklen_t;
        Ok(Self {
            ring,
            buffers,
            header,
            slots: Vec::new(),
            idle_count: 0,
            in_flight_count: 0,
            queues: Vec::new(),
            error: None,
        })
    }

    /// Receives from `socket` for `poller` from its next turn on.
    pub(super) fn add(&mut self, poller: Poller, token: Token, socket: RawFd) -> SlotId {
        if !self.queues.iter().any(|(known, _)| *known == poller) {
            let queue = VecDeque::with_capacity(usize::from(BUFFER_COUNT));
            self.queues.push((poller, queue));
        }
        let free = self.slots.iter().position(|slot| slot.state == State::Free);
        let index = free.unwrap_or(self.slots.len());
        let generation = free.map_or(0, |index| self.slots[index].generation.wrapping_add(1));
        let slot = Slot { generation, state: State::Idle, socket, poller, token };
        match free {
            Some(index) => self.slots[index] = slot,
            None => self.slots.push(slot),
        }
        self.idle_count += 1;
        SlotId { index: index as u32, generation }
    }

    /// Stops receiving; after this the socket may be closed, and nothing of it is delivered.
    pub(super) fn remove(&mut self, id: SlotId) {
        let index = id.index as usize;
        let Some(slot) = self.slots.get_mut(index).filter(|s| s.generation == id.generation) else {
            return;
        };
        match slot.state {
            State::Free | State::Cancelling => {}
            State::Idle => {
                slot.state = State::Free;
                self.idle_count -= 1;
            }
            State::Armed => {
                slot.state = State::Cancelling;
                self.cancel(id);
            }
        }
        let buffers = &mut self.buffers;
        for (_, queue) in &mut self.queues {
            // In order, and once: `retain` can not hand over what it drops.
            for _ in 0..queue.len() {
                if let Some(arrival) = queue.pop_front() {
                    if arrival.slot == id {
                        buffers.give_back(arrival.filled);
                    } else {
                        queue.push_back(arrival);
                    }
                }
            }
        }
    }

    /// Stops everything of `poller`. True when no poller is left.
    pub(super) fn remove_poller(&mut self, poller: Poller) -> bool {
        for index in 0..self.slots.len() {
            if self.slots[index].poller == poller {
                let generation = self.slots[index].generation;
                self.remove(SlotId { index: index as u32, generation });
            }
        }
        self.queues.retain(|(known, _)| *known != poller);
        self.queues.is_empty()
    }

    /// True if it serves `poller`.
    pub(super) fn serves(&self, poller: Poller) -> bool {
        self.queues.iter().any(|(known, _)| *known == poller)
    }

    /// Takes in what has arrived, for every poller; returns how much waits for `poller`.
    pub(super) fn turn(&mut self, poller: Poller) -> usize {
        if self.idle_count > 0 && self.buffers.any_offered() {
            self.arm();
        }
        if self.ring.submission().taskrun() {
            self.run_tasks();
        }
        self.reap();
        self.queue(poller).map_or(0, |queue| queue.len())
    }

    /// The next datagram for `poller`; to be given back.
    pub(super) fn next(&mut self, poller: Poller) -> Option<Arrival> {
        self.queue(poller)?.pop_front()
    }

    /// See [`ProvidedBuffers::parts`].
    pub(super) fn parts(&self, arrival: &Arrival) -> (*mut u8, usize, *mut libc::sockaddr_storage) {
        self.buffers.parts(&arrival.filled)
    }

    /// Lets the kernel have the datagram's buffer again.
    pub(super) fn give_back(&mut self, arrival: Arrival) {
        self.buffers.give_back(arrival.filled);
    }

    /// The last error that a receive met, and whose it was.
    pub(super) fn take_error(&mut self) -> Option<(Token, io::Error)> {
        self.error.take()
    }

    fn queue(&mut self, poller: Poller) -> Option<&mut VecDeque<Arrival>> {
        self.queues.iter_mut().find(|(known, _)| *known == poller).map(|(_, queue)| queue)
    }

    fn arm(&mut self) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.state != State::Idle {
                continue;
            }
            let id = SlotId { index: index as u32, generation: slot.generation };
            let header = &raw const *self.header;
            let entry = opcode::RecvMsgMulti::new(types::Fd(slot.socket), header, GROUP)
                .build()
                .user_data(id.user_data());
            // SAFETY: the header is boxed and outlives the ring; the buffers outlive the request
            // (`Drop`); the socket is open until `remove`.
            if unsafe { self.ring.submission().push(&entry) }.is_err() {
                // Full: the rest at the next turn.
                break;
            }
            slot.state = State::Armed;
            self.idle_count -= 1;
            self.in_flight_count += 1;
        }
        // What the kernel did not take stays in the queue and goes with the next submit.
        if let Err(error) = self.ring.submit() {
            self.note_error(0, error);
        }
    }

    /// Lets the kernel do the receives that it deferred to us.
    fn run_tasks(&mut self) {
        const GETEVENTS: u32 = 1;
        // SAFETY: waits for nothing and passes no argument.
        let result =
            unsafe { self.ring.submitter().enter::<libc::sigset_t>(0, 0, GETEVENTS, None) };
        if let Err(error) = result
            && error.raw_os_error() != Some(libc::EINTR)
        {
            self.note_error(0, error);
        }
    }

    fn reap(&mut self) {
        loop {
            let Some(entry) = self.ring.completion().next() else { return };
            self.on_completion(&entry);
        }
    }

    fn on_completion(&mut self, entry: &cqueue::Entry) {
        if entry.user_data() == CANCEL {
            return;
        }
        let id = SlotId::from_user_data(entry.user_data());
        let slot = &mut self.slots[id.index as usize];
        debug_assert_eq!(slot.generation, id.generation, "a slot is free only after its last");
        let is_wanted = slot.state == State::Armed;
        let (poller, token) = (slot.poller, slot.token);
        if !cqueue::more(entry.flags()) {
            self.in_flight_count -= 1;
            slot.state = if is_wanted { State::Idle } else { State::Free };
            self.idle_count += usize::from(is_wanted);
        }
        match (usize::try_from(entry.result()), cqueue::buffer_select(entry.flags())) {
            (Ok(len), Some(buffer)) if is_wanted => {
                let filled = self.buffers.take(buffer, len);
                if filled.is_truncated {
                    self.buffers.give_back(filled);
                    let text = "a datagram longer than our MTU was dropped: give every driver of \
                                this network the same mtu";
                    self.note_error(token, io::Error::other(text));
                    return;
                }
                let arrival = Arrival { slot: id, token, filled };
                match self.queue(poller) {
                    Some(queue) => queue.push_back(arrival),
                    None => self.buffers.give_back(arrival.filled),
                }
            }
            (_, Some(buffer)) => self.buffers.return_unused(buffer),
            (Ok(_), None) => {}
            (Err(_), None) => {
                let error = io::Error::from_raw_os_error(-entry.result());
                // ENOBUFS: armed again once buffers are back. ECANCELED: as we asked.
                // ECONNREFUSED: a peer went away, which a connected socket reports on receive.
                let expected = [libc::ENOBUFS, libc::ECANCELED, libc::ECONNREFUSED, libc::EINTR];
                if !error.raw_os_error().is_some_and(|code| expected.contains(&code)) {
                    self.note_error(token, error);
                }
            }
        }
    }

    /// Ends an armed request, and waits until the kernel has let go of the socket.
    fn cancel(&mut self, id: SlotId) {
        let entry = opcode::AsyncCancel::new(id.user_data()).build().user_data(CANCEL);
        let wait = types::Timespec::new().nsec(CANCEL_WAIT_NS);
        let mut is_pushed = false;
        for _ in 0..CANCEL_WAIT_MAX {
            if !is_pushed {
                // SAFETY: refers to no memory.
                is_pushed = unsafe { self.ring.submission().push(&entry) }.is_ok();
            }
            let arguments = types::SubmitArgs::new().timespec(&wait);
            match self.ring.submitter().submit_with_args(1, &arguments) {
                Ok(_) => {}
                Err(e) if [Some(libc::ETIME), Some(libc::EINTR)].contains(&e.raw_os_error()) => {}
                Err(error) => {
                    self.note_error(0, error);
                    return;
                }
            }
            self.reap();
            if self.slots[id.index as usize].state == State::Free {
                return;
            }
        }
        self.note_error(0, io::Error::other("a receive could not be cancelled"));
    }

    fn note_error(&mut self, token: Token, error: io::Error) {
        self.error = Some((token, error));
    }
}

impl Drop for ReceiveRing {
    fn drop(&mut self) {
        for index in 0..self.slots.len() {
            let generation = self.slots[index].generation;
            self.remove(SlotId { index: index as u32, generation });
        }
        if self.in_flight_count == 0 {
            // SAFETY: no request is left that could write to the buffers, they are dropped once,
            // and nothing uses them after this. The kernel side keeps only the pages it pinned.
            unsafe { ManuallyDrop::drop(&mut self.buffers) };
        }
        // Else they are leaked: the kernel may still write to them.
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use crate::datapath::skip_without_uring;

    const POLLER: Poller = 1;

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        socket
    }

    fn send(to: &UdpSocket, bytes: &[u8]) {
        socket().send_to(bytes, to.local_addr().expect("bound")).expect("sent");
    }

    fn receive(ring: &mut ReceiveRing, poller: Poller) -> Option<(Token, Vec<u8>)> {
        for _ in 0..2_000 {
            if ring.turn(poller) > 0 {
                let arrival = ring.next(poller)?;
                let (payload, len, _) = ring.parts(&arrival);
                // SAFETY: valid until the buffer is given back, which is below.
                let bytes = unsafe { std::slice::from_raw_parts(payload, len) }.to_vec();
                let token = arrival.token;
                ring.give_back(arrival);
                return Some((token, bytes));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }

    #[test]
    fn datagrams_reach_their_own_poller_and_wait_for_it() {
        if skip_without_uring() {
            return;
        }
        let mut ring = ReceiveRing::new(100).expect("a ring");
        let (a, b) = (socket(), socket());
        ring.add(1, 10, a.as_raw_fd());
        ring.add(2, 20, b.as_raw_fd());
        ring.turn(1);
        send(&b, b"for two");
        send(&a, b"for one");
        assert_eq!(receive(&mut ring, 1), Some((10, b"for one".to_vec())));
        assert_eq!(ring.turn(1), 0);
        assert_eq!(receive(&mut ring, 2), Some((20, b"for two".to_vec())));
    }

    #[test]
    fn it_goes_on_after_running_out_of_buffers_and_loses_nothing() {
        if skip_without_uring() {
            return;
        }
        let mut ring = ReceiveRing::new(64).expect("a ring");
        let a = socket();
        ring.add(POLLER, 1, a.as_raw_fd());
        ring.turn(POLLER);
        let sender = socket();
        let to = a.local_addr().expect("bound");
        // All buffers are taken before the first is given back, and more waits in the socket. A
        // turn now and then, as an unconfigured socket buffer holds no more than this.
        let count = u32::from(BUFFER_COUNT) + 100;
        for n in 0..count {
            sender.send_to(&n.to_le_bytes(), to).expect("sent");
            if n % 50 == 0 {
                ring.turn(POLLER);
            }
        }
        assert_eq!(ring.turn(POLLER), usize::from(BUFFER_COUNT));
        assert!(!ring.buffers.any_offered());
        for n in 0..count {
            assert_eq!(receive(&mut ring, POLLER), Some((1, n.to_le_bytes().to_vec())));
        }
    }

    #[test]
    fn a_removed_socket_frees_its_port_and_delivers_nothing_more() {
        if skip_without_uring() {
            return;
        }
        let mut ring = ReceiveRing::new(64).expect("a ring");
        let a = socket();
        let address = a.local_addr().expect("bound");
        let id = ring.add(POLLER, 1, a.as_raw_fd());
        ring.turn(POLLER);
        send(&a, b"late");
        ring.turn(POLLER);
        ring.remove(id);
        assert_eq!((ring.in_flight_count, ring.turn(POLLER)), (0, 0));
        drop(a);
        let again = UdpSocket::bind(address).expect("the port is free");
        // The slot is used again, under another generation.
        assert_ne!(ring.add(POLLER, 2, again.as_raw_fd()), id);
        ring.turn(POLLER);
        send(&again, b"new");
        assert_eq!(receive(&mut ring, POLLER), Some((2, b"new".to_vec())));
    }

    #[test]
    fn a_datagram_above_the_mtu_is_dropped_and_reported() {
        if skip_without_uring() {
            return;
        }
        let mut ring = ReceiveRing::new(64).expect("a ring");
        let a = socket();
        ring.add(POLLER, 7, a.as_raw_fd());
        ring.turn(POLLER);
        send(&a, &[1; 500]);
        send(&a, b"good");
        assert_eq!(receive(&mut ring, POLLER), Some((7, b"good".to_vec())));
        let (token, error) = ring.take_error().expect("reported");
        assert_eq!(token, 7);
        assert!(error.to_string().contains("MTU"), "{error}");
    }

    #[test]
    fn dropping_a_ring_ends_its_requests() {
        if skip_without_uring() {
            return;
        }
        let a = socket();
        let address = a.local_addr().expect("bound");
        let mut ring = ReceiveRing::new(64).expect("a ring");
        ring.add(POLLER, 1, a.as_raw_fd());
        ring.turn(POLLER);
        drop(ring);
        drop(a);
        UdpSocket::bind(address).expect("the port is free");
    }
}
