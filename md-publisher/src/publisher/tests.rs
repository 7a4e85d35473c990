//! Each event, and what the public learns of it.

use super::*;
use vesta_types::Side::{Buy, Sell};
use vesta_types::{AuctionKind, CancelReason, InstrumentRules, TradingState};
use vesta_wire::event::{EventStamp, FillParty};
use vesta_wire::{Decimal, Symbol, encode, md, open_frame};

/// Bytes of a frame in these tests: room for a few messages.
const FRAME_LEN: usize = 300;

/// A publisher, and the number of the event that comes next.
struct Rig {
    publisher: Publisher,
    next: u64,
}

fn rig() -> Rig {
    rig_with(1 << 20)
}

fn rig_with(pending_bytes_max: usize) -> Rig {
    rig_where(pending_bytes_max, &InstrumentRules::new(PriceTicks(1_000), QtyLots(100)))
}

fn rig_where(pending_bytes_max: usize, rules: &InstrumentRules) -> Rig {
    let settings = Settings {
        shard: ShardId(1),
        pending_bytes_max,
        snapshot_interval_ns: 1,
        heartbeat_interval_ns: 1,
    };
    let mut rig = Rig { publisher: Publisher::new(settings, FRAME_LEN), next: 1 };
    let define = InstrumentDefined {
        stamp: rig.stamp(),
        rules: rules.into(),
        symbol: Symbol::new("BTC-USD").unwrap(),
        instrument: 1.into(),
        tick_size: Decimal { mantissa: 1.into(), exponent: -2 },
        lot_size: Decimal { mantissa: 1.into(), exponent: -4 },
        reserved: [0; 2],
    };
    rig.event(&define).unwrap();
    rig
}

impl Rig {
    fn stamp(&self) -> EventStamp {
        let time_ns = self.next * 10;
        EventStamp { event_seq: self.next.into(), seq: 1.into(), time_ns: time_ns.into() }
    }

    fn event<M: Message>(&mut self, event: &M) -> Result<(), PublishError> {
        let mut bytes = vec![0; M::LEN];
        encode(event, &mut bytes);
        let event_seq = EventSeq(self.next);
        self.next += 1;
        self.publisher.on_event(event_seq, &bytes)
    }

    fn rested(&mut self, order_id: u64, side: Side, price: i64, qty: u64) {
        self.rested_showing(order_id, side, price, qty, qty);
    }

    fn rested_showing(&mut self, order_id: u64, side: Side, price: i64, qty: u64, displayed: u64) {
        let event = OrderRested {
            stamp: self.stamp(),
            order_id: order_id.into(),
            client_order_id: 5.into(),
            price: price.into(),
            qty: qty.into(),
            displayed: displayed.into(),
            instrument: 1.into(),
            session: 7.into(),
            gateway: 8.into(),
            side: side as u8,
            reserved: [0; 3],
        };
        self.event(&event).unwrap();
    }

    /// A displayed maker, of which nothing but what is displayed is left.
    fn executed(&mut self, maker: u64, qty: u64, leaves: u64) -> Result<(), PublishError> {
        let event = self.execution(qty, party(99, 0, 0), party(maker, leaves, leaves));
        self.event(&event)
    }

    fn execution(&self, qty: u64, taker: FillParty, maker: FillParty) -> OrderExecuted {
        OrderExecuted {
            stamp: self.stamp(),
            trade_id: 70.into(),
            price: 100.into(),
            qty: qty.into(),
            taker,
            maker,
            instrument: 1.into(),
            taker_side: Buy as u8,
            auction: 0,
            taker_was_displayed: 0,
            maker_was_displayed: 1,
        }
    }

    fn prevented(&mut self, qty: u64, maker: FillParty) {
        let event = SelfTradePrevented {
            stamp: self.stamp(),
            price: 100.into(),
            qty: qty.into(),
            taker: party(99, 1, 0),
            maker,
            instrument: 1.into(),
            taker_side: Buy as u8,
            taker_was_displayed: 0,
            maker_was_displayed: 1,
            reserved: 0,
        };
        self.event(&event).unwrap();
    }

