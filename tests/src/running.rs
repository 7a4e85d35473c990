//! A program that runs beside the test: what it says, how it ends, and that it ends.
#![allow(
    clippy::disallowed_methods,
    reason = "a test of real processes waits by the clock of the wall"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for what takes a second or so on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at something that is awaited.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Waits until `done` gives something, for [`PATIENCE`] at most.
///
/// # Panics
/// When it takes longer; the message says `what` was awaited.
pub fn wait_for<R>(what: &str, mut done: impl FnMut() -> Option<R>) -> R {
    let start = Instant::now();
    loop {
        if let Some(result) = done() {
            return result;
        }
        assert!(start.elapsed() < PATIENCE, "gave up waiting for: {what}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// Lines that another thread reads from a pipe.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn read(&self, pipe: impl Read + Send + 'static) -> JoinHandle<()> {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                lines.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        })
    }

    fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: Vec<String>,
    /// What it wrote to stderr.
    pub stderr: Vec<String>,
}

impl Ended {
    /// The last line of stderr, where every program of ours says why it ended.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.stderr.last().map_or("", String::as_str)
    }

    /// The last line of stdout, where `--json` puts its object.
    ///
    /// # Panics
    /// When it is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let line = self.stdout.last().map_or("", String::as_str);
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in the last line: {line}"))
    }
}

/// A program at work. Dropped, it is killed; by a panic, what it said is printed too.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts it; `name` is what the test calls it.
    ///
    /// # Panics
    /// When it can not be started.
    #[must_use]
    pub fn start(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = vec![
            stdout.read(child.stdout.take().expect("piped")),
            stderr.read(child.stderr.take().expect("piped")),
        ];
        Self { name: name.to_owned(), child, stdout, stderr, readers }
    }

    /// What the test calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The lines that it wrote to stderr so far.
    #[must_use]
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.get()
    }

    /// True until it ends.
    ///
    /// # Panics
    /// When the system does not know it.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits for a line on stderr for which `wanted` gives something.
    ///
    /// # Panics
    /// When it ends first, or says no such thing for [`PATIENCE`].
    pub fn wait_line<R>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<R>) -> R {
        let what = format!("{} to say {what}", self.name);
        wait_for(&what, || {
            // In this order: a line that came just before the end is not overlooked.
            let runs = self.is_running();
            let found = self.stderr.get().iter().find_map(|line| wanted(line));
            assert!(runs || found.is_some(), "ended while the test waited for {what}");
            found
        })
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        terminate(&[self]);
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Panics
    /// When it had ended before.
    pub fn kill(mut self) {
        assert!(self.is_running(), "{} ended before it was killed", self.name);
        self.child.kill().expect("a child of ours");
        let _ = self.child.wait();
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not within [`PATIENCE`].
    #[must_use]
    pub fn end(mut self) -> Ended {
        let status = wait_for(&format!("{} to end", self.name), || {
            self.child.try_wait().expect("a child of ours")
        });
        self.join_readers();
        Ended { code: status.code(), stdout: self.stdout.get(), stderr: self.stderr.get() }
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

/// Sends a signal by its name (`STOP`, `CONT`).
///
/// # Panics
/// When there is no `kill`.
pub fn signal(running: &Running, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(running.pid().to_string());
    kill.status().expect("kill runs");
}

/// Asks all of them to end, as near to the same time as can be.
///
/// # Panics
/// When there is no `kill`.
pub fn terminate(running: &[&Running]) {
    let mut kill = Command::new("kill");
    kill.arg("-TERM").args(running.iter().map(|running| running.pid().to_string()));
    kill.status().expect("kill runs");
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let ended = self.child.wait();
        self.join_readers();
        if std::thread::panicking() {
            let name = &self.name;
            let status = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
            println!("---- {name}: {status}; stderr, then stdout ----");
            for line in self.stderr.get().iter().chain(&self.stdout.get()) {
                println!("{name}| {line}");
            }
        }
    }
}
