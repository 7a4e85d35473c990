//! Receiving, on sockets of the loopback interface.
use super::*;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::datapath::counters::{DatapathCounters, DatapathCounts};
use crate::datapath::sender::{Destination, Sender};
use crate::datapath::settings::{HotReceive, SendVia};
use crate::datapath::skip_without_uring;

const POLLER: Poller = 1;

fn socket() -> UdpSocket {
    socket_at("127.0.0.1:0")
}

fn socket_at(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).expect("a socket");
    socket.set_nonblocking(true).expect("non-blocking");
    socket
}

fn send(to: &UdpSocket, bytes: &[u8]) {
    let to = to.local_addr().expect("bound");
    let any = if to.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" };
    socket_at(any).send_to(bytes, to).expect("sent");
}

struct Fixture {
    ring: ReceiveRing,
    counters: DatapathCounters,
}

impl Fixture {
    fn new(payload_len_max: usize, change: impl FnOnce(&mut UringSettings)) -> Self {
        let mut settings = UringSettings { hot_quiet_us: 1_000, ..UringSettings::default() };
        change(&mut settings);
        let counters = DatapathCounters::default();
        let ring = ReceiveRing::new(payload_len_max, &settings, counters.block()).expect("a ring");
        Self { ring, counters }
    }

    fn cold(payload_len_max: usize) -> Self {
        Self::new(payload_len_max, |settings| settings.hot_sockets_max = 0)
    }

    fn add(&mut self, poller: Poller, token: Token, socket: &UdpSocket) -> SlotId {
        self.ring.add(poller, token, socket.as_raw_fd(), Traffic::Data)
    }

    /// All that is there for `poller` now, each datagram by itself.
    fn take(&mut self, poller: Poller) -> Vec<(Token, Vec<u8>)> {
        self.take_some(poller, usize::MAX)
    }

    /// The same for at most `arrivals_max`, as a poll of the driver stops after some.
    fn take_some(&mut self, poller: Poller, arrivals_max: usize) -> Vec<(Token, Vec<u8>)> {
        let mut taken = Vec::new();
        self.ring.turn(poller);
        for _ in 0..arrivals_max {
            let Some(arrival) = self.ring.next(poller) else { break };
            let parts = self.ring.parts(&arrival);
            // SAFETY: valid until the buffer is given back, which is below.
            let bytes = unsafe { std::slice::from_raw_parts(parts.payload, parts.len) };
            if parts.len == 0 {
                taken.push((arrival.token, Vec::new()));
            } else {
                let datagrams = bytes.chunks(parts.segment);
                taken.extend(datagrams.map(|datagram| (arrival.token, datagram.to_vec())));
            }
            self.ring.give_back(arrival);
        }
        taken
    }

