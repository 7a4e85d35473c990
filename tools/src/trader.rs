//! Sends order flow at its times, and keeps what came back.

use crate::client::{Answer, Client, Counters, Fill, Report};
use crate::latency::Latency;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use vesta_config::Config;
use vesta_netio::{Clock, UdpSocket};
use vesta_runner::StartError;
use vesta_types::{Command, SessionId};

/// Commands in flight at most. What comes back for them, some two reports each and a hundred or two
/// for a mass cancel, must fit into the socket's buffer as an unconfigured kernel grants it (512
/// datagrams): UDP drops what does not, and only answers come again. So each session has a socket.
const IN_FLIGHT_MAX: usize = 128;

/// Sockets at most, whatever the number of sessions.
const SOCKETS_MAX: usize = 16;

/// What the venue of a small machine makes per second at full speed. It only spaces what is to expire
/// and to open in the course of a run.
const MAX_EXPECTED: f64 = 40_000.0;

/// At which rate commands are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Commands per second, each at its own time, whatever the venue does (open loop).
    PerSecond(f64),
    /// As fast as answers come back: latency is then that of a full venue.
    Max,
}

impl Rate {
    /// What a plan may count on, commands per second.
    #[must_use]
    pub const fn expected(self) -> f64 {
        match self {
            Self::PerSecond(rate) => rate,
            Self::Max => MAX_EXPECTED,
        }
    }
}

/// A client at work on a list of commands; a command's tag is its place in the list.
#[derive(Debug)]
pub struct Trader<'a> {
    commands: &'a [Command],
    rate: Rate,
    /// One for each session; one for all where the configuration names the port.
    clients: Vec<Client<UdpSocket>>,
    /// Which one is a session's.
    places: BTreeMap<SessionId, usize>,
    /// When each command was meant to be sent, monotonic ns.
    intended_ns: Vec<u64>,
    answers: Vec<Option<Answer>>,
    fills: Vec<Fill>,
    cancelled: u64,
    replaced: u64,
    moved: u64,
    latency: Latency,
    /// Monotonic times, ns: the first command's, the last answer's.
    started_ns: u64,
    answered_ns: u64,
    event_seq: u64,
}

/// What a trader was told in all.
#[derive(Debug)]
pub struct Traded {
    /// Commands that were sent.
    pub sent: usize,
    /// The outcome of each command, by its place in the list.
    pub answers: Vec<Option<Answer>>,
    /// Every fill.
    pub fills: Vec<Fill>,
    /// How many cancellations were reported.
    pub cancelled: u64,
    /// How many replacements were reported.
    pub replaced: u64,
    /// How often orders were reported to be triggered, repriced, or reduced by self-trade prevention.
    pub moved: u64,
    /// From the intended time of sending to the outcome.
    pub latency: Latency,
    /// What the client counted.
    pub counters: Counters,
    /// From the first command to the last outcome, seconds.
    pub seconds: f64,
    /// The latest event that was reported.
    pub event_seq: u64,
}

impl<'a> Trader<'a> {
    /// A client of the configuration's first gateway.
    ///
    /// # Errors
    /// When there is none, or no socket.
    pub fn new(config: &Config, commands: &'a [Command], rate: Rate) -> Result<Self, String> {
        let gateway = config.gateway_list.first().ok_or("the configuration has no [[gateway]]")?;
        let bind = SocketAddr::V4(config.demo.client_bind);
        let client = || {
            let socket = UdpSocket::bind(bind, gateway.receive_buffer_bytes as usize)
                .map_err(|error| StartError::from(error).with_knob(config).to_string())?;
            let (to, scales) = (SocketAddr::V4(gateway.listen), config.scales());
            Ok::<_, String>(Client::new(socket, to, scales, IN_FLIGHT_MAX))
        };
        let sessions: BTreeSet<SessionId> = commands.iter().map(Command::session).collect();
        let count = if bind.port() == 0 { sessions.len().clamp(1, SOCKETS_MAX) } else { 1 };
        let places = sessions.into_iter().zip((0..count).cycle()).collect();
        Ok(Self {
            commands,
            rate,
            clients: (0..count).map(|_| client()).collect::<Result<_, _>>()?,
            places,
            intended_ns: Vec::with_capacity(commands.len()),
            answers: vec![None; commands.len()],
            fills: Vec::new(),
            cancelled: 0,
            replaced: 0,
            moved: 0,
            latency: Latency::new(),
            started_ns: 0,
            answered_ns: 0,
            event_seq: 0,
        })
    }

    /// The clock starts: the first command is due now.
    pub const fn start(&mut self, now_ns: u64) {
        (self.started_ns, self.answered_ns) = (now_ns, now_ns);
    }

