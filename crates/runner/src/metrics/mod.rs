//! What a process counts, for Prometheus, and whether it is well, for a supervisor.
//!
//! ```text
//!   role's thread --stores--> counters file --reads--> a thread of its own --HTTP--> whoever scrapes
//! ```
//! The role's thread takes no part: it writes its file as it would without a scrape.
//!
//! `GET /metrics` is everything, as OpenMetrics text; `GET /healthz` is 200 once every role of the process
//! does what it is for; `GET /livez` is 200 but for a role whose loop is seen to stand still.

mod gather;
mod http;
mod names;
#[cfg(test)]
mod tests;
mod text;

pub use gather::RoleSource;

use crate::process::StartError;
use gather::Samples;
use http::{Answer, serve};
use std::fmt;
use std::net::{SocketAddrV4, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use vesta_config::Config;
use vesta_hotmem::{Entry, Reading};
use vesta_netio::Clock;
use vesta_types::GatewayId;

/// A loop that has not written its numbers for this long hangs. It writes them every
/// `counters.interval_ms`, 10 s at most, and sleeps 10 ms at most.
const STALE_NS: u64 = 5_000_000_000;
/// Whatever is asked for sooner again is answered from the same reading of the files: whoever asks without
/// end costs no more than ten readings a second.
const SAME_NS: u64 = 100_000_000;

/// Serves what the roles of this process count, until it is dropped.
#[derive(Debug)]
pub struct Metrics {
    place: SocketAddrV4,
    roles: Arc<Mutex<Vec<RoleSource>>>,
    /// Closed to stop the thread, before it is waited for.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Metrics {
    /// Opens the port of the process of `role`, where the configuration wants it to serve; `gateway` is
    /// which gateway it is, if it is one. To be called before the thread of the role is pinned: a thread
    /// that is started after it would share its CPU.
    ///
    /// # Errors
    /// When the port is taken or the address is not this host's; the error names the key.
    pub fn serve(
        config: &Config,
        role: &str,
        gateway: Option<GatewayId>,
    ) -> Result<Option<Self>, StartError> {
        let Some((key, place)) = config.metrics_place(role, gateway) else { return Ok(None) };
        let refused = |source| StartError::Metrics { key: key.clone(), place, source };
        let listener = TcpListener::bind(place).map_err(&refused)?;
        let (stop, stopped) = UnixStream::pair().map_err(&refused)?;
        let roles = Arc::<Mutex<Vec<RoleSource>>>::default();
        let mut desk = Desk {
            roles: Arc::clone(&roles),
            stale_ns: STALE_NS.max(3_000_000 * config.counters.interval_ms),
            same_ns: SAME_NS,
            clock: Clock::new(),
            latest: None,
        };
        let work = move || {
            if let Err(error) = serve(&listener, &stopped, &mut |path| desk.answer(path)) {
                eprintln!("metrics are not served any more: {error}");
            }
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned());
        let thread = thread.spawn(work).map_err(&refused)?;
        Ok(Some(Self { place, roles, stop: Some(stop), thread: Some(thread) }))
    }

    /// Serves a role of this process too.
    pub fn add(&self, role: RoleSource) {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner).push(role);
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metrics at http://{}/metrics", self.place)
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It ends with its next look, and has no panic to hand on that it has not printed.
            let _ = thread.join();
        }
    }
}

/// Where the answers are made.
struct Desk {
    roles: Arc<Mutex<Vec<RoleSource>>>,
    stale_ns: u64,
    same_ns: u64,
    clock: Clock,
    latest: Option<Look>,
}

/// What the files of all roles said at one moment.
struct Look {
    /// Monotonic.
    made_ns: u64,
    /// Each role, with its numbers or why there are none to be had.
    roles: Vec<(RoleSource, Result<Reading, String>)>,
    /// The text of a scrape, once somebody has asked for it.
    text: Option<String>,
}

impl Look {
    fn at(roles: Vec<RoleSource>, made_ns: u64) -> Self {
        let read = |source: &RoleSource| match &source.counters {
            None => Err("it has no counters file to tell by; its log says why".to_owned()),
            Some(path) => {
                Reading::of(path).map_err(|error| format!("its counters can not be read: {error}"))
            }
        };
        let roles = roles.into_iter().map(|source| {
            let reading = read(&source);
            (source, reading)
        });
        Self { made_ns, roles: roles.collect(), text: None }
    }

    fn text(&mut self, now_ns: u64) -> &str {
        self.text.get_or_insert_with(|| {
            let mut samples = Samples::default();
            for (source, reading) in &self.roles {
                samples.add(source, reading.as_ref().ok(), now_ns);
            }
            text::to_text(samples)
        })
    }
}

impl Desk {
    fn answer(&mut self, path: &str) -> Option<Answer> {
        match path {
            "/metrics" => Some(self.metrics()),
            "/healthz" => Some(self.health(true)),
            "/livez" => Some(self.health(false)),
            _ => None,
        }
    }

    /// The latest look, or another one when it is old, or a role has come since.
    fn look(&mut self) -> &mut Look {
        let now_ns = self.clock.mono_ns();
        let roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let same_ns = self.same_ns;
        let is_good =
            |look: &Look| now_ns - look.made_ns < same_ns && look.roles.len() == roles.len();
        let latest = self.latest.take().filter(is_good);
        self.latest.insert(latest.unwrap_or_else(|| Look::at(roles, now_ns)))
    }

    fn metrics(&mut self) -> Answer {
        let now_ns = self.clock.utc_ns().0;
        let body = self.look().text(now_ns).to_owned();
        Answer { status: "200 OK", content_type: text::CONTENT_TYPE, body }
    }

    fn health(&mut self, wants_ready: bool) -> Answer {
        let unwell = |words| Answer::words("503 Service Unavailable", words);
        let (now_ns, stale_ns) = (self.clock.utc_ns().0, self.stale_ns);
        let look = self.look();
        if look.roles.is_empty() {
            // It lives, and is not there yet: a driver that waits, a stream that is opened.
            let words = "starting";
            return if wants_ready {
                unwell(words.to_owned())
            } else {
                Answer::words("200 OK", words)
            };
        }
        let ails = |(source, reading): &(RoleSource, Result<Reading, String>)| {
            let why = match reading {
                Ok(reading) => fault(reading, now_ns, stale_ns, wants_ready)?,
                // It works without; whoever ends it for that has one fewer that works.
                Err(_) if !wants_ready => return None,
                Err(why) => why.clone(),
            };
            Some(format!("{}: {why}", source.role))
        };
        match look.roles.iter().find_map(ails) {
            Some(why) => unwell(why),
            None => Answer::words("200 OK", if wants_ready { "ready" } else { "alive" }),
        }
    }
}

/// What is not well with a role that tells its numbers.
fn fault(reading: &Reading, now_ns: u64, stale_ns: u64, wants_ready: bool) -> Option<String> {
    let age_ns = now_ns.saturating_sub(reading.published_ns);
    if age_ns > stale_ns {
        return Some(format!("its loop stands still for {} s", age_ns / 1_000_000_000));
    }
    let is_ready = reading.find("", "ready").map(Entry::value) == Some(1);
    (wants_ready && !is_ready).then(|| "waits for the streams that it needs".to_owned())
}
