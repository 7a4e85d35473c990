//! Trading states.

use vesta_types::{
    AuctionKind, CancelReason, CommandKind, Event, RejectReason, SetState, StateChanged,
    TimeInForce, TradingState,
};

use crate::arena::Flags;
use crate::book::{Book, BookIndex};
use crate::events::{self, EventSink};
use crate::links::NodeId;
use crate::matcher::Matcher;
use crate::reservation::Reservation;
use crate::safe_range::SafeRange;

/// Where a change of state leads.
struct Change {
    /// It uncrosses first, with the auction-only orders of that kind.
    uncross: Option<Option<AuctionKind>>,
    state: TradingState,
    auction: Option<AuctionKind>,
}

/// The change that a command asks for; `None` where there is no such.
fn change(book: &Book, set: &SetState) -> Option<Change> {
    use TradingState as State;
    let plain = |state, auction| Change { uncross: None, state, auction };
    let called = match book.state {
        State::PreOpen => Some(AuctionKind::Opening),
        _ => book.auction,
    };
    let uncrossed = |state| Change { uncross: Some(called), state, auction: None };
    match (book.state, set.state) {
        (State::Close, State::PreOpen) => Some(plain(State::PreOpen, None)),
        (State::Close, _) => None,
        (State::AuctionCall, State::AuctionCall) if book.auction == Some(set.auction) => None,
        (_, State::AuctionCall) => Some(plain(State::AuctionCall, Some(set.auction))),
        (State::AuctionCall | State::Halt, State::PreOpen) => Some(plain(State::PreOpen, None)),
        (State::AuctionCall | State::VolatilityInterruption, State::Uncross) => {
            let closes = book.auction == Some(AuctionKind::Closing);
            Some(uncrossed(if closes { State::Close } else { State::Continuous }))
        }
        (State::Continuous, State::VolatilityInterruption) => {
            Some(plain(State::VolatilityInterruption, Some(AuctionKind::Volatility)))
        }
        (from, State::Continuous) if from != State::Continuous => {
            Some(uncrossed(State::Continuous))
        }
        (from, State::Halt | State::Close) if from != set.state => Some(plain(set.state, None)),
        _ => None,
    }
}

impl<R: Reservation> Matcher<R> {
    pub(crate) fn set_state(
        &mut self,
        set: &SetState,
        sink: &mut impl EventSink,
    ) -> Result<(), RejectReason> {
        let index = self.admit_instrument(set.instrument)?;
        let change = change(self.book(index), set).ok_or(RejectReason::InvalidTransition)?;
        sink.event(events::accepted_of_operator(CommandKind::SetState, set.instrument));
        if let Some(kind) = change.uncross {
            self.uncross(index, kind, sink);
        }
        self.begin_action(index);
        self.change_state(index, change.state, change.auction, sink);
        match change.state {
            TradingState::Close => self.expire_day(index, sink),
            TradingState::Continuous => {
                if self.book(index).last_price.0 != 0 {
                    self.follow_execution(index);
                }
                self.settle_book(index, sink);
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts an instrument into another state, and says so.
    pub(crate) fn change_state(
        &mut self,
        index: BookIndex,
        state: TradingState,
        auction: Option<AuctionKind>,
        sink: &mut impl EventSink,
    ) {
        let book = self.book_mut(index);
        book.state = state;
        book.safe = SafeRange::NONE;
        book.auction = auction;
        book.told = None;
        let instrument = book.instrument;
        sink.event(Event::StateChanged(StateChanged { instrument, state, auction }));
    }

    /// The day is over.
    fn expire_day(&mut self, index: BookIndex, sink: &mut impl EventSink) {
        self.gather(|matcher, slot| {
            matcher.arena[slot].book == index && matcher.ends_with_the_day(slot)
        });
        self.withdraw_gathered(CancelReason::Expired, sink);
    }

    fn ends_with_the_day(&self, slot: NodeId) -> bool {
        let is_for_auction = |tif: TimeInForce| tif.is_auction_only();
        self.arena[slot].flags.has(Flags::DAY)
            || self
                .arena
                .extra_of(slot)
                .is_some_and(|extra| is_for_auction(extra.terms.time_in_force))
    }
}
