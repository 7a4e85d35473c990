//! Our client on `xdp` on one host, peers on another, whose driver uses sockets; a veth link between them.
//!
//! ```text
//!   AeronTransport, xdp -- eth0 ===veth=== br0 ===veth=== eth0 -- vesta driver, socket -- peer
//! ```

use std::time::Duration;

use vesta_interop::{Task, message};
use vesta_netio::{
    AeronTransport, ClientSettings, Clock, Datapath, DatapathChoice, DriverSettings,
};
use vesta_tests::binary;
use vesta_tests::netns::{Lan, NETWORK, can_make_namespaces};
use vesta_tests::roles::Places;
use vesta_tests::running::Running;
use vesta_transport::{
    Duty, Flow, Input, OfferError, Publication, StreamId, Subscription, Transport,
};

use super::{LENGTHS, MESSAGES, Peer, peer_command};

const OURS: &str = "ours";
const THEIRS: &str = "theirs";
const PAUSE: Duration = Duration::from_micros(50);

/// Our side of a task, as a process on the host that it was started on. True when it is done, and most
/// of it came by the rings.
pub fn run_ours(task: &Task) -> bool {
    let mut settings = DriverSettings::new("interop-xdp");
    settings.directory_parent = Some(task.directory.clone().into());
    settings.datapath = DatapathChoice::Require(Datapath::Xdp);
    settings.xdp.interface = "eth0".to_owned();
    settings.term_buffer_sparse_file = true;
    let transport = AeronTransport::embed(&settings, ClientSettings::default());
    let mut transport = transport.expect("a transport on xdp");
    let clock = Clock::new();
    let is_over = || clock.mono_ns() > task.patience_ms * 1_000_000;
    let done = if task.is_publisher {
        publish(&mut transport, task, &is_over)
    } else {
        subscribe(&mut transport, task, &is_over)
    };
    transport.linger(Duration::from_millis(300)).expect("the transport works");
    let counts = |name: &str| {
        transport.with_driver(|driver| {
            let counters = driver.xdp_counters().expect("it runs on xdp");
            counters.list().find(|(known, _)| *known == name).expect("a counter").1
        })
    };
    let (rings, kernel) = if task.is_publisher {
        (counts("datagrams_sent"), counts("kernel_sent"))
    } else {
        (counts("datagrams_received"), counts("kernel_received"))
    };
    if rings < kernel || rings < Some(task.count) {
        eprintln!("by rings {rings:?}, by the kernel {kernel:?}");
        return false;
    }
    done
}

fn publish(transport: &mut AeronTransport, task: &Task, is_over: &dyn Fn() -> bool) -> bool {
    let stream = StreamId(task.stream);
    let mut publisher = transport.add_publication(&task.channel, stream).expect("a publication");
    let mut next = 0;
    // Until its reader has gone: it has everything then.
    while (next < task.count || publisher.is_connected()) && !is_over() {
        let work = transport.do_work().expect("the transport works");
        if next < task.count {
            match publisher.offer(&message(next, &task.lengths)) {
                Ok(_) => next += 1,
                Err(OfferError::BackPressured | OfferError::NotConnected) => {}
                Err(error) => panic!("{error}"),
            }
        }
        if work == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    next == task.count
}

fn subscribe(transport: &mut AeronTransport, task: &Task, is_over: &dyn Fn() -> bool) -> bool {
    let stream = StreamId(task.stream);
    let mut reader = transport.add_subscription(&task.channel, stream).expect("a subscription");
    let (mut next, mut is_wrong) = (0, false);
    while next < task.count && !is_wrong && !is_over() {
        let mut work = transport.do_work().expect("the transport works");
        work += reader.poll(16, &mut |input| {
            if let Input::Fragment(fragment) = input {
                is_wrong |= fragment.bytes != message(next, &task.lengths);
                next += 1;
            }
            Flow::Taken
        });
        if work == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    next == task.count && !is_wrong
}

#[test]
fn netns_xdp_with_peers_on_sockets() {
    if !can_make_namespaces("netns_xdp_with_peers_on_sockets") {
        return;
    }
    let lan = Lan::new(&[OURS, THEIRS]);
    let places = Places::claim();
    let directory = places.drivers().join("vesta-driver");
    let transport = format!(
        "driver_directory = \"{}\"\ndatapath = \"socket\"\ninterface = \"{NETWORK}\"\n\
         setup_term_length_max_bytes = 1048576",
        directory.display()
    );
    let file = places.write(&places.config(&transport, ""));
    let mut host = lan.command(THEIRS, &binary("vesta"));
    host.arg("--config").arg(&file).arg("driver");
    let mut host = Running::start("vesta driver", host);
    host.wait_line("ready", |line| line.ends_with(": ready").then_some(()));

    let mut port = 24_100;
    for peer in [Peer::C, Peer::PureRust] {
        for is_multicast in [false, true] {
            for we_publish in [true, false] {
                let reader = if we_publish { THEIRS } else { OURS };
                // Its own each time: what was there before is held for a while.
                port += 1;
                let channel = match is_multicast {
                    false => format!("aeron:udp?endpoint={}:{port}", lan.address(reader)),
                    true => {
                        format!("aeron:udp?endpoint=239.86.200.1:{port}|interface={NETWORK}|ttl=1")
                    }
                };
                let [we, they] = match we_publish {
                    true => ["publish", "subscribe"],
                    false => ["subscribe", "publish"],
                };
                let start = |who: Peer, role: &str, directory: &std::path::Path, host: &str| {
                    let program = std::env::current_exe().expect("this binary");
                    let command =
                        peer_command(lan.command(host, &program), who, role, directory, &channel);
                    Running::start(&format!("{who:?} {role}s on {channel}"), command)
                };
                let theirs = start(peer, they, &directory, THEIRS);
                let ours = start(Peer::Ours, we, &places.drivers(), OURS);
                for ended in [ours.end(), theirs.end()] {
                    assert_eq!(ended.code, Some(0), "{peer:?} {they}s on {channel}: {ended:#?}");
                }
            }
        }
    }
    host.terminate();
    assert_eq!(host.end().code, Some(0));
    assert_eq!(places.leftovers(), Vec::<std::path::PathBuf>::new());
    assert!(MESSAGES > LENGTHS.len() as u64, "each length is sent several times");
}
