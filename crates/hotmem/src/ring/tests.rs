//! The ring on real memory: against a plain queue, between processes, and against a hostile peer.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use proptest::prelude::*;

use super::layout::{CAPACITY_AT, FRAMES_AT, MAGIC_AT, SENDER_AT, VERSION_AT};
use super::memory::{AttachError, RingMemory, ring};
use super::{PushError, RingFault, RingShared};
use crate::map::Mapping;
use crate::sync::Ordering;

fn path(name: &str) -> PathBuf {
    PathBuf::from(format!("/dev/shm/vesta-hotmem-test-{name}-{}", std::process::id()))
}

/// What a sender and a receiver do.
#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>),
    Publish,
    Poll(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Push),
        2 => Just(Step::Publish),
        3 => (0_usize..5).prop_map(Step::Poll),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn a_ring_is_a_bounded_queue(steps in steps()) {
        let (mut sender, mut receiver) = ring(128).expect("memory");
        let (mut pushed, mut published) = (VecDeque::new(), VecDeque::<Vec<u8>>::new());
        for step in steps {
            match step {
                Step::Push(message) => match sender.push(&message) {
                    Ok(()) => pushed.push_back(message),
                    Err(PushError::Full) => {
                        let waiting = pushed.iter().chain(&published);
                        let words: usize = waiting.map(|m| super::frame::frame_words(m.len())).sum();
                        let frame = super::frame::frame_words(message.len());
                        // A padding is shorter than the frame that it makes room for, and one more
                        // may be in front of a message that waits: of 6 words at most.
                        prop_assert!(words + 2 * frame + 5 > 16, "{words} of 16 words are in use");
                    }
                    Err(PushError::Length { len, len_max }) => {
                        prop_assert!(len == message.len() && (len == 0 || len > len_max));
                    }
                    Err(PushError::Fault(fault)) => prop_assert!(false, "{fault}"),
                },
                Step::Publish => {
                    sender.publish();
                    published.append(&mut pushed);
                }
                Step::Poll(limit) => {
                    let mut got = Vec::new();
                    let count = receiver.poll(limit, |m| got.push(m.to_vec())).expect("honest");
                    let expected: Vec<_> = published.drain(..limit.min(published.len())).collect();
                    prop_assert_eq!(count, got.len());
                    prop_assert_eq!(got, expected);
                }
            }
        }
    }

    /// Whatever another process writes, and wherever: no panic, nothing out of bounds.
    #[test]
    fn hostile_words_are_faults_and_nothing_worse(
        writes in prop::collection::vec((0_usize..FRAMES_AT + 16, any::<u64>()), 1..8),
        small in prop::collection::vec((0_usize..FRAMES_AT + 16, 0_u64..64), 0..8),
    ) {
        let (memory, _file) = RingMemory::with_descriptor("hostile", 128).expect("memory");
        let mut sender = memory.sender().expect("ours");
        let mut receiver = memory.receiver().expect("ours");
        for message in [&b"one"[..], b"two"] {
            sender.push(message).expect("room");
        }
        sender.publish();
        let other = memory.all_words();
        for (at, value) in writes.into_iter().chain(small) {
            other[at].store(value, Ordering::Relaxed);
            let pushed = sender.push(b"three");
            sender.publish();
            let polled = receiver.poll(4, |message| assert!(message.len() <= 56));
            if let Err(fault) = polled {
                prop_assert_eq!(receiver.poll(4, |_| ()), Err(fault), "a fault stays");
            }
            let _ = pushed;
        }
    }

    /// Any file: an error, or a ring that is within it.
    #[test]
    fn hostile_headers_are_refused(
        header in prop::collection::vec(any::<u64>(), FRAMES_AT + 8),
        keep in 0_usize..5,
    ) {
        let file = crate::map::sealed_memory("header", (FRAMES_AT + 8) * 8).expect("memory");
        let mapping = Mapping::file(&file, (FRAMES_AT + 8) * 8).expect("a map");
        for (word, value) in mapping.words().iter().zip(&header) {
            word.store(*value, Ordering::Relaxed);
        }
        let good = [(MAGIC_AT, super::layout::MAGIC), (VERSION_AT, 1), (CAPACITY_AT, 8)];
        for (at, value) in good.into_iter().take(keep) {
            mapping.words()[at].store(value, Ordering::Relaxed);
        }
        match RingMemory::attach(&file) {
            Ok(memory) => {
                prop_assert!(keep >= 3);
                let _ = memory.receiver().map(|mut receiver| receiver.poll(9, |_| ()));
                let _ = memory.sender().map(|mut sender| sender.push(b"x"));
            }
            Err(error) => prop_assert!(matches!(error, AttachError::NotARing { .. }), "{error}"),
        }
    }
}

#[test]
fn counters_that_can_not_be_are_named() {
    let (memory, _file) = RingMemory::with_descriptor("faults", 128).expect("memory");
    let (mut sender, mut receiver) = (memory.sender().unwrap(), memory.receiver().unwrap());
    let words = memory.all_words();
    words[super::layout::TAIL_AT].store(17, Ordering::Relaxed);
    let fault = RingFault::Tail { tail: 17, head: 0, capacity: 16 };
    assert_eq!(receiver.poll(1, |_| ()), Err(fault));

    words[super::layout::HEAD_AT].store(1, Ordering::Relaxed);
    for _ in 0..8 {
        sender.push(b"12345678").expect("room");
    }
    let fault = RingFault::Head { head: 1, tail: 0, capacity: 16 };
    assert_eq!(sender.push(b"x"), Err(PushError::Fault(fault)));
}

