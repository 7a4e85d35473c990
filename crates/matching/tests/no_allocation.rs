//! After construction the matcher asks for no memory, and gives none back.
#![allow(unsafe_code, reason = "a counting allocator has to be one")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use vesta_matching::{EventSink, Matcher};
use vesta_types::Event;

use common::{CAPACITY, Generator, Step};

thread_local! {
    /// Calls of this thread: the test harness has threads of its own.
    static CALL_COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    CALL_COUNT.set(CALL_COUNT.get() + 1);
}

// SAFETY: every call is handed on to the system's allocator as it came. Counting touches a
// thread-local that needs neither allocation nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts events without keeping them.
struct Tally {
    generator: Generator,
    event_count: u64,
    fill_count: u64,
}

impl EventSink for Tally {
    fn event(&mut self, event: Event) {
        self.generator.saw(&event);
        self.event_count += 1;
        self.fill_count += u64::from(matches!(event, Event::Executed(_)));
    }
}

#[test]
fn nothing_is_allocated_after_construction() {
    let before_construction = CALL_COUNT.get();
    let mut matcher = Matcher::new(CAPACITY);
    assert!(CALL_COUNT.get() > before_construction, "the allocator does count");

    // Small capacities, so that every slot and level is taken, given back and taken again.
    let mut tally = Tally { generator: Generator::new(7), event_count: 0, fill_count: 0 };
    let before = CALL_COUNT.get();
    let mut was_full = false;
    for _ in 0..100_000 {
        match tally.generator.step() {
            Step::Define(instrument, limits) => {
                let _ = matcher.define(instrument, limits);
            }
            Step::Apply(command) => matcher.apply(&command, &mut tally),
        }
        was_full |= matcher.order_count() == CAPACITY.order_count_max;
    }
    let call_count = CALL_COUNT.get() - before;
    assert_eq!(call_count, 0);
    assert!(was_full && tally.fill_count > 1000 && tally.event_count > 100_000);
}
