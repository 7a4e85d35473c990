//! Each event, and who is told what of it.

use super::*;
use crate::inbound::Settings;
use std::net::Ipv4Addr;
use vesta_types::GatewayId;
use vesta_wire::client::{
    CancelledReport, ExecutedReport, ReplacedReport, RepricedReport, SelfTradePreventedReport,
    TriggeredReport,
};
use vesta_wire::event::{EventStamp, FillParty, StateHash};

const MINE: u32 = 3;
const OTHERS: u32 = 4;
/// Reached at ports 5001 and 5002; session 9 has not spoken yet.
const A: u32 = 1;
const B: u32 = 2;
const SILENT: u32 = 9;
const TICK: i64 = 1_000_000;
const LOT: i64 = 10_000;

fn address(session: u32) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 5_000 + session as u16))
}

fn gateway() -> Gateway {
    let mut gateway = Gateway::new(Settings {
        gateway: GatewayId(MINE),
        sessions: vec![SessionId(A), SessionId(B), SessionId(SILENT)],
        instruments: vec![(InstrumentId(1), Scale::new(TICK, LOT).unwrap())],
        window: 8,
        cancel_reserve: 2,
        drain_max: std::time::Duration::ZERO,
    });
    for session in [A, B] {
        assert!(gateway.sessions.bind(SessionId(session), address(session)));
    }
    gateway
}

fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; M::LEN];
    encode(message, &mut bytes);
    bytes
}

fn told<M: Message>(gateway: &mut Gateway, event: &M) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut reports = Vec::new();
    gateway.on_event(&bytes(event), &mut |to, report| reports.push((to, report.to_vec()))).unwrap();
    reports
}

/// The one report, which goes to `session`.
fn only<M: Message>(reports: &[(SocketAddr, Vec<u8>)], session: u32) -> M {
    let [(to, report)] = reports else { panic!("one report, not {}", reports.len()) };
    assert_eq!(*to, address(session));
    *decode::<M>(report).unwrap()
}

fn stamp() -> EventStamp {
    EventStamp { event_seq: 100.into(), seq: 50.into(), time_ns: 7_000.into() }
}

fn accepted(session: u32, gateway: u32) -> CommandAccepted {
    CommandAccepted {
        stamp: stamp(),
        client_seq: 5.into(),
        client_order_id: 55.into(),
        order_id: 66.into(),
        price: 12.into(),
        qty: 3.into(),
        instrument: 1.into(),
        session: session.into(),
        gateway: gateway.into(),
        command: 1,
        side: 2,
        order_type: 1,
        time_in_force: 3,
        reserved: [0; 8],
    }
}

fn rejected(session: u32, gateway: u32, reason: RejectReason) -> CommandRejected {
    CommandRejected {
        stamp: stamp(),
        client_seq: 5.into(),
        client_order_id: 55.into(),
        order_id: 0.into(),
        session: session.into(),
        gateway: gateway.into(),
        reason: (reason as u16).into(),
        command: 2,
        reserved: [0; 5],
    }
}

fn resent(session: u32, gateway: u32) -> Resent {
    Resent {
        stamp: stamp(),
        client_seq: 5.into(),
        client_order_id: 55.into(),
        order_id: 66.into(),
        first_seq: 41.into(),
        session: session.into(),
        gateway: gateway.into(),
        reason: 13.into(),
        command: 2,
        reserved: [0; 5],
    }
}

fn party(session: u32, gateway: u32, order_id: u64, leaves: u64) -> FillParty {
    FillParty {
        order_id: order_id.into(),
        client_order_id: (order_id + 1_000).into(),
        leaves: leaves.into(),
        displayed: (leaves / 2).into(),
        session: session.into(),
        gateway: gateway.into(),
    }
}

