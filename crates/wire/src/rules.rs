//! The rules of an instrument as messages carry them: in the input log, in the event log and in
//! public market data.
//!
//! ```text
//!   [price_max 8][qty_max 8][notional_max 8][reference_price 8][static_band 8][dynamic_band 8]
//!   [market_protection 8][tick_steps 4 x (from 8, ticks 4)][stop_cascade_max 4][eight choices]
//!   [match_count_max 4]
//! ```

use vesta_types::{
    BandAction, HiddenPriority, IcebergRefresh, InstrumentRules, PriceTicks, QtyLots,
    ReplaceShrink, SelfTrade, SelfTradeDecides, StopTrigger, TradingState,
};
use zerocopy::little_endian::{I64, U32, U64};

/// An entry of a tick-size table.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::Immutable,
    zerocopy::KnownLayout,
    zerocopy::Unaligned,
)]
#[repr(C)]
pub struct TickStep {
    /// The lowest price that it holds for, in ticks; 0 for an unused entry.
    pub from: I64,
    /// The step in ticks; 0 for an unused entry.
    pub ticks: U32,
}

/// What an instrument admits and how its book behaves.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::Immutable,
    zerocopy::KnownLayout,
    zerocopy::Unaligned,
)]
#[repr(C)]
pub struct Rules {
    /// Highest price of an order, in ticks.
    pub price_max: I64,
    /// Largest quantity of an order, in lots.
    pub qty_max: U64,
    /// Largest notional of an order, in ticks x lots; 0 for no limit.
    pub notional_max: U64,
    /// What the static band is around at first, in ticks; 0 for none.
    pub reference_price: I64,
    /// How far an order's price may be from the reference, in ticks; 0 for no band.
    pub static_band_ticks: U64,
    /// How far a fill may be from the last price, in ticks; 0 for no band.
    pub dynamic_band_ticks: U64,
    /// How far from the touch a market order may trade, in ticks; 0 for any distance.
    pub market_protection_ticks: U64,
    /// First entry of the tick-size table.
    pub tick_step_1: TickStep,
    /// Second entry.
    pub tick_step_2: TickStep,
    /// Third entry.
    pub tick_step_3: TickStep,
    /// Fourth entry.
    pub tick_step_4: TickStep,
    /// How many stops one command may set off.
    pub stop_cascade_max: U32,
    /// What happens at the edge of the dynamic band.
    pub dynamic_band_action: u8,
    /// What happens instead of a self-trade where the order does not say.
    pub self_trade: u8,
    /// Whose instruction counts.
    pub self_trade_decides: u8,
    /// Whether displayed orders come before hidden ones.
    pub hidden_priority: u8,
    /// What shrinking an order does to its place.
    pub replace_shrink: u8,
    /// The state that it is defined in.
    pub initial_state: u8,
    /// What stops wait for.
    pub stop_trigger: u8,
    /// Where the next tip of an iceberg goes.
    pub iceberg_refresh: u8,
    /// How many makers one command may meet.
    pub match_count_max: U32,
}

const _: () = assert!(size_of::<TickStep>() == 12);
const _: () = assert!(size_of::<Rules>() == 120);
const _: () = assert!(InstrumentRules::TICK_STEP_COUNT == 4);

impl From<&InstrumentRules> for Rules {
    fn from(rules: &InstrumentRules) -> Self {
        let [tick_step_1, tick_step_2, tick_step_3, tick_step_4] = rules
            .tick_steps
            .map(|step| TickStep { from: step.from.0.into(), ticks: step.ticks.into() });
        Self {
            price_max: rules.price_max.0.into(),
            qty_max: rules.qty_max.0.into(),
            notional_max: rules.notional_max.into(),
            reference_price: rules.reference_price.0.into(),
            static_band_ticks: rules.static_band_ticks.into(),
            dynamic_band_ticks: rules.dynamic_band_ticks.into(),
            market_protection_ticks: rules.market_protection_ticks.into(),
            tick_step_1,
            tick_step_2,
            tick_step_3,
            tick_step_4,
            stop_cascade_max: rules.stop_cascade_max.into(),
            match_count_max: rules.match_count_max.into(),
            dynamic_band_action: rules.dynamic_band_action as u8,
            self_trade: rules.self_trade as u8,
            self_trade_decides: rules.self_trade_decides as u8,
            hidden_priority: rules.hidden_priority as u8,
            replace_shrink: rules.replace_shrink as u8,
            stop_trigger: rules.stop_trigger as u8,
            iceberg_refresh: rules.iceberg_refresh as u8,
            initial_state: rules.initial_state as u8,
        }
    }
}

