//! The hash that two copies of a book are compared by.
//!
//! A shard's hash is the wrapping *sum* of one hash per live order, with its priority stamp, one per
//! instrument and one per engaged kill switch. So it is kept up to date with one addition or
//! subtraction per change, and does not depend on the order in which a copy walks its orders. The
//! fast book, the naive model and a snapshot compute the same value.

use crate::{
    AuctionKind, Indicative, InstrumentId, KillScope, NewOrder, OrderId, OrderType, PriceTicks,
    QtyLots, TimeInForce, TradingState,
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

/// How an order differs from the plainest, in bits: what most orders have no more of.
///
/// ```text
///    0 sells   1 not displayed in its queue   2 hidden   3 all-or-none   4 minimum quantity
///    5 iceberg   6 pegged   7..8 post-only   9 for the day   10 unused   11..13 self-trade
///   14..15 phase less one
/// ```
#[inline]
#[must_use]
pub const fn kind_bits(terms: &NewOrder, phase: OrderPhase) -> u16 {
    let has_min = !terms.min_qty.is_zero();
    let is_pegged = matches!(terms.order_type, OrderType::Pegged);
    (terms.side as u16 - 1)
        | ((terms.hidden || terms.all_or_none || has_min || is_pegged) as u16) << 1
        | (terms.hidden as u16) << 2
        | (terms.all_or_none as u16) << 3
        | (has_min as u16) << 4
        | (!terms.display_qty.is_zero() as u16) << 5
        | (is_pegged as u16) << 6
        | (terms.post_only as u16) << 7
        | (matches!(terms.time_in_force, TimeInForce::Day) as u16) << 9
        | (terms.self_trade as u16) << 11
        | (phase as u16 - 1) << 14
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
    /// See [`kind_bits`].
    pub kind: u16,
    /// The self-trade group.
    pub stp_group: u32,
    /// The price of its terms.
    pub price: i64,
    /// What is open.
    pub qty: u64,
    /// [`LiveOrder::priority`].
    pub priority: u64,
    /// The account.
    pub account: u64,
}

impl HashHead {
    /// The hash of an order that has nothing else: a limit order good till cancelled or for the day,
    /// queued at its price, all of it displayed or nothing.
    #[inline]
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash_with(0)
    }

    #[inline]
    const fn hash_with(&self, tail: u64) -> u64 {
        let place = (self.place.0 as u64) | (self.place.1 as u64) << 32;
        let kind = self.kind as u64 | (self.stp_group as u64) << 32;
        // The pairs do not wait for each other.
        let sum = fold(0, self.order_id, place)
            .wrapping_add(fold(1, self.client_order_id, kind))
            .wrapping_add(fold(2, self.price as u64, self.qty))
            .wrapping_add(fold(3, self.priority, self.account))
            .wrapping_add(tail);
        fold_sum(sum)
    }
}

/// One order's share of its book's hash.
#[must_use]
pub fn order_hash(order: &LiveOrder) -> u64 {
    let LiveOrder { terms, .. } = order;
    let kind = kind_bits(terms, order.phase);
    let head = HashHead {
        order_id: order.order_id.0,
        place: (terms.session.0, terms.instrument.0),
        client_order_id: terms.client_order_id.0,
        kind,
        stp_group: terms.stp_group.0,
        price: terms.price.0,
        qty: terms.qty.0,
        priority: order.priority,
        account: terms.account.0,
    };
    let is_shown = order.phase == OrderPhase::Queued && kind & 2 == 0;
    let displayed = if is_shown { terms.qty.0 } else { 0 };
    let time_in_force = match terms.time_in_force {
        TimeInForce::Gtc | TimeInForce::Day => 0,
        other => other as u64,
    };
    // What the head does not say: all 0 for an order that has nothing else.
    let tail = [
        (terms.order_type as u64 ^ OrderType::Limit as u64)
            | time_in_force << 8
            | terms.peg.map_or(0, |peg| peg as u64) << 16,
        (order.queue_price.0 ^ terms.price.0) as u64,
        order.displayed.0 ^ displayed,
        terms.display_qty.0,
        terms.min_qty.0,
        terms.stop_price.0 as u64,
        terms.trail_ticks,
        terms.offset_ticks,
        terms.expires.0,
        terms.budget,
    ];
    let hash = match tail {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0] => 0,
        [a, b, c, d, e, f, g, h, i, j] => fold(5, a, b)
            .wrapping_add(fold(6, c, d))
            .wrapping_add(fold(7, e, f))
            .wrapping_add(fold(8, g, h))
            .wrapping_add(fold(9, i, j)),
    };
    head.hash_with(hash)
}

