//! The check: each message becomes commands, and each row is held against the book they leave.
//!
//! A level-N file shows the best N levels of each side; what lies behind is not known. The *edge*
//! of a side is the price of its Nth level in the row before: up to the edge, and with it, the book
//! was known, so after the message it must be right to the share. Beyond the edge the venue holds
//! what was last seen there, which may be stale:
//!
//! ```text
//!   row before   [1][2]...[N]                    edge = N's price
//!   row now      [1][3]...[N][r]                 level 2 is gone, r came into view
//!   venue        [1][3]...[N] s  [r?]  t         s, t: seen once, kept
//!                 known, exact| zone |beyond     zone: made to hold r alone; t is kept
//! ```
//!
//! The zone reaches to the new row's last level, or to the end where the new row shows an empty
//! level. Where the row before showed an empty level there was nothing beyond, and nothing can be
//! revealed. As every row is repaired before the next message, no message can meet a stale level:
//! the touch is always known.

use crate::ledger::Ledger;
use crate::lobster::{Event, LobsterError, Message, Order, Row, is_beyond};
use crate::report::{Class, Mismatch, Report};
use crate::venue::{Action, Effect, Level, Owner, Request, Venue};
use vesta_types::{PriceTicks, QtyLots, RejectReason, Side, TimeInForce};

