//! The gateway as a process: from the configuration to an agent.

use crate::{GatewayAgent, Links, Settings};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use vesta_config::{Config, Gateway as GatewayConfig};
use vesta_netio::{AeronTransport, UdpSocket};
use vesta_runner::{
    Agent, CounterSink, Scope, StartError, Unit, link, tell_in, tell_named, tell_out,
};
use vesta_transport::{DatagramSocket, Transport};
use vesta_types::TimeNs;

/// What the configuration makes this gateway for.
#[must_use]
pub fn settings(config: &Config, gateway: &GatewayConfig) -> Settings {
    Settings {
        gateway: gateway.id,
        sessions: config.sessions_of(gateway.id).map(|session| session.id).collect(),
        instruments: config.scales().collect(),
        window: config.sessions.window,
        cancel_reserve: config.sessions.cancel_reserve,
        drain_max: Duration::from_millis(gateway.drain_max_ms.into()),
    }
}

/// Where the configuration puts its streams; `None` for a gateway that it does not have.
#[must_use]
pub fn links(config: &Config, gateway: &GatewayConfig) -> Option<Links> {
    let channels = config.channels();
    Some(Links {
        orders: link(channels.orders_publication()),
        back: link(channels.sequencer_back_subscription(gateway.id)?),
        event_log: link(channels.event_log_subscription()),
    })
}

/// Opens the streams and the clients' socket of the gateway `id`, or of the first one.
///
/// # Errors
/// When there is no such gateway, or one of them can not be opened.
pub fn open(
    transport: &mut AeronTransport,
    config: &Config,
    id: Option<u32>,
) -> Result<Box<dyn Agent>, StartError> {
    Ok(Box::new(open_agent(transport, config, id)?))
}

/// As [`open`], for those who want the agent itself.
///
/// # Errors
/// As [`open`].
pub fn open_agent(
    transport: &mut AeronTransport,
    config: &Config,
    id: Option<u32>,
) -> Result<GatewayAgent<AeronTransport, UdpSocket>, StartError> {
    let wanted = |gateway: &&GatewayConfig| id.is_none_or(|id| gateway.id.0 == id);
    let gateway = config.gateway_list.iter().find(wanted).ok_or_else(|| {
        let known: Vec<_> = config.gateway_list.iter().map(|g| g.id.to_string()).collect();
        let id = id.unwrap_or_default();
        StartError::Argument(format!(
            "--gateway {id}: the configuration has no such [[gateway]], only {}",
            known.join(", ")
        ))
    })?;
    let links = links(config, gateway).ok_or_else(|| {
        StartError::Argument(format!(
            "gateway {} has no stream back from the sequencer",
            gateway.id
        ))
    })?;
    let listen = SocketAddr::V4(gateway.listen);
    let socket = UdpSocket::bind(listen, gateway.receive_buffer_bytes as usize)?;
    Ok(GatewayAgent::new(transport, &links, socket, settings(config, gateway))?)
}

impl<T: Transport, D: DatagramSocket> Agent for GatewayAgent<T, D> {
    fn do_work(&mut self, _now: TimeNs) -> Result<usize, Box<dyn Error>> {
        Ok(Self::do_work(self)?)
    }

    fn is_ready(&self) -> bool {
        Self::is_ready(self)
    }

    fn drain(&mut self) -> Duration {
        Self::drain(self)
    }

    fn open(&self) -> u64 {
        Self::open(self)
    }

    fn summary(&self) -> String {
        let c = self.counters();
        format!(
            "received {} datagrams, forwarded {}, refused {}, dropped {} runts and {} \
             strays; sent {} reports, dropped {}",
            c.datagrams, c.forwarded, c.refused, c.runts, c.strays, c.reports, c.reports_dropped
        )
    }

    fn latest(&self) -> Option<TimeNs> {
        Self::latest(self)
    }

    fn tell(&self, sink: &mut dyn CounterSink) {
        let (counts, streams) = (self.counters(), self.streams());
        tell_in(sink, Scope::named("clients"), &counts.clients_in);
        tell_out(sink, Scope::named("clients"), &counts.clients_out);
        tell_out(sink, Scope::stream("orders", streams.orders.0), &counts.orders);
        tell_in(sink, Scope::stream("sequencer_back", streams.back.0), &counts.back);
        tell_in(sink, Scope::stream("event_log", streams.event_log.0), &counts.event_log);
        for (name, count) in [
            ("forwarded", counts.forwarded),
            ("refused", counts.refused),
            ("dropped_runts", counts.runts),
            ("dropped_strays", counts.strays),
            ("reports", counts.reports),
            ("dropped_reports", counts.reports_dropped),
            ("events", self.event_seq().0),
            ("rival_publishers", self.rivals()),
        ] {
            sink.counter(Scope::ROLE, name, Unit::Count, count);
        }
        sink.gauge(Scope::ROLE, "reports_waiting", Unit::Count, self.reports_waiting() as u64);
        tell_named(sink, "refused", counts.refused_by.given().map(|(why, n)| (why.name(), n)));
    }
}
