//! The naive model of the matching rules (`docs/matching-rules.md`): as plain as they can be written
//! down, in sorted maps, with nothing kept that can be worked out. The fast book (`vesta-matching`)
//! is held to it, event by event and hash by hash. The two share the vocabulary, and nothing else:
//! whoever changes a rule changes it here from the text of the rule, not from the fast book.
//!
//! Beside the code that does what a rule says stands the rule's name, in bold as in the text.

mod auction;
mod book;
mod control;
mod guards;
mod orders;
mod pegs;
mod replace;
mod stops;
#[cfg(test)]
mod tests;
mod trade;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use vesta_types::state_hash::{LiveOrder, OrderPhase};
use vesta_types::{
    Accepted, AccountId, Capacity, ClientOrderId, Command, CommandKind, Event, InstrumentId,
    InstrumentRules, NewOrder, OrderId, OrderType, PriceTicks, QtyLots, RejectReason, Rejected,
    SessionId, TimeNs, TradeId,
};

use crate::book::Book;
use crate::orders::limit_of;

/// The books of one shard, naively.
#[derive(Clone, Debug)]
pub struct Model {
    capacity: Capacity,
    time: TimeNs,
    /// In order of definition.
    instruments: Vec<InstrumentId>,
    books: BTreeMap<InstrumentId, Book>,
    /// How many orders each session may have.
    sessions: BTreeMap<SessionId, u32>,
    /// Every live order.
    orders: BTreeMap<OrderId, LiveOrder>,
    names: BTreeMap<(SessionId, ClientOrderId), OrderId>,
    /// Every live GTD order.
    expiries: BTreeSet<(TimeNs, OrderId)>,
    killed_all: bool,
    killed_sessions: BTreeSet<SessionId>,
    killed_accounts: BTreeSet<AccountId>,
    order_id_last: OrderId,
    trade_id_last: TradeId,
    priority_last: u64,
}

/// What one command sets going in one instrument.
#[derive(Debug)]
struct Run<'a> {
    events: &'a mut Vec<Event>,
    /// The last price before the command.
    band_base: PriceTicks,
    /// Stops that left their queue and did not act yet, first elected first.
    elected: Vec<OrderId>,
    /// How many stops were set off.
    set_off: u32,
    /// **match_limit**: how many makers were met, and what was looked at by those who are done.
    matches: u32,
    /// **match_limit**: what the aggressor looks at beside the makers that it meets.
    looks: u32,
    /// **trailing_stop**: the trailing stops have followed the aggressor.
    followed: bool,
    /// **trailing_stop**: they are to follow it once more, when it is done.
    is_follow_due: bool,
}

impl<'a> Run<'a> {
    fn new(events: &'a mut Vec<Event>, band_base: PriceTicks, matches: u32) -> Self {
        Self {
            events,
            band_base,
            elected: Vec::new(),
            set_off: 0,
            matches,
            looks: 0,
            followed: false,
            is_follow_due: false,
        }
    }
}

