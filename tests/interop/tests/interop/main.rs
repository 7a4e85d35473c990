//! Peers that we did not write, on the driver that `vesta driver` hosts, against our own client on a
//! driver of its own: both ways, by unicast, multicast and MDC, on every datapath, 64 B to 64 KiB (on
//! `xdp` between two hosts, and not by MDC: `between_hosts`).
//!
//! ```text
//!   peer (C, or aeron-rs) -- vesta driver <==UDP==> driver -- AeronTransport (this test)
//! ```
//! Where `VESTA_AERONMD` names a stock media driver, it takes the place of `vesta driver` once.

mod between_hosts;
mod pure_rust;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use vesta_interop::{Task, message, run_in_c};
use vesta_netio::{
    AeronTransport, ClientSettings, Clock, Datapath, DatapathChoice, DriverSettings, probe,
};
use vesta_tests::roles::{Places, command};
use vesta_tests::running::{Running, wait_for};
use vesta_transport::{
    Duty, Flow, Input, OfferError, Publication, StreamId, Subscription, Transport,
};

const STREAM: StreamId = StreamId(7);
const LENGTHS: [i32; 5] = [64, 300, 1_376, 8_192, 65_536];
const MESSAGES: u64 = 60;
const PATIENCE_MS: u64 = 20_000;
/// What a child process is to do, where this binary runs as one.
const TASK: &str = "VESTA_INTEROP_TASK";

#[derive(Clone, Copy, Debug)]
enum Peer {
    C,
    PureRust,
    /// No peer, but our own side as a process: for hosts that this test's threads are not on.
    Ours,
}

/// The peer's side of the tests below; nothing to do where this is no child.
#[test]
fn peer_process() {
    let Ok(text) = std::env::var(TASK) else { return };
    let [peer, role, directory, channel] = text.split('\n').collect::<Vec<_>>()[..] else {
        panic!("no task: {text}")
    };
    let task = Task {
        directory: directory.to_owned(),
        is_publisher: role == "publish",
        channel: channel.to_owned(),
        stream: STREAM.0,
        count: MESSAGES,
        lengths: LENGTHS.to_vec(),
        patience_ms: PATIENCE_MS,
    };
    let done = match peer {
        "C" => run_in_c(&task),
        "Ours" => between_hosts::run_ours(&task),
        _ => pure_rust::run(&task),
    };
    assert!(done, "{peer} did not {role} on {channel}");
}

fn start_peer(peer: Peer, role: &str, directory: &Path, channel: &str) -> Running {
    let command = Command::new(std::env::current_exe().expect("this binary"));
    let command = peer_command(command, peer, role, directory, channel);
    Running::start(&format!("peer {peer:?}"), command)
}

/// Makes a command that runs this binary one that runs a peer.
fn peer_command(
    mut command: Command,
    peer: Peer,
    role: &str,
    directory: &Path,
    channel: &str,
) -> Command {
    command.args(["--exact", "peer_process", "--nocapture"]);
    command.env(TASK, format!("{peer:?}\n{role}\n{}\n{channel}", directory.display()));
    command
}

fn datapaths() -> Vec<Datapath> {
    match probe() {
        Ok(()) => vec![Datapath::Socket, Datapath::Uring],
        Err(_) => vec![Datapath::Socket],
    }
}

/// Our own side, on a driver of its own.
fn ours(datapath: Datapath, places: &Places) -> AeronTransport {
    let mut settings = DriverSettings::new("interop");
    settings.directory_parent = Some(places.drivers());
    settings.datapath = DatapathChoice::Require(datapath);
    settings.term_buffer_sparse_file = true;
    AeronTransport::embed(&settings, ClientSettings::default()).expect("a transport")
}

/// Channel of the publisher and of the reader, by kind; each way has places of its own, as those of the
/// other are held for a while after it has closed them.
fn channels(places: &Places, way: usize) -> [(String, String); 3] {
    let unicast = format!("aeron:udp?endpoint={}", [places.orders(), places.back()][way]);
    let (_, group) = places.groups()[way];
    let multicast = format!("aeron:udp?endpoint={group}|interface=127.0.0.1|ttl=0|fc=min");
    let (_, control) = places.controls()[way];
    let control = format!("control={control}|control-mode=dynamic");
    [
        (unicast.clone(), unicast),
        (multicast.clone(), multicast),
        (
            format!("aeron:udp?{control}|fc=min"),
            format!("aeron:udp?endpoint=127.0.0.1:0|{control}"),
        ),
    ]
}