/// Why a check could not be carried through.
#[derive(Debug, thiserror::Error)]
pub enum CheckError<E> {
    /// A file is wrong.
    #[error(transparent)]
    Recording(#[from] LobsterError),
    /// The venue is out of reach.
    #[error("the venue failed at row {row}: {error}")]
    Venue {
        /// The data row, from 1.
        row: u64,
        /// What the venue said.
        error: E,
    },
}

/// Carries a check through, from the first row to the last.
///
/// # Errors
/// The first fault of a file or of the venue.
pub fn run<V: Venue>(
    recording: impl IntoIterator<Item = Result<(Message, Row), LobsterError>>,
    venue: V,
) -> Result<Report, CheckError<V::Error>> {
    let mut check = Check::new(venue);
    for entry in recording {
        let (message, row) = entry?;
        check.step(&message, row)?;
    }
    Ok(check.finish())
}

/// A check that is under way.
pub struct Check<V> {
    venue: V,
    ledger: Ledger,
    /// The row before; of the first row there is none.
    before: Option<Row>,
    report: Report,
    requests: Vec<Request>,
    effects: Vec<Effect>,
    shown: Vec<Level>,
}

/// What the answers to a batch come to.
#[derive(Default)]
struct Answers {
    executions: u64,
    executed_qty: QtyLots,
    rejected: Option<RejectReason>,
}

impl<V: Venue> Check<V> {
    /// A check of `venue`, whose book is empty.
    pub fn new(venue: V) -> Self {
        Self {
            venue,
            ledger: Ledger::default(),
            before: None,
            report: Report::default(),
            requests: Vec::new(),
            effects: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// What was found so far.
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// What was found.
    pub fn finish(self) -> Report {
        self.report
    }

    /// Takes the next row of both files. The first one seeds the book and is not compared.
    ///
    /// # Errors
    /// When the venue fails.
    pub fn step(&mut self, message: &Message, row: Row) -> Result<(), CheckError<V::Error>> {
        self.report.rows += 1;
        match self.before.take() {
            None => self.seed(&row)?,
            Some(before) => self.compare_after(message, &before, &row)?,
        }
        self.before = Some(row);
        Ok(())
    }

    fn seed(&mut self, row: &Row) -> Result<(), CheckError<V::Error>> {
        for side in Side::BOTH {
            for level in row.levels(side) {
                self.requests.push(self.ledger.adopt(side, level.price, level.qty));
            }
        }
        self.submit(None)?;
        Ok(())
    }

    fn compare_after(
        &mut self,
        message: &Message,
        before: &Row,
        row: &Row,
    ) -> Result<(), CheckError<V::Error>> {
        let mut rejected = self.apply(message.event)?.rejected;

        let (bids, asks) =
            (self.compare(Side::Buy, before, row)?, self.compare(Side::Sell, before, row)?);
        let mut class = bids.class.max(asks.class);
        let mut first = bids.difference.or(asks.difference);
        if bids.stale || asks.stale {
            for side in Side::BOTH {
                if let Some(from) = before.edge(side) {
                    let zone = (from, row.edge(side));
                    self.ledger.repair(side, zone, row.levels(side), &mut self.requests);
                }
            }
            self.report.repairs += self.requests.len() as u64;
            rejected = rejected.or(self.submit(None)?.rejected);
            if class == Class::Revealed {
                // What was repaired is known now, so it has to be right to the share.
                for side in Side::BOTH {
                    first = first.or(self.compare(side, row, row)?.difference);
                }
                class = if first.is_some() { Class::Mismatched } else { class };
            }
        }

        match class {
            Class::Exact => self.report.exact += 1,
            Class::Revealed => self.report.revealed += 1,
            Class::Mismatched => self.report.mismatched += 1,
        }
        if let (None, Some((side, level, expected, found))) = (&self.report.first_mismatch, first) {
            let (row, message) = (self.report.rows, *message);
            self.report.first_mismatch =
                Some(Mismatch { row, message, side, level, expected, found, rejected });
        }
        Ok(())
    }

    /// Does to the venue what `event` says was done in the market.
    fn apply(&mut self, event: Event) -> Result<Answers, CheckError<V::Error>> {
        match event {
            Event::New(order) => {
                self.push_new(order.side, order, TimeInForce::Gtc);
                self.submit(Some(order.order_id))
            }
            Event::PartialCancel(order) | Event::Delete(order) => {
                let level = (order.side, order.price);
                let name = Some(order.order_id);
                self.ledger.reduce(level, order.qty, name, &mut self.requests);
                self.submit(None)
            }
            Event::Execution(order) => {
                self.push_new(order.side.opposite(), order, TimeInForce::Ioc);
                let answers = self.submit(None)?;
                self.report.executions += answers.executions;
                self.report.executed_qty += answers.executed_qty;
                self.report.executed_qty_expected += order.qty;
                Ok(answers)
            }
            Event::HiddenExecution | Event::CrossTrade | Event::Halt => Ok(Answers::default()),
        }
    }

    fn push_new(&mut self, side: Side, order: Order, time_in_force: TimeInForce) {
        let Order { price, qty, .. } = order;
        let action = Action::New { side, price, qty, time_in_force, post_only: false };
        self.requests.push(Request { owner: Owner::Named, id: self.ledger.next_id(), action });
    }

    /// Submits the requests that are gathered, and takes in what they did.
    fn submit(&mut self, file_id: Option<i64>) -> Result<Answers, CheckError<V::Error>> {
        let mut answers = Answers::default();
        if self.requests.is_empty() {
            return Ok(answers);
        }
        self.effects.clear();
        self.venue
            .submit(&self.requests, &mut self.effects)
            .map_err(|error| CheckError::Venue { row: self.report.rows, error })?;
        for effect in &self.effects {
            match *effect {
                Effect::Executed { maker: true, qty, .. } => {
                    answers.executions += 1;
                    answers.executed_qty += qty;
                }
                Effect::Rejected { reason, .. } => {
                    self.report.rejected += 1;
                    answers.rejected.get_or_insert(reason);
                }
                _ => {}
            }
        }
        self.ledger.absorb(&self.requests, &self.effects, file_id);
        self.requests.clear();
        Ok(answers)
    }

    /// Holds one side of the public book against `row`; what `before` showed is known.
    fn compare(
        &mut self,
        side: Side,
        before: &Row,
        row: &Row,
    ) -> Result<Comparison, CheckError<V::Error>> {
        self.shown.clear();
        self.venue
            .levels(side, row.depth(), &mut self.shown)
            .map_err(|error| CheckError::Venue { row: self.report.rows, error })?;
        Ok(Comparison::of(side, before.edge(side), row.levels(side), &self.shown))
    }
}

/// A side, its level from 1, what the file shows there and what the venue does.
type Difference = (Side, usize, Option<Level>, Option<Level>);

struct Comparison {
    class: Class,
    /// The first difference among what was known.
    difference: Option<Difference>,
    /// Something beyond the edge differs.
    stale: bool,
}

impl Comparison {
    fn of(side: Side, edge: Option<PriceTicks>, expected: &[Level], found: &[Level]) -> Self {
        let known = |level: &&Level| edge.is_none_or(|edge| !is_beyond(side, level.price, edge));
        let (expected_known, found_known) =
            (expected.iter().take_while(known).count(), found.iter().take_while(known).count());
        let deepest = expected_known.max(found_known);
        let at = |levels: &[Level], known: usize, at: usize| levels[..known].get(at).copied();
        let difference = (0..deepest)
            .map(|i| (side, i + 1, at(expected, expected_known, i), at(found, found_known, i)))
            .find(|(_, _, expected, found)| expected != found);
        let stale = expected[expected_known..] != found[found_known..];
        let class = match (&difference, stale) {
            (Some(_), _) => Class::Mismatched,
            (None, true) => Class::Revealed,
            (None, false) => Class::Exact,
        };
        Self { class, difference, stale }
    }
}
