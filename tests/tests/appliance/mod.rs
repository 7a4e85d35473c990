//! The whole appliance on one thread, on the simulated network, in simulated time.
//!
//! ```text
//!   Client ~~datagrams~~> gateway --10--> sequencer --20--> engine --30--> md-publisher --40,41--> Feed
//!                            ^ '----------- 11 -'   |           |            (market-data consumer)
//!                            '---------------- 30 --|-----------'
//!                                                  Tap: hears 20, 30, 40 and 41, for the checks
//! ```
//! Every process is a node of its own: it can be killed, or cut off. The seed decides everything.

pub mod checks;
pub mod client;
pub mod feed;
pub mod tap;

use client::Client;
use feed::Feed;
use std::net::{Ipv4Addr, SocketAddr};
use tap::Tap;
use vesta_engine::{EngineAgent, SessionOwner};
use vesta_gateway::GatewayAgent;
use vesta_md_publisher::MdPublisherAgent;
use vesta_sequencer::{GatewayLink, Scheduled, SequencerAgent};
use vesta_sim::{NodeId, Random, SimClock, SimConfig, SimDatagrams, SimNetwork, SimTransport};
use vesta_transport::{Duty, StreamId, Transport, TransportError};
use vesta_types::{
    AccountId, AuctionKind, BandAction, Capacity, Epoch, GatewayId, HiddenPriority, InstrumentId,
    InstrumentRules, PriceTicks, QtyLots, Scale, SessionId, ShardId, StpGroup, TimeNs,
    TradingState,
};
use vesta_wire::Symbol;
use vesta_wire::client::Origin;
use vesta_wire::record::{DefineInstrument, Stamp};

/// Time between two duty cycles of every node, ns: below the network's latency, so that nothing is
/// in step.
const STEP_NS: u64 = 25_000;
/// When the simulation begins, ns since the Unix epoch.
const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

const SHARD: ShardId = ShardId(1);
/// The instruments of the shard: id, tick and lot in 10^-8.
pub const INSTRUMENTS: [(InstrumentId, i64, i64); 2] =
    [(InstrumentId(1), 1_000_000, 10_000), (InstrumentId(2), 500_000, 100_000_000)];
/// Highest price of each, in ticks.
pub const PRICE_MAX: i64 = 40;
/// Largest quantity of each, in lots.
pub const QTY_MAX: u64 = 20;
/// Small enough to be reached now and then.
pub const CAPACITY: Capacity = Capacity {
    order_count_max: 96,
    level_count_max: 30,
    instrument_count_max: 2,
    session_count_max: 2,
};
/// Live orders that a session may have.
pub const OPEN_ORDER_MAX: u32 = 60;
/// The account that a session may trade for, beside none.
pub const ACCOUNT: u64 = 5;
/// The self-trade group of both sessions.
pub const STP_GROUP: u32 = 1;
/// Time between two ticks, ns.
const TICK_NS: u64 = 300_000;
/// Most commands that a client has unanswered.
pub const WINDOW: u32 = 8;

/// Numbers that are found again in bytes: market data must hold none of them.
pub fn session_id(n: usize) -> SessionId {
    SessionId(0x5e55_1000 + n as u32)
}

fn gateway_id(n: usize) -> GatewayId {
    GatewayId(0x6a7e_1000 + n as u32)
}

fn input_log() -> (String, StreamId) {
    ("log".to_owned(), StreamId(20))
}

fn event_log() -> (String, StreamId) {
    ("log".to_owned(), StreamId(30))
}

fn orders() -> (String, StreamId) {
    ("orders".to_owned(), StreamId(10))
}

fn back(gateway: usize) -> (String, StreamId) {
    (format!("back-{gateway}"), StreamId(11))
}

fn market_data() -> (String, StreamId) {
    ("md".to_owned(), StreamId(40))
}

fn snapshots() -> (String, StreamId) {
    ("md".to_owned(), StreamId(41))
}

fn subscribe<T: Transport>(transport: &mut T, link: &(String, StreamId)) -> T::Subscription {
    transport.add_subscription(&link.0, link.1).expect("a simulated stream opens")
}

fn address(host: u8, port: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, host), port as u16))
}

/// A process: its driver, its role, and why the role stopped, if it did.
pub struct Process<A> {
    transport: SimTransport,
    agent: Option<A>,
    stop: Option<String>,
}

