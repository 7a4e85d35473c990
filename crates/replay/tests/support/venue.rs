//! The matching library as a venue, right or with a fault.

use std::convert::Infallible;
use vesta_matching::Matcher;
use vesta_replay::{Action, Effect, Level, Owner, Request, Sessions, Venue};
use vesta_types::{
    Capacity, ClientOrderId, Command, InstrumentId, InstrumentRules, PriceTicks, QtyLots,
    SessionId, Side, TimeInForce,
};

const INSTRUMENT: InstrumentId = InstrumentId(1);
const SESSIONS: Sessions = Sessions { named: SessionId(1), anonymous: SessionId(2) };

/// How a venue goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It forgets this many shares of every new order above that size.
    LosesShares(u64),
    /// It answers the nth cancel, but leaves the order in the book.
    KeepsCancelled(u64),
    /// It puts the nth order that may rest one cent off its price.
    WrongPrice(u64),
    /// It shows the public book without the last level asked for.
    HidesLastLevel,
    /// It does not carry out the nth command of the anonymous owner after the seed, but answers.
    SkipsRepair(u64),
}

/// The matching library, driven directly.
pub struct MatchingVenue {
    matcher: Matcher,
    fault: Option<Fault>,
    counted: u64,
    /// Every request so far, batch by batch.
    pub log: Vec<Vec<Request>>,
}

impl MatchingVenue {
    /// A venue with an empty book.
    pub fn new() -> Self {
        let capacity = Capacity {
            order_count_max: 400_000,
            level_count_max: 100_000,
            instrument_count_max: 1,
            session_count_max: 2,
        };
        let mut matcher = Matcher::new(capacity);
        let rules = InstrumentRules::new(PriceTicks::MAX, QtyLots::MAX);
        matcher.define(INSTRUMENT, rules).expect("room for one instrument");
        for session in [SESSIONS.named, SESSIONS.anonymous] {
            matcher.define_session(session, u32::MAX).expect("room for two sessions");
        }
        Self { matcher, fault: None, counted: 0, log: Vec::new() }
    }

    /// A venue that goes wrong.
    pub fn with(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::new() }
    }

    /// Counts what the fault counts; true when its turn has come.
    fn strikes(&mut self, nth: u64) -> bool {
        self.counted += 1;
        self.counted == nth
    }

    /// The request as the faulty venue understands it; `None` to answer and do nothing.
    fn distort(&mut self, request: &Request) -> Option<Request> {
        let mut request = *request;
        match (self.fault, &mut request.action) {
            (Some(Fault::LosesShares(lost)), Action::New { qty, .. }) if qty.0 > lost => {
                qty.0 -= lost;
            }
            (Some(Fault::KeepsCancelled(nth)), Action::Cancel) if self.strikes(nth) => return None,
            (
                Some(Fault::WrongPrice(nth)),
                Action::New { price, time_in_force: TimeInForce::Gtc, .. },
            ) if self.strikes(nth) => {
                price.0 += 100;
            }
            (Some(Fault::SkipsRepair(nth)), _)
                if request.owner == Owner::Anonymous && self.log.len() > 1 && self.strikes(nth) =>
            {
                return None;
            }
            _ => {}
        }
        Some(request)
    }
}

impl Venue for MatchingVenue {
    type Error = Infallible;

    fn submit(
        &mut self,
        requests: &[Request],
        effects: &mut Vec<Effect>,
    ) -> Result<(), Infallible> {
        self.log.push(requests.to_vec());
        let mut events = Vec::new();
        for request in requests {
            match self.distort(request) {
                Some(request) => {
                    self.matcher.apply(&request.command(SESSIONS, INSTRUMENT), &mut events);
                }
                None => effects.extend(pretend(request)),
            }
        }
        for event in &events {
            Effect::push_from(event, effects);
        }
        Ok(())
    }

    fn levels(
        &mut self,
        side: Side,
        count: usize,
        levels: &mut Vec<Level>,
    ) -> Result<(), Infallible> {
        let hidden = usize::from(self.fault == Some(Fault::HidesLastLevel));
        let book = self.matcher.levels(INSTRUMENT, side).take(count - hidden);
        levels.extend(book.map(|level| Level { price: level.price, qty: level.qty }));
        Ok(())
    }
}

/// The answers of a venue that does not do what it says.
fn pretend(request: &Request) -> Vec<Effect> {
    let id: ClientOrderId = request.id;
    let command = match request.command(SESSIONS, INSTRUMENT) {
        Command::New(_) => return vec![],
        other => other.kind(),
    };
    let effect = match request.action {
        Action::Replace { qty, .. } => Effect::Replaced { id, qty },
        _ => Effect::Cancelled { id },
    };
    vec![Effect::Accepted { id, command }, effect]
}
