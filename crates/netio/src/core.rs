//! Which CPU the calling thread runs on, and which ones the process had before it was pinned.

use std::io;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::thread::available_parallelism;

/// What the process had before the first of its threads was pinned.
#[derive(Debug)]
struct Before {
    cores: Vec<usize>,
    /// Fewer where a quota says so.
    count: usize,
}

static BEFORE: OnceLock<Before> = OnceLock::new();

/// Keeps the calling thread on one CPU. Threads that it starts later inherit that.
///
/// # Errors
/// When there is no such CPU, or this process may not use it.
pub fn pin_to_core(core: usize) -> io::Result<()> {
    let before = allowed_cores().map(|cores| Before { cores, count: parallelism() });
    set_cores(&[core])?;
    if let Ok(before) = before {
        BEFORE.get_or_init(|| before);
    }
    Ok(())
}

/// Takes the calling thread, which was started by one that may be pinned, off that one's CPU to the
/// others that the process had before. It stays where it is if there are none.
///
/// # Errors
/// When the process may use none of them any more.
pub(crate) fn leave_starters_core() -> io::Result<()> {
    let Some(before) = BEFORE.get() else { return Ok(()) };
    let starters = allowed_cores()?;
    let others: Vec<_> =
        before.cores.iter().copied().filter(|core| !starters.contains(core)).collect();
    if others.is_empty() { Ok(()) } else { set_cores(&others) }
}

/// How many CPUs the process can use, not counting that it pinned a thread; at least 1.
pub(crate) fn core_count() -> usize {
    BEFORE.get().map_or_else(parallelism, |before| before.count)
}

fn parallelism() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Keeps the calling thread on these.
fn set_cores(cores: &[usize]) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    if cores.iter().any(|&core| core >= libc::CPU_SETSIZE as usize) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: an empty set is all zero; each core is within it; 0 stands for the calling thread.
    let result = unsafe {
        for &core in cores {
            libc::CPU_SET(core, &mut *set.as_mut_ptr());
        }
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
        assert_eq!(core_count(), parallelism(), "what this thread has, which is not pinned");
        assert!(pin_to_core(1_023).is_err() && pin_to_core(9_999).is_err());
    }

    #[test]
    fn a_thread_that_a_pinned_one_starts_can_leave_its_core() {
        let cores = allowed_cores().expect("a set");
        let count = parallelism();
        let first = cores[0];
        let others = match &cores[1..] {
            [] => vec![first],
            others => others.to_vec(),
        };
        let seen = std::thread::spawn(move || {
            pin_to_core(first).expect("we may");
            assert_eq!((parallelism(), core_count()), (1, count));
            let helper = std::thread::spawn(|| {
                let inherited = allowed_cores();
                leave_starters_core().expect("they are ours");
                (inherited, allowed_cores())
            });
            helper.join().expect("no panic")
        });
        let (inherited, now) = seen.join().expect("no panic");
        assert_eq!(inherited.expect("a set"), [first]);
        assert_eq!(now.expect("a set"), others);
        // One whose starter is not pinned stays where it is.
        leave_starters_core().expect("nothing is done");
        assert_eq!(allowed_cores().expect("a set"), cores);
    }
}
