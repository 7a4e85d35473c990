//! Where reports go: into the transport that the harness handed over.

use core::ffi::{c_int, c_void};
use vesta_engine_abi::abi::{Report, Transport};

pub(crate) struct Output {
    push: unsafe extern "C" fn(*mut c_void, *const Report) -> c_int,
    handle: *mut c_void,
}

impl Output {
    /// # Safety
    /// `transport` is a table of functions for `handle`, and both are good as long as this lives.
    pub(crate) unsafe fn new(transport: *const Transport, handle: *mut c_void) -> Self {
        // SAFETY: what the caller promises. The function is kept beside the handle: one load less
        // for each report than by way of the table.
        Self { push: unsafe { (*transport).push }, handle }
    }

    /// Puts one report in; waits for room.
    #[inline(always)]
    pub(crate) fn report(&mut self, report: &Report) {
        // SAFETY: what `new` was promised; the transport copies the report during the call.
        while unsafe { (self.push)(self.handle, report) } == 0 {
            core::hint::spin_loop();
        }
    }
}
