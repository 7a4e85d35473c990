//! What a scenario is run on, and how it is compared.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vesta_matching::Matcher;
use vesta_model::Model;
use vesta_types::state_hash::{InstrumentStatus, LiveOrder};
use vesta_types::{
    Capacity, Command, Event, InstrumentId, InstrumentRules, LevelView, OrderRef, RejectReason,
    SessionId, Side, TimeNs,
};

use crate::parse::{Action, Scenario, Step};
use crate::print;

/// An implementation of the matching rules.
pub trait Venue {
    /// What it is called in reports.
    const NAME: &'static str;
    fn new(capacity: Capacity) -> Self;
    fn define(&mut self, id: InstrumentId, rules: InstrumentRules) -> Result<(), RejectReason>;
    fn define_session(&mut self, id: SessionId, open_order_max: u32) -> Result<(), RejectReason>;
    fn advance_to(&mut self, now: TimeNs, events: &mut Vec<Event>);
    fn tick(&mut self, now: TimeNs, events: &mut Vec<Event>);
    fn apply(&mut self, command: &Command, events: &mut Vec<Event>);
    fn state_hash(&self) -> u64;
    fn order_count(&self) -> u32;
    fn levels(&self, instrument: InstrumentId, side: Side) -> Vec<LevelView>;
    fn orders(&self, instrument: InstrumentId, side: Side) -> Vec<LiveOrder>;
    fn undisplayed(&self, instrument: InstrumentId, side: Side) -> Vec<LiveOrder>;
    fn order(&self, session: SessionId, target: OrderRef) -> Option<LiveOrder>;
    fn status(&self, instrument: InstrumentId) -> Option<InstrumentStatus>;
}

/// Both have the same methods, so that one text makes venues of them.
macro_rules! venue {
    ($name:ident, $text:literal) => {
        impl Venue for $name {
            const NAME: &'static str = $text;

            fn new(capacity: Capacity) -> Self {
                $name::new(capacity)
            }
            fn define(
                &mut self,
                id: InstrumentId,
                rules: InstrumentRules,
            ) -> Result<(), RejectReason> {
                $name::define(self, id, rules)
            }
            fn define_session(&mut self, id: SessionId, max: u32) -> Result<(), RejectReason> {
                $name::define_session(self, id, max)
            }
            fn advance_to(&mut self, now: TimeNs, events: &mut Vec<Event>) {
                $name::advance_to(self, now, events);
            }
            fn tick(&mut self, now: TimeNs, events: &mut Vec<Event>) {
                $name::tick(self, now, events);
            }
            fn apply(&mut self, command: &Command, events: &mut Vec<Event>) {
                $name::apply(self, command, events);
            }
            fn state_hash(&self) -> u64 {
                $name::state_hash(self)
            }
            fn order_count(&self) -> u32 {
                $name::order_count(self)
            }
            fn levels(&self, instrument: InstrumentId, side: Side) -> Vec<LevelView> {
                $name::levels(self, instrument, side).collect()
            }
            fn orders(&self, instrument: InstrumentId, side: Side) -> Vec<LiveOrder> {
                $name::orders(self, instrument, side).collect()
            }
            fn undisplayed(&self, instrument: InstrumentId, side: Side) -> Vec<LiveOrder> {
                $name::undisplayed(self, instrument, side).collect()
            }
            fn order(&self, session: SessionId, target: OrderRef) -> Option<LiveOrder> {
                $name::order(self, session, target)
            }
            fn status(&self, instrument: InstrumentId) -> Option<InstrumentStatus> {
                $name::status(self, instrument)
            }
        }
    };
}
venue!(Matcher, "matcher");
venue!(Model, "model");

/// What a step came to.
pub struct Outcome {
    /// What the venue said, a line each.
    pub lines: Vec<String>,
    /// Its state after that, as two venues compare it.
    pub state: (u64, u32),
}

