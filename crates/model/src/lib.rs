//! The naive model of the matching rules: as plain as they can be written down, in sorted maps,
//! with nothing kept that can be worked out. The fast book (`vesta-matching`) is held to it, event
//! by event. The two share the vocabulary, and nothing else: whoever changes a rule changes it here
//! from the text of the rule, not from the fast book.
//!
//! Its own tests are those of `vesta-matching`, which run every hand-worked scenario on both.
//!
//! It allocates, and a mass cancel and the hash walk every order; even so, it takes some hundreds of
//! thousands of commands a second.

use std::collections::BTreeMap;

use vesta_types::state_hash::{RestingOrder, order_hash};
use vesta_types::{
    Accepted, Cancel, CancelReason, Cancelled, Capacity, ClientOrderId, Command, CommandKind,
    Event, Executed, InstrumentId, LevelView, Limits, MassCancel, NewOrder, OrderId, OrderRef,
    OrderType, Party, PriceTicks, QtyLots, RejectReason, Rejected, Replace, Replaced, Rested,
    SessionId, Side, TimeInForce, TradeId,
};

/// One side of a book: by price, then by priority stamp, the order.
type Queues = BTreeMap<PriceTicks, BTreeMap<u64, OrderId>>;

#[derive(Debug)]
struct Book {
    limits: Limits,
    bids: Queues,
    asks: Queues,
}

impl Book {
    fn side(&self, side: Side) -> &Queues {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Queues {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The highest bid, or the lowest ask.
    fn best_price(&self, side: Side) -> Option<PriceTicks> {
        match side {
            Side::Buy => self.bids.keys().next_back().copied(),
            Side::Sell => self.asks.keys().next().copied(),
        }
    }

    /// The prices of one side, best first.
    fn prices(&self, side: Side) -> Vec<PriceTicks> {
        let mut prices: Vec<_> = self.side(side).keys().copied().collect();
        if side == Side::Buy {
            prices.reverse();
        }
        prices
    }
}

/// True when a taker of this side, with this limit (none: market), trades with a maker at `price`.
fn is_acceptable(taker_side: Side, limit: Option<PriceTicks>, price: PriceTicks) -> bool {
    match (taker_side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    }
}

/// The books of one shard, naively.
#[derive(Debug)]
pub struct Model {
    capacity: Capacity,
    instruments: Vec<InstrumentId>,
    books: BTreeMap<InstrumentId, Book>,
    /// Every resting order.
    orders: BTreeMap<OrderId, RestingOrder>,
    names: BTreeMap<(SessionId, ClientOrderId), OrderId>,
    order_id_last: OrderId,
    trade_id_last: TradeId,
    priority_last: u64,
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
            instruments: Vec::new(),
            books: BTreeMap::new(),
            orders: BTreeMap::new(),
            names: BTreeMap::new(),
            order_id_last: OrderId(0),
            trade_id_last: TradeId(0),
            priority_last: 0,
        }
    }

    /// Makes an instrument tradable. Defining it again with the same limits changes nothing.
    ///
    /// # Errors
    /// In this order: `UnknownInstrument` for instrument 0, `InvalidPrice` or `InvalidQuantity` for
    /// a limit out of its range, `InstrumentRedefined` when it has other limits already,
    /// `InstrumentCapacity`.
    pub fn define(&mut self, instrument: InstrumentId, limits: Limits) -> Result<(), RejectReason> {
        if instrument == InstrumentId(0) {
            return Err(RejectReason::UnknownInstrument);
        }
        if limits.price_max < PriceTicks(1) || limits.price_max > PriceTicks::MAX {
            return Err(RejectReason::InvalidPrice);
        }
        if limits.qty_max < QtyLots(1) || limits.qty_max > QtyLots::MAX {
            return Err(RejectReason::InvalidQuantity);
        }
        if let Some(book) = self.books.get(&instrument) {
            if book.limits != limits {
                return Err(RejectReason::InstrumentRedefined);
            }
            return Ok(());
        }
        if self.books.len() == self.capacity.instrument_count_max as usize {
            return Err(RejectReason::InstrumentCapacity);
        }
        let book = Book { limits, bids: Queues::new(), asks: Queues::new() };
        self.books.insert(instrument, book);
        self.instruments.push(instrument);
        Ok(())
    }

    /// Applies one command and appends its events.
    pub fn apply(&mut self, command: &Command, events: &mut Vec<Event>) {
        match command {
            Command::New(new) => self.new_order(new, events),
            Command::Cancel(cancel) => self.cancel(cancel, events),
            Command::Replace(replace) => self.replace(replace, events),
            Command::MassCancel(mass) => self.mass_cancel(mass, events),
        }
    }

