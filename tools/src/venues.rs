//! The two venues that a recording is replayed on: the matching library, and the whole appliance.

use crate::appliance::{Appliance, RunError};
use crate::client::{Client, Report};
use crate::feed::{Feed, Source};
use std::net::SocketAddr;
use std::time::Duration;
use vesta_config::{Config, Instrument};
use vesta_matching::Matcher;
use vesta_netio::{Clock, Idler, StopFlag, UdpSocket};
use vesta_replay::{Effect, Level, Owner, Request, Sessions, Venue};
use vesta_runner::idle;
use vesta_types::{
    Capacity, ClientOrderId, InstrumentId, InstrumentRules, PriceTicks, QtyLots, RejectReason,
    Scale, SessionId, Side,
};

/// A tick of a recording, in LOBSTER's own unit of 10^-4 dollars.
pub const RECORDED_TICK_E4: i64 = 1;
/// The instrument of a recording: LOBSTER counts 10^-4 dollars and single shares.
const TICK_E8: i64 = RECORDED_TICK_E4 * 10_000;
const LOT_E8: i64 = 100_000_000;
/// Largest order of a recording, shares: beyond any, and within 64 bits of 10^-8.
const QTY_MAX: u64 = 10_000_000_000;

/// Commands in flight at most.
const IN_FLIGHT_MAX: usize = 64;
/// How long the appliance may take to get ready, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest sleep of a thread that waits for the other, in microseconds: every row of a recording
/// waits for the appliance once, so its sleeps add up.
const SLEEP_MAX_US: u64 = 20;

/// `config` with the one instrument that a recording trades.
#[must_use]
pub fn recorded(mut config: Config) -> Config {
    let scale = Scale::new(TICK_E8, LOT_E8).expect("both sizes are above 0");
    config.instrument_list = vec![Instrument {
        id: InstrumentId(1),
        symbol: "RECORDED".to_owned(),
        tick_size: vesta_config::decimal_e8(TICK_E8),
        lot_size: vesta_config::decimal_e8(LOT_E8),
        scale,
        notional_max: vesta_config::decimal_e8(0),
        rules: InstrumentRules::new(PriceTicks::MAX, QtyLots(QTY_MAX)),
    }];
    config
}

/// The sessions that own the named and the anonymous orders.
///
/// # Errors
/// When the configuration's first gateway has fewer than two.
pub fn sessions(config: &Config) -> Result<Sessions, String> {
    let gateway = config.gateway_list.first().ok_or("the configuration has no [[gateway]]")?;
    let mut ids = config.sessions_of(gateway.id).map(|session| session.id);
    match (ids.next(), ids.next()) {
        (Some(named), Some(anonymous)) => Ok(Sessions { named, anonymous }),
        _ => Err(format!(
            "replay needs two sessions on gateway {}: give [[session]] a count of 2 or more",
            gateway.id
        )),
    }
}

/// The matching library, called directly.
pub struct MatchingVenue {
    matcher: Matcher,
    instrument: InstrumentId,
    sessions: Sessions,
}

impl MatchingVenue {
    /// An empty book of the configuration's capacity.
    ///
    /// # Errors
    /// When the instrument is not admitted.
    pub fn new(config: &Config) -> Result<Self, String> {
        let capacity = Capacity { session_count_max: 2, ..config.capacity() };
        let mut matcher = Matcher::new(capacity);
        let instrument = &config.instrument_list[0];
        matcher.define(instrument.id, instrument.rules).map_err(|r: RejectReason| r.to_string())?;
        let sessions = Sessions { named: SessionId(1), anonymous: SessionId(2) };
        for session in [sessions.named, sessions.anonymous] {
            matcher
                .define_session(session, config.engine.order_count_max)
                .map_err(|r: RejectReason| r.to_string())?;
        }
        Ok(Self { matcher, instrument: instrument.id, sessions })
    }
}

