//! What a file turns into, and what its owner reads when it does not.

use crate::*;
use std::path::Path;
use vesta_types::{
    AccountId, AuctionKind, BandAction, HiddenPriority, IcebergRefresh, InstrumentId,
    InstrumentRules, PriceTicks, QtyLots, ReplaceShrink, SelfTrade, SelfTradeDecides, SessionId,
    StopTrigger, StpGroup, TickStep, TradingState,
};

fn parse(text: &str) -> Config {
    Config::parse(text, "my.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> String {
    Config::parse(text, "my.toml").expect_err(text).to_string()
}

/// The one instrument, with a key replaced.
fn instrument(key: &str, value: &str) -> String {
    let keys = [
        ("id", "1"),
        ("symbol", "\"A\""),
        ("tick_size", "\"0.01\""),
        ("lot_size", "\"0.1\""),
        ("price_max", "\"1000\""),
        ("qty_max", "\"1000\""),
    ];
    keys.iter().fold("[[instrument]]\n".to_owned(), |text, (k, v)| {
        text + &format!("{k} = {}\n", if *k == key { value } else { v })
    })
}

fn gateway(id: u32, listen: &str, back: &str) -> String {
    format!(
        "[[gateway]]\nid = {id}\nlisten = \"{listen}\"\nback_endpoint = \"{back}\"\n\
         receive_buffer_bytes = 65536\n"
    )
}

#[test]
fn the_default_is_whole() {
    let config = Config::default();
    assert_eq!(config.shard_id(), ShardId(1));
    assert_eq!(config.epoch(), Epoch(1));
    assert_eq!(config.shard.commit_level.on_wire(), vesta_wire::CommitLevel::Received);
    assert_eq!(config.engine.event_readers_min, 2);
    assert_eq!(config.sessions.outcome_count(), 1280);
    assert_eq!(config.session_list.len(), 100);
    assert_eq!(config.sessions_of(GatewayId(1)).count(), 100);
    let btc = &config.instrument_list[0];
    assert_eq!((btc.id, btc.symbol.as_str()), (InstrumentId(1), "BTC-USD"));
    assert_eq!(btc.wire_symbol().as_str(), "BTC-USD");
    assert_eq!((btc.scale.tick_e8(), btc.scale.lot_e8()), (1_000_000, 10_000));
    let plain = InstrumentRules::new(PriceTicks(1_000_000_000), QtyLots(1_000_000_000));
    assert_eq!(btc.rules, plain, "every rule that may be left out is off");
    assert_eq!(config.sequencer.tick_interval_ms, 100);
    assert!(config.schedule.is_empty());
    let session = &config.session_list[0];
    assert_eq!(session.open_order_max, config.engine.order_count_max);
    assert_eq!(session.accounts[..], [0, 1001, 1002].map(AccountId));
    assert_eq!(session.stp_groups[..], [11, 12].map(StpGroup));
    assert_eq!(config.capacity().check(), Ok(()));
    assert_eq!(btc.price_decimal(PriceTicks(6_543_210)).to_string(), "65432.10");
    assert_eq!(btc.qty_decimal(QtyLots(15)).to_string(), "0.0015");
    for instrument in &config.instrument_list {
        // Neither of these may panic: they are the largest that the book lets through.
        let _ = instrument.scale.price_e8(instrument.rules.price_max);
        let _ = instrument.scale.qty_e8(instrument.rules.qty_max);
    }
}

#[test]
fn the_default_says_every_key_once() {
    // The manual and the printed configuration have the same keys, table by table.
    let manual: toml::Table = toml::from_str(DEFAULT_TOML).expect("the manual");
    let printed: toml::Table = toml::from_str(&Config::default().to_toml()).expect("the print");
    assert_eq!(keys("", &manual.into()), keys("", &printed.into()));
}

fn keys(path: &str, value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::Table(table) => {
            table.iter().flat_map(|(key, value)| keys(&format!("{path}.{key}"), value)).collect()
        }
        _ => vec![path.to_owned()],
    }
}

#[test]
fn every_key_of_the_manual_is_explained() {
    // Above the key, or by name in the comment that heads a list.
    let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        if key.starts_with('#') {
            continue;
        }
        let above = i > 0 && lines[i - 1].starts_with('#');
        let listed = lines[..i].iter().any(|l| l.starts_with(&format!("#   {key}  ")));
        let runs =
            ["first", "count"].contains(&key) && DEFAULT_TOML.contains("`first` and `count`");
        assert!(above || listed || runs, "{key} has no comment");
    }
}

#[test]
fn the_ports_of_a_relay_are_in_no_groups_way() {
    // Many shards have no relay: its default ports must not refuse a file that was good before there were relays.
    let relay = Config::default().md_relay.market_data().port();
    let text = format!("[streams.market_data]\ngroup = \"239.86.1.41:{relay}\"");
    assert_eq!(parse(&text).streams.market_data.group.port(), relay);
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse(""), Config::default());
    assert_eq!(Config::load(None).expect("the default"), Config::default());
}

