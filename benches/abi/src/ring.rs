//! A report transport of our own, for harnesses that ask for one (`engine_get_transport`): a ring
//! with one producer and one consumer, into whose slots reports are written directly.
//!
//! ```text
//!   consumer: tail ──v              v── head, published every PUBLISH_INTERVAL reports
//!     [ free | free | taken | taken | written | written | free | ... ]     one cache line each
//!   producer:                                 next ──^
//! ```
//!
//! Positions count up for ever and never wrap: at a billion a second for 584 years. `vesta bench abi`
//! does not ask for a transport; there every engine has the driver's.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use vesta_engine_abi::abi::{Report, Transport};

/// Reports between two that the consumer gets to know of; what is left over is published by a flush.
/// Each time costs the producer a cache line that the consumer is reading. Fewer: that shows in
/// every report. More: the consumer waits, and then has much to do at once.
const PUBLISH_INTERVAL: u64 = 32;
const _: () = assert!(PUBLISH_INTERVAL.is_power_of_two());

#[repr(align(64))]
struct Slot(UnsafeCell<Report>);

/// What only the producer uses.
#[derive(Default)]
struct Producer {
    /// The position that it writes next.
    next: u64,
    /// What it last saw of `tail`: slots before this position are free.
    tail_seen: u64,
}

#[repr(align(64))]
struct Apart<T>(T);

pub(crate) struct Ring {
    /// A power of two of them.
    slots: Box<[Slot]>,
    producer: Apart<UnsafeCell<Producer>>,
    head: Apart<AtomicU64>,
    tail: Apart<AtomicU64>,
}

// SAFETY: slots from `tail` to `head` are the consumer's, all others and `producer` the producer's;
// `head` is stored after the slots before it were written, and loaded before they are read, and
// `tail` likewise the other way round. That there is one producer and one consumer at a time is
// what the functions that use either part demand.
unsafe impl Sync for Ring {}

impl Ring {
    /// A ring for at least that many reports. Its memory has been written to, so that none of it has
    /// to be faulted in later.
    pub(crate) fn new(capacity: u32) -> Self {
        let slot_count = (capacity as usize).next_power_of_two().max(2 * PUBLISH_INTERVAL as usize);
        let slot = |_| Slot(UnsafeCell::new(Report::default()));
        Self {
            slots: (0..slot_count).map(slot).collect(),
            producer: Apart(UnsafeCell::default()),
            head: Apart(AtomicU64::new(0)),
            tail: Apart(AtomicU64::new(0)),
        }
    }

    fn slot(&self, position: u64) -> &UnsafeCell<Report> {
        // The length is a power of two.
        &self.slots[position as usize & (self.slots.len() - 1)].0
    }

