//! Every order in which the two sides can meet, on a ring so small that it wraps and fills at once.

use super::{PushError, Receiver, RingShared, Sender};
use crate::sync::AtomicU64;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use std::ops::Range;

/// What a ring of 8 words shares.
#[derive(Clone)]
struct Small(Arc<Parts>);

struct Parts {
    tail: AtomicU64,
    head: AtomicU64,
    words: Vec<AtomicU64>,
    /// One for each word: loom fails when two threads are at it and one of them writes.
    races: Vec<UnsafeCell<()>>,
}

impl Small {
    fn new() -> Self {
        Self(Arc::new(Parts {
            tail: AtomicU64::new(0),
            head: AtomicU64::new(0),
            words: (0..8).map(|_| AtomicU64::new(0)).collect(),
            races: (0..8).map(|_| UnsafeCell::new(())).collect(),
        }))
    }
}

impl RingShared for Small {
    fn tail(&self) -> &AtomicU64 {
        &self.0.tail
    }
    fn head(&self) -> &AtomicU64 {
        &self.0.head
    }
    fn words(&self) -> &[AtomicU64] {
        &self.0.words
    }
    fn will_read(&self, words: Range<usize>) {
        self.0.races[words].iter().for_each(|cell| cell.with(|_| ()));
    }
    fn will_write(&self, words: Range<usize>) {
        self.0.races[words].iter().for_each(|cell| cell.with_mut(|_| ()));
    }
}

/// Sends `batches`, and checks that they come whole, in order, and none twice.
fn model(batches: &'static [&'static [&'static [u8]]]) {
    let mut builder = loom::model::Builder::new();
    // Three forced switches between the two sides, beside those where one waits for the other. Five
    // messages and four switches found nothing more in 87 s.
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let shared = Small::new();
        let mut sender = Sender::new(shared.clone()).expect("a new ring");
        let mut receiver = Receiver::new(shared).expect("a new ring");
        let sending = loom::thread::spawn(move || {
            for batch in batches {
                for message in *batch {
                    loop {
                        match sender.push(message) {
                            Ok(()) => break,
                            Err(PushError::Full) => {
                                // What is in the way must be seen to be taken.
                                sender.publish();
                                loom::thread::yield_now();
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                sender.publish();
            }
        });
        let mut expected = batches.iter().copied().flatten();
        let mut left = batches.iter().map(|batch| batch.len()).sum::<usize>();
        while left > 0 {
            let taken = receiver.poll(2, |message| {
                assert_eq!(Some(&message), expected.next());
            });
            match taken.expect("an honest sender") {
                0 => loom::thread::yield_now(),
                count => left -= count,
            }
        }
        sending.join().expect("no panic");
        assert_eq!(receiver.poll(1, |_| ()), Ok(0));
    });
}

#[test]
fn loom_the_ring_fills_and_wraps() {
    // Frames of 3 words: the third finds 2 left at the end, pads them, and waits for room.
    model(&[&[b"12345678a"], &[b"12345678b"], &[b"12345678c"]]);
}

#[test]
fn loom_a_batch_is_seen_whole() {
    model(&[&[b"a", b"b"], &[b"c"]]);
}
