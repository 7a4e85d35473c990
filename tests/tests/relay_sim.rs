//! The relay on a simulated network that loses and delays: consumers get what the publisher said, in order
//! and unchanged, or they see that they did not.

use vesta_md_publisher::{RelayAgent, RelayLink, RelayLinks};
use vesta_sim::{
    FlowControl, SimConfig, SimNetwork, SimPublication, SimSubscription, SimTransport,
};
use vesta_transport::{
    Duty, Flow, Input, OfferError, Publication, StreamId, Subscription, Transport,
};
use vesta_wire::md::{Heartbeat, MdFrame};
use vesta_wire::{Message, encode};

const MARKET_DATA: StreamId = StreamId(40);
const SNAPSHOTS: StreamId = StreamId(41);
const STEP_NS: u64 = 20_000;

/// A heartbeat of a feed that stands at message `feed_seq`; which one it is, its event says.
fn message_at(feed_seq: u64, nth: u64) -> Vec<u8> {
    let heartbeat = Heartbeat {
        next_feed_seq: feed_seq.into(),
        event_seq: nth.into(),
        time_ns: 1.into(),
        shard: 1.into(),
        reserved: [0; 4],
    };
    let mut bytes = vec![0; Heartbeat::LEN];
    encode(&heartbeat, &mut bytes);
    bytes
}

fn message(nth: u64) -> Vec<u8> {
    message_at(1, nth)
}

fn publisher(transport: &mut SimTransport) -> SimPublication {
    transport.add_publication("sim:group", MARKET_DATA).expect("it opens")
}

/// What a consumer at the relay was told.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Joined,
    Message(Vec<u8>),
    /// True: closed in good order.
    Lost(bool),
}

struct Net {
    network: SimNetwork,
    upstream: SimTransport,
    relay_side: SimTransport,
    relay: RelayAgent<SimTransport>,
    reader_side: SimTransport,
    reader: SimSubscription,
    heard: Vec<Heard>,
    /// The consumer stands still.
    is_stopped: bool,
}

impl Net {
    fn new(config: SimConfig) -> Self {
        let network = SimNetwork::new(config);
        let [upstream, mut relay_side, mut reader_side] = [(); 3].map(|()| network.add_node());
        let link = |stream, to: &str| RelayLink {
            from: ("sim:group".to_owned(), stream),
            to: to.to_owned(),
        };
        let links = RelayLinks {
            market_data: link(MARKET_DATA, "sim:relay"),
            snapshots: link(SNAPSHOTS, "sim:relay"),
        };
        let relay = RelayAgent::new(&mut relay_side, &links).expect("it opens");
        let reader = reader_side.add_subscription("sim:relay", MARKET_DATA).expect("it opens");
        let heard = Vec::new();
        Self { network, upstream, relay_side, relay, reader_side, reader, heard, is_stopped: false }
    }

    fn step(&mut self) {
        self.network.clock().advance(STEP_NS);
        for side in [&mut self.upstream, &mut self.relay_side] {
            side.do_work().expect("it lives");
        }
        self.relay.do_work().expect("it can be written");
        self.relay.tend(&mut self.relay_side).expect("it opens");
        if self.is_stopped {
            return;
        }
        self.reader_side.do_work().expect("it lives");
        let heard = &mut self.heard;
        self.reader.poll(64, &mut |input| {
            heard.push(match input {
                Input::Joined { .. } => Heard::Joined,
                Input::Fragment(fragment) => Heard::Message(fragment.bytes.to_vec()),
                Input::Lost { end_of_stream, .. } => Heard::Lost(end_of_stream),
            });
            Flow::Taken
        });
    }

    fn steps_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("gave up waiting for {what}: {:?}", self.relay.legs());
    }

    /// Says messages `from..to`, each as soon as there is room.
    fn say(&mut self, publication: &mut SimPublication, from: u64, to: u64) {
        let mut next = from;
        for _ in 0..200_000 {
            if next == to {
                return;
            }
            match publication.offer(&message(next)) {
                Ok(_) => next += 1,
                Err(OfferError::BackPressured | OfferError::NotConnected) => {}
                Err(error) => panic!("{error}"),
            }
            self.step();
        }
        panic!("said {next} of {to}: {:?}", self.relay.legs());
    }

    fn messages(&self) -> Vec<&[u8]> {
        self.heard
            .iter()
            .filter_map(|heard| match heard {
                Heard::Message(bytes) => Some(bytes.as_slice()),
                _ => None,
            })
            .collect()
    }
}

fn joined(net: &Net) -> bool {
    net.heard.contains(&Heard::Joined)
}

#[test]
fn what_was_said_is_heard_in_order_and_unchanged() {
    for seed in 0..20 {
        let config = SimConfig { seed, loss_ppm: 50_000, ..SimConfig::default() };
        let mut net = Net::new(config);
        let mut publication = publisher(&mut net.upstream);
        net.steps_until("the relay's publisher", |net| net.relay.legs()[0].2 && joined(net));
        net.steps_until("a reader", |_| publication.is_connected());
        net.say(&mut publication, 1, 500);
        net.steps_until("all to be heard", |net| net.messages().len() >= 499);
        let expected: Vec<_> = (1..500).map(message).collect();
        assert_eq!(net.messages(), expected, "seed {seed}");
        let [(_, counts, _), _] = net.relay.legs();
        assert_eq!((counts.output.messages, counts.feed_gaps), (499, 0), "seed {seed}");
        assert_eq!((counts.dropped, counts.unheard, counts.losses), (0, 0, 0), "seed {seed}");
        assert_eq!(counts.ignored, 0, "seed {seed}");
    }
}

