//! Names, locks, and what the dead left behind.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::layout::FILE_BYTES;
use crate::map::user_id;

const PREFIX: &str = "vesta-";
const SUFFIX: &str = ".counters";
/// Files of one role in one process; a test makes a few, a loop that leaks makes many.
const SAME_NAME_MAX: usize = 1_000;

/// A file whose owner was dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Where it was.
    pub path: PathBuf,
    /// Memory (or disk) that it held, in bytes.
    pub bytes: u64,
}

/// Makes a new file, locked, and readable for everybody.
pub(super) fn create(directory: &Path, role: &str, pid: u32) -> io::Result<(PathBuf, File)> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if role.is_empty() || role.len() > 32 || !role.chars().all(is_word) {
        let text = format!("role {role:?} names a file: 1 to 32 characters of a-z, 0-9 and -");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    for n in 0..SAME_NAME_MAX {
        let number = if n == 0 { String::new() } else { format!("-{n}") };
        let path = directory.join(format!("{PREFIX}{role}-{pid}{number}{SUFFIX}"));
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o644);
        match options.open(&path) {
            Ok(file) => {
                // Locked before it has content: an empty file is nobody's leftover.
                file.lock()?;
                return Ok((path, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{SAME_NAME_MAX} counters files of {role:?} in this process")))
}

/// Every counters file in a directory, by name.
pub(super) fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = fs::read_dir(directory)?
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(PREFIX) && name.ends_with(SUFFIX)
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    Ok(paths)
}

/// Opens a file that anybody may have put there: a plain one, of our length, and never waits.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() != FILE_BYTES as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a counters file"));
    }
    Ok(file)
}

/// True while the owner holds its lock.
pub(super) fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
}

/// Removes the files of this user in `directory` whose owner is dead. What is not ours is left alone.
#[must_use]
pub fn remove_stale(directory: &Path) -> Vec<Removed> {
    let paths = list(directory).unwrap_or_default();
    paths.into_iter().filter_map(remove_if_stale).collect()
}

fn remove_if_stale(path: PathBuf) -> Option<Removed> {
    let file = open(&path).ok()?;
    let meta = file.metadata().ok()?;
    if meta.uid() != user_id() || is_locked(&file) {
        return None;
    }
    fs::remove_file(&path).ok()?;
    Some(Removed { path, bytes: meta.blocks() * 512 })
}
