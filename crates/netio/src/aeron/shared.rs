//! A driver that another process hosts: found, looked at, watched.
//!
//! Beside its directory lies its owner file (see [`super::directory`]): who hosts it, and a note of
//! what it was told. The host holds a lock on it for as long as it lives, which is how its clients
//! know, at once and also across containers, that it is gone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::owner;
use crate::clock::{Clock, Deadline};

/// Between two looks for a driver that has not appeared, and at one that serves us.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
const WATCH_INTERVAL_NS: u64 = 200_000_000;
/// Duty cycles between two looks at the clock: a busy loop makes millions in a second.
const WATCH_CYCLES: u32 = 256;

/// What is known of a driver that somebody else runs.
#[derive(Debug)]
pub struct SharedDriver {
    /// Where it keeps its files.
    pub directory: PathBuf,
    /// The process that hosts it; `None` for one that is not ours, of which no more is known.
    pub owner_pid: Option<u32>,
    /// What it was told, as `DriverSettings::note` of its host.
    pub note: BTreeMap<String, String>,
    watch: Option<Watch>,
}

/// Looks now and then whether the host lives.
#[derive(Debug)]
pub(super) struct Watch {
    owner_path: PathBuf,
    owner_pid: u32,
    owner: File,
    cycles: u32,
    clock: Clock,
    /// Monotonic ns.
    looked_ns: u64,
}

/// There is no driver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no driver runs in {}: waited for {waited_ms} ms", .directory.display())]
pub struct NoDriver {
    /// Where it was to be.
    pub directory: PathBuf,
    /// For how long it was waited for, in milliseconds.
    pub waited_ms: u64,
}

impl SharedDriver {
    /// Waits until a driver lives in `directory`, for `wait` at most.
    ///
    /// # Errors
    /// When none does by then.
    pub fn await_in(directory: &Path, wait: Duration) -> Result<Self, NoDriver> {
        let deadline = Deadline::after(wait);
        loop {
            if let Some(driver) = Self::look_in(directory) {
                return Ok(driver);
            }
            if deadline.is_over() {
                let waited_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                return Err(NoDriver { directory: directory.to_owned(), waited_ms });
            }
            std::thread::sleep(LOOK_INTERVAL.min(wait));
        }
    }

    /// The driver that lives in `directory` just now.
    fn look_in(directory: &Path) -> Option<Self> {
        if !directory.join("cnc.dat").exists() {
            return None;
        }
        let owner_path = owner::path_of(directory);
        let owner = match owner::open(&owner_path) {
            // Stock Aeron's, most likely: whether it lives, the client finds out.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Some(Self {
                    directory: directory.to_owned(),
                    owner_pid: None,
                    note: BTreeMap::new(),
                    watch: None,
                });
            }
            owner => owner.ok()?,
        };
        let text = owner::read(&owner).ok()?;
        let (owner_pid, _) = owner::parse(&text)?;
        let (clock, looked_ns) = (Clock::new(), 0);
        let watch = Watch { owner_path, owner_pid, owner, cycles: 0, clock, looked_ns };
        if watch.is_dead() {
            return None;
        }
        Some(Self {
            directory: directory.to_owned(),
            owner_pid: Some(owner_pid),
            note: parse_note(&text),
            watch: Some(watch),
        })
    }

    pub(super) fn into_watch(self) -> Option<Watch> {
        self.watch
    }
}

impl Watch {
    /// Why the driver can serve no more, if so; mostly without a look.
    pub(super) fn gone(&mut self) -> Option<String> {
        self.cycles += 1;
        if self.cycles < WATCH_CYCLES {
            return None;
        }
        self.cycles = 0;
        let now_ns = self.clock.mono_ns();
        if now_ns.saturating_sub(self.looked_ns) < WATCH_INTERVAL_NS {
            return None;
        }
        self.looked_ns = now_ns;
        self.is_dead().then(|| {
            format!(
                "the shared media driver is gone: its host, process {}, has ended",
                self.owner_pid
            )
        })
    }

    fn is_dead(&self) -> bool {
        match self.owner.try_lock_shared() {
            // Nobody holds it any more.
            Ok(()) => {
                let _ = self.owner.unlock();
                true
            }
            // Ended in good order, and another driver may be there by now.
            Err(_) => !owner::is_at(&self.owner, &self.owner_path),
        }
    }
}

fn parse_note(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().skip(1).filter_map(|line| line.split_once(" = "));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aeron::directory::DriverDirectory;

    #[test]
    fn a_driver_is_found_by_its_files_and_missed_when_its_host_lets_go() {
        let parent = std::env::temp_dir().join(format!("netio-shared-{}", std::process::id()));
        std::fs::create_dir_all(&parent).expect("a directory");
        let path = parent.join("vesta-driver");
        let none = SharedDriver::await_in(&path, Duration::from_millis(30)).expect_err("none yet");
        assert_eq!((&none.directory, none.waited_ms), (&path, 30));

        let note = "mtu_bytes = 1408\ndatapath = uring\n";
        let mut directory = DriverDirectory::claim(&path).expect("free");
        directory.write_note(note).expect("written");
        directory.begin_use();
        assert!(SharedDriver::await_in(&path, Duration::ZERO).is_err(), "it has made no files yet");
        std::fs::create_dir(&path).expect("as the driver does");
        std::fs::write(path.join("cnc.dat"), "x").expect("as the driver does");
        let driver = SharedDriver::await_in(&path, Duration::ZERO).expect("it is there");
        assert_eq!(driver.owner_pid, Some(std::process::id()));
        assert_eq!(driver.note["mtu_bytes"], "1408");
        assert_eq!(driver.note.len(), 2);
        let watch = driver.into_watch().expect("ours");
        assert!(!watch.is_dead());

        let refused = DriverDirectory::claim(&path).expect_err("taken");
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        drop(directory);
        assert!(watch.is_dead());
        assert!(!path.exists());
        drop(DriverDirectory::claim(&path).expect("free again"));
        std::fs::remove_dir_all(&parent).expect("cleared");
    }
}
