//! The state machine: commands in, events out.

use alloc::vec::Vec;

use vesta_types::state_hash::LiveOrder;
use vesta_types::{
    AccountId, Cancel, Capacity, Command, InstrumentId, InstrumentRules, NewOrder, OrderId,
    OrderRef, PriceTicks, QtyLots, RejectReason, Replace, SessionId, Side, TimeNs, TradeId,
    TradingState,
};

use crate::arena::Arena;
use crate::book::{BlankBook, Book, BookIndex, FIXED_PER_BOOK, Follow};
use crate::events::{self, EventSink};
use crate::expiry::Expiries;
use crate::ladder::Levels;
use crate::links::NodeId;
use crate::memory::Table;
use crate::names::Names;
use crate::plain::Unfinished;
use crate::reservation::{NoReservation, Reservation};
use crate::sessions::{IdMap, SessionIndex, Sessions};
use crate::settling::Settling;

/// The books of one shard. `docs/matching-rules.md` has the rules.
pub struct Matcher<R = NoReservation> {
    pub(crate) levels: Levels,
    pub(crate) arena: Arena,
    pub(crate) names: Names,
    pub(crate) sessions: Sessions,
    /// In order of definition.
    pub(crate) books: Table<Book>,
    blank_books: Vec<BlankBook>,
    by_instrument: IdMap,
    pub(crate) capacity: Capacity,
    pub(crate) settling: Settling,
    pub(crate) expiries: Expiries,
    pub(crate) kills: Kills,
    pub(crate) reservation: R,
    pub(crate) time: TimeNs,
    pub(crate) order_id_last: OrderId,
    pub(crate) trade_id_last: TradeId,
    /// The last stamp given: one for each entry into any queue of the shard.
    pub(crate) priority_last: u64,
    /// Stops that the command has set off.
    pub(crate) triggered_count: u32,
    /// Makers that the aggressors of the command have met, and what was looked at beside; 0 between
    /// commands.
    pub(crate) match_count: u32,
    /// Orders that the aggressor has passed over, and trailing stops that followed it.
    pub(crate) look_count: u32,
    /// Of use while a command gathers orders; empty between commands.
    pub(crate) gathered: Vec<NodeId>,
}

/// Kill switches that are engaged, but for those of sessions and instruments, which are kept there.
pub(crate) struct Kills {
    /// Any at all, of whatever scope.
    pub(crate) count: u32,
    pub(crate) all: bool,
    pub(crate) accounts: Vec<AccountId>,
}

impl Matcher {
    /// An empty matcher that reserves nothing for its orders; see
    /// [`with_reservation`](Self::with_reservation).
    ///
    /// # Panics
    /// When a limit is out of its range: [`Capacity::check`] says so beforehand.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self::with_reservation(capacity, NoReservation)
    }
}

impl<R: Reservation> Matcher<R> {
    /// An empty matcher. All the memory that it will ever need is asked for here. For each order of the
    /// capacity 128 bytes are touched at once; up to 1.2 KiB more are address space that the operating
    /// system backs when they are first used: 1 KiB for an order that is alone among 64 prices (the
    /// first 4,096 such pages are touched at the start), the rest for terms that few orders have. Each
    /// instrument takes 300 KiB.
    ///
    /// # Panics
    /// When a limit is out of its range: [`Capacity::check`] says so beforehand.
    #[must_use]
    pub fn with_reservation(capacity: Capacity, reservation: R) -> Self {
        if let Err(error) = capacity.check() {
            panic!("matcher capacity: {error}");
        }
        let Capacity { order_count_max, instrument_count_max, session_count_max, .. } = capacity;
        Self {
            levels: Levels::new(order_count_max, instrument_count_max * FIXED_PER_BOOK),
            arena: Arena::new(order_count_max),
            names: Names::new(order_count_max),
            sessions: Sessions::new(session_count_max),
            books: Table::with_capacity(instrument_count_max as usize),
            blank_books: (0..instrument_count_max).map(|_| BlankBook::new()).collect(),
            by_instrument: IdMap::new(instrument_count_max),
            capacity,
            settling: Settling::new(order_count_max),
            expiries: Expiries::new(order_count_max),
            kills: Kills {
                count: 0,
                all: false,
                accounts: Vec::with_capacity(Capacity::KILLED_ACCOUNT_COUNT_MAX),
            },
            reservation,
            time: TimeNs(0),
            order_id_last: OrderId(0),
            trade_id_last: TradeId(0),
            priority_last: 0,
            triggered_count: 0,
            match_count: 0,
            look_count: 0,
            // An uncross puts a mark between its two rows.
            gathered: Vec::with_capacity(order_count_max as usize + 1),
        }
    }

