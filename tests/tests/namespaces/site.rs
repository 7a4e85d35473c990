//! Three hosts with what was installed on them, the venue at work there, and what they say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

pub use vesta_tests::consumers::{books_at_end_of, books_of, equal_books, settled, wait_event};
use vesta_tests::netns::{Lan, NETWORK, is_leftover};
use vesta_tests::root;
use vesta_tests::running::{Running, terminate};

pub const CORE: &str = "core";
pub const EDGE: &str = "edge";
pub const OUTSIDE: &str = "outside";
/// One more, for a reader of market data whose link gets into trouble.
pub const FAR: &str = "far";

/// The roles and where they run, in an order that suits none of them: each starts before those
/// that it reads from.
pub const ROLES: [(&str, &str); 4] =
    [("gateway", EDGE), ("md-publisher", CORE), ("engine", CORE), ("sequencer", CORE)];

/// Directories of the second site of one process have other names than those of the first.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A directory of the test's own, removed at its end; or by a later run, where that one was killed.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(parent: &Path, name: &str) -> Self {
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
pub struct Site {
    pub lan: Lan,
    pub installed: Directory,
    /// Where the media drivers keep their files: one for this test, in memory as the default one,
    /// so that what is found there was left by a process of this test.
    pub drivers: Directory,
}

impl Site {
    pub fn new(mode: &str) -> Self {
        let shared_memory = Path::new("/dev/shm");
        let parent = if shared_memory.is_dir() { shared_memory } else { &std::env::temp_dir() };
        let site = Self {
            lan: Lan::new(&[CORE, EDGE, OUTSIDE, FAR]),
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
    pub fn edited(&self, mut text: String, mode: &str) -> String {
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

    pub fn config(&self) -> PathBuf {
        self.installed.0.join("etc/vesta.toml")
    }

    pub fn program(&self, host: &str, program: &str) -> Command {
        let mut command = self.lan.command(host, &self.installed.0.join("bin").join(program));
        command.arg("--config").arg(self.config());
        command
    }

    pub fn role(&self, name: &str, host: &str) -> Running {
        Running::start(name, self.program(host, &format!("vesta-{name}")))
    }

    /// A consumer of market data, which the test calls `name`.
    pub fn consumer(&self, name: &str, args: &[&str]) -> Running {
        self.consumer_on(OUTSIDE, name, args)
    }

    /// The same on a host of choice.
    pub fn consumer_on(&self, host: &str, name: &str, args: &[&str]) -> Running {
        let mut command = self.program(host, "vesta");
        command.args(["--json", "md", "--depth", "3"]).args(args);
        Running::start(name, command)
    }

    /// A client that sends order flow to the gateway.
    pub fn flow(&self, orders: u32, rate: u32, first_session: u32) -> Running {
        let mut command = self.program(OUTSIDE, "vesta");
        command.args(["--json", "flow"]).args(["--orders", &orders.to_string()]);
        command.args(["--rate", &rate.to_string()]);
        command.args(["--first-session", &first_session.to_string()]);
        Running::start("client", command)
    }

    /// What lies where the media drivers keep their files.
    pub fn driver_files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.drivers.0).expect("the directory is there");
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Asserts that a killed process left its driver's files, as it must: nobody could remove them.
    pub fn assert_left_behind(&self, pid: u32) {
        let files = self.driver_files();
        let count = files.iter().filter(|file| is_of(pid, file)).count();
        assert_eq!(count, 2, "a directory and an owner file of process {pid} in {files:?}");
    }

    /// Asserts that a later start has removed what process `pid` left.
    pub fn assert_cleared(&self, pid: u32) {
        let files = self.driver_files();
        assert!(!files.iter().any(|file| is_of(pid, file)), "of process {pid}, in {files:?}");
    }
}

/// True for the driver files of process `pid`.
pub fn is_of(pid: u32, file: &str) -> bool {
    file.trim_end_matches(".owner").ends_with(&format!("-{pid}"))
}

/// Installs what was built with this test, by the recipe that everyone installs by.
pub fn install(prefix: &Path) {
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
pub struct Venue {
    pub roles: Vec<Running>,
}

impl Venue {
    /// Starts every role, and waits until all are ready.
    pub fn start(site: &Site) -> Self {
        let mut roles: Vec<Running> =
            ROLES.iter().map(|(name, host)| site.role(name, host)).collect();
        for role in &mut roles {
            let ready = format!("vesta-{}: ready", role.name());
            role.wait_line("that it is ready", |line| (line == ready).then_some(()));
        }
        Self { roles }
    }

    /// A role of it, by name.
    pub fn role(&self, name: &str) -> &Running {
        let role = self.roles.iter().find(|role| role.name() == name);
        role.unwrap_or_else(|| panic!("no role is called {name}"))
    }

    /// Takes a role out of it, by name.
    pub fn take(&mut self, name: &str) -> Running {
        let at = self.roles.iter().position(|role| role.name() == name);
        self.roles.remove(at.unwrap_or_else(|| panic!("no role is called {name}")))
    }

    /// Asks all to end: the md-publisher, on which no other depends, and then the rest at once. They
    /// need each other, so that one may hear of another's end before it is told its own; it then
    /// gives that as its reason. Returns what the engine said of its state.
    pub fn shut_down(mut self) -> String {
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
