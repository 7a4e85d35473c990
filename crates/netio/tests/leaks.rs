//! A transport that ends leaves nothing: no descriptor, mapping, thread or file. Alone in its
//! binary, as it counts what the whole process has.

mod support;

use std::fs;
use std::path::PathBuf;

use support::{
    STREAM, datapaths, drive, message, multicast, poll_into, settings, threadings, transport,
};
use vesta_transport::{Publication, Transport};

fn count(directory: &str) -> usize {
    fs::read_dir(directory).expect("Linux").count()
}

#[test]
fn a_transport_that_ends_leaves_nothing() {
    let name = format!("netio-leaks-{}", std::process::id());
    let parent: PathBuf = std::env::temp_dir().join(&name);
    fs::create_dir_all(&parent).expect("a directory");
    let round = || {
        for datapath in datapaths() {
            for threading in threadings() {
                let mut settings = settings(datapath, threading);
                settings.directory_parent = Some(parent.clone());
                settings.receive_loss = true;
                let mut a = transport(&settings);
                let mut b = transport(&settings);
                let channel = multicast();
                let mut publication = a.add_publication(&channel, STREAM).expect("publication");
                let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
                let refused = a.add_subscription("aeron:udp?endpoint=198.51.100.7:1", STREAM);
                assert!(refused.is_err());
                let mut seen = Vec::new();
                let mut is_sent = false;
                drive("a message", &mut [&mut a, &mut b], || {
                    is_sent = is_sent || publication.offer(&message(1)).is_ok();
                    poll_into(&mut subscription, &mut seen);
                    seen.len() == 2
                });
                // In another order than they were made, some before and some after their drivers.
                drop(a);
                drop(subscription);
                drop(publication);
                drop(b);
            }
        }
    };
    // The first round pays for what a process opens once.
    round();
    let before = (count("/proc/self/fd"), count("/proc/self/task"));
    round();
    assert_eq!((count("/proc/self/fd"), count("/proc/self/task")), before);
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux");
    assert!(!maps.contains(&name), "a log is still mapped");
    assert_eq!(fs::read_dir(&parent).expect("readable").count(), 0);
    fs::remove_dir(&parent).expect("empty");
}
