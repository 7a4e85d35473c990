//! The small world in which orders meet: few prices, few sessions, capacities that run out.

use vesta_types::*;

use super::source::Source;

/// How many prices an instrument's orders mostly have.
pub const GRID_COUNT: u64 = 12;

/// How many instruments a world may have at most.
pub const INSTRUMENT_COUNT_MAX: usize = 3;

/// How many sessions trade.
pub const SESSION_COUNT: usize = 4;

/// An instrument, and the few prices and quantities that its orders have.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    pub id: InstrumentId,
    pub rules: InstrumentRules,
    pub base: i64,
    pub stride: i64,
    pub unit: u64,
}

impl Instrument {
    fn draw(id: u32, source: &mut impl Source) -> Self {
        let last = GRID_COUNT as i64 - 1;
        // Pages of 64 prices: within one, across two, one page for each price, far apart.
        let (base, stride) = source.pick(&[
            (1, 1),
            (1, 1),
            (5, 1),
            (58, 1),
            (7, 9),
            (1, 64),
            (1_000, 1_000),
            (1 << 20, 1 << 26),
            (PriceTicks::MAX.0 - last, 1),
            (1, PriceTicks::MAX.0 / 16),
        ]);
        let unit = source.pick(&[1, 1, 1, 1, 50, QtyLots::MAX.0 / 10]);
        let at = |index: i64| PriceTicks(base + index * stride);
        let room = source.pick(&[0, 0, 3]) * stride;
        let price_max = PriceTicks((at(last).0 + room).min(PriceTicks::MAX.0));
        let mut rules = InstrumentRules::new(price_max, QtyLots(10 * unit));
        let step = |from: i64, ticks: i64| TickStep {
            from: at(from).max(PriceTicks(1)),
            ticks: u32::try_from(ticks).unwrap_or(u32::MAX),
        };
        let table: [TickStep; 4] = match source.below(6) {
            1 => [step(0, 2), TickStep::default(), TickStep::default(), TickStep::default()],
            2 => [step(4, stride), step(8, 2 * stride), TickStep::default(), TickStep::default()],
            3 => [step(1, 1), step(3, 3), step(6, 2), step(9, 5)],
            // Nothing but 0 is a multiple of the last.
            4 => [
                step(5, 2),
                step(11, i64::from(u32::MAX)),
                TickStep::default(),
                TickStep::default(),
            ],
            _ => rules.tick_steps,
        };
        rules.tick_steps = table;
        let ticks = stride as u64;
        // Six units at the middle price, unless that is more than the field holds.
        let notional = i128::from(at(last / 2).0) * i128::from(6 * unit);
        let notional = u64::try_from(notional).unwrap_or(u64::MAX);
        rules.notional_max = source.pick(&[0, 0, 0, 0, 0, notional, u64::MAX]);
        rules.reference_price = source.pick(&[PriceTicks(0), at(last / 2), at(last / 2 + 1)]);
        rules.static_band_ticks = source.pick(&[0, 0, 0, 4 * ticks, 5 * ticks + 1]);
        rules.dynamic_band_ticks = source.pick(&[0, 0, 2 * ticks, 3 * ticks]);
        rules.dynamic_band_action = source.pick(BandAction::ALL);
        rules.market_protection_ticks = source.pick(&[0, ticks, ticks, ticks]);
        rules.stop_cascade_max = source.pick(&[1_000, 3, 2, 1]);
        rules.match_count_max = source.pick(&[4_096, 4_096, 4_096, 4, 3, 2]);
        rules.self_trade = source.pick(&SelfTrade::ALL[1..]);
        rules.self_trade_decides = source.pick(SelfTradeDecides::ALL);
        rules.hidden_priority = source.pick(HiddenPriority::ALL);
        rules.replace_shrink = source.pick(ReplaceShrink::ALL);
        rules.stop_trigger = source.pick(StopTrigger::ALL);
        rules.iceberg_refresh = source.pick(IcebergRefresh::ALL);
        rules.initial_state = source.pick(&[
            TradingState::Continuous,
            TradingState::Continuous,
            TradingState::PreOpen,
        ]);
        Self { id: InstrumentId(id), rules, base, stride, unit }
    }

    /// One of the few prices.
    pub fn price(&self, index: u64) -> PriceTicks {
        PriceTicks(self.base + index as i64 * self.stride)
    }
}

/// A world: what its books are made with.
#[derive(Clone, Copy, Debug)]
pub struct World {
    pub capacity: Capacity,
    pub instruments: [Instrument; INSTRUMENT_COUNT_MAX],
    pub instrument_count: usize,
    /// How many live orders each session may have.
    pub open_order_max: [u32; SESSION_COUNT],
}

impl World {
    pub fn draw(source: &mut impl Source) -> Self {
        let instrument_count = source.pick(&[1, 1, 2, 3]);
        let spare = source.pick(&[0, 0, 1]);
        let capacity = Capacity {
            order_count_max: source.pick(&[60, 40, 16]),
            level_count_max: source.pick(&[12, 4, 3]),
            instrument_count_max: instrument_count as u32 + spare,
            session_count_max: SESSION_COUNT as u32 + spare,
        };
        let first = Instrument::draw(1, source);
        let mut instruments = [first; INSTRUMENT_COUNT_MAX];
        for (i, instrument) in instruments.iter_mut().enumerate().skip(1) {
            *instrument = Instrument::draw(i as u32 + 1, source);
        }
        let open_order_max = [100, source.pick(&[100, 10]), 20, 5];
        Self { capacity, instruments, instrument_count, open_order_max }
    }

    /// Those that are traded.
    pub fn traded(&self) -> &[Instrument] {
        &self.instruments[..self.instrument_count]
    }
}
