//! The real file, where it is there. It may not be redistributed, so it is never in the repository.

#[allow(dead_code, reason = "faults and the made-up market are for other tests")]
mod support;

use std::path::PathBuf;
use support::venue::MatchingVenue;
use vesta_replay::lobster::Recording;
use vesta_replay::{Report, run};
use vesta_types::QtyLots;

/// The folder of the data: `VESTA_DATA`, which defaults to `../shared/data` beside the checkout.
fn data() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    std::env::var_os("VESTA_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from)
}

/// Both files as text; says SKIP where they are absent.
fn files(test: &str) -> Option<(String, String)> {
    let folder = data().join("lobster");
    let read = |name| std::fs::read_to_string(folder.join(name));
    match (read("AAPL_level10_message.csv"), read("AAPL_level10_orderbook.csv")) {
        (Ok(messages), Ok(orderbook)) => Some((messages, orderbook)),
        _ => {
            println!("SKIP {test}: no real order flow in {}", folder.display());
            None
        }
    }
}

fn check(messages: &str, orderbook: &str) -> Report {
    let recording = Recording::new(messages.as_bytes(), orderbook.as_bytes());
    let report = run(recording, MatchingVenue::new()).expect("good files");
    println!("{}", report.json());
    assert_eq!(report.first_mismatch.as_ref().map(ToString::to_string), None);
    assert_eq!(report.exact + report.revealed, report.rows - 1);
    assert_eq!(report.executed_qty, QtyLots(4730));
    assert!(report.holds());
    report
}

#[test]
fn real_data_holds_against_a_right_book() {
    let Some((messages, orderbook)) = files("real_data_holds_against_a_right_book") else { return };
    let report = check(&messages, &orderbook);
    assert_eq!(report.rows, 999);
    assert!(report.exact >= 980, "{}", report.json());
    let header = |columns: usize| vec!["name"; columns].join(",") + "\n";
    assert_eq!(report, check(&(header(6) + &messages), &(header(40) + &orderbook)));
}

#[test]
fn real_data_holds_against_a_right_book_less_deeply() {
    let Some((messages, orderbook)) = files("real_data_holds_against_a_right_book_less_deeply")
    else {
        return;
    };
    for depth in 1..10 {
        let cut = |row: &str| row.split(',').take(4 * depth).collect::<Vec<_>>().join(",");
        let rows: Vec<String> = orderbook.lines().map(cut).collect();
        let report = check(&messages, &rows.join("\n"));
        assert_eq!(report.rows, 999, "with every message");

        // As a file of that depth would have it: only what changes the rows.
        let (mut seen, mut messages_seen, mut rows_seen) = ("", String::new(), String::new());
        for (message, row) in messages.lines().zip(&rows) {
            let hidden = message.split(',').nth(1) == Some("5");
            if hidden || row != seen {
                messages_seen += &format!("{message}\n");
                rows_seen += &format!("{row}\n");
                seen = row;
            }
        }
        let report = check(&messages_seen, &rows_seen);
        assert!(report.exact > report.rows / 2, "{}", report.json());
    }
}
