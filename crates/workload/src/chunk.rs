//! Commands on their way from a large array into the first-level cache.

use vesta_types::Command;

/// Commands between two readings of a clock: some 14 KiB of them. Fewer: the readings show in the
/// result. More: the chunk drives the matcher's own lines out of the first-level cache.
pub const CHUNK_LEN: usize = 128;

/// A chunk in a place of its own, which stays in the cache. Whoever measures loads a chunk, reads
/// the clock, gives each command, and reads the clock again: so it does not count how long it takes
/// to stream the whole array in, which in the engine is the transport's work.
#[derive(Debug, Default)]
pub struct HotChunk {
    commands: Vec<Command>,
}

impl HotChunk {
    /// A place for [`CHUNK_LEN`] commands.
    #[must_use]
    pub fn new() -> Self {
        Self { commands: Vec::with_capacity(CHUNK_LEN) }
    }

    /// Copies a chunk in.
    ///
    /// # Panics
    /// When it is longer than [`CHUNK_LEN`]: it would have to allocate.
    pub fn load(&mut self, chunk: &[Command]) -> &[Command] {
        assert!(chunk.len() <= CHUNK_LEN, "a chunk of {} commands", chunk.len());
        self.commands.clear();
        self.commands.extend_from_slice(chunk);
        &self.commands
    }
}

// The comment above says how large a chunk is.
const _: () = assert!(size_of::<Command>() * CHUNK_LEN <= 16 * 1024);
