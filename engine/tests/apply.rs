//! The engine as a function from records to event bytes.

mod common;

use common::{
    Log, Rig, body, cancel, engine, engine_with, extended, kill, mass_cancel, new_order, origin,
    plain, replace, set_state, tick,
};
use vesta_engine::ApplyError;
use vesta_types::{
    AuctionKind, CancelReason, Epoch, KillScope, OrderType, PegReference, RejectReason, SelfTrade,
    Seq, Side, TimeInForce, TradingState,
};
use vesta_wire::event::{
    CommandAccepted, CommandRejected, IndicativeChanged, OrderCancelled, OrderExecuted,
    OrderReplaced, OrderRepriced, OrderRested, OrderTriggered, Resent, SelfTradePrevented,
    TradingStateChanged,
};
use vesta_wire::record::{NewOrder, NewOrderExtended};
use vesta_wire::{Message, decode, record};

/// A log in which one of everything happens.
fn one_of_everything() -> Log {
    let mut log = Log::default();
    log.define(1).define(2);
    log.command(1, 1, &new_order(11, 1, Side::Sell, 100, 5));
    log.command(2, 1, &new_order(21, 1, Side::Buy, 101, 8));
    log.command(2, 2, &replace(21, 1, 101, 2));
    log.command(2, 3, &replace(21, 1, 99, 4));
    log.command(1, 2, &cancel(77, 1));
    log.command(1, 2, &cancel(77, 1));
    log.command(1, 9, &cancel(77, 1));
    log.command(1, 3, &new_order(12, 2, Side::Buy, 7, 1));
    log.command(1, 4, &new_order(13, 1, Side::Buy, 98, 3));
    log.command(1, 5, &mass_cancel());
    log.command(2, 4, &cancel(21, 1));
    // An iceberg, whose next tip follows.
    let iceberg = extended(14, Side::Sell, 100, 10);
    log.command(1, 6, &body(&NewOrderExtended { display_qty: 4.into(), ..iceberg }));
    log.command(2, 5, &new_order(22, 1, Side::Buy, 100, 5));
    // A pegged order follows, a stop is triggered.
    log.command(2, 6, &body(&pegged_buy(23, 3)));
    log.command(2, 7, &new_order(24, 1, Side::Buy, 97, 2));
    let stop = extended(15, Side::Sell, 0, 1);
    let stop = NewOrderExtended { order_type: OrderType::Stop as u8, ..stop };
    log.command(1, 7, &body(&NewOrderExtended { stop_price: 97.into(), ..stop }));
    log.command(1, 8, &new_order(16, 1, Side::Sell, 97, 1));
    // Two orders of one group.
    let group = |order: NewOrder| NewOrder { account: 5.into(), stp_group: 1.into(), ..order };
    log.command(1, 9, &body(&group(plain(17, 1, Side::Sell, 99, 5))));
    let decrement =
        NewOrder { self_trade: SelfTrade::Decrement as u8, ..plain(25, 1, Side::Buy, 99, 2) };
    log.command(2, 8, &body(&group(decrement)));
    // What its session may not.
    log.command(2, 9, &body(&NewOrder { account: 9.into(), ..plain(26, 1, Side::Buy, 50, 1) }));
    log.command(2, 10, &body(&NewOrder { stp_group: 9.into(), ..plain(26, 1, Side::Buy, 50, 1) }));
    // It expires before the next record, which is a tick.
    let gtd = extended(26, Side::Buy, 50, 1);
    let gtd = NewOrderExtended { time_in_force: TimeInForce::Gtd as u8, ..gtd };
    let expires_ns = log.next_time_ns() + 1_000;
    log.command(2, 11, &body(&NewOrderExtended { expires_ns: expires_ns.into(), ..gtd }));
    log.own(&tick());
    // A closing auction, which leads to the close.
    log.own(&set_state(TradingState::AuctionCall, AuctionKind::Closing));
    log.command(2, 12, &new_order(27, 1, Side::Buy, 100, 3));
    log.own(&tick());
    log.own(&set_state(TradingState::Uncross, AuctionKind::Closing));
    log.own(&set_state(TradingState::Halt, AuctionKind::Closing));
    log.own(&kill(KillScope::All, true));
    log
}

