//! What a measuring process asks of the operating system: one core, and an end.

use std::io;
use std::mem::{size_of, zeroed};
use std::time::Duration;

/// Keeps the calling thread on one core.
///
/// # Errors
/// The operating system's, for a core that is not there or that this process may not use.
pub fn pin_to_core(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: a set of cores is a plain array of bits; CPU_SET writes to the bit of `core`, which is
    // within it; the kernel reads as many bytes as it is told.
    let result = unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The last of the cores that this process may use; by habit the one with the fewest interrupts.
///
/// # Errors
/// The operating system's.
pub fn last_core() -> io::Result<usize> {
    // SAFETY: as above; the kernel writes at most as many bytes as it is told, and CPU_ISSET reads
    // bits within the set.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) != 0 {
            return Err(io::Error::last_os_error());
        }
        let cores = 0..libc::CPU_SETSIZE as usize;
        Ok(cores.rev().find(|&core| libc::CPU_ISSET(core, &set)).unwrap_or(0))
    }
}

/// Has the kernel end this process (SIGALRM) when it is still there after that time, whatever it
/// does then: an engine may hang where nobody else can stop it. Whole seconds, at least one.
pub fn stop_after(limit: Duration) {
    let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX).max(1);
    // SAFETY: sets a timer of this process, and nothing else.
    unsafe { libc::alarm(seconds) };
}
