//! The state machine: commands in, events out.

use alloc::vec::Vec;

use vesta_types::state_hash::{RestingOrder, order_hash};
use vesta_types::{
    Accepted, Cancel, CancelReason, Capacity, ClientOrderId, Command, CommandKind, Event, Executed,
    InstrumentId, LevelView, Limits, MassCancel, NewOrder, OrderId, OrderRef, OrderType,
    PriceTicks, QtyLots, RejectReason, Rejected, Replace, Replaced, SessionId, Side, TimeInForce,
    TradeId,
};

use crate::admit;
use crate::arena::{Order, OrderSlot};
use crate::book::{BlankBook, Book, BookIndex};
use crate::index::{Index, KeyHash};
use crate::orders::Orders;
use crate::side::{Key, LevelSlot};

/// Takes the events of a command, in order, as they come about.
pub trait EventSink {
    /// One event. It is final: nothing that follows takes it back.
    fn event(&mut self, event: Event);
}

impl EventSink for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

/// The books of one shard. See the [crate's rules](crate#rules).
pub struct Matcher {
    pub(crate) orders: Orders,
    /// In order of definition.
    books: Vec<Book>,
    blank_books: Vec<BlankBook>,
    by_instrument: Index,
    order_id_last: OrderId,
    trade_id_last: TradeId,
    /// The last stamp given: one for each entry into any queue of the shard.
    priority_last: u64,
    state_hash: u64,
}

fn instrument_hash(instrument: InstrumentId) -> KeyHash {
    KeyHash::of(&[u64::from(instrument.0)])
}

impl Matcher {
    /// An empty matcher. Everything it will ever need is allocated here; the operating system
    /// backs it with memory as it is first used.
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

    /// Applies one command. The first event is its one primary reply, [`Accepted`] or
    /// [`Rejected`]; after a reject nothing has changed.
    pub fn apply(&mut self, command: &Command, sink: &mut impl EventSink) {
        let outcome = match command {
            Command::New(new) => self.new_order(new, sink),
            Command::Cancel(cancel) => self.cancel(cancel, sink),
            Command::Replace(replace) => self.replace(replace, sink),
            Command::MassCancel(mass) => self.mass_cancel(mass, sink),
        };
        if let Err(reason) = outcome {
            sink.event(rejected(command, reason));
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
        let terms = Some((new.order_type, new.time_in_force));
        sink.event(accepted(CommandKind::New, &taker, terms));
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
        let slot = self.admit_target(cancel.session, cancel.target)?;
        // Nothing is asked for, so no price is stated.
        let order = Order { price: PriceTicks(0), ..self.orders.arena[slot] };
        sink.event(accepted(CommandKind::Cancel, &order, None));
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
        sink.event(accepted(CommandKind::Replace, &taker, None));
        let priority_kept = taker.price == old.price && taker.qty < old.qty;
        sink.event(Event::Replaced(Replaced {
            order_id: old.order_id,
            session: old.session,
            client_order_id: old.client_order_id,
            instrument: old.instrument,
            side: old.side,
            old_price: old.price,
            old_qty: old.qty,
            price: taker.price,
            qty: taker.qty,
            priority_kept,
        }));
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
            sink.event(Event::Executed(Executed {
                trade_id: self.trade_id_last,
                instrument: taker.instrument,
                price: maker.price,
                qty,
                taker_side: taker.side,
                taker: taker.party(),
                maker: maker.party(),
            }));
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

/// What can be seen of a matcher from outside; nothing here is on the hot path.
impl Matcher {
    /// The hash that copies of this state are compared by: the wrapping sum of
    /// [`order_hash`] over all resting orders. Kept up to date, so this only reads it.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        self.state_hash
    }

    /// How many orders rest, over all books.
    #[must_use]
    pub fn order_count(&self) -> u32 {
        self.orders.arena.count()
    }

    /// The instruments and their limits, in order of definition.
    pub fn instruments(&self) -> impl Iterator<Item = (InstrumentId, Limits)> {
        self.books.iter().map(|book| (book.instrument, book.limits))
    }

    /// The price levels of one side of a book, best first; none for an unknown instrument.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> {
        let book = self.find_book(instrument);
        book.into_iter().flat_map(move |book| self.book(book).side(side).levels())
    }

    /// The best price level of one side of a book; `None` when the side is empty or the instrument
    /// unknown.
    #[must_use]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<LevelView> {
        self.levels(instrument, side).next()
    }

    /// The resting orders of one side of a book, in the order in which they would trade; none for
    /// an unknown instrument.
    pub fn orders(
        &self,
        instrument: InstrumentId,
        side: Side,
    ) -> impl Iterator<Item = RestingOrder> {
        let book = self.find_book(instrument);
        let orders = move |book| self.book(book).side(side).orders(&self.orders.arena);
        book.into_iter().flat_map(orders).map(Order::view)
    }

    /// The session's resting order of that name; `None` when it is not live, or another's.
    #[must_use]
    pub fn order(&self, session: SessionId, target: OrderRef) -> Option<RestingOrder> {
        self.orders.find(session, target).map(|slot| self.orders.arena[slot].view())
    }

    /// For tests: walks everything.
    ///
    /// # Panics
    /// When anything is not as it must be between two commands: links, ranking, sums, indices,
    /// an order in no queue or a crossed book; or when the state hash is not that of the orders.
    pub fn check_invariants(&self) {
        self.orders.check_invariants();
        let (mut order_count, mut state_hash) = (0, 0_u64);
        for book in &self.books {
            assert!(!book.is_crossed(), "crossed: {}", book.instrument);
            for side in Side::BOTH {
                order_count += book.side(side).check_invariants(&self.orders.arena);
                for order in book.side(side).orders(&self.orders.arena) {
                    assert_eq!(order.instrument, book.instrument);
                    assert!(order.priority <= self.priority_last);
                    assert!(order.order_id <= self.order_id_last);
                    state_hash = state_hash.wrapping_add(order_hash(&order.view()));
                }
            }
        }
        assert_eq!(order_count, self.order_count(), "every order is in a queue");
        assert_eq!(state_hash, self.state_hash);
    }
}

/// The primary reply about an order whose price and quantity are those asked for.
fn accepted(command: CommandKind, order: &Order, terms: Option<(OrderType, TimeInForce)>) -> Event {
    Event::Accepted(Accepted {
        command,
        session: order.session,
        client_order_id: order.client_order_id,
        order_id: order.order_id,
        instrument: order.instrument,
        side: Some(order.side),
        terms,
        price: order.price,
        qty: order.qty,
    })
}

/// The primary reply to a command that changed nothing, with the ids that it named.
fn rejected(command: &Command, reason: RejectReason) -> Event {
    let target = match command {
        Command::New(new) => Some(OrderRef::Client(new.client_order_id)),
        Command::Cancel(cancel) => Some(cancel.target),
        Command::Replace(replace) => Some(replace.target),
        Command::MassCancel(_) => None,
    };
    let (client_order_id, order_id) = match target {
        Some(OrderRef::Client(id)) => (id, OrderId(0)),
        Some(OrderRef::Order(id)) => (ClientOrderId(0), id),
        None => (ClientOrderId(0), OrderId(0)),
    };
    Event::Rejected(Rejected {
        command: command.kind(),
        session: command.session(),
        client_order_id,
        order_id,
        reason,
    })
}
