//! Holds the generated flow to its likeness, and the recorded one to its recording.

use super::*;
use crate::exercised::Exercised;
use std::collections::{BTreeMap, BTreeSet};
use vesta_model::Model;
use vesta_types::{
    AuctionKind, Command, CommandKind, Event, NewOrder, OrderType, PostOnly, QtyLots, SelfTrade,
    SetState, Side, TimeInForce, TimeNs, TradingState,
};

const CAPACITY: Capacity = Capacity {
    order_count_max: 262_144,
    level_count_max: 16_384,
    instrument_count_max: 64,
    session_count_max: 100,
};

/// 20,000 commands per second.
const INTERVAL_NS: u64 = 50_000;

fn rules(price_max: i64) -> InstrumentRules {
    InstrumentRules::new(PriceTicks(price_max), QtyLots(1_000_000))
}

fn settings(seed: u64, instrument_count: u32, session_count: u32) -> FlowSettings {
    let instrument = |id| InstrumentFlow {
        id: InstrumentId(id),
        rules: rules(10_000_000),
        reference_price: PriceTicks(5_000 * i64::from(id)),
        opening: None,
    };
    let session = |id| SessionFlow {
        id: SessionId(id),
        accounts: [AccountId(0), AccountId(5)].into(),
        stp_groups: [StpGroup(1), StpGroup(2)].into(),
    };
    FlowSettings {
        seed,
        instruments: (1..=instrument_count).map(instrument).collect(),
        sessions: (1..=session_count).map(session).collect(),
        capacity: CAPACITY,
        interval_ns: INTERVAL_NS,
    }
}

/// What a venue makes of a flow.
struct Venue {
    model: Model,
    events: Vec<Event>,
    commands: u64,
    rejects: u64,
    executions: u64,
    /// Executions of less than a hundred lots, or of no whole number of hundreds.
    odd: u64,
    kinds: BTreeMap<u8, u64>,
    exercised: Exercised,
    /// Fills of each aggressor that found one.
    fills: Vec<u64>,
}

impl Venue {
    fn new(settings: &FlowSettings) -> Self {
        let ids: Vec<SessionId> = settings.sessions.iter().map(|session| session.id).collect();
        let mut model = model(settings.capacity, &ids).expect("a model");
        for instrument in &settings.instruments {
            model.define(instrument.id, instrument.rules).expect("an instrument");
        }
        let events = Vec::new();
        let (kinds, fills) = (BTreeMap::new(), Vec::new());
        let exercised = Exercised::default();
        Self {
            model,
            events,
            commands: 0,
            rejects: 0,
            executions: 0,
            odd: 0,
            kinds,
            exercised,
            fills,
        }
    }

    fn apply(&mut self, command: &Command) {
        self.events.clear();
        self.model.advance_to(TimeNs(self.commands * INTERVAL_NS), &mut self.events);
        self.model.apply(command, &mut self.events);
        self.exercised.add(&self.events);
        self.commands += 1;
        *self.kinds.entry(command.kind() as u8).or_default() += 1;
        let mut fills = 0;
        for event in &self.events {
            match event {
                Event::Rejected(_) => self.rejects += 1,
                Event::Executed(executed) => {
                    fills += 1;
                    self.odd += u64::from(!executed.qty.0.is_multiple_of(100));
                }
                _ => {}
            }
        }
        self.executions += fills;
        if fills > 0 {
            self.fills.push(fills);
        }
    }

    fn percent_of_commands(&self, count: u64) -> f64 {
        100.0 * count as f64 / self.commands as f64
    }

    fn kind_percent(&self, kind: CommandKind) -> f64 {
        self.percent_of_commands(self.kinds.get(&(kind as u8)).copied().unwrap_or(0))
    }
}

fn run(settings: FlowSettings, command_count: usize) -> Venue {
    let mut venue = Venue::new(&settings);
    for command in Flow::new(settings).expect("a flow").take(command_count) {
        venue.apply(&command);
    }
    venue
}

fn commands(settings: FlowSettings, count: usize) -> Vec<Command> {
    Flow::new(settings).expect("a flow").take(count).collect()
}

#[test]
fn a_seed_names_a_flow() {
    let first = commands(settings(7, 4, 10), 20_000);
    assert_eq!(first, commands(settings(7, 4, 10), 20_000));
    assert_ne!(first, commands(settings(8, 4, 10), 20_000));
}

#[test]
fn few_are_rejected_and_enough_trade_in_runs_of_any_length() {
    for (instruments, sessions) in [(1, 1), (1, 100), (4, 100), (16, 8), (64, 100)] {
        let long = if instruments == 4 { 200_000 } else { 10_000 };
        for (count, seeds) in [(1_000, 10), (long, 1)] {
            for seed in 0..seeds {
                let venue = run(settings(seed, instruments, sessions), count);
                let rejects = venue.percent_of_commands(venue.rejects);
                let executions = venue.percent_of_commands(venue.executions);
                let of = format!("{count} commands, {instruments} instruments, seed {seed}");
                assert!(rejects <= 1.9, "{rejects:.2} % rejected of {of}");
                assert!(executions >= 11.0, "{executions:.2} % traded of {of}");
            }
        }
    }
}

