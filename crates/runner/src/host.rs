//! The CPU that a role stays on, and what it says of the host at start.

use crate::process::{StartError, say};
use crate::settings::role_idle_word;
use vesta_config::{Config, LogLevel, Threading};
use vesta_netio::{HostReport, allowed_cores, pin_to_core};

/// Whether the driver of this process has started, whose threads inherit what the role's thread had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// It starts next.
    ToStart,
    /// It has started.
    Started,
}

/// Keeps the calling thread, which is the role's, on the CPU that `[cores]` gives it. With a driver on
/// the same thread that is done before it starts, so that its memory is near; a driver on threads of
/// its own starts first, or they would all be on that CPU.
///
/// # Errors
/// When the CPU is not there, or not for this process.
pub fn pin(config: &Config, role: &str, driver: Driver) -> Result<(), StartError> {
    let shares_thread = config.transport.threading == Threading::Invoker;
    let is_time = (driver == Driver::ToStart) == shares_thread;
    let Some((key, core)) = config.cores.of(role).filter(|_| is_time) else { return Ok(()) };
    pin_to_core(core).map_err(|source| StartError::Knob {
        knob: format!("{key} = \"{core}\""),
        source: Box::new(StartError::Core {
            core,
            allowed: allowed_cores().unwrap_or_default(),
            source,
        }),
    })
}

/// Says what this host is.
pub fn describe_host(config: &Config, role: &str) {
    if (config.log.level as u8) < LogLevel::Info as u8 {
        return;
    }
    let host = HostReport::probe(&config.transport.interface).to_string();
    for line in host.lines() {
        say(config, LogLevel::Info, role, line);
    }
}

/// Says where the role's thread runs, once that is settled.
pub fn describe_thread(config: &Config, role: &str) {
    let idle = role_idle_word(config, role);
    let thread = match config.cores.of(role) {
        Some((_, core)) => format!("its thread stays on CPU {core} and idles by {idle}"),
        None => format!("its thread runs on any CPU and idles by {idle}"),
    };
    say(config, LogLevel::Info, role, &thread);
}
