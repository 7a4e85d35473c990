//! Memory for one process's hot data: in hugepages where the host has them, touched, and locked
//! where that is allowed.
//!
//! A hugepage of 2 MiB takes one entry of the TLB where plain pages take 512. There are two kinds.
//! Those of the pool (`vm.nr_hugepages`) are set aside by the operator: whoever asks gets them or is
//! told no. Transparent ones are put together by the kernel when memory is first touched, if there
//! are 2 MiB in one piece, and it never says whether it did; so we look (`/proc/self/smaps`).

use std::fmt;
use std::fs;

use crate::map::{HUGEPAGE_BYTES, MapError, Mapping, PAGE_BYTES};

/// What an arena is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Hugepages of the pool.
    Huge,
    /// Transparent hugepages, as far as the kernel had them.
    Transparent {
        /// Bytes that are in hugepages.
        huge_bytes: usize,
    },
    /// Plain pages.
    Plain,
}

/// Memory of this process alone, all zero at first. Every page is there before [`Arena::new`]
/// returns, so that no touch costs a fault.
#[derive(Debug)]
pub struct Arena {
    mapping: Mapping,
    bytes: usize,
    pages: Pages,
    /// Why it is not locked; `None` when it is.
    unlocked: Option<String>,
    /// Why it is in no better pages; empty when it is in the best.
    fallbacks: Vec<String>,
}

impl Arena {
    /// At least `bytes` bytes, above 0: from the hugepage pool, else in transparent hugepages, else
    /// in plain pages.
    ///
    /// # Errors
    /// When the kernel has no such memory in pages of any kind.
    pub fn new(bytes: usize) -> Result<Self, MapError> {
        let rounded = bytes.next_multiple_of(HUGEPAGE_BYTES);
        let mut fallbacks = Vec::new();
        let huge = Mapping::hugepages(rounded).and_then(|mapping| {
            mapping.populate()?;
            Ok(mapping)
        });
        let (mapping, pages) = match huge {
            Ok(mapping) => (mapping, Pages::Huge),
            Err(error) => {
                let count = rounded / HUGEPAGE_BYTES;
                fallbacks.push(format!("no {count} hugepages in the pool ({error})"));
                Self::small(bytes, rounded, &mut fallbacks)?
            }
        };
        let unlocked = mapping.lock().err().map(|error| format!("{error}; see `ulimit -l`"));
        Ok(Self { mapping, bytes, pages, unlocked, fallbacks })
    }

    /// Transparent hugepages, else plain ones.
    fn small(
        bytes: usize,
        rounded: usize,
        fallbacks: &mut Vec<String>,
    ) -> Result<(Mapping, Pages), MapError> {
        let failed = |source| MapError { what: "an arena", bytes, source };
        // Less than a hugepage would be rounded up to one for nothing.
        if bytes < HUGEPAGE_BYTES {
            fallbacks.push("less than 2 MiB".to_owned());
            let mapping = Mapping::anonymous(bytes.next_multiple_of(PAGE_BYTES)).map_err(failed)?;
            mapping.populate().map_err(failed)?;
            return Ok((mapping, Pages::Plain));
        }
        let mapping = Mapping::aligned(rounded).map_err(failed)?;
        let advised = mapping.advise_hugepages();
        mapping.populate().map_err(failed)?;
        match (advised, huge_bytes_at(mapping.address())) {
            (Err(error), _) => fallbacks.push(format!("no transparent hugepages ({error})")),
            (Ok(()), 0) => fallbacks.push(
                "the kernel put nothing into transparent hugepages (see \
                 /sys/kernel/mm/transparent_hugepage/enabled)"
                    .to_owned(),
            ),
            (Ok(()), huge_bytes) => return Ok((mapping, Pages::Transparent { huge_bytes })),
        }
        Ok((mapping, Pages::Plain))
    }

    /// What it is made of.
    #[must_use]
    pub const fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Why it may be paged out; `None` when it is locked.
    #[must_use]
    pub fn unlocked(&self) -> Option<&str> {
        self.unlocked.as_deref()
    }

