//! The hash that two copies of a book are compared by.
//!
//! A shard's hash is the wrapping *sum* of one hash per live order, with its priority stamp, one per
//! instrument and one per engaged kill switch. So it is kept up to date with one addition or
//! subtraction per change, and does not depend on the order in which a copy walks its orders. The
//! fast book, the naive model and a snapshot compute the same value.

use crate::{
    AuctionKind, Indicative, InstrumentId, KillScope, NewOrder, OrderId, PriceTicks, QtyLots,
    TradingState,
};

/// Where a live order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OrderPhase {
    /// In a queue of the book, displayed or hidden.
    Queued = 1,
    /// A stop that waits for its trigger.
    Waiting = 2,
    /// An auction-only order that waits for its auction.
    ForAuction = 3,
    /// A pegged order that has nothing to follow.
    Parked = 4,
}

/// A live order as far as the hash, an observer and a snapshot are concerned: all that decides what
/// it will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveOrder {
    /// The engine's id.
    pub order_id: OrderId,
    /// As the order was given, but for what has changed since: `qty` is what is open, reserve
    /// included; `price`, `stop_price` are those in force (a pegged order's `price` is the worst it
    /// follows to, as given).
    pub terms: NewOrder,
    /// Where it is.
    pub phase: OrderPhase,
    /// The price at which it is queued, in ticks: that of `terms` unless it is pegged. 0 when it is
    /// not queued.
    pub queue_price: PriceTicks,
    /// What is displayed of it, in lots; 0 when nothing is.
    pub displayed: QtyLots,
    /// Given at each entry into any queue, those for stops and auctions included: dense from 1 per
    /// shard. Among orders of a queue the smaller stamp trades first. 0 before the first.
    pub priority: u64,
}

/// One order's share of its book's hash.
#[must_use]
pub fn order_hash(order: &LiveOrder) -> u64 {
    let LiveOrder { terms, .. } = order;
    let kind = [
        terms.side as u8,
        terms.order_type as u8,
        terms.time_in_force as u8,
        terms.post_only as u8,
        u8::from(terms.hidden) | u8::from(terms.all_or_none) << 1,
        terms.self_trade as u8,
        terms.peg.map_or(0, |peg| peg as u8),
        order.phase as u8,
    ];
    let plain = [
        order.order_id.0,
        u64::from(terms.session.0) | u64::from(terms.instrument.0) << 32,
        terms.client_order_id.0,
        u64::from_le_bytes(kind),
        order.queue_price.0 as u64,
        terms.qty.0,
        order.priority,
    ];
    let rest = [
        terms.account.0,
        u64::from(terms.stp_group.0),
        terms.price.0 as u64,
        order.displayed.0,
        terms.display_qty.0,
        terms.min_qty.0,
        terms.stop_price.0 as u64,
        terms.trail_ticks,
        terms.offset_ticks,
        terms.expires.0,
        terms.budget,
    ];
    let rest = rest.chunks(2).zip(&FACTORS[4..]).map(|(pair, factors)| fold(pair, factors));
    let plain = plain.chunks(2).zip(&FACTORS).map(|(pair, factors)| fold(pair, factors));
    mix(plain.chain(rest).fold(0, u64::wrapping_add))
}

/// Numbers without a pattern, a pair for each pair of words: what [`hash_words`] makes of 1, 2, 3...
const FACTORS: [[u64; 2]; 10] = {
    let mut factors = [[0; 2]; 10];
    let mut i = 0;
    while i < factors.len() {
        factors[i] = [mix(2 * i as u64 + 1) | 1, mix(2 * i as u64 + 2) | 1];
        i += 1;
    }
    factors
};

/// One or two words, each moved by a factor of its own, multiplied: both halves of the product. The
/// pairs of an order do not wait for each other, which takes a third of the time of [`hash_words`].
fn fold(pair: &[u64], factors: &[u64; 2]) -> u64 {
    let second = pair.get(1).copied().unwrap_or(0);
    let product =
        u128::from(pair[0].wrapping_add(factors[0])) * u128::from(second.wrapping_add(factors[1]));
    (product as u64) ^ (product >> 64) as u64
}

