//! Aeron on AF_XDP between two hosts: the transport contract, and what is left to the kernel.

#[path = "support/hosts.rs"]
mod hosts;
mod support;

use std::time::Duration;

use hosts::{Host, On, Pair, can_make_hosts, drive, multicast, unicast, xdp};
use support::{PATIENCE_NS, STREAM, Seen, keep, message, numbers, poll_into};
use vesta_netio::{AeronPublication, Clock, Datapath, DriverSettings, Threading, XdpFallback};
use vesta_transport::contract::{Harness, Limits, Link, run_all};
use vesta_transport::{Duty, Flow, OfferError, Publication, Subscription, Transport};

struct Hosts {
    pair: Pair,
    publisher: DriverSettings,
    reader: DriverSettings,
    is_multicast: bool,
    clock: Clock,
}

impl Harness for Hosts {
    type Transport = On;

    fn publisher_side(&mut self) -> On {
        On::new(&self.pair.a, &self.publisher)
    }

    fn reader_side(&mut self) -> On {
        On::new(&self.pair.b, &self.reader)
    }

    fn link(&mut self) -> Link {
        let channel = if self.is_multicast { multicast() } else { unicast() };
        Link { publication: channel.clone(), subscription: channel, stream: STREAM }
    }

    fn now_ns(&self) -> u64 {
        self.clock.mono_ns()
    }

    fn idle(&mut self) {
        std::thread::sleep(Duration::from_micros(50));
    }

    fn kill(&mut self, mut side: On, publications: Vec<AeronPublication>) {
        let host = side.host.clone();
        host.enter(|| side.inner().crash_driver());
        drop(publications);
    }

    fn limits(&self) -> Limits {
        Limits {
            wait_max_ns: PATIENCE_NS,
            settle_ns: 200_000_000,
            unread_bytes_max: 2 * self.publisher.term_buffer_bytes,
            many_reader_nodes: self.is_multicast,
        }
    }
}

/// Side by side, as in `contract.rs`: each has hosts of its own.
#[test]
fn netns_xdp_contract() {
    if !can_make_hosts("netns_xdp_contract") {
        return;
    }
    let [invoker, shared, dedicated] = support::threadings();
    let (xdp_path, socket) = (Datapath::Xdp, Datapath::Socket);
    let set_ups = [
        (xdp_path, xdp_path, invoker),
        (xdp_path, xdp_path, shared),
        (xdp_path, xdp_path, dedicated),
        (xdp_path, socket, invoker),
        (socket, xdp_path, invoker),
    ];
    let runs = set_ups.into_iter().flat_map(|(from, to, threading)| {
        [false, true].map(|is_multicast| {
            let channel = if is_multicast { "multicast" } else { "unicast" };
            let mode = match threading {
                Threading::Invoker => "invoker",
                Threading::Shared(_) => "shared",
                Threading::Dedicated(_) => "dedicated",
            };
            let name = format!("{from} to {to}, {mode}, {channel}");
            let (publisher, reader) = (xdp(from, threading), xdp(to, threading));
            let run = move || {
                let (pair, clock) = (Pair::new(), Clock::new());
                run_all(&mut Hosts { pair, publisher, reader, is_multicast, clock });
            };
            let thread = std::thread::Builder::new().name(name.clone()).spawn(run);
            (name, thread.expect("a thread"))
        })
    });
    let failed: Vec<String> = runs
        .collect::<Vec<_>>()
        .into_iter()
        .filter_map(|(name, thread)| thread.join().is_err().then_some(name))
        .collect();
    assert!(failed.is_empty(), "the contract does not hold on: {failed:?}");
}

/// Sends `messages` from one side to the other, and checks that they arrive as they are.
fn carry(from: &mut On, to: &mut On, channel: &str, messages: &[Vec<u8>]) {
    let mut publication = from.add_publication(channel, STREAM).expect("a publication");
    let mut subscription = to.add_subscription(channel, STREAM).expect("a subscription");
    let (mut next, mut seen) = (0, Vec::new());
    drive("messages", &mut [from, to], || {
        while next < messages.len() {
            match publication.offer(&messages[next]) {
                Ok(_) => next += 1,
                Err(OfferError::BackPressured | OfferError::NotConnected) => break,
                Err(error) => panic!("offer {next}: {error}"),
            }
        }
        subscription.poll(64, &mut |input| {
            seen.push(keep(input));
            Flow::Taken
        });
        seen.iter().filter(|seen| matches!(seen, Seen::Message(..))).count() == messages.len()
    });
    let bodies = seen.into_iter().filter_map(|seen| match seen {
        Seen::Message(_, _, bytes) => Some(bytes),
        _ => None,
    });
    for (n, (got, sent)) in bodies.zip(messages).enumerate() {
        assert!(got == *sent, "message {n} of {} bytes", sent.len());
    }
}

