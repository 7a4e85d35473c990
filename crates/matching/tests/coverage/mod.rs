//! Counts how often each rule fired, and each two of them in one step, from what was done, what was
//! said and what can be seen of the model; and says what never did.

mod impossible;
mod observe;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use vesta_types::*;

use crate::common::Step;
use impossible::reason;
pub use observe::Before;
pub use tags::Tag;

/// The counts.
pub struct Coverage {
    counts: Vec<u64>,
    /// Of each two tags, by `first * PAIR_END + second`, the first below the second.
    pairs: Vec<u32>,
    rejects: BTreeMap<(&'static str, RejectReason), u64>,
    cancels: BTreeMap<CancelReason, u64>,
    step_count: u64,
}

/// What fired in a step.
#[derive(Default)]
pub struct Fired(u128, u128);

impl Fired {
    pub fn add(&mut self, tag: Tag) {
        match tag as u32 {
            bit @ 0..128 => self.0 |= 1 << bit,
            bit => self.1 |= 1 << (bit - 128),
        }
    }

    pub fn add_if(&mut self, holds: bool, tag: Tag) {
        if holds {
            self.add(tag);
        }
    }

    pub fn has(&self, tag: Tag) -> bool {
        match tag as u32 {
            bit @ 0..128 => self.0 >> bit & 1 == 1,
            bit => self.1 >> (bit - 128) & 1 == 1,
        }
    }
}

/// Which rejects each kind of command has. (`reservation_refused` has a test of its own. A replace is
/// never rejected for `kill_switch`: who is in the scope of one has no live order.)
fn rejects() -> Vec<(&'static str, RejectReason)> {
    use RejectReason as R;
    let new = [
        R::UnknownSession,
        R::UnknownInstrument,
        R::InvalidClientOrderId,
        R::KillSwitch,
        R::NotInThisState,
        R::MarketMustBeImmediate,
        R::PostOnlyMustRest,
        R::InvalidCombination,
        R::InvalidPrice,
        R::InvalidQuantity,
        R::InvalidStop,
        R::InvalidPeg,
        R::InvalidDisplayQty,
        R::InvalidMinQty,
        R::InvalidExpiry,
        R::InvalidBudget,
        R::OffTickSize,
        R::OutsideStaticBand,
        R::NotionalLimit,
        R::DuplicateClientOrderId,
        R::OpenOrderLimit,
        R::PostOnlyWouldCross,
        R::OrderCapacity,
        R::LevelCapacity,
    ];
    let replace = [
        R::UnknownSession,
        R::UnknownOrder,
        R::NotInThisState,
        R::InvalidPrice,
        R::InvalidQuantity,
        R::InvalidStop,
        R::OffTickSize,
        R::OutsideStaticBand,
        R::NotionalLimit,
        R::PostOnlyWouldCross,
        R::LevelCapacity,
    ];
    let define = [
        R::UnknownInstrument,
        R::InvalidPrice,
        R::InvalidQuantity,
        R::InvalidRules,
        R::InstrumentRedefined,
        R::InstrumentCapacity,
    ];
    let kill = [R::UnknownSession, R::UnknownInstrument, R::KillCapacity, R::AccountNotAllowed];
    let all: [(&str, &[RejectReason]); 8] = [
        ("new", &new),
        ("replace", &replace),
        ("cancel", &[R::UnknownSession, R::UnknownOrder]),
        ("mass_cancel", &[R::UnknownSession, R::UnknownInstrument]),
        ("kill", &kill),
        ("set_state", &[R::UnknownInstrument, R::InvalidTransition]),
        ("define", &define),
        ("define_session", &[R::UnknownSession, R::SessionCapacity]),
    ];
    all.iter().flat_map(|(kind, of)| of.iter().map(|reason| (*kind, *reason))).collect()
}

impl Coverage {
    pub fn new() -> Self {
        Self {
            counts: vec![0; Tag::ALL.len()],
            pairs: vec![0; Tag::PAIR_END * Tag::PAIR_END],
            rejects: rejects().into_iter().map(|reject| (reject, 0)).collect(),
            cancels: CancelReason::ALL.iter().map(|reason| (*reason, 0)).collect(),
            step_count: 0,
        }
    }

    fn reject(&mut self, kind: &'static str, reason: RejectReason) {
        let count = self.rejects.get_mut(&(kind, reason));
        *count.unwrap_or_else(|| panic!("{kind} is never rejected for {reason}")) += 1;
    }

