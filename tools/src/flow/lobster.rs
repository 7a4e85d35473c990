//! Flow that follows a recording: the message file of a LOBSTER day, as commands.

use super::FlowError;
use std::collections::BTreeMap;
use vesta_model::Model;
use vesta_replay::lobster::{Event as Recorded, Message, Order};
use vesta_types::state_hash::LiveOrder;
use vesta_types::{
    Cancel, Capacity, ClientOrderId, Command, Event, InstrumentId, InstrumentRules, MassCancel,
    NewOrder, OrderRef, PriceTicks, QtyLots, Replace, SessionId, Side, TimeInForce,
};

/// Sessions that trade, of those that are given. More: each round of a loop ends with as many mass
/// cancels, and a short recording would be made of them.
const SESSION_COUNT_MAX: usize = 4;

/// What a [`LobsterFlow`] is made from.
#[derive(Clone, Debug)]
pub struct LobsterSettings {
    /// The recording.
    pub messages: Vec<Message>,
    /// The instrument that it is traded in.
    pub instrument: InstrumentId,
    /// What the venue admits of it, and how its book behaves. One share is one lot.
    pub rules: InstrumentRules,
    /// The instrument's tick in 10^-4 dollars, from 1: 100 is a cent.
    pub tick_e4: i64,
    /// Who trades; at least one. The first four do.
    pub sessions: Vec<SessionId>,
    /// The venue's capacity.
    pub capacity: Capacity,
    /// Start again when the recording ends, after what still rests is taken out.
    pub is_loop: bool,
}

/// Rows that became no command, over all rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Reduces and deletes of orders that do not rest here: they were there before the recording
    /// began, or an execution that found another order than in the recording has filled them.
    pub unknown_order: u64,
    /// Executions that would find nothing to trade with.
    pub nothing_to_trade: u64,
    /// Hidden executions, crosses and halts.
    pub no_order: u64,
    /// Prices that are not whole ticks, and prices and sizes beyond the limits.
    pub unfit: u64,
}

/// Commands that follow a recording, on one instrument.
///
/// A new order is a limit order; an execution an immediate-or-cancel order of the other side; a part
/// cancelled a replace; a delete a cancel. The recording begins with a book that is full and this
/// with one that is empty, so some rows say nothing: they are skipped, and counted.
#[derive(Debug)]
pub struct LobsterFlow {
    settings: LobsterSettings,
    model: Model,
    events: Vec<Event>,
    /// The row that comes next.
    at: usize,
    /// Commands of this round so far.
    commands: u64,
    /// This round's orders, by the recording's id.
    orders: BTreeMap<i64, (SessionId, ClientOrderId)>,
    last_ids: Vec<ClientOrderId>,
    /// Whose turn it is to give a new order.
    turn: usize,
    skipped: Skipped,
}

/// Why a row became no command.
enum Skip {
    UnknownOrder,
    NothingToTrade,
    NoOrder,
    Unfit,
}

impl LobsterFlow {
    /// A flow from the recording's first row on.
    ///
    /// # Errors
    /// [`FlowError`] names what can not be, and its range.
    pub fn new(mut settings: LobsterSettings) -> Result<Self, FlowError> {
        super::check_sessions(&settings.sessions)?;
        settings.sessions.truncate(SESSION_COUNT_MAX);
        if settings.tick_e4 < 1 {
            return Err(FlowError::TickSize(settings.tick_e4));
        }
        let mut model = super::model(settings.capacity, &settings.sessions)?;
        let id = settings.instrument;
        model.define(id, settings.rules).map_err(|reason| FlowError::Instrument { id, reason })?;
        Ok(Self {
            model,
            events: Vec::new(),
            at: 0,
            commands: 0,
            orders: BTreeMap::new(),
            last_ids: vec![ClientOrderId(0); settings.sessions.len()],
            turn: 0,
            skipped: Skipped::default(),
            settings,
        })
    }

    /// Rows that became no command so far.
    #[must_use]
    pub const fn skipped(&self) -> Skipped {
        self.skipped
    }

