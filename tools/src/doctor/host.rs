//! Kernel, interface, CPUs and memory, against what the configuration wants of them.

use super::finding::{Finding, State};
use super::transport::without_xdp;
use super::{Here, is_appliance, pinned};
use std::collections::BTreeSet;
use vesta_config::{Config, Driver, Idle, Threading};
use vesta_netio::{Ability, HostReport};

/// Addresses, ports and checksums of IPv4 and UDP, in front of a datagram, bytes.
pub(super) const HEADER_BYTES: u32 = 28;

/// What matters where latency comes first, and is only told elsewhere.
fn on_an_appliance(config: &Config) -> State {
    if is_appliance(config) { State::Warn } else { State::Ok }
}

/// What the kernel can do.
pub(super) fn kernel(config: &Config, host: &HostReport) -> Vec<Finding> {
    let kernel = &host.kernel;
    let datapath = config.transport.datapath.name();
    let knob = format!("transport.datapath = \"{datapath}\"");
    let mut findings = vec![Finding::ok("kernel", format!("Linux {}", kernel.release))];

    let chosen = match (&kernel.io_uring, datapath) {
        (Ok(()), "auto") => "uring, as io_uring works here",
        (Err(_), "auto") => "socket, as io_uring can not be had",
        (_, named) => named,
    };
    findings.push(Finding::ok("datapath", format!("{chosen}; configured: {datapath}")));
    let uring = match (&kernel.io_uring, datapath) {
        (Ok(()), _) => Finding::ok("io_uring", "works"),
        (Err(_), "socket" | "xdp") => Finding::ok("io_uring", "not to be had, and not wanted"),
        (Err(why), "uring") => Finding::ok("io_uring", "not to be had").but(State::Fail, why),
        (Err(why), _) => Finding::ok("io_uring", "not to be had").but(State::Warn, why),
    };
    let uring = match kernel.io_uring_disabled {
        Some(_) if uring.state > State::Ok => {
            uring.fix("sysctl -w kernel.io_uring_disabled=0", "procps")
        }
        _ => uring,
    };
    findings.push(uring.knob(knob.clone()));
    for (name, able, loss) in [
        ("UDP GSO", &kernel.gso, "bursts are sent one datagram to a call"),
        ("UDP GRO", &kernel.gro, "bursts are received one datagram to a call"),
    ] {
        // It came with Linux 4.18 and 5.0: only another kernel brings it.
        let image = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let found = ability(name, able, State::Warn, loss);
        findings.push(match found.state {
            State::Ok => found,
            _ => found.fix(format!("apt-get install linux-image-{image}"), "apt"),
        });
    }
    let loss = "sockets can not busy-poll the NIC's queue";
    findings.push(ability("NAPI id", &kernel.napi_id, State::Ok, loss));
    let state = if datapath == "xdp" { without_xdp(config) } else { State::Ok };
    let loss = "the datapath `xdp` can not be had";
    findings.push(ability("AF_XDP", &kernel.xdp, state, loss).knob(knob));
    findings
}

fn ability(name: &'static str, able: &Ability, state: State, loss: &str) -> Finding {
    match able {
        Ok(()) => Finding::ok(name, "there"),
        Err(why) => Finding::ok(name, format!("not to be had: {why}")).but(state, loss),
    }
}

/// The NIC.
pub(super) fn interface(config: &Config, host: &HostReport) -> Vec<Finding> {
    let transport = &config.transport;
    let knob = format!("transport.interface = \"{}\"", transport.interface);
    let interface = match &host.interface {
        Ok(interface) => interface,
        Err(missing) => {
            let finding =
                Finding::ok("interface", "not found").but(State::Fail, missing.to_string());
            return vec![finding.fix("ip -br addr", "iproute2").knob(knob)];
        }
    };
    let name = &interface.name;
    let mut findings = Vec::new();
    let text = interface.to_string();
    let text = text.strip_prefix("interface ").unwrap_or(&text);
    let found = Finding::ok("interface", text);
    findings.push(if interface.is_up || interface.is_loopback {
        found
    } else {
        let why = format!("{name} is down, or has no carrier");
        found.but(State::Fail, why).fix(format!("ip link set dev {name} up"), "iproute2").knob(knob)
    });
    if !interface.has_multicast && transport.mode.name() == "multicast" {
        let why = format!("{name} does no multicast, which transport.mode asks for");
        findings.push(
            Finding::ok("multicast", "off")
                .but(State::Fail, why)
                .fix(format!("ip link set dev {name} multicast on"), "iproute2")
                .knob("transport.mode = \"multicast\""),
        );
    }
    let (key, longest) = config.datagram_max();
    let needed = u64::from(longest + HEADER_BYTES);
    let mtu = Finding::ok("MTU", format!("{} for datagrams of {needed}", interface.mtu_bytes));
    findings.push(if interface.mtu_bytes >= needed {
        mtu
    } else {
        let why = "datagrams are cut into IP fragments, and one lost fragment loses the datagram";
        mtu.but(State::Warn, why)
            .fix(format!("ip link set dev {name} mtu {needed}"), "iproute2")
            .stage("mtu")
            .knob(format!("{key} = {longest}"))
    });
    if let Some((now, max)) = interface.receive_ring {
        let ring = Finding::ok("receive ring", format!("{now} of {max} descriptors"));
        findings.push(if now >= max {
            ring
        } else {
            let why = "a burst that is longer than the ring is lost in the NIC";
            ring.but(on_an_appliance(config), why)
                .fix(format!("ethtool -G {name} rx {max}"), "ethtool")
                .stage("rings")
        });
    }
    findings
}

