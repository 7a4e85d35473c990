//! The driver: calls an engine for each message of a workload, and measures.
//!
//! # Method
//! Messages lie in one array, 40 bytes each. [`CHUNK_LEN`] of them at a time are copied into a small
//! buffer, which is then in the first-level cache; the clock is read; the engine is called once for
//! each; the clock is read again. Only what lies between two readings counts: the calls, the
//! branch on the kind of the message, and the engine. Copying does not, so it is of no matter
//! whether the array sits on large pages. Nothing is subtracted: one pair of readings adds some
//! 0.1 ns to a message, and the [null engine](Engine::null), which is measured like any other,
//! shows what all of the driver adds.
//!
//! Reports go through a transport of the driver's: see `transport.rs`. `engine_flush` is measured too,
//! after the last message. `engine_prebuild`, where an engine has it, is called for each message
//! beforehand, as the ABI wants it; its time is told apart, and an engine that works there shows.
//!
//! There are three passes, each meant for a process of its own:
//! - [`Pass::Throughput`] is that. The engine's memory is as its `engine_init` left it, so faulting
//!   it in, if it does that late, counts.
//! - [`Pass::Reports`] keeps every report for the hash, and asks the engine for its book after
//!   every [`PROBE_INTERVAL`] messages. Not timed.
//! - [`Pass::Latency`] reads the clock around each call, some tens of ns more for every one, and sorts
//!   the calls into [`MessageClass`]es. An engine that matches on a thread of its own returns
//!   before it is done, so its classes say little.

use crate::abi::{CANCEL, Message, NEW, Report, Transport};
use crate::canonical::{Canonical, ReportCounts};
use crate::clock::{Rate, Ticks};
use crate::load::{Engine, EngineFunctions};
use crate::transport::{COLLECT, WRAP, WRAP_COUNTING_TRADES, Wrap};
use core::ffi::c_void;
use core::hint::black_box;

/// Messages between two readings of the clock: 10 KiB of them. Fewer: the readings show in the
/// result. More: the chunk drives the engine's own lines out of the first-level cache.
pub const CHUNK_LEN: usize = 256;

/// Messages from one look at the book to the next. Odd, so that it does not keep step with a
/// workload in which every second message undoes the one before.
pub const PROBE_INTERVAL: usize = 101;

/// What to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Nanoseconds per message, over all.
    Throughput,
    /// The reports and the books.
    Reports,
    /// Nanoseconds of single calls.
    Latency,
}

/// What a pass found.
#[derive(Clone, Debug)]
pub enum PassReport {
    /// Of [`Pass::Throughput`].
    Throughput {
        /// Nanoseconds per message.
        ns_per_op: f64,
        /// Nanoseconds per message in `engine_prebuild`; 0 without one.
        prebuild_ns_per_op: f64,
        /// Reports that came.
        report_count: u64,
    },
    /// Of [`Pass::Reports`].
    Reports {
        /// SHA-256 of the canonical text: see [`Canonical`].
        hash: String,
        /// How many reports of each kind.
        counts: ReportCounts,
        /// The book after every [`PROBE_INTERVAL`] messages.
        probes: Vec<Probe>,
    },
    /// Of [`Pass::Latency`]: the classes that occurred.
    Latency(Vec<ClassLatency>),
}

/// A look at an engine's book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Ticks, or [`NO_BID`](crate::abi::NO_BID).
    pub best_bid: i64,
    /// Ticks, or [`NO_ASK`](crate::abi::NO_ASK).
    pub best_ask: i64,
    /// Open lots at the price and on the side of the latest message.
    pub depth: u64,
}

/// Kinds of calls that cost differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageClass {
    /// A new order that rests without having traded.
    New,
    /// A new order that trades, or is immediate-or-cancel.
    Taker,
    /// A cancel, refused or not.
    Cancel,
    /// A modify, refused or not, whether it trades or not.
    Modify,
}

impl MessageClass {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::New, Self::Taker, Self::Cancel, Self::Modify];

    /// As output names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Taker => "taker",
            Self::Cancel => "cancel",
            Self::Modify => "modify",
        }
    }

    fn of(message: &Message, traded: bool) -> Self {
        match message.kind {
            NEW if traded || message.order.ioc != 0 => Self::Taker,
            NEW => Self::New,
            CANCEL => Self::Cancel,
            _ => Self::Modify,
        }
    }
}

/// How long the calls of one class took, in nanoseconds; each includes two readings of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassLatency {
    /// Which calls.
    pub class: MessageClass,
    /// How many there were, from 1.
    pub count: usize,
    /// Half of them took no longer.
    pub p50_ns: f64,
    /// 99 in 100 took no longer.
    pub p99_ns: f64,
    /// 999 in 1000 took no longer.
    pub p99_9_ns: f64,
    /// None took longer.
    pub max_ns: f64,
}

