//! Names the build: target and profile, which a report needs and a binary can not find out later.

fn main() {
    let part = |name| std::env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=VESTA_BUILD={} {}", part("TARGET"), part("PROFILE"));
    println!("cargo::rerun-if-changed=build.rs");
}