    fn cancelled(&mut self, order_id: u64, reason: CancelReason) -> Result<(), PublishError> {
        let never_rested =
            matches!(reason, CancelReason::ImmediateOrCancel | CancelReason::FillOrKill);
        self.cancelled_showing(order_id, reason, if never_rested { 0 } else { 5 })
    }

    fn cancelled_showing(
        &mut self,
        order_id: u64,
        reason: CancelReason,
        displayed: u64,
    ) -> Result<(), PublishError> {
        let event = OrderCancelled {
            stamp: self.stamp(),
            order_id: order_id.into(),
            client_order_id: 5.into(),
            price: 100.into(),
            qty: 5.into(),
            displayed: displayed.into(),
            instrument: 1.into(),
            session: 7.into(),
            gateway: 8.into(),
            side: Sell as u8,
            reason: reason as u8,
            reserved: [0; 2],
        };
        self.event(&event)
    }

    fn replaced(&mut self, order_id: u64, kept: bool, from: u64, to: u64) {
        let displayed = if kept { to } else { 0 };
        self.replaced_showing(order_id, kept, (from, from), (to, displayed));
    }

    /// From and to: what is open, and what of it is displayed.
    fn replaced_showing(&mut self, order_id: u64, kept: bool, from: (u64, u64), to: (u64, u64)) {
        let event = OrderReplaced {
            stamp: self.stamp(),
            order_id: order_id.into(),
            client_order_id: 5.into(),
            old_price: 100.into(),
            old_qty: from.0.into(),
            old_displayed: from.1.into(),
            price: 100.into(),
            qty: to.0.into(),
            displayed: to.1.into(),
            instrument: 1.into(),
            session: 7.into(),
            gateway: 8.into(),
            side: Sell as u8,
            priority_kept: u8::from(kept),
            reserved: [0; 2],
        };
        self.event(&event).unwrap();
    }

    /// An event that the public learns nothing of.
    fn rejected(&mut self) {
        let event = CommandRejected {
            stamp: self.stamp(),
            client_seq: 1.into(),
            client_order_id: 5.into(),
            order_id: 0.into(),
            session: 7.into(),
            gateway: 8.into(),
            reason: 13.into(),
            command: 2,
            reserved: [0; 5],
        };
        self.event(&event).unwrap();
    }

    /// Up to `frames` frames that leave now.
    fn frames(&mut self, frames: usize) -> Vec<(MdFrame, Vec<Vec<u8>>)> {
        let mut taken = Vec::new();
        let _ = self.publisher.flush(|bytes| {
            if taken.len() == frames {
                return Err("back-pressured");
            }
            let (frame, messages) = open_frame::<MdFrame>(bytes).unwrap();
            taken.push((*frame, messages.map(|m| m.unwrap().to_vec()).collect()));
            Ok(())
        });
        taken
    }

    /// The messages that leave now.
    fn messages(&mut self) -> Vec<Vec<u8>> {
        self.frames(usize::MAX).into_iter().flat_map(|(_, messages)| messages).collect()
    }
}

fn party(order_id: u64, leaves: u64, displayed: u64) -> FillParty {
    FillParty {
        order_id: order_id.into(),
        client_order_id: 5.into(),
        leaves: leaves.into(),
        displayed: displayed.into(),
        session: 7.into(),
        gateway: 8.into(),
    }
}

fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; M::LEN];
    encode(message, &mut bytes);
    bytes
}

fn level(side: Side, price: i64, qty: u64, order_count: u32) -> Vec<u8> {
    bytes(&PriceLevel {
        price: price.into(),
        qty: qty.into(),
        order_count: order_count.into(),
        instrument: 1.into(),
        side: side as u8,
        reserved: [0; 7],
    })
}

fn delete(order_id: u64) -> Vec<u8> {
    bytes(&DeleteOrder { order_id: order_id.into(), instrument: 1.into(), reserved: [0; 4] })
}