    /// Makes an instrument tradable. Defining it again with the same rules changes nothing.
    ///
    /// # Errors
    /// In this order: [`RejectReason::UnknownInstrument`] for instrument 0, what
    /// [`InstrumentRules::check`] says, [`RejectReason::InstrumentRedefined`] when it has other rules
    /// already, [`RejectReason::InstrumentCapacity`].
    pub fn define(
        &mut self,
        instrument: InstrumentId,
        rules: InstrumentRules,
    ) -> Result<(), RejectReason> {
        if instrument == InstrumentId(0) {
            return Err(RejectReason::UnknownInstrument);
        }
        rules.check()?;
        if let Some(index) = self.find_book(instrument) {
            let is_same = self.book(index).rules == rules;
            return if is_same { Ok(()) } else { Err(RejectReason::InstrumentRedefined) };
        }
        let blank = self.blank_books.pop().ok_or(RejectReason::InstrumentCapacity)?;
        let position = self.books.len() as u32;
        self.by_instrument.insert(instrument.0, position);
        let first_fixed = self.capacity.order_count_max + position * FIXED_PER_BOOK;
        self.books.push(blank.define(instrument, rules, first_fixed));
        Ok(())
    }

    /// Lets a session trade, with so many live orders at most. Defining it again with the same
    /// limit changes nothing.
    ///
    /// # Errors
    /// [`RejectReason::UnknownSession`] for session 0; [`RejectReason::SessionCapacity`] when it has
    /// another limit already, or there is no room for one more.
    pub fn define_session(
        &mut self,
        session: SessionId,
        open_order_max: u32,
    ) -> Result<(), RejectReason> {
        self.sessions.define(session, open_order_max)
    }

    /// Applies one command. The first event is its one primary reply, accepted or
    /// rejected; after a reject nothing has changed.
    pub fn apply(&mut self, command: &Command, sink: &mut impl EventSink) {
        let outcome = match command {
            Command::New(new) => return self.apply_new(new, sink),
            Command::Cancel(cancel) => return self.apply_cancel(cancel, sink),
            Command::Replace(replace) => return self.apply_replace(replace, sink),
            Command::MassCancel(mass) => self.mass_cancel(mass, sink),
            Command::Kill(kill) => self.kill(kill, sink),
            Command::SetState(set) => self.set_state(set, sink),
        };
        if let Err(reason) = outcome {
            sink.event(events::rejected(command, reason));
        }
    }

    /// [`apply`](Self::apply) for a new order: for callers that know what they have.
    #[inline(always)]
    pub fn apply_new(&mut self, new: &NewOrder, sink: &mut impl EventSink) {
        if let Err(unfinished) = self.begin_new(new, sink) {
            self.finish_new(new, unfinished, sink);
        }
    }

    /// The first half of [`apply_new`](Self::apply_new), which is all for most orders: for callers that put
    /// an order together only for the matcher, and so need it in memory only for the second half.
    ///
    /// # Errors
    /// When the order could not be carried out at once. No order has changed then (its reservation may have been
    /// asked), and the next call must be [`finish_new`](Self::finish_new) with the same order.
    #[inline(always)]
    pub fn begin_new(
        &mut self,
        new: &NewOrder,
        sink: &mut impl EventSink,
    ) -> Result<(), Unfinished> {
        self.new_at_once::<false>(new, sink)
    }

    /// The second half of [`apply_new`](Self::apply_new).
    pub fn finish_new(
        &mut self,
        new: &NewOrder,
        unfinished: Unfinished,
        sink: &mut impl EventSink,
    ) {
        if let Err(reason) = self.new_unfinished(new, unfinished, sink) {
            sink.event(events::rejected(&Command::New(*new), reason));
        }
    }

    /// [`apply`](Self::apply) for a cancel.
    #[inline(always)]
    pub fn apply_cancel(&mut self, cancel: &Cancel, sink: &mut impl EventSink) {
        if let Err(reason) = self.cancel(cancel, sink) {
            sink.event(events::rejected(&Command::Cancel(*cancel), reason));
        }
    }

    /// [`apply`](Self::apply) for a replace.
    #[inline(always)]
    pub fn apply_replace(&mut self, replace: &Replace, sink: &mut impl EventSink) {
        if let Err(reason) = self.replace(replace, sink) {
            sink.event(events::rejected(&Command::Replace(*replace), reason));
        }
    }

