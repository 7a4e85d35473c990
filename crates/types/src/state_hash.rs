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

/// What the hash takes of every order. Few orders have more.
#[derive(Clone, Copy, Debug)]
pub struct HashHead {
    /// [`LiveOrder::order_id`].
    pub order_id: u64,
    /// Session and instrument.
    pub place: (u32, u32),
    /// Its owner's name for it.
    pub client_order_id: u64,
    /// Side, type, time in force, post-only, hidden (1) and all-or-none (2), self-trade, peg, phase.
    pub kind: [u8; 8],
    /// [`LiveOrder::queue_price`].
    pub queue_price: i64,
    /// What is open.
    pub qty: u64,
    /// [`LiveOrder::priority`].
    pub priority: u64,
    /// The account.
    pub account: u64,
    /// The self-trade group.
    pub stp_group: u32,
    /// The price of its terms.
    pub price: i64,
    /// What is displayed.
    pub displayed: u64,
}

impl HashHead {
    /// The hash of an order that has nothing else: display and minimum quantity, trigger, distances,
    /// expiry and budget are 0.
    #[inline]
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash_with([0; 7])
    }

    #[inline]
    const fn hash_with(&self, tail: [u64; 7]) -> u64 {
        let [display_qty, min_qty, stop_price, trail, offset, expires, budget] = tail;
        let place = (self.place.0 as u64) | (self.place.1 as u64) << 32;
        // The pairs do not wait for each other, which takes a third of the time of hash_words. For an
        // order without a tail the last three are constants.
        let head = fold(0, self.order_id, place)
            .wrapping_add(fold(1, self.client_order_id, u64::from_le_bytes(self.kind)))
            .wrapping_add(fold(2, self.queue_price as u64, self.qty))
            .wrapping_add(fold(3, self.priority, self.account))
            .wrapping_add(fold(4, self.price as u64, self.stp_group as u64))
            .wrapping_add(fold(5, self.displayed, display_qty));
        let tail = fold(6, min_qty, stop_price)
            .wrapping_add(fold(7, trail, offset))
            .wrapping_add(fold(8, expires, budget));
        mix(head.wrapping_add(tail))
    }
}

/// One order's share of its book's hash.
#[must_use]
pub fn order_hash(order: &LiveOrder) -> u64 {
    let LiveOrder { terms, .. } = order;
    let head = HashHead {
        order_id: order.order_id.0,
        place: (terms.session.0, terms.instrument.0),
        client_order_id: terms.client_order_id.0,
        kind: [
            terms.side as u8,
            terms.order_type as u8,
            terms.time_in_force as u8,
            terms.post_only as u8,
            u8::from(terms.hidden) | u8::from(terms.all_or_none) << 1,
            terms.self_trade as u8,
            terms.peg.map_or(0, |peg| peg as u8),
            order.phase as u8,
        ],
        queue_price: order.queue_price.0,
        qty: terms.qty.0,
        priority: order.priority,
        account: terms.account.0,
        stp_group: terms.stp_group.0,
        price: terms.price.0,
        displayed: order.displayed.0,
    };
    head.hash_with([
        terms.display_qty.0,
        terms.min_qty.0,
        terms.stop_price.0 as u64,
        terms.trail_ticks,
        terms.offset_ticks,
        terms.expires.0,
        terms.budget,
    ])
}

/// Two words, each moved by a number of its own and of its pair's, multiplied: both halves of the
/// product.
#[inline]
const fn fold(pair: u64, a: u64, b: u64) -> u64 {
    let (move_a, move_b) = (mix(2 * pair + 1) | 1, mix(2 * pair + 2) | 1);
    let product = a.wrapping_add(move_a) as u128 * b.wrapping_add(move_b) as u128;
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
