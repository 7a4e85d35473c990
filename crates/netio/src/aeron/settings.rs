//! What an embedded driver is told, with units in the names.

use std::ffi::{CStr, CString, c_int};
use std::fmt;
use std::path::PathBuf;

use socket2::{Domain, Socket, Type};

use super::ffi::{self, c};
use crate::datapath::{DatapathChoice, GateSettings, UringSettings, XdpSettings};

/// Bytes of a log besides its three terms: the metadata page.
const LOG_METADATA_BYTES: usize = 4096;

/// Aeron's smallest counters buffer (values; four times as much again goes to their labels). It
/// holds some 8,000 counters, and a stream uses about ten.
const COUNTERS_VALUES_BYTES: usize = 1024 * 1024;

/// Loss reports are one record per gap-ridden stream: a page is plenty, Aeron's default is 1 MiB.
const LOSS_REPORT_BYTES: usize = 64 * 1024;

/// What Aeron insists on for its command and error buffers: 1 + 1 + 4 MiB.
const FIXED_BUFFER_BYTES: usize = 6 * 1024 * 1024;

/// Who runs the driver's duty cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threading {
    /// The owner, by calling `do_work`: driver and role share one thread, and no hand-over
    /// between threads is on the path of a message.
    Invoker,
    /// One thread of the driver's own.
    Shared(SharedIdle),
    /// Three: conductor, sender and receiver.
    Dedicated(SharedIdle),
}

/// How the driver's own threads idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedIdle {
    /// Busy polling: needs a core of its own.
    Spin,
    /// Spins, yields, then sleeps from `sleep_min_us` to `sleep_max_us`.
    Backoff {
        /// Idle cycles spent spinning.
        spin_count: u32,
        /// Idle cycles spent yielding.
        yield_count: u32,
        /// First sleep, in microseconds.
        sleep_min_us: u64,
        /// Longest sleep, in microseconds.
        sleep_max_us: u64,
    },
}

impl SharedIdle {
    /// Aeron's name of the strategy, and its arguments.
    fn for_aeron(self) -> Result<(&'static CStr, Option<CString>), String> {
        match self {
            Self::Spin => Ok((c"spin", None)),
            Self::Backoff { spin_count, yield_count, sleep_min_us, sleep_max_us } => {
                let sleep_max_us = sleep_max_us.max(sleep_min_us);
                let text = format!("{spin_count}-{yield_count}-{sleep_min_us}us-{sleep_max_us}us");
                Ok((c"backoff", Some(ffi::c_string(&text)?)))
            }
        }
    }
}

impl fmt::Display for Threading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invoker => "invoker",
            Self::Shared(_) => "shared",
            Self::Dedicated(_) => "dedicated",
        })
    }
}

/// Whom a multicast (or multi-destination) publisher waits for, where the channel does not say
/// (`fc=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowControl {
    /// For nobody: the fastest reader sets the pace, who is slower loses.
    Max,
    /// For the slowest reader.
    Min,
    /// For the slowest of the readers that carry this group tag.
    Tagged {
        /// The tag (`gtag=` on the readers' channels).
        group_tag: i64,
    },
}

