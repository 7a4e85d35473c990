//! One instrument of the generated flow: its fair value, and when its orders are due.

use super::{InstrumentFlow, REFERENCE_PRICE_MIN, shape};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use vesta_types::state_hash::LiveOrder;
use vesta_types::{
    AuctionKind, ClientOrderId, Command, Event, InstrumentId, NewOrder, Party, PriceTicks, QtyLots,
    SessionId, SetState, Side, TimeInForce, TradingState,
};
use vesta_workload::random::Random;

/// An order, as its owner names it.
pub(super) type Name = (SessionId, ClientOrderId);

/// One instrument of the flow.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) settings: InstrumentFlow,
    /// Commands of this instrument so far: the clock of lifetimes.
    pub(super) commands: u64,
    /// Orders that live: that rest, wait, or are parked.
    live: BTreeSet<Name>,
    /// More than this many are too many.
    order_count_max: u32,
    /// Fair value less the reference price, in fractions of a tick.
    drift: i64,
    /// The reach of fair value, and of orders beyond it, in ticks.
    room: i64,
    /// When each order is due. Orders that are gone stay in here until then.
    due: BinaryHeap<Reverse<(u64, Name)>>,
    /// The order that was filled last, until a late cancel has used it.
    pub(super) filled_last: Option<Name>,
}

impl Market {
    pub(super) fn new(settings: InstrumentFlow, order_count_max: u32) -> Self {
        let price = settings.reference_price.0;
        let headroom = settings.rules.price_max.0 - price;
        assert!(price >= REFERENCE_PRICE_MIN && headroom >= REFERENCE_PRICE_MIN);
        Self {
            settings,
            commands: 0,
            live: BTreeSet::new(),
            order_count_max,
            drift: 0,
            room: (price.min(headroom) / 2).min(4_096),
            due: BinaryHeap::new(),
            filled_last: None,
        }
    }

    pub(super) const fn id(&self) -> InstrumentId {
        self.settings.id
    }

    /// Counts a command, and moves fair value a little.
    pub(super) fn advance(&mut self, random: &mut Random) {
        self.commands += 1;
        let step = if random.below(shape::FAIR_JUMP_EVERY) == 0 {
            random.around_zero(shape::FAIR_JUMP_TICKS * shape::FAIR_UNITS_PER_TICK)
        } else {
            random.around_zero(shape::FAIR_STEP_UNITS)
        };
        let reach = self.room * shape::FAIR_UNITS_PER_TICK;
        self.drift = (self.drift - self.drift / shape::FAIR_PULL + step).clamp(-reach, reach);
    }

    /// What the instrument is worth, in ticks.
    pub(super) const fn fair(&self) -> i64 {
        self.settings.reference_price.0 + self.drift / shape::FAIR_UNITS_PER_TICK
    }

    /// The price of an order that is to rest, given the best price of the other side.
    pub(super) fn passive_price(
        &self,
        side: Side,
        opposite: Option<PriceTicks>,
        random: &mut Random,
    ) -> PriceTicks {
        let mut distance = random.draw(&shape::DISTANCE_TICKS).cast_signed();
        if distance > self.room {
            distance = 1 + random.below(self.room.unsigned_abs()).cast_signed();
        }
        let price = match (side, opposite) {
            (Side::Buy, None) => self.fair() - distance,
            (Side::Buy, Some(ask)) => (self.fair() - distance).min(ask.0 - 1),
            (Side::Sell, None) => self.fair() + distance,
            (Side::Sell, Some(bid)) => (self.fair() + distance).max(bid.0 + 1),
        };
        self.clamped(price)
    }

    /// The quantity of a new order.
    pub(super) fn size(&self, random: &mut Random) -> QtyLots {
        let lots = if random.percent(shape::ROUND_PERCENT) {
            random.pick(&shape::ROUND_SIZES)
        } else {
            random.draw(&shape::ODD_SIZES)
        };
        QtyLots(lots).min(self.settings.rules.qty_max)
    }