impl Model {
    /// An empty model.
    ///
    /// # Panics
    /// When a limit is out of its range: [`Capacity::check`] says so beforehand.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        capacity.check().expect("model capacity");
        Self {
            capacity,
            time: TimeNs(0),
            instruments: Vec::new(),
            books: BTreeMap::new(),
            sessions: BTreeMap::new(),
            orders: BTreeMap::new(),
            names: BTreeMap::new(),
            expiries: BTreeSet::new(),
            killed_all: false,
            killed_sessions: BTreeSet::new(),
            killed_accounts: BTreeSet::new(),
            order_id_last: OrderId(0),
            trade_id_last: TradeId(0),
            priority_last: 0,
        }
    }

    /// Defines an instrument. Defining it again with the same rules changes nothing.
    ///
    /// # Errors
    /// In this order: `UnknownInstrument` for instrument 0, what [`InstrumentRules::check`] says,
    /// `InstrumentRedefined` when it has other rules already, `InstrumentCapacity`.
    pub fn define(
        &mut self,
        instrument: InstrumentId,
        rules: InstrumentRules,
    ) -> Result<(), RejectReason> {
        if instrument == InstrumentId(0) {
            return Err(RejectReason::UnknownInstrument);
        }
        rules.check()?;
        if let Some(book) = self.books.get(&instrument) {
            let same = book.rules == rules;
            return if same { Ok(()) } else { Err(RejectReason::InstrumentRedefined) };
        }
        // **bounded**
        if self.books.len() >= self.capacity.instrument_count_max as usize {
            return Err(RejectReason::InstrumentCapacity);
        }
        self.books.insert(instrument, Book::new(rules));
        self.instruments.push(instrument);
        Ok(())
    }

    /// Defines a session. Defining it again with the same limit changes nothing.
    ///
    /// # Errors
    /// `UnknownSession` for session 0; `SessionCapacity` when it has another limit already, or when
    /// there is no room.
    pub fn define_session(
        &mut self,
        session: SessionId,
        open_order_max: u32,
    ) -> Result<(), RejectReason> {
        if session == SessionId(0) {
            return Err(RejectReason::UnknownSession);
        }
        if let Some(defined) = self.sessions.get(&session) {
            let same = *defined == open_order_max;
            return if same { Ok(()) } else { Err(RejectReason::SessionCapacity) };
        }
        if self.sessions.len() >= self.capacity.session_count_max as usize {
            return Err(RejectReason::SessionCapacity);
        }
        self.sessions.insert(session, open_order_max);
        Ok(())
    }

    /// Applies one command and appends its events.
    pub fn apply(&mut self, command: &Command, events: &mut Vec<Event>) {
        match command {
            Command::New(new) => self.new_order(new, events),
            Command::Cancel(cancel) => self.cancel(cancel, events),
            Command::Replace(replace) => self.replace(replace, events),
            Command::MassCancel(mass) => self.mass_cancel(mass, events),
            Command::Kill(kill) => self.kill(kill, events),
            Command::SetState(set) => self.set_state(set, events),
        }
        // **pegs_follow**: after each command.
        self.pegs_follow(events);
    }

    fn new_order(&mut self, new: &NewOrder, events: &mut Vec<Event>) {
        let price = match self.check_new(new) {
            Ok(price) => price,
            Err(reason) => {
                events.push(rejected(
                    CommandKind::New,
                    new.session,
                    new.client_order_id,
                    OrderId(0),
                    reason,
                ));
                return;
            }
        };
        // **order_ids**
        self.order_id_last = self.order_id_last.next();
        let order = LiveOrder {
            order_id: self.order_id_last,
            terms: NewOrder { price, ..*new },
            phase: OrderPhase::Queued,
            queue_price: PriceTicks(0),
            displayed: QtyLots::ZERO,
            priority: 0,
        };
        // **primary_reply**
        events.push(Event::Accepted(Accepted {
            command: CommandKind::New,
            session: new.session,
            client_order_id: new.client_order_id,
            order_id: order.order_id,
            instrument: new.instrument,
            side: Some(new.side),
            terms: Some((new.order_type, new.time_in_force)),
            price,
            qty: new.qty,
        }));
        let mut run = self.run(new.instrument, events);
        self.arrive(order, &mut run);
        self.stops_act(new.instrument, &mut run);
    }

    fn run<'a>(&self, instrument: InstrumentId, events: &'a mut Vec<Event>) -> Run<'a> {
        let band_base = self.book(instrument).last_price;
        Run::new(events, band_base, 0)
    }

    /// What an order does on arrival, or after a replace that took it out of its queue.
    fn arrive(&mut self, order: LiveOrder, run: &mut Run<'_>) {
        let terms = &order.terms;
        let book = self.book(terms.instrument);
        if terms.order_type.is_stop() {
            self.stop_arrives(order, run);
        } else if terms.time_in_force.is_auction_only() {
            // **auction_only**
            self.wait_for_auction(order);
        } else if terms.order_type == OrderType::Pegged {
            self.peg_arrives(order, run);
        } else if book.is_continuous() {
            self.act(order, limit_of(terms), run);
        } else {
            // **call_collects**: only limit orders get here.
            self.rest(order, terms.price, run.events);
        }
    }
}

/// Tells that a command changed nothing.
fn rejected(
    command: CommandKind,
    session: SessionId,
    client_order_id: ClientOrderId,
    order_id: OrderId,
    reason: RejectReason,
) -> Event {
    Event::Rejected(Rejected { command, session, client_order_id, order_id, reason })
}