impl Rules {
    /// The rules, if these bytes are some that an instrument may have: every message that carries
    /// them passed the gate, and so they are.
    #[must_use]
    pub fn get(&self) -> Option<InstrumentRules> {
        let steps = [self.tick_step_1, self.tick_step_2, self.tick_step_3, self.tick_step_4];
        let rules = InstrumentRules {
            price_max: PriceTicks(self.price_max.get()),
            qty_max: QtyLots(self.qty_max.get()),
            notional_max: self.notional_max.get(),
            tick_steps: steps.map(|step| vesta_types::TickStep {
                from: PriceTicks(step.from.get()),
                ticks: step.ticks.get(),
            }),
            reference_price: PriceTicks(self.reference_price.get()),
            static_band_ticks: self.static_band_ticks.get(),
            dynamic_band_ticks: self.dynamic_band_ticks.get(),
            dynamic_band_action: BandAction::from_wire(self.dynamic_band_action)?,
            market_protection_ticks: self.market_protection_ticks.get(),
            stop_cascade_max: self.stop_cascade_max.get(),
            match_count_max: self.match_count_max.get(),
            self_trade: SelfTrade::from_wire(self.self_trade)?,
            self_trade_decides: SelfTradeDecides::from_wire(self.self_trade_decides)?,
            hidden_priority: HiddenPriority::from_wire(self.hidden_priority)?,
            replace_shrink: ReplaceShrink::from_wire(self.replace_shrink)?,
            stop_trigger: StopTrigger::from_wire(self.stop_trigger)?,
            iceberg_refresh: IcebergRefresh::from_wire(self.iceberg_refresh)?,
            initial_state: TradingState::from_wire(self.initial_state)?,
        };
        rules.check().is_ok().then_some(rules)
    }
}

/// The gate's rule: they are some that an instrument may have.
pub(crate) fn are_good(rules: &Rules) -> bool {
    rules.get().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> InstrumentRules {
        let mut rules = InstrumentRules::new(PriceTicks(1_000_000), QtyLots(5_000));
        rules.tick_steps[0] = vesta_types::TickStep { from: PriceTicks(100), ticks: 5 };
        rules.tick_steps[1] = vesta_types::TickStep { from: PriceTicks(1_000), ticks: 25 };
        InstrumentRules {
            notional_max: 1,
            reference_price: PriceTicks(2),
            static_band_ticks: 3,
            dynamic_band_ticks: 4,
            dynamic_band_action: BandAction::Interrupt,
            market_protection_ticks: 5,
            stop_cascade_max: 6,
            match_count_max: 7,
            self_trade: SelfTrade::Decrement,
            self_trade_decides: SelfTradeDecides::Maker,
            hidden_priority: HiddenPriority::ByTime,
            replace_shrink: ReplaceShrink::LosesPriority,
            stop_trigger: StopTrigger::Touch,
            iceberg_refresh: IcebergRefresh::KeepsPriority,
            initial_state: TradingState::PreOpen,
            ..rules
        }
    }

    #[test]
    fn every_rule_comes_back() {
        assert_eq!(Rules::from(&rules()).get(), Some(rules()));
    }

    #[test]
    fn every_choice_has_exactly_its_names() {
        let good = Rules::from(&rules());
        type Case = (fn(&mut Rules, u8), &'static [u8]);
        let cases: [Case; 8] = [
            (|r, byte| r.dynamic_band_action = byte, &[1, 2]),
            (|r, byte| r.self_trade = byte, &[1, 2, 3, 4]),
            (|r, byte| r.self_trade_decides = byte, &[1, 2]),
            (|r, byte| r.hidden_priority = byte, &[1, 2]),
            (|r, byte| r.replace_shrink = byte, &[1, 2]),
            (|r, byte| r.stop_trigger = byte, &[1, 2]),
            (|r, byte| r.iceberg_refresh = byte, &[1, 2]),
            (|r, byte| r.initial_state = byte, &[1, 4]),
        ];
        for (nth, (set, meant)) in cases.into_iter().enumerate() {
            for byte in 0..=u8::MAX {
                let mut changed = good;
                set(&mut changed, byte);
                assert_eq!(changed.get().is_some(), meant.contains(&byte), "choice {nth}: {byte}");
            }
        }
    }

    #[test]
    fn what_no_instrument_may_have_is_none() {
        let good = Rules::from(&rules());
        let beyond = (PriceTicks::MAX.0 + 1).into();
        for bad in [
            Rules { price_max: 0.into(), ..good },
            Rules { price_max: beyond, ..good },
            Rules { qty_max: 0.into(), ..good },
            Rules { reference_price: (-1).into(), ..good },
            Rules { static_band_ticks: u64::MAX.into(), ..good },
            Rules { stop_cascade_max: 0.into(), ..good },
            Rules { match_count_max: 0.into(), ..good },
            Rules { match_count_max: (InstrumentRules::MATCH_COUNT_MAX + 1).into(), ..good },
            Rules { tick_step_2: TickStep { from: 50.into(), ticks: 25.into() }, ..good },
            Rules { tick_step_4: TickStep { from: 5_000.into(), ticks: 50.into() }, ..good },
        ] {
            assert!(!are_good(&bad), "{bad:?}");
        }
    }
}
