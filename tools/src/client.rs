//! A client of the gateway: sends commands over UDP until each is answered, exactly once.
//!
//! ```text
//!   submit --> in flight (client_seq dense) --answered--> gone
//!                  |  refused, gap, silence
//!                  '--> sent again, from the oldest unanswered on
//! ```
//!
//! A repetition is safe: the engine executes a `client_seq` once, and answers again with what
//! became of it. Sans-I/O but for the [`DatagramSocket`]; time is handed in.

mod request;

use request::REQUEST_LEN_MAX;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use vesta_transport::{DatagramSocket, SendOutcome};
use vesta_types::{Command, InstrumentId, RejectReason, Scale, SessionId};
use vesta_wire::client::{
    AcceptedReport, CancelledReport, ExecutedReport, Origin, RefusedReport, RejectedReport,
    ReplacedReport, RepricedReport, ResentReport, SelfTradePreventedReport, TriggeredReport,
};
use vesta_wire::{Message, decode, peek};

/// The epoch that sessions have until they are opened by the log.
const SESSION_EPOCH: u32 = 1;
/// Silence after which everything unanswered is sent again. Longer than a pause of a busy host.
const SILENCE_NS: u64 = 200_000_000;
/// Wait before a refused command is sent again: the venue said that it has too much to do.
const REFUSED_PAUSE_NS: u64 = 1_000_000;
/// Wait after a repetition before the next one: what it causes has to come back first.
const REPEAT_PAUSE_NS: u64 = 5_000_000;
/// Datagrams taken in one poll.
const DATAGRAMS_PER_POLL: usize = 128;

/// What the client hears, in the terms of its caller: `tag` is the caller's own name of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A command has its outcome; said once for each.
    Answer(Answer),
    /// One of the sessions' orders traded.
    Fill(Fill),
    /// An order, or what was left of one, is gone.
    Cancelled(ExecutionState),
    /// An order has another price, trigger or open quantity.
    Replaced(ExecutionState),
    /// A stop's trigger was reached.
    Triggered(ExecutionState),
    /// A pegged order followed its reference.
    Repriced(ExecutionState),
    /// A quantity came off an order that met one of its group.
    SelfTradePrevented(ExecutionState),
}

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The caller's name of the command.
    pub tag: u64,
    /// The record that it became in the input log.
    pub seq: u64,
    /// Position of the answer in the event log.
    pub event_seq: u64,
    /// The order concerned.
    pub order_id: u64,
    /// Why it was rejected; `None` when it was accepted.
    pub rejected: Option<RejectReason>,
}

/// One side of a trade, as its owner is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The trade.
    pub trade_id: u64,
    /// Position of the report in the event log.
    pub event_seq: u64,
    /// The order.
    pub order_id: u64,
    /// Its owner's name for it.
    pub client_order_id: u64,
    /// Its owner.
    pub session: SessionId,
    /// The instrument.
    pub instrument: InstrumentId,
    /// Price, 10^-8.
    pub price_e8: i64,
    /// Quantity, 10^-8.
    pub qty_e8: i64,
    /// What is left open of the order, 10^-8.
    pub leaves_e8: i64,
    /// True when it was the resting side; in an auction, the sell.
    pub maker: bool,
    /// True in an auction.
    pub auction: bool,
}

/// What became of an order without a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionState {
    /// Position of the report in the event log.
    pub event_seq: u64,
    /// The order.
    pub order_id: u64,
    /// Its owner's name for it.
    pub client_order_id: u64,
    /// Its owner.
    pub session: SessionId,
    /// Cancelled: the quantity that is gone; otherwise what is open of it from now on; 10^-8.
    pub qty_e8: i64,
    /// Its price from now on, 10^-8; 0 for none. Of a self-trade that was prevented, its price.
    pub price_e8: i64,
}

