//! The writing side: one thread.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::layout::{
    BUILD, DIRECTORY, ENTRIES_AT, ENTRY_COUNT_AT, ENTRY_COUNT_MAX, ENTRY_WORDS, FILE_BYTES,
    KIND_UNIT_IN, LOST_COUNT_AT, MAGIC, MAGIC_AT, NAME_IN, PID_AT, PUBLISHED_AT, ROLE, SCOPE_IN,
    START_TIME_AT, STARTED_AT, STREAM_IN, VALUE_COUNT_AT, VALUE_COUNT_MAX, VALUE_INDEX_IN,
    VALUES_AT, VALUES_IN, VERSION, VERSION_AT, text_words,
};
use super::{CounterSink, Kind, Scope, Unit, files};
use crate::map::{Mapping, reserve};
use crate::process::ProcessId;
use crate::sync::{AtomicU64, Ordering};

/// The counters of one role, in a file that is removed on drop.
#[derive(Debug)]
pub struct CountersFile {
    mapping: Mapping,
    path: PathBuf,
    /// Holds the lock.
    _file: File,
    entries: Vec<Known>,
    value_count: usize,
    lost_count: u64,
    /// Where the next number is expected.
    next: usize,
}

/// An entry as its writer knows it: never read back from the file.
#[derive(Debug)]
struct Known {
    kind: Kind,
    unit: Unit,
    scope: String,
    stream: i32,
    name: String,
    value_index: usize,
    value_count: usize,
    /// There was no room for it.
    lost: bool,
}

impl Known {
    fn is(&self, kind: Kind, unit: Unit, scope: Scope<'_>, name: &str, value_count: usize) -> bool {
        self.stream == scope.stream
            && self.kind == kind
            && self.unit == unit
            && self.value_count == value_count
            && self.name == name
            && self.scope == scope.name
    }
}

impl CountersFile {
    /// Makes the file of `role` in `directory`. `build` says what made it, `driver` where its media
    /// driver has its files, `now_ns` is UTC.
    ///
    /// # Errors
    /// When the role is no word of `[a-z0-9-]`, or the file can not be made.
    pub fn create(
        directory: &Path,
        role: &str,
        build: &str,
        driver: &Path,
        now_ns: u64,
    ) -> io::Result<Self> {
        let us = ProcessId::current();
        let (path, file) = files::create(directory, role, us.pid)?;
        let remove = |error| {
            let _ = std::fs::remove_file(&path);
            error
        };
        let mapping = reserve(&file, FILE_BYTES).and_then(|()| Mapping::file(&file, FILE_BYTES));
        let mapping = mapping.map_err(remove)?;
        let words = mapping.words();
        let set = |at: usize, value: u64| words[at].store(value, Ordering::Relaxed);
        set(VERSION_AT, VERSION);
        set(PID_AT, u64::from(us.pid));
        set(START_TIME_AT, us.start_time);
        set(STARTED_AT, now_ns);
        set(PUBLISHED_AT, now_ns);
        set_text(words, ROLE, role);
        set_text(words, BUILD, build);
        set_text(words, DIRECTORY, &driver.to_string_lossy());
        words[MAGIC_AT].store(MAGIC, Ordering::Release);
        Ok(Self {
            mapping,
            path,
            _file: file,
            entries: Vec::new(),
            value_count: 0,
            lost_count: 0,
            next: 0,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the numbers that `tell` tells, at `now_ns` (UTC).
    pub fn publish(&mut self, now_ns: u64, tell: impl FnOnce(&mut dyn CounterSink)) {
        self.next = 0;
        tell(self);
        self.mapping.words()[PUBLISHED_AT].store(now_ns, Ordering::Release);
    }

    /// The entry of this number: the next one, or else one that was told in another order, or a new
    /// one.
    fn find(
        &mut self,
        kind: Kind,
        unit: Unit,
        scope: Scope<'_>,
        name: &str,
        count: usize,
    ) -> usize {
        let is_it = |known: &Known| known.is(kind, unit, scope, name, count);
        if self.entries.get(self.next).is_some_and(is_it) {
            return self.next;
        }
        if let Some(index) = self.entries.iter().position(is_it) {
            return index;
        }
        self.enter(kind, unit, scope, name, count)
    }

    fn enter(
        &mut self,
        kind: Kind,
        unit: Unit,
        scope: Scope<'_>,
        name: &str,
        count: usize,
    ) -> usize {
        let index = self.entries.len();
        let (value_index, words) = (self.value_count, self.mapping.words());
        let lost = index >= ENTRY_COUNT_MAX || value_index + count > VALUE_COUNT_MAX;
        if lost {
            self.lost_count += 1;
            words[LOST_COUNT_AT].store(self.lost_count, Ordering::Relaxed);
        } else {
            let entry = &words[ENTRIES_AT + index * ENTRY_WORDS..][..ENTRY_WORDS];
            let set = |at: usize, value: u64| entry[at].store(value, Ordering::Relaxed);
            set(VALUE_INDEX_IN, value_index as u64);
            set(VALUES_IN, count as u64);
            set(KIND_UNIT_IN, u64::from(kind as u32) | u64::from(unit as u32) << 32);
            set(STREAM_IN, u64::from(scope.stream.cast_unsigned()));
            set_text(entry, SCOPE_IN, scope.name);
            set_text(entry, NAME_IN, name);
            self.value_count += count;
            words[VALUE_COUNT_AT].store(self.value_count as u64, Ordering::Relaxed);
            // Release: who sees the count sees the entry.
            words[ENTRY_COUNT_AT].store(index as u64 + 1, Ordering::Release);
        }
        self.entries.push(Known {
            kind,
            unit,
            scope: scope.name.to_owned(),
            stream: scope.stream,
            name: name.to_owned(),
            value_index,
            value_count: count,
            lost,
        });
        index
    }
}

fn set_text(words: &[AtomicU64], (at, count): (usize, usize), text: &str) {
    for (word, value) in words[at..at + count].iter().zip(text_words(text, count)) {
        word.store(value, Ordering::Relaxed);
    }
}

impl CounterSink for CountersFile {
    fn put(&mut self, kind: Kind, unit: Unit, scope: Scope<'_>, name: &str, values: &[u64]) {
        let index = self.find(kind, unit, scope, name, values.len());
        self.next = index + 1;
        let known = &self.entries[index];
        if !known.lost {
            let words = &self.mapping.words()[VALUES_AT + known.value_index..];
            for (word, value) in words.iter().zip(values) {
                word.store(*value, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for CountersFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
