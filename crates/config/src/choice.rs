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
        /// Unicast to each reader (Aeron's multi-destination-cast), to which readers sign up with
        /// the publisher.
        Mdc = "mdc",
    } refused {}
}

choice! {
    /// Whom the publisher of a stream to many waits for.
    FlowControl {
        /// The slowest reader that still sends status messages.
        Slowest = "slowest",
        /// The slowest of those that carry the group tag: the voters of the input log.
        Tagged = "tagged",
        /// Nobody: the fastest reader sets the pace, and one that can not follow loses its image.
        Fastest = "fastest",
    } refused {}
}

choice! {
    /// Which implementation of Aeron's UDP transport carries the bytes.
    Datapath {
        /// `uring` where the kernel has what it needs, else `socket`; the choice is printed.
        Auto = "auto",
        /// io_uring, or the process does not start.
        Uring = "uring",
        /// AF_XDP on one interface, past the kernel's UDP stack.
        Xdp = "xdp",
        /// Aeron's own `recvmmsg` and `sendmmsg`.
        Socket = "socket",
    } refused {}
}

choice! {
    /// Whether AF_XDP moves frames without copying them.
    XdpZeroCopy {
        /// Where the driver can.
        Auto = "auto",
        /// Or `xdp` is not to be had.
        Require = "require",
        /// Never.
        Off = "off",
    } refused {}
}

choice! {
    /// What a process does where `xdp` is configured and not to be had.
    XdpFallback {
        /// It does not start.
        Exit = "exit",
        /// It uses Aeron's own sockets.
        Socket = "socket",
    } refused {}
}

choice! {
    /// Where the media driver's agents run.
    Threading {
        /// On the role's own thread, called from its duty cycle.
        Invoker = "invoker",
        /// On one thread of the driver's own.
        Shared = "shared",
        /// On three: conductor, sender and receiver.
        Dedicated = "dedicated",
    } refused {}
}

choice! {
    /// How the datapath `uring` asks, whether it is for what came or for what is to leave.
    Via {
        /// By requests on a ring.
        Ring = "ring",
        /// By system calls of their own.
        Direct = "direct",
    } refused {}
}

choice! {
    /// Whose media driver a process uses.
    Driver {
        /// One of its own, embedded.
        Embedded = "embedded",
        /// That of `vesta driver`, which it shares with other processes of the host.
        Shared = "shared",
    } refused {}
}

choice! {
    /// What the loop of one role does when it finds nothing to do.
    RoleIdle {
        /// What `transport.idle` says.
        Default = "default",
        /// As [`Idle::Spin`].
        Spin = "spin",
        /// As [`Idle::Backoff`].
        Backoff = "backoff",
        /// As [`Idle::Park`].
        Park = "park",
    } refused {}
}

impl RoleIdle {
    /// What it comes to where `transport.idle` is `default`.
    #[must_use]
    pub const fn or(self, default: Idle) -> Idle {
        match self {
            Self::Default => default,
            Self::Spin => Idle::Spin,
            Self::Backoff => Idle::Backoff,
            Self::Park => Idle::Park,
        }
    }
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
