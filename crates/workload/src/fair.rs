//! What the instrument is worth, from one command to the next.

use crate::random::Random;
use vesta_types::PriceTicks;

/// Fractions of a tick in which fair value is kept: fine enough for a pull of 1/8192.
const UNITS_PER_TICK: i64 = 1 << 16;

/// How fair value moves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path {
    /// Not at all.
    Still,
    /// At random, and back towards the reference price.
    Walk {
        /// Reach of a step, in 1/1000 tick.
        step_milliticks: i64,
        /// One step in this many is a jump: news.
        jump_every: u64,
        /// Reach of a jump, in ticks.
        jump_ticks: i64,
        /// Each step goes this fraction of the way back to the reference price.
        pull: i64,
    },
    /// From one price within the reach to another, without rest.
    Wander {
        /// How far from the reference price, in percent of it.
        reach_percent: i64,
        /// How fast, in 1/1000 tick for each command.
        speed_milliticks: i64,
    },
    /// In cycles: quiet, then down, then up again.
    Crash(Crash),
}

/// A fall and what comes after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    /// Commands of a cycle that come before the fall.
    pub(crate) quiet: u64,
    /// Commands of the fall.
    pub(crate) fall: u64,
    /// Commands at the bottom.
    pub(crate) bottom: u64,
    /// Commands of the way back.
    pub(crate) recovery: u64,
    /// How deep, in percent of the reference price.
    pub(crate) depth_percent: i64,
}

/// Where in a [`Crash`] the market is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Calm,
    Falling,
    Rising,
}

/// Fair value, as it moves.
#[derive(Clone, Debug)]
pub(crate) struct Fair {
    path: Path,
    reference: i64,
    /// In fractions of a tick.
    value: i64,
    target: i64,
    command: u64,
}

impl Fair {
    pub(crate) const fn new(path: Path, reference_price: PriceTicks) -> Self {
        let reference = reference_price.0 * UNITS_PER_TICK;
        Self { path, reference, value: reference, target: reference, command: 0 }
    }

    /// What it is worth, in ticks.
    pub(crate) const fn ticks(&self) -> i64 {
        self.value / UNITS_PER_TICK
    }

    /// Moves with a command; says in what mood the market is.
    pub(crate) fn advance(&mut self, random: &mut Random) -> Mood {
        let at = self.command;
        self.command += 1;
        match self.path {
            Path::Still => Mood::Calm,
            Path::Walk { step_milliticks, jump_every, jump_ticks, pull } => {
                let reach = if random.below(jump_every) == 0 {
                    jump_ticks * UNITS_PER_TICK
                } else {
                    step_milliticks * UNITS_PER_TICK / 1000
                };
                self.value += random.around_zero(reach) - (self.value - self.reference) / pull;
                Mood::Calm
            }
            Path::Wander { reach_percent, speed_milliticks } => {
                let speed = speed_milliticks * UNITS_PER_TICK / 1000;
                if self.value.abs_diff(self.target) <= speed.unsigned_abs() {
                    let reach = self.reference / 100 * reach_percent;
                    self.target = self.reference + random.around_zero(reach);
                }
                self.value += speed * (self.target - self.value).signum();
                Mood::Calm
            }
            Path::Crash(crash) => self.crash(at, &crash, random),
        }
    }

    fn crash(&mut self, at: u64, crash: &Crash, random: &mut Random) -> Mood {
        let Crash { quiet, fall, bottom, recovery, depth_percent } = *crash;
        let at = at % (quiet + fall + bottom + recovery);
        let depth = self.reference / 100 * depth_percent;
        // The share of the depth that is reached, and the mood.
        let part = |done: u64, of: u64| depth / of.cast_signed() * done.cast_signed();
        let (down, mood) = if at < quiet {
            (0, Mood::Calm)
        } else if at < quiet + fall {
            (part(at - quiet, fall), Mood::Falling)
        } else if at < quiet + fall + bottom {
            (depth, Mood::Calm)
        } else {
            (depth - part(at - quiet - fall - bottom, recovery), Mood::Rising)
        };
        self.value = self.reference - down + random.around_zero(2 * UNITS_PER_TICK);
        mood
    }
}
