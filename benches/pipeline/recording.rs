//! One run of the made-up order flow through all roles, on one thread and without a network, and
//! everything that passed each seam on the way: what the benchmarks feed to one role at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use vesta_config::Config;
use vesta_engine::Engine;
use vesta_gateway::{Gateway, Inbound};
use vesta_md_publisher::Publisher;
use vesta_sequencer::{LogOutbox, Sequencer, Validated};
use vesta_tools::client::Client;
use vesta_tools::flow::{Flow, FlowSettings, InstrumentFlow, SessionFlow};
use vesta_transport::{DatagramSocket, SendOutcome};
use vesta_types::{Capacity, Command, EventSeq, GatewayId, PriceTicks, TimeNs};
use vesta_wire::control::SequencerStatus;
use vesta_wire::event::EventFrame;
use vesta_wire::record::LogFrame;
use vesta_wire::{CommitLevel, EventReader, Message, Outbox, encode, open_frame};

/// The flow of `vesta demo` without arguments.
const SEED: u64 = 42;
/// Sessions that trade, as in `vesta demo`.
const SESSIONS: usize = 4;
/// Bytes of a frame: Aeron's payload of a datagram of 1408 bytes, the default `mtu_bytes`.
pub const FRAME_LEN_MAX: usize = 1_408 - 32;
/// Room of an outbox, as in the agents.
const OUTBOX_BYTES: usize = 256 * 1_024;
/// From where the client sends.
pub const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);
const GATEWAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 24_001);

/// What passed each seam, in order.
pub struct Recording {
    /// The configuration that it was made with: the built-in default.
    pub config: Config,
    /// What the client was told to send.
    pub commands: Vec<Command>,
    /// Client to gateway: one datagram per command.
    pub datagrams: Vec<Vec<u8>>,
    /// Gateway to sequencer: one blank record per command.
    pub blanks: Vec<Vec<u8>>,
    /// Sequencer to engine: the instruments, then one record per command.
    pub records: Vec<Vec<u8>>,
    /// Engine to gateway and md-publisher.
    pub events: Vec<(EventSeq, Vec<u8>)>,
    /// `events` up to here were made by the instruments and the first half of the commands.
    pub events_of_first_half: usize,
}

/// Both directions of a cable between client and gateway.
#[derive(Clone, Default)]
struct Cable {
    to_gateway: Rc<RefCell<VecDeque<Vec<u8>>>>,
    to_client: Rc<RefCell<VecDeque<Vec<u8>>>>,
}

impl DatagramSocket for Cable {
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let datagram = self.to_client.borrow_mut().pop_front()?;
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Some((datagram.len(), GATEWAY))
    }

    fn send(&mut self, datagram: &[u8], _to: SocketAddr) -> SendOutcome {
        self.to_gateway.borrow_mut().push_back(datagram.to_vec());
        SendOutcome::Sent
    }
}

/// The first `count` commands of the flow.
fn flow(config: &Config, count: usize) -> Vec<Command> {
    let instruments = config.instrument_list.iter().map(|instrument| InstrumentFlow {
        id: instrument.id,
        rules: instrument.rules,
        reference_price: PriceTicks((instrument.rules.price_max.0 / 150).max(1)),
        opening: None,
    });
    let sessions = config.session_list.iter().map(|session| SessionFlow {
        id: session.id,
        accounts: session.accounts.clone(),
        stp_groups: session.stp_groups.clone(),
    });
    let settings = FlowSettings {
        seed: SEED,
        instruments: instruments.collect(),
        sessions: sessions.take(SESSIONS).collect(),
        capacity: capacity(config),
        // The sequencer's clock stands.
        interval_ns: 0,
    };
    Flow::new(settings).expect("the default configuration can be traded").take(count).collect()
}

/// The engine's capacities, as configured.
pub fn capacity(config: &Config) -> Capacity {
    vesta_engine::run::settings(config).capacity
}

/// A gateway that takes commands, with a window that never fills: nobody answers it.
pub fn open_gateway(config: &Config) -> Gateway {
    let settings = vesta_gateway::run::settings(config, &config.gateway_list[0]);
    let mut gateway = Gateway::new(vesta_gateway::Settings { window: u32::MAX, ..settings });
    let status = SequencerStatus {
        next_seq: 1.into(),
        epoch: config.epoch().0.into(),
        shard: config.shard.id.into(),
        commit_level: CommitLevel::Received as u8,
        accepting: 1,
        reserved: [0; 6],
    };
    let mut bytes = [0; SequencerStatus::LEN];
    let status = encode(&status, &mut bytes);
    gateway.on_sequencer(status, &mut |_, _| {}).expect("a good message");
    gateway
}

