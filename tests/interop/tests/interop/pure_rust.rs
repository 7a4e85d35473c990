//! The peer on `aeron-rs`, which shares no code with Aeron's own client.

use std::ffi::CString;
use std::time::Duration;

use aeron_rs::aeron::Aeron;
use aeron_rs::concurrent::atomic_buffer::AtomicBuffer;
use aeron_rs::concurrent::logbuffer::header::Header;
use aeron_rs::context::Context;
use aeron_rs::fragment_assembler::FragmentAssembler;
use vesta_interop::{Task, message};
use vesta_netio::Clock;

const PAUSE: Duration = Duration::from_micros(100);

/// As `vesta_interop::run_in_c`.
pub fn run(task: &Task) -> bool {
    let mut context = Context::new();
    context.set_aeron_dir(task.directory.clone());
    context.set_error_handler(Box::new(|error| eprintln!("aeron-rs: {error:?}")));
    let mut aeron = match Aeron::new(context) {
        Ok(aeron) => aeron,
        Err(error) => {
            eprintln!("attach to {}: {error:?}", task.directory);
            return false;
        }
    };
    let channel = CString::new(task.channel.as_str()).expect("a channel");
    let clock = Clock::new();
    let is_over = || clock.mono_ns() > task.patience_ms * 1_000_000;
    if task.is_publisher {
        publish(&mut aeron, channel, task, &is_over)
    } else {
        subscribe(&mut aeron, channel, task, &is_over)
    }
}

fn publish(aeron: &mut Aeron, channel: CString, task: &Task, is_over: &dyn Fn() -> bool) -> bool {
    let id = aeron.add_publication(channel, task.stream).expect("a publication");
    let publication = loop {
        match aeron.find_publication(id) {
            Ok(publication) => break publication,
            Err(error) if is_over() => panic!("no publication: {error:?}"),
            Err(_) => std::thread::sleep(PAUSE),
        }
    };
    let mut next = 0;
    while next < task.count {
        let mut bytes = message(next, &task.lengths);
        let buffer = AtomicBuffer::wrap_slice(&mut bytes);
        let taken = publication.lock().expect("ours").offer_part(buffer, 0, bytes.len() as i32);
        match taken {
            Ok(_) => next += 1,
            Err(error) if is_over() => {
                eprintln!("message {next} was not taken: {error:?}");
                return false;
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    // The reader says when it has them all, by ending: until then the driver repairs what is lost.
    while publication.lock().expect("ours").is_connected() && !is_over() {
        std::thread::sleep(PAUSE);
    }
    true
}

fn subscribe(aeron: &mut Aeron, channel: CString, task: &Task, is_over: &dyn Fn() -> bool) -> bool {
    let id = aeron.add_subscription(channel, task.stream).expect("a subscription");
    let subscription = loop {
        match aeron.find_subscription(id) {
            Ok(subscription) => break subscription,
            Err(error) if is_over() => panic!("no subscription: {error:?}"),
            Err(_) => std::thread::sleep(PAUSE),
        }
    };
    let (mut next, mut is_wrong) = (0, false);
    let mut take = |buffer: &AtomicBuffer, offset, length, _: &Header| {
        is_wrong |= buffer.as_sub_slice(offset, length) != message(next, &task.lengths);
        next += 1;
    };
    let mut assembler = FragmentAssembler::new(&mut take, None);
    let mut handler = assembler.handler();
    let mut taken = 0;
    // Fragments are counted here, messages by the handler, which holds its count until the end.
    let fragments: u64 =
        (0..task.count).map(|n| fragments_of(message(n, &task.lengths).len())).sum();
    while taken < fragments && !is_over() {
        let count = subscription.lock().expect("ours").poll(&mut handler, 10);
        taken += u64::try_from(count).unwrap_or(0);
        if count <= 0 {
            std::thread::sleep(PAUSE);
        }
    }
    drop(handler);
    if next < task.count || is_wrong {
        eprintln!("{next} of {} messages came, {taken} of {fragments} fragments", task.count);
    }
    next == task.count && !is_wrong
}

/// Fragments of a message at the drivers' MTU.
fn fragments_of(length: usize) -> u64 {
    const PAYLOAD: usize = 1_408 - 32;
    length.div_ceil(PAYLOAD) as u64
}
