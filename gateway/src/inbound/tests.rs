//! What becomes of datagrams, as bytes: every way to be wrong, and the record of those that are not.

use super::*;
use vesta_wire::control::SequencerStatus;

const ME: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5_001);
const SOMEBODY: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5_002);
const SESSION: u32 = 7;
const WINDOW: u64 = 4;
const RESERVE: u64 = 2;
const TICK: i64 = 1_000_000;
const LOT: i64 = 10_000;

fn gateway() -> Gateway {
    let mut gateway = Gateway::new(Settings {
        gateway: GatewayId(3),
        sessions: vec![SessionId(9), SessionId(SESSION)],
        instruments: vec![
            (InstrumentId(2), Scale::new(1, 1).unwrap()),
            (InstrumentId(1), Scale::new(TICK, LOT).unwrap()),
        ],
        window: WINDOW as u32,
        cancel_reserve: RESERVE as u32,
        drain_max: std::time::Duration::ZERO,
    });
    status(&mut gateway, true);
    gateway
}

fn status(gateway: &mut Gateway, accepting: bool) {
    let status = SequencerStatus {
        next_seq: 1.into(),
        epoch: 1.into(),
        shard: 1.into(),
        commit_level: CommitLevel::Received as u8,
        accepting: u8::from(accepting),
        reserved: [0; 6],
    };
    gateway.on_sequencer(&bytes(&status), &mut |_, _| {}).unwrap();
}

fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; M::LEN];
    encode(message, &mut bytes);
    bytes
}

fn origin(client_seq: u64) -> Origin {
    Origin { client_seq: client_seq.into(), session: SESSION.into(), session_epoch: 1.into() }
}

fn new_order() -> NewOrderRequest {
    NewOrderRequest {
        origin: origin(1),
        client_order_id: 55.into(),
        account: 66.into(),
        price: (100 * TICK).into(),
        qty: (3 * LOT).into(),
        instrument: 1.into(),
        stp_group: 77.into(),
        side: 2,
        order_type: 1,
        time_in_force: 1,
        flags: 1,
        post_only: 2,
        self_trade: 3,
        reserved: [0; 2],
    }
}

fn extended() -> NewOrderExtendedRequest {
    NewOrderExtendedRequest {
        origin: origin(1),
        client_order_id: 55.into(),
        account: 66.into(),
        price: (100 * TICK).into(),
        qty: (9 * LOT).into(),
        display_qty: (3 * LOT).into(),
        min_qty: (2 * LOT).into(),
        stop_price: (110 * TICK).into(),
        trail: (7 * TICK).into(),
        offset: (4 * TICK).into(),
        expires_ns: 1_234.into(),
        // A tick x lot is 10^-6 of the quote currency: 100 units of 10^-8.
        budget: 90_050.into(),
        instrument: 1.into(),
        stp_group: 77.into(),
        side: 2,
        order_type: 6,
        time_in_force: 5,
        flags: 2,
        post_only: 1,
        self_trade: 4,
        peg: 2,
        reserved: 0,
    }
}

fn cancel_of(client_order_id: u64, order_id: u64) -> CancelRequest {
    CancelRequest {
        origin: origin(1),
        client_order_id: client_order_id.into(),
        order_id: order_id.into(),
        instrument: 1.into(),
        reserved: [0; 4],
    }
}

fn replace_of(client_order_id: u64, order_id: u64) -> ReplaceRequest {
    ReplaceRequest {
        origin: origin(1),
        client_order_id: client_order_id.into(),
        order_id: order_id.into(),
        price: (2 * TICK).into(),
        qty: (4 * LOT).into(),
        stop_price: (3 * TICK).into(),
        instrument: 1.into(),
        reserved: [0; 4],
    }
}

fn mass_cancel_of() -> MassCancelRequest {
    MassCancelRequest {
        origin: origin(1),
        account: 0.into(),
        instrument: 0.into(),
        side: 0,
        reserved: [0; 3],
    }
}

