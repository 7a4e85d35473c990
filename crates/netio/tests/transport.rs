//! The Aeron transport over real sockets, on every datapath that this machine has.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use support::{
    Path, STREAM, Seen, datapaths, drive, drive_for, keep, message, multicast, numbers, poll_into,
    settings, threadings, transport, unicast,
};
use vesta_netio::{AeronTransport, ClientSettings, Clock, Datapath, MediaDriver, Threading};
use vesta_transport::{
    Duty, Flow, Input, MESSAGE_LEN_MAX, OfferError, Publication, Subscription, Transport,
};

/// Every datapath with every threading mode, unicast and multicast.
fn each_set_up(mut test: impl FnMut(Path, Threading, &str)) {
    for datapath in datapaths() {
        for threading in threadings() {
            for channel in [unicast(), multicast()] {
                eprintln!("{datapath:?}, {threading}, {channel}");
                test(datapath, threading, &channel);
            }
        }
    }
}

/// Offers `numbers` one by one, polling meanwhile.
fn offer_all(
    publisher: &mut AeronTransport,
    reader: &mut AeronTransport,
    publication: &mut impl Publication,
    subscription: &mut vesta_netio::AeronSubscription,
    numbers: std::ops::Range<u64>,
    seen: &mut Vec<Seen>,
) {
    let mut next = numbers.start;
    drive("offers are taken", &mut [publisher, reader], || {
        for _ in 0..16 {
            if next == numbers.end {
                return true;
            }
            match publication.offer(&message(next)) {
                Ok(_) => next += 1,
                Err(OfferError::BackPressured | OfferError::NotConnected) => break,
                Err(error) => panic!("offer {next}: {error}"),
            }
        }
        poll_into(subscription, seen);
        false
    });
}

#[test]
fn messages_arrive_once_in_order_and_a_close_is_an_end_of_stream() {
    const COUNT: u64 = 3_000;
    each_set_up(|datapath, threading, channel| {
        let mut a = transport(&settings(datapath, threading));
        let mut b = transport(&settings(datapath, threading));
        let mut publication = a.add_publication(channel, STREAM).expect("publication");
        let mut subscription = b.add_subscription(channel, STREAM).expect("subscription");
        let mut seen = Vec::new();
        offer_all(&mut a, &mut b, &mut publication, &mut subscription, 0..COUNT, &mut seen);
        assert_eq!(publication.reader_count(), 1);
        drop(publication);
        drive("the end of the stream", &mut [&mut a, &mut b], || {
            poll_into(&mut subscription, &mut seen);
            matches!(seen.last(), Some(Seen::Lost(..)))
        });
        assert!(matches!(seen[0], Seen::Joined(_, 0)), "{:?}", seen[0]);
        assert_eq!(numbers(&seen), (0..COUNT).collect::<Vec<_>>());
        let Some(Seen::Message(image, last, _)) = seen.iter().rev().nth(1) else {
            panic!("a message before the end")
        };
        assert_eq!(seen.last(), Some(&Seen::Lost(*image, *last, true)));
        assert_eq!(seen.len() as u64, COUNT + 2);
    });
}

#[test]
fn a_late_reader_joins_above_zero_and_says_so() {
    for datapath in datapaths() {
        let channel = multicast();
        let mut a = transport(&settings(datapath, Threading::Invoker));
        let mut b = transport(&settings(datapath, Threading::Invoker));
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut first = b.add_subscription(&channel, STREAM).expect("subscription");
        let mut seen = Vec::new();
        offer_all(&mut a, &mut b, &mut publication, &mut first, 0..100, &mut seen);
        drive("all is read", &mut [&mut a, &mut b], || {
            poll_into(&mut first, &mut seen);
            numbers(&seen).len() == 100
        });

        let mut late_transport = transport(&settings(datapath, Threading::Invoker));
        let mut late = late_transport.add_subscription(&channel, STREAM).expect("subscription");
        let mut late_seen = Vec::new();
        drive("the late one joins", &mut [&mut a, &mut b, &mut late_transport], || {
            poll_into(&mut late, &mut late_seen);
            !late_seen.is_empty()
        });
        let Seen::Joined(_, position) = late_seen[0] else { panic!("{late_seen:?}") };
        assert!(position > 0);
        assert_eq!(publication.offer(&message(100)).map(|p| p.0 > position), Ok(true));
        drive("the next message", &mut [&mut a, &mut b, &mut late_transport], || {
            poll_into(&mut late, &mut late_seen);
            late_seen.len() > 1
        });
        assert_eq!(numbers(&late_seen), [100]);
    }
}