fn read_from(peer: Peer, ours: &mut AeronTransport, directory: &Path, (to, at): &(String, String)) {
    let mut reader = ours.add_subscription(at, STREAM).expect("a subscription");
    let mut child = start_peer(peer, "publish", directory, to);
    let clock = Clock::new();
    let (mut next, mut is_wrong) = (0, false);
    while next < MESSAGES && !is_wrong {
        ours.do_work().expect("the transport works");
        let work = reader.poll(16, &mut |input| {
            if let Input::Fragment(fragment) = input {
                is_wrong |= fragment.bytes != message(next, &LENGTHS);
                next += 1;
            }
            Flow::Taken
        });
        if work == 0 {
            std::thread::sleep(Duration::from_micros(50));
            assert!(clock.mono_ns() < PATIENCE_MS * 1_000_000, "{next} messages on {at}");
            assert!(next > 0 || child.is_running(), "{:?}", child.stderr());
        }
    }
    assert!(!is_wrong, "message {next} from {peer:?} on {at} is not what it should be");
    drop(reader);
    ours.linger(Duration::from_millis(300)).expect("the transport works");
    let ended = finish(ours, child);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

fn write_to(peer: Peer, ours: &mut AeronTransport, directory: &Path, (to, at): &(String, String)) {
    let mut publisher = ours.add_publication(to, STREAM).expect("a publication");
    let child = start_peer(peer, "subscribe", directory, at);
    let clock = Clock::new();
    let mut next = 0;
    while next < MESSAGES {
        ours.do_work().expect("the transport works");
        match publisher.offer(&message(next, &LENGTHS)) {
            Ok(_) => next += 1,
            Err(OfferError::BackPressured | OfferError::NotConnected) => {
                std::thread::sleep(Duration::from_micros(50));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(clock.mono_ns() < PATIENCE_MS * 1_000_000, "{next} messages taken for {to}");
    }
    let ended = finish(ours, child);
    assert_eq!(ended.code, Some(0), "{peer:?} on {at}: {ended:#?}");
}

/// Works until the peer has ended.
fn finish(ours: &mut AeronTransport, mut child: Running) -> vesta_tests::running::Ended {
    wait_for("the peer to end", || {
        ours.do_work().expect("the transport works");
        (!child.is_running()).then_some(())
    });
    child.end()
}

fn both_ways(peer: Peer, datapath: Datapath, directory: &Path, places: &Places) {
    let mut ours = ours(datapath, places);
    for (here, there) in channels(places, 0).iter().zip(&channels(places, 1)) {
        read_from(peer, &mut ours, directory, here);
        write_to(peer, &mut ours, directory, there);
    }
}

fn against_vesta_driver(peer: Peer) {
    for datapath in datapaths() {
        let places = Places::claim();
        let directory = places.drivers().join("vesta-driver");
        let transport = format!(
            "driver_directory = \"{}\"\ndatapath = \"{datapath}\"\n\
             setup_term_length_max_bytes = 1048576",
            directory.display()
        );
        let file = places.write(&places.config(&transport, ""));
        let mut host = command("vesta", &file);
        host.arg("driver");
        let mut host = Running::start("vesta driver", host);
        host.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
        both_ways(peer, datapath, &directory, &places);
        host.terminate();
        assert_eq!(host.end().code, Some(0));
        assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_client_in_c() {
    against_vesta_driver(Peer::C);
}

#[test]
fn the_client_in_pure_rust() {
    against_vesta_driver(Peer::PureRust);
}

/// Stock Aeron's driver, in C or Java, where the environment names a program that runs one; it takes
/// its directory from `AERON_DIR`.
#[test]
fn aeronmd_stock() {
    let Some(program) = std::env::var_os("VESTA_AERONMD") else {
        println!("SKIP aeronmd_stock: VESTA_AERONMD names no media driver");
        return;
    };
    for datapath in datapaths() {
        let places = Places::claim();
        std::fs::create_dir_all(places.drivers()).expect("a folder");
        let directory = places.drivers().join("aeronmd");
        let mut stock = Command::new(&program);
        stock.env("AERON_DIR", &directory);
        let stock = Running::start("aeronmd", stock);
        wait_for("the stock driver", || directory.join("cnc.dat").exists().then_some(()));
        both_ways(Peer::C, datapath, &directory, &places);
        stock.terminate();
        let _ = stock.end();
    }
}
