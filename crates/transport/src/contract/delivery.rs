//! Clauses: what is offered arrives in order, once and intact, at every reader.

use super::Harness;
use super::rig::{Rig, assert_same, message};
use crate::{MESSAGE_LEN_MAX, OfferError, Publication};

/// The most messages of one clause, whatever the window is.
const MESSAGES_MAX: usize = 5_000;

/// Messages of every length from 1 byte to `fragment_len_max` arrive in order, once and intact,
/// over several windows' worth of bytes, each at the position that its offer returned.
pub fn messages_arrive_in_order_once_and_intact<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "messages_arrive_in_order_once_and_intact");
    let (mut publication, mut reader) = rig.joined();
    let len_max = publication.fragment_len_max();
    let edges = [1, 2, 7, 8, 31, 32, 33, 64, len_max / 2, len_max - 1, len_max];
    let bytes_wanted = 4 * rig.harness.limits().unread_bytes_max;

    let mut sent = Vec::new();
    let mut bytes_sent = 0;
    while bytes_sent < bytes_wanted && sent.len() < MESSAGES_MAX || sent.len() < edges.len() {
        let number = sent.len();
        let len = edges.get(number).copied().unwrap_or(1 + (number * 7919) % len_max);
        bytes_sent += len;
        sent.push(rig.send(&mut publication, &message(number, len), &mut [&mut reader]));
        if number % 5 == 0 {
            reader.poll();
            rig.turn();
        }
    }
    rig.until_read(&mut reader, &sent);
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
}

/// Messages of several fragments, up to `message_len_max`, arrive whole and once, in their place
/// among those of one, each at the position that its offer returned.
pub fn long_messages_arrive_whole<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "long_messages_arrive_whole");
    let (mut publication, mut reader) = rig.joined();
    let (one, longest) = (publication.fragment_len_max(), publication.message_len_max());
    assert!(one <= longest && longest <= MESSAGE_LEN_MAX, "{one} to {longest} bytes");
    let lens = [one + 1, 2 * one, 3, 2 * one + 1, longest - 1, longest, 1, longest / 2 + 1, one];

    let mut sent = Vec::new();
    for (number, len) in lens.into_iter().cycle().take(4 * lens.len()).enumerate() {
        let bytes = message(number, len.min(longest));
        sent.push(rig.send(&mut publication, &bytes, &mut [&mut reader]));
        if number % 3 == 0 {
            reader.poll();
            rig.turn();
        }
    }
    rig.until_read(&mut reader, &sent);
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
}

/// A message above `message_len_max` is refused with `TooLong`, and nothing of it is sent.
pub fn a_message_too_long_is_refused_and_nothing_of_it_sent<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "a_message_too_long_is_refused_and_nothing_of_it_sent");
    let (mut publication, mut reader) = rig.joined();
    let len_max = publication.message_len_max();
    assert!(len_max > 0);

    let mut sent = rig.send_many(&mut publication, 0, 1, &mut [&mut reader]);
    for len in [len_max + 1, 4 * len_max] {
        let refused = publication.offer(&message(1, len));
        assert_eq!(refused, Err(OfferError::TooLong { len, len_max }));
    }
    sent.extend(rig.send_many(&mut publication, 2, 1, &mut [&mut reader]));
    assert!(sent[1].position > sent[0].position);

    rig.until_read(&mut reader, &sent);
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
}

/// Two publishers on one stream are two images, each in order and complete.
pub fn two_publishers_are_two_images<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "two_publishers_are_two_images");
    let mut reader = rig.reader();
    let mut first = rig.publication();
    let mut second = rig.publication_elsewhere();
    rig.until("two images to be joined and both publications to connect", || {
        reader.poll();
        reader.joined().len() == 2 && first.is_connected() && second.is_connected()
    });

    let (mut by_first, mut by_second) = (Vec::new(), Vec::new());
    for number in 0..100 {
        // Odd lengths from one, even ones from the other: it shows which image is whose.
        let odd = message(number, 1 + (number * 10) % 200);
        let even = message(number, 2 + (number * 10) % 200);
        by_first.push(rig.send(&mut first, &odd, &mut [&mut reader]));
        by_second.push(rig.send(&mut second, &even, &mut [&mut reader]));
    }
    let all = [by_first.clone(), by_second.clone()].concat();
    rig.until_read(&mut reader, &all);
    rig.settle(|| reader.poll());

    let images = reader.joined();
    assert_ne!(images[0].0, images[1].0, "two publishers under one image id");
    let mut read = [reader.fragments_of(images[0].0), reader.fragments_of(images[1].0)];
    if read[0].first().is_some_and(|message| message.bytes.len() % 2 == 0) {
        read.swap(0, 1);
    }
    assert_same(&read[0], &by_first);
    assert_same(&read[1], &by_second);
}

/// Two readers of one publisher each get every message.
pub fn two_readers_each_get_everything<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "two_readers_each_get_everything");
    let readers = vec![rig.reader(), rig.reader_elsewhere()];
    let publication = rig.publication();
    let (mut publication, mut readers) = rig.connect(publication, readers);
    let [a, b] = &mut readers[..] else { unreachable!("two went in") };

    let mut sent = Vec::new();
    for batch in 0..20 {
        sent.extend(rig.send_many(&mut publication, batch * 10, 10, &mut [a, b]));
        rig.turn();
        a.poll();
        b.poll();
    }
    rig.until("every message to arrive at both", || {
        a.poll();
        b.poll();
        a.fragments().count() >= sent.len() && b.fragments().count() >= sent.len()
    });
    a.assert_read(&sent);
    b.assert_read(&sent);
}
