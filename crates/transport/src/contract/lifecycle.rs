//! Clauses: how a publisher's life ends, and that the next one is another.

use vesta_types::StreamPosition;

use super::Harness;
use super::rig::Rig;

/// Dropping a publication ends its stream in good order: every message is delivered, also those
/// that were still on their way, then `Lost` with `end_of_stream`, once.
pub fn an_orderly_close_ends_the_stream<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "an_orderly_close_ends_the_stream");
    let (mut publication, mut reader) = rig.joined();
    let image = reader.joined()[0].0;
    let sent = rig.send_many(&mut publication, 0, 50, &mut [&mut reader]);
    drop(publication);

    rig.until_lost(&mut reader);
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
    assert_eq!(reader.lost(), [(image, true)]);
}

/// A publication that closes without having sent anything ends in good order too.
pub fn a_close_right_after_joining_ends_the_stream<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "a_close_right_after_joining_ends_the_stream");
    let (publication, mut reader) = rig.joined();
    let image = reader.joined()[0].0;
    drop(publication);

    rig.until_lost(&mut reader);
    assert_eq!(reader.lost(), [(image, true)]);
    reader.assert_read(&[]);
}

/// A publisher that dies without a goodbye: what had reached the reader is delivered, then `Lost`
/// without `end_of_stream`.
pub fn an_abrupt_death_loses_the_image<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "an_abrupt_death_loses_the_image");
    let (mut publication, mut reader) = rig.joined();
    let image = reader.joined()[0].0;
    let sent = rig.send_many(&mut publication, 0, 50, &mut [&mut reader]);
    rig.settle(|| {});
    rig.kill_publisher(publication);

    rig.until_lost(&mut reader);
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
    assert_eq!(reader.lost(), [(image, false)]);
}

/// A publisher that comes back after a crash is another image, which begins at 0.
pub fn a_restarted_publisher_is_a_new_image<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "a_restarted_publisher_is_a_new_image");
    let (mut publication, mut reader) = rig.joined();
    let mut sent = rig.send_many(&mut publication, 0, 5, &mut [&mut reader]);
    rig.until_read(&mut reader, &sent);
    rig.kill_publisher(publication);

    let mut publication = rig.publication_elsewhere();
    rig.until("the new life to be joined and the old one lost", || {
        reader.poll();
        reader.joined().len() == 2 && reader.lost().len() == 1
    });
    let joined = reader.joined();
    assert_ne!(joined[0].0, joined[1].0, "a new life under the old image id");
    assert_eq!(joined[1].1, StreamPosition(0));
    assert_eq!(reader.lost(), [(joined[0].0, false)]);

    let again = rig.send_many(&mut publication, 5, 5, &mut [&mut reader]);
    sent.extend(again.iter().cloned());
    rig.until_read(&mut reader, &sent);
    assert_eq!(reader.fragments_of(joined[1].0), again);
}
