//! What the engine will answer: found out before anything is timed, by an engine without a network.

use super::BenchError;
use crate::bench::orders::OrderFlow;
use vesta_config::Config;
use vesta_engine::Engine;
use vesta_types::{Seq, TimeNs};
use vesta_wire::event::EventFrame;
use vesta_wire::record::{self, DefineInstrument, LogFrame, Stamp};
use vesta_wire::{FrameBuilder, Message, Outbox, encode, peek};
use vesta_workload::Scenario;

/// Commands of a pass: enough that few are the same, few enough that a run has several passes.
const PASS_COMMANDS: usize = 4_096;

/// A record, and the first answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Bytes of the frame that the record is sent in.
    pub record_frame_len: usize,
    /// Bytes of the frame that the answer comes in.
    pub frame_len: usize,
    /// What kind of event it is.
    pub template_id: u16,
}

/// Both ends' knowledge: the records, and what is answered.
pub struct Script {
    flow: OrderFlow,
    definitions: Vec<DefineInstrument>,
    /// Of the definitions, then of one pass.
    replies: Vec<Reply>,
    frame: FrameBuilder<LogFrame>,
    next: u64,
    stamp: Stamp,
}

impl Script {
    /// Makes it: the same for the same configuration and seed.
    ///
    /// # Errors
    /// When the configuration does not admit the flow.
    pub fn new(config: &Config, seed: u64, frame_len_max: usize) -> Result<Self, BenchError> {
        let flow = OrderFlow::new(config, Scenario::Lobster, seed, PASS_COMMANDS)
            .map_err(BenchError::CannotStart)?;
        let mut script = Self {
            flow: flow.clone(),
            definitions: vesta_sequencer::run::settings(config).instruments,
            replies: Vec::new(),
            frame: FrameBuilder::new(frame_len_max),
            next: 1,
            stamp: Stamp { epoch: config.epoch().0.into(), ..Stamp::default() },
        };
        script.foresee(config, frame_len_max)?;
        (script.flow, script.next) = (flow, 1);
        Ok(script)
    }

    /// Lets an engine of our own answer everything once.
    fn foresee(&mut self, config: &Config, frame_len_max: usize) -> Result<(), BenchError> {
        let mut engine = Engine::new(vesta_engine::run::settings(config));
        let mut outbox = Outbox::<EventFrame>::new(1, frame_len_max, 64 * 1024);
        for _ in 0..self.definitions.len() + self.flow.pass_len() {
            let seq = self.next;
            let frame = self.frame(config.shard_id().0, TimeNs(seq));
            let (record, record_frame_len) = (&frame[LogFrame::LEN..], frame.len());
            let failed = |error| BenchError::broke("the engine", error);
            engine.apply(record, &mut outbox).map_err(failed)?;
            let mut reply = None;
            let header = |first: u64, count: u16| EventFrame {
                first_event_seq: first.into(),
                shard: config.shard_id().0.into(),
                count: count.into(),
                reserved: [0; 10],
            };
            let _ = outbox.flush(header, |frame| {
                let template = peek(&frame[EventFrame::LEN..]).map_or(0, |h| h.template_id.get());
                let frame_len = frame.len();
                reply.get_or_insert(Reply { record_frame_len, frame_len, template_id: template });
                Ok::<(), ()>(())
            });
            let none = || BenchError::BrokeDown(format!("the engine does not answer record {seq}"));
            self.replies.push(reply.ok_or_else(none)?);
        }
        Ok(())
    }

    /// Records that come before any command.
    pub fn definition_count(&self) -> u64 {
        self.definitions.len() as u64
    }

    /// `seq` of the record that [`frame`](Self::frame) makes next.
    pub const fn next_seq(&self) -> u64 {
        self.next
    }

    /// The next record, sequenced at `time`, in a frame of its own.
    pub fn frame(&mut self, shard: u32, time: TimeNs) -> &[u8] {
        let seq = Seq(self.next);
        self.next += 1;
        let stamp = Stamp { seq: seq.0.into(), time_ns: time.0.into(), ..self.stamp };
        self.frame.clear();
        match self.definitions.get(seq.0 as usize - 1) {
            Some(definition) => self.frame.push(&DefineInstrument { stamp, ..*definition }),
            None => {
                let record = self.flow.next_record();
                let gateway = record::stamp(record).map_or(0.into(), |blank| blank.gateway);
                record::write_stamp(record, &Stamp { gateway, ..stamp });
                self.frame.push_bytes(record);
            }
        }
        self.frame.finish(&LogFrame {
            first_seq: seq.0.into(),
            commit_seq: seq.0.into(),
            epoch: self.stamp.epoch,
            shard: shard.into(),
            count: 1.into(),
            reserved: [0; 6],
        })
    }

    /// The first answer to record `seq`.
    pub fn reply(&self, seq: u64) -> Reply {
        let (at, first) = (seq as usize - 1, self.definitions.len());
        let pass_len = self.replies.len() - first;
        let at = if at < first { at } else { first + (at - first) % pass_len };
        self.replies[at]
    }
}

/// An answer of the echo: a frame message as long as the engine's, with `seq` where the engine has
/// its event's number.
pub fn echo_of(seq: u64, len: usize, bytes: &mut Vec<u8>) -> &[u8] {
    bytes.clear();
    bytes.resize(len.max(EventFrame::LEN), 0);
    encode(
        &EventFrame {
            first_event_seq: seq.into(),
            shard: 0.into(),
            count: 0.into(),
            reserved: [0; 10],
        },
        bytes,
    );
    bytes
}
