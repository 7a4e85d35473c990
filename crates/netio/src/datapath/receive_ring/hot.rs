//! The hot sockets of a ring: asked in every cycle, each in one system call or all in one.
//!
//! Order is kept when a socket changes sides. *To hot:* what the multishot receive took is in the
//! queue before its last completion is seen, and only after that is the socket asked; the queue
//! goes first. *To cold:* a socket is armed only after a receive that found nothing.
//!
//! # Coalescing, and going cold
//! With UDP_GRO on, the kernel may queue several datagrams as one, and says their length only to a
//! receive that has room for control messages, and only while the option is on. A multishot receive
//! would truncate them, or take them for one. So before a socket is armed again: the option goes
//! off, and then the socket is seen to be empty; if it is not, the option goes on again, and the
//! socket is hot. What is left is a datagram that another core had let pass as coalesced just before,
//! and queues just after; therefore the socket is watched like this for `COOLING_NS` more.

use std::io;

use io_uring::{opcode, types};

use super::super::hot_buffers::{HotBuffers, Received};
use super::super::options;
use super::super::settings::{HotReceive, UringSettings};
use super::super::slots::{Poller, SlotId, State, Traffic};
use super::{Arrival, CANCEL, HOT, Place, ReceiveRing};
use crate::clock::Clock;

/// Datagrams within a sweep that make a socket hot. One alone may be a heartbeat.
const BUSY_DATA: u32 = 2;
/// See [`Traffic::Control`].
const BUSY_CONTROL: u32 = 1_000;
/// Receives of one socket in one cycle at most. They double after two cycles in which all of them
/// found something, and fall back to one: a stream of single datagrams is never asked in vain.
/// Too high -> a flood on one stream delays the others.
const BATCH_MAX: u16 = 8;
/// Receives pushed in one cycle for all sockets: fits the submission queue beside the rest.
const BUFFER_COUNT: u16 = 32;
/// Cycles between two looks at the clock: it costs as much as the rest of an idle cycle.
const TEND_EVERY: u32 = 16;
/// Long after any core that handled a datagram has queued it.
const COOLING_NS: u64 = 100_000;

pub(super) struct HotSet {
    pub(super) buffers: HotBuffers,
    receive: HotReceive,
    size_max: usize,
    quiet_ns: u64,
    with_gro: bool,
    busy_poll_us: u32,
    /// Promoting, hot or cooling.
    ids: Vec<SlotId>,
    /// Whose receive each buffer is lent to, where the kernel has it.
    requests: Vec<Option<SlotId>>,
    /// Where the next direct receive of this cycle is.
    cursor: usize,
    /// Cold sockets to be promoted.
    wants_promotion: bool,
    /// Some socket got a datagram since the last sweep.
    is_warm: bool,
    /// Some socket is cooling: nobody else would see what comes to it.
    is_cooling: bool,
    cycle: u32,
    clock: Clock,
    sweep_at_ns: u64,
}

impl HotSet {
    pub(super) fn new(settings: &UringSettings) -> io::Result<Self> {
        // The kernel's thread receives without a system call of ours: nothing to gain from heat.
        let size_max = if settings.sqpoll { 0 } else { settings.hot_sockets_max };
        let buffer_count = if size_max == 0 { 0 } else { BUFFER_COUNT };
        Ok(Self {
            buffers: HotBuffers::new(buffer_count.max(1), settings.gro)?,
            receive: settings.hot_receive,
            size_max,
            quiet_ns: settings.hot_quiet_us.saturating_mul(1_000),
            with_gro: settings.gro,
            busy_poll_us: settings.busy_poll_us,
            ids: Vec::with_capacity(size_max),
            requests: (0..BUFFER_COUNT).map(|_| None).collect(),
            cursor: 0,
            wants_promotion: false,
            is_warm: false,
            is_cooling: false,
            cycle: 0,
            clock: Clock::new(),
            sweep_at_ns: 0,
        })
    }

    pub(super) fn in_flight_count(&self) -> usize {
        self.requests.iter().flatten().count()
    }

    pub(super) fn forget(&mut self, id: SlotId) {
        self.ids.retain(|&known| known != id);
    }
}