#[test]
fn a_publisher_that_falls_silent_is_lost_without_an_end_of_stream() {
    for datapath in datapaths() {
        let channel = unicast();
        let mut a = transport(&settings(datapath, Threading::Invoker));
        let mut b = transport(&settings(datapath, Threading::Invoker));
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
        let mut seen = Vec::new();
        offer_all(&mut a, &mut b, &mut publication, &mut subscription, 0..10, &mut seen);
        drive("all is read", &mut [&mut a, &mut b], || {
            poll_into(&mut subscription, &mut seen);
            numbers(&seen).len() == 10
        });
        // Nobody drives `a` from here on, as if its process had been killed.
        drive("the loss", &mut [&mut b], || {
            poll_into(&mut subscription, &mut seen);
            matches!(seen.last(), Some(Seen::Lost(..)))
        });
        assert!(matches!(seen.last(), Some(Seen::Lost(_, _, false))), "{:?}", seen.last());
        assert_eq!(numbers(&seen).len(), 10);
    }
}

#[test]
fn a_reader_that_does_not_read_holds_the_publisher_back_and_loses_nothing() {
    for datapath in datapaths() {
        let channel = unicast();
        let mut a = transport(&settings(datapath, Threading::Invoker));
        let mut b = transport(&settings(datapath, Threading::Invoker));
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
        let mut sent = 0;
        let mut refused_in_a_row = 0;
        drive("back-pressure that lasts", &mut [&mut a, &mut b], || {
            match publication.offer(&message(sent)) {
                Ok(_) => (sent, refused_in_a_row) = (sent + 1, 0),
                Err(OfferError::BackPressured) => refused_in_a_row += 1,
                Err(OfferError::NotConnected) => {}
                Err(error) => panic!("{error}"),
            }
            refused_in_a_row == 2_000
        });
        assert!(sent > 100, "{sent}");
        let mut seen = Vec::new();
        drive("what was sent is read", &mut [&mut a, &mut b], || {
            poll_into(&mut subscription, &mut seen);
            numbers(&seen).len() as u64 == sent
        });
        assert_eq!(numbers(&seen), (0..sent).collect::<Vec<_>>());
    }
}

#[test]
fn what_a_handler_puts_back_comes_again_first_and_alone() {
    let datapath = Datapath::Socket;
    let channel = unicast();
    let mut a = transport(&settings(datapath, Threading::Invoker));
    let mut b = transport(&settings(datapath, Threading::Invoker));
    let mut publications = [
        a.add_publication(&channel, STREAM).expect("publication"),
        a.add_publication(&channel, STREAM).expect("publication"),
    ];
    let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
    drive("both connect", &mut [&mut a, &mut b], || publications.iter().all(|p| p.is_connected()));
    for (n, publication) in publications.iter_mut().enumerate() {
        for k in 0..5 {
            publication.offer(&message(n as u64 * 100 + k)).expect("taken");
        }
    }
    drop(publications);

    let mut seen: Vec<Seen> = Vec::new();
    let mut put_back: Option<Seen> = None;
    drive("everything, twice offered", &mut [&mut a, &mut b], || {
        let mut calls = 0;
        let before = seen.len();
        let taken = subscription.poll(64, &mut |input| {
            let input = keep(input);
            calls += 1;
            if let Some(expected) = put_back.take() {
                assert_eq!((calls, &input), (1, &expected), "first, and the same");
                seen.push(input);
                return Flow::Taken;
            }
            put_back = Some(input);
            Flow::Retry
        });
        assert_eq!(taken, seen.len() - before);
        seen.iter().filter(|seen| matches!(seen, Seen::Lost(..))).count() == 2
    });
    let mut all = numbers(&seen);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]);
    assert_eq!(seen.len(), 10 + 2 + 2);
}

