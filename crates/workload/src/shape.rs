//! What each scenario looks like, as numbers.
//!
//! `lobster` follows a whole day of one liquid share (AMZN): adds 48 % of messages, deletes 32 %,
//! executions 16 %; spread 6/13/21 ticks and add size 8/100/200 at p10/p50/p90; 4 to 5 ticks between
//! levels; fills per aggressor one 76 %, two 16 %, three 4 %, more 4 %; orders live 4 messages at the
//! median, 451 at p90, 40,000 at p99. `tests/scenarios.rs` holds it to those figures.

use crate::fair::{Crash, Path};
use crate::random::Quantiles;
use vesta_types::PriceTicks;

/// A scenario's numbers. Lifetimes are in commands, prices in ticks, sizes in lots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Where fair value begins; half of the highest price there is.
    pub(crate) reference_price: PriceTicks,
    /// How fair value moves.
    pub(crate) path: Path,
    /// Commands with which the book opens: adds on both sides in turn.
    pub(crate) opening: usize,
    /// How long an order rests before its owner takes it out or changes it.
    pub(crate) life: Quantiles,
    /// With every this many ticks away from fair value an order lives its time once more: what is
    /// far off is left alone.
    pub(crate) life_again_ticks: u64,
    /// How far from fair value a passive order is placed.
    pub(crate) distance: Quantiles,
    /// Percent of passive orders that are placed a tick before the best one of their side, where the
    /// spread is wider than `spread_min`.
    pub(crate) improve_percent: u64,
    /// No passive order makes the spread narrower on purpose.
    pub(crate) spread_min: u64,
    /// A passive order that fair value has carried beyond the other side's best price: true, it
    /// trades; false, it is placed just before it.
    pub(crate) may_cross: bool,
    /// Of 1000 commands where no order is due, how many are aggressors.
    pub(crate) take_per_mille: u64,
    /// How many resting orders an aggressor is after, with weights.
    pub(crate) makers_wanted: &'static [(u64, usize)],
    /// How sure an aggressor is to trade back towards fair value: percent for each tick that the
    /// middle is away from it. 0: either side, at random.
    pub(crate) pull_percent: i64,
    /// Of 100 orders that are due, how many are changed instead of cancelled.
    pub(crate) replace_percent: u64,
    /// Of 1000 commands, how many cancel an order that has just been filled.
    pub(crate) cancel_late_per_mille: u64,
}

/// Percent of sizes that are round.
pub(crate) const ROUND_PERCENT: u64 = 58;
/// Round sizes.
pub(crate) const ROUND_SIZES: [(u64, u64); 5] =
    [(780, 100), (150, 200), (40, 300), (20, 500), (10, 1_000)];
/// The other sizes.
pub(crate) const ODD_SIZES: Quantiles = Quantiles::new(&[
    (0, 1),
    (2_400, 8),
    (3_500, 25),
    (6_000, 60),
    (8_000, 99),
    (9_800, 400),
    (9_990, 2_000),
    (10_000, 33_570),
]);
/// Percent of aggressors that want only a part of the last order that they are after.
pub(crate) const PARTIAL_PERCENT: u64 = 35;
/// Percent of aggressors that want more than there is at their price: the remainder rests, or is
/// cancelled.
pub(crate) const GREEDY_PERCENT: u64 = 12;
/// Percent of aggressors that are immediate-or-cancel.
pub(crate) const IOC_PERCENT: u64 = 60;
/// Percent of replaces that only take quantity off.
pub(crate) const REDUCE_PERCENT: u64 = 30;

/// As in the recording.
const MAKERS_WANTED: [(u64, usize); 6] = [(76, 1), (16, 2), (4, 3), (2, 4), (1, 6), (1, 9)];

/// See the top of the file. A replace is in such a recording a delete and an add.
pub(crate) const LOBSTER: Shape = Shape {
    reference_price: PriceTicks(22_000),
    path: Path::Walk { step_milliticks: 500, jump_every: 500, jump_ticks: 32, pull: 8_192 },
    opening: 200,
    life: Quantiles::new(&[
        (0, 1),
        (4_000, 2),
        (5_500, 3),
        (7_000, 60),
        (8_800, 900),
        (9_300, 6_000),
        (9_700, 60_000),
        (10_000, 400_000),
    ]),
    life_again_ticks: 16,
    distance: Quantiles::new(&[
        (0, 4),
        (1_000, 7),
        (3_000, 10),
        (5_000, 13),
        (7_000, 18),
        (9_000, 60),
        (9_800, 300),
        (10_000, 900),
    ]),
    improve_percent: 25,
    spread_min: 8,
    may_cross: false,
    take_per_mille: 200,
    makers_wanted: &MAKERS_WANTED,
    pull_percent: 5,
    replace_percent: 10,
    cancel_late_per_mille: 3,
};