impl ReceiveRing {
    /// A cold socket got a datagram.
    pub(super) fn note_busy(&mut self, id: SlotId) {
        self.hot.is_warm = true;
        let Some(slot) = self.slots.get_mut(id) else { return };
        slot.recent = slot.recent.saturating_add(1);
        let enough = match slot.traffic {
            Traffic::Data => BUSY_DATA,
            Traffic::Control => BUSY_CONTROL,
        };
        let has_room = self.hot.ids.len() < self.hot.size_max;
        if slot.recent >= enough && slot.state == State::Armed && has_room {
            slot.is_marked = true;
            self.hot.wants_promotion = true;
        }
    }

    /// Asks the kernel to end the multishot receives of sockets that became busy, as many as the
    /// hot set has room for. True if there are any.
    pub(super) fn push_promotions(&mut self) -> bool {
        if !self.hot.wants_promotion {
            return false;
        }
        self.hot.wants_promotion = false;
        let mut any = false;
        for (id, slot) in self.slots.iter_mut() {
            if !slot.is_marked || slot.state != State::Armed {
                continue;
            }
            if self.hot.ids.len() == self.hot.size_max {
                break;
            }
            let entry = opcode::AsyncCancel::new(id.user_data()).build().user_data(CANCEL);
            // SAFETY: refers to no memory.
            if unsafe { self.ring.submission().push(&entry) }.is_err() {
                self.hot.wants_promotion = true;
                break;
            }
            slot.state = State::Promoting;
            slot.is_marked = false;
            self.hot.ids.push(id);
            any = true;
        }
        any
    }

