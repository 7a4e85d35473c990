//! What is done to orders and instruments from outside: cancels, kill switches, time, and states.

use vesta_types::state_hash::LiveOrder;
use vesta_types::{
    Accepted, AccountId, AuctionKind, Cancel, CancelReason, Capacity, ClientOrderId, CommandKind,
    Event, InstrumentId, Kill, KillScope, MassCancel, OrderId, OrderRef, PriceTicks, QtyLots,
    RejectReason, SessionId, SetState, Side, StateChanged, TimeInForce, TimeNs, TradingState,
};

use crate::guards::reject_if;
use crate::{Model, rejected};

impl Model {
    pub(crate) fn cancel(&mut self, cancel: &Cancel, events: &mut Vec<Event>) {
        let Cancel { session, instrument, target } = *cancel;
        let order = match self.target(session, instrument, target) {
            Ok(order) => order,
            Err(reason) => {
                events.push(target_rejected(CommandKind::Cancel, session, target, reason));
                return;
            }
        };
        events.push(Event::Accepted(Accepted {
            command: CommandKind::Cancel,
            session,
            client_order_id: order.terms.client_order_id,
            order_id: order.order_id,
            instrument,
            side: Some(order.terms.side),
            terms: None,
            price: PriceTicks(0),
            qty: order.terms.qty,
        }));
        self.cancel_live(order.order_id, CancelReason::Requested, events);
    }

    /// The order that a cancel or replace is for.
    pub(crate) fn target(
        &self,
        session: SessionId,
        instrument: InstrumentId,
        target: OrderRef,
    ) -> Result<LiveOrder, RejectReason> {
        reject_if(!self.sessions.contains_key(&session), RejectReason::UnknownSession)?;
        self.order(session, target)
            .filter(|order| order.terms.instrument == instrument)
            .ok_or(RejectReason::UnknownOrder)
    }

    /// **mass_cancel**
    pub(crate) fn mass_cancel(&mut self, mass: &MassCancel, events: &mut Vec<Event>) {
        let checked = self.check_scope(Some(mass.session), mass.instrument);
        if let Err(reason) = checked {
            let none = (ClientOrderId(0), OrderId(0));
            events.push(rejected(CommandKind::MassCancel, mass.session, none.0, none.1, reason));
            return;
        }
        let instrument = mass.instrument.unwrap_or(InstrumentId(0));
        events.push(accepted(CommandKind::MassCancel, mass.session, instrument, mass.side));
        self.cancel_all(CancelReason::MassCancel, events, |order| {
            let terms = &order.terms;
            terms.session == mass.session
                && mass.account.is_none_or(|account| terms.account == account)
                && mass.instrument.is_none_or(|instrument| terms.instrument == instrument)
                && mass.side.is_none_or(|side| terms.side == side)
        });
    }

    fn check_scope(
        &self,
        session: Option<SessionId>,
        instrument: Option<InstrumentId>,
    ) -> Result<(), RejectReason> {
        let knows_session = session.is_none_or(|session| self.sessions.contains_key(&session));
        reject_if(!knows_session, RejectReason::UnknownSession)?;
        let knows_instrument = instrument.is_none_or(|named| self.books.contains_key(&named));
        reject_if(!knows_instrument, RejectReason::UnknownInstrument)
    }

    /// Cancels every live order that fits, in ascending `order_id`.
    fn cancel_all(
        &mut self,
        reason: CancelReason,
        events: &mut Vec<Event>,
        fits: impl Fn(&LiveOrder) -> bool,
    ) {
        let fitting: Vec<OrderId> =
            self.orders.values().filter(|order| fits(order)).map(|order| order.order_id).collect();
        for order_id in fitting {
            self.cancel_live(order_id, reason, events);
        }
    }

    /// **kill_switch**
    pub(crate) fn kill(&mut self, kill: &Kill, events: &mut Vec<Event>) {
        if let Err(reason) = self.check_kill(kill) {
            let none = (SessionId(0), ClientOrderId(0), OrderId(0));
            events.push(rejected(CommandKind::Kill, none.0, none.1, none.2, reason));
            return;
        }
        let instrument = match kill.scope {
            KillScope::Instrument(instrument) => instrument,
            _ => InstrumentId(0),
        };
        events.push(accepted(CommandKind::Kill, SessionId(0), instrument, None));
        match (kill.scope, kill.engaged) {
            (KillScope::All, engaged) => self.killed_all = engaged,
            (KillScope::Session(session), true) => {
                self.killed_sessions.insert(session);
            }
            (KillScope::Session(session), false) => {
                self.killed_sessions.remove(&session);
            }
            (KillScope::Account(account), true) => {
                self.killed_accounts.insert(account);
            }
            (KillScope::Account(account), false) => {
                self.killed_accounts.remove(&account);
            }
            (KillScope::Instrument(instrument), engaged) => {
                self.book_mut(instrument).killed = engaged;
            }
        }
        if kill.engaged {
            self.cancel_all(CancelReason::KillSwitch, events, |order| match kill.scope {
                KillScope::All => true,
                KillScope::Session(session) => order.terms.session == session,
                KillScope::Account(account) => order.terms.account == account,
                KillScope::Instrument(instrument) => order.terms.instrument == instrument,
            });
        }
    }