#[test]
fn an_order_that_rests_is_added_with_its_levels_total() {
    let mut rig = rig();
    rig.rested(3, Sell, 100, 5);
    rig.rested(4, Sell, 100, 2);
    let add = |order_id: u64, qty: u64| {
        bytes(&AddOrder {
            order_id: order_id.into(),
            price: 100.into(),
            qty: qty.into(),
            instrument: 1.into(),
            side: Sell as u8,
            reserved: [0; 3],
        })
    };
    let expected = [add(3, 5), level(Sell, 100, 5, 1), add(4, 2), level(Sell, 100, 7, 2)];
    assert_eq!(rig.messages(), expected);
}

#[test]
fn a_fill_is_an_execution_of_the_maker_a_level_and_a_print() {
    let mut rig = rig();
    rig.rested(3, Sell, 100, 5);
    rig.messages();
    for (qty, leaves, order_count) in [(2, 3, 1), (3, 0, 0)] {
        let time_ns = rig.stamp().time_ns;
        rig.executed(3, qty, leaves).unwrap();
        let execute = ExecuteOrder {
            order_id: 3.into(),
            trade_id: 70.into(),
            qty: qty.into(),
            leaves: leaves.into(),
            instrument: 1.into(),
            refreshed: 0,
            reserved: [0; 3],
        };
        let print = Trade {
            trade_id: 70.into(),
            time_ns,
            price: 100.into(),
            qty: qty.into(),
            instrument: 1.into(),
            aggressor_side: Buy as u8,
            auction: 0,
            reserved: [0; 2],
        };
        let expected = [bytes(&execute), level(Sell, 100, leaves, order_count), bytes(&print)];
        assert_eq!(rig.messages(), expected);
    }
}

#[test]
fn only_orders_that_rested_are_deleted() {
    let mut rig = rig();
    rig.rested(3, Sell, 100, 5);
    rig.rested(4, Sell, 100, 5);
    rig.messages();
    rig.cancelled(50, CancelReason::ImmediateOrCancel).unwrap();
    rig.cancelled(51, CancelReason::FillOrKill).unwrap();
    assert!(rig.messages().is_empty());
    rig.cancelled(3, CancelReason::Requested).unwrap();
    rig.cancelled(4, CancelReason::MassCancel).unwrap();
    let expected = [delete(3), level(Sell, 100, 5, 1), delete(4), level(Sell, 100, 0, 0)];
    assert_eq!(rig.messages(), expected);
}

#[test]
fn a_replace_in_place_reduces_and_any_other_deletes() {
    let mut rig = rig();
    rig.rested(3, Sell, 100, 5);
    rig.messages();
    rig.replaced(3, true, 5, 2);
    let reduce = ReduceOrder {
        order_id: 3.into(),
        qty: 3.into(),
        leaves: 2.into(),
        instrument: 1.into(),
        refreshed: 0,
        reserved: [0; 3],
    };
    assert_eq!(rig.messages(), [bytes(&reduce), level(Sell, 100, 2, 1)]);
    rig.replaced(3, false, 2, 9);
    assert_eq!(rig.messages(), [delete(3), level(Sell, 100, 0, 0)]);
}