/// One good datagram of each kind.
fn good() -> [Vec<u8>; 5] {
    [
        bytes(&new_order()),
        bytes(&cancel_of(55, 0)),
        bytes(&replace_of(0, 9)),
        bytes(&mass_cancel_of()),
        bytes(&extended()),
    ]
}

/// `None` for one that goes on to the sequencer.
fn refused(gateway: &mut Gateway, datagram: &[u8]) -> Option<RejectReason> {
    match gateway.on_datagram(ME, datagram, true) {
        Inbound::Forward(_) => None,
        Inbound::Refuse(report) => {
            assert_eq!(report.client_seq.get(), 1, "the refusal says which command");
            Some(RejectReason::from_wire(report.reason.get()).unwrap())
        }
        Inbound::Drop(reason) => panic!("dropped: {reason:?}"),
    }
}

fn forwarded<M: Message>(datagram: &[u8]) -> M {
    match gateway().on_datagram(ME, datagram, true) {
        Inbound::Forward(record) => *decode::<M>(record).unwrap(),
        other => panic!("not forwarded: {other:?}"),
    }
}

#[test]
fn the_record_is_the_request_in_ticks_and_lots_with_a_blank_stamp() {
    let stamp = Stamp { gateway: 3.into(), ..Stamp::default() };
    assert_eq!(
        forwarded::<NewOrder>(&bytes(&new_order())),
        NewOrder {
            stamp,
            origin: origin(1),
            client_order_id: 55.into(),
            account: 66.into(),
            price: 100.into(),
            qty: 3.into(),
            instrument: 1.into(),
            stp_group: 77.into(),
            side: 2,
            order_type: 1,
            time_in_force: 1,
            flags: 1,
            post_only: 2,
            self_trade: 3,
            reserved: [0; 2],
        }
    );
    assert_eq!(
        forwarded::<NewOrderExtended>(&bytes(&extended())),
        NewOrderExtended {
            stamp,
            origin: origin(1),
            client_order_id: 55.into(),
            account: 66.into(),
            price: 100.into(),
            qty: 9.into(),
            display_qty: 3.into(),
            min_qty: 2.into(),
            stop_price: 110.into(),
            trail_ticks: 7.into(),
            offset_ticks: 4.into(),
            expires_ns: 1_234.into(),
            budget: 901.into(),
            instrument: 1.into(),
            stp_group: 77.into(),
            side: 2,
            order_type: 6,
            time_in_force: 5,
            flags: 2,
            post_only: 1,
            self_trade: 4,
            peg: 2,
            reserved: 0,
        }
    );
    assert_eq!(
        forwarded::<CancelOrder>(&bytes(&cancel_of(55, 0))),
        CancelOrder {
            stamp,
            origin: origin(1),
            client_order_id: 55.into(),
            order_id: 0.into(),
            instrument: 1.into(),
            reserved: [0; 4],
        }
    );
    assert_eq!(
        forwarded::<ReplaceOrder>(&bytes(&replace_of(0, 9))),
        ReplaceOrder {
            stamp,
            origin: origin(1),
            client_order_id: 0.into(),
            order_id: 9.into(),
            price: 2.into(),
            qty: 4.into(),
            stop_price: 3.into(),
            instrument: 1.into(),
            reserved: [0; 4],
        }
    );
    let some =
        MassCancelRequest { account: 66.into(), instrument: 2.into(), side: 1, ..mass_cancel_of() };
    assert_eq!(
        forwarded::<MassCancel>(&bytes(&some)),
        MassCancel {
            stamp,
            origin: origin(1),
            account: 66.into(),
            instrument: 2.into(),
            side: 1,
            reserved: [0; 3],
        }
    );
}

#[test]
fn a_market_order_keeps_its_price_of_nothing() {
    let market = NewOrderRequest {
        price: 0.into(),
        order_type: 2,
        time_in_force: 2,
        flags: 0,
        ..new_order()
    };
    assert_eq!(forwarded::<NewOrder>(&bytes(&market)).price.get(), 0);
}

