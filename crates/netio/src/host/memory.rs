//! Memory: hugepages, what may be locked, socket buffers, and room for the driver's files.

use std::fmt;
use std::io;
use std::path::Path;

use super::files::Files;

/// What there is to know of memory and limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryReport {
    /// Hugepages of 2 MiB in the pool.
    pub hugepages: u64,
    /// Of them, those that nobody has.
    pub hugepages_free: u64,
    /// Transparent hugepages: "always", "madvise" or "never".
    pub transparent: Option<String>,
    /// Bytes that this process may lock; `None`: as many as it likes.
    pub lock_max_bytes: Option<u64>,
    /// Largest SO_RCVBUF, bytes.
    pub receive_buffer_max_bytes: Option<u64>,
    /// Largest SO_SNDBUF, bytes.
    pub send_buffer_max_bytes: Option<u64>,
    /// Places that memory is swapped to.
    pub swaps: usize,
}

/// What a file system has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes that are free for us.
    pub free_bytes: u64,
    /// True when it is memory.
    pub is_memory: bool,
}

impl MemoryReport {
    pub(super) fn probe(files: &Files) -> Self {
        let pool = "/sys/kernel/mm/hugepages/hugepages-2048kB";
        let chosen = files.text("/sys/kernel/mm/transparent_hugepage/enabled");
        let swaps = files.text("/proc/swaps").unwrap_or_default();
        Self {
            hugepages: files.number(&format!("{pool}/nr_hugepages")).unwrap_or(0),
            hugepages_free: files.number(&format!("{pool}/free_hugepages")).unwrap_or(0),
            // "always [madvise] never"
            transparent: chosen
                .and_then(|text| Some(text.split_once('[')?.1.split_once(']')?.0.to_owned())),
            lock_max_bytes: lock_max_bytes(),
            receive_buffer_max_bytes: files.number("/proc/sys/net/core/rmem_max"),
            send_buffer_max_bytes: files.number("/proc/sys/net/core/wmem_max"),
            swaps: swaps.lines().skip(1).count(),
        }
    }
}

impl FreeSpace {
    /// Of the file system that `path` is on.
    ///
    /// # Errors
    /// When there is no such path.
    pub fn at(path: &Path) -> io::Result<Self> {
        const TMPFS_MAGIC: i64 = 0x0102_1994;
        const RAMFS_MAGIC: i64 = 0x8584_58f6;
        let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut stat = std::mem::MaybeUninit::<libc::statfs>::uninit();
        // SAFETY: the path is NUL-terminated, and the call fills the struct or fails.
        let stat = unsafe {
            if libc::statfs(path.as_ptr(), stat.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            stat.assume_init()
        };
        #[allow(clippy::unnecessary_cast, reason = "the types differ between architectures")]
        let (kind, block, free) = (stat.f_type as i64, stat.f_bsize as u64, stat.f_bavail as u64);
        Ok(Self {
            free_bytes: block.saturating_mul(free),
            is_memory: [TMPFS_MAGIC, RAMFS_MAGIC].contains(&kind),
        })
    }
}

fn lock_max_bytes() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct is valid for the call, which can not fail with this resource.
    unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

impl fmt::Display for MemoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<u64>| value.map_or("unknown".to_owned(), |n| n.to_string());
        write!(f, "hugepages {} of {} free, ", self.hugepages_free, self.hugepages)?;
        write!(f, "THP {}, ", self.transparent.as_deref().unwrap_or("unknown"))?;
        match self.lock_max_bytes {
            None => write!(f, "memlock unlimited, ")?,
            Some(bytes) => write!(f, "memlock {} KiB, ", bytes / 1024)?,
        }
        write!(f, "rmem_max {}, ", number(self.receive_buffer_max_bytes))?;
        write!(f, "wmem_max {}", number(self.send_buffer_max_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::Made;
    use super::*;

    #[test]
    fn a_host_with_hugepages_and_swap() {
        let pool = "sys/kernel/mm/hugepages/hugepages-2048kB";
        let made = Made::new(
            "huge",
            &[
                (&format!("{pool}/nr_hugepages"), "512\n"),
                (&format!("{pool}/free_hugepages"), "100\n"),
                ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
                ("proc/sys/net/core/rmem_max", "212992\n"),
                ("proc/swaps", "Filename Type Size\n/swapfile file 1\n"),
            ],
        );
        let report = MemoryReport::probe(&made.files());
        assert_eq!((report.hugepages, report.hugepages_free, report.swaps), (512, 100, 1));
        assert_eq!(report.transparent.as_deref(), Some("madvise"));
        let line = report.to_string();
        assert!(line.starts_with("hugepages 100 of 512 free, THP madvise, memlock "), "{line}");
        assert!(line.ends_with("rmem_max 212992, wmem_max unknown"), "{line}");
    }

    #[test]
    fn shared_memory_is_memory_and_the_root_has_room() {
        let space = FreeSpace::at(Path::new("/dev/shm")).expect("there");
        assert!(space.is_memory && space.free_bytes > 0);
        assert!(!FreeSpace::at(Path::new("/proc")).expect("there").is_memory);
        assert!(FreeSpace::at(Path::new("/nowhere")).is_err());
    }
}