impl<A> Process<A> {
    fn start(
        network: &SimNetwork,
        open: impl FnOnce(&mut SimTransport) -> Result<A, TransportError>,
    ) -> Self {
        let mut transport = network.add_node();
        let agent = Some(open(&mut transport).expect("a role opens its streams"));
        Self { transport, agent, stop: None }
    }

    /// The node, to kill it or cut it off.
    pub fn node(&self) -> NodeId {
        self.transport.node()
    }

    /// The role; it must not have exited.
    pub fn role(&self) -> &A {
        self.agent.as_ref().expect("the role runs")
    }

    /// The role ends in good order: its streams are closed, its driver tells the readers.
    pub fn exit(&mut self) {
        self.agent = None;
    }

    /// Why the role stopped.
    pub fn stop(&self) -> Option<&str> {
        self.stop.as_deref()
    }

    /// One duty cycle of driver and role. A role that stops exits, which closes its streams, or
    /// freezes: its driver goes on, so that nobody who reads from it notices.
    fn step<E: std::fmt::Display>(
        &mut self,
        exits: bool,
        work: impl FnOnce(&mut A) -> Result<usize, E>,
    ) {
        if self.transport.do_work().is_err() {
            return; // killed
        }
        if self.stop.is_some() {
            return;
        }
        if let Some(agent) = &mut self.agent {
            self.stop = work(agent).err().map(|error| error.to_string());
        }
        if self.stop.is_some() && exits {
            self.agent = None;
        }
    }
}

/// What is to be simulated.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The network, and the seed of everything.
    pub network: SimConfig,
    /// 1 or 2; client n speaks to gateway n modulo this.
    pub gateways: usize,
    /// Commands of each of the two clients.
    pub commands: u64,
    /// Market data that may wait for slow consumers, bytes.
    pub md_pending_bytes_max: usize,
    /// Whether a role that stops exits, or only stands still.
    pub exits: bool,
}

impl Options {
    /// A network with every fault that does not last, at rates that the seed decides.
    pub fn faulty(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut network = SimConfig { seed, ..SimConfig::default() };
        network.loss_ppm = random.between(0, 50_000) as u32;
        network.latency_max_ns = random.between(20_000, 400_000);
        // Sometimes so small that back-pressure is the rule.
        network.window_bytes = if random.chance(300_000) { 4_096 } else { 64 << 10 };
        network.datagrams.loss_ppm = random.between(0, 100_000) as u32;
        network.datagrams.duplicate_ppm = random.between(0, 100_000) as u32;
        network.datagrams.full_ppm = random.between(0, 50_000) as u32;
        network.datagrams.latency_max_ns = random.between(20_000, 400_000);
        let gateways = random.between(1, 2) as usize;
        Self { network, gateways, commands: 150, md_pending_bytes_max: 1 << 20, exits: true }
    }

    /// A network without faults.
    pub fn calm(seed: u64) -> Self {
        let network = SimConfig { seed, ..SimConfig::default() };
        Self { network, gateways: 2, commands: 150, md_pending_bytes_max: 1 << 20, exits: true }
    }
}

/// All processes, and the clock.
pub struct Appliance {
    pub network: SimNetwork,
    clock: SimClock,
    options: Options,
    pub sequencer: Process<SequencerAgent<SimTransport>>,
    pub engine: Process<EngineAgent<SimTransport>>,
    pub gateways: Vec<Process<GatewayAgent<SimTransport, SimDatagrams>>>,
    pub md_publisher: Process<MdPublisherAgent<SimTransport>>,
    pub tap: Process<Tap>,
    pub clients: Vec<Client>,
    pub feeds: Vec<Feed>,
}

impl Appliance {
    /// Starts every process, two clients and one market-data consumer.
    pub fn start(options: Options) -> Self {
        let network = SimNetwork::new(options.network);
        let clock = network.clock();
        let sequencer = Process::start(&network, |transport| {
            let gateways = (0..options.gateways)
                .map(|n| GatewayLink { gateway: gateway_id(n), back: back(n) })
                .collect();
            let links = vesta_sequencer::Links {
                orders: orders(),
                input_log: input_log(),
                input_readers_min: 2,
                gateways,
            };
            SequencerAgent::new(transport, &links, sequencer_settings())
        });
        let engine = Process::start(&network, |transport| {
            let links = vesta_engine::Links {
                input_log: input_log(),
                event_log: event_log(),
                event_readers_min: options.gateways + 2,
            };
            EngineAgent::new(transport, &links, engine_settings(options.gateways))
        });
        let gateways = (0..options.gateways).map(|n| start_gateway(&network, n)).collect();
        let md_publisher = Process::start(&network, |transport| {
            let links = vesta_md_publisher::Links {
                event_log: event_log(),
                market_data: market_data(),
                snapshots: snapshots(),
            };
            MdPublisherAgent::new(transport, &links, md_settings(options.md_pending_bytes_max))
        });
        let tap = Process::start(&network, |transport| Ok(Tap::new(transport)));
        let clients = (0..2)
            .map(|n| {
                let gateway = address(1, 7_000 + n % options.gateways);
                Client::new(&network, n, gateway, options.network.seed, options.commands)
            })
            .collect();
        let feeds = vec![Feed::new(&network)];
        Self {
            network,
            clock,
            options,
            sequencer,
            engine,
            gateways,
            md_publisher,
            tap,
            clients,
            feeds,
        }
    }