#[test]
fn what_an_order_does_not_have_stays_nothing() {
    let none = NewOrderExtendedRequest {
        price: 0.into(),
        display_qty: 0.into(),
        min_qty: 0.into(),
        stop_price: 0.into(),
        trail: 0.into(),
        offset: 0.into(),
        budget: 0.into(),
        ..extended()
    };
    let record = forwarded::<NewOrderExtended>(&bytes(&none));
    let prices = [record.price, record.stop_price].map(|price| price.get());
    let figures = [
        record.display_qty,
        record.min_qty,
        record.trail_ticks,
        record.offset_ticks,
        record.budget,
    ];
    assert_eq!((prices, figures.map(|figure| figure.get())), ([0; 2], [0; 5]));
    let replace = ReplaceRequest { price: 0.into(), stop_price: 0.into(), ..replace_of(0, 9) };
    let record = forwarded::<ReplaceOrder>(&bytes(&replace));
    assert_eq!((record.price.get(), record.stop_price.get()), (0, 0), "a stop may have neither");
}

#[test]
fn a_budget_is_rounded_to_where_it_admits_the_same() {
    // 900.5 ticks x lots: a buy may spend 900, a sell must bring 901.
    for (side, budget) in [(1, 900), (2, 901)] {
        let order = NewOrderExtendedRequest { side, ..extended() };
        assert_eq!(forwarded::<NewOrderExtended>(&bytes(&order)).budget.get(), budget);
    }
}

#[test]
fn every_figure_that_does_not_fit_is_refused_by_its_name() {
    use RejectReason::{
        InvalidBudget, InvalidDisplayQty, InvalidMinQty, InvalidPeg, InvalidPrice, InvalidQuantity,
        InvalidStop, OffLot, OffTick,
    };
    type Set = fn(&mut NewOrderExtendedRequest, i64);
    let cases: [(Set, RejectReason, Option<RejectReason>); 8] = [
        (|r, e8| r.price = e8.into(), InvalidPrice, Some(OffTick)),
        (|r, e8| r.stop_price = e8.into(), InvalidStop, Some(OffTick)),
        (|r, e8| r.trail = e8.into(), InvalidStop, Some(OffTick)),
        (|r, e8| r.offset = e8.into(), InvalidPeg, Some(OffTick)),
        (|r, e8| r.qty = e8.into(), InvalidQuantity, Some(OffLot)),
        (|r, e8| r.display_qty = e8.into(), InvalidDisplayQty, Some(OffLot)),
        (|r, e8| r.min_qty = e8.into(), InvalidMinQty, Some(OffLot)),
        (|r, e8| r.budget = e8.into(), InvalidBudget, None),
    ];
    for (nth, (set, invalid, off_grid)) in cases.into_iter().enumerate() {
        let reason = |e8: i64, instrument: u32| {
            let mut order = NewOrderExtendedRequest { instrument: instrument.into(), ..extended() };
            set(&mut order, e8);
            refused(&mut gateway(), &bytes(&order))
        };
        for negative in [-1, -TICK, i64::MIN] {
            assert_eq!(reason(negative, 1), Some(invalid), "figure {nth}: {negative}");
        }
        if let Some(off_grid) = off_grid {
            // Neither a whole tick nor a whole lot.
            for between in [1, 50 * TICK + 1, i64::MAX] {
                assert_eq!(reason(between, 1), Some(off_grid), "figure {nth}: {between}");
            }
        }
        // Instrument 2 counts in the finest units: the largest numbers overflow ticks and lots.
        assert_eq!(reason(i64::MAX, 2), Some(invalid), "figure {nth}");
    }
    // Less than a tick x lot buys nothing, and must not pass for no budget.
    let tiny = NewOrderExtendedRequest { side: 1, budget: 99.into(), ..extended() };
    assert_eq!(refused(&mut gateway(), &bytes(&tiny)), Some(InvalidBudget));
    for (stop_price, reason) in [(-TICK, InvalidStop), (1, OffTick)] {
        let replace = ReplaceRequest { stop_price: stop_price.into(), ..replace_of(0, 9) };
        assert_eq!(refused(&mut gateway(), &bytes(&replace)), Some(reason));
    }
}

