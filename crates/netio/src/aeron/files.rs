//! What lies in a driver's directory: whether it is Aeron's, whether its driver lives, and how much.

use std::ffi::c_char;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::cnc::Cnc;
use super::ffi::{self, c};

/// All that Aeron makes in its directory.
const FILES: [&str; 2] = ["cnc.dat", "loss-report.dat"];
const FOLDERS: [&str; 2] = ["publications", "images"];
/// A driver that was not heard of for so long is dead, in milliseconds: Aeron's default.
const SILENCE_MAX_MS: i64 = 10_000;

/// Whether a driver may take `path`: true when a dead one's files are there, false when nothing is.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] when a driver lives there, [`io::ErrorKind::DirectoryNotEmpty`] when
/// something is there that no driver made, or that of a driver which can not be told dead.
pub(super) fn is_left_behind(path: &Path) -> io::Result<bool> {
    let not_ours = |why: String| io::Error::new(io::ErrorKind::DirectoryNotEmpty, why);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Ok(meta) if !meta.is_dir() => {
            return Err(not_ours("it is no directory".to_owned()));
        }
        meta => meta?,
    };
    let mut is_empty = true;
    for entry in fs::read_dir(path)? {
        is_empty = false;
        let name = entry?.file_name();
        if !FILES.iter().chain(&FOLDERS).any(|aeron| name == *aeron) {
            return Err(not_ours(format!("{name:?} in it is no file of a driver's")));
        }
    }
    if is_empty {
        return Ok(false);
    }
    let unknown = |error| not_ours(format!("whether its driver lives is not known: {error}"));
    let cnc = Cnc::open(path).map_err(unknown)?;
    if is_active(path) {
        let why = format!("a driver that is none of ours lives there, in process {}", cnc.pid);
        return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
    }
    Ok(true)
}

/// Whether the driver in `path` is known to be that of another process than `pid`.
pub(super) fn is_of_another(path: &Path, pid: u32) -> bool {
    Cnc::open(path).is_ok_and(|cnc| cnc.pid != i64::from(pid))
}

/// Whether a driver of the version that we know lives in `path`, says Aeron.
pub(super) fn is_active(path: &Path) -> bool {
    // Aeron maps the file and believes its lengths: it is looked at before.
    if Cnc::open(path).is_err() {
        return false;
    }
    let Some(text) = path.to_str().and_then(|text| ffi::c_string(text).ok()) else {
        return false;
    };
    // SAFETY: the text is NUL-terminated and outlives the call, which copies nothing of it; the log
    // function takes what it is given.
    unsafe { c::aeron_is_driver_active(text.as_ptr(), SILENCE_MAX_MS, Some(discard)) }
}

unsafe extern "C" fn discard(_line: *const c_char) {}

/// Removes what a driver made in `path`, and `path` unless something else is in it.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    for name in FILES {
        gone(fs::remove_file(path.join(name)))?;
    }
    for name in FOLDERS {
        gone(fs::remove_dir_all(path.join(name)))?;
    }
    match gone(fs::remove_dir(path)) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result,
    }
}

/// Memory or disk held by the files in `directory` and one level below, which is all Aeron makes.
pub(super) fn allocated_bytes(directory: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    let list = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().collect::<Vec<_>>();
    let mut files = list(directory);
    let nested: Vec<_> = files.iter().flat_map(|entry| list(&entry.path())).collect();
    files.extend(nested);
    files.iter().filter_map(|entry| entry.metadata().ok()).map(|m| m.blocks() * BLOCK_BYTES).sum()
}
