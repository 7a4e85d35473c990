//! What every Vesta process does around its role: command line, configuration, transport, duty
//! cycle, exit.
//!
//! ```text
//!   role_main: arguments -> Config -> open_transport -> the role's agent -> run_until_stopped
//! ```
//!
//! Exit status: 0 after Ctrl-C or SIGTERM, 1 when the role stopped with a reason (an image lost, a
//! log that skips), 2 when it could not start (configuration, port, kernel). The reason is the last
//! line on stderr.

mod counters;
mod host;
mod metrics;
mod process;
mod settings;
mod streams;
mod transport;

pub use counters::{DriverCounters, RoleCounters, TellsDriver, tell_in, tell_named, tell_out};
pub use host::describe_host;
pub use metrics::{Metrics, RoleSource};
pub use process::{
    Agent, Exit, GateWatch, NoArgs, OwnArgs, StartError, Stopped, farewell, role_main,
    run_until_stopped, say,
};
pub use settings::{client_settings, driver_settings, idle, link, role_idle};
pub use streams::streams_bytes;
pub use transport::{
    describe_driver, find_shared, host_driver, open_transport, open_with, shared_directory,
};
pub use vesta_hotmem::{CounterSink, Scope, Touch, Unit};

/// Version, without the build: what processes that share a driver must have in common.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (Aeron 1.54)");

/// Version and build, as every binary prints it.
pub const BUILD: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (Aeron 1.54, ", env!("VESTA_BUILD"), ")");
