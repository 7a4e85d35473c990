//! Metrics of real counters files, and the responder against whoever there is. Real roles are scraped by
//! `tests/tests/metrics.rs`.

use super::gather::{Samples, metric_of};
use super::*;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vesta_hotmem::{CounterSink, CountersFile, Histogram, Scope, Touch, Unit};

/// No answer takes this long; no test waits for it either.
const PATIENCE: Duration = Duration::from_secs(20);

/// A counters file in a folder of its own.
struct Role {
    folder: PathBuf,
    file: CountersFile,
}

impl Role {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("metrics-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = CountersFile::create(&folder, "engine", "", Path::new("/nowhere"), 1);
        Self { folder, file: file.expect("a file") }
    }

    fn source(&self) -> RoleSource {
        RoleSource {
            role: "engine".to_owned(),
            shard: 7,
            counters: Some(self.file.path().to_owned()),
            tells_driver: true,
            datapath: "socket".to_owned(),
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn tell(sink: &mut dyn CounterSink) {
    let orders = Scope::stream("orders", 10);
    sink.gauge(Scope::ROLE, "ready", Unit::Count, 1);
    sink.counter(orders, "messages_in", Unit::Messages, 3);
    sink.counter(orders, "bytes_in", Unit::Bytes, 300);
    sink.counter(Scope::named("clients"), "messages_out", Unit::Messages, 5);
    sink.gauge(Scope::ROLE, "outbox", Unit::Bytes, 64);
    sink.counter(Scope::ROLE, "dropped_runts", Unit::Count, 2);
    sink.counter(Scope::named("refused"), "window_full", Unit::Count, 4);
    sink.counter(Scope::named("gate"), "unlisted_sources", Unit::Count, 6);
    sink.counter(Scope::ROLE, "a_new_one", Unit::Count, 9);
    let mut hop = Histogram::default();
    [50, 1_000, 1_000, u64::MAX / 2].into_iter().for_each(|ns| hop.record(ns));
    sink.histogram(Scope::ROLE, "hop", &hop);
    sink.counter(Scope::ROLE, "hop_sum", Unit::Nanoseconds, 4_000);
    let touch = Touch {
        bid_ticks: 101,
        bid_lots: 5,
        tick_e8: 1_000_000,
        lot_e8: 10_000,
        ..Touch::default()
    };
    sink.touch("BTC \"USD\"", touch);
}

fn text_of(role: &Role, now_ns: u64) -> String {
    let mut samples = Samples::default();
    let reading = Reading::of(role.file.path()).expect("it reads");
    samples.add(&role.source(), Some(&reading), now_ns);
    text::to_text(samples)
}

#[test]
fn every_number_has_its_line() {
    let mut role = Role::new("lines");
    role.file.publish(2_000_000_000, tell);
    let text = text_of(&role, 2_500_000_000);
    let me = "role=\"engine\",shard=\"7\"";
    for line in [
        "# TYPE vesta_build info".to_owned(),
        "# TYPE vesta_stream_received_bytes counter".to_owned(),
        "# UNIT vesta_stream_received_bytes bytes".to_owned(),
        "# TYPE vesta_outbox_bytes gauge".to_owned(),
        "# TYPE vesta_hop_seconds histogram".to_owned(),
        format!("vesta_ready{{{me}}} 1"),
        format!("vesta_counters_age_seconds{{{me}}} 0.5"),
        format!("vesta_start_time_seconds{{{me}}} 1e-9"),
        format!(
            "vesta_stream_received_messages_total{{{me},stream=\"orders\",stream_id=\"10\"}} 3"
        ),
        format!("vesta_stream_received_bytes_total{{{me},stream=\"orders\",stream_id=\"10\"}} 300"),
        format!("vesta_stream_sent_messages_total{{{me},stream=\"clients\",stream_id=\"\"}} 5"),
        format!("vesta_outbox_bytes{{{me}}} 64"),
        format!("vesta_dropped_total{{{me},what=\"runts\"}} 2"),
        format!("vesta_refused_by_reason_total{{{me},reason=\"window_full\"}} 4"),
        format!("vesta_gate_dropped_total{{{me},reason=\"unlisted_sources\"}} 6"),
        format!("vesta_other{{{me},scope=\"\",counter=\"a_new_one\"}} 9"),
        format!("vesta_hop_seconds_count{{{me}}} 4"),
        format!("vesta_hop_seconds_sum{{{me}}} 0.000004"),
        format!("vesta_hop_seconds_bucket{{le=\"6.3e-8\",{me}}} 1"),
        format!("vesta_hop_seconds_bucket{{le=\"+Inf\",{me}}} 4"),
        format!("vesta_book_price{{{me},instrument=\"BTC \\\"USD\\\"\",side=\"bid\"}} 1.01"),
        format!("vesta_book_quantity{{{me},instrument=\"BTC \\\"USD\\\"\",side=\"bid\"}} 0.0005"),
        "# EOF".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("side=\"ask\""), "a side that is empty has no price");
    // Each metric once, and no sample twice: what Prometheus refuses whole.
    let mut seen = std::collections::BTreeSet::new();
    for line in text.lines() {
        let key = line.rsplit_once(' ').map_or(line, |(key, _)| key);
        let key = if line.starts_with("# TYPE") {
            key
        } else {
            line.rsplit_once(' ').map_or(line, |(k, _)| k)
        };
        assert!(line.starts_with("# HELP") || seen.insert(key.to_owned()), "twice: {line}");
    }
}

/// What a role tells of itself is not all: `*` must not swallow what has a metric of its own.
#[test]
fn each_number_has_one_metric() {
    let mut role = Role::new("one");
    role.file.publish(1, tell);
    let reading = Reading::of(role.file.path()).expect("ours");
    let shown = |scope: &str, name: &str| {
        let entry = reading.find(scope, name).expect("told");
        metric_of(entry).map(|(metric, rest)| (metric.name, rest.to_owned()))
    };
    assert_eq!(shown("", "dropped_runts"), Some(("vesta_dropped", "runts".to_owned())));
    assert_eq!(
        shown("refused", "window_full"),
        Some(("vesta_refused_by_reason", "window_full".to_owned()))
    );
    assert_eq!(shown("", "hop_sum"), Some(("vesta_hop", String::new())));
    assert_eq!(shown("", "a_new_one"), None);
}

/// A responder on a free port, with one small and one large answer.
struct Server {
    place: SocketAddr,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

const LARGE_BYTES: usize = 4 << 20;
/// What is read of a request at most, the head and what is read away after the answer.
const HEAD_AND_REST_BYTES: usize = 72 << 10;

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let place = listener.local_addr().expect("bound");
        let (stop, stopped) = UnixStream::pair().expect("a pair");
        let thread = std::thread::spawn(move || {
            serve(&listener, &stopped, &mut |path| match path {
                "/metrics" => Some(Answer::words("200 OK", "all is well")),
                "/large" => Some(Answer::words("200 OK", "x".repeat(LARGE_BYTES))),
                _ => None,
            })
        });
        Self { place, stop: Some(stop), thread: Some(thread) }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.place).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }

    /// Sends these bytes, and returns what comes back until the end.
    fn ask(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may have answered, and closed, before all is sent.
        let _ = stream.write_all(bytes);
        let (answer, ended) = read_to_end(&mut stream);
        // A connection that is closed with bytes unread is reset, which may take the answer back; of what
        // has no end not all is read.
        assert!(ended.is_ok() || bytes.len() > HEAD_AND_REST_BYTES, "{ended:?}: {answer}");
        answer
    }

    fn assert_well(&self) {
        let answer = self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nall is well\n"), "{answer}");
        assert!(answer.contains("\r\nContent-Length: 12\r\n"), "{answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    }
}

fn read_to_end(stream: &mut TcpStream) -> (String, Result<usize, std::io::ErrorKind>) {
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).map_err(|error| error.kind());
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

/// A reset is an end too; that nothing comes and nothing ends is what must not be.
fn read_all(stream: &mut TcpStream) -> String {
    let (text, ended) = read_to_end(stream);
    assert!(ended != Err(std::io::ErrorKind::WouldBlock), "the connection was left open");
    text
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        let outcome = self.thread.take().expect("until now").join().expect("no panic");
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

#[test]
fn what_is_asked_for_is_answered_and_nothing_else() {
    let server = Server::start();
    let huge = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(64 << 10));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100));
    let mut long_path = b"GET /".to_vec();
    long_path.extend(std::iter::repeat_n(b'a', 1 << 20));
    for (asked, status) in [
        (&b"GET /metrics?x=1 HTTP/1.0\r\n\r\n"[..], "200"),
        (b"GET /metricsx HTTP/1.1\r\n\r\n", "404"),
        (b"GET /../metrics HTTP/1.1\r\n\r\n", "404"),
        (b"GET / HTTP/1.1\r\n\r\n", "404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", "405"),
        (b"get /metrics HTTP/1.1\r\n\r\n", "405"),
        (b"GET /metrics HTTP/9.9\r\n\r\n", "400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage", "400"),
        (b"\r\n\r\n\0\0\0\0", "400"),
        (b"GET /metrics HTTP/1.1\r\nNo colon\r\n\r\n", "400"),
        (huge.as_bytes(), "431"),
        (many.as_bytes(), "431"),
        (&long_path, "431"),
    ] {
        let answer = server.ask(asked);
        let start = String::from_utf8_lossy(&asked[..asked.len().min(60)]).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start:?}: {answer:?}");
        assert_eq!(answer.contains("Allow: GET\r\n"), status == "405", "{answer}");
    }
    server.assert_well();
}

