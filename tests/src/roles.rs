//! The four roles as processes of their own, on loopback, at places that no other test has.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::binary;
use crate::running::{Ended, Running, terminate};

/// The roles, in the order of the data path.
pub const ROLES: [&str; 4] = ["gateway", "sequencer", "engine", "md-publisher"];

/// The processes that serve metrics.
const SERVING: [&str; 7] =
    ["gateway", "sequencer", "engine", "md-publisher", "driver", "md-relay", "demo"];

/// Ports and groups come in blocks. Their ports lie above those of the default configuration and
/// below the kernel's ephemeral ones (32768), so that neither takes them.
const FIRST_PORT: u16 = 26_000;
const BLOCK_PORTS: u16 = 16;
const BLOCK_COUNT: u16 = 250;

/// Files of one test process have different names.
static FILE_COUNT: AtomicU32 = AtomicU32::new(0);

/// A block of ports and multicast groups that nobody else has while this lives, and a folder.
#[derive(Debug)]
pub struct Places {
    /// Who holds the first port of a block has the block: also against other test processes.
    _claim: UdpSocket,
    block: u16,
    folder: PathBuf,
}

impl Places {
    /// Claims a block that is free.
    ///
    /// # Panics
    /// When all are taken, or there is nowhere to write.
    #[must_use]
    pub fn claim() -> Self {
        let (block, claim) = (0..BLOCK_COUNT)
            .find_map(|block| {
                let first = FIRST_PORT + block * BLOCK_PORTS;
                let claim = UdpSocket::bind((Ipv4Addr::LOCALHOST, first)).ok()?;
                Some((block, claim))
            })
            .expect("a free block of ports");
        let folder = std::env::temp_dir().join(format!(
            "vesta-test-{}-{}",
            std::process::id(),
            FILE_COUNT.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        Self { _claim: claim, block, folder }
    }

    fn port(&self, offset: u16) -> u16 {
        FIRST_PORT + self.block * BLOCK_PORTS + offset
    }

    fn host(&self, offset: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port(offset))
    }

    /// Where the gateway takes clients' datagrams.
    #[must_use]
    pub fn gateway(&self) -> SocketAddrV4 {
        self.host(1)
    }

    /// Where the sequencer takes commands.
    #[must_use]
    pub fn orders(&self) -> SocketAddrV4 {
        self.host(2)
    }

    /// Where the gateway hears from the sequencer.
    #[must_use]
    pub fn back(&self) -> SocketAddrV4 {
        self.host(3)
    }

    /// Input log, event log, market data, snapshots: stream id and group.
    #[must_use]
    pub fn groups(&self) -> [(i32, SocketAddrV4); 4] {
        let block = u8::try_from(self.block).expect("fewer than 256 blocks");
        [(20, 21), (30, 31), (40, 41), (41, 43)].map(|(stream, octet)| {
            let group = Ipv4Addr::new(239, 86, block, octet);
            (
                stream,
                SocketAddrV4::new(group, self.port(stream as u16 % 10 + octet as u16 / 10 + 2)),
            )
        })
    }

    /// The same streams with `mdc`: where their publishers take their readers.
    #[must_use]
    pub fn controls(&self) -> [(i32, SocketAddrV4); 4] {
        [(20, 8), (30, 9), (40, 10), (41, 11)].map(|(stream, port)| (stream, self.host(port)))
    }

    /// Where the process of `role` serves its metrics, with [`metrics`](Self::metrics).
    ///
    /// # Panics
    /// When there is no such process.
    #[must_use]
    pub fn metrics_of(&self, role: &str) -> SocketAddrV4 {
        let at = SERVING.iter().position(|known| *known == role);
        self.host(1 + at.unwrap_or_else(|| panic!("{role} serves nothing")) as u16)
    }

    /// The table of the configuration that makes every process serve its metrics. They are TCP ports, of
    /// the numbers that UDP has in use.
    #[must_use]
    pub fn metrics(&self) -> String {
        let port = |role: &&str| {
            let key = role.replace('-', "_");
            format!("{key}_port = {}\n", self.metrics_of(role).port())
        };
        let ports: String = SERVING.iter().map(port).collect();
        format!("[metrics]\naddress = \"127.0.0.1\"\n{ports}")
    }

    /// Where the relay of market data takes its consumers, and the table that says so.
    #[must_use]
    pub fn relay(&self) -> String {
        let (market_data, snapshots) = (self.port(12), self.port(13));
        format!("[md_relay]\nmarket_data_port = {market_data}\nsnapshots_port = {snapshots}\n")
    }

    /// A folder of the test's own, removed at the end.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The text of a configuration at these places; buffers are small, so that many fit beside each
    /// other and start soon. `transport` holds more lines of that table, `more` more tables.
    #[must_use]
    pub fn config(&self, transport: &str, more: &str) -> String {
        let (gateway, orders, back) = (self.gateway(), self.orders(), self.back());
        let groups: String = ["input_log", "event_log", "market_data", "snapshots"]
            .into_iter()
            .zip(self.groups().into_iter().zip(self.controls()))
            .map(|(name, ((_, group), (_, control)))| {
                format!(
                    "[streams.{name}]\ngroup = \"{group}\"\ncontrol = \"{control}\"\n\
                     term_length_bytes = 262144\n"
                )
            })
            .collect();
        format!(
            "[transport]\ndriver_directory_parent = \"{}\"\nsparse_files = true\n\
             pre_touch = false\n{transport}\n\
             [streams.orders]\nendpoint = \"{orders}\"\nterm_length_bytes = 262144\n\
             [streams.sequencer_back]\nterm_length_bytes = 262144\n{groups}\
             [[gateway]]\nid = 1\nlisten = \"{gateway}\"\nback_endpoint = \"{back}\"\n\
             receive_buffer_bytes = 212992\n[counters]\ndirectory = \"{}\"\n{more}\n",
            self.drivers().display(),
            self.drivers().display(),
        )
    }

    /// Where the drivers of this configuration put their directories: in memory, each test its own,
    /// so that what is left behind is seen.
    #[must_use]
    pub fn drivers(&self) -> PathBuf {
        Path::new("/dev/shm").join(self.folder.file_name().expect("a name"))
    }

    /// Writes the configuration, and returns its path.
    ///
    /// # Panics
    /// When it can not be written.
    #[must_use]
    pub fn write(&self, text: &str) -> PathBuf {
        std::fs::create_dir_all(self.drivers()).expect("shared memory is there");
        let file = self.folder.join("vesta.toml");
        std::fs::write(&file, text).expect("the folder of the test can be written");
        file
    }

    /// What drivers have left behind.
    #[must_use]
    pub fn leftovers(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.drivers())
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default()
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_dir_all(self.drivers());
    }
}