/// The hash of three pairs of words, for what changes with each command.
#[inline]
#[must_use]
pub const fn hash_pairs(pairs: [(u64, u64); 3]) -> u64 {
    let [(a, b), (c, d), (e, f)] = pairs;
    // They do not wait for each other.
    fold_sum(fold(5, a, b).wrapping_add(fold(6, c, d)).wrapping_add(fold(7, e, f)))
}

/// Once more: hashes are added up, too, and without it two of them could swap pairs. The shift makes a
/// difference between two sums another one for each sum.
#[inline]
const fn fold_sum(sum: u64) -> u64 {
    let sum = sum ^ sum >> 32;
    fold(4, sum, sum.rotate_left(32))
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
    fn two_orders_may_not_swap_what_they_are() {
        let order = |n: u64, priority: u64| LiveOrder {
            order_id: OrderId(n),
            terms: NewOrder::limit(
                SessionId(1),
                ClientOrderId(n),
                InstrumentId(1),
                Side::Buy,
                PriceTicks(5),
                QtyLots(6),
            ),
            phase: OrderPhase::Queued,
            queue_price: PriceTicks(5),
            displayed: QtyLots(6),
            priority,
        };
        let sum = |a: LiveOrder, b: LiveOrder| order_hash(&a).wrapping_add(order_hash(&b));
        assert_ne!(sum(order(1, 7), order(2, 8)), sum(order(1, 8), order(2, 7)));
    }

    #[test]
    fn no_bit_of_an_order_is_hidden_by_another() {
        // Each bit of the hash changes in about half of 4,000 single steps of ids, prices and the like.
        let head = |n: u64, field: u64| HashHead {
            order_id: n + u64::from(field == 0),
            place: (1, 1),
            client_order_id: n + u64::from(field == 1),
            kind: 0,
            stp_group: u32::from(field == 2),
            price: 1_000 + i64::from(field == 3),
            qty: 10 + u64::from(field == 4),
            priority: n + u64::from(field == 5),
            account: u64::from(field == 6),
        };
        for field in 0..7 {
            let mut flips = [0; 64];
            for n in 1..=4_000 {
                let changed = head(n, field).hash() ^ head(n, 7).hash();
                (0..64).for_each(|bit| flips[bit] += changed >> bit & 1);
            }
            for (bit, flips) in flips.into_iter().enumerate() {
                assert!((1_800..=2_200).contains(&flips), "field {field}, bit {bit}: {flips}");
            }
        }
    }

    #[test]
    fn the_hash_is_pinned() {
        // Snapshots and replicas compare this value across versions: it may never change.
        assert_eq!(hash_words(&[]), 0x9ca0_66f1_a4ab_2eea);
        let plain = LiveOrder {
            order_id: OrderId(1),
            terms: NewOrder::limit(
                SessionId(2),
                ClientOrderId(3),
                InstrumentId(4),
                Side::Buy,
                PriceTicks(5),
                QtyLots(6),
            ),
            phase: OrderPhase::Queued,
            queue_price: PriceTicks(5),
            displayed: QtyLots(6),
            priority: 7,
        };
        let iceberg = LiveOrder {
            terms: NewOrder { display_qty: QtyLots(2), ..plain.terms },
            displayed: QtyLots(2),
            ..plain
        };
        let stop = LiveOrder {
            terms: NewOrder {
                order_type: OrderType::Stop,
                stop_price: PriceTicks(8),
                price: PriceTicks(0),
                ..plain.terms
            },
            phase: OrderPhase::Waiting,
            queue_price: PriceTicks(0),
            displayed: QtyLots::ZERO,
            ..plain
        };
        let hashes = [plain, iceberg, stop].map(|order| order_hash(&order));
        let pinned = [0x2eff_6d3f_ea36_7b44, 0xd2e6_5fd0_cb4d_f2a7, 0x8b93_0b00_ca41_37e5];
        assert_eq!(hashes, pinned);
    }
}
