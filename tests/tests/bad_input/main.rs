//! Bad datagrams, as real bytes to running processes: each gets a typed reject or a counted drop,
//! and afterwards a good order trades in the same run.

mod aeron;

use vesta_sim::Random;
use vesta_tests::client::{
    BTC, Client, Heard, LOT, PRICE_MAX, QTY_MAX, TICK, TRADE_COMMANDS, TRADE_REPORTS, XRP,
    XRP_TICK, bytes, trade,
};
use vesta_tests::roles::{Venue, counted};
use vesta_tests::running::Ended;
use vesta_types::{PriceTicks, QtyLots, RejectReason};
use vesta_wire::client::{
    AcceptedReport, CancelRequest, MassCancelRequest, NewOrderExtendedRequest, NewOrderRequest,
    Origin, RefusedReport, ReplaceRequest, ResentReport,
};
use vesta_wire::{Message, SbeHeader};

/// Shorter than this, nobody can be answered.
const ADDRESSED_LEN: usize = SbeHeader::LEN + size_of::<Origin>();
/// The longest datagram that UDP over IPv4 carries.
const UDP_LEN_MAX: usize = 65_507;

/// What a gateway counted besides the good orders that [`finish`] trades.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    forwarded: u64,
    refused: u64,
    runts: u64,
    strays: u64,
}

/// Trades one good order, ends the venue, and compares what the gateway counted.
fn finish(mut venue: Venue, expected: &Counts) -> Vec<Ended> {
    trade(venue.places().gateway());
    venue.assert_alive();
    let ended = venue.end();
    let gateway = &ended[0];
    let found = Counts {
        forwarded: counted(gateway, "forwarded ") - TRADE_COMMANDS,
        refused: counted(gateway, "refused "),
        runts: counted(gateway, "dropped "),
        strays: counted(gateway, "runts and "),
    };
    assert_eq!(&found, expected, "{:?}", gateway.stderr);
    let Counts { forwarded, refused, runts, strays } = found;
    let all = forwarded + refused + runts + strays + TRADE_COMMANDS;
    assert_eq!(counted(gateway, "received "), all, "every datagram is accounted for");
    assert!(counted(gateway, "sent ") >= TRADE_REPORTS + forwarded + refused);
    assert_eq!(counted(&ended[1], "sequenced "), forwarded + TRADE_COMMANDS);
    ended
}

/// Each datagram is refused for the reason that is said with it, under its own `client_seq`.
fn all_refused(session: u32, wrong: impl Fn(&Client) -> Vec<(Vec<u8>, RejectReason)>) {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), session);
    let wrong = wrong(&client);
    for (at, (datagram, reason)) in wrong.iter().enumerate() {
        let heard = client.ask(datagram);
        assert_eq!(heard.refusal(), *reason, "datagram {at}");
        let Heard::Refused(RefusedReport { client_seq, session, .. }) = heard else {
            unreachable!("it is a refusal")
        };
        let origin = &datagram[SbeHeader::LEN..ADDRESSED_LEN];
        assert_eq!(origin[..8], client_seq.to_bytes(), "datagram {at}");
        assert_eq!(origin[8..12], session.to_bytes(), "datagram {at}");
    }
    // No client_seq was consumed.
    client.ask(&bytes(&client.order(1))).accepted();
    let refused = wrong.len() as u64;
    finish(venue, &Counts { forwarded: 1, refused, ..Counts::default() });
}

/// Each command in turn is sequenced, and rejected for the reason that is said with it.
fn all_rejected(session: u32, wrong: impl Fn(&Client, u64) -> Vec<(Vec<u8>, RejectReason)>) {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), session);
    let wrong = wrong(&client, 1);
    for (at, (datagram, reason)) in wrong.iter().enumerate() {
        assert_eq!(client.ask(datagram).rejection(), *reason, "command {at}");
    }
    let next = wrong.len() as u64 + 1;
    client.ask(&bytes(&client.order(next))).accepted();
    finish(venue, &Counts { forwarded: next, ..Counts::default() });
}

fn with_header(mut datagram: Vec<u8>, at: usize, value: u16) -> Vec<u8> {
    datagram[at..at + 2].copy_from_slice(&value.to_le_bytes());
    datagram
}

