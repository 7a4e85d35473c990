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