/// What a client counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands that have their outcome.
    pub answered: u64,
    /// Outcomes that came a second time without being asked for: never, from a correct venue.
    pub duplicated: u64,
    /// Datagrams sent again.
    pub resent: u64,
    /// Refusals at the edge; the command was sent again.
    pub not_sequenced: u64,
    /// Datagrams that are no report.
    pub faults: u64,
}

impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.duplicated += other.duplicated;
        self.resent += other.resent;
        self.not_sequenced += other.not_sequenced;
        self.faults += other.faults;
    }
}

#[derive(Debug)]
struct InFlight {
    tag: u64,
    answered: bool,
    len: usize,
    request: [u8; REQUEST_LEN_MAX],
}

#[derive(Debug, Default)]
struct Session {
    /// `client_seq` of the front of `in_flight`.
    front: u64,
    in_flight: VecDeque<InFlight>,
    heard_ns: u64,
    repeated_ns: u64,
    repeat_at_ns: Option<u64>,
}

/// A client with any number of sessions on one socket.
#[derive(Debug)]
pub struct Client<D> {
    socket: D,
    gateway: SocketAddr,
    scales: BTreeMap<InstrumentId, Scale>,
    sessions: BTreeMap<SessionId, Session>,
    in_flight: usize,
    in_flight_max: usize,
    counters: Counters,
    bound_elsewhere: Option<SessionId>,
}

impl<D: DatagramSocket> Client<D> {
    /// A client of `gateway` that has at most `in_flight_max` commands unanswered: what comes back
    /// for them must fit into the socket's buffer, since UDP drops what does not.
    pub fn new(
        socket: D,
        gateway: SocketAddr,
        scales: impl IntoIterator<Item = (InstrumentId, Scale)>,
        in_flight_max: usize,
    ) -> Self {
        Self {
            socket,
            gateway,
            scales: scales.into_iter().collect(),
            sessions: BTreeMap::new(),
            in_flight: 0,
            in_flight_max,
            counters: Counters::default(),
            bound_elsewhere: None,
        }
    }

