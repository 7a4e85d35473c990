//! Hosts that are made up, good and bad, and this one.

mod fixes;

use super::*;
use crate::bench::worker::pin;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use vesta_netio::{
    CpuReport, DriverSettings, FreeSpace, InterfaceReport, KernelReport, MemoryReport, NoInterface,
    XdpReport, XdpUnavailable,
};
use vesta_runner::streams_bytes;

fn good_host() -> HostReport {
    HostReport {
        kernel: KernelReport {
            release: "6.12.0".to_owned(),
            io_uring: Ok(()),
            io_uring_disabled: None,
            gso: Ok(()),
            gro: Ok(()),
            napi_id: Ok(()),
            xdp: Ok(()),
        },
        cpu: CpuReport {
            online: (0..8).collect(),
            allowed: (0..8).collect(),
            isolated: vec![2, 3, 4, 5],
            nohz_full: vec![2, 3, 4, 5],
            governor: Some("performance".to_owned()),
            clock_source: Some("tsc".to_owned()),
            clock_sources: vec!["tsc".to_owned(), "hpet".to_owned()],
            is_tsc_steady: true,
        },
        memory: MemoryReport {
            hugepages: 64,
            hugepages_free: 64,
            transparent: Some("madvise".to_owned()),
            lock_max_bytes: None,
            receive_buffer_max_bytes: Some(4 << 20),
            send_buffer_max_bytes: Some(4 << 20),
            swaps: 0,
        },
        interface: Ok(InterfaceReport {
            name: "eth0".to_owned(),
            is_up: true,
            has_multicast: true,
            mtu_bytes: 1_500,
            driver: Some("ena".to_owned()),
            receive_ring: Some((4_096, 4_096)),
            ..InterfaceReport::default()
        }),
    }
}

fn bad_host() -> HostReport {
    let refused = || Err("refused".to_owned());
    let mut host = good_host();
    host.kernel = KernelReport {
        release: "5.4.0".to_owned(),
        io_uring: refused(),
        io_uring_disabled: Some(2),
        gso: refused(),
        gro: refused(),
        napi_id: refused(),
        xdp: refused(),
    };
    host.cpu = CpuReport {
        online: vec![0, 1, 2],
        allowed: vec![0, 1],
        isolated: Vec::new(),
        nohz_full: Vec::new(),
        governor: Some("powersave".to_owned()),
        clock_source: Some("hpet".to_owned()),
        ..host.cpu
    };
    host.memory = MemoryReport {
        hugepages: 0,
        hugepages_free: 0,
        transparent: Some("always".to_owned()),
        lock_max_bytes: Some(64 << 10),
        receive_buffer_max_bytes: Some(4_096),
        send_buffer_max_bytes: Some(100_000),
        swaps: 1,
    };
    let interface = host.interface.as_mut().expect("made up");
    interface.is_up = false;
    interface.has_multicast = false;
    interface.mtu_bytes = 1_400;
    interface.receive_ring = Some((256, 4_096));
    host
}

fn space(free_bytes: u64, is_memory: bool) -> (PathBuf, io::Result<FreeSpace>) {
    (PathBuf::from("/dev/shm"), Ok(FreeSpace { free_bytes, is_memory }))
}

fn good_places() -> Places {
    Places { drivers: space(8 << 30, true), counters: space(8 << 30, true) }
}

fn bad_places() -> Places {
    let absent = (PathBuf::from("/nowhere"), Err(io::ErrorKind::NotFound.into()));
    Places { drivers: space(1 << 20, true), counters: absent }
}

/// With a driver for each role, and no xdp; what its process may use and what is isolated can be pinned to.
fn examine_on(config: &Config, host: &HostReport, places: &Places) -> Vec<Finding> {
    let cores = host.cpu.allowed.iter().chain(&host.cpu.isolated).copied().collect();
    let here = Here { cores, ..Here::of(config, []) };
    examine(config, host, &TransportReport::default(), places, &here)
}

fn config(text: &str) -> Config {
    Config::parse(text, "test").expect("a good configuration")
}

