//! What one command costs in each part of the data path: `make bench`.
//!
//! ```text
//!   datagram --gateway/on_datagram--> blank record --sequencer/sequence--> record
//!     record --engine/apply--> events --gateway/on_event-----> reports
//!                                     '-md_publisher/on_event-> market data
//! ```
//! One thread, no network, no Aeron. Each part is brought to the state of the middle of a run of
//! the demo's order flow, untimed, and is then given the second half; time is per command, except
//! where the name says `event`. `codec` is the gate alone; `matching` the book without the wire.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

mod each;
mod recording;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use each::TimeEach;
use recording::{
    CLIENT, FRAME_LEN_MAX, Recording, capacity, event_outbox, flush_events, open_gateway,
    open_publisher,
};
use std::hint::black_box;
use std::time::Duration;
use vesta_engine::Engine;
use vesta_matching::{EventSink, Matcher};
use vesta_sequencer::{LogOutbox, Sequencer, Validated};
use vesta_types::{Event, EventSeq, GatewayId, TimeNs};
use vesta_wire::record::{CancelOrder, MassCancel, NewOrder, NewOrderExtended, ReplaceOrder};
use vesta_wire::{Message, decode, peek};

/// Commands of the run; the second half is timed.
const COMMANDS: usize = 100_000;
/// Records, or events, between two frames: what an agent takes in one duty cycle.
const BATCH: usize = 16;

/// Takes events and keeps none.
struct Nobody;

impl EventSink for Nobody {
    fn event(&mut self, event: Event) {
        black_box(&event);
    }
}

fn matching(criterion: &mut Criterion<TimeEach>, run: &Recording) {
    let (first, second) = run.commands.split_at(COMMANDS / 2);
    let mut group = criterion.benchmark_group("matching");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(second.len() as u64));
    let warm = || {
        let mut matcher = Matcher::new(capacity(&run.config));
        for instrument in &run.config.instrument_list {
            matcher.define(instrument.id, instrument.rules).expect("an instrument");
        }
        for session in &run.config.session_list {
            matcher.define_session(session.id, session.open_order_max).expect("a session");
        }
        first.iter().for_each(|command| matcher.apply(command, &mut Nobody));
        matcher
    };
    group.bench_function("apply", |bench| {
        let timed = |mut matcher: Matcher| {
            second.iter().for_each(|command| matcher.apply(black_box(command), &mut Nobody));
            matcher
        };
        bench.iter_batched(warm, timed, BatchSize::PerIteration);
    });
    group.finish();
}

fn engine(criterion: &mut Criterion<TimeEach>, run: &Recording) {
    let (first, second) = run.records.split_at(run.records_of_first_half());
    let mut group = criterion.benchmark_group("engine");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(second.len() as u64));
    let follow = |engine: &mut Engine, outbox: &mut _, records: &[Vec<u8>]| {
        for batch in records.chunks(BATCH) {
            for record in batch {
                engine.apply(black_box(record), outbox).expect("a good record");
            }
            flush_events(outbox, |frame| {
                black_box(frame);
            });
        }
    };
    let warm = || {
        let mut engine = Engine::new(vesta_engine::run::settings(&run.config));
        let mut outbox = event_outbox();
        follow(&mut engine, &mut outbox, first);
        (engine, outbox)
    };
    group.bench_function("apply", |bench| {
        let timed = |(mut engine, mut outbox)| {
            follow(&mut engine, &mut outbox, second);
            (engine, outbox)
        };
        bench.iter_batched(warm, timed, BatchSize::PerIteration);
    });
    group.finish();
}

fn gateway(criterion: &mut Criterion<TimeEach>, run: &Recording) {
    let datagrams = &run.datagrams[COMMANDS / 2..];
    let events = &run.events[run.events_of_first_half..];
    let mut group = criterion.benchmark_group("gateway");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(datagrams.len() as u64));
    // Each session is bound to its address by its first datagram, untimed.
    let warm = || {
        let mut gateway = open_gateway(&run.config);
        for datagram in &run.datagrams[..COMMANDS / 2] {
            black_box(gateway.on_datagram(CLIENT, datagram, true));
        }
        gateway
    };
    group.bench_function("on_datagram", |bench| {
        let timed = |mut gateway: vesta_gateway::Gateway| {
            for datagram in datagrams {
                black_box(gateway.on_datagram(CLIENT, black_box(datagram), true));
            }
            gateway
        };
        bench.iter_batched(warm, timed, BatchSize::PerIteration);
    });
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("on_event (per event)", |bench| {
        let timed = |mut gateway: vesta_gateway::Gateway| {
            for (_, event) in events {
                let told = gateway.on_event(black_box(event), &mut |to, report| {
                    black_box((to, report));
                });
                told.expect("a good event");
            }
            gateway
        };
        bench.iter_batched(warm, timed, BatchSize::PerIteration);
    });
    group.finish();
}

