//! Consumers of market data, and clients, as tests wait for them and compare them.

use serde_json::Value;

use crate::running::{Running, terminate, wait_for};

/// Waits for a flow to end, and checks that each command was answered once; returns what it said.
///
/// # Panics
/// When it is not so.
pub fn settled(flow: Running) -> Value {
    let ended = flow.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let said = ended.json();
    assert_eq!((&said["lost"], &said["duplicated"]), (&Value::from(0), &Value::from(0)), "{said}");
    assert_eq!(said["answered"], said["orders"], "{said}");
    said
}

/// Asks a consumer to end; returns its books.
///
/// # Panics
/// When it is not so.
#[must_use]
pub fn books_of(consumer: Running) -> Value {
    consumer.terminate();
    books_at_end_of(consumer)
}

/// The books that a consumer printed at its end.
///
/// # Panics
/// When it is not so.
#[must_use]
pub fn books_at_end_of(consumer: Running) -> Value {
    let ended = consumer.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.json()
}

/// Waits until all is quiet, and all of these consumers tell of the same event twice in a row (some
/// orders expire after the flow has ended), asks them to end, and asserts that their books are equal;
/// returns what the first one said.
///
/// # Panics
/// When it is not so.
pub fn equal_books<const N: usize>(mut consumers: [Running; N]) -> Value {
    wait_for("consumers at one and the same event", || {
        let mut last: Vec<u64> = Vec::new();
        for consumer in &mut consumers {
            assert!(consumer.is_running(), "{} ended: {:#?}", consumer.name(), consumer.stderr());
            let lines = consumer.stderr();
            let events: Vec<u64> = lines.iter().filter_map(|line| event_in(line)).collect();
            last.extend(events.into_iter().rev().take(2));
        }
        let first = last.first().copied();
        let same = last.len() == 2 * N && last.iter().all(|&event| Some(event) == first);
        same.then_some(())
    });
    terminate(&consumers.iter().collect::<Vec<_>>());
    let said = consumers.map(books_at_end_of);
    for other in &said {
        assert_eq!(other["event_seq"], said[0]["event_seq"]);
        assert_eq!(other["books"], said[0]["books"], "{other}\n{}", said[0]);
    }
    said.into_iter().next().unwrap_or_default()
}

/// What `vesta md` says when it is in step; the event follows.
const LIVE: &str = "vesta md: books are live at event ";

/// The event of which a consumer's line tells.
#[must_use]
pub fn event_in(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("event ").or_else(|| line.strip_prefix(LIVE))?;
    rest.split(' ').next()?.parse().ok()
}

/// Waits until a consumer tells of event `event` or a later one.
///
/// # Panics
/// When it is not so.
pub fn wait_event(consumer: &mut Running, event: u64) {
    let what = format!("that its books are at event {event}");
    consumer.wait_line(&what, |line| event_in(line).filter(|reached| *reached >= event));
}