/// Messages of one byte to a datagram's worth, in sizes that are no round numbers too.
fn messages(count: usize, mtu_bytes: usize) -> Vec<Vec<u8>> {
    /// Aeron's own in each datagram.
    const HEADER_BYTES: usize = 32;
    let length_max = mtu_bytes - HEADER_BYTES;
    let lengths = [64, 96, 1, 333, 1_000, length_max - 1, length_max];
    (0..count)
        .map(|n| (0..lengths[n % lengths.len()]).map(|at| (at * 7 + n) as u8).collect())
        .collect()
}

#[test]
fn netns_xdp_carries_every_size_and_the_kernel_none_of_it() {
    if !can_make_hosts("netns_xdp_carries_every_size_and_the_kernel_none_of_it") {
        return;
    }
    let pair = Pair::new();
    for host in [&pair.a, &pair.b] {
        host.ip("link set eth0 mtu 3500");
    }
    // In small frames and in large ones.
    for mtu_bytes in [1_408, 3_456] {
        let mut settings = xdp(Datapath::Xdp, Threading::Invoker);
        settings.mtu_bytes = mtu_bytes;
        let (mut a, mut b) = (On::new(&pair.a, &settings), On::new(&pair.b, &settings));
        for channel in [unicast(), multicast()] {
            let before = (b.count("datagrams_received"), b.count("kernel_received"));
            carry(&mut a, &mut b, &channel, &messages(1_000, mtu_bytes));
            let received = b.count("datagrams_received") - before.0;
            let by_kernel = b.count("kernel_received") - before.1;
            assert!(received > 300, "{channel}: {received}");
            // The first few, while the neighbour was asked for.
            assert!(by_kernel < 30, "{channel}: {by_kernel}");
        }
        assert!(a.count("kicks") <= a.count("sends"), "one kick carries a whole send");
        for side in [&a, &b] {
            let drops =
                ["drops_malformed", "drops_checksum", "drops_ring_full", "drops_inbox_full"];
            for drop in drops {
                assert_eq!(side.count(drop), 0, "{drop}");
            }
        }
    }
}

/// On one host everything goes by the kernel: unicast to itself, and groups that it has joined.
#[test]
fn netns_xdp_on_one_host_goes_by_the_kernel() {
    if !can_make_hosts("netns_xdp_on_one_host_goes_by_the_kernel") {
        return;
    }
    let pair = Pair::new();
    let settings = xdp(Datapath::Xdp, Threading::Invoker);
    let (mut first, mut second) = (On::new(&pair.b, &settings), On::new(&pair.b, &settings));
    for channel in [unicast(), multicast()] {
        let before = first.count("kernel_received");
        carry(&mut first, &mut second, &channel, &messages(200, 1_408));
        assert!(first.count("kernel_received") - before > 20, "{channel}");
        assert_eq!(first.count("datagrams_received"), 0, "{channel}");
    }
    // And a reader on this host does not keep a group from the other one.
    let channel = multicast();
    let mut local = second.add_subscription(&channel, STREAM).expect("a subscription");
    let mut far = On::new(&pair.a, &settings);
    let mut remote = far.add_subscription(&channel, STREAM).expect("a subscription");
    let mut publication = first.add_publication(&channel, STREAM).expect("a publication");
    let (mut here, mut there, mut next) = (Vec::new(), Vec::new(), 0_u64);
    drive("both readers", &mut [&mut first, &mut second, &mut far], || {
        let joined = |seen: &[Seen]| matches!(seen.first(), Some(Seen::Joined(..)));
        // Both are there before the first message.
        let both = joined(&here) && joined(&there);
        if both && next < 500 && publication.offer(&message(next)).is_ok() {
            next += 1;
        }
        poll_into(&mut local, &mut here);
        poll_into(&mut remote, &mut there);
        numbers(&here).len() == 500 && numbers(&there).len() == 500
    });
    let expected: Vec<u64> = (0..500).collect();
    assert_eq!(numbers(&here), expected);
    assert_eq!(numbers(&there), expected);
}

