//! The sequencer as a process: from the configuration to an agent.

use crate::{GatewayLink, Links, Scheduled, SequencerAgent, Settings};
use std::error::Error;
use vesta_config::{Config, Instrument};
use vesta_netio::AeronTransport;
use vesta_runner::{
    Agent, CounterSink, Scope, StartError, Unit, link, tell_in, tell_named, tell_out,
};
use vesta_transport::Transport;
use vesta_types::{AuctionKind, TimeNs};
use vesta_wire::client::Origin;
use vesta_wire::record::{DefineInstrument, Stamp};

/// What the configuration makes a sequencer for.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    Settings {
        shard: config.shard_id(),
        epoch: config.epoch(),
        clock_jump_max_ns: config.sequencer.clock_jump_max_ms * 1_000_000,
        instruments: config.instrument_list.iter().map(definition).collect(),
        schedule: config.schedule.iter().flat_map(|entry| scheduled(config, *entry)).collect(),
        tick_interval_ns: config.sequencer.tick_interval_ms * 1_000_000,
    }
}

/// What an entry of the schedule is for each of the instruments that it means.
fn scheduled(config: &Config, entry: vesta_config::Scheduled) -> impl Iterator<Item = Scheduled> {
    let vesta_config::Scheduled { instrument, after_ms, state, auction } = entry;
    let all = config.instrument_list.iter().map(|known| known.id);
    let meant = all.filter(move |id| instrument.is_none_or(|only| only == *id));
    meant.map(move |instrument| Scheduled {
        after_ns: after_ms * 1_000_000,
        instrument,
        state,
        // The record has a place for it, which means something in an auction call only.
        auction: auction.unwrap_or(AuctionKind::Volatility),
    })
}

fn definition(instrument: &Instrument) -> DefineInstrument {
    DefineInstrument {
        stamp: Stamp::default(),
        origin: Origin::NONE,
        rules: (&instrument.rules).into(),
        symbol: instrument.wire_symbol(),
        instrument: instrument.id.0.into(),
        tick_size: vesta_wire::Decimal::e8(instrument.scale.tick_e8()),
        lot_size: vesta_wire::Decimal::e8(instrument.scale.lot_e8()),
        reserved: [0; 2],
    }
}

/// Where the configuration puts its streams.
#[must_use]
pub fn links(config: &Config) -> Links {
    let channels = config.channels();
    let gateways = config.gateway_list.iter().filter_map(|gateway| {
        let back = channels.sequencer_back_publication(gateway.id)?;
        Some(GatewayLink { gateway: gateway.id, back: link(back) })
    });
    Links {
        orders: link(channels.orders_subscription()),
        input_log: link(channels.input_log_publication()),
        input_readers_min: config.sequencer.input_readers_min as usize,
        gateways: gateways.collect(),
    }
}

/// Opens a sequencer's streams.
///
/// # Errors
/// When one can not be opened.
pub fn open(transport: &mut AeronTransport, config: &Config) -> Result<Box<dyn Agent>, StartError> {
    Ok(Box::new(SequencerAgent::new(transport, &links(config), settings(config))?))
}

impl<T: Transport> Agent for SequencerAgent<T> {
    fn do_work(&mut self, now: TimeNs) -> Result<usize, Box<dyn Error>> {
        Ok(Self::do_work(self, now)?)
    }

    fn is_ready(&self) -> bool {
        self.is_open()
    }

    fn summary(&self) -> String {
        let counters = self.counters();
        format!(
            "sequenced {} commands, refused {}, dropped {} of unknown gateways; {} records of its own",
            counters.sequenced, counters.refused, counters.unknown_gateways, counters.own
        )
    }

    fn latest(&self) -> Option<TimeNs> {
        Self::latest(self)
    }

    fn tell(&self, sink: &mut dyn CounterSink) {
        let (counts, streams) = (self.counters(), self.streams());
        tell_in(sink, Scope::stream("orders", streams.orders.0), &counts.orders);
        tell_out(sink, Scope::stream("input_log", streams.input_log.0), &counts.input_log);
        tell_out(sink, Scope::stream("sequencer_back", streams.back.0), &counts.back);
        for (name, count) in [
            ("sequenced", counts.sequenced),
            ("own_records", counts.own),
            ("refused", counts.refused),
            ("dropped_unknown_gateways", counts.unknown_gateways),
            ("dropped_refusals", counts.refusals_dropped),
            ("records", self.sequencer().next_seq().0 - 1),
        ] {
            sink.counter(Scope::ROLE, name, Unit::Count, count);
        }
        sink.gauge(Scope::ROLE, "gateways", Unit::Count, self.gateway_count() as u64);
        sink.gauge(Scope::ROLE, "outbox", Unit::Bytes, self.pending_bytes() as u64);
        tell_named(sink, "refused", counts.refused_by.given().map(|(why, n)| (why.name(), n)));
    }
}