fn executed(taker: FillParty, maker: FillParty) -> OrderExecuted {
    OrderExecuted {
        stamp: stamp(),
        trade_id: 77.into(),
        price: 12.into(),
        qty: 3.into(),
        taker,
        maker,
        instrument: 1.into(),
        taker_side: 1,
        auction: 0,
        taker_was_displayed: 0,
        maker_was_displayed: 1,
    }
}

fn cancelled(session: u32, gateway: u32) -> OrderCancelled {
    OrderCancelled {
        stamp: stamp(),
        order_id: 66.into(),
        client_order_id: 55.into(),
        price: 12.into(),
        qty: 3.into(),
        displayed: 1.into(),
        instrument: 1.into(),
        session: session.into(),
        gateway: gateway.into(),
        side: 2,
        reason: 3,
        reserved: [0; 2],
    }
}

fn replaced(session: u32, gateway: u32) -> OrderReplaced {
    OrderReplaced {
        stamp: stamp(),
        order_id: 66.into(),
        client_order_id: 55.into(),
        old_price: 11.into(),
        old_qty: 9.into(),
        old_displayed: 4.into(),
        price: 12.into(),
        qty: 3.into(),
        displayed: 2.into(),
        instrument: 1.into(),
        session: session.into(),
        gateway: gateway.into(),
        side: 2,
        priority_kept: 1,
        reserved: [0; 2],
    }
}

fn triggered(session: u32, gateway: u32) -> OrderTriggered {
    OrderTriggered {
        stamp: stamp(),
        order_id: 66.into(),
        client_order_id: 55.into(),
        stop_price: 13.into(),
        price: 12.into(),
        qty: 3.into(),
        instrument: 1.into(),
        session: session.into(),
        gateway: gateway.into(),
        side: 2,
        reserved: [0; 3],
    }
}

fn repriced(session: u32, gateway: u32) -> OrderRepriced {
    OrderRepriced {
        stamp: stamp(),
        order_id: 66.into(),
        client_order_id: 55.into(),
        old_price: 0.into(),
        price: 12.into(),
        qty: 3.into(),
        instrument: 1.into(),
        session: session.into(),
        gateway: gateway.into(),
        side: 2,
        reserved: [0; 3],
    }
}

fn prevented(taker: FillParty, maker: FillParty) -> SelfTradePrevented {
    SelfTradePrevented {
        stamp: stamp(),
        price: 12.into(),
        qty: 3.into(),
        taker,
        maker,
        instrument: 1.into(),
        taker_side: 1,
        taker_was_displayed: 0,
        maker_was_displayed: 1,
        reserved: 0,
    }
}

#[test]
fn an_acceptance_goes_to_its_session_in_decimals() {
    let report: AcceptedReport = only(&told(&mut gateway(), &accepted(B, MINE)), B);
    let expected = AcceptedReport {
        event_seq: 100.into(),
        seq: 50.into(),
        time_ns: 7_000.into(),
        client_seq: 5.into(),
        client_order_id: 55.into(),
        order_id: 66.into(),
        price: (12 * TICK).into(),
        qty: (3 * LOT).into(),
        instrument: 1.into(),
        session: B.into(),
        command: 1,
        side: 2,
        order_type: 1,
        time_in_force: 3,
        commit_level: CommitLevel::Received as u8,
        reserved: [0; 3],
    };
    assert_eq!(report, expected);
}

