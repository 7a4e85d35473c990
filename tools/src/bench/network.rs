//! The networks that are measured on: hosts as network namespaces, joined by veth.
//!
//! ```text
//!   two hosts     <prefix>-0  eth0 10.87.0.1  ===veth===  eth0 10.87.0.2  <prefix>-1
//!   more          each eth0 ===veth=== br0 in <prefix>-bridge
//! ```
//!
//! Nothing of it touches the machine's own network. The names begin with this process's id: what a
//! process that was killed left behind is removed by the next one. A namespace takes its
//! interfaces with it when it goes.

use super::BenchError;
use super::worker::Host;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// Begins the names of our namespaces; the process id follows.
const PREFIX: &str = "vesta-bench-";

/// A host of a network, as its processes know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where its processes run.
    pub host: Host,
    /// Its address.
    pub address: Ipv4Addr,
    /// The interface of multicast, as Aeron is told: an address and a mask.
    pub interface: String,
}

/// Two hosts, and what they are joined by.
#[derive(Clone, Debug)]
pub struct Link {
    /// What output calls it.
    pub name: &'static str,
    /// Where the one that begins is, and the one that answers.
    pub ends: [Place; 2],
}

/// Hosts that reach each other, gone when this is dropped.
#[derive(Debug)]
pub struct Network {
    namespaces: Vec<String>,
    /// The namespace of the bridge, where there is one.
    bridge: Option<String>,
}

/// True where this process may make namespaces; otherwise why not.
///
/// # Errors
/// The reason.
pub fn can_make_namespaces() -> Result<(), String> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root {
        return Err("network namespaces need root".to_owned());
    }
    let found = Command::new("ip").arg("-V").output();
    found.map(drop).map_err(|error| format!("`ip` (iproute2) can not be run: {error}"))
}

impl Network {
    /// Two hosts on one veth pair, with nothing between them.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn pair() -> Result<Self, BenchError> {
        remove_leftovers();
        let mut network = Self { namespaces: Vec::new(), bridge: None };
        let [one, other] = [network.add_namespace()?, network.add_namespace()?];
        ip(&format!("-n {one} link add eth0 type veth peer name eth0 netns {other}"))?;
        network.bring_up()?;
        Ok(network)
    }

    /// So many hosts on one bridge.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn lan(hosts: usize) -> Result<Self, BenchError> {
        remove_leftovers();
        let bridge = name("bridge");
        ip(&format!("netns add {bridge}"))?;
        let mut network = Self { namespaces: Vec::new(), bridge: Some(bridge.clone()) };
        // With snooping the bridge would pass a group on only where it heard of a member, and nobody
        // here asks for members as a router does.
        ip(&format!("-n {bridge} link add br0 type bridge mcast_snooping 0"))?;
        ip(&format!("-n {bridge} link set br0 up"))?;
        for number in 0..hosts {
            let host = network.add_namespace()?;
            let port = format!("port{number}");
            ip(&format!("-n {bridge} link add {port} type veth peer name eth0 netns {host}"))?;
            ip(&format!("-n {bridge} link set {port} master br0 up"))?;
        }
        network.bring_up()?;
        Ok(network)
    }

    fn add_namespace(&mut self) -> Result<String, BenchError> {
        let name = name(&self.namespaces.len().to_string());
        ip(&format!("netns add {name}"))?;
        self.namespaces.push(name.clone());
        Ok(name)
    }

    fn bring_up(&self) -> Result<(), BenchError> {
        for (place, namespace) in self.namespaces.iter().enumerate() {
            let address = address(place);
            for what in [
                "link set lo up".to_owned(),
                format!("addr add {address}/24 dev eth0"),
                "link set eth0 up".to_owned(),
                "route add 224.0.0.0/4 dev eth0".to_owned(),
            ] {
                ip(&format!("-n {namespace} {what}"))?;
            }
        }
        Ok(())
    }

    /// A host by its number, from 0.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    pub fn place(&self, number: usize) -> Place {
        Place {
            host: Host::Namespace(self.namespaces[number].clone()),
            address: address(number),
            interface: "10.87.0.0/24".to_owned(),
        }
    }

    /// The loopback interface of the first host: nobody else's datagrams are on it.
    #[must_use]
    pub fn loopback(&self) -> Place {
        Place { host: Host::Namespace(self.namespaces[0].clone()), ..loopback() }
    }
}

/// The machine's own loopback interface.
#[must_use]
pub fn loopback() -> Place {
    Place { host: Host::Here, address: Ipv4Addr::LOCALHOST, interface: "127.0.0.1/32".to_owned() }
}

/// The name of a namespace of this process.
fn name(what: &str) -> String {
    format!("{PREFIX}{}-{what}", std::process::id())
}

fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 87, 0, number as u8 + 1)
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in self.namespaces.iter().chain(&self.bridge) {
            remove(namespace);
        }
    }
}

/// Runs `ip` with words that have no quotes.
fn ip(words: &str) -> Result<String, BenchError> {
    let failed = |why: &dyn std::fmt::Display| BenchError::not_started(&format!("ip {words}"), why);
    let out = Command::new("ip").args(words.split(' ')).output().map_err(|e| failed(&e))?;
    if !out.status.success() {
        return Err(failed(&String::from_utf8_lossy(&out.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Removes a namespace; one that is not there is as good.
fn remove(namespace: &str) {
    let _ = ip(&format!("netns del {namespace}"));
}

fn remove_leftovers() {
    for line in ip("netns list").unwrap_or_default().lines() {
        let name = line.split(' ').next().unwrap_or_default();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            remove(name);
        }
    }
}