#[test]
fn another_life_of_the_publisher_is_another_of_the_relays() {
    for seed in 0..10 {
        let mut net = Net::new(SimConfig { seed, ..SimConfig::default() });
        let mut first = publisher(&mut net.upstream);
        net.steps_until("the relay's publisher", |net| net.relay.legs()[0].2 && joined(net));
        net.say(&mut first, 1, 50);
        net.steps_until("all to be heard", |net| net.messages().len() == 49);
        // A stranger, and a second one before the first is gone: neither is passed on.
        let mut second = publisher(&mut net.upstream);
        net.steps_until("the second", |net| net.relay.legs()[0].1.rivals == 1);
        net.steps_until("a reader", |_| second.is_connected());
        net.say(&mut second, 1_000, 1_010);
        net.say(&mut first, 50, 60);
        net.steps_until("the first to go on", |net| net.messages().len() == 59);
        drop(first);
        net.steps_until("the end", |net| net.heard.contains(&Heard::Lost(true)));
        let joins = |net: &Net| net.heard.iter().filter(|heard| **heard == Heard::Joined).count();
        net.steps_until("the next life", |net| joins(net) == 2);
        assert!(net.relay.legs()[0].2, "the second was there already");
        net.say(&mut second, 1_010, 1_100);
        net.steps_until("the rest", |net| net.messages().len() == 59 + 90);
        let expected: Vec<_> = (1..60).chain(1_010..1_100).map(message).collect();
        assert_eq!(net.messages(), expected, "seed {seed}");
        let [(_, counts, _), _] = net.relay.legs();
        assert_eq!((counts.losses, counts.ignored), (1, 10), "what the second said too early");
        assert_eq!(counts.feed_gaps, 0, "its numbers are its own");
    }
}

/// Nobody has room: messages are dropped and counted, and the publisher is not slowed, although here it
/// waits for its slowest reader, the relay.
#[test]
fn a_consumer_that_stands_still_holds_nobody_back() {
    let config = SimConfig {
        window_bytes: 8 << 10,
        flow_control: FlowControl::Slowest,
        liveness_timeout_ns: 2_000_000_000,
        connection_timeout_ns: 2_000_000_000,
        ..SimConfig::default()
    };
    let mut net = Net::new(config);
    let mut publication = publisher(&mut net.upstream);
    net.steps_until("the relay's publisher", |net| net.relay.legs()[0].2 && joined(net));
    net.is_stopped = true;
    net.say(&mut publication, 1, 2_000);
    let [(_, counts, _), _] = net.relay.legs();
    assert!(counts.dropped > 0 && counts.output.messages > 0, "{counts:?}");
    net.is_stopped = false;
    net.say(&mut publication, 2_000, 2_100);
    net.steps_until("the latest", |net| net.messages().last() == Some(&&message(2_099)[..]));
    // In order, with a gap that its numbers show.
    let numbers: Vec<u64> = net
        .messages()
        .iter()
        .map(|bytes| vesta_wire::decode::<Heartbeat>(bytes).expect("ours").event_seq.get())
        .collect();
    assert!(numbers.is_sorted() && numbers.len() < 2_099, "{} came", numbers.len());
    let [(_, counts, _), _] = net.relay.legs();
    assert_eq!(counts.input.messages, 2_099);
    assert_eq!(counts.output.messages + counts.dropped + counts.unheard, 2_099);
    assert_eq!(counts.feed_gaps, 0, "the relay itself heard everything");
}

/// What is no market data is passed on as it is, and counts as no gap; a hole in the numbers does.
#[test]
fn gaps_are_those_of_the_feed() {
    let mut net = Net::new(SimConfig::default());
    let mut publication = publisher(&mut net.upstream);
    net.steps_until("the relay's publisher", |net| net.relay.legs()[0].2 && joined(net));
    net.steps_until("a reader", |_| publication.is_connected());
    net.say(&mut publication, 1, 10);
    net.steps_until("all to be heard", |net| net.messages().len() == 9);
    let short = &message(25)[..Heartbeat::LEN - 1];
    for (strange, gaps) in [
        (&b"x"[..], 0),
        (&[0xff; 64], 0),
        (short, 0),
        (&[MdFrame::TEMPLATE_ID as u8; 32], 0),
        (&message_at(5, 11), 1),
        (&message_at(5, 12), 1),
        (&message_at(3, 13), 1),
        (&message_at(6, 14), 2),
    ] {
        while publication.offer(strange).is_err() {
            net.step();
        }
        let before = net.messages().len();
        net.steps_until("it to be heard", |net| net.messages().len() > before);
        assert_eq!(net.messages().last(), Some(&strange));
        assert_eq!(net.relay.legs()[0].1.feed_gaps, gaps, "{strange:?}");
    }
}