    /// When the clock started, monotonic ns.
    #[must_use]
    pub const fn started_ns(&self) -> u64 {
        self.started_ns
    }

    /// Commands sent so far.
    #[must_use]
    pub const fn sent(&self) -> usize {
        self.intended_ns.len()
    }

    /// Commands that have their outcome.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.counters().answered
    }

    /// A session that belongs to another client's address; none of its commands will be taken.
    #[must_use]
    pub fn bound_elsewhere(&self) -> Option<SessionId> {
        self.clients.iter().find_map(Client::bound_elsewhere)
    }

    /// What all clients counted.
    fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        self.clients.iter().for_each(|client| sum += client.counters());
        sum
    }

    fn unanswered(&self) -> usize {
        self.clients.iter().map(Client::unanswered).sum()
    }

    /// True when every command that was sent has its outcome.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.unanswered() == 0
    }

    /// How long ago the last outcome came, ns; 0 when none is awaited.
    #[must_use]
    pub fn silent_ns(&self, now_ns: u64) -> u64 {
        if self.is_settled() { 0 } else { now_ns.saturating_sub(self.answered_ns) }
    }

    /// The fills that were told so far.
    #[must_use]
    pub fn fills(&self) -> &[Fill] {
        &self.fills
    }

    /// Sends what is due, up to command `end`.
    ///
    /// # Errors
    /// When a command can not be written for the wire.
    pub fn submit_due(&mut self, now_ns: u64, end: usize) -> Result<(), String> {
        while self.sent() < end && self.unanswered() < IN_FLIGHT_MAX {
            let at = self.sent();
            let intended = match self.rate {
                // A full venue has no other time than now.
                Rate::Max => now_ns,
                Rate::PerSecond(rate) => self.started_ns + (at as f64 * 1e9 / rate) as u64,
            };
            if now_ns < intended {
                break;
            }
            if self.is_settled() {
                self.answered_ns = now_ns;
            }
            self.intended_ns.push(intended);
            let command = &self.commands[at];
            self.clients[self.places[&command.session()]]
                .submit(now_ns, command, at as u64)
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Takes what has come back. Returns how much it did.
    ///
    /// The clock is read at each answer, not once per cycle: a time from before the answer was
    /// there would flatter the venue whenever this thread was paused in between.
    pub fn poll(&mut self, clock: &Clock) -> usize {
        let Self { clients, answers, fills, cancelled, replaced, moved, .. } = self;
        let Self { latency, intended_ns, answered_ns, event_seq, .. } = self;
        let mut heard = |report| match report {
            Report::Answer(answer) => {
                let (tag, now_ns) = (answer.tag as usize, clock.mono_ns());
                latency.record(now_ns.saturating_sub(intended_ns[tag]));
                answers[tag] = Some(answer);
                *answered_ns = now_ns;
                *event_seq = answer.event_seq.max(*event_seq);
            }
            Report::Fill(fill) => {
                *event_seq = fill.event_seq.max(*event_seq);
                fills.push(fill);
            }
            Report::Cancelled(state) => {
                *cancelled += 1;
                *event_seq = state.event_seq.max(*event_seq);
            }
            Report::Replaced(state) => {
                *replaced += 1;
                *event_seq = state.event_seq.max(*event_seq);
            }
            Report::Triggered(state)
            | Report::Repriced(state)
            | Report::SelfTradePrevented(state) => {
                *moved += 1;
                *event_seq = state.event_seq.max(*event_seq);
            }
        };
        let now_ns = clock.mono_ns();
        clients.iter_mut().map(|client| client.poll(now_ns, &mut heard)).sum()
    }

    /// Ends it.
    #[must_use]
    pub fn finish(self) -> Traded {
        Traded {
            sent: self.sent(),
            counters: self.counters(),
            seconds: self.answered_ns.saturating_sub(self.started_ns) as f64 / 1e9,
            answers: self.answers,
            fills: self.fills,
            cancelled: self.cancelled,
            replaced: self.replaced,
            moved: self.moved,
            latency: self.latency,
            event_seq: self.event_seq,
        }
    }
}

impl Traded {
    /// Commands that have their outcome.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answers.iter().flatten().count() as u64
    }

    /// Rejected commands, by reason.
    #[must_use]
    pub fn rejected(&self) -> std::collections::BTreeMap<&'static str, u64> {
        let mut rejected = std::collections::BTreeMap::new();
        for reason in self.answers.iter().flatten().filter_map(|answer| answer.rejected) {
            *rejected.entry(reason.name()).or_insert(0) += 1;
        }
        rejected
    }

    /// Commands answered per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.answered() as f64 / self.seconds } else { 0.0 }
    }
}