    /// Waits for `count` datagrams.
    fn receive(&mut self, poller: Poller, count: usize) -> Vec<(Token, Vec<u8>)> {
        let mut taken = Vec::new();
        for _ in 0..2_000 {
            taken.extend(self.take(poller));
            if taken.len() >= count {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        taken
    }

    fn counts(&self) -> DatapathCounts {
        self.counters.snapshot()
    }

    /// Polls, and finds nothing, until `done` says so.
    fn poll_until(&mut self, done: impl Fn(&DatapathCounts) -> bool) -> DatapathCounts {
        for _ in 0..100_000 {
            assert_eq!(self.take(POLLER), []);
            let counts = self.counts();
            if done(&counts) {
                return counts;
            }
            std::thread::sleep(Duration::from_micros(20));
        }
        panic!("in vain: {}", self.counts());
    }
}

fn hot_modes() -> [HotReceive; 2] {
    [HotReceive::Ring, HotReceive::Direct]
}

#[test]
fn datagrams_reach_their_own_poller_and_wait_for_it() {
    if skip_without_uring() {
        return;
    }
    let mut f = Fixture::cold(100);
    let (a, b) = (socket(), socket());
    f.add(1, 10, &a);
    f.add(2, 20, &b);
    f.ring.turn(1);
    send(&b, b"for two");
    send(&a, b"for one");
    assert_eq!(f.receive(1, 1), [(10, b"for one".to_vec())]);
    assert_eq!(f.take(1), []);
    assert_eq!(f.receive(2, 1), [(20, b"for two".to_vec())]);
}

#[test]
fn it_goes_on_after_running_out_of_buffers_and_loses_nothing() {
    if skip_without_uring() {
        return;
    }
    let mut f = Fixture::cold(64);
    let a = socket();
    f.add(POLLER, 1, &a);
    f.ring.turn(POLLER);
    let sender = socket();
    let to = a.local_addr().expect("bound");
    // All buffers are taken before the first is given back, and more waits in the socket. A
    // turn now and then, as an unconfigured socket buffer holds no more than this.
    let count = u32::from(BUFFER_COUNT_MAX) + 100;
    for n in 0..count {
        sender.send_to(&n.to_le_bytes(), to).expect("sent");
        if n % 50 == 0 {
            f.ring.turn(POLLER);
        }
    }
    f.ring.turn(POLLER);
    assert!(!f.ring.buffers.any_offered());
    let expected: Vec<_> = (0..count).map(|n| (1, n.to_le_bytes().to_vec())).collect();
    assert_eq!(f.receive(POLLER, expected.len()), expected);
    assert!(f.counts().buffers_exhausted > 0);
}

#[test]
fn a_removed_socket_frees_its_port_and_delivers_nothing_more() {
    if skip_without_uring() {
        return;
    }
    let mut f = Fixture::cold(64);
    let a = socket();
    let address = a.local_addr().expect("bound");
    let id = f.add(POLLER, 1, &a);
    f.ring.turn(POLLER);
    send(&a, b"late");
    f.ring.turn(POLLER);
    assert!(f.ring.is_live(id));
    f.ring.remove(id);
    assert!(!f.ring.is_live(id));
    assert_eq!((f.ring.in_flight_count, f.take(POLLER)), (0, vec![]));
    drop(a);
    let again = UdpSocket::bind(address).expect("the port is free");
    // The slot is used again, under another generation.
    assert_ne!(f.add(POLLER, 2, &again), id);
    f.ring.turn(POLLER);
    send(&again, b"new");
    assert_eq!(f.receive(POLLER, 1), [(2, b"new".to_vec())]);
}

#[test]
fn an_error_goes_with_its_socket() {
    if skip_without_uring() {
        return;
    }
    let mut f = Fixture::new(64, |_| ());
    let a = socket();
    let id = f.add(POLLER, 7, &a);
    f.ring.turn(POLLER);
    send(&a, &[1; 500]);
    send(&a, b"good");
    assert_eq!(f.receive(POLLER, 1), [(7, b"good".to_vec())]);
    // Whoever logs it looks at what the token stands for, which is gone after this.
    f.ring.remove(id);
    assert!(f.ring.take_error().is_none());
}

#[test]
fn a_datagram_above_the_mtu_is_dropped_and_reported_cold_or_hot() {
    if skip_without_uring() {
        return;
    }
    for mode in hot_modes() {
        let mut f = Fixture::new(64, |settings| settings.hot_receive = mode);
        let a = socket();
        f.add(POLLER, 7, &a);
        for promotions in [0, 1] {
            f.ring.turn(POLLER);
            assert_eq!(f.counts().promotions, promotions);
            send(&a, &[1; 500]);
            send(&a, &[1; 65]);
            send(&a, &[]);
            send(&a, b"good");
            assert_eq!(f.receive(POLLER, 2), [(7, vec![]), (7, b"good".to_vec())]);
            let (token, error) = f.ring.take_error().expect("reported");
            assert_eq!(token, 7);
            assert!(error.to_string().contains("transport.mtu_bytes"), "{error}");
            assert_eq!(f.counts().oversized_drops, 2 + 2 * promotions);
        }
    }
}

#[test]
fn dropping_a_ring_ends_its_requests() {
    if skip_without_uring() {
        return;
    }
    let a = socket();
    let address = a.local_addr().expect("bound");
    let mut f = Fixture::cold(64);
    f.add(POLLER, 1, &a);
    f.ring.turn(POLLER);
    drop(f);
    drop(a);
    UdpSocket::bind(address).expect("the port is free");
}

#[test]
fn a_poll_that_finds_nothing_on_cold_sockets_makes_no_system_call() {
    if skip_without_uring() {
        return;
    }
    let mut f = Fixture::new(64, |_| {});
    let sockets: Vec<_> = (0..8).map(|_| socket()).collect();
    for (token, socket) in sockets.iter().enumerate() {
        f.add(POLLER, token, socket);
    }
    f.ring.turn(POLLER);
    let before = f.counts();
    for _ in 0..1_000_000 {
        f.ring.turn(POLLER);
        assert!(f.ring.next(POLLER).is_none());
    }
    assert_eq!(f.counts(), before);
    // The counter does count: something comes, and it takes one.
    send(&sockets[3], b"x");
    assert_eq!(f.receive(POLLER, 1), [(3, b"x".to_vec())]);
    assert_eq!(f.counts().since(&before).receive_calls, 1);
}

#[test]
fn a_busy_socket_gets_hot_and_a_quiet_one_cold_and_idle_polls_are_free_again() {
    if skip_without_uring() {
        return;
    }
    for mode in hot_modes() {
        let mut f = Fixture::new(64, |settings| settings.hot_receive = mode);
        let a = socket();
        f.add(POLLER, 1, &a);
        for round in 1..4 {
            for n in 0..20_u8 {
                send(&a, &[n]);
                assert_eq!(f.receive(POLLER, 1), [(1, vec![n])]);
            }
            assert_eq!(f.counts().promotions, round, "{mode:?}");
            let before = f.poll_until(|counts| counts.demotions == round);
            for _ in 0..1_000 {
                f.ring.turn(POLLER);
            }
            // To arm it again takes one.
            assert!(f.counts().since(&before).receive_calls <= 1);
        }
    }
}

#[test]
fn the_hot_set_has_a_limit_and_control_traffic_stays_cold() {
    if skip_without_uring() {
        return;
    }
    let mut f = Fixture::new(64, |settings| settings.hot_sockets_max = 2);
    let sockets: Vec<_> = (0..4).map(|_| socket()).collect();
    for (token, socket) in sockets.iter().enumerate() {
        let traffic = if token == 0 { Traffic::Control } else { Traffic::Data };
        f.ring.add(POLLER, token, socket.as_raw_fd(), traffic);
    }
    f.ring.turn(POLLER);
    for n in 0..10_u8 {
        sockets.iter().for_each(|socket| send(socket, &[n]));
        let mut got = f.receive(POLLER, 4);
        got.sort_unstable();
        assert_eq!(got, (0..4).map(|token| (token, vec![n])).collect::<Vec<_>>());
    }
    assert_eq!(f.counts().promotions, 2);
}

/// Sends numbered datagrams from another thread, bursts and single ones, with pauses in which
/// the socket gets cold, and checks that every one arrives, once and in order.
fn numbers_arrive_in_order(mode: HotReceive, gro: bool, address: &str) -> DatapathCounts {
    const ROUNDS: u32 = 40;
    const PER_ROUND: u32 = 300;
    let mut f = Fixture::new(64, |settings| {
        settings.hot_receive = mode;
        settings.gro = gro;
        settings.hot_quiet_us = 200;
    });
    let a = socket_at(address);
    f.add(POLLER, 1, &a);
    f.ring.turn(POLLER);
    let to = a.local_addr().expect("bound");
    let received = std::sync::atomic::AtomicU32::new(0);
    let received_so_far = || received.load(std::sync::atomic::Ordering::Acquire);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let out = socket_at(if to.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" });
            out.connect(to).expect("connected");
            let settings = UringSettings { send: SendVia::Direct, ..UringSettings::default() };
            let mut sender =
                Sender::new(&settings, DatapathCounters::default().block()).expect("a sender");
            let to = Destination {
                socket: out.as_raw_fd(),
                address: std::ptr::null_mut(),
                address_len: 0,
            };
            let mut next = 0_u32;
            for round in 0..ROUNDS {
                let end = next + PER_ROUND;
                while next < end {
                    // Sizes of bursts change, so that promotion falls into every part of one.
                    let count = (1 + (next * 7 + round) % 17).min(end - next);
                    let memory: Vec<u8> =
                        (next..next + count).flat_map(|n| n.to_le_bytes()).collect();
                    let vectors: Vec<_> = memory
                        .chunks(4)
                        .map(|n| libc::iovec {
                            iov_base: n.as_ptr().cast_mut().cast(),
                            iov_len: n.len(),
                        })
                        .collect();
                    // SAFETY: the memory outlives the call.
                    let sent = unsafe { sender.send(to, &vectors, &mut false) }.expect("sent");
                    next += sent.count as u32;
                    // An unconfigured socket buffer holds some hundred of them.
                    while next - received_so_far() > 100 {
                        std::thread::yield_now();
                    }
                }
                std::thread::sleep(Duration::from_micros(u64::from(round % 8) * 250));
            }
        });
        let mut expected = 0_u32;
        let deadline = crate::clock::Deadline::after(Duration::from_secs(20));
        while expected < ROUNDS * PER_ROUND {
            // Few at a time: some wait in the queue while the socket changes sides.
            for (_, datagram) in f.take_some(POLLER, 2) {
                assert_eq!(datagram, expected.to_le_bytes(), "{mode:?}, gro {gro}");
                expected += 1;
            }
            received.store(expected, std::sync::atomic::Ordering::Release);
            if deadline.is_over() {
                // Lets the sender go, or the scope would wait for it.
                received.store(u32::MAX / 2, std::sync::atomic::Ordering::Release);
                panic!("{mode:?}, gro {gro}: {expected} did not come; {}", f.counts());
            }
        }
    });
    f.counts()
}