#[test]
fn gaps_are_filled_and_lists_replaced() {
    let config = parse(
        &[
            "[engine]\norder_count_max = 1000\n[streams.event_log]\nid = 99\n",
            &instrument("symbol", "\"GOLD\""),
            &gateway(7, "127.0.0.1:25001", "127.0.0.1:25011"),
            "[[session]]\nid = 5\ngateway = 7\n[[session]]\nfirst = 2\ncount = 2\ngateway = 7\n",
        ]
        .concat(),
    );
    let default = Config::default();
    assert_eq!(config.engine.order_count_max, 1000);
    assert_eq!(config.engine.level_count_max, default.engine.level_count_max);
    assert_eq!(config.streams.event_log.id, 99);
    assert_eq!(config.streams.event_log.group, default.streams.event_log.group);
    assert_eq!(config.instrument_list.len(), 1);
    assert_eq!(config.instrument_list[0].symbol, "GOLD");
    assert_eq!(config.session_list.iter().map(|s| s.id.0).collect::<Vec<_>>(), [2, 3, 5]);
    assert!(config.session_list.iter().all(|s| s.gateway == GatewayId(7)));
}

/// The one instrument, with everything that may be said of it.
const EVERY_RULE: &str = r#"
[[instrument]]
id = 1
symbol = "A"
tick_size = "0.01"
lot_size = "0.1"
price_max = "1000"
qty_max = "1000"
notional_max = "5000.0005"
tick_steps = [{ from = "10", step = "0.05" }, { from = "100", step = "0.25" }]
reference_price = "50"
static_band = "7.5"
dynamic_band = "2"
dynamic_band_action = "interrupt"
market_protection = "0.50"
stop_cascade_max = 9
match_count_max = 65536
self_trade = "decrement"
self_trade_decides = "maker"
hidden_priority = "by_time"
replace_shrink = "loses_priority"
stop_trigger = "touch"
iceberg_refresh = "keeps_priority"
initial_state = "pre_open"
"#;

#[test]
fn every_rule_of_an_instrument_is_read() {
    let step = |from, ticks| TickStep { from: PriceTicks(from), ticks };
    let expected = InstrumentRules {
        price_max: PriceTicks(100_000),
        qty_max: QtyLots(10_000),
        notional_max: 5_000_000,
        tick_steps: [step(1_000, 5), step(10_000, 25), step(0, 0), step(0, 0)],
        reference_price: PriceTicks(5_000),
        static_band_ticks: 750,
        dynamic_band_ticks: 200,
        dynamic_band_action: BandAction::Interrupt,
        market_protection_ticks: 50,
        stop_cascade_max: 9,
        match_count_max: 65_536,
        self_trade: SelfTrade::Decrement,
        self_trade_decides: SelfTradeDecides::Maker,
        hidden_priority: HiddenPriority::ByTime,
        replace_shrink: ReplaceShrink::LosesPriority,
        stop_trigger: StopTrigger::Touch,
        iceberg_refresh: IcebergRefresh::KeepsPriority,
        initial_state: TradingState::PreOpen,
    };
    assert_eq!(parse(EVERY_RULE).instrument_list[0].rules, expected);
    assert_eq!(expected.check(), Ok(()));
}

#[test]
fn zero_turns_a_rule_off() {
    for key in
        ["notional_max", "reference_price", "static_band", "dynamic_band", "market_protection"]
    {
        for zero in ["0", "0.00", "-0"] {
            let text = format!("{}{key} = \"{zero}\"\n", instrument("id", "1"));
            let expected = InstrumentRules::new(PriceTicks(100_000), QtyLots(10_000));
            assert_eq!(parse(&text).instrument_list[0].rules, expected, "{key} = {zero}");
        }
    }
}

#[test]
fn every_key_that_is_printed_is_in_the_manual() {
    let text = [EVERY_RULE, SESSIONS, SCHEDULE].concat();
    let printed: toml::Table = toml::from_str(&parse(&text).to_toml()).expect("the print");
    for list in ["instrument", "session", "schedule", "gateway"] {
        for entry in printed[list].as_array().expect("a list") {
            for key in entry.as_table().expect("an entry").keys() {
                let is_explained = DEFAULT_TOML.contains(&format!("#   {key}  "))
                    || ["first", "count"].contains(&key.as_str());
                assert!(is_explained, "{list}.{key}");
            }
        }
    }
}

const SESSIONS: &str = r#"
[[session]]
first = 1
count = 2
gateway = 1
open_order_max = 10
accounts = [7, 0, 5]
stp_groups = [3, 1]
[[session]]
id = 3
gateway = 1
"#;

#[test]
fn sessions_have_their_rights() {
    let config = parse(SESSIONS);
    for session in &config.session_list[..2] {
        assert_eq!(session.open_order_max, 10);
        assert_eq!(session.accounts[..], [AccountId(0), AccountId(5), AccountId(7)]);
        assert_eq!(session.stp_groups[..], [StpGroup(1), StpGroup(3)]);
    }
    let plain = &config.session_list[2];
    assert_eq!(plain.open_order_max, config.engine.order_count_max);
    assert_eq!((&plain.accounts[..], plain.stp_groups.len()), (&[AccountId(0)][..], 0));
    assert_eq!(config.capacity().session_count_max, 3);
}

const SCHEDULE: &str = r#"
[[schedule]]
instrument = 0
after_ms = 500
state = "uncross"
[[schedule]]
instrument = 1
after_ms = 0
state = "auction_call"
auction = "opening"
[[schedule]]
instrument = 1
after_ms = 500
state = "halt"
"#;