#[test]
fn a_rejection_a_cancellation_a_replacement_and_a_repeated_answer() {
    let mut gateway = gateway();
    let unknown = rejected(A, MINE, RejectReason::UnknownOrder);
    let report: RejectedReport = only(&told(&mut gateway, &unknown), A);
    assert_eq!((report.client_seq.get(), report.reason.get(), report.command), (5, 13, 2));
    assert_eq!((report.client_order_id.get(), report.event_seq.get()), (55, 100));

    let report: CancelledReport = only(&told(&mut gateway, &cancelled(A, MINE)), A);
    assert_eq!((report.order_id.get(), report.side, report.reason), (66, 2, 3));
    assert_eq!((report.price.get(), report.qty.get()), (12 * TICK, 3 * LOT));

    let report: ReplacedReport = only(&told(&mut gateway, &replaced(A, MINE)), A);
    assert_eq!((report.price.get(), report.qty.get()), (12 * TICK, 3 * LOT));
    assert_eq!((report.client_order_id.get(), report.priority_kept), (55, 1));
    assert_eq!(report.displayed.get(), 2 * LOT);

    let report: ResentReport = only(&told(&mut gateway, &resent(A, MINE)), A);
    assert_eq!((report.client_seq.get(), report.reason.get(), report.command), (5, 13, 2));
    assert_eq!((report.seq.get(), report.first_seq.get()), (50, 41));
}

#[test]
fn both_sides_of_a_fill_are_told_when_both_are_ours() {
    for maker_session in [B, A] {
        let event = executed(party(A, MINE, 20, 4), party(maker_session, MINE, 10, 0));
        let reports = told(&mut gateway(), &event);
        assert_eq!(reports.len(), 2);
        let taker: ExecutedReport = only(&reports[..1], A);
        let maker: ExecutedReport = only(&reports[1..], maker_session);
        assert_eq!((taker.order_id.get(), taker.client_order_id.get()), (20, 1_020));
        assert_eq!((maker.order_id.get(), maker.client_order_id.get()), (10, 1_010));
        assert_eq!((taker.side, taker.maker, taker.leaves.get()), (1, 0, 4 * LOT));
        assert_eq!((maker.side, maker.maker, maker.leaves.get()), (2, 1, 0));
        for report in [taker, maker] {
            assert_eq!((report.trade_id.get(), report.instrument.get()), (77, 1));
            assert_eq!((report.price.get(), report.qty.get()), (12 * TICK, 3 * LOT));
            assert_eq!(report.auction, 0);
        }
        assert_eq!((taker.displayed.get(), maker.displayed.get()), (2 * LOT, 0));
        let auction = OrderExecuted { auction: 1, ..event };
        let report: ExecutedReport = only(&told(&mut gateway(), &auction)[..1], A);
        assert_eq!(report.auction, 1);
    }
}

#[test]
fn a_stop_that_is_triggered_and_a_peg_that_follows() {
    let mut gateway = gateway();
    let report: TriggeredReport = only(&told(&mut gateway, &triggered(A, MINE)), A);
    assert_eq!((report.order_id.get(), report.client_order_id.get(), report.side), (66, 55, 2));
    assert_eq!((report.stop_price.get(), report.price.get()), (13 * TICK, 12 * TICK));
    assert_eq!((report.qty.get(), report.event_seq.get(), report.seq.get()), (3 * LOT, 100, 50));

    let report: RepricedReport = only(&told(&mut gateway, &repriced(B, MINE)), B);
    assert_eq!((report.order_id.get(), report.client_order_id.get(), report.side), (66, 55, 2));
    assert_eq!((report.old_price.get(), report.price.get()), (0, 12 * TICK));
    assert_eq!((report.qty.get(), report.instrument.get()), (3 * LOT, 1));
}

#[test]
fn both_sides_of_a_prevented_trade_are_told() {
    let event = prevented(party(A, MINE, 20, 4), party(B, MINE, 10, 0));
    let reports = told(&mut gateway(), &event);
    assert_eq!(reports.len(), 2);
    let taker: SelfTradePreventedReport = only(&reports[..1], A);
    let maker: SelfTradePreventedReport = only(&reports[1..], B);
    assert_eq!((taker.order_id.get(), taker.side, taker.maker), (20, 1, 0));
    assert_eq!((maker.order_id.get(), maker.side, maker.maker), (10, 2, 1));
    assert_eq!((taker.leaves.get(), taker.displayed.get()), (4 * LOT, 2 * LOT));
    assert_eq!((maker.leaves.get(), maker.displayed.get()), (0, 0));
    for report in [taker, maker] {
        assert_eq!((report.price.get(), report.qty.get()), (12 * TICK, 3 * LOT));
        assert_eq!((report.event_seq.get(), report.instrument.get()), (100, 1));
    }
}

