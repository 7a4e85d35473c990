//! The driver's directory: made, owned, removed.
//!
//! ```text
//!   /dev/shm/vesta-<role>-<pid>[-<n>]         Aeron's files: made and written by the driver
//!   /dev/shm/vesta-<role>-<pid>[-<n>].owner   ours: "pid start-time", locked while its owner lives;
//!                                             then a note of its settings, one `key = value` a line
//! ```
//!
//! The files live in memory, so a directory that nobody removes is memory that nobody frees until
//! the next boot. A process that ends in good order, or unwinds, removes its own; what a killed
//! one left is removed by the next that starts. An owner is dead when no process has its pid
//! *and* its start time (a pid is used again, the pair is not), and when its lock is free (a pid
//! means nothing in another container that shares this memory).

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use vesta_hotmem::start_time;

const PREFIX: &str = "vesta-";
const OWNER_SUFFIX: &str = ".owner";
/// Drivers of one role in one process; a test makes a few, a loop that leaks makes many.
const SAME_NAME_MAX: usize = 1_000;
/// An owner file is two numbers and a note of settings; more is not ours.
const OWNER_FILE_BYTES_MAX: u64 = 4096;

/// A driver's directory, removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct DriverDirectory {
    path: PathBuf,
    owner_path: PathBuf,
    /// Holds the lock.
    _owner: File,
}

/// A directory whose owner was dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The directory.
    pub path: PathBuf,
    /// The pid of the dead owner.
    pub owner_pid: u32,
    /// Memory (or disk) that it held, in bytes.
    pub bytes: u64,
}

impl DriverDirectory {
    /// Where driver directories go unless the settings say otherwise: `/dev/shm`, or the
    /// temporary directory where that is missing.
    #[must_use]
    pub fn default_parent() -> PathBuf {
        let shared_memory = Path::new("/dev/shm");
        if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() }
    }

    /// Reserves a name under `parent` for `role`. The directory itself is made by the driver.
    ///
    /// # Errors
    /// When the role is no word of `[a-z0-9-]`, or `parent` can not be written to.
    pub fn reserve(parent: &Path, role: &str) -> io::Result<Self> {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if role.is_empty() || role.len() > 32 || !role.chars().all(is_word) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("role {role:?} names a directory: 1 to 32 characters of a-z, 0-9 and -"),
            ));
        }
        let pid = std::process::id();
        for n in 0..SAME_NAME_MAX {
            let name = match n {
                0 => format!("{PREFIX}{role}-{pid}"),
                _ => format!("{PREFIX}{role}-{pid}-{n}"),
            };
            let path = parent.join(&name);
            match Self::own(path, "") {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                owned => return owned,
            }
        }
        Err(io::Error::other(format!("{SAME_NAME_MAX} drivers named {role:?} in this process")))
    }

    /// Takes `path` itself, for a driver that others are to find there; what a dead one left there
    /// is removed. `note` is for them, and goes into the owner file.
    ///
    /// # Errors
    /// When a driver of ours lives there ([`io::ErrorKind::AddrInUse`]), or the place can not be
    /// written to.
    pub fn claim(path: &Path, note: &str) -> io::Result<Self> {
        if path.parent().is_none() || path.file_name().is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no place for a directory",
            ));
        }
        let owner_path = owner_path(path);
        let _ = remove_if_dead(&owner_path, path);
        match Self::own(path.to_owned(), note) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let owner = fs::read_to_string(&owner_path).unwrap_or_default();
                let pid = parse_owner(&owner).map_or(String::new(), |(pid, _)| format!(" {pid}"));
                Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    format!("a driver lives there, hosted by process{pid}"),
                ))
            }
            owned => owned,
        }
    }

    /// Makes the owner file of `path`.
    fn own(path: PathBuf, note: &str) -> io::Result<Self> {
        let owner_path = owner_path(&path);
        let mut owner = File::options().write(true).create_new(true).open(&owner_path)?;
        // Locked before it says whose it is: without content, nobody takes it for stale.
        owner.lock()?;
        let pid = std::process::id();
        let start_time = start_time(pid).unwrap_or(0);
        owner.write_all(format!("{pid} {start_time}\n{note}").as_bytes())?;
        Ok(Self { path, owner_path, _owner: owner })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directories under `parent` whose owner is dead. What is not ours, or not
    /// readable, is left alone.
    #[must_use]
    pub fn remove_stale(parent: &Path) -> Vec<Removed> {
        let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
        let mut removed: Vec<Removed> =
            entries.flatten().filter_map(|entry| remove_if_stale(&entry.path())).collect();
        removed.sort_by(|a, b| a.path.cmp(&b.path));
        removed
    }
}

