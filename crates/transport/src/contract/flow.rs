//! Clauses: who decides how fast it goes. The reader, with `Retry` and the poll limit; and a
//! reader that does not poll, through back-pressure.

use super::Harness;
use super::rig::{Rig, Seen, message};
use crate::{Flow, OfferError, Publication};

/// How often each input is answered with `Retry` before it is taken.
const RETRIES: usize = 3;

/// A fragment answered with `Retry` comes again, the same, until it is taken; nothing is lost,
/// doubled or reordered.
pub fn retry_redelivers_the_same_fragment<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "retry_redelivers_the_same_fragment");
    let (mut publication, mut reader) = rig.joined();
    let sent = rig.send_many(&mut publication, 0, 60, &mut []);

    let mut refused: Option<Seen> = None;
    let mut refusals = 0;
    rig.until("every message to arrive through retries", || {
        reader.poll_with(4, |input| {
            if let Some(refused) = &refused {
                assert_eq!(input, refused, "another input than the one to be retried");
            }
            // Every third is refused several times over; the others are taken at once.
            let Seen::Fragment { message, .. } = input else {
                panic!("only fragments were due: {input:?}")
            };
            let third = sent.iter().position(|m| m == message).is_some_and(|at| at % 3 == 0);
            if third && refusals < RETRIES {
                refusals += 1;
                refused = Some(input.clone());
                return Flow::Retry;
            }
            refusals = 0;
            refused = None;
            Flow::Taken
        });
        reader.fragments().count() >= sent.len()
    });
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
}

/// A message of several fragments that is answered with `Retry` comes again whole, each time, and what
/// follows it waits.
pub fn retry_redelivers_a_long_message<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "retry_redelivers_a_long_message");
    let (mut publication, mut reader) = rig.joined();
    let long = publication.message_len_max().min(3 * publication.fragment_len_max());
    let sent: Vec<_> = [long, 5, long - 1, 7]
        .into_iter()
        .enumerate()
        .map(|(number, len)| rig.send(&mut publication, &message(number, len), &mut []))
        .collect();

    let mut refusals = 0;
    rig.until("every message to arrive through retries", || {
        reader.poll_with(16, |input| {
            let Seen::Fragment { message, .. } = input else {
                panic!("only fragments were due: {input:?}")
            };
            let at = sent.iter().position(|m| m == message).expect("a message that was sent");
            if at % 2 == 0 && refusals < RETRIES {
                refusals += 1;
                return Flow::Retry;
            }
            refusals = 0;
            Flow::Taken
        });
        reader.fragments().count() >= sent.len()
    });
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
}

/// `Joined` answered with `Retry` comes again, before any fragment of its image.
pub fn retry_redelivers_joined<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "retry_redelivers_joined");
    let mut reader = rig.reader();
    let mut publication = rig.publication();
    let mut offered = Vec::new();
    let mut refusals: Vec<Seen> = Vec::new();
    rig.until("the join to be redelivered", || {
        reader.poll_with(4, |input| {
            refusals.push(input.clone());
            Flow::Retry
        });
        // Messages pile up behind the join that is not taken.
        if offered.len() < 5 && !refusals.is_empty() {
            let bytes = message(offered.len(), 16);
            offered.extend(publication.offer(&bytes));
        }
        offered.len() == 5 && refusals.len() > RETRIES
    });
    assert!(matches!(refusals[0], Seen::Joined { .. }), "not a join: {:?}", refusals[0]);
    assert!(refusals.iter().all(|input| *input == refusals[0]), "others came before the join");

    rig.until("every message to arrive", || {
        reader.poll();
        reader.fragments().count() >= offered.len()
    });
    assert_eq!(reader.seen[0], refusals[0]);
    let positions: Vec<_> = reader.fragments().map(|message| message.position).collect();
    assert_eq!(positions, offered);
}

/// `Lost` answered with `Retry` comes again.
pub fn retry_redelivers_lost<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "retry_redelivers_lost");
    let (mut publication, mut reader) = rig.joined();
    let sent = rig.send_many(&mut publication, 0, 5, &mut [&mut reader]);
    rig.until_read(&mut reader, &sent);
    drop(publication);

    let mut refusals: Vec<Seen> = Vec::new();
    rig.until("the loss to be redelivered", || {
        reader.poll_with(4, |input| {
            refusals.push(input.clone());
            Flow::Retry
        });
        refusals.len() > RETRIES
    });
    assert!(matches!(refusals[0], Seen::Lost { end_of_stream: true, .. }), "{:?}", refusals[0]);
    assert!(refusals.iter().all(|input| *input == refusals[0]), "others came before the loss");

    rig.until_lost(&mut reader);
    rig.settle(|| reader.poll());
    assert_eq!(reader.seen.last(), Some(&refusals[0]));
    assert_eq!(reader.lost().len(), 1, "lost more than once");
    reader.assert_read(&sent);
}

/// A poll takes at most its limit, `Joined` included; a limit of 0 takes nothing.
pub fn poll_takes_at_most_its_limit<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "poll_takes_at_most_its_limit");
    let mut reader = rig.reader();
    let mut publication = rig.publication();
    // `poll_with` asserts the limit on every call.
    rig.until("the reader to join", || {
        reader.poll_with(0, |_| Flow::Taken);
        assert_eq!(reader.seen, []);
        publication.is_connected() && reader.poll_with(1, |_| Flow::Taken) == 1
    });
    let sent = rig.send_many(&mut publication, 0, 40, &mut []);
    let mut limits = [0, 1, 2, 3, 7].iter().cycle();
    rig.until("every message to arrive", || {
        let limit = *limits.next().expect("a cycle has no end");
        reader.poll_with(limit, |_| Flow::Taken);
        reader.fragments().count() >= sent.len()
    });
    reader.assert_read(&sent);
}

/// A reader that does not poll makes offers return `BackPressured` after a bounded number of bytes;
/// when it polls again everything that was taken arrives, and offers are taken again.
pub fn back_pressure_is_bounded_and_recovers<H: Harness>(harness: &mut H) {
    let mut rig = Rig::new(harness, "back_pressure_is_bounded_and_recovers");
    let (mut publication, mut reader) = rig.joined();
    let limits = rig.harness.limits();
    let len = publication.fragment_len_max().min(512);

    // Refused for the whole of a settling time: the window is full to the brim. Each message that
    // is taken begins the time anew, and the bytes taken are bounded: the loop ends.
    let mut sent = Vec::new();
    let mut refused_since_ns = rig.harness.now_ns();
    while rig.harness.now_ns() - refused_since_ns <= limits.settle_ns {
        let bytes = message(sent.len(), len);
        match publication.offer(&bytes) {
            Ok(position) => {
                sent.push(super::rig::Sent { position, bytes });
                refused_since_ns = rig.harness.now_ns();
                let unread = sent.len() * len;
                assert!(unread <= limits.unread_bytes_max, "{unread} bytes taken, none read");
            }
            Err(error) => {
                assert_eq!(error, OfferError::BackPressured);
                rig.turn();
            }
        }
    }
    assert!(!sent.is_empty(), "back-pressured from the start");
    assert!(publication.is_connected(), "a slow reader is still a reader");

    rig.until_read(&mut reader, &sent);
    let count = sent.len();
    sent.extend(rig.send_many(&mut publication, count, 50, &mut [&mut reader]));
    rig.until_read(&mut reader, &sent);
    rig.settle(|| reader.poll());
    reader.assert_read(&sent);
}
