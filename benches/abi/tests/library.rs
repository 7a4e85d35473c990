//! The library as a harness sees it: a file that is loaded and called. Against a naive book, and
//! against what else may be in a file of that name.

mod support;

use std::path::PathBuf;
use support::{NaiveBook, workload};
use vesta_engine_abi::abi::{BUY, CANCEL, MODIFY, Message, NEW, NO_ASK, NO_BID, Order, SELL};
use vesta_engine_abi::{
    Canonical, Engine, LoadError, MessageClass, PROBE_INTERVAL, Pass, PassReport, Probe, dense_ids,
    run_pass,
};

/// Cargo builds the library before this test, into the folder of this test.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.with_file_name("libvesta_abi.so")
}

fn engine() -> Engine {
    // The crate is a library to Rust, too: cargo builds it only for a test that uses it.
    vesta_abi::engine_flush();
    Engine::open(&library()).expect("the library of this crate")
}

fn reports(messages: &[Message]) -> (String, [u64; 6], Vec<Probe>) {
    match run_pass(engine(), messages, Pass::Reports) {
        PassReport::Reports { hash, counts, probes } => (hash, counts.by_kind, probes),
        other => panic!("another pass: {other:?}"),
    }
}

fn naive(messages: &[Message]) -> (Canonical, Vec<Probe>) {
    let mut book = NaiveBook::default();
    let mut probes = Vec::new();
    for stretch in messages.chunks(PROBE_INTERVAL) {
        stretch.iter().for_each(|message| book.apply(message));
        probes.push(book.probe(&stretch[stretch.len() - 1]));
    }
    (Canonical::new(book.reports), probes)
}

// One test, because the library has one engine for the whole process.
#[test]
fn it_reports_and_answers_as_a_naive_book_does() {
    let mut messages = workload(20_000);
    for _ in 0..2 {
        let (hash, counts, probes) = reports(&messages);
        let (expected, expected_probes) = naive(&messages);
        assert_eq!(counts, expected.counts().by_kind);
        assert!(counts.iter().all(|&count| count > 100), "all kinds occur: {counts:?}");
        assert_eq!(probes, expected_probes);
        assert_eq!(hash, expected.hash());
        // The second time round with the ids that a sequencer gives.
        dense_ids(&mut messages);
    }
    every_pass_reports_as_much(&messages);
    a_modify_gives_up_its_place_even_when_it_shrinks();
    what_the_abi_can_not_say_is_not_said();
}

fn every_pass_reports_as_much(messages: &[Message]) {
    let (_, counts, _) = reports(messages);
    let PassReport::Throughput { ns_per_op, prebuild_ns_per_op, report_count } =
        run_pass(engine(), messages, Pass::Throughput)
    else {
        panic!("another pass");
    };
    assert!(ns_per_op > 0.0 && prebuild_ns_per_op == 0.0, "no work is hidden in a pre-build hook");
    assert_eq!(report_count, counts.iter().sum());
    let PassReport::Latency(classes) = run_pass(engine(), messages, Pass::Latency) else {
        panic!("another pass");
    };
    let found: Vec<_> = classes.iter().map(|latency| latency.class).collect();
    assert_eq!(found, MessageClass::ALL);
    assert_eq!(classes.iter().map(|latency| latency.count).sum::<usize>(), messages.len());
}

fn new(order_id: u64, side: u8, quantity: u32, price_ticks: i64) -> Message {
    let order = Order { order_id, side, quantity, price_ticks, ..Order::default() };
    Message { kind: NEW, order, ..Message::default() }
}

fn numbered(messages: &mut [Message]) {
    for (message, number) in messages.iter_mut().zip(0..) {
        message.order.sequence_number = number;
    }
}

fn a_modify_gives_up_its_place_even_when_it_shrinks() {
    let shrink = Message { kind: MODIFY, ..new(1, BUY, 5, 100) };
    let mut messages = [new(1, BUY, 10, 100), new(2, BUY, 10, 100), shrink, new(3, SELL, 12, 100)];
    numbered(&mut messages);
    let (hash, counts, probes) = reports(&messages);
    let (expected, expected_probes) = naive(&messages);
    assert_eq!(
        (hash, counts, probes),
        (expected.hash(), expected.counts().by_kind, expected_probes)
    );
    assert_eq!(counts, [3, 2, 0, 1, 0, 0], "first all of order 2, then some of order 1");
}

fn what_the_abi_can_not_say_is_not_said() {
    let cancel = |order_id| Message { kind: CANCEL, ..new(order_id, BUY, 0, 0) };
    let mut messages = [
        new(7, BUY, 1, i64::MIN),
        new(7, BUY, 1, i64::MAX),
        new(7, BUY, 0, 5),
        new(u64::MAX, BUY, 1, 5),
        cancel(u64::MAX),
        new(7, BUY, 1, 5),
        new(7, SELL, 1, 4), // would trade, but the id is taken
        Message { kind: MODIFY, ..new(7, BUY, 1, i64::MAX) },
    ];
    numbered(&mut messages);
    let (_, counts, probes) = reports(&messages);
    assert_eq!(counts, [1, 0, 0, 0, 1, 1]);
    assert_eq!(probes, [Probe { best_bid: 5, best_ask: NO_ASK, depth: 0 }]);
    let (_, _, probes) = reports(&[cancel(1)]);
    assert_eq!(probes, [Probe { best_bid: NO_BID, best_ask: NO_ASK, depth: 0 }]);
}

#[test]
fn a_file_that_is_no_engine_is_told_apart() {
    let nowhere = Engine::open(&library().with_file_name("libnowhere.so"));
    assert!(matches!(nowhere, Err(LoadError::Missing { .. })), "{nowhere:?}");

    let text = std::env::temp_dir().join(format!("vesta-not-a-library-{}.so", std::process::id()));
    std::fs::write(&text, "not a library").expect("a writable folder");
    let not_a_library = Engine::open(&text);
    std::fs::remove_file(&text).expect("it was just written");
    assert!(matches!(not_a_library, Err(LoadError::NotLoadable { .. })), "{not_a_library:?}");

    // The C library is one that every such process has: it is loaded, and is no engine.
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
    let libc = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let libc = libc.into_iter().find(|path| path.contains("/libc")).expect("the C library");
    let no_engine = Engine::open(libc.as_ref());
    let Err(LoadError::MissingSymbol { symbol, .. }) = no_engine else {
        panic!("not an engine: {no_engine:?}");
    };
    assert_eq!(symbol, "engine_init");
}