impl Drop for DriverDirectory {
    fn drop(&mut self) {
        // The directory first: while the owner file is there, a later start can finish the work.
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => drop(fs::remove_file(&self.owner_path)),
        }
    }
}

fn remove_if_stale(owner_path: &Path) -> Option<Removed> {
    let name = owner_path.file_name()?.to_str()?;
    let directory_name = name.strip_suffix(OWNER_SUFFIX)?;
    if !directory_name.starts_with(PREFIX) {
        return None;
    }
    remove_if_dead(owner_path, &owner_path.with_file_name(directory_name))
}

/// Removes the directory `path` and its owner file, when the owner is dead.
fn remove_if_dead(owner_path: &Path, path: &Path) -> Option<Removed> {
    let meta = fs::symlink_metadata(owner_path).ok()?;
    if !meta.is_file() || meta.len() > OWNER_FILE_BYTES_MAX || !is_ours(&meta) {
        return None;
    }
    let (pid, started) = parse_owner(&fs::read_to_string(owner_path).ok()?)?;
    if start_time(pid) == Some(started) {
        return None;
    }
    let owner = File::options().write(true).open(owner_path).ok()?;
    owner.try_lock().ok()?;
    let bytes = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() && is_ours(&meta) => {
            let bytes = allocated_bytes(path);
            fs::remove_dir_all(path).ok()?;
            bytes
        }
        // Killed before the driver made it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        _ => return None,
    };
    fs::remove_file(owner_path).ok()?;
    Some(Removed { path: path.to_owned(), owner_pid: pid, bytes })
}

fn is_ours(meta: &fs::Metadata) -> bool {
    // SAFETY: takes no argument and can not fail.
    meta.uid() == unsafe { libc::geteuid() }
}

/// Where the owner file of a driver's directory is.
pub(super) fn owner_path(directory: &Path) -> PathBuf {
    let mut name = directory.as_os_str().to_owned();
    name.push(OWNER_SUFFIX);
    PathBuf::from(name)
}