#[test]
fn the_schedule_is_in_the_order_of_time() {
    let entry = |instrument: Option<u32>, after_ms, state, auction| Scheduled {
        instrument: instrument.map(InstrumentId),
        after_ms,
        state,
        auction,
    };
    let call = (TradingState::AuctionCall, Some(AuctionKind::Opening));
    let expected = [
        entry(Some(1), 0, call.0, call.1),
        entry(None, 500, TradingState::Uncross, None),
        entry(Some(1), 500, TradingState::Halt, None),
    ];
    assert_eq!(parse(SCHEDULE).schedule, expected);
}

#[test]
fn what_is_printed_parses_to_the_same() {
    let odd = [
        &instrument("tick_size", "\"0.00000100\""),
        &gateway(1, "0.0.0.0:25001", "127.0.0.1:25011"),
        &gateway(2, "127.0.0.1:25002", "127.0.0.1:25012"),
        "[[session]]\nfirst = 1\ncount = 3\ngateway = 1\n",
        "[[session]]\nfirst = 4\ncount = 3\ngateway = 2\n[[session]]\nid = 4294967295\ngateway = 1",
    ]
    .concat();
    let rules = [EVERY_RULE, SESSIONS, SCHEDULE].concat();
    for text in ["", &odd, &rules] {
        let config = parse(text);
        assert_eq!(parse(&config.to_toml()), config, "{}", config.to_toml());
    }
    assert_eq!(parse(&odd).session_list[6].id, SessionId(u32::MAX));
}

#[test]
fn json_has_the_same_keys() {
    let config = Config::default();
    let json: serde_json::Value = serde_json::from_str(&config.to_json()).expect("JSON");
    assert_eq!(json["engine"]["event_readers_min"], 2);
    assert_eq!(json["transport"]["datapath"], "auto");
    assert_eq!(json["streams"]["input_log"]["group"], "239.86.1.21:24020");
    assert_eq!(json["instrument"][0]["tick_size"], "0.01");
    assert_eq!(json["session"][0]["count"], 100);
    assert!(!config.to_json().contains('\n'));
}

#[test]
fn an_unreadable_file_is_named() {
    for path in ["/nonexistent/vesta.toml", "/"] {
        let text = Config::load(Some(Path::new(path))).expect_err(path).to_string();
        assert!(text.starts_with(&format!("{path}: can not be read: ")), "{text}");
        assert!(text.contains("--config"), "{text}");
    }
    let endless = Config::load(Some(Path::new("/dev/zero"))).expect_err("endless").to_string();
    assert!(endless.contains("longer than 16777216 bytes"), "{endless}");
}

/// The line, the word that is wrong, and what is admitted.
#[test]
fn what_is_not_a_configuration_is_shown() {
    for (text, expected) in [
        ("[engine", &["line 1", "[engine"][..]),
        ("[shard]\nid = 1\nid = 2", &["line 3", "duplicate key"]),
        ("[engin]\n", &["line 1", "unknown field `engin`", "`engine`"]),
        ("[engine]\norder_max = 5", &["line 2", "unknown field `order_max`", "`order_count_max`"]),
        ("[streams.audit]\nid = 1", &["unknown field `audit`", "`event_log`"]),
        ("[[gateway]]\nid = 1\nport = 5", &["line 3", "unknown field `port`", "`listen`"]),
        ("[[gateway]]\nid = 1", &["missing field `listen`"]),
        ("[engine]\norder_count_max = \"5\"", &["line 2", "invalid type: string \"5\"", "u32"]),
        ("[engine]\norder_count_max = -5", &["line 2", "-5", "u32"]),
        ("[streams.orders]\nendpoint = \"here\"", &["line 2", "here", "socket address"]),
        (
            "[shard]\ncommit_level = \"replicated\"",
            &[
                "line 2",
                "\"replicated\" is not available: needs journals and replicas; use \"received\"",
            ],
        ),
        ("[shard]\ncommit_level = \"journaled\"", &["\"journaled\" is not available"]),
        ("[shard]\ncommit_level = \"safe\"", &["\"safe\" is not known here; use \"received\""]),
        (
            "[transport]\nallowed_sources = [\"10.0.0.0/33\"]",
            &["line 2", "\"10.0.0.0/33\" is not an IPv4 address", "\"10.0.0.0/24\""],
        ),
        ("[transport]\ndriver = \"external\"", &["use \"embedded\" or \"shared\""]),
        ("[idle]\nengine = \"sleep\"", &["use \"default\" or \"spin\" or"]),
        ("[transport]\nmode = \"broadcast\"", &["use \"multicast\" or \"mdc\""]),
        (
            "[transport]\ndriver = \"shared\"\n[streams.input_log]\nflow_control = \"tagged\"",
            &["streams.input_log.flow_control = \"tagged\"", "mode = \"mdc\""],
        ),
        (
            "[streams.event_log]\nflow_control = \"tagged\"",
            &["streams.event_log.flow_control = \"tagged\"", "only streams.input_log has any"],
        ),
        (
            "[transport]\ndatapath = \"dpdk\"",
            &["use \"auto\" or \"uring\" or \"xdp\" or \"socket\""],
        ),
        ("[transport]\nxdp_zero_copy = \"yes\"", &["\"auto\" or \"require\" or \"off\""]),
        ("[transport]\nxdp_fallback = \"auto\"", &["use \"exit\" or \"socket\""]),
        (
            &(instrument("id", "1") + "self_trade = \"default\""),
            &["\"default\" is not known here; use \"cancel_newest\" or \"cancel_oldest\""],
        ),
        (&(instrument("id", "1") + "hidden_priority = 1"), &["a word in quotes", "\"by_time\""]),
        (
            "[[schedule]]\ninstrument = 0\nafter_ms = 1\nstate = \"open\"",
            &["line 4", "\"open\" is not known here", "\"pre_open\""],
        ),
        ("[[schedule]]\ninstrument = 0\nstate = \"halt\"", &["missing field `after_ms`"]),
        ("[transport]\nthreading = \"many\"", &["use \"invoker\" or \"shared\" or \"dedicated\""]),
        ("[transport.uring]\nsend = \"both\"", &["use \"ring\" or \"direct\""]),
        (
            &instrument("tick_size", "0.01"),
            &["tick_size = 0.01", "floating point `0.01`", "a decimal in quotes, such as \"0.01\""],
        ),
    ] {
        let error = error(text);
        assert!(error.starts_with("my.toml: "), "{error}");
        for part in expected {
            assert!(error.contains(part), "{text}\n{part}\n{error}");
        }
    }
}