fn pegged_buy(name: u64, qty: u64) -> NewOrderExtended {
    let (order_type, peg) = (OrderType::Pegged as u8, PegReference::Primary as u8);
    NewOrderExtended { order_type, peg, ..extended(name, Side::Buy, 0, qty) }
}

fn templates(told: &[Vec<u8>]) -> Vec<u16> {
    told.iter().map(|event: &Vec<u8>| u16::from_le_bytes([event[2], event[3]])).collect()
}

fn rejection(told: &[Vec<u8>]) -> RejectReason {
    let [event] = told else { panic!("one event, not {:?}", templates(told)) };
    let rejected = decode::<CommandRejected>(event).expect("a rejection");
    RejectReason::from_wire(rejected.reason.get()).expect("a reason")
}

#[test]
fn the_primary_reply_comes_before_what_it_causes() {
    let mut engine = engine();
    let told: Vec<_> =
        one_of_everything().records.iter().map(|r| engine.read(r).unwrap()).collect();
    let accepted = CommandAccepted::TEMPLATE_ID;
    let (rested, replaced) = (OrderRested::TEMPLATE_ID, OrderReplaced::TEMPLATE_ID);
    let (executed, cancelled) = (OrderExecuted::TEMPLATE_ID, OrderCancelled::TEMPLATE_ID);
    let rejected = CommandRejected::TEMPLATE_ID;
    let (triggered, repriced) = (OrderTriggered::TEMPLATE_ID, OrderRepriced::TEMPLATE_ID);
    let (prevented, state) = (SelfTradePrevented::TEMPLATE_ID, TradingStateChanged::TEMPLATE_ID);
    let indicative = IndicativeChanged::TEMPLATE_ID;
    let expected: [&[u16]; 29] = [
        &[accepted, rested],
        &[accepted, executed, rested],
        &[accepted, replaced],
        &[accepted, replaced, rested],
        &[rejected],
        &[Resent::TEMPLATE_ID],
        &[rejected],
        &[accepted, rested],
        &[accepted, rested],
        &[accepted, cancelled, cancelled],
        &[accepted, cancelled],
        &[accepted, rested],
        &[accepted, executed, rested, executed],
        &[accepted],
        &[accepted, rested, repriced],
        &[accepted],
        &[accepted, executed, triggered, executed, repriced],
        &[accepted, rested],
        &[accepted, prevented],
        &[rejected],
        &[rejected],
        &[accepted, rested, repriced],
        &[cancelled, repriced],
        &[accepted, state],
        &[accepted, rested],
        &[indicative],
        &[accepted, executed, state],
        &[rejected],
        &[accepted, cancelled, cancelled],
    ];
    for (n, (told, expected)) in told[2..].iter().zip(expected).enumerate() {
        assert_eq!(templates(told), expected, "command {}", n + 1);
    }
    assert_eq!(engine.engine.matcher().order_count(), 0);
}

#[test]
fn events_are_numbered_densely_and_name_their_cause() {
    let (mut engine, mut next) = (engine(), 1);
    for (seq, bytes) in (1..).zip(&one_of_everything().records) {
        for event in engine.read(bytes).unwrap() {
            let stamp = vesta_wire::event::stamp(&event).unwrap();
            assert_eq!((stamp.event_seq.get(), stamp.seq.get()), (next, seq));
            assert_eq!(stamp.time_ns.get(), record::stamp(bytes).unwrap().time_ns.get());
            next += 1;
        }
    }
}

