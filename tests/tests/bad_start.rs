//! Bad starts: the binary exits with status 2, its last words name the knob and the fix, and it
//! leaves nothing behind. A kernel without io_uring means sockets, or the same where the
//! configuration insists.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use vesta_tests::roles::{Places, ROLES, command};
use vesta_tests::running::{Ended, Running, terminate};
use vesta_tests::{binary, root};

/// Runs it until it ends.
fn ended(command: Command) -> Ended {
    Running::start("the program", command).end()
}

/// All that a program said on stderr.
fn words(ended: &Ended) -> String {
    ended.stderr.join("\n")
}

/// Exit status 2, and each of `needles` in what it said: the knob, and the fix.
fn assert_refused(ended: &Ended, needles: &[&str]) {
    let words = words(ended);
    assert_eq!(ended.code, Some(2), "{words}");
    for needle in needles {
        assert!(words.contains(needle), "no {needle:?} in:\n{words}");
    }
    assert!(!words.contains("panic"), "{words}");
}

/// Starts `program` with the configuration `text`, which it must refuse.
fn refused(program: &str, places: &Places, text: &str, needles: &[&str]) {
    assert_refused(&ended(command(program, &places.write(text))), needles);
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

/// Every binary, with the arguments that make it start.
fn every_binary() -> Vec<(String, &'static [&'static str])> {
    let roles = ROLES.map(|role| (format!("vesta-{role}"), &[] as &[_]));
    roles.into_iter().chain([("vesta".to_owned(), &["demo", "--orders", "10"] as &[_])]).collect()
}

/// Every binary refuses the configuration `text` at the places `places`.
fn all_refuse(places: &Places, text: &str, needles: &[&str]) {
    let file = places.write(text);
    for (program, arguments) in every_binary() {
        let mut command = command(&program, &file);
        command.args(arguments);
        assert_refused(&ended(command), needles);
        assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
    }
}

#[test]
fn help_and_version() {
    for (program, _) in every_binary() {
        for argument in ["--help", "--version"] {
            let mut command = Command::new(binary(&program));
            command.arg(argument);
            let ended = ended(command);
            assert_eq!(ended.code, Some(0), "{program} {argument}");
            let text = ended.stdout.join("\n");
            let expected = if argument == "--help" { "--config" } else { "Aeron 1.54" };
            assert!(text.contains(expected), "{program} {argument}: {text}");
        }
    }
}

