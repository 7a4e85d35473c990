//! Vesta's matching core behind the C ABI of the public matching-engine-benchmark.
//!
//! ```text
//!   harness ── engine_on_* ──> lib.rs ──> book.rs: Matcher ── events ──> Output ── push ──> harness
//!                                                                          '──> Ring ── drain ──'
//! ```
//!
//! A message is translated, matched and reported inside its call; there is no pre-build hook and no
//! thread. The three queries read the matcher. All that knows the matcher is in `book.rs`.
//!
//! # Why this crate may use `unsafe`
//! It is nothing but C functions that are given pointers. It is not part of what ships.
#![allow(unsafe_code)]

mod book;
mod output;
mod ring;

use book::Book;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use output::Output;
use vesta_engine_abi::abi::{CANCEL, Cancel, Message, NEW, NO_ASK, NO_BID, Order, SELL, Transport};
use vesta_types::Side;

struct Engine {
    book: Book,
    output: Output,
}

/// The one engine of the process: the ABI has no handle for it. Null before `engine_init` and after
/// `engine_shutdown`.
static ENGINE: AtomicPtr<Engine> = AtomicPtr::new(ptr::null_mut());

/// The engine; `None` for a caller that has not started it, whose call then does nothing.
#[inline(always)]
fn engine<'a>() -> Option<&'a mut Engine> {
    // SAFETY: null, or made by `engine_init` and not yet freed. The ABI calls from one thread, one
    // call at a time, and each function here takes the reference once and drops it before it
    // returns: so it is the only one.
    unsafe { ENGINE.load(Relaxed).as_mut() }
}

/// Starts an engine with an empty book.
///
/// # Safety
/// `transport` is a table of functions for `handle`, and both are good until `engine_shutdown`. No
/// other function of this library is running, here or in any of those below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_init(_seed: u64, transport: *const Transport, handle: *mut c_void) {
    // SAFETY: what the caller promises.
    let output = unsafe { Output::new(transport, handle) };
    let engine = Box::new(Engine { book: Book::new(), output });
    let old = ENGINE.swap(Box::into_raw(engine), Relaxed);
    free(old);
}

/// Ends the engine.
///
/// # Safety
/// As for [`engine_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_shutdown() {
    free(ENGINE.swap(ptr::null_mut(), Relaxed));
}

fn free(engine: *mut Engine) {
    if !engine.is_null() {
        // SAFETY: it was made by `engine_init` from a box, and has been taken out of `ENGINE`.
        drop(unsafe { Box::from_raw(engine) });
    }
}

/// A new order.
///
/// # Safety
/// As for [`engine_init`]; `order` can be read during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_new_order(order: *const Order) {
    if let Some(Engine { book, output }) = engine() {
        // SAFETY: what the caller promises.
        book.new_order(unsafe { &*order }, output);
    }
}

/// A cancel.
///
/// # Safety
/// As for [`engine_init`]; `cancel` can be read during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_cancel(cancel: *const Cancel) {
    if let Some(Engine { book, output }) = engine() {
        // SAFETY: what the caller promises.
        book.cancel(unsafe { &*cancel }, output);
    }
}

/// A modify.
///
/// # Safety
/// As for [`engine_init`]; `modify` can be read during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_modify(modify: *const Order) {
    if let Some(Engine { book, output }) = engine() {
        // SAFETY: what the caller promises.
        book.modify(unsafe { &*modify }, output);
    }
}

/// Messages in a row, each as if it had come alone.
///
/// # Safety
/// As for [`engine_init`]; `message_count` messages can be read during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn engine_on_batch(messages: *const Message, message_count: u32) {
    let Some(Engine { book, output }) = engine() else { return };
    for index in 0..message_count as usize {
        // SAFETY: what the caller promises; a cancel is the first bytes of an order.
        unsafe {
            let message = messages.add(index);
            match (*message).kind {
                NEW => book.new_order(&(*message).order, output),
                CANCEL => book.cancel(&*(&raw const (*message).order).cast(), output),
                _ => book.modify(&(*message).order, output),
            }
        }
    }
}

/// Everything has been done by the time a call returns; our own ring may have held reports back.
#[unsafe(no_mangle)]
pub extern "C" fn engine_flush() {
    if let Some(engine) = engine() {
        engine.output.flush();
    }
}

/// Our own queue for reports, for a harness that would carry them in one.
#[unsafe(no_mangle)]
pub extern "C" fn engine_get_transport() -> *const Transport {
    &raw const ring::RING
}

/// Best bid in ticks.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_bid() -> i64 {
    engine().and_then(|engine| engine.book.best(Side::Buy)).unwrap_or(NO_BID)
}

/// Best ask in ticks.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_best_ask() -> i64 {
    engine().and_then(|engine| engine.book.best(Side::Sell)).unwrap_or(NO_ASK)
}

/// Open quantity at a price.
#[unsafe(no_mangle)]
pub extern "C" fn engine_query_depth_at(price_ticks: i64, side: u8) -> u64 {
    let side = if side == SELL { Side::Sell } else { Side::Buy };
    engine().map_or(0, |engine| engine.book.depth_at(price_ticks, side))
}
