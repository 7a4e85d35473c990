//! Hand-worked scenarios of `docs/matching-rules.md`, held against the fast book and the naive model.
//! `scenarios/README.md` says how they are written.

#[path = "scenarios/parse.rs"]
mod parse;
#[path = "scenarios/print.rs"]
mod print;
#[path = "scenarios/venue.rs"]
mod venue;
#[path = "scenarios/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use parse::{Action, Scenario};
use vesta_matching::Matcher;
use vesta_model::Model;
use vesta_types::state_hash::hash_words;
use vesta_types::{
    BandAction, HiddenPriority, IcebergRefresh, InstrumentRules, ReplaceShrink, SelfTradeDecides,
    StopTrigger, TradingState,
};

/// Of every line that both implementations print, in order. When a scenario is added or changed the
/// test says the new value; when none was, what differs is what the build does to the core.
const STREAMS_HASH: u64 = 0x0e50_832d_e75f_fcfd;

/// A Rust test has it: the reservation seam is a type parameter, not a rule of an instrument.
const NO_SCENARIO: &str = "reservation_refused";

fn scenarios() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(folder).expect("the folder of scenarios");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    let parse = |path: &std::path::PathBuf| {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        parse::parse(&file, &fs::read_to_string(path).expect("text"))
    };
    let (good, bad): (Vec<_>, Vec<_>) = paths.iter().map(parse).partition(Result::is_ok);
    let errors: Vec<_> = bad.into_iter().filter_map(Result::err).collect();
    assert!(errors.is_empty(), "\n{}", errors.join("\n"));
    good.into_iter().flatten().flatten().collect()
}

/// A bold text, if it has the form of a rule's name.
fn rule_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then(|| name.to_owned())
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/matching-rules.md");
    fs::read_to_string(path).expect("the rules")
}

/// The bold names of the document, from its first section of rules on: before it, bold words are
/// explained.
fn rules(document: &str) -> BTreeSet<String> {
    let (_, rules) = document.split_once("\n## Replies\n").expect("the first section of rules");
    rules.split("**").skip(1).step_by(2).filter_map(rule_name).collect()
}

/// The reasons of the table of guards.
fn guards(document: &str) -> BTreeSet<String> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let is_row = cells.len() > 3 && cells[1].parse::<u32>().is_ok();
        is_row.then(|| cells[2].trim_matches('`').to_owned())
    };
    document.lines().filter_map(row).filter(|reason| reason != NO_SCENARIO).collect()
}

#[test]
fn both_implementations_do_what_was_worked_out_by_hand() {
    let mut failures = Vec::new();
    let scenarios = scenarios();
    for scenario in &scenarios {
        let model = venue::run::<Model>(scenario);
        let matcher = venue::run::<Matcher>(scenario);
        failures.extend(venue::differences::<Model>(scenario, &model));
        failures.extend(venue::differences::<Matcher>(scenario, &matcher));
        failures.extend(venue::states_apart::<Model, Matcher>(scenario, &model, &matcher));
    }
    let count = failures.len();
    let of = scenarios.len();
    assert!(count == 0, "{count} failures in {of} scenarios\n\n{}", failures.join("\n"));
}

#[test]
fn every_build_prints_the_same_streams() {
    let mut words = Vec::new();
    for scenario in &scenarios() {
        for outcome in venue::run::<Matcher>(scenario) {
            for line in outcome.lines {
                words.extend(line.bytes().map(u64::from));
                words.push(u64::from(b'\n'));
            }
        }
    }
    let hash = hash_words(&words);
    assert_eq!(hash, STREAMS_HASH, "the streams hash to {hash:#018x}");
}

#[test]
fn every_rule_and_guard_has_a_scenario() {
    let document = document();
    let (rules, guards) = (rules(&document), guards(&document));
    assert!(rules.len() > 50 && guards.len() == 24, "{} {}", rules.len(), guards.len());
    let scenarios = scenarios();
    let known: BTreeSet<_> = rules.union(&guards).collect();
    let mut wrongs = Vec::new();
    for name in &known {
        if !scenarios.iter().any(|scenario| &scenario.rule == *name) {
            wrongs.push(format!("no scenario of {name}"));
        }
    }
    let mut names = BTreeSet::new();
    for scenario in &scenarios {
        if !known.contains(&scenario.rule) {
            wrongs.push(format!("{}: no rule has the name {}", scenario.place, scenario.rule));
        }
        if !names.insert(&scenario.name) {
            wrongs.push(format!("{}: a second {}", scenario.place, scenario.name));
        }
    }
    let rejects: BTreeSet<&str> = scenarios
        .iter()
        .flat_map(|scenario| &scenario.steps)
        .flat_map(|step| &step.expected)
        .filter(|line| line.starts_with("rejected new"))
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    for guard in &guards {
        if !rejects.contains(guard.as_str()) {
            wrongs.push(format!("no new order is rejected for {guard}"));
        }
    }
    assert!(wrongs.is_empty(), "\n{}", wrongs.join("\n"));
}