#[test]
fn a_tip_that_keeps_its_place_is_followed_in_the_same_message() {
    let rules = InstrumentRules {
        iceberg_refresh: IcebergRefresh::KeepsPriority,
        ..InstrumentRules::new(PriceTicks(1_000), QtyLots(100))
    };
    let mut rig = rig_where(1 << 20, &rules);
    // Shows 3 of 10, in front of another.
    rig.rested_showing(3, Sell, 100, 10, 3);
    rig.rested(4, Sell, 100, 5);
    rig.messages();
    // All of the tip, of which the next shows 3; then 1 of that.
    let time_ns = rig.stamp().time_ns.get();
    let event = rig.execution(3, party(99, 0, 0), party(3, 7, 3));
    rig.event(&event).unwrap();
    let next = ExecuteOrder {
        order_id: 3.into(),
        trade_id: 70.into(),
        qty: 3.into(),
        leaves: 3.into(),
        instrument: 1.into(),
        refreshed: 1,
        reserved: [0; 3],
    };
    let expected = [bytes(&next), level(Sell, 100, 8, 2), print(time_ns, 3, false)];
    assert_eq!(rig.messages(), expected);
    let time_ns = rig.stamp().time_ns.get();
    rig.executed(3, 1, 2).unwrap();
    let expected = [execute(3, 1, 2), level(Sell, 100, 7, 2), print(time_ns, 1, false)];
    assert_eq!(rig.messages(), expected);
    // What was prevented, too: the 2 that are shown, and 3 come.
    rig.prevented(2, party(3, 4, 3));
    let next = ReduceOrder {
        order_id: 3.into(),
        qty: 2.into(),
        leaves: 3.into(),
        instrument: 1.into(),
        refreshed: 1,
        reserved: [0; 3],
    };
    assert_eq!(rig.messages(), [bytes(&next), level(Sell, 100, 8, 2)]);
    let orders: Vec<_> = rig.publisher.instruments[&InstrumentId(1)].book.orders(Sell).collect();
    let shown: Vec<_> = orders.iter().map(|order| (order.order_id.0, order.qty.0)).collect();
    assert_eq!(shown, [(3, 3), (4, 5)], "in its place");
    // Elsewhere a fill of all that is shown leaves nothing.
    let mut rig = self::rig();
    rig.rested_showing(3, Sell, 100, 10, 3);
    let event = rig.execution(3, party(99, 0, 0), party(3, 7, 3));
    assert!(matches!(rig.event(&event), Err(PublishError::Book { .. })));
}

fn add(order_id: u64, side: Side, qty: u64) -> Vec<u8> {
    bytes(&AddOrder {
        order_id: order_id.into(),
        price: 100.into(),
        qty: qty.into(),
        instrument: 1.into(),
        side: side as u8,
        reserved: [0; 3],
    })
}

fn execute(order_id: u64, qty: u64, leaves: u64) -> Vec<u8> {
    bytes(&ExecuteOrder {
        order_id: order_id.into(),
        trade_id: 70.into(),
        qty: qty.into(),
        leaves: leaves.into(),
        instrument: 1.into(),
        refreshed: 0,
        reserved: [0; 3],
    })
}

fn reduce(order_id: u64, qty: u64, leaves: u64) -> Vec<u8> {
    bytes(&ReduceOrder {
        order_id: order_id.into(),
        qty: qty.into(),
        leaves: leaves.into(),
        instrument: 1.into(),
        refreshed: 0,
        reserved: [0; 3],
    })
}

fn print(time_ns: u64, qty: u64, auction: bool) -> Vec<u8> {
    bytes(&Trade {
        trade_id: 70.into(),
        time_ns: time_ns.into(),
        price: 100.into(),
        qty: qty.into(),
        instrument: 1.into(),
        aggressor_side: if auction { 0 } else { Buy as u8 },
        auction: u8::from(auction),
        reserved: [0; 2],
    })
}

#[test]
fn of_an_iceberg_only_the_tip_is_seen() {
    let mut rig = rig();
    rig.rested_showing(3, Sell, 100, 20, 5);
    assert_eq!(rig.messages(), [add(3, Sell, 5), level(Sell, 100, 5, 1)]);
    // The tip goes, and the next one follows.
    let time_ns = rig.next * 10;
    let fill = rig.execution(5, party(99, 0, 0), party(3, 15, 0));
    rig.event(&fill).unwrap();
    let gone = [execute(3, 5, 0), level(Sell, 100, 0, 0), print(time_ns, 5, false)];
    assert_eq!(rig.messages(), gone);
    rig.rested_showing(3, Sell, 100, 15, 5);
    assert_eq!(rig.messages(), [add(3, Sell, 5), level(Sell, 100, 5, 1)]);
    // It shrinks in its reserve, which nobody sees; then in its tip.
    rig.replaced_showing(3, true, (15, 5), (8, 5));
    assert!(rig.messages().is_empty());
    rig.replaced_showing(3, true, (8, 5), (2, 2));
    assert_eq!(rig.messages(), [reduce(3, 3, 2), level(Sell, 100, 2, 1)]);
    rig.cancelled_showing(3, CancelReason::Requested, 2).unwrap();
    assert_eq!(rig.messages(), [delete(3), level(Sell, 100, 0, 0)]);
}