impl Venue for MatchingVenue {
    type Error = String;

    fn submit(&mut self, requests: &[Request], effects: &mut Vec<Effect>) -> Result<(), String> {
        let mut events = Vec::new();
        for request in requests {
            self.matcher.apply(&request.command(self.sessions, self.instrument), &mut events);
        }
        events.iter().for_each(|event| Effect::push_from(event, effects));
        Ok(())
    }

    fn levels(&mut self, side: Side, count: usize, levels: &mut Vec<Level>) -> Result<(), String> {
        let book = self.matcher.levels(self.instrument, side).take(count);
        levels.extend(book.map(|level| Level { price: level.price, qty: level.qty }));
        Ok(())
    }
}

/// All roles: commands go in over UDP, the book is decoded from the market-data multicast.
pub struct ApplianceVenue<'a> {
    appliance: Appliance,
    client: Client<UdpSocket>,
    feed: Feed,
    clock: Clock,
    idler: Idler,
    instrument: &'a Instrument,
    sessions: Sessions,
    stop: &'a StopFlag,
    tag: u64,
}

impl<'a> ApplianceVenue<'a> {
    /// Starts the roles, and waits until they take orders.
    ///
    /// # Errors
    /// Why they do not.
    pub fn start(config: &'a Config, stop: &'a StopFlag) -> Result<Self, RunError> {
        let mut tuned = config.clone();
        tuned.transport.idle_park_max_us = tuned.transport.idle_park_max_us.min(SLEEP_MAX_US);
        let gateway = config.gateway_list.first();
        let gateway = gateway.ok_or("the configuration has no [[gateway]]".to_owned());
        let gateway = gateway.map_err(RunError::NotStarted)?;
        let sessions = sessions(config).map_err(RunError::NotStarted)?;
        let socket = UdpSocket::bind(
            SocketAddr::V4(config.demo.client_bind),
            gateway.receive_buffer_bytes as usize,
        )
        .map_err(|error| RunError::not_started(config, error))?;
        let scales = config.scales();
        let client = Client::new(socket, SocketAddr::V4(gateway.listen), scales, IN_FLIGHT_MAX);
        let feed = Feed::join(&tuned, "consumer", Source::Publisher, false)
            .map_err(|error| RunError::not_started(config, error))?;
        // Last, because nothing else can fail: a thread that nobody ends leaves its driver behind.
        let appliance = Appliance::start(&tuned);
        let mut venue = Self {
            appliance,
            client,
            feed,
            clock: Clock::new(),
            idler: Idler::new(idle(&tuned)),
            instrument: &config.instrument_list[0],
            sessions,
            stop,
            tag: 0,
        };
        match venue.work_until(&[], &mut Vec::new(), "the venue is ready", |venue| {
            venue.appliance.is_ready() && venue.feed.consumer().is_live()
        }) {
            Ok(()) => Ok(venue),
            Err(error) => Err(match venue.appliance.finish() {
                Err(reason) => reason,
                Ok(_) => RunError::NotStarted(error),
            }),
        }
    }

    /// Ends the roles.
    ///
    /// # Errors
    /// Why one stopped before.
    pub fn finish(self) -> Result<(), RunError> {
        self.appliance.finish().map(drop)
    }

    /// Works until `done`; what clients are told goes to `effects`. The tags of `requests` are the
    /// last ones given.
    fn work_until(
        &mut self,
        requests: &[Request],
        effects: &mut Vec<Effect>,
        what: &str,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        let deadline = self.clock.mono_ns() + PATIENCE.as_nanos() as u64;
        loop {
            let work = self.cycle(requests, effects)?;
            if done(self) {
                return Ok(());
            }
            if self.stop.is_stopped() {
                return Err("interrupted".to_owned());
            }
            if self.clock.mono_ns() > deadline {
                return Err(format!("waited {PATIENCE:?} until {what}"));
            }
            self.idler.idle(work);
        }
    }