/// An instrument as far as the hash is concerned, beside its orders and the rules of its definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstrumentStatus {
    /// Which one.
    pub instrument: InstrumentId,
    /// What it does just now.
    pub state: TradingState,
    /// The auction that the state is a call for.
    pub auction: Option<AuctionKind>,
    /// The last trade's price in ticks; 0 before the first.
    pub last_price: PriceTicks,
    /// The reference price in force, in ticks; 0 for none.
    pub reference_price: PriceTicks,
    /// True while its kill switch is engaged.
    pub killed: bool,
    /// What was last told of the auction that is being called; `None` outside a call and before.
    pub told: Option<Indicative>,
}

/// One instrument's share of the hash.
#[must_use]
pub fn status_hash(status: &InstrumentStatus) -> u64 {
    hash_words(&[
        u64::from(status.instrument.0),
        status.state as u64,
        status.auction.map_or(0, |auction| auction as u64),
        status.last_price.0 as u64,
        status.reference_price.0 as u64,
        u64::from(status.killed),
        status.told.map_or(0, |told| {
            hash_words(&[
                told.price.0 as u64,
                told.qty.0,
                told.imbalance.0,
                told.imbalance_side.map_or(0, |side| side as u64),
            ])
        }),
    ])
}

/// The share of an engaged kill switch for everything, a session or an account. (An instrument's is
/// in its [`InstrumentStatus`].)
#[must_use]
pub fn kill_hash(scope: KillScope) -> u64 {
    let (kind, id) = match scope {
        KillScope::All => (1, 0),
        KillScope::Session(session) => (2, u64::from(session.0)),
        KillScope::Account(account) => (3, account.0),
        KillScope::Instrument(instrument) => (4, u64::from(instrument.0)),
    };
    hash_words(&[0x6b69_6c6c, kind, id])
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
    use crate::*;

    #[test]
    fn every_field_counts() {
        let terms = NewOrder {
            account: AccountId(8),
            peg: Some(PegReference::Primary),
            ..NewOrder::limit(
                SessionId(2),
                ClientOrderId(3),
                InstrumentId(4),
                Side::Buy,
                PriceTicks(5),
                QtyLots(6),
            )
        };
        let base = LiveOrder {
            order_id: OrderId(1),
            terms,
            phase: OrderPhase::Queued,
            queue_price: PriceTicks(5),
            displayed: QtyLots(6),
            priority: 7,
        };
        let with = |terms| LiveOrder { terms, ..base };
        let others = [
            LiveOrder { order_id: OrderId(9), ..base },
            LiveOrder { phase: OrderPhase::Waiting, ..base },
            LiveOrder { queue_price: PriceTicks(9), ..base },
            LiveOrder { displayed: QtyLots(9), ..base },
            LiveOrder { priority: 9, ..base },
            with(NewOrder { session: SessionId(9), ..terms }),
            with(NewOrder { client_order_id: ClientOrderId(9), ..terms }),
            with(NewOrder { account: AccountId(9), ..terms }),
            with(NewOrder { instrument: InstrumentId(9), ..terms }),
            with(NewOrder { side: Side::Sell, ..terms }),
            with(NewOrder { order_type: OrderType::Stop, ..terms }),
            with(NewOrder { time_in_force: TimeInForce::Day, ..terms }),
            with(NewOrder { post_only: PostOnly::Reject, ..terms }),
            with(NewOrder { hidden: true, ..terms }),
            with(NewOrder { all_or_none: true, ..terms }),
            with(NewOrder { stp_group: StpGroup(9), ..terms }),
            with(NewOrder { self_trade: SelfTrade::Decrement, ..terms }),
            with(NewOrder { price: PriceTicks(9), ..terms }),
            with(NewOrder { qty: QtyLots(9), ..terms }),
            with(NewOrder { display_qty: QtyLots(9), ..terms }),
            with(NewOrder { min_qty: QtyLots(9), ..terms }),
            with(NewOrder { stop_price: PriceTicks(9), ..terms }),
            with(NewOrder { trail_ticks: 9, ..terms }),
            with(NewOrder { offset_ticks: 9, ..terms }),
            with(NewOrder { peg: None, ..terms }),
            with(NewOrder { expires: TimeNs(9), ..terms }),
            with(NewOrder { budget: 9, ..terms }),
        ];
        for (i, other) in others.iter().enumerate() {
            assert_ne!(order_hash(&base), order_hash(other), "{other:?}");
            for another in &others[..i] {
                assert_ne!(order_hash(another), order_hash(other), "{another:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_hash_is_pinned() {
        // Snapshots and replicas compare this value across versions: it may never change.
        assert_eq!(hash_words(&[]), 0x9ca0_66f1_a4ab_2eea);
    }
}
