//! The state machine: commands in, a log out.

use crate::stamper::{ClockJump, Stamper};
use crate::timers::{Due, Scheduled, Timers};
use vesta_types::{ClientSeq, Epoch, GatewayId, RejectReason, Seq, SessionId, ShardId, TimeNs};
use vesta_wire::client::Origin;
use vesta_wire::control::SequencerRefusal;
use vesta_wire::record::{
    self, CancelOrder, DefineInstrument, LogFrame, MassCancel, NewOrder, NewOrderExtended,
    ReplaceOrder, SetState, Tick,
};
use vesta_wire::{Message, Outbox, WireError, decode, peek};

/// The output of a sequencer: records in bytes, numbered densely from 1.
pub type LogOutbox = Outbox<LogFrame>;

/// What a sequencer is made for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The shard.
    pub shard: ShardId,
    /// Its reign.
    pub epoch: Epoch,
    /// Two looks at the clock may lie at most so far apart, ns.
    pub clock_jump_max_ns: u64,
    /// The instruments of the shard: the first records of the log. Their stamps are written here.
    pub instruments: Vec<DefineInstrument>,
    /// Changes of trading state that it sequences by itself.
    pub schedule: Vec<Scheduled>,
    /// Time between two ticks, ns; 0 for none.
    pub tick_interval_ns: u64,
}

/// A command that passed the gate: a whole record of a known kind, from the gateway that it names.
#[derive(Clone, Copy, Debug)]
pub struct Validated<'a> {
    bytes: &'a [u8],
    gateway: GatewayId,
}

/// The command was not taken: it has no place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which command; 0 where it could not be read so far.
    pub client_seq: ClientSeq,
    /// The session; 0 where it could not be read so far.
    pub session: SessionId,
    /// Which rule was broken.
    pub reason: RejectReason,
}

impl Refusal {
    /// The message that tells `gateway` so.
    #[must_use]
    pub fn message(&self, gateway: GatewayId) -> SequencerRefusal {
        SequencerRefusal {
            client_seq: self.client_seq.0.into(),
            session: self.session.0.into(),
            gateway: gateway.0.into(),
            reason: (self.reason as u16).into(),
            reserved: [0; 6],
        }
    }
}

impl<'a> Validated<'a> {
    /// Passes the bytes of a command, sent by `gateway`, through the gate.
    ///
    /// # Errors
    /// The refusal to send back.
    pub fn new(bytes: &'a [u8], gateway: GatewayId) -> Result<Self, Refusal> {
        let refuse = |reason| {
            let (client_seq, session) = record::origin(bytes)
                .map_or((0, 0), |origin| (origin.client_seq.get(), origin.session.get()));
            Refusal { client_seq: ClientSeq(client_seq), session: SessionId(session), reason }
        };
        gate(bytes).map_err(|error| refuse(error.reject_reason()))?;
        let named = record::stamp(bytes).map_or(0, |stamp| stamp.gateway.get());
        if named != gateway.0 {
            return Err(refuse(RejectReason::WrongGateway));
        }
        Ok(Self { bytes, gateway })
    }
}

fn gate(bytes: &[u8]) -> Result<(), WireError> {
    match peek(bytes)?.template_id.get() {
        NewOrder::TEMPLATE_ID => decode::<NewOrder>(bytes).map(drop),
        NewOrderExtended::TEMPLATE_ID => decode::<NewOrderExtended>(bytes).map(drop),
        CancelOrder::TEMPLATE_ID => decode::<CancelOrder>(bytes).map(drop),
        ReplaceOrder::TEMPLATE_ID => decode::<ReplaceOrder>(bytes).map(drop),
        MassCancel::TEMPLATE_ID => decode::<MassCancel>(bytes).map(drop),
        template => Err(WireError::UnknownTemplate(template)),
    }
}

/// The sequencer proper.
#[derive(Debug)]
pub struct Sequencer {
    settings: Settings,
    stamper: Stamper,
    timers: Timers,
}

impl Sequencer {
    /// A sequencer before its first record.
    #[must_use]
    pub fn new(mut settings: Settings) -> Self {
        let stamper = Stamper::new(settings.epoch, settings.clock_jump_max_ns);
        let schedule = std::mem::take(&mut settings.schedule);
        let timers = Timers::new(schedule, settings.tick_interval_ns);
        Self { settings, stamper, timers }
    }

