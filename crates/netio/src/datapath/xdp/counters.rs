//! What the datapath counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread adds to and others read now and then.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn one(&self) {
        self.add(1);
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// Counters of an interface that is used by `xdp`, from when it was opened. They only grow.
        #[derive(Debug, Default)]
        pub struct XdpCounters {
            $($(#[$doc])* pub $name: Count,)+
        }

        impl XdpCounters {
            /// Every counter by its name, in the order of their declaration.
            pub fn list(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
                [$((stringify!($name), self.$name.get()),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams that were taken from a ring and handed to Aeron.
    datagrams_received,
    /// Datagrams that were put on a ring.
    datagrams_sent,
    /// Sends that put at least one datagram on a ring: compare with `kicks`.
    sends,
    /// System calls that told the kernel to look at the transmit ring.
    kicks,
    /// System calls that told the kernel to look at the fill ring.
    fill_kicks,
    /// Datagrams that came through the kernel's sockets: from this host, in fragments, on another
    /// interface or queue, or before the program knew of the socket.
    kernel_received,
    /// Datagrams sent through the kernel's sockets because they were for this host (or a group that
    /// it is a member of), for another interface, or too long for the link.
    kernel_sent,
    /// Datagrams sent through the kernel's sockets because the neighbour's address was not known.
    neighbour_misses,
    /// Frames dropped: no whole UDP datagram, or lengths that contradict each other.
    drops_malformed,
    /// Frames dropped: a wrong checksum.
    drops_checksum,
    /// Frames dropped: from a loopback, unspecified, multicast or broadcast address, which no other
    /// host has.
    drops_source,
    /// Frames dropped: for the Ethernet address of another.
    drops_not_to_us,
    /// Frames dropped: for a socket that was closed meanwhile.
    drops_unknown_port,
    /// Frames dropped: whoever reads them is too slow.
    drops_inbox_full,
    /// Frames dropped by the receive-loss drill.
    drops_drill,
    /// Frames that the kernel dropped: the receive ring was full.
    drops_ring_full,
    /// Frames that the kernel dropped: the fill ring was empty, or the frame did not fit.
    drops_no_buffer,
    /// Datagrams not sent, as frames or ring were full. Aeron sends data again; a status message or
    /// NAK is lost, as in a full socket.
    sends_refused,
}
