//! Before the opening: the orders that an auction collects. And the flow's time made the world's.

use super::generator::Flow;
use super::shape::{self, Collect};
use vesta_types::{
    Cancel, Command, NewOrder, OrderRef, OrderType, PriceTicks, Side, TimeInForce, TimeNs,
    TradingState,
};

/// The opening auction of an instrument, in commands of the whole flow. The venue opens it by its own
/// clock, which no flow that is made in advance can know: so there is a pause before it.
///
/// ```text
///   command 0 ......... collect_until ......... opens_at .........
///           is collected       |   none for it     |   continuous
///                                 ^ uncross
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// From this command on none is for the instrument.
    pub collect_until: u64,
    /// From this command on it trades continuously, and commands for it come again: they must not be
    /// sent before it does.
    pub opens_at: u64,
}

/// Makes the flow's time the world's: it begins at `start`. Only orders that expire know of it.
pub fn start_at(commands: &mut [Command], start: TimeNs) {
    for command in commands {
        if let Command::New(new) = command
            && new.time_in_force == TimeInForce::Gtd
        {
            new.expires.0 = new.expires.0.saturating_add(start.0);
        }
    }
}

impl Flow {
    /// A command for an instrument that is not open yet. All but what is at the open is admitted, and
    /// makes sense, also when the instrument is.
    pub(super) fn collect(&mut self, at: usize, commands: u64) -> Command {
        let side = Side::BOTH[(commands % 2) as usize];
        let near = self.markets[at].near_price(&mut self.random);
        let qty = self.markets[at].size(&mut self.random);
        let order = self.markets[at].order(side, near, qty);
        let what = match self.random.pick(&shape::COLLECTS) {
            // First there must be a book, and something to take back.
            _ if commands <= shape::OPENING_COMMANDS => Collect::Away,
            what => what,
        };
        let order = match what {
            Collect::Away => {
                let price = self.markets[at].passive_price(side, None, &mut self.random);
                NewOrder { price, ..order }
            }
            Collect::Near if self.random.percent(20) => {
                NewOrder { time_in_force: TimeInForce::Day, ..order }
            }
            Collect::Near => order,
            Collect::Iceberg => self.iceberg(at, order),
            Collect::Hidden => NewOrder { hidden: true, ..order },
            Collect::AtOpen => NewOrder { time_in_force: TimeInForce::AtOpen, ..order },
            Collect::AtOpenMarket => NewOrder {
                order_type: OrderType::Market,
                time_in_force: TimeInForce::AtOpen,
                price: PriceTicks(0),
                ..order
            },
            Collect::Stop => self.stop(at, order, Some(PriceTicks(self.markets[at].fair()))),
            Collect::Cancel => match self.markets[at].any_live(&mut self.random) {
                Some((session, id)) => {
                    let target = OrderRef::Client(id);
                    return Command::Cancel(Cancel {
                        session,
                        instrument: order.instrument,
                        target,
                    });
                }
                None => order,
            },
        };
        self.give(order)
    }

    /// True for an instrument that trades.
    pub(super) fn is_continuous(&self, at: usize) -> bool {
        let status = self.model.status(self.markets[at].id());
        status.is_some_and(|status| status.state == TradingState::Continuous)
    }

    /// Opens what is due to open at this command. The events are left to be taken in.
    pub(super) fn open_due(&mut self) {
        for market in &self.markets {
            if market.settings.opening.is_some_and(|opening| opening.opens_at == self.commands) {
                let uncross = market.set_state(TradingState::Uncross);
                self.model.apply(&uncross, &mut self.events);
            }
        }
    }
}
