//! Names the commit, which the head of every report needs and a binary can not find out later.

#[path = "../crates/runner/build/git.rs"]
mod git;

use git::{follow_head, git};

fn main() {
    let commit = git(&["describe", "--always", "--dirty", "--exclude=*"]);
    println!("cargo::rustc-env=VESTA_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=../crates/runner/build/git.rs");
    follow_head();
}
