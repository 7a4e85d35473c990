//! Limits of the kernel that a measurement raises for as long as it runs.
//!
//! A run that is killed can not put them back; the next one does, from a note in `/dev/shm`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest socket buffers that the kernel grants.
const SOCKET_BUFFERS: [&str; 2] = ["rmem_max", "wmem_max"];
const NET_CORE: &str = "/proc/sys/net/core";
const NOTES: &str = "/dev/shm";
/// Begins the names of notes; the process id follows.
const NOTE: &str = "vesta-bench-sysctl-";

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
    note: PathBuf,
    changes: Vec<Change>,
    /// The least of the limits now; `None` where the kernel does not tell.
    granted: Option<u64>,
}

impl Raised {
    /// Raises the limits of socket buffers to `bytes`, where they are below and this process may.
    #[must_use]
    pub fn socket_buffers(bytes: u64) -> Self {
        Self::in_folders(Path::new(NET_CORE), Path::new(NOTES), bytes)
    }

    fn in_folders(folder: &Path, notes: &Path, bytes: u64) -> Self {
        restore_leftovers(folder, notes);
        let note = notes.join(format!("{NOTE}{}", std::process::id()));
        let mut raised =
            Self { folder: folder.to_owned(), note, changes: Vec::new(), granted: None };
        let limits = SOCKET_BUFFERS.map(|name| (name, read(&folder.join(name))));
        let low = limits.iter().filter_map(|(name, now)| now.map(|now| (*name, now)));
        raised.changes = low
            .filter(|(_, now)| *now < bytes)
            .map(|(name, before)| Change { name: name.to_owned(), before, after: bytes })
            .collect();
        if !raised.changes.is_empty() {
            // First the note: what is changed must not be forgotten.
            let lines =
                raised.changes.iter().map(|c| format!("{} {} {}\n", c.name, c.before, c.after));
            if fs::write(&raised.note, lines.collect::<String>()).is_err() {
                raised.changes.clear();
            }
            raised.changes.retain(|change| write(&folder.join(&change.name), change.after));
        }
        let now = SOCKET_BUFFERS.iter().filter_map(|name| read(&folder.join(name)));
        raised.granted = now.min();
        raised
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
            return f.write_str("limits of socket buffers as they were");
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
        let _ = fs::remove_file(&self.note);
    }
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

/// What runs that were killed left.
fn restore_leftovers(folder: &Path, notes: &Path) {
    for entry in fs::read_dir(notes).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix(NOTE) else { continue };
        if Path::new("/proc").join(pid).exists() {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let changes = text.lines().filter_map(|line| {
            let [name, before, after] = line.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            let name = SOCKET_BUFFERS.iter().find(|known| **known == name)?;
            let name = (*name).to_owned();
            Some(Change { name, before: before.parse().ok()?, after: after.parse().ok()? })
        });
        restore(folder, &changes.collect::<Vec<_>>());
        let _ = fs::remove_file(entry.path());
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

    #[test]
    fn limits_are_raised_put_back_and_put_back_for_the_dead() {
        let folder = std::env::temp_dir().join(format!("vesta-sysctl-{}", std::process::id()));
        let notes = folder.join("notes");
        fs::create_dir_all(&notes).expect("a folder");
        let set = |rmem: u64, wmem: u64| {
            assert!(write(&folder.join("rmem_max"), rmem) && write(&folder.join("wmem_max"), wmem));
        };
        let now = || SOCKET_BUFFERS.map(|name| read(&folder.join(name)).expect("a limit"));
        set(212_992, 4_194_304);
        let raised = Raised::in_folders(&folder, &notes, 1 << 20);
        assert_eq!((now(), raised.granted()), ([1 << 20, 4_194_304], Some(1 << 20)));
        assert!(raised.to_string().contains("rmem_max = 1048576 instead of 212992"), "{raised}");
        drop(raised);
        assert_eq!(
            (now(), fs::read_dir(&notes).expect("there").count()),
            ([212_992, 4_194_304], 0)
        );

        // Whoever sets them meanwhile keeps what was set.
        let raised = Raised::in_folders(&folder, &notes, 1 << 20);
        set(1 << 22, 1 << 22);
        drop(raised);
        assert_eq!(now(), [1 << 22, 1 << 22]);

        // A run that was killed. No process has this id.
        set(1 << 20, 1 << 20);
        let text = "rmem_max 212992 1048576\n../x 1 2\nwmem_max 5 6\n";
        fs::write(notes.join(format!("{NOTE}4194305")), text).expect("written");
        let raised = Raised::in_folders(&folder, &notes, 1 << 18);
        assert_eq!(now(), [1 << 18, 1 << 20], "back to what it was, and raised anew");
        drop(raised);
        assert_eq!((now(), fs::read_dir(&notes).expect("there").count()), ([212_992, 1 << 20], 0));

        // Where nothing can be written, it says what there is.
        let raised = Raised::in_folders(&folder, &folder.join("absent"), 1 << 26);
        assert_eq!(raised.granted(), Some(212_992));
        assert!(raised.to_string().contains("as they were"), "{raised}");
        drop(raised);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
