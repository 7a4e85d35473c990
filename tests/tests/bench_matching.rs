//! `vesta bench matching` as a process: what it prints, what it exports, and its exit status. What the
//! scenarios are like is tested in `crates/workload`.

use serde_json::Value;
use std::process::{Command, Output};
use vesta_engine_abi::OrderFile;
use vesta_engine_abi::abi::{CANCEL, MODIFY, NEW};
use vesta_tests::binary;

const SCENARIOS: [&str; 6] =
    ["lobster", "lobster-long", "normal", "static", "swing", "flash-crash"];

fn bench(more: &[&str]) -> Output {
    let mut command = Command::new(binary("vesta"));
    command.args(["bench", "matching", "--repetitions", "2", "--ops", "20000", "--json"]);
    command.args(more).output().expect("vesta runs")
}

fn found(more: &[&str]) -> Value {
    let output = bench(more);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = stdout.lines().last().expect("output");
    serde_json::from_str(last).expect("one JSON object on the last line")
}

#[test]
fn every_scenario_is_measured_and_none_allocates() {
    let found = found(&[]);
    let scenarios = found["scenarios"].as_array().expect("a list");
    let names: Vec<_> = scenarios.iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(names, SCENARIOS);
    let mut slowest_ns: f64 = 0.0;
    for scenario in scenarios {
        assert_eq!(scenario["ops"], 20_000, "{scenario}");
        // Null when nobody counted: see `tools/src/main.rs`.
        assert_eq!(scenario["allocations"], 0, "{scenario}");
        assert!(scenario["trades"].as_u64() > Some(0), "{scenario}");
        let ns = |value: &Value, key: &str| value[key].as_f64().expect("a number");
        let ns_per_op = ns(scenario, "ns_per_op");
        assert!(ns_per_op > ns(scenario, "floor_ns_per_op"), "{scenario}");
        let ordered = |value: &Value| {
            let percentiles = ["p50_ns", "p99_ns", "p999_ns", "max_ns"].map(|key| ns(value, key));
            assert!(percentiles[0] > 0.0 && percentiles.is_sorted(), "{value}");
        };
        ordered(scenario);
        let classes = scenario["classes"].as_object().expect("by class");
        classes.values().for_each(ordered);
        let counts = classes.values().filter_map(|class| class["count"].as_u64());
        assert_eq!(counts.sum::<u64>(), 20_000, "{scenario}");
        if scenario["is_variant"] == false {
            slowest_ns = slowest_ns.max(ns_per_op);
        }
    }
    let worst_mops = found["worst_mops"].as_f64().expect("a number");
    assert!((worst_mops - 1000.0 / slowest_ns).abs() < 1e-6, "{worst_mops}, {slowest_ns} ns");
    assert_eq!(found["verdict"], "OK");
}

#[test]
fn a_scenario_is_exported_as_an_order_file_and_named_by_its_seed() {
    let path = std::env::temp_dir().join(format!("vesta-bench-matching-{}", std::process::id()));
    let file = path.display().to_string();
    let export = |seed: &str| {
        let found = found(&["--scenario", "lobster", "--seed", seed, "--export", &file]);
        let orders = OrderFile::read(&path).expect("an order file");
        (found["scenarios"][0]["trades"].clone(), orders)
    };
    let (trades, orders) = export("5");
    assert_eq!(orders.messages.len(), 20_000);
    for kind in [NEW, CANCEL, MODIFY] {
        assert!(orders.messages.iter().any(|message| message.kind == kind), "kind {kind}");
    }
    assert_eq!(export("5"), (trades.clone(), orders.clone()));
    let (other_trades, other_orders) = export("6");
    assert!(other_trades != trades && other_orders != orders);
    std::fs::remove_file(path).expect("this test's own");
}

#[test]
fn what_can_not_be_measured_is_said_and_ends_with_2() {
    let fails = |more: &[&str], says: &str| {
        let output = bench(more);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{says}: {stderr}");
        assert!(stderr.contains(says), "wanted: {says}\n{stderr}");
    };
    fails(&["--scenario", "calm"], "no scenario is called `calm`");
    fails(&["--export", "/nowhere"], "name it with --scenario");
    fails(&["--core", "9999"], "--core 9999");
    fails(&["--seed", "x"], "--seed");
}
