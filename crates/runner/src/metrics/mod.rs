//! What a process counts, for Prometheus, and whether it is well, for a supervisor.
//!
//! ```text
//!   role's thread --stores--> counters file --reads--> a thread of its own --HTTP--> whoever scrapes
//! ```
//! The role's thread takes no part: it writes its file as it would without a scrape.
//!
//! `GET /metrics` is everything, as OpenMetrics text; `GET /healthz` is 200 once every role of the process
//! does what it is for; `GET /livez` is 200 while their loops turn.

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
/// What is asked for again sooner is answered with the same text: whoever asks without end costs no more
/// than ten readings a second.
const SAME_TEXT_NS: u64 = 100_000_000;

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
    clock: Clock,
    /// The latest text, and when it was made, monotonic ns.
    latest: Option<(u64, String)>,
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

    fn roles(&self) -> Vec<RoleSource> {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn metrics(&mut self) -> Answer {
        let now_ns = self.clock.mono_ns();
        let fresh = |(made_ns, _): &&(u64, String)| now_ns - made_ns < SAME_TEXT_NS;
        let body = match self.latest.as_ref().filter(fresh) {
            Some((_, text)) => text.clone(),
            None => {
                let mut samples = Samples::default();
                for role in self.roles() {
                    // Of one whose file is gone, or was never there, only its build is told.
                    let _ = samples.add(&role, self.clock.utc_ns().0);
                }
                let text = text::to_text(samples);
                self.latest = Some((now_ns, text.clone()));
                text
            }
        };
        Answer { status: "200 OK", content_type: text::CONTENT_TYPE, body }
    }

    fn health(&self, wants_ready: bool) -> Answer {
        let unwell = |words| Answer::words("503 Service Unavailable", words);
        let roles = self.roles();
        if roles.is_empty() {
            // It lives, and is not there yet: a driver that waits, a stream that is opened.
            let words = "starting";
            return if wants_ready {
                unwell(words.to_owned())
            } else {
                Answer::words("200 OK", words)
            };
        }
        match roles.iter().find_map(|role| self.ails(role, wants_ready)) {
            Some(why) => unwell(why),
            None => Answer::words("200 OK", if wants_ready { "ready" } else { "alive" }),
        }
    }

    /// What is not well with a role.
    fn ails(&self, source: &RoleSource, wants_ready: bool) -> Option<String> {
        let role = &source.role;
        let Some(path) = &source.counters else {
            return Some(format!("{role}: it has no counters file to tell by; its log says why"));
        };
        let reading = match Reading::of(path) {
            Ok(reading) => reading,
            Err(error) => return Some(format!("{role}: its counters can not be read: {error}")),
        };
        let age_ns = self.clock.utc_ns().0.saturating_sub(reading.published_ns);
        if age_ns > self.stale_ns {
            return Some(format!("{role}: its loop stands still for {} s", age_ns / 1_000_000_000));
        }
        let is_ready = reading.find("", "ready").map(Entry::value) == Some(1);
        (wants_ready && !is_ready).then(|| format!("{role}: waits for the streams that it needs"))
    }
}