#[test]
fn what_time_does_comes_before_the_record_that_brings_it_and_needs_no_session() {
    let mut log = Log::default();
    log.define(1);
    let gtd = |name: u64, expires_ns: u64| {
        let order = extended(name, Side::Sell, 100, 5);
        let order = NewOrderExtended { time_in_force: TimeInForce::Gtd as u8, ..order };
        body(&NewOrderExtended { expires_ns: expires_ns.into(), ..order })
    };
    let (second, third) = (log.next_time_ns() + 2_000, log.next_time_ns() + 3_000);
    log.command(1, 1, &gtd(11, second)).command(1, 2, &gtd(12, third));
    let mut engine = engine();
    engine.read_all(&log);
    // Another session's command, a repetition even, brings the time.
    log.command(2, 9, &cancel(77, 1));
    let told = engine.read(log.last()).unwrap();
    assert_eq!(templates(&told), [OrderCancelled::TEMPLATE_ID, CommandRejected::TEMPLATE_ID]);
    let expired = decode::<OrderCancelled>(&told[0]).unwrap();
    assert_eq!(
        (expired.client_order_id.get(), expired.session.get(), expired.gateway.get()),
        (11, 1, 1)
    );
    assert_eq!((expired.reason, expired.displayed.get()), (CancelReason::Expired as u8, 5));
    assert_eq!(expired.stamp.seq.get(), 4, "the record that brought the time");
    log.own(&tick());
    let told = engine.read(log.last()).unwrap();
    assert_eq!(templates(&told), [OrderCancelled::TEMPLATE_ID]);
    assert_eq!(engine.engine.matcher().order_count(), 0);
    log.own(&tick());
    assert!(engine.read(log.last()).unwrap().is_empty());
}

#[test]
fn a_right_that_is_missing_is_an_outcome() {
    let mut log = Log::default();
    log.define(1);
    let foreign = NewOrder { account: 9.into(), ..plain(11, 1, Side::Sell, 100, 5) };
    log.command(1, 1, &body(&foreign));
    let mut engine = engine();
    engine.read_all(&Log { records: log.records[..1].to_vec() });
    assert_eq!(rejection(&engine.read(log.last()).unwrap()), RejectReason::AccountNotAllowed);
    log.command(1, 1, &body(&foreign));
    let told = engine.read(log.last()).unwrap();
    let resent = decode::<Resent>(&told[0]).unwrap();
    assert_eq!(resent.reason.get(), RejectReason::AccountNotAllowed as u16);
    assert_eq!((resent.client_order_id.get(), resent.first_seq.get()), (11, 2));
    // Its number is used up.
    let group = NewOrder { stp_group: 2.into(), ..plain(11, 1, Side::Sell, 100, 5) };
    log.command(1, 2, &body(&group));
    assert_eq!(rejection(&engine.read(log.last()).unwrap()), RejectReason::StpGroupNotAllowed);
    log.command(1, 3, &new_order(11, 1, Side::Sell, 100, 5));
    assert_eq!(templates(&engine.read(log.last()).unwrap())[0], CommandAccepted::TEMPLATE_ID);
}

#[test]
fn the_operators_records_are_nobodys_commands() {
    let mut log = Log::default();
    log.define(1);
    log.command(1, 1, &new_order(11, 1, Side::Sell, 100, 5));
    log.own(&kill(KillScope::Instrument(vesta_types::InstrumentId(1)), true));
    let mut engine = engine();
    let told = engine.read_all(&log);
    let accepted = decode::<CommandAccepted>(&told[3]).unwrap();
    assert_eq!((accepted.command, accepted.session.get(), accepted.gateway.get()), (5, 0, 0));
    assert_eq!((accepted.client_seq.get(), accepted.instrument.get()), (0, 1));
    let cancelled = decode::<OrderCancelled>(&told[4]).unwrap();
    assert_eq!((cancelled.session.get(), cancelled.gateway.get()), (1, 1), "its owner is told");
    log.command(1, 2, &new_order(12, 1, Side::Sell, 100, 5));
    assert_eq!(rejection(&engine.read(log.last()).unwrap()), RejectReason::KillSwitch);
    log.own(&kill(KillScope::Instrument(vesta_types::InstrumentId(1)), false));
    engine.read(log.last()).unwrap();
    log.command(1, 3, &new_order(12, 1, Side::Sell, 100, 5));
    assert_eq!(templates(&engine.read(log.last()).unwrap())[0], CommandAccepted::TEMPLATE_ID);
}