/// Key and value first, then part of the rule, then part of the fix.
#[test]
fn a_broken_rule_is_named_with_its_fix() {
    let transport = |line: &str| format!("[transport]\n{line}");
    let run = |entry: &str| format!("[[session]]\n{entry}");
    let with = |key: &str, value: &str| format!("{}{key} = {value}\n", instrument("id", "1"));
    let step = |from: &str, step: &str| format!("{{ from = \"{from}\", step = \"{step}\" }}, ");
    let schedule = |entry: &str| format!("[[schedule]]\n{entry}");
    for (text, expected) in [
        (
            "[shard]\nid = 0".to_owned(),
            ["shard.id = 0: must be 1 to", "0 means none", "use 1 or more"],
        ),
        ("[sequencer]\nepoch = 0".into(), ["sequencer.epoch = 0: ", "0 means none", "use 1"]),
        (
            "[sequencer]\nclock_jump_max_ms = 86400001".into(),
            ["sequencer.clock_jump_max_ms = 86400001: ", "1 to 86400000", "or less"],
        ),
        (
            "[sequencer]\ninput_readers_min = 0".into(),
            ["sequencer.input_readers_min = 0", "without a reader", "use 1"],
        ),
        ("[sessions]\nwindow = 0".into(), ["sessions.window = 0", "1 to 1048576", "use 1"]),
        (
            "[sessions]\nwindow = 1000000".into(),
            ["sessions.window = 1000000", "100 sessions", "lower window"],
        ),
        (
            "[engine]\norder_count_max = 16777216".into(),
            ["engine.order_count_max = 16777216", "2^24", "use 16777215 or less"],
        ),
        (
            "[engine]\ninstrument_count_max = 3".into(),
            ["engine.instrument_count_max = 3", "[[instrument]] entries = 4", "raise"],
        ),
        (
            "[engine]\nevent_readers_min = 65".into(),
            ["engine.event_readers_min = 65", "0 to 64", "or less"],
        ),
        (
            "[md_publisher]\nsnapshot_interval_ms = 1".into(),
            ["md_publisher.snapshot_interval_ms = 1", "10 to", "use 10"],
        ),
        (
            "[md_publisher]\npending_bytes_max = 1".into(),
            ["md_publisher.pending_bytes_max = 1", "65536 to", "or more"],
        ),
        (
            transport("interface = \"eth0\""),
            ["transport.interface = \"eth0\"", "IPv4 address of an interface", "\"127.0.0.1/32\""],
        ),
        (
            transport("interface = \"10.0.0.0/33\""),
            ["transport.interface = \"10.0.0.0/33\"", "address/prefix", "write it as"],
        ),
        (transport("multicast_ttl = 0"), ["transport.multicast_ttl = 0", "1 to 255", "use 1"]),
        (
            transport("driver_directory = \"shm\""),
            ["transport.driver_directory = \"shm\"", "absolute path", "start it with /"],
        ),
        (
            transport("driver_timeout_ms = 999"),
            ["transport.driver_timeout_ms = 999", "every half second", "use 1000"],
        ),
        (
            transport("messages_per_send = 65"),
            ["transport.messages_per_send = 65", "1 to 64", "use 64 or less"],
        ),
        (transport("publishers_max = 0"), ["transport.publishers_max = 0", "1 to", "use 1"]),
        (
            transport("setup_term_length_max_bytes = 2097152"),
            [
                "transport.setup_term_length_max_bytes = 2097152",
                "streams.input_log.term_length_bytes = 4194304",
                "raise it",
            ],
        ),
        (
            "[transport]\nmode = \"mdc\"\n[streams.event_log]\ncontrol = \"0.0.0.0:24130\"".into(),
            ["streams.event_log.control = 0.0.0.0:24130", "must name the host", "others reach it"],
        ),
        (
            "[transport]\nmode = \"mdc\"\n[streams.event_log]\ncontrol = \"127.0.0.1:24120\""
                .into(),
            [
                "streams.event_log.control = 127.0.0.1:24120",
                "taken by streams.input_log.control",
                "free port",
            ],
        ),
        (
            "[transport]\nmode = \"mdc\"\n[streams.snapshots]\nreader_endpoint = \"239.1.1.1:0\""
                .into(),
            ["streams.snapshots.reader_endpoint = 239.1.1.1:0", "address of one host", "use an"],
        ),
        (
            transport("driver_directory_parent = \"shm\""),
            ["transport.driver_directory_parent = \"shm\"", "absolute path", "start it with /"],
        ),
        (
            transport("mtu_bytes = 1400"),
            ["transport.mtu_bytes = 1400", "multiple of 32", "use 1376"],
        ),
        (
            "[streams.orders]\nmtu_bytes = 1400".to_owned(),
            ["streams.orders.mtu_bytes = 1400", "multiple of 32", "use 1376"],
        ),
        (
            "[streams.snapshots]\nmtu_bytes = 256".to_owned(),
            ["streams.snapshots.mtu_bytes = 256", "longest message", "use 512 or more"],
        ),
        (
            "[transport]\nreceiver_window_bytes = 4096\n[streams.event_log]\nmtu_bytes = 8192"
                .to_owned(),
            [
                "transport.receiver_window_bytes = 4096",
                "streams.event_log.mtu_bytes = 8192",
                "raise",
            ],
        ),
        (
            "[transport]\ndatapath = \"xdp\"\n[streams.market_data]\nmtu_bytes = 3488".to_owned(),
            ["streams.market_data.mtu_bytes = 3488", "at most 3456", "lower it"],
        ),
        (
            transport("mtu_bytes = 65536"),
            ["transport.mtu_bytes = 65536", "UDP", "use 65504 or less"],
        ),
        (
            transport("datapath = \"xdp\"\nmtu_bytes = 3488"),
            ["transport.mtu_bytes = 3488", "at most 3456 with transport.datapath", "lower it"],
        ),
        (
            transport("xdp_interface = \"no interface\""),
            ["transport.xdp_interface = \"no interface\"", "must be the name", "eth0"],
        ),
        (
            transport("xdp_queue_count = 257"),
            ["transport.xdp_queue_count = 257", "256", "0 takes all there are"],
        ),
        (
            transport("receiver_window_bytes = 400000"),
            [
                "socket_receive_buffer_bytes = 212992",
                "transport.receiver_window_bytes = 400000",
                "lower",
            ],
        ),
        (
            transport("receiver_window_bytes = 4096\nmtu_bytes = 8192"),
            ["transport.receiver_window_bytes = 4096", "transport.mtu_bytes = 8192", "raise"],
        ),
        (
            transport("receiver_window_bytes = 600000\nsocket_receive_buffer_bytes = 600000"),
            [
                "transport.receiver_window_bytes = 600000",
                "half of streams.orders.term_length_bytes",
                "raise streams.orders.term_length_bytes",
            ],
        ),
        (
            transport("image_liveness_timeout_ms = 100"),
            ["transport.image_liveness_timeout_ms = 100", "heartbeat", "use 200"],
        ),
        (
            transport("status_message_interval_ms = 2000"),
            [
                "transport.image_liveness_timeout_ms = 3000",
                "twice transport.status_message_interval_ms = 4000",
                "or lower transport.status_message_interval_ms",
            ],
        ),
        (
            transport("flow_control_receiver_timeout_ms = 2000"),
            [
                "transport.flow_control_receiver_timeout_ms = 2000",
                "image_liveness_timeout_ms = 3000",
                "raise",
            ],
        ),
        (
            transport("uring.hot_sockets_max = 65"),
            ["transport.uring.hot_sockets_max = 65", "0 to 64", "use 64 or less"],
        ),
        (
            transport("uring.hot_quiet_us = 10"),
            ["transport.uring.hot_quiet_us = 10", "gap between two messages", "use 100 or more"],
        ),
        (
            transport("uring.busy_poll_us = 2000"),
            ["transport.uring.busy_poll_us = 2000", "0 to 1000", "use 1000 or less"],
        ),
        (transport("nak_backoff_us = 0"), ["transport.nak_backoff_us = 0", "1 to 10000", "use 1"]),
        (
            transport("idle_park_max_us = 9000\nstatus_message_interval_ms = 5"),
            ["transport.idle_park_max_us = 9000", "status_message_interval_ms = 5", "lower it"],
        ),
        (
            transport("sparse_files = true"),
            ["transport.pre_touch = true", "contradicts transport.sparse_files", "set one"],
        ),
        (
            "[streams.event_log]\nid = 20".into(),
            ["streams.event_log.id = 20", "streams.input_log", "an id of its own"],
        ),
        (
            "[streams.orders]\nterm_length_bytes = 1000000".into(),
            ["streams.orders.term_length_bytes = 1000000", "power of two", "use 1048576"],
        ),
        (
            "[streams.input_log]\ngroup = \"239.86.1.20:24020\"".into(),
            ["streams.input_log.group = 239.86.1.20:24020", "must be odd", "use 239.86.1.21:24020"],
        ),
        (
            "[streams.input_log]\ngroup = \"127.0.0.1:24020\"".into(),
            [
                "streams.input_log.group = 127.0.0.1:24020",
                "must be a multicast group",
                "239.0.0.0/8",
            ],
        ),
        (
            "[streams.orders]\nendpoint = \"239.86.1.1:24010\"".into(),
            ["streams.orders.endpoint = 239.86.1.1:24010", "address of one host", "use an address"],
        ),
        (
            "[streams.orders]\nendpoint = \"0.0.0.0:24010\"".into(),
            ["streams.orders.endpoint = 0.0.0.0:24010", "must name the host", "others reach it"],
        ),
        (
            "[streams.orders]\nendpoint = \"127.0.0.1:0\"".into(),
            ["streams.orders.endpoint = 127.0.0.1:0", "must have a port", "1024"],
        ),
        (
            "[streams.event_log]\ngroup = \"239.86.1.21:24030\"".into(),
            [
                "streams.event_log.group = 239.86.1.21:24030",
                "group of streams.input_log.group",
                "of its own",
            ],
        ),
        (
            "[streams.event_log]\ngroup = \"239.86.1.31:24020\"".into(),
            [
                "streams.event_log.group = 239.86.1.31:24020",
                "taken by streams.input_log.group",
                "free port",
            ],
        ),
        (
            gateway(1, "127.0.0.1:24010", "127.0.0.1:24011"),
            [
                "gateway[0].listen = 127.0.0.1:24010",
                "taken by streams.orders.endpoint",
                "free port",
            ],
        ),
        (
            gateway(1, "0.0.0.0:24011", "127.0.0.1:24011"),
            [
                "gateway[0].back_endpoint = 127.0.0.1:24011",
                "gateway[0].listen = 0.0.0.0:24011",
                "free port",
            ],
        ),
        (
            gateway(1, "127.0.0.1:1", "127.0.0.1:2") + &gateway(1, "127.0.0.1:3", "127.0.0.1:4"),
            ["gateway[1].id = 1", "taken by an earlier entry", "choose another"],
        ),
        (instrument("id", "0"), ["instrument[0].id = 0", "0 means none", "number from 1"]),
        (
            instrument("id", "1") + &instrument("symbol", "\"B\""),
            ["instrument[1].id = 1", "taken by an earlier entry", "choose another"],
        ),
        (
            instrument("id", "1") + &instrument("id", "2"),
            ["instrument[1].symbol = \"A\"", "taken by an earlier entry", "choose another"],
        ),
        (instrument("symbol", "\"\""), ["instrument[0].symbol = \"\"", "1 to 16", "respell"]),
        (
            instrument("symbol", "\"ABCDEFGHIJKLMNOPQ\""),
            ["instrument[0].symbol", "1 to 16", "shorten"],
        ),
        (instrument("symbol", "\"\u{20bf}\""), ["instrument[0].symbol", "ASCII", "respell"]),
        (
            instrument("tick_size", "\"a\""),
            ["instrument[0].tick_size = \"a\"", "decimal number", "digits"],
        ),
        (
            instrument("tick_size", "\"0\""),
            ["instrument[0].tick_size = \"0\"", "above 0", "positive"],
        ),
        (
            instrument("lot_size", "\"-1\""),
            ["instrument[0].lot_size = \"-1\"", "above 0", "positive"],
        ),
        (
            instrument("tick_size", "\"0.000000001\""),
            ["instrument[0].tick_size = \"0.000000001\"", "8 digits", "fewer digits"],
        ),
        (
            instrument("price_max", "\"92233720369\""),
            ["instrument[0].price_max = \"92233720369\"", "at most 92233720368", "lower"],
        ),
        (
            instrument("price_max", "\"1000.005\""),
            [
                "instrument[0].price_max = \"1000.005\"",
                "whole number of ticks",
                "multiple of tick_size",
            ],
        ),
        (
            instrument("qty_max", "\"0.15\""),
            ["instrument[0].qty_max = \"0.15\"", "whole number of lots", "multiple of lot_size"],
        ),
        (
            instrument("qty_max", "\"92233720368\"").replace("\"0.1\"", "\"0.00000001\""),
            ["instrument[0].qty_max", "at most 1099511627776 lots", "coarser lot_size"],
        ),
        (
            instrument("price_max", "\"92233720368\"").replace("\"0.01\"", "\"0.00000001\""),
            ["instrument[0].price_max", "at most 281474976710656 ticks", "coarser tick_size"],
        ),
        (
            "[sequencer]\ntick_interval_ms = 86400001".into(),
            ["sequencer.tick_interval_ms = 86400001", "0 to 86400000", "or less"],
        ),
        (
            with("notional_max", "\"0.0001\""),
            ["instrument[0].notional_max = \"0.0001\"", "below one tick x lot", "no limit"],
        ),
        (
            with("notional_max", "\"92233720368\"")
                .replace("\"0.01\"", "\"0.00000001\"")
                .replace("\"0.1\"", "\"0.00000001\""),
            ["instrument[0].notional_max = \"92233720368\"", "below 2^64", "lower it"],
        ),
        (
            with("static_band", "\"0.005\""),
            ["instrument[0].static_band = \"0.005\"", "whole number of ticks", "multiple"],
        ),
        (
            with("dynamic_band", "\"-1\""),
            ["instrument[0].dynamic_band = \"-1\"", "above 0", "positive"],
        ),
        (
            with("reference_price", "\"1000.01\""),
            [
                "instrument[0].reference_price = \"1000.01\"",
                "price_max = \"1000\"",
                "raise price_max",
            ],
        ),
        (
            with("dynamic_band_action", "\"interrupt\""),
            ["instrument[0].dynamic_band_action", "contradicts dynamic_band", "give dynamic_band"],
        ),
        (
            with("stop_cascade_max", "0"),
            ["instrument[0].stop_cascade_max = 0", "no stop could ever act", "use 1 or more"],
        ),
        (
            with("match_count_max", "0"),
            ["instrument[0].match_count_max = 0", "1 to 65536", "in that range"],
        ),
        (
            with("match_count_max", "65537"),
            ["instrument[0].match_count_max = 65537", "1 to 65536", "in that range"],
        ),
        (
            with("initial_state", "\"halt\""),
            ["instrument[0].initial_state = \"halt\"", "\"pre_open\" or", "[[schedule]]"],
        ),
        (
            with("tick_steps", &format!("[{}]", step("1", "0.05") + &step("1", "0.1"))),
            ["instrument[0].tick_steps[1].from = \"1\"", "above that of the entry before", "sort"],
        ),
        (
            with("tick_steps", &format!("[{}]", step("1", "0.015"))),
            ["instrument[0].tick_steps[0].step = \"0.015\"", "whole number of ticks", "multiple"],
        ),
        (
            with("tick_steps", &format!("[{}]", step("1", "1").repeat(5))),
            ["instrument[0].tick_steps = 5 entries", "may have 4", "merge"],
        ),
        (
            run("id = 1\ngateway = 1\naccounts = [5, 5]"),
            ["session[0].accounts = 5", "twice", "take one out"],
        ),
        (
            run("id = 1\ngateway = 1\nstp_groups = [2, 2]"),
            ["session[0].stp_groups = 2", "twice", "take one out"],
        ),
        (
            run("id = 1\ngateway = 1\nstp_groups = [0]"),
            ["session[0].stp_groups = 0", "every session may", "leave it out"],
        ),
        (
            schedule("instrument = 99\nafter_ms = 1\nstate = \"halt\""),
            ["schedule[0].instrument = 99", "no [[instrument]]", "0 for every one"],
        ),
        (
            schedule("instrument = 0\nafter_ms = 86400001\nstate = \"halt\""),
            ["schedule[0].after_ms = 86400001", "0 to 86400000", "or less"],
        ),
        (
            schedule("instrument = 0\nafter_ms = 1\nstate = \"auction_call\""),
            ["schedule[0].auction = nothing", "\"auction_call\"", "name the auction"],
        ),
        (
            schedule("instrument = 0\nafter_ms = 1\nstate = \"halt\"\nauction = \"closing\""),
            ["schedule[0].auction = \"closing\"", "it is \"halt\"", "leave it out"],
        ),
        ("instrument = []".into(), ["instrument = []", "without an [[instrument]]", "add an"]),
        ("session = []".into(), ["session = []", "without an [[session]]", "add an"]),
        ("session = []\ngateway = []".into(), ["gateway = []", "without an [[gateway]]", "add an"]),
        (run("id = 0\ngateway = 1"), ["session[0].id = 0", "start at 1", "use 1"]),
        (
            run("id = 1\ngateway = 9"),
            ["session[0].gateway = 9", "no [[gateway]] has this id", "add it"],
        ),
        (run("gateway = 1"), ["session[0] = ", "one session (id) or a run", "give id alone"]),
        (
            run("id = 1\nfirst = 1\ncount = 1\ngateway = 1"),
            ["session[0] = ", "or a run", "give id alone"],
        ),
        (
            run("first = 1\ncount = 1000001\ngateway = 1"),
            ["session[0].count = 1000001", "1 to 1000000 sessions", "use 1 to 1000000"],
        ),
        (
            run("first = 4294967295\ncount = 2\ngateway = 1"),
            ["session[0].count = 2", "2^32", "use 1 to 1"],
        ),
        (run("first = 1\ncount = 0\ngateway = 1"), ["session[0].count = 0", "1 to", "use"]),
        (
            run("first = 1\ncount = 5\ngateway = 1\n") + &run("id = 3\ngateway = 1"),
            ["session = 3", "in two entries", "take it out"],
        ),
        (
            "[demo]\nclient_bind = \"239.1.1.1:0\"".into(),
            ["demo.client_bind = 239.1.1.1:0", "address of one host", "use an address"],
        ),
    ] {
        let error = error(&text);
        assert!(error.starts_with("my.toml: "), "{error}");
        for part in expected {
            assert!(error.contains(part), "{text}\n  lacks: {part}\n  {error}");
        }
    }
}