    /// Writes one report; false when the ring is full, and then the consumer knows of all there is.
    ///
    /// # Safety
    /// The caller is the one producer.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, report: Report) -> bool {
        // SAFETY: only the producer comes here, and the reference ends with this function.
        let producer = unsafe { &mut *self.producer.0.get() };
        let used = producer.next.wrapping_sub(producer.tail_seen);
        if used == self.slots.len() as u64 && !self.has_room_after_all(producer) {
            return false;
        }
        // SAFETY: the consumer has left this slot, and does not look at it before `head` is past it.
        unsafe { *self.slot(producer.next).get() = report };
        producer.next = producer.next.wrapping_add(1);
        if producer.next.is_multiple_of(PUBLISH_INTERVAL) {
            self.head.0.store(producer.next, Release);
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn has_room_after_all(&self, producer: &mut Producer) -> bool {
        // What is held back the consumer can not take out.
        self.head.0.store(producer.next, Release);
        producer.tail_seen = self.tail.0.load(Acquire);
        producer.next.wrapping_sub(producer.tail_seen) < self.slots.len() as u64
    }

    /// Lets the consumer know of all there is.
    ///
    /// # Safety
    /// The caller is the one producer.
    pub(crate) unsafe fn flush(&self) {
        // SAFETY: only the producer comes here, and the reference ends with this line.
        let next = unsafe { (*self.producer.0.get()).next };
        self.head.0.store(next, Release);
    }

    /// Takes out as many reports as there are, and as `out` has room for; how many.
    ///
    /// # Safety
    /// The caller is the one consumer.
    unsafe fn drain(&self, out: &mut [Report]) -> usize {
        let tail = self.tail.0.load(Relaxed);
        let waiting = self.head.0.load(Acquire).wrapping_sub(tail);
        let count = out.len().min(waiting as usize);
        for (report, position) in out[..count].iter_mut().zip(tail..) {
            // SAFETY: published, and not taken out yet: the producer leaves it alone.
            *report = unsafe { *self.slot(position).get() };
        }
        self.tail.0.store(tail.wrapping_add(count as u64), Release);
        count
    }
}

/// The ring as the ABI has it.
pub(crate) static RING: Transport = Transport { create, push, drain, flush, destroy };

// SAFETY of those below: the ABI hands a handle only to the functions of the transport that made
// it, push and flush are called by the producer, drain by the consumer, and destroy when neither
// will call again.

unsafe extern "C" fn create(capacity: u32) -> *mut c_void {
    Box::into_raw(Box::new(Ring::new(capacity))).cast()
}

unsafe extern "C" fn push(handle: *mut c_void, report: *const Report) -> c_int {
    // SAFETY: see above; the report can be read during the call.
    unsafe { (*handle.cast::<Ring>()).push(*report) }.into()
}

unsafe extern "C" fn drain(handle: *mut c_void, out: *mut Report, max: u32) -> u32 {
    // SAFETY: see above; `out` has room for `max` reports, which are plain data of the consumer's.
    let count = unsafe {
        let out = core::slice::from_raw_parts_mut(out, max as usize);
        (*handle.cast::<Ring>()).drain(out)
    };
    // At most `max`.
    count as u32
}

unsafe extern "C" fn flush(handle: *mut c_void) {
    // SAFETY: see above.
    unsafe { (*handle.cast::<Ring>()).flush() };
}

unsafe extern "C" fn destroy(handle: *mut c_void) {
    // SAFETY: see above.
    drop(unsafe { Box::from_raw(handle.cast::<Ring>()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(order_id: u64) -> Report {
        Report { order_id, ..Report::default() }
    }

    #[test]
    fn reports_come_out_as_they_went_in_from_another_thread() {
        const COUNT: u64 = 5_000;
        let ring = Ring::new(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for id in 0..COUNT {
                    // SAFETY: this thread is the one producer.
                    while !unsafe { ring.push(report(id)) } {
                        std::thread::yield_now();
                    }
                }
                // SAFETY: this thread is the one producer.
                unsafe { ring.flush() };
            });
            let (mut out, mut expected) = ([Report::default(); 7], 0);
            while expected < COUNT {
                // SAFETY: this thread is the one consumer.
                let count = unsafe { ring.drain(&mut out) };
                for found in &out[..count] {
                    assert_eq!(*found, report(expected));
                    expected += 1;
                }
                if count == 0 {
                    std::thread::yield_now();
                }
            }
        });
    }

    #[test]
    fn a_full_ring_says_so_and_shows_all_it_has() {
        let ring = Ring::new(100);
        let mut out = [Report::default(); 200];
        // SAFETY: this thread is the one producer and the one consumer.
        unsafe {
            let taken = (0..200).take_while(|&id| ring.push(report(id))).count();
            assert_eq!(taken, 128, "rounded up to a power of two");
            assert_eq!(ring.drain(&mut out), 128);
            assert!(ring.push(report(1)));
            assert_eq!(ring.drain(&mut out), 0, "held back");
            ring.flush();
            assert_eq!(ring.drain(&mut out), 1);
        }
    }
}
