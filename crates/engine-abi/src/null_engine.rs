//! The engine that has no book: it acknowledges every message, by the same calls and through the
//! same transport as any other. What it costs is the floor below which nothing can be measured.

use crate::abi::{
    CANCEL_ACK, Cancel, MODIFY_ACK, NO_ASK, NO_BID, ORDER_ACK, Order, Report, Transport,
};
use crate::load::EngineFunctions;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

/// The functions of the null engine.
pub const NULL_ENGINE: EngineFunctions = EngineFunctions {
    init,
    shutdown: nothing,
    on_new_order,
    on_cancel,
    on_modify,
    flush: nothing,
    query_best_bid,
    query_best_ask,
    query_depth_at,
    prebuild: None,
};

static TRANSPORT: AtomicPtr<Transport> = AtomicPtr::new(ptr::null_mut());
static HANDLE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

#[inline(always)]
fn emit(report: &Report) {
    // SAFETY: set by `init` before the first message, and valid until the engine is shut down: the
    // contract of the ABI. It is called from one thread.
    unsafe {
        let push = (*TRANSPORT.load(Relaxed)).push;
        while push(HANDLE.load(Relaxed), report) == 0 {
            core::hint::spin_loop();
        }
    }
}

unsafe extern "C" fn init(_seed: u64, transport: *const Transport, handle: *mut c_void) {
    TRANSPORT.store(transport.cast_mut(), Relaxed);
    HANDLE.store(handle, Relaxed);
}

unsafe extern "C" fn nothing() {}

#[inline(always)]
fn acknowledge(kind: u8, order: &Order) {
    emit(&Report {
        kind,
        side: order.side,
        sequence_number: order.sequence_number,
        order_id: order.order_id,
        price_ticks: order.price_ticks,
        quantity: order.quantity,
        ..Report::default()
    });
}

unsafe extern "C" fn on_new_order(order: *const Order) {
    // SAFETY: the caller's message, valid during the call.
    acknowledge(ORDER_ACK, unsafe { &*order });
}

unsafe extern "C" fn on_modify(modify: *const Order) {
    // SAFETY: the caller's message, valid during the call.
    acknowledge(MODIFY_ACK, unsafe { &*modify });
}

unsafe extern "C" fn on_cancel(cancel: *const Cancel) {
    // SAFETY: the caller's message, valid during the call.
    let &Cancel { order_id, sequence_number } = unsafe { &*cancel };
    acknowledge(CANCEL_ACK, &Order { order_id, sequence_number, ..Order::default() });
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