    /// Tells the processor what a command will touch that comes soon, while another is applied. Changes
    /// nothing; whether it gains anything depends on how long orders live (`docs/performance.md`).
    #[inline]
    pub fn look_ahead(&self, command: &Command) {
        let (session, target) = match command {
            Command::Cancel(cancel) => (cancel.session, cancel.target),
            Command::Replace(replace) => (replace.session, replace.target),
            _ => return,
        };
        let OrderRef::Client(id) = target else { return };
        if let Some(session) = self.sessions.find(session)
            && let Some(slot) = self.names.likely(session, id)
        {
            self.arena.prefetch(slot);
            self.levels.links.prefetch(slot);
        }
    }

    /// What is done before a command has any effect on a book: bands and cascades are measured from here.
    #[inline(always)]
    pub(crate) fn begin_action(&mut self, index: BookIndex) {
        let book = self.book_mut(index);
        book.band_base = book.last_price;
        self.triggered_count = 0;
    }

    /// What is done when a command has had its effect on a book: elected stops act, pegged orders
    /// follow the touch.
    #[inline(always)]
    pub(crate) fn settle_book(&mut self, index: BookIndex, sink: &mut impl EventSink) {
        let book = self.book(index);
        if book.awaits_touch
            || book.follow != Follow::Idle
            || self.levels.links.first(book.elected).is_some()
        {
            self.run_stops(index, sink);
        }
        (self.match_count, self.look_count) = (0, 0);
        if !self.book(index).pegged.is_empty() {
            self.follow_pegs(index, sink);
        }
    }

    #[inline(always)]
    pub(crate) fn book(&self, index: BookIndex) -> &Book {
        &self.books[index.0]
    }

    #[inline(always)]
    pub(crate) fn book_mut(&mut self, index: BookIndex) -> &mut Book {
        &mut self.books[index.0]
    }

    /// As [`find_book`](Self::find_book), for most instruments; `None` for the others.
    #[inline(always)]
    pub(crate) fn find_book_near(&mut self, instrument: InstrumentId) -> Option<BookIndex> {
        self.by_instrument.get_near(instrument.0).map(BookIndex)
    }

    #[inline(always)]
    pub(crate) fn find_book(&self, instrument: InstrumentId) -> Option<BookIndex> {
        let is_it = |at: u32| self.books[at].instrument == instrument;
        self.by_instrument.get(instrument.0, is_it).map(BookIndex)
    }

    pub(crate) fn find_session(&self, session: SessionId) -> Result<SessionIndex, RejectReason> {
        self.sessions.find(session).ok_or(RejectReason::UnknownSession)
    }

    /// What is open of a live order, an iceberg's reserve included.
    #[inline(always)]
    pub(crate) fn open(&self, slot: NodeId) -> u64 {
        self.levels.links[slot].qty + self.arena.reserve(slot)
    }

    /// What is displayed of a live order.
    #[inline(always)]
    pub(crate) fn displayed(&self, slot: NodeId) -> QtyLots {
        use vesta_types::state_hash::OrderPhase::Queued;
        let flags = self.arena[slot].flags;
        let is_displayed = !flags.has(crate::arena::Flags::UNDISPLAYED) && flags.phase() == Queued;
        QtyLots(if is_displayed { self.levels.links[slot].qty } else { 0 })
    }

    /// A live order, whole.
    pub(crate) fn view_of(&self, slot: NodeId) -> LiveOrder {
        let order = &self.arena[slot];
        let of = NewOrder::limit(
            self.sessions.at(order.session).id,
            order.client_order_id,
            self.book(order.book).instrument,
            Side::Buy,
            PriceTicks(0),
            QtyLots::ZERO,
        );
        self.arena.view(slot, &of, self.levels.links[slot].qty)
    }

    /// The id of the next order.
    #[inline(always)]
    pub(crate) fn next_order_id(&self) -> OrderId {
        // 584 years of a billion each second.
        OrderId(self.order_id_last.0.wrapping_add(1))
    }

    /// The next priority stamp.
    #[inline(always)]
    pub(crate) fn next_priority(&mut self) -> u64 {
        // One for each entry into a queue: 584 years of a billion each second.
        self.priority_last = self.priority_last.wrapping_add(1);
        self.priority_last
    }

    pub(crate) fn is_continuous(&self, index: BookIndex) -> bool {
        self.book(index).state == TradingState::Continuous
    }
}
