//! A reader of the input log beside the engine: when each record was sequenced, and the records that
//! no client asked for. The check at the end needs them: they do things too.

use vesta_transport::{
    Flow, SinglePublisher, StreamFault, StreamId, Subscription, Transport, TransportError,
};
use vesta_types::{Command, TimeNs};
use vesta_wire::record::{LogFrame, Tick};
use vesta_wire::{Message, WireError, open_frame, peek, record};

/// Fragments taken in one duty cycle: at least what the engine takes.
const FRAGMENTS_PER_CYCLE: usize = 16;

/// A record of the input log that is nobody's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Time passed.
    Tick,
    /// The schedule's, or the operator's.
    Command(Command),
}

/// The input log, as far as the check needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The time of each record, from the first on.
    pub times: Vec<TimeNs>,
    /// The records that no client asked for, definitions left out, by `seq`.
    pub own: Vec<(u64, Own)>,
}

impl Records {
    /// Takes in a record in bytes.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let too_short = WireError::Truncated { len: bytes.len(), need: record::PREFIX_LEN };
        let stamp = record::stamp(bytes).ok_or(too_short)?;
        let (seq, gateway) = (stamp.seq.get(), stamp.gateway.get());
        self.times.push(TimeNs(stamp.time_ns.get()));
        if gateway != 0 {
            return Ok(());
        }
        if peek(bytes)?.template_id.get() == Tick::TEMPLATE_ID {
            self.own.push((seq, Own::Tick));
        } else if let Some(command) = vesta_wire::command(bytes)? {
            self.own.push((seq, Own::Command(command)));
        }
        Ok(())
    }

    /// Forgets what came after `seq`.
    pub fn truncate(&mut self, seq: u64) {
        self.times.truncate(seq as usize);
        self.own.retain(|(own, _)| *own <= seq);
    }
}

/// Why a tap ended.
#[derive(Debug, thiserror::Error)]
pub enum TapStop {
    /// The input log ended.
    #[error(transparent)]
    Stream(#[from] StreamFault),
    /// It is not one.
    #[error("the input log breaks the rules of its messages: {0}")]
    Wire(#[from] WireError),
}

/// A tap on a transport.
pub struct LogTap<T: Transport> {
    log: T::Subscription,
    sequencer: SinglePublisher,
    records: Records,
}

impl<T: Transport> LogTap<T> {
    /// Opens the stream.
    ///
    /// # Errors
    /// When it can not be opened.
    pub fn new(transport: &mut T, log: &(String, StreamId)) -> Result<Self, TransportError> {
        Ok(Self {
            log: transport.add_subscription(&log.0, log.1)?,
            sequencer: SinglePublisher::new("input log", true),
            records: Records::default(),
        })
    }

    /// What was read so far.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// One duty cycle; returns how much was done.
    ///
    /// # Errors
    /// When the log can not be followed.
    pub fn do_work(&mut self) -> Result<usize, TapStop> {
        let Self { log, sequencer, records } = self;
        let mut stop = None;
        let taken = log.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if stop.is_some() {
                return Flow::Retry;
            }
            let outcome = match sequencer.admit(input) {
                Ok(Some(fragment)) => read_frame(fragment.bytes, records).map_err(TapStop::from),
                Ok(None) => Ok(()),
                Err(fault) => Err(fault.into()),
            };
            stop = outcome.err();
            Flow::Taken
        });
        stop.map_or(Ok(taken), Err)
    }
}

fn read_frame(bytes: &[u8], records: &mut Records) -> Result<(), WireError> {
    let (_, messages) = open_frame::<LogFrame>(bytes)?;
    for message in messages {
        records.read(message?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_types::{AuctionKind, InstrumentId, SetState, TradingState};
    use vesta_wire::client::Origin;
    use vesta_wire::record::{CancelOrder, Stamp};
    use vesta_wire::{encode, record};

    fn bytes<M: Message>(message: &M) -> Vec<u8> {
        let mut bytes = vec![0; M::LEN];
        encode(message, &mut bytes);
        bytes
    }

    fn stamp(seq: u64, gateway: u32) -> Stamp {
        let time_ns = seq * 10;
        Stamp { seq: seq.into(), time_ns: time_ns.into(), epoch: 1.into(), gateway: gateway.into() }
    }

    #[test]
    fn what_no_client_asked_for_is_kept_with_its_place_and_time() {
        let mut records = Records::default();
        let cancel = CancelOrder {
            stamp: stamp(1, 1),
            origin: Origin { client_seq: 1.into(), session: 1.into(), session_epoch: 1.into() },
            client_order_id: 1.into(),
            order_id: 0.into(),
            instrument: 1.into(),
            reserved: [0; 4],
        };
        records.read(&bytes(&cancel)).expect("a record");
        records.read(&bytes(&Tick { stamp: stamp(2, 0), origin: Origin::NONE })).expect("a record");
        let halt = record::SetState {
            stamp: stamp(3, 0),
            origin: Origin::NONE,
            instrument: 1.into(),
            state: TradingState::Halt as u8,
            auction: AuctionKind::Opening as u8,
            reserved: [0; 2],
        };
        records.read(&bytes(&halt)).expect("a record");
        let expected = Command::SetState(SetState {
            instrument: InstrumentId(1),
            state: TradingState::Halt,
            auction: AuctionKind::Opening,
        });
        assert_eq!(records.times, [TimeNs(10), TimeNs(20), TimeNs(30)]);
        assert_eq!(records.own, [(2, Own::Tick), (3, Own::Command(expected))]);
        records.truncate(2);
        assert_eq!((records.times.len(), &records.own[..]), (2, &[(2, Own::Tick)][..]));
        assert!(records.read(&bytes(&halt)[..20]).is_err());
    }
}
