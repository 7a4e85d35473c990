//! What git says of the checkout that is built: shared by the build scripts that name the commit.

use std::process::Command;

/// The answer of `git`; `None` where there is no repository, or no git.
pub fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?.trim().to_owned();
    (out.status.success() && !text.is_empty()).then_some(text)
}

/// Has the build script run again when the commit is another: HEAD moves with a checkout, its log with a
/// commit.
pub fn follow_head() {
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}