/// Runs a scenario. Where a step panics, its outcome says so and is the last.
pub fn run<V: Venue>(scenario: &Scenario) -> Vec<Outcome> {
    let mut venue = V::new(scenario.capacity);
    let mut outcomes = Vec::new();
    for step in &scenario.steps {
        // A venue that panicked is not used again.
        let outcome = catch_unwind(AssertUnwindSafe(|| Outcome {
            lines: act(&mut venue, &step.action),
            state: (venue.state_hash(), venue.order_count()),
        }));
        let Ok(outcome) = outcome else {
            outcomes.push(Outcome { lines: vec!["panicked".to_owned()], state: (0, 0) });
            break;
        };
        outcomes.push(outcome);
    }
    outcomes
}

fn act(venue: &mut impl Venue, action: &Action) -> Vec<String> {
    let refused = |result: Result<(), RejectReason>| {
        result.err().map(|reason| format!("refused {reason}")).into_iter().collect()
    };
    let mut events = Vec::new();
    match action {
        Action::Define(id, rules) => return refused(venue.define(*id, *rules)),
        Action::DefineSession(id, max) => return refused(venue.define_session(*id, *max)),
        Action::Book(instrument, side) => return print::book(venue, *instrument, *side),
        Action::Order(session, target) => {
            return vec![print::order(venue.order(*session, *target).as_ref())];
        }
        Action::Status(instrument) => {
            return vec![print::status(venue.status(*instrument).as_ref())];
        }
        Action::Apply(command) => venue.apply(command, &mut events),
        Action::AdvanceTo(now) => venue.advance_to(*now, &mut events),
        Action::Tick(now) => venue.tick(*now, &mut events),
    }
    events.iter().map(print::event).collect()
}

/// What is wrong with a run, as text; nothing where it is as expected. Only the first step that
/// differs is told: those after it follow from it.
pub fn differences<V: Venue>(scenario: &Scenario, outcomes: &[Outcome]) -> Option<String> {
    let (step, outcome) = scenario
        .steps
        .iter()
        .zip(outcomes)
        .find(|(step, outcome)| step.expected != outcome.lines)?;
    Some(format!("{}\n{}", at(step, scenario, V::NAME), diff(&step.expected, &outcome.lines)))
}

/// The first step after which two venues are in different states.
pub fn states_apart<A: Venue, B: Venue>(
    scenario: &Scenario,
    a: &[Outcome],
    b: &[Outcome],
) -> Option<String> {
    let mut steps = scenario.steps.iter().zip(a.iter().zip(b));
    let (step, (a, b)) = steps.find(|(_, (a, b))| a.state != b.state)?;
    Some(format!(
        "{}\n    {} has hash {:#018x} and {} orders, {} has {:#018x} and {}\n",
        at(step, scenario, "states differ"),
        A::NAME,
        a.state.0,
        a.state.1,
        B::NAME,
        b.state.0,
        b.state.1
    ))
}

fn at(step: &Step, scenario: &Scenario, who: &str) -> String {
    format!("{}: {}: {who}, after `{}`", step.place, scenario.name, step.text)
}

/// Lines that both have at the begin and end, and between them `-` what was expected and `+` what
/// came.
pub fn diff(expected: &[String], got: &[String]) -> String {
    let len = expected.len().min(got.len());
    let same = |(a, b): &(&String, &String)| a == b;
    let head = expected.iter().zip(got).take_while(same).count();
    let tail = expected.iter().rev().zip(got.iter().rev()).take_while(same).count();
    let tail = tail.min(len - head);
    let lines = |mark, lines: &[String]| -> String {
        lines.iter().map(|line| format!("  {mark} {line}\n")).collect()
    };
    [
        lines(' ', &expected[..head]),
        lines('-', &expected[head..expected.len() - tail]),
        lines('+', &got[head..got.len() - tail]),
        lines(' ', &expected[expected.len() - tail..]),
    ]
    .concat()
}
