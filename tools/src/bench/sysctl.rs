//! Limits of the kernel that a measurement raises for as long as it runs.
//!
//! One run at a time: it keeps a note of what it changed, locked, and another that comes meanwhile leaves
//! the limits alone. A run that is killed can not put them back; the next one does, from the note.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest socket buffers that the kernel grants.
const SOCKET_BUFFERS: [&str; 2] = ["rmem_max", "wmem_max"];
const NET_CORE: &str = "/proc/sys/net/core";
/// A place where everybody may write, so that what is found there is looked at before it is obeyed.
const NOTE: &str = "/dev/shm/vesta-bench-sysctl";
/// Longest note that is read, in bytes.
const NOTE_LEN_MAX: u64 = 4096;
/// How often a note that was removed while we waited for it is made anew.
const NOTE_TRIES: usize = 8;

/// One limit that was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    name: String,
    before: u64,
    after: u64,
}

/// Limits that are put back when this is dropped.
#[derive(Debug)]
pub struct Raised {
    folder: PathBuf,
    note: Option<Note>,
    changes: Vec<Change>,
    /// Why limits that are too low were left alone.
    left_alone: Option<String>,
    /// The least of the limits now; `None` where the kernel does not tell.
    granted: Option<u64>,
}

impl Raised {
    /// Raises the limits of socket buffers to `bytes`, where they are below, this process may, and no
    /// other run has done so: that one puts them back when it ends.
    #[must_use]
    pub fn socket_buffers(bytes: u64) -> Self {
        Self::at(Path::new(NET_CORE), Path::new(NOTE), bytes)
    }

    fn at(folder: &Path, note: &Path, bytes: u64) -> Self {
        let (note, refused) = match Note::take(note) {
            Ok(note) => (Some(note), None),
            Err(reason) => (None, Some(reason)),
        };
        if let Some(note) = &note {
            restore(folder, &note.changes());
        }
        let low = || {
            let limits = SOCKET_BUFFERS.map(|name| (name, read(&folder.join(name))));
            let known = limits.into_iter().filter_map(|(name, now)| now.map(|now| (name, now)));
            known.filter(|(_, now)| *now < bytes).collect::<Vec<_>>()
        };
        let mut changes: Vec<Change> = low()
            .into_iter()
            .map(|(name, before)| Change { name: name.to_owned(), before, after: bytes })
            .collect();
        // First the note: what is changed must not be forgotten. An empty one forgets what is put back.
        if !note.as_ref().is_some_and(|note| note.write(&changes)) {
            changes.clear();
        }
        changes.retain(|change| write(&folder.join(&change.name), change.after));
        let left_alone = refused.filter(|_| !low().is_empty());
        let now = SOCKET_BUFFERS.iter().filter_map(|name| read(&folder.join(name)));
        let granted = now.min();
        Self { folder: folder.to_owned(), note, changes, left_alone, granted }
    }

    /// Bytes that a socket buffer may have now; `None` where the kernel does not tell.
    #[must_use]
    pub const fn granted(&self) -> Option<u64> {
        self.granted
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            f.write_str("limits of socket buffers as they were")?;
            return self.left_alone.iter().try_for_each(|reason| write!(f, ": {reason}"));
        }
        f.write_str("for this run")?;
        for Change { name, before, after } in &self.changes {
            write!(f, " net.core.{name} = {after} instead of {before}")?;
        }
        Ok(())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        restore(&self.folder, &self.changes);
        // Before the lock goes with the file.
        if let Some(note) = &self.note {
            let _ = fs::remove_file(&note.path);
        }
    }
}

/// The one note, locked for as long as this lives.
#[derive(Debug)]
struct Note {
    file: File,
    path: PathBuf,
}

impl Note {
    /// The note at `path`, made if there is none; else the reason.
    fn take(path: &Path) -> Result<Self, String> {
        let fault = |error: std::io::Error| format!("{}: {error}", path.display());
        let own = fs::metadata("/proc/self").map_err(fault)?.uid();
        for _ in 0..NOTE_TRIES {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
                .open(path)
                .map_err(fault)?;
            let meta = file.metadata().map_err(fault)?;
            if !is_trusted(&meta, own) {
                return Err(format!("{} is not this user's alone", path.display()));
            }
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(format!("another run has {}", path.display()));
                }
                Err(TryLockError::Error(error)) => return Err(fault(error)),
            }
            // One that its run removed meanwhile is nobody's note.
            let is_there = fs::symlink_metadata(path)
                .is_ok_and(|there| (there.dev(), there.ino()) == (meta.dev(), meta.ino()));
            if is_there {
                return Ok(Self { file, path: path.to_owned() });
            }
        }
        Err(format!("{} comes and goes", path.display()))
    }

    /// What a run that was killed has not put back.
    fn changes(&self) -> Vec<Change> {
        let mut text = String::new();
        if (&self.file).take(NOTE_LEN_MAX).read_to_string(&mut text).is_err() {
            return Vec::new();
        }
        let changes = text.lines().filter_map(|line| {
            let [name, before, after] = line.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            let name = SOCKET_BUFFERS.iter().find(|known| **known == name)?;
            let name = (*name).to_owned();
            Some(Change { name, before: before.parse().ok()?, after: after.parse().ok()? })
        });
        changes.collect()
    }

    fn write(&self, changes: &[Change]) -> bool {
        let lines = changes.iter().map(|c| format!("{} {} {}\n", c.name, c.before, c.after));
        let text = lines.collect::<String>();
        self.file.set_len(0).is_ok() && self.file.write_all_at(text.as_bytes(), 0).is_ok()
    }
}

