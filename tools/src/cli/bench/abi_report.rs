//! What `vesta bench abi` found, in a table and as JSON; and whether it holds.

use super::super::{Context, Verdict};
use super::abi_pass::NULL;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A driver that costs more than this per message hides the difference between fast engines.
const FLOOR_MAX_NS: f64 = 5.0;

/// One engine, and what was found of it.
pub struct Measured {
    pub name: String,
    pub path: PathBuf,
    pub hash: String,
    pub book_hash: String,
    pub report_count: u64,
    /// One for each round.
    pub ns_per_op: Vec<f64>,
    /// One for each round.
    pub prebuild_ns_per_op: Vec<f64>,
    /// False when a round had another number of reports than the pass for the hash.
    pub is_repeatable: bool,
    /// By class, as the pass for latency gave it.
    pub classes: Value,
}

impl Measured {
    pub fn new(name: &str, path: &Path) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            hash: String::new(),
            book_hash: String::new(),
            report_count: 0,
            ns_per_op: Vec::new(),
            prebuild_ns_per_op: Vec::new(),
            is_repeatable: true,
            classes: Value::Null,
        }
    }

    fn in_json(&self) -> Value {
        let (min, max) = extent(&self.ns_per_op);
        json!({
            "engine": self.name,
            "ns_per_op": median(&self.ns_per_op),
            "min": min,
            "max": max,
            "prebuild_ns_per_op": median(&self.prebuild_ns_per_op),
            "reports": self.report_count,
            "hash": self.hash,
            "book_hash": self.book_hash,
            "classes": self.classes,
        })
    }
}

/// A run of `vesta bench abi`. The first engine is the null one.
pub struct Comparison {
    pub order_count: usize,
    pub dense_ids: bool,
    pub repetitions: u32,
    pub core: usize,
    pub engines: Vec<Measured>,
}

impl Comparison {
    /// Why the engines are not the same but for their speed; empty when they are.
    fn wrongs(&self) -> Vec<String> {
        let real: Vec<&Measured> = self.engines.iter().filter(|e| e.name != NULL).collect();
        let mut wrongs = Vec::new();
        for engine in &real {
            let Measured { name, hash, book_hash, .. } = engine;
            let first = real[0];
            if *hash != first.hash {
                wrongs.push(format!("{name} does not report what {} reports", first.name));
            } else if *book_hash != first.book_hash {
                wrongs.push(format!("{name} does not answer queries as {} does", first.name));
            }
            if !engine.is_repeatable {
                wrongs.push(format!("{name} does not report the same in each run"));
            }
        }
        wrongs
    }

    /// For each pair of engines, how many times longer the first takes: see the module `abi`.
    fn ratios(&self) -> Map<String, Value> {
        let mut ratios = Map::new();
        for a in &self.engines {
            for b in self.engines.iter().filter(|b| b.name != a.name) {
                let rounds = a.ns_per_op.iter().zip(&b.ns_per_op);
                let rounds: Vec<f64> = rounds.map(|(a, b)| a / b).collect();
                ratios.insert(format!("{}/{}", a.name, b.name), json!(median(&rounds)));
            }
        }
        ratios
    }

    fn in_json(&self, wrongs: &[String]) -> Value {
        json!({
            "orders": self.order_count,
            "dense_ids": self.dense_ids,
            "repetitions": self.repetitions,
            "core": self.core,
            "engines": self.engines.iter().map(Measured::in_json).collect::<Vec<_>>(),
            "ratios": self.ratios(),
            "wrong": wrongs,
            "verdict": if wrongs.is_empty() { "OK" } else { "FAIL" },
        })
    }
}

pub fn print(context: &Context, comparison: &Comparison) -> Verdict {
    let wrongs = comparison.wrongs();
    let found = comparison.in_json(&wrongs);
    print_table(comparison, &found);
    for wrong in &wrongs {
        println!("wrong: {wrong}");
    }
    println!("verdict: {}", if wrongs.is_empty() { "OK" } else { "FAIL" });
    if context.json {
        println!("{found}");
    }
    if wrongs.is_empty() { Verdict::Holds } else { Verdict::Fails }
}

