//! Round trips between two hosts, datapath against datapath: the measurement behind the figures of
//! `xdp`. As root:
//!
//! ```text
//! cargo run --release -p vesta-netio --example rtt -- rounds=11 trips=20000 bytes=96,1408 raw socket xdp
//! ```
//!
//! The hosts are network namespaces joined by a veth pair. Each round runs every variant once, one
//! after the other, as a pair of busy-polling processes on cores 0 and 1: `raw` is a UDP socket with
//! send and receive and nothing else, the rest is Aeron in invoker mode on that datapath. `bytes` are
//! those of the datagram, Aeron's header of 32 included.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/support/hosts.rs"]
mod hosts;
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hosts::{ADDRESS_A, ADDRESS_B, Host, INTERFACE, NETWORK, Pair};
use vesta_netio::{
    AeronTransport, ClientSettings, Datapath, DatapathChoice, DriverSettings, Threading,
    XdpCounters,
};
use vesta_transport::{Duty, Flow, Input, Publication, StreamId, Subscription, Transport};

const PORT: u16 = 24_900;
const HEADER_BYTES: usize = 32;
const WARM_UP: usize = 3_000;
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let prefix = format!("{name}=");
        arguments.iter().find_map(|a| a.strip_prefix(&prefix).map(str::to_owned))
    };
    let number = |name: &str, default: usize| {
        value(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let variants: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|a| !a.contains('=')).collect();
    let job = Job {
        is_ping: value("side").as_deref() == Some("ping"),
        trips: number("trips", 20_000),
        bytes: number("each", 96),
        is_multicast: value("channel").as_deref() == Some("multicast"),
    };
    match value("side") {
        Some(_) => run_side(variants[0], &job),
        None => {
            let sizes = value("bytes").unwrap_or_else(|| "96,1408".to_owned());
            let sizes: Vec<usize> =
                sizes.split(',').map(|size| size.parse().expect("a number")).collect();
            let channel = value("channel").unwrap_or_else(|| "unicast".to_owned());
            compare(&variants, &sizes, number("rounds", 11), job.trips, &channel);
        }
    }
}

struct Job {
    is_ping: bool,
    trips: usize,
    bytes: usize,
    is_multicast: bool,
}

fn compare(variants: &[&str], sizes: &[usize], rounds: usize, trips: usize, channel: &str) {
    let pair = Pair::new();
    let mut all: BTreeMap<(usize, usize), Vec<[f64; 2]>> = BTreeMap::new();
    for round in 0..rounds {
        for &bytes in sizes {
            for (place, variant) in variants.iter().enumerate() {
                let result = one(&pair, variant, bytes, trips, channel);
                println!(
                    "round {round} {channel} {bytes} B {variant}: p50 {:.2} us, p99 {:.2} us",
                    result[0], result[1]
                );
                all.entry((bytes, place)).or_default().push(result);
            }
        }
    }
    println!(
        "\n{channel}, {rounds} rounds: median (least to most) of p50 and p99 in us, and of the ratio of p50 to each"
    );
    for (&(bytes, place), results) in &all {
        let mut line = format!("{bytes:>5} B {:<7}", variants[place]);
        for which in [0, 1] {
            let values: Vec<f64> = results.iter().map(|result| result[which]).collect();
            line += &format!("  {}", spread(values));
        }
        for (other, name) in variants.iter().enumerate().filter(|(other, _)| *other != place) {
            let others = &all[&(bytes, other)];
            let ratios = results.iter().zip(others).map(|(a, b)| a[0] / b[0]).collect();
            line += &format!("  /{name} {}", spread(ratios));
        }
        println!("{line}");
    }
}

fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let middle = values[values.len() / 2];
    format!("{middle:.2} ({:.2} to {:.2})", values[0], values[values.len() - 1])
}

/// Runs both sides as processes; p50 and p99 in microseconds.
fn one(pair: &Pair, variant: &str, bytes: usize, trips: usize, channel: &str) -> [f64; 2] {
    let start = |host: &Host, core: &str, side: &str| -> Child {
        let mut command = Command::new("taskset");
        command.args(["-c", core]);
        let on_host = host.command(&std::env::current_exe().expect("this program"));
        command.arg(on_host.get_program()).args(on_host.get_args());
        command.args([format!("side={side}"), format!("each={bytes}"), format!("trips={trips}")]);
        command.args([&format!("channel={channel}"), variant]);
        command.stdout(Stdio::piped()).spawn().expect("it starts")
    };
    let pong = start(&pair.b, "1", "pong");
    let ping = start(&pair.a, "0", "ping");
    let ping = ping.wait_with_output().expect("it ends");
    let pong = pong.wait_with_output().expect("it ends");
    assert!(ping.status.success() && pong.status.success(), "{variant} failed");
    let text = String::from_utf8_lossy(&ping.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("result ")).expect("a result");
    let mut numbers = line.split(' ').map(|number| number.parse().expect("a number"));
    [numbers.next().expect("p50"), numbers.next().expect("p99")]
}

fn run_side(variant: &str, job: &Job) {
    match variant {
        "raw" => raw(job),
        _ => aeron(variant, job),
    }
}

