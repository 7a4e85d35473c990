//! Where engines put their reports: transports of the driver.
//!
//! All are given to an engine as one table of C functions and a handle, so that each report costs
//! every engine the same: an indirect call and 64 bytes stored. What happens to the report then is
//! not the engine's work, and so is not measured: there is no second thread that takes it out.
//!
//! ```text
//!   Wrap      [ 0 | 1 | ... | 127 ]   8 KiB that stay in the first-level cache; written over and over
//!   Collect   Vec<Report>             keeps everything
//! ```
//!
//! An engine that brings a queue of its own (`engine_get_transport`) is given these all the same.

use crate::abi::{Report, TRADE, Transport};
use core::ffi::{c_int, c_void};
use core::ptr;

/// Slots of [`Wrap`]. Too many: the engine's own lines are driven out of the cache. Too few: a
/// burst of trades overwrites lines that are still being stored.
const WRAP_LEN: usize = 128;
const _: () = assert!(WRAP_LEN.is_power_of_two());

/// Takes reports in and forgets them, but for how many there were.
#[repr(C, align(64))]
pub(crate) struct Wrap {
    slots: [Report; WRAP_LEN],
    /// Reports so far.
    pub(crate) count: u64,
    /// Trades so far; counted by [`WRAP_COUNTING_TRADES`] only.
    pub(crate) trade_count: u64,
}

impl Wrap {
    pub(crate) fn new() -> Self {
        Self { slots: [Report::default(); WRAP_LEN], count: 0, trade_count: 0 }
    }

    /// Copies a report into the next slot, field by field, without the padding. An engine has
    /// written it a moment ago, in pieces that are still in the processor's store buffer: a wide load
    /// over several of them waits until they have left it, which costs every report of every engine
    /// some 20 cycles. Volatile, because the compiler makes wide loads of plain ones.
    ///
    /// # Safety
    /// `report` is valid for reading.
    #[inline(always)]
    unsafe fn put(&mut self, report: *const Report) -> u8 {
        let slot = &mut self.slots[self.count as usize % WRAP_LEN];
        self.count = self.count.wrapping_add(1);
        // SAFETY: what the caller promises.
        unsafe {
            slot.kind = (&raw const (*report).kind).read_volatile();
            slot.side = (&raw const (*report).side).read_volatile();
            slot.sequence_number = (&raw const (*report).sequence_number).read_volatile();
            slot.order_id = (&raw const (*report).order_id).read_volatile();
            slot.price_ticks = (&raw const (*report).price_ticks).read_volatile();
            slot.quantity = (&raw const (*report).quantity).read_volatile();
            slot.maker_order_id = (&raw const (*report).maker_order_id).read_volatile();
            slot.taker_order_id = (&raw const (*report).taker_order_id).read_volatile();
        }
        slot.kind
    }
}

/// For a [`Wrap`].
pub(crate) static WRAP: Transport = transport(wrap_push);
/// For a [`Wrap`]; looks at every report, and so costs a little more.
pub(crate) static WRAP_COUNTING_TRADES: Transport = transport(wrap_push_counting_trades);
/// For a `Vec<Report>`.
pub(crate) static COLLECT: Transport = transport(collect_push);

const fn transport(push: unsafe extern "C" fn(*mut c_void, *const Report) -> c_int) -> Transport {
    Transport { create: no_create, push, drain: no_drain, flush: no_flush, destroy: no_destroy }
}

// SAFETY of the three below, which only `run_pass` hands out: the handle is that of a value of the
// named type that outlives the engine and that nobody looks at during a call of the engine; the ABI
// has one producer, which pushes one report at a time, from whichever thread; and the report is
// that of the engine, valid for reading during the call.

unsafe extern "C" fn wrap_push(handle: *mut c_void, report: *const Report) -> c_int {
    // SAFETY: see above.
    unsafe { (*handle.cast::<Wrap>()).put(report) };
    1
}

unsafe extern "C" fn wrap_push_counting_trades(
    handle: *mut c_void,
    report: *const Report,
) -> c_int {
    // SAFETY: see above.
    unsafe {
        let wrap = &mut *handle.cast::<Wrap>();
        wrap.trade_count += u64::from(wrap.put(report) == TRADE);
    }
    1
}

unsafe extern "C" fn collect_push(handle: *mut c_void, report: *const Report) -> c_int {
    // SAFETY: see above.
    let (reports, report) = unsafe { (&mut *handle.cast::<Vec<Report>>(), &*report) };
    reports.push(*report);
    1
}

// An engine is a producer: it has no business with the rest of the table. Nothing is held back, so
// there is nothing to flush either.

unsafe extern "C" fn no_create(_capacity: u32) -> *mut c_void {
    ptr::null_mut()
}

unsafe extern "C" fn no_drain(_handle: *mut c_void, _out: *mut Report, _max: u32) -> u32 {
    0
}

unsafe extern "C" fn no_flush(_handle: *mut c_void) {}

unsafe extern "C" fn no_destroy(_handle: *mut c_void) {}
