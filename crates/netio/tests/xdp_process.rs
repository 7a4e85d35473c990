//! `xdp` and the processes that use it: it goes with them, and the rest of the interface's traffic
//! never notices. A process of our own is this test binary again.

#[path = "support/hosts.rs"]
mod hosts;
mod support;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hosts::{ADDRESS_B, Host, On, Pair, can_make_hosts, drive, unicast, xdp};
use support::{PATIENCE_NS, STREAM, free_port, message, numbers, poll_into};
use vesta_netio::{
    AeronTransport, ClientSettings, Clock, Datapath, StopFlag, Threading, XdpFallback,
};
use vesta_transport::{Duty, Publication, Transport};

/// What the child is to do, where this binary runs as one: a channel to subscribe to.
const CHANNEL: &str = "NETIO_XDP_CHANNEL";
const FALLBACK: &str = "NETIO_XDP_FALLBACK";
const CHILD_LIFE_NS: u64 = 30_000_000_000;

/// The child's side of the tests below; nothing to do where this is not a child.
#[test]
fn child_process() {
    let Ok(channel) = std::env::var(CHANNEL) else { return };
    let stop = StopFlag::on_signals().expect("handlers");
    let mut settings = xdp(Datapath::Xdp, Threading::Invoker);
    if std::env::var_os(FALLBACK).is_some() {
        settings.xdp.fallback = XdpFallback::Socket;
    }
    let mut transport = match AeronTransport::embed(&settings, ClientSettings::default()) {
        Ok(transport) => transport,
        Err(error) => return println!("\nrefused {error}"),
    };
    let line = transport.with_driver(|driver| driver.datapath().to_string()).expect("embedded");
    println!("\nstarted {line}");
    let mut subscription = transport.add_subscription(&channel, STREAM).expect("a subscription");
    let (clock, mut seen) = (Clock::new(), Vec::new());
    let mut is_told = false;
    while !stop.is_stopped() && clock.mono_ns() < CHILD_LIFE_NS {
        transport.do_work().expect("it works");
        poll_into(&mut subscription, &mut seen);
        if !is_told && numbers(&seen).len() >= 100 {
            is_told = true;
            println!("\nread 100");
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}

struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(host: &Host, channel: &str, fallback: bool) -> Self {
        let mut command = host.command(&std::env::current_exe().expect("this binary"));
        command.args(["--exact", "child_process", "--nocapture"]).env(CHANNEL, channel);
        if fallback {
            command.env(FALLBACK, "1");
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    /// The rest of the line that begins with `word`.
    fn line(&mut self, word: &str) -> String {
        self.lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(word).map(|rest| rest.trim().to_owned()))
            .unwrap_or_else(|| panic!("the child did not say {word}"))
    }

    fn end(mut self) {
        self.lines.by_ref().for_each(drop);
        self.child.wait().expect("it ends");
    }
}

/// One TCP connection over the cable, on which questions are answered all the time.
struct Tcp {
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Tcp {
    fn start(pair: &Pair) -> Self {
        let port = free_port();
        let (answered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let listener = pair.b.enter(|| TcpListener::bind((ADDRESS_B, port)).expect("a free port"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the client comes");
            let mut buffer = [0; 64];
            while stream.read_exact(&mut buffer).is_ok() {
                stream.write_all(&buffer).expect("the client is there");
            }
        });
        let mut stream = pair.a.enter(|| TcpStream::connect((ADDRESS_B, port)).expect("a route"));
        stream.set_nodelay(true).expect("TCP");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("TCP");
        let (count, ended) = (Arc::clone(&answered), Arc::clone(&stop));
        let client = std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while !ended.load(Ordering::Relaxed) {
                stream.write_all(&[7; 64]).expect("the connection stands");
                stream.read_exact(&mut buffer).expect("an answer within 5 s");
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        Self { answered, stop, threads: vec![client, server] }
    }

    /// Waits for a few answers more.
    fn assert_goes_on(&self, when: &str) {
        let (clock, before) = (Clock::new(), self.answered.load(Ordering::Relaxed));
        while self.answered.load(Ordering::Relaxed) < before + 20 {
            assert!(clock.mono_ns() < PATIENCE_NS, "TCP stands still {when}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("TCP never failed");
        }
    }
}

/// The kernel closes the link of a process that ended a moment after it did.
fn assert_program_goes(host: &Host) {
    let clock = Clock::new();
    while host.has_program() {
        assert!(clock.mono_ns() < 2_000_000_000, "the program is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn netns_xdp_goes_with_its_process_and_tcp_goes_on() {
    if !can_make_hosts("netns_xdp_goes_with_its_process_and_tcp_goes_on") {
        return;
    }
    let pair = Pair::new();
    let tcp = Tcp::start(&pair);
    tcp.assert_goes_on("before");
    let mut publisher = On::new(&pair.a, &xdp(Datapath::Xdp, Threading::Invoker));
    let mut publish_until_read = |running: &mut Running, channel: &str| {
        let mut publication = publisher.add_publication(channel, STREAM).expect("a publication");
        let mut next = 0;
        drive("the child joins, and takes what is sent", &mut [&mut publisher], || {
            next += u64::from(publication.offer(&message(next)).is_ok());
            next == 200
        });
        // What is on its way is sent while the child reads on.
        let until = Clock::new();
        drive("the rest", &mut [&mut publisher], || until.mono_ns() > 200_000_000);
        running.line("read ");
    };

    let channel = unicast();
    let mut first = Running::start(&pair.b, &channel, false);
    let line = first.line("started ");
    assert!(line.starts_with("datapath xdp: eth0 (veth): native program"), "{line}");
    assert!(pair.b.has_program());
    publish_until_read(&mut first, &channel);
    tcp.assert_goes_on("while the program is there");

    let mut second = Running::start(&pair.b, &channel, false);
    let refused = second.line("refused ");
    assert!(refused.contains(&format!("taken by process {}", first.child.id())), "{refused}");
    second.end();
    let other = unicast();
    let mut fallback = Running::start(&pair.b, &other, true);
    let line = fallback.line("started ");
    assert!(line.starts_with("datapath socket: fallback"), "{line}");
    publish_until_read(&mut fallback, &other);

    first.child.kill().expect("killed");
    first.child.wait().expect("gone");
    assert_program_goes(&pair.b);
    tcp.assert_goes_on("after kill -9");

    // And again at once.
    let channel = unicast();
    let mut third = Running::start(&pair.b, &channel, false);
    third.line("started datapath xdp");
    publish_until_read(&mut third, &channel);
    for running in [third, fallback] {
        let pid = running.child.id().to_string();
        Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
        running.end();
    }
    assert_program_goes(&pair.b);
    tcp.assert_goes_on("after Ctrl-C");
    drop(publisher);
    assert_program_goes(&pair.a);
    tcp.end();
}
