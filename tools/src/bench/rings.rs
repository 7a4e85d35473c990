//! Rings between two threads, and the codec: what a message costs before it meets a network.
//!
//! ```text
//!   throughput   producer (core a) --ring--> consumer (core b): ns for each of many messages
//!   round trip   ping (core a) --ring--> pong (core b) --ring--> ping: ns there and back
//! ```
//! [`Spsc`] is all that a ring has to offer to be measured beside the others.

use super::worker::pin;
use super::{BenchError, orders::RECORD_LEN_MAX};
use crate::latency::Latency;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU8, Ordering};
use vesta_hotmem::{End, Receiver, RingMemory, Sender};
use vesta_netio::Clock;
use vesta_wire::record::NewOrder;
use vesta_wire::{Message, decode, encode};

/// What goes through a ring: the longest plain record.
pub type Item = [u8; RECORD_LEN_MAX];

/// Messages that a ring holds.
const CAPACITY: usize = 1_024;
/// Empty looks before a thread gives up its core: on a machine with one core the other has to run.
const LOOKS_BEFORE_YIELD: u32 = 2_000;

/// A ring with one producer and one consumer.
pub trait Spsc {
    /// What output calls it.
    const NAME: &'static str;
    /// The producer's end.
    type Producer: Send;
    /// The consumer's end.
    type Consumer: Send;

    /// A ring of so many messages.
    fn ring(capacity: usize) -> (Self::Producer, Self::Consumer);
    /// Adds a message, which the consumer sees at once; false when there is no room.
    fn push(producer: &mut Self::Producer, item: &Item) -> bool;
    /// Takes a message.
    fn pop(consumer: &mut Self::Consumer) -> Option<Item>;
}

/// Our own, as two threads of a process have it.
pub struct Hotmem;

/// Bytes of a ring of ours for so many items: each has a header of 8 bytes.
const fn hotmem_bytes(capacity: usize) -> usize {
    capacity * (size_of::<Item>() + 8)
}

fn push_and_publish(sender: &mut Sender<End>, item: &Item) -> bool {
    let taken = sender.push(item).is_ok();
    sender.publish();
    taken
}

fn pop_from(receiver: &mut Receiver<End>) -> Option<Item> {
    let mut item = None;
    let taken = receiver.poll(1, |message| item = message.first_chunk().copied());
    taken.ok().and(item)
}

impl Spsc for Hotmem {
    const NAME: &'static str = "vesta-hotmem";
    type Producer = Sender<End>;
    type Consumer = Receiver<End>;

    fn ring(capacity: usize) -> (Self::Producer, Self::Consumer) {
        vesta_hotmem::ring(hotmem_bytes(capacity)).expect("memory for a ring")
    }

    fn push(producer: &mut Self::Producer, item: &Item) -> bool {
        push_and_publish(producer, item)
    }

    fn pop(consumer: &mut Self::Consumer) -> Option<Item> {
        pop_from(consumer)
    }
}

/// Our own, as two processes have it: each end with a mapping of its own of memory behind a descriptor.
/// (Here both are threads, as those of the others are.)
pub struct HotmemFile;

impl Spsc for HotmemFile {
    const NAME: &'static str = "vesta-hotmem-shared";
    type Producer = Sender<End>;
    type Consumer = Receiver<End>;

    fn ring(capacity: usize) -> (Self::Producer, Self::Consumer) {
        let (here, file) = RingMemory::with_descriptor("vesta-bench", hotmem_bytes(capacity))
            .expect("memory for a ring");
        let there = RingMemory::attach(&file).expect("just made");
        (here.sender().expect("a free end"), there.receiver().expect("a free end"))
    }

    fn push(producer: &mut Self::Producer, item: &Item) -> bool {
        push_and_publish(producer, item)
    }

    fn pop(consumer: &mut Self::Consumer) -> Option<Item> {
        pop_from(consumer)
    }
}

/// The crate `rtrb`.
pub struct Rtrb;

impl Spsc for Rtrb {
    const NAME: &'static str = "rtrb";
    type Producer = rtrb::Producer<Item>;
    type Consumer = rtrb::Consumer<Item>;

    fn ring(capacity: usize) -> (Self::Producer, Self::Consumer) {
        rtrb::RingBuffer::new(capacity)
    }

    fn push(producer: &mut Self::Producer, item: &Item) -> bool {
        producer.push(*item).is_ok()
    }