#[test]
fn truncated() {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 1);
    let mut counts = Counts::default();
    for request in client.requests() {
        for len in 0..request.len() {
            client.send(&request[..len]);
            if len < ADDRESSED_LEN {
                counts.runts += 1;
                continue;
            }
            assert_eq!(client.hear().refusal(), RejectReason::Truncated, "{len} bytes");
            counts.refused += 1;
        }
    }
    finish(venue, &counts);
}

#[test]
fn oversized() {
    all_refused(2, |client| {
        let longer = |request: Vec<u8>| {
            [1, 7, 1_000, 2_047, 2_048, 9_000, UDP_LEN_MAX].map(|more| {
                let len = if more < 2_000 { request.len() + more } else { more };
                let mut request = request.clone();
                request.resize(len, 0);
                (request, RejectReason::Oversized)
            })
        };
        client.requests().into_iter().flat_map(longer).collect()
    });
}

#[test]
fn misaligned() {
    all_refused(3, |client| {
        let shifted = |request: Vec<u8>| {
            let right = [&[0], &request[..]].concat();
            let left = request[1..].to_vec();
            // Their headers are no longer where they should be; an origin still is, of a sort.
            let mut wrong = vec![(right, RejectReason::UnsupportedVersion)];
            if left.len() >= ADDRESSED_LEN {
                wrong.push((left, RejectReason::UnsupportedVersion));
            }
            // Two requests in one datagram, and one that ends within a field.
            wrong.push(([&request[..], &request[..]].concat(), RejectReason::Oversized));
            wrong.push((request[..request.len() - 3].to_vec(), RejectReason::Truncated));
            wrong
        };
        client.requests().into_iter().flat_map(shifted).collect()
    });
}

#[test]
fn unknown_template() {
    all_refused(4, |client| {
        // Ours, but of other streams: control, records, events, market data; and nobody's.
        let templates = (0..=u16::from(u8::MAX)).chain([1_000, 0x8000, u16::MAX]);
        templates
            .filter(|template| !(1..=5).contains(template) && !(10..=19).contains(template))
            .map(|template| with_header(bytes(&client.order(1)), 2, template))
            .map(|datagram| (datagram, RejectReason::UnknownTemplate))
            .collect()
    });
}

#[test]
fn reports_are_for_clients_and_get_no_answer() {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 5);
    let report = |template| with_header(vec![0x11; AcceptedReport::LEN], 2, template);
    for template in 10..=19 {
        client.send(&report(template));
    }
    // What is heard next is the answer to this one.
    assert_eq!(client.ask(&report(9)).refusal(), RejectReason::UnsupportedVersion);
    finish(venue, &Counts { refused: 1, strays: 10, ..Counts::default() });
}

#[test]
fn wrong_version() {
    all_refused(6, |client| {
        let wrong = |request: Vec<u8>| {
            let version = [0, 2, u16::MAX].map(|value| with_header(request.clone(), 6, value));
            // A block of another size is another version's.
            let block =
                [0, 1, 47, 49, u16::MAX].map(|value| with_header(request.clone(), 0, value));
            version.into_iter().chain(block).map(|d| (d, RejectReason::UnsupportedVersion))
        };
        client.requests().into_iter().flat_map(wrong).collect()
    });
}

#[test]
fn wrong_schema() {
    all_refused(7, |client| {
        let wrong = |request: Vec<u8>| {
            [0, 1, 0x4556, u16::MAX]
                .map(|id| (with_header(request.clone(), 4, id), RejectReason::UnsupportedVersion))
        };
        client.requests().into_iter().flat_map(wrong).collect()
    });
}

