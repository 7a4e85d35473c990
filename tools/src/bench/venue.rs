//! The roles as processes of a measurement, and the configuration that puts them where they do not
//! meet a venue that runs on the same machine.

use super::network::Place;
use super::trace::{Trace, TracedSocket, TracedTransport};
use super::worker::{Parent, Worker, pin};
use super::{BenchError, Job};
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;
use vesta_config::{Config, Datapath, GroupStream, Idle};
use vesta_engine::EngineAgent;
use vesta_gateway::GatewayAgent;
use vesta_md_publisher::MdPublisherAgent;
use vesta_netio::{AeronTransport, Clock, Idler, StopFlag, UdpSocket};
use vesta_runner::{Agent, StartError, client_settings, driver_settings, idle};
use vesta_sequencer::SequencerAgent;
use vesta_transport::{DatagramSocket, Duty, StreamId, Transport};

/// Added to every port of the configuration.
const PORT_OFFSET: u16 = 1_000;
/// The third octet of our groups; theirs is another.
const GROUP_OCTET: u8 = 87;
/// How long a process may take to start, and the roles to find each other.
pub const START_MAX: Duration = Duration::from_secs(30);

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Clients in, reports out.
    Gateway,
    /// Orders in, input log out.
    Sequencer,
    /// Input log in, event log out.
    Engine,
    /// Event log in, market data out.
    MdPublisher,
}

impl Role {
    /// As its process is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Sequencer => "sequencer",
            Self::Engine => "engine",
            Self::MdPublisher => "md-publisher",
        }
    }
}

/// What a process of a role is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoleJob {
    /// Which role.
    pub role: Role,
    /// The configuration, as TOML.
    pub config: String,
    /// The core to stay on.
    pub core: Option<usize>,
    /// Where its trace goes, if it is to keep one.
    pub trace: Option<PathBuf>,
}

/// What a role says at its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoleEnd {
    /// What it counted, in words.
    pub summary: String,
}

/// The configuration in `toml`, on `place`.
///
/// # Errors
/// When it is none, or the datapath is not known.
pub fn configure(toml: &str, place: &Place, datapath: &str) -> Result<Config, BenchError> {
    let mut config = Config::parse(toml, "bench")
        .map_err(|error| BenchError::not_started("configuration", error))?;
    move_to(&mut config, place, datapath)?;
    Ok(config)
}

/// Why something of a venue did not start, with the key to change.
pub fn not_started(config: &Config, error: impl Into<StartError>) -> BenchError {
    BenchError::CannotStart(error.into().with_knob(config).to_string())
}

/// A unicast channel to `address`; with a stream's settings where it is written.
#[must_use]
pub fn unicast(
    address: Ipv4Addr,
    port: u16,
    id: i32,
    written: Option<&GroupStream>,
) -> (String, StreamId) {
    let buffers = written.map_or(String::new(), |stream| format!("|{}", stream.buffers()));
    (format!("aeron:udp?endpoint={address}:{port}{buffers}"), StreamId(id))
}

/// Puts a configuration on `place`: its own address, ports and groups.
///
/// # Errors
/// When the datapath is not known.
pub fn move_to(config: &mut Config, place: &Place, datapath: &str) -> Result<(), BenchError> {
    let cannot = |error: String| BenchError::not_started("transport.datapath", error);
    config.transport.datapath = datapath.to_owned().try_into().map_err(cannot)?;
    config.transport.interface.clone_from(&place.interface);
    config.transport.xdp_interface.clone_from(&place.interface);
    let port = |port: u16| port.saturating_add(PORT_OFFSET);
    let here = |address: SocketAddrV4| SocketAddrV4::new(place.address, port(address.port()));
    let streams = &mut config.streams;
    streams.orders.endpoint = here(streams.orders.endpoint);
    for stream in [
        &mut streams.input_log,
        &mut streams.event_log,
        &mut streams.market_data,
        &mut streams.snapshots,
    ] {
        let [a, b, _, d] = stream.group.ip().octets();
        stream.group = SocketAddrV4::new([a, b, GROUP_OCTET, d].into(), port(stream.group.port()));
    }
    config.gateway_list.truncate(1);
    for gateway in &mut config.gateway_list {
        gateway.listen = here(gateway.listen);
        gateway.back_endpoint = here(gateway.back_endpoint);
    }
    let of = config.gateway_list.first().map(|gateway| gateway.id);
    config.session_list.retain(|session| Some(session.gateway) == of);
    config.demo.client_bind = SocketAddrV4::new(place.address, 0);
    Ok(())
}

/// Chooses what idle processes do: with a core for each they spin, otherwise they back off.
pub const fn choose_idle(config: &mut Config, processes: usize, cores: usize) {
    config.transport.idle = if cores >= processes { Idle::Spin } else { Idle::Backoff };
}

