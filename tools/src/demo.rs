//! `vesta demo`: the whole appliance, a client and a consumer, and the proof that nothing was lost.
//!
//! ```text
//!   thread "roles"   driver A: gateway, sequencer, engine, md-publisher
//!   this thread      client over UDP; driver B: consumer
//! ```

use crate::appliance::{Appliance, RunError};
use crate::consumer::Consumer;
use crate::exercised::Exercised;
use crate::feed::{Feed, Source};
use crate::flow::start_at;
use crate::opening::Opening;
use crate::trader::{Rate, Traded, Trader};
use crate::verify::{self, Differences, Told};
use std::time::Duration;
use vesta_config::{Config, Instrument};
use vesta_netio::{Clock, Idler, ReceiveLoss, StopFlag};
use vesta_runner::idle;
use vesta_types::{Command, Side, TradingState};

/// How long the roles may take to find each other.
const READY_MAX: Duration = Duration::from_secs(30);
/// How long the last answers, and the last market data, may take when nothing moves any more.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// The same after Ctrl-C: somebody waits at the terminal.
const SILENCE_MAX_INTERRUPTED: Duration = Duration::from_secs(1);
/// How long all that may take, whatever still moves.
const SETTLE_MAX: Duration = Duration::from_secs(30);
/// How long an opening may be late by which the flow waits, and of which nothing is heard: a feed that
/// loses everything would never tell.
const OPENING_LATE_MAX: Duration = Duration::from_secs(2);
/// Between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// What a run is to do.
#[derive(Debug)]
pub struct Plan {
    /// The commands, in the order in which they are sent. Those that expire count from the start.
    pub commands: Vec<Command>,
    /// The opening auction in the course of them.
    pub opening: Option<Opening>,
    /// How fast.
    pub rate: Rate,
    /// Share of the consumer's datagrams to drop, 0 to 1.
    pub md_loss: f64,
    /// From which share of the commands on, 0 to 1.
    pub md_loss_from: f64,
}

/// What a run found.
#[derive(Debug)]
pub struct Outcome {
    /// What the client was told.
    pub traded: Traded,
    /// Trades, as far as anybody was told.
    pub trades: u64,
    /// What differs between the consumer's books and the engine's.
    pub books: Differences,
    /// What differs between venue and model.
    pub model: Differences,
    /// What the run was a test of.
    pub exercised: Exercised,
    /// Name of the datapath that the roles ran on.
    pub datapath: String,
    /// Name of the consumer's.
    pub consumer_datapath: String,
    /// Datagrams of market data that the consumer got.
    pub md_datagrams: u64,
    /// Commands that were not sent: it was interrupted, or the venue stopped answering.
    pub unsent: u64,
    /// What each role counted.
    pub summaries: Vec<String>,
}

impl Outcome {
    /// Commands without an outcome.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.traded.sent as u64 - self.traded.answered()
    }

    /// True when all that was asked for holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.lost() == 0
            && self.traded.counters.duplicated == 0
            && self.books.is_empty()
            && self.model.is_empty()
            && self.unsent == 0
    }
}

/// Runs `plan` against a fresh appliance; with `progress` a line a second goes to stderr.
///
/// # Errors
/// When the appliance does not start or breaks down; what a run merely finds is in its outcome.
pub fn run(
    config: &Config,
    mut plan: Plan,
    stop: &StopFlag,
    progress: bool,
) -> Result<Outcome, RunError> {
    let appliance = Appliance::start(config);
    match drive(config, &mut plan, stop, &appliance, progress) {
        Ok((traded, feed)) => conclude(config, &plan, appliance, traded, feed),
        // The roles' own reason says more than what their end did to us.
        Err(error) => Err(appliance.finish().err().unwrap_or(error)),
    }
}

/// A run under way.
struct Run<'a> {
    config: &'a Config,
    plan: &'a Plan,
    stop: &'a StopFlag,
    appliance: &'a Appliance,
    clock: Clock,
    trader: Trader<'a>,
    feed: Feed,
    loss: Option<ReceiveLoss>,
    /// True once the instrument that opens does trade.
    is_open: bool,
    /// Fills of which it is known that they are no sign of that.
    fills_seen: usize,
    /// When progress was said last, monotonic ns, and the answers and trades that there were.
    said: (u64, u64, u64),
    progress: bool,
}