/// CPUs and clock.
pub(super) fn cpus(config: &Config, host: &HostReport, here: &Here) -> Vec<Finding> {
    let cpu = &host.cpu;
    let list = |cpus: &[usize]| match cpus {
        [] => "none".to_owned(),
        cpus => cpus.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    };
    let mut findings = vec![threads(config, host, here)];
    let mut taken: Vec<(usize, &str)> = Vec::new();
    for (role, key, core) in pinned(config) {
        let knob = format!("{key} = \"{core}\"");
        let pin = Finding::ok("core", format!("{role} on {core}")).knob(knob);
        let sharing = taken.iter().find(|(other, _)| *other == core).map(|(_, role)| *role);
        taken.push((core, role));
        findings.push(if !cpu.online.contains(&core) {
            let why = format!("there is no CPU {core} that is switched on: {}", list(&cpu.online));
            pin.but(State::Fail, why).fix("lscpu --extended", "util-linux")
        } else if !here.cores.contains(&core) {
            // Its mask says nothing: no login shell has the isolated ones, and roles ask for theirs.
            let others: Vec<usize> = here.cores.iter().copied().collect();
            let why = format!(
                "no thread of this process can be pinned to CPU {core}, only to {}: its control group \
                 (cpuset.cpus) or a filter of system calls keeps it off",
                list(&others)
            );
            pin.but(State::Fail, why).fix("cat /proc/self/cpuset", "coreutils")
        } else if let Some(other) = sharing {
            let state = if config.transport.idle == Idle::Spin { State::Fail } else { State::Warn };
            pin.but(state, format!("{other} is on the same CPU, and each waits for the other"))
        } else if !cpu.isolated.contains(&core) {
            let why = format!(
                "the scheduler puts others on it too: add isolcpus={core} nohz_full={core} \
                 rcu_nocbs={core} to GRUB_CMDLINE_LINUX in /etc/default/grub, and start anew"
            );
            pin.but(State::Warn, why).fix("update-grub", "grub2-common").stage("cmdline")
        } else {
            pin
        });
    }
    findings.push(Finding::ok(
        "isolated CPUs",
        format!("{}; nohz_full {}", list(&cpu.isolated), list(&cpu.nohz_full)),
    ));
    findings.push(match cpu.governor.as_deref() {
        None => Finding::ok("governor", "none: the CPUs' speed is not ours to choose"),
        Some("performance") => Finding::ok("governor", "performance"),
        Some(other) => Finding::ok("governor", other)
            .but(on_an_appliance(config), "the CPU slows down between two orders")
            .fix("cpupower frequency-set -g performance", "linux-cpupower")
            .stage("cpu"),
    });
    let source = cpu.clock_source.as_deref().unwrap_or("unknown");
    let clock = Finding::ok("clock source", source);
    let is_fast = ["tsc", "arch_sys_counter", "kvm-clock"].contains(&source);
    let clock = match () {
        () if is_fast => clock,
        () => clock.but(State::Warn, "reading the time is a system call, in every duty cycle"),
    };
    findings.push(if !is_fast && cpu.clock_sources.iter().any(|other| other == "tsc") {
        let file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        clock.fix(format!("sh -c 'echo tsc > {file}'"), "dash")
    } else {
        clock
    });
    findings
}

/// Threads that poll if all roles run here, and the driver that they may share.
fn thread_count(config: &Config) -> usize {
    let transport = &config.transport;
    let roles = 3 + config.gateway_list.len();
    let of_driver = match transport.threading {
        Threading::Invoker => 0,
        Threading::Shared => 1,
        Threading::Dedicated => 3,
    };
    match transport.driver {
        Driver::Embedded => roles * (1 + of_driver),
        // Its own loop polls only where the driver has no thread.
        Driver::Shared => roles + of_driver.max(1),
    }
}