#[test]
fn a_long_message_is_refused_and_the_longest_travels_whole() {
    for datapath in datapaths() {
        let channel = unicast();
        let mut a = transport(&settings(datapath, Threading::Invoker));
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut subscription = a.add_subscription(&channel, STREAM).expect("subscription");
        let (one, len_max) = (publication.fragment_len_max(), publication.message_len_max());
        assert_eq!((one, len_max), (1408 - 32, 64 * 1024 / 8), "an eighth of the term");
        assert_eq!(publication.offer(b"early"), Err(OfferError::NotConnected));
        drive("connects", &mut [&mut a], || publication.is_connected());
        assert_eq!(
            publication.offer(&vec![0; len_max + 1]),
            Err(OfferError::TooLong { len: len_max + 1, len_max })
        );
        let messages = [one, len_max].map(|len| (0..len).map(|n| n as u8).collect::<Vec<_>>());
        for message in &messages {
            publication.offer(message).expect("taken");
        }
        let mut seen = Vec::new();
        drive("arrives", &mut [&mut a], || {
            poll_into(&mut subscription, &mut seen);
            seen.len() == 3
        });
        for (seen, message) in seen[1..].iter().zip(&messages) {
            assert!(matches!(seen, Seen::Message(_, _, bytes) if bytes == message));
        }
    }
}

/// Far longer than a datagram and than half of a window; one that can not be put together for want of
/// room does not exist, as none is taken.
#[test]
fn messages_of_64_kib_and_up_to_the_limit_travel_whole() {
    for datapath in datapaths() {
        let channel = format!("{}|term-length=8m", multicast());
        let settings = settings(datapath, Threading::Invoker);
        let (mut a, mut b) = (transport(&settings), transport(&settings));
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
        assert_eq!(publication.message_len_max(), MESSAGE_LEN_MAX);
        let lens = [64 << 10, 10, MESSAGE_LEN_MAX, (64 << 10) + 1, 1_376, MESSAGE_LEN_MAX - 1];
        let messages = lens.map(|len| (0..len).map(|n| (n * 31 + len) as u8).collect::<Vec<_>>());
        let (mut next, mut came) = (0, 0);
        drive("all arrive", &mut [&mut a, &mut b], || {
            match messages.get(next).map(|message| publication.offer(message)) {
                Some(Ok(_)) => next += 1,
                None | Some(Err(OfferError::BackPressured | OfferError::NotConnected)) => {}
                Some(Err(error)) => panic!("message {next}: {error}"),
            }
            subscription.poll(1, &mut |input| {
                if let Input::Fragment(fragment) = input {
                    assert!(fragment.bytes == messages[came], "message {came} is another");
                    came += 1;
                }
                Flow::Taken
            });
            came == messages.len()
        });
    }
}

