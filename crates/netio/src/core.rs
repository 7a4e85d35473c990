//! Which CPU the calling thread runs on.

use std::io;
use std::mem::MaybeUninit;

/// Keeps the calling thread on one CPU. Threads that it starts later inherit that.
///
/// # Errors
/// When there is no such CPU, or this process may not use it.
pub fn pin_to_core(core: usize) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: an empty set is all zero; `core` is within it; 0 stands for the calling thread.
    let result = unsafe {
        libc::CPU_SET(core, &mut *set.as_mut_ptr());
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set.as_ptr())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The CPUs that the calling thread may run on.
///
/// # Errors
/// When the kernel has more than the 1,024 that a set has room for.
pub fn allowed_cores() -> io::Result<Vec<usize>> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the set is valid for the call, which fills it or fails; zeros are a set too.
    unsafe {
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let set = set.assume_init();
        Ok((0..libc::CPU_SETSIZE as usize).filter(|&core| libc::CPU_ISSET(core, &set)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_is_told() {
        let cores = allowed_cores().expect("a set");
        let last = *cores.last().expect("we run somewhere");
        let pinned = std::thread::spawn(move || {
            pin_to_core(last).expect("we may");
            allowed_cores()
        });
        assert_eq!(pinned.join().expect("no panic").expect("a set"), [last]);
        assert_eq!(allowed_cores().expect("a set"), cores, "only that thread");
        assert!(pin_to_core(1_023).is_err() && pin_to_core(9_999).is_err());
    }
}
