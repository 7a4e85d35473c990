//! The hash that two copies of a book are compared by.
//!
//! A book's hash is the wrapping *sum* of one hash per resting order, with its priority stamp, so
//! it is kept up to date with one addition or subtraction per change, and does not depend on the
//! order in which a copy walks its orders. The fast book, the naive model and a snapshot compute
//! the same value.

use crate::{ClientOrderId, InstrumentId, OrderId, PriceTicks, QtyLots, SessionId, Side};

/// A resting order as far as the hash is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// The engine's id.
    pub order_id: OrderId,
    /// The owner.
    pub session: SessionId,
    /// The owner's id.
    pub client_order_id: ClientOrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Whether a replace that would cross is rejected.
    pub post_only: bool,
    /// Its price in ticks.
    pub price: PriceTicks,
    /// What is left open, in lots.
    pub qty: QtyLots,
    /// When it entered its level: dense from 1 per shard, one for each entry into any queue. Among
    /// orders of a level the smaller stamp trades first.
    pub priority: u64,
}

/// One order's share of its book's hash.
#[must_use]
pub fn order_hash(order: &RestingOrder) -> u64 {
    let flags = (order.side as u64) | (u64::from(order.post_only) << 8);
    hash_words(&[
        order.order_id.0,
        u64::from(order.session.0),
        order.client_order_id.0,
        u64::from(order.instrument.0),
        flags,
        order.price.0 as u64,
        order.qty.0,
        order.priority,
    ])
}

/// A 64-bit hash of a short list of words: each word is folded in with the finalizer of
/// MurmurHash3 (Appleby, public domain), whose every output bit depends on every input bit.
#[must_use]
pub fn hash_words(words: &[u64]) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15_u64;
    for &word in words {
        hash = mix(hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    mix(hash)
}

const fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_counts() {
        let base = RestingOrder {
            order_id: OrderId(1),
            session: SessionId(2),
            client_order_id: ClientOrderId(3),
            instrument: InstrumentId(4),
            side: Side::Buy,
            post_only: false,
            price: PriceTicks(5),
            qty: QtyLots(6),
            priority: 7,
        };
        let others = [
            RestingOrder { order_id: OrderId(9), ..base },
            RestingOrder { session: SessionId(9), ..base },
            RestingOrder { client_order_id: ClientOrderId(9), ..base },
            RestingOrder { instrument: InstrumentId(9), ..base },
            RestingOrder { side: Side::Sell, ..base },
            RestingOrder { post_only: true, ..base },
            RestingOrder { price: PriceTicks(9), ..base },
            RestingOrder { qty: QtyLots(9), ..base },
            RestingOrder { priority: 9, ..base },
        ];
        for other in others {
            assert_ne!(order_hash(&base), order_hash(&other), "{other:?}");
        }
    }

    #[test]
    fn the_hash_is_pinned() {
        // Snapshots and replicas compare this value across versions: it may never change.
        assert_eq!(hash_words(&[]), 0x9ca0_66f1_a4ab_2eea);
    }
}