/// Whether there are as many CPUs as threads that spin.
fn threads(config: &Config, host: &HostReport, here: &Here) -> Finding {
    let transport = &config.transport;
    let count = thread_count(config);
    // Roles that are pinned have theirs beside what the scheduler gives to all.
    let mut usable: BTreeSet<usize> = host.cpu.allowed.iter().copied().collect();
    usable.extend(pinned(config).map(|(_, _, core)| core).filter(|core| here.cores.contains(core)));
    let (cpus, idle) = (usable.len(), transport.idle.name());
    let threading = transport.threading.name();
    let text = format!("{cpus} for up to {count} threads (driver: {threading}; idle: {idle})");
    let threads = Finding::ok("CPUs", text);
    let knob = format!("transport.idle = \"{idle}\"");
    if transport.idle == Idle::Spin && cpus < count {
        let why = "if all roles run here, threads that spin take each other's CPU";
        return threads.but(State::Warn, why).knob(knob);
    }
    threads.knob(knob)
}

/// Memory and limits.
pub(super) fn memory(config: &Config, host: &HostReport) -> Vec<Finding> {
    let (memory, transport) = (&host.memory, &config.transport);
    let mut findings = Vec::new();
    let pages = format!("{} of {} free in the pool", memory.hugepages_free, memory.hugepages);
    let pages = Finding::ok("hugepages", pages);
    findings.push(if memory.hugepages_free > 0 {
        pages
    } else {
        let why = "arenas take transparent hugepages or plain ones, with more misses of the TLB";
        pages
            .but(on_an_appliance(config), why)
            .fix("sysctl -w vm.nr_hugepages=64", "procps")
            .stage("hugepages")
    });
    let transparent = memory.transparent.as_deref().unwrap_or("unknown");
    let thp = Finding::ok("THP", transparent);
    findings.push(if transparent == "always" {
        let why = "the kernel puts pages together behind everybody's back, which takes time";
        let file = "/sys/kernel/mm/transparent_hugepage/enabled";
        thp.but(on_an_appliance(config), why)
            .fix(format!("sh -c 'echo madvise > {file}'"), "dash")
            .stage("thp")
    } else {
        thp
    });
    let lock = memory.lock_max_bytes;
    let text = lock.map_or("unlimited".to_owned(), |bytes| format!("{} KiB", bytes / 1024));
    let memlock = Finding::ok("memlock", text);
    findings.push(if lock.is_none_or(|bytes| bytes >= 64 << 20) {
        memlock
    } else {
        let why = "an arena may be paged out, and io_uring on an old kernel may find no room";
        memlock
            .but(on_an_appliance(config), why)
            .fix("prlimit --memlock=unlimited --pid $$", "util-linux")
            .stage("limits")
    });
    let swap = Finding::ok("swap", if memory.swaps == 0 { "none" } else { "in use" });
    findings.push(if memory.swaps == 0 {
        swap
    } else {
        let why = "what is paged out comes back at the price of a disk read";
        swap.but(on_an_appliance(config), why).fix("swapoff -a", "mount")
    });

    let receive = ("socket_receive_buffer_bytes", transport.socket_receive_buffer_bytes);
    let send = ("socket_send_buffer_bytes", transport.socket_send_buffer_bytes);
    let window = u64::from(transport.receiver_window_bytes);
    let mtu = u64::from(config.datagram_max().1);
    findings.push(buffer("rmem_max", memory.receive_buffer_max_bytes, receive, window));
    findings.push(buffer("wmem_max", memory.send_buffer_max_bytes, send, mtu));
    for (n, gateway) in config.gateway_list.iter().enumerate() {
        let wanted = u64::from(gateway.receive_buffer_bytes);
        if let Some(max) = memory.receive_buffer_max_bytes.filter(|&max| max < wanted) {
            let why = "bursts of clients are dropped in the kernel, and they send again";
            findings.push(
                Finding::ok("clients' buffer", format!("{max} of {wanted}"))
                    .but(State::Warn, why)
                    .fix(format!("sysctl -w net.core.rmem_max={wanted}"), "procps")
                    .stage("sockets")
                    .knob(format!("gateway[{n}].receive_buffer_bytes = {wanted}")),
            );
        }
    }
    findings
}

/// A socket's buffer: less than is asked for is a warning, less than `least` ends every role at start.
fn buffer(
    sysctl: &'static str,
    max: Option<u64>,
    (key, wanted): (&str, u32),
    least: u64,
) -> Finding {
    let wanted = u64::from(wanted);
    let Some(max) = max else { return Finding::ok(sysctl, "unknown") };
    let finding = Finding::ok(sysctl, format!("{max}; {key} = {wanted}"));
    let (state, why) = match () {
        () if max >= wanted => return finding,
        () if max >= least => (State::Warn, "bursts are dropped in the kernel and repaired later"),
        () => (State::Fail, "roles do not start: the window is larger than what the socket holds"),
    };
    finding
        .but(state, why)
        .fix(format!("sysctl -w net.core.{sysctl}={wanted}"), "procps")
        .stage("sockets")
        .knob(format!("transport.{key} = {wanted}"))
}
