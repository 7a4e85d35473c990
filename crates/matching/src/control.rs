//! Cancel, mass cancel, kill switch.

use CancelReason::Requested;
use vesta_types::{
    Accepted, AccountId, Cancel, CancelReason, Capacity, ClientOrderId, CommandKind, Event, Kill,
    KillScope, MassCancel, OrderId, PriceTicks, QtyLots, RejectReason, SessionId,
};

use crate::arena::{NO_EXTRA, Order};
use crate::book::BookIndex;
use crate::events::{self, EventSink};
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;
use crate::safe_range::SafeRange;
use crate::sessions::SessionIndex;

/// The primary reply to a cancel that ends an order with so much open.
#[inline(always)]
fn accepted(cancel: &Cancel, order: &Order, open: QtyLots) -> Event {
    Event::Accepted(Accepted {
        command: CommandKind::Cancel,
        session: cancel.session,
        client_order_id: order.client_order_id,
        order_id: order.order_id,
        instrument: cancel.instrument,
        side: Some(order.flags.side()),
        terms: None,
        price: PriceTicks(0),
        qty: open,
    })
}

impl<R: Reservation> Matcher<R> {
    #[inline(always)]
    pub(crate) fn cancel(
        &mut self,
        cancel: &Cancel,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        if self.cancel_at_once::<false>(cancel, sink).is_some() {
            return Ok(());
        }
        core::hint::cold_path();
        let cancel = *cancel;
        self.cancel_anywhere(&cancel, sink)
    }

    /// A cancel of an order whose name is not in its own place, or that is not plain.
    #[inline(never)]
    fn cancel_anywhere(
        &mut self,
        cancel: &Cancel,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        match self.cancel_at_once::<true>(cancel, sink) {
            Some(()) => Ok(()),
            None => self.cancel_at_length(cancel, sink),
        }
    }

    /// A cancel of a plain order for which all is at hand. `None` for any other, of which nothing has been
    /// done.
    #[inline(always)]
    fn cancel_at_once<const ANYWHERE: bool>(
        &mut self,
        cancel: &Cancel,
        sink: &mut impl EventSink,
    ) -> Option<()> {
        let session = self.sessions.find_near(cancel.session)?;
        let found = self.target_by_client::<ANYWHERE>(session, cancel.instrument, cancel.target);
        let (slot, place) = found?;
        let order = &self.arena[slot];
        if order.extra != NO_EXTRA || !self.book(order.book).pegged.is_empty() {
            return None;
        }
        let gone = self.end_plain::<ANYWHERE>(slot, Some(place));
        sink.event(accepted(cancel, &gone.order, gone.open));
        sink.event(self.cancelled(&gone.order, gone.open, gone.displayed(), Requested));
        self.reservation.release(gone.order.order_id, gone.open);
        Some(())
    }

    /// A cancel of any order.
    #[inline(never)]
    fn cancel_at_length(
        &mut self,
        cancel: &Cancel,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let session = self.find_session(cancel.session)?;
        let slot = self.admit_target(session, cancel.instrument, cancel.target)?;
        let order = &self.arena[slot];
        let book = order.book;
        sink.event(accepted(cancel, order, QtyLots(self.open(slot))));
        self.withdraw(slot, Requested, sink);
        self.follow_pegs(book, sink);
        Ok(())
    }

    pub(crate) fn mass_cancel(
        &mut self,
        mass: &MassCancel,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let session = self.find_session(mass.session)?;
        if let Some(instrument) = mass.instrument {
            self.admit_instrument(instrument)?;
        }
        sink.event(Event::Accepted(Accepted {
            command: CommandKind::MassCancel,
            session: mass.session,
            client_order_id: ClientOrderId(0),
            order_id: OrderId(0),
            instrument: mass.instrument.unwrap_or_default(),
            side: mass.side,
            terms: None,
            price: PriceTicks(0),
            qty: QtyLots::ZERO,
        }));
        self.settle_all();
        let mut gathered = core::mem::take(&mut self.gathered);
        let owner = self.sessions.at_mut(session);
        owner.first = self.arena.gather(owner.first, &mut gathered);
        gathered.retain(|&slot| self.fits(mass, slot));
        self.gathered = gathered;
        self.sort_gathered();
        self.withdraw_gathered(CancelReason::MassCancel, sink);
        self.follow_all_pegs(sink);
        Ok(())
    }

    fn fits(&self, mass: &MassCancel, slot: NodeId) -> bool {
        let order = &self.arena[slot];
        let instrument = self.book(order.book).instrument;
        mass.account.is_none_or(|named| named == order.account)
            && mass.instrument.is_none_or(|named| named == instrument)
            && mass.side.is_none_or(|named| named == order.flags.side())
    }

