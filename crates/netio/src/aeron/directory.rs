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
//! one left is removed by the next that starts. An owner is dead when its lock is free: a pid is used
//! again, stays with a zombie, and means nothing in another container that shares this memory.
//! Only what a driver made is removed: the directory may be any that a configuration names.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{files, owner};

const PREFIX: &str = "vesta-";
/// Drivers of one role in one process; a test makes a few, a loop that leaks makes many.
const SAME_NAME_MAX: usize = 1_000;

/// A driver's directory. What its driver made is removed when this is dropped.
#[derive(Debug)]
pub struct DriverDirectory {
    path: PathBuf,
    owner_path: PathBuf,
    /// Holds the lock.
    owner: File,
    /// Whether the driver may have made something.
    is_used: bool,
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
            if fs::symlink_metadata(&path).is_ok() {
                continue;
            }
            match Self::own(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                owned => return owned,
            }
        }
        Err(io::Error::other(format!("{SAME_NAME_MAX} drivers named {role:?} in this process")))
    }

    /// Takes `path` itself, for a driver that others are to find there; what a dead one left there
    /// is removed.
    ///
    /// # Errors
    /// When a driver lives there ([`io::ErrorKind::AddrInUse`]), something that no driver made is
    /// there ([`io::ErrorKind::DirectoryNotEmpty`]), or the place can not be written to.
    pub fn claim(path: &Path) -> io::Result<Self> {
        if path.parent().is_none() || path.file_name().is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no place for a directory",
            ));
        }
        let owner_path = owner::path_of(path);
        let _ = remove_if_dead(&owner_path, path);
        let in_use = || {
            let text = owner::open(&owner_path).and_then(|file| owner::read(&file));
            let pid = owner::parse(&text.unwrap_or_default());
            let pid = pid.map_or(String::new(), |(pid, _)| format!(" {pid}"));
            let text = format!("a driver lives there, hosted by process{pid}");
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        };
        if fs::symlink_metadata(&owner_path).is_ok() {
            return in_use();
        }
        // Before it is owned: an owner file must not lie beside what is none of ours.
        files::is_left_behind(path)?;
        match Self::own(path.to_owned()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => in_use(),
            Err(error) => Err(error),
            Ok(owned) => {
                if files::is_left_behind(path)? {
                    files::remove(path)?;
                }
                Ok(owned)
            }
        }
    }

    /// Makes the owner file of `path`.
    fn own(path: PathBuf) -> io::Result<Self> {
        let owner_path = owner::path_of(&path);
        let owner = owner::make(&owner_path)?;
        Ok(Self { path, owner_path, owner, is_used: false })
    }

    /// Puts `note` into the owner file, for those who are to share the driver. They read it when
    /// they see the driver's files.
    pub(super) fn write_note(&mut self, note: &str) -> io::Result<()> {
        self.owner.write_all(note.as_bytes())
    }

    /// From here on the driver makes its files.
    pub(super) fn begin_use(&mut self) {
        self.is_used = true;
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
        let is_made = self.is_used && !files::is_of_another(&self.path, std::process::id());
        if is_made && files::remove(&self.path).is_err() {
            return;
        }
        if owner::is_at(&self.owner, &self.owner_path) {
            let _ = fs::remove_file(&self.owner_path);
        }
    }
}

fn remove_if_stale(owner_path: &Path) -> Option<Removed> {
    let directory_name = owner::directory_name(owner_path.file_name()?.to_str()?)?;
    if !directory_name.starts_with(PREFIX) {
        return None;
    }
    remove_if_dead(owner_path, &owner_path.with_file_name(directory_name))
}