/// Streams of one driver, each with its own longest datagram; and a reader that has no room for one
/// of them hears nothing of it, and says why.
#[test]
fn a_stream_may_have_an_mtu_of_its_own() {
    for datapath in datapaths() {
        let mut jumbo = settings(datapath, Threading::Invoker);
        jumbo.channel_mtu_max_bytes = 8_928;
        let plain = settings(datapath, Threading::Invoker);
        let (mut a, mut b, mut c) = (transport(&jumbo), transport(&jumbo), transport(&plain));
        let (short, long) = (multicast(), multicast());
        let mut read = |to: &str, at: &str, len: usize| {
            let mut publication = a.add_publication(to, STREAM).expect("publication");
            let mut subscription = b.add_subscription(at, STREAM).expect("subscription");
            let mut refused = c.add_subscription(at, STREAM).expect("subscription");
            assert_eq!(publication.fragment_len_max(), len);
            drive("connects", &mut [&mut a, &mut b, &mut c], || publication.is_connected());
            let message: Vec<u8> = (0..len).map(|n| n as u8).collect();
            publication.offer(&message).expect("taken");
            let (mut seen, mut seen_there) = (Vec::new(), Vec::new());
            drive("arrives", &mut [&mut a, &mut b, &mut c], || {
                poll_into(&mut subscription, &mut seen);
                poll_into(&mut refused, &mut seen_there);
                seen.len() == 2
            });
            assert!(matches!(&seen[1], Seen::Message(_, _, bytes) if *bytes == message));
            drive_for(Duration::from_millis(200), &mut [&mut a, &mut b, &mut c]);
            poll_into(&mut refused, &mut seen_there);
            seen_there
        };
        assert!(!read(&short, &short, 1_408 - 32).is_empty());
        let refused = read(&format!("{long}|mtu=8928"), &long, 8_928 - 32);
        assert!(refused.is_empty(), "datagrams that would be cut: {refused:?}");
        let dropped = c.with_driver(MediaDriver::dropped).expect("embedded");
        assert!(dropped.long_mtus > 0, "{dropped:?}");
        assert!(dropped.to_string().contains("streams.*.mtu_bytes"), "{dropped}");
    }
}

/// Who does not read is waited for if it carries the tag, and not otherwise.
#[test]
fn a_tagged_publisher_waits_for_those_that_carry_the_tag() {
    let port = support::free_port();
    let control = format!("aeron:udp?control=127.0.0.1:{port}|control-mode=dynamic");
    let mdc = (control.clone(), control.replace("udp?", "udp?endpoint=127.0.0.1:0|"));
    let group = multicast();
    for (to, at) in [(group.clone(), group), mdc] {
        for slow_is_tagged in [false, true] {
            let settings = settings(Datapath::Socket, Threading::Invoker);
            let [mut a, mut b, mut c] = [(); 3].map(|()| transport(&settings));
            let to = format!("{to}|fc=tagged,g:7/1,t:60s");
            let tagged = format!("{at}|gtag=7");
            let (fast, slow) = if slow_is_tagged { (&at, &tagged) } else { (&tagged, &at) };
            let mut publication = a.add_publication(&to, STREAM).expect("publication");
            let mut reader = b.add_subscription(fast, STREAM).expect("subscription");
            let mut idle = c.add_subscription(slow, STREAM).expect("subscription");
            let (mut seen, mut stuck) = (Vec::new(), Vec::new());
            drive("both have joined", &mut [&mut a, &mut b, &mut c], || {
                poll_into(&mut reader, &mut seen);
                idle.poll(1, &mut |input| {
                    stuck.push(keep(input));
                    Flow::Taken
                });
                let is_counted = publication.reader_count() == 1;
                is_counted && seen.len() == 1 && stuck.len() == 1
            });

            // The idle one reads nothing more. Several windows are taken, or about one.
            let clock = Clock::new();
            let (mut taken, mut refused_since_ns) = (0_u64, clock.mono_ns());
            drive("enough is taken, or nothing more is", &mut [&mut a, &mut b, &mut c], || {
                let now_ns = clock.mono_ns();
                while taken < 10_000 && publication.offer(&message(taken)).is_ok() {
                    (taken, refused_since_ns) = (taken + 1, now_ns);
                }
                poll_into(&mut reader, &mut seen);
                taken == 10_000 || now_ns - refused_since_ns > 500_000_000
            });
            let windows = taken * 96 / settings.initial_window_bytes as u64;
            assert_eq!(windows < 4, slow_is_tagged, "{windows} windows on {to}");
            assert_eq!(taken == 10_000, !slow_is_tagged, "{taken} messages on {to}");
            if slow_is_tagged {
                drive("it goes on once that reads", &mut [&mut a, &mut b, &mut c], || {
                    poll_into(&mut idle, &mut stuck);
                    poll_into(&mut reader, &mut seen);
                    publication.offer(&message(taken)).is_ok()
                });
            }
        }
    }
}