#[test]
fn hosts_may_share_a_port_that_they_do_not_share() {
    parse(
        &(gateway(1, "10.0.0.1:24001", "10.0.0.1:24011")
            + &gateway(2, "10.0.0.2:24001", "10.0.0.2:24011")),
    );
}

#[test]
fn no_text_panics() {
    // Every prefix of the manual, and every one with a byte of it broken, is a value or an error.
    for end in (0..DEFAULT_TOML.len()).step_by(97).filter(|&i| DEFAULT_TOML.is_char_boundary(i)) {
        let _ = Config::parse(&DEFAULT_TOML[..end], "t");
        for byte in ["\0", "9", "\"", "["] {
            let mut text = DEFAULT_TOML.to_owned();
            text.replace_range(end..end + 1, byte);
            let _ = Config::parse(&text, "t");
        }
    }
}

#[test]
fn counters_and_cores() {
    let config = parse("[cores]\nengine = \"3\"\n[counters]\ndirectory = \"/run/vesta\"\n");
    assert_eq!(config.cores.of("engine"), Some(("cores.engine", 3)));
    assert_eq!(config.cores.of("md-publisher"), None);
    assert_eq!(config.counters.directory(), Path::new("/run/vesta"));
    assert_eq!(Config::default().counters.directory(), Path::new("/dev/shm"));
    for core in ["one", "-1", "0-3", "8192"] {
        let text = error(&format!("[cores]\nmd_publisher = \"{core}\"\n"));
        assert!(text.contains(&format!("cores.md_publisher = \"{core}\"")), "{text}");
        assert!(text.contains("lscpu"), "{text}");
    }
    let text = error("[counters]\ndirectory = \"run\"\n");
    assert!(text.contains("counters.directory") && text.contains("start it with /"), "{text}");
    for interval_ms in [0, 10_001] {
        let text = error(&format!("[counters]\ninterval_ms = {interval_ms}\n"));
        assert!(text.contains("counters.interval_ms") && text.contains("1 to 10000"), "{text}");
    }
}

