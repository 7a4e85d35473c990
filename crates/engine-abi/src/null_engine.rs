//! The engine that has no book: it acknowledges every message, by the same calls and through the
//! same transport as any other. What it costs is the floor below which nothing can be measured.

use crate::abi::{
    CANCEL_ACK, Cancel, MODIFY_ACK, NO_ASK, NO_BID, ORDER_ACK, Order, Report, Transport,
};
use crate::load::EngineFunctions;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// The functions of the null engine.
pub const NULL_ENGINE: EngineFunctions = EngineFunctions {
    init,
    shutdown,
    on_new_order,
    on_cancel,
    on_modify,
    flush,
    query_best_bid,
    query_best_ask,
    query_depth_at,
    prebuild: None,
};

/// What the engine has. One report, written over for each message: nothing that is constant is
/// stored twice, and the report does not straddle cache lines.
#[repr(C, align(64))]
struct State {
    report: Report,
    push: unsafe extern "C" fn(*mut c_void, *const Report) -> c_int,
    handle: *mut c_void,
}

/// Null until `init`.
static STATE: AtomicPtr<State> = AtomicPtr::new(ptr::null_mut());

#[inline(always)]
fn acknowledge(
    kind: u8,
    side: u8,
    order_id: u64,
    sequence_number: u64,
    price_ticks: i64,
    quantity: u32,
) {
    // SAFETY: set by `init`, which the ABI calls before the first message, and by `shutdown` after
    // the last; all from one thread, one call at a time. The transport is valid in between.
    unsafe {
        let state = &mut *STATE.load(Relaxed);
        // Volatile, so that two fields are not stored as one: see `Wrap::put`, which reads them.
        (&raw mut state.report.kind).write_volatile(kind);
        (&raw mut state.report.side).write_volatile(side);
        (&raw mut state.report.sequence_number).write_volatile(sequence_number);
        (&raw mut state.report.order_id).write_volatile(order_id);
        (&raw mut state.report.price_ticks).write_volatile(price_ticks);
        (&raw mut state.report.quantity).write_volatile(quantity);
        while (state.push)(state.handle, &raw const state.report) == 0 {
            core::hint::spin_loop();
        }
    }
}

unsafe extern "C" fn init(_seed: u64, transport: *const Transport, handle: *mut c_void) {
    // SAFETY: the caller's table, valid for reading.
    let push = unsafe { (*transport).push };
    let state = Box::new(State { push, handle, report: Report::default() });
    free(STATE.swap(Box::into_raw(state), Relaxed));
}

unsafe extern "C" fn shutdown() {
    free(STATE.swap(ptr::null_mut(), Relaxed));
}

fn free(state: *mut State) {
    if !state.is_null() {
        // SAFETY: made by `init` from a box, and taken out of `STATE`.
        drop(unsafe { Box::from_raw(state) });
    }
}

unsafe extern "C" fn flush() {}

unsafe extern "C" fn on_new_order(order: *const Order) {
    // SAFETY: the caller's message, valid during the call.
    let order = unsafe { &*order };
    let Order { side, order_id, sequence_number, price_ticks, quantity, .. } = *order;
    acknowledge(ORDER_ACK, side, order_id, sequence_number, price_ticks, quantity);
}

unsafe extern "C" fn on_modify(modify: *const Order) {
    // SAFETY: the caller's message, valid during the call.
    let modify = unsafe { &*modify };
    let Order { side, order_id, sequence_number, price_ticks, quantity, .. } = *modify;
    acknowledge(MODIFY_ACK, side, order_id, sequence_number, price_ticks, quantity);
}

unsafe extern "C" fn on_cancel(cancel: *const Cancel) {
    // SAFETY: the caller's message, valid during the call.
    let &Cancel { order_id, sequence_number } = unsafe { &*cancel };
    acknowledge(CANCEL_ACK, 0, order_id, sequence_number, 0, 0);
}

unsafe extern "C" fn query_best_bid() -> i64 {
    NO_BID
}

unsafe extern "C" fn query_best_ask() -> i64 {
    NO_ASK
}

unsafe extern "C" fn query_depth_at(_price_ticks: i64, _side: u8) -> u64 {
    0
}