#[test]
fn of_an_undisplayed_order_only_its_trades_are_seen() {
    let mut rig = rig();
    rig.rested_showing(3, Sell, 100, 20, 0);
    rig.replaced_showing(3, true, (20, 0), (18, 0));
    rig.replaced_showing(3, false, (18, 0), (20, 0));
    rig.rested_showing(3, Sell, 100, 20, 0);
    rig.event(&OrderRepriced {
        stamp: rig.stamp(),
        order_id: 3.into(),
        client_order_id: 5.into(),
        old_price: 100.into(),
        price: 0.into(),
        qty: 20.into(),
        instrument: 1.into(),
        session: 7.into(),
        gateway: 8.into(),
        side: Sell as u8,
        reserved: [0; 3],
    })
    .unwrap();
    rig.event(&OrderTriggered {
        stamp: rig.stamp(),
        order_id: 4.into(),
        client_order_id: 5.into(),
        stop_price: 100.into(),
        price: 0.into(),
        qty: 20.into(),
        instrument: 1.into(),
        session: 7.into(),
        gateway: 8.into(),
        side: Sell as u8,
        reserved: [0; 3],
    })
    .unwrap();
    assert!(rig.messages().is_empty());
    let time_ns = rig.next * 10;
    let fill = rig.execution(5, party(99, 0, 0), party(3, 15, 0));
    rig.event(&OrderExecuted { maker_was_displayed: 0, ..fill }).unwrap();
    assert_eq!(rig.messages(), [print(time_ns, 5, false)]);
    rig.cancelled_showing(3, CancelReason::Expired, 0).unwrap();
    assert!(rig.messages().is_empty());
}

#[test]
fn an_auction_takes_off_both_sides_and_its_print_has_no_aggressor() {
    let mut rig = rig();
    // In a call the book may be crossed.
    rig.rested(3, Buy, 100, 5);
    rig.rested_showing(4, Sell, 100, 20, 4);
    rig.messages();
    let time_ns = rig.next * 10;
    let fill = rig.execution(5, party(3, 0, 0), party(4, 15, 0));
    let fill = OrderExecuted { auction: 1, taker_was_displayed: 1, ..fill };
    rig.event(&fill).unwrap();
    let expected = [
        execute(3, 5, 0),
        level(Buy, 100, 0, 0),
        // The tip was 4; the fifth lot came out of the reserve.
        execute(4, 4, 0),
        level(Sell, 100, 0, 0),
        print(time_ns, 5, true),
    ];
    assert_eq!(rig.messages(), expected);
    // What is in its auction alone was never displayed.
    let time_ns = rig.next * 10;
    let fill = rig.execution(5, party(8, 0, 0), party(4, 10, 0));
    rig.event(&OrderExecuted { auction: 1, maker_was_displayed: 0, ..fill }).unwrap();
    assert_eq!(rig.messages(), [print(time_ns, 5, true)]);
}

#[test]
fn a_prevented_trade_takes_off_and_prints_nothing() {
    let mut rig = rig();
    rig.rested(3, Sell, 100, 5);
    rig.messages();
    rig.prevented(2, party(3, 3, 3));
    assert_eq!(rig.messages(), [reduce(3, 2, 3), level(Sell, 100, 3, 1)]);
    rig.prevented(3, party(3, 0, 0));
    assert_eq!(rig.messages(), [delete(3), level(Sell, 100, 0, 0)]);
}

