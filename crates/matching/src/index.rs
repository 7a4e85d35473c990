//! A bounded hash index from a key to a `u32` address.
//!
//! ```text
//!   entries: [ 0 | hash:32 value+1:32 | 0 | ... ]     open addressing, linear probing
//!              ^ empty      ^ the key itself stays where the value points
//! ```
//!
//! The table is at least twice as large as what it may hold, so probes are short. Removal shifts
//! later entries back into the hole: no tombstones, so an index that has seen a billion orders is
//! as fast as a new one. It is never iterated, so its order reaches nobody.
//!
//! The hash is fixed, because every replica must take the same time and the core has no random
//! source. A client could therefore choose ids that collide. What that buys it is bounded: a probe
//! passes live entries only, so never more than the shard's order capacity, and those that collide
//! on purpose are live orders, which have to be accepted, one by one, and held.

use alloc::boxed::Box;
use alloc::vec;

use vesta_types::state_hash::hash_words;

/// The hash of a key, as an [`Index`] takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyHash(u32);

impl KeyHash {
    pub(crate) fn of(words: &[u64]) -> Self {
        // Truncation is the point: the table never needs more than 25 bits of it.
        Self(hash_words(words) as u32)
    }
}

pub(crate) struct Index {
    entries: Box<[u64]>,
    mask: usize,
    count: u32,
    count_max: u32,
}

const EMPTY: u64 = 0;

const fn pack(hash: KeyHash, value: u32) -> u64 {
    ((hash.0 as u64) << 32) | (value as u64 + 1)
}

const fn value_of(entry: u64) -> u32 {
    (entry as u32) - 1
}

impl Index {
    /// An index for up to `count_max` entries whose values are below `u32::MAX`.
    pub(crate) fn new(count_max: u32) -> Self {
        let entry_count = (count_max as usize * 2).next_power_of_two();
        Self {
            entries: vec![EMPTY; entry_count].into_boxed_slice(),
            mask: entry_count - 1,
            count: 0,
            count_max,
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    fn home(&self, entry: u64) -> usize {
        (entry >> 32) as usize & self.mask
    }

    /// The value under a key. `is_key` says whether a value of the same hash is that of the key.
    pub(crate) fn get(&self, hash: KeyHash, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = hash.0 as usize & self.mask;
        // Ends at the latest after a run of live entries: half the table is empty.
        loop {
            let entry = self.entries[at];
            if entry == EMPTY {
                return None;
            }
            if (entry >> 32) as u32 == hash.0 && is_key(value_of(entry)) {
                return Some(value_of(entry));
            }
            at = (at + 1) & self.mask;
        }
    }

    /// Adds a value under a key that is not in the index.
    pub(crate) fn insert(&mut self, hash: KeyHash, value: u32) {
        assert!(self.count < self.count_max, "index is full");
        debug_assert!(value < u32::MAX);
        let mut at = hash.0 as usize & self.mask;
        while self.entries[at] != EMPTY {
            debug_assert_ne!(self.entries[at], pack(hash, value), "indexed twice");
            at = (at + 1) & self.mask;
        }
        self.entries[at] = pack(hash, value);
        self.count += 1;
    }

    /// Where the entry is; it must exist, or else index and arena have diverged.
    fn position(&self, hash: KeyHash, value: u32) -> usize {
        let wanted = pack(hash, value);
        let mut at = hash.0 as usize & self.mask;
        while self.entries[at] != wanted {
            assert_ne!(self.entries[at], EMPTY, "not in the index");
            at = (at + 1) & self.mask;
        }
        at
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, hash: KeyHash, value: u32) {
        let mut hole = self.position(hash, value);
        let mut at = (hole + 1) & self.mask;
        while self.entries[at] != EMPTY {
            let probe_len = at.wrapping_sub(self.home(self.entries[at])) & self.mask;
            let hole_distance = at.wrapping_sub(hole) & self.mask;
            // An entry may go back as far as its home, never before it.
            if probe_len >= hole_distance {
                self.entries[hole] = self.entries[at];
                hole = at;
            }
            at = (at + 1) & self.mask;
        }
        self.entries[hole] = EMPTY;
        self.count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_map_through_churn_and_collisions() {
        // Few distinct hashes and a table of 32: long runs that wrap around its end.
        let hash = |key: u64| KeyHash(28 + (key % 5) as u32);
        let mut index = Index::new(16);
        let mut map = BTreeMap::new();
        let mut state = 1_u64;
        for step in 0..20_000_u32 {
            state = hash_words(&[state]);
            let key = state % 24;
            let is_key = |value: u32| u64::from(value % 24) == key;
            assert_eq!(index.get(hash(key), is_key), map.get(&key).copied(), "step {step}");
            // A value carries its key, as an order in the arena does.
            let value = step * 24 + key as u32;
            match map.get(&key).copied() {
                Some(old) => {
                    index.remove(hash(key), old);
                    map.remove(&key);
                }
                None if map.len() < 16 => {
                    index.insert(hash(key), value);
                    map.insert(key, value);
                }
                None => {}
            }
            assert_eq!(index.count() as usize, map.len());
        }
        for (key, value) in map {
            index.remove(hash(key), value);
        }
        assert!(index.entries.iter().all(|&entry| entry == EMPTY), "nothing is left behind");
    }

    #[test]
    #[should_panic(expected = "index is full")]
    fn is_bounded() {
        let mut index = Index::new(1);
        index.insert(KeyHash(1), 1);
        index.insert(KeyHash(1), 2);
    }
}
