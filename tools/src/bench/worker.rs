//! Processes that measure: started with a job, pinned, bounded in time, and gone with their parent.
//!
//! ```text
//!   parent --job, then words--> stdin      the end of stdin tells a worker to stop
//!          <------- JSON lines- stdout
//! ```
//!
//! A worker that is told to stop unwinds, so that its media driver's directory goes. It is told by
//! the end of its stdin, by SIGINT from the terminal, and by SIGTERM when its parent dies in any
//! way; one that does not hear is killed after a while (`FAREWELL`), and by an alarm in the end (`LIFE`).

use super::{BenchError, Job};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde::Serialize;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use vesta_netio::{Clock, StopFlag};

/// How long a worker may take to end: its media driver closes its streams meanwhile.
const FAREWELL: Duration = Duration::from_secs(5);
/// Longest life of a worker: nothing that is measured takes so long.
const LIFE: Duration = Duration::from_secs(900);
/// Between two looks at a stop flag or a process that is to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Where a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Where this one does.
    Here,
    /// In a network namespace of that name.
    Namespace(String),
}

/// A process at work. Dropped, it is told to end, and killed if it does not.
#[derive(Debug)]
pub struct Worker {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Worker {
    /// Starts a worker; `name` is what errors call it.
    ///
    /// # Errors
    /// When this program, or `ip`, can not be run.
    pub fn start(name: &str, host: &Host, job: &Job) -> Result<Self, BenchError> {
        let cannot = |error| BenchError::not_started(name, error);
        let program = std::env::current_exe().map_err(cannot)?;
        let mut command = match host {
            Host::Here => Command::new(&program),
            Host::Namespace(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(&program);
                command
            }
        };
        command.args(["bench", "worker"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(cannot)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines);
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut worker = Self { name: name.to_owned(), child, stdin, lines };
        worker.say(job)?;
        Ok(worker)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something.
    ///
    /// # Errors
    /// When it is gone.
    pub fn say(&mut self, what: &impl Serialize) -> Result<(), BenchError> {
        let line = serde_json::to_string(what).expect("words of ours are JSON");
        let written = self.stdin.as_mut().map(|stdin| writeln!(stdin, "{line}"));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.ended()),
        }
    }

    /// The next thing that it says, within `patience`.
    ///
    /// # Errors
    /// When it says nothing, ends, or `stop` is set.
    pub fn hear(&mut self, patience: Duration, stop: &StopFlag) -> Result<Value, BenchError> {
        let clock = Clock::new();
        loop {
            match self.lines.recv_timeout(LOOK_INTERVAL) {
                Ok(line) => {
                    return serde_json::from_str(&line)
                        .map_err(|error| BenchError::broke(&self.name, error));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if stop.is_stopped() {
                return Err(BenchError::Interrupted);
            }
            if u128::from(clock.mono_ns()) > patience.as_nanos() {
                let text = format!("{}: no word in {patience:?}", self.name);
                return Err(BenchError::BrokeDown(text));
            }
        }
    }

    /// The next thing that it says, as a `T`.
    ///
    /// # Errors
    /// As [`hear`](Self::hear), and when it is something else.
    pub fn hear_as<T: serde::de::DeserializeOwned>(
        &mut self,
        patience: Duration,
        stop: &StopFlag,
    ) -> Result<T, BenchError> {
        let said = self.hear(patience, stop)?;
        serde_json::from_value(said).map_err(|error| BenchError::broke(&self.name, error))
    }

    /// Tells it to end, and does not wait. Those that read from each other are told together: each
    /// would take the end of the other for a fault.
    pub fn tell_to_end(&mut self) {
        self.stdin = None;
    }

    /// Tells it to end, and waits until it has; returns what it still said.
    ///
    /// # Errors
    /// When it does not end by itself, or failed; it has said why on stderr.
    pub fn end(mut self) -> Result<Vec<Value>, BenchError> {
        let status = self.wait_for_end();
        let said = self.lines.iter().filter_map(|line| serde_json::from_str(&line).ok()).collect();
        match status {
            Some(status) if status.success() => Ok(said),
            _ => Err(self.ended()),
        }
    }

    /// `None` when it had to be killed.
    fn wait_for_end(&mut self) -> Option<std::process::ExitStatus> {
        self.stdin = None;
        let clock = Clock::new();
        while u128::from(clock.mono_ns()) < FAREWELL.as_nanos() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }

    fn ended(&self) -> BenchError {
        BenchError::BrokeDown(format!("{} failed; its reason is above", self.name))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.wait_for_end();
    }
}

/// What a worker has of its parent.
#[derive(Debug)]
pub struct Parent {
    stop: StopFlag,
    words: Receiver<String>,
}

impl Parent {
    /// Ties this process to its parent, and takes its job.
    ///
    /// # Errors
    /// When there is no job on stdin.
    pub fn adopt() -> Result<(Self, Job), BenchError> {
        let cannot = |error: &dyn std::fmt::Display| BenchError::not_started("worker", error);
        // The loops look at the flag, and unwind.
        let stop = StopFlag::on_signals().map_err(|e| cannot(&e))?;
        nix::sys::prctl::set_pdeathsig(Signal::SIGTERM).map_err(|e| cannot(&e))?;
        vesta_engine_abi::stop_after(LIFE);
        let (sender, words) = channel();
        let ended = stop.clone();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
            ended.stop();
        });
        let parent = Self { stop, words };
        let job = parent.next_word()?;
        Ok((parent, serde_json::from_str(&job).map_err(|e| cannot(&e))?))
    }