/// An appliance: spins, with a CPU for each role.
const APPLIANCE: &str = "[transport]\ndatapath = \"uring\"\nidle = \"spin\"\n[cores]\n\
                         gateway = \"2\"\nsequencer = \"3\"\nengine = \"4\"\nmd_publisher = \"5\"\n";

fn states(findings: &[Finding]) -> BTreeMap<(&str, &str), State> {
    findings.iter().map(|f| ((f.name, f.value.as_str()), f.state)).collect()
}

#[test]
fn a_good_host_is_good_for_both() {
    for text in ["", APPLIANCE] {
        let findings = examine_on(&config(text), &good_host(), &good_places());
        assert_eq!(worst(&findings), State::Ok, "{}", to_text(&findings));
        assert!(findings.iter().all(|finding| finding.why.is_empty() && finding.fix.is_none()));
    }
}

/// `isolcpus` takes the roles' CPUs out of the mask of every login shell, and no role is hindered by that.
#[test]
fn a_shell_without_the_isolated_cpus_finds_a_good_host() {
    let mut host = good_host();
    host.cpu.allowed = vec![0, 1, 6, 7];
    let findings = examine_on(&config(APPLIANCE), &host, &good_places());
    assert_eq!(worst(&findings), State::Ok, "{}", to_text(&findings));
    // Those to which roles are pinned count beside them.
    let cpus = findings.iter().find(|finding| finding.name == "CPUs").expect("always there");
    assert!(cpus.value.starts_with("8 for "), "{}", cpus.value);
}

/// The same on this machine, as `taskset` has it: whoever has the first CPU only can pin to the last one.
#[test]
fn a_cpu_that_can_be_pinned_to_is_no_failure_and_another_is() {
    let all: Vec<usize> = Here::of(&config(""), []).cores.into_iter().collect();
    let (first, last) = (all[0], *all.last().expect("at least one"));
    let found = move |core: usize| {
        let config = config(&format!("[cores]\nengine = \"{core}\"\n"));
        let mut host = HostReport::probe(&config.transport.interface);
        assert_eq!(host.cpu.allowed, [first]);
        // One that is on, and not for this process: what a container's looks like.
        host.cpu.online.push(last + 1);
        let here = Here::of(&config, []);
        let transport = TransportReport::default();
        let found = examine(&config, &host, &transport, &good_places(), &here);
        found.into_iter().find(|finding| finding.name == "core").expect("one has a CPU")
    };
    std::thread::spawn(move || {
        pin(Some(first)).expect("it can be had");
        let engine = found(last);
        assert!(engine.state < State::Fail, "{engine:?}");
        let engine = found(last + 1);
        assert_eq!(engine.state, State::Fail, "{engine:?}");
        assert!(engine.why.contains(&format!("can be pinned to CPU {}", last + 1)), "{engine:?}");
    })
    .join()
    .expect("no panic");
}

#[test]
fn what_a_laptop_lacks_is_no_warning_there() {
    let mut host = good_host();
    host.memory.hugepages_free = 0;
    host.cpu.governor = Some("powersave".to_owned());
    host.memory.lock_max_bytes = Some(64 << 10);
    let worst_of = |text| worst(&examine_on(&config(text), &host, &good_places()));
    assert_eq!((worst_of(""), worst_of(APPLIANCE)), (State::Ok, State::Warn));
}

#[test]
fn a_bad_host_fails_where_roles_would_not_start() {
    let text =
        APPLIANCE.replace("\"2\"", "\"1\"").replace("md_publisher = \"5\"", "md_publisher = \"1\"");
    let findings = examine_on(&config(&text), &bad_host(), &bad_places());
    let states = states(&findings);
    let failed: Vec<_> = states
        .iter()
        .filter(|(_, state)| **state == State::Fail)
        .map(|((name, value), _)| if *name == "core" { *value } else { *name })
        .collect();
    let expected = [
        "engine on 4",
        "md-publisher on 1",
        "sequencer on 3",
        "driver directory",
        "interface",
        "io_uring",
        "multicast",
        "rmem_max",
    ];
    assert_eq!(failed, expected, "{}", to_text(&findings));
    for finding in findings.iter().filter(|finding| finding.state > State::Ok) {
        assert!(!finding.why.is_empty(), "{finding:?}");
        assert!(finding.fix.is_some() || finding.knob.is_some(), "no way out: {finding:?}");
    }
    let json = to_json(&findings);
    assert_eq!((&json["verdict"], &json["fail"]), (&"fail".into(), &8.into()));
    let with_fix = json["findings"].as_array().expect("a list");
    let uring = with_fix.iter().find(|f| f["name"] == "io_uring").expect("there");
    assert_eq!(uring["fix"], "sysctl -w kernel.io_uring_disabled=0");
    assert_eq!(uring["knob"], "transport.datapath = \"uring\"");
}

