//! `vesta demo` and `vesta flow`: from arguments to a run, and from its outcome to words.

use super::{Context, Failure, Verdict};
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use vesta_config::{Config, Instrument};
use vesta_netio::{Clock, Idler, StopFlag};
use vesta_replay::lobster::Messages;
use vesta_runner::idle;
use vesta_tools::demo::{self, Outcome, Plan};
use vesta_tools::exercised::Exercised;
use vesta_tools::flow::{
    Flow, FlowSettings, InstrumentFlow, LobsterFlow, LobsterSettings, SessionFlow, start_at,
};
use vesta_tools::latency::Latency;
use vesta_tools::opening::{self, Opening};
use vesta_tools::trader::{Rate, Traded, Trader};
use vesta_tools::venues::{RECORDED_TICK_E4, recorded};
use vesta_types::{Command, PriceTicks, SessionId};

/// Most commands of one run: they are made before the clock starts, at some 80 bytes each.
const ORDERS_MAX: u64 = 50_000_000;
/// Sessions that trade: enough that orders of different owners meet.
const SESSIONS_MAX: usize = 4;
/// The market of the made-up flow stays around this part of an instrument's `price_max`, which
/// leaves room for every move that it makes.
const REFERENCE_PART: i64 = 150;
/// How long `vesta flow` waits for an answer when nothing moves any more, ns.
const SILENCE_MAX_NS: u64 = 10_000_000_000;

/// What to trade, and how fast.
#[derive(Debug, Args)]
pub struct FlowArgs {
    /// Client commands to send
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    orders: u64,

    /// Commands per second, each at its own time (open loop); or `max`, as fast as answers come
    #[arg(long, default_value = "20000", value_name = "R|max", value_parser = parse_rate)]
    rate: Rate,

    /// Names the made-up order flow: the same seed gives the same commands
    #[arg(long, default_value_t = 42, value_name = "N")]
    seed: u64,

    /// Trade with sessions from this one on, four at most. A session numbers its commands for as
    /// long as the venue runs: a second flow to the same venue needs sessions of its own
    #[arg(long, default_value_t = 1, value_name = "N")]
    first_session: u32,

    /// Order flow to send instead of the made-up one: `lobster:FILE`, a LOBSTER message file
    #[arg(long, value_name = "lobster:FILE", value_parser = parse_input)]
    input: Option<PathBuf>,

    /// Begin the recording again when it ends, until --orders are sent
    #[arg(long = "loop", requires = "input")]
    is_loop: bool,

    /// Where the plot of all latency percentiles goes
    #[arg(long, default_value = "vesta-latency.svg", value_name = "FILE")]
    plot: PathBuf,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    flow: FlowArgs,

    /// Drill: drop this share of the consumer's market-data datagrams, 0 to 1 (1 drops all)
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    md_loss: f64,

    /// Drill: begin to drop after this share of the commands, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = parse_share)]
    md_loss_from: f64,
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Rate::PerSecond(rate)),
        _ => Err("give a number of commands per second above 0, or `max`".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("give a share from 0 to 1".to_owned()),
    }
}

fn parse_input(text: &str) -> Result<PathBuf, String> {
    match text.split_once(':') {
        Some(("lobster", file)) if !file.is_empty() => Ok(PathBuf::from(file)),
        _ => Err("give `lobster:FILE`, with a LOBSTER message file".to_owned()),
    }
}

/// `vesta demo`: all roles, a client and a consumer in this process.
pub fn demo(context: Context, args: &DemoArgs) -> Result<Verdict, Failure> {
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let mut config = context.config;
    let opening = match args.flow.input {
        None => opening::plan(&mut config, args.flow.orders, args.flow.rate.expected()),
        // A recording has its own instrument, and was made in the course of a day.
        Some(_) => None,
    };
    let (config, commands) = commands(config, &args.flow, opening)?;
    let plan = Plan {
        commands,
        opening,
        rate: args.flow.rate,
        md_loss: args.md_loss,
        md_loss_from: args.md_loss_from,
    };
    eprintln!("vesta demo: {}", headline(&config, &args.flow, &plan));
    let outcome = demo::run(&config, plan, &stop, true)?;
    let plot = plot(&outcome.traded.latency, &args.flow, &format!("datapath {}", outcome.datapath));
    print_demo(&outcome, &args.flow, &plot);
    if context.json {
        println!("{}", demo_json(&outcome, args.flow.rate));
    }
    Ok(if outcome.holds() { Verdict::Holds } else { Verdict::Fails })
}

