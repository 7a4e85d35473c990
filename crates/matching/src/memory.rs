//! Memory that is asked for at start, and addressed by numbers that were handed out by whoever owns it.
//!
//! # Why this file may use `unsafe`
//! A command touches some twenty places in tables that are linked by numbers. Checking each number
//! against its table's length takes a load, a comparison and a branch more than the access itself. What
//! leaving the check out gives is in `docs/performance.md` (more than 10 % of all instructions); and it
//! can only be left out here, at one place with one argument, which debug builds check.
#![allow(unsafe_code, reason = "unchecked access, measured; see above")]

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// A table that never moves. An index is not checked in builds without debug assertions: whoever makes
/// one must keep to the argument at `unchecked_index`.
pub(crate) struct Table<T> {
    items: Vec<T>,
}

/// The items of a [`Table`], borrowed.
pub(crate) struct Items<'a, T> {
    items: &'a mut [T],
}

impl<T> Table<T> {
    /// An empty table with room for so many items.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { items: Vec::with_capacity(capacity) }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        &self.items
    }

    /// The items, for several accesses in a row: the table itself is looked up once.
    #[inline(always)]
    pub(crate) fn as_mut(&mut self) -> Items<'_, T> {
        Items { items: &mut self.items }
    }

    /// Tells the processor that an item will be wanted soon, if there is one. Nothing where it does not
    /// listen.
    #[inline(always)]
    pub(crate) fn prefetch(&self, at: u32) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint, which is good for any address; and this one is computed by wrapping.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.items.as_ptr().wrapping_add(at as usize).cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }

    /// Appends an item. There must be room: a table never asks for more memory.
    pub(crate) fn push(&mut self, item: T) {
        assert!(self.items.len() < self.items.capacity(), "a table is full");
        self.items.push(item);
    }
}

impl<T: Clone> Table<T> {
    /// A full table whose memory is written once, here, so that the hot path never waits for the
    /// operating system to map a page. (`vec![0; n]` would leave that for later.)
    pub(crate) fn touched(len: usize, value: T) -> Self {
        let mut table = Self::with_capacity(len);
        table.items.resize(len, value);
        table
    }
}

// The argument. Indices into tables are of two kinds. (1) Numbers that the table's owner handed out when
// it made what they name: slots of orders, nodes, pages, positions of sessions. The owner made them by
// counting up to the length of the table (`Arena`, `Links`, `Sessions`), they are not computed from
// anything that a command carries, and the fields that hold them are private to this crate; NIL, the
// only other value, is compared with before use at every place that can meet it. (2) Numbers that are
// taken modulo the table's length, a power of two that never changes. And one of either with a part added or
// taken away that stays below a fixed size of which the table has whole ones: a price's place within its page, a
// way of a bucket. Debug builds check every access, and all tests (model, scenarios, fuzzing) run in them too.

macro_rules! unchecked_index {
    ($name:ty) => {
        impl<T> Index<u32> for $name {
            type Output = T;

            #[inline(always)]
            fn index(&self, at: u32) -> &T {
                debug_assert!((at as usize) < self.items.len(), "{at} of {}", self.items.len());
                // SAFETY: the argument above.
                unsafe { self.items.get_unchecked(at as usize) }
            }
        }

        impl<T> IndexMut<u32> for $name {
            #[inline(always)]
            fn index_mut(&mut self, at: u32) -> &mut T {
                debug_assert!((at as usize) < self.items.len(), "{at} of {}", self.items.len());
                // SAFETY: the argument above.
                unsafe { self.items.get_unchecked_mut(at as usize) }
            }
        }
    };
}

unchecked_index!(Table<T>);
unchecked_index!(Items<'_, T>);
