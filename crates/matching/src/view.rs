//! What can be seen of a matcher from outside. Nothing here is on the hot path.

use vesta_types::state_hash::{RestingOrder, order_hash};
use vesta_types::{InstrumentId, LevelView, Limits, OrderRef, SessionId, Side};

use crate::arena::Order;
use crate::matcher::Matcher;

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
