//! The scenarios by name.

use crate::shape::{self, Shape};
use core::fmt;
use core::str::FromStr;

/// A kind of order flow. What each looks like is in `shape.rs`, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// In the likeness of a liquid share's day: wide gaps between levels, half of all orders gone
    /// after a handful of messages, some after a hundred thousand.
    Lobster,
    /// The same, but each cancel comes thousands of messages later: memory of orders is cold.
    LobsterLong,
    /// A dense book around a price that hardly moves; orders live for hundreds of messages.
    Normal,
    /// A deep book at a price that does not move; hardly any trades.
    Static,
    /// The touch wanders 40 % up and down, and leaves orders behind that the next swing sweeps.
    Swing,
    /// Quiet trading, then a fall by 60 % within some thousands of messages, and the way back.
    FlashCrash,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Lobster,
        Self::LobsterLong,
        Self::Normal,
        Self::Static,
        Self::Swing,
        Self::FlashCrash,
    ];

    /// As arguments and output name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lobster => "lobster",
            Self::LobsterLong => "lobster-long",
            Self::Normal => "normal",
            Self::Static => "static",
            Self::Swing => "swing",
            Self::FlashCrash => "flash-crash",
        }
    }

    /// True for one that is a variant of another, made to show one thing: it is measured like the
    /// others, but no goal is about it.
    #[must_use]
    pub const fn is_variant(self) -> bool {
        matches!(self, Self::LobsterLong)
    }

    pub(crate) const fn shape(self) -> &'static Shape {
        match self {
            Self::Lobster => &shape::LOBSTER,
            Self::LobsterLong => &shape::LOBSTER_LONG,
            Self::Normal => &shape::NORMAL,
            Self::Static => &shape::STATIC,
            Self::Swing => &shape::SWING,
            Self::FlashCrash => &shape::FLASH_CRASH,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No scenario has that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownScenario(String);

impl fmt::Display for UnknownScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scenario::ALL.map(Scenario::name).join(", ");
        write!(f, "no scenario is called `{}`; there are {names}", self.0)
    }
}

impl core::error::Error for UnknownScenario {}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, UnknownScenario> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == name);
        found.ok_or_else(|| UnknownScenario(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse(), Ok(scenario));
        }
        let error = "lob".parse::<Scenario>().expect_err("no such scenario");
        assert!(error.to_string().contains("flash-crash"), "{error}");
    }
}
