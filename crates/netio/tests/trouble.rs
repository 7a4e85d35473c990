//! Streams over links that lose, double and reorder, on every datapath, by unicast, multicast and
//! MDC: all arrives, once and in order.
//!
//! Two kinds of trouble: the kernel drops at random what a receiving socket gets (`ReceiveLoss`), and
//! a relay between publisher and reader, through which unicast goes both ways, loses, doubles and
//! holds back.

mod support;

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};

use support::{
    Path, STREAM, datapaths, drive, free_port, message, multicast, numbers, poll_into, settings,
    transport, unicast,
};
use vesta_netio::Threading;
use vesta_transport::{Publication, Transport};

/// Of each of the three shares.
const MESSAGES: u64 = 2_000;

/// Passes on what comes from the publisher to the reader, and what comes back.
struct Relay {
    /// The reader's end for the publisher, and the publisher's for the reader.
    front: UdpSocket,
    back: UdpSocket,
    reader: SocketAddr,
    publisher: Option<SocketAddr>,
    /// Held back, to be overtaken; true for the way to the reader.
    held: Vec<(bool, Vec<u8>)>,
    percent: u64,
    random: u64,
    lost: u64,
    doubled: u64,
    reordered: u64,
}

impl Relay {
    fn new(reader: SocketAddr, percent: u64) -> Self {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            socket.set_nonblocking(true).expect("non-blocking");
            socket
        };
        let (front, back) = (socket(), socket());
        let (held, random) = (Vec::new(), 0x9e37_79b9 + percent);
        let (lost, doubled, reordered) = (0, 0, 0);
        Self {
            front,
            back,
            reader,
            publisher: None,
            held,
            percent,
            random,
            lost,
            doubled,
            reordered,
        }
    }

    fn happens(&mut self) -> bool {
        // Marsaglia's xorshift.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 100 < self.percent
    }

    /// Passes on what is there.
    fn work(&mut self) {
        let mut buffer = [0; 65_536];
        for to_reader in [true, false] {
            let socket = if to_reader { &self.front } else { &self.back };
            let (len, from) = match socket.recv_from(&mut buffer) {
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                // A peer that is not there yet.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => panic!("the relay: {error}"),
            };
            if to_reader {
                self.publisher = Some(from);
            }
            let bytes = buffer[..len].to_vec();
            if self.happens() {
                self.lost += 1;
            } else if self.happens() {
                self.reordered += 1;
                self.held.push((to_reader, bytes));
            } else {
                if self.happens() {
                    self.doubled += 1;
                    self.pass(to_reader, &bytes);
                }
                self.pass(to_reader, &bytes);
            }
        }
        if self.held.len() > 8 || (!self.held.is_empty() && self.happens()) {
            // The last one in is the first one out.
            while let Some((to_reader, bytes)) = self.held.pop() {
                self.pass(to_reader, &bytes);
            }
        }
    }

    fn pass(&self, to_reader: bool, bytes: &[u8]) {
        let sent = match (to_reader, self.publisher) {
            (true, _) => self.back.send_to(bytes, self.reader),
            (false, Some(publisher)) => self.front.send_to(bytes, publisher),
            (false, None) => return,
        };
        sent.expect("loopback takes it");
    }
}

#[test]
fn a_link_that_loses_doubles_and_reorders() {
    for path in datapaths() {
        for percent in [1, 10, 30] {
            let reader_at = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let mut relay = Relay::new(reader_at, percent);
            let front = relay.front.local_addr().expect("bound");
            let to = format!("aeron:udp?endpoint={front}");
            let at = format!("aeron:udp?endpoint={reader_at}");
            arrives(path, &to, &at, 0.0, || relay.work());
            let counts = [relay.lost, relay.doubled, relay.reordered];
            assert!(counts.iter().all(|n| *n > 0), "{counts:?} at {percent} %");
        }
    }
}

#[test]
fn a_socket_that_loses() {
    let mdc = || {
        let control = format!("control=127.0.0.1:{}|control-mode=dynamic", free_port());
        let to = format!("aeron:udp?{control}|fc=min,t:5s");
        (to, format!("aeron:udp?endpoint=127.0.0.1:0|{control}"))
    };
    for path in datapaths() {
        for loss in [0.01, 0.1, 0.3] {
            for channel in [unicast(), multicast()] {
                arrives(path, &channel, &channel, loss, || ());
            }
            let (to, at) = mdc();
            arrives(path, &to, &at, loss, || ());
        }
    }
}

/// Publishes to `to` what is read from `at`, on two drivers, of which the reader's loses `loss`:
/// all of it comes, once and in order.
fn arrives(path: Path, to: &str, at: &str, loss: f64, mut between: impl FnMut()) {
    let mut settings = settings(path, Threading::Invoker);
    // What must get through is told every 100 ms: of ten in a row one does.
    settings.image_liveness_timeout_ms = 5_000;
    settings.publication_connection_timeout_ms = 5_000;
    settings.status_message_interval_ms = 20;
    let mut there = transport(&settings);
    settings.receive_loss = true;
    let mut here = transport(&settings);
    let mut reader = here.add_subscription(at, STREAM).expect("a subscription");
    let mut publisher = there.add_publication(to, STREAM).expect("a publication");
    drive("connected", &mut [&mut there, &mut here], || {
        between();
        publisher.is_connected()
    });
    let handle = here.with_driver(|driver| driver.receive_loss().cloned()).flatten();
    handle.expect("asked for").set(loss).expect("the filter is attached");
    let (mut seen, mut offered) = (Vec::new(), 0);
    let what = format!("{path:?}: {to} at a loss of {loss}");
    drive(&what, &mut [&mut there, &mut here], || {
        between();
        while offered < MESSAGES && publisher.offer(&message(offered)).is_ok() {
            offered += 1;
            if offered.is_multiple_of(16) {
                break;
            }
        }
        poll_into(&mut reader, &mut seen);
        seen.len() as u64 > MESSAGES
    });
    assert_eq!(numbers(&seen), (0..MESSAGES).collect::<Vec<_>>(), "{what}");
}
