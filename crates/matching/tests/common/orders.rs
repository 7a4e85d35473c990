//! New orders: mostly good ones, and each way to break a rule.

use vesta_types::*;

use super::generator::Generator;
use super::source::Source;
use super::world::{GRID_COUNT, Instrument};

/// What no field may hold.
const WILD: [u64; 8] =
    [0, 1, u64::MAX, i64::MAX as u64, i64::MIN as u64, 1 << 40, (1 << 48) + 1, u64::MAX - 1];

/// In how many ways `break_rule` breaks one.
const FLAW_COUNT: u64 = 28;

impl<S: Source> Generator<S> {
    /// An order, good as a rule.
    pub(super) fn new_order(&mut self) -> NewOrder {
        let at = self.source.below(self.world.instrument_count as u64) as usize;
        let instrument = self.world.instruments[at];
        let is_call = self.states[at].0.is_call();
        let kind = match self.source.weighted(&self.mood().kinds) {
            // As a rule not where it is not admitted.
            1 | 3 if is_call && !self.source.one_in(8) => 0,
            kind => kind,
        };
        let side = self.source.pick(&Side::BOTH);
        let mut new = NewOrder {
            account: AccountId(self.source.below(4)),
            price: self.price(&instrument, (!is_call).then_some(side)),
            qty: self.qty(&instrument),
            time_in_force: self.source.pick(&[
                TimeInForce::Gtc,
                TimeInForce::Gtc,
                TimeInForce::Day,
                TimeInForce::Gtd,
            ]),
            ..NewOrder::limit(
                self.session(),
                ClientOrderId(self.source.below(60) + 1),
                instrument.id,
                side,
                PriceTicks(0),
                QtyLots(0),
            )
        };
        if self.source.one_in(self.mood().stp_one_in) {
            new.stp_group = StpGroup(self.source.below(2) as u32 + 1);
            new.self_trade = self.source.pick(SelfTrade::ALL);
        }
        match kind {
            0 => self.rest(&mut new, &instrument),
            1 => self.immediate(&mut new, &instrument),
            2 => self.stop(&mut new, &instrument),
            3 => self.pegged(&mut new, &instrument),
            _ => self.for_auction(&mut new, at),
        }
        if new.time_in_force == TimeInForce::Gtd {
            new.expires = TimeNs(self.time.0 + 1 + self.source.below(40));
        }
        if self.source.one_in(self.mood().flaw_one_in) {
            self.break_rule(&mut new, &instrument);
        }
        new
    }

    fn rest(&mut self, new: &mut NewOrder, instrument: &Instrument) {
        let part = QtyLots(self.source.below(new.qty.0.min(250)) + 1).min(new.qty);
        match self.source.weighted(&self.mood().shows) {
            0 => {}
            // Each tip is a fill of its own: not too many.
            1 => new.display_qty = QtyLots((new.qty.0 / 12).max(part.0.min(instrument.unit * 3))),
            2 => new.hidden = true,
            3 => new.all_or_none = true,
            4 => new.min_qty = part,
            _ if self.source.one_in(2) => (new.hidden, new.all_or_none) = (true, true),
            _ => (new.hidden, new.min_qty) = (true, part),
        }
        if (new.all_or_none || !new.min_qty.is_zero()) && self.source.one_in(3) {
            // It waits across the touch, for who is large enough.
            new.price = self.price(instrument, Some(new.side.opposite()));
            new.qty = QtyLots(new.qty.0.max(instrument.unit * 6));
        }
        if new.display_qty == new.qty {
            new.display_qty = QtyLots(0);
        }
        let is_call = self.states[instrument.id.0 as usize - 1].0.is_call();
        let may_be_post_only = !is_call && !new.all_or_none && new.min_qty.is_zero();
        if may_be_post_only && self.source.one_in(6) {
            new.post_only = self.source.pick(&[PostOnly::Reject, PostOnly::Reprice]);
        }
    }

    fn immediate(&mut self, new: &mut NewOrder, instrument: &Instrument) {
        new.time_in_force =
            self.source.pick(&[TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::FokBudget]);
        if self.source.one_in(2) {
            new.order_type = OrderType::Market;
            if !self.source.one_in(4) {
                new.price = PriceTicks(0);
            }
        }
        if new.time_in_force == TimeInForce::Ioc && self.source.one_in(4) {
            new.min_qty = QtyLots(self.source.below(new.qty.0.min(250)) + 1).min(new.qty);
        }
        if new.time_in_force == TimeInForce::FokBudget {
            let price = self.grid_price(instrument);
            new.budget = u64::try_from(price.notional(new.qty)).unwrap_or(u64::MAX);
        }
    }

    fn stop(&mut self, new: &mut NewOrder, instrument: &Instrument) {
        new.order_type = self.source.pick(&[
            OrderType::Stop,
            OrderType::StopLimit,
            OrderType::TrailingStop,
            OrderType::TrailingStopLimit,
        ]);
        // On the side where it waits, as a rule: a buy stop high.
        new.stop_price = self.price(instrument, Some(new.side.opposite()));
        let stride = instrument.stride as u64;
        if new.order_type.is_trailing() {
            new.price = PriceTicks(0);
            new.trail_ticks = stride * self.source.pick(&[1, 1, 2, 3, 4]);
            if self.source.one_in(2) {
                new.stop_price = PriceTicks(0);
            }
            if new.order_type == OrderType::TrailingStopLimit {
                new.offset_ticks = stride * self.source.below(4);
            }
        } else if self.source.one_in(2) {
            new.price = if new.order_type == OrderType::Stop {
                PriceTicks(0)
            } else {
                self.grid_price(instrument)
            };
        }
    }

