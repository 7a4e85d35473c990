//! Keys that take one word out of a few. A word that is known but not available says why, so that
//! nobody takes it for a spelling mistake.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $text:literal,)*
    } refused { $($word:literal: $why:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All that can be chosen, in the order of the manual.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word that names it in `vesta.toml`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl From<$name> for &'static str {
            fn from(choice: $name) -> Self {
                choice.name()
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(word: String) -> Result<Self, String> {
                match word.as_str() {
                    $($text => Ok(Self::$variant),)*
                    $($word => Err(concat!("\"", $word, "\" is ", $why).to_owned()),)*
                    _ => Err(format!(
                        "\"{word}\" is not known here; use {}",
                        [$(concat!("\"", $text, "\"")),*].join(" or ")
                    )),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

choice! {
    /// How safe a command is when it is acknowledged.
    CommitLevel {
        /// The sequencer has it in memory.
        Received = "received",
    } refused {
        "replicated": "not available: needs journals and replicas; use \"received\"",
        "journaled": "not available: needs journals and replicas; use \"received\"",
    }
}

impl CommitLevel {
    /// The level as acknowledgements state it.
    #[must_use]
    pub const fn on_wire(self) -> vesta_wire::CommitLevel {
        match self {
            Self::Received => vesta_wire::CommitLevel::Received,
        }
    }
}

choice! {
    /// How one stream reaches many readers.
    Mode {
        /// IP multicast.
        Multicast = "multicast",
    } refused {
        "mdc": "not available: it comes with the datapath work; use \"multicast\"",
    }
}

choice! {
    /// Which implementation of Aeron's UDP transport carries the bytes.
    Datapath {
        /// `uring` where the kernel has what it needs, else `socket`; the choice is printed.
        Auto = "auto",
        /// io_uring, or the process does not start.
        Uring = "uring",
        /// Aeron's own `recvmmsg` and `sendmmsg`.
        Socket = "socket",
    } refused {
        "xdp": "not available: it comes with the datapath work; use \"auto\", \"uring\" or \"socket\"",
    }
}

choice! {
    /// Where the media driver's agents run.
    Threading {
        /// On the role's own thread, called from its duty cycle.
        Invoker = "invoker",
        /// On one thread of the driver's own.
        Shared = "shared",
    } refused {}
}

choice! {
    /// What a thread does when it finds nothing to do.
    Idle {
        /// Looks again at once: a whole core, the lowest latency.
        Spin = "spin",
        /// Spins, then yields, then sleeps, up to the longest sleep.
        Backoff = "backoff",
        /// Sleeps the longest sleep every time.
        Park = "park",
    } refused {}
}

choice! {
    /// The least grave line that is printed on stderr.
    LogLevel {
        /// What stops the process.
        Error = "error",
        /// And what an operator should look at.
        Warn = "warn",
        /// And what happens once: starts, joins, ends.
        Info = "info",
        /// And what happens often.
        Debug = "debug",
    } refused {}
}
