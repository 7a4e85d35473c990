//! The sockets that a ring receives from.
//!
//! ```text
//!              arm            busy: cancel          last completion
//!   Idle ----------> Armed ---------------> Promoting -----------> Hot
//!    ^                 |  last completion                           |  quiet
//!    |<----------------+                                            v
//!    +<--------------------- nothing more came ------------------ Cooling ---> Hot, if something did
//!
//!   any, on removal: Cancelling where a request is armed, until its last completion; then Free
//! ```

use std::os::fd::RawFd;

/// Who polls: an opaque name. Datagrams of one poller are kept while another looks.
pub(super) type Poller = usize;
/// Whose datagram it is: an opaque name that the poller gave with the socket.
pub(super) type Token = usize;

/// Generations fit beside an index in a request's `user_data`, below its flags.
const GENERATION_MASK: u32 = (1 << 30) - 1;

/// A socket's place; of use only to the ring that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl SlotId {
    pub(super) fn user_data(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(super) fn from_user_data(user_data: u64) -> Self {
        Self { index: user_data as u32, generation: (user_data >> 32) as u32 }
    }
}

/// What comes on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    /// Data, which is waited for.
    Data,
    /// Status messages and NAKs to a sender, which nobody waits for: worth a receive in every
    /// cycle only where they come in about every cycle.
    Control,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Free,
    /// Cold, and wants to be armed.
    Idle,
    /// Cold: the kernel has a multishot receive.
    Armed,
    /// The kernel has the multishot receive and was told to end it; what it took before that is
    /// still delivered.
    Promoting,
    /// Received from in every cycle.
    Hot,
    /// Hot until a moment ago. Coalescing is off, and nothing was there when that was done, but a
    /// coalesced datagram may have been under way to the socket just then.
    Cooling {
        since_ns: u64,
    },
    /// The kernel has the multishot receive and was told to end it, and nobody wants it any more.
    Cancelling,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) state: State,
    pub(super) socket: RawFd,
    pub(super) poller: Poller,
    pub(super) token: Token,
    pub(super) traffic: Traffic,
    /// Datagrams since the last sweep.
    pub(super) recent: u32,
    /// Cold: it should be promoted. Hot: a receive of this cycle found nothing.
    pub(super) is_marked: bool,
    /// Hot: coalescing is on.
    pub(super) has_gro: bool,
    /// Hot: receives per cycle, how many of this cycle's are left, and whether all of the last
    /// cycle's found something.
    pub(super) batch: u16,
    pub(super) left: u16,
    pub(super) was_full: bool,
}

impl Slot {
    /// After a cycle in which all receives found something, or not: how many the next has.
    pub(super) fn settle(&mut self, is_full: bool, batch_max: u16) {
        self.batch = match (is_full, self.was_full) {
            (true, true) => (self.batch * 2).min(batch_max),
            (true, false) => self.batch,
            (false, _) => 1,
        };
        self.was_full = is_full;
    }
}

/// All slots, used again once they are free.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Slot>);

impl Slots {
    pub(super) fn add(
        &mut self,
        poller: Poller,
        token: Token,
        socket: RawFd,
        traffic: Traffic,
    ) -> SlotId {
        let free = self.0.iter().position(|slot| slot.state == State::Free);
        let index = free.unwrap_or(self.0.len());
        let generation =
            free.map_or(0, |index| self.0[index].generation.wrapping_add(1) & GENERATION_MASK);
        let slot = Slot {
            generation,
            state: State::Idle,
            socket,
            poller,
            token,
            traffic,
            recent: 0,
            is_marked: false,
            has_gro: false,
            batch: 1,
            left: 0,
            was_full: false,
        };
        match free {
            Some(index) => self.0[index] = slot,
            None => self.0.push(slot),
        }
        SlotId { index: index as u32, generation }
    }

    /// The slot that `id` names, unless that has become another's.
    pub(super) fn get(&self, id: SlotId) -> Option<&Slot> {
        self.0.get(id.index as usize).filter(|slot| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.0.get_mut(id.index as usize).filter(|slot| slot.generation == id.generation)
    }

    /// Every slot with its name, free ones too.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SlotId, &mut Slot)> {
        self.0.iter_mut().enumerate().map(|(index, slot)| {
            (SlotId { index: index as u32, generation: slot.generation }, slot)
        })
    }

    /// Names of those of `poller`, or of all.
    pub(super) fn ids_of(&self, poller: Option<Poller>) -> Vec<SlotId> {
        let wanted = |slot: &Slot| poller.is_none_or(|poller| slot.poller == poller);
        let id = |(index, slot): (usize, &Slot)| SlotId {
            index: index as u32,
            generation: slot.generation,
        };
        self.0.iter().enumerate().filter(|(_, slot)| wanted(slot)).map(id).collect()
    }
}