    fn pop(consumer: &mut Self::Consumer) -> Option<Item> {
        consumer.pop().ok()
    }
}

/// `crossbeam`'s `ArrayQueue`.
pub struct ArrayQueue;

impl Spsc for ArrayQueue {
    const NAME: &'static str = "crossbeam-queue";
    type Producer = std::sync::Arc<crossbeam_queue::ArrayQueue<Item>>;
    type Consumer = Self::Producer;

    fn ring(capacity: usize) -> (Self::Producer, Self::Consumer) {
        let queue = std::sync::Arc::new(crossbeam_queue::ArrayQueue::new(capacity));
        (std::sync::Arc::clone(&queue), queue)
    }

    fn push(producer: &mut Self::Producer, item: &Item) -> bool {
        producer.push(*item).is_ok()
    }

    fn pop(consumer: &mut Self::Consumer) -> Option<Item> {
        consumer.pop()
    }
}

/// `crossbeam`'s bounded channel.
pub struct Channel;

impl Spsc for Channel {
    const NAME: &'static str = "crossbeam-channel";
    type Producer = crossbeam_channel::Sender<Item>;
    type Consumer = crossbeam_channel::Receiver<Item>;

    fn ring(capacity: usize) -> (Self::Producer, Self::Consumer) {
        crossbeam_channel::bounded(capacity)
    }

    fn push(producer: &mut Self::Producer, item: &Item) -> bool {
        producer.try_send(*item).is_ok()
    }

    fn pop(consumer: &mut Self::Consumer) -> Option<Item> {
        consumer.try_recv().ok()
    }
}

/// What was found of a ring in one round.
#[derive(Clone, Debug)]
pub struct RingRound {
    /// Nanoseconds for each message of a full stream.
    pub ns_per_message: f64,
    /// There and back, one message at a time.
    pub round_trip: Latency,
    /// Messages that were lost, came twice or out of order.
    pub wrong: u64,
}

struct Waiting(u32);

impl Waiting {
    fn wait(&mut self) {
        self.0 += 1;
        if self.0.is_multiple_of(LOOKS_BEFORE_YIELD) {
            std::thread::yield_now()
        } else {
            spin_loop()
        }
    }
}

fn item(number: u64) -> Item {
    let mut item = [0; RECORD_LEN_MAX];
    item[..8].copy_from_slice(&number.to_le_bytes());
    item
}

fn number(item: &Item) -> u64 {
    item.first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
}

fn push<R: Spsc>(producer: &mut R::Producer, number: u64) {
    let (item, mut waiting) = (item(number), Waiting(0));
    while !R::push(producer, &item) {
        waiting.wait();
    }
}

fn pop<R: Spsc>(consumer: &mut R::Consumer) -> u64 {
    let mut waiting = Waiting(0);
    loop {
        if let Some(item) = R::pop(consumer) {
            return number(&item);
        }
        waiting.wait();
    }
}

/// A thread that is on its way, there, or not coming.
const COMING: u8 = 0;
const THERE: u8 = 1;
const FAILED: u8 = 2;

/// Waits until both threads are on their cores; false when the other could not be had, for then nobody
/// would take what is sent.
fn meet(
    met: &[AtomicU8; 2],
    own: usize,
    pinned: Result<(), BenchError>,
) -> Result<bool, BenchError> {
    let state = if pinned.is_ok() { THERE } else { FAILED };
    met[own].store(state, Ordering::Release);
    pinned?;
    let mut waiting = Waiting(0);
    loop {
        match met[1 - own].load(Ordering::Acquire) {
            COMING => waiting.wait(),
            other => return Ok(other == THERE),
        }
    }
}

