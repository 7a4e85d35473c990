//! What an instrument admits and how its book behaves: part of its definition, and so of the input
//! log. `docs/matching-rules.md` says what each rule does.

use crate::order::wire_enum;
use crate::{PriceTicks, QtyLots, RejectReason, SelfTrade, TradingState};

wire_enum! {
    /// Whose self-trade instruction counts where aggressor and maker differ.
    SelfTradeDecides {
        /// The aggressor's.
        Taker = 1 => "taker",
        /// The resting order's.
        Maker = 2 => "maker",
    }
}

wire_enum! {
    /// Which of displayed and hidden orders at one price trades first.
    HiddenPriority {
        /// All displayed orders.
        AfterDisplayed = 1 => "after_displayed",
        /// Whichever entered its queue earlier.
        ByTime = 2 => "by_time",
    }
}

wire_enum! {
    /// What a replace to a smaller quantity at the same price does to queue priority.
    ReplaceShrink {
        /// It is kept.
        KeepsPriority = 1 => "keeps_priority",
        /// It is lost, as with any other replace.
        LosesPriority = 2 => "loses_priority",
    }
}

wire_enum! {
    /// What a stop waits for.
    StopTrigger {
        /// The price of the last trade reaches it.
        LastTrade = 1 => "last_trade",
        /// The displayed touch of its own side reaches it: the best bid of a buy, the best ask of a
        /// sell.
        Touch = 2 => "touch",
    }
}

wire_enum! {
    /// Where the next tip of an iceberg goes.
    IcebergRefresh {
        /// To the end of its price's queue.
        LosesPriority = 1 => "loses_priority",
        /// To the place of the tip that was taken.
        KeepsPriority = 2 => "keeps_priority",
    }
}

wire_enum! {
    /// What happens where the next fill would be outside the dynamic band.
    BandAction {
        /// The aggressor's remainder is cancelled.
        Cancel = 1 => "cancel",
        /// The instrument goes into a volatility interruption.
        Interrupt = 2 => "interrupt",
    }
}

/// From this price on, prices are multiples of this many ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickStep {
    /// The lowest price it holds for; 0 for an unused entry.
    pub from: PriceTicks,
    /// The step in ticks, from 1; 0 for an unused entry.
    pub ticks: u32,
}

/// The rules of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstrumentRules {
    /// Highest price of an order, in ticks, `1..=PriceTicks::MAX`; the lowest is 1.
    pub price_max: PriceTicks,
    /// Largest quantity of an order, in lots, `1..=QtyLots::MAX`; the smallest is 1.
    pub qty_max: QtyLots,
    /// Largest notional of an order, in ticks x lots; 0 for no limit.
    pub notional_max: u64,
    /// The tick-size table, by ascending `from`, unused entries last. Below its first entry, and
    /// with none, every tick is good.
    pub tick_steps: [TickStep; Self::TICK_STEP_COUNT],
    /// The price that the static band is around, and the last resort of the auction; 0 for none.
    /// Every uncross that trades sets it anew.
    pub reference_price: PriceTicks,
    /// How far the price of an order may be from the reference price, in ticks; 0 for no band.
    pub static_band_ticks: u64,
    /// How far a fill may be from the last trade before the command, in ticks; 0 for no band.
    pub dynamic_band_ticks: u64,
    /// What happens at the edge of the dynamic band.
    pub dynamic_band_action: BandAction,
    /// How far from the touch a market order without a limit of its own may trade, in ticks; 0
    /// for any distance.
    pub market_protection_ticks: u64,
    /// How many stops one command may set off before the instrument halts, from 1.
    pub stop_cascade_max: u32,
    /// How often the aggressors of one command may trade, or meet an order of their own group, before
    /// what is left is cancelled, `1..=`[`MATCH_COUNT_MAX`](Self::MATCH_COUNT_MAX). For the stops that
    /// it sets off, [`LOOKS_PER_MATCH`](Self::LOOKS_PER_MATCH) counts, too.
    pub match_count_max: u32,
    /// What an order with [`SelfTrade::Default`] means; not itself `Default`.
    pub self_trade: SelfTrade,
    /// Whose instruction counts.
    pub self_trade_decides: SelfTradeDecides,
    /// Which trades first at a price.
    pub hidden_priority: HiddenPriority,
    /// What shrinking an order does to its place.
    pub replace_shrink: ReplaceShrink,
    /// What stops wait for.
    pub stop_trigger: StopTrigger,
    /// Where the next tip of an iceberg goes.
    pub iceberg_refresh: IcebergRefresh,
    /// The state that it is defined in: `PreOpen` or `Continuous`.
    pub initial_state: TradingState,
}