#[test]
fn the_public_learns_what_an_instrument_does() {
    let mut rig = rig();
    let status = |state, auction: Option<AuctionKind>| TradingStatus {
        instrument: 1.into(),
        state: state as u8,
        auction: auction.map_or(0, |auction| auction as u8),
        reserved: [0; 2],
    };
    let btc = InstrumentId(1);
    let continuous = status(TradingState::Continuous, None);
    assert_eq!(rig.publisher.instruments[&btc].status, continuous, "as it was defined");
    let changed = |rig: &Rig, status: TradingStatus| TradingStateChanged {
        stamp: rig.stamp(),
        instrument: status.instrument,
        state: status.state,
        auction: status.auction,
        reserved: [0; 2],
    };
    let call = status(TradingState::AuctionCall, Some(AuctionKind::Closing));
    let event = changed(&rig, call);
    rig.event(&event).unwrap();
    rig.event(&IndicativeChanged {
        stamp: rig.stamp(),
        price: 100.into(),
        qty: 7.into(),
        imbalance: 2.into(),
        instrument: 1.into(),
        imbalance_side: Sell as u8,
        reserved: [0; 3],
    })
    .unwrap();
    let indicative = Indicative {
        price: 100.into(),
        qty: 7.into(),
        imbalance: 2.into(),
        instrument: 1.into(),
        imbalance_side: Sell as u8,
        reserved: [0; 3],
    };
    assert_eq!(rig.messages(), [bytes(&call), bytes(&indicative)]);
    assert_eq!(rig.publisher.instruments[&btc].indicative, Some(indicative));
    let event = changed(&rig, continuous);
    rig.event(&event).unwrap();
    assert_eq!(rig.messages(), [bytes(&continuous)]);
    assert_eq!(rig.publisher.instruments[&btc].indicative, None, "the call is over");
    assert_eq!(rig.publisher.instruments[&btc].status, continuous);
}

#[test]
fn what_is_between_a_session_and_the_venue_stays_there() {
    let mut rig = rig();
    rig.rejected();
    assert!(rig.messages().is_empty());
    let heartbeat = rig.publisher.heartbeat();
    assert_eq!((heartbeat.event_seq.get(), heartbeat.next_feed_seq.get()), (2, 1));
}

#[test]
fn no_public_message_has_a_field_for_who() {
    for (template, name, _, fields) in md::CATALOGUE {
        for field in *fields {
            let tells = ["session", "gateway", "client", "origin", "party", "stamp"];
            let is_private = tells.iter().any(|word| field.name.contains(word));
            assert!(!is_private, "{name} ({template}) has `{}`", field.name);
        }
    }
}

#[test]
fn a_watermark_never_covers_an_event_that_goes_on_in_the_next_frame() {
    // Messages per event: 2 rested, 3 executed, 0 rejected. Frames of every length.
    let mut rig = rig();
    let mut ends = BTreeMap::new(); // event -> its last message
    for order_id in 1..=40 {
        rig.rested(order_id, Sell, 100, 5);
        ends.insert(rig.next - 1, rig.publisher.feed_seq());
        if order_id % 3 == 0 {
            rig.executed(order_id, 2, 3).unwrap();
            ends.insert(rig.next - 1, rig.publisher.feed_seq());
        }
        if order_id % 4 == 0 {
            rig.rejected();
            ends.insert(rig.next - 1, rig.publisher.feed_seq());
        }
    }
    let (mut next, mut before, mut splits) = (1, 0, 0);
    while rig.publisher.is_waiting() {
        // One frame, or two, between back-pressure.
        for (frame, messages) in rig.frames(1 + next % 2) {
            assert_eq!(frame.feed_seq.get(), next as u64);
            next += messages.len();
            let out = next as u64 - 1;
            let covered = ends.iter().filter(|(_, end)| **end <= out).map(|(event, _)| *event);
            let expected = covered.max().unwrap_or(1);
            assert_eq!(frame.event_seq.get(), expected, "after message {out}");
            assert_eq!(frame.time_ns.get(), expected * 10);
            assert!(frame.event_seq.get() >= before);
            before = frame.event_seq.get();
            splits += usize::from(!ends.values().any(|end| *end == out));
        }
    }
    assert!(splits > 0, "the premise: some event was split");
    assert_eq!(before, rig.next - 1, "in the end all is covered");
}

