//! Rings, sockets and Aeron: the one place where Vesta touches the kernel's network.
//!
//! ```text
//!   vesta_transport::Transport        vesta_transport::DatagramSocket
//!             ^                                    ^
//!      AeronTransport (client)                 UdpSocket
//!             |
//!      MediaDriver (the real Aeron C driver, embedded: invoker or shared thread)
//!             |
//!      Datapath: `uring` (ours, io_uring) | `xdp` (ours, AF_XDP) | `socket` (Aeron's own)
//! ```
//!
//! Beside it: [`Clock`], the only reader of the operating system's clocks, [`Idle`] for the loops
//! of the roles, and [`StopFlag`] for Ctrl-C.
//!
//! # Why this crate may use `unsafe`
//! The Aeron driver is C, and the kernel fills buffers behind the compiler's back. Both are kept
//! here so that every other crate can deny `unsafe`. A buffer that the kernel may still write to
//! is owned by a type that takes it back before it frees it, or else leaks it.
#![allow(unsafe_code)]

mod aeron;
mod clock;
mod core;
mod datapath;
mod host;
mod idle;
mod stop;
mod udp;

pub use aeron::{
    AeronCounter, AeronPublication, AeronSubscription, AeronTransport, ClientSettings, CounterKey,
    DriverCounts, DriverDirectory, DriverError, DriverReading, DriverSettings, FlowControl,
    MediaDriver, NoDriver, Removed, SharedDriver, SharedIdle, Space, StreamPositions, Threading,
};
pub use clock::Clock;
pub use core::{allowed_cores, pin_to_core};
pub use datapath::{
    Count, Datapath, DatapathChoice, DatapathCounters, DatapathCounts, DatapathError, Dropped,
    GateSettings, HotReceive, ReceiveLoss, Selected, SendVia, SourceNetwork, UringSettings,
    UringUnavailable, XdpCounters, XdpFallback, XdpReport, XdpSettings, XdpUnavailable, ZeroCopy,
    probe, select,
};
pub use host::{
    Ability, CpuReport, FreeSpace, HostReport, InterfaceReport, KernelReport, MemoryReport,
    NoInterface, cpu_list,
};
pub use idle::{Idle, Idler};
pub use stop::StopFlag;
pub use udp::{UdpError, UdpSocket};