#[test]
fn nothing_is_lost_or_reordered_while_sockets_get_hot_and_cold_under_load() {
    if skip_without_uring() {
        return;
    }
    for mode in hot_modes() {
        for gro in [false, true] {
            let counts = numbers_arrive_in_order(mode, gro, "127.0.0.1:0");
            eprintln!("{mode:?}, gro {gro}: {counts}");
            assert!(counts.promotions > 3 && counts.demotions > 2, "{counts}");
            assert_eq!(counts.gro_receives > 0, gro, "{counts}");
            assert_eq!((counts.oversized_drops, counts.receive_errors), (0, 0));
        }
    }
}

#[test]
fn it_is_the_same_on_ipv6() {
    if skip_without_uring() {
        return;
    }
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIP ipv6: this host has no ::1");
        return;
    }
    for mode in hot_modes() {
        let counts = numbers_arrive_in_order(mode, true, "[::1]:0");
        assert!(counts.promotions > 3 && counts.gro_receives > 0, "{counts}");
    }
}

#[test]
fn sockets_are_removed_in_every_state_with_datagrams_waiting() {
    if skip_without_uring() {
        return;
    }
    for mode in hot_modes() {
        let mut f = Fixture::new(64, |settings| settings.hot_receive = mode);
        for turns in 0..12 {
            let a = socket();
            let address = a.local_addr().expect("bound");
            let id = f.add(POLLER, turns, &a);
            for _ in 0..turns {
                f.ring.turn(POLLER);
                send(&a, b"x");
                send(&a, b"y");
            }
            f.ring.remove(id);
            assert_eq!(f.take(POLLER), [], "{mode:?}, {turns}");
            drop(a);
            UdpSocket::bind(address).expect("the port is free");
        }
        assert_eq!((f.ring.in_flight_count, f.ring.hot.in_flight_count()), (0, 0));
        assert!(f.counts().promotions > 0);
    }
}