/// Once the last that carries the tag is gone, the stream stands still: it does not follow who is left.
#[test]
fn a_tagged_publisher_without_a_tagged_reader_follows_nobody() {
    let channel = multicast();
    let settings = settings(Datapath::Socket, Threading::Invoker);
    let [mut a, mut b, mut c] = [(); 3].map(|()| transport(&settings));
    let to = format!("{channel}|fc=tagged,g:7/1,t:300ms");
    let mut publication = a.add_publication(&to, STREAM).expect("publication");
    let mut other = c.add_subscription(&channel, STREAM).expect("subscription");
    let mut seen = Vec::new();
    drive_for(Duration::from_millis(300), &mut [&mut a, &mut c]);
    assert!(!publication.is_connected(), "nobody carries the tag yet");
    let voter = b.add_subscription(&format!("{channel}|gtag=7"), STREAM).expect("subscription");
    drive("the voter is counted", &mut [&mut a, &mut b, &mut c], || {
        poll_into(&mut other, &mut seen);
        publication.reader_count() == 1 && publication.offer(&message(0)).is_ok()
    });
    drop((voter, b));
    drive("the voter is forgotten", &mut [&mut a, &mut c], || {
        poll_into(&mut other, &mut seen);
        !publication.is_connected()
    });
    assert!(publication.offer(&message(1)).is_err(), "the other reader alone has no say");
}

#[test]
fn readers_are_counted_where_the_flow_control_counts_them() {
    let channel = format!("{}|fc=min,g:/2", multicast());
    let mut a = transport(&settings(Datapath::Socket, Threading::Invoker));
    let mut b = transport(&settings(Datapath::Socket, Threading::Invoker));
    let publication = a.add_publication(&channel, STREAM).expect("publication");
    assert_eq!(publication.reader_count(), 0);
    let _one = a.add_subscription(&channel, STREAM).expect("subscription");
    drive_for(Duration::from_millis(300), &mut [&mut a, &mut b]);
    assert!(!publication.is_connected(), "the group wants two");
    let _two = b.add_subscription(&channel, STREAM).expect("subscription");
    drive("both are counted", &mut [&mut a, &mut b], || publication.reader_count() == 2);
}

#[test]
fn loss_is_repaired_and_total_loss_is_silence() {
    const COUNT: u64 = 3_000;
    for datapath in datapaths() {
        let channel = multicast();
        let mut a = transport(&settings(datapath, Threading::Invoker));
        let mut lossy = settings(datapath, Threading::Invoker);
        lossy.receive_loss = true;
        let mut b = transport(&lossy);
        let loss = b.with_driver(|d| d.receive_loss().cloned()).flatten().expect("asked for");
        loss.set(0.01).expect("a filter");
        let mut publication = a.add_publication(&channel, STREAM).expect("publication");
        let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
        let mut seen = Vec::new();
        offer_all(&mut a, &mut b, &mut publication, &mut subscription, 0..COUNT, &mut seen);
        drive("all is repaired", &mut [&mut a, &mut b], || {
            poll_into(&mut subscription, &mut seen);
            numbers(&seen).len() as u64 == COUNT
        });
        assert_eq!(numbers(&seen), (0..COUNT).collect::<Vec<_>>());

        // From another thread, while the driver runs.
        std::thread::spawn(move || loss.set(1.0)).join().expect("no panic").expect("a filter");
        drive_for(Duration::from_millis(20), &mut [&mut a, &mut b]);
        poll_into(&mut subscription, &mut seen);
        let before = seen.len();
        assert!(publication.offer(&message(COUNT)).is_ok());
        drive_for(Duration::from_millis(200), &mut [&mut a, &mut b]);
        poll_into(&mut subscription, &mut seen);
        assert_eq!(seen.len(), before, "nothing comes through");
        drive("the silence is noticed", &mut [&mut a, &mut b], || {
            poll_into(&mut subscription, &mut seen);
            matches!(seen.last(), Some(Seen::Lost(_, _, false)))
        });
    }
}

