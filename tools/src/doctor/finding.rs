//! One thing that was looked at.

use serde_json::{Value, json};
use std::fmt::Write as _;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be, or of no matter here.
    Ok,
    /// It works, and could be better.
    Warn,
    /// What the configuration asks for can not be had.
    Fail,
}

impl State {
    /// The word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// A command that mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// To be run as root as it stands; its first word is the program.
    pub command: String,
    /// The Debian package that has the program.
    pub package: &'static str,
}

impl Fix {
    /// A command, and the Debian package of its program.
    #[must_use]
    pub fn new(command: impl Into<String>, package: &'static str) -> Self {
        Self { command: command.into(), package }
    }
}

/// What was looked at, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub name: &'static str,
    /// How it is, in figures.
    pub value: String,
    /// Good or bad.
    pub state: State,
    /// Why it is not good; empty when it is.
    pub why: String,
    /// What mends it.
    pub fix: Option<Fix>,
    /// The stage of `vesta-tune` that mends it for good, and everything of its kind.
    pub stage: Option<&'static str>,
    /// The key of the configuration that could be changed instead.
    pub knob: Option<String>,
}

impl Finding {
    /// Something good.
    #[must_use]
    pub fn ok(name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        let why = String::new();
        Self { name, value, state: State::Ok, why, fix: None, stage: None, knob: None }
    }

    /// The same, but not good.
    #[must_use]
    pub fn but(self, state: State, why: impl Into<String>) -> Self {
        Self { state, why: why.into(), ..self }
    }

    /// With a command that mends it.
    #[must_use]
    pub fn fix(self, command: impl Into<String>, package: &'static str) -> Self {
        Self { fix: Some(Fix::new(command, package)), ..self }
    }

    /// With the stage of `vesta-tune` that mends it.
    #[must_use]
    pub fn stage(self, stage: &'static str) -> Self {
        Self { stage: Some(stage), ..self }
    }

    /// The command that runs that stage.
    #[must_use]
    pub fn tune(&self) -> Option<String> {
        self.stage.map(|stage| format!("vesta-tune apply --stage {stage}"))
    }

    /// With the key that it is about.
    #[must_use]
    pub fn knob(self, knob: impl Into<String>) -> Self {
        Self { knob: Some(knob.into()), ..self }
    }
}

/// The worst state of all.
#[must_use]
pub fn worst(findings: &[Finding]) -> State {
    findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok)
}

/// For a program.
#[must_use]
pub fn to_json(findings: &[Finding]) -> Value {
    let list = findings.iter().map(|finding| {
        json!({
            "name": finding.name,
            "value": finding.value,
            "state": finding.state.name().to_lowercase(),
            "why": finding.why,
            "tune": finding.tune(),
            "fix": finding.fix.as_ref().map(|fix| &fix.command),
            "package": finding.fix.as_ref().map(|fix| fix.package),
            "knob": finding.knob,
        })
    });
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    json!({
        "verdict": worst(findings).name().to_lowercase(),
        "ok": count(State::Ok),
        "warn": count(State::Warn),
        "fail": count(State::Fail),
        "findings": list.collect::<Vec<_>>(),
    })
}

/// For a person: a line for each, and what mends it below.
#[must_use]
pub fn to_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let Finding { name, value, state, why, fix, knob, .. } = finding;
        let _ = writeln!(text, "{:<4}  {name:<20} {value}", state.name());
        if *state == State::Ok {
            continue;
        }
        let _ = writeln!(text, "      {:<20} {why}", "");
        if let Some(tune) = finding.tune() {
            let _ = writeln!(text, "      {:<20} fix: {tune}", "");
        }
        if let Some(Fix { command, package }) = fix {
            let word = if finding.stage.is_some() { "by hand" } else { "fix" };
            let _ = writeln!(text, "      {:<20} {word}: {command} (package {package})", "");
        }
        if let Some(knob) = knob {
            let _ = writeln!(text, "      {:<20} key: {knob}", "");
        }
    }
    let [ok, warnings, errors] = [State::Ok, State::Warn, State::Fail]
        .map(|state| findings.iter().filter(|finding| finding.state == state).count());
    let _ = writeln!(text, "\n{ok} ok, {warnings} to look at, {errors} to mend");
    text
}
