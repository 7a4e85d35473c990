//! What roles and checks ask of the tables, worked out from their keys.

use std::net::SocketAddrV4;
use std::path::Path;

use crate::section::{Cores, Counters, MdRelay, Metrics, SessionLimits, Streams};

/// What every stream has, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamBuffers {
    /// Its key below `streams`.
    pub name: &'static str,
    /// Aeron stream id.
    pub id: i32,
    /// Bytes of one term.
    pub term_length_bytes: u32,
    /// Largest datagram, bytes; 0 stands for `transport.mtu_bytes`.
    pub mtu_bytes: u32,
}

macro_rules! buffers {
    ($streams:ident: $($name:ident),*) => {
        [$(StreamBuffers {
            name: stringify!($name),
            id: $streams.$name.id,
            term_length_bytes: $streams.$name.term_length_bytes,
            mtu_bytes: $streams.$name.mtu_bytes,
        }),*]
    };
}

impl Streams {
    /// What all have in common, in the order of the file.
    #[must_use]
    pub fn buffers(&self) -> [StreamBuffers; 6] {
        buffers!(self: orders, sequencer_back, input_log, event_log, market_data, snapshots)
    }

    /// The longest term of them, bytes.
    #[must_use]
    pub fn term_length_max_bytes(&self) -> u32 {
        self.buffers().map(|stream| stream.term_length_bytes).into_iter().fold(0, u32::max)
    }

    /// The largest datagram that one of them names for itself, bytes; 0 where none does.
    #[must_use]
    pub fn mtu_max_bytes(&self) -> u32 {
        self.buffers().map(|stream| stream.mtu_bytes).into_iter().fold(0, u32::max)
    }
}

impl Counters {
    /// Where the files are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        Path::new(if self.directory.is_empty() { "/dev/shm" } else { &self.directory })
    }
}

impl Metrics {
    /// The key of its port, and where the process of `role` serves; `None` where it does not.
    #[must_use]
    pub fn of(&self, role: &str) -> Option<(&'static str, SocketAddrV4)> {
        let address = self.address.parse().ok()?;
        let (key, _, port) = self.ports().into_iter().find(|(_, name, _)| *name == role)?;
        (port != 0).then_some((key, SocketAddrV4::new(address, port)))
    }

    /// Key, role and port of each.
    pub(crate) const fn ports(&self) -> [(&'static str, &'static str, u16); 7] {
        [
            ("metrics.gateway_port", "gateway", self.gateway_port),
            ("metrics.sequencer_port", "sequencer", self.sequencer_port),
            ("metrics.engine_port", "engine", self.engine_port),
            ("metrics.md_publisher_port", "md-publisher", self.md_publisher_port),
            ("metrics.driver_port", "driver", self.driver_port),
            ("metrics.md_relay_port", "md-relay", self.md_relay_port),
            ("metrics.demo_port", "demo", self.demo_port),
        ]
    }
}

impl MdRelay {
    /// Where consumers sign up for what changes.
    #[must_use]
    pub const fn market_data(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, self.market_data_port)
    }

    /// Where they sign up for whole books.
    #[must_use]
    pub const fn snapshots(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, self.snapshots_port)
    }
}

impl Cores {
    /// The key and the CPU of a role, as in `engine`; `None` where it has none.
    #[must_use]
    pub fn of(&self, role: &str) -> Option<(&'static str, usize)> {
        self.all().into_iter().find_map(|(key, name, core)| {
            (name == role).then(|| core.parse().ok()).flatten().map(|core| (key, core))
        })
    }

    /// Key, role and value of each.
    pub(crate) fn all(&self) -> [(&'static str, &'static str, &str); 4] {
        [
            ("cores.gateway", "gateway", &self.gateway),
            ("cores.sequencer", "sequencer", &self.sequencer),
            ("cores.engine", "engine", &self.engine),
            ("cores.md_publisher", "md-publisher", &self.md_publisher),
        ]
    }
}

impl SessionLimits {
    /// Unanswered commands that a session may have, cancels included; as many outcomes are kept.
    #[must_use]
    pub const fn outcome_count(&self) -> u32 {
        self.window + self.cancel_reserve
    }
}
