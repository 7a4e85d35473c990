//! Two hosts on one cable: network namespaces with a pair of virtual Ethernet interfaces.
//!
//! ```text
//!   a: eth0 10.87.0.1/24  ------  eth0 10.87.0.2/24 :b       each with a loopback of its own
//! ```
//!
//! A thread is on one host at a time: it enters it for what it does there, and comes back.

#![allow(unsafe_code, reason = "setns has no safe form in what we depend on")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{PATIENCE_NS, free_port, settings, transport};
use vesta_netio::{AeronTransport, Clock, Datapath, DriverSettings, Threading};
use vesta_transport::{Duty, StreamId, Transport, TransportError};

pub const NETWORK: &str = "10.87.0.0/24";
pub const ADDRESS_A: &str = "10.87.0.1";
pub const ADDRESS_B: &str = "10.87.0.2";
pub const INTERFACE: &str = "eth0";

const PREFIX: &str = "vesta-netio-";
static COUNT: AtomicU32 = AtomicU32::new(0);

/// False without root, which making namespaces takes; says so for `test`.
pub fn can_make_hosts(test: &str) -> bool {
    let is_root = std::fs::metadata("/proc/self").expect("Linux has /proc").uid() == 0;
    if !is_root {
        println!("SKIP {test}: needs root");
    }
    is_root
}

/// A host: clones are the same one.
#[derive(Clone, Debug)]
pub struct Host {
    pub name: String,
    namespace: std::sync::Arc<File>,
}

impl Host {
    fn new(name: String) -> Self {
        ip(&["netns", "add", &name]);
        let namespace = File::open(format!("/run/netns/{name}")).expect("it was just made");
        let host = Self { name, namespace: std::sync::Arc::new(namespace) };
        host.ip("link set lo up");
        host
    }

    /// Runs an `ip` command without quotes on it.
    pub fn ip(&self, what: &str) -> String {
        let args: Vec<&str> = ["-n", &self.name].into_iter().chain(what.split(' ')).collect();
        ip(&args)
    }

    /// Does something on it; threads that this starts stay there.
    pub fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let home = File::open("/proc/thread-self/ns/net").expect("every thread is somewhere");
        set_namespace(&self.namespace);
        /// Back also by a panic.
        struct Return(File);
        impl Drop for Return {
            fn drop(&mut self) {
                set_namespace(&self.0);
            }
        }
        let _return = Return(home);
        work()
    }

    /// A command whose process runs on it.
    pub fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, "setpriv", "--pdeathsig", "KILL", "--"]);
        command.arg(program);
        command
    }

    /// True while an XDP program is on the interface.
    pub fn has_program(&self) -> bool {
        self.ip("link show dev eth0").contains("xdp")
    }
}

/// The two, gone when this is dropped.
#[derive(Debug)]
pub struct Pair {
    pub a: Host,
    pub b: Host,
}

impl Pair {
    pub fn new() -> Self {
        remove_leftovers();
        let (pid, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let [a, b] = ["a", "b"].map(|name| Host::new(format!("{PREFIX}{pid}-{count}-{name}")));
        let pair = Self { a, b };
        pair.a.ip(&format!("link add eth0 type veth peer name eth0 netns {}", pair.b.name));
        for (host, address) in [(&pair.a, ADDRESS_A), (&pair.b, ADDRESS_B)] {
            host.ip(&format!("addr add {address}/24 dev eth0"));
            host.ip("link set eth0 up");
            host.ip("route add 224.0.0.0/4 dev eth0");
        }
        pair
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for host in [&self.a, &self.b] {
            remove(&host.name);
        }
    }
}

/// Moves the calling thread.
fn set_namespace(namespace: &File) {
    // SAFETY: takes no memory; it changes the calling thread alone.
    let result = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "root may enter: {}", std::io::Error::last_os_error());
}

fn ip(args: &[&str]) -> String {
    let out = Command::new("ip").args(args).output().expect("iproute2 is installed");
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "ip {args:?}: {stderr}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn remove(namespace: &str) {
    let _ = Command::new("ip").args(["netns", "del", namespace]).output();
}

/// What killed test runs left.
fn remove_leftovers() {
    for line in ip(&["netns", "list"]).lines() {
        let name = line.split(' ').next().unwrap_or_default();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse().ok());
        if pid.is_some_and(|pid: u32| !std::path::Path::new(&format!("/proc/{pid}")).exists()) {
            remove(name);
        }
    }
}

/// A transport that does all its work on a host.
pub struct On {
    pub host: Host,
    /// Taken out to be dropped there.
    pub transport: Option<AeronTransport>,
}

impl On {
    pub fn new(host: &Host, settings: &DriverSettings) -> Self {
        let transport = host.enter(|| transport(settings));
        Self { host: host.clone(), transport: Some(transport) }
    }

    pub fn inner(&mut self) -> &mut AeronTransport {
        self.transport.as_mut().expect("until it is dropped")
    }

    /// A counter of its interface.
    pub fn count(&self, name: &str) -> u64 {
        let transport = self.transport.as_ref().expect("until it is dropped");
        let count = transport.with_driver(|driver| {
            let counters = driver.xdp_counters().expect("it runs on xdp");
            counters.list().find(|(known, _)| *known == name).map(|(_, count)| count)
        });
        count.flatten().unwrap_or_else(|| panic!("no counter is called {name}"))
    }
}

impl Drop for On {
    fn drop(&mut self) {
        let transport = self.transport.take();
        self.host.enter(|| drop(transport));
    }
}

impl Duty for On {
    fn do_work(&mut self) -> Result<usize, TransportError> {
        let host = self.host.clone();
        host.enter(|| self.inner().do_work())
    }
}

impl Transport for On {
    type Publication = vesta_netio::AeronPublication;
    type Subscription = vesta_netio::AeronSubscription;

    fn add_publication(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<Self::Publication, TransportError> {
        let host = self.host.clone();
        host.enter(|| self.inner().add_publication(channel, stream))
    }

    fn add_subscription(
        &mut self,
        channel: &str,
        stream: StreamId,
    ) -> Result<Self::Subscription, TransportError> {
        let host = self.host.clone();
        host.enter(|| self.inner().add_subscription(channel, stream))
    }
}

/// Settings of a driver on the cable's interface.
pub fn xdp(datapath: Datapath, threading: Threading) -> DriverSettings {
    let mut settings = settings(datapath, threading);
    settings.xdp.interface = INTERFACE.to_owned();
    // Many drivers with threads of their own on two cores: one may wait for its turn for a while.
    settings.image_liveness_timeout_ms = 3_000;
    settings.publication_connection_timeout_ms = 3_000;
    settings
}

/// From anywhere to host b.
pub fn unicast() -> String {
    format!("aeron:udp?endpoint={ADDRESS_B}:{}", free_port())
}

/// From anywhere to whoever listens.
pub fn multicast() -> String {
    format!("aeron:udp?endpoint=239.192.77.1:{}|interface={NETWORK}", free_port())
}

/// Drives `sides` until `done` says so; panics when it takes too long.
pub fn drive(what: &str, sides: &mut [&mut On], mut done: impl FnMut() -> bool) {
    let clock = Clock::new();
    while !done() {
        let work: usize = sides.iter_mut().map(|side| side.do_work().expect("it works")).sum();
        if work == 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
        assert!(clock.mono_ns() < PATIENCE_NS, "{what}: gave up after {PATIENCE_NS} ns");
    }
}
