//! What an Aeron driver counts, read from its `cnc.dat` by whoever may read the file.
//!
//! ```text
//!   cnc.dat   0           lengths of what follows (`aeron_cnc_metadata_t`)
//!             128         commands to the driver | answers | counter metadata | values | errors
//!   metadata  512 bytes a counter: state, type, key, label
//!   values    128 bytes a counter: the value first
//! ```
//! Aeron's own reader maps the file, and would end with whoever shortens it; this one copies the
//! few pages that hold counters. Sizes and places are Aeron's structs', so that a version with
//! others does not compile.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::mem::offset_of;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::ffi::c;

type Head = c::aeron_cnc_metadata_stct;
type Meta = c::aeron_counter_metadata_descriptor_stct;
type Value = c::aeron_counter_value_descriptor_stct;
type StreamKey = c::aeron_stream_position_counter_key_layout_stct;

/// Two cache lines: `AERON_CNC_VERSION_AND_META_DATA_LENGTH`.
const HEAD_BYTES: usize = 128;
const META_BYTES: usize = size_of::<Meta>();
const VALUE_BYTES: usize = size_of::<Value>();
/// Major 0, minor 2, as `aeron_semantic_version_compose` has it; the patch does not matter.
const MAJOR_MINOR: i32 = 2;
/// Counters are read up to the first that was never used, this many at a time.
const STEP: usize = 64;
/// More than the buffers of our own drivers hold: `COUNTERS_VALUES_BYTES` has room for 8,192.
const COUNTER_COUNT_MAX: usize = 8_192;
/// The buffers in front of the counters are some MiB: what says more is no `cnc.dat`.
const OFFSET_MAX: u64 = 1 << 32;

const _: () = assert!(META_BYTES == 512 && VALUE_BYTES == 128 && size_of::<Head>() <= HEAD_BYTES);
const _: () = assert!(offset_of!(Value, counter_value) == 0 && offset_of!(Meta, state) == 0);
const _: () = assert!(offset_of!(StreamKey, stream_id) == 12);

/// One counter of a driver that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AeronCounter {
    /// Its place.
    pub id: usize,
    /// Aeron's number for what it counts.
    pub type_id: i32,
    /// What it is of.
    pub key: CounterKey,
    /// In Aeron's words.
    pub label: String,
    /// Its value.
    pub value: i64,
}

/// What a counter is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterKey {
    /// The driver: Aeron's number of the counter.
    System(i32),
    /// A stream: one publication or one image.
    Stream {
        /// Aeron's session: one life of a publication.
        session_id: i32,
        /// The stream.
        stream_id: i32,
    },
    /// Something else: a channel, a client.
    Other,
}

/// What the counters of a driver say about the whole of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriverCounts {
    /// Bytes sent, all streams together.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Requests for repair sent, by readers.
    pub naks_sent: u64,
    /// Requests for repair received, by publishers.
    pub naks_received: u64,
    /// Repairs sent.
    pub retransmits_sent: u64,
    /// Datagrams dropped because a reader's window was full.
    pub flow_control_over_runs: u64,
    /// Datagrams that were old.
    pub flow_control_under_runs: u64,
    /// Datagrams that were none of Aeron's.
    pub invalid_packets: u64,
    /// Times that a publication stood at its window.
    pub sender_limits: u64,
    /// Sends that the kernel took only a part of.
    pub short_sends: u64,
    /// Gaps that a reader gave up and filled with nothing.
    pub loss_gap_fills: u64,
    /// Errors.
    pub errors: u64,
    /// Longest duty cycle of the conductor, ns.
    pub conductor_cycle_max_ns: u64,
    /// Longest duty cycle of the sender, ns.
    pub sender_cycle_max_ns: u64,
    /// Longest duty cycle of the receiver, ns.
    pub receiver_cycle_max_ns: u64,
}

