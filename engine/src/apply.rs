//! The state machine: one sequenced record in, its events out.

use crate::encoder::{Cause, Encoder, EventOutbox, emit, refusal};
use crate::sessions::{Admission, Outcome, SessionOwner, Sessions};
use vesta_matching::{Capacity, EventSink, Matcher};
use vesta_types::{
    ClientSeq, Command, Epoch, Event, GatewayId, InstrumentId, RejectCounts, Seq, SessionEpoch,
    SessionId, ShardId, TimeNs,
};
use vesta_wire::event::{InstrumentDefined, Resent};
use vesta_wire::record::{DefineInstrument, Tick};
use vesta_wire::{Message, WireError, command, decode, peek, record};

/// What an engine is made for. Equal on every engine of a shard: it decides what they do.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shard.
    pub shard: ShardId,
    /// The epoch whose records are applied.
    pub epoch: Epoch,
    /// The shard's sessions.
    pub sessions: Vec<SessionOwner>,
    /// Outcomes kept per session.
    pub outcomes_kept: u32,
    /// Bounds of the matching core.
    pub capacity: Capacity,
}

/// The input log holds what this engine can not apply. It stops: going on would diverge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Records are missing.
    #[error("the input log skips from {expected} to {found}: records are missing")]
    Gap {
        /// The record that had to come.
        expected: Seq,
        /// The one that came.
        found: Seq,
    },
    /// Another sequencer's record.
    #[error("record {seq} is of epoch {found}, but this engine follows epoch {expected}")]
    WrongEpoch {
        /// Which record.
        seq: Seq,
        /// The epoch that is followed.
        expected: Epoch,
        /// The record's.
        found: Epoch,
    },
    /// Sequenced time ran backwards.
    #[error("record {seq} is stamped before the record in front of it")]
    TimeRanBackwards {
        /// Which record.
        seq: Seq,
    },
    /// The record is not one.
    #[error("record {seq} breaks the rules of its message: {error}")]
    Malformed {
        /// Which record was due.
        seq: Seq,
        /// The rule.
        error: WireError,
    },
    /// A message of the schema that this version does not act on yet.
    #[error("record {seq} has template {template}, which this engine does not act on")]
    Unsupported {
        /// Which record.
        seq: Seq,
        /// Its template.
        template: u16,
    },
}

/// What a record is to be done with, once it is known to be good.
enum Action<'a> {
    Command(Command),
    Define(&'a DefineInstrument),
    Tick,
}

impl Action<'_> {
    /// `None` for a record of the schema that is not acted on yet.
    #[inline(always)]
    fn read(bytes: &[u8]) -> Result<Option<Action<'_>>, WireError> {
        Ok(match peek(bytes)?.template_id.get() {
            DefineInstrument::TEMPLATE_ID => Some(Action::Define(decode(bytes)?)),
            Tick::TEMPLATE_ID => decode::<Tick>(bytes).map(|_| Some(Action::Tick))?,
            _ => command(bytes)?.map(Action::Command),
        })
    }
}

/// The engine proper: session table and books.
pub struct Engine {
    settings: Settings,
    sessions: Sessions,
    matcher: Matcher,
    next_seq: Seq,
    time: TimeNs,
    counters: ApplyCounters,
}

/// What an engine counts. No part of its state: it decides nothing, and is in no hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplyCounters {
    /// Commands rejected, by the session table or by the books.
    pub rejected: RejectCounts,
    /// Commands that came again, and were answered with their first outcome.
    pub resent: u64,
}

