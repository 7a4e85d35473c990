//! A responder for requests that anybody may send: one thread, one `poll`, and a bound on everything.
//!
//! ```text
//!   accept --> head arrives, 8 KiB and 2 s at most --> answer leaves --> what still comes is read away --> close
//! ```
//! A request has one answer, and then the connection ends. Of too many connections the oldest goes: who
//! only asks is answered within one round of the loop, who dawdles is in nobody's way. No server crate
//! does this without a runtime or a thread for each connection.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use vesta_netio::Clock;

/// Longest head of a request. Prometheus' and the kubelet's have a few hundred bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADER_COUNT_MAX: usize = 64;
/// A connection that is not done by then is closed.
const TIME_MAX: Duration = Duration::from_secs(2);
/// Connections at a time. Too low -> a scrape meets a crowd and is sent away; too high -> descriptors.
const CONNECTION_COUNT_MAX: usize = 32;
const ERROR_PAUSE: Duration = Duration::from_millis(10);
/// Most that is read away after the answer.
const AFTERWARDS_BYTES_MAX: usize = 64 * 1024;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status and its words.
    pub status: &'static str,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An answer of plain words.
    #[must_use]
    pub fn words(status: &'static str, words: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: words.into() + "\n" }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self { status, content_type, body } = self;
        // What a browser is to make of it: nothing.
        let allow = if status.starts_with("405") { "Allow: GET\r\n" } else { "" };
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             X-Content-Type-Options: nosniff\r\n{allow}Connection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// What a request asks for, once its head is there.
#[derive(Debug, PartialEq, Eq)]
enum Asked<'a> {
    /// More bytes are to come.
    Unclear,
    /// `GET` of a path, without what stands behind a question mark.
    Get(&'a str),
    /// Another method.
    Other,
    /// It is none, or too long.
    Broken(&'static str),
}

fn read_head(head: &[u8]) -> Asked<'_> {
    let mut headers = [httparse::EMPTY_HEADER; HEADER_COUNT_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if head.len() < HEAD_BYTES_MAX => return Asked::Unclear,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Asked::Broken("431 Request Header Fields Too Large");
        }
        Err(_) => return Asked::Broken("400 Bad Request"),
    }
    match (request.method, request.path) {
        (Some("GET"), Some(path)) => Asked::Get(path.split('?').next().unwrap_or(path)),
        _ => Asked::Other,
    }
}

#[derive(Debug)]
enum Stage {
    /// The head arrives.
    Head(Vec<u8>),
    /// The answer leaves: it, and how much has left.
    Answer(Vec<u8>, usize),
    /// The answer has left. To close now, with bytes unread, would take it back (a reset).
    Afterwards(usize),
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    stage: Stage,
    until_ns: u64,
}

/// Whether a connection goes on.
#[derive(PartialEq, Eq)]
enum Go {
    On,
    End,
}

impl Connection {
    fn wants(&self) -> PollFlags {
        match self.stage {
            Stage::Head(_) | Stage::Afterwards(_) => PollFlags::POLLIN,
            Stage::Answer(..) => PollFlags::POLLOUT,
        }
    }

    /// Does what can be done without waiting.
    fn work(&mut self, answer: &mut dyn FnMut(&str) -> Option<Answer>) -> io::Result<Go> {
        loop {
            match &mut self.stage {
                Stage::Head(head) => {
                    let mut bytes = [0; 2048];
                    let room = bytes.len().min(HEAD_BYTES_MAX - head.len());
                    let Some(count) = unless_blocked(self.stream.read(&mut bytes[..room]))? else {
                        return Ok(Go::On);
                    };
                    if count == 0 {
                        return Ok(Go::End);
                    }
                    head.extend_from_slice(&bytes[..count]);
                    let answer = match read_head(head) {
                        Asked::Unclear => continue,
                        Asked::Get(path) => answer(path)
                            .unwrap_or_else(|| Answer::words("404 Not Found", "not here")),
                        Asked::Other => Answer::words("405 Method Not Allowed", "GET is all"),
                        Asked::Broken(status) => Answer::words(status, "what is this?"),
                    };
                    self.stage = Stage::Answer(answer.to_bytes(), 0);
                }
                Stage::Answer(bytes, sent) => {
                    let Some(count) = unless_blocked(self.stream.write(&bytes[*sent..]))? else {
                        return Ok(Go::On);
                    };
                    *sent += count;
                    if *sent == bytes.len() {
                        self.stream.shutdown(Shutdown::Write)?;
                        self.stage = Stage::Afterwards(0);
                    }
                }
                Stage::Afterwards(read) => {
                    let mut bytes = [0; 2048];
                    let Some(count) = unless_blocked(self.stream.read(&mut bytes))? else {
                        return Ok(Go::On);
                    };
                    *read += count;
                    if count == 0 || *read > AFTERWARDS_BYTES_MAX {
                        return Ok(Go::End);
                    }
                }
            }
        }
    }
}

