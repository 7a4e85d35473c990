//! `[[instrument]]`: what is traded, and by which rules. What people write in currencies becomes
//! ticks and lots here.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use vesta_types::{
    BandAction, HiddenPriority, IcebergRefresh, InstrumentId, InstrumentRules, PriceTicks, QtyLots,
    RejectReason, ReplaceShrink, Scale, SelfTrade, SelfTradeDecides, StopTrigger, TickStep,
    TradingState,
};
use vesta_wire::Symbol;

use crate::error::Broken;
use crate::lists::{DecimalText, new_id, positive};
use crate::word::Word;

/// A tradable instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Its id, from 1.
    pub id: InstrumentId,
    /// Its ticker, 1 to 16 printable ASCII characters.
    pub symbol: String,
    /// Size of a tick in quote currency, for printing.
    pub tick_size: Decimal,
    /// Size of a lot in base currency, for printing.
    pub lot_size: Decimal,
    /// Largest notional in quote currency, for printing: in ticks x lots it is rounded down.
    pub notional_max: Decimal,
    /// Size of tick and lot in the 10^-8 units of clients.
    pub scale: Scale,
    /// What it admits, and how its book behaves.
    pub rules: InstrumentRules,
}

impl Instrument {
    /// The ticker as messages carry it.
    #[must_use]
    pub fn wire_symbol(&self) -> Symbol {
        Symbol::new(&self.symbol).expect("the length was checked when the file was read")
    }

    /// A price as people write it.
    #[must_use]
    pub fn price_decimal(&self, price: PriceTicks) -> Decimal {
        self.tick_size * Decimal::from(price.0)
    }

    /// A quantity as people write it.
    #[must_use]
    pub fn qty_decimal(&self, qty: QtyLots) -> Decimal {
        self.lot_size * Decimal::from(qty.0)
    }
}

/// An instrument as written. What may be missing is off, or as in `InstrumentRules::new`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawInstrument {
    id: u32,
    symbol: String,
    tick_size: DecimalText,
    lot_size: DecimalText,
    price_max: DecimalText,
    qty_max: DecimalText,
    notional_max: Option<DecimalText>,
    reference_price: Option<DecimalText>,
    static_band: Option<DecimalText>,
    dynamic_band: Option<DecimalText>,
    dynamic_band_action: Option<Word<BandAction>>,
    market_protection: Option<DecimalText>,
    stop_cascade_max: Option<u32>,
    match_count_max: Option<u32>,
    self_trade: Option<Word<SelfTrade>>,
    self_trade_decides: Option<Word<SelfTradeDecides>>,
    hidden_priority: Option<Word<HiddenPriority>>,
    replace_shrink: Option<Word<ReplaceShrink>>,
    stop_trigger: Option<Word<StopTrigger>>,
    iceberg_refresh: Option<Word<IcebergRefresh>>,
    initial_state: Option<Word<TradingState>>,
    tick_steps: Option<Vec<RawTickStep>>,
}

/// An entry of a tick-size table as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawTickStep {
    from: DecimalText,
    step: DecimalText,
}

pub fn instruments(raw: &[RawInstrument]) -> Result<Vec<Instrument>, Broken> {
    let mut out: Vec<Instrument> = Vec::with_capacity(raw.len());
    for (i, raw) in raw.iter().enumerate() {
        let instrument = instrument(raw, &|name| format!("instrument[{i}].{name}"), &out)?;
        out.push(instrument);
    }
    Ok(out)
}

