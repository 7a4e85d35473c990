//! A LAN of network namespaces: hosts that reach each other and nothing else.
//!
//! ```text
//!   host      core         edge        outside      each a namespace, named <prefix>-<host>
//!             eth0         eth0          eth0       10.86.0.1, .2, .3 ... of 10.86.0.0/24
//!               \            |            /
//!                '-------- br0 ----------'          in a namespace of its own, <prefix>-lan
//! ```
//!
//!
//! A *pod* is a namespace behind a host: a link of its own to it, routed, without multicast.
//!
//! Nothing of it touches the machine's own network, so that the addresses clash with nobody's, and
//! two test runs at a time do not meet. A namespace takes its interfaces with it when it goes.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::run;

/// The network of every LAN.
pub const NETWORK: &str = "10.86.0.0/24";

/// Begins the names of our namespaces; the pid of the test process follows.
const PREFIX: &str = "vesta-test-";
/// The namespace of the bridge.
const BRIDGE: &str = "lan";

/// The second LAN of one process has another name than the first.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// True as root. Otherwise prints the SKIP line of `test` (such tests are named `netns_*`, see
/// `tests/allowed-skips.toml`); the test returns.
///
/// # Panics
/// Where there is no `/proc`.
#[must_use]
pub fn can_make_namespaces(test: &str) -> bool {
    let is_root = std::fs::metadata("/proc/self").expect("Linux has /proc").uid() == 0;
    if !is_root {
        println!("SKIP {test}: needs root");
    }
    is_root
}

/// True where nftables is installed. Otherwise prints the SKIP line of `test`, as above.
#[must_use]
pub fn has_nft(test: &str) -> bool {
    let is_there = Command::new("nft").arg("--version").output().is_ok_and(|o| o.status.success());
    if !is_there {
        println!("SKIP {test}: nft is not installed (Debian: nftables)");
    }
    is_there
}

/// Hosts on one bridge; gone when this is dropped, also by a panic.
#[derive(Debug)]
pub struct Lan {
    prefix: String,
    hosts: Vec<String>,
    pods: Vec<String>,
}

impl Lan {
    /// A LAN of `hosts`, each a short word of its own.
    ///
    /// # Panics
    /// When `ip` (iproute2) is missing or refuses.
    #[must_use]
    pub fn new(hosts: &[&str]) -> Self {
        remove_leftovers();
        let pid = std::process::id();
        let prefix = format!("{PREFIX}{pid}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut lan = Self { prefix, hosts: Vec::new(), pods: Vec::new() };
        ip(&["netns", "add", &lan.namespace(BRIDGE)]);
        // With snooping the bridge would pass a group on only where it heard of a member, and nobody
        // here asks for members as a router does.
        lan.in_host(BRIDGE, "link add br0 type bridge mcast_snooping 0");
        lan.in_host(BRIDGE, "link set br0 up");
        for host in hosts {
            lan.add(host);
        }
        lan
    }

    fn add(&mut self, host: &str) {
        let namespace = self.namespace(host);
        ip(&["netns", "add", &namespace]);
        self.hosts.push(host.to_owned());
        let address = self.address(host);
        self.in_host(
            BRIDGE,
            &format!("link add {host} type veth peer name eth0 netns {namespace}"),
        );
        self.in_host(BRIDGE, &format!("link set {host} master br0 up"));
        self.in_host(host, "link set lo up");
        self.in_host(host, &format!("addr add {address}/24 dev eth0"));
        self.in_host(host, "link set eth0 up");
        self.in_host(host, "route add 224.0.0.0/4 dev eth0");
    }

    /// Adds a pod behind `host`: it reaches that host by a link of its own, which carries no multicast.
    ///
    /// # Panics
    /// When `ip` refuses.
    pub fn add_pod(&mut self, pod: &str, host: &str) {
        let namespace = self.namespace(pod);
        ip(&["netns", "add", &namespace]);
        self.pods.push(pod.to_owned());
        let network = format!("10.87.{}", self.pods.len());
        self.in_host(host, &format!("link add {pod} type veth peer name eth0 netns {namespace}"));
        self.in_host(host, &format!("addr add {network}.1/24 dev {pod}"));
        self.in_host(host, &format!("link set {pod} multicast off up"));
        self.in_host(pod, "link set lo up");
        self.in_host(pod, &format!("addr add {network}.2/24 dev eth0"));
        self.in_host(pod, "link set eth0 multicast off up");
        self.in_host(pod, &format!("route add default via {network}.1"));
    }

    /// The address of a host.
    ///
    /// # Panics
    /// When the LAN has no such host.
    #[must_use]
    pub fn address(&self, host: &str) -> String {
        let place = self.hosts.iter().position(|known| known == host);
        format!("10.86.0.{}", place.unwrap_or_else(|| panic!("no host is called {host}")) + 1)
    }

    /// A command that runs `program` on `host`. The pid that it gets is the program's: what stands
    /// before it on the command line replaces itself. The program dies with the thread that starts
    /// it, so that a test run that is killed leaves no process behind.
    #[must_use]
    pub fn command(&self, host: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]);
        command.args(["setpriv", "--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Changes the network of a host while it is in use; `what` is an `ip` command without quotes,
    /// such as `link set eth0 down`.
    ///
    /// # Panics
    /// When `ip` refuses.
    pub fn change(&self, host: &str, what: &str) {
        self.in_host(host, what);
    }

    /// Gives the bridge rules of nftables, in the place of those that it had. Its ports, at whose
    /// ingress they can be, are called like the hosts.
    ///
    /// # Panics
    /// When `nft` refuses.
    pub fn bridge_rules(&self, rules: &str) {
        let file = std::env::temp_dir().join(format!("{}.nft", self.prefix));
        std::fs::write(&file, format!("flush ruleset\n{rules}\n")).expect("a file");
        let name = file.to_str().expect("a plain path");
        let _ = run("ip", &["netns", "exec", &self.namespace(BRIDGE), "nft", "-f", name]);
        std::fs::remove_file(&file).expect("just written");
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    /// Configures the network of a host; `what` is an `ip` command without quotes.
    fn in_host(&self, host: &str, what: &str) {
        let namespace = self.namespace(host);
        let args: Vec<&str> = ["-n", &namespace].into_iter().chain(what.split(' ')).collect();
        ip(&args);
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let all = self.pods.iter().chain(&self.hosts);
        for host in all.map(String::as_str).chain([BRIDGE]) {
            remove(&self.namespace(host));
        }
    }
}

fn ip(args: &[&str]) {
    let _ = run("ip", args);
}

/// Removes a namespace; one that is not there is as good.
fn remove(namespace: &str) {
    let _ = Command::new("ip").args(["netns", "del", namespace]).output();
}

/// True for a name that is `prefix`, the pid of a process that is dead, and more after a dash: left
/// behind by a test run that was killed.
#[must_use]
pub fn is_leftover(name: &str, prefix: &str) -> bool {
    let pid = name.strip_prefix(prefix).and_then(|rest| rest.split('-').next());
    pid.and_then(|pid| pid.parse::<u32>().ok())
        .is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

/// Removes the namespaces of test runs that were killed.
fn remove_leftovers() {
    for line in run("ip", &["netns", "list"]).lines() {
        let name = line.split(' ').next().unwrap_or_default();
        if is_leftover(name, PREFIX) {
            remove(name);
        }
    }
}