fn headline(config: &Config, args: &FlowArgs, plan: &Plan) -> String {
    let orders = plan.commands.len();
    let opens = |opening: Opening| {
        let opens = config.instrument_list.iter().find(|i| i.id == opening.instrument);
        opens.map(|i| format!("; {} opens by auction", i.symbol))
    };
    let opening = plan.opening.and_then(opens).unwrap_or_default();
    let symbols: Vec<&str> =
        config.instrument_list.iter().map(|instrument| instrument.symbol.as_str()).collect();
    let flow = match &args.input {
        Some(file) => format!("from {}", file.display()),
        None => format!("made up, seed {}", args.seed),
    };
    format!(
        "{orders} commands at {}, {flow}, on {}{opening}; gateway, sequencer, engine and md-publisher on \
         one thread, client and consumer on another",
        rate_text(args.rate),
        symbols.join(", ")
    )
}

fn rate_text(rate: Rate) -> String {
    match rate {
        Rate::Max => "full speed".to_owned(),
        Rate::PerSecond(rate) => format!("{rate}/s"),
    }
}

/// The commands of a run, and the configuration that they are for.
fn commands(
    config: Config,
    args: &FlowArgs,
    opening: Option<Opening>,
) -> Result<(Config, Vec<Command>), Failure> {
    if !(1..=ORDERS_MAX).contains(&args.orders) {
        let orders = args.orders;
        return Err(Failure::CannotStart(format!("--orders {orders}: give 1 to {ORDERS_MAX}")));
    }
    let count = args.orders as usize;
    let cannot = |error: &dyn std::fmt::Display| Failure::CannotStart(error.to_string());
    let capacity = config.capacity();
    let sessions = sessions(&config, args.first_session)?;
    let Some(file) = &args.input else {
        let settings = FlowSettings {
            seed: args.seed,
            instruments: config
                .instrument_list
                .iter()
                .map(|instrument| instrument_flow(instrument, opening))
                .collect(),
            sessions,
            capacity,
            interval_ns: ((1e9 / args.rate.expected()) as u64).max(1),
        };
        let flow = Flow::new(settings).map_err(|error| cannot(&error))?;
        return Ok((config, flow.take(count).collect()));
    };
    let config = recorded(config);
    let instrument = &config.instrument_list[0];
    let settings = LobsterSettings {
        messages: read_messages(file)?,
        instrument: instrument.id,
        rules: instrument.rules,
        tick_e4: RECORDED_TICK_E4,
        sessions: sessions.into_iter().map(|session| session.id).collect(),
        capacity,
        is_loop: args.is_loop,
    };
    let flow = LobsterFlow::new(settings).map_err(|error| cannot(&error))?;
    let commands: Vec<Command> = flow.take(count).collect();
    if commands.is_empty() {
        let file = file.display();
        return Err(Failure::CannotStart(format!("{file}: holds nothing that could be sent")));
    }
    Ok((config, commands))
}

fn instrument_flow(instrument: &Instrument, opening: Option<Opening>) -> InstrumentFlow {
    let reference_price = PriceTicks((instrument.rules.price_max.0 / REFERENCE_PART).max(1));
    let opening = opening.filter(|opening| opening.instrument == instrument.id);
    InstrumentFlow {
        id: instrument.id,
        rules: instrument.rules,
        reference_price,
        opening: opening.map(|opening| opening.in_commands()),
    }
}