/// Starts the engine, gives it every message in order, and stops it. Kinds of messages that the ABI
/// does not have are given as modifies: [`OrderFile`](crate::OrderFile) lets none by.
#[must_use]
pub fn run_pass(engine: Engine, messages: &[Message], pass: Pass) -> PassReport {
    // The functions must stay unknown to the compiler, also those of the null engine: it would see
    // through the pointers and leave the calls out.
    let engine = black_box(engine.functions);
    match pass {
        Pass::Throughput => throughput(&engine, messages),
        Pass::Reports => reports(&engine, messages),
        Pass::Latency => latency(&engine, messages),
    }
}

// SAFETY of the calls below. The functions are an engine's (`Engine` has no others). Messages are
// plain data that live longer than the call. Transport and handle outlive the engine: `stop` is
// called before they go, and after it an engine pushes no more.

/// Starts the engine. The handle is that of a value which `transport` is for.
fn start(engine: &EngineFunctions, transport: &'static Transport, handle: *mut c_void) {
    // Any number will do; a fixed one makes runs repeatable.
    const SEED: u64 = 1;
    // SAFETY: see above.
    unsafe { (engine.init)(SEED, transport, handle) };
}

fn prebuild(engine: &EngineFunctions, messages: &[Message]) {
    if let Some(prebuild) = engine.prebuild {
        for message in messages {
            // SAFETY: see above.
            unsafe { prebuild(message.kind, (&raw const message.order).cast()) };
        }
    }
}

/// The call that is measured.
#[inline(always)]
fn call(engine: &EngineFunctions, message: &Message) {
    // SAFETY: see above.
    unsafe {
        match message.kind {
            NEW => (engine.on_new_order)(&raw const message.order),
            CANCEL => (engine.on_cancel)(message.as_cancel()),
            _ => (engine.on_modify)(&raw const message.order),
        }
    }
}

fn flush(engine: &EngineFunctions) {
    // SAFETY: see above.
    unsafe { (engine.flush)() };
}

fn stop(engine: &EngineFunctions) {
    // SAFETY: see above.
    unsafe { (engine.shutdown)() };
}

fn probe(engine: &EngineFunctions, latest: &Message) -> Probe {
    let order = &latest.order;
    // SAFETY: see above.
    unsafe {
        Probe {
            best_bid: (engine.query_best_bid)(),
            best_ask: (engine.query_best_ask)(),
            depth: (engine.query_depth_at)(order.price_ticks, order.side),
        }
    }
}

/// A chunk in a place of its own.
#[repr(C, align(64))]
struct Hot([Message; CHUNK_LEN]);

impl Hot {
    fn new() -> Box<Self> {
        Box::new(Self([Message::default(); CHUNK_LEN]))
    }

    fn load(&mut self, chunk: &[Message]) -> &[Message] {
        let hot = &mut self.0[..chunk.len()];
        hot.copy_from_slice(chunk);
        hot
    }
}

fn throughput(engine: &EngineFunctions, messages: &[Message]) -> PassReport {
    let mut hot = Hot::new();
    let wrap = Box::into_raw(Box::new(Wrap::new()));
    let rate = Rate::start();
    start(engine, &WRAP, wrap.cast());
    let begin = Ticks::now();
    prebuild(engine, messages);
    let prebuild_ticks = Ticks::now().since(begin);
    let mut ticks = 0;
    for chunk in messages.chunks(CHUNK_LEN) {
        let chunk = hot.load(chunk);
        let begin = Ticks::now();
        for message in chunk {
            call(engine, message);
        }
        ticks += Ticks::now().since(begin);
    }
    let begin = Ticks::now();
    flush(engine);
    ticks += Ticks::now().since(begin);
    stop(engine);
    // SAFETY: made above; the engine has been stopped.
    let wrap = unsafe { Box::from_raw(wrap) };
    let ns_per_op = |ticks: u64| ticks as f64 * rate.ns_per_tick() / messages.len().max(1) as f64;
    PassReport::Throughput {
        ns_per_op: ns_per_op(ticks),
        prebuild_ns_per_op: if engine.prebuild.is_some() { ns_per_op(prebuild_ticks) } else { 0.0 },
        report_count: wrap.count,
    }
}

fn reports(engine: &EngineFunctions, messages: &[Message]) -> PassReport {
    let collected: *mut Vec<Report> =
        Box::into_raw(Box::new(Vec::with_capacity(2 * messages.len())));
    let mut probes = Vec::with_capacity(messages.len() / PROBE_INTERVAL);
    start(engine, &COLLECT, collected.cast());
    prebuild(engine, messages);
    for stretch in messages.chunks(PROBE_INTERVAL) {
        for message in stretch {
            call(engine, message);
        }
        probes.push(probe(engine, &stretch[stretch.len() - 1]));
    }
    flush(engine);
    stop(engine);
    // SAFETY: made above; the engine has been stopped.
    let canonical = Canonical::new(*unsafe { Box::from_raw(collected) });
    PassReport::Reports { hash: canonical.hash(), counts: canonical.counts(), probes }
}

