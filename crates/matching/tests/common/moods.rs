//! The moods of the market: they decide what comes up often.

/// How often each kind of step, and each kind of order, comes up.
pub struct Mood {
    /// New, cancel, replace, mass cancel, kill, change of state, time, definition.
    pub steps: [u16; 8],
    /// Limit, immediate, stop, pegged, auction-only.
    pub kinds: [u16; 5],
    /// Nothing, iceberg, hidden, all-or-none, minimum quantity, hidden and one of the last two.
    pub shows: [u16; 6],
    /// In how many prices one is drawn without regard to the side.
    pub crossing_one_in: u64,
    /// In how many commands one breaks a rule.
    pub flaw_one_in: u64,
    /// In how many orders one has a group.
    pub stp_one_in: u64,
    /// In how many steps without continuous trading one is to bring it back.
    pub resume_one_in: u64,
}

const ANY: Mood = Mood {
    steps: [650, 70, 180, 4, 6, 12, 60, 4],
    kinds: [55, 20, 20, 8, 6],
    shows: [50, 15, 12, 10, 10, 3],
    crossing_one_in: 2,
    flaw_one_in: 24,
    stp_one_in: 2,
    resume_one_in: 6,
};

pub const MOODS: [Mood; 11] = [
    ANY,
    // Books that fill up.
    Mood {
        steps: [900, 20, 50, 0, 0, 2, 30, 2],
        kinds: [80, 4, 8, 6, 2],
        crossing_one_in: 20,
        ..ANY
    },
    // Cascades.
    Mood { kinds: [45, 25, 50, 10, 2], shows: [50, 15, 12, 8, 8, 3], crossing_one_in: 3, ..ANY },
    // What is not displayed.
    Mood { kinds: [60, 30, 6, 6, 2], shows: [15, 20, 20, 20, 20, 8], ..ANY },
    // Auctions.
    Mood {
        steps: [600, 40, 120, 3, 2, 90, 70, 3],
        kinds: [60, 8, 30, 8, 24],
        crossing_one_in: 1,
        resume_one_in: 16,
        ..ANY
    },
    // Cancels and replaces.
    Mood { steps: [380, 100, 460, 8, 4, 8, 50, 3], ..ANY },
    // Mistakes.
    Mood { flaw_one_in: 3, ..ANY },
    // The operator.
    Mood { steps: [600, 60, 120, 60, 60, 60, 80, 30], ..ANY },
    // Pegs.
    Mood { kinds: [50, 10, 50, 40, 2], shows: [40, 10, 15, 20, 20, 6], crossing_one_in: 3, ..ANY },
    // Pegs that trade with what waits across the touch.
    Mood { kinds: [60, 5, 40, 60, 1], shows: [20, 8, 25, 25, 25, 8], crossing_one_in: 5, ..ANY },
    // Self-trades.
    Mood { kinds: [60, 35, 25, 8, 4], stp_one_in: 1, ..ANY },
];