    fn new_order(&mut self, new: &NewOrder, events: &mut Vec<Event>) {
        if let Some(reason) = self.fault_of_new(new) {
            events.push(Event::Rejected(Rejected {
                command: CommandKind::New,
                session: new.session,
                client_order_id: new.client_order_id,
                order_id: OrderId(0),
                reason,
            }));
            return;
        }
        self.order_id_last = self.order_id_last.next();
        let mut order = RestingOrder {
            order_id: self.order_id_last,
            session: new.session,
            client_order_id: new.client_order_id,
            instrument: new.instrument,
            side: new.side,
            post_only: new.post_only,
            price: new.price,
            qty: new.qty,
            priority: 0,
        };
        events.push(Event::Accepted(Accepted {
            command: CommandKind::New,
            session: order.session,
            client_order_id: order.client_order_id,
            order_id: order.order_id,
            instrument: order.instrument,
            side: Some(order.side),
            terms: Some((new.order_type, new.time_in_force)),
            price: order.price,
            qty: order.qty,
        }));
        let limit = match new.order_type {
            OrderType::Limit => Some(new.price),
            OrderType::Market => None,
        };
        if new.time_in_force == TimeInForce::Fok && self.available(&order, limit) < new.qty {
            events.push(cancelled(&order, CancelReason::FillOrKill));
            return;
        }
        self.trade(&mut order, limit, events);
        if order.qty.is_zero() {
            return;
        }
        match new.time_in_force {
            TimeInForce::Gtc => self.rest(order, events),
            TimeInForce::Ioc => events.push(cancelled(&order, CancelReason::ImmediateOrCancel)),
            TimeInForce::Fok => panic!("a fill-or-kill order was filled in part"),
        }
    }

    /// The first rule that a new order breaks.
    fn fault_of_new(&self, new: &NewOrder) -> Option<RejectReason> {
        let Some(book) = self.books.get(&new.instrument) else {
            return Some(RejectReason::UnknownInstrument);
        };
        if new.client_order_id == ClientOrderId(0) {
            return Some(RejectReason::InvalidClientOrderId);
        }
        if new.order_type == OrderType::Market && new.time_in_force == TimeInForce::Gtc {
            return Some(RejectReason::MarketMustBeImmediate);
        }
        if new.post_only
            && (new.order_type == OrderType::Market || new.time_in_force != TimeInForce::Gtc)
        {
            return Some(RejectReason::PostOnlyMustRest);
        }
        let price_is_good = match new.order_type {
            OrderType::Limit => new.price >= PriceTicks(1) && new.price <= book.limits.price_max,
            OrderType::Market => new.price == PriceTicks(0),
        };
        if !price_is_good {
            return Some(RejectReason::InvalidPrice);
        }
        if new.qty < QtyLots(1) || new.qty > book.limits.qty_max {
            return Some(RejectReason::InvalidQuantity);
        }
        if self.names.contains_key(&(new.session, new.client_order_id)) {
            return Some(RejectReason::DuplicateClientOrderId);
        }
        if new.post_only && would_cross(book, new.side, new.price) {
            return Some(RejectReason::PostOnlyWouldCross);
        }
        if new.time_in_force == TimeInForce::Gtc {
            if self.orders.len() == self.capacity.order_count_max as usize {
                return Some(RejectReason::OrderCapacity);
            }
            let levels = book.side(new.side);
            if !levels.contains_key(&new.price)
                && levels.len() == self.capacity.level_count_max as usize
            {
                return Some(RejectReason::LevelCapacity);
            }
        }
        None
    }

    fn cancel(&mut self, cancel: &Cancel, events: &mut Vec<Event>) {
        let Some(order) = self.target(cancel.session, cancel.instrument, cancel.target) else {
            events.push(target_rejected(
                CommandKind::Cancel,
                cancel.session,
                cancel.target,
                RejectReason::UnknownOrder,
            ));
            return;
        };
        events.push(Event::Accepted(Accepted {
            command: CommandKind::Cancel,
            session: order.session,
            client_order_id: order.client_order_id,
            order_id: order.order_id,
            instrument: order.instrument,
            side: Some(order.side),
            terms: None,
            price: PriceTicks(0),
            qty: order.qty,
        }));
        self.remove(&order);
        events.push(cancelled(&order, CancelReason::Requested));
    }

