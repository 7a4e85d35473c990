//! The only unsafe code of this crate: memory from the kernel, as a slice of atomic words.
//!
//! Three things about Linux shape it:
//! - A page of a file in memory (`/dev/shm`, memfd) is found when it is first touched, and when
//!   there is none left the process gets SIGBUS. So all of it is reserved when the file is made,
//!   where the answer is ENOSPC.
//! - Who shortens a mapped file makes the other side's next access a SIGBUS. A memfd is sealed
//!   against that; a file is made for its owner alone.
//! - `MAP_POPULATE` and the first touch of a hugepage both fail in silence or by a signal;
//!   `MADV_POPULATE_WRITE` (Linux 5.14) says so.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr::NonNull;

use crate::sync::AtomicU64;

/// Bytes of a plain page on every machine that we ship for.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Bytes of a hugepage.
pub(crate) const HUGEPAGE_BYTES: usize = 2 << 20;

/// Memory that the kernel did not give.
#[derive(Debug, thiserror::Error)]
#[error("{what} ({bytes} bytes): {source}")]
pub struct MapError {
    /// What was tried.
    pub what: &'static str,
    /// How much was wanted.
    pub bytes: usize,
    /// What the kernel said.
    pub source: io::Error,
}

/// A mapping of this process's own, unmapped on drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a mapping is memory that belongs to no thread; what is in it is reached by atomics, or
// through `&mut`.
unsafe impl Send for Mapping {}
// SAFETY: as above: `&Mapping` gives out atomics only.
unsafe impl Sync for Mapping {}

/// A request of the kernel, in words for the error.
fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl Mapping {
    fn map(bytes: usize, flags: libc::c_int, fd: libc::c_int) -> io::Result<Self> {
        if bytes == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: no address is asked for, so nothing that exists is mapped over.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, fd, 0) };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Self { start, bytes }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Memory of this process alone, all zero.
    pub(crate) fn anonymous(bytes: usize) -> io::Result<Self> {
        Self::map(bytes, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
    }

    /// The same in hugepages of 2 MiB; `bytes` is a multiple of that.
    pub(crate) fn hugepages(bytes: usize) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB;
        Self::map(bytes, flags | libc::MAP_HUGE_2MB, -1)
    }

    /// The same in plain pages, at an address that hugepages can replace; `bytes` is a multiple of
    /// 2 MiB.
    pub(crate) fn aligned(bytes: usize) -> io::Result<Self> {
        let mut wide = Self::anonymous(bytes + HUGEPAGE_BYTES)?;
        let before = wide.start.as_ptr().align_offset(HUGEPAGE_BYTES);
        // SAFETY: both cuts are whole pages of `wide`, which nobody refers to yet; what stays is
        // one range inside it, and what is cut off is forgotten.
        unsafe {
            if before > 0 {
                check(libc::munmap(wide.start.as_ptr().cast(), before))?;
                wide.start = wide.start.add(before);
                wide.bytes -= before;
            }
            let after = wide.bytes - bytes;
            if after > 0 {
                check(libc::munmap(wide.start.add(bytes).as_ptr().cast(), after))?;
                wide.bytes = bytes;
            }
        }
        Ok(wide)
    }

    /// All of a file, shared with whoever else maps it.
    pub(crate) fn file(file: &File, bytes: usize) -> io::Result<Self> {
        Self::map(bytes, libc::MAP_SHARED, file.as_raw_fd())
    }

    fn advise(&self, advice: libc::c_int) -> io::Result<()> {
        // SAFETY: the range is this mapping; neither advice that is given here changes its content.
        check(unsafe { libc::madvise(self.start.as_ptr().cast(), self.bytes, advice) })
    }

    /// Asks for transparent hugepages.
    pub(crate) fn advise_hugepages(&self) -> io::Result<()> {
        self.advise(libc::MADV_HUGEPAGE)
    }

    /// Takes every page now. On a kernel without the call, pages come as they are touched.
    pub(crate) fn populate(&self) -> io::Result<()> {
        match self.advise(libc::MADV_POPULATE_WRITE) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                for word in self.words().iter().step_by(PAGE_BYTES / size_of::<u64>()) {
                    word.fetch_or(0, crate::sync::Ordering::Relaxed);
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Keeps it from being paged out.
    pub(crate) fn lock(&self) -> io::Result<()> {
        // SAFETY: the range is this mapping.
        check(unsafe { libc::mlock(self.start.as_ptr().cast(), self.bytes) })
    }

    /// Where it begins.
    pub(crate) fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// Its length in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The memory, as words that anybody may write at any time; a rest of less than a word is left
    /// out.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is readable and writable for its whole length while `self` lives; it
        // begins on a page, so words are aligned; an `AtomicU64` may be any 64 bits, and may be
        // changed by others at any time, also by other processes.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr().cast(), self.bytes / size_of::<u64>())
        }
    }

    /// The memory, for its one owner. Only for mappings of this process alone.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `words`; `&mut self` means that nobody else refers to it, and callers have
        // anonymous mappings only, which no other process sees.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }

    /// The same to read.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        // SAFETY: as in `bytes_mut`: an anonymous mapping changes only through `&mut self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is what was mapped, and nobody refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// Gives a new file its length, and takes the memory for it, so that no later touch can fail.
pub(crate) fn reserve(file: &File, bytes: usize) -> io::Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the descriptor is open; it returns an error number and sets no errno.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// Memory with a descriptor and no name, whose length nobody can change.
pub(crate) fn sealed_memory(name: &str, bytes: usize) -> io::Result<File> {
    let name = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is NUL-terminated; the descriptor that comes back is ours alone.
    let file = unsafe {
        let fd = libc::memfd_create(name.as_ptr(), flags);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        File::from_raw_fd(fd)
    };
    reserve(&file, bytes)?;
    // SAFETY: the descriptor is open; adding seals takes an int.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
    Ok(file)
}

/// True when nobody can shorten the file under us.
pub(crate) fn is_sealed(file: &File) -> bool {
    // SAFETY: the descriptor is open; on a file that knows no seals the call fails.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    seals >= 0 && seals & libc::F_SEAL_SHRINK != 0
}

/// The effective user of this process.
pub(crate) fn user_id() -> u32 {
    // SAFETY: takes no argument and can not fail.
    unsafe { libc::geteuid() }
}
