//! Holds the workspace to the dependency graph of `docs/architecture.md`: an edge that is not in
//! the table below fails, and so does a crate that is not in it.
//!
//! ```text
//! types <- wire, matching, model, transport, config <- roles (default features off)
//! hotmem, transport <- netio <- roles' runners (feature `run`), tools
//! sim -> the pure crates and the roles: development only
//! nothing -> tests, benches, tools
//! ```

use std::collections::BTreeSet;

use serde_json::Value;
use vesta_tests::{cargo, files, packages, read};

/// A package and the packages of ours that it may depend on with default features off.
type Rule = (&'static str, &'static [&'static str]);

/// Pure: no feature of theirs may reach the operating system.
const PURE: &[Rule] = &[
    ("vesta-types", &[]),
    ("vesta-wire", &["vesta-types"]),
    ("vesta-matching", &["vesta-types"]),
    ("vesta-model", &["vesta-types"]),
    ("vesta-transport", &["vesta-types"]),
    ("vesta-config", &["vesta-types", "vesta-wire"]),
    ("vesta-replay", &["vesta-types"]),
    ("vesta-workload", &["vesta-types"]),
];

/// State machines, pure while the feature `run` is off. A role never depends on another one: they
/// meet on the wire.
const ROLE_PARTS: &[&str] =
    &["vesta-types", "vesta-wire", "vesta-matching", "vesta-transport", "vesta-config"];
const ROLES: &[Rule] = &[
    ("vesta-sequencer", ROLE_PARTS),
    ("vesta-engine", ROLE_PARTS),
    ("vesta-gateway", ROLE_PARTS),
    ("vesta-md-publisher", ROLE_PARTS),
];

/// The outside world, and what joins everything.
const OUTER: &[Rule] = &[
    ("vesta-hotmem", &[]),
    ("vesta-netio", &["vesta-types", "vesta-transport", "vesta-hotmem"]),
    (
        "vesta-runner",
        &["vesta-types", "vesta-transport", "vesta-config", "vesta-hotmem", "vesta-netio"],
    ),
    ("vesta-engine-abi", &[]),
    (
        "vesta-sim",
        &[
            "vesta-types",
            "vesta-wire",
            "vesta-matching",
            "vesta-model",
            "vesta-transport",
            "vesta-config",
            "vesta-sequencer",
            "vesta-engine",
            "vesta-gateway",
            "vesta-md-publisher",
        ],
    ),
    (
        "vesta-tools",
        &[
            "vesta-types",
            "vesta-wire",
            "vesta-matching",
            "vesta-model",
            "vesta-transport",
            "vesta-config",
            "vesta-engine-abi",
            "vesta-replay",
            "vesta-workload",
            "vesta-hotmem",
            "vesta-netio",
            "vesta-runner",
            "vesta-sequencer",
            "vesta-engine",
            "vesta-gateway",
            "vesta-md-publisher",
        ],
    ),
];

/// May depend on anything, and nothing on them.
const UNBOUND: &[&str] =
    &["vesta-tests", "vesta-interop", "vesta-benches", "vesta-abi-adapter", "vesta-instructions"];

/// Packages that no pure part may reach: clocks, sockets, threads of a runtime, randomness.
const OUTSIDE_WORLD: &[&str] = &[
    "vesta-engine-abi",
    "vesta-hotmem",
    "vesta-netio",
    "vesta-runner",
    "getrandom",
    "io-uring",
    "libloading",
    "mio",
    "nix",
    "quanta",
    "rand",
    "rusteron-media-driver",
    "signal-hook",
    "socket2",
    "tokio",
    "xdp",
];

/// Where an asynchronous runtime may be.
const TOKIO_ALLOWED: &[&str] = &["vesta-gateway", "vesta-relayer", "vesta-tools", "vesta-tests"];

/// Crates that allow unsafe code in what ships, with the argument.
const UNSAFE_ISLANDS: &[(&str, &str)] = &[
    (
        "vesta-netio",
        "rings of io_uring and AF_XDP, bpf, socket options and the C bindings of the Aeron driver",
    ),
    ("vesta-engine-abi", "calls of other engines' C functions, in a process of their own: 0010"),
];

/// Single files of what ships that allow unsafe code, by path, with the argument.
const UNSAFE_FILES: &[(&str, &str)] = &[
    (
        "crates/matching/src/memory.rs",
        "unchecked access to tables: 14 % of all instructions, docs/decisions/0012",
    ),
    (
        "crates/hotmem/src/map.rs",
        "memory from the kernel, as a slice of atomic words: all that the crate needs of it",
    ),
];

/// Test and benchmark targets that allow unsafe code, by path, with the argument.
const UNSAFE_IN_TESTS: &[(&str, &str)] = &[
    ("crates/matching/tests/no_allocation.rs", "a counting allocator has to be one"),
    ("tests/interop/src/lib.rs", "calls a peer in C: one function, compiled beside it"),
    ("crates/netio/tests/support/hosts.rs", "a thread enters a network namespace by setns"),
    ("benches/abi/src/lib.rs", "a C ABI is pointers; it is what a public harness loads"),
];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Dependencies of one package among ours, by kind (`""` is a normal one).
fn own_dependencies(package: &Value) -> Vec<(&str, &str, bool)> {
    let list = package["dependencies"].as_array().expect("metadata lists dependencies");
    list.iter()
        .filter(|d| text(d, "name").starts_with("vesta-"))
        .map(|d| (text(d, "name"), text(d, "kind"), d["optional"] == true))
        .collect()
}

/// Every package that `package` links or builds with, on any platform, under these feature flags.
fn reached(package: &str, flags: &[&str]) -> BTreeSet<String> {
    let fixed = ["tree", "-p", package, "-e", "normal,build", "--prefix", "none"];
    let tree = cargo(&[&fixed, ["--target", "all"].as_slice(), flags].concat());
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != package).map(str::to_owned).collect()
}

#[test]
fn every_crate_is_in_the_table() {
    let found = packages();
    let found: BTreeSet<&str> = found.iter().map(|p| text(p, "name")).collect();
    let tables = [PURE, ROLES, OUTER].concat();
    let table: BTreeSet<&str> =
        tables.iter().map(|rule| rule.0).chain(UNBOUND.iter().copied()).collect();
    let missing: Vec<_> = table.difference(&found).collect();
    let unknown: Vec<_> = found.difference(&table).collect();
    assert!(missing.is_empty(), "in the table but not in the workspace: {missing:?}");
    assert!(unknown.is_empty(), "in the workspace but not in the table: {unknown:?}");
}

#[test]
fn own_dependencies_follow_the_design() {
    let mut wrong = Vec::new();
    for package in packages() {
        let name = text(&package, "name");
        let tables = [PURE, ROLES, OUTER].concat();
        let Some((_, allowed)) = tables.iter().find(|rule| rule.0 == name) else { continue };
        let pure = PURE.iter().any(|rule| rule.0 == name);
        for (dependency, kind, optional) in own_dependencies(&package) {
            let counts = kind != "dev" && (pure || !optional);
            if counts && !allowed.contains(&dependency) {
                wrong.push(format!("{name} -> {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that the design does not have: {wrong:#?}");
}

#[test]
fn nothing_depends_on_tests_benches_or_tools_and_only_tests_on_sim() {
    let mut wrong = Vec::new();
    for package in packages() {
        let name = text(&package, "name");
        for (dependency, kind, _) in own_dependencies(&package) {
            let outermost = UNBOUND.contains(&dependency) || dependency == "vesta-tools";
            // Tests may use anything: the market-data consumer is one of the tools, and the library
            // of benches/abi is an engine to drive; vesta-tests has what tests of processes share.
            let usable = ["vesta-tools", "vesta-abi-adapter", "vesta-tests"].contains(&dependency);
            let is_tested = UNBOUND.contains(&name) && usable && kind == "dev";
            let outermost = outermost && !is_tested;
            let sim_ships = dependency == "vesta-sim" && kind != "dev";
            if outermost || sim_ships {
                wrong.push(format!("{name} -> {dependency} ({kind})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_parts_do_not_reach_the_outside_world() {
    let mut wrong = Vec::new();
    let rules = PURE
        .iter()
        .map(|rule| (rule.0, "--all-features"))
        .chain(ROLES.iter().map(|rule| (rule.0, "--no-default-features")));
    for (package, flags) in rules {
        for name in reached(package, &[flags]) {
            let outside = OUTSIDE_WORLD.contains(&name.as_str()) || name.starts_with("rusteron");
            if outside {
                wrong.push(format!("{package} {flags} reaches {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tokio_stays_at_the_edges() {
    let mut wrong = Vec::new();
    for package in packages() {
        let name = text(&package, "name");
        if !TOKIO_ALLOWED.contains(&name) && reached(name, &["--all-features"]).contains("tokio") {
            wrong.push(name.to_owned());
        }
    }
    assert!(wrong.is_empty(), "tokio reaches {wrong:?}, and may reach only {TOKIO_ALLOWED:?}");
}

#[test]
fn every_role_is_a_library_with_a_thin_binary_behind_the_feature_run() {
    let packages = packages();
    for (role, _) in ROLES {
        let package = packages.iter().find(|p| text(p, "name") == *role);
        let package = package.unwrap_or_else(|| panic!("{role} is missing"));
        let default = package["features"]["default"].to_string();
        assert_eq!(default, r#"["run"]"#, "default features of {role}");
        let targets = package["targets"].as_array().expect("metadata lists targets");
        let of_kind = |kind: &str| -> Vec<&Value> {
            let has = |t: &&Value| t["kind"].as_array().is_some_and(|k| k.contains(&kind.into()));
            targets.iter().filter(has).collect()
        };
        assert_eq!(of_kind("lib").len(), 1, "{role} has one library");
        let binaries = of_kind("bin");
        let names: Vec<&str> = binaries.iter().map(|t| text(t, "name")).collect();
        assert_eq!(names, [*role], "binaries of {role}");
        let needs = binaries[0]["required-features"].to_string();
        assert_eq!(needs, r#"["run"]"#, "what the binary {role} requires");
    }
}

/// Every place that overrides the workspace's `unsafe_code = "deny"`: the package it is in, and
/// the file. A crate that did not take the workspace's lints would escape this: see
/// `repository_hygiene.rs`.
fn unsafe_overrides() -> Vec<(String, String)> {
    let packages = packages();
    let folder = |p: &Value| -> String {
        let root = vesta_tests::root().to_string_lossy().into_owned();
        let manifest = text(p, "manifest_path").trim_start_matches(&root);
        manifest.trim_start_matches('/').trim_end_matches("Cargo.toml").to_owned()
    };
    let mut found = Vec::new();
    for file in files() {
        let is_manifest = file.ends_with("/Cargo.toml");
        if !(is_manifest || file.ends_with(".rs")) || file == "tests/tests/dependency_graph.rs" {
            continue;
        }
        let comment = if is_manifest { "#" } else { "//" };
        let code = read(&file).unwrap_or_default();
        let mut lines = code.lines().map(str::trim).filter(|line| !line.starts_with(comment));
        if lines.any(|line| line.contains("unsafe_code")) {
            let owner = packages
                .iter()
                .filter(|p| file.starts_with(&folder(p)))
                .max_by_key(|p| folder(p).len())
                .map_or("", |p| text(p, "name"));
            found.push((owner.to_owned(), file));
        }
    }
    found
}

#[test]
fn unsafe_is_allowed_only_where_it_was_argued() {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for (package, file) in unsafe_overrides() {
        let in_tests = ["tests/", "benches/"]
            .iter()
            .any(|d| file.starts_with(d) || file.contains(&format!("/{d}")));
        let argued = if in_tests {
            UNSAFE_IN_TESTS.iter().find(|target| target.0 == file)
        } else {
            let by_file = UNSAFE_FILES.iter().find(|place| place.0 == file);
            by_file.or_else(|| UNSAFE_ISLANDS.iter().find(|island| island.0 == package))
        };
        match argued {
            Some((place, reason)) => {
                println!("unsafe allowed: {file} ({reason})");
                used.insert(*place);
            }
            None => wrong.push(file),
        }
    }
    assert!(wrong.is_empty(), "these allow unsafe code, and nobody argued for it: {wrong:#?}");
    let lists = [UNSAFE_ISLANDS, UNSAFE_FILES, UNSAFE_IN_TESTS].concat();
    let idle: Vec<_> = lists.iter().map(|entry| entry.0).filter(|p| !used.contains(p)).collect();
    assert!(idle.is_empty(), "listed, but they do not allow unsafe code: {idle:?}");
}