    pub(crate) fn kill(
        &mut self,
        kill: &Kill,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let changed = self.switch(kill)?;
        if changed {
            self.kills.count =
                if kill.engaged { self.kills.count + 1 } else { self.kills.count - 1 };
            for index in 0..self.books.len() as u32 {
                self.books[index].safe = SafeRange::NONE;
            }
        }
        let instrument = match kill.scope {
            KillScope::Instrument(instrument) => instrument,
            _ => Default::default(),
        };
        sink.event(events::accepted_of_operator(CommandKind::Kill, instrument));
        if !kill.engaged {
            return Ok(());
        }
        self.gather(|matcher, slot| matcher.is_in_scope(kill.scope, slot));
        self.withdraw_gathered(CancelReason::KillSwitch, sink);
        self.follow_all_pegs(sink);
        Ok(())
    }

    /// Throws or releases a switch; true when it was not so before.
    fn switch(&mut self, kill: &Kill) -> Result<bool, RejectReason> {
        let switch: &mut bool = match kill.scope {
            KillScope::All => &mut self.kills.all,
            KillScope::Session(session) => {
                let session = self.find_session(session)?;
                &mut self.sessions.at_mut(session).is_killed
            }
            KillScope::Instrument(instrument) => {
                let book = self.admit_instrument(instrument)?;
                &mut self.book_mut(book).is_killed
            }
            KillScope::Account(account) => return self.switch_account(account, kill.engaged),
        };
        let changed = *switch != kill.engaged;
        *switch = kill.engaged;
        Ok(changed)
    }

    fn switch_account(&mut self, account: AccountId, engaged: bool) -> Result<bool, RejectReason> {
        if account == AccountId(0) {
            return Err(RejectReason::AccountNotAllowed);
        }
        let accounts = &mut self.kills.accounts;
        let at = accounts.iter().position(|&killed| killed == account);
        match (at, engaged) {
            (Some(_), true) | (None, false) => return Ok(false),
            (Some(at), false) => {
                accounts.swap_remove(at);
            }
            (None, true) if accounts.len() == Capacity::KILLED_ACCOUNT_COUNT_MAX => {
                return Err(RejectReason::KillCapacity);
            }
            (None, true) => accounts.push(account),
        }
        Ok(true)
    }

    fn is_in_scope(&self, scope: KillScope, slot: NodeId) -> bool {
        let order = &self.arena[slot];
        match scope {
            KillScope::All => true,
            KillScope::Session(session) => self.sessions.at(order.session).id == session,
            KillScope::Account(account) => order.account == account,
            KillScope::Instrument(instrument) => self.book(order.book).instrument == instrument,
        }
    }

    /// True when a kill switch is engaged for any of these.
    #[inline(always)]
    pub(crate) fn is_killed(
        &self,
        session: SessionIndex,
        account: AccountId,
        book: BookIndex,
    ) -> bool {
        self.kills.count != 0 && self.is_killed_by_any(session, account, book)
    }

    #[cold]
    fn is_killed_by_any(&self, session: SessionIndex, account: AccountId, book: BookIndex) -> bool {
        self.kills.all
            || self.sessions.at(session).is_killed
            || self.book(book).is_killed
            || self.kills.accounts.contains(&account)
    }

    /// Gathers the live orders that fit, in ascending id.
    pub(crate) fn gather(&mut self, fits: impl Fn(&Self, NodeId) -> bool) {
        let mut gathered = core::mem::take(&mut self.gathered);
        gathered.extend(self.arena.live().filter(|&slot| fits(self, slot)));
        self.gathered = gathered;
        self.sort_gathered();
    }

    /// Puts what was gathered into ascending id.
    pub(crate) fn sort_gathered(&mut self) {
        let arena = &self.arena;
        self.gathered.sort_unstable_by_key(|&slot| arena[slot].order_id);
    }

    /// Cancels the orders that were gathered.
    pub(crate) fn withdraw_gathered(&mut self, reason: CancelReason, sink: &mut impl EventSink) {
        for at in 0..self.gathered.len() {
            self.withdraw(self.gathered[at], reason, sink);
        }
        self.gathered.clear();
    }

    /// For a hash and for observers: the switches that are engaged, but for those of instruments.
    pub(crate) fn engaged(&self) -> impl Iterator<Item = KillScope> {
        let all = self.kills.all.then_some(KillScope::All);
        let killed = self.sessions.iter().filter(|session| session.is_killed);
        let sessions = killed.map(|session| KillScope::Session(SessionId(session.id.0)));
        let accounts = self.kills.accounts.iter().map(|&account| KillScope::Account(account));
        all.into_iter().chain(sessions).chain(accounts)
    }
}