fn sequencer(criterion: &mut Criterion<TimeEach>, run: &Recording) {
    let blanks = &run.blanks[COMMANDS / 2..];
    let gateway = GatewayId(run.config.gateway_list[0].id.0);
    let mut group = criterion.benchmark_group("sequencer");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(blanks.len() as u64));
    let open = || {
        let mut sequencer = Sequencer::new(vesta_sequencer::run::settings(&run.config));
        let mut outbox = LogOutbox::new(1, FRAME_LEN_MAX, 128 * 1_024);
        sequencer.observe(TimeNs(1_000_000)).expect("the clock stands");
        sequencer.begin(&mut outbox);
        (sequencer, outbox)
    };
    group.bench_function("sequence", |bench| {
        let timed = |(mut sequencer, mut outbox): (Sequencer, LogOutbox)| {
            for batch in blanks.chunks(BATCH) {
                for blank in batch {
                    let command = Validated::new(black_box(blank), gateway).expect("good");
                    sequencer.sequence(&command, &mut outbox);
                }
                let sent = outbox.flush(
                    |first, count| sequencer.frame(first, count),
                    |frame| {
                        black_box(frame);
                        Ok::<(), std::convert::Infallible>(())
                    },
                );
                sent.expect("nothing refuses");
            }
            (sequencer, outbox)
        };
        bench.iter_batched(open, timed, BatchSize::PerIteration);
    });
    group.finish();
}

fn md_publisher(criterion: &mut Criterion<TimeEach>, run: &Recording) {
    let (first, second) = run.events.split_at(run.events_of_first_half);
    let mut group = criterion.benchmark_group("md_publisher");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(second.len() as u64));
    let follow = |publisher: &mut vesta_md_publisher::Publisher, events: &[(EventSeq, Vec<u8>)]| {
        for batch in events.chunks(BATCH) {
            for (event_seq, event) in batch {
                publisher.on_event(*event_seq, black_box(event)).expect("a good event");
            }
            let sent = publisher.flush(|frame| {
                black_box(frame);
                Ok::<(), std::convert::Infallible>(())
            });
            sent.expect("nothing refuses");
        }
    };
    let warm = || {
        let mut publisher = open_publisher(&run.config);
        follow(&mut publisher, first);
        publisher
    };
    group.bench_function("on_event (per event)", |bench| {
        let timed = |mut publisher| {
            follow(&mut publisher, second);
            publisher
        };
        bench.iter_batched(warm, timed, BatchSize::PerIteration);
    });
    group.finish();
}

/// The gate alone: header, length, and every rule of the fields.
fn codec(criterion: &mut Criterion<TimeEach>, run: &Recording) {
    let records = &run.records[run.records_of_first_half()..];
    let mut group = criterion.benchmark_group("codec");
    group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("peek and decode a record", |bench| {
        bench.iter(|| records.iter().filter(|record| is_command(black_box(record))).count());
    });
    group.finish();
}

fn is_command(record: &[u8]) -> bool {
    match peek(record).map(|header| header.template_id.get()) {
        Ok(NewOrder::TEMPLATE_ID) => decode::<NewOrder>(record).is_ok(),
        Ok(NewOrderExtended::TEMPLATE_ID) => decode::<NewOrderExtended>(record).is_ok(),
        Ok(CancelOrder::TEMPLATE_ID) => decode::<CancelOrder>(record).is_ok(),
        Ok(ReplaceOrder::TEMPLATE_ID) => decode::<ReplaceOrder>(record).is_ok(),
        Ok(MassCancel::TEMPLATE_ID) => decode::<MassCancel>(record).is_ok(),
        _ => false,
    }
}

fn pipeline(criterion: &mut Criterion<TimeEach>) {
    let run = Recording::make(COMMANDS);
    let events = (run.events.len() - run.events_of_first_half) as f64;
    println!("{} timed commands, {:.2} events each", COMMANDS / 2, events / (COMMANDS / 2) as f64);
    codec(criterion, &run);
    gateway(criterion, &run);
    sequencer(criterion, &run);
    matching(criterion, &run);
    engine(criterion, &run);
    md_publisher(criterion, &run);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(TimeEach)
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_secs(1));
    targets = pipeline
}
criterion_main!(benches);