fn report(mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_nanos() as f64 / 1_000.0;
    println!("result {:.3} {:.3} {:.3}", at(0.5), at(0.99), at(0.999));
}

fn raw(job: &Job) {
    let (own, peer) = if job.is_ping { (ADDRESS_A, ADDRESS_B) } else { (ADDRESS_B, ADDRESS_A) };
    let socket = UdpSocket::bind((own, PORT)).expect("a free port");
    socket.connect((peer, PORT)).expect("a route");
    socket.set_nonblocking(true).expect("Linux");
    let mut buffer = vec![7; job.bytes];
    let started = Instant::now();
    let receive = |buffer: &mut [u8], until: Option<Duration>| {
        let from = Instant::now();
        loop {
            if socket.recv(buffer).is_ok() {
                return true;
            }
            if until.is_some_and(|until| from.elapsed() > until) {
                return false;
            }
            assert!(started.elapsed() < PATIENCE, "gave up");
        }
    };
    if !job.is_ping {
        while buffer[0] != 0xff {
            receive(&mut buffer, None);
            let _ = socket.send(&buffer);
        }
        return;
    }
    // Until the other side is there.
    while !{
        let _ = socket.send(&buffer);
        receive(&mut buffer, Some(Duration::from_millis(20)))
    } {}
    while receive(&mut buffer, Some(Duration::from_millis(50))) {}
    let mut times = Vec::with_capacity(job.trips);
    for trip in 0..WARM_UP + job.trips {
        let from = Instant::now();
        socket.send(&buffer).expect("sent");
        receive(&mut buffer, None);
        if trip >= WARM_UP {
            times.push(from.elapsed());
        }
    }
    buffer[0] = 0xff;
    socket.send(&buffer).expect("sent");
    report(times);
}

fn aeron(variant: &str, job: &Job) {
    let mut settings = DriverSettings::new("rtt");
    let datapath = match variant {
        "socket" => Datapath::Socket,
        "uring" => Datapath::Uring,
        "xdp" => Datapath::Xdp,
        _ => panic!("raw, socket, uring or xdp, not {variant}"),
    };
    settings.datapath = DatapathChoice::Require(datapath);
    settings.threading = Threading::Invoker;
    settings.xdp.interface = INTERFACE.to_owned();
    settings.timer_interval_ms = 20;
    let client = ClientSettings { pre_touch_mapped_memory: true, ..ClientSettings::default() };
    let mut transport = AeronTransport::embed(&settings, client).expect("a transport");
    eprintln!("{}", transport.with_driver(|d| d.datapath().to_string()).expect("embedded"));
    let channel = |address: &str, group: u8| match job.is_multicast {
        true => format!("aeron:udp?endpoint=239.192.77.{group}:{PORT}|interface={NETWORK}"),
        false => format!("aeron:udp?endpoint={address}:{PORT}"),
    };
    let (there, back) = (channel(ADDRESS_B, 1), channel(ADDRESS_A, 3));
    let (own, peer) = if job.is_ping { (back, there) } else { (there, back) };
    let mut subscription = transport.add_subscription(&own, StreamId(1)).expect("a subscription");
    let mut publication = transport.add_publication(&peer, StreamId(1)).expect("a publication");
    let mut message = vec![7; job.bytes - HEADER_BYTES];
    let started = Instant::now();
    let mut receive = |transport: &mut AeronTransport, buffer: &mut Vec<u8>| {
        loop {
            transport.do_work().expect("it works");
            let mut got = None;
            subscription.poll(1, &mut |input| {
                got = match input {
                    Input::Fragment(fragment) => {
                        buffer.copy_from_slice(fragment.bytes);
                        Some(true)
                    }
                    Input::Lost { .. } => Some(false),
                    Input::Joined { .. } => None,
                };
                Flow::Taken
            });
            if let Some(got) = got {
                return got;
            }
            assert!(started.elapsed() < PATIENCE, "gave up");
        }
    };
    let mut send = |transport: &mut AeronTransport, message: &[u8]| {
        while publication.offer(message).is_err() {
            transport.do_work().expect("it works");
            assert!(started.elapsed() < PATIENCE, "gave up");
        }
    };
    if job.is_ping {
        let mut times = Vec::with_capacity(job.trips);
        for trip in 0..WARM_UP + job.trips {
            let from = Instant::now();
            send(&mut transport, &message);
            assert!(receive(&mut transport, &mut message), "the other side is gone");
            if trip >= WARM_UP {
                times.push(from.elapsed());
            }
        }
        message[0] = 0xff;
        send(&mut transport, &message);
        let until = Instant::now() + Duration::from_millis(50);
        while Instant::now() < until {
            transport.do_work().expect("it works");
        }
        report(times);
    } else {
        while receive(&mut transport, &mut message) && message[0] != 0xff {
            send(&mut transport, &message);
        }
    }
    let tell = |counters: &XdpCounters| {
        let counts: Vec<String> =
            counters.list().map(|(name, count)| format!("{name} {count}")).collect();
        eprintln!("{}", counts.join(", "));
    };
    transport.with_driver(|driver| driver.xdp_counters().map(tell));
}
