//! Where choices come from.

use vesta_types::state_hash::hash_words;

/// A source of choices.
pub trait Source {
    /// A number below `bound`, which is at least 1.
    fn below(&mut self, bound: u64) -> u64;

    /// Begins a step. False when there is nothing left to make one of.
    fn next_step(&mut self) -> bool;

    /// How many steps a mood lasts.
    const MOOD_STEP_COUNT: u64;

    fn one_in(&mut self, bound: u64) -> bool {
        // The last number, so that bytes that were shrunk to 0 choose what is usual.
        self.below(bound) == bound - 1
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// An index into `weights`, as often as its weight says.
    fn weighted(&mut self, weights: &[u16]) -> usize {
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = self.below(sum);
        for (i, weight) in weights.iter().enumerate() {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return i,
            }
        }
        panic!("no weights")
    }
}

/// Without end, from a seed.
pub struct Seeded {
    seed: u64,
    draw_count: u64,
}

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self { seed, draw_count: 0 }
    }
}

impl Source for Seeded {
    // Long enough to fill the books from empty.
    const MOOD_STEP_COUNT: u64 = 150;

    fn below(&mut self, bound: u64) -> u64 {
        self.draw_count += 1;
        hash_words(&[self.seed, self.draw_count]) % bound
    }

    fn next_step(&mut self) -> bool {
        true
    }
}

/// How many bytes a step is made of. Each has its own, so that one that is taken out or changed
/// leaves the meaning of the others alone.
pub const STEP_BYTES: usize = 32;

/// From bytes, until they are used up.
pub struct Bytes<'a> {
    step: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { step: &[], rest: bytes }
    }

    fn byte(&mut self) -> u64 {
        let Some((first, rest)) = self.step.split_first() else { return 0 };
        self.step = rest;
        u64::from(*first)
    }
}

impl Source for Bytes<'_> {
    const MOOD_STEP_COUNT: u64 = 1;

    fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let mut value = self.byte();
        if bound > 256 {
            value = value << 8 | self.byte();
        }
        value % bound
    }

    fn next_step(&mut self) -> bool {
        let (step, rest) = self.rest.split_at(self.rest.len().min(STEP_BYTES));
        (self.step, self.rest) = (step, rest);
        !step.is_empty()
    }
}
