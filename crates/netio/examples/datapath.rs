//! One end of a link, to compare datapaths by hand: two of these, each pinned to a core of its own,
//! make a measurement. The other end is `pong` to a `ping`, and `subscribe` to a `publish`.
//!
//! ```text
//! taskset -c 1 datapath pong      datapath=uring endpoints=7 &
//! taskset -c 0 datapath ping      datapath=uring endpoints=7
//! taskset -c 1 datapath subscribe datapath=uring length=1376 &
//! taskset -c 0 datapath publish   datapath=uring length=1376
//! ```
//!
//! Arguments are `key=value`, and both ends take the same: `datapath` (socket, uring), `hot` (ring,
//! direct, none), `send` (ring, direct), `gso` and `gro` (true, false), `messages` per send,
//! `endpoints`, `here` and `there` (addresses), `multicast` (true, false), `length`, `count` (round
//! trips), `seconds`, `mtu`, `terms` and `window` (bytes), `port`.
//!
//! The last line is what was measured, as `key=value` too. `published` and `received` are messages.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use vesta_netio::{
    AeronPublication, AeronSubscription, AeronTransport, ClientSettings, Clock, Datapath,
    DatapathChoice, DatapathCounts, DriverSettings, HotReceive, SendVia,
};
use vesta_transport::{Duty, Flow, Input, Publication, StreamId, Subscription, Transport};

const STREAM: StreamId = StreamId(77);
const WARM_UP: usize = 4_000;
const BURST_BYTES: usize = 64 << 10;
const WAIT_MAX_NS: u64 = 20_000_000_000;

struct Arguments(BTreeMap<String, String>);

impl Arguments {
    fn text<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.0.get(key).map_or(default, String::as_str)
    }

    fn number(&self, key: &str, default: usize) -> Result<usize, String> {
        let text = self.text(key, "");
        if text.is_empty() {
            return Ok(default);
        }
        text.parse().map_err(|_| format!("{key}={text} is not a number"))
    }

    fn is_true(&self, key: &str, default: bool) -> bool {
        self.text(key, if default { "true" } else { "false" }) == "true"
    }

    fn driver(&self) -> Result<DriverSettings, String> {
        let mut driver = DriverSettings::new("datapath");
        driver.datapath = DatapathChoice::Require(match self.text("datapath", "uring") {
            "socket" => Datapath::Socket,
            "uring" => Datapath::Uring,
            other => return Err(format!("datapath={other} is not known")),
        });
        match self.text("hot", "") {
            "" => {}
            "ring" => driver.uring.hot_receive = HotReceive::Ring,
            "direct" => driver.uring.hot_receive = HotReceive::Direct,
            "none" => driver.uring.hot_sockets_max = 0,
            other => return Err(format!("hot={other} is not known")),
        }
        match self.text("send", "") {
            "" => {}
            "ring" => driver.uring.send = SendVia::Ring,
            "direct" => driver.uring.send = SendVia::Direct,
            other => return Err(format!("send={other} is not known")),
        }
        driver.uring.gso = self.is_true("gso", true);
        driver.uring.gro = self.is_true("gro", true);
        let messages = self.number("messages", driver.messages_per_send as usize)?;
        driver.messages_per_send = u32::try_from(messages).unwrap_or(u32::MAX);
        driver.mtu_bytes = self.number("mtu", driver.mtu_bytes)?;
        driver.term_buffer_bytes = self.number("terms", driver.term_buffer_bytes)?;
        driver.initial_window_bytes = self.number("window", driver.initial_window_bytes)?;
        // The other end ends soon after this one.
        driver.publication_connection_timeout_ms = 500;
        Ok(driver)
    }

    /// Channels from `ping` to `pong` (or `publish` to `subscribe`), and back.
    fn channels(&self, is_first: bool) -> Result<Vec<(String, String)>, String> {
        let here = self.text("here", "127.0.0.1");
        let there = self.text("there", "127.0.0.1");
        let (first, second) = if is_first { (here, there) } else { (there, here) };
        let is_multicast = self.is_true("multicast", false);
        let port = self.number("port", 20_500)?;
        let channel = |index: usize, to: &str| {
            let port = port + index;
            if is_multicast {
                format!("aeron:udp?endpoint=239.192.88.{}:{port}|interface={here}", 2 * index + 1)
            } else {
                format!("aeron:udp?endpoint={to}:{port}")
            }
        };
        let endpoints = self.number("endpoints", 1)?;
        Ok((0..endpoints).map(|n| (channel(2 * n, second), channel(2 * n + 1, first))).collect())
    }
}

/// What one end has: a publication and a subscription for each endpoint.
struct End {
    transport: AeronTransport,
    publications: Vec<AeronPublication>,
    subscriptions: Vec<AeronSubscription>,
    clock: Clock,
}

