//! The ring on memory of the allocator's: what an interpreter can run, which knows no `mmap`
//! (`scripts/test.sh miri`).

use std::sync::Arc;

use super::{PushError, Receiver, RingFault, RingShared, Sender};
use crate::sync::{AtomicU64, Ordering};

#[derive(Clone)]
struct Plain(Arc<(AtomicU64, AtomicU64, Vec<AtomicU64>)>);

impl RingShared for Plain {
    fn tail(&self) -> &AtomicU64 {
        &self.0.0
    }
    fn head(&self) -> &AtomicU64 {
        &self.0.1
    }
    fn words(&self) -> &[AtomicU64] {
        &self.0.2
    }
}

fn plain() -> (Plain, Sender<Plain>, Receiver<Plain>) {
    let words = (0..16).map(|_| AtomicU64::new(0)).collect();
    let plain = Plain(Arc::new((AtomicU64::new(0), AtomicU64::new(0), words)));
    let sender = Sender::new(plain.clone()).expect("a new ring");
    let receiver = Receiver::new(plain.clone()).expect("a new ring");
    (plain, sender, receiver)
}

#[test]
fn miri_two_threads_and_every_length() {
    const COUNT: usize = 200;
    let (_, mut sender, mut receiver) = plain();
    let message = |n: usize| vec![n as u8; 1 + n % sender.message_len_max()];
    let expected: Vec<_> = (0..COUNT).map(message).collect();
    let sending = std::thread::spawn(move || {
        for n in 0..COUNT {
            let message = vec![n as u8; 1 + n % sender.message_len_max()];
            while sender.push(&message) == Err(PushError::Full) {
                sender.publish();
                std::thread::yield_now();
            }
        }
        sender.publish();
    });
    let mut got = Vec::new();
    while got.len() < COUNT {
        if receiver.poll(3, |message| got.push(message.to_vec())) == Ok(0) {
            std::thread::yield_now();
        }
    }
    sending.join().expect("no panic");
    assert_eq!(got, expected);
}

#[test]
fn miri_positions_near_the_end_of_counting_are_refused_or_work() {
    for start in [u64::MAX, u64::MAX / 2, (1 << 62) + 1] {
        let (plain, ..) = plain();
        plain.tail().store(start, Ordering::Relaxed);
        plain.head().store(start, Ordering::Relaxed);
        assert!(matches!(Sender::new(plain.clone()), Err(RingFault::Tail { .. })));
        assert!(matches!(Receiver::new(plain), Err(RingFault::Head { .. })));
    }
    let (plain, ..) = plain();
    plain.tail().store(1 << 62, Ordering::Relaxed);
    plain.head().store(1 << 62, Ordering::Relaxed);
    let mut sender = Sender::new(plain.clone()).expect("it may be");
    let mut receiver = Receiver::new(plain).expect("it may be");
    sender.push(b"on").expect("room");
    sender.publish();
    assert_eq!(receiver.poll(1, |message| assert_eq!(message, b"on")), Ok(1));
}