#[test]
fn what_waits_too_long_is_dropped_and_leaves_a_gap() {
    let mut rig = rig_with(1_000);
    rig.rested(1, Sell, 100, 5);
    assert_eq!(rig.messages().len(), 2);
    let mut order_id = 1;
    while rig.publisher.dropped() == 0 {
        order_id += 1;
        rig.rested(order_id, Sell, 100, 5);
        assert!(rig.publisher.outbox.pending_bytes() <= 1_000);
    }
    let dropped = rig.publisher.dropped();
    assert!(!rig.publisher.is_waiting());
    let heartbeat = rig.publisher.heartbeat();
    assert_eq!(heartbeat.next_feed_seq.get(), 3 + dropped, "their numbers are spent");
    rig.rested(1_000, Sell, 100, 5);
    let frames = rig.frames(usize::MAX);
    assert_eq!(frames[0].0.feed_seq.get(), 3 + dropped);
    assert_eq!(rig.publisher.instruments[&InstrumentId(1)].book.order_count() as u64, order_id + 1);
}

#[test]
fn with_nobody_connected_nothing_waits_and_numbers_go_on() {
    let mut rig = rig();
    rig.rested(1, Sell, 100, 5);
    rig.publisher.flush_to_nobody();
    assert!(!rig.publisher.is_waiting());
    let heartbeat = rig.publisher.heartbeat();
    assert_eq!((heartbeat.next_feed_seq.get(), heartbeat.event_seq.get()), (3, 2));
    rig.rested(2, Sell, 100, 5);
    assert_eq!(rig.frames(usize::MAX)[0].0.feed_seq.get(), 3);
    assert_eq!(rig.publisher.dropped(), 0, "nobody missed them");
}

#[test]
fn events_without_messages_take_no_room_while_consumers_are_slow() {
    let mut rig = rig();
    rig.rested(1, Sell, 100, 5);
    for _ in 0..10_000 {
        rig.rejected();
        assert!(rig.frames(0).is_empty());
    }
    assert!(rig.publisher.boundaries.len() <= 2, "{}", rig.publisher.boundaries.len());
    let frames = rig.frames(usize::MAX);
    assert_eq!(frames.last().unwrap().0.event_seq.get(), rig.next - 1);
}

#[test]
fn an_event_that_does_not_fit_stops_the_publisher_and_says_nothing() {
    let mut rig = rig();
    rig.rested(3, Sell, 100, 5);
    rig.messages();
    let unknown =
        PublishError::Book { event_seq: EventSeq(3), error: BookError::UnknownOrder(OrderId(4)) };
    assert_eq!(rig.executed(4, 1, 1), Err(unknown));
    let wrong = BookError::WrongQuantity { order_id: OrderId(3), has: QtyLots(5) };
    let wrong = PublishError::Book { event_seq: EventSeq(4), error: wrong };
    assert_eq!(rig.executed(3, 2, 2), Err(wrong));
    assert!(rig.cancelled(4, CancelReason::Requested).is_err());
    let foreign = OrderCancelled {
        stamp: rig.stamp(),
        order_id: 3.into(),
        client_order_id: 5.into(),
        price: 100.into(),
        qty: 5.into(),
        displayed: 5.into(),
        instrument: 2.into(),
        session: 7.into(),
        gateway: 8.into(),
        side: Sell as u8,
        reason: CancelReason::Requested as u8,
        reserved: [0; 2],
    };
    let event_seq = EventSeq(rig.next);
    let expected = PublishError::UnknownInstrument { event_seq, instrument: InstrumentId(2) };
    assert_eq!(rig.event(&foreign), Err(expected));
    assert!(rig.messages().is_empty());
    let whole = bytes(&foreign);
    for len in 0..whole.len() {
        let fault = rig.publisher.on_event(EventSeq(9), &whole[..len]);
        assert!(matches!(fault, Err(PublishError::EventLog(_))), "{len}");
    }
}
