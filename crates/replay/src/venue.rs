//! What the check needs of a venue.

use vesta_types::{
    Cancel, ClientOrderId, Command, CommandKind, Event, InstrumentId, NewOrder, OrderRef, PostOnly,
    PriceTicks, QtyLots, RejectReason, Replace, SessionId, Side, TimeInForce,
};

/// A price level of the public book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its price.
    pub price: PriceTicks,
    /// What is open at it in all, not 0.
    pub qty: QtyLots,
}

/// Whose order it is. A session reaches its own orders only, so the venue needs one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Orders that the file names.
    Named,
    /// Orders that the file only shows as part of a level.
    Anonymous,
}

/// One command of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose order is meant, and so who gives the command.
    pub owner: Owner,
    /// The order. Both owners draw from one sequence, dense from 1, so it names the order alone.
    pub id: ClientOrderId,
    /// What to do.
    pub action: Action,
}

/// What is asked of a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new limit order.
    New {
        /// Its side.
        side: Side,
        /// Its limit.
        price: PriceTicks,
        /// Its quantity.
        qty: QtyLots,
        /// [`TimeInForce::Gtc`] or [`TimeInForce::Ioc`].
        time_in_force: TimeInForce,
        /// Set on orders that stand for what the file shows to be resting: they never trade on
        /// arrival.
        post_only: bool,
    },
    /// Shrink the order in place.
    Replace {
        /// Its price, which stays.
        price: PriceTicks,
        /// Its new open quantity, less than before.
        qty: QtyLots,
    },
    /// Take the order out.
    Cancel,
}

/// The sessions that the two owners act by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// [`Owner::Named`].
    pub named: SessionId,
    /// [`Owner::Anonymous`].
    pub anonymous: SessionId,
}

impl Request {
    /// The request as the matching core takes it.
    #[must_use]
    pub const fn command(&self, sessions: Sessions, instrument: InstrumentId) -> Command {
        let session = match self.owner {
            Owner::Named => sessions.named,
            Owner::Anonymous => sessions.anonymous,
        };
        let target = OrderRef::Client(self.id);
        match self.action {
            Action::New { side, price, qty, time_in_force, post_only } => Command::New(NewOrder {
                time_in_force,
                post_only: if post_only { PostOnly::Reject } else { PostOnly::Off },
                ..NewOrder::limit(session, self.id, instrument, side, price, qty)
            }),
            Action::Replace { price, qty } => {
                let stop_price = PriceTicks(0);
                Command::Replace(Replace { session, instrument, target, price, qty, stop_price })
            }
            Action::Cancel => Command::Cancel(Cancel { session, instrument, target }),
        }
    }
}

/// What a request did, as its owner is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request is in force.
    Accepted {
        /// The order.
        id: ClientOrderId,
        /// What was asked.
        command: CommandKind,
    },
    /// The request changed nothing.
    Rejected {
        /// The order.
        id: ClientOrderId,
        /// What was asked.
        command: CommandKind,
        /// Why.
        reason: RejectReason,
    },
    /// An order traded. A fill is two of these, of the maker and of the taker, in any order.
    Executed {
        /// The order.
        id: ClientOrderId,
        /// True when it was resting.
        maker: bool,
        /// How much traded.
        qty: QtyLots,
        /// What is left open of it.
        leaves: QtyLots,
    },
    /// An order, or its remainder, is gone without trading.
    Cancelled {
        /// The order.
        id: ClientOrderId,
    },
    /// An order has another open quantity.
    Replaced {
        /// The order.
        id: ClientOrderId,
        /// What is open of it.
        qty: QtyLots,
    },
}

impl Effect {
    /// Appends what an event of the matching core tells the owners.
    pub fn push_from(event: &Event, effects: &mut Vec<Self>) {
        match *event {
            Event::Accepted(e) => {
                effects.push(Self::Accepted { id: e.client_order_id, command: e.command });
            }
            Event::Rejected(e) => effects.push(Self::Rejected {
                id: e.client_order_id,
                command: e.command,
                reason: e.reason,
            }),
            Event::Executed(e) => {
                for (party, maker) in [(e.taker, false), (e.maker, true)] {
                    let (id, leaves) = (party.client_order_id, party.leaves);
                    effects.push(Self::Executed { id, maker, qty: e.qty, leaves });
                }
            }
            // It was accepted, and what its executions left of it is in the book.
            Event::Rested(_) => {}
            Event::Cancelled(e) => effects.push(Self::Cancelled { id: e.client_order_id }),
            Event::Replaced(e) => {
                effects.push(Self::Replaced { id: e.client_order_id, qty: e.qty });
            }
            // No request makes such an order, and the venue stays in continuous trading.
            Event::Triggered(_)
            | Event::Repriced(_)
            | Event::SelfTradePrevented(_)
            | Event::StateChanged(_)
            | Event::Indicative(_) => {}
        }
    }
}

/// What is checked: the matching library, or the running appliance.
///
/// Prices are ticks of 10^-4 dollars and quantities are shares, as the files have them: the venue's
/// instrument has a tick of 0.0001 and a lot of 1.
pub trait Venue {
    /// Why the venue could not be reached.
    type Error;

    /// Carries out `requests` in this order, and appends every effect of theirs to `effects`; those
    /// of one order in the order in which they happened. A batch may be longer than a session's
    /// window: it is for the venue to cut it.
    ///
    /// # Errors
    /// When a request could not be given or an answer did not come. A rejection is an effect.
    fn submit(
        &mut self,
        requests: &[Request],
        effects: &mut Vec<Effect>,
    ) -> Result<(), Self::Error>;

    /// Puts the best `count` levels of one side of the public book into `levels` (which is empty),
    /// the best first: as they are once everything that was submitted is reflected in it.
    ///
    /// # Errors
    /// When the public book could not be had.
    fn levels(
        &mut self,
        side: Side,
        count: usize,
        levels: &mut Vec<Level>,
    ) -> Result<(), Self::Error>;
}

impl<V: Venue> Venue for &mut V {
    type Error = V::Error;

    fn submit(
        &mut self,
        requests: &[Request],
        effects: &mut Vec<Effect>,
    ) -> Result<(), Self::Error> {
        (**self).submit(requests, effects)
    }

    fn levels(
        &mut self,
        side: Side,
        count: usize,
        levels: &mut Vec<Level>,
    ) -> Result<(), Self::Error> {
        (**self).levels(side, count, levels)
    }
}