impl DriverCounts {
    /// Each with its name, in a fixed order.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 15] {
        [
            ("bytes_sent", self.bytes_sent),
            ("bytes_received", self.bytes_received),
            ("naks_sent", self.naks_sent),
            ("naks_received", self.naks_received),
            ("retransmits_sent", self.retransmits_sent),
            ("flow_control_over_runs", self.flow_control_over_runs),
            ("flow_control_under_runs", self.flow_control_under_runs),
            ("invalid_packets", self.invalid_packets),
            ("sender_limits", self.sender_limits),
            ("short_sends", self.short_sends),
            ("loss_gap_fills", self.loss_gap_fills),
            ("errors", self.errors),
            ("conductor_cycle_max_ns", self.conductor_cycle_max_ns),
            ("sender_cycle_max_ns", self.sender_cycle_max_ns),
            ("receiver_cycle_max_ns", self.receiver_cycle_max_ns),
        ]
    }

    fn take_in(&mut self, id: i32, value: u64) {
        *match u32::try_from(id).unwrap_or(u32::MAX) {
            c::AERON_SYSTEM_COUNTER_ID_BYTES_SENT => &mut self.bytes_sent,
            c::AERON_SYSTEM_COUNTER_ID_BYTES_RECEIVED => &mut self.bytes_received,
            c::AERON_SYSTEM_COUNTER_ID_NAK_MESSAGES_SENT => &mut self.naks_sent,
            c::AERON_SYSTEM_COUNTER_ID_NAK_MESSAGES_RECEIVED => &mut self.naks_received,
            c::AERON_SYSTEM_COUNTER_ID_RETRANSMITS_SENT => &mut self.retransmits_sent,
            c::AERON_SYSTEM_COUNTER_ID_FLOW_CONTROL_OVER_RUNS => &mut self.flow_control_over_runs,
            c::AERON_SYSTEM_COUNTER_ID_FLOW_CONTROL_UNDER_RUNS => &mut self.flow_control_under_runs,
            c::AERON_SYSTEM_COUNTER_ID_INVALID_PACKETS => &mut self.invalid_packets,
            c::AERON_SYSTEM_COUNTER_ID_SENDER_FLOW_CONTROL_LIMITS => &mut self.sender_limits,
            c::AERON_SYSTEM_COUNTER_ID_SHORT_SENDS => &mut self.short_sends,
            c::AERON_SYSTEM_COUNTER_ID_LOSS_GAP_FILLS => &mut self.loss_gap_fills,
            c::AERON_SYSTEM_COUNTER_ID_ERRORS => &mut self.errors,
            c::AERON_SYSTEM_COUNTER_ID_CONDUCTOR_MAX_CYCLE_TIME => &mut self.conductor_cycle_max_ns,
            c::AERON_SYSTEM_COUNTER_ID_SENDER_MAX_CYCLE_TIME => &mut self.sender_cycle_max_ns,
            c::AERON_SYSTEM_COUNTER_ID_RECEIVER_MAX_CYCLE_TIME => &mut self.receiver_cycle_max_ns,
            _ => return,
        } = value;
    }
}

/// Where one stream stands in one driver, in bytes since its start. Several publications, or images,
/// of a stream are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamPositions {
    /// Offered by its publisher.
    pub published: Option<i64>,
    /// Sent.
    pub sent: Option<i64>,
    /// Up to where its publisher may go: the window of its slowest reader.
    pub limit: Option<i64>,
    /// Received, gaps included.
    pub received: Option<i64>,
    /// Read by the slowest of its subscribers here.
    pub read: Option<i64>,
    /// Requests for repair: received by its publisher, or sent by its reader.
    pub naks: i64,
    /// Times that it stood at its window.
    pub at_window: i64,
    /// Readers that its flow control counts.
    pub readers: Option<i64>,
}

impl StreamPositions {
    /// How far a publisher may still go before its readers' window is full, in bytes.
    #[must_use]
    pub fn window_left(&self) -> Option<i64> {
        Some(self.limit?.saturating_sub(self.published.or(self.sent)?).max(0))
    }

    /// What was received and not read yet, in bytes.
    #[must_use]
    pub fn unread(&self) -> Option<i64> {
        Some(self.received?.saturating_sub(self.read?).max(0))
    }
}

/// A `cnc.dat` that is long enough for what its head says.
pub(super) struct Cnc {
    file: File,
    /// The process that made it.
    pub(super) pid: i64,
    /// Where the counters' metadata and values begin, in bytes, and how many counters there are.
    metadata: u64,
    values: u64,
    count: usize,
}