impl InstrumentRules {
    /// Entries of a tick-size table.
    pub const TICK_STEP_COUNT: usize = 4;
    /// The highest `match_count_max`. The engine keeps room for the events of so many matches beside
    /// those that the orders themselves bound, some 15 MiB of address space. Lower: a venue whose
    /// orders meet thousands of small ones has to cut them; higher: one command may hold up the shard
    /// for more than some 10 ms.
    pub const MATCH_COUNT_MAX: u32 = 1 << 16;
    /// So many orders that an aggressor passed over, or trailing stops that followed it, count as one
    /// match. A look costs some 0.1 us, so that a match in this sense is 0.1 ms. Lower: a venue with many
    /// of them halts early in a cascade; higher: a cascade may hold up the shard for longer.
    pub const LOOKS_PER_MATCH: u32 = 1_024;

    /// Continuous from the start, every limit off, every custom at its default.
    #[must_use]
    pub const fn new(price_max: PriceTicks, qty_max: QtyLots) -> Self {
        Self {
            price_max,
            qty_max,
            notional_max: 0,
            tick_steps: [TickStep { from: PriceTicks(0), ticks: 0 }; Self::TICK_STEP_COUNT],
            reference_price: PriceTicks(0),
            static_band_ticks: 0,
            dynamic_band_ticks: 0,
            dynamic_band_action: BandAction::Cancel,
            market_protection_ticks: 0,
            stop_cascade_max: 1_000,
            match_count_max: 4_096,
            self_trade: SelfTrade::CancelNewest,
            self_trade_decides: SelfTradeDecides::Taker,
            hidden_priority: HiddenPriority::AfterDisplayed,
            replace_shrink: ReplaceShrink::KeepsPriority,
            stop_trigger: StopTrigger::LastTrade,
            iceberg_refresh: IcebergRefresh::LosesPriority,
            initial_state: TradingState::Continuous,
        }
    }

    /// Says whether an instrument may have these rules.
    ///
    /// # Errors
    /// In this order: [`RejectReason::InvalidPrice`] for a `price_max` or `reference_price` out of
    /// its range, [`RejectReason::InvalidQuantity`] for `qty_max`,
    /// [`RejectReason::InvalidRules`] for anything else.
    pub fn check(&self) -> Result<(), RejectReason> {
        let prices = PriceTicks(1)..=PriceTicks::MAX;
        let reference = PriceTicks(0)..=self.price_max;
        if !prices.contains(&self.price_max) || !reference.contains(&self.reference_price) {
            return Err(RejectReason::InvalidPrice);
        }
        if !(QtyLots(1)..=QtyLots::MAX).contains(&self.qty_max) {
            return Err(RejectReason::InvalidQuantity);
        }
        let used = self.tick_steps.iter().take_while(|step| step.ticks != 0).count();
        let (steps, unused) = self.tick_steps.split_at(used);
        let band_max = PriceTicks::MAX.0 as u64;
        let is_good = steps.is_sorted_by(|a, b| a.from < b.from)
            && steps.iter().all(|step| step.from >= PriceTicks(1))
            && unused.iter().all(|step| *step == TickStep::default())
            && self.static_band_ticks <= band_max
            && self.dynamic_band_ticks <= band_max
            && self.market_protection_ticks <= band_max
            && self.stop_cascade_max >= 1
            && (1..=Self::MATCH_COUNT_MAX).contains(&self.match_count_max)
            && self.self_trade != SelfTrade::Default
            && matches!(self.initial_state, TradingState::PreOpen | TradingState::Continuous);
        if is_good { Ok(()) } else { Err(RejectReason::InvalidRules) }
    }

    /// The step of prices at `price`, in ticks: that of the last entry at or below it.
    #[must_use]
    pub fn tick_step(&self, price: PriceTicks) -> u32 {
        let step = |step: &&TickStep| step.ticks != 0 && step.from <= price;
        self.tick_steps.iter().rfind(step).map_or(1, |step| step.ticks)
    }
}
