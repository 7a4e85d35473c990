//! Names the build: target and profile, and the commit, which a running process can not find out later.
//!
//! `VESTA_COMMIT`, where it is set, is taken as it is: an image is built without the repository. (Reports of
//! measurements say `-dirty` too: tools/build.rs.)

use std::process::Command;

fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}

fn main() {
    let part = |name| std::env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=VESTA_BUILD={} {}", part("TARGET"), part("PROFILE"));
    let told = Some(part("VESTA_COMMIT")).filter(|commit| !commit.is_empty());
    let commit = told.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rustc-env=VESTA_RUNS_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rerun-if-env-changed=VESTA_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    // HEAD moves with a checkout, its log with a commit.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}