#[test]
fn the_shares_are_those_of_a_real_day() {
    for seed in [1, 2, 3] {
        let mut venue = run(settings(seed, 4, 100), 100_000);
        let new = venue.kind_percent(CommandKind::New);
        let cancel = venue.kind_percent(CommandKind::Cancel);
        let replace = venue.kind_percent(CommandKind::Replace);
        let mass = venue.kind_percent(CommandKind::MassCancel);
        let executions = venue.percent_of_commands(venue.executions);
        venue.fills.sort_unstable();
        let aggressors = venue.fills.len();
        let single = 100 * venue.fills.partition_point(|fills| *fills == 1) / aggressors;
        let odd = 100 * venue.odd / venue.executions;
        assert!((55.0..68.0).contains(&new), "{new}");
        assert!((26.0..38.0).contains(&cancel), "{cancel}");
        assert!((3.0..9.0).contains(&replace), "{replace}");
        assert!(mass > 0.0 && mass < 0.2, "{mass}");
        assert!((12.0..20.0).contains(&executions), "{executions}");
        assert!((68..84).contains(&single), "{single} % of aggressors had one fill");
        assert!((50..75).contains(&odd), "{odd} % of executions were of odd lots");
    }
}

#[test]
fn every_kind_of_command_occurs() {
    for seed in 0..5 {
        let mut seen = BTreeSet::new();
        for command in commands(settings(seed, 4, 10), 20_000) {
            seen.insert(match command {
                Command::New(new) => {
                    let is_passive = new.post_only == PostOnly::Reject;
                    let terms = (new.order_type as u8, new.time_in_force as u8, is_passive);
                    ("new", terms, new.side as u8)
                }
                Command::Cancel(_) => ("cancel", (0, 0, false), 0),
                Command::Replace(_) => ("replace", (0, 0, false), 0),
                Command::MassCancel(mass) => {
                    ("mass", (0, 0, mass.instrument.is_some()), mass.side.map_or(0, |s| s as u8))
                }
                Command::Kill(_) | Command::SetState(_) => panic!("the operator's"),
            });
        }
        let (limit, market) = (OrderType::Limit as u8, OrderType::Market as u8);
        let [gtc, ioc, fok] =
            [TimeInForce::Gtc as u8, TimeInForce::Ioc as u8, TimeInForce::Fok as u8];
        for side in Side::BOTH {
            for terms in [
                (limit, gtc, false),
                (limit, gtc, true),
                (limit, ioc, false),
                (limit, fok, false),
                (market, ioc, false),
                (market, fok, false),
            ] {
                assert!(seen.contains(&("new", terms, side as u8)), "seed {seed}: {terms:?}");
            }
        }
        for kind in ["cancel", "replace", "mass"] {
            assert!(seen.iter().any(|(seen, ..)| *seen == kind), "seed {seed}: {kind}");
        }
    }
}

/// What an order of the flow is, beyond a plain limit order.
fn traits_of(new: &NewOrder) -> Vec<&'static str> {
    let traits = [
        (!new.display_qty.is_zero(), "iceberg"),
        (new.hidden, "hidden"),
        (new.all_or_none, "all_or_none"),
        (!new.min_qty.is_zero(), "min_qty"),
        (new.post_only == PostOnly::Reprice, "post_only_reprice"),
        (new.stp_group != StpGroup(0), "stp_group"),
        (new.account != AccountId(0), "account"),
        (new.self_trade == SelfTrade::Decrement, "decrement"),
    ];
    let traits = traits.into_iter().filter_map(|(has, name)| has.then_some(name));
    traits.chain([new.order_type.name(), new.time_in_force.name()]).collect()
}

#[test]
fn every_kind_of_order_occurs_and_its_rules_come_into_play() {
    for seed in 0..3 {
        let settings = settings(seed, 4, 4);
        let mut venue = Venue::new(&settings);
        let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
        for command in Flow::new(settings).expect("a flow").take(20_000) {
            if let Command::New(new) = &command {
                traits_of(new).into_iter().for_each(|name| *seen.entry(name).or_default() += 1);
            }
            venue.apply(&command);
        }
        for name in [
            "iceberg",
            "hidden",
            "all_or_none",
            "min_qty",
            "post_only_reprice",
            "stp_group",
            "account",
            "decrement",
            "stop",
            "stop_limit",
            "trailing_stop",
            "trailing_stop_limit",
            "pegged",
            "day",
            "gtd",
        ] {
            let count = seen.get(name).copied().unwrap_or(0);
            assert!(count >= 5, "seed {seed}: {count} of {name} in {seen:?}");
        }
        let Exercised {
            icebergs_refreshed, stops_triggered, self_trades_prevented, expired, ..
        } = venue.exercised;
        let counts = [icebergs_refreshed, stops_triggered, self_trades_prevented, expired];
        assert!(counts.iter().all(|count| *count >= 3), "seed {seed}: {:?}", venue.exercised);
    }
}

