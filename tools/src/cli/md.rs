//! `vesta md`: a consumer as a process of its own; and `vesta md relay`.

use super::md_relay::{RelayArgs, relay};
use super::{Context, Failure, Verdict};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::time::Duration;
use vesta_config::{Config, Instrument, Mode};
use vesta_netio::{Clock, Idler, StopFlag};
use vesta_runner::idle;
use vesta_tools::appliance::RunError;
use vesta_tools::consumer::Consumer;
use vesta_tools::feed::{Feed, FeedStop, Source};
use vesta_types::Side;
use vesta_types::state_hash::hash_words;

/// Between two lines of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Books that are not live for this long are worth a word, and not before: a consumer that joins waits
/// for a snapshot, `md_publisher.snapshot_interval_ms` at most.
const SILENT_MAX: Duration = Duration::from_millis(2_500);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MdArgs {
    #[command(subcommand)]
    command: Option<MdCommand>,

    /// Levels of each side to show
    #[arg(long, default_value_t = 5, value_name = "N")]
    depth: usize,

    /// End once the books reflect this event of the venue (Ctrl-C ends it at any time)
    #[arg(long, value_name = "EVENT_SEQ")]
    until_event: Option<u64>,

    /// Receive from the relay on this host (`vesta md relay`), and go on when it goes and comes back
    #[arg(long, value_name = "ADDRESS")]
    relay: Option<Ipv4Addr>,
}

#[derive(Debug, Subcommand)]
enum MdCommand {
    /// Pass market data on to consumers of this host or network whom multicast does not reach
    Relay(RelayArgs),
}

pub fn md(context: &Context, args: &MdArgs) -> Result<Verdict, Failure> {
    if let Some(MdCommand::Relay(args)) = &args.command {
        return relay(context, args);
    }
    let mut config = context.config.clone();
    let source = match args.relay {
        Some(address) => {
            config.md_relay.address = address;
            Source::Relay
        }
        None => Source::Publisher,
    };
    let config = &config;
    let stop = StopFlag::on_signals().map_err(|e| Failure::CannotStart(e.to_string()))?;
    let mut feed = Feed::join(config, "consumer", source, false)
        .map_err(|e| RunError::not_started(config, e))?;
    let ended = follow(config, args, source, &stop, &mut feed);
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
    source: Source,
    stop: &StopFlag,
    feed: &mut Feed,
) -> Result<(), FeedStop> {
    let clock = Clock::new();
    let mut idler = Idler::new(idle(config));
    let (mut live, mut said_ns) = (false, 0);
    // Since when the books are not live, and whether that was said.
    let (mut stale_ns, mut is_told) = (0, false);
    while !stop.is_stopped() {
        let now = clock.mono_ns();
        let work = feed.do_work(now)?;
        let consumer = feed.consumer();
        if live != consumer.is_live() {
            live = consumer.is_live();
            let state = if live { "live" } else { "STALE" };
            eprintln!("vesta md: books are {state} at event {}", consumer.event_seq());
            (stale_ns, is_told) = (now, false);
        }
        if !live && !is_told && now.saturating_sub(stale_ns) >= SILENT_MAX.as_nanos() as u64 {
            is_told = true;
            eprintln!("vesta md: {}", waits_for(config, source, consumer));
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

/// Why there are no books yet, and what can be done about it.
fn waits_for(config: &Config, source: Source, consumer: &Consumer) -> String {
    let streams = &config.streams;
    let heard = consumer.counters();
    if heard.datagrams > 0 {
        return format!(
            "market data comes, and no whole books yet ({} snapshots, {} gaps): they come every \
             md_publisher.snapshot_interval_ms = {} on stream {}",
            heard.snapshots,
            heard.gaps,
            config.md_publisher.snapshot_interval_ms,
            streams.snapshots.id
        );
    }
    let stream = streams.market_data.id;
    let place = match (source, config.transport.mode) {
        (Source::Relay, _) => format!(
            "a relay at {} (`vesta md relay` there; ports of [md_relay] open both ways)",
            config.md_relay.market_data()
        ),
        (Source::Publisher, Mode::Multicast) => format!(
            "a md-publisher in the group {} on the interface {} (streams.market_data.group, \
             transport.interface: the same there and here; the network must carry multicast)",
            streams.market_data.group, config.transport.interface
        ),
        (Source::Publisher, Mode::Mdc) => format!(
            "a md-publisher that takes its readers at {} (streams.market_data.control: an address of \
             its host)",
            streams.market_data.control
        ),
    };
    format!("nothing heard on stream {stream}: waits for {place}. Ctrl-C ends it")
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
