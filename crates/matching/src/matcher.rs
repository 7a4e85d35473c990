//! The state machine: commands in, events out.

use alloc::vec::Vec;

use vesta_types::state_hash::order_hash;
use vesta_types::{
    Cancel, CancelReason, Capacity, Command, InstrumentId, Limits, MassCancel, NewOrder, OrderId,
    OrderType, QtyLots, RejectReason, Replace, TimeInForce, TradeId,
};

use crate::admit;
use crate::arena::{Order, OrderSlot};
use crate::book::{BlankBook, Book, BookIndex};
use crate::events::{self, EventSink};
use crate::index::{Index, KeyHash};
use crate::orders::Orders;
use crate::side::{Key, LevelSlot};

/// The books of one shard. See the [crate's rules](crate#rules).
pub struct Matcher {
    pub(crate) orders: Orders,
    /// In order of definition.
    pub(crate) books: Vec<Book>,
    blank_books: Vec<BlankBook>,
    by_instrument: Index,
    pub(crate) order_id_last: OrderId,
    trade_id_last: TradeId,
    /// The last stamp given: one for each entry into any queue of the shard.
    pub(crate) priority_last: u64,
    pub(crate) state_hash: u64,
}

fn instrument_hash(instrument: InstrumentId) -> KeyHash {
    KeyHash::of(&[u64::from(instrument.0)])
}