/// Settings of an embedded driver. [`DriverSettings::new`] gives the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverSettings {
    /// What the process is, as a word of `[a-z0-9-]`: names the directory.
    pub role: String,
    /// Where the driver's directory is made. `None`: `/dev/shm`, or the temporary directory where
    /// that is missing. On anything but memory, the disk is on the path of every message.
    pub directory_parent: Option<PathBuf>,
    /// The driver's directory itself, for one that other processes are to find; else it gets a name
    /// of its own under `directory_parent`.
    pub directory: Option<PathBuf>,
    /// What the processes that share the driver want to know of its settings: `key = value`, one a
    /// line, 3 KiB at most. The driver adds a line `datapath`: the one it runs on.
    pub note: String,
    /// Memory that the logs of the driver's streams will take, in bytes: the sum of
    /// [`log_bytes`](Self::log_bytes). What the folder has no room for is refused at start; 0: not
    /// known.
    pub streams_bytes: u64,
    /// Who runs it.
    pub threading: Threading,
    /// How datagrams are received and sent.
    pub datapath: DatapathChoice,
    /// How the datapath `uring` does it.
    pub uring: UringSettings,
    /// Of the datapath `xdp`; without effect on the others.
    pub xdp: XdpSettings,
    /// Gives out a [`crate::ReceiveLoss`] handle. Off, the sockets are left untouched.
    pub receive_loss: bool,
    /// Length of one term of a network stream, a power of two from 64 KiB to 1 GiB. A log has
    /// three. Too low -> the window (half a term) throttles; too high -> memory, as every
    /// publication and every image is `3 x term + 4 KiB` of it.
    pub term_buffer_bytes: usize,
    /// The same for `aeron:ipc` streams.
    pub ipc_term_buffer_bytes: usize,
    /// Reserve memory on first touch. True costs page faults on the path of the first pass over
    /// a term (p99 of 40 us instead of 10); false costs the memory at once.
    pub term_buffer_sparse_file: bool,
    /// Longest datagram, UDP payload, in bytes: a multiple of 32 from 64 to 65,504. That of
    /// publications whose channel names none (`mtu=`).
    pub mtu_bytes: usize,
    /// Longest datagram of any channel that names its own, in bytes; 0 where none does. The datapath
    /// keeps room for the longer of this and `mtu_bytes`; publishers elsewhere that announce more are
    /// not let in.
    pub channel_mtu_max_bytes: usize,
    /// Datagrams that a publication hands to the datapath at once, 1 to 64. Too low -> a system call
    /// for few of them; too high -> one stream's burst delays the others, and nothing is won above
    /// the window.
    pub messages_per_send: u32,
    /// SO_RCVBUF asked for, in bytes. The kernel caps it at `net.core.rmem_max`; must not be
    /// below `initial_window_bytes`.
    pub socket_receive_buffer_bytes: usize,
    /// SO_SNDBUF asked for, in bytes; capped at `net.core.wmem_max`.
    pub socket_send_buffer_bytes: usize,
    /// How far ahead of a reader a unicast publisher may be, in bytes. Too low -> throughput is
    /// window / round trip.
    pub initial_window_bytes: usize,
    /// Silence after which a reader takes a publisher for dead, in milliseconds. Too low -> a
    /// stall of the host reads as a death.
    pub image_liveness_timeout_ms: u64,
    /// Silence after which the driver takes a client of its own for dead, and a client its
    /// driver, in milliseconds.
    pub client_liveness_timeout_ms: u64,
    /// How long a closed publication stays to answer retransmit requests, in milliseconds.
    pub publication_linger_ms: u64,
    /// Silence of all readers after which a publication is not connected, in milliseconds.
    pub publication_connection_timeout_ms: u64,
    /// Longest time between two status messages of a reader, in milliseconds. A lost one costs
    /// the publisher this long.
    pub status_message_interval_ms: u64,
    /// Silence after which flow control stops waiting for a reader, in milliseconds.
    pub flow_control_receiver_timeout_ms: u64,
    /// Flow control of multicast and multi-destination channels that do not name theirs.
    pub flow_control: FlowControl,
    /// How many readers a NAK back-off reckons with.
    pub nak_multicast_group_size: usize,
    /// Longest random wait before a NAK on multicast, in microseconds. Aeron's own default is
    /// tens of milliseconds, which is made for the internet.
    pub nak_multicast_backoff_max_us: u64,
    /// How long after a retransmission further NAKs for the same gap are ignored, in
    /// microseconds. Too high -> a lost retransmission costs this long.
    pub retransmit_linger_us: u64,
    /// Publishers of one stream that are admitted at the same time. Too high -> a stranger can
    /// make us map that many logs.
    pub publishers_max: usize,
    /// What may come in.
    pub gate: GateSettings,
    /// How often the driver looks at its timers, in milliseconds: all time-outs above are met
    /// with this precision.
    pub timer_interval_ms: u64,
}

