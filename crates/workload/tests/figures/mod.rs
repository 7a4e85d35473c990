//! What a workload looks like to somebody who records the venue, as LOBSTER does: measured by the
//! matching core, not by the generator.

use vesta_matching::{EventSink, Matcher};
use vesta_types::{Command, Event, OrderId, PriceTicks, Side, TimeNs};
use vesta_workload::{CAPACITY, Class, INSTRUMENT, Note, Workload};

/// Percentiles 10, 50, 90 and 99.
pub type Percentiles = [u64; 4];

/// What was seen.
#[derive(Debug, Default)]
pub struct Figures {
    /// Share of each class of command, in percent: new, taker, cancel, replace.
    pub classes: [f64; 4],
    /// Share of messages that a recording would show as adds, deletes and executions, in percent.
    pub recorded: [f64; 3],
    /// Ticks between the touches, before each command.
    pub spread: Percentiles,
    /// Ticks from one of the best ten levels of a side to the next.
    pub level_gap: Percentiles,
    /// The mean of those.
    pub level_gap_mean: f64,
    /// Ticks that the best ask moves, when it does.
    pub ask_move: Percentiles,
    /// Lots of an added order.
    pub add_size: Percentiles,
    /// Messages from an order's add to its end.
    pub life: Percentiles,
    /// Share of aggressors that trade once, twice, three times and more, in percent of those that
    /// trade.
    pub fills: [f64; 4],
    /// The most orders that rest.
    pub resting_max: u32,
    /// Levels of a side, at the most, of those that were looked at.
    pub level_count_max: usize,
    /// Lowest and highest best bid.
    pub bids: (i64, i64),
    /// Commands that were refused.
    pub rejected: u64,
    /// Commands in which the best bid fell from 90 % of its highest to 50 %, at its slowest; 0 when
    /// it never did.
    pub fall_commands: usize,
}

#[derive(Default)]
struct Seen {
    fills: u16,
    rejected: bool,
    added: Option<(OrderId, u64)>,
    gone: Vec<OrderId>,
}

impl EventSink for Seen {
    fn event(&mut self, event: Event) {
        match event {
            Event::Rejected(_) => self.rejected = true,
            Event::Rested(rested) => self.added = Some((rested.order_id, rested.qty.0)),
            Event::Cancelled(gone) => self.gone.push(gone.order_id),
            Event::Executed(fill) => {
                self.fills += 1;
                if fill.maker.leaves.is_zero() {
                    self.gone.push(fill.maker.order_id);
                }
            }
            Event::Replaced(replaced) => self.gone.push(replaced.order_id),
            _ => {}
        }
    }
}

fn percentiles(values: &mut [u64]) -> Percentiles {
    values.sort_unstable();
    [10, 50, 90, 99].map(|p| values.get(values.len() * p / 100).copied().unwrap_or_default())
}

fn percent(part: usize, of: usize) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