    /// Set when this process is to end.
    #[must_use]
    pub const fn stop(&self) -> &StopFlag {
        &self.stop
    }

    /// True once the parent has said another word, which this takes.
    #[must_use]
    pub fn has_spoken(&self) -> bool {
        self.words.try_recv().is_ok()
    }

    /// Waits for the next word.
    ///
    /// # Errors
    /// When there comes none.
    pub fn next_word(&self) -> Result<String, BenchError> {
        loop {
            match self.words.recv_timeout(LOOK_INTERVAL) {
                Ok(word) => return Ok(word),
                Err(RecvTimeoutError::Timeout) if !self.stop.is_stopped() => {}
                Err(_) => return Err(BenchError::Interrupted),
            }
        }
    }

    /// Says something to the parent. One that is gone hears nothing, and this process will hear of
    /// that.
    pub fn tell(&self, what: &impl Serialize) {
        let line = serde_json::to_string(what).expect("words of ours are JSON");
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// The cores that this process may use.
///
/// # Errors
/// The operating system's.
pub fn cores() -> Result<Vec<usize>, BenchError> {
    let cannot = |error| BenchError::not_started("asking for cores", error);
    Ok(list(&sched_getaffinity(Pid::from_raw(0)).map_err(cannot)?))
}

/// The cores to which a thread of this process can be pinned. Beside those of [`cores`] these are the
/// ones that the kernel keeps free (`isolcpus=`), which no login shell may use unless it asks.
///
/// A thread of its own asks, so that nothing has to be put back. It asks for all at once, and the kernel
/// leaves those that can be had: the thread stays where it is, and in no way of a role that spins.
///
/// # Errors
/// The operating system's, where nothing can be pinned.
pub fn pinnable_cores() -> Result<Vec<usize>, BenchError> {
    let ask = || {
        let mut all = CpuSet::new();
        (0..CpuSet::count()).try_for_each(|core| all.set(core))?;
        sched_setaffinity(Pid::from_raw(0), &all)?;
        sched_getaffinity(Pid::from_raw(0))
    };
    let panicked = |_| BenchError::BrokeDown("the thread that asks for cores panicked".to_owned());
    let cannot = |error| BenchError::not_started("asking for cores", error);
    Ok(list(&std::thread::spawn(ask).join().map_err(panicked)?.map_err(cannot)?))
}

fn list(set: &CpuSet) -> Vec<usize> {
    (0..CpuSet::count()).filter(|&core| set.is_set(core).unwrap_or(false)).collect()
}

/// Keeps the calling thread, and those that it starts, on one core; `None` leaves it be.
///
/// # Errors
/// The operating system's, for a core that is not there.
pub fn pin(core: Option<usize>) -> Result<(), BenchError> {
    let Some(core) = core else { return Ok(()) };
    let cannot = |error| BenchError::not_started(&format!("core {core}"), error);
    let mut set = CpuSet::new();
    set.set(core).map_err(cannot)?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_that_is_there_can_be_had_and_no_other() {
        let cores = cores().expect("Linux knows");
        assert!(!cores.is_empty());
        let thread = std::thread::spawn(move || {
            pin(cores.last().copied()).expect("a core of ours");
            super::cores().expect("Linux knows")
        });
        assert_eq!(thread.join().expect("no panic").len(), 1);
        assert!(pin(Some(CpuSet::count() + 1)).is_err());
        assert!(pin(None).is_ok());
    }

    /// As on a tuned host, where a shell has other cores than the roles are pinned to.
    #[test]
    fn a_core_outside_the_own_ones_can_be_pinned_to() {
        let all = pinnable_cores().expect("Linux knows");
        let mine = cores().expect("Linux knows");
        assert!(mine.iter().all(|core| all.contains(core)), "{mine:?} of {all:?}");
        let (first, last) = (all[0], *all.last().expect("at least one"));
        let thread = std::thread::spawn(move || {
            pin(Some(first)).expect("a core of ours");
            let seen = pinnable_cores().expect("Linux knows");
            assert_eq!(cores().expect("Linux knows"), [first], "who asks stays where it was");
            pin(Some(last)).expect("it was in the list");
            seen
        });
        assert_eq!(thread.join().expect("no panic"), all);
        let had =
            || (0..CpuSet::count()).filter(|&core| pin(Some(core)).is_ok()).collect::<Vec<_>>();
        assert_eq!(std::thread::spawn(had).join().expect("no panic"), all, "and no other");
    }
}
