//! The memory of a ring: between threads, or between processes by a descriptor or a file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layout::{
    CAPACITY_AT, CAPACITY_WORDS, FRAMES_AT, HEAD_AT, MAGIC, MAGIC_AT, RECEIVER_AT, SENDER_AT,
    TAIL_AT, VERSION, VERSION_AT, bytes,
};
use super::{Receiver, RingFault, RingShared, Sender};
use crate::Arena;
use crate::map::{MapError, Mapping, is_sealed, reserve, sealed_memory};
use crate::process::ProcessId;
use crate::sync::{AtomicU64, Ordering};

/// Why a ring can not be joined.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The file can not be opened or mapped.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// No memory.
    #[error(transparent)]
    Memory(#[from] MapError),
    /// It is not a ring, or one of another version.
    #[error("{what} is not a ring that this version reads: {why}")]
    NotARing {
        /// What was looked at.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// That end is taken by a process that lives.
    #[error("the {end} of the ring is taken by process {pid}")]
    Taken {
        /// Which end.
        end: &'static str,
        /// By whom.
        pid: u32,
    },
    /// Its counters can not be.
    #[error(transparent)]
    Fault(#[from] RingFault),
}

/// The memory of one ring, mapped.
#[derive(Debug)]
pub struct RingMemory {
    mapping: Mapping,
    capacity: usize,
    /// Removed on drop, by whoever made it.
    path: Option<PathBuf>,
}

/// One end's hold on a ring: given up on drop.
#[derive(Debug)]
pub struct End {
    memory: Arc<RingMemory>,
    claim: Option<usize>,
}

/// A ring between two threads of this process, with room for `capacity_bytes` of frames (rounded up
/// to a power of two), in the best pages that the host has.
///
/// # Errors
/// When there is no such memory.
pub fn ring(capacity_bytes: usize) -> Result<(Sender<End>, Receiver<End>), AttachError> {
    let capacity = capacity_words(capacity_bytes)?;
    let mapping = Arena::new(bytes(capacity))?.into_mapping();
    let memory = Arc::new(RingMemory::begin(mapping, capacity, None));
    Ok((memory.sender()?, memory.receiver()?))
}

fn capacity_words(capacity_bytes: usize) -> Result<usize, AttachError> {
    let words = capacity_bytes.div_ceil(size_of::<u64>()).max(*CAPACITY_WORDS.start());
    let words = words.checked_next_power_of_two().filter(|words| CAPACITY_WORDS.contains(words));
    words.ok_or_else(|| {
        let source = io::ErrorKind::InvalidInput.into();
        MapError { what: "a ring above 8 GiB", bytes: capacity_bytes, source }.into()
    })
}

impl RingMemory {
    /// A ring in memory that has a descriptor and no name, for a process that is given the
    /// descriptor. Nobody can change its length.
    ///
    /// # Errors
    /// When there is no such memory.
    pub fn with_descriptor(
        name: &str,
        capacity_bytes: usize,
    ) -> Result<(Arc<Self>, File), AttachError> {
        let capacity = capacity_words(capacity_bytes)?;
        let bytes = bytes(capacity);
        let failed = |source| MapError { what: "a ring", bytes, source };
        let file = sealed_memory(name, bytes).map_err(failed)?;
        let mapping = Mapping::file(&file, bytes).map_err(failed)?;
        Ok((Arc::new(Self::begin(mapping, capacity, None)), file))
    }

    /// A ring in a new file, which should be in `/dev/shm`: for a process of the same user that
    /// knows the name. It is removed when this is dropped.
    ///
    /// # Errors
    /// When the file is there already, or there is no room for it.
    pub fn with_file(path: &Path, capacity_bytes: usize) -> Result<Arc<Self>, AttachError> {
        use std::os::unix::fs::OpenOptionsExt;
        let capacity = capacity_words(capacity_bytes)?;
        let bytes = bytes(capacity);
        let failed = |source| AttachError::Io { what: path.display().to_string(), source };
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(failed)?;
        let mapping = reserve(&file, bytes).and_then(|()| Mapping::file(&file, bytes));
        let mapping = mapping.map_err(|error| {
            let _ = std::fs::remove_file(path);
            failed(error)
        })?;
        Ok(Arc::new(Self::begin(mapping, capacity, Some(path.to_owned()))))
    }

    /// Joins the ring behind a descriptor that another process made. One whose length that process
    /// could change is refused: it could end us by it.
    ///
    /// # Errors
    /// When it is no ring of ours.
    pub fn attach(file: &File) -> Result<Arc<Self>, AttachError> {
        if !is_sealed(file) {
            let why = "its length is not sealed".to_owned();
            return Err(AttachError::NotARing { what: "the descriptor".to_owned(), why });
        }
        Self::join(file, "the descriptor")
    }

    /// Joins the ring in a file of this user, who is trusted not to shorten it.
    ///
    /// # Errors
    /// When it is no ring of ours, or another user's.
    pub fn attach_file(path: &Path) -> Result<Arc<Self>, AttachError> {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
        let what = path.display().to_string();
        let failed = |source| AttachError::Io { what: what.clone(), source };
        let mut options = File::options();
        options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let file = options.open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() || meta.uid() != crate::map::user_id() {
            let why = "it is not a plain file of this user".to_owned();
            return Err(AttachError::NotARing { what, why });
        }
        Self::join(&file, &what)
    }

    fn join(file: &File, what: &str) -> Result<Arc<Self>, AttachError> {
        let failed = |source| AttachError::Io { what: what.to_owned(), source };
        let refused = |why: String| AttachError::NotARing { what: what.to_owned(), why };
        let length = file.metadata().map_err(failed)?.len();
        let smallest = bytes(*CAPACITY_WORDS.start());
        let longest = bytes(*CAPACITY_WORDS.end());
        let length = usize::try_from(length).ok().filter(|l| (smallest..=longest).contains(l));
        let length = length.ok_or_else(|| refused("no ring has this length".to_owned()))?;
        let mapping = Mapping::file(file, length).map_err(failed)?;
        let word = |at: usize| mapping.words()[at].load(Ordering::Acquire);
        if word(MAGIC_AT) != MAGIC {
            return Err(refused("it does not begin like one, or is not finished".to_owned()));
        }
        if word(VERSION_AT) != VERSION {
            return Err(refused(format!("version {} and not {VERSION}", word(VERSION_AT))));
        }
        let capacity = word(CAPACITY_AT);
        let fits = usize::try_from(capacity).ok().filter(|&words| {
            words.is_power_of_two() && CAPACITY_WORDS.contains(&words) && bytes(words) == length
        });
        let capacity = fits.ok_or_else(|| {
            refused(format!("{capacity} words do not make a file of {length} bytes"))
        })?;
        Ok(Arc::new(Self { mapping, capacity, path: None }))
    }

    /// Writes the header of a new ring.
    fn begin(mapping: Mapping, capacity: usize, path: Option<PathBuf>) -> Self {
        assert!(capacity.is_power_of_two() && mapping.bytes() >= bytes(capacity));
        let words = mapping.words();
        words[VERSION_AT].store(VERSION, Ordering::Relaxed);
        words[CAPACITY_AT].store(capacity as u64, Ordering::Relaxed);
        words[MAGIC_AT].store(MAGIC, Ordering::Release);
        Self { mapping, capacity, path }
    }

    /// The writing end. Where the process that had it is dead, its successor goes on behind what
    /// that one published.
    ///
    /// # Errors
    /// When a process that lives has it, or the counters can not be.
    pub fn sender(self: &Arc<Self>) -> Result<Sender<End>, AttachError> {
        Ok(Sender::new(self.claim(SENDER_AT, "writing end")?)?)
    }

    /// The reading end; see [`sender`](Self::sender).
    ///
    /// # Errors
    /// As there.
    pub fn receiver(self: &Arc<Self>) -> Result<Receiver<End>, AttachError> {
        Ok(Receiver::new(self.claim(RECEIVER_AT, "reading end")?)?)
    }

    fn claim(self: &Arc<Self>, at: usize, end: &'static str) -> Result<End, AttachError> {
        let place = &self.mapping.words()[at];
        let us = ProcessId::current().to_word();
        let mut seen = 0;
        // Twice: once more after a dead owner was found.
        for _ in 0..2 {
            match place.compare_exchange(seen, us, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(End { memory: Arc::clone(self), claim: Some(at) }),
                Err(owner) => match ProcessId::from_word(owner) {
                    Some(owner) if owner.is_alive() => {
                        return Err(AttachError::Taken { end, pid: owner.pid });
                    }
                    _ => seen = owner,
                },
            }
        }
        Err(AttachError::Taken { end, pid: ProcessId::from_word(seen).map_or(0, |p| p.pid) })
    }
}

/// For tests: what another process has in its hands.
#[cfg(test)]
impl RingMemory {
    pub(super) fn all_words(&self) -> &[AtomicU64] {
        self.mapping.words()
    }

    pub(super) fn end_of_test(self: &Arc<Self>) -> End {
        End { memory: Arc::clone(self), claim: None }
    }
}

impl RingShared for End {
    fn tail(&self) -> &AtomicU64 {
        &self.memory.mapping.words()[TAIL_AT]
    }

    fn head(&self) -> &AtomicU64 {
        &self.memory.mapping.words()[HEAD_AT]
    }

    fn words(&self) -> &[AtomicU64] {
        &self.memory.mapping.words()[FRAMES_AT..FRAMES_AT + self.memory.capacity]
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(at) = self.claim.take() {
            self.memory.mapping.words()[at].store(0, Ordering::Release);
        }
    }
}

impl Drop for RingMemory {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}
