//! What `vesta bench` measures with: processes, networks, reports, order flow.
//!
//! ```text
//!   vesta bench wire ... (one process: plans, merges, reports)
//!     |- Network     namespaces and links, removed again
//!     |- Worker ...  `vesta bench worker`: one Job each, pinned, given on its stdin, answered on its stdout
//!     '- Report      header, configuration, tables, .hgrm, .hlog, plots, JSON
//! ```
//!
//! All latencies of orders are taken open loop: a message is due at its time whether the one before was
//! answered or not, and its latency counts from when it was due. Round trips of `link` and `rings` are what
//! they are called.

pub mod chain;
pub mod generate;
pub mod intervals;
pub mod jitter;
pub mod link;
pub mod load;
pub mod machine;
pub mod network;
pub mod orders;
pub mod report;
pub mod rings;
pub mod statistics;
pub mod sysctl;
pub mod trace;
pub mod venue;
pub mod wire;
pub mod worker;

use serde::{Deserialize, Serialize};

/// Why a measurement ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// It can not be tried here, or not with these arguments.
    #[error("{0}")]
    CannotStart(String),
    /// It broke down on the way.
    #[error("{0}")]
    BrokeDown(String),
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    /// Something failed with `error` before it began.
    pub fn not_started(what: &str, error: impl std::fmt::Display) -> Self {
        Self::CannotStart(format!("{what}: {error}"))
    }

    /// Something failed with `error` on the way.
    pub fn broke(what: &str, error: impl std::fmt::Display) -> Self {
        Self::BrokeDown(format!("{what}: {error}"))
    }
}

/// What a worker is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Sends, and times what comes back.
    WireProbe(wire::Side),
    /// Answers.
    WireAnswer(wire::Side),
    /// Begins, and counts or times.
    LinkFirst(link::End),
    /// Receives.
    LinkSecond(link::End),
    /// Is one of the roles.
    Role(venue::RoleJob),
    /// Floods the orders stream, and checks the event log.
    Generate(generate::GenerateJob),
    /// Is a client.
    Load(load::LoadJob),
    /// Follows the market data.
    Consume(chain::ConsumeJob),
}

/// Runs the job that this process was given on its stdin.
///
/// # Errors
/// Why it could not be done.
pub fn run_worker() -> Result<(), BenchError> {
    let (parent, job) = worker::Parent::adopt()?;
    match job {
        Job::WireProbe(side) => wire::probe::run(&parent, &side),
        Job::WireAnswer(side) => wire::answer::run(&parent, &side),
        Job::LinkFirst(end) => link::first(&parent, &end),
        Job::LinkSecond(end) => link::second(&parent, &end),
        Job::Role(job) => venue::run(&parent, &job),
        Job::Generate(job) => generate::run(&parent, &job),
        Job::Load(job) => load::run(&parent, &job),
        Job::Consume(job) => chain::consume(&parent, &job),
    }
}