impl Matcher {
    /// An empty matcher. Everything it will ever need is allocated here: at most 176 bytes for each
    /// order of the capacity, and 48 for each level of each side. The operating system backs it
    /// with memory page by page as it is first used, so a generous capacity costs address space.
    ///
    /// # Panics
    /// When a limit is out of its range: [`Capacity::check`] says so beforehand.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        if let Err(error) = capacity.check() {
            panic!("matcher capacity: {error}");
        }
        // A level holds an order, and a new order is refused for want of an order slot before it
        // is for want of a level: so more levels than orders would never be reached.
        let level_count_max = capacity.level_count_max.min(capacity.order_count_max);
        let blank_book = |_| BlankBook::new(level_count_max);
        Self {
            orders: Orders::new(capacity.order_count_max),
            books: Vec::with_capacity(capacity.instrument_count_max as usize),
            blank_books: (0..capacity.instrument_count_max).map(blank_book).collect(),
            by_instrument: Index::new(capacity.instrument_count_max),
            order_id_last: OrderId(0),
            trade_id_last: TradeId(0),
            priority_last: 0,
            state_hash: 0,
        }
    }

    /// Makes an instrument tradable. Defining it again with the same limits changes nothing.
    ///
    /// # Errors
    /// In this order: [`RejectReason::UnknownInstrument`] for instrument 0,
    /// [`RejectReason::InvalidPrice`] or [`RejectReason::InvalidQuantity`] for a limit out of its
    /// range, [`RejectReason::InstrumentRedefined`] when it has other limits already,
    /// [`RejectReason::InstrumentCapacity`].
    pub fn define(&mut self, instrument: InstrumentId, limits: Limits) -> Result<(), RejectReason> {
        if instrument == InstrumentId(0) {
            return Err(RejectReason::UnknownInstrument);
        }
        admit::limits(&limits)?;
        if let Some(index) = self.find_book(instrument) {
            let is_same = self.book(index).limits == limits;
            return if is_same { Ok(()) } else { Err(RejectReason::InstrumentRedefined) };
        }
        let blank = self.blank_books.pop().ok_or(RejectReason::InstrumentCapacity)?;
        // Below 2^16, the bound of Capacity::instrument_count_max.
        self.by_instrument.insert(instrument_hash(instrument), self.books.len() as u32);
        self.books.push(blank.define(instrument, limits));
        Ok(())
    }

    /// Applies one command. The first event is its one primary reply, accepted or
    /// rejected; after a reject nothing has changed.
    pub fn apply(&mut self, command: &Command, sink: &mut impl EventSink) {
        let outcome = match command {
            Command::New(new) => self.new_order(new, sink),
            Command::Cancel(cancel) => self.cancel(cancel, sink),
            Command::Replace(replace) => self.replace(replace, sink),
            Command::MassCancel(mass) => self.mass_cancel(mass, sink),
        };
        if let Err(reason) = outcome {
            sink.event(events::rejected(command, reason));
        }
    }

    fn new_order(&mut self, new: &NewOrder, sink: &mut impl EventSink) -> Result<(), RejectReason> {
        let index = self.admit_new(new)?;
        self.order_id_last = self.order_id_last.next();
        let mut taker = Order {
            order_id: self.order_id_last,
            client_order_id: new.client_order_id,
            price: new.price,
            qty: new.qty,
            priority: 0,
            session: new.session,
            instrument: new.instrument,
            book: index,
            level: LevelSlot::NIL,
            next: OrderSlot::NIL,
            prev: OrderSlot::NIL,
            session_next: OrderSlot::NIL,
            session_prev: OrderSlot::NIL,
            side: new.side,
            post_only: new.post_only,
        };
        sink.event(taker.accepted_new(new.order_type, new.time_in_force));
        let worst = match new.order_type {
            OrderType::Limit => self.book(index).worst_key(new.side, new.price),
            OrderType::Market => Key::WORST,
        };
        let makers = self.book(index).side(new.side.opposite());
        if new.time_in_force == TimeInForce::Fok && !makers.holds(new.qty, worst) {
            sink.event(taker.cancelled(CancelReason::FillOrKill));
            return Ok(());
        }
        self.trade(&mut taker, worst, sink);
        if taker.qty.is_zero() {
            return Ok(());
        }
        match new.time_in_force {
            TimeInForce::Gtc => {
                let slot = self.orders.insert(taker);
                self.rest(slot, sink);
            }
            TimeInForce::Ioc => sink.event(taker.cancelled(CancelReason::ImmediateOrCancel)),
            TimeInForce::Fok => unreachable!("what was asked for was there"),
        }
        Ok(())
    }

    fn cancel(&mut self, cancel: &Cancel, sink: &mut impl EventSink) -> Result<(), RejectReason> {
        let slot = self.admit_target(cancel.session, cancel.instrument, cancel.target)?;
        sink.event(self.orders.arena[slot].accepted_cancel());
        self.withdraw(slot, CancelReason::Requested, sink);
        Ok(())
    }

    fn replace(
        &mut self,
        replace: &Replace,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let slot = self.admit_replace(replace)?;
        let old = self.orders.arena[slot];
        let mut taker = Order { price: replace.price, qty: replace.qty, ..old };
        sink.event(taker.accepted_replace());
        let priority_kept = taker.price == old.price && taker.qty < old.qty;
        sink.event(taker.replaced(&old, priority_kept));
        if priority_kept {
            self.reduce(slot, old.qty - taker.qty);
            return Ok(());
        }
        // It keeps its slot and its names while it trades, but is in no queue.
        self.leave_queue(slot);
        let worst = self.book(old.book).worst_key(old.side, taker.price);
        self.trade(&mut taker, worst, sink);
        if taker.qty.is_zero() {
            self.orders.remove(slot);
            return Ok(());
        }
        let order = &mut self.orders.arena[slot];
        order.price = taker.price;
        order.qty = taker.qty;
        self.rest(slot, sink);
        Ok(())
    }

    fn mass_cancel(
        &mut self,
        mass: &MassCancel,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        self.admit_mass_cancel(mass)?;
        sink.event(events::accepted_mass_cancel(mass));
        let Some(first) = self.orders.first_of(mass.session) else {
            return Ok(());
        };
        // The ring is walked once, in ascending order_id; its last order is known beforehand.
        let last = self.orders.arena[first].session_prev;
        let mut at = first;
        loop {
            let Order { session_next, instrument, side, .. } = self.orders.arena[at];
            let is_named = mass.instrument.is_none_or(|named| named == instrument)
                && mass.side.is_none_or(|named| named == side);
            if is_named {
                self.withdraw(at, CancelReason::MassCancel, sink);
            }
            if at == last {
                return Ok(());
            }
            at = session_next;
        }
    }

    /// Fills the taker from the opposite side, best price first, then in order of entry, as long
    /// as makers are at `worst` or better. Each turn fills the taker or removes a maker.
    fn trade(&mut self, taker: &mut Order, worst: Key, sink: &mut impl EventSink) {
        while !taker.qty.is_zero() {
            let makers = self.book(taker.book).side(taker.side.opposite());
            let Some(slot) = makers.next_maker(worst) else {
                return;
            };
            let mut maker = self.orders.arena[slot];
            let qty = maker.qty.min(taker.qty);
            maker.qty -= qty;
            taker.qty -= qty;
            if maker.qty.is_zero() {
                self.leave_queue(slot);
                self.orders.remove(slot);
            } else {
                self.reduce(slot, qty);
            }
            self.trade_id_last = self.trade_id_last.next();
            sink.event(taker.executed(&maker, self.trade_id_last, qty));
        }
    }

    /// Takes a resting order out of the book, and says so.
    fn withdraw(&mut self, slot: OrderSlot, reason: CancelReason, sink: &mut impl EventSink) {
        sink.event(self.orders.arena[slot].cancelled(reason));
        self.leave_queue(slot);
        self.orders.remove(slot);
    }

    /// Puts a live order at the end of its price's queue, and says so.
    fn rest(&mut self, slot: OrderSlot, sink: &mut impl EventSink) {
        self.enter_queue(slot);
        let order = &self.orders.arena[slot];
        debug_assert!(!self.book(order.book).is_crossed(), "rested although it crosses");
        sink.event(order.rested());
    }

    // These three are all that changes a queue, so that the hash always agrees with the queues.

    fn enter_queue(&mut self, slot: OrderSlot) {
        self.priority_last = self.priority_last.checked_add(1).expect("priority stamps exhausted");
        let order = &mut self.orders.arena[slot];
        order.priority = self.priority_last;
        self.state_hash = self.state_hash.wrapping_add(order_hash(&order.view()));
        let (book, side) = (order.book, order.side);
        self.books[book.0 as usize].side_mut(side).push(&mut self.orders.arena, slot);
    }

    fn leave_queue(&mut self, slot: OrderSlot) {
        let order = &self.orders.arena[slot];
        self.state_hash = self.state_hash.wrapping_sub(order_hash(&order.view()));
        let (book, side) = (order.book, order.side);
        self.books[book.0 as usize].side_mut(side).unlink(&mut self.orders.arena, slot);
    }

    fn reduce(&mut self, slot: OrderSlot, by: QtyLots) {
        let order = &self.orders.arena[slot];
        self.state_hash = self.state_hash.wrapping_sub(order_hash(&order.view()));
        let (book, side) = (order.book, order.side);
        self.books[book.0 as usize].side_mut(side).reduce(&mut self.orders.arena, slot, by);
        let order = &self.orders.arena[slot];
        self.state_hash = self.state_hash.wrapping_add(order_hash(&order.view()));
    }

    pub(crate) fn book(&self, index: BookIndex) -> &Book {
        &self.books[index.0 as usize]
    }

    pub(crate) fn find_book(&self, instrument: InstrumentId) -> Option<BookIndex> {
        let is_instrument = |index| self.book(BookIndex(index)).instrument == instrument;
        self.by_instrument.get(instrument_hash(instrument), is_instrument).map(BookIndex)
    }
}