#[test]
fn a_repeated_client_seq_gets_its_first_outcome_and_does_nothing() {
    let mut log = Log::default();
    log.define(1);
    log.command(1, 1, &new_order(11, 1, Side::Sell, 100, 5));
    log.command(1, 2, &cancel(77, 1));
    let mut engine = engine();
    engine.read_all(&log);
    let state = engine.state_hash();
    // Whatever the repetition says: it is known by its number alone.
    let repetitions = [
        (1, new_order(11, 1, Side::Sell, 100, 5), 1, 11, 1, 0),
        (1, new_order(99, 1, Side::Buy, 100, 5), 1, 11, 1, 0),
        (1, cancel(11, 1), 1, 11, 1, 0),
        (2, cancel(77, 1), 2, 77, 0, RejectReason::UnknownOrder as u16),
    ];
    for (client_seq, command, kind, name, order_id, reason) in repetitions {
        log.command(1, client_seq, &command);
        let told = engine.read(log.last()).unwrap();
        let [event] = &told[..] else { panic!("one event, not {:?}", templates(&told)) };
        let resent = decode::<Resent>(event).unwrap();
        assert_eq!((resent.client_seq.get(), resent.command), (client_seq, kind));
        assert_eq!((resent.client_order_id.get(), resent.order_id.get()), (name, order_id));
        assert_eq!(
            (resent.reason.get(), resent.session.get(), resent.gateway.get()),
            (reason, 1, 1)
        );
        assert_eq!(resent.first_seq.get(), client_seq + 1, "one definition came before");
        assert_eq!(engine.state_hash(), state);
    }
    // The next command is still the next one.
    log.command(1, 3, &cancel(11, 1));
    assert_eq!(templates(&engine.read(log.last()).unwrap())[0], CommandAccepted::TEMPLATE_ID);
}

#[test]
fn what_the_session_table_refuses_leaves_no_state() {
    let mut log = Log::default();
    log.define(1);
    log.command(1, 1, &new_order(11, 1, Side::Sell, 100, 5));
    for n in 2..=6 {
        log.command(1, n, &cancel(77, 1)); // four outcomes are kept
    }
    let mut engine = engine();
    engine.read_all(&log);
    let state = engine.state_hash();
    let mut refusal = |log: &mut Log| {
        let told = engine.read(log.last()).unwrap();
        assert_eq!(engine.state_hash(), state);
        rejection(&told)
    };
    let order = new_order(12, 1, Side::Sell, 100, 5);
    for gap in [8, 9, u64::MAX] {
        log.command(1, gap, &order);
        assert_eq!(refusal(&mut log), RejectReason::ClientSeqGap);
    }
    for expired in [0, 1, 2] {
        log.command(1, expired, &order);
        assert_eq!(refusal(&mut log), RejectReason::OutcomeExpired);
    }
    log.command(5, 1, &order);
    assert_eq!(refusal(&mut log), RejectReason::UnknownSession);
    log.push(&order, 2, origin(1, 7, 1));
    assert_eq!(refusal(&mut log), RejectReason::UnknownSession, "of another gateway");
    for session_epoch in [0, 2] {
        log.push(&order, 1, origin(1, 7, session_epoch));
        assert_eq!(refusal(&mut log), RejectReason::StaleSessionEpoch);
    }
    log.command(1, 7, &order);
    let told = engine.read(log.last()).unwrap();
    assert_eq!(templates(&told)[0], CommandAccepted::TEMPLATE_ID, "7 is free still");
    assert_ne!(engine.state_hash(), state);
}

/// Feeds `bytes` to an engine that has applied two records, and expects it to stop unchanged.
fn fault(bytes: &[u8]) -> ApplyError {
    let (mut engine, _) = two_records();
    let state = (engine.state_hash(), engine.engine.next_seq());
    let error = engine.read(bytes).map(|told| templates(&told)).expect_err("a fault");
    assert_eq!((engine.state_hash(), engine.engine.next_seq()), state);
    error
}

fn two_records() -> (Rig, Log) {
    let mut log = Log::default();
    log.define(1);
    log.command(1, 1, &new_order(11, 1, Side::Sell, 100, 5));
    let mut engine = engine();
    engine.read_all(&log);
    (engine, log)
}

/// The third record, with its stamp changed.
fn third(change: impl FnOnce(&mut record::Stamp)) -> Vec<u8> {
    let (_, mut log) = two_records();
    log.command(1, 2, &cancel(11, 1));
    let mut bytes = log.last().to_vec();
    let mut stamp = *record::stamp(&bytes).expect("a stamp");
    change(&mut stamp);
    record::write_stamp(&mut bytes, &stamp);
    bytes
}