#[test]
fn values_without_a_meaning() {
    all_refused(8, |client| {
        let order = bytes(&client.order(1));
        let field = |at: usize, value: u8| {
            let mut order = order.clone();
            order[SbeHeader::LEN + at] = value;
            order
        };
        let mut wrong: Vec<_> =
            [(56, 0), (56, 3), (57, 0), (57, 8), (58, 0), (58, 9), (59, 4), (59, 255), (60, 3)]
                .map(|(at, value)| field(at, value))
                .into();
        wrong.extend([(61, 5), (62, 1), (63, 1)].map(|(at, value)| field(at, value)));
        // An order that is named twice, or not at all; and bytes that are to be zero.
        wrong.push(bytes(&CancelRequest { order_id: 1.into(), ..client.cancel(1, 1) }));
        wrong.push(bytes(&client.cancel(1, 0)));
        wrong.push(bytes(&CancelRequest { reserved: [0, 0, 0, 1], ..client.cancel(1, 1) }));
        wrong.push(bytes(&ReplaceRequest { order_id: 1.into(), ..client.replace(1, 1) }));
        wrong.push(bytes(&client.replace(1, 0)));
        wrong.into_iter().map(|datagram| (datagram, RejectReason::InvalidField)).collect()
    });
}

#[test]
fn replayed() {
    let few = "[sessions]\nwindow = 4\ncancel_reserve = 2\n";
    let venue = Venue::start_with("", few);
    let client = Client::new(venue.places().gateway(), 9);
    let first = *client.ask(&bytes(&client.order(1))).accepted();
    let again = |client_seq| client.ask(&bytes(&client.order(client_seq)));
    for _ in 0..3 {
        let heard = again(1);
        let Heard::Resent(ResentReport { reason, order_id, first_seq, .. }) = heard else {
            panic!("not answered from the table: {heard:?}")
        };
        assert_eq!((reason.get(), order_id, first_seq), (0, first.order_id, first.seq));
    }
    // What was rejected stays rejected, whatever comes under its number later.
    let rejected = client.ask(&bytes(&client.cancel(2, 77)));
    assert_eq!(rejected.rejection(), RejectReason::UnknownOrder);
    let heard = again(2);
    let Heard::Resent(ResentReport { reason, .. }) = heard else { panic!("{heard:?}") };
    assert_eq!(reason.get(), RejectReason::UnknownOrder as u16);
    // Only so many outcomes are kept; what is older is not executed either.
    for client_seq in 3..=10 {
        again(client_seq).accepted();
    }
    assert_eq!(again(1).rejection(), RejectReason::OutcomeExpired);
    let ended = finish(venue, &Counts { forwarded: 15, ..Counts::default() });
    assert_eq!(counted(&ended[2], "records, "), 9, "nothing was executed twice");
}

#[test]
fn unknown_instrument() {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 10);
    let mut refused = 0;
    for instrument in [0, 5, 64, u32::MAX] {
        let order = NewOrderRequest { instrument: instrument.into(), ..client.order(1) };
        let replace = ReplaceRequest { instrument: instrument.into(), ..client.replace(1, 1) };
        for datagram in [bytes(&order), bytes(&replace)] {
            assert_eq!(client.ask(&datagram).refusal(), RejectReason::UnknownInstrument);
            refused += 1;
        }
    }
    // These need no conversion at the edge: the engine knows. A cancel is for an order that must be
    // of its instrument.
    let mass = MassCancelRequest { instrument: 5.into(), ..client.mass_cancel(1) };
    assert_eq!(client.ask(&bytes(&mass)).rejection(), RejectReason::UnknownInstrument);
    let cancel = CancelRequest { instrument: 5.into(), ..client.cancel(2, 1) };
    assert_eq!(client.ask(&bytes(&cancel)).rejection(), RejectReason::UnknownOrder);
    finish(venue, &Counts { forwarded: 2, refused, ..Counts::default() });
}

#[test]
fn unknown_session() {
    let venue = Venue::start();
    let mut refused = 0;
    for session in [0, 101, u32::MAX] {
        let client = Client::new(venue.places().gateway(), session);
        for request in client.requests() {
            assert_eq!(client.ask(&request).refusal(), RejectReason::UnknownSession);
            refused += 1;
        }
    }
    // A known one, in the reign of another gateway.
    let client = Client::new(venue.places().gateway(), 11);
    let mut order = client.order(1);
    order.origin.session_epoch = 2.into();
    assert_eq!(client.ask(&bytes(&order)).rejection(), RejectReason::StaleSessionEpoch);
    client.ask(&bytes(&client.order(1))).accepted();
    finish(venue, &Counts { forwarded: 2, refused, ..Counts::default() });
}