impl Figures {
    /// Runs a workload.
    ///
    /// # Panics
    /// When a note is wrong.
    pub fn of(workload: &Workload) -> Self {
        let mut matcher = Matcher::new(CAPACITY);
        matcher.define(INSTRUMENT, workload.rules).expect("good rules");
        for (session, open_order_max) in workload.sessions() {
            matcher.define_session(session, open_order_max).expect("room for it");
        }
        let mut figures = Self { bids: (i64::MAX, 0), ..Self::default() };
        let mut born: Vec<Option<u64>> = vec![None; workload.commands.len() + 2];
        let (mut spreads, mut gaps, mut moves) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sizes, mut lives) = (Vec::new(), Vec::new());
        let mut fills = [0_usize; 4];
        let (mut classes, mut recorded) = ([0_usize; 4], [0_usize; 3]);
        let (mut ask_before, mut high_at) = (None, None);
        // A recorder counts adds, deletes and executions; lives are in those.
        let mut message = 0_u64;
        for (at, (command, note)) in workload.commands.iter().zip(&workload.notes).enumerate() {
            matcher.advance_to(TimeNs(at as u64 + 1), &mut Vec::new());
            let mut seen = Seen::default();
            matcher.apply(command, &mut seen);
            check(at, command, note, &seen);
            classes[note.class as usize] += 1;
            figures.rejected += u64::from(seen.rejected);
            let is_ioc = matches!(command, Command::New(new)
                if new.time_in_force == vesta_types::TimeInForce::Ioc);
            recorded[2] += usize::from(seen.fills);
            message += u64::from(seen.fills);
            if seen.fills > 0 {
                fills[usize::from(seen.fills.min(4)) - 1] += 1;
            }
            if matches!(note.class, Class::Cancel | Class::Replace) && !seen.rejected {
                recorded[1] += 1;
                message += 1;
            }
            for id in seen.gone {
                if let Some(then) = born[id.0 as usize].take() {
                    lives.push(message - then);
                }
            }
            if let (Some((id, qty)), false) = (seen.added, is_ioc) {
                recorded[0] += 1;
                message += 1;
                sizes.push(qty);
                born[id.0 as usize] = Some(message);
            }
            figures.resting_max = figures.resting_max.max(matcher.order_count());
            // Its first twentieth is the opening of the book.
            if at < workload.commands.len() / 20 {
                continue;
            }
            let best = |side| matcher.best(INSTRUMENT, side).map(|level| level.price.0);
            let (bid, ask) = (best(Side::Buy), best(Side::Sell));
            if let (Some(bid), Some(ask)) = (bid, ask) {
                spreads.push(ask.abs_diff(bid));
                figures.bids = (figures.bids.0.min(bid), figures.bids.1.max(bid));
                if bid * 10 >= figures.bids.1 * 9 {
                    high_at = Some(at);
                } else if bid * 2 <= figures.bids.1
                    && let Some(high_at) = high_at.take()
                {
                    figures.fall_commands = figures.fall_commands.max(at - high_at);
                }
                if let Some(before) = ask_before.replace(ask).filter(|before| *before != ask) {
                    moves.push(ask.abs_diff(before));
                }
            }
            if at % 1_001 == 0 {
                for side in Side::BOTH {
                    let prices: Vec<PriceTicks> =
                        matcher.levels(INSTRUMENT, side).map(|level| level.price).collect();
                    figures.level_count_max = figures.level_count_max.max(prices.len());
                    let near = prices.windows(2).take(10);
                    gaps.extend(near.map(|pair| pair[0].0.abs_diff(pair[1].0)));
                }
            }
        }
        figures.classes = classes.map(|n| percent(n, workload.commands.len()));
        figures.recorded = recorded.map(|n| percent(n, message as usize));
        figures.fills = fills.map(|n| percent(n, fills.iter().sum()));
        figures.spread = percentiles(&mut spreads);
        figures.level_gap_mean = gaps.iter().sum::<u64>() as f64 / gaps.len().max(1) as f64;
        figures.level_gap = percentiles(&mut gaps);
        figures.ask_move = percentiles(&mut moves);
        figures.add_size = percentiles(&mut sizes);
        figures.life = percentiles(&mut lives);
        matcher.check_invariants();
        figures
    }
}

/// The note of a command is a prediction.
fn check(at: usize, command: &Command, note: &Note, seen: &Seen) {
    assert_eq!(seen.fills, note.fills, "fills of command {at}: {command:?}");
    // Nothing is refused but a cancel that comes too late.
    assert!(!seen.rejected || note.class == Class::Cancel, "command {at}: {command:?}");
    if let Some((id, _)) = seen.added {
        assert_eq!(id.0, u64::from(note.order), "command {at}: {command:?}");
    }
    if note.class == Class::New {
        assert!(seen.added.is_some() && seen.fills == 0, "command {at}: {command:?}");
    }
}
