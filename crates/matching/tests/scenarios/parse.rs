//! What a scenario file says. `README.md` beside this file has the grammar.

use vesta_types::{
    AuctionKind, BandAction, Cancel, Capacity, Command, HiddenPriority, IcebergRefresh,
    InstrumentId, InstrumentRules, Kill, KillScope, MassCancel, NewOrder, OrderRef, OrderType,
    PegReference, PostOnly, PriceTicks, QtyLots, Replace, ReplaceShrink, SelfTrade,
    SelfTradeDecides, SessionId, SetState, Side, StopTrigger, StpGroup, TickStep, TimeInForce,
    TimeNs, TradingState,
};

use crate::words::{ParseError, Words};

/// What a scenario has for capacity that it does not name.
const CAPACITY: Capacity = Capacity {
    order_count_max: 64,
    level_count_max: 16,
    instrument_count_max: 4,
    session_count_max: 8,
};
/// The sessions of a scenario that defines none.
const SESSIONS: [u32; 4] = [1, 2, 3, 4];
const OPEN_ORDER_MAX: u32 = 32;
const PRICE_MAX: PriceTicks = PriceTicks(1_000);
const QTY_MAX: QtyLots = QtyLots(1_000);

/// The first words of what may be expected.
const EXPECTED: &str = "accepted rejected executed rested cancelled replaced triggered repriced \
    self_trade_prevented state indicative refused level hidden order status";

/// One hand-worked scenario.
pub struct Scenario {
    /// The rule that it shows.
    pub rule: String,
    /// Rule and variant.
    pub name: String,
    /// `file:line` of its heading.
    pub place: String,
    /// What the venue may hold.
    pub capacity: Capacity,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One line that does something, and what it shall cause.
pub struct Step {
    /// `file:line`.
    pub place: String,
    /// The line.
    pub text: String,
    /// What it does.
    pub action: Action,
    /// What the venue shall say, a line each.
    pub expected: Vec<String>,
}

/// What a step does.
pub enum Action {
    /// Define an instrument.
    Define(InstrumentId, InstrumentRules),
    /// Define a session.
    DefineSession(SessionId, u32),
    /// Give a command.
    Apply(Command),
    /// Let time pass.
    AdvanceTo(TimeNs),
    /// Let time pass, and ask for indicative prices.
    Tick(TimeNs),
    /// Look at one side of a book.
    Book(InstrumentId, Side),
    /// Look at an order.
    Order(SessionId, OrderRef),
    /// Look at an instrument.
    Status(InstrumentId),
}

/// All scenarios of a file.
pub fn parse(file: &str, text: &str) -> Result<Vec<Scenario>, ParseError> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", i + 1);
        let mut words = Words::new(&place, line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if words.takes("scenario") {
            scenarios.push(heading(place, &mut words)?);
            continue;
        }
        let Some(scenario) = scenarios.last_mut() else {
            return Err(words.error("no `scenario` before this line"));
        };
        if line.starts_with(' ') {
            let line = expected(line, &mut words)?;
            let Some(step) = scenario.steps.last_mut() else {
                return Err(words.error("no command before this line"));
            };
            step.expected.push(line);
        } else if words.takes("capacity") {
            if !scenario.steps.is_empty() {
                return Err(words.error("`capacity` comes first"));
            }
            scenario.capacity = capacity(scenario.capacity, &mut words)?;
        } else {
            let action = action(&mut words)?;
            words.end()?;
            scenario.steps.push(Step {
                place,
                text: line.to_owned(),
                action,
                expected: Vec::new(),
            });
        }
    }
    scenarios.iter_mut().for_each(with_defaults);
    Ok(scenarios)
}

fn heading(place: String, words: &mut Words<'_>) -> Result<Scenario, ParseError> {
    let name = words.word("a name")?;
    words.end()?;
    let rule = name.split('/').next().unwrap_or(name);
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '/';
    if !name.chars().all(letters) {
        return Err(words.error("a name is snake_case, with `/` before its variant"));
    }
    Ok(Scenario {
        rule: rule.to_owned(),
        name: name.to_owned(),
        place,
        capacity: CAPACITY,
        steps: Vec::new(),
    })
}

