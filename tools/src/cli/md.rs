//! `vesta md`: a consumer as a process of its own.

use super::{Context, Failure, Verdict};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;
use vesta_config::{Config, Instrument};
use vesta_netio::{Clock, Idler, StopFlag};
use vesta_runner::idle;
use vesta_tools::appliance::RunError;
use vesta_tools::consumer::Consumer;
use vesta_tools::feed::{Feed, FeedStop};
use vesta_types::Side;
use vesta_types::state_hash::hash_words;

/// Between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct MdArgs {
    /// Levels of each side to show
    #[arg(long, default_value_t = 5, value_name = "N")]
    depth: usize,

    /// End once the books reflect this event of the venue (Ctrl-C ends it at any time)
    #[arg(long, value_name = "EVENT_SEQ")]
    until_event: Option<u64>,
}

pub fn md(context: &Context, args: &MdArgs) -> Result<Verdict, Failure> {
    let config = &context.config;
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let mut feed =
        Feed::join(config, "consumer", false).map_err(|e| RunError::not_started(config, e))?;
    let ended = follow(config, args, &stop, &mut feed);
    print_books(context, args, feed.consumer());
    match ended {
        Ok(()) => Ok(Verdict::Holds),
        Err(reason) => Err(Failure::BrokeDown(format!("md: {reason}"))),
    }
}

/// Follows the feed until it is told to end, or the feed is lost.
fn follow(
    config: &Config,
    args: &MdArgs,
    stop: &StopFlag,
    feed: &mut Feed,
) -> Result<(), FeedStop> {
    let clock = Clock::new();
    let mut idler = Idler::new(idle(config));
    let (mut live, mut said_ns) = (false, 0);
    while !stop.is_stopped() {
        let now = clock.mono_ns();
        let work = feed.do_work(now)?;
        let consumer = feed.consumer();
        if live != consumer.is_live() {
            live = consumer.is_live();
            let state = if live { "live" } else { "STALE" };
            eprintln!("vesta md: books are {state} at event {}", consumer.event_seq());
        }
        if live && args.until_event.is_some_and(|event| consumer.event_seq() >= event) {
            return Ok(());
        }
        if live && now.saturating_sub(said_ns) >= PROGRESS_INTERVAL.as_nanos() as u64 {
            said_ns = now;
            let tops: Vec<_> = config.instrument_list.iter().map(|i| top(i, consumer)).collect();
            eprintln!("event {}  {}", consumer.event_seq(), tops.join("  "));
        }
        idler.idle(work);
    }
    Ok(())
}

fn top(instrument: &Instrument, consumer: &Consumer) -> String {
    let best = |side| {
        let level = consumer.book(instrument.id)?.levels(side).next()?;
        Some(instrument.price_decimal(level.price).to_string())
    };
    let text = |side| best(side).unwrap_or_else(|| "-".to_owned());
    format!("{} {} | {}", instrument.symbol, text(Side::Buy), text(Side::Sell))
}

/// What an instrument does just now, and what an auction that is called would do.
fn state(instrument: &Instrument, consumer: &Consumer) -> String {
    let Some((state, auction)) = consumer.status(instrument.id) else {
        return "unknown state".to_owned();
    };
    let auction = auction.map_or(String::new(), |auction| format!(" ({auction})"));
    let told = consumer.indicative(instrument.id).map_or(String::new(), |told| {
        let (price, qty) = (instrument.price_decimal(told.price), instrument.qty_decimal(told.qty));
        format!(", indicative {qty} at {price}")
    });
    format!("{state}{auction}{told}")
}

fn print_books(context: &Context, args: &MdArgs, consumer: &Consumer) {
    if context.json {
        println!("{}", books_json(&context.config, consumer, args.depth));
        return;
    }
    for instrument in &context.config.instrument_list {
        println!("{}  {}", instrument.symbol, state(instrument, consumer));
        for side in [Side::Sell, Side::Buy] {
            let mut levels: Vec<_> = consumer
                .book(instrument.id)
                .into_iter()
                .flat_map(|book| book.levels(side))
                .take(args.depth)
                .collect();
            if side == Side::Sell {
                levels.reverse();
            }
            for level in levels {
                println!(
                    "  {:4} {:>16} {:>16}  {} orders",
                    if side == Side::Sell { "ask" } else { "bid" },
                    instrument.price_decimal(level.price),
                    instrument.qty_decimal(level.qty),
                    level.order_count
                );
            }
        }
    }
}

/// The books in ticks and lots, with a hash of every order in its place, so that two consumers can
/// be compared by one line each.
fn books_json(config: &Config, consumer: &Consumer, depth: usize) -> Value {
    let books: Vec<Value> = config
        .instrument_list
        .iter()
        .map(|instrument| {
            let book = consumer.book(instrument.id);
            let levels = |side| -> Vec<Value> {
                book.into_iter()
                    .flat_map(|book| book.levels(side))
                    .take(depth)
                    .map(|level| json!([level.price.0, level.qty.0, level.order_count]))
                    .collect()
            };
            let words: Vec<u64> = Side::BOTH
                .into_iter()
                .flat_map(|side| book.into_iter().flat_map(move |book| book.orders(side)))
                .flat_map(|o| [o.order_id.0, o.side as u64, o.price.0 as u64, o.qty.0])
                .collect();
            json!({
                "id": instrument.id.0,
                "symbol": instrument.symbol,
                "state": consumer.status(instrument.id).map(|(state, _)| state.name()),
                "orders": book.map_or(0, |book| book.order_count()),
                "hash": format!("{:016x}", hash_words(&words)),
                "bids": levels(Side::Buy),
                "asks": levels(Side::Sell),
            })
        })
        .collect();
    let counters = consumer.counters();
    json!({
        "live": consumer.is_live(),
        "event_seq": consumer.event_seq(),
        "trades": counters.trades,
        "gaps": counters.gaps,
        "snapshots": counters.snapshots,
        "md_datagrams": counters.datagrams,
        "books": books,
    })
}
