//! `vesta bench wire | link | throughput | chain | jitter | rings` as processes, in their shortest forms: what
//! they print and leave behind, and their exit status. Never how fast anything is.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use vesta_tests::binary;
use vesta_tests::netns::can_make_namespaces;

/// Where a report goes; removed at the end.
struct Out(PathBuf);

impl Out {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("vesta-bench-{name}-{}", std::process::id())))
    }

    fn text(&self, name: &str) -> String {
        let path = self.0.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(out: &Out, args: &[&str]) -> Output {
    let mut command = Command::new(binary("vesta"));
    command.args(["bench", "--json"]).args(args).arg("--out").arg(&out.0);
    command.output().expect("vesta runs")
}

/// What a measurement found, when it holds.
fn found(out: &Out, args: &[&str]) -> Value {
    let output = run(out, args);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = stdout.lines().last().expect("output");
    let found: Value = serde_json::from_str(last).expect("one JSON object on the last line");
    assert_eq!(found["verdict"], "OK", "{found}");
    // The report says on what it was measured, and has what was found.
    let written: Value = serde_json::from_str(&out.text("result.json")).expect("JSON");
    assert_eq!(written["result"], found);
    let header = &written["header"];
    for key in [
        "cpu",
        "kernel",
        "governor",
        "smt",
        "sleep_states",
        "socket_buffers",
        "pinning",
        "warm_up",
        "seed",
        "commit",
        "command",
        "settings",
        "configuration",
    ] {
        assert!(header[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
    // An interval log, a percentile file for each of its tags, a plot, and the table.
    let name = header["bench"].as_str().expect("a name");
    let log = out.text(&format!("{name}.hlog"));
    let tags: BTreeSet<&str> =
        log.lines().filter_map(|line| line.strip_prefix("Tag=")?.split(',').next()).collect();
    assert!(!tags.is_empty(), "{log}");
    for tag in tags {
        assert!(out.text(&format!("{tag}.hgrm")).contains("#[Max"), "{tag}");
    }
    assert!(out.text("report.html").contains("<svg"), "{name} has no plot");
    let report = out.text("report.txt");
    let columns = ["rate /s", "p50", "p90", "p99", "p99.9", "p99.99", "worst"];
    assert!(
        report.lines().any(|line| columns.iter().all(|column| line.contains(column))),
        "{report}"
    );
    found
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {value}"))
}

fn percentiles_rise(value: &Value) {
    let named = ["p50", "p90", "p99", "p99_9", "p99_99", "max"].map(|key| number(value, key));
    assert!(named[0] > 0.0 && named.is_sorted(), "{value}");
}

/// What processes leave behind when they do not clean up: driver directories of this kind.
fn left_behind() -> Vec<String> {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("vesta-bench-")).collect()
}

/// A pair's figures are whole, and its ratios those of the figures.
fn check_pair(pair: &Value) {
    for kind in ["raw_udp", "echo", "engine"] {
        assert!(number(&pair[kind], "p50") > 0.0, "{pair}");
        assert!(number(&pair[kind], "p99") >= number(&pair[kind], "p50"), "{pair}");
        percentiles_rise(&pair[kind]["all"]);
    }
    // With one round, the median over the rounds is that round.
    for (key, percentile) in [("ratio_p50", "p50"), ("ratio_p99", "p99")] {
        let ratio = number(&pair["engine"], percentile) / number(&pair["echo"], percentile);
        assert!((number(pair, key) - ratio).abs() < 1e-9, "{pair}");
    }
    assert_eq!(pair["wrong"], 0, "{pair}");
    assert_eq!(pair["engine"]["all"]["count"], pair["echo"]["all"]["count"], "{pair}");
}

const SHORT_WIRE: [&str; 7] = ["wire", "--rounds", "1", "--warm-up-ms", "10", "--measure-ms", "50"];

#[test]
fn wire_on_loopback_compares_engine_and_echo() {
    let out = Out::new("wire-lo");
    let more = ["--link", "lo", "--datapath", "socket", "--endpoints", "1", "--rate", "2000"];
    let found = found(&out, &[&SHORT_WIRE[..], &more].concat());
    assert_eq!(found["rounds"], 1);
    let pairs = found["pairs"].as_array().expect("a list");
    let casts: Vec<bool> = pairs.iter().filter_map(|pair| pair["multicast"].as_bool()).collect();
    assert_eq!(casts, [true, false]);
    for pair in pairs {
        assert_eq!((&pair["link"], &pair["datapath"]), (&"lo".into(), &"socket".into()));
        assert_eq!(number(pair, "echo_vs_socket_p50"), 1.0, "it is the reference itself");
        check_pair(pair);
    }
    let html = out.text("report.html");
    assert_eq!(html.matches("<svg").count(), 2, "a plot for each kind of addressing: {html}");
    assert!(
        html.contains("lo, multicast, 1 endpoint") && html.contains("socket, engine"),
        "{html}"
    );
    assert!(html.contains("<summary>wire.toml</summary>"), "{html}");
    let log = out.text("wire.hlog");
    assert!(log.contains("Tag=lo-socket-multicast-1-echo,"), "{log}");
}

#[test]
fn netns_wire_measures_every_datapath_between_namespaces() {
    if !can_make_namespaces("netns_wire_measures_every_datapath_between_namespaces") {
        return;
    }
    let out = Out::new("wire-veth");
    let more = ["--link", "veth", "--multicast", "true", "--rate", "2000"];
    let found = found(&out, &[&SHORT_WIRE[..], &more].concat());
    let pairs = found["pairs"].as_array().expect("a list");
    let reference = pairs.iter().filter(|pair| pair["datapath"] == "socket").count();
    assert_eq!(reference, 2, "one endpoint, and six: {found}");
    for pair in pairs {
        assert_eq!(pair["link"], "veth", "{pair}");
        check_pair(pair);
    }
    let names = Command::new("ip").args(["netns", "list"]).output().expect("ip runs");
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    let is_of_the_dead = |name: &str| {
        let pid = name.strip_prefix("vesta-bench-").and_then(|rest| rest.split('-').next());
        pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
    };
    let left: Vec<&str> = names.split_whitespace().filter(|name| is_of_the_dead(name)).collect();
    assert_eq!(left, [] as [&str; 0], "namespaces of a run that has ended");
}

const SHORT_LINK: [&str; 7] = ["link", "--rounds", "1", "--warm-up-ms", "10", "--measure-ms", "50"];

/// A row's figures are whole, and its ratio that of its figures to the reference's.
fn check_rows(found: &Value, kind: &str, figure: &str) {
    let rows = found[kind].as_array().expect("a list");
    assert!(!rows.is_empty(), "{found}");
    for row in rows {
        assert!(number(row, figure) > 0.0 && number(row, "length_bytes") >= 64.0, "{row}");
        assert_eq!(row["wrong"], 0, "{row}");
        let alike = ["link", "delivery", "length_bytes"];
        let is_reference = |other: &&Value| {
            other["datapath"] == "socket"
                && other["messages_per_send"] == 4
                && alike.iter().all(|key| other[key] == row[key])
        };
        let reference = rows.iter().find(is_reference).expect("it is measured, too");
        let ratio = number(row, figure) / number(reference, figure);
        assert!((number(row, "vs_socket") - ratio).abs() < 1e-9, "{row}");
    }
}

#[test]
fn link_on_loopback_compares_what_the_datapaths_deliver() {
    let out = Out::new("link-lo");
    let found = found(&out, &[&SHORT_LINK[..], &["--link", "lo", "--length", "64"]].concat());
    check_rows(&found, "streams", "messages_per_s");
    check_rows(&found, "round_trips", "p50");
    let of = |kind: &str| {
        let rows = found[kind].as_array().expect("a list").iter();
        rows.map(|row| format!("{} {}", row["delivery"], row["datapath"]).replace('"', ""))
            .collect::<BTreeSet<_>>()
    };
    for delivery in ["unicast", "multicast", "mdc"] {
        let name = format!("{delivery} socket");
        assert!(of("streams").contains(&name) && of("round_trips").contains(&name), "{found}");
    }
    // Full datagrams are what segmentation is for; here they only have to be counted.
    for row in found["streams"].as_array().expect("a list") {
        assert_eq!(row["datagrams_per_send_call"].is_number(), row["datapath"] == "uring", "{row}");
        assert!(number(row, "sender_cpu_ns_per_message") > 0.0, "{row}");
    }
    assert!(out.text("report.html").contains("lo, mdc, 64 bytes, round trips"));
}

#[test]
fn netns_link_measures_every_datapath_between_namespaces() {
    if !can_make_namespaces("netns_link_measures_every_datapath_between_namespaces") {
        return;
    }
    let out = Out::new("link-veth");
    let more = ["--delivery", "unicast", "--delivery", "mdc", "--length", "datagram"];
    let found = found(&out, &[&SHORT_LINK[..], &more].concat());
    check_rows(&found, "streams", "messages_per_s");
    check_rows(&found, "round_trips", "p50");
    assert!(found["round_trips"].as_array().is_some_and(|rows| rows.len() >= 4), "{found}");
}

#[test]
fn throughput_loses_nothing_and_checks_every_event() {
    let out = Out::new("throughput");
    let args = ["throughput", "--seconds", "0.5", "--warm-up", "0.2", "--datapath", "socket"];
    let found = found(&out, &args);
    let [datapath] = found["datapaths"].as_array().expect("a list").as_slice() else {
        panic!("one datapath was asked for: {found}");
    };
    assert_eq!((&datapath["datapath"], &datapath["lost"]), (&"socket".into(), &0.into()));
    assert!(number(datapath, "orders") > 0.0 && number(datapath, "trading_share") >= 0.3);
    let per_s = number(datapath, "orders") / number(datapath, "seconds");
    assert!((number(datapath, "orders_per_s") - per_s).abs() < 1.0, "{datapath}");
    assert!(number(datapath, "cpu_ns_per_order") > 0.0, "{datapath}");
    assert!(number(datapath, "events") > number(datapath, "orders"), "{datapath}");
    // By itself it takes a window that is enough, or as much as the kernel grants.
    let toml = out.text("throughput-socket.toml");
    let window = format!("receiver_window_bytes = {}", found["window_bytes"]);
    assert!(toml.contains(&window), "{window}: {toml}");
    let from_clients = &found["from_clients"][0];
    assert_eq!(from_clients["lost"], 0, "{found}");
    assert!(number(from_clients, "orders") > 0.0, "{found}");
}

#[test]
fn netns_throughput_crosses_a_bridge() {
    if !can_make_namespaces("netns_throughput_crosses_a_bridge") {
        return;
    }
    let out = Out::new("throughput-veth");
    let args = ["throughput", "--seconds", "0.3", "--warm-up", "0.2", "--datapath", "socket"];
    let found = found(&out, &[&args[..], &["--link", "veth"]].concat());
    let datapath = &found["datapaths"][0];
    assert_eq!((&datapath["link"], &datapath["mtu_bytes"]), (&"veth".into(), &1_408.into()));
    assert_eq!(datapath["lost"], 0, "{found}");
    assert!(number(datapath, "orders") > 0.0, "{found}");
}

#[test]
fn chain_tells_every_hop_of_every_order() {
    let out = Out::new("chain");
    let found = found(&out, &["chain", "--rates", "500", "--seconds", "0.4", "--warm-up", "0.2"]);
    let [step] = found["steps"].as_array().expect("a list").as_slice() else {
        panic!("one rate was asked for: {found}");
    };
    assert_eq!(step["sent"], step["answered"], "{step}");
    percentiles_rise(&step["client_to_client"]);
    let hops = step["hops"].as_array().expect("a list");
    assert_eq!(hops.len(), 15, "{step}");
    let count = step["client_to_client"]["count"].as_u64();
    assert_eq!(count, Some(200), "{step}");
    let hop = |name: &str| {
        let found = hops.iter().find(|hop| hop["hop"] == name);
        &found.unwrap_or_else(|| panic!("no hop {name} in {step}"))["ns"]
    };
    for name in ["gateway in", "sequencer", "engine", "gateway > client", "client to client"] {
        assert_eq!(hop(name)["count"].as_u64(), count, "{name}: {step}");
    }
    assert!(hop("client to consumer")["count"].as_u64() > Some(0), "{step}");
    let whole = number(hop("client to client"), "max");
    assert!(number(hop("engine"), "max") <= whole, "a part is not longer than the whole: {step}");
    // The traces themselves are large, and gone.
    let left = fs::read_dir(&out.0).expect("a directory").flatten();
    assert!(left.into_iter().all(|entry| entry.path().extension().is_none_or(|e| e != "trace")));
}

#[test]
fn jitter_watches_each_core() {
    let out = Out::new("jitter");
    let found = found(&out, &["jitter", "--seconds", "0.1"]);
    let cores = found["cores"].as_array().expect("a list");
    assert!(!cores.is_empty());
    for core in cores {
        assert!(number(core, "seconds") >= 0.1, "{core}");
        assert!(number(core, "lost_us_per_s") <= 1e6, "{core}");
        let from = core["from_ns"].as_object().expect("counts");
        assert!(from.values().all(|count| count.as_u64() <= core["gaps"].as_u64()), "{core}");
    }
}

#[test]
fn rings_keep_every_message() {
    let out = Out::new("rings");
    let found = found(&out, &["rings", "--rounds", "1", "--messages", "2000"]);
    let rings = found["rings"].as_array().expect("a list");
    let names: Vec<&str> = rings.iter().filter_map(|ring| ring["ring"].as_str()).collect();
    assert_eq!(names[..3], ["vesta-hotmem", "vesta-hotmem-shared", "rtrb"], "{found}");
    assert_eq!(names.len(), 5, "{found}");
    for ring in rings {
        assert!(number(ring, "ns_per_message") > 0.0 && ring["wrong"] == 0, "{ring}");
    }
    for key in ["encode_ns", "decode_ns", "copy_ns"] {
        assert!(number(&found["codec"], key) > 0.0, "{found}");
    }
}

#[test]
fn what_can_not_be_measured_says_so_and_leaves_nothing() {
    let out = Out::new("bad");
    for (args, word) in [
        (&["wire", "--datapath", "carrier-pigeon"][..], "carrier-pigeon"),
        (
            &["wire", "--link", "lo", "--cores", "4000,4001", "--rounds", "1"],
            "--cores 4000: this process may use",
        ),
        (&["link", "--length", "7"], "give bytes from 8 to 65504, or datagram"),
        (&["link", "--delivery", "pigeon"], "give unicast, multicast or mdc"),
        (&["throughput", "--mtu-bytes", "1409", "--datapath", "socket"], "mtu_bytes"),
    ] {
        let output = run(&out, args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(word), "{args:?}: {stderr}");
    }
    let of_the_dead = left_behind().into_iter().filter(|name| {
        // A run beside this one keeps its note there, and takes it away itself.
        if name == "vesta-bench-sysctl" {
            return false;
        }
        let pid = name.trim_end_matches(".owner").rsplit('-').next().unwrap_or_default();
        !Path::new("/proc").join(pid).exists()
    });
    assert_eq!(of_the_dead.collect::<Vec<_>>(), [] as [String; 0]);
}