/// The count of a read or write; `None` where it would have waited.
fn unless_blocked(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error) => Err(error),
    }
}

/// Answers at `listener` until the other end of `stop` is closed; `answer` is given the path, and gives
/// `None` for one that there is not.
///
/// # Errors
/// When the kernel refuses to wait; never for what a client does.
pub fn serve(
    listener: &TcpListener,
    stop: &UnixStream,
    answer: &mut dyn FnMut(&str) -> Option<Answer>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let clock = Clock::new();
    let mut connections: Vec<Connection> = Vec::new();
    loop {
        let now_ns = clock.mono_ns();
        connections.retain(|connection| connection.until_ns > now_ns);
        let next_ns = connections.iter().map(|connection| connection.until_ns).min();
        let ready =
            wait(listener.as_fd(), stop.as_fd(), &connections, next_ns.map(|ns| ns - now_ns))?;
        if ready.stop {
            return Ok(());
        }
        let mut is_ready = ready.connections.into_iter();
        connections.retain_mut(|connection| {
            !is_ready.next().unwrap_or(false)
                || connection.work(answer).is_ok_and(|go| go == Go::On)
        });
        if ready.listener {
            accept(listener, &mut connections, clock.mono_ns(), answer);
        }
    }
}

/// Takes who waits, and looks at once at what each has sent already.
fn accept(
    listener: &TcpListener,
    connections: &mut Vec<Connection>,
    now_ns: u64,
    answer: &mut dyn FnMut(&str) -> Option<Answer>,
) {
    // As many as there is room for, so that the others are looked at in between.
    for _ in 0..CONNECTION_COUNT_MAX {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => {
                // One client's, or there is no descriptor left: `poll` would say so again at once.
                std::thread::sleep(ERROR_PAUSE);
                return;
            }
        };
        if stream.set_nonblocking(true).is_err() {
            continue;
        }
        let until_ns = now_ns + TIME_MAX.as_nanos() as u64;
        let mut connection = Connection { stream, stage: Stage::Head(Vec::new()), until_ns };
        if connection.work(answer).is_ok_and(|go| go == Go::On) {
            if connections.len() == CONNECTION_COUNT_MAX {
                connections.remove(0);
            }
            connections.push(connection);
        }
    }
}

struct Ready {
    stop: bool,
    listener: bool,
    connections: Vec<bool>,
}

/// Waits until somebody has something, for `most_ns` at most.
fn wait(
    listener: BorrowedFd<'_>,
    stop: BorrowedFd<'_>,
    connections: &[Connection],
    most_ns: Option<u64>,
) -> io::Result<Ready> {
    // Rounded up: a time-out that has a microsecond to go must not be asked for a thousand times.
    let most_ms = most_ns.map(|ns| u16::try_from(ns.div_ceil(1_000_000)).unwrap_or(u16::MAX));
    let most = most_ms.map_or(PollTimeout::NONE, PollTimeout::from);
    let mut wanted =
        vec![PollFd::new(stop, PollFlags::POLLIN), PollFd::new(listener, PollFlags::POLLIN)];
    let asked = connections.iter().map(|c| PollFd::new(c.stream.as_fd(), c.wants()));
    wanted.extend(asked);
    match poll(&mut wanted, most) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    let is_ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
    Ok(Ready {
        stop: is_ready(&wanted[0]),
        listener: is_ready(&wanted[1]),
        connections: wanted[2..].iter().map(is_ready).collect(),
    })
}
