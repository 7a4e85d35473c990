//! What a simulated network is like.

use vesta_transport::MESSAGE_LEN_MAX;

/// Settings of a [`SimNetwork`](crate::SimNetwork). The default has no faults but varying latency.
#[derive(Clone, Copy, Debug)]
pub struct SimConfig {
    /// Where every fault and latency comes from.
    pub seed: u64,
    /// Bytes (with framing) that a publication takes beyond what the reader that counts has
    /// consumed, and that an image buffers. Must hold at least one message of `message_len_max`.
    pub window_bytes: i64,
    /// The longest message, in bytes.
    pub message_len_max: usize,
    /// The longest message that travels as one fragment, in bytes; a longer one takes a header for
    /// each of its fragments.
    pub fragment_len_max: usize,
    /// Whose consumption moves a publication's window.
    pub flow_control: FlowControl,
    /// Shortest time on the way, in nanoseconds.
    pub latency_min_ns: u64,
    /// Longest time on the way, in nanoseconds. Packets of different streams overtake one another
    /// within this spread; those of one image stay in order.
    pub latency_max_ns: u64,
    /// Stream packets in a million that the network loses. Lost data is repaired, as Aeron does:
    /// it arrives `repair_ns` later, and what follows in its image waits for it.
    pub loss_ppm: u32,
    /// How long the repair of lost data takes, in nanoseconds.
    pub repair_ns: u64,
    /// How often an idle publication and an idle image say that they live, in nanoseconds. Well
    /// below both timeouts.
    pub heartbeat_ns: u64,
    /// An image from which nothing came for longer than this is lost, in nanoseconds.
    pub liveness_timeout_ns: u64,
    /// A reader of which a publication heard nothing for longer than this is dropped, in
    /// nanoseconds. A closed publication lingers as long.
    pub connection_timeout_ns: u64,
    /// The faults of plain datagrams.
    pub datagrams: DatagramFaults,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            window_bytes: 64 << 10,
            // As long as a fragment: roles send none that is longer, and small windows hold it.
            message_len_max: 1376,
            // What Aeron's default MTU of 1408 leaves beside its 32-byte header.
            fragment_len_max: 1376,
            flow_control: FlowControl::Slowest,
            latency_min_ns: 20_000,
            latency_max_ns: 100_000,
            loss_ppm: 0,
            repair_ns: 300_000,
            heartbeat_ns: 5_000_000,
            liveness_timeout_ns: 200_000_000,
            connection_timeout_ns: 200_000_000,
            datagrams: DatagramFaults::default(),
        }
    }
}

impl SimConfig {
    /// # Panics
    /// When the settings contradict each other: a simulation is written by us, so that is a bug.
    pub(crate) fn check(&self) {
        assert!(0 < self.fragment_len_max && self.fragment_len_max <= self.message_len_max);
        assert!(self.message_len_max <= MESSAGE_LEN_MAX);
        let longest = framed_len(self.message_len_max, self.fragment_len_max);
        assert!(longest <= self.window_bytes, "no message fits the window");
        assert!(self.latency_min_ns <= self.latency_max_ns);
        let quiet_max_ns = self.heartbeat_ns + self.latency_max_ns + self.repair_ns;
        assert!(self.heartbeat_ns > 0);
        assert!(quiet_max_ns < self.liveness_timeout_ns, "images die between heartbeats");
        assert!(quiet_max_ns < self.connection_timeout_ns, "readers die between heartbeats");
        assert!(self.datagrams.latency_min_ns <= self.datagrams.latency_max_ns);
    }
}

/// Whose consumption moves a publication's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowControl {
    /// The slowest reader's: nobody loses anything, and one that stalls stops all.
    Slowest,
    /// The fastest reader's (Aeron's "max"): one that falls a window behind is overrun, gets
    /// nothing more, and loses the image after the liveness timeout.
    Fastest,
}

/// The faults of [`SimDatagrams`](crate::SimDatagrams). None by default, but latency.
#[derive(Clone, Copy, Debug)]
pub struct DatagramFaults {
    /// Datagrams in a million that are lost.
    pub loss_ppm: u32,
    /// Datagrams in a million that arrive twice.
    pub duplicate_ppm: u32,
    /// Sends in a million that find the socket's buffer full.
    pub full_ppm: u32,
    /// Shortest time on the way, in nanoseconds.
    pub latency_min_ns: u64,
    /// Longest time on the way, in nanoseconds: within the spread datagrams overtake one another.
    pub latency_max_ns: u64,
    /// Datagrams that wait at one socket at most; what comes on top is lost.
    pub queue_max: usize,
}

impl Default for DatagramFaults {
    fn default() -> Self {
        Self {
            loss_ppm: 0,
            duplicate_ppm: 0,
            full_ppm: 0,
            latency_min_ns: 20_000,
            latency_max_ns: 20_000,
            queue_max: 4_096,
        }
    }
}

/// Bytes that a message of `len` bytes takes in its stream: for each of its fragments a 32-byte
/// header, and padding to a multiple of 32, as Aeron frames it.
pub(crate) fn framed_len(len: usize, fragment_len_max: usize) -> i64 {
    let frame = |len: usize| (len + 32).next_multiple_of(32);
    let whole = (len.max(1) - 1) / fragment_len_max;
    (whole * frame(fragment_len_max) + frame(len - whole * fragment_len_max)) as i64
}

#[cfg(test)]
mod tests {
    use super::framed_len;

    #[test]
    fn each_fragment_has_a_header_and_begins_on_an_alignment() {
        for (len, framed) in [(1, 64), (32, 64), (33, 96), (1376, 1408), (1377, 1408 + 64)] {
            assert_eq!(framed_len(len, 1376), framed, "{len}");
        }
        assert_eq!(framed_len(64 << 10, 1376), 47 * 1408 + 896);
        assert_eq!(framed_len(20, 10), 2 * 64, "two whole ones, and not a third of nothing");
    }
}