#[test]
fn the_same_kernel_is_a_warning_for_auto_and_fine_for_socket() {
    let mut host = good_host();
    host.kernel.io_uring = Err("too old".to_owned());
    let state_for = |datapath: &str| {
        let config = config(&format!("[transport]\ndatapath = \"{datapath}\"\n"));
        worst(&examine_on(&config, &host, &good_places()))
    };
    let states = [state_for("socket"), state_for("auto"), state_for("uring")];
    assert_eq!(states, [State::Ok, State::Warn, State::Fail]);
}

#[test]
fn an_interface_that_is_missing_fails() {
    let mut host = good_host();
    host.interface = Err(NoInterface { wanted: "10.0.0.5".to_owned(), found: "lo".to_owned() });
    let findings = examine_on(&config(""), &host, &good_places());
    assert_eq!(worst(&findings), State::Fail);
    assert!(to_text(&findings).contains("fix: ip -br addr (package iproute2)"));
}

fn state_of(findings: &[Finding], name: &str) -> State {
    let mut named = findings.iter().filter(|finding| finding.name == name);
    named.next().unwrap_or_else(|| panic!("no {name}: {findings:#?}")).state
}

#[test]
fn the_interface_of_xdp_is_looked_at_and_a_fallback_makes_it_a_warning() {
    let interface = || "eth1".to_owned();
    let refused = [
        (
            XdpUnavailable::Loopback { interface: "lo".to_owned() },
            "transport.xdp_interface = \"eth1\"",
        ),
        (XdpUnavailable::Down { interface: interface() }, "transport.xdp_interface = \"eth1\""),
        (
            XdpUnavailable::NotPermitted {
                what: "the program can not be loaded",
                source: io::ErrorKind::PermissionDenied.into(),
            },
            "transport.datapath = \"xdp\"",
        ),
        (
            XdpUnavailable::Queues { interface: interface(), wanted: 8, has: 4 },
            "transport.xdp_queue_count = 8",
        ),
    ];
    let config_with = |fallback: &str| {
        config(&format!(
            "[transport]\ndatapath = \"xdp\"\nxdp_interface = \"eth1\"\nxdp_queue_count = 8\n\
             xdp_fallback = \"{fallback}\"\n"
        ))
    };
    for (refusal, knob) in refused {
        let why = refusal.to_string();
        let transport = TransportReport { xdp: Some(Err(refusal)), ..TransportReport::default() };
        for (fallback, state) in [("exit", State::Fail), ("socket", State::Warn)] {
            let config = config_with(fallback);
            let findings =
                examine(&config, &good_host(), &transport, &good_places(), &Here::default());
            assert_eq!(worst(&findings), state, "{why}");
            let finding = findings.iter().find(|f| f.name == "xdp interface").expect("looked at");
            assert_eq!((finding.why.as_str(), finding.knob.as_deref()), (&*why, Some(knob)));
        }
    }
    let report = |payload_bytes_max| XdpReport {
        interface: interface(),
        driver: "ena".to_owned(),
        queue_count: 4,
        queue_count_max: 4,
        payload_bytes_max,
    };
    for (payload_bytes_max, state) in [(1_472, State::Ok), (1_000, State::Warn)] {
        let xdp = Some(Ok(report(payload_bytes_max)));
        let transport = TransportReport { xdp, ..TransportReport::default() };
        let findings = examine(
            &config_with("exit"),
            &good_host(),
            &transport,
            &good_places(),
            &Here::default(),
        );
        assert_eq!(worst(&findings), state, "{}", to_text(&findings));
    }
    // A kernel without AF_XDP.
    let mut host = good_host();
    host.kernel.xdp = Err("refused".to_owned());
    for (fallback, state) in [("exit", State::Fail), ("socket", State::Warn)] {
        let findings = examine_on(&config_with(fallback), &host, &good_places());
        assert_eq!(state_of(&findings, "AF_XDP"), state);
    }
}