    /// Time on every clock.
    pub fn now(&self) -> TimeNs {
        TimeNs(EPOCH_NS + self.clock.now_ns())
    }

    /// Simulated time since the start, ns.
    pub fn elapsed_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// One more market-data consumer, now.
    pub fn join_feed(&mut self) {
        self.feeds.push(Feed::new(&self.network));
    }

    /// One duty cycle of everything.
    pub fn step(&mut self) {
        self.clock.advance(STEP_NS);
        let (now, exits) = (self.now(), self.options.exits);
        self.sequencer.step(exits, |role| role.do_work(now));
        self.engine.step(exits, |role| role.do_work());
        for gateway in &mut self.gateways {
            gateway.step(exits, |role| role.do_work());
        }
        self.md_publisher.step(exits, |role| role.do_work(now));
        self.tap.step(exits, Tap::do_work);
        for feed in &mut self.feeds {
            feed.do_work();
        }
        for client in &mut self.clients {
            client.do_work(now);
        }
    }

    /// Steps until `done` holds.
    ///
    /// # Panics
    /// After `limit_ns` of simulated time; the message says where everybody stands.
    pub fn run_until(&mut self, limit_ns: u64, what: &str, done: impl Fn(&Self) -> bool) {
        let end_ns = self.elapsed_ns() + limit_ns;
        while !done(self) {
            assert!(
                self.elapsed_ns() < end_ns,
                "{what} not within {limit_ns} ns: {}",
                self.state()
            );
            self.step();
        }
    }

    /// Runs for so long.
    pub fn run_for(&mut self, time_ns: u64) {
        let end_ns = self.elapsed_ns() + time_ns;
        while self.elapsed_ns() < end_ns {
            self.step();
        }
    }

    /// Every client has an answer to every command, and every consumer and the tap have heard all.
    pub fn is_done(&self) -> bool {
        let events = self.tap.role().events.len() as u64;
        self.clients.iter().all(Client::is_done)
            && self.is_quiet()
            && self.feeds.iter().all(|feed| feed.has_heard(events))
    }

    /// The engine has applied all that was sequenced, and the tap heard it.
    fn is_quiet(&self) -> bool {
        let next = self.sequencer.role().sequencer().next_seq();
        self.engine.role().engine().next_seq() == next
            && self.tap.role().records.len() as u64 + 1 == next.0
            && self.tap.role().events.len() as u64 == self.engine.role().event_seq().0
    }

    /// Name and reason of every role that stopped.
    pub fn stops(&self) -> Vec<(String, String)> {
        let mut stops = vec![
            ("sequencer".to_owned(), self.sequencer.stop()),
            ("engine".to_owned(), self.engine.stop()),
            ("md-publisher".to_owned(), self.md_publisher.stop()),
        ];
        for (n, gateway) in self.gateways.iter().enumerate() {
            stops.push((format!("gateway {n}"), gateway.stop()));
        }
        let stopped = |(name, stop): (String, Option<&str>)| Some((name, stop?.to_owned()));
        stops.into_iter().filter_map(stopped).collect()
    }

    fn state(&self) -> String {
        let clients: Vec<_> = self.clients.iter().map(Client::state).collect();
        let feeds: Vec<_> = self.feeds.iter().map(Feed::state).collect();
        let (records, events) = (self.tap.role().records.len(), self.tap.role().events.len());
        format!(
            "{:?}\nstops {:?}\nclients {clients:?}\nfeeds {feeds:?}\n{records} records, {events} events",
            self.options,
            self.stops()
        )
    }
}