fn print_table(comparison: &Comparison, found: &Value) {
    let Comparison { order_count, repetitions, core, .. } = comparison;
    let ids = if comparison.dense_ids { "dense ids" } else { "ids of the file" };
    println!("{order_count} messages, {ids}, {repetitions} rounds on core {core}\n");
    println!(
        "{:<20} {:>9} {:>9} {:>9} {:>10}  report hash",
        "ns per message", "median", "min", "max", "reports"
    );
    for engine in &comparison.engines {
        let (min, max) = extent(&engine.ns_per_op);
        println!(
            "{:<20} {:>9.2} {min:>9.2} {max:>9.2} {:>10}  {:.16}",
            engine.name,
            median(&engine.ns_per_op),
            engine.report_count,
            engine.hash,
        );
        let prebuild = median(&engine.prebuild_ns_per_op);
        if prebuild > 0.0 {
            println!("{:<20} {prebuild:>9.2}   outside of the measurement", "  pre-build hook");
        }
    }
    if let Some(floor) = comparison.engines.first().map(|null| median(&null.ns_per_op))
        && floor > FLOOR_MAX_NS
    {
        println!("the floor is above {FLOOR_MAX_NS} ns: ratios come out too small on this machine");
    }
    println!("\ntimes as long");
    for (pair, ratio) in found["ratios"].as_object().into_iter().flatten() {
        println!("{pair:<40} {:>8.3}", ratio.as_f64().unwrap_or(f64::NAN));
    }
    println!(
        "\n{:<20} {:<8} {:>9} {:>9} {:>9} {:>9} {:>11}",
        "ns of one call", "class", "count", "p50", "p99", "p99.9", "max"
    );
    for engine in &comparison.engines {
        for (class, latency) in engine.classes.as_object().into_iter().flatten() {
            let ns = |key: &str| latency[key].as_f64().unwrap_or(f64::NAN);
            println!(
                "{:<20} {class:<8} {:>9} {:>9.0} {:>9.0} {:>9.0} {:>11.0}",
                engine.name,
                latency["count"],
                ns("p50"),
                ns("p99"),
                ns("p99_9"),
                ns("max"),
            );
        }
    }
    println!();
}

/// The middle one, or the mean of the two in the middle; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (0, 0) => f64::NAN,
        (half, 0) => f64::midpoint(sorted[half - 1], sorted[half]),
        (half, _) => sorted[half],
    }
}

/// The smallest and the largest.
pub fn extent(values: &[f64]) -> (f64, f64) {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    (min, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(name: &str, hash: &str, ns_per_op: &[f64]) -> Measured {
        Measured {
            hash: hash.to_owned(),
            ns_per_op: ns_per_op.to_vec(),
            prebuild_ns_per_op: vec![0.0],
            ..Measured::new(name, Path::new("x.so"))
        }
    }

    fn comparison(engines: Vec<Measured>) -> Comparison {
        Comparison { order_count: 1, dense_ids: false, repetitions: 3, core: 0, engines }
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let drifting = [10.0, 20.0, 40.0];
        let twice = [20.0, 40.0, 81.0];
        let found = comparison(vec![engine("a", "", &drifting), engine("b", "", &twice)]).ratios();
        assert_eq!(found["b/a"], json!(2.0));
        assert_eq!(found["a/b"], json!(0.5));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        assert_eq!(extent(&twice), (20.0, 81.0));
    }

    #[test]
    fn engines_must_agree_but_for_the_null_one() {
        let good = |name| engine(name, "same", &[1.0]);
        let null = || engine(NULL, "other", &[1.0]);
        assert!(comparison(vec![null(), good("a"), good("b")]).wrongs().is_empty());
        let mut unlike = good("c");
        unlike.hash = "unlike".to_owned();
        let mut forgetful = good("d");
        forgetful.book_hash = "unlike".to_owned();
        let mut moody = good("e");
        moody.is_repeatable = false;
        let wrongs = comparison(vec![null(), good("a"), unlike, forgetful, moody]).wrongs();
        let expected = [
            "c does not report what a reports",
            "d does not answer queries as a does",
            "e does not report the same in each run",
        ];
        assert_eq!(wrongs, expected);
    }
}
