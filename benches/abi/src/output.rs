//! Where reports go: into the transport that the harness handed over, or, if that is our own ring,
//! straight into its next slot.
//!
//! For a transport of others a report is made in one of two buffers that are used over and over, so that what is constant in
//! it, which is half, is stored once. Fields are stored one by one (volatile: the compiler would
//! make wide stores of some), because a transport reads them back at once, and a load that does not
//! fit one store has to wait until that has left the processor's store buffer.

use crate::ring::{RING, Ring};
use core::ffi::{c_int, c_void};
use core::ptr;
use vesta_engine_abi::abi::{Report, TRADE, Transport};

/// On a cache line of its own.
#[repr(C, align(64))]
struct Buffer(Report);

pub(crate) struct Output {
    /// Everything but trades: makers and takers are 0.
    about: Buffer,
    /// Trades: side and order are 0.
    trade: Buffer,
    push: unsafe extern "C" fn(*mut c_void, *const Report) -> c_int,
    handle: *mut c_void,
    /// The same as `handle`, when the transport is our own; else null.
    ring: *const Ring,
}

/// What a report is about, and what it is: not a trade.
pub(crate) struct About {
    pub(crate) kind: u8,
    pub(crate) side: u8,
    pub(crate) sequence_number: u64,
    pub(crate) order_id: u64,
    pub(crate) price_ticks: i64,
    pub(crate) quantity: u32,
}

/// A fill.
pub(crate) struct Trade {
    pub(crate) sequence_number: u64,
    pub(crate) price_ticks: i64,
    pub(crate) quantity: u32,
    pub(crate) maker_order_id: u64,
    pub(crate) taker_order_id: u64,
}

/// Stores a field, on its own.
#[inline(always)]
fn store<T>(field: &mut T, value: T) {
    // SAFETY: a reference is valid for writing; none of these types has anything to drop.
    unsafe { core::ptr::from_mut(field).write_volatile(value) }
}

impl Output {
    /// # Safety
    /// `transport` is a table of functions for `handle`, and both are good as long as this lives.
    pub(crate) unsafe fn new(transport: *const Transport, handle: *mut c_void) -> Self {
        // SAFETY: what the caller promises. The function is kept beside the handle: one load less
        // for each report than by way of the table.
        let push = unsafe { (*transport).push };
        let trade = Buffer(Report { kind: TRADE, ..Report::default() });
        let is_ours = ptr::eq(transport, &raw const RING);
        let ring = if is_ours { handle.cast_const().cast() } else { ptr::null() };
        Self { about: Buffer(Report::default()), trade, push, handle, ring }
    }

    /// Makes all reports visible that our own ring has held back.
    pub(crate) fn flush(&self) {
        // SAFETY: `new` was promised that the handle is good, and the engine is the one producer.
        if let Some(ring) = unsafe { self.ring.as_ref() } {
            // SAFETY: see above.
            unsafe { ring.flush() };
        }
    }

    /// Puts a report into our own ring, if that is where reports go.
    #[inline(always)]
    fn is_in_ring(&self, report: Report) -> bool {
        // SAFETY: `new` was promised that the handle is good, and the engine is the one producer.
        let Some(ring) = (unsafe { self.ring.as_ref() }) else { return false };
        // SAFETY: see above.
        while !unsafe { ring.push(report) } {
            core::hint::spin_loop();
        }
        true
    }

    /// Reports anything but a trade; waits for room.
    #[inline(always)]
    pub(crate) fn about(&mut self, about: About) {
        let About { kind, side, sequence_number, order_id, price_ticks, quantity } = about;
        let none = Report::default();
        if self.is_in_ring(Report {
            kind,
            side,
            sequence_number,
            order_id,
            price_ticks,
            quantity,
            ..none
        }) {
            return;
        }
        let Buffer(report) = &mut self.about;
        store(&mut report.kind, kind);
        store(&mut report.side, side);
        store(&mut report.sequence_number, sequence_number);
        store(&mut report.order_id, order_id);
        store(&mut report.price_ticks, price_ticks);
        store(&mut report.quantity, quantity);
        let report = &raw const *report;
        self.push(report);
    }

    /// Reports a trade; waits for room.
    #[inline(always)]
    pub(crate) fn trade(&mut self, trade: Trade) {
        let Trade { sequence_number, price_ticks, quantity, maker_order_id, taker_order_id } =
            trade;
        let none = Report { kind: TRADE, ..Report::default() };
        let report = Report {
            sequence_number,
            price_ticks,
            quantity,
            maker_order_id,
            taker_order_id,
            ..none
        };
        if self.is_in_ring(report) {
            return;
        }
        let Buffer(report) = &mut self.trade;
        store(&mut report.sequence_number, sequence_number);
        store(&mut report.price_ticks, price_ticks);
        store(&mut report.quantity, quantity);
        store(&mut report.maker_order_id, maker_order_id);
        store(&mut report.taker_order_id, taker_order_id);
        let report = &raw const *report;
        self.push(report);
    }

    #[inline(always)]
    fn push(&self, report: *const Report) {
        // SAFETY: what `new` was promised; the report is one of the buffers, and is copied during
        // the call.
        while unsafe { (self.push)(self.handle, report) } == 0 {
            core::hint::spin_loop();
        }
    }
}