#[test]
fn a_peer_that_went_away_is_counted_and_harms_nothing_cold_or_hot() {
    if skip_without_uring() {
        return;
    }
    for mode in hot_modes() {
        let mut f = Fixture::new(64, |settings| settings.hot_receive = mode);
        let a = socket();
        let peer = socket();
        a.connect(peer.local_addr().expect("bound")).expect("connected");
        f.add(POLLER, 1, &a);
        f.ring.turn(POLLER);
        let address = peer.local_addr().expect("bound");
        let to = a.local_addr().expect("bound");
        drop(peer);
        for (refused_before, hot) in [(0, false), (1, true)] {
            a.send(b"to nobody").expect("sent");
            // On loopback the answer is there at once; it ends a multishot receive.
            f.poll_until(|counts| counts.receive_errors > refused_before);
            let again = socket_at(&address.to_string());
            for n in 0..5_u8 {
                again.send_to(&[n], to).expect("sent");
                assert_eq!(f.receive(POLLER, 1), [(1, vec![n])], "hot {hot}");
            }
            assert!(f.counts().promotions > 0);
            assert!(f.ring.take_error().is_none());
        }
    }
}

/// What the driver does when a name resolves to another address.
#[test]
fn a_socket_that_is_connected_anew_hears_its_new_peer_cold_or_hot() {
    if skip_without_uring() {
        return;
    }
    for mode in hot_modes() {
        let mut f = Fixture::new(64, |settings| settings.hot_receive = mode);
        let a = socket();
        let to = a.local_addr().expect("bound");
        let peers = [socket(), socket(), socket()];
        f.add(POLLER, 1, &a);
        for (index, peer) in peers.iter().enumerate() {
            a.connect(peer.local_addr().expect("bound")).expect("connected");
            f.ring.turn(POLLER);
            // The first is heard cold, the others hot.
            assert_eq!(f.counts().promotions, u64::from(index > 0));
            for n in 0..5_u8 {
                peers.iter().for_each(|peer| {
                    let _ = peer.send_to(&[n, index as u8], to);
                });
                assert_eq!(f.receive(POLLER, 1), [(1, vec![n, index as u8])]);
            }
        }
    }
}