#[test]
fn this_host_is_asked_for_the_interface_of_xdp() {
    let of = |text: &str| TransportReport::of(&config(text)).xdp;
    assert!(of("").is_none());
    // It stands for transport.interface, which is loopback.
    let refused = of("[transport]\ndatapath = \"xdp\"\n").expect("asked").expect_err("loopback");
    assert!(matches!(refused, XdpUnavailable::Loopback { .. }), "{refused}");
    let other = "[transport]\ndatapath = \"xdp\"\nxdp_interface = \"nothing0\"\n";
    let refused = of(other).expect("asked").expect_err("there is none");
    assert!(refused.to_string().contains("nothing0"), "{refused}");
}

#[test]
fn threads_are_counted_by_who_drives() {
    let count = |threading: &str, driver: &str| {
        let text = format!(
            "[transport]\nidle = \"spin\"\nthreading = \"{threading}\"\ndriver = \"{driver}\"\n"
        );
        let findings = examine_on(&config(&text), &good_host(), &good_places());
        let cpus = findings.iter().find(|f| f.name == "CPUs").expect("always there");
        let count = cpus.value.split(' ').nth(4).and_then(|word| word.parse::<usize>().ok());
        (count.unwrap_or_else(|| panic!("{}", cpus.value)), cpus.state)
    };
    assert_eq!(count("invoker", "embedded"), (4, State::Ok));
    assert_eq!(count("shared", "embedded"), (8, State::Ok));
    assert_eq!(count("dedicated", "embedded"), (16, State::Warn));
    assert_eq!(count("invoker", "shared"), (5, State::Ok));
    assert_eq!(count("shared", "shared"), (5, State::Ok));
    assert_eq!(count("dedicated", "shared"), (7, State::Ok));
}

#[test]
fn a_shared_driver_is_looked_at_instead_of_room_for_many() {
    let config = config("[transport]\ndriver = \"shared\"\ndriver_directory = \"/nowhere/d\"\n");
    // What is there, whether it is good, and whether room is looked for.
    let ours = SharedReport { pid: Some(4_711), datapath: Some("uring".to_owned()) };
    let stock = SharedReport { pid: None, datapath: None };
    let cases = [
        (Ok(ours), State::Ok, false),
        (Ok(stock), State::Warn, false),
        (Err("no driver runs in /nowhere/d".to_owned()), State::Fail, true),
    ];
    for (shared, state, looks_for_room) in cases {
        let transport = TransportReport { shared: Some(shared), ..TransportReport::default() };
        let findings = examine(&config, &good_host(), &transport, &good_places(), &Here::default());
        assert_eq!(state_of(&findings, "shared driver"), state, "{findings:#?}");
        assert_eq!(worst(&findings), state);
        assert_eq!(findings.iter().any(|f| f.name == "driver directory"), looks_for_room);
    }
    let report = TransportReport::of(&config);
    let why = report.shared.expect("asked").expect_err("nobody is there");
    assert!(why.contains("no driver runs in /nowhere/d"), "{why}");
    assert_eq!(Places::of(&config).drivers.0, Path::new("/nowhere"));
}

#[test]
fn room_is_what_the_drivers_themselves_reckon_with() {
    let bytes = |text: &str| places::driver_bytes(&config(text));
    let base = DriverSettings::new("doctor").base_bytes() as u64;
    let of = |role| streams_bytes(&config(""), role);
    let roles = ["gateway", "sequencer", "engine", "md-publisher"].map(of);
    assert_eq!(bytes(""), 4 * base + roles.iter().sum::<u64>());
    assert_eq!(bytes("[transport]\ndriver = \"shared\"\n"), base + of("driver"));
}