#[test]
fn truncated_at_every_length() {
    for datagram in good() {
        for len in 0..datagram.len() {
            let mut gateway = gateway();
            if len < ADDRESSED_LEN {
                let inbound = gateway.on_datagram(ME, &datagram[..len], true);
                assert_eq!(inbound, Inbound::Drop(DropReason::Runt), "{len}");
            } else {
                let reason = refused(&mut gateway, &datagram[..len]);
                assert_eq!(reason, Some(RejectReason::Truncated), "{len}");
            }
        }
    }
}

#[test]
fn oversized_by_any_length() {
    for datagram in good() {
        for extra in [1, 2, 7, 100, 2_000] {
            let mut long = datagram.clone();
            long.resize(datagram.len() + extra, 0);
            assert_eq!(refused(&mut gateway(), &long), Some(RejectReason::Oversized));
        }
    }
}

#[test]
fn every_template_that_is_no_request() {
    for datagram in good() {
        for template in (0..=u16::MAX).filter(|t| !(1..=5).contains(t)) {
            let mut wrong = datagram.clone();
            wrong[2..4].copy_from_slice(&template.to_le_bytes());
            let mut gateway = gateway();
            if (10..=19).contains(&template) {
                let inbound = gateway.on_datagram(ME, &wrong, true);
                assert_eq!(inbound, Inbound::Drop(DropReason::Report), "{template}");
            } else {
                let reason = refused(&mut gateway, &wrong);
                assert_eq!(reason, Some(RejectReason::UnknownTemplate), "{template}");
            }
        }
    }
}

#[test]
fn a_refusal_is_never_answered() {
    // Else two gateways, or one and itself, would go on for ever after one forged datagram.
    let report = refusal(&origin(1), RejectReason::NotReady);
    let mut echo = bytes(&report);
    for at in 4..8 {
        let mut gateway = gateway();
        let inbound = gateway.on_datagram(SOMEBODY, &echo, true);
        assert_eq!(inbound, Inbound::Drop(DropReason::Report));
        echo[at] ^= 0xff; // another schema or version is no excuse
    }
}

#[test]
fn another_schema_version_or_block_length() {
    for datagram in good() {
        // Bytes 0 and 1: block length; 4 and 5: schema; 6 and 7: version.
        for at in [0, 1, 4, 5, 6, 7] {
            for flip in [0x01, 0x80, 0xff] {
                let mut wrong = datagram.clone();
                wrong[at] ^= flip;
                let reason = refused(&mut gateway(), &wrong);
                assert_eq!(reason, Some(RejectReason::UnsupportedVersion), "byte {at}");
            }
        }
    }
}

#[test]
fn every_value_without_a_meaning() {
    // Offset in the datagram, and the values that have one.
    let [new, cancel, replace, mass, extended] = good();
    let cases: [(&[u8], usize, &[u8]); 26] = [
        (&new, 8 + 56, &[1, 2]),
        (&new, 8 + 57, &[1, 2, 3, 4, 5, 6, 7]),
        (&new, 8 + 58, &[1, 2, 3, 4, 5, 6, 7, 8]),
        (&new, 8 + 59, &[0, 1, 2, 3]),
        (&new, 8 + 60, &[0, 1, 2]),
        (&new, 8 + 61, &[0, 1, 2, 3, 4]),
        (&new, 8 + 62, &[0]),
        (&new, 8 + 63, &[0]),
        (&extended, 8 + 112, &[1, 2]),
        (&extended, 8 + 113, &[1, 2, 3, 4, 5, 6, 7]),
        (&extended, 8 + 114, &[1, 2, 3, 4, 5, 6, 7, 8]),
        (&extended, 8 + 115, &[0, 1, 2, 3]),
        (&extended, 8 + 116, &[0, 1, 2]),
        (&extended, 8 + 117, &[0, 1, 2, 3, 4]),
        (&extended, 8 + 118, &[0, 1, 2]),
        (&extended, 8 + 119, &[0]),
        (&cancel, 8 + 36, &[0]),
        (&cancel, 8 + 37, &[0]),
        (&cancel, 8 + 38, &[0]),
        (&cancel, 8 + 39, &[0]),
        (&replace, 8 + 60, &[0]),
        (&replace, 8 + 63, &[0]),
        (&mass, 8 + 28, &[0, 1, 2]),
        (&mass, 8 + 29, &[0]),
        (&mass, 8 + 30, &[0]),
        (&mass, 8 + 31, &[0]),
    ];
    for (datagram, at, meant) in cases {
        for value in 0..=u8::MAX {
            let mut changed = datagram.to_vec();
            changed[at] = value;
            let expected = (!meant.contains(&value)).then_some(RejectReason::InvalidField);
            assert_eq!(refused(&mut gateway(), &changed), expected, "byte {at} = {value}");
        }
    }
}

