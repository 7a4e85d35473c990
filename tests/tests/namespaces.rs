//! The installed binaries as processes of their own, on multicast and on MDC between network
//! namespaces.
//!
//! ```text
//!   core: sequencer, engine, md-publisher     edge: gateway     outside: clients, consumers
//! ```
//!
//! Everything that one process tells another crosses a bridge: nothing here is on loopback.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use vesta_tests::netns::{Lan, NETWORK, can_make_namespaces, is_leftover};
use vesta_tests::root;
use vesta_tests::running::{Running, terminate, wait_for};

const CORE: &str = "core";
const EDGE: &str = "edge";
const OUTSIDE: &str = "outside";

/// The roles and where they run, in an order that suits none of them: each starts before those
/// that it reads from.
const ROLES: [(&str, &str); 4] =
    [("gateway", EDGE), ("md-publisher", CORE), ("engine", CORE), ("sequencer", CORE)];

/// What `vesta md` says when it is in step; the event follows.
const LIVE: &str = "vesta md: books are live at event ";

/// Directories of the second site of one process have other names than those of the first.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A directory of the test's own, removed at its end; or by a later run, where that one was killed.
struct Directory(PathBuf);

impl Directory {
    fn new(parent: &Path, name: &str) -> Self {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if is_leftover(&entry.file_name().to_string_lossy(), &format!("{name}-")) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{name}-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Three hosts, what was installed on them, and the configuration that they share.
struct Site {
    lan: Lan,
    installed: Directory,
    /// Where the media drivers keep their files: one for this test, in memory as the default one,
    /// so that what is found there was left by a process of this test.
    drivers: Directory,
}

impl Site {
    fn new(mode: &str) -> Self {
        let shared_memory = Path::new("/dev/shm");
        let parent = if shared_memory.is_dir() { shared_memory } else { &std::env::temp_dir() };
        let site = Self {
            lan: Lan::new(&[CORE, EDGE, OUTSIDE]),
            installed: Directory::new(&std::env::temp_dir(), "netns-installed"),
            drivers: Directory::new(parent, "netns-drivers"),
        };
        install(&site.installed.0);
        let file = site.config();
        let text = fs::read_to_string(&file).expect("make install installs vesta.toml");
        fs::write(&file, site.edited(text, mode)).expect("the file can be written");
        site
    }

    /// The installed configuration as an operator makes it fit: lines changed, nothing else.
    fn edited(&self, mut text: String, mode: &str) -> String {
        let [core, edge, outside] = [CORE, EDGE, OUTSIDE].map(|host| self.lan.address(host));
        let drivers = self.drivers.0.display();
        let mut edit = |line: &str, by: &str| {
            assert_eq!(text.matches(line).count(), 1, "in vesta.toml: {line}");
            text = text.replace(line, by);
        };
        edit("\nmode = \"multicast\"", &format!("\nmode = \"{mode}\""));
        for port in [24120, 24130, 24140, 24141] {
            edit(
                &format!(r#"control = "127.0.0.1:{port}""#),
                &format!(r#"control = "{core}:{port}""#),
            );
        }
        edit(r#"interface = "127.0.0.1/32""#, &format!(r#"interface = "{NETWORK}""#));
        edit(
            r#"driver_directory_parent = """#,
            &format!(r#"driver_directory_parent = "{drivers}""#),
        );
        edit(r#"endpoint = "127.0.0.1:24010""#, &format!(r#"endpoint = "{core}:24010""#));
        edit(r#"listen = "127.0.0.1:24001""#, &format!(r#"listen = "{edge}:24001""#));
        edit(r#"back_endpoint = "127.0.0.1:24011""#, &format!(r#"back_endpoint = "{edge}:24011""#));
        edit(r#"client_bind = "127.0.0.1:0""#, &format!(r#"client_bind = "{outside}:0""#));
        for group in ["21:24020", "31:24030", "41:24040", "43:24041"] {
            edit(
                &format!(r#"group = "239.86.1.{group}""#),
                &format!(r#"group = "239.86.77.{group}""#),
            );
        }
        text
    }

    fn config(&self) -> PathBuf {
        self.installed.0.join("etc/vesta.toml")
    }

    fn program(&self, host: &str, program: &str) -> Command {
        let mut command = self.lan.command(host, &self.installed.0.join("bin").join(program));
        command.arg("--config").arg(self.config());
        command
    }

    fn role(&self, name: &str, host: &str) -> Running {
        Running::start(name, self.program(host, &format!("vesta-{name}")))
    }

    /// A consumer of market data, which the test calls `name`.
    fn consumer(&self, name: &str, args: &[&str]) -> Running {
        let mut command = self.program(OUTSIDE, "vesta");
        command.args(["--json", "md", "--depth", "3"]).args(args);
        Running::start(name, command)
    }

    /// A client that sends order flow to the gateway.
    fn flow(&self, orders: u32, rate: u32, first_session: u32) -> Running {
        let mut command = self.program(OUTSIDE, "vesta");
        command.args(["--json", "flow"]).args(["--orders", &orders.to_string()]);
        command.args(["--rate", &rate.to_string()]);
        command.args(["--first-session", &first_session.to_string()]);
        Running::start("client", command)
    }

    /// What lies where the media drivers keep their files.
    fn driver_files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.drivers.0).expect("the directory is there");
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Asserts that a killed process left its driver's files, as it must: nobody could remove them.
    fn assert_left_behind(&self, pid: u32) {
        let files = self.driver_files();
        let count = files.iter().filter(|file| is_of(pid, file)).count();
        assert_eq!(count, 2, "a directory and an owner file of process {pid} in {files:?}");
    }

    /// Asserts that a later start has removed what process `pid` left.
    fn assert_cleared(&self, pid: u32) {
        let files = self.driver_files();
        assert!(!files.iter().any(|file| is_of(pid, file)), "of process {pid}, in {files:?}");
    }
}

/// True for the driver files of process `pid`.
fn is_of(pid: u32, file: &str) -> bool {
    file.trim_end_matches(".owner").ends_with(&format!("-{pid}"))
}

/// Installs what was built with this test, by the recipe that everyone installs by.
fn install(prefix: &Path) {
    let test = std::env::current_exe().expect("a test knows its own path");
    let mut above = test.ancestors().skip(2);
    let profile = above.next().expect("tests lie in <target>/<profile>/deps");
    let target = above.next().expect("tests lie in <target>/<profile>/deps");
    let is_release = profile.file_name().is_some_and(|name| name == "release");
    assert!(is_release, "`make install` installs what --release builds: run this test with it");
    let mut make = Command::new("make");
    // The build is left out: these tests run on what `make test` has built just before.
    make.args(["--old-file=build", "install", "DESTDIR="]);
    make.arg(format!("PREFIX={}", prefix.display()));
    make.env("CARGO_TARGET_DIR", target).env_remove("MAKEFLAGS").current_dir(root());
    let out = make.output().expect("make runs");
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "make install: {stderr}(cargo build --release --bins)");
}

/// All roles at work.
struct Venue {
    roles: Vec<Running>,
}

impl Venue {
    /// Starts every role, and waits until all are ready.
    fn start(site: &Site) -> Self {
        let mut roles: Vec<Running> =
            ROLES.iter().map(|(name, host)| site.role(name, host)).collect();
        for role in &mut roles {
            let ready = format!("vesta-{}: ready", role.name());
            role.wait_line("that it is ready", |line| (line == ready).then_some(()));
        }
        Self { roles }
    }

    /// Takes a role out of it, by name.
    fn take(&mut self, name: &str) -> Running {
        let at = self.roles.iter().position(|role| role.name() == name);
        self.roles.remove(at.unwrap_or_else(|| panic!("no role is called {name}")))
    }

    /// Asks all to end: the md-publisher, on which no other depends, and then the rest at once. They
    /// need each other, so that one may hear of another's end before it is told its own; it then
    /// gives that as its reason. Returns what the engine said of its state.
    fn shut_down(mut self) -> String {
        if self.roles.iter().any(|role| role.name() == "md-publisher") {
            let md_publisher = self.take("md-publisher");
            md_publisher.terminate();
            let ended = md_publisher.end();
            assert_eq!(ended.code, Some(0), "{ended:#?}");
        }
        for role in &mut self.roles {
            assert!(role.is_running(), "{} ended before it was asked to", role.name());
        }
        terminate(&self.roles.iter().collect::<Vec<_>>());
        let (mut asked, mut engine) = (0, String::new());
        for role in self.roles {
            let name = role.name().to_owned();
            let ended = role.end();
            match ended.code {
                Some(0) => asked += 1,
                Some(1) => assert!(ended.reason().contains("lost the "), "{name}: {ended:#?}"),
                _ => panic!("{name}: {ended:#?}"),
            }
            if name == "engine" {
                let summary = ended.stderr.iter().find(|line| line.contains("orders rest"));
                engine = summary.unwrap_or_else(|| panic!("no summary: {ended:#?}")).clone();
            }
        }
        assert!(asked > 0, "each of them says that it lost another");
        engine
    }
}

/// Waits for a flow to end, and checks that each command was answered once; returns what it said.
fn settled(flow: Running) -> Value {
    let ended = flow.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let said = ended.json();
    assert_eq!((&said["lost"], &said["duplicated"]), (&Value::from(0), &Value::from(0)), "{said}");
    assert_eq!(said["answered"], said["orders"], "{said}");
    said
}

/// Asks a consumer to end; returns its books.
fn books_of(consumer: Running) -> Value {
    consumer.terminate();
    books_at_end_of(consumer)
}

fn books_at_end_of(consumer: Running) -> Value {
    let ended = consumer.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.json()
}

/// The event of which a consumer's line tells.
fn event_in(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("event ").or_else(|| line.strip_prefix(LIVE))?;
    rest.split(' ').next()?.parse().ok()
}

/// Waits until a consumer tells of event `event` or a later one.
fn wait_event(consumer: &mut Running, event: u64) {
    let what = format!("that its books are at event {event}");
    consumer.wait_line(&what, |line| event_in(line).filter(|reached| *reached >= event));
}

#[test]
fn netns_books_are_equal() {
    if can_make_namespaces("netns_books_are_equal") {
        books_are_equal("multicast");
    }
}

#[test]
fn netns_books_are_equal_on_mdc() {
    if can_make_namespaces("netns_books_are_equal_on_mdc") {
        books_are_equal("mdc");
    }
}

fn books_are_equal(mode: &str) {
    let site = Site::new(mode);
    // Consumers first: a feed may come up after those who read it.
    let mut steady = site.consumer("steady consumer", &[]);
    let mut doomed = site.consumer("doomed consumer", &[]);
    let mut venue = Venue::start(&site);
    for role in &venue.roles {
        let lines = role.stderr();
        let datapath = lines.iter().find(|line| line.contains(": datapath "));
        let datapath = datapath.unwrap_or_else(|| panic!("{} names no datapath", role.name()));
        assert!(datapath.contains(": datapath uring: "), "{datapath}");
    }

    let mut flow = site.flow(20_000, 4_000, 1);
    wait_event(&mut doomed, 2_000);
    let doomed_pid = doomed.pid();
    doomed.kill();
    site.assert_left_behind(doomed_pid);
    let mut restarted = site.consumer("restarted consumer", &[]);
    wait_event(&mut restarted, 1);
    site.assert_cleared(doomed_pid);
    let mut late = site.consumer("late consumer", &[]);
    wait_event(&mut late, 1);
    assert!(flow.is_running(), "both are to join while orders flow: make the flow longer");

    let event = settled(flow)["event_seq"].as_u64().expect("a number");
    for consumer in [&mut steady, &mut restarted, &mut late] {
        wait_event(consumer, event);
    }
    // By now all is quiet; and whoever comes after that has the same books.
    let after = site.consumer("consumer after the end", &["--until-event", &event.to_string()]);
    let after = books_at_end_of(after);
    let [steady, restarted, late] = [steady, restarted, late].map(books_of);
    for (name, said) in [("restarted", &restarted), ("late", &late), ("after the end", &after)] {
        assert_eq!(said["event_seq"], steady["event_seq"], "{name}");
        assert_eq!(said["books"], steady["books"], "{name}");
    }
    for said in [&steady, &restarted, &late, &after] {
        assert_eq!(said["live"], Value::from(true), "{said}");
    }
    assert_eq!(steady["gaps"], Value::from(0), "{steady}");
    assert!(steady["trades"].as_u64() > late["trades"].as_u64(), "{steady}\n{late}");

    // The engine's own count has what no feed shows, too: hidden orders, and stops that wait. When everyone was asked to end, nothing is left behind.
    let books = steady["books"].as_array().expect("a list");
    let resting: u64 = books.iter().filter_map(|book| book["orders"].as_u64()).sum();
    assert!(resting > 0, "empty books are equal too");
    for role in &mut venue.roles {
        assert!(role.is_running(), "{}", role.name());
    }
    let engine = venue.shut_down();
    let counted = engine.split_once(" orders rest,").expect("a count").0;
    let counted = counted.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok());
    assert!(counted.is_some_and(|live| live > resting), "{resting} in books; {engine}");
    assert_eq!(site.driver_files(), BTreeSet::new());
}

/// Who ends when a role is killed, and what is in the reason that each gives: for those that read
/// from it, the stream that fell silent; for those that read from these in turn, the stream that
/// they lost. Whoever is not listed goes on.
struct Loss {
    killed: &'static str,
    ends: &'static [(&'static str, &'static [&'static str])],
}

const LOSSES: [Loss; 4] = [
    Loss {
        killed: "sequencer",
        ends: &[
            ("engine", &["lost the input log: its publisher went silent"]),
            // The engine notices at the same time, and may be the first to be gone.
            (
                "gateway",
                &[
                    "lost the sequencer's stream to the gateway: its publisher went silent",
                    "lost the event log",
                ],
            ),
            ("md-publisher", &["lost the event log"]),
            ("consumer", &["lost the market data"]),
        ],
    },
    Loss {
        killed: "engine",
        ends: &[
            ("gateway", &["lost the event log: its publisher went silent"]),
            ("md-publisher", &["lost the event log: its publisher went silent"]),
            ("sequencer", &["gateway 1: lost the orders"]),
            ("consumer", &["lost the market data"]),
        ],
    },
    Loss {
        killed: "gateway",
        ends: &[
            ("sequencer", &["gateway 1: lost the orders: its publisher went silent"]),
            ("engine", &["lost the input log"]),
            ("md-publisher", &["lost the event log"]),
            ("consumer", &["lost the market data"]),
        ],
    },
    Loss {
        killed: "md-publisher",
        ends: &[("consumer", &["lost the market data: its publisher went silent"])],
    },
];

#[test]
fn netns_who_reads_from_a_killed_role_exits_with_the_reason() {
    if !can_make_namespaces("netns_who_reads_from_a_killed_role_exits_with_the_reason") {
        return;
    }
    let site = Site::new("multicast");
    for Loss { killed, ends } in LOSSES {
        let mut venue = Venue::start(&site);
        let mut consumer = site.consumer("consumer", &[]);
        wait_event(&mut consumer, 1);
        let event = settled(site.flow(200, 2_000, 1))["event_seq"].as_u64().expect("a number");
        wait_event(&mut consumer, event);

        let role = venue.take(killed);
        let pid = role.pid();
        role.kill();
        site.assert_left_behind(pid);
        venue.roles.push(consumer);
        // All at one time: they end one after the other, in an order of their own.
        wait_for(&format!("the readers of a killed {killed} to end"), || {
            let running = venue.roles.iter_mut().filter_map(|role| {
                let runs = role.is_running();
                runs.then(|| role.name().to_owned())
            });
            let running: Vec<String> = running.collect();
            let done = !ends.iter().any(|(name, _)| running.iter().any(|role| role == name));
            done.then_some(())
        });
        for (name, reasons) in ends {
            let ended = venue.take(name).end();
            assert_eq!(ended.code, Some(1), "{name} after kill -9 of {killed}: {ended:#?}");
            assert!(
                reasons.iter().any(|reason| ended.reason().contains(reason)),
                "{name} after kill -9 of {killed}: {ended:#?}"
            );
        }

        if !venue.roles.is_empty() {
            // The venue trades without it; on sessions that have not traded.
            settled(site.flow(200, 2_000, 11));
            venue.shut_down();
        }
        // Who ended with a reason left nothing behind; what the killed one left goes at the next
        // start of anything.
        let (_, host) = ROLES.iter().find(|(name, _)| *name == killed).expect("a role");
        let mut next = site.role(killed, host);
        let removed = format!("left behind by process {pid},");
        next.wait_line(&removed, |line| line.contains(&removed).then_some(()));
        next.terminate();
        assert_eq!(next.end().code, Some(0));
        assert_eq!(site.driver_files(), BTreeSet::new(), "after kill -9 of {killed}");
    }
}