/// An md-publisher of this configuration.
pub fn open_publisher(config: &Config) -> Publisher {
    Publisher::new(vesta_md_publisher::run::settings(config), FRAME_LEN_MAX)
}

/// The queue that an engine's events go into.
pub fn event_outbox() -> Outbox<EventFrame> {
    Outbox::new(1, FRAME_LEN_MAX, OUTBOX_BYTES)
}

/// Sends everything that is queued, in frames, as the engine's agent does.
pub fn flush_events(outbox: &mut Outbox<EventFrame>, mut frame: impl FnMut(&[u8])) {
    let header = |first: u64, count: u16| EventFrame {
        first_event_seq: first.into(),
        shard: 1.into(),
        count: count.into(),
        reserved: [0; 10],
    };
    let sent = outbox.flush(header, |bytes| {
        frame(bytes);
        Ok::<(), std::convert::Infallible>(())
    });
    sent.expect("nothing refuses");
}

impl Recording {
    /// Trades `count` commands, each answered before the next is sent.
    pub fn make(count: usize) -> Self {
        let config = Config::default();
        let commands = flow(&config, count);
        let cable = Cable::default();
        let scales: Vec<_> = config.scales().collect();
        let mut client = Client::new(cable.clone(), GATEWAY, scales, 1);
        let mut gateway = open_gateway(&config);
        let mut sequencer = Sequencer::new(vesta_sequencer::run::settings(&config));
        let mut log = LogOutbox::new(1, FRAME_LEN_MAX, OUTBOX_BYTES);
        let mut engine = Engine::new(vesta_engine::run::settings(&config));
        let mut outbox = event_outbox();
        let mut reader = EventReader::default();
        let mut recording = Self {
            config,
            commands,
            datagrams: Vec::with_capacity(count),
            blanks: Vec::with_capacity(count),
            records: Vec::with_capacity(count + 8),
            events: Vec::with_capacity(3 * count),
            events_of_first_half: 0,
        };
        let gateway_id = GatewayId(recording.config.gateway_list[0].id.0);
        sequencer.observe(TimeNs(1_000_000)).expect("the clock stands");
        sequencer.begin(&mut log);
        for (n, command) in recording.commands.iter().enumerate() {
            if n == count / 2 {
                recording.events_of_first_half = recording.events.len();
            }
            client.submit(0, command, n as u64).expect("the flow fits the wire");
            let datagram = cable.to_gateway.borrow_mut().pop_front().expect("one was sent");
            let blank = match gateway.on_datagram(CLIENT, &datagram, true) {
                Inbound::Forward(record) => record.to_vec(),
                other => panic!("command {n} was not forwarded: {other:?}"),
            };
            let command = Validated::new(&blank, gateway_id).expect("a good record");
            sequencer.sequence(&command, &mut log);
            let records = &mut recording.records;
            let sent = log.flush(
                |first, count| sequencer.frame(first, count),
                |frame| {
                    let (_, messages) = open_frame::<LogFrame>(frame).expect("a frame");
                    for record in messages {
                        let record = record.expect("a whole record");
                        engine.apply(record, &mut outbox).expect("the log can be followed");
                        records.push(record.to_vec());
                    }
                    Ok::<(), std::convert::Infallible>(())
                },
            );
            sent.expect("nothing refuses");
            let events = &mut recording.events;
            flush_events(&mut outbox, |frame| {
                let read = reader.read(frame, |event_seq, event| {
                    events.push((event_seq, event.to_vec()));
                    gateway.on_event(event, &mut |_, report| {
                        cable.to_client.borrow_mut().push_back(report.to_vec());
                    })?;
                    Ok::<(), vesta_wire::EventLogError>(())
                });
                read.expect("the log can be followed");
            });
            while client.poll(0, &mut |_| {}) > 0 {}
            assert_eq!(client.unanswered(), 0, "command {n} was answered");
            recording.datagrams.push(datagram);
            recording.blanks.push(blank);
        }
        recording
    }

    /// Records of the instruments, which come before the first command's.
    pub const fn instruments(&self) -> usize {
        self.records.len() - self.commands.len()
    }

    /// Records up to the middle of the commands.
    pub const fn records_of_first_half(&self) -> usize {
        self.instruments() + self.commands.len() / 2
    }
}
