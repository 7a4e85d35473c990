//! Holds the recorded flow to made-up rows, and shows what it makes of the real file.

use super::*;
use crate::flow::model;
use std::path::PathBuf;
use vesta_replay::lobster::Messages;
use vesta_types::{
    Capacity, ClientOrderId, Command, Event, InstrumentId, InstrumentRules, OrderRef, PriceTicks,
    QtyLots, SessionId, Side, TimeInForce,
};

const INSTRUMENT: InstrumentId = InstrumentId(9);

fn settings(rows: &str, is_loop: bool) -> LobsterSettings {
    LobsterSettings {
        messages: Messages::new(rows.as_bytes()).collect::<Result<_, _>>().expect("rows"),
        instrument: INSTRUMENT,
        rules: InstrumentRules::new(PriceTicks(1_000_000), QtyLots(100_000)),
        tick_e4: 100,
        sessions: vec![SessionId(1), SessionId(2)],
        capacity: Capacity {
            order_count_max: 65_536,
            level_count_max: 4_096,
            instrument_count_max: 1,
            session_count_max: 2,
        },
        is_loop,
    }
}

/// The commands as one line each: session, what, client order id, price, quantity.
fn told(commands: impl Iterator<Item = Command>) -> Vec<String> {
    let name = |target| match target {
        OrderRef::Client(ClientOrderId(id)) => id,
        OrderRef::Order(_) => panic!("named by the engine's id"),
    };
    commands
        .map(|command| {
            let session = command.session();
            match command {
                Command::New(new) => {
                    let side = if new.side == Side::Buy { "buy" } else { "sell" };
                    let ioc = if new.time_in_force == TimeInForce::Ioc { " ioc" } else { "" };
                    let id = new.client_order_id;
                    format!("{session} {side}{ioc} {id} {} x {}", new.price, new.qty)
                }
                Command::Cancel(c) => format!("{session} cancel {}", name(c.target)),
                Command::Replace(r) => {
                    format!("{session} replace {} {} x {}", name(r.target), r.price, r.qty)
                }
                Command::MassCancel(_) => format!("{session} mass cancel"),
                Command::Kill(_) | Command::SetState(_) => panic!("the operator's"),
            }
        })
        .collect()
}

const ROWS: &str = "\
34200.1,1,501,100,1000000,1
34200.2,1,502,50,1010000,-1
34200.3,2,501,40,1000000,1
34200.4,4,501,20,1000000,1
34200.5,3,502,50,1010000,-1
34200.6,3,777,10,1020000,-1
34200.7,4,778,10,1030000,-1
34200.8,5,0,10,1005000,-1
34200.9,7,0,0,-1,-1
34201.0,1,503,10,1000050,1
34201.1,1,504,10,990000,1
";

#[test]
fn rows_become_commands_or_are_counted() {
    let mut flow = LobsterFlow::new(settings(ROWS, false)).expect("a flow");
    assert_eq!(
        told(flow.by_ref()),
        [
            "2 buy 1 10000 x 100",
            "1 sell 1 10100 x 50",
            "2 replace 1 10000 x 60",
            "2 sell ioc 2 10000 x 20",
            "1 cancel 1",
            "1 buy 2 9900 x 10",
        ]
    );
    assert_eq!(
        flow.skipped(),
        Skipped { unknown_order: 1, nothing_to_trade: 1, no_order: 2, unfit: 1 }
    );
    assert_eq!(flow.next(), None);
}

#[test]
fn a_loop_starts_again_on_an_empty_book_with_new_ids() {
    let flow = LobsterFlow::new(settings(ROWS, true)).expect("a flow");
    assert_eq!(
        told(flow.take(16))[6..],
        [
            "2 mass cancel",
            "1 mass cancel",
            "2 buy 3 10000 x 100",
            "1 sell 3 10100 x 50",
            "2 replace 3 10000 x 60",
            "2 sell ioc 4 10000 x 20",
            "1 cancel 3",
            "1 buy 4 9900 x 10",
            "2 mass cancel",
            "1 mass cancel",
        ]
    );
}

#[test]
fn a_loop_over_nothing_ends() {
    let mut flow = LobsterFlow::new(settings("34200.1,7,0,0,-1,-1\n", true)).expect("a flow");
    assert_eq!(flow.next(), None);
}

#[test]
fn settings_that_can_not_be_are_named() {
    let fault = |change: &dyn Fn(&mut LobsterSettings)| {
        let mut settings = settings(ROWS, false);
        change(&mut settings);
        LobsterFlow::new(settings).expect_err("no flow")
    };
    assert_eq!(fault(&|s| s.tick_e4 = 0), FlowError::TickSize(0));
    assert_eq!(fault(&|s| s.sessions.clear()), FlowError::NoSession);
    assert!(matches!(
        fault(&|s| s.rules.qty_max = QtyLots::ZERO),
        FlowError::Instrument { id: INSTRUMENT, .. }
    ));
}

/// The recording, which is not ours to give on, as text; says SKIP where it is absent.
fn real_rows(test: &str) -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder =
        std::env::var_os("VESTA_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let rows = std::fs::read_to_string(folder.join("lobster/AAPL_level10_message.csv")).ok();
    if rows.is_none() {
        println!("SKIP {test}: no real order flow in {}", folder.display());
    }
    rows
}

#[test]
fn real_data_trades_and_nothing_is_rejected() {
    let Some(rows) = real_rows("real_data_trades_and_nothing_is_rejected") else { return };
    for (is_loop, count) in [(false, usize::MAX), (true, 10_000)] {
        let settings = settings(&rows, is_loop);
        let mut model = model(settings.capacity, &settings.sessions).expect("a model");
        model.define(INSTRUMENT, settings.rules).expect("an instrument");
        let mut flow = LobsterFlow::new(settings).expect("a flow");
        let (mut commands, mut rejects, mut executions) = (0_u64, 0_u64, 0_u64);
        for command in flow.by_ref().take(count) {
            let mut events = Vec::new();
            model.apply(&command, &mut events);
            commands += 1;
            for event in events {
                rejects += u64::from(matches!(event, Event::Rejected(_)));
                executions += u64::from(matches!(event, Event::Executed(_)));
            }
        }
        let skipped = flow.skipped();
        println!("{commands} commands, {executions} executions, {skipped:?}");
        assert_eq!(rejects, 0);
        assert!(executions * 100 >= commands * 9, "{executions} executions");
        assert_eq!(skipped.unfit, 0);
        if !is_loop {
            assert!((900..=999).contains(&commands), "{commands} commands of 999 rows");
        }
    }
}