    fn check_kill(&self, kill: &Kill) -> Result<(), RejectReason> {
        match kill.scope {
            KillScope::All => Ok(()),
            KillScope::Session(session) => self.check_scope(Some(session), None),
            KillScope::Instrument(instrument) => self.check_scope(None, Some(instrument)),
            KillScope::Account(AccountId(0)) => Err(RejectReason::AccountNotAllowed),
            KillScope::Account(account) => {
                let is_new = kill.engaged && !self.killed_accounts.contains(&account);
                let is_full = self.killed_accounts.len() >= Capacity::KILLED_ACCOUNT_COUNT_MAX;
                reject_if(is_new && is_full, RejectReason::KillCapacity)
            }
        }
    }

    /// Tells what time it is: **expiry**, then **pegs_follow**. Time never falls.
    pub fn advance_to(&mut self, time: TimeNs, events: &mut Vec<Event>) {
        self.time = self.time.max(time);
        while let Some((expires, order_id)) = self.expiries.first().copied() {
            if expires > self.time {
                break;
            }
            self.cancel_live(order_id, CancelReason::Expired, events);
        }
        self.pegs_follow(events);
    }

    /// Tells what time it is, and asks for what is **indicative** then.
    pub fn tick(&mut self, time: TimeNs, events: &mut Vec<Event>) {
        self.advance_to(time, events);
        self.tell_indicative(events);
    }

    /// **transitions**
    pub(crate) fn set_state(&mut self, set: &SetState, events: &mut Vec<Event>) {
        let (state, uncrosses) = match self.check_transition(set) {
            Ok(transition) => transition,
            Err(reason) => {
                let none = (SessionId(0), ClientOrderId(0), OrderId(0));
                events.push(rejected(CommandKind::SetState, none.0, none.1, none.2, reason));
                return;
            }
        };
        let instrument = set.instrument;
        events.push(accepted(CommandKind::SetState, SessionId(0), instrument, None));
        if uncrosses {
            self.uncross(instrument, events);
        }
        // **dynamic_band**: after an uncross it is about the auction price.
        let mut run = self.run(instrument, events);
        self.change_state(instrument, state, Some(set.auction), run.events);
        if state == TradingState::Close {
            // **day**
            self.cancel_all(CancelReason::Expired, run.events, |order| {
                order.terms.instrument == instrument
                    && matches!(
                        order.terms.time_in_force,
                        TimeInForce::Day | TimeInForce::AtOpen | TimeInForce::AtClose
                    )
            });
        }
        if state == TradingState::Continuous {
            // **stops_on_resume**
            if self.book(instrument).last_price > PriceTicks(0) {
                run.looks += self.trailing_stops_follow(instrument);
            }
            self.elect(instrument, &mut run);
            self.stops_act(instrument, &mut run);
        }
    }

    /// The state that is asked for, and whether there is an uncross before it.
    fn check_transition(&self, set: &SetState) -> Result<(TradingState, bool), RejectReason> {
        use TradingState as S;
        let book = self.books.get(&set.instrument).ok_or(RejectReason::UnknownInstrument)?;
        let is_closing = book.auction == Some(AuctionKind::Closing);
        let after_uncross = if is_closing { S::Close } else { S::Continuous };
        match (book.state, set.state) {
            (S::AuctionCall, S::AuctionCall) if book.auction == Some(set.auction) => {
                Err(RejectReason::InvalidTransition)
            }
            (S::PreOpen, S::AuctionCall | S::Halt | S::Close)
            | (S::AuctionCall, S::PreOpen | S::AuctionCall | S::Halt | S::Close)
            | (S::Continuous, S::AuctionCall | S::VolatilityInterruption | S::Halt | S::Close)
            | (S::VolatilityInterruption, S::AuctionCall | S::Halt | S::Close)
            | (S::Halt, S::PreOpen | S::AuctionCall | S::Close)
            | (S::Close, S::PreOpen) => Ok((set.state, false)),
            (S::AuctionCall | S::VolatilityInterruption, S::Uncross) => Ok((after_uncross, true)),
            (S::PreOpen | S::AuctionCall | S::VolatilityInterruption | S::Halt, S::Continuous) => {
                Ok((S::Continuous, true))
            }
            _ => Err(RejectReason::InvalidTransition),
        }
    }

    /// Changes an instrument's state and tells of it; `auction` counts for an auction call only.
    pub(crate) fn change_state(
        &mut self,
        instrument: InstrumentId,
        state: TradingState,
        auction: Option<AuctionKind>,
        events: &mut Vec<Event>,
    ) {
        let book = self.book_mut(instrument);
        book.state = state;
        book.auction = match state {
            TradingState::AuctionCall => auction,
            TradingState::VolatilityInterruption => Some(AuctionKind::Volatility),
            _ => None,
        };
        book.told = None;
        let auction = book.auction;
        events.push(Event::StateChanged(StateChanged { instrument, state, auction }));
    }
}

/// Tells that a command is in force that is not about one order.
fn accepted(
    command: CommandKind,
    session: SessionId,
    instrument: InstrumentId,
    side: Option<Side>,
) -> Event {
    Event::Accepted(Accepted {
        command,
        session,
        client_order_id: ClientOrderId(0),
        order_id: OrderId(0),
        instrument,
        side,
        terms: None,
        price: PriceTicks(0),
        qty: QtyLots::ZERO,
    })
}

/// Tells that a command about one order changed nothing.
pub(crate) fn target_rejected(
    command: CommandKind,
    session: SessionId,
    target: OrderRef,
    reason: RejectReason,
) -> Event {
    let (client_order_id, order_id) = match target {
        OrderRef::Client(id) => (id, OrderId(0)),
        OrderRef::Order(id) => (ClientOrderId(0), id),
    };
    rejected(command, session, client_order_id, order_id, reason)
}