#[test]
fn zero_negative_and_overflowing_price_at_the_edge() {
    all_refused(12, |client| {
        let order = |price: i64| bytes(&NewOrderRequest { price: price.into(), ..client.order(1) });
        let replace =
            |price: i64| bytes(&ReplaceRequest { price: price.into(), ..client.replace(1, 1) });
        let mut wrong = Vec::new();
        for price in [-1, -TICK, i64::MIN, i64::MIN + 1] {
            wrong.push((order(price), RejectReason::InvalidPrice));
            wrong.push((replace(price), RejectReason::InvalidPrice));
        }
        // Whole ticks, but more than a book counts; BTC-USD's are too coarse for that.
        let above = (PriceTicks::MAX.0 + 1) * XRP_TICK;
        let price = above.into();
        let order_above = NewOrderRequest { instrument: XRP.into(), price, ..client.order(1) };
        wrong.push((bytes(&order_above), RejectReason::InvalidPrice));
        wrong.push((order(i64::MAX), RejectReason::OffTick));
        wrong.push((replace(i64::MAX), RejectReason::OffTick));
        wrong
    });
}

#[test]
fn zero_and_overflowing_price_at_the_book() {
    all_rejected(13, |client, first| {
        // 0 is a market order's price: that this is none only the book can tell.
        let largest = i64::MAX / TICK * TICK;
        (first..)
            .zip([0, PRICE_MAX + TICK, largest])
            .map(|(client_seq, price)| {
                let order = NewOrderRequest { price: price.into(), ..client.order(client_seq) };
                (bytes(&order), RejectReason::InvalidPrice)
            })
            .collect()
    });
}

#[test]
fn zero_price_of_a_replace_at_the_book() {
    // A stop without a limit has none; a limit order must.
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 30);
    client.ask(&bytes(&client.order(1))).accepted();
    let replace = ReplaceRequest { price: 0.into(), ..client.replace(2, 1) };
    assert_eq!(client.ask(&bytes(&replace)).rejection(), RejectReason::InvalidPrice);
    finish(venue, &Counts { forwarded: 2, ..Counts::default() });
}

#[test]
fn terms_that_do_not_go_together_at_the_book() {
    all_rejected(31, |client, first| {
        type Set = fn(&mut NewOrderExtendedRequest);
        let cases: [(Set, RejectReason); 8] = [
            (|o| o.display_qty = LOT.into(), RejectReason::InvalidDisplayQty),
            (|o| o.min_qty = (2 * LOT).into(), RejectReason::InvalidMinQty),
            (|o| o.stop_price = TICK.into(), RejectReason::InvalidStop),
            (|o| o.peg = 1, RejectReason::InvalidPeg),
            (|o| o.expires_ns = 1.into(), RejectReason::InvalidExpiry),
            (|o| o.budget = 100.into(), RejectReason::InvalidBudget),
            (|o| o.account = 1.into(), RejectReason::AccountNotAllowed),
            (|o| o.stp_group = 1.into(), RejectReason::StpGroupNotAllowed),
        ];
        let order = |(client_seq, (set, reason)): (u64, (Set, RejectReason))| {
            let mut order = client.extended(client_seq);
            set(&mut order);
            (bytes(&order), reason)
        };
        (first..).zip(cases).map(order).collect()
    });
}

#[test]
fn figures_of_the_longer_message_at_the_edge() {
    all_refused(32, |client| {
        type Set = fn(&mut NewOrderExtendedRequest);
        let cases: [(Set, RejectReason); 10] = [
            (|o| o.display_qty = (-LOT).into(), RejectReason::InvalidDisplayQty),
            (|o| o.display_qty = 1.into(), RejectReason::OffLot),
            (|o| o.min_qty = (-1).into(), RejectReason::InvalidMinQty),
            (|o| o.min_qty = (LOT + 1).into(), RejectReason::OffLot),
            (|o| o.stop_price = (-TICK).into(), RejectReason::InvalidStop),
            (|o| o.stop_price = 1.into(), RejectReason::OffTick),
            (|o| o.trail = (-TICK).into(), RejectReason::InvalidStop),
            (|o| o.trail = (TICK - 1).into(), RejectReason::OffTick),
            (|o| o.offset = i64::MIN.into(), RejectReason::InvalidPeg),
            (|o| o.budget = 1.into(), RejectReason::InvalidBudget),
        ];
        let order = |(set, reason): (Set, RejectReason)| {
            let mut order = client.extended(1);
            set(&mut order);
            (bytes(&order), reason)
        };
        cases.into_iter().map(order).collect()
    });
}