/// Removes what the driver in `path` made, and its owner file, when the owner is dead.
fn remove_if_dead(owner_path: &Path, path: &Path) -> Option<Removed> {
    let (_locked, owner_pid) = owner::lock_dead(owner_path)?;
    let bytes = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() && owner::is_ours(&meta) => {
            if files::is_of_another(path, owner_pid) && files::is_active(path) {
                return None;
            }
            let bytes = files::allocated_bytes(path);
            files::remove(path).ok()?;
            bytes
        }
        // Killed before the driver made it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        _ => return None,
    };
    fs::remove_file(owner_path).ok()?;
    Some(Removed { path: path.to_owned(), owner_pid, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    use vesta_hotmem::start_time;

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
        let live = File::open(parent.0.join("vesta-live-1.owner"))?;
        live.lock()?;
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
        let mut first = DriverDirectory::reserve(&parent.0, "role")?;
        let second = DriverDirectory::reserve(&parent.0, "role")?;
        assert_ne!(first.path(), second.path());
        first.begin_use();
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

    #[test]
    fn a_claim_takes_nothing_that_no_driver_made() -> io::Result<()> {
        let parent = Parent::new("claim")?;
        let path = parent.0.join("place");
        fs::create_dir(&path)?;
        fs::write(path.join("precious"), "x")?;
        let refused = DriverDirectory::claim(&path).expect_err("a stranger's file");
        assert_eq!(refused.kind(), io::ErrorKind::DirectoryNotEmpty);
        assert!(refused.to_string().contains("precious"), "{refused}");
        fs::rename(path.join("precious"), path.join("cnc.dat"))?;
        let refused = DriverDirectory::claim(&path).expect_err("no driver's, or another version's");
        assert_eq!(refused.kind(), io::ErrorKind::DirectoryNotEmpty);
        assert_eq!(fs::read_to_string(path.join("cnc.dat"))?, "x");
        assert_eq!(fs::read_dir(&parent.0)?.count(), 1, "and no owner file is left");

        // Empty, and claimed for a driver that does not come so far as to make something.
        fs::remove_file(path.join("cnc.dat"))?;
        drop(DriverDirectory::claim(&path)?);
        assert!(path.exists());
        let mut claimed = DriverDirectory::claim(&path)?;
        claimed.begin_use();
        fs::write(path.join("loss-report.dat"), "x")?;
        fs::write(path.join("precious"), "x")?;
        drop(claimed);
        assert!(path.join("precious").exists() && !path.join("loss-report.dat").exists());
        Ok(())
    }

    #[test]
    fn what_is_no_owner_file_is_neither_waited_for_nor_followed() -> io::Result<()> {
        let parent = Parent::new("fifo")?;
        let path = parent.0.join("place");
        let owner_path = owner::path_of(&path);
        assert_eq!(owner::path_of(&parent.0.join("place/")), owner_path);
        assert!(Command::new("mkfifo").arg(&owner_path).status()?.success());
        assert!(owner::open(&owner_path).is_err());
        assert_eq!(
            DriverDirectory::claim(&path).expect_err("taken").kind(),
            io::ErrorKind::AddrInUse
        );
        fs::remove_file(&owner_path)?;
        std::os::unix::fs::symlink("/etc/hostname", &owner_path)?;
        assert!(owner::open(&owner_path).is_err());
        fs::remove_file(&owner_path)?;
        fs::write(&owner_path, vec![b'1'; 65 << 10])?;
        assert!(owner::open(&owner_path).is_err());
        Ok(())
    }

    #[test]
    fn an_owner_file_that_was_replaced_says_nothing_of_the_new_one() -> io::Result<()> {
        let parent = Parent::new("replaced")?;
        let path = parent.0.join("place");
        let old = DriverDirectory::claim(&path)?;
        let opened = owner::open(&old.owner_path)?;
        assert!(owner::is_at(&opened, &old.owner_path));
        fs::remove_file(&old.owner_path)?;
        let new = DriverDirectory::claim(&path)?;
        assert!(!owner::is_at(&opened, &new.owner_path));
        // One that ends late leaves its successor's file alone.
        drop(old);
        assert!(owner::is_at(&new.owner, &new.owner_path));
        assert!(owner::lock_dead(&new.owner_path).is_none());
        Ok(())
    }

    #[test]
    fn a_zombie_is_dead() -> io::Result<()> {
        let parent = Parent::new("zombie")?;
        let mut child = Command::new("true").stdout(std::process::Stdio::piped()).spawn()?;
        // It ends, and nobody has waited for it.
        io::copy(&mut child.stdout.take().expect("piped"), &mut io::sink())?;
        let started = start_time(child.id()).expect("a zombie has one");
        parent.leave_behind("vesta-z-1", &format!("{} {started}\n", child.id()))?;
        let removed = DriverDirectory::remove_stale(&parent.0).len();
        child.wait()?;
        assert_eq!(removed, 1);
        Ok(())
    }
}