fn drive(
    config: &Config,
    plan: &mut Plan,
    stop: &StopFlag,
    appliance: &Appliance,
    progress: bool,
) -> Result<(Traded, Feed), RunError> {
    let mut feed = Feed::join(config, "consumer", Source::Publisher, plan.md_loss > 0.0)
        .map_err(|error| RunError::not_started(config, error))?;
    feed.consumer_mut().record_prints();
    let clock = Clock::new();
    await_ready(config, plan, stop, appliance, &mut feed, &clock)?;
    start_at(&mut plan.commands, clock.utc_ns());
    let plan = &*plan;
    let mut run = Run {
        config,
        plan,
        stop,
        appliance,
        clock,
        trader: Trader::new(config, &plan.commands, plan.rate).map_err(RunError::NotStarted)?,
        loss: feed.receive_loss(),
        feed,
        is_open: plan.opening.is_none(),
        fills_seen: 0,
        said: (0, 0, 0),
        progress,
    };
    run.trade().map_err(RunError::BrokeDown)?;
    run.await_reports().map_err(RunError::BrokeDown)?;
    Ok((run.trader.finish(), run.feed))
}

/// Works until the venue takes orders, the consumer knows every instrument, and the auction that is
/// to come in the course of the run has been called.
fn await_ready(
    config: &Config,
    plan: &Plan,
    stop: &StopFlag,
    appliance: &Appliance,
    feed: &mut Feed,
    clock: &Clock,
) -> Result<(), RunError> {
    let deadline = clock.mono_ns() + READY_MAX.as_nanos() as u64;
    let mut idler = Idler::new(idle(config));
    let is_called = |feed: &Feed| {
        plan.opening.is_none_or(|opening| {
            let status = feed.consumer().status(opening.instrument);
            status.is_some_and(|(state, _)| state != TradingState::PreOpen)
        })
    };
    while !(appliance.is_ready() && feed.consumer().is_live() && is_called(feed)) {
        if appliance.is_finished() {
            return Err(RunError::BrokeDown("the roles ended".to_owned()));
        }
        let now = clock.mono_ns();
        let work = feed.do_work(now).unwrap_or(0);
        if stop.is_stopped() {
            let text = "interrupted before the venue was ready";
            return Err(RunError::BrokeDown(text.to_owned()));
        }
        if now > deadline {
            let text = format!("the venue was not ready within {READY_MAX:?}");
            return Err(RunError::NotStarted(text));
        }
        idler.idle(work);
    }
    Ok(())
}