#[test]
fn zero_negative_and_overflowing_quantity_at_the_edge() {
    all_refused(14, |client| {
        let above = (QtyLots::MAX.0.cast_signed() + 1) * LOT;
        let order = |qty: i64| bytes(&NewOrderRequest { qty: qty.into(), ..client.order(1) });
        let replace = |qty: i64| bytes(&ReplaceRequest { qty: qty.into(), ..client.replace(1, 1) });
        let mut wrong = Vec::new();
        for qty in [0, -1, -LOT, i64::MIN, above, i64::MAX / LOT * LOT] {
            wrong.push((order(qty), RejectReason::InvalidQuantity));
            wrong.push((replace(qty), RejectReason::InvalidQuantity));
        }
        wrong.push((order(i64::MAX), RejectReason::OffLot));
        wrong
    });
}

#[test]
fn overflowing_quantity_at_the_book() {
    all_rejected(15, |client, first| {
        let qty = (QTY_MAX + LOT).into();
        let order = NewOrderRequest { qty, ..client.order(first) };
        vec![(bytes(&order), RejectReason::InvalidQuantity)]
    });
}

#[test]
fn off_tick_price() {
    all_refused(16, |client| {
        let off = |price: i64| {
            let order = NewOrderRequest { price: price.into(), ..client.order(1) };
            let replace = ReplaceRequest { price: price.into(), ..client.replace(1, 1) };
            [bytes(&order), bytes(&replace)].map(|datagram| (datagram, RejectReason::OffTick))
        };
        [1, TICK - 1, TICK + 1, TICK / 2].into_iter().flat_map(off).collect()
    });
}

#[test]
fn off_lot_quantity() {
    all_refused(17, |client| {
        let off = |qty: i64| {
            let order = NewOrderRequest { qty: qty.into(), ..client.order(1) };
            let replace = ReplaceRequest { qty: qty.into(), ..client.replace(1, 1) };
            [bytes(&order), bytes(&replace)].map(|datagram| (datagram, RejectReason::OffLot))
        };
        [1, LOT - 1, LOT + 1, LOT / 2].into_iter().flat_map(off).collect()
    });
}

#[test]
fn client_order_id_that_is_live() {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 18);
    let named =
        |client_seq| NewOrderRequest { client_order_id: 7.into(), ..client.order(client_seq) };
    client.ask(&bytes(&named(1))).accepted();
    let twice = client.ask(&bytes(&named(2)));
    assert_eq!(twice.rejection(), RejectReason::DuplicateClientOrderId);
    let unnamed = NewOrderRequest { client_order_id: 0.into(), ..client.order(3) };
    assert_eq!(client.ask(&bytes(&unnamed)).rejection(), RejectReason::InvalidClientOrderId);
    // Another session's orders have names of their own; and a name is free when its order is gone.
    let other = Client::new(venue.places().gateway(), 19);
    let same = NewOrderRequest { client_order_id: 7.into(), ..other.order(1) };
    other.ask(&bytes(&same)).accepted();
    client.ask(&bytes(&client.cancel(4, 7))).accepted();
    let gone = client.hear();
    assert!(matches!(gone, Heard::Cancelled(_)), "{gone:?}");
    client.ask(&bytes(&named(5))).accepted();
    finish(venue, &Counts { forwarded: 6, ..Counts::default() });
}

#[test]
fn client_seq_gap() {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 20);
    let order = |client_seq| client.ask(&bytes(&client.order(client_seq)));
    for ahead in [2, 3, 1_000] {
        assert_eq!(order(ahead).rejection(), RejectReason::ClientSeqGap);
    }
    order(1).accepted();
    assert_eq!(order(3).rejection(), RejectReason::ClientSeqGap);
    // A gap leaves no state: the same numbers, in order, are good.
    order(2).accepted();
    order(3).accepted();
    // Further ahead than the window is refused before it is sequenced.
    for ahead in [2_000, u64::MAX] {
        assert_eq!(order(ahead).refusal(), RejectReason::WindowFull);
    }
    // There is no command 0: to the engine it is older than anything that it keeps.
    assert_eq!(order(0).rejection(), RejectReason::OutcomeExpired);
    finish(venue, &Counts { forwarded: 8, refused: 2, ..Counts::default() });
}