/// Bytes that come one by one, a head that never ends, a client that does not read, one that goes.
#[test]
fn the_slow_are_answered_or_dropped_and_in_nobodys_way() {
    let server = Server::start();
    let mut slow = server.connect();
    let mut silent = server.connect();
    let mut deaf = server.connect();
    deaf.write_all(b"GET /large HTTP/1.1\r\n\r\n").expect("sent");
    let gone = server.connect();
    drop(gone);
    for byte in b"GET /metrics HTTP/1.1\r\n\r\n" {
        slow.write_all(&[*byte]).expect("it waits");
        server.assert_well();
    }
    assert!(read_all(&mut slow).ends_with("all is well\n"));
    // Dropped when its time is over, by the other side: this read has an end.
    silent.write_all(b"GET /metr").expect("sent");
    assert_eq!(read_all(&mut silent), "");
    // Whoever reads late has lost what the kernel does not hold.
    let received = read_all(&mut deaf).len();
    assert!(received < LARGE_BYTES, "{received}");
    server.assert_well();
}

#[test]
fn a_crowd_does_not_keep_a_scrape_out() {
    let server = Server::start();
    let crowd: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            let _ = stream.write_all(b"GET /metrics HTT");
            stream
        })
        .collect();
    for _ in 0..20 {
        server.assert_well();
    }
    // The oldest had to go.
    let mut first = crowd.into_iter().next().expect("many");
    assert_eq!(read_all(&mut first), "");
}

