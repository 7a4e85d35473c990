//! What becomes of a process's driver when the process ends, and what the environment changes:
//! both need a process of their own, which is this test binary again.

mod support;

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use support::{settings, transport};
use vesta_netio::{
    Clock, Datapath, DatapathChoice, DriverError, DriverSettings, MediaDriver, StopFlag, Threading,
    probe, select,
};
use vesta_transport::Duty;

/// What the child is to do, where this binary runs as one.
const TASK: &str = "NETIO_TEST_TASK";
const PARENT: &str = "NETIO_TEST_PARENT";
/// A child never outlives its test by more than this.
const CHILD_LIFE_NS: u64 = 30_000_000_000;

fn child(task: &str, parent: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", "child_process", "--nocapture"]);
    command.env(TASK, task).env(PARENT, parent).stdout(Stdio::piped()).stdin(Stdio::null());
    command
}

/// The child's side of the tests below; nothing to do where this is not a child.
#[test]
fn child_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    match task.as_str() {
        "select" => println!("\nselected {}", select(DatapathChoice::Auto).expect("never fails")),
        "drive" => {
            let stop = StopFlag::on_signals().expect("handlers");
            let mut driver = settings(Datapath::Socket, Threading::Invoker);
            driver.directory_parent = std::env::var_os(PARENT).map(PathBuf::from);
            let mut transport = transport(&driver);
            let directory = transport.with_driver(|d| d.directory().display().to_string());
            println!("\ndirectory {}", directory.expect("embedded"));
            let clock = Clock::new();
            while !stop.is_stopped() && clock.mono_ns() < CHILD_LIFE_NS {
                transport.do_work().expect("it works");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        _ => panic!("unknown task {task}"),
    }
}

/// A running child, and what it says.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, lines }
    }

    /// The rest of the line that begins with `word`.
    fn line(&mut self, word: &str) -> String {
        self.lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(word).map(|rest| rest.trim().to_owned()))
            .unwrap_or_else(|| panic!("the child did not say {word}"))
    }

    fn ends_well(mut self) -> bool {
        // Or it would end by a broken pipe.
        self.lines.by_ref().for_each(drop);
        self.child.wait().expect("it ends").success()
    }
}

struct Parent(PathBuf);

impl Parent {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("netio-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn entry_count(&self) -> usize {
        std::fs::read_dir(&self.0).expect("readable").count()
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_a_killed_process_leaves_is_removed_at_the_next_start() {
    let parent = Parent::new("killed");
    let mut running = Running::start(child("drive", &parent.0));
    let directory = PathBuf::from(running.line("directory "));
    assert!(directory.join("cnc.dat").exists());

    let mut driver = DriverSettings::new("next");
    driver.datapath = DatapathChoice::Require(Datapath::Socket);
    driver.directory_parent = Some(parent.0.clone());
    let next = MediaDriver::start(&driver).expect("a driver");
    assert_eq!(next.removed_stale(), [], "its owner lives");
    drop(next);

    running.child.kill().expect("killed");
    running.child.wait().expect("gone");
    assert!(directory.exists(), "kill -9 leaves it");
    let next = MediaDriver::start(&driver).expect("a driver");
    let [removed] = next.removed_stale() else { panic!("{:?}", next.removed_stale()) };
    assert_eq!((&removed.path, removed.owner_pid), (&directory, running.child.id()));
    assert!(removed.bytes > 1024 * 1024, "{removed:?}");
    assert!(!directory.exists());
    drop(next);
    assert_eq!(parent.entry_count(), 0);
}

/// The files of a driver without our owner file, which is how a stock one looks.
#[test]
fn a_strangers_driver_keeps_its_directory_while_it_lives() {
    let parent = Parent::new("stranger");
    let mut settings = DriverSettings::new("stranger");
    settings.datapath = DatapathChoice::Require(Datapath::Socket);
    settings.directory_parent = Some(parent.0.clone());
    let mut stranger = MediaDriver::start(&settings).expect("a driver");
    stranger.do_work().expect("it works");
    let place = parent.0.join("place");
    std::fs::create_dir(&place).expect("a directory");
    let cnc = place.join("cnc.dat");
    std::fs::copy(stranger.directory().join("cnc.dat"), &cnc).expect("copied");
    drop(stranger);

    settings.directory = Some(place.clone());
    let refused = MediaDriver::start(&settings).expect_err("it lives");
    assert!(matches!(refused, DriverError::InUse { .. }), "{refused}");
    std::fs::write(place.join("precious"), "x").expect("written");
    let refused = MediaDriver::start(&settings).expect_err("not ours");
    assert!(matches!(refused, DriverError::NotOurs { .. }), "{refused}");
    assert!(place.join("precious").exists() && cnc.exists());
    std::fs::remove_file(place.join("precious")).expect("removed");

    // Its last sign of life, as one that ends in good order leaves it: the last 128 bytes of the
    // buffer of commands, which begins at byte 128, and whose length stands in bytes 4 to 7.
    let mut bytes = std::fs::read(&cnc).expect("read");
    let length = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes")) as usize;
    bytes[length..][..8].copy_from_slice(&(-1_i64).to_le_bytes());
    std::fs::write(&cnc, bytes).expect("written");
    let next = MediaDriver::start(&settings).expect("a dead one's place is free");
    assert_eq!(next.directory(), place);
    drop(next);
    assert_eq!(parent.entry_count(), 0);
}

#[test]
fn a_process_that_is_asked_to_stop_leaves_nothing() {
    for signal in ["-TERM", "-INT"] {
        let parent = Parent::new("stopped");
        let mut running = Running::start(child("drive", &parent.0));
        let directory = running.line("directory ");
        assert!(Path::new(&directory).exists());
        let pid = running.child.id().to_string();
        Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(running.ends_well());
        assert_eq!(parent.entry_count(), 0, "{signal}");
    }
}

#[test]
fn the_environment_can_rule_io_uring_out() {
    let parent = Parent::new("environment");
    let mut command = child("select", &parent.0);
    command.env("VESTA_DISABLE_IO_URING", "1");
    let mut running = Running::start(command);
    let line = running.line("selected ");
    assert!(running.ends_well());
    assert!(line.starts_with("datapath socket: "), "{line}");
    assert!(line.contains("VESTA_DISABLE_IO_URING"), "{line}");

    if let Err(reason) = probe() {
        eprintln!("SKIP uring: {reason}");
        return;
    }
    let mut running = Running::start(child("select", &parent.0));
    let line = running.line("selected ");
    assert!(running.ends_well());
    assert!(line.starts_with("datapath uring: "), "{line}");
}