    /// The record that comes next.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.stamper.next_seq()
    }

    /// What it is made for.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Looks at the clock: once per duty cycle.
    ///
    /// # Errors
    /// When it leapt: the sequencer halts.
    pub fn observe(&mut self, now: TimeNs) -> Result<(), ClockJump> {
        self.stamper.observe(now)
    }

    /// Begins the log: the shard's instruments come before any command. The timers run from here on.
    pub fn begin(&mut self, outbox: &mut LogOutbox) {
        for definition in std::mem::take(&mut self.settings.instruments) {
            let stamp = self.stamper.stamp(GatewayId(0));
            outbox.push(&DefineInstrument { stamp, ..definition });
        }
        self.timers.start(self.stamper.time());
    }

    /// Sequences what is due by the time that was observed last: entries of the schedule, and a
    /// tick. Returns how many records that were.
    pub fn fire(&mut self, outbox: &mut LogOutbox) -> usize {
        let mut fired = 0;
        while let Some(due) = self.timers.pop_due(self.stamper.time()) {
            let stamp = self.stamper.stamp(GatewayId(0));
            let seq = match due {
                Due::State(scheduled) => outbox.push(&SetState {
                    stamp,
                    origin: Origin::NONE,
                    instrument: scheduled.instrument.0.into(),
                    state: scheduled.state as u8,
                    auction: scheduled.auction as u8,
                    reserved: [0; 2],
                }),
                Due::Tick => outbox.push(&Tick { stamp, origin: Origin::NONE }),
            };
            assert_eq!(seq, stamp.seq.get(), "the outbox and the stamper count alike");
            fired += 1;
        }
        fired
    }

    /// Gives a command its place and time.
    pub fn sequence(&mut self, command: &Validated<'_>, outbox: &mut LogOutbox) -> Seq {
        let stamp = self.stamper.stamp(command.gateway);
        let stamped = |bytes: &mut [u8]| record::write_stamp(bytes, &stamp);
        let seq = Seq(outbox.push_changed(command.bytes, stamped));
        assert_eq!(seq.0, stamp.seq.get(), "the outbox and the stamper count alike");
        seq
    }

    /// The frame message for records from `first` on. At level `received` a record is committed
    /// by being sequenced.
    #[must_use]
    pub fn frame(&self, first: u64, count: u16) -> LogFrame {
        LogFrame {
            first_seq: first.into(),
            commit_seq: (first + u64::from(count) - 1).into(),
            epoch: self.settings.epoch.0.into(),
            shard: self.settings.shard.0.into(),
            count: count.into(),
            reserved: [0; 6],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_types::{AuctionKind, InstrumentId, TradingState};
    use vesta_wire::record::Stamp;
    use vesta_wire::{encode, open_frame};

    const GATEWAY: GatewayId = GatewayId(4);

    fn cancel() -> [u8; CancelOrder::LEN] {
        let mut bytes = [0; CancelOrder::LEN];
        let message = CancelOrder {
            stamp: Stamp { gateway: GATEWAY.0.into(), ..Stamp::default() },
            origin: Origin { client_seq: 5.into(), session: 6.into(), session_epoch: 1.into() },
            client_order_id: 7.into(),
            order_id: 0.into(),
            instrument: 1.into(),
            reserved: [0; 4],
        };
        encode(&message, &mut bytes);
        bytes
    }

    fn settings() -> Settings {
        Settings {
            shard: ShardId(1),
            epoch: Epoch(2),
            clock_jump_max_ns: 1_000,
            instruments: Vec::new(),
            schedule: Vec::new(),
            tick_interval_ns: 0,
        }
    }

    fn sequencer() -> Sequencer {
        Sequencer::new(settings())
    }

    #[test]
    fn a_record_differs_from_its_command_in_the_stamp_alone() {
        let mut sequencer = sequencer();
        let mut outbox = LogOutbox::new(1, 1_408, 4_096);
        sequencer.observe(TimeNs(99)).unwrap();
        let bytes = cancel();
        let command = Validated::new(&bytes, GATEWAY).unwrap();
        assert_eq!(sequencer.sequence(&command, &mut outbox), Seq(1));
        assert_eq!(sequencer.sequence(&command, &mut outbox), Seq(2));
        let mut frames = Vec::new();
        outbox
            .flush(
                |first, count| sequencer.frame(first, count),
                |frame| {
                    frames.push(frame.to_vec());
                    Ok::<(), ()>(())
                },
            )
            .unwrap();
        let (frame, mut records) = open_frame::<LogFrame>(&frames[0]).unwrap();
        assert_eq!((frame.first_seq.get(), frame.commit_seq.get()), (1, 2));
        let record = decode::<CancelOrder>(records.next().unwrap().unwrap()).unwrap();
        assert_eq!((record.stamp.seq.get(), record.stamp.time_ns.get()), (1, 99));
        assert_eq!((record.stamp.epoch.get(), record.stamp.gateway.get()), (2, GATEWAY.0));
        let blank = decode::<CancelOrder>(&bytes).unwrap();
        assert_eq!(CancelOrder { stamp: blank.stamp, ..*record }, *blank);
    }

    #[test]
    fn it_sequences_by_itself_what_is_due() {
        let state = |after_ns, instrument, state| Scheduled {
            after_ns,
            instrument: InstrumentId(instrument),
            state,
            auction: AuctionKind::Closing,
        };
        let mut sequencer = Sequencer::new(Settings {
            schedule: vec![
                state(50, 2, TradingState::Halt),
                state(20, 1, TradingState::AuctionCall),
            ],
            tick_interval_ns: 40,
            ..settings()
        });
        let mut outbox = LogOutbox::new(1, 1_024, 1_024);
        let fired = |sequencer: &mut Sequencer, outbox: &mut LogOutbox, now: u64| {
            sequencer.observe(TimeNs(now)).unwrap();
            sequencer.fire(outbox)
        };
        assert_eq!(fired(&mut sequencer, &mut outbox, 1_000), 0, "the log has not begun");
        sequencer.begin(&mut outbox);
        for (now, expected) in [(1_019, 0), (1_020, 1), (1_030, 0), (1_060, 2), (1_080, 1)] {
            assert_eq!(fired(&mut sequencer, &mut outbox, now), expected, "{now}");
        }
        let mut records = Vec::new();
        let header = |first, count| sequencer.frame(first, count);
        let taken = outbox.flush(header, |frame| {
            let (_, messages) = open_frame::<LogFrame>(frame)?;
            records.extend(messages.map(|message| message.unwrap().to_vec()));
            Ok::<(), WireError>(())
        });
        assert_eq!(taken, Ok(1));
        for (nth, (record, time)) in records.iter().zip([1_020, 1_060, 1_060, 1_080]).enumerate() {
            let stamp = record::stamp(record).unwrap();
            assert_eq!((stamp.seq.get(), stamp.time_ns.get()), (nth as u64 + 1, time));
            assert_eq!((stamp.epoch.get(), stamp.gateway.get()), (2, 0));
            assert_eq!(record::origin(record), Some(&Origin::NONE));
        }
        let state = |at: usize| {
            let record = decode::<SetState>(&records[at]).unwrap();
            (record.instrument.get(), TradingState::from_wire(record.state), record.auction)
        };
        let closing = AuctionKind::Closing as u8;
        assert_eq!(state(0), (1, Some(TradingState::AuctionCall), closing));
        assert_eq!(state(1), (2, Some(TradingState::Halt), closing));
        assert!(records[2..].iter().all(|record| decode::<Tick>(record).is_ok()));
        assert_eq!(records.len(), 4);
    }

    #[test]
    fn nobody_else_may_send_the_sequencers_or_the_operators_records() {
        let own = [
            record::Tick::TEMPLATE_ID,
            record::SetState::TEMPLATE_ID,
            record::Kill::TEMPLATE_ID,
            record::DefineInstrument::TEMPLATE_ID,
        ];
        for template in own {
            let mut bytes = cancel();
            bytes[2..4].copy_from_slice(&template.to_le_bytes());
            let refusal = Validated::new(&bytes, GATEWAY).unwrap_err();
            assert_eq!(refusal.reason, RejectReason::UnknownTemplate, "{template}");
        }
    }

    #[test]
    fn a_bad_command_is_refused_with_what_could_be_read() {
        let bytes = cancel();
        let refusal = Validated::new(&bytes, GatewayId(9)).unwrap_err();
        assert_eq!(refusal.reason, RejectReason::WrongGateway);
        assert_eq!((refusal.client_seq, refusal.session), (ClientSeq(5), SessionId(6)));
        let refusal = Validated::new(&bytes[..60], GATEWAY).unwrap_err();
        assert_eq!(refusal.reason, RejectReason::Truncated);
        let refusal = Validated::new(&bytes[..6], GATEWAY).unwrap_err();
        assert_eq!(
            refusal,
            Refusal {
                client_seq: ClientSeq(0),
                session: SessionId(0),
                reason: RejectReason::Truncated,
            }
        );
        let mut tick = bytes;
        tick[2] = record::Tick::TEMPLATE_ID as u8;
        let refusal = Validated::new(&tick, GATEWAY).unwrap_err();
        assert_eq!(refusal.reason, RejectReason::UnknownTemplate);
    }
}