    fn cycle(&mut self, requests: &[Request], effects: &mut Vec<Effect>) -> Result<usize, String> {
        if self.appliance.is_finished() {
            return Err("the roles ended".to_owned());
        }
        let now = self.clock.mono_ns();
        let first = self.tag - requests.len() as u64;
        let lots = |qty_e8: i64| QtyLots(qty_e8.unsigned_abs() / LOT_E8.unsigned_abs());
        let work = self.client.poll(now, &mut |report| match report {
            Report::Answer(answer) => {
                let at = answer.tag.checked_sub(first).and_then(|at| usize::try_from(at).ok());
                let Some(request) = at.and_then(|at| requests.get(at)) else { return };
                let sessions = Sessions { named: SessionId(1), anonymous: SessionId(2) };
                let command = request.command(sessions, InstrumentId(1)).kind();
                effects.push(match answer.rejected {
                    None => Effect::Accepted { id: request.id, command },
                    Some(reason) => Effect::Rejected { id: request.id, command, reason },
                });
            }
            Report::Fill(fill) => effects.push(Effect::Executed {
                id: ClientOrderId(fill.client_order_id),
                maker: fill.maker,
                qty: lots(fill.qty_e8),
                leaves: lots(fill.leaves_e8),
            }),
            Report::Cancelled(state) => {
                effects.push(Effect::Cancelled { id: ClientOrderId(state.client_order_id) });
            }
            Report::Replaced(state) => effects.push(Effect::Replaced {
                id: ClientOrderId(state.client_order_id),
                qty: lots(state.qty_e8),
            }),
            // No request makes an order of such a kind.
            Report::Triggered(_) | Report::Repriced(_) | Report::SelfTradePrevented(_) => {}
        });
        Ok(work + self.feed.do_work(now).map_err(|error| error.to_string())?)
    }

    fn session(&self, owner: Owner) -> SessionId {
        match owner {
            Owner::Named => self.sessions.named,
            Owner::Anonymous => self.sessions.anonymous,
        }
    }
}

impl Venue for ApplianceVenue<'_> {
    type Error = String;

    fn submit(&mut self, requests: &[Request], effects: &mut Vec<Effect>) -> Result<(), String> {
        // Within a session the venue keeps our order whatever gets lost on the way; across sessions
        // only waiting does.
        let same_owner = |a: &Request, b: &Request| self.session(a.owner) == self.session(b.owner);
        let runs: Vec<&[Request]> = requests.chunk_by(same_owner).collect();
        for batch in runs.into_iter().flat_map(|run| run.chunks(IN_FLIGHT_MAX)) {
            for request in batch {
                let command = request.command(self.sessions, self.instrument.id);
                let now = self.clock.mono_ns();
                self.client.submit(now, &command, self.tag).map_err(|e| e.to_string())?;
                self.tag += 1;
            }
            self.work_until(batch, effects, "every command is answered", |venue| {
                venue.client.unanswered() == 0
            })?;
            // An answer is the first report of its command. When the gateway has sent the reports of
            // everything that the engine said, the others wait in our socket.
            let said = self.appliance.event_seq();
            self.work_until(batch, effects, "every report is sent", |venue| {
                venue.appliance.reported() >= said
            })?;
            while self.cycle(batch, effects)? > 0 {}
        }
        Ok(())
    }

    fn levels(&mut self, side: Side, count: usize, levels: &mut Vec<Level>) -> Result<(), String> {
        let said = self.appliance.event_seq();
        self.work_until(&[], &mut Vec::new(), "market data is up to date", |venue| {
            venue.feed.consumer().is_live() && venue.feed.consumer().event_seq() >= said
        })?;
        let book = self.feed.consumer().book(self.instrument.id).ok_or("no book")?;
        let best = book.levels(side).take(count);
        levels.extend(best.map(|level| Level { price: level.price, qty: level.qty }));
        Ok(())
    }
}