impl DriverSettings {
    /// The defaults for `role`: invoker, the datapath by probing, 1 MiB terms in real memory.
    #[must_use]
    pub fn new(role: &str) -> Self {
        Self {
            role: role.to_owned(),
            directory_parent: None,
            directory: None,
            note: String::new(),
            streams_bytes: 0,
            threading: Threading::Invoker,
            datapath: DatapathChoice::Auto,
            uring: UringSettings::default(),
            xdp: XdpSettings::default(),
            receive_loss: false,
            term_buffer_bytes: 1024 * 1024,
            ipc_term_buffer_bytes: 1024 * 1024,
            term_buffer_sparse_file: false,
            mtu_bytes: 1408,
            channel_mtu_max_bytes: 0,
            messages_per_send: 16,
            // 208 KiB is what an unconfigured kernel grants (net.core.rmem_max).
            socket_receive_buffer_bytes: 208 * 1024,
            socket_send_buffer_bytes: 208 * 1024,
            initial_window_bytes: 128 * 1024,
            image_liveness_timeout_ms: 10_000,
            client_liveness_timeout_ms: 10_000,
            publication_linger_ms: 5_000,
            publication_connection_timeout_ms: 5_000,
            status_message_interval_ms: 100,
            flow_control_receiver_timeout_ms: 5_000,
            flow_control: FlowControl::Max,
            nak_multicast_group_size: 10,
            nak_multicast_backoff_max_us: 60,
            retransmit_linger_us: 1_000,
            timer_interval_ms: 100,
            publishers_max: 64,
            gate: GateSettings { sources: Vec::new(), term_length_max: 16 << 20 },
        }
    }

    /// Memory that one publication or image with terms of `term_bytes` takes of the driver's
    /// directory, in bytes: three terms and a page. With sparse files it is the upper bound.
    #[must_use]
    pub const fn log_bytes(term_bytes: usize) -> u64 {
        3 * term_bytes as u64 + LOG_METADATA_BYTES as u64
    }

    /// Longest datagram that this driver has to do with, in bytes.
    #[must_use]
    pub fn datagram_max_bytes(&self) -> usize {
        self.mtu_bytes.max(self.channel_mtu_max_bytes)
    }

    /// Memory that a driver takes before its first stream, in bytes: command, counter, error and
    /// loss-report buffers.
    #[must_use]
    pub fn base_bytes(&self) -> usize {
        FIXED_BUFFER_BYTES + 5 * COUNTERS_VALUES_BYTES + LOSS_REPORT_BYTES
    }

    /// Checks the settings in our own words, as Aeron names its environment variables; returns
    /// warnings for the start-up log.
    pub(super) fn check(&self) -> Result<Vec<String>, String> {
        const TERM_RANGE: std::ops::RangeInclusive<usize> = 64 * 1024..=1024 * 1024 * 1024;
        for (name, bytes) in [
            ("term_buffer_bytes", self.term_buffer_bytes),
            ("ipc_term_buffer_bytes", self.ipc_term_buffer_bytes),
        ] {
            if !bytes.is_power_of_two() || !TERM_RANGE.contains(&bytes) {
                return Err(format!("{name} = {bytes} is not a power of two from 64 KiB to 1 GiB"));
            }
        }
        for (name, mtu) in
            [("mtu_bytes", self.mtu_bytes), ("channel_mtu_max_bytes", self.channel_mtu_max_bytes)]
        {
            let is_unset = mtu == 0 && name != "mtu_bytes";
            if !is_unset && (!(64..=65_504).contains(&mtu) || !mtu.is_multiple_of(32)) {
                return Err(format!("{name} = {mtu} is not a multiple of 32 from 64 to 65504"));
            }
        }
        if !(1..=64).contains(&self.messages_per_send) {
            let count = self.messages_per_send;
            return Err(format!("messages_per_send = {count} is not from 1 to 64"));
        }
        self.uring.check_sqpoll(self.threading)?;
        for (name, ms) in [
            ("image_liveness_timeout_ms", self.image_liveness_timeout_ms),
            ("client_liveness_timeout_ms", self.client_liveness_timeout_ms),
            ("publication_connection_timeout_ms", self.publication_connection_timeout_ms),
        ] {
            if ms <= self.timer_interval_ms {
                let interval = self.timer_interval_ms;
                return Err(format!("{name} = {ms} is not above timer_interval_ms = {interval}"));
            }
        }
        if self.timer_interval_ms == 0 || self.nak_multicast_group_size == 0 {
            return Err("timer_interval_ms and nak_multicast_group_size are above 0".to_owned());
        }
        self.check_socket_buffers().map_err(|error| format!("no socket to try out: {error}"))?
    }

