//! What processes serve over HTTP: asked by hand, and read by the rules of OpenMetrics.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpStream};

use crate::running::{PATIENCE, wait_for};

/// Status and body of `GET path`; `None` where nobody listens.
#[must_use]
pub fn get(place: SocketAddrV4, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(place).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {place}\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// One scrape, checked: value by metric with its labels, as `vesta_ready{role="engine",shard="1"}`.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// Every sample.
    pub samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    /// Asks until there is an answer.
    ///
    /// # Panics
    /// When none comes, or it is no OpenMetrics.
    #[must_use]
    pub fn of(place: SocketAddrV4) -> Self {
        let (status, body) = wait_for("metrics", || get(place, "/metrics"));
        assert_eq!(status, 200, "{body}");
        Self::parse(&body)
    }

    /// Reads the text of a scrape as Prometheus does.
    ///
    /// # Panics
    /// When it breaks a rule.
    #[must_use]
    pub fn parse(body: &str) -> Self {
        let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::new());
        let body = body.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {body}"));
        let mut family = String::new();
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                family = name.to_owned();
                let before = types.insert(family.clone(), kind.to_owned());
                assert!(before.is_none(), "a family in two places: {line}");
            } else if let Some(rest) = line.strip_prefix("# UNIT ") {
                let (name, unit) = rest.split_once(' ').expect("a unit");
                assert!(name.ends_with(&format!("_{unit}")), "{line}");
            } else if line.starts_with("# HELP ") {
                assert!(!line.contains('"'), "{line}");
            } else {
                let (sample, value) = line.rsplit_once(' ').expect("a sample");
                let name = sample.split('{').next().expect("a name");
                let kind = types.get(&family).map(String::as_str);
                let suffixes: &[&str] = match kind {
                    Some("counter") => &["_total"],
                    Some("info") => &["_info"],
                    Some("histogram") => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                let is_of = |suffix: &&str| name.strip_suffix(*suffix) == Some(family.as_str());
                assert!(suffixes.iter().any(is_of), "{line} after the family {family}");
                let value: f64 = value.parse().unwrap_or_else(|e| panic!("{e}: {line}"));
                assert!(value >= 0.0, "{line}");
                let before = samples.insert(sample.to_owned(), value);
                assert!(before.is_none(), "twice: {line}");
            }
        }
        Self { samples, types }
    }

    /// The samples of a metric, with all of these in their labels.
    #[must_use]
    pub fn all(&self, name: &str, labels: &[&str]) -> Vec<(&str, f64)> {
        let samples = self.samples.iter().filter(|(sample, _)| {
            sample.split('{').next() == Some(name)
                && labels.iter().all(|label| sample.contains(label))
        });
        samples.map(|(sample, value)| (sample.as_str(), *value)).collect()
    }

    /// The one sample of a metric that has all of these in its labels.
    ///
    /// # Panics
    /// When there is none, or there are several.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[&str]) -> f64 {
        let found = self.all(name, labels);
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?} in {:#?}", self.samples.keys());
        found[0].1
    }

    /// True for what only grows.
    #[must_use]
    pub fn only_grows(&self, sample: &str) -> bool {
        let name = sample.split('{').next().unwrap_or_default();
        let family = |suffix: &str| name.strip_suffix(suffix).and_then(|n| self.types.get(n));
        family("_total").is_some_and(|kind| kind == "counter")
            || ["_bucket", "_count", "_sum"]
                .iter()
                .any(|suffix| family(suffix).is_some_and(|kind| kind == "histogram"))
    }
}
