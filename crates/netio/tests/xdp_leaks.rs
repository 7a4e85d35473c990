//! An `xdp` transport that ends leaves nothing: no descriptor, thread or program. Alone in its binary,
//! as it counts what the whole process has.

#[path = "support/hosts.rs"]
mod hosts;
mod support;

use hosts::{ADDRESS_B, INTERFACE, NETWORK, On, Pair, can_make_hosts};
use support::{STREAM, free_port, message, poll_into, settings, threadings};
use vesta_netio::{Clock, Datapath};
use vesta_transport::{Duty, Publication, Transport};

fn count(directory: &str) -> usize {
    std::fs::read_dir(directory).expect("Linux").count()
}

#[test]
fn netns_xdp_leaves_nothing() {
    if !can_make_hosts("netns_xdp_leaves_nothing") {
        return;
    }
    let pair = Pair::new();
    let round = || {
        for threading in threadings() {
            let mut settings = settings(Datapath::Xdp, threading);
            settings.xdp.interface = INTERFACE.to_owned();
            let (mut a, mut b) = (On::new(&pair.a, &settings), On::new(&pair.b, &settings));
            for channel in [
                format!("aeron:udp?endpoint={ADDRESS_B}:{}", free_port()),
                format!("aeron:udp?endpoint=239.192.77.1:{}|interface={NETWORK}", free_port()),
            ] {
                let mut publication = a.add_publication(&channel, STREAM).expect("publication");
                let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
                let (clock, mut seen, mut is_sent) = (Clock::new(), Vec::new(), false);
                while seen.len() < 2 {
                    is_sent = is_sent || publication.offer(&message(1)).is_ok();
                    a.do_work().expect("it works");
                    b.do_work().expect("it works");
                    poll_into(&mut subscription, &mut seen);
                    assert!(clock.mono_ns() < support::PATIENCE_NS, "no message");
                }
            }
        }
    };
    // The first round pays for what a process opens once.
    round();
    let before = (count("/proc/self/fd"), count("/proc/self/task"));
    round();
    assert_eq!((count("/proc/self/fd"), count("/proc/self/task")), before);
    assert!(!pair.a.has_program() && !pair.b.has_program());
}
