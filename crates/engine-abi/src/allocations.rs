//! An allocator that counts, for a program that tells how often it allocates.
//!
//! A count is of one thread, so it is exact, and nobody shares a cache line for it: it adds one
//! instruction to an allocation, and to code that does not allocate nothing.

use core::cell::Cell;
use core::hint::black_box;
use std::alloc::{GlobalAlloc, Layout, System};

thread_local! {
    // Without a destructor, so that it can be used as long as the thread runs.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting; to be made the program's with `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// How often this thread has asked for memory so far, growing what it had included. Only
/// differences mean something. `None` when the program has another allocator.
#[must_use]
pub fn allocation_count() -> Option<u64> {
    let before = COUNT.get();
    drop(black_box(Box::new(0_u8)));
    let after = COUNT.get();
    (after != before).then_some(after)
}

#[inline(always)]
fn note() {
    // At a billion a second it wraps after 584 years.
    COUNT.set(COUNT.get().wrapping_add(1));
}

// SAFETY: all is left to the system's allocator; counting neither allocates nor panics.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as our caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note();
        // SAFETY: as our caller promised.
        unsafe { System.realloc(at, layout, new_size) }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(at, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: CountingAllocator = CountingAllocator;

    #[test]
    fn counts_what_this_thread_asks_for() {
        let count = || allocation_count().expect("this test's allocator");
        // The question itself allocates once.
        let before = count();
        assert_eq!(count() - before, 1);
        let mut words: Vec<u64> = black_box(Vec::with_capacity(1));
        assert_eq!(count() - before, 3);
        words.resize(100, 0);
        drop(black_box(words));
        assert_eq!(count() - before, 5, "growing counts, freeing does not");
        std::thread::spawn(|| drop(black_box(vec![0_u8; 100]))).join().expect("a thread");
        let zeroed = count();
        drop(black_box(vec![0_u64; 10]));
        assert_eq!(count() - zeroed, 2);
    }
}
