//! The end that answers: the engine, or an echo.

use super::replies::{Script, echo_of};
use super::{End, Side, Subject, raw};
use crate::bench::worker::{Parent, pin};
use crate::bench::{BenchError, venue};
use std::collections::VecDeque;
use vesta_config::Config;
use vesta_engine::{EngineAgent, Links};
use vesta_netio::{AeronPublication, AeronSubscription, AeronTransport};
use vesta_transport::{Duty, Flow, Input, Publication, Subscription, Transport};
use vesta_wire::record::LogFrame;
use vesta_wire::{Message, decode};

/// Fragments taken in one duty cycle: the engine's own.
const FRAGMENTS_PER_CYCLE: usize = 16;

/// Answers until told to stop.
///
/// # Errors
/// When a stream can not be opened, or fails.
pub fn run(parent: &Parent, side: &Side) -> Result<(), BenchError> {
    pin(side.core)?;
    if side.subject == Subject::Raw {
        return raw::answer(parent, side);
    }
    let config = side.config()?;
    let mut transport = side.transport(&config, "bench-answer")?;
    let _idle = side.idle_endpoints(&config, &mut transport, End::Answer)?;
    if side.subject == Subject::Engine {
        let links = Links {
            input_log: side.input_log(&config, End::Answer),
            event_log: side.event_log(&config, End::Answer),
            event_readers_min: 1,
        };
        let mut engine =
            EngineAgent::new(&mut transport, &links, vesta_engine::run::settings(&config))
                .map_err(|error| venue::not_started(&config, error))?;
        parent.tell(&"ready");
        work(parent, &mut transport, || {
            engine.do_work().map_err(|error| BenchError::broke("engine", error))
        })
    } else {
        let mut echo = Echo::new(&mut transport, side, &config)?;
        parent.tell(&"ready");
        work(parent, &mut transport, || echo.do_work())
    }
}

/// The one loop of both: driver, agent.
fn work(
    parent: &Parent,
    transport: &mut AeronTransport,
    mut agent: impl FnMut() -> Result<usize, BenchError>,
) -> Result<(), BenchError> {
    while !parent.stop().is_stopped() {
        transport.do_work().map_err(|error| BenchError::broke("transport", error))?;
        agent()?;
    }
    Ok(())
}

/// Sends back as many bytes as the engine would.
struct Echo {
    input: AeronSubscription,
    output: AeronPublication,
    script: Script,
    pending: VecDeque<u64>,
    bytes: Vec<u8>,
}

impl Echo {
    fn new(
        transport: &mut AeronTransport,
        side: &Side,
        config: &Config,
    ) -> Result<Self, BenchError> {
        let (input, output) =
            (side.input_log(config, End::Answer), side.event_log(config, End::Answer));
        let failed = |error| venue::not_started(config, error);
        let input = transport.add_subscription(&input.0, input.1).map_err(failed)?;
        let output = transport.add_publication(&output.0, output.1).map_err(failed)?;
        let script = Script::new(config, side.seed, output.fragment_len_max())?;
        Ok(Self { input, output, script, pending: VecDeque::new(), bytes: Vec::new() })
    }

    /// One duty cycle, in the order of the engine's.
    fn do_work(&mut self) -> Result<usize, BenchError> {
        if self.output.reader_count() == 0 {
            return Ok(0);
        }
        let mut work = self.flush();
        let Self { input, pending, .. } = self;
        let mut broken = None;
        work += input.poll(FRAGMENTS_PER_CYCLE, &mut |input| {
            if let Input::Fragment(fragment) = input {
                let header = fragment.bytes.get(..LogFrame::LEN).unwrap_or(fragment.bytes);
                match decode::<LogFrame>(header) {
                    Ok(frame) => pending.push_back(frame.first_seq.get()),
                    Err(error) => broken = Some(error),
                }
            }
            Flow::Taken
        });
        if let Some(error) = broken {
            return Err(BenchError::broke("a frame", error));
        }
        work += self.flush();
        Ok(work)
    }

    fn flush(&mut self) -> usize {
        let Self { output, script, pending, bytes, .. } = self;
        let mut sent = 0;
        while let Some(&seq) = pending.front() {
            let echo = echo_of(seq, script.reply(seq).frame_len, bytes);
            if output.offer(echo).is_err() {
                break;
            }
            pending.pop_front();
            sent += 1;
        }
        sent
    }
}