/// Whether nobody but user `own` can have written this, nor reaches another file by it.
fn is_trusted(meta: &fs::Metadata, own: u32) -> bool {
    meta.is_file() && meta.uid() == own && meta.mode() & 0o022 == 0 && meta.nlink() <= 1
}

/// Puts back what nobody has changed since.
fn restore(folder: &Path, changes: &[Change]) {
    for Change { name, before, after } in changes {
        let file = folder.join(name);
        if read(&file) == Some(*after) {
            let _ = write(&file, *before);
        }
    }
}

fn read(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn write(file: &Path, value: u64) -> bool {
    fs::write(file, format!("{value}\n")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// Limits and the place of a note, of a test alone.
    struct Place {
        folder: PathBuf,
        note: PathBuf,
    }

    impl Place {
        fn new(name: &str) -> Self {
            let name = format!("vesta-sysctl-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).expect("a folder");
            let note = folder.join("note");
            Self { folder, note }
        }

        fn set(&self, rmem: u64, wmem: u64) {
            let [rmem_max, wmem_max] = SOCKET_BUFFERS.map(|name| self.folder.join(name));
            assert!(write(&rmem_max, rmem) && write(&wmem_max, wmem));
        }

        fn now(&self) -> [u64; 2] {
            SOCKET_BUFFERS.map(|name| read(&self.folder.join(name)).expect("a limit"))
        }

        fn raise(&self, bytes: u64) -> Raised {
            Raised::at(&self.folder, &self.note, bytes)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    #[test]
    fn limits_are_raised_put_back_and_put_back_for_the_dead() {
        let place = Place::new("one");
        place.set(212_992, 4_194_304);
        let raised = place.raise(1 << 20);
        assert_eq!((place.now(), raised.granted()), ([1 << 20, 4_194_304], Some(1 << 20)));
        assert!(raised.to_string().contains("rmem_max = 1048576 instead of 212992"), "{raised}");
        let mode = fs::metadata(&place.note).expect("a note").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(raised);
        assert_eq!((place.now(), place.note.exists()), ([212_992, 4_194_304], false));

        // Whoever sets them meanwhile keeps what was set.
        let raised = place.raise(1 << 20);
        place.set(1 << 22, 1 << 22);
        drop(raised);
        assert_eq!(place.now(), [1 << 22, 1 << 22]);

        // A run that was killed.
        place.set(1 << 20, 1 << 20);
        let text = "rmem_max 212992 1048576\n../x 1 2\nwmem_max 5 6\n";
        fs::write(&place.note, text).expect("written");
        let own_alone = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&place.note, own_alone).expect("set");
        let raised = place.raise(1 << 18);
        assert_eq!(place.now(), [1 << 18, 1 << 20], "back to what it was, and raised anew");
        let noted = fs::read_to_string(&place.note).expect("a note");
        assert_eq!(noted, "rmem_max 212992 262144\n", "the old one is forgotten");
        drop(raised);
        assert_eq!((place.now(), place.note.exists()), ([212_992, 1 << 20], false));

        // Where nothing can be written, it says what there is.
        let raised = Raised::at(&place.folder, &place.folder.join("absent/note"), 1 << 26);
        assert_eq!(raised.granted(), Some(212_992));
        assert!(raised.to_string().contains("as they were"), "{raised}");
    }

    #[test]
    fn of_two_runs_at_a_time_the_first_alone_raises_limits() {
        let place = Place::new("two");
        place.set(212_992, 212_992);
        let first = place.raise(1 << 20);
        let second = place.raise(1 << 22);
        assert_eq!((place.now(), second.granted()), ([1 << 20; 2], Some(1 << 20)));
        assert!(second.to_string().contains("as they were: another run has "), "{second}");
        let content = place.raise(1 << 20);
        assert!(content.to_string().ends_with("as they were"), "{content}");
        drop(content);
        drop(first);
        assert_eq!(place.now(), [212_992; 2]);
        drop(second);
        assert_eq!(place.now(), [212_992; 2]);
        drop(place.raise(1 << 22));
        assert_eq!((place.now(), place.note.exists()), ([212_992; 2], false));
    }

    #[test]
    fn a_note_that_another_may_have_planted_is_not_obeyed() {
        let place = Place::new("planted");
        let planted = place.folder.join("planted");
        let text = "rmem_max 1 1048576\n";
        fs::write(&planted, text).expect("written");
        fs::set_permissions(&planted, fs::Permissions::from_mode(0o600)).expect("set");
        let meta = fs::metadata(&planted).expect("there");
        assert!(is_trusted(&meta, meta.uid()) && !is_trusted(&meta, meta.uid() + 1));

        let unharmed = |what: &str| {
            place.set(1 << 20, 1 << 20);
            let raised = place.raise(1 << 21);
            assert_eq!(place.now(), [1 << 20; 2], "{what}");
            assert!(raised.to_string().contains("as they were: "), "{what}: {raised}");
            drop(raised);
            assert_eq!(place.now(), [1 << 20; 2], "{what}");
            assert_eq!(fs::read_to_string(&planted).expect("there"), text, "{what}");
            fs::remove_file(&place.note).expect("it is left where it is");
        };
        symlink(&planted, &place.note).expect("a link");
        unharmed("a symbolic link");
        fs::hard_link(&planted, &place.note).expect("a link");
        unharmed("a second name of a file");
        fs::write(&place.note, text).expect("written");
        fs::set_permissions(&place.note, fs::Permissions::from_mode(0o666)).expect("set");
        unharmed("a file that all may write");
    }
}