/// The line with single spaces, once its first word is known.
fn expected(line: &str, words: &mut Words<'_>) -> Result<String, ParseError> {
    let first = words.word("an event")?;
    if !EXPECTED.split_whitespace().any(|word| word == first) {
        return Err(words.unknown(first));
    }
    Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// An instrument and sessions, where a scenario defines none.
fn with_defaults(scenario: &mut Scenario) {
    let defines = |find: fn(&Action) -> bool| scenario.steps.iter().any(|step| find(&step.action));
    let has_instrument = defines(|action| matches!(action, Action::Define(..)));
    let has_session = defines(|action| matches!(action, Action::DefineSession(..)));
    let mut defaults = Vec::new();
    if !has_instrument {
        let rules = InstrumentRules::new(PRICE_MAX, QTY_MAX);
        defaults.push(Action::Define(InstrumentId(1), rules));
    }
    if !has_session {
        let session = |id| Action::DefineSession(SessionId(id), OPEN_ORDER_MAX);
        defaults.extend(SESSIONS.map(session));
    }
    let steps = defaults.into_iter().map(|action| Step {
        place: scenario.place.clone(),
        text: "(a definition by default)".to_owned(),
        action,
        expected: Vec::new(),
    });
    scenario.steps.splice(0..0, steps);
}

fn capacity(mut capacity: Capacity, words: &mut Words<'_>) -> Result<Capacity, ParseError> {
    while let Some((key, value)) = words.pair()? {
        let limit = match key {
            "orders" => &mut capacity.order_count_max,
            "levels" => &mut capacity.level_count_max,
            "instruments" => &mut capacity.instrument_count_max,
            "sessions" => &mut capacity.session_count_max,
            _ => return Err(words.unknown(key)),
        };
        *limit = words.number(value)?;
    }
    Ok(capacity)
}

fn action(words: &mut Words<'_>) -> Result<Action, ParseError> {
    Ok(match words.word("a command")? {
        "instrument" => {
            let word = words.word("an instrument")?;
            Action::Define(InstrumentId(words.number(word)?), rules(words)?)
        }
        "session" => {
            let word = words.word("a session")?;
            let session = SessionId(words.number(word)?);
            let open_order_max = match words.pair()? {
                None => OPEN_ORDER_MAX,
                Some(("open_order_max", value)) => words.number(value)?,
                Some((key, _)) => return Err(words.unknown(key)),
            };
            Action::DefineSession(session, open_order_max)
        }
        "new" => Action::Apply(Command::New(new_order(words)?)),
        "cancel" => {
            let (session, target) = (words.session()?, words.target()?);
            let instrument = words.last_instrument()?;
            Action::Apply(Command::Cancel(Cancel { session, instrument, target }))
        }
        "replace" => Action::Apply(Command::Replace(replace(words)?)),
        "mass_cancel" => Action::Apply(Command::MassCancel(mass_cancel(words)?)),
        "kill" => Action::Apply(Command::Kill(Kill { scope: scope(words)?, engaged: true })),
        "release" => Action::Apply(Command::Kill(Kill { scope: scope(words)?, engaged: false })),
        "state" => Action::Apply(Command::SetState(set_state(words)?)),
        "at" => Action::AdvanceTo(time(words)?),
        "tick" => Action::Tick(time(words)?),
        "book" => {
            let side = words.side()?;
            Action::Book(words.last_instrument()?, side)
        }
        "order" => Action::Order(words.session()?, words.target()?),
        "status" => Action::Status(words.last_instrument()?),
        other => return Err(words.unknown(other)),
    })
}

fn time(words: &mut Words<'_>) -> Result<TimeNs, ParseError> {
    let word = words.word("a time")?;
    words.number(word).map(TimeNs)
}

fn rules(words: &mut Words<'_>) -> Result<InstrumentRules, ParseError> {
    let mut rules = InstrumentRules::new(PRICE_MAX, QTY_MAX);
    while let Some((key, value)) = words.pair()? {
        match key {
            "price_max" => rules.price_max = PriceTicks(words.number(value)?),
            "qty_max" => rules.qty_max = QtyLots(words.number(value)?),
            "notional_max" => rules.notional_max = words.number(value)?,
            "tick_steps" => rules.tick_steps = tick_steps(words, value)?,
            "reference_price" => rules.reference_price = PriceTicks(words.number(value)?),
            "static_band_ticks" => rules.static_band_ticks = words.number(value)?,
            "dynamic_band_ticks" => rules.dynamic_band_ticks = words.number(value)?,
            "dynamic_band_action" => {
                rules.dynamic_band_action = words.named(value, BandAction::from_name)?;
            }
            "market_protection_ticks" => rules.market_protection_ticks = words.number(value)?,
            "stop_cascade_max" => rules.stop_cascade_max = words.number(value)?,
            "match_count_max" => rules.match_count_max = words.number(value)?,
            "self_trade" => rules.self_trade = words.named(value, SelfTrade::from_name)?,
            "self_trade_decides" => {
                rules.self_trade_decides = words.named(value, SelfTradeDecides::from_name)?;
            }
            "hidden_priority" => {
                rules.hidden_priority = words.named(value, HiddenPriority::from_name)?;
            }
            "replace_shrink" => {
                rules.replace_shrink = words.named(value, ReplaceShrink::from_name)?;
            }
            "stop_trigger" => {
                rules.stop_trigger = words.named(value, StopTrigger::from_name)?;
            }
            "iceberg_refresh" => {
                rules.iceberg_refresh = words.named(value, IcebergRefresh::from_name)?;
            }
            "initial_state" => rules.initial_state = words.named(value, TradingState::from_name)?,
            _ => return Err(words.unknown(key)),
        }
    }
    Ok(rules)
}

/// `100:5,500:10`: from 100 on multiples of 5, from 500 on of 10.
fn tick_steps(
    words: &Words<'_>,
    value: &str,
) -> Result<[TickStep; InstrumentRules::TICK_STEP_COUNT], ParseError> {
    let mut steps = [TickStep::default(); InstrumentRules::TICK_STEP_COUNT];
    for (i, text) in value.split(',').enumerate() {
        let (from, ticks) = text.split_once(':').ok_or_else(|| words.unknown(text))?;
        let step = steps.get_mut(i).ok_or_else(|| words.error("too many tick_steps"))?;
        *step = TickStep { from: PriceTicks(words.number(from)?), ticks: words.number(ticks)? };
    }
    Ok(steps)
}

fn new_order(words: &mut Words<'_>) -> Result<NewOrder, ParseError> {
    let (session, client_order_id) = (words.session()?, words.client_order_id()?);
    let (side, qty) = (words.side()?, words.qty()?);
    let price = words.price()?;
    let mut order = NewOrder::limit(session, client_order_id, InstrumentId(1), side, price, qty);
    let mut time_in_force = None;
    while let Some(word) = words.maybe() {
        if let Some((key, value)) = word.split_once('=') {
            new_order_pair(&mut order, words, key, value)?;
        } else if let Some(instrument) = words.instrument_of(word) {
            order.instrument = instrument;
        } else if let Some(account) = words.account_of(word) {
            order.account = account;
        } else if let Some(order_type) = OrderType::from_name(word) {
            order.order_type = order_type;
        } else if let Some(named) = TimeInForce::from_name(word) {
            time_in_force = Some(named);
        } else if word == "hidden" {
            order.hidden = true;
        } else if word == "all_or_none" {
            order.all_or_none = true;
        } else {
            return Err(words.unknown(word));
        }
    }
    order.time_in_force = time_in_force.unwrap_or(match order.order_type {
        OrderType::Market => TimeInForce::Ioc,
        _ => TimeInForce::Gtc,
    });
    Ok(order)
}

fn new_order_pair(
    order: &mut NewOrder,
    words: &Words<'_>,
    key: &str,
    value: &str,
) -> Result<(), ParseError> {
    match key {
        "post_only" => order.post_only = words.named(value, PostOnly::from_name)?,
        "stp_group" => order.stp_group = StpGroup(words.number(value)?),
        "self_trade" => order.self_trade = words.named(value, SelfTrade::from_name)?,
        "display_qty" => order.display_qty = QtyLots(words.number(value)?),
        "min_qty" => order.min_qty = QtyLots(words.number(value)?),
        "stop_price" => order.stop_price = PriceTicks(words.number(value)?),
        "trail_ticks" => order.trail_ticks = words.number(value)?,
        "offset_ticks" => order.offset_ticks = words.number(value)?,
        "peg" => order.peg = Some(words.named(value, PegReference::from_name)?),
        "expires" => order.expires = TimeNs(words.number(value)?),
        "budget" => order.budget = words.number(value)?,
        _ => return Err(words.unknown(key)),
    }
    Ok(())
}

fn replace(words: &mut Words<'_>) -> Result<Replace, ParseError> {
    let (session, target) = (words.session()?, words.target()?);
    let (qty, price) = (words.qty()?, words.price()?);
    let (mut instrument, mut stop_price) = (InstrumentId(1), PriceTicks(0));
    while let Some(word) = words.maybe() {
        if let Some(value) = word.strip_prefix("stop_price=") {
            stop_price = PriceTicks(words.number(value)?);
        } else {
            instrument = words.instrument_of(word).ok_or_else(|| words.unknown(word))?;
        }
    }
    Ok(Replace { session, instrument, target, price, qty, stop_price })
}

fn mass_cancel(words: &mut Words<'_>) -> Result<MassCancel, ParseError> {
    let session = words.session()?;
    let mut filter = MassCancel { session, account: None, instrument: None, side: None };
    while let Some(word) = words.maybe() {
        if let Some(instrument) = words.instrument_of(word) {
            filter.instrument = Some(instrument);
        } else if let Some(account) = words.account_of(word) {
            filter.account = Some(account);
        } else {
            filter.side = Some(words.named(word, Side::from_name)?);
        }
    }
    Ok(filter)
}

fn scope(words: &mut Words<'_>) -> Result<KillScope, ParseError> {
    if words.takes("all") {
        return Ok(KillScope::All);
    }
    let word = words.word("a scope")?;
    if let Some(instrument) = words.instrument_of(word) {
        return Ok(KillScope::Instrument(instrument));
    }
    if let Some(account) = words.account_of(word) {
        return Ok(KillScope::Account(account));
    }
    let session = word.strip_prefix('s').ok_or_else(|| words.unknown(word))?;
    words.number(session).map(|id| KillScope::Session(SessionId(id)))
}

/// `state auction_call opening`; the kind is needed in a call, and has no meaning elsewhere.
fn set_state(words: &mut Words<'_>) -> Result<SetState, ParseError> {
    let word = words.word("a state")?;
    let state = words.named(word, TradingState::from_name)?;
    let auction = if state == TradingState::AuctionCall {
        let word = words.word("which auction")?;
        words.named(word, AuctionKind::from_name)?
    } else {
        AuctionKind::Opening
    };
    Ok(SetState { instrument: words.last_instrument()?, state, auction })
}