/// The venue's clock opens it, not the flow: as planned, before all was collected, or late, when the
/// flow already waits. Nothing of that may cost many rejects.
#[test]
fn an_opening_is_robust_against_the_venues_clock() {
    const OPENING: Opening = Opening { collect_until: 500, opens_at: 1_000 };
    for (seed, uncross_at) in [(1, 750), (2, 300), (3, 999), (4, 0), (5, 500)] {
        let mut settings = settings(seed, 4, 4);
        settings.instruments[1].opening = Some(OPENING);
        settings.instruments[1].rules.initial_state = TradingState::PreOpen;
        let instrument = settings.instruments[1].id;
        let auction = AuctionKind::Opening;
        let set_state = |state| Command::SetState(SetState { instrument, state, auction });
        let mut venue = Venue::new(&settings);
        let mut events = Vec::new();
        venue.model.apply(&set_state(TradingState::AuctionCall), &mut events);
        let mut collected = 0;
        for (n, command) in (0..).zip(Flow::new(settings).expect("a flow").take(4_000)) {
            if n == uncross_at {
                venue.model.apply(&set_state(TradingState::Uncross), &mut events);
                venue.exercised.add(&events);
            }
            let is_for_it = matches!(&command, Command::New(new) if new.instrument == instrument);
            let is_pause = (OPENING.collect_until..OPENING.opens_at).contains(&n);
            assert!(!(is_for_it && is_pause), "command {n} is for an instrument that pauses");
            collected += u64::from(is_for_it && n < uncross_at);
            venue.apply(&command);
        }
        let rejects = venue.percent_of_commands(venue.rejects);
        assert!(rejects <= 2.0, "seed {seed}: {rejects:.2} % rejected");
        let trades = venue.exercised.auction_trades;
        assert!(collected < 20 || trades > 0, "seed {seed}: {collected} orders, {trades} trades");
        // What is told of the uncross at once must fit into a socket's buffer.
        assert!(trades < 250, "seed {seed}: {trades} trades");
    }
}

#[test]
fn what_expires_counts_from_the_start() {
    let mut commands = commands(settings(1, 2, 2), 5_000);
    let relative = commands.clone();
    start_at(&mut commands, TimeNs(1_000_000_000_000));
    let mut count = 0;
    for (relative, absolute) in relative.iter().zip(&commands) {
        match (relative, absolute) {
            (Command::New(r), Command::New(a)) if r.time_in_force == TimeInForce::Gtd => {
                assert_eq!(a.expires.0, r.expires.0 + 1_000_000_000_000);
                count += 1;
            }
            _ => assert_eq!(relative, absolute),
        }
    }
    assert!(count > 0, "there are orders that expire");
    let mut timeless = settings(1, 2, 2);
    timeless.interval_ns = 0;
    let is_gtd =
        |c: &Command| matches!(c, Command::New(new) if new.time_in_force == TimeInForce::Gtd);
    assert!(!self::commands(timeless, 5_000).iter().any(is_gtd));
}

#[test]
fn client_order_ids_are_dense_in_each_session() {
    let mut last: BTreeMap<SessionId, u64> = BTreeMap::new();
    for command in commands(settings(4, 3, 7), 30_000) {
        if let Command::New(new) = command {
            let last = last.entry(new.session).or_default();
            *last += 1;
            assert_eq!(new.client_order_id.0, *last);
        }
    }
    assert_eq!(last.len(), 7);
}

#[test]
fn books_stay_bounded_and_near_their_reference() {
    let settings = settings(11, 2, 20);
    let mut venue = Venue::new(&settings);
    let mut spreads = Vec::new();
    for (n, command) in Flow::new(settings.clone()).expect("a flow").take(150_000).enumerate() {
        venue.apply(&command);
        if n < 1_000 || n % 97 != 0 {
            continue;
        }
        for InstrumentFlow { id, reference_price, .. } in &settings.instruments {
            let touch = |side| venue.model.best(*id, side).map(|level| level.price.0);
            let (Some(bid), Some(ask)) = (touch(Side::Buy), touch(Side::Sell)) else { continue };
            spreads.push(ask - bid);
            let off = (bid + ask) / 2 - reference_price.0;
            assert!(off.abs() < 1_000, "{off} ticks off the reference");
        }
        assert!(venue.model.order_count() < 2 * shape::ORDERS_MAX);
    }
    for InstrumentFlow { id, .. } in &settings.instruments {
        for side in Side::BOTH {
            let levels = venue.model.levels(*id, side).count();
            assert!((10..600).contains(&levels), "{levels} levels");
        }
    }
    spreads.sort_unstable();
    let at = |percent: usize| spreads[spreads.len() * percent / 100];
    assert!((5..=20).contains(&at(50)), "the median spread is {} ticks", at(50));
}

