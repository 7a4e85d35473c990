//! What an observer sees of the model.

use vesta_types::state_hash::{InstrumentStatus, LiveOrder, kill_hash, order_hash, status_hash};
use vesta_types::{
    InstrumentId, InstrumentRules, KillScope, LevelView, OrderId, OrderRef, QtyLots, SessionId,
    Side,
};

use crate::Model;

impl Model {
    /// **state_hash**: the wrapping sum over all that is live, worked out anew.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let orders = self.orders.values().map(order_hash);
        let statuses = self.instruments.iter().filter_map(|id| self.status(*id));
        let statuses = statuses.map(|status| status_hash(&status));
        let all = self.killed_all.then_some(KillScope::All);
        let sessions = self.killed_sessions.iter().map(|session| KillScope::Session(*session));
        let accounts = self.killed_accounts.iter().map(|account| KillScope::Account(*account));
        let kills = all.into_iter().chain(sessions).chain(accounts).map(kill_hash);
        orders.chain(statuses).chain(kills).fold(0, u64::wrapping_add)
    }

    /// How many orders are live, in all phases.
    #[must_use]
    pub fn order_count(&self) -> u32 {
        u32::try_from(self.orders.len()).expect("fewer than 2^24 orders")
    }

    /// The instruments and their rules, in order of definition.
    pub fn instruments(&self) -> impl Iterator<Item = (InstrumentId, InstrumentRules)> {
        self.instruments.iter().map(|id| (*id, self.books[id].rules))
    }

    /// What an instrument does just now; `None` for an unknown one.
    #[must_use]
    pub fn status(&self, instrument: InstrumentId) -> Option<InstrumentStatus> {
        let book = self.books.get(&instrument)?;
        Some(InstrumentStatus {
            instrument,
            state: book.state,
            auction: book.auction,
            last_price: book.last_price,
            reference_price: book.reference_price,
            killed: book.killed,
            told: book.told,
        })
    }

    /// The displayed price levels of one side of a book, best first; none for an unknown
    /// instrument.
    pub fn levels(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LevelView> {
        let queue = self.books.get(&instrument).map(|book| &book.displayed[side.index()]);
        queue.into_iter().flat_map(move |queue| {
            queue.prices().map(move |price| {
                let shown = queue.at(price).map(|(_, order_id)| self.orders[&order_id].displayed);
                LevelView {
                    price,
                    qty: shown.fold(QtyLots::ZERO, |sum, qty| sum + qty),
                    order_count: u32::try_from(queue.count_at(price)).expect("fewer than 2^24"),
                }
            })
        })
    }

    /// The best displayed price level of one side of a book.
    #[must_use]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<LevelView> {
        self.levels(instrument, side).next()
    }

    /// The displayed orders of one side of a book, in the order in which they would trade; none for
    /// an unknown instrument.
    pub fn orders(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = LiveOrder> {
        let queue = self.books.get(&instrument).map(|book| &book.displayed[side.index()]);
        let ids = queue.into_iter().flat_map(|queue| queue.ids());
        ids.map(|order_id| self.orders[&order_id])
    }

    /// The undisplayed orders of one side of a book, in the order in which they would trade; none
    /// for an unknown instrument.
    pub fn undisplayed(
        &self,
        instrument: InstrumentId,
        side: Side,
    ) -> impl Iterator<Item = LiveOrder> {
        let queue = self.books.get(&instrument).map(|book| &book.undisplayed[side.index()]);
        let ids = queue.into_iter().flat_map(|queue| queue.ids());
        ids.map(|order_id| self.orders[&order_id])
    }

    /// The session's live order of that name; `None` when it is not live, or another's.
    #[must_use]
    pub fn order(&self, session: SessionId, target: OrderRef) -> Option<LiveOrder> {
        let order_id: OrderId = match target {
            OrderRef::Client(id) => *self.names.get(&(session, id))?,
            OrderRef::Order(id) => id,
        };
        self.orders.get(&order_id).copied().filter(|order| order.terms.session == session)
    }

    /// Every live order, in all phases, by ascending `order_id`.
    pub fn live_orders(&self) -> impl Iterator<Item = LiveOrder> {
        self.orders.values().copied()
    }
}