    fn replace(&mut self, replace: &Replace, events: &mut Vec<Event>) {
        let old = match self.replaceable(replace) {
            Ok(old) => old,
            Err(reason) => {
                events.push(target_rejected(
                    CommandKind::Replace,
                    replace.session,
                    replace.target,
                    reason,
                ));
                return;
            }
        };
        events.push(Event::Accepted(Accepted {
            command: CommandKind::Replace,
            session: old.session,
            client_order_id: old.client_order_id,
            order_id: old.order_id,
            instrument: old.instrument,
            side: Some(old.side),
            terms: None,
            price: replace.price,
            qty: replace.qty,
        }));
        let priority_kept = replace.price == old.price && replace.qty < old.qty;
        events.push(Event::Replaced(Replaced {
            order_id: old.order_id,
            session: old.session,
            client_order_id: old.client_order_id,
            instrument: old.instrument,
            side: old.side,
            old_price: old.price,
            old_qty: old.qty,
            price: replace.price,
            qty: replace.qty,
            priority_kept,
        }));
        let mut order = RestingOrder { price: replace.price, qty: replace.qty, ..old };
        if priority_kept {
            self.orders.insert(order.order_id, order);
            return;
        }
        self.remove(&old);
        self.trade(&mut order, Some(replace.price), events);
        if !order.qty.is_zero() {
            self.rest(order, events);
        }
    }

    /// The order that a replace is for, or the first rule that the replace breaks.
    fn replaceable(&self, replace: &Replace) -> Result<RestingOrder, RejectReason> {
        let order = self
            .target(replace.session, replace.instrument, replace.target)
            .ok_or(RejectReason::UnknownOrder)?;
        let book = &self.books[&order.instrument];
        if replace.price < PriceTicks(1) || replace.price > book.limits.price_max {
            return Err(RejectReason::InvalidPrice);
        }
        if replace.qty < QtyLots(1) || replace.qty > book.limits.qty_max {
            return Err(RejectReason::InvalidQuantity);
        }
        if order.post_only && would_cross(book, order.side, replace.price) {
            return Err(RejectReason::PostOnlyWouldCross);
        }
        let levels = book.side(order.side);
        let is_alone = levels[&order.price].len() == 1;
        let others = if is_alone { levels.len() - 1 } else { levels.len() };
        if !levels.contains_key(&replace.price) && others == self.capacity.level_count_max as usize
        {
            return Err(RejectReason::LevelCapacity);
        }
        Ok(order)
    }

    /// The order that a cancel or replace is for.
    fn target(
        &self,
        session: SessionId,
        instrument: InstrumentId,
        target: OrderRef,
    ) -> Option<RestingOrder> {
        self.order(session, target).filter(|order| order.instrument == instrument)
    }

    fn mass_cancel(&mut self, mass: &MassCancel, events: &mut Vec<Event>) {
        if let Some(instrument) = mass.instrument
            && !self.books.contains_key(&instrument)
        {
            events.push(Event::Rejected(Rejected {
                command: CommandKind::MassCancel,
                session: mass.session,
                client_order_id: ClientOrderId(0),
                order_id: OrderId(0),
                reason: RejectReason::UnknownInstrument,
            }));
            return;
        }
        events.push(Event::Accepted(Accepted {
            command: CommandKind::MassCancel,
            session: mass.session,
            client_order_id: ClientOrderId(0),
            order_id: OrderId(0),
            instrument: mass.instrument.unwrap_or(InstrumentId(0)),
            side: mass.side,
            terms: None,
            price: PriceTicks(0),
            qty: QtyLots::ZERO,
        }));
        let mut named: Vec<RestingOrder> = self.orders.values().copied().collect();
        named.retain(|order| order.session == mass.session);
        named.retain(|order| mass.instrument.is_none_or(|named| order.instrument == named));
        named.retain(|order| mass.side.is_none_or(|named| order.side == named));
        for order in named {
            self.remove(&order);
            events.push(cancelled(&order, CancelReason::MassCancel));
        }
    }

    /// The quantity that a taker could have at once.
    fn available(&self, taker: &RestingOrder, limit: Option<PriceTicks>) -> QtyLots {
        let mut sum = QtyLots::ZERO;
        let makers = taker.side.opposite();
        for level in self.levels(taker.instrument, makers) {
            // The book may be deep: enough is enough.
            if !is_acceptable(taker.side, limit, level.price) || sum >= taker.qty {
                break;
            }
            sum += level.qty;
        }
        sum
    }