/// A group that somebody else on this host reads by sockets is left to the kernel, which gives it to
/// both; alone again, the ring has it again.
#[test]
fn netns_xdp_takes_no_group_from_its_neighbours() {
    if !can_make_hosts("netns_xdp_takes_no_group_from_its_neighbours") {
        return;
    }
    let pair = Pair::new();
    let channel = multicast();
    let ring = xdp(Datapath::Xdp, Threading::Invoker);
    let (mut far, mut ours) = (On::new(&pair.a, &ring), On::new(&pair.b, &ring));
    let mut publication = far.add_publication(&channel, STREAM).expect("a publication");
    let mut subscription = ours.add_subscription(&channel, STREAM).expect("a subscription");
    let mut neighbour = On::new(&pair.b, &xdp(Datapath::Socket, Threading::Invoker));
    let mut other = neighbour.add_subscription(&channel, STREAM).expect("a subscription");
    let (mut here, mut there, mut next) = (Vec::new(), Vec::new(), 0_u64);
    let joined = |seen: &[Seen]| matches!(seen.first(), Some(Seen::Joined(..)));
    drive("both readers", &mut [&mut far, &mut ours, &mut neighbour], || {
        let both = joined(&here) && joined(&there);
        if both && next < 500 && publication.offer(&message(next)).is_ok() {
            next += 1;
        }
        poll_into(&mut subscription, &mut here);
        poll_into(&mut other, &mut there);
        numbers(&here).len() == 500 && numbers(&there).len() == 500
    });
    let expected: Vec<u64> = (0..500).collect();
    assert_eq!((numbers(&here), numbers(&there)), (expected.clone(), expected));
    drop((other, neighbour));
    let before = ours.count("datagrams_received");
    let clock = Clock::new();
    while ours.count("datagrams_received") == before {
        let _ = publication.offer(&message(next));
        poll_into(&mut subscription, &mut here);
        far.do_work().expect("it works");
        ours.do_work().expect("it works");
        assert!(clock.mono_ns() < PATIENCE_NS, "it comes by the kernel to the end");
    }
}

#[test]
fn netns_xdp_datagrams_above_the_links_mtu_go_in_fragments() {
    if !can_make_hosts("netns_xdp_datagrams_above_the_links_mtu_go_in_fragments") {
        return;
    }
    let pair = Pair::new();
    let mut settings = xdp(Datapath::Xdp, Threading::Invoker);
    settings.mtu_bytes = 3_456;
    let (mut a, mut b) = (On::new(&pair.a, &settings), On::new(&pair.b, &settings));
    let line = a.inner().with_driver(|driver| driver.datapath().to_string());
    assert!(line.is_some_and(|line| line.contains("lower transport.mtu_bytes")));
    carry(&mut a, &mut b, &unicast(), &messages(100, 3_456));
    assert!(b.count("kernel_received") > 10, "{}", b.count("kernel_received"));
    assert!(b.count("datagrams_received") > 0, "what fits goes by the ring");
}

/// A drill that loses datagrams loses them on the ring, too, and Aeron repairs it.
#[test]
fn netns_xdp_survives_the_loss_drill() {
    if !can_make_hosts("netns_xdp_survives_the_loss_drill") {
        return;
    }
    let pair = Pair::new();
    let mut settings = xdp(Datapath::Xdp, Threading::Invoker);
    settings.receive_loss = true;
    let (mut a, mut b) = (On::new(&pair.a, &settings), On::new(&pair.b, &settings));
    let loss = b.inner().with_driver(|driver| driver.receive_loss().cloned()).flatten();
    loss.expect("the settings ask for it").set(0.1).expect("in range");
    carry(&mut a, &mut b, &multicast(), &messages(500, 1_408));
    assert!(b.count("drops_drill") > 20, "{}", b.count("drops_drill"));
}

#[test]
fn netns_xdp_falls_back_or_says_what_is_missing() {
    if !can_make_hosts("netns_xdp_falls_back_or_says_what_is_missing") {
        return;
    }
    let pair = Pair::new();
    let start = |host: &Host, settings: &DriverSettings| {
        host.enter(|| match vesta_netio::MediaDriver::start(settings) {
            Ok(driver) => Ok(driver.datapath().to_string()),
            Err(error) => Err(error.to_string()),
        })
    };
    let refused = |change: fn(&mut DriverSettings), needles: [&str; 2]| {
        let mut settings = xdp(Datapath::Xdp, Threading::Invoker);
        change(&mut settings);
        let text = start(&pair.a, &settings).expect_err("refused");
        assert!(needles.iter().all(|needle| text.contains(needle)), "{text}");
        settings.xdp.fallback = XdpFallback::Socket;
        let line = start(&pair.a, &settings).expect("it falls back");
        assert!(line.starts_with("datapath socket: fallback"), "{line}");
        assert!(line.contains(needles[1]), "{line}");
    };
    refused(|s| s.xdp.interface = "lo".to_owned(), ["xdp_fallback", "loopback"]);
    refused(|s| s.xdp.interface = "eth9".to_owned(), ["xdp_fallback", "xdp_interface"]);
    refused(|s| s.xdp.queue_count = 64, ["xdp_fallback", "xdp_queue_count = 64"]);
    refused(
        |s| s.xdp.zero_copy = vesta_netio::ZeroCopy::Require,
        ["xdp_fallback", "xdp_zero_copy"],
    );
    refused(|s| s.mtu_bytes = 8_928, ["xdp_fallback", "transport.mtu_bytes = 8928"]);
    pair.a.ip("link set eth0 down");
    refused(|_| (), ["xdp_fallback", "eth0 is down"]);
    pair.a.ip("link set eth0 up");
    let line = start(&pair.a, &xdp(Datapath::Xdp, Threading::Invoker)).expect("it is up");
    assert!(line.starts_with("datapath xdp: eth0 (veth): native program, copy mode"), "{line}");
    assert!(!pair.a.has_program(), "dropped with the driver");
}