fn sessions(config: &Config, first: u32) -> Result<Vec<SessionFlow>, Failure> {
    let none = || Failure::CannotStart("the configuration has no [[gateway]]".to_owned());
    let gateway = config.gateway_list.first().ok_or_else(none)?;
    let all = config.sessions_of(gateway.id).filter(|session| session.id.0 >= first);
    let flow = |session: &vesta_config::Session| SessionFlow {
        id: session.id,
        accounts: session.accounts.clone(),
        stp_groups: session.stp_groups.clone(),
    };
    let sessions: Vec<_> = all.take(SESSIONS_MAX).map(flow).collect();
    if sessions.is_empty() {
        return Err(Failure::CannotStart(format!(
            "--first-session {first}: gateway {} has no [[session]] from there on",
            gateway.id
        )));
    }
    Ok(sessions)
}

fn read_messages(file: &Path) -> Result<Vec<vesta_replay::lobster::Message>, Failure> {
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::CannotStart(format!("{}: {error}", file.display()))
    };
    let open = File::open(file).map_err(|error| cannot(&error))?;
    Messages::new(BufReader::new(open)).collect::<Result<_, _>>().map_err(|error| cannot(&error))
}

/// Writes the plot; says where it is, or why there is none.
fn plot(latency: &Latency, args: &FlowArgs, setting: &str) -> String {
    let title = format!(
        "vesta: {} commands at {}, {setting}{}",
        latency.count(),
        rate_text(args.rate),
        if args.rate == Rate::Max { " (saturated)" } else { "" }
    );
    let file = args.plot.display();
    match latency.plot(&args.plot, &title) {
        Ok(()) => format!("plot of all percentiles: {file}"),
        Err(error) => format!("no plot, {file} can not be written: {error}"),
    }
}

fn print_traded(traded: &Traded, saturated: bool) {
    let counters = &traded.counters;
    println!();
    println!("sent           {:>10}   {:.0} per second", traded.sent, traded.rate());
    let lost = traded.sent as u64 - traded.answered();
    let once = if lost == 0 && counters.duplicated == 0 { "each exactly once" } else { "" };
    println!("answered       {:>10}   {once}", traded.answered());
    let rejected = traded.rejected();
    let reasons: Vec<String> = rejected.iter().map(|(name, n)| format!("{name} {n}")).collect();
    println!("  rejected     {:>10}   {}", rejected.values().sum::<u64>(), reasons.join(", "));
    println!("lost           {lost:>10}");
    println!("duplicated     {:>10}", counters.duplicated);
    println!(
        "sent again     {:>10}   {} refused at the edge",
        counters.resent, counters.not_sequenced
    );
    println!();
    println!("{}", traded.latency.table(saturated));
}

fn print_demo(outcome: &Outcome, args: &FlowArgs, plot: &str) {
    print_traded(&outcome.traded, args.rate == Rate::Max);
    println!("{plot}");
    println!();
    for summary in &outcome.summaries {
        println!("{summary}");
    }
    println!();
    println!("trades         {:>10}", outcome.trades);
    println!(
        "books          {:>10}   consumer's, from multicast alone, against the engine's",
        equal(outcome.books.is_empty())
    );
    println!(
        "model          {:>10}   replies, trades and books of the naive model",
        equal(outcome.model.is_empty())
    );
    println!("exercised                   {}", outcome.exercised);
    for line in outcome.books.lines().iter().chain(&outcome.model.lines()) {
        println!("  {line}");
    }
    if outcome.unsent > 0 {
        let why = if outcome.lost() > 0 { "the venue stopped answering" } else { "by a signal" };
        println!("interrupted before all commands were sent, {why}: {} are left", outcome.unsent);
    }
    println!("verdict: {}", if outcome.holds() { "OK" } else { "FAIL" });
}

const fn equal(equal: bool) -> &'static str {
    if equal { "equal" } else { "DIFFERENT" }
}