#[test]
fn an_end_has_one_owner_and_a_dead_one_is_succeeded() {
    let path = path("owner");
    let memory = RingMemory::with_file(&path, 1_024).expect("memory");
    let mut sender = memory.sender().expect("free");
    let other = RingMemory::attach_file(&path).expect("the same ring");
    assert!(matches!(other.sender(), Err(AttachError::Taken { end: "writing end", .. })));
    sender.push(b"first").expect("room");
    sender.publish();
    drop(sender);
    let mut sender = other.sender().expect("given up");
    sender.push(b"second").expect("room");
    sender.publish();
    std::mem::forget(sender);
    // As if its process had died: no process has this start time.
    let claim = &memory.all_words()[SENDER_AT];
    claim.store(claim.load(Ordering::Relaxed) + (1 << 40), Ordering::Relaxed);
    let mut sender = memory.sender().expect("the owner is dead");
    sender.push(b"third").expect("room");
    sender.publish();
    let mut got = Vec::new();
    let count = memory.receiver().expect("free").poll(9, |m| got.push(m.to_vec()));
    assert_eq!(count, Ok(3));
    assert_eq!(got, [&b"first"[..], b"second", b"third"]);
    drop((sender, memory));
    assert!(!path.exists(), "removed by who made it");
}

#[test]
fn two_threads_move_a_million_messages() {
    const COUNT: u64 = 1_000_000;
    let (mut sender, mut receiver) = ring(1 << 14).expect("memory");
    let sending = std::thread::spawn(move || {
        for n in 0..COUNT {
            let bytes = [n.to_le_bytes(); 4].concat();
            let message = &bytes[..8 + (n % 25) as usize];
            while sender.push(message).is_err() {
                sender.publish();
                std::thread::yield_now();
            }
            if n % 16 == 0 {
                sender.publish();
            }
        }
        sender.publish();
    });
    let mut next = 0_u64;
    while next < COUNT {
        let count = receiver.poll(64, |message| {
            assert_eq!(message.len(), 8 + (next % 25) as usize);
            assert_eq!(message[..8], next.to_le_bytes());
            next += 1;
        });
        if count.expect("honest") == 0 {
            std::thread::yield_now();
        }
    }
    sending.join().expect("no panic");
}

#[test]
fn another_process_reads_what_this_one_writes() {
    let path = path("process");
    let memory = RingMemory::with_file(&path, 4_096).expect("memory");
    let mut sender = memory.sender().expect("free");
    for n in 0..100_u32 {
        sender.push(&n.to_le_bytes()).expect("room");
    }
    sender.publish();
    let test = std::env::current_exe().expect("a path");
    let mut command = std::process::Command::new(test);
    command.args(["--exact", "ring::tests::the_other_process", "--nocapture"]);
    let output = command.env("VESTA_TEST_RING", &path).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("read 100 messages"), "{text}");
    assert!(memory.receiver().is_ok(), "the other process gave its end up");
}

/// Does nothing but in the process that the test above starts.
#[test]
fn the_other_process() {
    let Some(path) = std::env::var_os("VESTA_TEST_RING") else { return };
    let memory = RingMemory::attach_file(path.as_ref()).expect("a ring");
    let mut expected = 0_u32;
    let mut receiver = memory.receiver().expect("free");
    let count = receiver.poll(1_000, |message| {
        assert_eq!(message, expected.to_le_bytes());
        expected += 1;
    });
    println!("read {} messages", count.expect("honest"));
}

#[test]
fn a_descriptor_keeps_its_length() {
    let (memory, file) = RingMemory::with_descriptor("sealed", 1_024).expect("memory");
    assert!(file.set_len(8).is_err() && file.set_len(1 << 20).is_err());
    let copy = File::from(file.as_fd().try_clone_to_owned().expect("a descriptor"));
    assert_ne!(copy.as_raw_fd(), file.as_raw_fd());
    let other = RingMemory::attach(&copy).expect("the same ring");
    let (mut sender, mut receiver) = (memory.sender().unwrap(), other.receiver().unwrap());
    sender.push(b"hello").expect("room");
    assert_eq!(receiver.poll(1, |_| panic!("not published yet")), Ok(0));
    sender.publish();
    assert_eq!(receiver.poll(1, |message| assert_eq!(message, b"hello")), Ok(1));

    let plain = path("plain");
    let _ring = RingMemory::with_file(&plain, 1_024).expect("memory");
    let error = RingMemory::attach(&File::open(&plain).expect("there")).expect_err("not sealed");
    assert!(error.to_string().contains("not sealed"), "{error}");
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let (mut sender, _receiver) = ring(64).expect("memory");
    assert_eq!(sender.message_len_max(), 24);
    for len in [0, 25, 1_000] {
        let error = PushError::Length { len, len_max: 24 };
        assert_eq!(sender.push(&vec![1; len]), Err(error));
    }
    assert!(ring(usize::MAX).is_err());
    assert!(sender.push(&[1; 24]).is_ok() && sender.waiting_words_max() == 0);
}

#[test]
fn shared_parts_lie_apart() {
    let memory = RingMemory::with_descriptor("apart", 1_024).expect("memory").0;
    let words = memory.all_words().as_ptr() as usize;
    assert_eq!(words % 4_096, 0, "begins on a page");
    fn apart<S: RingShared>(shared: &S) -> usize {
        std::ptr::from_ref(shared.head()) as usize - std::ptr::from_ref(shared.tail()) as usize
    }
    assert_eq!(apart(&memory.end_of_test()), 128);
}