#[test]
fn what_an_instrument_does_is_no_sessions() {
    let state = TradingStateChanged {
        stamp: stamp(),
        instrument: 1.into(),
        state: 2,
        auction: 1,
        reserved: [0; 2],
    };
    let indicative = IndicativeChanged {
        stamp: stamp(),
        price: 12.into(),
        qty: 3.into(),
        imbalance: 1.into(),
        instrument: 1.into(),
        imbalance_side: 1,
        reserved: [0; 3],
    };
    assert_eq!(told(&mut gateway(), &state), []);
    assert_eq!(told(&mut gateway(), &indicative), []);
}

#[test]
fn one_side_of_a_fill_is_told_when_the_other_is_anothers() {
    let ours_takes = executed(party(A, MINE, 20, 4), party(B, OTHERS, 10, 0));
    let report: ExecutedReport = only(&told(&mut gateway(), &ours_takes), A);
    assert_eq!((report.maker, report.order_id.get()), (0, 20));
    let ours_makes = executed(party(A, OTHERS, 20, 4), party(B, MINE, 10, 0));
    let report: ExecutedReport = only(&told(&mut gateway(), &ours_makes), B);
    assert_eq!((report.maker, report.order_id.get()), (1, 10));
}

#[test]
fn what_concerns_another_gateway_is_nobodys_here() {
    let gateway = &mut gateway();
    let mut reports = told(gateway, &accepted(A, OTHERS));
    reports.extend(told(gateway, &rejected(A, OTHERS, RejectReason::UnknownOrder)));
    reports.extend(told(gateway, &resent(A, OTHERS)));
    reports.extend(told(gateway, &cancelled(A, OTHERS)));
    reports.extend(told(gateway, &replaced(A, OTHERS)));
    reports.extend(told(gateway, &executed(party(A, OTHERS, 1, 0), party(B, 0, 2, 0))));
    reports.extend(told(gateway, &prevented(party(A, OTHERS, 1, 0), party(B, 0, 2, 0))));
    reports.extend(told(gateway, &triggered(A, OTHERS)));
    reports.extend(told(gateway, &repriced(A, OTHERS)));
    assert_eq!(reports, []);
    assert_eq!(gateway.sessions.unanswered(SessionId(A), ClientSeq(5)), 5, "nor is it answered");
}

#[test]
fn a_session_that_never_spoke_has_no_address_but_is_answered() {
    let mut gateway = gateway();
    assert_eq!(told(&mut gateway, &accepted(SILENT, MINE)), []);
    assert_eq!(gateway.sessions.unanswered(SessionId(SILENT), ClientSeq(6)), 1);
}

#[test]
fn answers_move_the_window_and_never_back() {
    let ahead = |gateway: &Gateway| gateway.sessions.unanswered(SessionId(A), ClientSeq(9));
    let mut gateway = gateway();
    told(&mut gateway, &accepted(A, MINE));
    assert_eq!(ahead(&gateway), 4);
    let later = CommandRejected {
        client_seq: 7.into(),
        ..rejected(A, MINE, RejectReason::DuplicateClientOrderId)
    };
    told(&mut gateway, &later);
    assert_eq!(ahead(&gateway), 2);
    told(&mut gateway, &resent(A, MINE));
    assert_eq!(ahead(&gateway), 2, "5 was answered before 7");
    told(&mut gateway, &Resent { client_seq: 8.into(), ..resent(A, MINE) });
    assert_eq!(ahead(&gateway), 1);
}

