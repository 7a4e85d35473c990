//! `vesta top`: the counters of a running venue, live, on a terminal.

use super::inspect::CountersArgs;
use super::{Context, Failure, Verdict};
use clap::Args;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io::{self, IsTerminal};
use std::time::Duration;
use vesta_netio::{Clock, StopFlag};
use vesta_tools::watch::{Controls, Grids, Key, draw};

#[derive(Debug, Args)]
pub struct TopArgs {
    #[command(flatten)]
    counters: CountersArgs,

    /// Milliseconds from one look to the next, 50 to 60000
    #[arg(long, value_name = "MS", default_value_t = 500,
          value_parser = clap::value_parser!(u64).range(50..=60_000))]
    interval_ms: u64,
}

/// Longest wait for a key: how long a signal is not noticed at most.
const KEY_WAIT_MAX: Duration = Duration::from_millis(100);

pub fn top(context: &Context, args: &TopArgs) -> Result<Verdict, Failure> {
    if !io::stdout().is_terminal() {
        return Err(Failure::CannotStart(
            "stdout is no terminal, which `vesta top` draws on; `vesta inspect counters` prints the \
             same once"
                .to_owned(),
        ));
    }
    // Before the terminal is touched: what can not be read is said on a screen that is whole.
    args.counters.look(context, &Clock::new())?;
    let stop = StopFlag::on_signals()
        .map_err(|error| Failure::CannotStart(format!("no signal handlers: {error}")))?;
    // It installs a panic hook that gives the terminal back, too.
    let mut terminal = ratatui::try_init()
        .map_err(|error| Failure::CannotStart(format!("the terminal can not be used: {error}")))?;
    let outcome = watch(context, args, &stop, &mut terminal);
    ratatui::restore();
    outcome.map(|()| Verdict::Holds)
}

fn watch(
    context: &Context,
    args: &TopArgs,
    stop: &StopFlag,
    terminal: &mut DefaultTerminal,
) -> Result<(), Failure> {
    let clock = Clock::new();
    let broken = |error: io::Error| Failure::BrokeDown(format!("the terminal: {error}"));
    let interval_ns = args.interval_ms * 1_000_000;
    let mut before = args.counters.look(context, &clock)?;
    let mut now = before.clone();
    let mut grids = Grids::of(&now, &before);
    let mut controls = Controls::default();
    let mut due_ns = clock.mono_ns() + interval_ns;
    while !stop.is_stopped() {
        terminal.draw(|frame| draw(frame, &now, &grids, &controls)).map_err(broken)?;
        let left = Duration::from_nanos(due_ns.saturating_sub(clock.mono_ns()));
        if event::poll(left.min(KEY_WAIT_MAX)).map_err(broken)?
            && let Event::Key(pressed) = event::read().map_err(broken)?
            && let Some(key) = key(pressed)
            && !controls.press(key, &grids)
        {
            break;
        }
        if clock.mono_ns() >= due_ns {
            due_ns = clock.mono_ns() + interval_ns;
            if !controls.paused {
                before = std::mem::replace(&mut now, args.counters.look(context, &clock)?);
                grids = Grids::of(&now, &before);
            }
        }
    }
    Ok(())
}

/// What a key means here.
fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    Some(match pressed.code {
        // In raw mode Ctrl-C is a key and no signal.
        KeyCode::Char('c') if pressed.modifiers.contains(KeyModifiers::CONTROL) => Key::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right | KeyCode::Char('s') => Key::Right,
        KeyCode::Char('r') => Key::Reverse,
        KeyCode::Tab => Key::Next,
        KeyCode::Char('p' | ' ') => Key::Pause,
        _ => return None,
    })
}