    /// The multishot receive has ended, and all that it took is in the queue.
    pub(super) fn make_hot(&mut self, id: SlotId) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        slot.state = State::Hot;
        slot.recent = 1;
        (slot.batch, slot.left, slot.was_full) = (1, 0, false);
        slot.is_marked = false;
        slot.has_gro = self.hot.with_gro
            && slot.traffic == Traffic::Data
            && options::set_gro(slot.socket, true).is_ok();
        self.counts.receive_calls.add(1);
        self.counts.promotions.add(1);
        if self.hot.busy_poll_us > 0
            && options::set_busy_poll(slot.socket, self.hot.busy_poll_us).unwrap_or(false)
        {
            self.counts.napi_sockets.add(1);
        }
    }

    /// Now and then, or while a socket is cooling: what was quiet for long leaves the hot set.
    pub(super) fn tend_hot(&mut self) {
        if self.hot.ids.is_empty() && !self.hot.is_warm {
            return;
        }
        self.hot.cycle = self.hot.cycle.wrapping_add(1);
        if !self.hot.cycle.is_multiple_of(TEND_EVERY) && !self.hot.is_cooling {
            return;
        }
        let now_ns = self.hot.clock.mono_ns();
        if now_ns >= self.hot.sweep_at_ns {
            self.hot.sweep_at_ns = now_ns + self.hot.quiet_ns;
            self.hot.is_warm = false;
            for (_, slot) in self.slots.iter_mut() {
                if slot.state == State::Hot && slot.recent == 0 {
                    if slot.has_gro && options::set_gro(slot.socket, false).is_err() {
                        continue;
                    }
                    slot.state = State::Cooling { since_ns: now_ns };
                    self.hot.is_cooling = true;
                }
                slot.recent = 0;
            }
        }
        if self.hot.is_cooling {
            self.cool(now_ns);
        }
    }

    fn cool(&mut self, now_ns: u64) {
        self.hot.is_cooling = false;
        for index in (0..self.hot.ids.len()).rev() {
            let id = self.hot.ids[index];
            let Some(slot) = self.slots.get_mut(id) else { continue };
            let State::Cooling { since_ns } = slot.state else { continue };
            self.counts.receive_calls.add(1);
            self.counts.receive_calls_empty.add(1);
            if options::has_datagram(slot.socket) {
                slot.recent = 1;
                slot.state = State::Hot;
                if slot.has_gro {
                    slot.has_gro = options::set_gro(slot.socket, true).is_ok();
                }
            } else if !slot.has_gro || now_ns.saturating_sub(since_ns) >= COOLING_NS {
                slot.state = State::Idle;
                slot.has_gro = false;
                self.idle_count += 1;
                self.counts.demotions.add(1);
                self.hot.ids.remove(index);
            } else {
                self.hot.is_cooling = true;
            }
        }
    }

    /// Pushes this cycle's receives of `poller`'s hot sockets, or says how many direct ones there
    /// are to be.
    pub(super) fn push_hot(&mut self, poller: Poller) {
        self.hot.cursor = 0;
        let by_ring = self.hot.receive == HotReceive::Ring;
        if self.hot.ids.is_empty() || by_ring && self.has_queued(poller) {
            // Enough to do for this cycle.
            return;
        }
        for index in 0..self.hot.ids.len() {
            let id = self.hot.ids[index];
            let Some(slot) = self.slots.get_mut(id) else { continue };
            if slot.poller != poller || slot.state != State::Hot {
                continue;
            }
            slot.left = slot.batch;
            slot.is_marked = false;
            if !by_ring {
                continue;
            }
            while slot.left > 0 {
                let Some((buffer, header)) = self.hot.buffers.lend() else { break };
                let entry = opcode::RecvMsg::new(types::Fd(slot.socket), header)
                    .flags(libc::MSG_DONTWAIT as u32)
                    .build()
                    .user_data(HOT | u64::from(buffer));
                // SAFETY: the buffer is lent until the request has ended, and is freed only when
                // none is in flight (`Drop`).
                if unsafe { self.ring.submission().push(&entry) }.is_err() {
                    self.hot.buffers.return_unused(buffer);
                    break;
                }
                self.hot.requests[usize::from(buffer)] = Some(id);
                slot.left -= 1;
            }
        }
    }

    /// After the ring's receives of a cycle: how many there are to be in the next.
    pub(super) fn settle_batches(&mut self, poller: Poller) {
        if self.hot.receive == HotReceive::Direct {
            return;
        }
        for index in 0..self.hot.ids.len() {
            let id = self.hot.ids[index];
            if let Some(slot) = self.slots.get_mut(id)
                && slot.poller == poller
                && slot.state == State::Hot
            {
                let is_full = slot.left == 0 && !slot.is_marked;
                slot.settle(is_full, BATCH_MAX);
            }
        }
    }

    /// A receive that was pushed has ended. True if it brought a datagram.
    pub(super) fn on_hot_completion(&mut self, buffer: u16, result: i32) -> bool {
        let id = self.hot.requests[usize::from(buffer)].take();
        let Some(id) = id else { unreachable!("a completion of a receive that nobody asked for") };
        let found = self.slots.get_mut(id).filter(|slot| slot.state != State::Free);
        let Some(slot) = found else {
            self.hot.buffers.return_unused(buffer);
            return false;
        };
        let (poller, token) = (slot.poller, slot.token);
        let Ok(len) = usize::try_from(result) else {
            slot.is_marked = true;
            self.hot.buffers.return_unused(buffer);
            self.on_error(token, -result);
            return false;
        };
        slot.recent = 1;
        let received = self.hot.buffers.take(buffer, len);
        if let Some(arrival) = self.accept(id, received) {
            self.enqueue(poller, arrival);
        }
        true
    }

    /// The next datagram of this cycle's direct receives.
    pub(super) fn receive_directly(&mut self, poller: Poller) -> Option<Arrival> {
        if self.hot.receive != HotReceive::Direct {
            return None;
        }
        while let Some(&id) = self.hot.ids.get(self.hot.cursor) {
            let slot = self
                .slots
                .get_mut(id)
                .filter(|slot| slot.poller == poller && slot.state == State::Hot && slot.left > 0);
            let Some(slot) = slot else {
                self.hot.cursor += 1;
                continue;
            };
            slot.left -= 1;
            self.counts.receive_calls.add(1);
            match self.hot.buffers.receive(slot.socket) {
                Ok(received) => {
                    slot.recent = 1;
                    if slot.left == 0 {
                        slot.settle(true, BATCH_MAX);
                    }
                    if let Some(arrival) = self.accept(id, received) {
                        return Some(arrival);
                    }
                }
                Err(error) => {
                    slot.left = 0;
                    slot.settle(false, BATCH_MAX);
                    let token = slot.token;
                    self.counts.receive_calls_empty.add(1);
                    self.on_error(token, error.raw_os_error().unwrap_or(libc::EAGAIN));
                }
            }
        }
        None
    }

    fn accept(&mut self, id: SlotId, received: Received) -> Option<Arrival> {
        let token = self.slots.get(id)?.token;
        if received.is_truncated || received.segment > self.payload_len_max {
            self.hot.buffers.give_back(received);
            self.note_oversized(token);
            return None;
        }
        if received.segment < received.len {
            self.counts.gro_receives.add(1);
            self.counts.gro_segments.add(received.len.div_ceil(received.segment) as u64);
        }
        Some(Arrival { slot: id, token, place: Place::Hot(received) })
    }
}
