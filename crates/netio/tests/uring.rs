//! What the datapath `uring` does beyond the contract: bursts as one, sockets that get hot and cold,
//! datagrams of every size, both IP versions, and sockets that go while the kernel has requests.

mod support;

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use support::{
    Path, STREAM, Seen, datapaths, drive, drive_for, free_port, message, multicast, numbers,
    poll_into, settings, threadings, transport, unicast,
};
use vesta_netio::{AeronTransport, DatapathCounts, DriverSettings, Threading};
use vesta_transport::{OfferError, Publication, Transport};

fn uring_paths() -> impl Iterator<Item = Path> {
    datapaths().into_iter().filter(|path| *path != Path::Socket)
}

fn counts(transport: &AeronTransport) -> DatapathCounts {
    transport.with_driver(|driver| driver.datapath_counters().snapshot()).expect("embedded")
}

/// Long terms: room for a burst.
fn roomy(path: Path, threading: Threading) -> DriverSettings {
    let mut settings = settings(path, threading);
    settings.term_buffer_bytes = 1024 * 1024;
    settings.initial_window_bytes = 128 * 1024;
    settings
}

/// Sends messages 0 to `count` of `len` bytes in bursts, and reads them; what both ends counted.
fn exchange(
    (sender, receiver): (&DriverSettings, &DriverSettings),
    channel: &str,
    count: u64,
    len: usize,
) -> (DatapathCounts, DatapathCounts) {
    let mut a = transport(sender);
    let mut b = transport(receiver);
    let mut publication = a.add_publication(channel, STREAM).expect("publication");
    let mut subscription = b.add_subscription(channel, STREAM).expect("subscription");
    let (mut next, mut seen) = (0_u64, Vec::new());
    let mut bytes = vec![0; len];
    drive("all arrive", &mut [&mut a, &mut b], || {
        for _ in 0..40 {
            bytes[..8].copy_from_slice(&next.to_le_bytes());
            bytes[len - 1] = next as u8;
            match (next < count).then(|| publication.offer(&bytes)) {
                Some(Ok(_)) => next += 1,
                Some(Err(OfferError::BackPressured | OfferError::NotConnected)) | None => break,
                Some(Err(error)) => panic!("{error}"),
            }
        }
        poll_into(&mut subscription, &mut seen);
        seen.len() as u64 == count + 1
    });
    assert_eq!(numbers(&seen), (0..count).collect::<Vec<_>>());
    for (n, message) in seen.iter().skip(1).enumerate() {
        let Seen::Message(_, _, bytes) = message else { panic!("{message:?}") };
        assert_eq!((bytes.len(), bytes[len - 1]), (len, n as u8));
    }
    (counts(&a), counts(&b))
}

#[test]
fn bursts_leave_as_one_and_arrive_as_one_where_both_ends_do_it() {
    if uring_paths().next().is_none() {
        return;
    }
    const COUNT: u64 = 1_500;
    for threading in threadings() {
        for (sender, receiver, channel) in [
            (Path::UringRing, Path::UringDefault, unicast()),
            (Path::UringDefault, Path::UringRing, multicast()),
        ] {
            for (gso, gro) in [(true, true), (true, false), (false, true), (false, false)] {
                eprintln!("{threading}, {sender:?}, {channel}, gso {gso}, gro {gro}");
                let mut a = roomy(sender, threading);
                let mut b = roomy(receiver, threading);
                (a.uring.gso, b.uring.gro) = (gso, gro);
                let (sent, received) = exchange((&a, &b), &channel, COUNT, 1_376);
                assert!(sent.datagrams_sent >= COUNT, "{sent}");
                assert!(received.datagrams_received >= COUNT, "{received}");
                assert_eq!(sent.gso_sends > 0, gso, "{sent}");
                assert!(!gso || sent.gso_segments >= 2 * sent.gso_sends, "{sent}");
                assert_eq!(received.gro_receives > 0, gso && gro, "{received}");
                assert_eq!((sent.gso_fallbacks, received.oversized_drops), (0, 0));
                assert!(received.promotions > 0, "{received}");
            }
        }
    }
}

#[test]
fn jumbo_datagrams_travel_whole_on_every_datapath() {
    for path in datapaths() {
        for mtu in [8_960, 65_504] {
            let mut settings = roomy(path, Threading::Invoker);
            settings.mtu_bytes = mtu;
            exchange((&settings, &settings), &unicast(), 60, mtu - 32);
        }
    }
}

#[test]
fn ipv6_works_on_every_datapath() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIP ipv6: this host has no ::1");
        return;
    }
    let port = || {
        (0..100)
            .map(|_| free_port())
            .find(|&port| UdpSocket::bind(("::1", port)).is_ok())
            .expect("a free port")
    };
    for path in datapaths() {
        for threading in threadings() {
            let settings = roomy(path, threading);
            let channel = format!("aeron:udp?endpoint=[::1]:{}", port());
            exchange((&settings, &settings), &channel, 300, 500);
        }
    }
}