impl Cnc {
    /// Opens that of the driver in `directory`.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let path = directory.join("cnc.dat");
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        let refused = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(refused("cnc.dat is no plain file"));
        }
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, 0)?;
        if int(&head, offset_of!(Head, cnc_version)) >> 8 != MAJOR_MINOR {
            return Err(refused("cnc.dat is of another version"));
        }
        let length = |at: usize| u64::try_from(int(&head, at)).unwrap_or(OFFSET_MAX);
        let commands = length(offset_of!(Head, to_driver_buffer_length))
            + length(offset_of!(Head, to_clients_buffer_length));
        let metadata = HEAD_BYTES as u64 + commands;
        let values = metadata + length(offset_of!(Head, counter_metadata_buffer_length));
        let count = length(offset_of!(Head, counter_values_buffer_length)) / VALUE_BYTES as u64;
        if values > OFFSET_MAX {
            return Err(refused("cnc.dat has lengths that can not be"));
        }
        if values > meta.len() {
            return Err(refused("cnc.dat is cut short"));
        }
        let pid = head.get(offset_of!(Head, pid)..).and_then(<[u8]>::first_chunk);
        let pid = pid.map_or(0, |eight| i64::from_le_bytes(*eight));
        Ok(Self { file, pid, metadata, values, count: count as usize })
    }
}

/// The counters of one driver, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverReading {
    /// All that are in use.
    pub counters: Vec<AeronCounter>,
}

impl DriverReading {
    /// Reads the counters of the driver whose files are in `directory`.
    ///
    /// # Errors
    /// When there is no driver, or one of another version.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let cnc = Cnc::open(directory)?;
        Ok(Self { counters: counters(&cnc.file, cnc.metadata, cnc.values, cnc.count)? })
    }

    /// The whole of the driver.
    #[must_use]
    pub fn counts(&self) -> DriverCounts {
        let mut counts = DriverCounts::default();
        for counter in &self.counters {
            if let CounterKey::System(id) = counter.key {
                counts.take_in(id, counter.value.unsigned_abs());
            }
        }
        counts
    }

    /// For each publication to those who sign up (MDC): its control address, and how many have.
    pub fn mdc_destinations(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        let is_it = |counter: &&AeronCounter| {
            u32::try_from(counter.type_id) == Ok(c::AERON_COUNTER_CHANNEL_NUM_DESTINATIONS_TYPE_ID)
        };
        self.counters.iter().filter(is_it).filter_map(|counter| {
            // The label ends with the channel.
            let (_, control) = counter.label.split_once("control=")?;
            let control = control.split('|').next()?.to_owned();
            Some((control, u64::try_from(counter.value).unwrap_or(0)))
        })
    }

    /// Where `stream_id` stands.
    #[must_use]
    pub fn positions(&self, stream_id: i32) -> StreamPositions {
        let mut positions = StreamPositions::default();
        // Of each publication's life that is read here, the slowest subscriber.
        let mut read = BTreeMap::new();
        let add = |sum: &mut Option<i64>, value: i64| {
            *sum = Some(sum.unwrap_or(0).saturating_add(value));
        };
        for counter in &self.counters {
            let CounterKey::Stream { session_id, stream_id: of } = counter.key else { continue };
            if of != stream_id {
                continue;
            }
            let value = counter.value;
            match u32::try_from(counter.type_id).unwrap_or(u32::MAX) {
                c::AERON_COUNTER_PUBLISHER_POSITION_TYPE_ID => add(&mut positions.published, value),
                c::AERON_COUNTER_SENDER_POSITION_TYPE_ID => add(&mut positions.sent, value),
                c::AERON_COUNTER_PUBLISHER_LIMIT_TYPE_ID => add(&mut positions.limit, value),
                c::AERON_COUNTER_RECEIVER_HWM_TYPE_ID => add(&mut positions.received, value),
                c::AERON_COUNTER_SUBSCRIPTION_POSITION_TYPE_ID => {
                    let slowest = read.entry(session_id).or_insert(value);
                    *slowest = value.min(*slowest);
                }
                c::AERON_COUNTER_FC_NUM_RECEIVERS_TYPE_ID => add(&mut positions.readers, value),
                c::AERON_COUNTER_SENDER_NAKS_RECEIVED_TYPE_ID
                | c::AERON_COUNTER_RECEIVER_NAKS_SENT_TYPE_ID => {
                    positions.naks = positions.naks.saturating_add(value);
                }
                c::AERON_COUNTER_SENDER_BPE_TYPE_ID => {
                    positions.at_window = positions.at_window.saturating_add(value);
                }
                _ => {}
            }
        }
        read.into_values().for_each(|slowest| add(&mut positions.read, slowest));
        positions
    }
}