fn traded_json(traded: &Traded, rate: Rate) -> Value {
    let summary = traded.latency.summary();
    json!({
        "orders": traded.sent,
        "answered": traded.answered(),
        "rejected": traded.rejected(),
        "lost": traded.sent as u64 - traded.answered(),
        "duplicated": traded.counters.duplicated,
        "resent": traded.counters.resent,
        "not_sequenced": traded.counters.not_sequenced,
        "rate": traded.rate(),
        "saturated": rate == Rate::Max,
        "event_seq": traded.event_seq,
        "latency_ns": {
            "p50": summary.p50_ns,
            "p90": summary.p90_ns,
            "p99": summary.p99_ns,
            "p999": summary.p999_ns,
            "max": summary.max_ns,
        },
    })
}

fn demo_json(outcome: &Outcome, rate: Rate) -> Value {
    let mut value = traded_json(&outcome.traded, rate);
    value["trades"] = json!(outcome.trades);
    value["books_equal"] = json!(outcome.books.is_empty());
    value["model_equal"] = json!(outcome.model.is_empty());
    value["exercised"] = exercised_json(&outcome.exercised);
    value["datapath"] = json!(outcome.datapath);
    value["consumer_datapath"] = json!(outcome.consumer_datapath);
    value["md_datagrams"] = json!(outcome.md_datagrams);
    value["verdict"] = json!(if outcome.holds() { "OK" } else { "FAIL" });
    value
}

fn exercised_json(exercised: &Exercised) -> Value {
    json!({
        "icebergs_refreshed": exercised.icebergs_refreshed,
        "stops_triggered": exercised.stops_triggered,
        "self_trades_prevented": exercised.self_trades_prevented,
        "auction_trades": exercised.auction_trades,
        "auction_volume_lots": exercised.auction_volume.0,
        "expired": exercised.expired,
    })
}

/// Another client has the session: what that means, and the next sessions that nobody of this flow asked
/// for.
fn bound_elsewhere(config: &Config, session: SessionId) -> String {
    let next = session.0 + SESSIONS_MAX as u32;
    let fix = if config.session_list.iter().any(|known| known.id.0 == next) {
        format!("use others (--first-session {next}), or start the venue anew")
    } else {
        "add [[session]] entries, or start the venue anew".to_owned()
    };
    format!(
        "flow: session {session} belongs to another client (session_bound_elsewhere): to whoever used \
         it first, for as long as the gateway runs; {fix}"
    )
}

/// `vesta flow`: the client alone, against a gateway that runs elsewhere.
pub fn flow(context: Context, args: &FlowArgs) -> Result<Verdict, Failure> {
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let (config, mut commands) = commands(context.config, args, None)?;
    let clock = Clock::new();
    start_at(&mut commands, clock.utc_ns());
    let mut trader = Trader::new(&config, &commands, args.rate).map_err(Failure::CannotStart)?;
    let mut idler = Idler::new(idle(&config));
    trader.start(clock.mono_ns());
    loop {
        let now = clock.mono_ns();
        let end = if stop.is_stopped() { 0 } else { commands.len() };
        trader.submit_due(now, end).map_err(Failure::BrokeDown)?;
        let work = trader.poll(&clock);
        if let Some(session) = trader.bound_elsewhere() {
            return Err(Failure::BrokeDown(bound_elsewhere(&config, session)));
        }
        let done = trader.sent() >= end && trader.is_settled();
        if done || trader.silent_ns(now) > SILENCE_MAX_NS {
            break;
        }
        idler.idle(work);
    }
    let traded = trader.finish();
    print_traded(&traded, args.rate == Rate::Max);
    println!("{}", plot(&traded.latency, args, "against a running gateway"));
    let whole = traded.sent == commands.len() && traded.answered() == traded.sent as u64;
    let holds = whole && traded.counters.duplicated == 0;
    println!("verdict: {}", if holds { "OK" } else { "FAIL" });
    if context.json {
        println!("{}", traded_json(&traded, args.rate));
    }
    Ok(if holds { Verdict::Holds } else { Verdict::Fails })
}
