//! What this host is and may do, as far as it matters to us: read, never changed.
//!
//! ```text
//!   kernel       release, io_uring, UDP GSO and GRO, NAPI, AF_XDP: asked of the kernel itself
//!   interface    the NIC that the configuration names: driver, queues, MTU
//!   cpu          CPUs, isolation, governor, clock source
//!   memory       hugepages, limits, what /dev/shm has left
//! ```
//! What is not to be had here (a virtual machine has no governor) is `None`, and no error.

mod cpu;
mod files;
mod interface;
mod kernel;
mod memory;

pub use cpu::{CpuReport, cpu_list};
pub use interface::{InterfaceReport, NoInterface};
pub use kernel::{Ability, KernelReport};
pub use memory::{FreeSpace, MemoryReport};

use std::fmt;

/// All of it.
#[derive(Clone, Debug)]
pub struct HostReport {
    /// The kernel.
    pub kernel: KernelReport,
    /// The CPUs.
    pub cpu: CpuReport,
    /// Memory and limits.
    pub memory: MemoryReport,
    /// The interface, or why it was not found.
    pub interface: Result<InterfaceReport, NoInterface>,
}

impl HostReport {
    /// Looks at everything; `interface` is an IPv4 address, or address/prefix, as
    /// `transport.interface` has it. Takes some milliseconds.
    #[must_use]
    pub fn probe(interface: &str) -> Self {
        let files = files::Files::of_host();
        Self {
            kernel: KernelReport::probe(&files),
            cpu: CpuReport::probe(&files),
            memory: MemoryReport::probe(&files),
            interface: InterfaceReport::probe(&files, interface),
        }
    }
}

/// Two lines for the start-up log.
impl fmt::Display for HostReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; {}; {}", self.kernel, self.cpu, self.memory)?;
        match &self.interface {
            Ok(interface) => write!(f, "{interface}"),
            Err(why) => write!(f, "{why}"),
        }
    }
}