fn int(bytes: &[u8], at: usize) -> i32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |four| i32::from_le_bytes(*four))
}

fn counters(
    file: &File,
    metadata: u64,
    values: u64,
    count: usize,
) -> io::Result<Vec<AeronCounter>> {
    let mut found = Vec::new();
    let (mut meta, mut value) = (vec![0; STEP * META_BYTES], vec![0; STEP * VALUE_BYTES]);
    for first in (0..count.min(COUNTER_COUNT_MAX)).step_by(STEP) {
        let step = STEP.min(count - first);
        let (meta, value) = (&mut meta[..step * META_BYTES], &mut value[..step * VALUE_BYTES]);
        file.read_exact_at(meta, metadata + (first * META_BYTES) as u64)?;
        file.read_exact_at(value, values + (first * VALUE_BYTES) as u64)?;
        let pairs = meta.chunks_exact(META_BYTES).zip(value.chunks_exact(VALUE_BYTES));
        for (n, (meta, value)) in pairs.enumerate() {
            match int(meta, offset_of!(Meta, state)) as u32 {
                c::AERON_COUNTER_RECORD_UNUSED => return Ok(found),
                c::AERON_COUNTER_RECORD_ALLOCATED => found.push(counter(first + n, meta, value)),
                // Given back.
                _ => {}
            }
        }
    }
    Ok(found)
}

fn counter(id: usize, meta: &[u8], value: &[u8]) -> AeronCounter {
    let type_id = int(meta, offset_of!(Meta, type_id));
    let key = &meta[offset_of!(Meta, key)..];
    let label = &meta[offset_of!(Meta, label)..];
    let len = usize::try_from(int(meta, offset_of!(Meta, label_length))).unwrap_or(0);
    let label = String::from_utf8_lossy(&label[..len.min(label.len())]);
    let key = match u32::try_from(type_id).unwrap_or(u32::MAX) {
        c::AERON_COUNTER_SYSTEM_COUNTER_TYPE_ID => CounterKey::System(int(key, 0)),
        c::AERON_COUNTER_PUBLISHER_LIMIT_TYPE_ID
        | c::AERON_COUNTER_SENDER_POSITION_TYPE_ID
        | c::AERON_COUNTER_RECEIVER_HWM_TYPE_ID
        | c::AERON_COUNTER_SUBSCRIPTION_POSITION_TYPE_ID
        | c::AERON_COUNTER_RECEIVER_POSITION_TYPE_ID
        | c::AERON_COUNTER_SENDER_LIMIT_TYPE_ID
        | c::AERON_COUNTER_PUBLISHER_POSITION_TYPE_ID
        | c::AERON_COUNTER_SENDER_BPE_TYPE_ID
        | c::AERON_COUNTER_FC_NUM_RECEIVERS_TYPE_ID
        | c::AERON_COUNTER_SENDER_NAKS_RECEIVED_TYPE_ID
        | c::AERON_COUNTER_RECEIVER_NAKS_SENT_TYPE_ID => CounterKey::Stream {
            session_id: int(key, offset_of!(StreamKey, session_id)),
            stream_id: int(key, offset_of!(StreamKey, stream_id)),
        },
        _ => CounterKey::Other,
    };
    AeronCounter {
        id,
        type_id,
        key,
        label: label.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
        value: value.first_chunk().map_or(0, |eight| i64::from_le_bytes(*eight)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_driver_is_an_error() {
        let folder = std::env::temp_dir().join(format!("netio-cnc-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        assert!(DriverReading::of(&folder).is_err(), "absent");
        let file = folder.join("cnc.dat");
        for bytes in [vec![], vec![0; 100], vec![0xff; 4_096], vec![2; 1 << 16]] {
            std::fs::write(&file, bytes).expect("a file");
            assert!(DriverReading::of(&folder).is_err());
        }
        // A good version, and lengths that lead out of the file.
        let mut bytes = vec![0; 1_024];
        bytes[..4].copy_from_slice(&(MAJOR_MINOR << 8).to_le_bytes());
        bytes[offset_of!(Head, counter_values_buffer_length)..][..4]
            .copy_from_slice(&1_280_i32.to_le_bytes());
        std::fs::write(&file, bytes).expect("a file");
        assert!(DriverReading::of(&folder).is_err());
        std::fs::remove_dir_all(&folder).expect("ours");
    }
}