    fn on_row(&mut self, message: &Message) -> Result<Command, Skip> {
        match &message.event {
            Recorded::New(order) => {
                let (price, qty) = self.in_ticks_and_lots(order)?;
                let new = self.new_order(order.side, TimeInForce::Gtc, price, qty);
                self.orders.insert(order.order_id, (new.session, new.client_order_id));
                Ok(Command::New(new))
            }
            Recorded::Execution(order) => {
                let (price, qty) = self.in_ticks_and_lots(order)?;
                let best = self.model.best(self.settings.instrument, order.side);
                let trades = best.is_some_and(|best| match order.side {
                    Side::Buy => best.price >= price,
                    Side::Sell => best.price <= price,
                });
                if !trades {
                    return Err(Skip::NothingToTrade);
                }
                let side = order.side.opposite();
                Ok(Command::New(self.new_order(side, TimeInForce::Ioc, price, qty)))
            }
            Recorded::PartialCancel(order) => {
                let resting = self.resting(order).ok_or(Skip::UnknownOrder)?;
                let terms = &resting.terms;
                if terms.qty <= order.qty {
                    return Ok(cancel(&resting));
                }
                Ok(Command::Replace(Replace {
                    session: terms.session,
                    instrument: terms.instrument,
                    target: OrderRef::Client(terms.client_order_id),
                    price: terms.price,
                    qty: terms.qty - order.qty,
                    stop_price: PriceTicks(0),
                }))
            }
            Recorded::Delete(order) => {
                self.resting(order).map(|order| cancel(&order)).ok_or(Skip::UnknownOrder)
            }
            Recorded::HiddenExecution | Recorded::CrossTrade | Recorded::Halt => Err(Skip::NoOrder),
        }
    }

    fn in_ticks_and_lots(&self, order: &Order) -> Result<(PriceTicks, QtyLots), Skip> {
        let LobsterSettings { tick_e4, rules, .. } = &self.settings;
        let price = PriceTicks(order.price.0 / tick_e4);
        if order.price.0 % tick_e4 != 0 || price > rules.price_max || order.qty > rules.qty_max {
            return Err(Skip::Unfit);
        }
        Ok((price, order.qty))
    }

    fn new_order(
        &mut self,
        side: Side,
        time_in_force: TimeInForce,
        price: PriceTicks,
        qty: QtyLots,
    ) -> NewOrder {
        self.turn = (self.turn + 1) % self.settings.sessions.len();
        let client_order_id = &mut self.last_ids[self.turn];
        client_order_id.0 += 1;
        let (session, instrument) = (self.settings.sessions[self.turn], self.settings.instrument);
        let id = *client_order_id;
        NewOrder { time_in_force, ..NewOrder::limit(session, id, instrument, side, price, qty) }
    }

    /// The order of a row, if it rests here.
    fn resting(&self, order: &Order) -> Option<LiveOrder> {
        let (session, id) = self.orders.get(&order.order_id)?;
        self.model.order(*session, OrderRef::Client(*id))
    }

    /// The next row that is a command; `None` at the end of the recording.
    fn follow(&mut self) -> Option<Command> {
        while let Some(message) = self.settings.messages.get(self.at).copied() {
            self.at += 1;
            let skipped = match self.on_row(&message) {
                Ok(command) => return Some(command),
                Err(Skip::UnknownOrder) => &mut self.skipped.unknown_order,
                Err(Skip::NothingToTrade) => &mut self.skipped.nothing_to_trade,
                Err(Skip::NoOrder) => &mut self.skipped.no_order,
                Err(Skip::Unfit) => &mut self.skipped.unfit,
            };
            *skipped += 1;
        }
        None
    }

    /// Takes out what still rests; `None` when nothing does.
    fn clear(&self) -> Option<Command> {
        let instrument = self.settings.instrument;
        let mut resting = Side::BOTH.iter().flat_map(|&side| self.model.orders(instrument, side));
        let session = resting.next()?.terms.session;
        let instrument = Some(instrument);
        Some(Command::MassCancel(MassCancel { session, account: None, instrument, side: None }))
    }

    /// Goes back to the first row; false when the round gave nothing, as each other one would.
    fn rewind(&mut self) -> bool {
        let gave = std::mem::take(&mut self.commands) > 0;
        self.at = 0;
        self.orders.clear();
        gave
    }
}

fn cancel(order: &LiveOrder) -> Command {
    Command::Cancel(Cancel {
        session: order.terms.session,
        instrument: order.terms.instrument,
        target: OrderRef::Client(order.terms.client_order_id),
    })
}

impl Iterator for LobsterFlow {
    type Item = Command;

    /// The next command; `None` at the end of a recording that is not to start again, or that has
    /// no row to make a command of.
    fn next(&mut self) -> Option<Command> {
        let command = loop {
            if let Some(command) = self.follow() {
                break command;
            }
            if !self.settings.is_loop {
                return None;
            }
            if let Some(command) = self.clear() {
                break command;
            }
            if !self.rewind() {
                return None;
            }
        };
        self.commands += 1;
        self.events.clear();
        self.model.apply(&command, &mut self.events);
        Some(command)
    }
}

#[cfg(test)]
#[path = "lobster_tests.rs"]
mod tests;