#[test]
fn streams_that_can_not_open_say_what_and_why() {
    let mut a = transport(&settings(Datapath::Socket, Threading::Invoker));
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let mut refused = |channel: &str| {
        let error = a.add_subscription(channel, STREAM).expect_err(channel).to_string();
        eprintln!("{error}");
        assert!(error.contains(channel), "{error}");
        assert!(!error.contains('\n'), "{error}");
        error
    };
    let error = refused(&format!("aeron:udp?endpoint=127.0.0.1:{port}"));
    assert!(error.contains(&format!("127.0.0.1:{port} is taken by another socket")), "{error}");
    let error = refused("aeron:udp?endpoint=198.51.100.7:40123");
    assert!(error.contains("none of this host's"), "{error}");
    let error = refused("aeron:udp?endpoint=239.1.1.1:40123|interface=198.51.100.0/24");
    assert!(error.contains("interface=198.51.100.0/24"), "{error}");
    let error = refused("aeron:nonsense?x=y");
    assert!(error.contains("not a valid Aeron URI"), "{error}");

    // The transport survives its operator's mistakes.
    a.add_subscription(&unicast(), STREAM).expect("a good one");
}

#[test]
fn a_client_whose_driver_ends_fails_and_its_images_are_lost() {
    let channel = unicast();
    let driver = MediaDriver::start(&settings(Datapath::Socket, threadings()[1])).expect("driver");
    let mut a =
        AeronTransport::attach(driver.directory(), ClientSettings::default()).expect("attached");
    let mut publication = a.add_publication(&channel, STREAM).expect("publication");
    let mut subscription = a.add_subscription(&channel, STREAM).expect("subscription");
    let mut seen = Vec::new();
    drive("connects", &mut [&mut a], || {
        poll_into(&mut subscription, &mut seen);
        publication.is_connected() && !seen.is_empty()
    });
    drop(driver);
    let clock = Clock::new();
    let error = loop {
        match a.do_work() {
            Ok(_) => assert!(clock.mono_ns() < support::PATIENCE_NS, "the death goes unnoticed"),
            Err(error) => break error.to_string(),
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(error.contains("shutdown"), "{error}");
    assert_eq!(publication.offer(b"x"), Err(OfferError::Closed));
    poll_into(&mut subscription, &mut seen);
    assert!(matches!(seen.last(), Some(Seen::Lost(_, _, false))), "{seen:?}");
}

#[test]
fn a_handler_that_panics_unwinds_and_loses_nothing() {
    let channel = unicast();
    let mut a = transport(&settings(Datapath::Socket, Threading::Invoker));
    let mut publication = a.add_publication(&channel, STREAM).expect("publication");
    let mut subscription = a.add_subscription(&channel, STREAM).expect("subscription");
    let mut seen = Vec::new();
    drive("connects", &mut [&mut a], || {
        poll_into(&mut subscription, &mut seen);
        publication.is_connected() && seen.len() == 1
    });
    publication.offer(&message(1)).expect("taken");
    let mut panicked = false;
    drive("the handler panics", &mut [&mut a], || {
        panicked |= catch_unwind(AssertUnwindSafe(|| {
            subscription.poll(1, &mut |_| panic!("the handler's own bug"))
        }))
        .is_err();
        panicked
    });
    drive("the message comes again", &mut [&mut a], || {
        poll_into(&mut subscription, &mut seen);
        numbers(&seen) == [1]
    });
}

#[test]
fn attaching_where_no_driver_is_says_where_it_looked() {
    let settings = ClientSettings { driver_timeout_ms: 100, ..ClientSettings::default() };
    let directory = std::env::temp_dir().join("vesta-no-such-driver");
    let error = AeronTransport::attach(&directory, settings).expect_err("nobody there").to_string();
    assert!(error.contains("vesta-no-such-driver"), "{error}");
}