#[test]
fn an_unknown_session() {
    for session in [0, 1, 8, u32::MAX] {
        let origin = Origin { session: session.into(), ..origin(1) };
        let datagram = bytes(&NewOrderRequest { origin, ..new_order() });
        assert_eq!(refused(&mut gateway(), &datagram), Some(RejectReason::UnknownSession));
    }
}

#[test]
fn an_unknown_instrument() {
    for instrument in [0, 3, u32::MAX] {
        let new = NewOrderRequest { instrument: instrument.into(), ..new_order() };
        let replace = ReplaceRequest { instrument: instrument.into(), ..replace_of(0, 9) };
        let extended = NewOrderExtendedRequest { instrument: instrument.into(), ..extended() };
        for datagram in [bytes(&new), bytes(&replace), bytes(&extended)] {
            let reason = refused(&mut gateway(), &datagram);
            assert_eq!(reason, Some(RejectReason::UnknownInstrument));
        }
    }
}

#[test]
fn prices_and_quantities_that_are_none() {
    use RejectReason::{InvalidPrice, InvalidQuantity, OffLot, OffTick};
    let prices = [
        (-1, InvalidPrice),
        (-TICK, InvalidPrice),
        (i64::MIN, InvalidPrice),
        (1, OffTick),
        (TICK - 1, OffTick),
        (100 * TICK + 1, OffTick),
        (i64::MAX, OffTick),
    ];
    for (price, reason) in prices {
        let new = NewOrderRequest { price: price.into(), ..new_order() };
        let replace = ReplaceRequest { price: price.into(), ..replace_of(0, 9) };
        assert_eq!(refused(&mut gateway(), &bytes(&new)), Some(reason), "{price}");
        assert_eq!(refused(&mut gateway(), &bytes(&replace)), Some(reason), "{price}");
    }
    let quantities = [
        (0, InvalidQuantity),
        (-LOT, InvalidQuantity),
        (i64::MIN, InvalidQuantity),
        (1, OffLot),
        (LOT + 1, OffLot),
        (i64::MAX, OffLot),
    ];
    for (qty, reason) in quantities {
        let new = NewOrderRequest { qty: qty.into(), ..new_order() };
        let replace = ReplaceRequest { qty: qty.into(), ..replace_of(0, 9) };
        assert_eq!(refused(&mut gateway(), &bytes(&new)), Some(reason), "{qty}");
        assert_eq!(refused(&mut gateway(), &bytes(&replace)), Some(reason), "{qty}");
    }
    // Instrument 2 counts in the finest units: the largest numbers overflow ticks and lots.
    let fine = NewOrderRequest { instrument: 2.into(), ..new_order() };
    let price = NewOrderRequest { price: i64::MAX.into(), ..fine };
    assert_eq!(refused(&mut gateway(), &bytes(&price)), Some(InvalidPrice));
    let qty = NewOrderRequest { qty: i64::MAX.into(), ..fine };
    assert_eq!(refused(&mut gateway(), &bytes(&qty)), Some(InvalidQuantity));
}