/// What a custom is set to in some rules, and its name among the others'.
type Custom = (&'static str, fn(&InstrumentRules) -> &'static str, Vec<&'static str>);

#[test]
fn every_custom_is_tried_in_each_setting() {
    let all_rules: Vec<InstrumentRules> = scenarios()
        .iter()
        .flat_map(|scenario| &scenario.steps)
        .filter_map(|step| match &step.action {
            Action::Define(_, rules) => Some(*rules),
            _ => None,
        })
        .collect();
    let names = |all: &[TradingState]| all.iter().map(|v| v.name()).collect();
    let customs: [Custom; 7] = [
        (
            "band",
            |r| r.dynamic_band_action.name(),
            BandAction::ALL.iter().map(|v| v.name()).collect(),
        ),
        (
            "decides",
            |r| r.self_trade_decides.name(),
            SelfTradeDecides::ALL.iter().map(|v| v.name()).collect(),
        ),
        (
            "hidden",
            |r| r.hidden_priority.name(),
            HiddenPriority::ALL.iter().map(|v| v.name()).collect(),
        ),
        (
            "shrink",
            |r| r.replace_shrink.name(),
            ReplaceShrink::ALL.iter().map(|v| v.name()).collect(),
        ),
        ("trigger", |r| r.stop_trigger.name(), StopTrigger::ALL.iter().map(|v| v.name()).collect()),
        (
            "refresh",
            |r| r.iceberg_refresh.name(),
            IcebergRefresh::ALL.iter().map(|v| v.name()).collect(),
        ),
        (
            "state",
            |r| r.initial_state.name(),
            names(&[TradingState::PreOpen, TradingState::Continuous]),
        ),
    ];
    for (custom, of, settings) in customs {
        let tried: BTreeSet<&str> = all_rules.iter().map(of).collect();
        for setting in settings {
            assert!(tried.contains(setting), "no scenario has {custom} {setting}");
        }
    }
}

#[test]
fn unknown_words_are_rejected_where_they_stand() {
    let error = |text: &str| parse::parse("x.txt", text).err().expect("an error");
    assert_eq!(error("new s1 #1 buy 1 @ 1"), "x.txt:1: no `scenario` before this line");
    assert_eq!(error("scenario a\n\nnwe s1"), "x.txt:3: unknown word `nwe`");
    let new = |rest: &str| error(&format!("scenario a\nnew s1 #1 buy 5 {rest}"));
    assert_eq!(new("@ 1 hiden"), "x.txt:2: unknown word `hiden`");
    assert_eq!(new("@ 1 minqty=3"), "x.txt:2: unknown word `minqty`");
    assert_eq!(new("@ x"), "x.txt:2: `x` is no number that fits");
    assert_eq!(new("@ 1 peg=far"), "x.txt:2: unknown word `far`");
    assert_eq!(new("@ 1\n  filled o1"), "x.txt:3: unknown word `filled`");
    assert_eq!(error("scenario a\n  state halt"), "x.txt:2: no command before this line");
    assert_eq!(error("scenario a\nkill 1"), "x.txt:2: unknown word `1`");
    assert_eq!(error("scenario a\ncancel s1 #1 i2 i3"), "x.txt:2: unknown word `i3`");
    assert_eq!(error("scenario a\ninstrument 1 max=3"), "x.txt:2: unknown word `max`");
    assert_eq!(error("scenario a\nat"), "x.txt:2: a time is missing");
}

#[test]
fn a_difference_is_told_line_by_line() {
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        venue::diff(&lines("a b c"), &lines("a x y c")),
        "    a\n  - b\n  + x\n  + y\n    c\n"
    );
    assert_eq!(venue::diff(&lines("a a"), &lines("a")), "    a\n  - a\n");
    assert_eq!(venue::diff(&lines("a"), &lines("a a a")), "    a\n  + a\n  + a\n");
}