/// Nanoseconds for which a process was on a core so far, all its threads; `None` where the kernel does
/// not say.
#[must_use]
pub fn cpu_ns(pid: u32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let of_task = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    tasks.flatten().map(of_task).sum()
}

/// Starts a role; it says `ready` later.
///
/// # Errors
/// When it can not be started.
pub fn start(job: RoleJob, place: &Place) -> Result<Worker, BenchError> {
    Worker::start(job.role.name(), &place.host, &Job::Role(job))
}

/// Waits until all say that they are ready.
///
/// # Errors
/// When one does not, or `stop` is set.
pub fn await_ready(workers: &mut [&mut Worker], stop: &StopFlag) -> Result<(), BenchError> {
    for worker in workers {
        worker.hear(START_MAX, stop)?;
    }
    Ok(())
}

/// Runs a role until told to stop, in this process.
///
/// # Errors
/// Why it could not start, or stopped before.
pub fn run(parent: &Parent, job: &RoleJob) -> Result<(), BenchError> {
    pin(job.core)?;
    let config = Config::parse(&job.config, "bench")
        .map_err(|error| BenchError::not_started("configuration", error))?;
    let name = job.role.name();
    let transport = embed(&config, &format!("bench-{name}"))?;
    let failed = |error: StartError| not_started(&config, error);
    match &job.trace {
        None => {
            let mut transport = transport;
            let agent = open(job.role, &mut transport, &config, |s| s).map_err(failed)?;
            work(parent, name, &mut transport, agent, &config)
        }
        Some(path) => {
            let trace = Trace::new();
            let mut transport = TracedTransport::new(transport, trace.clone());
            let traced = |socket| TracedSocket::new(socket, trace.clone());
            let agent = open(job.role, &mut transport, &config, traced).map_err(failed)?;
            let worked = work(parent, name, &mut transport, agent, &config);
            trace.write(path)?;
            worked
        }
    }
}

/// Starts a media driver on the datapath that is configured, and on no other: a figure of the one that
/// it fell back to would have the wrong name.
///
/// # Errors
/// Why it does not start, with the key to change; and when it fell back.
pub fn embed(config: &Config, role: &str) -> Result<AeronTransport, BenchError> {
    let (driver, client) = (driver_settings(config, role), client_settings(config, role));
    let transport =
        AeronTransport::embed(&driver, client).map_err(|error| not_started(config, error))?;
    let wanted = config.transport.datapath;
    let selected = transport.with_driver(|driver| driver.datapath().clone());
    match selected {
        Some(selected)
            if wanted != Datapath::Auto && selected.datapath.to_string() != wanted.name() =>
        {
            Err(BenchError::CannotStart(format!("{wanted} was wanted, not {selected}")))
        }
        _ => Ok(transport),
    }
}

fn open<T: Transport + 'static, D: DatagramSocket + 'static>(
    role: Role,
    transport: &mut T,
    config: &Config,
    socket: impl FnOnce(UdpSocket) -> D,
) -> Result<Box<dyn Agent>, StartError> {
    Ok(match role {
        Role::Sequencer => Box::new(SequencerAgent::new(
            transport,
            &vesta_sequencer::run::links(config),
            vesta_sequencer::run::settings(config),
        )?),
        Role::Engine => Box::new(EngineAgent::new(
            transport,
            &vesta_engine::run::links(config),
            vesta_engine::run::settings(config),
        )?),
        Role::MdPublisher => Box::new(MdPublisherAgent::new(
            transport,
            &vesta_md_publisher::run::links(config),
            vesta_md_publisher::run::settings(config),
        )?),
        Role::Gateway => {
            let none = || StartError::Argument("the configuration has no [[gateway]]".to_owned());
            let gateway = config.gateway_list.first().ok_or_else(none)?;
            let links = vesta_gateway::run::links(config, gateway).ok_or_else(none)?;
            let listen = SocketAddr::V4(gateway.listen);
            let udp = UdpSocket::bind(listen, gateway.receive_buffer_bytes as usize)?;
            let settings = vesta_gateway::run::settings(config, gateway);
            Box::new(GatewayAgent::new(transport, &links, socket(udp), settings)?)
        }
    })
}

fn work(
    parent: &Parent,
    name: &str,
    transport: &mut impl Duty,
    mut agent: Box<dyn Agent>,
    config: &Config,
) -> Result<(), BenchError> {
    let clock = Clock::new();
    let mut idler = Idler::new(idle(config));
    let mut announced = false;
    while !parent.stop().is_stopped() {
        let mut work =
            transport.do_work().map_err(|error| BenchError::broke("transport", error))?;
        work += agent.do_work(clock.utc_ns()).map_err(|error| BenchError::broke(name, error))?;
        if !announced && agent.is_ready() {
            announced = true;
            parent.tell(&"ready");
        }
        idler.idle(work);
    }
    parent.tell(&RoleEnd { summary: agent.summary() });
    Ok(())
}
