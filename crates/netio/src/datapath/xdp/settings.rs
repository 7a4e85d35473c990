//! What `xdp` is told, and why it may not be had.

use super::queue::ZeroCopy;
use super::umem::PAYLOAD_BYTES_MAX;

/// What to do where `xdp` is configured and can not be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpFallback {
    /// Do not start: say what is missing.
    #[default]
    Exit,
    /// Say what is missing, and use Aeron's own sockets.
    Socket,
}

/// Settings of the datapath `xdp`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XdpSettings {
    /// The interface: its name, its IPv4 address, or the network that it is in (`address/prefix`).
    pub interface: String,
    /// Receive queues to take, from the first; 0 for all. What comes in on others goes by the kernel.
    pub queue_count: u32,
    /// Whether frames are copied.
    pub zero_copy: ZeroCopy,
    /// If it can not be had.
    pub fallback: XdpFallback,
}

/// Why an interface can not be used by `xdp`.
#[derive(Debug, thiserror::Error)]
pub enum XdpUnavailable {
    /// None is like that.
    #[error(
        "no interface matches transport.xdp_interface = {wanted:?} (`ip -br addr` lists them): name one \
         that is up and has an IPv4 address"
    )]
    NoInterface {
        /// What was asked for.
        wanted: String,
    },
    /// The loopback interface.
    #[error(
        "{interface} is the loopback interface, where every datagram is for this host and goes by the \
         kernel: set transport.xdp_interface to a network interface, or transport.datapath = \"auto\""
    )]
    Loopback {
        /// Its name.
        interface: String,
    },
    /// It is down.
    #[error(
        "{interface} is down: `ip link set {interface} up`, or set transport.xdp_interface to another"
    )]
    Down {
        /// Its name.
        interface: String,
    },
    /// No Ethernet.
    #[error(
        "{interface} has no Ethernet address: set transport.xdp_interface to an Ethernet interface"
    )]
    NotEthernet {
        /// Its name.
        interface: String,
    },
    /// Datagrams longer than a frame.
    #[error(
        "transport.mtu_bytes = {mtu_bytes} (or that of a stream) does not fit a frame: with transport.datapath = \"xdp\" it is \
         at most {PAYLOAD_BYTES_MAX}"
    )]
    MtuTooLarge {
        /// As configured.
        mtu_bytes: usize,
    },
    /// The process may not.
    #[error(
        "the kernel refuses {what}: {source}; it wants CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF (and \
         CAP_IPC_LOCK or a higher `ulimit -l`): run as root, or `setcap` the binary"
    )]
    NotPermitted {
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another program is there.
    #[error(
        "{interface} is taken by {by}: one process at a time can use an interface by xdp. Stop it, share \
         one driver, or set transport.datapath = \"auto\" for this process"
    )]
    Occupied {
        /// Its name.
        interface: String,
        /// Whose.
        by: String,
    },
    /// No zero-copy.
    #[error(
        "{interface}: transport.xdp_zero_copy = \"require\", but the driver {driver} has none: set it to \
         \"auto\" for copy mode"
    )]
    NoZeroCopy {
        /// Its name.
        interface: String,
        /// Its driver.
        driver: String,
    },
    /// Queues asked for that are not there.
    #[error(
        "transport.xdp_queue_count = {wanted}, but {interface} has {has} receive queues: lower it, or set it \
         to 0 for all"
    )]
    Queues {
        /// Its name.
        interface: String,
        /// As configured.
        wanted: u32,
        /// In use by the driver.
        has: u32,
    },
    /// Used in this process already, with smaller frames.
    #[error(
        "{interface} is open in this process for datagrams of up to {open_bytes} bytes: give every driver of \
         a process the same transport.mtu_bytes"
    )]
    SmallerFrames {
        /// Its name.
        interface: String,
        /// Of the one that is open.
        open_bytes: usize,
    },
    /// Anything else.
    #[error("{interface}: {what}: {source}; set transport.datapath = \"auto\" to go without")]
    Other {
        /// Its name.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
}