#[test]
fn jumbo_datagrams_come_whole_cold_and_hot() {
    if skip_without_uring() {
        return;
    }
    for mode in hot_modes() {
        for len in [8_960, 65_504] {
            let mut f = Fixture::new(len, |settings| settings.hot_receive = mode);
            let a = socket();
            f.add(POLLER, 1, &a);
            f.ring.turn(POLLER);
            let expected: Vec<u8> = (0..len).map(|n| (n / 11) as u8).collect();
            for _ in 0..5 {
                send(&a, &expected);
                assert_eq!(f.receive(POLLER, 1), [(1, expected.clone())]);
            }
            assert_eq!(f.counts().promotions, 1);
        }
    }
}

#[test]
fn a_thread_of_the_kernel_receives_without_a_call_of_ours() {
    if skip_without_uring() {
        return;
    }
    let mut f = Fixture::new(64, |settings| settings.sqpoll = true);
    let a = socket();
    let id = f.add(POLLER, 1, &a);
    f.ring.turn(POLLER);
    for n in 0..50_u8 {
        send(&a, &[n]);
        assert_eq!(f.receive(POLLER, 1), [(1, vec![n])]);
    }
    let counts = f.counts();
    // To arm it; that thread may be asleep, or not there yet.
    assert!(counts.promotions == 0 && counts.receive_calls < 10, "{counts}");
    f.ring.remove(id);
    assert_eq!(f.ring.in_flight_count, 0);
}