#[test]
fn a_small_venue_is_never_full() {
    let mut settings = settings(2, 2, 3);
    settings.capacity = Capacity {
        order_count_max: 80,
        level_count_max: 40,
        instrument_count_max: 2,
        session_count_max: 3,
    };
    for instrument in &mut settings.instruments {
        instrument.rules = InstrumentRules::new(PriceTicks(100), QtyLots(5));
        instrument.reference_price = PriceTicks(20);
    }
    let venue = run(settings, 20_000);
    let rejects = venue.percent_of_commands(venue.rejects);
    assert!(rejects <= 2.0, "{rejects:.2} % rejected");
}

#[test]
fn settings_that_can_not_be_are_named() {
    let fault = |change: &dyn Fn(&mut FlowSettings)| {
        let mut settings = settings(1, 2, 2);
        change(&mut settings);
        Flow::new(settings).expect_err("no flow")
    };
    assert_eq!(fault(&|s| s.instruments.clear()), FlowError::NoInstrument);
    assert_eq!(fault(&|s| s.sessions.clear()), FlowError::NoSession);
    assert_eq!(
        fault(&|s| s.sessions[1] = s.sessions[0].clone()),
        FlowError::SessionTwice(SessionId(1))
    );
    assert_eq!(
        fault(&|s| s.instruments[1] = s.instruments[0]),
        FlowError::InstrumentTwice(InstrumentId(1))
    );
    let none: Arc<[AccountId]> = [].into();
    assert_eq!(
        fault(&|s| s.sessions[1].accounts = none.clone()),
        FlowError::NoAccount(SessionId(2))
    );
    for (price, limit) in [(0, 1_000), (15, 1_000), (985, 1_000), (i64::MIN, 1), (20, 1)] {
        let fault = fault(&|s| {
            s.instruments[0].rules = rules(limit);
            s.instruments[0].reference_price = PriceTicks(price);
        });
        assert!(matches!(fault, FlowError::ReferencePrice { .. }), "{fault}");
    }
    let fault_of_limits = fault(&|s| s.instruments[0].rules = rules(0));
    assert!(matches!(fault_of_limits, FlowError::Instrument { .. }), "{fault_of_limits}");
    let none = fault(&|s| s.capacity.order_count_max = 0);
    assert!(matches!(none, FlowError::Capacity(_)), "{none}");
    let small = fault(&|s| s.capacity.order_count_max = 20);
    assert!(matches!(small, FlowError::TooSmall { .. }), "{small}");
}

/// The sessions that are told of an event, one report each.
fn told(event: &Event) -> Vec<SessionId> {
    match event {
        Event::Accepted(e) => vec![e.session],
        Event::Rejected(e) => vec![e.session],
        Event::Cancelled(e) => vec![e.session],
        Event::Replaced(e) => vec![e.session],
        Event::Triggered(e) => vec![e.session],
        Event::Repriced(e) => vec![e.session],
        Event::Executed(e) => vec![e.taker.session, e.maker.session],
        Event::SelfTradePrevented(e) => vec![e.taker.session, e.maker.session],
        Event::Rested(_) | Event::StateChanged(_) | Event::Indicative(_) => vec![],
    }
}

/// A client that is paused by its machine loses what its socket's buffer has no room for, some 500
/// datagrams: all that its commands in flight may cause, mass cancels included, must fit.
#[test]
fn what_a_session_is_told_at_once_fits_into_its_socket() {
    const IN_FLIGHT: usize = 128;
    for seed in [42, 1, 2] {
        let settings = settings(seed, 4, 4);
        let mut venue = Venue::new(&settings);
        let mut reports: BTreeMap<SessionId, Vec<usize>> = BTreeMap::new();
        for (n, command) in Flow::new(settings.clone()).expect("a flow").take(100_000).enumerate() {
            venue.apply(&command);
            for session in &settings.sessions {
                let told = venue.events.iter().flat_map(told).filter(|id| *id == session.id);
                reports.entry(session.id).or_default().push(told.count());
                assert_eq!(reports[&session.id].len(), n + 1);
            }
        }
        for (session, reports) in reports {
            let most = reports.windows(IN_FLIGHT).map(|window| window.iter().sum::<usize>()).max();
            assert!(most.is_some_and(|most| most < 450), "seed {seed}, {session}: {most:?}");
        }
    }
}