impl Engine {
    /// An engine before the first record. Allocates all that it will need.
    ///
    /// # Panics
    /// When a capacity is out of its range, or below the number of sessions: the configuration is
    /// checked before.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let sessions = Sessions::new(&settings.sessions, settings.outcomes_kept);
        let mut matcher = Matcher::new(settings.capacity);
        for owner in &settings.sessions {
            let defined = matcher.define_session(owner.session, owner.open_order_max);
            defined.expect("as many sessions as the capacity admits, each once");
        }
        Self {
            settings,
            sessions,
            matcher,
            next_seq: Seq(1),
            time: TimeNs(0),
            counters: ApplyCounters::default(),
        }
    }

    /// The record that comes next.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// When the latest record was sequenced; 0 before the first.
    #[must_use]
    pub const fn time(&self) -> TimeNs {
        self.time
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> ApplyCounters {
        self.counters
    }

    /// The shard that it serves.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.settings.shard
    }

    /// The books, to read.
    #[must_use]
    pub const fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// The hash that replicas compare: books and session table.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        self.matcher.state_hash().wrapping_add(self.sessions.state_hash())
    }

    /// Applies one record of the input log; its events go to `outbox`. A record that was applied
    /// before is ignored.
    ///
    /// # Errors
    /// When the log can not be followed from here; nothing was changed.
    pub fn apply(&mut self, bytes: &[u8], outbox: &mut EventOutbox) -> Result<(), ApplyError> {
        let due = self.next_seq;
        let malformed = |error| ApplyError::Malformed { seq: due, error };
        let header = peek(bytes).map_err(malformed)?;
        let too_short = WireError::Truncated { len: bytes.len(), need: record::PREFIX_LEN };
        let stamp = record::stamp(bytes).ok_or_else(|| malformed(too_short))?;
        let origin = record::origin(bytes).ok_or_else(|| malformed(too_short))?;
        let (seq, time) = (Seq(stamp.seq.get()), TimeNs(stamp.time_ns.get()));
        if seq < due {
            return Ok(());
        }
        if seq > due {
            return Err(ApplyError::Gap { expected: due, found: seq });
        }
        let (expected, found) = (self.settings.epoch, Epoch(stamp.epoch.get()));
        if found != expected {
            return Err(ApplyError::WrongEpoch { seq, expected, found });
        }
        if time < self.time {
            return Err(ApplyError::TimeRanBackwards { seq });
        }
        let unsupported = ApplyError::Unsupported { seq, template: header.template_id.get() };
        let action = Action::read(bytes).map_err(malformed)?.ok_or(unsupported)?;
        let cause = Cause {
            seq,
            time,
            gateway: GatewayId(stamp.gateway.get()),
            client_seq: ClientSeq(origin.client_seq.get()),
        };
        let epoch = SessionEpoch(origin.session_epoch.get());
        self.pass_time(&cause, outbox, false);
        match action {
            Action::Command(command @ (Command::Kill(_) | Command::SetState(_))) => {
                // Nobody's session: the log itself says that it is in force.
                let mut sink = Encoder::of_command(outbox, &self.sessions, &cause);
                self.matcher.apply(&command, &mut sink);
                let _ = sink.outcome();
            }
            Action::Command(command) => self.command(&command, epoch, &cause, outbox),
            Action::Define(definition) => self.define(definition, &cause, outbox),
            Action::Tick => self.pass_time(&cause, outbox, true),
        }
        self.next_seq = self.next_seq.next();
        self.time = time;
        Ok(())
    }

    /// Does what is due by the time of a record, before the record itself: orders expire. A tick
    /// also tells what auctions would do.
    fn pass_time(&mut self, cause: &Cause, outbox: &mut EventOutbox, is_tick: bool) {
        let mut sink = Encoder::of_time(outbox, &self.sessions, cause);
        if is_tick {
            self.matcher.tick(cause.time, &mut sink);
        } else {
            self.matcher.advance_to(cause.time, &mut sink);
        }
    }

    fn command(
        &mut self,
        command: &Command,
        epoch: SessionEpoch,
        cause: &Cause,
        outbox: &mut EventOutbox,
    ) {
        let session = command.session();
        match self.sessions.admit(session, epoch, cause.gateway, cause.client_seq) {
            Admission::Refuse(reason) => {
                self.counters.rejected.count(reason);
                Encoder::rejected(outbox, cause, &refusal(command, reason));
            }
            Admission::Resend(outcome) => {
                self.counters.resent += 1;
                resent(session, &outcome, cause, outbox);
            }
            Admission::Execute(row) => {
                let mut sink = Encoder::of_command(outbox, &self.sessions, cause);
                match self.sessions.check_rights(row, command) {
                    Ok(()) => self.matcher.apply(command, &mut sink),
                    Err(reason) => sink.event(Event::Rejected(refusal(command, reason))),
                }
                let outcome = sink.outcome();
                if let Some(reason) = outcome.rejected {
                    self.counters.rejected.count(reason);
                }
                self.sessions.record(row, cause.client_seq, &outcome);
            }
        }
    }

    /// A definition that contradicts an earlier one can only come from a sequencer of ours that
    /// changed its mind: the books keep the first, and no event repeats it.
    fn define(&mut self, definition: &DefineInstrument, cause: &Cause, outbox: &mut EventOutbox) {
        let rules = definition.rules.get().expect("checked by the gate");
        let instrument = InstrumentId(definition.instrument.get());
        if self.matcher.define(instrument, rules).is_err() {
            return;
        }
        emit(outbox, cause, |stamp| InstrumentDefined {
            stamp,
            rules: definition.rules,
            symbol: definition.symbol,
            instrument: definition.instrument,
            tick_size: definition.tick_size,
            lot_size: definition.lot_size,
            reserved: [0; 2],
        });
    }
}

fn resent(session: SessionId, outcome: &Outcome, cause: &Cause, outbox: &mut EventOutbox) {
    emit(outbox, cause, |stamp| Resent {
        stamp,
        client_seq: cause.client_seq.0.into(),
        client_order_id: outcome.client_order_id.0.into(),
        order_id: outcome.order_id.0.into(),
        session: session.0.into(),
        gateway: cause.gateway.0.into(),
        reason: outcome.rejected.map_or(0, |reason| reason as u16).into(),
        command: outcome.command as u8,
        reserved: [0; 5],
        first_seq: outcome.seq.0.into(),
    });
}
