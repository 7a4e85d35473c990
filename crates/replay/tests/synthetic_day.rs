//! A right book has no mismatched row on any day that the made-up market writes, at any depth; a
//! book with a fault has.

#[allow(dead_code, reason = "some of it is for other tests")]
mod support;

use support::market::{Day, Files, Filter};
use support::venue::{Fault, MatchingVenue};
use vesta_replay::lobster::Recording;
use vesta_replay::{Report, run};

fn check(files: &Files, venue: &mut MatchingVenue) -> Report {
    run(Recording::new(files.messages.as_bytes(), files.orderbook.as_bytes()), venue)
        .expect("good files and a venue that is there")
}

fn check_day(day: Day) {
    let files = day.write();
    let mut venue = MatchingVenue::new();
    let report = check(&files, &mut venue);
    let first = report.first_mismatch.as_ref().map(ToString::to_string);
    println!(
        "{day:?}: {} ({} empty sides, batches to {})",
        report.json(),
        files.empty_sides,
        venue.log.iter().map(Vec::len).max().unwrap_or(0)
    );
    assert_eq!((report.mismatched, first), (0, None), "{day:?}");
    assert_eq!(report.rejected, 0, "{day:?}");
    assert_eq!(report.rows, day.rows as u64, "{day:?}");
    assert_eq!(report.exact + report.revealed, report.rows - 1, "{day:?}");
    assert_eq!(report.executed_qty.0, files.executed_qty, "{day:?}");
    assert!(report.exact > report.rows / 2, "{day:?}: most rows are exact");
    assert!(report.holds(), "{day:?}");
}

const DEPTHS: [usize; 6] = [1, 2, 5, 10, 30, 50];

#[test]
fn a_right_book_holds_on_many_days_at_any_depth() {
    for depth in DEPTHS {
        for (seed, crowd) in [20, 60, 150, 400, 1_000, 3_000].into_iter().enumerate() {
            for filter in [Filter::Window, Filter::Everything] {
                let (seed, header) = (1000 * depth as u64 + seed as u64, seed % 2 == 0);
                check_day(Day { seed, depth, rows: 3_000, filter, crowd, header });
            }
        }
    }
}

#[test]
fn a_right_book_holds_on_a_whole_day() {
    for (depth, crowd, header) in [(1, 800, false), (5, 60, true), (10, 800, true)] {
        let filter = Filter::Window;
        check_day(Day { seed: 99, depth, rows: 60_000, filter, crowd, header });
    }
}

#[test]
fn every_fault_of_a_book_is_seen() {
    for depth in DEPTHS {
        let (filter, crowd) = (Filter::Window, 1_000);
        let day = Day { seed: 7, depth, rows: 3_000, filter, crowd, header: false };
        let files = day.write();
        for fault in [
            Fault::LosesShares(5),
            Fault::KeepsCancelled(40),
            Fault::WrongPrice(60 + 2 * depth as u64),
            Fault::HidesLastLevel,
            Fault::SkipsRepair(3),
        ] {
            let report = check(&files, &mut MatchingVenue::with(fault));
            assert!(report.mismatched > 0, "{fault:?} at depth {depth}: {}", report.json());
            assert!(report.first_mismatch.is_some());
            assert!(!report.holds());
        }
    }
}
