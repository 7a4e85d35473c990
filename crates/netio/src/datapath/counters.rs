//! What a datapath did, counted.
//!
//! Each agent thread writes a block of its own, so that counting takes no locked instruction and no
//! cache line goes back and forth; whoever looks adds the blocks up. Blocks of threads that ended
//! stay: a count never goes down.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A count with one writer.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// For the block's own thread only: with a second writer counts would get lost.
    pub(super) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// One thread's counts.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(super) struct Block { $($(#[$doc])* pub(super) $name: Count,)+ }

        /// Counts of a driver's datapath since its start. All are 0 on the datapath `socket`, which
        /// is Aeron's own; it counts in the driver's counters file.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct DatapathCounts { $($(#[$doc])* pub $name: u64,)+ }

        impl DatapathCounts {
            /// Each count with its name, in a fixed order.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+].into_iter()
            }

            fn take_in(&mut self, block: &Block) {
                $(self.$name = self.$name.wrapping_add(block.$name.0.load(Ordering::Relaxed));)+
            }

            /// What was counted since `earlier`, a look at the same driver.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.wrapping_sub(earlier.$name),)+ }
            }
        }
    };
}

counts! {
    /// Datagrams handed to Aeron.
    datagrams_received,
    /// System calls made to receive: entering the ring, receiving directly, and what promotion and
    /// demotion take.
    receive_calls,
    /// Those of them that brought no datagram.
    receive_calls_empty,
    /// Duty cycles of a poller that found nothing.
    polls_empty,
    /// Sockets that became hot.
    promotions,
    /// Sockets that became cold again.
    demotions,
    /// Receives that found no free buffer: the datagrams waited in the socket.
    buffers_exhausted,
    /// Errors that a receive met, such as a peer's "port unreachable".
    receive_errors,
    /// Datagrams dropped because they were longer than the MTU.
    oversized_drops,
    /// Receives of several datagrams that the kernel had coalesced (UDP_GRO).
    gro_receives,
    /// Datagrams in them.
    gro_segments,
    /// Sockets whose interface the receiving thread polls itself (NAPI busy poll).
    napi_sockets,
    /// Datagrams that the kernel took to send.
    datagrams_sent,
    /// System calls made to send.
    send_calls,
    /// Sends that failed, or that the kernel had no room for.
    send_errors,
    /// Sends of several datagrams in one (UDP GSO).
    gso_sends,
    /// Datagrams in them.
    gso_segments,
    /// Sockets on whose route the kernel refused UDP GSO: they send one by one from then on.
    gso_fallbacks,
}

impl fmt::Display for DatapathCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, count)) in self.named().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name} {count}")?;
        }
        Ok(())
    }
}

/// The counters of one driver's datapath; clones look at the same ones, from any thread.
#[derive(Clone, Debug, Default)]
pub struct DatapathCounters(Arc<Mutex<Vec<Arc<Block>>>>);

impl DatapathCounters {
    /// What has been counted so far. Threads count on meanwhile: counts of one moment may differ
    /// by what was under way.
    #[must_use]
    pub fn snapshot(&self) -> DatapathCounts {
        let mut sum = DatapathCounts::default();
        self.blocks().iter().for_each(|block| sum.take_in(block));
        sum
    }

    /// A block for the calling thread.
    pub(super) fn block(&self) -> Arc<Block> {
        let block = Arc::<Block>::default();
        self.blocks().push(Arc::clone(&block));
        block
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_add_up_also_those_of_threads_that_ended() {
        let counters = DatapathCounters::default();
        let here = counters.block();
        here.datagrams_received.add(2);
        let other = counters.clone();
        std::thread::spawn(move || {
            let there = other.block();
            there.datagrams_received.add(3);
            there.gso_sends.add(1);
        })
        .join()
        .expect("no panic");
        let counts = counters.snapshot();
        assert_eq!((counts.datagrams_received, counts.gso_sends), (5, 1));
        here.datagrams_received.add(1);
        let since = counters.snapshot().since(&counts);
        assert_eq!(since, DatapathCounts { datagrams_received: 1, ..DatapathCounts::default() });
        assert!(since.to_string().starts_with("datagrams_received 1, receive_calls 0"), "{since}");
    }
}