/// One round of a ring, `messages` each way, between two cores.
///
/// # Errors
/// When a core can not be had.
pub fn round<R: Spsc>(messages: u64, cores: [Option<usize>; 2]) -> Result<RingRound, BenchError> {
    let clock = Clock::new();
    let (mut wrong, mut round_trip) = (0, Latency::new());
    let (mut there_in, mut there_out) = R::ring(CAPACITY);
    let (mut back_in, mut back_out) = R::ring(CAPACITY);
    let met = [AtomicU8::new(COMING), AtomicU8::new(COMING)];
    let mut stream_ns = 0;
    let outcome = std::thread::scope(|scope| {
        let met = &met;
        let far = scope.spawn(move || -> Result<u64, BenchError> {
            if !meet(met, 1, pin(cores[1]))? {
                return Ok(0);
            }
            let mut wrong = 0;
            for expected in 0..messages {
                wrong += u64::from(pop::<R>(&mut there_out) != expected);
            }
            push::<R>(&mut back_in, 0);
            for _ in 0..messages {
                let number = pop::<R>(&mut there_out);
                push::<R>(&mut back_in, number);
            }
            Ok(wrong)
        });
        let near = scope.spawn(|| -> Result<(), BenchError> {
            if !meet(met, 0, pin(cores[0]))? {
                return Ok(());
            }
            let begin = clock.mono_ns();
            (0..messages).for_each(|number| push::<R>(&mut there_in, number));
            pop::<R>(&mut back_out);
            stream_ns = clock.mono_ns() - begin;
            for number in 0..messages {
                let sent = clock.mono_ns();
                push::<R>(&mut there_in, number);
                wrong += u64::from(pop::<R>(&mut back_out) != number);
                round_trip.record(clock.mono_ns() - sent);
            }
            Ok(())
        });
        let panicked = |_| BenchError::BrokeDown("a thread of a ring panicked".to_owned());
        let (near, far) = (near.join().map_err(panicked)?, far.join().map_err(panicked)?);
        near.and(far)
    });
    let wrong = wrong + outcome?;
    Ok(RingRound { ns_per_message: stream_ns as f64 / messages as f64, round_trip, wrong })
}

/// Nanoseconds for a message to be written, to be read through the gate, and to be copied, which is
/// the least that any codec does.
#[derive(Clone, Copy, Debug)]
pub struct CodecRound {
    /// `encode`.
    pub encode_ns: f64,
    /// `decode`, with every rule of the message asked.
    pub decode_ns: f64,
    /// `copy_from_slice`.
    pub copy_ns: f64,
}

/// One round of the codec on the plain order's record.
///
/// # Panics
/// When the codec refuses its own message: our bug.
#[must_use]
pub fn codec_round(order: &NewOrder, messages: u64) -> CodecRound {
    let clock = Clock::new();
    let each = |work: &mut dyn FnMut(u64)| {
        let begin = clock.mono_ns();
        (0..messages).for_each(work);
        (clock.mono_ns() - begin) as f64 / messages as f64
    };
    let mut bytes = [0; NewOrder::LEN];
    let mut copy = [0; NewOrder::LEN];
    let encode_ns = each(&mut |n| {
        let order = NewOrder { client_order_id: n.into(), ..*order };
        black_box(encode(black_box(&order), &mut bytes));
    });
    let decode_ns = each(&mut |_| {
        let order = decode::<NewOrder>(black_box(&bytes)).expect("our own message");
        black_box(order.client_order_id.get());
    });
    let copy_ns = each(&mut |_| {
        copy.copy_from_slice(black_box(&bytes));
        black_box(&copy);
    });
    CodecRound { encode_ns, decode_ns, copy_ns }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loses every hundredth message.
    struct Leaky;

    impl Spsc for Leaky {
        const NAME: &'static str = "leaky";
        type Producer = (rtrb::Producer<Item>, u64);
        type Consumer = rtrb::Consumer<Item>;
        fn ring(capacity: usize) -> (Self::Producer, Self::Consumer) {
            let (producer, consumer) = rtrb::RingBuffer::new(capacity);
            ((producer, 0), consumer)
        }
        fn push(producer: &mut Self::Producer, item: &Item) -> bool {
            producer.1 += 1;
            let swapped = if producer.1 == 100 { super::item(0) } else { *item };
            producer.0.push(swapped).is_ok()
        }
        fn pop(consumer: &mut Self::Consumer) -> Option<Item> {
            consumer.pop().ok()
        }
    }

    #[test]
    fn rings_keep_everything_and_one_that_does_not_is_found_out() {
        let none = [None, None];
        for round in [
            round::<Hotmem>(2_000, none),
            round::<HotmemFile>(2_000, none),
            round::<Rtrb>(2_000, none),
            round::<ArrayQueue>(2_000, none),
            round::<Channel>(2_000, none),
        ] {
            let round = round.expect("no core was asked for");
            assert_eq!((round.wrong, round.round_trip.count()), (0, 2_000));
        }
        assert!(round::<Leaky>(2_000, none).expect("no core was asked for").wrong > 0);
    }
}
