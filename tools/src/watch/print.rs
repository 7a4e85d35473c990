//! Everything once, for a person or a program.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vesta_hotmem::{Entry, Kind, Reading};

use super::look::{Driver, Look};

/// Every number of every role, and of every driver.
#[must_use]
pub fn to_json(look: &Look) -> Value {
    json!({
        "at_ns": look.at_ns,
        "directory": look.directory.display().to_string(),
        "roles": look.roles.iter().map(role_json).collect::<Vec<_>>(),
        "drivers": look.drivers.iter().map(|driver| driver_json(driver, look)).collect::<Vec<_>>(),
    })
}

fn role_json(role: &Reading) -> Value {
    json!({
        "role": role.role,
        "pid": role.process.pid,
        "live": role.is_live,
        "build": role.build,
        "file": role.path.display().to_string(),
        "driver": role.driver.display().to_string(),
        "started_ns": role.started_ns,
        "published_ns": role.published_ns,
        "left_out": role.lost_count,
        "counters": role.entries.iter().map(entry_json).collect::<Vec<_>>(),
    })
}

fn entry_json(entry: &Entry) -> Value {
    let mut value = json!({
        "scope": entry.scope,
        "stream": (entry.stream > 0).then_some(entry.stream),
        "name": entry.name,
        "kind": entry.kind.name(),
        "unit": entry.unit.name(),
    });
    if let Some(summary) = entry.summary() {
        value["count"] = summary.count.into();
        value["p50"] = summary.p50_ns.into();
        value["p99"] = summary.p99_ns.into();
        value["p999"] = summary.p999_ns.into();
        value["worst"] = summary.worst_ns.into();
    } else if let Some(touch) = entry.touch() {
        value["bid"] = json!({ "ticks": touch.bid_ticks, "lots": touch.bid_lots });
        value["ask"] = json!({ "ticks": touch.ask_ticks, "lots": touch.ask_lots });
        value["tick_e8"] = touch.tick_e8.into();
        value["lot_e8"] = touch.lot_e8.into();
    } else {
        value["value"] = entry.value().into();
    }
    value
}

/// The streams that the roles on a driver tell of.
fn streams_of(driver: &Driver, look: &Look) -> Vec<i32> {
    let roles = look.roles.iter().filter(|role| role.driver == driver.directory);
    let mut streams: Vec<i32> = roles
        .flat_map(|role| &role.entries)
        .map(|entry| entry.stream)
        .filter(|&id| id > 0)
        .collect();
    streams.sort_unstable();
    streams.dedup();
    streams
}

fn driver_json(driver: &Driver, look: &Look) -> Value {
    let streams = streams_of(driver, look).into_iter().map(|id| {
        let at = driver.reading.positions(id);
        json!({
            "stream": id,
            "published": at.published,
            "sent": at.sent,
            "limit": at.limit,
            "window_left": at.window_left(),
            "received": at.received,
            "read": at.read,
            "naks": at.naks,
            "at_window": at.at_window,
            "readers": at.readers,
        })
    });
    let counts = driver.reading.counts().named();
    json!({
        "directory": driver.directory.display().to_string(),
        "counts": counts.iter().map(|(name, n)| ((*name).to_owned(), Value::from(*n)))
            .collect::<serde_json::Map<_, _>>(),
        "streams": streams.collect::<Vec<_>>(),
    })
}

/// The same for a person: one line for each number.
#[must_use]
pub fn to_text(look: &Look) -> String {
    let mut text = String::new();
    for role in &look.roles {
        let state = if role.is_live { "" } else { ", dead" };
        let _ =
            writeln!(text, "{} (process {}{state}), {}", role.role, role.process.pid, role.build);
        for entry in &role.entries {
            let _ = writeln!(text, "  {}", entry_line(entry));
        }
        if role.lost_count > 0 {
            let _ = writeln!(text, "  {} more had no room in the file", role.lost_count);
        }
    }
    for driver in &look.drivers {
        let _ = writeln!(text, "media driver {}", driver.directory.display());
        for (name, count) in driver.reading.counts().named() {
            let _ = writeln!(text, "  {name:<40} {count:>16}");
        }
        for id in streams_of(driver, look) {
            let at = driver.reading.positions(id);
            let show = |value: Option<i64>| value.map_or("-".to_owned(), |v| v.to_string());
            let _ = writeln!(
                text,
                "  stream {id}: published {}, sent {}, limit {}, received {}, read {}, naks {}, \
                 readers {}",
                show(at.published),
                show(at.sent),
                show(at.limit),
                show(at.received),
                show(at.read),
                at.naks,
                show(at.readers)
            );
        }
    }
    text
}

fn entry_line(entry: &Entry) -> String {
    let scope = match (entry.scope.as_str(), entry.stream) {
        ("", _) => String::new(),
        (scope, 1..) => format!("{scope} ({}) ", entry.stream),
        (scope, _) => format!("{scope} "),
    };
    let name = format!("{scope}{}", entry.name);
    if let Some(s) = entry.summary() {
        let (p50, p99, p999) = (s.p50_ns, s.p99_ns, s.p999_ns);
        return format!("{name:<40} {:>16} p50 {p50}, p99 {p99}, p99.9 {p999} ns", s.count);
    }
    if let Some(t) = entry.touch() {
        let (bid, ask) = (t.bid_ticks, t.ask_ticks);
        return format!("{name:<40} {:>7} x {bid} / {ask} x {} ticks", t.bid_lots, t.ask_lots);
    }
    let unit = if entry.unit.name() == "count" { "" } else { entry.unit.name() };
    let gauge = if entry.kind == Kind::Gauge { " now" } else { "" };
    format!("{name:<40} {:>16} {unit}{gauge}", entry.value()).trim_end().to_owned()
}