#[test]
fn a_log_with_a_hole_another_epoch_or_a_clock_that_went_back_is_not_followed() {
    let gap = fault(&third(|stamp| stamp.seq = 4.into()));
    assert_eq!(gap, ApplyError::Gap { expected: Seq(3), found: Seq(4) });
    let foreign = fault(&third(|stamp| stamp.epoch = 2.into()));
    let (expected, found) = (Epoch(1), Epoch(2));
    assert_eq!(foreign, ApplyError::WrongEpoch { seq: Seq(3), expected, found });
    let back = fault(&third(|stamp| stamp.time_ns = (stamp.time_ns.get() - 1_001).into()));
    assert_eq!(back, ApplyError::TimeRanBackwards { seq: Seq(3) });
    let same = third(|stamp| stamp.time_ns = (stamp.time_ns.get() - 1_000).into());
    assert!(two_records().0.read(&same).is_ok(), "time may stand still");
}

#[test]
fn what_is_no_record_is_not_applied() {
    let whole = third(|_| {});
    for len in 0..whole.len() {
        let error = fault(&whole[..len]);
        assert!(matches!(error, ApplyError::Malformed { seq: Seq(3), .. }), "{len}: {error}");
    }
    let mut long = whole.clone();
    long.push(0);
    assert!(matches!(fault(&long), ApplyError::Malformed { .. }));
    let mut reserved = whole.clone();
    *reserved.last_mut().unwrap() = 1;
    assert!(matches!(fault(&reserved), ApplyError::Malformed { .. }));
    for template in [record::Activate::TEMPLATE_ID, record::Halt::TEMPLATE_ID, 99] {
        let mut other = whole.clone();
        other[2..4].copy_from_slice(&template.to_le_bytes());
        assert_eq!(fault(&other), ApplyError::Unsupported { seq: Seq(3), template });
    }
}

#[test]
fn records_that_come_again_are_ignored() {
    let log = one_of_everything();
    let mut engine = engine();
    let once = engine.read_all(&log);
    let state = engine.state_hash();
    assert!(engine.read_all(&log).is_empty());
    assert_eq!(engine.state_hash(), state);
    assert!(!once.is_empty());
}

#[test]
fn the_same_log_gives_the_same_bytes_and_state() {
    let log = one_of_everything();
    let (mut a, mut b) = (engine(), engine_with(&[(2, 1), (1, 1)], 4));
    assert_eq!(a.read_all(&log), b.read_all(&log), "in whatever order sessions are configured");
    assert_eq!(a.state_hash(), b.state_hash());
}

#[test]
fn another_log_gives_another_state() {
    let mut states = Vec::new();
    let base = one_of_everything();
    for len in 3..=base.records.len() {
        let mut engine = engine();
        for bytes in &base.records[..len] {
            engine.read(bytes).unwrap();
        }
        states.push((engine.state_hash(), len));
    }
    // The repetition, the gap and the operator's rejected command leave no state; every other record
    // does, a session's rejected one too.
    let mut seen: Vec<u64> = states.iter().map(|(hash, _)| *hash).collect();
    seen.dedup();
    assert_eq!(seen.len(), states.len() - 3, "{states:?}");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), states.len() - 3, "no two of them alike");
}

#[test]
fn the_bytes_of_a_short_log_are_pinned() {
    let mut text = String::new();
    let mut engine = engine();
    for bytes in &one_of_everything().records {
        for event in engine.read(bytes).unwrap() {
            text.extend(event.iter().map(|byte| format!("{byte:02x}")));
            text.push('\n');
        }
    }
    text.push_str(&format!("state {:016x}\n", engine.state_hash()));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/one_of_everything.txt");
    if std::env::var_os("VESTA_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let pinned = std::fs::read_to_string(path).unwrap();
    assert!(
        text == pinned,
        "event bytes or the state hash changed: replicas of two versions would diverge. If that \
         is meant, VESTA_BLESS=1 writes the file anew.\n{text}"
    );
}
