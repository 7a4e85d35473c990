//! One look at everything.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use vesta_hotmem::{Entry, Kind, Reading};
use vesta_netio::DriverReading;

/// All roles and drivers of a host, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// When, UTC in nanoseconds.
    pub at_ns: u64,
    /// Where the counters files are.
    pub directory: PathBuf,
    /// The roles, by name of their file.
    pub roles: Vec<Reading>,
    /// The media drivers that they are on.
    pub drivers: Vec<Driver>,
}

/// A media driver.
#[derive(Clone, Debug)]
pub struct Driver {
    /// Where its files are.
    pub directory: PathBuf,
    /// What it counts.
    pub reading: DriverReading,
}

impl Look {
    /// Reads every counters file in `directory`, and the counters of the drivers that they name.
    ///
    /// # Errors
    /// When the directory can not be listed.
    pub fn take(directory: &Path, at_ns: u64) -> io::Result<Self> {
        let roles = Reading::all(directory)?;
        let mut drivers = BTreeMap::new();
        for role in roles.iter().filter(|role| role.is_live) {
            // Empty where the role has none of its own; and it may be gone by now.
            if role.driver.is_absolute()
                && !drivers.contains_key(&role.driver)
                && let Ok(reading) = DriverReading::of(&role.driver)
            {
                drivers.insert(role.driver.clone(), reading);
            }
        }
        let drivers = drivers.into_iter().map(|(directory, reading)| Driver { directory, reading });
        Ok(Self { at_ns, directory: directory.to_owned(), roles, drivers: drivers.collect() })
    }

    /// The driver of a role.
    #[must_use]
    pub fn driver_of(&self, role: &Reading) -> Option<&DriverReading> {
        let found = self.drivers.iter().find(|driver| driver.directory == role.driver);
        found.map(|driver| &driver.reading)
    }

    /// The same role in an earlier look: the same process, not one that took its place.
    #[must_use]
    pub fn before<'a>(&self, role: &Reading, earlier: &'a Self) -> Option<&'a Reading> {
        let is_same = |was: &&Reading| was.path == role.path && was.process == role.process;
        earlier.roles.iter().find(is_same)
    }
}

/// A number of a role, and how it moved.
#[derive(Clone, Copy)]
pub(super) struct Moved<'a> {
    pub(super) now: &'a Reading,
    pub(super) before: Option<&'a Reading>,
}

impl<'a> Moved<'a> {
    pub(super) fn value(&self, scope: &str, name: &str) -> Option<u64> {
        self.now.find(scope, name).map(Entry::value)
    }

    /// Per second, since the look before; 0 without one. The time is that of the writings, so that a
    /// role that writes seldom does not seem to stand still and leap.
    pub(super) fn rate(&self, scope: &str, name: &str) -> f64 {
        let Some(before) = self.before else { return 0.0 };
        let was = before.find(scope, name).map_or(0, Entry::value);
        let moved = self.value(scope, name).unwrap_or(0).saturating_sub(was);
        let ns = self.now.published_ns.saturating_sub(before.published_ns);
        if ns == 0 { 0.0 } else { moved as f64 * 1e9 / ns as f64 }
    }

    /// The sum of all counters whose name begins with `prefix`, scopes of their own included.
    pub(super) fn sum(&self, is_it: impl Fn(&Entry) -> bool) -> u64 {
        let counters = self.now.entries.iter().filter(|entry| entry.kind == Kind::Counter);
        counters.filter(|entry| is_it(entry)).map(Entry::value).fold(0, u64::saturating_add)
    }

    /// The buckets of a histogram since the look before, or of all time where nothing came since.
    pub(super) fn buckets(&self, name: &str) -> Vec<u64> {
        let now = self.now.find("", name).map_or(&[][..], |entry| &entry.values);
        let before = self.before.and_then(|before| before.find("", name));
        let before = before.map_or(&[][..], |entry| &entry.values);
        let was = |n: usize| before.get(n).copied().unwrap_or(0);
        let since: Vec<u64> =
            now.iter().enumerate().map(|(n, count)| count.saturating_sub(was(n))).collect();
        if since.iter().any(|&count| count > 0) { since } else { now.to_vec() }
    }
}
