//! The sessions of a shard: their live orders, their limit, their kill switch.

#[cfg(test)]
use alloc::vec::Vec;

use vesta_types::{RejectReason, SessionId};

use crate::index::{Index, KeyHash};
use crate::links::NodeId;
use crate::memory::Table;

/// Which of the matcher's sessions: a position in the order of definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionIndex(pub(crate) u32);

impl SessionIndex {
    /// None of them.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// Its size is a power of two, so that finding one in their table is a shift.
#[repr(align(32))]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// A slot in its ring; NIL when there is none.
    pub(crate) first: NodeId,
    /// Orders that it may still have: its limit less those that are live.
    pub(crate) open_left: u32,
    pub(crate) open_max: u32,
    pub(crate) is_killed: bool,
}

/// A small map from the ids of configuration, which are given once and mostly in sequence, to
/// positions: one place per id, and an [`Index`] for those whose place was taken.
pub(crate) struct IdMap {
    near: Table<u64>,
    /// Its length less one: a power of two.
    mask: u32,
    far: Index,
    /// The id that was asked for last, and its position: commands of one session, or for one
    /// instrument, come in runs. At first one that no `u32` equals.
    last: (u64, u32),
}

impl IdMap {
    pub(crate) fn new(count_max: u32) -> Self {
        let place_count = (count_max as usize * 2).next_power_of_two();
        Self {
            near: Table::touched(place_count, 0),
            mask: place_count as u32 - 1,
            far: Index::new(count_max),
            last: (u64::MAX, 0),
        }
    }

    /// The position of an id that is in its own place: at once for the one that was asked for last. `None`
    /// for any other, which [`get`](Self::get) may find.
    #[inline(always)]
    pub(crate) fn get_near(&mut self, id: u32) -> Option<u32> {
        if self.last.0 == u64::from(id) {
            return Some(self.last.1);
        }
        let entry = self.near[id & self.mask];
        if (entry >> 32) as u32 != id || entry as u32 == 0 {
            return None;
        }
        self.last = (id.into(), entry as u32 - 1);
        Some(self.last.1)
    }

    /// The position of an id; `is_it` says whether a position is that of the id.
    #[inline(always)]
    pub(crate) fn get(&self, id: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let entry = self.near[id & self.mask];
        if (entry >> 32) as u32 == id && entry as u32 != 0 {
            return Some(entry as u32 - 1);
        }
        if self.far.count() == 0 {
            return None;
        }
        self.get_far(id, is_it)
    }

    #[cold]
    #[inline(never)]
    fn get_far(&self, id: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.far.get(KeyHash::of(&[u64::from(id)]), is_it)
    }

    /// Adds an id that is not there.
    pub(crate) fn insert(&mut self, id: u32, position: u32) {
        let at = id & self.mask;
        if self.near[at] == 0 {
            self.near[at] = u64::from(id) << 32 | u64::from(position + 1);
        } else {
            self.far.insert(KeyHash::of(&[u64::from(id)]), position);
        }
    }
}

pub(crate) struct Sessions {
    list: Table<Session>,
    count_max: usize,
    by_id: IdMap,
}

impl Sessions {
    pub(crate) fn new(count_max: u32) -> Self {
        Self {
            list: Table::with_capacity(count_max as usize),
            count_max: count_max as usize,
            by_id: IdMap::new(count_max),
        }
    }

    /// As [`find`](Self::find), for most sessions; `None` for the others.
    #[inline(always)]
    pub(crate) fn find_near(&mut self, id: SessionId) -> Option<SessionIndex> {
        self.by_id.get_near(id.0).map(SessionIndex)
    }

    #[inline(always)]
    pub(crate) fn find(&self, id: SessionId) -> Option<SessionIndex> {
        self.by_id.get(id.0, |at| self.list[at].id == id).map(SessionIndex)
    }

    pub(crate) fn define(&mut self, id: SessionId, open_max: u32) -> Result<(), RejectReason> {
        if id == SessionId(0) {
            return Err(RejectReason::UnknownSession);
        }
        if let Some(index) = self.find(id) {
            let is_same = self.at(index).open_max == open_max;
            return if is_same { Ok(()) } else { Err(RejectReason::SessionCapacity) };
        }
        if self.list.len() == self.count_max {
            return Err(RejectReason::SessionCapacity);
        }
        self.by_id.insert(id.0, self.list.len() as u32);
        let first = NodeId::NIL;
        self.list.push(Session { id, first, open_left: open_max, open_max, is_killed: false });
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn at(&self, index: SessionIndex) -> &Session {
        &self.list[index.0]
    }

    #[inline(always)]
    pub(crate) fn at_mut(&mut self, index: SessionIndex) -> &mut Session {
        &mut self.list[index.0]
    }

    /// A session has an order more: the guards saw that it may.
    #[inline(always)]
    pub(crate) fn add_one(&mut self, index: SessionIndex) {
        let owner = &mut self.list[index.0];
        debug_assert!(owner.open_left > 0, "an order too many");
        owner.open_left = owner.open_left.wrapping_sub(1);
    }

    /// A session has an order less.
    #[inline(always)]
    pub(crate) fn forget_one(&mut self, index: SessionIndex) {
        let owner = &mut self.list[index.0];
        debug_assert!(owner.open_left < owner.open_max, "counted when it came");
        owner.open_left = owner.open_left.wrapping_add(1);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.list.as_slice().iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_types::state_hash::hash_words;

    #[test]
    fn sessions_are_found_whatever_their_ids() {
        let mut sessions = Sessions::new(100);
        // The same place again and again, and 0 as a position.
        let id = |n: u32| SessionId(1 + n * 256 % 4096 + hash_words(&[u64::from(n)]) as u32 % 7);
        let mut ids: Vec<SessionId> = (0..100).map(id).collect();
        ids.sort_unstable();
        ids.dedup();
        for &id in &ids {
            assert_eq!(sessions.find(id), None);
            assert_eq!(sessions.define(id, 5), Ok(()));
            assert_eq!(sessions.define(id, 5), Ok(()));
            assert_eq!(sessions.define(id, 6), Err(RejectReason::SessionCapacity));
        }
        for (at, &id) in ids.iter().enumerate() {
            assert_eq!(sessions.find(id), Some(SessionIndex(at as u32)));
        }
        assert_eq!(sessions.find(SessionId(9_999)), None);
        assert_eq!(sessions.define(SessionId(0), 1), Err(RejectReason::UnknownSession));
    }

    #[test]
    fn they_are_bounded() {
        let mut sessions = Sessions::new(1);
        assert_eq!(sessions.define(SessionId(1), 1), Ok(()));
        assert_eq!(sessions.define(SessionId(2), 1), Err(RejectReason::SessionCapacity));
    }
}
