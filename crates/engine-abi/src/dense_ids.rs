//! Ids as a sequencer would give them: dense, in order of arrival.

use crate::abi::{Message, NEW};

/// Renumbers the orders of a workload: the first new order becomes 1, the next 2, and so on, and
/// cancels and modifies follow the order that their id named when they came.
///
/// An id that is used again names a new order, and gets a new number. A cancel or modify of an id
/// that no earlier message issued gets a number above all that the workload issues: it stays an
/// order that nobody has heard of.
pub fn dense_ids(messages: &mut [Message]) {
    let is_new = |m: &&Message| m.kind == NEW;
    // By rank instead of by a map: no hash, and ids may be as sparse as they like.
    let mut ids: Vec<u64> = messages.iter().filter(is_new).map(|m| m.order.order_id).collect();
    let mut unissued_next = ids.len() as u64 + 1;
    ids.sort_unstable();
    ids.dedup();
    // 0 until it is issued.
    let mut number_of = vec![0_u64; ids.len()];
    let mut issued_last = 0;
    for Message { kind, order, .. } in messages {
        let rank = ids.binary_search(&order.order_id).ok();
        let number = rank.map_or(0, |rank| number_of[rank]);
        order.order_id = match rank {
            Some(rank) if *kind == NEW => {
                issued_last += 1;
                number_of[rank] = issued_last;
                issued_last
            }
            Some(_) if number != 0 => number,
            _ => {
                unissued_next += 1;
                unissued_next - 1
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{CANCEL, MODIFY, Order};

    #[test]
    fn orders_are_numbered_as_they_come() {
        let message = |(kind, order_id)| {
            let order = Order { order_id, sequence_number: 77, ..Order::default() };
            Message { kind, order, ..Message::default() }
        };
        let before = [
            (CANCEL, 50), // not issued yet
            (NEW, 50),
            (NEW, u64::MAX),
            (MODIFY, 50),
            (CANCEL, u64::MAX),
            (CANCEL, 50),
            (NEW, 50),   // used again
            (CANCEL, 3), // never issued
            (CANCEL, 50),
            (NEW, 0),
        ];
        let mut messages = before.map(message);
        dense_ids(&mut messages);
        let after = messages.map(|m| (m.kind, m.order.order_id));
        let expected = [
            (CANCEL, 5),
            (NEW, 1),
            (NEW, 2),
            (MODIFY, 1),
            (CANCEL, 2),
            (CANCEL, 1),
            (NEW, 3),
            (CANCEL, 6),
            (CANCEL, 3),
            (NEW, 4),
        ];
        assert_eq!(after, expected);
        assert!(messages.iter().all(|m| m.order.sequence_number == 77), "nothing else changes");
    }
}