/// Loopback has no route for IPv6 multicast as a rule: in a network namespace we can give it one.
#[test]
fn netns_ipv6_multicast_works_on_every_datapath() {
    const NAME: &str = "netns_ipv6_multicast_works_on_every_datapath";
    const INSIDE: &str = "NETIO_TEST_IN_NAMESPACE";
    if std::env::var_os(INSIDE).is_none() {
        let set_up = "ip link set lo up && ip -6 route add multicast ff01::/16 dev lo table local";
        let again = std::env::current_exe().expect("this binary");
        let run = |script: &str| {
            Command::new("unshare")
                .args(["--net", "sh", "-c", script])
                .arg(&again)
                .args(["--exact", NAME, "--nocapture"])
                .env(INSIDE, "1")
                .status()
                .expect("unshare is there")
                .success()
        };
        if run(set_up) {
            assert!(run(&format!("{set_up} && exec \"$0\" \"$@\"")), "see above");
        } else {
            eprintln!("SKIP {NAME}: no network namespace, or no route in it");
        }
        return;
    }
    for path in datapaths() {
        for threading in threadings() {
            let settings = roomy(path, threading);
            let port = free_port();
            let group = format!("aeron:udp?endpoint=[ff01::7:1]:{port}|interface=[::1]");
            exchange((&settings, &settings), &group, 300, 500);
        }
    }
}

#[test]
fn streams_that_nobody_writes_to_cost_no_system_call() {
    for path in uring_paths() {
        let mut a = transport(&settings(path, Threading::Invoker));
        let subscriptions: Vec<_> =
            (0..6).map(|_| a.add_subscription(&unicast(), STREAM).expect("subscription")).collect();
        drive_for(Duration::from_millis(50), &mut [&mut a]);
        let before = counts(&a);
        drive_for(Duration::from_millis(200), &mut [&mut a]);
        let since = counts(&a).since(&before);
        assert_eq!((since.receive_calls, since.datagrams_received), (0, 0), "{path:?}");
        assert!(since.polls_empty > 100, "{since}");
        drop(subscriptions);
    }
}

#[test]
fn a_stream_that_pauses_gets_cold_and_hot_again_and_loses_nothing() {
    for path in uring_paths() {
        let mut settings = settings(path, Threading::Invoker);
        settings.uring.hot_quiet_us = 1_000;
        let channel = multicast();
        let mut a = transport(&settings);
        let mut b = transport(&settings);
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
        let mut seen = Vec::new();
        drive("connects", &mut [&mut a, &mut b], || publication.is_connected());
        for round in 0..8_u64 {
            let end = (round + 1) * 20;
            let mut next = round * 20;
            drive("a burst", &mut [&mut a, &mut b], || {
                while next < end && publication.offer(&message(next)).is_ok() {
                    next += 1;
                }
                poll_into(&mut subscription, &mut seen);
                numbers(&seen).len() as u64 == end
            });
            drive_for(Duration::from_millis(15), &mut [&mut a, &mut b]);
        }
        assert_eq!(numbers(&seen), (0..160).collect::<Vec<_>>());
        let counts = counts(&b);
        assert!(counts.promotions > 2 && counts.demotions > 2, "{path:?}: {counts}");
    }
}

#[test]
fn a_port_is_free_again_after_its_stream_was_closed_cold_or_hot() {
    for path in uring_paths() {
        for threading in threadings() {
            let settings = settings(path, threading);
            let mut a = transport(&settings);
            let mut b = transport(&settings);
            let channel = unicast();
            for round in 0..4 {
                let mut publication = a.add_publication(&channel, STREAM).expect("publication");
                let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
                let (mut next, mut seen) = (0, Vec::new());
                // Every other one is closed before it got anything.
                if round % 2 == 0 {
                    drive("messages", &mut [&mut a, &mut b], || {
                        next += u64::from(publication.offer(&message(next)).is_ok());
                        poll_into(&mut subscription, &mut seen);
                        numbers(&seen).len() > 50
                    });
                }
                drop(subscription);
                drop(publication);
                let port: u16 = channel.rsplit(':').next().expect("a port").parse().expect("one");
                drive("the port is free", &mut [&mut a, &mut b], || {
                    UdpSocket::bind(("127.0.0.1", port)).is_ok()
                });
            }
        }
    }
}

#[test]
fn hostile_sizes_harm_nothing_cold_or_hot() {
    for path in uring_paths() {
        let settings = settings(path, Threading::Invoker);
        let channel = unicast();
        let mut a = transport(&settings);
        let mut b = transport(&settings);
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
        let to = channel.split_once('=').expect("an endpoint").1;
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let (mut next, mut seen) = (0, Vec::new());
        for round in 0..40_usize {
            for len in [0, 1, 7, 8, 23, 24, 31, 32, 33, 1_407, 1_408, 1_409, 9_000, 65_507] {
                let byte = (round * 31 + len) as u8;
                stranger.send_to(&vec![byte; len], to).expect("sent");
                drive_for(Duration::from_micros(100), &mut [&mut a, &mut b]);
            }
            drive("a message gets through", &mut [&mut a, &mut b], || {
                if next == round as u64 && publication.offer(&message(next)).is_ok() {
                    next += 1;
                }
                poll_into(&mut subscription, &mut seen);
                numbers(&seen).len() == round + 1
            });
        }
        assert_eq!(numbers(&seen), (0..40).collect::<Vec<_>>());
        let counts = counts(&b);
        // 1,409 and longer, as far as the socket had room for them.
        assert!(counts.oversized_drops >= 40 && counts.promotions > 0, "{path:?}: {counts}");
    }
}
