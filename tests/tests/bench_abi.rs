//! `vesta bench abi` as a process: what it prints, and its exit status.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use vesta_engine_abi::OrderFile;
use vesta_engine_abi::abi::{BUY, CANCEL, Message, NEW, Order, SELL};
use vesta_tests::binary;

/// The library of `benches/abi`, which cargo builds before this test because this test uses it.
fn library() -> PathBuf {
    vesta_abi::engine_flush();
    let test = std::env::current_exe().expect("the path of this test");
    test.with_file_name("libvesta_abi.so")
}

fn order_file(name: &str) -> PathBuf {
    let message = |index: u64| {
        let order = Order {
            order_id: 1_000 - index / 2,
            sequence_number: index,
            price_ticks: 100,
            quantity: 1,
            side: if index.is_multiple_of(4) { BUY } else { SELL },
            ..Order::default()
        };
        let kind = if index % 5 == 4 { CANCEL } else { NEW };
        Message { kind, order, ..Message::default() }
    };
    let file = OrderFile { messages: (0..500).map(message).collect() };
    let path = std::env::temp_dir().join(format!("vesta-bench-{name}-{}", std::process::id()));
    file.write(&path).expect("a writable folder");
    path
}

fn bench(orders: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(binary("vesta"));
    command.args(["bench", "abi", "--repetitions", "2", "--json", "--orders"]).arg(orders);
    command.args(more).output().expect("vesta runs")
}

#[test]
fn engines_are_compared_and_the_null_engine_is_always_there() {
    let (orders, exported) = (order_file("compared"), order_file("exported"));
    let library = library();
    let one = format!("one={}", library.display());
    let two = format!("two={}", library.display());
    let export = exported.display().to_string();
    let more = ["--engine", &one, "--engine", &two, "--dense-ids", "--export", &export];
    let output = bench(&orders, &more);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = stdout.lines().last().expect("output");
    let found: Value = serde_json::from_str(last).expect("one JSON object on the last line");
    assert_eq!((&found["orders"], &found["dense_ids"]), (&500.into(), &true.into()));
    let engines = found["engines"].as_array().expect("a list");
    let names: Vec<_> = engines.iter().map(|engine| engine["engine"].as_str()).collect();
    assert_eq!(names, [Some("null"), Some("one"), Some("two")]);
    assert_eq!(engines[1]["hash"], engines[2]["hash"]);
    assert_ne!(engines[0]["hash"], engines[1]["hash"]);
    for engine in engines {
        assert!(engine["ns_per_op"].as_f64() > Some(0.0), "{engine}");
        assert!(engine["classes"]["new"]["p99_9"].as_f64() > Some(0.0), "{engine}");
    }
    assert!(found["ratios"]["one/two"].as_f64() > Some(0.0), "{}", found["ratios"]);

    let dense = OrderFile::read(&exported).expect("what was exported");
    assert_eq!(dense.messages[0].order.order_id, 1);
    for file in [orders, exported] {
        std::fs::remove_file(file).expect("this test's own");
    }
}

#[test]
fn what_can_not_be_measured_is_said_and_ends_with_2() {
    let orders = order_file("refused");
    let library = library().display().to_string();
    let fails = |orders: &Path, more: &[&str], says: &str| {
        let output = bench(orders, more);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{says}: {stderr}");
        assert!(stderr.contains(says), "wanted: {says}\n{stderr}");
    };
    fails(&orders, &[], "--engine");
    fails(&orders, &["--engine", "nowhere.so"], "nowhere.so");
    fails(&orders, &["--engine", &library, "--engine", &library], "two engines are called");
    fails(&orders, &["--engine", &library, "--core", "9999"], "--core 9999");
    // A program is no order file, and an order file is no engine.
    fails(&binary("vesta"), &["--engine", &library], "not an order file");
    let not_an_engine = orders.display().to_string();
    fails(&orders, &["--engine", &not_an_engine], "not a library");
    std::fs::remove_file(orders).expect("this test's own");
}