/// [`LOBSTER`], but that nobody cancels or changes an order before thousands of commands have passed.
pub(crate) const LOBSTER_LONG: Shape = Shape {
    life: Quantiles::new(&[
        (0, 2_000),
        (5_000, 5_000),
        (9_000, 10_000),
        (9_900, 50_000),
        (10_000, 200_000),
    ]),
    ..LOBSTER
};

/// Dense levels, 10 commands in 100 trade.
pub(crate) const NORMAL: Shape = Shape {
    reference_price: PriceTicks(10_000),
    path: Path::Walk { step_milliticks: 500, jump_every: 5_000, jump_ticks: 10, pull: 4_096 },
    opening: 1_000,
    life: Quantiles::new(&[(0, 1), (2_500, 20), (5_000, 200), (9_000, 1_500), (10_000, 20_000)]),
    life_again_ticks: 32,
    distance: Quantiles::new(&[(0, 1), (5_000, 6), (9_000, 20), (10_000, 80)]),
    improve_percent: 0,
    spread_min: 1,
    may_cross: true,
    take_per_mille: 150,
    makers_wanted: &MAKERS_WANTED,
    pull_percent: 4,
    replace_percent: 15,
    cancel_late_per_mille: 3,
};

/// Some 10,000 orders rest on 250 levels a side, and any of them is as likely to go as the next.
pub(crate) const STATIC: Shape = Shape {
    reference_price: PriceTicks(10_000),
    path: Path::Still,
    opening: 10_000,
    life: Quantiles::new(&[(0, 1_000), (10_000, 39_000)]),
    life_again_ticks: 1_000_000,
    distance: Quantiles::new(&[(0, 1), (10_000, 250)]),
    improve_percent: 0,
    spread_min: 1,
    may_cross: false,
    take_per_mille: 20,
    makers_wanted: &[(1, 1)],
    pull_percent: 0,
    replace_percent: 10,
    cancel_late_per_mille: 1,
};

/// Half a tick for each command, and orders that stay where fair value has left them.
pub(crate) const SWING: Shape = Shape {
    reference_price: PriceTicks(10_000),
    path: Path::Wander { reach_percent: 40, speed_milliticks: 500 },
    opening: 1_000,
    life: Quantiles::new(&[(0, 1), (2_500, 10), (5_000, 50), (9_000, 2_000), (10_000, 20_000)]),
    life_again_ticks: 64,
    distance: Quantiles::new(&[(0, 1), (5_000, 10), (9_000, 60), (10_000, 300)]),
    improve_percent: 0,
    spread_min: 1,
    may_cross: true,
    take_per_mille: 120,
    makers_wanted: &MAKERS_WANTED,
    pull_percent: 4,
    replace_percent: 15,
    cancel_late_per_mille: 3,
};

/// A fall of 2.4 ticks for each command, a recovery of 0.4.
pub(crate) const FLASH_CRASH: Shape = Shape {
    reference_price: PriceTicks(20_000),
    path: Path::Crash(Crash {
        quiet: 55_000,
        fall: 5_000,
        bottom: 10_000,
        recovery: 30_000,
        depth_percent: 60,
    }),
    opening: 2_000,
    life: Quantiles::new(&[(0, 1), (2_500, 20), (5_000, 200), (9_000, 4_000), (10_000, 40_000)]),
    life_again_ticks: 64,
    distance: Quantiles::new(&[(0, 1), (5_000, 12), (9_000, 80), (10_000, 400)]),
    improve_percent: 0,
    spread_min: 1,
    may_cross: true,
    take_per_mille: 120,
    makers_wanted: &MAKERS_WANTED,
    pull_percent: 4,
    replace_percent: 10,
    cancel_late_per_mille: 3,
};

/// Of 1000 commands during a fall where no order is due, how many are aggressors.
pub(crate) const FALLING_TAKE_PER_MILLE: u64 = 450;
/// Percent of a fall's aggressors that sell.
pub(crate) const FALLING_SELL_PERCENT: u64 = 90;
/// How many resting orders such a one is after.
pub(crate) const FALLING_MAKERS_WANTED: [(u64, usize); 4] = [(40, 2), (40, 5), (15, 15), (5, 40)];
