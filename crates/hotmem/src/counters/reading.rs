//! The reading side. It copies the file instead of mapping it: a file that its owner shortens would
//! end a reader that has it mapped, and a reader may be root's. An aligned word that is written
//! meanwhile is copied as it was before or after, as the kernel copies by words.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::layout::{
    BUILD, DIRECTORY, ENTRIES_AT, ENTRY_COUNT_AT, ENTRY_COUNT_MAX, ENTRY_WORDS, FILE_BYTES,
    KIND_UNIT_IN, LOST_COUNT_AT, MAGIC, MAGIC_AT, NAME_IN, PID_AT, PUBLISHED_AT, ROLE, SCOPE_IN,
    START_TIME_AT, STARTED_AT, STREAM_IN, VALUE_COUNT_MAX, VALUE_INDEX_IN, VALUES_AT, VALUES_IN,
    VERSION, VERSION_AT, text_of,
};
use super::{Histogram, Kind, Summary, Touch, Unit, files};
use crate::process::ProcessId;

/// The counters of one role, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The file.
    pub path: PathBuf,
    /// Which role.
    pub role: String,
    /// What was built.
    pub build: String,
    /// Where its media driver has its files.
    pub driver: PathBuf,
    /// Its process.
    pub process: ProcessId,
    /// True while the process lives.
    pub is_live: bool,
    /// When it started, UTC in nanoseconds.
    pub started_ns: u64,
    /// When the numbers were last written, UTC in nanoseconds.
    pub published_ns: u64,
    /// Numbers for which there was no room.
    pub lost_count: u64,
    /// The numbers, in the order in which they were told first.
    pub entries: Vec<Entry>,
}

/// One number, or the few that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it moves.
    pub kind: Kind,
    /// What it is of.
    pub unit: Unit,
    /// What it is about; empty: the role.
    pub scope: String,
    /// Aeron stream id; 0: none.
    pub stream: i32,
    /// Its name.
    pub name: String,
    /// As many as the kind has.
    pub values: Vec<u64>,
}

impl Entry {
    /// The number of a counter or a gauge; 0 of others.
    #[must_use]
    pub fn value(&self) -> u64 {
        match self.kind {
            Kind::Counter | Kind::Gauge => self.values.first().copied().unwrap_or(0),
            Kind::Histogram | Kind::Touch => 0,
        }
    }

    /// What a histogram says.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        (self.kind == Kind::Histogram).then(|| Histogram::summary(&self.values))
    }

    /// The best prices of a book.
    #[must_use]
    pub fn touch(&self) -> Option<Touch> {
        let values = self.values.first_chunk().filter(|_| self.kind == Kind::Touch)?;
        Some(Touch::from_values(*values))
    }
}

impl Reading {
    /// Reads one file.
    ///
    /// # Errors
    /// When it is not there, or not a counters file of this version.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = files::open(path)?;
        let mut bytes = vec![0; FILE_BYTES];
        file.read_exact_at(&mut bytes, 0)?;
        let is_live = files::is_locked(&file);
        parse(path, &bytes, is_live).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "not a counters file of this version")
        })
    }

    /// Reads every file in `directory`, of the living and the dead, by name; what can not be read is
    /// left out.
    ///
    /// # Errors
    /// When the directory can not be listed.
    pub fn all(directory: &Path) -> io::Result<Vec<Self>> {
        let paths = files::list(directory)?;
        Ok(paths.iter().filter_map(|path| Self::of(path).ok()).collect())
    }

    /// The number of that scope and name.
    #[must_use]
    pub fn find(&self, scope: &str, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.scope == scope && entry.name == name)
    }
}

/// Whatever the bytes are: nothing out of bounds, and no entry that leads out of the file.
fn parse(path: &Path, bytes: &[u8], is_live: bool) -> Option<Reading> {
    let words: Vec<u64> =
        bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let whole = words.len() == FILE_BYTES / 8;
    if !whole || words[MAGIC_AT] != MAGIC || words[VERSION_AT] != VERSION {
        return None;
    }
    let text = |(at, count): (usize, usize)| text_of(&words[at..at + count]);
    let entry_count = usize::try_from(words[ENTRY_COUNT_AT]).ok()?.min(ENTRY_COUNT_MAX);
    let values = &words[VALUES_AT..];
    let entries = words[ENTRIES_AT..].chunks_exact(ENTRY_WORDS).take(entry_count);
    // Entries that overlap would make of each value as many as there are entries: the writer never
    // makes such.
    let mut room = VALUE_COUNT_MAX;
    Some(Reading {
        path: path.to_owned(),
        role: text(ROLE),
        build: text(BUILD),
        driver: PathBuf::from(text(DIRECTORY)),
        process: ProcessId {
            pid: u32::try_from(words[PID_AT]).ok()?,
            start_time: words[START_TIME_AT],
        },
        is_live,
        started_ns: words[STARTED_AT],
        published_ns: words[PUBLISHED_AT],
        lost_count: words[LOST_COUNT_AT],
        entries: entries.filter_map(|entry| parse_entry(entry, values, &mut room)).collect(),
    })
}

/// `room`: values that this entry and those after it may have.
fn parse_entry(words: &[u64], values: &[u64], room: &mut usize) -> Option<Entry> {
    let text = |(at, count): (usize, usize)| text_of(&words[at..at + count]);
    let start = usize::try_from(words[VALUE_INDEX_IN]).ok()?;
    let count = usize::try_from(words[VALUES_IN]).ok().filter(|c| c <= room)?;
    let kind_unit = words[KIND_UNIT_IN];
    let entry = Entry {
        kind: Kind::from_number(kind_unit as u32)?,
        unit: Unit::from_number((kind_unit >> 32) as u32)?,
        scope: text(SCOPE_IN),
        stream: i32::try_from(words[STREAM_IN]).ok()?,
        name: text(NAME_IN),
        values: values.get(start..)?.get(..count)?.to_vec(),
    };
    *room -= count;
    Some(entry)
}