#[test]
fn an_order_has_exactly_one_name() {
    let invalid = Some(RejectReason::InvalidField);
    for (client, engine, expected) in [(0, 0, invalid), (5, 6, invalid), (5, 0, None), (0, 6, None)]
    {
        let reason = refused(&mut gateway(), &bytes(&cancel_of(client, engine)));
        assert_eq!(reason, expected);
        let reason = refused(&mut gateway(), &bytes(&replace_of(client, engine)));
        assert_eq!(reason, expected);
    }
}

#[test]
fn the_window_is_full_for_orders_before_it_is_for_cancels() {
    let full = Some(RejectReason::WindowFull);
    let reason = |gateway: &mut Gateway, mut datagram: Vec<u8>, client_seq: u64| {
        datagram[8..16].copy_from_slice(&client_seq.to_le_bytes());
        match gateway.on_datagram(ME, &datagram, true) {
            Inbound::Forward(_) => None,
            Inbound::Refuse(report) => RejectReason::from_wire(report.reason.get()),
            Inbound::Drop(reason) => panic!("{reason:?}"),
        }
    };
    let mut gateway = gateway();
    for answered in [0, 10] {
        gateway.sessions.answered(SessionId(SESSION), ClientSeq(answered));
        let [new, cancel, replace, mass, extended] = good();
        for risky in [new, replace, extended] {
            assert_eq!(reason(&mut gateway, risky.clone(), answered + WINDOW), None);
            assert_eq!(reason(&mut gateway, risky.clone(), answered + WINDOW + 1), full);
            assert_eq!(reason(&mut gateway, risky, u64::MAX), full);
        }
        for safe in [cancel, mass] {
            assert_eq!(reason(&mut gateway, safe.clone(), answered + WINDOW + RESERVE), None);
            assert_eq!(reason(&mut gateway, safe.clone(), answered + WINDOW + RESERVE + 1), full);
            assert_eq!(reason(&mut gateway, safe, u64::MAX), full);
        }
    }
    assert_eq!(reason(&mut gateway, bytes(&new_order()), 3), None, "a repetition always goes on");
}

#[test]
fn a_session_belongs_to_its_first_good_address() {
    let mut gateway = gateway();
    // A bad datagram binds nothing.
    let bad = bytes(&cancel_of(0, 0));
    assert!(matches!(gateway.on_datagram(SOMEBODY, &bad, true), Inbound::Refuse(_)));
    assert_eq!(refused(&mut gateway, &bytes(&new_order())), None);
    let Inbound::Refuse(report) = gateway.on_datagram(SOMEBODY, &bytes(&new_order()), true) else {
        panic!("another address got through");
    };
    assert_eq!(report.reason.get(), RejectReason::SessionBoundElsewhere as u16);
    assert_eq!(refused(&mut gateway, &bytes(&new_order())), None, "the first still does");
}

#[test]
fn nothing_goes_on_before_the_shard_is_ready() {
    let not_ready = RejectReason::NotReady as u16;
    let mut gateway = gateway();
    let reason = |inbound: Inbound<'_>| match inbound {
        Inbound::Refuse(report) => Some(report.reason.get()),
        _ => None,
    };
    let order = bytes(&new_order());
    assert_eq!(reason(gateway.on_datagram(ME, &order, false)), Some(not_ready));
    assert_eq!(reason(gateway.on_datagram(ME, &order, true)), None);
    status(&mut gateway, false);
    assert_eq!(reason(gateway.on_datagram(ME, &order, true)), Some(not_ready));
    status(&mut gateway, true);
    assert_eq!(reason(gateway.on_datagram(ME, &order, true)), None);
}

#[test]
fn nothing_of_a_bad_datagram_stays_in_the_next_record() {
    let mut gateway = gateway();
    assert_eq!(refused(&mut gateway, &bytes(&extended())), None);
    assert!(refused(&mut gateway, &bytes(&replace_of(7, 7))).is_some());
    let Inbound::Forward(record) = gateway.on_datagram(ME, &bytes(&mass_cancel_of()), true) else {
        panic!("refused");
    };
    assert_eq!(record.len(), MassCancel::LEN);
    assert!(decode::<MassCancel>(record).is_ok());
}
