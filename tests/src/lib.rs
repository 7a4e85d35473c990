//! What the tests of this package share: where things are, and how to say that something can not
//! run here.

pub mod client;
pub mod consumers;
pub mod metrics;
pub mod netns;
pub mod roles;
pub mod running;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout")
}

/// Runs a program in the root of the checkout and returns what it wrote to stdout.
///
/// # Panics
/// When it does not run or does not succeed; the message holds what it wrote to stderr.
#[must_use]
pub fn run(program: &str, args: &[&str]) -> String {
    let out = Command::new(program)
        .args(args)
        .current_dir(root())
        .output()
        .unwrap_or_else(|e| panic!("{program} does not run: {e}"));
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {} failed:\n{stderr}", args.join(" "));
    String::from_utf8(out.stdout).unwrap_or_else(|e| panic!("{program} wrote no UTF-8: {e}"))
}

/// Runs the cargo that runs this test, as [`run`] does; never touches the network or `Cargo.lock`.
#[must_use]
pub fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    run(&cargo, &[args, &["--offline", "--locked"]].concat())
}

/// The packages of the workspace, as `cargo metadata` describes them.
#[must_use]
pub fn packages() -> Vec<Value> {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo metadata writes JSON");
    metadata["packages"].as_array().expect("metadata lists packages").clone()
}

/// The files of the repository: those that git tracks, and new ones that it does not ignore. Paths
/// are relative to [`root`].
#[must_use]
pub fn files() -> Vec<String> {
    run("git", &["ls-files", "--cached", "--others", "--exclude-standard"])
        .lines()
        .filter(|file| root().join(file).is_file())
        .map(str::to_owned)
        .collect()
}

/// The text of a file of the repository; `None` when it is no text.
///
/// # Panics
/// When the file can not be read.
#[must_use]
pub fn read(file: &str) -> Option<String> {
    let bytes = std::fs::read(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    String::from_utf8(bytes).ok()
}

/// A binary of the same profile as this test, as `cargo build --workspace --bins` left it; cargo
/// builds no binaries of other packages for a test, so `make test` does so first.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let path = profile.join(name);
    assert!(path.is_file(), "{} is not there: cargo build --workspace --bins", path.display());
    path
}

/// The folder of real order flow (`VESTA_DATA`, by default `../shared/data` beside the checkout).
/// Where it is absent this prints the SKIP line of `test` and returns `None`; the test returns.
/// Such tests are named `real_data_*` (see `tests/allowed-skips.toml`).
#[must_use]
pub fn real_data(test: &str) -> Option<PathBuf> {
    let data =
        std::env::var_os("VESTA_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    if data.is_dir() {
        return Some(data);
    }
    println!("SKIP {test}: {} (VESTA_DATA) is not there", data.display());
    None
}