#[test]
fn this_host_is_described() {
    let config = Config::default();
    let host = HostReport::probe(&config.transport.interface);
    let findings = examine(
        &config,
        &host,
        &TransportReport::of(&config),
        &Places::of(&config),
        &Here::default(),
    );
    let text = to_text(&findings);
    for name in ["kernel", "io_uring", "interface", "MTU", "governor", "hugepages", "rmem_max"] {
        assert!(text.contains(name), "{text}");
    }
    println!("{text}");
}

/// The stages that there are: each is a file of `tuning/stages`.
fn stages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tuning/stages");
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_suffix(".sh").map(str::to_owned)).collect()
}

/// A user who copies `vesta-tune apply --stage NAME` must find that there is such a stage.
#[test]
fn every_stage_that_is_named_exists() {
    let text = APPLIANCE.replace("\"2\"", "\"0\"").replace("\"3\"", "\"2\"");
    let findings = examine_on(&config(&text), &bad_host(), &bad_places());
    let named: BTreeSet<&str> = findings.iter().filter_map(|f| f.stage).collect();
    let expected = ["cmdline", "cpu", "hugepages", "limits", "mtu", "rings", "sockets", "thp"];
    assert_eq!(named.iter().copied().collect::<Vec<_>>(), expected);
    let there = stages();
    for stage in &named {
        assert!(there.iter().any(|known| known == stage), "no tuning/stages/{stage}.sh: {there:?}");
    }
    let text = to_text(&findings);
    assert!(text.contains("fix: vesta-tune apply --stage sockets\n"), "{text}");
    assert!(text.contains("by hand: sysctl -w net.core.rmem_max="), "{text}");
    let last = text.lines().last().expect("a summary");
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let [ok, warn, fail] = [State::Ok, State::Warn, State::Fail].map(count);
    assert_eq!(last, format!("{ok} ok, {warn} to look at, {fail} to mend"));
}

#[test]
fn an_address_that_a_role_must_own_is_this_hosts() {
    let at = |config: &Config, here: &Here| -> Vec<(String, State)> {
        let found = addresses::findings(config, here).into_iter();
        found.map(|finding| (finding.knob.unwrap_or_default(), finding.state)).collect()
    };
    // All on loopback, which is everybody's.
    let plain = config("[transport]\nmode = \"mdc\"\n");
    assert!(at(&plain, &Here::of(&plain, Role::ALL)).iter().all(|(_, state)| *state == State::Ok));
    // The sequencer takes orders here, and would take its readers on another host.
    let torn =
        "[transport]\nmode = \"mdc\"\n[streams.input_log]\ncontrol = \"198.51.100.7:24120\"\n";
    let torn = config(torn);
    let failed: Vec<_> =
        at(&torn, &Here::of(&torn, [])).into_iter().filter(|(_, s)| *s == State::Fail).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].0, "streams.input_log.control = \"198.51.100.7:24120\"");
    // An engine of another host is no concern of this one, until it is to run here.
    let far =
        "[transport]\nmode = \"mdc\"\n[streams.event_log]\ncontrol = \"198.51.100.7:24130\"\n";
    let far = config(far);
    let count = |roles: &[Role]| {
        let found = at(&far, &Here::of(&far, roles.iter().copied()));
        found.iter().filter(|(_, state)| *state == State::Fail).count()
    };
    assert_eq!((count(&[]), count(&[Role::Sequencer]), count(&[Role::Engine])), (0, 0, 1));
    // With multicast nobody signs up, and nothing is asked of the address.
    let multicast = "[streams.event_log]\ncontrol = \"198.51.100.7:24130\"\n";
    let multicast = config(multicast);
    assert!(at(&multicast, &Here::of(&multicast, Role::ALL)).iter().all(|(_, s)| *s == State::Ok));
    let metrics = config("[metrics]\naddress = \"198.51.100.7\"\n");
    let found = at(&metrics, &Here::of(&metrics, []));
    assert!(found.contains(&("metrics.address = \"198.51.100.7\"".to_owned(), State::Fail)));
}
