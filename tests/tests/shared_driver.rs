//! `vesta driver`: the roles as processes on one media driver, and what they say when it is not
//! there, not theirs, or gone.

use std::path::{Path, PathBuf};
use std::process::Command;

use vesta_tests::roles::{Places, ROLES, command};
use vesta_tests::running::{Ended, Running, terminate, wait_for};

/// A configuration at places of its own whose processes share a driver.
fn shared(places: &Places, transport: &str) -> String {
    let directory = directory(places);
    let more =
        format!("driver = \"shared\"\ndriver_directory = \"{}\"\n{transport}", directory.display());
    places.config(&more, "")
}

fn directory(places: &Places) -> PathBuf {
    places.drivers().join("vesta-driver")
}

fn driver(file: &Path) -> Command {
    let mut driver = command("vesta", file);
    driver.args(["--json", "driver"]);
    driver
}

fn start_driver(file: &Path) -> Running {
    let mut running = Running::start("vesta driver", driver(file));
    running.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
    running
}

fn start_roles(file: &Path) -> Vec<Running> {
    let start = |role: &str| Running::start(role, command(&format!("vesta-{role}"), file));
    let mut roles: Vec<_> = ROLES.into_iter().map(start).collect();
    for role in &mut roles {
        role.wait_line("ready", |line| line.ends_with(": ready").then_some(()));
    }
    roles
}

fn flow(places: &Places, file: &Path, first_session: u32) {
    let mut flow = command("vesta", file);
    flow.args(["--json", "flow", "--orders", "2000", "--rate", "4000"])
        .current_dir(places.folder());
    flow.args(["--first-session", &first_session.to_string()]);
    let ended = Running::start("client", flow).end();
    let said = ended.json();
    assert_eq!(ended.code, Some(0), "{said}");
    assert_eq!((&said["answered"], &said["lost"]), (&2_000.into(), &0.into()), "{said}");
}

fn end(running: Running) -> Ended {
    running.terminate();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
    ended
}

/// Roles first: they wait for the driver. They find each other on it in whatever order they come,
/// by multicast and by MDC, on whatever datapath and threads it has.
#[test]
fn the_roles_trade_through_one_driver() {
    let set_ups = [
        ("mode = \"multicast\"\ndatapath = \"uring\"\nthreading = \"invoker\"", "uring"),
        ("mode = \"mdc\"\ndatapath = \"socket\"\nthreading = \"shared\"", "socket"),
    ];
    for (transport, datapath) in set_ups {
        let places = Places::claim();
        let file = places.write(&shared(&places, transport));
        let mut early = Running::start("gateway", command("vesta-gateway", &file));
        let driver = start_driver(&file);
        early.wait_line("that it found the driver", |line| {
            line.contains("streams are open").then_some(())
        });
        end(early);

        let roles = start_roles(&file);
        let mut consumer = command("vesta", &file);
        consumer.args(["--json", "md"]);
        let mut consumer = Running::start("consumer", consumer);
        consumer.wait_line("live", |line| line.contains("books are live").then_some(()));
        flow(&places, &file, 1);
        for role in &roles {
            let lines = role.stderr();
            let named = format!("datapath {datapath}");
            assert!(
                lines.iter().any(|l| l.contains("shared media driver in ") && l.contains(&named)),
                "{lines:?}"
            );
        }
        let books = end(consumer).json();
        assert_eq!(books["live"], true, "{books}");
        terminate(&roles.iter().collect::<Vec<_>>());
        for role in roles {
            let ended = role.end();
            assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
        }
        let ended = end(driver);
        assert_eq!(ended.json()["datapath"], datapath);
        assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
    }
}