    /// A session of ours that belongs to another address, as the gateway said: no repetition helps.
    #[must_use]
    pub const fn bound_elsewhere(&self) -> Option<SessionId> {
        self.bound_elsewhere
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Commands that have no outcome yet.
    #[must_use]
    pub const fn unanswered(&self) -> usize {
        self.in_flight
    }

    /// True when one more command may be submitted.
    #[must_use]
    pub const fn has_room(&self) -> bool {
        self.in_flight < self.in_flight_max
    }

    /// Sends a command of its session, under the session's next `client_seq`.
    ///
    /// # Errors
    /// When the command can not be written for the wire: an instrument that the client does not
    /// know, or a price or quantity that does not fit.
    pub fn submit(&mut self, now_ns: u64, command: &Command, tag: u64) -> Result<(), Unsendable> {
        let session = self
            .sessions
            .entry(command.session())
            .or_insert_with(|| Session { front: 1, ..Session::default() });
        let origin = Origin {
            client_seq: (session.front + session.in_flight.len() as u64).into(),
            session: command.session().0.into(),
            session_epoch: SESSION_EPOCH.into(),
        };
        let mut request = [0; REQUEST_LEN_MAX];
        let len = request::write(&self.scales, origin, command, &mut request)?;
        if session.in_flight.is_empty() {
            session.heard_ns = now_ns;
        }
        if self.socket.send(&request[..len], self.gateway) != SendOutcome::Sent {
            session.repeat_at_ns.get_or_insert(now_ns + REFUSED_PAUSE_NS);
        }
        session.in_flight.push_back(InFlight { tag, answered: false, len, request });
        self.in_flight += 1;
        Ok(())
    }

    /// Takes what has come back, and sends again what is due. Returns how much it did.
    pub fn poll(&mut self, now_ns: u64, heard: &mut dyn FnMut(Report)) -> usize {
        let mut buffer = [0; 256];
        let mut taken = 0;
        while taken < DATAGRAMS_PER_POLL {
            let Some((len, from)) = self.socket.receive(&mut buffer) else { break };
            taken += 1;
            if from != self.gateway || len > buffer.len() {
                self.counters.faults += 1;
                continue;
            }
            if self.on_report(now_ns, &buffer[..len], heard).is_none() {
                self.counters.faults += 1;
            }
        }
        taken + self.repeat(now_ns)
    }

    /// `None` for what is no report of ours.
    fn on_report(
        &mut self,
        now_ns: u64,
        bytes: &[u8],
        heard: &mut dyn FnMut(Report),
    ) -> Option<()> {
        match peek(bytes).ok()?.template_id.get() {
            AcceptedReport::TEMPLATE_ID => {
                let r: &AcceptedReport = decode(bytes).ok()?;
                let answer = Answer {
                    tag: 0,
                    seq: r.seq.get(),
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    rejected: None,
                };
                let session = SessionId(r.session.get());
                self.answer(now_ns, session, r.client_seq.get(), answer, true, heard);
            }
            RejectedReport::TEMPLATE_ID => {
                let r: &RejectedReport = decode(bytes).ok()?;
                let session = SessionId(r.session.get());
                let reason = RejectReason::from_wire(r.reason.get())?;
                if reason == RejectReason::ClientSeqGap {
                    // An earlier command got lost on the way: no outcome, send from there again.
                    self.schedule(session, now_ns);
                    return Some(());
                }
                let answer = Answer {
                    tag: 0,
                    seq: r.seq.get(),
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    rejected: Some(reason),
                };
                self.answer(now_ns, session, r.client_seq.get(), answer, true, heard);
            }
            ResentReport::TEMPLATE_ID => {
                let r: &ResentReport = decode(bytes).ok()?;
                let answer = Answer {
                    tag: 0,
                    seq: r.first_seq.get(),
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    rejected: RejectReason::from_wire(r.reason.get()),
                };
                let session = SessionId(r.session.get());
                self.answer(now_ns, session, r.client_seq.get(), answer, false, heard);
            }
            RefusedReport::TEMPLATE_ID => {
                let r: &RefusedReport = decode(bytes).ok()?;
                self.counters.not_sequenced += 1;
                let session = SessionId(r.session.get());
                let is_bound_elsewhere =
                    r.reason.get() == RejectReason::SessionBoundElsewhere as u16;
                if is_bound_elsewhere && self.sessions.contains_key(&session) {
                    self.bound_elsewhere.get_or_insert(session);
                }
                self.schedule(session, now_ns + REFUSED_PAUSE_NS);
            }
            ExecutedReport::TEMPLATE_ID => {
                let r: &ExecutedReport = decode(bytes).ok()?;
                heard(Report::Fill(Fill {
                    trade_id: r.trade_id.get(),
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    client_order_id: r.client_order_id.get(),
                    session: SessionId(r.session.get()),
                    instrument: InstrumentId(r.instrument.get()),
                    price_e8: r.price.get(),
                    qty_e8: r.qty.get(),
                    leaves_e8: r.leaves.get(),
                    maker: r.maker == 1,
                    auction: r.auction == 1,
                }));
            }
            CancelledReport::TEMPLATE_ID => {
                let r: &CancelledReport = decode(bytes).ok()?;
                heard(Report::Cancelled(ExecutionState {
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    client_order_id: r.client_order_id.get(),
                    session: SessionId(r.session.get()),
                    qty_e8: r.qty.get(),
                    price_e8: r.price.get(),
                }));
            }
            ReplacedReport::TEMPLATE_ID => {
                let r: &ReplacedReport = decode(bytes).ok()?;
                heard(Report::Replaced(ExecutionState {
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    client_order_id: r.client_order_id.get(),
                    session: SessionId(r.session.get()),
                    qty_e8: r.qty.get(),
                    price_e8: r.price.get(),
                }));
            }
            TriggeredReport::TEMPLATE_ID => {
                let r: &TriggeredReport = decode(bytes).ok()?;
                heard(Report::Triggered(ExecutionState {
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    client_order_id: r.client_order_id.get(),
                    session: SessionId(r.session.get()),
                    qty_e8: r.qty.get(),
                    price_e8: r.price.get(),
                }));
            }
            RepricedReport::TEMPLATE_ID => {
                let r: &RepricedReport = decode(bytes).ok()?;
                heard(Report::Repriced(ExecutionState {
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    client_order_id: r.client_order_id.get(),
                    session: SessionId(r.session.get()),
                    qty_e8: r.qty.get(),
                    price_e8: r.price.get(),
                }));
            }
            SelfTradePreventedReport::TEMPLATE_ID => {
                let r: &SelfTradePreventedReport = decode(bytes).ok()?;
                heard(Report::SelfTradePrevented(ExecutionState {
                    event_seq: r.event_seq.get(),
                    order_id: r.order_id.get(),
                    client_order_id: r.client_order_id.get(),
                    session: SessionId(r.session.get()),
                    qty_e8: r.leaves.get(),
                    price_e8: r.price.get(),
                }));
            }
            _ => return None,
        }
        Some(())
    }

    fn answer(
        &mut self,
        now_ns: u64,
        session: SessionId,
        client_seq: u64,
        answer: Answer,
        first_hand: bool,
        heard: &mut dyn FnMut(Report),
    ) {
        let Some(session) = self.sessions.get_mut(&session) else {
            self.counters.faults += 1;
            return;
        };
        let open = client_seq
            .checked_sub(session.front)
            .and_then(|at| session.in_flight.get_mut(usize::try_from(at).ok()?))
            .filter(|in_flight| !in_flight.answered);
        let Some(in_flight) = open else {
            // A repetition that we asked for may say it again; nothing else may.
            self.counters.duplicated += u64::from(first_hand);
            return;
        };
        in_flight.answered = true;
        session.heard_ns = now_ns;
        self.counters.answered += 1;
        heard(Report::Answer(Answer { tag: in_flight.tag, ..answer }));
        while session.in_flight.front().is_some_and(|in_flight| in_flight.answered) {
            session.in_flight.pop_front();
            session.front += 1;
            self.in_flight -= 1;
        }
    }

    fn schedule(&mut self, session: SessionId, at_ns: u64) {
        if let Some(session) = self.sessions.get_mut(&session) {
            let at_ns = at_ns.max(session.repeated_ns + REPEAT_PAUSE_NS);
            session.repeat_at_ns.get_or_insert(at_ns);
        }
    }

    /// Sends again, of every session for which it is due, all that is unanswered, in order.
    fn repeat(&mut self, now_ns: u64) -> usize {
        let Self { socket, gateway, sessions, counters, .. } = self;
        let mut sent = 0;
        for session in sessions.values_mut().filter(|session| !session.in_flight.is_empty()) {
            let silent = now_ns.saturating_sub(session.heard_ns.max(session.repeated_ns));
            let due = session.repeat_at_ns.is_some_and(|at| now_ns >= at) || silent >= SILENCE_NS;
            if !due {
                continue;
            }
            session.repeat_at_ns = None;
            session.repeated_ns = now_ns;
            for in_flight in session.in_flight.iter().filter(|in_flight| !in_flight.answered) {
                if socket.send(&in_flight.request[..in_flight.len], *gateway) != SendOutcome::Sent {
                    session.repeat_at_ns = Some(now_ns + REFUSED_PAUSE_NS);
                    break;
                }
                sent += 1;
            }
        }
        counters.resent += sent as u64;
        sent
    }
}

/// A command that can not be written for the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// The client was not told of the instrument.
    #[error("the client does not know instrument {0}")]
    UnknownInstrument(InstrumentId),
    /// A figure that does not fit into 64 bits of 10^-8.
    #[error("a {0} is too large for the wire")]
    TooLarge(&'static str),
    /// A budget that no number of 10^-8 stands for.
    #[error("the budget is finer than the wire")]
    TooFine,
    /// It is the operator's, who has a stream of its own.
    #[error("no session may give this command")]
    Operators,
}
