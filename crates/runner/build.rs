//! Names the build: target and profile, and the commit, which a running process can not find out later.
//!
//! `VESTA_COMMIT`, where it is set, is taken as it is: an image is built without the repository. (Reports of
//! measurements say `-dirty` too: tools/build.rs.)

#[path = "build/git.rs"]
mod git;

use git::{follow_head, git};

fn main() {
    let part = |name| std::env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=VESTA_BUILD={} {}", part("TARGET"), part("PROFILE"));
    let told = Some(part("VESTA_COMMIT")).filter(|commit| !commit.is_empty());
    let commit = told.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rustc-env=VESTA_RUNS_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rerun-if-env-changed=VESTA_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/git.rs");
    follow_head();
}