fn sequencer_settings() -> vesta_sequencer::Settings {
    let define = |(instrument, tick_e8, lot_e8): (InstrumentId, i64, i64)| DefineInstrument {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        rules: (&rules(instrument)).into(),
        symbol: Symbol::new(&format!("SIM-{instrument}")).expect("short"),
        instrument: instrument.0.into(),
        tick_size: vesta_wire::Decimal { mantissa: tick_e8.into(), exponent: -8 },
        lot_size: vesta_wire::Decimal { mantissa: lot_e8.into(), exponent: -8 },
        reserved: [0; 2],
    };
    vesta_sequencer::Settings {
        shard: SHARD,
        epoch: Epoch(1),
        clock_jump_max_ns: 1_000_000_000,
        instruments: INSTRUMENTS.into_iter().map(define).collect(),
        schedule: schedule(),
        tick_interval_ns: TICK_NS,
    }
}

/// The first instrument is plain; the second has bands and customs of its own.
fn rules(instrument: InstrumentId) -> InstrumentRules {
    let plain = InstrumentRules::new(PriceTicks(PRICE_MAX), QtyLots(QTY_MAX));
    if instrument == INSTRUMENTS[0].0 {
        return plain;
    }
    InstrumentRules {
        dynamic_band_ticks: 9,
        dynamic_band_action: BandAction::Interrupt,
        market_protection_ticks: 5,
        hidden_priority: HiddenPriority::ByTime,
        ..plain
    }
}

/// The first instrument is closed and opened once; the second is called, now and then, to auctions,
/// which also end the interruptions that its band brings about.
fn schedule() -> Vec<Scheduled> {
    let entry = |(after_us, instrument, state, auction): (u64, usize, _, _)| Scheduled {
        after_ns: after_us * 1_000,
        instrument: INSTRUMENTS[instrument].0,
        state,
        auction,
    };
    let (opening, closing) = (AuctionKind::Opening, AuctionKind::Closing);
    let day = [
        (6_000, 0, TradingState::AuctionCall, closing),
        (6_800, 0, TradingState::Uncross, closing),
        (7_000, 0, TradingState::PreOpen, opening),
        (7_200, 0, TradingState::AuctionCall, opening),
        (7_900, 0, TradingState::Uncross, opening),
        (9_000, 0, TradingState::Halt, opening),
        (9_100, 0, TradingState::Continuous, opening),
    ];
    let calls = (1..100).flat_map(|n| {
        let call = (n * 2_500, 1, TradingState::AuctionCall, AuctionKind::Volatility);
        let uncross = (n * 2_500 + 600, 1, TradingState::Uncross, AuctionKind::Volatility);
        [call, uncross]
    });
    day.into_iter().chain(calls).map(entry).collect()
}

fn engine_settings(gateways: usize) -> vesta_engine::Settings {
    let owner = |n| SessionOwner {
        open_order_max: OPEN_ORDER_MAX,
        accounts: [AccountId(0), AccountId(ACCOUNT)].into(),
        stp_groups: [StpGroup(STP_GROUP)].into(),
        ..SessionOwner::plain(session_id(n), gateway_id(n % gateways))
    };
    vesta_engine::Settings {
        shard: SHARD,
        epoch: Epoch(1),
        sessions: (0..2).map(owner).collect(),
        outcomes_kept: 4 * WINDOW,
        capacity: CAPACITY,
    }
}

fn start_gateway(
    network: &SimNetwork,
    n: usize,
) -> Process<GatewayAgent<SimTransport, SimDatagrams>> {
    Process::start(network, |transport| {
        let socket = network.bind(transport.node(), address(1, 7_000 + n))?;
        let links =
            vesta_gateway::Links { orders: orders(), back: back(n), event_log: event_log() };
        let scale = |(id, tick, lot)| (id, Scale::new(tick, lot).expect("above 0"));
        let settings = vesta_gateway::Settings {
            gateway: gateway_id(n),
            sessions: (0..2).map(session_id).collect(),
            instruments: INSTRUMENTS.into_iter().map(scale).collect(),
            window: WINDOW,
            cancel_reserve: 4,
            drain_max: std::time::Duration::ZERO,
        };
        GatewayAgent::new(transport, &links, socket, settings)
    })
}

fn md_settings(pending_bytes_max: usize) -> vesta_md_publisher::Settings {
    vesta_md_publisher::Settings {
        shard: SHARD,
        pending_bytes_max,
        snapshot_interval_ns: 3_000_000,
        heartbeat_interval_ns: 2_000_000,
    }
}
