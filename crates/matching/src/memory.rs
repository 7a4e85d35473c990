//! Memory that is asked for at start.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// A table whose memory is written once, here, so that the hot path never waits for the operating
/// system to map a page. (`vec![0; n]` would leave that for later.)
pub(crate) fn touched<T: Clone>(len: usize, value: T) -> Box<[T]> {
    let mut table = Vec::with_capacity(len);
    table.resize(len, value);
    table.into_boxed_slice()
}