    pub fn step(&mut self, step: &Step, said: Result<(), RejectReason>, fired: &Fired) {
        self.step_count += 1;
        if let Err(reason) = said {
            let is_session = matches!(step, Step::DefineSession(..));
            self.reject(if is_session { "define_session" } else { "define" }, reason);
        }
        let tags: Vec<usize> =
            Tag::ALL.iter().filter(|tag| fired.has(**tag)).map(|tag| *tag as usize).collect();
        for (i, &tag) in tags.iter().enumerate() {
            self.counts[tag] += 1;
            for &other in tags[i + 1..].iter().take_while(|other| **other < Tag::PAIR_END) {
                self.pairs[tag * Tag::PAIR_END + other] += 1;
            }
        }
    }

    pub fn events(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Cancelled(it) => *self.cancels.entry(it.reason).or_default() += 1,
                Event::Rejected(it) => self.reject(it.command.name(), it.reason),
                _ => {}
            }
        }
    }

    /// Prints every count.
    ///
    /// # Panics
    /// When two fired together that can not, or a rule is on nobody's list; and, after a run that is
    /// long enough, when something never fired that can.
    pub fn report(&self, is_long: bool) {
        println!("{} steps. Rules and what they were seen by:", self.step_count);
        let tags = Tag::ALL.iter().map(|tag| (tag.name().to_owned(), self.counts[*tag as usize]));
        let rejects =
            self.rejects.iter().map(|((kind, reason), n)| (format!("{kind}: {reason}"), *n));
        let cancels = self.cancels.iter().map(|(reason, n)| (format!("cancelled: {reason}"), *n));
        let all: Vec<(String, u64)> = tags.chain(rejects).chain(cancels).collect();
        for row in all.chunks(3) {
            let cells = row.iter().map(|(name, count)| format!("{count:>8} {name:<38}"));
            println!("{}", cells.collect::<String>().trim_end());
        }
        self.print_pairs();
        let mut wrongs: Vec<String> = Vec::new();
        let never = all.iter().filter(|it| is_long && it.1 == 0);
        wrongs.extend(never.map(|it| format!("never fired: {}", it.0)));
        let names: BTreeSet<&str> = Tag::ALL.iter().map(|tag| tag.name()).collect();
        let unnamed = rule_names().into_iter().filter(|rule| !names.contains(rule.as_str()));
        wrongs.extend(unnamed.map(|rule| format!("nothing counts {rule}")));
        for (a, b) in pairs() {
            let count = self.pairs[a as usize * Tag::PAIR_END + b as usize];
            match (count, reason(a, b)) {
                (0, None) if is_long => {
                    wrongs.push(format!("never together: {} and {}", a.name(), b.name()))
                }
                (1.., Some(why)) => wrongs.push(format!(
                    "together {count} times: {} and {}, though {why}",
                    a.name(),
                    b.name()
                )),
                _ => {}
            }
        }
        assert!(wrongs.is_empty(), "{} wrongs\n{}", wrongs.len(), wrongs.join("\n"));
    }

    /// A row for each tag, a column for each: the order of magnitude of the count, `.` for a pair
    /// that can not be.
    fn print_pairs(&self) {
        println!("\nPairs: 1 for 1..10 times together, 2 for 10..100, ...; . for what can not be");
        for (i, a) in Tag::ALL[..Tag::PAIR_END].iter().enumerate() {
            let cells = Tag::ALL[..i].iter().map(|b| {
                let count = self.pairs[*b as usize * Tag::PAIR_END + *a as usize];
                match reason(*b, *a) {
                    Some(_) => '.',
                    None => char::from_digit(count.checked_ilog10().map_or(0, |n| n + 1), 10)
                        .unwrap_or('9'),
                }
            });
            println!("{:>28} {}", a.name(), cells.collect::<String>());
        }
        let possible = pairs().filter(|(a, b)| reason(*a, *b).is_none());
        let of = possible.map(|(a, b)| self.pairs[a as usize * Tag::PAIR_END + b as usize]);
        let counts: Vec<u32> = of.collect();
        let rare = counts.iter().filter(|count| **count < 10).count();
        println!("{} possible pairs, {rare} of them fewer than 10 times", counts.len());
    }
}

fn pairs() -> impl Iterator<Item = (Tag, Tag)> {
    let tags = &Tag::ALL[..Tag::PAIR_END];
    tags.iter().enumerate().flat_map(move |(i, a)| tags[i + 1..].iter().map(|b| (*a, *b)))
}

/// The bold names of the document, from its first section of rules on.
fn rule_names() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/matching-rules.md");
    let document = fs::read_to_string(path).expect("the rules");
    let (_, rules) = document.split_once("\n## Replies\n").expect("the first section of rules");
    let bold = rules.split("**").skip(1).step_by(2).map(|text| text.trim_end_matches('.'));
    let is_name = |text: &&str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    bold.filter(is_name).map(str::to_owned).collect()
}
