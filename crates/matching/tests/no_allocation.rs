//! After construction the matcher asks for no memory, and gives none back.
#![allow(unsafe_code, reason = "a counting allocator has to be one")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use vesta_matching::{EventSink, Matcher};
use vesta_types::Event;

use common::{Generator, Seeded, Step};

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

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
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
    generator: Generator<Seeded>,
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

/// Counts events.
struct Silence(u64);

impl EventSink for Silence {
    fn event(&mut self, _: Event) {
        self.0 += 1;
    }
}

#[test]
fn an_uncross_of_every_order_there_can_be_allocates_nothing() {
    use vesta_types::{
        AuctionKind, Capacity, ClientOrderId, Command, InstrumentId, InstrumentRules, NewOrder,
        PriceTicks, QtyLots, SessionId, SetState, Side, TradingState,
    };
    const ORDER_COUNT: u32 = 100;
    let mut matcher = Matcher::new(Capacity {
        order_count_max: ORDER_COUNT,
        level_count_max: ORDER_COUNT,
        instrument_count_max: 1,
        session_count_max: 1,
    });
    let instrument = InstrumentId(1);
    let rules = InstrumentRules {
        initial_state: TradingState::PreOpen,
        ..InstrumentRules::new(PriceTicks(1000), QtyLots(10))
    };
    assert_eq!(matcher.define(instrument, rules), Ok(()));
    assert_eq!(matcher.define_session(SessionId(1), ORDER_COUNT), Ok(()));
    let mut silence = Silence(0);
    for id in 1..=u64::from(ORDER_COUNT) {
        let side = if id % 2 == 0 { Side::Buy } else { Side::Sell };
        let (name, price) = (ClientOrderId(id), PriceTicks(100));
        let new = NewOrder::limit(SessionId(1), name, instrument, side, price, QtyLots(1));
        matcher.apply(&Command::New(new), &mut silence);
    }
    let before = CALL_COUNT.get();
    let (state, auction) = (TradingState::Continuous, AuctionKind::Opening);
    matcher.apply(&Command::SetState(SetState { instrument, state, auction }), &mut silence);
    assert_eq!(CALL_COUNT.get() - before, 0);
    assert_eq!(matcher.order_count(), 0, "all of them traded");
}

#[test]
fn nothing_is_allocated_after_construction() {
    // Small capacities, so that every slot and level is taken, given back and taken again.
    let (mut event_count, mut fill_count, mut full_count) = (0, 0, 0);
    for seed in 0..100 {
        let generator = Generator::new(Seeded::new(seed));
        let capacity = generator.world().capacity;
        let before_construction = CALL_COUNT.get();
        let mut matcher = Matcher::new(capacity);
        assert!(CALL_COUNT.get() > before_construction, "the allocator does count");

        let mut tally = Tally { generator, event_count: 0, fill_count: 0 };
        let before = CALL_COUNT.get();
        let mut was_full = false;
        for step_index in 0..2_000 {
            let step = tally.generator.step().expect("a seed has no end");
            match step {
                Step::Define(instrument, rules) => {
                    let _ = matcher.define(instrument, rules);
                }
                Step::DefineSession(session, open_order_max) => {
                    let _ = matcher.define_session(session, open_order_max);
                }
                Step::Advance(time) => matcher.advance_to(time, &mut tally),
                Step::Tick(time) => matcher.tick(time, &mut tally),
                Step::Apply(command) => matcher.apply(&command, &mut tally),
            }
            if step_index % 8 == 0 {
                let _ = matcher.state_hash();
            }
            assert_eq!(CALL_COUNT.get() - before, 0, "{step:?}");
            was_full |= matcher.order_count() == capacity.order_count_max;
        }
        event_count += tally.event_count;
        fill_count += tally.fill_count;
        full_count += u32::from(was_full);
    }
    assert!(full_count > 10 && fill_count > 1_000 && event_count > 100_000);
}
