//! What a run was a test of: how often the rules came into play that a plain flow leaves alone.

use std::fmt;
use vesta_types::{CancelReason, Event, OrderId, Party, QtyLots, Side};

/// How often each came into play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exercised {
    /// Tips of icebergs that followed one that was traded away.
    pub icebergs_refreshed: u64,
    /// Stops that began to act.
    pub stops_triggered: u64,
    /// Meetings of two orders of one group: something was cancelled, or came off, instead of a trade.
    pub self_trades_prevented: u64,
    /// Trades of uncrosses.
    pub auction_trades: u64,
    /// Their volume, over all instruments.
    pub auction_volume: QtyLots,
    /// Orders whose time was up.
    pub expired: u64,
}

impl Exercised {
    /// Takes in the events of one record.
    pub fn add(&mut self, events: &[Event]) {
        let mut tips_gone: Vec<OrderId> = Vec::new();
        // The order that was cancelled for a self-trade by the event before.
        let mut maker_gone: Option<Side> = None;
        for event in events {
            let before = maker_gone.take();
            match event {
                Event::Executed(executed) => {
                    note_tip(&mut tips_gone, &executed.maker);
                    if executed.auction {
                        note_tip(&mut tips_gone, &executed.taker);
                        self.auction_trades += 1;
                        self.auction_volume += executed.qty;
                    }
                }
                Event::SelfTradePrevented(prevented) => {
                    note_tip(&mut tips_gone, &prevented.maker);
                    self.self_trades_prevented += 1;
                }
                Event::Triggered(_) => self.stops_triggered += 1,
                Event::Cancelled(cancelled) if cancelled.reason == CancelReason::Expired => {
                    self.expired += 1;
                }
                Event::Cancelled(cancelled) if cancelled.reason == CancelReason::SelfTrade => {
                    // Where both are cancelled, the aggressor follows its maker.
                    let is_second = before == Some(cancelled.side.opposite());
                    self.self_trades_prevented += u64::from(!is_second);
                    maker_gone = (!is_second).then_some(cancelled.side);
                }
                _ => {}
            }
            if let Event::Rested(rested) = event {
                self.icebergs_refreshed += u64::from(tips_gone.contains(&rested.order_id));
                tips_gone.retain(|order_id| *order_id != rested.order_id);
            }
        }
    }
}

/// Notes an order whose tip is gone, and that has another.
fn note_tip(tips_gone: &mut Vec<OrderId>, party: &Party) {
    if party.was_displayed && party.displayed.is_zero() && !party.leaves.is_zero() {
        tips_gone.push(party.order_id);
    }
}

impl fmt::Display for Exercised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "icebergs refreshed {}, stops triggered {}, self-trades prevented {}, auction trades {} \
             (volume {} lots), expired {}",
            self.icebergs_refreshed,
            self.stops_triggered,
            self.self_trades_prevented,
            self.auction_trades,
            self.auction_volume,
            self.expired
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vesta_model::Model;
    use vesta_types::{
        AuctionKind, Capacity, ClientOrderId, Command, InstrumentId, InstrumentRules, NewOrder,
        OrderType, PriceTicks, SelfTrade, SessionId, SetState, StpGroup, TimeInForce, TimeNs,
        TradingState,
    };

    /// The model of one instrument and session, and what was exercised on it.
    struct Venue {
        model: Model,
        names: u64,
        exercised: Exercised,
    }

    impl Venue {
        fn new() -> Self {
            let mut model = Model::new(Capacity {
                order_count_max: 100,
                level_count_max: 100,
                instrument_count_max: 1,
                session_count_max: 1,
            });
            let rules = InstrumentRules::new(PriceTicks(1_000), QtyLots(1_000));
            model.define(InstrumentId(1), rules).expect("an instrument");
            model.define_session(SessionId(1), 100).expect("a session");
            Self { model, names: 0, exercised: Exercised::default() }
        }

        fn apply(&mut self, command: &Command) {
            let mut events = Vec::new();
            self.model.apply(command, &mut events);
            assert!(!matches!(events[0], Event::Rejected(_)), "{events:?}");
            self.exercised.add(&events);
        }

        /// A limit order at 100 ticks, varied.
        fn order(&mut self, side: Side, qty: u64, vary: impl FnOnce(NewOrder) -> NewOrder) {
            self.names += 1;
            let (id, instrument) = (ClientOrderId(self.names), InstrumentId(1));
            let (price, qty) = (PriceTicks(100), QtyLots(qty));
            let order = NewOrder::limit(SessionId(1), id, instrument, side, price, qty);
            self.apply(&Command::New(vary(order)));
        }
    }

    fn of_group(self_trade: SelfTrade) -> impl Fn(NewOrder) -> NewOrder {
        move |order| NewOrder { stp_group: StpGroup(1), self_trade, ..order }
    }

    #[test]
    fn each_meeting_of_one_group_is_one() {
        for (instruction, meetings) in [
            (SelfTrade::CancelNewest, 1),
            (SelfTrade::CancelOldest, 2),
            (SelfTrade::CancelBoth, 1),
            (SelfTrade::Decrement, 2),
        ] {
            let mut venue = Venue::new();
            for _ in 0..2 {
                venue.order(Side::Sell, 5, of_group(SelfTrade::Default));
            }
            venue.order(Side::Buy, 10, of_group(instruction));
            assert_eq!(venue.exercised.self_trades_prevented, meetings, "{instruction}");
        }
    }

    #[test]
    fn a_next_tip_is_a_refresh_and_the_last_one_is_none() {
        let mut venue = Venue::new();
        let iceberg = |order| NewOrder { display_qty: QtyLots(2), ..order };
        venue.order(Side::Sell, 6, iceberg);
        venue.order(Side::Buy, 1, |order| order);
        assert_eq!(venue.exercised.icebergs_refreshed, 0, "the tip is not gone");
        venue.order(Side::Buy, 4, |order| order);
        assert_eq!(venue.exercised.icebergs_refreshed, 2);
        // The iceberg as aggressor: what rests of it is no refresh.
        venue.order(Side::Buy, 6, iceberg);
        assert_eq!(venue.exercised.icebergs_refreshed, 2);
    }

    #[test]
    fn stops_expiries_and_auctions_are_counted() {
        let mut venue = Venue::new();
        venue.order(Side::Sell, 5, |order| order);
        venue.order(Side::Buy, 1, |order| NewOrder {
            order_type: OrderType::Stop,
            price: PriceTicks(0),
            stop_price: PriceTicks(100),
            ..order
        });
        venue.order(Side::Buy, 1, |order| order);
        assert_eq!(venue.exercised.stops_triggered, 1);
        venue.order(Side::Buy, 1, |order| NewOrder {
            time_in_force: TimeInForce::Gtd,
            price: PriceTicks(50),
            expires: TimeNs(7),
            ..order
        });
        let mut events = Vec::new();
        venue.model.advance_to(TimeNs(7), &mut events);
        venue.exercised.add(&events);
        assert_eq!(venue.exercised.expired, 1);
        let set_state = |state| {
            let (instrument, auction) = (InstrumentId(1), AuctionKind::Opening);
            Command::SetState(SetState { instrument, state, auction })
        };
        venue.apply(&set_state(TradingState::AuctionCall));
        venue.order(Side::Buy, 2, |order| order);
        assert_eq!(venue.exercised.auction_trades, 0);
        venue.apply(&set_state(TradingState::Uncross));
        let Exercised { auction_trades, auction_volume, .. } = venue.exercised;
        assert_eq!((auction_trades, auction_volume), (1, QtyLots(2)));
    }
}