#[test]
fn a_large_answer_arrives_whole() {
    let server = Server::start();
    let mut stream = server.connect();
    stream.write_all(b"GET /large HTTP/1.1\r\n\r\n").expect("sent");
    stream.shutdown(Shutdown::Write).expect("ours");
    let answer = read_all(&mut stream);
    assert!(answer.ends_with("xx\n"), "{} bytes", answer.len());
    assert!(answer.len() > LARGE_BYTES);
}

/// One that looks each time.
fn desk(roles: Vec<RoleSource>) -> Desk {
    Desk {
        roles: Arc::new(Mutex::new(roles)),
        stale_ns: STALE_NS,
        same_ns: 0,
        clock: Clock::new(),
        latest: None,
    }
}

fn status(desk: &mut Desk, path: &str) -> (String, String) {
    let answer = desk.answer(path).expect("a path that there is");
    (answer.status.split(' ').next().expect("a number").to_owned(), answer.body)
}

#[test]
fn health_is_ready_and_life_is_a_loop_that_turns() {
    let mut role = Role::new("health");
    let mut starting = desk(Vec::new());
    assert_eq!(status(&mut starting, "/healthz"), ("503".to_owned(), "starting\n".to_owned()));
    assert_eq!(status(&mut starting, "/livez").0, "200");

    let now_ns = Clock::new().utc_ns().0;
    let mut seen = desk(vec![role.source()]);
    role.file.publish(now_ns, |sink| sink.gauge(Scope::ROLE, "ready", Unit::Count, 0));
    let (code, words) = status(&mut seen, "/healthz");
    assert!(code == "503" && words.contains("engine: waits for the streams"), "{words}");
    assert_eq!(status(&mut seen, "/livez").0, "200");
    role.file.publish(now_ns, |sink| sink.gauge(Scope::ROLE, "ready", Unit::Count, 1));
    assert_eq!(status(&mut seen, "/healthz"), ("200".to_owned(), "ready\n".to_owned()));
    // A loop that stood still.
    role.file
        .publish(now_ns - 2 * STALE_NS, |sink| sink.gauge(Scope::ROLE, "ready", Unit::Count, 1));
    for path in ["/healthz", "/livez"] {
        let (code, words) = status(&mut seen, path);
        assert!(code == "503" && words.contains("stands still for 10 s"), "{path}: {words}");
    }
    assert!(seen.answer("/").is_none());
}

