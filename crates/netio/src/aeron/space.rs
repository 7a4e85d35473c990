//! Memory for a driver's files: what it will take, what there is, and a start that is refused in
//! time. Aeron would find out in the middle, when a log buffer can not be made, or worse, when a page
//! of a sparse one is touched, which ends the process by a signal.

use std::fmt;
use std::path::Path;

use super::driver::DriverError;
use super::settings::DriverSettings;
use crate::host::FreeSpace;

const MIB: u64 = 1 << 20;

/// Memory that a driver's files take, and that there is for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes of all files, once the streams that were reckoned with are open.
    pub needed: u64,
    /// Bytes that were free before.
    pub free: u64,
}

impl Space {
    /// Looks whether what `settings` ask for fits under `parent`. Sparse files may be promised more
    /// than there is; what every driver takes at once must be there.
    pub(super) fn look(settings: &DriverSettings, parent: &Path) -> Result<Self, DriverError> {
        let base = settings.base_bytes() as u64;
        let needed = base + settings.streams_bytes;
        // Where the system does not tell, the driver finds out.
        let free = FreeSpace::at(parent).map_or(u64::MAX, |space| space.free_bytes);
        let at_once = if settings.term_buffer_sparse_file { base } else { needed };
        if at_once > free {
            let parent = parent.display().to_string();
            return Err(DriverError::NoSpace { parent, needed: at_once, free });
        }
        Ok(Self { needed, free })
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB of {} MiB free", self.needed.div_ceil(MIB), self.free / MIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_both_figures() {
        let parent = std::env::temp_dir();
        let mut settings = DriverSettings::new("test");
        settings.streams_bytes = 1 << 60;
        let error = Space::look(&settings, &parent).expect_err("nobody has that");
        let DriverError::NoSpace { needed, free, .. } = &error else { panic!("{error}") };
        assert!(needed > free && *free > 0, "{error}");
        assert!(error.to_string().contains("term_length_bytes"), "{error}");

        settings.term_buffer_sparse_file = true;
        let space = Space::look(&settings, &parent).expect("a promise");
        assert!(space.needed > space.free, "{space}");
        assert!(Space::look(&settings, Path::new("/nowhere")).is_ok(), "others say so better");
    }
}