#[test]
fn rejections_without_an_outcome_are_told_but_move_nothing() {
    for &reason in RejectReason::ALL {
        let mut gateway = gateway();
        let _: RejectedReport = only(&told(&mut gateway, &rejected(A, MINE, reason)), A);
        let is_stateless = matches!(
            reason,
            RejectReason::UnknownSession
                | RejectReason::StaleSessionEpoch
                | RejectReason::ClientSeqGap
                | RejectReason::OutcomeExpired
        );
        let ahead = gateway.sessions.unanswered(SessionId(A), ClientSeq(6));
        assert_eq!(ahead, if is_stateless { 6 } else { 1 }, "{reason}");
    }
}

#[test]
fn a_refusal_of_the_sequencer_reaches_its_session() {
    let refusal = SequencerRefusal {
        client_seq: 5.into(),
        session: B.into(),
        gateway: MINE.into(),
        reason: (RejectReason::WrongGateway as u16).into(),
        reserved: [0; 6],
    };
    let mut reports = Vec::new();
    let mut gateway = gateway();
    gateway
        .on_sequencer(&bytes(&refusal), &mut |to, report| reports.push((to, report.to_vec())))
        .unwrap();
    let report: RefusedReport = only(&reports, B);
    assert_eq!((report.client_seq.get(), report.session.get(), report.reason.get()), (5, B, 111));
    assert_eq!(gateway.sessions.unanswered(SessionId(B), ClientSeq(5)), 5, "it has no outcome");
}

#[test]
fn the_level_in_force_is_in_every_report() {
    let mut gateway = gateway();
    gateway.on_sequencer(&bytes(&accepting()), &mut |_, _| {}).unwrap();
    let level = CommitLevel::Journaled as u8;
    let report: AcceptedReport = only(&told(&mut gateway, &accepted(A, MINE)), A);
    assert_eq!(report.commit_level, level);
    let report: CancelledReport = only(&told(&mut gateway, &cancelled(A, MINE)), A);
    assert_eq!(report.commit_level, level);
}

#[test]
fn an_instrument_that_is_not_configured_shows_raw_units() {
    let foreign = CommandAccepted { instrument: 8.into(), ..accepted(A, MINE) };
    let report: AcceptedReport = only(&told(&mut gateway(), &foreign), A);
    assert_eq!((report.price.get(), report.qty.get()), (12, 3));
}

fn accepting() -> SequencerStatus {
    SequencerStatus {
        next_seq: 1.into(),
        epoch: 1.into(),
        shard: 1.into(),
        commit_level: CommitLevel::Journaled as u8,
        accepting: 1,
        reserved: [0; 6],
    }
}

#[test]
fn what_is_no_event_is_named() {
    let gateway = &mut gateway();
    let hash = StateHash { stamp: stamp(), state_hash: 1.into() };
    let quiet = gateway.on_event(&bytes(&hash), &mut |_, _| panic!("a report"));
    assert_eq!(quiet, Ok(()), "an event that concerns no session");
    let status = SequencerStatus::TEMPLATE_ID;
    let error = gateway.on_event(&bytes(&accepting()), &mut |_, _| {}).unwrap_err();
    assert_eq!(error, WireError::UnknownTemplate(status));
    let whole = bytes(&accepted(A, MINE));
    for len in 0..whole.len() {
        assert!(gateway.on_event(&whole[..len], &mut |_, _| panic!("a report")).is_err(), "{len}");
        assert!(gateway.on_sequencer(&whole[..len], &mut |_, _| panic!("a report")).is_err());
    }
}

#[test]
fn figures_beyond_the_instrument_are_named() {
    let gateway = &mut gateway();
    let absurd = |price: i64, qty: u64| CommandAccepted {
        price: price.into(),
        qty: qty.into(),
        ..accepted(A, MINE)
    };
    for event in [absurd(i64::MAX, 1), absurd(i64::MIN, 1), absurd(1, u64::MAX)] {
        let error = gateway.on_event(&bytes(&event), &mut |_, _| panic!("a report"));
        assert!(matches!(error, Err(WireError::InvalidField(_))), "{error:?}");
    }
}