impl End {
    fn open(arguments: &Arguments, is_first: bool) -> Result<Self, Box<dyn Error>> {
        let mut transport = AeronTransport::embed(&arguments.driver()?, ClientSettings::default())?;
        let (mut publications, mut subscriptions) = (Vec::new(), Vec::new());
        for (there, back) in arguments.channels(is_first)? {
            let (out, inward) = if is_first { (there, back) } else { (back, there) };
            subscriptions.push(transport.add_subscription(&inward, STREAM)?);
            publications.push(transport.add_publication(&out, STREAM)?);
        }
        let mut end = Self { transport, publications, subscriptions, clock: Clock::new() };
        while !end.publications.iter().all(Publication::is_connected) {
            end.transport.do_work()?;
            if end.clock.mono_ns() > WAIT_MAX_NS {
                return Err("the other end does not come".into());
            }
        }
        Ok(end)
    }

    /// One duty cycle; how many messages came, and how many bytes each of the last had.
    fn cycle(&mut self) -> Result<(u64, usize), Box<dyn Error>> {
        self.transport.do_work()?;
        let (mut count, mut len) = (0, 0);
        for subscription in &mut self.subscriptions {
            subscription.poll(256, &mut |input| {
                if let Input::Fragment(fragment) = input {
                    count += 1;
                    len = fragment.bytes.len();
                }
                Flow::Taken
            });
        }
        Ok((count, len))
    }

    fn counts(&self) -> DatapathCounts {
        self.transport
            .with_driver(|driver| driver.datapath_counters().snapshot())
            .unwrap_or_default()
    }
}

fn ping(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let mut end = End::open(arguments, true)?;
    let message = vec![1; arguments.number("length", 64)?];
    let count = arguments.number("count", 20_000)?;
    let mut round_trips_ns = Vec::with_capacity(count);
    let mut before = DatapathCounts::default();
    for n in 0..WARM_UP + count {
        if n == WARM_UP {
            before = end.counts();
        }
        while end.publications[0].offer(&message).is_err() {
            end.cycle()?;
        }
        let sent_ns = end.clock.mono_ns();
        while end.cycle()?.0 == 0 {
            if end.clock.mono_ns() - sent_ns > WAIT_MAX_NS {
                return Err("no answer".into());
            }
        }
        if n >= WARM_UP {
            round_trips_ns.push(end.clock.mono_ns() - sent_ns);
        }
    }
    round_trips_ns.sort_unstable();
    let at = |share: f64| round_trips_ns[((count - 1) as f64 * share) as usize];
    let counts = shown(&end.counts().since(&before));
    Ok(format!("p50_ns={} p99_ns={} p999_ns={}{counts}", at(0.5), at(0.99), at(0.999)))
}

fn pong(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let mut end = End::open(arguments, false)?;
    let message = vec![2; arguments.number("length", 64)?];
    while end.publications[0].is_connected() {
        let (count, _) = end.cycle()?;
        for _ in 0..count {
            while end.publications[0].offer(&message).is_err() {
                end.transport.do_work()?;
                if !end.publications[0].is_connected() {
                    break;
                }
            }
        }
    }
    Ok(format!("pong{}", shown(&end.counts())))
}

fn publish(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let mut end = End::open(arguments, true)?;
    let message = vec![3; arguments.number("length", 1_376)?];
    let run_ns = arguments.number("seconds", 2)? as u64 * 1_000_000_000;
    let (started_ns, mut published) = (end.clock.mono_ns(), 0_u64);
    let before = end.counts();
    while end.clock.mono_ns() - started_ns < run_ns {
        // As much as the driver takes in some cycles, so that it is never without.
        for _ in 0..BURST_BYTES / message.len().max(1) {
            if end.publications[0].offer(&message).is_err() {
                break;
            }
            published += 1;
        }
        end.cycle()?;
    }
    let counts = shown(&end.counts().since(&before));
    Ok(format!("published={published}{counts}"))
}

fn subscribe(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let mut end = End::open(arguments, false)?;
    let (mut received, mut first_ns, mut last_ns) = (0_u64, 0, 0);
    while end.publications[0].is_connected() {
        let (count, _) = end.cycle()?;
        if count > 0 {
            last_ns = end.clock.mono_ns();
            first_ns = if received == 0 { last_ns } else { first_ns };
            received += count;
        }
    }
    let rate = received as f64 * 1e3 / (last_ns - first_ns).max(1) as f64;
    Ok(format!("received={received} million_per_s={rate:.3}{}", shown(&end.counts())))
}

fn shown(counts: &DatapathCounts) -> String {
    counts.named().filter(|(_, count)| *count > 0).fold(String::new(), |mut text, (name, count)| {
        let _ = write!(text, " {name}={count}");
        text
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let role = words.next().unwrap_or_default();
    let pair = |word: String| {
        word.split_once('=')
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .ok_or_else(|| format!("{word} is not key=value"))
    };
    let arguments = Arguments(words.map(pair).collect::<Result<_, _>>()?);
    let line = match role.as_str() {
        "ping" => ping(&arguments)?,
        "pong" => pong(&arguments)?,
        "publish" => publish(&arguments)?,
        "subscribe" => subscribe(&arguments)?,
        _ => return Err("the first argument is ping, pong, publish or subscribe".into()),
    };
    println!("{line}");
    Ok(())
}
