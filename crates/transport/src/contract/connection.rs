//! Clauses: what a publication knows of its readers, and where readers join.

use vesta_types::StreamPosition;

use super::Harness;
use super::rig::{Rig, assert_same, message};
use crate::{OfferError, Publication};

/// With no reader a publication is not connected and takes nothing; once a reader has joined it
/// counts it, and the reader gets nothing of what was refused.
pub fn without_a_reader_nothing_is_taken<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "without_a_reader_nothing_is_taken");
    let mut publication = rig.publication();
    rig.settle(|| {
        assert!(!publication.is_connected(), "connected without a reader");
        assert_eq!(publication.reader_count(), 0);
        assert_eq!(publication.offer(&message(0, 8)), Err(OfferError::NotConnected));
    });

    let reader = rig.reader();
    let (mut publication, mut readers) = rig.connect(publication, vec![reader]);
    rig.until("the reader to be counted", || publication.reader_count() == 1);
    let sent = rig.send_many(&mut publication, 1, 3, &mut [&mut readers[0]]);
    rig.until_read(&mut readers[0], &sent);
    readers[0].assert_read(&sent);
}

/// A reader that was there first joins at position 0, before the first message.
pub fn an_early_reader_joins_at_zero<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "an_early_reader_joins_at_zero");
    let (mut publication, mut reader) = rig.joined();
    assert_eq!(reader.joined()[0].1, StreamPosition(0));
    assert_eq!(reader.fragments().count(), 0, "a message before any was sent");

    let sent = rig.send_many(&mut publication, 0, 20, &mut [&mut reader]);
    rig.until_read(&mut reader, &sent);
    reader.assert_read(&sent);
    assert_eq!(reader.joined().len(), 1, "joined again without having lost the image");
}

/// A reader that comes later joins above 0, and gets every message from there on.
pub fn a_late_reader_joins_above_zero<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "a_late_reader_joins_above_zero");
    let (mut publication, mut early) = rig.joined();
    let mut sent = rig.send_many(&mut publication, 0, 30, &mut [&mut early]);
    rig.until_read(&mut early, &sent);

    let mut late = rig.reader_elsewhere();
    rig.until("the late reader to join", || {
        early.poll();
        late.poll();
        !late.joined().is_empty()
    });
    let (image, position) = late.joined()[0];
    assert!(position > StreamPosition(0), "a late reader joined at 0");
    assert!(position <= sent[29].position, "joined at {position}, above all that was sent");

    sent.extend(rig.send_many(&mut publication, 30, 30, &mut [&mut early, &mut late]));
    let from_there: Vec<_> = sent.iter().filter(|m| m.position > position).cloned().collect();
    rig.until("every message to arrive at both", || {
        early.poll();
        late.poll();
        early.fragments().count() >= sent.len() && late.fragments().count() >= from_there.len()
    });
    early.assert_read(&sent);
    assert_same(&late.fragments_of(image), &from_there);
}

/// A reader that leaves stops neither the publisher nor the other reader.
pub fn a_reader_that_leaves_does_not_stop_the_others<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "a_reader_that_leaves_does_not_stop_the_others");
    let readers = vec![rig.reader(), rig.reader_elsewhere()];
    let publication = rig.publication();
    let (mut publication, mut readers) = rig.connect(publication, readers);
    let mut stays = readers.remove(0);
    let mut leaves = readers.remove(0);

    let mut sent = rig.send_many(&mut publication, 0, 20, &mut [&mut stays, &mut leaves]);
    rig.until_read(&mut leaves, &sent[..1]);
    drop(leaves);

    // Far more than the window: whoever waited for the one that left would never get through.
    let len = publication.fragment_len_max();
    let count = 2 * rig.harness.limits().unread_bytes_max / len + 10;
    for number in 20..20 + count {
        sent.push(rig.send(&mut publication, &message(number, len), &mut [&mut stays]));
    }
    rig.until_read(&mut stays, &sent);
    stays.assert_read(&sent);
    assert_eq!(stays.lost(), [], "the reader that stayed lost its image");
}

/// When the last reader leaves, the publication notices, and takes nothing any more. It may be for
/// good only at the second time: a status message that was under way as the reader left connects it
/// once more (seen with a driver whose sender and receiver are two threads).
pub fn the_last_reader_to_leave_disconnects<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "the_last_reader_to_leave_disconnects");
    let (mut publication, mut reader) = rig.joined();
    let sent = rig.send_many(&mut publication, 0, 5, &mut [&mut reader]);
    rig.until_read(&mut reader, &sent);
    drop(reader);

    rig.until("the publication to notice that nobody reads", || {
        !publication.is_connected()
            && publication.reader_count() == 0
            && publication.offer(&message(5, 8)) == Err(OfferError::NotConnected)
    });
}
