//! One instrument of the generated flow: its fair value, and when its orders are due.

use super::{InstrumentFlow, REFERENCE_PRICE_MIN, shape};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use vesta_types::{ClientOrderId, Event, InstrumentId, PriceTicks, QtyLots, SessionId, Side};
use vesta_workload::random::Random;

/// An order, as its owner names it.
pub(super) type Name = (SessionId, ClientOrderId);

/// One instrument of the flow.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) settings: InstrumentFlow,
    /// Commands of this instrument so far: the clock of lifetimes.
    pub(super) commands: u64,
    /// Orders that rest.
    pub(super) order_count: u32,
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
            order_count: 0,
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
        PriceTicks(price.clamp(1, self.settings.rules.price_max.0))
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

    /// The next order that is due, whether it still rests or not. Too many orders make the first
    /// one due early.
    pub(super) fn pop_due(&mut self) -> Option<Name> {
        let Reverse((at, _)) = self.due.peek()?;
        if *at > self.commands && self.order_count < self.order_count_max {
            return None;
        }
        self.due.pop().map(|Reverse((_, name))| name)
    }

    /// Takes in what a command did to this instrument.
    pub(super) fn on_event(&mut self, event: &Event, random: &mut Random) {
        match event {
            Event::Rested(rested) => {
                self.order_count += 1;
                let name = (rested.session, rested.client_order_id);
                self.schedule(name, rested.price, random);
            }
            Event::Replaced(replaced) if replaced.priority_kept => {
                let name = (replaced.session, replaced.client_order_id);
                self.schedule(name, replaced.price, random);
            }
            // It left its level; should it rest again, an event will say so.
            Event::Replaced(_) => self.order_count -= 1,
            Event::Cancelled(cancelled) if !cancelled.displayed.is_zero() => self.order_count -= 1,
            Event::Executed(executed) if executed.maker.leaves.is_zero() => {
                self.order_count -= 1;
                self.filled_last = Some((executed.maker.session, executed.maker.client_order_id));
            }
            // The flow is plain: no stops, pegs, groups or auctions.
            _ => {}
        }
    }

    fn schedule(&mut self, name: Name, price: PriceTicks, random: &mut Random) {
        let lives = 1 + price.0.abs_diff(self.fair()) / shape::LIFE_AGAIN_TICKS;
        let life = random.draw(&shape::LIFE_COMMANDS).saturating_mul(lives);
        self.due.push(Reverse((self.commands + life.min(shape::LIFE_COMMANDS_MAX), name)));
    }
}