    /// A price near fair value, on either side of it.
    pub(super) fn near_price(&self, random: &mut Random) -> PriceTicks {
        let price = self.fair() + random.around_zero(shape::NEAR_TICKS.min(self.room));
        self.clamped(price)
    }

    /// A price, or the nearest that the instrument has.
    pub(super) fn clamped(&self, price: i64) -> PriceTicks {
        PriceTicks(price.clamp(1, self.settings.rules.price_max.0))
    }

    /// The next order that is due, whether it still rests or not. Too many orders make the first
    /// one due early.
    pub(super) fn pop_due(&mut self) -> Option<Name> {
        let Reverse((at, _)) = self.due.peek()?;
        if *at > self.commands && self.live.len() < self.order_count_max as usize {
            return None;
        }
        self.due.pop().map(|Reverse((_, name))| name)
    }

    /// One of the orders that live.
    pub(super) fn any_live(&self, random: &mut Random) -> Option<Name> {
        let count = self.live.len() as u64;
        let at = (count > 0).then(|| random.below(count))?;
        self.live.iter().nth(at as usize).copied()
    }

    /// A plain limit order, of nobody yet.
    pub(super) const fn order(&self, side: Side, price: PriceTicks, qty: QtyLots) -> NewOrder {
        NewOrder::limit(SessionId(0), ClientOrderId(0), self.id(), side, price, qty)
    }

    /// What the venue's schedule does to it on the way to its opening.
    pub(super) const fn set_state(&self, state: TradingState) -> Command {
        let auction = AuctionKind::Opening;
        Command::SetState(SetState { instrument: self.id(), state, auction })
    }

    /// True while nothing is to be sent: what was collected is about to open, or already too much.
    pub(super) fn is_pausing(&self, commands: u64) -> bool {
        self.settings.opening.is_some_and(|opening| {
            let collected =
                commands >= opening.collect_until || self.commands >= shape::COLLECT_MAX;
            collected && commands < opening.opens_at
        })
    }

    /// An order lives, or lives on after a change. One that expires by itself is never due: when it
    /// does is for the venue's clock to say, and what is sent for it might come too late.
    pub(super) fn on_live(&mut self, order: &LiveOrder, random: &mut Random) {
        let name = (order.terms.session, order.terms.client_order_id);
        self.live.insert(name);
        if order.terms.time_in_force != TimeInForce::Gtd {
            let prices = [order.queue_price, order.terms.stop_price, order.terms.price];
            let price = prices.into_iter().find(|price| price.0 != 0);
            self.schedule(name, price.unwrap_or(PriceTicks(self.fair())), random);
        }
    }

    /// Takes in an event of this instrument.
    pub(super) fn on_event(&mut self, event: &Event) {
        match event {
            Event::Executed(executed) => {
                for party in [&executed.taker, &executed.maker] {
                    if self.on_party(party) {
                        self.filled_last = Some((party.session, party.client_order_id));
                    }
                }
            }
            Event::SelfTradePrevented(prevented) => {
                self.on_party(&prevented.taker);
                self.on_party(&prevented.maker);
            }
            Event::Cancelled(cancelled) => {
                self.live.remove(&(cancelled.session, cancelled.client_order_id));
            }
            // What else happens to an order leaves it alive.
            _ => {}
        }
    }

    /// True when it was live, and nothing is left of it.
    fn on_party(&mut self, party: &Party) -> bool {
        party.leaves.is_zero() && self.live.remove(&(party.session, party.client_order_id))
    }

    fn schedule(&mut self, name: Name, price: PriceTicks, random: &mut Random) {
        let lives = 1 + price.0.abs_diff(self.fair()) / shape::LIFE_AGAIN_TICKS;
        let life = random.draw(&shape::LIFE_COMMANDS).saturating_mul(lives);
        self.due.push(Reverse((self.commands + life.min(shape::LIFE_COMMANDS_MAX), name)));
    }
}