fn instrument(
    raw: &RawInstrument,
    key: &dyn Fn(&str) -> String,
    earlier: &[Instrument],
) -> Result<Instrument, Broken> {
    new_id(key("id"), raw.id, earlier.iter().map(|o| o.id.0))?;
    let symbol = &raw.symbol;
    if !(1..=16).contains(&symbol.len()) || !symbol.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Broken::new(
            key("symbol"),
            format!("{symbol:?}"),
            "must be 1 to 16 printable ASCII characters, which is what messages have room for",
            "shorten or respell it",
        ));
    }
    if earlier.iter().any(|o| o.symbol == *symbol) {
        return Err(Broken::new(
            key("symbol"),
            format!("{symbol:?}"),
            "this symbol is taken by an earlier entry",
            "choose another",
        ));
    }
    let (tick_size, tick_e8) = positive(&key("tick_size"), &raw.tick_size)?;
    let (lot_size, lot_e8) = positive(&key("lot_size"), &raw.lot_size)?;
    let scale = Scale::new(tick_e8, lot_e8).expect("both are above 0");
    let read = Reader { key, scale };
    let rules = InstrumentRules::new(
        PriceTicks(read.ticks("price_max", &raw.price_max)?),
        read.lots("qty_max", &raw.qty_max)?,
    );
    let (notional_max_decimal, notional_max) = read.notional_max(raw.notional_max.as_ref())?;
    let rules = InstrumentRules {
        notional_max,
        tick_steps: read.tick_steps(raw.tick_steps.as_deref().unwrap_or_default())?,
        reference_price: PriceTicks(
            read.ticks_or_none("reference_price", raw.reference_price.as_ref())?,
        ),
        static_band_ticks: read.distance("static_band", raw.static_band.as_ref())?,
        dynamic_band_ticks: read.distance("dynamic_band", raw.dynamic_band.as_ref())?,
        dynamic_band_action: said(raw.dynamic_band_action, rules.dynamic_band_action),
        market_protection_ticks: read
            .distance("market_protection", raw.market_protection.as_ref())?,
        stop_cascade_max: raw.stop_cascade_max.unwrap_or(rules.stop_cascade_max),
        match_count_max: raw.match_count_max.unwrap_or(rules.match_count_max),
        self_trade: said(raw.self_trade, rules.self_trade),
        self_trade_decides: said(raw.self_trade_decides, rules.self_trade_decides),
        hidden_priority: said(raw.hidden_priority, rules.hidden_priority),
        replace_shrink: said(raw.replace_shrink, rules.replace_shrink),
        stop_trigger: said(raw.stop_trigger, rules.stop_trigger),
        iceberg_refresh: said(raw.iceberg_refresh, rules.iceberg_refresh),
        initial_state: said(raw.initial_state, rules.initial_state),
        ..rules
    };
    contradictions(raw, &rules, key)?;
    if let Err(reason) = rules.check() {
        return Err(Broken::new(key("rules"), reason, "the book refuses them", "report this"));
    }
    Ok(Instrument {
        id: InstrumentId(raw.id),
        symbol: symbol.clone(),
        tick_size,
        lot_size,
        notional_max: notional_max_decimal,
        scale,
        rules,
    })
}

fn said<T>(word: Option<Word<T>>, default: T) -> T {
    word.map_or(default, |word| word.0)
}

/// What is good alone, but not together.
fn contradictions(
    raw: &RawInstrument,
    rules: &InstrumentRules,
    key: &dyn Fn(&str) -> String,
) -> Result<(), Broken> {
    if rules.reference_price > rules.price_max {
        let value = raw.reference_price.as_ref().map_or("", |text| &text.0);
        return Err(Broken::new(
            key("reference_price"),
            format!("{value:?}"),
            format!("must be at most price_max = {:?}", raw.price_max.0),
            "lower it, or raise price_max",
        ));
    }
    if rules.dynamic_band_action == BandAction::Interrupt && rules.dynamic_band_ticks == 0 {
        return Err(Broken::new(
            key("dynamic_band_action"),
            "\"interrupt\"",
            "contradicts dynamic_band = \"0\": without a band nothing is at its edge",
            "give dynamic_band, or leave dynamic_band_action out",
        ));
    }
    if rules.stop_cascade_max == 0 {
        return Err(Broken::new(
            key("stop_cascade_max"),
            0,
            "must be 1 or more: with 0 no stop could ever act",
            "use 1 or more",
        ));
    }
    let match_count_max = InstrumentRules::MATCH_COUNT_MAX;
    if !(1..=match_count_max).contains(&rules.match_count_max) {
        return Err(Broken::new(
            key("match_count_max"),
            rules.match_count_max,
            format!("must be 1 to {match_count_max}, whose events the engine has room for"),
            "use a number in that range",
        ));
    }
    if !matches!(rules.initial_state, TradingState::PreOpen | TradingState::Continuous) {
        return Err(Broken::new(
            key("initial_state"),
            format!("{:?}", rules.initial_state.name()),
            "must be \"pre_open\" or \"continuous\": an instrument starts in no other",
            "choose one of the two, and let [[schedule]] do the rest",
        ));
    }
    Ok(())
}

/// Reads the figures of one instrument.
struct Reader<'a> {
    key: &'a dyn Fn(&str) -> String,
    scale: Scale,
}

