//! The state machine: one sequenced record in, its events out.

use crate::encoder::{Cause, Encoder, EventOutbox, emit, refusal};
use crate::sessions::{Admission, Outcome, SessionOwner, Sessions};
use vesta_matching::{Capacity, Matcher};
use vesta_types::{
    Cancel, ClientOrderId, ClientSeq, Command, Epoch, GatewayId, InstrumentId, Limits, MassCancel,
    NewOrder, OrderId, OrderRef, OrderType, PriceTicks, QtyLots, Replace, Seq, SessionEpoch,
    SessionId, ShardId, Side, TimeInForce, TimeNs,
};
use vesta_wire::client::FLAG_POST_ONLY;
use vesta_wire::event::{InstrumentDefined, Resent};
use vesta_wire::{Message, WireError, decode, peek, record};

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

/// The engine proper: session table and books.
pub struct Engine {
    settings: Settings,
    sessions: Sessions,
    matcher: Matcher,
    next_seq: Seq,
    time: TimeNs,
}

impl Engine {
    /// An engine before the first record. Allocates all that it will need.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let sessions = Sessions::new(&settings.sessions, settings.outcomes_kept);
        let matcher = Matcher::new(settings.capacity);
        Self { settings, sessions, matcher, next_seq: Seq(1), time: TimeNs(0) }
    }

    /// The record that comes next.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.next_seq
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
        let session = SessionId(origin.session.get());
        let cause = Cause {
            seq,
            time,
            gateway: GatewayId(stamp.gateway.get()),
            client_seq: ClientSeq(origin.client_seq.get()),
        };
        let epoch = SessionEpoch(origin.session_epoch.get());
        let command = match header.template_id.get() {
            record::NewOrder::TEMPLATE_ID => new_order(session, decode(bytes).map_err(malformed)?),
            record::CancelOrder::TEMPLATE_ID => {
                cancel_order(session, decode(bytes).map_err(malformed)?)
            }
            record::ReplaceOrder::TEMPLATE_ID => {
                replace_order(session, decode(bytes).map_err(malformed)?)
            }
            record::MassCancel::TEMPLATE_ID => {
                mass_cancel(session, decode(bytes).map_err(malformed)?)
            }
            record::DefineInstrument::TEMPLATE_ID => {
                self.define(decode(bytes).map_err(malformed)?, &cause, outbox);
                self.advance(time);
                return Ok(());
            }
            template => return Err(ApplyError::Unsupported { seq, template }),
        };
        self.command(&command, epoch, &cause, outbox);
        self.advance(time);
        Ok(())
    }

    fn advance(&mut self, time: TimeNs) {
        self.next_seq = self.next_seq.next();
        self.time = time;
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
                Encoder::rejected(outbox, cause, &refusal(command, reason));
            }
            Admission::Resend(outcome) => resent(session, &outcome, cause, outbox),
            Admission::Execute => {
                let sessions = &self.sessions;
                let mut sink = Encoder { outbox, sessions, cause: *cause, outcome: None };
                self.matcher.apply(command, &mut sink);
                let outcome = sink.outcome.expect("every command has a primary reply");
                self.sessions.record(session, cause.client_seq, &outcome);
            }
        }
    }

    /// A definition that contradicts an earlier one can only come from a sequencer of ours that
    /// changed its mind: the books keep the first, and no event repeats it.
    fn define(
        &mut self,
        definition: &record::DefineInstrument,
        cause: &Cause,
        outbox: &mut EventOutbox,
    ) {
        let limits = Limits {
            price_max: PriceTicks(definition.price_max.get()),
            qty_max: QtyLots(definition.qty_max.get()),
        };
        let instrument = InstrumentId(definition.instrument.get());
        if self.matcher.define(instrument, limits).is_err() {
            return;
        }
        emit(outbox, cause, |stamp| InstrumentDefined {
            stamp,
            price_max: definition.price_max,
            qty_max: definition.qty_max,
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

fn new_order(session: SessionId, r: &record::NewOrder) -> Command {
    Command::New(NewOrder {
        session,
        client_order_id: ClientOrderId(r.client_order_id.get()),
        instrument: InstrumentId(r.instrument.get()),
        side: Side::from_wire(r.side).expect("checked by the gate"),
        order_type: OrderType::from_wire(r.order_type).expect("checked by the gate"),
        time_in_force: TimeInForce::from_wire(r.time_in_force).expect("checked by the gate"),
        post_only: r.flags & FLAG_POST_ONLY != 0,
        price: PriceTicks(r.price.get()),
        qty: QtyLots(r.qty.get()),
    })
}

fn cancel_order(session: SessionId, r: &record::CancelOrder) -> Command {
    Command::Cancel(Cancel {
        session,
        instrument: InstrumentId(r.instrument.get()),
        target: order_ref(r.client_order_id.get(), r.order_id.get()),
    })
}

fn replace_order(session: SessionId, r: &record::ReplaceOrder) -> Command {
    Command::Replace(Replace {
        session,
        instrument: InstrumentId(r.instrument.get()),
        target: order_ref(r.client_order_id.get(), r.order_id.get()),
        price: PriceTicks(r.price.get()),
        qty: QtyLots(r.qty.get()),
    })
}

fn mass_cancel(session: SessionId, r: &record::MassCancel) -> Command {
    let instrument = r.instrument.get();
    Command::MassCancel(MassCancel {
        session,
        instrument: (instrument != 0).then_some(InstrumentId(instrument)),
        side: Side::from_wire(r.side),
    })
}

/// The client's name wins where both are given; the gateway lets only one pass.
fn order_ref(client_order_id: u64, order_id: u64) -> OrderRef {
    match client_order_id {
        0 => OrderRef::Order(OrderId(order_id)),
        id => OrderRef::Client(ClientOrderId(id)),
    }
}