/// The nearest name, and not thirty of them.
#[test]
fn an_unknown_key_is_answered_with_its_nearest() {
    for (text, near) in [
        ("[transport]\nmtu_byte = 1408", "did you mean `mtu_bytes`?"),
        (
            "[transport]\nsocket_recieve_buffer_bytes = 1",
            "did you mean `socket_receive_buffer_bytes`?",
        ),
        ("[engin]\n", "did you mean `engine`?"),
        ("[metrics]\nadress = \"\"", "did you mean `address`?"),
        ("[engine]\norder_max = 5", "did you mean `order_count_max`?"),
    ] {
        let text = error(text);
        assert!(text.contains(near), "{text}");
        assert!(text.matches('`').count() < 24, "too many names: {text}");
    }
    let text = error("[transport]\nzzz = 1");
    assert!(!text.contains("did you mean") && text.contains("`vesta inspect config`"), "{text}");
    assert!(text.contains("line 2"), "{text}");
}

#[test]
fn a_gateway_drains_for_two_seconds_or_as_long_as_its_table_says() {
    let with = |more: &str| {
        let gateway = gateway(1, "10.0.0.1:24001", "10.0.0.1:24011");
        format!("{gateway}{more}[[session]]\nid = 1\ngateway = 1\n")
    };
    let drain_max_ms = |more: &str| parse(&with(more)).gateway_list[0].drain_max_ms;
    assert_eq!((drain_max_ms(""), drain_max_ms("drain_max_ms = 0\n")), (2_000, 0));
    let text = error(&with("drain_max_ms = 10001\n"));
    assert!(text.contains("gateway[0].drain_max_ms = 10001") && text.contains("10000"), "{text}");
    // What is printed is read again.
    let printed = parse(&with("drain_max_ms = 7\n")).to_toml();
    assert_eq!(parse(&printed).gateway_list[0].drain_max_ms, 7);
}