fn latency(engine: &EngineFunctions, messages: &[Message]) -> PassReport {
    let mut hot = Hot::new();
    let mut calls: Vec<(MessageClass, u64)> = Vec::with_capacity(messages.len());
    let wrap = Box::into_raw(Box::new(Wrap::new()));
    let rate = Rate::start();
    start(engine, &WRAP_COUNTING_TRADES, wrap.cast());
    prebuild(engine, messages);
    let mut trade_count = 0;
    for chunk in messages.chunks(CHUNK_LEN) {
        for message in hot.load(chunk) {
            let begin = Ticks::now();
            call(engine, message);
            let ticks = Ticks::now().since(begin);
            // SAFETY: made above; between two calls nobody else uses it, unless an engine's own
            // thread counts on: then the number is one that it was at some time.
            let now = unsafe { (&raw const (*wrap).trade_count).read_volatile() };
            calls.push((MessageClass::of(message, now != trade_count), ticks));
            trade_count = now;
        }
    }
    flush(engine);
    stop(engine);
    // SAFETY: made above; the engine has been stopped.
    drop(unsafe { Box::from_raw(wrap) });
    let ns_per_tick = rate.ns_per_tick();
    let of_class = |class| {
        let ticks = calls.iter().filter(|call| call.0 == class).map(|call| call.1);
        ClassLatency::of(class, ticks.collect(), ns_per_tick)
    };
    PassReport::Latency(MessageClass::ALL.into_iter().filter_map(of_class).collect())
}

impl ClassLatency {
    fn of(class: MessageClass, mut ticks: Vec<u64>, ns_per_tick: f64) -> Option<Self> {
        ticks.sort_unstable();
        let last = ticks.len().checked_sub(1)?;
        // Nearest rank: the smallest that so many of 1000 do not exceed.
        let at = |per_mille: usize| {
            let rank = (ticks.len() * per_mille).div_ceil(1000);
            ticks[rank.saturating_sub(1)] as f64 * ns_per_tick
        };
        Some(Self {
            class,
            count: ticks.len(),
            p50_ns: at(500),
            p99_ns: at(990),
            p99_9_ns: at(999),
            max_ns: ticks[last] as f64 * ns_per_tick,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{NO_ASK, NO_BID, Order};

    fn workload() -> Vec<Message> {
        let message = |index: u64| {
            let kind = (index % 3) as u8;
            let order = Order { order_id: index, sequence_number: index, ..Order::default() };
            Message { kind, order, ..Message::default() }
        };
        (0..1000).map(message).collect()
    }

    #[test]
    fn the_null_engine_acknowledges_every_message_in_every_pass() {
        // One after the other: the null engine, like any other, has one state.
        let messages = workload();
        let PassReport::Reports { hash, counts, probes } =
            run_pass(Engine::null(), &messages, Pass::Reports)
        else {
            panic!("another pass");
        };
        assert_eq!(counts.by_kind, [334, 0, 333, 333, 0, 0]);
        assert_eq!(hash.len(), 64);
        let empty = Probe { best_bid: NO_BID, best_ask: NO_ASK, depth: 0 };
        assert_eq!(probes, [empty; 10]);

        let pass = run_pass(Engine::null(), &messages, Pass::Throughput);
        let PassReport::Throughput { ns_per_op, prebuild_ns_per_op, report_count } = pass else {
            panic!("another pass");
        };
        assert!(ns_per_op > 0.0 && prebuild_ns_per_op == 0.0 && report_count == 1000, "{pass:?}");

        let PassReport::Latency(classes) = run_pass(Engine::null(), &messages, Pass::Latency)
        else {
            panic!("another pass");
        };
        let counts: Vec<_> = classes.iter().map(|c| (c.class, c.count)).collect();
        use MessageClass::{Cancel, Modify, New};
        assert_eq!(counts, [(New, 334), (Cancel, 333), (Modify, 333)], "nobody takes");
        for c in classes {
            assert!(c.p50_ns <= c.p99_ns && c.p99_ns <= c.p99_9_ns && c.p99_9_ns <= c.max_ns);
        }
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let of = |ticks| ClassLatency::of(MessageClass::New, ticks, 0.5);
        assert_eq!(of(Vec::new()), None);
        let one = of(vec![8]).expect("a call");
        assert_eq!((one.p50_ns, one.p99_9_ns, one.max_ns), (4.0, 4.0, 4.0));
        let many = of((1..=1000).rev().collect()).expect("calls");
        let found = (many.count, many.p50_ns, many.p99_ns, many.p99_9_ns, many.max_ns);
        assert_eq!(found, (1000, 250.0, 495.0, 499.5, 500.0));
    }
}