    fn trade(
        &mut self,
        taker: &mut RestingOrder,
        limit: Option<PriceTicks>,
        events: &mut Vec<Event>,
    ) {
        while !taker.qty.is_zero() {
            let book = &self.books[&taker.instrument];
            let makers = taker.side.opposite();
            let Some(price) = book.best_price(makers) else { return };
            if !is_acceptable(taker.side, limit, price) {
                return;
            }
            let first = book.side(makers)[&price].values().next().expect("a level has orders");
            let mut maker = self.orders[first];
            let qty = if maker.qty < taker.qty { maker.qty } else { taker.qty };
            taker.qty -= qty;
            maker.qty -= qty;
            if maker.qty.is_zero() {
                self.remove(&maker);
            } else {
                self.orders.insert(maker.order_id, maker);
            }
            self.trade_id_last = self.trade_id_last.next();
            events.push(Event::Executed(Executed {
                trade_id: self.trade_id_last,
                instrument: taker.instrument,
                price,
                qty,
                taker_side: taker.side,
                taker: party(taker),
                maker: party(&maker),
            }));
        }
    }

    fn rest(&mut self, mut order: RestingOrder, events: &mut Vec<Event>) {
        self.priority_last += 1;
        order.priority = self.priority_last;
        let book = self.books.get_mut(&order.instrument).expect("its instrument is defined");
        let level = book.side_mut(order.side).entry(order.price).or_default();
        level.insert(order.priority, order.order_id);
        self.orders.insert(order.order_id, order);
        self.names.insert((order.session, order.client_order_id), order.order_id);
        events.push(Event::Rested(Rested {
            order_id: order.order_id,
            session: order.session,
            client_order_id: order.client_order_id,
            instrument: order.instrument,
            side: order.side,
            price: order.price,
            qty: order.qty,
        }));
    }

    fn remove(&mut self, order: &RestingOrder) {
        let book = self.books.get_mut(&order.instrument).expect("its instrument is defined");
        let levels = book.side_mut(order.side);
        let level = levels.get_mut(&order.price).expect("its level is open");
        level.remove(&order.priority);
        if level.is_empty() {
            levels.remove(&order.price);
        }
        self.orders.remove(&order.order_id);
        self.names.remove(&(order.session, order.client_order_id));
    }

    /// The wrapping sum of the hashes of all resting orders, worked out anew.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        self.orders.values().map(order_hash).fold(0, u64::wrapping_add)
    }

    /// How many orders rest, over all books.
    #[must_use]
    pub fn order_count(&self) -> u32 {
        self.orders.len() as u32
    }

    /// The instruments and their limits, in order of definition.
    pub fn instruments(&self) -> impl Iterator<Item = (InstrumentId, Limits)> {
        self.instruments.iter().map(|id| (*id, self.books[id].limits))
    }

    /// The price levels of one side of a book, best first; none for an unknown instrument.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> {
        let book = self.books.get(&instrument);
        let prices = book.map(|book| book.prices(side)).unwrap_or_default();
        prices.into_iter().map(move |price| {
            let orders = &self.books[&instrument].side(side)[&price];
            LevelView {
                price,
                qty: orders.values().fold(QtyLots::ZERO, |sum, id| sum + self.orders[id].qty),
                order_count: orders.len() as u32,
            }
        })
    }

    /// The best price level of one side of a book.
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
        let book = self.books.get(&instrument);
        let prices = book.map(|book| book.prices(side)).unwrap_or_default();
        prices.into_iter().flat_map(move |price| {
            let orders = &self.books[&instrument].side(side)[&price];
            orders.values().map(|id| self.orders[id])
        })
    }

    /// The session's resting order of that name; `None` when it is not live, or another's.
    #[must_use]
    pub fn order(&self, session: SessionId, target: OrderRef) -> Option<RestingOrder> {
        let order_id = match target {
            OrderRef::Client(id) => *self.names.get(&(session, id))?,
            OrderRef::Order(id) => id,
        };
        self.orders.get(&order_id).copied().filter(|order| order.session == session)
    }
}

fn would_cross(book: &Book, side: Side, price: PriceTicks) -> bool {
    let best = book.best_price(side.opposite());
    best.is_some_and(|best| is_acceptable(side, Some(price), best))
}

fn party(order: &RestingOrder) -> Party {
    Party {
        order_id: order.order_id,
        session: order.session,
        client_order_id: order.client_order_id,
        leaves: order.qty,
    }
}

fn cancelled(order: &RestingOrder, reason: CancelReason) -> Event {
    Event::Cancelled(Cancelled {
        order_id: order.order_id,
        session: order.session,
        client_order_id: order.client_order_id,
        instrument: order.instrument,
        side: order.side,
        price: order.price,
        qty: order.qty,
        reason,
    })
}

fn target_rejected(
    command: CommandKind,
    session: SessionId,
    target: OrderRef,
    reason: RejectReason,
) -> Event {
    let (client_order_id, order_id) = match target {
        OrderRef::Client(id) => (id, OrderId(0)),
        OrderRef::Order(id) => (ClientOrderId(0), id),
    };
    Event::Rejected(Rejected { command, session, client_order_id, order_id, reason })
}
