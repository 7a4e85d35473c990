//! What can be seen of a matcher from outside. Nothing here is on the hot path.

use vesta_types::state_hash::{InstrumentStatus, LiveOrder, kill_hash, order_hash};
use vesta_types::{InstrumentId, InstrumentRules, LevelView, OrderRef, QtyLots, SessionId, Side};

use crate::book::Follow;
use crate::ladder::Ladder;
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;

impl<R: Reservation> Matcher<R> {
    /// The hash that copies of this state are compared by: see
    /// [`state_hash`](vesta_types::state_hash). Costs some 40 us, and some ns for each instrument.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let orders = self.hash_of_orders();
        let books = self.books.as_slice().iter().map(crate::book::Book::hash);
        let kills = self.engaged().map(kill_hash);
        books.chain(kills).fold(orders, u64::wrapping_add)
    }

    /// How many orders are live, over all books and phases. A walk over the sessions.
    #[must_use]
    pub fn order_count(&self) -> u32 {
        self.sessions.iter().map(|session| session.open_max - session.open_left).sum()
    }

    /// How many trades there were, over all books.
    #[must_use]
    pub fn trade_count(&self) -> u64 {
        self.trade_id_last.0
    }

    /// The instruments and their rules, in order of definition.
    pub fn instruments(&self) -> impl Iterator<Item = (InstrumentId, InstrumentRules)> {
        self.books.as_slice().iter().map(|book| (book.instrument, book.rules))
    }

    /// What an instrument does just now; `None` for an unknown one.
    #[must_use]
    pub fn status(&self, instrument: InstrumentId) -> Option<InstrumentStatus> {
        self.find_book(instrument).map(|index| self.book(index).status())
    }

    /// The displayed price levels of one side of a book, best first; none for an unknown instrument.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> {
        let ladder = self.ladder(instrument, side, false);
        ladder.into_iter().flat_map(move |ladder| {
            ladder.iter(&self.levels).map(move |(key, level)| LevelView {
                price: ladder.price(key),
                qty: QtyLots(self.levels.links[level].qty),
                order_count: self.levels.links.queue(level).count() as u32,
            })
        })
    }

    /// The displayed quantity at one price of one side of a book, in lots; 0 for an empty level.
    #[must_use]
    pub fn depth_at(
        &self,
        instrument: InstrumentId,
        side: Side,
        price: vesta_types::PriceTicks,
    ) -> QtyLots {
        let found = self.ladder(instrument, side, false).and_then(|ladder| {
            let prices = vesta_types::PriceTicks(1)..=vesta_types::PriceTicks::MAX;
            let level = ladder.find(&self.levels, ladder.key(price));
            level.filter(|_| prices.contains(&price))
        });
        QtyLots(found.map_or(0, |level| self.levels.links[level].qty))
    }

    /// The best displayed price level of one side of a book; `None` when the side is empty or the
    /// instrument unknown.
    #[must_use]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<LevelView> {
        self.levels(instrument, side).next()
    }

    /// The displayed orders of one side of a book, in the order in which they would trade; none for
    /// an unknown instrument.
    pub fn orders(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LiveOrder> {
        self.queued(instrument, side, false)
    }

    /// The orders of one side of a book that rest without being displayed, in the order in which
    /// they would trade; none for an unknown instrument.
    pub fn undisplayed(
        &self,
        instrument: InstrumentId,
        side: Side,
    ) -> impl Iterator<Item = LiveOrder> {
        self.queued(instrument, side, true)
    }

    fn ladder(&self, instrument: InstrumentId, side: Side, undisplayed: bool) -> Option<&Ladder> {
        self.find_book(instrument).map(|index| self.book(index).ladder(side, undisplayed))
    }

    fn queued(
        &self,
        instrument: InstrumentId,
        side: Side,
        undisplayed: bool,
    ) -> impl Iterator<Item = LiveOrder> {
        let ladder = self.ladder(instrument, side, undisplayed);
        let nodes = ladder.into_iter().flat_map(|ladder| ladder.nodes(&self.levels));
        nodes.map(|slot| self.view_of(slot))
    }

    /// The session's live order of that name; `None` when it is not live, or another's.
    #[must_use]
    pub fn order(&self, session: SessionId, target: OrderRef) -> Option<LiveOrder> {
        self.find_order(session, target).map(|slot| self.view_of(slot))
    }

    /// For tests: walks everything.
    ///
    /// # Panics
    /// When anything is not as it must be between two commands: links, ranking, sums, names, rings,
    /// counts, triggers, a crossed book in continuous trading; or when the state hash is not that of
    /// the orders.
    pub fn check_invariants(&self) {
        let mut hash = 0_u64;
        let (mut live, mut parked) = (0, 0);
        let counts = (self.match_count, self.look_count);
        assert_eq!(counts, (0, 0), "counted within a command");
        for slot in self.arena.live() {
            let order = &self.arena[slot];
            let session = self.sessions.at(order.session).id;
            let view = self.view_of(slot);
            for name in [OrderRef::Client(order.client_order_id), OrderRef::Order(order.order_id)] {
                assert_eq!(self.order(session, name), Some(view), "found by its names");
            }
            assert!(self.open(slot) > 0, "an order without quantity");
            assert!(order.priority <= self.priority_last && order.order_id <= self.order_id_last);
            assert!(!order.flags.has(crate::arena::Flags::ELECTED), "elected between commands");
            hash = hash.wrapping_add(order_hash(&view));
            live += 1;
            parked += u32::from(order.level == NodeId::NIL);
        }
        let mut queued = parked;
        for book in self.books.as_slice() {
            for ladder in book.displayed.iter().chain(&book.undisplayed).chain(&book.stops) {
                queued += ladder.check_invariants(&self.levels);
            }
            for queue in [book.for_opening, book.for_closing] {
                queued += self.levels.links.queue(queue).count() as u32;
            }
            let is_continuous = book.state == vesta_types::TradingState::Continuous;
            assert!(!is_continuous || !book.is_crossed(), "crossed: {}", book.instrument);
            assert!(self.levels.links.first(book.elected).is_none());
            assert_eq!(book.follow, Follow::Idle, "followed within a command");
            assert!(!is_continuous || !book.reaches_a_stop(), "reached: {}", book.instrument);
            let icebergs = |side: Side| {
                let nodes = book.displayed[side.index()].nodes(&self.levels);
                let is = |slot: &NodeId| self.arena[*slot].flags.has(crate::arena::Flags::ICEBERG);
                nodes.filter(is).count() as u32
            };
            assert_eq!(book.iceberg_count, Side::BOTH.map(icebergs));
            hash = hash.wrapping_add(book.hash());
            book.safe.check_invariants(book, self.kills.count);
        }
        assert_eq!((live, live), (self.order_count(), queued), "each in one place");
        let kills = self.engaged().map(kill_hash).fold(0, u64::wrapping_add);
        assert_eq!(hash.wrapping_add(kills), self.state_hash());
        self.expiries.check_invariants(&self.arena);
        self.check_settling();
    }
}