/// A role goes on without its file. A supervisor that ended it, or never let it start, would have none that
/// works; whether it is ready, nobody can tell.
#[test]
fn a_role_without_its_numbers_lives() {
    let role = Role::new("without");
    let gone = role.folder.join("gone");
    let damaged = role.folder.join("damaged");
    std::fs::write(&damaged, "no counters file").expect("written");
    for (counters, words) in [
        (None, "engine: it has no counters file"),
        (Some(gone), "engine: its counters can not be read: "),
        (Some(damaged), "engine: its counters can not be read: "),
    ] {
        let mut desk = desk(vec![RoleSource { counters, ..role.source() }]);
        assert_eq!(status(&mut desk, "/livez"), ("200".to_owned(), "alive\n".to_owned()));
        let (code, why) = status(&mut desk, "/healthz");
        assert!(code == "503" && why.starts_with(words), "{why}");
        let (code, text) = status(&mut desk, "/metrics");
        assert!(code == "200" && text.contains("vesta_build_info{"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}

/// Prometheus asks every few seconds; whoever asks a thousand times, for whatever, has the files read once.
#[test]
fn who_asks_at_once_again_is_answered_from_the_same_reading() {
    let mut role = Role::new("again");
    let source = role.source();
    let now_ns = Clock::new().utc_ns().0;
    let mut publish = |is_ready: u64, events: u64| {
        role.file.publish(now_ns, |sink| {
            sink.gauge(Scope::ROLE, "ready", Unit::Count, is_ready);
            sink.counter(Scope::ROLE, "events", Unit::Count, events);
        });
    };
    publish(0, 1);
    // However long this machine takes.
    let mut desk = Desk { same_ns: u64::MAX, ..desk(vec![source.clone()]) };
    assert_eq!(status(&mut desk, "/healthz").0, "503");
    publish(1, 2);
    assert_eq!(status(&mut desk, "/healthz").0, "503");
    let events =
        |count: u64| format!("vesta_events_total{{role=\"engine\",shard=\"7\"}} {count}\n");
    assert!(status(&mut desk, "/metrics").1.contains(&events(1)));
    std::fs::remove_file(source.counters.as_ref().expect("it has one")).expect("removed");
    assert_eq!(status(&mut desk, "/livez").0, "200");
    assert!(status(&mut desk, "/metrics").1.contains(&events(1)));
    desk.latest = None;
    assert!(status(&mut desk, "/healthz").1.contains("can not be read"));
}

/// A role that comes is told of at once, and not when the latest look is old.
#[test]
fn a_role_that_comes_is_looked_at() {
    let mut role = Role::new("comes");
    role.file.publish(1, tell);
    let mut desk = Desk { same_ns: u64::MAX, ..desk(Vec::new()) };
    assert!(!status(&mut desk, "/metrics").1.contains("vesta_ready{"));
    desk.roles.lock().expect("nobody panicked").push(role.source());
    assert!(status(&mut desk, "/metrics").1.contains("vesta_ready{"));
}
