//! A driver's own counters, read from its file as somebody else reads them.

mod support;

use support::{STREAM, datapaths, drive, message, multicast, poll_into, settings, transport};
use vesta_netio::{DriverReading, Threading};
use vesta_transport::{Publication, Transport};

#[test]
fn positions_windows_and_bytes_are_those_of_the_streams() {
    const COUNT: u64 = 100;
    let datapath = datapaths()[0];
    let (mut a, mut b) = (
        transport(&settings(datapath, Threading::Invoker)),
        transport(&settings(datapath, Threading::Invoker)),
    );
    let channel = multicast();
    let mut publication = a.add_publication(&channel, STREAM).expect("publication");
    let mut subscription = b.add_subscription(&channel, STREAM).expect("subscription");
    drive("the reader joins", &mut [&mut a, &mut b], || publication.is_connected());
    let mut position = 0;
    for n in 0..COUNT {
        position = publication.offer(&message(n)).expect("room for all").0;
    }
    let mut seen = Vec::new();
    drive("all arrives", &mut [&mut a, &mut b], || {
        poll_into(&mut subscription, &mut seen);
        seen.len() as u64 > COUNT
    });
    let look = |transport: &vesta_netio::AeronTransport| {
        let directory = transport.with_driver(|driver| driver.directory().to_owned());
        DriverReading::of(&directory.expect("embedded")).expect("a driver of ours")
    };

    let publisher = look(&a);
    let positions = publisher.positions(STREAM.0);
    assert_eq!(positions.published, Some(position));
    assert_eq!(positions.sent, Some(position));
    assert!(positions.window_left().expect("it has a window") > 0, "{positions:?}");
    assert_eq!((positions.received, positions.read), (None, None));
    assert!(publisher.counts().bytes_sent as i64 >= position);
    assert!(publisher.counters.iter().any(|counter| counter.label.contains("Bytes sent")));

    let reader = look(&b);
    let positions = reader.positions(STREAM.0);
    assert_eq!((positions.received, positions.read), (Some(position), Some(position)));
    assert_eq!(positions.unread(), Some(0));
    assert!(reader.counts().bytes_received as i64 >= position);
    assert_eq!(reader.counts().errors, 0);
    assert_eq!(reader.positions(STREAM.0 + 1), Default::default(), "no such stream");
}