    fn pegged(&mut self, new: &mut NewOrder, instrument: &Instrument) {
        new.order_type = OrderType::Pegged;
        if self.source.one_in(2) {
            new.qty = instrument.rules.qty_max;
        }
        new.peg = Some(self.source.pick(PegReference::ALL));
        let least = u64::from(new.peg == Some(PegReference::Market));
        new.offset_ticks = instrument.stride as u64 * (self.source.below(3) + least);
        if !self.source.one_in(3) {
            new.price = PriceTicks(0);
        }
    }

    fn for_auction(&mut self, new: &mut NewOrder, at: usize) {
        let opens = match self.states[at] {
            (TradingState::PreOpen, _) => true,
            (_, auction) => auction == Some(AuctionKind::Opening),
        };
        let is_open = if self.source.one_in(12) { !opens } else { opens && self.source.one_in(2) };
        new.time_in_force = if is_open { TimeInForce::AtOpen } else { TimeInForce::AtClose };
        if self.source.one_in(2) {
            new.order_type = OrderType::Market;
            if !self.source.one_in(3) {
                new.price = PriceTicks(0);
            }
        }
    }

    /// One of the few prices of an instrument. With a side, one that seldom crosses.
    pub(super) fn price(&mut self, instrument: &Instrument, side: Option<Side>) -> PriceTicks {
        let half = GRID_COUNT / 2;
        let index = match side {
            _ if self.source.one_in(self.mood().crossing_one_in) => self.source.below(GRID_COUNT),
            Some(Side::Buy) => self.source.below(half),
            Some(Side::Sell) => half + self.source.below(half),
            None => self.source.below(GRID_COUNT),
        };
        on_tick(instrument, instrument.price(index))
    }

    pub(super) fn grid_price(&mut self, instrument: &Instrument) -> PriceTicks {
        let index = self.source.below(GRID_COUNT);
        on_tick(instrument, instrument.price(index))
    }

    pub(super) fn qty(&mut self, instrument: &Instrument) -> QtyLots {
        let qty = (self.source.below(10) + 1) * instrument.unit;
        let is_odd = instrument.unit > 1 && self.source.one_in(2);
        QtyLots(if is_odd { qty - self.source.below(instrument.unit.min(200)) } else { qty })
    }

    /// Four that trade all the time; a broken rule makes another.
    pub(super) fn session(&mut self) -> SessionId {
        SessionId(self.source.pick(&[1, 1, 2, 2, 3, 3, 4]))
    }

    fn wild(&mut self) -> u64 {
        self.source.pick(&WILD)
    }

    fn break_rule(&mut self, new: &mut NewOrder, instrument: &Instrument) {
        let price_max = instrument.rules.price_max.0;
        let qty_max = instrument.rules.qty_max.0;
        match self.source.below(FLAW_COUNT) {
            0 => new.session = SessionId(self.source.pick(&[0, 9])),
            1 => new.instrument = InstrumentId(self.source.pick(&[0, 9])),
            2 => new.client_order_id = ClientOrderId(0),
            3 => (new.order_type, new.price) = (OrderType::Market, PriceTicks(0)),
            4 => new.post_only = self.source.pick(PostOnly::ALL),
            5 => new.all_or_none = !new.all_or_none,
            6 => new.hidden = !new.hidden,
            7 => new.display_qty = QtyLots(self.source.below(12) * instrument.unit),
            8 => new.min_qty = QtyLots(self.source.below(12)),
            9 => new.time_in_force = self.source.pick(TimeInForce::ALL),
            10 => new.order_type = self.source.pick(OrderType::ALL),
            11 => new.price = PriceTicks(self.source.pick(&[0, -1, price_max + 1, i64::MAX])),
            12 => new.price = PriceTicks(self.wild() as i64),
            13 => new.qty = QtyLots(self.source.pick(&[0, qty_max + 1, u64::MAX])),
            14 => new.stop_price = PriceTicks(self.source.pick(&[0, -1, price_max, price_max + 1])),
            15 => new.stop_price = PriceTicks(self.wild() as i64),
            16 => new.trail_ticks = self.wild(),
            17 => new.trail_ticks = self.source.pick(&[0, price_max as u64, price_max as u64 + 1]),
            18 => new.offset_ticks = self.wild(),
            19 => new.offset_ticks = self.source.pick(&[0, price_max as u64, price_max as u64 + 1]),
            20 => new.peg = self.source.pick(&[None, Some(PegReference::Primary)]),
            21 => new.display_qty = QtyLots(self.source.pick(&[new.qty.0, u64::MAX])),
            22 => new.min_qty = QtyLots(self.source.pick(&[new.qty.0.saturating_add(1), u64::MAX])),
            23 => new.expires = TimeNs(self.source.pick(&[0, 1, self.time.0, u64::MAX])),
            24 => new.budget = self.source.pick(&[0, 1, u64::MAX]),
            // Off the table, perhaps.
            25 => new.price = PriceTicks(new.price.0.saturating_add(1)),
            26 => new.stop_price = PriceTicks(new.stop_price.0.saturating_add(1)),
            // Large and far.
            _ => (new.price, new.qty) = (PriceTicks(price_max), QtyLots(qty_max)),
        }
    }
}

/// The price, or one below it that the instrument's table has.
pub(super) fn on_tick(instrument: &Instrument, price: PriceTicks) -> PriceTicks {
    let step = i64::from(instrument.rules.tick_step(price));
    let rounded = price.0 - price.0 % step;
    if rounded == 0 { price } else { PriceTicks(rounded) }
}