impl Reader<'_> {
    fn ticks(&self, name: &str, text: &DecimalText) -> Result<i64, Broken> {
        let key = (self.key)(name);
        let (_, e8) = positive(&key, text)?;
        let ticks = self.scale.price_ticks(e8);
        let max = PriceTicks::MAX.0.unsigned_abs();
        Ok(ticks.map_err(|reason| limit(&key, text, reason, "tick", max))?.0)
    }

    fn lots(&self, name: &str, text: &DecimalText) -> Result<QtyLots, Broken> {
        let key = (self.key)(name);
        let (_, e8) = positive(&key, text)?;
        let lots = self.scale.qty_lots(e8);
        lots.map_err(|reason| limit(&key, text, reason, "lot", QtyLots::MAX.0))
    }

    /// 0 for one that is missing, or 0.
    fn ticks_or_none(&self, name: &str, text: Option<&DecimalText>) -> Result<i64, Broken> {
        text.filter(|text| !text.is_zero()).map_or(Ok(0), |text| self.ticks(name, text))
    }

    fn distance(&self, name: &str, text: Option<&DecimalText>) -> Result<u64, Broken> {
        Ok(self.ticks_or_none(name, text)?.unsigned_abs())
    }

    /// As written, and in ticks x lots.
    fn notional_max(&self, text: Option<&DecimalText>) -> Result<(Decimal, u64), Broken> {
        let Some(text) = text.filter(|text| !text.is_zero()) else {
            return Ok((Decimal::ZERO, 0));
        };
        let key = (self.key)("notional_max");
        let (value, e8) = positive(&key, text)?;
        match self.scale.notional(e8, false) {
            Some(count @ 1..) => Ok((value, count)),
            Some(0) => Err(Broken::new(
                key,
                format!("{:?}", text.0),
                "is below one tick x lot, so that no order at all would pass",
                "raise it, or write \"0\" for no limit",
            )),
            None => Err(Broken::new(
                key,
                format!("{:?}", text.0),
                "must be below 2^64 ticks x lots",
                "lower it, or write \"0\" for no limit",
            )),
        }
    }

    fn tick_steps(
        &self,
        raw: &[RawTickStep],
    ) -> Result<[TickStep; InstrumentRules::TICK_STEP_COUNT], Broken> {
        let mut steps = [TickStep::default(); InstrumentRules::TICK_STEP_COUNT];
        if raw.len() > steps.len() {
            return Err(Broken::new(
                (self.key)("tick_steps"),
                format!("{} entries", raw.len()),
                format!("may have {} entries, which is what messages have room for", steps.len()),
                "merge some",
            ));
        }
        for (nth, raw) in raw.iter().enumerate() {
            let name = |field: &str| format!("tick_steps[{nth}].{field}");
            let from = PriceTicks(self.ticks(&name("from"), &raw.from)?);
            let ticks = self.ticks(&name("step"), &raw.step)?;
            let ticks = u32::try_from(ticks).map_err(|_| {
                let max = u64::from(u32::MAX);
                let key = (self.key)(&name("step"));
                limit(&key, &raw.step, RejectReason::InvalidPrice, "tick", max)
            })?;
            if nth > 0 && steps[nth - 1].from >= from {
                return Err(Broken::new(
                    (self.key)(&name("from")),
                    format!("{:?}", raw.from.0),
                    "must be above that of the entry before it",
                    "sort the entries by from, each once",
                ));
            }
            steps[nth] = TickStep { from, ticks };
        }
        Ok(steps)
    }
}

/// Says in words why a limit is not one.
fn limit(key: &str, text: &DecimalText, reason: RejectReason, unit: &str, max: u64) -> Broken {
    let value = format!("{:?}", text.0);
    match reason {
        RejectReason::OffTick | RejectReason::OffLot => Broken::new(
            key,
            value,
            format!("must be a whole number of {unit}s"),
            format!("write a multiple of {unit}_size"),
        ),
        _ => Broken::new(
            key,
            value,
            format!("must be at most {max} {unit}s"),
            format!("lower it, or choose a coarser {unit}_size"),
        ),
    }
}

impl From<&Instrument> for RawInstrument {
    fn from(instrument: &Instrument) -> Self {
        let text = |value: Decimal| DecimalText(value.normalize().to_string());
        let price = |ticks: i64| text(instrument.price_decimal(PriceTicks(ticks)));
        let distance = |ticks: u64| Some(text(instrument.tick_size * Decimal::from(ticks)));
        let rules = &instrument.rules;
        let used = rules.tick_steps.iter().filter(|step| step.ticks != 0);
        let tick_steps = used.map(|step| RawTickStep {
            from: price(step.from.0),
            step: price(i64::from(step.ticks)),
        });
        Self {
            id: instrument.id.0,
            symbol: instrument.symbol.clone(),
            tick_size: text(instrument.tick_size),
            lot_size: text(instrument.lot_size),
            price_max: price(rules.price_max.0),
            qty_max: text(instrument.qty_decimal(rules.qty_max)),
            notional_max: Some(text(instrument.notional_max)),
            reference_price: Some(price(rules.reference_price.0)),
            static_band: distance(rules.static_band_ticks),
            dynamic_band: distance(rules.dynamic_band_ticks),
            dynamic_band_action: Some(Word(rules.dynamic_band_action)),
            market_protection: distance(rules.market_protection_ticks),
            stop_cascade_max: Some(rules.stop_cascade_max),
            match_count_max: Some(rules.match_count_max),
            self_trade: Some(Word(rules.self_trade)),
            self_trade_decides: Some(Word(rules.self_trade_decides)),
            hidden_priority: Some(Word(rules.hidden_priority)),
            replace_shrink: Some(Word(rules.replace_shrink)),
            stop_trigger: Some(Word(rules.stop_trigger)),
            iceberg_refresh: Some(Word(rules.iceberg_refresh)),
            initial_state: Some(Word(rules.initial_state)),
            tick_steps: Some(tick_steps.collect()),
        }
    }
}
