//! Frames that no well-behaved host sends, and programs that nobody owns: on a cable between two
//! network namespaces, with the far end in our hands.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::claims::Claims;
use super::headers::{Mac, Outgoing};
use super::interface::Interface;
use super::netlink::Netlink;
use super::program::Redirect;
use super::settings::{XdpSettings, XdpUnavailable};
use super::watcher::Watcher;
use crate::{Clock, allowed_cores, pin_to_core};

const NEAR: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 2);
const PORT: u16 = 24010;
const POLLER: usize = 1;
const TOKEN: usize = 2;
const PATIENCE_NS: u64 = 10_000_000_000;
const NATIVE: u32 = 1 << 2;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A cable: `near` in one namespace, where the calling thread is, and `far` in another.
struct Cable {
    names: [String; 2],
    home: File,
    mac: Mac,
    far: OwnedFd,
}

fn ip(what: &str) -> io::Result<()> {
    let out = Command::new("ip").args(what.split(' ')).output()?;
    match out.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&out.stderr).into_owned())),
    }
}

fn enter(namespace: &File) {
    // SAFETY: changes the calling thread alone.
    let result = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

impl Cable {
    /// `None`, and a word why, without root.
    fn new(test: &str) -> Option<Self> {
        // SAFETY: takes no argument and can not fail.
        if unsafe { libc::geteuid() } != 0 {
            println!("SKIP {test}: needs root");
            return None;
        }
        let (pid, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let names = ["near", "far"].map(|end| format!("vesta-xdp-{pid}-{count}-{end}"));
        let [near, far] = &names;
        let home = File::open("/proc/thread-self/ns/net").expect("a thread is somewhere");
        for command in [
            format!("netns add {near}"),
            format!("netns add {far}"),
            format!("-n {near} link add near type veth peer name far netns {far}"),
            format!("-n {near} addr add {NEAR}/24 dev near"),
            format!("-n {far} addr add {FAR}/24 dev far"),
            format!("-n {near} link set near up"),
            format!("-n {far} link set far up"),
        ] {
            ip(&command).expect("iproute2");
        }
        let open = |name: &str| File::open(format!("/run/netns/{name}")).expect("just made");
        enter(&open(far));
        let socket = raw_socket();
        enter(&open(near));
        let links = Netlink::open(0).and_then(|mut netlink| netlink.links()).expect("links");
        let link = links.iter().find(|link| link.name == "near").expect("just made");
        let mac = link.mac.expect("Ethernet");
        Some(Self { names, home, mac, far: socket })
    }

    /// A frame from the far end, as it is.
    fn send(&self, frame: &[u8]) {
        // SAFETY: the frame is readable for its length.
        let sent =
            unsafe { libc::send(self.far.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        assert_eq!(usize::try_from(sent), Ok(frame.len()), "{}", io::Error::last_os_error());
    }

    fn frame(&self, payload: &[u8]) -> Vec<u8> {
        self.frame_from(FAR, payload)
    }

    fn frame_from(&self, from: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
        let headers = Outgoing {
            mac_from: Mac([2, 0, 0, 0, 0, 9]),
            mac_to: self.mac,
            from: SocketAddrV4::new(from, 40000),
            to: SocketAddrV4::new(NEAR, PORT),
            type_of_service: 0,
            time_to_live: 64,
        };
        let mut frame = vec![0; 42 + payload.len()];
        headers.write(&mut frame, payload);
        frame
    }

    fn open() -> Result<Arc<Interface>, XdpUnavailable> {
        let settings = XdpSettings { interface: "near".to_owned(), ..XdpSettings::default() };
        Interface::open(&settings, 1408)
    }

    fn program() -> Option<(u32, u8)> {
        let links = Netlink::open(0).and_then(|mut netlink| netlink.links()).expect("links");
        links.into_iter().find(|link| link.name == "near").expect("it is there").program
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        enter(&self.home);
        for name in &self.names {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// Sends frames on the only Ethernet interface of the thread's namespace.
fn raw_socket() -> OwnedFd {
    // SAFETY: makes a new descriptor, which is then ours; all-zero is a valid address, which
    // outlives the call.
    unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        let socket = OwnedFd::from_raw_fd(fd);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = libc::if_nametoindex(c"far".as_ptr()) as i32;
        let length = size_of::<libc::sockaddr_ll>() as u32;
        let result = libc::bind(fd, (&raw const address).cast(), length);
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        socket
    }
}

/// Polls until `done`; the payloads that came meanwhile.
fn poll_until(interface: &Interface, mut done: impl FnMut() -> bool) -> Vec<Vec<u8>> {
    let clock = Clock::new();
    let mut payloads = Vec::new();
    loop {
        let mut next = interface.poll(POLLER);
        while let Some(mut arrival) = next {
            assert_eq!(arrival.token, TOKEN);
            assert_eq!(arrival.from(), SocketAddrV4::new(FAR, 40000));
            payloads.push(arrival.payload().to_vec());
            next = interface.exchange(POLLER, arrival);
        }
        if done() {
            return payloads;
        }
        assert!(clock.mono_ns() < PATIENCE_NS, "gave up; {:?}", interface.counters());
        std::thread::sleep(Duration::from_micros(50));
    }
}

#[test]
fn netns_xdp_hostile_frames_are_counted_and_harmless() {
    let Some(cable) = Cable::new("netns_xdp_hostile_frames_are_counted_and_harmless") else {
        return;
    };
    let interface = Cable::open().expect("a cable");
    let port = interface.add(NEAR, PORT, POLLER, TOKEN, None).expect("room").expect("its address");
    let counters = Arc::clone(interface.counters());

    let good = cable.frame(b"good");
    let changed = |at: usize, bytes: &[u8]| {
        let mut frame = good.clone();
        frame[at..][..bytes.len()].copy_from_slice(bytes);
        frame
    };
    cable.send(&good);
    let seen = poll_until(&interface, || counters.datagrams_received.get() == 1);
    assert_eq!(seen, [b"good"]);

    // Whole frames, but from an address that no other host has: loopback would be let in by the gate.
    let martians = [[127, 0, 0, 1], [0; 4], [224, 0, 0, 1], [255; 4]]
        .map(|from| cable.frame_from(from.into(), b"martian"));

    const ROUNDS: u64 = 3_000;
    // More of them than there are frames, so that one that is kept would be noticed.
    for round in 0..ROUNDS {
        cable.send(&changed(38, &[0, 3])); // UDP shorter than its header
        cable.send(&changed(38, &[0xff, 0xff])); // UDP longer than IP
        cable.send(&changed(40, &[1, 2])); // a wrong checksum
        cable.send(&changed(24, &[0, 0])); // a wrong checksum of the header
        cable.send(&changed(0, &[2, 9, 9, 9, 9, 9])); // for another
        cable.send(&martians[round as usize % martians.len()]);
        if round % 64 == 0 {
            let at_least = round * 2;
            poll_until(&interface, || counters.drops_malformed.get() >= at_least);
        }
    }
    let seen = poll_until(&interface, || {
        counters.drops_malformed.get() == 2 * ROUNDS
            && counters.drops_checksum.get() == 2 * ROUNDS
            && counters.drops_not_to_us.get() == ROUNDS
            && counters.drops_source.get() == ROUNDS
    });
    assert!(seen.is_empty(), "none is delivered");
    for n in 0..5_000_u32 {
        cable.send(&cable.frame(&n.to_le_bytes()));
        let seen = poll_until(&interface, || counters.datagrams_received.get() == 2 + u64::from(n));
        assert_eq!(seen, [n.to_le_bytes()]);
    }

    // A reader that does not poll keeps its bound, and no more.
    for _ in 0..4_000 {
        cable.send(&good);
        // For somebody else's poller.
        assert!(interface.poll(POLLER + 1).is_none());
    }
    let held = u64::try_from(super::demux::INBOX_MAX).expect("small");
    assert!(counters.drops_inbox_full.get() >= 4_000 - held - 100, "{counters:?}");
    interface.remove(port);
    assert!(interface.poll(POLLER).is_none(), "what waited for it went with it");
    let again = interface.add(NEAR, PORT, POLLER, TOKEN, None).expect("room").expect("its address");
    cable.send(&good);
    let before = counters.datagrams_received.get();
    let seen = poll_until(&interface, || counters.datagrams_received.get() > before);
    assert_eq!(seen, [b"good"]);
    interface.remove(again);
}

#[test]
fn netns_xdp_a_stale_program_is_replaced_and_another_one_is_not() {
    let Some(_cable) = Cable::new("netns_xdp_a_stale_program_is_replaced_and_another_one_is_not")
    else {
        return;
    };
    // As `ip link` would attach it: it stays when who did it is gone.
    let mut netlink = Netlink::open(0).expect("netlink");
    let links = netlink.links().expect("links");
    let index = links.iter().find(|link| link.name == "near").expect("it is there").index;
    let stale = Redirect::load(1).expect("it loads");
    netlink.set_program(index, stale.program.as_raw_fd(), NATIVE).expect("attached");
    drop(stale);
    let (id, _) = Cable::program().expect("it stayed");

    let interface = Cable::open().expect("a stale program is no obstacle");
    assert!(interface.description().ends_with("a stale program of ours was replaced"));
    assert_ne!(Cable::program().expect("ours").0, id);
    drop(interface);
    assert_eq!(Cable::program(), None, "ours goes with us");

    // One by another name has an owner.
    let code = super::program::pass_all();
    let other = super::bpf::Program::load_xdp("somebody", &code).expect("it loads");
    netlink.set_program(index, other.as_raw_fd(), NATIVE).expect("attached");
    let text = Cable::open().expect_err("it is not ours").to_string();
    assert!(text.contains("near is taken by XDP program \"somebody\""), "{text}");
    netlink.detach_program(index, NATIVE).expect("taken off");

    // Opened again at once, though the kernel lets go of a queue late.
    for _ in 0..3 {
        drop(Cable::open().expect("free"));
    }
}

#[test]
fn netns_xdp_the_watcher_leaves_the_cpu_of_a_pinned_role() {
    let Some(_cable) = Cable::new("netns_xdp_the_watcher_leaves_the_cpu_of_a_pinned_role") else {
        return;
    };
    let cores = allowed_cores().expect("a set");
    pin_to_core(cores[0]).expect("we may");
    let claims = Arc::new(Claims::new(Redirect::load(1).expect("it loads")));
    let _watcher =
        Watcher::start(1, "pinned", claims, Arc::default(), Arc::default()).expect("started");
    let clock = Clock::new();
    // Where there is no other CPU it stays.
    while cpus_of("xdp-pinned").is_none_or(|on| (on == cores[0].to_string()) != (cores.len() == 1))
    {
        assert!(clock.mono_ns() < PATIENCE_NS, "it is on {:?}", cpus_of("xdp-pinned"));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a thread of this process may run on, as the kernel writes it.
fn cpus_of(thread: &str) -> Option<String> {
    let task = std::fs::read_dir("/proc/self/task").ok()?.flatten().map(|task| task.path()).find(
        |task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == thread),
    )?;
    let status = std::fs::read_to_string(task.join("status")).ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(list.trim().to_owned())
}