/// The pid and the start time of an owner.
pub(super) fn parse_owner(text: &str) -> Option<(u32, u64)> {
    let (pid, started) = text.lines().next()?.trim().split_once(' ')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

/// Memory or disk held by the files in `directory` and one level below, which is all Aeron makes.
fn allocated_bytes(directory: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    let list = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().collect::<Vec<_>>();
    let mut files = list(directory);
    let nested: Vec<_> = files.iter().flat_map(|entry| list(&entry.path())).collect();
    files.extend(nested);
    files.iter().filter_map(|entry| entry.metadata().ok()).map(|m| m.blocks() * BLOCK_BYTES).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A directory of the test's own, removed at its end.
    struct Parent(PathBuf);

    impl Parent {
        fn new(name: &str) -> io::Result<Self> {
            let path = std::env::temp_dir().join(format!("netio-{name}-{}", std::process::id()));
            fs::create_dir_all(&path)?;
            Ok(Self(path))
        }

        fn leave_behind(&self, name: &str, owner: &str) -> io::Result<PathBuf> {
            let path = self.0.join(name);
            fs::create_dir_all(path.join("images"))?;
            fs::write(path.join("cnc.dat"), [1; 5000])?;
            fs::write(path.join("images/1.logbuffer"), [1; 5000])?;
            fs::write(self.0.join(format!("{name}.owner")), owner)?;
            Ok(path)
        }
    }

    impl Drop for Parent {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn dead_pid() -> io::Result<u32> {
        let mut child = Command::new("true").spawn()?;
        child.wait()?;
        Ok(child.id())
    }

    #[test]
    fn what_a_dead_owner_left_is_removed_and_reported() -> io::Result<()> {
        let parent = Parent::new("stale")?;
        let pid = dead_pid()?;
        let path = parent.leave_behind("vesta-engine-1", &format!("{pid} 12345\n"))?;
        let removed = DriverDirectory::remove_stale(&parent.0);
        assert_eq!(removed.len(), 1);
        assert_eq!((&removed[0].path, removed[0].owner_pid), (&path, pid));
        assert!(removed[0].bytes >= 10_000);
        assert_eq!(fs::read_dir(&parent.0)?.count(), 0, "the owner file too");
        Ok(())
    }

    #[test]
    fn a_recycled_pid_is_not_taken_for_the_owner() -> io::Result<()> {
        let parent = Parent::new("recycled")?;
        let us = std::process::id();
        parent.leave_behind("vesta-a-1", &format!("{us} 1\n"))?;
        assert_eq!(DriverDirectory::remove_stale(&parent.0).len(), 1);
        Ok(())
    }

    #[test]
    fn a_live_owner_and_what_is_not_ours_are_left_alone() -> io::Result<()> {
        let parent = Parent::new("alive")?;
        let us = std::process::id();
        let started = start_time(us).expect("we run");
        parent.leave_behind("vesta-live-1", &format!("{us} {started}\n"))?;
        parent.leave_behind("other-1", &format!("{} 1\n", dead_pid()?))?;
        parent.leave_behind("vesta-broken-1", "no numbers")?;
        fs::create_dir(parent.0.join("vesta-no-owner-file"))?;
        // A name that leads elsewhere.
        let target = parent.0.join("precious");
        fs::create_dir(&target)?;
        std::os::unix::fs::symlink(&target, parent.0.join("vesta-link-1"))?;
        fs::write(parent.0.join("vesta-link-1.owner"), format!("{} 1\n", dead_pid()?))?;

        assert_eq!(DriverDirectory::remove_stale(&parent.0), []);
        assert!(target.exists());
        Ok(())
    }

    #[test]
    fn a_lock_protects_an_owner_whose_pid_says_nothing_here() -> io::Result<()> {
        let parent = Parent::new("locked")?;
        parent.leave_behind("vesta-a-1", &format!("{} 1\n", dead_pid()?))?;
        let owner = File::options().write(true).open(parent.0.join("vesta-a-1.owner"))?;
        owner.lock()?;
        assert_eq!(DriverDirectory::remove_stale(&parent.0), []);
        // Closing is not enough: a child that another test forks at this moment holds the same open
        // file until it has become `true`, and the lock with it.
        owner.unlock()?;
        assert_eq!(DriverDirectory::remove_stale(&parent.0).len(), 1);
        Ok(())
    }

    #[test]
    fn a_reserved_directory_is_removed_on_drop_and_names_do_not_clash() -> io::Result<()> {
        let parent = Parent::new("reserve")?;
        let first = DriverDirectory::reserve(&parent.0, "role")?;
        let second = DriverDirectory::reserve(&parent.0, "role")?;
        assert_ne!(first.path(), second.path());
        fs::create_dir(first.path())?;
        fs::write(first.path().join("cnc.dat"), "x")?;
        assert_eq!(DriverDirectory::remove_stale(&parent.0), []);
        drop((first, second));
        assert_eq!(fs::read_dir(&parent.0)?.count(), 0);
        Ok(())
    }

    #[test]
    fn a_role_that_is_no_word_is_refused() {
        for role in ["", "../x", "Up", "a b", &"x".repeat(33)] {
            assert!(DriverDirectory::reserve(&std::env::temp_dir(), role).is_err(), "{role:?}");
        }
    }
}