impl Run<'_> {
    /// One duty cycle of client and consumer.
    fn cycle(&mut self) -> Result<usize, String> {
        if self.appliance.is_finished() {
            return Err("the roles ended".to_owned());
        }
        let now = self.clock.mono_ns();
        let mut work = self.trader.poll(&self.clock);
        // A lost feed is for the verdict: the books are then not what they should be.
        work += self.feed.do_work(now).unwrap_or(0);
        if self.progress && now.saturating_sub(self.said.0) >= PROGRESS_INTERVAL.as_nanos() as u64 {
            self.say_progress(now);
        }
        Ok(work)
    }

    /// Looks whether the instrument that opens trades by now, and gives up waiting for one of which
    /// nothing is heard.
    fn watch_opening(&mut self, now: u64) {
        let Some(opening) = self.plan.opening.filter(|_| !self.is_open) else { return };
        let status = self.feed.consumer().status(opening.instrument);
        let is_told = status.is_some_and(|(state, _)| state == TradingState::Continuous);
        // Before, nothing trades. A fill is known even while the feed has a gap.
        let fills = &self.trader.fills()[self.fills_seen..];
        let has_traded = fills.iter().any(|fill| fill.instrument == opening.instrument);
        self.fills_seen += fills.len();
        let late_ns = now.saturating_sub(self.trader.started_ns() + opening.uncross_after_ns());
        let is_given_up = late_ns > OPENING_LATE_MAX.as_nanos() as u64;
        self.is_open = is_told || has_traded || is_given_up;
    }

    /// Sends every command at its time, and works until each is answered. What has no answer when
    /// nothing moves any more is lost; the verdict says so.
    fn trade(&mut self) -> Result<(), String> {
        let total = self.plan.commands.len();
        let loss_from = (self.plan.md_loss_from * total as f64) as usize;
        let mut idler = Idler::new(idle(self.config));
        let now = self.clock.mono_ns();
        self.trader.start(now);
        self.said.0 = now;
        loop {
            let now = self.clock.mono_ns();
            if let Some(loss) = self.loss.take_if(|_| self.trader.sent() >= loss_from) {
                loss.set(self.plan.md_loss).map_err(|error| format!("--md-loss: {error}"))?;
            }
            self.watch_opening(now);
            let before_loss = if self.loss.is_some() { loss_from } else { total };
            let before_opening = match self.plan.opening {
                Some(opening) if !self.is_open => opening.opens_at.min(total),
                _ => total,
            };
            let end = if self.stop.is_stopped() { 0 } else { before_loss.min(before_opening) };
            self.trader.submit_due(now, end)?;
            let work = self.cycle()?;
            // A short run is over before its auction: that is awaited.
            let is_whole = end == total && self.is_open;
            let all_sent = self.trader.sent() >= end && (is_whole || self.stop.is_stopped());
            if all_sent && self.trader.is_settled() {
                return Ok(());
            }
            if self.trader.silent_ns(now) > self.silence_max_ns() {
                return Ok(());
            }
            idler.idle(work);
        }
    }

    /// Works until consumer and client have everything that the engine said, or nothing more comes.
    fn await_reports(&mut self) -> Result<(), String> {
        let mut idler = Idler::new(idle(self.config));
        let begun = self.clock.mono_ns();
        let mut moved = (self.feed.consumer().event_seq(), begun);
        loop {
            let (consumer, said) = (self.feed.consumer(), self.appliance.event_seq());
            if consumer.is_live()
                && consumer.event_seq() >= said
                && self.appliance.reported() >= said
            {
                // The last reports wait in the client's socket.
                while self.trader.poll(&self.clock) > 0 {}
                return Ok(());
            }
            let (event_seq, now) = (consumer.event_seq(), self.clock.mono_ns());
            if event_seq != moved.0 {
                moved = (event_seq, now);
            }
            let silent_ns = now.saturating_sub(moved.1);
            let over = now.saturating_sub(begun) > SETTLE_MAX.as_nanos() as u64;
            if over || silent_ns > self.silence_max_ns() {
                return Ok(());
            }
            let work = self.cycle()?;
            idler.idle(work);
        }
    }

    /// How long nothing may move, ns, before the wait for more is over.
    fn silence_max_ns(&self) -> u64 {
        let stopped = self.stop.is_stopped();
        let max = if stopped { SILENCE_MAX_INTERRUPTED } else { SILENCE_MAX };
        max.as_nanos() as u64
    }

    fn say_progress(&mut self, now: u64) {
        let answered = self.trader.answered();
        let seconds = now.saturating_sub(self.said.0) as f64 / 1e9;
        let trades = self.feed.consumer().counters().trades;
        let rate = (answered - self.said.1) as f64 / seconds;
        let trade_rate = (trades - self.said.2) as f64 / seconds;
        self.said = (now, answered, trades);
        let total = self.plan.commands.len();
        let tops: Vec<String> =
            self.config.instrument_list.iter().take(2).map(|i| self.top(i)).collect();
        let tops = tops.join("   ");
        eprintln!(
            "{answered:>9} of {total}  {rate:>8.0} orders/s  {trade_rate:>7.0} trades/s   {tops}"
        );
    }

    /// The touch of an instrument, as the consumer sees it.
    fn top(&self, instrument: &Instrument) -> String {
        let best = |side| {
            let level = self.feed.consumer().book(instrument.id)?.levels(side).next()?;
            let price = instrument.price_decimal(level.price);
            let qty = instrument.qty_decimal(level.qty);
            Some(match side {
                Side::Buy => format!("{qty} x {price}"),
                Side::Sell => format!("{price} x {qty}"),
            })
        };
        let side = |side| best(side).unwrap_or_else(|| "-".to_owned());
        format!("{} {} | {}", instrument.symbol, side(Side::Buy), side(Side::Sell))
    }
}

fn conclude(
    config: &Config,
    plan: &Plan,
    appliance: Appliance,
    traded: Traded,
    mut feed: Feed,
) -> Result<Outcome, RunError> {
    let engine = appliance.finish()?;
    let prints = feed.consumer_mut().take_prints();
    let told = Told {
        commands: &plan.commands,
        answers: &traded.answers,
        fills: &traded.fills,
        prints: &prints,
        prints_complete: saw_all(feed.consumer()),
        cancelled: traded.cancelled,
        replaced: traded.replaced,
        moved: traded.moved,
        engine: &engine,
    };
    let mut trades: Vec<u64> = traded.fills.iter().map(|fill| fill.trade_id).collect();
    trades.extend(prints.iter().map(|print| print.trade_id.get()));
    trades.sort_unstable();
    trades.dedup();
    let (model, exercised) = verify::against_model(config, &told);
    Ok(Outcome {
        trades: trades.len() as u64,
        books: verify::books(&engine, feed.consumer()),
        model,
        exercised,
        consumer_datapath: feed.datapath(),
        datapath: engine.datapath,
        md_datagrams: feed.consumer().counters().datagrams,
        unsent: (plan.commands.len() - traded.sent) as u64,
        summaries: engine.summaries,
        traded,
    })
}

/// True when each book was loaded once, before trading began, and followed without a gap since: then
/// every trade must have been printed to this consumer.
fn saw_all(consumer: &Consumer) -> bool {
    let counters = consumer.counters();
    consumer.is_live()
        && counters.gaps == 0
        && counters.snapshots == consumer.instruments().count() as u64
}