    /// The memory, to write.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.mapping.bytes_mut()[..self.bytes]
    }

    /// The memory, to read.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.mapping.as_bytes()[..self.bytes]
    }

    pub(crate) fn into_mapping(self) -> Mapping {
        self.mapping
    }
}

/// One line for the start-up log.
impl fmt::Display for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.bytes.div_ceil(1024);
        match &self.pages {
            Pages::Huge => write!(f, "{kib} KiB in hugepages of the pool")?,
            Pages::Transparent { huge_bytes } => {
                let huge = huge_bytes.min(&self.mapping.bytes()) / 1024;
                write!(f, "{kib} KiB, {huge} KiB of it in transparent hugepages")?;
            }
            Pages::Plain => write!(f, "{kib} KiB in plain pages")?,
        }
        match &self.unlocked {
            None => write!(f, ", locked")?,
            Some(why) => write!(f, ", not locked: {why}")?,
        }
        for why in &self.fallbacks {
            write!(f, "; {why}")?;
        }
        Ok(())
    }
}

/// Bytes in transparent hugepages of the mapping that holds `address`. The kernel may have joined
/// it with a neighbour; then the sum of both is what there is to know.
fn huge_bytes_at(address: usize) -> usize {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    huge_bytes_in(&smaps, address)
}

fn huge_bytes_in(smaps: &str, address: usize) -> usize {
    let holds = |line: &str| {
        let (start, rest) = line.split_once('-')?;
        let end = rest.split_once(' ')?.0;
        let hex = |text| usize::from_str_radix(text, 16).ok();
        Some((hex(start)?..hex(end)?).contains(&address))
    };
    let mut inside = false;
    for line in smaps.lines() {
        if let Some(is_ours) = holds(line) {
            inside = is_ours;
        } else if inside && let Some(kib) = line.strip_prefix("AnonHugePages:") {
            let kib = kib.trim().trim_end_matches(" kB").parse::<usize>();
            return kib.unwrap_or(0) * 1024;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_is_zero_writable_and_says_what_it_is_made_of() {
        for bytes in [1, 5_000, 3 << 20] {
            let mut arena = Arena::new(bytes).expect("memory");
            assert_eq!(arena.as_slice().len(), bytes);
            assert!(arena.as_slice().iter().all(|&byte| byte == 0));
            arena.as_mut_slice().fill(7);
            assert!(arena.as_slice().iter().all(|&byte| byte == 7));
            let line = arena.to_string();
            let is_said = match arena.pages() {
                Pages::Huge => line.contains("pool"),
                Pages::Transparent { huge_bytes } => {
                    *huge_bytes > 0 && line.contains("transparent hugepages")
                }
                Pages::Plain => line.contains("plain pages"),
            };
            assert!(is_said, "{line}");
            assert!(line.contains("locked"), "{line}");
            println!("{line}");
        }
    }

    /// `vm.nr_hugepages` can be read by anybody: where the pool has a page, an arena has it too.
    #[test]
    fn a_pool_with_free_pages_is_used() {
        let free = || -> usize {
            let file = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
            fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
        };
        let free_before = free();
        let arena = Arena::new(1).expect("memory");
        match arena.pages() {
            Pages::Huge => assert!(free_before > 0),
            // Others may take pages between the two looks.
            _ => assert!(free_before == 0 || free() == 0, "{arena}"),
        }
    }

    #[test]
    fn no_memory_of_that_size_is_an_error_that_says_how_much() {
        let error = Arena::new(1 << 46).expect_err("64 TiB");
        assert!(error.to_string().contains(&(1_u64 << 46).to_string()), "{error}");
        assert!(Arena::new(0).is_err());
    }

    #[test]
    fn hugepages_are_looked_up_by_address() {
        let smaps = "1000-2000 rw-p 0 00:00 0 \nSize: 4 kB\nAnonHugePages:         0 kB\n\
                     200000-600000 rw-p 0 00:00 0 \nAnonHugePages:      2048 kB\nVmFlags: rd\n";
        assert_eq!(huge_bytes_in(smaps, 0x1fff), 0);
        assert_eq!(huge_bytes_in(smaps, 0x20_0000), 2 << 20);
        assert_eq!(huge_bytes_in(smaps, 0x60_0000), 0);
    }
}