    fn check_socket_buffers(&self) -> std::io::Result<Result<Vec<String>, String>> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_recv_buffer_size(self.socket_receive_buffer_bytes)?;
        socket.set_send_buffer_size(self.socket_send_buffer_bytes)?;
        // Linux reports twice what it grants.
        let receive = socket.recv_buffer_size()? / 2;
        let send = socket.send_buffer_size()? / 2;
        if self.initial_window_bytes > receive {
            return Ok(Err(format!(
                "initial_window_bytes = {} is above the receive buffer that the kernel grants, \
                 {receive}: lower it, or raise the sysctl net.core.rmem_max",
                self.initial_window_bytes
            )));
        }
        let mut warnings = Vec::new();
        for (name, wanted, granted, sysctl) in [
            ("socket_receive_buffer_bytes", self.socket_receive_buffer_bytes, receive, "rmem_max"),
            ("socket_send_buffer_bytes", self.socket_send_buffer_bytes, send, "wmem_max"),
        ] {
            if granted < wanted {
                warnings.push(format!(
                    "{name} = {wanted}, but the kernel grants {granted}: raise the sysctl \
                     net.core.{sysctl}"
                ));
            }
        }
        Ok(Ok(warnings))
    }

    /// Writes the settings into a driver context; `Err` names the setting that was refused.
    pub(super) fn apply(
        &self,
        context: *mut c::aeron_driver_context_t,
        directory: &str,
    ) -> Result<(), String> {
        use c::aeron_threading_mode_enum as mode;
        let ns = |ms: u64| ms.saturating_mul(1_000_000);
        let text = ffi::c_string(directory)?;
        let check = |name: &str, result: c_int| match result {
            0 => Ok(()),
            _ => Err(format!("{name}: {}", ffi::last_error())),
        };
        /// `set!(setter, value)` calls `aeron_driver_context_set_<setter>`.
        macro_rules! set {
            ($($setter:ident($($value:expr),+);)+) => {{ $(
                // SAFETY: the context is live and not yet used by a driver; Aeron copies strings
                // before it returns.
                check(stringify!($setter), unsafe { c::$setter(context, $($value),+) })?;
            )+ }};
        }
        set! {
            aeron_driver_context_set_dir(text.as_ptr());
            aeron_driver_context_set_dir_warn_if_exists(false);
            // `DriverDirectory` removes it, on every path.
            aeron_driver_context_set_dir_delete_on_start(false);
            aeron_driver_context_set_dir_delete_on_shutdown(false);
            aeron_driver_context_set_print_configuration(false);
            aeron_driver_context_set_counters_buffer_length(COUNTERS_VALUES_BYTES);
            aeron_driver_context_set_loss_report_buffer_length(LOSS_REPORT_BYTES);
            aeron_driver_context_set_term_buffer_length(self.term_buffer_bytes);
            aeron_driver_context_set_ipc_term_buffer_length(self.ipc_term_buffer_bytes);
            aeron_driver_context_set_term_buffer_sparse_file(self.term_buffer_sparse_file);
            aeron_driver_context_set_mtu_length(self.mtu_bytes);
            aeron_driver_context_set_ipc_mtu_length(self.mtu_bytes);
            // Together: the driver does not start where the first is below the second.
            aeron_driver_context_set_sender_io_vector_capacity(self.messages_per_send);
            aeron_driver_context_set_network_publication_max_messages_per_send(
                self.messages_per_send);
            aeron_driver_context_set_socket_so_rcvbuf(self.socket_receive_buffer_bytes);
            aeron_driver_context_set_socket_so_sndbuf(self.socket_send_buffer_bytes);
            aeron_driver_context_set_rcv_initial_window_length(self.initial_window_bytes);
            aeron_driver_context_set_image_liveness_timeout_ns(ns(self.image_liveness_timeout_ms));
            aeron_driver_context_set_client_liveness_timeout_ns(ns(self.client_liveness_timeout_ms));
            aeron_driver_context_set_driver_timeout_ms(self.client_liveness_timeout_ms);
            // Must exceed the client's time-out: only a dead client leaves a half-written claim.
            aeron_driver_context_set_publication_unblock_timeout_ns(
                ns(self.client_liveness_timeout_ms.saturating_mul(2)));
            aeron_driver_context_set_publication_linger_timeout_ns(ns(self.publication_linger_ms));
            aeron_driver_context_set_publication_connection_timeout_ns(
                ns(self.publication_connection_timeout_ms));
            aeron_driver_context_set_rcv_status_message_timeout_ns(
                ns(self.status_message_interval_ms));
            aeron_driver_context_set_flow_control_receiver_timeout_ns(
                ns(self.flow_control_receiver_timeout_ms));
            aeron_driver_context_set_nak_multicast_group_size(self.nak_multicast_group_size);
            aeron_driver_context_set_nak_multicast_max_backoff_ns(
                self.nak_multicast_backoff_max_us.saturating_mul(1_000));
            aeron_driver_context_set_retransmit_unicast_linger_ns(
                self.retransmit_linger_us.saturating_mul(1_000));
            aeron_driver_context_set_stream_session_limit(
                i32::try_from(self.publishers_max).unwrap_or(i32::MAX));
            aeron_driver_context_set_timer_interval_ns(ns(self.timer_interval_ms));
        }
        match self.flow_control {
            FlowControl::Max => set! {
                aeron_driver_context_set_multicast_flowcontrol_supplier(
                    Some(c::aeron_max_multicast_flow_control_strategy_supplier));
            },
            FlowControl::Min => set! {
                aeron_driver_context_set_multicast_flowcontrol_supplier(
                    Some(c::aeron_min_flow_control_strategy_supplier));
            },
            FlowControl::Tagged { group_tag } => set! {
                aeron_driver_context_set_multicast_flowcontrol_supplier(
                    Some(c::aeron_tagged_flow_control_strategy_supplier));
                aeron_driver_context_set_flow_control_group_tag(group_tag);
            },
        }
        let (name, arguments) = match self.threading {
            Threading::Invoker => (c"spin", None),
            Threading::Shared(idle) | Threading::Dedicated(idle) => idle.for_aeron()?,
        };
        let arguments = arguments.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
        match self.threading {
            Threading::Invoker => set! {
                aeron_driver_context_set_threading_mode(mode::AERON_THREADING_MODE_INVOKER);
            },
            Threading::Shared(_) => set! {
                aeron_driver_context_set_threading_mode(mode::AERON_THREADING_MODE_SHARED);
                aeron_driver_context_set_shared_idle_strategy_init_args(arguments);
                aeron_driver_context_set_shared_idle_strategy(name.as_ptr());
            },
            Threading::Dedicated(_) => set! {
                aeron_driver_context_set_threading_mode(mode::AERON_THREADING_MODE_DEDICATED);
                aeron_driver_context_set_conductor_idle_strategy_init_args(arguments);
                aeron_driver_context_set_conductor_idle_strategy(name.as_ptr());
                aeron_driver_context_set_sender_idle_strategy_init_args(arguments);
                aeron_driver_context_set_sender_idle_strategy(name.as_ptr());
                aeron_driver_context_set_receiver_idle_strategy_init_args(arguments);
                aeron_driver_context_set_receiver_idle_strategy(name.as_ptr());
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_pass_their_own_check() {
        assert!(DriverSettings::new("test").check().is_ok());
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_range() {
        let refused = |change: fn(&mut DriverSettings)| {
            let mut settings = DriverSettings::new("test");
            change(&mut settings);
            settings.check().expect_err("wrong")
        };
        assert!(
            refused(|s| s.term_buffer_bytes = 100_000).starts_with("term_buffer_bytes = 100000")
        );
        assert!(refused(|s| s.mtu_bytes = 1409).starts_with("mtu_bytes = 1409"));
        assert!(refused(|s| s.image_liveness_timeout_ms = 50).contains("timer_interval_ms = 100"));
        let text = refused(|s| {
            s.initial_window_bytes = 1 << 20;
            s.socket_receive_buffer_bytes = 1 << 16;
        });
        assert!(text.contains("net.core.rmem_max"), "{text}");
    }

    #[test]
    fn a_buffer_that_the_kernel_cuts_is_a_warning() {
        let mut settings = DriverSettings::new("test");
        settings.socket_receive_buffer_bytes = 1 << 30;
        let warnings = settings.check().expect("no error");
        assert!(warnings.iter().any(|text| text.contains("rmem_max")), "{warnings:?}");
    }

    #[test]
    fn the_cost_of_a_stream_is_three_terms_and_a_page() {
        let settings = DriverSettings::new("test");
        assert_eq!(DriverSettings::log_bytes(1 << 20), 3 * 1024 * 1024 + 4096);
        assert!(settings.base_bytes() < 12 * 1024 * 1024);
    }
}