#[test]
fn session_bound_to_another_address() {
    let venue = Venue::start();
    let owner = Client::new(venue.places().gateway(), 21);
    owner.ask(&bytes(&owner.order(1))).accepted();
    let thief = Client::new(venue.places().gateway(), 21);
    for request in
        [bytes(&thief.order(2)), bytes(&thief.mass_cancel(2)), bytes(&thief.cancel(2, 1))]
    {
        assert_eq!(thief.ask(&request).refusal(), RejectReason::SessionBoundElsewhere);
    }
    owner.ask(&bytes(&owner.order(2))).accepted();
    finish(venue, &Counts { forwarded: 2, refused: 3, ..Counts::default() });
}

#[test]
fn garbage_of_every_length() {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 22);
    let mut random = Random::new(0x6a7b_a6e0);
    let mut counts = Counts::default();
    for len in (0..=2_048).chain([4_096, 16_384, UDP_LEN_MAX - 1, UDP_LEN_MAX]) {
        let datagram: Vec<u8> = (0..len).map(|_| random.next_u64() as u8).collect();
        client.send(&datagram);
        let is_report = datagram.len() > 4 && (10..=19).contains(&datagram[2]) && datagram[3] == 0;
        if len < ADDRESSED_LEN {
            counts.runts += 1;
        } else if is_report {
            counts.strays += 1;
        } else {
            assert_eq!(client.hear().refusal(), RejectReason::UnsupportedVersion, "{len} bytes");
            counts.refused += 1;
        }
    }
    finish(venue, &counts);
}

/// Every byte of every request, changed in three ways: whatever that makes of it, it gets at most
/// one primary reply, and the venue goes on.
#[test]
fn good_requests_with_one_byte_changed() {
    let venue = Venue::start();
    let places = venue.places();
    let client = Client::new(places.gateway(), 23);
    let witness = Client::new(places.gateway(), 24);
    let (mut datagrams, mut client_seq) = (0, 1);
    for request in client.requests() {
        for at in 0..request.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut datagram = request.clone();
                datagram[at] ^= mask;
                client.send(&datagram);
                datagrams += 1;
            }
            // A good one in between, of another session: it waits for all that came before.
            let side = 2;
            let price = PRICE_MAX.into();
            let order = NewOrderRequest { price, side, ..witness.order(client_seq) };
            assert_eq!(witness.ask(&bytes(&order)).accepted().client_seq.get(), client_seq);
            client_seq += 1;
        }
    }
    trade(places.gateway());
    let ended = venue.end();
    let gateway = &ended[0];
    let all = datagrams + client_seq - 1 + TRADE_COMMANDS;
    assert_eq!(counted(gateway, "received "), all);
    let parts = ["forwarded ", "refused ", "dropped ", "runts and "].map(|w| counted(gateway, w));
    assert_eq!(parts.iter().sum::<u64>(), all, "every datagram is accounted for");
    assert_eq!(counted(&ended[1], "sequenced "), parts[0]);
}

/// One lot is one lot: the constants of these tests are those of the default configuration.
#[test]
fn the_smallest_and_the_largest_order_are_good() {
    let venue = Venue::start();
    let client = Client::new(venue.places().gateway(), 25);
    assert_eq!(client.order(1).instrument.get(), BTC);
    for (client_seq, price, qty) in [(1, TICK, LOT), (2, PRICE_MAX, QTY_MAX)] {
        let order =
            NewOrderRequest { price: price.into(), qty: qty.into(), ..client.order(client_seq) };
        let accepted = *client.ask(&bytes(&order)).accepted();
        assert_eq!((accepted.price.get(), accepted.qty.get()), (price, qty));
    }
    finish(venue, &Counts { forwarded: 2, ..Counts::default() });
}
