//! A live media driver, and whatever the fuzzer makes up sent to its ports: see
//! `crates/netio/tests/hostile_datagrams.rs`, whose decoder this is.
#![no_main]

#[path = "../../crates/netio/tests/hostile/mod.rs"]
mod hostile;

use std::cell::RefCell;
use std::net::{SocketAddr, UdpSocket};

use hostile::{Bytes, Known, datagram};
use libfuzzer_sys::fuzz_target;
use vesta_netio::{
    AeronPublication, AeronSubscription, AeronTransport, ClientSettings, DriverSettings, Threading,
};
use vesta_transport::{Duty, Flow, StreamId, Subscription, Transport};

const STREAM: StreamId = StreamId(7);
/// Datagrams made of one input: fewer than a socket's buffer holds.
const DATAGRAMS_MAX: usize = 32;

struct Target {
    transport: AeronTransport,
    readers: [AeronSubscription; 2],
    _publishers: [AeronPublication; 2],
    stranger: UdpSocket,
    ports: [SocketAddr; 2],
    known: Known,
}

impl Target {
    fn new() -> Self {
        let mut settings = DriverSettings::new("fuzz");
        settings.threading = Threading::Invoker;
        settings.term_buffer_bytes = 64 * 1024;
        settings.initial_window_bytes = 32 * 1024;
        settings.publishers_max = 8;
        settings.gate.term_length_max = settings.term_buffer_bytes;
        let mut transport =
            AeronTransport::embed(&settings, ClientSettings::default()).expect("a driver");
        let ports = [free_port(), free_port()];
        let unicast = format!("aeron:udp?endpoint={}", ports[0]);
        let control = format!("control={}|control-mode=dynamic", ports[1]);
        let from_one = format!("aeron:udp?endpoint=127.0.0.1:0|{control}");
        let to_many = format!("aeron:udp?{control}");
        let readers = [unicast.as_str(), &from_one]
            .map(|channel| transport.add_subscription(channel, STREAM).expect("a subscription"));
        let publishers = [unicast.as_str(), &to_many]
            .map(|channel| transport.add_publication(channel, STREAM).expect("a publication"));
        let known = Known {
            stream_id: STREAM.0,
            session_id: publishers[0].session_id(),
            initial_term_id: publishers[0].initial_term_id(),
            term_length: 64 * 1024,
        };
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        Self { transport, readers, _publishers: publishers, stranger, ports, known }
    }

    fn run(&mut self, input: &[u8]) {
        let mut source = Bytes(input);
        for n in 0..DATAGRAMS_MAX {
            if source.0.is_empty() {
                break;
            }
            let bytes = datagram(&mut source, self.known);
            let _ = self.stranger.send_to(&bytes, self.ports[n % 2]);
        }
        for _ in 0..4 {
            self.transport.do_work().expect("the driver works on");
            for reader in &mut self.readers {
                reader.poll(64, &mut |_| Flow::Taken);
            }
        }
    }
}

fn free_port() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("it has an address")
}

thread_local! {
    static TARGET: RefCell<Target> = RefCell::new(Target::new());
}

fuzz_target!(|input: &[u8]| TARGET.with_borrow_mut(|target| target.run(input)));
