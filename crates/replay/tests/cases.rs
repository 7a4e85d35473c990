//! Each rule of the check on a file small enough to work out by hand. Prices here are in cents.

#[allow(dead_code, reason = "the made-up market is for other tests")]
mod support;

use support::venue::{Fault, MatchingVenue};
use vesta_replay::Owner::{self, Anonymous, Named};
use vesta_replay::lobster::{Fault as FileFault, LobsterError, Recording};
use vesta_replay::{Action, CheckError, Effect, Level, Report, Request, Venue, run};
use vesta_types::{ClientOrderId, PriceTicks, QtyLots, Side};

/// A message file; `(type, order id, size, cents, direction)`. The first is that of the seed.
fn messages(rows: &[(u8, i64, u64, i64, i8)]) -> String {
    let line = |&(kind, id, size, cents, direction): &(u8, i64, u64, i64, i8)| {
        format!("34200.5,{kind},{id},{size},{},{direction}\n", cents * 100)
    };
    rows.iter().map(line).collect()
}

/// Bids, then asks, best first, `(cents, size)`.
type Shown<'a> = (&'a [(i64, u64)], &'a [(i64, u64)]);

/// An orderbook file, each side of depth `depth`.
fn orderbook(depth: usize, rows: &[Shown]) -> String {
    let mut text = String::new();
    for (bids, asks) in rows {
        let level = |levels: &[(i64, u64)], at: usize, empty: &str| match levels.get(at) {
            Some((cents, size)) => format!("{},{size}", cents * 100),
            None => format!("{empty},0"),
        };
        let levels = (0..depth).map(|at| {
            format!("{},{}", level(asks, at, "9999999999"), level(bids, at, "-9999999999"))
        });
        text.push_str(&levels.collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}

const SEED: (u8, i64, u64, i64, i8) = (1, 1, 1, 1, 1);

fn check(messages: &str, orderbook: &str, venue: &mut MatchingVenue) -> Report {
    run(Recording::new(messages.as_bytes(), orderbook.as_bytes()), venue).expect("good files")
}

/// What a right book comes to, and the requests of each message that had any, seed not among them.
fn right(messages: &str, orderbook: &str) -> (Report, Vec<Vec<Request>>) {
    let mut venue = MatchingVenue::new();
    let report = check(messages, orderbook, &mut venue);
    assert_eq!(report.rejected, 0);
    (report, venue.log.split_off(1))
}

fn counts(report: &Report) -> (u64, u64, u64, u64) {
    (report.exact, report.revealed, report.mismatched, report.repairs)
}

const fn replace(owner: Owner, id: u64, cents: i64, qty: u64) -> Request {
    let action = Action::Replace { price: PriceTicks(cents * 100), qty: QtyLots(qty) };
    Request { owner, id: ClientOrderId(id), action }
}

const fn cancel(owner: Owner, id: u64) -> Request {
    Request { owner, id: ClientOrderId(id), action: Action::Cancel }
}

#[test]
fn each_message_type_does_what_it_says() {
    // Ids of ours: the seed's bid is 1 and its ask 2, the orders that follow 3, 4, ...
    let messages = messages(&[
        SEED,
        (1, 70, 30, 100, 1),
        (2, 70, 10, 100, 1),
        (4, 70, 25, 100, 1),
        (3, 70, 15, 100, 1),
        (5, 0, 99, 101, 1),
        (6, -1, 99, 101, 1),
        (7, 0, 0, -1, -1),
    ]);
    let asks: &[_] = &[(105, 50)];
    let orderbook = orderbook(
        2,
        &[
            (&[(100, 20)], asks),
            (&[(100, 50)], asks),
            (&[(100, 40)], asks),
            (&[(100, 15)], asks),
            (&[], asks),
            (&[], asks),
            (&[], asks),
            (&[], asks),
        ],
    );
    let (report, log) = right(&messages, &orderbook);
    assert_eq!(counts(&report), (7, 0, 0, 0), "{report:?}");
    assert_eq!((report.executions, report.executed_qty), (2, QtyLots(25)), "20 + 5");
    assert!(report.holds());
    assert_eq!(log[1], [replace(Named, 3, 100, 20)], "a partial cancel keeps the place");
    assert_eq!(log[3], [cancel(Named, 3)], "the file's 15 is all that is left");
    assert_eq!(log.len(), 4, "types 5, 6 and 7 do nothing");
    assert_eq!(
        report.json(),
        "{\"rows\":8,\"exact\":7,\"revealed\":0,\"mismatched\":0,\"repairs\":0,\
         \"executions\":2,\"executed_qty\":25}"
    );
}

#[test]
fn a_reduction_goes_from_the_named_order_to_anonymous_ones_to_the_newest() {
    let asks: &[_] = &[(105, 50)];
    let messages = messages(&[
        SEED,
        (1, 70, 30, 100, 1), // our 3
        (1, 71, 30, 100, 1), // our 4
        (2, 99, 5, 100, 1),  // unknown: from the anonymous 1
        (4, 99, 20, 100, 1), // trades 1's 15, then 5 of order 70
        (3, 70, 30, 100, 1), // 70 has 25 left; 5 from the newest, 71
        (3, 98, 10, 100, 1), // unknown, nobody anonymous: from the newest
        (3, 71, 30, 100, 1), // has 15 left, and nobody else is there
    ]);
    let bids = |qty| vec![(100, qty)];
    let rows: Vec<_> = [20, 50, 80, 75, 55, 25, 15].map(bids).into();
    let mut rows: Vec<Shown> = rows.iter().map(|bids| (bids.as_slice(), asks)).collect();
    rows.push((&[], asks));
    let (report, log) = right(&messages, &orderbook(2, &rows));
    assert_eq!(counts(&report), (7, 0, 0, 0), "{report:?}");
    assert_eq!(log[2], [replace(Anonymous, 1, 100, 15)]);
    assert_eq!(log[4], [cancel(Named, 3), replace(Named, 4, 100, 25)]);
    assert_eq!(log[5], [replace(Named, 4, 100, 15)]);
    assert_eq!(log[6], [cancel(Named, 4)]);
}

#[test]
fn an_id_that_comes_again_is_another_order() {
    let asks: &[_] = &[(105, 50)];
    let messages = messages(&[
        SEED,
        (1, 70, 30, 100, 1),
        (3, 70, 30, 100, 1),
        (1, 70, 10, 101, 1), // after it was gone
        (1, 70, 40, 99, 1),  // while it is still there
        (3, 70, 40, 99, 1),
        (3, 70, 10, 101, 1), // the name is gone, its level is not
    ]);
    let rows: [Shown; 7] = [
        (&[(98, 5)], asks),
        (&[(100, 30), (98, 5)], asks),
        (&[(98, 5)], asks),
        (&[(101, 10), (98, 5)], asks),
        (&[(101, 10), (99, 40), (98, 5)], asks),
        (&[(101, 10), (98, 5)], asks),
        (&[(98, 5)], asks),
    ];
    let (report, _) = right(&messages, &orderbook(4, &rows));
    assert_eq!(counts(&report), (6, 0, 0, 0), "{report:?}");
}

#[test]
fn a_name_counts_only_at_its_own_price() {
    let messages = messages(&[SEED, (1, 70, 30, 99, 1), (3, 70, 20, 100, 1)]);
    let rows: [Shown; 3] = [(&[(100, 20)], &[]), (&[(100, 20), (99, 30)], &[]), (&[(99, 30)], &[])];
    let (report, log) = right(&messages, &orderbook(3, &rows));
    assert_eq!(counts(&report), (2, 0, 0, 0), "{report:?}");
    assert_eq!(log[1], [cancel(Anonymous, 1)]);
}

#[test]
fn a_level_that_comes_into_view_is_adopted() {
    let messages = messages(&[SEED, (3, 99, 20, 100, 1), (1, 70, 5, 99, 1)]);
    let asks: &[_] = &[(105, 50), (106, 1)];
    let rows: [Shown; 3] = [
        (&[(100, 20), (99, 7)], asks),
        (&[(99, 7), (90, 300)], asks),
        (&[(99, 12), (90, 300)], asks),
    ];
    let (report, log) = right(&messages, &orderbook(2, &rows));
    assert_eq!(counts(&report), (1, 1, 0, 1), "{report:?}");
    let Action::New { price, qty, post_only: true, .. } = log[1][0].action else { panic!() };
    assert_eq!((log[1][0].owner, price.0, qty.0), (Anonymous, 9_000, 300));
}

#[test]
fn a_level_that_comes_back_as_it_was_is_exact() {
    let messages = messages(&[SEED, (1, 70, 5, 101, 1), (4, 70, 5, 101, 1)]);
    let rows: [Shown; 3] =
        [(&[(100, 20)], &[(105, 50)]), (&[(101, 5)], &[(105, 50)]), (&[(100, 20)], &[(105, 50)])];
    let (report, _) = right(&messages, &orderbook(1, &rows));
    assert_eq!(counts(&report), (2, 0, 0, 0), "{report:?}");
}

#[test]
fn stale_levels_that_the_window_proves_absent_are_removed() {
    // 100 and 99 leave the window, change unseen, and the window comes back to them.
    let messages = messages(&[
        SEED,
        (1, 70, 5, 101, 1),
        (1, 71, 5, 102, 1),
        (4, 71, 5, 102, 1), // 101 as it was
        (4, 70, 5, 101, 1), // 100 is gone, 99 has less, as it turns out
        (3, 98, 4, 99, 1),  // 98 has grown
        (3, 97, 9, 98, 1),  // and nothing at all is left
    ]);
    let asks: &[_] = &[(105, 50)];
    let rows: [Shown; 7] = [
        (&[(100, 20)], asks),
        (&[(101, 5)], asks),
        (&[(102, 5)], asks),
        (&[(101, 5)], asks),
        (&[(99, 4)], asks),
        (&[(98, 9)], asks),
        (&[], asks),
    ];
    let (report, log) = right(&messages, &orderbook(1, &rows));
    assert_eq!(counts(&report), (4, 2, 0, 3), "{report:?}");
    assert_eq!(log[4][0], cancel(Anonymous, 1), "100, before what is adopted");
    assert_eq!(log[4].len(), 2);
}

#[test]
fn an_empty_level_removes_everything_behind_it() {
    // Three bids at depth 1: 101, then 102 in front, both are executed, and the side is empty.
    let messages =
        messages(&[SEED, (1, 70, 5, 101, 1), (1, 71, 5, 102, 1), (3, 71, 5, 102, 1), SEED]);
    let asks: &[_] = &[(105, 50)];
    let rows: [Shown; 4] =
        [(&[(100, 20)], asks), (&[(101, 5)], asks), (&[(102, 5)], asks), (&[], asks)];
    let messages: String = messages.lines().take(4).map(|line| format!("{line}\n")).collect();
    let (report, log) = right(&messages, &orderbook(1, &rows));
    assert_eq!(counts(&report), (2, 1, 0, 2), "{report:?}");
    assert_eq!(log[3], [cancel(Anonymous, 1), cancel(Named, 3)]);
}

#[test]
fn what_was_known_may_not_differ() {
    // The message says 10, the file's row shows 11 gone: somebody is wrong, and stays wrong.
    let messages = messages(&[SEED, (2, 99, 10, 100, 1), (5, 0, 1, 101, 1), (3, 98, 9, 100, 1)]);
    let asks: &[_] = &[(105, 50)];
    let rows: [Shown; 4] =
        [(&[(100, 20)], asks), (&[(100, 9)], asks), (&[(100, 9)], asks), (&[], asks)];
    let (report, log) = right(&messages, &orderbook(1, &rows));
    assert_eq!(counts(&report), (0, 0, 3, 0), "{report:?}");
    assert_eq!(log.len(), 2, "nothing is repaired");
    let first = report.first_mismatch.expect("a mismatch").to_string();
    assert!(
        first.starts_with(
            "row 2, bid level 1: the file shows 9 at 1.0000, the book 10 at 1.0000; \
             after PartialCancel"
        ),
        "{first}"
    );
}

#[test]
fn nothing_can_be_revealed_where_everything_was_visible() {
    let messages = messages(&[SEED, (5, 0, 1, 101, 1)]);
    let asks: &[_] = &[(105, 50), (106, 1)];
    let rows: [Shown; 2] = [(&[(100, 20)], asks), (&[(100, 20), (99, 1)], asks)];
    let (report, _) = right(&messages, &orderbook(2, &rows));
    assert_eq!(counts(&report), (0, 0, 1, 0), "{report:?}");
    let first = report.first_mismatch.expect("a mismatch");
    assert_eq!((first.side, first.level, first.found), (Side::Buy, 2, None));
}

#[test]
fn a_revealed_level_excuses_no_other() {
    // Level 2 (99) shows one share less than it had, in the row in which 90 comes into view.
    let messages = messages(&[SEED, (3, 99, 20, 100, 1)]);
    let asks: &[_] = &[(105, 50), (106, 1)];
    let rows: [Shown; 2] = [(&[(100, 20), (99, 7)], asks), (&[(99, 6), (90, 300)], asks)];
    let (report, _) = right(&messages, &orderbook(2, &rows));
    assert_eq!(counts(&report), (0, 0, 1, 1), "{report:?}");
}

#[test]
fn an_order_that_would_cross_the_files_own_book_is_a_mismatch() {
    let messages = messages(&[SEED, (1, 70, 10, 105, 1)]);
    let rows: [Shown; 2] = [(&[(100, 20)], &[(105, 50)]), (&[(105, 10), (100, 20)], &[(105, 50)])];
    let (report, _) = right(&messages, &orderbook(2, &rows));
    assert_eq!(report.mismatched, 1);
    assert_eq!(report.executed_qty, QtyLots::ZERO, "no message said that anything was executed");
}

#[test]
fn a_repair_that_does_not_take_is_a_mismatch() {
    let messages = messages(&[SEED, (3, 99, 20, 100, 1)]);
    let asks: &[_] = &[(105, 50), (106, 1)];
    let rows: [Shown; 2] = [(&[(100, 20), (99, 7)], asks), (&[(99, 7), (90, 300)], asks)];
    // The first anonymous command after the seed is the delete itself, the second the repair.
    let mut venue = MatchingVenue::with(Fault::SkipsRepair(2));
    let report = check(&messages, &orderbook(2, &rows), &mut venue);
    assert_eq!(counts(&report), (0, 0, 1, 1), "{report:?}");
}

#[test]
fn a_venue_that_fails_is_named_with_its_row() {
    struct Gone;
    impl Venue for Gone {
        type Error = &'static str;
        fn submit(&mut self, _: &[Request], _: &mut Vec<Effect>) -> Result<(), &'static str> {
            Ok(())
        }
        fn levels(&mut self, _: Side, _: usize, _: &mut Vec<Level>) -> Result<(), &'static str> {
            Err("no market data")
        }
    }
    let messages = messages(&[SEED, (5, 0, 1, 101, 1)]);
    let orderbook = orderbook(1, &[(&[], &[]), (&[], &[])]);
    let error = run(Recording::new(messages.as_bytes(), orderbook.as_bytes()), Gone).unwrap_err();
    assert_eq!(error.to_string(), "the venue failed at row 2: no market data");
}