/// The demo is two clients of the one driver.
#[test]
fn the_demo_runs_on_a_shared_driver() {
    let places = Places::claim();
    let file = places.write(&shared(&places, ""));
    let driver = start_driver(&file);
    let demo = |arguments: &[&str]| {
        let mut demo = command("vesta", &file);
        demo.args(["demo", "--orders", "4000", "--json"]).args(arguments);
        demo.current_dir(places.folder());
        Running::start("demo", demo).end()
    };
    let ended = demo(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr.join("\n"));
    let refused = demo(&["--md-loss", "0.5"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.reason().contains("transport.driver = \"embedded\""), "{refused:?}");
    end(driver);
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

/// Runs a role that must not start, and returns its last words.
fn refused(program: Command) -> String {
    let ended = Running::start("the program", program).end();
    let words = ended.stderr.join("\n");
    assert_eq!(ended.code, Some(2), "{words}");
    assert!(!words.contains("panic"), "{words}");
    words
}

#[test]
fn a_driver_that_is_not_there_or_does_not_fit_is_named() {
    let places = Places::claim();
    let text = shared(&places, "driver_wait_max_ms = 100");
    let file = places.write(&text);
    let words = refused(command("vesta-engine", &file));
    for needle in ["no driver runs in", "waited for 100 ms", "vesta driver", "transport.driver"] {
        assert!(words.contains(needle), "no {needle:?} in {words}");
    }

    // A place where somebody keeps something.
    let precious = directory(&places).join("precious");
    std::fs::create_dir_all(directory(&places)).expect("a directory");
    std::fs::write(&precious, "x").expect("written");
    let words = refused(driver(&file));
    for needle in ["transport.driver_directory = ", "precious", "name another directory"] {
        assert!(words.contains(needle), "no {needle:?} in {words}");
    }
    std::fs::remove_file(&precious).expect("it is still there");

    let mut running = start_driver(&file);
    // A second one at the same place.
    let words = refused(driver(&file));
    let pid = running.pid().to_string();
    for needle in ["transport.driver_directory = ", "is in use", &pid, "name another directory"] {
        assert!(words.contains(needle), "no {needle:?} in {words}");
    }
    // Clients that count on something else.
    let other = text.replace("driver = \"shared\"", "driver = \"shared\"\nmtu_bytes = 8192");
    let words = refused(command("vesta-engine", &places.write(&other)));
    for needle in ["does not fit", "transport.mtu_bytes is 1408 there, and 8192 here"] {
        assert!(words.contains(needle), "no {needle:?} in {words}");
    }
    assert!(running.is_running());
    end(running);
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

/// Killed: its clients end at once, with the reason; the next driver clears the place, and the venue
/// runs again. Ended in good order: the same reason.
#[test]
fn who_shares_a_driver_ends_when_it_does() {
    let places = Places::claim();
    let file = places.write(&shared(&places, ""));
    for is_killed in [true, false] {
        let driver = start_driver(&file);
        let roles = start_roles(&file);
        let host = format!("process {}", driver.pid());
        if is_killed {
            driver.kill();
        } else {
            end(driver);
        }
        for role in roles {
            let name = role.name().to_owned();
            let ended = role.end();
            assert_eq!(ended.code, Some(1), "{name}: {}", ended.stderr.join("\n"));
            let said = ended.stderr.join("\n");
            assert!(said.contains("the shared media driver is gone"), "{name}: {said}");
            assert!(said.contains(&host), "{name}: {said}");
        }
    }
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}

/// Somebody's set-up frame asks for 1 GiB terms: it is dropped, and the driver says so at once.
#[test]
fn what_the_gate_keeps_out_is_said() {
    let places = Places::claim();
    let file = places.write(&shared(&places, ""));
    let mut driver = start_driver(&file);
    let mut sequencer = Running::start("sequencer", command("vesta-sequencer", &file));
    sequencer.wait_line("open streams", |line| line.ends_with("streams are open").then_some(()));
    let mut setup = [0_u8; 40];
    setup[0] = 40;
    setup[6] = 0x05;
    setup[28..32].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    stranger.send_to(&setup, places.orders()).expect("sent");
    let expected = "1 set-up frames above transport.setup_term_length_max_bytes";
    driver.wait_line("what it dropped", |line| line.contains(expected).then_some(()));
    // The driver's counters file has it, and nobody else's; doctor finds the driver.
    let vesta = |arguments: &[&str]| {
        let mut vesta = command("vesta", &file);
        vesta.args(arguments);
        Running::start("vesta", vesta).end()
    };
    wait_for("the driver to count it", || {
        let json = vesta(&["inspect", "counters", "--json"]).json();
        let roles = json["roles"].as_array().expect("a list");
        let gate = roles.iter().flat_map(|role| {
            let counters = role["counters"].as_array().expect("a list");
            let of_gate = counters.iter().filter(|counter| counter["scope"] == "gate");
            of_gate.map(move |counter| (&role["role"], &counter["name"], &counter["value"]))
        });
        let names = ["unlisted_sources", "long_terms", "long_mtus", "excess_readers"];
        let gate: Vec<_> = gate.collect();
        assert!(gate.iter().all(|(role, ..)| *role == "driver"), "{gate:?}");
        let has = |name: &str, value: u64| gate.iter().any(|g| *g.1 == name && *g.2 == value);
        (gate.len() == names.len() && has("long_terms", 1)).then_some(())
    });
    let doctor = vesta(&["doctor"]);
    let pid = format!("of process {}", driver.pid());
    let words = doctor.stdout.join("\n");
    assert_eq!(doctor.code, Some(0), "{words}");
    assert!(words.contains("shared driver") && words.contains(&pid), "{words}");
    end(sequencer);
    let ended = end(driver).json();
    assert_eq!(ended["dropped"]["long_terms"], 1, "{ended}");
    let doctor = vesta(&["doctor"]);
    let words = doctor.stdout.join("\n");
    assert_eq!(doctor.code, Some(1), "{words}");
    assert!(words.contains("no driver runs in"), "{words}");
    assert_eq!(places.leftovers(), Vec::<PathBuf>::new());
}
