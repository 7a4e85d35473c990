//! The owner file beside a driver's directory: opened without being led astray, and locked.
//!
//! Whoever made it holds its lock for as long as it lives. A file of that name can be replaced
//! between opening and locking it: only a locked file that is still at its path says anything.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vesta_hotmem::start_time;

const SUFFIX: &str = ".owner";
/// Two numbers and a note of settings are less; more is not ours.
const BYTES_MAX: u64 = 64 << 10;
/// Somebody who looks holds the lock for a moment.
const LOCK_TRIES: usize = 5;
const LOCK_INTERVAL: Duration = Duration::from_millis(2);
/// A file that somebody takes away before it is locked is made again.
const MAKE_TRIES: usize = 5;

/// Where the owner file of a driver's directory is.
pub(super) fn path_of(directory: &Path) -> PathBuf {
    // A slash at the end would lead inside.
    let mut name = directory.components().collect::<PathBuf>().into_os_string();
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// The name of the directory whose owner file is called `name`.
pub(super) fn directory_name(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX)
}

/// Opens an owner file, and neither waits for nor follows what is none.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() > BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no owner file of ours"));
    }
    Ok(file)
}

/// All that a file just opened says.
pub(super) fn read(file: &File) -> io::Result<String> {
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// The pid and the start time of an owner.
pub(super) fn parse(text: &str) -> Option<(u32, u64)> {
    let (pid, started) = text.lines().next()?.trim().split_once(' ')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

/// Whether `file` is still what `path` names.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    matches!((&file.metadata(), &fs::symlink_metadata(path)), (Ok(a), Ok(b)) if same(a, b))
}

/// Makes the owner file at `path`, locked, for this process.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one.
pub(super) fn make(path: &Path) -> io::Result<File> {
    for _ in 0..MAKE_TRIES {
        let mut file = File::options().write(true).create_new(true).open(path)?;
        // Locked before it says whose it is: without content, nobody takes it for stale.
        file.lock()?;
        if !is_at(&file, path) {
            continue;
        }
        let pid = std::process::id();
        let line = format!("{pid} {}\n", start_time(pid).unwrap_or(0));
        if let Err(error) = file.write_all(line.as_bytes()) {
            let _ = fs::remove_file(path);
            return Err(error);
        }
        return Ok(file);
    }
    Err(io::Error::other("its owner file is taken away as often as it is made"))
}

/// The owner file at `path` and the pid in it, locked: its owner is dead. A zombie holds no lock.
pub(super) fn lock_dead(path: &Path) -> Option<(File, u32)> {
    let file = open(path).ok()?;
    if !is_ours(&file.metadata().ok()?) {
        return None;
    }
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => {
                // Read under the lock: what it said before may be another owner's.
                let (pid, _) = parse(&read(&file).ok()?)?;
                return Some((file, pid));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_INTERVAL),
            _ => return None,
        }
    }
    None
}

/// Whether this user made it.
pub(super) fn is_ours(meta: &fs::Metadata) -> bool {
    // SAFETY: takes no argument and can not fail.
    meta.uid() == unsafe { libc::geteuid() }
}