const MESSAGE: &str = "34200.1,1,7,10,10000,1";
const BOOK: &str = "10100,5,10000,10";

fn file_error(messages: &str, orderbook: &str) -> LobsterError {
    let recording = Recording::new(messages.as_bytes(), orderbook.as_bytes());
    match run(recording, MatchingVenue::new()) {
        Err(CheckError::Recording(error)) => error,
        Err(CheckError::Venue { error, .. }) => match error {},
        Ok(report) => panic!("it passed: {report:?}"),
    }
}

#[test]
fn headers_line_ends_and_more_columns_make_no_difference() {
    let plain = (format!("{MESSAGE}\n34200.2,5,0,1,1,-1\n"), format!("{BOOK}\n{BOOK}\n"));
    let dressed = (
        format!("\u{feff}Time,Type,Order ID,Size,Price,Direction,MPID\r\n{MESSAGE},GSCO\r\n\r\n")
            + "34200.2,5,0,1,1,-1,null",
        format!("Ask Price 1,Ask Size 1,Bid Price 1,Bid Size 1\r\n{BOOK}\r\n10100.0, 5,10000,10.0"),
    );
    let plain = right(&plain.0, &plain.1);
    assert_eq!((plain.0.rows, plain.0.exact), (2, 1));
    assert_eq!(plain, right(&dressed.0, &dressed.1));
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let fault = |messages: &str, orderbook: &str| {
        let LobsterError { file, line, fault } = file_error(messages, orderbook);
        (file, line, fault)
    };
    let two = format!("{MESSAGE}\n{MESSAGE}\n");
    let books = format!("{BOOK}\n{BOOK}\n");
    assert!(matches!(fault(&two, BOOK), ("orderbook", 2, FileFault::RowCount)));
    assert!(matches!(fault(MESSAGE, &books), ("message", 2, FileFault::RowCount)));
    assert!(matches!(fault("", ""), ("message", 1, FileFault::Empty)));
    assert!(matches!(fault("time,type\n", BOOK), ("message", 2, FileFault::Empty)));
    assert!(matches!(
        fault("34200.1,1,7,10,10000", BOOK),
        ("message", 1, FileFault::Columns { found: 5, .. })
    ));
    assert!(matches!(
        fault(MESSAGE, "10100,5,10000"),
        ("orderbook", 1, FileFault::Columns { found: 3, .. })
    ));
    assert!(matches!(
        fault(&two, &format!("{BOOK}\n{BOOK},{BOOK}\n")),
        ("orderbook", 2, FileFault::Depth { found: 2, depth: 1 })
    ));
    assert!(matches!(
        fault(MESSAGE, "10100,5,9900,10,10100,5,9800,10"),
        ("orderbook", 1, FileFault::LevelOrder { side: Side::Sell, level: 2 })
    ));
    assert!(matches!(
        fault(MESSAGE, "10100,5,9900,0,10200,5,9800,10"),
        ("orderbook", 1, FileFault::LevelOrder { side: Side::Buy, level: 2 })
    ));
    for (line, wrong) in [
        ("x,1,7,10,10000,1", "time"),
        ("34200.1,8,7,10,10000,1", "type"),
        ("34200.1,1,x,10,10000,1", "order_id"),
        ("34200.1,1,7,0,10000,1", "size"),
        ("34200.1,1,7,-3,10000,1", "size"),
        ("34200.1,1,7,10,0,1", "price"),
        ("34200.1,1,7,10,10000.5,1", "price"),
        ("34200.1,1,7,10,99999999999999999999,1", "price"),
        ("34200.1,1,7,10,10000,0", "direction"),
    ] {
        let (file, at, fault) = fault(&format!("{MESSAGE}\n{line}\n"), &books);
        assert_eq!((file, at), ("message", 2), "{line}");
        assert!(matches!(&fault, FileFault::Field { column, .. } if *column == wrong), "{fault}");
    }
    let error = file_error("34200.1,1,7,10,10000,2", BOOK).to_string();
    assert_eq!(error, "message file, line 1: direction `2` is not 1 or -1");
}