#[test]
fn unknown_arguments() {
    for (program, _) in every_binary() {
        let mut command = Command::new(binary(&program));
        command.arg("--frobnicate");
        assert_refused(&ended(command), &["--frobnicate", "--help"]);
    }
    let places = Places::claim();
    let mut command = command("vesta-gateway", &places.write(&places.config("", "")));
    command.args(["--gateway", "9"]);
    assert_refused(&ended(command), &["--gateway 9", "no such [[gateway]], only 1"]);
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn unreadable_configuration() {
    let places = Places::claim();
    for file in [places.folder().join("absent.toml"), places.folder().to_path_buf()] {
        for (program, arguments) in every_binary() {
            let mut command = command(&program, &file);
            command.args(arguments);
            let needles = [&*file.display().to_string(), "can not be read", "--config"];
            assert_refused(&ended(command), &needles);
        }
    }
}

#[test]
fn malformed_configuration() {
    let places = Places::claim();
    let needles = ["vesta.toml", "line 1", "unclosed table"];
    all_refuse(&places, "[transport\nmtu_bytes = 1408\n", &needles);
    refused("vesta-engine", &places, "[shard]\nid = \"one\"\n", &["line 2", "id = \"one\"", "u32"]);
    std::fs::write(places.folder().join("vesta.toml"), [0xff, 0xfe, 0]).expect("a file");
    let file = places.folder().join("vesta.toml");
    assert_refused(&ended(command("vesta-engine", &file)), &["vesta.toml", "UTF-8"]);
}

#[test]
fn unknown_key() {
    let places = Places::claim();
    all_refuse(&places, "[transport]\nmtu = 1408\n", &["line 2", "`mtu`", "`mtu_bytes`"]);
    refused("vesta-engine", &places, "[enigne]\n", &["`enigne`", "`engine`"]);
}

#[test]
fn contradictory_values() {
    let places = Places::claim();
    let cases: [(&str, &[&str]); 8] = [
        ("[transport]\nsparse_files = true\npre_touch = true", &["pre_touch", "sparse_files"]),
        (
            "[transport]\nreceiver_window_bytes = 262144",
            &["receiver_window_bytes", "socket_receive_buffer_bytes"],
        ),
        (
            "[streams.input_log]\nterm_length_bytes = 131072",
            &["streams.input_log.term_length_bytes", "receiver_window_bytes"],
        ),
        (
            "[transport]\nimage_liveness_timeout_ms = 9000",
            &["flow_control_receiver_timeout_ms", "image_liveness_timeout_ms"],
        ),
        (
            "[engine]\ninstrument_count_max = 3",
            &["engine.instrument_count_max = 3", "[[instrument]]", "raise"],
        ),
        (
            "[streams.orders]\nendpoint = \"127.0.0.1:24001\"",
            &["24001", "streams.orders.endpoint", "gateway[0].listen", "choose a free port"],
        ),
        ("[streams.input_log]\nid = 30", &["streams.event_log.id", "30"]),
        ("[[session]]\nid = 1\ngateway = 7", &["session", "gateway", "7"]),
    ];
    for (text, needles) in cases {
        refused("vesta-sequencer", &places, text, needles);
    }
}

#[test]
fn what_is_known_but_not_available() {
    let places = Places::claim();
    let cases = [
        ("[shard]\ncommit_level = \"replicated\"", ["commit_level", "use \"received\""]),
        ("[shard]\ncommit_level = \"journaled\"", ["commit_level", "use \"received\""]),
        ("[streams.event_log]\nflow_control = \"tagged\"", ["flow_control", "use \"slowest\""]),
    ];
    for (text, needles) in cases {
        all_refuse(&places, text, &needles);
    }
}

#[test]
fn multicast_group_with_an_even_last_octet() {
    let places = Places::claim();
    let text = "[streams.event_log]\ngroup = \"239.86.1.30:24030\"\n";
    all_refuse(&places, text, &["streams.event_log.group", "odd", "use 239.86.1.31:24030"]);
}

#[test]
fn interface_that_this_machine_does_not_have() {
    let places = Places::claim();
    let text = places.config("interface = \"198.51.100.7\"", "");
    all_refuse(&places, &text, &["transport.interface = \"198.51.100.7\"", "ip -br addr"]);
}

#[test]
fn address_that_this_machine_does_not_have() {
    let places = Places::claim();
    let good = places.config("", "");
    let listen = places.gateway().to_string();
    let text = good.replace(&format!("listen = \"{listen}\""), "listen = \"198.51.100.7:24001\"");
    let needles = ["gateway[0].listen = \"198.51.100.7:24001\"", "configure one that is"];
    refused("vesta-gateway", &places, &text, &needles);
    let text = format!("{good}[demo]\nclient_bind = \"198.51.100.7:0\"\n");
    let mut demo = command("vesta", &places.write(&text));
    demo.args(["demo", "--orders", "10"]);
    let needles = ["demo.client_bind = \"198.51.100.7:0\"", "configure one that is"];
    assert_refused(&ended(demo), &needles);
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

/// Commands of `vesta` that start the whole appliance.
fn appliance_commands(file: &Path) -> [Command; 2] {
    let mut demo = command("vesta", file);
    demo.args(["demo", "--orders", "10", "--json"]);
    let mut replay = command("vesta", file);
    let rows = file.with_file_name("rows.csv");
    std::fs::write(&rows, "1.0,1,1,1,1,1\n").expect("the folder of the test can be written");
    replay.args(["replay", "--via", "appliance", "--lobster"]).arg(&rows).arg("--book").arg(&rows);
    [demo, replay]
}

#[test]
fn port_of_the_gateway_that_is_taken() {
    let places = Places::claim();
    let _owner = UdpSocket::bind(places.gateway()).expect("a port of ours");
    let knob = format!("gateway[0].listen = \"{}\"", places.gateway());
    let needles = [&*knob, "is taken by another socket", "configure another port"];
    let text = places.config("", "");
    refused("vesta-gateway", &places, &text, &needles);
    for command in appliance_commands(&places.write(&text)) {
        assert_refused(&ended(command), &needles);
        assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
    }
}

#[test]
fn port_of_an_aeron_stream_that_is_taken() {
    let places = Places::claim();
    let text = places.config("", "");
    let cases = [
        ("vesta-sequencer", places.orders(), "streams.orders.endpoint"),
        ("vesta-gateway", places.back(), "gateway[0].back_endpoint"),
    ];
    for (program, place, key) in cases {
        let _owner = UdpSocket::bind(place).expect("a port of ours");
        let knob = format!("{key} = \"{place}\"");
        let needles = [&*knob, "is taken by another socket", "configure another port"];
        refused(program, &places, &text, &needles);
        for command in appliance_commands(&places.write(&text)) {
            assert_refused(&ended(command), &needles);
            assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
        }
    }
}

/// With MDC: where the publisher takes its readers, and where a reader wants to receive.
#[test]
fn port_of_an_mdc_stream_that_is_taken() {
    let places = Places::claim();
    let text = places.config("mode = \"mdc\"", "");
    for ((_, control), (program, name)) in places.controls().into_iter().zip([
        ("vesta-sequencer", "input_log"),
        ("vesta-engine", "event_log"),
        ("vesta-md-publisher", "market_data"),
        ("vesta-md-publisher", "snapshots"),
    ]) {
        let _owner = UdpSocket::bind(control).expect("a port of ours");
        let knob = format!("streams.{name}.control = \"{control}\"");
        refused(program, &places, &text, &[&knob, "is taken by another socket", "ss -lunp"]);
    }
    // A port of the block that nobody else has.
    let endpoint = places.back();
    let control = places.controls()[0].1;
    let fixed = text.replace(
        &format!("control = \"{control}\"\n"),
        &format!("control = \"{control}\"\nreader_endpoint = \"{endpoint}\"\n"),
    );
    let gateway = fixed
        .replace(&format!("back_endpoint = \"{endpoint}\""), "back_endpoint = \"127.0.0.1:9\"");
    let _owner = UdpSocket::bind(endpoint).expect("a port of ours");
    let knob = format!("streams.input_log.reader_endpoint = \"{endpoint}\"");
    refused("vesta-engine", &places, &gateway, &[&knob, "is taken by another socket"]);
}

#[test]
fn control_address_that_this_machine_does_not_have() {
    let places = Places::claim();
    let control = places.controls()[0].1.to_string();
    let text = places.config("mode = \"mdc\"", "").replace(&control, "198.51.100.7:24120");
    let needles = ["streams.input_log.control = \"198.51.100.7:24120\"", "configure one that is"];
    refused("vesta-sequencer", &places, &text, &needles);
}

/// What a reader admits to be in flight must fit the buffer that the kernel grants its socket.
#[test]
fn window_above_the_socket_buffer() {
    let granted = std::fs::read_to_string("/proc/sys/net/core/rmem_max").expect("Linux");
    let granted: u64 = granted.trim().parse().expect("a number");
    let window = (2 * granted).next_power_of_two();
    let term = 2 * window;
    assert!(term <= 1 << 30, "net.core.rmem_max = {granted}: Aeron has no window above it");
    let streams =
        ["orders", "sequencer_back", "input_log", "event_log", "market_data", "snapshots"]
            .map(|name| format!("[streams.{name}]\nterm_length_bytes = {term}\n"))
            .concat();
    let text = format!(
        "[transport]\nsparse_files = true\npre_touch = false\nreceiver_window_bytes = {window}\n\
         socket_receive_buffer_bytes = {window}\n{streams}"
    );
    let knob = format!("transport.receiver_window_bytes = {window}");
    let needles = [&*knob, "the kernel grants", "net.core.rmem_max"];
    all_refuse(&Places::claim(), &text, &needles);
}

/// Log buffers that the folder of the drivers has no room for.
#[test]
fn streams_that_do_not_fit_in_memory() {
    let places = Places::claim();
    let gateways: String = (1..=64)
        .map(|n| {
            format!(
                "[[gateway]]\nid = {n}\nlisten = \"127.0.1.{n}:24001\"\n\
                 back_endpoint = \"127.0.1.{n}:24011\"\nreceive_buffer_bytes = 65536\n"
            )
        })
        .collect();
    let text = format!(
        "[transport]\ndriver_directory_parent = \"{}\"\n[streams.orders]\n\
         term_length_bytes = 1073741824\n[streams.sequencer_back]\n\
         term_length_bytes = 1073741824\n{gateways}",
        places.drivers().display()
    );
    let needles =
        ["transport.driver_directory_parent", "would take 412", "free", "term_length_bytes"];
    refused("vesta-sequencer", &places, &text, &needles);
}

#[test]
fn a_second_process_of_a_role_that_runs() {
    let places = Places::claim();
    let file = places.write(&places.config("", ""));
    for (program, key) in
        [("vesta-gateway", "gateway[0].listen"), ("vesta-sequencer", "streams.orders.endpoint")]
    {
        let mut first = Running::start(program, command(program, &file));
        first.wait_line("that it has started", |line| {
            line.contains("streams are open").then_some(())
        });
        let second = ended(command(program, &file));
        assert_refused(&second, &[key, "is taken by another socket", "ss -lunp"]);
        // The first goes on, and ends when it is asked to.
        assert!(first.is_running());
        terminate(&[&first]);
        let ended = first.end();
        assert_eq!(ended.code, Some(0), "{}", words(&ended));
    }
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn folder_for_drivers_that_is_not_there() {
    let places = Places::claim();
    let drivers = format!("\"{}\"", places.drivers().display());
    let text = places.config("", "").replace(&drivers, "\"/proc/nowhere\"");
    refused("vesta-engine", &places, &text, &["/proc/nowhere", "driver_directory_parent"]);
}

/// A command that runs `program` where the kernel refuses io_uring: by a seccomp filter, as container
/// runtimes have it.
fn without_io_uring(command: &Command) -> Command {
    let mut wrapped = Command::new("python3");
    wrapped.arg(root().join("tests/src/without_io_uring.py"));
    wrapped.arg(command.get_program()).args(command.get_args());
    wrapped
}

#[test]
fn a_kernel_without_io_uring_means_sockets() {
    let places = Places::claim();
    let mut demo = command("vesta", &places.write(&places.config("", "")));
    demo.args(["demo", "--orders", "2000", "--json", "--plot"]).arg(places.folder().join("p.svg"));
    let ended = ended(without_io_uring(&demo));
    let words = words(&ended);
    assert_eq!(ended.code, Some(0), "{words}");
    assert!(words.contains("datapath socket: io_uring can not be used: "), "{words}");
    assert!(words.contains("the kernel refuses it"), "{words}");
    let json = ended.json();
    assert_eq!((&json["datapath"], &json["verdict"]), (&"socket".into(), &"OK".into()), "{json}");
    assert_eq!(json["answered"], 2_000);
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_kernel_without_io_uring_and_a_configuration_that_insists() {
    let places = Places::claim();
    let file = places.write(&places.config("datapath = \"uring\"", ""));
    let needles = ["datapath = \"uring\"", "the kernel refuses it", "set datapath = \"auto\""];
    for (program, arguments) in every_binary() {
        let mut command = command(&program, &file);
        command.args(arguments);
        assert_refused(&ended(without_io_uring(&command)), &needles);
        assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
        command.env("VESTA_DISABLE_IO_URING", "1");
        let needles = ["datapath = \"uring\"", "VESTA_DISABLE_IO_URING", "set datapath"];
        assert_refused(&ended(command), &needles);
    }
}