/// A command that runs one of our binaries with a configuration.
#[must_use]
pub fn command(program: &str, config: &Path) -> Command {
    let mut command = Command::new(binary(program));
    command.arg("--config").arg(config);
    command
}

/// All roles, at work.
#[derive(Debug)]
pub struct Venue {
    roles: Vec<Running>,
    places: Places,
}

impl Venue {
    /// Starts all roles, and waits until each says that it is ready.
    ///
    /// # Panics
    /// When one does not.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("", "")
    }

    /// As [`start`](Self::start), with more lines of `[transport]` and more tables.
    ///
    /// # Panics
    /// As `start`.
    #[must_use]
    pub fn start_with(transport: &str, more: &str) -> Self {
        Self::start_on(Places::claim(), transport, more)
    }

    /// As [`start_with`](Self::start_with), at these places.
    ///
    /// # Panics
    /// As `start`.
    #[must_use]
    pub fn start_on(places: Places, transport: &str, more: &str) -> Self {
        let config = places.config(transport, more);
        Self::start_from(places, &config)
    }

    /// As [`start`](Self::start), from the text of a configuration at these places.
    ///
    /// # Panics
    /// As `start`.
    #[must_use]
    pub fn start_from(places: Places, config: &str) -> Self {
        let file = places.write(config);
        let start = |role: &str| Running::start(role, command(&format!("vesta-{role}"), &file));
        let mut roles: Vec<_> = ROLES.into_iter().map(start).collect();
        for role in &mut roles {
            role.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
        }
        Self { roles, places }
    }

    /// Where everything is.
    #[must_use]
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// One of [`ROLES`].
    ///
    /// # Panics
    /// For another word.
    #[must_use]
    pub fn role(&self, name: &str) -> &Running {
        self.roles.iter().find(|role| role.name() == name).expect("one of the roles")
    }

    /// Takes one of [`ROLES`] out, to be ended by the test.
    ///
    /// # Panics
    /// For another word.
    #[must_use]
    pub fn take(&mut self, name: &str) -> Running {
        let at = self.roles.iter().position(|role| role.name() == name);
        self.roles.remove(at.expect("one of the roles"))
    }

    /// Panics when a role has ended.
    ///
    /// # Panics
    /// That is what it is for.
    pub fn assert_alive(&mut self) {
        for role in &mut self.roles {
            assert!(role.is_running(), "{} died: {:?}", role.name(), role.stderr());
        }
    }

    /// Ends all roles by SIGTERM, and returns how each ended, in the order of [`ROLES`]. Each must
    /// end well, without a word of a panic, and leave nothing behind.
    ///
    /// # Panics
    /// When one does not.
    #[must_use]
    pub fn end(mut self) -> Vec<Ended> {
        self.assert_alive();
        terminate(&self.roles.iter().collect::<Vec<_>>());
        let ended: Vec<Ended> = self.roles.drain(..).map(Running::end).collect();
        for (role, ended) in ROLES.into_iter().zip(&ended) {
            let text = ended.stderr.join("\n");
            assert_eq!(ended.code, Some(0), "{role}: {text}");
            assert!(!text.contains("panic"), "{role}: {text}");
        }
        assert_eq!(self.places.leftovers(), Vec::<PathBuf>::new());
        ended
    }
}

/// The number in front of `unit` in a line such as "received 7 datagrams, forwarded 3": the one
/// after `word`, when it is given before the number.
///
/// # Panics
/// When the lines do not say.
#[must_use]
pub fn counted(ended: &Ended, word: &str) -> u64 {
    let number = |line: &String| {
        let (_, rest) = line.split_once(word)?;
        rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    ended.stderr.iter().rev().find_map(number).unwrap_or_else(|| {
        panic!("nobody says how many `{word}`: {:#?}", ended.stderr);
    })
}