#[test]
fn metrics_are_off_until_there_is_an_address() {
    let place = |text: &str, role: &str| parse(text).metrics_place(role, None);
    assert_eq!(place("", "engine"), None);
    let on = "[metrics]\naddress = \"0.0.0.0\"\nsequencer_port = 0\n";
    let (key, at) = place(on, "engine").expect("on");
    assert_eq!((key.as_str(), at.to_string().as_str()), ("metrics.engine_port", "0.0.0.0:9466"));
    assert_eq!(place(on, "sequencer"), None);
    assert_eq!(place(on, "stranger"), None);
    let two = gateway(1, "10.0.0.1:24001", "10.0.0.1:24011")
        + "metrics_port = 9500\n"
        + &gateway(2, "10.0.0.2:24001", "10.0.0.2:24011");
    let config = parse(&format!("{on}{two}[[session]]\nid = 1\ngateway = 1\n"));
    let of = |id: u32| config.metrics_place("gateway", Some(GatewayId(id))).expect("on");
    assert_eq!((of(1).0.as_str(), of(1).1.port()), ("gateway[0].metrics_port", 9500));
    assert_eq!((of(2).0.as_str(), of(2).1.port()), ("metrics.gateway_port", 9464));
    for (text, parts) in [
        (
            "[metrics]\naddress = \"here\"",
            ["metrics.address = \"here\"", "IPv4 address", "\"0.0.0.0\""],
        ),
        (
            "[metrics]\naddress = \"239.0.0.1\"",
            ["metrics.address", "IPv4 address", "without a port"],
        ),
        (
            "[metrics]\naddress = \"127.0.0.1\"\n[counters]\nenabled = false",
            ["counters.enabled = false", "metrics.address = \"127.0.0.1\"", "set it to true"],
        ),
        (
            "[metrics]\nengine_port = 9464",
            ["metrics.engine_port = 9464", "port of metrics.gateway_port", "free port, or 0"],
        ),
        (
            "[md_relay]\nsnapshots_port = 24340",
            [
                "md_relay.snapshots_port = 127.0.0.1:24340",
                "taken by md_relay.market_data_port",
                "free",
            ],
        ),
        (
            "[md_relay]\nmarket_data_port = 0",
            ["md_relay.market_data_port = 127.0.0.1:0", "must have a port", "1024"],
        ),
        (
            "[md_relay]\naddress = \"0.0.0.0\"",
            ["md_relay.market_data_port = 0.0.0.0:24340", "must name the host", "others reach it"],
        ),
    ] {
        let error = error(text);
        for part in parts {
            assert!(error.contains(part), "{part}\n{error}");
        }
    }
}
